//! The rows of jobs as one read found them: compact, in order, and never changed.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use bytes::Bytes;

use crate::group::{InvalidGroup, Job, Kept, Lease, Leases};

/// The jobs that were read, each with its rows. A job that was asked for by name is in it also if it has no row.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The jobs, in the order in which they are served.
    pub jobs: BTreeMap<Job, Arc<JobRows>>,
    /// How many pages were read for it; none if its rows were cached.
    pub pages: usize,
}

/// The rows of one job, in the order of their groups' names.
///
/// Each valid row is here as the JSON that is served of it. A row whose lease had ended when it was read is here if the group
/// may be served again, because leases lapsed together; of any other there is only what decides about that.
#[derive(Debug, Default)]
pub struct JobRows {
    /// `,{…},{…}`, in pieces that no row crosses.
    pub(super) json: Vec<Piece>,
    pub(super) rows: Vec<RowEnd>,
    /// The groups' names, one after the other.
    pub(super) names: String,
    /// The rows that have a lease, in order.
    pub(super) leases: Vec<RowLease>,
    /// Leases that ended before the read, of rows that were left out.
    pub(super) ended: Vec<Lease>,
    /// The rows that were left out, because their lease had ended.
    pub(super) left_out: usize,
    pub(super) broken: Vec<BrokenRow>,
    /// The targets of all valid rows.
    pub(super) targets: usize,
    /// A hash of the JSON.
    pub(super) digest: Digest,
}

/// Half of a SHA-256.
pub type Digest = [u8; 16];

/// JSON of consecutive rows.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// How many bytes of JSON come before it.
    pub(super) start: u32,
    pub(super) bytes: Bytes,
}

/// Where a row's name and JSON end; they start where those of the row before end.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowEnd {
    pub(super) name: u32,
    pub(super) json: u32,
}

/// The lease of a valid row.
#[derive(Debug, Clone, Copy)]
pub struct RowLease {
    /// The row's number.
    pub row: usize,
    /// Its lease.
    pub lease: Lease,
    /// How many targets it has.
    pub targets: usize,
}

/// A row that breaks the contract.
#[derive(Debug, Clone)]
pub struct BrokenRow {
    /// Its lease; none if that is what is broken.
    pub lease: Lease,
    /// What is wrong with it.
    pub fault: InvalidGroup,
}

impl Snapshot {
    /// How many bytes its rows take.
    #[must_use]
    pub fn size(&self) -> usize {
        self.jobs.iter().map(|(job, rows)| job.as_str().len() + rows.size()).sum()
    }
}

impl JobRows {
    /// How many valid rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no valid row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many rows were read, valid or not.
    #[must_use]
    pub fn read(&self) -> usize {
        self.rows.len() + self.left_out + self.broken.len()
    }

    /// How many rows were left out while reading, because their lease had ended.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The targets of all valid rows.
    #[must_use]
    pub fn targets(&self) -> usize {
        self.targets
    }

    /// The valid rows that have a lease, in order.
    #[must_use]
    pub fn leases(&self) -> &[RowLease] {
        &self.leases
    }

    /// The rows that break the contract, by name.
    #[must_use]
    pub fn broken(&self) -> &[BrokenRow] {
        &self.broken
    }

    /// A hash of what [`JobRows::json`] gives for all rows.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The leases of the job that are kept although they have lapsed; `leases` has the time and is empty.
    #[must_use]
    pub fn kept(&self, mut leases: Leases) -> Kept {
        let rows = self.leases.iter().map(|row| row.lease);
        let broken = self.broken.iter().map(|row| row.lease);
        rows.chain(broken).chain(self.ended.iter().copied()).for_each(|lease| leases.add(lease));
        leases.kept()
    }

    /// The name of a row's group.
    #[must_use]
    pub fn name(&self, row: usize) -> &str {
        let start = row.checked_sub(1).map_or(0, |before| self.rows[before].name);
        &self.names[start as usize..self.rows[row].name as usize]
    }

    /// The JSON of consecutive rows, each after a comma, as slices of what is here.
    pub fn json(&self, rows: Range<usize>) -> impl Iterator<Item = Bytes> {
        let end_before = |row: usize| row.checked_sub(1).map_or(0, |before| self.rows[before].json);
        let (start, end) = (end_before(rows.start), end_before(rows.end));
        let first = self.json.partition_point(|piece| piece.start <= start).saturating_sub(1);
        let pieces = self.json[first..].iter().take_while(move |piece| piece.start < end);
        pieces.map(move |piece| {
            let from = start.saturating_sub(piece.start) as usize;
            let to = piece.bytes.len().min((end - piece.start) as usize);
            piece.bytes.slice(from..to)
        })
    }

    /// Adds JSON behind what is there.
    pub(super) fn push_piece(&mut self, bytes: Bytes) {
        let start = self.json.last().map_or(0, |piece| piece.start as usize + piece.bytes.len());
        // The ends of rows are counted in the same way, and were found to fit.
        self.json.push(Piece { start: u32::try_from(start).unwrap_or(u32::MAX), bytes });
    }

    /// The same rows in the order of their names, in one piece.
    pub(super) fn in_order(self) -> Self {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_unstable_by_key(|&row| self.name(row));
        let mut place = vec![0; order.len()];
        let (mut json, mut names, mut rows) = (Vec::new(), String::with_capacity(self.names.len()), Vec::new());
        for (to, &from) in order.iter().enumerate() {
            place[from] = to;
            self.json(from..from + 1).for_each(|piece| json.extend_from_slice(&piece));
            names.push_str(self.name(from));
            let small = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
            rows.push(RowEnd { name: small(names.len()), json: small(json.len()) });
        }
        let mut leases: Vec<RowLease> =
            self.leases.iter().map(|lease| RowLease { row: place[lease.row], ..*lease }).collect();
        leases.sort_unstable_by_key(|lease| lease.row);
        let mut ordered = Self { rows, names, leases, json: Vec::new(), ..self };
        ordered.push_piece(json.into());
        ordered
    }

    /// Gives back the room that was made for more rows.
    pub(super) fn shrink(&mut self) {
        self.json.shrink_to_fit();
        self.rows.shrink_to_fit();
        self.names.shrink_to_fit();
        self.leases.shrink_to_fit();
        self.ended.shrink_to_fit();
        self.broken.shrink_to_fit();
    }

    /// How many bytes it takes, as the [budget](super::Budget) counts.
    #[must_use]
    pub fn size(&self) -> usize {
        let json: usize = self.json.iter().map(|piece| size_of::<Piece>() + piece.bytes.len()).sum();
        let broken: usize = self.broken.iter().map(BrokenRow::size).sum();
        size_of::<Self>()
            + json
            + self.names.len()
            + size_of_val(&self.rows[..])
            + size_of_val(&self.leases[..])
            + size_of_val(&self.ended[..])
            + broken
    }
}

impl BrokenRow {
    /// How many bytes it takes.
    pub(super) fn size(&self) -> usize {
        let InvalidGroup { job, group, field, .. } = &self.fault;
        size_of::<Self>() + job.len() + group.len() + field.len()
    }
}
