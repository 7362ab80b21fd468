//! Why a command failed, in one line that says what to do.

use std::{
    fmt::{self, Display, Formatter},
    io,
    path::PathBuf,
};

use http_sd_lambda::{
    config::{ConfigError, TABLE},
    group::{Fault, GroupName, Job, excerpt},
    table::TableError,
};
use thiserror::Error;

use crate::local::LocalError;

/// DynamoDB's word for a table that is not there.
pub(crate) const NOT_THERE: &str = "ResourceNotFoundException";

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
    #[error(transparent)]
    Table(#[from] Unusable),
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

/// A table that cannot be used until somebody mends something, and what that is.
#[derive(Debug, Error)]
pub(crate) struct Unusable {
    pub(crate) name: String,
    pub(crate) source: Box<TableError>,
}

impl Display for Unusable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { name, source } = self;
        let text = source.to_string();
        if text.contains("AccessDenied") {
            return write!(f, "your credentials may not do this on table {name:?}: {text}");
        }
        write!(f, "table {name:?} ")?;
        if text.contains(NOT_THERE) {
            f.write_str("is not there; are its name and the region right? sdctl table create makes one")
        } else if text.contains("the table's key is") {
            write!(f, "is not one of target groups; name another with --table: {text}")
        } else if text.contains("ValidationException") {
            write!(f, "refuses the request: {text}")
        } else {
            write!(f, "cannot be used; are its name, the region and your credentials right? {text}")
        }
    }
}

impl CliError {
    pub(crate) fn of_table(name: &str, source: TableError) -> Self {
        let name = name.to_owned();
        match source {
            TableError::Unavailable(_) => Self::Unavailable { name, source: Box::new(source) },
            source => Unusable { name, source: Box::new(source) }.into(),
        }
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
