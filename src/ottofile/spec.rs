//! The ottofile as plain data. Defaults are filled in where the document is silent; nothing is resolved:
//! names of tasks are as written, `${…}` is still text.
//! An [`Ottofile`] is well formed: names are valid, bodies single, edges between tasks that exist, forms of
//! parameters unique. Cycles and items of foreach are the plan's business.

use crate::contract::Contract;
use crate::name::{ParamName, TaskName};
use crate::resources::Resources;
use crate::source::{SourceId, Sources, Span, Spanned};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(crate) struct Ottofile {
    pub(crate) sources: Sources,
    pub(crate) settings: Settings,
    /// In the order of the document.
    pub(crate) tasks: Vec<Task>,
    /// Where each task stands in `tasks`.
    pub(crate) index: HashMap<TaskName, usize>,
    /// The included files that have been read, in that order; their places have the sources from 1 on.
    pub(crate) parts: Vec<Part>,
    pub(crate) namespaces: Namespaces,
}

impl Ottofile {
    pub(crate) fn task(&self, name: &str) -> Option<&Task> {
        self.position(name).map(|place| &self.tasks[place])
    }

    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// The task that a task with `each` follows, by their places.
    pub(crate) fn followed(&self, task: usize) -> Option<usize> {
        match &self.tasks[task].foreach.as_ref()?.source {
            ForeachSource::Each(name) => self.position(&name.value),
            ForeachSource::Items(_)
            | ForeachSource::Glob(_)
            | ForeachSource::Range { .. }
            | ForeachSource::Command(_)
            | ForeachSource::From(_)
            | ForeachSource::Matrix(_) => None,
        }
    }

    /// The task whose items a foreach task has: with `each` that at the start of the chain, otherwise itself. `None` if it
    /// has no items, or if the chain is a circle.
    pub(crate) fn source_of_items<'a>(&'a self, task: &'a Task) -> Option<(&'a Task, &'a Foreach)> {
        let mut at = task;
        for _ in &self.tasks {
            let foreach = at.foreach.as_deref()?;
            let ForeachSource::Each(followed) = &foreach.source else { return Some((at, foreach)) };
            at = self.task(&followed.value)?;
        }
        None
    }

    /// The variables of the jobs of a foreach task: that of the item, and those of a matrix.
    pub(crate) fn item_variables<'a>(&'a self, task: &'a Task) -> Vec<&'a str> {
        let own = task.foreach.iter().map(|foreach| &foreach.variable);
        let matrix = match self.source_of_items(task) {
            Some((_, Foreach { source: ForeachSource::Matrix(matrix), .. })) => Some(matrix),
            Some(_) | None => None,
        };
        own.chain(matrix.iter().flat_map(|matrix| matrix.variables()))
            .map(|name| name.value.as_str())
            .collect()
    }

    /// The task at a place, or the one whose step it is.
    pub(crate) fn written_task(&self, place: usize) -> &Task {
        let task = &self.tasks[place];
        task.step_of.map_or(task, |owner| &self.tasks[owner])
    }

    /// The tasks that have a name in the document: all but the scripts among steps.
    pub(crate) fn written_tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(|task| task.step_of.is_none())
    }
}

/// An ottofile that the root includes, directly or through others, as far as it has been read.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// What stands before the names of its tasks.
    pub(crate) namespace: String,
    /// The ottofile, absolute.
    pub(crate) path: PathBuf,
    /// The folder that its tasks run in, absolute.
    pub(crate) folder: PathBuf,
    pub(crate) settings: Settings,
    /// The file that includes it.
    pub(crate) parent: SourceId,
    /// Which entry of that file's `include` it is from.
    pub(crate) include: usize,
}

/// A namespace, whether its file has been read or not.
#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(super) parent: SourceId,
    pub(super) include: usize,
    pub(super) part: Option<SourceId>,
}

impl Namespace {
    pub(crate) fn is_read(&self) -> bool {
        self.part.is_some()
    }
}

