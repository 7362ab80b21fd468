//! Pairs changed groups with the rows that held them before.

use std::collections::{HashMap, HashSet};

use http_sd_lambda::group::{LabelName, Labels, Target, TargetGroup};

use super::{Wanted, names};
use crate::store::Record;

/// Rows paired with a wanted group, wanted groups without a row, and rows without a wanted group. A `usize` is the
/// index of a wanted group.
pub(super) type Pairs = (Vec<(usize, Record)>, Vec<usize>, Vec<Record>);

/// The most rows with the same target that are compared one by one. Many groups may share a target, such as an exporter
/// that probes other hosts. Of such rows only those that also share a label are compared, again up to this number.
const MOST_ALIKE: usize = 64;

/// Finds for each wanted group the row that probably held it before, in this order:
///
/// 1. the row that shares the most targets with the group, and of several the one that shares the most labels;
/// 2. with `prune`, a row with the group's labels or name, because its old targets are removed; of the rows without a
///    set, only one that alone has these labels;
/// 3. a broken row with the group's name.
pub(super) fn pair(set: &str, wanted: &[Wanted], free: Vec<usize>, left: Vec<Record>, prune: bool) -> Pairs {
    let groups: Vec<Option<&TargetGroup>> = left.iter().map(|record| record.group.as_ref().ok()).collect();
    let mut by_labels: HashMap<&Labels, Vec<usize>> = HashMap::new();
    let mut by_name: HashMap<&str, usize> = HashMap::new();
    for (row, group) in groups.iter().enumerate().rev() {
        if prune || group.is_none() {
            by_name.insert(left[row].name.as_str(), row);
        }
        if let Some(group) = group.filter(|_| prune) {
            by_labels.entry(&group.labels).or_default().push(row);
        }
    }
    // A row without a set would stay with its targets. So it must be the only one with its labels.
    by_labels.retain(|labels, rows| {
        rows.iter().all(|row| left[*row].managed_by.is_some()) || (rows.len() == 1 && !labels.is_empty())
    });
    let alike = Alike::of(&groups);
    let mut row_of: HashMap<usize, usize> = HashMap::new();
    let mut taken: HashSet<usize> = HashSet::new();
    for &i in &free {
        if let Some(row) = alike.best(&wanted[i].group, &taken) {
            taken.insert(row);
            row_of.insert(i, row);
        }
    }
    for &i in &free {
        if row_of.contains_key(&i) {
            continue;
        }
        let labels = &wanted[i].group.labels;
        let rows = by_labels.get_mut(labels);
        let row = rows.and_then(|rows| std::iter::from_fn(|| rows.pop()).find(|row| !taken.contains(row)));
        let row = row.or_else(|| by_name.remove(names::base(set, labels).as_str()).filter(|row| !taken.contains(row)));
        if let Some(row) = row {
            taken.insert(row);
            row_of.insert(i, row);
        }
    }
    let mut left: Vec<Option<Record>> = left.into_iter().map(Some).collect();
    let (mut claimed, mut added) = (Vec::new(), Vec::new());
    for i in free {
        match row_of.get(&i).and_then(|row| left[*row].take()) {
            Some(record) => claimed.push((i, record)),
            None => added.push(i),
        }
    }
    (claimed, added, left.into_iter().flatten().collect())
}

/// Looks up rows that share targets and labels with a group.
struct Alike<'r> {
    groups: &'r [Option<&'r TargetGroup>],
    by_target: HashMap<&'r str, Vec<usize>>,
    /// The rows of targets that more than [`MOST_ALIKE`] rows share.
    by_target_and_label: HashMap<(&'r str, &'r LabelName, &'r str), Vec<usize>>,
}

impl<'r> Alike<'r> {
    fn of(groups: &'r [Option<&'r TargetGroup>]) -> Self {
        let mut by_target: HashMap<&str, Vec<usize>> = HashMap::new();
        for (row, group) in groups.iter().enumerate() {
            for target in group.iter().flat_map(|group| &group.targets) {
                by_target.entry(target.as_str()).or_default().push(row);
            }
        }
        let mut by_target_and_label: HashMap<_, Vec<usize>> = HashMap::new();
        for (target, rows) in by_target.iter().filter(|(_, rows)| rows.len() > MOST_ALIKE) {
            for &row in rows {
                for (name, value) in groups[row].iter().flat_map(|group| &group.labels) {
                    by_target_and_label.entry((*target, name, value.as_str())).or_default().push(row);
                }
            }
        }
        Self { groups, by_target, by_target_and_label }
    }

    /// Returns the row that shares the most with a group, except rows in `taken`.
    fn best(&self, group: &TargetGroup, taken: &HashSet<usize>) -> Option<usize> {
        let mut shared: HashMap<usize, HashSet<&str>> = HashMap::new();
        for target in group.targets.iter().map(Target::as_str) {
            for &row in self.with(target, &group.labels).filter(|row| !taken.contains(row)) {
                shared.entry(row).or_default().insert(target);
            }
        }
        let labels = |row: usize| {
            let of_row = self.groups[row].map(|group| &group.labels);
            let equal =
                |(name, value): &(&LabelName, &String)| of_row.is_some_and(|of_row| of_row.get(name) == Some(value));
            group.labels.iter().filter(equal).count()
        };
        let rank = |(row, shared): &(usize, HashSet<&str>)| (shared.len(), labels(*row), usize::MAX - row);
        shared.into_iter().max_by_key(rank).map(|(row, _)| row)
    }

    /// Returns the rows with a target that are worth comparing.
    fn with<'s>(&'s self, target: &'s str, labels: &'s Labels) -> impl Iterator<Item = &'s usize> {
        let rows = self.by_target.get(target);
        let few = rows.filter(|rows| rows.len() <= MOST_ALIKE);
        let many = rows.filter(|rows| rows.len() > MOST_ALIKE).map(|_| labels);
        let by_label = many.into_iter().flatten().filter_map(move |(name, value)| {
            self.by_target_and_label.get(&(target, name, value.as_str())).filter(|rows| rows.len() <= MOST_ALIKE)
        });
        few.into_iter().chain(by_label).flatten()
    }
}
