//! Compares the rows of a backup with the table. Of the table, only the rows that differ stay in memory.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use http_sd_lambda::{
    group::{EpochSeconds, GroupName, Job, LabelNames, Target, TargetGroup},
    table::Attributes,
};
use indicatif::ProgressBar;

use super::rows::Backup;
use crate::{
    error::CliError,
    plan::{Counts, Removal, Share},
    store::{Record, State, connection::Connection, same_row},
};

/// The most jobs that are read one by one. Reading the whole table takes fewer requests than reading more jobs.
const MOST_QUERIES: usize = 20;

/// The changes that bring the table to the backup.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// By job; within a job added rows, then changed rows, then removed rows.
    pub(crate) changes: Vec<Change>,
    pub(crate) jobs: BTreeMap<Job, Counts>,
    /// The removals from each job, and last from the whole table.
    pub(crate) removals: Vec<Removal>,
    /// The number of targets that move to rows which did not contain them before.
    pub(crate) moved: usize,
    /// The rows that stay because they are not as the backup expects them.
    pub(crate) left: BTreeSet<(Job, GroupName)>,
    /// The number of rows to write whose lease is expired.
    pub(crate) expired: usize,
    /// The number of rows to write that violate the data model.
    pub(crate) broken: usize,
}

/// A change of one row.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) job: Job,
    pub(crate) name: GroupName,
    pub(crate) kind: Kind,
    /// Targets that move to other rows. The row keeps them until the other rows have them and every earlier poll has
    /// ended.
    pub(super) moving: Vec<Target>,
}

/// The kind of a change, with the row of the table before it.
#[derive(Debug)]
pub(crate) enum Kind {
    Add,
    Update(Attributes),
    Remove(Attributes),
}

/// A comparison in progress.
struct Comparison<'b> {
    backup: &'b Backup,
    replace: bool,
    names: LabelNames,
    now: EpochSeconds,
    seen: HashSet<(Job, GroupName)>,
    plan: Plan,
    /// The served and the lost groups and targets of each job.
    removals: BTreeMap<Job, Removal>,
}

impl Change {
    pub(crate) fn new((job, name): (Job, GroupName), kind: Kind) -> Self {
        Self { job, name, kind, moving: Vec::new() }
    }
}

impl Plan {
    /// Compares the backup with the table. With `replace`, rows that are not in the backup are removed.
    pub(crate) async fn of(
        backup: &Backup,
        replace: bool,
        connection: &Connection,
        reading: &ProgressBar,
    ) -> Result<Self, CliError> {
        let jobs: BTreeSet<&Job> = backup.jobs().collect();
        let mut comparison = Comparison {
            backup,
            replace,
            names: connection.names,
            now: EpochSeconds::now(),
            seen: HashSet::new(),
            plan: Self::default(),
            removals: BTreeMap::new(),
        };
        let scopes: Vec<Option<&Job>> =
            if replace || jobs.len() > MOST_QUERIES { vec![None] } else { jobs.iter().map(|job| Some(*job)).collect() };
        for job in scopes {
            let mut pages = connection.store.items(job);
            while let Some(items) = pages.next().await.map_err(|error| connection.error(error))? {
                for item in items {
                    reading.inc(1);
                    let record = Record::of(item.clone(), connection.names).map_err(|error| connection.error(error))?;
                    if replace || jobs.contains(&record.job) {
                        comparison.see(&record, item)?;
                    }
                }
            }
        }
        comparison.finish()
    }

    /// Sorts the changes by job, kind and name.
    pub(crate) fn sort(&mut self) {
        let place = |kind: &Kind| match kind {
            Kind::Add => 0,
            Kind::Update(_) => 1,
            Kind::Remove(_) => 2,
        };
        self.changes.sort_by(|a, b| (&a.job, place(&a.kind), &a.name).cmp(&(&b.job, place(&b.kind), &b.name)));
    }

    pub(crate) fn counts(&self) -> Counts {
        self.jobs.values().copied().sum()
    }
}

