//! Messages on standard error. A message that cannot be written is lost, which is no reason for a command to fail.

use std::{fmt::Display, io::Write};

use anstyle::Style;

use super::style::{CHANGED, ERROR};

/// Says why the command failed.
pub(crate) fn error(what: impl Display) {
    line(ERROR, "sdctl", what);
}

/// Says that something may be wrong, while the command goes on.
pub(crate) fn warning(what: impl Display) {
    line(CHANGED, "sdctl", what);
}

/// Says what the command is doing.
pub(crate) fn info(what: impl Display) {
    line(Style::new(), "sdctl", what);
}

/// Points out a fact about the user's files or rows.
pub(crate) fn note(what: impl Display) {
    line(CHANGED, "note", what);
}

fn line(style: Style, word: &str, what: impl Display) {
    let _ = writeln!(anstream::stderr(), "{style}{word}:{style:#} {what}");
}
