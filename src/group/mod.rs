//! The domain: jobs, target groups, leases, shards, selectors, and what makes a group valid. Knows neither AWS nor HTTP.

mod borrowed;
mod fault;
mod label;
mod lease;
mod name;
mod pattern;
mod selector;
mod shard;
mod target;
mod text;
mod together;

pub use borrowed::{StoredGroupRef, TargetGroupRef};
pub use fault::{Fault, InvalidGroup, excerpt};
pub use label::{LabelName, LabelNames};
pub use lease::{EpochSeconds, Lease};
pub use name::{GroupName, Job};
pub use pattern::NotAPattern;
#[cfg(test)]
pub(crate) use selector::PARSED;
pub use selector::{NotASelector, Selectors, TargetSelectors};
pub use shard::{NotAShard, Shard};
pub use target::Target;
pub use text::{Entries, Text};
pub use together::{Kept, Leases};

use std::collections::BTreeMap;

use serde::Serialize;

/// The label that names a group's job when an answer is asked for with `?meta=true`.
pub const META_JOB: &str = "__meta_dynamodb_job";
/// The label that names the group itself when an answer is asked for with `?meta=true`.
pub const META_GROUP: &str = "__meta_dynamodb_group";

/// The label that says of a group that its lease has lapsed, when an answer is asked for with `?meta=true`.
pub const META_LEASE: &str = "__meta_dynamodb_lease";
/// The value of [`META_LEASE`] if it has. Otherwise there is no such label.
pub const LAPSED: &str = "lapsed";

/// A label's name and its value.
pub type Label<'a> = (&'a str, &'a str);

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
