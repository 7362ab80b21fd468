//! Reads a Prometheus configuration: the target groups of its jobs, and the patterns of the files that it names.
//!
//! Prometheus refuses a whole configuration for one field that it does not know. `sdctl` judges each field's name, and
//! the values that concern targets.
//!
//! <https://prometheus.io/docs/prometheus/latest/configuration/configuration/>

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry as Slot},
    time::Duration,
};

use http_sd_lambda::group::{Fault, Job, excerpt};

use super::{
    contents::{Advice, Item, Note, Reading, Reference, Role},
    duration,
    fault::{FileFault, Problem, printable_field},
    fields::{Poller, Section, Use, is_of_targets, right_name},
    list, moves,
    node::{Entry, Node, Sources, Value},
    pattern,
    place::Place,
    scalar,
};
use crate::terminal::text::Count;

const SCRAPE_CONFIGS: &str = "scrape_configs";
const SCRAPE_CONFIG_FILES: &str = "scrape_config_files";

/// The fields of a scrape configuration that are true or false.
const BOOLEANS: [&str; 7] = [
    "honor_labels",
    "honor_timestamps",
    "track_timestamps_staleness",
    "enable_compression",
    "enable_http2",
    "follow_redirects",
    "proxy_from_environment",
];

/// The most fields that the note on values without a check names.
const MOST_UNJUDGED: usize = 10;

/// Prometheus's default.
const SCRAPE_INTERVAL: Duration = Duration::from_mins(1);

/// Returns whether a map is a Prometheus configuration: whether it contains a field of one, or a misspelt field that
/// names targets.
pub(super) fn is_configuration(entries: &[Entry]) -> bool {
    entries.iter().any(|Entry { key, .. }| {
        let field = name(key);
        Section::Whole.field(field, None) == Use::Accepted || field.starts_with("scrape")
    })
}

/// Returns whether an element of a list is a scrape configuration rather than a target group.
pub(super) fn is_scrape_config(node: &Node) -> bool {
    let Value::Map(entries) = &node.value else { return false };
    let has = |field: &str| entries.iter().any(|entry| name(&entry.key) == field);
    has("job_name") && !has("targets")
}

/// Returns the items of a configuration. A nested one, which another configuration names, must contain nothing but
/// `scrape_configs`.
pub(super) fn items(entries: Vec<Entry>, file: &Place, role: &Role, reading: Reading) -> Vec<Item> {
    let interval = if let Role::Nested(interval) = role { *interval } else { Some(SCRAPE_INTERVAL) };
    let mut configuration = Configuration::new(reading, interval);
    configuration.whole(file, entries, matches!(role, Role::Nested(_)));
    configuration.finish(file)
}

/// Returns the items of a list of scrape configurations, as the Prometheus Operator and vmagent accept it.
///
/// `interval` is that of the main configuration, if known.
pub(super) fn scrape_config_items(
    list: Vec<Node>,
    file: &Place,
    interval: Option<Duration>,
    reading: Reading,
) -> Vec<Item> {
    let mut configuration = Configuration::new(reading, interval);
    for config in list {
        configuration.scrape_config(file, config);
    }
    configuration.finish(file)
}

/// Collects the items of a configuration.
struct Configuration {
    reading: Reading,
    /// The `scrape_interval` of `global`; `None` if it is not known.
    interval: Option<Duration>,
    /// The fields whose values are not judged.
    unjudged: BTreeSet<String>,
    items: Vec<Item>,
}

impl Configuration {
    fn new(reading: Reading, interval: Option<Duration>) -> Self {
        Self { reading, interval, unjudged: BTreeSet::new(), items: Vec::new() }
    }

