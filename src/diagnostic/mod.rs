//! What otto says about the user's input: a code, what is wrong, where, and what would be right.
//! Collected, never thrown one at a time.

mod code;
mod notice;
mod render;

pub(crate) use code::Code;
pub(crate) use notice::Notice;
pub(crate) use render::{render, render_notices, summary, usage};

use crate::source::{SourceFile, Span, Text};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    Error,
    Warning,
}

/// One message about the input. Texts are lower case, without a full stop, names in backticks.
#[derive(Clone, Debug)]
pub(crate) struct Diagnostic {
    pub(crate) code: Code,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    /// The places, the first of them the one that is wrong. May be empty: not every mistake is in a file.
    pub(crate) labels: Vec<Label>,
    /// What is known beside the places, each a `= note:` line.
    pub(crate) notes: Vec<String>,
    /// What would be right, each a `help:` line.
    pub(crate) helps: Vec<String>,
    /// The form of the command that was not understood; said once, below all mistakes.
    pub(crate) usage: Option<Box<str>>,
}

/// `#[serde(with = "diagnostic::told")]`, for one that is told later, perhaps by another otto: what it says, without the
/// places.
pub(crate) mod told {
    use super::{Code, Diagnostic};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct ToldForm {
        code: u16,
        message: String,
        notes: Vec<String>,
        helps: Vec<String>,
    }

    pub(crate) fn serialize<S: Serializer>(diagnostic: &Diagnostic, to: S) -> Result<S::Ok, S::Error> {
        let Diagnostic { code, message, labels, notes, helps, .. } = diagnostic;
        let place = labels.first().map(|label| {
            let (name, line) = (label.source.name(), label.source.line(label.span));
            format!("{name}:{line}")
        });
        let (message, notes) = (message.clone(), place.into_iter().chain(notes.iter().cloned()).collect());
        ToldForm { code: code.number(), message, notes, helps: helps.clone() }.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Diagnostic, D::Error> {
        let ToldForm { code, message, notes, helps } = ToldForm::deserialize(from)?;
        let code = Code::ALL.iter().copied().find(|known| known.number() == code);
        let code = code.ok_or_else(|| serde::de::Error::custom("an unknown code"))?;
        Ok(Diagnostic { notes, helps, ..Diagnostic::error(code, message) })
    }
}

/// A place with a few words under it.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) source: SourceFile,
    pub(crate) span: Span,
    pub(crate) text: String,
}

impl Diagnostic {
    pub(crate) fn error(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Error,
            message: message.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            helps: Vec::new(),
            usage: None,
        }
    }

    pub(crate) fn warning(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message) }
    }

    /// Adds a place. The first one added is where the mistake is.
    pub(crate) fn at(mut self, source: &impl Text, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { source: source.around(span).clone(), span, text: text.into() });
        self
    }

    pub(crate) fn note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(text.into());
        self
    }

    pub(crate) fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.helps.push(text.into());
        self
    }

    pub(crate) fn usage(mut self, usage: impl Into<Box<str>>) -> Diagnostic {
        self.usage = Some(usage.into());
        self
    }

    /// `help: did you mean …?` for at most three names, nothing for none.
    pub(crate) fn did_you_mean(self, names: &[&str]) -> Diagnostic {
        match names {
            [] => self,
            [one] => self.help(format!("did you mean `{one}`?")),
            [first, rest @ ..] => {
                let others: Vec<String> = rest.iter().map(|name| format!("`{name}`")).collect();
                self.help(format!("did you mean `{first}` or {}?", others.join(" or ")))
            }
        }
    }

    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// A text for use inside a message: at most so many characters of it, and `…` for the rest.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
