//! A Prometheus configuration: the target groups of its jobs, written in it or in the files that it names.
//!
//! <https://prometheus.io/docs/prometheus/latest/configuration/configuration/>

use http_sd_lambda::group::{Fault, Job};

use super::{
    fault::{FileFault, Problem, printable_field},
    node::{Node, Value},
    reader::{Reader, Source},
};

/// What a configuration may say. <https://github.com/prometheus/prometheus/blob/main/config/config.go>
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

/// Whether a map is a Prometheus configuration, by its fields, or by one that is meant for one that has targets.
pub(super) fn is_configuration(entries: &[(Node, Node)]) -> bool {
    entries.iter().any(|(key, _)| FIELDS.contains(&name(key)) || misspelt(name(key)).is_some())
}

impl Reader {
    /// Reads a whole configuration, or one that another names: `nested`, which has nothing but `scrape_configs`. Of the
    /// parts that have nothing to do with targets nothing is asked.
    pub(super) fn configuration(&mut self, source: &Source, entries: Vec<(Node, Node)>, nested: bool) {
        if !nested {
            self.jobs.clear();
        }
        let faults = self.faults.len();
        for (key, value) in entries {
            match name(&key) {
                SCRAPE_CONFIGS => {
                    for config in self.elements(source, value, SCRAPE_CONFIGS) {
                        self.scrape_config(source, config);
                    }
                }
                field if misspelt(field).is_some() => {
                    let right = misspelt(field).unwrap_or_default();
                    self.misspelt(source, &key, right.into());
                }
                field if nested => {
                    let problem = format!("has {}, which only the main configuration may have", printable_field(field));
                    self.problem(source.at(key.line), Problem::Configuration(problem));
                }
                SCRAPE_CONFIG_FILES => self.files(source, None, value, SCRAPE_CONFIG_FILES),
                _ => {}
            }
        }
        if !nested && self.jobs.is_empty() && self.faults.len() == faults {
            self.note(source.whole(), "names no scrape configuration".into());
        }
    }

    fn scrape_config(&mut self, source: &Source, config: Node) {
        let line = config.line;
        let mut entries = self.entries(source, config, "a scrape configuration");
        let job = match entries.iter().position(|(key, _)| name(key) == "job_name").map(|i| entries.remove(i).1.value) {
            Some(Value::Text(name)) => Job::new(name),
            Some(_) => Err(Fault::WrongType { found: "no string", expected: "a string" }),
            None => Err(Fault::Missing),
        };
        let job = match job {
            Ok(job) => job,
            Err(fault) => return self.fault(source.at(line), "job_name".into(), fault),
        };
        if let Some(first) = self.jobs.get(&job) {
            let problem = format!("is the name of another scrape configuration, at {first}: give each its own");
            let (place, field) = (source.with_job(&job).at(line), "job_name".into());
            self.faults.push(FileFault { place, field, problem: Problem::Configuration(problem) });
        } else {
            self.jobs.insert(job.clone(), source.at(line));
        }
        let source = source.with_job(&job);
        let mut names_targets = false;
        for (key, value) in entries {
            let field = name(&key);
            names_targets |= field.ends_with("_sd_configs") || field == "static_configs";
            match field {
                "static_configs" => {
                    for (i, group) in self.elements(&source, value, "static_configs").into_iter().enumerate() {
                        self.group(&source, &job, i, group);
                    }
                }
                "file_sd_configs" => {
                    for config in self.elements(&source, value, "file_sd_configs") {
                        self.file_sd_config(&source, &job, config);
                    }
                }
                other if other.ends_with("_sd_configs") => {
                    let why = "its targets stand in no file, and stay with Prometheus";
                    self.note(source.at(key.line), format!("{} is left out: {why}", printable_field(other)));
                }
                other if other == "static_config" || other.ends_with("_sd_config") => {
                    names_targets = true;
                    self.misspelt(&source, &key, format!("{other}s"));
                }
                _ => {}
            }
        }
        if !names_targets {
            self.note(source.at(line), "names no targets".into());
        }
    }

    fn file_sd_config(&mut self, source: &Source, job: &Job, config: Node) {
        let (line, is_map) = (config.line, matches!(config.value, Value::Map(_)));
        let mut files = self.entries(source, config, "an element of file_sd_configs");
        files.retain(|(key, _)| name(key) == "files");
        let fault = match files.first().map(|(_, files)| &files.value) {
            None if !is_map => None,
            None | Some(Value::Null) => Some(Fault::Missing),
            Some(Value::List(patterns)) if patterns.is_empty() => Some(Fault::Empty),
            Some(_) => None,
        };
        if let Some(fault) = fault {
            self.fault(source.at(line), "files".into(), fault);
        }
        for (_, patterns) in files {
            self.files(source, Some(job), patterns, "files");
        }
    }

    fn misspelt(&mut self, source: &Source, key: &Node, right: String) {
        let (place, field) = (source.at(key.line), name(key).to_owned());
        self.faults.push(FileFault { place, field, problem: Problem::Misspelt(right) });
    }

    /// Reads the files that a list of patterns names.
    fn files(&mut self, source: &Source, job: Option<&Job>, patterns: Node, field: &str) {
        for (i, pattern) in self.elements(source, patterns, field).into_iter().enumerate() {
            let at = source.at(pattern.line);
            let Value::Text(text) = &pattern.value else {
                let fault = Fault::WrongType { found: pattern.kind(), expected: "a string" };
                self.fault(at, format!("{field}[{i}]"), fault);
                continue;
            };
            for path in self.matching(source, &at, text) {
                self.read_file(&path, job);
            }
        }
    }
}

