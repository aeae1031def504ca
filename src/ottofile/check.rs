//! What can be known only of all tasks together: names that are used but not defined, edges that exclude
//! each other, names that mean two things.

use super::edge::WrittenStep;
use super::field::{Reader, listed};
use super::limit;
use super::spec::*;
use crate::diagnostic::{Code, Diagnostic};
use crate::name::{self, TaskName};
use crate::source::{Sources, Span, Spanned, Text};
use std::collections::{HashMap, HashSet};

/// The tasks of a document so far.
#[derive(Default)]
pub(super) struct Tasks {
    pub(super) tasks: Vec<Task>,
    /// Where each stands in `tasks`.
    pub(super) index: HashMap<TaskName, usize>,
    /// Names under which tasks were refused, with their places: edges to those are not mistakes of their own.
    pub(super) refused: HashMap<String, Span>,
    /// The steps of tasks, by the place of the task.
    pub(super) steps: Vec<(usize, Vec<WrittenStep>)>,
    /// There were more than the limit allows.
    pub(super) is_full: bool,
}

pub(super) fn check(reader: &mut Reader<'_>, settings: Settings, tasks: Tasks) -> Ottofile {
    let Tasks { mut tasks, mut index, refused, steps, .. } = tasks;
    aliases(reader, &tasks, &mut index);
    for (place, steps) in steps {
        add_steps(reader, &mut tasks, &mut index, &refused, place, steps);
    }
    patterns(reader, &mut tasks, &index, &refused, &settings);
    sources(reader, &mut tasks, &index, &refused, &settings);
    let ottofile = Ottofile {
        sources: Sources::new(reader.source.clone()),
        settings,
        tasks,
        index,
        parts: Vec::new(),
        namespaces: Namespaces::default(),
    };
    Checker { reader, ottofile: &ottofile, refused, items: HashMap::new(), comparable: limit::MOST_COMPARED }
        .run();
    ottofile
}

/// Adds the other names of tasks to the index.
fn aliases(reader: &mut Reader<'_>, tasks: &[Task], index: &mut HashMap<TaskName, usize>) {
    for (place, task) in tasks.iter().enumerate() {
        for alias in &task.aliases {
            let refuse = |reader: &mut Reader<'_>, code: Code, why: String| {
                let message = format!("the alias `{}` of task `{}` {why}", alias.value, task.name);
                let wrong = reader.error(code, message, alias.span, "choose another name");
                reader.tell(wrong);
            };
            match TaskName::new(&alias.value) {
                Err(why) => refuse(reader, Code::BadName, why.to_string()),
                Ok(name) => match index.get(name.as_str()) {
                    Some(other) if *other == place => {
                        refuse(reader, Code::NameClash, "is listed twice".to_owned())
                    }
                    Some(other) => {
                        let other = &tasks[*other].name;
                        refuse(reader, Code::NameClash, format!("is a name of task `{other}`"));
                    }
                    None => drop(index.insert(name, place)),
                },
            }
        }
    }
}

/// Adds the steps of a task to what it needs. Scripts become tasks with names such as `release[3]`.
fn add_steps(
    reader: &mut Reader<'_>,
    tasks: &mut Vec<Task>,
    index: &mut HashMap<TaskName, usize>,
    refused: &HashMap<String, Span>,
    owner: usize,
    steps: Vec<WrittenStep>,
) {
    for (place, step) in (1..).zip(steps) {
        let turn = Some(Turn { list: OrderedList::Steps, place });
        let body = match step {
            WrittenStep::Task(edge) => {
                tasks[owner].before.push(Edge { turn, ..edge });
                continue;
            }
            WrittenStep::Text(body) if names_task(body.text.trim(), tasks, index, refused) => {
                let name = Spanned::new(body.text.trim().to_owned(), body.span);
                tasks[owner].before.push(Edge { turn, ..Edge::new(name, When::Success) });
                continue;
            }
            WrittenStep::Text(body) | WrittenStep::Script(body) => body,
        };
        let (of, span) = (&tasks[owner], reader.first_line(body.span));
        let name = format!("{}[{place}]", of.name);
        let name = match TaskName::new(&name) {
            Ok(name) => name,
            Err(why) => {
                let message = format!("the name `{name}` of a step {why}");
                let wrong = reader.error(Code::BadName, message, span, "this step");
                reader.tell(wrong.at(reader.source, of.name_span, "the task needs a shorter name"));
                return;
            }
        };
        if let Some(other) = index.get(name.as_str()) {
            let message = format!("`{name}` is both a task and a step of `{}`", of.name);
            let wrong = reader
                .error(Code::NameClash, message, tasks[*other].name_span, "the task")
                .at(reader.source, span, "the step")
                .help("rename the task");
            reader.tell(wrong);
            continue;
        }
        let script = Task {
            is_hidden: true,
            step_of: Some(owner),
            envs: of.envs.clone(),
            dotenv: of.dotenv.clone(),
            params: of.params.clone(),
            dir: of.dir.clone(),
            executor: of.executor,
            os: of.os.clone(),
            ..Task::new(name.clone(), span)
        };
        let edge =
            Edge { turn, ..Edge::new(Spanned::new(name.as_str().to_owned(), body.span), When::Success) };
        index.insert(name, tasks.len());
        tasks.push(Task { body: Some(body), ..script });
        tasks[owner].before.push(edge);
    }
}

