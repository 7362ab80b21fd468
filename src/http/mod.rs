//! HTTP: a [`tower::Service`] for [`http::Request`], used by Lambda, the local server and the tests.
//!
//! The service processes a request in these steps, all within the deadline:
//!
//! 1. Check the headers, the access, the path, the query string and the method.
//! 2. Limit the scope to the jobs that the caller may read.
//! 3. Take the rows from the table, from the cache, or from memory after a look at the table's stream.
//! 4. Compute the list.
//! 5. Apply the conditions and content codings of the request, and check the limit of the response mode.
//!
//! The response exists only after the last step, so a failed step is never a short list.

mod access;
mod clock;
mod credential;
mod deadline;
mod error;
mod headers;
mod log;
mod media;
mod negotiate;
mod page_query;
mod request;
mod route;
mod views;

pub use access::{Access, Challenge};
pub use clock::Clock;
pub use credential::{Credential, NotACredential, NotAHash, TokenHash};
pub use error::ServiceError;
pub use negotiate::{MOST_BUFFERED, buffered_bytes};
pub use request::Call;

use std::{
    collections::BTreeSet,
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Method, Response, StatusCode, header};
use tracing::{Instrument, error_span};

use self::{deadline::Deadline, log::Log, negotiate::Representation, request::Request, route::Route};
pub use crate::answer::{Body, OnInvalid};
use crate::{
    answer::{self, Answer, Limits, Rules, Selection},
    group::{EpochSeconds, Job, LabelNames},
    page,
    table::{Detail, ReadError, Reuse, RowRules, Scope, Snapshot, Source, Table},
};

/// The time for a request without a deadline: the time-out of the function in the template.
pub const TIMEOUT: Duration = Duration::from_secs(15);

/// The minimum memory that rows must leave free, in bytes: for the process, the pages in transit, a buffered response
/// with its envelope, and the sender.
const LEAST_KEPT_FREE: usize = 56 * 1024 * 1024;
/// A large function leaves one part in this many of its memory free.
const PART_KEPT_FREE: usize = 8;

/// The way to send responses. It must match the invoke mode of the Function URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResponseMode {
    /// One JSON document of at most 6 MB.
    #[default]
    Buffered,
    /// A stream of at most 200 MB.
    Stream,
}

/// Whether something is on. It is on by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnOff {
    /// It is on.
    #[default]
    On,
    /// It is off.
    Off,
}

/// The settings of the service.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The reaction to a broken row.
    pub on_invalid: OnInvalid,
    /// The rule for label names.
    pub label_names: LabelNames,
    /// The way to send responses, which limits their size.
    pub response_mode: ResponseMode,
    /// The time for which rows are cached. Zero turns the cache off.
    pub cache: Duration,
    /// The maximum age of rows that follow the changes of the table; `None` turns following off. It excludes `cache`.
    pub follow_changes: Option<Duration>,
    /// The time for which groups are kept after their leases lapsed together. Zero turns that off.
    pub lease_grace: Duration,
    /// The memory of the process, in bytes; `None` means unlimited.
    pub memory: Option<usize>,
    /// Whether there are pages for people.
    pub page: OnOff,
}

/// The service for one table. It ignores the body of a request. Clones share the table and the cache.
#[derive(Debug, Clone)]
pub struct Service {
    source: Arc<Source>,
    access: Arc<Access>,
    settings: Settings,
    clock: Clock,
}

impl Service {
    /// Creates a service for a table, without a request to the table.
    #[must_use]
    pub fn new(table: Table, access: Access, settings: Settings) -> Self {
        let rules =
            RowRules { label_names: settings.label_names, lease_grace: settings.lease_grace, detail: Detail::Served };
        let reuse = match settings.follow_changes {
            Some(max_age) => Reuse::Follow(max_age),
            None => Reuse::Cache(settings.cache),
        };
        let source = Source::new(table, rules, reuse, settings.memory.map(for_rows));
        Self { source: Arc::new(source), access: Arc::new(access), settings, clock: Clock::System }
    }

    /// Replaces the clock of the system.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Returns the way to send responses.
    #[must_use]
    pub fn response_mode(&self) -> ResponseMode {
        self.settings.response_mode
    }

