//! Groups whose lease has lapsed, on their way to being served for a while or not: only all of a job's rows together tell
//! ([`Leases`]), and by then the list is written.

use std::{collections::BTreeMap, mem, time::Duration};

use super::{
    ServiceError,
    list::{List, Place},
};
use crate::group::{EpochSeconds, InvalidGroup, Kept, Lease, Leases, StoredGroupRef};

/// How many jobs the log names whose leases have lapsed together.
const MOST_JOBS: usize = 100;

/// What a reader has seen of leases. It takes memory for jobs that have leases, and for groups whose lease has lapsed
/// within the grace time.
#[derive(Debug)]
pub(super) struct Lapsed {
    now: EpochSeconds,
    grace: Duration,
    /// Each job with a lease as often as it came after another one.
    jobs: Vec<(String, Leases)>,
    /// The groups that may be kept.
    list: List,
    /// The piece of it that is being written.
    open: Vec<u8>,
    /// What else there is to know of each of them.
    groups: Vec<Group>,
    /// Those that may be kept, but are broken.
    broken: Vec<(EpochSeconds, InvalidGroup)>,
}

#[derive(Debug)]
struct Group {
    end: EpochSeconds,
    targets: usize,
    /// Where it belongs in the list of those that are served anyway.
    place: Place,
}

/// Leases of a job that have lapsed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Together {
    pub(super) job: String,
    /// How many there are, whether they are asked for or not.
    pub(super) count: usize,
    /// When the first of them ended.
    pub(super) since: EpochSeconds,
}

/// Which lapsed leases are kept, by job.
#[derive(Debug, Default)]
pub(super) struct Decision(BTreeMap<String, Kept>);

/// What is kept of what a reader has seen.
#[derive(Debug)]
pub(super) struct Rest {
    /// The groups, as an indexed list.
    pub(super) list: List,
    /// Their places in the list of those that are served anyway.
    pub(super) places: Vec<Place>,
    /// The targets in all of them.
    pub(super) targets: usize,
    /// Those that are broken.
    pub(super) broken: Vec<InvalidGroup>,
}

impl Lapsed {
    /// Nothing yet. Without a grace time, nothing ever.
    pub(super) fn new(now: EpochSeconds, grace: Duration) -> Self {
        let (jobs, open, groups, broken) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { now, grace, jobs, list: List::indexed(), open, groups, broken }
    }

    /// Adds the lease of a row of that job. Returns its end, if the group is not served any more but may be kept.
    pub(super) fn add(&mut self, job: &str, lease: Lease) -> Option<EpochSeconds> {
        if lease.expires_at.is_none() || self.grace.is_zero() {
            return None;
        }
        match self.jobs.last_mut() {
            Some((last, leases)) if last == job => leases.add(lease),
            _ => {
                let mut leases = Leases::at(self.now, self.grace);
                let end = leases.add(lease);
                self.jobs.push((job.to_owned(), leases));
                end
            }
        }
    }

    /// Adds a group that may be kept.
    pub(super) fn push(
        &mut self,
        group: &StoredGroupRef<'_>,
        end: EpochSeconds,
        place: Place,
    ) -> Result<(), ServiceError> {
        let mut piece = self.list.resume(mem::take(&mut self.open));
        piece.push(group)?;
        self.open = piece.pause();
        self.groups.push(Group { end, targets: group.group.targets.len(), place });
        Ok(())
    }

    /// Adds a broken group that may be kept.
    pub(super) fn push_broken(&mut self, invalid: InvalidGroup, end: EpochSeconds) {
        self.broken.push((end, invalid));
    }

    /// What is kept of what was added.
    pub(super) fn rest(&mut self, decision: &Decision) -> Rest {
        self.list.resume(mem::take(&mut self.open)).finish();
        let (mut list, groups) = (mem::take(&mut self.list), mem::take(&mut self.groups));
        let (mut places, mut targets) = (Vec::new(), 0);
        list.retain(|number, job| {
            let group = &groups[number];
            let is_kept = decision.keeps(job, group.end);
            if is_kept {
                places.push(group.place);
                targets += group.targets;
            }
            is_kept
        });
        let broken =
            mem::take(&mut self.broken).into_iter().filter(|(end, invalid)| decision.keeps(&invalid.job, *end));
        Rest { list, places, targets, broken: broken.map(|(_, invalid)| invalid).collect() }
    }
}

