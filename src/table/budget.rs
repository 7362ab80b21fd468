//! The limits of one read: memory, and the size of the list.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::ReadError;

/// The limits of one read, shared by its segments.
///
/// The budget counts the bytes of added rows. The memory of the process is no measure: it does not shrink after a read,
/// so a large read would make later ones fail.
#[derive(Debug)]
pub struct Budget {
    memory: Option<usize>,
    taken: AtomicUsize,
    list: usize,
    served: AtomicUsize,
}

impl Budget {
    /// Creates a budget of `memory` bytes (`None` is unlimited) for a list of at most `list` bytes.
    #[must_use]
    pub fn new(memory: Option<usize>, list: usize) -> Self {
        Self { memory, taken: AtomicUsize::new(0), list, served: AtomicUsize::new(0) }
    }

    /// Counts memory.
    ///
    /// # Errors
    /// [`ReadError::OutOfMemory`] if the total exceeds the limit.
    pub(super) fn take(&self, bytes: usize) -> Result<(), ReadError> {
        let taken = self.taken.fetch_add(bytes, Ordering::Relaxed) + bytes;
        match self.memory {
            Some(memory) if taken > memory => Err(ReadError::OutOfMemory { memory }),
            _ => Ok(()),
        }
    }

    /// Counts bytes that every unfiltered list of the rows contains.
    ///
    /// # Errors
    /// [`ReadError::TooLarge`] if the total exceeds the limit.
    pub(super) fn serve(&self, bytes: usize) -> Result<(), ReadError> {
        let served = self.served.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if served > self.list { Err(ReadError::TooLarge) } else { Ok(()) }
    }
}
