//! The broken rows that a list leaves out.

use std::fmt::{self, Display, Formatter};

use percent_encoding::utf8_percent_encode;

use crate::group::{InvalidGroup, URL_SEGMENT};

/// The maximum number of rows to name.
const MOST_NAMED: usize = 16;
/// The maximum size of the names in a header, in bytes.
const MOST_BYTES: usize = 1024;

/// The broken rows that a list leaves out: their number, and the faults of the first ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped {
    count: usize,
    first: Vec<InvalidGroup>,
}

impl Skipped {
    /// Returns the number of broken rows.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds a broken row. Rows must come in the order of the list.
    pub(super) fn add(&mut self, invalid: &InvalidGroup) {
        self.count += 1;
        if self.first.len() < MOST_NAMED {
            self.first.push(invalid.clone());
        }
    }

    /// Returns the rows as a comma-separated list of percent-encoded `job/group`, for a header. A last element such as
    /// `3 more` counts the rows that do not fit. Returns `None` without broken rows.
    #[must_use]
    pub fn names(&self) -> Option<String> {
        if self.count == 0 {
            return None;
        }
        let mut text = String::new();
        let mut rest = self.count;
        for InvalidGroup { job, group, .. } in &self.first {
            let name =
                format!("{}/{}, ", utf8_percent_encode(job, URL_SEGMENT), utf8_percent_encode(group, URL_SEGMENT));
            if text.len() + name.len() > MOST_BYTES {
                break;
            }
            text.push_str(&name);
            rest -= 1;
        }
        Some(if rest > 0 { format!("{text}{rest} more") } else { text.trim_end_matches(", ").to_owned() })
    }
}

/// Writes the faults of the first rows and the number of the others.
impl Display for Skipped {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (number, invalid) in self.first.iter().enumerate() {
            write!(f, "{}{invalid}", if number == 0 { "" } else { "; " })?;
        }
        match self.count - self.first.len() {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::Fault;

    fn skipped(groups: impl IntoIterator<Item = (String, String)>) -> Skipped {
        let mut skipped = Skipped::default();
        for (job, group) in groups {
            skipped.add(&InvalidGroup { job, group, field: "targets".into(), fault: Fault::Missing });
        }
        skipped
    }

    fn names(groups: &[(&str, &str)]) -> Option<String> {
        skipped(groups.iter().map(|&(job, group)| (job.into(), group.into()))).names()
    }

    #[test]
    fn names_are_percent_encoded() {
        assert_eq!(names(&[]), None);
        assert_eq!(names(&[("a", "9"), ("b", "1"), ("b", "2")]).unwrap(), "a/9, b/1, b/2");
        assert_eq!(
            names(&[("a/b,c", "d e\r\né\u{0}\"%")]).unwrap(),
            "a%2Fb%2Cc/d%20e%0D%0A%C3%A9%00%22%25",
            "it is one group"
        );
    }

    #[test]
    fn rows_beyond_the_limit_are_counted() {
        let many = skipped((0..1000).map(|i| ("j".to_owned(), format!("{i:04}"))));
        let expected: Vec<String> = (0..MOST_NAMED).map(|i| format!("j/{i:04}, ")).collect();
        assert_eq!(many.names().unwrap(), expected.concat() + "984 more");
        assert_eq!(many.count(), 1000);
        let said = many.to_string();
        assert!(said.starts_with(r#"group "0000" of job "j": targets is missing; group "0001""#), "{said}");
        assert!(said.ends_with(r#"group "0015" of job "j": targets is missing; and 984 more"#), "{said}");
        let long = "é".repeat(1000);
        assert_eq!(names(&[("j", &long)]).unwrap(), "1 more");
        assert_eq!(names(&[("a", "1"), ("b", &long), ("c", "1")]).unwrap(), "a/1, 2 more");
        let longest = skipped((0..MOST_NAMED).map(|i| ("j".repeat(50), format!("{i:050}")))).names().unwrap();
        assert!((900..MOST_BYTES + 32).contains(&longest.len()), "{longest:?}");
    }
}
