//! Runs a plan: claims a directory, brings executor, journal and view together, and answers the exit code.

use super::cluster::ClusterWish;
use super::findings::Surroundings;
use super::{Context, PlannedRun, cluster};
use crate::diagnostic::{Code, Diagnostic};
use crate::event::{RunResult, Stamped, Stream};
use crate::exec::ReportSink;
use crate::exec::keep::{Keep, KeepingExecutor};
use crate::exec::local::{GRACE, room_for};
use crate::exec::native::die_by;
use crate::exec::screen::WholeScreen;
use crate::exec::slurm::{self, SiteRules};
use crate::exec::stream::IntakeReport;
use crate::flow::{self, Moment};
use crate::history::journal::Journal;
use crate::history::record::{FORMAT, IncludedFile, Keeping, RecordedPath, RunRecord, masked};
use crate::history::retention::Background;
use crate::host::{self, Found};
use crate::name::{JobName, RunId};
use crate::ottofile::Ottofile;
use crate::ottofile::site::Site;
use crate::ottofile::spec::{ForeachSource, Part, Task};
use crate::plan::select::Items;
use crate::plan::{self, Flow, GroupMembers, Job, JobId, JobPlace, Plan, Work, service};
use crate::quantity::parse_size;
use crate::request::Argument;
use crate::resources::Resources;
use crate::run::fresh::{KnownHashes, up_to_date};
use crate::run::outcomes::Earlier;
use crate::run::signals::{STOPPING, SUSPENDING, Signals, guarded, halt};
use crate::run::stream::StreamSetting;
use crate::run::{
    Finished, Ground, Message, Recorded, Run, Setting, inbox, is_withheld, missing_interpreters,
    planned_jobs, resume, told_by,
};
use crate::scheduler::Policy;
use crate::secret::{self, MASK};
use crate::store::claim::{RunLock, claim_run, keep_ottofile};
use crate::store::layout::{Home, RunDir};
use crate::store::seal::Sealer;
use crate::store::vault::Vault;
use crate::store::{atomic, exchange, stream};
use crate::view::console::{Console, ConsoleSettings, Display, Volume};
use crate::view::filter::shown;
use crate::view::github::{self, Workflow};
use crate::view::json::Json;
use crate::view::sink::{Gate, Stdout};
use crate::view::style::Paint;
use crate::view::tui::{Screen, Tui};
use crate::view::wording::{Words, counted};
use crate::view::{Logs, View};
use crate::watch::ChangeBell;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

/// How many tasks run on this machine at a time beside those on a cluster, if it has so many processors.
const LOCAL_JOBS: usize = 4;

/// What the command line says of how to run.
pub(crate) struct Options {
    /// `-j`.
    pub(crate) jobs: Option<usize>,
    /// Over the setting of the ottofile.
    pub(crate) policy: Option<Policy>,
    pub(crate) ignores_freshness: bool,
    pub(crate) display: Display,
    /// `--tui`: the whole screen instead of a console.
    pub(crate) is_tui: bool,
    pub(crate) volume: Volume,
    pub(crate) tail_lines: usize,
    pub(crate) timeout: Option<Duration>,
    /// `--json`: events instead of a console.
    pub(crate) is_json: bool,
    /// The words after `otto`, for the record.
    pub(crate) words: Vec<OsString>,
    /// `--yes`: what tasks ask with `confirm` is answered.
    pub(crate) is_confirmed: bool,
    /// `--run-timeout`.
    pub(crate) run_timeout: Option<Duration>,
    /// `--executor` and `--resource`.
    pub(crate) wish: ClusterWish,
    /// `--detach`: a job of the cluster drives the run.
    pub(crate) is_detached: bool,
    /// The run that this one repeats.
    pub(crate) origin: Option<RunId>,
    pub(crate) watch: Option<Watched>,
}

/// A run of `--watch`.
#[derive(Default)]
pub(crate) struct Watched {
    /// The files that started it, as in messages.
    pub(crate) changed: Vec<String>,
    /// Tells it of files that change meanwhile, which end it.
    pub(crate) bell: Option<ChangeBell>,
    /// The services that stay up from run to run.
    pub(crate) keep: Keep,
}

