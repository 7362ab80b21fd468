//! Times on a page: UTC, with the age beside.

use aws_smithy_types::date_time::{DateTime, Format};
use maud::{Markup, html};

use crate::group::EpochSeconds;

/// The units of a time span: the name, the seconds, and the first span that uses the unit.
const UNITS: [(&str, u64, u64); 4] =
    [("d", 86_400, 2 * 86_400), ("h", 3600, 2 * 3600), ("min", 60, 2 * 60), ("s", 1, 0)];

/// Returns a time span in its largest unit, rounded down, as in `5 min`.
fn span(seconds: u64) -> String {
    let unit = UNITS.into_iter().find(|(_, _, from)| seconds >= *from).unwrap_or(("s", 1, 0));
    format!("{} {}", seconds / unit.1, unit.0)
}

/// Returns the time between `now` and another time, as in `5 min ago` or `in 40 s`.
pub(super) fn age(at: EpochSeconds, now: EpochSeconds) -> String {
    let span = span(at.0.abs_diff(now.0));
    match at {
        at if at > now => format!("in {span}"),
        _ => format!("{span} ago"),
    }
}

/// Returns a time as in RFC 3339. A time outside its years is the number of seconds since 1970.
fn rfc3339(at: EpochSeconds) -> Option<String> {
    // The years 0001 to 9999.
    let is_valid = (-62_135_596_800..253_402_300_800).contains(&at.0);
    is_valid.then(|| DateTime::from_secs(at.0).fmt(Format::DateTime).ok()).flatten()
}

/// Returns an element with a time in UTC.
pub(super) fn utc(at: EpochSeconds) -> Markup {
    let text = rfc3339(at);
    let shown = text.as_ref().map_or_else(
        || format!("{} s since 1970", at.0),
        |text| format!("{} UTC", text.trim_end_matches('Z').replace('T', " ")),
    );
    html! { time datetime=[text] { (shown) } }
}

/// Returns an element with the age of a time, and the time in UTC on the next line.
pub(super) fn with_age(at: EpochSeconds, now: EpochSeconds) -> Markup {
    html! { (age(at, now)) span.when { (utc(at)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_use_the_largest_unit() {
        let now = EpochSeconds(1_000_000_000);
        let cases = [
            (0, "0 s ago"),
            (40, "in 40 s"),
            (-119, "119 s ago"),
            (-120, "2 min ago"),
            (7199, "in 119 min"),
            (-7200, "2 h ago"),
            (-2 * 86_400, "2 d ago"),
            (400 * 86_400, "in 400 d"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(age(EpochSeconds(now.0 + seconds), now), expected);
        }
        assert_eq!(age(EpochSeconds(i64::MIN), EpochSeconds(i64::MAX)), "213503982334601 d ago");
    }

    #[test]
    fn time_is_utc_or_seconds() {
        let cases = [
            (0, r#"<time datetime="1970-01-01T00:00:00Z">1970-01-01 00:00:00 UTC</time>"#),
            (1_795_726_561, r#"<time datetime="2026-11-26T20:56:01Z">2026-11-26 20:56:01 UTC</time>"#),
            (i64::MAX, "<time>9223372036854775807 s since 1970</time>"),
            (i64::MIN, "<time>-9223372036854775808 s since 1970</time>"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(utc(EpochSeconds(seconds)).into_string(), expected);
        }
    }
}
