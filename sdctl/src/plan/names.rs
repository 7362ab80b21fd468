//! Builds the names of new rows.
//!
//! A name consists of the label values, for people, and a hash of the set and all labels. The same set and labels
//! always give the same name, and two sets give different names. Further groups with the same labels get a number:
//! `prod-eu-central-1-3f2a91c4`, `prod-eu-central-1-3f2a91c4-2`.

use std::collections::{HashMap, HashSet};

use http_sd_lambda::group::{Fault, GroupName, Labels};
use sha2::{Digest, Sha256};

/// The most characters of the label values in a name.
const READABLE: usize = 40;

/// Returns the name of a set's first group with these labels.
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

/// Finds names that no row of a job uses.
#[derive(Debug, Default)]
pub(super) struct FreeNames {
    taken: HashSet<String>,
    /// The last number used for each base name.
    numbers: HashMap<String, usize>,
}

impl FreeNames {
    pub(super) fn take(&mut self, name: &GroupName) {
        self.taken.insert(name.as_str().to_owned());
    }

    /// Returns an unused name for another group of a set with these labels.
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
    fn name_contains_label_values_and_a_stable_hash() {
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
    fn numbers_of_equal_labels_skip_used_names() {
        let mut names = FreeNames::default();
        names.take(&GroupName::new("group-959a2e59-2").unwrap());
        let mut next = || names.next("fleet", &Labels::new()).unwrap().into_string();
        assert_eq!([next(), next(), next()], ["group-959a2e59", "group-959a2e59-3", "group-959a2e59-4"]);
    }
}
