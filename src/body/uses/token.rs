//! The tokens of a Python text and its logical lines. Gives up on what is not Python, rather than skip it.

use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LexemeKind {
    Name,
    Number,
    /// A string whose value is the text between its quotes, as it stands: no prefix but `r`, no escapes.
    Text,
    /// Any other string. Of an f-string the tokens of its fields follow, each field between `{` and `}`.
    Odd,
    Operator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lexeme {
    pub(super) kind: LexemeKind,
    pub(super) range: Range<usize>,
    /// How many brackets are open round it.
    pub(super) depth: usize,
}

/// A statement, or several with `;`, with the columns before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) indent: usize,
    pub(super) tokens: Range<usize>,
}

#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) tokens: Vec<Lexeme>,
    pub(super) lines: Vec<Line>,
}

/// The tokens of a text; `None` where it is not Python as far as this reader knows it.
pub(super) fn tokens(text: &str) -> Option<Tokens> {
    let mut reader =
        Tokenizer { text, bytes: text.as_bytes(), place: 0, depth: 0, level: 0, found: Tokens::default() };
    while reader.place < text.len() {
        reader.line()?;
    }
    Some(reader.found)
}

/// Strings inside each other beyond this are not read.
const MOST_LEVELS: usize = 8;

const OPERATORS: &[&str] = &[
    "**=", "//=", ">>=", "<<=", "...", ":=", "==", "!=", "<=", ">=", "->", "+=", "-=", "*=", "/=", "%=",
    "@=", "&=", "|=", "^=", "**", "//", "<<", ">>",
];

struct Tokenizer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    place: usize,
    depth: usize,
    level: usize,
    found: Tokens,
}

