//! What of the groups is asked for, and how it is to look.

use std::fmt::Display;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::NoAnswer;
use crate::group::{
    Entries, LAPSED, Lease, META_LEASE, Selectors, Shard, StoredGroupRef, TargetGroupRef, TargetSelectors, Text,
};

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
#[derive(Deserialize, Serialize)]
struct Group<T, L> {
    targets: Vec<T>,
    labels: L,
}

impl Selection {
    /// Whether each group is asked for as it is.
    #[must_use]
    pub fn is_everything(&self) -> bool {
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
        let json = str::from_utf8(json.get(1..).unwrap_or_default()).map_err(encoding)?;
        if !self.meta && self.selectors.is_none() {
            let Group { targets, labels }: Group<Text<'_>, &RawValue> = serde_json::from_str(json).map_err(encoding)?;
            let targets = self.targets(&targets, None, go_on)?;
            let count = targets.len();
            return match count {
                0 => Ok(None),
                _ => write(&Group { targets, labels }, out).map(|()| Some(count)),
            };
        }
        let group: Group<Text<'_>, Entries<'_, Text<'_>>> = serde_json::from_str(json).map_err(encoding)?;
        let labels: Vec<_> = group.labels.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let label = |name: &str| match name {
            META_LEASE => lapsed.then_some(LAPSED),
            _ => labels.iter().find(|(label, _)| *label == name).map(|(_, value)| *value),
        };
        let selectors = self.selectors.as_ref().map(|selectors| selectors.of_group(job, name, label));
        let targets = self.targets(&group.targets, selectors.as_ref(), go_on)?;
        // A group without targets is served, unless targets are asked for.
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

    /// Those of a group's targets that are asked for.
    fn targets<'t>(
        &self,
        targets: &'t [Text<'_>],
        selectors: Option<&TargetSelectors<'_>>,
        go_on: &dyn Fn() -> Result<(), NoAnswer>,
    ) -> Result<Vec<&'t str>, NoAnswer> {
        let is_asked_for = |target: &&str| {
            self.shard.is_none_or(|shard| shard.has(target)) && selectors.is_none_or(|selectors| selectors.has(target))
        };
        let mut asked_for = Vec::new();
        for some in targets.chunks(TARGETS_AT_ONCE) {
            if targets.len() > TARGETS_AT_ONCE {
                go_on()?;
            }
            asked_for.extend(some.iter().map(Text::as_str).filter(is_asked_for));
        }
        Ok(asked_for)
    }
}

/// Writes a group after a comma.
fn write(group: &impl Serialize, out: &mut Vec<u8>) -> Result<(), NoAnswer> {
    out.push(b',');
    serde_json::to_writer(out, group).map_err(encoding)
}

fn encoding(error: impl Display) -> NoAnswer {
    NoAnswer::Encoding(error.to_string())
}
