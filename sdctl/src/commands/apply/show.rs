//! Prints a plan.

use std::{
    io::{self, Write},
    mem::discriminant,
};

use http_sd_lambda::group::{EpochSeconds, excerpt};

use crate::{
    commands::change,
    plan::{Change, Counts, Holder, Plan},
    terminal::{
        style::{FAINT, HEADING},
        text::Count,
    },
};

/// The most changes of a kind that are printed for each job without `--full`.
const MOST: usize = 20;

pub(super) fn plan(out: &mut dyn Write, plan: &Plan<'_>, set: &str, full: bool, now: EpochSeconds) -> io::Result<()> {
    let most = if full { usize::MAX } else { MOST };
    for changes in plan.changes.chunk_by(|a, b| a.job == b.job) {
        let Some(Change { job, .. }) = changes.first() else { continue };
        let counts = plan.jobs.get(job).copied().unwrap_or_default();
        writeln!(out, "{HEADING}job {}:{HEADING:#} {}", excerpt(job.as_str()), self::counts(counts))?;
        for changes in changes.chunk_by(|a, b| discriminant(&a.kind) == discriminant(&b.kind)) {
            for change in changes.iter().take(most) {
                let (before, after) = (change.before(), change.stored());
                change::Change { name: &change.name, before, after: after.as_ref(), owner: Some(set), now }
                    .show(out)?;
            }
            if changes.len() > most {
                writeln!(out, "  {FAINT}… and {} more (--full shows all){FAINT:#}", changes.len() - most)?;
            }
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

fn counts(Counts { added, changed, removed, unchanged, .. }: Counts) -> String {
    format!("{added} to add, {changed} to change, {removed} to remove, {unchanged} unchanged")
}
