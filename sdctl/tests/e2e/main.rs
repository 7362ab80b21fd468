//! `sdctl` beside the real programs: Prometheus's promtool, the AWS CLI and a shell.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

mod check;
mod docs;
mod paste;
