//! `output.order`: in which order tasks wrote, so that a replay can interleave their logs as they once appeared.
//!
//! A line for each piece: the number of the event before which it came, the place of its job in the plan, the attempt, `o`
//! for stdout or `e` for stderr, and how many bytes. A courtesy: a run without it is replayed attempt by attempt.

use crate::event::{Piece, Stream};
use crate::store::layout::RunDir;
use crate::store::regular;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

/// Text that is kept before it is written.
const MOST_HELD: usize = 16 * 1024;

/// Writes the order while the run goes on. The file is made when there is something to be put in it.
#[derive(Debug)]
pub(crate) struct OutputOrder {
    path: PathBuf,
    file: Option<File>,
    held: Vec<u8>,
    /// Grows as long as the same task goes on writing.
    last: Option<Piece>,
    has_failed: bool,
}

impl OutputOrder {
    pub(crate) fn new(run: &RunDir) -> OutputOrder {
        OutputOrder { path: run.order(), file: None, held: Vec::new(), last: None, has_failed: false }
    }

    pub(crate) fn note(&mut self, piece: Piece) {
        match &mut self.last {
            Some(last) if last.continues(&piece) => last.bytes += piece.bytes,
            last => {
                if let Some(done) = last.replace(piece) {
                    push_line(&mut self.held, done);
                }
                if self.held.len() >= MOST_HELD {
                    self.write();
                }
            }
        }
    }

    /// Writes what is held. A failure may be dropped: the logs themselves are whole.
    pub(crate) fn finish(&mut self) {
        if let Some(done) = self.last.take() {
            push_line(&mut self.held, done);
        }
        self.write();
    }

    fn write(&mut self) {
        if self.held.is_empty() || self.has_failed {
            return;
        }
        let open = || regular::append(&self.path);
        let written = match &mut self.file {
            Some(file) => file.write_all(&self.held),
            None => open().and_then(|file| self.file.insert(file).write_all(&self.held)),
        };
        self.has_failed = written.is_err();
        self.held.clear();
    }
}

fn push_line(text: &mut Vec<u8>, piece: Piece) {
    let Piece { before, place, attempt, stream, bytes } = piece;
    let letter = match stream {
        Stream::Stdout => 'o',
        Stream::Stderr => 'e',
    };
    // A vector takes everything.
    let _ = writeln!(text, "{before} {place} {attempt} {letter} {bytes}");
}

/// The pieces in their order, up to the first line that is none.
pub(crate) fn read(run: &RunDir) -> Vec<Piece> {
    let text = regular::read(&run.order()).unwrap_or_default();
    let lines = text.split(|byte| *byte == b'\n');
    lines.map_while(|line| parse(std::str::from_utf8(line).ok()?)).collect()
}

fn parse(line: &str) -> Option<Piece> {
    let mut words = line.split(' ');
    let piece = Piece {
        before: words.next()?.parse().ok()?,
        place: words.next()?.parse().ok()?,
        attempt: words.next()?.parse().ok()?,
        stream: match words.next()? {
            "o" => Stream::Stdout,
            "e" => Stream::Stderr,
            _ => return None,
        },
        bytes: words.next()?.parse().ok()?,
    };
    words.next().is_none().then_some(piece)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn piece(before: u64, place: usize, stream: Stream, bytes: u64) -> Piece {
        Piece { before, place, attempt: 1, stream, bytes }
    }

    fn sandbox() -> (tempfile::TempDir, RunDir) {
        let sandbox = tempfile::tempdir().expect("a sandbox");
        let run = RunDir { path: sandbox.path().to_owned() };
        (sandbox, run)
    }

    #[test]
    fn pieces_that_follow_each_other_are_one() {
        let (_sandbox, run) = sandbox();
        let mut order = OutputOrder::new(&run);
        for (place, stream, bytes) in
            [(0, Stream::Stdout, 5), (0, Stream::Stdout, 6), (1, Stream::Stdout, 7), (1, Stream::Stderr, 8)]
        {
            order.note(piece(2, place, stream, bytes));
        }
        order.note(piece(3, 1, Stream::Stderr, 9));
        assert!(!run.order().exists(), "nothing is written before there is much, or the run ends");
        order.finish();
        assert_eq!(
            std::fs::read_to_string(run.order()).expect("there"),
            "2 0 1 o 11\n2 1 1 o 7\n2 1 1 e 8\n3 1 1 e 9\n"
        );
    }

    #[test]
    fn a_run_that_shows_nothing_has_no_file_and_a_file_that_cannot_be_written_is_no_matter() {
        let (sandbox, run) = sandbox();
        OutputOrder::new(&run).finish();
        assert!(!run.order().exists());
        drop(sandbox);
        let mut order = OutputOrder::new(&run);
        order.note(piece(1, 0, Stream::Stdout, 1));
        order.finish();
        assert!(read(&run).is_empty());
    }

    proptest! {
        #[test]
        fn an_order_reads_back_as_far_as_it_was_written(
            pieces in proptest::collection::vec((0u64..9, 0usize..4, any::<bool>(), 1u64..100_000), 0..3000),
            cut in any::<prop::sample::Index>(),
        ) {
            let (_sandbox, run) = sandbox();
            let mut order = OutputOrder::new(&run);
            let mut whole: Vec<Piece> = Vec::new();
            for (before, place, is_error, bytes) in pieces {
                let piece = piece(before, place, if is_error { Stream::Stderr } else { Stream::Stdout }, bytes);
                order.note(piece);
                match whole.last_mut() {
                    Some(last) if last.continues(&piece) => last.bytes += bytes,
                    _ => whole.push(piece),
                }
            }
            order.finish();
            prop_assert_eq!(&read(&run), &whole);
            let text = std::fs::read(run.order()).unwrap_or_default();
            std::fs::write(run.order(), &text[..cut.index(text.len() + 1)]).expect("ours");
            let some = read(&run);
            // The last line may have lost digits.
            prop_assert!(some.len() <= whole.len());
            prop_assert!(some.iter().zip(&whole).rev().skip(1).all(|(a, b)| a == b));
        }
    }
}
