//! A list of groups as JSON, put together of pieces.

use bytes::Bytes;

use super::Body;

/// Below this many bytes it costs less to copy JSON than to send it as a piece of its own.
const LEAST_PIECE: usize = 16 * 1024;
/// Copies are pieces of about this many bytes.
const COPIED_PIECE: usize = 1024 * 1024;

/// JSON of groups, each after a comma.
#[derive(Debug, Default)]
pub(super) struct List {
    pieces: Vec<Bytes>,
    /// Small pieces that come next.
    small: Vec<u8>,
    /// How many bytes of the pieces are copies.
    copied: usize,
}

impl List {
    /// Adds JSON: as it is, or as a copy if it is small.
    pub(super) fn push(&mut self, json: Bytes) {
        if json.len() < LEAST_PIECE {
            self.small.extend_from_slice(&json);
            if self.small.len() >= COPIED_PIECE {
                self.end_small();
            }
        } else {
            self.end_small();
            self.pieces.push(json);
        }
    }

    /// Adds JSON that was written for this list and is large enough to be a piece, and leaves nothing of it; else leaves it.
    pub(super) fn move_from(&mut self, written: &mut Vec<u8>) {
        if written.len() >= COPIED_PIECE {
            self.end_small();
            self.copied += written.len();
            self.pieces.push(std::mem::take(written).into());
        }
    }

    /// How many bytes the list takes beside what it shares.
    pub(super) fn copied(&self) -> usize {
        self.copied + self.small.len()
    }

    fn end_small(&mut self) {
        if !self.small.is_empty() {
            self.copied += self.small.len();
            self.pieces.push(std::mem::take(&mut self.small).into());
        }
    }

    /// The list in brackets.
    pub(super) fn finish(mut self) -> Body {
        self.end_small();
        let mut pieces = Vec::with_capacity(self.pieces.len() + 2);
        pieces.push(Bytes::from_static(b"["));
        pieces.append(&mut self.pieces);
        if let Some(first) = pieces.get_mut(1) {
            // Nothing is before the first group.
            let _comma = first.split_to(1);
        }
        pieces.push(Bytes::from_static(b"]"));
        pieces.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_pieces_are_shared_and_small_ones_are_copied_together() {
        let json = |len: usize| Bytes::from(format!(",{}", "x".repeat(len - 1)));
        let (large, small) = (json(LEAST_PIECE), json(10));
        let mut list = List::default();
        for piece in [&small, &small, &large, &small] {
            list.push(piece.clone());
        }
        assert_eq!(list.copied(), 30);
        let body = list.finish();
        assert_eq!(body.pieces().iter().map(Bytes::len).collect::<Vec<_>>(), [1, 19, LEAST_PIECE, 10, 1]);
        assert_eq!(body.pieces()[2].as_ptr(), large.as_ptr());
    }

    #[test]
    fn a_list_of_nothing_is_two_brackets() {
        assert_eq!(List::default().finish().into_vec(), b"[]");
        let mut list = List::default();
        list.push(Bytes::new());
        list.push(Bytes::from_static(b",{}"));
        assert_eq!(list.finish().into_vec(), b"[{}]");
    }
}
