//! The function with real programs: cargo-lambda, the Lambda Runtime Interface Emulator, Prometheus and vmagent.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

mod chaos;
mod documents;
mod emulator;
mod events;
mod job_label;
mod matching;
mod page;
mod pollers;
mod several_urls;
mod shard;
mod stream;
