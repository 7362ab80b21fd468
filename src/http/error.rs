//! Errors, and the one place where they become a status.

use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use thiserror::Error;

use super::{Body, ResponseMode, access::Challenge, negotiate::JSON};
use crate::{answer::NoAnswer, table::TableError};

pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Seconds after which a caller may try again. Prometheus waits for its next interval anyway.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// Why a request gets no list. The `Display` text is for the log; callers get [`ServiceError::message`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ServiceError {
    /// No or wrong credentials.
    #[error("no or wrong credentials")]
    Unauthorized(Challenge),
    /// The caller's token is not for that job.
    #[error("the caller's token is not for this job")]
    Forbidden,
    /// More headers than any poller sends.
    #[error("{fields} header fields of {bytes} bytes are too much")]
    HeadersTooLarge {
        /// How many there are.
        fields: usize,
        /// What their names and values add up to.
        bytes: usize,
    },
    /// A part of the request that has no meaning here; the text says which.
    #[error("{0}")]
    BadRequest(String),
    /// No such path.
    #[error("no such path")]
    NotFound,
    /// Neither `GET` nor `HEAD`.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// The table could not be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The readiness probe failed, for the reason within.
    #[error("not ready: {0}")]
    NotReady(Box<ServiceError>),
    /// The answer would outlast the deadline.
    #[error("the answer would outlast the deadline")]
    Timeout,
    /// A group could not be written as JSON.
    #[error("cannot write JSON: {0}")]
    Encoding(String),
    /// The answer is larger than the response mode can send.
    #[error("the answer is larger than {most} bytes, the most that a {mode:?} response carries")]
    TooLarge {
        /// The response mode.
        mode: ResponseMode,
        /// Its limit, in bytes.
        most: usize,
    },
    /// The answer, or the rows that it is made of, are larger than the function's memory.
    #[error("the answer takes too much memory: more than the {memory} bytes that there are for its rows")]
    OutOfMemory {
        /// How many bytes they may take.
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
    /// The HTTP status. Never a 2xx or 3xx: to Prometheus anything but 200 is a failure, and a failure is safe.
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

    /// The code by which programs, logs and metrics tell errors apart.
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

    /// What the caller is told: what to do, and nothing about the account behind the URL.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Unauthorized(challenge) => challenge.advice().into(),
            Self::Forbidden => {
                "the token that was sent is not for this job; ask for one of its own with /prom/{job}, or \
                                for all of them with /prom"
                    .into()
            }
            Self::HeadersTooLarge { .. } => "the request has more headers than are read; send fewer".into(),
            Self::BadRequest(text) => text.clone(),
            Self::NotFound => "no such path; there are /prom, /prom/{job}, /-/healthy and /-/ready".into(),
            Self::MethodNotAllowed => "only GET and HEAD are answered".into(),
            Self::Table(TableError::Invalid(invalid)) => invalid.to_string(),
            Self::Table(error) if error.is_transient() => {
                "the table is throttled or unavailable; keep the targets you have and ask again".into()
            }
            Self::Table(_) => {
                "the table is missing, has another key or may not be read; the function's log has the reason".into()
            }
            Self::NotReady(reason) => reason.message(),
            Self::Timeout => "the answer would outlast the function's time-out; raise the time-out or the memory of the \
                              function, or poll one job at a time"
                .into(),
            Self::Encoding(_) => "the list could not be written; the function's log has the reason".into(),
            Self::TooLarge { mode: ResponseMode::Buffered, .. } => {
                "the answer does not fit a buffered response of 6 MB; set HTTP_SD_RESPONSE_MODE=stream together with \
                 the URL's invoke mode (the template's parameter ResponseMode) and enough memory, accept gzip, or \
                 poll one job or one shard (?shard=0&of=4) at a time"
                    .into()
            }
            Self::TooLarge { mode: ResponseMode::Stream, .. } => {
                "the answer does not fit a streamed response of 200 MB, or Lambda cannot send it before the function's \
                 time-out (6 MB, and 2 MB a second after that); accept gzip, poll one job or one shard (?shard=0&of=4) at a \
                 time, select targets with match[], or raise the time-out (the template's parameter Timeout)"
                    .into()
            }
            Self::OutOfMemory { .. } => {
                "the answer does not fit the function's memory; raise it (the template's parameter MemorySize), or poll \
                 one job or one shard (?shard=0&of=4) at a time"
                    .into()
            }
        }
    }

    /// The error as a response.
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
