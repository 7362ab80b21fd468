//! The results of a command that did not fail.

/// The result of a command that did not fail. It determines the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Exit code 0.
    Done,
    /// Differences or faults: exit code 2.
    Found,
}
