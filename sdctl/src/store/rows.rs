//! Reads rows for commands that edit the table: with their owner, and also if expired or broken.

use aws_sdk_dynamodb::types::AttributeValue;
use http_sd_lambda::{
    group::{EpochSeconds, GroupName, InvalidGroup, Job, LabelNames, Lease, StoredGroup, StoredGroupRef, TargetGroup},
    table::{Attributes, Row, TableError, row_key},
};

use super::{
    Store,
    content::{CONTENT, content},
    items::{EDITED, Items, Stream},
};

/// One row.
#[derive(Debug, Clone)]
pub struct Record {
    /// The scrape job.
    pub job: Job,
    /// The group's name within its job.
    pub name: GroupName,
    /// The group's lease.
    pub lease: Lease,
    /// The group, or its violation of the data model.
    pub group: Result<TargetGroup, InvalidGroup>,
    /// The `sdctl apply` set that owns the row.
    pub managed_by: Option<String>,
    /// The `sdctl register` process that renews the lease, as [`Owner::Registration`](super::Owner::Registration).
    pub registered_by: Option<String>,
    /// The time of the last write by `sdctl`.
    pub updated_at: Option<EpochSeconds>,
    /// The row's [`CONTENT`] attributes as read.
    pub(super) content: Attributes,
}

impl Record {
    /// Returns the row as it is after `written` was written to it for a set.
    #[must_use]
    pub fn after(&self, written: &StoredGroup, set: &str) -> Self {
        let content = content(written, Some(set), EpochSeconds(0)).into_iter();
        let content = content.filter(|(name, _)| CONTENT.contains(name)).map(|(name, value)| (name.to_owned(), value));
        Self {
            lease: written.lease,
            group: Ok(written.group.clone()),
            managed_by: Some(set.to_owned()),
            registered_by: None,
            content: content.collect(),
            ..self.clone()
        }
    }
}

/// The state of a row in a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State<'a> {
    /// The poll serves the group.
    Served(&'a TargetGroup),
    /// The lease is expired.
    Lapsed,
    /// The row violates the data model.
    Invalid(&'a InvalidGroup),
}

impl Record {
    /// Returns the state of the row in a poll at `now`.
    #[must_use]
    pub fn state(&self, now: EpochSeconds) -> State<'_> {
        match &self.group {
            _ if self.lease.lapsed(now) => State::Lapsed,
            Ok(group) => State::Served(group),
            Err(invalid) => State::Invalid(invalid),
        }
    }
}

impl Record {
    /// Returns the record of a row with these attributes, in any state.
    ///
    /// # Errors
    /// [`TableError::WrongKey`] if the row's key is not a valid job and group: the table is not one of target groups.
    pub fn of(mut attributes: Attributes, names: LabelNames) -> Result<Self, TableError> {
        let row = Row::from(&attributes);
        let (job, name, lease, group) = match row.stored(names) {
            Ok(StoredGroupRef { job, name, lease, group }) => {
                (job.to_owned(), name.to_owned(), lease, Ok(group.into()))
            }
            Err(TableError::Invalid(fault)) => (fault.job.clone(), fault.group.clone(), row.lease_alone(), Err(fault)),
            Err(error) => return Err(error),
        };
        let key = |fault| TableError::WrongKey(format!("a row's key {fault}"));
        let (job, name) = (Job::new(job).map_err(key)?, GroupName::new(name).map_err(key)?);
        let text = |name| attributes.get(name).and_then(|value: &AttributeValue| value.as_s().ok()).cloned();
        let (managed_by, registered_by) = (text("managed_by"), text("registered_by"));
        let updated_at = attributes.get("updated_at").and_then(|value| EpochSeconds::parse(value.as_n().ok()?).ok());
        attributes.retain(|name, _| CONTENT.contains(&name.as_str()));
        Ok(Self { job, name, lease, group, managed_by, registered_by, updated_at, content: attributes })
    }
}

/// Reads records page by page.
#[derive(Debug)]
pub struct Records {
    items: Items,
    names: LabelNames,
}

impl Records {
    /// Returns the next page, or `None` after the last one. A page may be empty although others follow.
    ///
    /// # Errors
    /// [`TableError`] if the page cannot be read after the SDK's retries, or the table is not one of target groups.
    pub async fn next(&mut self) -> Result<Option<Vec<Record>>, TableError> {
        let Some(items) = self.items.next().await? else { return Ok(None) };
        items.into_iter().map(|item| Record::of(item, self.names)).collect::<Result<_, _>>().map(Some)
    }
}

impl Store {
    /// Returns the rows of a job or of the whole table, sorted by group within a job. Jobs are in no particular order.
    #[must_use]
    pub fn records(&self, job: Option<&Job>, names: LabelNames) -> Records {
        let stream = match job {
            Some(job) => Stream::Job(EDITED.query(&self.client, self.name(), job).into_paginator().send()),
            None => Stream::Table(EDITED.scan(&self.client, self.name()).into_paginator().send()),
        };
        Records { items: Items::new(stream), names }
    }

    /// Returns the row of a group, if it exists.
    ///
    /// # Errors
    /// [`TableError`] if the table cannot be read.
    pub async fn record(&self, job: &Job, name: &GroupName, names: LabelNames) -> Result<Option<Record>, TableError> {
        let read = self
            .client
            .get_item()
            .table_name(self.name())
            .set_key(Some(row_key(job.as_str(), name.as_str())))
            .consistent_read(EDITED.is_consistent)
            .projection_expression(EDITED.projection())
            .set_expression_attribute_names(Some(EDITED.names()));
        read.send().await?.item.map(|item| Record::of(item, names)).transpose()
    }
}
