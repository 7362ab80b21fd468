//! A real DynamoDB engine inside this process, speaking the real API.

use std::{
    fs::{self, File, TryLockError, create_dir_all},
    io,
    path::{Path, PathBuf},
};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
};
use dynoxide::{Database, server::serve_with_shutdown};
use http_sd_lambda::table::Https;
use tokio::net::TcpListener;

use super::LocalError;

/// The engine's file within its data folder.
const FILE: &str = "dynamodb.sqlite";
/// Held for as long as a process has the folder open.
const LOCK: &str = "lock";

/// Where the process that has the folder open serves the API, if it does so for others.
const ENDPOINT: &str = "endpoint";

/// An embedded DynamoDB, in memory or in a folder.
pub struct Engine {
    database: Database,
    folder: Option<PathBuf>,
    /// Released when the engine is dropped, however the process ends.
    _lock: Option<File>,
}

impl Engine {
    /// An engine whose tables are gone when it is dropped.
    ///
    /// # Errors
    /// [`LocalError::Open`] if there is no memory for it.
    pub fn in_memory() -> Result<Self, LocalError> {
        let file = Path::new(":memory:");
        let database = Database::memory().map_err(|e| LocalError::Open { file: file.into(), reason: e.to_string() })?;
        Ok(Self { database, folder: None, _lock: None })
    }

    /// An engine whose tables are kept in that folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`LocalError`] if the folder cannot be used, or another process has it open.
    pub fn open(folder: &Path) -> Result<Self, LocalError> {
        let unusable = |source| LocalError::Folder { folder: folder.into(), source };
        create_dir_all(folder).map_err(unusable)?;
        let lock = File::create(folder.join(LOCK)).map_err(unusable)?;
        lock.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => LocalError::InUse { folder: folder.into() },
            TryLockError::Error(source) => unusable(source),
        })?;
        // Left behind by a process that was killed.
        match fs::remove_file(folder.join(ENDPOINT)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(error)),
            _ => {}
        }
        let file = folder.join(FILE);
        let database = Database::new(&file.to_string_lossy())
            .map_err(|e| LocalError::Open { file: file.clone(), reason: e.to_string() })?;
        Ok(Self { database, folder: Some(folder.to_owned()), _lock: Some(lock) })
    }

    /// Tells other processes that find the folder in use where the API is: see [`endpoint`].
    ///
    /// # Errors
    /// [`LocalError::Folder`] if the folder cannot be written to.
    pub fn announce(&self, endpoint: &str) -> Result<(), LocalError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let unusable = |source| LocalError::Folder { folder: folder.clone(), source };
        // Written aside and renamed, so that nobody reads half of it.
        let aside = folder.join(format!("{ENDPOINT}.new"));
        fs::write(&aside, endpoint).map_err(unusable)?;
        fs::rename(&aside, folder.join(ENDPOINT)).map_err(unusable)
    }

    /// Serves the DynamoDB API until `shutdown` resolves and the requests under way are done.
    ///
    /// # Errors
    /// [`LocalError::Serve`] if the server stops by itself.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), LocalError> {
        serve_with_shutdown(listener, self.database, shutdown).await.map_err(LocalError::Serve)
    }
}

/// Whether an engine has ever kept its tables in that folder.
#[must_use]
pub fn is_kept_in(folder: &Path) -> bool {
    folder.join(FILE).exists()
}

/// The API of the engine that another process has opened in that folder, if it told.
#[must_use]
pub fn endpoint(folder: &Path) -> Option<String> {
    fs::read_to_string(folder.join(ENDPOINT)).ok().filter(|endpoint| !endpoint.is_empty())
}

/// A client for an engine at that URL. The engine takes any region and credentials, but the API wants some.
#[must_use]
pub fn client(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(Https::default())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "sdctl"))
        .build();
    Client::from_conf(config)
}
