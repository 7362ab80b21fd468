//! The embedded DynamoDB engine and its API.

use std::{
    fs::{self, File, TryLockError, create_dir_all},
    io,
    path::{Path, PathBuf},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::{
    Client,
    config::{Credentials, SharedCredentialsProvider},
};
use dynoxide::{Database, server::serve_with_shutdown};
use http_sd_lambda::table::Https;
use tokio::net::TcpListener;

use super::LocalError;

/// The engine's file within its data folder.
const FILE: &str = "dynamodb.sqlite";
/// The file that a process locks while it has the folder open.
const LOCK: &str = "lock";

/// The file with the URL of the API, written by the process that serves the folder to other processes.
const ENDPOINT: &str = "endpoint";

/// An embedded DynamoDB engine, in memory or in a folder.
pub struct Engine {
    database: Database,
    folder: Option<PathBuf>,
    /// Released when the engine is dropped, however the process ends.
    _lock: Option<File>,
}

impl Engine {
    /// Creates an engine in memory. Dropping it deletes its tables.
    ///
    /// # Errors
    /// [`LocalError::Open`] if the engine cannot allocate memory.
    pub fn in_memory() -> Result<Self, LocalError> {
        let file = Path::new(":memory:");
        let database = Database::memory().map_err(|e| LocalError::Open { file: file.into(), reason: e.to_string() })?;
        Ok(Self { database, folder: None, _lock: None })
    }

    /// Opens the engine that stores its tables in `folder`, and creates the folder if it is missing.
    ///
    /// # Errors
    /// [`LocalError`] if the folder is unusable, or another process has it open.
    pub fn open(folder: &Path) -> Result<Self, LocalError> {
        let unusable = |source| LocalError::Folder { folder: folder.into(), source };
        create_dir_all(folder).map_err(unusable)?;
        let lock = File::create(folder.join(LOCK)).map_err(unusable)?;
        lock.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => LocalError::InUse { folder: folder.into() },
            TryLockError::Error(source) => unusable(source),
        })?;
        // A killed process leaves the file behind.
        match fs::remove_file(folder.join(ENDPOINT)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(error)),
            _ => {}
        }
        let file = folder.join(FILE);
        let database = Database::new(&file.to_string_lossy())
            .map_err(|e| LocalError::Open { file: file.clone(), reason: e.to_string() })?;
        Ok(Self { database, folder: Some(folder.to_owned()), _lock: Some(lock) })
    }

    /// Writes the URL of the API into the folder, where [`endpoint`] of other processes reads it.
    ///
    /// # Errors
    /// [`LocalError::Folder`] if the folder is not writable.
    pub fn announce(&self, endpoint: &str) -> Result<(), LocalError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let unusable = |source| LocalError::Folder { folder: folder.clone(), source };
        // A rename is atomic: no reader sees half of the file.
        let aside = folder.join(format!("{ENDPOINT}.new"));
        fs::write(&aside, endpoint).map_err(unusable)?;
        fs::rename(&aside, folder.join(ENDPOINT)).map_err(unusable)
    }

    /// Serves the DynamoDB API until `shutdown` resolves and the current requests finish.
    ///
    /// # Errors
    /// [`LocalError::Serve`] if the server fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), LocalError> {
        serve_with_shutdown(listener, self.database, shutdown).await.map_err(LocalError::Serve)
    }
}

/// Whether the folder contains the tables of an engine.
#[must_use]
pub fn is_kept_in(folder: &Path) -> bool {
    folder.join(FILE).exists()
}

/// Returns the URL of the API that another process serves for the folder, if it has announced one.
#[must_use]
pub fn endpoint(folder: &Path) -> Option<String> {
    fs::read_to_string(folder.join(ENDPOINT)).ok().filter(|endpoint| !endpoint.is_empty())
}

/// Returns a client for the engine at the URL.
#[must_use]
pub fn client(endpoint: &str) -> Client {
    Client::new(&settings(endpoint))
}

/// Returns a client for the streams of the engine at the URL.
#[must_use]
pub fn stream_client(endpoint: &str) -> aws_sdk_dynamodbstreams::Client {
    aws_sdk_dynamodbstreams::Client::new(&settings(endpoint))
}

/// Returns the settings of clients. The engine ignores region and credentials, but the SDK requires them.
fn settings(endpoint: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(Https::default())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("local", "local", None, None, "sdctl")))
        .build()
}
