//! Reads a Prometheus configuration: the target groups of its jobs, and the patterns of the files that it names.
//!
//! <https://prometheus.io/docs/prometheus/latest/configuration/configuration/>

use http_sd_lambda::group::{Fault, Job, LabelNames};

use super::{
    contents::{Item, Note, Reference, Role},
    fault::{FileFault, Problem, printable_field},
    list,
    node::{Node, Value},
    place::Place,
};

/// The fields of a configuration. <https://github.com/prometheus/prometheus/blob/main/config/config.go>
const FIELDS: [&str; 11] = [
    SCRAPE_CONFIGS,
    SCRAPE_CONFIG_FILES,
    "global",
    "runtime",
    "alerting",
    "rule_files",
    "remote_write",
    "remote_read",
    "storage",
    "tracing",
    "otlp",
];
const SCRAPE_CONFIGS: &str = "scrape_configs";
const SCRAPE_CONFIG_FILES: &str = "scrape_config_files";

/// Returns whether a map is a Prometheus configuration: whether it contains a field of one, or a misspelt field that
/// names targets.
pub(super) fn is_configuration(entries: &[(Node, Node)]) -> bool {
    entries.iter().any(|(key, _)| FIELDS.contains(&name(key)) || misspelt(name(key)).is_some())
}

/// Returns the items of a configuration. A nested one, which another configuration names, must contain nothing but
/// `scrape_configs`. Fields that do not concern targets are not checked.
pub(super) fn items(entries: Vec<(Node, Node)>, file: &Place, nested: bool, names: LabelNames) -> Vec<Item> {
    let mut configuration = Configuration { names, items: Vec::new() };
    for (key, value) in entries {
        match (name(&key), misspelt(name(&key))) {
            (field, Some(right)) => configuration.misspelt(file.at(key.line), field, right.into()),
            (SCRAPE_CONFIGS, _) => {
                for config in configuration.elements(file, value, SCRAPE_CONFIGS) {
                    configuration.scrape_config(file, config);
                }
            }
            (field, _) if nested => {
                let problem = format!(
                    "contains {}, which is valid only in the main configuration: move it there",
                    printable_field(field)
                );
                configuration.fault(file.at(key.line), "", Problem::Configuration(problem));
            }
            (SCRAPE_CONFIG_FILES, _) => configuration.files(file, value, SCRAPE_CONFIG_FILES, || Role::Nested),
            _ => {}
        }
    }
    configuration.items
}

/// Collects the items of a configuration.
struct Configuration {
    names: LabelNames,
    items: Vec<Item>,
}

impl Configuration {
    fn scrape_config(&mut self, file: &Place, config: Node) {
        let start = file.at(config.line);
        let mut entries = self.entries(file, config, "a scrape configuration");
        let job = match entries.iter().position(|(key, _)| name(key) == "job_name").map(|i| entries.remove(i).1) {
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
        let mut names_targets = false;
        for (key, value) in entries {
            let field = name(&key);
            names_targets |= field.ends_with("_sd_configs") || field == "static_configs";
            match field {
                "static_configs" => {
                    for (i, group) in self.elements(&file, value, "static_configs").into_iter().enumerate() {
                        list::group(group, i + 1, &file, &job, self.names, &mut self.items);
                    }
                }
                "file_sd_configs" => {
                    for config in self.elements(&file, value, "file_sd_configs") {
                        self.file_sd_config(&file, &job, config);
                    }
                }
                other if other.ends_with("_sd_configs") => {
                    let text = format!(
                        "{} is skipped: its targets are not in a file. Keep it in Prometheus's configuration",
                        printable_field(other)
                    );
                    self.note(file.at(key.line), text);
                }
                other if other == "static_config" || other.ends_with("_sd_config") => {
                    names_targets = true;
                    self.misspelt(file.at(key.line), other, format!("{other}s"));
                }
                _ => {}
            }
        }
        if !names_targets {
            self.note(start.with_job(&job), "names no targets: add static_configs or file_sd_configs".into());
        }
    }

    fn file_sd_config(&mut self, file: &Place, job: &Job, config: Node) {
        let (start, is_map) = (file.at(config.line), matches!(config.value, Value::Map(_)));
        let mut files = self.entries(file, config, "an element of file_sd_configs");
        files.retain(|(key, _)| name(key) == "files");
        let fault = match files.first().map(|(_, files)| &files.value) {
            None if !is_map => None,
            None | Some(Value::Null) => Some(Fault::Missing),
            Some(Value::List(patterns)) if patterns.is_empty() => Some(Fault::Empty),
            Some(_) => None,
        };
        if let Some(fault) = fault {
            self.fault(start, "files", Problem::Group(fault));
        }
        for (_, patterns) in files {
            self.files(file, patterns, "files", || Role::List(job.clone()));
        }
    }

    /// Reads a list of patterns that name files of this role.
    fn files(&mut self, file: &Place, patterns: Node, field: &str, role: impl Fn() -> Role) {
        for (i, node) in self.elements(file, patterns, field).into_iter().enumerate() {
            let place = file.at(node.line);
            match node.value {
                Value::Text(pattern) => self.items.push(Item::Reference(Reference { place, pattern, role: role() })),
                _ => self.fault(place, &format!("{field}[{i}]"), Problem::Group(node.wrong_type("a string"))),
            }
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

    fn entries(&mut self, file: &Place, node: Node, what: &str) -> Vec<(Node, Node)> {
        if let Value::Map(entries) = node.value {
            return entries;
        }
        self.fault(file.at(node.line), what, Problem::Group(node.wrong_type("a map")));
        Vec::new()
    }

    fn misspelt(&mut self, place: Place, field: &str, right: String) {
        self.fault(place, field, Problem::Misspelt(right));
    }

    fn fault(&mut self, place: Place, field: &str, problem: Problem) {
        self.items.push(Item::Fault(FileFault { place, field: field.into(), problem }));
    }

    fn note(&mut self, place: Place, text: String) {
        self.items.push(Item::Note(Note { place, text }));
    }
}

/// Returns the right spelling of a misspelt top-level field that names targets.
fn misspelt(field: &str) -> Option<&'static str> {
    let right = if field.starts_with("scrape_config_f") { SCRAPE_CONFIG_FILES } else { SCRAPE_CONFIGS };
    (field.starts_with("scrape") && !FIELDS.contains(&field)).then_some(right)
}

/// Returns a key's text; empty for a key that is not a string, which matches no field.
fn name(key: &Node) -> &str {
    match &key.value {
        Value::Text(name) => name,
        _ => "",
    }
}
