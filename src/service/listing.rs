//! Reading every page of a job, or of all jobs, into the bytes of an answer.

use std::ops::{AddAssign, Range};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use sha2::{Digest, Sha256};
use tokio::task::yield_now;
use tracing::warn;

use super::{
    OnInvalid, ServiceError, Settings,
    selection::{Scope, Selection},
};
use crate::{
    group::{EpochSeconds, GroupName, Job, StoredGroup},
    table::{Pages, Reading, Table, TableError},
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
    pub(super) body: Bytes,
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
    pub(super) skipped: usize,
    /// Jobs that were asked for and have no row.
    pub(super) empty_jobs: Vec<Job>,
}

/// Reads everything that is asked for as of `now`. A page that cannot be had fails the whole read.
///
/// # Errors
/// [`ServiceError::Table`], or [`ServiceError::TooLarge`] as soon as the body outgrows `most` bytes.
pub(super) async fn read(
    table: &Table,
    selection: &Selection,
    settings: &Settings,
    now: EpochSeconds,
    most: usize,
) -> Result<Listing, ServiceError> {
    table.ensure_key().await?;
    let encoder = |list| Encoder { selection, settings, now, most, list };
    let list = match &selection.scope {
        Scope::Job(job) => encoder(List::in_read_order()).read_job(table, job).await?,
        Scope::Jobs(jobs) => {
            let reads: Vec<_> = jobs.iter().map(|job| encoder(List::in_read_order()).read_job(table, job)).collect();
            let mut lists = stream::iter(reads).buffered(JOBS);
            let mut all = List::in_read_order();
            while let Some(list) = lists.try_next().await? {
                all.append(&list);
                // It is refused below, before the other jobs take their memory.
                if all.body.len() > most {
                    break;
                }
            }
            all
        }
        Scope::All => {
            let segments = (0..SEGMENTS).map(|i| encoder(List::indexed()).read(table.segment(i, SEGMENTS)));
            List::merge(&try_join_all(segments).await?)
        }
    };
    if list.body.len() > most {
        return Err(ServiceError::TooLarge { mode: settings.response_mode, most });
    }
    Ok(list.finish())
}

/// Turns rows into JSON as their page arrives, so that memory grows with the bytes served.
struct Encoder<'a> {
    selection: &'a Selection,
    settings: &'a Settings,
    now: EpochSeconds,
    most: usize,
    list: List,
}

impl Encoder<'_> {
    async fn read_job(self, table: &Table, job: &Job) -> Result<List, ServiceError> {
        let mut list = self.read(table.job(job)).await?;
        if list.counts.rows == 0 {
            list.counts.empty_jobs.push(job.clone());
        }
        Ok(list)
    }

    async fn read(mut self, mut pages: Pages) -> Result<List, ServiceError> {
        while let Some(rows) = pages.next().await? {
            self.list.counts.pages += 1;
            for row in rows {
                self.list.counts.rows += 1;
                match row.read(self.settings.label_names, self.now) {
                    Ok(Reading::Served(group)) => self.push(group)?,
                    Ok(Reading::Lapsed) => self.list.counts.lapsed += 1,
                    Err(TableError::Invalid(invalid)) if self.settings.on_invalid == OnInvalid::Skip => {
                        warn!(event = "invalid_group", job = invalid.job, group = invalid.group, "left out: {invalid}");
                        self.list.counts.skipped += 1;
                    }
                    Err(error) => return Err(error.into()),
                }
                // However much work a caller makes of regular expressions, the deadline is to be noticed.
                if self.selection.selectors.is_some() && self.list.counts.rows.is_multiple_of(ROWS_SELECTED) {
                    yield_now().await;
                }
            }
            // Pages that are there already must not keep the deadline from being noticed.
            yield_now().await;
        }
        Ok(self.list)
    }

    fn push(&mut self, mut stored: StoredGroup) -> Result<(), ServiceError> {
        if let Some(shard) = self.selection.shard {
            stored.group.targets.retain(|target| shard.has(target));
            if stored.group.targets.is_empty() {
                return Ok(());
            }
        }
        if let Some(selectors) = &self.selection.selectors {
            let labels = &stored.group.labels;
            let label = |name: &str| labels.iter().find(|(label, _)| label.as_str() == name).map(|(_, value)| &**value);
            let part = selectors.of_group(stored.job.as_str(), stored.name.as_str(), label);
            stored.group.targets.retain(|target| part.has(target.as_str()));
            if stored.group.targets.is_empty() {
                return Ok(());
            }
        }
        if self.selection.meta {
            stored.group.add_meta_labels(&stored.job, &stored.name);
        }
        self.list.push(stored)?;
        if self.list.body.len() > self.most {
            return Err(ServiceError::TooLarge { mode: self.settings.response_mode, most: self.most });
        }
        Ok(())
    }
}

