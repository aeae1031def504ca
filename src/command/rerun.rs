//! `otto Rerun`: runs again what a run left undone, or the tasks that are named, with the data and the parameters of that
//! run. A rerun is a run of its own, linked to its origin.

mod grown;

use super::execute::{Options, below_guard, run_to_end};
use super::findings::Surroundings;
use super::history::command_line;
use super::pick::{Picked, Records, refuse_short, run_argument};
use super::run_option::{RUN_OPTIONS, RunOptions, run_option};
use super::{Context, DryRun, PlannedRun, dry_run};
use crate::body::Language;
use crate::diagnostic::{Code, Diagnostic};
use crate::event::{Outcome, Skip};
use crate::exec::screen::announce_screen;
use crate::fate::Fate;
use crate::flow::{self, TaskFlow};
use crate::history::past::Standing;
use crate::history::record::{RunRecord, is_secret_name};
use crate::host::{self, Found, HostFacts, plain};
use crate::load::{Loaded, RecordedFile};
use crate::name::{JobName, RunId, similar};
use crate::ottofile::spec::{Body, BodyKey, ForeachSource, Task};
use crate::ottofile::{self, Ottofile};
use crate::plan::restrict::{PartialPlan, restrict};
use crate::plan::{self, FanIn, Flow, Plan, Told, Work};
use crate::request::{Argument, Asked, Given, Request};
use crate::run::outcomes::{self, Earlier};
use crate::run::signals::Signals;
use crate::run::{Recorded, RecordedInput, RecordedSource, is_withheld};
use crate::secret::{self, MASK, Secret};
use crate::source::{SourceFile, Sources};
use crate::state::JobState;
use crate::store::layout::JobDir;
use crate::store::outputs::{self, Outputs};
use crate::value::{self, Value};
use crate::verbatim::unhex;
use crate::view::filter::shown;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::sync::Arc;

const BASH_SHELL: &str = include_str!("rerun/shell.sh");
const PYTHON_SHELL: &str = include_str!("rerun/shell.py");

/// Variables that were set then and are not now: so many are named.
const MOST_NAMED: usize = 8;

/// Variables that come and go with every shell, and say nothing.
const OF_THE_SHELL: [&str; 6] = ["_", "COLUMNS", "LINES", "OLDPWD", "PWD", "SHLVL"];

pub(super) fn command() -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    let pairs = |name: &'static str| Arg::new(name).long(name).action(ArgAction::Append);
    Command::new("Rerun")
        .arg(run_argument().default_value("latest"))
        .arg(
            Arg::new("tasks")
                .value_name("TASK")
                .num_args(0..)
                .help("only these (default: tasks that failed, were interrupted, were skipped or did not start)"),
        )
        .arg(Arg::new("from").long("from").value_name("TASK").help("run this task and everything that depends on it"))
        .arg(pairs("set").value_name("TASK.KEY=VALUE").help("change an input value to a string; a list or an object stays one if the value is JSON of one"))
        .arg(pairs("set-json").value_name("TASK.KEY=JSON").help("change an input value to any JSON value"))
        .arg(
            pairs("param")
                .value_name("[TASK.]NAME=VALUE")
                .help("change a parameter, or supply one that was not recorded because it looks like a secret"),
        )
        .arg(flag("recorded-script").help("use the ottofile as it was then, not the current one"))
        .arg(flag("shell").help("open a shell with the task's data instead of running the task"))
        .arg(flag("dry-run").short('n').help("show what would run, without running it"))
        .args(RUN_OPTIONS.map(run_option))
        .after_help(
            "Tasks get the inputs and parameters recorded in that run. What a run does not record is as it is now: files\noutside its folder, and the values of variables.",
        )
}

pub(super) fn run(context: &mut Context, matches: &ArgMatches) -> i32 {
    if matches.get_flag("dry-run") {
        return run_again(context, matches, None);
    }
    if matches.get_flag("tui") {
        announce_screen();
    }
    below_guard(context, |context, signals| run_again(context, matches, Some(signals)))
}

/// Without `signals` it is only shown what would run.
fn run_again(context: &mut Context, matches: &ArgMatches, signals: Option<&Signals>) -> i32 {
    let asked = match RunOptions::of(matches) {
        Ok(asked) => asked,
        Err(wrong) => return context.refuse(&[wrong]),
    };
    let rerun = match Rerun::prepare(context, matches) {
        Ok(Some(rerun)) => rerun,
        Ok(None) => return 0,
        Err(code) => return code,
    };
    let Rerun { found, ottofile, request, plan, recorded, earlier, origin } = rerun;
    let (ottofile, plan) = (Arc::new(ottofile), Arc::new(plan));
    let target =
        PlannedRun { found: &found, ottofile: &ottofile, request: &request, plan: &plan, recorded, earlier };
    let Some(signals) = signals else {
        // What it sees of an earlier run is not what its last success saw.
        let show = DryRun { scripts: matches.get_flag("verbose"), worked_out: None };
        return dry_run(context, &target, &asked.wish, &show);
    };
    let options = Options {
        // It was asked to run again, whatever has changed since.
        ignores_freshness: true,
        origin: Some(origin),
        ..asked.options(context, words(matches))
    };
    run_to_end(context, &target, &options, signals)
}

/// The command line for the record, without values that look like secrets.
fn words(matches: &ArgMatches) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["Rerun".into()];
    let texts = |name: &str| matches.get_many::<String>(name).into_iter().flatten();
    words.extend(texts("run").chain(texts("tasks")).map(OsString::from));
    words.extend(texts("from").flat_map(|task| ["--from".into(), OsString::from(task)]));
    for option in ["set", "set-json", "param"] {
        for pair in texts(option) {
            let shown = match pair.split_once('=') {
                Some((name, _)) if is_secret_name(name) => format!("{name}={MASK}"),
                Some(_) | None => pair.clone(),
            };
            words.extend([format!("--{option}").into(), shown.into()]);
        }
    }
    let flags = ["recorded-script", "shell"].into_iter().filter(|flag| matches.get_flag(flag));
    words.extend(flags.map(|flag| OsString::from(format!("--{flag}"))));
    words
}

