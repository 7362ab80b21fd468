//! What comes of a request, or of a start.

use std::fmt;

/// What comes of a request, or of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A 200 with everything that is in the table.
    Complete,
    /// An error with that status and code.
    Error(u16, &'static str),
    /// The function has started, and says what went wrong.
    Warning,
}

/// The table may be had later.
pub(super) const UNAVAILABLE: Outcome = Outcome::Error(503, "table_unavailable");
/// The deadline came first.
pub(super) const TIMEOUT: Outcome = Outcome::Error(504, "table_timeout");
/// Somebody has to mend something.
pub(super) const MISCONFIGURED: Outcome = Outcome::Error(500, "table_misconfigured");

impl Outcome {
    /// That of an answer with such a status and code.
    pub(super) fn of_error(status: u16, code: &str) -> Self {
        let known = [UNAVAILABLE, TIMEOUT, MISCONFIGURED];
        let outcome =
            known.into_iter().find(|known| *known == Self::Error(status, known.code()) && known.code() == code);
        outcome.unwrap_or_else(|| panic!("no fault of the table is {status} {code}"))
    }

    fn code(self) -> &'static str {
        match self {
            Self::Error(_, code) => code,
            Self::Complete | Self::Warning => "",
        }
    }
}

/// As the document has it.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("200"),
            Self::Error(status, code) => write!(f, "{status} `{code}`"),
            Self::Warning => f.write_str("warning"),
        }
    }
}
