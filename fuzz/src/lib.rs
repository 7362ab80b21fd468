//! Checks that the fuzz targets share: of groups, and of texts for people.

#[path = "../../tests/common/prometheus.rs"]
pub mod prometheus;

use http_sd_lambda::group::{LabelNames, Target, TargetGroup};
use sdctl::files::{Place, Poller, Reader};

/// The most bytes of an error. The longest one repeats names of 80 characters each.
const MOST_BYTES: usize = 2048;

/// Both rules for label names.
pub const LABEL_NAMES: [LabelNames; 2] = [LabelNames::Legacy, LabelNames::Utf8];

/// The pollers by whose rules a configuration may be read.
pub const POLLERS: [Poller; 3] = [Poller::Prometheus2, Poller::Prometheus3, Poller::Vmagent];

/// Checks that an error or a note is one line of bounded length.
pub fn check_line(text: &str) {
    assert!(!text.is_empty() && text.len() <= MOST_BYTES, "{} bytes: {text:.200}", text.len());
    assert!(!text.contains(char::is_control), "contains a control character: {text:?}");
}

/// Checks that Prometheus accepts a group, and reads the same content from its JSON.
pub fn check_group(group: &TargetGroup, names: LabelNames) {
    for target in &group.targets {
        let target = target.as_str();
        let is_blank = |c: char| c.is_whitespace() || c.is_control();
        assert!(!target.is_empty() && !target.contains(is_blank), "invalid target {target:?}");
    }
    let json = serde_json::to_vec(&[group]).unwrap();
    let read = match names {
        LabelNames::Legacy => prometheus::read(&json),
        LabelNames::Utf8 => prometheus::read_utf8(&json),
    };
    let [read] = &read.unwrap()[..] else { panic!("one group became several or none") };
    let labels = group.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    assert!(
        read.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(labels),
        "{read:?} of {group:?}"
    );
    assert!(read.targets.iter().eq(group.targets.iter().map(Target::as_str)), "{read:?} of {group:?}");
}

/// Checks that every group and fault has a place in the text.
pub fn check_files(reader: &Reader, text: &str) {
    let check_place = |place: &Place| {
        // The end of a text may count as another line.
        let most = text.split(['\n', '\r']).count() + 1;
        assert!(place.line.is_none_or(|line| (1..=most).contains(&line)), "{place} of {most} lines");
    };
    for group in &reader.groups {
        check_place(&group.place);
        assert!(group.place.group.is_some());
    }
    for fault in &reader.faults {
        check_place(&fault.place);
        check_line(&fault.to_string());
    }
    for note in reader.notes.iter().chain(&reader.unmatched).chain(&reader.unjudged).chain(&reader.remote) {
        check_place(&note.place);
        check_line(&note.to_string());
    }
}
