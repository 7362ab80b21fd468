//! The content coding of a list, conditional requests, and the limits of the response modes.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::{
    ResponseMode, ServiceError,
    deadline::Deadline,
    error::NO_STORE,
    media::{JSON, weighted},
};
use crate::answer::{Answer, Body};

/// The header that names the broken rows left out of the list.
const SKIPPED: HeaderName = HeaderName::from_static("x-http-sd-skipped");

/// The minimum size of a body to compress, in bytes. A smaller body fits one packet with its headers.
const LEAST_TO_COMPRESS: usize = 860;

/// Lambda's limit for the JSON envelope of a buffered response, in bytes.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const BUFFERED_ENVELOPE: usize = 6 * 1024 * 1024;
/// The size of the envelope without the body, in bytes: braces, status and headers.
const ENVELOPE_FRAME: usize = 4096;
/// The maximum size of a buffered body, as [`buffered_bytes`] counts it.
pub const MOST_BUFFERED: usize = BUFFERED_ENVELOPE - ENVELOPE_FRAME;
/// Lambda's limit for a streamed response, in bytes.
const STREAMED: usize = 200 * 1024 * 1024;

/// The number of bytes to compress between two checks of the deadline.
const COMPRESSED_AT_ONCE: usize = 256 * 1024;

/// The content coding of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Representation {
    /// Not compressed.
    Identity,
    /// Compressed, unless the body is small.
    Gzip,
}

impl Representation {
    /// Returns the coding that the caller prefers. Without `Accept-Encoding` the body is not compressed: Prometheus
    /// sends no such header, and cannot read a compressed body.
    pub(super) fn choose(headers: &HeaderMap) -> Self {
        let mut gzip = None;
        let mut identity = None;
        let mut any = None;
        let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        for item in values.flat_map(|value| value.split(',')) {
            let (coding, weight) = weighted(item);
            match coding {
                c if c.eq_ignore_ascii_case("gzip") || c.eq_ignore_ascii_case("x-gzip") => gzip = Some(weight),
                c if c.eq_ignore_ascii_case("identity") => identity = Some(weight),
                "*" => any = Some(weight),
                _ => {}
            }
        }
        let gzip = gzip.or(any).unwrap_or(0);
        if gzip > 0 && gzip >= identity.unwrap_or(0) { Self::Gzip } else { Self::Identity }
    }

    /// Returns the size above which a body cannot fit, in bytes. The size after compression is unknown.
    pub(super) fn most_bytes(self, mode: ResponseMode, deadline: &Deadline) -> usize {
        match (self, mode) {
            (Self::Gzip, _) => usize::MAX,
            (Self::Identity, ResponseMode::Buffered) => BUFFERED_ENVELOPE,
            (Self::Identity, ResponseMode::Stream) => most_streamed(deadline),
        }
    }

    /// Returns the response with the list, or 304 if the request names its `ETag`.
    pub(super) fn respond(
        self,
        headers: &HeaderMap,
        answer: Answer,
        mode: ResponseMode,
        deadline: &Deadline,
    ) -> Result<Response<Body>, ServiceError> {
        let Answer { body, etag, report, .. } = answer;
        let compress = self.compresses(&body);
        let etag = if compress { format!("\"{etag}-gzip\"") } else { format!("\"{etag}\"") };
        let mut response = if has_already(headers, &etag) {
            let mut response = Response::new(Body::default());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            self.encode(body, deadline)?
        };
        check_size(&response, mode, deadline)?;
        let headers = response.headers_mut();
        let skipped = report.skipped.names().and_then(|names| HeaderValue::try_from(names).ok());
        headers.extend(skipped.map(|skipped| (SKIPPED, skipped)));
        headers.insert(header::CONTENT_TYPE, JSON);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        headers.insert(header::ETAG, HeaderValue::try_from(etag).map_err(|e| ServiceError::Encoding(e.to_string()))?);
        response.extensions_mut().insert(report);
        Ok(response)
    }

    /// Returns the response with a text that no cache may store.
    pub(super) fn respond_text(
        self,
        text: String,
        content_type: &'static str,
        mode: ResponseMode,
        deadline: &Deadline,
    ) -> Result<Response<Body>, ServiceError> {
        let mut response = self.encode(text.into_bytes().into(), deadline)?;
        check_size(&response, mode, deadline)?;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        Ok(response)
    }

    fn compresses(self, body: &Body) -> bool {
        self == Self::Gzip && body.len() >= LEAST_TO_COMPRESS
    }

    /// Returns a response with the body in this coding.
    fn encode(self, body: Body, deadline: &Deadline) -> Result<Response<Body>, ServiceError> {
        if !self.compresses(&body) {
            return Ok(Response::new(body));
        }
        let mut response = Response::new(gzip(&body, deadline)?);
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        Ok(response)
    }
}

