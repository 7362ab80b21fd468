//! The body of a response, in shared pieces.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// The complete body of a response. It consists of pieces, so that a large list is not copied into one buffer.
#[derive(Debug, Clone, Default)]
pub struct Body {
    pieces: vec::IntoIter<Bytes>,
    len: usize,
}

impl Body {
    /// Returns the number of remaining bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether no byte remains.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the remaining pieces, in order. No piece is empty.
    #[must_use]
    pub fn pieces(&self) -> &[Bytes] {
        self.pieces.as_slice()
    }

    /// Returns all remaining bytes. Several pieces are copied.
    #[must_use]
    pub fn into_vec(mut self) -> Vec<u8> {
        if self.pieces.len() <= 1 {
            return self.pieces.next().unwrap_or_default().into();
        }
        let mut whole = Vec::with_capacity(self.len);
        self.pieces.for_each(|piece| whole.extend_from_slice(&piece));
        whole
    }
}

impl From<Vec<Bytes>> for Body {
    fn from(mut pieces: Vec<Bytes>) -> Self {
        pieces.retain(|piece| !piece.is_empty());
        let len = pieces.iter().map(Bytes::len).sum();
        Self { pieces: pieces.into_iter(), len }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        vec![Bytes::from(bytes)].into()
    }
}

impl Iterator for Body {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let piece = self.pieces.next()?;
        self.len -= piece.len();
        Some(piece)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.get_mut().next().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reader_sees_the_same_bytes() {
        let cases: [(&[&str], &str, usize); 4] =
            [(&[], "", 0), (&[""], "", 0), (&["a"], "a", 1), (&["[", "", "abc", "]"], "[abc]", 3)];
        for (pieces, whole, count) in cases {
            let body = Body::from(pieces.iter().map(|piece| Bytes::from((*piece).to_owned())).collect::<Vec<_>>());
            assert_eq!((body.len(), body.is_empty(), body.pieces().len()), (whole.len(), whole.is_empty(), count));
            assert_eq!(http_body::Body::size_hint(&body).exact(), Some(whole.len() as u64));
            assert_eq!(body.clone().flatten().collect::<Vec<u8>>(), whole.as_bytes());
            assert_eq!(body.into_vec(), whole.as_bytes());
        }
    }

    #[test]
    fn read_pieces_do_not_remain() {
        let mut body = Body::from(vec![Bytes::from_static(b"ab"), Bytes::from_static(b"c")]);
        assert_eq!(body.next().unwrap(), "ab");
        assert_eq!((body.len(), body.into_vec()), (1, b"c".to_vec()));
    }
}
