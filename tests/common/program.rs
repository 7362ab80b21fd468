//! The programs that Cargo builds from this repository: `http-sd` and `sdctl`.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Returns the path of an executable.
///
/// Cargo builds the executables of the tests' own package, and names their paths. It builds the other package's only if
/// it builds both packages.
pub fn built(name: &str) -> PathBuf {
    if let Some(file) = env::var_os(format!("CARGO_BIN_EXE_{name}")) {
        return file.into();
    }
    let test = env::current_exe().unwrap();
    let file = test.ancestors().nth(2).unwrap().join(name);
    assert!(
        is_up_to_date(&file),
        "{} is missing or older than its sources: run the tests with --workspace, which builds it",
        file.display()
    );
    file
}

/// Returns whether an executable exists and is newer than its sources, which Cargo lists in a file beside it.
fn is_up_to_date(executable: &Path) -> bool {
    let modified = |file: &Path| fs::metadata(file).and_then(|metadata| metadata.modified()).ok();
    let (Some(built), Ok(list)) = (modified(executable), fs::read_to_string(executable.with_extension("d"))) else {
        return false;
    };
    // The file is in Makefile syntax: `executable: source source`, with a backslash before a space in a name.
    let (_, sources) = list.trim_end().split_once(": ").unwrap();
    let list = sources.replace("\\ ", "\0");
    let mut sources = list.split(' ').map(|source| source.replace('\0', " "));
    sources.all(|source| modified(source.as_ref()).is_some_and(|at| at <= built))
}
