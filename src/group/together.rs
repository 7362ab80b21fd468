//! The rule for leases that lapse together. When many leases of a job end at once, the program that renews them, or a
//! clock, has more likely failed than the machines.

use std::time::Duration;

use super::{EpochSeconds, Lease};

/// The minimum number of leases that lapse together.
const LEAST: usize = 3;
/// The time within which leases that lapse together expire, in seconds.
const WINDOW: i64 = 300;

/// The leases of one job at one time, which decide the expired leases that are kept.
///
/// The rule depends only on the rows of the job and the time, so that equal reads give equal groups:
///
/// - A row counts if it has an `expires_at`, and its `delete_at`, if any, is in the future. After `delete_at` DynamoDB
///   may delete the row at any moment.
/// - Leases *lapse together* if at least 3, and at least half of those active when the first expired, expire within
///   five minutes. Leases that expired earlier do not count.
/// - A lease that lapsed together is *kept* until the grace time after its own `expires_at` is over.
///
/// An example with ten leases and a grace time of one hour: five leases expire between 12:00 and 12:04. Five is at
/// least three, and half of the ten that were active until 12:00. From 12:04, when the fifth expires, all five are
/// kept, the first of them until 13:00. If only four expired, or the fifth at 12:06, none would be kept. Once one of
/// the five is renewed, the other four are less than half of the ten and are not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leases {
    now: EpochSeconds,
    /// The grace time, in seconds.
    grace: i64,
    running: usize,
    /// The ends of the expired leases that still count.
    ended: Vec<EpochSeconds>,
    /// The next time at which a lease expires or stops counting.
    next: Option<EpochSeconds>,
}

/// The leases of a job that are kept although they expired.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// The ends of the kept leases, in order.
    ends: Vec<EpochSeconds>,
    /// The first time at which the same rows may keep other leases. `None` if that cannot happen before an active lease
    /// expires.
    pub until: Option<EpochSeconds>,
}

impl Leases {
    /// Creates an empty set of leases at the time `now`. With a `grace` of zero no lease is kept.
    #[must_use]
    pub fn at(now: EpochSeconds, grace: Duration) -> Self {
        let grace = i64::try_from(grace.as_secs()).unwrap_or(i64::MAX);
        Self { now, grace, running: 0, ended: Vec::new(), next: None }
    }

    /// Returns whether a lease counts for the rule.
    #[must_use]
    pub fn counts(&self, lease: Lease) -> bool {
        lease.expires_at.is_some_and(|end| self.age(end) < self.grace.saturating_add(WINDOW))
            && lease.delete_at.is_none_or(|at| at > self.now)
    }

    /// Returns whether an expired lease is kept if enough others expired with it.
    #[must_use]
    pub fn may_keep(&self, lease: Lease) -> bool {
        self.counts(lease) && lease.expires_at.is_some_and(|end| end <= self.now && self.age(end) < self.grace)
    }

    /// Adds the lease of a row.
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

    /// Returns the seconds since a lease expired; negative if the lease is active.
    fn age(&self, end: EpochSeconds) -> i64 {
        self.now.0.saturating_sub(end.0)
    }

