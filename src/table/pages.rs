//! Reading: a job is a paginated Query, a segment a paginated Scan.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::{
        query::{QueryError, QueryOutput},
        scan::{ScanError, ScanOutput},
    },
    types::AttributeValue,
};
use aws_smithy_async::future::pagination_stream::PaginationStream;

use super::{Row, Table, TableError, key};
use crate::group::Job;

/// What a read has to see, and how fresh it has to be. Whatever else a user keeps on a row stays in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// What is served, eventually consistent: half the price, and a poll comes again in a minute.
    Served,
    /// All attributes that are ours, strongly consistent: what is read is about to be changed.
    #[cfg(feature = "sdctl")]
    Edited,
}

impl View {
    const fn attributes(self) -> &'static [&'static str] {
        match self {
            Self::Served => &[key::JOB, key::GROUP, "targets", "labels", "expires_at", "delete_at"],
            #[cfg(feature = "sdctl")]
            Self::Edited => {
                &[key::JOB, key::GROUP, "targets", "labels", "expires_at", "delete_at", "managed_by", "updated_at"]
            }
        }
    }

    pub(super) fn projection(self) -> String {
        self.attributes().iter().map(|name| format!("#{name}")).collect::<Vec<_>>().join(", ")
    }

    /// Names for the projection. `group` is one of DynamoDB's reserved words, and so may any of them become.
    pub(super) fn names(self) -> HashMap<String, String> {
        self.attributes().iter().map(|name| (format!("#{name}"), (*name).to_owned())).collect()
    }

    /// How many rows a page may have, beside the limit of 1 MB. The embedded engine reads all that it might return.
    fn most_rows(self) -> Option<i32> {
        match self {
            Self::Served => None,
            #[cfg(feature = "sdctl")]
            Self::Edited => Some(4000),
        }
    }

    pub(super) fn is_consistent(self) -> bool {
        self != Self::Served
    }
}

/// The pages of one read, in the table's order. A page is at most 1 MB as DynamoDB counts.
#[derive(Debug)]
pub struct Pages {
    stream: Stream,
    /// Where the last page said that the next one begins.
    next_key: Option<Attributes>,
}

#[derive(Debug)]
enum Stream {
    Job(PaginationStream<Result<QueryOutput, SdkError<QueryError>>>),
    Segment(PaginationStream<Result<ScanOutput, SdkError<ScanError>>>),
}

type Attributes = HashMap<String, AttributeValue>;

impl Table {
    /// The rows of a job, ordered by group.
    #[must_use]
    pub fn job(&self, job: &Job) -> Pages {
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("#job = :job")
            .expression_attribute_values(":job", AttributeValue::S(job.as_str().to_owned()))
            .consistent_read(self.view.is_consistent())
            .set_limit(self.view.most_rows())
            .projection_expression(self.view.projection())
            .set_expression_attribute_names(Some(self.view.names()));
        Pages { stream: Stream::Job(query.into_paginator().send()), next_key: None }
    }

    /// One of `total` parts of the whole table, in no particular order. Together the parts are the table.
    #[must_use]
    pub fn segment(&self, index: i32, total: i32) -> Pages {
        let scan = self
            .client
            .scan()
            .table_name(&self.name)
            .segment(index)
            .total_segments(total)
            .consistent_read(self.view.is_consistent())
            .set_limit(self.view.most_rows())
            .projection_expression(self.view.projection())
            .set_expression_attribute_names(Some(self.view.names()));
        Pages { stream: Stream::Segment(scan.into_paginator().send()), next_key: None }
    }
}

impl Pages {
    /// The next page, which may be empty although more follow; `None` after the last one.
    ///
    /// # Errors
    /// [`TableError`] when the page cannot be had after the SDK's retries. What was read before is then no answer.
    pub async fn next(&mut self) -> Result<Option<Vec<Row>>, TableError> {
        let page = match &mut self.stream {
            Stream::Job(pages) => pages.next().await.transpose()?.map(|page| (page.items, page.last_evaluated_key)),
            Stream::Segment(pages) => pages.next().await.transpose()?.map(|page| (page.items, page.last_evaluated_key)),
        };
        let Some((items, next_key)) = page else { return Ok(None) };
        let items = items.ok_or_else(|| TableError::Unavailable("a page came without its items".into()))?;
        // The SDK would take this for the end, and what was read so far for everything.
        if next_key.is_some() && next_key == self.next_key {
            return Err(TableError::Unavailable("a page names itself as the next one".into()));
        }
        self.next_key = next_key;
        Ok(Some(items.into_iter().map(Row::new).collect()))
    }
}