/// All that a rerun needs, worked out before anything is started.
struct Rerun {
    found: Found,
    ottofile: Ottofile,
    request: Request,
    plan: Plan,
    recorded: Recorded,
    earlier: Earlier,
    origin: RunId,
}

impl Rerun {
    /// `Ok(None)`: there is nothing to run again, and that was said. `Err` is the exit code, after a message.
    fn prepare(context: &mut Context, matches: &ArgMatches) -> Result<Option<Rerun>, i32> {
        let records = Records::open(context)?;
        let word = matches.get_one::<String>("run").expect("bug: it has a default");
        refuse_short(context, word)?;
        let picked = records.read(context, word)?;
        let short = picked.found.short.clone();
        if picked.run.standing == Standing::Running {
            let running = Diagnostic::error(Code::NotRepeatable, format!("run `{short}` is still running"));
            return Err(context.refuse(&[running.help("wait for it, or stop it with Ctrl-C")]));
        }
        let left = super::cancel::left(&picked.run.dir);
        if left > 0 {
            let jobs = crate::view::wording::counted(left, "job", "jobs");
            let message =
                format!("run `{short}` was left with {jobs} on the cluster, which may still run tasks");
            let wrong = Diagnostic::error(Code::NotLeft, message);
            let help = match picked.run.dir.plan().exists() {
                true => {
                    format!("`otto Resume {short}` goes on with the run; `otto Cancel {short}` ends them")
                }
                false => format!("end them first: `otto Cancel {short}`"),
            };
            return Err(context.refuse(&[wrong.help(help)]));
        }
        let record = match &picked.run.record {
            Ok(record) => record.clone(),
            Err(error) => {
                let message = format!("cannot read how run `{short}` was started: {error}");
                return Err(context.refuse(&[Diagnostic::error(Code::UnreadableRun, message)]));
            }
        };
        if picked.run.state.jobs.is_empty() {
            let message = format!("run `{short}` recorded no tasks, so there is nothing to repeat");
            let empty = Diagnostic::error(Code::NotRepeatable, message);
            let anew = command_line(&record.command);
            return Err(context.refuse(&[empty.help(format!("start a new run: `{}`", shown(&anew)))]));
        }
        let mut selected = selected(context, &picked, matches)?;
        if selected.is_empty() {
            // If stderr is closed, there is nobody to tell.
            let _ = writeln!(
                context.stderr,
                "nothing to rerun: all tasks of run {short} succeeded · `otto Rerun {short} TASK` reruns a task"
            );
            return Ok(None);
        }
        let is_recorded = matches.get_flag("recorded-script");
        let (found, mut ottofile) = ottofile(context, &picked, &record, is_recorded)?;
        let mut inputs = Inputs {
            records: &records,
            runs: vec![picked],
            known: HashMap::new(),
            streams: HashMap::new(),
            of_failures: HashSet::new(),
            lost: Vec::new(),
            removed: None,
            secrets: Vec::new(),
        };
        // Named tasks are run alone.
        let takes_new = matches.get_many::<String>("tasks").is_none();
        let given: Vec<&String> = ["set", "set-json"]
            .iter()
            .filter_map(|name| matches.get_many::<String>(name))
            .flatten()
            .collect();
        context.hide_inherited(&ottofile);
        let (request, plan) = loop {
            let request = request(context, &mut inputs, &ottofile, &selected, matches)?;
            let values = inputs.values_of_items(context, &ottofile, &selected, matches);
            let today = HostFacts {
                environment: &context.environment,
                folder: found.folder(),
                may_run_commands: !matches.get_flag("dry-run"),
            };
            context.hide(plan::secret::requested(&ottofile, &request));
            let facts = grown::RerunFacts { today, values };
            match plan::make(&ottofile, &request, &facts) {
                // With more tasks, more parameters may be asked for.
                Ok(plan)
                    if inputs.expand_groups(context, &ottofile, &plan, &mut selected, matches)
                        || add_services(&plan, &mut selected)
                        || add_producers(context, &plan, &mut inputs, &mut selected)
                        || takes_new && add_new(context, &plan, &mut inputs, &mut selected, &given) =>
                {
                    drop((request, plan))
                }
                Ok(plan) => break (request, plan),
                Err(diagnostics) => {
                    let lacks_param = diagnostics.iter().any(|diagnostic| {
                        matches!(diagnostic.code, Code::MissingParam | Code::BadChoice | Code::BadParamType)
                    });
                    let code = context.refuse(&diagnostics);
                    if lacks_param {
                        let _ = writeln!(context.stderr, "help: `--param TASK.NAME=VALUE` supplies a value");
                    }
                    if !is_recorded {
                        let _ = writeln!(
                            context.stderr,
                            "help: `--recorded-script` uses the ottofile as it was then"
                        );
                    }
                    return Err(code);
                }
            }
        };
        grown::leave_to_data(&ottofile, &plan, &mut selected, matches);
        let lenient = asked_to_fail(&plan, &selected);
        context.hide(plan::secret::planned(&ottofile, &plan));
        let gone = Gone { run: &inputs.runs[0], ottofile: &ottofile, plan: &plan, is_recorded };
        gone.take_out(context, &mut selected, matches)?;
        let told = told_of(&ottofile, &plan, &selected);
        let fan_ins = fan_ins_of(&plan, &selected);
        let PartialPlan { mut plan, missing } = restrict(plan, |job| selected.contains(&job.name));
        for (name, flow) in missing.values().flatten() {
            if !matches!(flow, Flow::Stream { .. }) {
                inputs.find(context, name, lenient.contains(name));
            }
        }
        inputs.change(context, matches)?;
        let recorded = inputs.recorded(&missing);
        let lost = lost_secrets(&plan, &recorded);
        if !lost.is_empty() {
            let surroundings = Surroundings::of(context, &found, &ottofile, None);
            let flows = flow::traffic(&ottofile, &plan, &surroundings);
            refuse_lost_secrets(context, &ottofile, &flows, &lost, &short)?;
        }
        let earlier = Earlier { fan_ins, ..inputs.earlier(context, told) };
        let origin = record.id.clone();
        if matches.get_flag("shell") {
            open_shell(context, &mut ottofile, &mut plan)?;
        }
        say_what_is_run(context, &record, &plan, &mut inputs);
        Ok(Some(Rerun { found, ottofile, request, plan, recorded, earlier, origin }))
    }
}

