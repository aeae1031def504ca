//! `--watch`: runs the same tasks again whenever files change that they are made from.

use super::flag::{Flags, Watching};
use super::{Wanted, options, planned, understood};
use crate::command::{self, Context, PlannedRun, Watched};
use crate::diagnostic::{Code, Diagnostic};
use crate::event::RunResult;
use crate::exec::keep::Keep;
use crate::host::Found;
use crate::name::JobName;
use crate::ottofile::Ottofile;
use crate::plan::{self, Work};
use crate::request::Request;
use crate::run::Finished;
use crate::run::outcomes::Earlier;
use crate::run::signals::{CONFIRMATION, STOPPING, SUSPENDING, Signals, die_by, halt, send_to_self};
use crate::view::console::Volume;
use crate::view::filter::shown;
use crate::view::wording::counted;
use crate::watch::{Attending, FileChange, FileWatch, Habits, RunTime, WatchScope};
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// Runs until a signal ends it; answers an exit code only if not even the first run could start.
pub(super) fn watch(
    context: &mut Context,
    flags: &Flags,
    how: Watching,
    words: &[OsString],
    all_words: &[OsString],
) -> i32 {
    command::below_guard(context, |context, signals| {
        let keep = Keep::default();
        let mut rounds = Rounds {
            flags,
            how,
            words,
            all_words,
            watch: FileWatch::start(),
            scope: None,
            keep: keep.clone(),
        };
        let turn = Arc::new(Mutex::new(()));
        // Whenever no run listens, also while one begins or ends.
        signals.subscribe(between_runs(keep, turn.clone()), |signal| signal);
        let mut habits = Habits::default();
        let mut changed = Vec::new();
        loop {
            // Once a signal ends it, no other run starts.
            let running = turn.lock().unwrap_or_else(PoisonError::into_inner);
            context.now = jiff::Timestamp::now();
            let began = Instant::now();
            let code = rounds.run(context, signals, changed);
            let ended = Instant::now();
            // Nothing is known that could change.
            let Some(scope) = &rounds.scope else { return code };
            drop(running);
            changed = loop {
                let mut changes = rounds.watch.wait();
                let habit = habits.note(RunTime { began, ended }, &mut changes);
                for path in habit.by_runs {
                    let shown = scope.shown(&path);
                    context.say(&format!(
                        "warning: each run changes `{shown}`, so these changes no longer start one; declare it as `output`, or let git ignore it"
                    ));
                    rounds.watch.mute(&path);
                }
                if !habit.delay.is_zero() {
                    let meanwhile = rounds.watch.wait_for(habit.delay);
                    habits.acquit(&meanwhile);
                    changes.extend(meanwhile);
                }
                let changed = told(&changes, scope);
                if !changed.is_empty() {
                    break changed;
                }
            };
        }
    })
}

fn told(changes: &[FileChange], scope: &WatchScope) -> Vec<String> {
    let paths: BTreeSet<&PathBuf> = changes.iter().flat_map(|change| &change.paths).collect();
    paths.into_iter().map(|path| scope.shown(path)).collect()
}

/// What stays the same from run to run.
struct Rounds<'a> {
    flags: &'a Flags,
    how: Watching,
    words: &'a [OsString],
    all_words: &'a [OsString],
    watch: FileWatch,
    /// Of the latest plan that could be made.
    scope: Option<WatchScope>,
    keep: Keep,
}

/// Does what signals ask for while no run does: services end before otto, and halt with it. `turn` is held while a run starts
/// and until it has ended.
fn between_runs(keep: Keep, turn: Arc<Mutex<()>>) -> SyncSender<i32> {
    let (sender, signals) = sync_channel(SIGNALS);
    std::thread::spawn(move || {
        for signal in &signals {
            if STOPPING.contains(&signal) {
                let came = Instant::now();
                let turn = loop {
                    match free(&turn) {
                        Some(turn) => break Some(turn),
                        None if keep.names().is_empty() => die_by(signal),
                        // A run that is about to start hears it then.
                        None if came.elapsed() > CONFIRMATION => break None,
                        None => std::thread::sleep(RETRY),
                    }
                };
                let Some(_turn) = turn else {
                    send_to_self(signal);
                    continue;
                };
                keep.end(&|| signals.try_iter().any(|again| STOPPING.contains(&again)), &tell_used);
                die_by(signal);
            } else if signal == SUSPENDING {
                keep.suspend();
                halt();
                keep.resume();
            }
        }
    });
    sender
}

