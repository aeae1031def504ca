//! The nodes of a document to an [`Ottofile`], collecting every mistake.
//! Knows each key of the root, of `otto` and of a task; what spans tasks is in `check`.

use super::check::Tasks;
use super::edge::{self, WrittenStep};
use super::field::{FILE_PATTERNS, Field, Owner, Reader, TASK_NAMES, VARIABLES, describe, shortened};
use super::spec::*;
use super::yaml::{self, Key, Mapping, Node, NodeKind, Style};
use super::{check, contract, foreach, foreign, glob, include, limit, param, resource, service};
use crate::diagnostic::{Code, Diagnostic};
use crate::name::{self, NameError, TaskName, is_identifier};
use crate::source::{SourceFile, Span, Spanned};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

pub(super) const ROOT_KEYS: &[&str] = &["otto", "tasks"];

pub(super) const OTTO_KEYS: &[&str] = &[
    "about",
    "api",
    "dotenv",
    "envs",
    "envs-command",
    "executor",
    "fail-fast",
    "include",
    "jobs",
    "name",
    "resources",
    "retention",
    "secrets",
    "tasks",
];

/// Those of them that count in the root ottofile only.
const ROOT_ONLY: &[&str] = &["executor", "fail-fast", "jobs", "name", "retention"];

pub(super) const RETENTION_KEYS: &[&str] =
    &["auto_prune", "keep_days", "keep_failed", "keep_last", "prune_interval_hours"];

/// What `os` knows.
const SYSTEMS: &[&str] = &["linux", "macos", "freebsd", "netbsd", "openbsd", "windows"];

pub(super) const TASK_KEYS: &[&str] = &[
    "action",
    "after",
    "aliases",
    "bash",
    "before",
    "confirm",
    "dir",
    "dotenv",
    "envs",
    "executor",
    "foreach",
    "group",
    "help",
    "hidden",
    "if",
    "input",
    "interactive",
    "needs",
    "on-failure",
    "os",
    "output",
    "outputs",
    "params",
    "python",
    "python3",
    "resources",
    "retries",
    "service",
    "steps",
    "stream-errors",
    "streaming",
    "timeout",
    "tty",
];

/// Bytes of text, about.
const SMALL_TASK: usize = 48;

/// Reads and checks a root ottofile. With the ottofile come warnings; without it every mistake that was
/// found, in the order of the file.
pub(crate) fn read(source: &SourceFile) -> Result<(Ottofile, Vec<Diagnostic>), Vec<Diagnostic>> {
    let (mut ottofile, warnings) = read_included(source)?;
    ottofile.settle_root();
    Ok((ottofile, warnings))
}

/// Reads and checks an ottofile whose names are its own, for [`Ottofile::adopt`].
pub(crate) fn read_included(source: &SourceFile) -> Result<(Ottofile, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut reader = Reader::new(source);
    let mut tasks = Tasks::default();
    // So that most files need no more room later: a task takes a line for its name, and one for its body.
    tasks.tasks.reserve((source.text().len() / SMALL_TASK).min(64));
    // Tasks are read as they come, so that the nodes of thousands of them need not be there at once.
    let parsed = yaml::parse(source, "tasks", &mut |key, node| tasks.take(&mut reader, key, node));
    if let Some(wrong) = parsed.root.as_ref().and_then(|root| unsupported_api(source, root)) {
        return Err(vec![wrong]);
    }
    reader.tell_all(parsed.diagnostics, parsed.untold);
    if !parsed.is_whole || tasks.is_full {
        // Of a document that was not read to its end nobody knows what is missing, so only what is complete was looked at.
        return Err(reader.finish());
    }
    let settings = reader.document(parsed.root.as_ref(), &mut tasks);
    let ottofile = check::check(&mut reader, settings, tasks);
    let diagnostics = reader.finish();
    match diagnostics.iter().any(Diagnostic::is_error) {
        true => Err(diagnostics),
        false => Ok((ottofile, diagnostics)),
    }
}

/// The version of the form comes before everything: nothing else that this otto could say about a file of
/// another version would be true.
fn unsupported_api(source: &SourceFile, root: &Node<'_>) -> Option<Diagnostic> {
    let NodeKind::Map(root) = &root.kind else { return None };
    let NodeKind::Map(otto) = &root.get("otto")?.1.kind else { return None };
    let (_, api) = otto.get("api")?;
    let message = match api.scalar() {
        Some("1") => return None,
        Some(_) if api.is_null() => return None,
        Some(version) => {
            format!("this ottofile uses format version `{}`", shortened(version))
        }
        None => format!("`otto.api` must be a format version, not {}", describe(api)),
    };
    let wrong = Diagnostic::error(Code::UnsupportedApi, message)
        .at(source, yaml::first_line_of(source, api.span), "this otto reads only version `1`")
        .help("use a newer otto, or write `api: 1`");
    Some(wrong)
}

