//! Checks an endpoint.

use std::{
    borrow::Cow,
    fmt::{self, Display, Formatter},
    io::Read,
    rc::Rc,
    time::Duration,
};

use flate2::read::MultiGzDecoder;
use http::{HeaderMap, HeaderName, header};
use http_sd_lambda::{
    group::{Job, excerpt},
    http::{MOST_BUFFERED, buffered_bytes},
};
use reqwest::Url;
use serde::{Deserialize, Serialize, Serializer};

use super::{
    files::{broken_groups, empty_list, of_fault},
    finding::{At, Finding, Report},
    poll::{Answer, Failure, Poller},
    profile::{Form, Profile},
    scrape, twice,
};
use crate::{
    error::CliError,
    files::Reader,
    terminal::text::{Count, printable},
};

/// The most characters of the function's own error in a finding.
const MOST_SHOWN: usize = 400;

/// The remedy for a poller that does not trust an authority.
const TRUST: &str = "Trust it with --ca-file, and with tls_config.ca_file in the poller";

/// The numbers of the response.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    url: Rc<str>,
    status: Option<u16>,
    groups: usize,
    targets: usize,
    bytes: usize,
    #[serde(rename = "duration_ms", serialize_with = "as_milliseconds")]
    duration: Duration,
}

/// The body of an error response of the function.
#[derive(Deserialize)]
struct OwnError {
    error: CodeAndMessage,
}

#[derive(Deserialize)]
struct CodeAndMessage {
    code: String,
    message: String,
}

/// Judges a response.
struct Judge {
    profile: Profile,
    url: Rc<str>,
    refresh_interval: Duration,
    findings: Vec<Finding>,
}

/// Polls once and judges the response.
pub(super) async fn check(
    poller: &Poller,
    url: &Url,
    refresh_interval: Duration,
    profile: Profile,
) -> Result<Report<Summary>, CliError> {
    let shown: Rc<str> = without_secrets(url).into();
    let mut judge = Judge { profile, url: shown.clone(), refresh_interval, findings: Vec::new() };
    let (answer, duration) = poller.poll().await;
    let mut summary = Summary { url: shown, status: None, groups: 0, targets: 0, bytes: 0, duration };
    match answer {
        Ok(answer) => {
            (summary.status, summary.bytes) = (Some(answer.status), answer.body.len());
            judge.answer(&answer, duration, &mut summary)?;
        }
        Err(failure) => judge.failure(failure),
    }
    Ok(Report { findings: judge.findings, summary })
}

impl Judge {
    fn answer(&mut self, answer: &Answer, took: Duration, summary: &mut Summary) -> Result<(), CliError> {
        let from = without_secrets(&answer.url);
        if from != *self.url {
            self.note(format!(
                "redirects to {}: the OpenTelemetry target allocator follows no redirect",
                excerpt(&from)
            ));
        }
        if answer.status != 200 {
            self.fault(status(answer));
            return Ok(());
        }
        if took * 2 > self.refresh_interval {
            let seconds = self.refresh_interval.as_secs_f64();
            let problem = format!("took {} ms, more than half of the refresh interval", took.as_millis());
            let poller = self.profile.name();
            let consequence = format!("{poller} gives up after {seconds}s and keeps its old targets");
            self.warning(problem, consequence);
        }
        self.content_type(&answer.headers);
        let encoding = text_of(&answer.headers, header::CONTENT_ENCODING);
        if self.profile.requests_gzip() && encoding.eq_ignore_ascii_case("gzip") {
            let mut body = Vec::new();
            if let Err(error) = MultiGzDecoder::new(answer.body.as_slice()).read_to_end(&mut body) {
                self.fault(format!("sends a body that is not gzip: {error}"));
                return Ok(());
            }
            // Lambda takes a body that is not text in Base64.
            return self.body(&body, answer.body.len().div_ceil(3) * 4, summary);
        }
        if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
            self.fault(format!("sends Content-Encoding {}, which the poller did not request", excerpt(&encoding)));
            return Ok(());
        }
        self.body(&answer.body, buffered_bytes(&answer.body), summary)
    }

    fn content_type(&mut self, headers: &HeaderMap) {
        let content_type = text_of(headers, header::CONTENT_TYPE);
        if is_json(&content_type) {
            return;
        }
        let problem = match content_type.as_ref() {
            "" => "sends no Content-Type, but must send application/json".into(),
            other => format!("sends Content-Type {}, but must send application/json", excerpt(other)),
        };
        if self.profile.is_prometheus() {
            self.fault(problem);
        } else {
            self.warning(
                problem,
                format!("vmagent accepts it, but {}", Profile::Prometheus3.rejects("the whole list")),
            );
        }
    }

    /// Judges a body that needs `bytes` in a buffered response of Lambda.
    fn body(&mut self, body: &[u8], bytes: usize, summary: &mut Summary) -> Result<(), CliError> {
        let poller = self.profile.name();
        let text = String::from_utf8_lossy(body);
        if matches!(text, Cow::Owned(_)) {
            let problem = "contains bytes that are not UTF-8".into();
            self.warning(problem, format!("{poller} replaces each of them with U+FFFD"));
        }
        if text.trim_ascii() == "null" {
            let consequence = format!("{poller} reads it as an empty list and drops every target");
            self.warning("is null, but an empty list must be []".into(), consequence);
            return Ok(());
        }
        let mut reader = Reader::new(self.profile.label_names());
        let job = Job::new("answer").map_err(|fault| CliError::Refused(fault.to_string()))?;
        reader.read_answer(&self.url, &text, &job);
        self.findings.extend(reader.faults.iter().map(|fault| of_fault(fault, Form::Json, self.profile)));
        for group in &reader.groups {
            let findings = &mut self.findings;
            scrape::Check { profile: self.profile, to_be_served: false, findings }.group(group);
        }
        twice::check(&reader.groups, &mut self.findings);
        if reader.groups.is_empty() && reader.faults.is_empty() {
            self.findings.push(empty_list(At::Url(self.url.clone()), self.profile));
        }
        if bytes > MOST_BUFFERED / 5 * 4 {
            self.note(format!(
                "needs {bytes} bytes in a buffered response of Lambda, which holds at most {MOST_BUFFERED}"
            ));
        }
        summary.groups = reader.groups.len() + broken_groups(&reader.faults);
        summary.targets = reader.groups.iter().map(|group| group.group.targets.len()).sum();
        Ok(())
    }

    fn failure(&mut self, failure: Failure) {
        let (problem, remedy) = match failure {
            Failure::TimedOut => (
                format!("does not respond within {}s, the refresh interval", self.refresh_interval.as_secs_f64()),
                None,
            ),
            Failure::Broken(fault) => (format!("does not respond: {fault}"), Some(fault.remedy(TRUST))),
            Failure::Other(reason) => (format!("does not respond: {reason}"), None),
        };
        let poller = self.profile.name();
        let remedy = remedy.map_or_else(String::new, |remedy| format!(". {remedy}"));
        let consequence = format!("{poller} keeps its old targets, but has no targets after a restart{remedy}");
        self.findings.push(Finding::fault(At::Url(self.url.clone()), problem, consequence));
    }

    /// Adds a fault for which the poller rejects the response.
    fn fault(&mut self, problem: String) {
        let consequence = self.profile.rejects("the response");
        self.findings.push(Finding::fault(At::Url(self.url.clone()), problem, consequence));
    }

    fn warning(&mut self, problem: String, consequence: String) {
        self.findings.push(Finding::warning(At::Url(self.url.clone()), "", problem, consequence));
    }

    fn note(&mut self, problem: String) {
        self.findings.push(Finding::note(At::Url(self.url.clone()), problem));
    }
}

