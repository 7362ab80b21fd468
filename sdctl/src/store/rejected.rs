//! Says which credentials DynamoDB rejects, and what to do.

use aws_sdk_dynamodb::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::FinalizerInterceptorContextMut},
    error::BoxError,
};
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use http_sd_lambda::table::NotSent;
use serde::Deserialize;

/// Replaces the error of DynamoDB for credentials that are expired or unknown.
#[derive(Debug)]
pub(super) struct Rejected {
    /// The keys of the requests, such as `the keys of profile "corp"`.
    pub(super) keys: String,
    /// The way to other keys, a sentence.
    pub(super) remedy: String,
}

/// An error of DynamoDB: `com.amazon.coral.service#ExpiredTokenException`.
#[derive(Deserialize)]
struct Code {
    #[serde(rename = "__type")]
    code: String,
}

impl Rejected {
    fn in_words(&self, body: &[u8]) -> Option<NotSent> {
        let Code { code } = serde_json::from_slice(body).ok()?;
        let problem = match code.rsplit('#').next()? {
            "ExpiredTokenException" => "have expired",
            "UnrecognizedClientException" => "are unknown to AWS",
            _ => return None,
        };
        let Self { keys, remedy } = self;
        Some(NotSent { reason: format!("{keys} {problem}"), remedy: remedy.clone(), transient: false })
    }
}

impl Intercept for Rejected {
    fn name(&self) -> &'static str {
        "Rejected"
    }

    fn modify_before_completion(
        &self,
        context: &mut FinalizerInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().and_then(|response| response.body().bytes());
        let rejected = body.and_then(|body| self.in_words(body));
        if let (Some(rejected), Some(result @ Err(_))) = (rejected, context.output_or_error_mut()) {
            *result = Err(OrchestratorError::other(rejected));
        }
        Ok(())
    }
}
