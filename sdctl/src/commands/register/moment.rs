//! Waiting, and times as people read them.

use std::{
    fmt::Display,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http_sd_lambda::group::EpochSeconds;
use tokio::time::{Instant, sleep};

/// How often a wait looks at the clock.
const LOOK: Duration = Duration::from_secs(1);

/// A moment by both clocks. The steady one stands still while the machine is suspended, the system's may be set back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    steady: Instant,
    system: SystemTime,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self { steady: Instant::now(), system: SystemTime::now() }
    }

    /// Waits until that much time has passed since then by either clock.
    pub(crate) async fn wait(self, time: Duration) {
        loop {
            let passed = self.steady.elapsed().max(self.system.elapsed().unwrap_or_default());
            let Some(left) = time.checked_sub(passed).filter(|left| !left.is_zero()) else { return };
            sleep(left.min(LOOK)).await;
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

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
