//! The errors of reading the table.

use std::error::Error;

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};
use thiserror::Error;

use crate::group::InvalidGroup;

/// A failed request to the table. The texts are for the log and for users of sdctl, not for pollers: they can name the
/// table and repeat messages of AWS.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TableError {
    /// The table does not exist.
    #[error("table misconfigured: {0}")]
    Missing(String),
    /// The credentials do not allow the request.
    #[error("table misconfigured: {0}")]
    Denied(String),
    /// The key of the table or of a row is not `job` and `group`.
    #[error("table misconfigured: {0}")]
    WrongKey(String),
    /// DynamoDB accepts the credentials, but rejects the request, for example a row of more than 400 KB.
    #[error("request refused: {0}")]
    Refused(String),
    /// The credentials, the region or the endpoint are invalid.
    #[error("table misconfigured: {0}")]
    Misconfigured(String),
    /// DynamoDB throttles requests. The same request may succeed later.
    #[error("table unavailable: {0}")]
    Throttled(String),
    /// DynamoDB is out of reach or fails. The same request may succeed later.
    #[error("table unavailable: {0}")]
    Unavailable(String),
    /// The client cannot send the request, and knows the reason.
    #[error("table unavailable: {0}")]
    NotSent(NotSent),
    /// A row violates the data model.
    #[error(transparent)]
    Invalid(#[from] InvalidGroup),
}

/// Why a client cannot send a request, for example without valid credentials. An HTTP client or a provider of credentials
/// returns it as an error, and [`TableError::NotSent`] keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct NotSent {
    /// The reason, a clause.
    pub reason: String,
    /// The remedy, a sentence.
    pub remedy: String,
    /// Whether the same request may succeed later without a fix.
    pub transient: bool,
}

/// A failed read of the rows for a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The table could not be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The rows need too much memory.
    #[error("the rows need too much memory: more than {memory} bytes")]
    OutOfMemory {
        /// The limit for rows, in bytes.
        memory: usize,
    },
    /// The list would be too large to send.
    #[error("the list is too large to send")]
    TooLarge,
    /// A row could not be written as JSON.
    #[error("cannot write a row as JSON: {0}")]
    Encoding(String),
}

impl TableError {
    /// Returns whether the same request may succeed later without a fix.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Throttled(_) | Self::Unavailable(_) => true,
            Self::NotSent(reason) => reason.transient,
            _ => false,
        }
    }

    /// Returns the text without the words for its kind.
    pub(super) fn detail(&self) -> String {
        match self {
            Self::Missing(detail)
            | Self::Denied(detail)
            | Self::WrongKey(detail)
            | Self::Refused(detail)
            | Self::Misconfigured(detail)
            | Self::Throttled(detail)
            | Self::Unavailable(detail) => detail.clone(),
            Self::NotSent(reason) => reason.to_string(),
            Self::Invalid(fault) => fault.to_string(),
        }
    }

    /// Returns the variant for the status and the code of a DynamoDB error.
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
        if let Some(reason) = causes(&error).find_map(|cause| cause.downcast_ref::<NotSent>()) {
            return Self::NotSent(reason.clone());
        }
        match &error {
            SdkError::ServiceError(context) => {
                let (status, service) = (context.raw().status().as_u16(), context.err());
                let code = service.code().unwrap_or("unknown error");
                Self::of_code(status, code)(format!(
                    "{code} (HTTP {status}): {} [request {}]",
                    // An error without a message is not from DynamoDB. Its causes say why the response is invalid.
                    service.message().map_or_else(|| chain(&error), str::to_owned),
                    service.meta().request_id().unwrap_or("unknown"),
                ))
            }
            SdkError::ConstructionFailure(_) => Self::Misconfigured(chain(&error)),
            // Invalid credentials or an invalid address. A broken connection is also "other", but has an error kind.
            SdkError::DispatchFailure(failure) if failure.is_other() && failure.as_other().is_none() => {
                Self::Misconfigured(chain(&error))
            }
            _ => Self::Unavailable(chain(&error)),
        }
    }
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Returns the error and its causes on one line, outermost first, without repetitions.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut causes: Vec<String> = causes(error).map(ToString::to_string).collect();
    causes.dedup();
    causes.join(": ").lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::operation::scan::ScanError;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::retry::ErrorKind;

    use super::*;

    #[test]
    fn only_temporary_sdk_errors_are_transient() {
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
    fn reason_of_the_client_stays() {
        for transient in [true, false] {
            let reason = NotSent { reason: "no network".into(), remedy: "Connect.".into(), transient };
            let error: TableError =
                SdkError::<ScanError>::dispatch_failure(ConnectorError::io(reason.clone().into())).into();
            assert_eq!(error.is_transient(), transient);
            assert_eq!(error, TableError::NotSent(reason));
        }
    }

    #[test]
    fn dynamodb_codes_become_variants() {
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