/// A secret that was not recorded, among what a job has from an earlier run.
struct LostSecret<'a> {
    reader: &'a plan::Job,
    producer: &'a JobName,
    key: &'a str,
}

fn lost_secrets<'a>(plan: &'a Plan, recorded: &'a Recorded) -> Vec<LostSecret<'a>> {
    let inputs = plan.ids().flat_map(|id| {
        let inputs = recorded.get(&id).into_iter().flatten();
        inputs.map(move |input| (plan.job(id), input))
    });
    let lost = inputs.flat_map(|(reader, input)| {
        let keys = input.outputs.lost_secrets();
        keys.map(move |key| LostSecret { reader, producer: &input.job, key })
    });
    lost.collect()
}

/// A secret is not recorded, so a task that reads one runs again together with the task that sets it.
fn refuse_lost_secrets(
    context: &mut Context,
    ottofile: &Ottofile,
    flows: &[TaskFlow],
    lost: &[LostSecret],
    run: &str,
) -> Result<(), i32> {
    let mut told: HashSet<(&str, &str)> = HashSet::new();
    let mut wrong = Vec::new();
    for LostSecret { reader, producer, key } in lost {
        let name = producer.as_str();
        let starts = name.match_indices([':', '[']).map(|(end, _)| &name[..end]);
        let task = std::iter::once(name).chain(starts).find_map(|name| ottofile.position(name));
        let flow = flows.iter().find(|flow| Some(flow.task) == task);
        let may_read = flow.is_none_or(|flow| flow.may_read(reader.task, key));
        if !may_read || !told.insert((reader.name.as_str(), producer.as_str())) {
            continue;
        }
        let message = format!(
            "`{}` reads the output `{key}` of `{producer}`, which is secret and was not recorded",
            reader.name
        );
        wrong.push(Diagnostic::error(Code::SecretNotKept, message).help(format!(
            "run `{producer}` again too: `otto Rerun {run} --from {producer}`, or give a value: `--set {producer}.{key}=VALUE`"
        )));
    }
    if wrong.is_empty() { Ok(()) } else { Err(context.refuse(&wrong)) }
}

// ── what is run ──────────────────────────────────────────────────────────────────────────────────────────────

fn selected(context: &mut Context, picked: &Picked, matches: &ArgMatches) -> Result<HashSet<JobName>, i32> {
    let jobs = &picked.run.state.jobs;
    let named: Vec<&String> = matches.get_many("tasks").into_iter().flatten().collect();
    let mut selected: HashSet<JobName> = HashSet::new();
    for name in &named {
        selected.extend(named_jobs(context, picked, name)?);
    }
    if let Some(from) = matches.get_one::<String>("from") {
        let mut after: HashSet<JobName> = named_jobs(context, picked, from)?;
        // Plan order has needs before those who need them, so one pass is enough.
        for job in jobs {
            if job.planned.needs.iter().any(|need| after.contains(need)) {
                after.insert(job.planned.name.clone());
            }
        }
        selected.extend(
            jobs.iter()
                .filter(|job| job.planned.has_body)
                .map(|job| job.planned.name.clone())
                .filter(|name| after.contains(name)),
        );
    } else if named.is_empty() {
        for job in jobs.iter().filter(|job| job.planned.may_run()) {
            let needs = || job.planned.needs.iter().any(|need| waits_for(jobs, need, &selected));
            if is_undone(job) || job.is_not_called_for() && needs() {
                selected.insert(job.planned.name.clone());
            }
        }
    }
    Ok(selected)
}

/// Those whose failure a selected job asked for, with the jobs of a foreach task each: what they recorded before it is
/// for that job.
fn asked_to_fail(plan: &Plan, selected: &HashSet<JobName>) -> HashSet<JobName> {
    let jobs = plan.jobs.iter().filter(|job| selected.contains(&job.name));
    let needs = jobs.flat_map(|job| &job.needs).filter(|need| !need.when.is_success());
    let mut left: Vec<_> = needs.map(|need| plan.job(need.job)).collect();
    let mut asked = HashSet::new();
    while let Some(job) = left.pop() {
        if asked.insert(job.name.clone()) && !job.work.has_body() {
            left.extend(job.needs.iter().map(|need| plan.job(need.job)));
        }
    }
    asked
}

/// The jobs whose outcome the selected jobs may ask for, whether those are rerun or not.
fn told_of(ottofile: &Ottofile, plan: &Plan, selected: &HashSet<JobName>) -> HashMap<JobName, Vec<Told>> {
    let ask = |job: &plan::Job| {
        let body = ottofile.tasks[job.task].body.as_ref();
        selected.contains(&job.name) && body.is_some_and(crate::body::may_read_outcomes)
    };
    let jobs = plan.ids().zip(&plan.jobs).filter(|(_, job)| ask(job));
    jobs.map(|(id, job)| (job.name.clone(), plan::told(plan, id))).collect()
}

/// The foreach tasks on which the selected jobs depend, with the jobs that are not run again.
fn fan_ins_of(plan: &Plan, selected: &HashSet<JobName>) -> HashMap<JobName, Vec<FanIn>> {
    let jobs = plan.ids().zip(&plan.jobs).filter(|(_, job)| selected.contains(&job.name));
    let with_any = jobs.map(|(id, job)| (job.name.clone(), plan::fan_ins(plan, id)));
    with_any.filter(|(_, fan_ins)| !fan_ins.is_empty()).collect()
}

/// Adds the producers of incomplete streams. Returns whether any were added.
fn add_producers(
    context: &mut Context,
    plan: &Plan,
    inputs: &mut Inputs,
    selected: &mut HashSet<JobName>,
) -> bool {
    let before = selected.len();
    // From the last to the first, for a producer may itself read a stream.
    for job in plan.jobs.iter().rev().filter(|job| job.work.has_body()) {
        if selected.contains(&job.name) {
            for need in job.needs.iter().filter(|need| matches!(need.flow, Flow::Stream { .. })) {
                let producer = &plan.job(need.job).name;
                if !selected.contains(producer) && !inputs.has_stream(context, producer) {
                    selected.insert(producer.clone());
                }
            }
        }
    }
    selected.len() > before
}

