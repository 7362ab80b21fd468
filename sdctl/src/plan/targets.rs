//! The targets that rows give up: those that move to other wanted groups of the job, and those that are lost.

use std::{cell::OnceCell, collections::HashSet};

use http_sd_lambda::group::{EpochSeconds, Target, TargetGroup};

use super::{Change, ChangeKind, Wanted};
use crate::store::{Record, State};

/// The age in seconds from which a row is old: all polls in progress began after its last write. The longest `--settle`
/// is half of it, so that the clocks of two writers may differ.
const OLD: i64 = 600;

/// The targets of the wanted groups of a job.
#[derive(Debug, Default)]
pub(super) struct WantedTargets<'d> {
    wanted: &'d [Wanted],
    targets: OnceCell<HashSet<&'d str>>,
}

impl<'d> WantedTargets<'d> {
    pub(super) fn of(wanted: &'d [Wanted]) -> Self {
        Self { wanted, targets: OnceCell::new() }
    }

    fn contain(&self, target: &Target) -> bool {
        let all = || self.wanted.iter().flat_map(|wanted| texts(&wanted.group)).collect();
        self.targets.get_or_init(all).contains(target.as_str())
    }

    /// Returns whether a wanted group has a target of this group.
    pub(super) fn share(&self, group: &TargetGroup) -> bool {
        group.targets.iter().any(|target| self.contain(target))
    }

    /// Returns the moving targets and the number of lost ones, where a row becomes `after` or is removed.
    pub(super) fn given_up(
        &self,
        record: &Record,
        after: Option<&TargetGroup>,
        now: EpochSeconds,
    ) -> (Vec<Target>, usize) {
        let State::Served(before) = record.state(now) else { return (Vec::new(), 0) };
        let kept: HashSet<&str> = after.into_iter().flat_map(texts).collect();
        let given_up = before.targets.iter().filter(|target| !kept.contains(target.as_str()));
        let (moving, lost): (Vec<&Target>, Vec<&Target>) = given_up.partition(|target| self.contain(target));
        (moving.into_iter().cloned().collect(), lost.len())
    }
}

/// Returns the number of moving targets that their new row did not contain for long. `recent` are wanted groups that a
/// row got recently.
pub(super) fn moved<'d>(changes: &[Change<'d>], recent: impl Iterator<Item = &'d Wanted>, now: EpochSeconds) -> usize {
    if changes.iter().all(|change| change.moving.is_empty()) {
        return 0;
    }
    let mut new: HashSet<&str> = recent.flat_map(|wanted| texts(&wanted.group)).collect();
    for change in changes {
        match &change.kind {
            ChangeKind::Add(wanted) => new.extend(texts(&wanted.group)),
            ChangeKind::Update(record, wanted) => {
                let before: HashSet<&str> = match record.state(now) {
                    State::Served(group) if is_old(record, now) => texts(group).collect(),
                    _ => HashSet::new(),
                };
                new.extend(texts(&wanted.group).filter(|target| !before.contains(target)));
            }
            ChangeKind::Remove(_) => {}
        }
    }
    let moving = changes.iter().flat_map(|change| &change.moving);
    moving.filter(|target| new.contains(target.as_str())).count()
}

/// Returns whether the row was last written before every poll in progress began. Without a time of the last write the
/// row may be new.
pub(super) fn is_old(record: &Record, now: EpochSeconds) -> bool {
    record.updated_at.is_some_and(|at| at.0 <= now.0 - OLD)
}

fn texts(group: &TargetGroup) -> impl Iterator<Item = &str> {
    group.targets.iter().map(Target::as_str)
}
