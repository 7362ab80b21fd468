//! Media types, and the one that a caller of metrics prefers by the header `Accept`.

use http::{HeaderMap, HeaderValue, header};

use crate::metrics::Format;

/// The only `Content-Type` that Prometheus accepts, with or without a UTF-8 charset.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// The media type of a page.
pub(super) const HTML: &str = "text/html; charset=utf-8";

/// Returns the format that the caller prefers: `OpenMetrics` only if the caller names it.
pub(super) fn format(headers: &HeaderMap) -> Format {
    let (mut text, mut openmetrics) = (0, 0);
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    for item in values.flat_map(|value| value.split(',')) {
        let (media, weight) = weighted(item);
        let has_version = |version: &str| {
            let mut versions = item.split(';').filter_map(|part| part.trim().strip_prefix("version="));
            versions.all(|found| found == version)
        };
        match media.to_ascii_lowercase().as_str() {
            "application/openmetrics-text" if has_version("1.0.0") => openmetrics = openmetrics.max(weight),
            "text/plain" if has_version("0.0.4") => text = text.max(weight),
            _ => {}
        }
    }
    if openmetrics > 0 && openmetrics >= text { Format::OpenMetrics } else { Format::Text }
}

/// Returns a coding or a media type, and its weight in thousandths (RFC 9110, 12.4.2). An invalid weight counts as 0,
/// which rejects it.
pub(super) fn weighted(item: &str) -> (&str, u16) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_sent_only_if_preferred() {
        use Format::{OpenMetrics, Text};
        assert_eq!(format(&HeaderMap::new()), Text);
        let cases = [
            // Prometheus 2.42, 3.5, vmagent, curl and a browser.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OpenMetrics,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                 application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
                 text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                OpenMetrics,
            ),
            ("text/plain;version=0.0.4;q=1,*/*;q=0.1", Text),
            ("*/*", Text),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Text),
            ("application/openmetrics-text", OpenMetrics),
            ("Application/OpenMetrics-Text; version=1.0.0", OpenMetrics),
            ("application/openmetrics-text;version=2.0.0", Text),
            ("application/openmetrics-text;version=0.0.1", Text),
            ("application/openmetrics-text;q=0", Text),
            ("application/openmetrics-text;q=0.1,text/plain;q=0.2", Text),
            ("", Text),
        ];
        for (accept, expected) in cases {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(format(&headers), expected, "{accept}");
        }
    }
}