impl Tasks {
    fn take(&mut self, reader: &mut Reader<'_>, key: Key<'_>, node: &Node<'_>) -> Result<(), Span> {
        if self.tasks.len() + self.refused.len() >= limit::MOST_TASKS {
            if !self.is_full {
                let message = format!("the file has more than {} tasks", limit::MOST_TASKS);
                let wrong = reader.error(Code::YamlLimit, message, key.span, "one too many");
                reader.tell(wrong);
            }
            self.is_full = true;
            return Ok(());
        }
        let name = match TaskName::new(key.text) {
            Ok(name) => name,
            Err(why) => {
                return match self.refused.insert(key.text.to_owned(), key.span) {
                    Some(earlier) => Err(earlier),
                    None => {
                        reader.refuse_task(key, why);
                        Ok(())
                    }
                };
            }
        };
        match self.index.entry(name) {
            Entry::Occupied(there) => Err(self.tasks[*there.get()].name_span),
            Entry::Vacant(free) => {
                let (task, steps) = reader.task(free.key().clone(), key, node);
                let place = self.tasks.len();
                self.tasks.push(task);
                if !steps.is_empty() {
                    self.steps.push((place, steps));
                }
                free.insert(place);
                Ok(())
            }
        }
    }
}

impl Reader<'_> {
    /// The root, most of whose tasks are already taken.
    fn document(&mut self, root: Option<&Node<'_>>, tasks: &mut Tasks) -> Settings {
        let mut settings = Settings::default();
        let Some(root) = root.filter(|root| !root.is_null()) else { return settings };
        let NodeKind::Map(map) = &root.kind else {
            let found = describe(root);
            let message = format!("an ottofile must be a map with `otto` and `tasks`, not {found}");
            let wrong = self
                .error(Code::WrongType, message, root.span, format!("this is {found}"))
                .help("start with `tasks:`, then a line `  NAME:`, then a line `    bash: COMMAND`");
            self.tell(wrong);
            return settings;
        };
        for (key, node) in map.iter() {
            let field = Field { key: key.text, owner: Owner::Document };
            match key.text {
                "otto" | "tasks" if node.is_null() => {}
                "otto" => {
                    if let Some(map) = self.map(field, node, "write `otto:`, then its keys below, indented") {
                        settings = self.settings(map);
                    }
                }
                "tasks" => {
                    let help = "write `tasks:`, then a line `  NAME:` for each task";
                    let map = self.map(field, node, help);
                    // Those that an alias or a merge at the root brought in did not come one by one.
                    for (key, node) in map.into_iter().flat_map(Mapping::iter) {
                        let _there_before = tasks.take(self, key, node);
                    }
                }
                // Anchors for the rest of the file.
                name if name.starts_with("x-") => {}
                _ => self.unknown_root_key(key, node),
            }
        }
        settings
    }

    fn unknown_root_key(&mut self, key: Key<'_>, node: &Node<'_>) {
        let looks_like_task = match &node.kind {
            NodeKind::Map(map) => {
                map.iter().any(|(key, _)| ["bash", "python", "action", "before", "needs"].contains(&key.text))
            }
            NodeKind::List(_) | NodeKind::Written(..) | NodeKind::Made(..) => false,
        };
        let meant = foreign::meant(Owner::Document, key.text).or_else(|| {
            looks_like_task.then(|| format!("tasks go under `tasks`: `tasks: {{ {}: … }}`", key.text))
        });
        self.unknown_key(key, Owner::Document, ROOT_KEYS, meant);
    }

    // ── otto ──

    fn settings(&mut self, map: &Mapping<'_>) -> Settings {
        let mut settings = Settings::default();
        for (key, node) in map.iter() {
            let field = Field { key: key.text, owner: Owner::Otto };
            if !OTTO_KEYS.contains(&key.text) {
                self.unknown_key(key, Owner::Otto, OTTO_KEYS, foreign::meant(Owner::Otto, key.text));
                continue;
            }
            if node.is_null() {
                continue;
            }
            if let Some(name) = ROOT_ONLY.iter().find(|name| **name == key.text) {
                settings.root_keys.push(Spanned::new(*name, key.span));
            }
            match key.text {
                "include" => settings.includes = include::read(self, field, node),
                "name" => settings.name = self.text(field, node).map(|text| text.value),
                "about" => settings.about = self.text(field, node).map(|text| text.value),
                "jobs" => settings.jobs = self.number(field, node, 1).map(|jobs| jobs as usize),
                "fail-fast" => settings.is_fail_fast = self.truth(field, node),
                "resources" => settings.resources = resource::read(self, field, node),
                "executor" => settings.executor = self.engine(field, node, Engine::WORDS),
                "tasks" => settings.default_tasks = self.default_tasks(field, node),
                "envs" => settings.envs = self.envs(field, node),
                "envs-command" => settings.envs_command = self.filled_text(field, node),
                "dotenv" => settings.dotenv = self.dotenv(field, node),
                "secrets" => settings.secrets = self.variable_names(field, node),
                "retention" => settings.retention = self.retention(field, node),
                // `api` was checked before everything else.
                _ => {}
            }
        }
        settings
    }

    fn default_tasks(&mut self, field: Field<'_>, node: &Node<'_>) -> DefaultTasks {
        let names = self.texts(field, node, TASK_NAMES);
        match names.iter().find(|name| name.value == "*") {
            None if names.is_empty() => DefaultTasks::None,
            None => DefaultTasks::Named(names),
            Some(_) if names.len() == 1 => DefaultTasks::All,
            Some(star) => {
                let message = "`*` in `otto.tasks` means every task, but other tasks are listed too";
                let wrong = self
                    .error(Code::Contradiction, message, star.span, "every task")
                    .help("write `tasks: [\"*\"]`, or only the names");
                self.tell(wrong);
                DefaultTasks::All
            }
        }
    }

    /// A file, or a list of files and of maps `{path, optional}`.
    fn dotenv(&mut self, field: Field<'_>, node: &Node<'_>) -> Vec<DotenvFile> {
        let nodes = match &node.kind {
            NodeKind::List(items) => items,
            NodeKind::Written(..) | NodeKind::Made(..) | NodeKind::Map(_) => std::slice::from_ref(node),
        };
        nodes.iter().filter_map(|node| self.dotenv_file(field, node)).collect()
    }

    fn dotenv_file(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<DotenvFile> {
        const KEYS: &[&str] = &["optional", "path"];
        let NodeKind::Map(map) = &node.kind else {
            if matches!(node.kind, NodeKind::List(_)) {
                self.bad_entry(field, node, FILE_PATTERNS);
                return None;
            }
            let path = self.filled_text(field, node)?;
            return Some(DotenvFile { path, is_optional: false });
        };
        let (mut path, mut is_optional) = (None, false);
        for (key, node) in map.iter() {
            let field = Field { key: key.text, owner: field.owner };
            match key.text {
                "path" => path = self.filled_text(field, node),
                "optional" => is_optional = self.truth(field, node).unwrap_or(false),
                _ => self.unknown_key(key, field.owner, KEYS, None),
            }
        }
        if path.is_none() && map.get("path").is_none() {
            let message = format!("an entry of {field} has no file name");
            let wrong = self.error(Code::MissingKey, message, node.span, "no `path`");
            self.tell(wrong.help("write `{path: .env, optional: true}`"));
        }
        Some(DotenvFile { path: path?, is_optional })
    }

    fn retention(&mut self, field: Field<'_>, node: &Node<'_>) -> Retention {
        let mut retention = Retention::default();
        let Some(map) = self.map(field, node, "write `retention:`, then its keys below, indented") else {
            return retention;
        };
        let mut spellings: HashMap<String, Span> = HashMap::new();
        for (key, node) in map.iter() {
            let field = Field { key: key.text, owner: Owner::Retention };
            let name = key.text.replace('-', "_");
            if !RETENTION_KEYS.contains(&name.as_str()) {
                self.unknown_key(key, Owner::Retention, RETENTION_KEYS, None);
                continue;
            }
            if let Some(earlier) = spellings.insert(name.clone(), key.span) {
                self.two_spellings(field, key.span, earlier);
            }
            if node.is_null() {
                continue;
            }
            match name.as_str() {
                "keep_days" => set(&mut retention.keep_days, self.number(field, node, 0)),
                "keep_last" => set(&mut retention.keep_last, self.number(field, node, 0)),
                "keep_failed" => set(&mut retention.keep_failed_days, self.number(field, node, 0)),
                "auto_prune" => set(&mut retention.is_auto_prune, self.truth(field, node)),
                _ => set(&mut retention.prune_interval_hours, self.number(field, node, 0)),
            }
        }
        retention
    }

    fn needs_twice(&mut self, owner: Owner<'_>, span: Span, earlier: Span) {
        let message = format!("{owner} has both `needs` and `before`, which mean the same");
        let wrong = self
            .error(Code::DuplicateKey, message, span, "the second one")
            .at(self.source, earlier, "the first one")
            .help("keep only `needs`");
        self.tell(wrong);
    }

    fn two_spellings(&mut self, field: Field<'_>, span: Span, earlier: Span) {
        let wrong = self
            .error(
                Code::DuplicateKey,
                format!("{field} is written twice, with different spellings"),
                span,
                "written again here",
            )
            .at(self.source, earlier, "first written here")
            .help("keep one of them");
        self.tell(wrong);
    }

    // ── envs ──

    pub(super) fn envs(&mut self, field: Field<'_>, node: &Node<'_>) -> Vec<EnvEntry> {
        let help = format!("write `{}:`, then lines `  NAME: VALUE`", field.key);
        let Some(map) = self.map(field, node, &help) else { return Vec::new() };
        let mut entries = Vec::with_capacity(map.len());
        for (key, node) in map.iter() {
            if let Some(why) = refused_variable(key.text) {
                let wrong = self
                    .error(
                        Code::BadName,
                        format!("the variable `{}` {why}", key.text),
                        key.span,
                        "cannot be set here",
                    )
                    .note(format!("it is in {field}"));
                self.tell(wrong);
                continue;
            }
            let name = Spanned::new(key.text.to_owned(), key.span);
            if let NodeKind::Map(map) = &node.kind {
                entries.extend(self.long_entry(name, node, map));
                continue;
            }
            match node.scalar() {
                // Nothing at all is the empty value, and `null` and `~` are texts like any other.
                Some(text) => {
                    let value = Spanned::new(text.to_owned(), node.span);
                    entries.push(EnvEntry { name, value, is_secret: false });
                }
                None => {
                    let inner = Field { key: key.text, owner: field.owner };
                    let found = describe(node);
                    let message = format!(
                        "the variable `{}` of {} must be a string, not {found}",
                        key.text, inner.owner
                    );
                    let wrong = self.error(Code::WrongType, message, node.span, format!("this is {found}"));
                    self.tell(wrong);
                }
            }
        }
        entries
    }

    /// `{value: …, secret: true}`.
    fn long_entry(&mut self, name: Spanned<String>, node: &Node<'_>, map: &Mapping<'_>) -> Option<EnvEntry> {
        const KEYS: &[&str] = &["secret", "value"];
        let owner = Owner::Variable(&name.value);
        let (mut value, mut is_secret, mut has_value) = (None, false, false);
        for (key, node) in map.iter() {
            let field = Field { key: key.text, owner };
            match key.text {
                "value" => {
                    has_value = true;
                    value = self.text(field, node);
                }
                "secret" => set(&mut is_secret, self.truth(field, node)),
                _ => self.unknown_key(key, owner, KEYS, None),
            }
        }
        if !has_value {
            let message = format!("{owner} has no value");
            let wrong = self.error(Code::MissingKey, message, node.span, "`value` is missing");
            self.tell(wrong.help(format!("write `{}: {{value: …, secret: true}}`", name.value)));
        }
        Some(EnvEntry { value: value?, name, is_secret })
    }

    /// `secrets`: names of variables, one or a list.
    fn variable_names(&mut self, field: Field<'_>, node: &Node<'_>) -> Vec<Spanned<String>> {
        let names = self.texts(field, node, VARIABLES);
        let is_name = |name: &Spanned<String>| match is_identifier(&name.value) {
            true => Some(name.clone()),
            false => {
                let expected = "the names of variables, without `$`";
                self.bad_value(field, name.span, expected, "not a variable name");
                None
            }
        };
        names.iter().filter_map(is_name).collect()
    }

    // ── tasks ──

    fn refuse_task(&mut self, key: Key<'_>, why: NameError) {
        let is_built_in = name::BUILT_INS.contains(&key.text);
        let code = if is_built_in { Code::NameClash } else { Code::BadName };
        let message = format!("the task name `{}` {why}", shortened(key.text));
        let mut wrong = self.error(code, message, key.span, "choose another name");
        if is_built_in {
            wrong = wrong.help(format!("use lower case: `{}`", key.text.to_lowercase()));
        }
        self.tell(wrong);
    }

    /// A task, and its steps as written.
    fn task(&mut self, name: TaskName, key: Key<'_>, node: &Node<'_>) -> (Task, Vec<WrittenStep>) {
        let mut task = Task::new(name, key.span);
        let mut steps = Vec::new();
        task.is_hidden = key.text.starts_with('_');
        if node.is_null() {
            return (task, steps);
        }
        let NodeKind::Map(map) = &node.kind else {
            let found = describe(node);
            let message = format!("task `{}` must be a map, not {found}", key.text);
            let command =
                node.scalar().filter(|text| !text.contains('\n')).map_or("COMMAND".to_owned(), shortened);
            let wrong =
                self.error(Code::WrongType, message, node.span, format!("this is {found}")).help(format!(
                    "write `{}:`, then on the next line, indented, `bash: {command}`",
                    shortened(key.text)
                ));
            self.tell(wrong);
            return (task, steps);
        };
        let owner = Owner::Task(key.text);
        let mut tty_key: Option<Span> = None;
        let mut stream_errors: Option<Span> = None;
        let mut needs_key: Option<Span> = None;
        let mut bundle_key: Option<Span> = None;
        for (key, node) in map.iter() {
            let field = Field { key: key.text, owner };
            if node.is_null() && TASK_KEYS.contains(&key.text) {
                continue;
            }
            match key.text {
                "help" => task.help = self.text(field, node).map(|text| text.value),
                "group" => task.group = self.filled_text(field, node).map(|text| text.value),
                "hidden" => set(&mut task.is_hidden, self.truth(field, node)),
                "needs" | "before" => {
                    if let Some(earlier) = needs_key.replace(key.span) {
                        self.needs_twice(owner, key.span, earlier);
                    }
                    task.needs_key = if key.text == "needs" { "needs" } else { "before" };
                    let edges = edge::needs(self, field, node);
                    task.before.extend(edges);
                }
                "steps" => {
                    task.steps = Some(key.span);
                    steps = edge::steps(self, field, node);
                }
                "aliases" => task.aliases = self.texts(field, node, TASK_NAMES),
                "dotenv" => task.dotenv = self.dotenv(field, node),
                "after" => {
                    let edges = edge::after(self, field, node);
                    task.after.extend(edges);
                }
                "on-failure" => {
                    let edges = edge::on_failure(self, field, node);
                    task.after.extend(edges);
                }
                "os" => task.os = self.systems(field, node),
                "resources" => {
                    task.resources = Some(Box::new(resource::read(self, field, node)));
                    bundle_key = resource::bundle_key(node);
                }
                "executor" => task.executor = self.engine(field, node, &["local"]),
                "if" => task.condition = self.condition(field, key, node).map(Box::new),
                "input" => task.input = self.patterns(field, node),
                "output" => task.output = self.patterns(field, node),
                "outputs" => {
                    let contract = contract::read(self, field, node);
                    task.outputs = contract.map(|contract| Box::new(Spanned::new(contract, key.span)));
                }
                "envs" => task.envs = self.envs(field, node),
                "params" => task.params = param::read(self, field, node),
                "bash" => self.body(&mut task, BodyKey::Bash, field, key, node),
                "python" | "python3" => self.body(&mut task, BodyKey::Python, field, key, node),
                "action" => self.body(&mut task, BodyKey::Action, field, key, node),
                "foreach" => task.foreach = Some(Box::new(foreach::read(self, field, node))),
                "tty" | "interactive" => {
                    if let Some(earlier) = tty_key.replace(key.span) {
                        self.two_spellings(field, key.span, earlier);
                    }
                    task.tty = self.truth(field, node).and_then(|is_tty| is_tty.then_some(key.span));
                }
                "timeout" => task.timeout = self.timeout(field, node),
                "confirm" => task.confirm = self.confirm(field, node),
                "retries" => task.retries = self.retries(field, node).map(Box::new),
                "dir" => task.dir = self.filled_text(field, node),
                "service" => {
                    let service = service::read(self, field, node);
                    task.service = service.map(|service| Box::new(Spanned::new(service, key.span)));
                }
                "streaming" => task.streaming = self.streaming(field, node),
                "stream-errors" => {
                    stream_errors = Some(key.span);
                    set(&mut task.has_lenient_stream_errors, self.stream_errors(field, node));
                }
                _ => self.unknown_key(key, owner, TASK_KEYS, foreign::meant(owner, key.text)),
            }
        }
        self.contradictions(&task, stream_errors);
        self.lonely_bundle(&task, bundle_key);
        settle_condition(&mut task);
        (task, steps)
    }

    /// `if`: the text as written. The script of the task says which language reads it.
    fn condition(&mut self, field: Field<'_>, key: Key<'_>, node: &Node<'_>) -> Option<Body> {
        let Some(text) = node.scalar() else {
            self.wrong_type(field, node, "a string", "write `if: COMMAND`, or in Python `if: EXPRESSION`");
            return None;
        };
        if text.trim().is_empty() {
            self.bad_value(field, node.span, "a command, or in Python an expression", "this is empty");
            return None;
        }
        let (first_line, has_true_lines) = node.script_lines(self.source);
        let (text, span, key_span) = (text.to_owned(), node.span, key.span);
        Some(Body { key: BodyKey::Bash, key_span, text, span, first_line, has_true_lines })
    }

    /// `executor`: what runs a task, or all of them.
    fn engine(&mut self, field: Field<'_>, node: &Node<'_>, words: &[&str]) -> Option<Engine> {
        let word = self.filled_text(field, node)?;
        let engine = Engine::parse(&word.value).filter(|_| words.contains(&word.value.as_str()));
        if engine.is_none() {
            let message = format!("{field} cannot be `{}`", word.value);
            let help = format!("write `executor: {}`", words.join("` or `executor: "));
            let wrong = self.error(Code::BadValue, message, word.span, "not an executor").help(help);
            self.tell(wrong);
        }
        engine
    }

    /// `os`: one system, or a list of them.
    fn systems(&mut self, field: Field<'_>, node: &Node<'_>) -> Vec<String> {
        let nodes = match &node.kind {
            NodeKind::List(items) => items.iter().collect(),
            NodeKind::Written(..) | NodeKind::Made(..) | NodeKind::Map(_) => vec![node],
        };
        let mut systems = Vec::new();
        for node in nodes {
            let Some(name) = self.filled_text(field, node) else { continue };
            if SYSTEMS.contains(&name.value.as_str()) {
                systems.push(name.value);
                continue;
            }
            let message = format!("`{}` is not an operating system that {field} knows", name.value);
            let meant = match name.value.to_ascii_lowercase().as_str() {
                "darwin" | "mac" | "osx" | "mac os" => vec!["macos"],
                other => name::similar(other, SYSTEMS.iter().copied(), 1),
            };
            let wrong = self
                .error(Code::BadValue, message, name.span, "not one of them")
                .note(format!("it knows {}", SYSTEMS.join(", ")))
                .did_you_mean(&meant);
            self.tell(wrong);
        }
        systems
    }

    fn body(&mut self, task: &mut Task, body_key: BodyKey, field: Field<'_>, key: Key<'_>, node: &Node<'_>) {
        if let Some(first) = &task.body {
            let message = format!("task `{}` has two scripts", task.name);
            let wrong = self
                .error(Code::TwoBodies, message, key.span, "the second script")
                .at(self.source, first.key_span, "the first script")
                .help("keep one of them, or make two tasks and connect them with `needs`");
            self.tell(wrong);
            return;
        }
        task.body = self.script(body_key, field, key.span, node);
    }

    pub(super) fn script(
        &mut self,
        body_key: BodyKey,
        field: Field<'_>,
        key_span: Span,
        node: &Node<'_>,
    ) -> Option<Body> {
        let Some(text) = node.scalar() else {
            let help = format!("write one block: `{}: |`, then the lines below it, indented", field.key);
            self.wrong_type(field, node, "a string", help);
            return None;
        };
        self.joined_lines(field, node);
        let (first_line, has_true_lines) = node.script_lines(self.source);
        let (text, span) = (text.to_owned(), node.span);
        Some(Body { key: body_key, key_span, text, span, first_line, has_true_lines })
    }

    /// Warns where lines without a `|` look like commands of their own.
    fn joined_lines(&mut self, field: Field<'_>, node: &Node<'_>) {
        let written = self.source.slice(node.span);
        if node.style() != Some(Style::Plain) || !written.contains('\n') {
            return;
        }
        let lines: Vec<&str> = written.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let is_command = |pair: &[&str]| {
            let goes_on = pair[0].ends_with(['\\', '|', '&', '(', '{', ',']);
            !goes_on && !pair[1].starts_with(['-', '|', '&', '>', '<', ')', '}', '"', '\'', '$'])
        };
        if lines.windows(2).any(is_command) && !self.only_counted() {
            let message = format!("YAML joins the lines of {field} into one line");
            let wrong = Diagnostic::warning(Code::JoinedLines, message)
                .at(self.source, self.first_line(node.span), "continues on the next line without a `|`")
                .help(format!("write `{}: |` to keep the lines, `{}: >` to join them", field.key, field.key));
            self.tell(wrong);
        }
    }

    fn patterns(&mut self, field: Field<'_>, node: &Node<'_>) -> Vec<Spanned<String>> {
        if field.key == "output" && matches!(node.kind, NodeKind::Map(_)) {
            let help = "files are `output`, values are `outputs`";
            self.wrong_type(field, node, FILE_PATTERNS.all, help);
            return Vec::new();
        }
        let patterns = self.texts(field, node, FILE_PATTERNS);
        for pattern in &patterns {
            self.pattern(field, pattern);
        }
        patterns
    }

    /// Tells if this is no pattern. What variables will put into it only the plan knows.
    pub(super) fn pattern(&mut self, field: Field<'_>, pattern: &Spanned<String>) {
        let Some(why) = glob::mistake(&pattern.value) else { return };
        if pattern.value.contains('$') || self.only_counted() {
            return;
        }
        let message = format!("invalid file pattern in {field}");
        let wrong = self.error(Code::BadGlob, message, pattern.span, why);
        self.tell(wrong);
    }

    // ── how a task runs ──

    fn timeout(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<Spanned<Duration>> {
        let timeout = self.duration(field, node)?;
        if timeout.value.is_zero() {
            let Owner::Task(task) = field.owner else { unreachable!("bug: a timeout outside a task") };
            let message = format!("a `timeout` of zero would stop task `{task}` before it starts");
            let wrong = self.error(Code::BadValue, message, node.span, "zero").help("remove it for no limit");
            self.tell(wrong);
            return None;
        }
        Some(timeout)
    }

    /// A question; `true` for one of otto's.
    fn confirm(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<Spanned<String>> {
        let question = self.filled_text(field, node)?;
        match question.value.as_str() {
            "false" => None,
            "true" => {
                let Owner::Task(task) = field.owner else { unreachable!("bug: a question outside a task") };
                Some(Spanned::new(format!("Run {}?", task.replace('$', "$$")), question.span))
            }
            _ => Some(question),
        }
    }

    fn retries(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<Spanned<Retries>> {
        let mut retries = Retries { count: 0, delay: Duration::ZERO, backoff: 1.0, within: None };
        let NodeKind::Map(map) = &node.kind else {
            if node.scalar().is_none() {
                self.wrong_type(
                    field,
                    node,
                    "a number or a map",
                    "write `retries: 2` or `retries: {count: 2, delay: 5s}`",
                );
                return None;
            }
            retries.count = self.number(field, node, 0)?;
            return Some(Spanned::new(retries, node.span));
        };
        let Owner::Task(task) = field.owner else { unreachable!("bug: retries outside a task") };
        let owner = Owner::Retries(task);
        let mut has_count = false;
        for (key, node) in map.iter() {
            let inner = Field { key: key.text, owner };
            match key.text {
                "count" => {
                    has_count = true;
                    set(&mut retries.count, self.number(inner, node, 0));
                }
                "delay" => set(&mut retries.delay, self.duration(inner, node).map(|delay| delay.value)),
                "backoff" => set(&mut retries.backoff, self.backoff(inner, node)),
                "within" => retries.within = self.duration(inner, node).map(|within| within.value),
                _ => self.unknown_key(
                    key,
                    owner,
                    &["backoff", "count", "delay", "within"],
                    foreign::meant(owner, key.text),
                ),
            }
        }
        if !has_count {
            let message = format!("{field} has no `count`");
            let wrong = self
                .error(Code::MissingKey, message, node.span, "`count` is missing")
                .help("write `retries: {count: 2, …}` for two retries");
            self.tell(wrong);
        }
        Some(Spanned::new(retries, node.span))
    }

    fn backoff(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<f64> {
        match node.scalar().and_then(|text| text.parse::<f64>().ok()) {
            Some(factor) if (1.0..=1000.0).contains(&factor) => Some(factor),
            Some(_) | None => {
                self.bad_value(field, node.span, "a number from 1 to 1000", "not a valid number");
                None
            }
        }
    }

    fn streaming(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<Spanned<Streaming>> {
        match node.scalar() {
            Some("stdout") => Some(Spanned::new(Streaming::Stdout, node.span)),
            Some("true") => Some(Spanned::new(Streaming::Pipe, node.span)),
            Some("false") => None,
            Some(_) | None => {
                self.bad_value(field, node.span, "`true`, `false` or `stdout`", "not one of them");
                None
            }
        }
    }

    fn stream_errors(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<bool> {
        match node.scalar() {
            Some("ignore") => Some(true),
            Some("fail") => Some(false),
            Some(_) | None => {
                self.bad_value(field, node.span, "`fail` or `ignore`", "not one of them");
                None
            }
        }
    }

    /// Only the jobs of a foreach task can share one.
    fn lonely_bundle(&mut self, task: &Task, bundle: Option<Span>) {
        let (Some(bundle), None) = (bundle, &task.foreach) else { return };
        let message = format!("`bundle` of task `{}` has no effect without `foreach`", task.name);
        let wrong = self
            .error(Code::Contradiction, message, bundle, "one job has nothing to share")
            .help("remove it, or give the task several items with `foreach`");
        self.tell(wrong);
    }

    /// A job that ends before the task may.
    fn time_contradiction(&mut self, task: &Task) {
        let longest = task.resources.as_ref().and_then(|resources| resources.time.iter().max().copied());
        if let (Some(timeout), Some(longest)) = (&task.timeout, longest)
            && timeout.value > longest
        {
            let message =
                format!("the `timeout` of task `{}` is longer than the `time` that it asks for", task.name);
            let wrong = self
                .error(Code::Contradiction, message, timeout.span, "longer than `time` in `resources`")
                .help("ask for more `time`, or leave it out: then it is a little more than `timeout`");
            self.tell(wrong);
        }
    }

    /// Settings of one task that exclude each other, whatever their order.
    fn contradictions(&mut self, task: &Task, stream_errors: Option<Span>) {
        service::contradictions(self, task);
        self.time_contradiction(task);
        if let Some(span) = stream_errors
            && task.streaming.is_none()
        {
            let message =
                format!("`stream-errors` of task `{}` has no effect without `streaming`", task.name);
            let wrong = self
                .error(Code::Contradiction, message, span, "applies only to streams")
                .help("add `streaming: true`, or remove this key");
            self.tell(wrong);
        }
        if let Some(foreach) = &task.foreach {
            self.variables_of_items(task, foreach);
        }
        let serial = task.params.iter().find(|param| param.name.as_str() == "Serial");
        if let Some(param) = serial {
            let message =
                format!("task `{}` cannot declare `--Serial`, which is an option of otto", task.name);
            let wrong = self
                .error(Code::NameClash, message, param.form_span, "choose another name")
                .note("it runs the jobs of a foreach task one at a time");
            self.tell(wrong);
        }
        if let Some(steps) = task.steps {
            self.beside_steps(task, steps);
        }
        if let (Some(outputs), None) = (&task.outputs, &task.body) {
            let message = format!("task `{}` declares `outputs` but has no script to set them", task.name);
            let wrong = self
                .error(Code::Contradiction, message, outputs.span, "nothing sets these values")
                .help("add a script, or declare them in the task that sets them");
            self.tell(wrong);
        }
        let Some(tty) = task.tty else { return };
        if let Some(streaming) = &task.streaming {
            let message = format!("task `{}` has both `tty` and `streaming`", task.name);
            let wrong = self
                .error(Code::Contradiction, message, streaming.span, "streaming tasks run alongside others")
                .at(self.source, tty, "runs while nothing else runs")
                .help("remove one of them; tasks with a terminal can pass data through files");
            self.tell(wrong);
        }
        let Some(foreach) = &task.foreach else { return };
        let rival = match foreach.jobs.is_some() {
            true => Some("`foreach.jobs` would run several at a time"),
            false if foreach.is_buffered => Some("`foreach.buffer` would hold back its output"),
            false => None,
        };
        if let Some(rival) = rival {
            let message = format!("task `{}` has `tty`, but {rival}", task.name);
            let wrong = self
                .error(Code::Contradiction, message, tty, "only one job can use the terminal")
                .at(self.source, yaml::first_line_of(self.source, foreach.span), "the foreach is here");
            self.tell(wrong);
        }
    }
}

/// Gives a task that has an `if` and no script a body that does nothing.
fn settle_condition(task: &mut Task) {
    if let (Some(condition), None) = (&task.condition, &task.body) {
        task.body = Some(Body { key: BodyKey::Nothing, text: String::new(), ..Body::clone(condition) });
    }
}

impl Reader<'_> {
    /// What a task with `steps` cannot have, because it would apply to a script.
    fn beside_steps(&mut self, task: &Task, steps: Span) {
        if let Some(body) = &task.body {
            let message = format!("task `{}` has both `steps` and a script", task.name);
            let wrong = self
                .error(Code::TwoBodies, message, body.key_span, "the script")
                .at(self.source, steps, "the steps")
                .help("make the script one of the steps: `{bash: …}`");
            self.tell(wrong);
        }
        let span = |patterns: &[Spanned<String>]| patterns.first().map(|pattern| pattern.span);
        let idle = [
            ("foreach", task.foreach.as_ref().map(|foreach| self.first_line(foreach.span))),
            ("if", task.condition.as_ref().map(|condition| condition.key_span)),
            ("input", span(&task.input)),
            ("output", span(&task.output)),
            ("retries", task.retries.as_ref().map(|retries| self.first_line(retries.span))),
            ("streaming", task.streaming.as_ref().map(|streaming| streaming.span)),
            ("timeout", task.timeout.as_ref().map(|timeout| timeout.span)),
            ("tty", task.tty),
        ];
        for (key, span) in idle.into_iter().filter_map(|(key, span)| Some((key, span?))) {
            let message = format!("task `{}` has both `steps` and `{key}`", task.name);
            let wrong = self
                .error(Code::Contradiction, message, span, "applies to a script")
                .at(self.source, steps, "this task has steps instead")
                .help(format!("set `{key}` in the tasks that are its steps"));
            self.tell(wrong);
        }
    }
}

/// Takes a value that was read, and keeps the default where it could not be.
fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// Names that no entry of `envs` has, for they change how a shell reads a script.
pub(crate) const SET_IN_SCRIPTS: &[&str] = &["BASH_ENV", "BASHOPTS", "IFS", "PS4", "SHELLOPTS"];

/// Names that no entry of `envs` has, for otto sets them.
pub(crate) const SET_BY_OTTO: &[&str] = &[
    "OTTO_ATTEMPT",
    "OTTO_CPUS",
    "OTTO_GPUS",
    "OTTO_INVOCATION_DIR",
    "OTTO_MEMORY",
    "OTTO_OUTPUT_JSON",
    "OTTO_OUTPUT_PIPE",
    "OTTO_READY",
    "OTTO_RUN_ID",
    "OTTO_TASK",
    "OTTO_TASKS_DIR",
    "OTTO_TASK_DIR",
    "OTTO_TASK_NAME",
    "OTTO_USER",
    "OTTO_WORKSPACE",
];

/// Why an entry of `envs` cannot have this name; reads on after "the variable `…`".
///
/// The author of an ottofile may set what changes the programs of a task, such as `PATH`, `PYTHONPATH` or
/// `LD_LIBRARY_PATH`. Refused is what would change how otto's own bash reads the script before the script
/// begins, what slips code into every process, and what otto itself sets for each job.
fn refused_variable(name: &str) -> Option<&'static str> {
    if !is_identifier(name) {
        return Some("is not a valid name: use letters, digits and `_`, and do not start with a digit");
    }
    let slips_code_in =
        (name.starts_with("LD_") || name.starts_with("DYLD_")) && !name.ends_with("_LIBRARY_PATH");
    if SET_IN_SCRIPTS.contains(&name) || slips_code_in {
        return Some("changes how the shell or the loader works; set it in the script, where it is needed");
    }
    if SET_BY_OTTO.contains(&name) || name.starts_with("OTTO_FOREACH_") || name.starts_with("OTTO_INPUT_") {
        return Some("is set by otto for each job");
    }
    None
}