/// The field of a configuration that a wrong one is meant for, if that has targets.
fn misspelt(field: &str) -> Option<&'static str> {
    let right = if field.starts_with("scrape_config_f") { SCRAPE_CONFIG_FILES } else { SCRAPE_CONFIGS };
    (field.starts_with("scrape") && !FIELDS.contains(&field)).then_some(right)
}

/// A key as text; a key that is no text has no meaning here.
fn name(key: &Node) -> &str {
    match &key.value {
        Value::Text(name) => name,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use http_sd_lambda::group::LabelNames;
    use tempfile::TempDir;

    use super::*;

    fn read(files: &[(&str, &str)]) -> (Reader, String) {
        let folder = TempDir::new().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let mut reader = Reader::new(LabelNames::Legacy);
        reader.read(&folder.path().join(files[0].0), None);
        let lines = reader.faults.iter().map(ToString::to_string).chain(reader.notes.iter().map(ToString::to_string));
        let said = lines.collect::<Vec<_>>().join("\n").replace(&format!("{}/", folder.path().display()), "");
        (reader, said)
    }

    #[test]
    fn a_configuration_that_names_itself_is_not_followed_for_ever() {
        let text =
            "scrape_config_files: [a.yml]\nscrape_configs: [{job_name: x, file_sd_configs: [{files: [a.yml]}]}]\n";
        let nested = "a.yml:1: has scrape_config_files, which only the main configuration may have";
        let no_list = "a.yml:1: job \"x\": is a map, but must be a list of target groups";
        let twice =
            "a.yml:2: job \"x\": job_name is the name of another scrape configuration, at a.yml:2: give each its own";
        let (_, said) = read(&[("a.yml", text)]);
        assert_eq!(said, [nested, no_list, twice, no_list].join("\n"));
    }

    #[test]
    fn what_would_make_a_short_list_is_a_fault_or_noted() {
        let job = |rest: &str| format!("scrape_configs:\n- job_name: x\n{rest}");
        let no_scrape = "a.yml: names no scrape configuration";
        for (text, expected) in [
            (
                job("  static_config: [{targets: [a:1]}]"),
                "a.yml:3: job \"x\": \"static_config\" is not a field of a configuration: write static_configs",
            ),
            (job("  ec2_sd_config: []"), "write ec2_sd_configs"),
            (job("  \"x\\e[31m_sd_config\": []"), "write x\\u{1b}[31m_sd_configs"),
            (job("  file_sd_config: [{files: [b.yml]}]"), "write file_sd_configs"),
            (job("  file_sd_configs: [{file: [b.yml]}]"), "a.yml:3: job \"x\": files is missing"),
            (job("  file_sd_configs: [{files: }]"), "a.yml:3: job \"x\": files is missing"),
            (job("  file_sd_configs: [{files: []}]"), "a.yml:3: job \"x\": files is empty"),
            (job("  scheme: https"), "a.yml:2: job \"x\": names no targets"),
            (job("  static_configs: []"), ""),
            (
                job("- job_name: x"),
                "a.yml:3: job \"x\": job_name is the name of another scrape configuration, at a.yml:2",
            ),
            (
                "scrape_config: []".into(),
                "a.yml:1: \"scrape_config\" is not a field of a configuration: write scrape_configs",
            ),
            (
                "global: {}\nscrape_config_file: []".into(),
                "a.yml:2: \"scrape_config_file\" is not a field of a configuration: write scrape_config_files",
            ),
            ("global: {}".into(), no_scrape),
            ("rule_files: []".into(), no_scrape),
            ("scrape_configs: []".into(), no_scrape),
            (
                "groups: []".into(),
                "a.yml:1: is a map, but must be a list of target groups or a Prometheus configuration",
            ),
        ] {
            let (_, said) = read(&[("a.yml", &text)]);
            assert!(said.starts_with(expected) || said.ends_with(expected), "{text:?}: {said}");
            assert_eq!(said.is_empty(), expected.is_empty(), "{text:?}: {said}");
            assert!(said.lines().count() < 2 || text.ends_with("job_name: x"), "{text:?}: {said}");
        }
    }

    #[test]
    fn a_job_has_one_name_in_all_files_of_a_configuration_but_not_in_two() {
        let job = "scrape_configs: [{job_name: x, static_configs: [{targets: [a:1]}]}]\n";
        let main = "scrape_config_files: [b.yml, c.yml, d.yml]\n";
        let (_, said) = read(&[("a.yml", main), ("b.yml", job), ("c.yml", job), ("d.yml", "global: {}")]);
        let twice =
            "c.yml:1: job \"x\": job_name is the name of another scrape configuration, at b.yml:1: give each its own";
        assert_eq!(said, format!("{twice}\nd.yml:1: has global, which only the main configuration may have"));
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("a.yml"), job).unwrap();
        fs::write(folder.path().join("b.yml"), job).unwrap();
        let mut reader = Reader::new(LabelNames::Legacy);
        reader.read(folder.path(), None);
        assert_eq!((reader.groups.len(), reader.faults.len()), (2, 0));
    }
}
