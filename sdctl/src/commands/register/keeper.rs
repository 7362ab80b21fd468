//! Keeping one group alive in the table, whatever happens to the table meanwhile.

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

/// The longest that one try may take.
const TRY_WITHIN: Duration = Duration::from_secs(10);
/// The first pause between two tries.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long removing the row may take once a stop is asked for.
const REMOVE_WITHIN: Duration = Duration::from_secs(5);

/// Writes a group's lease again and again, and removes the group in the end.
pub(crate) struct Keeper {
    connection: Connection,
    announced: bool,
    group: StoredGroup,
    ttl: Duration,
    /// The end of the lease that was written last.
    written: Option<EpochSeconds>,
    /// The ends of later leases that may have been written: their tries were not answered.
    unsure: Vec<EpochSeconds>,
}

/// What became of the row when it was to be removed.
enum Removal {
    Done,
    GoneBefore,
    SomebodyElses,
}

impl Keeper {
    pub(crate) fn new(connection: Connection, group: StoredGroup, ttl: Duration) -> Self {
        let connection = Connection { store: connection.store.for_renewing(), ..connection };
        Self { connection, announced: false, group, ttl, written: None, unsure: Vec::new() }
    }

    /// Keeps the group until a stop is asked for.
    pub(crate) async fn run(mut self) -> Result<(), CliError> {
        let mut signals = Signals::listen()?;
        tokio::select! {
            error = self.keep() => return Err(error),
            () = signals.stop() => {}
        }
        tokio::select! {
            removed = self.stop() => removed,
            () = signals.stop() => Err(self.not_removed("it was stopped before that")),
        }
    }

    /// Registers the group and renews its lease for ever. Gives up only if the group cannot be written in the first
    /// place: later on somebody may be about to mend what is wrong.
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

    /// Writes the group for the first time. Returns when the successful try began.
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
            message::warning(format_args!("not registered yet: {cause}; trying again in {:.1} s", pause.as_secs_f64()));
            Moment::now().wait(pause).await;
        }
    }

    async fn first_write(&mut self) -> Result<(), CliError> {
        let name = self.connection.store.name().to_owned();
        if !self.announced {
            let late = |_| CliError::of_table(&name, unanswered(TRY_WITHIN));
            timeout(TRY_WITHIN, self.connection.announce("Changing")).await.map_err(late)??;
            self.announced = true;
        }
        let first = self.unsure.is_empty();
        let was_there = self.write(TRY_WITHIN).await.map_err(|error| CliError::of_table(&name, error))?;
        let instead = if was_there && first { ", in place of the row that was there" } else { "" };
        let every = humantime::format_duration(Duration::from_secs(self.every().as_secs()));
        tell(format_args!("registered {self}{}{instead}; renewing every {every}", self.until()));
        Ok(())
    }

    /// Renews the lease, with as many tries as it takes. Returns when the successful one began.
    async fn renew(&mut self) -> Moment {
        let mut backoff = self.backoff();
        let mut failed = false;
        loop {
            let started = Moment::now();
            let cause = match self.write(self.every().min(TRY_WITHIN)).await {
                Ok(was_there) => {
                    if !was_there {
                        message::warning(format_args!("{self} was gone: registered again{}", self.until()));
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
                "not renewed: {cause}{}; trying again in {:.1} s",
                self.lapse(),
                pause.as_secs_f64()
            ));
            Moment::now().wait(pause).await;
        }
    }

    /// Writes the group with a lease from now on. Returns whether its row was there.
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

    /// Removes the group, and says what became of it.
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
            Ok(Removal::GoneBefore) => message::warning(format_args!("{self} was gone already")),
            Ok(Removal::SomebodyElses) => {
                message::warning(format_args!("somebody else has written {self} meanwhile: it is left in the table"));
            }
        }
        Ok(())
    }

    /// Removes the row if it has a lease that we wrote, with as many tries as it takes.
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
                        None => return Removal::SomebodyElses,
                    },
                    Err(error) if error.is_transient() => *cause = error,
                    // With permission to write but not to read, all that is known is that the row is another.
                    Err(_) => return Removal::SomebodyElses,
                },
                Err(error) => *cause = of_write(error),
            }
            Moment::now().wait(backoff.pause()).await;
        }
    }

    /// The end of the row's lease, if it is one that we wrote.
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

    /// When the lease that was written last lapses.
    fn lapse(&self) -> String {
        let Some(until) = self.written else { return String::new() };
        let lapses = if until > EpochSeconds::now() { "lapses" } else { "lapsed" };
        format!("; the lease {lapses} at {}", utc(until))
    }

    /// Why the row is still there, and for how long it matters.
    fn not_removed(&self, why: &str) -> CliError {
        let until = self.unsure.iter().copied().chain(self.written).max();
        let until = until.map_or_else(String::new, |until| format!("; its lease lapses by itself at {}", utc(until)));
        CliError::Refused(format!("{self} was not removed: {why}{until}"))
    }
}

impl Display for Keeper {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let StoredGroup { job, name, .. } = &self.group;
        write!(f, "group {} of job {}", excerpt(name.as_str()), excerpt(job.as_str()))
    }
}

/// Says so on standard output. A line that cannot be written is lost, which is no reason to stop renewing.
fn tell(what: impl Display) {
    let _ = writeln!(anstream::stdout(), "{what}");
}

fn unanswered(within: Duration) -> TableError {
    let whole = Duration::from_secs(within.as_secs());
    TableError::Unavailable(format!("no answer within {}", humantime::format_duration(whole)))
}

fn of_write(error: WriteError) -> TableError {
    match error {
        WriteError::Table(error) => error,
        conflict @ WriteError::Conflict { .. } => TableError::Unavailable(conflict.to_string()),
    }
}
