//! Names for new rows.
//!
//! A name is made of the values of the labels, for people, and a hash of the set and all labels, so that it is always
//! the same, and never that of another set's row. A number follows where several groups have the same labels: `prod-eu-central-1-3f2a91c4`, `prod-eu-central-1-3f2a91c4-2`.

use std::collections::{HashMap, HashSet};

use http_sd_lambda::group::{Fault, GroupName, Labels};
use sha2::{Digest, Sha256};

/// How many characters of the labels' values a name repeats.
const READABLE: usize = 40;

/// The name of a set's first group with those labels.
#[must_use]
pub fn base(set: &str, labels: &Labels) -> String {
    let mut readable = String::new();
    for value in labels.iter().filter(|(name, _)| !name.as_str().starts_with("__")).map(|(_, value)| value) {
        let word: String =
            value.chars().map(|c| if c.is_ascii_alphanumeric() || "._".contains(c) { c } else { '-' }).collect();
        if !readable.is_empty() && !word.is_empty() {
            readable.push('-');
        }
        readable += &word;
    }
    readable.truncate(READABLE);
    let readable = readable.trim_matches('-');
    let mut hash = Sha256::new();
    hash.update(set);
    hash.update([0]);
    for (name, value) in labels {
        hash.update(name.as_str());
        hash.update([0]);
        hash.update(value);
        hash.update([0]);
    }
    let hash = hex::encode(&hash.finalize()[..4]);
    if readable.is_empty() { format!("group-{hash}") } else { format!("{readable}-{hash}") }
}

/// Names that are free in a job.
#[derive(Debug, Default)]
pub(super) struct FreeNames {
    taken: HashSet<String>,
    /// The last number given to each base.
    numbers: HashMap<String, usize>,
}

impl FreeNames {
    pub(super) fn take(&mut self, name: &GroupName) {
        self.taken.insert(name.as_str().to_owned());
    }

    /// A name for one more group of a set with those labels.
    pub(super) fn next(&mut self, set: &str, labels: &Labels) -> Result<GroupName, Fault> {
        let base = base(set, labels);
        let number = self.numbers.entry(base.clone()).or_default();
        loop {
            *number += 1;
            let name = if *number == 1 { base.clone() } else { format!("{base}-{number}") };
            if self.taken.insert(name.clone()) {
                return GroupName::new(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_sd_lambda::group::{LabelName, LabelNames};

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(n, v)| (LabelName::new(*n, LabelNames::Utf8).unwrap(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_name_tells_the_labels_and_is_always_the_same() {
        for (pairs, name) in [
            (labels(&[]), "group-959a2e59"),
            (labels(&[("env", "prod"), ("region", "eu-central-1")]), "prod-eu-central-1-"),
            (labels(&[("__param_module", "http_2xx"), ("team", "shop & more")]), "shop---more-"),
            (labels(&[("a", "é/\u{0}")]), "group-"),
            (labels(&[("a", &"x".repeat(9000))]), &format!("{}-", "x".repeat(40))),
        ] {
            let base = base("fleet", &pairs);
            assert!(base.starts_with(name) && base.len() <= 49 && base.is_ascii(), "{base}");
        }
        assert_ne!(base("", &labels(&[("a", "b")])), base("", &labels(&[("a", ""), ("b", "")])));
        assert_ne!(base("one", &labels(&[])), base("another", &labels(&[])));
    }

    #[test]
    fn groups_with_the_same_labels_are_numbered_around_the_names_that_are_taken() {
        let mut names = FreeNames::default();
        names.take(&GroupName::new("group-959a2e59-2").unwrap());
        let mut next = || names.next("fleet", &Labels::new()).unwrap().into_string();
        assert_eq!([next(), next(), next()], ["group-959a2e59", "group-959a2e59-3", "group-959a2e59-4"]);
    }
}
