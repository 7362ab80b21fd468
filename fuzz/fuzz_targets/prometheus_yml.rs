//! Prometheus configurations as `sdctl` reads them. Each group has a job of the configuration and is valid, or a fault
//! names its place. Without faults, another YAML reader finds the same number of groups in each job.
#![no_main]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use http_sd_lambda::group::LabelNames;
use http_sd_lambda_fuzz::{POLLERS, check_files, check_group};
use libfuzzer_sys::{Corpus, fuzz_target};
use sdctl::files::{Poller, ReadFile, Reader};
use yaml_serde::{Mapping, Value};

/// The folder of the configuration, with files that it may name.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/files");

fuzz_target!(|text: &str| -> Corpus {
    // The target must not read files of other folders. An escape may write a "/", or the name of a field that names files.
    let names_files = text.contains("file") || text.contains('\\');
    let escapes = ["\\x", "\\u", "\\U"].iter().any(|escape| text.contains(escape));
    if escapes || text.contains('\0') || names_files && text.contains('/') {
        return Corpus::Reject;
    }
    for poller in POLLERS {
        read(text, Some(poller));
    }
    let reader = read(text, None);
    // The content of other files is not in this text.
    if reader.files.len() == 1 {
        check_files(&reader, text);
    }
    reader.groups.iter().for_each(|read| check_group(&read.group, LabelNames::Legacy));
    let said = |reader: &Reader| {
        let faults = reader.faults.iter().map(ToString::to_string);
        let notes = reader.notes.iter().chain(&reader.unmatched).chain(&reader.unjudged);
        faults.chain(notes.map(ToString::to_string)).collect::<Vec<_>>()
    };
    let again = read(text, None);
    assert_eq!(said(&reader), said(&again));
    assert_eq!(reader.groups.len(), again.groups.len());
    let is_configuration = matches!(&reader.files[..], [ReadFile { configuration: true, .. }]);
    // The other reader represents merged keys and tags differently.
    if is_configuration && reader.faults.is_empty() && !text.contains(['<', '!']) {
        compare(&reader, text);
    }
    Corpus::Keep
});

fn read(text: &str, poller: Option<Poller>) -> Reader {
    let mut reader = Reader::new(LabelNames::Legacy);
    if let Some(poller) = poller {
        reader = reader.for_poller(poller);
    }
    reader.read_text(&[FOLDER, "prometheus.yml"].iter().collect::<PathBuf>(), text, None);
    assert_eq!(Path::new(&*reader.files[0].name), Path::new(FOLDER).join("prometheus.yml"));
    reader
}

/// Checks that another reader finds the same jobs, with the same number of groups and targets.
fn compare(reader: &Reader, text: &str) {
    let Ok(Value::Mapping(theirs)) = yaml_serde::from_str(text) else { return };
    let list = |map: &Mapping, name: &str| map.get(name).and_then(Value::as_sequence).cloned().unwrap_or_default();
    let mut expected: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for config in list(&theirs, "scrape_configs") {
        let config = config.as_mapping().unwrap();
        let groups = list(config, "static_configs");
        let targets: usize = groups.iter().map(|group| list(group.as_mapping().unwrap(), "targets").len()).sum();
        // A number as a job's name means its text.
        let Some(job) = config["job_name"].as_str() else { return };
        if !groups.is_empty() {
            expected.insert(job.to_owned(), (groups.len(), targets));
        }
    }
    let mut ours: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for read in &reader.groups {
        let (groups, targets) = ours.entry(read.job.as_str().to_owned()).or_default();
        *groups += 1;
        *targets += read.group.targets.len();
    }
    assert_eq!(ours, expected);
}