/// Shows what would run, in plan order, with each job's parameters.
pub(crate) fn dry_run(context: &mut Context, target: &PlannedRun, wish: &ClusterWish, show: &DryRun) -> i32 {
    let submissions = match cluster::submissions(context, target, wish) {
        Ok(submissions) => submissions,
        Err(code) => return code,
    };
    if let Err(code) = refuse_what_cannot_work(context, target) {
        return code;
    }
    let fresh = fresh_now(context, target, show);
    if context.is_json {
        let text = dry_run_json(target, &fresh);
        context.print(&text);
        return 0;
    }
    let mut text = String::new();
    let (mut number, mut runs, mut awaited, mut up_to_date) = (0, 0, 0, 0);
    let jobs = target.plan.ids().zip(&target.plan.jobs).zip(&submissions);
    for ((id, job), submission) in jobs.filter(|((_, job), _)| is_shown_dry(job)) {
        number += 1;
        let is_fresh = fresh.contains(&id);
        up_to_date += usize::from(is_fresh);
        runs += usize::from(job.elsewhere.is_none() && job.awaited().is_none() && !is_fresh);
        awaited += usize::from(job.awaited().is_some());
        let task = &target.ottofile.tasks[job.task];
        let _ = write!(text, "{number:>3}  {}", shown(job.name.as_str()));
        match job.awaited().map(|awaited| &awaited.only) {
            None => {}
            Some(Items::All) => text.push_str(":*"),
            Some(Items::Only(names)) => {
                let names: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
                let _ = write!(text, ":{}", shown(&names.join(", ")));
            }
        }
        for (name, value) in job.texts() {
            let value = if is_withheld(task, name) { MASK.into() } else { value.to_string_lossy() };
            let _ = write!(text, "  {name}={}", shown(&value));
        }
        match &job.work {
            Work::ForeachGroup(GroupMembers::Awaited(_)) => {
                let foreach = task.foreach.as_ref().expect("bug: a group of a task without `foreach`");
                let _ = write!(text, "  for each of {}", shown(&told_by(&foreach.source)));
            }
            Work::ForeachGroup(_) => text.push_str(
                "  (no items: none exist, or they come from a command, which a dry run does not run)",
            ),
            Work::Body | Work::Terminal | Work::Service | Work::Condition | Work::Group => {}
        }
        let named = |is_wanted: fn(Flow) -> bool| -> Vec<&str> {
            let needs = job.needs.iter().filter(|need| is_wanted(need.flow));
            needs.map(|need| target.plan.job(need.job).name.as_str()).collect()
        };
        let needs = named(|flow| flow == Flow::AtEnd);
        if !needs.is_empty() {
            let _ = write!(text, "  after {}", shown(&needs.join(", ")));
        }
        let services = named(|flow| flow == Flow::Up);
        if !services.is_empty() {
            let _ = write!(text, "  while {} is up", shown(&services.join(", ")));
        }
        let streams = named(|flow| matches!(flow, Flow::Stream { .. }));
        if !streams.is_empty() {
            let _ = write!(text, "  with the stream of {}", shown(&streams.join(", ")));
        }
        if let Some(systems) = &job.elsewhere {
            let _ = write!(text, "  skipped: only on {systems}");
        } else if is_fresh {
            text.push_str("  up to date");
        } else if let Some(condition) = &task.condition {
            let _ = write!(text, "  if {}", shown(condition.text.lines().next().unwrap_or_default()));
        }
        let _ = writeln!(
            text,
            "  ({}:{})",
            shown(target.ottofile.sources.of(task.name_span).name()),
            target.ottofile.sources.line(task.name_span)
        );
        if let Some(submission) = submission {
            let _ = writeln!(text, "     {}", shown(&submission.command));
            if show.scripts && !submission.sources.is_empty() {
                let _ = writeln!(text, "     {}", shown(&submission.sources));
            }
        }
        if show.scripts && !matches!(job.work, Work::Group | Work::ForeachGroup(GroupMembers::Known(_))) {
            text.push_str(&script_lines(target.ottofile, task));
        }
    }
    context.print(&text);
    let mut more = match awaited {
        0 => String::new(),
        _ => format!(", and the jobs of {} that data decides", counted(awaited, "task", "tasks")),
    };
    if up_to_date > 0 {
        let _ = write!(more, "; {} up to date", counted(up_to_date, "is", "are"));
    }
    let _ = writeln!(
        context.stderr,
        "dry run: {} would run{more}; nothing was started",
        counted(runs, "task", "tasks")
    );
    0
}

/// What a dry run shows besides the jobs.
pub(crate) struct DryRun {
    /// The scripts.
    pub(crate) scripts: bool,
    /// By which it tells what is up to date.
    pub(crate) worked_out: Option<Plan>,
}

/// The jobs that are up to date, as far as that is known before a run.
fn fresh_now(context: &Context, target: &PlannedRun, show: &DryRun) -> BTreeSet<JobId> {
    let (Some(root), Some(plan)) = (context.home_path(), &show.worked_out) else { return BTreeSet::new() };
    let home = Home::new(root);
    let ground = Ground {
        ottofile: target.ottofile,
        plan,
        folder: target.found.folder(),
        project: &home.project(target.found.folder()),
        masks: &context.masks,
        sealer: &Sealer::new(home.secret_key()),
        hashes: &KnownHashes::default(),
    };
    let fresh = up_to_date(&ground).into_keys().filter(|id| plan.job(*id).work.has_body());
    let names: BTreeSet<&str> = fresh.map(|id| plan.job(id).name.as_str()).collect();
    target.plan.ids().filter(|id| names.contains(target.plan.job(*id).name.as_str())).collect()
}

/// Jobs that would run, and foreach tasks of which it is not known.
fn is_shown_dry(job: &Job) -> bool {
    job.work.has_body() || job.members().is_some_and(<[JobId]>::is_empty)
}

/// The script of a task below its variables, which stand there as written: a dry run runs no commands.
fn script_lines(ottofile: &Ottofile, task: &Task) -> String {
    let mut text = String::new();
    for entry in ottofile.variables_of(task) {
        let value = if entry.is_secret { MASK } else { &entry.value.value };
        let _ = writeln!(text, "     {}={}", entry.name.value, shown(&value.replace('\n', "\\n")));
    }
    for line in task.body.iter().flat_map(|body| body.text.lines()) {
        let _ = writeln!(text, "     │ {}", shown(line));
    }
    text
}

