//! A Prometheus configuration: the target groups of its jobs, written in it or in the files that it names.
//!
//! <https://prometheus.io/docs/prometheus/latest/configuration/configuration/>

use super::{
    document::{Node, Value},
    reader::{Reader, Source},
};
use crate::group::{Fault, Job};

impl Reader {
    /// Reads a whole configuration, or one that another names: `nested`, which names no further ones. Of the parts that
    /// have nothing to do with targets nothing is asked.
    pub(super) fn configuration(&mut self, source: &Source, entries: Vec<(Node, Node)>, nested: bool) {
        for (key, value) in entries {
            match name(&key) {
                "scrape_configs" => {
                    for config in self.elements(source, value, "scrape_configs") {
                        self.scrape_config(source, config);
                    }
                }
                "scrape_config_files" if nested => {
                    let problem = "has scrape_config_files, which only the main configuration may have";
                    self.problem(source.at(key.line), problem);
                }
                field @ "scrape_config_files" => self.files(source, None, value, field),
                _ => {}
            }
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
        let source = source.with_job(&job);
        for (key, value) in entries {
            match name(&key) {
                "static_configs" => {
                    for (i, group) in self.elements(&source, value, "static_configs").into_iter().enumerate() {
                        self.group(&source, &job, i, group);
                    }
                }
                "file_sd_configs" => {
                    for config in self.elements(&source, value, "file_sd_configs") {
                        for (key, value) in self.entries(&source, config, "an element of file_sd_configs") {
                            if name(&key) == "files" {
                                self.files(&source, Some(&job), value, "files");
                            }
                        }
                    }
                }
                other if other.ends_with("_sd_configs") => {
                    let why = "its targets stand in no file, and stay with Prometheus";
                    self.note(source.at(key.line), format!("{other} is left out: {why}"));
                }
                _ => {}
            }
        }
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
            for path in self.matching(source, at, text) {
                self.read_file(&path, job);
            }
        }
    }
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

    use tempfile::TempDir;

    use super::*;
    use crate::group::LabelNames;

    #[test]
    fn a_configuration_that_names_itself_is_not_followed_for_ever() {
        let folder = TempDir::new().unwrap();
        let text =
            "scrape_config_files: [a.yml]\nscrape_configs: [{job_name: x, file_sd_configs: [{files: [a.yml]}]}]\n";
        let file = folder.path().join("a.yml");
        fs::write(&file, text).unwrap();
        let mut reader = Reader::new(LabelNames::Legacy);
        reader.read(&file, None);
        let faults: Vec<_> = reader.faults.iter().map(|f| format!("{} {}", f.place.line, f.problem)).collect();
        let no_list = "1 is a map, but must be a list of target groups";
        let nested = "1 has scrape_config_files, which only the main configuration may have";
        assert_eq!(faults, [nested, no_list, no_list]);
    }
}
