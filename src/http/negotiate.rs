//! What form the answer takes: content coding, conditions, and the limit of the response mode.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::{ResponseMode, ServiceError, deadline::Deadline};
use crate::answer::{Answer, Body};

/// Prometheus takes nothing but this, with or without a UTF-8 charset.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Names the groups that are left out of the list, because they break the contract.
const SKIPPED: HeaderName = HeaderName::from_static("x-http-sd-skipped");

/// A body below this fits one packet as it is, together with its headers.
const LEAST_TO_COMPRESS: usize = 860;

/// Lambda's limit for a buffered response, in bytes of its JSON envelope.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const BUFFERED_ENVELOPE: usize = 6 * 1024 * 1024;
/// What the envelope holds besides the body: braces, status and our headers.
const ENVELOPE_FRAME: usize = 4096;
/// How many bytes of a buffered response its body may take, counted by [`buffered_bytes`].
pub const MOST_BUFFERED: usize = BUFFERED_ENVELOPE - ENVELOPE_FRAME;
/// Lambda's limit for a streamed response, in bytes.
const STREAMED: usize = 200 * 1024 * 1024;

/// After so many bytes it is asked whether there is time left to compress more.
const COMPRESSED_AT_ONCE: usize = 256 * 1024;

/// In which content coding a body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Representation {
    /// As it is.
    Identity,
    /// Compressed, if it is worth it.
    Gzip,
}

impl Representation {
    /// The coding that the caller prefers. Gzip only to one that says so: Prometheus sends no `Accept-Encoding`, and
    /// fails the refresh over a compressed body.
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

    /// How many bytes a body may have before it is certain not to fit. Compressed, the body alone does not tell.
    pub(super) fn most_bytes(self, mode: ResponseMode, deadline: &Deadline) -> usize {
        match (self, mode) {
            (Self::Gzip, _) => usize::MAX,
            (Self::Identity, ResponseMode::Buffered) => BUFFERED_ENVELOPE,
            (Self::Identity, ResponseMode::Stream) => most_streamed(deadline),
        }
    }

    /// The response that carries the list, or 304 if the caller has it already.
    pub(super) fn respond(
        self,
        headers: &HeaderMap,
        answer: Answer,
        mode: ResponseMode,
        deadline: &Deadline,
    ) -> Result<Response<Body>, ServiceError> {
        let Answer { body, etag, report, .. } = answer;
        let compress = self == Self::Gzip && body.len() >= LEAST_TO_COMPRESS;
        let etag = if compress { format!("\"{etag}-gzip\"") } else { format!("\"{etag}\"") };
        let mut response = if has_already(headers, &etag) {
            let mut response = Response::new(Body::default());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else if compress {
            let mut response = Response::new(gzip(&body, deadline)?);
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        } else {
            Response::new(body)
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
}

/// A coding and its weight in thousandths (RFC 9110, 12.4.2). A weight that cannot be read counts as a refusal.
fn weighted(item: &str) -> (&str, u16) {
    let mut parts = item.split(';').map(str::trim);
    let coding = parts.next().unwrap_or_default();
    let weight = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
    let thousandths = match weight.map(str::parse::<f32>) {
        None => 1000,
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000 after the check")]
        Some(Ok(weight)) if (0.0..=1.0).contains(&weight) => (weight * 1000.0) as u16,
        Some(_) => 0,
    };
    (coding, thousandths)
}

/// Whether `If-None-Match` names this tag. The comparison is the weak one (RFC 9110, 13.1.2).
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

/// The most bytes of a stream that Lambda can send before the deadline.
fn most_streamed(deadline: &Deadline) -> usize {
    deadline.most_streamed().min(STREAMED)
}

/// How many bytes of a buffered response a body takes, or a part of one, uncompressed.
#[must_use]
pub fn buffered_bytes(body: &[u8]) -> usize {
    // In Lambda's envelope the body is a JSON string, in which each of these takes a second byte.
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
        // Not worth counting: it fits if every byte takes two.
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
    fn a_stream_is_no_larger_than_lambda_can_send_before_the_deadline() {
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
    fn compressing_stops_at_the_deadline() {
        let body = Body::from(vec![b' '; 4 * COMPRESSED_AT_ONCE]);
        assert!(gzip(&body, &deadline(Duration::from_mins(1))).is_ok());
        assert_eq!(gzip(&body, &deadline(Duration::ZERO)).unwrap_err(), ServiceError::Timeout);
    }

    #[test]
    fn gzip_is_sent_only_to_a_caller_that_accepts_it() {
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
    fn a_304_goes_only_to_a_caller_that_names_the_tag() {
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
    fn a_buffered_body_is_measured_as_it_is_in_the_envelope() {
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
