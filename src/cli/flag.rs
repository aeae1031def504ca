//! otto's own options, declared once: parsing, help, completion and the man page read this table.

use crate::command::{Context, RunOptions, bad_value, run_option};
use crate::diagnostic::{Code, Diagnostic};
use crate::host::Environment;
use crate::request::{Takes, USAGE};
use crate::view::console::Volume;
use crate::view::style::{ColourChoice, ColourFacts, is_coloured};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::ffi::OsString;

/// What otto's own options came to.
#[derive(Clone, Debug)]
pub(crate) struct Flags {
    pub(crate) ottofile: Option<OsString>,
    pub(crate) cwd: Option<OsString>,
    /// `--root`: the topmost ottofile that includes the one at hand.
    pub(crate) is_at_root: bool,
    pub(crate) run: RunOptions,
    pub(crate) is_dry_run: bool,
    pub(crate) is_force: bool,
    pub(crate) is_detached: bool,
    pub(crate) watch: Option<Watching>,
    /// `--list`, which is `otto List`.
    pub(crate) lists_tasks: bool,
    colour: ColourChoice,
    pub(crate) is_json: bool,
    pub(crate) is_help: bool,
    pub(crate) is_short_help: bool,
    pub(crate) is_version: bool,
    pub(crate) lists_subtasks: bool,
    /// `--script`: the scripts are printed, and nothing runs.
    pub(crate) prints_scripts: bool,
}

impl Default for Flags {
    fn default() -> Flags {
        Flags::parse(&[]).expect("bug: no words are no mistake")
    }
}

/// What `--watch` does with a run when files change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watching {
    /// Ends it and starts anew.
    Restart,
    /// Lets it end first.
    Queue,
}

/// The table.
pub(crate) fn command() -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    let value = |name: &'static str, shown: &'static str| {
        Arg::new(name).long(name).value_name(shown).action(ArgAction::Set).overrides_with(name)
    };
    Command::new("otto")
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args_override_self(true)
        .args([
            value("ottofile", "FILE")
                .short('o')
                .value_parser(clap::value_parser!(OsString))
                .help("use this ottofile, or the one in this folder [env: OTTOFILE]"),
            value("cwd", "DIR")
                .short('C')
                .value_parser(clap::value_parser!(OsString))
                .help("change to DIR first"),
            flag("root").short('r').help("use the topmost ottofile that includes the one here"),
            run_option("jobs"),
            run_option("keep-going").hide_short_help(true),
            run_option("fail-fast"),
            flag("dry-run").short('n').help("show what would run, without running it"),
            flag("force").help("also run tasks that are up to date"),
            run_option("display"),
            Arg::new("watch")
                .short('w')
                .long("watch")
                .action(ArgAction::Set)
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("restart")
                .value_name("queue")
                .value_parser([clap::builder::PossibleValue::new("restart").hide(true), "queue".into()])
                .help("run again when files change; `queue` lets a run end first"),
            run_option("tui"),
            run_option("tail").hide_short_help(true),
            run_option("timeout").hide_short_help(true),
            run_option("run-timeout").hide_short_help(true),
            run_option("yes"),
            run_option("executor"),
            flag("detach")
                .hide_short_help(true)
                .help("have a job of the cluster drive the run, and return at once"),
            run_option("resource").hide_short_help(true),
            run_option("profile").hide_short_help(true),
            flag("list").short('l').help("list the tasks, like `otto List`"),
            value("color", "WHEN").hide_short_help(true).help("when to use colours: auto, always, never"),
            run_option("quiet"),
            run_option("verbose"),
            flag("json").help("write only JSON to stdout"),
            flag("script")
                .hide_short_help(true)
                .help("print the scripts of the tasks named, and run nothing"),
            flag("list-subtasks").hide_short_help(true).help("list the jobs of foreach tasks"),
            flag("help").help("show the full help (-h: one screen)"),
            Arg::new("short-help").short('h').action(ArgAction::SetTrue).hide(true),
            flag("version").short('V').help("show the version"),
        ])
}

/// Whether a word is one of otto's options, and whether it takes a value.
pub(crate) fn takes(word: &str) -> Option<Takes> {
    let matches = |argument: &&Arg| match word.strip_prefix("--") {
        Some(long) => argument.get_long_and_visible_aliases().is_some_and(|names| names.contains(&long)),
        None => word
            .strip_prefix('-')
            .is_some_and(|short| argument.get_short().is_some_and(|own| short.chars().eq([own]))),
    };
    let command = command();
    let argument = command.get_arguments().find(matches)?;
    // What may only stand behind a `=` never takes the next word.
    let takes_next = argument.get_action().takes_values() && !argument.is_require_equals_set();
    Some(if takes_next { Takes::Value } else { Takes::Nothing })
}

