//! The parsing of paths and query strings.

use super::{ServiceError, credential::decode};
use crate::{
    answer::Selection,
    group::{Job, NotASelector, NotAShard, Selectors, Shard},
    table::Scope,
};

/// The maximum length of a path and of a query string, in bytes. The longest job, percent-encoded, needs 6,150.
const MOST_BYTES: usize = 8 * 1024;

/// The route of a path. The job stays encoded, because rejected callers must not cause the work of decoding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// `/-/healthy`
    Healthy,
    /// `/-/ready`
    Ready,
    /// `/prom`
    All,
    /// `/prom/{job}`, with the job as sent.
    Job(&'a str),
    /// `/`
    Page,
    /// `/jobs/{job}`, with the job as sent.
    JobPage(&'a str),
    /// `/jobs`, with the job as a parameter.
    JobParameter,
    /// `/metrics`
    Metrics,
    /// Any other path.
    Unknown,
}

impl<'a> Route<'a> {
    /// Returns the route of a path as sent. One trailing slash is ignored.
    pub(super) fn of(path: &'a str) -> Self {
        if path == "/" {
            return Self::Page;
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        let part = |prefix: &str| path.strip_prefix(prefix).filter(|job| !job.is_empty() && !job.contains('/'));
        match path {
            "/-/healthy" => Self::Healthy,
            "/-/ready" => Self::Ready,
            "/prom" => Self::All,
            "/jobs" => Self::JobParameter,
            "/metrics" => Self::Metrics,
            _ => match (part("/prom/"), part("/jobs/")) {
                (Some(job), _) => Self::Job(job),
                (_, Some(job)) => Self::JobPage(job),
                _ => Self::Unknown,
            },
        }
    }

    /// Returns the name of the route for the log.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Ready => "ready",
            Self::All => "all",
            Self::Job(_) => "job",
            Self::Page | Self::JobPage(_) | Self::JobParameter => "page",
            Self::Metrics => "metrics",
            Self::Unknown => "unknown",
        }
    }

    /// Returns whether the response is a page for people, even if it is an error.
    pub(super) fn is_page(self) -> bool {
        matches!(self, Self::Page | Self::JobPage(_) | Self::JobParameter)
    }
}

/// Returns the relative link from the path of a page to `/`. A proxy or cargo-lambda may have removed the start of the
/// path that the browser sent, so that an absolute link would leave the function.
pub(super) fn link_to_root(path: &str) -> &'static str {
    match path.matches('/').count() {
        0 | 1 => "./",
        2 => "../",
        // A job and a trailing slash.
        _ => "../../",
    }
}

/// Checks the lengths of the path and the query string.
///
/// # Errors
/// [`ServiceError::BadRequest`].
pub(super) fn check_length(path: &str, query: &str) -> Result<(), ServiceError> {
    for (name, text) in [("path", path), ("query", query)] {
        if text.len() > MOST_BYTES {
            return Err(ServiceError::BadRequest(format!("the {name} is longer than {MOST_BYTES} bytes")));
        }
    }
    Ok(())
}

/// Returns the scope of the job in a path.
///
/// # Errors
/// [`ServiceError::BadRequest`].
pub(super) fn scope(job: &str) -> Result<Scope, ServiceError> {
    parse_job(job).map(Scope::Job)
}

/// Returns the selection in a query string.
///
/// # Errors
/// [`ServiceError::BadRequest`].
pub(super) fn selection(query: &str) -> Result<Selection, ServiceError> {
    Ok(Selection { meta: parse_meta(query)?, shard: parse_shard(query)?, selectors: parse_match(query)? })
}

/// Parses the job in a path. An ambiguous name is an error, because the list of a wrong job would be empty, and an
/// error is safe. Such a job is still in the list of all jobs.
fn parse_job(encoded: &str) -> Result<Job, ServiceError> {
    let bad = |problem: &str| ServiceError::BadRequest(format!("the job in the path {problem}"));
    let decoded = decode(encoded).ok_or_else(|| bad("is not percent-encoded UTF-8"))?;
    let job = Job::new(decoded).map_err(|fault| bad(&fault.to_string()))?;
    if !job.fits_a_url() {
        return Err(bad(
            "contains a slash, a backslash or a control character, or is \".\" or \"..\": poll /prom instead",
        ));
    }
    Ok(job)
}

