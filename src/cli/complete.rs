//! What may come next on the command line. Spawns nothing and writes nothing; what it cannot find out it leaves out.
//!
//! The answer is text for the scripts of `Completions`: a line with its kind (`words`, `files`, `folders`), then
//! for `words` a line for each, the word and what it is about, with a tab between.

use super::flag;
use crate::command::{self, BuiltIn, Context};
use crate::contract::Promise;
use crate::diagnostic::Code;
use crate::history::past::{self, PastRun};
use crate::host::{self, HostFacts};
use crate::load::Loaded;
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{Count, Param, ParamForm, ParamType};
use crate::plan::expand::{Expansion, known};
use crate::request;
use crate::source::SourceId;
use crate::store::layout::{Home, ProjectDir};
use crate::view::filter::shown;
use crate::view::time;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What may come next.
#[derive(Debug, PartialEq)]
enum Candidates {
    Words(Vec<(String, String)>),
    Files,
    Folders,
}

/// Whose words are being read.
#[derive(Clone, Copy)]
enum Scope {
    Start,
    Task(usize),
    BuiltIn(&'static BuiltIn),
}

/// Whose value the next word is.
enum Waiting {
    Option(Box<clap::Arg>),
    Param { task: usize, param: usize },
}

/// `words` are those behind `otto`, the last of them the one that is being written.
pub(super) fn complete(context: &mut Context, words: &[OsString]) -> String {
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let (current, before) = words.split_last().map_or(("", &[][..]), |(last, rest)| (last.as_str(), rest));
    let mut reader = LineReader {
        context,
        file: None,
        is_loaded: false,
        place: Scope::Start,
        waiting: None,
        is_after_dashes: false,
        positionals: 0,
    };
    before.iter().for_each(|word| reader.take(word));
    match reader.answer(current) {
        Candidates::Files => "files\n".to_owned(),
        Candidates::Folders => "folders\n".to_owned(),
        Candidates::Words(words) => {
            let mut text = "words\n".to_owned();
            for (word, about) in words.iter().filter(|(word, _)| word.starts_with(current)) {
                // A word with a tab or a newline could not be told from two.
                if !word.contains(char::is_control) {
                    text.push_str(&format!("{word}\t{}\n", shown(about.lines().next().unwrap_or(""))));
                }
            }
            text
        }
    }
}

struct LineReader<'r, 'c> {
    context: &'r mut Context<'c>,
    file: Option<Loaded>,
    is_loaded: bool,
    place: Scope,
    waiting: Option<Waiting>,
    is_after_dashes: bool,
    /// Words that the task or the built-in has taken for itself.
    positionals: usize,
}

impl LineReader<'_, '_> {
    /// The ottofile, read when it is first needed: `-o` and `-C` stand before tasks.
    fn ottofile(&mut self) -> Option<&Ottofile> {
        if !self.is_loaded {
            self.is_loaded = true;
            self.file = self.context.read().ok();
        }
        self.file.as_ref().map(|file| &file.ottofile)
    }

    /// A word that is complete.
    fn take(&mut self, word: &str) {
        match self.waiting.take() {
            Some(Waiting::Option(argument)) => return self.set(&argument, word),
            Some(Waiting::Param { .. }) => return,
            None => {}
        }
        if word == "--" && !self.is_after_dashes {
            self.is_after_dashes = true;
            return;
        }
        let is_option = word.starts_with('-') && word.len() > 1 && !self.is_after_dashes;
        if self.passes_on() && !(is_option && self.is_own(word)) {
            self.positionals += 1;
            return;
        }
        if is_option {
            let (name, value) =
                word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
            match (self.waiter(name), value) {
                (Some(Waiting::Option(argument)), Some(value)) => self.set(&argument, value),
                // What may only stand behind a `=` takes no word.
                (Some(Waiting::Option(argument)), None) if argument.is_require_equals_set() => {}
                (waiting, None) => self.waiting = waiting,
                (Some(Waiting::Param { .. }) | None, Some(_)) => {}
            }
            return;
        }
        if let Scope::BuiltIn(_) = self.place {
            self.positionals += 1;
            return;
        }
        if let Scope::Start = self.place
            && let Some(built_in) = command::find(word.as_ref())
        {
            self.place = Scope::BuiltIn(built_in);
            return;
        }
        self.ottofile();
        // A file that cannot be read has no tasks to complete.
        let task = self.file.as_mut().and_then(|file| file.find(word).ok().flatten());
        match task {
            Some(task) if !self.is_after_dashes => {
                self.place = Scope::Task(task);
                self.positionals = 0;
            }
            Some(_) | None => self.positionals += 1,
        }
    }

