//! Runs many writes concurrently, until the first failure or a signal.

use std::ops::AddAssign;

use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;
use tokio::sync::watch;

use super::WriteError;
use crate::{
    error::CliError,
    terminal::{message, signals::Signals},
};

/// The number of concurrent writes of single rows.
pub(crate) const ROWS_AT_ONCE: usize = 16;
/// The number of concurrent transactions. A new table accepts 4,000 rows a second.
pub(crate) const TRANSACTIONS_AT_ONCE: usize = 4;

/// The result of a batch.
#[derive(Debug)]
pub(crate) struct Written {
    /// The number of written rows.
    pub(crate) done: usize,
    /// Why the batch ended early, if it did.
    pub(crate) ended: Option<Ended>,
}

/// Why a batch ended early.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Ctrl-C or SIGTERM.
    Interrupted,
    /// A write failed. The other writes in progress then finished, with or without success.
    Failed(WriteError),
}

impl Ended {
    /// Returns the error of a command that writes to the table `name`. `how_far` says how far it got, and what to do.
    pub(crate) fn of_table(self, name: &str, how_far: String) -> CliError {
        match self {
            Self::Interrupted => CliError::Refused(format!("stopped by a signal: {how_far}")),
            Self::Failed(error) => {
                let source = match error {
                    // `how_far` already says to run the command again.
                    conflict @ WriteError::Conflict { .. } => CliError::Refused(conflict.to_string()),
                    WriteError::Table(error) => CliError::of_table(name, error),
                };
                CliError::Interrupted { source: Box::new(source), how_far }
            }
        }
    }
}

impl AddAssign for Written {
    fn add_assign(&mut self, other: Self) {
        self.done += other.done;
        self.ended = self.ended.take().or(other.ended);
    }
}

/// The number of rows that a write wrote, and its result.
pub(crate) type Write = (usize, Result<(), WriteError>);

/// Returns the outcome of a write of one row.
pub(crate) fn one<T>(result: Result<T, WriteError>) -> Write {
    match result {
        Ok(_) => (1, Ok(())),
        Err(error) => (0, Err(error)),
    }
}

/// Runs the writes, at most `at_once` concurrently. After a failure or a signal it starts no other write, and waits for
/// those in progress. A second signal ends the wait.
pub(crate) async fn all<W>(
    writes: impl Iterator<Item = W>,
    at_once: usize,
    progress: &ProgressBar,
    signals: &mut Signals,
) -> Written
where
    W: Future<Output = Write>,
{
    let (stop, mut stopped) = watch::channel(false);
    let until = Box::pin(async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    });
    let mut under_way = Box::pin(stream::iter(writes).take_until(until).buffer_unordered(at_once));
    let mut written = Written { done: 0, ended: None };
    let mut asked = false;
    loop {
        tokio::select! {
            biased;
            () = signals.stop() => {
                stop.send_replace(true);
                written.ended.get_or_insert(Ended::Interrupted);
                if std::mem::replace(&mut asked, true) {
                    break;
                }
                let text = "stopping: waiting for the writes in progress. Press Ctrl-C again to stop at once";
                progress.suspend(|| message::info(text));
            }
            result = under_way.next() => match result {
                None => break,
                Some((done, result)) => {
                    written.done += done;
                    progress.inc(u64::try_from(done).unwrap_or_default());
                    if let Err(error) = result {
                        written.ended.get_or_insert(Ended::Failed(error));
                        stop.send_replace(true);
                    }
                }
            }
        }
    }
    written
}
