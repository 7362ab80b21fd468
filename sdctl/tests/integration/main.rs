//! `sdctl` with a real engine: each command as a process, and its library.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

mod apply;
mod apply_moves;
mod apply_safety;
mod apply_together;
mod backup;
mod check;
mod check_url;
mod edit;
mod help;
mod plan;
mod register;
mod register_outage;
mod register_rivals;
mod search;
mod serve;
mod slow;
mod store;
mod table;
mod texts;
mod token;
mod undo;
