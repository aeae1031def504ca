//! What this command line asks for: tasks, each with its own words, and otto's own options between them.
//! Splits words by the arity that parameters declare. Knows no environment and no defaults; whether a value is
//! one of the choices is the plan's business, for values are inherited too.

mod words;

use crate::diagnostic::{Code, Diagnostic};
use crate::name::{BUILT_INS, similar};
use crate::ottofile::Ottofile;
use crate::ottofile::parts::Address;
use crate::ottofile::spec::{Count, DefaultTasks, Param, ParamForm, Task, item_name};
use crate::source::{Sources, Span, Text};
use crate::verbatim;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use words::CommandLine;

pub(crate) use words::{PASS_ON, option_names, parse_bool, quoted};

/// The tasks that were asked for, in order, each once.
#[derive(Debug)]
pub(crate) struct Request {
    /// The texts that name the tasks, for diagnostics: the command line, or ottofiles.
    pub(crate) sources: Sources,
    pub(crate) tasks: Vec<Asked>,
}

/// A task that was named, with the values it was given.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Place in `Ottofile::tasks`.
    pub(crate) task: usize,
    /// For `task:item`, the item's name as written.
    pub(crate) item: Option<String>,
    pub(crate) span: Span,
    pub(crate) given: Vec<Given>,
    /// `--Serial`: the jobs of a foreach task one at a time.
    pub(crate) is_serial: bool,
    /// It is planned so that others are, and not run: its values are of no matter.
    pub(crate) is_only_planned: bool,
}

/// A value for a parameter, from the command line.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    /// Place in `Task::params`.
    pub(crate) param: usize,
    pub(crate) value: Argument,
    pub(crate) span: Span,
}

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Argument {
    /// Of a parameter that takes one word, or is a flag.
    Text(#[serde(with = "verbatim::one")] OsString),
    /// Of a parameter that takes several: each word as it was typed.
    Words(#[serde(with = "verbatim::list")] Vec<OsString>),
}

impl Argument {
    /// The value as one text: words with a blank between two.
    pub(crate) fn text(&self) -> Cow<'_, OsStr> {
        match self {
            Argument::Text(text) => Cow::Borrowed(text),
            Argument::Words(words) => Cow::Owned(words.join(OsStr::new(" "))),
        }
    }

    /// The words of a parameter that takes several.
    pub(crate) fn words(&self) -> Option<&[OsString]> {
        match self {
            Argument::Text(_) => None,
            Argument::Words(words) => Some(words),
        }
    }

    /// The value as a parameter with this number of words takes it. One text is one word.
    pub(crate) fn taken_as(self, count: Count) -> Argument {
        match (self, count.takes_several()) {
            (Argument::Text(text), true) => Argument::Words(vec![text]),
            (Argument::Words(words), false) => Argument::Text(words.join(OsStr::new(" "))),
            (same, _) => same,
        }
    }
}

/// What a word list came to.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// Run these; the words are otto's own options that stood among the tasks. The notes say where words could have been
    /// read in another way too.
    Run { request: Request, options: Vec<OsString>, notes: Vec<String> },
    /// The words cannot be understood before these namespaces are read.
    Unread(BTreeSet<usize>),
    /// These words name tasks of an ottofile further up, if one includes this one.
    OfRoot(BTreeSet<String>),
    /// Nothing is named, and there are no default tasks.
    List,
    /// Nothing is named, and there are no tasks.
    GeneralHelp,
    /// A namespace alone, which has no default tasks.
    Namespace(String),
    /// Show the help of this task (place in `Ottofile::tasks`).
    Help { task: usize },
}

/// Whether one of otto's own options takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    Value,
}

