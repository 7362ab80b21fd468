//! The function with a real engine: requests, the table, events, and checks of the repository.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

mod access;
mod any_table;
mod cache;
mod changes;
mod contract;
mod engines;
mod events;
mod failure;
mod follow;
mod hostile;
mod https;
mod leases;
mod map;
mod matching;
mod matrix;
mod metrics;
mod names;
mod page;
mod reading;
mod shard;
mod start_up;
mod surface;
mod warm_up;
