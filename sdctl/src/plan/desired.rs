//! The groups of the files, each cut to the size of a row.

use std::collections::BTreeMap;

use http_sd_lambda::group::{Job, Target, TargetGroup};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{
    files::{FileGroup, Place},
    store,
};

/// The wanted groups by job. Each group fits a row.
#[derive(Debug, Default)]
pub struct Desired {
    pub(super) jobs: BTreeMap<Job, Vec<Wanted>>,
}

/// A group that the files want in the table.
#[derive(Debug)]
pub struct Wanted {
    /// The targets and labels.
    pub group: TargetGroup,
    pub(super) fingerprint: Fingerprint,
}

/// A hash of a group's labels and sorted targets. Groups with the same fingerprint are the same to every poller.
pub(super) type Fingerprint = [u8; 16];

/// The error for a group that no number of rows can hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0} does not fit a row of 400 KB: its labels or one of its targets are too large. Shorten them")]
pub struct DoesNotFit(String);

impl Desired {
    /// Collects groups by job, and splits those that do not fit a row.
    ///
    /// # Errors
    /// [`DoesNotFit`] for a group that cannot be split.
    pub fn new(groups: Vec<FileGroup>) -> Result<Self, DoesNotFit> {
        let mut jobs: BTreeMap<Job, Vec<Wanted>> = BTreeMap::new();
        for FileGroup { job, group, place, .. } in groups {
            let parts = store::split(group).ok_or_else(|| DoesNotFit(Place::to_string(&place)))?;
            jobs.entry(job).or_default().extend(parts.into_iter().map(Wanted::new));
        }
        Ok(Self { jobs })
    }

    /// Returns the jobs that the files name.
    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.keys()
    }
}

impl Wanted {
    fn new(group: TargetGroup) -> Self {
        let fingerprint = fingerprint(&group);
        Self { group, fingerprint }
    }
}

pub(super) fn fingerprint(group: &TargetGroup) -> Fingerprint {
    let mut targets: Vec<&str> = group.targets.iter().map(Target::as_str).collect();
    targets.sort_unstable();
    let labels = group.labels.iter().flat_map(|(name, value)| [name.as_str(), value]);
    let mut hash = Sha256::new();
    hash.update(targets.len().to_le_bytes());
    for text in targets.into_iter().chain(labels) {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    let mut fingerprint = Fingerprint::default();
    fingerprint.copy_from_slice(&hash.finalize()[..16]);
    fingerprint
}
