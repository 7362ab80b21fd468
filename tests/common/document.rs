//! Tables in `docs/reliability.md` that tests write.

use std::{
    env,
    fmt::Write,
    fs,
    sync::{Mutex, PoisonError},
};

use super::repository;

/// Makes a test write its table.
const WRITE: &str = "HTTP_SD_WRITE_DOCS";

/// Fails if the document contains another table of outcomes, with a row for each fault and a column for each place. With
/// `HTTP_SD_WRITE_DOCS` writes the table instead.
///
/// The table stands between two comments. They contain `name`, and the first one `filter`, which selects the test.
pub fn compare<'a>(name: &str, filter: &str, places: &[&str], rows: impl Iterator<Item = (&'a str, Vec<String>)>) {
    static FILE: Mutex<()> = Mutex::new(());
    let begin = format!("<!-- The {name}: {WRITE}=1 cargo test --test integration {filter} -->\n");
    let end = format!("<!-- The end of the {name} -->\n");
    let table = table(places, rows);
    let _alone = FILE.lock().unwrap_or_else(PoisonError::into_inner);
    let file = repository().join("docs/reliability.md");
    let text = fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(&begin).unwrap();
    let (written, after) = rest.split_once(&end).unwrap();
    if env::var_os(WRITE).is_some() {
        fs::write(&file, [before, &begin, &table, &end, after].concat()).unwrap();
    } else {
        assert_eq!(
            written, table,
            "docs/reliability.md contains another {name}: run this test with {WRITE}=1 to update it"
        );
    }
}

fn table<'a>(places: &[&str], rows: impl Iterator<Item = (&'a str, Vec<String>)>) -> String {
    let mut table = format!("\n| fault | {} |\n|---|{}\n", places.join(" | "), "---|".repeat(places.len()));
    for (fault, outcomes) in rows {
        writeln!(table, "| {fault} | {} |", outcomes.join(" | ")).unwrap();
    }
    table + "\n"
}
