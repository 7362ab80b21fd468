//! HTTP: one `Request -> Response` service. Lambda, the local server and the tests all call it.
//!
//! What a request goes through, in this order: the limit of its headers; access; its path and query; its method; what
//! its caller may read; the cache, if there is one; the table, every page of it, within the deadline; the conditions and
//! codings that the caller named; the limit of the response mode. Only then does an answer exist.

mod access;
mod body;
mod cache;
mod clock;
mod credential;
mod error;
mod headers;
mod lapsed;
mod list;
mod listing;
mod log;
mod memory;
mod negotiate;
mod route;
mod selection;
mod skipped;

pub use access::{Access, Challenge};
pub use body::Body;
pub use clock::Clock;
pub use credential::{Credential, NotACredential, NotAHash, TokenHash};
pub use error::ServiceError;
pub use negotiate::{MOST_BUFFERED, buffered_bytes};

use std::time::Duration;

use http::{HeaderMap, Method, Response, StatusCode, header};
use tokio::time::Instant;
use tracing::{Instrument, error_span};

use self::{
    cache::Cache, listing::Listing, log::Log, negotiate::Representation, route::Route, selection::Selection,
    skipped::Named,
};
use crate::{group::LabelNames, table::Table};

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
    /// The ARN or the id of the caller, if IAM has authenticated it.
    pub iam_caller: Option<String>,
    /// The caller's address, if known.
    pub source_ip: Option<String>,
}

/// What to do about a row that breaks the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnInvalid {
    /// Fail the request: Prometheus keeps what it has.
    #[default]
    Fail,
    /// Leave the row out, and say so in the log and in a header of the response.
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
    /// How long groups are served on whose leases have lapsed together; zero turns that off.
    pub lease_grace: Duration,
    /// How much memory the process may take, in bytes; `None` if there is no such limit.
    pub memory: Option<usize>,
}

/// Answers requests from one table.
#[derive(Debug)]
pub struct Service {
    table: Table,
    access: Access,
    settings: Settings,
    cache: Cache,
    clock: Clock,
    /// The broken groups that the log has named.
    named: Named,
}

impl Service {
    /// A service over that table. Reads nothing yet.
    #[must_use]
    pub fn new(table: Table, access: Access, settings: Settings) -> Self {
        let cache = Cache::new(settings.cache);
        Self { table, access, settings, cache, clock: Clock::System, named: Named::default() }
    }

    /// The service with that clock in place of the system's.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// How responses are to be sent.
    #[must_use]
    pub fn response_mode(&self) -> ResponseMode {
        self.settings.response_mode
    }

    /// Answers a request. Each request is logged in one line.
    pub async fn respond(&self, request: &Request) -> Response<Body> {
        let mut log = Log::new(request);
        // For whatever is logged meanwhile by who does not know the request.
        let span = error_span!("request", request_id = %request.request_id);
        let mut response = self.answer(request, &mut log).instrument(span).await.unwrap_or_else(|error| {
            log.error(&error);
            error.into_response(&request.request_id)
        });
        headers::secure(response.headers_mut());
        log.answered(&response);
        if request.method == Method::HEAD {
            let length = std::mem::take(response.body_mut()).len();
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        response
    }

    async fn answer<'a>(&'a self, request: &'a Request, log: &mut Log<'a>) -> Result<Response<Body>, ServiceError> {
        headers::check(&request.headers)?;
        let route = Route::parse(&request.path, &request.query);
        log.route = route.as_ref().ok().cloned();
        let caller = match &route {
            Ok(Route::Healthy) => None,
            _ => Some(self.access.check(request)?),
        };
        log.caller = caller;
        let route = route?;
        if request.method != Method::GET && request.method != Method::HEAD {
            return Err(ServiceError::MethodNotAllowed);
        }
        match route {
            Route::Healthy => Ok(status_response("healthy")),
            Route::Ready => {
                within(request.deadline, self.table.probe()).await.map_err(|e| ServiceError::NotReady(Box::new(e)))?;
                Ok(status_response("ready"))
            }
            Route::Groups(selection) => {
                let selection = selection.limited_to(caller.and_then(|caller| caller.jobs))?;
                let form = Representation::choose(&request.headers);
                let most = form.most_bytes(self.settings.response_mode);
                let listing = self.listing(&selection, request.deadline, most).await?;
                form.respond(&request.headers, listing, &self.settings)
            }
        }
    }

    async fn listing(&self, selection: &Selection, deadline: Instant, most: usize) -> Result<Listing, ServiceError> {
        // One time for the whole read, however many pages it takes.
        let now = self.clock.now();
        if let Some(listing) = self.cache.get(selection, now) {
            return Ok(listing);
        }
        let read = listing::read(&self.table, selection, &self.settings, now, most, self.named.read());
        let listing = within(deadline, read).await?;
        self.cache.put(selection, &listing, now);
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

fn status_response(status: &str) -> Response<Body> {
    let body = Body::from(format!("{{\"status\":\"{status}\"}}").into_bytes());
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(header::CONTENT_TYPE, negotiate::JSON);
    response.headers_mut().insert(header::CACHE_CONTROL, error::NO_STORE);
    response
}
