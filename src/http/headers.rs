//! Headers: how many a request may have, and what every answer carries.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::ServiceError;

/// The most header fields of a request. Pollers send about ten, and Lambda adds five.
pub(super) const MOST_FIELDS: usize = 64;
/// The most bytes that their names and values may add up to.
pub(super) const MOST_BYTES: usize = 16 * 1024;

/// What every answer carries, for whoever opens the URL in a browser: it is data, to be shown as such and nowhere else.
/// These are [OWASP's for an API][owasp], as far as they are not about pages.
///
/// [owasp]: https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers
const SECURITY: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    // Ignored over plain HTTP (RFC 6797, 8.1), which sdctl serve speaks.
    (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Refuses more headers than any poller sends.
///
/// # Errors
/// [`ServiceError::HeadersTooLarge`].
pub(super) fn check(headers: &HeaderMap) -> Result<(), ServiceError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MOST_FIELDS || bytes > MOST_BYTES {
        return Err(ServiceError::HeadersTooLarge { fields: headers.len(), bytes });
    }
    Ok(())
}

/// Adds what every answer carries.
pub(super) fn secure(headers: &mut HeaderMap) {
    headers.extend(SECURITY);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_so_many_headers_and_no_more() {
        let fields = |number: usize, bytes: usize| -> HeaderMap {
            let value = HeaderValue::from_bytes(&vec![b'v'; bytes / number - 3]).unwrap();
            (10..10 + number).map(|i| (HeaderName::try_from(format!("x{i}")).unwrap(), value.clone())).collect()
        };
        assert_eq!(check(&HeaderMap::new()), Ok(()));
        assert_eq!(check(&fields(MOST_FIELDS, MOST_BYTES)), Ok(()));
        assert_eq!(check(&fields(65, 65 * 8)), Err(ServiceError::HeadersTooLarge { fields: 65, bytes: 520 }));
        assert!(check(&fields(1, MOST_BYTES)).is_ok());
        assert!(check(&fields(1, MOST_BYTES + 1)).is_err());
    }
}
