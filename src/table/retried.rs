//! The log of failed attempts that do not show in a response.

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

/// An interceptor that logs the failed attempts of an operation if a retry succeeded, or if the operation was
/// cancelled: the deadline passed, or another read failed. A failed operation returns an error, which is logged
/// elsewhere.
#[derive(Debug)]
pub(super) struct LogRetries {
    /// The source of the response, in the log.
    subject: &'static str,
    failures: Mutex<Vec<String>>,
}

impl Default for LogRetries {
    fn default() -> Self {
        Self::of("the table")
    }
}

impl LogRetries {
    /// Creates the interceptor of a request to `subject`.
    pub(super) fn of(subject: &'static str) -> Self {
        Self { subject, failures: Mutex::default() }
    }
}

/// Logs the failed attempts.
fn log(subject: &str, failures: &mut Vec<String>, end: &str) {
    let failed = failures.len();
    failures.dedup();
    warn!(event = "retried", failed, "the request to {subject} {end}: {}", failures.join("; then "));
}

impl Intercept for LogRetries {
    fn name(&self) -> &'static str {
        "LogRetries"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(Err(error)) = context.output_or_error() {
            self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(chain(error));
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut failures = mem::take(&mut *self.failures.lock().unwrap_or_else(PoisonError::into_inner));
        if !failures.is_empty() && matches!(context.output_or_error(), Some(Ok(_))) {
            log(self.subject, &mut failures, "succeeded after retries");
        }
        Ok(())
    }
}

impl Drop for LogRetries {
    fn drop(&mut self) {
        let failures = self.failures.get_mut().unwrap_or_else(PoisonError::into_inner);
        if !failures.is_empty() {
            log(self.subject, failures, "was cancelled after failed attempts");
        }
    }
}
