//! Leases in words.

use std::time::Duration;

use http_sd_lambda::group::EpochSeconds;

/// When a lease ends or has ended, such as `ends in 1m 30s` or `lapsed 2h ago`.
pub(crate) fn until(end: EpochSeconds, now: EpochSeconds) -> String {
    let words = |from: EpochSeconds, to: EpochSeconds| {
        let seconds = u64::try_from(to.0.saturating_sub(from.0)).unwrap_or_default();
        humantime::format_duration(Duration::from_secs(coarse(seconds))).to_string()
    };
    if end <= now { format!("lapsed {} ago", words(end, now)) } else { format!("ends in {}", words(now, end)) }
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
}
