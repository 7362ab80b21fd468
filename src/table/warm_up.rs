//! The warm-up read during the start of the function.

use std::time::Duration;

use tokio::time::timeout;
use tracing::warn;

use super::Table;

/// The time-out of the warm-up read. Lambda restarts a function whose initialisation takes more than 10 seconds.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
const WITHIN: Duration = Duration::from_secs(5);

impl Table {
    /// Reads the table once, so that the first poll does not wait for connections, root certificates and the key check.
    ///
    /// A failed warm-up read is logged; the function starts anyway.
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
