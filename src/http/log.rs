//! The log of requests: one line for each request, and one for each problem.
//!
//! The log contains no header of a request, except the name and version of the program of an accepted caller.

use http::{HeaderMap, Response, header};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::{Request, ServiceError, access::Caller, route::Route};
use crate::{
    answer::{Body, LapsedTogether, Report, Selection},
    group::{EpochSeconds, Selectors},
    table::{Scope, TableError},
};

/// The maximum length of the name and version of a program, in bytes.
const MOST_CLIENT: usize = 64;

/// The maximum length of the logged selectors, in characters.
const MOST_MATCH: usize = 256;

/// The facts about a request that its log lines need.
pub(super) struct Log<'a> {
    request: &'a Request,
    pub(super) route: Route<'a>,
    started: Instant,
    /// The scope and selection of an accepted caller. The path of a rejected caller is not logged, because it can
    /// contain a secret.
    pub(super) asked: Option<(Scope, Selection)>,
    /// The accepted caller.
    pub(super) caller: Option<Caller<'a>>,
}

impl<'a> Log<'a> {
    pub(super) fn new(request: &'a Request, route: Route<'a>) -> Self {
        Self { request, route, started: Instant::now(), asked: None, caller: None }
    }

    /// Returns the requested job.
    fn job(&self) -> Option<&str> {
        match &self.asked {
            Some((Scope::Job(job), _)) => Some(job.as_str()),
            _ => None,
        }
    }

    /// Returns the requested shard, as in `1/4`.
    fn shard(&self) -> Option<String> {
        self.asked.as_ref()?.1.shard.map(|shard| shard.to_string())
    }

    /// Returns the requested selectors, as in `{env="prod"} or {env="test"}`.
    fn selectors(&self) -> Option<String> {
        let selectors: &Selectors = self.asked.as_ref()?.1.selectors.as_ref()?;
        let mut text = selectors.to_string();
        if let Some((end, _)) = text.char_indices().nth(MOST_MATCH) {
            text.truncate(end);
            text.push('…');
        }
        Some(text)
    }

    /// Logs an error.
    pub(super) fn error(&self, error: &ServiceError) {
        let (request_id, code) = (&self.request.id, error.code());
        match error {
            ServiceError::Table(TableError::Invalid(invalid)) => {
                error!(event = code, %request_id, job = invalid.job, group = invalid.group, field = invalid.field, "{invalid}");
            }
            _ if error.status().is_server_error() => error!(event = code, %request_id, "{error}"),
            _ => warn!(event = code, %request_id, "{error}"),
        }
    }

    /// Logs the warnings of a response, and the line for the request.
    pub(super) fn answered(&self, response: &Response<Body>) {
        let Self { request, .. } = self;
        let request_id = &request.id;
        let report = response.extensions().get::<Report>();
        let followed = report.and_then(|report| report.followed);
        // Pages and metrics show what a list warns of.
        self.warn(report.filter(|_| matches!(self.route, Route::All | Route::Job(_))));
        info!(
            event = "request",
            %request_id,
            method = %request.method,
            route = self.route.name(),
            job = self.job(),
            shard = self.shard(),
            "match" = self.selectors(),
            status = response.status().as_u16(),
            bytes = response.body().len(),
            duration_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            rows = report.map(|report| report.rows),
            groups = report.map(|report| report.groups),
            targets = report.map(|report| report.targets),
            lapsed = report.map(|report| report.lapsed),
            kept = report.map(|report| report.kept),
            skipped = report.map(|report| report.skipped.count()),
            pages = report.map(|report| report.pages),
            source = followed.map(|followed| followed.origin.name()),
            stream_requests = followed.map(|followed| followed.stream_requests),
            changed_keys = followed.map(|followed| followed.changed_keys),
            caller = self.caller.and_then(|caller| caller.name),
            client = self.caller.and_then(|_| client(&request.headers)),
            source_ip = request.source_ip.as_deref(),
            "answered"
        );
    }

    /// Logs the warnings of a list.
    fn warn(&self, report: Option<&Report>) {
        let request_id = &self.request.id;
        for job in report.iter().flat_map(|report| &report.empty_jobs) {
            let job = job.as_str();
            warn!(
                event = "empty_job",
                %request_id,
                job,
                "no row has this job. Check the job's name in the poller's URL."
            );
        }
        for LapsedTogether { job, count, since: EpochSeconds(since) } in
            report.iter().flat_map(|report| &report.lapsed_together)
        {
            warn!(
                event = "lapsed_together",
                %request_id,
                job,
                count,
                since,
                "leases of this job lapsed together: their groups are kept for the grace time. Check the program that \
                 renews them."
            );
        }
        if let Some(skipped) = report.map(|report| &report.skipped)
            && let Some(groups) = skipped.names()
        {
            warn!(
                event = "invalid_group",
                %request_id,
                count = skipped.count(),
                groups,
                "broken rows are left out: {skipped}"
            );
        }
        if report.is_some_and(|report| report.rows == 0 && report.empty_jobs.is_empty()) {
            warn!(event = "empty_table", %request_id, "the table has no rows");
        }
        if report.is_some_and(|report| report.rows > 0 && report.groups == 0)
            && let Some(selectors) = self.selectors()
        {
            warn!(
                event = "empty_match",
                %request_id,
                "match" = selectors,
                "match[] selects no target. Check the labels in the selectors."
            );
        }
    }
}

/// Returns the program of the poller, as in `Prometheus/3.5.0`: the first product of `User-Agent` (RFC 9110, 10.1.5).
fn client(headers: &HeaderMap) -> Option<&str> {
    let product = headers.get(header::USER_AGENT)?.to_str().ok()?.split(' ').next()?;
    let (name, version) = product.split_once('/')?;
    let is_plain =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b".-+_".contains(&b));
    (product.len() <= MOST_CLIENT && is_plain(name) && is_plain(version)).then_some(product)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn client_is_only_product_and_version() {
        let long = format!("Prometheus/{}", "1".repeat(60));
        let cases = [
            ("Prometheus/3.5.0", Some("Prometheus/3.5.0")),
            ("Alloy/v1.2.0 (linux; secret)", Some("Alloy/v1.2.0")),
            ("vmagent", None),
            ("", None),
            ("Bearer secret", None),
            ("a/b/c", None),
            ("Prometheus/", None),
            (&long, None),
        ];
        for (user_agent, expected) in cases {
            let headers = HeaderMap::from_iter([(header::USER_AGENT, HeaderValue::from_str(user_agent).unwrap())]);
            assert_eq!(client(&headers), expected, "{user_agent:?}");
        }
        assert_eq!(client(&HeaderMap::new()), None);
    }
}
