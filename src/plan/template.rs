//! Texts with `${NAME}`, `$NAME`, `$(command)`, `$((1 + 2))` and `$$` in them: the values of `envs` and the globs of `input`
//! and `output`. Reads them; what the names and commands come to is `envs`' business.

pub(crate) mod arithmetic;

use super::pattern::{Reach, Side};
use arithmetic::Expression;
use std::ops::Range;

/// One piece of a text, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TemplatePart {
    Text(String),
    Variable { name: String, change: Option<Change>, place: Range<usize> },
    Command { text: String, place: Range<usize> },
    Arithmetic { expression: Expression, place: Range<usize> },
}

impl TemplatePart {
    /// Where it is in the whole text; `None` for what is just text.
    pub(crate) fn place(&self) -> Option<&Range<usize>> {
        match self {
            TemplatePart::Text(_) => None,
            TemplatePart::Variable { place, .. }
            | TemplatePart::Command { place, .. }
            | TemplatePart::Arithmetic { place, .. } => Some(place),
        }
    }
}

/// The operator in `${NAME…}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// `:-` or `-`: takes the place of a value that is not there; `:-` of an empty one too.
    Default { pieces: Vec<TemplatePart>, replaces_empty: bool },
    /// `%`, `%%`, `#`, `##`.
    Remove { side: Side, is_longest: bool, pattern: Vec<PatternPart> },
    /// `/`, `//`, `/#`, `/%`.
    Replace { reach: Reach, pattern: Vec<PatternPart>, with: Vec<PatternPart> },
}

impl Change {
    /// The texts in it.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[TemplatePart]> {
        let (pieces, pattern, with): (_, &[PatternPart], &[PatternPart]) = match self {
            Change::Default { pieces, .. } => (Some(pieces.as_slice()), &[], &[]),
            Change::Remove { pattern, .. } => (None, pattern, &[]),
            Change::Replace { pattern, with, .. } => (None, pattern, with),
        };
        pieces.into_iter().chain(pattern.iter().chain(with).map(PatternPart::pieces))
    }
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PatternPart {
    /// Literal: it was in quotes or after a `\`.
    Quoted(Vec<TemplatePart>),
    /// `*`, `?` and `[…]` in it are a pattern, also in the values of variables.
    Bare(Vec<TemplatePart>),
}

impl PatternPart {
    pub(crate) fn pieces(&self) -> &[TemplatePart] {
        match self {
            PatternPart::Quoted(pieces) | PatternPart::Bare(pieces) => pieces,
        }
    }
}

/// What tasks hand each other: there is nothing of it before the tasks run.
pub(crate) const IN_BODIES: [&str; 3] = ["INPUT", "OUTCOME", "OUTPUT"];
pub(crate) const NOT_HERE: &str = "values of tasks can only be read in scripts, not here";
pub(crate) const IN_A_BODY: &str = "read it where the task runs: `bash: echo \"${INPUT[task.key]}\"`; to make a variable of it, `export` it there";

/// An error and the byte range of the text where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TemplateError {
    pub(crate) place: Range<usize>,
    pub(crate) message: String,
}

/// Reads a text in one pass from left to right. A `$` that begins none of the forms is itself.
pub(crate) fn parse(text: &str) -> Result<Vec<TemplatePart>, TemplateError> {
    parse_from(text, 0, 0)
}

/// The inside of `$((…))`.
fn arithmetic_within(text: &str, base: usize, depth: usize) -> Result<Expression, TemplateError> {
    if depth >= MAX_DEPTH {
        let message = "`$((` nested more than 100 levels deep".to_owned();
        return Err(TemplateError { place: base..base + text.len(), message });
    }
    let pieces = parse_from(text, base, depth + 1)?;
    let wrong = |wrong: arithmetic::Wrong| TemplateError { place: wrong.place, message: wrong.message };
    arithmetic::parse(&pieces, text, base).map_err(wrong)
}

