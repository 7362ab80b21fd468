//! The journal: what the commands of this user replaced, so that `sdctl undo` can put it back.
//!
//! Each command that writes has a folder, named by its number. `entry.json` describes the command. `rows.json.gz` has a
//! line for each step:
//!
//! | line | meaning |
//! |---|---|
//! | `{"Intent":{"job":…,"group":…}}` | a request that changes or removes this row follows |
//! | `{"Change":{"OldImage":{…},"NewImage":{…}}}` | the row before and after; without `OldImage` the row is new |
//! | `{"Failed":{"job":…,"group":…}}` | the last write of this row did not happen |
//!
//! Images are in DynamoDB JSON, as in DynamoDB's incremental exports. A line reaches the file before sdctl continues,
//! so a command that is killed can be undone as far as it went. New rows are written to the journal before they are
//! written to the table. If sdctl is killed after an intent, the row before is unknown.
//!
//! Writes of `sdctl register` are not recorded: its renewals would replace all other entries.

mod entry;
pub(super) mod recorder;
mod writer;

use std::path::PathBuf;

use aws_sdk_dynamodb::types::AttributeValue;
use etcetera::{BaseStrategy, choose_base_strategy};
use http_sd_lambda::table::{Attributes, GROUP, JOB};
use serde::{Deserialize, Serialize};

pub(crate) use self::{
    entry::{End, Entry, Header, Images, Numbers, Rows},
    recorder::{Recorder, finish},
};

/// The number of entries that the journal keeps.
pub(crate) const MOST_ENTRIES: usize = 100;
/// The most bytes of lines of one entry, before compression.
pub(crate) const MOST_BYTES: u64 = 128 << 20;

/// The table that an entry changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TableId {
    Local { folder: String },
    Remote { name: String, account: String, region: String, endpoint_url: Option<String> },
}

impl std::fmt::Display for TableId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local { folder } => f.write_str(folder),
            Self::Remote { name, account, region, endpoint_url } => {
                write!(f, "{name} ({account}, {region}")?;
                endpoint_url.as_ref().map_or(Ok(()), |url| write!(f, ", {url}"))?;
                f.write_str(")")
            }
        }
    }
}

/// Returns the folder of the journal, or `None` if the home folder is unknown.
pub(crate) fn folder() -> Option<PathBuf> {
    Some(choose_base_strategy().ok()?.state_dir()?.join("http-sd").join("journal"))
}

/// A line of `rows.json.gz`. `K` is a key, `I` an image.
#[derive(Debug, Serialize, Deserialize)]
enum Line<K, I> {
    Intent(K),
    Change {
        #[serde(rename = "OldImage", skip_serializing_if = "Option::is_none", default = "none")]
        old: Option<I>,
        #[serde(rename = "NewImage", skip_serializing_if = "Option::is_none", default = "none")]
        new: Option<I>,
    },
    Failed(K),
}

/// Replaces `Option::default`, for which serde would require `I: Default`.
fn none<I>() -> Option<I> {
    None
}

/// The key of a row.
#[derive(Debug, Serialize, Deserialize)]
struct Key<T> {
    job: T,
    group: T,
}

impl<'a> Key<&'a str> {
    /// Returns the key of a row with these attributes. Rows of a table of target groups always have one.
    fn of(row: &'a Attributes) -> Self {
        let text = |name| row.get(name).and_then(|value: &AttributeValue| value.as_s().ok());
        Self { job: text(JOB).map_or("", String::as_str), group: text(GROUP).map_or("", String::as_str) }
    }
}
