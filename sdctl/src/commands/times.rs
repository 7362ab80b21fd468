//! Times in words.

use std::{
    fmt::Display,
    time::{Duration, UNIX_EPOCH},
};

use http_sd_lambda::group::EpochSeconds;

/// When a lease ends or has ended, such as `ends in 1m 30s` or `lapsed 2h ago`.
pub(crate) fn until(end: EpochSeconds, now: EpochSeconds) -> String {
    if end <= now { format!("lapsed {}", ago(end, now)) } else { format!("ends in {}", words(now, end)) }
}

/// Returns how long ago `at` was, such as `2h ago`; `0s ago` if it is still to come.
pub(crate) fn ago(at: EpochSeconds, now: EpochSeconds) -> String {
    format!("{} ago", words(at, now))
}

/// `2026-07-30T12:00:00Z`. Times before 1970 or too far off are their number of seconds.
pub(crate) fn utc(at: EpochSeconds) -> impl Display {
    // The last second of the year 9999, the latest that can be written so.
    const LAST: u64 = 253_402_300_799;
    match u64::try_from(at.0) {
        Ok(seconds @ ..=LAST) => {
            humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
        }
        _ => at.0.to_string(),
    }
}

/// The time between two moments; zero if `to` is the earlier one.
fn words(from: EpochSeconds, to: EpochSeconds) -> impl Display {
    let seconds = u64::try_from(to.0.saturating_sub(from.0)).unwrap_or_default();
    humantime::format_duration(Duration::from_secs(coarse(seconds)))
}

/// Beyond an hour nobody counts seconds, and beyond a day no minutes.
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
    fn a_lease_is_told_as_precisely_as_it_matters() {
        for (end, words) in [
            (1090, "ends in 1m 30s"),
            (1000, "lapsed 0s ago"),
            (940, "lapsed 1m ago"),
            (1000 + 3725, "ends in 1h 2m"),
            (1000 + 90_061, "ends in 1day 1h"),
            (i64::MIN, "lapsed "),
            (i64::MAX, "ends in "),
        ] {
            let told = until(EpochSeconds(end), EpochSeconds(1000));
            assert!(told.starts_with(words), "{told}");
        }
    }

    #[test]
    fn a_future_time_is_0s_ago() {
        for (at, words) in [(940, "1m ago"), (1000, "0s ago"), (1090, "0s ago")] {
            assert_eq!(ago(EpochSeconds(at), EpochSeconds(1000)), words);
        }
    }

    #[test]
    fn a_time_is_written_so_that_people_read_it() {
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
