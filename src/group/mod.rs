//! The domain: jobs, target groups, leases, shards, selectors, and what makes a group valid. Knows neither AWS nor HTTP.

mod fault;
mod label;
mod lease;
mod name;
mod pattern;
mod selector;
mod shard;
mod target;

pub use fault::{Fault, InvalidGroup, excerpt};
pub use label::{LabelName, LabelNames};
pub use lease::{EpochSeconds, Lease};
pub use name::{GroupName, Job};
pub use pattern::NotAPattern;
pub use selector::{NotASelector, Part, Selectors};
pub use shard::{NotAShard, Shard};
pub use target::Target;

use std::collections::BTreeMap;

use serde::Serialize;

/// The label that names a group's job when an answer is asked for with `?meta=true`.
pub const META_JOB: &str = "__meta_dynamodb_job";
/// The label that names the group itself when an answer is asked for with `?meta=true`.
pub const META_GROUP: &str = "__meta_dynamodb_group";

/// Labels by name. Sorted, so that the same group always gives the same bytes.
pub type Labels = BTreeMap<LabelName, String>;

/// Targets that share their labels: one element of the list that Prometheus reads.
///
/// Serialises to exactly `{"targets":[…],"labels":{…}}`; Prometheus rejects a whole answer for any other key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct TargetGroup {
    /// What to scrape, in the order in which it was stored.
    pub targets: Vec<Target>,
    /// Labels put on each of the targets.
    pub labels: Labels,
}

impl TargetGroup {
    /// Adds the labels that say which row the group came from. They replace labels of the same name.
    pub fn add_meta_labels(&mut self, job: &Job, group: &GroupName) {
        self.labels.insert(LabelName::meta(META_JOB), job.as_str().to_owned());
        self.labels.insert(LabelName::meta(META_GROUP), group.as_str().to_owned());
    }
}

/// A group together with its place in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredGroup {
    /// The scrape job that the group belongs to.
    pub job: Job,
    /// The group's name within its job.
    pub name: GroupName,
    /// How long the group is served.
    pub lease: Lease,
    /// What is served.
    pub group: TargetGroup,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(targets: &[&str], labels: &[(&str, &str)]) -> TargetGroup {
        TargetGroup {
            targets: targets.iter().map(|t| Target::new(*t).unwrap()).collect(),
            labels: labels
                .iter()
                .map(|(name, value)| (LabelName::new(*name, LabelNames::Legacy).unwrap(), (*value).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn a_group_serialises_to_targets_and_labels_and_nothing_else() {
        let cases = [
            (group(&[], &[]), r#"{"targets":[],"labels":{}}"#),
            (
                group(&["b:1", "a:1"], &[("z", "1"), ("a", "\"\u{1}é")]),
                r#"{"targets":["b:1","a:1"],"labels":{"a":"\"\u0001é","z":"1"}}"#,
            ),
        ];
        for (group, json) in cases {
            assert_eq!(serde_json::to_string(&group).unwrap(), json);
        }
    }

    #[test]
    fn meta_labels_replace_stored_ones_of_the_same_name() {
        let mut group = group(&["a:1"], &[(META_JOB, "forged"), ("env", "prod")]);
        group.add_meta_labels(&Job::new("node").unwrap(), &GroupName::new("web").unwrap());
        assert_eq!(
            serde_json::to_string(&group).unwrap(),
            r#"{"targets":["a:1"],"labels":{"__meta_dynamodb_group":"web","__meta_dynamodb_job":"node","env":"prod"}}"#
        );
    }
}
