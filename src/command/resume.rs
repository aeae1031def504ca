//! `otto Resume`: goes on with a run on a cluster whose otto is gone. Its jobs there are taken over, the rest is started.

use super::execute::{
    Driven, DriverJob, Options, RunPlace, below_guard, common_setting, drive, ended, open_vault, stream_limit,
};
use super::pick::{Picked, Records, refuse_short, run_argument};
use super::rerun::{recorded, shown_path};
use super::run_option::{asked_display, run_option};
use super::{Context, cluster};
use crate::diagnostic::{Code, Diagnostic};
use crate::event::{Event, Stamped};
use crate::exec::local::room_for;
use crate::history::journal;
use crate::history::past::Standing;
use crate::host::{self, Found};
use crate::run::resume::WrittenPlan;
use crate::run::signals::Signals;
use crate::run::{Finished, Setting, inbox};
use crate::store::claim::{self, RunLock};
use crate::store::{exchange, regular};
use crate::view::console::{Display, Volume};
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::sync::Arc;

pub(super) fn command() -> Command {
    Command::new("Resume")
        .arg(run_argument().default_value("latest"))
        .args(["display", "quiet", "verbose"].map(run_option))
        .arg(Arg::new("driver").long("driver").action(ArgAction::SetTrue).hide(true))
        .after_help(
            "Goes on with the same run: tasks that ended are not run again, jobs that wait or run are taken over, and the\nrest is started. Variables are those of this otto's environment.",
        )
}

pub(super) fn run(context: &mut Context, matches: &ArgMatches) -> i32 {
    below_guard(context, |context, signals| match resume(context, matches, signals) {
        Ok(finished) => ended(&finished),
        Err(code) => code,
    })
}

fn resume(context: &mut Context, matches: &ArgMatches, signals: &Signals) -> Result<Finished, i32> {
    let records = Records::open(context)?;
    let word = matches.get_one::<String>("run").expect("bug: it has a default");
    refuse_short(context, word)?;
    let picked = records.read(context, word)?;
    refuse_what_is_not_left(context, &picked)?;
    let plan = written_plan(context, &picked)?;
    context.need_slurm("otto needs Slurm's commands to follow jobs")?;
    let limit = stream_limit(context)?;
    let record = match &picked.run.record {
        Ok(record) => record.clone(),
        Err(error) => return Err(cannot(context, &picked, &format!("its record cannot be read: {error}"))),
    };
    let found = Found { shown: shown_path(context, &record.ottofile.0), path: record.ottofile.0.clone() };
    let loaded =
        recorded(context, &picked, &record, found.clone()).map_err(|wrong| context.refuse(&wrong))?;
    let (found, ottofile) = (loaded.found, Arc::new(loaded.ottofile));
    if !plan.tasks.iter().eq(ottofile.tasks.iter().map(|task| task.name.as_str())) {
        return Err(cannot(context, &picked, "its ottofile was not kept as it was"));
    }
    let (lock, past) = take_over(context, &picked)?;
    let home = context.open_home()?;
    let run_dir = picked.run.dir.clone();
    let run_id = picked.found.id.clone();
    let vault = open_vault(context, &home, &run_id);
    let inbox = inbox();
    let place = RunPlace { home: &home, folder: found.folder().to_owned(), run_dir, run_id, vault };
    // Also for a project that has moved: the records are where they are.
    let common = Setting {
        project: picked.found.project.clone(),
        ..common_setting(context, &ottofile, &Arc::new(plan.plan.into_owned()), &place, limit, &inbox.0)
    };
    let most = room_for(plan.local_slots, None);
    let setting = Setting {
        places: plan.places.into_owned(),
        resources: plan.resources.into_owned(),
        local_slots: plan.local_slots.min(most).max(1),
        slots: plan.slots,
        policy: plan.policy,
        ignores_freshness: plan.ignores_freshness,
        timeout: plan.timeout,
        run_timeout: plan.run_timeout,
        lost_retries: plan.lost_retries,
        may_be_left: true,
        ..common
    };
    let asked = asked_display(matches).map_err(|wrong| context.refuse(&[wrong]))?;
    let quiet = matches.get_count("quiet");
    let options = Options {
        jobs: None,
        policy: None,
        ignores_freshness: plan.ignores_freshness,
        display: context.display(Display::quieted(quiet, asked)),
        is_tui: false,
        volume: Volume::new(quiet, matches.get_flag("verbose")),
        tail_lines: 20,
        timeout: None,
        is_json: context.is_json,
        words: Vec::new(),
        is_confirmed: true,
        run_timeout: None,
        wish: cluster::ClusterWish::default(),
        is_detached: false,
        origin: None,
        watch: None,
    };
    let rules = Some(plan.rules.into_owned());
    let again = matches.get_flag("driver").then(|| setting.clone());
    let driven = Driven { setting, rules, lock, inbox, past: Some(past), is_tui: false };
    let finished = drive(context, &found, &home, &options, signals, driven)?;
    if let Some(setting) = again.filter(|_| finished.is_left) {
        let site = cluster::site(context, &cluster::ClusterWish::default())?;
        let job =
            DriverJob { home: &home, ottofile: &found.path, resources: &site.driver, setting: &setting };
        let number = job.submit(context)?;
        context.say(&format!("job {number} goes on with the run"));
        return Err(0);
    }
    Ok(finished)
}

