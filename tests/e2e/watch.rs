//! The function under `cargo lambda watch`.

use std::{
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use http_sd_lambda::service::TokenHash;

use crate::common::{
    Dynamo, TOKEN,
    events::repository,
    http,
    process::{Process, free_port},
    tools::tool,
};

/// Held while the function's executable is written, or read: cargo-lambda and Cargo build it in the same place.
pub(crate) static BUILD: Mutex<()> = Mutex::new(());

/// The function as cargo-lambda builds and serves it. Asks for [`TOKEN`].
pub(crate) struct Watched {
    pub(crate) port: u16,
    pub(crate) process: Process,
}

impl Watched {
    /// Starts it over that engine's table, and waits until it is built and answers. `None` where there is no
    /// cargo-lambda.
    pub(crate) fn start(dynamo: &Dynamo) -> Option<Self> {
        let port = free_port();
        let mut command = Command::new(tool("cargo-lambda")?);
        command
            .current_dir(repository())
            .args(["lambda", "watch", "--ignore-changes", "--invoke-address", "127.0.0.1", "--invoke-port"])
            .arg(port.to_string())
            .envs(dynamo.environment())
            .env("HTTP_SD_TABLE", "http-sd")
            .env("HTTP_SD_AUTH", "token")
            .env("HTTP_SD_TOKEN_SHA256", TokenHash::of(TOKEN.as_bytes()).to_string());
        let _building = BUILD.lock().unwrap_or_else(PoisonError::into_inner);
        let watched = Self { port, process: Process::start(&mut command) };
        watched.wait_until_it_answers();
        Some(watched)
    }

    /// Where a path of the function is.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/lambda-url/http-sd{path}", self.port)
    }

    fn wait_until_it_answers(&self) {
        // The first request waits for the build.
        let give_up = Instant::now() + Duration::from_mins(15);
        while !matches!(http::get(&self.url("/-/healthy"), None), Ok((200, _))) {
            assert!(Instant::now() < give_up, "the function does not answer:\n{}", self.process.output());
            thread::sleep(Duration::from_millis(200));
        }
    }
}
