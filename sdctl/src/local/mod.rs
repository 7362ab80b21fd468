//! A table and a server on this machine: what `sdctl serve` runs, and what the tests run against.

mod engine;
mod sample;
mod server;

pub use engine::{Engine, client, endpoint, is_kept_in};
pub use sample::sample;
pub use server::{PATIENCE, serve};

use std::{io, net::SocketAddr, path::PathBuf};

use thiserror::Error;

/// Why something local could not be started.
#[derive(Debug, Error)]
pub enum LocalError {
    /// An address could not be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The data folder could not be used.
    #[error("cannot use the data folder {}: {source}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has the data folder open.
    #[error(
        "the data folder {} is in use by another sdctl: wait for it or stop it, or choose another folder with --data",
        .folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The engine could not open its file.
    #[error("cannot open the table in {}: {reason}", .file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// What the engine said.
        reason: String,
    },
    /// A server stopped by itself, or has no address.
    #[error("the server failed: {0}")]
    Serve(String),
}
