//! Reading texts: lists of groups, and configurations.

use std::{
    collections::{HashMap, HashSet},
    mem,
    path::{Path, PathBuf},
    rc::Rc,
};

use http_sd_lambda::group::{Fault, Job, LabelNames};

use super::{
    contents::{FileGroup, Format, Note, ReadFile},
    fault::{FileFault, Problem},
    list,
    node::{self, Document, Node, SyntaxError, Value},
    place::Place,
    prometheus,
};

/// The name of standard input, on the command line and in errors.
pub(super) const STANDARD_INPUT: &str = "-";

/// Reads files, and collects what they say.
#[derive(Debug)]
pub struct Reader {
    names: LabelNames,
    /// Whether the file being read is one that a configuration names.
    pub(super) within: bool,
    /// What was read of the command line, and for which job; without one, a configuration.
    pub(super) given: HashSet<(PathBuf, Option<Job>)>,
    /// The jobs of the configuration that is being read, and where.
    pub(super) jobs: HashMap<Job, Place>,
    /// The files that were read, in that order.
    pub files: Vec<ReadFile>,
    /// The groups that were read.
    pub groups: Vec<FileGroup>,
    /// What breaks the contract. Where there is one, the groups are not all that the files mean.
    pub faults: Vec<FileFault>,
    /// What is left out on purpose.
    pub notes: Vec<Note>,
}

/// The file that is being read.
pub(super) struct Source {
    pub(super) file: Rc<str>,
    /// What other files are relative to.
    pub(super) folder: PathBuf,
    job: Option<Rc<str>>,
}

impl Source {
    pub(super) fn at(&self, line: usize) -> Place {
        Place { file: self.file.clone(), line: Some(line), job: self.job.clone(), group: None }
    }

    /// The file as a whole.
    pub(super) fn whole(&self) -> Place {
        Place { file: self.file.clone(), line: None, job: self.job.clone(), group: None }
    }

    pub(super) fn with_job(&self, job: &Job) -> Self {
        Self { file: self.file.clone(), folder: self.folder.clone(), job: Some(job.as_str().into()) }
    }
}

