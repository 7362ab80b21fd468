//! Targets and their validation.

use serde::Serialize;

use super::Fault;

/// A scrape target: `host:port`, or a URL for blackbox probing. It is not empty and contains neither white space nor
/// control characters.
///
/// Prometheus checks the address itself, after relabelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Target(String);

impl Target {
    /// Creates a target.
    ///
    /// # Errors
    /// [`Fault::Empty`] or [`Fault::Blank`].
    pub fn new(target: impl Into<String>) -> Result<Self, Fault> {
        let target = target.into();
        Self::check(&target)?;
        Ok(Self(target))
    }

    /// Checks that a target is valid.
    ///
    /// # Errors
    /// As [`Target::new`].
    pub fn check(target: &str) -> Result<(), Fault> {
        if target.is_empty() {
            return Err(Fault::Empty);
        }
        // The check of bytes is faster, and nearly every target is ASCII.
        let is_blank = if target.is_ascii() {
            target.bytes().any(|b| !b.is_ascii_graphic())
        } else {
            target.chars().any(|c| c.is_whitespace() || c.is_control())
        };
        if is_blank { Err(Fault::Blank) } else { Ok(()) }
    }

    /// Creates a target from a text that [`Target::check`] has accepted.
    pub(super) fn of_valid(target: &str) -> Self {
        Self(target.to_owned())
    }

    /// Returns the target as a string slice.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_or_blank_targets_are_invalid() {
        let cases = [
            ("10.0.0.1:9100", Ok(())),
            ("[::1]:9100", Ok(())),
            ("https://example.org/a?b=c#d", Ok(())),
            ("müller.example:9100", Ok(())),
            ("", Err(Fault::Empty)),
            (" a:1", Err(Fault::Blank)),
            ("a:1\n", Err(Fault::Blank)),
            ("a\u{a0}b:1", Err(Fault::Blank)),
            ("a\u{0}:1", Err(Fault::Blank)),
            ("a\u{7f}:1", Err(Fault::Blank)),
        ];
        for (target, result) in cases {
            let read = Target::new(target).map(|target| target.as_str().to_owned());
            assert_eq!(read, result.map(|()| target.to_owned()), "{target:?}");
        }
    }
}
