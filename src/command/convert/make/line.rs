//! The lines of a Makefile: what a backslash joins, what a comment is, where a word ends. Knows no statement.

/// A line with what its backslashes join to it.
#[derive(Clone, Debug)]
pub(super) struct LogicalLine {
    /// The number of its first line, from 1.
    pub(super) number: usize,
    /// The text as written, including newlines.
    pub(super) written: String,
}

pub(super) fn lines(text: &str, first: usize) -> Vec<LogicalLine> {
    let mut lines: Vec<LogicalLine> = Vec::new();
    let mut goes_on = false;
    for (place, line) in text.lines().enumerate() {
        // Ends the line at a NUL byte, as make does.
        let line = line.split('\0').next().unwrap_or("");
        match lines.last_mut() {
            Some(last) if goes_on => {
                last.written.push('\n');
                last.written.push_str(line);
            }
            _ => lines.push(LogicalLine { number: first + place, written: line.to_owned() }),
        }
        goes_on = ends_in_backslash(line);
    }
    lines
}

fn ends_in_backslash(line: &str) -> bool {
    (line.len() - line.trim_end_matches('\\').len()) % 2 == 1
}

/// A backslash, a newline and the blanks around them are one blank.
pub(super) fn joined(written: &str) -> String {
    let mut joined = String::new();
    for (place, line) in written.split('\n').enumerate() {
        if place > 0 {
            let kept = joined.trim_end_matches([' ', '\t']).len();
            joined.truncate(kept);
            joined.push(' ');
        }
        let line = if place > 0 { line.trim_start_matches([' ', '\t']) } else { line };
        match ends_in_backslash(line) {
            true => joined.push_str(&line[..line.len() - 1]),
            false => joined.push_str(line),
        }
    }
    joined
}

/// A recipe line as the shell gets it: the backslashes stay, the prefix of further lines goes.
pub(super) fn recipe(written: &str, prefix: char) -> String {
    let mut lines = written.split('\n');
    let mut text = lines.next().unwrap_or("").to_owned();
    for line in lines {
        text.push('\n');
        text.push_str(line.strip_prefix(prefix).unwrap_or(line));
    }
    text
}

/// The line before a `#` that no backslash precedes and that is not within a reference.
pub(super) fn without_comment(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(at) = outside(rest, &['#']) {
        let before = &rest[..at];
        let backslashes = before.len() - before.trim_end_matches('\\').len();
        text.push_str(&before[..at - backslashes.div_ceil(2)]);
        if backslashes.is_multiple_of(2) {
            return text;
        }
        text.push('#');
        rest = &rest[at + 1..];
    }
    text + rest
}

/// The place of the first of these characters outside of `$(…)` and `${…}`.
pub(super) fn outside(text: &str, wanted: &[char]) -> Option<usize> {
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        if character == '$' {
            let rest = &text[at + 1..];
            match rest.chars().next() {
                Some(open @ ('(' | '{')) => {
                    // A reference that is never closed takes the rest of the line.
                    at += 3 + closing(&rest[1..], open)?;
                }
                Some(next) => at += 1 + next.len_utf8(),
                None => return None,
            }
            continue;
        }
        if wanted.contains(&character) {
            return Some(at);
        }
        at += character.len_utf8();
    }
    None
}

/// The place of the bracket that closes a reference; the text starts after the bracket that opens it.
pub(super) fn closing(text: &str, open: char) -> Option<usize> {
    let close = if open == '(' { ')' } else { '}' };
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        if character == open {
            depth += 1;
        } else if character == close {
            if depth == 0 {
                return Some(at);
            }
            depth -= 1;
        }
    }
    None
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    /// `=`
    Recursive,
    /// `:=`, `::=`
    Simple,
    /// `?=`
    Fallback,
    /// `+=`
    Add,
    /// `!=`
    Shell,
}

/// The name, the operator and the value of an assignment, as written.
pub(super) fn assignment(statement: &str) -> Option<(&str, Operator, &str)> {
    let statement = statement.trim_start_matches([' ', '\t']);
    let end = outside(statement, &[' ', '\t', '=', ':', '?', '+', '!'])?;
    // A sign that does not belong to an operator may be a part of the name.
    let mut from = end;
    loop {
        let rest = statement[from..].trim_start_matches([' ', '\t']);
        let has_blank = rest.len() < statement.len() - from;
        let found = [
            ("::=", Operator::Simple),
            (":=", Operator::Simple),
            ("?=", Operator::Fallback),
            ("+=", Operator::Add),
            ("!=", Operator::Shell),
            ("=", Operator::Recursive),
        ];
        let found = found.iter().find_map(|(sign, operator)| Some((*operator, rest.strip_prefix(sign)?)));
        if let Some((operator, value)) = found {
            let name = &statement[..from];
            return (!name.is_empty()).then(|| (name, operator, value.trim_start_matches([' ', '\t'])));
        }
        if has_blank || rest.starts_with(':') || rest.is_empty() {
            return None;
        }
        from += rest.chars().next()?.len_utf8();
        from += outside(&statement[from..], &[' ', '\t', '=', ':', '?', '+', '!'])?;
    }
}

/// The first word of a line and what follows it.
pub(super) fn first_word(line: &str) -> (&str, &str) {
    let line = line.trim_start_matches([' ', '\t']);
    match line.find([' ', '\t']) {
        Some(at) => (&line[..at], line[at..].trim_start_matches([' ', '\t'])),
        None => (line, ""),
    }
}
