//! A place in a file, as faults and notes name it: file, line, job and group.

use std::{
    fmt::{self, Display, Formatter},
    rc::Rc,
};

use http_sd_lambda::group::{Job, excerpt};

use crate::terminal::text::printable;

/// A file, or a line or group in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file's name; `-` is standard input.
    pub file: Rc<str>,
    /// The line, counted from 1; `None` for the whole file.
    pub line: Option<usize>,
    /// The job, if known.
    pub job: Option<Rc<str>>,
    /// The number of the group in its list, counted from 1.
    pub group: Option<usize>,
}

impl Place {
    /// Returns the place of a whole file.
    pub(super) fn of_file(name: &str) -> Self {
        Self { file: name.into(), line: None, job: None, group: None }
    }

    /// Returns the place of a line of the same file.
    pub(super) fn at(&self, line: usize) -> Self {
        Self { line: Some(line), ..self.clone() }
    }

    pub(super) fn with_job(&self, job: &Job) -> Self {
        Self { job: Some(job.as_str().into()), ..self.clone() }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_with_odd_file_name_is_one_line() {
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