impl Comparison<'_> {
    /// Compares a row of the table.
    fn see(&mut self, before: &Record, item: Attributes) -> Result<(), CliError> {
        let served = served(before, self.now).map(|group| group.targets.len());
        let removal = Self::removal(&mut self.removals, &before.job);
        removal.groups.of += usize::from(served.is_some());
        removal.targets.of += served.unwrap_or_default();
        let key = (before.job.clone(), before.name.clone());
        let counts = self.plan.jobs.entry(before.job.clone()).or_default();
        let kind = match self.backup.wanted(&key.0, &key.1) {
            None if self.replace => Kind::Remove(item),
            None => {
                counts.kept += 1;
                return Ok(());
            }
            Some(wanted) => {
                self.seen.insert(key.clone());
                let after = wanted.attributes()?;
                if after.as_ref().is_some_and(|after| same_row(&item, after)) {
                    counts.unchanged += 1;
                    return Ok(());
                }
                if !wanted.expects(Some(&item))? {
                    self.plan.left.insert(key);
                    return Ok(());
                }
                if after.is_some() { Kind::Update(item) } else { Kind::Remove(item) }
            }
        };
        match kind {
            Kind::Remove(_) => counts.removed += 1,
            Kind::Add | Kind::Update(_) => counts.changed += 1,
        }
        self.plan.changes.push(Change::new(key, kind));
        Ok(())
    }

    fn removal<'r>(removals: &'r mut BTreeMap<Job, Removal>, job: &Job) -> &'r mut Removal {
        let removal = || Removal { job: Some(job.clone()), groups: Share::default(), targets: Share::default() };
        removals.entry(job.clone()).or_insert_with(removal)
    }

    /// Adds the rows that the table does not contain. To be called after every row of the table was seen.
    fn add_missing(&mut self) -> Result<(), CliError> {
        let backup = self.backup;
        for job in backup.jobs() {
            let counts = self.plan.jobs.entry(job.clone()).or_default();
            for (name, wanted) in backup.of_job(job) {
                let key = (job.clone(), name.clone());
                if self.seen.contains(&key) {
                    continue;
                }
                if wanted.attributes()?.is_none() {
                    counts.unchanged += 1;
                } else if wanted.expects(None)? {
                    counts.added += 1;
                    self.plan.changes.push(Change::new(key, Kind::Add));
                } else {
                    self.plan.left.insert(key);
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Plan, CliError> {
        self.add_missing()?;
        self.plan.sort();
        let mut changes = std::mem::take(&mut self.plan.changes);
        for changes in changes.chunk_by_mut(|a, b| a.job == b.job) {
            self.weigh(changes)?;
        }
        self.plan.changes = changes;
        let mut whole = Removal { job: None, groups: Share::default(), targets: Share::default() };
        for removal in self.removals.into_values() {
            for (sum, part) in [(&mut whole.groups, removal.groups), (&mut whole.targets, removal.targets)] {
                sum.removed += part.removed;
                sum.of += part.of;
            }
            self.plan.removals.push(removal);
        }
        self.plan.removals.push(whole);
        Ok(self.plan)
    }

    /// Finds out what a job loses by its changes, and which targets move to other rows.
    fn weigh(&mut self, changes: &mut [Change]) -> Result<(), CliError> {
        let Some(job) = changes.first().map(|change| change.job.clone()) else { return Ok(()) };
        let mut gains: HashSet<String> = HashSet::new();
        let mut losers: Vec<(&mut Change, Vec<Target>)> = Vec::new();
        for change in changes {
            let after = self.after(change)?;
            if let Some(after) = &after {
                match after.state(self.now) {
                    State::Served(_) => {}
                    State::Lapsed => self.plan.expired += 1,
                    State::Invalid(_) => self.plan.broken += 1,
                }
            }
            let before = self.before(change)?;
            let after = after.as_ref().and_then(|after| served(after, self.now));
            let before = before.as_ref().and_then(|before| served(before, self.now));
            gains.extend(less(after, before).map(|target| target.as_str().to_owned()));
            if before.is_some() && after.is_none() {
                Self::removal(&mut self.removals, &job).groups.removed += 1;
            }
            let given_up: Vec<Target> = less(before, after).cloned().collect();
            if !given_up.is_empty() {
                losers.push((change, given_up));
            }
        }
        if losers.is_empty() {
            return Ok(());
        }
        let kept = self.targets_of(&job)?;
        for (change, given_up) in losers {
            let (moving, lost): (Vec<Target>, Vec<Target>) =
                given_up.into_iter().partition(|target| kept.contains(target.as_str()));
            self.plan.moved += moving.iter().filter(|target| gains.contains(target.as_str())).count();
            Self::removal(&mut self.removals, &job).targets.removed += lost.len();
            change.moving = moving;
        }
        Ok(())
    }

    /// Returns the targets of a job that the rows of the backup serve after the changes.
    fn targets_of(&self, job: &Job) -> Result<HashSet<String>, CliError> {
        let mut targets = HashSet::new();
        for (name, wanted) in self.backup.of_job(job) {
            if self.plan.left.contains(&(job.clone(), name.clone())) {
                continue;
            }
            if let Some((_, record)) = wanted.row(self.names)?
                && let Some(group) = served(&record, self.now)
            {
                targets.extend(group.targets.iter().map(|target| target.as_str().to_owned()));
            }
        }
        Ok(targets)
    }

    fn before(&self, change: &Change) -> Result<Option<Record>, CliError> {
        let (Kind::Update(before) | Kind::Remove(before)) = &change.kind else { return Ok(None) };
        let unread = |error| CliError::Refused(format!("cannot read a row: {error}"));
        Record::of(before.clone(), self.names).map(Some).map_err(unread)
    }

    fn after(&self, change: &Change) -> Result<Option<Record>, CliError> {
        if let Kind::Remove(_) = change.kind {
            return Ok(None);
        }
        let wanted = self.backup.wanted(&change.job, &change.name);
        Ok(wanted.map(|wanted| wanted.row(self.names)).transpose()?.flatten().map(|(_, record)| record))
    }
}

/// Returns the group of a row if a poll serves it.
pub(super) fn served(record: &Record, now: EpochSeconds) -> Option<&TargetGroup> {
    match record.state(now) {
        State::Served(group) => Some(group),
        State::Lapsed | State::Invalid(_) => None,
    }
}

/// Returns the targets of a group that the other one does not contain.
fn less<'g>(group: Option<&'g TargetGroup>, other: Option<&'g TargetGroup>) -> impl Iterator<Item = &'g Target> {
    let other: HashSet<&Target> = other.into_iter().flat_map(|group| &group.targets).collect();
    group.into_iter().flat_map(|group| &group.targets).filter(move |target| !other.contains(target))
}
