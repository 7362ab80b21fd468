//! A fault in a file: what violates the data model, and where.

use std::fmt::{self, Display, Formatter};

use http_sd_lambda::group::{Fault, excerpt};

use super::place::Place;
use crate::terminal::text::printable;

/// A violation of the data model in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFault {
    /// The file and line of the fault.
    pub place: Place,
    /// The path of the field, such as `targets[2]` or `labels["a-b"]`, or the name of an unknown field. Empty for a
    /// fault of a whole group or file.
    pub field: String,
    /// The problem, as text that continues from the field.
    pub problem: Problem,
}

/// A problem of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A field of a group or of a configuration is invalid.
    Group(Fault),
    /// The file is not valid JSON or YAML.
    Syntax(String),
    /// The file is valid JSON or YAML, but exceeds what `sdctl` reads. Prometheus may accept it.
    TooMuch(String),
    /// The file is empty. The value is what is expected, with its article.
    Empty(&'static str),
    /// The file contains bytes that are not UTF-8.
    NotUtf8,
    /// A file does not exist or cannot be read.
    File(String),
    /// A configuration names this file, which does not exist.
    NoSuchFile(String),
    /// A field of a configuration is misspelt. The value is the right spelling.
    Misspelt(String),
    /// The poller does not accept this field of a configuration. The text says why and what to do.
    UnknownField(String),
    /// Prometheus rejects the configuration.
    Configuration(String),
    /// `--job` is missing for a list, or was given for a configuration.
    Job(String),
}

impl Display for FileFault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if self.problem.is_about_a_name() {
            write!(f, "{} ", excerpt(&self.field))?;
        } else if !self.field.is_empty() {
            write!(f, "{} ", self.field)?;
        }
        self.problem.fmt(f)
    }
}

impl Problem {
    /// Returns whether the fault is about an unknown field, whose name may be any text.
    #[must_use]
    pub fn is_about_a_name(&self) -> bool {
        matches!(self, Self::Group(Fault::UnknownField) | Self::Misspelt(_) | Self::UnknownField(_))
    }
}

/// The most characters that a message repeats of a field's name.
const MOST_OF_FIELD: usize = 80;

/// Returns a field's name on one line, with control characters escaped, cut to [`MOST_OF_FIELD`] characters.
pub(super) fn printable_field(name: &str) -> String {
    format!("{:.MOST_OF_FIELD$}", printable(name))
}

impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(fault) => fault.fmt(f),
            Self::Syntax(text)
            | Self::TooMuch(text)
            | Self::File(text)
            | Self::UnknownField(text)
            | Self::Configuration(text)
            | Self::Job(text) => f.write_str(text),
            Self::Empty(expected) => write!(f, "is empty, but must be {expected}"),
            Self::NotUtf8 => f.write_str("is not valid UTF-8: save the file as UTF-8"),
            Self::NoSuchFile(pattern) => {
                write!(f, "names the file {pattern:?}, which does not exist: create it or correct the path")
            }
            Self::Misspelt(right) => {
                write!(f, "is not a field of a Prometheus configuration: write {}", printable_field(right))
            }
        }
    }
}
