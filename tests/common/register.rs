//! `sdctl register` of one group, and the row of that group.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use http_sd_lambda::group::{GroupName, Job, LabelNames};
use sdctl::store::Record;

use super::{Dynamo, Endpoint, process::Process, sdctl::sdctl_at};

/// The time-out of steps that take a few seconds.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// The shortest time to live. `sdctl` then renews the lease every second.
pub const SHORTEST: [&str; 2] = ["--ttl", "3s"];

/// `sdctl register` of the group `web` of the job `node`, in the table at this endpoint.
pub fn register(endpoint: &Endpoint, arguments: &[&str]) -> Command {
    let mut command = sdctl_at(endpoint);
    command.args(["register", "node", "web", "--target", "a:1"]).args(arguments);
    command
}

/// Returns the group's row.
pub async fn row(dynamo: &Dynamo) -> Option<Record> {
    let (job, group) = (Job::new("node").unwrap(), GroupName::new("web").unwrap());
    dynamo.store().record(&job, &group, LabelNames::Legacy).await.unwrap()
}

/// Returns when the group's lease expires.
pub async fn expires_at(dynamo: &Dynamo) -> Option<i64> {
    row(dynamo).await?.lease.expires_at.map(|at| at.0)
}

/// Waits until the lease expires later than `before`, and returns its new expiry.
pub async fn renewed_after(before: i64, process: &Process, dynamo: &Dynamo) -> i64 {
    let give_up = Instant::now() + PATIENCE;
    loop {
        if let Some(until) = expires_at(dynamo).await.filter(|until| *until > before) {
            return until;
        }
        assert!(Instant::now() < give_up, "lease is not renewed:\n{}", process.output());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
