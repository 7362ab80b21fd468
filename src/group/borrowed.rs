//! Target groups that borrow their text from a row, to be written as JSON without a copy.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{LAPSED, Label, LabelName, Labels, Lease, META_GROUP, META_JOB, META_LEASE, Target, TargetGroup};

/// A valid target group with borrowed text. Serialises to the same bytes as the equal [`TargetGroup`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct TargetGroupRef<'a> {
    /// The targets, each valid by [`Target::check`].
    pub targets: Vec<&'a str>,
    /// The labels, sorted by name. Each name is unique and valid by [`LabelName::check`].
    #[serde(serialize_with = "as_map")]
    pub labels: Vec<Label<'a>>,
}

/// A borrowed target group with its key and lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredGroupRef<'a> {
    /// The job of the group.
    pub job: &'a str,
    /// The group's name within its job.
    pub name: &'a str,
    /// The lease of the group.
    pub lease: Lease,
    /// The targets and labels.
    pub group: TargetGroupRef<'a>,
}

impl StoredGroupRef<'_> {
    /// Adds labels that name the group's row and, if its lease has lapsed, say so. These labels replace stored labels
    /// of the same name.
    pub fn add_meta_labels(&mut self, lapsed: bool) {
        let labels = &mut self.group.labels;
        labels.retain(|(name, _)| ![META_JOB, META_GROUP, META_LEASE].contains(name));
        labels.extend([(META_JOB, self.job), (META_GROUP, self.name)]);
        labels.extend(lapsed.then_some((META_LEASE, LAPSED)));
        labels.sort_unstable();
    }
}

fn as_map<S: Serializer>(labels: &[Label<'_>], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(labels.len()))?;
    for (name, value) in labels {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

impl From<TargetGroupRef<'_>> for TargetGroup {
    fn from(group: TargetGroupRef<'_>) -> Self {
        let labels = group.labels.into_iter().map(|(name, value)| (LabelName::of_valid(name), value.to_owned()));
        Self { targets: group.targets.into_iter().map(Target::of_valid).collect(), labels: labels.collect::<Labels>() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borrowed_and_owned_group_have_equal_json() {
        let cases = [
            (TargetGroupRef::default(), r#"{"targets":[],"labels":{}}"#),
            (
                TargetGroupRef { targets: vec!["b:1", "a:1"], labels: vec![("a", "\"\u{1}é"), ("z", "1")] },
                r#"{"targets":["b:1","a:1"],"labels":{"a":"\"\u0001é","z":"1"}}"#,
            ),
        ];
        for (group, json) in cases {
            assert_eq!(serde_json::to_string(&group).unwrap(), json);
            assert_eq!(serde_json::to_string(&TargetGroup::from(group)).unwrap(), json);
        }
    }

    #[test]
    fn meta_labels_replace_stored_labels() {
        let labels = vec![(META_JOB, "forged"), (META_LEASE, "forged"), ("env", "prod")];
        let group = TargetGroupRef { targets: vec!["a:1"], labels };
        for (lapsed, lease) in [(false, ""), (true, r#""__meta_dynamodb_lease":"lapsed","#)] {
            let mut stored = StoredGroupRef { job: "node", name: "web", lease: Lease::default(), group: group.clone() };
            stored.add_meta_labels(lapsed);
            assert_eq!(
                serde_json::to_string(&stored.group).unwrap(),
                r#"{"targets":["a:1"],"labels":{"__meta_dynamodb_group":"web","__meta_dynamodb_job":"node","#
                    .to_owned()
                    + lease
                    + r#""env":"prod"}}"#
            );
        }
    }
}
