//! What of the table is asked for.

use std::collections::BTreeSet;

use super::ServiceError;
use crate::group::{Job, Selectors, Shard};

/// What is asked for, and how it is to look. Whoever asks for the same gets the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Selection {
    pub(super) scope: Scope,
    /// Whether the labels that name job and group are added.
    pub(super) meta: bool,
    /// The shard whose targets are asked for; `None` for all of them.
    pub(super) shard: Option<Shard>,
    /// What selects the targets that are asked for; `None` for all of them.
    pub(super) selectors: Option<Selectors>,
}

impl Selection {
    /// What of it a caller gets who may read those jobs alone, or every job if there is no list.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] for a job that is not among them.
    pub(super) fn limited_to(self, jobs: Option<&BTreeSet<Job>>) -> Result<Self, ServiceError> {
        Ok(Self { scope: self.scope.limited_to(jobs)?, ..self })
    }

    /// Roughly what it takes, in bytes.
    pub(super) fn size(&self) -> usize {
        self.scope.size() + self.selectors.as_ref().map_or(0, Selectors::size)
    }
}

/// Which groups are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    /// Those of one job.
    Job(Job),
    /// Those of these jobs.
    Jobs(BTreeSet<Job>),
    /// Those of every job.
    All,
}

impl Scope {
    /// The job, if it is one that was asked for.
    pub(super) fn job(&self) -> Option<&str> {
        match self {
            Self::Job(job) => Some(job.as_str()),
            Self::Jobs(_) | Self::All => None,
        }
    }

    /// What of it a caller gets who may read those jobs alone, or every job if there is no list.
    fn limited_to(self, jobs: Option<&BTreeSet<Job>>) -> Result<Self, ServiceError> {
        match (self, jobs) {
            (Self::Job(job), Some(jobs)) if !jobs.contains(&job) => Err(ServiceError::Forbidden),
            (Self::Jobs(_) | Self::All, Some(jobs)) => Ok(Self::Jobs(jobs.clone())),
            (scope, _) => Ok(scope),
        }
    }

    /// The bytes of the names in it.
    fn size(&self) -> usize {
        match self {
            Self::Job(job) => job.as_str().len(),
            Self::Jobs(jobs) => jobs.iter().map(|job| job.as_str().len()).sum(),
            Self::All => 0,
        }
    }
}