/// Whether the text of a step is the name of a task rather than a script. One word always is, so that a mistyped name does
/// not become a command.
fn names_task(
    text: &str,
    tasks: &[Task],
    index: &HashMap<TaskName, usize>,
    refused: &HashMap<String, Span>,
) -> bool {
    let has_foreach = |name: &str| index.get(name).is_some_and(|place| tasks[*place].foreach.is_some());
    !text.contains(char::is_whitespace)
        || index.contains_key(text)
        || refused.contains_key(text)
        || text.match_indices(':').any(|(colon, _)| has_foreach(&text[..colon]))
}

/// Puts the tasks that a pattern in `needs` stands for in its place, in the order of the file.
fn patterns(
    reader: &mut Reader<'_>,
    tasks: &mut [Task],
    index: &HashMap<TaskName, usize>,
    refused: &HashMap<String, Span>,
    settings: &Settings,
) {
    let is_pattern =
        |edge: &Edge| edge.task.value.contains('*') && !index.contains_key(edge.task.value.as_str());
    // Those that may reach into other files are expanded when these are read.
    for edge in tasks.iter_mut().flat_map(|task| &mut task.before).filter(|edge| is_pattern(edge)) {
        edge.is_pattern_of_files = is_of_files(settings, &edge.task.value);
    }
    let is_pattern = |edge: &Edge| is_pattern(edge) && !edge.is_pattern_of_files;
    let mut room = limit::MOST_MATCHED;
    for place in 0..tasks.len() {
        if !tasks[place].before.iter().any(is_pattern) {
            continue;
        }
        let mut edges: Vec<Edge> = Vec::new();
        for mut edge in std::mem::take(&mut tasks[place].before) {
            if !is_pattern(&edge) {
                edges.push(edge);
                continue;
            }
            let pattern = edge.task.value.as_str();
            let meant = matching(tasks, place, pattern);
            let alias = edge.with.as_mut().filter(|_| meant.len() > 1).and_then(|with| with.alias.take());
            if let Some(alias) = alias {
                let message = format!(
                    "`{pattern}` matches {} tasks, but only one can be called `{}`",
                    meant.len(),
                    alias.value
                );
                let wrong = reader
                    .error(Code::NameClash, message, alias.span, "the name")
                    .at(reader.source, edge.task.span, "the tasks")
                    .help("remove `as`, or list the tasks one by one");
                reader.tell(wrong);
            }
            if meant.is_empty()
                && refused.keys().all(|name| !is_match(pattern, name))
                && !reader.only_counted()
            {
                let message =
                    format!("no task matches `{pattern}`, which task `{}` depends on", tasks[place].name);
                let wrong = reader.error(Code::UnknownDependency, message, edge.task.span, "matches nothing");
                let wrong = match matching_hidden(tasks, place, pattern) {
                    Some(hidden) => wrong.help(format!(
                        "`{hidden}` is hidden, and only a pattern that starts with `_` matches it"
                    )),
                    None => wrong.help("`*` stands for any characters but `/`"),
                };
                reader.tell(wrong);
            }
            room = room.saturating_sub(meant.len());
            if room == 0 {
                let message = "the patterns in `needs` stand for too many tasks";
                let wrong =
                    reader.error(Code::YamlLimit, message, edge.task.span, "the limit is reached here");
                reader.tell(wrong);
                return;
            }
            edges.extend(meant.into_iter().map(|meant| {
                let task = Spanned::new(tasks[meant].name.as_str().to_owned(), edge.task.span);
                Edge { task, ..edge.clone() }
            }));
        }
        tasks[place].before = edges;
    }
}

