//! Services in a plan: which jobs use each, which stay up until the run is stopped, and which requirements conflict.

use super::draft::Draft;
use super::{Flow, GroupMembers, JobId, Need, Plan, Work, graph, select};
use crate::diagnostic::{Code, Diagnostic};
use crate::name::JobName;
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{Foreach, OrderedList, Task, When};
use crate::request::Request;

/// How a job stands to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reliance {
    /// The job does not depend on the service.
    No,
    /// The job depends on the service, directly or through others. `is_bound`: it needs the service to succeed, and fails with it.
    Uses { is_bound: bool },
    /// The job waits for the end of the service, directly or through others.
    WaitsForEnd,
}

/// What services need to know of a job.
#[derive(Clone, Copy)]
pub(crate) struct JobEdges<'a> {
    work: &'a Work,
    needs: &'a [Need],
}

pub(crate) fn edges(plan: &Plan) -> Vec<JobEdges<'_>> {
    plan.jobs.iter().map(|job| JobEdges { work: &job.work, needs: &job.needs }).collect()
}

/// How each job stands to a service. In `order` a job stands after its needs.
pub(crate) fn reliance(jobs: &[JobEdges], order: &[JobId], service: JobId) -> Vec<Reliance> {
    let mut reliance = vec![Reliance::No; jobs.len()];
    for id in order.iter().filter(|id| **id != service) {
        let job = &jobs[id.index()];
        let mut whole = Reliance::No;
        // The group of a foreach task represents its jobs, regardless of its edges.
        let stands_for_jobs =
            matches!(job.work, Work::ForeachGroup(GroupMembers::Known(members)) if !members.is_empty());
        for need in job.needs {
            let is_strict = stands_for_jobs || need.when == When::Success;
            let one = match reliance[need.job.index()] {
                _ if need.job == service && need.flow == Flow::Up => Reliance::Uses { is_bound: is_strict },
                _ if need.job == service => Reliance::WaitsForEnd,
                Reliance::Uses { is_bound } => Reliance::Uses { is_bound: is_bound && is_strict },
                other @ (Reliance::No | Reliance::WaitsForEnd) => other,
            };
            whole = match (whole, one) {
                (Reliance::WaitsForEnd, _) | (_, Reliance::WaitsForEnd) => Reliance::WaitsForEnd,
                (Reliance::Uses { is_bound: a }, Reliance::Uses { is_bound: b }) => {
                    Reliance::Uses { is_bound: a || b }
                }
                (Reliance::No, other) | (other, Reliance::No) => other,
            };
        }
        reliance[id.index()] = whole;
    }
    reliance
}

/// Refuses a service whose jobs only data tells: those who use it could not wait until all are up.
pub(super) fn with_unknown_jobs(ottofile: &Ottofile, task: &Task, foreach: &Foreach) -> Option<Diagnostic> {
    let service = task.service.as_ref()?;
    let message = format!("the jobs of the service `{}` must be known before the run", task.name);
    let wrong = Diagnostic::error(Code::ForeachFailed, message)
        .at(&ottofile.sources, foreach.span, "these come from data")
        .at(&ottofile.sources, service.span, "a service");
    Some(wrong.help("list the items: `items`, `range`, `glob` and `command` are known before the run"))
}

/// Refuses jobs that wait for the end of a service which has to stay up for them.
pub(super) fn check(ottofile: &Ottofile, drafts: &[Draft], diagnostics: &mut Vec<Diagnostic>) {
    let edges: Vec<JobEdges> =
        drafts.iter().map(|draft| JobEdges { work: &draft.work, needs: &draft.needs }).collect();
    if let Some((waits, ended)) = contradiction(&edges) {
        let (waits, ended) = (&drafts[waits.index()], &drafts[ended.index()]);
        let span = |job: &Draft| ottofile.tasks[job.task].name_span;
        let message = format!(
            "`{}` waits for the end of the service `{}`, which stays up until `{}` has ended",
            waits.name, ended.name, waits.name
        );
        diagnostics.push(
            Diagnostic::error(Code::ContradictingEdges, message)
                .at(&ottofile.sources, span(waits), "can never start")
                .at(&ottofile.sources, span(ended), "used by this task, or by a service that it uses")
                .help("`when: failure` and `when: always` wait for the end of a service; `when: success` for its start"),
        );
    }
}

