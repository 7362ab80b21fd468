//! `sdctl put`: creates or replaces one group.

use std::time::Duration;

use clap::Args;
use http_sd_lambda::group::{EpochSeconds, Lease};

use super::{
    arguments::{self, GroupArguments},
    edited,
    outcome::Outcome,
};
use crate::{
    error::CliError,
    store::{Expect, Owner, connection::TableOptions},
};

/// Create or replace one group
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl put node web -t web-1:9100 -t web-2:9100 -l env=prod -l team=shop
  sdctl put node batch-42 --target batch-42:9100 --ttl 15m
  sdctl put blackbox home -t https://example.com/ -l __param_module=http_2xx

With --ttl, the function serves the group for that time, and DynamoDB may delete the row a day later. \
Without --ttl, the function serves the group until you remove it. \
sdctl keeps the row's other attributes, such as your own.")]
pub(crate) struct Options {
    #[command(flatten)]
    group: GroupArguments,
    /// Serve the group only for this time, for example 90s, 15m or 7d [default: until it is removed]
    #[arg(long, value_name = "DURATION", value_parser = arguments::ttl)]
    ttl: Option<Duration>,
    #[command(flatten)]
    table: TableOptions,
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let mut after = options.group.group()?;
    let connection = options.table.open_to_change().await?;
    let before = connection.record(&after.job, &after.name).await?;
    let now = EpochSeconds::now();
    after.lease = options.ttl.map_or_else(Lease::default, |ttl| Lease::starting(now, ttl));
    let written = connection.store.write(&after, Owner::AsBefore, Expect::Anything, now).await;
    written.map_err(|error| connection.write_error(error))?;
    edited::show(before.as_ref(), &after, now)
}
