//! The rows of one scope in memory, which follow the changes of the table.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio::time::Instant;

use super::{
    Budget, JobRows, Keys, ReadError, Scope, Snapshot,
    hold::{Change, Held},
    keys::KEYS_AT_ONCE,
    reader::Reader,
};
use crate::group::{EpochSeconds, Job};

/// The size of changed rows before which the pages of the replaced rows stay in memory, in bytes.
const LEAST_REPLACED: usize = 1024 * 1024;

/// The way to the rows of a poll, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Followed {
    /// The origin of the rows.
    pub origin: Origin,
    /// The number of requests to the table's stream, without retries.
    pub stream_requests: usize,
    /// The number of keys of the scope that the stream named.
    pub changed_keys: usize,
}

/// The origin of the rows of a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// All rows were read.
    #[default]
    Read,
    /// The changed rows were read, and the others were in memory.
    Changes,
    /// The rows were in memory.
    Unchanged,
}

impl Origin {
    /// Returns the name in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Changes => "changes",
            Self::Unchanged => "unchanged",
        }
    }
}

/// The rows of one scope in memory.
#[derive(Debug)]
pub(super) struct FollowedRows {
    scope: Scope,
    jobs: BTreeMap<Job, Arc<JobRows>>,
    held: BTreeMap<Job, Held>,
    /// The rows that changed since they were read.
    changed: Keys,
    /// The number of pages of the whole read, and its start.
    pages: usize,
    read_began: Instant,
    /// The size after the whole read, and the size of rows with other JSON since then, in bytes.
    read: usize,
    read_since: usize,
}

impl FollowedRows {
    /// Creates the rows from a read of the whole scope.
    pub(super) fn new(scope: Scope, snapshot: Snapshot, read_began: Instant) -> Self {
        let (read, pages) = (snapshot.size(), snapshot.pages);
        let (held, changed) = (BTreeMap::new(), Keys::new());
        Self { scope, jobs: snapshot.jobs, held, changed, pages, read_began, read, read_since: 0 }
    }

    /// Notes the keys of rows that changed.
    pub(super) fn note(&mut self, keys: &Keys) {
        // All rows will be read. The keys of a scope that is not polled again must not fill the memory.
        if self.should_be_read() {
            return;
        }
        for (job, groups) in keys.iter().filter(|(job, _)| self.scope.has(job)) {
            self.changed.entry(job.clone()).or_default().extend(groups.iter().cloned());
        }
    }

    /// Returns the number of rows that changed.
    pub(super) fn changed(&self) -> usize {
        self.changed.values().map(BTreeSet::len).sum()
    }

    /// Returns whether a read of the whole scope is cheaper than a read of the changed rows, or is due to free the
    /// pages of replaced rows.
    pub(super) fn should_be_read(&self) -> bool {
        self.changed().div_ceil(KEYS_AT_ONCE) > self.pages || self.read_since > (self.read / 2).max(LEAST_REPLACED)
    }

    /// Returns whether rows changed, and a read of them is cheaper than a read of the whole scope.
    pub(super) fn should_be_updated(&self) -> bool {
        !self.changed.is_empty() && !self.should_be_read()
    }

    /// Reads the changed rows, and releases held rows whose time is over. Returns the number of responses.
    ///
    /// # Errors
    /// [`ReadError`]. The rows are then as before.
    pub(super) async fn update(
        &mut self,
        reader: &Reader,
        now: EpochSeconds,
        budget: &Budget,
    ) -> Result<usize, ReadError> {
        let (read, responses) =
            if self.changed.is_empty() { Default::default() } else { reader.rows(&self.changed, now, budget).await? };
        let due = self.held.iter().filter(|(_, held)| held.is_due(now)).map(|(job, _)| job);
        let jobs: BTreeSet<&Job> = self.changed.keys().chain(due).collect();
        let (nothing, no_names, not_held) = (JobRows::default(), BTreeSet::new(), Held::default());
        let (mut updated, mut read_since) = (Vec::with_capacity(jobs.len()), self.read_since);
        for job in jobs {
            let change = Change {
                names: self.changed.get(job).unwrap_or(&no_names),
                rows: read.get(job).map_or(&nothing, AsRef::as_ref),
                now,
                grace: reader.rules.lease_grace,
            };
            let old = self.jobs.get(job).map_or(&nothing, AsRef::as_ref);
            let (rows, held) = change.apply(old, self.held.get(job).unwrap_or(&not_held), budget)?;
            // A lease that was renewed replaces no JSON.
            if rows.digest() != old.digest() {
                read_since += change.rows.size();
            }
            updated.push((job.clone(), rows, held));
        }
        // Nothing waits from here on, so a cancelled poll changes all rows or none.
        for (job, rows, held) in updated {
            if held.is_empty() {
                self.held.remove(&job)
            } else {
                self.held.insert(job.clone(), held)
            };
            if rows.read() == 0 && self.scope == Scope::All {
                self.jobs.remove(&job);
            } else {
                self.jobs.insert(job, Arc::new(rows));
            }
        }
        self.read_since = read_since;
        self.changed.clear();
        Ok(responses)
    }

    /// Returns the rows for a poll at the time `now` that read this number of pages.
    pub(super) fn snapshot(&self, pages: usize, now: EpochSeconds, followed: Followed) -> Snapshot {
        Snapshot { jobs: self.jobs.clone(), pages, read_at: now, followed: Some(followed) }
    }

    /// Returns the start of the whole read.
    pub(super) fn read_began(&self) -> Instant {
        self.read_began
    }

    /// Returns the number of pages of the whole read.
    pub(super) fn pages(&self) -> usize {
        self.pages
    }

    /// Returns the size in bytes.
    pub(super) fn size(&self) -> usize {
        self.jobs.iter().map(|(job, rows)| job.as_str().len() + rows.size()).sum()
    }
}