/// The namespaces of an ottofile, in the order in which they were found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Namespaces {
    pub(super) list: Vec<Namespace>,
    pub(super) index: HashMap<String, usize>,
    /// The root ottofile, absolute.
    pub(crate) root: PathBuf,
    /// The namespace from which names on the command line are read; empty: the root.
    pub(crate) base: String,
    /// No ottofile further up includes this one, or nobody wants to know.
    pub(crate) is_topmost: bool,
}

impl Namespaces {
    pub(crate) fn list(&self) -> &[Namespace] {
        &self.list
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The innermost namespace that a whole name is in, or that it is the name of.
    pub(crate) fn around(&self, name: &str) -> Option<usize> {
        if self.list.is_empty() {
            return None;
        }
        let shorter = name.match_indices('/').rev().map(|(slash, _)| &name[..slash]);
        std::iter::once(name).chain(shorter).find_map(|prefix| self.index.get(prefix).copied())
    }

    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// Those that are a level or inside it: `services` is one if there is `services/api`.
    pub(crate) fn inside<'n>(&'n self, level: &'n str) -> impl Iterator<Item = usize> + 'n {
        let names = self.list.iter().map(|namespace| namespace.name.as_str()).enumerate();
        names.filter(|(_, name)| is_in(name, level)).map(|(place, _)| place)
    }
}

/// Whether a name is that of a level or of something inside it.
pub(super) fn is_in(name: &str, level: &str) -> bool {
    name.strip_prefix(level).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The map `otto:`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) includes: Vec<Include>,
    /// Those of the keys that only the root decides, as far as they are written.
    pub(crate) root_keys: Vec<Spanned<&'static str>>,
    pub(crate) name: Option<String>,
    pub(crate) about: Option<String>,
    /// Default of `-j`; at least 1.
    pub(crate) jobs: Option<usize>,
    /// Default of `--fail-fast`.
    pub(crate) is_fail_fast: Option<bool>,
    /// What tasks ask for that say nothing else.
    pub(crate) resources: Resources,
    /// Default of `--executor`.
    pub(crate) executor: Option<Engine>,
    pub(crate) default_tasks: DefaultTasks,
    pub(crate) envs: Vec<EnvEntry>,
    pub(crate) envs_command: Option<Spanned<String>>,
    pub(crate) dotenv: Vec<DotenvFile>,
    /// Variables whose values are secret, wherever they come from.
    pub(crate) secrets: Vec<Spanned<String>>,
    pub(crate) retention: Retention,
}

/// What runs tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// This machine.
    Local,
    /// A cluster that Slurm manages.
    Slurm,
}

impl Engine {
    pub(crate) const WORDS: &[&str] = &["local", "slurm"];

