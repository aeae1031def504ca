//! A Taskfile of go-task as an ottofile. Reads the form of version 3; what a template says is taken over where it is a
//! variable, and nothing else.

use super::Converted;
use super::sh::{CommandPiece, ShellCommand, fail, joined, known, script_lines, spliced, statement, word};
use super::sheet::{
    Remark, Sheet, SheetTask, TaskNames, Yaml, arguments, is_variable, optional_file, own_param, script,
    task_with, text, texts,
};
use crate::ottofile::yaml::{self, Mapping, Node, NodeKind};
use crate::source::SourceFile;
use std::collections::{BTreeMap, BTreeSet};

const INTRO: &[&str] = &[
    "Made from SOURCE by `otto Convert`. Each command runs in a bash of its own, as with go-task. A variable that the",
    "Taskfile does not set comes from the environment: `ENV=prod otto deploy` is `task deploy ENV=prod`.",
];

/// What runs the commands: go-task has a shell of its own, which means to be bash.
const SHELL: &str = "bash -ec";

struct Taskfile<'a> {
    source: &'a SourceFile,
    name: &'a str,
    vars: BTreeMap<String, &'a Node<'a>>,
    env: Option<&'a Mapping<'a>>,
    tasks: Vec<(String, usize, &'a Node<'a>)>,
    /// The variables that callers give to a task.
    given: BTreeMap<String, BTreeSet<String>>,
    runs_once: bool,
    options: String,
    troubles: Vec<Remark>,
    remarks: Vec<Remark>,
    /// Commands whose output is a variable, as entries of `envs`.
    asked: BTreeMap<String, String>,
}

/// What a task is put together from.
#[derive(Default)]
struct TaskfileBody {
    /// What sets the variables that commands read.
    head: Vec<String>,
    seen: BTreeSet<String>,
}

/// Variables of a loop and of the task, by name.
struct TemplateScope<'s, 'a> {
    task: &'s str,
    own: Option<&'s Mapping<'a>>,
    item: Option<&'s str>,
    /// A variable that refers to itself means the one outside.
    hidden: Vec<String>,
}

enum TaskfileStep {
    Call { task: String, with: Vec<(String, ShellCommand)>, line: usize },
    Command { text: ShellCommand, is_lenient: bool },
    Deferred(ShellCommand),
}

pub(super) fn convert(written: &str, name: &str) -> Result<Converted, String> {
    let source = SourceFile::new(name, written);
    let mut visit = |_: yaml::Key<'_>, _: &Node<'_>| Ok(());
    let document = yaml::parse(&source, "\0", &mut visit);
    if let Some(wrong) = document.diagnostics.first() {
        let line = wrong.labels.first().map_or(1, |label| source.line(label.span));
        return Err(format!("`{name}`: line {line}: {}", wrong.message));
    }
    let Some(Node { kind: NodeKind::Map(root), .. }) = &document.root else {
        return Err(format!("`{name}`: not a map"));
    };
    let version = root.get("version").and_then(|(_, node)| node.scalar()).unwrap_or("");
    if !version.trim_start_matches('v').starts_with('3') {
        return Err(format!("`{name}`: version `{version}` of the Taskfile is not read; only 3 is"));
    }
    let mut taskfile = Taskfile {
        source: &source,
        name,
        vars: BTreeMap::new(),
        env: None,
        tasks: Vec::new(),
        given: BTreeMap::new(),
        runs_once: false,
        options: String::new(),
        troubles: Vec::new(),
        remarks: Vec::new(),
        asked: BTreeMap::new(),
    };
    let mut settings = vec![("fail-fast", Yaml::Bare("true"))];
    taskfile.root(root, &mut settings);
    taskfile.find_given();
    let mut names = TaskNames::new(taskfile.tasks.iter().map(|(name, ..)| name.as_str()));
    let mut tasks = Vec::new();
    for (written, line, node) in taskfile.tasks.clone() {
        let name = names.name(&written);
        tasks.push(taskfile.task(&written, name, line, node));
    }
    if taskfile.tasks.iter().any(|(name, ..)| name == "default") {
        settings.push(("tasks", texts(["default"])));
    }
    if !taskfile.asked.is_empty() {
        let asked = taskfile.asked.iter().map(|(name, command)| (name.clone(), text(command.clone())));
        settings.push(("envs", Yaml::Map(asked.collect())));
    }
    let remarks = std::mem::take(&mut taskfile.remarks);
    Ok(Sheet { source: name, intro: INTRO, settings, tasks, remarks }.renamed(&names).converted())
}