/// Adds the services that selected jobs depend on, also through others: the one of the earlier run has ended. Returns
/// whether any were added.
fn add_services(plan: &Plan, selected: &mut HashSet<JobName>) -> bool {
    let before = selected.len();
    let mut is_needed = vec![false; plan.jobs.len()];
    for id in plan.ids().rev() {
        let job = plan.job(id);
        let is_elsewhere = job.elsewhere.is_some();
        if is_needed[id.index()] && !is_elsewhere && job.work == Work::Service {
            selected.insert(job.name.clone());
        }
        if is_needed[id.index()] || selected.contains(&job.name) {
            job.needs.iter().for_each(|need| is_needed[need.job.index()] = true);
        }
    }
    selected.len() > before
}

/// Adds needed tasks that were not in the run because the ottofile has gained the dependency since,
/// unless their values are given. Returns whether any were added.
fn add_new(
    context: &mut Context,
    plan: &Plan,
    inputs: &mut Inputs,
    selected: &mut HashSet<JobName>,
    given: &[&String],
) -> bool {
    let before = selected.len();
    let is_given = |name: &JobName| {
        let of_it =
            |pair: &&String| pair.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'));
        given.iter().any(of_it)
    };
    let mut left: Vec<&plan::Job> =
        plan.jobs.iter().map(AsRef::as_ref).filter(|job| selected.contains(&job.name)).collect();
    let mut seen: HashSet<plan::JobId> = HashSet::new();
    while let Some(job) = left.pop() {
        for need in job.needs.iter().filter(|need| seen.insert(need.job)).map(|need| plan.job(need.job)) {
            if !need.work.has_body() {
                left.push(need);
            } else if !selected.contains(&need.name)
                && !is_given(&need.name)
                && !inputs.was_there(context, &need.name)
            {
                selected.insert(need.name.clone());
                left.push(need);
            }
        }
    }
    selected.len() > before
}

/// Whether a job, or for a group one of those that it is made of, is run again.
fn waits_for(jobs: &[JobState], need: &JobName, selected: &HashSet<JobName>) -> bool {
    let mut left = vec![need];
    while let Some(name) = left.pop() {
        if selected.contains(name) {
            return true;
        }
        let group = jobs.iter().find(|job| job.planned.name == *name && !job.planned.has_body);
        left.extend(group.into_iter().flat_map(|group| &group.planned.needs));
    }
    false
}

/// Failed, interrupted, skipped for another's failure, not started, or without a result.
fn is_undone(job: &JobState) -> bool {
    match &job.outcome {
        Some(
            Outcome::Succeeded
            | Outcome::Fresh { .. }
            | Outcome::Skipped(Skip::NotCalledFor(_) | Skip::Os(_) | Skip::If | Skip::NotRan(_)),
        ) => false,
        Some(
            Outcome::Failed { .. }
            | Outcome::Skipped(Skip::Needs(_) | Skip::SerialPredecessor(_) | Skip::FailFast)
            | Outcome::Interrupted { .. }
            | Outcome::Cancelled,
        )
        | None => true,
    }
}

/// A job, all jobs of a foreach task, or what a group consists of.
fn named_jobs(context: &mut Context, picked: &Picked, name: &str) -> Result<HashSet<JobName>, i32> {
    let jobs = &picked.run.state.jobs;
    let group = jobs.iter().find(|job| !job.planned.has_body && job.planned.name.as_str() == name);
    if let Some(group) = group.filter(|_| picked.jobs_named(name).is_empty()) {
        if group.planned.awaits.is_some() {
            // Its jobs were never known.
            return Ok(HashSet::from([group.planned.name.clone()]));
        }
        let mut left = vec![&group.planned.name];
        let mut found = HashSet::new();
        while let Some(name) = left.pop() {
            match picked.run.state.job(name) {
                Some(job) if job.planned.has_body => drop(found.insert(name.clone())),
                Some(group) => left.extend(&group.planned.needs),
                None => {}
            }
        }
        return Ok(found);
    }
    Ok(picked.jobs(context, name)?.into_iter().map(|job| job.planned.name.clone()).collect())
}

/// What a run had and the plan of today has not.
struct Gone<'a> {
    run: &'a Picked,
    ottofile: &'a Ottofile,
    plan: &'a Plan,
    is_recorded: bool,
}

impl Gone<'_> {
    /// Leaves them out, with a warning; who named them, or has nothing else to run, is refused.
    fn take_out(
        &self,
        context: &mut Context,
        selected: &mut HashSet<JobName>,
        matches: &ArgMatches,
    ) -> Result<(), i32> {
        let present: HashSet<&JobName> = self.plan.jobs.iter().map(|job| &job.name).collect();
        let recorded = self.run.run.state.jobs.iter().map(|job| &job.planned);
        let gone: Vec<_> = recorded
            .filter(|job| selected.contains(&job.name) && !present.contains(&job.name))
            .map(|job| (&job.name, self.ottofile.task(job.task.as_str())))
            .collect();
        let is_unknown = |task: Option<&Task>| {
            let source = task.and_then(|task| Some(&task.foreach.as_ref()?.source));
            matches.get_flag("dry-run") && matches!(source, Some(ForeachSource::Command(_)))
        };
        let is_named = matches.get_many::<String>("tasks").is_some();
        let is_all = gone.len() == selected.len();
        let (unknown, gone): (Vec<_>, Vec<_>) = gone.into_iter().partition(|(_, task)| is_unknown(*task));
        if (is_named || is_all) && !gone.is_empty() {
            let refused: Vec<_> = gone.iter().map(|(name, task)| self.refused(name, *task)).collect();
            return Err(context.refuse(&refused));
        }
        for (name, _) in unknown {
            selected.remove(name);
            // If stderr is closed, there is nobody to tell.
            let _ = writeln!(
                context.stderr,
                "warning: the items of `{}` come from a command, which a dry run does not run",
                shown(name.as_str())
            );
        }
        for (name, _) in gone {
            selected.remove(name);
            let _ = writeln!(
                context.stderr,
                "warning: `{}` is no longer a task of {}; skipped",
                shown(name.as_str()),
                self.ottofile.sources.root().name()
            );
        }
        Ok(())
    }

    fn refused(&self, name: &JobName, task: Option<&Task>) -> Diagnostic {
        let message = format!("`{name}` is no longer a task of {}", self.ottofile.sources.root().name());
        let diagnostic = Diagnostic::error(Code::NotRepeatable, message);
        let source = task.and_then(|task| Some(&task.foreach.as_ref()?.source));
        match source {
            Some(ForeachSource::Glob(_) | ForeachSource::Command(_)) => {
                diagnostic.note("foreach items come from files or a command as they are now")
            }
            Some(ForeachSource::From(_) | ForeachSource::Each(_) | ForeachSource::Matrix(_)) => {
                diagnostic.note("its items come from data, which has no such item")
            }
            Some(ForeachSource::Items(_) | ForeachSource::Range { .. }) | None if self.is_recorded => {
                diagnostic
            }
            Some(ForeachSource::Items(_) | ForeachSource::Range { .. }) | None => {
                diagnostic.help("`--recorded-script` uses the ottofile as it was then")
            }
        }
    }
}

