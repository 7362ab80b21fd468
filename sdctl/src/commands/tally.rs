//! Counts rows by their state.

use std::fmt::{self, Display, Formatter};

use http_sd_lambda::group::{EpochSeconds, excerpt};
use serde::Serialize;

use super::{
    selection::{Found, Standing},
    times,
};
use crate::terminal::text::Count;

/// The numbers of some rows.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Tally {
    /// The groups that a poll serves.
    pub(crate) groups: usize,
    /// Their targets.
    pub(crate) targets: usize,
    /// The groups among them with an active lease.
    pub(crate) leased: usize,
    /// The groups among them whose leases lapsed together.
    pub(crate) kept: usize,
    /// The rows with an expired lease that a poll does not serve.
    pub(crate) expired: usize,
    /// The rows that violate the data model.
    pub(crate) broken: usize,
    /// The last write by `sdctl`, in seconds since 1970.
    pub(crate) updated_at: Option<i64>,
}

/// Finds leases that are probably in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Milliseconds {
    rows: usize,
    /// The attribute, the group and the job of the first one.
    name: String,
    /// The effect on the first one.
    effect: &'static str,
}

impl Tally {
    pub(crate) fn add(&mut self, row: &Found, now: EpochSeconds) {
        match row.standing(now) {
            Standing::Active(group) => {
                self.groups += 1;
                self.targets += group.targets.len();
                self.leased += usize::from(row.record.lease.end().is_some());
            }
            Standing::Kept(group, _) => {
                self.groups += 1;
                self.targets += group.targets.len();
                self.kept += 1;
            }
            Standing::Expired => self.expired += 1,
            Standing::Broken(_) => self.broken += 1,
        }
        self.updated_at = self.updated_at.max(row.record.updated_at.map(|at| at.0));
    }

    /// Returns the number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.groups + self.expired + self.broken
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { targets, kept, expired, broken, .. } = self;
        write!(f, "{}, {} served", Count(self.rows(), "group"), Count(*targets, "target"))?;
        for (number, state) in [(kept, "kept"), (expired, "expired"), (broken, "broken")] {
            if *number > 0 {
                write!(f, ", {number} {state}")?;
            }
        }
        Ok(())
    }
}

impl Milliseconds {
    pub(crate) fn see(&mut self, row: &Found) {
        let Some((attribute, effect)) = times::milliseconds(row.record.lease) else { return };
        self.rows += 1;
        if self.rows == 1 {
            let (job, group) = (excerpt(row.record.job.as_str()), excerpt(row.record.name.as_str()));
            self.name = format!("{attribute} of group {group} of job {job}");
            self.effect = effect;
        }
    }

    /// Returns what to tell the user, if anything.
    pub(crate) fn note(&self) -> Option<String> {
        let more = match self.rows {
            0 => return None,
            1 => String::new(),
            rows => format!(" (and of {})", Count(rows - 1, "more row")),
        };
        let Self { name, effect, .. } = self;
        Some(format!("{name}{more} looks like milliseconds, so {effect}. Write the times of a lease in seconds"))
    }
}
