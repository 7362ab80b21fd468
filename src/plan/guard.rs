//! A truncated file must not empty a fleet: how much a plan takes away, and how much it may.

use std::fmt::{self, Display, Formatter};

use thiserror::Error;

use crate::group::{Job, excerpt};

/// What a plan takes away from a job of the set, or from the whole set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The job; `None` is the whole set.
    pub job: Option<Job>,
    /// Groups that are served now, and of them those that go.
    pub groups: Share,
    /// Targets that are served now, and of them those that are in no file.
    pub targets: Share,
}

/// A part of a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// How many go.
    pub removed: usize,
    /// How many there are.
    pub of: usize,
}

/// More is taken away than was allowed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{removal}, more than {most} %: if that is meant, say --max-removed {}", .removal.percent())]
pub struct TooMuchRemoved {
    removal: Removal,
    most: u8,
}

impl Share {
    fn exceeds(self, percent: u8) -> bool {
        self.removed * 100 > self.of * usize::from(percent)
    }

    /// Rounded up.
    fn percent(self) -> usize {
        (self.removed * 100).div_ceil(self.of.max(1)).min(100)
    }
}

impl Removal {
    /// Makes sure that no more than `most` percent of the groups, and of the targets, go.
    ///
    /// # Errors
    /// [`TooMuchRemoved`] otherwise.
    pub fn check(&self, most: u8) -> Result<(), TooMuchRemoved> {
        if self.groups.exceeds(most) || self.targets.exceeds(most) {
            return Err(TooMuchRemoved { removal: self.clone(), most });
        }
        Ok(())
    }

    fn percent(&self) -> usize {
        self.groups.percent().max(self.targets.percent())
    }
}

impl Display for Removal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { job, groups, targets } = self;
        let counts =
            format!("{} of {} groups and {} of {} targets", groups.removed, groups.of, targets.removed, targets.of);
        match job {
            Some(job) => write!(f, "job {} would lose {counts} of this set", excerpt(job.as_str())),
            None => write!(f, "the set would lose {counts}"),
        }
    }
}
