//! Target groups in files: lists for `file_sd_configs`, in JSON or YAML, and whole Prometheus configurations.
//!
//! What a file says is read with the function's own validator. Files are read as strictly as Prometheus reads them,
//! and where Prometheus guesses (a field that is there twice, a second document) more strictly: a file that is not
//! what its author meant must not change a fleet.

mod find;
mod json;
mod list;
mod node;
mod prometheus;
mod reader;
mod yaml;

pub use reader::Reader;

use std::{
    fmt::{self, Display, Formatter},
    rc::Rc,
};

use http_sd_lambda::group::{Fault, Job, TargetGroup, excerpt};

use crate::terminal::text::printable;

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

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file's name; `-` is standard input.
    pub file: Rc<str>,
    /// The line, counted from 1; `None` if it is about the file as a whole.
    pub line: Option<usize>,
    /// The job, as far as it is known.
    pub job: Option<Rc<str>>,
    /// Which group of its list, counted from 1.
    pub group: Option<usize>,
}

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

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.file))?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(job) = &self.job {
            write!(f, ": job {}", excerpt(job))?;
        }
        if let Some(group) = self.group {
            write!(f, "{} group {group}", if self.job.is_some() { "," } else { ":" })?;
        }
        Ok(())
    }
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
fn printable_field(name: &str) -> String {
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

impl Display for Note {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_one_line_whatever_the_name_of_the_file() {
        let place = |file: &str, line| Place { file: file.into(), line, job: None, group: None }.to_string();
        for (file, shown) in [
            ("sd/node exporter.yml", "sd/node exporter.yml"),
            ("caf\u{e9}/\u{1f600}'s \"1\"\\.yml", "caf\u{e9}/\u{1f600}'s \"1\"\\.yml"),
            ("\u{1b}[31ma\nb\u{202e}.yml", "\\u{1b}[31ma\\nb\\u{202e}.yml"),
        ] {
            assert_eq!(place(file, Some(7)), format!("{shown}:7"));
            assert_eq!(place(file, None), shown);
        }
    }
}
