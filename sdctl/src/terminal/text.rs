//! Text for a terminal.

use std::{fmt, time::Duration};

/// Returns the text on one line, with escapes for control and invisible characters.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for part in text.split_inclusive(['"', '\'', '\\']) {
        let plain = part.trim_end_matches(['"', '\'', '\\']);
        shown.extend(plain.escape_debug());
        shown.push_str(&part[plain.len()..]);
    }
    shown
}

/// The most names that a message lists.
const MOST_NAMES: usize = 10;

/// Returns the first of these names on one line, and how many more there are.
pub(crate) fn shortened(names: &[String]) -> String {
    let mut shown: Vec<String> = names.iter().take(MOST_NAMES).map(|name| printable(name)).collect();
    if names.len() > MOST_NAMES {
        shown.push(format!("{} more", names.len() - MOST_NAMES));
    }
    shown.join(", ")
}

/// A number with its noun in the singular or plural: `1 group`, `3 groups`.
#[derive(Clone, Copy)]
pub(crate) struct Count<'a>(pub(crate) usize, pub(crate) &'a str);

impl fmt::Display for Count<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, noun) = self;
        write!(f, "{count} {noun}{}", if *count == 1 { "" } else { "s" })
    }
}

/// Returns a duration with its units, such as `14 days 3h` or `1m 30s`.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let days = seconds / 86_400;
    let parts = [
        (days, if days == 1 { " day" } else { " days" }),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (duration.subsec_millis().into(), "ms"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if parts.is_empty() { "0s".into() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn span_separates_days_and_units() {
        for (milliseconds, text) in [
            (0, "0s"),
            (500, "500ms"),
            (1_500, "1s 500ms"),
            (90_000, "1m 30s"),
            (86_400_000, "1 day"),
            (14 * 86_400_000, "14 days"),
            (90_000_000, "1 day 1h"),
            (400 * 86_400_000 + 60_000, "400 days 1m"),
        ] {
            assert_eq!(span(Duration::from_millis(milliseconds)), text);
        }
        assert!(span(Duration::MAX).ends_with("ms"));
    }

    #[test]
    fn printable_escapes_control_and_invisible_characters() {
        for (text, shown) in [
            ("a é \"b\" 'c' \\n", "a é \"b\" 'c' \\n"),
            ("a\nb\t\u{1b}[31m\u{7f}", "a\\nb\\t\\u{1b}[31m\\u{7f}"),
            ("\u{9b}1m \u{202e} \u{200b}", "\\u{9b}1m \\u{202e} \\u{200b}"),
        ] {
            assert_eq!(printable(text), shown);
            assert_eq!(printable(shown), shown, "printable text stays as it is");
        }
    }
}
