//! The limits for headers of a request, and the security headers of every response.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::ServiceError;
use crate::page;

/// The maximum number of header fields of a request. Pollers send about ten, and Lambda adds five.
pub(super) const MOST_FIELDS: usize = 64;
/// The maximum total size of header names and values, in bytes.
pub(super) const MOST_BYTES: usize = 16 * 1024;

/// The security headers of every response. They make a browser show the response as data only, except that a page has
/// another policy for its own style. The headers are those that [OWASP recommends for an API][owasp].
///
/// [owasp]: https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers
const SECURITY: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    // Browsers ignore it over plain HTTP (RFC 6797, 8.1), which sdctl serve uses.
    (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Checks the limits for headers.
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

/// Adds the security headers. A page has its own policy already.
pub(super) fn secure(headers: &mut HeaderMap) {
    for (name, value) in SECURITY {
        headers.entry(name).or_insert(value);
    }
}

/// Adds the security headers of a page, which [`secure`] completes.
pub(super) fn secure_page(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(page::content_security_policy()));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_beyond_the_limits_are_rejected() {
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
