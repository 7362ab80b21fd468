//! Lists for `file_sd_configs`, in JSON and YAML, as `sdctl` reads them. Each group is valid, or a fault names its
//! place. Other readers find the same content in a list without faults, and so does `sdctl` after writing it again.
#![no_main]

use std::{collections::BTreeMap, path::Path};

use http_sd_lambda::group::{Fault, Job, LabelNames, Target, TargetGroup};
use http_sd_lambda_fuzz::{LABEL_NAMES, POLLERS, check_files, check_group, prometheus};
use libfuzzer_sys::fuzz_target;
use sdctl::files::{FileGroup, Problem, Reader};
use serde::Deserialize;

fuzz_target!(|text: &str| {
    for names in LABEL_NAMES {
        check_json(text, names);
        check_yaml(text, names);
    }
    for poller in POLLERS {
        let mut reader = Reader::new(LabelNames::Utf8).for_poller(poller);
        reader.read_text(Path::new("a.yml"), text, None);
        check_files(&reader, text);
    }
});

fn read(file: &str, text: &str, names: LabelNames) -> Reader {
    let mut reader = Reader::new(names);
    reader.read_text(Path::new(file), text, Some(&Job::new("j").unwrap()));
    check_files(&reader, text);
    reader.groups.iter().for_each(|read| check_group(&read.group, names));
    reader
}

fn groups(groups: &[FileGroup]) -> Vec<&TargetGroup> {
    groups.iter().map(|read| &read.group).collect()
}

/// A group as Prometheus decodes it with `encoding/json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decoded {
    targets: Vec<String>,
    labels: Option<BTreeMap<String, String>>,
}

fn check_json(text: &str, names: LabelNames) {
    let list = read("a.json", text, names);
    if list.faults.is_empty() {
        let decoded: Vec<Decoded> = serde_json::from_str(text).unwrap();
        assert_eq!(decoded.len(), list.groups.len());
        for (decoded, FileGroup { group, .. }) in decoded.iter().zip(&list.groups) {
            assert!(decoded.targets.iter().eq(group.targets.iter().map(Target::as_str)));
            let labels = group.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let theirs = decoded.labels.iter().flatten().map(|(name, value)| (name.as_str(), value.as_str()));
            assert!(theirs.eq(labels));
        }
        let written = serde_json::to_string(&groups(&list.groups)).unwrap();
        let again = read("again.json", &written, names);
        assert!(again.faults.is_empty() && groups(&again.groups) == groups(&list.groups), "{written}");
    } else if let (Ok(theirs), LabelNames::Utf8) = (prometheus::read_utf8(text.as_bytes()), names) {
        // Prometheus accepts these, but drops the target, or uses one of the repeated fields.
        let is_strict = |problem: &Problem| {
            matches!(problem, Problem::Group(Fault::Empty | Fault::Blank | Fault::Repeated) | Problem::TooMuch(_))
        };
        assert!(list.faults.iter().all(|fault| is_strict(&fault.problem)), "{theirs:?}, but {:?}", list.faults);
    }
    let mut answer = Reader::new(names);
    answer.read_answer("http://127.0.0.1/prom/j", text, &Job::new("j").unwrap());
    check_files(&answer, text);
    let is_list = text.trim_ascii_start().starts_with('[');
    // A list of scrape configurations is a configuration.
    if is_list && !list.files[0].configuration {
        assert_eq!(groups(&answer.groups), groups(&list.groups));
        assert_eq!(answer.faults.len(), list.faults.len());
    }
    assert!(is_list || answer.groups.is_empty());
}

fn check_yaml(text: &str, names: LabelNames) {
    let list = read("a.yml", text, names);
    // A configuration names its jobs itself.
    if !list.faults.is_empty() || list.files[0].configuration {
        return;
    }
    let written = yaml_serde::to_string(&groups(&list.groups)).unwrap();
    let again = read("again.yml", &written, names);
    assert!(again.faults.is_empty() && groups(&again.groups) == groups(&list.groups), "{written}: {:?}", again.faults);
    // The other reader represents merged keys and tags differently.
    if text.contains(['<', '!']) {
        return;
    }
    let Ok(theirs) = yaml_serde::from_str::<Vec<BTreeMap<String, yaml_serde::Value>>>(text) else { return };
    assert_eq!(theirs.len(), list.groups.len());
    for (theirs, FileGroup { group, .. }) in theirs.iter().zip(&list.groups) {
        let targets = theirs["targets"].as_sequence().unwrap();
        assert_eq!(targets.len(), group.targets.len());
        for (theirs, ours) in targets.iter().zip(&group.targets) {
            assert!(theirs.as_str().is_none_or(|theirs| theirs == ours.as_str()), "{theirs:?}, but {ours:?}");
        }
        let labels = theirs.get("labels").and_then(yaml_serde::Value::as_mapping);
        assert_eq!(labels.map_or(0, yaml_serde::Mapping::len), group.labels.len());
    }
}
