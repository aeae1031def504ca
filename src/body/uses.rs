//! What a body does with data, as far as its text says so: the keys that it sets, the inputs and outcomes that it reads.
//! Never a guess: what is not understood makes a body open, and a read uncertain.

mod constant;
mod python;
mod shell;
mod token;
mod written;

pub(crate) use constant::is_constant;
pub(crate) use written::{Written, WrittenValue, written};

use super::lost::Shell;
use super::{Language, Place};
use crate::diagnostic::Diagnostic;
use crate::ottofile::spec::Body;
use crate::source::{SourceFile, Span};
use crate::value::Value;
use std::ops::Range;

/// What one body sets and reads, each in the order of the text.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    pub(crate) sets: Vec<Set>,
    pub(crate) reads: Vec<Read>,
    /// It may set keys that are not among `sets`.
    pub(crate) is_open: bool,
    /// It may export variables that are not among `sets`.
    pub(crate) may_export: bool,
    /// It may take away what it set.
    pub(crate) may_unset: bool,
    /// Modules that a Python body imports, without what follows a dot. A module of the project may set any key.
    pub(crate) imports: Vec<String>,
}

/// A place that sets a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Set {
    pub(crate) key: String,
    pub(crate) range: Range<usize>,
    /// The start of its command or statement.
    pub(crate) anchor: usize,
    /// The value, where the text says it.
    pub(crate) literal: Option<Literal>,
    /// The body surely does it, unless it fails before.
    pub(crate) is_sure: bool,
    /// An exported variable.
    pub(crate) is_export: bool,
}

/// A value that stands in the text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    /// A string that a shell sets, or a list of such strings.
    Text(Value),
    /// A value with a type.
    Typed(Value),
}

/// A place that reads.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Read {
    pub(crate) what: What,
    /// As written: `build.version`.
    pub(crate) path: String,
    pub(crate) range: Range<usize>,
    /// The start of its command or statement; of a here-document, the line that opens it.
    pub(crate) anchor: usize,
    pub(crate) force: Force,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Input,
    Outcome,
}

/// What happens where there is nothing to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Force {
    /// The body has something else for this case.
    Optional,
    /// It fails if it gets there.
    Uncertain,
    /// It surely gets there, and fails.
    Certain,
}

/// Whether a body may read inputs or outcomes at all. Quick, for every body of a run is asked.
pub(crate) fn may_read(body: &Body) -> bool {
    ["INPUT", "OUTCOME", "otto.get", "otto_get", "otto_outcome"].iter().any(|name| body.text.contains(name))
}

/// Whether a body gives a variable another value.
pub(crate) fn sets_variable(body: &Body, name: &str) -> bool {
    match Language::of(body) {
        Language::Bash | Language::Posix => super::unset::may_set(&body.text, name),
        Language::Python | Language::Other => false,
    }
}

impl Uses {
    pub(crate) fn of(body: &Body) -> Uses {
        let text = &body.text;
        match Language::of(body) {
            Language::Bash | Language::Posix => shell::read(text, Shell::of(body), false),
            Language::Python => python::read(text),
            Language::Other => Uses { is_open: true, may_export: true, may_unset: true, ..Uses::default() },
        }
    }

    /// What the `if` of a task does.
    pub(crate) fn of_condition(condition: &Body) -> Uses {
        match Language::of(condition) {
            Language::Python => python::read(&condition.text),
            Language::Bash | Language::Posix | Language::Other => {
                shell::read(&condition.text, Shell::of(condition), true)
            }
        }
    }

    /// The keys, each once, in the order of first mention.
    pub(crate) fn keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = Vec::new();
        for set in &self.sets {
            if !keys.contains(&set.key.as_str()) {
                keys.push(&set.key);
            }
        }
        keys
    }

    /// Whether the body may set this key.
    pub(crate) fn may_set(&self, key: &str) -> bool {
        self.is_open
            || self.may_export && key.starts_with("OTTO_")
            || self.sets.iter().any(|set| set.key == key)
    }

    /// A body that asks whether a key exists is prepared for its absence wherever it may not get to.
    fn settle(mut self) -> Uses {
        let asked: Vec<(What, String)> = self
            .reads
            .iter()
            .filter(|read| read.force == Force::Optional)
            .map(|read| (read.what, read.path.clone()))
            .collect();
        for read in &mut self.reads {
            let is_asked = asked.iter().any(|(what, path)| *what == read.what && *path == read.path);
            if read.force == Force::Uncertain && is_asked {
                read.force = Force::Optional;
            }
        }
        self.reads.sort_by_key(|read| read.range.start);
        self.sets.sort_by_key(|set| set.range.start);
        self
    }
}

/// Whether a comment `# otto: allow E0704` silences a finding of this code: on the line of the place, on the line above
/// it, or above the line on which its command starts (`anchor`, a byte of the document).
pub(crate) fn is_allowed(source: &SourceFile, code: &str, places: &[u32]) -> bool {
    places.iter().any(|place| {
        let line = source.position(*place).line;
        [Some(line), line.checked_sub(1)].into_iter().flatten().filter(|line| *line > 0).any(|line| {
            let text = source.text().get(source.line_range(line)).unwrap_or("");
            text.match_indices('#').any(|(start, _)| {
                let comment = text[start + 1..].trim_start();
                comment
                    .strip_prefix("otto: allow ")
                    .is_some_and(|codes| codes.split([' ', ',', '\t', '\r', '\n']).any(|word| word == code))
            })
        })
    })
}

/// Without the findings that a comment at their place allows.
pub(crate) fn without_allowed(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    findings.retain(|finding| {
        let code = finding.code.to_string();
        !finding.labels.first().is_some_and(|label| is_allowed(&label.source, &code, &[label.span.start]))
    });
    findings
}

/// Where a range of a body and its anchor stand in the document.
pub(crate) fn places(
    body: &Body,
    source: &SourceFile,
    range: &Range<usize>,
    anchor: usize,
) -> (Span, [u32; 2]) {
    let place = Place::of(body, source);
    let line_end = body.text[range.start..].find('\n').map_or(body.text.len(), |end| range.start + end);
    let span = place.span(range.start..range.end.min(line_end));
    (span, [span.start, place.span(anchor..anchor + 1).start])
}
