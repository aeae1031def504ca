//! One field of the document as a typed value, or a diagnostic that says what should stand there.
//! Knows whose field it is, for the messages, but not what it means.

use super::limit;
use super::yaml::{Key, Mapping, Node, NodeKind, Style, first_line_of};
use crate::diagnostic::{self, Code, Diagnostic};
use crate::name;
use crate::quantity::parse_duration;
use crate::source::{SourceFile, Span, Spanned};
use std::fmt;
use std::time::Duration;

/// What the entries of a list are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entries {
    pub(super) all: &'static str,
    pub(super) each: &'static str,
}

pub(super) const TASK_NAMES: Entries = Entries { all: "a list of task names", each: "a task name" };
pub(super) const STEPS: Entries = Entries { all: "a list of tasks and scripts", each: "a task or a script" };
pub(super) const FILE_PATTERNS: Entries =
    Entries { all: "a list of file names or patterns", each: "a file name or pattern" };
pub(super) const VARIABLES: Entries =
    Entries { all: "a list of variable names", each: "the name of a variable" };
pub(super) const TEXTS: Entries = Entries { all: "a list", each: "a string" };

/// Collects what is wrong while the parts of a document are read.
pub(super) struct Reader<'s> {
    pub(super) source: &'s SourceFile,
    diagnostics: Vec<Diagnostic>,
    /// Mistakes beyond [`limit::MOST_DIAGNOSTICS`].
    untold: usize,
}

