//! What cannot work in the data between tasks, as far as the ottofile tells before anything runs: keys that nobody sets,
//! tasks that are no dependencies, values that break a contract. Concludes only what is certain from texts that the
//! reader of bodies understood.

mod condition;
mod outputs;
mod reads;
mod traffic;
mod written;

pub(crate) use traffic::{KeyFlow, Reading, TaskFlow};

use crate::body::condition_of;
use crate::body::uses::{self, Force, Uses};
use crate::diagnostic::{Code, Diagnostic};
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{Body, Task, When};
use crate::plan::{GroupMembers, JobId, Plan, Work};
use crate::value::Map;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

/// Why the question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// `otto Check` wants to know everything.
    Check,
    /// Before a run: what will surely fail, and what may.
    Run,
}

/// What a run knows beside the ottofile.
pub(crate) trait Outside {
    /// Whether a Python script of this task that imports a module gets one of the project.
    fn has_module(&self, task: &Task, name: &str) -> bool;

    /// The outputs that a job reads from an earlier run, by the name of their job.
    fn recorded(&self, job: JobId) -> Vec<(String, Rc<Map>)>;
}

pub(crate) struct DataFlow<'a> {
    ottofile: &'a Ottofile,
    plan: &'a Plan,
    outside: &'a dyn Outside,
    /// What the body of each task does, once somebody asked.
    uses: RefCell<HashMap<usize, Rc<Uses>>>,
    /// For each task, those whose `after` names it, in their order.
    followers: HashMap<usize, Vec<usize>>,
}

/// All findings about the tasks of a plan, in the order of the ottofile.
pub(crate) fn findings(
    ottofile: &Ottofile,
    plan: &Plan,
    outside: &dyn Outside,
    moment: Moment,
) -> Vec<Diagnostic> {
    let flow = DataFlow::of(ottofile, plan, outside);
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for id in plan.ids() {
        let job = plan.job(id);
        // Of jobs that are not known yet, the group is asked. A group stands after its jobs.
        let has_script = job.work.has_body() || flow.stands_for_jobs(id, moment);
        if !has_script || !seen.insert(job.task) {
            continue;
        }
        if job.elsewhere.is_some() && moment == Moment::Run {
            continue;
        }
        if moment == Moment::Check {
            found.extend(flow.condition(job.task));
            found.extend(flow.written(id));
        }
        found.extend(flow.reads(id, moment));
        if let Some(contract) = &ottofile.tasks[job.task].outputs {
            found.extend(flow.outputs(id, contract, moment));
        }
    }
    found
}

/// What each task sets, and who reads it.
pub(crate) fn traffic(ottofile: &Ottofile, plan: &Plan, outside: &dyn Outside) -> Vec<TaskFlow> {
    DataFlow::of(ottofile, plan, outside).traffic()
}

/// One of the texts of a task that run.
struct ReadText<'a> {
    body: Cow<'a, Body>,
    uses: Rc<Uses>,
    /// The task may succeed, or be skipped, without it.
    is_conditional: bool,
}

impl<'a> DataFlow<'a> {
    pub(crate) fn of(ottofile: &'a Ottofile, plan: &'a Plan, outside: &'a dyn Outside) -> DataFlow<'a> {
        let mut flow =
            DataFlow { ottofile, plan, outside, uses: RefCell::default(), followers: HashMap::new() };
        for (place, task) in ottofile.tasks.iter().enumerate() {
            for target in
                task.after.iter().filter_map(|edge| flow.named(&edge.task.value)).collect::<Vec<_>>()
            {
                let followers = flow.followers.entry(target).or_default();
                if followers.last() != Some(&place) {
                    followers.push(place);
                }
            }
        }
        flow
    }

    fn task(&self, place: usize) -> &'a Task {
        &self.ottofile.tasks[place]
    }

    /// What the body of a task does; nothing for a task without one.
    fn uses(&self, place: usize) -> Rc<Uses> {
        if let Some(known) = self.uses.borrow().get(&place) {
            return Rc::clone(known);
        }
        let task = self.task(place);
        let mut uses = task.body.as_ref().map(Uses::of).unwrap_or_default();
        if uses.imports.iter().any(|name| name.is_empty() || self.outside.has_module(task, name)) {
            uses.is_open = true;
            uses.may_export = true;
            uses.may_unset = true;
            // A module of the project may end the script, or change what it reads.
            for read in &mut uses.reads {
                read.force = read.force.min(Force::Uncertain);
            }
            for set in &mut uses.sets {
                set.is_sure = false;
            }
        }
        let uses = Rc::new(uses);
        self.uses.borrow_mut().insert(place, Rc::clone(&uses));
        uses
    }

