//! The builder of a snapshot, which adds the rows of one page after the other.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    mem,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{
    Budget, Detail, Page, PageContent, ReadError, Row, RowDetails, TableError,
    group_json::write_group,
    snapshot::{BrokenRow, JobRows, Piece, RowEnd, RowLease, Snapshot, half},
};
use crate::group::{EpochSeconds, Job, LabelNames, Lease, Leases};

/// The minimum size of JSON that is moved into a piece, in bytes. For less JSON, a copy is cheaper than shrinking the
/// buffer.
const LEAST_MOVED: usize = 128 * 1024;

/// The settings that decide which rows are valid and which of them may be served.
#[derive(Debug, Clone, Copy, Default)]
pub struct RowRules {
    /// Which label names are valid.
    pub label_names: LabelNames,
    /// The time for which groups are kept after their leases lapsed together.
    pub lease_grace: Duration,
    /// The part of each row that is kept.
    pub detail: Detail,
}

/// The rows of one read, or of one of its segments.
pub(super) struct Builder<'b> {
    context: Context<'b>,
    jobs: BTreeMap<Job, UnorderedRows>,
    /// The JSON of rows after the last piece.
    open: Vec<u8>,
}

/// The values that are the same for all rows of a read.
struct Context<'b> {
    rules: RowRules,
    now: EpochSeconds,
    /// An empty set of leases, which decides whether a lease counts.
    leases: Leases,
    budget: &'b Budget,
}

/// The rows of a job, in the order of the read.
struct UnorderedRows {
    rows: JobRows,
    /// The hash of the JSON so far; `None` if the digest is computed at its first use. Pages and metrics use no digest.
    hash: Option<Sha256>,
}

impl Snapshot {
    /// Creates a snapshot from pages, in any order, that were read at the time `now`.
    ///
    /// # Errors
    /// [`ReadError`] for an incomplete page or a row with another key.
    pub fn of_pages(pages: &[Page], rules: RowRules, now: EpochSeconds) -> Result<Self, ReadError> {
        let budget = Budget::new(None, usize::MAX);
        let mut builder = Builder::new(rules, now, &budget);
        for page in pages {
            builder.add(&page.content()?)?;
        }
        Ok(Self { jobs: Builder::finish(vec![builder])?, pages: pages.len(), read_at: now, followed: None })
    }
}

impl<'b> Builder<'b> {
    /// Creates an empty builder for a read at the time `now`.
    pub(super) fn new(rules: RowRules, now: EpochSeconds, budget: &'b Budget) -> Self {
        let context = Context { rules, now, leases: Leases::at(now, rules.lease_grace), budget };
        Self { context, jobs: BTreeMap::new(), open: Vec::new() }
    }

    /// Adds the rows of a page.
    ///
    /// # Errors
    /// [`ReadError`] for a row with another key, or if the budget is exceeded.
    pub(super) fn add(&mut self, page: &PageContent<'_>) -> Result<(), ReadError> {
        for run in page.rows.chunk_by(|a, b| a.job == b.job) {
            let Some(first) = run.first() else { continue };
            let job = first.key()?.0;
            let job = Job::new(job).map_err(|fault| TableError::WrongKey(format!("a row's job {fault}")))?;
            let rows = match self.jobs.entry(job) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let rows = UnorderedRows::new(self.context.rules.detail);
                    self.context.budget.take(rows.rows.size() + entry.key().as_str().len())?;
                    entry.insert(rows)
                }
            };
            for row in run {
                rows.add(row, page, &self.context, &mut self.open)?;
            }
            rows.add_piece(take_piece(&mut self.open), self.context.budget)?;
        }
        Ok(())
    }

    /// Returns the jobs of all segments of a read, with their rows.
    ///
    /// # Errors
    /// [`ReadError::Encoding`] for a job of more than 4 GB.
    pub(super) fn finish(parts: Vec<Self>) -> Result<BTreeMap<Job, Arc<JobRows>>, ReadError> {
        let mut jobs: BTreeMap<Job, UnorderedRows> = BTreeMap::new();
        for (job, rows) in parts.into_iter().flat_map(|part| part.jobs) {
            match jobs.entry(job) {
                Entry::Occupied(mut entry) => entry.get_mut().append(rows)?,
                Entry::Vacant(entry) => _ = entry.insert(rows),
            }
        }
        Ok(jobs.into_iter().map(|(job, rows)| (job, Arc::new(rows.finish()))).collect())
    }
}

