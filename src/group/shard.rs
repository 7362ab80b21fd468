//! Shards: the parts into which several Prometheus servers split all targets.

use std::{fmt, num::NonZeroU64};

use md5::{Digest, Md5};
use thiserror::Error;

/// One of `of` parts of all targets. A hash assigns each target to exactly one shard, always the same.
///
/// The assignment equals Prometheus's relabelling with `action: hashmod` and `source_labels: [__address__]`: the last
/// eight bytes of the target's MD5 as a big-endian number, modulo the number of shards ([`relabel.go`][relabel], the
/// case `HashMod`). `__address__` is the discovered target, before Prometheus adds a missing port, if it does.
///
/// [relabel]: https://github.com/prometheus/prometheus/blob/02a325539b6ad3745e799c0a24c4e44b2698e651/model/relabel/relabel.go
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shard {
    index: u64,
    of: NonZeroU64,
}

/// An invalid shard. The text follows "the query parameter".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotAShard {
    /// The number of shards is zero or too large.
    #[error("of must be the number of shards, a decimal number from 1 to {}", Shard::MOST)]
    Of,
    /// The index is not less than the number of shards.
    #[error("shard must be a decimal number from 0 to {most}, one less than of")]
    Index {
        /// The largest index.
        most: u64,
    },
}

impl Shard {
    /// The maximum number of shards. It exceeds any sensible number of servers, each of which reads the whole table. It
    /// is small enough to reject a port or a time given by mistake: nearly every such shard would be an empty list, on
    /// which Prometheus drops its targets.
    pub const MOST: u64 = 1024;

    /// Creates the shard with an index, from 0, of `of` shards.
    ///
    /// # Errors
    /// [`NotAShard::Of`] unless `of` is 1 to [`Shard::MOST`]; [`NotAShard::Index`] unless `index` is less than `of`.
    pub fn new(index: u64, of: u64) -> Result<Self, NotAShard> {
        let of = NonZeroU64::new(of).filter(|of| of.get() <= Self::MOST).ok_or(NotAShard::Of)?;
        if index < of.get() { Ok(Self { index, of }) } else { Err(NotAShard::Index { most: of.get() - 1 }) }
    }

    /// Returns whether the shard contains a target.
    #[must_use]
    pub fn has(&self, target: &str) -> bool {
        hash(target) % self.of == self.index
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

fn hash(target: &str) -> u64 {
    let [_, _, _, _, _, _, _, _, last @ ..]: [u8; 16] = Md5::digest(target).into();
    u64::from_be_bytes(last)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// Expected values from Python: `int.from_bytes(hashlib.md5(target.encode()).digest()[8:], "big")`, and its
    /// remainders.
    #[test]
    fn shard_equals_hashmod_of_prometheus() {
        let long = "x".repeat(300);
        let cases = [
            ("10.0.0.1:9100", 0x4cfe_ac40_8362_8b3d, [0, 1, 2, 1, 2, 5, 645, 829]),
            ("[::1]:9100", 0x99ac_9c59_0737_56b6, [0, 0, 0, 2, 2, 0, 630, 694]),
            ("müller.example:9100", 0x89bc_e18b_97a0_3a7e, [0, 0, 2, 2, 2, 4, 654, 638]),
            ("https://example.org/a?b=c#d", 0xbc52_4ecb_c189_013b, [0, 1, 2, 3, 1, 1, 811, 315]),
            ("a", 0x31c3_99e2_6977_2661, [0, 1, 1, 1, 2, 7, 697, 609]),
            ("web-1.example.internal:9100", 0xdc00_32b0_49e0_4b80, [0, 0, 1, 0, 1, 6, 976, 896]),
            (&long, 0xd91e_d59d_b796_af28, [0, 0, 1, 0, 4, 0, 320, 808]),
        ];
        for (target, expected, remainders) in cases {
            assert_eq!(hash(target), expected, "{target:?}");
            for (of, index) in [1, 2, 3, 4, 7, 10, 1000, 1024].into_iter().zip(remainders) {
                for other in 0..of {
                    let shard = Shard::new(other, of).unwrap();
                    assert_eq!(shard.has(target), other == index, "{target:?} in {shard}");
                }
            }
        }
    }

    #[test]
    fn shard_count_and_index_are_limited() {
        let index = |most| Err(NotAShard::Index { most });
        let cases = [
            (0, 1, Ok("0/1")),
            (1, 4, Ok("1/4")),
            (1023, 1024, Ok("1023/1024")),
            (1, 1, index(0)),
            (4, 4, index(3)),
            (u64::MAX, 1024, index(1023)),
            (0, 0, Err(NotAShard::Of)),
            (0, 1025, Err(NotAShard::Of)),
            (u64::MAX, u64::MAX, Err(NotAShard::Of)),
        ];
        for (index, of, expected) in cases {
            let shard = Shard::new(index, of).map(|shard| shard.to_string());
            assert_eq!(shard, expected.map(str::to_owned), "{index} of {of}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn shards_partition_targets_in_order(
            texts in vec("[^\\s\\p{Cc}]{1,40}", 0..40),
            of in 1..40_u64,
        ) {
            let targets: Vec<(usize, String)> = texts.into_iter().enumerate().collect();
            let shards = (0..of).map(|index| Shard::new(index, of).unwrap());
            let parts = shards.map(|shard| targets.iter().filter(|(_, target)| shard.has(target)).collect::<Vec<_>>());
            let mut union = Vec::new();
            for part in parts {
                prop_assert!(part.is_sorted_by_key(|(place, _)| place));
                union.extend(part);
            }
            union.sort_by_key(|(place, _)| place);
            prop_assert_eq!(union, targets.iter().collect::<Vec<_>>());
        }
    }
}
