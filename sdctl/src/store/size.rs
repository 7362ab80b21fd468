//! Computes the size of a row as DynamoDB counts it, and splits groups that exceed a row.
//!
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>

use aws_sdk_dynamodb::types::AttributeValue;
use http_sd_lambda::{
    group::{Labels, StoredGroup, Target, TargetGroup},
    table::Attributes,
};
use sha2::{Digest, Sha256};

use super::number::Number;

/// The largest row, in bytes.
pub const MOST_IN_ROW: usize = 400 * 1024;
/// The bytes that stay free in each row: for its key (at most 3 KB), times, owner, and a user's own attributes.
const RESERVED: usize = 32 * 1024;
/// The bytes that a list or a map adds.
const CONTAINER: usize = 3;
/// The bytes that each element of a list or a map adds.
const ELEMENT: usize = 1;

/// Returns the least number of bytes that DynamoDB counts for a row.
#[must_use]
pub fn row_size(row: &Attributes) -> usize {
    row.iter().map(|(name, value)| name.len() + attribute_size(value)).sum()
}

/// Returns whether DynamoDB can store a row of this size.
#[must_use]
pub fn row_fits(row: &Attributes) -> bool {
    row_size(row) <= MOST_IN_ROW
}

/// Returns whether a row of this size has room for few more targets. The rows of [`split`] are smaller.
#[must_use]
pub fn is_nearly_full(row_size: usize) -> bool {
    row_size > MOST_IN_ROW - RESERVED / 2
}

/// Returns the least number of bytes that DynamoDB counts for an attribute.
fn attribute_size(value: &AttributeValue) -> usize {
    let number = |text: &String| Number::parse(text).unwrap_or_default().size();
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(text) => number(text),
        AttributeValue::B(blob) => blob.as_ref().len(),
        AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + attribute_size(value)).sum::<usize>(),
        AttributeValue::M(map) => {
            3 + map.iter().map(|(name, value)| 1 + name.len() + attribute_size(value)).sum::<usize>()
        }
        AttributeValue::Ss(set) => set.iter().map(String::len).sum(),
        AttributeValue::Ns(set) => set.iter().map(number).sum(),
        AttributeValue::Bs(set) => set.iter().map(|blob| blob.as_ref().len()).sum(),
        _ => 1,
    }
}

/// Returns the approximate size of a group in bytes.
#[must_use]
pub fn size(group: &TargetGroup) -> usize {
    labels_size(&group.labels) + CONTAINER + group.targets.iter().map(target_size).sum::<usize>()
}

/// Returns whether a group and its key fit a row without other attributes.
#[must_use]
pub fn fits(group: &StoredGroup) -> bool {
    size(&group.group) + group.job.as_str().len() + group.name.as_str().len() <= MOST_IN_ROW
}

/// Returns the longest start of `more` that fits a row besides `group`.
#[must_use]
pub fn that_fit<'t>(group: &TargetGroup, more: &'t [Target]) -> &'t [Target] {
    let mut room = (MOST_IN_ROW - RESERVED).saturating_sub(size(group));
    let fits = |target: &&Target| {
        let left = room.checked_sub(target_size(target));
        room = left.unwrap_or_default();
        left.is_some()
    };
    &more[..more.iter().take_while(fits).count()]
}

/// Splits a group into parts that each fit a row. The parts have the same labels and together the same targets, so a
/// poller sees no difference. Returns `None` if the labels or one target alone are too large.
///
/// A target's hash alone selects its part. Another order or another target therefore moves no target, unless the number
/// of parts doubles.
#[must_use]
pub fn split(group: TargetGroup) -> Option<Vec<TargetGroup>> {
    let room = MOST_IN_ROW.checked_sub(RESERVED + labels_size(&group.labels))?;
    if group.targets.iter().any(|target| target_size(target) > room) {
        return None;
    }
    let hashes: Vec<usize> = group.targets.iter().map(hash).collect();
    let mut parts = 1;
    while largest(&group.targets, &hashes, parts) > room {
        parts *= 2;
        // Repetitions of one target share a hash, so more parts do not help.
        if parts > group.targets.len() * 2 {
            return None;
        }
    }
    let mut targets = vec![Vec::new(); parts];
    for (target, hash) in group.targets.into_iter().zip(hashes) {
        targets[hash % parts].push(target);
    }
    let labels = group.labels;
    let parts = targets.into_iter().filter(|targets| parts == 1 || !targets.is_empty());
    Some(parts.map(|targets| TargetGroup { targets, labels: labels.clone() }).collect())
}

/// Returns the size of the largest part in bytes.
fn largest(targets: &[Target], hashes: &[usize], parts: usize) -> usize {
    let mut sizes = vec![0; parts];
    for (target, hash) in targets.iter().zip(hashes) {
        sizes[hash % parts] += target_size(target);
    }
    sizes.into_iter().max().unwrap_or_default()
}

fn hash(target: &Target) -> usize {
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(target.as_str()).into();
    u32::from_be_bytes([a, b, c, d]) as usize
}

fn target_size(target: &Target) -> usize {
    target.as_str().len() + ELEMENT
}