impl Tokenizer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.place + ahead).copied().unwrap_or(0)
    }

    /// A line of the text with those that continue it.
    fn line(&mut self) -> Option<()> {
        let mut indent = 0;
        loop {
            match self.peek(0) {
                b' ' => indent += 1,
                b'\t' => indent = indent / 8 * 8 + 8,
                b'\x0c' => indent = 0,
                _ => break,
            }
            self.place += 1;
        }
        let first = self.found.tokens.len();
        loop {
            match self.peek(0) {
                0 if self.place >= self.bytes.len() => {
                    (self.depth == 0).then_some(())?;
                    break;
                }
                b'\n' => {
                    self.place += 1;
                    if self.depth == 0 {
                        break;
                    }
                }
                _ => self.token()?,
            }
        }
        let tokens = first..self.found.tokens.len();
        if !tokens.is_empty() {
            self.found.lines.push(Line { indent, tokens });
        }
        Some(())
    }

    fn push(&mut self, kind: LexemeKind, start: usize) {
        self.found.tokens.push(Lexeme { kind, range: start..self.place, depth: self.depth });
    }

    /// One token, or what stands between two.
    fn token(&mut self) -> Option<()> {
        let start = self.place;
        match self.peek(0) {
            b' ' | b'\t' | b'\r' | b'\x0c' => self.place += 1,
            b'\\' if self.peek(1) == b'\n' => self.place += 2,
            b'\\' if self.peek(1) == b'\r' && self.peek(2) == b'\n' => self.place += 3,
            b'#' => {
                let rest = &self.bytes[start..];
                self.place += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            }
            b'"' | b'\'' => self.string("")?,
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_ascii_digit() => self.number(),
            b'(' | b'[' | b'{' => {
                self.place += 1;
                self.push(LexemeKind::Operator, start);
                self.depth += 1;
            }
            b')' | b']' | b'}' => {
                self.place += 1;
                self.depth = self.depth.checked_sub(1)?;
                self.push(LexemeKind::Operator, start);
            }
            byte if byte == b'_' || byte.is_ascii_alphabetic() || byte >= 0x80 => self.name()?,
            _ => self.operator()?,
        }
        Some(())
    }

    fn operator(&mut self) -> Option<()> {
        let start = self.place;
        let rest = &self.text[start..];
        let long = OPERATORS.iter().find(|operator| rest.starts_with(**operator));
        let length = match long {
            Some(operator) => operator.len(),
            None => usize::from(rest.starts_with(|c: char| "+-*/%@&|^~<>:,.;=".contains(c))),
        };
        self.place += length;
        self.push(LexemeKind::Operator, start);
        (length > 0).then_some(())
    }

    fn number(&mut self) {
        let start = self.place;
        let is_hexadecimal = self.peek(0) == b'0' && matches!(self.peek(1), b'x' | b'X');
        while self.peek(0) == b'_' || self.peek(0) == b'.' || self.peek(0).is_ascii_alphanumeric() {
            let is_exponent = matches!(self.peek(0), b'e' | b'E') && !is_hexadecimal;
            self.place += 1;
            if is_exponent && matches!(self.peek(0), b'+' | b'-') {
                self.place += 1;
            }
        }
        self.push(LexemeKind::Number, start);
    }

    fn name(&mut self) -> Option<()> {
        let start = self.place;
        let rest = &self.text[start..];
        let length = rest.find(|c: char| !(c == '_' || c.is_alphanumeric())).unwrap_or(rest.len());
        (length > 0).then_some(())?;
        self.place += length;
        let word = &rest[..length];
        let is_prefix = word.len() <= 2 && word.chars().all(|c| "rRbBuUfFtT".contains(c));
        if is_prefix && matches!(self.peek(0), b'"' | b'\'') {
            return self.string(&word.to_ascii_lowercase());
        }
        self.push(LexemeKind::Name, start);
        Some(())
    }

    /// A string from its first quote on.
    fn string(&mut self, prefix: &str) -> Option<()> {
        let start = self.place - prefix.len();
        let quote = self.peek(0);
        let is_long = self.peek(1) == quote && self.peek(2) == quote;
        self.place += if is_long { 3 } else { 1 };
        let has_fields = prefix.contains(['f', 't']);
        let token = self.found.tokens.len();
        self.found.tokens.push(Lexeme { kind: LexemeKind::Odd, range: start..start, depth: self.depth });
        let inner = self.place;
        let mut is_plain = prefix.is_empty() || prefix == "r" || prefix == "u";
        loop {
            match self.peek(0) {
                0 if self.place >= self.bytes.len() => return None,
                b'\n' if !is_long => return None,
                b'\\' => {
                    is_plain = false;
                    self.place += 2;
                }
                b'{' if has_fields && self.peek(1) == b'{' => self.place += 2,
                b'{' if has_fields => self.field(quote, is_long)?,
                byte if byte == quote && !is_long => break,
                byte if byte == quote && self.peek(1) == quote && self.peek(2) == quote => break,
                _ => self.place += 1,
            }
        }
        let end = self.place;
        self.place += if is_long { 3 } else { 1 };
        is_plain &= self.text.get(inner..end)?.find('\r').is_none();
        self.found.tokens[token].kind = if is_plain { LexemeKind::Text } else { LexemeKind::Odd };
        self.found.tokens[token].range = start..self.place;
        Some(())
    }

    /// `{…}` in an f-string.
    fn field(&mut self, quote: u8, is_long: bool) -> Option<()> {
        self.level += 1;
        (self.level < MOST_LEVELS).then_some(())?;
        let start = self.place;
        self.place += 1;
        self.push(LexemeKind::Operator, start);
        self.depth += 1;
        let depth = self.depth;
        loop {
            let at = self.place;
            match self.peek(0) {
                0 if at >= self.bytes.len() => return None,
                b'}' if self.depth == depth => break,
                b'!' if self.depth == depth && self.peek(1) != b'=' => {
                    self.place += 2;
                }
                // The format may have fields of its own.
                b':' if self.depth == depth => {
                    self.place += 1;
                    while self.peek(0) != b'}' {
                        match self.peek(0) {
                            0 if self.place >= self.bytes.len() => return None,
                            b'{' => self.field(quote, is_long)?,
                            byte if byte == quote && !is_long => return None,
                            b'\n' if !is_long => return None,
                            _ => self.place += 1,
                        }
                    }
                }
                b'\n' => self.place += 1,
                _ => self.token()?,
            }
        }
        let end = self.place;
        self.place += 1;
        self.depth -= 1;
        self.push(LexemeKind::Operator, end);
        self.level -= 1;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn outline(text: &str) -> String {
        let Some(found) = tokens(text) else { return "gave up".to_owned() };
        let line = |line: &Line| {
            let words: Vec<&str> =
                found.tokens[line.tokens.clone()].iter().map(|token| &text[token.range.clone()]).collect();
            format!("{}: {}", line.indent, words.join("·"))
        };
        found.lines.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_text_is_taken_apart_as_python_does() {
        insta::assert_snapshot!(outline("x = a[\"k\"] # no\nif x != 1.5e-3:\n\ty //= (2,\n  3); z: int = r'\\d'\n"), @r#"
        0: x·=·a·[·"k"·]
        0: if·x·!=·1.5e-3·:
        8: y·//=·(·2·,·3·)·;·z·:·int·=·r'\d'
        "#);
        insta::assert_snapshot!(outline("s = f'a {x[\"k\"]!r:>{w}} {{no}} {y:%H:%M}' + '''\n# text\n'''\n"), @r#"
        0: s·=·f'a {x["k"]!r:>{w}} {{no}} {y:%H:%M}'·{·x·[·"k"·]·{·w·}·}·{·y·}·+·'''
        # text
        '''
        "#);
        insta::assert_snapshot!(outline("a = 1 + \\\n  2\ndef f(): pass\n"), @"
        0: a·=·1·+·2
        0: def·f·(·)·:·pass
        ");
        for wrong in ["x = 'a\n'", "x = (1", "x = 1)", "a ? b", "f'{x'"] {
            assert_eq!(outline(wrong), "gave up", "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_fail(text in "[a-zf(){}\\[\\]'\"#:!=\\\\ \\n\\té]{0,80}") {
            tokens(&text);
        }
    }
}
