//! The process that registers a group: what it checks before its first write.

use http_sd_lambda::{
    group::{StoredGroup, excerpt},
    table::TableError,
};

use super::{identity::Identity, time::Time};
use crate::{
    error::CliError,
    store::{Expect, Record, connection::Connection},
};

/// The writer of a row, and its clock.
pub(crate) struct Registrant {
    pub(crate) identity: Identity,
    pub(crate) time: Time,
    /// Whether the process stops if another one registers the same group.
    pub(crate) exclusive: bool,
    /// Whether the row was read before the first write.
    looked: bool,
}

/// The row before the first write.
pub(crate) enum Found {
    /// The write replaces any row.
    Any,
    /// The write replaces this row only, because of `--exclusive`.
    Only(Option<Box<Record>>),
}

impl Found {
    /// Returns the condition of the first write.
    pub(crate) fn expect(&self) -> Expect<'_> {
        match self {
            Self::Any => Expect::Anything,
            Self::Only(None) => Expect::Absent,
            Self::Only(Some(record)) => Expect::Unchanged(record),
        }
    }
}

impl Registrant {
    /// Returns the registrant, and the connection whose responses set its clock.
    pub(crate) fn new(connection: Connection, exclusive: bool) -> (Connection, Self) {
        let (store, clock) = connection.store.with_clock();
        let registrant = Self { identity: Identity::new(), time: Time::new(clock), exclusive, looked: false };
        (Connection { store, ..connection }, registrant)
    }

    /// Reads the row before the first write, and warns about a row that the write takes over.
    ///
    /// # Errors
    /// The clock of this machine is wrong by more than an hour, or the row cannot be read, or `--exclusive` finds a
    /// process on another host.
    pub(crate) async fn look(&mut self, connection: &Connection, group: &StoredGroup) -> Result<Found, CliError> {
        if self.looked && !self.exclusive {
            return Ok(Found::Any);
        }
        let StoredGroup { job, name, .. } = group;
        let shown = format!("group {} of job {}", excerpt(name.as_str()), excerpt(job.as_str()));
        let found = connection.store.record(job, name, connection.names).await;
        // A refused request has the time of DynamoDB as well.
        self.time.check()?;
        let found = match found {
            // Without permission to read, sdctl writes without a warning.
            Err(TableError::Denied(_)) if !self.exclusive => None,
            found => found.map_err(|error| connection.error(error))?,
        };
        let now = self.time.now();
        if let Some(record) = found.as_ref() {
            if self.exclusive {
                self.identity.check_exclusive(record, &shown, now)?;
            }
            if !self.looked {
                self.identity.warn_before(record, &shown, now);
            }
        }
        self.looked = true;
        Ok(if self.exclusive { Found::Only(found.map(Box::new)) } else { Found::Any })
    }
}