/// `base` is where the text begins in the whole one, `depth` how many constructs of one kind it stands in.
fn parse_from(text: &str, base: usize, depth: usize) -> Result<Vec<TemplatePart>, TemplateError> {
    let bytes = text.as_bytes();
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    let flush = |plain: &mut String, pieces: &mut Vec<TemplatePart>| {
        if !plain.is_empty() {
            pieces.push(TemplatePart::Text(std::mem::take(plain)));
        }
    };
    while at < bytes.len() {
        if bytes[at] != b'$' {
            let next = text[at..].find('$').map_or(text.len(), |offset| at + offset);
            plain.push_str(&text[at..next]);
            at = next;
            continue;
        }
        match bytes.get(at + 1) {
            Some(b'$') => {
                plain.push('$');
                at += 2;
            }
            Some(b'(') => {
                let Some(end) = command_end(bytes, at + 2) else {
                    return Err(TemplateError {
                        place: base + at..base + text.len(),
                        message: "`$(` without `)`".into(),
                    });
                };
                flush(&mut plain, &mut pieces);
                let inner = &text[at + 2..end];
                let place = base + at..base + end + 1;
                // As in a shell: `$((1 + 2))` is arithmetic, `$((a); (b))` a command.
                let is_arithmetic = inner.starts_with('(') && command_end(bytes, at + 3) == Some(end - 1);
                pieces.push(match is_arithmetic {
                    true => {
                        let expression = arithmetic_within(&inner[1..inner.len() - 1], base + at + 3, depth)?;
                        TemplatePart::Arithmetic { expression, place }
                    }
                    false => TemplatePart::Command { text: inner.to_owned(), place },
                });
                at = end + 1;
            }
            Some(b'{') => {
                let end = brace_end(bytes, at + 2, 1).map_err(|message| TemplateError {
                    place: base + at..base + text.len(),
                    message: message.into(),
                })?;
                flush(&mut plain, &mut pieces);
                pieces.push(braced(&text[at + 2..end], base + at + 2, base + at..base + end + 1, depth)?);
                at = end + 1;
            }
            Some(byte) if is_name_start(*byte) => {
                let end = name_end(bytes, at + 1);
                flush(&mut plain, &mut pieces);
                pieces.push(TemplatePart::Variable {
                    name: text[at + 1..end].to_owned(),
                    change: None,
                    place: base + at..base + end,
                });
                at = end;
            }
            _ => {
                plain.push('$');
                at += 1;
            }
        }
    }
    flush(&mut plain, &mut pieces);
    Ok(pieces)
}