/// Parses `meta`. An invalid value is an error, because a wrong guess would change the labels for relabelling. Unknown
/// parameters are ignored, because the OpenTelemetry target allocator adds its own.
fn parse_meta(query: &str) -> Result<bool, ServiceError> {
    match form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "meta") {
        None => Ok(false),
        Some((_, value)) => match &*value {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(ServiceError::BadRequest("the query parameter meta must be true or false".into())),
        },
    }
}

/// Parses `shard` and `of`. Both are required exactly once, as decimal numbers, because a wrong guess would drop
/// targets, and an error is safe.
fn parse_shard(query: &str) -> Result<Option<Shard>, ServiceError> {
    let bad = |problem: &str| ServiceError::BadRequest(format!("the query parameter {problem}"));
    let once = |wanted: &str| {
        let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == wanted);
        match (values.next(), values.next()) {
            (value, None) => Ok(value.map(|(_, value)| value)),
            _ => Err(bad(&format!("{wanted} occurs more than once"))),
        }
    };
    let (shard, of) = match (once("shard")?, once("of")?) {
        (None, None) => return Ok(None),
        (Some(shard), Some(of)) => (shard, of),
        (Some(_), None) => return Err(bad("shard requires the parameter of (the number of shards)")),
        (None, Some(_)) => return Err(bad("of requires the parameter shard (the index of a shard)")),
    };
    let of = decimal(&of).ok_or_else(|| bad(&NotAShard::Of.to_string()))?;
    // An invalid number is an invalid index.
    let shard = Shard::new(decimal(&shard).unwrap_or(u64::MAX), of);
    shard.map(Some).map_err(|problem| bad(&problem.to_string()))
}

/// Parses `match[]`. A similar name and an invalid encoding are errors, because an ignored selector would serve other
/// targets, and an error is safe.
fn parse_match(query: &str) -> Result<Option<Selectors>, ServiceError> {
    let bad = |problem: &str| ServiceError::BadRequest(format!("the query parameter {problem}"));
    let mut texts = Vec::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some((name, _)) = form_urlencoded::parse(name.as_bytes()).next() else { continue };
        if name == "match[]" {
            let text = decode(&value.replace('+', " ")).ok_or_else(|| bad("match[] is not percent-encoded UTF-8"))?;
            texts.push(text);
        } else if name.to_ascii_lowercase().contains("match") {
            return Err(bad("for selectors is match[]: write match%5B%5D"));
        }
    }
    Selectors::parse(texts).map_err(|problem: NotASelector| bad(&format!("match[] {problem}")))
}