// ── the ottofile ─────────────────────────────────────────────────────────────────────────────────────────────

fn ottofile(
    context: &mut Context,
    picked: &Picked,
    record: &RunRecord,
    is_recorded: bool,
) -> Result<(Found, Ottofile), i32> {
    let path = record.ottofile.0.clone();
    let found = Found { shown: shown_path(context, &path), path };
    if is_recorded {
        let loaded = recorded(context, picked, record, found).map_err(|wrong| context.refuse(&wrong))?;
        return Ok((loaded.found, loaded.ottofile));
    }
    let source = host::read_ottofile(&found).map_err(|diagnostic| {
        context.refuse(&[diagnostic.help("`--recorded-script` uses the ottofile as it was then")])
    })?;
    let mut loaded = ottofile::read(&source)
        .and_then(|(ottofile, warnings)| Loaded::of(found, ottofile, warnings, &context.cwd))
        .map_err(|wrong| context.refuse(&wrong))?;
    let read = read_along(&mut loaded, picked);
    context.show_warnings(&mut loaded);
    match read {
        Ok(()) => Ok((loaded.found, loaded.ottofile)),
        Err(wrong) => Err(context.refuse(&wrong)),
    }
}

/// Reads the files that the tasks of a run lead to. Tasks that are gone are told of later.
fn read_along(loaded: &mut Loaded, picked: &Picked) -> Result<(), Vec<Diagnostic>> {
    // These are names for all files.
    loaded.ottofile.namespaces.is_topmost = true;
    let mut tasks = Vec::new();
    for job in &picked.run.state.jobs {
        loaded.read_towards(job.planned.task.as_str())?;
        tasks.extend(loaded.ottofile.position(job.planned.task.as_str()));
    }
    let links = loaded.follow(&tasks)?;
    if links.wrong.is_empty() { Ok(()) } else { Err(links.wrong) }
}

/// As the user knows it, where it is the one at hand.
pub(super) fn shown_path(context: &mut Context, path: &Path) -> String {
    let at_hand = context.found().ok();
    match at_hand.filter(|found| found.path == path) {
        Some(found) => found.shown,
        None => path.display().to_string(),
    }
}

/// The ottofiles as they were then.
pub(super) fn recorded(
    context: &Context,
    picked: &Picked,
    record: &RunRecord,
    found: Found,
) -> Result<Loaded, Vec<Diagnostic>> {
    let kept = |hash: &str| {
        let kept = picked.found.project.ottofile(hash);
        crate::store::regular::read_text(&kept).map_err(|error| {
            let message = format!(
                "the ottofile of run `{}` was not kept: `{}`: {}",
                picked.found.short,
                kept.display(),
                plain(&error)
            );
            let lost = Diagnostic::error(Code::UnreadableRun, message);
            vec![lost.help("without `--recorded-script`, otto uses the current one")]
        })
    };
    let source = SourceFile::new(found.shown.clone(), kept(&record.ottofile_hash)?);
    let (ottofile, _) = ottofile::read(&source)?;
    let mut files = Vec::with_capacity(record.included.len());
    for file in &record.included {
        files.push(RecordedFile {
            namespace: file.namespace.clone(),
            path: file.path.0.clone(),
            parent: file.parent.clone(),
            entry: file.entry,
            text: kept(&file.hash)?,
        });
    }
    let mut loaded = Loaded::recorded(found, ottofile, files, &context.cwd)?;
    let tasks: Vec<usize> = picked
        .run
        .state
        .jobs
        .iter()
        .filter_map(|job| loaded.ottofile.position(job.planned.task.as_str()))
        .collect();
    // Patterns are put in their places; what was not read then is not needed now.
    let _links = loaded.ottofile.follow(tasks);
    Ok(loaded)
}

// ── parameters ───────────────────────────────────────────────────────────────────────────────────────────────