/// The tasks by name, but internal ones and patterns.
pub(super) fn offered(written: &str) -> Vec<(String, Option<String>)> {
    let source = SourceFile::new("Taskfile.yml", written);
    let mut visit = |_: yaml::Key<'_>, _: &Node<'_>| Ok(());
    let document = yaml::parse(&source, "\0", &mut visit);
    let Some(Node { kind: NodeKind::Map(root), .. }) = &document.root else { return Vec::new() };
    let Some((_, Node { kind: NodeKind::Map(tasks), .. })) = root.get("tasks") else { return Vec::new() };
    let mut offered = Vec::new();
    for (key, node) in tasks.iter() {
        let text = |name: &str| match &node.kind {
            NodeKind::Map(map) => map.get(name).and_then(|(_, node)| node.scalar()).map(str::to_owned),
            _ => None,
        };
        if text("internal").as_deref() != Some("true") && !key.text.contains('*') {
            offered.push((key.text.to_owned(), text("desc")));
        }
    }
    offered
}

impl<'a> Taskfile<'a> {
    fn line(&self, node: &Node<'_>) -> usize {
        self.source.line(node.span)
    }

    fn trouble<T>(&self, line: usize, why: impl Into<String>) -> Result<T, Remark> {
        Err(Remark { line, why: why.into() })
    }

