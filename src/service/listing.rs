//! Reading every page of a job, or of all jobs, into the bytes of an answer.

use std::ops::AddAssign;

use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use sha2::{Digest, Sha256};
use tokio::{task::yield_now, try_join};

use super::{
    Body, OnInvalid, ServiceError, Settings,
    list::List,
    memory,
    selection::{Scope, Selection},
    skipped::{self, Skipped},
};
use crate::{
    group::{EpochSeconds, Job, StoredGroupRef},
    table::{Page, Pages, Reading, Row, Table, TableError},
};

/// Parts of the table that are scanned side by side. Each costs at least half a read unit, and more than a few gain
/// nothing on the fraction of a core that a small function has.
const SEGMENTS: i32 = 4;
/// Rows from which targets are selected at a time.
const ROWS_SELECTED: usize = 16;
/// Jobs that are read side by side.
const JOBS: usize = 4;

/// A complete list of groups as JSON, and what it took to read it.
#[derive(Debug, Clone)]
pub(super) struct Listing {
    /// The JSON, ordered by job and group.
    pub(super) body: Body,
    /// A hash of the body in hex.
    pub(super) hash: String,
    /// When the first of the groups lapses, and the list with it.
    pub(super) valid_until: Option<EpochSeconds>,
    /// What was read.
    pub(super) counts: Counts,
}

/// What a read came to.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    pub(super) pages: usize,
    /// Rows read, whatever came of them.
    pub(super) rows: usize,
    /// Groups in the list.
    pub(super) groups: usize,
    /// Targets in the list.
    pub(super) targets: usize,
    /// Rows left out because their lease has ended.
    pub(super) lapsed: usize,
    /// Rows left out because they break the contract.
    pub(super) skipped: Skipped,
    /// Jobs that were asked for and have no row.
    pub(super) empty_jobs: Vec<Job>,
}

/// Reads everything that is asked for as of `now`. A page that cannot be had fails the whole read.
///
/// # Errors
/// [`ServiceError::Table`], or [`ServiceError::TooLarge`] as soon as the body outgrows `most` bytes, or
/// [`ServiceError::OutOfMemory`] before the function does.
pub(super) async fn read(
    table: &Table,
    selection: &Selection,
    settings: &Settings,
    now: EpochSeconds,
    most: usize,
    broken: skipped::Read<'_>,
) -> Result<Listing, ServiceError> {
    table.ensure_key().await?;
    let reader =
        |list| Reader { selection, settings, now, most, broken, list, valid_until: None, counts: Counts::default() };
    let read = match &selection.scope {
        Scope::Job(job) => reader(List::in_read_order()).read_job(table, job).await?,
        Scope::Jobs(jobs) => {
            let reads: Vec<_> = jobs.iter().map(|job| reader(List::in_read_order()).read_job(table, job)).collect();
            let mut reads = stream::iter(reads).buffered(JOBS);
            let mut all = reader(List::in_read_order());
            while let Some(next) = reads.try_next().await? {
                all.count(&next);
                all.list.append(next.list);
                all.check_size(all.list.len())?;
            }
            all
        }
        Scope::All => {
            let segments = (0..SEGMENTS).map(|i| reader(List::indexed()).read(table.segment(i, SEGMENTS)));
            let mut all = reader(List::in_read_order());
            let mut lists = Vec::new();
            for segment in try_join_all(segments).await? {
                all.count(&segment);
                lists.push(segment.list);
            }
            all.list = List::merge(&lists);
            all.check_size(all.list.len())?;
            all
        }
    };
    broken.complete(&selection.scope);
    let body = read.list.finish();
    let mut hash = Sha256::new();
    body.pieces().iter().for_each(|piece| hash.update(piece));
    let hash = hex::encode(&hash.finalize()[..16]);
    Ok(Listing { body, hash, valid_until: read.valid_until, counts: read.counts })
}

/// Turns rows into JSON as their page arrives, so that memory grows with the bytes served.
struct Reader<'a> {
    selection: &'a Selection,
    settings: &'a Settings,
    now: EpochSeconds,
    most: usize,
    broken: skipped::Read<'a>,
    list: List,
    valid_until: Option<EpochSeconds>,
    counts: Counts,
}

