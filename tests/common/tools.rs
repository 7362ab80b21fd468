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

/// Returns a program from the folder of `make tools`, or from `PATH`.
///
/// Without the program the test is skipped and reports that. With `CI=true` the test fails.
pub fn tool(name: &str) -> Option<PathBuf> {
    let mut folders = vec![programs()];
    folders.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    let found = folders.into_iter().map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        let why = format!("SKIPPED: {name} is missing in {} and on PATH: run `make tools`", programs().display());
        assert!(env::var("CI").as_deref() != Ok("true"), "{why}");
        // `eprintln!` is hidden while a test passes.
        let _ = writeln!(io::stderr(), "{why}");
    }
    found
}
