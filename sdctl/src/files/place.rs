//! A place in a file, as faults and notes name it: file, line, job and group.

use std::{
    fmt::{self, Display, Formatter},
    rc::Rc,
};

use http_sd_lambda::group::{GroupName, Job, excerpt};

use crate::terminal::text::printable;

/// A file, or a line or group in it; or a row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file's name; `-` is standard input. Empty for a row.
    pub file: Rc<str>,
    /// The line, counted from 1; `None` for the whole file.
    pub line: Option<usize>,
    /// The job, if known.
    pub job: Option<Rc<str>>,
    /// The number of the group in its list, counted from 1.
    pub group: Option<usize>,
    /// The name of the group, for a row.
    pub name: Option<Rc<str>>,
}

impl Place {
    /// Returns the place of a whole file.
    pub(super) fn of_file(name: &str) -> Self {
        Self { file: name.into(), line: None, job: None, group: None, name: None }
    }

    /// Returns the place of a row of the table, or of all rows of a job.
    pub(crate) fn of_row(job: &Job, name: Option<&GroupName>) -> Self {
        Self { name: name.map(|name| name.as_str().into()), ..Self::of_file("").with_job(job) }
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
            write!(f, "{}job {}", if self.file.is_empty() { "" } else { ": " }, excerpt(job))?;
        }
        if let Some(group) = self.group {
            write!(f, "{} group {group}", if self.job.is_some() { "," } else { ":" })?;
        }
        if let Some(name) = &self.name {
            write!(f, "{}group {}", if self.job.is_some() { ", " } else { "" }, excerpt(name))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_with_odd_file_name_is_one_line() {
        let place =
            |file: &str, line| Place { file: file.into(), line, job: None, group: None, name: None }.to_string();
        for (file, shown) in [
            ("sd/node exporter.yml", "sd/node exporter.yml"),
            ("caf\u{e9}/\u{1f600}'s \"1\"\\.yml", "caf\u{e9}/\u{1f600}'s \"1\"\\.yml"),
            ("\u{1b}[31ma\nb\u{202e}.yml", "\\u{1b}[31ma\\nb\\u{202e}.yml"),
        ] {
            assert_eq!(place(file, Some(7)), format!("{shown}:7"));
            assert_eq!(place(file, None), shown);
        }
    }

    #[test]
    fn row_is_named_without_a_file() {
        let (job, name) = (Job::new("node").unwrap(), GroupName::new("web \"1\"").unwrap());
        assert_eq!(Place::of_row(&job, Some(&name)).to_string(), r#"job "node", group "web \"1\"""#);
        assert_eq!(Place::of_row(&job, None).to_string(), r#"job "node""#);
    }
}
