//! What failed and was tried again: nobody sees it in an answer, so the log has it.

use std::{
    mem,
    sync::{Mutex, PoisonError},
};

use aws_sdk_dynamodb::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::FinalizerInterceptorContextRef},
    error::BoxError,
};
use tracing::warn;

use super::error::chain;

/// Tells of an operation that succeeded only when the SDK tried it again, or that was given up meanwhile: the deadline came,
/// or another read failed. The error of one that fails for good tells by itself.
#[derive(Debug, Default)]
pub(super) struct TellRetries(Mutex<Vec<String>>);

/// Says what failed, attempt by attempt.
fn tell(failures: &mut Vec<String>, end: &str) {
    let failed = failures.len();
    failures.dedup();
    warn!(event = "retried", failed, "{end}: {}", failures.join("; then "));
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
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(chain(error));
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut failures = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if !failures.is_empty() && matches!(context.output_or_error(), Some(Ok(_))) {
            tell(&mut failures, "the request to the table succeeded after retries");
        }
        Ok(())
    }
}

impl Drop for TellRetries {
    fn drop(&mut self) {
        let failures = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if !failures.is_empty() {
            tell(failures, "the request to the table was cancelled after failed attempts");
        }
    }
}
