//! An ottofile as it is written down: settings, tasks, a remark for each part that needs a look. Knows no source.

use super::Converted;
use super::sh::word;
use crate::name::{BUILT_INS, ParamName, TaskName};
use crate::ottofile::write::{block, is_printable, scalar};
use std::collections::HashSet;

/// A value of an ottofile.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Yaml {
    Text(String),
    /// A number, `true` or `false`.
    Bare(&'static str),
    Script(String),
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>),
}

/// What of a source was not taken over, or not as it is, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Remark {
    pub(super) line: usize,
    pub(super) why: String,
}

pub(super) struct SheetTask {
    pub(super) name: String,
    pub(super) keys: Vec<(&'static str, Yaml)>,
}

/// The longest map on one line.
const WIDEST: usize = 100;

pub(super) struct Sheet<'n> {
    /// The file that this is made from.
    pub(super) source: &'n str,
    /// What the reader of the ottofile has to know of it, a line each.
    pub(super) intro: &'static [&'static str],
    pub(super) settings: Vec<(&'static str, Yaml)>,
    pub(super) tasks: Vec<SheetTask>,
    pub(super) remarks: Vec<Remark>,
}

impl SheetTask {
    /// `keys` as far as they were read. Where something is in the way, the task fails with that at its start, and a remark about
    /// `written`, its name in the source, says so.
    pub(super) fn unless(
        troubles: &[Remark],
        source: &str,
        written: &str,
        SheetTask { name, mut keys }: SheetTask,
        remarks: &mut Vec<Remark>,
    ) -> SheetTask {
        if !troubles.is_empty() {
            keys.retain(|(key, _)| ["help", "hidden", "aliases"].contains(key));
            let about = |trouble: &Remark| Remark {
                line: trouble.line,
                why: format!("`{written}`: {}", trouble.why),
            };
            remarks.extend(troubles.iter().map(about));
            keys.push(("action", script(&refusal(source, troubles))));
        }
        SheetTask { name, keys }
    }
}

impl Sheet<'_> {
    /// With the names that tasks have in the ottofile, and each of them once.
    pub(super) fn renamed(mut self, names: &TaskNames) -> Self {
        let mut taken: HashSet<String> = self.tasks.iter().map(|task| task.name.clone()).collect();
        for (key, value) in self.tasks.iter_mut().flat_map(|task| &mut task.keys) {
            let Yaml::List(items) = value else { continue };
            match *key {
                "aliases" => items.retain(|alias| {
                    let Yaml::Text(alias) = alias else { return false };
                    TaskName::new(alias).is_ok() && taken.insert(alias.clone())
                }),
                "needs" | "steps" => {
                    items.iter_mut().for_each(|item| names.rename(item));
                    if *key == "needs" {
                        let mut seen = Vec::new();
                        items.retain(|item| {
                            !seen.contains(item) && {
                                seen.push(item.clone());
                                true
                            }
                        });
                    }
                }
                _ => {}
            }
        }
        for task in &mut self.tasks {
            task.keys.retain(|(_, value)| *value != Yaml::List(Vec::new()) && *value != text(""));
        }
        self
    }

    pub(super) fn converted(mut self) -> Converted {
        self.remarks.sort();
        self.remarks.dedup();
        let place = |remark: &Remark| format!("{}:{}: {}", self.source, remark.line, visible(&remark.why));
        let remarks: Vec<String> = self.remarks.iter().map(place).collect();
        let mut text = String::new();
        for line in self.intro.iter().map(|line| (*line).to_owned()).chain(remarks.iter().cloned()) {
            text.push_str(&format!("# {line}\n").replace("SOURCE", &visible(self.source)));
        }
        text.push_str("otto:\n  api: 1\n");
        for (key, value) in &self.settings {
            entry(&mut text, 2, key, value);
        }
        if self.tasks.is_empty() {
            text.push_str("tasks: {}\n");
            return Converted { text, remarks };
        }
        text.push_str("tasks:\n");
        for (place, task) in self.tasks.iter().enumerate() {
            if place > 0 {
                text.push('\n');
            }
            text.push_str(&format!("  {}:\n", scalar(&task.name)));
            for (key, value) in &task.keys {
                entry(&mut text, 4, key, value);
            }
            if task.keys.is_empty() {
                // A task needs a key.
                text.push_str("    hidden: false\n");
            }
        }
        Converted { text, remarks }
    }
}

/// A body that fails at once, with the place in the source and the reason.
pub(super) fn refusal(source: &str, troubles: &[Remark]) -> String {
    let mut body = String::new();
    for trouble in troubles.iter().take(5) {
        let message = format!("{source}:{}: not converted: {}", trouble.line, visible(&trouble.why));
        body.push_str(&format!("echo {} >&2\n", word(&message)));
    }
    body + "exit 1\n"
}

/// A script for `sh`.
pub(super) fn script(body: &str) -> Yaml {
    Yaml::Script(format!("#!/bin/sh\n{body}"))
}

pub(super) fn text(text: impl Into<String>) -> Yaml {
    Yaml::Text(text.into())
}

pub(super) fn texts(texts: impl IntoIterator<Item = impl Into<String>>) -> Yaml {
    Yaml::List(texts.into_iter().map(text).collect())
}

/// Names of tasks as an ottofile can have them, each once.
pub(super) struct TaskNames {
    taken: HashSet<String>,
    given: Vec<(String, String)>,
}

