//! Targets.

use serde::Serialize;

use super::Fault;

/// What to scrape: `host:port`, or a URL for blackbox probing. Not empty, free of white space and control characters.
///
/// Whether it is an address is for Prometheus to judge, after relabelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Target(String);

impl Target {
    /// The target, if it is valid.
    ///
    /// # Errors
    /// [`Fault::Empty`] or [`Fault::Blank`].
    pub fn new(target: impl Into<String>) -> Result<Self, Fault> {
        let target = target.into();
        Self::check(&target)?;
        Ok(Self(target))
    }

    /// Makes sure that a text is a valid target.
    ///
    /// # Errors
    /// As [`Target::new`].
    pub fn check(target: &str) -> Result<(), Fault> {
        if target.is_empty() {
            return Err(Fault::Empty);
        }
        // Nearly every target is ASCII, which is told byte by byte.
        let is_blank = if target.is_ascii() {
            target.bytes().any(|b| !b.is_ascii_graphic())
        } else {
            target.chars().any(|c| c.is_whitespace() || c.is_control())
        };
        if is_blank { Err(Fault::Blank) } else { Ok(()) }
    }

    /// A target that was checked already.
    pub(super) fn of_valid(target: &str) -> Self {
        Self(target.to_owned())
    }

    /// The target as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_not_empty_and_has_no_blank_in_it() {
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
