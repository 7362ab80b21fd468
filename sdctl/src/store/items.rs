//! Reads whole rows page by page, with all attributes.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::{
        query::{QueryError, QueryOutput},
        scan::{ScanError, ScanOutput},
    },
};
use aws_smithy_async::future::pagination_stream::PaginationStream;
use http_sd_lambda::{
    group::{GroupName, Job},
    table::{ATTRIBUTES, Attributes, JOB, TableError, View, row_key},
};

use super::Store;

/// All attributes of the data model. Reads are strongly consistent, because a write may follow.
pub(super) const EDITED: View = View { attributes: ATTRIBUTES, is_consistent: true, most_rows: 4000 };

/// Reads the attributes of rows page by page.
#[derive(Debug)]
pub struct Items {
    stream: Stream,
    /// The start of the next page, as the last page named it.
    next_key: Option<Attributes>,
}

#[derive(Debug)]
pub(super) enum Stream {
    Job(PaginationStream<Result<QueryOutput, SdkError<QueryError>>>),
    Table(PaginationStream<Result<ScanOutput, SdkError<ScanError>>>),
}

impl Items {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, next_key: None }
    }

    /// Returns the next page, or `None` after the last one. A page may be empty although others follow.
    ///
    /// # Errors
    /// [`TableError`] if the page cannot be read after the SDK's retries.
    pub async fn next(&mut self) -> Result<Option<Vec<Attributes>>, TableError> {
        let page = match &mut self.stream {
            Stream::Job(pages) => pages.next().await.transpose()?.map(|page| (page.items, page.last_evaluated_key)),
            Stream::Table(pages) => pages.next().await.transpose()?.map(|page| (page.items, page.last_evaluated_key)),
        };
        let Some((items, next_key)) = page else { return Ok(None) };
        let items = items.ok_or_else(|| TableError::Unavailable("DynamoDB returned a page without items".into()))?;
        // The SDK would treat a repeated key as the end, and the result would be incomplete.
        if next_key.is_some() && next_key == self.next_key {
            return Err(TableError::Unavailable("DynamoDB returned a page that names itself as the next page".into()));
        }
        self.next_key = next_key;
        Ok(Some(items))
    }
}

impl Store {
    /// Returns the rows of a job or of the whole table with all attributes, in the order of [`Store::records`].
    #[must_use]
    pub fn items(&self, job: Option<&Job>) -> Items {
        Items::new(if let Some(job) = job {
            let names = [("#job".to_owned(), JOB.to_owned())].into();
            let query = EDITED.query(&self.client, self.name(), job).set_projection_expression(None);
            Stream::Job(query.set_expression_attribute_names(Some(names)).into_paginator().send())
        } else {
            let scan = EDITED.scan(&self.client, self.name()).set_projection_expression(None);
            Stream::Table(scan.set_expression_attribute_names(None).into_paginator().send())
        })
    }

    /// Returns the row of a group with all attributes, if it exists.
    ///
    /// # Errors
    /// [`TableError`] if the table cannot be read.
    pub async fn item(&self, job: &Job, name: &GroupName) -> Result<Option<Attributes>, TableError> {
        let read = self.client.get_item().table_name(self.name()).consistent_read(true);
        Ok(read.set_key(Some(row_key(job.as_str(), name.as_str()))).send().await?.item)
    }
}
