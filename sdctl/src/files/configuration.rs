//! Collects what a configuration contains, and judges its fields and their values one by one.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry as Slot},
    time::Duration,
};

use http_sd_lambda::group::{Fault, excerpt};

use super::{
    contents::{Item, Note, Reading},
    duration,
    fault::{FileFault, Problem, printable_field},
    fields::{Poller, Section, Use, is_of_targets, right_name},
    node::{Entry, Node, Sources, Value},
    place::Place,
};

/// The most fields that the note on values without a check names.
const MOST_UNJUDGED: usize = 10;

/// Collects the items of a configuration.
pub(super) struct Configuration {
    pub(super) reading: Reading,
    /// The `scrape_interval` of `global`; `None` if it is not known.
    pub(super) interval: Option<Duration>,
    /// The fields whose values are not judged.
    unjudged: BTreeSet<String>,
    pub(super) items: Vec<Item>,
}

impl Configuration {
    pub(super) fn new(reading: Reading, interval: Option<Duration>) -> Self {
        Self { reading, interval, unjudged: BTreeSet::new(), items: Vec::new() }
    }

    /// Returns the items, with one that names the fields whose values are not judged.
    pub(super) fn finish(mut self, file: &Place) -> Vec<Item> {
        if !self.unjudged.is_empty() {
            let mut names: Vec<&str> = self.unjudged.iter().map(String::as_str).take(MOST_UNJUDGED).collect();
            if self.unjudged.len() > MOST_UNJUDGED {
                names.push("others");
            }
            let other =
                if self.reading.poller == Some(Poller::Vmagent) { "vmagent -dryRun" } else { "promtool check config" };
            let text = format!("the values of {} are not checked: run {other}", names.join(", "));
            self.items.push(Item::Unjudged(Note { place: file.clone(), text }));
        }
        self.items
    }

    /// Returns the fields of a map with their keys. As in Prometheus, a field of a merged map gives way to a later one.
    pub(super) fn fields(&mut self, file: &Place, entries: Vec<Entry>) -> Vec<(Node, Node)> {
        let mut fields: Vec<Option<(Node, Node)>> = Vec::with_capacity(entries.len());
        let mut known: HashMap<String, (usize, Sources)> = HashMap::new();
        for Entry { key, value, source } in entries {
            let Value::Text(field) = &key.value else {
                self.fault(file.at(key.line), "a field's name", Problem::Group(key.wrong_type("a string")));
                continue;
            };
            match known.entry(field.clone()) {
                Slot::Vacant(new) => {
                    new.insert((fields.len(), Sources::default())).1.insert(source);
                }
                Slot::Occupied(mut slot) => {
                    let (at, sources) = slot.get_mut();
                    if !sources.insert(source) {
                        let field = printable_field(field);
                        self.fault(file.at(key.line), &field, Problem::Group(Fault::Repeated));
                        continue;
                    }
                    fields[*at] = None;
                    *at = fields.len();
                }
            }
            fields.push(Some((key, value)));
        }
        fields.into_iter().flatten().collect()
    }

    /// Returns the fields of a map that may be null.
    pub(super) fn optional_fields(&mut self, file: &Place, node: Node, what: &str) -> Vec<(Node, Node)> {
        match node.value {
            Value::Map(entries) => self.fields(file, entries),
            Value::Null => Vec::new(),
            _ => {
                self.fault(file.at(node.line), what, Problem::Group(node.wrong_type("a map")));
                Vec::new()
            }
        }
    }

    /// Returns whether the poller accepts a field. Reports the field if not.
    pub(super) fn is_known(&mut self, file: &Place, key: &Node, section: Section) -> bool {
        let field = name(key);
        let problem = match section.field(field, self.reading.poller) {
            Use::Accepted => return true,
            Use::OnlyBy(poller) => Problem::UnknownField(format!("is a field of {poller} only: remove it")),
            Use::Unknown => match right_name(section, field) {
                Some(right) => Problem::Misspelt(right),
                None if section != Section::ScrapeConfig && is_of_targets(field) => {
                    let problem =
                        format!("is not a field of {}: move it into an element of scrape_configs", section.name());
                    Problem::UnknownField(problem)
                }
                None => {
                    let problem = format!("is not a field of {}: correct its name or remove it", section.name());
                    Problem::UnknownField(problem)
                }
            },
        };
        self.fault(file.at(key.line), field, problem);
        false
    }

