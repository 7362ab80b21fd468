//! The source of rows for requests: the table, or the cache of an earlier read.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use tokio::{sync::Mutex, task::yield_now};

use super::{Budget, Detail, JobRows, Pages, ReadError, RowRules, Snapshot, Table, builder::Builder};
use crate::group::{EpochSeconds, Job};

/// The number of segments of a parallel Scan. Each segment costs at least half a read unit, and a small function has
/// only a fraction of a core.
const SEGMENTS: i32 = 4;
/// The number of jobs that are read in parallel.
const JOBS: usize = 4;
/// The maximum size of the cache if the memory has no limit, in bytes.
const MOST_CACHED: usize = 256 * 1024 * 1024;

/// The rows that a request needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The rows of one job.
    Job(Job),
    /// The rows of several jobs.
    Jobs(BTreeSet<Job>),
    /// The rows of all jobs.
    All,
}

/// The rows of a table, with a cache.
#[derive(Debug)]
pub struct Source {
    table: Table,
    rules: RowRules,
    /// The time for which rows are cached. Zero turns the cache off.
    time_to_live: Duration,
    /// The maximum size of all rows in memory, in bytes.
    memory: Option<usize>,
    cache: Mutex<Cache>,
}

/// The rows read within the time to live.
#[derive(Debug, Default)]
struct Cache {
    jobs: BTreeMap<Job, CachedJob>,
    /// The time of the read of the whole table, if `jobs` contains all jobs.
    whole: Option<EpochSeconds>,
}

#[derive(Debug)]
struct CachedJob {
    rows: Arc<JobRows>,
    read_at: EpochSeconds,
    detail: Detail,
}

impl Source {
    /// Creates a source. Rows are cached for `time_to_live` and need at most `memory` bytes.
    #[must_use]
    pub fn new(table: Table, rules: RowRules, time_to_live: Duration, memory: Option<usize>) -> Self {
        Self { table, rules, time_to_live, memory, cache: Mutex::default() }
    }

    /// Returns the table.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Returns the current rows, or cached rows within the time to live. `list` is the maximum size of a list of all
    /// these rows, in bytes.
    ///
    /// With a cache, concurrent requests share one read.
    ///
    /// # Errors
    /// [`ReadError`]. Rows read before an error are dropped.
    pub async fn current(
        &self,
        scope: &Scope,
        detail: Detail,
        now: EpochSeconds,
        list: usize,
    ) -> Result<Snapshot, ReadError> {
        if self.time_to_live.is_zero() {
            return self.read(scope, detail, now, Budget::new(self.memory, list)).await;
        }
        let mut cache = self.cache.lock().await;
        cache.drop_stale(now, self.time_to_live);
        if let Some(cached) = cache.find(scope, detail) {
            return Ok(cached);
        }
        // The cached rows also serve requests that select fewer targets, so their size is not limited here.
        let budget =
            |cache: &Cache| Budget::new(self.memory.map(|memory| memory.saturating_sub(cache.size())), usize::MAX);
        let snapshot = match self.read(scope, detail, now, budget(&cache)).await {
            Err(ReadError::OutOfMemory { .. }) if !cache.jobs.is_empty() => {
                *cache = Cache::default();
                self.read(scope, detail, now, budget(&cache)).await?
            }
            read => read?,
        };
        cache.put(scope, detail, &snapshot, now, self.memory.unwrap_or(MOST_CACHED));
        Ok(snapshot)
    }

    async fn read(
        &self,
        scope: &Scope,
        detail: Detail,
        now: EpochSeconds,
        budget: Budget,
    ) -> Result<Snapshot, ReadError> {
        self.table.ensure_key().await?;
        let rules = RowRules { detail, ..self.rules };
        let part = |pages| read_part(pages, Builder::new(rules, now, &budget));
        let parts: Vec<(Builder<'_>, usize)> = match scope {
            Scope::Job(job) => vec![part(self.table.job(job, detail)).await?],
            Scope::Jobs(jobs) => {
                let reads: Vec<_> = jobs.iter().map(|job| part(self.table.job(job, detail))).collect();
                stream::iter(reads).buffered(JOBS).try_collect().await?
            }
            Scope::All => try_join_all((0..SEGMENTS).map(|i| part(self.table.segment(i, SEGMENTS, detail)))).await?,
        };
        let pages = parts.iter().map(|(_, pages)| pages).sum();
        let mut jobs = Builder::finish(parts.into_iter().map(|(builder, _)| builder).collect())?;
        for job in scope.named() {
            jobs.entry(job.clone()).or_default();
        }
        Ok(Snapshot { jobs, pages, read_at: now })
    }
}

