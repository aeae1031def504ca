//! Jobs with other values. A task that is needed `with` values is a job of its own for each set of values, unless these
//! are the ones that it has anyway. Works on the finished graph, from dependents to dependencies, as values flow.

use super::draft::Draft;
use super::{GroupMembers, JobId, Lane, LaneId, Need, ParamValues, Work};
use crate::diagnostic::Diagnostic;
use crate::name::{JobName, TaskName, value_name};
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{Edge, Task, With};
use crate::request::{Argument, Request};
use std::collections::{BTreeMap, HashMap};

/// Values that replace those of a job, by the place of the parameter in its task.
pub(super) type Pins = BTreeMap<usize, Argument>;

/// The graph of a run's jobs with their parameters.
pub(super) struct Valued {
    pub(super) drafts: Vec<Draft>,
    /// Of each draft.
    pub(super) params: Vec<ParamValues>,
    pub(super) lanes: Vec<Lane>,
}

/// A job as it was built, with some of its values replaced.
struct Version {
    pins: Pins,
    /// For each need of the draft, what it leads to now.
    targets: Vec<Destination>,
    /// For each need of the draft, how its entry spells the name of the other job, if that sets values.
    written: Vec<Option<JobName>>,
    /// The version of its group, by its place among the versions of the group.
    group: Option<usize>,
}

#[derive(Clone, Copy)]
enum Destination {
    /// A version of a draft.
    One(usize, usize),
    /// All versions of a draft.
    All(usize),
}

/// The places of all versions in the new graph.
struct Numbers {
    /// For each draft, the place of its first version and the number of versions.
    firsts: Vec<(u32, u32)>,
}

impl Numbers {
    fn of(versions: &[Vec<Version>]) -> Numbers {
        let mut next = 0;
        let first = |versions: &Vec<Version>| {
            let count = u32::try_from(versions.len()).expect("bug: more than four billion jobs");
            let first = next;
            next += count;
            (first, count)
        };
        Numbers { firsts: versions.iter().map(first).collect() }
    }

    fn id(&self, place: usize, version: usize) -> JobId {
        JobId(self.firsts[place].0 + version as u32)
    }

    fn ids(&self, target: Destination) -> Vec<JobId> {
        match target {
            Destination::One(place, version) => vec![self.id(place, version)],
            Destination::All(place) => {
                let (first, count) = self.firsts[place];
                (first..first + count).map(JobId).collect()
            }
        }
    }
}

/// A version of one draft that needs one of another.
struct VersionNeed {
    from: usize,
    version: usize,
    need: usize,
    pins: Pins,
    is_of_group: bool,
}

/// Works out the values of a `with` for the job that has it.
pub(super) type ValuesOf<'v> =
    dyn FnMut(&Draft, &ParamValues, &Task, &With) -> Result<Pins, Vec<Diagnostic>> + 'v;

/// The graph in which each set of values has its own job.
pub(super) fn split(
    ottofile: &Ottofile,
    request: &Request,
    graph: Valued,
    values: &mut ValuesOf<'_>,
) -> Result<Valued, Vec<Diagnostic>> {
    let with = |draft: &Draft, need: usize| {
        let edge = &ottofile.tasks[draft.task].before[draft.edges[need]?];
        edge.with.as_deref()
    };
    let has_with = |draft: &Draft| (0..draft.needs.len()).any(|need| with(draft, need).is_some());
    // Most plans have nothing to split.
    if !graph.drafts.iter().any(has_with) {
        return Ok(graph);
    }
    let mut splitter = Splitter {
        ottofile,
        request,
        versions: graph.drafts.iter().map(|_| Vec::new()).collect(),
        demands: graph.drafts.iter().map(|_| Vec::new()).collect(),
        graph,
        diagnostics: Vec::new(),
    };
    for place in (0..splitter.graph.drafts.len()).rev() {
        splitter.add_versions(place);
        splitter.add_demands(place, values);
    }
    if !splitter.diagnostics.is_empty() {
        return Err(splitter.diagnostics);
    }
    Ok(splitter.finish())
}

