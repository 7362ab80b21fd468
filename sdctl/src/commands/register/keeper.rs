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

use super::{identity::Rival, moment::Moment, registrant::Registrant};
use crate::{
    commands::times::utc,
    error::CliError,
    store::{Backoff, Expect, Owner, Replaced, WriteError, connection::Connection},
    terminal::{message, signals::Signals, text::span},
};

/// The time-out of one attempt.
const ATTEMPT_WITHIN: Duration = Duration::from_secs(10);
/// The first pause between two attempts.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The time-out for removing the row after a stop signal.
const REMOVE_WITHIN: Duration = Duration::from_secs(5);

/// The time in which a write that the stop signal interrupted reaches the table.
const INTERRUPTED_WRITE: Duration = Duration::from_millis(500);

/// Renews a group's lease, and removes the group at the end.
pub(crate) struct Keeper {
    connection: Connection,
    announced: bool,
    registrant: Registrant,
    /// The other writer of the last warning.
    told: Option<Rival>,
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
    pub(crate) fn new(connection: Connection, group: StoredGroup, ttl: Duration, exclusive: bool) -> Self {
        let connection = Connection { store: connection.store.for_renewing(), ..connection };
        let (connection, registrant) = Registrant::new(connection, exclusive);
        Self { connection, announced: false, registrant, told: None, group, ttl, written: None, unsure: Vec::new() }
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

    /// Registers the group and renews its lease forever. Returns only if the first write fails for good, or if
    /// `--exclusive` finds another process. A later error may be temporary, for example while permissions change.
    async fn keep(&mut self) -> CliError {
        let mut started = match self.register().await {
            Ok(started) => started,
            Err(error) => return error,
        };
        loop {
            started.wait(self.every()).await;
            started = match self.renew().await {
                Ok(started) => started,
                Err(rival) => return rival.refused(&self),
            };
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
            timeout(ATTEMPT_WITHIN, self.connection.announce("Using")).await.map_err(late)??;
            self.announced = true;
        }
        let look = self.registrant.look(&self.connection, &self.group);
        let found = timeout(ATTEMPT_WITHIN, look)
            .await
            .map_err(|_| CliError::of_table(&name, unanswered(ATTEMPT_WITHIN)))??;
        let first = self.unsure.is_empty();
        let written = self.write(ATTEMPT_WITHIN, found.expect()).await;
        let replaced = written.map_err(|error| CliError::of_table(&name, of_write(error)))?;
        let instead = if replaced.is_some() && first { ", replacing an existing row" } else { "" };
        let every = span(Duration::from_secs(self.every().as_secs()));
        tell(format_args!("registered {self}{}{instead}, renewing every {every}", self.until()));
        Ok(())
    }

    /// Renews the lease, and retries until it succeeds. Returns when the successful attempt started.
    ///
    /// # Errors
    /// Another process, with `--exclusive`.
    async fn renew(&mut self) -> Result<Moment, Rival> {
        let mut backoff = self.backoff();
        let mut failed = false;
        let process = self.registrant.identity.attribute.clone();
        loop {
            let started = Moment::now();
            let expect = if self.registrant.exclusive {
                Expect::NoOther { than: &process, now: self.registrant.time.now() }
            } else {
                Expect::Anything
            };
            let cause = match self.write(self.every().min(ATTEMPT_WITHIN), expect).await {
                Ok(replaced) => {
                    let was_there = replaced.is_some();
                    self.warn_of_rival(replaced);
                    if !was_there {
                        message::warning(format_args!("{self} was missing: registered again{}", self.until()));
                    } else if failed {
                        message::info(format_args!("renewed {self} again{}", self.until()));
                    } else {
                        tracing::debug!("renewed {self}{}", self.until());
                    }
                    return Ok(started);
                }
                Err(conflict @ WriteError::Conflict { .. }) => match self.rival().await {
                    Some(rival) => return Err(rival),
                    None => of_write(conflict),
                },
                Err(error) => of_write(error),
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

    /// Warns once about each other writer that replaced the row since the last renewal.
    fn warn_of_rival(&mut self, replaced: Option<Replaced>) {
        let rival = replaced.and_then(|replaced| self.registrant.identity.rival(replaced));
        if let Some(rival) = rival.filter(|rival| self.told.as_ref() != Some(rival)) {
            message::warning(rival.warning(&self));
            self.told = Some(rival);
        }
    }

    /// Returns the other process that wrote the row, if it can be read.
    async fn rival(&self) -> Option<Rival> {
        let Self { connection: Connection { store, names, .. }, group: StoredGroup { job, name, .. }, .. } = self;
        let read = timeout(ATTEMPT_WITHIN, store.record(job, name, *names)).await;
        let record = read.ok()?.ok()??;
        let process = record.registered_by.filter(|process| *process != self.registrant.identity.attribute)?;
        Some(Rival::Process(process))
    }

    /// Writes the group with a lease that starts now. Returns the owner of its row before, if the row existed.
    async fn write(&mut self, within: Duration, expect: Expect<'_>) -> Result<Option<Replaced>, WriteError> {
        self.registrant.time.warn();
        let now = self.registrant.time.now();
        self.group.lease = Lease::starting(now, self.ttl);
        self.unsure.retain(|until| *until > now);
        self.unsure.extend(self.group.lease.expires_at);
        let owner = Owner::Registration(&self.registrant.identity.attribute);
        let written = timeout(within, self.connection.store.replace(&self.group, owner, expect, now)).await;
        let replaced = written.map_err(|_| unanswered(within))??;
        self.written = self.group.lease.expires_at;
        self.unsure.clear();
        Ok(replaced)
    }

    /// Removes the group, and prints the result.
    async fn stop(&self) -> Result<(), CliError> {
        let never = "stopped before the group was registered";
        if self.unsure.is_empty() && self.written.is_none() {
            message::info(never);
            return Ok(());
        }
        let mut cause = unanswered(REMOVE_WITHIN);
        match timeout(REMOVE_WITHIN, self.remove(&mut cause)).await {
            Err(_) => return Err(self.not_removed(&cause.to_string())),
            Ok(Removal::Done) => tell(format_args!("removed {self}")),
            Ok(_) if self.written.is_none() => message::info(never),
            Ok(Removal::GoneBefore) => message::info(format_args!("{self} was already removed")),
            Ok(Removal::Foreign) => {
                message::warning(format_args!("{self} stays in the table: another writer has changed it"));
            }
        }
        Ok(())
    }

    /// Removes the row if this process wrote it last. Retries until it succeeds.
    async fn remove(&self, cause: &mut TableError) -> Removal {
        let Self { connection: Connection { store, names, .. }, group: StoredGroup { job, name, .. }, .. } = self;
        let process = &self.registrant.identity.attribute;
        let mut backoff = self.backoff();
        let (mut interrupted, mut removed) = (!self.unsure.is_empty(), false);
        loop {
            match store.delete(job, name, Expect::RegisteredBy(process)).await {
                Ok(_) if interrupted => {
                    (interrupted, removed) = (false, true);
                    Moment::now().wait(INTERRUPTED_WRITE).await;
                    continue;
                }
                Ok(_) => return Removal::Done,
                Err(WriteError::Conflict { .. }) if removed => return Removal::Done,
                Err(WriteError::Conflict { .. }) => match store.record(job, name, *names).await {
                    Ok(None) => return Removal::GoneBefore,
                    // An attempt without a response may have been written after the delete.
                    Ok(Some(record)) if record.registered_by.as_ref() == Some(process) => continue,
                    Err(error) if error.is_transient() => *cause = error,
                    // Without permission to read, the failed condition is all that is known: the row has another writer.
                    Ok(Some(_)) | Err(_) => return Removal::Foreign,
                },
                Err(error) => *cause = of_write(error),
            }
            Moment::now().wait(backoff.pause()).await;
        }
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
        let expires = if until > self.registrant.time.now() { "expires" } else { "expired" };
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
    TableError::Unavailable(format!("no response within {}", span(whole)))
}

fn of_write(error: WriteError) -> TableError {
    match error {
        WriteError::Table(error) => error,
        conflict @ WriteError::Conflict { .. } => TableError::Unavailable(conflict.to_string()),
    }
}