/// Reads all pages of a job or a segment. Returns the number of pages.
async fn read_part(mut pages: Pages, mut builder: Builder<'_>) -> Result<(Builder<'_>, usize), ReadError> {
    let (mut page, mut count) = (Some(pages.first().await?), 0);
    while let Some(current) = page {
        count += 1;
        let content = current.content()?;
        // Yields so that the connection of this page is free for the next one, and so that the deadline is checked even
        // if every page is ready at once.
        yield_now().await;
        // Requests the next page before adding this one, and drops this one before the next one arrives.
        let mut next = pin!(pages.next(content.next.clone()));
        let asked = poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await;
        yield_now().await;
        builder.add(&content)?;
        drop(content);
        drop(current);
        page = match asked {
            Poll::Ready(next) => next?,
            Poll::Pending => next.await?,
        };
    }
    Ok((builder, count))
}

impl Scope {
    /// Returns the jobs that the request names.
    fn named(&self) -> Box<dyn Iterator<Item = &Job> + '_> {
        match self {
            Self::Job(job) => Box::new(std::iter::once(job)),
            Self::Jobs(jobs) => Box::new(jobs.iter()),
            Self::All => Box::new(std::iter::empty()),
        }
    }
}

impl Cache {
    /// Drops rows older than the time to live. A clock set back drops all rows read after its time.
    fn drop_stale(&mut self, now: EpochSeconds, time_to_live: Duration) {
        let seconds = i64::try_from(time_to_live.as_secs()).unwrap_or(i64::MAX);
        let is_fresh = |read_at: EpochSeconds| (0..seconds).contains(&now.0.saturating_sub(read_at.0));
        self.whole = self.whole.filter(|read_at| is_fresh(*read_at));
        self.jobs.retain(|_, job| is_fresh(job.read_at));
    }

    /// Returns the rows of a scope if all of them are cached with enough details.
    fn find(&self, scope: &Scope, detail: Detail) -> Option<Snapshot> {
        let rows =
            |(job, cached): (&Job, &CachedJob)| (cached.detail >= detail).then(|| (job.clone(), cached.rows.clone()));
        let jobs: Option<BTreeMap<Job, Arc<JobRows>>> = match scope {
            Scope::All => self.whole.and_then(|_| self.jobs.iter().map(rows).collect()),
            _ => scope
                .named()
                .map(|job| match self.jobs.get_key_value(job) {
                    Some(found) => rows(found),
                    // The whole table is cached, so the job has no rows.
                    None => self.whole.map(|_| (job.clone(), Arc::default())),
                })
                .collect(),
        };
        let jobs = jobs?;
        let times = jobs.keys().map(|job| self.jobs.get(job).map(|cached| cached.read_at).or(self.whole));
        let read_at = times.min().flatten().or(self.whole).unwrap_or_default();
        Some(Snapshot { jobs, pages: 0, read_at })
    }

    /// Caches a snapshot. If the cache exceeds `most` bytes, drops the other rows, then all rows.
    fn put(&mut self, scope: &Scope, detail: Detail, snapshot: &Snapshot, now: EpochSeconds, most: usize) {
        let is_whole = matches!(scope, Scope::All);
        if is_whole {
            *self = Self { whole: Some(now), ..Self::default() };
        }
        let cached = |rows: &Arc<JobRows>| CachedJob { rows: rows.clone(), read_at: now, detail };
        let read = || snapshot.jobs.iter().map(|(job, rows)| (job.clone(), cached(rows)));
        self.jobs.extend(read());
        if self.size() > most {
            self.jobs = read().collect();
            self.whole = self.whole.filter(|_| is_whole);
        }
        if self.size() > most {
            *self = Self::default();
        }
    }

