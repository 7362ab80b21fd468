//! Programs that tests use and Cargo does not build.

use std::{
    env,
    io::{self, Write},
    path::PathBuf,
};

use super::repository;

/// Returns the folder into which `make tools` installs programs.
pub fn programs() -> PathBuf {
    repository().join(".tools/bin")
}

/// Returns the programs of this name in the folder of `make tools` and on `PATH`, in this order.
pub fn all(name: &str) -> impl Iterator<Item = PathBuf> {
    let mut folders = vec![programs()];
    folders.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    folders.into_iter().map(move |folder| folder.join(name)).filter(|file| file.is_file())
}

/// Returns a program from the folder of `make tools`, or from `PATH`.
///
/// Without the program the test is skipped and reports that. With `CI=true` the test fails.
pub fn tool(name: &str) -> Option<PathBuf> {
    let found = all(name).next();
    if found.is_none() {
        skip(name);
    }
    found
}

/// Reports that a test is skipped because this program is missing. With `CI=true` the test fails.
pub fn skip(program: &str) {
    let why = format!("SKIPPED: {program} is missing in {} and on PATH: run `make tools`", programs().display());
    assert!(env::var("CI").as_deref() != Ok("true"), "{why}");
    report(&why);
}

/// Prints a line, even while the test passes: `eprintln!` is hidden then.
pub fn report(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
