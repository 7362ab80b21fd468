//! Messages on standard error. A command continues if a message cannot be written.

use std::{fmt::Display, io::Write};

use anstyle::Style;

use super::style::{CHANGED, ERROR};

/// Prints the error that ends the command.
pub(crate) fn error(what: impl Display) {
    line(ERROR, "error", what);
}

/// Prints a possible problem; the command continues.
pub(crate) fn warning(what: impl Display) {
    line(CHANGED, "warning", what);
}

/// Prints what the command is doing.
pub(crate) fn info(what: impl Display) {
    let _ = writeln!(anstream::stderr(), "{what}");
}

/// Prints a fact about the user's files or rows.
pub(crate) fn note(what: impl Display) {
    line(CHANGED, "note", what);
}

fn line(style: Style, word: &str, what: impl Display) {
    let _ = writeln!(anstream::stderr(), "{style}{word}:{style:#} {what}");
}
