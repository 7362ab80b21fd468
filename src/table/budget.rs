//! How much memory a read may take.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::ReadError;

/// What one read may take, shared by its parts. It is counted in bytes as rows are added, and not asked of the system: a
/// process keeps what it once had, so that later reads would fail for what an earlier one took.
#[derive(Debug)]
pub struct Budget {
    memory: Option<usize>,
    taken: AtomicUsize,
    answer: usize,
    served: AtomicUsize,
}

impl Budget {
    /// A budget of so many bytes of memory, or without a limit, for an answer of at most so many bytes.
    #[must_use]
    pub fn new(memory: Option<usize>, answer: usize) -> Self {
        Self { memory, taken: AtomicUsize::new(0), answer, served: AtomicUsize::new(0) }
    }

    /// Takes memory.
    ///
    /// # Errors
    /// [`ReadError::OutOfMemory`] if that is more than is left.
    pub(super) fn take(&self, bytes: usize) -> Result<(), ReadError> {
        let taken = self.taken.fetch_add(bytes, Ordering::Relaxed) + bytes;
        match self.memory {
            Some(memory) if taken > memory => Err(ReadError::OutOfMemory { memory }),
            _ => Ok(()),
        }
    }

    /// Counts bytes that every answer has which is made of the read.
    ///
    /// # Errors
    /// [`ReadError::TooLarge`] if that is more than an answer may have.
    pub(super) fn serve(&self, bytes: usize) -> Result<(), ReadError> {
        let served = self.served.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if served > self.answer { Err(ReadError::TooLarge) } else { Ok(()) }
    }
}
