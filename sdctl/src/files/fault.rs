//! A fault of a file: what breaks the contract, and where.

use std::fmt::{self, Display, Formatter};

use http_sd_lambda::group::{Fault, excerpt};

use super::place::Place;
use crate::terminal::text::printable;

/// Something in a file that breaks the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFault {
    /// Where it is.
    pub place: Place,
    /// The field, as a path such as `targets[2]` or `labels["a-b"]`, or the name of one that does not belong there;
    /// empty if it is about more than a field.
    pub field: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A field of a group.
    Group(Fault),
    /// It is no JSON, or no YAML, so that nothing of it can be read.
    Syntax(String),
    /// It is more than is read here, although it is JSON or YAML.
    TooMuch(String),
    /// There is nothing in it, where this belongs, with its article.
    Empty(&'static str),
    /// It has bytes that are no text.
    NotUtf8,
    /// There is no such file, or it cannot be read.
    File(String),
    /// A configuration names a file that is not there.
    NoSuchFile(String),
    /// A field that a configuration does not have, but for another spelling: this one.
    Misspelt(String),
    /// Prometheus refuses a configuration that says this.
    Configuration(String),
    /// It does not go with the job that was given for it, or with none.
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
    /// Whether it is about a field that does not belong there, whose name is anybody's text.
    #[must_use]
    pub fn is_about_a_name(&self) -> bool {
        matches!(self, Self::Group(Fault::UnknownField) | Self::Misspelt(_))
    }
}

/// The most characters of a field's name.
const MOST_OF_FIELD: usize = 80;

/// A field's name on one line, and not more of it than somebody reads.
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
            | Self::Configuration(text)
            | Self::Job(text) => f.write_str(text),
            Self::Empty(expected) => write!(f, "is empty, but must be {expected}"),
            Self::NotUtf8 => f.write_str("is not UTF-8"),
            Self::NoSuchFile(pattern) => write!(f, "names the file {pattern:?}, which is not there"),
            Self::Misspelt(right) => {
                write!(f, "is not a field of a configuration: write {}", printable_field(right))
            }
        }
    }
}
