//! A request, with the facts that only the server knows.

use http::{HeaderMap, Method, request::Parts};
use tokio::time::Instant;

use super::TIMEOUT;

/// The facts about a request that HTTP does not carry. The server adds them as an extension of [`http::Request`]. A
/// request without the extension uses the default.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// The id of the request in the log and in errors.
    pub request_id: String,
    /// The time at which the caller or Lambda stops waiting. `None` means [`TIMEOUT`] after the service receives the
    /// request.
    pub deadline: Option<Instant>,
    /// The ARN or the id of the caller, if IAM has authenticated it.
    pub iam_caller: Option<String>,
    /// The caller's address, if known.
    pub source_ip: Option<String>,
    /// The path, percent-encoded as it was sent. `None` means the URI's path.
    pub path: Option<String>,
    /// The query string without its `?`, as it was sent. `None` means the URI's query.
    pub query: Option<String>,
}

/// A request in the form that the service reads.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    /// The path, percent-encoded as it was sent.
    pub(super) path: String,
    /// The query string without its `?`, as it was sent.
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) id: String,
    pub(super) deadline: Instant,
    pub(super) iam_caller: Option<String>,
    pub(super) source_ip: Option<String>,
}

impl From<Parts> for Request {
    fn from(mut parts: Parts) -> Self {
        let call: Call = parts.extensions.remove().unwrap_or_default();
        Self {
            method: parts.method,
            path: call.path.unwrap_or_else(|| parts.uri.path().to_owned()),
            query: call.query.unwrap_or_else(|| parts.uri.query().unwrap_or_default().to_owned()),
            headers: parts.headers,
            id: call.request_id,
            deadline: call.deadline.unwrap_or_else(|| Instant::now() + TIMEOUT),
            iam_caller: call.iam_caller,
            source_ip: call.source_ip,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, call: Option<Call>) -> Request {
        let (mut parts, ()) = http::Request::get(uri).body(()).unwrap().into_parts();
        call.map(|call| parts.extensions.insert(call));
        parts.into()
    }

    #[test]
    fn request_without_a_call_has_the_uris_path() {
        for (uri, path, query) in
            [("/prom?meta=true", "/prom", "meta=true"), ("http://host/a%20b", "/a%20b", ""), ("*", "*", "")]
        {
            let request = request(uri, None);
            assert_eq!((request.path.as_str(), request.query.as_str()), (path, query), "{uri}");
            assert!(request.deadline <= Instant::now() + TIMEOUT && request.deadline > Instant::now() + TIMEOUT / 2);
        }
    }

    #[test]
    fn call_overrides_path_query_and_deadline() {
        let deadline = Instant::now();
        let call = Call {
            path: Some("/a b/../[".into()),
            query: Some(String::new()),
            deadline: Some(deadline),
            ..Call::default()
        };
        let request = request("/prom?meta=true", Some(call));
        assert_eq!((request.path.as_str(), request.query.as_str(), request.deadline), ("/a b/../[", "", deadline));
    }
}
