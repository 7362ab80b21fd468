//! Writes a plan: added rows first, then changed rows, removed rows last.
//!
//! A target that moves between rows stays in the old row until the new row contains it, and until every poll has ended
//! that began before. A poll of several pages therefore finds every target in one of the rows, also after a failure.
//! There is one exception: targets that no longer fit the old row.
//!
//! Transactions add new rows, on the condition that they are new. Changed and removed rows are written one by one, on
//! the condition that each is still as the plan saw it.

use std::{cell::RefCell, collections::HashMap};

use http_sd_lambda::group::{EpochSeconds, LabelNames, StoredGroup};

use crate::{
    commands::settle::Settle,
    error::CliError,
    plan::{Change, ChangeKind, Plan},
    store::{
        Expect, Owner, Record, Store, WriteError,
        batch::{self, ROWS_AT_ONCE, TRANSACTIONS_AT_ONCE, Write, Written},
        size, that_fit, transactions,
    },
    terminal::{progress, signals::Signals, text::Count},
};

/// Writes the rows of one set to one table.
struct Writer<'t> {
    store: &'t Store,
    set: &'t str,
    names: LabelNames,
    /// The current rows that still contain targets on their way to other rows.
    held: RefCell<HashMap<(&'t str, &'t str), Record>>,
}

pub(super) async fn plan(
    store: &Store,
    set: &str,
    names: LabelNames,
    plan: &Plan<'_>,
    settle: Settle,
    signals: &mut Signals,
) -> Result<(), CliError> {
    let total = plan.changes.len();
    let bar = progress::bar("writing", total);
    let writer = Writer { store, set, names, held: RefCell::default() };
    let new: Vec<&Change<'_>> = changes(plan, |change| matches!(change.kind, ChangeKind::Add(_))).collect();
    let changed = changes(plan, |change| matches!(change.kind, ChangeKind::Update(..)));
    let giving = changes(plan, |change| !change.moving.is_empty() && matches!(change.kind, ChangeKind::Update(..)));
    let gone = changes(plan, |change| matches!(change.kind, ChangeKind::Remove(_)));

    let mut written = batch::all(
        transactions(&new, |change| change.after().map_or(0, size)).into_iter().map(|new| writer.add(new)),
        TRANSACTIONS_AT_ONCE,
        &bar,
        signals,
    )
    .await;
    if written.ended.is_none() {
        written += batch::all(changed.map(|change| writer.change(change)), ROWS_AT_ONCE, &bar, signals).await;
    }
    if written.ended.is_none() {
        written.ended = settle.wait(plan.moved, &bar, signals).await;
    }
    if written.ended.is_none() {
        written += batch::all(giving.map(|change| writer.release(change)), ROWS_AT_ONCE, &bar, signals).await;
    }
    if written.ended.is_none() {
        written += batch::all(gone.map(|change| writer.remove(change)), ROWS_AT_ONCE, &bar, signals).await;
    }
    let Written { done, ended } = written;
    bar.finish_and_clear();
    let Some(ended) = ended else { return Ok(()) };
    let how_far = format!("{done} of {} written. Run the same command again for the rest", Count(total, "change"));
    Err(ended.of_table(store.name(), how_far))
}

fn changes<'p, 'd>(plan: &'p Plan<'d>, which: fn(&Change<'d>) -> bool) -> impl Iterator<Item = &'p Change<'d>> {
    plan.changes.iter().filter(move |change| which(change))
}

impl<'t> Writer<'t> {
    async fn add(&self, new: &[&Change<'_>]) -> Write {
        let groups: Vec<StoredGroup> = new.iter().filter_map(|change| change.stored()).collect();
        match self.store.insert(&groups, self.set, EpochSeconds::now()).await {
            Ok(()) => (groups.len(), Ok(())),
            Err(error) => (0, Err(error)),
        }
    }

    /// Writes a row's new content, and keeps the targets that are moving to other rows.
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
        // `release` completes and counts this change.
        (0, Ok(()))
    }

    /// Removes the targets that other rows contain by now.
    async fn release(&self, change: &'t Change<'_>) -> Write {
        let held = self.held.borrow_mut().remove(&key(change));
        let (Some(held), Some(group)) = (held, change.stored()) else { return (0, Ok(())) };
        batch::one(self.write(&held, &group).await)
    }

    async fn write(&self, before: &Record, group: &StoredGroup) -> Result<(), WriteError> {
        let (owner, expect) = (Owner::Set(self.set), Expect::Unchanged(before));
        match self.store.write(group, owner, expect, EpochSeconds::now()).await {
            // An earlier attempt may have written the row although its response was lost.
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
