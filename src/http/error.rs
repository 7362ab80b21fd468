//! The errors of the service, and their conversion to responses.

use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use thiserror::Error;

use super::{
    Body, ResponseMode,
    access::Challenge,
    headers,
    media::{HTML, JSON},
    request::Request,
    route::link_to_root,
};
use crate::{answer::NoAnswer, page, table::TableError};

pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The number of seconds before a retry. Prometheus ignores it and waits for its next interval.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// A failed request. The `Display` text is for the log. Callers receive [`ServiceError::message`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ServiceError {
    /// The credentials are missing or invalid.
    #[error("missing or invalid credentials")]
    Unauthorized(Challenge),
    /// The token is not valid for the job.
    #[error("the caller's token is not valid for this job")]
    Forbidden,
    /// The headers exceed the limits.
    #[error("too many headers: {fields} fields of {bytes} bytes")]
    HeadersTooLarge {
        /// The number of header fields.
        fields: usize,
        /// The total size of names and values, in bytes.
        bytes: usize,
    },
    /// The path or the query string is invalid; the text names the part.
    #[error("{0}")]
    BadRequest(String),
    /// The path does not exist.
    #[error("no such path")]
    NotFound,
    /// The method is neither `GET` nor `HEAD`.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// The table could not be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The readiness probe failed with this error.
    #[error("not ready: {0}")]
    NotReady(Box<ServiceError>),
    /// The response would miss the deadline.
    #[error("the response would miss the deadline")]
    Timeout,
    /// The list could not be written as JSON.
    #[error("cannot write the list as JSON: {0}")]
    Encoding(String),
    /// The response exceeds the limit of the response mode.
    #[error("the response is larger than {most} bytes, the limit of response mode {mode:?}")]
    TooLarge {
        /// The response mode.
        mode: ResponseMode,
        /// The limit, in bytes.
        most: usize,
    },
    /// The rows and the response exceed the function's memory.
    #[error("the response needs too much memory: more than the {memory} bytes for rows")]
    OutOfMemory {
        /// The limit for rows and response, in bytes.
        memory: usize,
    },
}

impl From<NoAnswer> for ServiceError {
    fn from(error: NoAnswer) -> Self {
        match error {
            NoAnswer::Invalid(invalid) => TableError::Invalid(invalid).into(),
            NoAnswer::OutOfMemory(memory) => Self::OutOfMemory { memory },
            NoAnswer::Stopped => Self::Timeout,
            NoAnswer::Encoding(problem) => Self::Encoding(problem),
        }
    }
}

impl ServiceError {
    /// Returns the HTTP status, never 2xx or 3xx. Prometheus keeps its targets on any status but 200.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::HeadersTooLarge { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotReady(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Table(error) if error.is_transient() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Table(_) | Self::Encoding(_) | Self::TooLarge { .. } | Self::OutOfMemory { .. } => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// Returns the code that identifies the error for programs, logs and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthorized(_) => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::HeadersTooLarge { .. } => "headers_too_large",
            Self::BadRequest(_) => "bad_request",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Table(TableError::Invalid(_)) => "invalid_group",
            Self::Table(error) if error.is_transient() => "table_unavailable",
            Self::Table(_) => "table_misconfigured",
            Self::NotReady(reason) => reason.code(),
            Self::Timeout => "table_timeout",
            Self::Encoding(_) => "internal",
            Self::TooLarge { .. } | Self::OutOfMemory { .. } => "response_too_large",
        }
    }

    /// Returns the message for the caller: the failure and its remedy, without details of the AWS account.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Unauthorized(challenge) => challenge.advice().into(),
            Self::Forbidden => {
                "the token is not valid for this job: poll one of its jobs with /prom/{job}, or all of them with /prom"
                    .into()
            }
            Self::HeadersTooLarge { .. } => format!(
                "too many headers: send at most {} fields of {} bytes in total",
                headers::MOST_FIELDS,
                headers::MOST_BYTES
            ),
            Self::BadRequest(text) => text.clone(),
            Self::NotFound => "no such path: use /prom, /prom/{job}, /metrics, /-/healthy or /-/ready".into(),
            Self::MethodNotAllowed => "method not allowed: use GET or HEAD".into(),
            Self::Table(TableError::Invalid(invalid)) => format!("{invalid}. Fix or remove the row."),
            Self::Table(error) if error.is_transient() => {
                "the table is throttled or unavailable: keep the current targets and retry".into()
            }
            Self::Table(_) => {
                "the table is missing, has another key or denies access. The function's log names the reason.".into()
            }
            Self::NotReady(reason) => reason.message(),
            Self::Timeout => {
                "the response would miss the function's time-out. Raise the function's time-out or memory, or \
                              poll one job at a time."
                    .into()
            }
            Self::Encoding(_) => "the list cannot be written as JSON. The function's log names the reason.".into(),
            Self::TooLarge { mode: ResponseMode::Buffered, .. } => {
                "the response exceeds 6 MB, the limit of a buffered response. Accept gzip, poll one job or one shard \
                 (?shard=0&of=4) at a time, or set HTTP_SD_RESPONSE_MODE=stream together with the URL's invoke mode \
                 (the template's parameter ResponseMode) and enough memory."
                    .into()
            }
            Self::TooLarge { mode: ResponseMode::Stream, .. } => {
                "the response exceeds 200 MB, the limit of a streamed response, or Lambda cannot send it before the \
                 function's time-out (6 MB at once, then 2 MB a second). Accept gzip, poll one job or one shard \
                 (?shard=0&of=4) at a time, select targets with match[], or raise the time-out (the template's \
                 parameter Timeout)."
                    .into()
            }
            Self::OutOfMemory { .. } => {
                "the response exceeds the function's memory. Raise the memory (the template's parameter MemorySize), \
                 or poll one job or one shard (?shard=0&of=4) at a time."
                    .into()
            }
        }
    }

    /// Converts the error into a page.
    pub(super) fn into_page(self, request: &Request) -> Response<Body> {
        let root = link_to_root(&request.path);
        let page = page::error(root, self.status().as_u16(), self.code(), &self.message(), &request.id);
        let mut response = self.into_response(&request.id);
        *response.body_mut() = page.into_bytes().into();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(HTML));
        headers::secure_page(response.headers_mut());
        response
    }

    /// Converts the error into a response.
    #[must_use]
    pub fn into_response(self, request_id: &str) -> Response<Body> {
        let mut response = Response::new(self.body(request_id));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, JSON);
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        match self {
            Self::Unauthorized(challenge) => {
                headers.insert(header::WWW_AUTHENTICATE, challenge.header());
            }
            Self::MethodNotAllowed => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            }
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            _ => {}
        }
        response
    }

    fn body(&self, request_id: &str) -> Body {
        #[derive(Serialize)]
        struct Json<'a> {
            error: Inner<'a>,
        }
        #[derive(Serialize)]
        struct Inner<'a> {
            code: &'a str,
            message: &'a str,
            request_id: &'a str,
        }
        let error = Inner { code: self.code(), message: &self.message(), request_id };
        serde_json::to_vec(&Json { error }).unwrap_or_default().into()
    }
}