    /// Returns the response to a request, and logs the request.
    async fn respond(&self, request: &Request) -> Response<Body> {
        let mut log = Log::new(request, self.route(&request.path));
        // Puts the request id on lines that the SDK and the table log.
        let span = error_span!("request", request_id = %request.id);
        let mut response = self.answer(request, &mut log).instrument(span).await.unwrap_or_else(|error| {
            log.error(&error);
            if log.route.is_page() { error.into_page(request) } else { error.into_response(&request.id) }
        });
        headers::secure(response.headers_mut());
        log.answered(&response);
        if request.method == Method::HEAD {
            let length = std::mem::take(response.body_mut()).len();
            // After a 304, the length of the body for a GET is unknown (RFC 9110, 8.6).
            if response.status() != StatusCode::NOT_MODIFIED {
                response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
            }
        }
        response
    }

    async fn answer<'a>(&'a self, request: &'a Request, log: &mut Log<'a>) -> Result<Response<Body>, ServiceError> {
        let deadline = Deadline::at(request.deadline);
        headers::check(&request.headers)?;
        let route = log.route;
        if route != Route::Healthy {
            log.caller = Some(self.access.check(request)?);
        }
        route::check_length(&request.path, &request.query)?;
        let scope = match route {
            Route::Healthy | Route::Ready => None,
            Route::All | Route::Page | Route::Metrics => Some(Scope::All),
            Route::Job(job) | Route::JobPage(job) => Some(route::scope(job)?),
            Route::JobParameter => Some(page_query::scope(&request.query)?),
            Route::Unknown => return Err(ServiceError::NotFound),
        };
        let Some(scope) = scope else {
            check_method(request)?;
            return self.status(route, &deadline).await;
        };
        let query = if route.is_page() { page_query::parse(&request.query)? } else { page::Query::default() };
        let selection = match route {
            Route::All | Route::Job(_) => route::selection(&request.query)?,
            _ => Selection { selectors: query.selectors.clone(), ..Selection::default() },
        };
        log.asked = Some((scope.clone(), selection.clone()));
        check_method(request)?;
        deadline.check()?;
        let scope = limited_to(scope, log.caller.and_then(|caller| caller.jobs))?;
        if route.is_page() {
            return self.page(request, &scope, &query, &deadline).await;
        }
        if route == Route::Metrics {
            return self.metrics(request, &scope, &deadline, |error| log.error(error)).await;
        }
        let form = Representation::choose(&request.headers);
        let answer = self.list(&scope, &selection, form, &deadline).await?;
        form.respond(&request.headers, answer, self.settings.response_mode, &deadline)
    }

    /// Returns the route of a path.
    fn route<'a>(&self, path: &'a str) -> Route<'a> {
        let route = Route::of(path);
        if self.settings.page == OnOff::Off && route.is_page() { Route::Unknown } else { route }
    }

    async fn status(&self, route: Route<'_>, deadline: &Deadline) -> Result<Response<Body>, ServiceError> {
        if route == Route::Healthy {
            return Ok(status_response("healthy"));
        }
        let ready = deadline.within(self.source.table().probe()).await.and_then(|ready| Ok(ready?));
        ready.map_err(|error| ServiceError::NotReady(Box::new(error)))?;
        Ok(status_response("ready"))
    }

    async fn list(
        &self,
        scope: &Scope,
        selection: &Selection,
        form: Representation,
        deadline: &Deadline,
    ) -> Result<Answer, ServiceError> {
        let mode = self.settings.response_mode;
        let most = if selection.is_everything() { form.most_bytes(mode, deadline) } else { usize::MAX };
        let (snapshot, now) = self.snapshot(scope, Detail::Served, most, deadline).await?;
        let rules = Rules { on_invalid: self.settings.on_invalid, lease_grace: self.settings.lease_grace };
        let memory = self.settings.memory.map_or(usize::MAX, |memory| for_rows(memory).saturating_sub(snapshot.size()));
        let limits = Limits { memory, go_on: &|| deadline.check().is_ok() };
        Ok(answer::answer(&snapshot, selection, rules, now, &limits)?)
    }

    /// Returns the rows of a scope, and the time of the response. `most` is the maximum size of a list of all rows.
    async fn snapshot(
        &self,
        scope: &Scope,
        detail: Detail,
        most: usize,
        deadline: &Deadline,
    ) -> Result<(Snapshot, EpochSeconds), ServiceError> {
        let mode = self.settings.response_mode;
        // All pages of a request use one time.
        let now = self.clock.now();
        let read = deadline.within(self.source.current(scope, detail, now, most)).await?;
        let snapshot = read.map_err(|error| match error {
            ReadError::Table(error) => ServiceError::Table(error),
            ReadError::OutOfMemory { memory } => ServiceError::OutOfMemory { memory },
            ReadError::TooLarge => ServiceError::TooLarge { mode, most },
            ReadError::Encoding(problem) => ServiceError::Encoding(problem),
        })?;
        Ok((snapshot, now))
    }
}