/// Groups as JSON, after an opening bracket and each followed by a comma.
struct List {
    body: Vec<u8>,
    /// Whose JSON is where in `body`, if it has still to be put in order.
    index: Option<Vec<Entry>>,
    valid_until: Option<EpochSeconds>,
    counts: Counts,
}

/// A group's place in the order and in the body.
struct Entry {
    job: Job,
    name: GroupName,
    at: Range<usize>,
}

impl List {
    /// For a Query, which returns groups in order.
    fn in_read_order() -> Self {
        Self { body: vec![b'['], index: None, valid_until: None, counts: Counts::default() }
    }

    /// For a Scan, which does not.
    fn indexed() -> Self {
        Self { index: Some(Vec::new()), ..Self::in_read_order() }
    }

    fn push(&mut self, stored: StoredGroup) -> Result<(), ServiceError> {
        let start = self.body.len();
        serde_json::to_writer(&mut self.body, &stored.group).map_err(|e| ServiceError::Encoding(e.to_string()))?;
        self.body.push(b',');
        if let Some(index) = &mut self.index {
            index.push(Entry { job: stored.job, name: stored.name, at: start..self.body.len() });
        }
        self.valid_until = earlier(self.valid_until, stored.lease.end());
        self.counts.groups += 1;
        self.counts.targets += stored.group.targets.len();
        Ok(())
    }

    /// Adds what comes after it.
    fn append(&mut self, next: &Self) {
        self.body.extend_from_slice(&next.body[1..]);
        self.add_counts(next);
    }

    fn add_counts(&mut self, part: &Self) {
        self.valid_until = earlier(self.valid_until, part.valid_until);
        self.counts += &part.counts;
    }

    /// One list of several, by job and then group: the same table gives the same bytes.
    fn merge(parts: &[Self]) -> Self {
        let mut entries: Vec<(&Entry, &[u8])> = parts
            .iter()
            .flat_map(|part| part.index.iter().flatten().map(|entry| (entry, &part.body[entry.at.clone()])))
            .collect();
        entries.sort_unstable_by(|(a, _), (b, _)| (&a.job, &a.name).cmp(&(&b.job, &b.name)));
        let mut merged = Self::in_read_order();
        merged.body.reserve(parts.iter().map(|part| part.body.len()).sum());
        for (_, json) in entries {
            merged.body.extend_from_slice(json);
        }
        for part in parts {
            merged.add_counts(part);
        }
        merged
    }

    fn finish(mut self) -> Listing {
        match self.body.last_mut() {
            Some(comma @ b',') => *comma = b']',
            _ => self.body.push(b']'),
        }
        let hash = hex::encode(&Sha256::digest(&self.body)[..16]);
        Listing { body: self.body.into(), hash, valid_until: self.valid_until, counts: self.counts }
    }
}

impl AddAssign<&Self> for Counts {
    fn add_assign(&mut self, other: &Self) {
        self.pages += other.pages;
        self.rows += other.rows;
        self.groups += other.groups;
        self.targets += other.targets;
        self.lapsed += other.lapsed;
        self.skipped += other.skipped;
        self.empty_jobs.extend_from_slice(&other.empty_jobs);
    }
}

fn earlier(a: Option<EpochSeconds>, b: Option<EpochSeconds>) -> Option<EpochSeconds> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
