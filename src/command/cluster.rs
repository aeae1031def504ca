//! What a run on a cluster needs beside a run: the choice of it, the site file, its executor.

use super::{Context, PlannedRun};
use crate::diagnostic::{Code, Diagnostic};
use crate::exec::local::{GRACE, LocalExecutor};
use crate::exec::slurm::{ClusterSetting, Dispatcher, SiteRules};
use crate::exec::{Executor, ReportSink};
use crate::host::{self, Found};
use crate::ottofile::Ottofile;
use crate::ottofile::site::{self, Site};
use crate::ottofile::spec::Engine;
use crate::plan::{
    self, AskedResource, JobId, JobPlace, companies, places, refuse_disagreements, resource_sources,
};
use crate::resources::{self, OptionStyle, Resources};
use crate::run::Setting;
use crate::store::layout::{self, Home};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How many jobs a run may have in the queue of a cluster.
pub(super) const JOBS: usize = 100;
/// How often a task is repeated that the cluster ended.
pub(super) const LOST_RETRIES: u32 = 3;
/// The site file of the machine.
const SITE_OF_ALL: &str = "/etc/otto/config.yml";

/// What the command line says of where tasks run and what they get.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClusterWish {
    pub(crate) executor: Option<Engine>,
    pub(crate) resources: Vec<AskedResource>,
    pub(crate) profile: Option<String>,
}

impl ClusterWish {
    pub(crate) fn of(matches: &clap::ArgMatches) -> Result<ClusterWish, Diagnostic> {
        let words = matches.get_many::<String>("resource").into_iter().flatten();
        let resources = words.map(|word| asked_resource(word)).collect::<Result<_, _>>()?;
        let profile = matches.get_one::<String>("profile").cloned();
        Ok(ClusterWish { executor: asked_executor(matches), resources, profile })
    }
}

fn asked_resource(word: &str) -> Result<AskedResource, Diagnostic> {
    let wrong = |message: String| Diagnostic::error(Code::BadFlagValue, message);
    let Some((left, value)) = word.split_once('=') else {
        let wrong = wrong(format!("`--resource {word}` has no value"));
        return Err(wrong.help("write `--resource memory=8G`, or `--resource TASK:memory=8G`"));
    };
    let (pattern, key) = match left.rsplit_once(':') {
        Some((pattern, key)) => (Some(pattern.to_owned()), key),
        None => (None, left),
    };
    if !resources::KEYS.contains(&key) {
        let similar = crate::name::similar(key, resources::KEYS.iter().copied(), 3);
        let unknown = wrong(format!("`--resource` knows no `{key}`")).did_you_mean(&similar);
        return Err(unknown.note(format!("it knows {}", resources::KEYS.join(", "))));
    }
    let values: Vec<&str> = match resources::takes_list(key) && key != "extra" {
        true => value.split(',').collect(),
        false => vec![value],
    };
    let mut resources = Resources::default();
    match resources.set(key, &values) {
        Ok(()) => Ok(AskedResource { pattern, resources }),
        Err(bad) => Err(wrong(format!("invalid value `{}` for `{key}`", values[bad.place]))
            .help(format!("expected {}", bad.expected))),
    }
}

/// What `--executor` says.
fn asked_executor(matches: &clap::ArgMatches) -> Option<Engine> {
    matches.get_one::<String>("executor").and_then(|word| Engine::parse(word))
}

/// What runs the tasks that say nothing of it themselves; `Err` is the exit code.
pub(super) fn engine(
    context: &mut Context,
    ottofile: &Ottofile,
    asked: Option<Engine>,
) -> Result<Engine, i32> {
    if let Some(engine) = asked {
        return Ok(engine);
    }
    let Some(word) = context.environment.filled("OTTO_EXECUTOR") else {
        return Ok(ottofile.settings.executor.unwrap_or(Engine::Local));
    };
    let word = word.to_string_lossy().into_owned();
    Engine::parse(&word).ok_or_else(|| {
        let message = format!("invalid value `{word}` for the variable `OTTO_EXECUTOR`");
        let wrong = Diagnostic::error(Code::BadFlagValue, message);
        context.refuse(&[wrong.help(format!("expected {}", Engine::WORDS.join(", ")))])
    })
}

/// Where each job runs; `Err` is the exit code.
pub(super) fn placed(
    context: &mut Context,
    target: &PlannedRun,
    engine: Engine,
) -> Result<Vec<JobPlace>, i32> {
    let places =
        places(target.ottofile, target.plan, engine).map_err(|diagnostics| context.refuse(&diagnostics))?;
    if places.contains(&JobPlace::Cluster) {
        let help = "otto needs Slurm's commands here; `--executor local` runs the tasks on this machine";
        context.need_slurm(help)?;
    }
    if places.contains(&JobPlace::Cluster)
        && let Some(wrong) = secret_of_run(context, target)
    {
        return Err(context.refuse(&[wrong]));
    }
    Ok(places)
}

