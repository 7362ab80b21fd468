//! Parses the text of one file, without access to other files.

use http_sd_lambda::group::Fault;

use super::{
    contents::{Contents, Format, Item, Note, Reading, Role},
    fault::{FileFault, Problem},
    fields::Poller,
    json, list,
    node::{Document, Node, SyntaxError, Value},
    place::Place,
    prometheus::{self, is_scrape_config},
    yaml,
};

/// Parses a file's text. `file` is the place of the whole file; faults of the file name its job, if any.
pub(super) fn contents(text: &str, format: Format, file: &Place, role: &Role, reading: Reading) -> Contents {
    if format == Format::Json && matches!(role, Role::Given(_)) && is_json_configuration(text) {
        // Prometheus reads a configuration as YAML, whatever its name.
        return contents(text, Format::Yaml, file, role, reading);
    }
    let job = match role {
        Role::Given(job) => job.as_ref().map(|job| (job, false, file.with_job(job))),
        Role::List(job, readdressed) => Some((job, *readdressed, file.clone())),
        Role::Nested(_) => None,
    };
    let expected = match role {
        Role::Given(_) => "a list of target groups or a Prometheus configuration",
        Role::List(..) => "a list of target groups",
        Role::Nested(_) if reading.poller == Some(Poller::Vmagent) => "a list of scrape configurations",
        Role::Nested(_) => "a map of scrape_configs",
    };
    let takes_scrape_configs = match role {
        Role::Given(_) => true,
        Role::List(..) => false,
        Role::Nested(_) => !matches!(reading.poller, Some(Poller::Prometheus2 | Poller::Prometheus3)),
    };
    let nested = matches!(role, Role::Nested(_));
    let mut contents = Contents { configuration: nested, bare: false, items: Vec::new() };
    let (mut number, mut scrape_configs) = (0, Vec::new());
    let read = document(text, format, &mut |node| {
        number += 1;
        if takes_scrape_configs && (!scrape_configs.is_empty() || number == 1 && is_scrape_config(&node)) {
            scrape_configs.push(node);
        } else if let Some((job, readdressed, file)) = &job {
            list::group(node, number, file, (job, *readdressed), reading, &mut contents.items);
        }
    });
    let whole = Place { job: None, ..file.clone() };
    let (place, problem) = match read {
        Ok(Document::List) if !scrape_configs.is_empty() => {
            let interval = if let Role::Nested(interval) = role { *interval } else { None };
            let mut items = prometheus::scrape_config_items(scrape_configs, &whole, interval, reading);
            if !nested {
                let text = "is a list of scrape configurations, as the Prometheus Operator and vmagent accept it: \
                            write \
                            scrape_configs above it for Prometheus";
                items.push(Item::Note(Note { place: whole, text: text.into() }));
            }
            return Contents { configuration: true, bare: true, items };
        }
        Ok(Document::List) if job.is_some() => return contents,
        Ok(Document::List) if nested && takes_scrape_configs && number == 0 => {
            return Contents { bare: true, ..contents };
        }
        Ok(Document::List) if nested => {
            let found = if takes_scrape_configs { "another list" } else { "a list" };
            (file.at(1), Problem::Group(Fault::WrongType { found, expected }))
        }
        Ok(Document::List) => {
            (file.at(1), Problem::Job("is a list of target groups without a job: name the job with --job".into()))
        }
        Ok(Document::Empty) => (file.clone(), Problem::Empty(expected)),
        Ok(Document::Other(Node { value: Value::Map(entries), .. }))
            if prometheus::is_configuration(&entries)
                && !matches!(role, Role::List(..))
                && !(nested && reading.poller == Some(Poller::Vmagent)) =>
        {
            let items = prometheus::items(entries, &whole, role, reading);
            return Contents { configuration: true, bare: false, items };
        }
        Ok(Document::Other(node)) if matches!(role, Role::Given(_)) && is_scrape_config(&node) => {
            let problem = "is one scrape configuration: put it into a list under scrape_configs";
            (whole.at(node.line), Problem::Configuration(problem.into()))
        }
        Ok(Document::Other(node)) => (file.at(node.line), Problem::Group(node.wrong_type(expected))),
        Err(SyntaxError { line, problem }) => (file.at(line), problem),
    };
    contents.items.push(Item::Fault(FileFault { place, field: String::new(), problem }));
    contents
}