    /// Whether every word that is not an option of the task goes to a parameter of it that takes several.
    fn passes_on(&mut self) -> bool {
        let Scope::Task(task) = self.place else { return false };
        let Some(first) = self.waiting_positional(task) else { return false };
        let Some(ottofile) = self.ottofile() else { return false };
        ottofile.tasks[task].params[first..]
            .iter()
            .any(|param| matches!(param.form, ParamForm::Positional(_)) && param.count.takes_several())
    }

    /// Whether the task, or one that it hands it on to, declares this option.
    fn is_own(&mut self, word: &str) -> bool {
        let name = word.split('=').next().unwrap_or(word);
        let Scope::Task(task) = self.place else { return false };
        let Some(ottofile) = self.ottofile() else { return false };
        let task = &ottofile.tasks[task];
        let handed_on = request::handed_on(ottofile, task);
        let handed_on = handed_on.iter().map(|(task, param)| &ottofile.tasks[*task].params[*param]);
        task.params
            .iter()
            .chain(handed_on)
            .any(|param| request::option_names(param).iter().any(|own| own == name))
    }

    fn set(&mut self, argument: &clap::Arg, value: &str) {
        // The shell has not put the home in its place yet.
        let below_home = value.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let path = match below_home.zip(self.context.environment.filled("HOME")) {
            Some((rest, home)) => Path::new(home).join(rest.trim_start_matches('/')),
            None => PathBuf::from(value),
        };
        match argument.get_id().as_str() {
            "ottofile" => self.context.ottofile = Some(path.into()),
            "cwd" => self.context.cwd = host::normal(&self.context.cwd.join(path)),
            _ => {}
        }
    }

    /// What waits for a value behind this option.
    fn waiter(&mut self, name: &str) -> Option<Waiting> {
        if let Scope::Task(task) = self.place {
            let ottofile = self.ottofile()?;
            let own = (0..ottofile.tasks[task].params.len()).map(|param| (task, param));
            let mut all = own.chain(request::handed_on(ottofile, &ottofile.tasks[task]));
            let is_meant = |param: &Param| request::option_names(param).iter().any(|own| own == name);
            if let Some((task, param)) =
                all.find(|(task, param)| is_meant(&ottofile.tasks[*task].params[*param]))
            {
                let takes_value = ottofile.tasks[task].params[param].count != Count::Flag;
                return takes_value.then_some(Waiting::Param { task, param });
            }
        }
        let arguments = self.options().into_iter();
        let argument = arguments
            .filter(|argument| argument.get_action().takes_values())
            .find(|argument| is_named(argument, name));
        argument.map(|argument| Waiting::Option(Box::new(argument)))
    }

    /// The options that otto or the built-in declares.
    fn options(&self) -> Vec<clap::Arg> {
        match self.place {
            Scope::BuiltIn(built_in) => {
                let own = (built_in.command)();
                let own = own.get_arguments().filter(|argument| !argument.is_positional()).cloned();
                own.chain(flag::everywhere()).collect()
            }
            Scope::Start | Scope::Task(_) => flag::command().get_arguments().cloned().collect(),
        }
    }

