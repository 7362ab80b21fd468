//! `sdctl completions`: completion scripts for the shells.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{Cli, Outcome, error::CliError};

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  source <(sdctl completions bash)                    for this bash
  sdctl completions zsh > \"${fpath[1]}/_sdctl\"
  sdctl completions fish > ~/.config/fish/completions/sdctl.fish")]
pub(crate) struct Options {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(options: &Options) -> Result<Outcome, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "sdctl", &mut script);
    std::io::Write::write_all(&mut std::io::stdout(), &script)?;
    Ok(Outcome::Done)
}