/// What each job asks for, in plan order; `Err` is the exit code.
pub(super) fn resources_of(
    context: &mut Context,
    target: &PlannedRun,
    places: &[JobPlace],
    site: &Site,
    wish: &ClusterWish,
) -> Result<Vec<Arc<Resources>>, i32> {
    let all = plan::resources(target.ottofile, target.plan, site, &wish.resources);
    refuse_disagreements(target.ottofile, target.plan, places, &all)
        .map_err(|diagnostics| context.refuse(&diagnostics))?;
    Ok(all)
}

/// What a node starts with is in a file that stays, and what its tasks print is masked nowhere there.
fn secret_of_run(context: &Context, target: &PlannedRun) -> Option<Diagnostic> {
    let sets_secret = |text: &str| text.contains("--secret") || text.contains(".secret(");
    let job = target.plan.jobs.iter().find(|job| {
        let task = &target.ottofile.tasks[job.task];
        task.outputs.as_ref().is_some_and(|contract| contract.value.has_secret())
            || task.params.iter().any(|param| param.is_secret)
            || task.body.as_ref().is_some_and(|body| sets_secret(&body.text))
    });
    let wrong =
        Diagnostic::error(Code::ClusterSecret, "this run has secrets, which otto does not hand to a cluster");
    let help =
        "run it with `--executor local`, or let tasks on the cluster get the secret themselves, from a file";
    match job {
        Some(job) => {
            let task = &target.ottofile.tasks[job.task];
            Some(wrong.at(&target.ottofile.sources, task.name_span, "this task has one").help(help))
        }
        None if context.masks.masker().is_some() => Some(wrong.note("a variable is secret").help(help)),
        None => None,
    }
}

/// The profile that was asked for over the site file of the user over that of the machine; `Err` is the exit code.
pub(super) fn site(context: &mut Context, wish: &ClusterWish) -> Result<Site, i32> {
    let from_variable = || context.environment.filled("OTTO_PROFILE");
    let asked = wish.profile.clone().or_else(|| Some(from_variable()?.to_string_lossy().into_owned()));
    let set = |name: &str| context.environment.filled(name).map(PathBuf::from);
    let own = match set("OTTO_CONFIG") {
        Some(named) => Some(context.cwd.join(named)),
        None => layout::user_site(set("XDG_CONFIG_HOME"), set("HOME")),
    };
    let is_named = set("OTTO_CONFIG").is_some();
    let mut site = Site::default();
    let mut profiles: Vec<(String, Site)> = Vec::new();
    let mut mistakes = Vec::new();
    for (path, must_exist) in
        own.into_iter().map(|path| (path, is_named)).chain([(SITE_OF_ALL.into(), false)])
    {
        if !must_exist && !path.exists() {
            continue;
        }
        let found = Found { shown: path.display().to_string(), path };
        let read = host::read_ottofile(&found).map_err(|wrong| vec![wrong]);
        match read.and_then(|source| site::read(&source)) {
            Ok(further) => {
                site = site.or(further.site);
                profiles.extend(further.profiles);
            }
            Err(wrong) => mistakes.extend(wrong),
        }
    }
    if !mistakes.is_empty() {
        return Err(context.refuse(&mistakes));
    }
    let Some(name) = asked else { return Ok(site) };
    let names: Vec<String> = profiles.iter().map(|(name, _)| name.clone()).collect();
    // One that both files have is that of the user over that of the machine.
    let meant = profiles.into_iter().filter(|(known, _)| *known == name).map(|(_, profile)| profile);
    match meant.reduce(Site::or) {
        Some(profile) => Ok(profile.or(site)),
        None => {
            let unknown =
                Diagnostic::error(Code::BadFlagValue, format!("no site file has a profile `{name}`"));
            let similar = crate::name::similar(&name, names.iter().map(String::as_str), 3);
            let unknown = unknown.did_you_mean(&similar);
            Err(context.refuse(&[match names.is_empty() {
                true => unknown.help("write `profiles:` and its name into ~/.config/otto/config.yml"),
                false => unknown.note(format!("it knows {}", names.join(", "))),
            }]))
        }
    }
}

pub(super) fn style(site: &Site) -> OptionStyle {
    OptionStyle { memory: site.memory_as.unwrap_or_default(), gpus: site.gpus_as.unwrap_or_default() }
}

/// Tasks on the cluster that would read otto's stdin here, where there may be something to read.
pub(super) fn warn_of_stdin(
    context: &mut Context,
    target: &PlannedRun,
    places: &[JobPlace],
    tasks: &[usize],
) {
    if host::is_stdin_empty() {
        return;
    }
    let away = target.plan.jobs.iter().zip(places).filter(|(_, place)| **place == JobPlace::Cluster);
    let mut unread: Vec<usize> = away.map(|(job, _)| job.task).filter(|task| tasks.contains(task)).collect();
    unread.dedup();
    let warnings: Vec<Diagnostic> = unread
        .into_iter()
        .map(|task| {
            let task = &target.ottofile.tasks[task];
            let message = format!("`{}` runs on the cluster and does not get the stdin of otto", task.name);
            Diagnostic::warning(Code::ClusterStdin, message)
                .at(&target.ottofile.sources, task.name_span, "its stdin is empty")
                .help("write the input to a file, or keep the task here: `executor: local`")
        })
        .collect();
    if !warnings.is_empty() {
        context.show(&warnings);
    }
}

