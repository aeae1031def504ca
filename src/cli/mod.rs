//! From the words of the command line to a command and an exit code.

mod complete;
pub(crate) mod flag;
#[cfg(test)]
mod reference_tests;
mod version;
mod watch;

use crate::command::{self, Context, Options, PlannedRun};
use crate::diagnostic::{Code, Diagnostic};
use crate::exec::native::withstand_inheritance;
use crate::exec::screen::announce_screen;
use crate::host::{self, Environment, FactsWithoutCommands, Found, HostFacts};
use crate::load::Loaded;
use crate::mask::Masks;
use crate::ottofile::Ottofile;
use crate::ottofile::spec::DefaultTasks;
use crate::plan::{self, Plan};
use crate::request::{self, Parsed, Request, Takes};
use crate::run::outcomes::Earlier;
use crate::source::{SourceFile, Span};
use crate::view::console::Volume;
use crate::view::sink::Stdout;
use clap::parser::ValueSource;
use flag::Flags;
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

/// Runs otto with these words (without the program's name); answers the exit code. A run that was stopped by a signal
/// ends this process by the same signal.
pub(crate) fn run(words: Vec<OsString>) -> i32 {
    withstand_inheritance();
    let mut answer = Answer { stdout: Stdout::new(io::stdout()), failure: None };
    let code = answered(words, &mut answer);
    match answer.failure {
        // Otherwise a redirected, truncated answer would look complete.
        Some(reason) if code == 0 => {
            // If stderr is closed, there is nobody to tell.
            let _ = writeln!(io::stderr(), "error: cannot write to stdout: {reason}");
            75
        }
        _ => code,
    }
}

/// stdout, and why not everything could be written to it. A reader that has gone away is no reason.
struct Answer {
    stdout: Stdout,
    failure: Option<String>,
}

impl Answer {
    fn noted<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| match error.kind() {
            io::ErrorKind::Interrupted | io::ErrorKind::BrokenPipe => {}
            _ => self.failure = Some(host::plain(error)),
        })
    }
}

impl Write for Answer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.stdout.write(bytes);
        self.noted(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.stdout.flush();
        self.noted(result)
    }
}

fn answered(words: Vec<OsString>, stdout: &mut Answer) -> i32 {
    let environment = Environment::of_process();
    let mut stderr = io::stderr();
    // What the scripts of `Completions` ask; a word that nobody types.
    if words.first().is_some_and(|word| word == "--complete") {
        let mut context = context(&Flags::default(), environment, stdout, &mut stderr);
        let answer = complete::complete(&mut context, &words[1..]);
        context.print(&answer);
        return 0;
    }
    // What the script of a job on a cluster runs.
    if let [word, folder] = words.as_slice()
        && word == "--node"
    {
        return command::node(folder);
    }
    let leading = leading_options(&words);
    let flags = match Flags::parse(&words[..leading]) {
        Ok(flags) => flags,
        Err(diagnostic) => {
            let mut context = context(&Flags::default(), environment, stdout, &mut stderr);
            return context.refuse(&[diagnostic]);
        }
    };
    let mut context = context(&flags, environment, stdout, &mut stderr);
    if let Some(folder) = &flags.cwd {
        let folder = context.cwd.join(folder);
        if !folder.is_dir() {
            let diagnostic = Diagnostic::error(
                Code::BadFlagValue,
                format!("cannot change to `{}`: it is not a directory", folder.display()),
            );
            return context.refuse(&[diagnostic]);
        }
        context.cwd = host::normal(&folder);
    }
    let invocation_dir = context.cwd.clone();
    context.environment.set_invocation_dir(&invocation_dir);
    if flags.is_version {
        context.print(&version::version(flags.volume() == Volume::Verbose));
        return 0;
    }
    command::sweep_vaults(&context);
    let rest = &words[leading..];
    match rest.first() {
        Some(word) if command::find(word).is_some() => {
            built_in(&mut context, word.clone(), &words[..leading], &rest[1..])
        }
        _ if flags.is_help || flags.is_short_help => general_help(&mut context, !flags.is_short_help),
        _ => tasks(&mut context, &flags, &words, rest),
    }
}

