//! Reading every page of a job, or of all jobs, into the bytes of an answer.

use std::{iter, ops::AddAssign};

use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use sha2::{Digest, Sha256};
use tokio::{task::yield_now, try_join};

use super::{
    Body, OnInvalid, ServiceError, Settings,
    lapsed::{Decision, Lapsed, Together},
    list::{List, Place},
    memory,
    selection::{Scope, Selection},
    skipped::{self, Skipped},
};
use crate::{
    group::{EpochSeconds, Job, LAPSED, META_LEASE, StoredGroupRef},
    table::{Page, Pages, Reading, Row, Table, TableError},
};

/// Parts of the table that are scanned side by side. Each costs at least half a read unit, and more than a few gain
/// nothing on the fraction of a core that a small function has.
const SEGMENTS: i32 = 4;
/// Jobs that are read side by side.
const JOBS: usize = 4;

/// A complete list of groups as JSON, and what it took to read it.
#[derive(Debug, Clone)]
pub(super) struct Listing {
    /// The JSON, ordered by job and group.
    pub(super) body: Body,
    /// A hash of the body in hex.
    pub(super) hash: String,
    /// When the first of the groups lapses, or another lapsed one may be kept, so that the list is another one.
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
    /// Groups in the list although their lease has ended, because it has lapsed together with others.
    pub(super) kept: usize,
    /// Rows left out because they break the contract.
    pub(super) skipped: Skipped,
    /// Jobs that were asked for and have no row.
    pub(super) empty_jobs: Vec<Job>,
    /// Jobs whose leases have lapsed together.
    pub(super) together: Vec<Together>,
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
    let reader = |list| Reader {
        selection,
        settings,
        now,
        most,
        broken,
        list,
        lapsed: Lapsed::new(now, settings.lease_grace),
        valid_until: None,
        counts: Counts::default(),
    };
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
            let mut segments = try_join_all(segments).await?;
            let decision = Decision::of(segments.iter_mut().map(|segment| &mut segment.lapsed));
            for mut segment in segments {
                lists.extend(segment.keep(&decision)?.map(|(kept, _)| kept));
                all.count(&segment);
                lists.push(segment.list);
            }
            all.decided(&decision);
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
    lapsed: Lapsed,
    valid_until: Option<EpochSeconds>,
    counts: Counts,
}

impl Reader<'_> {
    async fn read_job(self, table: &Table, job: &Job) -> Result<Self, ServiceError> {
        let mut read = self.read(table.job(job)).await?;
        if read.counts.rows == 0 {
            read.counts.empty_jobs.push(job.clone());
        }
        let decision = Decision::of(iter::once(&mut read.lapsed));
        if let Some((kept, places)) = read.keep(&decision)? {
            read.list.insert(&kept, &places);
            read.check_size(read.list.len())?;
        }
        read.decided(&decision);
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
        let mut piece = self.list.piece(page.size());
        for row in rows {
            self.counts.rows += 1;
            match row.read(self.settings.label_names, self.now) {
                Ok(Reading::Served(mut stored)) => {
                    self.lapsed.add(stored.job, stored.lease);
                    if select(self.selection, &mut stored, false) {
                        piece.push(&stored)?;
                        self.valid_until = EpochSeconds::earlier(self.valid_until, stored.lease.end());
                        self.counts.groups += 1;
                        self.counts.targets += stored.group.targets.len();
                    }
                }
                Ok(Reading::Lapsed(job, lease)) => {
                    self.counts.lapsed += 1;
                    if let Some(end) = self.lapsed.add(job, lease) {
                        match row.stored(self.settings.label_names) {
                            Ok(mut stored) => {
                                if select(self.selection, &mut stored, true) {
                                    self.lapsed.push(&stored, end, piece.place())?;
                                }
                            }
                            Err(TableError::Invalid(invalid)) => self.lapsed.push_broken(invalid, end),
                            Err(error) => return Err(error.into()),
                        }
                    }
                }
                Err(TableError::Invalid(invalid)) if self.settings.on_invalid == OnInvalid::Skip => {
                    self.lapsed.add(&invalid.job, row.lease_alone());
                    self.broken.met(&invalid);
                    self.counts.skipped.add(&invalid.job, &invalid.group);
                }
                Err(error) => return Err(error.into()),
            }
            // However much work a caller makes of regular expressions, the deadline is to be noticed.
            if self.selection.selectors.is_some() {
                yield_now().await;
            }
        }
        let len = piece.list_len();
        piece.finish();
        self.check_size(len)
    }

    /// What is kept of the lapsed groups that were read, and the places at which they belong into the list. They are counted
    /// as if they were in it.
    fn keep(&mut self, decision: &Decision) -> Result<Option<(List, Vec<Place>)>, ServiceError> {
        let rest = self.lapsed.rest(decision);
        for invalid in rest.broken {
            if self.settings.on_invalid == OnInvalid::Fail {
                return Err(TableError::Invalid(invalid).into());
            }
            self.broken.met(&invalid);
            self.counts.skipped.add(&invalid.job, &invalid.group);
        }
        let counts = &mut self.counts;
        counts.kept += rest.places.len();
        counts.groups += rest.places.len();
        counts.targets += rest.targets;
        Ok(Some((rest.list, rest.places)).filter(|(_, places)| !places.is_empty()))
    }

    /// Notes what was decided about the leases of all rows that were read and counted.
    fn decided(&mut self, decision: &Decision) {
        self.valid_until = EpochSeconds::earlier(self.valid_until, decision.until());
        self.counts.lapsed -= decision.count();
        self.counts.together.extend(decision.together());
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
        self.valid_until = EpochSeconds::earlier(self.valid_until, other.valid_until);
        self.counts += &other.counts;
    }
}

/// Leaves of a group what is asked for. Returns whether anything is left.
fn select(selection: &Selection, stored: &mut StoredGroupRef<'_>, lapsed: bool) -> bool {
    if let Some(shard) = selection.shard {
        stored.group.targets.retain(|target| shard.has(target));
        if stored.group.targets.is_empty() {
            return false;
        }
    }
    if let Some(selectors) = &selection.selectors {
        let labels = &stored.group.labels;
        let label = |name: &str| match name {
            META_LEASE => lapsed.then_some(LAPSED),
            _ => labels.iter().find(|(label, _)| *label == name).map(|(_, value)| *value),
        };
        let part = selectors.of_group(stored.job, stored.name, label);
        stored.group.targets.retain(|target| part.has(target));
        if stored.group.targets.is_empty() {
            return false;
        }
    }
    if selection.meta {
        stored.add_meta_labels(lapsed);
    }
    true
}

impl Counts {
    /// Roughly what the names in it take, in bytes.
    pub(super) fn size(&self) -> usize {
        let together = self.together.iter().map(|together| size_of::<Together>() + together.job.len());
        self.skipped.size() + together.sum::<usize>()
    }
}

impl AddAssign<&Self> for Counts {
    fn add_assign(&mut self, other: &Self) {
        self.pages += other.pages;
        self.rows += other.rows;
        self.groups += other.groups;
        self.targets += other.targets;
        self.lapsed += other.lapsed;
        self.kept += other.kept;
        self.skipped += &other.skipped;
        self.empty_jobs.extend_from_slice(&other.empty_jobs);
        self.together.extend_from_slice(&other.together);
    }
}
