//! The items of a foreach task.

use super::facts::Facts;
use super::{Item, envs};
use crate::diagnostic::{Code, Diagnostic};
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{self, Foreach, ForeachSource, Task};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// An item with the name of its job, `task:name`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NamedItem {
    pub(crate) name: String,
    pub(crate) item: Item,
}

/// What the items of a foreach task came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expansion {
    Items(Vec<NamedItem>),
    /// They come from a command, and commands may not be run.
    Unknown,
}

/// Finds the items. `variables` are the global ones, asked for only when a command needs them.
pub(crate) fn items(
    ottofile: &Ottofile,
    task: &Task,
    foreach: &Foreach,
    facts: &dyn Facts,
    variables: &mut dyn FnMut(&str) -> Result<envs::Variables, Vec<Diagnostic>>,
) -> Result<Expansion, Vec<Diagnostic>> {
    let fail = |message: String, label: &str| {
        vec![Diagnostic::error(Code::ForeachFailed, message).at(&ottofile.sources, foreach.span, label)]
    };
    let too_many = |count: &dyn std::fmt::Display| {
        let message = format!(
            "the foreach of `{}` has {count} items, more than `max_items: {}`",
            task.name, foreach.max_items
        );
        let mut diagnostics = fail(message, "too many items");
        diagnostics[0].helps.push("raise `max_items` if this is intended".into());
        diagnostics
    };
    let values: Vec<(String, OsString)> = match &foreach.source {
        ForeachSource::Items(items) => {
            items.iter().map(|item| (item.value.clone(), item.value.clone().into())).collect()
        }
        ForeachSource::Glob(pattern) => {
            let matches = facts.glob(&pattern.value).map_err(|reason| {
                vec![Diagnostic::error(Code::ForeachFailed, format!("invalid glob of `{}`", task.name)).at(
                    &ottofile.sources,
                    pattern.span,
                    reason,
                )]
            })?;
            matches.into_iter().map(|path| (file_name(&path), path)).collect()
        }
        ForeachSource::Range { first, last, .. } => {
            let count = (i128::from(*last) - i128::from(*first) + 1).max(0);
            if count > foreach.max_items as i128 {
                return Err(too_many(&count));
            }
            (*first..=*last)
                .map(|number| (spec::range_item_name(number, *last), number.to_string().into()))
                .collect()
        }
        ForeachSource::Command(command) => {
            if !facts.may_run_commands() {
                return Ok(Expansion::Unknown);
            }
            let mut variables = variables(&command.value)?;
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
                .map(|line| (String::from_utf8_lossy(line).into_owned(), OsString::from_vec(line.to_vec())))
                .collect()
        }
    };
    if values.len() > foreach.max_items {
        return Err(too_many(&values.len()));
    }
    let mut names: HashMap<String, usize> = HashMap::with_capacity(values.len());
    let mut items = Vec::with_capacity(values.len());
    let paths: Vec<String> =
        values.iter().map(|(_, value)| format!("`{}`", value.to_string_lossy())).collect();
    for (index, (label, value)) in values.into_iter().enumerate() {
        let name = spec::item_name(&label);
        if name.is_empty() {
            return Err(fail(
                format!("an item of `{}` is empty, so its job would have no name", task.name),
                "has an empty item",
            ));
        }
        if value.as_bytes().contains(&0) {
            return Err(fail(
                format!("an item of `{}` contains a NUL byte, which variables cannot contain", task.name),
                "has an item with a NUL byte",
            ));
        }
        if let Some(first) = names.insert(name.clone(), index) {
            let message = format!("two items of `{}` would both be called `{}:{name}`", task.name, task.name);
            let mut diagnostics = fail(message, "has both items");
            diagnostics[0].notes.push(format!("items {} and {}", first + 1, index + 1));
            if let ForeachSource::Glob(pattern) = &foreach.source {
                diagnostics[0].notes[0] =
                    format!("files with the same name: {} and {}", paths[first], paths[index]);
                diagnostics[0]
                    .helps
                    .push(format!("`command: ls -d {}` names the jobs by their full path", pattern.value));
            }
            return Err(diagnostics);
        }
        items.push(NamedItem { name, item: Item { variable: foreach.variable.value.clone(), value, index } });
    }
    Ok(Expansion::Items(items))
}

fn file_name(path: &OsStr) -> String {
    let bytes = path.as_bytes();
    let name = bytes.iter().rposition(|byte| *byte == b'/').map_or(bytes, |slash| &bytes[slash + 1..]);
    String::from_utf8_lossy(name).into_owned()
}
