//! The log of the function: its level and format, from Lambda's settings.

use tracing::subscriber::set_global_default;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::layer,
    layer::SubscriberExt,
    registry,
};

use crate::config::variable;

/// The level, which Lambda sets from the function's `ApplicationLogLevel`. It overrides [`FILTER`].
pub const LEVEL: &str = "AWS_LAMBDA_LOG_LEVEL";
/// The format, `JSON` or `Text`, which Lambda sets from the function's `LogFormat`.
pub const FORMAT: &str = "AWS_LAMBDA_LOG_FORMAT";
/// The level, or levels for parts of the program, such as `aws_smithy_runtime=debug,info`.
pub const FILTER: &str = "RUST_LOG";

/// Sets up the log on standard output, which Lambda copies to the log of the function.
///
/// A JSON line contains its time and level, because [Lambda treats a line without a time as INFO][filtering].
///
/// [filtering]: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
pub fn init() {
    let filter = filter(variable(LEVEL).as_deref(), variable(FILTER).as_deref());
    let is_json = variable(FORMAT).is_some_and(|format| format.eq_ignore_ascii_case("json"));
    // Fails only if a log is set up already. That log stays.
    let _ = if is_json {
        let lines = layer().json().with_target(false).with_span_list(false);
        set_global_default(registry().with(filter).with(lines))
    } else {
        set_global_default(registry().with(filter).with(layer().with_target(false).without_time().with_ansi(false)))
    };
}

/// Returns the filter. An invalid setting is ignored, because a missing log would be noticed too late.
fn filter(level: Option<&str>, filter: Option<&str>) -> Targets {
    let level = level.and_then(|level| match level {
        // tracing has no FATAL.
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
    fn lambda_level_overrides_filter() {
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