/// The inside of `${…}`.
fn braced(
    inside: &str,
    base: usize,
    place: Range<usize>,
    depth: usize,
) -> Result<TemplatePart, TemplateError> {
    let end = name_end(inside.as_bytes(), 0);
    let (name, rest) = inside.split_at(end);
    let wrong = |message: String| Err(TemplateError { place: place.clone(), message });
    let not_understood = || {
        format!(
            "`${{{inside}}}` is not understood: write `${{NAME}}`, `${{NAME:-default}}`, `${{NAME%pattern}}`, \
             `${{NAME#pattern}}` or `${{NAME/pattern/text}}`"
        )
    };
    if name.is_empty() || !is_name_start(name.as_bytes()[0]) {
        return wrong(not_understood());
    }
    if rest.starts_with('[') && IN_BODIES.contains(&name) {
        return wrong(NOT_HERE.to_owned());
    }
    let operand = |operator: &str| (&rest[operator.len()..], base + end + operator.len());
    let remove = |operator: &str, side| {
        let (text, base) = operand(operator);
        let (pattern, _) = parts(text, base, depth, None)?;
        Ok(Change::Remove { side, is_longest: operator.len() == 2, pattern })
    };
    let replace = |operator: &str, reach| {
        let (text, base) = operand(operator);
        let (pattern, end) = parts(text, base, depth, Some(b'/'))?;
        let rest = text.get(end + 1..).unwrap_or("");
        let (with, _) = parts(rest, base + end + 1, depth, None)?;
        Ok(Change::Replace { reach, pattern, with })
    };
    let default = |operator: &str| {
        let (text, base) = operand(operator);
        let pieces = parse_from(text, base, depth + 1)?;
        Ok(Change::Default { pieces, replaces_empty: operator == ":-" })
    };
    // The longer operators first.
    let change = match rest.as_bytes() {
        [] => None,
        [b':', b'-', ..] => Some(default(":-")?),
        [b'-', ..] => Some(default("-")?),
        [b'%', b'%', ..] => Some(remove("%%", Side::End)?),
        [b'%', ..] => Some(remove("%", Side::End)?),
        [b'#', b'#', ..] => Some(remove("##", Side::Start)?),
        [b'#', ..] => Some(remove("#", Side::Start)?),
        [b'/', b'/', ..] => Some(replace("//", Reach::Every)?),
        [b'/', b'#', ..] => Some(replace("/#", Reach::At(Side::Start))?),
        [b'/', b'%', ..] => Some(replace("/%", Reach::At(Side::End))?),
        [b'/', ..] => Some(replace("/", Reach::First)?),
        _ => return wrong(not_understood()),
    };
    // From bash 5.2 on it is what was found, before that it is itself.
    if let Some(Change::Replace { with, .. }) = &change {
        let has_ampersand =
            |piece: &TemplatePart| matches!(piece, TemplatePart::Text(text) if text.contains('&'));
        let is_bare = |part: &PatternPart| matches!(part, PatternPart::Bare(pieces) if pieces.iter().any(has_ampersand));
        if with.iter().any(is_bare) {
            return wrong("`&` here is not the same in every bash: write `\\&` for the character".to_owned());
        }
    }
    Ok(TemplatePart::Variable { name: name.to_owned(), change, place })
}

/// The parts of a pattern, or of what takes its place, up to the end or to this byte; and where that is.
fn parts(
    text: &str,
    base: usize,
    depth: usize,
    stop: Option<u8>,
) -> Result<(Vec<PatternPart>, usize), TemplateError> {
    let bytes = text.as_bytes();
    let mut parts = Vec::new();
    let (mut at, mut bare) = (0, 0);
    let wrong =
        |at: usize, why: &str| TemplateError { place: base + at..base + text.len(), message: why.to_owned() };
    let take = |parts: &mut Vec<PatternPart>, range: Range<usize>| {
        if !range.is_empty() {
            let pieces = parse_from(&text[range.clone()], base + range.start, depth + 1)?;
            parts.push(PatternPart::Bare(pieces));
        }
        Ok(())
    };
    while at < bytes.len() && Some(bytes[at]) != stop {
        let quoted = match bytes[at] {
            b'\\' if at + 1 < bytes.len() => {
                let end = at + 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8);
                Some((vec![TemplatePart::Text(text[at + 1..end].to_owned())], end))
            }
            b'\'' => {
                let length = text[at + 1..].find('\'').ok_or_else(|| wrong(at, UNCLOSED))?;
                Some((vec![TemplatePart::Text(text[at + 1..at + 1 + length].to_owned())], at + length + 2))
            }
            b'"' => {
                let end = double_quote_end(bytes, at + 1, depth).map_err(|why| wrong(at, why))?;
                Some((double_quoted(&text[at + 1..end], base + at + 1, depth)?, end + 1))
            }
            _ => None,
        };
        match quoted {
            Some((pieces, end)) => {
                take(&mut parts, bare..at)?;
                parts.push(PatternPart::Quoted(pieces));
                (at, bare) = (end, end);
            }
            None => at = expansion_end(bytes, at, depth).map_err(|why| wrong(at, why))?,
        }
    }
    take(&mut parts, bare..at)?;
    Ok((parts, at))
}

