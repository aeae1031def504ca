//! The items of a foreach task.

use super::envs::MOST_VARIABLE;
use super::facts::Facts;
use super::{Item, envs};
use crate::diagnostic::{self, Code, Diagnostic};
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{self, AxisValues, DataPath, Foreach, ForeachSource, Matrix, Task};
use crate::source::Spanned;
use crate::value::Value;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::Arc;

/// An item with the name of its job, `task:name`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NamedItem {
    pub(crate) name: String,
    pub(crate) item: Item,
}

/// The items of a foreach task, as far as they are known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expansion {
    Items(Vec<NamedItem>),
    /// They come from a command, and commands may not be run.
    Unknown,
    /// A value will tell them during the run.
    Awaited,
}

/// Finds the items. `variables` are the global ones, asked for only when a command needs them.
pub(crate) fn items(
    ottofile: &Ottofile,
    task: &Task,
    foreach: &Foreach,
    facts: &dyn Facts,
    variables: &mut envs::ForCommand<'_>,
) -> Result<Expansion, Vec<Diagnostic>> {
    let facts = &*facts.within(ottofile.folder_of(task.name_span.source));
    let fail = |message: String, label: &str| {
        vec![Diagnostic::error(Code::ForeachFailed, message).at(&ottofile.sources, foreach.span, label)]
    };
    let values: Vec<Named> = match &foreach.source {
        ForeachSource::From(_) | ForeachSource::Matrix(_) | ForeachSource::Each(_) => {
            unreachable!("bug: these items come from data or other items")
        }
        ForeachSource::Items(items) => {
            items.iter().map(|item| Named::plain(item.value.clone(), item.value.clone().into())).collect()
        }
        ForeachSource::Glob(pattern) => {
            let matches = facts.glob(&pattern.value).map_err(|reason| {
                vec![Diagnostic::error(Code::ForeachFailed, format!("invalid glob of `{}`", task.name)).at(
                    &ottofile.sources,
                    pattern.span,
                    reason,
                )]
            })?;
            matches.into_iter().map(|path| Named::plain(file_name(&path), path)).collect()
        }
        ForeachSource::Range { first, last, .. } => {
            let count = (i128::from(*last) - i128::from(*first) + 1).max(0);
            if count > foreach.max_items as i128 {
                return Err(too_many(ottofile, task, foreach, Code::ForeachFailed, &count));
            }
            (*first..=*last)
                .map(|number| Named::plain(spec::range_item_name(number, *last), number.to_string().into()))
                .collect()
        }
        ForeachSource::Command(command) => {
            if !facts.may_run_commands() {
                return Ok(Expansion::Unknown);
            }
            let mut variables = variables(task.name_span.source, &command.value)?;
            // A command that calls otto again on this file must not expand itself for ever.
            variables.push(("OTTO_FOREACH_COMMAND".into(), task.name.as_str().into()));
            if facts.variable("OTTO_FOREACH_COMMAND").is_some_and(|name| name == task.name.as_str()) {
                return Err(fail(
                    format!(
                        "the foreach command of `{}` asks otto for the items of `{}`",
                        task.name, task.name
                    ),
                    "calls itself",
                ));
            }
            let printed = facts.command(&command.value, &variables).map_err(|failure| {
                let diagnostic = Diagnostic::error(
                    Code::CommandFailed,
                    format!("the foreach command of `{}` failed: {}", task.name, failure.how),
                )
                .at(&ottofile.sources, command.span, failure.how.clone());
                vec![envs::with_stderr(diagnostic, &failure)]
            })?;
            let lines =
                printed.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
            lines
                .map(|line| {
                    Named::plain(
                        String::from_utf8_lossy(line).into_owned(),
                        OsString::from_vec(line.to_vec()),
                    )
                })
                .collect()
        }
    };
    named(ottofile, task, foreach, values).map(Expansion::Items)
}

/// The items of a foreach task, as far as the ottofile and the files tell without a run.
pub(crate) fn known(
    ottofile: &Ottofile,
    task: &Task,
    facts: &dyn Facts,
) -> Result<Expansion, Vec<Diagnostic>> {
    let Some((task, foreach)) = ottofile.source_of_items(task) else { return Ok(Expansion::Awaited) };
    match &foreach.source {
        ForeachSource::Matrix(_) if foreach.source.paths().next().is_none() => {
            of_data(ottofile, task, foreach, &|_| None).map(Expansion::Items)
        }
        ForeachSource::From(_) | ForeachSource::Matrix(_) | ForeachSource::Each(_) => Ok(Expansion::Awaited),
        ForeachSource::Items(_)
        | ForeachSource::Glob(_)
        | ForeachSource::Range { .. }
        | ForeachSource::Command(_) => items(ottofile, task, foreach, facts, &mut |_, _| Ok(Vec::new())),
    }
}

