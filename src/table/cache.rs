//! The cache: the rows of reads within the time to live.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{Detail, JobRows, Scope, Snapshot};
use crate::group::{EpochSeconds, Job};

/// The rows read within the time to live.
#[derive(Debug, Default)]
pub(super) struct Cache {
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

impl Cache {
    /// Drops rows older than the time to live. A clock set back drops all rows read after its time.
    pub(super) fn drop_stale(&mut self, now: EpochSeconds, time_to_live: Duration) {
        let seconds = i64::try_from(time_to_live.as_secs()).unwrap_or(i64::MAX);
        let is_fresh = |read_at: EpochSeconds| (0..seconds).contains(&now.0.saturating_sub(read_at.0));
        self.whole = self.whole.filter(|read_at| is_fresh(*read_at));
        self.jobs.retain(|_, job| is_fresh(job.read_at));
    }

    /// Returns whether there are no rows.
    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Returns the rows of a scope if all of them are cached with enough details.
    pub(super) fn find(&self, scope: &Scope, detail: Detail) -> Option<Snapshot> {
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
        Some(Snapshot { jobs, pages: 0, read_at, followed: None })
    }

    /// Caches a snapshot. If the cache exceeds `most` bytes, drops the other rows, then all rows.
    pub(super) fn put(&mut self, scope: &Scope, detail: Detail, snapshot: &Snapshot, now: EpochSeconds, most: usize) {
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

    /// Returns the size of all rows in bytes.
    pub(super) fn size(&self) -> usize {
        self.jobs.iter().map(|(job, cached)| job.as_str().len() + cached.rows.size()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Page, RowRules};

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
