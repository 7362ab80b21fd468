//! Plans which rows to add, change and remove, so that the table matches the files.
//!
//! Files do not name groups, so the content of a row identifies its group. A group of the files gets, in this order,
//!
//! 1. a row with exactly its targets and labels: a row of the set or any row, as [`Rows`] says;
//! 2. the row of the set that shares the most targets with the group;
//! 3. with `prune`, a row of the set with the group's labels or name, whose old targets are then removed;
//! 4. if [`Ownership`] says so, a row without owner and lease, by the rules 2 and 3;
//! 5. a new row, named by [`names`].
//!
//! A new order in a file therefore changes nothing, and a group keeps its row when its labels or its targets change.

mod compare;
mod desired;
mod guard;
pub mod names;
mod ownership;
mod pair;
mod targets;

pub use compare::Comparison;
pub use desired::{Desired, DoesNotFit, Wanted};
pub use guard::{Removal, Share, TooMuchRemoved};
pub use ownership::{Holder, Ownership, Rows};

use std::{collections::BTreeMap, iter::Sum};

use http_sd_lambda::group::{GroupName, Job, Lease, StoredGroup, Target, TargetGroup};

use crate::store::Record;

/// The changes that bring the table to the files' groups.
#[derive(Debug, Default)]
pub struct Plan<'d> {
    /// The changes by job; within a job added rows, then changed rows, then removed rows.
    pub changes: Vec<Change<'d>>,
    /// The counts of each job of the files or of the set.
    pub jobs: BTreeMap<Job, Counts>,
    /// The number of wanted groups that rows outside the set already hold, by holder.
    pub elsewhere: BTreeMap<Holder, usize>,
    /// The rows without owner and lease that share targets with added groups, by job. Empty if the set takes such rows
    /// over.
    pub unowned: BTreeMap<Job, Vec<GroupName>>,
    /// The number of rows of each other set that share targets with the wanted groups.
    pub other_sets: BTreeMap<String, usize>,
    /// Whether the set had a row before.
    pub has_own_rows: bool,
    /// Whether the adopted set had a row.
    pub has_adopted_rows: bool,
    /// The removals from each job, and last from the whole set.
    pub removals: Vec<Removal>,
    /// The number of targets that move to rows which did not contain them for long. A poll that began before may miss
    /// them in the new row, so the old row must keep them until that poll has ended.
    pub moved: usize,
}

/// A change of one row.
#[derive(Debug)]
pub struct Change<'d> {
    /// The row's job.
    pub job: Job,
    /// The row's name.
    pub name: GroupName,
    /// The kind of the change.
    pub kind: ChangeKind<'d>,
    /// Targets that move to other rows. The row keeps them until the other rows have them and every earlier poll has
    /// ended, so that no poll misses them.
    pub moving: Vec<Target>,
}

/// A kind of change.
#[derive(Debug)]
pub enum ChangeKind<'d> {
    /// Add a new row.
    Add(&'d Wanted),
    /// Write other content to a row, or take it over for the set.
    Update(Box<Record>, &'d Wanted),
    /// Remove a row.
    Remove(Box<Record>),
}

/// The number of rows by kind of change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// New rows.
    pub added: usize,
    /// Rows that change.
    pub changed: usize,
    /// Rows that are removed.
    pub removed: usize,
    /// Rows that already match a wanted group.
    pub unchanged: usize,
    /// Rows of the set that no file contains, and that stay without `prune`.
    pub kept: usize,
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, job| Self {
            added: sum.added + job.added,
            changed: sum.changed + job.changed,
            removed: sum.removed + job.removed,
            unchanged: sum.unchanged + job.unchanged,
            kept: sum.kept + job.kept,
        })
    }
}

impl Change<'_> {
    /// Returns the row before the change.
    #[must_use]
    pub fn before(&self) -> Option<&Record> {
        match &self.kind {
            ChangeKind::Add(_) => None,
            ChangeKind::Update(record, _) | ChangeKind::Remove(record) => Some(record),
        }
    }

    /// Returns the group after the change.
    #[must_use]
    pub fn after(&self) -> Option<&TargetGroup> {
        match self.kind {
            ChangeKind::Add(wanted) | ChangeKind::Update(_, wanted) => Some(&wanted.group),
            ChangeKind::Remove(_) => None,
        }
    }

    /// Returns the group to store, or `None` for a removal. It has no lease, because files have no leases.
    #[must_use]
    pub fn stored(&self) -> Option<StoredGroup> {
        let group = self.after()?.clone();
        Some(StoredGroup { job: self.job.clone(), name: self.name.clone(), lease: Lease::default(), group })
    }
}

impl Plan<'_> {
    /// Checks that the plan removes at most `most` percent of the groups and targets of each job and of the set.
    ///
    /// # Errors
    /// [`TooMuchRemoved`] names the jobs that would lose more.
    pub fn check_removals(&self, most: u8) -> Result<(), TooMuchRemoved> {
        TooMuchRemoved::among(&self.removals, most, "set")
    }

    /// Returns the other set that probably was meant, with the number of its rows that share targets with the wanted
    /// groups: the plan adds groups to a set without rows.
    #[must_use]
    pub fn likely_set(&self) -> Option<(&str, usize)> {
        if self.has_own_rows || self.has_adopted_rows || self.counts().added == 0 {
            return None;
        }
        self.other_sets.iter().map(|(set, rows)| (set.as_str(), *rows)).max_by_key(|(_, rows)| *rows)
    }

    /// Returns the sum of the counts of all jobs.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.jobs.values().copied().sum()
    }
}
