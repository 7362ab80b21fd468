//! Leases of a job that lapse together: more likely their registrar or a clock has failed than the machines.

use std::time::Duration;

use super::{EpochSeconds, Lease};

/// The fewest leases that lapse together.
const LEAST: usize = 3;
/// The time within which leases that lapse together end, in seconds.
const WINDOW: i64 = 300;

/// The leases of one job at one time, as far as they decide which of the lapsed ones are kept.
///
/// The rule, from the job's rows and the time alone, so that everybody who reads the same rows at the same time gets the
/// same groups:
///
/// - A *lease* is a row with `expires_at`, unless the row has a `delete_at` that is past: from then on DynamoDB may delete
///   the row at any moment, so that it counts for nothing any more. A row without `expires_at` does not count either.
/// - Leases have *lapsed together* if they have ended within five minutes, are at least three, and are at least half of
///   the job's leases that ran until the first of them ended: of themselves, and of those that ended later or run still.
///   What had ended before does not count.
/// - What has lapsed together is *kept* until the grace time after its own end is over.
///
/// Of ten leases, say, five end between 12:00 and 12:04. They are at least three, and half of the ten that ran until
/// 12:00: from 12:04, when the fifth ends, all five are kept, with a grace time of an hour the first of them until 13:00.
/// Had four ended, or the fifth at 12:06, none would be. Once one of the five is renewed, the other four are not half of
/// the ten any more, and no longer kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leases {
    now: EpochSeconds,
    /// In seconds.
    grace: i64,
    running: usize,
    /// The ends of those that have ended and are not too old to matter.
    ended: Vec<EpochSeconds>,
    /// When the next of them ends, or stops counting.
    next: Option<EpochSeconds>,
}

/// The lapsed leases of a job that are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// Their ends, in order.
    ends: Vec<EpochSeconds>,
    /// The first moment at which the same rows may come to something else; `None` if that does not depend on the time, as
    /// long as no group that is served lapses.
    pub until: Option<EpochSeconds>,
}

impl Leases {
    /// No leases yet, at that time. Without a grace time none is kept.
    #[must_use]
    pub fn at(now: EpochSeconds, grace: Duration) -> Self {
        let grace = i64::try_from(grace.as_secs()).unwrap_or(i64::MAX);
        Self { now, grace, running: 0, ended: Vec::new(), next: None }
    }

    /// Whether a lease still has a part in the decision.
    #[must_use]
    pub fn counts(&self, lease: Lease) -> bool {
        lease.expires_at.is_some_and(|end| self.age(end) < self.grace.saturating_add(WINDOW))
            && lease.delete_at.is_none_or(|at| at > self.now)
    }

    /// Whether a group whose lease has ended may be kept, if enough others have ended with it.
    #[must_use]
    pub fn may_keep(&self, lease: Lease) -> bool {
        self.counts(lease) && lease.expires_at.is_some_and(|end| end <= self.now && self.age(end) < self.grace)
    }

    /// Adds the lease of one of the job's rows.
    pub fn add(&mut self, lease: Lease) {
        let Some(end) = lease.expires_at.filter(|_| self.counts(lease)) else { return };
        self.next = EpochSeconds::earlier(self.next, lease.delete_at);
        if end > self.now {
            self.running += 1;
            self.next = EpochSeconds::earlier(self.next, Some(end));
        } else {
            self.ended.push(end);
        }
    }

    /// The seconds since a lease has ended; negative if it has not.
    fn age(&self, end: EpochSeconds) -> i64 {
        self.now.0.saturating_sub(end.0)
    }

    /// Those that are kept, once all of the job's leases were added.
    #[must_use]
    pub fn kept(mut self) -> Kept {
        if self.ended.is_empty() {
            return Kept::default();
        }
        self.ended.sort_unstable();
        let ended = &self.ended;
        let mut ends: Vec<EpochSeconds> = Vec::new();
        // Those up to `after` are within the window that the lease number `first` begins, those up to `seen` in an earlier
        // one as well.
        let (mut after, mut seen) = (0, 0);
        for (first, start) in ended.iter().enumerate() {
            after += ended[after..].iter().take_while(|end| end.0.saturating_sub(start.0) <= WINDOW).count();
            let (together, running) = (after - first, self.running + ended.len() - first);
            if together >= LEAST && together * 2 >= running {
                let lasts = |end: &&EpochSeconds| self.now.0.saturating_sub(end.0) < self.grace;
                ends.extend(ended[first.max(seen)..after].iter().filter(lasts));
                seen = after;
            }
        }
        let over = ends.first().map(|end| EpochSeconds(end.0.saturating_add(self.grace)));
        Kept { ends, until: EpochSeconds::earlier(self.next, over) }
    }
}