fn labels_size(labels: &Labels) -> usize {
    CONTAINER + labels.iter().map(|(name, value)| name.as_str().len() + value.len() + ELEMENT).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use http_sd_lambda::group::{LabelName, LabelNames};

    use super::*;

    fn group(targets: usize, label: usize) -> TargetGroup {
        TargetGroup {
            targets: (0..targets).map(|i| Target::new(format!("host-{i:05}.example:9100")).unwrap()).collect(),
            labels: [(LabelName::new("env", LabelNames::Legacy).unwrap(), "x".repeat(label))].into(),
        }
    }

    /// Returns a target of this size in bytes.
    fn target(size: usize) -> Target {
        Target::new("x".repeat(size - ELEMENT)).unwrap()
    }

    fn with_targets(targets: &[Target]) -> TargetGroup {
        TargetGroup { targets: targets.to_vec(), ..group(0, 10) }
    }

    #[test]
    fn size_counts_each_byte_of_a_group() {
        // A map with one element: 3 + 1 + 3 + 10 bytes. A list: 3 bytes, with two elements of 1 + 23 bytes.
        assert_eq!(size(&group(2, 10)), 17 + 3 + 2 * 24);
        assert_eq!(size(&TargetGroup::default()), 6);
    }

    #[test]
    fn row_is_filled_to_the_last_byte() {
        let room = MOST_IN_ROW - RESERVED - size(&group(0, 10));
        let cases: [(&[usize], usize); 5] =
            [(&[], 0), (&[room], 1), (&[room + 1], 0), (&[1000, room - 1000, 2], 2), (&[1000, room - 999, 2], 1)];
        for (sizes, fit) in cases {
            let more: Vec<Target> = sizes.iter().map(|&size| target(size)).collect();
            assert_eq!(that_fit(&group(0, 10), &more), &more[..fit], "{sizes:?}");
        }
        let room = MOST_IN_ROW - RESERVED - labels_size(&group(0, 10).labels);
        for (sizes, parts) in [(vec![room], 1), (vec![1000, room - 1000], 1), (vec![1000, room - 999], 2)] {
            let targets: Vec<Target> = sizes.iter().map(|&size| target(size)).collect();
            assert_eq!(split(with_targets(&targets)).map(|parts| parts.len()), Some(parts), "{sizes:?}");
        }
        assert_eq!(split(with_targets(&[target(room + 1)])), None);
    }

    #[test]
    fn parts_double_until_two_large_targets_separate() {
        // Targets 0 and 4 share a part until there are eight parts.
        let in_eighth = |eighth| {
            let of = |i: u32| Target::new(format!("{i}{}", "x".repeat(MOST_IN_ROW / 2))).unwrap();
            (0..1000).map(of).find(|target| hash(target) % 8 == eighth).unwrap()
        };
        let targets = [0, 4, 1, 2].map(in_eighth);
        let parts = split(with_targets(&targets)).unwrap();
        let targets = [0, 2, 3, 1].map(|place| vec![targets[place].clone()]);
        assert_eq!(parts.into_iter().map(|part| part.targets).collect::<Vec<_>>(), targets);
    }

    #[test]
    fn group_that_fits_a_row_stays_whole() {
        assert_eq!(split(group(0, 0)), Some(vec![group(0, 0)]));
        assert_eq!(split(group(10_000, 10)), Some(vec![group(10_000, 10)]));
    }

    #[test]
    fn split_keeps_labels_and_targets() {
        let whole = group(50_000, 10);
        let parts = split(whole.clone()).unwrap();
        assert_eq!(parts.len(), 4);
        assert!(parts.iter().all(|part| part.labels == whole.labels && size(part) < MOST_IN_ROW - RESERVED));
        let mut targets: Vec<Target> = parts.into_iter().flat_map(|part| part.targets).collect();
        targets.sort();
        assert_eq!(targets, whole.targets);
    }

    #[test]
    fn new_order_moves_no_target() {
        let sorted = |group| {
            let mut parts = split(group).unwrap();
            for part in &mut parts {
                part.targets.sort();
            }
            parts
        };
        let parts = sorted(group(50_000, 10));
        let mut reversed = group(50_000, 10);
        reversed.targets.reverse();
        assert_eq!(sorted(reversed), parts);
        let mut longer = group(50_000, 10);
        longer.targets.insert(0, Target::new("new:1").unwrap());
        let changed = sorted(longer).into_iter().filter(|part| !parts.contains(part)).count();
        assert_eq!(changed, 1);
    }

    #[test]
    fn too_many_repetitions_of_a_target_cannot_split() {
        let targets = vec![Target::new("x".repeat(1000)).unwrap(); 1000];
        assert_eq!(split(TargetGroup { targets, ..group(0, 0) }), None);
    }

    #[test]
    fn oversized_labels_or_target_cannot_split() {
        assert_eq!(split(group(1, MOST_IN_ROW)), None);
        let huge = Target::new("x".repeat(MOST_IN_ROW)).unwrap();
        assert_eq!(split(TargetGroup { targets: vec![huge], ..group(0, 0) }), None);
    }
}
