//! A copy of a job's rows in which some rows are replaced. The copy shares the JSON of the other rows.

use std::ops::Range;

use bytes::Bytes;

use super::{
    Budget, ReadError,
    builder::small,
    group_json,
    snapshot::{JobRows, Piece, RowEnd, RowLease},
};
use crate::group::Lease;

/// The minimum size of JSON that a copy shares, in bytes. A share keeps the whole page in memory, and many small pieces
/// would make each list slower.
const LEAST_SHARED: usize = 16 * 1024;
/// The approximate size of a piece of copied JSON, in bytes.
const COPIED_PIECE: usize = 1024 * 1024;

/// A replacement of consecutive rows by others.
pub(super) struct Edit<'a> {
    /// The rows to replace.
    pub(super) rows: Range<usize>,
    /// The rows in their place, in order.
    pub(super) with: Vec<NewRow<'a>>,
}

/// A row of the copy.
#[derive(Clone)]
pub(super) struct NewRow<'a> {
    pub(super) name: &'a str,
    pub(super) lease: Lease,
    pub(super) targets: usize,
    pub(super) json: Json,
}

/// The JSON of a row of the copy.
#[derive(Clone)]
pub(super) enum Json {
    /// The JSON of this row of the edited rows.
    Same(usize),
    /// Other JSON.
    New(Bytes),
}

impl JobRows {
    /// Returns the rows of a group: none, one, or several if replaced rows are held.
    #[must_use]
    pub fn named(&self, name: &str) -> Range<usize> {
        let first_where = |is_before: &dyn Fn(&str) -> bool| {
            let (mut start, mut end) = (0, self.len());
            while start < end {
                let middle = usize::midpoint(start, end);
                if is_before(self.name(middle)) { start = middle + 1 } else { end = middle }
            }
            start
        };
        first_where(&|other| other < name)..first_where(&|other| other <= name)
    }

    /// Returns the lease of a row.
    #[must_use]
    pub fn lease(&self, row: usize) -> Lease {
        self.row_lease(row).map(|lease| lease.lease).unwrap_or_default()
    }

    /// Returns the JSON of a row. A row is never in two pieces.
    pub(super) fn row_json(&self, row: usize) -> Bytes {
        self.json(row..row + 1).next().unwrap_or_default()
    }

    /// Returns the number of targets of a row.
    pub(super) fn row_targets(&self, row: usize) -> Result<usize, ReadError> {
        match self.row_lease(row) {
            Some(lease) => Ok(lease.targets),
            None => group_json::count_targets(&self.row_json(row)),
        }
    }

    fn row_lease(&self, row: usize) -> Option<&RowLease> {
        let at = self.leases.binary_search_by_key(&row, |lease| lease.row).ok()?;
        self.leases.get(at)
    }

    /// Returns a copy with these edits, which must be in the order of the rows.
    ///
    /// # Errors
    /// [`ReadError::OutOfMemory`] if the budget is exceeded, [`ReadError::Encoding`] for a job of more than 4 GB.
    pub(super) fn edited(&self, edits: &[Edit<'_>], budget: &Budget) -> Result<Self, ReadError> {
        let mut copy = Copy { from: self, to: Self::default(), length: 0, same: 0..0, small: Vec::new(), copied: 0 };
        copy.to.names.reserve(self.names.len());
        copy.to.rows.reserve(self.rows.len());
        copy.to.leases.reserve(self.leases.len());
        copy.to.targets = self.targets;
        let mut next = 0;
        for edit in edits {
            copy.add_rows(next..edit.rows.start)?;
            for row in edit.rows.clone() {
                copy.to.targets = copy.to.targets.saturating_sub(self.row_targets(row)?);
            }
            for row in &edit.with {
                copy.add(row)?;
            }
            next = edit.rows.end;
        }
        copy.add_rows(next..self.len())?;
        copy.finish(budget)
    }
}

/// A copy to which rows are added in order.
struct Copy<'a> {
    from: &'a JobRows,
    to: JobRows,
    /// The length of the JSON of all added rows.
    length: usize,
    /// Rows of `from` whose JSON comes next.
    same: Range<usize>,
    /// Copied JSON after the last piece of `to`. It comes before that of `same`.
    small: Vec<u8>,
    /// The number of copied bytes.
    copied: usize,
}

