//! What is written in pieces: a secret that is cut in two by the end of one is still a secret.

use super::Masker;
use std::sync::Arc;

/// The most that is held back. Who writes so much that could all be one secret writes none.
const MOST_HELD: usize = 1 << 20;

/// Masks one stream of bytes. Holds back what may be the beginning of a secret until it is known.
#[derive(Default)]
pub(crate) struct Passage {
    held: Vec<u8>,
}

impl Passage {
    /// Takes the next piece, and leaves in `piece` what can be shown by now.
    pub(crate) fn pass(&mut self, masker: &Arc<Masker>, piece: &mut Vec<u8>) {
        if !self.held.is_empty() {
            self.held.append(piece);
            std::mem::swap(&mut self.held, piece);
        }
        let mut open = masker.open_from(piece);
        for range in masker.found(piece).into_iter().rev() {
            // What it would be replaced by must not end before what may be more of it.
            if range.end > open {
                open = open.min(range.start);
            }
        }
        if piece.len() - open > MOST_HELD {
            open = piece.len();
        }
        self.held.clear();
        self.held.extend_from_slice(&piece[open..]);
        piece.truncate(open);
        if let std::borrow::Cow::Owned(masked) = masker.bytes(piece) {
            *piece = masked;
        }
    }

    /// The stream has ended: what was held back, masked. `masker` is none if there are no secrets.
    pub(crate) fn finish(&mut self, masker: Option<&Arc<Masker>>) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        masker.map_or(held.clone(), |masker| masker.bytes(&held).into_owned())
    }
}
