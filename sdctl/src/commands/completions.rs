//! `sdctl completions`: completion scripts for the shells.

use clap::{Args, Command};
use clap_complete::Shell;

use super::outcome::Outcome;
use crate::error::CliError;

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

/// Prints the script for that command line.
pub(crate) fn run(options: &Options, command: &mut Command) -> Result<Outcome, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, command, "sdctl", &mut script);
    std::io::Write::write_all(&mut std::io::stdout(), &script)?;
    Ok(Outcome::Done)
}
