//! What a command about the past is about: which projects, which run, which job of it.

use super::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::history::find::{self, FoundRun, LEAST_START, NotFound, Selector};
use crate::history::past::PastRun;
use crate::name::similar;
use crate::state::JobState;
use crate::store::claim;
use crate::store::layout::{Home, ProjectDir};
use crate::view::wording::counted;
use clap::Arg;
use std::path::PathBuf;

/// The records that there are.
#[derive(Debug)]
pub(super) struct Records {
    /// None: nothing was ever recorded.
    pub(super) home: Option<Home>,
    /// The folder of the ottofile; None where there is none.
    pub(super) folder: Option<PathBuf>,
}

impl Records {
    /// Looks where the records are, and changes nothing. `Err` is the exit code, after a message.
    pub(super) fn open(context: &mut Context) -> Result<Records, i32> {
        let folder = match context.found() {
            Ok(found) => Some(found.folder().to_owned()),
            // Without an ottofile all projects are meant; unless one was named.
            Err(wrong) if wrong[0].code == Code::NoOttofile && context.ottofile.is_none() => None,
            Err(wrong) => return Err(context.refuse(&wrong)),
        };
        match context.home_path().map(claim::find_home).transpose() {
            Ok(home) => Ok(Records { home: home.flatten(), folder }),
            Err(error) => Err(context.refuse_home(&error)),
        }
    }

    /// The project of the ottofile; without an ottofile, or with `is_everywhere`, all projects.
    pub(super) fn projects(&self, is_everywhere: bool) -> Vec<ProjectDir> {
        match (&self.home, &self.folder) {
            (None, _) => Vec::new(),
            (Some(home), Some(folder)) if !is_everywhere => vec![home.project(folder)],
            (Some(home), _) => find::projects(home),
        }
    }

    /// The run that `word` names. `Err` is the exit code, after a message.
    pub(super) fn find(&self, context: &mut Context, word: &str) -> Result<FoundRun, i32> {
        let near = self.projects(false);
        find::find(&Selector::parse(word), &near, || self.projects(true)).map_err(|why| {
            let unknown = not_found(word, &why);
            let is_task = matches!(why, NotFound::Unknown(_)) && is_task_of_latest(&near, word);
            let help = || format!("`{word}` is a task of the latest run; write `latest {word}`");
            context.refuse(&[if is_task { unknown.help(help()) } else { unknown }])
        })
    }

    /// The run that `word` names, read.
    pub(super) fn read(&self, context: &mut Context, word: &str) -> Result<Picked, i32> {
        let found = self.find(context, word)?;
        self.read_found(context, found)
    }

    /// A run that was found, read. `Err` is the exit code, after a message.
    pub(super) fn read_found(&self, context: &mut Context, found: FoundRun) -> Result<Picked, i32> {
        let dir = found.project.run(&found.id);
        match PastRun::read(dir.clone(), found.id.clone()) {
            Ok(run) => Ok(Picked { run, found }),
            Err(error) => {
                let unreadable = Diagnostic::error(
                    Code::UnreadableRun,
                    format!("cannot read the records of run `{}`: {error}", found.short),
                );
                Err(context.refuse(&[unreadable.note(format!("its folder is `{}`", dir.path.display()))]))
            }
        }
    }
}

/// What runs tasks must not guess which run is meant: `Rerun 2` names any run of a millennium.
pub(super) fn refuse_short(context: &mut Context, word: &str) -> Result<(), i32> {
    match Selector::parse(word) {
        Selector::Start(start) if start.chars().count() < LEAST_START => {
            let message = format!("`{word}` is too short to identify the run");
            let wrong = Diagnostic::error(Code::UnknownRun, message);
            let help = format!(
                "give at least {LEAST_START} characters of its ID, or `latest`, `latest-failed` or `-1`; `otto History` lists the runs"
            );
            Err(context.refuse(&[wrong.help(help)]))
        }
        Selector::Start(_) | Selector::Latest | Selector::LatestFailed | Selector::Back(_) => Ok(()),
    }
}

/// A run that was picked and read.
#[derive(Debug)]
pub(super) struct Picked {
    pub(super) run: PastRun,
    pub(super) found: FoundRun,
}

impl Picked {
    /// The jobs that a name means: one job, or all of a foreach task. `Err` is the exit code, after a message.
    pub(super) fn jobs(&self, context: &mut Context, name: &str) -> Result<Vec<&JobState>, i32> {
        let jobs = self.jobs_named(name);
        if jobs.is_empty() { Err(context.refuse(&[self.no_job(name)])) } else { Ok(jobs) }
    }