impl Reader<'_> {
    async fn read_job(self, table: &Table, job: &Job) -> Result<Self, ServiceError> {
        let mut read = self.read(table.job(job)).await?;
        if read.counts.rows == 0 {
            read.counts.empty_jobs.push(job.clone());
        }
        Ok(read)
    }

    async fn read(mut self, mut pages: Pages) -> Result<Self, ServiceError> {
        let mut page = Some(pages.first().await?);
        while let Some(current) = page {
            self.counts.pages += 1;
            let content = current.content()?;
            // Lets the connection that the page came by become free for the next one. Pages that are there already must
            // not keep the deadline from being noticed, either.
            yield_now().await;
            let next = async { Ok(pages.next(content.next).await?) };
            (page, ()) = try_join!(next, self.encode(&current, &content.rows))?;
        }
        Ok(self)
    }

    /// Writes a page's groups, while the request for the next page is under way.
    async fn encode(&mut self, page: &Page, rows: &[Row<'_>]) -> Result<(), ServiceError> {
        yield_now().await;
        memory::check(self.settings.memory)?;
        let mut piece = self.list.piece(page.len());
        for row in rows {
            self.counts.rows += 1;
            match row.read(self.settings.label_names, self.now) {
                Ok(Reading::Served(mut stored)) => {
                    if select(self.selection, &mut stored) {
                        piece.push(&stored)?;
                        self.valid_until = earlier(self.valid_until, stored.lease.end());
                        self.counts.groups += 1;
                        self.counts.targets += stored.group.targets.len();
                    }
                }
                Ok(Reading::Lapsed) => self.counts.lapsed += 1,
                Err(TableError::Invalid(invalid)) if self.settings.on_invalid == OnInvalid::Skip => {
                    self.broken.met(&invalid);
                    self.counts.skipped.add(&invalid.job, &invalid.group);
                }
                Err(error) => return Err(error.into()),
            }
            // However much work a caller makes of regular expressions, the deadline is to be noticed.
            if self.selection.selectors.is_some() && self.counts.rows.is_multiple_of(ROWS_SELECTED) {
                yield_now().await;
            }
        }
        let len = piece.list_len();
        piece.finish();
        self.check_size(len)
    }

    /// Makes sure that a list of so many bytes can be sent.
    fn check_size(&self, len: usize) -> Result<(), ServiceError> {
        if len > self.most {
            return Err(ServiceError::TooLarge { mode: self.settings.response_mode, most: self.most });
        }
        Ok(())
    }

    /// Adds what another reader has seen.
    fn count(&mut self, other: &Self) {
        self.valid_until = earlier(self.valid_until, other.valid_until);
        self.counts += &other.counts;
    }
}

/// Leaves of a group what is asked for. Returns whether anything is left.
fn select(selection: &Selection, stored: &mut StoredGroupRef<'_>) -> bool {
    if let Some(shard) = selection.shard {
        stored.group.targets.retain(|target| shard.has(target));
        if stored.group.targets.is_empty() {
            return false;
        }
    }
    if let Some(selectors) = &selection.selectors {
        let labels = &stored.group.labels;
        let label = |name: &str| labels.iter().find(|(label, _)| *label == name).map(|(_, value)| *value);
        let part = selectors.of_group(stored.job, stored.name, label);
        stored.group.targets.retain(|target| part.has(target));
        if stored.group.targets.is_empty() {
            return false;
        }
    }
    if selection.meta {
        stored.add_meta_labels();
    }
    true
}

impl AddAssign<&Self> for Counts {
    fn add_assign(&mut self, other: &Self) {
        self.pages += other.pages;
        self.rows += other.rows;
        self.groups += other.groups;
        self.targets += other.targets;
        self.lapsed += other.lapsed;
        self.skipped += &other.skipped;
        self.empty_jobs.extend_from_slice(&other.empty_jobs);
    }
}

fn earlier(a: Option<EpochSeconds>, b: Option<EpochSeconds>) -> Option<EpochSeconds> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
