//! Which rows a set owns, and which rows of other owners it takes over.

use crate::store::Record;

/// The set that will own the rows of a plan, and the rows that it takes over.
#[derive(Debug, Clone)]
pub struct Ownership {
    /// The set.
    pub set: String,
    /// The rows that may hold the groups of the set.
    pub rows: Rows,
    /// Another set, whose rows the set takes over.
    pub adopted_set: Option<String>,
    /// Whether the set takes over rows without owner and lease also if they differ from the wanted groups.
    pub adopts_unowned: bool,
}

/// The rows that may hold the groups of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Any row: the set adds no group that a row of any owner holds.
    Any,
    /// Rows of the set only. The set takes over a row without owner and lease that holds a wanted group. It adds a row
    /// for a group in a row of another set or with a lease, because that row's holder may remove it.
    Own,
}

/// The holder of a row outside the set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// The row has neither an owner nor a lease.
    NoSet,
    /// The row has a lease, which its writer renews.
    Lease,
    /// The row belongs to this other set.
    Set(String),
}

impl Ownership {
    /// Returns whether the row belongs to the adopted set.
    pub(super) fn adopts(&self, record: &Record) -> bool {
        self.adopted_set.is_some() && record.managed_by == self.adopted_set
    }

    /// Returns whether the row belongs to the set itself.
    pub(super) fn owns(&self, record: &Record) -> bool {
        record.managed_by.as_ref() == Some(&self.set)
    }
}

impl Holder {
    pub(super) fn of(record: &Record) -> Self {
        match record.managed_by.clone() {
            Some(set) => Self::Set(set),
            None if record.lease.end().is_some() => Self::Lease,
            None => Self::NoSet,
        }
    }
}
