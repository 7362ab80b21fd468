//! Parses percentages on the command line.

/// Parses a percentage from 0 to 100, such as `60` or `60%`.
pub(crate) fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse().ok();
    number.filter(|percent| *percent <= 100).ok_or_else(|| "use a whole number from 0 to 100, such as 60 or 60%".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentage_may_have_its_sign() {
        for (text, expected) in [("60", Some(60)), ("60%", Some(60)), ("0%", Some(0)), ("100%", Some(100))] {
            assert_eq!(percent(text).ok(), expected, "{text:?}");
        }
        for text in ["", "%", "101", "101%", "-1", "6.5", "60%%", "60 %", "% 60", "x", "256"] {
            assert!(percent(text).is_err(), "{text:?}");
        }
    }
}