    pub(crate) fn parse(word: &str) -> Option<Engine> {
        match word {
            "local" => Some(Engine::Local),
            "slurm" => Some(Engine::Slurm),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum DefaultTasks {
    /// Plain `otto` lists.
    #[default]
    None,
    /// `["*"]`: every task of the file.
    All,
    /// Tasks or `task:item`, as written.
    Named(Vec<Spanned<String>>),
}

/// An entry of `include`.
#[derive(Clone, Debug)]
pub(crate) struct Include {
    /// A folder, an ottofile or a pattern of these, relative to the ottofile.
    pub(crate) path: Spanned<String>,
    /// The namespace, if it is not that of the path.
    pub(crate) alias: Option<Spanned<String>>,
    /// It may be missing.
    pub(crate) is_optional: bool,
    /// Variables for its tasks.
    pub(crate) envs: Vec<EnvEntry>,
}

/// A file with variables, relative to the ottofile.
#[derive(Clone, Debug)]
pub(crate) struct DotenvFile {
    pub(crate) path: Spanned<String>,
    /// It may be missing.
    pub(crate) is_optional: bool,
}

/// `KEY: value`; the value is the scalar as spelled.
#[derive(Clone, Debug)]
pub(crate) struct EnvEntry {
    pub(crate) name: Spanned<String>,
    pub(crate) value: Spanned<String>,
    pub(crate) is_secret: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Retention {
    pub(crate) keep_days: u32,
    pub(crate) keep_last: u32,
    pub(crate) keep_failed_days: u32,
    pub(crate) is_auto_prune: bool,
    pub(crate) prune_interval_hours: u32,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention {
            keep_days: 30,
            keep_last: 10,
            keep_failed_days: 60,
            is_auto_prune: true,
            prune_interval_hours: 24,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) name: TaskName,
    pub(crate) name_span: Span,
    pub(crate) help: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) is_hidden: bool,
    /// Other names of the task.
    pub(crate) aliases: Vec<Spanned<String>>,
    /// The key under which `before` was written, `needs` or `before`.
    pub(crate) needs_key: &'static str,
    /// The place of `steps`; its entries are in `before`.
    pub(crate) steps: Option<Span>,
    /// The place in `Ottofile::tasks` of the task whose step this is: a script without a name of its own.
    pub(crate) step_of: Option<usize>,
    /// Dependencies.
    pub(crate) before: Vec<Edge>,
    /// Tasks that depend on this one; `on-failure` entries are here too, with `When::Failure`.
    pub(crate) after: Vec<Edge>,
    /// The only operating systems on which it runs; empty: all.
    pub(crate) os: Vec<String>,
    /// `executor: local`: it runs on the machine of otto, whatever runs the others.
    pub(crate) executor: Option<Engine>,
    /// What it asks of the machine that runs it.
    pub(crate) resources: Option<Box<Resources>>,
    /// `if`: decides at the start of the task whether its body runs. It is Python where that is, else a shell's.
    pub(crate) condition: Option<Box<Body>>,
    /// File globs, relative to the ottofile; `${VAR}` is not yet resolved.
    pub(crate) input: Vec<Spanned<String>>,
    pub(crate) output: Vec<Spanned<String>>,
    /// The types of its values.
    pub(crate) outputs: Option<Box<Spanned<Contract>>>,
    pub(crate) envs: Vec<EnvEntry>,
    pub(crate) dotenv: Vec<DotenvFile>,
    /// In the order of the document.
    pub(crate) params: Vec<Param>,
    /// None: a group of its dependencies.
    pub(crate) body: Option<Body>,
    /// Boxed, like all that few tasks have: thousands of tasks are read for every listing.
    pub(crate) foreach: Option<Box<Foreach>>,
    pub(crate) tty: Option<Span>,
    pub(crate) timeout: Option<Spanned<Duration>>,
    pub(crate) retries: Option<Box<Spanned<Retries>>>,
    /// Working directory relative to the ottofile; None: its folder.
    pub(crate) dir: Option<Spanned<String>>,
    pub(crate) streaming: Option<Spanned<Streaming>>,
    pub(crate) has_lenient_stream_errors: bool,
    /// What is asked before a run with this task starts.
    pub(crate) confirm: Option<Spanned<String>>,
    /// It stays up while others use it.
    pub(crate) service: Option<Box<Spanned<Service>>>,
}

impl Task {
    /// A task of which nothing is written but the name.
    pub(crate) fn new(name: TaskName, name_span: Span) -> Task {
        Task {
            name,
            name_span,
            help: None,
            group: None,
            is_hidden: false,
            aliases: Vec::new(),
            needs_key: "needs",
            steps: None,
            step_of: None,
            before: Vec::new(),
            after: Vec::new(),
            os: Vec::new(),
            executor: None,
            resources: None,
            condition: None,
            input: Vec::new(),
            output: Vec::new(),
            outputs: None,
            envs: Vec::new(),
            dotenv: Vec::new(),
            params: Vec::new(),
            body: None,
            foreach: None,
            tty: None,
            timeout: None,
            retries: None,
            dir: None,
            streaming: None,
            has_lenient_stream_errors: false,
            confirm: None,
            service: None,
        }
    }
}

/// When a task that stays up is ready: when everything that is named here holds. If nothing is, the script says so itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Service {
    /// A command that succeeds.
    pub(crate) ready: Option<Spanned<String>>,
    /// A TCP port of this machine that answers, or the variable that holds its number.
    pub(crate) port: Option<Spanned<String>>,
    /// A text in what the task writes.
    pub(crate) log: Option<Spanned<String>>,
    /// How long that may take.
    pub(crate) timeout: Duration,
    /// Runs at the same time use one.
    pub(crate) is_shared: bool,
}

impl Service {
    /// How long a service may take to get ready where the ottofile does not say.
    pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);
}

/// The name of a task, or `task:item`, as written; the plan finds it.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    pub(crate) task: Spanned<String>,
    pub(crate) when: When,
    pub(crate) is_on_failure: bool,
    /// What the ottofile of the task calls it, where that is not its whole name.
    pub(crate) known_as: Option<String>,
    /// It is a pattern that may reach into other files.
    pub(crate) is_pattern_of_files: bool,
    /// Its place in a list that runs in order.
    pub(crate) turn: Option<Turn>,
    pub(crate) with: Option<Box<With>>,
}

