//! Waits by two clocks, so that a wait ends on time although the machine sleeps or its clock is set back.

use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

/// The time between two looks at the clocks.
const LOOK: Duration = Duration::from_secs(1);

/// A moment by both clocks. The steady clock stops while the machine sleeps. The system clock may be set back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    steady: Instant,
    system: SystemTime,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self { steady: Instant::now(), system: SystemTime::now() }
    }

    /// Waits until, by either clock, `time` has passed since this moment.
    pub(crate) async fn wait(self, time: Duration) {
        loop {
            let passed = self.steady.elapsed().max(self.system.elapsed().unwrap_or_default());
            let Some(left) = time.checked_sub(passed).filter(|left| !left.is_zero()) else { return };
            sleep(left.min(LOOK)).await;
        }
    }
}
