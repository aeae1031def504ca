//! A plan grows: the jobs that a value tells, and those that follow each of them.
//! Knows only the value; the run loop brings it when the jobs that set it have ended.

use super::draft::{Draft, followed, unknown_item, with_input, with_need, work_of};
use super::expand::{self, NamedItem};
use super::facts::Facts;
use super::select::{Items, Mention};
use super::{Awaited, Flow, GroupMembers, Job, JobId, Need, Plan, Work, own};
use crate::diagnostic::{Code, Diagnostic};
use crate::name::JobName;
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{DataPath, When};
use crate::value::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// Jobs to add to a plan.
#[derive(Debug)]
pub(crate) struct Extension {
    /// How many jobs the plan had when this was made.
    base: usize,
    jobs: Vec<Arc<Job>>,
    /// The groups that know their jobs by it, in plan order.
    pub(crate) groups: Vec<(JobId, Vec<JobId>)>,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Makes the jobs of a group whose needs are settled, and of the groups that follow it item by item.
pub(crate) fn extend(
    ottofile: &Ottofile,
    plan: &Plan,
    group: JobId,
    value: &dyn Fn(&DataPath) -> Option<Value>,
    facts: &dyn Facts,
) -> Result<Extension, Vec<Diagnostic>> {
    let whole = plan.job(group);
    let task = &ottofile.tasks[whole.task];
    let (Some(foreach), Some(awaited)) = (&task.foreach, whole.awaited()) else {
        unreachable!("bug: `{}` awaits no jobs", whole.name);
    };
    let items = expand::of_data(ottofile, task, foreach, value)?;
    let mut growing = Growing {
        ottofile,
        plan,
        facts,
        names: plan.jobs.iter().map(|job| (job.name.clone(), None)).collect(),
        left_out: Vec::new(),
        extension: Extension {
            base: plan.jobs.len(),
            jobs: Vec::new(),
            groups: Vec::new(),
            warnings: Vec::new(),
        },
    };
    growing.add(group, awaited, &items, None)?;
    // A group stands after the one that it follows.
    let mut known: HashMap<JobId, Vec<NamedItem>> = HashMap::from([(group, items)]);
    for id in plan.ids().filter(|id| *id > group) {
        let Some(awaited) = plan.job(id).awaited() else { continue };
        let Some(each) = awaited.each else { continue };
        let Some(before) = known.get(&each.group) else { continue };
        let Some(foreach) = &ottofile.tasks[plan.job(id).task].foreach else { continue };
        let items: Vec<NamedItem> = before.iter().map(|named| followed(named, foreach)).collect();
        growing.add(id, awaited, &items, Some((each.group, each.when)))?;
        known.insert(id, items);
    }
    let Growing { mut extension, left_out, .. } = growing;
    extension.warnings = own::left_out_warnings(left_out);
    Ok(extension)
}

struct Growing<'a> {
    ottofile: &'a Ottofile,
    plan: &'a Plan,
    facts: &'a dyn Facts,
    /// The names of all jobs; those of new ones with their ids.
    names: HashMap<JobName, Option<JobId>>,
    left_out: Vec<super::envs::FailedEntry>,
    extension: Extension,
}