    fn answer(&mut self, current: &str) -> Candidates {
        match self.waiting.take() {
            Some(Waiting::Option(argument)) => return self.values(&argument, current),
            Some(Waiting::Param { task, param }) => return self.choices(task, param),
            None => {}
        }
        if current.starts_with('-') && !self.is_after_dashes {
            if let Some((name, _)) = current.split_once('=') {
                let answer = match self.waiter(name) {
                    Some(Waiting::Option(argument)) => self.values(&argument, current),
                    Some(Waiting::Param { task, param }) => self.choices(task, param),
                    None => Candidates::Words(Vec::new()),
                };
                return match answer {
                    Candidates::Words(words) => Candidates::Words(
                        words.into_iter().map(|(word, about)| (format!("{name}={word}"), about)).collect(),
                    ),
                    other => other,
                };
            }
            return Candidates::Words(self.option_words());
        }
        match self.place {
            Scope::BuiltIn(built_in) => {
                let command = (built_in.command)();
                let mut positionals = command.get_positionals();
                let last = command.get_positionals().last().filter(|last| takes_many(last));
                match positionals.nth(self.positionals).or(last) {
                    Some(argument) => self.values(argument, current),
                    None => Candidates::Words(Vec::new()),
                }
            }
            Scope::Task(task) => {
                let waiting = self.waiting_positional(task);
                let own = waiting.map_or(Candidates::Words(Vec::new()), |param| self.choices(task, param));
                match own {
                    Candidates::Words(mut words) => {
                        if !self.is_after_dashes && !self.passes_on() {
                            words.extend(self.tasks(current));
                        }
                        Candidates::Words(words)
                    }
                    other => other,
                }
            }
            Scope::Start => {
                let mut words = self.tasks(current);
                words.extend(
                    command::TABLE
                        .iter()
                        .map(|built_in| (built_in.name.to_owned(), built_in.about.to_owned())),
                );
                Candidates::Words(words)
            }
        }
    }

    /// The positional parameter of a task that the next word would go to.
    fn waiting_positional(&mut self, task: usize) -> Option<usize> {
        let taken = self.positionals;
        let params = &self.ottofile()?.tasks[task].params;
        let positionals =
            params.iter().enumerate().filter(|(_, param)| matches!(param.form, ParamForm::Positional(_)));
        let mut before = 0;
        for (place, param) in positionals {
            let most = match param.count {
                Count::Flag => Some(0),
                Count::One => Some(1),
                Count::Range { most, .. } => most,
            };
            match most {
                Some(most) if taken >= before + most => before += most,
                Some(_) | None => return Some(place),
            }
        }
        None
    }

    fn option_words(&mut self) -> Vec<(String, String)> {
        let mut words = Vec::new();
        if let Scope::Task(task) = self.place
            && let Some(ottofile) = self.ottofile()
        {
            let task = &ottofile.tasks[task];
            let handed_on = request::handed_on(ottofile, task);
            let handed_on = handed_on.iter().map(|(task, param)| &ottofile.tasks[*task].params[*param]);
            for param in task.params.iter().chain(handed_on) {
                let about = param.help.clone().unwrap_or_default();
                let names = request::option_names(param).into_iter();
                words.extend(names.map(|name| (name, about.clone())));
            }
            if task.foreach.is_some() {
                words.push(("--Serial".to_owned(), "one item at a time".to_owned()));
            }
        }
        // Behind a task that takes any word they would be words.
        let of_otto = if self.passes_on() { Vec::new() } else { self.options() };
        for argument in of_otto.iter().filter(|argument| !argument.is_hide_set()) {
            if let Some(long) = argument.get_long() {
                let about = argument.get_help().map(ToString::to_string).unwrap_or_default();
                let name = format!("--{long}");
                if words.iter().all(|(known, _)| *known != name) {
                    words.push((name, about));
                }
            }
        }
        words
    }

