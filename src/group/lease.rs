//! Leases: until when a group is served.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Fault;

/// How long a lapsed lease that we wrote stays visible before DynamoDB may delete its row.
const VISIBLE: Duration = Duration::from_hours(24);

/// A time in whole seconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpochSeconds(pub i64);

impl EpochSeconds {
    /// The system's time.
    #[must_use]
    pub fn now() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX))
    }

    /// The earlier of two moments, of which each may never come.
    #[must_use]
    pub fn earlier(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Reads a number as DynamoDB writes it.
    ///
    /// # Errors
    /// [`Fault::NotEpochSeconds`] for anything but a whole number that fits 64 bits.
    pub fn parse(number: &str) -> Result<Self, Fault> {
        number.parse().map(Self).map_err(|_| Fault::NotEpochSeconds)
    }
}

/// Until when a group is served. Without either time: for as long as its row is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lease {
    /// From then on the group is not served, while its row stays visible. Many that lapse together are [kept] for a while.
    ///
    /// [kept]: super::Leases
    pub expires_at: Option<EpochSeconds>,
    /// From then on the row may go. DynamoDB takes hours or days over it and still returns the row meanwhile, so
    /// that the group ends here and not at a moment that nobody can foresee.
    pub delete_at: Option<EpochSeconds>,
}

impl Lease {
    /// A lease from `start` on, for whole seconds. Once it has lapsed its row stays for a day, for people to see.
    #[must_use]
    pub fn starting(start: EpochSeconds, ttl: Duration) -> Self {
        let after = |at: EpochSeconds, time: Duration| {
            EpochSeconds(at.0.saturating_add(i64::try_from(time.as_secs()).unwrap_or(i64::MAX)))
        };
        let expires_at = after(start, ttl);
        Self { expires_at: Some(expires_at), delete_at: Some(after(expires_at, VISIBLE)) }
    }

    /// The first moment at which the group is no longer served.
    #[must_use]
    pub fn end(&self) -> Option<EpochSeconds> {
        EpochSeconds::earlier(self.expires_at, self.delete_at)
    }

    /// Whether the group is no longer served at `now`.
    #[must_use]
    pub fn lapsed(&self, now: EpochSeconds) -> bool {
        self.end().is_some_and(|end| end <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_ends_at_the_earlier_of_its_two_times() {
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
    fn a_lease_lasts_for_its_time_and_its_row_for_another_day() {
        let lease = |expires_at, delete_at| Lease {
            expires_at: Some(EpochSeconds(expires_at)),
            delete_at: Some(EpochSeconds(delete_at)),
        };
        assert_eq!(Lease::starting(EpochSeconds(100), Duration::from_millis(60_900)), lease(160, 86_560));
        assert_eq!(Lease::starting(EpochSeconds(1), Duration::MAX), lease(i64::MAX, i64::MAX));
    }

    #[test]
    fn a_time_is_a_whole_number_of_seconds() {
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
