//! `otto Cancel`: ends what a run has left on a cluster whose otto is gone.

use super::Context;
use super::pick::{Records, refuse_short, run_argument};
use crate::diagnostic::{Code, Diagnostic};
use crate::event::Exit;
use crate::exec::slurm::{self, LeftJobs};
use crate::history::find::shortest;
use crate::history::past::{self, Standing};
use crate::name::RunId;
use crate::store::exchange::{self, BeginRecord, EndRecord};
use crate::store::layout::{AttemptDir, ProjectDir, RunDir};
use crate::view::wording::counted;
use clap::{ArgMatches, Command};
use std::time::{Duration, Instant};

/// Between two questions to Slurm.
const BETWEEN: Duration = Duration::from_secs(2);
/// Jobs that are not gone by then are killed. Slurm itself kills them after `KillWait`, which is half a minute mostly.
const POLITE: Duration = Duration::from_secs(45);
/// How long Slurm has to confirm it.
const PATIENCE: Duration = Duration::from_secs(120);
/// The name under which this claims.
const WHO: &str = "cancel";

pub(super) fn command() -> Command {
    Command::new("Cancel").arg(run_argument().default_value("latest")).after_help(
        "For a run whose otto was killed, or whose machine is gone. Ctrl-C ends a run whose otto is there.",
    )
}

pub(super) fn run(context: &mut Context, matches: &ArgMatches) -> i32 {
    match cancel(context, matches) {
        Ok(()) => 0,
        Err(code) => code,
    }
}

fn cancel(context: &mut Context, matches: &ArgMatches) -> Result<(), i32> {
    let records = Records::open(context)?;
    let word = matches.get_one::<String>("run").expect("bug: it has a default");
    refuse_short(context, word)?;
    let found = records.find(context, word)?;
    let (dir, short) = (found.project.run(&found.id), found.short.clone());
    let wrong = |message: String| Diagnostic::error(Code::NotLeft, message);
    match past::standing(&dir) {
        Standing::Crashed => {}
        Standing::Running if dir.exchange().driver_job().exists() => {
            return cancel_driver(context, &dir, &found.id, &short);
        }
        Standing::Running => {
            let running = wrong(format!("run `{short}` has an otto that drives it"));
            return Err(context.refuse(&[running.help("stop that with Ctrl-C, or send it SIGINT")]));
        }
        Standing::Ended(_) => {
            let over = wrong(format!("run `{short}` is over, so it has no jobs on a cluster"));
            return Err(context.refuse(&[over]));
        }
    }
    let open = exchange::open_attempts(&dir.exchange());
    if open.is_empty() && !dir.exchange().driver_job().exists() {
        let _ = std::fs::remove_file(dir.plan());
        context.say(&format!("run {short} has left no jobs on a cluster"));
        return Ok(());
    }
    context.need_slurm("otto needs Slurm's commands to cancel jobs")?;
    for attempt in &open {
        if let Err(error) = give_up(attempt) {
            let message =
                format!("cannot write in `{}`: {}", attempt.path.display(), crate::host::plain(&error));
            return Err(context.fail(Code::NoRecords, message, 75));
        }
    }
    let cancelled = wait_for_end(context, &found.id)?;
    close(&open);
    // A run whose jobs were cancelled cannot be resumed. If the plan cannot be removed, resuming would repeat them.
    let _ = std::fs::remove_file(dir.plan());
    context.say(&format!("cancelled {} of run {short}", counted(cancelled, "job", "jobs")));
    Ok(())
}

/// Ends the job that drives a run: it ends the others.
fn cancel_driver(context: &mut Context, dir: &RunDir, run: &RunId, short: &str) -> Result<(), i32> {
    let silent = |context: &mut Context, why: &str| {
        let wrong = Diagnostic::error(Code::ClusterSilent, why);
        context.show(&[wrong.help("cancel again")]);
        1
    };
    match slurm::cancel_driver(&context.environment, run) {
        Ok(true) => {}
        Ok(false) => {
            let message =
                format!("run `{short}` has an otto that drives it, outside the job that was to do so");
            let wrong = Diagnostic::error(Code::NotLeft, message);
            return Err(context.refuse(&[wrong.help("stop that with Ctrl-C, or send it SIGINT")]));
        }
        Err(why) => return Err(silent(context, &why)),
    }
    let begun = Instant::now();
    while past::standing(dir) == Standing::Running {
        if begun.elapsed() > PATIENCE {
            return Err(silent(context, "the job that drives the run does not end"));
        }
        std::thread::sleep(BETWEEN / 4);
    }
    context.say(&format!("cancelled run {short}"));
    Ok(())
}

/// An attempt that has not begun never does; one that runs is asked to end, also where Slurm is not heard.
fn give_up(attempt: &AttemptDir) -> std::io::Result<()> {
    match exchange::begin(attempt, WHO, &BeginRecord { host: None })? {
        true => Ok(()),
        false => exchange::cancel(attempt),
    }
}

/// Answers how many jobs there were.
fn wait_for_end(context: &mut Context, run: &RunId) -> Result<usize, i32> {
    let begun = Instant::now();
    let mut most = 0;
    loop {
        let is_forced = begun.elapsed() > POLITE;
        let left = slurm::cancel_left(&context.environment, run, is_forced);
        match &left {
            LeftJobs::None => return Ok(most),
            LeftJobs::Some(count) => most = most.max(*count),
            LeftJobs::Unknown(_) => {}
        }
        if begun.elapsed() > PATIENCE {
            let why = match left {
                LeftJobs::Unknown(said) => format!("Slurm does not answer: {said}"),
                LeftJobs::Some(count) => format!("Slurm still has {}", counted(count, "job", "jobs")),
                LeftJobs::None => unreachable!("bug: no jobs were left"),
            };
            let wrong = Diagnostic::error(Code::ClusterSilent, why);
            let help = "tasks that wait will not begin, and those that run end within some seconds; cancel again to see that they did";
            context.show(&[wrong.help(help)]);
            return Err(1);
        }
        std::thread::sleep(BETWEEN);
    }
}

/// No job of it is there any more: what has not ended by itself has no end.
fn close(open: &[AttemptDir]) {
    for attempt in open {
        // A folder that stays says less than one that is gone, and does no harm.
        let _ = exchange::end(attempt, WHO, &EndRecord::without_process(Exit::Lost));
    }
}

/// How many attempts a run whose otto is gone has left, which a cluster may still run.
pub(super) fn left(dir: &RunDir) -> usize {
    match past::standing(dir) {
        Standing::Crashed => exchange::open_attempts(&dir.exchange()).len(),
        Standing::Running | Standing::Ended(_) => 0,
    }
}

/// Says so, before another run of the project begins.
pub(super) fn tell_of_left(context: &mut Context, project: &ProjectDir) {
    let latest = std::fs::read_link(project.latest()).ok();
    let Some(id) = latest.and_then(|link| RunId::parse(link.to_str()?)) else { return };
    let count = left(&project.run(&id));
    if count > 0 {
        let short = shortest(&id, |_| false);
        let jobs = counted(count, "job", "jobs");
        let resume = match project.run(&id).plan().exists() {
            true => format!("otto Resume {short}, or "),
            false => String::new(),
        };
        let left = format!("run {short} was left with {jobs} on the cluster");
        context.say(&format!("note: {left}: {resume}otto Cancel {short}"));
    }
}