/// `{"tasks": [{"name", "task", "file", "line", "is_expanded", "params", "words", "needs": [{"task", "stream"}]}]}`, in plan order,
/// with `"skipped": "os"` for a task that does not run on this system, `"fresh": true` for one that is up to date, `"if"` for one that asks first, and
/// `"service": true` for one that stays up;
/// `is_expanded` is false for a foreach task whose items only a command knows.
fn dry_run_json(target: &PlannedRun, fresh: &BTreeSet<JobId>) -> String {
    let one = |(id, job): (JobId, &Arc<Job>)| {
        let task = &target.ottofile.tasks[job.task];
        let params = job.texts().map(|(name, value)| {
            let value = if is_withheld(task, name) { MASK.into() } else { value.to_string_lossy() };
            (name.as_str(), value.into_owned())
        });
        let words =
            job.params.iter().filter(|(name, _)| !is_withheld(task, name)).filter_map(|(name, value)| {
                let words = value.as_ref()?.words()?.iter();
                Some((name.as_str(), words.map(|word| word.to_string_lossy()).collect::<Vec<_>>()))
            });
        let needs = job.needs.iter().map(|need| {
            let name = target.plan.job(need.job).name.as_str();
            serde_json::json!({ "task": name, "stream": matches!(need.flow, Flow::Stream { .. }) })
        });
        let mut fields = serde_json::json!({
            "name": job.name.as_str(),
            "task": task.name.as_str(),
            "file": target.ottofile.sources.of(task.name_span).name(),
            "line": target.ottofile.sources.line(task.name_span),
            "is_expanded": job.work.has_body(),
            "params": params.collect::<std::collections::BTreeMap<_, _>>(),
            "words": words.collect::<std::collections::BTreeMap<_, _>>(),
            "needs": needs.collect::<Vec<_>>(),
        });
        if job.work == Work::Service {
            fields["service"] = true.into();
        }
        if job.elsewhere.is_some() {
            fields["skipped"] = "os".into();
        }
        if fresh.contains(&id) {
            fields["fresh"] = true.into();
        }
        if let Some(condition) = &task.condition {
            fields["if"] = condition.text.as_str().into();
        }
        if let (Some(_), Some(foreach)) = (job.awaited(), &task.foreach) {
            fields["awaits"] = told_by(&foreach.source).into();
        }
        fields
    };
    let jobs = target.plan.ids().zip(&target.plan.jobs);
    let tasks: Vec<_> = jobs.filter(|(_, job)| is_shown_dry(job)).map(one).collect();
    format!("{:#}\n", serde_json::json!({ "tasks": tasks }))
}

/// Does what may start processes below a guard, so that none of them outlives otto: planning, which runs the commands of
/// the ottofile, and the run.
pub(crate) fn below_guard(context: &mut Context, engine: impl FnOnce(&mut Context, &Signals) -> i32) -> i32 {
    // What is written so far must not be written again by the second of the two processes.
    let _ = context.stdout.flush().and_then(|()| context.stderr.flush());
    guarded(|signals| engine(context, &signals))
}

/// Runs the plan, and ends as the run did: with its exit code, or by its signal.
pub(crate) fn run_to_end(
    context: &mut Context,
    target: &PlannedRun,
    options: &Options,
    signals: &Signals,
) -> i32 {
    match execute(context, target, options, signals) {
        Ok(finished) => ended(&finished),
        Err(code) => code,
    }
}

/// Ends as a run did.
pub(super) fn ended(finished: &Finished) -> i32 {
    match finished.result {
        RunResult::Succeeded => 0,
        RunResult::Failed { status } => status,
        RunResult::Interrupted { signal } => die_by(signal),
    }
}

/// Runs the plan; `Err` is the exit code when it could not, or does not run here.
pub(crate) fn execute(
    context: &mut Context,
    target: &PlannedRun,
    options: &Options,
    signals: &Signals,
) -> Result<Finished, i32> {
    let PlannedRun { found, ottofile, plan, .. } = target;
    let limit = stream_limit(context)?;
    let engine = cluster::engine(context, ottofile, options.wish.executor)?;
    let places = cluster::placed(context, target, engine)?;
    let is_remote = places.contains(&JobPlace::Cluster);
    let site = if is_remote { cluster::site(context, &options.wish)? } else { Site::default() };
    let resources = cluster::resources_of(context, target, &places, &site, &options.wish)?;
    if options.origin.is_none() && options.watch.is_none() {
        cluster::warn_of_stdin(context, target, &places, &inherits_stdin(target));
    }
    if options.is_detached {
        refuse_what_is_bound(context, target, options, &places)?;
    }
    let is_tui = options.is_tui && has_screen(context, target);
    warn_about_bodies(context, target);
    warn_of_short_secrets(context, target);
    refuse_what_cannot_work(context, target)?;
    if !plan.warnings.is_empty() {
        context.show(&plan.warnings);
    }
    if options.volume > Volume::Quiet {
        tell_of_empty(context, target);
    }
    refuse_missing_interpreters(context, target, &places)?;
    if !options.is_confirmed {
        ask(context, target, options, signals)?;
    }
    let home = context.open_home()?;
    let folder = found.folder().to_owned();
    let project = home.project(&folder);
    if is_remote {
        super::cancel::tell_of_left(context, &project);
    }
    let hashes: Vec<String> = ottofile
        .sources
        .iter()
        .map(|source| blake3::hash(source.text().as_bytes()).to_hex().to_string())
        .collect();
    let claimed = claim_run(&project, context.now, host::random(), |id| {
        record(context, target, options, id, &hashes).to_json()
    });
    let (run_dir, run_id, lock) = match claimed {
        Ok(claimed) => claimed,
        Err(error) => {
            return Err(context.fail(Code::NoRecords, error.to_string(), 75));
        }
    };
    let vault = open_vault(context, &home, &run_id);
    if workflow(context, found).is_some() {
        context.masks.announce(Box::new(|secret| {
            let text = String::from_utf8_lossy(secret.expose()).into_owned();
            // If stderr is closed, the runner sees nothing that could have to be hidden.
            let _ = io::stderr().write_all(github::add_mask(&text).as_bytes());
        }));
    }
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let streams = plan
        .ids()
        .map(|id| plan.producers(id).count())
        .max()
        .filter(|_| plan.jobs.iter().any(|job| ottofile.tasks[job.task].streaming.is_some()));
    let wanted = match is_remote {
        // What is bounded is the number of jobs in the queue of the cluster.
        true => options.jobs.unwrap_or(site.jobs.map_or(cluster::JOBS, |jobs| jobs as usize)),
        false => options.jobs.or(ottofile.settings.jobs).unwrap_or(processors),
    };
    let local = site.local_jobs.map_or(processors.min(LOCAL_JOBS), |jobs| jobs as usize);
    let most = room_for(if is_remote { local } else { wanted }, streams);
    let (slots, local_slots, most) = match is_remote {
        true => (wanted, local.min(most).max(1), usize::MAX),
        false => (wanted.min(most).max(1), wanted.min(most).max(1), most),
    };
    for (source, hash) in ottofile.sources.iter().zip(&hashes) {
        keep_ottofile(&project, hash, source.text());
    }
    let inbox = inbox();
    let place = RunPlace { home: &home, folder, run_dir, run_id, vault };
    let common = common_setting(context, ottofile, plan, &place, limit, &inbox.0);
    let setting = Setting {
        places,
        resources,
        local_slots,
        slots,
        most,
        policy: options.policy.unwrap_or(match ottofile.settings.is_fail_fast {
            Some(true) => Policy::FailFast,
            Some(false) | None => Policy::KeepGoing,
        }),
        ignores_freshness: options.ignores_freshness,
        timeout: options.timeout,
        run_timeout: options.run_timeout,
        // A rerun names tasks by what became of them.
        inherits_stdin: if options.origin.is_some() || options.watch.is_some() {
            Vec::new()
        } else {
            inherits_stdin(target)
        },
        changed: options.watch.as_ref().map_or_else(Vec::new, |watch| watch.changed.clone()),
        lasting: match options.origin {
            None => service::asked_for(plan, ottofile, target.request),
            // A rerun names tasks by what became of them.
            Some(_) => service::unused(plan),
        },
        keep: options.watch.as_ref().map(|watch| watch.keep.clone()),
        recorded: target.recorded.clone(),
        earlier: target.earlier.clone(),
        lost_retries: site.lost_retries.unwrap_or(cluster::LOST_RETRIES),
        may_be_left: is_remote && is_resumable(target, options),
        ..common
    };
    let rules = is_remote.then(|| cluster::rules(&site));
    if let Some(rules) = &rules {
        begin_driving(context, &setting, rules)?;
    }
    if options.is_detached {
        let job =
            DriverJob { home: &home, ottofile: &found.path, resources: &site.driver, setting: &setting };
        // It must be free when the job begins.
        drop(lock);
        return Err(job.submit(context).map_or_else(|code| code, |number| job.tell(context, &number)));
    }
    let driven = Driven { setting, rules, lock, inbox, past: None, is_tui };
    drive(context, found, &home, options, signals, driven)
}

