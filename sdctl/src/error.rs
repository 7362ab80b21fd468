//! Why a command failed, in one line that says what to do.

use std::{io, path::PathBuf};

use http_sd_lambda::{
    config::{ConfigError, TABLE},
    group::{Fault, GroupName, Job, StoredGroup, excerpt},
    table::TableError,
};
use thiserror::Error;

use crate::local::LocalError;

/// Why a command failed.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Local(#[from] LocalError),
    #[error("no folder for the table, because your home folder is not known: name one with --data")]
    NoHome,
    #[error("{TABLE} is set but empty: give it the name of a table in AWS, or unset it for the local table")]
    EmptyTable,
    #[error(
        "there is no local table in {}: sdctl serve, put or apply makes it, --data names another folder",
        .0.display()
    )]
    NoLocalTable(PathBuf),
    #[error("{0} is for a table in AWS: name it with --table or HTTP_SD_TABLE")]
    NeedsTable(&'static str),
    #[error("{}", of_table(name, source))]
    Table { name: String, source: Box<TableError> },
    #[error("{what} {} {fault}", excerpt(.value))]
    Argument { what: &'static str, value: String, fault: Fault },
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
    #[error("cannot read {}: {source}", .file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}", .file.display())]
    Write { file: PathBuf, source: io::Error },
    #[error("{source}; {how_far}")]
    Interrupted { source: Box<CliError>, how_far: String },
    #[error("{0}")]
    Refused(String),
}

/// What a failed request to a table means to whoever runs the command, and what to do.
fn of_table(name: &str, error: &TableError) -> String {
    match error {
        TableError::Throttled(_) | TableError::Unavailable(_) => {
            format!("table {name:?} does not answer; try again: {error}")
        }
        TableError::Missing(_) => {
            format!("table {name:?} is not there; are its name and the region right? sdctl table create makes one")
        }
        TableError::Denied(reason) => format!("your credentials may not do this on table {name:?}: {reason}"),
        TableError::WrongKey(reason) => {
            format!("table {name:?} is not one of target groups; name another with --table: {reason}")
        }
        TableError::Refused(reason) => format!("table {name:?} refuses the request: {reason}"),
        TableError::Misconfigured(_) | TableError::Invalid(_) => {
            format!("table {name:?} cannot be used; are its name, the region and your credentials right? {error}")
        }
    }
}

impl CliError {
    /// A request to the table of that name that failed.
    pub(crate) fn of_table(name: &str, source: TableError) -> Self {
        Self::Table { name: name.to_owned(), source: Box::new(source) }
    }

    /// A group that no row can hold.
    pub(crate) fn too_large(group: &StoredGroup) -> Self {
        let (job, name) = (excerpt(group.job.as_str()), excerpt(group.name.as_str()));
        Self::Refused(format!(
            "group {name} of job {job} is larger than the 400 KB of a row: put its targets into several groups, or shorten its labels"
        ))
    }

    pub(crate) fn no_such_job(job: &Job) -> Self {
        Self::Refused(format!("no row has the job {}: sdctl get shows all there are", excerpt(job.as_str())))
    }

    pub(crate) fn no_such_group(job: &Job, name: &GroupName) -> Self {
        let (job, name) = (excerpt(job.as_str()), excerpt(name.as_str()));
        Self::Refused(format!("job {job} has no group {name}: sdctl get shows those that there are"))
    }

    /// Whether somebody has stopped reading what we print, such as `head`. No reason to complain.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
