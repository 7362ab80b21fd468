//! How a command ends where nothing failed.

/// The result of a command that did not fail. It decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// There are differences, or faults.
    Found,
}
