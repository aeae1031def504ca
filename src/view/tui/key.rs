//! Bytes from a terminal to keys, as far as the full-screen view has a use for them.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyPress {
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    /// ^C
    Interrupt,
    /// ^Z
    Suspend,
    /// ^L
    Redraw,
    Char(char),
}

/// The keys of one read. A terminal sends the sequence of a key at once, so none of them is cut.
pub(super) fn keys(bytes: &[u8]) -> Vec<KeyPress> {
    let mut keys = Vec::new();
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            0x03 => keys.push(KeyPress::Interrupt),
            0x0c => keys.push(KeyPress::Redraw),
            b'\r' | b'\n' => keys.push(KeyPress::Enter),
            0x1a => keys.push(KeyPress::Suspend),
            0x1b => {
                let (key, after) = sequence(rest);
                keys.extend(key);
                rest = after;
            }
            b' '..=b'~' => keys.push(KeyPress::Char(char::from(*first))),
            // No key of ours: another control key, or a letter beyond ASCII.
            _ => {}
        }
    }
    keys
}

/// The key of an escape sequence, and what follows it. The escape key alone is none of ours.
/// Source: ECMA-48, 5.4 (control sequences), and xterm's "PC-style function keys".
fn sequence(bytes: &[u8]) -> (Option<KeyPress>, &[u8]) {
    let [b'[' | b'O', after @ ..] = bytes else { return (None, bytes) };
    let length = after.iter().take_while(|byte| matches!(byte, b' '..=b'?')).count();
    let (parameters, [last, rest @ ..]) = after.split_at(length) else { return (None, &[]) };
    let key = match (parameters, last) {
        (_, b'A') => Some(KeyPress::Up),
        (_, b'B') => Some(KeyPress::Down),
        (_, b'H') | (b"1" | b"7", b'~') => Some(KeyPress::Home),
        (_, b'F') | (b"4" | b"8", b'~') => Some(KeyPress::End),
        (b"5", b'~') => Some(KeyPress::PageUp),
        (b"6", b'~') => Some(KeyPress::PageDown),
        _ => None,
    };
    (key, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_told_from_their_sequences() {
        use KeyPress::*;
        for (bytes, expected) in [
            ("jk", vec![Char('j'), Char('k')]),
            ("\x1b[A\x1b[B\x1bOA\x1bOB", vec![Up, Down, Up, Down]),
            ("\x1b[5~\x1b[6~", vec![PageUp, PageDown]),
            ("\x1b[H\x1b[F\x1b[1~\x1b[4~\x1bOH", vec![Home, End, Home, End, Home]),
            ("\x1b[1;5A\r", vec![Up, Enter]),
            ("\x03\x1a\x0c", vec![Interrupt, Suspend, Redraw]),
            // A function key, a key of another alphabet, and the escape key.
            ("\x1b[15~q", vec![Char('q')]),
            ("ż", vec![]),
            ("\x1b", vec![]),
            ("\x1b[1", vec![]),
        ] {
            assert_eq!(keys(bytes.as_bytes()), expected, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(keys(&bytes).len() <= bytes.len());
        }
    }
}