/// Reads the words that follow otto's leading options.
///
/// `option` tells, for a `-x` or `--long` without its value, whether it is one of otto's own. `program` is shown
/// in front of the words in diagnostics.
pub(crate) fn parse(
    words: &[OsString],
    ottofile: &Ottofile,
    option: &dyn Fn(&str) -> Option<Takes>,
) -> Result<Parsed, Vec<Diagnostic>> {
    let line = CommandLine::new(words);
    let mut reader = RequestReader {
        line: &line,
        ottofile,
        option,
        place: 0,
        options: Vec::new(),
        diagnostics: Vec::new(),
        notes: Vec::new(),
        help: None,
        namespace: None,
    };
    let tasks = reader.tasks();
    let words::Missing { unread, of_root } = line.missing();
    if !of_root.is_empty() {
        return Ok(Parsed::OfRoot(of_root));
    }
    if !unread.is_empty() {
        return Ok(Parsed::Unread(unread));
    }
    if let Some(namespace) = reader.namespace {
        return Ok(Parsed::Namespace(namespace));
    }
    if let Some(task) = reader.help
        && reader.diagnostics.is_empty()
    {
        return Ok(Parsed::Help { task });
    }
    let (options, notes) = (reader.options, reader.notes);
    let mut diagnostics = reader.diagnostics;
    let sources = Sources::new(line.source.clone());
    let tasks = merge(tasks, ottofile, &sources, &mut diagnostics);
    if diagnostics.is_empty() {
        Ok(Parsed::Run { request: Request { sources, tasks }, options, notes })
    } else {
        Err(diagnostics)
    }
}

/// The request that names these tasks without any values, as the default tasks of an ottofile do.
pub(crate) fn of_names(
    names: &[(String, Span)],
    sources: &Sources,
    ottofile: &Ottofile,
) -> Result<Request, Vec<Diagnostic>> {
    let mut diagnostics = Vec::new();
    let mut tasks = Vec::new();
    for (name, span) in names {
        match find(ottofile, name) {
            Some((task, item)) => tasks.push(Asked {
                task,
                item,
                span: *span,
                given: Vec::new(),
                is_serial: false,
                is_only_planned: false,
            }),
            None => diagnostics.push(unknown_task(ottofile, name, sources, *span)),
        }
    }
    let tasks = merge(tasks, ottofile, sources, &mut diagnostics);
    if diagnostics.is_empty() { Ok(Request { sources: sources.clone(), tasks }) } else { Err(diagnostics) }
}

/// A task by name, or a foreach task by the name of one of its jobs. The longest task name wins, so that a task
/// called `build:x86` is found before the item `x86` of `build`. The item's own text will do for its name.
pub(crate) fn find(ottofile: &Ottofile, word: &str) -> Option<(usize, Option<String>)> {
    if let Some(task) = ottofile.position(word) {
        return Some((task, None));
    }
    word.match_indices(':').rev().find_map(|(colon, _)| {
        let task = ottofile.position(&word[..colon])?;
        ottofile.tasks[task].foreach.as_ref()?;
        Some((task, Some(item_name(&word[colon + 1..]))))
    })
}

/// Options that a task does not declare, but those that run after it do: they are handed on to these. The places of the
/// task and of its parameter.
pub(crate) fn handed_on(ottofile: &Ottofile, task: &Task) -> Vec<(usize, usize)> {
    let mut taken: Vec<String> = task.params.iter().flat_map(option_names).collect();
    let mut found = Vec::new();
    for (target, _) in task.after.iter().filter_map(|edge| find(ottofile, &edge.task.value)) {
        for (place, param) in ottofile.tasks[target].params.iter().enumerate() {
            let names = option_names(param);
            if names.iter().any(|name| !taken.contains(name)) {
                found.push((target, place));
                taken.extend(names);
            }
        }
    }
    found
}

/// The nearest of the tasks that a task depends on, directly or through others, that has an option of this name.
fn option_of_needed<'o>(ottofile: &'o Ottofile, task: &Task, name: &str) -> Option<(&'o Task, &'o Param)> {
    let mut seen = vec![ottofile.position(task.name.as_str())?];
    let mut next = 0;
    while let Some(place) = seen.get(next).copied() {
        next += 1;
        let needed = ottofile.tasks[place].before.iter().filter_map(|edge| find(ottofile, &edge.task.value));
        for (other, _) in needed {
            if seen.contains(&other) {
                continue;
            }
            let other_task = &ottofile.tasks[other];
            let has_name = |param: &&Param| option_names(param).iter().any(|option| option == name);
            if let Some(param) = other_task.params.iter().find(has_name) {
                return Some((other_task, param));
            }
            seen.push(other);
        }
    }
    None
}