/// Whether another otto could go on with the run. What ends with the machine of otto, and what else is only in its memory,
/// cannot be taken over.
fn is_resumable(target: &PlannedRun, options: &Options) -> bool {
    options.origin.is_none()
        && options.watch.is_none()
        && !target.plan.jobs.iter().any(|job| is_bound(target.ottofile, job))
}

/// Whether a job ends with the otto that began it.
fn is_bound(ottofile: &Ottofile, job: &Job) -> bool {
    job.work == Work::Service || ottofile.tasks[job.task].streaming.is_some()
}

/// What cannot leave this terminal or this otto; `Err` is the exit code.
fn refuse_what_is_bound(
    context: &mut Context,
    target: &PlannedRun,
    options: &Options,
    places: &[JobPlace],
) -> Result<(), i32> {
    let wrong = |what: &str| Diagnostic::error(Code::NotDetached, format!("`--detach` {what}"));
    let ottofile = target.ottofile;
    let bound = target.plan.jobs.iter().find(|job| job.work == Work::Terminal || is_bound(ottofile, job));
    let wrong = if !places.contains(&JobPlace::Cluster) {
        wrong("needs tasks on a cluster").help("`otto --executor slurm --detach TASK`")
    } else if options.is_tui {
        wrong("and `--tui` cannot be used together").help("`otto Show` shows how far a run is")
    } else if let Some(job) = bound {
        let task = &ottofile.tasks[job.task];
        let why = match job.work {
            Work::Terminal => "it needs this terminal",
            Work::Service => "a service ends with its otto",
            Work::Body | Work::Condition | Work::Group | Work::ForeachGroup(_) => {
                "a stream ends with its otto"
            }
        };
        wrong(&format!("and task `{}` cannot be used together", task.name))
            .at(&ottofile.sources, task.name_span, why)
            .help("run it without `--detach`")
    } else {
        return Ok(());
    };
    Err(context.refuse(&[wrong]))
}

/// The job of a cluster that drives a run.
pub(super) struct DriverJob<'a> {
    pub(super) home: &'a Home,
    pub(super) ottofile: &'a Path,
    /// What the site says that it gets.
    pub(super) resources: &'a Resources,
    pub(super) setting: &'a Setting,
}

impl DriverJob<'_> {
    /// Answers its number; `Err` is the exit code.
    pub(super) fn submit(&self, context: &mut Context) -> Result<String, i32> {
        let setting = self.setting;
        let is_here = |(job, place): (&Arc<Job>, &JobPlace)| job.work.has_body() && *place == JobPlace::Here;
        let runs_tasks = setting.plan.jobs.iter().zip(&setting.places).any(is_here);
        let cpus = if runs_tasks { 1 + setting.local_slots as u32 } else { 1 };
        let options = cluster::driver_options(self.resources, cpus);
        let (run_dir, run) = (&setting.run_dir, &setting.run_id);
        slurm::submit_driver(self.home, run_dir, run, self.ottofile, &context.environment, &options).map_err(
            |said| {
                let wrong = format!("the cluster refused the job that was to drive the run: {said}");
                let wrong = Diagnostic::error(Code::ClusterRefuses, wrong);
                let help = format!("`otto Resume {}` drives the run from here", run.short());
                context.show(&[wrong.help(help)]);
                1
            },
        )
    }

    fn tell(&self, context: &mut Context, number: &str) -> i32 {
        let id = self.setting.run_id.short();
        context.print(&format!("{id}\n"));
        context.say(&format!("run {id} is driven by job {number} of the cluster: `otto Show {id}` shows how far it is, `otto Cancel {id}` ends it"));
        0
    }
}

