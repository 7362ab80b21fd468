//! Writing a plan: what is new first, then what changes, and what goes last. A target that moves from one row to another
//! stays in the old one until the new one has it, so that no poll in between, nor a failure, finds less. There are two
//! exceptions: what does not fit the old row any more, and a poll of several pages that is between two of them.
//!
//! New rows go in transactions, on condition that they are new. What changes or goes is written row by row, each on
//! condition that it is as it was when the plan was made.

use std::{cell::RefCell, collections::HashMap};

use http_sd_lambda::group::{EpochSeconds, LabelNames, StoredGroup};

use crate::{
    error::CliError,
    plan::{Change, ChangeKind, Plan},
    store::{
        Expect, MOST_IN_TRANSACTION, Owner, Record, Store, WriteError,
        batch::{self, ROWS_AT_ONCE, Write, Written},
        size, that_fit,
    },
    terminal::{progress, signals::Signals, text::Count},
};

/// The most that a request of several rows holds, in bytes: little enough for a slow line, and for a small table.
const MOST_BYTES: usize = 256 << 10;

/// How many transactions are under way at a time. A new table takes 4,000 rows a second.
const TRANSACTIONS_AT_ONCE: usize = 4;

/// Writes to one table for one set.
struct Writer<'t> {
    store: &'t Store,
    set: &'t str,
    names: LabelNames,
    /// Rows that hold targets which are moving elsewhere, as they are now.
    held: RefCell<HashMap<(&'t str, &'t str), Record>>,
}

pub(super) async fn plan(
    store: &Store,
    set: &str,
    names: LabelNames,
    plan: &Plan<'_>,
    signals: &mut Signals,
) -> Result<(), CliError> {
    let total = plan.changes.len();
    let bar = progress::bar("writing", total);
    let writer = Writer { store, set, names, held: RefCell::default() };
    let new: Vec<&Change<'_>> = changes(plan, |change| matches!(change.kind, ChangeKind::Add(_))).collect();
    let changed = changes(plan, |change| matches!(change.kind, ChangeKind::Update(..)));
    let giving = changes(plan, |change| !change.moving.is_empty());
    let gone = changes(plan, |change| matches!(change.kind, ChangeKind::Remove(_)));

    let mut written =
        batch::all(batches(&new).into_iter().map(|new| writer.add(new)), TRANSACTIONS_AT_ONCE, &bar, signals).await;
    if written.ended.is_none() {
        written += batch::all(changed.map(|change| writer.change(change)), ROWS_AT_ONCE, &bar, signals).await;
    }
    if written.ended.is_none() {
        written += batch::all(giving.map(|change| writer.release(change)), ROWS_AT_ONCE, &bar, signals).await;
    }
    if written.ended.is_none() {
        written += batch::all(gone.map(|change| writer.remove(change)), ROWS_AT_ONCE, &bar, signals).await;
    }
    let Written { done, ended } = written;
    let Some(ended) = ended else {
        bar.finish_and_clear();
        return Ok(());
    };
    bar.abandon();
    let how_far = format!("{done} of {} made: run the same command again for the rest", Count(total, "change"));
    Err(ended.of_table(store.name(), how_far))
}

fn changes<'p, 'd>(plan: &'p Plan<'d>, which: fn(&Change<'d>) -> bool) -> impl Iterator<Item = &'p Change<'d>> {
    plan.changes.iter().filter(move |change| which(change))
}

/// Cuts new rows into transactions.
fn batches<'c, 'd>(new: &'c [&'c Change<'d>]) -> Vec<&'c [&'c Change<'d>]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (i, change) in new.iter().enumerate() {
        let more = if let ChangeKind::Add(wanted) = &change.kind { size(&wanted.group) } else { 0 };
        if i > start && (i - start == MOST_IN_TRANSACTION || bytes + more > MOST_BYTES) {
            batches.push(&new[start..i]);
            (start, bytes) = (i, 0);
        }
        bytes += more;
    }
    batches.extend(Some(&new[start..]).filter(|rest| !rest.is_empty()));
    batches
}

impl<'t> Writer<'t> {
    async fn add(&self, new: &[&Change<'_>]) -> Write {
        let groups: Vec<StoredGroup> = new.iter().filter_map(|change| change.stored()).collect();
        match self.store.insert(&groups, self.set, EpochSeconds::now()).await {
            Ok(()) => (groups.len(), Ok(())),
            Err(error) => (0, Err(error)),
        }
    }

    /// Writes what a row is to hold and, for the time being, what it gives up to other rows.
    async fn change(&self, change: &'t Change<'_>) -> Write {
        let (ChangeKind::Update(before, _), Some(mut group)) = (&change.kind, change.stored()) else {
            return (0, Ok(()));
        };
        let moving = that_fit(&group.group, &change.moving).to_vec();
        let holds = !moving.is_empty();
        group.group.targets.extend(moving);
        let written = self.write(before, &group).await;
        if !holds || written.is_err() {
            return batch::one(written);
        }
        self.held.borrow_mut().insert(key(change), before.after(&group, self.set));
        // It is done once the row is as it is to be.
        (0, Ok(()))
    }

    /// Takes from a row what other rows have by now.
    async fn release(&self, change: &'t Change<'_>) -> Write {
        let held = self.held.borrow_mut().remove(&key(change));
        let (Some(held), Some(group)) = (held, change.stored()) else { return (0, Ok(())) };
        batch::one(self.write(&held, &group).await)
    }

    async fn write(&self, before: &Record, group: &StoredGroup) -> Result<(), WriteError> {
        let (owner, expect) = (Owner::Set(self.set), Expect::Unchanged(before));
        match self.store.write(group, owner, expect, EpochSeconds::now()).await {
            // It may be our own write, of which we were not told in time.
            Err(conflict @ WriteError::Conflict { .. }) => {
                let found = self.store.record(&group.job, &group.name, self.names).await?;
                let is_ours = found.is_some_and(|found| {
                    found.managed_by.as_deref() == Some(self.set)
                        && found.lease == group.lease
                        && found.group.as_ref() == Ok(&group.group)
                });
                if is_ours { Ok(()) } else { Err(conflict) }
            }
            other => other.map(|_| ()),
        }
    }

    async fn remove(&self, change: &Change<'_>) -> Write {
        let ChangeKind::Remove(before) = &change.kind else { return (0, Ok(())) };
        let removed = match self.store.delete(&change.job, &change.name, Expect::Unchanged(before)).await {
            Err(conflict @ WriteError::Conflict { .. }) => {
                match self.store.record(&change.job, &change.name, self.names).await {
                    Ok(None) => Ok(false),
                    Ok(Some(_)) => Err(conflict),
                    Err(error) => Err(error.into()),
                }
            }
            other => other,
        };
        batch::one(removed)
    }
}

fn key<'c>(change: &'c Change<'_>) -> (&'c str, &'c str) {
    (change.job.as_str(), change.name.as_str())
}