/// Finds the tasks that foreach tasks take their items from, and adds the dependencies on them.
fn sources(
    reader: &mut Reader<'_>,
    tasks: &mut [Task],
    index: &HashMap<TaskName, usize>,
    refused: &HashMap<String, Span>,
    settings: &Settings,
) {
    for place in 0..tasks.len() {
        let Some(mut foreach) = tasks[place].foreach.take() else { continue };
        let mut needed: Vec<Spanned<String>> = Vec::new();
        match &mut foreach.source {
            source @ (ForeachSource::From(_) | ForeachSource::Matrix(_)) => {
                for path in source.paths_mut() {
                    path.is_of_files = is_path_of_files(settings, index, &path.text.value);
                    if !path.is_of_files {
                        needed.extend(source_of(reader, tasks, place, index, refused, path));
                    }
                }
            }
            ForeachSource::Each(name) => {
                let target = index.get(name.value.as_str()).map(|target| &tasks[*target]);
                match target {
                    Some(target) if target.foreach.is_some() => {
                        name.value = target.name.as_str().to_owned();
                        needed.push(name.clone());
                    }
                    Some(target) if target.name == tasks[place].name => {
                        let message = format!("task `{}` runs for each job of itself", target.name);
                        let wrong = reader.error(Code::Cycle, message, name.span, "the task itself");
                        reader.tell(wrong.help("name the task whose jobs this one follows"));
                    }
                    Some(target) => {
                        let wrong = has_no_jobs(&tasks[place], target, name.span, reader.source);
                        reader.tell(wrong);
                    }
                    None if refused.contains_key(&name.value) => {}
                    // What it is shows when that file has been read.
                    None if is_of_files(settings, &name.value) => {}
                    None => {
                        let message = format!(
                            "`each` of task `{}` names an unknown task `{}`",
                            tasks[place].name, name.value
                        );
                        let wrong = reader.error(Code::UnknownDependency, message, name.span, "unknown task");
                        let known = tasks.iter().map(|task| task.name.as_str());
                        let near = name::similar(&name.value, known, 3);
                        reader.tell(wrong.did_you_mean(&near));
                    }
                }
            }
            ForeachSource::Items(_)
            | ForeachSource::Glob(_)
            | ForeachSource::Range { .. }
            | ForeachSource::Command(_) => {}
        }
        for need in needed {
            let is_there =
                |edge: &Edge| index.get(edge.task.value.as_str()) == index.get(need.value.as_str());
            if !tasks[place].before.iter().any(is_there) {
                tasks[place].before.push(Edge::new(need, When::Success));
            }
        }
        tasks[place].foreach = Some(foreach);
    }
    // A chain of `each` has the variable of its first task.
    for place in 0..tasks.len() {
        let mut seen = vec![place];
        let mut at = place;
        while let Some(Foreach { source: ForeachSource::Each(name), has_own_variable: false, .. }) =
            tasks[at].foreach.as_deref()
            && let Some(next) = index.get(name.value.as_str()).filter(|next| !seen.contains(next))
        {
            seen.push(*next);
            at = *next;
        }
        let variable = tasks[at].foreach.as_ref().map(|foreach| foreach.variable.clone());
        if at != place
            && let Some(variable) = variable
        {
            reader.beside_params(&tasks[place], &variable);
            if let Some(foreach) = &mut tasks[place].foreach {
                foreach.variable = variable;
            }
        }
    }
}

/// The task in a path such as `list.files`, which it is split after.
fn source_of(
    reader: &mut Reader<'_>,
    tasks: &[Task],
    own: usize,
    index: &HashMap<TaskName, usize>,
    refused: &HashMap<String, Span>,
    path: &mut DataPath,
) -> Option<Spanned<String>> {
    let text = path.text.value.clone();
    // Names of tasks may have dots in them; the longest that exists is meant.
    let found = text.match_indices('.').rev().find_map(|(dot, _)| Some((dot, *index.get(&text[..dot])?)));
    let own_name = &tasks[own].name;
    let Some((dot, place)) = found else {
        if !refused.contains_key(&path.task) {
            let message =
                format!("the foreach of `{own_name}` reads `{text}`, but there is no task `{}`", path.task);
            let wrong = reader.error(Code::UnknownDependency, message, path.text.span, "unknown task");
            let near = name::similar(&path.task, tasks.iter().map(|task| task.name.as_str()), 3);
            reader.tell(wrong.did_you_mean(&near));
        }
        return None;
    };
    if let Some(wrong) = tells_no_items(&tasks[own], &tasks[place], path, reader.source) {
        reader.tell(wrong);
        return None;
    }
    path.task = tasks[place].name.as_str().to_owned();
    path.key = text[dot + 1..].to_owned();
    Some(Spanned::new(path.task.clone(), path.text.span))
}

