//! The clock of the service.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use crate::group::EpochSeconds;

/// The clock of a service. A request reads it once and uses that time for all leases and for the cache.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The clock of the system.
    #[default]
    System,
    /// A clock for tests, which stands at a number of seconds since 1970 until the test changes it.
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// Returns the current time.
    #[must_use]
    pub fn now(&self) -> EpochSeconds {
        match self {
            Self::System => EpochSeconds::now(),
            Self::Set(seconds) => EpochSeconds(seconds.load(Ordering::SeqCst)),
        }
    }
}
