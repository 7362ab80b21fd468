//! The commands of `sdctl`, each in a file or folder of its own.

mod apply;
mod check;
mod completions;
mod get;
mod label;
mod put;
mod register;
mod rm;
mod serve;
mod table;
mod token;

// Modules that several commands use.
mod arguments;
mod change;
mod edited;
mod log;
mod outcome;
mod scrape_config;
mod summary;
mod times;
mod token_file;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::outcome::Outcome;
use crate::{error::CliError, terminal::message};

/// Prometheus HTTP service discovery from a DynamoDB table.
///
/// Commands that write say first which table they are about to change. Without --table or `HTTP_SD_TABLE` that is the
/// local table of this machine.
#[derive(Debug, Parser)]
#[command(name = "sdctl", version, max_term_width = 100)]
#[command(after_help = "\
Examples:
  sdctl serve --sample                      try it, with a small fleet
  sdctl apply -f prometheus.yml --dry-run   what would move your targets over
  sdctl get node_exporter                   what is there, leases included
  sdctl check --url http://127.0.0.1:8088/prom   poll as Prometheus does

Exit codes: 0 done; 1 failed; 2 differences (apply --dry-run) or faults (check).
'sdctl COMMAND --help' has examples of each command.")]
struct Cli {
    /// Log in detail what is done, the AWS SDK's requests included
    #[arg(short, long, global = true, display_order = 1000)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Apply(apply::Options),
    Get(get::Options),
    Put(put::Options),
    Rm(rm::Options),
    Label(label::Options),
    Serve(serve::Options),
    Check(check::Options),
    Register(register::Options),
    Token(token::Options),
    Table(table::Options),
    Completions(completions::Options),
}

/// Runs the command that this process was started with, and says how it ended.
pub async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            // Not clap's own 2, which would pass for differences.
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    log::start(cli.verbose, matches!(cli.command, Command::Serve(_)));
    // The others have more to do than to print: see `output`.
    let only_prints = matches!(cli.command, Command::Get(_) | Command::Check(_) | Command::Completions(_));
    match run(cli.command).await {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::from(2),
        Err(error) if only_prints && error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            message::error(error);
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<Outcome, CliError> {
    match command {
        Command::Apply(options) => apply::run(options).await,
        Command::Get(options) => get::run(options).await,
        Command::Put(options) => put::run(options).await,
        Command::Rm(options) => rm::run(options).await,
        Command::Label(options) => label::run(options).await,
        Command::Serve(options) => serve::run(options).await,
        Command::Check(options) => check::run(options).await,
        Command::Register(options) => register::run(options).await,
        Command::Table(options) => table::run(&options).await,
        Command::Token(options) => token::run(&options),
        Command::Completions(options) => completions::run(&options, &mut Cli::command()),
    }
}