impl TaskNames {
    /// `all` are the names of the source, which keep theirs where they can.
    pub(super) fn new<'a>(all: impl IntoIterator<Item = &'a str>) -> TaskNames {
        let is_fine = |name: &&str| TaskName::new(name).is_ok();
        let taken = all.into_iter().filter(is_fine).map(str::to_owned).collect();
        TaskNames { taken, given: Vec::new() }
    }

    pub(super) fn name(&mut self, written: &str) -> String {
        let is_new = self.given.iter().all(|(_, name)| name != written);
        let mut name = written.to_owned();
        if TaskName::new(written).is_err() || !is_new {
            name = written.chars().filter(|c| !c.is_control()).take(60).collect();
            if BUILT_INS.contains(&written) {
                name = name.to_lowercase();
            }
            if name.is_empty() || name.starts_with('-') {
                name.insert(0, '_');
            }
            while !self.taken.insert(name.clone()) {
                name.push('_');
            }
        }
        self.given.push((written.to_owned(), name.clone()));
        name
    }

    /// Puts the name of the ottofile in the place of that of the source.
    fn rename(&self, item: &mut Yaml) {
        match item {
            Yaml::Text(name) => {
                if let Some((_, new)) = self.given.iter().find(|(old, _)| old == name) {
                    name.clone_from(new);
                }
            }
            Yaml::Map(entries) => {
                for (_, value) in entries.iter_mut().filter(|(key, _)| key == "task") {
                    self.rename(value);
                }
            }
            Yaml::Bare(_) | Yaml::Script(_) | Yaml::List(_) => {}
        }
    }
}

/// Whether `envs` may have an entry of this name.
pub(super) fn is_variable(name: &str) -> bool {
    ParamName::new(name).is_ok_and(|same| same.as_str() == name) || ["PATH", "HOME", "SHELL"].contains(&name)
}

/// A name for a parameter of a task that no other task has: otto passes values on to dependencies by name.
pub(super) fn own_param(task: &str, param: &str) -> String {
    let task: String = task.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let start = if task.starts_with(|c: char| c.is_ascii_digit()) { "_" } else { "" };
    let name = format!("{start}{task}_{param}");
    if ParamName::new(&name).is_ok() { name } else { format!("_{name}") }
}

/// Another task with values for its parameters.
pub(super) fn task_with(task: &str, values: Vec<(String, Yaml)>) -> Yaml {
    Yaml::Map(vec![("task".to_owned(), text(task)), ("with".to_owned(), Yaml::Map(values))])
}

/// An entry of `dotenv` for a file that may be missing.
pub(super) fn optional_file(path: &str) -> Yaml {
    Yaml::Map(vec![("path".to_owned(), text(path)), ("optional".to_owned(), Yaml::Bare("true"))])
}

/// The parameter for further words.
pub(super) fn arguments(name: &str) -> Yaml {
    Yaml::Map(vec![(name.to_owned(), Yaml::Map(vec![("nargs".to_owned(), text("*"))]))])
}

/// A text for a message: one line, nothing that a terminal would obey.
pub(super) fn visible(text: &str) -> String {
    let shown = |c: char| match c {
        '\t' | '\n' => ' ',
        c if is_printable(c) => c,
        _ => '\u{fffd}',
    };
    text.chars().take(200).map(shown).collect()
}

impl Yaml {
    fn is_flat(&self) -> bool {
        match self {
            Yaml::Text(_) | Yaml::Bare(_) => true,
            Yaml::Script(_) => false,
            Yaml::List(items) => items.iter().all(Yaml::is_flat),
            Yaml::Map(entries) => entries.iter().all(|(_, value)| value.is_flat()),
        }
    }

    /// The value on one line.
    fn flow(&self) -> String {
        match self {
            Yaml::Text(text) | Yaml::Script(text) => scalar(&without_nul(text)),
            Yaml::Bare(word) => (*word).to_owned(),
            Yaml::List(items) => {
                let items: Vec<String> = items.iter().map(Yaml::flow).collect();
                format!("[{}]", items.join(", "))
            }
            Yaml::Map(entries) => {
                let entry = |(key, value): &(String, Yaml)| format!("{}: {}", scalar(key), value.flow());
                let entries: Vec<String> = entries.iter().map(entry).collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }

    fn is_scalar(&self) -> bool {
        matches!(self, Yaml::Text(_) | Yaml::Bare(_))
    }
}

/// No ottofile holds a NUL character, and no command could.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn entry(text: &mut String, indent: usize, key: &str, value: &Yaml) {
    text.push_str(&format!("{}{}:", " ".repeat(indent), scalar(key)));
    after_key(text, indent, value);
}

fn after_key(text: &mut String, indent: usize, value: &Yaml) {
    if let Yaml::Script(script) = value {
        text.push_str(&format!(" {}", block(&without_nul(script), indent + 2)));
        return;
    }
    let is_list_of_scalars = matches!(value, Yaml::List(items) if items.iter().all(Yaml::is_scalar));
    if value.is_flat() {
        let flow = value.flow();
        if value.is_scalar() || is_list_of_scalars || flow.len() + indent <= WIDEST {
            text.push_str(&format!(" {flow}\n"));
            return;
        }
    }
    text.push('\n');
    match value {
        Yaml::Map(entries) => entries.iter().for_each(|(key, value)| entry(text, indent + 2, key, value)),
        Yaml::List(items) => items.iter().for_each(|value| item(text, indent + 2, value)),
        Yaml::Text(_) | Yaml::Bare(_) | Yaml::Script(_) => unreachable!("bug: written above"),
    }
}

fn item(text: &mut String, indent: usize, value: &Yaml) {
    match value {
        Yaml::Map(entries) if !value.is_flat() => {
            for (place, (key, value)) in entries.iter().enumerate() {
                let sign = if place == 0 { "- " } else { "  " };
                text.push_str(&format!("{}{sign}{}:", " ".repeat(indent), scalar(key)));
                after_key(text, indent + 2, value);
            }
        }
        value => text.push_str(&format!("{}- {}\n", " ".repeat(indent), value.flow())),
    }
}
