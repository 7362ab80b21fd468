//! `sdctl` with real programs: promtool, the AWS CLI, a shell, and the function in AWS's emulator.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

mod addresses;
mod check;
mod docs;
mod files;
mod function;
mod moving;
mod page;
mod paste;
