//! Colours, for terminals that want them: what is printed through `anstream` loses them elsewhere and under `NO_COLOR`.

use anstyle::{AnsiColor, Style};

/// Something new, or in order.
pub(crate) const ADDED: Style = AnsiColor::Green.on_default();
/// Something that changes, or may be wrong.
pub(crate) const CHANGED: Style = AnsiColor::Yellow.on_default();
/// Something that goes, or is wrong.
pub(crate) const REMOVED: Style = AnsiColor::Red.on_default();
/// Something that went wrong.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// Headings.
pub(crate) const HEADING: Style = Style::new().bold();
/// Of less interest.
pub(crate) const FAINT: Style = Style::new().dimmed();
