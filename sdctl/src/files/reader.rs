//! Reading files: finds them, reads and parses each, and follows the references of configurations to others.
//!
//! Only this file uses the file system.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use http_sd_lambda::group::{Job, LabelNames, excerpt};

use super::{
    contents::{Contents, FileGroup, Format, Item, Note, ReadFile, Reference, Role},
    fault::{FileFault, Problem},
    parse,
    place::Place,
};

/// The name of standard input, on the command line and in errors.
const STANDARD_INPUT: &str = "-";

/// Reads files, and collects what they say.
#[derive(Debug)]
pub struct Reader {
    names: LabelNames,
    /// The files of the command line that were read, each with the job of its list; without a job, a configuration.
    given: HashSet<(PathBuf, Option<Job>)>,
    /// The files that were read, in that order.
    pub files: Vec<ReadFile>,
    /// The groups that were read.
    pub groups: Vec<FileGroup>,
    /// What breaks the contract. Where there is one, the groups are not all that the files mean.
    pub faults: Vec<FileFault>,
    /// What is left out on purpose.
    pub notes: Vec<Note>,
}

impl Reader {
    /// A reader that has read nothing yet.
    #[must_use]
    pub fn new(names: LabelNames) -> Self {
        Self {
            names,
            given: HashSet::new(),
            files: Vec::new(),
            groups: Vec::new(),
            faults: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Reads a file, the files of a folder that end in `.json`, `.yml` or `.yaml`, or standard input for `-`. What was
    /// read for the same job before is not read again.
    ///
    /// `job` is the job of lists of groups; without it a list's job is its file's name. A Prometheus configuration
    /// names its jobs itself.
    pub fn read(&mut self, path: &Path, job: Option<&Job>) {
        if path == Path::new(STANDARD_INPUT) || !path.is_dir() {
            return self.read_given(path, job);
        }
        match files_of(path) {
            Ok(files) if files.is_empty() => {
                self.unreadable(path, "has no file that ends in .json, .yml or .yaml".into());
            }
            Ok(files) => {
                for file in files {
                    match fs::metadata(&file) {
                        // To read a pipe may take for ever.
                        Ok(metadata) if !metadata.is_file() => {
                            self.unreadable(&file, "is not a file: move it out of the folder".into());
                        }
                        _ => self.read_given(&file, job),
                    }
                }
            }
            Err(error) => self.unreadable(path, format!("cannot be read: {error}")),
        }
    }

    /// Reads a file of the command line, once.
    fn read_given(&mut self, path: &Path, job: Option<&Job>) {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let as_configuration = (real.clone(), None);
        let as_list = (real, job.cloned().or_else(|| job_by_name(path)));
        if self.given.contains(&as_configuration) || !self.given.insert(as_list) {
            return;
        }
        let this = self.files.len();
        if let Some(text) = self.text_of(path) {
            self.read_text(path, &text, job);
        }
        if self.files.get(this).is_some_and(|file| file.configuration) {
            self.given.insert(as_configuration);
        }
    }

    /// Reads a text as if it were that file's.
    pub fn read_text(&mut self, file: &Path, text: &str, job: Option<&Job>) {
        let whole = whole(file);
        let place = job.map_or_else(|| whole.clone(), |job| whole.with_job(job));
        let role = Role::Given(job.cloned().or_else(|| job_by_name(file)));
        let Contents { configuration, items } = self.parse(text, Format::of(file, text), &place, &role);
        if configuration && job.is_some() {
            let problem = "is a Prometheus configuration, which names its jobs itself: leave --job out";
            self.problem(place.at(1), Problem::Job(problem.into()));
        }
        let (mut jobs, faults) = (HashMap::new(), self.faults.len());
        self.collect(items, file, &mut jobs);
        if configuration && jobs.is_empty() && self.faults.len() == faults {
            self.note(whole, "names no scrape configuration".into());
        }
    }

    /// Reads the body of an answer: JSON, and nothing but a list of groups. `name` says where it is from.
    pub fn read_answer(&mut self, name: &str, body: &str, job: &Job) {
        let contents = self.parse(body, Format::Json, &Place::of_file(name), &Role::List(job.clone()));
        self.collect(contents.items, Path::new(""), &mut HashMap::new());
    }

    /// Parses a text, and counts its file as read.
    fn parse(&mut self, text: &str, format: Format, place: &Place, role: &Role) -> Contents {
        let contents = parse::contents(text, format, place, role, self.names);
        let configuration = contents.configuration;
        self.files.push(ReadFile { name: place.file.clone(), format, configuration });
        contents
    }

    /// Takes in what a file says. Reads the files that it names at the point where it names them. `jobs` are the jobs
    /// of the configuration so far, with the places of their scrape configurations.
    fn collect(&mut self, items: Vec<Item>, file: &Path, jobs: &mut HashMap<Job, Place>) {
        for item in items {
            match item {
                Item::Group(group) => self.groups.push(group),
                Item::Fault(fault) => self.faults.push(fault),
                Item::Note(note) => self.notes.push(note),
                Item::Job(job, place) => match jobs.entry(job) {
                    Entry::Vacant(new) => {
                        new.insert(place);
                    }
                    Entry::Occupied(known) => {
                        let (job, first) = (known.key(), known.get());
                        let problem =
                            format!("is the name of another scrape configuration, at {first}: give each its own");
                        let (place, field) = (place.with_job(job), "job_name".into());
                        self.faults.push(FileFault { place, field, problem: Problem::Configuration(problem) });
                    }
                },
                Item::Reference(reference) => {
                    for path in self.matching(file, &reference) {
                        if let Some(items) = self.referenced(&path, &reference.role) {
                            self.collect(items, &path, jobs);
                        }
                    }
                }
            }
        }
    }

    /// Reads a file that a configuration names.
    fn referenced(&mut self, path: &Path, role: &Role) -> Option<Vec<Item>> {
        let text = self.text_of(path)?;
        let whole = whole(path);
        let place = if let Role::List(job) = role { whole.with_job(job) } else { whole };
        Some(self.parse(&text, Format::of(path, &text), &place, role).items)
    }

    /// Returns a file's text. `None` after a fault.
    fn text_of(&mut self, path: &Path) -> Option<String> {
        let bytes = if path == Path::new(STANDARD_INPUT) {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        } else {
            fs::read(path)
        };
        match bytes.map(String::from_utf8) {
            Ok(Ok(text)) => return Some(text),
            Ok(Err(error)) => {
                let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = good.split(|byte| *byte == b'\n').count();
                let place = whole(path).at(line);
                let (name, format) = (place.file.clone(), Format::of(path, ""));
                self.files.push(ReadFile { name, format, configuration: false });
                self.problem(place, Problem::NotUtf8);
            }
            Err(error) => self.unreadable(path, format!("cannot be read: {error}")),
        }
        None
    }

    /// Returns the files that a pattern in `file` names. That there is none may be meant only where it has a `*`.
    fn matching(&mut self, file: &Path, Reference { place, pattern, .. }: &Reference) -> Vec<PathBuf> {
        let folder = file.parent().unwrap_or(Path::new(""));
        let Some(escaped) = folder.to_str().map(glob::Pattern::escape) else {
            let problem = format!("names files in the folder {}, whose name must be UTF-8", shown(folder));
            self.problem(place.clone(), Problem::File(problem));
            return Vec::new();
        };
        let found = match glob::glob(&Path::new(&escaped).join(pattern).to_string_lossy()) {
            Ok(found) => found,
            Err(error) => {
                let problem = format!("has the pattern {pattern:?}, which is wrong: {}", error.msg);
                self.problem(place.clone(), Problem::File(problem));
                return Vec::new();
            }
        };
        let (mut paths, mut unreadable) = (Vec::new(), false);
        for path in found {
            let problem = match path {
                Ok(path) if fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file()) => {
                    format!("names {}, which is not a file", shown(&path))
                }
                Ok(path) => {
                    paths.push(path);
                    continue;
                }
                Err(error) => {
                    format!("names files in {}, which cannot be read: {}", shown(error.path()), error.error())
                }
            };
            unreadable = true;
            self.problem(place.clone(), Problem::File(problem));
        }
        paths.sort();
        if paths.is_empty() && !unreadable {
            if pattern.contains('*') {
                self.note(place.clone(), format!("{pattern:?} names no file"));
            } else {
                self.problem(place.clone(), Problem::NoSuchFile(pattern.clone()));
            }
        }
        paths
    }

    fn unreadable(&mut self, path: &Path, problem: String) {
        self.problem(whole(path), Problem::File(problem));
    }

    fn problem(&mut self, place: Place, problem: Problem) {
        self.faults.push(FileFault { place, field: String::new(), problem });
    }

    fn note(&mut self, place: Place, text: String) {
        self.notes.push(Note { place, text });
    }
}

fn whole(path: &Path) -> Place {
    Place::of_file(&path.display().to_string())
}

/// A path in an error, which it must leave on one line.
fn shown(path: &Path) -> String {
    excerpt(&path.to_string_lossy())
}

/// The job of a list for which none was given.
fn job_by_name(file: &Path) -> Option<Job> {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).filter(|_| file != Path::new(STANDARD_INPUT))?;
    Job::new(stem).ok()
}

/// What a folder has by the names of lists, but for its folders: also what cannot be read, and would be missed.
fn files_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let is_list = ["json", "yml", "yaml"].iter().any(|known| extension.eq_ignore_ascii_case(known));
        if is_list && !entry.file_type()?.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