/// Describes a status other than 200, with the function's own error if the body has one.
fn status(answer: &Answer) -> String {
    let said = match serde_json::from_slice(&answer.body) {
        Ok(OwnError { error: CodeAndMessage { code, message } }) => {
            format!(": {:.MOST_SHOWN$}", printable(&format!("{code}: {message}")))
        }
        // The usual response of a server that expects TLS.
        Err(_) if answer.status == 400 && answer.url.scheme() == "http" => {
            ". If the port expects TLS, use https://".into()
        }
        Err(_) => String::new(),
    };
    format!("responds with {}, not 200{said}", answer.status)
}

/// Whether the content type matches Prometheus's `^(?i:application\/json(;\s*charset=("utf-8"|utf-8))?)$`.
fn is_json(content_type: &str) -> bool {
    let lower = content_type.trim().to_ascii_lowercase();
    match lower.strip_prefix("application/json") {
        Some("") => true,
        Some(rest) => rest.strip_prefix(';').is_some_and(|charset| {
            let charset = charset.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
            matches!(charset, "charset=utf-8" | "charset=\"utf-8\"")
        }),
        None => false,
    }
}

fn text_of(headers: &HeaderMap, name: HeaderName) -> Cow<'_, str> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes())).unwrap_or_default()
}

/// Returns the URL without user name and password.
fn without_secrets(url: &Url) -> String {
    let mut url = url.clone();
    // These fail only for a URL without a host.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.into()
}

fn as_milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { status, groups, targets, bytes, duration, .. } = self;
        let Some(status) = status else {
            return write!(f, ": no response in {} ms", duration.as_millis());
        };
        let (groups, targets, bytes) = (Count(*groups, "group"), Count(*targets, "target"), Count(*bytes, "byte"));
        write!(f, ": {status}, {groups}, {targets}, {bytes} in {} ms", duration.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_json_accepts_the_content_types_of_prometheus() {
        let cases = [
            ("application/json", true),
            ("Application/JSON", true),
            (" application/json ", true),
            ("application/json;charset=utf-8", true),
            ("application/json; charset=UTF-8", true),
            ("application/json;  charset=\"utf-8\"", true),
            ("application/json ; charset=utf-8", false),
            ("application/json;", false),
            ("application/json; charset=latin1", false),
            ("application/json; charset=utf-8; x=y", false),
            ("application/json-seq", false),
            ("application/problem+json", false),
            ("text/html", false),
            ("", false),
        ];
        for (content_type, accepted) in cases {
            assert_eq!(is_json(content_type), accepted, "{content_type:?}");
        }
    }
}
