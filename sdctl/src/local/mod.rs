//! The local table and the local server, which `sdctl serve` and the tests run.

mod engine;
mod sample;
mod server;

pub use engine::{Engine, client, endpoint, is_kept_in, stream_client};
pub use sample::sample;
pub use server::{PATIENCE, serve};

use std::{io, net::SocketAddr, path::PathBuf};

use thiserror::Error;

/// The error of the local table or the local server.
#[derive(Debug, Error)]
pub enum LocalError {
    /// The server cannot listen on the address.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The data folder is unusable.
    #[error("cannot use the data folder {}: {source}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Another process has the data folder open.
    #[error(
        "the data folder {} is in use by another sdctl. \
         Wait until it ends, stop it, or choose another folder with --data",
        .folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The engine cannot open its file.
    #[error("cannot open the table in {}: {reason}", .file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// The engine's error.
        reason: String,
    },
    /// The server failed.
    #[error("the server failed: {0}")]
    Serve(String),
}