fn cannot(context: &mut Context, picked: &Picked, why: &str) -> i32 {
    let short = &picked.found.short;
    let wrong = Diagnostic::error(Code::NotLeft, format!("run `{short}` cannot go on: {why}"));
    let help = format!(
        "`otto Cancel {short}` ends what it left on a cluster, `otto Rerun {short}` runs what had not ended"
    );
    context.refuse(&[wrong.help(help)])
}

fn refuse_what_is_not_left(context: &mut Context, picked: &Picked) -> Result<(), i32> {
    let short = &picked.found.short;
    match picked.run.standing {
        Standing::Crashed => Ok(()),
        Standing::Running => Err(is_driven(context, picked)),
        Standing::Ended(_) => {
            let over = Diagnostic::error(Code::NotLeft, format!("run `{short}` is over"));
            Err(context.refuse(&[over.help(format!("`otto Rerun {short}` runs again what failed"))]))
        }
    }
}

/// A run that has an otto: where, as far as that is known.
fn is_driven(context: &mut Context, picked: &Picked) -> i32 {
    let short = &picked.found.short;
    let at = claim::driver_of(&picked.run.dir).map_or(String::new(), |host| format!(" on {host}"));
    let running = Diagnostic::error(Code::NotLeft, format!("run `{short}` has an otto that drives it{at}"));
    context.refuse(&[running.help(format!("`otto Show {short}` shows how far it is"))])
}

fn written_plan(context: &mut Context, picked: &Picked) -> Result<WrittenPlan<'static>, i32> {
    let text = match regular::read(&picked.run.dir.plan()) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let why = "it has no plan: only runs with tasks on a cluster have one, without services, streams, \
                       `Rerun` and `--watch`, until they are cancelled";
            return Err(cannot(context, picked, why));
        }
        Err(error) => {
            let why = format!("its plan cannot be read: {}", host::plain(&error));
            return Err(cannot(context, picked, &why));
        }
    };
    match serde_json::from_slice::<WrittenPlan<'static>>(&text) {
        Ok(plan) if plan.otto == env!("CARGO_PKG_VERSION") => Ok(plan),
        Ok(plan) => Err(cannot(context, picked, &format!("it was started by otto {}", plan.otto))),
        Err(error) => Err(cannot(context, picked, &format!("its plan is not readable: {error}"))),
    }
}

/// Becomes the otto of the run, and reads what the one before wrote down.
fn take_over(context: &mut Context, picked: &Picked) -> Result<(RunLock, Vec<Stamped>), i32> {
    let dir = &picked.run.dir;
    let lock = match claim::take_over(dir) {
        Ok(Some(lock)) => lock,
        Ok(None) => return Err(is_driven(context, picked)),
        Err(error) => return Err(context.fail(Code::NoRecords, error.to_string(), 75)),
    };
    let exchange = dir.exchange();
    match exchange::drive(&exchange, exchange::latest_driver(&exchange) + 1) {
        Ok(true) => {}
        // Another one was faster, on another machine.
        Ok(false) => return Err(is_driven(context, picked)),
        Err(error) => {
            let path = exchange.drivers();
            let message = format!("cannot write in `{}`: {}", path.display(), host::plain(&error));
            return Err(context.fail(Code::NoRecords, message, 75));
        }
    }
    let past = match journal::read(dir) {
        Ok(past) => past,
        Err(error) => return Err(cannot(context, picked, &error.to_string())),
    };
    if past.iter().any(|stamped| matches!(stamped.event, Event::RunEnded { .. })) {
        return Err(cannot(context, picked, "it is over"));
    }
    if past.iter().any(|stamped| matches!(stamped.event, Event::Stopping { .. })) {
        return Err(cannot(context, picked, "it was being stopped"));
    }
    Ok((lock, past))
}
