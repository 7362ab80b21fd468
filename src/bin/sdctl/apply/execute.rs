//! Writing a plan: what is added or changed first, what goes last, so that a failure never leaves less than before.

use http_sd_lambda::{
    group::EpochSeconds,
    plan::{Change, ChangeKind, Plan},
    table::{Expect, Table, WriteError},
};

use crate::{
    arguments::Count,
    error::CliError,
    progress,
    writes::{self, Ended},
};

pub(super) async fn plan(table: &Table, set: &str, plan: &Plan<'_>) -> Result<(), CliError> {
    let total = plan.changes.len();
    let bar = progress::bar("writing", total);
    let goes = |change: &&Change<'_>| matches!(change.kind, ChangeKind::Remove(_));
    let mut done = 0;
    for removes in [false, true] {
        let changes = plan.changes.iter().filter(|change| goes(change) == removes);
        let written = writes::all(changes.map(|change| write(table, set, change)), &bar).await;
        done += written.done;
        let Some(ended) = written.ended else { continue };
        bar.abandon();
        let how_far = format!("{done} of {} made: run the same command again for the rest", Count(total, "change"));
        return Err(match ended {
            Ended::Interrupted => CliError::Refused(format!("stopped, with {how_far}")),
            Ended::Failed(error) => {
                CliError::Interrupted { source: Box::new(CliError::of_write(table.name(), error)), how_far }
            }
        });
    }
    bar.finish_and_clear();
    Ok(())
}

async fn write(table: &Table, set: &str, change: &Change<'_>) -> Result<bool, WriteError> {
    let expect = match &change.kind {
        ChangeKind::Add(_) => Expect::Absent,
        ChangeKind::Update(before, _) | ChangeKind::Remove(before) => Expect::Unchanged(before),
    };
    match change.stored() {
        Some(group) => table.write(&group, Some(set), expect, EpochSeconds::now()).await,
        None => table.delete(&change.job, &change.name, expect).await,
    }
}