impl Kept {
    /// Whether a lapsed lease with that end is one of them.
    #[must_use]
    pub fn has(&self, end: EpochSeconds) -> bool {
        self.ends.binary_search(&end).is_ok()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// When the first of them ended.
    #[must_use]
    pub fn since(&self) -> Option<EpochSeconds> {
        self.ends.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*};

    use super::*;

    const NOW: i64 = 10_000;
    const GRACE: i64 = 1000;

    fn lease(expires_at: impl Into<Option<i64>>, delete_at: impl Into<Option<i64>>) -> Lease {
        Lease { expires_at: expires_at.into().map(EpochSeconds), delete_at: delete_at.into().map(EpochSeconds) }
    }

    fn kept(leases: &[Lease], now: i64, grace: i64) -> Kept {
        let mut job = Leases::at(EpochSeconds(now), Duration::from_secs(grace.unsigned_abs()));
        for lease in leases {
            job.add(*lease);
        }
        job.kept()
    }

    /// Which of the leases are kept, so many seconds after they ended; negative for those that run still.
    fn ages(ages: &[i64]) -> Vec<i64> {
        let leases: Vec<Lease> = ages.iter().map(|age| lease(NOW - age, None)).collect();
        let job = kept(&leases, NOW, GRACE);
        let mut kept: Vec<i64> = ages.iter().copied().filter(|age| job.has(EpochSeconds(NOW - age))).collect();
        kept.sort_unstable();
        assert_eq!(kept.len(), job.count());
        kept
    }

    #[test]
    fn at_least_three_and_half_of_those_that_ran_within_five_minutes_are_kept_for_the_grace_time() {
        let cases: &[(&[i64], &[i64])] = &[
            (&[], &[]),
            (&[10, 10], &[]),
            (&[10, 10, 10], &[10, 10, 10]),
            (&[0, 0, 0], &[0, 0, 0]),
            (&[-1, 0, 0], &[]),
            (&[10, 160, 310], &[10, 160, 310]),
            (&[10, 160, 311], &[]),
            // Half, and one less than half.
            (&[10, 10, 10, -1, -1, -1], &[10, 10, 10]),
            (&[10, 10, 10, -1, -1, -1, -1], &[]),
            // What ended later ran when they ended.
            (&[700, 700, 700, 5, 200, 300], &[5, 200, 300, 700, 700, 700]),
            (&[700, 700, 700, 5, 200, 300, -1], &[5, 200, 300]),
            // What ended long before does not count, neither for them nor against them.
            (&[10, 10, 5000, 5000, 5000], &[]),
            (&[10, 10, 10, 10, 900, 800, 700, 5000], &[10, 10, 10, 10]),
            (&[10, 10, 10, 900, 800, 700, 5000], &[10, 10, 10, 700, 800, 900]),
            // Each until its own time is over.
            (&[999, 1000, 1001], &[999]),
            (&[1000, 1000, 1000], &[]),
            (&[900, 1100, 1200], &[900]),
            (&[900, 1100, 1201], &[]),
        ];
        for (leases, expected) in cases {
            assert_eq!(ages(leases), *expected, "{leases:?}");
        }
    }

    #[test]
    fn a_row_without_a_lease_or_one_that_may_be_deleted_counts_for_nothing() {
        let ended = lease(NOW - 10, NOW + 5000);
        let others = [lease(None, None), lease(None, NOW + 10), lease(NOW + 10, NOW), lease(NOW - 10, NOW)];
        let mut leases = vec![ended; 3];
        leases.extend(others.repeat(3));
        assert_eq!(kept(&leases, NOW, GRACE).count(), 3);
        assert_eq!(kept(&leases[1..], NOW, GRACE).count(), 0);
        // Nor may a row be kept whose time to be deleted has come.
        let job = Leases::at(EpochSeconds(NOW), Duration::from_secs(1000));
        assert_eq!(others.map(|lease| job.may_keep(lease)), [false; 4]);
        assert!(job.may_keep(ended));
        // Nor one that has lapsed a grace time ago.
        assert_eq!([999, 1000].map(|age| job.may_keep(lease(NOW - age, None))), [true, false]);
    }

    #[test]
    fn times_at_the_ends_of_the_range_are_times() {
        for end in [i64::MIN, i64::MAX] {
            let leases = vec![lease(end, end); 3];
            for (now, grace) in [(0, GRACE), (i64::MAX, i64::MAX), (i64::MIN, 0), (NOW, i64::MAX)] {
                assert!(kept(&leases, now, grace).count() <= 3, "{end} {now} {grace}");
            }
        }
    }

    /// The rule, word by word.
    fn slow(leases: &[Lease], now: i64, grace: i64) -> Vec<i64> {
        let leases = leases.iter().filter(|lease| lease.delete_at.is_none_or(|at| at.0 > now));
        let ends: Vec<i64> = leases.filter_map(|lease| lease.expires_at).map(|end| end.0).collect();
        let have_lapsed_together = |start: i64| {
            let together = ends.iter().filter(|&&end| (start..=start + WINDOW).contains(&end) && end <= now).count();
            let ran = ends.iter().filter(|&&end| end >= start).count();
            together >= LEAST && together >= ran - together
        };
        let is_kept = |end: i64| end <= now && now < end + grace && (end - WINDOW..=end).any(have_lapsed_together);
        let mut kept: Vec<i64> = ends.iter().copied().filter(|&end| is_kept(end)).collect();
        kept.sort_unstable();
        kept
    }

    prop_compose! {
        fn some_leases()(
            rows in vec((option::weighted(0.9, prop_oneof![-400..0_i64, 0..100_i64, 0..1500_i64]), option::weighted(0.3, -100..2000_i64)), 0..25),
        ) -> Vec<Lease> {
            rows.into_iter().map(|(age, delete)| lease(age.map(|age| NOW - age), delete.map(|delete| NOW + delete))).collect()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_kept_is_what_the_rule_says(leases in some_leases(), grace in prop_oneof![Just(0), 0..1200_i64]) {
            let kept = kept(&leases, NOW, grace);
            let ends: Vec<i64> = kept.ends.iter().map(|end| end.0).collect();
            prop_assert_eq!(&ends, &slow(&leases, NOW, grace));
            prop_assert_eq!(kept.since().map(|end| end.0), ends.first().copied());
            if grace == 0 {
                prop_assert!(ends.is_empty());
            }
            // Whoever may be kept was told so.
            let job = Leases::at(EpochSeconds(NOW), Duration::from_secs(grace.unsigned_abs()));
            let may_be: Vec<Lease> = leases.iter().copied().filter(|lease| job.may_keep(*lease)).collect();
            prop_assert!(ends.iter().all(|end| may_be.iter().any(|lease| lease.expires_at == Some(EpochSeconds(*end)))));
        }

        /// In any order of rows.
        #[test]
        fn the_order_of_the_rows_does_not_matter(
            (leases, shuffled) in some_leases().prop_flat_map(|leases| (Just(leases.clone()), Just(leases).prop_shuffle())),
        ) {
            prop_assert_eq!(kept(&shuffled, NOW, GRACE), kept(&leases, NOW, GRACE));
        }

        /// A lease that runs takes from what is kept only by making it less than half, and what has ended only adds to it.
        #[test]
        fn another_lease_takes_nothing_away_but_by_the_rule_of_the_half(leases in some_leases(), left in 1..500_i64) {
            let before = kept(&leases, NOW, GRACE);
            let with = |expires_at| kept(&[leases.clone(), vec![lease(expires_at, None)]].concat(), NOW, GRACE);
            let running = with(NOW + left);
            prop_assert!(running.ends.iter().all(|end| before.has(*end)));
            if before.ends != running.ends {
                // Without the half there would be no difference.
                let counted = leases.iter().filter(|lease| lease.delete_at.is_none_or(|at| at.0 > NOW));
                let ends: Vec<i64> = counted.filter_map(|lease| lease.expires_at).map(|end| end.0).collect();
                let is_just_half = |start: &i64| {
                    let window = *start..=(*start + WINDOW).min(NOW);
                    let together = ends.iter().filter(|&end| window.contains(end)).count();
                    together * 2 == ends.iter().filter(|end| *end >= start).count()
                };
                prop_assert!(ends.iter().any(is_just_half));
            }
            // One more that has ended with the first of those that are kept is kept with them.
            if let Some(&end) = before.ends.first() {
                let more = with(end.0);
                prop_assert!(before.ends.iter().all(|end| more.has(*end)));
                prop_assert!(more.count() > before.count());
            }
        }

        /// As time goes by, nothing changes before the moment that was told, but by a lease that runs and lapses.
        #[test]
        fn until_then_the_same_is_kept(leases in some_leases(), later in 0..1500_i64) {
            let before = kept(&leases, NOW, GRACE);
            if !leases.iter().any(|lease| Leases::at(EpochSeconds(NOW), Duration::from_secs(1000)).may_keep(*lease)) {
                return Ok(());
            }
            if before.until.is_none_or(|until| NOW + later < until.0) {
                prop_assert_eq!(before.ends, kept(&leases, NOW + later, GRACE).ends);
            }
        }
    }
}
