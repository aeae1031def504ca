//! What the runtimes of Python, node, ruby and perl hand over: JSON with an end by which a whole one is known.
//! Knows none of these languages.

use super::export;
use super::{HandOver, Script};
use crate::body::Place;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::store::outputs::{MOST_BYTES, Outputs, OutputsError};
use crate::value::{self, Map, Value};
use std::fs;
use std::io;
use std::path::Path;

/// What the runtime wrote: the outputs, and what it has to say about them.
pub(super) struct Record {
    outputs: Map,
    told: Map,
}

impl Record {
    /// Whether the process was about to be replaced, or to end hard, with outputs that are not in here.
    pub(super) fn is_unsaved(&self) -> bool {
        value::get(&self.told, "is_unsaved") == Some(&Value::Bool(true))
    }

    /// Adds the outputs to those found elsewhere, over them, and says what there is to say.
    pub(super) fn hand_over(self, script: &Script, found: &mut HandOver) {
        let told_exports = value::get(&self.told, "exports").and_then(Value::as_map);
        let exports =
            told_exports.into_iter().flatten().filter(|(name, _)| !crate::body::export::is_reserved(name));
        let exports: Map = exports.cloned().collect();
        let mut names: Vec<String> = exports.iter().map(|(name, _)| name.clone()).collect();
        names.sort();
        let mut values = std::mem::take(&mut found.outputs.values);
        value::merge(&mut values, self.outputs);
        value::merge(&mut values, exports);
        found.outputs = Outputs { values, exports: names, ..Outputs::default() };
        found.problems.extend(export::limits_warning(script.job, &found.outputs));
        for (list, code) in [("replaced", Code::OutputReplaced), ("problems", Code::BadOutput)] {
            for text in texts(&self.told, list) {
                let problem = Diagnostic::error(code, text);
                found.problems.push(match place_of_output(script, text) {
                    Some(span) => problem.at(script.ottofile, span, "set here"),
                    None => problem,
                });
            }
        }
        let warnings = value::get(&self.told, "warnings").and_then(Value::as_list).unwrap_or_default();
        for warning in warnings {
            if let Some([Value::Number(line), Value::String(text)]) = warning.as_list() {
                let diagnostic = Diagnostic::warning(Code::LostOutput, text);
                let span = line.parse().ok().and_then(|line| line_span(script, line));
                found.problems.push(match span {
                    Some(span) => diagnostic.at(script.ottofile, span, "set here"),
                    None => diagnostic,
                });
            }
        }
    }
}

fn texts<'a>(told: &'a Map, list: &str) -> impl Iterator<Item = &'a str> {
    value::get(told, list).and_then(Value::as_list).unwrap_or_default().iter().filter_map(Value::as_str)
}

/// The last record of a hand-over, if there is any. Every record is two lines of JSON and a line that tells their
/// length, so that one which was cut short is not taken for a whole one.
pub(super) fn read(path: &Path) -> Result<Option<Record>, Diagnostic> {
    let unreadable = |error: io::Error| {
        Diagnostic::error(Code::CutShort, format!("cannot read `{}`: {error}", path.display()))
    };
    let length = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result.map_err(unreadable)?.len(),
    };
    if length == 0 {
        return Ok(None);
    }
    let bytes = crate::store::regular::read(path).map_err(unreadable)?;
    // The next attempt makes its own; what cannot be removed is only cut short there.
    let _ = fs::remove_file(path);
    let lines = last_record(&bytes).ok_or_else(|| {
        Diagnostic::error(Code::CutShort, "the outputs were written only in part")
            .note(format!("`{}` ends after {length} bytes; is the disk full?", path.display()))
    })?;
    let (outputs, told) = lines;
    if outputs.len() > MOST_BYTES {
        return Err(too_large(outputs.len()));
    }
    match (value::parse(outputs), value::parse(told)) {
        (Ok(Value::Map(outputs)), Ok(Value::Map(told))) => Ok(Some(Record { outputs, told })),
        (Err(error), _) | (_, Err(error)) => Err(Diagnostic::error(
            Code::NotJson,
            format!("`{}` was not written by otto: {error}", path.display()),
        )),
        (Ok(_), Ok(_)) => {
            Err(Diagnostic::error(Code::NotJson, format!("`{}` was not written by otto", path.display())))
        }
    }
}

pub(super) fn too_large(bytes: usize) -> Diagnostic {
    Diagnostic::error(Code::OutputTooLarge, OutputsError::TooLarge { bytes }.to_string())
}

pub(super) fn last_record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let body = bytes.strip_suffix(b"\n")?;
    let end = body.iter().rposition(|byte| *byte == b'\n')? + 1;
    let length: usize = std::str::from_utf8(body[end..].strip_prefix(b"otto-end ")?).ok()?.parse().ok()?;
    let record = bytes[end.checked_sub(length)?..end].strip_suffix(b"\n")?;
    let newline = record.iter().rposition(|byte| *byte == b'\n')?;
    Some((&record[..newline], &record[newline + 1..]))
}

/// Where the body sets the output that a problem begins with: `OUTPUT['when'][0] is a datetime`.
fn place_of_output(script: &Script, problem: &str) -> Option<Span> {
    let name = problem.split_once("OUTPUT")?.1;
    let rest = name.strip_prefix(['[', '{'])?;
    let quote = rest.chars().next().filter(|first| "'\"".contains(*first))?;
    let key = rest[1..].split(quote).next()?;
    let text = &script.body.text;
    let ways = [
        format!("OUTPUT[\"{key}\"]"),
        format!("OUTPUT['{key}']"),
        format!("OUTPUT.{key}"),
        format!("$OUTPUT{{{key}}}"),
        format!("$OUTPUT{{'{key}'}}"),
    ];
    let is_whole = |end: usize| !text[end..].starts_with(|next: char| next.is_alphanumeric() || next == '_');
    let mut places = ways.iter().flat_map(|way| text.match_indices(way.as_str()));
    let (start, way) = places.find(|(start, way)| is_whole(start + way.len()))?;
    Some(Place::of(script.body, script.ottofile).span(start..start + way.len()))
}

/// The place of a line of the ottofile, without its indentation.
pub(super) fn line_span(script: &Script, line: usize) -> Option<Span> {
    let range = script.ottofile.line_range(line);
    let written = script.ottofile.text().get(range.clone())?;
    let indentation = written.len() - written.trim_start().len();
    let is_there = script.body.has_true_lines && !written.trim().is_empty();
    is_there.then(|| script.ottofile.span(range.start + indentation, range.start + written.trim_end().len()))
}
