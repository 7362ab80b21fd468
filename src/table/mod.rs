//! The DynamoDB table: its keys, its rows, and reading them page by page.

#[cfg(feature = "sdctl")]
mod admin;
mod attribute;
#[cfg(feature = "sdctl")]
mod backoff;
mod connect;
mod error;
mod https;
#[cfg(feature = "sdctl")]
mod insert;
mod key;
mod page;
mod pages;
#[cfg(feature = "sdctl")]
mod record;
mod retried;
mod row;
#[cfg(feature = "sdctl")]
mod size;
mod warm_up;
#[cfg(feature = "sdctl")]
mod write;

#[cfg(feature = "sdctl")]
pub use admin::{Description, Place};
#[cfg(feature = "sdctl")]
pub use backoff::Backoff;
pub use connect::{ATTEMPT_TIMEOUT, connect};
#[cfg(feature = "sdctl")]
pub use connect::{Overrides, connect_with};
pub use error::TableError;
#[cfg(feature = "sdctl")]
pub(crate) use https::Https;
#[cfg(feature = "sdctl")]
pub use insert::MOST_IN_TRANSACTION;
pub use page::{Page, PageContent, Start};
pub use pages::Pages;
#[cfg(feature = "sdctl")]
pub use record::{Record, Records, State};
pub use row::{Reading, Row};
#[cfg(feature = "sdctl")]
pub use size::{size, split, that_fit};
#[cfg(feature = "sdctl")]
pub use write::{Expect, Owner, WriteError};

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

    /// The same table for long work: what fails is retried for longer than a poll, or a person, would wait.
    #[cfg(feature = "sdctl")]
    #[must_use]
    pub fn patient(self) -> Self {
        Self { client: write::patient(&self.client), ..self }
    }

    /// The same table for whoever tries again by themselves: what fails is repeated once and at once, and then told.
    #[cfg(feature = "sdctl")]
    #[must_use]
    pub fn for_renewing(self) -> Self {
        Self { client: write::hasty(&self.client), ..self }
    }

    /// The table's name, for logs and for people with access to the table; not for callers of the URL.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}
