//! The real programs around the function: cargo-lambda, the Lambda Runtime Interface Emulator and Prometheus.

#[path = "../common/mod.rs"]
mod common;

mod emulator;
mod events;
mod prometheus;
mod watch;
