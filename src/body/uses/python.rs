//! What a Python body sets and reads.

use super::token::{Lexeme, LexemeKind, Line, Tokens, tokens};
use super::{Force, Literal, Read, Set, Uses, What};
use crate::value::Value;
use std::ops::Range;

/// Names by which a script reaches variables that it does not name, or runs text.
const OPAQUE: &[&str] = &[
    "__builtins__",
    "__dict__",
    "__import__",
    "__main__",
    "_getframe",
    "builtins",
    "compile",
    "currentframe",
    "eval",
    "exec",
    "globals",
    "importlib",
    "locals",
    "runpy",
    "setattr",
];

/// Names after which the rest may not run, though the task does not fail.
const LEAVING: &[&str] = &[
    "SystemExit",
    // These call `sys.exit` themselves.
    "click",
    "fire",
    "typer",
    "unittest",
    "_exit",
    "abort",
    "execl",
    "execle",
    "execlp",
    "execlpe",
    "execv",
    "execve",
    "execvp",
    "execvpe",
    "exit",
    "kill",
    "quit",
];

/// Functions that only look at what they are given.
const HARMLESS: &[&str] =
    &["bool", "dict", "dumps", "len", "list", "print", "pprint", "repr", "set", "sorted", "str"];

const COMPOUND: &[&str] = &[
    "async", "case", "class", "def", "elif", "else", "except", "finally", "for", "if", "match", "try",
    "while", "with",
];

const ASSIGNMENTS: &[&str] =
    &["=", "+=", "-=", "*=", "/=", "//=", "%=", "@=", "&=", "|=", "^=", ">>=", "<<=", "**="];

pub(super) fn read(text: &str) -> Uses {
    let Some(found) = tokens(text) else {
        return Uses { is_open: true, may_export: true, may_unset: true, ..Uses::default() };
    };
    let mut reader = PythonReader {
        text,
        found: &found,
        uses: Uses::default(),
        end: usize::MAX,
        blocks: Vec::new(),
        is_read_only: true,
    };
    reader.lines();
    if !reader.is_read_only {
        for read in &mut reader.uses.reads {
            read.force = read.force.min(Force::Uncertain);
        }
    }
    for set in &mut reader.uses.sets {
        // What ends the script later may make it fail, and then nothing is held to a contract.
        set.is_sure &= reader.end == usize::MAX;
    }
    reader.uses.may_unset |= reader.uses.is_open;
    reader.uses.settle()
}

/// Lines that stand deeper than the one that opens them.
struct Suite {
    indent: usize,
    /// A missing key is caught in it.
    catches: bool,
}

struct PythonReader<'a> {
    text: &'a str,
    found: &'a Tokens,
    uses: Uses,
    /// Where the script may have ended.
    end: usize,
    blocks: Vec<Suite>,
    /// INPUT and OUTCOME stay what they are.
    is_read_only: bool,
}

/// A simple statement, or the head of a compound one.
struct Statement {
    tokens: Range<usize>,
    /// The script surely runs it.
    is_sure: bool,
    catches: bool,
}

impl<'a> PythonReader<'a> {
    fn token(&self, place: usize) -> Option<&Lexeme> {
        self.found.tokens.get(place)
    }

