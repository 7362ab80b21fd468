//! Finds, reads and parses files, and follows the references from configurations to other files.
//!
//! All access to the file system for files with target groups is here.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    env, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use http_sd_lambda::group::{Job, LabelNames, excerpt};

use super::{
    contents::{Advice, Contents, FileGroup, Format, Item, Note, ReadFile, Reading, Reference, Role},
    environment,
    fault::{FileFault, Problem},
    fields::Poller,
    parse, pattern,
    place::Place,
    text,
};

/// The name of standard input on the command line and in errors.
const STANDARD_INPUT: &str = "-";

/// Reads files and collects their contents.
#[derive(Debug)]
pub struct Reader {
    reading: Reading,
    /// The files of the command line that were read, each with the job of its list; `None` for a configuration.
    given: HashSet<(PathBuf, Option<Job>)>,
    /// The files that were read, in the order of reading.
    pub files: Vec<ReadFile>,
    /// The groups that were read.
    pub groups: Vec<FileGroup>,
    /// The violations of the data model. If there are any, `groups` is incomplete.
    pub faults: Vec<FileFault>,
    /// The parts that were skipped on purpose.
    pub notes: Vec<Note>,
    /// The URLs that vmagent fetches as if they were files. `sdctl` does not read them.
    pub remote: Vec<Note>,
    /// The patterns that match no file.
    pub unmatched: Vec<Note>,
    /// The fields of each configuration whose values are not judged.
    pub unjudged: Vec<Note>,
    /// The parts that are valid, but may lose targets.
    pub advice: Vec<Advice>,
}

/// The facts about a configuration that the reader has seen so far.
#[derive(Default)]
struct Known {
    /// The jobs so far, with the places of their scrape configurations.
    jobs: HashMap<Job, Place>,
    /// The lists that were read for the current job. Two patterns may match one file.
    lists: HashSet<PathBuf>,
}

impl Reader {
    /// Creates a reader that has read no file yet. It accepts the configurations of any poller.
    #[must_use]
    pub fn new(names: LabelNames) -> Self {
        Self {
            reading: Reading { names, poller: None },
            given: HashSet::new(),
            files: Vec::new(),
            groups: Vec::new(),
            faults: Vec::new(),
            notes: Vec::new(),
            remote: Vec::new(),
            unmatched: Vec::new(),
            advice: Vec::new(),
            unjudged: Vec::new(),
        }
    }

    /// Returns the reader, which then reads configurations by the rules of this poller.
    #[must_use]
    pub fn for_poller(mut self, poller: Poller) -> Self {
        self.reading.poller = Some(poller);
        self
    }

    /// Reads a file, the files of a folder that end in `.json`, `.yml` or `.yaml`, or standard input for `-`. Skips a
    /// file that was already read for the same job.
    ///
    /// `job` is the job of lists of groups; the default is the file's name without its extension. A Prometheus
    /// configuration names its own jobs.
    pub fn read(&mut self, path: &Path, job: Option<&Job>) {
        if path == Path::new(STANDARD_INPUT) || !path.is_dir() {
            return self.read_given(path, job);
        }
        match files_of(path) {
            Ok(files) if files.is_empty() => {
                self.unreadable(
                    path,
                    "contains no file that ends in .json, .yml or .yaml: name another folder or a file".into(),
                );
            }
            Ok(files) => {
                for file in files {
                    match fs::metadata(&file) {
                        // Reading a pipe may block forever.
                        Ok(metadata) if !metadata.is_file() => {
                            self.unreadable(&file, "is not a regular file: move it out of the folder".into());
                        }
                        _ => self.read_given(&file, job),
                    }
                }
            }
            Err(error) => self.cannot_be_read(path, &error),
        }
    }

    /// Reads a file of the command line, unless it was already read for the same job.
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

    /// Reads `text` as the contents of `file`.
    pub fn read_text(&mut self, file: &Path, text: &str, job: Option<&Job>) {
        let whole = whole(file);
        let place = job.map_or_else(|| whole.clone(), |job| whole.with_job(job));
        let role = Role::Given(job.cloned().or_else(|| job_by_name(file)));
        let Contents { configuration, items } = self.parse(text, self.format(file, text), &place, &role);
        if configuration && job.is_some() {
            let problem = "is a Prometheus configuration, which names its own jobs: omit --job";
            self.problem(place.at(1), Problem::Job(problem.into()));
        }
        let (mut known, faults) = (Known::default(), self.faults.len());
        self.collect(items, file, &mut known);
        if configuration && known.jobs.is_empty() && self.faults.len() == faults {
            self.note(whole, "contains no scrape configuration: add scrape_configs".into());
        }
    }

    /// Reads the body of a response, which must be a list of groups in JSON. `name` is its source in faults.
    pub fn read_answer(&mut self, name: &str, body: &str, job: &Job) {
        let contents = self.parse(body, Format::Json, &Place::of_file(name), &Role::List(job.clone(), false));
        self.collect(contents.items, Path::new(""), &mut Known::default());
    }

    /// Returns the format of a file. vmagent reads each file as YAML.
    fn format(&self, file: &Path, text: &str) -> Format {
        if self.reading.poller == Some(Poller::Vmagent) { Format::Yaml } else { Format::of(file, text) }
    }

