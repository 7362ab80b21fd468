//! What it takes to bring the table to what files say: which rows are added, changed and removed.
//!
//! Files name no groups, so a row is found by what it holds. A group of the files is, in this order,
//!
//! 1. a row that has exactly its targets and labels, by [`Rows`] the set's own or anybody's;
//! 2. a row of the same set that shares targets with it, the more the better;
//! 3. a row of the same set that has its labels, or its name, if rows may go: what that row has held goes with it;
//! 4. a new row, named by [`names`].
//!
//! A file in another order therefore changes nothing, and a group keeps its row when its labels or its targets change.

mod compare;
mod desired;
mod guard;
pub mod names;
mod pair;

pub use compare::Comparison;
pub use desired::{Desired, DoesNotFit, Wanted};
pub use guard::{Removal, Share, TooMuchRemoved};

use std::collections::BTreeMap;

use http_sd_lambda::group::{GroupName, Job, Lease, StoredGroup, Target};

use crate::store::Record;

/// What it takes.
#[derive(Debug, Default)]
pub struct Plan<'d> {
    /// By job; within a job what is added, then what changes, then what goes.
    pub changes: Vec<Change<'d>>,
    /// Every job that the files or the set have.
    pub jobs: BTreeMap<Job, Counts>,
    /// Groups of the files that are in the table already, in rows that are not the set's.
    pub elsewhere: BTreeMap<Holder, usize>,
    /// What the plan takes away from each job, and from the set as a whole.
    pub removals: Vec<Removal>,
}

/// Which rows may hold what a set wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Whoever owns it: a group that is there is there.
    Anybodys,
    /// The set's own. It takes over rows that nobody has and that hold what it wants; what only another set or a lease
    /// holds gets a row of its own, so that it stays when that one goes.
    Own,
}

/// Who has a row that is not the set's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// Nobody has said so.
    Nobody,
    /// Whoever renews its lease.
    Lease,
    /// Another set.
    Set(String),
}

/// What happens to one row.
#[derive(Debug)]
pub struct Change<'d> {
    /// The row's job.
    pub job: Job,
    /// The row's name.
    pub name: GroupName,
    /// What happens.
    pub kind: ChangeKind<'d>,
    /// Targets that the row gives up to other rows: it must keep them until those have them, for a poll in between.
    pub moving: Vec<Target>,
}

/// What happens to a row.
#[derive(Debug)]
pub enum ChangeKind<'d> {
    /// A new row.
    Add(&'d Wanted),
    /// A row gets other content, or becomes the set's own.
    Update(Box<Record>, &'d Wanted),
    /// A row goes.
    Remove(Box<Record>),
}

/// Rows of a job, by what happens to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// New rows.
    pub added: usize,
    /// Rows with other content.
    pub changed: usize,
    /// Rows that go.
    pub removed: usize,
    /// Rows that are as they should be.
    pub unchanged: usize,
    /// Rows of the set that are in no file, and stay because nobody asked to prune.
    pub kept: usize,
}

impl Change<'_> {
    /// The group as it is to be stored, or `None` if the row goes. It has no lease: files know none.
    #[must_use]
    pub fn stored(&self) -> Option<StoredGroup> {
        let (ChangeKind::Add(wanted) | ChangeKind::Update(_, wanted)) = self.kind else { return None };
        let (job, name) = (self.job.clone(), self.name.clone());
        Some(StoredGroup { job, name, lease: Lease::default(), group: wanted.group.clone() })
    }
}

impl Plan<'_> {
    /// Makes sure that from no job, nor from the set, more than `most` percent of the groups or targets go.
    ///
    /// # Errors
    /// [`TooMuchRemoved`] names where more goes.
    pub fn check_removals(&self, most: u8) -> Result<(), TooMuchRemoved> {
        TooMuchRemoved::among(&self.removals, most)
    }

    /// The sum over all jobs.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.jobs.values().fold(Counts::default(), |sum, job| Counts {
            added: sum.added + job.added,
            changed: sum.changed + job.changed,
            removed: sum.removed + job.removed,
            unchanged: sum.unchanged + job.unchanged,
            kept: sum.kept + job.kept,
        })
    }
}
