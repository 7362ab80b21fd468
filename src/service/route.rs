//! Paths and query strings.

use super::{
    ServiceError,
    credential::decode,
    selection::{Scope, Selection},
};
use crate::group::{Job, NotASelector, NotAShard, Selectors, Shard};

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
        let (meta, shard, selectors) = (parse_meta(query)?, parse_shard(query)?, parse_match(query)?);
        Ok(Self::Groups(Selection { scope, meta, shard, selectors }))
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

    /// The shard that is asked for, if it is one.
    pub(super) fn shard(&self) -> Option<Shard> {
        match self {
            Self::Groups(selection) => selection.shard,
            _ => None,
        }
    }

    /// The selectors that are asked for, if there are any.
    pub(super) fn selectors(&self) -> Option<&Selectors> {
        match self {
            Self::Groups(selection) => selection.selectors.as_ref(),
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

/// Another shard than the one that is meant is a list without the targets that are meant, and an error is safe: so both
/// parameters are needed, each once, and both as plain numbers.
fn parse_shard(query: &str) -> Result<Option<Shard>, ServiceError> {
    let bad = |problem: &str| ServiceError::BadRequest(format!("the query parameter {problem}"));
    let once = |wanted: &str| {
        let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == wanted);
        match (values.next(), values.next()) {
            (value, None) => Ok(value.map(|(_, value)| value)),
            _ => Err(bad(&format!("{wanted} takes one number, but is there more than once"))),
        }
    };
    let (shard, of) = match (once("shard")?, once("of")?) {
        (None, None) => return Ok(None),
        (Some(shard), Some(of)) => (shard, of),
        (Some(_), None) => return Err(bad("shard takes a number and, beside it, of with the number of shards")),
        (None, Some(_)) => return Err(bad("of takes the number of shards and, beside it, shard with the one wanted")),
    };
    let of = decimal(&of).ok_or_else(|| bad(&NotAShard::Of.to_string()))?;
    // What is no number is no index either.
    let shard = Shard::new(decimal(&shard).unwrap_or(u64::MAX), of);
    shard.map(Some).map_err(|problem| bad(&problem.to_string()))
}

/// A selector that is passed over is a list of other targets than are meant, and an error is safe: so a name that may have
/// been meant for `match[]` is refused, and so is a value that is not percent-encoded text throughout.
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
            return Err(bad("for a selector is match[], with brackets and percent-encoded: match%5B%5D"));
        }
    }
    Selectors::parse(texts).map_err(|problem: NotASelector| bad(&format!("match[] {problem}")))
}

/// A number of digits alone: the standard library would take a sign as well.
fn decimal(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(job: &str) -> Route {
        Route::Groups(Selection {
            scope: Scope::Job(Job::new(job).unwrap()),
            meta: false,
            shard: None,
            selectors: None,
        })
    }

    #[test]
    fn a_path_leads_to_its_route() {
        let all = Route::Groups(Selection { scope: Scope::All, meta: false, shard: None, selectors: None });
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
    #[test]
    fn a_shard_is_two_numbers_each_of_them_once() {
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
    fn what_is_no_shard_is_refused_with_the_name_of_the_parameter_and_what_it_takes() {
        let of = "of takes the number of shards, a decimal number from 1 to 1024";
        let shard = "shard takes a decimal number from 0 to 3, one less than of";
        let cases = [
            ("shard=1", "shard takes a number and, beside it, of with the number of shards"),
            ("shard", "shard takes a number and, beside it, of with the number of shards"),
            ("of=4&Shard=1", "of takes the number of shards and, beside it, shard with the one wanted"),
            ("shard=1&of=4&shard=1", "shard takes one number, but is there more than once"),
            ("shard=1&shard=2&of=4", "shard takes one number, but is there more than once"),
            ("shard=1&of=4&of", "of takes one number, but is there more than once"),
            ("shard=1&of=4&%6ff=4", "of takes one number, but is there more than once"),
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
    fn selectors_are_whatever_match_with_brackets_holds_in_its_order() {
        let cases: [(&str, &[&str]); 9] = [
            ("", &[]),
            ("meta=true&x&&=y&collector_id=a&%FF=%FE", &[]),
            ("match[]={a=\"b\"}", &["{a=\"b\"}"]),
            ("match%5B%5D=%7Ba%3D%22b%22%7D", &["{a=\"b\"}"]),
            ("%6dat%63h%5b]={a=\"b\"}", &["{a=\"b\"}"]),
            ("&match[]={a=\"b\"}&shard=0&match[]={a=~\"c\"}&of=1", &["{a=\"b\"}", "{a=~\"c\"}"]),
            ("match[]={a=\"b\"}&match[]={a=\"b\"}", &["{a=\"b\"}", "{a=\"b\"}"]),
            // A plus is a blank, as in Prometheus; what follows the first = is the value.
            ("match[]={a=~\"b+%2B\"}", &["{a=~\"b +\"}"]),
            ("match[]={a=\"%C3%A9;/?=\"}", &["{a=\"é;/?=\"}"]),
        ];
        for (query, texts) in cases {
            assert_eq!(parse_match(query), Ok(Selectors::parse(texts).unwrap()), "{query}");
        }
    }

    #[test]
    fn what_may_have_been_meant_for_a_selector_is_not_passed_over() {
        let name = "for a selector is match[], with brackets and percent-encoded: match%5B%5D";
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
            ("match[]", "match[] is empty; it takes a selector such as {env=\"prod\"}"),
            ("match[]={a=\"b\"}&match[]=", "match[] is empty; it takes a selector such as {env=\"prod\"}"),
        ];
        for (query, problem) in cases {
            let error = ServiceError::BadRequest(format!("the query parameter {problem}"));
            assert_eq!(parse_match(query), Err(error), "{query}");
        }
    }
}