impl Copy<'_> {
    /// Adds rows unchanged.
    fn add_rows(&mut self, rows: Range<usize>) -> Result<(), ReadError> {
        if rows.is_empty() {
            return Ok(());
        }
        let before = rows.start.checked_sub(1).map_or(RowEnd { name: 0, json: 0 }, |before| self.from.rows[before]);
        let (name, json, first) = (self.to.names.len(), self.length, self.to.rows.len());
        for end in &self.from.rows[rows.clone()] {
            let end = RowEnd {
                name: small(name + (end.name - before.name) as usize)?,
                json: small(json + (end.json - before.json) as usize)?,
            };
            self.to.rows.push(end);
        }
        let last = self.from.rows[rows.end - 1];
        self.to.names.push_str(&self.from.names[before.name as usize..last.name as usize]);
        self.length += (last.json - before.json) as usize;
        let at = |row: usize| self.from.leases.partition_point(|lease| lease.row < row);
        let leases = &self.from.leases[at(rows.start)..at(rows.end)];
        let moved = leases.iter().map(|lease| RowLease { row: lease.row - rows.start + first, ..*lease });
        self.to.leases.extend(moved);
        self.add_same(rows);
        Ok(())
    }

    /// Adds a row.
    fn add(&mut self, row: &NewRow<'_>) -> Result<(), ReadError> {
        if row.lease.end().is_some() {
            self.to.leases.push(RowLease { row: self.to.rows.len(), lease: row.lease, targets: row.targets });
        }
        self.to.targets += row.targets;
        self.to.names.push_str(row.name);
        match &row.json {
            Json::Same(same) => {
                self.length += self.from.json_len(*same);
                self.add_same(*same..same + 1);
            }
            Json::New(json) => {
                self.length += json.len();
                self.end_same();
                self.push(json);
            }
        }
        self.to.rows.push(RowEnd { name: small(self.to.names.len())?, json: small(self.length)? });
        Ok(())
    }

    /// Adds the JSON of rows of `from`.
    fn add_same(&mut self, rows: Range<usize>) {
        if self.same.end == rows.start {
            self.same.end = rows.end;
        } else {
            self.end_same();
            self.same = rows;
        }
    }

    fn end_same(&mut self) {
        let from = self.from;
        for piece in from.json(std::mem::take(&mut self.same)) {
            self.push(&piece);
        }
    }

    /// Adds JSON: shares large JSON, and copies small JSON.
    fn push(&mut self, json: &Bytes) {
        let is_shared = json.len() >= LEAST_SHARED;
        if !is_shared {
            self.small.extend_from_slice(json);
            self.copied += json.len();
        }
        if is_shared || self.small.len() >= COPIED_PIECE {
            self.end_small();
        }
        if is_shared {
            self.to.push_piece(json.clone());
        }
    }

    fn end_small(&mut self) {
        if !self.small.is_empty() {
            // Without spare capacity.
            self.to.push_piece(Bytes::copy_from_slice(&self.small));
            self.small.clear();
        }
    }

    fn finish(mut self, budget: &Budget) -> Result<JobRows, ReadError> {
        let all = 0..self.from.len();
        let is_same = self.to.json.is_empty() && self.small.is_empty() && self.same == all && !all.is_empty();
        self.end_same();
        self.end_small();
        let Self { from, mut to, copied, .. } = self;
        if is_same {
            to.digest = from.digest.clone();
        }
        to.shrink();
        let shared: usize = to.json.iter().map(|Piece { bytes, .. }| bytes.len()).sum();
        budget.take((to.size() + copied).saturating_sub(shared))?;
        Ok(to)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::{collection::btree_map, collection::vec, option, prelude::*, sample::select};

    use super::*;
    use crate::{
        group::{EpochSeconds, Job},
        table::{Detail, Page, RowRules, Snapshot},
    };

    /// A row: its number of targets, the length of its label, and its lease.
    type Content = (usize, usize, Option<i64>);

    /// Returns rows as a read returns them.
    fn read(rows: &BTreeMap<String, Content>) -> JobRows {
        let row = |(name, (targets, length, end)): (&String, &Content)| {
            let targets: Vec<String> = (0..*targets).map(|i| format!(r#"{{"S":"{name}-{i}:1"}}"#)).collect();
            let end = end.map_or(String::new(), |end| format!(r#","expires_at":{{"N":"{end}"}}"#));
            let (targets, label) = (targets.join(","), "x".repeat(*length));
            format!(
                r#"{{"job":{{"S":"j"}},"group":{{"S":"{name}"}},"targets":{{"L":[{targets}]}},"labels":{{"M":{{"x":{{"S":"{label}"}}}}}}{end}}}"#
            )
        };
        let rows: Vec<String> = rows.iter().map(row).collect();
        let rules = RowRules { detail: Detail::Followed, ..RowRules::default() };
        let page = Page::new(format!(r#"{{"Items":[{}]}}"#, rows.join(",")).into_bytes());
        let mut snapshot = Snapshot::of_pages(&[page], rules, EpochSeconds(0)).unwrap();
        let rows = snapshot.jobs.remove(&Job::new("j").unwrap()).unwrap_or_default();
        std::sync::Arc::try_unwrap(rows).unwrap()
    }

    fn unlimited() -> Budget {
        Budget::new(None, usize::MAX)
    }

    /// Returns everything that an answer depends on.
    fn seen(rows: &JobRows) -> impl PartialEq + std::fmt::Debug {
        let json: Vec<u8> = rows.json(0..rows.len()).flatten().collect();
        let each: Vec<_> = (0..rows.len())
            .map(|row| (rows.name(row).to_owned(), rows.row_json(row), rows.row_targets(row).unwrap()))
            .collect();
        let leases: Vec<_> = rows.leases().iter().map(|lease| (lease.row, lease.lease, lease.targets)).collect();
        (String::from_utf8(json).unwrap(), each, leases, rows.targets())
    }

    fn some_rows() -> impl Strategy<Value = BTreeMap<String, Content>> {
        // Lengths around the least size of a shared piece.
        let length = select(vec![0, 10, 5000, LEAST_SHARED, 40_000]);
        btree_map("[a-d][0-9]", (0..4_usize, length, option::of(-5..5_i64)), 0..12)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn edited_rows_equal_a_read(old in some_rows(), changes in vec(some_rows(), 1..4), removed in vec("[a-d][0-9]", 0..8)) {
            let (mut content, mut rows) = (old.clone(), read(&old));
            for change in &changes {
                let new = read(change);
                let mut names: Vec<&String> = change.keys().chain(&removed).collect();
                names.sort();
                names.dedup();
                let edits: Vec<Edit<'_>> = names.iter().map(|name| Edit {
                    rows: rows.named(name),
                    with: new.named(name).map(|row| NewRow {
                        name,
                        lease: new.lease(row),
                        targets: new.row_targets(row).unwrap(),
                        json: match rows.named(name).next().filter(|old| rows.row_json(*old) == new.row_json(row)) {
                            Some(old) => Json::Same(old),
                            None => Json::New(new.row_json(row)),
                        },
                    }).collect(),
                }).collect();
                rows = rows.edited(&edits, &unlimited()).unwrap();
                content.retain(|name, _| !names.contains(&name));
                content.extend(change.clone());
                let expected = read(&content);
                prop_assert_eq!(seen(&rows), seen(&expected));
                if !content.is_empty() {
                    prop_assert_eq!(rows.digest(), expected.digest());
                }
                prop_assert!(rows.json.iter().all(|piece| piece.bytes.len() < COPIED_PIECE + LEAST_SHARED));
            }
        }
    }

    #[test]
    fn unchanged_json_is_shared() {
        let content: BTreeMap<String, Content> = (0..100).map(|i| (format!("{i:03}"), (1, 1000, Some(5)))).collect();
        let rows = read(&content);
        let memory = rows.size() / 10;
        let budget = || Budget::new(Some(memory), usize::MAX);
        let lease = Lease { expires_at: Some(EpochSeconds(9)), delete_at: None };
        let edit = |row: usize, json| {
            let name = rows.name(row);
            Edit { rows: row..row + 1, with: vec![NewRow { name, lease, targets: 1, json }] }
        };
        let renewed: Vec<Edit<'_>> = (0..100).map(|row| edit(row, Json::Same(row))).collect();
        let renewed = rows.edited(&renewed, &budget()).unwrap();
        assert_eq!((renewed.json.len(), renewed.digest()), (rows.json.len(), rows.digest()));
        assert_eq!(renewed.json[0].bytes.as_ptr(), rows.json[0].bytes.as_ptr());
        assert_eq!(renewed.lease(42), lease);
        let changed = rows.edited(&[edit(50, Json::New(rows.row_json(51)))], &budget()).unwrap();
        assert_eq!(changed.json.len(), 3, "two shared pieces, and the row between them");
        assert_eq!(changed.json[2].bytes.as_ptr(), rows.row_json(51).as_ptr());
        let all: Vec<Edit<'_>> = (0..100).map(|row| edit(row, Json::New(rows.row_json(99 - row)))).collect();
        assert_eq!(rows.edited(&all, &budget()).unwrap_err(), ReadError::OutOfMemory { memory });
    }
}
