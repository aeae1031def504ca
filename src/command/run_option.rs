//! The options that say how to run. Runs and reruns have all of them, other commands some; each is declared and read here.

use super::cluster::ClusterWish;
use super::{Context, Options};
use crate::diagnostic::{Code, Diagnostic};
use crate::ottofile::parse_duration;
use crate::ottofile::spec::Engine;
use crate::scheduler::Policy;
use crate::view::console::{Display, Volume};
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, ArgAction, ArgMatches};
use std::ffi::OsString;
use std::time::Duration;

/// What the options say.
#[derive(Clone, Debug)]
pub(crate) struct RunOptions {
    jobs: Option<usize>,
    /// `--fail-fast` or `--keep-going`, if either was given.
    policy: Option<Policy>,
    display: Option<Display>,
    is_tui: bool,
    quiet: u8,
    is_verbose: bool,
    tail_lines: usize,
    timeout: Option<Duration>,
    run_timeout: Option<Duration>,
    is_confirmed: bool,
    pub(crate) wish: ClusterWish,
}

/// The options of [`RunOptions`], in the order in which help shows them.
pub(super) const RUN_OPTIONS: [&str; 14] = [
    "jobs",
    "keep-going",
    "fail-fast",
    "display",
    "tui",
    "tail",
    "timeout",
    "run-timeout",
    "yes",
    "executor",
    "resource",
    "profile",
    "quiet",
    "verbose",
];

/// The declaration of one of [`RUN_OPTIONS`].
pub(crate) fn run_option(name: &'static str) -> Arg {
    let flag = || Arg::new(name).long(name).action(ArgAction::SetTrue);
    let value = |shown: &'static str| {
        Arg::new(name).long(name).value_name(shown).action(ArgAction::Set).overrides_with(name)
    };
    match name {
        "jobs" => value("N")
            .short('j')
            .allow_negative_numbers(true)
            .help("run at most N tasks at a time [default: `jobs` in the ottofile, or the number of CPUs]"),
        "keep-going" => flag().short('k').help(
            "keep running independent tasks after a failure (the default, unless the ottofile sets `fail-fast`)",
        ),
        "fail-fast" => Arg::new(name)
            .long(name)
            .action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("soon")
            .value_name("now")
            .value_parser([PossibleValue::new("soon").hide(true), "now".into()])
            .help("stop at the first failure; `now` also stops running tasks"),
        "display" => value("MODE")
            .help("how to show output: auto, stream, prefix, group, quiet [env: OTTO_DISPLAY]"),
        "tui" => flag().short('t').help("show the run full-screen, with keys to select tasks"),
        "tail" => value("N")
            .allow_negative_numbers(true)
            .help("show the last N log lines of a failed task [default: 20]"),
        "timeout" => value("DUR")
            .help("stop a task after this time (30s, 5m, 1h30m) unless it has its own `timeout`"),
        "run-timeout" => value("DUR").help("stop the whole run after this time, with status 124"),
        "yes" => flag().short('y').help("answer yes to the questions of tasks with `confirm`"),
        "executor" => value("NAME")
            .value_parser(PossibleValuesParser::new(Engine::WORDS))
            .help("where tasks run: local, or slurm for a cluster [env: OTTO_EXECUTOR]"),
        "resource" => Arg::new(name)
            .long(name)
            .value_name("[TASK:]KEY=VALUE")
            .action(ArgAction::Append)
            .help("what tasks ask of the machine, such as memory=8G; TASK may contain `*`"),
        "profile" => {
            value("NAME").help("a profile of the site file, for a cluster [env: OTTO_PROFILE]")
        }
        "quiet" => Arg::new(name)
            .short('q')
            .long(name)
            .visible_alias("silent")
            .action(ArgAction::Count)
            .help("show only task output, warnings and failures (-qq: only failures)"),
        "verbose" => flag().short('v').help("show more of what otto does"),
        _ => unreachable!("bug: `{name}` does not say how to run"),
    }
}

