//! What both rooms of tests share: a real engine, rows, requests, child processes, and a reader with Prometheus's rules.
#![allow(dead_code, unreachable_pub, unused_imports, reason = "each room uses a part of it")]

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

pub use ask::{Answer, Ask};
pub use endpoint::Endpoint;
pub use engine::Dynamo;
pub use row::Row;

/// The token that tests send, and events carry.
pub const TOKEN: &str = "local-token";
