//! `sdctl register`: keeps a group in the table by renewing its lease.

pub(crate) mod identity;
mod keeper;
mod moment;
mod registrant;
mod time;

use std::{io::Write, time::Duration};

use clap::Args;
use http_sd_lambda::group::{Lease, StoredGroup, excerpt};

use self::{keeper::Keeper, registrant::Registrant};
use crate::{
    commands::{
        addresses,
        arguments::{self, GroupArguments},
        outcome::Outcome,
        times::utc,
    },
    error::CliError,
    files::address,
    local,
    store::{
        Owner,
        connection::{Connection, Location, TableOptions},
    },
    terminal::output,
};

/// The shortest time to live. A third of it must be long enough for a retry.
const SHORTEST: Duration = Duration::from_secs(3);
/// The longest time to live: a year.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// Register a group, and renew its lease while this command runs
///
/// Renews the lease after every third of its time to live. Removes the group on Ctrl-C and SIGTERM. If this command
/// dies, the function stops serving the group when the lease expires. While the table is unreachable, also at the
/// start, sdctl retries forever.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl register node_exporter web-1 --target 10.0.0.1:9100 --label env=prod
  sdctl register api \"$HOSTNAME\" --target \"$HOSTNAME:8080\" --ttl 30s
  sdctl register batch nightly -t 10.0.0.7:9091 --ttl 25h --once   in cron

sdctl replaces an existing group of the same name, and warns if the group has no lease or if sdctl on another host \
registers it. While several processes register the same name, the last write wins, and each process warns. \
When sdctl stops, it removes the group only if no other writer has changed it. DynamoDB deletes the row a day or more \
after the lease expires.

sdctl compares the clock of this machine with DynamoDB's and corrects the lease. It refuses to start if the clocks \
differ by more than an hour.")]
pub(crate) struct Options {
    #[command(flatten)]
    group: GroupArguments,
    /// Serve the group for this time after the last renewal: 3s to 366d
    #[arg(long, value_name = "DURATION", default_value = "90s", value_parser = ttl)]
    ttl: Duration,
    /// Write the lease once and exit, for example in cron; sdctl neither renews nor removes it
    #[arg(long)]
    once: bool,
    /// Exit with 1 if another process registers the same group: at the start if it is on another host, later on any host
    #[arg(long)]
    exclusive: bool,
    #[command(flatten)]
    table: TableOptions,
}

/// Parses a time to live that `register` can keep renewing.
fn ttl(text: &str) -> Result<Duration, String> {
    match arguments::ttl(text)? {
        ttl if ttl < SHORTEST => {
            Err(format!("use at least {}s: a shorter lease may expire before its renewal", SHORTEST.as_secs()))
        }
        ttl if ttl > LONGEST => Err("use at most 366d. A group that stays needs no lease: use sdctl put".into()),
        ttl => Ok(ttl),
    }
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let group = options.group.group()?;
    // An unset variable, as in "$HOST:9100". Each poller would scrape itself.
    if let Some(target) = group.group.targets.iter().find(|target| address::has_no_host(target.as_str())) {
        let target = excerpt(target.as_str());
        return Err(CliError::Refused(format!("target {target} has no host: use the address of this machine")));
    }
    addresses::check([(None, &group.group)])?;
    let connection = options.table.open().await?;
    if options.once {
        return once(connection, group, options.ttl, options.exclusive).await;
    }
    if let Location::Local { folder } = &connection.location
        && local::endpoint(folder).is_none()
    {
        let folder = folder.display();
        return Err(CliError::Refused(format!(
            "the local table in {folder} is not served. Start sdctl serve first, or write the lease once with --once"
        )));
    }
    Keeper::new(connection, group, options.ttl, options.exclusive).run().await?;
    Ok(Outcome::Done)
}

/// Writes the lease once, with the retries of any other command.
async fn once(
    mut connection: Connection,
    mut group: StoredGroup,
    ttl: Duration,
    exclusive: bool,
) -> Result<Outcome, CliError> {
    connection.announce("Using").await?;
    let (connection, mut registrant) = Registrant::new(connection, exclusive);
    let store = &connection.store;
    let found = registrant.look(&connection, &group).await?;
    registrant.time.warn();
    let now = registrant.time.now();
    group.lease = Lease::starting(now, ttl);
    let owner = Owner::Registration(&registrant.identity.attribute);
    let written = store.write(&group, owner, found.expect(), now).await;
    written.map_err(|error| error.of_table(store.name()))?;
    let (job, name) = (excerpt(group.job.as_str()), excerpt(group.name.as_str()));
    let until = group.lease.end().map(utc).map_or_else(String::new, |until| format!(" until {until}"));
    writeln!(output::stdout(), "registered group {name} of job {job}{until}")?;
    Ok(Outcome::Done)
}