/// The form of the command line.
pub(crate) const USAGE: &str = "otto [OPTIONS] [TASK [ARGS]]...";

/// `otto deploy [OPTIONS] <env> [files]...`
pub(crate) fn usage(task: &Task) -> String {
    let takes_options = task.params.iter().any(|param| matches!(param.form, ParamForm::Option { .. }));
    let mut usage = format!("otto {}", task.name);
    if takes_options || task.foreach.is_some() {
        usage.push_str(" [OPTIONS]");
    }
    for param in &task.params {
        if let ParamForm::Positional(name) = &param.form {
            usage = format!("{usage} {}", positional(name, param));
        }
    }
    usage
}

/// `<env>` if it must be given, `[env]` if not, with `...` for several words.
pub(crate) fn positional(name: &str, param: &Param) -> String {
    let shown = param.metavar.as_deref().unwrap_or(name);
    let shown =
        if param.is_required || param.wants_words() { format!("<{shown}>") } else { format!("[{shown}]") };
    let dots = matches!(param.count, Count::Range { most, .. } if most != Some(1));
    if dots { format!("{shown}...") } else { shown }
}

pub(crate) fn unknown_task(ottofile: &Ottofile, word: &str, text: &impl Text, span: Span) -> Diagnostic {
    let namespaces = ottofile.namespaces.list().iter().map(|namespace| namespace.name.as_str());
    let named = ottofile.written_tasks().map(|task| task.name.as_str()).chain(namespaces);
    let named: Vec<String> = named.map(|name| ottofile.shown_name(name).into_owned()).collect();
    let near = similar(word, named.iter().map(String::as_str).chain(BUILT_INS.iter().copied()), 3);
    let file = ottofile.sources.file(ottofile.file_of(&ottofile.whole_name(word)));
    let diagnostic = Diagnostic::error(Code::UnknownTask, format!("unknown task `{word}`"))
        .at(text, span, format!("not in {}", file.name()))
        .usage(USAGE);
    let whole = word.split_once('[').map(|(name, _)| ottofile.whole_name(name).into_owned());
    if let Some(task) = whole.and_then(|name| ottofile.task(&name)) {
        let repeat = format!("to repeat one of its jobs: `otto Rerun RUN '{word}'`");
        let name = ottofile.shown_name(task.name.as_str());
        return diagnostic.help(format!("run its task: `otto {name}`")).help(repeat);
    }
    let diagnostic = diagnostic.did_you_mean(&near);
    if word.starts_with('/') && ottofile.namespaces.is_empty() {
        return diagnostic.help("`/` means the topmost ottofile that includes this one, if there is one");
    }
    if near.is_empty() { diagnostic.help("`otto List` lists all tasks") } else { diagnostic }
}

/// A task that runs after the one whose words are read; where it was first given a value; what takes its words.
type Follower<'a> = (usize, Option<Span>, words::Taker<'a>);

struct RequestReader<'a> {
    line: &'a CommandLine,
    ottofile: &'a Ottofile,
    option: &'a dyn Fn(&str) -> Option<Takes>,
    place: usize,
    options: Vec<OsString>,
    diagnostics: Vec<Diagnostic>,
    notes: Vec<String>,
    help: Option<usize>,
    /// The only word is a namespace without default tasks.
    namespace: Option<String>,
}

