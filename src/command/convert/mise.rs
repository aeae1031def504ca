//! The tasks of a mise.toml as an ottofile. Templates are taken over where they are a variable of the file or of the
//! environment, and nothing else.

use super::Converted;
use super::package::uses_arguments;
use super::sh::{
    CommandPiece, ShellCommand, if_unset, joined, known, script_lines, spliced, statement, trimmed,
};
use super::sheet::{
    Remark, Sheet, SheetTask, TaskNames, Yaml, arguments, is_variable, own_param, script, task_with, text,
    texts,
};
use crate::command::toml::{self, Toml, TomlField, TomlTable};

const INTRO: &[&str] =
    &["Made from SOURCE by `otto Convert`. Arguments go to the last command of a task: `otto test -k slow`."];

/// What runs the commands of a task that says nothing else.
const SHELL: &str = "sh -o errexit -c";

struct Mise<'a> {
    source: &'a str,
    root: &'a TomlTable,
    names: Vec<String>,
    /// What concerns every task.
    troubles: Vec<Remark>,
}

pub(super) fn convert(written: &str, source: &str) -> Result<Converted, String> {
    let root = toml::parse(written).map_err(|error| format!("`{source}`: {error}"))?;
    let empty = TomlTable::default();
    let tasks = root.table(&["tasks"]).unwrap_or(&empty);
    let names = tasks.0.iter().map(|field| field.key.clone()).collect();
    let mut mise = Mise { source, root: &root, names, troubles: Vec::new() };
    let mut remarks = Vec::new();
    let mut settings = vec![("fail-fast", Yaml::Bare("true"))];
    for field in &root.0 {
        let say = |why: &str| Remark { line: field.line, why: why.to_owned() };
        match field.key.as_str() {
            "tasks" | "min_version" | "settings" | "vars" | "alias" | "plugins" | "redactions" => {}
            "tools" => {
                remarks.push(say("tools are not installed; `mise install`, and run otto where they are"))
            }
            "env" => mise.environment(field, &mut settings),
            "task_config" => remarks.push(say("`task_config`: files with tasks are not converted")),
            other => mise.troubles.push(say(&format!("`{other}`"))),
        }
    }
    let mut task_names = TaskNames::new(mise.names.iter().map(String::as_str));
    let mut entries = Vec::new();
    for field in &tasks.0 {
        let name = task_names.name(&field.key);
        entries.push(mise.task(field, name, &mut remarks));
    }
    if mise.names.iter().any(|name| name == "default") {
        settings.push(("tasks", texts(["default"])));
    }
    Ok(Sheet { source, intro: INTRO, settings, tasks: entries, remarks }.renamed(&task_names).converted())
}

/// The tasks by name, but hidden ones.
pub(super) fn offered(written: &str) -> Vec<(String, Option<String>)> {
    let root = toml::parse(written).unwrap_or_default();
    let mut offered = Vec::new();
    for field in root.table(&["tasks"]).map_or(&[][..], |tasks| &tasks.0) {
        let table = field.value.as_table();
        let is_hidden = table.and_then(|table| table.get("hide")) == Some(&Toml::Bool(true));
        if !is_hidden {
            let help = table.and_then(|table| table.get("description")).and_then(Toml::as_text);
            offered.push((field.key.clone(), help.map(str::to_owned)));
        }
    }
    offered
}

