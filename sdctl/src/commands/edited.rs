//! Prints what `sdctl put` or `sdctl label` wrote.

use std::io::Write;

use http_sd_lambda::group::{EpochSeconds, StoredGroup, excerpt};

use super::{change::Change, outcome::Outcome};
use crate::{
    error::CliError,
    store::Record,
    terminal::{message, output},
};

/// Prints the change, and a note if another writer will overwrite it.
pub(crate) fn show(before: Option<&Record>, after: &StoredGroup, now: EpochSeconds) -> Result<Outcome, CliError> {
    let mut out = output::stdout();
    if before.is_some_and(|before| before.group.as_ref() == Ok(&after.group) && before.lease == after.lease) {
        writeln!(out, "unchanged: group {} of job {}", excerpt(after.name.as_str()), excerpt(after.job.as_str()))?;
    } else {
        writeln!(out, "job {}:", excerpt(after.job.as_str()))?;
        Change { name: &after.name, before, after: Some(after), owner: None, now }.show(&mut out)?;
    }
    if let Some(set) = before.and_then(|before| before.managed_by.as_deref()) {
        let set = excerpt(set);
        message::note(format_args!(
            "the row belongs to the set {set}: the next sdctl apply of this set overwrites your change"
        ));
    } else if before.is_some_and(|before| before.lease.end().is_some_and(|end| end > now)) {
        message::note("the row had a lease: its next renewal, for example by sdctl register, overwrites your change");
    }
    Ok(Outcome::Done)
}