    /// Returns the kept leases, after [`Leases::add`] for every row of the job.
    #[must_use]
    pub fn kept(mut self) -> Kept {
        if self.ended.is_empty() {
            return Kept::default();
        }
        self.ended.sort_unstable();
        let ended = &self.ended;
        let mut ends: Vec<EpochSeconds> = Vec::new();
        // Leases before `after` end in the window that starts with the lease `first`. Leases before `seen` are in
        // `ends` already, unless their grace time is over.
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
    /// Returns whether a lease with this end is kept.
    #[must_use]
    pub fn has(&self, end: EpochSeconds) -> bool {
        self.ends.binary_search(&end).is_ok()
    }

    /// Returns the number of kept leases.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Returns the end of the kept lease that expired first.
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

    /// Returns the ages of the kept leases, in seconds since they expired; negative for active leases.
    fn ages(ages: &[i64]) -> Vec<i64> {
        let leases: Vec<Lease> = ages.iter().map(|age| lease(NOW - age, None)).collect();
        let job = kept(&leases, NOW, GRACE);
        let mut kept: Vec<i64> = ages.iter().copied().filter(|age| job.has(EpochSeconds(NOW - age))).collect();
        kept.sort_unstable();
        assert_eq!(kept.len(), job.count());
        kept
    }

    #[test]
    fn leases_lapse_together_by_number_half_and_window() {
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
            // A lease that expired later was active then.
            (&[700, 700, 700, 5, 200, 300], &[5, 200, 300, 700, 700, 700]),
            (&[700, 700, 700, 5, 200, 300, -1], &[5, 200, 300]),
            // A lease that expired long before does not count.
            (&[10, 10, 5000, 5000, 5000], &[]),
            (&[10, 10, 10, 10, 900, 800, 700, 5000], &[10, 10, 10, 10]),
            (&[10, 10, 10, 900, 800, 700, 5000], &[10, 10, 10, 700, 800, 900]),
            // The grace time of each lease starts at its own end.
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
    fn rows_without_active_lease_do_not_count() {
        let ended = lease(NOW - 10, NOW + 5000);
        let others = [lease(None, None), lease(None, NOW + 10), lease(NOW + 10, NOW), lease(NOW - 10, NOW)];
        let mut leases = vec![ended; 3];
        leases.extend(others.repeat(3));
        assert_eq!(kept(&leases, NOW, GRACE).count(), 3);
        assert_eq!(kept(&leases[1..], NOW, GRACE).count(), 0);
        // A row is not kept after its `delete_at`.
        let job = Leases::at(EpochSeconds(NOW), Duration::from_secs(1000));
        assert_eq!(others.map(|lease| job.may_keep(lease)), [false; 4]);
        assert!(job.may_keep(ended));
        // A row is not kept after its grace time.
        assert_eq!([999, 1000].map(|age| job.may_keep(lease(NOW - age, None))), [true, false]);
    }

    #[test]
    fn extreme_times_do_not_overflow() {
        for end in [i64::MIN, i64::MAX] {
            let leases = vec![lease(end, end); 3];
            for (now, grace) in [(0, GRACE), (i64::MAX, i64::MAX), (i64::MIN, 0), (NOW, i64::MAX)] {
                assert!(kept(&leases, now, grace).count() <= 3, "{end} {now} {grace}");
            }
        }
    }

    /// The rule as its description says, slow and simple.
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
        fn kept_leases_follow_the_described_rule(leases in some_leases(), grace in prop_oneof![Just(0), 0..1200_i64]) {
            let kept = kept(&leases, NOW, grace);
            let ends: Vec<i64> = kept.ends.iter().map(|end| end.0).collect();
            prop_assert_eq!(&ends, &slow(&leases, NOW, grace));
            prop_assert_eq!(kept.since().map(|end| end.0), ends.first().copied());
            if grace == 0 {
                prop_assert!(ends.is_empty());
            }
            // Every kept lease passes `may_keep`.
            let job = Leases::at(EpochSeconds(NOW), Duration::from_secs(grace.unsigned_abs()));
            let may_be: Vec<Lease> = leases.iter().copied().filter(|lease| job.may_keep(*lease)).collect();
            prop_assert!(ends.iter().all(|end| may_be.iter().any(|lease| lease.expires_at == Some(EpochSeconds(*end)))));
        }

        #[test]
        fn row_order_does_not_change_kept_leases(
            (leases, shuffled) in some_leases().prop_flat_map(|leases| (Just(leases.clone()), Just(leases).prop_shuffle())),
        ) {
            prop_assert_eq!(kept(&shuffled, NOW, GRACE), kept(&leases, NOW, GRACE));
        }

        /// Another active lease changes what is kept only if the kept leases become less than half. Another expired
        /// lease only adds to what is kept.
        #[test]
        fn another_lease_removes_only_below_half(leases in some_leases(), left in 1..500_i64) {
            let before = kept(&leases, NOW, GRACE);
            let with = |expires_at| kept(&[leases.clone(), vec![lease(expires_at, None)]].concat(), NOW, GRACE);
            let running = with(NOW + left);
            prop_assert!(running.ends.iter().all(|end| before.has(*end)));
            if before.ends != running.ends {
                // Only leases that were exactly half can be affected.
                let counted = leases.iter().filter(|lease| lease.delete_at.is_none_or(|at| at.0 > NOW));
                let ends: Vec<i64> = counted.filter_map(|lease| lease.expires_at).map(|end| end.0).collect();
                let is_just_half = |start: &i64| {
                    let window = *start..=(*start + WINDOW).min(NOW);
                    let together = ends.iter().filter(|&end| window.contains(end)).count();
                    together * 2 == ends.iter().filter(|end| *end >= start).count()
                };
                prop_assert!(ends.iter().any(is_just_half));
            }
            // A lease that expired with the first kept lease is kept too.
            if let Some(&end) = before.ends.first() {
                let more = with(end.0);
                prop_assert!(before.ends.iter().all(|end| more.has(*end)));
                prop_assert!(more.count() > before.count());
            }
        }

        /// Before `until`, time changes nothing, unless an active lease expires.
        #[test]
        fn kept_leases_do_not_change_before_until(leases in some_leases(), later in 0..1500_i64) {
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