    fn word(&self, place: usize) -> &'a str {
        self.token(place).and_then(|token| self.text.get(token.range.clone())).unwrap_or("")
    }

    fn is(&self, place: usize, word: &str) -> bool {
        self.word(place) == word && self.token(place).is_some_and(|token| token.kind != LexemeKind::Text)
    }

    /// The value of a string that stands alone.
    fn text_at(&self, place: usize) -> Option<&'a str> {
        let is_text = |place: usize| self.token(place).is_some_and(|token| token.kind == LexemeKind::Text);
        let is_string = |place: usize| {
            self.token(place).is_some_and(|token| matches!(token.kind, LexemeKind::Text | LexemeKind::Odd))
        };
        let joins = place > 0 && is_string(place - 1) || is_string(place + 1);
        if !is_text(place) || joins {
            return None;
        }
        let word = self.word(place).trim_start_matches(['r', 'R', 'u', 'U']);
        let width = if word.starts_with("\"\"\"") || word.starts_with("'''") { 3 } else { 1 };
        word.get(width..word.len() - width)
    }

    fn lines(&mut self) {
        for number in 0..self.found.lines.len() {
            let Line { indent, tokens } = self.found.lines[number].clone();
            while self.blocks.last().is_some_and(|block| block.indent >= indent) {
                self.blocks.pop();
            }
            let is_compound = COMPOUND.contains(&self.word(tokens.start))
                && self.head_end(&tokens).is_some()
                && !ASSIGNMENTS.contains(&self.word(tokens.start + 1));
            let head = match self.head_end(&tokens) {
                Some(end) if is_compound => end,
                _ => {
                    self.simple(tokens, false);
                    continue;
                }
            };
            let first = self.word(tokens.start);
            let catches = match first {
                "try" => self.catches(number, indent),
                "with" => (tokens.start..head).any(|place| self.word(place) == "suppress"),
                _ => false,
            };
            let is_sure = ["if", "for", "while", "with", "match"].contains(&first) && self.blocks.is_empty();
            let outer = self.blocks.iter().any(|block| block.catches);
            self.statement(&Statement { tokens: tokens.start..head, is_sure, catches: outer });
            self.blocks.push(Suite { indent, catches });
            if head + 1 < tokens.end {
                self.simple(head + 1..tokens.end, true);
            }
        }
    }

    /// The colon that ends the head of a compound statement.
    fn head_end(&self, tokens: &Range<usize>) -> Option<usize> {
        let depth = self.token(tokens.start)?.depth;
        let mut lambdas = 0;
        for place in tokens.clone() {
            if self.token(place)?.depth != depth {
                continue;
            }
            match self.word(place) {
                "lambda" => lambdas += 1,
                ":" if lambdas == 0 => return Some(place),
                ":" => lambdas -= 1,
                _ => {}
            }
        }
        None
    }

    /// Whether the `try` on this line has a handler for missing keys.
    fn catches(&self, number: usize, indent: usize) -> bool {
        let after = self.found.lines[number + 1..].iter();
        let handlers = after.take_while(|line| {
            let word = self.word(line.tokens.start);
            line.indent > indent || line.indent == indent && ["except", "else", "finally"].contains(&word)
        });
        handlers.filter(|line| line.indent == indent && self.word(line.tokens.start) == "except").any(
            |line| {
                let names: Vec<&str> =
                    (line.tokens.start + 1..line.tokens.end).map(|place| self.word(place)).collect();
                let known = ["KeyError", "LookupError", "Exception", "BaseException"];
                names.first() == Some(&":") || names.iter().any(|name| known.contains(name))
            },
        )
    }

    /// Simple statements with `;` between them.
    fn simple(&mut self, tokens: Range<usize>, is_inline: bool) {
        let is_sure = self.blocks.is_empty() && !is_inline;
        let catches = self.blocks.iter().any(|block| block.catches);
        let mut start = tokens.start;
        for place in tokens.clone() {
            let is_end = self.word(place) == ";" && self.token(place).is_some_and(|token| token.depth == 0);
            if is_end {
                self.statement(&Statement { tokens: start..place, is_sure, catches });
                start = place + 1;
            }
        }
        self.statement(&Statement { tokens: start..tokens.end, is_sure, catches });
    }

    fn statement(&mut self, statement: &Statement) {
        let Range { start, end } = statement.tokens.clone();
        let first = self.word(start);
        if ["import", "from"].contains(&first) {
            self.import(start, end);
        }
        // Up to here all of it is evaluated.
        let is_head = ["if", "for", "while"].contains(&first);
        let body = start + usize::from(is_head)..end;
        let is_name = |place: &usize| self.token(*place).is_some_and(|token| token.kind == LexemeKind::Name);
        let skips =
            |place: usize| ["if", "else", "for", "lambda", "async", "case"].contains(&self.word(place));
        let may_skip = body.clone().filter(is_name).any(skips);
        let comparisons = ["<", ">", "<=", ">=", "==", "!=", "in", "is"];
        let mut compares = body.clone().filter(|place| comparisons.contains(&self.word(*place)));
        let second = compares.nth(1 + usize::from(first == "for"));
        let lazy = body.clone().find(|place| ["and", "or"].contains(&self.word(*place)));
        let message = (first == "assert").then(|| body.clone().find(|place| self.is(*place, ","))).flatten();
        let limit = [second, lazy, message].into_iter().flatten().min().unwrap_or(end);
        for place in start..end {
            if self.token(place).is_none_or(|token| token.kind != LexemeKind::Name) {
                continue;
            }
            let is_attribute = place > start && self.is(place - 1, ".");
            let is_sure = statement.is_sure && !may_skip && place < limit;
            let word = self.word(place);
            match word {
                "OUTPUT" | "OTTO_OUTPUT" if !is_attribute => self.output(statement, place),
                "INPUT" | "OTTO_INPUT" if !is_attribute => self.input(statement, place, What::Input, is_sure),
                "OUTCOME" if !is_attribute => self.input(statement, place, What::Outcome, is_sure),
                "otto_set_output" => self.set_by_function(statement, place),
                "otto_get_input" if self.is(place + 1, "(") => {
                    let has_default = self.text_at(place + 2).is_some() && self.is(place + 3, ",");
                    let force = if has_default { Force::Optional } else { Force::Uncertain };
                    self.push_read(
                        statement,
                        What::Input,
                        self.text_at(place + 2).map(str::to_owned),
                        place..place + 4,
                        force,
                    );
                }
                "environ" => self.environ(statement, place),
                "putenv" => self.uses.may_export = true,
                "path" if place > start + 1 && self.is(place - 2, "sys") => {
                    self.uses.imports.push(String::new())
                }
                "OTTO_OUTPUT_JSON" => self.uses.is_open = true,
                "modules" if is_attribute => self.look_away(),
                "vars" if self.is(place + 1, "(") && self.is(place + 2, ")") => self.look_away(),
                // `re.compile` and its like run nothing.
                "compile" if is_attribute => {}
                _ if OPAQUE.contains(&word) => self.look_away(),
                _ => {}
            }
            // `getattr(sys, name)` may be `sys.exit`.
            let is_composed = word == "getattr"
                && !is_attribute
                && self.is(place + 1, "(")
                && self.attribute_named(place + 1).is_none_or(|name| LEAVING.contains(&name));
            let leaves = is_composed
                || LEAVING.contains(&word)
                || ["exec", "eval", "runpy"].contains(&word) && !is_attribute;
            if leaves {
                let at = self.token(place).map_or(0, |token| token.range.start);
                self.end = self.end.min(at);
            }
        }
    }

    /// From here on any variable may be anything.
    fn look_away(&mut self) {
        self.uses.is_open = true;
        self.is_read_only = false;
    }

    fn import(&mut self, start: usize, end: usize) {
        if self.is(start, "from") {
            // `from . import x`
            let name =
                if self.is(start + 1, ".") || self.is(start + 1, "...") { "" } else { self.word(start + 1) };
            self.uses.imports.push(name.to_owned());
            return;
        }
        let mut is_name = true;
        for place in start + 1..end {
            if is_name {
                self.uses.imports.push(self.word(place).to_owned());
            }
            is_name = self.is(place, ",");
        }
    }

    /// The bytes of some tokens.
    fn range(&self, tokens: Range<usize>) -> Range<usize> {
        let start = self.token(tokens.start).map_or(0, |token| token.range.start);
        let last = tokens.end.saturating_sub(1).max(tokens.start);
        start..self.token(last).map_or(self.text.len(), |token| token.range.end)
    }

    fn push_read(
        &mut self,
        statement: &Statement,
        what: What,
        path: Option<String>,
        tokens: Range<usize>,
        force: Force,
    ) {
        let Some(path) = path.filter(|path| !path.is_empty()) else { return };
        let range = self.range(tokens);
        let anchor = self.range(statement.tokens.clone()).start;
        let is_reached = range.start < self.end;
        let force = match force {
            Force::Certain if !is_reached => Force::Uncertain,
            force => force,
        };
        let force = if statement.catches { Force::Optional } else { force };
        self.uses.reads.push(Read { what, path, range, anchor, force });
    }

    /// `INPUT…` at a token.
    fn input(&mut self, statement: &Statement, place: usize, what: What, is_sure: bool) {
        let mut at = place + 1;
        let mut path: Option<String> = None;
        let join = |path: &Option<String>, key: &str| match path {
            Some(path) => format!("{path}.{key}"),
            None => key.to_owned(),
        };
        // `"k" in INPUT`: then what the rest of it names is read too.
        let asked = self.asked(place);
        while self.is(at, "[") {
            let Some(key) = self.text_at(at + 1).filter(|_| self.is(at + 2, "]")) else {
                // A key that the text does not say; up to here it is known.
                let is_known = path.is_some();
                if is_known {
                    self.finish(statement, what, path, place..at, is_sure, asked);
                }
                return;
            };
            path = Some(join(&path, key));
            at += 3;
        }
        if self.is(at, ".") && self.is(at + 2, "(") {
            let method = self.word(at + 1);
            match (method, self.text_at(at + 3)) {
                ("get", Some(key)) => {
                    let path = join(&path, key);
                    self.push_read(statement, what, Some(path), place..at + 4, Force::Optional);
                    return;
                }
                ("update" | "pop" | "setdefault" | "clear" | "popitem", _) if path.is_none() => {
                    self.is_read_only = false;
                }
                _ => {}
            }
        }
        let is_assigned = ASSIGNMENTS.contains(&self.word(at)) || self.is(at, ":=");
        let is_target = is_assigned && self.token(at).is_some_and(|token| token.depth == 0)
            || place > 0
                && ["del", "as", "import", "def", "for", "global", "class"].contains(&self.word(place - 1));
        if is_target {
            self.is_read_only = false;
            return;
        }
        if path.is_none() {
            let is_looked_at = self.is(at, ".")
                || place > 0 && self.is(place - 1, "in")
                || place > 1 && self.is(place - 1, "(") && HARMLESS.contains(&self.word(place - 2));
            self.is_read_only &= is_looked_at;
        }
        self.finish(statement, what, path, place..at, is_sure, asked);
    }

    /// The string before an `in` or `not in` that stands before a token.
    fn asked(&self, place: usize) -> Option<(&'a str, usize)> {
        let before = place.checked_sub(1).filter(|before| self.is(*before, "in"))?;
        let before = before.checked_sub(1)?;
        let key = if self.is(before, "not") { before.checked_sub(1)? } else { before };
        Some((self.text_at(key)?, key))
    }

    fn finish(
        &mut self,
        statement: &Statement,
        what: What,
        path: Option<String>,
        tokens: Range<usize>,
        is_sure: bool,
        asked: Option<(&str, usize)>,
    ) {
        if let Some((key, first)) = asked {
            let whole = match &path {
                Some(path) => format!("{path}.{key}"),
                None => key.to_owned(),
            };
            self.push_read(statement, what, Some(whole), first..tokens.end, Force::Optional);
        }
        let force = if is_sure { Force::Certain } else { Force::Uncertain };
        self.push_read(statement, what, path, tokens, force);
    }

    fn push_set(
        &mut self,
        statement: &Statement,
        key: &str,
        tokens: Range<usize>,
        literal: Option<Literal>,
        is_export: bool,
    ) {
        let range = self.range(tokens);
        let anchor = self.range(statement.tokens.clone()).start;
        let is_first = range.start == anchor;
        let is_sure = statement.is_sure && is_first && range.start < self.end;
        self.uses.sets.push(Set { key: key.to_owned(), range, anchor, literal, is_sure, is_export });
    }

    /// The value from a token to the end of its statement, if it is a plain one.
    fn value(&self, statement: &Statement, start: usize) -> Option<Value> {
        let end = statement.tokens.end;
        let minus = usize::from(self.is(start, "-"));
        if start + minus + 1 != end {
            return None;
        }
        let word = self.word(start + minus);
        let token = self.token(start + minus)?;
        match (token.kind, word) {
            (LexemeKind::Text, _) if minus == 0 => Some(Value::from(self.text_at(start)?)),
            (LexemeKind::Name, "True" | "False") if minus == 0 => Some(Value::Bool(word == "True")),
            (LexemeKind::Name, "None") if minus == 0 => Some(Value::Null),
            (LexemeKind::Number, _) => {
                let text = format!("{}{word}", if minus == 1 { "-" } else { "" });
                match crate::value::parse(text.as_bytes()) {
                    Ok(value @ Value::Number(_)) if !word.contains(['e', 'E']) => Some(value),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// `OUTPUT…` at a token.
    fn output(&mut self, statement: &Statement, place: usize) {
        let before = place.checked_sub(1).map_or("", |before| self.word(before));
        if self.is(place + 1, "[") {
            let Some(key) = self.text_at(place + 2).filter(|_| self.is(place + 3, "]")) else {
                self.uses.is_open = true;
                return;
            };
            if before == "del" {
                self.uses.may_unset = true;
                return;
            }
            let is_first = place == statement.tokens.start;
            let value = match is_first && self.is(place + 4, "=") {
                true => self.value(statement, place + 5).map(Literal::Typed),
                false => None,
            };
            self.push_set(statement, key, place..place + 4, value, false);
            // Whether it is one at all: `OUTPUT["k"]` may be read, or changed in its parts.
            if let Some(set) = self.uses.sets.last_mut() {
                set.is_sure &= is_first
                    && self.found.tokens.get(place + 4).is_some_and(|_| {
                        self.text.get(set.range.end..).is_some_and(|rest| {
                            let rest = rest.trim_start_matches([' ', '\t']);
                            rest.starts_with('=') && !rest.starts_with("==")
                        })
                    });
            }
            return;
        }
        if self.is(place + 1, ".") && self.is(place + 3, "(") {
            match self.word(place + 2) {
                "update" => self.arguments(statement, place + 3),
                "setdefault" | "secret" => match self.text_at(place + 4) {
                    Some(key) => self.push_set(statement, key, place..place + 5, None, false),
                    None => self.uses.is_open = true,
                },
                "get" | "keys" | "values" | "items" | "copy" => {}
                "pop" | "clear" | "popitem" => self.uses.may_unset = true,
                _ => self.uses.is_open = true,
            }
            return;
        }
        let is_first = place == statement.tokens.start;
        if is_first && (self.is(place + 1, "=") || self.is(place + 1, "|=")) {
            self.uses.may_unset |= self.is(place + 1, "=");
            match (self.word(place + 2), self.word(place + 3)) {
                ("{", _) if self.closes(place + 2) + 1 == statement.tokens.end => {
                    self.keys(statement, place + 2)
                }
                ("dict", "(") if self.closes(place + 3) + 1 == statement.tokens.end => {
                    self.arguments(statement, place + 3)
                }
                _ => self.uses.is_open = true,
            }
            return;
        }
        let is_looked_at = before == "global"
            || before == "in" && !self.is(place + 1, ".")
            || before == "("
                && place > 1
                && HARMLESS.contains(&self.word(place - 2))
                && [")", ","].contains(&self.word(place + 1));
        self.uses.is_open |= !is_looked_at;
    }

    /// The second argument of a call, if it is a string alone; `open` is its bracket.
    fn attribute_named(&self, open: usize) -> Option<&'a str> {
        let inner = self.token(open).map_or(0, |token| token.depth + 1);
        let is_comma = |place: &usize| self.is(*place, ",") && self.found.tokens[*place].depth == inner;
        let name = (open + 1..self.closes(open)).find(is_comma)? + 1;
        self.text_at(name).filter(|_| self.is(name + 1, ",") || self.is(name + 1, ")"))
    }

    /// The bracket that closes the one at a token.
    fn closes(&self, open: usize) -> usize {
        let depth = self.token(open).map_or(0, |token| token.depth);
        let after = open + 1..self.found.tokens.len();
        let is_end = |place: &usize| {
            self.found.tokens[*place].depth == depth && [")", "]", "}"].contains(&self.word(*place))
        };
        after.clone().find(is_end).unwrap_or(self.found.tokens.len())
    }

    /// The keys of `update(k=…, **{…})` and of `dict(k=…)`; `open` is its bracket.
    fn arguments(&mut self, statement: &Statement, open: usize) {
        let end = self.closes(open);
        let inner = self.token(open).map_or(0, |token| token.depth + 1);
        let mut is_start = true;
        for place in open + 1..end {
            if self.found.tokens[place].depth != inner {
                continue;
            }
            if is_start {
                let is_name = self.found.tokens[place].kind == LexemeKind::Name && self.is(place + 1, "=");
                match self.word(place) {
                    name if is_name => self.push_set(statement, name, place..place + 1, None, false),
                    "{" if [",", ")"].contains(&self.word(self.closes(place) + 1)) => {
                        self.keys(statement, place)
                    }
                    _ => self.uses.is_open = true,
                }
            }
            is_start = self.is(place, ",");
        }
    }

    /// The keys of `{"k": …}`; `open` is its bracket.
    fn keys(&mut self, statement: &Statement, open: usize) {
        let end = self.closes(open);
        let inner = self.token(open).map_or(0, |token| token.depth + 1);
        let mut is_start = true;
        for place in open + 1..end {
            if self.found.tokens[place].depth != inner {
                continue;
            }
            if is_start {
                match self.text_at(place).filter(|_| self.is(place + 1, ":")) {
                    Some(key) => self.push_set(statement, key, place..place + 1, None, false),
                    None => self.uses.is_open = true,
                }
            }
            // A comprehension makes keys of its own.
            self.uses.is_open |= self.is(place, "for");
            is_start = self.is(place, ",");
        }
    }

    fn set_by_function(&mut self, statement: &Statement, place: usize) {
        match self.text_at(place + 2).filter(|_| self.is(place + 1, "(")) {
            Some(key) => self.push_set(statement, key, place..place + 3, None, false),
            None => self.uses.is_open = true,
        }
    }

    /// `os.environ["OTTO_X"] = …`
    fn environ(&mut self, statement: &Statement, place: usize) {
        let key = self.text_at(place + 2).filter(|_| self.is(place + 1, "[") && self.is(place + 3, "]"));
        match key {
            Some(key) if key.starts_with("OTTO_") => {
                let is_set = self.is(place + 4, "=");
                let value = if is_set { self.value(statement, place + 5) } else { None };
                let literal = value.filter(|value| value.as_str().is_some()).map(Literal::Text);
                let start = statement.tokens.start.min(place);
                self.push_set(statement, key, start..place + 4, literal, true);
            }
            Some(_) => {}
            None => {
                let is_read = self.is(place + 1, ".")
                    && ["get", "copy", "items", "keys"].contains(&self.word(place + 2));
                self.uses.may_export |= !is_read;
            }
        }
    }
}
