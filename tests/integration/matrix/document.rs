//! The matrix in `docs/reliability.md`.

use std::{env, fmt::Write, fs};

use test_support::repository;

use super::outcome::Outcome;

const BEGIN: &str = "<!-- The matrix: HTTP_SD_WRITE_DOCS=1 cargo test --test integration matrix -->\n";
const END: &str = "<!-- The end of the matrix -->\n";
/// Makes the test write the document.
const WRITE: &str = "HTTP_SD_WRITE_DOCS";

/// Returns the outcomes as a table: a row for each fault, a column for each place.
pub(super) fn table<'a>(places: &[&str], rows: impl Iterator<Item = (&'a str, &'a [Outcome])>) -> String {
    let mut table = format!("\n| fault | {} |\n|---|{}\n", places.join(" | "), "---|".repeat(places.len()));
    for (fault, outcomes) in rows {
        let outcomes: Vec<String> = outcomes.iter().map(ToString::to_string).collect();
        writeln!(table, "| {fault} | {} |", outcomes.join(" | ")).unwrap();
    }
    table + "\n"
}

/// Fails if the document contains another table; with `HTTP_SD_WRITE_DOCS` writes the table instead.
pub(super) fn compare(table: &str) {
    let file = repository().join("docs/reliability.md");
    let text = fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    if env::var_os(WRITE).is_some() {
        fs::write(&file, [before, BEGIN, table, END, after].concat()).unwrap();
    } else {
        assert_eq!(
            written, table,
            "docs/reliability.md contains another matrix: run this test with {WRITE}=1 to update it"
        );
    }
}
