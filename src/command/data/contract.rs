//! `otto Data contract`: an `outputs` block for a task, inferred from what it set in recorded runs.

use crate::command::Context;
use crate::command::pick::{Picked, Records};
use crate::event::Outcome;
use crate::history::find::{Selector, find};
use crate::store::outputs;
use crate::value::{Map, Value};
use std::fmt::Write as _;

/// How many runs are looked at, the latest first.
const MOST_RUNS: usize = 50;

/// The type of all values that a key had.
#[derive(Clone, Debug, PartialEq)]
enum Inferred {
    Null,
    Bool,
    Int,
    Float,
    Str,
    /// Of its items; `None` without any.
    List(Option<Box<Inferred>>),
    Object(Vec<InferredKey>),
    Any,
}

#[derive(Clone, Debug, PartialEq)]
struct InferredKey {
    name: String,
    kind: Inferred,
    /// Not always set.
    is_optional: bool,
}

pub(super) fn run(
    context: &mut Context,
    records: &Records,
    run: Option<&str>,
    task: &str,
) -> Result<(), i32> {
    let mut kind: Option<Inferred> = None;
    for picked in runs(context, records, run, task)? {
        let jobs = picked.jobs_named(task).into_iter();
        let succeeded = |outcome: &Option<Outcome>| matches!(outcome, Some(Outcome::Succeeded));
        for job in jobs.filter(|job| succeeded(&job.outcome)) {
            let Ok(outputs) = outputs::read(&picked.run.job_dir(&job.planned.name)) else { continue };
            let is_own = |(key, _): &(String, Value)| !outputs.exports.contains(key);
            let values: Map = outputs.values.iter().filter(|value| is_own(value)).cloned().collect();
            let this = of(&Value::Map(values));
            kind = Some(match kind {
                Some(before) => both(before, this),
                None => this,
            });
        }
    }
    let keys = match kind {
        Some(Inferred::Object(keys)) => keys,
        _ => Vec::new(),
    };
    let text = match (context.is_json, keys.is_empty()) {
        (true, _) => format!("{:#}\n", serde_json::json!({ "outputs": json_of(&keys) })),
        (false, true) => "outputs: {}\n".to_owned(),
        (false, false) => format!("outputs:\n{}", block(&keys, 1, true)),
    };
    context.print(&text);
    Ok(())
}

/// The run that was named, or the latest ones that have the task.
fn runs(context: &mut Context, records: &Records, run: Option<&str>, task: &str) -> Result<Vec<Picked>, i32> {
    let latest = records.read(context, run.unwrap_or("latest"))?;
    if run.is_some() {
        // Says so if the run has no such task.
        latest.jobs(context, task)?;
        return Ok(vec![latest]);
    }
    let mut found = Vec::new();
    for number in 1..=MOST_RUNS {
        let selector = Selector::parse(&format!("-{number}"));
        let Ok(one) = find(&selector, &records.projects(false), Vec::new) else { break };
        let picked = records.read_found(context, one)?;
        if !picked.jobs_named(task).is_empty() {
            found.push(picked);
        }
    }
    if found.is_empty() {
        latest.jobs(context, task)?;
    }
    Ok(found)
}

fn of(value: &Value) -> Inferred {
    match value {
        // Bytes that are no text.
        Value::Map(_) if value.as_bytes().is_some() => Inferred::Any,
        Value::Null => Inferred::Null,
        Value::Bool(_) => Inferred::Bool,
        Value::Number(text) if text.contains(['.', 'e', 'E']) => Inferred::Float,
        Value::Number(_) => Inferred::Int,
        Value::String(_) => Inferred::Str,
        Value::List(items) => Inferred::List(items.iter().map(of).reduce(both).map(Box::new)),
        Value::Map(map) => {
            let key = |(name, value): &(String, Value)| match of(value) {
                Inferred::Null => InferredKey { name: name.clone(), kind: Inferred::Null, is_optional: true },
                kind => InferredKey { name: name.clone(), kind, is_optional: false },
            };
            Inferred::Object(map.iter().map(key).collect())
        }
    }
}

