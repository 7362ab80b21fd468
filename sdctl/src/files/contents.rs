//! What a file says: groups, faults, notes, jobs and references to other files.

use std::{
    fmt::{self, Display, Formatter},
    path::Path,
    rc::Rc,
};

use http_sd_lambda::group::{Job, TargetGroup};

use super::{fault::FileFault, place::Place};

/// A group of a file.
#[derive(Debug, Clone)]
pub struct FileGroup {
    /// The job that it is for.
    pub job: Job,
    /// The group.
    pub group: TargetGroup,
    /// Where it stands.
    pub place: Place,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFile {
    /// Its name; `-` is standard input.
    pub name: Rc<str>,
    /// How it is written.
    pub format: Format,
    /// Whether it is a Prometheus configuration rather than a list of groups.
    pub configuration: bool,
}

/// Something in a file that is left out on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where it is.
    pub place: Place,
    /// What is left out, and why.
    pub text: String,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON, where types are strict.
    Json,
    /// YAML, where a plain `9100` is as good as `"9100"`: Prometheus takes the text as it is written.
    Yaml,
}

/// What a file says.
#[derive(Debug)]
pub(super) struct Contents {
    /// Whether the file is a Prometheus configuration rather than a list of groups.
    pub(super) configuration: bool,
    /// The items, in the order of the file.
    pub(super) items: Vec<Item>,
}

/// One thing that a file says.
#[derive(Debug)]
pub(super) enum Item {
    Group(FileGroup),
    Fault(FileFault),
    Note(Note),
    /// A job of a configuration, and where its scrape configuration starts.
    Job(Job, Place),
    /// Other files, whose items belong here.
    Reference(Reference),
}

/// The files that a configuration names with a pattern.
#[derive(Debug)]
pub(super) struct Reference {
    /// Where the pattern stands.
    pub(super) place: Place,
    pub(super) pattern: String,
    /// What the files must be.
    pub(super) role: Role,
}

/// What a file must be, which depends on what names it.
#[derive(Debug)]
pub(super) enum Role {
    /// The command line names the file. It is a configuration, or a list of groups of this job.
    Given(Option<Job>),
    /// A configuration names the file as a list of groups of this job.
    List(Job),
    /// A configuration names the file as a configuration, which must have only `scrape_configs`.
    Nested,
}

impl Format {
    /// Returns a file's format by its extension, as Prometheus does, and else by its first character.
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