impl Reader {
    /// A reader that has read nothing yet.
    #[must_use]
    pub fn new(names: LabelNames) -> Self {
        Self {
            names,
            within: false,
            given: HashSet::new(),
            jobs: HashMap::new(),
            files: Vec::new(),
            groups: Vec::new(),
            faults: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Reads a text as if it were that file's.
    pub fn read_text(&mut self, file: &Path, text: &str, job: Option<&Job>) {
        let source = Source {
            file: file.display().to_string().into(),
            folder: file.parent().unwrap_or(Path::new("")).to_owned(),
            job: job.map(|job| job.as_str().into()),
        };
        let job_of_list = match job {
            Some(job) => Some(job.clone()),
            None if self.within => None,
            None => job_by_name(file),
        };
        let format = format_of(file, text);
        let this = self.files.len();
        self.files.push(ReadFile { name: source.file.clone(), format, configuration: self.within && job.is_none() });
        let mut number = 0;
        let read = node::read(text, format, &mut |node| {
            if let Some(job) = &job_of_list {
                self.group(&source.with_job(job), job, number, node);
            }
            number += 1;
        });
        let expected = match (self.within, job) {
            (false, _) => "a list of target groups or a Prometheus configuration",
            (true, Some(_)) => "a list of target groups",
            (true, None) => "a map of scrape_configs",
        };
        match read {
            Ok(Document::List) if job_of_list.is_none() && self.within => {
                self.fault(source.at(1), String::new(), Fault::WrongType { found: "a list", expected });
            }
            Ok(Document::List) if job_of_list.is_none() => {
                self.misnamed(source.at(1), "is a list of groups: name their job with --job");
            }
            Ok(Document::List) => {}
            Ok(Document::Empty) => self.problem(source.whole(), Problem::Empty(expected)),
            Ok(Document::Other(Node { value: Value::Map(entries), .. }))
                if prometheus::is_configuration(&entries) && !(self.within && job.is_some()) =>
            {
                self.files[this].configuration = true;
                if job.is_some() {
                    let problem = "is a Prometheus configuration, which names its jobs itself: leave --job out";
                    self.misnamed(source.at(1), problem);
                }
                let nested = mem::replace(&mut self.within, true);
                self.configuration(&Source { job: None, ..source }, entries, nested);
                self.within = nested;
            }
            Ok(Document::Other(node)) => {
                let fault = Fault::WrongType { found: node.kind(), expected };
                self.fault(source.at(node.line), String::new(), fault);
            }
            Err(SyntaxError { line, problem }) => self.problem(source.at(line), problem),
        }
    }

    /// Reads the body of an answer: JSON, and nothing but a list of groups. `name` says where it is from.
    pub fn read_answer(&mut self, name: &str, body: &str, job: &Job) {
        let source = Source { file: name.into(), folder: PathBuf::new(), job: None };
        self.files.push(ReadFile { name: source.file.clone(), format: Format::Json, configuration: false });
        let mut number = 0;
        let read = node::read(body, Format::Json, &mut |node| {
            self.group(&source, job, number, node);
            number += 1;
        });
        match read {
            Ok(Document::List) => {}
            Ok(Document::Empty) => self.problem(source.whole(), Problem::Empty("a list of target groups")),
            Ok(Document::Other(node)) => {
                let fault = Fault::WrongType { found: node.kind(), expected: "a list of target groups" };
                self.fault(source.at(node.line), String::new(), fault);
            }
            Err(SyntaxError { line, problem }) => self.problem(source.at(line), problem),
        }
    }

    /// Reads the `i`-th group of a list.
    pub(super) fn group(&mut self, source: &Source, job: &Job, i: usize, node: Node) {
        let place = Place { group: Some(i + 1), ..source.at(node.line) };
        let faults = &mut self.faults;
        let group = list::group(node, self.names, &mut |at| {
            let place = Place { line: Some(at.line), ..place.clone() };
            faults.push(FileFault { place, field: at.field, problem: Problem::Group(at.fault) });
        });
        if let Some(group) = group {
            self.groups.push(FileGroup { job: job.clone(), group, place });
        }
    }

    /// The elements of a list; nothing is an empty one.
    pub(super) fn elements(&mut self, source: &Source, node: Node, what: &str) -> Vec<Node> {
        match node.value {
            Value::List(list) => list,
            Value::Null => Vec::new(),
            _ => {
                let fault = Fault::WrongType { found: node.kind(), expected: "a list" };
                self.fault(source.at(node.line), what.into(), fault);
                Vec::new()
            }
        }
    }

    /// The entries of a map.
    pub(super) fn entries(&mut self, source: &Source, node: Node, what: &str) -> Vec<(Node, Node)> {
        if let Value::Map(entries) = node.value {
            return entries;
        }
        let fault = Fault::WrongType { found: node.kind(), expected: "a map" };
        self.fault(source.at(node.line), what.into(), fault);
        Vec::new()
    }

    pub(super) fn fault(&mut self, place: Place, field: String, fault: Fault) {
        self.faults.push(FileFault { place, field, problem: Problem::Group(fault) });
    }

    pub(super) fn problem(&mut self, place: Place, problem: Problem) {
        self.faults.push(FileFault { place, field: String::new(), problem });
    }

    fn misnamed(&mut self, place: Place, problem: &str) {
        self.problem(place, Problem::Job(problem.into()));
    }

    pub(super) fn note(&mut self, place: Place, text: String) {
        self.notes.push(Note { place, text });
    }
}

/// As Prometheus tells the two apart, and by the first character where the name says nothing.
pub(super) fn format_of(file: &Path, text: &str) -> Format {
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "json" => Format::Json,
        "yml" | "yaml" => Format::Yaml,
        _ if text.trim_start().starts_with(['[', '{']) => Format::Json,
        _ => Format::Yaml,
    }
}

/// The job of a list for which none was given.
pub(super) fn job_by_name(file: &Path) -> Option<Job> {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).filter(|_| file != Path::new(STANDARD_INPUT))?;
    Job::new(stem).ok()
}
