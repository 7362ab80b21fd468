//! The targets that are certainly in the table.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use super::function::POOLS;

/// The targets in the table, and their jobs. A target counts after its write ends, and until its removal begins.
#[derive(Default)]
pub(super) struct Truth(Mutex<BTreeMap<String, &'static str>>);

impl Truth {
    pub(super) fn is_there(&self, job: &'static str, targets: &BTreeSet<String>) {
        self.0.lock().unwrap().extend(targets.iter().map(|target| (target.clone(), job)));
    }

    pub(super) fn goes<'a>(&self, job: &str, targets: impl IntoIterator<Item = &'a String>) {
        let mut all = self.0.lock().unwrap();
        for target in targets {
            assert_eq!(all.remove(target), Some(job));
        }
    }

    pub(super) fn has(&self, target: &str) -> bool {
        self.0.lock().unwrap().contains_key(target)
    }

    /// Returns the targets that a job of the poller must scrape.
    pub(super) fn of_pool(&self, pool: &str) -> BTreeSet<String> {
        let all = self.0.lock().unwrap();
        all.iter().filter(|(_, job)| pool == "all" || pool == **job).map(|(target, _)| target.clone()).collect()
    }

    /// Returns the targets that all jobs of the poller must scrape.
    pub(super) fn all(&self) -> BTreeSet<(String, String)> {
        let targets = |pool: &'static str| self.of_pool(pool).into_iter().map(move |target| (pool.to_owned(), target));
        POOLS.iter().flat_map(|(pool, _)| targets(pool)).collect()
    }

    /// Returns whether the poller scrapes exactly these targets.
    pub(super) fn is(&self, found: &BTreeSet<(String, String)>) -> bool {
        *found == self.all()
    }
}
