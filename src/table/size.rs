//! The size of a row, as DynamoDB counts it.
//!
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>

use crate::group::{Labels, Target, TargetGroup};

/// The most that a row may have, in bytes.
const MOST: usize = 400 * 1024;
/// Kept free in each row: for its key (at most 3 KB), our times and owner, and a user's own attributes.
const RESERVED: usize = 32 * 1024;
/// What a list or a map costs, and each of its elements.
const CONTAINER: usize = 3;
const ELEMENT: usize = 1;

/// Cuts a group into as many as it takes for each to fit a row. They have the same labels, and together the same
/// targets in the same order, which is the same to every poller. `None` if labels or one target alone are too large.
#[must_use]
pub fn split(group: TargetGroup) -> Option<Vec<TargetGroup>> {
    let room = MOST.checked_sub(RESERVED + labels_size(&group.labels))?;
    let total: usize = group.targets.iter().map(target_size).sum();
    if total <= room {
        return Some(vec![group]);
    }
    let mut parts = Vec::new();
    let (mut targets, mut size) = (Vec::new(), 0);
    for target in group.targets {
        let more = target_size(&target);
        if more > room {
            return None;
        }
        if size + more > room {
            parts.push(TargetGroup { targets: std::mem::take(&mut targets), labels: group.labels.clone() });
            size = 0;
        }
        size += more;
        targets.push(target);
    }
    parts.push(TargetGroup { targets, labels: group.labels });
    Some(parts)
}

fn target_size(target: &Target) -> usize {
    target.as_str().len() + ELEMENT
}

fn labels_size(labels: &Labels) -> usize {
    CONTAINER + labels.iter().map(|(name, value)| name.as_str().len() + value.len() + ELEMENT).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::{LabelName, LabelNames};

    fn group(targets: usize, label: usize) -> TargetGroup {
        TargetGroup {
            targets: (0..targets).map(|i| Target::new(format!("host-{i:05}.example:9100")).unwrap()).collect(),
            labels: [(LabelName::new("env", LabelNames::Legacy).unwrap(), "x".repeat(label))].into(),
        }
    }

    #[test]
    fn a_group_that_fits_a_row_stays_whole() {
        assert_eq!(split(group(0, 0)), Some(vec![group(0, 0)]));
        assert_eq!(split(group(10_000, 10)), Some(vec![group(10_000, 10)]));
    }

    #[test]
    fn a_group_that_does_not_fit_becomes_several_with_the_same_labels_and_order() {
        let parts = split(group(50_000, 10)).unwrap();
        assert!(parts.len() >= 3);
        assert!(parts.iter().all(|part| part.labels == group(0, 10).labels && !part.targets.is_empty()));
        let targets: Vec<Target> = parts.into_iter().flat_map(|part| part.targets).collect();
        assert_eq!(targets, group(50_000, 10).targets);
    }

    #[test]
    fn labels_or_a_target_that_fit_no_row_cannot_be_split() {
        assert_eq!(split(group(1, MOST)), None);
        let huge = Target::new("x".repeat(MOST)).unwrap();
        assert_eq!(split(TargetGroup { targets: vec![huge], ..group(0, 0) }), None);
    }
}