    /// Values of an option or a word that clap declares: those that it lists, or what the name of its value stands
    /// for.
    fn values(&mut self, argument: &clap::Arg, current: &str) -> Candidates {
        let listed = argument.get_possible_values();
        if !listed.is_empty() {
            let words = listed.iter().filter(|value| !value.is_hide_set()).map(|value| {
                (value.get_name().to_owned(), value.get_help().map(ToString::to_string).unwrap_or_default())
            });
            return Candidates::Words(words.collect());
        }
        let named =
            argument.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str());
        let plain = |words: &[&str]| {
            Candidates::Words(words.iter().map(|word| ((*word).to_owned(), String::new())).collect())
        };
        match named {
            "FILE" => Candidates::Files,
            "DIR" => Candidates::Folders,
            "MODE" => plain(crate::view::console::Display::WORDS),
            "WHEN" => plain(crate::view::style::ColourChoice::WORDS),
            "CODE" => {
                let codes = Code::ALL.iter().map(|code| (code.to_string(), code.title().to_owned()));
                Candidates::Words(codes.collect())
            }
            "TASK" => Candidates::Words(self.tasks(current)),
            "RUN" => Candidates::Words(self.runs()),
            "RUN|TASK" => {
                let mut words = self.tasks(current);
                words.extend(self.runs());
                Candidates::Words(words)
            }
            "TASK.KEY=VALUE" | "TASK.KEY=JSON" => {
                // What a rerun may change is a key that was set, or that the ottofile declares.
                let keys = self.keys().into_iter().filter(|(word, _)| word.contains('.'));
                let mut words: Vec<(String, String)> = keys.collect();
                for (word, about) in self.declared_keys() {
                    if words.iter().all(|(known, _)| *known != word) {
                        words.push((word, about));
                    }
                }
                Candidates::Words(words.into_iter().map(|(word, about)| (word + "=", about)).collect())
            }
            "RUN|TASK.KEY" => {
                let mut words = self.keys();
                words.extend(self.runs());
                if self.positionals == 0 {
                    words.extend([
                        ("diff".to_owned(), "compare the values of two runs".to_owned()),
                        ("why".to_owned(), "trace a value".to_owned()),
                        ("contract".to_owned(), "infer the `outputs` of a task".to_owned()),
                    ]);
                }
                Candidates::Words(words)
            }
            _ => Candidates::Words(Vec::new()),
        }
    }

    fn choices(&mut self, task: usize, param: usize) -> Candidates {
        let Some(ottofile) = self.ottofile() else { return Candidates::Words(Vec::new()) };
        let param: &Param = &ottofile.tasks[task].params[param];
        let word = |word: &str| (word.to_owned(), String::new());
        match param.kind {
            _ if !param.choices.is_empty() => {
                Candidates::Words(param.choices.iter().map(|choice| word(&choice.value)).collect())
            }
            ParamType::Bool => Candidates::Words(vec![word("true"), word("false")]),
            ParamType::Path => Candidates::Files,
            ParamType::Str | ParamType::Int | ParamType::Float => Candidates::Words(Vec::new()),
        }
    }