impl Mise<'_> {
    /// Variables for every task.
    fn environment(&mut self, field: &TomlField, settings: &mut Vec<(&'static str, Yaml)>) {
        let mut envs = Vec::new();
        for TomlField { key, line, value } in field.value.as_table().map_or(&[][..], |table| &table.0) {
            let written = match value {
                Toml::Text(text) | Toml::Other(text) => Some(text.clone()),
                Toml::Bool(true) => Some("true".to_owned()),
                _ => None,
            };
            match written.filter(|text| !text.contains(['$']) && !text.contains("{{")) {
                Some(text) if is_variable(key) => envs.push((key.clone(), super::sheet::text(text))),
                _ => self.troubles.push(Remark { line: *line, why: format!("`{key}` of `env`") }),
            }
        }
        if !envs.is_empty() {
            settings.push(("envs", Yaml::Map(envs)));
        }
    }

    fn task(&self, field: &TomlField, name: String, remarks: &mut Vec<Remark>) -> SheetTask {
        let mut keys: Vec<(&'static str, Yaml)> = Vec::new();
        let mut troubles = self.troubles.clone();
        if troubles.is_empty()
            && let Err(trouble) = self.keys(field, &mut keys, remarks)
        {
            troubles.push(trouble);
        }
        SheetTask::unless(&troubles, self.source, &field.key, SheetTask { name, keys }, remarks)
    }

    fn keys(
        &self,
        task: &TomlField,
        keys: &mut Vec<(&'static str, Yaml)>,
        remarks: &mut Vec<Remark>,
    ) -> Result<(), Remark> {
        let shorthand;
        let table = match &task.value {
            Toml::Table(table) => table,
            value => {
                shorthand = TomlTable(vec![TomlField {
                    key: "run".to_owned(),
                    line: task.line,
                    value: value.clone(),
                }]);
                &shorthand
            }
        };
        let mut head = Vec::new();
        let mut needs = Vec::new();
        let mut shell = SHELL.to_owned();
        let mut run: Option<(usize, Vec<ShellCommand>)> = None;
        let (mut sources, mut outputs) = (None, None);
        let mut say = |line: usize, why: &str| {
            remarks.push(Remark { line, why: format!("`{}`: {why}", task.key) });
        };
        for TomlField { key, line, value } in &table.0 {
            let fail = |why: String| Remark { line: *line, why };
            let refuse = || fail(format!("this `{key}`"));
            let is_true = *value == Toml::Bool(true);
            match key.as_str() {
                "description" => keys.push(("help", text(value.as_text().unwrap_or("")))),
                "alias" | "aliases" => keys.push(("aliases", texts(value.as_texts().ok_or_else(refuse)?))),
                "hide" if is_true => keys.push(("hidden", Yaml::Bare("true"))),
                "raw" | "interactive" if is_true => keys.push(("tty", Yaml::Bare("true"))),
                "confirm" => {
                    let question = value.as_text().filter(|text| !text.contains("{{"));
                    keys.push(("confirm", text(question.ok_or_else(refuse)?.replace('$', "$$"))));
                }
                "hide" | "raw" | "interactive" | "quiet" | "silent" => {}
                "dir" => {
                    let dir = self.template(value.as_text().ok_or_else(refuse)?, &mut head).map_err(fail)?;
                    head.push(format!("cd {} || exit", spliced(&dir)));
                }
                "shell" => {
                    let words = value.as_text().ok_or_else(refuse)?;
                    let is_bare = |c: char| c.is_ascii_alphanumeric() || " _./=-".contains(c);
                    if !words.chars().all(is_bare) || !words.ends_with("-c") {
                        return Err(refuse());
                    }
                    shell = words.to_owned();
                }
                "env" => {
                    for TomlField { key, value, .. } in &value.as_table().ok_or_else(refuse)?.0 {
                        let written = match value {
                            Toml::Text(text) | Toml::Other(text) => text,
                            _ => return Err(fail(format!("`{key}` of `env`"))),
                        };
                        if !is_variable(key) || written.contains('$') {
                            return Err(fail(format!("`{key}` of `env`")));
                        }
                        let value = self.template(written, &mut head).map_err(fail)?;
                        head.push(format!("export {key}={}", spliced(&value)));
                    }
                }
                "depends" => {
                    let list = match value {
                        Toml::List(items) => items.clone(),
                        one => vec![one.clone()],
                    };
                    for need in &list {
                        needs.push(self.need(need).ok_or_else(refuse)?);
                    }
                }
                "run" => {
                    let list = value.as_texts().ok_or_else(refuse)?;
                    let commands = list.iter().map(|command| self.template(command, &mut head));
                    run =
                        Some((*line, commands.collect::<Result<Vec<ShellCommand>, String>>().map_err(fail)?));
                }
                "sources" => sources = Some(value.as_texts().ok_or_else(refuse)?),
                "outputs" => outputs = Some(value.as_texts().ok_or_else(refuse)?),
                other => return Err(fail(format!("`{other}` of a task"))),
            }
        }
        if self.leads_to_itself(task) {
            return Err(Remark { line: task.line, why: "it depends on itself".to_owned() });
        }
        if !needs.is_empty() {
            keys.push(("needs", Yaml::List(needs)));
        }
        match (sources, outputs) {
            (None, _) => {}
            (Some(sources), Some(outputs))
                if sources.iter().chain(&outputs).all(|path| !path.contains("{{")) =>
            {
                say(task.line, "up to date by the contents of its files, not by their times");
                keys.push(("input", texts(sources)));
                keys.push(("output", texts(outputs)));
            }
            (Some(_), _) => {
                say(task.line, "runs each time, for otto skips tasks with both `sources` and `outputs`")
            }
        }
        let Some((line, commands)) = run else { return Ok(()) };
        let shebang = commands.iter().any(|command| known(command).is_none_or(|text| text.starts_with("#!")));
        let written: Vec<Option<String>> = commands.iter().map(|command| known(command)).collect();
        if let [Some(whole)] = written.as_slice()
            && shebang
        {
            if !head.is_empty() {
                return Err(Remark {
                    line,
                    why: "a script with `#!` together with `dir` or `env`".to_owned(),
                });
            }
            keys.push(("params", arguments(&self.param(&task.key))));
            keys.push(("action", Yaml::Script(whole.clone())));
            return Ok(());
        }
        if written.iter().flatten().any(|text| text.starts_with("#!")) {
            return Err(Remark { line, why: "a script with `#!` among other commands".to_owned() });
        }
        let mut lines = script_lines(&head);
        lines.push_str("set -e\n");
        let count = commands.len();
        for (place, command) in commands.into_iter().enumerate() {
            let mut command = trimmed(command);
            if place + 1 == count {
                let own = command
                    .iter()
                    .any(|piece| matches!(piece, CommandPiece::Plain(text) if uses_arguments(text)));
                if own {
                    say(line, "takes no arguments: its text has some of its own");
                } else {
                    command.push(CommandPiece::Plain(" ".to_owned()));
                    command.push(CommandPiece::Arguments);
                    keys.push(("params", arguments(&self.param(&task.key))));
                }
            }
            let statement = statement(&command, &shell);
            if !statement.is_empty() {
                lines.push_str(&format!("{statement}\n"));
            }
        }
        keys.push(("action", script(&lines)));
        Ok(())
    }

    /// The tasks that one depends on, by name.
    fn needs_of(&self, field: &TomlField) -> Vec<String> {
        let needs = match field.value.as_table().and_then(|table| table.get("depends")) {
            Some(Toml::List(items)) => items.clone(),
            Some(one) => vec![one.clone()],
            None => Vec::new(),
        };
        let name = |need: &Toml| match need {
            Toml::Text(text) => text.split_whitespace().next().map(str::to_owned),
            list => list.as_texts().and_then(|words| words.first().cloned()),
        };
        needs.iter().filter_map(name).collect()
    }

    fn leads_to_itself(&self, task: &TomlField) -> bool {
        let tasks = self.root.table(&["tasks"]).map_or(&[][..], |tasks| &tasks.0);
        let mut reached = self.needs_of(task);
        let mut next = 0;
        while next < reached.len() && !reached.contains(&task.key) {
            if let Some(field) = tasks.iter().find(|field| field.key == reached[next]) {
                let more = self.needs_of(field);
                reached.extend(more.into_iter().filter(|name| !reached.contains(name)).collect::<Vec<_>>());
            }
            next += 1;
        }
        reached.contains(&task.key)
    }

    /// The name of the parameter for further words: `args`, unless another task needs this one and would pass on its own.
    fn param(&self, name: &str) -> String {
        let needs_it = |field: &TomlField| self.needs_of(field).iter().any(|need| need == name);
        match self.root.table(&["tasks"]).is_some_and(|tasks| tasks.0.iter().any(needs_it)) {
            true => own_param(name, "args"),
            false => "args".to_owned(),
        }
    }

    /// A task that has to run before, with words for it.
    fn need(&self, written: &Toml) -> Option<Yaml> {
        let words: Vec<String> = match written {
            Toml::Text(text) if text.contains(['\'', '"', '\\', '{']) => return None,
            Toml::Text(text) => text.split_whitespace().map(str::to_owned).collect(),
            list => list.as_texts()?,
        };
        let (name, arguments) = words.split_first()?;
        if !self.names.contains(name) {
            return None;
        }
        if arguments.is_empty() {
            return Some(text(name));
        }
        let arguments = texts(arguments.iter().map(|word| word.replace('$', "$$")));
        Some(task_with(name, vec![(self.param(name), arguments)]))
    }

    /// A text with `{{…}}`; lines that have to come before it go to `head`.
    fn template(&self, written: &str, head: &mut Vec<String>) -> Result<ShellCommand, String> {
        if written.contains("{%") || written.contains("{#") {
            return Err("a template with `{%` or `{#`".to_owned());
        }
        let mut pieces = ShellCommand::new();
        let mut rest = written;
        while let Some(start) = rest.find("{{") {
            pieces.push(CommandPiece::Plain(rest[..start].to_owned()));
            let end = rest[start..].find("}}").ok_or("a `{{` that is not closed")?;
            let inside = rest[start + 2..start + end].trim();
            rest = &rest[start + end + 2..];
            if let Some(text) =
                inside.strip_prefix("vars.").and_then(|name| self.root.table(&["vars"])?.get(name))
            {
                let text = text.as_text().filter(|text| !text.contains("{{"));
                let text = text.ok_or_else(|| format!("`{{{{{inside}}}}}`"))?;
                pieces.push(CommandPiece::Plain(text.to_owned()));
                continue;
            }
            let value = match inside {
                "config_root" => "OTTO_WORKSPACE".to_owned(),
                "cwd" => "OTTO_INVOCATION_DIR".to_owned(),
                _ => match inside.strip_prefix("env.") {
                    Some(name) if is_variable(name) => {
                        let check = if_unset(name, &format!("{}: `{name}` is not set", self.source));
                        if !head.contains(&check) {
                            head.push(check);
                        }
                        name.to_owned()
                    }
                    _ => return Err(format!("`{{{{{inside}}}}}`")),
                },
            };
            pieces.push(CommandPiece::Value(value));
        }
        pieces.push(CommandPiece::Plain(rest.to_owned()));
        Ok(joined(pieces))
    }
}
