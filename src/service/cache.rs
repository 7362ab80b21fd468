//! Answers kept in memory for a short time, if the settings say so. Errors are never kept.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{listing::Listing, selection::Selection};
use crate::group::EpochSeconds;

/// What the kept bodies may add up to, in bytes. A body that does not fit is not kept.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// Listings by what was asked for.
#[derive(Debug)]
pub(super) struct Cache {
    keep_seconds: i64,
    entries: Mutex<HashMap<Selection, Entry>>,
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
    pub(super) fn get(&self, selection: &Selection, now: EpochSeconds) -> Option<Listing> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(selection)?;
        self.is_fresh(entry, now).then(|| entry.listing.clone())
    }

    /// Keeps a listing that has just been read.
    pub(super) fn put(&self, selection: &Selection, listing: &Listing, now: EpochSeconds) {
        if self.keep_seconds == 0 {
            return;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| self.is_fresh(entry, now));
        let kept: usize = entries.iter().map(|(selection, entry)| entry.size(selection)).sum();
        let entry = Entry { listing: listing.clone(), read_at: now };
        if kept + entry.size(selection) <= MOST_BYTES {
            entries.insert(selection.clone(), entry);
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
    fn size(&self, selection: &Selection) -> usize {
        512 + self.listing.body.len() + self.listing.counts.size() + selection.size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        group::{Job, Selectors, Shard},
        service::{lapsed::Together, listing::Counts, selection::Scope},
    };

    const NOW: EpochSeconds = EpochSeconds(1000);

    fn listing(size: usize, valid_until: Option<i64>) -> Listing {
        Listing {
            body: vec![b' '; size].into(),
            hash: String::new(),
            valid_until: valid_until.map(EpochSeconds),
            counts: Counts::default(),
        }
    }

    fn job(job: &str) -> Selection {
        Selection { scope: Scope::Job(Job::new(job).unwrap()), meta: false, shard: None, selectors: None }
    }

    #[test]
    fn a_listing_is_kept_for_the_time_that_was_set_and_no_longer() {
        let cache = Cache::new(Duration::from_secs(30));
        let part = |index, of| Selection { shard: Some(Shard::new(index, of).unwrap()), ..job("b") };
        cache.put(&job("a"), &listing(1, None), NOW);
        cache.put(&part(1, 4), &listing(1, None), NOW);
        let cases = [
            (job("a"), 1000, true),
            (job("a"), 1029, true),
            (job("a"), 1030, false),
            (job("a"), 999, false),
            (Selection { meta: true, ..job("a") }, 1000, false),
            (job("b"), 1000, false),
            (part(1, 4), 1029, true),
            (part(1, 2), 1000, false),
            (part(0, 4), 1000, false),
            (Selection { meta: true, ..part(1, 4) }, 1000, false),
            (Selection { scope: Scope::All, meta: false, shard: None, selectors: None }, 1000, false),
        ];
        for (selection, now, kept) in cases {
            assert_eq!(cache.get(&selection, EpochSeconds(now)).is_some(), kept, "{selection:?} at {now}");
        }
    }

    fn selected(text: &str) -> Selection {
        Selection { selectors: Selectors::parse([text]).unwrap(), ..job("a") }
    }

    #[test]
    fn a_listing_is_kept_for_its_own_selectors_alone() {
        let cache = Cache::new(Duration::from_secs(30));
        cache.put(&selected("{env=\"a\"}"), &listing(1, None), NOW);
        let cases =
            [("{env=\"a\"}", true), ("{env=\"b\"}", false), ("{env!=\"a\",env!=\"\"}", false), ("{x=\"a\"}", false)];
        for (text, kept) in cases {
            assert_eq!(cache.get(&selected(text), NOW).is_some(), kept, "{text}");
        }
        assert!(cache.get(&job("a"), NOW).is_none());
        assert!(cache.get(&Selection { meta: true, ..selected("{env=\"a\"}") }, NOW).is_none());
    }

    #[test]
    fn selectors_take_room_beside_what_is_kept_for_them() {
        let cache = Cache::new(Duration::from_secs(30));
        let large = |i: usize| selected(&format!("{{env=~\"{i}|a{{1000}}\"}}"));
        // Each takes some 128 KiB, and there is room for half of them.
        let all = 512;
        for i in 0..all {
            cache.put(&large(i), &listing(0, None), NOW);
        }
        let kept = (0..all).filter(|&i| cache.get(&large(i), NOW).is_some()).count();
        assert!((all / 3..all * 2 / 3).contains(&kept), "{kept} of {all}");
    }

    #[test]
    fn names_take_room_beside_the_list_that_they_are_for() {
        let mut named = listing(0, None);
        let entry = |listing: &Listing| Entry { listing: listing.clone(), read_at: NOW }.size(&job("a"));
        let before = entry(&named);
        named.counts.skipped.add(&"j".repeat(1000), "g");
        named.counts.together.push(Together { job: "j".repeat(1000), count: 3, since: NOW });
        assert!((2000..2500).contains(&(entry(&named) - before)), "{}", entry(&named));
    }

    #[test]
    fn a_listing_is_not_repeated_once_one_of_its_groups_has_lapsed() {
        let cache = Cache::new(Duration::from_secs(30));
        cache.put(&job("a"), &listing(1, Some(1005)), NOW);
        assert!(cache.get(&job("a"), EpochSeconds(1004)).is_some());
        assert!(cache.get(&job("a"), EpochSeconds(1005)).is_none());
    }

    #[test]
    fn nothing_is_kept_when_the_cache_is_off() {
        let cache = Cache::new(Duration::ZERO);
        cache.put(&job("a"), &listing(1, None), NOW);
        assert!(cache.get(&job("a"), NOW).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded_and_makes_room_when_it_is_stale() {
        let cache = Cache::new(Duration::from_secs(30));
        cache.put(&job("a"), &listing(MOST_BYTES / 2, None), NOW);
        cache.put(&job("b"), &listing(MOST_BYTES / 2, None), NOW);
        assert!(cache.get(&job("a"), NOW).is_some());
        assert!(cache.get(&job("b"), NOW).is_none());
        let later = EpochSeconds(1030);
        cache.put(&job("b"), &listing(MOST_BYTES / 2, None), later);
        assert!(cache.get(&job("b"), later).is_some());
    }
}
