//! Values that nobody may see, and what finds them in whatever is shown or kept. Knows no file and no process: who shows
//! something asks.

mod finder;
mod forms;
mod passage;
#[cfg(test)]
mod tests;

pub(crate) use passage::Passage;

use crate::diagnostic::{Code as DiagnosticCode, Diagnostic};
use crate::value::{self, Value};

pub(crate) use crate::value::MASK;

use finder::Finder;
use std::borrow::Cow;
use std::fmt;
use std::io::BufRead;
use std::ops::Range;

/// Shorter values are not masked: they would occur in everything.
pub(crate) const LEAST_BYTES: usize = 4;

/// A value that nothing can print: its only text is the mask.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Secret(Box<[u8]>);

impl Secret {
    pub(crate) fn new(bytes: impl AsRef<[u8]>) -> Secret {
        Secret(bytes.as_ref().into())
    }

    /// For those who pass it on, never for those who show something.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is too short to be masked.
    pub(crate) fn is_short(&self) -> bool {
        self.0.len() < LEAST_BYTES
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Finds secrets in bytes, in each form in which programs write them.
pub(crate) struct Masker {
    /// Sorted, each once, none shorter than [`LEAST_BYTES`].
    patterns: Vec<Vec<u8>>,
    /// None if there are no patterns.
    finder: Option<Finder>,
    /// The length of the longest pattern.
    longest: usize,
    /// With which bytes a pattern begins.
    starts: [bool; 256],
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Masker {
    pub(crate) fn new<'s>(secrets: impl IntoIterator<Item = &'s Secret>) -> Masker {
        let forms = secrets.into_iter().flat_map(|secret| forms::of(secret.expose()));
        let mut patterns: Vec<Vec<u8>> = forms.filter(|form| form.len() >= LEAST_BYTES).collect();
        patterns.sort_unstable();
        patterns.dedup();
        let mut starts = [false; 256];
        patterns.iter().for_each(|pattern| starts[usize::from(pattern[0])] = true);
        let finder = (!patterns.is_empty()).then(|| Finder::new(&patterns));
        let longest = patterns.iter().map(Vec::len).max().unwrap_or(0);
        Masker { patterns, finder, longest, starts }
    }

    /// Whether a secret, in any form, occurs.
    pub(crate) fn finds(&self, bytes: &[u8]) -> bool {
        self.finder.as_ref().is_some_and(|finder| finder.places(bytes).next().is_some())
    }

    /// The bytes with the mask for each secret.
    pub(crate) fn bytes<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let found = self.found(bytes);
        if found.is_empty() {
            return Cow::Borrowed(bytes);
        }
        Cow::Owned(masked(bytes, found))
    }

    pub(crate) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // Text between two whole characters was taken out.
            Cow::Owned(masked) => Cow::Owned(String::from_utf8_lossy(&masked).into_owned()),
        }
    }

    /// A diagnostic without secrets. What it quotes keeps its places, so a mask is as long as what it stands for.
    pub(crate) fn diagnostic(&self, diagnostic: &Diagnostic) -> Diagnostic {
        let mut hidden = diagnostic.clone();
        let texts = hidden.notes.iter_mut().chain(&mut hidden.helps).chain([&mut hidden.message]);
        for text in texts.chain(hidden.labels.iter_mut().map(|label| &mut label.text)) {
            *text = self.text(text).into_owned();
        }
        for label in &mut hidden.labels {
            let found = self.found(label.source.text().as_bytes());
            if found.is_empty() {
                continue;
            }
            let mut text = label.source.text().as_bytes().to_vec();
            for range in found {
                text[range.clone()].fill(b' ');
                text[range.start..range.start + MASK.len()].copy_from_slice(MASK.as_bytes());
            }
            label.source = label.source.with_text(String::from_utf8_lossy(&text).into_owned());
        }
        hidden
    }

    /// Where secrets are, apart from each other and in order. Colour codes inside of one belong to it.
    fn found(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        self.found_and_open(bytes).0
    }

    /// Where secrets are, and from where on the bytes may be the beginning of one whose rest is to come; their length if they
    /// are not.
    fn found_and_open(&self, bytes: &[u8]) -> (Vec<Range<usize>>, usize) {
        if !bytes.contains(&ESCAPE) {
            return (self.found_plain(bytes), self.open_from_plain(bytes));
        }
        let plain = Plain::of(bytes);
        let found = self.found_plain(&plain.bytes).into_iter().map(|range| plain.range(range));
        let open = self.open_from_plain(&plain.bytes);
        let open = if open == plain.bytes.len() { plain.end } else { plain.place(open) };
        // A code that is not whole may stand in the middle of a secret too.
        (found.collect(), open.min(plain.end))
    }

    fn found_plain(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        self.finder.as_ref().map_or_else(Vec::new, |finder| merged(finder.places(bytes)))
    }

    fn open_from_plain(&self, bytes: &[u8]) -> usize {
        let first = bytes.len().saturating_sub(self.longest.saturating_sub(1));
        let is_open = |from: &usize| {
            let rest = &bytes[*from..];
            if !self.starts[usize::from(rest[0])] {
                return false;
            }
            let place = self.patterns.partition_point(|pattern| pattern.as_slice() < rest);
            let is_longer = |pattern: &Vec<u8>| pattern.len() > rest.len() && pattern.starts_with(rest);
            // One that is the rest itself stands before those that go on after it.
            self.patterns[place..].iter().take(2).any(is_longer)
        };
        (first..bytes.len()).find(is_open).unwrap_or(bytes.len())
    }
}

