//! Prints a plan.

use std::io::{self, Write};

use http_sd_lambda::group::{EpochSeconds, Job, excerpt};

use crate::{
    commands::change,
    plan::{Change, ChangeKind, Counts, Holder, Plan},
    terminal::{
        style::{FAINT, HEADING},
        text::Count,
    },
};

/// The most changes of a kind that are printed for each job without `--full`.
const MOST: usize = 20;

pub(super) fn plan(out: &mut dyn Write, plan: &Plan<'_>, set: &str, full: bool, now: EpochSeconds) -> io::Result<()> {
    let mut changes = plan.changes.as_slice();
    for (job, counts) in &plan.jobs {
        // Changes and jobs have the same order.
        let (own, rest) = changes.split_at(changes.iter().take_while(|change| change.job == *job).count());
        changes = rest;
        if !own.is_empty() {
            self::job(out, job, *counts, own, if full { usize::MAX } else { MOST }, (set, now))?;
        }
    }
    let counts = plan.counts();
    for (holder, count) in &plan.elsewhere {
        let of = match holder {
            Holder::NoSet => "without owner".to_owned(),
            Holder::Lease => "with a lease".to_owned(),
            Holder::Set(set) => format!("of the set {}", excerpt(set)),
        };
        writeln!(out, "{FAINT}unchanged: {} that rows {of} already hold{FAINT:#}", Count(*count, "group"))?;
    }
    if counts.kept > 0 {
        let (count, verb) = (Count(counts.kept, "row"), if counts.kept == 1 { "is" } else { "are" });
        let them = if counts.kept == 1 { "it" } else { "them" };
        writeln!(
            out,
            "{FAINT}{count} of the set {} in these jobs {verb} in no file: --prune removes {them}, and rows in other jobs{FAINT:#}",
            excerpt(set)
        )?;
    }
    if plan.changes.is_empty() {
        let verb = if counts.unchanged == 1 { "matches" } else { "match" };
        writeln!(out, "Nothing to change: {} {verb} the files.", Count(counts.unchanged, "group"))
    } else {
        writeln!(out, "{HEADING}Plan:{HEADING:#} {}.", self::counts(counts))
    }
}

/// Returns a line with the number of changes, and drops the plan.
#[allow(clippy::needless_pass_by_value, reason = "frees the memory of a large plan")]
pub(super) fn applied(plan: Plan<'_>) -> String {
    let Counts { added, changed, removed, .. } = plan.counts();
    format!("Applied: {added} added, {changed} changed, {removed} removed.")
}

fn counts(Counts { added, changed, removed, unchanged, .. }: Counts) -> String {
    format!("{added} to add, {changed} to change, {removed} to remove, {unchanged} unchanged")
}

fn job(
    out: &mut dyn Write,
    job: &Job,
    counts: Counts,
    changes: &[Change<'_>],
    most: usize,
    (set, now): (&str, EpochSeconds),
) -> io::Result<()> {
    writeln!(out, "{HEADING}job {}:{HEADING:#} {}", excerpt(job.as_str()), self::counts(counts))?;
    let kind = |change: &Change<'_>| match change.kind {
        ChangeKind::Add(_) => 0,
        ChangeKind::Update(..) => 1,
        ChangeKind::Remove(_) => 2,
    };
    for changes in changes.chunk_by(|a, b| kind(a) == kind(b)) {
        for change in changes.iter().take(most) {
            let (ChangeKind::Update(record, _) | ChangeKind::Remove(record)) = &change.kind else {
                let after = change.stored();
                change::Change { name: &change.name, before: None, after: after.as_ref(), owner: None, now }
                    .show(out)?;
                continue;
            };
            let after = change.stored();
            let (before, after) = (Some(&**record), after.as_ref());
            change::Change { name: &change.name, before, after, owner: Some(set), now }.show(out)?;
        }
        if changes.len() > most {
            writeln!(out, "  {FAINT}… and {} more (--full shows all){FAINT:#}", changes.len() - most)?;
        }
    }
    Ok(())
}
