//! What failed and went well when it was tried again: nobody sees it in an answer, so the log has it.

use std::sync::{Mutex, PoisonError};

use aws_sdk_dynamodb::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::FinalizerInterceptorContextRef},
    error::BoxError,
};
use tracing::warn;

use super::error::chain;

/// Tells of an operation that succeeded only when the SDK tried it again. The error of one that fails for good tells by
/// itself.
#[derive(Debug, Default)]
pub(super) struct TellRetries(Mutex<Failures>);

#[derive(Debug, Default)]
struct Failures {
    count: u32,
    last: String,
}

impl Intercept for TellRetries {
    fn name(&self) -> &'static str {
        "TellRetries"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(Err(error)) = context.output_or_error() {
            let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            failures.count += 1;
            failures.last = chain(error);
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.count > 0 && matches!(context.output_or_error(), Some(Ok(_))) {
            warn!(event = "retried", failed = failures.count, "the table answered when asked again: {}", failures.last);
        }
        Ok(())
    }
}
