//! The report on a list, for the log.

use super::Skipped;
use crate::{
    group::{EpochSeconds, Job, Kept},
    table::Followed,
};

/// The maximum number of jobs in [`Report::lapsed_together`].
const MOST_JOBS: usize = 100;

/// The numbers and names that the log records for a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The pages read for the list.
    pub pages: usize,
    /// The way to the rows if changes are followed.
    pub followed: Option<Followed>,
    /// The rows, served or not.
    pub rows: usize,
    /// The groups in the list.
    pub groups: usize,
    /// The targets in the list.
    pub targets: usize,
    /// The rows left out because their lease has expired.
    pub lapsed: usize,
    /// The groups kept in the list because their leases lapsed together.
    pub kept: usize,
    /// The broken rows left out.
    pub skipped: Skipped,
    /// The requested jobs without a row.
    pub empty_jobs: Vec<Job>,
    /// The jobs whose leases lapsed together, at most 100.
    pub lapsed_together: Vec<LapsedTogether>,
}

/// The leases of a job that lapsed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LapsedTogether {
    /// The job.
    pub job: String,
    /// The number of leases, selected or not.
    pub count: usize,
    /// The time at which the first of these leases expired.
    pub since: EpochSeconds,
}

impl Report {
    /// Adds a job if its leases lapsed together.
    pub(super) fn add_leases(&mut self, job: &str, kept: &Kept) {
        if let Some(since) = kept.since().filter(|_| self.lapsed_together.len() < MOST_JOBS) {
            self.lapsed_together.push(LapsedTogether { job: job.to_owned(), count: kept.count(), since });
        }
    }
}