fn context<'a>(
    flags: &Flags,
    environment: Environment,
    stdout: &'a mut Answer,
    stderr: &'a mut io::Stderr,
) -> Context<'a> {
    let stdout_is_terminal = stdout.stdout.is_terminal();
    let stderr_is_terminal = stderr.is_terminal();
    let colours = |is_terminal| flags.colours(&environment, is_terminal);
    Context {
        masks: Masks::default(),
        cwd: host::working_directory(),
        is_at_root: flags.is_at_root,
        ottofile: flags.ottofile.clone().or_else(|| environment.filled("OTTOFILE").map(ToOwned::to_owned)),
        colours_stdout: colours(stdout_is_terminal),
        colours_stderr: colours(stderr_is_terminal),
        stdout_is_terminal,
        width: command::terminal_width(),
        now: jiff::Timestamp::now(),
        zone: host::time_zone(&environment),
        is_json: flags.is_json,
        options: flag::command,
        environment,
        stdout,
        stderr,
    }
}

/// How many words at the front are otto's own options and their values.
fn leading_options(words: &[OsString]) -> usize {
    let mut place = 0;
    while let Some(word) = words.get(place) {
        let text = word.to_string_lossy();
        if !text.starts_with('-') || text == "-" || text == "--" {
            break;
        }
        let (name, has_value) = text.split_once('=').map_or((text.as_ref(), false), |(name, _)| (name, true));
        match flag::takes(name) {
            Some(Takes::Value) if !has_value => place += 2,
            Some(_) | None => place += 1,
        }
    }
    place.min(words.len())
}

/// `leading` are the options before the name. Those that the built-in has too are meant for it.
fn built_in(context: &mut Context, name: OsString, leading: &[OsString], words: &[OsString]) -> i32 {
    let built_in = command::find(&name).expect("bug: called with a name that was found");
    if words.iter().any(|word| word == "--help" || word == "-h") {
        context.print(&command::command_help(built_in, flag::everywhere()));
        return 0;
    }
    let declared = (built_in.command)()
        .no_binary_name(true)
        .disable_help_flag(true)
        .bin_name(format!("otto {}", built_in.name));
    let own = flag::given_to(&declared, leading);
    if own.is_none() {
        let message = format!("`otto {}` has no option `--dry-run`", built_in.name);
        return context.refuse(&[Diagnostic::error(Code::UnknownFlag, message)]);
    }
    let declared = declared.args(flag::everywhere());
    let read = |words: &[OsString]| declared.clone().try_get_matches_from(words);
    let matches = read(words).and_then(|matches| {
        // What stands behind the name counts for more.
        let is_new = |id: &str| matches.value_source(id) != Some(ValueSource::CommandLine);
        let before = own.into_iter().flatten().filter(|(id, _)| is_new(id)).flat_map(|(_, words)| words);
        let before: Vec<OsString> = before.collect();
        if before.is_empty() { Ok(matches) } else { read(&[&before, words].concat()) }
    });
    match matches {
        Ok(matches) => {
            if let Err(diagnostic) = flag::apply_everywhere(context, &matches) {
                return context.refuse(&[diagnostic]);
            }
            (built_in.run)(context, &matches)
        }
        Err(error) => {
            let usage = (built_in.command)().bin_name(format!("otto {}", built_in.name)).render_usage();
            let diagnostic = flag::diagnostic_of(&error)
                .help(format!("see `otto {} --help`", built_in.name))
                .usage(usage.to_string().trim_start_matches("Usage: "));
            context.refuse(&[diagnostic])
        }
    }
}

/// Help of otto, with the tasks of the ottofile if there is one.
fn general_help(context: &mut Context, is_full: bool) -> i32 {
    let command = flag::command();
    match context.load() {
        Ok(Loaded { found, ottofile, .. }) => {
            let text = command::general_help(context, Some((&found, &ottofile)), &command, is_full);
            context.print(&text);
            0
        }
        // Without an ottofile, help is still help; unless a file was named.
        Err(diagnostics) if diagnostics[0].code == Code::NoOttofile && context.ottofile.is_none() => {
            let text = command::general_help(context, None, &command, is_full);
            context.print(&text);
            0
        }
        Err(diagnostics) => context.refuse(&diagnostics),
    }
}

