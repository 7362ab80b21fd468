//! Reading files, folders and standard input.

use std::{
    fs,
    io::{self, Read},
    mem,
    path::{Path, PathBuf},
    rc::Rc,
};

use super::{
    FileFault, FileGroup, Format, Note, Place, Problem, ReadFile,
    document::{self, Document, Node, SyntaxError, Value},
    list,
};
use crate::group::{Fault, Job, LabelNames};

/// The name of standard input, on the command line and in errors.
const STANDARD_INPUT: &str = "-";

/// Reads files, and collects what they say.
#[derive(Debug)]
pub struct Reader {
    names: LabelNames,
    /// Whether the file being read is one that a configuration names.
    within: bool,
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
    file: Rc<str>,
    /// What other files are relative to.
    folder: PathBuf,
    job: Option<Rc<str>>,
}

impl Source {
    pub(super) fn at(&self, line: usize) -> Place {
        Place { file: self.file.clone(), line, job: self.job.clone(), group: None }
    }

    pub(super) fn with_job(&self, job: &Job) -> Self {
        Self { file: self.file.clone(), folder: self.folder.clone(), job: Some(job.as_str().into()) }
    }
}

impl Reader {
    /// A reader that has read nothing yet.
    #[must_use]
    pub fn new(names: LabelNames) -> Self {
        Self { names, within: false, files: Vec::new(), groups: Vec::new(), faults: Vec::new(), notes: Vec::new() }
    }

    /// Reads a file, the files of a folder that end in `.json`, `.yml` or `.yaml`, or standard input for `-`.
    ///
    /// `job` is the job of lists of groups; without it a list's job is its file's name. A Prometheus configuration
    /// names its jobs itself.
    pub fn read(&mut self, path: &Path, job: Option<&Job>) {
        if path == Path::new(STANDARD_INPUT) {
            let mut text = Vec::new();
            let read = io::stdin().read_to_end(&mut text).map(|_| text);
            return self.read_bytes(path, read, job);
        }
        if !path.is_dir() {
            return self.read_file(path, job);
        }
        match files_of(path) {
            Ok(files) if files.is_empty() => {
                self.unreadable(path, "has no file that ends in .json, .yml or .yaml");
            }
            Ok(files) => files.iter().for_each(|file| self.read_file(file, job)),
            Err(error) => self.unreadable(path, &format!("cannot be read: {error}")),
        }
    }

