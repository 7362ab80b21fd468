//! Reading what is served: a job is a paginated Query, a segment a paginated Scan.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    operation::{query::builders::QueryFluentBuilder, scan::builders::ScanFluentBuilder},
    types::AttributeValue,
};

use super::{
    Page, Table, TableError, key,
    page::{StartKey, TakeBody},
    retried::TellRetries,
};
use crate::group::Job;

/// What a read sees, and how fresh it is. Whatever else a user keeps on a row stays in the table.
#[derive(Debug)]
pub struct View {
    /// The attributes that are read.
    pub attributes: &'static [&'static str],
    /// Whether reads are strongly consistent, at twice the price.
    pub is_consistent: bool,
    /// How many rows a page may have, beside DynamoDB's limit of 1 MB. The embedded engine reads all that it might return,
    /// so that without a limit a job takes it a time that grows with the square of the rows.
    pub most_rows: i32,
}

/// What is served, eventually consistent: a poll comes again in a minute. DynamoDB's limit is reached long before that of
/// rows unless they have less than 100 bytes.
const SERVED: View = View {
    attributes: &[key::JOB, key::GROUP, "targets", "labels", "expires_at", "delete_at"],
    is_consistent: false,
    most_rows: 10_000,
};

impl View {
    /// A Query of a job.
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

    /// A Scan of the table.
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

    /// The projection expression: the attributes under placeholders.
    #[must_use]
    pub fn projection(&self) -> String {
        self.attributes.iter().map(|name| format!("#{name}")).collect::<Vec<_>>().join(", ")
    }

    /// Names for the projection. `group` is one of DynamoDB's reserved words, and so may any of them become.
    #[must_use]
    pub fn names(&self) -> HashMap<String, String> {
        self.attributes.iter().map(|name| (format!("#{name}"), (*name).to_owned())).collect()
    }
}

/// The pages of one read, in the table's order. A page is at most 1 MB as DynamoDB counts.
#[derive(Debug)]
pub struct Pages {
    request: Request,
    /// Where the page begins that was read last.
    last: Option<StartKey>,
}

#[derive(Debug)]
enum Request {
    Job(QueryFluentBuilder),
    Segment(ScanFluentBuilder),
}

impl Table {
    /// The rows of a job, ordered by group.
    #[must_use]
    pub fn job(&self, job: &Job) -> Pages {
        Pages { request: Request::Job(SERVED.query(&self.client, &self.name, job)), last: None }
    }

    /// One of `total` parts of the whole table, in no particular order. Together the parts are the table.
    #[must_use]
    pub fn segment(&self, index: i32, total: i32) -> Pages {
        let scan = SERVED.scan(&self.client, &self.name).segment(index).total_segments(total);
        Pages { request: Request::Segment(scan), last: None }
    }
}

impl Pages {
    /// The first page.
    ///
    /// # Errors
    /// [`TableError`] when the page cannot be had after the SDK's retries. What was read before is then no answer.
    pub async fn first(&mut self) -> Result<Page, TableError> {
        self.read(None).await
    }

    /// The page that begins where the one before said, or `None` if that was the last one.
    ///
    /// # Errors
    /// As [`Pages::first`].
    pub async fn next(&mut self, start: Option<StartKey>) -> Result<Option<Page>, TableError> {
        let Some(start) = start else { return Ok(None) };
        // It would go on for ever.
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
                query.customize().interceptor(body.clone()).interceptor(TellRetries::default()).send().await?;
            }
            Request::Segment(scan) => {
                let scan = scan.clone().set_exclusive_start_key(start);
                scan.customize().interceptor(body.clone()).interceptor(TellRetries::default()).send().await?;
            }
        }
        body.page()
    }
}
