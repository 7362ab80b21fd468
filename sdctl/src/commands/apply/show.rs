//! Prints a plan.

use std::{
    io::{self, Write},
    mem::discriminant,
};

use http_sd_lambda::group::{EpochSeconds, Job, excerpt};

use crate::{
    commands::{
        change,
        listing::{self, Listed},
    },
    plan::{Change, Holder, Plan},
    terminal::{style::FAINT, text::Count},
};

impl Listed for Change<'_> {
    fn job(&self) -> &Job {
        &self.job
    }

    fn is_like(&self, other: &Self) -> bool {
        discriminant(&self.kind) == discriminant(&other.kind)
    }
}

pub(super) fn plan(out: &mut dyn Write, plan: &Plan<'_>, set: &str, full: bool, now: EpochSeconds) -> io::Result<()> {
    let counts = plan.counts();
    let numbers = |job: &Job| listing::of_job(plan.jobs.get(job).copied().unwrap_or_default(), counts);
    listing::changes(out, &plan.changes, full, numbers, |out, change| {
        let (before, after) = (change.before(), change.stored());
        change::Change { name: &change.name, before, after: after.as_ref(), owner: Some(set), now }.show(out)
    })?;
    for (holder, count) in &plan.elsewhere {
        let of = match holder {
            Holder::NoSet => "without owner".to_owned(),
            Holder::Lease => "with a lease".to_owned(),
            Holder::Set(set) => format!("of the set {}", excerpt(set)),
        };
        writeln!(out, "{FAINT}unchanged: {} that rows {of} already hold{FAINT:#}", Count(*count, "group"))?;
    }
    let rows_of = format!("of the set {} in these jobs", excerpt(set));
    listing::kept(out, counts.kept, &rows_of, "--prune", "in other jobs")?;
    listing::end(out, counts, &listing::matching(counts.unchanged, "group"))
}
