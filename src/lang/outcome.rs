//! What a body gets that asks how its dependencies ended: a file, whose path is in `$OTTO_OUTCOME_JSON`, and in shells the
//! array `OUTCOME` and the function `otto_outcome`. The libraries of the other languages read the file.

use super::quote::{Charset, push_assignment, push_word};
use super::{CannotPrepare, Script};
use crate::body::{has_own_outcome, reads_outcome_array};
use crate::fate::{self, FIELDS, Fate};
use crate::store::atomic;
use crate::value;
use std::path::PathBuf;

/// How a body of bash calls it.
const ARRAY: &str = "OUTCOME";

pub(super) const VARIABLE: &str = "OTTO_OUTCOME_JSON";

pub(super) fn path(script: &Script) -> PathBuf {
    script.dir.join("outcome.json")
}

/// Writes the file.
pub(super) fn write(script: &Script, fates: &[Fate]) -> Result<(), CannotPrepare> {
    let path = path(script);
    let text = value::indented(&fate::json(fates));
    atomic::write(&path, text.as_bytes()).map_err(|error| CannotPrepare::writing(&path, &error))
}

/// Whether a bash body gets the array. Names that are not in its text count too, unless
/// this one is taken.
pub(super) fn has_array(script: &Script, has_names: bool) -> bool {
    let text: &str = &script.whole_text();
    let is_free = || !has_own_outcome(text) && (script.env)(ARRAY).is_none();
    script.fates.is_some() && (reads_outcome_array(text) || has_names && is_free())
}

/// `OUTCOME[build]=failed`, a line for each key.
pub(super) fn push_array(text: &mut Vec<u8>, fates: &[Fate], charset: Charset) {
    text.extend_from_slice(b"declare -A OUTCOME=() || return\n");
    fate::each_text(fates, &mut |key, value| {
        text.extend_from_slice(b"OUTCOME[");
        push_word(text, key.as_bytes(), charset);
        push_assignment(text, "]", value, charset);
    });
}

/// `otto_outcome TASK[.FIELD]`. `print` begins the command that prints a line: `builtin printf '%s\n' `.
pub(super) fn push_function(text: &mut Vec<u8>, fates: &[Fate], charset: Charset, print: &str) {
    text.extend_from_slice(b"otto_outcome() {\ncase $#:${1-} in\n");
    fate::each_text(fates, &mut |key, value| {
        push_word(text, format!("1:{key}").as_bytes(), charset);
        text.extend_from_slice(format!(") {print}").as_bytes());
        push_word(text, value, charset);
        text.extend_from_slice(b" ;;\n");
    });
    let jobs: Vec<&str> = fates.iter().map(|fate| fate.job.as_str()).collect();
    let depends = if jobs.is_empty() { "nothing".to_owned() } else { jobs.join(", ") };
    let depends = format!("this task depends on: {depends}; fields are {}", FIELDS.join(", "));
    let usage = format!("1: | [!1]:*) {print}'otto: usage: otto_outcome TASK[.FIELD]' >&2; return 2 ;;\n");
    text.extend_from_slice(usage.as_bytes());
    // An `if` that reads what does not exist has no answer.
    let spoil = format!("if [ -f \"${{otto__answer-}}\" ]; then {print}x >| \"$otto__answer.missing\"; fi");
    text.extend_from_slice(format!("*) {spoil}; {print}\"otto: no outcome '$1': \"").as_bytes());
    push_word(text, depends.as_bytes(), charset);
    text.extend_from_slice(b" >&2; return 1 ;;\nesac\n}\n");
}
