//! Where the service has its time from.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use crate::group::EpochSeconds;

/// The one clock of a service. Everything that depends on the time is asked for as of what it says when a request is read.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The system's.
    #[default]
    System,
    /// One that stands at so many seconds since 1970, until somebody sets it: for tests.
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// What it says.
    #[must_use]
    pub fn now(&self) -> EpochSeconds {
        match self {
            Self::System => EpochSeconds::now(),
            Self::Set(seconds) => EpochSeconds(seconds.load(Ordering::SeqCst)),
        }
    }
}
