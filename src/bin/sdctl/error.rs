//! Why a command failed, in one line that says what to do.

use std::{io, path::PathBuf};

use http_sd_lambda::{
    config::ConfigError,
    group::{Fault, GroupName, Job, excerpt},
    local::LocalError,
    table::{TableError, WriteError},
};
use thiserror::Error;

use crate::{connection::NoHome, serve::ServeError, writes::Ended};

/// Why a command failed.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Local(#[from] LocalError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    NoHome(#[from] NoHome),
    #[error("{0} is for a table in AWS: name it with --table or HTTP_SD_TABLE")]
    NeedsTable(&'static str),
    #[error("table {name:?} cannot be used; are its name, the region and your credentials right? {source}")]
    Table { name: String, source: Box<TableError> },
    #[error("table {name:?} does not answer; try again: {source}")]
    Unavailable { name: String, source: Box<TableError> },
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

impl CliError {
    pub(crate) fn of_table(name: &str, source: TableError) -> Self {
        let name = name.to_owned();
        match source {
            TableError::Unavailable(_) => Self::Unavailable { name, source: Box::new(source) },
            source => Self::Table { name, source: Box::new(source) },
        }
    }

    pub(crate) fn of_write(name: &str, error: WriteError) -> Self {
        match error {
            WriteError::Table(error) => Self::of_table(name, error),
            conflict @ WriteError::Conflict { .. } => Self::Refused(format!("{conflict}: run the command again")),
        }
    }

    /// Writes that ended early.
    pub(crate) fn stopped(name: &str, ended: Ended, how_far: String) -> Self {
        match ended {
            Ended::Interrupted => Self::Refused(format!("stopped, with {how_far}")),
            Ended::Failed(error) => Self::Interrupted { source: Box::new(Self::of_write(name, error)), how_far },
        }
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
