//! `sdctl completions`: prints shell completion scripts.

use clap::{Args, Command};
use clap_complete::Shell;

use super::outcome::Outcome;
use crate::error::CliError;

/// Print a shell completion script
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  source <(sdctl completions bash)                    for this session
  sdctl completions zsh > \"${fpath[1]}/_sdctl\"
  sdctl completions fish > ~/.config/fish/completions/sdctl.fish")]
pub(crate) struct Options {
    /// Print the script for this shell
    shell: Shell,
}

/// Prints the script for the command line of `command`.
pub(crate) fn run(options: &Options, command: &mut Command) -> Result<Outcome, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, command, "sdctl", &mut script);
    std::io::Write::write_all(&mut std::io::stdout(), &script)?;
    Ok(Outcome::Done)
}