/// The inside of `"…"`, in which `\` stands before what would be special.
fn double_quoted(text: &str, base: usize, depth: usize) -> Result<Vec<TemplatePart>, TemplateError> {
    let bytes = text.as_bytes();
    let wrong =
        |at: usize, why: &str| TemplateError { place: base + at..base + text.len(), message: why.to_owned() };
    let mut pieces = Vec::new();
    let (mut at, mut plain) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if matches!(bytes.get(at + 1), Some(b'$' | b'"' | b'\\' | b'`')) => {
                pieces.extend(parse_from(&text[plain..at], base + plain, depth + 1)?);
                pieces.push(TemplatePart::Text(text[at + 1..at + 2].to_owned()));
                at += 2;
                plain = at;
            }
            _ => at = expansion_end(bytes, at, depth).map_err(|why| wrong(at, why))?,
        }
    }
    pieces.extend(parse_from(&text[plain..], base + plain, depth + 1)?);
    Ok(pieces)
}

/// Where a `"…"` ends whose inside begins at `at`.
fn double_quote_end(bytes: &[u8], mut at: usize, depth: usize) -> Result<usize, &'static str> {
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return Ok(at),
            b'\\' => at += 2,
            _ => at = expansion_end(bytes, at, depth)?,
        }
    }
    Err(UNCLOSED)
}

/// Where the `${…}`, `$(…)`, `$$` or other byte ends that stands at `at`.
fn expansion_end(bytes: &[u8], at: usize, depth: usize) -> Result<usize, &'static str> {
    match (bytes[at], bytes.get(at + 1)) {
        (b'$', Some(b'(')) => Ok(command_end(bytes, at + 2).ok_or(UNCLOSED)? + 1),
        (b'$', Some(b'{')) => Ok(brace_end(bytes, at + 2, depth + 1)? + 1),
        (b'$', Some(b'$')) => Ok(at + 2),
        _ => Ok(at + 1),
    }
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

fn name_end(bytes: &[u8], start: usize) -> usize {
    bytes[start..]
        .iter()
        .position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
        .map_or(bytes.len(), |offset| start + offset)
}

const UNCLOSED: &str = "`${` without `}`";

/// How deep defaults may stand within defaults: each level is one of the stack.
const MAX_DEPTH: usize = 100;

/// Where the `}` stands that closes a `${` whose inside starts at `at`. In a pattern `\` and quotes keep one from closing
/// it; in a default they are themselves.
fn brace_end(bytes: &[u8], at: usize, depth: usize) -> Result<usize, &'static str> {
    if depth > MAX_DEPTH {
        return Err("`${` nested more than 100 levels deep");
    }
    let mut at = name_end(bytes, at);
    let is_pattern = matches!(bytes.get(at), Some(b'%' | b'#' | b'/'));
    while at < bytes.len() {
        match bytes[at] {
            b'$' if bytes.get(at + 1) == Some(&b'(') => at = command_end(bytes, at + 2).ok_or(UNCLOSED)?,
            b'$' if bytes.get(at + 1) == Some(&b'{') => at = brace_end(bytes, at + 2, depth + 1)?,
            b'}' => return Ok(at),
            b'\\' if is_pattern => at += 1,
            b'\'' if is_pattern => {
                let rest = bytes.get(at + 1..).ok_or(UNCLOSED)?;
                at += 1 + rest.iter().position(|byte| *byte == b'\'').ok_or(UNCLOSED)?;
            }
            b'"' if is_pattern => at = double_quote_end(bytes, at + 1, depth)?,
            _ => {}
        }
        at += 1;
    }
    Err(UNCLOSED)
}

