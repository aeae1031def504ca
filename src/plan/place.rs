//! Where each job runs: on this machine, or on a cluster.

use super::{Job, JobId, Plan, Work};
use crate::diagnostic::{Code, Diagnostic};
use crate::ottofile::site::Site;
use crate::ottofile::spec::Engine;
use crate::ottofile::{Ottofile, matches_star};
use crate::resources::Resources;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum JobPlace {
    Here,
    Cluster,
}

/// The place of each job, in plan order, where tasks that say nothing else run with `engine`. Streams are pipes, which do not
/// reach from one machine to another, and services run on this one.
pub(crate) fn places(
    ottofile: &Ottofile,
    plan: &Plan,
    engine: Engine,
) -> Result<Vec<JobPlace>, Vec<Diagnostic>> {
    let places: Vec<JobPlace> = plan.jobs.iter().map(|job| place(ottofile, job, engine)).collect();
    let mut diagnostics = Vec::new();
    let mut told = BTreeSet::new();
    for (reader, writer) in stream_edges(plan) {
        let runs = |id: JobId| match places[id.index()] {
            JobPlace::Cluster => "runs on the cluster",
            JobPlace::Here => "runs on the machine of otto",
        };
        let tasks = [writer, reader].map(|id| &ottofile.tasks[plan.job(id).task]);
        if places[reader.index()] != places[writer.index()] && told.insert(plan.job(reader).task) {
            let message = format!(
                "the stream of `{}` would go to `{}` on another machine",
                tasks[0].name, tasks[1].name
            );
            let wrong = Diagnostic::error(Code::StreamBetweenMachines, message)
                .at(&ottofile.sources, tasks[0].name_span, runs(writer))
                .at(&ottofile.sources, tasks[1].name_span, runs(reader))
                .help("a stream stays on one machine: write `executor: local` in both tasks or in neither");
            diagnostics.push(wrong);
        }
    }
    for (job, _) in plan.jobs.iter().zip(&places).filter(|(_, place)| **place == JobPlace::Cluster) {
        let service = job.needs.iter().map(|need| plan.job(need.job)).find(|need| need.work == Work::Service);
        if let Some(service) = service
            && told.insert(job.task)
        {
            let task = &ottofile.tasks[job.task];
            let message =
                format!("`{}` would run on the cluster, away from the service `{}`", task.name, service.name);
            let wrong = Diagnostic::error(Code::StreamBetweenMachines, message)
                .at(&ottofile.sources, task.name_span, "uses the service")
                .at(&ottofile.sources, ottofile.tasks[service.task].name_span, "runs on the machine of otto")
                .help(format!("write `executor: local` in `{}`", task.name));
            diagnostics.push(wrong);
        }
    }
    if diagnostics.is_empty() { Ok(places) } else { Err(diagnostics) }
}

/// Pairs of a job and one whose stream it reads.
fn stream_edges(plan: &Plan) -> impl Iterator<Item = (JobId, JobId)> + '_ {
    plan.ids().flat_map(|id| plan.producers(id).map(move |(producer, _)| (id, producer)))
}

/// For each job the first of those that share a job of the cluster with it, because streams join them; itself, if there are none.
pub(crate) fn companies(plan: &Plan, places: &[JobPlace]) -> Vec<JobId> {
    let mut first: Vec<JobId> = plan.ids().collect();
    let is_away = |id: JobId| places[id.index()] == JobPlace::Cluster;
    for (reader, writer) in stream_edges(plan).filter(|(reader, writer)| is_away(*reader) && is_away(*writer))
    {
        let (one, other) = (first[reader.index()], first[writer.index()]);
        let (kept, gone) = (one.min(other), one.max(other));
        first.iter_mut().filter(|it| **it == gone).for_each(|it| *it = kept);
    }
    first
}

