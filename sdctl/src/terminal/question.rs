//! Asking before something is changed.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::error::CliError;

/// Asks, unless `yes` was said already. Only `y` or `yes` is a yes.
pub(crate) fn ask(question: &str, yes: bool) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(CliError::Refused("nothing was changed: there is no terminal to ask on: add --yes".into()));
    }
    match answer(question, &mut io::stdin().lock(), &mut io::stderr()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(CliError::Refused("nothing was changed".into())),
        Err(error) => Err(CliError::Refused(format!("nothing was changed: no answer could be read: {error}"))),
    }
}

/// Whether the answer is a yes.
fn answer(question: &str, input: &mut impl BufRead, output: &mut impl Write) -> io::Result<bool> {
    write!(output, "{question} [y/N] ")?;
    output.flush()?;
    let mut answer = Vec::new();
    input.read_until(b'\n', &mut answer)?;
    if !answer.ends_with(b"\n") {
        // What comes next starts on a line of its own.
        writeln!(output)?;
    }
    let answer = str::from_utf8(&answer).map_err(|_| io::Error::other("it is not UTF-8: answer y or n"))?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What came of that answer, and what was shown.
    fn asked(mut input: &[u8]) -> (Result<bool, String>, String) {
        let mut shown = Vec::new();
        let answer = answer("Sure?", &mut input, &mut shown).map_err(|error| error.to_string());
        (answer, String::from_utf8(shown).unwrap())
    }

    #[test]
    fn only_a_yes_is_a_yes_and_the_end_of_input_ends_the_line() {
        for (input, yes) in [("y\n", true), (" YES\r\n", true), ("n\n", false), ("\n", false), ("yes!\n", false)] {
            assert_eq!(asked(input.as_bytes()), (Ok(yes), "Sure? [y/N] ".into()), "{input:?}");
        }
        assert_eq!(asked(b""), (Ok(false), "Sure? [y/N] \n".into()));
        let (answer, _) = asked(b"\xffy\n");
        assert_eq!(answer, Err("it is not UTF-8: answer y or n".into()));
    }
}
