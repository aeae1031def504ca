//! The graph of a run's jobs: names, edges and lanes, before parameters and variables have values.

use super::expand::NamedItem;
use super::select::{Items, Mention, Selected};
use super::{Flow, GroupMembers, Item, JobId, Lane, LaneId, Need, Work, stream};
use crate::diagnostic::{Code, Diagnostic};
use crate::name::{JobName, similar};
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{BodyKey, Foreach, ForeachJobs, Task, When};
use crate::request::Request;
use std::collections::HashMap;

/// The place of a job in the graph.
pub(super) struct Draft {
    pub(super) name: JobName,
    /// Place of the task in `Ottofile::tasks`.
    pub(super) task: usize,
    pub(super) work: Work,
    pub(super) item: Option<Item>,
    pub(super) group: Option<JobId>,
    pub(super) needs: Vec<Need>,
    pub(super) inputs: Vec<JobId>,
    pub(super) lane: Option<LaneId>,
}

/// The graph as far as it is built: a draft stands after all that it needs.
pub(super) struct Drafts<'a> {
    ottofile: &'a Ottofile,
    request: &'a Request,
    pub(super) drafts: Vec<Draft>,
    pub(super) lanes: Vec<Lane>,
    /// For each selected task: its job or group, and its jobs by item.
    placed: Vec<Placed>,
}

struct Placed {
    whole: JobId,
    items: HashMap<String, JobId>,
}

