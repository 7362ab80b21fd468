//! The function's log: where it goes, in what form, and how much of it, as Lambda's settings say.

use tracing::subscriber::set_global_default;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::layer,
    layer::SubscriberExt,
    registry,
};

use crate::config::variable;

/// The level that Lambda sets from the function's `ApplicationLogLevel`. It wins over [`FILTER`].
pub const LEVEL: &str = "AWS_LAMBDA_LOG_LEVEL";
/// `JSON` or `Text`, which Lambda sets from the function's `LogFormat`.
pub const FORMAT: &str = "AWS_LAMBDA_LOG_FORMAT";
/// A level, or levels by part of the program, such as `aws_smithy_runtime=debug,info`.
pub const FILTER: &str = "RUST_LOG";

/// From now on what happens is logged to standard output, which Lambda puts into the log.
///
/// In JSON each line has its time and its level, for [without a time Lambda takes every line for INFO][filtering].
///
/// [filtering]: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
pub fn init() {
    let filter = filter(variable(LEVEL).as_deref(), variable(FILTER).as_deref());
    let is_json = variable(FORMAT).is_some_and(|format| format.eq_ignore_ascii_case("json"));
    // Fails only where a log is set up already, which then stays.
    let _ = if is_json {
        let lines = layer().json().with_target(false).with_span_list(false);
        set_global_default(registry().with(filter).with(lines))
    } else {
        set_global_default(registry().with(filter).with(layer().with_target(false).without_time().with_ansi(false)))
    };
}

/// What is logged. What cannot be read counts as not set: a log that is missing would be missed too late.
fn filter(level: Option<&str>, filter: Option<&str>) -> Targets {
    let level = level.and_then(|level| match level {
        // Lambda has a level that we do not.
        "FATAL" => Some(LevelFilter::ERROR),
        level => level.parse().ok(),
    });
    let default = || Targets::new().with_default(LevelFilter::INFO);
    match (level, filter) {
        (Some(level), _) => Targets::new().with_default(level),
        (None, Some(filter)) => filter.parse().unwrap_or_else(|_| default()),
        (None, None) => default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambdas_level_wins_and_what_cannot_be_read_is_info() {
        let all = |level| Targets::new().with_default(level);
        let cases = [
            (None, None, all(LevelFilter::INFO)),
            (Some("WARN"), None, all(LevelFilter::WARN)),
            (Some("FATAL"), Some("debug"), all(LevelFilter::ERROR)),
            (Some("TRACE"), Some("off"), all(LevelFilter::TRACE)),
            (Some("loud"), None, all(LevelFilter::INFO)),
            (Some("loud"), Some("debug"), all(LevelFilter::DEBUG)),
            (None, Some("debug"), all(LevelFilter::DEBUG)),
            (None, Some("off"), all(LevelFilter::OFF)),
            (None, Some("a=b=c"), all(LevelFilter::INFO)),
            (None, Some("hyper=debug,warn"), all(LevelFilter::WARN).with_target("hyper", LevelFilter::DEBUG)),
        ];
        for (level, others, expected) in cases {
            assert_eq!(filter(level, others), expected, "{level:?} {others:?}");
        }
    }
}
