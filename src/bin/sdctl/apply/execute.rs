//! Writing a plan: what is new first, then what changes, and what goes last, so that a failure never leaves less than
//! before.
//!
//! New rows go in batches, which know no conditions: their names were free a moment ago, and are a set's own. What
//! changes or goes is written row by row, each on condition that it is as it was when the plan was made.

use http_sd_lambda::{
    group::EpochSeconds,
    plan::{Change, ChangeKind, Plan},
    table::{Expect, MOST_IN_BATCH, Table, WriteError},
};

use crate::{
    arguments::Count,
    error::CliError,
    progress,
    writes::{self, Write, Written},
};

pub(super) async fn plan(table: &Table, set: &str, plan: &Plan<'_>) -> Result<(), CliError> {
    let total = plan.changes.len();
    let bar = progress::bar("writing", total);
    let new: Vec<&Change<'_>> = changes(plan, |kind| matches!(kind, ChangeKind::Add(_))).collect();
    let changed = changes(plan, |kind| matches!(kind, ChangeKind::Update(..)));
    let gone = changes(plan, |kind| matches!(kind, ChangeKind::Remove(_)));
    let mut written = writes::all(new.chunks(MOST_IN_BATCH).map(|new| add(table, set, new)), &bar).await;
    if written.ended.is_none() {
        written += writes::all(changed.map(|change| update(table, set, change)), &bar).await;
    }
    if written.ended.is_none() {
        written += writes::all(gone.map(|change| remove(table, change)), &bar).await;
    }
    let Written { done, ended } = written;
    let Some(ended) = ended else {
        bar.finish_and_clear();
        return Ok(());
    };
    bar.abandon();
    let how_far = format!("{done} of {} made: run the same command again for the rest", Count(total, "change"));
    Err(CliError::stopped(table.name(), ended, how_far))
}

fn changes<'p, 'd>(plan: &'p Plan<'d>, kind: fn(&ChangeKind<'d>) -> bool) -> impl Iterator<Item = &'p Change<'d>> {
    plan.changes.iter().filter(move |change| kind(&change.kind))
}

async fn add(table: &Table, set: &str, new: &[&Change<'_>]) -> Write {
    let groups: Vec<_> = new.iter().filter_map(|change| change.stored()).collect();
    let (done, result) = table.put_batch(&groups, Some(set), EpochSeconds::now()).await;
    (done, result.map_err(WriteError::from))
}

async fn update(table: &Table, set: &str, change: &Change<'_>) -> Write {
    let (ChangeKind::Update(before, _), Some(group)) = (&change.kind, change.stored()) else { return (0, Ok(())) };
    writes::one(table.write(&group, Some(set), Expect::Unchanged(before), EpochSeconds::now()).await)
}

async fn remove(table: &Table, change: &Change<'_>) -> Write {
    let ChangeKind::Remove(before) = &change.kind else { return (0, Ok(())) };
    writes::one(table.delete(&change.job, &change.name, Expect::Unchanged(before)).await)
}
