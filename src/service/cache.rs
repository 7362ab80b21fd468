//! Answers kept in memory for a short time, if the settings say so. Errors are never kept.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::listing::{Listing, Scope};
use crate::group::EpochSeconds;

/// What the kept bodies may add up to, in bytes. A body that does not fit is not kept.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// Listings by what was asked for.
#[derive(Debug)]
pub(super) struct Cache {
    keep_seconds: i64,
    entries: Mutex<HashMap<(Scope, bool), Entry>>,
}

#[derive(Debug)]
struct Entry {
    listing: Listing,
    read_at: EpochSeconds,
}

impl Cache {
    /// Keeps listings for that long; not at all if it is zero.
    pub(super) fn new(keep: Duration) -> Self {
        Self { keep_seconds: i64::try_from(keep.as_secs()).unwrap_or(i64::MAX), entries: Mutex::default() }
    }

    /// A listing that was read within the time to keep, and of which no group has lapsed since.
    pub(super) fn get(&self, scope: &Scope, meta: bool, now: EpochSeconds) -> Option<Listing> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(&(scope.clone(), meta))?;
        self.is_fresh(entry, now).then(|| entry.listing.clone())
    }

    /// Keeps a listing that has just been read.
    pub(super) fn put(&self, scope: &Scope, meta: bool, listing: &Listing, now: EpochSeconds) {
        if self.keep_seconds == 0 {
            return;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| self.is_fresh(entry, now));
        let kept: usize = entries.iter().map(|((scope, _), entry)| entry.size(scope)).sum();
        let entry = Entry { listing: listing.clone(), read_at: now };
        if kept + entry.size(scope) <= MOST_BYTES {
            entries.insert((scope.clone(), meta), entry);
        }
    }

    fn is_fresh(&self, entry: &Entry, now: EpochSeconds) -> bool {
        let age = now.0.saturating_sub(entry.read_at.0);
        // A clock that was set back makes nothing fresh.
        (0..self.keep_seconds).contains(&age) && entry.listing.valid_until.is_none_or(|until| now < until)
    }
}

impl Entry {
    /// Roughly what the entry takes, in bytes. An empty list counts as well: names can be made up without end.
    fn size(&self, scope: &Scope) -> usize {
        512 + self.listing.body.len() + scope.size()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{group::Job, service::listing::Counts};

    const NOW: EpochSeconds = EpochSeconds(1000);

    fn listing(size: usize, valid_until: Option<i64>) -> Listing {
        Listing {
            body: Bytes::from(vec![b' '; size]),
            hash: String::new(),
            valid_until: valid_until.map(EpochSeconds),
            counts: Counts::default(),
        }
    }

    fn scope(job: &str) -> Scope {
        Scope::Job(Job::new(job).unwrap())
    }

    #[test]
    fn a_listing_is_kept_for_the_time_that_was_set_and_no_longer() {
        let cache = Cache::new(Duration::from_secs(30));
        cache.put(&scope("a"), false, &listing(1, None), NOW);
        let cases = [
            (scope("a"), false, 1000, true),
            (scope("a"), false, 1029, true),
            (scope("a"), false, 1030, false),
            (scope("a"), false, 999, false),
            (scope("a"), true, 1000, false),
            (scope("b"), false, 1000, false),
            (Scope::All, false, 1000, false),
        ];
        for (scope, meta, now, kept) in cases {
            assert_eq!(cache.get(&scope, meta, EpochSeconds(now)).is_some(), kept, "{scope:?} meta={meta} at {now}");
        }
    }

    #[test]
    fn a_listing_is_not_repeated_once_one_of_its_groups_has_lapsed() {
        let cache = Cache::new(Duration::from_secs(30));
        cache.put(&scope("a"), false, &listing(1, Some(1005)), NOW);
        assert!(cache.get(&scope("a"), false, EpochSeconds(1004)).is_some());
        assert!(cache.get(&scope("a"), false, EpochSeconds(1005)).is_none());
    }

    #[test]
    fn nothing_is_kept_when_the_cache_is_off() {
        let cache = Cache::new(Duration::ZERO);
        cache.put(&scope("a"), false, &listing(1, None), NOW);
        assert!(cache.get(&scope("a"), false, NOW).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded_and_makes_room_when_it_is_stale() {
        let cache = Cache::new(Duration::from_secs(30));
        cache.put(&scope("a"), false, &listing(MOST_BYTES / 2, None), NOW);
        cache.put(&scope("b"), false, &listing(MOST_BYTES / 2, None), NOW);
        assert!(cache.get(&scope("a"), false, NOW).is_some());
        assert!(cache.get(&scope("b"), false, NOW).is_none());
        let later = EpochSeconds(1030);
        cache.put(&scope("b"), false, &listing(MOST_BYTES / 2, None), later);
        assert!(cache.get(&scope("b"), false, later).is_some());
    }
}
