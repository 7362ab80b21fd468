//! Polls that follow the changes of the table: they ask its stream, and read only the rows that changed.
//!
//! A poll is answered from memory only after a look at the stream that began after the poll. If the stream does not
//! tell the changes, the poll reads the table.

use std::{collections::BTreeMap, time::Duration};

use tokio::{sync::Mutex, time::Instant};

use super::{
    Budget, Changes, Detail, ReadError, Scope, Snapshot, Unknown,
    followed::{Followed, Origin},
    following::{Failure, Following, Poll},
    reader::Reader,
    stream_arn,
};
use crate::group::EpochSeconds;

/// The rows in memory, and the positions in the stream.
#[derive(Debug)]
pub(super) struct Follower {
    /// The time after which all rows are read again, in case the stream lost a record.
    max_age: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The number of pages of each scope that has several. A scope with one page is read at each poll: a look takes at
    /// least one request, too.
    pages: BTreeMap<Scope, usize>,
    /// The number of requests of a look, if known.
    shards: usize,
    following: Option<Following>,
    /// The time until which the table counts as a table without a stream.
    no_stream_until: Option<EpochSeconds>,
}

impl Follower {
    /// Creates a follower that reads all rows again after `max_age`, plus or minus a tenth.
    pub(super) fn new(max_age: Duration) -> Self {
        Self { max_age, state: Mutex::default() }
    }

    /// Returns the current rows. All rows need at most `memory` bytes. `list` is the maximum size of a list of rows that
    /// the poll reads whole, in bytes.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(super) async fn current(
        &self,
        reader: &Reader,
        (scope, detail): (&Scope, Detail),
        now: EpochSeconds,
        (memory, list): (Option<usize>, usize),
    ) -> Result<Snapshot, ReadError> {
        let mut poll = Poll { reader, scope, now, began: Instant::now(), memory, followed: Followed::default() };
        let mut state = self.state.lock().await;
        // Lists follow changes. Pages and metrics need more of each row.
        if detail == Detail::Served {
            match state.follow(&mut poll, self.max_age).await {
                Ok(Some(snapshot)) => return Ok(snapshot),
                Ok(None) => {}
                Err(Failure::Unknown(unknown)) => unknown.log(),
                Err(Failure::Read(error)) => return Err(error),
            }
        }
        let kept = state.following.as_ref().map_or(0, Following::size);
        drop(state);
        let budget = |kept| Budget::new(memory.map(|memory| memory.saturating_sub(kept)), list);
        let snapshot = match reader.read(scope, detail, now, budget(kept)).await {
            Err(ReadError::OutOfMemory { .. }) if kept > 0 => {
                self.state.lock().await.following = None;
                reader.read(scope, detail, now, budget(0)).await?
            }
            read => read?,
        };
        if detail == Detail::Served
            && let Ok(mut state) = self.state.try_lock()
        {
            state.learn(scope, snapshot.pages);
        }
        Ok(Snapshot { followed: Some(Followed { origin: Origin::Read, ..poll.followed }), ..snapshot })
    }
}

impl State {
    /// Returns the current rows of the scope, or `None` if the poll should read them.
    async fn follow(&mut self, poll: &mut Poll<'_>, max_age: Duration) -> Result<Option<Snapshot>, Failure> {
        if self.following.as_ref().is_some_and(|following| !following.is_usable(poll.now)) {
            self.following = None;
        }
        if !self.is_worthwhile(poll.scope) {
            return Ok(None);
        }
        if self.following.is_none() {
            let Some(following) = self.start(poll, max_age).await? else { return Ok(None) };
            self.shards = following.shards();
            if !self.is_worthwhile(poll.scope) {
                return Ok(None);
            }
            self.following = Some(following);
        }
        // A poll that waited for others is older than their rows.
        let Some(following) = self.following.as_mut().filter(|following| !following.is_ahead_of(poll.now)) else {
            return Ok(None);
        };
        let current = following.current(poll).await;
        self.shards = following.shards();
        let pages = following.pages(poll.scope);
        if matches!(&current, Err(Failure::Unknown(_))) {
            self.following = None;
        }
        if let Some(pages) = pages {
            self.learn(poll.scope, pages);
        }
        current.map(Some)
    }

    /// Returns whether a look may take fewer requests than a read of the scope.
    fn is_worthwhile(&mut self, scope: &Scope) -> bool {
        let is_worthwhile = self.pages.get(scope).is_some_and(|pages| *pages > self.shards);
        if !is_worthwhile && let Some(following) = &mut self.following {
            following.drop_scope(scope);
        }
        is_worthwhile
    }

    /// Takes positions in the table's stream. Returns `None` for a table without a stream.
    async fn start(&mut self, poll: &mut Poll<'_>, max_age: Duration) -> Result<Option<Following>, Unknown> {
        let max_age = i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX);
        let table = &poll.reader.table;
        let is_known = |until: EpochSeconds| (1..=max_age).contains(&until.0.saturating_sub(poll.now.0));
        let Some(streams) = table.streams.clone().filter(|_| !self.no_stream_until.is_some_and(is_known)) else {
            return Ok(None);
        };
        let description = table.description().await?;
        // The check of the key has warned of it.
        let Ok(arn) = stream_arn(&description) else {
            self.no_stream_until = Some(EpochSeconds(poll.now.0.saturating_add(max_age)));
            return Ok(None);
        };
        let began = Instant::now();
        let changes = Changes::start(streams, arn).await?;
        poll.followed.stream_requests += changes.requests();
        Ok(Some(Following::new((changes, began), poll.now, max_age)))
    }

    /// Learns the number of pages of a scope. Scopes with one page are not kept, because requests can name any number
    /// of jobs without rows.
    fn learn(&mut self, scope: &Scope, pages: usize) {
        if pages > 1 {
            self.pages.insert(scope.clone(), pages);
        } else {
            self.pages.remove(scope);
        }
    }
}
