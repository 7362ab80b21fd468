//! Compares the wanted groups with the rows of the table, row by row. Only rows that differ stay in memory.

use std::collections::{BTreeMap, HashMap, HashSet};

use http_sd_lambda::group::{EpochSeconds, Fault, Job, Target, TargetGroup};

use super::{
    Change, ChangeKind, Counts, Desired, Holder, Plan, Removal, Rows, Wanted,
    desired::{Fingerprint, fingerprint},
    guard::Share,
    names::FreeNames,
    pair::pair,
};
use crate::store::{Record, State};

/// The age in seconds from which a row is old: all polls in progress began after its last write. The longest `--settle`
/// is half of it, so that the clocks of two writers may differ.
const OLD: i64 = 600;

/// A comparison in progress. It sees each row of the table once, then returns the plan.
#[derive(Debug)]
pub struct Comparison<'d> {
    view: View,
    jobs: BTreeMap<Job, JobComparison<'d>>,
}

/// The set and the time of a comparison.
#[derive(Debug)]
struct View {
    set: String,
    rows: Rows,
    /// Another set, whose rows the set takes over.
    adopted_set: Option<String>,
    now: EpochSeconds,
}

/// The rows and the wanted groups of a job.
#[derive(Debug, Default)]
struct JobComparison<'d> {
    wanted: &'d [Wanted],
    /// The wanted groups by fingerprint.
    by_content: HashMap<Fingerprint, Matches>,
    /// Rows of the set that match no wanted group.
    left: Vec<Record>,
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
    /// Starts a comparison for `set`. `rows` selects the rows that may hold its groups.
    #[must_use]
    pub fn new(desired: &'d Desired, set: &str, rows: Rows, now: EpochSeconds) -> Self {
        let jobs = desired.jobs.iter().map(|(job, wanted)| (job.clone(), JobComparison::new(wanted))).collect();
        Self { view: View { set: set.to_owned(), rows, adopted_set: None, now }, jobs }
    }

    /// Takes over the rows of another set.
    #[must_use]
    pub fn adopting(mut self, set: Option<&str>) -> Self {
        self.view.adopted_set = set.map(str::to_owned);
        self
    }

    /// Compares one row of the table.
    pub fn see(&mut self, record: Record) {
        let of = record.managed_by.as_deref();
        let own = of.is_some() && (of == Some(&self.view.set) || of == self.view.adopted_set.as_deref());
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
        let mut plan = Plan::default();
        let mut whole = Removal { job: None, groups: Share::default(), targets: Share::default() };
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
        Self { wanted, by_content, ..Self::default() }
    }

    fn see(&mut self, record: Record, own: bool, view: &View) {
        self.names.take(&record.name);
        let state = record.state(view.now);
        if own && state != State::Lapsed {
            self.served.groups += 1;
        }
        let State::Served(group) = state else {
            if own {
                self.left.push(record);
            }
            return;
        };
        let targets = group.targets.len();
        let is_old = is_old(&record, view.now);
        let matches = self.by_content.get_mut(&fingerprint(group));
        if own {
            self.served.targets += targets;
            // Groups of files have no lease, so a row with a lease never matches.
            let matches = matches.filter(|_| record.lease.end().is_none());
            match matches.and_then(|matches| Some((matches.claim()?, matches))) {
                Some((i, _)) if record.managed_by.as_deref() == Some(&view.set) => {
                    self.unchanged += 1;
                    self.recent.extend(Some(i).filter(|_| !is_old));
                }
                Some((i, matches)) => matches.elsewhere.push((i, Elsewhere::OfAdoptedSet(Box::new(record)))),
                None => self.left.push(record),
            }
            return;
        }
        let holder = match record.managed_by.clone() {
            Some(set) => Holder::Set(set),
            None if record.lease.end().is_some() => Holder::Lease,
            None => Holder::NoSet,
        };
        let elsewhere = match (view.rows, holder) {
            (Rows::Any, holder) => Elsewhere::Left(holder),
            (Rows::Own, Holder::NoSet) => Elsewhere::Unowned(Box::new(record)),
            // The holder may remove this row at any time, so the set adds another one.
            (Rows::Own, Holder::Set(_) | Holder::Lease) => return,
        };
        if let Some(matches) = matches
            && let Some(i) = matches.free.pop()
        {
            self.recent.extend(Some(i).filter(|_| !is_old));
            matches.elsewhere.push((i, elsewhere));
        }
    }

    fn finish(mut self, job: &Job, view: &View, prune: bool, plan: &mut Plan<'d>) -> Result<Removal, Fault> {
        let now = view.now;
        let (mut free, mut updates) = (Vec::new(), Vec::new());
        for matches in std::mem::take(&mut self.by_content).into_values() {
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
        let left = std::mem::take(&mut self.left);
        let (claimed, added, left) = pair(&view.set, self.wanted, free, left, prune);
        updates.extend(claimed.into_iter().map(|(i, record)| (i, Box::new(record))));
        updates.sort_unstable_by_key(|(i, _)| *i);

        let mut counts = Counts { unchanged: self.unchanged, ..Counts::default() };
        let first = plan.changes.len();
        let mut change = |name, kind, moving| plan.changes.push(Change { job: job.clone(), name, kind, moving });
        for i in added {
            let wanted = &self.wanted[i];
            change(self.names.next(&view.set, &wanted.group.labels)?, ChangeKind::Add(wanted), Vec::new());
            counts.added += 1;
        }
        let mut removal = Removal { job: Some(job.clone()), groups: Share::default(), targets: Share::default() };
        removal.groups.of = self.served.groups;
        removal.targets.of = self.served.targets;
        let mut given_up = GivenUp::in_job(self.wanted);
        for (i, record) in updates {
            let wanted = &self.wanted[i];
            let (moving, lost) = given_up.by(&record, Some(&wanted.group), now);
            removal.targets.removed += lost;
            change(record.name.clone(), ChangeKind::Update(record, wanted), moving);
            counts.changed += 1;
        }
        for record in left {
            if !prune {
                counts.kept += 1;
                continue;
            }
            let (moving, lost) = given_up.by(&record, None, now);
            if record.state(now) != State::Lapsed {
                removal.groups.removed += 1;
                removal.targets.removed += lost;
            }
            change(record.name.clone(), ChangeKind::Remove(Box::new(record)), moving);
            counts.removed += 1;
        }
        plan.moved += self.moved(&plan.changes[first..], now);
        plan.jobs.insert(job.clone(), counts);
        Ok(removal)
    }

    /// Returns the number of moving targets that their new row did not contain for long.
    fn moved(&self, changes: &[Change<'d>], now: EpochSeconds) -> usize {
        if changes.iter().all(|change| change.moving.is_empty()) {
            return 0;
        }
        let mut new: HashSet<&str> = HashSet::new();
        let recent = self.recent.iter().map(|&i| &self.wanted[i]);
        let added = changes.iter().filter_map(|change| match &change.kind {
            ChangeKind::Add(wanted) => Some(*wanted),
            ChangeKind::Update(..) | ChangeKind::Remove(_) => None,
        });
        new.extend(recent.chain(added).flat_map(|wanted| &wanted.group.targets).map(Target::as_str));
        for change in changes {
            let ChangeKind::Update(record, wanted) = &change.kind else { continue };
            let before: HashSet<&str> = match record.state(now) {
                State::Served(group) if is_old(record, now) => group.targets.iter().map(Target::as_str).collect(),
                _ => HashSet::new(),
            };
            new.extend(wanted.group.targets.iter().map(Target::as_str).filter(|target| !before.contains(target)));
        }
        let moving = changes.iter().flat_map(|change| &change.moving);
        moving.filter(|target| new.contains(target.as_str())).count()
    }
}

/// Returns whether the row was last written before every poll in progress began. Without a time of the last write the
/// row may be new.
fn is_old(record: &Record, now: EpochSeconds) -> bool {
    record.updated_at.is_some_and(|at| at.0 <= now.0 - OLD)
}

/// Finds the targets that rows give up: those that move to other wanted groups of the job, and those that are lost.
struct GivenUp<'d> {
    wanted: &'d [Wanted],
    targets: Option<HashSet<&'d str>>,
}

impl<'d> GivenUp<'d> {
    fn in_job(wanted: &'d [Wanted]) -> Self {
        Self { wanted, targets: None }
    }

    /// Returns the moving targets and the number of lost ones, where a row becomes `after` or is removed.
    fn by(&mut self, record: &Record, after: Option<&TargetGroup>, now: EpochSeconds) -> (Vec<Target>, usize) {
        let State::Served(before) = record.state(now) else { return (Vec::new(), 0) };
        let kept: HashSet<&str> = after.iter().flat_map(|group| &group.targets).map(Target::as_str).collect();
        let given_up: Vec<&Target> = before.targets.iter().filter(|target| !kept.contains(target.as_str())).collect();
        if given_up.is_empty() {
            return (Vec::new(), 0);
        }
        let wanted = self.targets.get_or_insert_with(|| {
            self.wanted.iter().flat_map(|wanted| &wanted.group.targets).map(Target::as_str).collect()
        });
        let (moving, lost): (Vec<&Target>, Vec<&Target>) =
            given_up.into_iter().partition(|target| wanted.contains(target.as_str()));
        (moving.into_iter().cloned().collect(), lost.len())
    }
}