/// An item before it is checked.
struct Named {
    label: String,
    value: OsString,
    axes: Vec<(String, OsString)>,
    data: Option<Value>,
}

impl Named {
    fn plain(label: String, value: OsString) -> Named {
        Named { label, value, axes: Vec::new(), data: None }
    }
}

/// Gives each item its name. No two have the same.
fn named(
    ottofile: &Ottofile,
    task: &Task,
    foreach: &Foreach,
    values: Vec<Named>,
) -> Result<Vec<NamedItem>, Vec<Diagnostic>> {
    let is_data = foreach.source.paths().next().is_some();
    let code = if is_data { Code::BadItems } else { Code::ForeachFailed };
    let fail = |message: String, label: &str| {
        vec![Diagnostic::error(code, message).at(&ottofile.sources, foreach.span, label)]
    };
    if values.len() > foreach.max_items {
        return Err(too_many(ottofile, task, foreach, code, &values.len()));
    }
    let variable = &foreach.variable.value;
    let mut names: HashMap<String, usize> = HashMap::with_capacity(values.len());
    let mut items: Vec<NamedItem> = Vec::with_capacity(values.len());
    // All jobs without values of a matrix share that they have none.
    let no_axes: Arc<[(String, OsString)]> = Arc::new([]);
    for (index, Named { label, value, axes, data }) in values.into_iter().enumerate() {
        let name = spec::item_name(&label);
        if name.is_empty() {
            let mut diagnostics = fail(
                format!("an item of `{}` is empty, so its job would have no name", task.name),
                "has an empty item",
            );
            if is_data {
                diagnostics[0].notes.push(format!("it is item {}", index + 1));
            }
            return Err(diagnostics);
        }
        if value.as_bytes().contains(&0) {
            return Err(fail(
                format!("an item of `{}` contains a NUL byte, which variables cannot contain", task.name),
                "has an item with a NUL byte",
            ));
        }
        if is_data && variable.len() + value.len() + 2 > MOST_VARIABLE {
            let message = format!(
                "item {} of `{}` is {} bytes long, too long for the variable `{variable}`; the limit is {MOST_VARIABLE}",
                index + 1,
                task.name,
                value.len()
            );
            let mut diagnostics = fail(message, "has an item that is too long");
            diagnostics[0].helps.push("write it to a file and pass its path".into());
            return Err(diagnostics);
        }
        if let Some(first) = names.insert(name.clone(), index) {
            let shown = |text: &OsStr| format!("`{}`", diagnostic::shortened(&text.to_string_lossy(), 60));
            let (first_value, value) = (shown(&items[first].item.value), shown(&value));
            let message = format!("two items of `{}` would both be called `{}:{name}`", task.name, task.name);
            let mut diagnostics = fail(message, "has both items");
            diagnostics[0].notes.push(match is_data {
                true => {
                    format!("items {} and {}: {first_value} and {value}", first + 1, index + 1)
                }
                false => format!("items {} and {}", first + 1, index + 1),
            });
            if let ForeachSource::Glob(pattern) = &foreach.source {
                diagnostics[0].notes[0] = format!("files with the same name: {first_value} and {value}");
                diagnostics[0]
                    .helps
                    .push(format!("`command: ls -d {}` names the jobs by their full path", pattern.value));
            }
            return Err(diagnostics);
        }
        let variable = variable.clone();
        let axes = if axes.is_empty() { no_axes.clone() } else { axes.into() };
        let item = Item { variable, value, index, axes, data: data.map(Arc::new) };
        items.push(NamedItem { name, item });
    }
    Ok(items)
}

fn too_many(
    ottofile: &Ottofile,
    task: &Task,
    foreach: &Foreach,
    code: Code,
    count: &dyn std::fmt::Display,
) -> Vec<Diagnostic> {
    let message = format!(
        "the foreach of `{}` has {count} items, more than `max_items: {}`",
        task.name, foreach.max_items
    );
    let wrong = Diagnostic::error(code, message).at(&ottofile.sources, foreach.span, "too many items");
    vec![wrong.help("raise `max_items` if this is intended")]
}

// ── items from data ──────────────────────────────────────────────────────────────────────────────────────────

