//! The built-in commands: a table, and a file for each. Capitalised, so that no task collides with one.

mod completions;
mod clean;
mod cancel;
mod check;
mod cluster;
mod convert;
mod data;
mod describe;
mod execute;
mod explain;
mod findings;
mod graph;
mod help;
mod history;
mod init;
mod list;
mod logs;
mod man;
mod node;
mod pick;
mod replay;
mod resume;
mod rerun;
mod run_option;
mod schema;
mod show;
#[cfg(test)]
mod stage;
mod stats;
mod toml;
mod traffic;
mod trial;

pub(crate) use execute::{
    DryRun, Options, Watched, below_guard, dry_run, execute, run_to_end, sweep_vaults, terminal_width,
};
#[cfg(test)]
pub(crate) use help::{EXIT_CODES, VARIABLES};
pub(crate) use help::{command_help, general_help, task_help};
pub(crate) use list::{list_all, list_subtasks};
pub(crate) use node::node;
pub(crate) use run_option::{RunOptions, bad_value, run_option};

use crate::diagnostic::{self, Code, Diagnostic};
use crate::exec::slurm;
use crate::host::{self, Environment, Found};
use crate::load::{self, Loaded};
use crate::mask::Masks;
use crate::ottofile::Ottofile;
use crate::plan::{self, Plan};
use crate::request::Request;
use crate::run::Recorded;
use crate::run::outcomes::Earlier;
use crate::store::claim;
use crate::store::layout::{self, Home};
use crate::view::console::Display;
use crate::view::filter::{self, shown};
use crate::view::github;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A valid plan with all that it came from.
pub(crate) struct PlannedRun<'a> {
    pub(crate) found: &'a Found,
    pub(crate) ottofile: &'a Arc<Ottofile>,
    pub(crate) request: &'a Request,
    pub(crate) plan: &'a Arc<Plan>,
    /// For a rerun only.
    pub(crate) recorded: Recorded,
    pub(crate) earlier: Earlier,
}

/// What a command knows of the world.
pub(crate) struct Context<'a> {
    pub(crate) environment: Environment,
    /// Where otto was called (after `-C`), absolute.
    pub(crate) cwd: PathBuf,
    /// `-o`, else the variable OTTOFILE.
    pub(crate) ottofile: Option<OsString>,
    /// `-r`: the topmost ottofile that includes the one at hand.
    pub(crate) is_at_root: bool,
    pub(crate) stdout: &'a mut dyn Write,
    pub(crate) stderr: &'a mut dyn Write,
    pub(crate) colours_stdout: bool,
    pub(crate) colours_stderr: bool,
    pub(crate) stdout_is_terminal: bool,
    /// Width of the terminal in columns; 80 without a terminal.
    pub(crate) width: usize,
    pub(crate) now: jiff::Timestamp,
    pub(crate) zone: jiff::tz::TimeZone,
    pub(crate) is_json: bool,
    /// What is not shown.
    pub(crate) masks: Masks,
    /// Declares otto's own options, which the command line below knows.
    pub(crate) options: fn() -> clap::Command,
}

/// A command of otto's own.
pub(crate) struct BuiltIn {
    pub(crate) name: &'static str,
    /// One line for the help.
    pub(crate) about: &'static str,
    pub(crate) command: fn() -> clap::Command,
    /// Answers the exit code.
    pub(crate) run: fn(&mut Context, &clap::ArgMatches) -> i32,
}

const fn built_in(
    name: &'static str,
    about: &'static str,
    command: fn() -> clap::Command,
    run: fn(&mut Context, &clap::ArgMatches) -> i32,
) -> BuiltIn {
    BuiltIn { name, about, command, run }
}

/// In the order of the help. `name::BUILT_INS` names the same ones; a test compares them.
pub(crate) const TABLE: &[BuiltIn] = &[
    built_in("List", "list the tasks", list::command, list::run),
    built_in("Check", "check the ottofile and report every error", trial::command, trial::run),
    built_in("Graph", "show the dependency graph", graph::command, graph::run),
    built_in("Data", "show, compare or trace values", data::command, data::run),
    built_in("History", "list the runs of this project", history::command, history::run),
    built_in("Show", "show a run, or one task of it", show::command, show::run),
    built_in("Replay", "show a run again as it appeared; runs nothing", replay::command, replay::run),
    built_in("Rerun", "run again with the recorded values", rerun::command, rerun::run),
    built_in("Resume", "go on with a run on a cluster whose otto is gone", resume::command, resume::run),
    built_in("Cancel", "end the jobs of a run on a cluster whose otto is gone", cancel::command, cancel::run),
    built_in(
        "Stats",
        "show how often tasks run and fail, and how long they take",
        stats::command,
        stats::run,
    ),
    built_in("Clean", "remove old runs", clean::command, clean::run),
    built_in("Logs", "print a task's log", logs::command, logs::run),
    built_in("Explain", "explain an error code", explain::command, explain::run),
    built_in("Init", "write a commented ottofile for this folder", init::command, init::run),
    built_in(
        "Convert",
        "convert a Makefile, package.json, Taskfile.yml, justfile or mise.toml",
        convert::command,
        convert::run,
    ),
    built_in("Schema", "print the JSON Schema for ottofiles, for editors", schema::command, schema::run),
    built_in(
        "Completions",
        "print the completion script for bash, zsh or fish",
        completions::command,
        completions::run,
    ),
    built_in("Man", "print the manual page", man::command, man::run),
];