/// Options that built-ins take too, besides their own.
pub(crate) fn everywhere() -> Vec<Arg> {
    const NAMES: [&str; 5] = ["ottofile", "cwd", "root", "color", "json"];
    command()
        .get_arguments()
        .filter(|argument| NAMES.contains(&argument.get_id().as_str()))
        .cloned()
        .collect()
}

/// Of the options before a built-in's name those that it has too, by name, each as the built-in reads it. `None`: nothing
/// shall be done, and the built-in does not know that.
pub(crate) fn given_to(built_in: &Command, leading: &[OsString]) -> Option<Vec<(String, Vec<OsString>)>> {
    // Mistakes were told before.
    let matches = command().try_get_matches_from(leading).ok()?;
    let mut given = Vec::new();
    for id in matches.ids().map(clap::Id::as_str) {
        if matches.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        let Some(argument) = built_in.get_arguments().find(|argument| argument.get_id() == id) else {
            if id == "dry-run" {
                return None;
            }
            continue;
        };
        let name = match (argument.get_long(), argument.get_short()) {
            (Some(long), _) => format!("--{long}"),
            (None, short) => format!("-{}", short?),
        };
        let value = argument.get_action().takes_values().then(|| matches.get_one::<String>(id)).flatten();
        let words = match value {
            Some(value) if argument.is_require_equals_set() => vec![format!("{name}={value}").into()],
            Some(value) => vec![name.into(), value.into()],
            None => vec![name.into()],
        };
        given.push((id.to_owned(), words));
    }
    Some(given)
}

/// Lets the options that stand behind a built-in have their effect.
pub(crate) fn apply_everywhere(context: &mut Context, matches: &ArgMatches) -> Result<(), Diagnostic> {
    if let Some(folder) = matches.get_one::<OsString>("cwd") {
        context.cwd = crate::host::normal(&context.cwd.join(folder));
    }
    if let Some(ottofile) = matches.get_one::<OsString>("ottofile") {
        context.ottofile = Some(ottofile.clone());
    }
    context.is_at_root |= matches.get_flag("root");
    context.is_json |= matches.get_flag("json");
    if let Some(word) = matches.get_one::<String>("color") {
        let choice = ColourChoice::parse(word)
            .ok_or_else(|| bad_value("--color", word, &ColourChoice::WORDS.join(", ")))?;
        let facts = |is_terminal| colour_facts(&context.environment, is_terminal);
        let stderr_is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let (stdout, stderr) = (
            is_coloured(choice, facts(context.stdout_is_terminal)),
            is_coloured(choice, facts(stderr_is_terminal)),
        );
        context.colours_stdout = stdout;
        context.colours_stderr = stderr;
    }
    Ok(())
}

impl Flags {
    /// Reads words that are all options and their values.
    pub(crate) fn parse(words: &[OsString]) -> Result<Flags, Diagnostic> {
        let matches = command()
            .try_get_matches_from(words)
            .map_err(|error| diagnostic_of(&error).help("`otto --help` shows all options").usage(USAGE))?;
        let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
        let run = RunOptions::of(&matches)?;
        if matches.get_flag("tui") && text("watch").is_some() {
            let message = "`--tui` and `--watch` cannot be used together";
            return Err(Diagnostic::error(Code::Contradiction, message).help("remove one of them"));
        }
        let colour = match text("color") {
            None => ColourChoice::Auto,
            Some(word) => ColourChoice::parse(word)
                .ok_or_else(|| bad_value("--color", word, &ColourChoice::WORDS.join(", ")))?,
        };
        Ok(Flags {
            ottofile: matches.get_one::<OsString>("ottofile").cloned(),
            cwd: matches.get_one::<OsString>("cwd").cloned(),
            is_at_root: matches.get_flag("root"),
            run,
            is_dry_run: matches.get_flag("dry-run"),
            is_force: matches.get_flag("force"),
            is_detached: matches.get_flag("detach"),
            watch: text("watch")
                .map(|word| if word == "queue" { Watching::Queue } else { Watching::Restart }),
            lists_tasks: matches.get_flag("list"),
            colour,
            is_json: matches.get_flag("json"),
            is_help: matches.get_flag("help"),
            is_short_help: matches.get_flag("short-help"),
            is_version: matches.get_flag("version"),
            lists_subtasks: matches.get_flag("list-subtasks"),
            prints_scripts: matches.get_flag("script"),
        })
    }

