//! Changes for targets that move from files to the function, and that are not obvious from the files.

use std::collections::BTreeMap;

use http_sd_lambda::group::{Job, META_JOB, excerpt};
use regex_lite::Regex;

use super::{
    contents::{Advice, FileGroup, Note},
    fields::Poller,
    node::{Entry, Node, Value},
    place::Place,
};
use crate::terminal::text::{Count, shortened};

/// The label with the file of a target from `file_sd_configs`.
const FILE_PATH: &str = "__meta_filepath";
/// The label with the URL of a target from `http_sd_configs`.
const URL: &str = "__meta_url";

/// The places of a job's list, or of its scrape configuration, in the files of the command line.
#[derive(Debug, Default)]
pub(super) struct Origins(BTreeMap<Job, Vec<Origin>>);

#[derive(Debug)]
struct Origin {
    place: Place,
    is_configuration: bool,
}

/// Returns advice on relabelling rules whose labels change with a move. `has_files` is whether files list targets.
pub(super) fn of_rules(rules: &Node, place: &Place, has_files: bool) -> Vec<Advice> {
    let advice = |line, text: &str, consequence: &str| Advice {
        place: place.at(line),
        text: text.into(),
        consequence: consequence.into(),
        poller: None,
    };
    let of_path = line_of(rules, FILE_PATH).filter(|_| has_files).map(|line| {
        advice(
            line,
            "relabel_configs uses __meta_filepath, which only files have: write a label into the files, or use \
             __meta_dynamodb_group of ?meta=true",
            "after a move to the function the rule finds an empty label",
        )
    });
    let of_url = line_of(rules, URL).map(|line| {
        advice(
            line,
            "relabel_configs uses __meta_url, which targets of files do not have: use another label",
            "after a move to the function the rule finds the function's URL",
        )
    });
    of_path.into_iter().chain(of_url).collect()
}

/// Returns the line on which relabelling rules use a label by its name, or by the expression of a `labelmap`.
fn line_of(node: &Node, label: &str) -> Option<usize> {
    match &node.value {
        Value::Text(text) => text.contains(label).then_some(node.line),
        Value::List(list) => list.iter().find_map(|node| line_of(node, label)),
        Value::Map(entries) => {
            let by_name = entries.iter().find_map(|entry| line_of(&entry.value, label));
            by_name.or_else(|| maps(entries, label).then_some(node.line))
        }
        _ => None,
    }
}

/// Returns whether a rule copies a label to another name.
fn maps(rule: &[Entry], label: &str) -> bool {
    let field = |wanted: &str| {
        rule.iter().find_map(|Entry { key, value, .. }| match (&key.value, &value.value) {
            (Value::Text(name), Value::Text(text)) if name == wanted => Some(text.as_str()),
            _ => None,
        })
    };
    let regex = field("regex").or_else(|| field("replacement").and(Some(".*")));
    field("action").is_some_and(|action| action.eq_ignore_ascii_case("labelmap"))
        && regex
            .and_then(|regex| Regex::new(&format!("^(?s:{regex})$")).ok())
            .is_some_and(|regex| regex.is_match(label))
}

/// Returns advice on a group whose labels a merged map has too. `place` is that of the labels.
pub(super) fn of_merged_labels(place: Place) -> Advice {
    Advice {
        place,
        text: "labels is in the merged map too: write each label here".into(),
        consequence: "Prometheus uses the labels of both, vmagent only these".into(),
        poller: Some(Poller::Vmagent),
    }
}

