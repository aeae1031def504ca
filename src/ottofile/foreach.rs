//! The map `foreach` of a task. What it expands to is the plan's business: nothing is listed here, however
//! large a range may be.

use super::field::{Field, Owner, Reader, TEXTS, listed};
use super::foreign;
use super::spec::{Foreach, ForeachJobs, ForeachSource};
use super::yaml::{Map, Node};
use crate::diagnostic::Code;
use crate::name::ParamName;
use crate::source::{Span, Spanned};

pub(super) const KEYS: &[&str] =
    &["as", "buffer", "command", "glob", "items", "jobs", "max_items", "parallel", "range"];

const DEFAULT_VARIABLE: &str = "item";
const DEFAULT_MOST_ITEMS: usize = 1000;

pub(super) fn read(reader: &mut Reader<'_>, field: Field<'_>, node: &Node<'_>) -> Option<Foreach> {
    let help = "write `foreach:`, then on the next line, indented, `items: [a, b]`, `glob: PATTERN`, `range: 1..10` or `command: COMMAND`";
    let map = reader.map(field, node, help)?;
    let Owner::Task(task) = field.owner else { unreachable!("bug: a foreach outside a task") };
    reader.foreach(task, map, node.span)
}

impl Reader<'_> {
    fn foreach(&mut self, task: &str, map: &Map<'_>, span: Span) -> Option<Foreach> {
        let owner = Owner::Foreach(task);
        let mut sources: Vec<(&str, Span)> = Vec::new();
        let mut source = None;
        let mut variable = Spanned::new(DEFAULT_VARIABLE.to_owned(), span);
        let mut is_parallel = true;
        let mut serial_span = None;
        let mut max_items = DEFAULT_MOST_ITEMS;
        let mut jobs = None;
        let mut jobs_span = None;
        let mut is_buffered = false;
        for (key, node) in map.iter() {
            let field = Field { key: key.text, owner };
            if node.is_null() && KEYS.contains(&key.text) {
                continue;
            }
            match key.text {
                "items" | "glob" | "range" | "command" => {
                    sources.push((key.text, key.span));
                    source = self.foreach_source(field, node);
                }
                "as" => {
                    if let Some(name) = self.foreach_variable(field, node) {
                        variable = name;
                    }
                }
                "parallel" => {
                    if self.truth(field, node) == Some(false) {
                        is_parallel = false;
                        serial_span = Some(key.span);
                    }
                }
                "max_items" => {
                    if let Some(most) = self.number(field, node, 1) {
                        max_items = most as usize;
                    }
                }
                "jobs" => {
                    jobs_span = Some(key.span);
                    jobs = match node.scalar() {
                        Some("all") => Some(ForeachJobs::All),
                        _ => self.number(field, node, 1).map(|most| ForeachJobs::Most(most as usize)),
                    };
                }
                "buffer" => is_buffered = self.truth(field, node).unwrap_or(false),
                _ => self.unknown_key(key, owner, KEYS, foreign::meant(owner, key.text)),
            }
        }
        if let (Some(serial), Some(jobs)) = (serial_span, jobs_span) {
            let message = format!("{owner} has both `parallel: false` and `jobs`");
            let wrong = self
                .error(Code::Contradiction, message, jobs, "several at a time")
                .at(self.source, serial, "one at a time")
                .help("remove one of them");
            self.tell(wrong);
        }
        match sources.as_slice() {
            [_] => {}
            [] => {
                let message = format!("{owner} has no items");
                let wrong = self
                    .error(
                        Code::MissingKey,
                        message,
                        span,
                        "`items`, `glob`, `range` or `command` is missing",
                    )
                    .help("write `items: [a, b]`, `glob: PATTERN`, `range: 1..10` or `command: COMMAND`");
                self.tell(wrong);
            }
            [(_, first), others @ ..] => {
                let names: Vec<&str> = sources.iter().map(|(name, _)| *name).collect();
                let message = format!("{owner} has more than one source: {}", listed(&names));
                let mut wrong = self.error(Code::Contradiction, message, *first, "one source");
                for (_, span) in others {
                    wrong = wrong.at(self.source, *span, "another source");
                }
                self.tell(wrong.help("keep one of them"));
            }
        }
        let source = source?;
        Some(Foreach { span, source, variable, is_parallel, max_items, jobs, is_buffered })
    }

    fn foreach_source(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<ForeachSource> {
        match field.key {
            // Whether each makes a name of its own is the plan's business, like all that is wrong with one foreach.
            "items" => Some(ForeachSource::Items(self.texts(field, node, TEXTS))),
            "glob" => {
                let pattern = self.filled_text(field, node)?;
                self.pattern(field, &pattern);
                Some(ForeachSource::Glob(pattern))
            }
            "command" => self.filled_text(field, node).map(ForeachSource::Command),
            _ => self.foreach_range(field, node),
        }
    }

    fn foreach_range(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<ForeachSource> {
        match node.scalar().and_then(range_of) {
            Some((first, last)) if first <= last => {
                Some(ForeachSource::Range { first, last, span: node.span })
            }
            Some((first, last)) => {
                let message = format!("{field} counts down, but ranges count up");
                let wrong = self
                    .error(Code::BadValue, message, node.span, format!("{first} is greater than {last}"))
                    .help(format!("write `{last}..{first}`, or list the `items` in the order you want"));
                self.tell(wrong);
                None
            }
            None => {
                let text = node.scalar().unwrap_or_default();
                let has_only_numbers = !text.is_empty()
                    && text.bytes().all(|byte| byte.is_ascii_digit() || b"-. ".contains(&byte));
                let label = match has_only_numbers && text.len() > 18 {
                    true => "the number is too large",
                    false => "not a valid range",
                };
                let message = format!("{field} must be two whole numbers, such as `1..10`");
                let wrong = self
                    .error(Code::BadValue, message, node.span, label)
                    .note("both ends are included; `1-10` means the same");
                self.tell(wrong);
                None
            }
        }
    }

    fn foreach_variable(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<Spanned<String>> {
        let text = self.filled_text(field, node)?;
        match ParamName::new(&text.value) {
            Ok(name) if name.as_str() == text.value => Some(text),
            Ok(name) => {
                let message = format!("{field} must be a variable name, which cannot contain `-`");
                let wrong = self
                    .error(Code::BadName, message, node.span, "not a variable name")
                    .help(format!("write `as: {name}`"));
                self.tell(wrong);
                None
            }
            Err(why) => {
                let message = format!("the variable `{}` in {} {why}", text.value, field.owner);
                let wrong = self.error(Code::BadName, message, node.span, "choose another name");
                self.tell(wrong);
                None
            }
        }
    }
}

/// `1..10` or `1-10`, both ends included; either end may be negative.
fn range_of(text: &str) -> Option<(i64, i64)> {
    let (first, last) = match text.split_once("..") {
        Some(ends) => ends,
        None => {
            // The first `-` behind a digit divides; one before it is a sign.
            let digit = text.find(|character: char| character.is_ascii_digit())?;
            let dash = digit + text[digit..].find('-')?;
            (&text[..dash], &text[dash + 1..])
        }
    };
    let number = |text: &str| {
        let text = text.trim();
        let is_number = text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten()
    };
    Some((number(first)?, number(last)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_in_both_spellings_with_signs() {
        assert_eq!(range_of("1..10"), Some((1, 10)));
        assert_eq!(range_of("1-10"), Some((1, 10)));
        assert_eq!(range_of("08-11"), Some((8, 11)));
        assert_eq!(range_of(" 1 .. 3 "), Some((1, 3)));
        assert_eq!(range_of("-3..3"), Some((-3, 3)));
        assert_eq!(range_of("-3-3"), Some((-3, 3)));
        assert_eq!(range_of("-3--1"), Some((-3, -1)));
        assert_eq!(range_of("10..1"), Some((10, 1)));
        assert_eq!(range_of("0..9223372036854775807"), Some((0, i64::MAX)));
        for wrong in [
            "",
            "1",
            "..",
            "1..",
            "..3",
            "-",
            "a..b",
            "1...3",
            "1..3..5",
            "1.5..2",
            "+1..2",
            "1..99999999999999999999",
        ] {
            assert_eq!(range_of(wrong), None, "{wrong}");
        }
    }
}