/// Whose keys are being read; reads on after "in" or "of".
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner<'a> {
    Document,
    Otto,
    Retention,
    /// The root of a site file.
    SiteFile,
    SiteSlurm,
    /// An entry of `include`.
    Include,
    SiteResources,
    /// Of a task, or of all.
    Resources(Option<&'a str>),
    Task(&'a str),
    Edge(&'a str),
    Step(&'a str),
    Foreach(&'a str),
    Retries(&'a str),
    Service(&'a str),
    Param {
        form: &'a str,
        task: &'a str,
    },
    /// One of `outputs`, by its path.
    Output {
        key: &'a str,
        task: &'a str,
    },
    /// An entry of `envs`.
    Variable(&'a str),
}

/// A key of an owner: "`before` of task `build`".
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) key: &'a str,
    pub(super) owner: Owner<'a>,
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Document => f.write_str("the ottofile"),
            Owner::Otto => f.write_str("`otto`"),
            Owner::Retention => f.write_str("`otto.retention`"),
            Owner::SiteFile => f.write_str("the site file"),
            Owner::SiteSlurm => f.write_str("`slurm`"),
            Owner::Include => f.write_str("an entry of `otto.include`"),
            Owner::SiteResources => f.write_str("the resources of the site file"),
            Owner::Resources(None) => f.write_str("`otto.resources`"),
            Owner::Resources(Some(task)) => write!(f, "`resources` of task `{task}`"),
            Owner::Task(task) => write!(f, "task `{task}`"),
            Owner::Edge(task) => write!(f, "a dependency of task `{task}`"),
            Owner::Step(task) => write!(f, "a step of task `{task}`"),
            Owner::Foreach(task) => write!(f, "`foreach` of task `{task}`"),
            Owner::Retries(task) => write!(f, "`retries` of task `{task}`"),
            Owner::Service(task) => write!(f, "`service` of task `{task}`"),
            Owner::Param { form, task } => write!(f, "parameter `{form}` of task `{task}`"),
            Owner::Output { key, task } => write!(f, "output `{key}` of task `{task}`"),
            Owner::Variable(name) => write!(f, "variable `{name}`"),
        }
    }
}

impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.owner {
            Owner::Document | Owner::SiteFile => write!(f, "`{}`", self.key),
            Owner::SiteSlurm => write!(f, "`slurm.{}`", self.key),
            Owner::Otto => write!(f, "`otto.{}`", self.key),
            Owner::Retention => write!(f, "`otto.retention.{}`", self.key),
            Owner::Task(_)
            | Owner::Edge(_)
            | Owner::Include
            | Owner::Step(_)
            | Owner::Foreach(_)
            | Owner::Retries(_)
            | Owner::Service(_)
            | Owner::Param { .. }
            | Owner::SiteResources
            | Owner::Resources(_)
            | Owner::Output { .. }
            | Owner::Variable(_) => {
                write!(f, "`{}` of {}", self.key, self.owner)
            }
        }
    }
}

impl<'s> Reader<'s> {
    pub(super) fn new(source: &'s SourceFile) -> Reader<'s> {
        Reader { source, diagnostics: Vec::new(), untold: 0 }
    }

    pub(super) fn tell(&mut self, diagnostic: Diagnostic) {
        match self.diagnostics.len() < limit::MOST_DIAGNOSTICS {
            true => self.diagnostics.push(diagnostic),
            false => self.untold += 1,
        }
    }

    /// Tells what was found elsewhere, and `untold` more of which only the number is known.
    pub(super) fn tell_all(&mut self, diagnostics: Vec<Diagnostic>, untold: usize) {
        for diagnostic in diagnostics {
            self.tell(diagnostic);
        }
        self.untold += untold;
    }

    /// Counts one more mistake, if that is all that will be done with it. What may happen a million times asks
    /// this before it makes words.
    pub(super) fn only_counted(&mut self) -> bool {
        let is_full = self.diagnostics.len() >= limit::MOST_DIAGNOSTICS;
        self.untold += usize::from(is_full);
        is_full
    }

    /// Everything that was told, in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        let place = |diagnostic: &Diagnostic| diagnostic.labels.first().map(|label| label.span);
        self.diagnostics.sort_by_key(place);
        if self.untold > 0
            && let Some(last) = self.diagnostics.pop()
        {
            let more = format!("{} more errors are not shown", self.untold);
            self.diagnostics.push(last.note(more));
        }
        self.diagnostics
    }

    /// An error at the first line of a place.
    pub(super) fn error(
        &self,
        code: Code,
        message: impl Into<String>,
        span: Span,
        label: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::error(code, message).at(self.source, self.first_line(span), label)
    }

    pub(super) fn first_line(&self, span: Span) -> Span {
        first_line_of(self.source, span)
    }

    /// "`before` of task `a` must be …, not a number".
    pub(super) fn wrong_type(
        &mut self,
        field: Field<'_>,
        node: &Node<'_>,
        expected: &str,
        help: impl Into<String>,
    ) {
        if self.only_counted() {
            return;
        }
        let found = describe(node);
        let message = format!("{field} must be {expected}, not {found}");
        let wrong = self.error(Code::WrongType, message, node.span, format!("this is {found}")).help(help);
        self.tell(wrong);
    }

    pub(super) fn bad_value(&mut self, field: Field<'_>, span: Span, expected: &str, label: &str) {
        if self.only_counted() {
            return;
        }
        let message = format!("{field} must be {expected}");
        let wrong = self.error(Code::BadValue, message, span, label);
        self.tell(wrong);
    }

    /// A key that means nothing here. `known` are the keys of this owner.
    pub(super) fn unknown_key(
        &mut self,
        key: Key<'_>,
        owner: Owner<'_>,
        known: &[&str],
        meant: Option<String>,
    ) {
        if self.only_counted() {
            return;
        }
        let similar = name::similar(key.text, known.iter().copied(), 3);
        let message = match owner {
            Owner::Document => format!("unknown key `{}`", key.text),
            _ => format!("unknown key `{}` in {owner}", key.text),
        };
        let wrong = self.error(Code::UnknownKey, message, key.span, "unknown key");
        let wrong = match (meant, similar.as_slice()) {
            (Some(help), _) => wrong.help(help),
            (None, []) => wrong.note(format!("valid keys are {}", listed(known))),
            (None, similar) => wrong.did_you_mean(similar),
        };
        self.tell(wrong);
    }

    // ── values ──

    /// A scalar, as spelled.
    pub(super) fn text(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<Spanned<String>> {
        match node.scalar() {
            Some(text) => Some(Spanned::new(text.to_owned(), node.span)),
            None => {
                self.wrong_type(field, node, "a string", format!("write `{}: STRING`", field.key));
                None
            }
        }
    }

    /// A scalar that is not empty.
    pub(super) fn filled_text(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<Spanned<String>> {
        let text = self.text(field, node)?;
        if text.value.trim().is_empty() {
            self.bad_value(field, node.span, "a non-empty string", "this is empty");
            return None;
        }
        Some(text)
    }

    /// Exactly `true` or `false`, quoted or not.
    pub(super) fn truth(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<bool> {
        let help = match node.scalar() {
            Some("true") => return Some(true),
            Some("false") => return Some(false),
            Some("yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" | "1" | "True" | "TRUE") => {
                "write `true`"
            }
            Some("no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" | "0" | "False" | "FALSE") => {
                "write `false`"
            }
            Some(_) | None => "write `true` or `false`",
        };
        let found = match node.scalar() {
            Some(text) if !text.is_empty() => format!("`{}`", shortened(text)),
            _ => describe(node).to_owned(),
        };
        let message = format!("{field} must be `true` or `false`, not {found}");
        let wrong = self.error(Code::WrongType, message, node.span, "neither `true` nor `false`").help(help);
        self.tell(wrong);
        None
    }

    /// A whole number of at least `least`.
    pub(super) fn number(&mut self, field: Field<'_>, node: &Node<'_>, least: u32) -> Option<u32> {
        let Some(text) = node.scalar() else {
            self.wrong_type(field, node, "a number", format!("write `{}: {}`", field.key, least.max(1)));
            return None;
        };
        match text.parse::<u32>() {
            Ok(number) if number >= least && !text.starts_with('+') => Some(number),
            Ok(_) => {
                self.bad_value(field, node.span, &format!("at least {least}"), "too small");
                None
            }
            Err(_) if text.len() > 9 && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.bad_value(field, node.span, &format!("at most {}", u32::MAX), "too large");
                None
            }
            Err(_) => {
                let expected = format!("a whole number, at least {least}");
                self.bad_value(field, node.span, &expected, "not a valid number");
                None
            }
        }
    }

    pub(super) fn duration(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<Spanned<Duration>> {
        let text = node.scalar();
        match text.and_then(parse_duration) {
            Some(duration) => Some(Spanned::new(duration, node.span)),
            None => {
                let message = format!("{field} must be a duration, such as `30s`, `5m` or `1h30m`");
                let wrong = self
                    .error(Code::BadValue, message, node.span, "not a duration")
                    .note("units are `ms`, `s`, `m`, `h` and `d`; a plain number means seconds");
                self.tell(wrong);
                None
            }
        }
    }

    /// A list of scalars, as spelled.
    pub(super) fn texts(&mut self, field: Field<'_>, node: &Node<'_>, what: Entries) -> Vec<Spanned<String>> {
        let Some(items) = self.list(field, node, what) else { return Vec::new() };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match item.scalar() {
                Some(text) if !item.is_nothing() => texts.push(Spanned::new(text.to_owned(), item.span)),
                Some(_) | None => self.bad_entry(field, item, what),
            }
        }
        texts
    }

    pub(super) fn bad_entry(&mut self, field: Field<'_>, item: &Node<'_>, what: Entries) {
        if self.only_counted() {
            return;
        }
        let found = describe(item);
        let message = format!("each entry of {field} must be {}, not {found}", what.each);
        let wrong = self.error(Code::WrongType, message, item.span, format!("this is {found}"));
        self.tell(wrong);
    }

    /// A list. A single entry without its brackets is refused with the brackets in the help: there is one way
    /// to write a list.
    pub(super) fn list<'n, 'a>(
        &mut self,
        field: Field<'_>,
        node: &'n Node<'a>,
        what: Entries,
    ) -> Option<&'n [Node<'a>]> {
        match &node.kind {
            NodeKind::List(items) => Some(items),
            NodeKind::Written(..) | NodeKind::Made(..) | NodeKind::Map(_) => {
                let written = self.source.slice(node.span);
                let is_entry = !written.is_empty()
                    && node.style() == Some(Style::Plain)
                    && !looks_like_number(written)
                    && (written.contains(',') || !written.contains(char::is_whitespace))
                    && !written.contains(['\n', '[', ']', '{', '}', '#']);
                let example = if is_entry { shortened(written) } else { "NAME".to_owned() };
                let help = format!("write a list: `{}: [{example}]`", field.key);
                self.wrong_type(field, node, what.all, help);
                None
            }
        }
    }

    pub(super) fn map<'n, 'a>(
        &mut self,
        field: Field<'_>,
        node: &'n Node<'a>,
        help: &str,
    ) -> Option<&'n Mapping<'a>> {
        match &node.kind {
            NodeKind::Map(map) => Some(map),
            NodeKind::Written(..) | NodeKind::Made(..) | NodeKind::List(_) => {
                self.wrong_type(field, node, "a map", help);
                None
            }
        }
    }
}

/// What stands there, in the words of the file.
pub(super) fn describe(node: &Node<'_>) -> &'static str {
    match &node.kind {
        NodeKind::List(_) => "a list",
        NodeKind::Map(_) => "a map",
        NodeKind::Written(..) | NodeKind::Made(..) if node.is_nothing() => "empty",
        NodeKind::Written(..) | NodeKind::Made(..) => match (node.style(), node.scalar().unwrap_or_default())
        {
            (Some(Style::Plain), "null" | "~") => "null",
            (Some(Style::Plain), "true" | "false") => "`true` or `false`",
            (Some(Style::Plain), text) if looks_like_number(text) => "a number",
            _ => "a string",
        },
    }
}

fn looks_like_number(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first))
        && text.parse::<f64>().is_ok()
}

/// A text for use inside a message: at most 40 characters of it.
pub(super) fn shortened(text: &str) -> String {
    diagnostic::shortened(text, 40)
}

/// "`a`, `b` and `c`".
pub(super) fn listed(names: &[&str]) -> String {
    match names {
        [] => "none".to_owned(),
        [one] => format!("`{one}`"),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(|name| format!("`{name}`")).collect();
            format!("{} and `{last}`", first.join(", "))
        }
    }
}
