//! Texts with `${NAME}`, `$NAME`, `$(command)`, `$((1 + 2))` and `$$` in them: the values of `envs` and the globs of `input`
//! and `output`. Reads them; what the names and commands come to is `envs`' business.

use super::arithmetic::{self, Expression};
use std::ops::Range;

/// One piece of a text, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TemplatePart {
    Text(String),
    Variable { name: String, default: Option<Default>, place: Range<usize> },
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

/// What stands after `:-` or `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Default {
    pub(crate) pieces: Vec<TemplatePart>,
    /// `:-` takes the place of an empty value too.
    pub(crate) replaces_empty: bool,
}

/// What is wrong, and at which byte offset of the text.
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
        let message = "`$((` within `$((`, more than 100 levels deep".to_owned();
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
                        message: "`$(` without its `)`".into(),
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
                let end = brace_end(bytes, at + 2).map_err(|message| TemplateError {
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
                    default: None,
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
    let (replaces_empty, default) = match rest {
        "" => (false, None),
        _ => match (rest.strip_prefix(":-"), rest.strip_prefix('-')) {
            (Some(default), _) => (true, Some((default, base + end + 2))),
            (None, Some(default)) => (false, Some((default, base + end + 1))),
            (None, None) => (false, None),
        },
    };
    if name.is_empty() || !is_name_start(name.as_bytes()[0]) || (!rest.is_empty() && default.is_none()) {
        return Err(TemplateError {
            place,
            message: format!("`${{{inside}}}` is not understood: write `${{NAME}}` or `${{NAME:-default}}`"),
        });
    }
    let default = match default {
        None => None,
        Some((text, base)) => Some(Default { pieces: parse_from(text, base, depth + 1)?, replaces_empty }),
    };
    Ok(TemplatePart::Variable { name: name.to_owned(), default, place })
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

/// How deep defaults may stand within defaults: each level is one of the stack.
const MAX_DEPTH: usize = 100;

/// Where the `}` stands that closes a `${` whose inside starts at `at`.
fn brace_end(bytes: &[u8], mut at: usize) -> Result<usize, &'static str> {
    const UNCLOSED: &str = "`${` without its `}`";
    let mut depth = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'$' if bytes.get(at + 1) == Some(&b'(') => at = command_end(bytes, at + 2).ok_or(UNCLOSED)?,
            b'$' if bytes.get(at + 1) == Some(&b'{') => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err("`${` within `${`, more than 100 levels deep");
                }
                at += 1;
            }
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Ok(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    Err(UNCLOSED)
}

/// Where the `)` stands that closes a `$(` whose inside starts at `at`, as a shell reads it: quotes, escapes,
/// nested parentheses, comments and the lone `)` of a `case` pattern are understood.
fn command_end(bytes: &[u8], at: usize) -> Option<usize> {
    /// What an open construct is closed by.
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
            TemplatePart::Variable { name, default, .. } => {
                format!("<{name}{}>", if default.is_some() { ":-" } else { "" })
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
            ("$(echo", "0..6: `$(` without its `)`"),
            ("${A", "0..3: `${` without its `}`"),
            ("${A%x}", "0..6: `${A%x}` is not understood: write `${NAME}` or `${NAME:-default}`"),
        ] {
            assert_eq!(shown(text), want, "{text}");
        }
    }

    #[test]
    fn defaults_within_defaults_have_a_limit() {
        let nested = |levels: usize| format!("{}{}", "${A:-".repeat(levels), "}".repeat(levels));
        assert_eq!(shown(&nested(100)), "<A:->");
        let too_deep = "`${` within `${`, more than 100 levels deep";
        assert_eq!(shown(&nested(101)), format!("0..{}: {too_deep}", 101 * 6));
        assert_eq!(shown(&nested(100_000)), format!("0..{}: {too_deep}", 100_000 * 6));
    }

    #[test]
    fn names_in_single_quotes_are_not_mentioned() {
        assert_eq!(names_in_command("echo $A '${B}' \"${C:-x}\" \\$D \"it's $E\""), ["A", "C", "E"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_in_place(text in "[a${}()\"'\\\\ #:\\-\nż]{0,40}") {
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