impl UnorderedRows {
    fn new(detail: Detail) -> Self {
        let details = (detail == Detail::All).then(Box::default);
        let hash = details.is_none().then(Sha256::new);
        Self { rows: JobRows { details, ..JobRows::default() }, hash }
    }

    fn add(
        &mut self,
        row: &Row<'_>,
        page: &PageContent<'_>,
        context: &Context<'_>,
        open: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        let (_, name) = row.key()?;
        let lease = row.lease_alone();
        let is_over = lease.lapsed(context.now) && !context.leases.may_keep(lease);
        if is_over && context.rules.detail == Detail::Followed {
            return self.add_row(name, lease, 0, 0, context);
        }
        let rows = &mut self.rows;
        if is_over {
            rows.left_out += 1;
            if context.leases.counts(lease) {
                rows.ended.push(lease);
                context.budget.take(size_of::<Lease>())?;
            }
            return match &mut rows.details {
                Some(details) => details.add_lapsed(row, page, context.rules.label_names, context.budget),
                None => Ok(()),
            };
        }
        match row.stored(context.rules.label_names) {
            Ok(group) => {
                let before = open.len();
                write_group(&group.group, page, open)?;
                self.add_row(name, group.lease, group.group.targets.len(), open.len() - before, context)?;
                self.rows.details.as_mut().map_or(Ok(()), |details| details.add(row, context.budget))
            }
            Err(TableError::Invalid(fault)) => {
                let details = if rows.details.is_some() { row.details() } else { RowDetails::default() };
                let row = BrokenRow { lease, fault, details };
                context.budget.take(row.size())?;
                rows.broken.push(row);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Adds a row whose JSON has `json` bytes.
    fn add_row(
        &mut self,
        name: &str,
        lease: Lease,
        targets: usize,
        json: usize,
        context: &Context<'_>,
    ) -> Result<(), ReadError> {
        let rows = &mut self.rows;
        if !lease.lapsed(context.now) {
            context.budget.serve(json)?;
        }
        let mut bytes = json + name.len() + size_of::<RowEnd>();
        if lease.end().is_some() {
            rows.leases.push(RowLease { row: rows.rows.len(), lease, targets });
            bytes += size_of::<RowLease>();
        }
        context.budget.take(bytes)?;
        rows.names.push_str(name);
        rows.targets += targets;
        let end = rows.rows.last().map_or(0, |row| row.json as usize) + json;
        rows.rows.push(RowEnd { name: small(rows.names.len())?, json: small(end)? });
        Ok(())
    }

    /// Adds the JSON of the last rows.
    fn add_piece(&mut self, json: Bytes, budget: &Budget) -> Result<(), ReadError> {
        if json.is_empty() {
            return Ok(());
        }
        budget.take(size_of::<Piece>())?;
        if let Some(hash) = &mut self.hash {
            hash.update(&json);
        }
        self.rows.push_piece(json);
        Ok(())
    }

    /// Adds the rows of another segment.
    fn append(&mut self, mut other: Self) -> Result<(), ReadError> {
        let (rows, others) = (&mut self.rows, &mut other.rows);
        let before = rows.rows.last().copied().unwrap_or(RowEnd { name: 0, json: 0 });
        let number = rows.rows.len();
        for row in &others.rows {
            let after = |before: u32, length: u32| small(before as usize + length as usize);
            rows.rows.push(RowEnd { name: after(before.name, row.name)?, json: after(before.json, row.json)? });
        }
        rows.leases.extend(others.leases.iter().map(|lease| RowLease { row: number + lease.row, ..*lease }));
        rows.names.push_str(&others.names);
        rows.ended.append(&mut others.ended);
        rows.broken.append(&mut others.broken);
        if let (Some(details), Some(others)) = (&mut rows.details, others.details.take()) {
            details.append(*others);
        }
        rows.left_out += others.left_out;
        rows.targets += others.targets;
        for piece in mem::take(&mut others.json) {
            rows.push_piece(piece.bytes);
        }
        self.hash = None;
        Ok(())
    }

    /// Returns the rows, sorted by name.
    fn finish(self) -> JobRows {
        let Self { mut rows, mut hash } = self;
        let count = rows.len();
        rows.broken.sort_by(|a, b| a.fault.group.cmp(&b.fault.group));
        if let Some(details) = &mut rows.details {
            details.lapsed.sort_by(|a, b| a.name.cmp(&b.name));
        }
        // In practice a Scan returns the rows of a job in order, but DynamoDB does not guarantee it.
        if !(1..count).all(|row| rows.name(row - 1) <= rows.name(row)) {
            rows = rows.in_order();
            hash = None;
        }
        rows.digest = hash.map(half).map_or_else(OnceLock::new, OnceLock::from);
        rows.shrink();
        rows
    }
}

/// Takes the JSON out of its buffer, without spare capacity.
fn take_piece(open: &mut Vec<u8>) -> Bytes {
    if open.len() < LEAST_MOVED {
        let piece = Bytes::copy_from_slice(open);
        open.clear();
        return piece;
    }
    // The next page is probably about as large. Returning more spare capacity would fragment the memory.
    let next = Vec::with_capacity(open.len() + open.len() / 16);
    let mut piece = mem::replace(open, next);
    piece.shrink_to_fit();
    piece.into()
}

/// Converts a length within a job to 32 bits.
pub(super) fn small(length: usize) -> Result<u32, ReadError> {
    u32::try_from(length).map_err(|_| ReadError::Encoding("the rows of a job are larger than 4 GB".into()))
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;

    const NOW: EpochSeconds = EpochSeconds(10_000);
    const RULES: RowRules =
        RowRules { label_names: LabelNames::Legacy, lease_grace: Duration::from_hours(1), detail: Detail::Served };

    /// Creates a page of rows, each given as job, name and further JSON.
    fn page(rows: &[(&str, &str, &str)]) -> Page {
        let row = |(job, name, rest): &(&str, &str, &str)| {
            format!(r#"{{"job":{{"S":"{job}"}},"group":{{"S":"{name}"}}{rest}}}"#)
        };
        let rows: Vec<String> = rows.iter().map(row).collect();
        Page::new(format!(r#"{{"Items":[{}]}}"#, rows.join(",")).into_bytes())
    }

    fn target(name: &str) -> String {
        format!(r#","targets":{{"L":[{{"S":"{name}:1"}}]}}"#)
    }

    fn leased(name: &str, end: i64) -> String {
        format!(r#"{},"expires_at":{{"N":"{end}"}}"#, target(name))
    }

    fn json(rows: &JobRows, range: Range<usize>) -> String {
        let bytes: Vec<u8> = rows.json(range).flatten().collect();
        String::from_utf8(bytes).unwrap()
    }

    fn rows(pages: &[Page], job: &str) -> Arc<JobRows> {
        let snapshot = Snapshot::of_pages(pages, RULES, NOW).unwrap();
        snapshot.jobs[&Job::new(job).unwrap()].clone()
    }

    #[test]
    fn rows_are_sorted_in_any_page_order() {
        let all: Vec<(String, String)> = ["a", "b", "c", "d", "e"].map(|name| (name.to_owned(), target(name))).into();
        let of = |order: &[&[usize]]| {
            let page = |numbers: &&[usize]| {
                let rows: Vec<_> = numbers.iter().map(|&i| ("j", all[i].0.as_str(), all[i].1.as_str())).collect();
                page(&rows)
            };
            rows(&order.iter().map(page).collect::<Vec<_>>(), "j")
        };
        let expected = of(&[&[0, 1, 2, 3, 4]]);
        let whole = json(&expected, 0..5);
        assert!(whole.starts_with(r#",{"targets":["a:1"],"labels":{}},{"targets":["b:1"]"#), "{whole}");
        let orders: [&[&[usize]]; 4] =
            [&[&[0, 1], &[2], &[3, 4]], &[&[4, 3, 2, 1, 0]], &[&[3, 4], &[0, 1, 2]], &[&[2], &[0, 4], &[1, 3]]];
        for order in orders {
            let rows = of(order);
            assert_eq!((rows.len(), rows.read(), rows.targets(), rows.digest()), (5, 5, 5, expected.digest()));
            for range in [0..0, 0..5, 0..1, 1..2, 4..5, 1..4, 2..5, 5..5] {
                assert_eq!(json(&rows, range.clone()), json(&expected, range.clone()), "{order:?} {range:?}");
            }
            assert_eq!((0..5).map(|row| rows.name(row)).collect::<String>(), "abcde");
        }
        assert_ne!(of(&[&[0, 1, 2, 3]]).digest(), expected.digest());
    }

    #[test]
    fn json_of_groups_equals_serde() {
        let targets = r#""targets":{"L":[{"S":"a\u00e9:1"},{"S":"b/\/:1"},{"S":"ä"},{"S":"c"}]}"#;
        let labels =
            r#""labels":{"M":{"z":{"S":"\"\\\n\u0001\ud83d\ude00"},"\u0061":{"S":""},"b":{"S":"é / \u007f"}}}"#;
        for rest in [format!(",{targets}"), format!(",{targets},{labels}"), r#","targets":{"SS":[]}"#.into()] {
            let page = page(&[("j", "g", &rest)]);
            let content = page.content().unwrap();
            let group = content.rows[0].stored(LabelNames::Legacy).unwrap().group;
            let rows = rows(std::slice::from_ref(&page), "j");
            assert_eq!(json(&rows, 0..1), format!(",{}", serde_json::to_string(&group).unwrap()));
        }
    }

    #[test]
    fn rows_are_grouped_by_job() {
        let (a, b) = (target("a"), target("b"));
        let pages = [page(&[("x", "1", &a), ("y", "1", &b), ("x", "2", &b)]), page(&[("y", "0", &a)])];
        assert_eq!(
            json(&rows(&pages, "x"), 0..2),
            r#",{"targets":["a:1"],"labels":{}},{"targets":["b:1"],"labels":{}}"#
        );
        assert_eq!(rows(&pages, "y").name(0), "0");
    }

    #[test]
    fn expired_rows_keep_only_counting_leases() {
        let kept = leased("kept", NOW.0 - 10);
        let counts = leased("counts", NOW.0 - 3700);
        let over = leased("over", NOW.0 - 5000);
        let broken = format!(r#","targets":{{"S":"?"}},"expires_at":{{"N":"{}"}}"#, NOW.0 - 5000);
        let may_be_kept = format!(r#","targets":{{"S":"?"}},"expires_at":{{"N":"{}"}}"#, NOW.0 - 10);
        let runs = leased("runs", NOW.0 + 1);
        let all = [
            ("j", "a", &*kept),
            ("j", "b", &*counts),
            ("j", "c", &*over),
            ("j", "d", &*broken),
            ("j", "e", &*may_be_kept),
            ("j", "f", &*runs),
        ];
        let rows = rows(&[page(&all)], "j");
        assert_eq!((rows.len(), rows.left_out(), rows.broken().len(), rows.read()), (2, 3, 1, 6));
        assert_eq!(rows.ended.len(), 1, "of the others nothing counts");
        assert_eq!(rows.leases().iter().map(|lease| (lease.row, lease.targets)).collect::<Vec<_>>(), [(0, 1), (1, 1)]);
        assert_eq!(
            rows.broken()[0].fault.to_string(),
            r#"group "e" of job "j": targets is a string (S), but must be a list or set of strings"#
        );
    }

    #[test]
    fn budget_counts_exact_bytes() {
        let broken = format!(r#","targets":{{"S":"?"}},"expires_at":{{"N":"{}"}}"#, NOW.0 + 10);
        let (plain, leased, ended) = (target("a"), leased("b", NOW.0 + 10), leased("c", NOW.0 - 3700));
        let page = page(&[
            ("x", "a", &plain),
            ("x", "b", &leased),
            ("x", "c", &ended),
            ("x", "d", &broken),
            ("y", "a", &plain),
        ]);
        let read = |memory: usize, answer: usize| {
            let budget = Budget::new(Some(memory), answer);
            let mut builder = Builder::new(RULES, NOW, &budget);
            builder.add(&page.content().unwrap())?;
            Ok::<_, ReadError>(Snapshot {
                jobs: Builder::finish(vec![builder])?,
                pages: 1,
                read_at: NOW,
                followed: None,
            })
        };
        let size = read(usize::MAX, usize::MAX).unwrap().size();
        assert!(read(size, usize::MAX).is_ok());
        assert_eq!(read(size - 1, usize::MAX).unwrap_err(), ReadError::OutOfMemory { memory: size - 1 });
        let served = 3 * r#",{"targets":["a:1"],"labels":{}}"#.len();
        assert!(read(size, served).is_ok());
        assert_eq!(read(size, served - 1).unwrap_err(), ReadError::TooLarge);
    }
}
