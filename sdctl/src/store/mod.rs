//! The table as `sdctl` has it: whole rows are read, strongly consistent, and written on conditions.
//!
//! The function's crate reads; all that writes is here.

mod admin;
mod backoff;
pub(crate) mod batch;
mod client;
pub(crate) mod connection;
mod content;
mod insert;
mod rows;
mod size;
mod write;

pub use admin::{Description, Place};
pub use backoff::Backoff;
pub use client::{Overrides, connect};
pub use insert::MOST_IN_TRANSACTION;
pub use rows::{Record, Records, State};
pub use size::{fits, size, split, that_fit};
pub use write::{Expect, Owner, WriteError};

use aws_sdk_dynamodb::Client;
use http_sd_lambda::table::Table;

/// One table of target groups, to read and to write.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    table: Table,
}

impl Store {
    /// The table of that name (or ARN). Reads nothing yet.
    #[must_use]
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { table: Table::new(client.clone(), name), client }
    }

    /// The same table for long work: what fails is retried for longer than a poll, or a person, would wait.
    #[must_use]
    pub fn patient(self) -> Self {
        Self { client: client::patient(&self.client), ..self }
    }

    /// The same table for whoever tries again by themselves: what fails is repeated once and at once, and then told.
    #[must_use]
    pub fn for_renewing(self) -> Self {
        Self { client: client::hasty(&self.client), ..self }
    }

    /// The table's name (or ARN).
    #[must_use]
    pub fn name(&self) -> &str {
        self.table.name()
    }

    /// The same table as the function has it, to read what is served.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }
}
