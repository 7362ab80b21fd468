//! `tests/README.md`, the map of the tests and the code.

use std::fs;

use test_support::repository;

#[test]
fn every_file_in_the_maps_exists() {
    let text = fs::read_to_string(repository().join("tests/README.md")).unwrap();
    let tables = text.lines().filter(|line| line.starts_with('|')).flat_map(|line| line.split('`').skip(1).step_by(2));
    let files = tables.filter(|name| name.contains('/') && !name.contains(' ') && !name.contains("NAME"));
    let (there, missing): (Vec<&str>, Vec<&str>) = files.partition(|file| repository().join(file).exists());
    assert!(missing.is_empty(), "{missing:?}");
    assert!(there.len() > 40, "{there:?}");
}