impl Decision {
    /// Decides, once the readers have seen all of their jobs' rows.
    pub(super) fn of<'a>(readers: impl Iterator<Item = &'a mut Lapsed>) -> Self {
        let mut jobs: BTreeMap<String, Leases> = BTreeMap::new();
        for (job, leases) in readers.flat_map(|lapsed| mem::take(&mut lapsed.jobs)) {
            match jobs.get_mut(&job) {
                Some(own) => own.append(leases),
                None => _ = jobs.insert(job, leases),
            }
        }
        let kept = jobs.into_iter().map(|(job, leases)| (job, leases.kept()));
        Self(kept.filter(|(_, kept)| *kept != Kept::default()).collect())
    }

    fn keeps(&self, job: &str, end: EpochSeconds) -> bool {
        self.0.get(job).is_some_and(|kept| kept.has(end))
    }

    /// The first moment at which the decision may be another one.
    pub(super) fn until(&self) -> Option<EpochSeconds> {
        self.0.values().filter_map(|kept| kept.until).min()
    }

    /// How many leases are kept.
    pub(super) fn count(&self) -> usize {
        self.0.values().map(Kept::count).sum()
    }

    /// The jobs whose leases are kept; not all of them if there are very many.
    pub(super) fn together(&self) -> impl Iterator<Item = Together> {
        let together = self
            .0
            .iter()
            .filter_map(|(job, kept)| Some(Together { job: job.clone(), count: kept.count(), since: kept.since()? }));
        together.take(MOST_JOBS)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::group::TargetGroupRef;

    const NOW: EpochSeconds = EpochSeconds(10_000);
    const GRACE: Duration = Duration::from_secs(1000);

    fn lapsed_since(age: i64) -> Lease {
        Lease { expires_at: Some(EpochSeconds(NOW.0 - age)), delete_at: None }
    }

    /// What comes of rows by job and age in several readers: of each row whether it is kept.
    fn decide(rows: &[(String, i64)], readers: usize) -> (Vec<bool>, Vec<Together>) {
        let mut lapsed: Vec<Lapsed> = (0..readers).map(|_| Lapsed::new(NOW, GRACE)).collect();
        let mut list = List::in_read_order();
        let place = list.piece(0).place();
        for (i, (job, age)) in rows.iter().enumerate() {
            let reader = &mut lapsed[i % readers];
            if let Some(end) = reader.add(job, lapsed_since(*age)) {
                let group = TargetGroupRef { targets: vec!["a"; i], labels: Vec::new() };
                let stored = StoredGroupRef { job, name: "g", lease: lapsed_since(*age), group };
                reader.push(&stored, end, place).unwrap();
            }
        }
        let decision = Decision::of(lapsed.iter_mut());
        let rests: Vec<Rest> = lapsed.iter_mut().map(|lapsed| lapsed.rest(&decision)).collect();
        let kept: Vec<bool> = rows.iter().map(|(job, age)| decision.keeps(job, EpochSeconds(NOW.0 - age))).collect();
        let targets: usize = kept.iter().enumerate().filter(|(_, kept)| **kept).map(|(i, _)| i).sum();
        assert_eq!(rests.iter().map(|rest| rest.targets).sum::<usize>(), targets);
        assert_eq!(rests.iter().map(|rest| rest.places.len()).sum::<usize>(), decision.count());
        (kept, decision.together().collect())
    }

    #[test]
    fn nothing_is_remembered_of_jobs_without_leases_or_without_a_grace_time() {
        for (grace, lease) in
            [(GRACE, Lease::default()), (Duration::ZERO, lapsed_since(1)), (Duration::ZERO, lapsed_since(-1))]
        {
            let mut lapsed = Lapsed::new(NOW, grace);
            assert_eq!(lapsed.add("j", lease), None);
            assert!(lapsed.jobs.is_empty());
        }
    }

    #[test]
    fn jobs_are_told_by_name_with_their_leases_and_not_more_than_a_hundred() {
        let rows = |jobs: usize| -> Vec<(String, i64)> {
            (0..jobs * 3).map(|i| (format!("{:04}", i / 3), i64::try_from(i % 3).unwrap())).collect()
        };
        let first = Together { job: "0000".into(), count: 3, since: EpochSeconds(NOW.0 - 2) };
        assert_eq!(decide(&rows(1), 2).1, [first]);
        assert_eq!(decide(&rows(500), 2).1.len(), 100);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever segment has which of a job's rows, and whichever come after each other.
        #[test]
        fn the_rows_of_a_job_decide_together_whoever_reads_them(
            rows in vec(("[abc]", prop_oneof![-100..0_i64, 0..400_i64, 0..1500_i64]), 0..40),
            readers in 1..5_usize,
        ) {
            let (kept, _) = decide(&rows, readers);
            for job in ["a", "b", "c"] {
                let mut leases = Leases::at(NOW, GRACE);
                let own = || rows.iter().zip(&kept).filter(|((own, _), _)| own == job);
                own().for_each(|((_, age), _)| _ = leases.add(lapsed_since(*age)));
                let alone = leases.kept();
                for ((_, age), is_kept) in own() {
                    prop_assert_eq!(*is_kept, alone.has(EpochSeconds(NOW.0 - age)));
                }
            }
        }
    }
}
