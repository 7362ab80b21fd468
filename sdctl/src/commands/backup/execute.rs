//! Writes a plan: added rows first, then changed rows, removed rows last.
//!
//! A target that moves between rows stays in the old row until the new row contains it, and until every poll has ended
//! that began before, as `sdctl apply` does.

use http_sd_lambda::{
    group::{EpochSeconds, LabelNames, Target},
    table::{Attributes, TableError},
};

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    plan::{Change, Kind, Plan, served},
    rows::{Backup, Wanted},
};
use crate::{
    commands::settle::Settle,
    error::CliError,
    store::{
        Record, Store, Whole, WriteError,
        batch::{self, ROWS_AT_ONCE, TRANSACTIONS_AT_ONCE, Write},
        connection::Connection,
        that_fit, transactions,
    },
    terminal::{progress, signals::Signals, text::Count},
};

/// Writes the rows of a backup to a table.
struct Writer<'b> {
    store: &'b Store,
    backup: &'b Backup,
    names: LabelNames,
    now: EpochSeconds,
}

/// The first write of a row that changes.
enum First {
    /// The row as it shall be.
    Final,
    /// The row as it shall be, and the targets that are moving to other rows.
    Held(Attributes),
    /// None: the row as it shall be serves no target, so it waits.
    Later,
}

/// Writes the plan.
pub(crate) async fn write(
    connection: &Connection,
    backup: &Backup,
    plan: &Plan,
    settle: Settle,
) -> Result<(), CliError> {
    let total = plan.changes.len();
    let bar = progress::bar("writing", total);
    let mut signals = Signals::listen()?;
    let signals = &mut signals;
    let Connection { store, names, .. } = connection;
    let writer = Writer { store, backup, names: *names, now: EpochSeconds::now() };
    let of = |is: fn(&Kind) -> bool| plan.changes.iter().filter(move |change| is(&change.kind));
    let changed = || of(|kind| matches!(kind, Kind::Update(_)));
    let new: Vec<&Change> = of(|kind| matches!(kind, Kind::Add)).collect();
    let size = |change: &&Change| backup.wanted(&change.job, &change.name).map_or(0, Wanted::size);
    let adds = transactions(&new, size).into_iter().map(|new| writer.add(new));
    let mut written = batch::all(adds, TRANSACTIONS_AT_ONCE, &bar, signals).await;
    if written.ended.is_none() {
        written += batch::all(changed().map(|change| writer.change(change)), ROWS_AT_ONCE, &bar, signals).await;
    }
    if written.ended.is_none() {
        written.ended = settle.wait(plan.moved, &bar, signals).await;
    }
    if written.ended.is_none() {
        let giving = changed().filter(|change| !change.moving.is_empty());
        written += batch::all(giving.map(|change| writer.release(change)), ROWS_AT_ONCE, &bar, signals).await;
    }
    if written.ended.is_none() {
        let gone = of(|kind| matches!(kind, Kind::Remove(_))).map(|change| writer.remove(change));
        written += batch::all(gone, ROWS_AT_ONCE, &bar, signals).await;
    }
    bar.finish_and_clear();
    let Some(ended) = written.ended else { return Ok(()) };
    let how_far =
        format!("{} of {} written. Run the same command again for the rest", written.done, Count(total, "change"));
    Err(ended.of_table(store.name(), how_far))
}

impl Writer<'_> {
    async fn add(&self, new: &[&Change]) -> Write {
        let added = async {
            let rows = new.iter().map(|change| self.attributes(change)).collect::<Result<Vec<_>, _>>()?;
            let whole = new.iter().zip(&rows);
            let whole = whole.map(|(change, row)| Whole { job: &change.job, name: &change.name, attributes: row });
            self.store.restore_new(&whole.collect::<Vec<_>>()).await
        };
        match added.await {
            Ok(()) => (new.len(), Ok(())),
            Err(error) => (0, Err(error)),
        }
    }

    /// Writes a row as it shall be, except for the targets that are moving to other rows.
    async fn change(&self, change: &Change) -> Write {
        let Kind::Update(before) = &change.kind else { return (0, Ok(())) };
        match self.first(change) {
            Ok(First::Final) => batch::one(self.restore(change, before, None).await),
            // `release` completes and counts these changes.
            Ok(First::Held(held)) => (0, self.restore(change, before, Some(held)).await),
            Ok(First::Later) => (0, Ok(())),
            Err(error) => (0, Err(error)),
        }
    }

    /// Writes a row as it shall be, after other rows contain the targets that move.
    async fn release(&self, change: &Change) -> Write {
        let Kind::Update(before) = &change.kind else { return (0, Ok(())) };
        match self.first(change) {
            // `change` has written and counted the row.
            Ok(First::Final) => (0, Ok(())),
            Ok(First::Held(held)) => batch::one(self.restore(change, &held, None).await),
            Ok(First::Later) => batch::one(self.restore(change, before, None).await),
            Err(error) => (0, Err(error)),
        }
    }

    async fn remove(&self, change: &Change) -> Write {
        let Kind::Remove(attributes) = &change.kind else { return (0, Ok(())) };
        let row = Whole { job: &change.job, name: &change.name, attributes };
        batch::one(self.store.delete_whole(row).await)
    }

    async fn restore(&self, change: &Change, before: &Attributes, after: Option<Attributes>) -> Result<(), WriteError> {
        let after = after.map_or_else(|| self.attributes(change), Ok)?;
        self.store.restore(Whole { job: &change.job, name: &change.name, attributes: &after }, before).await
    }

    /// Returns what to write before other rows contain the targets that move.
    fn first(&self, change: &Change) -> Result<First, WriteError> {
        if change.moving.is_empty() {
            return Ok(First::Final);
        }
        let mut attributes = self.attributes(change)?;
        let record = Record::of(attributes.clone(), self.names)?;
        let Some(group) = served(&record, self.now) else { return Ok(First::Later) };
        let targets = group.targets.iter().chain(that_fit(group, &change.moving)).map(Target::as_str);
        let targets = targets.map(|target| AttributeValue::S(target.to_owned())).collect();
        attributes.insert("targets".to_owned(), AttributeValue::L(targets));
        Ok(First::Held(attributes))
    }

    /// Returns the row as it shall be. Its line was read without a fault before.
    fn attributes(&self, change: &Change) -> Result<Attributes, WriteError> {
        let refused = |fault: String| WriteError::Table(TableError::Refused(fault));
        let wanted = self.backup.wanted(&change.job, &change.name);
        let attributes = wanted.map_or(Ok(None), Wanted::attributes).map_err(|error| refused(error.to_string()))?;
        attributes.ok_or_else(|| refused("the row has no line".to_owned()))
    }
}
