//! A row as whoever edits the table sees it: with its owner, and also when it is lapsed or broken.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::{Row, Table, TableError, key, write::content};
use crate::group::{EpochSeconds, GroupName, InvalidGroup, Job, LabelNames, Lease, StoredGroup, TargetGroup};

/// The attributes that `sdctl` writes, and by which it knows that nobody else has written meanwhile.
pub(super) const CONTENT: [&str; 5] = ["targets", "labels", "expires_at", "delete_at", "managed_by"];

/// One row.
#[derive(Debug, Clone)]
pub struct Record {
    /// The scrape job.
    pub job: Job,
    /// The group's name within its job.
    pub name: GroupName,
    /// How long the group is served.
    pub lease: Lease,
    /// What is served, or what keeps it from being served.
    pub group: Result<TargetGroup, InvalidGroup>,
    /// The `sdctl apply` set that owns the row.
    pub managed_by: Option<String>,
    /// When `sdctl` last wrote it.
    pub updated_at: Option<EpochSeconds>,
    /// The row's [`CONTENT`] as it was read.
    pub(super) content: HashMap<String, AttributeValue>,
}

impl Record {
    /// The row once that group was written to it for a set.
    #[must_use]
    pub fn after(&self, written: &StoredGroup, set: &str) -> Self {
        let content = content(written, Some(set), EpochSeconds(0)).into_iter();
        let content = content.filter(|(name, _)| CONTENT.contains(name)).map(|(name, value)| (name.to_owned(), value));
        Self {
            lease: written.lease,
            group: Ok(written.group.clone()),
            managed_by: Some(set.to_owned()),
            content: content.collect(),
            ..self.clone()
        }
    }
}

/// What a poll makes of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State<'a> {
    /// It is served.
    Served(&'a TargetGroup),
    /// It is not served any more.
    Lapsed,
    /// It breaks the contract, and with that every answer that it belongs to.
    Invalid(&'a InvalidGroup),
}

impl Record {
    /// What a poll at `now` makes of the row.
    #[must_use]
    pub fn state(&self, now: EpochSeconds) -> State<'_> {
        match &self.group {
            _ if self.lease.lapsed(now) => State::Lapsed,
            Ok(group) => State::Served(group),
            Err(invalid) => State::Invalid(invalid),
        }
    }
}

impl Row {
    /// The whole row, served or not.
    ///
    /// # Errors
    /// [`TableError::Misconfigured`] if the row's key is not ours, so that the table is not one of target groups.
    pub fn record(mut self, names: LabelNames) -> Result<Record, TableError> {
        let (job, name) = self.take_key()?;
        let content = self.0.iter().filter(|(name, _)| CONTENT.contains(&name.as_str()));
        let content = content.map(|(name, value)| (name.clone(), value.clone())).collect();
        let text = |value: AttributeValue| match value {
            AttributeValue::S(text) => Some(text),
            _ => None,
        };
        let managed_by = self.0.remove("managed_by").and_then(text);
        let updated_at = self.0.remove("updated_at");
        let updated_at = updated_at.and_then(|value| EpochSeconds::parse(value.as_n().ok()?).ok());
        let (lease, group) = match self.take_lease() {
            Ok(lease) => (lease, self.take_group(names)),
            Err(fault) => (Lease::default(), Err(fault)),
        };
        let group = group.map_err(|at| at.of(&job, &name));
        Ok(Record { job, name, lease, group, managed_by, updated_at, content })
    }
}

impl Table {
    /// The row of that group, or `None`.
    ///
    /// # Errors
    /// [`TableError`] when the table cannot be read.
    pub async fn record(&self, job: &Job, name: &GroupName, names: LabelNames) -> Result<Option<Record>, TableError> {
        let read = self
            .client
            .get_item()
            .table_name(&self.name)
            .key(key::JOB, AttributeValue::S(job.as_str().to_owned()))
            .key(key::GROUP, AttributeValue::S(name.as_str().to_owned()))
            .consistent_read(self.view.is_consistent())
            .projection_expression(self.view.projection())
            .set_expression_attribute_names(Some(self.view.names()));
        read.send().await?.item.map(|item| Row::new(item).record(names)).transpose()
    }
}