/// A job that waits for the end of a service, and that service, which cannot end before the job has: each waits for the
/// other, perhaps through more of their kind.
pub(crate) fn contradiction(jobs: &[JobEdges]) -> Option<(JobId, JobId)> {
    let ids = || (0..jobs.len() as u32).map(JobId);
    let services: Vec<JobId> = ids().filter(|id| *jobs[id.index()].work == Work::Service).collect();
    if services.is_empty() {
        return None;
    }
    let order: Vec<JobId> = ids().collect();
    // Two things can be waited for: that a job is settled (its place), and that a service is up (behind all places).
    let is_up = |job: JobId| jobs.len() + job.index();
    let mut waits: Vec<Vec<usize>> = vec![Vec::new(); 2 * jobs.len()];
    for id in ids() {
        let job = &jobs[id.index()];
        let needs = job.needs.iter().map(|need| match need.flow {
            Flow::Up => is_up(need.job),
            Flow::AtEnd | Flow::Stream { .. } => need.job.index(),
        });
        waits[id.index()].extend(needs.clone());
        waits[is_up(id)].extend(needs);
    }
    for service in &services {
        let users = ids().zip(reliance(jobs, &order, *service));
        let users = users.filter(|(_, reliance)| matches!(reliance, Reliance::Uses { .. }));
        waits[service.index()].extend(users.map(|(user, _)| user.index()));
    }
    let cycle = graph::topological(waits.len(), |place| &waits[place]).err()?;
    let steps = cycle.iter().zip(cycle.iter().cycle().skip(1));
    let end_of = |(from, to): (&usize, &usize)| {
        let is_service = *to < jobs.len() && *jobs[*to].work == Work::Service;
        let is_wait = is_service && jobs[from % jobs.len()].needs.iter().any(|need| need.job.index() == *to);
        is_wait.then(|| (JobId((from % jobs.len()) as u32), JobId(*to as u32)))
    };
    steps.into_iter().find_map(end_of)
}

/// The services that were asked for by name, or stand for a task without a body that was: these stay up until the run is
/// stopped, and do not end with the last task that uses them.
pub(crate) fn asked_for(plan: &Plan, ottofile: &Ottofile, request: &Request) -> Vec<JobId> {
    let mut open: Vec<JobId> = Vec::new();
    for asked in &request.tasks {
        let name = asked.item.as_ref().map(|item| JobName::of_item(&ottofile.tasks[asked.task].name, item));
        let is_meant = |id: &JobId| {
            let job = plan.job(*id);
            job.task == asked.task && name.as_ref().is_none_or(|name| job.name == *name)
        };
        open.extend(plan.ids().filter(is_meant));
    }
    let mut lasting = Vec::new();
    let mut is_known = vec![false; plan.jobs.len()];
    while let Some(id) = open.pop() {
        if std::mem::replace(&mut is_known[id.index()], true) {
            continue;
        }
        let job = plan.job(id);
        match &job.work {
            Work::Service => lasting.push(id),
            Work::Body | Work::Terminal => {}
            // Without jobs it needs what they would.
            Work::ForeachGroup(_) => open.extend(job.members().unwrap_or_default()),
            Work::Group | Work::Condition => {
                let wanted = job.needs.iter().filter(|need| need.when == When::Success);
                // After the last of its steps a task is done, so that only this one can be meant to stay.
                let last = last_step(ottofile, job.task);
                let wanted = wanted.filter(|need| last.is_none_or(|last| plan.job(need.job).task == last));
                open.extend(wanted.map(|need| need.job));
            }
        }
    }
    lasting.sort_unstable();
    lasting
}

fn last_step(ottofile: &Ottofile, task: usize) -> Option<usize> {
    let mut steps = ottofile.tasks[task].before.iter();
    let last = steps.rfind(|edge| edge.turn.is_some_and(|turn| turn.list == OrderedList::Steps))?;
    Some(select::resolve(ottofile, last).0)
}

/// The services of a plan that no other job uses: what else would they be in it for?
pub(crate) fn unused(plan: &Plan) -> Vec<JobId> {
    let is_used = |id: JobId| plan.jobs.iter().any(|job| job.needs.iter().any(|need| need.job == id));
    plan.ids().filter(|id| plan.job(*id).work == Work::Service && !is_used(*id)).collect()
}
