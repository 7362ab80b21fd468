//! Reads target groups from the elements of a list, the format of `file_sd_configs` and `static_configs`.

use http_sd_lambda::group::{Fault, Job, LabelName, LabelNames, Labels, Target, TargetGroup, excerpt};

use super::{
    contents::{FileGroup, Item},
    fault::{FileFault, Problem},
    node::{Node, Value},
    place::Place,
};

/// Reads one group of the list at `list`, and adds the group or its faults to `items`. `number` counts from 1.
pub(super) fn group(node: Node, number: usize, list: &Place, job: &Job, names: LabelNames, items: &mut Vec<Item>) {
    let place = Place { group: Some(number), ..list.at(node.line) };
    let read = read_group(node, names, &mut |line, field, fault| {
        items.push(Item::Fault(FileFault { place: place.at(line), field, problem: Problem::Group(fault) }));
    });
    items.extend(read.map(|group| Item::Group(FileGroup { job: job.clone(), group, place })));
}

/// Reads a group and passes each fault to `report`. Returns `None` after any fault.
fn read_group(node: Node, names: LabelNames, report: &mut dyn FnMut(usize, String, Fault)) -> Option<TargetGroup> {
    let mut faults = 0;
    let mut report = |line, field, fault| {
        faults += 1;
        report(line, field, fault);
    };
    let line = node.line;
    let Value::Map(entries) = node.value else {
        report(line, String::new(), node.wrong_type("a map of targets and labels"));
        return None;
    };
    let (mut targets, mut labels) = (None, None);
    for (key, value) in entries {
        match &key.value {
            Value::Text(name) if name == "targets" && targets.is_none() => {
                targets = Some(read_targets(value, &mut report));
            }
            Value::Text(name) if name == "labels" && labels.is_none() => {
                labels = Some(read_labels(value, names, &mut report));
            }
            Value::Text(name) if name == "targets" || name == "labels" => {
                report(key.line, name.clone(), Fault::Repeated);
            }
            Value::Text(name) => report(key.line, name.clone(), Fault::UnknownField),
            _ => report(key.line, "a field's name".into(), key.wrong_type("a string")),
        }
    }
    if targets.is_none() {
        report(line, "targets".into(), Fault::Missing);
    }
    let group = TargetGroup { targets: targets.unwrap_or_default(), labels: labels.unwrap_or_default() };
    (faults == 0).then_some(group)
}

fn read_targets(node: Node, report: &mut dyn FnMut(usize, String, Fault)) -> Vec<Target> {
    let list = match node.value {
        Value::List(list) => list,
        Value::Null => {
            report(node.line, "targets".into(), Fault::Missing);
            return Vec::new();
        }
        _ => {
            report(node.line, "targets".into(), node.wrong_type("a list of strings"));
            return Vec::new();
        }
    };
    let mut targets = Vec::with_capacity(list.len());
    for (i, element) in list.into_iter().enumerate() {
        let line = element.line;
        match text(element).and_then(Target::new) {
            Ok(target) => targets.push(target),
            Err(fault) => report(line, format!("targets[{i}]"), fault),
        }
    }
    targets
}

fn read_labels(node: Node, names: LabelNames, report: &mut dyn FnMut(usize, String, Fault)) -> Labels {
    let entries = match node.value {
        Value::Map(entries) => entries,
        Value::Null => Vec::new(),
        _ => {
            report(node.line, "labels".into(), node.wrong_type("a map of strings"));
            Vec::new()
        }
    };
    let mut labels = Labels::new();
    for (key, value) in entries {
        let line = key.line;
        let Value::Text(name) = key.value else {
            report(line, "a label's name".into(), key.wrong_type("a string"));
            continue;
        };
        let field = format!("labels[{}]", excerpt(&name));
        match (LabelName::new(name, names), text(value)) {
            (Ok(name), Ok(_)) if labels.contains_key(&name) => report(line, field, Fault::Repeated),
            (Ok(name), Ok(value)) => {
                labels.insert(name, value);
            }
            (name, value) => {
                for fault in name.err().into_iter().chain(value.err()) {
                    report(line, field.clone(), fault);
                }
            }
        }
    }
    labels
}

fn text(node: Node) -> Result<String, Fault> {
    match node.value {
        Value::Text(text) => Ok(text),
        _ => Err(node.wrong_type("a string")),
    }
}
