//! Colours of the output. `anstream` removes them if the output is not a terminal or `NO_COLOR` is set.

use anstyle::{AnsiColor, Style};

/// New or correct.
pub(crate) const ADDED: Style = AnsiColor::Green.on_default();
/// Changed or doubtful.
pub(crate) const CHANGED: Style = AnsiColor::Yellow.on_default();
/// Removed or wrong.
pub(crate) const REMOVED: Style = AnsiColor::Red.on_default();
/// An error.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// Headings.
pub(crate) const HEADING: Style = Style::new().bold();
/// Less important.
pub(crate) const FAINT: Style = Style::new().dimmed();
