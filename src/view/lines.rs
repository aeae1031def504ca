//! Cuts what a task writes into lines that are safe to show, each behind the task's name.
//! Knows neither files nor events.

use super::filter::{self, Filter};
use std::io::BufRead;

/// A line without end is shown in pieces of this many bytes, so that memory stays bounded.
const LONGEST: usize = 64 * 1024;

/// What stands round each line.
#[derive(Clone, Debug, Default)]
pub(crate) struct LineFrame {
    /// Before each line. A blank at its end is left out before an empty line.
    pub(crate) prefix: Vec<u8>,
    /// Colours that a line leaves open are closed at its end and opened again in the next one, so that they do not run
    /// into other lines.
    pub(crate) closes_colours: bool,
}

/// One stream of one attempt.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// The line that has no end yet, as far as a terminal would still show it.
    pending: Vec<u8>,
    filter: Filter,
    /// The pending line is the rest of one that was too long.
    is_rest: bool,
}

impl Lines {
    /// Writes the lines that are whole now to `out`; the rest waits.
    pub(crate) fn push(&mut self, mut bytes: &[u8], frame: &LineFrame, out: &mut Vec<u8>) {
        if !self.pending.is_empty() || self.is_rest {
            let end = after_newline(bytes);
            self.append(&bytes[..end], frame, out);
            bytes = &bytes[end..];
            if self.pending.last() == Some(&b'\n') {
                let line = std::mem::take(&mut self.pending);
                self.line(&line[..line.len() - 1], frame, out);
                self.pending = line;
                self.pending.clear();
            }
        }
        if self.filter.is_idle() && filter::is_clean(bytes) {
            self.push_clean(bytes, frame, out);
            return;
        }
        while let end = after_newline(bytes)
            && end > 0
            && bytes[end - 1] == b'\n'
        {
            self.line(&bytes[..end - 1], frame, out);
            bytes = &bytes[end..];
        }
        self.append(bytes, frame, out);
    }

    /// Nothing more comes: a line without a newline gets one.
    pub(crate) fn end(&mut self, frame: &LineFrame, out: &mut Vec<u8>) {
        if !self.pending.is_empty() || self.filter.is_holding() {
            let pending = std::mem::take(&mut self.pending);
            self.line(&pending, frame, out);
        }
        self.is_rest = false;
        self.filter = Filter::default();
    }

    /// The fast path: nothing to filter, no colour open, nothing pending.
    fn push_clean(&mut self, mut bytes: &[u8], frame: &LineFrame, out: &mut Vec<u8>) {
        let bare = bare(&frame.prefix);
        out.reserve(bytes.len() + bytes.len() / 4);
        while let end = after_newline(bytes)
            && end > 0
            && bytes[end - 1] == b'\n'
        {
            out.extend_from_slice(if end == 1 { bare } else { &frame.prefix });
            out.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end..];
        }
        self.append(bytes, frame, out);
    }

    /// Adds a piece of the pending line.
    fn append(&mut self, piece: &[u8], frame: &LineFrame, out: &mut Vec<u8>) {
        let before = self.pending.len();
        self.pending.extend_from_slice(piece);
        drop_overwritten(&mut self.pending, before);
        // A newline at the end means that the line is whole and about to be written.
        if self.pending.len() > LONGEST && self.pending.last() != Some(&b'\n') {
            let long = std::mem::take(&mut self.pending);
            self.is_rest = true;
            self.open(&frame.prefix, frame, out);
            self.filter.push(&long, out);
            self.close(frame, out);
        }
    }

    /// Writes a whole line, given without its newline.
    fn line(&mut self, line: &[u8], frame: &LineFrame, out: &mut Vec<u8>) {
        let line = visible(line);
        let is_empty = line.is_empty() && !self.filter.is_holding();
        if std::mem::take(&mut self.is_rest) && is_empty {
            return;
        }
        self.open(if is_empty { bare(&frame.prefix) } else { &frame.prefix }, frame, out);
        self.filter.push(line, out);
        self.filter.end(out);
        self.close(frame, out);
    }

    fn open(&mut self, prefix: &[u8], frame: &LineFrame, out: &mut Vec<u8>) {
        out.extend_from_slice(prefix);
        if frame.closes_colours {
            out.extend_from_slice(self.filter.open_colours());
        }
    }

    fn close(&mut self, frame: &LineFrame, out: &mut Vec<u8>) {
        if frame.closes_colours && !self.filter.open_colours().is_empty() {
            out.extend_from_slice(filter::RESET);
        }
        out.push(b'\n');
    }
}

/// What a terminal shows at last of a line with carriage returns in it, as progress bars have them: the text after the
/// last one that is followed by something.
pub(crate) fn visible(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| *byte != b'\r').map_or(0, |place| place + 1);
    let line = &line[..end];
    line.iter().rposition(|byte| *byte == b'\r').map_or(line, |place| &line[place + 1..])
}