    fn size(&self) -> usize {
        self.jobs.iter().map(|(job, cached)| job.as_str().len() + cached.rows.size()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Page;

    const MINUTE: Duration = Duration::from_mins(1);

    fn job(name: &str) -> Job {
        Job::new(name).unwrap()
    }

    /// Creates a snapshot of jobs with one row each.
    fn snapshot(jobs: &[&str]) -> Snapshot {
        let row = |job: &&str| format!(r#"{{"job":{{"S":"{job}"}},"group":{{"S":"g"}},"targets":{{"L":[]}}}}"#);
        let rows: Vec<String> = jobs.iter().map(row).collect();
        let page = Page::new(format!(r#"{{"Items":[{}]}}"#, rows.join(",")).into_bytes());
        Snapshot::of_pages(&[page], RowRules::default(), EpochSeconds(0)).unwrap()
    }

    /// Returns the cached jobs of a scope with their numbers of rows.
    fn found(cache: &Cache, scope: &Scope) -> Option<Vec<(String, usize)>> {
        let snapshot = cache.find(scope, Detail::Served)?;
        Some(snapshot.jobs.into_iter().map(|(job, rows)| (job.into_string(), rows.read())).collect())
    }

    fn one(name: &str) -> Scope {
        Scope::Job(job(name))
    }

    #[test]
    fn rows_are_cached_for_the_time_to_live() {
        for (now, is_there) in [(1000, true), (1059, true), (1060, false), (999, false), (i64::MIN, false)] {
            let mut cache = Cache::default();
            cache.put(&one("a"), Detail::Served, &snapshot(&["a"]), EpochSeconds(1000), usize::MAX);
            cache.drop_stale(EpochSeconds(now), MINUTE);
            assert_eq!(found(&cache, &one("a")).is_some(), is_there, "a job at {now}");
            cache.put(&Scope::All, Detail::Served, &snapshot(&["a", "b"]), EpochSeconds(1000), usize::MAX);
            cache.drop_stale(EpochSeconds(now), MINUTE);
            assert_eq!(found(&cache, &Scope::All).is_some(), is_there, "all jobs at {now}");
        }
    }

    #[test]
    fn cache_serves_only_complete_scopes() {
        let both = Scope::Jobs([job("a"), job("b")].into());
        let mut cache = Cache::default();
        cache.put(&one("a"), Detail::Served, &snapshot(&["a"]), EpochSeconds(0), usize::MAX);
        assert_eq!(found(&cache, &one("a")), Some(vec![("a".into(), 1)]));
        for scope in [&one("b"), &both, &Scope::All] {
            assert_eq!(found(&cache, scope), None, "{scope:?}");
        }
        cache.put(&one("b"), Detail::Served, &snapshot(&["b"]), EpochSeconds(0), usize::MAX);
        assert_eq!(found(&cache, &both), Some(vec![("a".into(), 1), ("b".into(), 1)]));
        assert_eq!(found(&cache, &Scope::All), None);
        // With the whole table cached, a missing job has no rows.
        cache.put(&Scope::All, Detail::Served, &snapshot(&["b", "c"]), EpochSeconds(0), usize::MAX);
        assert_eq!(found(&cache, &both), Some(vec![("a".into(), 0), ("b".into(), 1)]));
        assert_eq!(found(&cache, &Scope::All), Some(vec![("b".into(), 1), ("c".into(), 1)]));
    }

    #[test]
    fn full_cache_keeps_the_last_read() {
        let (a, b) = (snapshot(&["a"]), snapshot(&["b"]));
        let one_job = a.size();
        let mut cache = Cache::default();
        for (snapshot, name) in [(&a, "a"), (&b, "b")] {
            cache.put(&one(name), Detail::Served, snapshot, EpochSeconds(0), 2 * one_job - 1);
        }
        assert_eq!(found(&cache, &one("a")), None);
        assert_eq!(found(&cache, &one("b")), Some(vec![("b".into(), 1)]));
        cache.put(&Scope::All, Detail::Served, &snapshot(&["a", "b"]), EpochSeconds(0), 2 * one_job);
        assert_eq!(cache.size(), 2 * one_job);
        assert!(found(&cache, &Scope::All).is_some());
        cache.put(&Scope::All, Detail::Served, &snapshot(&["a", "b"]), EpochSeconds(0), 2 * one_job - 1);
        assert_eq!((found(&cache, &Scope::All), found(&cache, &one("b")), cache.size()), (None, None, 0));
        // A job that replaces the cached table does not count as the whole table.
        cache.put(&Scope::All, Detail::Served, &snapshot(&["a"]), EpochSeconds(0), one_job);
        cache.put(&one("b"), Detail::Served, &b, EpochSeconds(0), one_job);
        assert_eq!((found(&cache, &Scope::All), found(&cache, &one("b")).is_some()), (None, true));
    }
}
