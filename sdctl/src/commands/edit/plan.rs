//! The changes that the user made, and how they are written.

use std::{
    collections::{BTreeMap, HashSet},
    io::{self, Write},
};

use http_sd_lambda::group::{EpochSeconds, GroupName, Job, Lease, StoredGroup, Target, TargetGroup, excerpt};

use crate::{
    commands::{addresses, change, edited, settle::Settle},
    error::CliError,
    files::named::LineFault,
    store::{
        self, Expect, Record, WriteError,
        batch::{self, ROWS_AT_ONCE, Write as Written},
        connection::Connection,
        that_fit,
    },
    terminal::{output, progress, signals::Signals, text::Count},
};

/// The most attempts to write a row whose lease other writers keep renewing.
const ATTEMPTS: usize = 5;

/// The changes of a job's rows.
#[derive(Debug)]
pub(super) struct Plan {
    job: Job,
    pub(super) changes: Vec<Change>,
    /// The number of targets that move between the rows.
    moved: usize,
}

/// A change of one row.
#[derive(Debug)]
pub(super) struct Change {
    name: GroupName,
    before: Option<Record>,
    after: Option<TargetGroup>,
    /// Targets that move to other rows. The row keeps them until the other rows have them.
    moving: Vec<Target>,
}

impl Plan {
    /// Compares the rows with the groups that the user saved.
    pub(super) fn of(
        job: &Job,
        records: &BTreeMap<GroupName, Record>,
        groups: BTreeMap<GroupName, TargetGroup>,
    ) -> Self {
        let gone = records.iter().filter(|(name, record)| record.group.is_ok() && !groups.contains_key(*name));
        let mut changes: Vec<Change> =
            gone.map(|(name, record)| Change::new(name.clone(), Some(record.clone()), None)).collect();
        for (name, group) in groups {
            let before = records.get(&name);
            if before.is_none_or(|before| before.group.as_ref() != Ok(&group)) {
                changes.push(Change::new(name, before.cloned(), Some(group)));
            }
        }
        let gained: HashSet<Target> = changes.iter().flat_map(Change::gained).cloned().collect();
        let mut moved = HashSet::new();
        for change in &mut changes {
            change.moving = change.lost().filter(|target| gained.contains(target)).cloned().collect();
            moved.extend(change.moving.iter().cloned());
        }
        Self { job: job.clone(), changes, moved: moved.len() }
    }

    /// Returns the reasons why the changes cannot be written, each without a line.
    pub(super) async fn faults(&self, connection: &Connection) -> Result<Vec<LineFault>, CliError> {
        let mut faults = Vec::new();
        for change in &self.changes {
            let Some(group) = change.stored(&self.job) else { continue };
            if !store::fits(&group) {
                faults.push((0, CliError::too_large(&group).to_string()));
            }
            let name = excerpt(change.name.as_str());
            faults.extend(change.gained().filter_map(|target| {
                let refused = addresses::refused(target, &group.group.labels)?;
                Some((0, format!("group {name}: {refused}")))
            }));
            if change.before.is_none() && connection.record(&self.job, &change.name).await?.is_some() {
                faults.push((0, format!("group {name} exists, but was not in this text. Choose another name")));
            }
        }
        Ok(faults)
    }

    /// Checks that no other writer has changed a row of the plan since it was read. A new lease is no change.
    pub(super) async fn check_unchanged(&self, connection: &Connection) -> Result<(), CliError> {
        for change in &self.changes {
            let found = connection.record(&self.job, &change.name).await?;
            if !is_same(found.as_ref(), change.before.as_ref()) {
                let conflict = WriteError::Conflict { job: self.job.clone(), group: change.name.clone() };
                return Err(CliError::Refused(format!(
                    "nothing was changed: {conflict} while you edited it. Run the command again"
                )));
            }
        }
        Ok(())
    }

    /// Prints the changes, and warns of doubtful addresses.
    pub(super) fn show(&self, now: EpochSeconds) -> Result<(), CliError> {
        let mut out = output::stdout();
        writeln!(out, "job {}:", excerpt(self.job.as_str()))?;
        let mut new = Vec::new();
        for change in &self.changes {
            change.show(&self.job, &mut out, now)?;
            if let Some(group) = &change.after {
                let targets = change.gained().cloned().collect();
                new.push(TargetGroup { targets, labels: group.labels.clone() });
            }
        }
        edited::notes(self.changes.iter().filter_map(|change| change.before.as_ref()), now);
        addresses::check(new.iter().map(|group| (None, group)))
    }

    /// Returns the question before the changes are written.
    pub(super) fn question(&self) -> String {
        let changes = Count(self.changes.len(), "change");
        match self.changes.iter().filter(|change| change.after.is_none()).count() {
            0 => format!("Apply {changes}?"),
            removed => format!("Apply {changes}, of which {removed} remove a group?"),
        }
    }

