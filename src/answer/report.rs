//! What an answer was made of, for the log.

use super::Skipped;
use crate::group::{EpochSeconds, Job, Kept};

/// How many jobs the log names whose leases have lapsed together.
const MOST_JOBS: usize = 100;

/// What an answer was made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Pages that were read for it.
    pub pages: usize,
    /// Rows, whatever came of them.
    pub rows: usize,
    /// Groups in the list.
    pub groups: usize,
    /// Targets in the list.
    pub targets: usize,
    /// Rows left out because their lease has ended.
    pub lapsed: usize,
    /// Groups in the list although their lease has ended, because it has lapsed together with others.
    pub kept: usize,
    /// Rows left out because they break the contract.
    pub skipped: Skipped,
    /// Jobs that were asked for and have no row.
    pub empty_jobs: Vec<Job>,
    /// Jobs whose leases have lapsed together; not all of them if there are very many.
    pub lapsed_together: Vec<LapsedTogether>,
}

/// Leases of a job that have lapsed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LapsedTogether {
    /// The job.
    pub job: String,
    /// How many there are, whether they are asked for or not.
    pub count: usize,
    /// When the first of them ended.
    pub since: EpochSeconds,
}

impl Report {
    /// Notes what was decided about the leases of a job.
    pub(super) fn add_leases(&mut self, job: &str, kept: &Kept) {
        if let Some(since) = kept.since().filter(|_| self.lapsed_together.len() < MOST_JOBS) {
            self.lapsed_together.push(LapsedTogether { job: job.to_owned(), count: kept.count(), since });
        }
    }
}
