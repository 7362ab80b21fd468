//! Where requests get the rows from that they need: the table, or the cache of an earlier read.

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

use super::{Budget, JobRows, Pages, ReadError, RowRules, Snapshot, Table, builder::Builder};
use crate::group::{EpochSeconds, Job};

/// Parts of the table that are scanned side by side. Each costs at least half a read unit, and more than a few gain
/// nothing on the fraction of a core that a small function has.
const SEGMENTS: i32 = 4;
/// Jobs that are read side by side.
const JOBS: usize = 4;
/// The most bytes of cached rows where the memory has no limit.
const MOST_CACHED: usize = 256 * 1024 * 1024;

/// Which rows are needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Those of one job.
    Job(Job),
    /// Those of these jobs.
    Jobs(BTreeSet<Job>),
    /// Those of every job.
    All,
}

/// The rows of a table, and a cache of those that were read lately.
#[derive(Debug)]
pub struct Source {
    table: Table,
    rules: RowRules,
    /// For how long rows are cached; zero for not at all.
    time_to_live: Duration,
    /// How many bytes rows may take.
    memory: Option<usize>,
    cache: Mutex<Cache>,
}

/// Rows that were read within the time to live.
#[derive(Debug, Default)]
struct Cache {
    jobs: BTreeMap<Job, CachedJob>,
    /// When the whole table was read, if `jobs` has all of it.
    whole: Option<EpochSeconds>,
}

#[derive(Debug)]
struct CachedJob {
    rows: Arc<JobRows>,
    read_at: EpochSeconds,
}

impl Source {
    /// The rows of a table, each cached for that long, in so many bytes of memory.
    #[must_use]
    pub fn new(table: Table, rules: RowRules, time_to_live: Duration, memory: Option<usize>) -> Self {
        Self { table, rules, time_to_live, memory, cache: Mutex::default() }
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The rows as they are, or as they were within the time to live. `answer` is the most bytes that an answer may have which
    /// is made of all of them.
    ///
    /// Requests at the same time share one read if rows are cached.
    ///
    /// # Errors
    /// [`ReadError`]. What was read before an error is no snapshot.
    pub async fn current(&self, scope: &Scope, now: EpochSeconds, answer: usize) -> Result<Snapshot, ReadError> {
        if self.time_to_live.is_zero() {
            return self.read(scope, now, Budget::new(self.memory, answer)).await;
        }
        let mut cache = self.cache.lock().await;
        cache.forget_stale(now, self.time_to_live);
        if let Some(jobs) = cache.find(scope) {
            return Ok(Snapshot { jobs, pages: 0 });
        }
        // Nothing says that the next answer is made of all rows, too.
        let budget =
            |cache: &Cache| Budget::new(self.memory.map(|memory| memory.saturating_sub(cache.size())), usize::MAX);
        let snapshot = match self.read(scope, now, budget(&cache)).await {
            Err(ReadError::OutOfMemory { .. }) if !cache.jobs.is_empty() => {
                *cache = Cache::default();
                self.read(scope, now, budget(&cache)).await?
            }
            read => read?,
        };
        cache.put(scope, &snapshot, now, self.memory.unwrap_or(MOST_CACHED));
        Ok(snapshot)
    }

    async fn read(&self, scope: &Scope, now: EpochSeconds, budget: Budget) -> Result<Snapshot, ReadError> {
        self.table.ensure_key().await?;
        let part = |pages| read_part(pages, Builder::new(self.rules, now, &budget));
        let parts: Vec<(Builder<'_>, usize)> = match scope {
            Scope::Job(job) => vec![part(self.table.job(job)).await?],
            Scope::Jobs(jobs) => {
                let reads: Vec<_> = jobs.iter().map(|job| part(self.table.job(job))).collect();
                stream::iter(reads).buffered(JOBS).try_collect().await?
            }
            Scope::All => try_join_all((0..SEGMENTS).map(|i| part(self.table.segment(i, SEGMENTS)))).await?,
        };
        let pages = parts.iter().map(|(_, pages)| pages).sum();
        let mut jobs = Builder::finish(parts.into_iter().map(|(builder, _)| builder).collect())?;
        for job in scope.named() {
            jobs.entry(job.clone()).or_default();
        }
        Ok(Snapshot { jobs, pages })
    }
}

/// Reads all pages of a part of the table, and says how many there were.
async fn read_part(mut pages: Pages, mut builder: Builder<'_>) -> Result<(Builder<'_>, usize), ReadError> {
    let (mut page, mut count) = (Some(pages.first().await?), 0);
    while let Some(current) = page {
        count += 1;
        let content = current.content()?;
        // Lets the connection that the page came by become free for the next one. Pages that are there already must not
        // keep the deadline from being noticed, either.
        yield_now().await;
        // The next page is asked for before this one is added, and this one is dropped before the next one comes.
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
    /// The jobs that are asked for by name.
    fn named(&self) -> Box<dyn Iterator<Item = &Job> + '_> {
        match self {
            Self::Job(job) => Box::new(std::iter::once(job)),
            Self::Jobs(jobs) => Box::new(jobs.iter()),
            Self::All => Box::new(std::iter::empty()),
        }
    }
}

impl Cache {
    /// Forgets what was read longer ago than the time to live. With a clock that was set back, everything is.
    fn forget_stale(&mut self, now: EpochSeconds, time_to_live: Duration) {
        let seconds = i64::try_from(time_to_live.as_secs()).unwrap_or(i64::MAX);
        let is_fresh = |read_at: EpochSeconds| (0..seconds).contains(&now.0.saturating_sub(read_at.0));
        self.whole = self.whole.filter(|read_at| is_fresh(*read_at));
        self.jobs.retain(|_, job| is_fresh(job.read_at));
    }

