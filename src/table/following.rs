//! The rows in memory that follow one stream, and the positions in that stream.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, Hasher, RandomState},
};

use tokio::time::Instant;

use super::{
    Budget, Changes, Detail, Look, ReadError, Scope, Snapshot, Unknown,
    followed::{Followed, FollowedRows, Origin},
    reader::Reader,
};
use crate::group::EpochSeconds;

/// The maximum size of the rows of several scopes if the memory has no limit, in bytes.
const MOST_ROWS: usize = 256 * 1024 * 1024;

/// The maximum time for which a poll waits for others, in seconds. A larger difference means a clock that was set back.
const MOST_WAITED: i64 = 60;

/// A poll of a scope.
pub(super) struct Poll<'a> {
    pub(super) reader: &'a Reader,
    pub(super) scope: &'a Scope,
    pub(super) now: EpochSeconds,
    pub(super) began: Instant,
    /// The maximum size of all rows in memory, in bytes.
    pub(super) memory: Option<usize>,
    pub(super) followed: Followed,
}

/// The reason why a poll is not answered from memory.
pub(super) enum Failure {
    /// The changes are unknown. The poll reads the table.
    Unknown(Unknown),
    /// The table cannot be read.
    Read(ReadError),
}

impl From<Unknown> for Failure {
    fn from(unknown: Unknown) -> Self {
        Self::Unknown(unknown)
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// The rows of scopes, and the positions in the stream.
///
/// The positions are older than each read of a scope. So a change that such a read did not see is told by a later look.
#[derive(Debug)]
pub(super) struct Following {
    changes: Changes,
    scopes: BTreeMap<Scope, FollowedRows>,
    /// The time at which all rows are read again.
    until: EpochSeconds,
    /// The latest time of a poll.
    latest: EpochSeconds,
    /// The start of the last look, and whether it succeeded.
    looked: (Instant, bool),
}

impl Following {
    /// Creates an empty set of scopes for positions that were taken from `began` on. It is usable for about `max_age`
    /// seconds.
    pub(super) fn new((changes, began): (Changes, Instant), now: EpochSeconds, max_age: i64) -> Self {
        let until = EpochSeconds(now.0.saturating_add(jittered(max_age)));
        Self { changes, scopes: BTreeMap::new(), until, latest: now, looked: (began, true) }
    }

    /// Returns whether later polls can use the positions. Without rows no poll looks, and unused positions expire.
    pub(super) fn is_usable(&self, now: EpochSeconds) -> bool {
        let was_set_back = self.latest.0.saturating_sub(now.0) > MOST_WAITED;
        !self.scopes.is_empty() && now < self.until && !was_set_back
    }

    /// Returns whether a later poll has been answered. Rows in memory lack what had expired then.
    pub(super) fn is_ahead_of(&self, now: EpochSeconds) -> bool {
        now < self.latest
    }

    /// Returns the number of requests of a look that finds nothing.
    pub(super) fn shards(&self) -> usize {
        self.changes.shards()
    }

    /// Returns the number of pages of the last read of a scope.
    pub(super) fn pages(&self, scope: &Scope) -> Option<usize> {
        self.scopes.get(scope).map(FollowedRows::pages)
    }

    /// Returns the size of all rows in bytes.
    pub(super) fn size(&self) -> usize {
        self.scopes.values().map(FollowedRows::size).sum()
    }

    pub(super) fn drop_scope(&mut self, scope: &Scope) {
        self.scopes.remove(scope);
    }

    /// Returns the current rows of the scope.
    pub(super) async fn current(&mut self, poll: &mut Poll<'_>) -> Result<Snapshot, Failure> {
        self.latest = self.latest.max(poll.now);
        // Polls that waited meanwhile share the look.
        let has_looked = match self.looked {
            (began, has_looked) if began >= poll.began => has_looked,
            _ => self.has_looked(poll).await?,
        };
        let Some(rows) = self.scopes.get(poll.scope) else { return self.load(poll, has_looked).await };
        poll.followed.changed_keys = rows.changed();
        if rows.read_began() >= poll.began {
            return Ok(rows.snapshot(0, poll.now, poll.followed));
        }
        if has_looked && !rows.should_be_read() {
            poll.followed.origin = if rows.changed() > 0 { Origin::Changes } else { Origin::Unchanged };
            match self.update(poll).await {
                Ok(snapshot) => return Ok(snapshot),
                Err(error) => Unknown::Rows(error.to_string()).log(),
            }
        }
        self.load(poll, has_looked).await
    }

    /// Looks at the stream, and notes the changed rows. Returns `false` if a later look from the same positions may
    /// succeed.
    ///
    /// # Errors
    /// [`Unknown`] if the positions are lost.
    async fn has_looked(&mut self, poll: &mut Poll<'_>) -> Result<bool, Unknown> {
        let (began, requests) = (Instant::now(), self.changes.requests());
        let look = self.changes.look().await;
        poll.followed.stream_requests += self.changes.requests() - requests;
        self.looked = (began, look.is_ok());
        match look {
            Ok(Look::Nothing) => Ok(true),
            Ok(Look::Keys(keys)) => {
                self.scopes.values_mut().for_each(|rows| rows.note(&keys));
                Ok(true)
            }
            Err(unknown) if unknown.is_transient() => {
                unknown.log();
                Ok(false)
            }
            Err(unknown) => Err(unknown),
        }
    }

    /// Reads the changed rows of a scope in memory.
    async fn update(&mut self, poll: &mut Poll<'_>) -> Result<Snapshot, ReadError> {
        let budget = Budget::new(poll.memory.map(|memory| memory.saturating_sub(self.size())), usize::MAX);
        let Some(rows) = self.scopes.get_mut(poll.scope) else { return Ok(Snapshot::default()) };
        poll.followed.changed_keys = rows.changed();
        let pages = rows.update(poll.reader, poll.now, &budget).await?;
        Ok(rows.snapshot(pages, poll.now, poll.followed))
    }

    /// Reads all rows of the scope, and then those that changed meanwhile.
    async fn load(&mut self, poll: &mut Poll<'_>, has_looked: bool) -> Result<Snapshot, Failure> {
        poll.followed.origin = Origin::Read;
        let began = Instant::now();
        // Without the old rows, the new ones fit into the memory.
        self.scopes.remove(poll.scope);
        let snapshot = match self.read(poll).await {
            Err(ReadError::OutOfMemory { .. }) if !self.scopes.is_empty() => {
                self.scopes.clear();
                self.read(poll).await?
            }
            read => read?,
        };
        let rows = FollowedRows::new(poll.scope.clone(), snapshot, began);
        if self.size() + rows.size() > poll.memory.unwrap_or(MOST_ROWS) {
            self.scopes.clear();
        }
        let mut snapshot = rows.snapshot(rows.pages(), poll.now, poll.followed);
        self.scopes.insert(poll.scope.clone(), rows);
        // The rows were read after the poll began, so they are current even if this look fails.
        let has_looked = has_looked
            && self.has_looked(poll).await.unwrap_or_else(|unknown| {
                unknown.log();
                // The next poll starts again.
                self.until = poll.now;
                false
            });
        if has_looked && self.scopes.get(poll.scope).is_some_and(FollowedRows::should_be_updated) {
            match self.update(poll).await {
                Ok(updated) => snapshot = Snapshot { pages: snapshot.pages + updated.pages, ..updated },
                Err(error) => Unknown::Rows(error.to_string()).log(),
            }
        }
        Ok(Snapshot { followed: Some(poll.followed), ..snapshot })
    }

    async fn read(&self, poll: &Poll<'_>) -> Result<Snapshot, ReadError> {
        let budget = Budget::new(poll.memory.map(|memory| memory.saturating_sub(self.size())), usize::MAX);
        poll.reader.read(poll.scope, Detail::Followed, poll.now, budget).await
    }
}

/// Returns a time plus or minus a tenth at random, so that functions that started together do not read the table
/// together.
fn jittered(seconds: i64) -> i64 {
    let random = i64::try_from(RandomState::new().build_hasher().finish() % 2001).unwrap_or_default() - 1000;
    seconds + seconds * random / 10_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maximum_age_varies_by_a_tenth() {
        let ages: Vec<i64> = (0..1000).map(|_| jittered(900)).collect();
        assert!(ages.iter().all(|age| (810..=990).contains(age)), "{ages:?}");
        assert!(ages.iter().any(|age| *age < 830) && ages.iter().any(|age| *age > 970), "{ages:?}");
    }
}
