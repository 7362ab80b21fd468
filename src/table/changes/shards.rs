//! The shards of a stream and their order.

use std::collections::HashSet;

use serde::Deserialize;

/// A shard. It continues its parent, if it has one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Shard {
    shard_id: String,
    parent_shard_id: Option<String>,
}

/// All shards that a stream lists, open and closed.
#[derive(Debug, Default)]
pub(super) struct Shards(Vec<Shard>);

impl Shards {
    pub(super) fn add(&mut self, shards: Vec<Shard>) {
        self.0.extend(shards);
    }

    /// Returns the shards that no other shard continues.
    ///
    /// They are open, or have just closed. An `EndingSequenceNumber` would not tell: the embedded engine has one for an
    /// open shard.
    pub(super) fn leaves(&self) -> impl Iterator<Item = &str> {
        let parents: HashSet<&str> = self.0.iter().filter_map(|shard| shard.parent_shard_id.as_deref()).collect();
        self.0.iter().map(|shard| shard.shard_id.as_str()).filter(move |shard| !parents.contains(shard))
    }

    /// Returns whether another shard continues this one.
    pub(super) fn has_child(&self, shard: &str) -> bool {
        self.0.iter().any(|other| other.parent_shard_id.as_deref() == Some(shard))
    }

    pub(super) fn ids(&self) -> HashSet<String> {
        self.0.iter().map(|shard| shard.shard_id.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shards(json: &str) -> Shards {
        Shards(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn shards_without_children_are_leaves() {
        let cases = [
            ("[]", vec![]),
            (r#"[{"ShardId":"a"}]"#, vec!["a"]),
            // The parent of the oldest shards is no longer listed.
            (r#"[{"ShardId":"a","ParentShardId":"deleted"}]"#, vec!["a"]),
            (r#"[{"ShardId":"b","ParentShardId":"a"},{"ShardId":"a"},{"ShardId":"c"}]"#, vec!["b", "c"]),
            (
                r#"[{"ShardId":"a"},{"ShardId":"b","ParentShardId":"a"},{"ShardId":"c","ParentShardId":"a"}]"#,
                vec!["b", "c"],
            ),
            // The embedded engine lists its open shard so.
            (r#"[{"ShardId":"a","SequenceNumberRange":{"EndingSequenceNumber":"1"}}]"#, vec!["a"]),
        ];
        for (json, expected) in cases {
            assert_eq!(shards(json).leaves().collect::<Vec<_>>(), expected, "{json}");
        }
    }

    #[test]
    fn closed_shard_is_continued_by_its_child() {
        let shards = shards(r#"[{"ShardId":"a"},{"ShardId":"b","ParentShardId":"a"}]"#);
        assert_eq!((shards.has_child("a"), shards.has_child("b"), shards.has_child("c")), (true, false, false));
        assert_eq!(shards.ids(), HashSet::from(["a".to_owned(), "b".to_owned()]));
    }
}
