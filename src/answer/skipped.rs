//! Broken groups that are left out of an answer.

use std::fmt::{self, Display, Formatter};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::group::InvalidGroup;

/// How many groups are named.
const MOST_NAMED: usize = 16;
/// The most bytes of their names in a header.
const MOST_BYTES: usize = 1024;

/// What stands for itself in a header (RFC 3986, 2.3).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The broken groups that an answer leaves out: how many, and what is wrong with the first of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped {
    count: usize,
    first: Vec<InvalidGroup>,
}

impl Skipped {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds a group. Groups are added in the order in which they would be served.
    pub(super) fn add(&mut self, invalid: &InvalidGroup) {
        self.count += 1;
        if self.first.len() < MOST_NAMED {
            self.first.push(invalid.clone());
        }
    }

    /// The groups as `job/group` with commas between them, both percent-encoded, as far as they fit a header, and `… more`
    /// for the rest. `None` if there are none.
    #[must_use]
    pub fn names(&self) -> Option<String> {
        if self.count == 0 {
            return None;
        }
        let mut text = String::new();
        let mut rest = self.count;
        for InvalidGroup { job, group, .. } in &self.first {
            let name = format!("{}/{}, ", utf8_percent_encode(job, PLAIN), utf8_percent_encode(group, PLAIN));
            if text.len() + name.len() > MOST_BYTES {
                break;
            }
            text.push_str(&name);
            rest -= 1;
        }
        Some(if rest > 0 { format!("{text}{rest} more") } else { text.trim_end_matches(", ").to_owned() })
    }
}

/// What is wrong with the first of them, and how many more there are.
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
    fn groups_are_named_whatever_is_in_their_names() {
        assert_eq!(names(&[]), None);
        assert_eq!(names(&[("a", "9"), ("b", "1"), ("b", "2")]).unwrap(), "a/9, b/1, b/2");
        assert_eq!(
            names(&[("a/b,c", "d e\r\né\u{0}\"%")]).unwrap(),
            "a%2Fb%2Cc/d%20e%0D%0A%C3%A9%00%22%25",
            "it is one group"
        );
    }

    #[test]
    fn as_many_are_named_as_fit_and_the_rest_is_counted() {
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