impl Growing<'_> {
    /// Adds the jobs of one group. `follows` is the group of which each of them needs the job of its own item.
    fn add(
        &mut self,
        group: JobId,
        awaited: &Awaited,
        items: &[NamedItem],
        follows: Option<(JobId, When)>,
    ) -> Result<(), Vec<Diagnostic>> {
        let whole = self.plan.job(group);
        let task = &self.ottofile.tasks[whole.task];
        let items = wanted(self.ottofile, whole, &awaited.only, items)?;
        let mut members = Vec::with_capacity(items.len());
        self.extension.jobs.reserve_exact(items.len());
        let mut diagnostics = Vec::new();
        for NamedItem { name, item } in items {
            let own = follows.and_then(|(before, when)| Some((self.member(before, name)?, when)));
            // Its own item was not asked for there.
            if follows.is_some() && own.is_none() {
                continue;
            }
            let own_need = own.map(|(job, when)| Need { job, when, flow: Flow::AtEnd });
            // The group may have values of its own in its name.
            let name = JobName::recorded(&format!("{}:{name}", whole.name)).expect("bug: a name is empty");
            if self.names.insert(name.clone(), Some(self.next_id())).is_some() {
                let message = format!("two jobs are called `{name}`");
                let wrong = Diagnostic::error(Code::BadItems, message);
                return Err(vec![
                    wrong
                        .at(
                            &self.ottofile.sources,
                            task.name_span,
                            "an item of this task would be the second one",
                        )
                        .help("rename the task of that name, or the item"),
                ]);
            }
            let draft = Draft {
                name,
                task: whole.task,
                work: work_of(task),
                item: Some(item.clone()),
                group: Some(group),
                needs: with_need(&awaited.needs, own_need),
                edges: Vec::new(),
                aliases: whole.aliases.to_vec(),
                inputs: with_input(&awaited.inputs, own.map(|(job, _)| job)),
                lane: awaited.lane,
            };
            let values = match draft.work.has_body() {
                true => own::resolve(
                    self.ottofile,
                    &draft,
                    &whole.params,
                    &self.plan.globals,
                    self.facts,
                    &mut self.left_out,
                    &mut diagnostics,
                ),
                false => own::Own::default(),
            };
            members.push(self.next_id());
            let job = Job::new(self.ottofile, draft, whole.params.clone(), values);
            self.extension.jobs.push(Arc::new(job));
        }
        own::told_once(&mut diagnostics);
        self.extension.groups.push((group, members));
        if diagnostics.is_empty() { Ok(()) } else { Err(diagnostics) }
    }

    fn next_id(&self) -> JobId {
        let place = self.extension.base + self.extension.jobs.len();
        JobId(u32::try_from(place).expect("bug: more than four billion jobs"))
    }

    /// The new job of a group for an item.
    fn member(&self, group: JobId, item: &str) -> Option<JobId> {
        let name = JobName::recorded(&format!("{}:{item}", self.plan.job(group).name))?;
        self.names.get(&name).copied().flatten()
    }
}

/// The items that were asked for: all, or some by name.
fn wanted<'i>(
    ottofile: &Ottofile,
    whole: &Job,
    only: &Items,
    items: &'i [NamedItem],
) -> Result<Vec<&'i NamedItem>, Vec<Diagnostic>> {
    let Items::Only(only) = only else { return Ok(items.iter().collect()) };
    let task = &ottofile.tasks[whole.task];
    let unknown = only.iter().filter(|(name, _)| items.iter().all(|item| item.name != *name));
    let told = unknown.map(|(name, mention)| {
        let place = match mention {
            Mention::Ottofile(span) => *span,
            // That line was read when the run began.
            Mention::CommandLine(_) => task.foreach.as_ref().map_or(task.name_span, |foreach| foreach.span),
        };
        unknown_item((&ottofile.sources, place), task, name, items)
    });
    let told: Vec<Diagnostic> = told.collect();
    if !told.is_empty() {
        return Err(told);
    }
    Ok(items.iter().filter(|item| only.iter().any(|(name, _)| *name == item.name)).collect())
}

impl Plan {
    /// This plan with more jobs. All ids stay what they are.
    pub(crate) fn with(&self, extension: Extension) -> Plan {
        let Extension { base, jobs, groups, warnings: _ } = extension;
        let shift = self.jobs.len() - base;
        // Other jobs may have been added since.
        let moved = |id: JobId| if id.index() < base { id } else { JobId(id.0 + shift as u32) };
        let mut all = self.jobs.clone();
        for mut job in jobs {
            // It is not shared yet, so this copies nothing.
            let made = Arc::make_mut(&mut job);
            made.needs.iter_mut().for_each(|need| need.job = moved(need.job));
            made.inputs.iter_mut().for_each(|input| *input = moved(*input));
            all.push(job);
        }
        for (group, members) in groups {
            let members: Vec<JobId> = members.into_iter().map(moved).collect();
            let job = Arc::make_mut(&mut all[group.index()]);
            if !members.is_empty() {
                let need = |job: &JobId| Need { job: *job, when: When::Always, flow: Flow::AtEnd };
                job.needs = members.iter().map(need).collect();
            }
            job.inputs = Box::default();
            job.work = Work::ForeachGroup(GroupMembers::Known(members));
        }
        let (lanes, globals) = (self.lanes.clone(), self.globals.clone());
        Plan { jobs: all, lanes, globals, warnings: Vec::new() }
    }
}
