//! What is in the table for certain.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use super::function::POOLS;

/// The targets that are in the table, and their jobs. One that is being written is not there yet, and one that is about
/// to be removed is not there any more.
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

    /// Those that a job of Prometheus is to have.
    pub(super) fn of_pool(&self, pool: &str) -> BTreeSet<String> {
        let all = self.0.lock().unwrap();
        all.iter().filter(|(_, job)| pool == "all" || pool == **job).map(|(target, _)| target.clone()).collect()
    }

    /// What all jobs of Prometheus are to have.
    pub(super) fn all(&self) -> BTreeSet<(String, String)> {
        let targets = |pool: &'static str| self.of_pool(pool).into_iter().map(move |target| (pool.to_owned(), target));
        POOLS.iter().flat_map(|(pool, _)| targets(pool)).collect()
    }

    /// Whether Prometheus has just that.
    pub(super) fn is(&self, found: &BTreeSet<(String, String)>) -> bool {
        *found == self.all()
    }
}
