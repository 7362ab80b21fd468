//! Why a request to the table failed.

use std::error::Error;

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};
use thiserror::Error;

use crate::group::InvalidGroup;

/// Why a request to the table failed. The texts are for the log and for people with access to the table: they may name the
/// table and repeat what AWS said.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TableError {
    /// There is no such table.
    #[error("table misconfigured: {0}")]
    Missing(String),
    /// The caller's credentials do not allow the request.
    #[error("table misconfigured: {0}")]
    Denied(String),
    /// The table's key, or a row's, is not that of target groups.
    #[error("table misconfigured: {0}")]
    WrongKey(String),
    /// DynamoDB takes the credentials, but not what was asked for, such as a row of more than 400 KB.
    #[error("request refused: {0}")]
    Refused(String),
    /// The credentials, the region or the endpoint cannot be used.
    #[error("table misconfigured: {0}")]
    Misconfigured(String),
    /// Too many requests: the same one may succeed later.
    #[error("table unavailable: {0}")]
    Throttled(String),
    /// Out of reach or failing: the same request may succeed later.
    #[error("table unavailable: {0}")]
    Unavailable(String),
    /// A row breaks the contract.
    #[error(transparent)]
    Invalid(#[from] InvalidGroup),
}

/// Why there are no rows for a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The table could not be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The rows need more memory than there is.
    #[error("the rows need too much memory: more than {memory} bytes")]
    OutOfMemory {
        /// How many bytes they may take.
        memory: usize,
    },
    /// Every answer that is made of the rows is too large to be sent.
    #[error("the list is too large to send")]
    TooLarge,
    /// A row could not be written as JSON.
    #[error("cannot write a row as JSON: {0}")]
    Encoding(String),
}

impl TableError {
    /// Whether the same request may succeed later, without anything being mended.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Throttled(_) | Self::Unavailable(_))
    }

    /// The variant for an error of DynamoDB's own, by its status and its code.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>
    fn of_code(status: u16, code: &str) -> fn(String) -> Self {
        match code {
            "ResourceNotFoundException" => Self::Missing,
            "AccessDeniedException" => Self::Denied,
            "ValidationException" | "TransactionCanceledException" => Self::Refused,
            "ProvisionedThroughputExceededException"
            | "ThrottlingException"
            | "RequestLimitExceeded"
            | "LimitExceededException" => Self::Throttled,
            _ if (400..500).contains(&status) => Self::Misconfigured,
            _ => Self::Unavailable,
        }
    }
}

impl<E> From<SdkError<E>> for TableError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        match &error {
            SdkError::ServiceError(context) => {
                let (status, service) = (context.raw().status().as_u16(), context.err());
                let code = service.code().unwrap_or("unknown error");
                Self::of_code(status, code)(format!(
                    "{code} (HTTP {status}): {} [request {}]",
                    // Not DynamoDB's own: then the causes say what could not be made of the answer.
                    service.message().map_or_else(|| chain(&error), str::to_owned),
                    service.meta().request_id().unwrap_or("unknown"),
                ))
            }
            SdkError::ConstructionFailure(_) => Self::Misconfigured(chain(&error)),
            // Credentials or an address that cannot be used. A connection that broke is "other" as well, but of a kind.
            SdkError::DispatchFailure(failure) if failure.is_other() && failure.as_other().is_none() => {
                Self::Misconfigured(chain(&error))
            }
            _ => Self::Unavailable(chain(&error)),
        }
    }
}

/// The error and its causes, outermost first, on one line, each of them once.
pub(super) fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    let mut causes: Vec<String> = causes.map(ToString::to_string).collect();
    causes.dedup();
    causes.join(": ").lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::operation::scan::ScanError;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::retry::ErrorKind;

    use super::*;

    /// Whether waiting helps.
    #[test]
    fn what_passes_by_itself_is_told_from_what_has_to_be_mended() {
        let failed = || std::io::Error::other("it failed");
        let dispatch = |error| SdkError::<ScanError>::dispatch_failure(error);
        let cases = [
            (SdkError::construction_failure(failed()), false),
            (SdkError::timeout_error(failed()), true),
            (dispatch(ConnectorError::io(failed().into())), true),
            (dispatch(ConnectorError::timeout(failed().into())), true),
            (dispatch(ConnectorError::other(failed().into(), Some(ErrorKind::TransientError))), true),
            (dispatch(ConnectorError::other(failed().into(), None)), false),
        ];
        for (error, passes) in cases {
            let error = TableError::from(error);
            assert_eq!(error.is_transient(), passes, "{error:?}");
            assert!(error.to_string().ends_with(": it failed"), "{error}");
        }
    }

    #[test]
    fn dynamodbs_errors_keep_their_kind() {
        use TableError::{Denied, Misconfigured, Missing, Refused, Throttled, Unavailable};
        let text = String::new;
        let cases = [
            (400, "ResourceNotFoundException", Missing(text())),
            (400, "AccessDeniedException", Denied(text())),
            (400, "ValidationException", Refused(text())),
            (400, "TransactionCanceledException", Refused(text())),
            (400, "ThrottlingException", Throttled(text())),
            (400, "ProvisionedThroughputExceededException", Throttled(text())),
            (400, "RequestLimitExceeded", Throttled(text())),
            (400, "LimitExceededException", Throttled(text())),
            (400, "UnrecognizedClientException", Misconfigured(text())),
            (500, "InternalServerError", Unavailable(text())),
            (503, "unknown error", Unavailable(text())),
        ];
        for (status, code, kind) in cases {
            assert_eq!(TableError::of_code(status, code)(text()), kind, "{status} {code}");
        }
    }
}
