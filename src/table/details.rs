//! The details of rows that only people see: their owners and times, and the groups whose leases have expired.

use std::sync::Arc;

use super::{Budget, PageContent, ReadError, Row, TableError, attribute::Attribute, group_json::write_group};
use crate::group::{EpochSeconds, InvalidGroup, LabelNames, Lease};

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
    Set(Arc<str>),
    /// The process of `sdctl register` that the attribute `registered_by` names.
    Process(Arc<str>),
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
        self.details_after(None)
    }

    /// Returns the same. The name is shared with the row before if both have equal names.
    fn details_after(&self, before: Option<&RowDetails>) -> RowDetails {
        let before = before.and_then(|row| match row.owner.as_ref()? {
            Owner::Set(name) | Owner::Process(name) => Some(name),
        });
        let name = |attribute: &Option<Box<Attribute<'_>>>| {
            let text = attribute.as_ref()?.string().ok().filter(|text| !text.is_empty())?;
            Some(before.filter(|name| ***name == *text).map_or_else(|| text.into(), Arc::clone))
        };
        let process = || name(&self.registered_by).map(Owner::Process);
        RowDetails {
            owner: name(&self.managed_by).map(Owner::Set).or_else(process),
            updated_at: self.updated_at.as_ref().and_then(|at| EpochSeconds::parse(at.number()?).ok()),
        }
    }
}

impl Details {
    /// Adds a valid row.
    pub(super) fn add(&mut self, row: &Row<'_>, budget: &Budget) -> Result<(), ReadError> {
        let row = row.details_after(self.rows.last());
        budget.take(row.size())?;
        self.rows.push(row);
        Ok(())
    }

    /// Adds a row whose lease has expired and whose group cannot be kept.
    pub(super) fn add_lapsed(
        &mut self,
        row: &Row<'_>,
        page: &PageContent<'_>,
        names: LabelNames,
        budget: &Budget,
    ) -> Result<(), ReadError> {
        let group = match row.stored(names) {
            Ok(group) => {
                let mut json = Vec::new();
                write_group(&group.group, page, &mut json)?;
                Ok(json.into())
            }
            Err(TableError::Invalid(fault)) => Err(fault),
            Err(error) => return Err(error.into()),
        };
        let row = LapsedRow { name: row.key()?.1.into(), lease: row.lease_alone(), group, details: row.details() };
        budget.take(row.size())?;
        self.lapsed.push(row);
        Ok(())
    }

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
    /// Returns the size in bytes. A shared name counts for each row.
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::table::{Detail, Page, RowRules, Snapshot, builder::Builder};

    const NOW: EpochSeconds = EpochSeconds(10_000);

    fn rules(detail: Detail) -> RowRules {
        RowRules { label_names: LabelNames::Legacy, lease_grace: Duration::from_hours(1), detail }
    }

    /// Creates a page of rows of the job `j`, each given as name and further JSON.
    fn page(rows: &[(&str, &str)]) -> Page {
        let row = |(name, rest): &(&str, &str)| format!(r#"{{"job":{{"S":"j"}},"group":{{"S":"{name}"}},{rest}}}"#);
        let rows: Vec<String> = rows.iter().map(row).collect();
        Page::new(format!(r#"{{"Items":[{}]}}"#, rows.join(",")).into_bytes())
    }

    const ROWS: [(&str, &str); 6] = [
        ("d", r#""targets":{"L":[]},"managed_by":{"S":"set-d"},"updated_at":{"N":"4"}"#),
        ("b", r#""targets":{"SS":["b:1"]},"registered_by":{"S":"host-b/1"},"managed_by":{"N":"1"}"#),
        ("f", r#""targets":{"L":[]},"expires_at":{"N":"1"},"managed_by":{"S":"set-f"},"updated_at":{"N":"x"}"#),
        ("c", r#""targets":{"N":"1"},"managed_by":{"S":"set-c"},"registered_by":{"S":"host-c/1"}"#),
        ("a", r#""targets":{"L":[]},"managed_by":{"S":""},"updated_at":{"S":"4"}"#),
        ("e", r#""targets":{"N":"1"},"expires_at":{"N":"1"}"#),
    ];

    #[test]
    fn details_follow_their_rows_into_order() {
        let pages = [page(&ROWS[..2]), page(&ROWS[2..])];
        let snapshot = Snapshot::of_pages(&pages, rules(Detail::All), NOW).unwrap();
        let rows = snapshot.jobs.values().next().unwrap();
        let set = |name: &str| Some(Owner::Set(name.into()));
        let valid: Vec<_> = (0..3).map(|row| (rows.name(row), rows.details(row).unwrap().clone())).collect();
        let details = |owner, updated_at: Option<i64>| RowDetails { owner, updated_at: updated_at.map(EpochSeconds) };
        let process = Some(Owner::Process("host-b/1".into()));
        assert_eq!(
            valid,
            [("a", RowDetails::default()), ("b", details(process, None)), ("d", details(set("set-d"), Some(4)))]
        );
        assert_eq!(rows.broken()[0].details, details(set("set-c"), None));
        let lapsed: Vec<_> =
            rows.lapsed().iter().map(|row| (&*row.name, row.group.is_ok(), row.details.clone())).collect();
        assert_eq!(lapsed, [("e", false, RowDetails::default()), ("f", true, details(set("set-f"), None))]);
        assert_eq!((rows.left_out(), rows.read()), (2, 6));
    }

    #[test]
    fn list_has_no_details_in_memory() {
        let read = |detail| Snapshot::of_pages(&[page(&ROWS)], rules(detail), NOW).unwrap();
        let (served, all) = (read(Detail::Served), read(Detail::All));
        assert!(served.size() < all.size());
        let (served, all) = (served.jobs.values().next().unwrap(), all.jobs.values().next().unwrap());
        assert_eq!((served.digest(), served.left_out()), (all.digest(), all.left_out()));
        assert!(served.details(0).is_none() && served.lapsed().is_empty());
        assert_eq!(served.broken()[0].details, RowDetails::default());
    }

    #[test]
    fn budget_counts_details_exactly() {
        let page = page(&ROWS);
        let read = |memory: usize| {
            let budget = Budget::new(Some(memory), usize::MAX);
            let mut builder = Builder::new(rules(Detail::All), NOW, &budget);
            builder.add(&page.content().unwrap())?;
            Ok::<_, ReadError>(Snapshot {
                jobs: Builder::finish(vec![builder])?,
                pages: 1,
                read_at: NOW,
                followed: None,
            })
        };
        let size = read(usize::MAX).unwrap().size();
        assert!(read(size).is_ok());
        assert_eq!(read(size - 1).unwrap_err(), ReadError::OutOfMemory { memory: size - 1 });
    }
}
