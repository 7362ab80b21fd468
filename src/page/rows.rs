//! The rows of a job in one order: valid, broken and left out.

use std::iter;

use serde::Deserialize;

use super::{OneState, Query};
use crate::{
    answer::{JobLeases, State},
    group::{Entries, InvalidGroup, LAPSED, Lease, META_LEASE, Text},
    table::{JobRows, RowDetails},
};

/// The content of a valid group, borrowed from a snapshot.
#[derive(Deserialize)]
pub(super) struct Group<'a> {
    #[serde(borrow)]
    pub(super) targets: Vec<Text<'a>>,
    #[serde(borrow)]
    pub(super) labels: Entries<'a, Text<'a>>,
}

/// A row of the job.
pub(super) struct Row<'a> {
    pub(super) name: &'a str,
    pub(super) lease: Lease,
    pub(super) state: State,
    /// The JSON of the group after its comma, or the fault.
    json: Result<Json<'a>, &'a InvalidGroup>,
    pub(super) details: Option<&'a RowDetails>,
}

/// The JSON of a group, or its place in the snapshot.
enum Json<'a> {
    Row(&'a JobRows, usize),
    Bytes(&'a [u8]),
}

/// The content of a row that the query selects.
pub(super) enum Content<'a> {
    Group(Group<'a>),
    Broken(&'a InvalidGroup),
}

/// Returns the rows of a job from the name `from` on, sorted by name.
pub(super) fn from<'a>(rows: &'a JobRows, leases: &'a JobLeases, from: &str) -> impl Iterator<Item = Row<'a>> {
    let valid = (rows.named(from).start..rows.len()).map(|row| {
        let (name, lease) = (rows.name(row), rows.lease(row));
        let (state, json, details) = (leases.state(lease), Ok(Json::Row(rows, row)), rows.details(row));
        Row { name, lease, state, json, details }
    });
    let broken = rows.broken().iter().map(|row| {
        let (name, lease, details) = (row.fault.group.as_str(), row.lease, Some(&row.details));
        Row { name, lease, state: leases.state(lease), json: Err(&row.fault), details }
    });
    let lapsed = rows.lapsed().iter().map(|row| {
        let (json, details) = (row.group.as_ref().map(|json| Json::Bytes(json)), Some(&row.details));
        Row { name: &row.name, lease: row.lease, state: State::Lapsed, json, details }
    });
    // Valid rows are in order, and a page shows few of them.
    let mut others: Vec<Row<'a>> = broken.chain(lapsed).filter(|row| row.name >= from).collect();
    others.sort_by(|a, b| a.name.cmp(b.name));
    let (mut valid, mut others) = (valid.peekable(), others.into_iter().peekable());
    iter::from_fn(move || match (valid.peek(), others.peek()) {
        (Some(row), Some(other)) if other.name < row.name => others.next(),
        (None, _) => others.next(),
        _ => valid.next(),
    })
}

impl Row<'_> {
    /// Returns whether the row fails a list, or is left out of it.
    fn is_broken(&self) -> bool {
        self.json.is_err() && self.state != State::Lapsed
    }

    /// Returns whether the row has the state.
    fn is(&self, state: OneState) -> bool {
        match state {
            OneState::Broken => self.is_broken(),
            OneState::Lapsed => self.state == State::Lapsed,
            OneState::Kept => self.state == State::Kept && !self.is_broken(),
            OneState::Active => self.state == State::Active && !self.is_broken(),
        }
    }

    /// Returns the JSON of the group in `buffer`, or the fault.
    pub(super) fn json<'b>(&'b self, buffer: &'b mut Vec<u8>) -> Result<&'b str, &'b InvalidGroup> {
        let bytes = match &self.json {
            Err(fault) => return Err(fault),
            Ok(Json::Bytes(bytes)) => bytes,
            Ok(Json::Row(rows, row)) => {
                buffer.clear();
                rows.json(*row..row + 1).for_each(|piece| buffer.extend_from_slice(&piece));
                &buffer[..]
            }
        };
        // The JSON starts with a comma. The snapshot contains only UTF-8.
        Ok(str::from_utf8(bytes.get(1..).unwrap_or_default()).unwrap_or_default())
    }
}

/// Returns the content of a row that a query selects, with the selected targets. The query has been asked for the state
/// before.
pub(super) fn selected<'b>(
    row: &'b Row<'_>,
    job: &str,
    query: &Query,
    text: &str,
    buffer: &'b mut Vec<u8>,
) -> Option<Content<'b>> {
    if query.state.is_some_and(|state| !row.is(state)) {
        return None;
    }
    let mut group: Group<'b> = match row.json(buffer) {
        Err(fault) => {
            let is_found = || contains(&format!("{} {}", fault.field, fault.fault), text) || row.has(text);
            return (query.selectors.is_none() && is_found()).then_some(Content::Broken(fault));
        }
        // The function wrote the JSON itself.
        Ok(json) => serde_json::from_str(json).ok()?,
    };
    if let Some(selectors) = &query.selectors {
        let labels = &group.labels.0;
        let label = |name: &str| match name {
            META_LEASE => (row.state == State::Kept).then_some(LAPSED),
            _ => labels.iter().find(|(label, _)| label.as_str() == name).map(|(_, value)| value.as_str()),
        };
        let selectors = selectors.of_group(job, row.name, label);
        group.targets.retain(|target| selectors.has(target.as_str()));
        if group.targets.is_empty() {
            return None;
        }
    }
    (row.has(text) || group.has(text)).then_some(Content::Group(group))
}

impl Row<'_> {
    fn has(&self, text: &str) -> bool {
        let owner = self.details.and_then(|details| details.owner.as_ref());
        contains(self.name, text) || owner.is_some_and(|owner| contains(owner.name(), text))
    }
}

impl Group<'_> {
    fn has(&self, text: &str) -> bool {
        let in_label = |(name, value): &(Text<'_>, Text<'_>)| {
            let (name, value) = (name.as_str(), value.as_str());
            contains(name, text)
                || contains(value, text)
                || (text.contains('=') && contains(&format!("{name}={value}"), text))
        };
        self.targets.iter().any(|target| contains(target.as_str(), text)) || self.labels.0.iter().any(in_label)
    }
}

/// Returns whether a text contains another one, which is in lower case.
pub(super) fn contains(text: &str, lower: &str) -> bool {
    if lower.is_empty() {
        return true;
    }
    if text.is_ascii() {
        let (text, lower) = (text.as_bytes(), lower.as_bytes());
        return text.windows(lower.len()).any(|window| window.eq_ignore_ascii_case(lower));
    }
    text.to_lowercase().contains(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_ignores_case_in_any_script() {
        let cases = [
            ("Node_Exporter", "node", true),
            ("node", "nodes", false),
            ("", "", true),
            ("", "a", false),
            ("MÜLLER", "müller", true),
            ("a", "é", false),
        ];
        for (text, lower, is_found) in cases {
            assert_eq!(contains(text, lower), is_found, "{text:?} {lower:?}");
        }
    }
}
