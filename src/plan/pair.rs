//! Finding the row that a changed group was before.

use std::collections::{HashMap, HashSet};

use super::{Wanted, names};
use crate::{
    group::{Labels, TargetGroup},
    table::Record,
};

/// Rows that become wanted groups, wanted groups that need a new row, rows that are left.
pub(super) type Pairs = (Vec<(usize, Record)>, Vec<usize>, Vec<Record>);

/// How many rows with a target are looked at. Many groups may share one, such as an exporter that probes others.
const MOST_WITH_TARGET: usize = 64;

/// Finds for each wanted group a row that it may have been before: one that shares targets with it; else one with its
/// labels or its name, but only if rows may go, because that row's targets are given up; else a broken one of its name.
pub(super) fn pair(set: &str, wanted: &[Wanted], free: Vec<usize>, left: Vec<Record>, may_go: bool) -> Pairs {
    let groups: Vec<Option<&TargetGroup>> = left.iter().map(|record| record.group.as_ref().ok()).collect();
    let mut by_target: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut by_labels: HashMap<&Labels, Vec<usize>> = HashMap::new();
    let mut by_name: HashMap<&str, usize> = HashMap::new();
    for (row, group) in groups.iter().enumerate().rev() {
        if may_go || group.is_none() {
            by_name.insert(left[row].name.as_str(), row);
        }
        let Some(group) = group else { continue };
        if may_go {
            by_labels.entry(&group.labels).or_default().push(row);
        }
        for target in &group.targets {
            by_target.entry(target.as_str()).or_default().push(row);
        }
    }
    let mut row_of: HashMap<usize, usize> = HashMap::new();
    let mut taken: HashSet<usize> = HashSet::new();
    for &i in &free {
        let mut shared: HashMap<usize, usize> = HashMap::new();
        for target in &wanted[i].group.targets {
            let Some(rows) = by_target.get_mut(target.as_str()) else { continue };
            while rows.pop_if(|row| taken.contains(row)).is_some() {}
            for row in rows.iter().rev().take(MOST_WITH_TARGET).filter(|row| !taken.contains(row)) {
                *shared.entry(*row).or_default() += 1;
            }
        }
        let same_labels = |row: usize| groups[row].is_some_and(|group| group.labels == wanted[i].group.labels);
        let best = shared.into_iter().max_by_key(|(row, shared)| (*shared, same_labels(*row), usize::MAX - row));
        if let Some((row, _)) = best {
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
