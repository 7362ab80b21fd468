//! Numbers in DynamoDB's notation.
//!
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>

/// The most significant digits of a number.
const MOST_DIGITS: usize = 38;
/// The exponents of the smallest and of the largest number in scientific notation.
const EXPONENTS: std::ops::RangeInclusive<i64> = -130..=125;

/// A number without leading and trailing zeros, so that equal numbers are equal. Zero has no digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Number {
    is_negative: bool,
    /// The exponent of the first digit.
    exponent: i64,
    digits: String,
}

impl Number {
    /// Returns the number, or `None` if DynamoDB does not store such a number.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_negative = text.starts_with('-');
        let text = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (coefficient, exponent) = match text.split_once(['e', 'E']) {
            Some((coefficient, exponent)) => (coefficient, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = coefficient.split_once('.').unwrap_or((coefficient, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let significant = digits.trim_start_matches('0');
        let leading = digits.len() - significant.len();
        let significant = significant.trim_end_matches('0');
        if significant.is_empty() {
            return Some(Self::default());
        }
        let place = i64::try_from(whole.len()).ok()? - i64::try_from(leading).ok()? - 1;
        let exponent = place + i64::from(exponent);
        let fits = significant.len() <= MOST_DIGITS && EXPONENTS.contains(&exponent);
        fits.then(|| Self { is_negative, exponent, digits: significant.to_owned() })
    }

    /// Returns the least number of bytes that DynamoDB counts for the number.
    pub(super) fn size(&self) -> usize {
        self.digits.len().div_ceil(2) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_have_one_form() {
        for equal in [&["1", "+1", "01", "1.0", "1.", "10e-1", "0.1E1", "0.1e+1"][..], &["0", "-0", "0.00", ".0e9"]] {
            for text in equal {
                assert_eq!(Number::parse(text), Number::parse(equal[0]), "{text}");
                assert!(Number::parse(text).is_some(), "{text}");
            }
        }
        let different = ["1", "-1", "10", "0.1", "11", "1e2", "0"];
        let mut forms: Vec<_> = different.iter().map(|text| Number::parse(text)).collect();
        forms.sort();
        forms.dedup();
        assert_eq!(forms.len(), different.len());
    }

    #[test]
    fn unstorable_numbers_are_rejected() {
        let long = "1".repeat(39);
        for text in
            ["", "-", ".", "e1", "1e", "1e+", "1 ", " 1", "0x1", "NaN", "1e126", "1e-131", "1,5", "1.2.3", &long]
        {
            assert_eq!(Number::parse(text), None, "{text:?}");
        }
        let longest = format!("{}000", "9".repeat(38));
        for text in ["9.9e125", "1e-130", "-1e-130", &longest, "0e999"] {
            assert!(Number::parse(text).is_some(), "{text}");
        }
    }
}
