//! Makes what a task wrote safe to show: control characters become visible (`\x1b`, `<U+202E>`), colours pass.
//! Knows no lines and no tasks. May be fed in pieces cut anywhere.

use std::borrow::Cow;

/// The longest colour sequence that passes, in bytes.
const LONGEST_COLOUR: usize = 48;
/// Colours that stay open are carried to the next line only up to so many bytes of sequences.
const MOST_OPEN: usize = 256;
pub(crate) const RESET: &[u8] = b"\x1b[0m";

/// Whether a text is only printable ASCII, tabs and newlines: most output, and needs no filter.
pub(crate) fn is_clean(bytes: &[u8]) -> bool {
    // Without a branch in the inner loop, so that the compiler checks many bytes at a time.
    bytes.chunks(128).all(|chunk| {
        chunk.iter().fold(true, |clean, byte| clean & matches!(byte, b' '..=b'~' | b'\t' | b'\n'))
    })
}

/// One stream of text on its way to a reader.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// The beginning of a character or of a colour sequence that was cut.
    held: Vec<u8>,
    /// The colour sequences since the last reset.
    open: Vec<u8>,
}

impl Filter {
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.held.is_empty() {
            self.pass(bytes, out);
        } else {
            let mut joined = std::mem::take(&mut self.held);
            joined.extend_from_slice(bytes);
            self.pass(&joined, out);
        }
    }

    /// The text ends here, so what was held back is all there is of it.
    pub(crate) fn end(&mut self, out: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        if held.is_empty() {
            return;
        }
        if std::str::from_utf8(&held).is_err() {
            out.extend_from_slice("\u{fffd}".as_bytes());
            return;
        }
        for byte in held {
            match byte {
                b' '..=b'~' => out.push(byte),
                control => escape_byte(control, out),
            }
        }
    }

    /// Nothing is carried over from before: neither part of a character nor a colour.
    pub(crate) fn is_idle(&self) -> bool {
        self.held.is_empty() && self.open.is_empty()
    }

    /// Something was held back that only `end` or more text brings out.
    pub(crate) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// The colour sequences that are in force.
    pub(crate) fn open_colours(&self) -> &[u8] {
        &self.open
    }

    fn pass(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if is_clean(bytes) {
            out.extend_from_slice(bytes);
            return;
        }
        if let Ok(text) = std::str::from_utf8(bytes) {
            self.text(text, true, out);
            return;
        }
        let mut done = 0;
        for chunk in bytes.utf8_chunks() {
            done += chunk.valid().len() + chunk.invalid().len();
            let is_last = done == bytes.len();
            self.text(chunk.valid(), is_last && chunk.invalid().is_empty(), out);
            if chunk.invalid().is_empty() {
                continue;
            }
            // No length of the error means that more bytes could make it a character.
            let is_cut = std::str::from_utf8(chunk.invalid()).is_err_and(|error| error.error_len().is_none());
            if is_last && is_cut {
                self.held.extend_from_slice(chunk.invalid());
            } else {
                out.extend_from_slice("\u{fffd}".as_bytes());
            }
        }
    }

    fn text(&mut self, text: &str, is_end: bool, out: &mut Vec<u8>) {
        let bytes = text.as_bytes();
        let mut written = 0;
        let mut place = 0;
        while let Some(skipped) = first_special(&bytes[place..]) {
            place += skipped;
            let rest = &bytes[place..];
            match special(rest) {
                Special::None(length) => place += length,
                Special::Colour(length) => {
                    self.note_colour(&rest[..length]);
                    place += length;
                }
                Special::Cut if is_end => {
                    out.extend_from_slice(&bytes[written..place]);
                    self.held.extend_from_slice(rest);
                    return;
                }
                Special::Cut => {
                    out.extend_from_slice(&bytes[written..place]);
                    escape_byte(rest[0], out);
                    place += 1;
                    written = place;
                }
                Special::Dropped => {
                    out.extend_from_slice(&bytes[written..place]);
                    place += 1;
                    written = place;
                }
                Special::Control => {
                    out.extend_from_slice(&bytes[written..place]);
                    let character =
                        text[place..].chars().next().expect("bug: a special byte starts a character");
                    escape(character, out);
                    place += character.len_utf8();
                    written = place;
                }
            }
        }
        out.extend_from_slice(&bytes[written..]);
    }

    fn note_colour(&mut self, sequence: &[u8]) {
        match colour_effect(&sequence[2..sequence.len() - 1]) {
            ColourEffect::Reset => self.open.clear(),
            ColourEffect::ResetThenMore => {
                self.open.clear();
                self.open.extend_from_slice(sequence);
            }
            ColourEffect::More => self.open.extend_from_slice(sequence),
        }
        if self.open.len() > MOST_OPEN {
            self.open.clear();
        }
    }
}

