//! What of the groups is asked for, and how it is to look.

use serde::Deserialize;

use super::NoAnswer;
use crate::group::{Entries, LAPSED, Lease, META_LEASE, Selectors, Shard, StoredGroupRef, TargetGroupRef, Text};

/// After so many targets of a group it is asked whether to go on.
const TARGETS_AT_ONCE: usize = 64;

/// What of the groups is asked for, and how it is to look. Whoever asks for the same gets the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Whether the labels that name job and group are added.
    pub meta: bool,
    /// The shard whose targets are asked for; `None` for all of them.
    pub shard: Option<Shard>,
    /// What selects the targets that are asked for; `None` for all of them.
    pub selectors: Option<Selectors>,
}

/// A group as a snapshot has it, whose texts are borrowed from there.
#[derive(Deserialize)]
struct Group<'a> {
    #[serde(borrow)]
    targets: Vec<Text<'a>>,
    #[serde(borrow)]
    labels: Entries<'a, Text<'a>>,
}

impl Selection {
    /// Whether each group is asked for as it is.
    pub(super) fn is_everything(&self) -> bool {
        !self.meta && self.shard.is_none() && self.selectors.is_none()
    }

    /// Writes what is asked for of a group of that job and name, after a comma. Returns how many targets that are; `None`
    /// if nothing was written.
    pub(super) fn write(
        &self,
        json: &[u8],
        (job, name): (&str, &str),
        lapsed: bool,
        out: &mut Vec<u8>,
        go_on: &dyn Fn() -> Result<(), NoAnswer>,
    ) -> Result<Option<usize>, NoAnswer> {
        let encoding = |error: serde_json::Error| NoAnswer::Encoding(error.to_string());
        let group: Group<'_> = serde_json::from_slice(json.get(1..).unwrap_or_default()).map_err(encoding)?;
        let labels: Vec<_> = group.labels.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let label = |name: &str| match name {
            META_LEASE => lapsed.then_some(LAPSED),
            _ => labels.iter().find(|(label, _)| *label == name).map(|(_, value)| *value),
        };
        let part = self.selectors.as_ref().map(|selectors| selectors.of_group(job, name, label));
        let mut targets = Vec::new();
        for some in group.targets.chunks(TARGETS_AT_ONCE) {
            go_on()?;
            let is_asked_for = |target: &&str| {
                self.shard.is_none_or(|shard| shard.has(target)) && part.as_ref().is_none_or(|part| part.has(target))
            };
            targets.extend(some.iter().map(Text::as_str).filter(is_asked_for));
        }
        // A group without targets is served, unless targets are asked for.
        if targets.is_empty() && (self.shard.is_some() || self.selectors.is_some()) {
            return Ok(None);
        }
        let count = targets.len();
        let mut group =
            StoredGroupRef { job, name, lease: Lease::default(), group: TargetGroupRef { targets, labels } };
        if self.meta {
            group.add_meta_labels(lapsed);
        }
        out.push(b',');
        serde_json::to_writer(out, &group.group).map_err(encoding)?;
        Ok(Some(count))
    }
}
