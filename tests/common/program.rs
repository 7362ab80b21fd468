//! The programs that Cargo builds from this repository: `http-sd` and `sdctl`.

use std::{env, path::PathBuf};

/// Returns the path of the program of the tests' own package. Cargo builds it before the tests, and names its path.
pub fn built(name: &str) -> PathBuf {
    let file = env::var_os(format!("CARGO_BIN_EXE_{name}"));
    file.unwrap_or_else(|| panic!("{name} is the program of another package: Cargo may not have built it")).into()
}
