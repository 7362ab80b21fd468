//! The outcomes of a request or of a start.

use std::fmt;

/// The outcome of a request or of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A 200 with the whole list.
    Complete,
    /// An error with this status and code.
    Error(u16, &'static str),
    /// The function starts and logs a warning.
    Warning,
}

/// A later request may succeed.
pub(super) const UNAVAILABLE: Outcome = Outcome::Error(503, "table_unavailable");
/// The deadline passed first.
pub(super) const TIMEOUT: Outcome = Outcome::Error(504, "table_timeout");
/// An operator must fix the configuration.
pub(super) const MISCONFIGURED: Outcome = Outcome::Error(500, "table_misconfigured");

impl Outcome {
    /// Returns the outcome for an error's status and code.
    pub(super) fn of_error(status: u16, code: &str) -> Self {
        let known = [UNAVAILABLE, TIMEOUT, MISCONFIGURED];
        let outcome =
            known.into_iter().find(|known| *known == Self::Error(status, known.code()) && known.code() == code);
        outcome.unwrap_or_else(|| panic!("unexpected error {status} {code}"))
    }

    fn code(self) -> &'static str {
        match self {
            Self::Error(_, code) => code,
            Self::Complete | Self::Warning => "",
        }
    }
}

/// The outcome in the words of the document.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("200"),
            Self::Error(status, code) => write!(f, "{status} `{code}`"),
            Self::Warning => f.write_str("warning"),
        }
    }
}
