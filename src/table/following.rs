//! The rows in memory that follow one stream, and the positions in that stream.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, Hasher, RandomState},
};

use tokio::time::Instant;
use tracing::warn;

use super::{
    Budget, Changes, Detail, Look, ReadError, Scope, Snapshot, Unknown,
    follow::{Failure, Poll, tell},
    followed::{FollowedRows, Origin},
};
use crate::group::EpochSeconds;

/// The maximum size of the rows of several scopes if the memory has no limit, in bytes.
const MOST_ROWS: usize = 256 * 1024 * 1024;

/// The rows of scopes, and the positions in the stream.
///
/// The positions are older than each read of a scope. So a change that such a read did not see is told by a later look.
#[derive(Debug)]
pub(super) struct Following {
    changes: Changes,
    scopes: BTreeMap<Scope, FollowedRows>,
    /// The time from which the positions are usable, and the time at which all rows are read again.
    since: EpochSeconds,
    until: EpochSeconds,
    /// The start of the last look, and whether it failed.
    looked: Option<(Instant, bool)>,
}

impl Following {
    /// Creates an empty set of scopes. It is usable for `max_age` seconds, plus or minus a tenth at random, so that
    /// functions that started together do not read the table together.
    pub(super) fn new(changes: Changes, now: EpochSeconds, max_age: i64) -> Self {
        let random = RandomState::new().build_hasher().finish() % 2001;
        let tenth = max_age.saturating_mul(i64::try_from(random).unwrap_or_default() - 1000) / 10_000;
        let until = EpochSeconds(now.0.saturating_add(max_age).saturating_add(tenth));
        Self { changes, scopes: BTreeMap::new(), since: now, until, looked: None }
    }

    /// Returns whether the next poll can use the positions. Without rows no poll looks, and unused positions expire. A
    /// clock that was set back makes the leases in memory invalid.
    pub(super) fn is_usable(&self, now: EpochSeconds) -> bool {
        !self.scopes.is_empty() && (self.since..self.until).contains(&now)
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

    /// Returns the current rows of the scope, or `None` if the look that this poll shares has failed.
    pub(super) async fn current(&mut self, poll: &mut Poll<'_>) -> Result<Option<Snapshot>, Failure> {
        match self.looked {
            // Another poll looked while this one waited.
            Some((began, failed)) if began >= poll.began => {
                if failed {
                    return Ok(None);
                }
            }
            _ => self.look(poll).await?,
        }
        if let Some(rows) = self.scopes.get(poll.scope) {
            poll.followed.changed_keys = rows.changed();
            if !rows.should_be_read() {
                poll.followed.origin = if rows.changed() > 0 { Origin::Changes } else { Origin::Unchanged };
                match self.update(poll).await {
                    Ok(snapshot) => return Ok(Some(snapshot)),
                    Err(error) => tell_rows(&error),
                }
            }
        }
        self.load(poll).await.map(Some)
    }

    /// Looks at the stream, and notes the changed rows.
    async fn look(&mut self, poll: &mut Poll<'_>) -> Result<(), Unknown> {
        let (began, requests) = (Instant::now(), self.changes.requests());
        let look = self.changes.look().await;
        poll.followed.stream_requests += self.changes.requests() - requests;
        self.looked = Some((began, look.is_err()));
        if let Look::Keys(keys) = look? {
            self.scopes.values_mut().for_each(|rows| rows.note(&keys));
        }
        Ok(())
    }

    /// Reads the changed rows of a scope in memory.
    async fn update(&mut self, poll: &mut Poll<'_>) -> Result<Snapshot, ReadError> {
        let budget = Budget::new(poll.memory.map(|memory| memory.saturating_sub(self.size())), usize::MAX);
        let Some(rows) = self.scopes.get_mut(poll.scope) else { return Ok(Snapshot::default()) };
        poll.followed.changed_keys = rows.changed();
        let pages = rows.update(poll.reader, poll.now, &budget).await?;
        Ok(rows.snapshot(pages, poll))
    }

    /// Reads all rows of the scope, and then those that changed meanwhile.
    async fn load(&mut self, poll: &mut Poll<'_>) -> Result<Snapshot, Failure> {
        poll.followed.origin = Origin::Read;
        // Without the old rows, the new ones fit into the memory.
        self.scopes.remove(poll.scope);
        let snapshot = match self.read(poll).await {
            Err(ReadError::OutOfMemory { .. }) if !self.scopes.is_empty() => {
                self.scopes.clear();
                self.read(poll).await?
            }
            read => read?,
        };
        let rows = FollowedRows::new(poll.scope.clone(), snapshot);
        if self.size() + rows.size() > poll.memory.unwrap_or(MOST_ROWS) {
            self.scopes.clear();
        }
        let mut snapshot = rows.snapshot(rows.pages(), poll);
        self.scopes.insert(poll.scope.clone(), rows);
        // The rows of this poll do not depend on this look: they were read after the poll began.
        match self.look(poll).await {
            Ok(()) => {
                if self.scopes.get(poll.scope).is_some_and(|rows| rows.changed() > 0 && !rows.should_be_read()) {
                    match self.update(poll).await {
                        Ok(updated) => snapshot = Snapshot { pages: snapshot.pages + updated.pages, ..updated },
                        Err(error) => tell_rows(&error),
                    }
                }
            }
            Err(unknown) => {
                tell(&unknown);
                if !unknown.is_transient() {
                    self.until = self.since;
                }
            }
        }
        Ok(Snapshot { followed: Some(poll.followed), ..snapshot })
    }

    async fn read(&self, poll: &Poll<'_>) -> Result<Snapshot, ReadError> {
        let budget = Budget::new(poll.memory.map(|memory| memory.saturating_sub(self.size())), usize::MAX);
        poll.reader.read(poll.scope, Detail::Followed, poll.now, budget).await
    }
}

/// Logs that the changed rows cannot be read.
fn tell_rows(error: &ReadError) {
    warn!(
        event = "changes_unknown",
        reason = "rows",
        "the changed rows cannot be read, so the function reads all rows: {error}"
    );
}
