//! Comparing what is wanted with what is there, row by row, so that only the rows that differ are held in memory.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    Change, ChangeKind, Counts, Desired, Plan, Removal, Wanted,
    desired::{Fingerprint, fingerprint},
    guard::Share,
    names::{self, FreeNames},
};
use crate::{
    group::{EpochSeconds, Fault, Job, Labels, TargetGroup},
    table::{Record, State},
};

/// A comparison that is under way.
#[derive(Debug)]
pub struct Comparison<'d> {
    set: String,
    adopt: bool,
    now: EpochSeconds,
    jobs: BTreeMap<Job, JobComparison<'d>>,
}

/// The rows and the wanted groups of a job.
#[derive(Debug, Default)]
struct JobComparison<'d> {
    wanted: &'d [Wanted],
    /// Which wanted groups have a fingerprint.
    by_content: HashMap<Fingerprint, Matches>,
    /// Rows of the set that hold nothing wanted.
    left: Vec<Record>,
    names: FreeNames,
    unchanged: usize,
    /// Of the set's own rows.
    served: Served,
}

/// Groups and targets that are served.
#[derive(Debug, Default, Clone, Copy)]
struct Served {
    groups: usize,
    targets: usize,
}

/// Wanted groups with the same content.
#[derive(Debug, Default)]
struct Matches {
    /// Those that no row holds yet.
    free: Vec<usize>,
    /// Those that a row holds that is not the set's own.
    elsewhere: Vec<(usize, Elsewhere)>,
}

impl Matches {
    /// One for a row of the set's own, which has a better claim than any other row.
    fn claim(&mut self) -> Option<usize> {
        self.free.pop().or_else(|| Some(self.elsewhere.pop()?.0))
    }
}

#[derive(Debug)]
enum Elsewhere {
    /// Nobody owns the row, and the set may have it.
    Adopted(Box<Record>),
    /// The row stays with its owner; without a name nobody owns it.
    Left(String),
}

impl<'d> Comparison<'d> {
    /// Compares as the owner of `set`. With `adopt` the set becomes the owner of rows that nobody owns and that hold
    /// what the files say.
    #[must_use]
    pub fn new(desired: &'d Desired, set: &str, adopt: bool, now: EpochSeconds) -> Self {
        let jobs = desired.jobs.iter().map(|(job, wanted)| (job.clone(), JobComparison::new(wanted))).collect();
        Self { set: set.to_owned(), adopt, now, jobs }
    }

    /// Takes a row of the table into account.
    pub fn see(&mut self, record: Record) {
        let own = record.managed_by.as_deref() == Some(&self.set);
        if own && !self.jobs.contains_key(&record.job) {
            self.jobs.insert(record.job.clone(), JobComparison::default());
        }
        // A job that is in no file, in a row that is not ours: not our business.
        let Some(job) = self.jobs.get_mut(&record.job) else { return };
        job.see(record, own, self.adopt, self.now);
    }

    /// The plan, once every row was seen. Without `prune` no row goes.
    ///
    /// # Errors
    /// [`Fault`] if a name cannot be a key, which the way in which names are made rules out.
    pub fn finish(self, prune: bool) -> Result<Plan<'d>, Fault> {
        let mut plan = Plan::default();
        let mut whole = Removal { job: None, groups: Share::default(), targets: Share::default() };
        for (job, comparison) in self.jobs {
            let removal = comparison.finish(&job, prune, self.now, &mut plan)?;
            for (sum, part) in [(&mut whole.groups, removal.groups), (&mut whole.targets, removal.targets)] {
                sum.removed += part.removed;
                sum.of += part.of;
            }
            plan.removals.push(removal);
        }
        plan.removals.push(whole);
        Ok(plan)
    }
}

impl<'d> JobComparison<'d> {
    fn new(wanted: &'d [Wanted]) -> Self {
        let mut by_content: HashMap<Fingerprint, Matches> = HashMap::new();
        for (i, wanted) in wanted.iter().enumerate().rev() {
            by_content.entry(wanted.fingerprint).or_default().free.push(i);
        }
        Self { wanted, by_content, ..Self::default() }
    }

    fn see(&mut self, record: Record, own: bool, adopt: bool, now: EpochSeconds) {
        self.names.take(&record.name);
        let State::Served(group) = record.state(now) else {
            if own {
                self.left.push(record);
            }
            return;
        };
        let targets = group.targets.len();
        let matches = self.by_content.get_mut(&fingerprint(group));
        if own {
            self.served.groups += 1;
            self.served.targets += targets;
            match matches.and_then(Matches::claim) {
                Some(_) => self.unchanged += 1,
                None => self.left.push(record),
            }
        } else if let Some(matches) = matches
            && let Some(i) = matches.free.pop()
        {
            let elsewhere = match record.managed_by {
                None if adopt => Elsewhere::Adopted(Box::new(record)),
                owner => Elsewhere::Left(owner.unwrap_or_default()),
            };
            matches.elsewhere.push((i, elsewhere));
        }
    }

