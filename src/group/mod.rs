//! The domain: jobs, target groups, leases, shards, selectors and their validation. This module knows neither AWS nor
//! HTTP.

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
pub use name::{GroupName, Job, URL_SEGMENT};
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

/// The label with the job of a group, in a list requested with `?meta=true`.
pub const META_JOB: &str = "__meta_dynamodb_job";
/// The label with the name of a group, in a list requested with `?meta=true`.
pub const META_GROUP: &str = "__meta_dynamodb_group";

/// The label of a group whose lease has lapsed, in a list requested with `?meta=true`.
pub const META_LEASE: &str = "__meta_dynamodb_lease";
/// The only value of [`META_LEASE`]. A group with an active lease does not have the label.
pub const LAPSED: &str = "lapsed";

/// The name and the value of a label.
pub type Label<'a> = (&'a str, &'a str);

/// Labels by name, sorted so that equal groups have equal JSON.
pub type Labels = BTreeMap<LabelName, String>;

/// Targets with common labels: one element of the list that Prometheus reads.
///
/// Serialises to `{"targets":[…],"labels":{…}}`. Prometheus rejects a whole response for any other key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct TargetGroup {
    /// The targets, in their stored order.
    pub targets: Vec<Target>,
    /// The labels of each target.
    pub labels: Labels,
}

/// A target group with its key and lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredGroup {
    /// The job of the group.
    pub job: Job,
    /// The group's name within its job.
    pub name: GroupName,
    /// The lease of the group.
    pub lease: Lease,
    /// The targets and labels.
    pub group: TargetGroup,
}
