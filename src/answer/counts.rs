//! The numbers of a job, for people and metrics.

use std::{ops::AddAssign, time::Duration};

use super::{JobLeases, State};
use crate::{
    group::EpochSeconds,
    table::{JobRows, RowDetails},
};

/// The numbers of a job, or of several jobs. Each row is counted once: as active, kept, lapsed or broken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// The groups without a lease, or with an active lease.
    pub active: usize,
    /// The groups kept because their leases lapsed together.
    pub kept: usize,
    /// The rows that are not served because their lease has expired, valid or not.
    pub lapsed: usize,
    /// The broken rows whose lease has not lapsed. They fail a list, or are left out of it.
    pub broken: usize,
    /// The targets of active and kept groups.
    pub targets: usize,
    /// The active leases of valid rows.
    pub leases: usize,
    /// The end of the active lease that ends first.
    pub next_expiry: Option<EpochSeconds>,
    /// The time of the last change, if the read included details and a row has the attribute `updated_at`.
    pub last_update: Option<EpochSeconds>,
}

impl Counts {
    /// Returns the numbers of a job at the time `now`.
    #[must_use]
    pub fn of(rows: &JobRows, now: EpochSeconds, grace: Duration) -> Self {
        let leases = JobLeases::of(rows, now, grace);
        let mut counts = Self { lapsed: rows.left_out(), targets: rows.targets(), ..Self::default() };
        for row in rows.leases() {
            match leases.state(row.lease) {
                State::Active => {
                    counts.leases += 1;
                    counts.next_expiry = EpochSeconds::earlier(counts.next_expiry, row.lease.end());
                }
                State::Kept => counts.kept += 1,
                State::Lapsed => {
                    counts.lapsed += 1;
                    counts.targets -= row.targets;
                }
            }
        }
        counts.active = rows.len() + rows.left_out() - counts.kept - counts.lapsed;
        for row in rows.broken() {
            match leases.state(row.lease) {
                State::Lapsed => counts.lapsed += 1,
                State::Active | State::Kept => counts.broken += 1,
            }
        }
        let valid = (0..rows.len()).filter_map(|row| rows.details(row));
        let others = rows.broken().iter().map(|row| &row.details).chain(rows.lapsed().iter().map(|row| &row.details));
        counts.last_update = valid.chain(others).filter_map(|row: &RowDetails| row.updated_at).max();
        counts
    }

    /// Returns the number of groups in a list of all rows.
    #[must_use]
    pub fn served(&self) -> usize {
        self.active + self.kept
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.active += other.active;
        self.kept += other.kept;
        self.lapsed += other.lapsed;
        self.broken += other.broken;
        self.targets += other.targets;
        self.leases += other.leases;
        self.next_expiry = EpochSeconds::earlier(self.next_expiry, other.next_expiry);
        self.last_update = self.last_update.max(other.last_update);
    }
}