/// Everything that is about tasks: run them, list them, explain one.
fn tasks(context: &mut Context, flags: &Flags, all_words: &[OsString], words: &[OsString]) -> i32 {
    let mut loaded = match context.load() {
        Ok(loaded) => loaded,
        // `otto help` and the help of a built-in need no ottofile.
        Err(diagnostics)
            if is_help_word(words)
                && diagnostics[0].code == Code::NoOttofile
                && context.ottofile.is_none()
                && words.get(1).is_none_or(|word| command::find(word).is_some() || is_about_help(word)) =>
        {
            return match words.get(1).and_then(|word| command::find(word)) {
                Some(built_in) => {
                    context.print(&command::command_help(built_in, flag::everywhere()));
                    0
                }
                None => general_help(context, true),
            };
        }
        Err(diagnostics)
            if words.is_empty()
                && diagnostics[0].code == Code::NoOttofile
                && context.ottofile.is_none()
                && !flags.lists_subtasks =>
        {
            return general_help(context, false);
        }
        Err(diagnostics) => return context.refuse(&diagnostics),
    };
    if flags.lists_subtasks {
        return list_subtasks(context, loaded);
    }
    if flags.lists_tasks {
        return command::list_all(context, loaded, "", false);
    }
    if is_help_word(words) && loaded.ottofile.task("help").is_none() {
        return help_of(context, &mut loaded, words);
    }
    let parsed = understood(context, &mut loaded, words);
    context.show_warnings(&mut loaded);
    match &parsed {
        Ok(Wanted::Run { request, .. }) => context.hide(plan::secret::requested(&loaded.ottofile, request)),
        Ok(_) => {}
        Err(_) => drop(context.masks.add(plan::secret::among(&loaded.ottofile, words))),
    }
    let (request, options, notes) = match parsed {
        Ok(Wanted::Run { request, options, notes }) => (request, options, notes),
        Ok(Wanted::Help { task }) => {
            let Loaded { found, ottofile, .. } = &loaded;
            let text = command::task_help(context, found, ottofile, &ottofile.tasks[task]);
            context.print(&text);
            return 0;
        }
        Ok(Wanted::List { namespace }) => return command::list_all(context, loaded, &namespace, false),
        Ok(Wanted::GeneralHelp) => return general_help(context, false),
        Err(diagnostics) => return context.refuse(&diagnostics),
    };
    // Options may stand between tasks too; all of them together are read again, so that each is known once.
    let flags = if options.is_empty() {
        flags.clone()
    } else {
        if let Ok(between) = Flags::parse(&options)
            && let Some(diagnostic) = too_late(&between)
        {
            return context.refuse(&[diagnostic]);
        }
        let leading = &all_words[..all_words.len() - words.len()];
        match Flags::parse(&leading.iter().cloned().chain(options).collect::<Vec<_>>()) {
            Ok(flags) => flags,
            Err(diagnostic) => return context.refuse(&[diagnostic]),
        }
    };
    if flags.is_version {
        context.print(&version::version(flags.volume() == Volume::Verbose));
        return 0;
    }
    if flags.lists_subtasks {
        return list_subtasks(context, loaded);
    }
    if flags.prints_scripts {
        return print_scripts(context, &loaded.ottofile, &request);
    }
    context.is_json = flags.is_json;
    context.colours_stdout = flags.colours(&context.environment, context.stdout_is_terminal);
    context.colours_stderr = flags.colours(&context.environment, io::stderr().is_terminal());
    if flags.volume() > Volume::Quiet {
        notes.iter().for_each(|note| context.say(&format!("note: {note}")));
    }
    if let Some(how) = flags.watch.filter(|_| !flags.is_dry_run) {
        return watch::watch(context, &flags, how, words, all_words);
    }
    let Loaded { found, ottofile, .. } = loaded;
    run_request(context, &flags, &found, &Arc::new(ottofile), &request, all_words)
}

/// `otto TASK --script`.
fn print_scripts(context: &mut Context, ottofile: &Ottofile, request: &Request) -> i32 {
    for asked in &request.tasks {
        let task = &ottofile.tasks[asked.task];
        match &task.body {
            Some(body) => context.print(&body.text),
            None => context.say(&format!("`{}` has no script of its own", task.name)),
        }
    }
    0
}

/// `otto --list-subtasks`.
fn list_subtasks(context: &mut Context, mut loaded: Loaded) -> i32 {
    let wrong = loaded.read_all();
    context.show_warnings(&mut loaded);
    if !wrong.is_empty() {
        return context.refuse(&wrong);
    }
    let text = command::list_subtasks(context, &loaded.found, &loaded.ottofile);
    context.print(&text);
    0
}

