//! Asking before something is changed.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::error::CliError;

/// Asks, unless `yes` was said already. Only `y` or `yes` is a yes.
pub(crate) fn ask(question: &str, yes: bool) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(CliError::Refused("nothing was changed: say --yes, because there is nobody here to ask".into()));
    }
    let mut stderr = io::stderr();
    write!(stderr, "{question} [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(CliError::Refused("nothing was changed".into())),
    }
}
