//! Tells which rows of other owners a plan leaves alone, although the user probably wants to change them.

use std::{borrow::Cow, collections::BTreeSet};

use http_sd_lambda::group::{GroupName, LabelNames, excerpt};

use crate::{
    error::CliError,
    plan::{Ownership, Plan},
    store::Store,
    terminal::{
        message, progress,
        text::{Count, printable},
    },
};

/// The set of files without `--set`.
pub(super) const DEFAULT_SET: &str = "default";
/// The most names in a message.
const MOST_NAMES: usize = 5;
/// The most jobs with a note of their own.
const MOST_JOBS: usize = 10;

/// Prints notes about rows of other owners that look like groups of the files. `adopts` says whether the command can
/// adopt a set.
pub(super) fn note(plan: &Plan<'_>, set: &str, adopts: bool) {
    for (job, groups) in plan.unowned.iter().take(MOST_JOBS) {
        let job = excerpt(job.as_str());
        let names = names(groups.iter().map(GroupName::as_str));
        match groups.len() {
            1 => message::note(format_args!(
                "job {job}: group {names} (no set) shares targets with an added group; --adopt-unowned takes it over"
            )),
            count => message::note(format_args!(
                "job {job}: {count} groups (no set) share targets with added groups: {names}; --adopt-unowned takes \
                 them over"
            )),
        }
    }
    if let Some(more @ 1..) = plan.unowned.len().checked_sub(MOST_JOBS) {
        message::note(format_args!("such groups exist in {}", Count(more, "more job")));
    }
    if let Some((other, rows)) = plan.likely_set() {
        let (set, rows, share) = (excerpt(set), Count(rows, "row"), if rows == 1 { "shares" } else { "share" });
        let word = printable(other);
        let word = shlex::try_quote(&word).unwrap_or(Cow::Borrowed(&word));
        let meant = match adopts {
            false => format!("--set {word}?"),
            true if other == DEFAULT_SET => format!("--adopt {word}?"),
            true => format!("--set {word}? (or --adopt {word})"),
        };
        message::note(format_args!(
            "no row of these jobs belongs to the set {set}, but {rows} of the set {} {share} targets with the files: \
             did you mean {meant}",
            excerpt(other)
        ));
    }
}

/// Checks that the table has a row of the adopted set. Without changes an earlier run may have taken all of them over.
pub(super) async fn check_adopted(
    store: &Store,
    label_names: LabelNames,
    plan: &Plan<'_>,
    Ownership { adopted_set, .. }: &Ownership,
) -> Result<(), CliError> {
    let Some(adopted) = adopted_set.as_ref().filter(|_| !plan.has_adopted_rows && !plan.changes.is_empty()) else {
        return Ok(());
    };
    let reading = progress::counter("rows read");
    let mut rows = store.records(None, label_names);
    let mut sets = BTreeSet::new();
    let read = async {
        while let Some(page) = rows.next().await? {
            reading.inc(u64::try_from(page.len()).unwrap_or_default());
            sets.extend(page.into_iter().filter_map(|record| record.managed_by));
            if sets.contains(adopted) {
                break;
            }
        }
        Ok(())
    };
    let read = read.await;
    reading.finish_and_clear();
    read.map_err(|error| CliError::of_table(store.name(), error))?;
    if sets.contains(adopted) {
        return Ok(());
    }
    let sets = match sets.len() {
        0 => "no row of the table belongs to a set".to_owned(),
        1 => format!("the only set of the table is {}", names(sets.iter().map(String::as_str))),
        _ => format!("the sets of the table are {}", names(sets.iter().map(String::as_str))),
    };
    Err(CliError::Refused(format!(
        "nothing was changed: no row belongs to the set {} of --adopt, {sets}. Correct the name, or omit --adopt",
        excerpt(adopted)
    )))
}

/// Returns the first names and the number of the others.
fn names<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    let more = names.len().saturating_sub(MOST_NAMES);
    let shown: Vec<String> = names.take(MOST_NAMES).map(excerpt).collect();
    let shown = shown.join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}
