//! The two parts of the key of a row: the job and the name of the group.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

use super::Fault;

/// The characters to percent-encode in a part of a URL: all but the unreserved ones (RFC 3986, 2.3).
pub const URL_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A scrape job: the partition key of the table and the last part of the URL. 1 to 2048 bytes.
///
/// The length is [DynamoDB's limit for a partition key][limits].
///
/// [limits]: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Job(String);

/// The name of a group within its job: the sort key of the table. 1 to 1024 bytes, DynamoDB's limit for a sort key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(String);

macro_rules! key {
    ($name:ident, $most:literal) => {
        impl $name {
            /// Creates the name if its length fits a key.
            ///
            /// # Errors
            /// [`Fault::Empty`] or [`Fault::TooLong`].
            pub fn new(name: impl Into<String>) -> Result<Self, Fault> {
                let name = name.into();
                Self::check(&name)?;
                Ok(Self(name))
            }

            /// Checks that the length of a name fits a key.
            ///
            /// # Errors
            #[doc = concat!("As [`", stringify!($name), "::new`].")]
            pub fn check(name: &str) -> Result<(), Fault> {
                match name.len() {
                    0 => Err(Fault::Empty),
                    1..=$most => Ok(()),
                    found => Err(Fault::TooLong { found, most: $most }),
                }
            }

            /// Returns the name as a string slice.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Converts the name into a `String`.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

key!(Job, 2048);
key!(GroupName, 1024);

impl Job {
    /// Returns whether the last part of a URL can name the job. Clients and proxies disagree about a slash, a
    /// backslash, a control character and a dot segment ([RFC 3986, 3.3][rfc]), so such a URL could name another job.
    ///
    /// [rfc]: https://www.rfc-editor.org/rfc/rfc3986#section-3.3
    #[must_use]
    pub fn fits_a_url(&self) -> bool {
        let is_odd = |c: char| c.is_control() || c == '/' || c == '\\';
        ![".", ".."].contains(&self.as_str()) && !self.as_str().contains(is_odd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguous_jobs_do_not_fit_a_url() {
        for fits in ["node", "a b", "50%", "é", "...", ".a", "a;b", "'", "*"] {
            assert!(Job::new(fits).unwrap().fits_a_url(), "{fits}");
        }
        for odd in [".", "..", "a/b", "/", "a\\b", "a\0", "\n", "\u{85}", "\u{7f}"] {
            assert!(!Job::new(odd).unwrap().fits_a_url(), "{odd:?}");
        }
    }

    #[test]
    fn key_length_is_limited_as_in_dynamodb() {
        assert_eq!(Job::new("").unwrap_err(), Fault::Empty);
        assert!(Job::new("j".repeat(2048)).is_ok());
        assert_eq!(Job::new("j".repeat(2049)).unwrap_err(), Fault::TooLong { found: 2049, most: 2048 });
        assert_eq!(GroupName::new("").unwrap_err(), Fault::Empty);
        assert!(GroupName::new("é".repeat(512)).is_ok());
        assert_eq!(GroupName::new("é".repeat(513)).unwrap_err(), Fault::TooLong { found: 1026, most: 1024 });
    }
}
