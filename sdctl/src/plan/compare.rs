//! Compares the wanted groups with the rows of the table, row by row. Only rows that differ stay in memory.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
};

use http_sd_lambda::group::{EpochSeconds, Fault, Job};

use super::{
    Change, ChangeKind, Counts, Desired, Holder, Ownership, Plan, Removal, Rows, Wanted,
    desired::{Fingerprint, fingerprint},
    names::FreeNames,
    pair::pair,
    targets::{WantedTargets, is_old, moved},
};
use crate::store::{Record, State};

/// A comparison in progress. It sees each row of the table once, then returns the plan.
#[derive(Debug)]
pub struct Comparison<'d> {
    view: View,
    jobs: BTreeMap<Job, JobComparison<'d>>,
    has_own_rows: bool,
    has_adopted_rows: bool,
}

/// The owner and the time of a comparison.
#[derive(Debug)]
struct View {
    ownership: Ownership,
    now: EpochSeconds,
}

/// The rows and the wanted groups of a job.
#[derive(Debug, Default)]
struct JobComparison<'d> {
    wanted: &'d [Wanted],
    targets: WantedTargets<'d>,
    /// The wanted groups by fingerprint.
    by_content: HashMap<Fingerprint, Matches>,
    /// Rows of the set that match no wanted group.
    left: Vec<Record>,
    /// Rows without owner and lease that match no wanted group.
    unowned: Vec<Record>,
    /// The number of rows of each other set that share a target with the wanted groups.
    other_sets: BTreeMap<String, usize>,
    names: FreeNames,
    unchanged: usize,
    /// Wanted groups that a row got recently, for example from an apply that was interrupted.
    recent: Vec<usize>,
    /// The served groups and targets of the set's own rows.
    served: Served,
}

/// Counts of served groups and targets.
#[derive(Debug, Default, Clone, Copy)]
struct Served {
    groups: usize,
    targets: usize,
}

impl Served {
    fn add(&mut self, record: &Record, now: EpochSeconds) {
        match record.state(now) {
            State::Served(group) => {
                self.groups += 1;
                self.targets += group.targets.len();
            }
            State::Invalid(_) => self.groups += 1,
            State::Lapsed => {}
        }
    }
}

/// Wanted groups with the same content.
#[derive(Debug, Default)]
struct Matches {
    /// Wanted groups that no row holds yet.
    free: Vec<usize>,
    /// Wanted groups that a row outside the set holds.
    elsewhere: Vec<(usize, Elsewhere)>,
}

impl Matches {
    /// Assigns a wanted group to a row of the set or of the adopted set, which takes precedence over any other row.
    fn claim(&mut self) -> Option<usize> {
        let weaker = |(_, elsewhere): &(usize, Elsewhere)| !matches!(elsewhere, Elsewhere::OfAdoptedSet(_));
        self.free.pop().or_else(|| Some(self.elsewhere.remove(self.elsewhere.iter().position(weaker)?).0))
    }
}

/// A row outside the set that holds a wanted group.
#[derive(Debug)]
enum Elsewhere {
    /// The row has neither an owner nor a lease. The set takes it over.
    Unowned(Box<Record>),
    /// The row belongs to the adopted set. The set takes it over.
    OfAdoptedSet(Box<Record>),
    /// The row stays with its holder.
    Left(Holder),
}

impl<'d> Comparison<'d> {
    /// Starts a comparison for a set.
    #[must_use]
    pub fn new(desired: &'d Desired, ownership: Ownership, now: EpochSeconds) -> Self {
        let jobs = desired.jobs.iter().map(|(job, wanted)| (job.clone(), JobComparison::new(wanted))).collect();
        Self { view: View { ownership, now }, jobs, has_own_rows: false, has_adopted_rows: false }
    }

    /// Compares one row of the table.
    pub fn see(&mut self, record: Record) {
        let (owned, adopted) = (self.view.ownership.owns(&record), self.view.ownership.adopts(&record));
        self.has_own_rows |= owned;
        self.has_adopted_rows |= adopted;
        let own = owned || adopted;
        if own && !self.jobs.contains_key(&record.job) {
            self.jobs.insert(record.job.clone(), JobComparison::default());
        }
        // A foreign row of a job that no file names does not matter.
        let Some(job) = self.jobs.get_mut(&record.job) else { return };
        job.see(record, own, &self.view);
    }

    /// Returns the plan, once every row was seen. Without `prune` the plan removes no row.
    ///
    /// # Errors
    /// [`Fault`] if a new name is not a valid key. [`names`](super::names) only builds valid ones.
    pub fn finish(self, prune: bool) -> Result<Plan<'d>, Fault> {
        let Self { has_own_rows, has_adopted_rows, .. } = self;
        let mut plan = Plan { has_own_rows, has_adopted_rows, ..Plan::default() };
        let mut whole = Removal::default();
        for (job, comparison) in self.jobs {
            let removal = comparison.finish(&job, &self.view, prune, &mut plan)?;
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
        Self { wanted, targets: WantedTargets::of(wanted), by_content, ..Self::default() }
    }