/// Parses a number of digits only. The standard library also accepts a sign.
fn decimal(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_their_routes() {
        let cases = [
            ("/-/healthy", Route::Healthy),
            ("/-/healthy/", Route::Healthy),
            ("/-/ready", Route::Ready),
            ("/prom", Route::All),
            ("/prom/", Route::All),
            ("/prom/node_exporter", Route::Job("node_exporter")),
            ("/prom/node_exporter/", Route::Job("node_exporter")),
            ("/prom/a%2Fb", Route::Job("a%2Fb")),
            ("/", Route::Page),
            ("/jobs/node", Route::JobPage("node")),
            ("/jobs/a%2Fb/", Route::JobPage("a%2Fb")),
            ("/jobs", Route::JobParameter),
            ("/jobs/", Route::JobParameter),
            ("/metrics", Route::Metrics),
            ("/metrics/", Route::Metrics),
        ];
        for (path, route) in cases {
            assert_eq!(Route::of(path), route, "{path}");
        }
        for path in [
            "",
            "//",
            "/prometheus",
            "/prom//",
            "/prom//a",
            "/prom/a/b",
            "/prom/a//",
            "/-/",
            "/-/Ready",
            "prom",
            "/jobs//",
            "/jobs/a/b",
            "/Metrics",
            "/metrics/a",
        ] {
            assert_eq!(Route::of(path), Route::Unknown, "{path}");
        }
    }

    #[test]
    fn link_to_root_is_relative_to_any_page() {
        let cases = [
            ("/", "./"),
            ("/jobs", "./"),
            ("/jobs/", "../"),
            ("/jobs/node", "../"),
            ("/jobs/a%2Fb", "../"),
            ("/jobs/node/", "../../"),
        ];
        for (path, link) in cases {
            assert!(Route::of(path).is_page() && link_to_root(path) == link, "{path}");
        }
    }

    #[test]
    fn ambiguous_or_invalid_job_is_bad_request() {
        let longest = ("%6A".repeat(2048), "j".repeat(2048));
        let cases = [
            ("node_exporter", "node_exporter"),
            ("a%20b%C3%A9", "a bé"),
            ("a+b", "a+b"),
            ("50%25", "50%"),
            ("a%252Fb", "a%2Fb"),
            ("...", "..."),
            (&longest.0, &longest.1),
        ];
        for (sent, job) in cases {
            assert_eq!(scope(sent), Ok(Scope::Job(Job::new(job).unwrap())), "{sent}");
        }
        let too_long = ["j".repeat(2049), "j".repeat(MOST_BYTES)];
        let odd = ["%FF", "%C0%AF", "a%00", "a%0A", "%", "50%", "%zz", "a%2Fb", "..%2f-", "a%5Cb", ".", "..", "%2E%2e"];
        for job in odd.map(str::to_owned).into_iter().chain(too_long) {
            assert!(matches!(scope(&job), Err(ServiceError::BadRequest(_))), "{job}");
        }
    }

    #[test]
    fn path_or_query_over_8_kb_is_rejected() {
        let (most, more) = ("q".repeat(MOST_BYTES), "q".repeat(MOST_BYTES + 1));
        assert_eq!(check_length(&most, &most), Ok(()));
        for (path, query) in [(&more, &most), (&most, &more)] {
            assert!(matches!(check_length(path, query), Err(ServiceError::BadRequest(_))));
        }
    }

    #[test]
    fn meta_is_true_or_false() {
        let cases = [
            ("", Ok(false)),
            ("meta=true", Ok(true)),
            ("collector_id=a%20b&meta=true&x", Ok(true)),
            ("meta=false", Ok(false)),
            ("metadata=1&a b=%FF", Ok(false)),
        ];
        for (query, meta) in cases {
            assert_eq!(parse_meta(query), meta, "{query}");
        }
        for query in ["meta", "meta=", "meta=1", "meta=TRUE"] {
            assert!(matches!(parse_meta(query), Err(ServiceError::BadRequest(_))), "{query}");
        }
    }
    #[test]
    fn shard_and_of_are_decimal_numbers() {
        let cases = [
            ("", None),
            ("Shard=0&OF=4&shards=1&off=2&of%00=3", None),
            ("shard=0&of=1", Some((0, 1))),
            ("of=4&shard=3", Some((3, 4))),
            ("a&shard=1&meta=true&of=4&collector_id=x", Some((1, 4))),
            ("%73hard=%31&o%66=%34", Some((1, 4))),
            ("shard=01&of=004", Some((1, 4))),
            ("shard=1023&of=1024", Some((1023, 1024))),
        ];
        for (query, shard) in cases {
            let shard = shard.map(|(index, of)| Shard::new(index, of).unwrap());
            assert_eq!(parse_shard(query), Ok(shard), "{query}");
        }
    }

    #[test]
    fn invalid_shard_error_names_the_parameter() {
        let of = "of must be the number of shards, a decimal number from 1 to 1024";
        let shard = "shard must be a decimal number from 0 to 3, one less than of";
        let cases = [
            ("shard=1", "shard requires the parameter of (the number of shards)"),
            ("shard", "shard requires the parameter of (the number of shards)"),
            ("of=4&Shard=1", "of requires the parameter shard (the index of a shard)"),
            ("shard=1&of=4&shard=1", "shard occurs more than once"),
            ("shard=1&shard=2&of=4", "shard occurs more than once"),
            ("shard=1&of=4&of", "of occurs more than once"),
            ("shard=1&of=4&%6ff=4", "of occurs more than once"),
            ("shard=0&of=0", of),
            ("shard=0&of=1025", of),
            ("shard=0&of=", of),
            ("shard=0&of", of),
            ("shard=0&of=+4", of),
            ("shard=0&of=%2B4", of),
            ("shard=0&of=-1", of),
            ("shard=0&of=4.0", of),
            ("shard=0&of=4e0", of),
            ("shard=0&of=0x4", of),
            ("shard=0&of=4%20", of),
            ("shard=0&of=%D9%A4", of),
            ("shard=0&of=18446744073709551620", of),
            ("shard=9&of=four", of),
            ("shard=4&of=4", shard),
            ("shard=&of=4", shard),
            ("shard&of=4", shard),
            ("shard=-0&of=4", shard),
            ("shard=%2B1&of=4", shard),
            ("shard=1%00&of=4", shard),
            ("shard=1,2&of=4", shard),
            ("shard=1/4&of=4", shard),
            ("shard=18446744073709551616&of=4", shard),
            ("shard=%FF&of=4", shard),
        ];
        for (query, problem) in cases {
            let error = ServiceError::BadRequest(format!("the query parameter {problem}"));
            assert_eq!(parse_shard(query), Err(error), "{query}");
        }
    }

    #[test]
    fn match_parameters_become_selectors_in_order() {
        let cases: [(&str, &[&str]); 9] = [
            ("", &[]),
            ("meta=true&x&&=y&collector_id=a&%FF=%FE", &[]),
            ("match[]={a=\"b\"}", &["{a=\"b\"}"]),
            ("match%5B%5D=%7Ba%3D%22b%22%7D", &["{a=\"b\"}"]),
            ("%6dat%63h%5b]={a=\"b\"}", &["{a=\"b\"}"]),
            ("&match[]={a=\"b\"}&shard=0&match[]={a=~\"c\"}&of=1", &["{a=\"b\"}", "{a=~\"c\"}"]),
            ("match[]={a=\"b\"}&match[]={a=\"b\"}", &["{a=\"b\"}", "{a=\"b\"}"]),
            // A plus is a blank, as in Prometheus. The value starts after the first =.
            ("match[]={a=~\"b+%2B\"}", &["{a=~\"b +\"}"]),
            ("match[]={a=\"%C3%A9;/?=\"}", &["{a=\"é;/?=\"}"]),
        ];
        for (query, texts) in cases {
            assert_eq!(parse_match(query), Ok(Selectors::parse(texts).unwrap()), "{query}");
        }
    }

    #[test]
    fn misspelt_match_parameter_is_an_error() {
        let name = "for selectors is match[]: write match%5B%5D";
        let cases = [
            ("match={a=\"b\"}", name),
            ("match", name),
            ("match[]={a=\"b\"}&match={a=\"b\"}", name),
            ("Match[]={a=\"b\"}", name),
            ("match[0]={a=\"b\"}", name),
            ("match%255B%255D={a=\"b\"}", name),
            ("amp;match[]={a=\"b\"}", name),
            ("+match[]={a=\"b\"}", name),
            ("match[]%00={a=\"b\"}", name),
            ("match[]={a=\"%zz\"}", "match[] is not percent-encoded UTF-8"),
            ("match[]={a=\"%FF\"}", "match[] is not percent-encoded UTF-8"),
            ("match[]={a=\"b\"}%", "match[] is not percent-encoded UTF-8"),
            ("match[]", "match[] is empty: write a selector such as {env=\"prod\"}"),
            ("match[]={a=\"b\"}&match[]=", "match[] is empty: write a selector such as {env=\"prod\"}"),
        ];
        for (query, problem) in cases {
            let error = ServiceError::BadRequest(format!("the query parameter {problem}"));
            assert_eq!(parse_match(query), Err(error), "{query}");
        }
    }
}