/// The bytes with a mask in each of these places, which are in order.
fn masked(bytes: &[u8], found: Vec<Range<usize>>) -> Vec<u8> {
    let mut masked = Vec::with_capacity(bytes.len());
    let mut place = 0;
    for range in found {
        masked.extend_from_slice(&bytes[place..range.start]);
        masked.extend_from_slice(MASK.as_bytes());
        masked.extend(codes_of(&bytes[range.clone()]).flat_map(|code| &bytes[range.clone()][code]));
        place = range.end;
    }
    masked.extend_from_slice(&bytes[place..]);
    masked
}

/// Ranges that overlap become one. They come in the order of their ends.
fn merged(ranges: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut merged: Vec<Range<usize>> = Vec::new();
    for mut range in ranges {
        while let Some(last) = merged.pop_if(|last| range.start < last.end) {
            range.start = range.start.min(last.start);
        }
        merged.push(range);
    }
    merged
}

const ESCAPE: u8 = 0x1b;

/// Longer ones are no colours.
const LONGEST_CODE: usize = 32;

/// Bytes without the codes for colours between them, which a program may put anywhere.
struct Plain {
    bytes: Vec<u8>,
    /// The pieces between codes: where each begins in `bytes`, and where in the text.
    pieces: Vec<(usize, usize)>,
    /// Where a code begins that is not whole; else the length of the text.
    end: usize,
}

impl Plain {
    fn of(text: &[u8]) -> Plain {
        let mut plain =
            Plain { bytes: Vec::with_capacity(text.len()), pieces: vec![(0, 0)], end: text.len() };
        let mut rest = text;
        while !rest.is_empty() {
            rest.read_until(ESCAPE, &mut plain.bytes).expect("bug: bytes in memory");
            if plain.bytes.pop_if(|byte| *byte == ESCAPE).is_none() {
                break;
            }
            let at = text.len() - rest.len() - 1;
            match code(&text[at..]) {
                Code::None => plain.bytes.push(ESCAPE),
                Code::Whole(length) => {
                    rest = &text[at + length..];
                    plain.pieces.push((plain.bytes.len(), at + length));
                }
                Code::Begun => {
                    plain.end = at;
                    break;
                }
            }
        }
        plain
    }

