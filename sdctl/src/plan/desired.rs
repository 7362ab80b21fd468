//! What files want the table to hold.

use std::collections::BTreeMap;

use http_sd_lambda::group::{Job, Target, TargetGroup};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{
    files::{FileGroup, Place},
    store,
};

/// The groups that are wanted, each of which fits a row.
#[derive(Debug, Default)]
pub struct Desired {
    pub(super) jobs: BTreeMap<Job, Vec<Wanted>>,
}

/// A group that is wanted.
#[derive(Debug)]
pub struct Wanted {
    /// Its targets and labels.
    pub group: TargetGroup,
    pub(super) fingerprint: Fingerprint,
}

/// Two groups that have it in common are the same to every poller: labels are equal, and so are targets in any order.
pub(super) type Fingerprint = [u8; 16];

/// Labels, or a single target, that are larger than a row.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}: its labels, or one of its targets, are larger than the 400 KB that fit a row")]
pub struct DoesNotFit(String);

impl Desired {
    /// What those groups come to, split where one does not fit a row.
    ///
    /// # Errors
    /// [`DoesNotFit`] for a group that cannot be split.
    pub fn new(groups: Vec<FileGroup>) -> Result<Self, DoesNotFit> {
        let mut jobs: BTreeMap<Job, Vec<Wanted>> = BTreeMap::new();
        for FileGroup { job, group, place } in groups {
            let parts = store::split(group).ok_or_else(|| DoesNotFit(Place::to_string(&place)))?;
            jobs.entry(job).or_default().extend(parts.into_iter().map(Wanted::new));
        }
        Ok(Self { jobs })
    }

    /// The jobs that the files name.
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
