//! `sdctl` as a process.

use std::{path::Path, process::Command};

use aws_sdk_dynamodb::Client;
use http_sd_lambda::local;

use super::{http, process::Process};

/// A running `sdctl serve` with a folder of its own.
pub struct Served {
    pub process: Process,
    pub url: String,
    /// Where its engine's API is, if the table is a local one.
    pub dynamodb: Option<String>,
}

/// An `sdctl` free of the settings of whoever runs the tests.
pub fn sdctl() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sdctl"));
    for (name, _) in
        std::env::vars().filter(|(name, _)| ["HTTP_SD_", "AWS_", "RUST_LOG"].iter().any(|own| name.starts_with(own)))
    {
        command.env_remove(name);
    }
    command
}

/// Starts an `sdctl serve` and waits until it is ready.
pub fn serve(command: &mut Command) -> Served {
    let mut process = Process::start(command);
    let output = process.wait_for("Ctrl-C stops it.");
    let after = |label: &str| {
        let line = output.lines().find(|line| line.trim_start().starts_with(label))?;
        line.trim_start().strip_prefix(label).map(|rest| rest.trim().to_owned())
    };
    let url = after("all jobs").unwrap().strip_suffix("/prom").unwrap().to_owned();
    Served { process, url, dynamodb: after("DynamoDB") }
}

/// An `sdctl serve` of a local table, on free ports.
pub fn serve_local(data: &Path, arguments: &[&str]) -> Served {
    let mut command = sdctl();
    serve(command.args(["serve", "--port", "0", "--dynamodb-port", "0", "--data"]).arg(data).args(arguments))
}

impl Served {
    /// Status and body of a request.
    pub fn get(&self, path: &str, token: Option<&str>) -> (u16, String) {
        http::get(&format!("{}{path}", self.url), token).unwrap()
    }

    pub fn client(&self) -> Client {
        local::client(self.dynamodb.as_deref().unwrap())
    }
}
