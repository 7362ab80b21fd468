//! `sdctl targets`: adds targets to a group, and removes targets from it.

use std::{collections::HashSet, time::Duration};

use clap::{Args, Subcommand};
use http_sd_lambda::group::{EpochSeconds, StoredGroup, Target, TargetGroup, excerpt};

use super::{addresses, arguments, edited, outcome::Outcome, summary};
use crate::{
    error::CliError,
    store::{self, Backoff, Expect, Record, WriteError, connection::TableOptions},
    terminal::message,
};

/// The most attempts to write a row that other writers keep changing.
const ATTEMPTS: usize = 30;
/// The first pause between two attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Add targets to a group, or remove targets from it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl targets add node_exporter web -t web-3:9100
  sdctl targets rm node_exporter web -t web-1:9100 -t web-2:9100

Run 'sdctl targets add --help' for the details.")]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add targets to a group
    ///
    /// The group must exist. Its labels, its lease and its other targets stay. Several sdctl can change the targets of
    /// one group at the same time: each change is kept.
    #[command(after_help = "\
Examples:
  sdctl targets add node_exporter web -t web-3:9100
  sdctl targets add node_exporter web -t web-3:9100 -t web-4:9100
  sdctl targets add node_exporter web -t web-3:9100 --dry-run

sdctl names targets that the group has already, and adds the others. Create a group with sdctl put.

Exit codes:
  0  added, or nothing to change
  1  error
  2  with --dry-run: the group would change")]
    Add(Edit),
    /// Remove targets from a group
    ///
    /// The labels, the lease and the other targets of the group stay. If the group lacks one of the targets, sdctl
    /// removes none and exits with 1.
    #[command(after_help = "\
Examples:
  sdctl targets rm node_exporter web -t web-1:9100
  sdctl targets rm node_exporter web -t web-1:9100 -t web-2:9100
  sdctl targets rm node_exporter web -t web-1:9100 --dry-run

Without its last target the group stays, and has no targets. Remove the group with sdctl rm.

Exit codes:
  0  removed
  1  error, or the group lacks one of the targets
  2  with --dry-run: the group would change")]
    Rm(Edit),
}

#[derive(Debug, Args)]
struct Edit {
    /// Job of the group
    job: String,
    /// Name of the group within the job
    group: String,
    /// Use this target, `host:port` or a URL; repeatable
    #[arg(short, long = "target", value_name = "TARGET", required = true)]
    targets: Vec<String>,
    /// Show the difference without writing; exit with 2 if the group would change
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    table: TableOptions,
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let (edit, adds) = match options.action {
        Action::Add(edit) => (edit, true),
        Action::Rm(edit) => (edit, false),
    };
    let (job, name) = (arguments::job(&edit.job)?, arguments::group(&edit.group)?);
    let mut targets = arguments::targets(&edit.targets)?;
    let mut seen = HashSet::new();
    targets.retain(|target| seen.insert(target.clone()));
    let mut connection = edit.table.open().await?;
    connection.announce(if edit.dry_run { "Comparing with" } else { "Using" }).await?;

    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut attempt = 1;
    loop {
        let now = EpochSeconds::now();
        let before = connection.record(&job, &name).await?.ok_or_else(|| CliError::no_such_group(&job, &name))?;
        let group = before
            .group
            .clone()
            .map_err(|fault| CliError::Refused(format!("{fault}. Fix the row first, for example with sdctl put")))?;
        let mut after = StoredGroup { job: job.clone(), name: name.clone(), lease: before.lease, group };
        if adds {
            add(&mut after, &targets, attempt == 1)?;
        } else {
            remove(&mut after, &targets)?;
        }
        if edited::is_unchanged(Some(&before), &after) || edit.dry_run {
            edited::difference(Some(&before), &after, now)?;
            let is_unchanged = edited::is_unchanged(Some(&before), &after);
            return Ok(if is_unchanged { Outcome::Done } else { Outcome::Found });
        }
        match edited::write(&connection, &after, Expect::Unchanged(&before)).await {
            Ok(()) => return finish(&before, &after, now),
            // Another writer was faster: change its row.
            Err(WriteError::Conflict { .. }) if attempt < ATTEMPTS => {
                attempt += 1;
                tokio::time::sleep(backoff.pause()).await;
            }
            Err(error) => return Err(connection.write_error(error)),
        }
    }
}

/// Adds the targets that the group lacks. `warns` about the others, and about doubtful addresses.
fn add(after: &mut StoredGroup, targets: &[Target], warns: bool) -> Result<(), CliError> {
    let old: HashSet<Target> = after.group.targets.iter().cloned().collect();
    let (known, new): (Vec<Target>, Vec<Target>) = targets.iter().cloned().partition(|target| old.contains(target));
    if warns {
        if !known.is_empty() {
            message::note(format_args!("already in the group: {}", summary::targets(&known)));
        }
        let labels = after.group.labels.clone();
        addresses::check([(None, &TargetGroup { targets: new.clone(), labels })])?;
    }
    after.group.targets.extend(new);
    if store::fits(after) { Ok(()) } else { Err(CliError::too_large(after)) }
}

/// Removes each of the targets, also if the group repeats it. A missing target is an error.
fn remove(after: &mut StoredGroup, targets: &[Target]) -> Result<(), CliError> {
    let (job, name) = (excerpt(after.job.as_str()), excerpt(after.name.as_str()));
    for target in targets {
        let before = after.group.targets.len();
        after.group.targets.retain(|other| other != target);
        if after.group.targets.len() == before {
            let target = excerpt(target.as_str());
            return Err(CliError::Refused(format!(
                "nothing was changed: target {target} not found in group {name} of job {job}. List the targets of the \
                 group with sdctl get -o wide"
            )));
        }
    }
    Ok(())
}

fn finish(before: &Record, after: &StoredGroup, now: EpochSeconds) -> Result<Outcome, CliError> {
    edited::show(Some(before), after, now)?;
    if after.group.targets.is_empty() {
        message::note("the group has no targets now, and stays in the table. Remove it with sdctl rm");
    }
    Ok(Outcome::Done)
}
