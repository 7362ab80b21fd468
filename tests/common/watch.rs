//! The function under `cargo lambda watch`.

use std::{
    process::Command,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{
    Dynamo, TOKEN,
    engine::function_environment,
    environment::remove_settings,
    http,
    process::{Process, free_port},
    repository,
    tools::tool,
};

/// Guards the function's executable: cargo-lambda and Cargo build it at the same path.
pub static BUILD: Mutex<()> = Mutex::new(());

/// The function as cargo-lambda builds and serves it. Callers send [`TOKEN`].
pub struct Watched {
    pub port: u16,
    pub process: Process,
}

impl Watched {
    /// Starts the function over this table, and waits until it is built and ready. Returns `None` if cargo-lambda is
    /// not installed.
    pub fn start(dynamo: &Dynamo) -> Option<Self> {
        Self::start_with(dynamo, &[])
    }

    /// Starts the function with further environment variables.
    pub fn start_with(dynamo: &Dynamo, environment: &[(&str, &str)]) -> Option<Self> {
        let port = free_port();
        let mut command = Command::new(tool("cargo-lambda")?);
        remove_settings(&mut command)
            .current_dir(repository())
            .args(["lambda", "watch", "--ignore-changes", "--invoke-address", "127.0.0.1", "--invoke-port"])
            .arg(port.to_string())
            .envs(function_environment(&dynamo.endpoint()))
            .envs(environment.iter().copied());
        let _building = BUILD.lock().unwrap_or_else(PoisonError::into_inner);
        let mut watched = Self { port, process: Process::start(&mut command) };
        // The first request waits for the build and for the first connection to the table.
        let url = watched.url("/-/ready");
        let answers = || matches!(http::get(&url, Some(TOKEN)), Ok((200, _)));
        watched.process.wait_until("answer", Duration::from_mins(15), answers);
        Some(watched)
    }

    /// Returns the URL of a path of the function.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/lambda-url/http-sd{path}", self.port)
    }
}