    /// The `if` and the script of a job's task, as far as they may read.
    fn texts(&self, job: JobId) -> Vec<ReadText<'a>> {
        let place = self.plan.job(job).task;
        let may_not_run = self.may_not_run(job);
        let has_condition = self.task(place).condition.is_some();
        let scripts = self.scripts(place).into_iter();
        scripts
            .map(|(body, uses, is_condition)| ReadText {
                body,
                uses,
                is_conditional: may_not_run || has_condition && !is_condition,
            })
            .collect()
    }

    /// The `if` and the script of a task, as far as they may read, each with whether it is the `if`.
    fn scripts(&self, place: usize) -> Vec<(Cow<'a, Body>, Rc<Uses>, bool)> {
        let task = self.task(place);
        let mut scripts = Vec::new();
        if let Some(condition) = condition_of(task).filter(uses::may_read) {
            let uses = Rc::new(Uses::of_condition(&condition));
            scripts.push((Cow::Owned(condition), uses, true));
        }
        if let Some(body) = task.body.as_ref().filter(|body| uses::may_read(body)) {
            scripts.push((Cow::Borrowed(body), self.uses(place), false));
        }
        scripts
    }

    /// Whether this is the group of a foreach task whose jobs are not known, or of which there are none here: the script
    /// is read all the same.
    fn stands_for_jobs(&self, job: JobId, moment: Moment) -> bool {
        let has_script = self.task(self.plan.job(job).task).body.is_some();
        match &self.plan.job(job).work {
            Work::ForeachGroup(GroupMembers::Awaited(_)) => has_script,
            Work::ForeachGroup(GroupMembers::Unknown) => has_script && moment == Moment::Check,
            Work::ForeachGroup(GroupMembers::Known(jobs)) => {
                has_script && jobs.is_empty() && moment == Moment::Check
            }
            Work::Body | Work::Terminal | Work::Condition | Work::Service | Work::Group => false,
        }
    }

    /// Whether a run may succeed in which this job is skipped for what became of others, or in which a foreach task has no
    /// jobs.
    fn may_not_run(&self, job: JobId) -> bool {
        if matches!(self.plan.job(job).work, Work::ForeachGroup(_)) {
            return true;
        }
        let mut seen = HashSet::from([job]);
        let mut open = vec![job];
        while let Some(job) = open.pop() {
            for need in &self.plan.job(job).needs {
                let other = self.plan.job(need.job);
                match need.when {
                    When::Always => continue,
                    When::Failure => return true,
                    When::Ran if other.elsewhere.is_some() || self.task(other.task).condition.is_some() => {
                        return true;
                    }
                    When::Success | When::Ran => {}
                }
                if seen.insert(need.job) {
                    open.push(need.job);
                }
            }
        }
        false
    }

    /// A diagnostic about a place in a body; `None` if a comment there allows it.
    fn finding(
        &self,
        diagnostic: Diagnostic,
        body: &Body,
        range: &Range<usize>,
        anchor: usize,
        label: String,
    ) -> Option<Diagnostic> {
        let source = &self.ottofile.sources;
        let file = source.of(body.span);
        let (span, places) = uses::places(body, file, range, anchor);
        let code = diagnostic.code.to_string();
        if uses::is_allowed(file, &code, &places) {
            return None;
        }
        let mut diagnostic = diagnostic;
        // The place of the finding comes first, whatever else it shows.
        let others = std::mem::take(&mut diagnostic.labels);
        diagnostic = diagnostic.at(source, span, label);
        diagnostic.labels.extend(others);
        Some(diagnostic)
    }
}

/// `a`, `b` and `c`, of many the first.
fn listed<'b>(names: impl IntoIterator<Item = &'b str>) -> String {
    const MOST: usize = 12;
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => "nothing".to_owned(),
        count if count > MOST => format!("{} and {} more", names[..MOST].join(", "), count - MOST),
        _ => names.join(", "),
    }
}

fn graded(code: Code, message: String, is_error: bool) -> Diagnostic {
    match is_error {
        true => Diagnostic::error(code, message),
        false => Diagnostic::warning(code, message),
    }
}
