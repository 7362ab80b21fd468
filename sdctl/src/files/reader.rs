//! Finds, reads and parses files, and follows the references from configurations to other files.
//!
//! All access to the file system for files with target groups is here.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    env, fs,
    io::{self, Read},
    mem,
    path::{Path, PathBuf},
};

use http_sd_lambda::group::{Job, LabelNames, excerpt};

use super::{
    contents::{Advice, Contents, FileGroup, Format, Item, Note, ReadFile, Reading, Reference, Role},
    environment,
    fault::{FileFault, Problem},
    fields::Poller,
    folder::Folder,
    given::{Elsewhere, Given},
    moves::{self, Origins},
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
    /// Whether the subfolders of a folder are read too.
    recursive: bool,
    /// The files that were read, each with the job of its list; `None` for a configuration.
    known: HashSet<(PathBuf, Option<Job>)>,
    /// The files that configurations name, with the place of the first reference to each.
    referenced: HashMap<PathBuf, Place>,
    /// The files that configurations name as rules.
    rules: HashSet<PathBuf>,
    origins: Origins,
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
            recursive: false,
            known: HashSet::new(),
            referenced: HashMap::new(),
            rules: HashSet::new(),
            origins: Origins::default(),
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

    /// Returns the reader, which then reads the subfolders of a folder too if `recursive`.
    #[must_use]
    pub fn recursive(self, recursive: bool) -> Self {
        Self { recursive, ..self }
    }

    /// Reads one path as [`Reader::read_all`] does.
    pub fn read(&mut self, path: &Path, job: Option<&Job>) {
        self.read_all(&[path], job);
    }

    /// Reads files, the files of folders that end in `.json`, `.yml` or `.yaml`, and standard input for `-`. Skips a
    /// file that was already read for the same job, and a file of a folder that one of the configurations names.
    ///
    /// `job` is the job of lists of groups; the default is the file's name without its extension. A Prometheus
    /// configuration names its own jobs.
    pub fn read_all(&mut self, paths: &[impl AsRef<Path>], job: Option<&Job>) {
        let mut given = Vec::new();
        for path in paths.iter().map(AsRef::as_ref) {
            if path == Path::new(STANDARD_INPUT) || !path.is_dir() {
                given.extend(self.given(path, job, false));
                continue;
            }
            for file in self.files_of(path) {
                match fs::metadata(&file) {
                    // Reading a pipe may block forever.
                    Ok(metadata) if !metadata.is_file() => {
                        self.unreadable(&file, "is not a regular file: move it out of the folder".into());
                    }
                    _ => given.extend(self.given(&file, job, true)),
                }
            }
        }
        given.sort_by_key(Given::rank);
        let first = self.groups.len();
        let mut elsewhere = Elsewhere::default();
        for given in given {
            match self.referenced.get(&given.real).filter(|_| given.in_folder) {
                Some(place) => elsewhere.add(place, &given.file.name),
                None if given.in_folder && self.rules.contains(&given.real) => {}
                None => self.take(given),
            }
        }
        self.notes.extend(elsewhere.notes());
        let origins = mem::take(&mut self.origins);
        if job.is_none() {
            self.notes.extend(origins.notes());
        }
        self.notes.extend(moves::of_own_jobs(&self.groups[first..]));
        self.advice.extend(origins.advice().chain(moves::of_groups(&self.groups[first..])));
    }

    /// Returns the files of a folder, and reports what the folder contains besides.
    fn files_of(&mut self, path: &Path) -> Vec<PathBuf> {
        let folder = Folder::list(path, self.recursive);
        if folder.files.is_empty() && folder.unreadable.is_empty() {
            self.unreadable(
                path,
                "contains no file that ends in .json, .yml or .yaml: name another folder or a file".into(),
            );
        }
        for (folder, error) in &folder.unreadable {
            self.cannot_be_read(folder, error);
        }
        let place = whole(path);
        self.notes.extend(folder.note(&place));
        self.advice.extend(folder.advice(&place));
        folder.files
    }

    /// Parses a file of the command line. Returns `None` after a fault.
    fn given<'a>(&mut self, path: &Path, job: Option<&'a Job>, in_folder: bool) -> Option<Given<'a>> {
        let text = self.text_of(path)?;
        Some(self.parse_given(path, &text, job, in_folder))
    }

    fn parse_given<'a>(&self, path: &Path, text: &str, job: Option<&'a Job>, in_folder: bool) -> Given<'a> {
        let whole = whole(path);
        let place = job.map_or_else(|| whole.clone(), |job| whole.with_job(job));
        let role = Role::Given(job.cloned().or_else(|| job_by_name(path)));
        let (file, contents) = self.parse(text, self.format(path, text), &place, &role);
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        Given { path: path.to_owned(), real, in_folder, job, file, contents }
    }

    /// Collects the contents of a file, unless it was already read for the same job.
    fn take(&mut self, given: Given<'_>) {
        let Given { path, real, job, file, contents: Contents { configuration, items, .. }, .. } = given;
        let list_job = job.cloned().or_else(|| job_by_name(&path));
        let as_configuration = (real.clone(), None);
        if self.known.contains(&as_configuration) || !self.known.insert((real, list_job.clone())) {
            return;
        }
        self.files.push(file);
        let place = whole(&path);
        if configuration {
            self.known.insert(as_configuration);
            if let Some(job) = job {
                let problem = "is a Prometheus configuration, which names its own jobs: omit --job";
                self.problem(place.with_job(job).at(1), Problem::Job(problem.into()));
            }
        } else if let Some(job) = &list_job {
            self.origins.add(job, &place, false);
        }
        let (mut known, faults) = (Known::default(), self.faults.len());
        self.collect(items, &path, &mut known);
        if configuration && known.jobs.is_empty() && self.faults.len() == faults {
            self.note(place, "contains no scrape configuration: add scrape_configs".into());
        }
    }

    /// Reads `text` as the contents of `file`.
    pub fn read_text(&mut self, file: &Path, text: &str, job: Option<&Job>) {
        let given = self.parse_given(file, text, job, false);
        self.take(given);
    }

    /// Reads the body of a response, which must be a list of groups in JSON. `name` is its source in faults.
    pub fn read_answer(&mut self, name: &str, body: &str, job: &Job) {
        let (file, contents) = self.parse(body, Format::Json, &Place::of_file(name), &Role::List(job.clone(), false));
        self.files.push(file);
        self.collect(contents.items, Path::new(""), &mut Known::default());
    }

    /// Returns the format of a file. vmagent reads each file as YAML.
    fn format(&self, file: &Path, text: &str) -> Format {
        if self.reading.poller == Some(Poller::Vmagent) { Format::Yaml } else { Format::of(file, text) }
    }

    fn parse(&self, text: &str, format: Format, place: &Place, role: &Role) -> (ReadFile, Contents) {
        let contents = parse::contents(text, format, place, role, self.reading);
        let configuration = contents.configuration;
        (ReadFile { name: place.file.clone(), format, configuration }, contents)
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
                Item::Rules(pattern) => {
                    let folder = file.parent().unwrap_or(Path::new(""));
                    let paths = pattern::paths(folder, &pattern, false).unwrap_or_default();
                    self.rules.extend(paths.into_iter().filter_map(|path| fs::canonicalize(path).ok()));
                }
                Item::Remote(note) => self.remote.push(note),
                Item::Job(job, place) => {
                    known.lists.clear();
                    match known.jobs.entry(job) {
                        Entry::Vacant(new) => {
                            self.origins.add(new.key(), &place, true);
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
                        let real = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
                        if let Role::List(job, _) = &reference.role {
                            self.known.insert((real.clone(), Some(job.clone())));
                        }
                        self.referenced.entry(real).or_insert_with(|| reference.place.clone());
                        if let Some(Contents { bare, items, .. }) = self.referenced_contents(&path, &reference.role) {
                            // vmagent, which alone includes a list, reads its paths from the including file.
                            self.collect(items, if bare { file } else { &path }, known);
                        }
                    }
                }
            }
        }
    }

    /// Reads a file that a configuration names. Returns `None` after a fault.
    fn referenced_contents(&mut self, path: &Path, role: &Role) -> Option<Contents> {
        let text = self.text_of(path)?;
        let whole = whole(path);
        // Prometheus reads a list by its suffix, and a configuration always as YAML.
        let (place, format) = match role {
            Role::List(job, _) => (whole.with_job(job), self.format(path, &text)),
            _ => (whole, Format::Yaml),
        };
        let (file, contents) = self.parse(&text, format, &place, role);
        self.files.push(file);
        Some(contents)
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
        let fault = FileFault { place, field: String::new(), problem };
        // A file may be both in a folder and named by a configuration.
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
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