/// Writes down what another otto would need; `Err` is the exit code.
fn begin_driving(context: &mut Context, setting: &Setting, rules: &SiteRules) -> Result<(), i32> {
    let begun = exchange::drive(&setting.run_dir.exchange(), 1).and_then(|_| match setting.may_be_left {
        true => atomic::write(&setting.run_dir.plan(), &resume::written(setting, rules)),
        false => Ok(()),
    });
    begun.map_err(|error| {
        let path = setting.run_dir.plan();
        let message = format!("cannot write `{}`: {}", path.display(), host::plain(&error));
        context.fail(Code::NoRecords, message, 75)
    })
}

/// Where a run has its files.
pub(super) struct RunPlace<'a> {
    pub(super) home: &'a Home,
    /// The ottofile's.
    pub(super) folder: PathBuf,
    pub(super) run_dir: RunDir,
    pub(super) run_id: RunId,
    pub(super) vault: Arc<Vault>,
}

/// Removes the secrets that runs left which were killed.
pub(crate) fn sweep_vaults(context: &Context) {
    Vault::sweep(&memory_folders(context), context.home_path().as_deref());
}

/// A run's vault.
pub(super) fn open_vault(context: &Context, home: &Home, run_id: &RunId) -> Arc<Vault> {
    Arc::new(Vault::new(&memory_folders(context), &home.root, run_id.as_str()))
}

/// What is the same for every run of this otto. Nothing is limited, and no job has a place yet.
pub(super) fn common_setting(
    context: &Context,
    ottofile: &Arc<Ottofile>,
    plan: &Arc<Plan>,
    place: &RunPlace,
    stream_limit: u64,
    sender: &SyncSender<Message>,
) -> Setting {
    Setting {
        ottofile: Arc::clone(ottofile),
        plan: Arc::clone(plan),
        places: Vec::new(),
        resources: Vec::new(),
        local_slots: 1,
        memory_mib: host::memory_mib().unwrap_or(u64::MAX),
        environment: context.environment.clone(),
        folder: place.folder.clone(),
        project: place.home.project(&place.folder),
        run_dir: place.run_dir.clone(),
        run_id: place.run_id.clone(),
        runtime: place.home.runtime(),
        masks: context.masks.clone(),
        sealer: Arc::new(Sealer::new(place.home.secret_key())),
        vault: Arc::clone(&place.vault),
        hashes: KnownHashes::default(),
        user: host::user_name(&context.environment),
        slots: 1,
        most: usize::MAX,
        policy: Policy::KeepGoing,
        ignores_freshness: false,
        timeout: None,
        run_timeout: None,
        inherits_stdin: Vec::new(),
        changed: Vec::new(),
        lasting: Vec::new(),
        keep: None,
        recorded: Recorded::default(),
        earlier: Earlier::default(),
        shows_output: true,
        streams: StreamSetting { limit: stream_limit, sink: stream_sink(sender.clone()) },
        sink: run_sink(sender.clone()),
        tells_colour: context.colours_stdout && context.stdout_is_terminal,
        lost_retries: cluster::LOST_RETRIES,
        may_be_left: false,
    }
}

/// A run with all that it needs.
pub(super) struct Driven {
    pub(super) setting: Setting,
    /// For one with tasks on a cluster.
    pub(super) rules: Option<SiteRules>,
    pub(super) lock: RunLock,
    pub(super) inbox: (SyncSender<Message>, Receiver<Message>),
    /// What another otto did of it.
    pub(super) past: Option<Vec<Stamped>>,
    pub(super) is_tui: bool,
}