struct Splitter<'a> {
    ottofile: &'a Ottofile,
    request: &'a Request,
    graph: Valued,
    versions: Vec<Vec<Version>>,
    demands: Vec<Vec<VersionNeed>>,
    diagnostics: Vec<Diagnostic>,
}

impl Splitter<'_> {
    fn task(&self, place: usize) -> &Task {
        &self.ottofile.tasks[self.graph.drafts[place].task]
    }

    fn is_requested(&self, place: usize) -> bool {
        let draft = &self.graph.drafts[place];
        draft.group.is_none() && self.request.tasks.iter().any(|asked| asked.task == draft.task)
    }

    /// Makes the versions of a draft that others need. All that need it come later in the plan, so they are known.
    fn add_versions(&mut self, place: usize) {
        let mut demands = std::mem::take(&mut self.demands[place]);
        demands.sort_by_key(|demand| (demand.from, demand.version, demand.need));
        for demand in &mut demands {
            let params = &self.graph.params[place];
            demand.pins.retain(|param, value| params[*param].1.as_ref() != Some(value));
        }
        let is_plain = demands.is_empty()
            || self.is_requested(place)
            || demands.iter().any(|demand| demand.pins.is_empty());
        let version = |pins: Pins, needs: usize| Version {
            pins,
            targets: vec![Destination::All(place); needs],
            written: vec![None; needs],
            group: None,
        };
        let needs = self.graph.drafts[place].needs.len();
        let mut versions = Vec::new();
        if is_plain {
            versions.push(version(Pins::new(), needs));
        }
        for VersionNeed { from, version: of, need, pins, is_of_group } in demands {
            let known = versions.iter().position(|known| known.pins == pins);
            let index = known.unwrap_or_else(|| {
                versions.push(version(pins, needs));
                versions.len() - 1
            });
            self.versions[from][of].targets[need] = Destination::One(place, index);
            if is_of_group {
                versions[index].group = Some(of);
            }
        }
        self.versions[place] = versions;
    }

    /// Says of each version of a draft which versions of its dependencies it needs.
    fn add_demands(&mut self, place: usize, values: &mut ValuesOf<'_>) {
        let is_wanted =
            self.is_requested(place) || self.versions[place].iter().any(|one| !one.pins.is_empty());
        for version in 0..self.versions[place].len() {
            for need in 0..self.graph.drafts[place].needs.len() {
                let target = self.graph.drafts[place].needs[need].job.index();
                let is_of_group = self.graph.drafts[target].group.is_some_and(|group| group.index() == place);
                let pins = match self.graph.drafts[place].edges[need] {
                    Some(edge) => self.pins(place, version, need, edge, values),
                    None if is_of_group && (is_wanted || self.is_needed(place)) => {
                        Some(self.versions[place][version].pins.clone())
                    }
                    // What follows a task follows all its versions, and so does a group that nobody asked for.
                    None => {
                        self.versions[place][version].targets[need] = Destination::All(target);
                        None
                    }
                };
                let demand = pins.map(|pins| VersionNeed { from: place, version, need, pins, is_of_group });
                self.demands[target].extend(demand);
            }
        }
    }

    /// Whether a version of a later draft leads to this one.
    fn is_needed(&self, place: usize) -> bool {
        let later = self.versions[place + 1..].iter().flatten();
        later
            .flat_map(|version| &version.targets)
            .any(|target| matches!(target, Destination::One(target, _) if *target == place))
    }

    /// The values that an edge sets, over those that were set for the job it starts from, as far as the other task has
    /// parameters of the same names. What is given to that task on the command line stays.
    fn pins(
        &mut self,
        place: usize,
        version: usize,
        need: usize,
        edge: usize,
        values: &mut ValuesOf<'_>,
    ) -> Option<Pins> {
        let draft = &self.graph.drafts[place];
        let target = draft.needs[need].job.index();
        let (task, target_task) = (self.task(place), self.task(target));
        let own = &self.versions[place][version].pins;
        let mut pins = Pins::new();
        for (param, value) in own {
            let name = &task.params[*param].name;
            let same = target_task.params.iter().position(|other| other.name == *name);
            if let Some(same) = same.filter(|same| !self.is_given(target, *same)) {
                pins.insert(same, value.clone());
            }
        }
        if let Some(with) = task.before[edge].with.as_deref().filter(|with| !with.values.is_empty()) {
            let params = replaced(&self.graph.params[place], own);
            match values(draft, &params, target_task, with) {
                Ok(values) => {
                    self.versions[place][version].written[need] = Some(self.name(target, &values));
                    pins.extend(values);
                }
                Err(mut problems) => {
                    self.diagnostics.append(&mut problems);
                    return None;
                }
            }
        }
        Some(pins)
    }

    /// Whether the task of a draft is given a parameter on the command line.
    fn is_given(&self, place: usize, param: usize) -> bool {
        let task = self.graph.drafts[place].task;
        let asked = self.request.tasks.iter().filter(|asked| asked.task == task);
        asked.flat_map(|asked| &asked.given).any(|given| given.param == param)
    }

    fn finish(self) -> Valued {
        let numbers = Numbers::of(&self.versions);
        let name = |place: usize| -> Vec<JobName> {
            self.versions[place].iter().map(|version| self.name(place, &version.pins)).collect()
        };
        let names: Vec<Vec<JobName>> = (0..self.versions.len()).map(name).collect();
        let mut lanes = self.graph.lanes.clone();
        let mut own_lanes: HashMap<(LaneId, String), LaneId> = HashMap::new();
        let (mut drafts, mut params) = (Vec::new(), Vec::new());
        for (place, draft) in self.graph.drafts.iter().enumerate() {
            for (index, version) in self.versions[place].iter().enumerate() {
                // Each version of a foreach task has its own limit.
                let lane = draft.lane.map(|lane| match version.pins.is_empty() {
                    true => lane,
                    false => *own_lanes.entry((lane, format!("{:?}", version.pins))).or_insert_with(|| {
                        lanes.push(lanes[lane.0 as usize]);
                        LaneId(lanes.len() as u32 - 1)
                    }),
                });
                drafts.push(Draft { lane, ..self.draft(place, index, &numbers, &names) });
                params.push(replaced(&self.graph.params[place], &version.pins));
            }
        }
        Valued { drafts, params, lanes }
    }

    /// A version as a job of the new graph.
    fn draft(&self, place: usize, index: usize, numbers: &Numbers, names: &[Vec<JobName>]) -> Draft {
        let (draft, version) = (&self.graph.drafts[place], &self.versions[place][index]);
        let (mut needs, mut edges, mut aliases) = (Vec::new(), Vec::new(), Vec::new());
        for (need, target) in version.targets.iter().enumerate() {
            for job in numbers.ids(*target) {
                needs.push(Need { job, ..draft.needs[need] });
                edges.push(draft.edges[need]);
            }
            if let (Some(edge), Destination::One(target, of)) = (draft.edges[need], *target) {
                let written = version.written[need].clone();
                aliases.extend(self.aliases(place, edge, written, (target, of), names));
            }
        }
        let work = match &draft.work {
            Work::ForeachGroup(GroupMembers::Known(members)) if !members.is_empty() => {
                Work::ForeachGroup(GroupMembers::Known(needs.iter().map(|need| need.job).collect()))
            }
            Work::ForeachGroup(GroupMembers::Awaited(awaited)) => {
                let moved = |job: JobId| {
                    let need = draft.needs.iter().position(|need| need.job == job);
                    need.map(|need| numbers.ids(version.targets[need])).unwrap_or_default()
                };
                Work::ForeachGroup(GroupMembers::Awaited(Box::new(awaited.moved(&moved))))
            }
            work => work.clone(),
        };
        Draft {
            name: names[place][index].clone(),
            task: draft.task,
            work,
            item: draft.item.clone(),
            group: draft.group.map(|group| numbers.id(group.index(), version.group.unwrap_or(0))),
            inputs: self.inputs(draft, version, numbers),
            needs,
            edges,
            aliases,
            lane: draft.lane,
        }
    }

    /// The jobs whose data a version reads.
    fn inputs(&self, draft: &Draft, version: &Version, numbers: &Numbers) -> Vec<JobId> {
        let input = |input: &JobId| -> Vec<JobId> {
            let direct = (0..draft.needs.len()).filter(|need| draft.needs[*need].job == *input);
            let found: Vec<JobId> = direct.flat_map(|need| numbers.ids(version.targets[need])).collect();
            if !found.is_empty() {
                return found;
            }
            // A group whose jobs are needed one by one, because each has a stream.
            let of_group =
                |need: &usize| self.graph.drafts[draft.needs[*need].job.index()].group == Some(*input);
            let members = (0..draft.needs.len()).filter(of_group);
            members.flat_map(|need| numbers.ids(version.targets[need])).collect()
        };
        draft.inputs.iter().flat_map(input).collect()
    }

    /// The name of a job with these values: `build[profile=release]`, `build[profile=release]:linux`.
    fn name(&self, place: usize, pins: &Pins) -> JobName {
        let (task, name) = (self.task(place), &self.graph.drafts[place].name);
        if pins.is_empty() {
            return name.clone();
        }
        let item = name.as_str().strip_prefix(task.name.as_str()).unwrap_or_default();
        let values = values_name(&task.name, task, pins);
        JobName::recorded(&format!("{values}{item}")).expect("bug: the name of a task is empty")
    }

    /// Whether a job needs a task only by this edge. Then the name of the task is enough to say which job is meant.
    fn is_only_job(&self, place: usize, edge: usize, target: usize) -> bool {
        let (draft, task) = (&self.graph.drafts[place], self.graph.drafts[target].task);
        let mut needs = draft.needs.iter().zip(&draft.edges);
        needs.all(|(need, other)| self.graph.drafts[need.job.index()].task != task || *other == Some(edge))
    }

    /// The names by which a job reads the data of one that it needs, other than the name of that one: the alias that it
    /// gives it, the name that its entry in `needs` spells out, and that of the task if it needs no other job of it.
    fn aliases(
        &self,
        place: usize,
        edge: usize,
        written: Option<JobName>,
        (target, of): (usize, usize),
        names: &[Vec<JobName>],
    ) -> Vec<(JobName, JobName)> {
        let name = &names[target][of];
        let alias = alias(&self.task(place).before[edge]);
        let written = written.unwrap_or_else(|| self.graph.drafts[target].name.clone());
        let mut aliases: Vec<(JobName, JobName)> = Vec::new();
        let spelled = (written != *name).then_some(written);
        let plain = self.is_only_job(place, edge, target).then(|| self.graph.drafts[target].name.clone());
        let plain = plain.filter(|plain| plain != name && spelled.as_ref() != Some(plain));
        for other in alias.into_iter().chain(spelled).chain(plain) {
            // A job of a group that has the values anyway is the plain one.
            for member in &self.versions[target][of].targets {
                let Destination::One(member, of_member) = *member else { continue };
                let draft = &self.graph.drafts[member];
                if draft.group.is_none_or(|group| group.index() != target) {
                    continue;
                }
                let task = self.task(member).name.as_str();
                let item = draft.name.as_str().strip_prefix(task).unwrap_or_default();
                let member = &names[member][of_member];
                if member.as_str() != format!("{name}{item}") {
                    aliases.extend(
                        JobName::recorded(&format!("{other}{item}")).map(|other| (member.clone(), other)),
                    );
                }
            }
            aliases.push((name.clone(), other));
        }
        aliases
    }
}

/// The name that an edge gives to the data of the job that it leads to.
pub(super) fn alias(edge: &Edge) -> Option<JobName> {
    JobName::recorded(&edge.with.as_ref()?.alias.as_ref()?.value)
}

/// `build[profile=release,target=x]`, in the order in which the task declares its parameters.
fn values_name(name: &TaskName, task: &Task, pins: &Pins) -> String {
    let value = |(param, value): (&usize, &Argument)| {
        format!("{}={}", task.params[*param].name, value_name(&value.text()))
    };
    let values: Vec<String> = pins.iter().map(value).collect();
    format!("{name}[{}]", values.join(","))
}

fn replaced(params: &ParamValues, pins: &Pins) -> ParamValues {
    let mut params = params.clone();
    for (param, value) in pins {
        params[*param].1 = Some(value.clone());
    }
    params
}
