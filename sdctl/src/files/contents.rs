//! What a file holds: groups, and notes about what is left out.

use std::{
    fmt::{self, Display, Formatter},
    rc::Rc,
};

use http_sd_lambda::group::{Job, TargetGroup};

use super::place::Place;

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

impl Display for Note {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}
