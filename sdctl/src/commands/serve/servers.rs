//! Runs servers side by side and stops them together.

use std::{pin::Pin, time::Duration};

use tokio::{sync::watch, task::JoinSet};

use crate::{
    error::CliError,
    local::LocalError,
    terminal::{message, signals::Signals},
};

/// The longest time that current requests may take after a stop signal.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Resolves when the server must stop.
pub(crate) type Stopping = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The running servers. Dropping `stop` stops them.
pub(crate) struct Servers {
    tasks: JoinSet<Result<(), LocalError>>,
    stop: watch::Sender<()>,
}

impl Servers {
    pub(crate) fn new() -> Self {
        Self { tasks: JoinSet::new(), stop: watch::Sender::new(()) }
    }

    /// Starts a server. The argument of `server` resolves when the server must stop.
    pub(crate) fn start<S>(&mut self, server: impl FnOnce(Stopping) -> S)
    where
        S: Future<Output = Result<(), LocalError>> + Send + 'static,
    {
        let mut stop = self.stop.subscribe();
        self.tasks.spawn(server(Box::pin(async move { while stop.changed().await.is_ok() {} })));
    }

    /// Runs until Ctrl-C or SIGTERM, then lets the current requests finish.
    pub(crate) async fn run(mut self) -> Result<(), CliError> {
        let mut signals = Signals::listen()?;
        tokio::select! {
            () = signals.stop() => {}
            Some(ended) = self.tasks.join_next() => {
                ended.map_err(|error| CliError::Refused(format!("a server failed: {error}")))??;
                return Err(CliError::Refused("a server stopped unexpectedly".into()));
            }
        }
        message::info("stopping");
        drop(self.stop);
        let finished = async { while self.tasks.join_next().await.is_some() {} };
        // A client that never finishes its request must not prevent the stop.
        let _ = tokio::time::timeout(STOP_WITHIN, finished).await;
        Ok(())
    }
}
