//! What it means, in words of the file, when a text is not YAML.
//! Knows the crate's errors and the habits behind them; changes nothing.

use super::first_line_of;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{SourceFile, Span};
use granit_parser::ErrorKind;

/// The innermost list or map that was open when the reading ended.
pub(super) struct Unfinished {
    pub(super) start: usize,
    pub(super) is_map: bool,
    pub(super) is_flow: bool,
}

/// Why the text could not be read on at `place`, a byte offset.
pub(super) fn explain(
    source: &SourceFile,
    kind: &ErrorKind,
    place: usize,
    unfinished: Option<Unfinished>,
) -> Diagnostic {
    let scene = Scene { source, text: source.text(), place };
    // Whatever the crate calls it: these are the mistakes, and the rest follows from them.
    scene
        .tab_in_indentation(kind)
        .or_else(|| scene.merge_conflict())
        .unwrap_or_else(|| scene.by_kind(kind, unfinished.as_ref()))
}

const AS_BLOCK: &str =
    "quote the whole string, or write it as a block: `key: |` with the text on the next lines";

struct Scene<'s> {
    source: &'s SourceFile,
    text: &'s str,
    place: usize,
}

impl Scene<'_> {
    fn by_kind(&self, kind: &ErrorKind, unfinished: Option<&Unfinished>) -> Diagnostic {
        let next = self.next();
        match kind {
            ErrorKind::UnclosedFlowCollection { open } => {
                let close = if *open == '[' { ']' } else { '}' };
                self.wrong(format!("unclosed `{open}`"), self.here(), format!("no `{close}` follows"))
                    .help(format!("close it with `{close}`, or quote the string if the bracket is part of it"))
            }
            ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
                self.wrong(format!("`{open}` is closed with `{close}`"), self.here(), "opened here")
            }
            ErrorKind::MisplacedFlowCollectionEnd => self
                .wrong(format!("`{next}` without an opening bracket"), self.here(), "nothing to close here")
                .help("quote the string if the bracket is part of it"),
            ErrorKind::UnclosedQuotedScalar => self
                .wrong(format!("unclosed string in `{next}`"), self.here(), "opened here")
                .help(format!("close it with `{next}`, or write long strings as a block: `key: |`")),
            ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
                self.misplaced_colon(unfinished)
            }
            ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => {
                self.misplaced_line(unfinished)
            }
            ErrorKind::ExpectedBlockSequenceEntry => {
                let message = "a list continues with something that is not a `- ` entry";
                let wrong = self.wrong(message, self.word(), "expected `- `, or less indentation");
                self.beside(wrong, unfinished)
            }
            ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => self
                .wrong("a key without `:`", self.word(), "a `:` must follow on this line")
                .help("write `key: value`; write long strings as a block: `key: |`"),
            ErrorKind::BlockSequenceEntryNotAllowed | ErrorKind::BlockEntryInFlowCollection => self
                .wrong("a `- ` entry where no list can start", self.here(), "not here")
                .help("start the list on its own line, or write it as `[a, b]`"),
            ErrorKind::MappingKeyNotAllowed => self
                .wrong("a `?` where no key is allowed", self.here(), "this starts a key")
                .help("quote the string if the `?` is part of it"),
            ErrorKind::MissingAnchorOrAliasName => {
                let what = if next == '*' { "an alias" } else { "an anchor" };
                self.wrong(
                    format!("`{next}` starts {what}, but no name follows"),
                    self.here(),
                    "a name must follow",
                )
                .help(format!("quote it to make it a string: `\"{next}\"`"))
            }
            ErrorKind::UnexpectedCharacter { character: character @ ('@' | '`' | '%') } => self
                .wrong(
                    format!("quote values that start with `{character}`"),
                    self.here(),
                    "needs quotes",
                )
                .help("put quotes around the value"),
            ErrorKind::UnexpectedCharacter { character: character @ ('|' | '>') } => self
                .wrong(
                    format!("a block (`{character}`) is not allowed inside `{{ }}` or `[ ]`"),
                    self.here(),
                    "no block allowed here",
                )
                .help(
                    "quote the string if it starts with this character, or write the keys on their own lines, without `{ }`",
                ),
            ErrorKind::UnexpectedCharacter { character } => {
                let name = character.escape_default();
                let wrong = self.wrong(
                    format!("the character `{name}` is not allowed in an ottofile"),
                    self.here(),
                    "in this string",
                );
                match u32::from(*character) {
                    code @ 0..=0xff => wrong.help(format!("in double quotes, write it as `\\x{code:02x}`")),
                    code => wrong.help(format!("in double quotes, write it as `\\u{code:04x}`")),
                }
            }
            ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
                self.after_value()
            }
            ErrorKind::UnknownQuotedScalarEscape => self.unknown_escape(),
            ErrorKind::InvalidQuotedScalarHexEscape
            | ErrorKind::InvalidUnicodeEscape
            | ErrorKind::InvalidLowSurrogate
            | ErrorKind::InvalidLowSurrogateHexEscape
            | ErrorKind::MissingLowSurrogate
            | ErrorKind::UnpairedLowSurrogate => self
                .wrong("invalid escape in double quotes", self.here(), "in this string")
                .help("write `\\x41`, `\\u0041` or `\\U00000041`, or use single quotes"),
            ErrorKind::InvalidBlockScalarHeader | ErrorKind::ZeroBlockScalarIndent => self
                .wrong("text after `|` or `>`", self.here(), "a block starts on the next line")
                .help("only `-`, `+`, a digit from 1 to 9 and a comment can follow `|` or `>`"),
            ErrorKind::InvalidBlockScalarIndent => self
                .wrong(
                    "a blank line of the block is indented deeper than its text",
                    self.here(),
                    "deeper than the text",
                )
                .help("remove the spaces, or give the indentation: `|2`"),
            ErrorKind::ExpectedFlowMappingSeparator => {
                let message = "missing comma in a `{ }` map";
                self.unclosed(self.wrong(message, self.word(), "expected `,` or `}` before this"), unfinished)
                    .help("quote strings that contain `{`, `}`, `[`, `]`, `,` or `: `")
            }
            ErrorKind::ExpectedFlowSequenceSeparator => {
                let message = "missing comma in a `[ ]` list";
                self.unclosed(self.wrong(message, self.word(), "expected `,` or `]` before this"), unfinished)
                    .help("quote strings that contain `{`, `}`, `[`, `]`, `,` or `: `")
            }
            other => self.wrong(format!("invalid YAML: {other}"), self.here(), "here"),
        }
    }

    // ── mistakes that have more than one face ──

    fn tab_in_indentation(&self, kind: &ErrorKind) -> Option<Diagnostic> {
        let tab_from = |start: usize| {
            let indent = self.text[start..].find(|character: char| character != ' ' && character != '\t')?;
            self.text[start..start + indent].find('\t').map(|tab| start + tab)
        };
        // What is wrong with a text of several lines is told of its beginning.
        let is_about_tabs = matches!(
            kind,
            ErrorKind::TabAtBlockScalarStart
                | ErrorKind::TabInBlockIndentation
                | ErrorKind::TabInIndentation
                | ErrorKind::TabInPlainScalar
                | ErrorKind::TabNotAllowed
        );
        let below = || self.text[self.place..].find('\n').map(|newline| self.place + newline + 1);
        let tab = tab_from(self.line_start()).or_else(|| {
            let is_told_early = is_about_tabs || is_block_header(self.line());
            below().filter(|_| is_told_early).and_then(tab_from)
        })?;
        let wrong = self.wrong("a tab in the indentation", self.source.span(tab, tab + 1), "this is a tab");
        Some(wrong.help("YAML indents with spaces only: replace each tab with two spaces"))
    }

    fn merge_conflict(&self) -> Option<Diagnostic> {
        let mut start = 0;
        for line in self.text[..self.place].split_inclusive('\n') {
            if line.starts_with("<<<<<<< ") {
                let span = self.source.span(start, start + line.trim_end().len());
                let wrong = self.wrong("unresolved merge conflict", span, "it starts here");
                return Some(wrong.help("keep one side and remove the lines with `<<<`, `===` and `>>>`"));
            }
            start += line.len();
        }
        None
    }

    /// A `:` that would make a key of something that cannot be one.
    fn misplaced_colon(&self, unfinished: Option<&Unfinished>) -> Diagnostic {
        let message = "a `:` where no key is allowed";
        let before = self.before().trim_start();
        let is_key_like = !before.is_empty() && !before.contains([' ', '"', '\'']);
        if let Some(Unfinished { start, is_flow: true, .. }) = unfinished
            && is_key_like
            && *start < self.line_start()
            && self.text[*start..].starts_with(['[', '{'])
        {
            let bracket = &self.text[*start..start + 1];
            let key = self.source.span(self.place - before.len(), self.place);
            return self
                .wrong(format!("`{bracket}` is not closed before the next key"), key, "the next key")
                .at(self.source, self.character_at(*start), "opened here")
                .help("close it at the end of its line");
        }
        match self.line_above() {
            // The line above went on into this one, as a text of several lines.
            Some((above, line)) if is_key_like && !is_block_header(line) => {
                let start = self.place - before.len();
                let wrong = self.wrong(message, self.source.span(start, self.place), "this cannot be a key");
                match line.contains(": ") {
                    true => wrong
                        .at(self.source, above, "the value of this line continues on the next one")
                        .help("give both lines the same indentation"),
                    false => wrong
                        .at(self.source, above, "no `:` ends this line")
                        .help("write a `:` after the key above"),
                }
            }
            Some(_) | None => {
                self.wrong(message, self.here(), "this makes the text before it a key").help(AS_BLOCK)
            }
        }
    }

    /// Something where the next key of a map was expected.
    fn misplaced_line(&self, unfinished: Option<&Unfinished>) -> Diagnostic {
        let before = self.before().trim();
        if before == "-" {
            let wrong = self.wrong("a `- ` entry among the keys of a map", self.word(), "not a key");
            return self.beside(wrong, unfinished).help("indent it deeper than the key it belongs to");
        }
        if !before.is_empty() {
            return self.after_value();
        }
        if let Some((above, line)) = self.line_above()
            && is_block_header(line)
        {
            return self
                .wrong("a block without text", self.word(), "not indented deep enough for the block")
                .at(self.source, above, "the block starts here")
                .help("indent the text of a block deeper than its key");
        }
        let wrong = self.wrong(
            "a line whose indentation does not match its neighbours",
            self.word(),
            "no key can start in this column",
        );
        self.beside(wrong, unfinished).help("indent it like the lines it belongs to")
    }

    fn after_value(&self) -> Diagnostic {
        let message = "text after the end of the value";
        // A quote that goes on at once was meant to stand in the text.
        let help = match self.before().chars().next_back() {
            Some('"') => {
                "inside double quotes, write `\\\"` for `\"`; or use single quotes around the whole string"
            }
            Some('\'') => {
                "inside single quotes, write `''` for `'`; or use double quotes around the whole string"
            }
            Some(_) | None => AS_BLOCK,
        };
        self.wrong(message, self.word(), "the value ends before this").help(help)
    }

    fn unknown_escape(&self) -> Diagnostic {
        let message = "unknown escape in double quotes";
        let help = "double the backslash, or use single quotes, which keep backslashes";
        let mut characters = self.text[self.place..].char_indices();
        while let Some((offset, character)) = characters.next() {
            if character != '\\' {
                continue;
            }
            let Some((_, escaped)) = characters.next() else { break };
            if !"0abt\tnvfre \"/\\N_LPxuU\r\n".contains(escaped) {
                let start = self.place + offset;
                let span = self.source.span(start, start + 1 + escaped.len_utf8());
                return self.wrong(message, span, "this one").help(help);
            }
        }
        self.wrong(message, self.here(), "in this string").help(help)
    }

    // ── other places ──

    /// Where the map or list stands among whose lines this one is wrong.
    fn beside(&self, wrong: Diagnostic, unfinished: Option<&Unfinished>) -> Diagnostic {
        let Some(Unfinished { start, is_map, is_flow: false }) = unfinished else { return wrong };
        let what = if *is_map { "the keys of this map" } else { "the entries of this list" };
        let column = self.source.position(*start as u32).column;
        wrong.at(self.source, self.character_at(*start), format!("{what} start in column {column}"))
    }

    fn unclosed(&self, wrong: Diagnostic, unfinished: Option<&Unfinished>) -> Diagnostic {
        let Some(Unfinished { start, is_flow: true, .. }) = unfinished else { return wrong };
        wrong.at(self.source, self.character_at(*start), "not closed yet")
    }

    // ── the text around ──

    fn wrong(&self, message: impl Into<String>, span: Span, label: impl Into<String>) -> Diagnostic {
        Diagnostic::error(Code::YamlSyntax, message).at(self.source, first_line_of(self.source, span), label)
    }

    fn next(&self) -> char {
        self.text[self.place..].chars().next().unwrap_or(' ')
    }

    /// The character at the place.
    fn here(&self) -> Span {
        self.character_at(self.place)
    }

    fn character_at(&self, start: usize) -> Span {
        let length = self.text[start..].chars().next().map_or(0, char::len_utf8);
        self.source.span(start, start + length)
    }

    /// From the place to the end of the word there.
    fn word(&self) -> Span {
        let rest = &self.text[self.place..];
        let ends = |character: char| character.is_whitespace() || ",]}".contains(character);
        let length = rest.find(ends).unwrap_or(rest.len());
        match length {
            0 => self.here(),
            length => self.source.span(self.place, self.place + length),
        }
    }

    fn line_start(&self) -> usize {
        self.text[..self.place].rfind('\n').map_or(0, |newline| newline + 1)
    }

    fn line(&self) -> &str {
        self.text[self.line_start()..].lines().next().unwrap_or("")
    }

    /// The part of the line before the place.
    fn before(&self) -> &str {
        &self.text[self.line_start()..self.place]
    }

    /// The next line above that says something, without its indentation.
    fn line_above(&self) -> Option<(Span, &str)> {
        let mut end = self.line_start();
        while end > 0 {
            let start = self.text[..end - 1].rfind('\n').map_or(0, |newline| newline + 1);
            let line = &self.text[start..end];
            let said = line.trim();
            if !said.is_empty() && !said.starts_with('#') {
                let indent = line.len() - line.trim_start().len();
                return Some((self.source.span(start + indent, start + indent + said.len()), said));
            }
            end = start;
        }
        None
    }
}

/// Whether a line ends with the `|` or `>` of a block, as in `bash: |2- # why`.
fn is_block_header(line: &str) -> bool {
    let line = line.split(" #").next().unwrap_or(line).trim_end();
    let line =
        line.trim_end_matches(|character: char| "+-".contains(character) || character.is_ascii_digit());
    let Some(before) = line.strip_suffix(['|', '>']) else { return false };
    before.is_empty() || before.ends_with(": ") || before.ends_with("- ")
}
