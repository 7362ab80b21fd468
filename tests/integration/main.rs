//! The parts together, against a real engine: the service, the table, the events and `sdctl`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

#[path = "../common/mod.rs"]
mod common;

mod access;
mod any_table;
mod apply;
mod apply_safety;
mod apply_together;
mod check;
mod check_url;
mod contract;
mod edit;
mod engines;
mod events;
mod failure;
mod help;
mod hostile;
mod https;
mod leases;
mod matching;
mod matrix;
mod plan;
mod reading;
mod register;
mod serve;
mod shard;
mod slow;
mod start_up;
mod store;
mod surface;
mod table;
mod token;
mod warm_up;
