//! The selection of targets and labels by a query string.

use std::fmt::Display;

use serde::Serialize;
use serde_json::value::RawValue;

use super::NoAnswer;
use crate::{
    group::{
        Entries, LAPSED, Lease, META_LEASE, Selectors, Shard, StoredGroupRef, TargetGroupRef, TargetSelectors, Text,
    },
    table::GroupJson,
};

/// The number of targets of a group between two checks of the time.
const TARGETS_AT_ONCE: usize = 64;

/// The selection of targets and labels. Equal selections of the same rows give equal lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Whether to add the labels that name the job and the group.
    pub meta: bool,
    /// The shard to select; `None` selects every target.
    pub shard: Option<Shard>,
    /// The selectors of targets; `None` selects every target.
    pub selectors: Option<Selectors>,
}

impl Selection {
    /// Returns whether the selection leaves every group unchanged.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        !self.meta && self.shard.is_none() && self.selectors.is_none()
    }

    /// Writes a comma and the selected part of a group. Returns the number of targets, or `None` if nothing is written.
    pub(super) fn write(
        &self,
        json: &[u8],
        (job, name): (&str, &str),
        lapsed: bool,
        out: &mut Vec<u8>,
        go_on: &dyn Fn() -> Result<(), NoAnswer>,
    ) -> Result<Option<usize>, NoAnswer> {
        if !self.meta && self.selectors.is_none() {
            let GroupJson { targets, labels } = GroupJson::<Text<'_>, &RawValue>::read(json).map_err(encoding)?;
            let targets = self.targets(&targets, None, go_on)?;
            let count = targets.len();
            return match count {
                0 => Ok(None),
                _ => write(&GroupJson { targets, labels }, out).map(|()| Some(count)),
            };
        }
        let group = GroupJson::<Text<'_>, Entries<'_, Text<'_>>>::read(json).map_err(encoding)?;
        let labels: Vec<_> = group.labels.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let label = |name: &str| match name {
            META_LEASE => lapsed.then_some(LAPSED),
            _ => labels.iter().find(|(label, _)| *label == name).map(|(_, value)| *value),
        };
        let selectors = self.selectors.as_ref().map(|selectors| selectors.of_group(job, name, label));
        let targets = self.targets(&group.targets, selectors.as_ref(), go_on)?;
        // A group without targets is left out only if the request selects targets.
        if targets.is_empty() && (self.shard.is_some() || self.selectors.is_some()) {
            return Ok(None);
        }
        let mut group =
            StoredGroupRef { job, name, lease: Lease::default(), group: TargetGroupRef { targets, labels } };
        if self.meta {
            group.add_meta_labels(lapsed);
        }
        let count = group.group.targets.len();
        write(&group.group, out).map(|()| Some(count))
    }

    /// Returns the selected targets of a group.
    fn targets<'t>(
        &self,
        targets: &'t [Text<'_>],
        selectors: Option<&TargetSelectors<'_>>,
        go_on: &dyn Fn() -> Result<(), NoAnswer>,
    ) -> Result<Vec<&'t str>, NoAnswer> {
        let is_selected = |target: &&str| {
            self.shard.is_none_or(|shard| shard.has(target)) && selectors.is_none_or(|selectors| selectors.has(target))
        };
        let mut selected = Vec::new();
        for some in targets.chunks(TARGETS_AT_ONCE) {
            if targets.len() > TARGETS_AT_ONCE {
                go_on()?;
            }
            selected.extend(some.iter().map(Text::as_str).filter(is_selected));
        }
        Ok(selected)
    }
}

/// Writes a comma and a group.
fn write(group: &impl Serialize, out: &mut Vec<u8>) -> Result<(), NoAnswer> {
    out.push(b',');
    serde_json::to_writer(out, group).map_err(encoding)
}

fn encoding(error: impl Display) -> NoAnswer {
    NoAnswer::Encoding(error.to_string())
}
