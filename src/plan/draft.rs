//! The graph of a run's jobs: names, edges and lanes, before parameters and variables have values.

use super::expand::NamedItem;
use super::select::{Items, Mention, Selected, TaskNeed};
use super::{Awaited, EachJob, Flow, GroupMembers, Item, JobId, Lane, LaneId, Need, Work};
use crate::diagnostic::{Code, Diagnostic};
use crate::name::{JobName, similar};
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{BodyKey, DataPath, Foreach, ForeachJobs, Task, When};
use crate::request::Request;
use crate::source::{Sources, Span};
use std::collections::{HashMap, HashSet};

/// The place of a job in the graph.
pub(super) struct Draft {
    pub(super) name: JobName,
    /// Place of the task in `Ottofile::tasks`.
    pub(super) task: usize,
    pub(super) work: Work,
    pub(super) item: Option<Item>,
    pub(super) group: Option<JobId>,
    pub(super) needs: Vec<Need>,
    /// For each need, the place of its edge in `before` of the task; `None` for an edge that is written at its other end.
    pub(super) edges: Vec<Option<usize>>,
    pub(super) inputs: Vec<JobId>,
    /// Other names under which it reads the data of a job.
    pub(super) aliases: Vec<(JobName, JobName)>,
    pub(super) lane: Option<LaneId>,
}

/// The graph as far as it is built: a draft stands after all that it needs.
pub(super) struct Drafts<'a> {
    pub(super) ottofile: &'a Ottofile,
    request: &'a Request,
    pub(super) drafts: Vec<Draft>,
    pub(super) lanes: Vec<Lane>,
    /// For each selected task: its job or group, and its jobs by item.
    placed: Vec<Placed>,
    /// Tasks of which one would read the streams of jobs that are not known yet, and those that write them.
    pub(super) crossings: Vec<(usize, usize)>,
}

/// The edges of a task, as [`Draft`] has them.
struct Edges {
    needs: Vec<Need>,
    edges: Vec<Option<usize>>,
    inputs: Vec<JobId>,
    /// That of an `each`, of which each job has a part: it is not among the others.
    each: Option<TaskNeed>,
}

struct Placed {
    whole: JobId,
    /// Whether all of its items take part.
    is_whole: bool,
    items: HashMap<String, JobId>,
}

