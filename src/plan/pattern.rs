//! The patterns of `${NAME%PATTERN}`, `${NAME#PATTERN}` and `${NAME/PATTERN/TEXT}`, matched as bash matches them: `*`, `?`,
//! `[…]` and `\`. A text in, a text out.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// A character, or a byte that is part of none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    Character(char),
    Byte(u8),
}

/// A pattern as it is put together: characters that stand for themselves, and text in which `*` and the like do not.
#[derive(Clone, Debug, Default)]
pub(crate) struct PatternText(Vec<(Unit, bool)>);

impl PatternText {
    pub(crate) fn push_literal(&mut self, text: &OsStr) {
        self.0.extend(units(text).into_iter().map(|unit| (unit, true)));
    }

    pub(crate) fn push_glob(&mut self, text: &OsStr) {
        self.0.extend(units(text).into_iter().map(|unit| (unit, false)));
    }
}

#[derive(Clone, Debug)]
enum Token {
    One(Unit),
    Any,
    Star,
    Set { is_negated: bool, members: Vec<Member> },
}

#[derive(Clone, Debug)]
enum Member {
    Range(Unit, Unit),
    Class(String),
}

#[derive(Clone, Debug)]
pub(crate) struct ShellPattern {
    tokens: Vec<Token>,
}

/// Which end of a text a pattern has to match at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Start,
    End,
}

/// Where a replaced text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    First,
    Every,
    At(Side),
}

impl ShellPattern {
    pub(crate) fn new(source: &PatternText) -> ShellPattern {
        let written = &source.0;
        let is_active =
            |place: usize, character: char| written.get(place) == Some(&(Unit::Character(character), false));
        let mut tokens = Vec::new();
        let mut place = 0;
        while let Some((unit, is_literal)) = written.get(place) {
            place += 1;
            tokens.push(match unit {
                Unit::Character('*') if !is_literal => Token::Star,
                Unit::Character('?') if !is_literal => Token::Any,
                // At the end of the pattern it is itself.
                Unit::Character('\\') if !is_literal && place < written.len() => {
                    place += 1;
                    Token::One(written[place - 1].0)
                }
                Unit::Character('[') if !is_literal => match set(written, place, &is_active) {
                    Some((token, end)) => {
                        place = end;
                        token
                    }
                    None => Token::One(*unit),
                },
                unit => Token::One(*unit),
            });
        }
        tokens.dedup_by(|a, b| matches!((a, b), (Token::Star, Token::Star)));
        ShellPattern { tokens }
    }

    /// The text without the shortest or longest part at one end that the pattern matches.
    pub(crate) fn removed(&self, text: &OsStr, side: Side, is_longest: bool) -> OsString {
        let units = units(text);
        let lengths = self.lengths(&units, side);
        let length = if is_longest { lengths.last() } else { lengths.first() };
        let Some(length) = length.copied() else { return text.to_owned() };
        joined(match side {
            Side::Start => &units[length..],
            Side::End => &units[..units.len() - length],
        })
    }

    /// The text with what the pattern matches replaced.
    pub(crate) fn replaced(&self, text: &OsStr, reach: Reach, with: &OsStr) -> OsString {
        let whole = units(text);
        let with = units(with);
        if let Reach::At(side) = reach {
            let Some(length) = self.lengths(&whole, side).last().copied() else { return text.to_owned() };
            let rest = whole.len() - length;
            return joined(&match side {
                Side::Start => [&with, &whole[length..]].concat(),
                Side::End => [&whole[..rest], &with].concat(),
            });
        }
        if self.tokens.is_empty() {
            return text.to_owned();
        }
        let mut result = Vec::with_capacity(whole.len());
        let mut place = 0;
        while place < whole.len() || whole.is_empty() && place == 0 {
            match self.lengths(&whole[place..], Side::Start).last().copied() {
                Some(length) if length > 0 || whole.is_empty() => {
                    result.extend_from_slice(&with);
                    place += length;
                    if reach == Reach::First || whole.is_empty() {
                        break;
                    }
                }
                // What a leading star cannot pass over here it cannot pass over later.
                None if matches!(self.tokens[0], Token::Star) => break,
                Some(_) | None => {
                    result.extend(whole.get(place));
                    place += 1;
                }
            }
        }
        result.extend_from_slice(whole.get(place..).unwrap_or(&[]));
        joined(&result)
    }

    /// How many units at one end the pattern can match, in ascending order.
    fn lengths(&self, text: &[Unit], side: Side) -> Vec<usize> {
        let count = self.tokens.len();
        let token = |state: usize| match side {
            Side::Start => &self.tokens[state],
            Side::End => &self.tokens[count - 1 - state],
        };
        // The tokens that come next, each once, in ascending order. A star may be passed over.
        let add = |states: &mut Vec<usize>, mut state: usize| loop {
            if states.last().is_none_or(|last| *last < state) {
                states.push(state);
            }
            if state == count || !matches!(token(state), Token::Star) {
                break;
            }
            state += 1;
        };
        let mut states = Vec::new();
        add(&mut states, 0);
        let mut lengths = Vec::new();
        let mut length = 0;
        loop {
            if states.last() == Some(&count) {
                lengths.push(length);
            }
            if length == text.len() || states.is_empty() {
                return lengths;
            }
            let unit = match side {
                Side::Start => text[length],
                Side::End => text[text.len() - 1 - length],
            };
            let mut next = Vec::new();
            for state in states.into_iter().filter(|state| *state < count) {
                match token(state) {
                    Token::Star => add(&mut next, state),
                    other if matches(other, unit) => add(&mut next, state + 1),
                    _ => {}
                }
            }
            next.dedup();
            states = next;
            length += 1;
        }
    }
}

