//! All that otto reads in the text of a body: its language, what it mentions, sets and loses, and where that stands in the
//! ottofile. Knows no job, no value and no file.

mod effect;
pub(crate) mod ending;
pub(crate) mod export;
pub(crate) mod grammar;
mod keys;
mod language;
pub(crate) mod lost;
pub(crate) mod need;
mod names;
mod outcome;
mod place;
pub(crate) mod python;
pub(crate) mod unseen;
pub(crate) mod unset;
pub(crate) mod uses;

pub(crate) use keys::set_keys;
pub(crate) use language::{Language, Shebang};
pub(crate) use outcome::{is_own as has_own_outcome, mentions_outcomes, reads_array as reads_outcome_array};
pub(crate) use place::Place;

pub(crate) use lost::Load;

use crate::diagnostic::Diagnostic;
use crate::name::TaskName;
use crate::ottofile::spec::{Body, BodyKey, Task};
use crate::source::SourceFile;

/// The `if` of a task, as a text in the language that asks it: Python where the script is, else a shell's.
pub(crate) fn condition_of(task: &Task) -> Option<Body> {
    let condition = task.condition.as_deref()?;
    let key = match task.body.as_ref().map(Language::of) {
        Some(Language::Python) => BodyKey::Python,
        Some(Language::Bash | Language::Posix | Language::Other) | None => condition.key,
    };
    Some(Body { key, ..condition.clone() })
}

/// Whether a body may ask how the tasks before it ended, in its own text, in one that it loads, or by a name that it
/// composes.
pub(crate) fn may_read_outcomes(body: &Body) -> bool {
    mentions_outcomes(&body.text) || has_unseen_names(body)
}

/// The same of the values that the tasks before it set.
pub(crate) fn may_read_values(body: &Body) -> bool {
    const READERS: [&str; 7] =
        ["INPUT", "otto.get", "otto_get", "otto.items", "otto_items", "input.", "OTTO_TASK"];
    READERS.iter().any(|reader| body.text.contains(reader)) || has_unseen_names(body)
}

/// Whether a shell may use names that are not in this text: in one that it loads, or composed ones.
fn has_unseen_names(body: &Body) -> bool {
    match Language::of(body) {
        Language::Bash => need::Needs::of(&body.text).names,
        Language::Posix => need::Needs::of_posix(&body.text).names,
        Language::Python | Language::Other => false,
    }
}

/// Whether a body may read what other tasks set.
pub(crate) fn may_read_inputs(body: &Body) -> bool {
    match Language::of(body) {
        Language::Bash => !need::Needs::of(&body.text).is_nothing(),
        Language::Posix => !need::Needs::of_posix(&body.text).is_nothing(),
        Language::Python | Language::Other => true,
    }
}

/// What is wrong with a body as written, before anything runs. Pure, and quick: most bodies are not even read. `load` gives
/// the text of a file that the body loads.
pub(crate) fn warnings(body: &Body, task: &TaskName, source: &SourceFile, load: &Load) -> Vec<Diagnostic> {
    match Language::of(body) {
        Language::Bash | Language::Posix => lost::warnings(body, task, source, load),
        Language::Python | Language::Other => Vec::new(),
    }
}