    /// Tasks, and of a foreach task that is written out already, its jobs.
    fn tasks(&mut self, current: &str) -> Vec<(String, String)> {
        if self.ottofile().is_none() {
            return Vec::new();
        }
        let Some(file) = &mut self.file else { return Vec::new() };
        // Level by level: what is inside a namespace is read when the word has come that far.
        let level = current.rfind('/').map_or("", |slash| &current[..slash]);
        file.read_level(current, level);
        let Loaded { found, ottofile, .. } = &*file;
        // The tasks of a file are offered once the word has come as far as its namespace.
        let is_reached = |source: SourceId| {
            let namespace = ottofile.shown_name(ottofile.namespace(source));
            let rest = level.strip_prefix(&*namespace);
            source == SourceId::default()
                || source == ottofile.base()
                || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let facts = HostFacts {
            environment: &self.context.environment,
            folder: found.folder(),
            may_run_commands: false,
        };
        let mut recorded = None;
        let mut words: Vec<(String, String)> =
            file.level(level).into_iter().map(|word| (word, String::new())).collect();
        for task in ottofile.tasks.iter().filter(|task| !task.is_hidden) {
            let source = task.name_span.source;
            if !is_reached(source) {
                continue;
            }
            let name = ottofile.shown_name(task.name.as_str());
            let help = task.help.clone().unwrap_or_default();
            let about = task.help.clone().unwrap_or_else(|| name.to_string());
            let prefix = format!("{name}:");
            words.push((name.into_owned(), help));
            let aliases = ottofile.aliases_of(task);
            words.extend(aliases.map(|alias| (ottofile.shown_name(&alias).into_owned(), about.clone())));
            if task.foreach.is_none() || !current.starts_with(&prefix) {
                continue;
            }
            match known(ottofile, task, &facts) {
                Ok(Expansion::Items(items)) => {
                    words.extend(items.iter().map(|item| (format!("{prefix}{}", item.name), String::new())));
                }
                Ok(Expansion::Awaited | Expansion::Unknown) => {
                    recorded = Some((prefix, task.name.as_str().to_owned()));
                }
                Err(_) => {}
            }
        }
        if let Some((prefix, task)) = recorded {
            words.extend(self.recorded_items(&task).map(|item| (format!("{prefix}{item}"), String::new())));
        }
        words
    }

    /// The items that a foreach task had in the last run that knew any.
    fn recorded_items(&mut self, task: &str) -> impl Iterator<Item = String> + use<> {
        const MOST_RUNS: usize = 10;
        let Some(project) = self.project() else { return Vec::new().into_iter() };
        let runs = past::list(&project).into_iter().rev().take(MOST_RUNS);
        let items = |run: PastRun| {
            let jobs =
                run.state.jobs.iter().filter(|job| job.planned.task.as_str() == task && job.planned.has_body);
            let item = |name: &str| Some(name.strip_prefix(task)?.strip_prefix(':')?.to_owned());
            jobs.filter_map(|job| item(job.planned.name.as_str())).collect::<Vec<_>>()
        };
        let mut known = runs.filter_map(|id| PastRun::read(project.run(&id), id).ok()).map(items);
        known.find(|items| !items.is_empty()).unwrap_or_default().into_iter()
    }

    /// The newest runs of this project, by what they are called.
    fn runs(&mut self) -> Vec<(String, String)> {
        const MOST: usize = 50;
        let mut words = vec![
            ("latest".to_owned(), "the latest run".to_owned()),
            ("latest-failed".to_owned(), "the latest run that failed".to_owned()),
        ];
        let Some(project) = self.project() else { return words };
        for run in past::list(&project).iter().rev().take(MOST) {
            let when = jiff::Timestamp::from_microsecond(past::began_us(run))
                .map(|began| time::relative(began, self.context.now, &self.context.zone));
            words.push((run.short().to_owned(), when.unwrap_or_default()));
        }
        words
    }

    /// The keys that tasks declare, as `TASK.KEY`, with their types and what they are for.
    fn declared_keys(&mut self) -> Vec<(String, String)> {
        let Some(ottofile) = self.ottofile() else { return Vec::new() };
        let keys = ottofile.tasks.iter().filter(|task| task.foreach.is_none()).flat_map(|task| {
            let name = ottofile.shown_name(task.name.as_str()).into_owned();
            let declared = task.outputs.iter().flat_map(|contract| &contract.value.keys);
            declared.map(move |declared| (format!("{name}.{}", declared.name), about(&declared.promise)))
        });
        keys.collect()
    }

    /// The tasks of the latest run and, as `TASK.KEY`, what they set; with what the ottofile declares of these keys.
    fn keys(&mut self) -> Vec<(String, String)> {
        const MOST: usize = 500;
        let declared: HashMap<(String, String), String> = match self.ottofile() {
            None => HashMap::new(),
            Some(ottofile) => {
                let tasks = ottofile.tasks.iter();
                let keys = tasks.flat_map(|task| {
                    let declared = task.outputs.iter().flat_map(|contract| &contract.value.keys);
                    let key = |name: &str| (task.name.as_str().to_owned(), name.to_owned());
                    declared.map(move |declared| (key(&declared.name), about(&declared.promise)))
                });
                keys.collect()
            }
        };
        let latest = self.project().and_then(|project| {
            let id = past::list(&project).pop()?;
            PastRun::read(project.run(&id), id).ok()
        });
        let jobs = latest.iter().flat_map(|run| &run.state.jobs).filter(|job| job.planned.has_body);
        let words = jobs.flat_map(|job| {
            let name = &job.planned.name;
            let about = |key: &str| declared.get(&(job.planned.task.to_string(), key.to_owned())).cloned();
            let keys =
                job.keys.iter().map(move |key| (format!("{name}.{key}"), about(key).unwrap_or_default()));
            std::iter::once((name.to_string(), String::new())).chain(keys)
        });
        words.take(MOST).collect()
    }

    fn project(&mut self) -> Option<ProjectDir> {
        let home = Home::new(self.context.home_path()?);
        self.ottofile()?;
        let Loaded { found, .. } = self.file.as_ref()?;
        Some(home.project(found.folder()))
    }
}

/// What a declaration says of a key, in a line.
fn about(promise: &Promise) -> String {
    match promise.help.as_deref().and_then(|help| help.lines().next()) {
        Some(help) => format!("{promise}: {help}"),
        None => promise.to_string(),
    }
}

fn is_named(argument: &clap::Arg, name: &str) -> bool {
    match name.strip_prefix("--") {
        Some(long) => argument.get_long() == Some(long),
        None => name
            .strip_prefix('-')
            .is_some_and(|short| argument.get_short().is_some_and(|own| short.chars().eq([own]))),
    }
}

fn takes_many(argument: &clap::Arg) -> bool {
    argument.get_num_args().is_some_and(|range| range.max_values() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Environment;
    use insta::assert_snapshot;

    const FILE: &str = "
tasks:
  build: {help: Compile, params: {-r|--release: {default: false, help: Optimise}}, bash: x}
  deploy:
    help: Ship it
    params: {--env: {choices: [staging, prod]}, --key: {type: path}, target: {choices: [eu, us]}}
    bash: x
  each: {foreach: {items: [a, b]}, bash: x}
  secret: {hidden: true, after: [deploy], bash: x}
";

    #[test]
    fn aliases_are_words_and_what_a_task_passes_on_is_its_own() {
        let file = "
tasks:
  test: {help: Run it, aliases: [t], params: {-k: {}, --fast: {default: false}, what: {choices: [unit, all]}, rest: {nargs: '*'}}, bash: x}
  two: {params: {files: {nargs: '1:2'}}, bash: x}
";
        let asked = |words: &[&str]| asked_of(file, words);
        assert_snapshot!(asked(&["t"]), @"
        words
        test	Run it
        t	Run it
        two
        ");
        assert_snapshot!(asked(&["t", ""]), @"
        words
        unit	
        all
        ");
        assert_snapshot!(asked(&["t", "unit", "--"]), @"
        words
        --fast
        ");
        assert_snapshot!(asked(&["t", "unit", "-x", "two", ""]), @"words");
        assert_snapshot!(asked(&["two", "a", "b", ""]), @"
        words
        test	Run it
        t	Run it
        two
        ");
        assert!(asked(&["--fail-fast", ""]).starts_with("words\ntest\t"));
        assert_snapshot!(asked(&["--fail-fast="]), @"
        words
        --fail-fast=now
        ");
    }

    fn asked(words: &[&str]) -> String {
        asked_of(FILE, words)
    }

    fn asked_of(file: &str, words: &[&str]) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("otto.yml"), file).expect("an ottofile");
        std::fs::create_dir(folder.path().join("other")).expect("a folder");
        std::fs::write(folder.path().join("other/otto.yml"), "tasks: {alone: }").expect("an ottofile");
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut context = Context {
            masks: crate::mask::Masks::default(),
            environment: Environment::default(),
            cwd: folder.path().to_path_buf(),
            ottofile: None,
            is_at_root: false,
            stdout: &mut stdout,
            stderr: &mut stderr,
            colours_stdout: false,
            colours_stderr: false,
            stdout_is_terminal: false,
            width: 80,
            now: jiff::Timestamp::UNIX_EPOCH,
            zone: jiff::tz::TimeZone::UTC,
            is_json: false,
            options: flag::command,
        };
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        complete(&mut context, &words)
    }

    #[test]
    fn tasks_come_first_and_hidden_ones_not_at_all() {
        assert_snapshot!(asked(&["b"]), @"
        words
        build	Compile
        ");
        assert!(asked(&[""]).starts_with("words\nbuild\tCompile\ndeploy\tShip it\neach\t\nList\t"));
        assert_eq!(asked(&["sec"]), "words\n");
        assert_snapshot!(asked(&["Gr"]), @"
        words
        Graph	show the dependency graph
        ");
    }

    #[test]
    fn declared_outputs_are_offered_where_a_rerun_may_change_them() {
        let file = "tasks:
  build: {outputs: {version: {type: str, help: What it is called}, count: int?}, bash: x}
  each: {foreach: {items: [a]}, outputs: {rows: int}, bash: x}
  plain: {bash: x}
";
        assert_snapshot!(asked_of(file, &["Rerun", "latest", "--set", "b"]), @r"
        words
        build.version=	str: What it is called
        build.count=	int?
        ");
        assert_snapshot!(asked_of(file, &["Data", "con"]), @"
        words
        contract	infer the `outputs` of a task
        ");
    }

    #[test]
    fn items_of_foreach_tasks_follow_their_colon() {
        assert_snapshot!(asked(&["each:"]), @"
        words
        each:a	
        each:b
        ");
        assert_eq!(asked(&["eac"]), "words\neach\t\n");
    }

    #[test]
    fn options_of_the_task_stand_before_those_of_otto() {
        let answer = asked(&["build", "-"]);
        assert!(answer.starts_with("words\n--release\tOptimise\n-r\tOptimise\n--ottofile\t"), "{answer}");
        assert_snapshot!(asked(&["each", "--S"]), @"
        words
        --Serial	one item at a time
        ");
        assert_snapshot!(asked(&["deploy", "--e"]), @"
        words
        --env	
        --executor	where tasks run: local, or slurm for a cluster [env: OTTO_EXECUTOR]
        ");
    }

    #[test]
    fn values_are_the_choices_or_files() {
        assert_snapshot!(asked(&["secret", "--k"]), @"
        words
        --key	
        --keep-going	keep running independent tasks after a failure (the default, unless the ottofile sets `fail-fast`)
        ");
        assert_snapshot!(asked(&["secret", "--env", "s"]), @"
        words
        staging
        ");
        assert_snapshot!(asked(&["deploy", "--env", ""]), @"
        words
        staging	
        prod
        ");
        assert_snapshot!(asked(&["deploy", "--env=p"]), @"
        words
        --env=prod
        ");
        assert_eq!(asked(&["deploy", "--key", ""]), "files\n");
        assert_eq!(asked(&["-o", ""]), "files\n");
        assert_eq!(asked(&["-C", ""]), "folders\n");
        assert_snapshot!(asked(&["--color", ""]), @"
        words
        auto	
        always	
        never
        ");
    }

    #[test]
    fn a_waiting_word_has_its_choices_and_another_task_may_follow() {
        assert_snapshot!(asked(&["deploy", ""]), @"
        words
        eu	
        us	
        build	Compile
        deploy	Ship it
        each
        ");
        assert_snapshot!(asked(&["deploy", "eu", "b"]), @"
        words
        build	Compile
        ");
        assert_snapshot!(asked(&["deploy", "--", ""]), @"
        words
        eu	
        us
        ");
    }

    #[test]
    fn built_ins_have_their_own_words() {
        assert_snapshot!(asked(&["Graph", "--format", ""]), @"
        words
        text	
        dot	
        mermaid	
        svg
        ");
        assert_snapshot!(asked(&["Graph", "build", "d"]), @"
        words
        deploy	Ship it
        ");
        assert_snapshot!(asked(&["Explain", "E020"]), @"
        words
        E0201	no ottofile found
        E0202	unreadable ottofile
        E0203	file that can't be read or written
        E0204	included ottofile not found
        E0205	ottofile that includes itself
        E0206	setting that only the root ottofile decides
        ");
        assert_eq!(asked(&["Convert", ""]), "files\n");
        assert_eq!(asked(&["Completions", "bash", ""]), "words\n");
    }

    #[test]
    fn another_file_has_other_tasks_and_a_broken_one_none() {
        assert_snapshot!(asked(&["-C", "other", "al"]), @"
        words
        alone
        ");
        assert_snapshot!(asked(&["-o", "other/otto.yml", "al"]), @"
        words
        alone
        ");
        assert_eq!(asked(&["-o", "nowhere", "b"]), "words\n");
        assert_eq!(asked(&[]), asked(&[""]));
    }
}
