//! `sdctl register`: a group that is served for as long as somebody renews its lease.

mod keeper;
mod moment;

use std::{io::Write, time::Duration};

use clap::Args;
use http_sd_lambda::group::{EpochSeconds, Lease, StoredGroup, excerpt};

use self::keeper::Keeper;
use crate::{
    commands::{
        arguments::{self, GroupArguments},
        outcome::Outcome,
        times::utc,
    },
    error::CliError,
    local,
    store::{
        Expect, Owner,
        connection::{Connection, Location, TableOptions},
    },
    terminal::output,
};

/// The shortest time to live. Below that a renewal that is a second late would be too late.
const SHORTEST: Duration = Duration::from_secs(3);
/// The longest time to live: beyond a year a lease is none.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// Put a group into the table, and keep it there for as long as this command runs
///
/// The group gets a lease, which is renewed every third of its time to live. Stopped by Ctrl-C or SIGTERM, the command
/// removes the group; if it dies, the group is not served any more once the lease has lapsed. While the table is out of
/// reach, at the start too, it tries again for ever.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl register node_exporter web-1 --target 10.0.0.1:9100 --label env=prod
  sdctl register api \"$HOSTNAME\" --target \"$HOSTNAME:8080\" --ttl 30s
  sdctl register batch nightly -t 10.0.0.7:9091 --ttl 25h --once   from cron

A group of the same name is replaced; what is stopped removes a group only if nobody else has written it since. \
DynamoDB deletes the row of a lapsed lease after a day or more.")]
pub(crate) struct Options {
    #[command(flatten)]
    group: GroupArguments,
    /// Time to live: for how long the group is served after the last renewal
    #[arg(long, value_name = "DURATION", default_value = "90s", value_parser = ttl)]
    ttl: Duration,
    /// Write the lease once and leave it, as from cron; nothing renews or removes it
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    table: TableOptions,
}

/// A time to live that can be kept up.
fn ttl(text: &str) -> Result<Duration, String> {
    match arguments::ttl(text)? {
        ttl if ttl < SHORTEST => Err(format!("it is at least {} s, so that a renewal may be late", SHORTEST.as_secs())),
        ttl if ttl > LONGEST => Err("it is at most a year; a group that is to stay needs no lease".into()),
        ttl => Ok(ttl),
    }
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let group = options.group.group()?;
    let connection = options.table.open().await?;
    if options.once {
        return once(connection, group, options.ttl).await;
    }
    if let Location::Local { folder } = &connection.location
        && local::endpoint(folder).is_none()
    {
        let folder = folder.display();
        return Err(CliError::Refused(format!(
            "nobody serves the local table in {folder}: start sdctl serve first, or write the lease once with --once"
        )));
    }
    Keeper::new(connection, group, options.ttl).run().await?;
    Ok(Outcome::Done)
}

/// Writes the lease, with as many tries as any other command takes.
async fn once(mut connection: Connection, mut group: StoredGroup, ttl: Duration) -> Result<Outcome, CliError> {
    connection.announce("Changing").await?;
    let store = &connection.store;
    let now = EpochSeconds::now();
    group.lease = Lease::starting(now, ttl);
    let written = store.write(&group, Owner::Nobody, Expect::Anything, now).await;
    written.map_err(|error| error.of_table(store.name()))?;
    let (job, name) = (excerpt(group.job.as_str()), excerpt(group.name.as_str()));
    let until = group.lease.end().map(utc).map_or_else(String::new, |until| format!(" until {until}"));
    writeln!(output::stdout(), "registered group {name} of job {job}{until}")?;
    Ok(Outcome::Done)
}
