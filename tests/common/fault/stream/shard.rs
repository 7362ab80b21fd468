//! An invented shard and its records.

use serde_json::{Value, json};

/// A shard, open or closed.
pub(super) struct Shard {
    number: usize,
    pub(super) parent: Option<usize>,
    pub(super) is_open: bool,
    records: Vec<Value>,
    /// The number of reads after which each record is visible.
    visible_after: Vec<usize>,
    /// The number of reads so far.
    pub(super) reads: usize,
    /// The number of deleted records.
    pub(super) trimmed: usize,
}

/// Returns the id of a shard.
pub(super) fn id(number: usize) -> String {
    format!("shardId-{number:020}")
}

impl Shard {
    pub(super) fn new(number: usize, parent: Option<usize>) -> Self {
        Self { number, parent, is_open: true, records: Vec::new(), visible_after: Vec::new(), reads: 0, trimmed: 0 }
    }

    /// Adds a record that the next `lag` reads do not return.
    pub(super) fn add(&mut self, record: Value, lag: usize) {
        self.records.push(record);
        self.visible_after.push(self.reads + lag);
    }

    /// Returns all records, also deleted and hidden ones.
    pub(super) fn records(&self) -> &[Value] {
        &self.records
    }

    /// Returns the end of the records that the next read can return.
    pub(super) fn visible(&self) -> usize {
        let hidden = self.visible_after.iter().position(|reads| *reads > self.reads);
        hidden.unwrap_or(self.records.len())
    }

    pub(super) fn trim(&mut self) {
        self.trimmed = self.records.len();
    }

    pub(super) fn describe(&self) -> Value {
        let mut range = json!({ "StartingSequenceNumber": "100000000000000000000" });
        if !self.is_open {
            range["EndingSequenceNumber"] = "100000000000000000001".into();
        }
        let mut shard = json!({ "ShardId": id(self.number), "SequenceNumberRange": range });
        if let Some(parent) = self.parent {
            shard["ParentShardId"] = id(parent).into();
        }
        shard
    }
}
