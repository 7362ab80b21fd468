//! Texts of the table on a page: cut, and with invisible characters shown by their code points.

use std::fmt::Write;

/// The maximum length of a name, in characters.
pub(super) const NAME: usize = 120;
/// The maximum length of a target or the value of a label, in characters.
pub(super) const VALUE: usize = 100;

/// Returns a text of at most `most` characters, and the number of characters left out.
pub(super) fn shown(text: &str, most: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(4 * most));
    let mut chars = text.chars();
    for c in chars.by_ref().take(most) {
        if is_invisible(c) {
            // Writing to a String cannot fail.
            let _ = write!(shown, "‹U+{:04X}›", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    match chars.count() {
        0 => {}
        more => _ = write!(shown, "… ({} more characters)", number(more)),
    }
    shown
}

/// Returns whether a character is invisible, changes the order or the place of other characters, or is none in Unicode.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || u32::from(c) & 0xfffe == 0xfffe
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fdd0}'..='\u{fdef}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns a number with a comma between thousands.
pub(super) fn number(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a number and its noun, as in `1 group` or `2 groups`.
pub(super) fn count(count: usize, noun: &str) -> String {
    format!("{} {noun}{}", number(count), if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_shown_by_code_point() {
        let cases = [
            ("node", "node"),
            ("", ""),
            ("a b é 日本", "a b é 日本"),
            ("a\nb\0", "a‹U+000A›b‹U+0000›"),
            ("\u{202e}gnp.exe", "‹U+202E›gnp.exe"),
            ("a\u{200b}b\u{2066}c\u{feff}", "a‹U+200B›b‹U+2066›c‹U+FEFF›"),
            ("\u{7f}\u{85}\u{e0041}", "‹U+007F›‹U+0085›‹U+E0041›"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text, NAME), expected, "{text:?}");
        }
    }

    #[test]
    fn long_text_is_cut_with_the_rest_counted() {
        assert_eq!(shown("abcd", 4), "abcd");
        assert_eq!(shown("abcde", 4), "abcd… (1 more characters)");
        assert_eq!(shown(&"é".repeat(5000), 2), "éé… (4,998 more characters)");
    }

    #[test]
    fn thousands_have_a_comma() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (20_000, "20,000"), (1_234_567, "1,234,567")];
        for (value, expected) in cases {
            assert_eq!(number(value), expected);
        }
        assert_eq!((count(1, "group"), count(0, "group")), ("1 group".into(), "0 groups".into()));
    }
}
