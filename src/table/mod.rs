//! The DynamoDB table: its keys, its rows, and reading them page by page. Nothing here writes.

mod attribute;
mod budget;
mod builder;
mod connect;
mod error;
mod https;
mod key;
mod page;
mod pages;
mod retried;
mod row;
mod snapshot;
mod source;
mod warm_up;

pub use budget::Budget;
pub use builder::RowRules;
pub use connect::{ATTEMPT_TIMEOUT, connect};
pub use error::{ReadError, TableError};
pub use https::Https;
pub use key::{Attributes, GROUP, JOB, check_key, row_key};
pub use page::{Page, PageContent, StartKey};
pub use pages::{Pages, View};
pub use row::Row;
pub use snapshot::{BrokenRow, Digest, JobRows, RowLease, Snapshot};
pub use source::{Scope, Source};

use aws_sdk_dynamodb::Client;
use tokio::sync::OnceCell;

/// One table of target groups.
#[derive(Debug, Clone)]
pub struct Table {
    client: Client,
    name: String,
    /// Set once the table's key was seen to be the right one.
    key_is_right: OnceCell<()>,
}

impl Table {
    /// The table of that name (or ARN). Reads nothing yet.
    #[must_use]
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into(), key_is_right: OnceCell::new() }
    }

    /// The table's name, for logs and for people with access to the table; not for callers of the URL.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}