    /// Checks that a value is a list of maps.
    pub(super) fn rules(&mut self, file: &Place, field: &str, node: &Node) {
        let rules = match &node.value {
            Value::Null => return,
            Value::List(rules) => rules,
            _ => return self.fault(file.at(node.line), field, Problem::Group(node.wrong_type("a list"))),
        };
        for (i, rule) in rules.iter().enumerate().filter(|(_, rule)| !matches!(rule.value, Value::Map(_))) {
            self.fault(file.at(rule.line), &format!("{field}[{i}]"), Problem::Group(rule.wrong_type("a map")));
        }
    }

    /// Checks that a value is null, or a text that `fits`.
    pub(super) fn scalar(
        &mut self,
        file: &Place,
        field: &str,
        node: &Node,
        fits: fn(&str) -> bool,
        expected: &'static str,
    ) {
        let problem = match &node.value {
            Value::Null => return,
            Value::Text(text) if fits(text) => return,
            Value::Text(text) => Problem::Configuration(format!("is {}, but must be {expected}", excerpt(text))),
            _ => Problem::Group(node.wrong_type(expected)),
        };
        self.fault(file.at(node.line), field, problem);
    }

    /// Records that the value of a field is not judged, but for keys that are written twice.
    pub(super) fn unjudged(&mut self, file: &Place, field: &str, value: &Node) {
        self.unjudged.insert(printable_field(field));
        self.repeated(file, value);
    }

    /// Reports the keys that a map in a value repeats.
    pub(super) fn repeated(&mut self, file: &Place, node: &Node) {
        match &node.value {
            Value::List(list) => list.iter().for_each(|node| self.repeated(file, node)),
            Value::Map(entries) => {
                let mut known: HashMap<&str, Sources> = HashMap::new();
                for Entry { key, value, source } in entries {
                    if !known.entry(name(key)).or_default().insert(*source) {
                        self.fault(file.at(key.line), &printable_field(name(key)), Problem::Group(Fault::Repeated));
                    }
                    self.repeated(file, value);
                }
            }
            _ => {}
        }
    }

    /// Returns the duration of a field; null is zero. Returns `None` after a fault.
    pub(super) fn duration(&mut self, file: &Place, field: &str, node: &Node) -> Option<Duration> {
        let text = match &node.value {
            Value::Null => return Some(Duration::ZERO),
            Value::Text(text) => text,
            _ => {
                self.fault(file.at(node.line), field, Problem::Group(node.wrong_type("a duration")));
                return None;
            }
        };
        let duration = duration::parse(text);
        let is_valid = match self.reading.poller {
            Some(Poller::Prometheus2 | Poller::Prometheus3) => duration.is_some(),
            Some(Poller::Vmagent) => duration::is_of_vmagent(text),
            None => true,
        };
        if !is_valid {
            let problem = format!("is {}, which is not a duration: write it as 30s or 1m30s", excerpt(text));
            self.fault(file.at(node.line), field, Problem::Configuration(problem));
        }
        duration
    }

    /// Reports a time-out that is above its interval. vmagent shortens such a time-out.
    pub(super) fn check_timeout(&mut self, place: &Place, interval: Option<Duration>, timeout: Option<Duration>) {
        let is_prometheus = matches!(self.reading.poller, Some(Poller::Prometheus2 | Poller::Prometheus3));
        let (Some(interval), Some(timeout)) = (interval, timeout) else { return };
        if is_prometheus && timeout > interval {
            let problem = "is longer than scrape_interval: shorten it";
            self.fault(place.clone(), "scrape_timeout", Problem::Configuration(problem.into()));
        }
    }

    /// Returns the elements of a list; null counts as an empty list.
    pub(super) fn elements(&mut self, file: &Place, node: Node, what: &str) -> Vec<Node> {
        match node.value {
            Value::List(list) => list,
            Value::Null => Vec::new(),
            _ => {
                self.fault(file.at(node.line), what, Problem::Group(node.wrong_type("a list")));
                Vec::new()
            }
        }
    }

    pub(super) fn fault(&mut self, place: Place, field: &str, problem: Problem) {
        self.items.push(Item::Fault(FileFault { place, field: field.into(), problem }));
    }

    pub(super) fn note(&mut self, place: Place, text: String) {
        self.items.push(Item::Note(Note { place, text }));
    }
}

/// Returns a key's text; empty for a key that is not a string, which matches no field.
pub(super) fn name(key: &Node) -> &str {
    match &key.value {
        Value::Text(name) => name,
        _ => "",
    }
}