    /// Returns the items, with one that names the fields whose values are not judged.
    fn finish(mut self, file: &Place) -> Vec<Item> {
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

    fn whole(&mut self, file: &Place, entries: Vec<Entry>, nested: bool) {
        let mut fields = self.fields(file, entries);
        // Another program's configuration may have `global` too, but no jobs.
        let has_jobs = fields.iter().any(|(key, _)| name(key).starts_with("scrape") || is_of_targets(name(key)));
        // The jobs take the defaults of `global`, wherever it is.
        fields.sort_by_key(|(key, _)| name(key) != "global");
        for (key, value) in fields {
            let field = name(&key);
            match field {
                SCRAPE_CONFIGS => {
                    for config in self.elements(file, value, SCRAPE_CONFIGS) {
                        self.scrape_config(file, config);
                    }
                }
                _ if nested && Section::Whole.field(field, None) == Use::Accepted => {
                    let problem =
                        format!("contains {field}, which is valid only in the main configuration: move it there");
                    self.fault(file.at(key.line), "", Problem::Configuration(problem));
                }
                _ if !has_jobs => {}
                SCRAPE_CONFIG_FILES if self.is_known(file, &key, Section::Whole) => {
                    self.files(file, value, SCRAPE_CONFIG_FILES, pattern::is_path, Role::Nested);
                }
                "global" => self.global(file, value),
                "rule_files" if self.is_known(file, &key, Section::Whole) => {
                    self.unjudged(file, field, &value);
                    let patterns = if let Value::List(patterns) = value.value { patterns } else { Vec::new() };
                    self.items.extend(patterns.into_iter().filter_map(|node| match node.value {
                        Value::Text(pattern) => Some(Item::Rules(pattern)),
                        _ => None,
                    }));
                }
                _ if self.is_known(file, &key, Section::Whole) => self.unjudged(file, field, &value),
                _ => {}
            }
        }
    }

    fn global(&mut self, file: &Place, node: Node) {
        let (mut interval, mut timeout) = (Some(Duration::ZERO), None);
        let line = node.line;
        for (key, value) in self.optional_fields(file, node, "global") {
            match name(&key) {
                field @ "scrape_interval" => interval = self.duration(file, field, &value),
                field @ "scrape_timeout" => timeout = self.duration(file, field, &value),
                "relabel_configs" if self.is_known(file, &key, Section::Global) => {
                    self.items.extend(moves::of_rules(&value, file, true).into_iter().map(Item::Advice));
                    self.unjudged(file, "relabel_configs", &value);
                }
                field @ "evaluation_interval" if self.is_known(file, &key, Section::Global) => {
                    self.duration(file, field, &value);
                }
                field if self.is_known(file, &key, Section::Global) => self.unjudged(file, field, &value),
                _ => {}
            }
        }
        self.interval = interval.map(|interval| if interval.is_zero() { SCRAPE_INTERVAL } else { interval });
        self.check_timeout(&file.at(line), self.interval, timeout);
    }

    fn scrape_config(&mut self, file: &Place, config: Node) {
        let start = file.at(config.line);
        let mut fields = match config.value {
            Value::Map(entries) => self.fields(file, entries),
            _ => {
                return self.fault(start, "a scrape configuration", Problem::Group(config.wrong_type("a map")));
            }
        };
        let job = match fields.iter().position(|(key, _)| name(key) == "job_name").map(|i| fields.remove(i).1) {
            Some(Node { value: Value::Text(name), .. }) => Job::new(name),
            Some(node) => Err(node.wrong_type("a string")),
            None => Err(Fault::Missing),
        };
        let job = match job {
            Ok(job) => job,
            Err(fault) => return self.fault(start, "job_name", Problem::Group(fault)),
        };
        self.items.push(Item::Job(job.clone(), start.clone()));
        let file = file.with_job(&job);
        let rules = fields.iter().find(|(key, _)| name(key) == "relabel_configs").map(|(_, rules)| rules);
        let is_relabelled = rules.is_some_and(|rules| matches!(&rules.value, Value::List(rules) if !rules.is_empty()));
        let readdressed = rules.is_some_and(writes_address);
        let has = |field: &str| fields.iter().any(|(key, _)| name(key) == field);
        let (has_static, has_files) = (has("static_configs"), has("file_sd_configs"));
        if let Some(rules) = rules.filter(|_| has_static || has_files) {
            self.items.extend(moves::of_rules(rules, &file, has_files).into_iter().map(Item::Advice));
        }
        let mut names_targets = false;
        let (mut interval, mut timeout) = (Some(Duration::ZERO), None);
        for (key, value) in fields {
            let field = name(&key);
            names_targets |= is_of_targets(field);
            match field {
                "static_configs" => {
                    for (i, group) in self.elements(&file, value, field).into_iter().enumerate() {
                        self.static_config(group, i + 1, &file, &job, is_relabelled, readdressed);
                    }
                }
                "file_sd_configs" => {
                    for config in self.elements(&file, value, field) {
                        self.file_sd_config(&file, &job, readdressed, config);
                    }
                }
                "scrape_interval" => interval = self.duration(&file, field, &value),
                "scrape_timeout" => timeout = self.duration(&file, field, &value),
                _ if !self.is_known(&file, &key, Section::ScrapeConfig) => {}
                other if other.ends_with("_sd_configs") => {
                    self.repeated(&file, &value);
                    if other == "http_sd_configs" {
                        self.http_sd_configs(&file.at(key.line), &value, has_static || has_files);
                    }
                    let text = format!(
                        "{} is skipped: its targets are not in a file. Keep it in Prometheus's configuration",
                        printable_field(other)
                    );
                    self.note(file.at(key.line), text);
                }
                "relabel_configs" | "metric_relabel_configs" => {
                    self.rules(&file, field, &value);
                    self.unjudged(&file, field, &value);
                }
                "metrics_path" | "scheme" => self.scalar(&file, field, &value, |_| true, "a string"),
                field if BOOLEANS.contains(&field) => {
                    self.scalar(&file, field, &value, scalar::is_boolean, "true or false");
                }
                other => self.unjudged(&file, other, &value),
            }
        }
        let start = start.with_job(&job);
        let interval = interval.and_then(|own| if own.is_zero() { self.interval } else { Some(own) });
        self.check_timeout(&start, interval, timeout);
        if !names_targets {
            self.note(start, "names no targets: add static_configs or file_sd_configs".into());
        }
    }

    /// Checks what vmagent and Prometheus treat differently.
    fn http_sd_configs(&mut self, place: &Place, configs: &Node, gets_another: bool) {
        let Value::List(configs) = &configs.value else { return };
        if configs.len() + usize::from(gets_another) > 1 {
            let consequence =
                "if one URL fails and another succeeds, vmagent drops the targets of the failed one".into();
            let after = if gets_another { ", and another one after a move to the function" } else { "" };
            let text = format!("polls {}{after}: give each URL its own job", Count(configs.len(), "URL"));
            let advice = Advice { place: place.clone(), text, consequence, poller: Some(Poller::Vmagent) };
            self.items.push(Item::Advice(advice));
        }
        if self.reading.poller != Some(Poller::Vmagent) {
            return;
        }
        let maps = configs
            .iter()
            .filter_map(|config| if let Value::Map(entries) = &config.value { Some(entries) } else { None });
        for Entry { key, .. } in maps.flatten().filter(|entry| name(&entry.key) == "refresh_interval") {
            let problem = "is not a field of vmagent: remove it, and set the flag -promscrape.httpSDCheckInterval";
            self.fault(place.at(key.line), "refresh_interval", Problem::UnknownField(problem.into()));
        }
    }

    fn static_config(
        &mut self,
        group: Node,
        number: usize,
        list: &Place,
        job: &Job,
        is_relabelled: bool,
        readdressed: bool,
    ) {
        let first = self.items.len();
        list::group(group, number, list, (job, readdressed), self.reading, &mut self.items);
        let is_prometheus = matches!(self.reading.poller, Some(Poller::Prometheus2 | Poller::Prometheus3));
        let Some(Item::Group(group)) = self.items.get(first) else { return };
        if !is_prometheus || is_relabelled {
            return;
        }
        let targets = &group.group.targets;
        let Some((i, url)) = targets.iter().enumerate().find(|(_, target)| target.as_str().contains('/')) else {
            return;
        };
        let problem = format!(
            "{} contains \"/\", but the job has no relabel_configs: write the address as host:port, or relabel it",
            excerpt(url.as_str())
        );
        let place = group.place.clone();
        self.items.truncate(first);
        self.fault(place, &format!("targets[{i}]"), Problem::Configuration(problem));
    }

    fn file_sd_config(&mut self, file: &Place, job: &Job, readdressed: bool, config: Node) {
        let start = file.at(config.line);
        let Value::Map(entries) = config.value else {
            let problem = Problem::Group(config.wrong_type("a map"));
            return self.fault(start, "an element of file_sd_configs", problem);
        };
        let mut fields = self.fields(file, entries);
        let files = fields.iter().position(|(key, _)| name(key) == "files").map(|i| fields.remove(i).1);
        let Some(files) = files.filter(|files| files.value != Value::Null) else {
            return self.fault(start, "files", Problem::Group(Fault::Missing));
        };
        for (key, value) in fields {
            if self.is_known(file, &key, Section::FileSdConfig) {
                self.duration(file, name(&key), &value);
            }
        }
        if matches!(&files.value, Value::List(patterns) if patterns.is_empty()) {
            return self.fault(start, "files", Problem::Group(Fault::Empty));
        }
        self.files(file, files, "files", pattern::is_list_path, |_| Role::List(job.clone(), readdressed));
    }

    /// Reads a list of patterns that name files of this role. Prometheus refuses a pattern that is not `allowed`.
    fn files(
        &mut self,
        file: &Place,
        patterns: Node,
        field: &str,
        allowed: fn(&str) -> bool,
        role: impl Fn(Option<Duration>) -> Role,
    ) {
        let is_prometheus = matches!(self.reading.poller, Some(Poller::Prometheus2 | Poller::Prometheus3));
        for (i, node) in self.elements(file, patterns, field).into_iter().enumerate() {
            let place = file.at(node.line);
            match node.value {
                Value::Text(pattern) if is_prometheus && !allowed(&pattern) => {
                    let remedy = if field == "files" {
                        "use \"*\" after the last \"/\" only, and end it in .json, .yml or .yaml"
                    } else {
                        "use \"*\" after the last \"/\" only"
                    };
                    let problem = format!("contains the invalid pattern {}: {remedy}", excerpt(&pattern));
                    self.fault(place, field, Problem::Configuration(problem));
                }
                Value::Text(pattern) => {
                    self.items.push(Item::Reference(Reference { place, pattern, role: role(self.interval) }));
                }
                _ => self.fault(place, &format!("{field}[{i}]"), Problem::Group(node.wrong_type("a string"))),
            }
        }
    }

    /// Returns the fields of a map with their keys. As in Prometheus, a field of a merged map gives way to a later one.
    fn fields(&mut self, file: &Place, entries: Vec<Entry>) -> Vec<(Node, Node)> {
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
    fn optional_fields(&mut self, file: &Place, node: Node, what: &str) -> Vec<(Node, Node)> {
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
    fn is_known(&mut self, file: &Place, key: &Node, section: Section) -> bool {
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
    fn rules(&mut self, file: &Place, field: &str, node: &Node) {
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
    fn scalar(&mut self, file: &Place, field: &str, node: &Node, fits: fn(&str) -> bool, expected: &'static str) {
        let problem = match &node.value {
            Value::Null => return,
            Value::Text(text) if fits(text) => return,
            Value::Text(text) => Problem::Configuration(format!("is {}, but must be {expected}", excerpt(text))),
            _ => Problem::Group(node.wrong_type(expected)),
        };
        self.fault(file.at(node.line), field, problem);
    }

    /// Records that the value of a field is not judged, but for keys that are written twice.
    fn unjudged(&mut self, file: &Place, field: &str, value: &Node) {
        self.unjudged.insert(printable_field(field));
        self.repeated(file, value);
    }

    /// Reports the keys that a map in a value repeats.
    fn repeated(&mut self, file: &Place, node: &Node) {
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
    fn duration(&mut self, file: &Place, field: &str, node: &Node) -> Option<Duration> {
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
            Some(Poller::Vmagent) => is_vmagent_duration(text),
            None => true,
        };
        if !is_valid {
            let problem = format!("is {}, which is not a duration: write it as 30s or 1m30s", excerpt(text));
            self.fault(file.at(node.line), field, Problem::Configuration(problem));
        }
        duration
    }

    /// Reports a time-out that is above its interval. vmagent shortens such a time-out.
    fn check_timeout(&mut self, place: &Place, interval: Option<Duration>, timeout: Option<Duration>) {
        let is_prometheus = matches!(self.reading.poller, Some(Poller::Prometheus2 | Poller::Prometheus3));
        let (Some(interval), Some(timeout)) = (interval, timeout) else { return };
        if is_prometheus && timeout > interval {
            let problem = "is longer than scrape_interval: shorten it";
            self.fault(place.clone(), "scrape_timeout", Problem::Configuration(problem.into()));
        }
    }

    /// Returns the elements of a list; null counts as an empty list.
    fn elements(&mut self, file: &Place, node: Node, what: &str) -> Vec<Node> {
        match node.value {
            Value::List(list) => list,
            Value::Null => Vec::new(),
            _ => {
                self.fault(file.at(node.line), what, Problem::Group(node.wrong_type("a list")));
                Vec::new()
            }
        }
    }

    fn fault(&mut self, place: Place, field: &str, problem: Problem) {
        self.items.push(Item::Fault(FileFault { place, field: field.into(), problem }));
    }

    fn note(&mut self, place: Place, text: String) {
        self.items.push(Item::Note(Note { place, text }));
    }
}

/// Returns whether vmagent reads a duration: numbers, also with a sign or a fraction, each with a unit or in seconds.
fn is_vmagent_duration(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    digits > 0 && text.chars().all(|c| c.is_ascii_digit() || "-.mshdwyi".contains(c))
}

/// Returns whether a relabelling rule writes the address of a target.
fn writes_address(rules: &Node) -> bool {
    let Value::List(rules) = &rules.value else { return false };
    let writes = |Entry { key, value, .. }: &Entry| {
        name(key) == "target_label" && matches!(&value.value, Value::Text(label) if label == "__address__")
    };
    rules.iter().any(|rule| matches!(&rule.value, Value::Map(entries) if entries.iter().any(writes)))
}

/// Returns a key's text; empty for a key that is not a string, which matches no field.
fn name(key: &Node) -> &str {
    match &key.value {
        Value::Text(name) => name,
        _ => "",
    }
}
