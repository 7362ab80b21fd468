//! The tables of `tests/README.md` and `docs/architecture.md` name existing files.

use std::fs;

use test_support::repository;

#[test]
fn every_file_in_the_maps_exists() {
    for (map, least) in [("tests/README.md", 30), ("docs/architecture.md", 10)] {
        let text = fs::read_to_string(repository().join(map)).unwrap_or_else(|error| panic!("{map}: {error}"));
        let tables = text.lines().filter(|line| line.starts_with('|'));
        let quoted = tables.flat_map(|line| line.split('`').skip(1).step_by(2));
        let files = quoted.filter(|name| name.contains('/') && !name.contains(' ') && !name.contains("NAME"));
        let (found, missing): (Vec<&str>, Vec<&str>) = files.partition(|file| repository().join(file).exists());
        assert!(missing.is_empty(), "{map} names missing files: {missing:?}");
        assert!(found.len() > least, "{map} names too few files: {found:?}");
    }
}
