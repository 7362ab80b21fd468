//! HTTP: one `Request -> Response` service. Lambda, the local server and the tests all call it.
//!
//! What a request goes through, in this order: its route; access; its method; the cache, if there is one; the table,
//! every page of it, within the deadline; the conditions and codings that the caller named; the limit of the response
//! mode. Only then does an answer exist.

mod access;
mod cache;
mod error;
mod listing;
mod negotiate;
mod route;

pub use access::{Access, Challenge, NotAHash, TokenHash};
pub use error::ServiceError;
pub use negotiate::{MOST_BUFFERED, buffered_bytes};

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode, header};
use tokio::time::Instant;
use tracing::{error, info, warn};

use self::{
    cache::Cache,
    listing::{Counts, Listing, Scope},
    negotiate::Representation,
    route::Route,
};
use crate::{
    group::{EpochSeconds, LabelNames},
    table::{Table, TableError},
};

/// Kept back from the deadline for compressing and sending the answer: a tenth of what is left, but no more than this.
const MOST_KEPT_BACK: Duration = Duration::from_secs(2);

/// How long a request may take where nobody says: the time-out that the template gives the function.
pub const TIMEOUT: Duration = Duration::from_secs(15);

/// A request, free of where it came from.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method. The body, if any, is not looked at.
    pub method: Method,
    /// The path, percent-encoded as it was sent.
    pub path: String,
    /// The query string without its `?`, as it was sent.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// Names this request in the log and in errors.
    pub request_id: String,
    /// When the caller, or Lambda, stops waiting.
    pub deadline: Instant,
    /// Whether IAM has authenticated the caller.
    pub iam_caller: bool,
    /// The caller's address, if known.
    pub source_ip: Option<String>,
}

/// What to do about a row that breaks the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnInvalid {
    /// Fail the request: Prometheus keeps what it has.
    #[default]
    Fail,
    /// Leave the row out, and say so in the log.
    Skip,
}

/// How a response reaches the caller. Must match the Function URL's invoke mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResponseMode {
    /// As one JSON document of at most 6 MB.
    #[default]
    Buffered,
    /// As a stream of at most 200 MB.
    Stream,
}

/// How the service behaves.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// What to do about a row that breaks the contract.
    pub on_invalid: OnInvalid,
    /// Which label names are valid.
    pub label_names: LabelNames,
    /// How responses are sent, and with that how large they may be.
    pub response_mode: ResponseMode,
    /// How long an answer may be repeated from memory; zero turns that off.
    pub cache: Duration,
}

/// Answers requests from one table.
#[derive(Debug)]
pub struct Service {
    table: Table,
    access: Access,
    settings: Settings,
    cache: Cache,
}

impl Service {
    /// A service over that table. Reads nothing yet.
    #[must_use]
    pub fn new(table: Table, access: Access, settings: Settings) -> Self {
        let cache = Cache::new(settings.cache);
        Self { table, access, settings, cache }
    }

    /// How responses are to be sent.
    #[must_use]
    pub fn response_mode(&self) -> ResponseMode {
        self.settings.response_mode
    }

    /// Answers a request. Each request is logged in one line.
    pub async fn respond(&self, request: &Request) -> Response<Bytes> {
        let started = Instant::now();
        let route = Route::parse(&request.path, &request.query);
        let answer = match &route {
            Ok(route) => self.answer(route, request).await,
            Err(error) => self.access.check(request).and(Err(error.clone())),
        };
        let mut response = answer.unwrap_or_else(|error| {
            log_error(request, &error);
            error.into_response(&request.request_id)
        });
        log_request(request, route.as_ref().ok(), &response, started.elapsed());
        if request.method == Method::HEAD {
            let length = std::mem::take(response.body_mut()).len();
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        response
    }

    async fn answer(&self, route: &Route, request: &Request) -> Result<Response<Bytes>, ServiceError> {
        if *route != Route::Healthy {
            self.access.check(request)?;
        }
        if request.method != Method::GET && request.method != Method::HEAD {
            return Err(ServiceError::MethodNotAllowed);
        }
        match route {
            Route::Healthy => Ok(status_response("healthy")),
            Route::Ready => {
                within(request.deadline, self.table.probe()).await.map_err(|e| ServiceError::NotReady(Box::new(e)))?;
                Ok(status_response("ready"))
            }
            Route::Groups { scope, meta } => {
                let (form, mode) = (Representation::choose(&request.headers), self.settings.response_mode);
                let listing = self.listing(scope, *meta, request.deadline, form.most_bytes(mode)).await?;
                form.respond(&request.headers, listing, mode)
            }
        }
    }

    async fn listing(
        &self,
        scope: &Scope,
        meta: bool,
        deadline: Instant,
        most: usize,
    ) -> Result<Listing, ServiceError> {
        let now = EpochSeconds::now();
        if let Some(listing) = self.cache.get(scope, meta, now) {
            return Ok(listing);
        }
        let read = listing::read(&self.table, scope, meta, &self.settings, now, most);
        let listing = within(deadline, read).await?;
        self.cache.put(scope, meta, &listing, now);
        Ok(listing)
    }
}

/// Runs `read` for as long as the deadline leaves time to send an answer of our own.
async fn within<T, E>(deadline: Instant, read: impl Future<Output = Result<T, E>>) -> Result<T, ServiceError>
where
    ServiceError: From<E>,
{
    let left = deadline.saturating_duration_since(Instant::now());
    let until = deadline - (left / 10).min(MOST_KEPT_BACK);
    // Boxed, because the SDK's futures are large.
    tokio::time::timeout_at(until, Box::pin(read)).await.map_err(|_| ServiceError::Timeout)?.map_err(ServiceError::from)
}

fn status_response(status: &str) -> Response<Bytes> {
    let body = Bytes::from(format!("{{\"status\":\"{status}\"}}"));
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(header::CONTENT_TYPE, negotiate::JSON);
    response.headers_mut().insert(header::CACHE_CONTROL, error::NO_STORE);
    response
}

fn log_error(request: &Request, error: &ServiceError) {
    let (request_id, code) = (&request.request_id, error.code());
    match error {
        ServiceError::Table(TableError::Invalid(invalid)) => {
            error!(event = code, %request_id, job = invalid.job, group = invalid.group, "{invalid}");
        }
        _ if error.status().is_server_error() => error!(event = code, %request_id, "{error}"),
        _ => warn!(event = code, %request_id, "{error}"),
    }
}

fn log_request(request: &Request, route: Option<&Route>, response: &Response<Bytes>, took: Duration) {
    let request_id = &request.request_id;
    let job = route.and_then(Route::job);
    let counts = response.extensions().get::<Counts>();
    if counts.is_some_and(|counts| counts.rows == 0) {
        if let Some(job) = job {
            warn!(event = "empty_job", %request_id, job, "no row has this job: is its name right in the poller's URL?");
        } else {
            warn!(event = "empty_table", %request_id, "the table has no row");
        }
    }
    info!(
        event = "request",
        %request_id,
        method = %request.method,
        route = route.map_or("unknown", Route::name),
        job,
        status = response.status().as_u16(),
        bytes = response.body().len(),
        duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        rows = counts.map(|counts| counts.rows),
        groups = counts.map(|counts| counts.groups),
        targets = counts.map(|counts| counts.targets),
        lapsed = counts.map(|counts| counts.lapsed),
        skipped = counts.map(|counts| counts.skipped),
        pages = counts.map(|counts| counts.pages),
        source_ip = request.source_ip.as_deref(),
        user_agent = request.headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()),
        "answered"
    );
}
