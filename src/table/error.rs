//! Why the table could not be read.

use std::error::Error;

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};
use thiserror::Error;

use crate::group::InvalidGroup;

/// Why the table could not be read. The texts are for the log: they may name the table and repeat what AWS said.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TableError {
    /// Throttled, out of reach or failing: the same read may succeed later.
    #[error("table unavailable: {0}")]
    Unavailable(String),
    /// Missing, of another shape, or not ours to read: somebody has to mend something.
    #[error("table misconfigured: {0}")]
    Misconfigured(String),
    /// A row breaks the contract.
    #[error(transparent)]
    Invalid(#[from] InvalidGroup),
}

/// Errors with a 4xx status that pass by themselves.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>
const PASSING: [&str; 4] =
    ["ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded", "LimitExceededException"];

impl<E> From<SdkError<E>> for TableError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        match &error {
            SdkError::ServiceError(context) => {
                let (status, service) = (context.raw().status().as_u16(), context.err());
                let code = service.code().unwrap_or("unknown error");
                let text = format!(
                    "{code} (HTTP {status}): {} [request {}]",
                    // Not DynamoDB's own: then the causes say what could not be made of the answer.
                    service.message().map_or_else(|| chain(&error), str::to_owned),
                    service.meta().request_id().unwrap_or("unknown"),
                );
                if (400..500).contains(&status) && !PASSING.contains(&code) {
                    Self::Misconfigured(text)
                } else {
                    Self::Unavailable(text)
                }
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
            assert_eq!(matches!(error, TableError::Unavailable(_)), passes, "{error:?}");
            assert!(error.to_string().ends_with(": it failed"), "{error}");
        }
    }
}