impl<B> tower::Service<http::Request<B>> for Service {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let service = self.clone();
        let request = Request::from(request.into_parts().0);
        Box::pin(async move { Ok(service.respond(&request).await) })
    }
}

/// Limits a scope to the jobs that the caller may read; `None` means every job.
///
/// # Errors
/// [`ServiceError::Forbidden`] for a scope of another job.
fn limited_to(scope: Scope, jobs: Option<&BTreeSet<Job>>) -> Result<Scope, ServiceError> {
    match (scope, jobs) {
        (Scope::Job(job), Some(jobs)) if !jobs.contains(&job) => Err(ServiceError::Forbidden),
        (Scope::Jobs(_) | Scope::All, Some(jobs)) => Ok(Scope::Jobs(jobs.clone())),
        (scope, _) => Ok(scope),
    }
}

fn check_method(request: &Request) -> Result<(), ServiceError> {
    let is_answered = request.method == Method::GET || request.method == Method::HEAD;
    if is_answered { Ok(()) } else { Err(ServiceError::MethodNotAllowed) }
}

/// Returns the part of the memory for rows and the JSON written from them, in bytes.
fn for_rows(memory: usize) -> usize {
    memory.saturating_sub(LEAST_KEPT_FREE.max(memory / PART_KEPT_FREE))
}

fn status_response(status: &str) -> Response<Body> {
    let body = Body::from(format!("{{\"status\":\"{status}\"}}").into_bytes());
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(header::CONTENT_TYPE, media::JSON);
    response.headers_mut().insert(header::CACHE_CONTROL, error::NO_STORE);
    response
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::{Client, config::BehaviorVersion};
    use http::{HeaderMap, HeaderValue};
    use tokio::time::Instant;

    use super::*;
    use crate::group::PARSED;

    /// Creates a service for the token `t`, with a table out of reach.
    fn service() -> Service {
        let config = aws_sdk_dynamodb::Config::builder().behavior_version(BehaviorVersion::latest()).build();
        let access = Access::Token(vec![Credential::new(TokenHash::of(b"t"))]);
        Service::new(Table::new(Client::from_conf(config), "http-sd"), access, Settings::default())
    }

    fn request(query: &str, token: &str) -> Request {
        let authorization = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
        Request {
            method: Method::GET,
            path: "/prom/node".into(),
            query: query.into(),
            headers: HeaderMap::from_iter([(header::AUTHORIZATION, authorization)]),
            id: "test".into(),
            deadline: Instant::now() + Duration::from_secs(5),
            iam_caller: None,
            source_ip: None,
        }
    }

    #[tokio::test]
    async fn selectors_are_parsed_only_with_valid_token() {
        let service = service();
        let query = "match[]={env=~\"a{1000}\"}&match[]={env=~\"b{1000}\"}";
        let parsed_for = async |token| {
            let before = PARSED.get();
            let status = service.respond(&request(query, token)).await.status();
            (status.as_u16(), PARSED.get() - before)
        };
        assert_eq!(parsed_for("wrong").await, (401, 0));
        // The table is out of reach.
        assert_eq!(parsed_for("t").await, (500, 2));
    }

    #[tokio::test]
    async fn request_past_its_deadline_times_out() {
        let late = Request { deadline: Instant::now(), ..request("match[]={a=\"b\"}", "t") };
        assert_eq!(service().respond(&late).await.status(), 504);
    }
}
