//! The source of rows for requests: the table, the cache of an earlier read, or rows that follow the table's changes.

use std::{collections::BTreeSet, time::Duration};

use tokio::sync::Mutex;

use super::{Budget, Detail, ReadError, RowRules, Snapshot, Table, cache::Cache, follow::Follower, reader::Reader};
use crate::group::{EpochSeconds, Job};

/// The maximum size of the cache if the memory has no limit, in bytes.
const MOST_CACHED: usize = 256 * 1024 * 1024;

/// The rows that a request needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The rows of one job.
    Job(Job),
    /// The rows of several jobs.
    Jobs(BTreeSet<Job>),
    /// The rows of all jobs.
    All,
}

/// The reuse of rows in later requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// Rows are cached for this time. Zero turns the cache off.
    Cache(Duration),
    /// Rows follow the changes of the table, and are read again after this time. It needs [`Table::with_streams`].
    Follow(Duration),
}

/// The rows of a table, read at each request or reused.
#[derive(Debug)]
pub struct Source {
    reader: Reader,
    /// The maximum size of all rows in memory, in bytes.
    memory: Option<usize>,
    mode: Mode,
}

#[derive(Debug)]
enum Mode {
    Read,
    Cache { time_to_live: Duration, cache: Mutex<Cache> },
    Follow(Follower),
}

impl Source {
    /// Creates a source. All rows need at most `memory` bytes.
    #[must_use]
    pub fn new(table: Table, rules: RowRules, reuse: Reuse, memory: Option<usize>) -> Self {
        let mode = match reuse {
            Reuse::Cache(time_to_live) if !time_to_live.is_zero() => {
                Mode::Cache { time_to_live, cache: Mutex::default() }
            }
            Reuse::Follow(max_age) if table.streams.is_some() => Mode::Follow(Follower::new(max_age)),
            _ => Mode::Read,
        };
        Self { reader: Reader { table, rules }, memory, mode }
    }

    /// Returns the table.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.reader.table
    }

    /// Returns the current rows, or cached rows within the time to live. `list` is the maximum size of a list of all
    /// these rows, in bytes.
    ///
    /// With a cache, concurrent requests share one read. Requests that follow changes share one look at the stream.
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
        match &self.mode {
            Mode::Read => self.reader.read(scope, detail, now, Budget::new(self.memory, list)).await,
            Mode::Cache { time_to_live, cache } => {
                let mut cache = cache.lock().await;
                cache.drop_stale(now, *time_to_live);
                self.cached(&mut cache, scope, detail, now).await
            }
            Mode::Follow(follower) => follower.current(&self.reader, (scope, detail), now, (self.memory, list)).await,
        }
    }

    async fn cached(
        &self,
        cache: &mut Cache,
        scope: &Scope,
        detail: Detail,
        now: EpochSeconds,
    ) -> Result<Snapshot, ReadError> {
        if let Some(cached) = cache.find(scope, detail) {
            return Ok(cached);
        }
        // The cached rows also serve requests that select fewer targets, so their size is not limited here.
        let budget =
            |cache: &Cache| Budget::new(self.memory.map(|memory| memory.saturating_sub(cache.size())), usize::MAX);
        let snapshot = match self.reader.read(scope, detail, now, budget(cache)).await {
            Err(ReadError::OutOfMemory { .. }) if !cache.is_empty() => {
                *cache = Cache::default();
                self.reader.read(scope, detail, now, budget(cache)).await?
            }
            read => read?,
        };
        cache.put(scope, detail, &snapshot, now, self.memory.unwrap_or(MOST_CACHED));
        Ok(snapshot)
    }
}

impl Scope {
    /// Returns whether the rows of a job belong to the scope.
    pub(super) fn has(&self, job: &Job) -> bool {
        match self {
            Self::Job(one) => one == job,
            Self::Jobs(jobs) => jobs.contains(job),
            Self::All => true,
        }
    }

    /// Returns the jobs that the request names.
    pub(super) fn named(&self) -> Box<dyn Iterator<Item = &Job> + '_> {
        match self {
            Self::Job(job) => Box::new(std::iter::once(job)),
            Self::Jobs(jobs) => Box::new(jobs.iter()),
            Self::All => Box::new(std::iter::empty()),
        }
    }
}
