//! The immutable rows of one read, compact and sorted.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{Details, Followed, LapsedRow, RowDetails};
use crate::group::{EpochSeconds, InvalidGroup, Job, Kept, Lease, Leases};

/// The jobs of one read, with their rows. A job that was requested by name is included even without a row.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The jobs, in the order of the list.
    pub jobs: BTreeMap<Job, Arc<JobRows>>,
    /// The number of pages read; 0 if the rows were cached.
    pub pages: usize,
    /// The time of the read; with a cache, of the oldest rows.
    pub read_at: EpochSeconds,
    /// The way to these rows if changes are followed, for the log.
    pub followed: Option<Followed>,
}

/// The rows of one job, sorted by the name of the group.
///
/// A valid row is stored as the JSON that the function serves. A row whose lease had expired at the read is stored only
/// if its group may be kept. Of other expired rows, only leases that count for the rule in [`Leases`] are stored. While
/// changes are followed, these rows are stored without JSON, because a change can replace them.
#[derive(Debug, Default)]
pub struct JobRows {
    /// `,{…},{…}`, in pieces that contain whole rows.
    pub(super) json: Vec<Piece>,
    pub(super) rows: Vec<RowEnd>,
    /// The concatenated names of the groups.
    pub(super) names: String,
    /// The leases of valid rows, in order.
    pub(super) leases: Vec<RowLease>,
    /// The counting leases of expired rows that were left out.
    pub(super) ended: Vec<Lease>,
    /// The number of rows left out because their lease had expired.
    pub(super) left_out: usize,
    pub(super) broken: Vec<BrokenRow>,
    /// The number of targets of all valid rows.
    pub(super) targets: usize,
    /// The hash of the JSON, computed before or at its first use.
    pub(super) digest: OnceLock<Digest>,
    /// The details that only people see, if the read included it.
    pub(super) details: Option<Box<Details>>,
}

/// The first half of a SHA-256 hash.
pub type Digest = [u8; 16];

/// Returns the first half of a hash.
pub(crate) fn half(hash: Sha256) -> Digest {
    let mut half = Digest::default();
    half.copy_from_slice(&hash.finalize()[..16]);
    half
}

/// The JSON of consecutive rows.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// The offset in the JSON of the job.
    pub(super) start: u32,
    pub(super) bytes: Bytes,
}

/// The ends of the name and the JSON of a row. They start at the ends of the row before.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowEnd {
    pub(super) name: u32,
    pub(super) json: u32,
}

/// The lease of a valid row.
#[derive(Debug, Clone, Copy)]
pub struct RowLease {
    /// The index of the row.
    pub row: usize,
    /// The lease.
    pub lease: Lease,
    /// The number of targets of the row.
    pub targets: usize,
}

/// A row that violates the data model.
#[derive(Debug, Clone)]
pub struct BrokenRow {
    /// The lease; no lease if the lease is invalid.
    pub lease: Lease,
    /// The first fault.
    pub fault: InvalidGroup,
    /// The owner and the last change, if the read included them.
    pub details: RowDetails,
}

impl Snapshot {
    /// Returns the size of the rows in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.jobs.iter().map(|(job, rows)| job.as_str().len() + rows.size()).sum()
    }
}

impl JobRows {
    /// Returns the number of valid rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether there is no valid row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the number of rows read, valid or not.
    #[must_use]
    pub fn read(&self) -> usize {
        self.rows.len() + self.left_out + self.broken.len()
    }

    /// Returns the number of rows left out because their lease had expired at the read.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Returns the number of targets of all valid rows.
    #[must_use]
    pub fn targets(&self) -> usize {
        self.targets
    }

    /// Returns the leases of valid rows, in order.
    #[must_use]
    pub fn leases(&self) -> &[RowLease] {
        &self.leases
    }

    /// Returns the broken rows, sorted by name.
    #[must_use]
    pub fn broken(&self) -> &[BrokenRow] {
        &self.broken
    }

    /// Returns the length of the JSON of a row, in bytes.
    #[must_use]
    pub fn json_len(&self, row: usize) -> usize {
        (self.rows[row].json - row.checked_sub(1).map_or(0, |before| self.rows[before].json)) as usize
    }

    /// Returns the details of a valid row, if the read included them.
    #[must_use]
    pub fn details(&self, row: usize) -> Option<&RowDetails> {
        self.details.as_ref()?.rows.get(row)
    }

    /// Returns the rows that were left out, sorted by name. Without details there are none.
    #[must_use]
    pub fn lapsed(&self) -> &[LapsedRow] {
        self.details.as_ref().map_or(&[], |details| &details.lapsed)
    }

    /// Returns a hash of the JSON of all rows.
    #[must_use]
    pub fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| {
            let mut hash = Sha256::new();
            self.json.iter().for_each(|piece| hash.update(&piece.bytes));
            half(hash)
        })
    }

    /// Returns the kept leases of the job. `leases` must be empty and sets the time.
    #[must_use]
    pub fn kept(&self, mut leases: Leases) -> Kept {
        let rows = self.leases.iter().map(|row| row.lease);
        let broken = self.broken.iter().map(|row| row.lease);
        rows.chain(broken).chain(self.ended.iter().copied()).for_each(|lease| leases.add(lease));
        leases.kept()
    }

    /// Returns the name of the group of a row.
    #[must_use]
    pub fn name(&self, row: usize) -> &str {
        let start = row.checked_sub(1).map_or(0, |before| self.rows[before].name);
        &self.names[start as usize..self.rows[row].name as usize]
    }

    /// Returns the JSON of consecutive rows, with a comma before each, as shared slices.
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

    /// Appends JSON.
    pub(super) fn push_piece(&mut self, bytes: Bytes) {
        let start = self.json.last().map_or(0, |piece| piece.start as usize + piece.bytes.len());
        // The ends of the rows fit 32 bits, so the start does too.
        self.json.push(Piece { start: u32::try_from(start).unwrap_or(u32::MAX), bytes });
    }

    /// Returns the rows sorted by name, in one piece.
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
        if let Some(details) = &mut ordered.details {
            details.reorder(&order);
        }
        ordered.push_piece(json.into());
        ordered
    }

    /// Frees spare capacity.
    pub(super) fn shrink(&mut self) {
        self.json.shrink_to_fit();
        self.rows.shrink_to_fit();
        self.names.shrink_to_fit();
        self.leases.shrink_to_fit();
        self.ended.shrink_to_fit();
        self.broken.shrink_to_fit();
    }

    /// Returns the size in bytes, as the [budget](super::Budget) counts.
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
            + self.details.as_ref().map_or(0, |details| details.size())
    }
}

impl BrokenRow {
    /// Returns the size in bytes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() - size_of::<RowDetails>() + self.details.size() + self.fault.size()
    }
}
