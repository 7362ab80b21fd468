//! What the tests of the function and of `sdctl` share: a real engine, rows, requests, child processes, and a reader with
//! Prometheus's rules.

pub mod ask;
pub mod background;
pub mod dynamodb_local;
pub mod endpoint;
pub mod engine;
pub mod events;
pub mod fault;
pub mod http;
pub mod lambda;
pub mod log;
pub mod process;
pub mod prometheus;
pub mod row;
pub mod sdctl;
pub mod tls;
pub mod tools;

use std::path::{Path, PathBuf};

pub use ask::{Answer, Ask};
pub use endpoint::Endpoint;
pub use engine::Dynamo;
pub use row::Row;

/// The token that tests send, and events carry.
pub const TOKEN: &str = "local-token";

/// The repository's folder.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The executable of that name, which Cargo has built for these tests in the folder above theirs.
pub fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let file = test.ancestors().nth(2).unwrap().join(name);
    assert!(file.is_file(), "there is no {}: cargo test builds it", file.display());
    file
}
