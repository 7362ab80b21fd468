//! The source of rows for requests: the table, or the cache of an earlier read.

use std::{collections::BTreeSet, time::Duration};

use tokio::sync::Mutex;

use super::{Budget, Detail, ReadError, RowRules, Snapshot, Table, cache::Cache, reader::Reader};
use crate::group::{EpochSeconds, Job};

/// The maximum size of the cache if the memory has no limit, in bytes.
const MOST_CACHED: usize = 256 * 1024 * 1024;

/// The rows that a request needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The rows of one job.
    Job(Job),
    /// The rows of several jobs.
    Jobs(BTreeSet<Job>),
    /// The rows of all jobs.
    All,
}

/// The rows of a table, with a cache.
#[derive(Debug)]
pub struct Source {
    reader: Reader,
    /// The time for which rows are cached. Zero turns the cache off.
    time_to_live: Duration,
    /// The maximum size of all rows in memory, in bytes.
    memory: Option<usize>,
    cache: Mutex<Cache>,
}

impl Source {
    /// Creates a source. Rows are cached for `time_to_live` and need at most `memory` bytes.
    #[must_use]
    pub fn new(table: Table, rules: RowRules, time_to_live: Duration, memory: Option<usize>) -> Self {
        Self { reader: Reader { table, rules }, time_to_live, memory, cache: Mutex::default() }
    }

    /// Returns the table.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.reader.table
    }

    /// Returns the current rows, or cached rows within the time to live. `list` is the maximum size of a list of all
    /// these rows, in bytes.
    ///
    /// With a cache, concurrent requests share one read.
    ///
    /// # Errors
    /// [`ReadError`]. Rows read before an error are dropped.
    pub async fn current(
        &self,
        scope: &Scope,
        detail: Detail,
        now: EpochSeconds,
        list: usize,
    ) -> Result<Snapshot, ReadError> {
        if self.time_to_live.is_zero() {
            return self.reader.read(scope, detail, now, Budget::new(self.memory, list)).await;
        }
        let mut cache = self.cache.lock().await;
        cache.drop_stale(now, self.time_to_live);
        if let Some(cached) = cache.find(scope, detail) {
            return Ok(cached);
        }
        // The cached rows also serve requests that select fewer targets, so their size is not limited here.
        let budget =
            |cache: &Cache| Budget::new(self.memory.map(|memory| memory.saturating_sub(cache.size())), usize::MAX);
        let snapshot = match self.reader.read(scope, detail, now, budget(&cache)).await {
            Err(ReadError::OutOfMemory { .. }) if !cache.is_empty() => {
                *cache = Cache::default();
                self.reader.read(scope, detail, now, budget(&cache)).await?
            }
            read => read?,
        };
        cache.put(scope, detail, &snapshot, now, self.memory.unwrap_or(MOST_CACHED));
        Ok(snapshot)
    }
}

impl Scope {
    /// Returns the jobs that the request names.
    pub(super) fn named(&self) -> Box<dyn Iterator<Item = &Job> + '_> {
        match self {
            Self::Job(job) => Box::new(std::iter::once(job)),
            Self::Jobs(jobs) => Box::new(jobs.iter()),
            Self::All => Box::new(std::iter::empty()),
        }
    }
}
