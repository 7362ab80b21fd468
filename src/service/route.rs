//! Paths and query strings.

use percent_encoding::percent_decode_str;

use super::{ServiceError, listing::Scope};
use crate::group::Job;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `/-/healthy`
    Healthy,
    /// `/-/ready`
    Ready,
    /// `/prom` and `/prom/{job}`
    Groups {
        scope: Scope,
        /// Whether the labels that name job and group are added.
        meta: bool,
    },
}

impl Route {
    /// Reads a path and a query string, both as they were sent. One trailing slash is tolerated.
    pub(super) fn parse(path: &str, query: &str) -> Result<Self, ServiceError> {
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
        Ok(Self::Groups { scope, meta: parse_meta(query)? })
    }

    /// The route's name, for the log.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Ready => "ready",
            Self::Groups { scope: Scope::All, .. } => "all",
            Self::Groups { scope: Scope::Job(_), .. } => "job",
        }
    }

    /// The job that is asked for, if it is one.
    pub(super) fn job(&self) -> Option<&str> {
        match self {
            Self::Groups { scope, .. } => scope.job(),
            _ => None,
        }
    }
}

fn parse_job(encoded: &str) -> Result<Job, ServiceError> {
    let decoded = percent_decode_str(encoded).decode_utf8();
    let job = decoded.map_err(|_| ServiceError::BadRequest("the job in the path is not UTF-8".into()))?;
    if job.chars().any(char::is_control) {
        return Err(ServiceError::BadRequest("the job in the path has a control character in it".into()));
    }
    Job::new(job).map_err(|fault| ServiceError::BadRequest(format!("the job in the path {fault}")))
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
        Route::Groups { scope: Scope::Job(Job::new(job).unwrap()), meta: false }
    }

    #[test]
    fn a_path_leads_to_its_route() {
        let all = Route::Groups { scope: Scope::All, meta: false };
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
            ("/prom/50%", groups("50%")),
            ("/prom/a%2Fb", groups("a/b")),
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
        let too_long = format!("/prom/{}", "j".repeat(2049));
        for path in ["/prom/%FF", "/prom/%C0%AF", "/prom/a%00", "/prom/a%0A", &too_long] {
            assert!(matches!(Route::parse(path, ""), Err(ServiceError::BadRequest(_))), "{path}");
        }
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
