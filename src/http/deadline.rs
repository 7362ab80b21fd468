//! The deadline of a request.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::ServiceError;

/// The maximum time reserved for sending the response. The reserve is a tenth of the remaining time.
const MOST_KEPT_BACK: Duration = Duration::from_secs(2);

/// The number of bytes of a stream that Lambda sends at once, and in each second after that.
/// <https://docs.aws.amazon.com/lambda/latest/dg/config-rs-invoke-furls.html>
const SENT_AT_ONCE: usize = 6_000_000;
const SENT_PER_SECOND: f64 = 2_000_000.0;

/// The deadline of a request and of all work for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    /// The time at which the caller or Lambda stops waiting.
    end: Instant,
    /// The time at which the response must be ready.
    until: Instant,
}

impl Deadline {
    /// Creates the deadline for a caller or Lambda that waits until `end`.
    pub(super) fn at(end: Instant) -> Self {
        let left = end.saturating_duration_since(Instant::now());
        Self { end, until: end - (left / 10).min(MOST_KEPT_BACK) }
    }

    /// Checks that time remains.
    ///
    /// # Errors
    /// [`ServiceError::Timeout`].
    pub(super) fn check(&self) -> Result<(), ServiceError> {
        if Instant::now() < self.until { Ok(()) } else { Err(ServiceError::Timeout) }
    }

    /// Runs `work` until the deadline and returns its result.
    ///
    /// # Errors
    /// [`ServiceError::Timeout`].
    pub(super) async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, ServiceError> {
        // Boxed, because the futures of the SDK are large.
        timeout_at(self.until, Box::pin(work)).await.map_err(|_| ServiceError::Timeout)
    }

    /// Returns the number of bytes of a stream that Lambda can send before `end`.
    pub(super) fn most_streamed(&self) -> usize {
        let left = self.end.saturating_duration_since(Instant::now()).as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a saturating cast of what is not negative"
        )]
        let later = (left * SENT_PER_SECOND) as usize;
        SENT_AT_ONCE.saturating_add(later)
    }
}