impl RequestReader<'_> {
    fn tasks(&mut self) -> Vec<Asked> {
        let mut tasks: Vec<Asked> = Vec::new();
        let mut only_names = false;
        while self.place < self.line.words.len() {
            let text = self.line.text(self.place);
            if !only_names && text == "--" {
                only_names = true;
                self.place += 1;
            } else if !only_names && text.starts_with('-') && text.len() > 1 {
                // Options between tasks belong to the task before them; these stand before the first one.
                if !self.own_option() {
                    let known = Diagnostic::error(Code::UnknownFlag, format!("unknown option `{text}`"))
                        .at(&self.line.source, self.line.span(self.place), "before the first task")
                        .help("put options of a task after its name; `otto --help` lists otto's own options")
                        .usage(USAGE);
                    self.diagnostics.push(known);
                    self.place += 1;
                }
            } else if let Some((task, item)) = self.line.find(self.ottofile, text)
                && self.ottofile.tasks[task].step_of.is_none()
            {
                let span = self.line.span(self.place);
                self.place += 1;
                let asked =
                    Asked { task, item, span, given: Vec::new(), is_serial: false, is_only_planned: false };
                let asked = self.words_of(asked);
                tasks.extend(asked);
            } else if let Some(Address::Namespace(namespace)) =
                self.ottofile.named(&self.ottofile.whole_name(text.trim_end_matches('/')))
            {
                let Some(defaults) = self.defaults(namespace) else { break };
                tasks.extend(defaults);
                self.place += 1;
            } else if self.ottofile.namespaces.inside(&self.level_at_place()).next().is_some() {
                self.no_defaults();
                break;
            } else {
                let previous = tasks.last().map(|asked| &self.ottofile.tasks[asked.task]);
                let diagnostic = self.no_such_task(text, previous);
                self.diagnostics.push(diagnostic);
                self.place += 1;
                // What follows belongs to a task that is not there; one message is enough.
                break;
            }
        }
        tasks
    }

    /// The default tasks of a namespace that stands at the place; `None` if there are none.
    fn defaults(&mut self, namespace: usize) -> Option<Vec<Asked>> {
        let (ottofile, span) = (self.ottofile, self.line.span(self.place));
        let asked = |task: usize, item: Option<String>| Asked {
            task,
            item,
            span,
            given: Vec::new(),
            is_serial: false,
            is_only_planned: false,
        };
        let source = ottofile.source_of(namespace)?;
        match &ottofile.settings_of(source).default_tasks {
            DefaultTasks::All | DefaultTasks::Named(_) if self.is_help_asked() => {
                self.no_defaults();
                None
            }
            DefaultTasks::All => {
                let places = ottofile.tasks.iter().enumerate();
                let own = places.filter(|(_, task)| task.name_span.source == source);
                Some(own.map(|(place, _)| asked(place, None)).collect())
            }
            DefaultTasks::Named(names) => {
                let mut tasks = Vec::new();
                for name in names {
                    match find(ottofile, &name.value) {
                        Some((task, item)) => tasks.push(asked(task, item)),
                        None => {
                            self.line.note_unread(ottofile, &name.value);
                            self.diagnostics.push(ottofile.unknown_default(name));
                        }
                    }
                }
                Some(tasks)
            }
            DefaultTasks::None => {
                self.no_defaults();
                None
            }
        }
    }

    /// What the word at the place means as the name of a namespace, which completion ends with `/`.
    fn level_at_place(&self) -> String {
        self.ottofile.whole_name(self.line.text(self.place).trim_end_matches('/')).into_owned()
    }

    /// The word at the place is a namespace that has nothing to run: its tasks are listed if nothing else is asked for.
    fn no_defaults(&mut self) {
        let text = self.line.text(self.place).to_owned();
        let level = self.level_at_place();
        if self.is_about_namespace() {
            self.namespace = Some(level);
            return;
        }
        let message = match self.ottofile.namespaces.position(&level) {
            Some(_) => format!("the namespace `{text}` has no default tasks"),
            None => format!("`{text}` is a folder of namespaces, not a task"),
        };
        let wrong = Diagnostic::error(Code::UnknownTask, message)
            .at(&self.line.source, self.line.span(self.place), "a namespace")
            .help(self.ottofile.help_on(&level, |name| self.ottofile.shown_name(name).into_owned()));
        self.diagnostics.push(wrong);
    }

    fn is_help_asked(&self) -> bool {
        self.line.words.len() > 1 && self.is_about_namespace()
    }

    /// Whether nothing but the namespace at the place is asked for, or help on it.
    fn is_about_namespace(&self) -> bool {
        let rest = &self.line.words[self.place + 1..];
        self.place == 0 && rest.iter().all(|word| word == "-h" || word == "--help")
    }

    fn no_such_task(&self, text: &str, previous: Option<&Task>) -> Diagnostic {
        let (source, span) = (&self.line.source, self.line.span(self.place));
        if BUILT_INS.contains(&text) {
            let task = previous.map_or("a task", |task| task.name.as_str());
            return Diagnostic::error(
                Code::BuiltInMixed,
                format!("the built-in command `{text}` cannot be combined with the task `{task}`"),
            )
            .at(source, span, "a built-in command must be used alone")
            .help(format!("run `otto {text}` by itself"));
        }
        match previous {
            None => unknown_task(self.ottofile, text, source, span),
            Some(task) => {
                let takes_none =
                    task.params.iter().all(|param| !matches!(param.form, ParamForm::Positional(_)));
                let why = if takes_none {
                    "it takes no positional arguments"
                } else {
                    "all its positional parameters already have a value"
                };
                let known = self.ottofile.written_tasks().map(|task| task.name.as_str());
                Diagnostic::error(
                    Code::UnexpectedWord,
                    format!("`{text}` is neither a task nor an argument of `{}`", task.name),
                )
                .at(source, span, why)
                .did_you_mean(&similar(text, known, 3))
                .help(format!("see `otto {} --help`", task.name))
                .help(words::PASS_ON)
                .usage(usage(task))
            }
        }
    }

    /// Takes one of otto's own options with its value; false if it is none.
    fn own_option(&mut self) -> bool {
        let text = self.line.text(self.place);
        let (name, has_value) = match text.split_once('=') {
            Some((name, _)) if text.starts_with("--") => (name, true),
            _ => (text, false),
        };
        let found = match (self.option)(name) {
            Some(takes) => Some((takes, has_value)),
            // `-j4`: a short option with its value attached.
            None if !text.starts_with("--") && text.is_char_boundary(2) => {
                (self.option)(&text[..2]).map(|takes| (takes, true))
            }
            None => None,
        };
        let Some((takes, has_value)) = found else { return false };
        self.options.push(self.line.words[self.place].clone());
        self.place += 1;
        if takes == Takes::Value && !has_value && self.place < self.line.words.len() {
            self.options.push(self.line.words[self.place].clone());
            self.place += 1;
        }
        true
    }

    /// Takes the words that belong to one task.
    fn words_of(&mut self, mut asked: Asked) -> Vec<Asked> {
        let ottofile = self.ottofile;
        let task = &ottofile.tasks[asked.task];
        let mut taker = words::Taker::new(self.line, task, self.ottofile);
        let mut followers = self.followers(task);
        let first = self.place;
        while self.place < self.line.words.len() {
            let text = self.line.text(self.place);
            let is_option = text.starts_with('-') && text.len() > 1 && text != "--";
            let passes_on = taker.passes_on();
            // `-h` with more behind it is a word, as in `psql -h localhost`.
            let is_last = self.place + 1 == self.line.words.len();
            let asks_for_help = text == "--help" || text == "-h" && is_last;
            if passes_on && asks_for_help && taker.has_no_words() {
                self.help = Some(asked.task);
                self.place += 1;
            } else if text == "--" {
                // The one directly behind the name is otto's; a later one is a word like others, for tasks that take any.
                if passes_on && self.place > first {
                    self.place = taker.pass_on(self.place);
                } else {
                    self.place += 1;
                }
                while self.place < self.line.words.len() && !taker.is_full_list() {
                    self.place = taker.word_after_dashes(self.place, &mut self.diagnostics);
                }
            } else if is_option && !taker.takes_as_number(text) {
                if let Some(next) = taker.option(self.place, &mut self.diagnostics) {
                    self.place = next;
                } else if text == "--Serial" && task.foreach.is_some() {
                    asked.is_serial = true;
                    self.place += 1;
                } else if passes_on {
                    self.place = taker.pass_on(self.place);
                } else if text == "-h" || text == "--help" {
                    self.help = Some(asked.task);
                    self.place += 1;
                } else if let Some(next) = self.option_of_follower(&mut followers) {
                    self.place = next;
                } else if self.own_option() {
                    let name = text.split('=').next().unwrap_or(text);
                    if taker.has_room() {
                        self.notes.push(format!(
                            "`{text}` is read as an option of otto; to pass it to `{0}`: `otto {0} -- {text}`",
                            task.name
                        ));
                    } else if let Some((other, param)) = option_of_needed(ottofile, task, name) {
                        let value = if param.count == Count::Flag { "" } else { " VALUE" };
                        self.notes.push(format!(
                            "`{name}` is read as an option of otto; `{0}` has one too: `otto {0} {name}{value} {1}`",
                            other.name, task.name
                        ));
                    }
                } else {
                    let diagnostic = taker.unknown_option(self.place);
                    self.diagnostics.push(diagnostic);
                    self.place += 1;
                    // What follows was probably meant as its value; one message is enough.
                    let is_value =
                        |text: &str| !text.starts_with('-') && self.line.find(ottofile, text).is_none();
                    if self.place < self.line.words.len() && is_value(self.line.text(self.place)) {
                        self.place += 1;
                    }
                }
            } else if let Some(next) = taker.positional(self.place) {
                self.place = next;
            } else {
                break;
            }
        }
        self.notes.append(&mut taker.notes);
        asked.given = taker.finish(&mut self.diagnostics);
        let mut all = vec![asked];
        for (task, span, taker) in followers {
            let given = taker.finish(&mut self.diagnostics);
            if let Some(span) = span {
                all.push(Asked { task, item: None, span, given, is_serial: false, is_only_planned: false });
            }
        }
        all
    }

    /// The tasks that run after this one, each with what would take its words.
    fn followers<'b>(&self, task: &'b Task) -> Vec<Follower<'b>>
    where
        Self: 'b,
    {
        let targets = task.after.iter().filter_map(|edge| find(self.ottofile, &edge.task.value));
        let with_taker = |(target, _): (usize, Option<String>)| {
            (target, None, words::Taker::new(self.line, &self.ottofile.tasks[target], self.ottofile))
        };
        targets.map(with_taker).collect()
    }

    /// An option that the task does not declare, but one of those that run after it: `otto cov --fail-under 60`,
    /// where `cov` has `after: [cov-report]` and that one declares `--fail-under`.
    fn option_of_follower(&mut self, followers: &mut [Follower]) -> Option<usize> {
        let (place, span) = (self.place, self.line.span(self.place));
        followers.iter_mut().find_map(|(_, asked_at, taker)| {
            let next = taker.option(place, &mut self.diagnostics)?;
            asked_at.get_or_insert(span);
            Some(next)
        })
    }
}

/// A task that is named twice is run once, with the values of both; two different values for one parameter
/// are an error.
fn merge(
    tasks: Vec<Asked>,
    ottofile: &Ottofile,
    sources: &Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Asked> {
    let mut merged: Vec<Asked> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for asked in tasks {
        let place = *places.entry((asked.task, asked.item.clone())).or_insert(merged.len());
        if place == merged.len() {
            merged.push(asked);
            continue;
        }
        let first = &mut merged[place];
        first.is_serial |= asked.is_serial;
        for given in asked.given {
            match first.given.iter().find(|earlier| earlier.param == given.param) {
                None => first.given.push(given),
                Some(earlier) if earlier.value == given.value => {}
                Some(earlier) => {
                    let task = &ottofile.tasks[first.task];
                    let name = &task.params[given.param].name;
                    diagnostics.push(
                        Diagnostic::error(
                            Code::ParamConflict,
                            format!("`{}` is requested twice with different values of `{name}`", task.name),
                        )
                        .at(sources, given.span, "the second value")
                        .at(sources, earlier.span, "the first value")
                        .note("a task runs only once per run"),
                    );
                }
            }
        }
    }
    merged
}
