//! What only people see of rows: their owners and times, and the groups whose leases have expired.

use super::Row;
use crate::group::{EpochSeconds, InvalidGroup, Lease};

/// The details of the rows of one job. Only reads of [`Detail::All`](super::Detail::All) have them.
#[derive(Debug, Default)]
pub struct Details {
    /// The details of valid rows, in their order.
    pub(super) rows: Vec<RowDetails>,
    /// The rows left out of the valid rows because their lease had expired, sorted by name.
    pub(super) lapsed: Vec<LapsedRow>,
}

/// The owner of a row and the time of its last change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowDetails {
    /// The writer that renews or replaces the row.
    pub owner: Option<Owner>,
    /// The time at which sdctl last changed the row.
    pub updated_at: Option<EpochSeconds>,
}

/// The owner of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The set of `sdctl apply` that the attribute `managed_by` names.
    Set(Box<str>),
    /// The process of `sdctl register` that the attribute `registered_by` names.
    Process(Box<str>),
}

/// A row whose lease had expired at the read, and whose group cannot be kept.
#[derive(Debug, Clone)]
pub struct LapsedRow {
    /// The name of the group.
    pub name: Box<str>,
    /// The lease.
    pub lease: Lease,
    /// The JSON of the group, or the first fault of the row.
    pub group: Result<Box<[u8]>, InvalidGroup>,
    /// The owner and the last change.
    pub details: RowDetails,
}

impl Owner {
    /// Returns the name in the attribute.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Set(name) | Self::Process(name) => name,
        }
    }
}

impl Row<'_> {
    /// Returns the owner and the last change. An attribute of another type counts as missing, because lists do not
    /// depend on it.
    pub(super) fn details(&self) -> RowDetails {
        let text = |attribute: &Option<Box<super::attribute::Attribute<'_>>>| -> Option<Box<str>> {
            attribute.as_ref()?.string().ok().filter(|text| !text.is_empty()).map(Into::into)
        };
        let process = text(&self.registered_by).map(Owner::Process);
        RowDetails {
            owner: text(&self.managed_by).map(Owner::Set).or(process),
            updated_at: self.updated_at.as_ref().and_then(|at| EpochSeconds::parse(at.number()?).ok()),
        }
    }
}

impl Details {
    /// Adds the details of another segment.
    pub(super) fn append(&mut self, mut other: Self) {
        self.rows.append(&mut other.rows);
        self.lapsed.append(&mut other.lapsed);
    }

    /// Moves the details of the valid row `from` to the place of each index in `order`.
    pub(super) fn reorder(&mut self, order: &[usize]) {
        let mut rows: Vec<Option<RowDetails>> = std::mem::take(&mut self.rows).into_iter().map(Some).collect();
        self.rows = order.iter().map(|&from| rows.get_mut(from).and_then(Option::take).unwrap_or_default()).collect();
    }

    /// Returns the size in bytes, as the [budget](super::Budget) counts.
    pub(super) fn size(&self) -> usize {
        let rows: usize = self.rows.iter().map(RowDetails::size).sum();
        let lapsed: usize = self.lapsed.iter().map(LapsedRow::size).sum();
        size_of::<Self>() + rows + lapsed
    }
}

impl RowDetails {
    /// Returns the size in bytes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.owner.as_ref().map_or(0, |owner| owner.name().len())
    }
}

impl LapsedRow {
    /// Returns the size in bytes.
    pub(super) fn size(&self) -> usize {
        let group = match &self.group {
            Ok(json) => json.len(),
            Err(fault) => fault.size(),
        };
        size_of::<Self>() - size_of::<RowDetails>() + self.details.size() + self.name.len() + group
    }
}
