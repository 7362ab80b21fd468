//! The names of tests are short enough to read.

use std::{
    fs,
    path::{Path, PathBuf},
};

use test_support::repository;

/// The most words of a test's name.
const MOST: usize = 8;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// Returns the names of the tests in a Rust file: the functions below a test's attribute, with further attributes between.
fn rust_tests(text: &str) -> Vec<&str> {
    let mut is_test = false;
    let mut names = Vec::new();
    for line in text.lines().map(str::trim) {
        if line == "#[test]" || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some(name) = line.trim_start_matches("async ").strip_prefix("fn ").filter(|_| is_test) {
            names.push(name);
            is_test = false;
        }
    }
    names
}

#[test]
fn test_names_have_at_most_eight_words() {
    let mut long = Vec::new();
    for file in ["src", "sdctl", "tests"].iter().flat_map(|folder| sources(&repository().join(folder))) {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let names = match file.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => rust_tests(&text),
            Some("py") => text.lines().filter_map(|line| line.trim().strip_prefix("def test_")).collect(),
            _ => continue,
        };
        let names = names.into_iter().filter_map(|name| name.split('(').next());
        long.extend(names.filter(|name| name.split('_').count() > MOST).map(str::to_owned));
    }
    assert!(long.is_empty(), "test names of more than {MOST} words: {long:#?}");
}