    /// Reads a text as if it were that file's.
    pub fn read_text(&mut self, file: &Path, text: &str, job: Option<&Job>) {
        let source = Source {
            file: file.display().to_string().into(),
            folder: file.parent().unwrap_or(Path::new("")).to_owned(),
            job: job.map(|job| job.as_str().into()),
        };
        let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let job_of_list = match job {
            Some(job) => Some(job.clone()),
            None if self.within || file == Path::new(STANDARD_INPUT) => None,
            None => Job::new(stem).ok(),
        };
        let format = format_of(file, text);
        let this = self.files.len();
        self.files.push(ReadFile { name: source.file.clone(), format, configuration: self.within && job.is_none() });
        let mut number = 0;
        let read = document::read(text, format, &mut |node| {
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
            Ok(Document::Other(Node { value: Value::Map(entries), .. }))
                if is_configuration(&entries) && !(self.within && job.is_some()) =>
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
            Err(error) => self.syntax(&source, error),
        }
    }

    /// Reads the body of an answer: JSON, and nothing but a list of groups. `name` says where it is from.
    pub fn read_answer(&mut self, name: &str, body: &str, job: &Job) {
        let source = Source { file: name.into(), folder: PathBuf::new(), job: None };
        self.files.push(ReadFile { name: source.file.clone(), format: Format::Json, configuration: false });
        let mut number = 0;
        let read = document::read(body, Format::Json, &mut |node| {
            self.group(&source, job, number, node);
            number += 1;
        });
        match read {
            Ok(Document::List) => {}
            Ok(Document::Other(node)) => {
                let fault = Fault::WrongType { found: node.kind(), expected: "a list of target groups" };
                self.fault(source.at(node.line), String::new(), fault);
            }
            Err(error) => self.syntax(&source, error),
        }
    }

    pub(super) fn read_file(&mut self, path: &Path, job: Option<&Job>) {
        self.read_bytes(path, fs::read(path), job);
    }

    fn read_bytes(&mut self, path: &Path, bytes: io::Result<Vec<u8>>, job: Option<&Job>) {
        match bytes.map(String::from_utf8) {
            Ok(Ok(text)) => self.read_text(path, &text, job),
            Ok(Err(error)) => {
                let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = good.split(|byte| *byte == b'\n').count();
                let file: Rc<str> = path.display().to_string().into();
                self.files.push(ReadFile { name: file.clone(), format: format_of(path, ""), configuration: false });
                self.problem(Place { file, line, job: None, group: None }, "is not UTF-8");
            }
            Err(error) => self.unreadable(path, &format!("cannot be read: {error}")),
        }
    }

    /// Reads the `i`-th group of a list.
    pub(super) fn group(&mut self, source: &Source, job: &Job, i: usize, node: Node) {
        let place = Place { group: Some(i + 1), ..source.at(node.line) };
        let faults = &mut self.faults;
        let group = list::group(node, self.names, &mut |at| {
            let place = Place { line: at.line, ..place.clone() };
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

    /// The files that a pattern of a configuration names. That there is none may be meant only where it has a `*`.
    pub(super) fn matching(&mut self, source: &Source, at: Place, pattern: &str) -> Vec<PathBuf> {
        let folder = glob::Pattern::escape(&source.folder.to_string_lossy());
        let whole = Path::new(&folder).join(pattern);
        match glob::glob(&whole.to_string_lossy()) {
            Ok(paths) => {
                let mut paths: Vec<PathBuf> = paths.filter_map(Result::ok).collect();
                paths.sort();
                if paths.is_empty() && pattern.contains('*') {
                    self.note(at, format!("{pattern:?} names no file"));
                } else if paths.is_empty() {
                    self.problem(at, &format!("names the file {pattern:?}, which is not there"));
                }
                paths
            }
            Err(error) => {
                self.problem(at, &format!("has the pattern {pattern:?}, which is wrong: {}", error.msg));
                Vec::new()
            }
        }
    }

    pub(super) fn fault(&mut self, place: Place, field: String, fault: Fault) {
        self.faults.push(FileFault { place, field, problem: Problem::Group(fault) });
    }

    pub(super) fn problem(&mut self, place: Place, problem: &str) {
        self.faults.push(FileFault { place, field: String::new(), problem: Problem::File(problem.into()) });
    }

    fn misnamed(&mut self, place: Place, problem: &str) {
        self.faults.push(FileFault { place, field: String::new(), problem: Problem::Job(problem.into()) });
    }

    fn syntax(&mut self, source: &Source, SyntaxError { line, message }: SyntaxError) {
        let (place, problem) = (source.at(line), Problem::Syntax(message));
        self.faults.push(FileFault { place, field: String::new(), problem });
    }

    pub(super) fn note(&mut self, place: Place, text: String) {
        self.notes.push(Note { place, text });
    }

    fn unreadable(&mut self, path: &Path, problem: &str) {
        let place = Place { file: path.display().to_string().into(), line: 1, job: None, group: None };
        self.problem(place, problem);
    }
}

/// As Prometheus tells the two apart, and by the first character where the name says nothing.
fn format_of(file: &Path, text: &str) -> Format {
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "json" => Format::Json,
        "yml" | "yaml" => Format::Yaml,
        _ if text.trim_start().starts_with(['[', '{']) => Format::Json,
        _ => Format::Yaml,
    }
}

/// Whether a map is a Prometheus configuration, by one of the fields that have to do with targets.
fn is_configuration(entries: &[(Node, Node)]) -> bool {
    let names = ["scrape_configs", "scrape_config_files"];
    entries.iter().any(|(key, _)| matches!(&key.value, Value::Text(name) if names.contains(&name.as_str())))
}

fn files_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let is_list = |path: &Path| {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        ["json", "yml", "yaml"].iter().any(|known| extension.eq_ignore_ascii_case(known)) && path.is_file()
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if is_list(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
