//! Writes and prints what `sdctl put`, `label`, `targets` or `edit` writes.

use std::{collections::BTreeSet, io, io::Write};

use http_sd_lambda::group::{EpochSeconds, StoredGroup, excerpt};

use super::{change::Change, outcome::Outcome};
use crate::{
    error::CliError,
    store::{Expect, Owner, Record, WriteError, connection::Connection},
    terminal::{message, output},
};

/// Prints the change, and a note if another writer will overwrite it.
pub(crate) fn show(before: Option<&Record>, after: &StoredGroup, now: EpochSeconds) -> Result<Outcome, CliError> {
    difference(before, after, now)?;
    note(before, now);
    Ok(Outcome::Done)
}

/// Returns whether the row already has the content and the lease of `after`.
pub(crate) fn is_unchanged(before: Option<&Record>, after: &StoredGroup) -> bool {
    before.is_some_and(|before| before.group.as_ref() == Ok(&after.group) && before.lease == after.lease)
}

/// Writes a row for its owner. If an earlier attempt has written the row, but its response was lost, this is no error.
pub(crate) async fn write(connection: &Connection, after: &StoredGroup, expect: Expect<'_>) -> Result<(), WriteError> {
    let store = &connection.store;
    match store.write(after, Owner::AsBefore, expect, EpochSeconds::now()).await {
        Err(conflict @ WriteError::Conflict { .. }) => {
            let found = store.record(&after.job, &after.name, connection.names).await?;
            if is_unchanged(found.as_ref(), after) { Ok(()) } else { Err(conflict) }
        }
        other => other.map(|_| ()),
    }
}

/// Prints the difference between the row and `after`.
pub(crate) fn difference(before: Option<&Record>, after: &StoredGroup, now: EpochSeconds) -> io::Result<()> {
    let mut out = output::stdout();
    if is_unchanged(before, after) {
        return writeln!(
            out,
            "unchanged: group {} of job {}",
            excerpt(after.name.as_str()),
            excerpt(after.job.as_str())
        );
    }
    writeln!(out, "job {}:", excerpt(after.job.as_str()))?;
    Change { name: &after.name, before, after: Some(after), owner: None, now }.show(&mut out)
}

/// Prints a note if another writer will overwrite the change.
pub(crate) fn note(before: Option<&Record>, now: EpochSeconds) {
    notes(before, now);
}

/// Prints a note for each kind of other writer that will overwrite the changes of these rows.
pub(crate) fn notes<'r>(before: impl IntoIterator<Item = &'r Record>, now: EpochSeconds) {
    let mut sets = BTreeSet::new();
    let mut leased = false;
    for record in before {
        match &record.managed_by {
            Some(set) => _ = sets.insert(set),
            None => leased |= record.lease.end().is_some_and(|end| end > now),
        }
    }
    for set in sets {
        let set = excerpt(set);
        message::note(format_args!(
            "the row belongs to the set {set}: the next sdctl apply of this set overwrites your change"
        ));
    }
    if leased {
        message::note("the row had a lease: its next renewal, for example by sdctl register, overwrites your change");
    }
}