/// A whole text at once, colours and all; newlines stay.
pub(crate) fn filtered(bytes: &[u8]) -> String {
    let mut filter = Filter::default();
    let mut out = Vec::with_capacity(bytes.len());
    filter.push(bytes, &mut out);
    filter.end(&mut out);
    if !filter.open_colours().is_empty() {
        out.extend_from_slice(RESET);
    }
    String::from_utf8(out).expect("bug: the filter wrote what is not UTF-8")
}

/// A filtered text without its colours.
pub(crate) fn without_colours(text: &str) -> String {
    let mut parts = text.split('\x1b');
    let first = parts.next().unwrap_or_default().to_owned();
    // Behind each ESC that the filter left stands `[…m`.
    parts.fold(first, |plain, part| plain + part.split_once('m').map_or(part, |(_, after)| after))
}

/// A name, a path or a message of ours: one line, and colours do not pass either.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if is_plain || !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_unsafe(character) {
            escape(character, &mut out);
        } else {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Cow::Owned(String::from_utf8(out).expect("bug: escapes are ASCII"))
}

/// JSON that says the same and moves no terminal: the characters that JSON itself lets stand stand in strings only.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    let is_obeyed =
        |character: char| !character.is_ascii_control() && is_unsafe(character) || character == '\x7f';
    if is_clean(text.as_bytes()) || !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match is_obeyed(character) {
            true => out.push_str(&format!("\\u{:04x}", u32::from(character))),
            false => out.push(character),
        }
    }
    Cow::Owned(out)
}

/// Control characters, and those that change the direction of text or break a line.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The first byte at which something that does not simply pass may begin.
fn first_special(bytes: &[u8]) -> Option<usize> {
    // As in `is_clean`, many bytes at a time.
    let clean =
        bytes.chunks(32).take_while(|chunk| !chunk.iter().fold(false, |any, byte| any | is_special(*byte)));
    let skipped = clean.map(<[u8]>::len).sum::<usize>();
    bytes[skipped..].iter().position(|byte| is_special(*byte)).map(|place| skipped + place)
}

/// Those of 0x80 and above are the first bytes of the characters in `is_unsafe`.
fn is_special(byte: u8) -> bool {
    byte < 0x20 && byte != b'\t' && byte != b'\n' || matches!(byte, 0x7f | 0xc2 | 0xd8 | 0xe2)
}

enum Special {
    /// Passes after all; so many bytes.
    None(usize),
    /// A colour sequence of so many bytes.
    Colour(usize),
    /// The beginning of a colour sequence or of CR LF, and then the text ends.
    Cut,
    /// The CR of CR LF.
    Dropped,
    Control,
}

/// What stands at the start of `rest`, which is valid UTF-8 and begins with a special byte.
fn special(rest: &[u8]) -> Special {
    match rest[0] {
        b'\r' => match rest.get(1) {
            Some(b'\n') => Special::Dropped,
            Some(_) => Special::Control,
            None => Special::Cut,
        },
        0x1b => colour(rest),
        0xc2 if rest[1] > 0x9f => Special::None(2),
        0xd8 if rest[1] != 0x9c => Special::None(2),
        0xe2 if !matches!((rest[1], rest[2]), (0x80, 0x8e | 0x8f | 0xa8..=0xae) | (0x81, 0xa6..=0xa9)) => {
            Special::None(3)
        }
        _ => Special::Control,
    }
}

