//! The writer of a JSON list of groups, which shares large pieces and copies small ones.

use bytes::Bytes;

use super::Body;

/// The minimum size of a shared piece, in bytes. Copying less JSON is cheaper than sending another piece.
const LEAST_PIECE: usize = 16 * 1024;
/// The approximate size of a piece of copied JSON, in bytes.
const COPIED_PIECE: usize = 1024 * 1024;

/// The JSON of groups, with a comma before each group.
#[derive(Debug, Default)]
pub(super) struct List {
    pieces: Vec<Bytes>,
    /// Copied JSON after the last piece.
    small: Vec<u8>,
    /// The number of copied bytes in `pieces`.
    copied: usize,
}

impl List {
    /// Adds JSON. Small JSON is copied, large JSON is shared.
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

    /// Moves written JSON into the list if it is large enough for a piece.
    pub(super) fn move_from(&mut self, written: &mut Vec<u8>) {
        if written.len() >= COPIED_PIECE {
            self.end_small();
            self.copied += written.len();
            self.pieces.push(std::mem::take(written).into());
        }
    }

    /// Returns the number of bytes that the list does not share.
    pub(super) fn copied(&self) -> usize {
        self.copied + self.small.len()
    }

    fn end_small(&mut self) {
        if !self.small.is_empty() {
            self.copied += self.small.len();
            self.pieces.push(std::mem::take(&mut self.small).into());
        }
    }

    /// Returns the list in brackets.
    pub(super) fn finish(mut self) -> Body {
        self.end_small();
        let mut pieces = Vec::with_capacity(self.pieces.len() + 2);
        pieces.push(Bytes::from_static(b"["));
        pieces.append(&mut self.pieces);
        if let Some(first) = pieces.get_mut(1) {
            // The first group needs no comma.
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
    fn large_pieces_are_shared_small_are_copied() {
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
    fn empty_list_is_two_brackets() {
        assert_eq!(List::default().finish().into_vec(), b"[]");
        let mut list = List::default();
        list.push(Bytes::new());
        list.push(Bytes::from_static(b",{}"));
        assert_eq!(list.finish().into_vec(), b"[{}]");
    }
}
