//! `sdctl`: the command line of http-sd-lambda.

mod serve;
mod servers;
mod welcome;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Prometheus HTTP service discovery from a DynamoDB table.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(options) => serve::run(options).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sdctl: {error}");
            ExitCode::FAILURE
        }
    }
}