/// Forgets the part of a growing line that later parts have overwritten. Everything before `grown_from` was seen before.
pub(crate) fn drop_overwritten(line: &mut Vec<u8>, grown_from: usize) {
    // A carriage return counts once something other than a newline follows it, so one at the old end counts now.
    let from = line[..grown_from].iter().rposition(|byte| *byte != b'\r').map_or(0, |place| place + 1);
    if !line[from..].contains(&b'\r') {
        return;
    }
    let Some(last) = line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')) else { return };
    if let Some(place) = line[..last].iter().rposition(|byte| *byte == b'\r') {
        line.drain(..=place);
    }
}

/// The length of the first line with its newline, or of all if there is none.
pub(crate) fn after_newline(mut bytes: &[u8]) -> usize {
    // Reading from a slice cannot fail; this way it is libc's `memchr` that searches.
    bytes.skip_until(b'\n').unwrap_or(0)
}

fn bare(prefix: &[u8]) -> &[u8] {
    prefix.strip_suffix(b" ").unwrap_or(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame() -> LineFrame {
        LineFrame { prefix: b"a | ".to_vec(), closes_colours: true }
    }

    fn shown(parts: &[&[u8]]) -> String {
        let (mut lines, mut out) = (Lines::default(), Vec::new());
        for part in parts {
            lines.push(part, &frame(), &mut out);
        }
        lines.end(&frame(), &mut out);
        String::from_utf8(out).expect("the filter writes UTF-8")
    }

    #[test]
    fn lines_are_whole_and_bars_show_their_last_state() {
        for (parts, text) in [
            (&[&b"one\ntw"[..], b"o\n\nthree"][..], "a | one\na | two\na |\na | three\n"),
            (&[b"dos\r\n", b"cut\r", b"\n"], "a | dos\na | cut\n"),
            (&[b" 1%\r 2%", b"\r", b"\r99%\rdone\n"], "a | done\n"),
            (&[b" 1%\r", b" 2%\r"], "a |  2%\n"),
            (
                &[b"\x1b[31mred\nstill\x1b[0m\nplain\n"],
                "a | \x1b[31mred\x1b[0m\na | \x1b[31mstill\x1b[0m\na | plain\n",
            ),
            (&["ż".as_bytes().split_at(1).0, "żó\n".as_bytes().split_at(1).1], "a | żó\n"),
            (&[b""], ""),
            (&[b"\x1b"], "a | \\x1b\n"),
        ] {
            assert_eq!(shown(parts), text);
        }
    }

    #[test]
    fn a_line_without_end_comes_in_pieces_and_in_constant_memory() {
        let (mut lines, mut out) = (Lines::default(), Vec::new());
        for _ in 0..1000 {
            lines.push("ó".repeat(500).as_bytes(), &frame(), &mut out);
            lines.push(&"ó".as_bytes()[..1], &frame(), &mut out);
            lines.push(&"ó".as_bytes()[1..], &frame(), &mut out);
            assert!(lines.pending.capacity() < 3 * LONGEST);
        }
        lines.end(&frame(), &mut out);
        let text = String::from_utf8(out).expect("UTF-8");
        assert_eq!(text.replace("a | ", "").replace('\n', ""), "ó".repeat(501_000));
        assert_eq!(text.lines().count(), 16);
    }

    #[test]
    fn a_bar_that_never_ends_is_one_line_of_constant_memory() {
        let (mut lines, mut out) = (Lines::default(), Vec::new());
        for percent in 0..100_000 {
            lines.push(format!("\r{percent:>40} of 100000").as_bytes(), &frame(), &mut out);
        }
        assert!(out.is_empty() && lines.pending.capacity() < 1_000);
        lines.end(&frame(), &mut out);
        assert_eq!(String::from_utf8_lossy(&out), format!("a | {:>40} of 100000\n", 99_999));
    }

    #[test]
    fn the_newline_of_a_long_line_makes_no_empty_line() {
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(shown(&[long.as_bytes(), b"\nnext\n"]), format!("a | {long}\na | next\n"));
        assert_eq!(shown(&[long.as_bytes(), b"\xc3", b"\n\n"]), format!("a | {long}\na | \u{fffd}\na |\n"));
        let mut cut = long.clone().into_bytes();
        cut.push(0xc3);
        assert_eq!(shown(&[&cut]), format!("a | {long}\na | \u{fffd}\n"));
    }

    proptest! {
        #[test]
        fn every_character_comes_once_in_order(
            text in "[a-zżó \\x1b\\n\\t]{0,200}",
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let bytes = text.as_bytes();
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            let parts: Vec<&[u8]> = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let expected: String = text.split_inclusive('\n').map(|line| {
                let line = line.trim_end_matches('\n').replace('\x1b', "\\x1b");
                if line.is_empty() { "a |\n".to_owned() } else { format!("a | {line}\n") }
            }).collect();
            prop_assert_eq!(shown(&parts), expected);
        }

        #[test]
        fn overwritten_parts_are_forgotten_wherever_the_line_is_cut(text in "[ab\\r]{0,20}", at in any::<prop::sample::Index>()) {
            let (first, second) = text.as_bytes().split_at(at.index(text.len() + 1));
            let mut line = first.to_vec();
            drop_overwritten(&mut line, 0);
            let before = line.len();
            line.extend_from_slice(second);
            drop_overwritten(&mut line, before);
            prop_assert_eq!(visible(&line), visible(text.as_bytes()));
        }
    }
}
