//! The views of the table: pages for people, and metrics.

use http::{HeaderMap, HeaderValue, Response, header};
use tokio::time::Instant;

use super::{
    Access, Body, Service, ServiceError,
    deadline::Deadline,
    headers,
    media::{self, HTML},
    negotiate::Representation,
    request::Request,
    route::link_to_root,
};
use crate::{
    answer::{Counts, Report},
    group::EpochSeconds,
    metrics::Metrics,
    page::{self, Context, Query},
    table::{Detail, Scope, Snapshot},
};

/// The maximum length of a host that a page repeats, in bytes (RFC 1035, 2.3.4).
const MOST_HOST: usize = 255;

impl Service {
    /// Returns the metrics of the table. An error of the table is a metric.
    pub(super) async fn metrics(
        &self,
        request: &Request,
        scope: &Scope,
        deadline: &Deadline,
        log: impl FnOnce(&ServiceError),
    ) -> Result<Response<Body>, ServiceError> {
        let started = Instant::now();
        let (metrics, report) = match self.snapshot(scope, Detail::All, usize::MAX, deadline).await {
            Ok((snapshot, now)) => {
                let metrics = Metrics::of(&snapshot, started.elapsed(), self.settings.lease_grace, now);
                (metrics, Some(self.report(&snapshot, now)))
            }
            Err(error) => {
                log(&error);
                (Metrics::of_failure(started.elapsed()), None)
            }
        };
        let format = media::format(&request.headers);
        let text = metrics.encode(format).map_err(|error| ServiceError::Encoding(error.to_string()))?;
        let form = Representation::choose(&request.headers);
        let mut response = form.respond_text(text, format.content_type(), self.settings.response_mode, deadline)?;
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        report.map(|report| response.extensions_mut().insert(report));
        Ok(response)
    }

    /// Returns the page of all jobs, or of the job of the scope.
    pub(super) async fn page(
        &self,
        request: &Request,
        scope: &Scope,
        query: &Query,
        deadline: &Deadline,
    ) -> Result<Response<Body>, ServiceError> {
        let (snapshot, now) = self.snapshot(scope, Detail::All, usize::MAX, deadline).await?;
        let context = Context {
            now,
            on_invalid: self.settings.on_invalid,
            lease_grace: self.settings.lease_grace,
            origin: origin(&request.headers),
            root: link_to_root(&request.path),
            needs_token: matches!(*self.access, Access::Token(_)),
            go_on: &|| deadline.check().is_ok(),
        };
        let html = match (scope, snapshot.jobs.first_key_value()) {
            (Scope::Job(_), Some((job, rows))) => page::job(job, rows, snapshot.read_at, query, &context),
            _ => page::jobs(&snapshot, query, &context),
        };
        let html = html.map_err(|page::Stopped| ServiceError::Timeout)?;
        let form = Representation::choose(&request.headers);
        let mut response = form.respond_text(html, HTML, self.settings.response_mode, deadline)?;
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        headers::secure_page(response.headers_mut());
        response.extensions_mut().insert(self.report(&snapshot, now));
        Ok(response)
    }

    /// Returns the numbers for the log.
    fn report(&self, snapshot: &Snapshot, now: EpochSeconds) -> Report {
        let mut report = Report { pages: snapshot.pages, followed: snapshot.followed, ..Report::default() };
        for rows in snapshot.jobs.values() {
            let counts = Counts::of(rows, now, self.settings.lease_grace);
            report.rows += rows.read();
            report.groups += counts.served();
            report.targets += counts.targets;
            report.lapsed += counts.lapsed;
            report.kept += counts.kept;
        }
        report
    }
}

/// Returns the scheme and the host of the URL that the browser called. A host with other characters is ignored.
fn origin(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let is_plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]_".contains(&b));
    // Lambda and proxies set it. sdctl serve has no TLS.
    let scheme = match headers.get("x-forwarded-proto").map(HeaderValue::as_bytes) {
        Some(b"https") => "https",
        _ => "http",
    };
    (is_plain && (1..=MOST_HOST).contains(&host.len())).then(|| format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_repeats_only_a_plain_host() {
        let long = "h".repeat(MOST_HOST + 1);
        let cases = [
            (Some("127.0.0.1:8088"), None, Some("http://127.0.0.1:8088")),
            (Some("[::1]:8088"), Some("http"), Some("http://[::1]:8088")),
            (
                Some("id.lambda-url.eu-central-1.on.aws"),
                Some("https"),
                Some("https://id.lambda-url.eu-central-1.on.aws"),
            ),
            (Some("a\"><script>"), None, None),
            (Some("a b"), None, None),
            (Some(""), None, None),
            (Some(&*long), None, None),
            (None, Some("https"), None),
        ];
        for (host, scheme, expected) in cases {
            let mut headers = HeaderMap::new();
            host.map(|host| headers.insert(header::HOST, HeaderValue::from_str(host).unwrap()));
            scheme.map(|scheme| headers.insert("x-forwarded-proto", HeaderValue::from_static(scheme)));
            assert_eq!(origin(&headers).as_deref(), expected, "{host:?}");
        }
    }
}