impl Edge {
    /// An edge of which nothing else is written.
    pub(crate) fn new(task: Spanned<String>, when: When) -> Edge {
        Edge {
            task,
            when,
            is_on_failure: false,
            known_as: None,
            is_pattern_of_files: false,
            turn: None,
            with: None,
        }
    }

    /// Whether it stands for a script among the steps of its task, which has no name in the document.
    pub(crate) fn is_script_of(&self, owner: &Task) -> bool {
        self.turn.is_some_and(|turn| {
            turn.list == OrderedList::Steps && self.task.value == format!("{}[{}]", owner.name, turn.place)
        })
    }
}

/// A place in one of the lists of a task that run in order. Entries with the same place run together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Turn {
    pub(crate) list: OrderedList,
    /// From 1, in the order of the document.
    pub(crate) place: usize,
}

/// Which of the lists of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum OrderedList {
    /// An `in-order` in `needs`, from 0.
    InOrder(usize),
    /// `steps`, which begin when everything in `needs` is done.
    Steps,
}

impl OrderedList {
    /// The key under which it is written.
    pub(crate) fn key(self) -> &'static str {
        match self {
            OrderedList::InOrder(_) => "in-order",
            OrderedList::Steps => "steps",
        }
    }
}

/// How a task is needed otherwise than plainly: with other values of its parameters, under another name.
#[derive(Clone, Debug)]
pub(crate) struct With {
    /// In the order of the document.
    pub(crate) values: Vec<WithValue>,
    /// The name by which its data is read.
    pub(crate) alias: Option<Spanned<String>>,
}

/// `PARAMETER: VALUE`; `${…}` is not yet resolved.
#[derive(Clone, Debug)]
pub(crate) struct WithValue {
    pub(crate) param: Spanned<String>,
    /// The scalar as spelled, or those of a list.
    pub(crate) words: Vec<Spanned<String>>,
    pub(crate) is_list: bool,
    pub(crate) span: Span,
}

/// Which outcome of the source lets the dependant run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum When {
    Success,
    /// A success of a task that was not skipped.
    Ran,
    Failure,
    Always,
}

