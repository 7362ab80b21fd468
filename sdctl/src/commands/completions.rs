//! `sdctl completions`: prints the script that connects a shell with [`super::completion`].

use clap::Args;
use clap_complete::{Shell, env::Shells};

use super::{completion, outcome::Outcome};
use crate::error::CliError;

/// Print a shell completion script
///
/// The script asks sdctl for each completion. It completes commands, options, the names of jobs, groups and sets in the
/// table, and AWS profiles.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  source <(sdctl completions bash)                    for this session
  echo 'source <(sdctl completions bash)' >> ~/.bashrc
  echo 'source <(sdctl completions zsh)' >> ~/.zshrc
  sdctl completions fish > ~/.config/fish/completions/sdctl.fish

A completion writes nothing, and waits for the table at most 1.5 seconds. It does \
not read the table of a profile with credential_process, which may ask for input.")]
pub(crate) struct Options {
    /// Print the script for this shell
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(options: &Options) -> Result<Outcome, CliError> {
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(&options.shell.to_string()) {
        shell.write_registration(completion::VARIABLE, "sdctl", "sdctl", "sdctl", &mut script)?;
    }
    std::io::Write::write_all(&mut std::io::stdout(), &script)?;
    Ok(Outcome::Done)
}