/// The items that values of other tasks, or combinations of lists, come to. `value` answers what was set.
pub(crate) fn of_data(
    ottofile: &Ottofile,
    task: &Task,
    foreach: &Foreach,
    value: &dyn Fn(&DataPath) -> Option<Value>,
) -> Result<Vec<NamedItem>, Vec<Diagnostic>> {
    let values = match &foreach.source {
        ForeachSource::From(path) => {
            let read = ItemSource { ottofile, task, path };
            read.items(value(path), foreach.key.as_ref().map(|key| key.value.as_str()))
                .map_err(|wrong| vec![wrong])?
        }
        ForeachSource::Matrix(matrix) => combinations(ottofile, task, foreach, matrix, value)?,
        ForeachSource::Items(_)
        | ForeachSource::Glob(_)
        | ForeachSource::Range { .. }
        | ForeachSource::Command(_)
        | ForeachSource::Each(_) => unreachable!("bug: the items of `{}` come from no data", task.name),
    };
    named(ottofile, task, foreach, values)
}

/// A value that a foreach reads.
struct ItemSource<'a> {
    ottofile: &'a Ottofile,
    task: &'a Task,
    path: &'a DataPath,
}

impl ItemSource<'_> {
    fn wrong(&self, message: String, label: &str) -> Diagnostic {
        let producer = self.ottofile.task(&self.path.task).map(|task| task.name_span);
        let wrong =
            Diagnostic::error(Code::BadItems, message).at(&self.ottofile.sources, self.path.text.span, label);
        match producer {
            Some(span) => {
                wrong.at(&self.ottofile.sources, span, format!("`{}` is set by this task", self.path.key))
            }
            None => wrong,
        }
    }

    fn items(&self, value: Option<Value>, key: Option<&str>) -> Result<Vec<Named>, Diagnostic> {
        let path = &self.path.text.value;
        let described = |value: &Value| {
            let message =
                format!("`{}` needs a list or an object, but `{path}` is {}", self.task.name, kind(value));
            let wrong = self.wrong(message, "the items come from here");
            match value {
                Value::String(_) => wrong.help(format!(
                    "set a list with `otto.set --list {}` or `otto.set --json {}`",
                    self.path.key, self.path.key
                )),
                _ => wrong,
            }
        };
        match value {
            None => {
                let message = format!(
                    "`{}` did not set `{}`, which `{}` runs for",
                    self.path.task, self.path.key, self.task.name
                );
                Err(self.wrong(message, "the items come from here"))
            }
            Some(Value::List(items)) => {
                let items = items.into_iter().enumerate();
                items.map(|(index, item)| self.item(index, item, key)).collect()
            }
            // A string that is not UTF-8 has the form of a map.
            Some(value @ Value::Map(_)) if value.as_map().is_none() => Err(described(&value)),
            Some(Value::Map(entries)) => {
                let entry = |(name, item): (String, Value)| {
                    let text = self.text(&item).ok_or_else(|| {
                        let message = format!("`{path}.{name}` is {}, which cannot be an item", kind(&item));
                        self.wrong(message, "the items come from here")
                            .note("items are strings, numbers or objects")
                    })?;
                    Ok(Named { label: name, value: text, axes: Vec::new(), data: Some(item) })
                };
                entries.into_iter().map(entry).collect()
            }
            Some(value) => Err(described(&value)),
        }
    }

    fn item(&self, index: usize, item: Value, key: Option<&str>) -> Result<Named, Diagnostic> {
        let path = &self.path.text.value;
        let number = index + 1;
        let Some(text) = self.text(&item) else {
            let message = format!("item {number} of `{path}` is {}, which cannot be an item", kind(&item));
            let wrong = self.wrong(message, "the items come from here");
            return Err(wrong.note("items are strings, numbers or objects"));
        };
        let label = match (item.as_map(), key) {
            (Some(fields), Some(key)) => {
                let named = crate::value::get(fields, key);
                named.filter(|value| value.as_map().is_none()).and_then(|value| self.text(value)).ok_or_else(|| {
                    let message = match named {
                        None => format!("item {number} of `{path}` has no field `{key}`, which names its job"),
                        Some(value) => format!(
                            "the field `{key}` of item {number} of `{path}` is {}, so it cannot name a job",
                            kind(value)
                        ),
                    };
                    self.wrong(message, "the items come from here")
                })?
            }
            (None, Some(key)) => {
                let message =
                    format!("item {number} of `{path}` is {}, so it has no field `{key}`", kind(&item));
                return Err(self.wrong(message, "the items come from here").help("remove `key`"));
            }
            (Some(_), None) => number.to_string().into(),
            (None, None) => text.clone(),
        };
        // A string is fully described by its text.
        let data = Some(item).filter(|item| !matches!(item, Value::String(_)));
        Ok(Named { label: label.to_string_lossy().into_owned(), value: text, axes: Vec::new(), data })
    }

    /// The value of an item as a variable holds it; `None` if it cannot be an item.
    fn text(&self, item: &Value) -> Option<OsString> {
        match item {
            Value::Number(number) => Some((&**number).into()),
            Value::Map(_) if item.as_map().is_some() => Some(crate::value::compact(item).into()),
            Value::String(_) | Value::Map(_) => {
                item.as_bytes().map(|bytes| OsString::from_vec(bytes.into_owned()))
            }
            Value::Null | Value::Bool(_) | Value::List(_) => None,
        }
    }
}