fn matches(token: &Token, unit: Unit) -> bool {
    match token {
        Token::One(one) => *one == unit,
        Token::Any | Token::Star => true,
        Token::Set { is_negated, members } => {
            let is_member = members.iter().any(|member| match member {
                Member::Range(first, last) => (*first..=*last).contains(&unit),
                Member::Class(class) => is_of_class(class, unit),
            });
            is_member != *is_negated
        }
    }
}

fn is_of_class(class: &str, unit: Unit) -> bool {
    let Unit::Character(character) = unit else { return false };
    match class {
        "alnum" => character.is_alphanumeric(),
        "alpha" => character.is_alphabetic(),
        "ascii" => character.is_ascii(),
        "blank" => matches!(character, ' ' | '\t'),
        "cntrl" => character.is_control(),
        "digit" => character.is_ascii_digit(),
        "graph" => !character.is_control() && !character.is_whitespace(),
        "lower" => character.is_lowercase(),
        "print" => !character.is_control(),
        "punct" => !character.is_control() && !character.is_whitespace() && !character.is_alphanumeric(),
        "space" => character.is_whitespace(),
        "upper" => character.is_uppercase(),
        "word" => character.is_alphanumeric() || character == '_',
        "xdigit" => character.is_ascii_hexdigit(),
        _ => false,
    }
}

/// The set whose inside begins at `place`, and where the pattern goes on; `None` if it is never closed.
fn set(
    written: &[(Unit, bool)],
    mut place: usize,
    is_active: &dyn Fn(usize, char) -> bool,
) -> Option<(Token, usize)> {
    let is_negated = is_active(place, '!') || is_active(place, '^');
    place += usize::from(is_negated);
    let first = place;
    let mut members = Vec::new();
    loop {
        if is_active(place, ']') && place > first {
            return Some((Token::Set { is_negated, members }, place + 1));
        }
        if is_active(place, '[') && is_active(place + 1, ':') {
            let name_of = |end: usize| -> Option<String> {
                written[place + 2..end].iter().map(|(unit, _)| character_of(*unit)).collect()
            };
            let end = (place + 2..written.len()).find(|end| is_active(*end, ':') && is_active(end + 1, ']'));
            if let Some((end, name)) = end.and_then(|end| Some((end, name_of(end)?))) {
                members.push(Member::Class(name));
                place = end + 2;
                continue;
            }
        }
        let start = one(written, &mut place, is_active)?;
        let is_range = is_active(place, '-') && place + 1 < written.len() && !is_active(place + 1, ']');
        let end = match is_range {
            true => {
                place += 1;
                one(written, &mut place, is_active)?
            }
            false => start,
        };
        members.push(Member::Range(start, end));
    }
}

/// A member of a set that stands for itself.
fn one(written: &[(Unit, bool)], place: &mut usize, is_active: &dyn Fn(usize, char) -> bool) -> Option<Unit> {
    if is_active(*place, '\\') {
        *place += 1;
    }
    let (unit, _) = written.get(*place)?;
    *place += 1;
    Some(*unit)
}

fn character_of(unit: Unit) -> Option<char> {
    match unit {
        Unit::Character(character) => Some(character),
        Unit::Byte(_) => None,
    }
}

fn units(text: &OsStr) -> Vec<Unit> {
    let mut units = Vec::with_capacity(text.len());
    for chunk in text.as_bytes().utf8_chunks() {
        units.extend(chunk.valid().chars().map(Unit::Character));
        units.extend(chunk.invalid().iter().copied().map(Unit::Byte));
    }
    units
}

fn joined(units: &[Unit]) -> OsString {
    let mut bytes = Vec::with_capacity(units.len());
    for unit in units {
        match unit {
            Unit::Character(character) => bytes.extend(character.encode_utf8(&mut [0; 4]).as_bytes()),
            Unit::Byte(byte) => bytes.push(*byte),
        }
    }
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &[u8]) -> ShellPattern {
        let mut source = PatternText::default();
        source.push_glob(OsStr::from_bytes(text));
        ShellPattern::new(&source)
    }

    #[test]
    fn bytes_that_are_no_characters_are_matched_one_by_one_and_kept() {
        let text = OsStr::from_bytes(b"\xffz\xc5\xbc\xfe.c");
        let removed = |glob: &[u8], side| pattern(glob).removed(text, side, false).into_vec();
        assert_eq!(removed(b".c", Side::End), b"\xffz\xc5\xbc\xfe");
        assert_eq!(removed(b"??", Side::Start), b"\xc5\xbc\xfe.c");
        assert_eq!(removed(b"[\xf0-\xff]z", Side::Start), b"\xc5\xbc\xfe.c");
        let replaced = pattern(b"\xfe").replaced(text, Reach::Every, OsStr::new("-"));
        assert_eq!(replaced.into_vec(), b"\xffz\xc5\xbc-.c");
    }

    #[test]
    fn long_texts_take_no_long_time() {
        let text = OsString::from("a".repeat(100_000));
        assert_eq!(pattern(b"*b").removed(&text, Side::End, true), text);
        assert_eq!(pattern(b"*a*a*a*").removed(&text, Side::Start, true), "");
        assert_eq!(pattern(b"*b").replaced(&text, Reach::Every, OsStr::new("-")), text);
        assert_eq!(pattern(b"a").replaced(&text, Reach::Every, OsStr::new("b")), *"b".repeat(100_000));
    }
}
