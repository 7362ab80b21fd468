//! Reads a YAML map of target groups by name, the format of `sdctl edit`.

use std::collections::BTreeMap;

use http_sd_lambda::group::{Fault, GroupName, Job, LabelNames, TargetGroup, excerpt};

use super::{
    contents::{Item, Reading},
    fault::{FileFault, Problem},
    list,
    node::{Document, Node, SyntaxError, Value},
    place::Place,
    yaml,
};

/// A fault, and its line.
pub(crate) type LineFault = (usize, String);

/// Reads the groups of a job. Each must be as valid as in a list for `file_sd_configs`.
///
/// # Errors
/// All faults, in the order of the text.
pub(crate) fn by_name(
    text: &str,
    job: &Job,
    names: LabelNames,
) -> Result<BTreeMap<GroupName, TargetGroup>, Vec<LineFault>> {
    let expected = "a map of groups by name";
    let wrong_type = |line, found| Err(vec![(line, Fault::WrongType { found, expected }.to_string())]);
    let entries = match yaml::read(text, &mut |_| {}) {
        Ok(Document::Other(Node { value: Value::Map(entries), .. })) => entries,
        Ok(Document::Other(node)) => return wrong_type(node.line, node.kind()),
        Ok(Document::List) => return wrong_type(1, "a list"),
        Ok(Document::Empty) => return wrong_type(1, "null"),
        Err(SyntaxError { line, problem }) => return Err(vec![(line, problem.to_string())]),
    };
    let reading = Reading { names, poller: None };
    let (mut groups, mut faults) = (BTreeMap::new(), Vec::new());
    for entry in entries {
        let line = entry.key.line;
        let name = match &entry.key.value {
            Value::Text(name) => GroupName::new(name),
            _ => Err(entry.key.wrong_type("a string")),
        };
        let name = match name {
            Ok(name) => name,
            Err(fault) => {
                faults.push((line, format!("the name of a group {fault}")));
                continue;
            }
        };
        let place = Place::of_file(&format!("group {}", excerpt(name.as_str())));
        let mut items = Vec::new();
        list::group(entry.value, 1, &place, (job, false), reading, &mut items);
        for item in items {
            match item {
                Item::Group(group) if !groups.contains_key(&name) => _ = groups.insert(name.clone(), group.group),
                Item::Group(_) => {
                    let problem = Problem::Group(Fault::Repeated);
                    let repeated = FileFault { place: place.clone(), field: String::new(), problem };
                    faults.push((line, repeated.to_string()));
                }
                Item::Fault(fault) => {
                    let line = fault.place.line.unwrap_or(line);
                    faults.push((line, FileFault { place: place.clone(), ..fault }.to_string()));
                }
                _ => {}
            }
        }
    }
    if faults.is_empty() { Ok(groups) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BTreeMap<GroupName, TargetGroup>, Vec<LineFault>> {
        by_name(text, &Job::new("node").unwrap(), LabelNames::Legacy)
    }

    #[test]
    fn groups_have_names_targets_and_labels() {
        let groups = read("web:\n  targets: [a:1, 9100]\n  labels: {env: yes}\n'a/b: c': {targets: []}\n").unwrap();
        let shown = groups.iter().map(|(name, group)| format!("{name} {}", serde_json::to_string(group).unwrap()));
        assert_eq!(
            shown.collect::<Vec<_>>(),
            [r#"a/b: c {"targets":[],"labels":{}}"#, r#"web {"targets":["a:1","9100"],"labels":{"env":"yes"}}"#]
        );
        assert_eq!(read("{}"), Ok(BTreeMap::new()));
    }

    #[test]
    fn each_fault_has_its_line_and_group() {
        for (text, faults) in [
            ("", vec![(1, "is null, but must be a map of groups by name")]),
            ("- targets: []", vec![(1, "is a list, but must be a map of groups by name")]),
            ("\nx", vec![(2, "is a string, but must be a map of groups by name")]),
            ("web: {targets: []}\nweb: {targets: []}", vec![(2, "group \"web\": occurs twice")]),
            ("'': {targets: []}", vec![(1, "the name of a group is empty")]),
            ("[a]: {targets: []}", vec![(1, "the name of a group is a list, but must be a string")]),
            (
                "web:\n  targets: [a b]\n  job: x\ndb: 5\n",
                vec![
                    (3, "group \"web\": \"job\" is not a field of a target group; the fields are targets and labels"),
                    (2, "group \"web\": targets[0] contains white space or a control character"),
                    (4, "group \"db\": is a string, but must be a map of targets and labels"),
                ],
            ),
            ("web:\n  labels: {}", vec![(2, "group \"web\": targets is missing")]),
        ] {
            let found = read(text).unwrap_err();
            let found: Vec<_> = found.iter().map(|(line, text)| (*line, text.as_str())).collect();
            assert_eq!(found, faults, "{text:?}");
        }
        assert!(read("web: {targets: [").unwrap_err()[0].1.contains("YAML"));
    }
}