/// Runs it to its end; `Err` is the exit code when it could not.
pub(super) fn drive(
    context: &mut Context,
    found: &Found,
    home: &Home,
    options: &Options,
    signals: &Signals,
    driven: Driven,
) -> Result<Finished, i32> {
    let Driven { mut setting, rules, lock, inbox: (sender, receiver), past, is_tui } = driven;
    signals.subscribe(sender.clone(), Message::Signal);
    let display = options.display;
    let github = workflow(context, found);
    let mode = display.resolve(github.is_some(), setting.slots, &planned_jobs(&setting));
    // Masks and annotations count in a quiet run too.
    setting.shows_output = mode != crate::view::console::Mode::Quiet || github.is_some();
    let settings = ConsoleSettings {
        display,
        volume: options.volume,
        github,
        colours_stdout: context.colours_stdout,
        colours_stderr: context.colours_stderr,
        stdout_is_terminal: context.stdout_is_terminal,
        stderr_is_terminal: io::stderr().is_terminal(),
        is_shared: is_same_file(),
        draws_progress: io::stderr().is_terminal()
            && context.environment.filled("TERM").is_some_and(|term| term != "dumb"),
        tail_lines: options.tail_lines,
        ottofile: found.shown.clone(),
        grace: GRACE,
    };
    let logs: Rc<dyn Logs> = Rc::new(RunLogs { run_dir: setting.run_dir.clone() });
    let (stdout, stderr) = (Box::new(Stdout::new(io::stdout())), Box::new(io::stderr()));
    let reports = sender.clone();
    // The run may have ended before a last report of a leftover comes in; nobody misses it then.
    let sink: ReportSink = Arc::new(move |report| drop(reports.send(Message::Report(report))));
    let mut executor = cluster::executor(context, home, &setting, sink.clone(), rules)?;
    if let Some(keep) = &setting.keep {
        executor = Box::new(KeepingExecutor {
            inner: executor,
            keep: keep.clone(),
            run: setting.run_id.clone(),
            masks: context.masks.clone(),
            report: sink,
            shows: setting.shows_output,
        });
    }
    // What another otto has shown is not shown again; who reads events gets all of them.
    let is_open = Rc::new(Cell::new(past.as_ref().is_none_or(Vec::is_empty)));
    let view: Box<dyn View> = if options.is_json {
        Box::new(Json::new(stdout, stderr))
    } else {
        let words = Words {
            paint: Paint { is_on: context.colours_stdout },
            ottofile: settings.ottofile.clone(),
            grace: GRACE,
            name_width: 0,
        };
        let (stdout, stderr) = (Gate::new(stdout, &is_open), Gate::new(stderr, &is_open));
        let (stdout, stderr) = (Box::new(stdout), Box::new(stderr));
        let console = Console::new(settings, stdout, stderr, Rc::clone(&logs), Box::new(terminal_width));
        let console = match step_summary(context) {
            Some(summary) => console.with_step_summary(summary),
            None => console,
        };
        match is_tui.then(|| whole_screen(&sender)).flatten() {
            Some(screen) => Box::new(Tui::new(screen, console, logs, words)),
            None => Box::new(console),
        }
    };
    let pruning = Background::start(&setting.project, &setting.ottofile.settings.retention, context.now);
    // One that was detached has not begun.
    let past = past.filter(|past| !past.is_empty());
    let journal = match &past {
        None => Journal::create(&setting.run_dir),
        Some(_) => Journal::go_on(&setting.run_dir).map_err(|error| {
            let path = setting.run_dir.journal();
            let message = format!("cannot go on with `{}`: {}", path.display(), host::plain(&error));
            context.fail(Code::NoRecords, message, 75)
        })?,
    };
    let setting = Arc::new(setting);
    if let Some(bell) = options.watch.as_ref().and_then(|watch| watch.bell.as_ref()) {
        bell.ring(sender);
    } else {
        drop(sender);
    }
    let run = Run::new(&setting, executor, receiver, journal, view);
    let finished = match past {
        None => run.run(),
        Some(past) => run.resume(past, host::host_name(), || is_open.set(true)).map_err(|misfit| {
            let message = format!("run `{}` cannot go on: {misfit}", setting.run_id.short());
            let wrong = Diagnostic::error(Code::NotLeft, message);
            context
                .refuse(&[wrong.help("end its jobs with `otto Cancel`; then `otto Rerun` runs what is left")])
        })?,
    };
    if !finished.is_left {
        // A run that has ended cannot be resumed. If the plan cannot be removed, the journal still says so.
        let _ = std::fs::remove_file(setting.run_dir.plan());
    }
    setting.vault.close();
    match &setting.keep {
        Some(keep) => keep.hold(&setting.run_id, lock),
        None => drop(lock),
    }
    if let Some(pruning) = pruning {
        pruning.finish();
    }
    Ok(finished)
}

/// Whether the run can be shown on the whole screen; warns if not. That needs a terminal for stdout and stderr which no task
/// wants for itself.
fn has_screen(context: &mut Context, target: &PlannedRun) -> bool {
    let has_term = context.environment.filled("TERM").is_some_and(|term| term != "dumb");
    let missing = match (context.stdout_is_terminal, io::stderr().is_terminal()) {
        (false, _) => Some("stdout is not a terminal"),
        (true, false) => Some("stderr is not a terminal"),
        (true, true) => (!has_term).then_some("`TERM` names a terminal without one"),
    };
    let warning = if let Some(missing) = missing {
        Diagnostic::warning(Code::NoScreen, format!("`--tui` needs a full-screen terminal, but {missing}"))
    } else {
        let with_terminal = target.plan.jobs.iter().find(|job| job.work == Work::Terminal);
        let Some(job) = with_terminal else { return true };
        let message = format!("`--tui` and task `{}` both need the terminal", shown(job.name.as_str()));
        let task = &target.ottofile.tasks[job.task];
        Diagnostic::warning(Code::NoScreen, message).at(
            &target.ottofile.sources,
            task.name_span,
            "this task has `tty: true`",
        )
    };
    context.show(&[warning.note("showing the run as without `--tui`")]);
    false
}

/// The terminal as a whole, with what is typed there in the inbox.
fn whole_screen(sender: &SyncSender<Message>) -> Option<Box<dyn Screen>> {
    let mut screen = WholeScreen::open()?;
    let sender = sender.clone();
    screen.listen(move |bytes| sender.send(Message::Typed(bytes)).is_ok()).ok()?;
    Some(Box::new(screen))
}

impl Screen for WholeScreen {
    fn take(&mut self) -> io::Result<()> {
        WholeScreen::take(self)
    }

    fn give_back(&mut self) {
        WholeScreen::give_back(self);
    }

    fn size(&self) -> (u16, u16) {
        WholeScreen::size(self)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        WholeScreen::write(self, bytes)
    }
}

/// How much one stream may hold: OTTO_STREAM_LIMIT.
pub(super) fn stream_limit(context: &mut Context) -> Result<u64, i32> {
    let Some(written) = context.environment.filled("OTTO_STREAM_LIMIT") else { return Ok(stream::LIMIT) };
    let written = written.to_string_lossy().into_owned();
    parse_size(&written).ok_or_else(|| {
        let message = format!("invalid value `{written}` for the variable `OTTO_STREAM_LIMIT`");
        let help = "expected a size such as 512M or 4G";
        context.refuse(&[Diagnostic::error(Code::BadFlagValue, message).help(help)])
    })
}

