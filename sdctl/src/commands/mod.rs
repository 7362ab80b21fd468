//! The commands of `sdctl`, one file or folder for each.

mod apply;
mod check;
mod completions;
mod edit;
mod export;
mod get;
mod history;
mod import;
mod label;
mod man;
mod mv;
mod put;
mod register;
mod rm;
mod scrape_config;
mod serve;
mod status;
mod table;
mod targets;
mod token;
mod undo;

// Shared by several commands.
mod addresses;
mod arguments;
mod backup;
mod change;
mod completion;
mod edited;
mod listing;
mod log;
mod new_file;
mod outcome;
mod percent;
mod renewed;
mod selection;
mod settle;
mod suggestion;
mod summary;
mod tally;
mod times;
mod token_file;

use std::process::ExitCode;

use clap::{ArgAction, CommandFactory, Parser, Subcommand};
use tokio::runtime::Runtime;

use self::outcome::Outcome;
use crate::{error::CliError, store::journal, terminal::message};

/// Manage Prometheus targets in the DynamoDB table of http-sd-lambda
///
/// A command that writes first prints which table it changes. Without --table and `HTTP_SD_TABLE` it uses the local
/// table on this machine.
#[derive(Debug, Parser)]
#[command(name = "sdctl", version, max_term_width = 100)]
#[command(after_help = "\
Examples:
  sdctl serve --sample                      serve a local sample fleet
  sdctl apply -f prometheus.yml --dry-run   plan the import of your targets
  sdctl get node_exporter                   show the groups of one job
  sdctl status                              show what is wrong
  sdctl check --url http://127.0.0.1:8088/prom   poll as Prometheus does

Exit codes:
  0  success
  1  error
  2  differences (--dry-run), faults (check) or broken rows (status)

Run 'sdctl COMMAND --help' for the options and examples of a command.")]
struct Cli {
    /// Log each request to AWS to standard error: operation, table, status and duration; -vv also logs the steps of the
    /// AWS SDK
    #[arg(short, long, global = true, display_order = 1000, action = ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Apply(apply::Options),
    Status(status::Options),
    Get(get::Options),
    Put(put::Options),
    Rm(rm::Options),
    Label(label::Options),
    Targets(targets::Options),
    Edit(edit::Options),
    Mv(mv::Options),
    Export(export::Options),
    Import(import::Options),
    History(history::Options),
    Undo(undo::Options),
    Serve(serve::Options),
    Check(check::Options),
    Register(register::Options),
    Token(token::Options),
    ScrapeConfig(scrape_config::Options),
    Table(table::Options),
    Completions(completions::Options),
    Man(man::Options),
}

/// Runs the command of this process's arguments and returns its exit code.
pub fn main() -> ExitCode {
    if completion::answer(Cli::command) {
        return ExitCode::SUCCESS;
    }
    match Runtime::new() {
        Ok(runtime) => runtime.block_on(execute()),
        Err(error) => {
            message::error(format_args!("cannot start: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn execute() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let use_stderr = error.use_stderr();
            let _ = suggestion::corrected(error).print();
            // clap uses 2, which here means differences or faults.
            return if use_stderr { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    log::start(cli.verbose, matches!(cli.command, Command::Serve(_)));
    // These commands end when the reader closes standard output. The others finish their work: see `output`.
    let only_prints = matches!(
        cli.command,
        Command::Get(_)
            | Command::Status(_)
            | Command::Export(_)
            | Command::Check(_)
            | Command::History(_)
            | Command::Completions(_)
    );
    let result = run(cli.command).await;
    journal::finish(result.is_ok());
    match result {
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
        Command::Status(options) => status::run(options).await,
        Command::Get(options) => get::run(options).await,
        Command::Put(options) => put::run(options).await,
        Command::Rm(options) => rm::run(options).await,
        Command::Label(options) => label::run(options).await,
        Command::Targets(options) => targets::run(options).await,
        Command::Edit(options) => edit::run(options).await,
        Command::Mv(options) => mv::run(options).await,
        Command::Export(options) => export::run(options).await,
        Command::Import(options) => import::run(options).await,
        Command::History(options) => history::run(&options),
        Command::Undo(options) => undo::run(options).await,
        Command::Serve(options) => serve::run(options).await,
        Command::Check(options) => check::run(options).await,
        Command::Register(options) => register::run(options).await,
        Command::Table(options) => table::run(&options).await,
        Command::Token(options) => token::run(&options),
        Command::ScrapeConfig(options) => scrape_config::run(&options),
        Command::Completions(options) => completions::run(&options),
        Command::Man(options) => man::run(&options, Cli::command()),
    }
}
