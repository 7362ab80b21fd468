//! The rows of a job in one order: valid, broken and left out.

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

/// Returns the rows of a job, sorted by name.
pub(super) fn all<'a>(rows: &'a JobRows, leases: &JobLeases) -> Vec<Row<'a>> {
    let mut all = Vec::with_capacity(rows.read());
    let mut with_lease = rows.leases().iter().peekable();
    for row in 0..rows.len() {
        let lease = with_lease.next_if(|lease| lease.row == row).map(|lease| lease.lease).unwrap_or_default();
        let (name, state) = (rows.name(row), leases.state(lease));
        all.push(Row { name, lease, state, json: Ok(Json::Row(rows, row)), details: rows.details(row) });
    }
    let valid = all.len();
    for row in rows.broken() {
        let (name, lease) = (row.fault.group.as_str(), row.lease);
        let state = leases.state(lease);
        all.push(Row { name, lease, state, json: Err(&row.fault), details: Some(&row.details) });
    }
    for row in rows.lapsed() {
        let json = row.group.as_ref().map(|json| Json::Bytes(json));
        let details = Some(&row.details);
        all.push(Row { name: &row.name, lease: row.lease, state: State::Lapsed, json, details });
    }
    // Valid rows are in order.
    if all.len() > valid {
        all.sort_by(|a, b| a.name.cmp(b.name));
    }
    all
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