    fn finish(mut self, job: &Job, prune: bool, now: EpochSeconds, plan: &mut Plan<'d>) -> Result<Removal, Fault> {
        let (mut free, mut updates) = (Vec::new(), Vec::new());
        for matches in std::mem::take(&mut self.by_content).into_values() {
            free.extend(matches.free);
            for (i, elsewhere) in matches.elsewhere {
                match elsewhere {
                    Elsewhere::Adopted(record) => updates.push((i, record)),
                    Elsewhere::Left(owner) => {
                        *plan.elsewhere.entry(owner).or_default() += 1;
                        self.unchanged += 1;
                    }
                }
            }
        }
        free.sort_unstable();
        let left = std::mem::take(&mut self.left);
        let (claimed, added, left) = pair(self.wanted, free, left);
        updates.extend(claimed.into_iter().map(|(i, record)| (i, Box::new(record))));
        updates.sort_unstable_by_key(|(i, _)| *i);

        let mut counts = Counts { unchanged: self.unchanged, ..Counts::default() };
        let mut change = |name, kind| plan.changes.push(Change { job: job.clone(), name, kind });
        for i in added {
            let wanted = &self.wanted[i];
            change(self.names.next(&wanted.group.labels)?, ChangeKind::Add(wanted));
            counts.added += 1;
        }
        let mut removal = Removal { job: Some(job.clone()), groups: Share::default(), targets: Share::default() };
        removal.groups.of = self.served.groups;
        removal.targets.of = self.served.targets;
        let mut lost = Lost::of(self.wanted);
        for (i, record) in updates {
            removal.targets.removed += lost.count(&record, now);
            change(record.name.clone(), ChangeKind::Update(record, &self.wanted[i]));
            counts.changed += 1;
        }
        for record in left {
            if !prune {
                counts.kept += 1;
                continue;
            }
            if matches!(record.state(now), State::Served(_)) {
                removal.groups.removed += 1;
                removal.targets.removed += lost.count(&record, now);
            }
            change(record.name.clone(), ChangeKind::Remove(Box::new(record)));
            counts.removed += 1;
        }
        plan.jobs.insert(job.clone(), counts);
        Ok(removal)
    }
}

/// Counts the targets of rows that no wanted group of the job has any more.
struct Lost<'d> {
    wanted: &'d [Wanted],
    targets: Option<HashSet<&'d str>>,
}

impl<'d> Lost<'d> {
    fn of(wanted: &'d [Wanted]) -> Self {
        Self { wanted, targets: None }
    }

    fn count(&mut self, record: &Record, now: EpochSeconds) -> usize {
        let State::Served(group) = record.state(now) else { return 0 };
        let wanted = self.targets.get_or_insert_with(|| {
            self.wanted.iter().flat_map(|wanted| &wanted.group.targets).map(|target| target.as_str()).collect()
        });
        group.targets.iter().filter(|target| !wanted.contains(target.as_str())).count()
    }
}

/// Rows that become wanted groups, wanted groups that need a new row, rows that are left.
type Pairs = (Vec<(usize, Record)>, Vec<usize>, Vec<Record>);

/// Finds for each wanted group a row that it may have been before: one that shares targets with it, else one with its
/// labels, else a broken one with its name.
fn pair(wanted: &[Wanted], free: Vec<usize>, left: Vec<Record>) -> Pairs {
    let groups: Vec<Option<&TargetGroup>> = left.iter().map(|record| record.group.as_ref().ok()).collect();
    let mut by_target: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut by_labels: HashMap<&Labels, Vec<usize>> = HashMap::new();
    let mut broken: HashMap<&str, usize> = HashMap::new();
    for (row, group) in groups.iter().enumerate().rev() {
        let Some(group) = group else {
            broken.insert(left[row].name.as_str(), row);
            continue;
        };
        by_labels.entry(&group.labels).or_default().push(row);
        for target in &group.targets {
            by_target.entry(target.as_str()).or_default().push(row);
        }
    }
    let mut row_of: HashMap<usize, usize> = HashMap::new();
    let mut taken = HashSet::new();
    for &i in &free {
        let mut shared: HashMap<usize, usize> = HashMap::new();
        for row in wanted[i].group.targets.iter().filter_map(|target| by_target.get(target.as_str())).flatten() {
            if !taken.contains(row) {
                *shared.entry(*row).or_default() += 1;
            }
        }
        let same_labels = |row: usize| groups[row].is_some_and(|group| group.labels == wanted[i].group.labels);
        let best = shared.into_iter().max_by_key(|(row, shared)| (*shared, same_labels(*row), usize::MAX - row));
        if let Some((row, _)) = best {
            taken.insert(row);
            row_of.insert(i, row);
        }
    }
    for &i in &free {
        if row_of.contains_key(&i) {
            continue;
        }
        let labels = &wanted[i].group.labels;
        let rows = by_labels.get_mut(labels);
        let row = rows.and_then(|rows| std::iter::from_fn(|| rows.pop()).find(|row| !taken.contains(row)));
        if let Some(row) = row.or_else(|| broken.remove(names::base(labels).as_str())) {
            taken.insert(row);
            row_of.insert(i, row);
        }
    }
    let mut left: Vec<Option<Record>> = left.into_iter().map(Some).collect();
    let (mut claimed, mut added) = (Vec::new(), Vec::new());
    for i in free {
        match row_of.get(&i).and_then(|row| left[*row].take()) {
            Some(record) => claimed.push((i, record)),
            None => added.push(i),
        }
    }
    (claimed, added, left.into_iter().flatten().collect())
}