/// Why a task cannot tell the items of another one.
pub(super) fn tells_no_items(
    own: &Task,
    source: &Task,
    path: &DataPath,
    text: &impl Text,
) -> Option<Diagnostic> {
    let is_itself = source.name == own.name;
    let why_not = if is_itself {
        "a task cannot take its items from itself"
    } else if source.foreach.is_some() {
        "this task runs once per item, so it has no single value"
    } else if source.body.is_none() {
        "this task has no script, so it sets no values"
    } else {
        return None;
    };
    let message = format!("the foreach of `{}` cannot read `{}`", own.name, path.text.value);
    let wrong = Diagnostic::error(Code::ForeachFailed, message)
        .at(text, path.text.span, "the items come from here")
        .at(text, source.name_span, why_not);
    let is_same_file = source.name_span.source == own.name_span.source;
    Some(match source.foreach.is_some() && !is_itself && is_same_file {
        true => wrong.help(format!("`each: {}` runs a job for each of its jobs", source.name)),
        false => wrong,
    })
}

/// An `each` that follows a task without jobs of its own.
pub(super) fn has_no_jobs(own: &Task, followed: &Task, span: Span, text: &impl Text) -> Diagnostic {
    let message = format!("`each` of task `{}` needs a task with `foreach`", own.name);
    let wrong = Diagnostic::error(Code::ForeachFailed, message).at(text, span, "it has no items");
    let wrong = wrong.at(text, followed.name_span, "this task has no `foreach`");
    match followed.name_span.source == own.name_span.source {
        true => wrong.help(format!("write `needs: [{}]` instead of `foreach`", followed.name)),
        false => wrong.help("write it under `needs`, without `foreach`"),
    }
}

/// An item whose variable is a parameter's as well.
pub(super) fn is_parameter_too(
    task: &Task,
    variable: &Spanned<String>,
    text: &impl Text,
) -> Option<Diagnostic> {
    let param = task.params.iter().find(|param| param.name.as_str() == variable.value)?;
    let name = &variable.value;
    let message = format!("task `{}` has two variables called `{name}`: a parameter and the item", task.name);
    let wrong = Diagnostic::error(Code::NameClash, message)
        .at(text, param.form_span, "the parameter")
        .at(text, variable.span, format!("the item is in `{name}`"))
        .help("give the item another name: `as: NAME`");
    Some(wrong)
}

/// The tasks other than `own` that a pattern stands for; `x:*` are the jobs of a foreach task too.
fn matching(tasks: &[Task], own: usize, pattern: &str) -> Vec<usize> {
    let may_be_hidden = |task: &Task| match pattern.starts_with('_') {
        true => task.name.as_str().starts_with('_'),
        false => !task.is_hidden,
    };
    let is_meant = |(place, task): &(usize, &Task)| {
        let name = task.name.as_str();
        let has_jobs = task.foreach.is_some() && pattern.strip_suffix(":*") == Some(name);
        let is_candidate = *place != own && task.step_of.is_none();
        is_candidate && (has_jobs || may_be_hidden(task) && is_match(pattern, name))
    };
    tasks.iter().enumerate().filter(is_meant).map(|(place, _)| place).collect()
}

fn matching_hidden<'t>(tasks: &'t [Task], own: usize, pattern: &str) -> Option<&'t TaskName> {
    let is_meant = |(place, task): &(usize, &Task)| {
        *place != own && task.step_of.is_none() && is_match(pattern, task.name.as_str())
    };
    tasks.iter().enumerate().find(is_meant).map(|(_, task)| &task.name)
}

/// Whether a name matches a pattern in which `*` stands for any characters but `/`.
pub(crate) fn is_match(pattern: &str, name: &str) -> bool {
    pattern.matches('/').count() == name.matches('/').count()
        && pattern.split('/').zip(name.split('/')).all(|(pattern, name)| is_part_match(pattern, name))
}

fn is_part_match(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(first) else { return false };
    let (between, last) = rest.rsplit_once('*').map_or(("", rest), |(between, last)| (between, last));
    for part in between.split('*') {
        let Some(found) = name.find(part) else { return false };
        name = &name[found + part.len()..];
    }
    name.ends_with(last)
}

/// Whether a name that is no task of this file may be one of another: of the root, or of a file that this one includes.
fn is_of_files(settings: &Settings, name: &str) -> bool {
    name.starts_with('/') || !settings.includes.is_empty() && name.contains('/')
}

/// The same for a path such as `/list.files`, whose task has dots in its name or not.
fn is_path_of_files(settings: &Settings, index: &HashMap<TaskName, usize>, path: &str) -> bool {
    let is_here = path.match_indices('.').any(|(dot, _)| index.contains_key(&path[..dot]));
    !is_here && is_of_files(settings, path)
}

struct Checker<'c, 's> {
    reader: &'c mut Reader<'s>,
    ottofile: &'c Ottofile,
    refused: HashMap<String, Span>,
    /// Names of the items of those foreach tasks that were asked for, as far as the document lists them.
    items: HashMap<usize, HashSet<String>>,
    /// How many more names may be compared in search of suggestions.
    comparable: usize,
}

