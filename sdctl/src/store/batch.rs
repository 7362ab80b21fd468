//! Many writes at once, which stop together: at the first failure, or when somebody says so.

use std::ops::AddAssign;

use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;
use tokio::sync::watch;

use super::WriteError;
use crate::{
    error::CliError,
    terminal::{message, signals::Signals},
};

/// How many writes of a row are under way at a time.
pub(crate) const ROWS_AT_ONCE: usize = 16;

/// What became of them.
#[derive(Debug)]
pub(crate) struct Written {
    /// How many rows were written.
    pub(crate) done: usize,
    /// What ended them early.
    pub(crate) ended: Option<Ended>,
}

/// Why not all writes were made.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Ctrl-C or SIGTERM.
    Interrupted,
    /// One of them failed. Those that were under way then are done or have failed as well.
    Failed(WriteError),
}

impl Ended {
    /// What a command says of it that writes to the table of that name: `how_far` it got, and what to do.
    pub(crate) fn of_table(self, name: &str, how_far: String) -> CliError {
        match self {
            Self::Interrupted => CliError::Refused(format!("stopped, with {how_far}")),
            Self::Failed(error) => CliError::Interrupted { source: Box::new(error.of_table(name)), how_far },
        }
    }
}

impl AddAssign for Written {
    fn add_assign(&mut self, other: Self) {
        self.done += other.done;
        self.ended = self.ended.take().or(other.ended);
    }
}

/// How many rows a write has written, and what ended it.
pub(crate) type Write = (usize, Result<(), WriteError>);

/// A write of one row.
pub(crate) fn one<T>(result: Result<T, WriteError>) -> Write {
    match result {
        Ok(_) => (1, Ok(())),
        Err(error) => (0, Err(error)),
    }
}

/// Makes the writes, so many at once. Once they have to end, those that are under way are waited for, unless somebody says so a second
/// time, and no other is begun.
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
                progress.suspend(|| message::info("stopping: waiting for the writes that are under way"));
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