impl<'a> Drafts<'a> {
    pub(super) fn new(ottofile: &'a Ottofile, request: &'a Request) -> Drafts<'a> {
        Drafts { ottofile, request, drafts: Vec::new(), lanes: Vec::new(), placed: Vec::new() }
    }

    pub(super) fn add_task(&mut self, member: &Selected) {
        self.add_whole(member, work_of(&self.ottofile.tasks[member.task]), HashMap::new());
    }

    /// A foreach task whose items are not known stands as one empty group.
    pub(super) fn add_unknown(&mut self, member: &Selected) {
        self.add_whole(member, Work::ForeachGroup(GroupMembers::Unknown), HashMap::new());
    }

    /// Adds the job of a task, or the group of a foreach task.
    fn add_whole(&mut self, member: &Selected, work: Work, items: HashMap<String, JobId>) {
        let (mut needs, inputs) = self.needs(member);
        // The group waits for what its jobs wait for, so that an empty one keeps the order too.
        if let Work::ForeachGroup(GroupMembers::Known(members)) = &work
            && !members.is_empty()
        {
            let is_service = self.ottofile.tasks[member.task].service.is_some();
            let flow = if is_service { Flow::Up } else { Flow::AtEnd };
            let need = |job: &JobId| Need { job: *job, when: When::Always, flow };
            needs = members.iter().map(need).collect();
        }
        let name = JobName::of_task(&self.ottofile.tasks[member.task].name);
        let inputs = if matches!(work, Work::ForeachGroup(_)) { Vec::new() } else { inputs };
        let (item, group, lane) = (None, None, None);
        let whole = self.add(Draft { name, task: member.task, work, item, group, needs, inputs, lane });
        self.placed.push(Placed { whole, items });
    }

    pub(super) fn add_foreach(
        &mut self,
        member: &Selected,
        foreach: &Foreach,
        mut items: Vec<NamedItem>,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let task = &self.ottofile.tasks[member.task];
        if let Items::Only(only) = &member.items {
            let unknown = only.iter().filter(|(name, _)| items.iter().all(|item| item.name != *name));
            diagnostics
                .extend(unknown.map(|(name, mention)| self.unknown_item(task, name, *mention, &items)));
            items.retain(|item| only.iter().any(|(wanted, _)| *wanted == item.name));
        }
        let lane = self.lane(member.task, foreach);
        let (needs, inputs) = self.needs(member);
        let group = self.next_id(items.len());
        let mut by_name = HashMap::with_capacity(items.len());
        let mut members = Vec::with_capacity(items.len());
        for NamedItem { name, item } in items {
            let id = self.add(Draft {
                name: JobName::of_item(&task.name, &name),
                task: member.task,
                work: work_of(task),
                item: Some(item),
                group: Some(group),
                needs: needs.clone(),
                inputs: inputs.clone(),
                lane,
            });
            members.push(id);
            by_name.insert(name, id);
        }
        self.add_whole(member, Work::ForeachGroup(GroupMembers::Known(members)), by_name);
    }

    /// How the jobs of a foreach task share the machine, if there is a rule for it.
    fn lane(&mut self, task: usize, foreach: &Foreach) -> Option<LaneId> {
        if self.ottofile.tasks[task].service.is_some() {
            // They are all up at the same time.
            return None;
        }
        let is_serial = self.request.tasks.iter().any(|asked| asked.task == task && asked.is_serial);
        let lane = match (is_serial || !foreach.is_parallel, foreach.jobs) {
            (true, _) => Lane::Serial,
            (false, Some(ForeachJobs::All)) => Lane::All,
            (false, Some(ForeachJobs::Most(most))) => Lane::Most(most),
            (false, None) => return None,
        };
        self.lanes.push(lane);
        Some(LaneId(self.lanes.len() as u32 - 1))
    }

    fn unknown_item(&self, task: &Task, name: &str, mention: Mention, items: &[NamedItem]) -> Diagnostic {
        let (source, span) = match mention {
            Mention::CommandLine(span) => (&self.request.sources, span),
            Mention::Ottofile(span) => (&self.ottofile.sources, span),
        };
        let known = items.iter().map(|item| item.name.as_str());
        let near = similar(name, known.clone(), 3);
        let diagnostic = Diagnostic::error(
            Code::UnknownItem,
            format!(
                "`{}:{name}` does not exist: the foreach of `{}` has no item `{name}`",
                task.name, task.name
            ),
        )
        .at(source, span, "unknown item")
        .did_you_mean(
            &near
                .iter()
                .map(|near| format!("{}:{near}", task.name))
                .collect::<Vec<_>>()
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        );
        match (near.is_empty(), items.len()) {
            (true, 0) => diagnostic.note("it has no items"),
            (true, 1..=20) => diagnostic.note(format!("it has {}", known.collect::<Vec<_>>().join(", "))),
            (true, count) => diagnostic.note(format!("it has {count} items")),
            (false, _) => diagnostic,
        }
    }

    /// The edges of a task as edges between jobs, and the jobs and groups whose data it sees.
    fn needs(&self, member: &Selected) -> (Vec<Need>, Vec<JobId>) {
        let mut needs = Vec::with_capacity(member.needs.len());
        let mut inputs = Vec::with_capacity(member.needs.len());
        for need in &member.needs {
            let Placed { whole, items } = &self.placed[need.selected];
            let producer = &self.drafts[whole.index()];
            let flow = stream::flow(self.ottofile, member.task, producer.task, need.when);
            let mut add = |job: JobId, flow: Flow| needs.push(Need { job, when: need.when, flow });
            if let Some(job) = need.item.as_ref().and_then(|item| items.get(item)) {
                add(*job, flow);
                inputs.push(*job);
                continue;
            }
            match (&producer.work, flow) {
                // Each job of the group has a stream of its own; the group itself has none.
                (Work::ForeachGroup(GroupMembers::Known(members)), Flow::Stream { .. })
                    if !members.is_empty() =>
                {
                    members.iter().for_each(|job| add(*job, flow));
                    inputs.push(*whole);
                }
                (Work::ForeachGroup(_), Flow::AtEnd | Flow::Up | Flow::Stream { .. }) => {
                    add(*whole, Flow::AtEnd);
                    inputs.push(*whole);
                }
                (Work::Body | Work::Terminal | Work::Service, _) => {
                    add(*whole, flow);
                    inputs.push(*whole);
                }
                (Work::Group | Work::Condition, _) => add(*whole, flow),
            }
        }
        needs.sort_by_key(|need| need.job);
        // Where a second edge waits for the end, the first one need not hurry.
        let late: Vec<JobId> =
            needs.iter().filter(|need| need.flow == Flow::AtEnd).map(|need| need.job).collect();
        needs.iter_mut().filter(|need| late.contains(&need.job)).for_each(|need| need.flow = Flow::AtEnd);
        inputs.sort_unstable();
        inputs.dedup();
        (needs, inputs)
    }

    fn add(&mut self, draft: Draft) -> JobId {
        let id = self.next_id(0);
        self.drafts.push(draft);
        id
    }

    /// The id of the draft that follows after so many others.
    fn next_id(&self, others: usize) -> JobId {
        JobId(u32::try_from(self.drafts.len() + others).expect("bug: more than four billion jobs"))
    }
}

fn work_of(task: &Task) -> Work {
    match (&task.body, task.tty) {
        (None, _) => Work::Group,
        (Some(body), _) if body.key == BodyKey::Nothing => Work::Condition,
        (Some(_), Some(_)) => Work::Terminal,
        (Some(_), None) if task.service.is_some() => Work::Service,
        (Some(_), None) => Work::Body,
    }
}
