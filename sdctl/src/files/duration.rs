//! Parses durations by the rules of Prometheus.

use std::time::Duration;

/// The units and their milliseconds, largest first.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 60 * 60 * 1000),
    ("w", 7 * 24 * 60 * 60 * 1000),
    ("d", 24 * 60 * 60 * 1000),
    ("h", 60 * 60 * 1000),
    ("m", 60 * 1000),
    ("s", 1000),
    ("ms", 1),
];

/// The longest duration in milliseconds: Go counts nanoseconds in 63 bits.
const LONGEST: u64 = i64::MAX as u64 / 1_000_000;

/// Parses a duration as Prometheus's `model.ParseDuration`: whole numbers, each with a unit, largest unit first.
/// Returns `None` for an invalid duration.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    if text.is_empty() {
        return None;
    }
    let (mut rest, mut units, mut total) = (text, UNITS.as_slice(), 0_u64);
    while !rest.is_empty() {
        let (digits, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (unit, next) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
        let position = units.iter().position(|(name, _)| *name == unit)?;
        let milliseconds = digits.parse::<u64>().ok()?.checked_mul(units[position].1)?;
        total = total.checked_add(milliseconds).filter(|total| *total <= LONGEST)?;
        units = &units[position + 1..];
        rest = next;
    }
    Some(Duration::from_millis(total))
}

/// Returns whether vmagent reads a duration: numbers, also with a sign or a fraction, each with a unit or in seconds.
pub(crate) fn is_of_vmagent(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    digits > 0 && text.chars().all(|c| c.is_ascii_digit() || "-.mshdwyi".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_accepts_the_durations_of_prometheus() {
        let cases = [
            ("30s", Some(30_000)),
            ("1m30s", Some(90_000)),
            ("1h0m", Some(3_600_000)),
            ("500ms", Some(500)),
            ("1s500ms", Some(1500)),
            ("1y2w", Some(379 * 24 * 3_600_000)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("292y", Some(292 * 365 * 24 * 3_600_000)),
            ("300y", None),
            ("292y99999999999999999999d", None),
            ("", None),
            ("30", None),
            ("s", None),
            ("1.5s", None),
            ("-1s", None),
            ("1s1m", None),
            ("1m1m", None),
            ("1ms1s", None),
            ("1 m", None),
            ("1S", None),
            ("1us", None),
        ];
        for (text, milliseconds) in cases {
            assert_eq!(parse(text), milliseconds.map(Duration::from_millis), "{text:?}");
        }
    }
}
