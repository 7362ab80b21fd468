//! The adapter between Lambda's Function URL events and the service, in both response modes.
//!
//! `lambda_http` builds a URI from the path, the query and the headers of an event, and panics if that fails
//! (awslabs/aws-lambda-web-adapter #491). [`handle`] therefore passes an event without them, and adds them to the
//! request afterwards.

use std::{convert::Infallible, future::ready, mem, pin::Pin, time::SystemTime};

use aws_lambda_events::lambda_function_urls::{
    LambdaFunctionUrlRequest, LambdaFunctionUrlRequestContextAuthorizerIamDescription,
};
use bytes::Bytes;
use futures_util::Stream;
use http::{Method, Response};
use lambda_http::{
    Adapter, Body, Context, Error, IntoResponse, LambdaEvent, Request, StreamAdapter,
    aws_lambda_events::apigw::ApiGatewayV2httpRequest,
    lambda_runtime::{self, FunctionResponse},
    request::LambdaRequest,
};
use serde::Serialize;
use tokio::time::Instant;
use tower::{Service as _, ServiceExt, service_fn};

use crate::{
    answer,
    config::variable,
    http::{Call, ResponseMode, Service},
};

/// The address of the runtime API, from which the function fetches events.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";
/// The access key of the function's role, which Lambda sets together with the secret key.
const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";

/// A missing variable that Lambda sets for every function.
#[derive(Debug, thiserror::Error)]
pub enum NotInLambda {
    /// The address of the runtime API.
    #[error(
        "AWS_LAMBDA_RUNTIME_API is not set: http-sd runs only in AWS Lambda. Run it with `cargo lambda watch`, or run \
         `sdctl serve` on this machine."
    )]
    RuntimeApi,
    /// The credentials of the function's role.
    #[error(
        "AWS_ACCESS_KEY_ID is not set: Lambda sets it. Elsewhere, export credentials, for example those that \
         `aws configure export-credentials --format env` prints."
    )]
    Credentials,
}

/// Checks that the variables that Lambda sets exist.
///
/// # Errors
/// [`NotInLambda`]. The runtime would panic without the address of the runtime API.
pub fn check_environment() -> Result<(), NotInLambda> {
    variable(RUNTIME_API).ok_or(NotInLambda::RuntimeApi)?;
    variable(ACCESS_KEY).ok_or(NotInLambda::Credentials)?;
    Ok(())
}

/// Processes events until Lambda ends the process.
///
/// # Errors
/// The runtime API is out of reach.
pub async fn run(service: Service) -> Result<(), Error> {
    lambda_runtime::run(service_fn(move |event| handle(service.clone(), event))).await
}

/// Processes one event.
///
/// # Errors
/// Never.
pub async fn handle(
    service: Service,
    event: LambdaEvent<LambdaFunctionUrlRequest>,
) -> Result<
    FunctionResponse<impl Serialize, impl Stream<Item = Result<Bytes, Infallible>> + Unpin + Send + 'static>,
    Infallible,
> {
    let mode = service.response_mode();
    let LambdaEvent { payload, context } = event;
    let mut call = call(&payload, &context);
    let event = LambdaEvent::new(safe_event(&payload), context);
    let mut headers = payload.headers;
    let service = service.map_request(move |mut request: Request| {
        *request.headers_mut() = mem::take(&mut headers);
        request.extensions_mut().insert(mem::take(&mut call));
        request
    });
    Ok(match mode {
        ResponseMode::Buffered => {
            let response = Adapter::from(service.map_response(Buffered)).call(event).await?;
            FunctionResponse::BufferedResponse(response)
        }
        ResponseMode::Stream => FunctionResponse::StreamingResponse(StreamAdapter::from(service).call(event).await?),
    })
}

/// Returns the facts about a call that Lambda knows, with the path and the query as sent.
#[must_use]
pub fn call(event: &LambdaFunctionUrlRequest, context: &Context) -> Call {
    let of = &event.request_context;
    // Lambda always sends a future deadline. cargo-lambda sends ten minutes after the start of 1970.
    let left = context.deadline().duration_since(SystemTime::now()).ok();
    Call {
        request_id: context.request_id.clone(),
        deadline: left.map(|left| Instant::now() + left),
        iam_caller: of.authorizer.as_ref().and_then(|authorizer| iam_caller(authorizer.iam.as_ref()?)),
        source_ip: of.http.source_ip.clone(),
        path: Some(event.raw_path.clone().unwrap_or_default()),
        query: Some(event.raw_query_string.clone().unwrap_or_default()),
    }
}

/// Returns the ARN of the caller that IAM has authenticated, or the unique id of an AWS service, which has no ARN.
fn iam_caller(iam: &LambdaFunctionUrlRequestContextAuthorizerIamDescription) -> Option<String> {
    [&iam.user_arn, &iam.caller_id].into_iter().flatten().find(|name| !name.is_empty()).cloned()
}

/// Returns the event for `lambda_http`. It contains only the method, which cannot cause a panic.
fn safe_event(event: &LambdaFunctionUrlRequest) -> LambdaRequest {
    let method = event.request_context.http.method.as_deref().unwrap_or_default();
    let mut safe = ApiGatewayV2httpRequest::default();
    // An invalid method becomes one that the service rejects.
    safe.request_context.http.method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::CONNECT);
    LambdaRequest::ApiGatewayV2(safe)
}

/// A buffered response. Its conversion avoids that of `lambda_http`, which copies and decodes the body.
struct Buffered(Response<answer::Body>);

impl IntoResponse for Buffered {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        // JSON contains only text, so a compressed body is sent as base64.
        let body = |body: answer::Body| match String::from_utf8(body.into_vec()) {
            Ok(text) => Body::Text(text),
            Err(error) => Body::Binary(error.into_bytes()),
        };
        Box::pin(ready(self.0.map(body)))
    }
}