/// Asks for all tasks of the run with the values that they had, so that what is run again is planned as it was then; what
/// is not run again is taken out of the plan afterwards. Of a run that is a rerun itself also for those tasks that only
/// the runs before it had: they are what its own tasks have their data from.
fn request(
    context: &mut Context,
    inputs: &mut Inputs,
    ottofile: &Ottofile,
    selected: &HashSet<JobName>,
    matches: &ArgMatches,
) -> Result<Request, i32> {
    inputs.read_all(context);
    let line = format!("otto Rerun {}", inputs.runs[0].found.short);
    let source = SourceFile::new("command line", line);
    let span = source.span(0, source.text().len());
    let mut given = Params::new(context, matches)?;
    let mut diagnostics = Vec::new();
    let mut tasks: Vec<Asked> = Vec::new();
    let mut seen: HashSet<usize> = HashSet::new();
    let jobs =
        inputs.runs.iter().flat_map(|picked| picked.run.state.jobs.iter().map(move |job| (picked, job)));
    for (picked, job) in jobs {
        let Some(place) = ottofile.position(job.planned.task.as_str()) else { continue };
        let is_selected = |name: &JobName| selected.contains(name);
        // Jobs of one foreach task have the same parameters.
        if !seen.insert(place) {
            continue;
        }
        let task = &ottofile.tasks[place];
        let of_task = picked.run.state.jobs.iter().filter(|other| other.planned.task == job.planned.task);
        let is_run = of_task.clone().any(|other| is_selected(&other.planned.name));
        let recorded = of_task.clone().find(|other| other.planned.has_body).unwrap_or(job);
        let mut values = Vec::new();
        for (index, param) in task.params.iter().enumerate() {
            let name = param.name.as_str();
            let then = recorded
                .planned
                .params
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str());
            let raw = recorded.planned.raw_params.iter().find(|(known, _)| known == name);
            let words = recorded.planned.words.iter().find(|(known, _)| known == name);
            let value: Argument = match (given.take(task, name).filter(|_| is_run), then) {
                (Some(value), _) => Argument::Text(value.into()),
                (None, Some(MASK)) if is_run && is_withheld(task, &param.name) => {
                    let variable = param.env.as_ref().map(|variable| variable.value.as_str());
                    if variable.is_some_and(|variable| context.environment.filled(variable).is_some()) {
                        // Planning takes it from there.
                        continue;
                    }
                    let secret = Diagnostic::error(
                        Code::NotRepeatable,
                        format!(
                            "the value of `{name}` of `{}` was not recorded because it {}",
                            task.name,
                            if param.is_secret { "is secret" } else { "looks like a secret" }
                        ),
                    );
                    diagnostics.push(secret.help(format!("supply it: `--param {}.{name}=VALUE`", task.name)));
                    continue;
                }
                (None, Some(value)) => match (words, raw.and_then(|(_, hex)| unhex(hex))) {
                    (Some((_, words)), _) => {
                        Argument::Words(words.iter().map(|word| word.to_os().unwrap_or_default()).collect())
                    }
                    (None, Some(bytes)) => Argument::Text(OsString::from_vec(bytes)),
                    (None, None) => Argument::Text(value.into()),
                },
                (None, None) => continue,
            };
            values.push(Given { param: index, value, span });
        }
        let is_serial = recorded.planned.is_serial;
        // Of a task whose jobs data tells, items may have been asked for by name.
        let only = of_task.flat_map(|other| &other.planned.only).cloned().map(Some).collect::<Vec<_>>();
        let items = if only.is_empty() { vec![None] } else { only };
        tasks.extend(items.into_iter().map(|item| Asked {
            task: place,
            item,
            span,
            given: values.clone(),
            is_serial,
            is_only_planned: !is_run,
        }));
    }
    diagnostics.extend(given.unused());
    if !diagnostics.is_empty() {
        return Err(context.refuse(&diagnostics));
    }
    Ok(Request { sources: Sources::new(source), tasks })
}

/// The values of `--param`.
struct Params {
    /// `NAME` or `TASK.NAME`, the value, and whether a task took it.
    values: Vec<(String, String, bool)>,
}

impl Params {
    fn new(context: &mut Context, matches: &ArgMatches) -> Result<Params, i32> {
        let mut values = Vec::new();
        for pair in matches.get_many::<String>("param").into_iter().flatten() {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(context.refuse(&[no_value("--param", pair)]));
            };
            values.push((name.to_owned(), value.to_owned(), false));
        }
        Ok(Params { values })
    }

    /// The last one given counts, and one for the task before one for all.
    fn take(&mut self, task: &Task, param: &str) -> Option<String> {
        let of_task = format!("{}.{param}", task.name);
        let mut taken = None;
        for wanted in [param, &of_task] {
            for (name, value, is_taken) in &mut self.values {
                if name.replace('-', "_") == wanted.replace('-', "_") {
                    *is_taken = true;
                    taken = Some(value.clone());
                }
            }
        }
        taken
    }

    fn unused(&self) -> Vec<Diagnostic> {
        let unused = self.values.iter().filter(|(_, _, is_taken)| !is_taken);
        unused
            .map(|(name, ..)| {
                Diagnostic::error(Code::UnknownParam, format!("no task of the run has a parameter `{name}`"))
            })
            .collect()
    }
}

