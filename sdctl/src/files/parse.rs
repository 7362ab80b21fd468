//! Parses the text of one file, without access to other files.

use http_sd_lambda::group::{Fault, LabelNames};

use super::{
    contents::{Contents, Format, Item, Role},
    fault::{FileFault, Problem},
    json, list,
    node::{Document, Node, SyntaxError, Value},
    place::Place,
    prometheus, yaml,
};

/// Parses a file's text. `file` is the place of the whole file; faults of the file name its job, if any.
pub(super) fn contents(text: &str, format: Format, file: &Place, role: &Role, names: LabelNames) -> Contents {
    let job = match role {
        Role::Given(job) => job.as_ref().map(|job| (job, file.with_job(job))),
        Role::List(job) => Some((job, file.clone())),
        Role::Nested => None,
    };
    let expected = match role {
        Role::Given(_) => "a list of target groups or a Prometheus configuration",
        Role::List(_) => "a list of target groups",
        Role::Nested => "a map of scrape_configs",
    };
    let nested = matches!(role, Role::Nested);
    let mut contents = Contents { configuration: nested, items: Vec::new() };
    let mut number = 0;
    let read = document(text, format, &mut |node| {
        number += 1;
        if let Some((job, file)) = &job {
            list::group(node, number, file, job, names, &mut contents.items);
        }
    });
    let (place, problem) = match read {
        Ok(Document::List) if job.is_some() => return contents,
        Ok(Document::List) if nested => (file.at(1), Problem::Group(Fault::WrongType { found: "a list", expected })),
        Ok(Document::List) => {
            (file.at(1), Problem::Job("is a list of target groups without a job: name the job with --job".into()))
        }
        Ok(Document::Empty) => (file.clone(), Problem::Empty(expected)),
        Ok(Document::Other(Node { value: Value::Map(entries), .. }))
            if prometheus::is_configuration(&entries) && !matches!(role, Role::List(_)) =>
        {
            let file = Place { job: None, ..file.clone() };
            return Contents { configuration: true, items: prometheus::items(entries, &file, nested, names) };
        }
        Ok(Document::Other(node)) => (file.at(node.line), Problem::Group(node.wrong_type(expected))),
        Err(SyntaxError { line, problem }) => (file.at(line), problem),
    };
    contents.items.push(Item::Fault(FileFault { place, field: String::new(), problem }));
    contents
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
    use super::*;
    use crate::files::contents::Reference;

    #[test]
    fn configuration_yields_items_in_order() {
        let text = "scrape_config_files: [more.yml]\n\
                    scrape_configs:\n\
                    - job_name: x\n  file_sd_configs: [{files: [a.yml, '*.json']}]\n  static_configs: [{targets: [a:1]}, 1]\n\
                    - job_name: y\n";
        let file = Place::of_file("prometheus.yml");
        for role in [Role::Given(None), Role::Nested] {
            let contents = contents(text, Format::Yaml, &file, &role, LabelNames::Legacy);
            let shown: Vec<_> = contents.items.iter().map(shown).collect();
            let first = match role {
                Role::Nested => {
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
            Item::Note(note) => note.to_string(),
            Item::Job(job, place) => format!("{place} {}", job.as_str()),
            Item::Reference(Reference { place, pattern, role: Role::List(job) }) => {
                format!("{place} {pattern} List {}", job.as_str())
            }
            Item::Reference(Reference { place, pattern, role }) => format!("{place} {pattern} {role:?}"),
        }
    }
}