/// Returns whether `If-None-Match` names an `ETag`, by weak comparison (RFC 9110, 13.1.2).
fn has_already(headers: &HeaderMap, etag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

fn gzip(body: &Body, deadline: &Deadline) -> Result<Body, ServiceError> {
    let encoding = |e: std::io::Error| ServiceError::Encoding(e.to_string());
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    for bytes in body.pieces().iter().flat_map(|piece| piece.chunks(COMPRESSED_AT_ONCE)) {
        deadline.check()?;
        encoder.write_all(bytes).map_err(encoding)?;
    }
    encoder.finish().map(Body::from).map_err(encoding)
}

/// Returns the maximum size of a stream that Lambda can send before the deadline, in bytes.
fn most_streamed(deadline: &Deadline) -> usize {
    deadline.most_streamed().min(STREAMED)
}

/// Returns the size of an uncompressed body, or of a part of one, in a buffered response.
#[must_use]
pub fn buffered_bytes(body: &[u8]) -> usize {
    // Lambda's envelope contains the body as a JSON string, which escapes these bytes.
    let escaped = body.iter().filter(|&&byte| byte == b'"' || byte == b'\\').count();
    body.len() + escaped
}

fn check_size(response: &Response<Body>, mode: ResponseMode, deadline: &Deadline) -> Result<(), ServiceError> {
    let body = response.body();
    let (size, most) = match mode {
        ResponseMode::Stream => (body.len(), most_streamed(deadline)),
        ResponseMode::Buffered if response.headers().contains_key(header::CONTENT_ENCODING) => {
            (body.len().div_ceil(3) * 4 + ENVELOPE_FRAME, BUFFERED_ENVELOPE)
        }
        // The body fits even if every byte is escaped.
        ResponseMode::Buffered if body.len() * 2 <= MOST_BUFFERED => return Ok(()),
        ResponseMode::Buffered => {
            let bytes: usize = body.pieces().iter().map(|piece| buffered_bytes(piece)).sum();
            (bytes + ENVELOPE_FRAME, BUFFERED_ENVELOPE)
        }
    };
    if size > most { Err(ServiceError::TooLarge { mode, most }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    fn deadline(left: Duration) -> Deadline {
        Deadline::at(Instant::now() + left)
    }

    #[test]
    fn stream_too_slow_for_deadline_is_rejected() {
        // 6 MB at once, and 2 MB a second.
        let fits = |bytes: usize, seconds: u64| {
            let response = Response::new(Body::from(vec![b' '; bytes]));
            check_size(&response, ResponseMode::Stream, &deadline(Duration::from_secs(seconds))).is_ok()
        };
        assert!(fits(6_000_000, 0) && !fits(6_000_001, 0));
        assert!(fits(25_000_000, 10) && !fits(26_000_001, 10));
        assert!(!fits(60_000_000, 15));
    }

    #[test]
    fn compression_stops_at_the_deadline() {
        let body = Body::from(vec![b' '; 4 * COMPRESSED_AT_ONCE]);
        assert!(gzip(&body, &deadline(Duration::from_mins(1))).is_ok());
        assert_eq!(gzip(&body, &deadline(Duration::ZERO)).unwrap_err(), ServiceError::Timeout);
    }

    #[test]
    fn gzip_requires_accept_encoding() {
        use Representation::{Gzip, Identity};
        assert_eq!(Representation::choose(&HeaderMap::new()), Identity);
        let cases = [
            ("gzip", Gzip),
            ("GZIP", Gzip),
            ("x-gzip", Gzip),
            ("deflate, gzip;q=1.0, *;q=0.5", Gzip),
            ("*", Gzip),
            ("gzip;q=0.5, identity;q=0.5", Gzip),
            ("", Identity),
            ("identity", Identity),
            ("br, deflate, zstd", Identity),
            ("gzip;q=0", Identity),
            ("gzip; q=0.000", Identity),
            ("*;q=0", Identity),
            ("gzip;q=0, *", Identity),
            ("gzip;q=0.5, identity", Identity),
            ("gzip;q=much", Identity),
            ("gzip;q=2", Identity),
            ("gzip;q=NaN", Identity),
            ("gzipped", Identity),
        ];
        for (value, coding) in cases {
            assert_eq!(Representation::choose(&with(header::ACCEPT_ENCODING, value)), coding, "{value:?}");
        }
    }

    #[test]
    fn not_modified_requires_a_matching_etag() {
        assert!(!has_already(&HeaderMap::new(), "\"a\""));
        let cases = [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
            ("\"a-gzip\"", false),
        ];
        for (value, already) in cases {
            assert_eq!(has_already(&with(header::IF_NONE_MATCH, value), "\"a\""), already, "{value:?}");
        }
    }

    #[test]
    fn buffered_limit_counts_the_escaped_body() {
        let deadline = deadline(Duration::from_mins(10));
        let fits = |body: Vec<u8>, coding: Option<&'static str>, mode| {
            let mut response = Response::new(Body::from(body));
            if let Some(coding) = coding {
                response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            }
            check_size(&response, mode, &deadline).is_ok()
        };
        let room = BUFFERED_ENVELOPE - ENVELOPE_FRAME;
        assert!(fits(vec![b'a'; room], None, ResponseMode::Buffered));
        assert!(!fits(vec![b'a'; room + 1], None, ResponseMode::Buffered));
        assert!(fits(vec![b'"'; room / 2], None, ResponseMode::Buffered));
        assert!(!fits(vec![b'\\'; room / 2 + 1], None, ResponseMode::Buffered));
        assert!(fits(vec![0; room / 4 * 3], Some("gzip"), ResponseMode::Buffered));
        assert!(!fits(vec![0; room / 4 * 3 + 1], Some("gzip"), ResponseMode::Buffered));
        assert!(fits(vec![b'"'; room * 2], None, ResponseMode::Stream));
        assert!(!fits(vec![b' '; STREAMED + 1], None, ResponseMode::Stream));
    }
}