/// The string that `--set` gives, or what it is the JSON of, where that is a list or an object as the value before was.
fn like(before: &Value, given: Value) -> Value {
    let parsed = given.as_str().and_then(|text| value::parse_output(text.as_bytes()).ok());
    let is_alike = |parsed: &Value| match before {
        Value::List(_) => matches!(parsed, Value::List(_)),
        Value::Map(_) => before.as_map().is_some() && parsed.as_map().is_some(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    parsed.filter(is_alike).unwrap_or(given)
}

fn no_value(option: &str, pair: &str) -> Diagnostic {
    let form = match option {
        "--param" => "NAME=VALUE",
        "--set-json" => "TASK.KEY=JSON",
        _ => "TASK.KEY=VALUE",
    };
    Diagnostic::error(Code::BadFlagValue, format!("invalid value `{pair}` for `{option}`"))
        .help(format!("write `{option} {form}`"))
}

// ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// What jobs that are not run again handed on.
struct Inputs<'a> {
    records: &'a Records,
    /// The run that is repeated, the run which that one repeated, and so on.
    runs: Vec<Picked>,
    known: HashMap<JobName, (Arc<Outputs>, RecordedSource)>,
    /// Where those ran whose recorded streams are read again.
    streams: HashMap<JobName, JobDir>,
    /// Of these, what their failed attempts left.
    of_failures: HashSet<JobName>,
    /// Tasks that never succeeded have no values.
    lost: Vec<JobName>,
    /// The one of `runs` that is not there any more.
    removed: Option<RunId>,
    /// What was given in place of secrets.
    secrets: Vec<Secret>,
}

impl Inputs<'_> {
    fn find(&mut self, context: &mut Context, name: &JobName, takes_failed: bool) {
        if self.known.contains_key(name) || self.lost.contains(name) {
            return;
        }
        self.read_all(context);
        let is_meant = |outcome: &Outcome| {
            outcome.is_success() || outcome.is_harmless_skip() || takes_failed && outcome.is_failure()
        };
        let changed = self.changed_in(name);
        let found = match &changed {
            Some(dir) => Some((dir.clone(), true)),
            None => self.last(context, name, |job| job.outcome.as_ref().is_some_and(is_meant)).map(
                |(dir, job)| {
                    let is_failure = job.outcome.as_ref().is_some_and(Outcome::is_failure);
                    (dir, !is_failure)
                },
            ),
        };
        let Some((dir, is_whole)) = found else {
            self.lost.push(name.clone());
            return;
        };
        match outputs::read_recorded(&dir) {
            Ok(outputs) => {
                if !is_whole {
                    self.of_failures.insert(name.clone());
                }
                self.known.insert(name.clone(), (Arc::new(outputs), RecordedSource::Earlier(dir)));
            }
            Err(error) => {
                let _ = writeln!(context.stderr, "warning: {}", shown(&error.to_string()));
                self.lost.push(name.clone());
            }
        }
    }

    /// Whether the job's stream was recorded whole.
    fn has_stream(&mut self, context: &mut Context, name: &JobName) -> bool {
        if !self.streams.contains_key(name)
            && let Some((dir, job)) =
                self.last(context, name, |job| job.outcome.as_ref().is_some_and(Outcome::is_success))
            && !job.more().is_stream_short
            && dir.stream().is_file()
        {
            self.streams.insert(name.clone(), dir);
        }
        self.streams.contains_key(name)
    }

    fn dir_of(
        &mut self,
        context: &mut Context,
        name: &JobName,
        is_meant: impl Fn(&Outcome) -> bool,
    ) -> Option<JobDir> {
        let with_outcome = |job: &JobState| job.outcome.as_ref().is_some_and(&is_meant);
        self.last(context, name, with_outcome).map(|(dir, _)| dir)
    }

    /// Whether the run, or one that it goes back to, had such a job. One that was removed may have had it.
    fn was_there(&mut self, context: &mut Context, name: &JobName) -> bool {
        self.last(context, name, |_| true).is_some() || self.removed.is_some()
    }

    /// The last such job of this name, going back from rerun to origin.
    fn last(
        &mut self,
        context: &mut Context,
        name: &JobName,
        is_meant: impl Fn(&JobState) -> bool,
    ) -> Option<(JobDir, &JobState)> {
        self.read_all(context);
        self.runs.iter().find_map(|picked| {
            let job = picked.run.state.job(name).filter(|job| is_meant(job))?;
            Some((picked.run.job_dir(name), job))
        })
    }

    /// Reads the run that the last known one repeated, and so on.
    fn read_all(&mut self, context: &mut Context) {
        while self.removed.is_none()
            && let Some(before) = self.before(context)
        {
            self.runs.push(before);
        }
    }

    fn before(&mut self, context: &mut Context) -> Option<Picked> {
        let last = self.runs.last()?;
        let before = last.run.record.as_ref().ok()?.origin.clone()?;
        // An origin that was removed has no data; that of its rerun is all there is.
        if !last.found.project.run(&before).path.is_dir() {
            self.removed = Some(before);
            return None;
        }
        self.records.read(context, before.as_str()).ok()
    }

    /// Where values were written that an earlier rerun changed (`--set`): its tasks were given those, though the job was
    /// not run in it.
    fn changed_in(&self, name: &JobName) -> Option<JobDir> {
        for picked in &self.runs {
            if picked.run.state.job(name).is_some() {
                return None;
            }
            let dir = picked.run.job_dir(name);
            if dir.output().is_file() {
                return Some(dir);
            }
        }
        None
    }

    /// `--set` and `--set-json`.
    fn change(&mut self, context: &mut Context, matches: &ArgMatches) -> Result<(), i32> {
        let mut diagnostics = Vec::new();
        for option in ["set", "set-json"] {
            for pair in matches.get_many::<String>(option).into_iter().flatten() {
                match self.set(&format!("--{option}"), pair) {
                    Ok(None) => {}
                    Ok(Some(warning)) => {
                        let _ = writeln!(context.stderr, "warning: {}", shown(&warning));
                    }
                    Err(diagnostic) => diagnostics.push(diagnostic),
                }
            }
        }
        context.masks.add(self.secrets.drain(..));
        if diagnostics.is_empty() { Ok(()) } else { Err(context.refuse(&diagnostics)) }
    }

    /// Answers a warning about a key that is most likely not the one that was meant.
    fn set(&mut self, option: &str, pair: &str) -> Result<Option<String>, Diagnostic> {
        let (name, text) = pair.split_once('=').ok_or_else(|| no_value(option, pair))?;
        let value = match option {
            "--set-json" => value::parse_output(text.as_bytes()).map_err(|error| {
                Diagnostic::error(
                    Code::BadFlagValue,
                    format!("the value of `{name}` is not valid JSON: {error}"),
                )
                .help("JSON strings need quotes; `--set` takes a string without quotes")
            })?,
            _ => Value::String(text.to_owned()),
        };
        // Names of tasks may have dots in them; the longest one that is there is meant.
        let dots: Vec<usize> = name.match_indices('.').map(|(place, _)| place).collect();
        let known = dots.into_iter().rev().find_map(|dot| {
            let job = self.known.keys().chain(&self.lost).find(|job| job.as_str() == &name[..dot])?;
            Some((job.clone(), name[dot + 1..].to_owned()))
        });
        if known.as_ref().is_some_and(|(_, key)| key.is_empty()) {
            return Err(no_value(option, pair));
        }
        let Some((job, key)) = known else {
            let mut names: Vec<String> =
                self.known.keys().chain(&self.lost).map(|job| format!("`{job}`")).collect();
            names.sort();
            let wrong =
                Diagnostic::error(Code::NotRepeatable, format!("none of the tasks to rerun reads `{name}`"));
            return Err(match names[..] {
                [] => wrong.note("the tasks to rerun read no recorded values"),
                _ => wrong.note(format!("they read values of {}", names.join(", "))),
            });
        };
        // A job that never succeeded has no data but what it is given here.
        self.of_failures.remove(&job);
        self.lost.retain(|lost| *lost != job);
        let (outputs, source) =
            self.known.entry(job.clone()).or_insert_with(|| (Arc::default(), RecordedSource::Changed));
        let mut warning = None;
        let changed = Arc::make_mut(outputs);
        let is_secret =
            |(known, value): &&(String, Value)| value.has_sealed() && key.starts_with(known.as_str());
        if let Some((known, _)) = changed.values.iter().find(is_secret) {
            changed.secrets.insert(known.clone());
            self.secrets.extend(secret::leaves(&value));
        }
        match value::lookup_mut(&mut changed.values, &key) {
            Some(known) => *known = if option == "--set" { like(known, value) } else { value },
            None => {
                if matches!(source, RecordedSource::Earlier(_)) {
                    let keys = changed.values.iter().map(|(key, _)| key.as_str());
                    let near = similar(&key, keys, 3);
                    let meant = match near.is_empty() {
                        true => String::new(),
                        false => format!("; did you mean `{}`?", near.join("`, `")),
                    };
                    warning = Some(format!("`{job}` did not set `{key}`; it is added{meant}"));
                }
                changed.values.push((key, value));
            }
        }
        *source = RecordedSource::Changed;
        Ok(warning)
    }

    /// How those ended that are asked about, in the last run that had them.
    fn earlier(&mut self, context: &mut Context, told: HashMap<JobName, Vec<Told>>) -> Earlier {
        let mut fates = HashMap::new();
        let asked = told.values().flatten();
        let names = asked.flat_map(|told| {
            let jobs = told.jobs.iter().flatten().map(|(job, _)| job);
            std::iter::once(&told.job).chain(jobs)
        });
        for name in names {
            if let Some((dir, job)) = self.last(context, name, |job| job.outcome.is_some()) {
                let mut fate = Fate::of(job);
                outcomes::add_log(&mut fate, &dir);
                fates.insert(name.clone(), fate);
            }
        }
        Earlier { told, fates, ..Earlier::default() }
    }

    fn recorded(&self, missing: &HashMap<plan::JobId, Vec<(JobName, Flow)>>) -> Recorded {
        let input = |(name, flow): &(JobName, Flow)| {
            let (outputs, source) = match flow {
                // Of one that is lost there is nothing, and who reads it is told so.
                Flow::AtEnd | Flow::Up => {
                    let nothing = || (Arc::default(), RecordedSource::Changed);
                    self.known.get(name).cloned().unwrap_or_else(nothing)
                }
                Flow::Stream { .. } => {
                    (Arc::default(), RecordedSource::Earlier(self.streams.get(name)?.clone()))
                }
            };
            let is_whole = self.known.contains_key(name) && !self.of_failures.contains(name);
            Some(RecordedInput { job: name.clone(), outputs, source, flow: *flow, is_whole })
        };
        missing.iter().map(|(id, names)| (*id, names.iter().filter_map(input).collect())).collect()
    }
}

