//! What is written in pieces: a secret that is cut in two by the end of one is still a secret.

use super::{Masker, masked};
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
        let (mut found, mut open) = masker.found_and_open(piece);
        // A secret of which more may come waits for that.
        while let Some(last) = found.pop_if(|last| last.end > open) {
            open = open.min(last.start);
        }
        if piece.len() - open > MOST_HELD {
            open = piece.len();
            found = masker.found(piece);
        }
        self.held.clear();
        self.held.extend_from_slice(&piece[open..]);
        piece.truncate(open);
        if !found.is_empty() {
            *piece = masked(piece, found);
        }
    }

    /// The stream has ended: what was held back, masked. `masker` is none if there are no secrets.
    pub(crate) fn finish(&mut self, masker: Option<&Arc<Masker>>) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        masker.map_or(held.clone(), |masker| masker.bytes(&held).into_owned())
    }
}