impl<'a> Drafts<'a> {
    pub(super) fn new(ottofile: &'a Ottofile, request: &'a Request) -> Drafts<'a> {
        Drafts {
            ottofile,
            request,
            drafts: Vec::new(),
            lanes: Vec::new(),
            placed: Vec::new(),
            crossings: Vec::new(),
        }
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
        let Edges { needs, edges, inputs, each } = self.edges(member);
        // The group waits for what its jobs wait for, so that an empty one keeps the order too.
        let followed = each.map(|each| {
            let job = self.placed[each.selected].whole;
            (Need { job, when: each.when, flow: Flow::AtEnd }, each.edge)
        });
        let (mut needs, mut edges) = with_edge(&needs, &edges, followed);
        if let Work::ForeachGroup(GroupMembers::Known(members)) = &work
            && !members.is_empty()
        {
            let is_service = self.ottofile.tasks[member.task].service.is_some();
            let flow = if is_service { Flow::Up } else { Flow::AtEnd };
            let need = |job: &JobId| Need { job: *job, when: When::Always, flow };
            needs = members.iter().map(need).collect();
            edges = vec![None; needs.len()];
        }
        let name = JobName::of_task(&self.ottofile.tasks[member.task].name);
        let inputs = match &work {
            Work::ForeachGroup(GroupMembers::Known(members)) if !members.is_empty() => Vec::new(),
            // Values that its jobs will see are kept for them; where there are none, they tell what its script could read.
            Work::ForeachGroup(_)
            | Work::Body
            | Work::Terminal
            | Work::Service
            | Work::Condition
            | Work::Group => inputs,
        };
        let whole = self.add(Draft {
            name,
            task: member.task,
            work,
            item: None,
            group: None,
            needs,
            edges,
            inputs,
            aliases: Vec::new(),
            lane: None,
        });
        self.placed.push(Placed { whole, is_whole: member.items == Items::All, items });
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
            // Of the items of an `each`, the task that it follows has told already, if it was asked for the same ones.
            let is_told = self.each_of(member).is_some_and(|each| !self.placed[each.selected].is_whole);
            let only_untold = only.iter().filter(|_| !is_told);
            let unknown = only_untold.filter(|(name, _)| items.iter().all(|item| item.name != *name));
            diagnostics.extend(unknown.map(|(name, mention)| {
                let place = match mention {
                    Mention::CommandLine(span) => (&self.request.sources, *span),
                    Mention::Ottofile(span) => (&self.ottofile.sources, *span),
                };
                unknown_item(place, task, name, &items)
            }));
            items.retain(|item| only.iter().any(|(wanted, _)| *wanted == item.name));
        }
        let lane = self.lane(member.task, foreach);
        let Edges { needs, edges, inputs, each } = self.edges(member);
        let group = self.next_id(items.len());
        let mut by_name = HashMap::with_capacity(items.len());
        let mut members = Vec::with_capacity(items.len());
        for NamedItem { name, item } in items {
            let own = each.as_ref().map(|each| self.placed[each.selected].items[&name]);
            let own_need = each.as_ref().zip(own).map(|(each, job)| {
                let flow =
                    Flow::between(self.ottofile, member.task, self.drafts[job.index()].task, each.when);
                (Need { job, when: each.when, flow }, each.edge)
            });
            let (needs, edges) = with_edge(&needs, &edges, own_need);
            let id = self.add(Draft {
                name: JobName::of_item(&task.name, &name),
                task: member.task,
                work: work_of(task),
                item: Some(item),
                group: Some(group),
                needs,
                edges,
                inputs: with_input(&inputs, own),
                aliases: Vec::new(),
                lane,
            });
            members.push(id);
            by_name.insert(name, id);
        }
        self.add_whole(member, Work::ForeachGroup(GroupMembers::Known(members)), by_name);
    }

    /// A foreach task whose items a value will tell.
    pub(super) fn add_awaited(&mut self, member: &Selected, foreach: &Foreach) {
        let lane = self.lane(member.task, foreach);
        let Edges { needs, edges: _, inputs, each } = self.edges(member);
        let each = each.map(|each| EachJob { group: self.placed[each.selected].whole, when: each.when });
        let source_of = |path: &DataPath| {
            let task = self.ottofile.position(&path.task);
            needs.iter().map(|need| need.job).find(|job| Some(self.drafts[job.index()].task) == task)
        };
        let sources = foreach.source.paths().filter_map(source_of).collect();
        let crossing = needs.iter().filter(|need| matches!(need.flow, Flow::Stream { .. }));
        let crossing: Vec<_> =
            crossing.map(|need| (member.task, self.drafts[need.job.index()].task)).collect();
        self.crossings.extend(crossing);
        let awaited = Awaited { sources, each, only: member.items.clone(), needs, inputs, lane };
        self.add_whole(member, Work::ForeachGroup(GroupMembers::Awaited(Box::new(awaited))), HashMap::new());
    }

    /// The items of the task that an `each` follows; `None` if they are not known yet.
    pub(super) fn items_of_each(&self, member: &Selected) -> Option<Vec<NamedItem>> {
        let foreach = self.ottofile.tasks[member.task].foreach.as_ref()?;
        let each = self.each_of(member)?;
        let placed = &self.placed[each.selected];
        let Work::ForeachGroup(GroupMembers::Known(members)) = &self.drafts[placed.whole.index()].work else {
            return None;
        };
        let followed = |job: &JobId| {
            let draft = &self.drafts[job.index()];
            let task = &self.ottofile.tasks[draft.task].name;
            let name = draft.name.as_str()[task.as_str().len() + 1..].to_owned();
            let item = draft.item.clone().expect("bug: a member of a group has an item");
            followed(&NamedItem { name, item }, foreach)
        };
        Some(members.iter().map(followed).collect())
    }

    /// Whether an `each` follows a task whose items a value will tell.
    pub(super) fn follows_awaited(&self, member: &Selected) -> bool {
        self.each_of(member).is_some_and(|each| {
            let whole = self.placed[each.selected].whole;
            matches!(self.drafts[whole.index()].work, Work::ForeachGroup(GroupMembers::Awaited(_)))
        })
    }

    /// The edge of an `each`.
    fn each_of<'m>(&self, member: &'m Selected) -> Option<&'m TaskNeed> {
        let target = self.ottofile.followed(member.task)?;
        member.needs.iter().find(|need| {
            need.item.is_none() && self.drafts[self.placed[need.selected].whole.index()].task == target
        })
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

    /// The edges of a task as edges between jobs, and the jobs and groups whose data it sees.
    fn edges(&mut self, member: &Selected) -> Edges {
        let each = self.each_of(member).cloned();
        let has_own = each.is_some();
        let is_group = |need: &TaskNeed| Some(need.selected) == each.as_ref().map(|each| each.selected);
        let mut needs = Vec::with_capacity(member.needs.len());
        let mut inputs = Vec::with_capacity(member.needs.len());
        let mut crossings = Vec::new();
        for need in member.needs.iter().filter(|need| !(has_own && need.item.is_none() && is_group(need))) {
            let Placed { whole, is_whole: _, items } = &self.placed[need.selected];
            let producer = &self.drafts[whole.index()];
            let flow = Flow::between(self.ottofile, member.task, producer.task, need.when);
            let mut add =
                |job: JobId, flow: Flow| needs.push((Need { job, when: need.when, flow }, need.edge));
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
                (Work::ForeachGroup(members), Flow::AtEnd | Flow::Up | Flow::Stream { .. }) => {
                    if matches!((members, flow), (GroupMembers::Awaited(_), Flow::Stream { .. })) {
                        crossings.push((member.task, producer.task));
                    }
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
        needs.sort_by_key(|(need, _)| need.job);
        // Where a second edge waits for the end, the first one need not hurry.
        let late: HashSet<JobId> =
            needs.iter().filter(|(need, _)| need.flow == Flow::AtEnd).map(|(need, _)| need.job).collect();
        let hasty = needs.iter_mut().filter(|(need, _)| late.contains(&need.job));
        hasty.for_each(|(need, _)| need.flow = Flow::AtEnd);
        inputs.sort_unstable();
        inputs.dedup();
        self.crossings.extend(crossings);
        let (needs, edges) = needs.into_iter().unzip();
        Edges { needs, edges, inputs, each }
    }

    fn add(&mut self, draft: Draft) -> JobId {
        let id = self.next_id(0);
        self.drafts.push(draft);
        id
    }

    /// The id of the draft after this many others.
    fn next_id(&self, others: usize) -> JobId {
        JobId(u32::try_from(self.drafts.len() + others).expect("bug: more than four billion jobs"))
    }
}

/// Says that a foreach task has no such item.
pub(super) fn unknown_item(
    (source, span): (&Sources, Span),
    task: &Task,
    name: &str,
    items: &[NamedItem],
) -> Diagnostic {
    let known = items.iter().map(|item| item.name.as_str());
    let near = similar(name, known.clone(), 3);
    let diagnostic = Diagnostic::error(
        Code::UnknownItem,
        format!("`{}:{name}` does not exist: the foreach of `{}` has no item `{name}`", task.name, task.name),
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

/// An item of one task for the job of another that follows it.
pub(super) fn followed(named: &NamedItem, foreach: &Foreach) -> NamedItem {
    let item = Item { variable: foreach.variable.value.clone(), ..named.item.clone() };
    NamedItem { name: named.name.clone(), item }
}

/// The needs of a job, including the one of its own item.
pub(super) fn with_need(needs: &[Need], own: Option<Need>) -> Vec<Need> {
    let mut needs: Vec<Need> = needs.iter().copied().chain(own).collect();
    needs.sort_by_key(|need| need.job);
    needs
}

/// The needs of a job with their edges, including the one of its own item.
fn with_edge(
    needs: &[Need],
    edges: &[Option<usize>],
    own: Option<(Need, Option<usize>)>,
) -> (Vec<Need>, Vec<Option<usize>>) {
    let all = needs.iter().copied().zip(edges.iter().copied());
    let mut all: Vec<(Need, Option<usize>)> = all.chain(own).collect();
    all.sort_by_key(|(need, _)| need.job);
    all.into_iter().unzip()
}

pub(super) fn with_input(inputs: &[JobId], own: Option<JobId>) -> Vec<JobId> {
    let mut inputs: Vec<JobId> = inputs.iter().copied().chain(own).collect();
    inputs.sort_unstable();
    inputs.dedup();
    inputs
}

pub(super) fn work_of(task: &Task) -> Work {
    match (&task.body, task.tty) {
        (None, _) => Work::Group,
        (Some(body), _) if body.key == BodyKey::Nothing => Work::Condition,
        (Some(_), Some(_)) => Work::Terminal,
        (Some(_), None) if task.service.is_some() => Work::Service,
        (Some(_), None) => Work::Body,
    }
}
