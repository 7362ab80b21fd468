//! The targets and labels of a group, each on one line.

use http_sd_lambda::group::{LabelName, Labels, Target};

use crate::terminal::text::printable;

/// How many targets a line names.
const MOST_TARGETS: usize = 5;

/// The first targets, and how many more there are.
pub(crate) fn targets(targets: &[Target]) -> String {
    if targets.is_empty() {
        return "none".into();
    }
    first(&targets.iter().map(Target::as_str).collect::<Vec<_>>(), "")
}

/// The first of some targets, each after a sign, and how many more there are.
pub(crate) fn first(targets: &[&str], sign: &str) -> String {
    let mut shown: Vec<String> =
        targets.iter().take(MOST_TARGETS).map(|target| format!("{sign}{}", printable(target))).collect();
    if targets.len() > MOST_TARGETS {
        shown.push(format!("{sign}{} more", targets.len() - MOST_TARGETS));
    }
    shown.join(", ")
}

/// `name=value`, comma-separated.
pub(crate) fn labels(labels: &Labels) -> String {
    labels.iter().map(|(name, value)| label(name, value)).collect::<Vec<_>>().join(", ")
}

/// `name=value`.
pub(crate) fn label(name: &LabelName, text: &str) -> String {
    format!("{}={}", printable(name.as_str()), value(text))
}

/// The value of a label, in quotes if it needs some.
pub(crate) fn value(text: &str) -> String {
    let plain = !text.is_empty() && text.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"\",=".contains(c));
    if plain { printable(text) } else { format!("{text:?}") }
}
