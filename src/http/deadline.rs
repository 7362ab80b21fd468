//! Until when a response has to be there.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::ServiceError;

/// Kept back from the deadline for sending the response: a tenth of what is left, but no more than this.
const MOST_KEPT_BACK: Duration = Duration::from_secs(2);

/// How much of a stream Lambda sends at once, in bytes, and in each second after that.
/// <https://docs.aws.amazon.com/lambda/latest/dg/config-rs-invoke-furls.html>
const SENT_AT_ONCE: usize = 6_000_000;
const SENT_PER_SECOND: f64 = 2_000_000.0;

/// The deadline of a request, which covers everything that it causes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    /// When the caller, or Lambda, stops waiting.
    end: Instant,
    /// When the response has to be there.
    until: Instant,
}

impl Deadline {
    /// The deadline of a caller, or of Lambda, who stops waiting then.
    pub(super) fn at(end: Instant) -> Self {
        let left = end.saturating_duration_since(Instant::now());
        Self { end, until: end - (left / 10).min(MOST_KEPT_BACK) }
    }

    /// Makes sure that there is time left.
    ///
    /// # Errors
    /// [`ServiceError::Timeout`].
    pub(super) fn check(&self) -> Result<(), ServiceError> {
        if Instant::now() < self.until { Ok(()) } else { Err(ServiceError::Timeout) }
    }

    /// What work comes to, if it ends while there is time left.
    ///
    /// # Errors
    /// [`ServiceError::Timeout`].
    pub(super) async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, ServiceError> {
        // Boxed, because the SDK's futures are large.
        timeout_at(self.until, Box::pin(work)).await.map_err(|_| ServiceError::Timeout)
    }

    /// How many bytes of a stream Lambda can send before the end.
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
