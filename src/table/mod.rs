//! The DynamoDB table: its keys, its rows, and reading them page by page.

#[cfg(feature = "sdctl")]
mod admin;
mod error;
mod key;
mod pages;
mod row;

pub use error::TableError;
pub use pages::Pages;
pub use row::{Reading, Row};

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::{Client, config::timeout::TimeoutConfig};
use tokio::sync::OnceCell;

/// A page is at most 1 MB. Beyond this an attempt is taken for dead and repeated, while the invocation's deadline
/// still leaves time for it.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);

/// A DynamoDB client from the SDK's own environment variables and files, with time-outs that suit a poll.
pub async fn connect() -> Client {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
    let config = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).load().await;
    Client::new(&config)
}

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
