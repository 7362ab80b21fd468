//! How a command ends where nothing failed.

/// What a command has to say by its exit code, where nothing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// There are differences, or faults.
    Found,
}
