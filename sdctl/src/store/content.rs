//! Builds the attributes that `sdctl` writes to a row.

use aws_sdk_dynamodb::types::AttributeValue;
use http_sd_lambda::group::{EpochSeconds, StoredGroup};

/// The attributes that a conditional write compares, to detect a change by another writer.
pub(super) const CONTENT: [&str; 5] = ["targets", "labels", "expires_at", "delete_at", "managed_by"];

/// Returns the attributes of a row, without its key.
pub(super) fn content(
    group: &StoredGroup,
    owner: Option<&str>,
    now: EpochSeconds,
) -> Vec<(&'static str, AttributeValue)> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let time = |time: EpochSeconds| AttributeValue::N(time.0.to_string());
    let StoredGroup { lease, group, .. } = group;
    let targets = group.targets.iter().map(|target| text(target.as_str())).collect();
    let labels = group.labels.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let mut content =
        vec![("targets", AttributeValue::L(targets)), ("labels", AttributeValue::M(labels)), ("updated_at", time(now))];
    content.extend(lease.expires_at.map(|at| ("expires_at", time(at))));
    content.extend(lease.delete_at.map(|at| ("delete_at", time(at))));
    content.extend(owner.map(|owner| ("managed_by", text(owner))));
    content
}
