//! Compares the rows of backups with the table. Of the table, only the rows that differ stay in memory.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use http_sd_lambda::{
    group::{EpochSeconds, GroupName, Job, LabelNames, Target},
    table::Attributes,
};
use indicatif::ProgressBar;

use super::read::Backup;
use crate::{
    error::CliError,
    plan::{Counts, Removal, Share},
    store::{Record, State, connection::Connection, same_row},
};

/// The most jobs that are read one by one. Reading the whole table takes fewer requests than reading more jobs.
const MOST_QUERIES: usize = 20;

/// The changes that bring the table to the backup.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// By job; within a job added rows, then changed rows, then removed rows.
    pub(super) changes: Vec<Change>,
    pub(super) jobs: BTreeMap<Job, Counts>,
    /// The removals from each job, and last from the whole table.
    pub(super) removals: Vec<Removal>,
    /// The number of rows to write whose lease is expired.
    pub(super) expired: usize,
    /// The number of rows to write that violate the data model.
    pub(super) broken: usize,
}

/// A change of one row.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) job: Job,
    pub(super) name: GroupName,
    pub(super) kind: Kind,
}

/// The kind of a change, with the row of the table before it.
#[derive(Debug)]
pub(super) enum Kind {
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
    /// The targets that the backup serves, of jobs that lose targets.
    targets: BTreeMap<Job, HashSet<String>>,
}

impl Plan {
    /// Compares the backup with the table. With `replace`, rows that are not in the backup are removed.
    pub(super) async fn of(
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
            targets: BTreeMap::new(),
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

    pub(super) fn counts(&self) -> Counts {
        self.jobs.values().copied().sum()
    }
}

impl Comparison<'_> {
    /// Compares a row of the table.
    fn see(&mut self, before: &Record, item: Attributes) -> Result<(), CliError> {
        let served = match before.state(self.now) {
            State::Served(group) => Some(group.targets.len()),
            State::Lapsed | State::Invalid(_) => None,
        };
        let removal = Self::removal(&mut self.removals, &before.job);
        removal.groups.of += usize::from(served.is_some());
        removal.targets.of += served.unwrap_or_default();
        let key = (before.job.clone(), before.name.clone());
        let counts = self.plan.jobs.entry(before.job.clone()).or_default();
        let (kind, after) = match self.backup.line(&key.0, &key.1) {
            None if self.replace => {
                counts.removed += 1;
                (Kind::Remove(item), None)
            }
            None => {
                counts.kept += 1;
                return Ok(());
            }
            Some(line) => {
                let (attributes, after) = line.row(self.names)?;
                self.seen.insert(key.clone());
                if same_row(&item, &attributes) {
                    counts.unchanged += 1;
                    return Ok(());
                }
                counts.changed += 1;
                (Kind::Update(item), Some(after))
            }
        };
        self.give_up(before, after.as_ref())?;
        if let Some(after) = &after {
            self.note(after);
        }
        let (job, name) = key;
        self.plan.changes.push(Change { job, name, kind });
        Ok(())
    }

    /// Counts what a job loses when a row becomes `after`, or is removed.
    fn give_up(&mut self, before: &Record, after: Option<&Record>) -> Result<(), CliError> {
        let State::Served(group) = before.state(self.now) else { return Ok(()) };
        let after = after.and_then(|after| match after.state(self.now) {
            State::Served(group) => Some(group),
            State::Lapsed | State::Invalid(_) => None,
        });
        let kept: HashSet<&str> = after.iter().flat_map(|group| &group.targets).map(Target::as_str).collect();
        let given_up: Vec<&str> =
            group.targets.iter().map(Target::as_str).filter(|target| !kept.contains(target)).collect();
        let lost = if given_up.is_empty() {
            0
        } else {
            let elsewhere = self.targets_of(&before.job)?;
            given_up.into_iter().filter(|target| !elsewhere.contains(*target)).count()
        };
        let removal = Self::removal(&mut self.removals, &before.job);
        removal.groups.removed += usize::from(after.is_none());
        removal.targets.removed += lost;
        Ok(())
    }

    /// Returns the targets of a job that the backup serves.
    fn targets_of(&mut self, job: &Job) -> Result<&HashSet<String>, CliError> {
        if !self.targets.contains_key(job) {
            let mut targets = HashSet::new();
            for (_, line) in self.backup.of_job(job) {
                if let State::Served(group) = line.row(self.names)?.1.state(self.now) {
                    targets.extend(group.targets.iter().map(|target| target.as_str().to_owned()));
                }
            }
            self.targets.insert(job.clone(), targets);
        }
        Ok(&self.targets[job])
    }

    fn removal<'r>(removals: &'r mut BTreeMap<Job, Removal>, job: &Job) -> &'r mut Removal {
        let removal = || Removal { job: Some(job.clone()), groups: Share::default(), targets: Share::default() };
        removals.entry(job.clone()).or_insert_with(removal)
    }

    /// Counts rows that the function will not serve.
    fn note(&mut self, after: &Record) {
        match after.state(self.now) {
            State::Served(_) => {}
            State::Lapsed => self.plan.expired += 1,
            State::Invalid(_) => self.plan.broken += 1,
        }
    }

    /// Returns the plan, after every row of the table was seen.
    fn finish(mut self) -> Result<Plan, CliError> {
        let backup = self.backup;
        for job in backup.jobs() {
            let mut added = 0;
            for (name, line) in backup.of_job(job) {
                let key = (job.clone(), name.clone());
                if !self.seen.contains(&key) {
                    let after = line.row(self.names)?.1;
                    self.note(&after);
                    added += 1;
                    self.plan.changes.push(Change { job: key.0, name: key.1, kind: Kind::Add });
                }
            }
            self.plan.jobs.entry(job.clone()).or_default().added += added;
        }
        let place = |kind: &Kind| match kind {
            Kind::Add => 0,
            Kind::Update(_) => 1,
            Kind::Remove(_) => 2,
        };
        self.plan.changes.sort_by(|a, b| (&a.job, place(&a.kind), &a.name).cmp(&(&b.job, place(&b.kind), &b.name)));
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
}
