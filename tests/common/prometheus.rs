//! A reader of lists with the rules of Prometheus's `discovery/http`, as strict as version 2.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A target group as Prometheus decodes it: unknown keys and other types are errors.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub targets: Vec<String>,
    pub labels: BTreeMap<String, String>,
}

/// Returns the groups of a body, or the reason why Prometheus 2 rejects it.
pub fn read(body: &[u8]) -> Result<Vec<Group>, String> {
    read_with(body, is_legacy_label_name)
}

/// Returns the groups of a body, or the reason why Prometheus 3 rejects it. Prometheus 3 accepts any non-empty label
/// name.
pub fn read_utf8(body: &[u8]) -> Result<Vec<Group>, String> {
    read_with(body, |name| !name.is_empty())
}

fn read_with(body: &[u8], is_label_name: fn(&str) -> bool) -> Result<Vec<Group>, String> {
    let groups: Vec<Group> = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    for group in &groups {
        if let Some(name) = group.labels.keys().find(|name| !is_label_name(name)) {
            return Err(format!("{name:?} is not a valid label name"));
        }
    }
    Ok(groups)
}

fn is_legacy_label_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c == '_' || c.is_ascii_alphabetic())
        && chars.all(|c| c == '_' || c.is_ascii_alphanumeric())
}
