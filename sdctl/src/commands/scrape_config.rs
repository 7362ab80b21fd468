//! The scrape configuration that polls a URL of the function, as it is printed to be pasted.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

/// What a path segment may hold as it is (RFC 3986, unreserved).
pub(crate) const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