    /// Where one of the bytes is in the text.
    fn place(&self, index: usize) -> usize {
        // Of pieces without bytes, the last one that begins here has it.
        let after = self.pieces.partition_point(|(begin, _)| *begin <= index);
        let (begin, place) = self.pieces[after - 1];
        place + index - begin
    }

    fn range(&self, range: Range<usize>) -> Range<usize> {
        self.place(range.start)..self.place(range.end - 1) + 1
    }
}

enum Code {
    None,
    /// So many bytes.
    Whole(usize),
    /// It goes on after what is there.
    Begun,
}

/// Whether a control sequence (`ESC [ … m` and its like) stands here.
fn code(text: &[u8]) -> Code {
    match text {
        [ESCAPE] => Code::Begun,
        [ESCAPE, b'[', rest @ ..] => {
            let is_end = |byte: &u8| (0x40..=0x7e).contains(byte);
            match rest.iter().take(LONGEST_CODE).position(is_end) {
                Some(end) => Code::Whole(end + 3),
                None if rest.len() < LONGEST_CODE => Code::Begun,
                None => Code::None,
            }
        }
        _ => Code::None,
    }
}

/// The control sequences in a secret that is masked: they stay, so that colours end where they ended.
fn codes_of(text: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let starts = (0..text.len()).filter(|place| text[*place] == ESCAPE);
    starts.filter_map(|place| match code(&text[place..]) {
        Code::Whole(length) => Some(place..place + length),
        Code::None | Code::Begun => None,
    })
}

/// The most that is read of what a body announces, in bytes.
pub(crate) const MOST_ANNOUNCED: u64 = 64 << 20;

/// What bodies write where they say what is secret, `KEY NUL VALUE NUL` each: the values with their keys, and how many bytes
/// these are. Without a key, the value is the name of a file that has both.
pub(crate) fn announced(bytes: &[u8]) -> (Vec<(String, Secret)>, usize) {
    let mut found = Vec::new();
    let mut length = 0;
    let mut fields = bytes.split_inclusive(|byte| *byte == 0).filter_map(|field| field.strip_suffix(&[0]));
    while let (Some(key), Some(value)) = (fields.next(), fields.next()) {
        found.push((String::from_utf8_lossy(key).into_owned(), Secret::new(value)));
        length += key.len() + value.len() + 2;
    }
    (found, length)
}

/// The texts in a value that are secret if the value is: a value that is none of a list or map itself, of those the strings.
pub(crate) fn leaves(value: &Value) -> Vec<Secret> {
    fn inside(value: &Value, is_root: bool, found: &mut Vec<Secret>) {
        if let Some(bytes) = value.as_bytes() {
            found.push(Secret::new(bytes));
            return;
        }
        match value {
            Value::List(items) => items.iter().for_each(|item| inside(item, false, found)),
            Value::Map(map) => map.iter().for_each(|(_, item)| inside(item, false, found)),
            Value::Number(digits) if is_root => found.push(Secret::new(digits.as_bytes())),
            Value::Number(_) | Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    inside(value, true, &mut found);
    found
}

impl Secret {
    /// The secret itself, and the texts in it if it is JSON with more than one.
    pub(crate) fn leaves(self) -> Vec<Secret> {
        let parsed = match self.0.first() {
            Some(b'[' | b'{') => value::parse(&self.0).ok(),
            Some(_) | None => None,
        };
        let inner = parsed.as_ref().map_or(Vec::new(), leaves);
        std::iter::once(self).chain(inner).collect()
    }
}

/// The warning about a value that cannot be masked; `what` names it.
pub(crate) fn too_short(what: &str) -> Diagnostic {
    let message = format!("{what} is secret, but shorter than {LEAST_BYTES} bytes, so it is not masked");
    Diagnostic::warning(DiagnosticCode::ShortSecret, message)
}