/// Returns whether a text that looks like JSON is a configuration or a list of scrape configurations.
fn is_json_configuration(text: &str) -> bool {
    let is_configuration = |document: &Result<Document, SyntaxError>| match document {
        Ok(Document::Other(Node { value: Value::Map(entries), .. })) => prometheus::is_configuration(entries),
        _ => false,
    };
    match text.trim_ascii_start().as_bytes().first() {
        Some(b'{') => {
            is_configuration(&json::read(text, &mut |_| {})) || is_configuration(&yaml::read(text, &mut |_| {}))
        }
        // The text is read once more only if the first element says so.
        Some(b'[') => json::first_element(text).is_some_and(|node| is_scrape_config(&node)),
        _ => false,
    }
}

/// Reads a document, and passes the elements of a list to `element`. An error may follow after several elements.
fn document(text: &str, format: Format, element: &mut dyn FnMut(Node)) -> Result<Document, SyntaxError> {
    match format {
        Format::Json => json::read(text, element),
        Format::Yaml => yaml::read(text, element),
    }
}

#[cfg(test)]
mod tests {
    use http_sd_lambda::group::LabelNames;

    use super::*;
    use crate::files::contents::Reference;

    #[test]
    fn configuration_yields_items_in_order() {
        let text = "scrape_config_files: [more.yml]\n\
                    scrape_configs:\n\
                    - job_name: x\n  file_sd_configs: [{files: [a.yml, '*.json']}]\n  static_configs: [{targets: [a:1]}, 1]\n\
                    - job_name: y\n";
        let file = Place::of_file("prometheus.yml");
        let reading = Reading { names: LabelNames::Legacy, poller: None };
        for role in [Role::Given(None), Role::Nested(None)] {
            let contents = contents(text, Format::Yaml, &file, &role, reading);
            let shown: Vec<_> = contents.items.iter().map(shown).collect();
            let first = match role {
                Role::Nested(_) => {
                    "prometheus.yml:1: contains scrape_config_files, which is valid only in the main configuration: \
                     move it there"
                }
                _ => "prometheus.yml:1 more.yml Nested",
            };
            let rest = [
                "prometheus.yml:3 x",
                "prometheus.yml:4: job \"x\" a.yml List x",
                "prometheus.yml:4: job \"x\" *.json List x",
                "prometheus.yml:5: job \"x\", group 1",
                "prometheus.yml:5: job \"x\", group 2: is a string, but must be a map of targets and labels",
                "prometheus.yml:6 y",
                "prometheus.yml:6: job \"y\": names no targets: add static_configs or file_sd_configs",
            ];
            assert!(contents.configuration);
            assert_eq!(shown[0], first);
            assert_eq!(shown[1..], rest);
        }
    }

    fn shown(item: &Item) -> String {
        match item {
            Item::Group(group) => group.place.to_string(),
            Item::Fault(fault) => fault.to_string(),
            Item::Note(note) | Item::Unjudged(note) | Item::Remote(note) => note.to_string(),
            Item::Advice(advice) => advice.text.clone(),
            Item::Job(job, place) => format!("{place} {}", job.as_str()),
            Item::Rules(pattern) => pattern.clone(),
            Item::Reference(Reference { place, pattern, role: Role::List(job, _) }) => {
                format!("{place} {pattern} List {}", job.as_str())
            }
            Item::Reference(Reference { place, pattern, .. }) => format!("{place} {pattern} Nested"),
        }
    }
}
