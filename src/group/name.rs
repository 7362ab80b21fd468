//! The two parts of a row's key.

use std::fmt;

use super::Fault;

/// A scrape job: the table's partition key and the last part of the URL. 1 to 2048 bytes.
///
/// The length is [DynamoDB's limit for a partition key][limits].
///
/// [limits]: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Job(String);

/// A group's name within its job: the table's sort key. 1 to 1024 bytes, DynamoDB's limit for a sort key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(String);

macro_rules! key {
    ($name:ident, $most:literal) => {
        impl $name {
            /// The name, if it can be a key.
            ///
            /// # Errors
            /// [`Fault::Empty`] or [`Fault::TooLong`].
            pub fn new(name: impl Into<String>) -> Result<Self, Fault> {
                let name = name.into();
                Self::check(&name)?;
                Ok(Self(name))
            }

            /// Makes sure that a text can be a key.
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

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The name as owned text.
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
    /// Whether the last part of a URL can name the job. A slash, a backslash, a control character or a dot segment
    /// ([RFC 3986, 3.3][rfc]) is read in more than one way by clients and proxies, so that another job may be meant.
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
    fn a_job_fits_a_url_if_it_is_read_in_one_way() {
        for fits in ["node", "a b", "50%", "é", "...", ".a", "a;b", "'", "*"] {
            assert!(Job::new(fits).unwrap().fits_a_url(), "{fits}");
        }
        for odd in [".", "..", "a/b", "/", "a\\b", "a\0", "\n", "\u{85}", "\u{7f}"] {
            assert!(!Job::new(odd).unwrap().fits_a_url(), "{odd:?}");
        }
    }

    #[test]
    fn a_key_has_the_lengths_that_dynamodb_takes() {
        assert_eq!(Job::new("").unwrap_err(), Fault::Empty);
        assert!(Job::new("j".repeat(2048)).is_ok());
        assert_eq!(Job::new("j".repeat(2049)).unwrap_err(), Fault::TooLong { found: 2049, most: 2048 });
        assert_eq!(GroupName::new("").unwrap_err(), Fault::Empty);
        assert!(GroupName::new("é".repeat(512)).is_ok());
        assert_eq!(GroupName::new("é".repeat(513)).unwrap_err(), Fault::TooLong { found: 1026, most: 1024 });
    }
}
