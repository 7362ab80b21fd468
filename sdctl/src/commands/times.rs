//! Formats times for people.

use std::{
    fmt::Display,
    time::{Duration, UNIX_EPOCH},
};

use http_sd_lambda::group::{EpochSeconds, Lease};

use crate::terminal::text::span;

/// Returns when a lease expires or expired, such as `expires in 1m 30s` or `expired 2h ago`.
pub(crate) fn until(end: EpochSeconds, now: EpochSeconds) -> String {
    if in_milliseconds(end) {
        "milliseconds?".into()
    } else if end <= now {
        format!("expired {}", ago(end, now))
    } else {
        format!("expires in {}", words(now, end))
    }
}

/// Returns how long the function still serves a group with an expired lease, such as `kept for 40m`.
pub(crate) fn kept(until: EpochSeconds, now: EpochSeconds) -> String {
    format!("kept for {}", words(now, until))
}

/// Returns whether a time is probably in milliseconds: in seconds it would be after the year 5000.
fn in_milliseconds(at: EpochSeconds) -> bool {
    (100_000_000_000..100_000_000_000_000).contains(&at.0)
}

/// Returns the first attribute of a lease that is probably in milliseconds, and the effect.
pub(crate) fn milliseconds(lease: Lease) -> Option<(&'static str, &'static str)> {
    match (lease.expires_at.is_some_and(in_milliseconds), lease.delete_at.is_some_and(in_milliseconds)) {
        (true, _) if lease.end().is_some_and(in_milliseconds) => Some(("expires_at", "the lease never expires")),
        (true, _) => Some(("expires_at", "the lease expires only at delete_at")),
        (false, true) => Some(("delete_at", "DynamoDB never deletes the row")),
        (false, false) => None,
    }
}

/// Returns how long ago `at` was, such as `2h ago`; `0s ago` if `at` is in the future.
pub(crate) fn ago(at: EpochSeconds, now: EpochSeconds) -> String {
    format!("{} ago", words(at, now))
}

/// Returns how long ago `at` was, in one unit, such as `2h ago`.
pub(crate) fn shortly_ago(at: EpochSeconds, now: EpochSeconds) -> String {
    let seconds = now.0.saturating_sub(at.0).max(0);
    let (number, unit) = match seconds {
        0..60 => (seconds, 's'),
        60..3600 => (seconds / 60, 'm'),
        3600..86_400 => (seconds / 3600, 'h'),
        _ => (seconds / 86_400, 'd'),
    };
    format!("{number}{unit} ago")
}

/// Returns the time as `2026-07-30T12:00:00Z`, or as its number of seconds if it is before 1970 or after the year 9999.
pub(crate) fn utc(at: EpochSeconds) -> impl Display {
    // The last second of the year 9999, the latest that humantime formats.
    const LAST: u64 = 253_402_300_799;
    match u64::try_from(at.0) {
        Ok(seconds @ ..=LAST) => {
            humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
        }
        _ => at.0.to_string(),
    }
}

/// Returns the time from `from` to `to`; zero if `to` is earlier.
fn words(from: EpochSeconds, to: EpochSeconds) -> impl Display {
    let seconds = u64::try_from(to.0.saturating_sub(from.0)).unwrap_or_default();
    span(Duration::from_secs(coarse(seconds)))
}

/// Drops the seconds of an hour or more, and the minutes of a day or more.
fn coarse(seconds: u64) -> u64 {
    match seconds {
        0..3600 => seconds,
        3600..86_400 => seconds - seconds % 60,
        _ => seconds - seconds % 3600,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lease_times_are_rounded() {
        for (end, words) in [
            (1090, "expires in 1m 30s"),
            (1000, "expired 0s ago"),
            (940, "expired 1m ago"),
            (1000 + 3725, "expires in 1h 2m"),
            (1000 + 90_061, "expires in 1 day 1h"),
            (i64::MIN, "expired "),
            (i64::MAX, "expires in "),
        ] {
            let told = until(EpochSeconds(end), EpochSeconds(1000));
            assert!(told.starts_with(words), "{told}");
        }
    }

    #[test]
    fn only_times_of_our_days_are_milliseconds() {
        for (at, expected) in [(1_785_412_800, false), (1_785_412_800_000, true), (0, false), (i64::MAX, false)] {
            assert_eq!(in_milliseconds(EpochSeconds(at)), expected, "{at}");
        }
    }

    #[test]
    fn lease_in_milliseconds_names_attribute_and_effect() {
        let (seconds, milliseconds) = (1_785_412_800, 1_785_412_800_000);
        for (expires_at, delete_at, expected) in [
            (None, None, None),
            (Some(seconds), Some(seconds), None),
            (Some(milliseconds), None, Some(("expires_at", "the lease never expires"))),
            (Some(milliseconds), Some(milliseconds), Some(("expires_at", "the lease never expires"))),
            (Some(milliseconds), Some(seconds), Some(("expires_at", "the lease expires only at delete_at"))),
            (Some(seconds), Some(milliseconds), Some(("delete_at", "DynamoDB never deletes the row"))),
            (None, Some(milliseconds), Some(("delete_at", "DynamoDB never deletes the row"))),
        ] {
            let lease = Lease { expires_at: expires_at.map(EpochSeconds), delete_at: delete_at.map(EpochSeconds) };
            assert_eq!(super::milliseconds(lease), expected, "{lease:?}");
        }
        assert_eq!(until(EpochSeconds(milliseconds), EpochSeconds(0)), "milliseconds?");
    }

    #[test]
    fn short_times_have_one_unit() {
        for (age, words) in [
            (-5, "0s ago"),
            (59, "59s ago"),
            (60, "1m ago"),
            (3599, "59m ago"),
            (86_399, "23h ago"),
            (86_400, "1d ago"),
            (i64::MAX, "106751991167300d ago"),
        ] {
            assert_eq!(shortly_ago(EpochSeconds(0), EpochSeconds(age)), words);
        }
    }

    #[test]
    fn future_time_is_0s_ago() {
        for (at, words) in [(940, "1m ago"), (1000, "0s ago"), (1090, "0s ago")] {
            assert_eq!(ago(EpochSeconds(at), EpochSeconds(1000)), words);
        }
    }

    #[test]
    fn utc_formats_times_until_the_year_9999() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (1_785_412_800, "2026-07-30T12:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, "253402300800"),
            (-1, "-1"),
        ];
        for (seconds, text) in cases {
            assert_eq!(utc(EpochSeconds(seconds)).to_string(), text);
        }
    }
}
