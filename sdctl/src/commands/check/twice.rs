//! Warns of repeated groups and targets.

use std::collections::{HashMap, hash_map::Entry};

use http_sd_lambda::group::{Job, Labels, Target, excerpt};

use super::finding::{At, Finding};
use crate::{
    files::{FileGroup, Place},
    terminal::text::Count,
};

/// Warns of groups and targets that a job repeats: the poller scrapes each once.
pub(super) fn check(groups: &[FileGroup], findings: &mut Vec<Finding>) {
    // Many groups share their labels: numbers in place of labels make the later comparisons cheap.
    let mut kinds: HashMap<(&Job, &Labels), usize> = HashMap::new();
    let mut whole: HashMap<(usize, &[Target]), &Place> = HashMap::new();
    let mut single: HashMap<(usize, &Target), (usize, usize)> = HashMap::new();
    for (number, FileGroup { job, group, place, .. }) in groups.iter().enumerate() {
        let next = kinds.len();
        let kind = *kinds.entry((job, &group.labels)).or_insert(next);
        let mut warn = |field: &str, problem: String| {
            let consequence = "the poller scrapes it once".to_owned();
            findings.push(Finding::warning(At::Place(place.clone()), field, problem, consequence));
        };
        match whole.entry((kind, &group.targets)) {
            Entry::Occupied(first) => {
                warn("", format!("is the same as {}", short(first.get())));
                continue;
            }
            Entry::Vacant(new) => new.insert(place),
        };
        for (i, target) in group.targets.iter().enumerate() {
            let (first, at) = *single.entry((kind, target)).or_insert((number, i));
            let (field, name) = (format!("targets[{i}]"), excerpt(target.as_str()));
            if first != number {
                let other = short(&groups[first].place);
                warn(&field, format!("{name} is in {other} with the same labels"));
            } else if at != i {
                warn(&field, format!("{name} is the same as targets[{at}]"));
            }
        }
    }
}

/// Notes targets that groups of one job share under different labels. An example on purpose is a target with two
/// metrics paths.
pub(super) fn check_other_labels(groups: &[FileGroup], findings: &mut Vec<Finding>) {
    let mut known: HashMap<&Target, usize> = HashMap::new();
    for (number, FileGroup { group, place, .. }) in groups.iter().enumerate() {
        let mut shared = group.targets.iter().filter_map(|target| {
            let first = *known.entry(target).or_insert(number);
            (first != number && groups[first].group.labels != group.labels).then_some((target, first))
        });
        let Some((target, first)) = shared.next() else { continue };
        let (name, other) = (excerpt(target.as_str()), short(&groups[first].place));
        let more = match shared.count() {
            0 => String::new(),
            more => format!(", and {} with other groups", Count(more, "more target")),
        };
        let problem = format!("shares {name} with {other}{more}, with other labels: the poller scrapes each twice");
        findings.push(Finding::note(At::Place(place.clone()), problem));
    }
}

/// Returns the place without its job.
fn short(place: &Place) -> String {
    let line = Place { job: None, group: None, ..place.clone() };
    match place.group {
        Some(group) => format!("group {group} at {line}"),
        None => line.to_string(),
    }
}