    /// The rows of all jobs that are needed, if every one of them is cached.
    fn find(&self, scope: &Scope) -> Option<BTreeMap<Job, Arc<JobRows>>> {
        let rows = |(job, cached): (&Job, &CachedJob)| (job.clone(), cached.rows.clone());
        if matches!(scope, Scope::All) {
            return self.whole.map(|_| self.jobs.iter().map(rows).collect());
        }
        let find = |job: &Job| match self.jobs.get_key_value(job) {
            Some(found) => Some(rows(found)),
            // The table has no row of it.
            None => self.whole.map(|_| (job.clone(), Arc::default())),
        };
        scope.named().map(find).collect()
    }

    /// Caches what was read, and forgets all else if both are too much.
    fn put(&mut self, scope: &Scope, snapshot: &Snapshot, now: EpochSeconds, most: usize) {
        let is_whole = matches!(scope, Scope::All);
        if is_whole {
            *self = Self { whole: Some(now), ..Self::default() };
        }
        let read =
            || snapshot.jobs.iter().map(|(job, rows)| (job.clone(), CachedJob { rows: rows.clone(), read_at: now }));
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

    /// A snapshot of jobs that have one row each.
    fn snapshot(jobs: &[&str]) -> Snapshot {
        let row = |job: &&str| format!(r#"{{"job":{{"S":"{job}"}},"group":{{"S":"g"}},"targets":{{"L":[]}}}}"#);
        let rows: Vec<String> = jobs.iter().map(row).collect();
        let page = Page::new(format!(r#"{{"Items":[{}]}}"#, rows.join(",")).into_bytes());
        Snapshot::of_pages(&[page], RowRules::default(), EpochSeconds(0)).unwrap()
    }

    /// The jobs that are found, each with the number of its rows.
    fn found(cache: &Cache, scope: &Scope) -> Option<Vec<(String, usize)>> {
        let rows = cache.find(scope)?;
        Some(rows.into_iter().map(|(job, rows)| (job.into_string(), rows.read())).collect())
    }

    fn one(name: &str) -> Scope {
        Scope::Job(job(name))
    }

    #[test]
    fn rows_are_cached_for_the_time_to_live_and_no_longer() {
        for (now, is_there) in [(1000, true), (1059, true), (1060, false), (999, false), (i64::MIN, false)] {
            let mut cache = Cache::default();
            cache.put(&one("a"), &snapshot(&["a"]), EpochSeconds(1000), usize::MAX);
            cache.forget_stale(EpochSeconds(now), MINUTE);
            assert_eq!(found(&cache, &one("a")).is_some(), is_there, "a job at {now}");
            cache.put(&Scope::All, &snapshot(&["a", "b"]), EpochSeconds(1000), usize::MAX);
            cache.forget_stale(EpochSeconds(now), MINUTE);
            assert_eq!(found(&cache, &Scope::All).is_some(), is_there, "all jobs at {now}");
        }
    }

    #[test]
    fn a_request_is_answered_from_the_cache_if_that_has_all_of_it() {
        let both = Scope::Jobs([job("a"), job("b")].into());
        let mut cache = Cache::default();
        cache.put(&one("a"), &snapshot(&["a"]), EpochSeconds(0), usize::MAX);
        assert_eq!(found(&cache, &one("a")), Some(vec![("a".into(), 1)]));
        for scope in [&one("b"), &both, &Scope::All] {
            assert_eq!(found(&cache, scope), None, "{scope:?}");
        }
        cache.put(&one("b"), &snapshot(&["b"]), EpochSeconds(0), usize::MAX);
        assert_eq!(found(&cache, &both), Some(vec![("a".into(), 1), ("b".into(), 1)]));
        assert_eq!(found(&cache, &Scope::All), None);
        // The whole table knows which jobs it has no row of.
        cache.put(&Scope::All, &snapshot(&["b", "c"]), EpochSeconds(0), usize::MAX);
        assert_eq!(found(&cache, &both), Some(vec![("a".into(), 0), ("b".into(), 1)]));
        assert_eq!(found(&cache, &Scope::All), Some(vec![("b".into(), 1), ("c".into(), 1)]));
    }

    #[test]
    fn the_cache_is_bounded_and_what_was_read_last_stays() {
        let (a, b) = (snapshot(&["a"]), snapshot(&["b"]));
        let one_job = a.size();
        let mut cache = Cache::default();
        for (snapshot, name) in [(&a, "a"), (&b, "b")] {
            cache.put(&one(name), snapshot, EpochSeconds(0), 2 * one_job - 1);
        }
        assert_eq!(found(&cache, &one("a")), None);
        assert_eq!(found(&cache, &one("b")), Some(vec![("b".into(), 1)]));
        cache.put(&Scope::All, &snapshot(&["a", "b"]), EpochSeconds(0), 2 * one_job);
        assert_eq!(cache.size(), 2 * one_job);
        assert!(found(&cache, &Scope::All).is_some());
        cache.put(&Scope::All, &snapshot(&["a", "b"]), EpochSeconds(0), 2 * one_job - 1);
        assert_eq!((found(&cache, &Scope::All), found(&cache, &one("b")), cache.size()), (None, None, 0));
        // A job that is read after the whole table does not make the table whole.
        cache.put(&Scope::All, &snapshot(&["a"]), EpochSeconds(0), one_job);
        cache.put(&one("b"), &b, EpochSeconds(0), one_job);
        assert_eq!((found(&cache, &Scope::All), found(&cache, &one("b")).is_some()), (None, true));
    }
}
