//! The function with real programs: cargo-lambda, the Lambda Runtime Interface Emulator and Prometheus.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

mod chaos;
mod emulator;
mod events;
mod matching;
mod prometheus;
mod shard;
mod stream;