// ── talk ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// Whether something runs for it: its body, or jobs of it that data will tell.
fn may_run(job: &plan::Job) -> bool {
    job.work.has_body() || job.awaited().is_some()
}

fn say_what_is_run(context: &mut Context, record: &RunRecord, plan: &Plan, inputs: &mut Inputs) {
    let short = inputs.runs[0].found.short.clone();
    let names: Vec<&str> = plan.jobs.iter().filter(|job| may_run(job)).map(|job| job.name.as_str()).collect();
    let shown_names =
        shown(&names.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ")).into_owned();
    let more = match names.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    // If stderr is closed, there is nobody to tell.
    let _ = writeln!(context.stderr, "rerunning from run {short}: {shown_names}{more}");
    for name in std::mem::take(&mut inputs.lost) {
        let was_there = inputs.was_there(context, &name);
        let why = match &inputs.removed {
            Some(removed) => format!("comes from run {}, which was removed", removed.short()),
            None if was_there => format!("did not succeed in run {short}"),
            None => format!("did not exist in run {short}"),
        };
        let name = shown(name.as_str());
        let _ = writeln!(context.stderr, "warning: `{name}` {why}, so it has no values");
    }
    let unset: Vec<&str> = record
        .environment
        .iter()
        .map(String::as_str)
        .filter(|name| !OF_THE_SHELL.contains(name) && context.environment.get(name).is_none())
        .collect();
    let _ = writeln!(
        context.stderr,
        "not recorded, used as they are now: files outside the run's folder, values of variables"
    );
    if !unset.is_empty() {
        let named =
            shown(&unset.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ")).into_owned();
        let more = if unset.len() > MOST_NAMED { ", …" } else { "" };
        let _ = writeln!(context.stderr, "environment variables missing now: {named}{more}");
    }
}

// ── a shell ──────────────────────────────────────────────────────────────────────────────────────────────────

/// Puts a shell in the place of the one job's body: it has the same directory, environment and data.
fn open_shell(context: &mut Context, ottofile: &mut Ottofile, plan: &mut Plan) -> Result<(), i32> {
    let mut bodies = plan.jobs.iter_mut().filter(|job| job.work.has_body());
    let (Some(job), None) = (bodies.next(), bodies.next()) else {
        let several = Diagnostic::error(Code::NotRepeatable, "`--shell` opens a shell for one task");
        return Err(context.refuse(&[several.help("name the task: `otto Rerun RUN TASK --shell`")]));
    };
    let job = Arc::make_mut(job);
    job.work = Work::Terminal;
    let task = &mut ottofile.tasks[job.task];
    let body = task.body.as_ref().expect("bug: a job with a body has one");
    let (key, shell) = match Language::of(body) {
        Language::Python => (BodyKey::Python, PYTHON_SHELL),
        Language::Bash | Language::Posix | Language::Other => (BodyKey::Bash, BASH_SHELL),
    };
    // The interpreter that the task asks for, if it is of the shell's own language.
    let interpreter = match (Language::of(body), body.text.lines().next()) {
        (Language::Python | Language::Bash, Some(line)) if line.starts_with("#!") => format!("{line}\n"),
        _ => String::new(),
    };
    task.retries = None;
    task.body = Some(Body {
        key,
        text: format!("{interpreter}{shell}"),
        span: body.span,
        key_span: body.key_span,
        first_line: body.first_line,
        has_true_lines: false,
    });
    job.timeout = None;
    Ok(())
}