/// What a name in an edge or in `otto.tasks` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Target<'t> {
    Task(usize),
    Item(usize, &'t str),
}

impl Target<'_> {
    fn task(self) -> usize {
        match self {
            Target::Task(task) | Target::Item(task, _) => task,
        }
    }

    fn whole(self) -> Target<'static> {
        Target::Task(self.task())
    }
}

/// Why a name stands for nothing.
enum UnknownName<'t> {
    Task,
    /// `task:item` of a task without a foreach.
    NoForeach(usize),
    /// `task:item` without such an item.
    Item(usize, &'t str),
}

impl<'c> Checker<'c, '_> {
    fn run(mut self) {
        let ottofile = self.ottofile;
        let mut has_failure_edges = false;
        for task in &ottofile.tasks {
            for (key, edges) in [(task.needs_key, &task.before), ("after", &task.after)] {
                for edge in edges {
                    has_failure_edges |= edge.when == When::Failure;
                    let key = match edge.turn {
                        Some(turn) => turn.list.key(),
                        None if edge.is_on_failure => "on-failure",
                        None => key,
                    };
                    self.edge(task, key, edge);
                }
            }
            self.turns(task);
            self.data_names(task);
        }
        if has_failure_edges {
            self.contradicting_edges();
        }
        self.item_names();
        if let DefaultTasks::Named(names) = &ottofile.settings.default_tasks {
            for name in names {
                self.default_task(name);
            }
        }
    }

    // ── names ──

    fn find<'t>(&mut self, name: &'t str) -> Result<Target<'t>, UnknownName<'t>> {
        if let Some(place) = self.ottofile.position(name) {
            return Ok(Target::Task(place));
        }
        let mut unknown = UnknownName::Task;
        // Names of tasks may contain colons themselves, and are at most 255 bytes long.
        for (colon, _) in name.match_indices(':').take_while(|(colon, _)| *colon <= 255) {
            let Some(place) = self.ottofile.position(&name[..colon]) else { continue };
            let item = &name[colon + 1..];
            match &self.ottofile.tasks[place].foreach {
                None => unknown = UnknownName::NoForeach(place),
                Some(foreach) => match self.has_item(place, foreach, item) {
                    Some(false) => unknown = UnknownName::Item(place, item),
                    Some(true) | None => return Ok(Target::Item(place, item)),
                },
            }
        }
        Err(unknown)
    }

    /// Whether a foreach task has an item of this name; `None` where only the world knows.
    fn has_item(&mut self, place: usize, foreach: &Foreach, name: &str) -> Option<bool> {
        match &foreach.source {
            ForeachSource::Items(items) => {
                let names = || items.iter().map(|item| item_name(&item.value)).collect();
                Some(self.items.entry(place).or_insert_with(names).contains(name))
            }
            ForeachSource::Range { first, last, .. } => {
                let number: Option<i64> = name.parse().ok();
                let inside = number.filter(|number| (first..=last).contains(&number));
                Some(inside.is_some_and(|number| range_item_name(number, *last) == name))
            }
            ForeachSource::Glob(_)
            | ForeachSource::Command(_)
            | ForeachSource::From(_)
            | ForeachSource::Each(_)
            | ForeachSource::Matrix(_) => None,
        }
    }

    fn is_refused(&self, name: &str) -> bool {
        let task = name.split(':').next().unwrap_or(name);
        self.refused.contains_key(name) || self.refused.contains_key(task)
    }

    /// Adds what is known about a name that stands for nothing: what it is near to.
    fn explained(&mut self, wrong: Diagnostic, name: &str, unknown: &UnknownName<'_>) -> Diagnostic {
        let tasks = &self.ottofile.tasks;
        match unknown {
            UnknownName::Task => {
                let named = self.ottofile.written_tasks().map(|task| task.name.as_str());
                let similar = self.similar(name, named, tasks.len());
                let nearest = similar.first().and_then(|name| self.ottofile.task(name));
                match nearest {
                    None => wrong,
                    Some(task) => wrong
                        .at(self.reader.source, task.name_span, "a task with a similar name is defined here")
                        .did_you_mean(&similar),
                }
            }
            UnknownName::NoForeach(place) => {
                let task = &tasks[*place];
                wrong
                    .at(self.reader.source, task.name_span, "this task has no `foreach`, so it has no items")
                    .help(format!("use the whole task: `{}`", task.name))
            }
            UnknownName::Item(place, item) => {
                let task = &tasks[*place];
                let Some(foreach) = &task.foreach else { return wrong };
                let listed = match &foreach.source {
                    ForeachSource::Range { span, .. } => *span,
                    ForeachSource::Items(_)
                    | ForeachSource::Glob(_)
                    | ForeachSource::Command(_)
                    | ForeachSource::From(_)
                    | ForeachSource::Each(_)
                    | ForeachSource::Matrix(_) => foreach.span,
                };
                let items = literal_names(&foreach.source, 1000);
                let similar = self.similar(item, items.iter().map(String::as_str), items.len());
                let similar: Vec<String> =
                    similar.iter().map(|item| format!("{}:{item}", task.name)).collect();
                let similar: Vec<&str> = similar.iter().map(String::as_str).collect();
                wrong
                    .at(self.reader.source, self.reader.first_line(listed), "its items are defined here")
                    .did_you_mean(&similar)
            }
        }
    }

    /// Like [`name::similar`], as long as not too much was compared already.
    fn similar<'n>(
        &mut self,
        name: &str,
        known: impl Iterator<Item = &'n str>,
        count: usize,
    ) -> Vec<&'n str> {
        match self.comparable.checked_sub(count) {
            None => Vec::new(),
            Some(left) => {
                self.comparable = left;
                name::similar(name, known, 3)
            }
        }
    }

    // ── edges ──

    fn edge(&mut self, task: &Task, key: &str, edge: &Edge) {
        let name = edge.task.value.as_str();
        let target = match self.find(name) {
            Ok(target) => target,
            Err(_) if self.is_refused(name) || is_of_files(&self.ottofile.settings, name) => return,
            Err(unknown) => return self.unknown_edge(task, key, edge, &unknown),
        };
        let is_own_step = self.ottofile.tasks[target.task()].step_of.is_none_or(|owner| {
            self.ottofile.tasks[owner].name == task.name && key == OrderedList::Steps.key()
        });
        if !is_own_step {
            return self.unknown_edge(task, key, edge, &UnknownName::Task);
        }
        if let Some(with) = &edge.with {
            self.values(task, &self.ottofile.tasks[target.task()], with);
        }
        let is_itself = self.ottofile.tasks[target.task()].name == task.name;
        // Jobs of one foreach task may wait for each other; whether they do so in a circle is for the plan.
        if is_itself && matches!(target, Target::Task(_)) {
            let message = match key {
                "on-failure" => format!("task `{task}` cannot be its own `on-failure`", task = task.name),
                _ => format!("task `{task}` depends on itself", task = task.name),
            };
            let wrong = self
                .reader
                .error(Code::Cycle, message, edge.task.span, "the task itself")
                .help(format!("remove it from `{key}`"));
            self.reader.tell(wrong);
        }
    }

    fn unknown_edge(&mut self, task: &Task, key: &str, edge: &Edge, unknown: &UnknownName<'_>) {
        if self.reader.only_counted() {
            return;
        }
        let name = edge.task.value.as_str();
        let (code, what, label) = match unknown {
            UnknownName::Task => (Code::UnknownDependency, "task", "unknown task"),
            UnknownName::NoForeach(_) => (Code::UnknownDependency, "job", "unknown job"),
            UnknownName::Item(..) => (Code::UnknownItem, "job", "unknown job"),
        };
        let message = match key {
            "needs" | "before" => format!("task `{}` depends on an unknown {what} `{name}`", task.name),
            _ => format!("`{key}` of task `{}` lists an unknown {what} `{name}`", task.name),
        };
        let wrong = self.reader.error(code, message, edge.task.span, label);
        let wrong = self.explained(wrong, name, unknown);
        let wrong = match (key, unknown) {
            ("steps", UnknownName::Task) => wrong.help(format!("to run a command: `{{bash: {name}}}`")),
            ("in-order", UnknownName::Task) if name.contains(char::is_whitespace) => {
                wrong.help("scripts can only be `steps` of a task of their own")
            }
            _ => wrong,
        };
        self.reader.tell(wrong);
    }

    // ── order and values ──

    /// A list that runs in order has each task once.
    fn turns(&mut self, task: &Task) {
        let mut seen: HashMap<(OrderedList, Target<'_>, Vec<String>), &Edge> = HashMap::new();
        for edge in &task.before {
            let Some(turn) = edge.turn else { continue };
            let Ok(target) = self.find(&edge.task.value) else { continue };
            let values = edge.with.iter().flat_map(|with| &with.values);
            let values: Vec<String> = values
                .map(|value| {
                    let words: Vec<&str> = value.words.iter().map(|word| word.value.as_str()).collect();
                    format!("{}={words:?}", value.param.value)
                })
                .collect();
            let whole = seen.get(&(turn.list, target.whole(), values.clone())).copied();
            let Some(first) = seen.insert((turn.list, target, values), edge).or(whole) else { continue };
            let message =
                format!("`{}` of task `{}` lists `{}` twice", turn.list.key(), task.name, edge.task.value);
            let wrong = self
                .reader
                .error(Code::Contradiction, message, edge.task.span, "listed again")
                .at(self.reader.source, first.task.span, "listed first")
                .help(
                    "a task runs once per run; with other values it can run again: `{task: NAME, with: …}`",
                );
            self.reader.tell(wrong);
        }
    }

    /// The names by which a task reads the data of others are all different.
    fn data_names(&mut self, task: &Task) {
        for (place, edge) in task.before.iter().enumerate() {
            let Some(alias) = edge.with.as_ref().and_then(|with| with.alias.as_ref()) else { continue };
            let rival = task.before.iter().enumerate().find_map(|(other_place, other)| {
                let other_alias = other.with.as_ref().and_then(|with| with.alias.as_ref());
                match other_alias {
                    Some(other) if other_place < place && other.value == alias.value => Some(other.span),
                    Some(_) => None,
                    None => {
                        let is_same = other_place != place && other.task.value == alias.value;
                        is_same.then_some(other.task.span)
                    }
                }
            });
            let Some(rival) = rival else { continue };
            let message = format!("task `{}` has two dependencies called `{}`", task.name, alias.value);
            let wrong = self
                .reader
                .error(Code::NameClash, message, alias.span, "the second one")
                .at(self.reader.source, rival, "the first one")
                .help("choose another name in `as`");
            self.reader.tell(wrong);
        }
    }

    /// `with` sets parameters that the task has, in a form that they take.
    fn values(&mut self, task: &Task, target: &Task, with: &With) {
        for value in &with.values {
            let name = value.param.value.as_str();
            let Some(param) = target.params.iter().find(|param| param.name.as_str() == name) else {
                let message = format!(
                    "task `{}` has no parameter `{name}`, which `with` of task `{}` sets",
                    target.name, task.name
                );
                let known: Vec<&str> = target.params.iter().map(|param| param.name.as_str()).collect();
                let similar = self.similar(name, known.iter().copied(), known.len());
                let wrong = self
                    .reader
                    .error(Code::UnknownParam, message, value.param.span, "unknown parameter")
                    .at(self.reader.source, target.name_span, "the task is defined here");
                let wrong = match (similar.as_slice(), known.as_slice()) {
                    ([], []) => wrong.note("it has no parameters"),
                    ([], known) => wrong.note(format!("it has {}", listed(known))),
                    (similar, _) => wrong.did_you_mean(similar),
                };
                self.reader.tell(wrong);
                continue;
            };
            let count = value.words.len();
            let is_right = match param.count {
                Count::Flag | Count::One => !value.is_list,
                Count::Range { most: Some(1), .. } => !value.is_list,
                Count::Range { least, most } => count >= least && most.is_none_or(|most| count <= most),
            };
            if is_right {
                continue;
            }
            let (code, wanted) = match param.count {
                Count::Range { least, most } if most != Some(1) => {
                    let count = match most {
                        Some(most) if most == least => format!("{least}"),
                        Some(most) => format!("{least} to {most}"),
                        None => format!("at least {least}"),
                    };
                    (Code::WrongCount, format!("a list of {count} values"))
                }
                _ => (Code::WrongType, "one value, not a list".to_owned()),
            };
            let message = format!(
                "`{name}` of task `{}` takes {wanted}, in `with` of task `{}`",
                target.name, task.name
            );
            let wrong = self.reader.error(code, message, value.span, "this value").at(
                self.reader.source,
                param.form_span,
                "the parameter is declared here",
            );
            self.reader.tell(wrong);
        }
    }

    /// A task that waits for another to succeed, and for the same one to fail, never runs.
    fn contradicting_edges(&mut self) {
        // Edges by what runs first and what runs then: those that ask for success, as written, and once more for
        // the whole task that runs then, since an edge to a whole task is one to each of its items.
        type Pairs<'c> = HashMap<(Target<'c>, Target<'c>), Span>;
        let (mut exact, mut to_whole): (Pairs<'c>, Pairs<'c>) = Default::default();
        let mut failing: Vec<((Target<'c>, Target<'c>), Span)> = Vec::new();
        let ottofile = self.ottofile;
        for (place, task) in ottofile.tasks.iter().enumerate() {
            let own = Target::Task(place);
            let before = task.before.iter().map(|edge| (edge, true));
            let after = task.after.iter().map(|edge| (edge, false));
            for (edge, is_before) in before.chain(after) {
                let Ok(other) = self.find(&edge.task.value) else { continue };
                let (first, then) = if is_before { (other, own) } else { (own, other) };
                match edge.when {
                    When::Always => {}
                    When::Failure => failing.push(((first, then), edge.task.span)),
                    When::Success | When::Ran => {
                        exact.entry((first, then)).or_insert(edge.task.span);
                        to_whole.entry((first, then.whole())).or_insert(edge.task.span);
                    }
                }
            }
        }
        for ((first, then), failing) in failing {
            // A task that runs if an item fails cannot also need all of them to succeed. The other way round is sound:
            // one item succeeds, and the whole task fails by another.
            let firsts = [first, first.whole()];
            let rival = firsts.iter().find_map(|first| {
                let to_exactly = exact.get(&(*first, then)).or_else(|| exact.get(&(*first, then.whole())));
                to_exactly.or_else(|| to_whole.get(&(*first, then)))
            });
            let Some(succeeding) = rival else { continue };
            let then = &ottofile.tasks[then.task()].name;
            let first = match first {
                Target::Task(task) => ottofile.tasks[task].name.to_string(),
                Target::Item(task, item) => format!("{}:{item}", ottofile.tasks[task].name),
            };
            let message =
                format!("task `{then}` would run only if `{first}` both succeeds and fails, so never");
            let wrong = self
                .reader
                .error(Code::ContradictingEdges, message, failing, "if it fails")
                .at(self.reader.source, *succeeding, "if it succeeds")
                .help("keep one of them, or write `when: always`");
            self.reader.tell(wrong);
        }
    }

    /// A task called `deploy:staging` beside a foreach task `deploy` with an item `staging`.
    fn item_names(&mut self) {
        for task in self.ottofile.tasks.iter().filter(|task| task.name.as_str().contains(':')) {
            let name = task.name.as_str();
            for (colon, _) in name.match_indices(':') {
                let Some(place) = self.ottofile.position(&name[..colon]) else { continue };
                let parent = &self.ottofile.tasks[place];
                let Some(foreach) = &parent.foreach else { continue };
                if self.has_item(place, foreach, &name[colon + 1..]) != Some(true) {
                    continue;
                }
                let foreach = self.reader.first_line(foreach.span);
                let wrong = self
                    .reader
                    .error(
                        Code::NameClash,
                        format!("`{name}` is both a task and a job"),
                        task.name_span,
                        "the task",
                    )
                    .at(
                        self.reader.source,
                        foreach,
                        format!("creates a job of task `{}` with this name", parent.name),
                    )
                    .help("rename one of them");
                self.reader.tell(wrong);
            }
        }
    }

    fn default_task(&mut self, name: &Spanned<String>) {
        let unknown = match self.find(&name.value) {
            Ok(_) => return,
            Err(_) if self.is_refused(&name.value) || is_of_files(&self.ottofile.settings, &name.value) => {
                return;
            }
            Err(unknown) => unknown,
        };
        let (code, what) = match unknown {
            UnknownName::Task => (Code::UnknownDependency, "task"),
            UnknownName::NoForeach(_) | UnknownName::Item(..) => (Code::UnknownItem, "job"),
        };
        let message = format!("`otto.tasks` lists an unknown {what} `{}`", name.value);
        let wrong = self.reader.error(code, message, name.span, format!("unknown {what}"));
        let wrong = self.explained(wrong, &name.value, &unknown);
        self.reader.tell(wrong);
    }
}