pub(crate) fn find(name: &OsStr) -> Option<&'static BuiltIn> {
    TABLE.iter().find(|built_in| name == built_in.name)
}

impl Context<'_> {
    /// The ottofile at hand: the one that was named, or the nearest one upwards; with `-r` the topmost one that includes it.
    pub(crate) fn found(&self) -> Result<Found, Vec<Diagnostic>> {
        let found = host::find_ottofile(&self.cwd, self.ottofile.as_deref()).map_err(|wrong| vec![wrong])?;
        if !self.is_at_root {
            return Ok(found);
        }
        let above = load::topmost(&found, &self.cwd)?;
        Ok(above.map_or(found, |(loaded, _)| loaded.found))
    }

    /// Finds and reads the root ottofile, none of those that it includes; warnings are shown, errors are returned.
    pub(crate) fn load(&mut self) -> Result<Loaded, Vec<Diagnostic>> {
        let mut loaded = self.read()?;
        self.show_warnings(&mut loaded);
        Ok(loaded)
    }

    /// Finds and reads the root ottofile; with it come warnings.
    pub(crate) fn read(&self) -> Result<Loaded, Vec<Diagnostic>> {
        let found = self.found()?;
        let loaded = Loaded::root(found, &self.cwd)?;
        self.hide_inherited(&loaded.ottofile);
        Ok(loaded)
    }

    /// Shows what is said about files that were read, once.
    pub(crate) fn show_warnings(&mut self, loaded: &mut Loaded) {
        self.hide_inherited(&loaded.ottofile);
        let warnings = std::mem::take(&mut loaded.warnings);
        if !warnings.is_empty() {
            self.show(&warnings);
        }
    }

    /// Keeps what is secret in the environment by what the files say that were read.
    pub(crate) fn hide_inherited(&self, ottofile: &Ottofile) {
        self.hide(plan::secret::inherited(ottofile, &|name| self.environment.get(name).map(OsStr::to_owned)));
    }

    /// From now on these are not shown.
    pub(crate) fn hide(&self, secrets: Vec<plan::secret::NamedSecret>) {
        self.masks.add(secrets.into_iter().map(|named| named.secret));
    }

    /// Shows diagnostics on stderr. A closed stderr ends quietly.
    pub(crate) fn show(&mut self, diagnostics: &[Diagnostic]) {
        let text = match self.masks.masker() {
            None => diagnostic::render(diagnostics, self.colours_stderr, self.width),
            Some(masker) => {
                let hidden: Vec<Diagnostic> =
                    diagnostics.iter().map(|diagnostic| masker.diagnostic(diagnostic)).collect();
                diagnostic::render(&hidden, self.colours_stderr, self.width)
            }
        };
        let _ = self.stderr.write_all(text.as_bytes());
    }

    /// Shows why nothing was done, and answers the exit code for it: 2.
    pub(crate) fn refuse(&mut self, diagnostics: &[Diagnostic]) -> i32 {
        self.show(diagnostics);
        let _ = self.stderr.write_all(diagnostic::usage(diagnostics).as_bytes());
        let first = |diagnostic: &Diagnostic| {
            let files = diagnostic.labels.iter().map(|label| label.source.name().to_owned());
            files.into_iter().find(|name| name != "command line")
        };
        let files: BTreeSet<String> = diagnostics.iter().filter_map(first).collect();
        let subject = match files.first() {
            None => "otto".to_owned(),
            Some(file) if files.len() == 1 => file.clone(),
            Some(_) => format!("{} ottofiles", files.len()),
        };
        let summary = diagnostic::summary(&subject, diagnostics);
        // If stderr is closed, there is nobody to tell.
        let _ = writeln!(self.stderr, "{}", summary.trim_end());
        self.annotate(diagnostics);
        2
    }

    /// Under GitHub Actions: the mistakes of the ottofile at their lines.
    fn annotate(&mut self, diagnostics: &[Diagnostic]) {
        if self.environment.filled("GITHUB_ACTIONS").is_none_or(|value| value != "true") {
            return;
        }
        for diagnostic in diagnostics.iter().filter(|diagnostic| diagnostic.is_error()) {
            let Some(label) = diagnostic.labels.first().filter(|label| label.source.name() != "command line")
            else {
                continue;
            };
            let file = self.repository_path(&self.cwd.join(label.source.name()));
            let line = label.source.line(label.span);
            let title = diagnostic.code.to_string();
            let message = self.masks.text(&diagnostic.message).into_owned();
            let annotation = github::annotation(&file, line, &title, &shown(&message));
            // If stderr is closed, there is nobody to tell.
            let _ = self.stderr.write_all(annotation.as_bytes());
        }
    }

    /// A file from the root of the repository, as GitHub's annotations need it.
    fn repository_path(&self, path: &Path) -> String {
        let path = host::normal(path);
        let root = self.environment.filled("GITHUB_WORKSPACE").map(Path::new);
        root.and_then(|root| path.strip_prefix(root).ok()).unwrap_or(&path).display().to_string()
    }

    /// Shows what the machine did not let otto do, and answers the exit code.
    pub(crate) fn fail(&mut self, code: Code, message: impl Into<String>, exit: i32) -> i32 {
        self.show(&[Diagnostic::error(code, message)]);
        exit
    }

    /// Says why the home cannot be used; answers the exit code.
    pub(crate) fn refuse_home(&mut self, error: &claim::HomeError) -> i32 {
        let refused = Diagnostic::error(Code::NoRecords, error.to_string());
        let refused = match error {
            claim::HomeError::Shared { root, .. } => refused.help(format!(
                "if only otto uses it, run `chmod go-w {}`; otherwise set OTTO_HOME to a new folder, which otto creates",
                root.display()
            )),
            claim::HomeError::Foreign { .. } | claim::HomeError::Unusable { .. } => refused,
        };
        self.show(&[refused]);
        75
    }

    /// How a run is shown: as asked, else as OTTO_DISPLAY says. A word there that is none is told and passed over: what
    /// stands in the surroundings must not keep a run from starting.
    pub(crate) fn display(&mut self, asked: Option<Display>) -> Display {
        if let Some(asked) = asked {
            return asked;
        }
        let Some(word) =
            self.environment.filled("OTTO_DISPLAY").map(|word| word.to_string_lossy().into_owned())
        else {
            return Display::default();
        };
        Display::parse(&word).unwrap_or_else(|| {
            let message = format!("invalid value `{word}` for the variable `OTTO_DISPLAY`");
            let warning = Diagnostic::warning(Code::BadFlagValue, message);
            self.show(&[warning.help(format!("expected {}", Display::WORDS.join(", ")))]);
            Display::default()
        })
    }

    /// A line on stderr in which no name and no path moves the terminal. A closed stderr ends quietly.
    pub(crate) fn say(&mut self, line: &str) {
        let line = self.masks.text(line).into_owned();
        let _ = writeln!(self.stderr, "{}", shown(&line));
    }

    /// Writes what was asked for to stdout. A reader that has gone away ends quietly.
    pub(crate) fn print(&mut self, text: &str) {
        let text = self.masks.text(text);
        let text = if self.is_json { filter::json(&text) } else { text };
        let _ = self.stdout.write_all(text.as_bytes()).and_then(|()| self.stdout.flush());
    }

    /// Refuses to go on without Slurm's commands: `Err` is the exit code. `help` says what needs them.
    pub(crate) fn need_slurm(&mut self, help: &str) -> Result<(), i32> {
        if slurm::is_at_hand(&self.environment) {
            return Ok(());
        }
        let none = Diagnostic::error(Code::NoCluster, "there is no `sbatch` in PATH");
        Err(self.refuse(&[none.help(help)]))
    }

    /// `$OTTO_HOME`, else `~/.otto`. None where neither variable is set.
    pub(crate) fn home_path(&self) -> Option<PathBuf> {
        if let Some(home) = self.environment.filled("OTTO_HOME") {
            return Some(self.cwd.join(home));
        }
        Some(layout::default_home(&self.cwd.join(self.environment.filled("HOME")?)))
    }

    /// The home for a run: the real one, or with a warning one that lives only as long as the machine lets it.
    /// `Err` is the exit code, after a message.
    pub(crate) fn open_home(&mut self) -> Result<Home, i32> {
        let why = match self.home_path().map(claim::open_home) {
            Some(Ok(home)) => return Ok(home),
            Some(Err(error @ (claim::HomeError::Foreign { .. } | claim::HomeError::Shared { .. }))) => {
                return Err(self.refuse_home(&error));
            }
            Some(Err(error)) => error.to_string(),
            None => "neither OTTO_HOME nor HOME is set".to_owned(),
        };
        match claim::temporary_home(host::random()) {
            Ok(home) => {
                let root = home.root.display();
                self.say(&format!("warning: {why}; this run is recorded in `{root}`"));
                Ok(home)
            }
            Err(error) => {
                let reason = host::plain(&error);
                let message = format!("{why}, and cannot create a temporary directory: {reason}");
                Err(self.fail(Code::NoRecords, message, 75))
            }
        }
    }
}
