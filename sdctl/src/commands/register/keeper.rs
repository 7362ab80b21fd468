//! Keeps one group in the table by renewing its lease, also after outages of the table.

use std::{
    fmt::{self, Display, Formatter},
    io::Write,
    time::Duration,
};

use http_sd_lambda::{
    group::{EpochSeconds, Lease, StoredGroup, excerpt},
    table::TableError,
};
use tokio::time::timeout;

use super::moment::Moment;
use crate::{
    commands::times::utc,
    error::CliError,
    store::{Backoff, Expect, Owner, Record, WriteError, connection::Connection},
    terminal::{message, signals::Signals},
};

/// The time-out of one attempt.
const ATTEMPT_WITHIN: Duration = Duration::from_secs(10);
/// The first pause between two attempts.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The time-out for removing the row after a stop signal.
const REMOVE_WITHIN: Duration = Duration::from_secs(5);

/// Renews a group's lease, and removes the group at the end.
pub(crate) struct Keeper {
    connection: Connection,
    announced: bool,
    group: StoredGroup,
    ttl: Duration,
    /// The end of the last lease that was written.
    written: Option<EpochSeconds>,
    /// The ends of later leases that may have been written: their attempts got no response.
    unsure: Vec<EpochSeconds>,
}

/// The result of removing the row.
enum Removal {
    Done,
    /// The row did not exist.
    GoneBefore,
    /// Another writer changed the row, so it stays.
    Foreign,
}

impl Keeper {
    pub(crate) fn new(connection: Connection, group: StoredGroup, ttl: Duration) -> Self {
        let connection = Connection { store: connection.store.for_renewing(), ..connection };
        Self { connection, announced: false, group, ttl, written: None, unsure: Vec::new() }
    }

    /// Keeps the group until a stop signal.
    pub(crate) async fn run(mut self) -> Result<(), CliError> {
        let mut signals = Signals::listen()?;
        tokio::select! {
            error = self.keep() => return Err(error),
            () = signals.stop() => {}
        }
        tokio::select! {
            removed = self.stop() => removed,
            () = signals.stop() => Err(self.not_removed("sdctl was stopped a second time")),
        }
    }

    /// Registers the group and renews its lease forever. Returns only if the first write fails for good. A later error
    /// may be temporary, for example while permissions change.
    async fn keep(&mut self) -> CliError {
        let mut started = match self.register().await {
            Ok(started) => started,
            Err(error) => return error,
        };
        loop {
            started.wait(self.every()).await;
            started = self.renew().await;
        }
    }

    /// Writes the group for the first time. Returns when the successful attempt started.
    async fn register(&mut self) -> Result<Moment, CliError> {
        let mut backoff = self.backoff();
        loop {
            let started = Moment::now();
            let cause = match self.first_write().await {
                Ok(()) => return Ok(started),
                Err(CliError::Table { source, .. }) if source.is_transient() => source,
                Err(error) => return Err(error),
            };
            let pause = backoff.pause();
            message::warning(format_args!("not registered: {cause}. Retrying in {:.1} s", pause.as_secs_f64()));
            Moment::now().wait(pause).await;
        }
    }

    async fn first_write(&mut self) -> Result<(), CliError> {
        let name = self.connection.store.name().to_owned();
        if !self.announced {
            let late = |_| CliError::of_table(&name, unanswered(ATTEMPT_WITHIN));
            timeout(ATTEMPT_WITHIN, self.connection.announce("Changing")).await.map_err(late)??;
            self.announced = true;
        }
        let first = self.unsure.is_empty();
        let was_there = self.write(ATTEMPT_WITHIN).await.map_err(|error| CliError::of_table(&name, error))?;
        let instead = if was_there && first { ", replacing an existing row" } else { "" };
        let every = humantime::format_duration(Duration::from_secs(self.every().as_secs()));
        tell(format_args!("registered {self}{}{instead}, renewing every {every}", self.until()));
        Ok(())
    }

    /// Renews the lease, and retries until it succeeds. Returns when the successful attempt started.
    async fn renew(&mut self) -> Moment {
        let mut backoff = self.backoff();
        let mut failed = false;
        loop {
            let started = Moment::now();
            let cause = match self.write(self.every().min(ATTEMPT_WITHIN)).await {
                Ok(was_there) => {
                    if !was_there {
                        message::warning(format_args!("{self} was missing: registered again{}", self.until()));
                    } else if failed {
                        message::warning(format_args!("renewed {self} again{}", self.until()));
                    } else {
                        tracing::debug!("renewed {self}{}", self.until());
                    }
                    return started;
                }
                Err(cause) => cause,
            };
            failed = true;
            let pause = backoff.pause();
            message::warning(format_args!(
                "not renewed: {cause}{}. Retrying in {:.1} s",
                self.expiry(),
                pause.as_secs_f64()
            ));
            Moment::now().wait(pause).await;
        }
    }

