//! The guard: refuses a plan that removes more than the allowed share of groups or targets.
//!
//! A truncated file must not empty a fleet.

use std::{
    error::Error,
    fmt::{self, Display, Formatter},
};

use http_sd_lambda::group::{Job, excerpt};

/// The removals of a plan from a job of the set, or from the whole set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removal {
    /// The job; `None` for the whole set.
    pub job: Option<Job>,
    /// The served groups, and how many of them the plan removes.
    pub groups: Share,
    /// The served targets, and how many of them no file contains.
    pub targets: Share,
}

/// A number of removed groups or targets, and the total.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// The number that the plan removes.
    pub removed: usize,
    /// The total.
    pub of: usize,
}

/// The guard's error: a plan removes more than the allowed share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooMuchRemoved {
    removals: Vec<Removal>,
    most: u8,
    whole: &'static str,
    check: &'static str,
}

/// The most jobs that the error names.
const MOST_NAMED: usize = 5;

impl TooMuchRemoved {
    /// Checks that no job, nor the whole, loses more than `most` percent. `whole` is the word for the whole, such as
    /// "set".
    ///
    /// # Errors
    /// [`TooMuchRemoved`] names the jobs that would lose more.
    pub fn among(removals: &[Removal], most: u8, whole: &'static str) -> Result<(), Self> {
        let exceeds = |removal: &&Removal| removal.groups.exceeds(most) || removal.targets.exceeds(most);
        let removals: Vec<Removal> = removals.iter().filter(exceeds).cloned().collect();
        if removals.is_empty() { Ok(()) } else { Err(Self { removals, most, whole, check: "files" }) }
    }

    /// Returns what would be removed, without a remedy.
    #[must_use]
    pub fn removed(&self) -> String {
        let Self { removals, most, whole, .. } = self;
        let mut named: Vec<String> = removals.iter().take(MOST_NAMED).map(|removal| removal.of(whole)).collect();
        if removals.len() > MOST_NAMED {
            named.push(format!("and {} more", removals.len() - MOST_NAMED));
        }
        format!("more than {most} % would be removed: {}", named.join("; "))
    }

    /// Names what the user should check instead of the files.
    #[must_use]
    pub fn check(self, check: &'static str) -> Self {
        Self { check, ..self }
    }
}

impl Display for TooMuchRemoved {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let percent = self.removals.iter().map(Removal::percent).max().unwrap_or_default();
        write!(f, "{}. Check the {}, or allow it with --max-removed {percent}", self.removed(), self.check)
    }
}

impl Error for TooMuchRemoved {}

impl Share {
    fn exceeds(self, percent: u8) -> bool {
        self.removed * 100 > self.of * usize::from(percent)
    }

    /// Returns the removed share in percent, rounded up.
    fn percent(self) -> usize {
        (self.removed * 100).div_ceil(self.of.max(1)).min(100)
    }
}

impl Removal {
    fn of(&self, whole: &str) -> String {
        let Self { job, groups, targets } = self;
        let counts =
            format!("{} of {} groups and {} of {} targets", groups.removed, groups.of, targets.removed, targets.of);
        match job {
            Some(job) => format!("job {} would lose {counts} of this {whole}", excerpt(job.as_str())),
            None => format!("the {whole} would lose {counts}"),
        }
    }

    fn percent(&self) -> usize {
        self.groups.percent().max(self.targets.percent())
    }
}