    fn root(&mut self, root: &'a Mapping<'a>, settings: &mut Vec<(&'static str, Yaml)>) {
        for (key, node) in root.iter() {
            let line = self.source.line(key.span);
            match key.text {
                "version" | "silent" | "output" | "interval" | "method" => {}
                "vars" => {
                    if let NodeKind::Map(vars) = &node.kind {
                        self.vars = vars.iter().map(|(key, node)| (key.text.to_owned(), node)).collect();
                    }
                }
                "env" => {
                    if let NodeKind::Map(env) = &node.kind {
                        self.env = Some(env);
                    }
                }
                "dotenv" => {
                    match strings(node) {
                        // The first file counts with go-task, the last with otto.
                        Some(mut files)
                            if files.iter().all(|file| !file.is_empty() && !file.contains("{{")) =>
                        {
                            files.reverse();
                            settings.push((
                                "dotenv",
                                Yaml::List(files.iter().map(|file| optional_file(file)).collect()),
                            ));
                        }
                        _ => self.troubles.push(Remark { line, why: "this `dotenv`".to_owned() }),
                    }
                }
                "run" => self.runs_once = node.scalar() == Some("once"),
                "set" | "shopt" => match options(key.text, node) {
                    Some(options) => self.options.push_str(&options),
                    None => self.troubles.push(Remark { line, why: format!("this `{}`", key.text) }),
                },
                "tasks" => {
                    if let NodeKind::Map(tasks) = &node.kind {
                        let task = |(key, node): (yaml::Key<'_>, &'a Node<'a>)| {
                            (key.text.to_owned(), self.source.line(key.span), node)
                        };
                        self.tasks = tasks.iter().map(task).collect();
                    }
                }
                "includes" => self.remarks.push(Remark {
                    line,
                    why: "included Taskfiles are not converted; convert each, and use `include`".to_owned(),
                }),
                other => self.troubles.push(Remark { line, why: format!("`{other}`") }),
            }
        }
    }

    /// Which variables tasks get from those that call them.
    fn find_given(&mut self) {
        let mut given: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (.., node) in &self.tasks {
            let NodeKind::Map(map) = &node.kind else { continue };
            for list in ["deps", "cmds"] {
                let Some((_, Node { kind: NodeKind::List(items), .. })) = map.get(list) else { continue };
                for item in items.iter() {
                    let NodeKind::Map(item) = &item.kind else { continue };
                    let Some(task) = item.get("task").and_then(|(_, node)| node.scalar()) else { continue };
                    let Some((_, Node { kind: NodeKind::Map(vars), .. })) = item.get("vars") else {
                        continue;
                    };
                    let names = vars.iter().map(|(key, _)| key.text.to_owned());
                    given.entry(task.to_owned()).or_default().extend(names);
                }
            }
        }
        self.given = given;
    }

    fn task(&mut self, written: &str, name: String, line: usize, node: &'a Node<'a>) -> SheetTask {
        let mut keys: Vec<(&'static str, Yaml)> = Vec::new();
        let mut troubles = self.troubles.clone();
        if troubles.is_empty()
            && let Err(trouble) = self.keys(written, line, node, &mut keys)
        {
            troubles.push(trouble);
        }
        SheetTask::unless(&troubles, self.name, written, SheetTask { name, keys }, &mut self.remarks)
    }

    fn keys(
        &mut self,
        name: &str,
        line: usize,
        node: &'a Node<'a>,
        keys: &mut Vec<(&'static str, Yaml)>,
    ) -> Result<(), Remark> {
        let mut deps: Vec<&Node<'a>> = Vec::new();
        let mut commands: Vec<&Node<'a>> = Vec::new();
        let mut scope = TemplateScope { task: name, own: None, item: None, hidden: Vec::new() };
        let mut env: Option<&Mapping<'a>> = None;
        let mut options = self.options.clone();
        let (mut dir, mut sources, mut generates) = (None, Vec::new(), Vec::new());
        let (mut status, mut preconditions, mut required) = (Vec::new(), Vec::new(), Vec::new());
        let mut is_lenient = false;
        let map = match &node.kind {
            NodeKind::Map(map) => Some(map),
            NodeKind::List(items) => {
                commands = items.iter().collect();
                None
            }
            NodeKind::Written(..) | NodeKind::Made(..) => {
                commands = vec![node];
                None
            }
        };
        for (key, node) in map.into_iter().flat_map(Mapping::iter) {
            let line = self.source.line(key.span);
            let is_true = node.scalar() == Some("true");
            let words = || strings(node).filter(|words| words.iter().all(|word| !word.contains("{{")));
            match key.text {
                "desc" | "summary" => {
                    let help = node.scalar().unwrap_or("").trim_end().to_owned();
                    match keys.iter_mut().find(|(key, _)| *key == "help") {
                        Some((_, Yaml::Text(before))) => *before = format!("{before}\n{help}"),
                        _ => keys.push(("help", text(help))),
                    }
                }
                "internal" if is_true => keys.push(("hidden", Yaml::Bare("true"))),
                "interactive" if is_true => keys.push(("tty", Yaml::Bare("true"))),
                "ignore_error" => is_lenient = is_true,
                "internal" | "interactive" | "silent" | "label" | "prefix" | "watch" | "method" | "run"
                | "failfast" => {}
                "aliases" => match words() {
                    Some(words) => keys.push(("aliases", texts(words))),
                    None => return self.trouble(line, "these `aliases`"),
                },
                "prompt" => match node.scalar().filter(|prompt| !prompt.contains("{{")) {
                    Some(prompt) => keys.push(("confirm", text(prompt.replace('$', "$$")))),
                    None => return self.trouble(line, "this `prompt`"),
                },
                "platforms" => {
                    let names = ["linux", "darwin", "windows", "freebsd"];
                    let words = words().filter(|words| words.iter().all(|w| names.contains(&w.as_str())));
                    let Some(words) = words else { return self.trouble(line, "these `platforms`") };
                    let names = words.iter().map(|word| word.replace("darwin", "macos"));
                    keys.push(("os", texts(names)));
                }
                "vars" => match &node.kind {
                    NodeKind::Map(map) => scope.own = Some(map),
                    _ => return self.trouble(line, "these `vars`"),
                },
                "env" => match &node.kind {
                    NodeKind::Map(map) => env = Some(map),
                    _ => return self.trouble(line, "this `env`"),
                },
                "dir" => dir = Some(node),
                "set" | "shopt" => match self::options(key.text, node) {
                    Some(more) => options.push_str(&more),
                    None => return self.trouble(line, format!("this `{}`", key.text)),
                },
                "deps" => deps = items(node).unwrap_or_default(),
                "cmds" | "cmd" => commands = items(node).unwrap_or_else(|| vec![node]),
                "sources" => sources = items(node).unwrap_or_default(),
                "generates" => generates = items(node).unwrap_or_default(),
                "status" => status = items(node).unwrap_or_default(),
                "preconditions" => preconditions = items(node).unwrap_or_default(),
                "requires" => {
                    if let NodeKind::Map(map) = &node.kind
                        && let Some((_, vars)) = map.get("vars")
                    {
                        required = items(vars).unwrap_or_default();
                    }
                }
                other => return self.trouble(line, format!("`{other}` of a task")),
            }
        }
        let mut body = TaskfileBody::default();
        let params = self.params(name, line, &mut body)?;
        for node in required {
            let Some(wanted) = node.scalar() else { return self.trouble(self.line(node), "this `requires`") };
            let value = self.variable(wanted, &scope, &mut body, self.line(node))?;
            let place = format!("{}:{}", self.name, self.line(node));
            if known(&value).is_none_or(|value| value.is_empty()) {
                let message = format!("{place}: `{name}` requires `{wanted}`");
                body.head.push(format!("[ -n {} ] || {{ {}; }}", spliced(&value), fail(&message)));
            }
        }
        self.environment(env, &scope, &mut body)?;
        let folder = match dir {
            Some(node) => {
                let written = node.scalar().unwrap_or("").to_owned();
                let folder = self.template(&written, &scope, &mut body, self.line(node))?;
                body.head.push(format!("mkdir -p {0} && cd {0} || exit", spliced(&folder)));
                Some(folder)
            }
            None => None,
        };
        let shell = match options.is_empty() {
            true => SHELL.to_owned(),
            false => format!("bash -e{options} -c"),
        };
        for node in &preconditions {
            let (test, message) = match &node.kind {
                NodeKind::Map(map) => (
                    map.get("sh").and_then(|(_, node)| node.scalar()),
                    map.get("msg").and_then(|(_, node)| node.scalar()),
                ),
                _ => (node.scalar(), None),
            };
            let line = self.line(node);
            let Some(test) = test else { return self.trouble(line, "this precondition") };
            let test = self.template(test, &scope, &mut body, line)?;
            let message =
                self.template(message.unwrap_or("a precondition is not met"), &scope, &mut body, line)?;
            let mut whole = vec![CommandPiece::Plain(format!("{}:{line}: ", self.name))];
            whole.extend(message);
            body.head.push(format!(
                "({}) >/dev/null 2>&1 || {{ echo {} >&2; exit 1; }}",
                statement(&test, &shell),
                spliced(&whole)
            ));
        }
        if !status.is_empty() {
            if !sources.is_empty() {
                return self.trouble(line, "`status` together with `sources`");
            }
            let mut tests = Vec::new();
            for node in &status {
                let test = self.template(node.scalar().unwrap_or(""), &scope, &mut body, self.line(node))?;
                tests.push(format!("({}) >/dev/null 2>&1", statement(&test, &shell)));
            }
            body.head.push(format!("if {}; then exit 0; fi", tests.join(" && ")));
        }
        let mut needs = Vec::new();
        for node in deps {
            needs.push(self.step(node, &mut scope, &mut body, false)?);
        }
        let mut steps = Vec::new();
        for node in commands {
            self.steps(node, &mut scope, &mut body, is_lenient, &mut steps)?;
        }
        self.check_once(name, line)?;
        let has_calls = steps.iter().any(|step| matches!(step, TaskfileStep::Call { .. }));
        if has_calls && (!status.is_empty() || !preconditions.is_empty() || !sources.is_empty()) {
            return self.trouble(line, "calls of tasks together with `status`, `preconditions` or `sources`");
        }
        if !sources.is_empty() && generates.is_empty() {
            let why = format!("`{name}`: runs each time, for it has `sources` and no `generates`");
            self.remarks.push(Remark { line, why });
        } else if !sources.is_empty() {
            keys.push(("input", self.globs(&sources, folder.as_ref())?));
            keys.push(("output", self.globs(&generates, folder.as_ref())?));
        }
        let mut params = params;
        if self.uses_arguments(name, &mut BTreeSet::new()) {
            let Yaml::Map(arguments) = arguments("args") else { unreachable!("bug: it is a map") };
            params.extend(arguments);
        }
        if !params.is_empty() {
            keys.push(("params", Yaml::Map(params)));
        }
        if !needs.is_empty() {
            let needs: Result<Vec<Yaml>, Remark> = needs.iter().map(|need| self.call(need)).collect();
            keys.push(("needs", Yaml::List(needs?)));
        }
        if !has_calls {
            let lines = self.lines(&steps, &shell, line)?;
            if !lines.is_empty() || !body.head.is_empty() {
                keys.push(("action", script(&(script_lines(&body.head) + &lines))));
            }
            return Ok(());
        }
        let mut list = Vec::new();
        let mut open: Vec<TaskfileStep> = Vec::new();
        for step in steps {
            if matches!(step, TaskfileStep::Call { .. }) {
                self.close(&mut open, &body, &shell, line, &mut list)?;
                list.push(self.call(&step)?);
            } else {
                open.push(step);
            }
        }
        self.close(&mut open, &body, &shell, line, &mut list)?;
        keys.push(("steps", Yaml::List(list)));
        Ok(())
    }

    /// Commands between two calls, as one step.
    fn close(
        &self,
        open: &mut Vec<TaskfileStep>,
        body: &TaskfileBody,
        shell: &str,
        line: usize,
        list: &mut Vec<Yaml>,
    ) -> Result<(), Remark> {
        if open.iter().any(|step| matches!(step, TaskfileStep::Deferred(_))) {
            return self.trouble(line, "`defer` together with calls of tasks");
        }
        if !open.is_empty() {
            let lines = self.lines(open, shell, line)?;
            list.push(Yaml::Map(vec![("action".to_owned(), script(&(script_lines(&body.head) + &lines)))]));
            open.clear();
        }
        Ok(())
    }

    fn lines(&self, steps: &[TaskfileStep], shell: &str, line: usize) -> Result<String, Remark> {
        let mut lines = String::new();
        let mut deferred = 0;
        for step in steps {
            match step {
                TaskfileStep::Call { .. } => {}
                TaskfileStep::Command { text, is_lenient } => {
                    let after = if *is_lenient { " || :" } else { "" };
                    let statement = statement(text, shell);
                    if !statement.is_empty() {
                        lines.push_str(&format!("{statement}{after}\n"));
                    }
                }
                TaskfileStep::Deferred(command) => {
                    deferred += 1;
                    if deferred > 1 {
                        return self.trouble(line, "more than one `defer`");
                    }
                    let command = format!("{shell} {} || :", spliced(command));
                    lines.push_str(&format!("trap {} EXIT\n", word(&command)));
                }
            }
        }
        Ok(match lines.is_empty() {
            true => lines,
            false => format!("set -e\n{lines}"),
        })
    }

    /// The name of the parameter for a variable that callers give, which no other task has.
    fn param(&self, task: &str, given: &str) -> String {
        let name = given.to_lowercase();
        match self.given.values().filter(|names| names.contains(given)).count() > 1 {
            true => own_param(task, &name).to_lowercase(),
            false => name,
        }
    }

    /// Parameters for what callers give; each becomes a variable of the script alone.
    fn params(
        &self,
        name: &str,
        line: usize,
        body: &mut TaskfileBody,
    ) -> Result<Vec<(String, Yaml)>, Remark> {
        let mut params = Vec::new();
        for given in self.given.get(name).into_iter().flatten() {
            let variable = self.param(name, given);
            let option = variable.replace('_', "-");
            if crate::name::ParamName::new(&option).is_err() {
                return self.trouble(line, format!("a parameter cannot be called `{given}`"));
            }
            body.head.push(format!(
                "task_given_{given}=${{{variable}+x}} task_{given}=${{{variable}-}}; unset {variable}"
            ));
            params.push((format!("--{option}"), Yaml::Map(Vec::new())));
        }
        Ok(params)
    }

    fn environment(
        &mut self,
        env: Option<&'a Mapping<'a>>,
        scope: &TemplateScope<'_, 'a>,
        body: &mut TaskfileBody,
    ) -> Result<(), Remark> {
        for map in [env, self.env].into_iter().flatten() {
            for (key, node) in map.iter() {
                let line = self.source.line(key.span);
                if !is_variable(key.text) {
                    return self.trouble(line, format!("the variable `{}`", key.text));
                }
                if env.is_some_and(|env| !std::ptr::eq(env, map) && env.get(key.text).is_some()) {
                    continue;
                }
                let value = self.value(node, scope, body, line, key.text)?;
                // The environment comes first.
                body.head.push(format!(
                    "[ -n \"${{{0}+x}}\" ] || {0}={1}; export {0}",
                    key.text,
                    spliced(&value)
                ));
            }
        }
        Ok(())
    }

    /// The value of a variable as it is written: a text, or the output of a command.
    fn value(
        &mut self,
        node: &Node<'a>,
        scope: &TemplateScope<'_, 'a>,
        body: &mut TaskfileBody,
        line: usize,
        name: &str,
    ) -> Result<ShellCommand, Remark> {
        if let Some(written) = node.scalar() {
            return match node.is_null() {
                true => Ok(Vec::new()),
                false => self.template(written, scope, body, line),
            };
        }
        let command = match &node.kind {
            NodeKind::Map(map) if map.len() == 1 => map.get("sh").and_then(|(_, node)| node.scalar()),
            _ => None,
        };
        let Some(command) = command else { return self.trouble(line, format!("the value of `{name}`")) };
        let command = self.template(command, scope, body, line)?;
        let Some(command) = known(&command).filter(|command| !command.contains("$$")) else {
            return self.trouble(line, format!("the command of `{name}` depends on what is not yet known"));
        };
        let variable = match scope.own.is_some_and(|own| own.get(name).is_some()) {
            true => format!("task_{name}_{line}"),
            false => format!("task_{name}"),
        };
        self.asked.insert(variable.clone(), format!("$({SHELL} {})", word(&command)));
        Ok(vec![CommandPiece::Value(variable)])
    }

    /// What `{{.NAME}}` stands for.
    fn variable(
        &mut self,
        name: &str,
        scope: &TemplateScope<'_, 'a>,
        body: &mut TaskfileBody,
        line: usize,
    ) -> Result<ShellCommand, Remark> {
        let value = |name: &str| Ok(vec![CommandPiece::Value(name.to_owned())]);
        match name {
            "CLI_ARGS" => return Ok(vec![CommandPiece::Arguments]),
            "TASK" => return Ok(vec![CommandPiece::Plain(scope.task.to_owned())]),
            "ROOT_DIR" | "TASKFILE_DIR" => return value("OTTO_WORKSPACE"),
            "USER_WORKING_DIR" => return value("OTTO_INVOCATION_DIR"),
            "ITEM" => match scope.item {
                Some(item) => return Ok(vec![CommandPiece::Plain(item.to_owned())]),
                None => return self.trouble(line, "`{{.ITEM}}` outside of a loop"),
            },
            "CLI_FORCE" | "CLI_SILENT" | "CLI_VERBOSE" | "CLI_OFFLINE" | "CHECKSUM" | "TIMESTAMP"
            | "TASK_VERSION" | "ALIAS" | "TASKFILE" | "ROOT_TASKFILE" | "TASK_EXE" | "MATCH"
            | "EXIT_CODE" | "CLI_ARGS_LIST" | "TASK_DIR" | "CLI_ASSUME_YES" => {
                return self.trouble(line, format!("`{{{{.{name}}}}}`: only go-task knows it"));
            }
            _ => {}
        }
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return self.trouble(line, format!("`{{{{.{name}}}}}`"));
        }
        let hidden = scope.hidden.iter().filter(|hidden| *hidden == name).count();
        let mut inner = TemplateScope {
            task: scope.task,
            own: scope.own,
            item: scope.item,
            hidden: scope.hidden.clone(),
        };
        inner.hidden.push(name.to_owned());
        if inner.hidden.len() > 20 {
            return self.trouble(line, format!("`{name}` refers to itself"));
        }
        let own = scope.own.and_then(|own| own.get(name)).map(|(_, node)| node);
        let is_given = self.given.get(scope.task).is_some_and(|given| given.contains(name));
        let outer = self.vars.get(name).copied();
        // A variable of the task, then what its caller gives, then that of the file, then that of the environment.
        if let Some(node) = own
            && hidden == 0
        {
            return self.value(node, &inner, body, self.line(node), name);
        }
        let level = hidden - usize::from(own.is_some() && hidden > 0);
        if is_given && level == 0 {
            let set = format!("task_{name}");
            if body.seen.insert(set.clone()) {
                let otherwise = match outer {
                    Some(node) => {
                        let global = TemplateScope { own: None, ..inner };
                        self.value(node, &global, body, self.line(node), name)?
                    }
                    None => self.environment_value(name, body),
                };
                body.head.push(format!("[ -n \"$task_given_{name}\" ] || {set}={}", spliced(&otherwise)));
            }
            return value(&set);
        }
        let level = level - usize::from(is_given && level > 0);
        if let Some(node) = outer
            && level == 0
        {
            let global = TemplateScope { own: None, ..inner };
            return self.value(node, &global, body, self.line(node), name);
        }
        Ok(self.environment_value(name, body))
    }

    fn environment_value(&self, name: &str, body: &mut TaskfileBody) -> ShellCommand {
        let set = format!("env_{name}");
        if body.seen.insert(set.clone()) {
            // Before anything else changes it.
            body.head.insert(0, format!("{set}=${{{name}-}}"));
        }
        vec![CommandPiece::Value(set)]
    }

    /// A text with `{{…}}`.
    fn template(
        &mut self,
        written: &str,
        scope: &TemplateScope<'_, 'a>,
        body: &mut TaskfileBody,
        line: usize,
    ) -> Result<ShellCommand, Remark> {
        let mut pieces = ShellCommand::new();
        let mut rest = written;
        while let Some(start) = rest.find("{{") {
            pieces.push(CommandPiece::Plain(rest[..start].to_owned()));
            let Some(end) = rest[start..].find("}}") else {
                return self.trouble(line, "a `{{` that is not closed");
            };
            let inside = &rest[start + 2..start + end];
            pieces.extend(self.expression(inside, scope, body, line)?);
            rest = &rest[start + end + 2..];
        }
        pieces.push(CommandPiece::Plain(rest.to_owned()));
        let pieces = joined(pieces);
        // The arguments are words; in quotes, or as a part of a word, they would be text.
        for (place, piece) in pieces.iter().enumerate() {
            if *piece == CommandPiece::Arguments {
                let before = place.checked_sub(1).map(|place| &pieces[place]);
                let after = pieces.get(place + 1);
                let is_apart = |piece: Option<&CommandPiece>, at_end: bool| match piece {
                    None => true,
                    Some(CommandPiece::Plain(text)) if at_end => text.ends_with([' ', '\n']),
                    Some(CommandPiece::Plain(text)) => text.starts_with([' ', '\n', ';', ')', '|']),
                    Some(CommandPiece::Value(_) | CommandPiece::Arguments) => false,
                };
                let quotes: usize = pieces[..place]
                    .iter()
                    .map(|piece| match piece {
                        CommandPiece::Plain(text) => text.matches(['"', '\'']).count(),
                        CommandPiece::Value(_) | CommandPiece::Arguments => 0,
                    })
                    .sum();
                if !is_apart(before, true) || !is_apart(after, false) || quotes % 2 == 1 {
                    return self.trouble(line, "`{{.CLI_ARGS}}` inside a word");
                }
            }
        }
        Ok(pieces)
    }

    fn expression(
        &mut self,
        inside: &str,
        scope: &TemplateScope<'_, 'a>,
        body: &mut TaskfileBody,
        line: usize,
    ) -> Result<ShellCommand, Remark> {
        let is_trimming = inside.starts_with('-') || inside.ends_with('-');
        let trimmed = inside.trim();
        let refused = format!("`{{{{{inside}}}}}`");
        if is_trimming {
            return self.trouble(line, refused);
        }
        if let Some(literal) = literal(trimmed) {
            return Ok(vec![CommandPiece::Plain(literal)]);
        }
        let (name, default) = match trimmed.split_once('|') {
            Some((name, function)) => (name.trim(), function.trim().strip_prefix("default ")),
            None => match trimmed.strip_prefix("default ") {
                Some(rest) => match rest.trim().rsplit_once(' ') {
                    Some((default, name)) => (name.trim(), Some(default)),
                    None => return self.trouble(line, refused),
                },
                None => (trimmed, None),
            },
        };
        if trimmed.contains('|') && default.is_none() {
            return self.trouble(line, refused);
        }
        let Some(name) = name.strip_prefix('.') else { return self.trouble(line, refused) };
        let value = self.variable(name, scope, body, line)?;
        let Some(default) = default else { return Ok(value) };
        let default = default.trim();
        let Some(default) = literal(default).or_else(|| default.parse::<i64>().ok().map(|n| n.to_string()))
        else {
            return self.trouble(line, refused);
        };
        match value.as_slice() {
            [CommandPiece::Value(variable)] => {
                let with = format!("{variable}_or_{line}");
                if body.seen.insert(with.clone()) {
                    body.head
                        .push(format!("{with}=${variable}; [ -n \"${with}\" ] || {with}={}", word(&default)));
                }
                Ok(vec![CommandPiece::Value(with)])
            }
            value => match known(value) {
                Some(text) if text.is_empty() => Ok(vec![CommandPiece::Plain(default)]),
                Some(_) => Ok(value.to_vec()),
                None => self.trouble(line, refused),
            },
        }
    }

    /// The steps that one entry of `cmds` comes to.
    fn steps(
        &mut self,
        node: &'a Node<'a>,
        scope: &mut TemplateScope<'_, 'a>,
        body: &mut TaskfileBody,
        is_lenient: bool,
        steps: &mut Vec<TaskfileStep>,
    ) -> Result<(), Remark> {
        let line = self.line(node);
        let items = match &node.kind {
            NodeKind::Map(map) => match map.get("for") {
                Some((_, list)) => match strings(list) {
                    Some(items) if items.iter().all(|item| !item.contains("{{")) => Some(items),
                    _ => return self.trouble(line, "this `for`"),
                },
                None => None,
            },
            _ => None,
        };
        let Some(items) = items else {
            steps.push(self.step(node, scope, body, is_lenient)?);
            return Ok(());
        };
        for item in &items {
            let mut inner = TemplateScope {
                task: scope.task,
                own: scope.own,
                item: Some(item),
                hidden: scope.hidden.clone(),
            };
            steps.push(self.step(node, &mut inner, body, is_lenient)?);
        }
        Ok(())
    }

    fn step(
        &mut self,
        node: &Node<'a>,
        scope: &mut TemplateScope<'_, 'a>,
        body: &mut TaskfileBody,
        is_lenient: bool,
    ) -> Result<TaskfileStep, Remark> {
        let line = self.line(node);
        if let Some(written) = node.scalar() {
            if node.style() == Some(yaml::Style::Plain) && scope.item.is_none() && self.is_dependency(node) {
                return Ok(TaskfileStep::Call { task: written.to_owned(), with: Vec::new(), line });
            }
            return Ok(TaskfileStep::Command {
                text: self.template(written, scope, body, line)?,
                is_lenient,
            });
        }
        let NodeKind::Map(map) = &node.kind else { return self.trouble(line, "this command") };
        let mut is_lenient = is_lenient;
        let (mut task, mut with, mut command, mut deferred) = (None, Vec::new(), None, None);
        for (key, node) in map.iter() {
            match key.text {
                "silent" | "for" => {}
                "ignore_error" => is_lenient |= node.scalar() == Some("true"),
                "cmd" => command = node.scalar(),
                "defer" => match node.scalar() {
                    Some(written) => deferred = Some(written),
                    None => return self.trouble(line, "a `defer` of a task"),
                },
                "task" => task = node.scalar(),
                "vars" => {
                    let NodeKind::Map(vars) = &node.kind else { return self.trouble(line, "these `vars`") };
                    for (key, node) in vars.iter() {
                        with.push((key.text.to_owned(), self.value(node, scope, body, line, key.text)?));
                    }
                }
                other => return self.trouble(line, format!("`{other}` of a command")),
            }
        }
        match (task, command, deferred) {
            (Some(task), None, None) => match task.contains("{{") {
                true => self.trouble(line, "a task whose name is put together"),
                false if is_lenient => self.trouble(line, "a task whose failure does not matter"),
                false => Ok(TaskfileStep::Call { task: task.to_owned(), with, line }),
            },
            (None, Some(command), None) => {
                Ok(TaskfileStep::Command { text: self.template(command, scope, body, line)?, is_lenient })
            }
            (None, None, Some(deferred)) => {
                Ok(TaskfileStep::Deferred(self.template(deferred, scope, body, line)?))
            }
            _ => self.trouble(line, "this command"),
        }
    }

    /// Whether a node stands in `deps`.
    fn is_dependency(&self, node: &Node<'_>) -> bool {
        self.tasks.iter().any(|(.., task)| match &task.kind {
            NodeKind::Map(map) => match map.get("deps") {
                Some((_, Node { kind: NodeKind::List(items), .. })) => {
                    items.iter().any(|item| item.span == node.span)
                }
                _ => false,
            },
            _ => false,
        })
    }

    fn call(&self, step: &TaskfileStep) -> Result<Yaml, Remark> {
        let TaskfileStep::Call { task, with, line } = step else {
            unreachable!("bug: only calls are called")
        };
        if !self.tasks.iter().any(|(name, ..)| name == task) {
            return self.trouble(*line, format!("the task `{task}` is not in this file"));
        }
        if with.is_empty() {
            return Ok(text(task.clone()));
        }
        let mut values = Vec::new();
        for (name, value) in with {
            let Some(value) = known(value) else {
                return self.trouble(*line, format!("the value of `{name}` for `{task}` is not yet known"));
            };
            values.push((self.param(task, name), text(value.replace('$', "$$"))));
        }
        Ok(task_with(task, values))
    }

    /// What a task leads to, directly: names, each with the values given to it.
    fn calls(&self, name: &str) -> Vec<String> {
        let Some((.., node)) = self.tasks.iter().find(|(task, ..)| task == name) else { return Vec::new() };
        let NodeKind::Map(map) = &node.kind else { return Vec::new() };
        let mut found = Vec::new();
        for list in ["deps", "cmds"] {
            let Some((_, Node { kind: NodeKind::List(items), .. })) = map.get(list) else { continue };
            for item in items.iter() {
                match &item.kind {
                    NodeKind::Map(map) => found.extend(map.get("task").and_then(|(_, node)| {
                        let with = map.get("vars").map_or("", |(_, vars)| self.source.slice(vars.span));
                        Some(format!("{}\0{with}", node.scalar()?))
                    })),
                    _ if list == "deps" => found.extend(item.scalar().map(|name| format!("{name}\0"))),
                    _ => {}
                }
            }
        }
        found
    }

    /// go-task runs a task as often as it is called; otto runs it once.
    fn check_once(&self, name: &str, line: usize) -> Result<(), Remark> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<(String, usize)> = self.calls(name).into_iter().map(|call| (call, 0)).collect();
        while let Some((call, depth)) = open.pop() {
            let task = call.split('\0').next().unwrap_or_default().to_owned();
            if depth > 50 || task == name {
                return self.trouble(line, format!("`{task}` calls itself"));
            }
            let runs =
                self.tasks.iter().find(|(name, ..)| *name == task).and_then(|(.., node)| match &node.kind {
                    NodeKind::Map(map) => map.get("run").and_then(|(_, node)| node.scalar()),
                    _ => None,
                });
            let is_once = runs.map_or(self.runs_once, |runs| runs == "once" || runs == "when_changed");
            if !seen.insert(call) {
                if is_once {
                    continue;
                }
                let why = format!("`{task}` would run twice: otto runs it once, as `run: once` says");
                return self.trouble(line, why);
            }
            open.extend(self.calls(&task).into_iter().map(|call| (call, depth + 1)));
        }
        Ok(())
    }

    fn uses_arguments(&self, name: &str, seen: &mut BTreeSet<String>) -> bool {
        if !seen.insert(name.to_owned()) {
            return false;
        }
        let Some((.., node)) = self.tasks.iter().find(|(task, ..)| task == name) else { return false };
        let own = self.source.slice(node.span).contains("CLI_ARGS");
        let calls = self.calls(name);
        own || calls.iter().any(|call| self.uses_arguments(call.split('\0').next().unwrap_or_default(), seen))
    }

    fn globs(&self, nodes: &[&Node<'a>], folder: Option<&ShellCommand>) -> Result<Yaml, Remark> {
        let folder = match folder {
            Some(folder) => match known(folder) {
                Some(folder) => format!("{}/", folder.trim_end_matches('/')),
                None => return self.trouble(self.line(nodes[0]), "files in a folder that is not yet known"),
            },
            None => String::new(),
        };
        let mut globs = Vec::new();
        for node in nodes {
            let (sign, pattern) = match &node.kind {
                NodeKind::Map(map) => ("!", map.get("exclude").and_then(|(_, node)| node.scalar())),
                _ => ("", node.scalar()),
            };
            match pattern {
                Some(pattern) if !pattern.contains("{{") && !pattern.contains('$') => {
                    globs.push(format!("{sign}{folder}{}", pattern.trim_start_matches("./")));
                }
                _ => return self.trouble(self.line(node), "this pattern of files"),
            }
        }
        Ok(texts(globs))
    }
}

/// A text of Go in quotes.
fn literal(written: &str) -> Option<String> {
    let quote = written.chars().next().filter(|quote| "\"`".contains(*quote))?;
    let inside = written.get(1..)?.strip_suffix(quote)?;
    (!inside.contains(quote) && !inside.contains('\\')).then(|| inside.to_owned())
}

fn items<'n, 'a>(node: &'n Node<'a>) -> Option<Vec<&'n Node<'a>>> {
    match &node.kind {
        NodeKind::List(items) => Some(items.iter().collect()),
        _ => None,
    }
}

fn strings(node: &Node<'_>) -> Option<Vec<String>> {
    match &node.kind {
        NodeKind::List(items) => items.iter().map(|item| item.scalar().map(str::to_owned)).collect(),
        NodeKind::Written(..) | NodeKind::Made(..) => Some(vec![node.scalar()?.to_owned()]),
        NodeKind::Map(_) => None,
    }
}

/// Options of bash that `set` and `shopt` ask for.
fn options(key: &str, node: &Node<'_>) -> Option<String> {
    let names = strings(node)?;
    let is_name = |name: &String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !names.iter().all(is_name) {
        return None;
    }
    let option = |name: &String| match (key, name.len()) {
        ("shopt", _) => format!(" -O {name}"),
        (_, 1) => format!(" -{name}"),
        _ => format!(" -o {name}"),
    };
    Some(names.iter().map(option).collect())
}
