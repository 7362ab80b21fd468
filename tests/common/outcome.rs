//! The outcomes of a request or of a start.

use std::fmt;

use super::Answer;

/// The outcome of a request or of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A 200 with the whole list.
    Complete,
    /// An error with this status and code.
    Error(u16, &'static str),
    /// The function starts and logs a warning.
    Warning,
}

/// A later request may succeed.
pub const UNAVAILABLE: Outcome = Outcome::Error(503, "table_unavailable");
/// The deadline passed first.
pub const TIMEOUT: Outcome = Outcome::Error(504, "table_timeout");
/// An operator must fix the configuration.
pub const MISCONFIGURED: Outcome = Outcome::Error(500, "table_misconfigured");

impl Outcome {
    /// Returns the outcome of a request. The caller checks that a list is whole.
    pub fn of(answer: &Answer) -> Self {
        if answer.status() == 200 {
            return Self::Complete;
        }
        let (status, code) = answer.discreet();
        let mut known = [UNAVAILABLE, TIMEOUT, MISCONFIGURED].into_iter();
        let outcome = known.find(|known| known.to_string() == format!("{status} `{code}`"));
        outcome.unwrap_or_else(|| panic!("unexpected error {status} {code}"))
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
