//! Programs that tests need and the package does not build.

use std::{
    env,
    io::{self, Write},
    path::PathBuf,
};

use super::repository;

/// The folder that `make tools` puts the programs into.
pub fn programs() -> PathBuf {
    repository().join(".tools/bin")
}

/// A program that `make tools` installs, or that is on the path.
///
/// Without it the test that asks is skipped and says so, except where `CI=true`: there it fails.
pub fn tool(name: &str) -> Option<PathBuf> {
    let mut folders = vec![programs()];
    folders.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    let found = folders.into_iter().map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        let why = format!(
            "SKIPPED: there is no {name}, neither in {} nor on the path; run `make tools`",
            programs().display()
        );
        assert!(env::var("CI").as_deref() != Ok("true"), "{why}");
        // Not `eprintln!`, which a passing test would keep to itself.
        let _ = writeln!(io::stderr(), "{why}");
    }
    found
}
