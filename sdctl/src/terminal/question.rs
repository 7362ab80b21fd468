//! Asks for confirmation before a command changes something.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::error::CliError;

/// Asks unless `yes` is set. Only `y` and `yes` confirm.
///
/// # Errors
/// [`CliError::Refused`] without a confirmation.
pub(crate) fn ask(question: &str, yes: bool) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !can_ask(yes) {
        return Err(CliError::Refused(
            "nothing was changed: cannot ask for confirmation without a terminal. Add --yes".into(),
        ));
    }
    match answer(question, &mut io::stdin().lock(), &mut io::stderr()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(CliError::Refused("nothing was changed: you did not confirm".into())),
        Err(error) => Err(CliError::Refused(format!("nothing was changed: cannot read the answer: {error}"))),
    }
}

/// Returns whether a person can answer a question, and `yes` does not answer it.
pub(crate) fn can_ask(yes: bool) -> bool {
    !yes && io::stdin().is_terminal()
}

/// Prints the question and returns whether the answer confirms.
fn answer(question: &str, input: &mut impl BufRead, output: &mut impl Write) -> io::Result<bool> {
    write!(output, "{question} [y/N] ")?;
    output.flush()?;
    let mut answer = Vec::new();
    input.read_until(b'\n', &mut answer)?;
    if !answer.ends_with(b"\n") {
        // At the end of input the cursor is still on the line of the question.
        writeln!(output)?;
    }
    let answer = str::from_utf8(&answer).map_err(|_| io::Error::other("not UTF-8. Answer y or n"))?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the result for this input, and the text that was shown.
    fn asked(mut input: &[u8]) -> (Result<bool, String>, String) {
        let mut shown = Vec::new();
        let answer = answer("Sure?", &mut input, &mut shown).map_err(|error| error.to_string());
        (answer, String::from_utf8(shown).unwrap())
    }

    #[test]
    fn only_yes_confirms() {
        for (input, yes) in [("y\n", true), (" YES\r\n", true), ("n\n", false), ("\n", false), ("yes!\n", false)] {
            assert_eq!(asked(input.as_bytes()), (Ok(yes), "Sure? [y/N] ".into()), "{input:?}");
        }
        assert_eq!(asked(b""), (Ok(false), "Sure? [y/N] \n".into()));
        let (answer, _) = asked(b"\xffy\n");
        assert_eq!(answer, Err("not UTF-8. Answer y or n".into()));
    }
}