/// `ESC [ digits ; : m`, and nothing else that begins with ESC.
fn colour(rest: &[u8]) -> Special {
    for (place, byte) in rest.iter().enumerate().skip(1) {
        match (place, byte) {
            (1, b'[') => {}
            (1, _) => return Special::Control,
            (_, b'0'..=b'9' | b';' | b':') if place < LONGEST_COLOUR => {}
            (_, b'm') => return Special::Colour(place + 1),
            _ => return Special::Control,
        }
    }
    Special::Cut
}

enum ColourEffect {
    Reset,
    ResetThenMore,
    More,
}

/// What the parameters of a colour sequence do to the colours before it.
fn colour_effect(params: &[u8]) -> ColourEffect {
    let mut effect = ColourEffect::More;
    let mut words = params.split(|byte| *byte == b';');
    while let Some(word) = words.next() {
        let is_reset = word.iter().all(|byte| *byte == b'0');
        effect = match (is_reset, effect) {
            (true, _) => ColourEffect::Reset,
            (false, ColourEffect::Reset | ColourEffect::ResetThenMore) => ColourEffect::ResetThenMore,
            (false, ColourEffect::More) => ColourEffect::More,
        };
        // `38;5;0` chooses colour 0, it resets nothing.
        if matches!(word, b"38" | b"48" | b"58") {
            let skipped = match words.next() {
                Some(b"5") => 1,
                Some(b"2") => 3,
                _ => 0,
            };
            for _ in 0..skipped {
                words.next();
            }
        }
    }
    effect
}

fn escape(character: char, out: &mut Vec<u8>) {
    match u8::try_from(character) {
        Ok(byte) if byte < 0x80 => escape_byte(byte, out),
        _ => out.extend_from_slice(format!("<U+{:04X}>", u32::from(character)).as_bytes()),
    }
}

