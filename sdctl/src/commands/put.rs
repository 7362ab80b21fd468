//! `sdctl put`: creates or replaces one group.

use std::{collections::HashSet, time::Duration};

use clap::Args;
use http_sd_lambda::group::{EpochSeconds, Lease, StoredGroup, Target, excerpt};

use super::{
    addresses,
    arguments::{self, GroupArguments},
    edited,
    outcome::Outcome,
};
use crate::{
    error::CliError,
    store::{
        Expect, Owner, Record, State, WriteError,
        connection::{Connection, TableOptions},
    },
    terminal::{question, text::Count},
};

/// The most attempts to write a row that other writers keep changing.
const ATTEMPTS: usize = 5;

/// Create or replace one group
///
/// If the group exists and would lose targets, shows the difference and asks before it writes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl put node web -t web-1:9100 -t web-2:9100 -l env=prod -l team=shop
  sdctl put node web -t web-3:9100 --dry-run       show the difference only
  sdctl put node batch-42 --target batch-42:9100 --ttl 15m
  sdctl put blackbox home -t https://example.com/ -l __param_module=http_2xx

With --ttl, the function serves the group for that time, and DynamoDB may delete the row a day later. \
Without --ttl, the function serves the group until you remove it. \
sdctl keeps the row's other attributes, such as your own.

Exit codes:
  0  written, or nothing to change
  1  error, or refused
  2  with --dry-run: the row differs")]
pub(crate) struct Options {
    #[command(flatten)]
    group: GroupArguments,
    /// Serve the group only for this time, for example 90s, 15m or 7d [default: until it is removed]
    #[arg(long, value_name = "DURATION", value_parser = arguments::ttl)]
    ttl: Option<Duration>,
    /// Show the difference without writing; exit with 2 if the row differs
    #[arg(long)]
    dry_run: bool,
    /// Remove targets of an existing group without asking
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    table: TableOptions,
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let mut after = options.group.group()?;
    addresses::check([(None, &after.group)])?;
    let mut connection = options.table.open().await?;
    connection.announce(if options.dry_run { "Comparing with" } else { "Using" }).await?;
    let lease = |now| options.ttl.map_or_else(Lease::default, |ttl| Lease::starting(now, ttl));
    let mut now = EpochSeconds::now();
    after.lease = lease(now);
    if options.dry_run {
        return compare(&connection, &after, now).await;
    }
    // The targets that the user agreed to remove.
    let mut agreed: HashSet<Target> = HashSet::new();
    let mut attempt = 1;
    loop {
        let before = connection.record(&after.job, &after.name).await?;
        let gone = gone(before.as_ref(), &after, now);
        if !gone.iter().all(|target| agreed.contains(target)) {
            edited::difference(before.as_ref(), &after, now)?;
            let (job, name) = (excerpt(after.job.as_str()), excerpt(after.name.as_str()));
            let gone = Count(gone.len(), "target");
            question::ask(&format!("Replace group {name} of job {job}, which removes {gone}?"), options.yes)?;
            // A lease starts when it is written.
            now = EpochSeconds::now();
            after.lease = lease(now);
        }
        agreed.extend(gone);
        let expect = before.as_ref().map_or(Expect::Absent, Expect::Unchanged);
        match connection.store.write(&after, Owner::SetAsBefore, expect, now).await {
            Ok(_) => {
                if agreed.is_empty() {
                    edited::difference(before.as_ref(), &after, now)?;
                }
                edited::note(before.as_ref(), now);
                return Ok(Outcome::Done);
            }
            // Another writer, such as sdctl register, was faster: compare with its row.
            Err(WriteError::Conflict { .. }) if attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(connection.write_error(error)),
        }
    }
}

/// Shows the difference, and writes nothing.
async fn compare(connection: &Connection, after: &StoredGroup, now: EpochSeconds) -> Result<Outcome, CliError> {
    let before = connection.record(&after.job, &after.name).await?;
    edited::difference(before.as_ref(), after, now)?;
    Ok(if edited::is_unchanged(before.as_ref(), after) { Outcome::Done } else { Outcome::Found })
}

/// Returns the served targets of the row that `after` does not contain.
fn gone(before: Option<&Record>, after: &StoredGroup, now: EpochSeconds) -> Vec<Target> {
    let Some(State::Served(group)) = before.map(|before| before.state(now)) else { return Vec::new() };
    let kept: HashSet<&Target> = after.group.targets.iter().collect();
    group.targets.iter().filter(|target| !kept.contains(target)).cloned().collect()
}
