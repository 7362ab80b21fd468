//! The states of the rows of a job by their leases.

use std::time::Duration;

use crate::{
    group::{EpochSeconds, Kept, Lease, Leases},
    table::JobRows,
};

/// The state of a row by its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The lease is active, or the row has no lease.
    Active,
    /// The lease lapsed together with others, and the group is kept.
    Kept,
    /// The lease has expired, and the group is not served.
    Lapsed,
}

/// The leases of a job at the time of a response.
#[derive(Debug)]
pub struct JobLeases {
    now: EpochSeconds,
    leases: Leases,
    pub(super) kept: Kept,
}

impl JobLeases {
    /// Returns the leases of a job at the time `now`. With a `grace` of zero no lease is kept.
    #[must_use]
    pub fn of(rows: &JobRows, now: EpochSeconds, grace: Duration) -> Self {
        let leases = Leases::at(now, grace);
        let kept = if grace.is_zero() { Kept::default() } else { rows.kept(leases.clone()) };
        Self { now, leases, kept }
    }

    /// Returns the number of kept leases.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.kept.count()
    }

    /// Returns the end of the kept lease that expired first.
    #[must_use]
    pub fn since(&self) -> Option<EpochSeconds> {
        self.kept.since()
    }

    /// Returns the state of a row of the job.
    #[must_use]
    pub fn state(&self, lease: Lease) -> State {
        let is_kept = |end| self.kept.has(end) && self.leases.may_keep(lease);
        match lease.expires_at {
            _ if !lease.lapsed(self.now) => State::Active,
            Some(end) if is_kept(end) => State::Kept,
            _ => State::Lapsed,
        }
    }
}