/// The run may have ended before the last answer comes in; nobody misses it then.
fn run_sink(sender: SyncSender<Message>) -> Arc<dyn Fn(Message) + Send + Sync> {
    Arc::new(move |message| drop(sender.send(message)))
}

/// Streams have an end only after their run has heard of it, so nobody misses what comes later.
fn stream_sink(sender: SyncSender<Message>) -> Arc<dyn Fn(JobId, IntakeReport) + Send + Sync> {
    Arc::new(move |job, report| drop(sender.send(Message::Stream(job, report))))
}

/// Shows what is wrong with the bodies that will run, as far as reading them tells.
fn warn_about_bodies(context: &mut Context, target: &PlannedRun) {
    let with_body = target.plan.jobs.iter().filter(|job| job.work.has_body()).map(|job| job.task);
    let tasks: std::collections::BTreeSet<usize> = with_body.collect();
    let warnings = super::check::body_warnings(target.ottofile, target.found.folder(), tasks);
    if !warnings.is_empty() {
        context.show(&warnings);
    }
}

/// Shows what is wrong with the data between the tasks of the run; `Err` is the exit code if something cannot work.
fn refuse_what_cannot_work(context: &mut Context, target: &PlannedRun) -> Result<(), i32> {
    let PlannedRun { found, ottofile, plan, recorded, .. } = target;
    let surroundings = Surroundings::of(context, found, ottofile, Some(recorded));
    let diagnostics = flow::findings(ottofile, plan, &surroundings, Moment::Run);
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Err(context.refuse(&diagnostics));
    }
    if !diagnostics.is_empty() {
        context.show(&diagnostics);
    }
    Ok(())
}

/// What is too short to be masked is shown.
fn warn_of_short_secrets(context: &mut Context, target: &PlannedRun) {
    let mut short: Vec<String> = plan::secret::planned(target.ottofile, target.plan)
        .into_iter()
        .filter(|named| named.secret.is_short() && !named.secret.expose().is_empty())
        .map(|named| named.what)
        .collect();
    short.sort();
    short.dedup();
    if !short.is_empty() {
        let warnings: Vec<Diagnostic> = short.iter().map(|what| secret::too_short(what)).collect();
        context.show(&warnings);
    }
}

/// Says which foreach tasks have no jobs because nothing was found: most often a pattern that is mistyped.
fn tell_of_empty(context: &mut Context, target: &PlannedRun) {
    let filled: std::collections::BTreeSet<usize> =
        target.plan.jobs.iter().filter(|job| job.item.is_some()).map(|job| job.task).collect();
    let groups = target.plan.jobs.iter().filter(|job| matches!(job.work, Work::ForeachGroup(_)));
    for job in groups.filter(|job| !filled.contains(&job.task)) {
        let foreach = target.ottofile.tasks[job.task].foreach.as_ref();
        let why = match foreach.map(|foreach| &foreach.source) {
            Some(ForeachSource::Glob(pattern)) => format!("nothing matches `{}`", pattern.value),
            Some(ForeachSource::Command(_)) => "its command printed nothing".to_owned(),
            Some(
                ForeachSource::Items(_)
                | ForeachSource::Range { .. }
                | ForeachSource::From(_)
                | ForeachSource::Each(_)
                | ForeachSource::Matrix(_),
            )
            | None => continue,
        };
        context.say(&format!("note: {} has no items: {why}", job.name));
    }
}

/// Sooner than in the middle of the run.
fn refuse_missing_interpreters(
    context: &mut Context,
    target: &PlannedRun,
    places: &[JobPlace],
) -> Result<(), i32> {
    let folder = target.found.folder();
    let missing = missing_interpreters(target.ottofile, target.plan, places, &context.environment, folder);
    let Some(code) = missing.first().map(|cannot| cannot.code) else { return Ok(()) };
    let diagnostics: Vec<Diagnostic> = missing.into_iter().map(|cannot| cannot.diagnostic).collect();
    context.show(&diagnostics);
    Err(code)
}

/// Asks what the tasks of the run ask with `confirm`, each question once; `Err` is the exit code where not all were answered
/// with yes.
fn ask(context: &mut Context, target: &PlannedRun, options: &Options, signals: &Signals) -> Result<(), i32> {
    let mut questions: Vec<(&Job, &str)> = Vec::new();
    for job in &target.plan.jobs {
        let Some(question) = job.confirm.as_deref().filter(|_| job.elsewhere.is_none()) else { continue };
        if questions.iter().all(|(_, known)| *known != question) {
            questions.push((job, question));
        }
    }
    let Some((first, _)) = questions.first() else { return Ok(()) };
    let missing = if options.is_json {
        Some("with `--json` nobody is asked")
    } else if options.origin.is_some() {
        Some("in a rerun nobody is asked")
    } else if options.watch.is_some() {
        Some("with `--watch` nobody is asked")
    } else if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        Some("there is no terminal to ask on")
    } else {
        None
    };
    if let Some(missing) = missing {
        let task = &target.ottofile.tasks[first.task];
        let span = task.confirm.as_ref().map_or(task.name_span, |question| question.span);
        let message = format!("`{}` must be confirmed, and {missing}", task.name);
        let wrong = Diagnostic::error(Code::NotConfirmed, message)
            .at(&target.ottofile.sources, span, "nothing was started")
            .help("`--yes` confirms");
        return Err(context.refuse(&[wrong]));
    }
    let (sender, answers) = std::sync::mpsc::sync_channel(16);
    signals.subscribe(sender.clone(), Reply::Signal);
    for (_, question) in questions {
        // Ignores a closed stderr: a question that nobody sees is not answered with yes.
        let _ = write!(context.stderr, "{} [y/N] ", shown(question)).and_then(|()| context.stderr.flush());
        let sender = sender.clone();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = io::stdin().read_line(&mut line);
            // Fails after a signal, when the answer is no longer needed.
            let _ = sender.send(Reply::Line(read.is_ok_and(|bytes| bytes > 0).then_some(line)));
        });
        let line = loop {
            match answers.recv() {
                Ok(Reply::Line(line)) => break line.unwrap_or_default(),
                Ok(Reply::Signal(signal)) if STOPPING.contains(&signal) => {
                    let _ = writeln!(context.stderr);
                    die_by(signal)
                }
                Ok(Reply::Signal(SUSPENDING)) => {
                    halt();
                    let _ = write!(context.stderr, "{} [y/N] ", shown(question));
                }
                Ok(Reply::Signal(_)) => {}
                Err(_) => unreachable!("bug: a channel closed whose sender is here"),
            }
        };
        if !matches!(line.trim().to_lowercase().as_str(), "y" | "yes") {
            context.say("not confirmed: nothing was started");
            return Err(1);
        }
    }
    Ok(())
}