/// What the job of a driver asks for, where the site says nothing else. Some time before it is over, it is told to leave.
pub(super) fn driver_options(site: &Resources, cpus: u32) -> Vec<String> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let usual =
        Resources { cpus: vec![cpus], memory_mib: vec![512], time: vec![DAY], ..Resources::default() };
    let mut options = site.clone().or(&usual).options(1, None, 1, OptionStyle::default());
    options.push("--signal=B:HUP@120".to_owned());
    options
}

/// How a site wants its cluster to be treated.
pub(super) fn rules(site: &Site) -> SiteRules {
    let usual = SiteRules::default();
    SiteRules {
        submit_per_second: site.submit_per_second.unwrap_or(usual.submit_per_second),
        ask_every: site.ask_every.unwrap_or(usual.ask_every),
        lost_after: site.lost_after.unwrap_or(usual.lost_after),
        never_after: site.never_after.unwrap_or(usual.never_after),
        visible_after: site.visible_after.unwrap_or(usual.visible_after),
        array: site.array.unwrap_or(usual.array),
        style: style(site),
        before: site.before.clone().unwrap_or_default(),
    }
}

/// What runs the jobs of a run, with a cluster if there are rules for one; `Err` is the exit code.
pub(super) fn executor(
    context: &mut Context,
    home: &Home,
    setting: &Setting,
    sink: ReportSink,
    rules: Option<SiteRules>,
) -> Result<Box<dyn Executor>, i32> {
    let local = LocalExecutor::new(sink.clone(), GRACE, context.masks.clone());
    let Some(rules) = rules else { return Ok(Box::new(local)) };
    let (run_dir, run_id, jobs) = (&setting.run_dir, &setting.run_id, setting.slots);
    let cluster = ClusterSetting::prepare(home, run_dir, run_id, &context.environment, rules, jobs);
    match cluster.and_then(|cluster| Dispatcher::new(local, cluster, sink)) {
        Ok(executor) => Ok(Box::new(executor)),
        Err(error) => {
            let message = format!("cannot prepare the run for the cluster: {}", host::plain(&error));
            Err(context.fail(Code::NoRecords, message, 75))
        }
    }
}

/// How a job of the cluster would be submitted.
pub(super) struct Submission {
    pub(super) command: String,
    /// `memory from the task · time from the site file`; empty if nobody says anything.
    pub(super) sources: String,
}

/// For each job that would be one of the cluster: how it would be submitted. No command of Slurm is called.
pub(super) fn submissions(
    context: &mut Context,
    target: &PlannedRun,
    wish: &ClusterWish,
) -> Result<Vec<Option<Submission>>, i32> {
    let engine = engine(context, target.ottofile, wish.executor)?;
    let places =
        places(target.ottofile, target.plan, engine).map_err(|diagnostics| context.refuse(&diagnostics))?;
    let site = if places.contains(&JobPlace::Cluster) { site(context, wish)? } else { Site::default() };
    let plan = target.plan;
    let resources = resources_of(context, target, &places, &site, wish)?;
    let firsts = companies(plan, &places);
    let mut companies: BTreeMap<JobId, Vec<JobId>> = BTreeMap::new();
    for id in plan.ids() {
        companies.entry(firsts[id.index()]).or_default().push(id);
    }
    let style = style(&site);
    let command = |id: JobId| {
        let first = firsts[id.index()];
        if first != id {
            return format!("in the job of `{}`", plan.job(first).name);
        }
        let members = &companies[&first];
        let wishes: Vec<_> =
            members.iter().map(|id| (&*resources[id.index()], 1, plan.job(*id).timeout)).collect();
        let (words, shared) = match (&wishes[..], resources[id.index()].bundle) {
            ([(wish, attempt, limit)], bundle) => {
                let shared = bundle.map(|most| format!("  # one job for up to {most} of them"));
                (wish.options(*attempt, *limit, 1, style), shared)
            }
            (several, _) => {
                let others: Vec<String> =
                    members[1..].iter().map(|id| format!("`{}`", plan.job(*id).name)).collect();
                let shared = format!("  # one job with {}", others.join(", "));
                (Resources::together(several).options(1, None, 1, style), Some(shared))
            }
        };
        format!("sbatch {}{}", words.join(" "), shared.unwrap_or_default())
    };
    let sources = |id: JobId| {
        let told = resource_sources(target.ottofile, plan.job(id), &site, &wish.resources);
        told.iter().map(|(key, who)| format!("{key} from {who}")).collect::<Vec<_>>().join(" · ")
    };
    let one = |id: JobId| {
        (places[id.index()] == JobPlace::Cluster)
            .then(|| Submission { command: command(id), sources: sources(id) })
    };
    Ok(plan.ids().map(one).collect())
}