fn escape_byte(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(&[b'\\', b'x', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(parts: &[&[u8]]) -> String {
        let mut filter = Filter::default();
        let mut out = Vec::new();
        for part in parts {
            filter.push(part, &mut out);
        }
        filter.end(&mut out);
        String::from_utf8(out).expect("the filter writes UTF-8")
    }

    #[test]
    fn json_says_the_same_without_characters_that_a_terminal_obeys() {
        let every: String = (1..=char::MAX as u32).filter_map(char::from_u32).collect();
        let text = serde_json::to_string_pretty(&[&every, "é"]).expect("JSON");
        let safe = json(&text);
        assert_eq!(safe.chars().find(|c| is_unsafe(*c) && *c != '\n'), None);
        assert_eq!(serde_json::from_str::<Vec<String>>(&safe).expect("JSON"), [every.as_str(), "é"]);
        assert!(safe.contains("\\u009b") && safe.contains("\\u202e") && safe.contains("\\u007f"));
        assert!(matches!(json("{\n  \"é\": 1\n}\n"), Cow::Borrowed(_)), "what is harmless is as it was");
    }

    #[test]
    fn controls_are_shown_and_colours_pass() {
        for (wrote, shows) in [
            (&b"plain\ttext\n"[..], "plain\ttext\n"),
            (b"\x1b[1;31mred\x1b[m", "\x1b[1;31mred\x1b[m"),
            (b"\x1b[38:5:1mred", "\x1b[38:5:1mred"),
            (b"\x1b[2J\x1b[H", r"\x1b[2J\x1b[H"),
            (b"\x1b[>4;2m", r"\x1b[>4;2m"),
            (b"\x1b]0;title\x07", r"\x1b]0;title\x07"),
            (b"\x1bPq\x1b\\", r"\x1bPq\x1b\"),
            (b"a\0b\x7f\x08", r"a\x00b\x7f\x08"),
            (b"dos\r\nbar\rbaz\r", "dos\nbar\\x0dbaz\\x0d"),
            ("\u{9b}31m \u{85} é".as_bytes(), "<U+009B>31m <U+0085> é"),
            (
                "user\u{202e}gpj.exe \u{2066}x\u{61c}\u{200f}".as_bytes(),
                "user<U+202E>gpj.exe <U+2066>x<U+061C><U+200F>",
            ),
            ("“日本” … ✅ żółw ؛ 👩‍💻".as_bytes(), "“日本” … ✅ żółw ؛ 👩‍💻"),
            (b"\x9b31m \xff\xfe \xe2\x82", "\u{fffd}31m \u{fffd}\u{fffd} \u{fffd}"),
            (b"ends in \x1b[3", r"ends in \x1b[3"),
        ] {
            assert_eq!(pieces(&[wrote]), shows);
        }
        let endless = format!("\x1b[{}m", "1;".repeat(40));
        assert_eq!(pieces(&[endless.as_bytes()]), format!("\\{}", &endless.replace('\x1b', "x1b")));
    }

    #[test]
    fn of_all_characters_just_the_unsafe_ones_are_escaped() {
        for character in '\0'..=char::MAX {
            let (mut buffer, mut out) = ([0; 4], Vec::new());
            let text = character.encode_utf8(&mut buffer);
            let mut filter = Filter::default();
            filter.push(text.as_bytes(), &mut out);
            filter.end(&mut out);
            let passes = !is_unsafe(character) || "\n\t".contains(character);
            assert_eq!(out == text.as_bytes(), passes, "{}", u32::from(character));
        }
    }

    #[test]
    fn names_and_messages_pass_no_colour_and_no_newline() {
        assert_eq!(shown("build:x86"), "build:x86");
        assert_eq!(shown("a\x1b[31m\nb\u{202e}"), r"a\x1b[31m\x0ab<U+202E>");
    }

    #[test]
    fn colours_can_be_taken_away() {
        assert_eq!(without_colours(&filtered(b"a\x1b[1;31mred\x1b[mm\x1b[32m")), "aredm");
    }

    #[test]
    fn open_colours_are_those_since_the_last_reset() {
        for (wrote, open) in [
            (&b"\x1b[1m\x1b[31mx"[..], &b"\x1b[1m\x1b[31m"[..]),
            (b"\x1b[31mx\x1b[0m", b""),
            (b"\x1b[31mx\x1b[m", b""),
            (b"\x1b[31m\x1b[0;36mx", b"\x1b[0;36m"),
            (b"\x1b[38;5;0mx", b"\x1b[38;5;0m"),
            (b"\x1b[48;2;0;0;0mx", b"\x1b[48;2;0;0;0m"),
            (b"\x1b[1;0mx", b""),
        ] {
            let mut filter = Filter::default();
            filter.push(wrote, &mut Vec::new());
            assert_eq!(filter.open_colours(), open, "{}", wrote.escape_ascii());
        }
    }

    /// Bytes in which the interesting ones are frequent.
    fn wild() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            any::<u8>().prop_map(|byte| vec![byte]),
            any::<char>().prop_map(|character| character.to_string().into_bytes()),
            "[a-z \\n\\t]{1,40}".prop_map(String::into_bytes),
            prop::sample::select(vec![
                "\x1b",
                "\x1b[",
                "\x1b[1;3",
                "\x1b[31m",
                "\x1b[0m",
                "\x1b[2J",
                "\x1b]0;x\x07",
                "\r\n",
                "\r",
                "\u{9b}",
                "\u{202e}",
                "\u{2067}",
                "\u{2029}",
            ])
            .prop_map(|text| text.as_bytes().to_vec()),
        ];
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn nothing_unfiltered_comes_out(bytes in wild()) {
            let out = pieces(&[&bytes]);
            let mut rest = out.as_str();
            while let Some(place) = rest.find(|character| is_unsafe(character) && !"\n\t".contains(character)) {
                rest = &rest[place..];
                let end = rest.find('m');
                prop_assert!(rest.starts_with("\x1b[") && end.is_some(), "{out:?}");
                let end = end.unwrap_or_default();
                prop_assert!(rest[2..end].bytes().all(|byte| byte.is_ascii_digit() || b";:".contains(&byte)), "{out:?}");
                rest = &rest[end..];
            }
        }

        #[test]
        fn where_the_text_is_cut_does_not_matter(bytes in wild(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            let parts: Vec<&[u8]> = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(pieces(&parts), pieces(&[&bytes]));
        }

        #[test]
        fn clean_text_is_not_touched(text in "[ -~\\t\\n]{0,300}") {
            prop_assert!(is_clean(text.as_bytes()));
            prop_assert_eq!(pieces(&[text.as_bytes()]), text);
        }
    }
}