fn free(turn: &Mutex<()>) -> Option<MutexGuard<'_, ()>> {
    match turn.try_lock() {
        Ok(turn) => Some(turn),
        Err(TryLockError::Poisoned(turn)) => Some(turn.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

fn tell_used(services: &[JobName]) {
    let names = services.iter().map(JobName::as_str).collect::<Vec<_>>().join(", ");
    let stay = if services.len() == 1 { "stays" } else { "stay" };
    // No one reads it: the services end all the same.
    let _ = writeln!(io::stderr(), "warning: {}: {stay} up for other runs that use it", shown(&names));
}

/// Between two looks whether a run has ended.
const RETRY: Duration = Duration::from_millis(10);

/// More of them do not come while one is dealt with.
const SIGNALS: usize = 16;

impl Rounds<'_> {
    /// Reads the ottofile and runs once; answers the exit code that this would have without `--watch`.
    fn run(&mut self, context: &mut Context, signals: &Signals, changed: Vec<String>) -> i32 {
        let is_first = self.scope.is_none();
        let (found, ottofile, request) = match self.read(context) {
            Ok(read) => read,
            Err(diagnostics) => return context.refuse(&diagnostics),
        };
        let plan = match planned(context, &found, &ottofile, &request, true) {
            Ok(plan) => Arc::new(plan),
            Err(diagnostics) => return context.refuse(&diagnostics),
        };
        let scope = WatchScope::new(&plan, &ottofile, &found.path, context.home_path());
        let attending = self.watch.attend(scope.clone());
        self.scope = Some(scope);
        if is_first && let Some(trouble) = &attending.trouble {
            context.say(&format!("warning: {trouble}; looking at all files every second instead"));
        }
        let mut options = options(context, self.flags, self.all_words);
        let bell = (self.how == Watching::Restart).then(|| self.watch.bell());
        let is_service =
            |name: &JobName| plan.jobs.iter().any(|job| job.work == Work::Service && job.name == *name);
        self.keep.retain(is_service);
        options.watch = Some(Watched { changed, bell, keep: self.keep.clone() });
        let (recorded, earlier) = (HashMap::new(), Earlier::default());
        let target = PlannedRun {
            found: &found,
            ottofile: &ottofile,
            request: &request,
            plan: &plan,
            recorded,
            earlier,
        };
        let code = match command::execute(context, &target, &options, signals) {
            Ok(Finished { unheard: Some(signal), .. }) => self.end(signal),
            Ok(finished) => match finished.result {
                RunResult::Interrupted { signal } if !finished.is_superseded => self.end(signal),
                RunResult::Interrupted { .. } => return 0,
                RunResult::Succeeded => 0,
                RunResult::Failed { status } => status,
            },
            Err(code) => {
                if is_first {
                    self.scope = None;
                    return code;
                }
                code
            }
        };
        self.tell(context, &attending);
        code
    }

    /// Services that this run did not need are still up.
    fn end(&self, signal: i32) -> ! {
        self.keep.end(&|| false, &tell_used);
        die_by(signal)
    }

    fn tell(&self, context: &mut Context, attending: &Attending) {
        if self.flags.volume() > Volume::Quiet && !self.flags.is_json {
            let files = counted(attending.files, "file", "files");
            let up = match self.keep.names().as_slice() {
                [] => String::new(),
                [one] => format!(", {} is up", shown(one.as_str())),
                several => {
                    let names: Vec<&str> = several.iter().map(JobName::as_str).collect();
                    format!(", {} are up", shown(&names.join(", ")))
                }
            };
            context.say(&format!("watching {files}{up}; Ctrl-C ends"));
        }
    }

    fn read(&self, context: &mut Context) -> Result<(Found, Arc<Ottofile>, Request), Vec<Diagnostic>> {
        let mut loaded = context.load()?;
        let wanted = understood(context, &mut loaded, self.words)?;
        context.show_warnings(&mut loaded);
        match wanted {
            Wanted::Run { request, .. } => {
                context.hide(plan::secret::requested(&loaded.ottofile, &request));
                Ok((loaded.found, Arc::new(loaded.ottofile), request))
            }
            Wanted::Help { .. } | Wanted::List { .. } | Wanted::GeneralHelp => {
                let wrong = Diagnostic::error(Code::Contradiction, "`--watch` needs a task");
                Err(vec![wrong.help("the ottofile no longer has default tasks")])
            }
        }
    }
}
