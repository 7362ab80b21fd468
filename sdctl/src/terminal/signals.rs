//! Being asked to stop.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::CliError;

/// Ctrl-C and SIGTERM, which do not end the process by themselves any more once this exists.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The same for a command that cannot do without.
    pub(crate) fn for_command() -> Result<Self, CliError> {
        Self::listen().map_err(|error| CliError::Refused(format!("cannot wait for signals: {error}")))
    }

    /// Resolves once a stop is asked for, and again for each further time.
    pub(crate) async fn stop(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