    /// Writes new and changed rows first, and removes rows last.
    pub(super) async fn write(
        &self,
        connection: &Connection,
        settle: Settle,
        signals: &mut Signals,
    ) -> Result<(), CliError> {
        let total = self.changes.len();
        let bar = progress::bar("writing", total);
        let writes = self.changes.iter().filter(|change| change.after.is_some());
        let first = writes.map(|change| change.write(&self.job, connection));
        let mut written = batch::all(first, ROWS_AT_ONCE, &bar, signals).await;
        if written.ended.is_none() {
            written.ended = settle.wait(self.moved, &bar, signals).await;
        }
        if written.ended.is_none() {
            let rest = self.changes.iter().filter(|change| change.is_two_steps());
            let last = rest.map(|change| change.finish(&self.job, connection));
            written += batch::all(last, ROWS_AT_ONCE, &bar, signals).await;
        }
        bar.finish_and_clear();
        let Some(ended) = written.ended else { return Ok(()) };
        let how_far = format!("{} of {} written. The others are not", written.done, Count(total, "change"));
        Err(ended.of_table(connection.store.name(), how_far))
    }
}

impl Change {
    fn new(name: GroupName, before: Option<Record>, after: Option<TargetGroup>) -> Self {
        Self { name, before, after, moving: Vec::new() }
    }

    fn old_targets(&self) -> &[Target] {
        self.before.as_ref().and_then(|before| before.group.as_ref().ok()).map_or(&[], |group| &group.targets)
    }

    fn new_targets(&self) -> &[Target] {
        self.after.as_ref().map_or(&[], |group| &group.targets)
    }

    /// Returns the targets that the change adds to the row.
    fn gained(&self) -> impl Iterator<Item = &Target> {
        let old: HashSet<&Target> = self.old_targets().iter().collect();
        self.new_targets().iter().filter(move |target| !old.contains(target))
    }

    /// Returns the targets that the change removes from the row.
    fn lost(&self) -> impl Iterator<Item = &Target> {
        let new: HashSet<&Target> = self.new_targets().iter().collect();
        self.old_targets().iter().filter(move |target| !new.contains(target))
    }

    fn stored(&self, job: &Job) -> Option<StoredGroup> {
        let lease = self.before.as_ref().map_or_else(Lease::default, |before| before.lease);
        let group = self.after.clone()?;
        Some(StoredGroup { job: job.clone(), name: self.name.clone(), lease, group })
    }

    fn show(&self, job: &Job, out: &mut dyn Write, now: EpochSeconds) -> io::Result<()> {
        let after = self.stored(job);
        let (before, after) = (self.before.as_ref(), after.as_ref());
        change::Change { name: &self.name, before, after, owner: None, now }.show(out)
    }

    /// Returns the content of the row while targets move, if it differs from the final one.
    fn held(&self) -> Option<TargetGroup> {
        let mut group = self.after.clone()?;
        let moving = that_fit(&group, &self.moving);
        if moving.is_empty() {
            return None;
        }
        group.targets.extend(moving.to_vec());
        Some(group)
    }

    /// Whether [`Change::finish`] completes the change.
    fn is_two_steps(&self) -> bool {
        self.after.is_none() || self.held().is_some()
    }

    /// Writes the new content, and keeps the targets that are moving to other rows.
    async fn write(&self, job: &Job, connection: &Connection) -> Written {
        let held = self.held();
        let after = held.as_ref().or(self.after.as_ref());
        let (done, result) = batch::one(self.replace(job, self.before.as_ref(), after, connection).await);
        (if held.is_some() { 0 } else { done }, result)
    }

    /// Removes the row, or the targets that other rows contain by now.
    async fn finish(&self, job: &Job, connection: &Connection) -> Written {
        let held = self.held().zip(self.before.clone()).map(|(group, mut before)| {
            before.group = Ok(group);
            before
        });
        let before = held.as_ref().or(self.before.as_ref());
        batch::one(self.replace(job, before, self.after.as_ref(), connection).await)
    }

    /// Writes or removes the row if it is still `before`. A new lease is no conflict.
    async fn replace(
        &self,
        job: &Job,
        before: Option<&Record>,
        after: Option<&TargetGroup>,
        connection: &Connection,
    ) -> Result<(), WriteError> {
        let conflict = || WriteError::Conflict { job: job.clone(), group: self.name.clone() };
        for _ in 0..ATTEMPTS {
            let found = connection.store.record(job, &self.name, connection.names).await?;
            let found = found.as_ref();
            if found.is_none() && after.is_none() {
                return Ok(());
            }
            if !is_same(found, before) {
                return Err(conflict());
            }
            let expect = found.map_or(Expect::Absent, Expect::Unchanged);
            let written = match after {
                Some(group) => {
                    let lease = found.map_or_else(Lease::default, |found| found.lease);
                    let group = StoredGroup { job: job.clone(), name: self.name.clone(), lease, group: group.clone() };
                    edited::write(connection, &group, expect).await
                }
                None => connection.store.delete(job, &self.name, expect).await.map(|_| ()),
            };
            match written {
                Err(WriteError::Conflict { .. }) => {}
                other => return other,
            }
        }
        Err(conflict())
    }
}

/// Whether two rows have the same content and the same set.
fn is_same(a: Option<&Record>, b: Option<&Record>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.group == b.group && a.managed_by == b.managed_by,
        (a, b) => a.is_none() && b.is_none(),
    }
}