/// What comes while a question is asked.
enum Reply {
    /// `None` at the end of stdin.
    Line(Option<String>),
    Signal(i32),
}

/// The GitHub workflow that this runs in, if it does.
fn workflow(context: &Context, found: &Found) -> Option<Workflow> {
    context.environment.filled("GITHUB_ACTIONS").filter(|value| *value == "true")?;
    Some(Workflow { file: context.repository_path(&found.path) })
}

/// The page of the workflow, to which a summary is added.
fn step_summary(context: &Context) -> Option<Box<dyn Write>> {
    context.environment.filled("GITHUB_ACTIONS").filter(|value| *value == "true")?;
    let path = context.environment.filled("GITHUB_STEP_SUMMARY")?;
    // Without it the run is complete all the same.
    let file = File::options().append(true).create(true).open(path).ok()?;
    Some(Box::new(file))
}

/// The tasks that were asked for by name get otto's stdin; what they need does not, or it would eat their input.
fn inherits_stdin(target: &PlannedRun) -> Vec<usize> {
    if io::stdin().is_terminal() {
        Vec::new()
    } else {
        target.request.tasks.iter().map(|asked| asked.task).collect()
    }
}

/// Folders that are in memory, where files may be that must not stay.
fn memory_folders(context: &Context) -> Vec<PathBuf> {
    let own = context.environment.filled("XDG_RUNTIME_DIR").map(PathBuf::from);
    let own = own.filter(|folder| folder.is_absolute());
    own.into_iter().chain([PathBuf::from("/dev/shm")]).filter(|folder| folder.is_dir()).collect()
}

fn record(
    context: &Context,
    target: &PlannedRun,
    options: &Options,
    id: &RunId,
    hashes: &[String],
) -> RunRecord {
    let secrets: Vec<OsString> = target
        .request
        .tasks
        .iter()
        .flat_map(|asked| {
            let task: &Task = &target.ottofile.tasks[asked.task];
            asked.given.iter().filter(|given| is_withheld(task, &task.params[given.param].name)).flat_map(
                |given| match &given.value {
                    Argument::Text(text) => vec![text.clone()],
                    Argument::Words(words) => words.clone(),
                },
            )
        })
        .collect();
    RunRecord {
        format: FORMAT,
        id: id.clone(),
        started: context.now,
        otto: env!("CARGO_PKG_VERSION").to_owned(),
        command: masked(
            options.words.iter().map(OsString::as_os_str),
            &secrets.iter().map(OsString::as_os_str).collect::<Vec<_>>(),
        )
        .iter()
        .map(|word| context.masks.text(word).into_owned())
        .collect(),
        ottofile: RecordedPath(target.found.path.clone()),
        ottofile_hash: hashes[0].clone(),
        included: included(target, &hashes[1..]),
        cwd: RecordedPath(context.cwd.clone()),
        user: host::user_name(&context.environment).to_string_lossy().into_owned(),
        host: host::host_name(),
        environment: context
            .environment
            .iter()
            .map(|(name, _)| name.to_string_lossy().into_owned())
            .collect(),
        retention: Some(Keeping::from(&target.ottofile.settings.retention)),
        origin: options.origin.clone(),
        is_watch: options.watch.is_some(),
    }
}

/// The included files, with the hash of each.
fn included(target: &PlannedRun, hashes: &[String]) -> Vec<IncludedFile> {
    let ottofile = target.ottofile;
    let parts = ottofile.parts.iter().zip(hashes);
    let file = |(part, hash): (&Part, &String)| IncludedFile {
        namespace: part.namespace.clone(),
        path: RecordedPath(part.path.clone()),
        hash: hash.clone(),
        parent: ottofile.namespace(part.parent).to_owned(),
        entry: part.include,
    };
    parts.map(file).collect()
}

/// The logs of a run's directory.
pub(super) struct RunLogs {
    pub(super) run_dir: RunDir,
}

impl Logs for RunLogs {
    fn open(&self, job: &JobName, attempt: u32, stream: Stream) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(crate::store::regular::open(&self.run_dir.job(job).log(stream, attempt))?))
    }
}

/// Whether stdout and stderr go to the same place.
pub(super) fn is_same_file() -> bool {
    let stat =
        |fd: std::os::fd::BorrowedFd<'_>| rustix::fs::fstat(fd).map(|stat| (stat.st_dev, stat.st_ino)).ok();
    let (stdout, stderr) = (stat(rustix::stdio::stdout()), stat(rustix::stdio::stderr()));
    stdout.is_some() && stdout == stderr
}

/// Columns of the terminal that stderr is; 80 where it is none.
pub(crate) fn terminal_width() -> usize {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stderr())
        .or_else(|_| rustix::termios::tcgetwinsize(rustix::stdio::stdout()));
    size.map_or(80, |size| if size.ws_col == 0 { 80 } else { usize::from(size.ws_col) })
}
