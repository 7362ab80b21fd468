//! The log of `sdctl`, on standard error.

use std::{
    env,
    io::{self, IsTerminal},
};

use http_sd_lambda::{config::variable, log::FILTER};
use tracing::Level;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

/// Targets of the AWS SDK.
const SDK: [&str; 4] = ["aws_config", "aws_runtime", "aws_sdk_dynamodb", "aws_smithy_runtime"];

/// Starts the log. `verbose` is the number of `-v`: 1 logs one line for each request to AWS, 2 also the steps of the
/// AWS SDK. It takes precedence over `RUST_LOG`. Without both, only a command that `serves` logs, and it logs the
/// requests to it.
pub(crate) fn start(verbose: u8, serves: bool) {
    let own = Targets::new().with_default(Level::WARN).with_target("http_sd_lambda", Level::INFO);
    let own = own.with_target("sdctl", Level::DEBUG);
    let filter = match verbose {
        0 => {
            let asked = variable(FILTER).and_then(|filter| filter.parse().ok());
            asked.unwrap_or_else(|| if serves { requests() } else { Targets::new() })
        }
        1 => own,
        _ => own
            .with_default(Level::INFO)
            .with_target("http_sd_lambda", Level::DEBUG)
            .with_targets(SDK.map(|target| (target, Level::DEBUG))),
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
