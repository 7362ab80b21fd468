//! Errors of commands, each in one line: what failed, why, and what to do.

use std::{fmt::Display, io, path::PathBuf};

use http_sd_lambda::{
    config::{ConfigError, TABLE},
    group::{Fault, GroupName, Job, StoredGroup, excerpt},
    table::TableError,
};
use thiserror::Error;

use crate::local::LocalError;

/// The error of a command.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Local(#[from] LocalError),
    #[error("cannot find the folder of the local table: your home folder is unknown. Name a folder with --data")]
    NoHome,
    #[error("{TABLE} is set but empty. Set it to the name of a table in AWS, or unset it to use the local table")]
    EmptyTable,
    #[error(
        "no local table in {}. Create it with sdctl serve, put or apply, or name another folder with --data",
        .0.display()
    )]
    NoLocalTable(PathBuf),
    #[error("{0} requires a table in AWS. Name the table with --table or HTTP_SD_TABLE")]
    NeedsTable(&'static str),
    #[error("{problem}. {remedy}")]
    Profile { problem: String, remedy: String },
    #[error("no region. Name it with --region or AWS_REGION, or add it to your AWS profile")]
    NoRegion,
    #[error(
        "invalid ARN of a table: {0}. Use the table's name, or an ARN such as \
         arn:aws:dynamodb:eu-central-1:123456789012:table/http-sd"
    )]
    Arn(String),
    #[error("--region {region} contradicts the table's ARN, which is in {of_arn}. Leave --region out")]
    OtherRegion { region: String, of_arn: String },
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
    #[error("{}. {how_far}", clause(source))]
    Interrupted { source: Box<CliError>, how_far: String },
    #[error("{0}")]
    Refused(String),
}

/// Says in the words of a command what failed, and what to do.
fn of_table(name: &str, error: &TableError) -> String {
    match error {
        TableError::Throttled(_) | TableError::Unavailable(_) => {
            format!("table {name:?} does not respond: {}. Try again later", clause(error))
        }
        TableError::NotSent(error) => format!("cannot use table {name:?}: {error}. {}", error.remedy),
        TableError::Missing(_) => {
            format!("table {name:?} not found. Check its name and the region, or run sdctl table create")
        }
        TableError::Denied(reason) => {
            format!("access to table {name:?} denied: {}. Check the permissions of your credentials", clause(reason))
        }
        TableError::WrongKey(reason) => {
            format!("table {name:?} cannot hold target groups: {}. Name another table with --table", clause(reason))
        }
        TableError::Refused(reason) => format!("table {name:?} rejects the request: {reason}"),
        TableError::Misconfigured(_) | TableError::Invalid(_) => {
            format!("cannot use table {name:?}: {}. Check its name, the region and your credentials", clause(error))
        }
    }
}

/// Returns the text without its final full stop, for a sentence that goes on.
fn clause(text: impl Display) -> String {
    text.to_string().trim_end_matches('.').to_owned()
}

impl CliError {
    /// Returns the error of a failed request to the table `name`.
    pub(crate) fn of_table(name: &str, source: TableError) -> Self {
        Self::Table { name: name.to_owned(), source: Box::new(source) }
    }

    /// Returns the error for a group that exceeds DynamoDB's limit for a row.
    pub(crate) fn too_large(group: &StoredGroup) -> Self {
        let (job, name) = (excerpt(group.job.as_str()), excerpt(group.name.as_str()));
        Self::Refused(format!(
            "group {name} of job {job} is too large: a row holds at most 400 KB. \
             Split its targets into several groups, or shorten its labels"
        ))
    }

    pub(crate) fn no_such_job(job: &Job) -> Self {
        Self::Refused(format!("job {} not found. List all jobs with sdctl get", excerpt(job.as_str())))
    }

    pub(crate) fn no_such_group(job: &Job, name: &GroupName) -> Self {
        let (job, name) = (excerpt(job.as_str()), excerpt(name.as_str()));
        Self::Refused(format!("group {name} not found in job {job}. List the groups of the job with sdctl get"))
    }

    /// Whether the reader of standard output, such as `head`, has closed it.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
