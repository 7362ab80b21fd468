//! Reads and writes the table for `sdctl`: whole rows, with strongly consistent reads and conditional writes.
//!
//! The function's crate only reads. All writes are here.

mod admin;
mod arn;
mod backoff;
pub(crate) mod batch;
mod client;
mod clock;
pub(crate) mod connection;
mod content;
mod insert;
mod item_json;
mod items;
pub(crate) mod journal;
pub(crate) mod login;
mod names;
mod number;
mod rejected;
mod requests;
mod restore;
mod rows;
mod size;
mod write;

pub use admin::{Description, Place, Stream};
pub use backoff::Backoff;
pub(crate) use client::{Overrides, connect_with_settings};
pub use clock::ServerClock;
pub use insert::{MOST_IN_TRANSACTION, transactions};
pub use item_json::{read_line, same_row, write_line};
pub use items::Items;
pub(crate) use names::Names;
use requests::Requests;
pub use restore::{Whole, differing};
pub use rows::{Record, Records, State};
pub use size::{MOST_IN_ROW, fits, is_nearly_full, row_fits, row_size, size, split, that_fit};
pub use write::{Expect, Owner, Replaced, WriteError};

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use http_sd_lambda::table::Table;

use self::journal::{Recorder, TableId};

/// A table of target groups.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    table: Table,
    /// Records what the writes replace; `None` for a table whose writes are not undone, as in a test.
    journal: Option<Arc<Recorder>>,
}

impl Store {
    /// Creates a store for the table with this name or ARN. Sends no request.
    #[must_use]
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { table: Table::new(client.clone(), name), client, journal: None }
    }

    /// Returns the store with more retries and longer time-outs, for commands with many requests.
    #[must_use]
    pub fn patient(self) -> Self {
        Self { client: client::patient(&self.client), ..self }
    }

    /// Returns the store with one quick retry, for callers that retry themselves.
    #[must_use]
    pub fn for_renewing(self) -> Self {
        Self { client: client::hasty(&self.client), ..self }
    }

    /// Returns the store with a clock that the responses to its reads and writes of rows set.
    #[must_use]
    pub fn with_clock(self) -> (Self, ServerClock) {
        let (client, clock) = client::with_clock(&self.client);
        (Self { client, ..self }, clock)
    }

    /// Records the writes to this table in the journal, from now on.
    pub(crate) fn record_in_journal(&mut self, table: TableId) {
        self.journal = Some(Recorder::new(table));
    }

    /// Returns the recorder of the writes.
    pub(crate) fn journal(&self) -> Option<&Recorder> {
        self.journal.as_deref()
    }

    /// Returns the table's name or ARN.
    #[must_use]
    pub fn name(&self) -> &str {
        self.table.name()
    }

    /// Returns the table as the function reads it.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }
}