/// Refuses streams between jobs that cannot share a job of the cluster, for what they ask of it differs.
pub(crate) fn refuse_disagreements(
    ottofile: &Ottofile,
    plan: &Plan,
    places: &[JobPlace],
    resources: &[Arc<Resources>],
) -> Result<(), Vec<Diagnostic>> {
    let mut diagnostics = Vec::new();
    let mut told = BTreeSet::new();
    let of_first = companies(plan, places);
    for (id, first) in plan.ids().zip(of_first) {
        let keys = resources[id.index()].disagreements(&resources[first.index()]);
        let tasks = [first, id].map(|id| &ottofile.tasks[plan.job(id).task]);
        if keys.is_empty() || !told.insert(plan.job(id).task) {
            continue;
        }
        let keys = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" and ");
        let message = format!(
            "`{}` and `{}` are joined by streams, but ask the cluster for different {keys}",
            tasks[0].name, tasks[1].name
        );
        let wrong = Diagnostic::error(Code::StreamBetweenMachines, message)
            .at(&ottofile.sources, tasks[0].name_span, "the first one")
            .at(&ottofile.sources, tasks[1].name_span, "the second one")
            .help("tasks that stream to each other share one job of the cluster: let them ask for the same");
        diagnostics.push(wrong);
    }
    if diagnostics.is_empty() { Ok(()) } else { Err(diagnostics) }
}

fn place(ottofile: &Ottofile, job: &Job, engine: Engine) -> JobPlace {
    // The place of a foreach task whose jobs are not known yet is where these will run.
    let is_body = matches!(job.work, Work::Body | Work::Condition) || job.awaited().is_some();
    match ottofile.tasks[job.task].executor.unwrap_or(engine) {
        Engine::Slurm if is_body && job.elsewhere.is_none() => JobPlace::Cluster,
        Engine::Slurm | Engine::Local => JobPlace::Here,
    }
}

/// `--resource`: what tasks with such names ask for, whatever they say; without a pattern, all tasks.
#[derive(Clone, Debug)]
pub(crate) struct AskedResource {
    pub(crate) pattern: Option<String>,
    pub(crate) resources: Resources,
}

/// The resources that each job requests, in plan order.
pub(crate) fn resources(
    ottofile: &Ottofile,
    plan: &Plan,
    site: &Site,
    asked: &[AskedResource],
) -> Vec<Arc<Resources>> {
    let of = |job: &Arc<Job>| {
        let words = words(ottofile, job, site, asked);
        words.iter().fold(Resources::default(), |all, (_, resources)| all.or(resources))
    };
    // Most jobs ask for the same as the one before.
    let mut all: Vec<Arc<Resources>> = Vec::with_capacity(plan.jobs.len());
    for job in &plan.jobs {
        let asked = of(job);
        let same = all.last().filter(|last| ***last == asked).cloned();
        all.push(same.unwrap_or_else(|| Arc::new(asked)));
    }
    all
}

/// For each resource that a job requests, where that was set.
pub(crate) fn resource_sources(
    ottofile: &Ottofile,
    job: &Job,
    site: &Site,
    asked: &[AskedResource],
) -> Vec<(&'static str, String)> {
    let mut known: Vec<(&'static str, String)> = Vec::new();
    for (who, resources) in words(ottofile, job, site, asked) {
        for key in resources.keys() {
            if known.iter().all(|(told, _)| *told != key) {
                known.push((key, who.clone()));
            }
        }
    }
    known.sort_unstable();
    known
}

/// All that is said about what a job asks for, the word that counts most first: the command line, the site's for such a task,
/// the task's own, and what the ottofile and the site say for all.
fn words<'a>(
    ottofile: &'a Ottofile,
    job: &Job,
    site: &'a Site,
    asked: &'a [AskedResource],
) -> Vec<(String, &'a Resources)> {
    let task = &ottofile.tasks[job.task];
    let is_meant =
        |pattern: &str| matches_star(pattern, task.name.as_str()) || matches_star(pattern, job.name.as_str());
    let of_line = asked.iter().rev().filter(|asked| asked.pattern.as_deref().is_none_or(is_meant));
    let of_site = site.tasks.iter().filter(|(pattern, _)| is_meant(pattern));
    let mut all: Vec<(String, &Resources)> =
        of_line.map(|asked| ("`--resource`".to_owned(), &asked.resources)).collect();
    all.extend(of_site.map(|(pattern, resources)| (format!("`{pattern}` of the site file"), resources)));
    all.extend(task.resources.iter().map(|own| ("the task".to_owned(), &**own)));
    all.push(("`otto.resources`".to_owned(), &ottofile.settings.resources));
    all.push(("`defaults` of the site file".to_owned(), &site.defaults));
    all
}
