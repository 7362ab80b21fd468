//! The log of `sdctl`, on standard error.

use std::{
    env,
    io::{self, IsTerminal},
};

use http_sd_lambda::{config::variable, log::FILTER};
use tracing::Level;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

/// Starts the log. `verbose` logs all details and takes precedence over `RUST_LOG`. Without both, only a command that
/// `serves` logs, and it logs requests.
pub(crate) fn start(verbose: bool, serves: bool) {
    let filter = if verbose {
        Targets::new()
            .with_default(Level::INFO)
            .with_targets(["http_sd_lambda", "sdctl", "aws_smithy_runtime"].map(|target| (target, Level::DEBUG)))
    } else {
        let asked = variable(FILTER).and_then(|filter| filter.parse().ok());
        asked.unwrap_or_else(|| if serves { requests() } else { Targets::new() })
    };
    let colours = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(colours)
        .with_target(false)
        .with_writer(io::stderr)
        // The layer would print its write errors to the same closed standard error.
        .log_internal_errors(false);
    tracing_subscriber::registry().with(filter).with(lines).init();
}

/// Logs the requests and the server's warnings.
fn requests() -> Targets {
    Targets::new()
        .with_default(Level::ERROR)
        .with_targets(["http_sd_lambda", "sdctl"].map(|target| (target, Level::INFO)))
}
