//! `sdctl register` of one group, and that group's row.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use http_sd_lambda::group::{GroupName, Job, LabelNames};
use sdctl::store::Record;

use super::{Dynamo, Endpoint, process::Process, sdctl::sdctl_at};

/// How long to wait for what takes a few seconds.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// With the shortest time to live there is a renewal every second.
pub const SHORTEST: [&str; 2] = ["--ttl", "3s"];

/// `sdctl register` of the group `web` of the job `node`, in the table at that endpoint.
pub fn register(endpoint: &Endpoint, arguments: &[&str]) -> Command {
    let mut command = sdctl_at(endpoint);
    command.args(["register", "node", "web", "--target", "a:1"]).args(arguments);
    command
}

/// That group's row as it is.
pub async fn row(dynamo: &Dynamo) -> Option<Record> {
    let (job, group) = (Job::new("node").unwrap(), GroupName::new("web").unwrap());
    dynamo.store().record(&job, &group, LabelNames::Legacy).await.unwrap()
}

/// When its lease ends.
pub async fn expires_at(dynamo: &Dynamo) -> Option<i64> {
    row(dynamo).await?.lease.expires_at.map(|at| at.0)
}

/// Waits until the lease in the table ends later than `before`, and returns when that is.
pub async fn renewed_after(before: i64, process: &Process, dynamo: &Dynamo) -> i64 {
    let give_up = Instant::now() + PATIENCE;
    loop {
        if let Some(until) = expires_at(dynamo).await.filter(|until| *until > before) {
            return until;
        }
        assert!(Instant::now() < give_up, "not renewed:\n{}", process.output());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