impl RunOptions {
    pub(crate) fn of(matches: &ArgMatches) -> Result<RunOptions, Diagnostic> {
        let is_tui = matches.get_flag("tui");
        let other = ["json", "display", "quiet"].into_iter().find(|name| match *name {
            "display" => matches.contains_id(name),
            "quiet" => matches.get_count(name) > 0,
            _ => matches.get_flag(name),
        });
        if let (true, Some(other)) = (is_tui, other) {
            let message = format!("`--tui` and `--{other}` cannot be used together");
            return Err(Diagnostic::error(Code::Contradiction, message).help("remove one of them"));
        }
        let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
        let count = |name: &'static str, least: usize| match text(name) {
            None => Ok(None),
            Some(word) => match word.parse::<usize>() {
                Ok(number) if number >= least => Ok(Some(number)),
                Ok(_) | Err(_) => {
                    Err(bad_value(&format!("--{name}"), word, &format!("a whole number, at least {least}")))
                }
            },
        };
        let time = |name: &'static str| match text(name) {
            None => Ok(None),
            Some(word) => match parse_duration(word).filter(|time| !time.is_zero()) {
                None => Err(bad_value(&format!("--{name}"), word, "a duration such as 30s, 5m or 1h30m")),
                time => Ok(time),
            },
        };
        Ok(RunOptions {
            jobs: count("jobs", 1)?,
            policy: policy(matches),
            display: asked_display(matches)?,
            is_tui,
            quiet: matches.get_count("quiet"),
            is_verbose: matches.get_flag("verbose"),
            tail_lines: count("tail", 0)?.unwrap_or(20),
            timeout: time("timeout")?,
            run_timeout: time("run-timeout")?,
            is_confirmed: matches.get_flag("yes"),
            wish: ClusterWish::of(matches)?,
        })
    }

    pub(crate) fn volume(&self) -> Volume {
        Volume::new(self.quiet, self.is_verbose)
    }

    /// How to run with these options, where nothing else is said. `words` are the command line, for the record.
    pub(crate) fn options(&self, context: &mut Context, words: Vec<OsString>) -> Options {
        Options {
            jobs: self.jobs,
            policy: self.policy,
            ignores_freshness: false,
            display: context.display(Display::quieted(self.quiet, self.display)),
            is_tui: self.is_tui,
            volume: self.volume(),
            tail_lines: self.tail_lines,
            timeout: self.timeout,
            is_json: context.is_json,
            is_confirmed: self.is_confirmed,
            run_timeout: self.run_timeout,
            wish: self.wish.clone(),
            words,
            is_detached: false,
            origin: None,
            watch: None,
        }
    }
}

/// What `--display` says.
pub(super) fn asked_display(matches: &ArgMatches) -> Result<Option<Display>, Diagnostic> {
    let Some(word) = matches.get_one::<String>("display") else { return Ok(None) };
    let display = Display::parse(word);
    display.map(Some).ok_or_else(|| bad_value("--display", word, &Display::WORDS.join(", ")))
}

/// What `--fail-fast` and `--keep-going` say; the latter wins.
fn policy(matches: &ArgMatches) -> Option<Policy> {
    let fail_fast = matches.get_one::<String>("fail-fast").map(String::as_str);
    match (matches.get_flag("keep-going"), fail_fast) {
        (true, _) => Some(Policy::KeepGoing),
        (false, Some("now")) => Some(Policy::FailNow),
        (false, Some(_)) => Some(Policy::FailFast),
        (false, None) => None,
    }
}

/// The error about a value that an option cannot have.
pub(crate) fn bad_value(option: &str, word: &str, wanted: &str) -> Diagnostic {
    Diagnostic::error(Code::BadFlagValue, format!("invalid value `{word}` for `{option}`"))
        .help(format!("expected {wanted}"))
}