/// What fits both.
fn both(one: Inferred, other: Inferred) -> Inferred {
    match (one, other) {
        (one, other) if one == other => one,
        (Inferred::Int, Inferred::Float) | (Inferred::Float, Inferred::Int) => Inferred::Float,
        (Inferred::List(one), Inferred::List(other)) => Inferred::List(match (one, other) {
            (Some(one), Some(other)) => Some(Box::new(both(*one, *other))),
            (one, other) => one.or(other),
        }),
        (Inferred::Object(mut keys), Inferred::Object(others)) => {
            for key in &mut keys {
                key.is_optional |= !others.iter().any(|other| other.name == key.name);
            }
            for other in others {
                let Some(key) = keys.iter_mut().find(|key| key.name == other.name) else {
                    keys.push(InferredKey { is_optional: true, ..other });
                    continue;
                };
                key.is_optional |= other.is_optional;
                let before = std::mem::replace(&mut key.kind, Inferred::Null);
                key.kind = match (before, other.kind) {
                    (Inferred::Null, kind) | (kind, Inferred::Null) => kind,
                    (before, kind) => both(before, kind),
                };
            }
            Inferred::Object(keys)
        }
        _ => Inferred::Any,
    }
}

/// The type in one word; an object with keys has none.
fn word(kind: &Inferred) -> Option<String> {
    Some(match kind {
        Inferred::Null | Inferred::Any => "any".to_owned(),
        Inferred::Bool => "bool".to_owned(),
        Inferred::Int => "int".to_owned(),
        Inferred::Float => "float".to_owned(),
        Inferred::Str => "str".to_owned(),
        Inferred::List(None) => "list[any]".to_owned(),
        Inferred::List(Some(item)) => {
            format!("list[{}]", word(item).unwrap_or_else(|| "map[any]".to_owned()))
        }
        Inferred::Object(keys) if keys.is_empty() => "map[any]".to_owned(),
        Inferred::Object(_) => return None,
    })
}

/// The lines of some keys. At the top, a `?` that says that a key may be unset stands behind its type.
fn block(keys: &[InferredKey], level: usize, is_top: bool) -> String {
    let indent = "  ".repeat(level);
    let mut text = String::new();
    for key in keys {
        let mark = if key.is_optional { "?" } else { "" };
        let (name, mark) =
            if is_top { (key.name.clone(), mark) } else { (format!("{}{mark}", key.name), "") };
        let name = quoted(&name);
        // Writing to a string cannot fail.
        let _ = match (&key.kind, word(&key.kind)) {
            (_, Some(word)) => writeln!(text, "{indent}{name}: {word}{mark}"),
            (Inferred::Object(inner), None) => {
                let inner = block(inner, level + 2, false);
                writeln!(
                    text,
                    "{indent}{name}:\n{indent}  type: object{mark}\n{indent}  keys:\n{}",
                    inner.trim_end()
                )
            }
            (_, None) => unreachable!("bug: a type without a word that is no object"),
        };
    }
    text
}

fn json_of(keys: &[InferredKey]) -> serde_json::Value {
    let one = |key: &InferredKey| {
        let mark = if key.is_optional { "?" } else { "" };
        let kind = match (&key.kind, word(&key.kind)) {
            (Inferred::Object(inner), None) => {
                let keys = inner.iter().map(|key| {
                    let mark = if key.is_optional { "?" } else { "" };
                    let alone = InferredKey { is_optional: false, ..key.clone() };
                    (format!("{}{mark}", key.name), json_of(&[alone])[&key.name].clone())
                });
                serde_json::json!({
                    "type": format!("object{mark}"),
                    "keys": keys.collect::<serde_json::Map<_, _>>(),
                })
            }
            (_, word) => format!("{}{mark}", word.unwrap_or_default()).into(),
        };
        (key.name.clone(), kind)
    };
    serde_json::Value::Object(keys.iter().map(one).collect())
}

/// A key as YAML reads it back as the same string.
fn quoted(name: &str) -> String {
    let is_plain = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || "_-.".contains(character))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&name.to_ascii_lowercase().as_str());
    if is_plain { name.to_owned() } else { serde_json::Value::from(name).to_string() }
}
