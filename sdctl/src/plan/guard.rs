//! A truncated file must not empty a fleet: how much a plan takes away, and how much it may.

use std::{
    error::Error,
    fmt::{self, Display, Formatter},
};

use http_sd_lambda::group::{Job, excerpt};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooMuchRemoved {
    removals: Vec<Removal>,
    most: u8,
}

/// How many jobs an error names.
const MOST_NAMED: usize = 5;

impl TooMuchRemoved {
    pub(super) fn among(removals: &[Removal], most: u8) -> Result<(), Self> {
        let exceeds = |removal: &&Removal| removal.groups.exceeds(most) || removal.targets.exceeds(most);
        let removals: Vec<Removal> = removals.iter().filter(exceeds).cloned().collect();
        if removals.is_empty() { Ok(()) } else { Err(Self { removals, most }) }
    }
}

impl Display for TooMuchRemoved {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { removals, most } = self;
        let mut named: Vec<String> = removals.iter().take(MOST_NAMED).map(ToString::to_string).collect();
        if removals.len() > MOST_NAMED {
            named.push(format!("and {} more jobs", removals.len() - MOST_NAMED));
        }
        let percent = removals.iter().map(Removal::percent).max().unwrap_or_default();
        let named = named.join("; ");
        write!(f, "{named}: more than {most} %; if that is meant, say --max-removed {percent}")
    }
}

impl Error for TooMuchRemoved {}

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