    fn see(&mut self, record: Record, own: bool, View { ownership, now }: &View) {
        self.names.take(&record.name);
        if own {
            self.served.add(&record, *now);
        }
        let State::Served(group) = record.state(*now) else {
            if own {
                self.left.push(record);
            } else if ownership.adopts_unowned && Holder::of(&record) == Holder::NoSet {
                self.unowned.push(record);
            }
            return;
        };
        let is_old = is_old(&record, *now);
        let matches = self.by_content.get_mut(&fingerprint(group));
        if own {
            // Groups of files have no lease, so a row with a lease never matches.
            let matches = matches.filter(|_| record.lease.end().is_none());
            match matches.and_then(|matches| Some((matches.claim()?, matches))) {
                Some((i, _)) if ownership.owns(&record) => {
                    self.unchanged += 1;
                    self.recent.extend(Some(i).filter(|_| !is_old));
                }
                Some((i, matches)) => matches.elsewhere.push((i, Elsewhere::OfAdoptedSet(Box::new(record)))),
                None => self.left.push(record),
            }
            return;
        }
        let holder = Holder::of(&record);
        if let Holder::Set(set) = &holder
            && self.targets.share(group)
        {
            *self.other_sets.entry(set.clone()).or_default() += 1;
        }
        let Some(matches) = matches else {
            self.unowned.extend(Some(record).filter(|_| holder == Holder::NoSet));
            return;
        };
        let elsewhere = match (ownership.rows, holder) {
            (rows, Holder::NoSet) if rows == Rows::Own || ownership.adopts_unowned => {
                Elsewhere::Unowned(Box::new(record))
            }
            (Rows::Any, holder) => Elsewhere::Left(holder),
            // The holder may remove this row at any time, so the set adds another one.
            (Rows::Own, _) => return,
        };
        if let Some(i) = matches.free.pop() {
            self.recent.extend(Some(i).filter(|_| !is_old));
            matches.elsewhere.push((i, elsewhere));
        }
    }

    fn finish(mut self, job: &Job, view: &View, prune: bool, plan: &mut Plan<'d>) -> Result<Removal, Fault> {
        let View { ownership: Ownership { set, adopts_unowned, .. }, now } = view;
        let (mut free, mut updates) = (Vec::new(), Vec::new());
        for matches in mem::take(&mut self.by_content).into_values() {
            free.extend(matches.free);
            for (i, elsewhere) in matches.elsewhere {
                match elsewhere {
                    Elsewhere::Unowned(record) | Elsewhere::OfAdoptedSet(record) => updates.push((i, record)),
                    Elsewhere::Left(holder) => {
                        *plan.elsewhere.entry(holder).or_default() += 1;
                        self.unchanged += 1;
                    }
                }
            }
        }
        free.sort_unstable();
        let (mut claimed, mut added, left) = pair(set, self.wanted, free, mem::take(&mut self.left), prune);
        let unowned = mem::take(&mut self.unowned);
        if *adopts_unowned {
            let (taken, rest, _) = pair(set, self.wanted, added, unowned, prune);
            claimed.extend(taken);
            added = rest;
        } else if !added.is_empty() && !unowned.is_empty() {
            // Not by labels: with the same labels and other targets it is another group.
            let (alike, ..) = pair(set, self.wanted, added.clone(), unowned, false);
            let names: Vec<_> = alike.into_iter().map(|(_, record)| record.name).collect();
            if !names.is_empty() {
                plan.unowned.insert(job.clone(), names);
            }
        }
        updates.extend(claimed.into_iter().map(|(i, record)| (i, Box::new(record))));
        updates.sort_unstable_by_key(|(i, _)| *i);
        for (set, rows) in mem::take(&mut self.other_sets) {
            *plan.other_sets.entry(set).or_default() += rows;
        }

        let mut counts = Counts { unchanged: self.unchanged, ..Counts::default() };
        let first = plan.changes.len();
        let mut change = |name, kind, moving| plan.changes.push(Change { job: job.clone(), name, kind, moving });
        for i in added {
            let wanted = &self.wanted[i];
            change(self.names.next(set, &wanted.group.labels)?, ChangeKind::Add(wanted), Vec::new());
            counts.added += 1;
        }
        let mut removal = Removal { job: Some(job.clone()), ..Removal::default() };
        for (i, record) in updates {
            if record.managed_by.is_none() {
                self.served.add(&record, *now);
            }
            let wanted = &self.wanted[i];
            let (moving, lost) = self.targets.given_up(&record, Some(&wanted.group), *now);
            removal.targets.removed += lost;
            change(record.name.clone(), ChangeKind::Update(record, wanted), moving);
            counts.changed += 1;
        }
        for record in left {
            if !prune {
                counts.kept += 1;
                continue;
            }
            let (moving, lost) = self.targets.given_up(&record, None, *now);
            if record.state(*now) != State::Lapsed {
                removal.groups.removed += 1;
                removal.targets.removed += lost;
            }
            change(record.name.clone(), ChangeKind::Remove(Box::new(record)), moving);
            counts.removed += 1;
        }
        (removal.groups.of, removal.targets.of) = (self.served.groups, self.served.targets);
        plan.moved += moved(&plan.changes[first..], self.recent.iter().map(|&i| &self.wanted[i]), *now);
        plan.jobs.insert(job.clone(), counts);
        Ok(removal)
    }
}
