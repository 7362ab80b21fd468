//! A Function URL event in, a Function URL response out.
//!
//! `lambda_runtime` and the event types are used directly. `lambda_http` would build a URI from the event first, and
//! panics where that cannot be done: over a space in a query string, say, which a `+` can arrive as
//! (awslabs/aws-lambda-web-adapter #491).

use std::{convert::Infallible, time::SystemTime};

use aws_lambda_events::lambda_function_urls::{
    LambdaFunctionUrlRequest, LambdaFunctionUrlRequestContextAuthorizerIamDescription, LambdaFunctionUrlResponse,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures_util::stream::{self, Iter};
use http::{Method, Response};
use lambda_runtime::{Context, FunctionResponse, LambdaEvent, MetadataPrelude, StreamResponse};
use tokio::time::Instant;

use crate::service::{Body, Request, ResponseMode, Service, TIMEOUT};

/// A response in either mode.
pub type LambdaResponse = FunctionResponse<LambdaFunctionUrlResponse, BodyStream>;
/// A streamed body. It is complete before its first byte goes out.
pub type BodyStream = Iter<std::iter::Map<Body, fn(Bytes) -> Result<Bytes, Infallible>>>;

/// Answers one event.
pub async fn handle(service: &Service, event: LambdaEvent<LambdaFunctionUrlRequest>) -> LambdaResponse {
    let response = service.respond(&request(event.payload, &event.context)).await;
    match service.response_mode() {
        ResponseMode::Buffered => FunctionResponse::BufferedResponse(buffered(response)),
        ResponseMode::Stream => FunctionResponse::StreamingResponse(streamed(response)),
    }
}

/// The request that an event carries. Nothing in an event makes this fail: what has no meaning is left for the service
/// to refuse.
#[must_use]
pub fn request(event: LambdaFunctionUrlRequest, context: &Context) -> Request {
    let http = event.request_context.http;
    let method = http.method.unwrap_or_default();
    // Lambda sends no deadline that has passed, but cargo-lambda sends ten minutes after the start of 1970.
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or(TIMEOUT);
    Request {
        // Any method but those that are answered will do for one that is none.
        method: Method::from_bytes(method.as_bytes()).unwrap_or(Method::CONNECT),
        path: event.raw_path.unwrap_or_default(),
        query: event.raw_query_string.unwrap_or_default(),
        headers: event.headers,
        request_id: context.request_id.clone(),
        deadline: Instant::now() + left,
        iam_caller: event.request_context.authorizer.and_then(|authorizer| iam_caller(authorizer.iam?)),
        source_ip: http.source_ip,
    }
}

/// Whom IAM has let through: the ARN, or the unique id where a service signs for itself and has none.
fn iam_caller(iam: LambdaFunctionUrlRequestContextAuthorizerIamDescription) -> Option<String> {
    [iam.user_arn, iam.caller_id].into_iter().flatten().find(|name| !name.is_empty())
}

/// The response as one JSON document. A compressed body goes in as base64, because JSON takes text alone.
fn buffered(response: Response<Body>) -> LambdaFunctionUrlResponse {
    let (parts, body) = response.into_parts();
    let (body, is_base64_encoded) = match String::from_utf8(body.into_vec()) {
        Ok(text) => (text, false),
        Err(error) => (BASE64_STANDARD.encode(error.as_bytes()), true),
    };
    let mut response = LambdaFunctionUrlResponse::default();
    response.status_code = parts.status.as_u16().into();
    response.headers = parts.headers;
    response.body = Some(body);
    response.is_base64_encoded = is_base64_encoded;
    response
}

fn streamed(response: Response<Body>) -> StreamResponse<BodyStream> {
    let (parts, body) = response.into_parts();
    let metadata_prelude = MetadataPrelude { status_code: parts.status, headers: parts.headers, cookies: Vec::new() };
    StreamResponse { metadata_prelude, stream: stream::iter(body.map(Ok as fn(_) -> _)) }
}
