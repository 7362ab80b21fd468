//! The DynamoDB table, read only: its key, its pages, and the snapshots of its rows.

mod attribute;
mod budget;
mod builder;
mod cache;
mod changes;
mod connect;
mod details;
mod edit;
mod error;
mod follow;
mod followed;
mod following;
mod group_json;
mod hold;
mod https;
mod key;
mod keys;
mod page;
mod pages;
mod reader;
mod retried;
mod row;
mod snapshot;
mod source;
mod warm_up;

pub use budget::Budget;
pub use builder::RowRules;
pub use changes::{Changes, Description, Keys, Look, Records, Unknown, stream_arn};
pub use connect::{ATTEMPT_TIMEOUT, Connection, STREAM_ATTEMPT_TIMEOUT, connect};
pub use details::{Details, LapsedRow, Owner, RowDetails};
pub use error::{NotSent, ReadError, TableError};
pub use followed::{Followed, Origin};
pub(crate) use group_json::GroupJson;
pub use https::Https;
pub use key::{Attributes, GROUP, JOB, check_key, row_key};
pub use page::{Page, PageContent, StartKey};
pub use pages::{ATTRIBUTES, Detail, Pages, View};
pub use row::Row;
pub(crate) use snapshot::half;
pub use snapshot::{BrokenRow, Digest, JobRows, RowLease, Snapshot};
pub use source::{Reuse, Scope, Source};

use aws_sdk_dynamodb::Client;
use tokio::sync::OnceCell;

/// A table of target groups.
#[derive(Debug, Clone)]
pub struct Table {
    client: Client,
    /// The client of the table's stream, if changes are followed.
    streams: Option<aws_sdk_dynamodbstreams::Client>,
    name: String,
    /// Set after the first successful check of the key.
    key_checked: OnceCell<()>,
}

impl Table {
    /// Creates a table from its name or ARN, without a request.
    #[must_use]
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, streams: None, name: name.into(), key_checked: OnceCell::new() }
    }

    /// Adds the client of the table's stream, which [`Reuse::Follow`] needs.
    #[must_use]
    pub fn with_streams(self, streams: aws_sdk_dynamodbstreams::Client) -> Self {
        Self { streams: Some(streams), ..self }
    }

    /// Returns the name of the table. Responses to pollers must not contain it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}