    pub(crate) fn colours(&self, environment: &Environment, is_terminal: bool) -> bool {
        is_coloured(self.colour, colour_facts(environment, is_terminal))
    }

    pub(crate) fn volume(&self) -> Volume {
        self.run.volume()
    }
}

fn colour_facts(environment: &Environment, is_terminal: bool) -> ColourFacts<'_> {
    let text = |name: &str| environment.get(name).and_then(|value| value.to_str());
    ColourFacts {
        no_color: text("NO_COLOR"),
        clicolor_force: text("CLICOLOR_FORCE"),
        force_color: text("FORCE_COLOR"),
        term: text("TERM"),
        is_terminal,
    }
}

/// A mistake that clap found, as one of ours.
pub(crate) fn diagnostic_of(error: &clap::Error) -> Diagnostic {
    let context = |kind: ContextKind| {
        error.get(kind).map(|value| match value {
            ContextValue::String(text) => text.clone(),
            ContextValue::Strings(texts) => texts.join(", "),
            other => other.to_string(),
        })
    };
    let argument = context(ContextKind::InvalidArg).unwrap_or_default();
    let argument = argument.split([' ', '=', '[']).next().unwrap_or("").to_owned();
    let value = context(ContextKind::InvalidValue).unwrap_or_default();
    let mut diagnostic = match error.kind() {
        ErrorKind::UnknownArgument => {
            Diagnostic::error(Code::UnknownFlag, format!("unknown option or argument `{argument}`"))
        }
        ErrorKind::InvalidValue if value.is_empty() => {
            Diagnostic::error(Code::BadFlagValue, format!("`{argument}` needs a value"))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            Diagnostic::error(Code::BadFlagValue, format!("invalid value `{value}` for `{argument}`"))
        }
        ErrorKind::MissingRequiredArgument => {
            Diagnostic::error(Code::MissingValue, format!("`{argument}` is missing"))
        }
        ErrorKind::ArgumentConflict => Diagnostic::error(
            Code::Contradiction,
            format!("`{argument}` cannot be combined with the other arguments"),
        ),
        _ => {
            let text = error.to_string();
            let first = text
                .lines()
                .next()
                .unwrap_or("invalid command line")
                .trim_start_matches("error: ")
                .to_owned();
            Diagnostic::error(Code::UnknownFlag, first)
        }
    };
    if let Some(valid) = context(ContextKind::ValidValue).filter(|valid| !valid.is_empty()) {
        diagnostic = diagnostic.help(format!("expected {valid}"));
    }
    if let Some(near) = context(ContextKind::SuggestedArg) {
        diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
    }
    diagnostic
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(words: &str) -> String {
        let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        let diagnostic = Flags::parse(&words).expect_err("a mistake");
        crate::diagnostic::render(&[diagnostic], false, 100)
    }

    #[test]
    fn mistakes_in_ottos_own_options_say_what_would_be_right() {
        insta::assert_snapshot!(refused("--tui --json"), @"
        error[E0112]: `--tui` and `--json` cannot be used together
        help: remove one of them
        ");
        insta::assert_snapshot!(refused("--jbos 3"), @"
        error[E0001]: unknown option or argument `--jbos`
        help: did you mean `--jobs`?
        help: `otto --help` shows all options
        ");
        insta::assert_snapshot!(refused("-j many"), @"
        error[E0002]: invalid value `many` for `--jobs`
        help: expected a whole number, at least 1
        ");
        insta::assert_snapshot!(refused("-j -1"), @"
        error[E0002]: invalid value `-1` for `--jobs`
        help: expected a whole number, at least 1
        ");
        insta::assert_snapshot!(refused("-j"), @"
        error[E0002]: `--jobs` needs a value
        help: `otto --help` shows all options
        ");
        insta::assert_snapshot!(refused("--display loud"), @"
        error[E0002]: invalid value `loud` for `--display`
        help: expected auto, stream, prefix, group, quiet
        ");
        insta::assert_snapshot!(refused("--timeout never"), @"
        error[E0002]: invalid value `never` for `--timeout`
        help: expected a duration such as 30s, 5m or 1h30m
        ");
    }
}
