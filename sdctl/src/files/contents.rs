//! The contents of a file: groups, faults, notes, jobs and references to other files.

use std::{
    fmt::{self, Display, Formatter},
    iter,
    path::Path,
    rc::Rc,
    time::Duration,
};

use http_sd_lambda::group::{Job, LabelNames, Target, TargetGroup};

use super::{environment::variable, fault::FileFault, fields::Poller, place::Place};

/// A target group of a file.
#[derive(Debug, Clone)]
pub struct FileGroup {
    /// The job of the group.
    pub job: Job,
    /// The targets and labels.
    pub group: TargetGroup,
    /// Where the group starts.
    pub place: Place,
    /// Whether a relabelling rule of the job writes the addresses of its targets.
    pub readdressed: bool,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFile {
    /// The file's name; `-` is standard input.
    pub name: Rc<str>,
    /// The syntax of the file.
    pub format: Format,
    /// Whether it is a Prometheus configuration rather than a list of groups.
    pub configuration: bool,
}

impl FileGroup {
    /// Returns the first variable in the job, a target or a label value, such as `%{HOST}`. vmagent replaces it from its
    /// environment; Prometheus and the function do not.
    #[must_use]
    pub fn variable(&self) -> Option<&str> {
        let targets = self.group.targets.iter().map(Target::as_str);
        let values = self.group.labels.values().map(String::as_str);
        iter::once(self.job.as_str()).chain(targets).chain(values).find_map(variable)
    }
}

/// A part of a file that `sdctl` skips on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where the skipped part is.
    pub place: Place,
    /// The skipped part, and the reason.
    pub text: String,
}

/// A part of a configuration that is valid, but may lose targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Where the part is.
    pub place: Place,
    /// The problem, and the remedy.
    pub text: String,
    /// The effect without the remedy.
    pub consequence: String,
    /// The poller that is concerned; `None` for all, after a move to the function.
    pub poller: Option<Poller>,
}

/// The syntax of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON: a target or label value must be a string.
    Json,
    /// YAML: Prometheus reads a plain `9100` as the string `"9100"`.
    Yaml,
}

/// The rules by which a file is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) names: LabelNames,
    /// The poller whose rules apply; `None` if any poller's do.
    pub(super) poller: Option<Poller>,
}

/// The contents of a file.
#[derive(Debug)]
pub(super) struct Contents {
    /// Whether the file is a Prometheus configuration rather than a list of groups.
    pub(super) configuration: bool,
    /// Whether the configuration is a list of scrape configurations without the field `scrape_configs`.
    pub(super) bare: bool,
    /// The items, in the order of the file.
    pub(super) items: Vec<Item>,
}

/// One element of a file's contents.
#[derive(Debug)]
pub(super) enum Item {
    Group(FileGroup),
    Fault(FileFault),
    Note(Note),
    /// The fields of a configuration whose values are not judged.
    Unjudged(Note),
    Advice(Advice),
    /// A URL that vmagent fetches.
    Remote(Note),
    /// A job of a configuration, and the start of its scrape configuration.
    Job(Job, Place),
    /// Other files, whose items belong at this position.
    Reference(Reference),
    /// A pattern of files with rules, which name no targets.
    Rules(String),
}

/// A pattern in a configuration that names other files.
#[derive(Debug)]
pub(super) struct Reference {
    /// Where the pattern is.
    pub(super) place: Place,
    pub(super) pattern: String,
    /// The required content of the files.
    pub(super) role: Role,
}

/// The required content of a file, by the place that names the file.
#[derive(Debug)]
pub(super) enum Role {
    /// The command line names the file: a configuration, or a list of groups of this job.
    Given(Option<Job>),
    /// A job of a configuration names the file: a list of groups of this job. The flag is [`FileGroup::readdressed`].
    List(Job, bool),
    /// `scrape_config_files` names the file: a configuration with nothing but `scrape_configs`. The duration is the
    /// main configuration's `scrape_interval`, if known.
    Nested(Option<Duration>),
}

impl Format {
    /// Returns the format that the extension names, as in Prometheus, else the one that the first character suggests.
    pub(super) fn of(file: &Path, text: &str) -> Self {
        let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "json" => Self::Json,
            "yml" | "yaml" => Self::Yaml,
            _ if text.trim_start().starts_with(['[', '{']) => Self::Json,
            _ => Self::Yaml,
        }
    }
}

impl Display for Note {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}