    /// The one job of that name. `Err` is the exit code, after a message.
    pub(super) fn job(&self, context: &mut Context, name: &str) -> Result<&JobState, i32> {
        match self.jobs(context, name)?[..] {
            [one] => Ok(one),
            ref many => {
                let names: Vec<String> =
                    many.iter().take(10).map(|job| format!("`{}`", job.planned.name)).collect();
                let more = if many.len() > names.len() { ", …" } else { "" };
                let several = Diagnostic::error(
                    Code::NotInRun,
                    format!(
                        "`{name}` had {} jobs in run `{}`; name one of them",
                        many.len(),
                        self.found.short
                    ),
                );
                Err(context.refuse(&[several.help(format!("its jobs are {}{more}", names.join(", ")))]))
            }
        }
    }

    pub(super) fn jobs_named(&self, name: &str) -> Vec<&JobState> {
        let state = &self.run.state;
        let bodies = || state.jobs.iter().filter(|job| job.planned.has_body);
        match bodies().find(|job| job.planned.name.as_str() == name) {
            Some(one) => vec![one],
            None => bodies().filter(|job| job.planned.task.as_str() == name).collect(),
        }
    }

    pub(super) fn no_job(&self, name: &str) -> Diagnostic {
        let names = || {
            let bodies = self.run.state.jobs.iter().filter(|job| job.planned.has_body);
            bodies.map(|job| job.planned.name.as_str())
        };
        let is_group = |job: &&JobState| !job.planned.has_body && job.planned.name.as_str() == name;
        if let Some(group) = self.run.state.jobs.iter().find(is_group) {
            let message = format!(
                "`{name}` in run `{}` has no script, so it has no log and no values",
                self.found.short
            );
            let needs: Vec<String> = group.planned.needs.iter().map(|need| format!("`{need}`")).collect();
            return Diagnostic::error(Code::NotInRun, message).note(match needs[..] {
                [] => "it had no items".to_owned(),
                _ => format!("it groups {}", needs.join(", ")),
            });
        }
        let diagnostic =
            Diagnostic::error(Code::NotInRun, format!("run `{}` has no task `{name}`", self.found.short));
        let diagnostic = match self.run.record.as_ref().ok().and_then(|record| record.origin.as_ref()) {
            Some(origin) => diagnostic.help(format!("it is a partial rerun of run `{}`", origin.short())),
            None => diagnostic,
        };
        match similar(name, names(), 3)[..] {
            [] => {
                let all: Vec<String> = names().take(10).map(|name| format!("`{name}`")).collect();
                let more = if names().nth(10).is_some() { ", …" } else { "" };
                match all[..] {
                    [] => diagnostic.note("it recorded no tasks"),
                    _ => diagnostic.note(format!("its tasks are {}{more}", all.join(", "))),
                }
            }
            ref near => diagnostic.did_you_mean(near),
        }
    }
}

fn is_task_of_latest(near: &[ProjectDir], word: &str) -> bool {
    let latest = find::find(&Selector::Latest, near, Vec::new).ok();
    let run = latest.and_then(|found| PastRun::read(found.project.run(&found.id), found.id.clone()).ok());
    let is_meant = |job: &JobState| job.planned.name.as_str() == word || job.planned.task.as_str() == word;
    run.is_some_and(|run| run.state.jobs.iter().any(is_meant))
}

fn not_found(word: &str, why: &NotFound) -> Diagnostic {
    let unknown = |message: String| Diagnostic::error(Code::UnknownRun, message);
    match why {
        NotFound::NoRuns => unknown(format!("unknown run `{word}`: no runs are recorded yet")),
        NotFound::NoFailedRun => unknown(format!("unknown run `{word}`: all recorded runs succeeded")),
        NotFound::TooFarBack(count) => {
            unknown(format!("unknown run `{word}`: only {} recorded", counted(*count, "is", "are")))
                .help("`otto History` lists them")
        }
        NotFound::Unknown(near) => {
            let near: Vec<&str> = near.iter().map(String::as_str).collect();
            let diagnostic = unknown(format!("unknown run `{word}`"));
            if near.is_empty() {
                diagnostic.help("`otto History` lists the runs; `latest`, `latest-failed` and `-1` also work")
            } else {
                diagnostic.did_you_mean(&near)
            }
        }
        NotFound::Ambiguous(ids) => {
            const MOST: usize = 5;
            let named: Vec<String> = ids.iter().take(MOST).map(|id| format!("`{}`", id.tail())).collect();
            let more =
                if ids.len() > MOST { format!(" and {} more", ids.len() - MOST) } else { String::new() };
            Diagnostic::error(Code::AmbiguousRun, format!("`{word}` matches {} runs", ids.len()))
                .help(format!("newest first: {}{more}", named.join(", ")))
        }
    }
}

/// The argument that names a run.
pub(super) fn run_argument() -> Arg {
    Arg::new("run")
        .value_name("RUN")
        .allow_negative_numbers(true)
        .help("the first characters of a run's ID, `latest`, `latest-failed`, or `-1`, `-2`, …")
}
