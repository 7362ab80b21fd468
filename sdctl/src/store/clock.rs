//! Compares the clock of this machine with that of DynamoDB.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef},
    },
    error::BoxError,
    primitives::{DateTime, DateTimeFormat},
};
use http_sd_lambda::group::EpochSeconds;

/// The clock of DynamoDB, as the header `Date` of the last response told it. Requests must not overlap.
#[derive(Debug, Clone, Default)]
pub struct ServerClock(Arc<Mutex<Times>>);

#[derive(Debug, Default)]
struct Times {
    /// When the last attempt was sent, by the clock of this machine.
    sent: i64,
    /// See [`ServerClock::behind`].
    behind: i64,
}

impl ServerClock {
    /// Returns how many seconds the clock of this machine is behind DynamoDB's. Negative if it is ahead.
    #[must_use]
    pub fn behind(&self) -> i64 {
        self.times().behind
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns how far a clock is behind, if it showed `sent` and `received` at the ends of a request. A clock is right if
/// the response's `date`, which has no fraction of a second, is between them.
fn behind(sent: i64, received: i64, date: i64) -> i64 {
    match date {
        late if late > received => late - received,
        early if early + 1 < sent => early + 1 - sent,
        _ => 0,
    }
}

fn now() -> i64 {
    let EpochSeconds(now) = EpochSeconds::now();
    now
}

impl Intercept for ServerClock {
    fn name(&self) -> &'static str {
        "ServerClock"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.times().sent = now();
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        if let Some(date) = date.and_then(|date| DateTime::from_str(date, DateTimeFormat::HttpDate).ok()) {
            let mut times = self.times();
            times.behind = behind(times.sent, now(), date.secs());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_is_right_if_date_is_within_request() {
        let cases = [
            // A response of the same second, and a slow one.
            ((100, 100, 100), 0),
            ((100, 130, 100), 0),
            ((100, 130, 115), 0),
            // The date has no fraction of a second.
            ((100, 100, 99), 0),
            ((100, 100, 98), -1),
            ((100, 100, 40), -59),
            ((100, 130, 135), 5),
            ((100, 100, 3700), 3600),
        ];
        for ((sent, received, date), expected) in cases {
            assert_eq!(behind(sent, received, date), expected, "{sent} to {received}, date {date}");
        }
    }
}
