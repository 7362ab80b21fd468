//! The lease of a row: the times at which its group expires and its row may be deleted.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Fault;

/// The time between `expires_at` and `delete_at` of a lease that sdctl writes.
const VISIBLE: Duration = Duration::from_hours(24);

/// A time in whole seconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EpochSeconds(pub i64);

impl EpochSeconds {
    /// Returns the current time of the system.
    #[must_use]
    pub fn now() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX))
    }

    /// Returns the earlier of two times. `None` means never.
    #[must_use]
    pub fn earlier(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Reads a number from its DynamoDB text form.
    ///
    /// # Errors
    /// [`Fault::NotEpochSeconds`] unless the text is a whole number that fits 64 bits.
    pub fn parse(number: &str) -> Result<Self, Fault> {
        number.parse().map(Self).map_err(|_| Fault::NotEpochSeconds)
    }
}

/// The times that end the service of a group. Without either time, the group is served while its row exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lease {
    /// The time from which the group is not served, although its row stays visible. Leases that lapse together are an
    /// exception: see [`Leases`](super::Leases).
    pub expires_at: Option<EpochSeconds>,
    /// The time from which DynamoDB may delete the row. The deletion can take days, and [DynamoDB returns the row until
    /// then][ttl]. The group is not served from this time on, so that its end does not depend on the deletion.
    ///
    /// [ttl]: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
    pub delete_at: Option<EpochSeconds>,
}

impl Lease {
    /// Creates a lease that starts at `start` and expires after `ttl`, in whole seconds. Its row stays visible for a
    /// day more.
    #[must_use]
    pub fn starting(start: EpochSeconds, ttl: Duration) -> Self {
        let after = |at: EpochSeconds, time: Duration| {
            EpochSeconds(at.0.saturating_add(i64::try_from(time.as_secs()).unwrap_or(i64::MAX)))
        };
        let expires_at = after(start, ttl);
        Self { expires_at: Some(expires_at), delete_at: Some(after(expires_at, VISIBLE)) }
    }

    /// Returns the time from which the group is not served.
    #[must_use]
    pub fn end(&self) -> Option<EpochSeconds> {
        EpochSeconds::earlier(self.expires_at, self.delete_at)
    }

    /// Returns whether the lease has ended at `now`.
    #[must_use]
    pub fn lapsed(&self, now: EpochSeconds) -> bool {
        self.end().is_some_and(|end| end <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lease_ends_at_the_earlier_time() {
        let at = |expires_at: Option<i64>, delete_at: Option<i64>| Lease {
            expires_at: expires_at.map(EpochSeconds),
            delete_at: delete_at.map(EpochSeconds),
        };
        let now = EpochSeconds(1000);
        let cases = [
            (at(None, None), false),
            (at(Some(1001), None), false),
            (at(Some(1000), None), true),
            (at(Some(-5), None), true),
            (at(None, Some(1001)), false),
            (at(None, Some(1000)), true),
            (at(Some(1001), Some(2000)), false),
            (at(Some(999), Some(2000)), true),
            (at(Some(2000), Some(999)), true),
        ];
        for (lease, lapsed) in cases {
            assert_eq!(lease.lapsed(now), lapsed, "{lease:?}");
        }
    }

    #[test]
    fn row_outlives_its_lease_by_a_day() {
        let lease = |expires_at, delete_at| Lease {
            expires_at: Some(EpochSeconds(expires_at)),
            delete_at: Some(EpochSeconds(delete_at)),
        };
        assert_eq!(Lease::starting(EpochSeconds(100), Duration::from_millis(60_900)), lease(160, 86_560));
        assert_eq!(Lease::starting(EpochSeconds(1), Duration::MAX), lease(i64::MAX, i64::MAX));
    }

    #[test]
    fn only_whole_seconds_are_a_time() {
        let cases = [
            ("0", Ok(0)),
            ("-1", Ok(-1)),
            ("1764000000", Ok(1_764_000_000)),
            ("1764000000.5", Err(Fault::NotEpochSeconds)),
            ("1E+3", Err(Fault::NotEpochSeconds)),
            ("99999999999999999999", Err(Fault::NotEpochSeconds)),
            ("", Err(Fault::NotEpochSeconds)),
        ];
        for (number, result) in cases {
            assert_eq!(EpochSeconds::parse(number), result.map(EpochSeconds), "{number}");
        }
    }
}
