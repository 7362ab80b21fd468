//! The reasons why the changes of a table are unknown.

use std::{error::Error, time::Duration};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use thiserror::Error;
use tracing::warn;

use crate::table::TableError;

/// The reason why the changes of a table are unknown. The texts are for the log, not for pollers.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unknown {
    /// The table has no stream, or its stream is turned off.
    #[error("the table has no stream")]
    NoStream,
    /// The table has another stream than the one that was followed.
    #[error("the table has another stream than before")]
    OtherStream,
    /// The stream does not exist.
    #[error("the stream does not exist: {0}")]
    Missing(String),
    /// The position is older than 15 minutes.
    #[error("the position in the stream has expired: {0}")]
    Expired(String),
    /// The stream has deleted records after the position. Records last 24 hours.
    #[error("the stream has deleted records: {0}")]
    Trimmed(String),
    /// The stream does not list all its shards.
    #[error("the stream's list of shards is incomplete: {0}")]
    Incomplete(String),
    /// More records than are worth reading.
    #[error("the stream has too many records")]
    TooMany,
    /// The credentials do not allow the request.
    #[error("the stream cannot be read: {0}")]
    Denied(String),
    /// The stream rejects the request.
    #[error("the stream rejects the request: {0}")]
    Refused(String),
    /// The stream throttles requests.
    #[error("the stream is throttled: {0}")]
    Throttled(String),
    /// The stream is out of reach, fails, or sends an invalid response.
    #[error("the stream is unavailable: {0}")]
    Unavailable(String),
    /// The time for the requests is over.
    #[error("no complete response of the stream within {} s", .0.as_secs())]
    Late(Duration),
    /// The rows that the stream names cannot be read.
    #[error("the changed rows cannot be read: {0}")]
    Rows(String),
}

impl Unknown {
    /// Returns the reason as one word for the log.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoStream => "no_stream",
            Self::OtherStream => "other_stream",
            Self::Missing(_) => "missing",
            Self::Expired(_) => "expired",
            Self::Trimmed(_) => "trimmed",
            Self::Incomplete(_) => "incomplete",
            Self::TooMany => "too_many",
            Self::Denied(_) => "denied",
            Self::Refused(_) => "refused",
            Self::Throttled(_) => "throttled",
            Self::Unavailable(_) => "unavailable",
            Self::Late(_) => "late",
            Self::Rows(_) => "rows",
        }
    }

    /// Logs that the changes are unknown.
    pub(in crate::table) fn log(&self) {
        warn!(
            event = "changes_unknown",
            reason = self.reason(),
            "the changes of the table are unknown, so the function reads the table: {self}"
        );
    }

    /// Returns whether a later look from the same positions may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Throttled(_) | Self::Unavailable(_) | Self::Late(_))
    }
}

impl<E> From<SdkError<E>> for Unknown
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
        let of_stream = match code {
            Some("ExpiredIteratorException") => Some(Self::Expired as fn(String) -> Self),
            Some("TrimmedDataAccessException") => Some(Self::Trimmed as fn(String) -> Self),
            _ => None,
        };
        match (of_stream, TableError::from(error)) {
            (Some(of_stream), error) => of_stream(error.detail()),
            (None, error) => error.into(),
        }
    }
}

impl From<TableError> for Unknown {
    fn from(error: TableError) -> Self {
        let detail = error.detail();
        match error {
            TableError::Missing(_) => Self::Missing(detail),
            TableError::Denied(_) => Self::Denied(detail),
            TableError::Throttled(_) => Self::Throttled(detail),
            error if error.is_transient() => Self::Unavailable(detail),
            _ => Self::Refused(detail),
        }
    }
}