impl When {
    /// It waits for a success of one kind or another.
    pub(crate) fn is_success(self) -> bool {
        match self {
            When::Success | When::Ran => true,
            When::Failure | When::Always => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Streaming {
    /// `streaming: true`: `$OTTO_OUTPUT_PIPE`.
    Pipe,
    /// `streaming: stdout`: its stdout flows too.
    Stdout,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Retries {
    /// Tries after the first.
    pub(crate) count: u32,
    /// Pause before the first retry.
    pub(crate) delay: Duration,
    /// Factor from one pause to the next; at least 1.
    pub(crate) backoff: f64,
    /// No try starts later than this after the first one.
    pub(crate) within: Option<Duration>,
}

/// A script as written.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) key: BodyKey,
    pub(crate) key_span: Span,
    /// The text after YAML's rules for block scalars.
    pub(crate) text: String,
    /// The place of the whole scalar.
    pub(crate) span: Span,
    /// The line of the ottofile (from 1) on which the first line of `text` stands.
    pub(crate) first_line: usize,
    /// Whether line n of `text` is line `first_line + n` of the ottofile: true for literal blocks and
    /// single-line scalars, false for folded and multi-line quoted ones.
    pub(crate) has_true_lines: bool,
}

/// Under which key the body was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKey {
    Bash,
    Python,
    /// `action`: its `#!` line chooses.
    Action,
    /// There is none: the task groups others, and its `if` is all that runs.
    Nothing,
}

#[derive(Clone, Debug)]
pub(crate) struct Param {
    pub(crate) name: ParamName,
    /// The key as written, `-m|--msg`.
    pub(crate) form_span: Span,
    pub(crate) form: ParamForm,
    pub(crate) help: Option<String>,
    /// The scalar as spelled; of a list, its words with a blank between two.
    pub(crate) default: Option<Spanned<String>>,
    /// The words of the default of a parameter that takes several.
    pub(crate) default_words: Vec<String>,
    /// A command that prints the default; run only when it is needed.
    pub(crate) default_command: Option<Spanned<String>>,
    pub(crate) choices: Vec<Spanned<String>>,
    pub(crate) choices_command: Option<Spanned<String>>,
    pub(crate) count: Count,
    pub(crate) metavar: Option<String>,
    pub(crate) is_required: bool,
    /// Variable to fall back on.
    pub(crate) env: Option<Spanned<String>>,
    pub(crate) kind: ParamType,
    /// Its value is shown nowhere and kept nowhere.
    pub(crate) is_secret: bool,
}

impl Param {
    /// A parameter of which nothing is written but the form.
    pub(crate) fn new(name: ParamName, form_span: Span, form: ParamForm) -> Param {
        Param {
            name,
            form_span,
            form,
            help: None,
            default: None,
            default_words: Vec::new(),
            default_command: None,
            choices: Vec::new(),
            choices_command: None,
            count: Count::One,
            metavar: None,
            is_required: false,
            env: None,
            kind: ParamType::Str,
            is_secret: false,
        }
    }
}

impl Param {
    /// A positional that takes at least one word, and several, and has no default to take their place.
    pub(crate) fn wants_words(&self) -> bool {
        matches!(self.form, ParamForm::Positional(_))
            && self.count.takes_several()
            && !self.count.takes_none()
            && self.default.is_none()
            && self.default_command.is_none()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ParamForm {
    /// At least one of the two is there.
    Option {
        short: Option<char>,
        long: Option<String>,
    },
    Positional(String),
}

/// How many words a parameter takes (`nargs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// A flag: no word, its value is `true` or `false`.
    Flag,
    /// One word, the default.
    One,
    /// From `least` to `most` words (`None`: no limit). `?` is 0 to 1.
    Range { least: usize, most: Option<usize> },
}

impl Count {
    pub(crate) fn takes_several(self) -> bool {
        matches!(self, Count::Range { most, .. } if most != Some(1))
    }

    /// Whether an option may stand without any word, which is the empty value.
    pub(crate) fn takes_none(self) -> bool {
        matches!(self, Count::Range { least: 0, .. })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParamType {
    Str,
    Int,
    Float,
    Bool,
    Path,
}

impl ParamType {
    /// Whether a word is a value of this type.
    pub(crate) fn accepts(self, word: &str) -> bool {
        match self {
            ParamType::Str => true,
            // Digits of any number: values are handed on as they are spelled.
            ParamType::Int => {
                let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
                !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
            }
            ParamType::Float => word.parse::<f64>().is_ok_and(f64::is_finite) || ParamType::Int.accepts(word),
            ParamType::Bool => matches!(word, "true" | "false"),
            ParamType::Path => !word.is_empty(),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Foreach {
    pub(crate) span: Span,
    pub(crate) source: ForeachSource,
    /// The variable that holds the item; with `each` that of the other task, unless it is given.
    pub(crate) variable: Spanned<String>,
    pub(crate) has_own_variable: bool,
    pub(crate) is_parallel: bool,
    pub(crate) max_items: usize,
    pub(crate) jobs: Option<ForeachJobs>,
    pub(crate) is_buffered: bool,
    /// A failed job stops its further jobs from starting.
    pub(crate) is_fail_fast: bool,
    /// The field of an object that names its job.
    pub(crate) key: Option<Spanned<String>>,
}

impl Matrix {
    /// The variables that its jobs have besides that of the item.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &Spanned<String>> {
        let added = self.include.iter().flatten().map(|(name, _)| name);
        self.axes.iter().map(|axis| &axis.name).chain(added)
    }
}

#[derive(Clone, Debug)]
pub(crate) enum ForeachSource {
    /// Scalars as spelled.
    Items(Vec<Spanned<String>>),
    Glob(Spanned<String>),
    /// Inclusive, `first <= last`.
    Range {
        first: i64,
        last: i64,
        span: Span,
    },
    Command(Spanned<String>),
    /// A value of another task.
    From(DataPath),
    /// The items of another foreach task; each job needs that of its own item.
    Each(Spanned<String>),
    Matrix(Box<Matrix>),
}

impl ForeachSource {
    /// The values that tell the items.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &DataPath> {
        let (own, axes): (_, &[Axis]) = match self {
            ForeachSource::From(path) => (Some(path), &[]),
            ForeachSource::Matrix(matrix) => (None, &matrix.axes),
            ForeachSource::Items(_)
            | ForeachSource::Glob(_)
            | ForeachSource::Range { .. }
            | ForeachSource::Command(_)
            | ForeachSource::Each(_) => (None, &[]),
        };
        own.into_iter().chain(axes.iter().filter_map(|axis| match &axis.values {
            AxisValues::Listed(_) => None,
            AxisValues::From(path) => Some(path),
        }))
    }

    /// The same, to be changed.
    pub(crate) fn paths_mut<'m>(&'m mut self) -> Vec<&'m mut DataPath> {
        match self {
            ForeachSource::From(path) => vec![path],
            ForeachSource::Matrix(matrix) => {
                let of_axis = |axis: &'m mut Axis| match &mut axis.values {
                    AxisValues::Listed(_) => None,
                    AxisValues::From(path) => Some(path),
                };
                matrix.axes.iter_mut().filter_map(of_axis).collect()
            }
            ForeachSource::Items(_)
            | ForeachSource::Glob(_)
            | ForeachSource::Range { .. }
            | ForeachSource::Command(_)
            | ForeachSource::Each(_) => Vec::new(),
        }
    }

    /// The names of the tasks that tell the items.
    pub(crate) fn tasks_mut(&mut self) -> Vec<&mut String> {
        match self {
            ForeachSource::Each(task) => vec![&mut task.value],
            other => other.paths_mut().into_iter().map(|path| &mut path.task).collect(),
        }
    }
}

/// `task.key`, where `key` may lead further into the value. Names of tasks and keys may have dots in them.
#[derive(Clone, Debug)]
pub(crate) struct DataPath {
    pub(crate) text: Spanned<String>,
    /// The name of the task.
    pub(crate) task: String,
    pub(crate) key: String,
    /// The task may be one of another file: what it is shows when that has been read.
    pub(crate) is_of_files: bool,
}

/// The combinations of several lists.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    pub(crate) axes: Vec<Axis>,
    pub(crate) exclude: Vec<Combination>,
    pub(crate) include: Vec<Combination>,
}

#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub(crate) name: Spanned<String>,
    pub(crate) values: AxisValues,
}

#[derive(Clone, Debug)]
pub(crate) enum AxisValues {
    /// Scalars as spelled.
    Listed(Vec<Spanned<String>>),
    From(DataPath),
}

/// Names with values, as spelled.
pub(crate) type Combination = Vec<(Spanned<String>, String)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForeachJobs {
    /// No limit, regardless of `-j`.
    All,
    /// At most so many at a time.
    Most(usize),
}

/// What an item is called in `task:item`: its text, with blanks and control characters as `_`.
pub(crate) fn item_name(item: &str) -> String {
    item.chars()
        .map(|character| if character.is_whitespace() || character.is_control() { '_' } else { character })
        .collect()
}

/// What a number of a range is called in `task:item`: with zeros up to the width of the range's end.
pub(crate) fn range_item_name(number: i64, last: i64) -> String {
    let width = last.to_string().len();
    format!("{number:0width$}")
}