/// Where the `)` stands that closes a `$(` whose inside starts at `at`, as a shell reads it: quotes, escapes,
/// nested parentheses, comments and the lone `)` of a `case` pattern are understood.
fn command_end(bytes: &[u8], at: usize) -> Option<usize> {
    /// The character that closes an open construct.
    #[derive(PartialEq)]
    enum Closer {
        Paren,
        DoubleQuote,
        Brace,
        Case,
    }
    let mut open = vec![Closer::Paren];
    let mut at = at;
    // Whether a word that begins here is a command or a keyword, rather than an argument.
    let mut is_command = true;
    while at < bytes.len() {
        let in_quotes = open.last() == Some(&Closer::DoubleQuote);
        if matches!(open.last(), Some(Closer::Paren | Closer::Case)) {
            let word = &bytes[at..name_end(bytes, at)];
            if !word.is_empty() {
                is_command = match (word, is_command, open.last() == Some(&Closer::Case)) {
                    (b"case", true, _) => {
                        open.push(Closer::Case);
                        false
                    }
                    (b"esac", true, true) => {
                        open.pop();
                        false
                    }
                    (b"in", _, true) => true,
                    (b"do" | b"then" | b"else" | b"elif" | b"if" | b"while" | b"until", true, _) => true,
                    _ => false,
                };
                at += word.len();
                continue;
            }
            is_command = match bytes[at] {
                b';' | b'&' | b'|' | b'(' | b')' | b'\n' | b'{' | b'!' => true,
                b' ' | b'\t' | b'\r' => is_command,
                _ => false,
            };
        }
        match bytes[at] {
            b'\\' => at += 1,
            b'\'' if !in_quotes => at += 1 + bytes[at + 1..].iter().position(|byte| *byte == b'\'')?,
            b'"' if in_quotes => {
                open.pop();
            }
            b'"' => open.push(Closer::DoubleQuote),
            b'$' if bytes.get(at + 1) == Some(&b'(') => {
                open.push(Closer::Paren);
                at += 1;
            }
            b'$' if bytes.get(at + 1) == Some(&b'{') => {
                open.push(Closer::Brace);
                at += 1;
            }
            b'}' if open.last() == Some(&Closer::Brace) => {
                open.pop();
            }
            b'(' if !in_quotes => open.push(Closer::Paren),
            b')' if open.last() == Some(&Closer::Paren) => {
                open.pop();
                if open.is_empty() {
                    return Some(at);
                }
            }
            b'#' if !in_quotes
                && open.last() == Some(&Closer::Paren)
                && at > 0
                && bytes[at - 1].is_ascii_whitespace() =>
            {
                at += bytes[at..].iter().position(|byte| *byte == b'\n')?;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Names that a command mentions as `$NAME` or `${NAME…}` outside single quotes.
pub(crate) fn names_in_command(command: &str) -> Vec<String> {
    let bytes = command.as_bytes();
    let mut names = Vec::new();
    let mut in_double = false;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'"' => in_double = !in_double,
            b'\'' if !in_double => match bytes[at + 1..].iter().position(|byte| *byte == b'\'') {
                Some(offset) => at += offset + 1,
                None => return names,
            },
            b'$' => {
                let start = if bytes.get(at + 1) == Some(&b'{') { at + 2 } else { at + 1 };
                if bytes.get(start).is_some_and(|byte| is_name_start(*byte)) {
                    let end = name_end(bytes, start);
                    names.push(command[start..end].to_owned());
                    at = end - 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        let piece = |piece: &TemplatePart| match piece {
            TemplatePart::Text(text) => format!("[{text}]"),
            TemplatePart::Variable { name, change, .. } => {
                let change = match change {
                    None => "",
                    Some(Change::Default { .. }) => ":-",
                    Some(Change::Remove { .. }) => "-",
                    Some(Change::Replace { .. }) => "/",
                };
                format!("<{name}{change}>")
            }
            TemplatePart::Command { text, .. } => format!("({text})"),
            TemplatePart::Arithmetic { .. } => "(())".to_owned(),
        };
        match parse(text) {
            Ok(pieces) => pieces.iter().map(piece).collect(),
            Err(error) => format!("{:?}: {}", error.place, error.message),
        }
    }

    #[test]
    fn each_form_is_read() {
        for (text, want) in [
            ("plain", "[plain]"),
            ("${A}-$B/${C:-d}", "<A>[-]<B>[/]<C:->"),
            ("$$4.99 $${X} $$(echo)", "[$4.99 ${X} $(echo)]"),
            ("v$(echo 1).$(echo 2)", "[v](echo 1)[.](echo 2)"),
            ("$((1 + (2)))$((a) | b)$((a); (b))", "(())((a) | b)((a); (b))"),
            ("$(echo \"$(basename /x/y)\")", "(echo \"$(basename /x/y)\")"),
            ("$(echo \")\")$(echo 'a)b')$( (echo x) )", "(echo \")\")(echo 'a)b')( (echo x) )"),
            (
                "$(case $X in a) echo 1;; (b|c) echo 2;; *) echo 3; esac)!",
                "(case $X in a) echo 1;; (b|c) echo 2;; *) echo 3; esac)[!]",
            ),
            (
                "$(echo case; if case x in esac; then case a in\na) x;;\nesac; fi)",
                "(echo case; if case x in esac; then case a in\na) x;;\nesac; fi)",
            ),
            ("$(echo case closed)$(mycase x)", "(echo case closed)(mycase x)"),
            ("costs $5 and $", "[costs $5 and $]"),
            ("$(echo", "0..6: `$(` without `)`"),
            ("${A", "0..3: `${` without `}`"),
            ("${A%.c}${A##*/}${A/a/b}${A//$B/\\}}${A/#a}${A/%'}'/c}!", "<A-><A-><A/><A/><A/><A/>[!]"),
            ("${A:-it's}${A%\"}\"}${A%${B:-}}}", "<A:-><A-><A->[}]"),
            ("${A%'}", "0..6: `${` without `}`"),
            ("${A/a/b&}", "0..9: `&` here is not the same in every bash: write `\\&` for the character"),
            (
                "${A^^}",
                "0..6: `${A^^}` is not understood: write `${NAME}`, `${NAME:-default}`, `${NAME%pattern}`, \
                 `${NAME#pattern}` or `${NAME/pattern/text}`",
            ),
            ("${INPUT[a.b]}", "0..13: values of tasks can only be read in scripts, not here"),
        ] {
            assert_eq!(shown(text), want, "{text}");
        }
    }

    #[test]
    fn defaults_within_defaults_have_a_limit() {
        let nested = |levels: usize| format!("{}{}", "${A:-".repeat(levels), "}".repeat(levels));
        assert_eq!(shown(&nested(100)), "<A:->");
        let too_deep = "`${` nested more than 100 levels deep";
        assert_eq!(shown(&nested(101)), format!("0..{}: {too_deep}", 101 * 6));
        assert_eq!(shown(&nested(100_000)), format!("0..{}: {too_deep}", 100_000 * 6));
        let in_quotes = format!("{}{}", "${A%\"".repeat(100_000), "\"}".repeat(100_000));
        assert!(shown(&in_quotes).contains("`${`"), "refused");
    }

    #[test]
    fn names_in_single_quotes_are_not_mentioned() {
        assert_eq!(names_in_command("echo $A '${B}' \"${C:-x}\" \\$D \"it's $E\""), ["A", "C", "E"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_in_place(text in "[a${}()\"'\\\\ #%/&:\\-\nż]{0,40}") {
            match parse(&text) {
                Ok(_) => {}
                Err(error) => prop_assert!(error.place.start <= error.place.end && error.place.end <= text.len()),
            }
            names_in_command(&text);
        }

        #[test]
        fn doubled_dollars_quote_any_text(text in "\\PC{0,40}") {
            let quoted = text.replace('$', "$$");
            let pieces = parse(&quoted).expect("nothing is left to read");
            let back: String = pieces.iter().map(|piece| match piece {
                TemplatePart::Text(text) => text.as_str(),
                TemplatePart::Variable { .. } | TemplatePart::Command { .. } | TemplatePart::Arithmetic { .. } => "?",
            }).collect();
            prop_assert_eq!(back, text);
        }
    }
}
