//! The size of the terminal, and the columns that a text needs on it.

use std::{
    env,
    io::{self, IsTerminal},
    iter,
};

use terminal_size::{Height, Width, terminal_size_of};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The size of a terminal that does not tell its size.
const USUAL: Size = Size { columns: 80, lines: 24 };

/// The size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) lines: usize,
}

/// Returns the size of the terminal that standard output is, or `None` if it is a file or a pipe. The variables
/// `COLUMNS` and `LINES` take precedence over the terminal's own answer.
pub(crate) fn of_stdout() -> Option<Size> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let found = terminal_size_of(io::stdout())
        .map_or(USUAL, |(Width(columns), Height(lines))| Size { columns: columns.into(), lines: lines.into() });
    let set = |name| env::var(name).ok()?.parse().ok().filter(|&number: &usize| number > 0);
    Some(Size { columns: set("COLUMNS").unwrap_or(found.columns), lines: set("LINES").unwrap_or(found.lines) })
}

/// Returns the columns that a text without control characters needs.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Returns the start of a text that fits these columns. `…` marks a text that was cut.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let Some(room) = columns.checked_sub(1) else { return String::new() };
    let mut used = 0;
    let fits = |c: &char| {
        // This selector can widen the character before it.
        used += if *c == '\u{fe0f}' { 1 } else { c.width().unwrap_or_default() };
        used <= room
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// Joins the parts with commas, in lines that continue at the column `indent` and fit the terminal, if standard output is
/// one. A part stays whole, so that it can be copied.
pub(crate) fn wrapped(parts: &[String], indent: usize) -> String {
    wrapped_at(parts, indent, of_stdout().map_or(usize::MAX, |size| size.columns))
}

fn wrapped_at(parts: &[String], indent: usize, columns: usize) -> String {
    let mut text = String::new();
    let mut used = indent;
    for (i, part) in parts.iter().enumerate() {
        let comma = usize::from(i + 1 < parts.len());
        if i > 0 && used + 1 + width(part) + comma > columns {
            text.push('\n');
            text.extend(iter::repeat_n(' ', indent));
            used = indent;
        } else if i > 0 {
            text.push(' ');
            used += 1;
        }
        text.push_str(part);
        text.push_str(&","[..comma]);
        used += width(part) + comma;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_lines_fit_and_keep_parts_whole() {
        let parts = ["aaaa", "bb", "日本", "a-part-that-is-too-long", "c"].map(str::to_owned);
        for (columns, expected) in [
            (usize::MAX, "aaaa, bb, 日本, a-part-that-is-too-long, c"),
            (14, "aaaa, bb,\n    日本,\n    a-part-that-is-too-long,\n    c"),
            (13, "aaaa, bb,\n    日本,\n    a-part-that-is-too-long,\n    c"),
            (12, "aaaa,\n    bb,\n    日本,\n    a-part-that-is-too-long,\n    c"),
            (0, "aaaa,\n    bb,\n    日本,\n    a-part-that-is-too-long,\n    c"),
        ] {
            assert_eq!(wrapped_at(&parts, 4, columns), expected, "{columns}");
        }
        assert_eq!(wrapped_at(&[], 4, 80), "");
    }

    #[test]
    fn cut_text_fits_its_columns() {
        for (text, columns, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("abcd", 1, "…"),
            ("abcd", 0, ""),
            ("", 0, ""),
            ("日本語", 6, "日本語"),
            // Half a wide character is not shown.
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            // A combining character stays with its letter, and needs no column.
            ("e\u{301}e\u{301}e\u{301}", 3, "e\u{301}e\u{301}e\u{301}"),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
            ("\u{2764}\u{fe0f}\u{2764}\u{fe0f}", 3, "\u{2764}\u{fe0f}…"),
        ] {
            assert_eq!(cut(text, columns), expected, "{text} in {columns}");
            assert!(width(expected) <= columns, "{expected}");
        }
    }
}
