//! `sdctl man`: writes the manual pages.

use std::{
    fs,
    io::{self, Write},
    mem,
    path::{Path, PathBuf},
};

use clap::{Args, Command};
use clap_mangen::{
    Man,
    roff::{Roff, roman},
};

use super::outcome::Outcome;
use crate::{error::CliError, terminal::output};

/// Print or write the manual pages
///
/// Prints the page of sdctl. With --output, writes one page for each command to a folder.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl man | man -l -                       read the page of sdctl
  sdctl man -o ~/.local/share/man/man1       install all pages
  man sdctl-apply                            read the page of a command")]
pub(crate) struct Options {
    /// Write the pages of all commands to this folder, and create it if it is missing [default: print one page]
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

/// Prints the page of `command`, or writes those of all its subcommands, too.
pub(crate) fn run(options: &Options, command: Command) -> Result<Outcome, CliError> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    match &options.output {
        None => render(&command, &mut output::stdout())?,
        Some(folder) => {
            fs::create_dir_all(folder).map_err(|source| CliError::Write { file: folder.clone(), source })?;
            write(&command, folder)?;
        }
    }
    Ok(Outcome::Done)
}

fn write(command: &Command, folder: &Path) -> Result<(), CliError> {
    let file = folder.join(Man::new(command.clone()).get_filename());
    let mut page = Vec::new();
    render(command, &mut page)?;
    fs::write(&file, page).map_err(|source| CliError::Write { file, source })?;
    command.get_subcommands().filter(|command| !command.is_hide_set()).try_for_each(|command| write(command, folder))
}

/// Writes a page. `Man::render` would fill the lines of the examples.
fn render(command: &Command, out: &mut dyn Write) -> io::Result<()> {
    let man = Man::new(command.clone()).manual("sdctl").source(concat!("sdctl ", env!("CARGO_PKG_VERSION")));
    man.render_title(out)?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    man.render_description_section(out)?;
    man.render_options_section(out)?;
    if command.has_subcommands() {
        man.render_subcommands_section(out)?;
    }
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut roff = Roff::new();
    let mut in_notes = false;
    for block in after.split("\n\n") {
        match block.split_once(":\n") {
            Some((heading, lines)) => {
                roff.control("SH", [heading.to_uppercase().as_str()]).control("nf", []);
                // As wide as in the help, which fits a terminal.
                roff.control("in", ["2n"]);
                for line in lines.lines() {
                    roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
                }
                roff.control("in", []).control("fi", []);
                in_notes = false;
            }
            None if !block.is_empty() => {
                if !mem::replace(&mut in_notes, true) {
                    roff.control("SH", ["NOTES"]);
                }
                roff.control("PP", []).text([roman(block)]);
            }
            None => {}
        }
    }
    roff.to_writer(out)
}