    /// Writes the group with a lease that starts now. Returns whether its row existed.
    async fn write(&mut self, within: Duration) -> Result<bool, TableError> {
        let now = EpochSeconds::now();
        self.group.lease = Lease::starting(now, self.ttl);
        self.unsure.retain(|until| *until > now);
        self.unsure.extend(self.group.lease.expires_at);
        let written =
            timeout(within, self.connection.store.write(&self.group, Owner::Nobody, Expect::Anything, now)).await;
        let was_there = written.map_err(|_| unanswered(within))?.map_err(of_write)?;
        self.written = self.group.lease.expires_at;
        self.unsure.clear();
        Ok(was_there)
    }

    /// Removes the group, and prints the result.
    async fn stop(&self) -> Result<(), CliError> {
        let never = "stopped before the group was registered";
        let Some(last) = self.unsure.last().copied().or(self.written) else {
            message::warning(never);
            return Ok(());
        };
        let mut cause = unanswered(REMOVE_WITHIN);
        match timeout(REMOVE_WITHIN, self.remove(last, &mut cause)).await {
            Err(_) => return Err(self.not_removed(&cause.to_string())),
            Ok(Removal::Done) => tell(format_args!("removed {self}")),
            Ok(_) if self.written.is_none() => message::warning(never),
            Ok(Removal::GoneBefore) => message::warning(format_args!("{self} was already removed")),
            Ok(Removal::Foreign) => {
                message::warning(format_args!("{self} stays in the table: another writer has changed it"));
            }
        }
        Ok(())
    }

    /// Removes the row if its lease is one of this process. Retries until it succeeds.
    async fn remove(&self, mut lease: EpochSeconds, cause: &mut TableError) -> Removal {
        let Self { connection: Connection { store, names, .. }, group: StoredGroup { job, name, .. }, .. } = self;
        let mut backoff = self.backoff();
        loop {
            match store.delete(job, name, Expect::ExpiresAt(lease)).await {
                Ok(_) => return Removal::Done,
                Err(WriteError::Conflict { .. }) => match store.record(job, name, *names).await {
                    Ok(None) => return Removal::GoneBefore,
                    Ok(Some(record)) => match self.lease_of_ours(&record) {
                        Some(found) => {
                            lease = found;
                            continue;
                        }
                        None => return Removal::Foreign,
                    },
                    Err(error) if error.is_transient() => *cause = error,
                    // Without permission to read, the failed condition is all that is known: the row has another lease.
                    Err(_) => return Removal::Foreign,
                },
                Err(error) => *cause = of_write(error),
            }
            Moment::now().wait(backoff.pause()).await;
        }
    }

    /// Returns the end of the row's lease if this process wrote it.
    fn lease_of_ours(&self, record: &Record) -> Option<EpochSeconds> {
        record.lease.expires_at.filter(|until| self.written == Some(*until) || self.unsure.contains(until))
    }

    fn every(&self) -> Duration {
        self.ttl / 3
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(FIRST_PAUSE, self.every().min(LONGEST_PAUSE))
    }

    fn until(&self) -> String {
        self.written.map_or_else(String::new, |until| format!(" until {}", utc(until)))
    }

    /// Returns a sentence about the end of the last written lease.
    fn expiry(&self) -> String {
        let Some(until) = self.written else { return String::new() };
        let expires = if until > EpochSeconds::now() { "expires" } else { "expired" };
        format!(". The lease {expires} at {}", utc(until))
    }

    /// Returns the error for a row that stays, with the end of its lease.
    fn not_removed(&self, why: &str) -> CliError {
        let until = self.unsure.iter().copied().chain(self.written).max();
        let until = until.map_or_else(String::new, |until| format!(". Its lease expires at {}", utc(until)));
        CliError::Refused(format!("{self} was not removed: {why}{until}"))
    }
}

impl Display for Keeper {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let StoredGroup { job, name, .. } = &self.group;
        write!(f, "group {} of job {}", excerpt(name.as_str()), excerpt(job.as_str()))
    }
}

/// Prints a line on standard output. Renewing continues if the line cannot be written.
fn tell(what: impl Display) {
    let _ = writeln!(anstream::stdout(), "{what}");
}

fn unanswered(within: Duration) -> TableError {
    let whole = Duration::from_secs(within.as_secs());
    TableError::Unavailable(format!("no response within {}", humantime::format_duration(whole)))
}

fn of_write(error: WriteError) -> TableError {
    match error {
        WriteError::Table(error) => error,
        conflict @ WriteError::Conflict { .. } => TableError::Unavailable(conflict.to_string()),
    }
}
