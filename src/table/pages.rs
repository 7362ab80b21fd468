//! Paginated reads: a Query for a job, a Scan for a segment.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    operation::{query::builders::QueryFluentBuilder, scan::builders::ScanFluentBuilder},
    types::AttributeValue,
};

use super::{
    Page, Table, TableError, key,
    page::{StartKey, TakeBody},
    retried::LogRetries,
};
use crate::group::Job;

/// The attributes, consistency and page size of a read. Other attributes of a row are not read.
#[derive(Debug)]
pub struct View {
    /// The attributes to read.
    pub attributes: &'static [&'static str],
    /// Whether reads are strongly consistent, which doubles their price.
    pub is_consistent: bool,
    /// The maximum number of rows of a page, in addition to DynamoDB's limit of 1 MB. The embedded engine reads all
    /// rows up to this limit for each page, so without a limit the time for a job would grow with the square of its
    /// rows.
    pub most_rows: i32,
}

/// The view of the function. It is eventually consistent, because a poller polls again soon. With rows of more than 100
/// bytes, DynamoDB's limit of 1 MB ends a page first.
const SERVED: View = View {
    attributes: &[key::JOB, key::GROUP, "targets", "labels", "expires_at", "delete_at"],
    is_consistent: false,
    most_rows: 10_000,
};

/// The view of a function that follows changes. A stale row could hide a change that the stream does not tell again.
const FOLLOWED: View = View { is_consistent: true, ..SERVED };

/// All attributes of the data model.
pub const ATTRIBUTES: &[&str] = &[
    key::JOB,
    key::GROUP,
    "targets",
    "labels",
    "expires_at",
    "delete_at",
    "managed_by",
    "registered_by",
    "updated_at",
];

/// The view for people, with the details that lists do not need.
const DETAILED: View = View { attributes: ATTRIBUTES, ..SERVED };

/// The part of each row that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Detail {
    /// The content of lists.
    #[default]
    Served,
    /// As [`Detail::Served`], strongly consistent, and with the names of rows whose lease has expired.
    Followed,
    /// The content of lists, the owner, the last change, and rows whose lease has expired.
    All,
}

impl Detail {
    pub(super) fn view(self) -> &'static View {
        match self {
            Self::Served => &SERVED,
            Self::Followed => &FOLLOWED,
            Self::All => &DETAILED,
        }
    }
}

impl View {
    /// Returns a Query for a job.
    #[must_use]
    pub fn query(&self, client: &Client, table: &str, job: &Job) -> QueryFluentBuilder {
        client
            .query()
            .table_name(table)
            .key_condition_expression("#job = :job")
            .expression_attribute_values(":job", AttributeValue::S(job.as_str().to_owned()))
            .consistent_read(self.is_consistent)
            .limit(self.most_rows)
            .projection_expression(self.projection())
            .set_expression_attribute_names(Some(self.names()))
    }

    /// Returns a Scan of the table.
    #[must_use]
    pub fn scan(&self, client: &Client, table: &str) -> ScanFluentBuilder {
        client
            .scan()
            .table_name(table)
            .consistent_read(self.is_consistent)
            .limit(self.most_rows)
            .projection_expression(self.projection())
            .set_expression_attribute_names(Some(self.names()))
    }

    /// Returns the projection expression, with a placeholder for each attribute.
    #[must_use]
    pub fn projection(&self) -> String {
        self.attributes.iter().map(|name| format!("#{name}")).collect::<Vec<_>>().join(", ")
    }

    /// Returns the attribute names of the placeholders. `group` is a reserved word of DynamoDB, and others may become
    /// one.
    #[must_use]
    pub fn names(&self) -> HashMap<String, String> {
        self.attributes.iter().map(|name| (format!("#{name}"), (*name).to_owned())).collect()
    }
}

/// The pages of one read, in the order of the table. A page has at most 1 MB as DynamoDB counts.
#[derive(Debug)]
pub struct Pages {
    request: Request,
    /// The start of the last page read.
    last: Option<StartKey>,
}

#[derive(Debug)]
enum Request {
    Job(QueryFluentBuilder),
    Segment(ScanFluentBuilder),
}

impl Table {
    /// Returns the pages of a job, ordered by group.
    #[must_use]
    pub fn job(&self, job: &Job, detail: Detail) -> Pages {
        Pages { request: Request::Job(detail.view().query(&self.client, &self.name, job)), last: None }
    }

    /// Returns the pages of one of `total` segments of the table, in no particular order.
    #[must_use]
    pub fn segment(&self, index: i32, total: i32, detail: Detail) -> Pages {
        let scan = detail.view().scan(&self.client, &self.name).segment(index).total_segments(total);
        Pages { request: Request::Segment(scan), last: None }
    }
}

impl Pages {
    /// Reads the first page.
    ///
    /// # Errors
    /// [`TableError`] if the read fails after the retries of the SDK. Pages read before must then not be served.
    pub async fn first(&mut self) -> Result<Page, TableError> {
        self.read(None).await
    }

    /// Reads the page at `start`. Returns `None` if `start` is `None`, after the last page.
    ///
    /// # Errors
    /// As [`Pages::first`].
    pub async fn next(&mut self, start: Option<StartKey>) -> Result<Option<Page>, TableError> {
        let Some(start) = start else { return Ok(None) };
        // The read would never end.
        if self.last.as_ref() == Some(&start) {
            return Err(TableError::Unavailable("a page names itself as the next page".into()));
        }
        let page = self.read(Some(&start)).await?;
        self.last = Some(start);
        Ok(Some(page))
    }

    async fn read(&self, start: Option<&StartKey>) -> Result<Page, TableError> {
        let body = TakeBody::default();
        let start = start.map(StartKey::key);
        match &self.request {
            Request::Job(query) => {
                let query = query.clone().set_exclusive_start_key(start);
                query.customize().interceptor(body.clone()).interceptor(LogRetries::default()).send().await?;
            }
            Request::Segment(scan) => {
                let scan = scan.clone().set_exclusive_start_key(start);
                scan.customize().interceptor(body.clone()).interceptor(LogRetries::default()).send().await?;
            }
        }
        body.page()
    }
}
