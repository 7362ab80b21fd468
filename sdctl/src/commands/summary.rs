//! Formats the targets and the labels of a group.

use http_sd_lambda::group::{LabelName, Labels, Target};

use crate::terminal::text::printable;

/// The most targets on a line.
const MOST_TARGETS: usize = 5;

/// Returns the first targets and the number of the others.
pub(crate) fn targets(targets: &[Target]) -> String {
    if targets.is_empty() {
        return "none".into();
    }
    first(&targets.iter().map(Target::as_str).collect::<Vec<_>>(), "").join(", ")
}

/// Returns the first targets, each after `sign`, and the number of the others.
pub(crate) fn first(targets: &[&str], sign: &str) -> Vec<String> {
    let mut shown: Vec<String> =
        targets.iter().take(MOST_TARGETS).map(|target| format!("{sign}{}", printable(target))).collect();
    if targets.len() > MOST_TARGETS {
        shown.push(format!("{sign}{} more", targets.len() - MOST_TARGETS));
    }
    shown
}

/// Returns `name=value` pairs, separated by commas.
pub(crate) fn labels(labels: &Labels) -> String {
    pairs(labels).join(", ")
}

/// Returns `name=value` pairs.
pub(crate) fn pairs(labels: &Labels) -> Vec<String> {
    labels.iter().map(|(name, value)| label(name, value)).collect()
}

/// Returns `name=value`.
pub(crate) fn label(name: &LabelName, text: &str) -> String {
    format!("{}={}", printable(name.as_str()), value(text))
}

/// Returns the value of a label, in quotes if it contains white space or punctuation of the list.
pub(crate) fn value(text: &str) -> String {
    let plain = !text.is_empty() && text.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"\",=".contains(c));
    if plain { printable(text) } else { format!("{text:?}") }
}
