//! Paths and query strings.

use super::{
    ServiceError,
    credential::decode,
    selection::{Scope, Selection},
};
use crate::group::Job;

/// The most bytes of a path, and of a query string. A job of the greatest length, percent-encoded throughout, has 6,150.
const MOST_BYTES: usize = 8 * 1024;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `/-/healthy`
    Healthy,
    /// `/-/ready`
    Ready,
    /// `/prom` and `/prom/{job}`
    Groups(Selection),
}

impl Route {
    /// Reads a path and a query string, both as they were sent. One trailing slash is tolerated.
    pub(super) fn parse(path: &str, query: &str) -> Result<Self, ServiceError> {
        for (name, text) in [("path", path), ("query", query)] {
            if text.len() > MOST_BYTES {
                return Err(ServiceError::BadRequest(format!("the {name} is longer than {MOST_BYTES} bytes")));
            }
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        match path {
            "/-/healthy" => return Ok(Self::Healthy),
            "/-/ready" => return Ok(Self::Ready),
            _ => {}
        }
        let scope = match path.strip_prefix("/prom") {
            Some("") => Scope::All,
            Some(rest) => match rest.strip_prefix('/') {
                Some(job) if !job.is_empty() && !job.contains('/') => Scope::Job(parse_job(job)?),
                _ => return Err(ServiceError::NotFound),
            },
            None => return Err(ServiceError::NotFound),
        };
        Ok(Self::Groups(Selection { scope, meta: parse_meta(query)? }))
    }

    /// The route's name, for the log.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Ready => "ready",
            Self::Groups(Selection { scope: Scope::Job(_), .. }) => "job",
            Self::Groups(_) => "all",
        }
    }

    /// The job that is asked for, if it is one.
    pub(super) fn job(&self) -> Option<&str> {
        match self {
            Self::Groups(selection) => selection.scope.job(),
            _ => None,
        }
    }
}

/// A list for a job that nobody meant would be empty, and an error is safe: so what may be read in more than one way is
/// refused, and not looked up. A job with such a name is still in the list of all jobs.
fn parse_job(encoded: &str) -> Result<Job, ServiceError> {
    let bad = |problem: &str| ServiceError::BadRequest(format!("the job in the path {problem}"));
    let decoded = decode(encoded).ok_or_else(|| bad("is not percent-encoded UTF-8"))?;
    let job = Job::new(decoded).map_err(|fault| bad(&fault.to_string()))?;
    if !job.fits_a_url() {
        return Err(bad("has a slash, a backslash or a control character in it, or is . or .."));
    }
    Ok(job)
}

/// A mistyped value would silently change what relabelling sees, so it is refused; unknown parameters are ignored,
/// because the OpenTelemetry target allocator adds its own.
fn parse_meta(query: &str) -> Result<bool, ServiceError> {
    match form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "meta") {
        None => Ok(false),
        Some((_, value)) => match &*value {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(ServiceError::BadRequest("the query parameter meta takes true or false".into())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(job: &str) -> Route {
        Route::Groups(Selection { scope: Scope::Job(Job::new(job).unwrap()), meta: false })
    }

    #[test]
    fn a_path_leads_to_its_route() {
        let all = Route::Groups(Selection { scope: Scope::All, meta: false });
        let cases = [
            ("/-/healthy", Route::Healthy),
            ("/-/healthy/", Route::Healthy),
            ("/-/ready", Route::Ready),
            ("/prom", all.clone()),
            ("/prom/", all),
            ("/prom/node_exporter", groups("node_exporter")),
            ("/prom/node_exporter/", groups("node_exporter")),
            ("/prom/a%20b%C3%A9", groups("a bé")),
            ("/prom/a+b", groups("a+b")),
            ("/prom/50%25", groups("50%")),
            ("/prom/a%252Fb", groups("a%2Fb")),
            ("/prom/...", groups("...")),
        ];
        for (path, route) in cases {
            assert_eq!(Route::parse(path, ""), Ok(route), "{path}");
        }
    }

    #[test]
    fn other_paths_are_not_found() {
        for path in
            ["", "/", "//", "/prometheus", "/prom//", "/prom//a", "/prom/a/b", "/prom/a//", "/-/", "/-/Ready", "prom"]
        {
            assert_eq!(Route::parse(path, ""), Err(ServiceError::NotFound), "{path}");
        }
    }

    #[test]
    fn a_job_that_cannot_be_a_key_is_a_bad_request() {
        let longest = format!("/prom/{}", "%6A".repeat(2048));
        assert_eq!(Route::parse(&longest, &"q".repeat(MOST_BYTES)), Ok(groups(&"j".repeat(2048))));
        let too_long = [format!("/prom/{}", "j".repeat(2049)), format!("/prom/{}", "j".repeat(MOST_BYTES))];
        let odd = ["%FF", "%C0%AF", "a%00", "a%0A", "%", "50%", "%zz", "a%2Fb", "..%2f-", "a%5Cb", ".", "..", "%2E%2e"];
        for path in odd.map(|job| format!("/prom/{job}")).into_iter().chain(too_long) {
            assert!(matches!(Route::parse(&path, ""), Err(ServiceError::BadRequest(_))), "{path}");
        }
        let query = "q".repeat(MOST_BYTES + 1);
        assert!(matches!(Route::parse("/prom", &query), Err(ServiceError::BadRequest(_))));
    }

    #[test]
    fn meta_takes_true_or_false_and_other_parameters_are_ignored() {
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
}