/// What the words ask for. Reads the files that they lead to; if they lead to one further up, that becomes the root.
fn understood(
    context: &mut Context,
    loaded: &mut Loaded,
    words: &[OsString],
) -> Result<Wanted, Vec<Diagnostic>> {
    loop {
        // `--` alone ends options and names nothing.
        let parsed = if words.iter().all(|word| word == "--") {
            default_request(context, loaded)?
        } else {
            request::parse(words, &loaded.ottofile, &flag::takes)?
        };
        let (request, options, notes) = match parsed {
            Parsed::Unread(namespaces) => {
                loaded.read(namespaces)?;
                continue;
            }
            Parsed::OfRoot(names) => {
                loaded.go_up_for(names.iter().map(String::as_str))?;
                continue;
            }
            Parsed::Namespace(namespace) => return Ok(Wanted::List { namespace }),
            Parsed::List => return Ok(Wanted::List { namespace: loaded.ottofile.namespaces.base.clone() }),
            Parsed::GeneralHelp => return Ok(Wanted::GeneralHelp),
            Parsed::Help { task } => return Ok(Wanted::Help { task }),
            Parsed::Run { request, options, notes } => (request, options, notes),
        };
        let tasks: Vec<usize> = request.tasks.iter().map(|asked| asked.task).collect();
        let links = loaded.follow(&tasks)?;
        if links.mentions_root && !loaded.ottofile.namespaces.is_topmost {
            loaded.go_up()?;
            continue;
        }
        if !links.wrong.is_empty() {
            return Err(links.wrong);
        }
        return Ok(Wanted::Run { request, options, notes });
    }
}

/// Options that choose the ottofile mean nothing after a task of it, and one that runs no task contradicts it.
fn too_late(between: &Flags) -> Option<Diagnostic> {
    if between.lists_tasks {
        let message = "`--list` stands after a task";
        let wrong = Diagnostic::error(Code::UnexpectedWord, message).help("`otto --list` lists the tasks");
        return Some(wrong.help(request::PASS_ON));
    }
    if between.is_at_root {
        let wrong = Diagnostic::error(Code::UnexpectedWord, "`-r` must come before the task");
        return Some(wrong.help("write `otto -r TASK`"));
    }
    let (option, value) = match (&between.ottofile, &between.cwd) {
        (Some(file), _) => ("-o", file),
        (None, Some(folder)) => ("-C", folder),
        (None, None) => return None,
    };
    let message = format!("`{option}` must come before the task");
    let help = format!("write `otto {option} {} TASK`", value.to_string_lossy());
    Some(Diagnostic::error(Code::UnexpectedWord, message).help(help))
}

fn run_request(
    context: &mut Context,
    flags: &Flags,
    found: &Found,
    ottofile: &Arc<Ottofile>,
    request: &Request,
    words: &[OsString],
) -> i32 {
    if flags.is_dry_run {
        let plan = match planned(context, found, ottofile, request, false) {
            Ok(plan) => Arc::new(plan),
            Err(diagnostics) => return context.refuse(&diagnostics),
        };
        let (recorded, earlier) = (HashMap::new(), Earlier::default());
        let target = PlannedRun { found, ottofile, request, plan: &plan, recorded, earlier };
        let worked_out = (!flags.is_force).then(|| worked_out(context, found, ottofile, request)).flatten();
        let show = command::DryRun { scripts: flags.volume() == Volume::Verbose, worked_out };
        return command::dry_run(context, &target, &flags.run.wish, &show);
    }
    let options = options(context, flags, words);
    if options.is_tui {
        announce_screen();
    }
    command::below_guard(context, |context, signals| {
        let plan = match planned(context, found, ottofile, request, true) {
            Ok(plan) => Arc::new(plan),
            Err(diagnostics) => return context.refuse(&diagnostics),
        };
        let (recorded, earlier) = (HashMap::new(), Earlier::default());
        let target = PlannedRun { found, ottofile, request, plan: &plan, recorded, earlier };
        command::run_to_end(context, &target, &options, signals)
    })
}

/// What the flags say of how to run.
fn options(context: &mut Context, flags: &Flags, words: &[OsString]) -> Options {
    Options {
        ignores_freshness: flags.is_force,
        is_detached: flags.is_detached,
        ..flags.run.options(context, words.to_vec())
    }
}

