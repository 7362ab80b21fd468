//! A read while the function starts.

use std::time::Duration;

use tokio::time::timeout;
use tracing::warn;

use super::Table;

/// Lambda gives up a start after 10 seconds, and begins another one.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
const WITHIN: Duration = Duration::from_secs(5);

impl Table {
    /// Reads the table once, so that the first poll finds connections, trusted roots and a key that is known to be ours.
    ///
    /// What goes wrong is logged and otherwise ignored: the first poll tries for itself, and answers what comes of that.
    pub async fn warm_up(&self) {
        let problem = match timeout(WITHIN, self.probe()).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no response within {} s", WITHIN.as_secs()),
        };
        warn!(
            event = "warm_up",
            "warm-up read failed: {problem}. The function starts anyway; the next poll reads again."
        );
    }
}
