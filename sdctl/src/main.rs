//! `sdctl`: the command line of http-sd-lambda.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    sdctl::main().await
}