    /// Parses a text and records its file as read.
    fn parse(&mut self, text: &str, format: Format, place: &Place, role: &Role) -> Contents {
        let contents = parse::contents(text, format, place, role, self.reading);
        let configuration = contents.configuration;
        self.files.push(ReadFile { name: place.file.clone(), format, configuration });
        contents
    }

    /// Collects the items of a file. Reads each referenced file at the position of its reference.
    fn collect(&mut self, items: Vec<Item>, file: &Path, known: &mut Known) {
        for item in items {
            match item {
                Item::Group(group) => self.groups.push(group),
                Item::Fault(fault) => self.faults.push(fault),
                Item::Note(note) => self.notes.push(note),
                Item::Unjudged(note) => self.unjudged.push(note),
                Item::Advice(advice) => self.advice.push(advice),
                Item::Remote(note) => self.remote.push(note),
                Item::Job(job, place) => {
                    known.lists.clear();
                    match known.jobs.entry(job) {
                        Entry::Vacant(new) => {
                            new.insert(place);
                        }
                        Entry::Occupied(known) => {
                            let (job, first) = (known.key(), known.get());
                            let problem = format!(
                                "is already used by the scrape configuration at {first}: rename one of the two"
                            );
                            let (place, field) = (place.with_job(job), "job_name".into());
                            self.faults.push(FileFault { place, field, problem: Problem::Configuration(problem) });
                        }
                    }
                }
                Item::Reference(reference) => {
                    for path in self.matching(file, &reference) {
                        if matches!(reference.role, Role::List(..)) && !known.lists.insert(path.clone()) {
                            continue;
                        }
                        if let Some(items) = self.referenced(&path, &reference.role) {
                            self.collect(items, &path, known);
                        }
                    }
                }
            }
        }
    }

    /// Reads a file that a configuration names. Returns `None` after a fault.
    fn referenced(&mut self, path: &Path, role: &Role) -> Option<Vec<Item>> {
        let text = self.text_of(path)?;
        let whole = whole(path);
        // Prometheus reads a list by its suffix, and a configuration always as YAML.
        let (place, format) = match role {
            Role::List(job, _) => (whole.with_job(job), self.format(path, &text)),
            _ => (whole, Format::Yaml),
        };
        Some(self.parse(&text, format, &place, role).items)
    }

    /// Returns a file's text, or `None` after a fault.
    fn text_of(&mut self, path: &Path) -> Option<String> {
        let bytes = if path == Path::new(STANDARD_INPUT) {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        } else {
            fs::read(path)
        };
        let format = self.format(path, "");
        match bytes.map(|bytes| text::decode(bytes, format)) {
            Ok(Ok(text)) if self.reading.poller == Some(Poller::Vmagent) => {
                return Some(environment::replaced(text, &|name| env::var(name).ok()));
            }
            Ok(Ok(text)) => return Some(text),
            Ok(Err(line)) => {
                let place = whole(path).at(line);
                self.files.push(ReadFile { name: place.file.clone(), format, configuration: false });
                self.problem(place, Problem::NotUtf8);
            }
            Err(error) => self.cannot_be_read(path, &error),
        }
        None
    }

    /// Returns the files that a pattern in `file` matches. A pattern without a wildcard must match a file.
    fn matching(&mut self, file: &Path, Reference { place, pattern, .. }: &Reference) -> Vec<PathBuf> {
        let folder = file.parent().unwrap_or(Path::new(""));
        // vmagent reads other wildcards than "*" only beside one.
        let is_literal = self.reading.poller == Some(Poller::Vmagent) && !pattern.contains('*');
        let Some(mut paths) = pattern::paths(folder, pattern, is_literal) else {
            let problem = format!("contains the malformed pattern {}: correct the pattern", excerpt(pattern));
            self.problem(place.clone(), Problem::File(problem));
            return Vec::new();
        };
        if paths.is_empty() {
            if pattern::has_wildcard(pattern) && !is_literal {
                let text = format!("the pattern {} matches no file: check its path", excerpt(pattern));
                self.unmatched.push(Note { place: place.clone(), text });
            } else {
                self.problem(place.clone(), Problem::NoSuchFile(pattern.clone()));
            }
        }
        paths.retain(|path| {
            let is_readable = !fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
            if !is_readable {
                let path = shown(path);
                let problem = format!("names {path}, which is not a regular file: correct the pattern or move it away");
                self.problem(place.clone(), Problem::File(problem));
            }
            is_readable
        });
        paths
    }

    fn cannot_be_read(&mut self, path: &Path, error: &io::Error) {
        self.unreadable(path, format!("cannot be read: {error}. Check the path and the permissions"));
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

/// Returns a path in quotes on one line, for errors.
fn shown(path: &Path) -> String {
    excerpt(&path.to_string_lossy())
}

/// Returns the job of a list without `--job`: the file's name without its extension.
fn job_by_name(file: &Path) -> Option<Job> {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).filter(|_| file != Path::new(STANDARD_INPUT))?;
    Job::new(stem).ok()
}

/// Returns the entries of a folder that are named like lists, except folders. Unreadable entries are included, so that
/// reading them reports a fault.
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
