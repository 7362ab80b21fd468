//! Servers that run side by side and stop together.

use std::{pin::Pin, time::Duration};

use tokio::{sync::watch, task::JoinSet};

use crate::{
    error::CliError,
    local::LocalError,
    terminal::{message, signals::Signals},
};

/// How long requests under way may take once a stop is asked for.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Resolves once a stop is asked for.
pub(crate) type Stopping = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is running, and what stops it: dropping the sender.
pub(crate) struct Servers {
    tasks: JoinSet<Result<(), LocalError>>,
    stop: watch::Sender<()>,
}

impl Servers {
    pub(crate) fn new() -> Self {
        Self { tasks: JoinSet::new(), stop: watch::Sender::new(()) }
    }

    /// Starts a server, which is given a future that resolves once it has to stop.
    pub(crate) fn start<S>(&mut self, server: impl FnOnce(Stopping) -> S)
    where
        S: Future<Output = Result<(), LocalError>> + Send + 'static,
    {
        let mut stop = self.stop.subscribe();
        self.tasks.spawn(server(Box::pin(async move { while stop.changed().await.is_ok() {} })));
    }

    /// Runs until Ctrl-C or SIGTERM, then lets the requests under way finish.
    pub(crate) async fn run(mut self) -> Result<(), CliError> {
        let mut signals = Signals::listen()?;
        tokio::select! {
            () = signals.stop() => {}
            Some(ended) = self.tasks.join_next() => {
                ended.map_err(|error| CliError::Refused(format!("a server broke down: {error}")))??;
                return Err(CliError::Refused("a server stopped by itself".into()));
            }
        }
        message::info("stopping");
        drop(self.stop);
        let finished = async { while self.tasks.join_next().await.is_some() {} };
        // A client that never finishes its request must not keep us from stopping.
        let _ = tokio::time::timeout(STOP_WITHIN, finished).await;
        Ok(())
    }
}
