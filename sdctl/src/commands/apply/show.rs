//! A plan, as it is shown.

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

/// How many changes of a kind are named for each job.
const MOST: usize = 20;

pub(super) fn plan(out: &mut dyn Write, plan: &Plan<'_>, set: &str, full: bool, now: EpochSeconds) -> io::Result<()> {
    let mut changes = plan.changes.as_slice();
    for (job, counts) in &plan.jobs {
        // Changes and jobs come in the same order.
        let (own, rest) = changes.split_at(changes.iter().take_while(|change| change.job == *job).count());
        changes = rest;
        if !own.is_empty() {
            self::job(out, job, *counts, own, if full { usize::MAX } else { MOST }, (set, now))?;
        }
    }
    let counts = plan.counts();
    for (holder, count) in &plan.elsewhere {
        let of = match holder {
            Holder::Nobody => "nobody".to_owned(),
            Holder::Lease => "a lease".to_owned(),
            Holder::Set(set) => format!("the set {}", excerpt(set)),
        };
        writeln!(
            out,
            "{FAINT}{} of the files already in rows of {of}, which stay as they are{FAINT:#}",
            Count(*count, "group")
        )?;
    }
    if counts.kept > 0 {
        let (count, verb) = (Count(counts.kept, "row"), if counts.kept == 1 { "is" } else { "are" });
        writeln!(
            out,
            "{FAINT}{count} of the set {} {verb} in no file and would go with --prune{FAINT:#}",
            excerpt(set)
        )?;
    }
    if plan.changes.is_empty() {
        writeln!(out, "Nothing to change: {} as the files say.", Count(counts.unchanged, "group"))
    } else {
        writeln!(out, "{HEADING}Plan:{HEADING:#} {}.", self::counts(counts))
    }
}

/// What was done, in a line. The plan has done its work.
#[allow(clippy::needless_pass_by_value, reason = "a large plan is not kept in memory")]
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
            writeln!(out, "  {FAINT}… and {} more: --full names them{FAINT:#}", changes.len() - most)?;
        }
    }
    Ok(())
}