/// Returns advice on each job whose name does not fit a URL.
pub(crate) fn without_url(groups: &[FileGroup]) -> impl Iterator<Item = Advice> {
    let mut odd: BTreeMap<&Job, &Place> = BTreeMap::new();
    for group in groups.iter().filter(|group| !group.job.fits_a_url()) {
        odd.entry(&group.job).or_insert(&group.place);
    }
    odd.into_iter().map(|(job, place)| {
        let selector = format!("{{{META_JOB}={}}}", excerpt(job.as_str()));
        Advice {
            place: place.clone(),
            text: "belongs to a job whose name does not fit a URL: it contains a slash, a backslash or a control \
                   character, or is . or .."
                .into(),
            consequence: format!(
                "the function rejects /prom/{{job}}: poll /prom with match[]={selector}, percent-encoded"
            ),
            poller: None,
        }
    })
}

/// Returns what a move changes for these groups, each kind once.
pub(super) fn of_groups(groups: &[FileGroup]) -> Vec<Advice> {
    let mut advice: Vec<Advice> = Vec::new();
    advice.extend(without_url(groups));
    let (first, count) = having(groups, URL);
    advice.extend(first.map(|group| Advice {
        place: group.place.clone(),
        text: format!("has the label __meta_url{}: rename it, also in relabel_configs", also(count)),
        consequence: "after a move to the function it is the function's URL".into(),
        poller: None,
    }));
    advice
}

/// Returns one note on the groups that have their own label `job`.
pub(super) fn of_own_jobs(groups: &[FileGroup]) -> Option<Note> {
    let (first, count) = having(groups, "job");
    let place = first?.place.clone();
    let text = format!(
        "has its own label job{}. The label stays with the URL /prom/{{job}}, and with /prom?meta=true and the rule in \
         docs/pollers.md. A rule that always copies {META_JOB} to job replaces it",
        also(count)
    );
    Some(Note { place, text })
}

/// Returns the first group with a label that is neither empty nor the name of the job, and the number of other such
/// groups.
fn having<'a>(groups: &'a [FileGroup], label: &str) -> (Option<&'a FileGroup>, usize) {
    let has = |group: &&FileGroup| {
        let mut labels = group.group.labels.iter();
        labels.any(|(name, value)| name.as_str() == label && !value.is_empty() && value != group.job.as_str())
    };
    let mut with = groups.iter().filter(has);
    (with.next(), with.count())
}

/// Returns the text that says how many more groups there are.
fn also(more: usize) -> String {
    if more == 0 { String::new() } else { format!(", like {}", Count(more, "more group")) }
}

impl Origins {
    pub(super) fn add(&mut self, job: &Job, place: &Place, is_configuration: bool) {
        let origin = Origin { place: place.clone(), is_configuration };
        self.0.entry(job.clone()).or_default().push(origin);
    }

    /// Returns advice on each job that two configurations, or a list and a configuration, have.
    pub(super) fn advice(&self) -> impl Iterator<Item = Advice> {
        self.shared(true).filter_map(|(job, origins)| {
            let [first, second, ..] = origins else { return None };
            Some(Advice {
                place: second.place.with_job(job),
                text: format!("is also a job of {}: rename one of the two", first.place),
                consequence: "after a move to the function each poller of the job gets the targets of both".into(),
                poller: None,
            })
        })
    }

    /// Returns a note on each job that several lists have.
    pub(super) fn notes(&self) -> impl Iterator<Item = Note> {
        self.shared(false).filter_map(|(job, origins)| {
            let (first, others) = origins.split_first()?;
            let names: Vec<String> = others.iter().map(|origin| origin.place.to_string()).collect();
            let text = format!("also gets the groups of {} ({})", Count(others.len(), "other file"), shortened(&names));
            Some(Note { place: first.place.with_job(job), text })
        })
    }

    /// Returns the jobs with several origins, of which one is a configuration or none is.
    fn shared(&self, with_configuration: bool) -> impl Iterator<Item = (&Job, &[Origin])> {
        let jobs = self.0.iter().map(|(job, origins)| (job, origins.as_slice()));
        jobs.filter(move |(_, origins)| {
            origins.len() > 1 && origins.iter().any(|origin| origin.is_configuration) == with_configuration
        })
    }
}
