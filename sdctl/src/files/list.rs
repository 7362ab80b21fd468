//! Reads target groups from the elements of a list, the format of `file_sd_configs` and `static_configs`.

use http_sd_lambda::group::{Fault, Job, LabelName, LabelNames, Labels, Target, TargetGroup, excerpt};

use super::{
    contents::{Advice, FileGroup, Item, Reading},
    fault::{FileFault, Problem},
    fields::Poller,
    moves,
    node::{Entry, Node, Sources, Value},
    place::Place,
};

/// The label in which a poller keeps the address of a target.
const ADDRESS: &str = "__address__";

/// Reads one group of the list at `list`, and adds the group or its faults to `items`. `number` counts from 1.
///
/// `job` is the job of the list, with [`FileGroup::readdressed`].
pub(super) fn group(
    node: Node,
    number: usize,
    list: &Place,
    (job, readdressed): (&Job, bool),
    reading: Reading,
    items: &mut Vec<Item>,
) {
    let place = Place { group: Some(number), ..list.at(node.line) };
    let read = read_group(node, reading, &mut |line, field, fault| {
        items.push(Item::Fault(FileFault { place: place.at(line), field, problem: Problem::Group(fault) }));
    });
    let Some((mut group, merged)) = read else { return };
    let advice = [
        merged.map(|line| moves::of_merged_labels(place.at(line))),
        follow_address(&mut group, &place, reading.poller),
    ];
    items.push(Item::Group(FileGroup { job: job.clone(), group, place, readdressed }));
    items.extend(advice.into_iter().flatten().map(Item::Advice));
}

/// Replaces the targets of a group whose labels contain an address, if the poller does. Returns what to know of it.
///
/// Prometheus ignores the label. vmagent takes it for the address of each target of a file, but not over HTTP.
fn follow_address(group: &mut TargetGroup, place: &Place, poller: Option<Poller>) -> Option<Advice> {
    let name = group.labels.keys().find(|name| name.as_str() == ADDRESS)?.clone();
    let (text, consequence, poller) = if poller == Some(Poller::Vmagent) {
        let address = group.labels.remove(&name)?;
        group.targets = if group.targets.is_empty() { Vec::new() } else { Target::new(address).into_iter().collect() };
        let consequence = "vmagent replaces the targets of a file by it, but not those over HTTP";
        ("is the address of every target: write it into targets", consequence, poller)
    } else {
        let consequence = "Prometheus uses the addresses in targets, and so does vmagent over HTTP";
        ("has no effect: remove it, or write the address into targets", consequence, None)
    };
    let text = format!("labels[{}] {text}", excerpt(ADDRESS));
    Some(Advice { place: place.clone(), text, consequence: consequence.into(), poller })
}

/// Reads a group and passes each fault to `report`. Returns the group, and the line of labels that a merged map has too.
/// Returns `None` after any fault.
fn read_group(
    node: Node,
    reading: Reading,
    report: &mut dyn FnMut(usize, String, Fault),
) -> Option<(TargetGroup, Option<usize>)> {
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
    let (mut targets, mut labels, mut merged) = (None, Vec::new(), None);
    let (mut target_sources, mut label_sources) = (Sources::default(), Sources::default());
    for Entry { key, value, source } in entries {
        match &key.value {
            // An entry of a merged map gives way to a later one, and the labels of both count, as in Prometheus.
            Value::Text(name) if name == "targets" && target_sources.insert(source) => {
                targets = Some(value);
            }
            Value::Text(name) if name == "labels" && label_sources.insert(source) => {
                if !labels.is_empty() && value.value != Value::Null {
                    merged = Some(value.line);
                }
                // vmagent replaces the labels of a merged map.
                if value.value == Value::Null || reading.poller == Some(Poller::Vmagent) {
                    labels.clear();
                }
                labels.push(value);
            }
            Value::Text(name) if name == "targets" || name == "labels" => {
                report(key.line, name.clone(), Fault::Repeated);
            }
            Value::Text(name) => report(key.line, name.clone(), Fault::UnknownField),
            _ => report(key.line, "a field's name".into(), key.wrong_type("a string")),
        }
    }
    let targets = targets.map(|targets| read_targets(targets, &mut report));
    let labels = read_labels(labels, reading.names, &mut report);
    if targets.is_none() {
        report(line, "targets".into(), Fault::Missing);
    }
    let group = TargetGroup { targets: targets.unwrap_or_default(), labels };
    (faults == 0).then_some((group, merged))
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

/// Reads the labels of all of these maps. Prometheus refuses a label that is in two of them.
fn read_labels(maps: Vec<Node>, names: LabelNames, report: &mut dyn FnMut(usize, String, Fault)) -> Labels {
    let mut entries = Vec::new();
    for node in maps {
        match node.value {
            Value::Map(map) if entries.is_empty() => entries = map,
            Value::Map(map) => entries.extend(map),
            Value::Null => {}
            _ => report(node.line, "labels".into(), node.wrong_type("a map of strings")),
        }
    }
    let mut labels = Labels::new();
    for Entry { key, value, .. } in entries {
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