/// The names of the items that the document itself lists, at most `most` of them.
fn literal_names(source: &ForeachSource, most: usize) -> Vec<String> {
    match source {
        ForeachSource::Items(items) => items.iter().take(most).map(|item| item_name(&item.value)).collect(),
        ForeachSource::Range { first, last, .. } => {
            (*first..=*last).take(most).map(|number| range_item_name(number, *last)).collect()
        }
        ForeachSource::Glob(_)
        | ForeachSource::Command(_)
        | ForeachSource::From(_)
        | ForeachSource::Each(_)
        | ForeachSource::Matrix(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_match;

    #[test]
    fn a_star_stands_for_any_characters_of_one_part_of_a_name() {
        for (pattern, name, expected) in [
            ("lint:*", "lint:js", true),
            ("lint:*", "lint:", true),
            ("lint:*", "lint", false),
            ("test-*", "test-a-b", true),
            ("*", "build", true),
            ("*", "web/build", false),
            ("web/*", "web/build", true),
            ("*/build", "web/build", true),
            ("*a*a", "a", false),
            ("*a*a", "aba", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "acb", false),
            ("**", "x", true),
            ("ż*", "żółw", true),
        ] {
            assert_eq!(is_match(pattern, name), expected, "{pattern} {name}");
        }
    }
}
