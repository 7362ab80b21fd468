//! Support for the tests of the function and of `sdctl`: an engine, rows, requests, child processes, and a reader with
//! Prometheus's rules. `tests/README.md` describes the tests.

pub mod access;
pub mod applied;
pub mod ask;
pub mod background;
pub mod browser;
pub mod clock;
pub mod contract;
pub mod document;
pub mod dynamodb_local;
pub mod emulator;
pub mod endpoint;
pub mod engine;
pub mod environment;
pub mod events;
pub mod fault;
pub mod half_poll;
pub mod http;
pub mod lambda;
pub mod log;
pub mod outcome;
pub mod part;
pub mod polled;
pub mod poller;
pub mod process;
pub mod program;
pub mod prometheus;
pub mod register;
pub mod row;
pub mod sdctl;
pub mod tls;
pub mod tools;
pub mod watch;

use std::path::Path;

pub use ask::{Answer, Ask};
pub use endpoint::Endpoint;
pub use engine::Dynamo;
pub use row::Row;

/// The token in requests and events.
pub const TOKEN: &str = "local-token";

/// Returns the repository's folder.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
