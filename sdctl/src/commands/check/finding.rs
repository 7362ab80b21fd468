//! Findings and their report.

use std::{
    fmt::{self, Display, Formatter},
    io::{BufWriter, Write},
    rc::Rc,
};

use anstyle::Style;
use clap::ValueEnum;
use http_sd_lambda::group::excerpt;
use serde::{Serialize, Serializer};

use crate::{
    commands::outcome::Outcome,
    error::CliError,
    files::Place,
    terminal::{
        output,
        style::{ADDED, CHANGED, FAINT, REMOVED},
        text::Count,
    },
};

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    Fault,
    Warning,
    Note,
}

/// The place of a finding.
#[derive(Debug, Clone)]
pub(super) enum At {
    /// All input together.
    All,
    /// The response of a URL as a whole.
    Url(Rc<str>),
    /// A place in a file or in a response.
    Place(Place),
}

/// A fault, a warning or a note.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    pub(super) at: At,
    /// The field, as a path such as `targets[2]`; empty for a finding about more than a field.
    pub(super) field: String,
    /// Whether the field is a name from the input rather than a path, and so needs quotes.
    pub(super) quoted: bool,
    /// The problem, in words that follow the field.
    pub(super) problem: String,
    /// The effect on the poller.
    pub(super) consequence: Option<String>,
}

/// The format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// One line per finding, and a summary
    Human,
    /// A JSON object
    Json,
}

/// All findings, and a summary of the input.
pub(super) struct Report<S> {
    pub(super) findings: Vec<Finding>,
    pub(super) summary: S,
}

/// The numbers of faults and warnings.
#[derive(Debug, Clone, Copy, Serialize)]
struct Counts {
    faults: usize,
    warnings: usize,
}

#[derive(Serialize)]
struct JsonReport<'a, S> {
    findings: &'a [Finding],
    summary: JsonSummary<'a, S>,
}

#[derive(Serialize)]
struct JsonSummary<'a, S> {
    #[serde(flatten)]
    counts: Counts,
    #[serde(flatten)]
    read: &'a S,
}

impl Finding {
    pub(super) fn warning(at: At, field: &str, problem: String, consequence: String) -> Self {
        Self {
            severity: Severity::Warning,
            at,
            field: field.into(),
            quoted: false,
            problem,
            consequence: Some(consequence),
        }
    }

    pub(super) fn fault(at: At, problem: String, consequence: String) -> Self {
        Self {
            severity: Severity::Fault,
            at,
            field: String::new(),
            quoted: false,
            problem,
            consequence: Some(consequence),
        }
    }

    pub(super) fn note(at: At, problem: String) -> Self {
        Self { severity: Severity::Note, at, field: String::new(), quoted: false, problem, consequence: None }
    }
}

impl<S: Display + Serialize> Report<S> {
    /// Prints the report. `strict` counts warnings as faults.
    pub(super) fn print(&self, output: Output, strict: bool) -> Result<Outcome, CliError> {
        let counts = self.counts();
        let bad = counts.faults > 0 || (strict && counts.warnings > 0);
        let mut out = BufWriter::new(output::stdout());
        match output {
            Output::Human => {
                for finding in &self.findings {
                    writeln!(out, "{finding}")?;
                }
                let style = if counts.faults > 0 {
                    REMOVED
                } else if counts.warnings > 0 {
                    CHANGED
                } else {
                    ADDED
                };
                writeln!(out, "{style}{counts}{style:#}{}", self.summary)?;
            }
            Output::Json => {
                let summary = JsonSummary { counts, read: &self.summary };
                let report = JsonReport { findings: &self.findings, summary };
                serde_json::to_writer(&mut out, &report).map_err(std::io::Error::from)?;
                writeln!(out)?;
            }
        }
        out.flush()?;
        Ok(if bad { Outcome::Found } else { Outcome::Done })
    }

    fn counts(&self) -> Counts {
        let count = |severity| self.findings.iter().filter(|finding| finding.severity == severity).count();
        Counts { faults: count(Severity::Fault), warnings: count(Severity::Warning) }
    }
}

impl Display for Counts {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.faults {
            0 => f.write_str("no faults")?,
            faults => Count(faults, "fault").fmt(f)?,
        }
        match self.warnings {
            0 => Ok(()),
            warnings => write!(f, ", {}", Count(warnings, "warning")),
        }
    }
}

impl Severity {
    fn word_and_style(self) -> (&'static str, Style) {
        match self {
            Self::Fault => ("fault  ", REMOVED),
            Self::Warning => ("warning", CHANGED),
            Self::Note => ("note   ", FAINT),
        }
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (word, style) = self.severity.word_and_style();
        write!(f, "{style}{word}{style:#} ")?;
        match &self.at {
            At::All => {}
            At::Url(url) => write!(f, "{url}: ")?,
            At::Place(place) => write!(f, "{place}: ")?,
        }
        if self.quoted {
            write!(f, "{} ", excerpt(&self.field))?;
        } else if !self.field.is_empty() {
            write!(f, "{} ", self.field)?;
        }
        f.write_str(&self.problem)?;
        match &self.consequence {
            Some(consequence) => write!(f, "; {consequence}"),
            None => Ok(()),
        }
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// The number of the group in its list, or the name of the row's group.
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Group<'a> {
            Number(usize),
            Name(&'a str),
        }

        /// The fields of the JSON object. All are always present.
        #[derive(Serialize)]
        struct Flat<'a> {
            severity: Severity,
            file: Option<&'a str>,
            line: Option<usize>,
            job: Option<&'a str>,
            group: Option<Group<'a>>,
            field: Option<&'a str>,
            problem: &'a str,
            consequence: Option<&'a str>,
        }

        let place = match &self.at {
            At::Place(place) => Some(place),
            At::All | At::Url(_) => None,
        };
        let group = place.and_then(|place| match &place.name {
            Some(name) => Some(Group::Name(name)),
            None => place.group.map(Group::Number),
        });
        let file = match &self.at {
            At::All => None,
            At::Url(url) => Some(&**url),
            At::Place(place) => Some(&*place.file).filter(|file| !file.is_empty()),
        };
        Flat {
            severity: self.severity,
            file,
            line: place.and_then(|place| place.line),
            job: place.and_then(|place| place.job.as_deref()),
            group,
            field: Some(self.field.as_str()).filter(|field| !field.is_empty()),
            problem: &self.problem,
            consequence: self.consequence.as_deref(),
        }
        .serialize(serializer)
    }
}