/// The kind of a value, for messages.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::List(_) => "a list",
        Value::Map(_) if value.as_map().is_none() => "a string",
        Value::Map(_) => "an object",
    }
}

/// The product of the lists, without what `exclude` matches and with what `include` adds, as in GitHub Actions.
fn combinations(
    ottofile: &Ottofile,
    task: &Task,
    foreach: &Foreach,
    matrix: &Matrix,
    value: &dyn Fn(&DataPath) -> Option<Value>,
) -> Result<Vec<Named>, Vec<Diagnostic>> {
    type Values = Vec<(String, OsString)>;
    let mut found: Vec<Values> = vec![Vec::new()];
    for axis in &matrix.axes {
        let texts: Vec<OsString> = match &axis.values {
            AxisValues::Listed(texts) => texts.iter().map(|text| text.value.clone().into()).collect(),
            AxisValues::From(path) => {
                let read = ItemSource { ottofile, task, path };
                let items = read.items(value(path), None).map_err(|wrong| vec![wrong])?;
                items.into_iter().map(|named| named.value).collect()
            }
        };
        let count = found.len().saturating_mul(texts.len());
        if count > foreach.max_items.saturating_add(MOST_EXCLUDED) {
            let code =
                if foreach.source.paths().next().is_some() { Code::BadItems } else { Code::ForeachFailed };
            return Err(too_many(ottofile, task, foreach, code, &count));
        }
        let with = |values: &Values| {
            let values = values.clone();
            let name = axis.name.value.clone();
            texts
                .iter()
                .map(move |text| [&values[..], &[(name.clone(), text.clone())]].concat())
                .collect::<Vec<_>>()
        };
        found = found.iter().flat_map(with).collect();
    }
    let agrees = |values: &Values, (name, wanted): &(Spanned<String>, String)| {
        values.iter().any(|(known, value)| *known == name.value && value.as_os_str() == wanted.as_str())
    };
    let is_excluded =
        |values: &Values| matrix.exclude.iter().any(|entry| entry.iter().all(|pair| agrees(values, pair)));
    found.retain(|values| !is_excluded(values));
    let is_axis = |name: &str| matrix.axes.iter().any(|axis| axis.name.value == name);
    let originals = found.len();
    for entry in &matrix.include {
        let fits = |values: &Values| {
            entry.iter().filter(|(name, _)| is_axis(&name.value)).all(|pair| agrees(values, pair))
        };
        let mut is_added = false;
        for values in found[..originals].iter_mut().filter(|values| fits(values)) {
            is_added = true;
            for (name, text) in entry.iter().filter(|(name, _)| !is_axis(&name.value)) {
                match values.iter_mut().find(|(known, _)| *known == name.value) {
                    Some((_, known)) => *known = text.into(),
                    None => values.push((name.value.clone(), text.into())),
                }
            }
        }
        if !is_added {
            let of = |name: &str| entry.iter().find(|(known, _)| known.value == name);
            let axes = matrix.axes.iter().filter_map(|axis| of(&axis.name.value));
            let others = entry.iter().filter(|(name, _)| !is_axis(&name.value));
            found.push(axes.chain(others).map(|(name, text)| (name.value.clone(), text.into())).collect());
        }
    }
    let named = found.into_iter().enumerate().map(|(place, axes)| {
        let counts = |name: &str| place >= originals || is_axis(name);
        let parts: Vec<String> = axes
            .iter()
            .filter(|(name, _)| counts(name))
            .map(|(_, text)| text.to_string_lossy().into_owned())
            .collect();
        let label = parts.join("-");
        Named { value: label.clone().into(), label, axes, data: None }
    });
    Ok(named.collect())
}

/// How many times more combinations than jobs a matrix may have before `exclude` removes some.
const MOST_EXCLUDED: usize = 10_000;

fn file_name(path: &OsStr) -> String {
    let bytes = path.as_bytes();
    let name = bytes.iter().rposition(|byte| *byte == b'/').map_or(bytes, |slash| &bytes[slash + 1..]);
    String::from_utf8_lossy(name).into_owned()
}
