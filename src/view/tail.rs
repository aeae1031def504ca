//! The last lines of what an attempt wrote, both streams in the order in which their lines ended, as a failure
//! block shows them.
//! Knows nothing of the log files, which have everything.

use super::filter;
use super::lines::{after_newline, visible};
use crate::event::Stream;
use std::collections::VecDeque;

/// How many bytes of a line are kept.
const LONGEST: usize = 2_000;

#[derive(Debug)]
pub(crate) struct Tail {
    /// At most so many lines are kept.
    most: usize,
    kept: VecDeque<TailLine>,
    /// Lines so far that have ended.
    total: u64,
    open: [TailLine; 2],
}

#[derive(Clone, Debug, Default)]
struct TailLine {
    /// The beginning of what a terminal would still show of it.
    bytes: Vec<u8>,
    /// Bytes that were not kept.
    lost: u64,
    /// Its last byte is a carriage return: what follows overwrites it.
    is_returned: bool,
}

impl Tail {
    pub(crate) fn new(most: usize) -> Tail {
        Tail { most, kept: VecDeque::new(), total: 0, open: Default::default() }
    }

    pub(crate) fn push(&mut self, stream: Stream, mut bytes: &[u8]) {
        let slot = match stream {
            Stream::Stdout => 0,
            Stream::Stderr => 1,
        };
        let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
        if ends > 0 {
            let end = after_newline(bytes);
            self.open[slot].push(&bytes[..end - 1]);
            let line = std::mem::take(&mut self.open[slot]);
            self.keep(line);
            bytes = &bytes[end..];
            // Lines that would be pushed out at once are only counted.
            let skipped = (ends - 1).saturating_sub(self.most);
            if skipped > 0 {
                self.total += skipped as u64;
                bytes = last_lines(bytes, self.most);
            }
            for _ in skipped..ends - 1 {
                let end = after_newline(bytes);
                let mut line = TailLine::default();
                line.push(&bytes[..end - 1]);
                self.keep(line);
                bytes = &bytes[end..];
            }
        }
        self.open[slot].push(bytes);
    }

    fn keep(&mut self, line: TailLine) {
        self.total += 1;
        self.kept.push_back(line);
        if self.kept.len() > self.most {
            self.kept.pop_front();
        }
    }

    /// No more comes: lines without a newline count too.
    pub(crate) fn end(&mut self) {
        for slot in 0..2 {
            let line = std::mem::take(&mut self.open[slot]);
            if line.is_returned || !line.bytes.is_empty() {
                self.keep(line);
            }
        }
    }

    /// How many lines were written, kept or not.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The kept lines, safe to show; each closes the colours it opens.
    pub(crate) fn lines(&self) -> impl ExactSizeIterator<Item = String> {
        self.kept.iter().map(TailLine::shown)
    }
}

impl TailLine {
    fn push(&mut self, piece: &[u8]) {
        let Some(last) = piece.iter().rposition(|byte| *byte != b'\r') else {
            self.is_returned |= !piece.is_empty();
            return;
        };
        let text = visible(piece);
        if self.is_returned || text.len() <= last {
            self.bytes.clear();
            self.lost = 0;
        }
        self.is_returned = last + 1 < piece.len();
        let kept = text.len().min(LONGEST - self.bytes.len());
        self.bytes.extend_from_slice(&text[..kept]);
        self.lost += (text.len() - kept) as u64;
    }

    fn shown(&self) -> String {
        let mut bytes = self.bytes.as_slice();
        if self.lost == 0 {
            return filter::filtered(bytes);
        }
        // A character that was cut is no character.
        if let Some(cut) = bytes.utf8_chunks().last().filter(|chunk| !chunk.invalid().is_empty()) {
            bytes = &bytes[..bytes.len() - cut.invalid().len()];
        }
        format!("{} … and {} more bytes", filter::filtered(bytes), self.lost)
    }
}

/// The last `most` whole lines of `bytes`, and what follows them.
fn last_lines(bytes: &[u8], most: usize) -> &[u8] {
    let ends = bytes.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    // One newline more than there are lines: the one before the first of them.
    ends.map(|(place, _)| place).nth(most).map_or(bytes, |before| &bytes[before + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tail(most: usize, pieces: &[(Stream, &str)]) -> (u64, Vec<String>) {
        let mut tail = Tail::new(most);
        for (stream, text) in pieces {
            tail.push(*stream, text.as_bytes());
        }
        tail.end();
        (tail.total(), tail.lines().collect())
    }

    #[test]
    fn both_streams_in_the_order_in_which_their_lines_ended() {
        let pieces = [
            (Stream::Stdout, "one\ntw"),
            (Stream::Stderr, "oops\n"),
            (Stream::Stdout, "o\n"),
            (Stream::Stderr, "no newline"),
            (Stream::Stdout, " 5%\r50%\rdone\r\n"),
        ];
        let all = ["one", "oops", "two", "done", "no newline"];
        assert_eq!(tail(20, &pieces), (5, all.map(str::to_owned).to_vec()));
        assert_eq!(tail(2, &pieces), (5, all[3..].iter().map(|line| (*line).to_owned()).collect()));
        assert_eq!(tail(0, &pieces), (5, vec![]));
    }

    #[test]
    fn of_a_long_line_the_beginning_is_kept_and_the_rest_counted() {
        let long = "ó".repeat(5_000);
        let (total, lines) =
            tail(3, &[(Stream::Stdout, "x"), (Stream::Stdout, &long), (Stream::Stdout, &long)]);
        assert_eq!((total, lines.len()), (1, 1));
        assert_eq!(lines[0], format!("x{} … and 18001 more bytes", "ó".repeat(999)));
        let (_, lines) =
            tail(3, &[(Stream::Stdout, &long), (Stream::Stdout, "\r"), (Stream::Stdout, "short")]);
        assert_eq!(lines, ["short"]);
    }

    proptest! {
        #[test]
        fn as_if_all_lines_had_been_kept(
            text in "[ab\\n\\r]{0,120}",
            most in 0..6_usize,
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            places.extend([0, text.len()]);
            places.sort_unstable();
            let pieces: Vec<(Stream, &str)> = places.windows(2).map(|pair| (Stream::Stderr, &text[pair[0]..pair[1]])).collect();
            let whole = text.strip_suffix('\n').unwrap_or(&text);
            let all: Vec<String> = if text.is_empty() { vec![] } else {
                whole.split('\n').map(|line| String::from_utf8_lossy(visible(line.as_bytes())).into_owned()).collect()
            };
            let last = all[all.len().saturating_sub(most)..].to_vec();
            prop_assert_eq!(tail(most, &pieces), (all.len() as u64, last));
        }
    }
}