fn planned(
    context: &Context,
    found: &Found,
    ottofile: &Ottofile,
    request: &Request,
    may_run_commands: bool,
) -> Result<Plan, Vec<Diagnostic>> {
    let facts = HostFacts { environment: &context.environment, folder: found.folder(), may_run_commands };
    let plan = plan::make(ottofile, request, &facts)?;
    context.hide(plan::secret::planned(ottofile, &plan));
    Ok(plan)
}

/// The plan with all values that no command has a part in; nothing if one decides about its jobs.
fn worked_out(context: &Context, found: &Found, ottofile: &Ottofile, request: &Request) -> Option<Plan> {
    let environment = &context.environment;
    let facts = HostFacts { environment, folder: found.folder(), may_run_commands: false };
    let plan = plan::make(ottofile, request, &FactsWithoutCommands(facts)).ok()?;
    context.hide(plan::secret::planned(ottofile, &plan));
    Some(plan)
}

enum Wanted {
    Run {
        request: Request,
        options: Vec<OsString>,
        notes: Vec<String>,
    },
    Help {
        task: usize,
    },
    /// The tasks of a namespace; empty: all.
    List {
        namespace: String,
    },
    GeneralHelp,
}

/// Plain `otto`: the default tasks, or a listing where there are none.
fn default_request(context: &mut Context, loaded: &Loaded) -> Result<Parsed, Vec<Diagnostic>> {
    let Loaded { found, ottofile, .. } = loaded;
    if ottofile.tasks.is_empty() && ottofile.namespaces.is_empty() {
        context.say(&format!("{} has no tasks", found.shown));
        return Ok(Parsed::GeneralHelp);
    }
    let base = ottofile.base();
    let names: Vec<(String, Span)> = match &ottofile.settings_of(base).default_tasks {
        DefaultTasks::None => return Ok(Parsed::List),
        DefaultTasks::All => {
            ottofile.tasks_of(base).map(|task| (task.name.as_str().to_owned(), task.name_span)).collect()
        }
        DefaultTasks::Named(names) => names.iter().map(|name| (name.value.clone(), name.span)).collect(),
    };
    let unread: BTreeSet<usize> = names.iter().filter_map(|(name, _)| ottofile.unread(name)).collect();
    if !unread.is_empty() {
        return Ok(Parsed::Unread(unread));
    }
    let request = request::of_names(&names, &ottofile.sources, ottofile)?;
    Ok(Parsed::Run { request, options: Vec::new(), notes: Vec::new() })
}

fn is_help_word(words: &[OsString]) -> bool {
    words.first().is_some_and(|word| word == "help" || word == "Help")
}

/// Whether who asks for help with this word wants all of it.
fn is_about_help(word: &OsString) -> bool {
    ["help", "Help", "--help", "-h"].iter().any(|about| word == about)
}

/// `otto help TASK`.
fn help_of(context: &mut Context, loaded: &mut Loaded, words: &[OsString]) -> i32 {
    let shown: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let source = SourceFile::new("command line", format!("otto {}", shown.join(" ")));
    let place = |number: usize| {
        let start = "otto ".len() + shown[..number].iter().map(|word| word.len() + 1).sum::<usize>();
        source.span(start, start + shown[number].len())
    };
    match shown.as_slice() {
        [_] => general_help(context, true),
        [_, word] => {
            if let Some(built_in) = command::find(&words[1]) {
                context.print(&command::command_help(built_in, flag::everywhere()));
                return 0;
            }
            let found = loaded.find(word);
            context.show_warnings(loaded);
            let Loaded { found: file, ottofile, .. } = loaded;
            match found {
                Err(diagnostics) => context.refuse(&diagnostics),
                Ok(Some(task)) => {
                    let text = command::task_help(context, file, ottofile, &ottofile.tasks[task]);
                    context.print(&text);
                    0
                }
                Ok(None) if is_about_help(&words[1]) => general_help(context, true),
                Ok(None) => context.refuse(&[request::unknown_task(ottofile, word, &source, place(1))]),
            }
        }
        [help, _, more, ..] => context.refuse(&[Diagnostic::error(
            Code::UnexpectedWord,
            format!("`{help}` takes only one task, but `{more}` was given too"),
        )
        .at(&source, place(2), "unexpected")]),
        [] => unreachable!("bug: called without the word `help`"),
    }
}
