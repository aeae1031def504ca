//! What will happen: the jobs of a run, every choice made, as a graph without cycles.
//! A function of (ottofile, request, facts); starts nothing and writes nothing.

pub(crate) mod dotenv;
pub(crate) mod envs;
pub(crate) mod expand;
mod extend;
pub(crate) mod facts;
mod fan_in;
mod form;
pub(crate) mod fresh;
pub(crate) mod graph;
mod draft;
mod order;
mod own;
pub(crate) mod params;
mod pattern;
mod place;
pub(crate) mod restrict;
pub(crate) mod secret;
pub(crate) mod select;
pub(crate) mod service;
pub(crate) mod stream;
pub(crate) mod template;
mod told;
mod version;

pub(crate) use extend::{Extension, extend};
pub(crate) use fan_in::{FanIn, fan_ins};
pub(crate) use order::is_contradiction;
pub(crate) use own::told_once;
pub(crate) use place::{
    AskedResource, JobPlace, companies, places, refuse_disagreements, resource_sources, resources,
};
pub(crate) use told::{Told, told};

use crate::diagnostic::{Code, Diagnostic};
use crate::name::{JobName, ParamName};
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{DataPath, Foreach, ForeachSource, When};
use crate::request::{Argument, Request};
use crate::source::SourceId;
use crate::value::Value;
use crate::verbatim;
use draft::{Draft, Drafts};
use envs::{FileVariables, ForCommand, Globals};
use expand::Expansion;
use facts::Facts;
use own::Own;
use select::{Items, Selected};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::time::Duration;
use version::Valued;

/// A job of one [`Plan`]: its place in `Plan::jobs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct JobId(pub(crate) u32);

impl JobId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The jobs of a run and the order between them. Acyclic and complete because it exists: every edge names a
/// job of the plan, and no job needs one that comes later in plan order. It grows where data decides about jobs: then
/// [`extend`] makes a larger plan of it, in which the jobs keep their ids.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// In plan order: a job stands after all its needs; otherwise the order of the request and the document. Jobs
    /// that were added later stand at the end; [`Plan::in_order`] has them in their places.
    #[serde(with = "form::jobs")]
    pub(crate) jobs: Vec<Arc<Job>>,
    /// Rules about several jobs of one foreach task.
    pub(crate) lanes: Vec<Lane>,
    /// Variables for every job: `envs-command`, `dotenv` and `otto.envs`, the later over the earlier.
    #[serde(with = "form::shared")]
    pub(crate) globals: Arc<FileVariables>,
    /// What runs otherwise than the ottofile says: without a variable that could not be computed.
    #[serde(skip)]
    pub(crate) warnings: Vec<Diagnostic>,
}

impl Plan {
    pub(crate) fn job(&self, id: JobId) -> &Job {
        &self.jobs[id.index()]
    }

    /// The jobs whose streams a job reads, in plan order.
    pub(crate) fn producers(&self, id: JobId) -> impl Iterator<Item = (JobId, bool)> + '_ {
        self.job(id).needs.iter().filter_map(|need| match need.flow {
            Flow::AtEnd | Flow::Up => None,
            Flow::Stream { is_lenient } => Some((need.job, is_lenient)),
        })
    }

    pub(crate) fn ids(&self) -> impl DoubleEndedIterator<Item = JobId> + use<> {
        (0..self.jobs.len() as u32).map(JobId)
    }

    /// The place of a job in plan order. Jobs that were added later stand behind the group of their foreach task; their
    /// place is before it, by their items. All others have the place that they were planned at: the order of steps may
    /// part the jobs of a foreach task.
    pub(crate) fn place(&self, id: JobId) -> (u32, u32) {
        let job = self.job(id);
        match (job.group, &job.item) {
            (Some(group), Some(item)) if group < id => (group.0, item.index as u32),
            _ => (id.0, u32::MAX),
        }
    }

    /// All jobs, each after those that it needs.
    pub(crate) fn in_order(&self) -> Vec<JobId> {
        let mut ids: Vec<JobId> = self.ids().collect();
        ids.sort_by_key(|id| self.place(*id));
        ids
    }

    /// The jobs whose outputs a job sees, in plan order, each once: for a foreach group its members.
    pub(crate) fn inputs(&self, job: &Job) -> Vec<JobId> {
        let mut inputs = Vec::with_capacity(job.inputs.len());
        for input in &job.inputs {
            match self.job(*input).members() {
                Some(members) => inputs.extend(members),
                None => inputs.push(*input),
            }
        }
        inputs.sort_by_key(|id| self.place(*id));
        inputs.dedup();
        inputs
    }
}

/// A task with every choice made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) name: JobName,
    /// Place of the task in `Ottofile::tasks`.
    pub(crate) task: usize,
    pub(crate) work: Work,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) item: Option<Item>,
    /// The group of its foreach task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<JobId>,
    /// After its failure no further job of its group starts.
    pub(crate) ends_group: bool,
    /// In the order of the document, with those that have no value as `None`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) params: ParamValues,
    /// The jobs that must be settled first, in plan order, each once.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) needs: Box<[Need]>,
    /// The jobs whose outputs it sees, in plan order: its needs. For a foreach group, its members.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) inputs: Box<[JobId]>,
    /// Other names by which it reads the data of these, each after the name of the job or group.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) aliases: Box<[(JobName, JobName)]>,
    /// The task's own `envs`, resolved.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty", with = "verbatim::named")]
    pub(crate) envs: Box<[(String, OsString)]>,
    /// `input` and `output` globs, resolved; both empty: never fresh.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) input_globs: Box<[String]>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) output_globs: Box<[String]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lane: Option<LaneId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<Duration>,
    /// The question to ask before the run starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) confirm: Option<Box<str>>,
    /// Why it cannot be started: it mentions a variable that could not be computed.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "form::refusal")]
    pub(crate) refusal: Option<Box<Diagnostic>>,
    /// The systems on which it runs, if this is none of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) elsewhere: Option<Box<str>>,
}

/// Parameters with their values.
pub(crate) type ParamValues = Vec<(ParamName, Option<Argument>)>;

impl Job {
    fn new(ottofile: &Ottofile, draft: Draft, params: ParamValues, own: Own) -> Job {
        let Draft { name, task, work, item, group, needs, edges: _, aliases, inputs, lane } = draft;
        let Own { envs, input_globs, output_globs, confirm, refusal } = own;
        let systems = &ottofile.tasks[task].os;
        let is_elsewhere = !systems.is_empty() && systems.iter().all(|system| system != SYSTEM);
        Job {
            name,
            task,
            work,
            item,
            group,
            ends_group: ottofile.tasks[task].foreach.as_ref().is_some_and(|foreach| foreach.is_fail_fast),
            params,
            needs: needs.into(),
            inputs: inputs.into(),
            aliases: aliases.into(),
            envs: envs.into(),
            input_globs: input_globs.into(),
            output_globs: output_globs.into(),
            lane,
            timeout: ottofile.tasks[task].timeout.as_ref().map(|timeout| timeout.value),
            confirm: confirm.map(Into::into),
            refusal,
            elsewhere: is_elsewhere.then(|| systems.join(", ").into()),
        }
    }

    /// The name under which it sees the outputs of another job: with `each`, that of its own item has the name of the
    /// task.
    pub(crate) fn name_of_input(&self, ottofile: &Ottofile, input: &JobName) -> JobName {
        let task = &ottofile.tasks[self.task];
        let Some(ForeachSource::Each(followed)) = task.foreach.as_ref().map(|foreach| &foreach.source) else {
            return input.clone();
        };
        let item = self.name.as_str().strip_prefix(task.name.as_str()).filter(|_| self.item.is_some());
        let is_own = item.is_some_and(|item| {
            input.as_str().strip_prefix(followed.value.as_str()).is_some_and(|rest| rest == item)
        });
        match ottofile.task(&followed.value).filter(|_| is_own) {
            Some(task) => JobName::of_task(&task.name),
            None => input.clone(),
        }
    }

    /// The parameters that have a value, as text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&ParamName, Cow<'_, OsStr>)> {
        texts(&self.params)
    }

    /// The other names by which it reads the data of a job; what names a group names each of its jobs.
    pub(crate) fn other_names(&self, job: &JobName) -> Vec<JobName> {
        let other = |(name, other): &(JobName, JobName)| {
            let item = job.as_str().strip_prefix(name.as_str())?;
            let is_meant = item.is_empty() || item.starts_with(':');
            is_meant.then(|| JobName::recorded(&format!("{other}{item}"))).flatten()
        };
        let names = self.aliases.iter().filter_map(other).filter(|name| name != job);
        names.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }

    /// The jobs of a foreach group, as far as they are known.
    pub(crate) fn members(&self) -> Option<&[JobId]> {
        match &self.work {
            Work::ForeachGroup(GroupMembers::Known(members)) => Some(members),
            Work::ForeachGroup(GroupMembers::Unknown | GroupMembers::Awaited(_)) => Some(&[]),
            Work::Body | Work::Terminal | Work::Service | Work::Condition | Work::Group => None,
        }
    }
}

impl Job {
    /// What the jobs of this foreach group will be made from, until they are known.
    pub(crate) fn awaited(&self) -> Option<&Awaited> {
        match &self.work {
            Work::ForeachGroup(GroupMembers::Awaited(awaited)) => Some(awaited),
            Work::ForeachGroup(GroupMembers::Known(_) | GroupMembers::Unknown)
            | Work::Body
            | Work::Terminal
            | Work::Service
            | Work::Condition
            | Work::Group => None,
        }
    }

    /// Whether its jobs are made as soon as its needs are settled.
    pub(crate) fn awaits_data(&self) -> bool {
        self.awaited().is_some_and(|awaited| awaited.each.is_none())
    }
}

fn texts(params: &ParamValues) -> impl Iterator<Item = (&ParamName, Cow<'_, OsStr>)> {
    params.iter().filter_map(|(name, value)| Some((name, value.as_ref()?.text())))
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Work {
    /// Runs the task's body.
    Body,
    /// Runs the task's body with the terminal, alone.
    Terminal,
    /// Asks the `if` of a task without a body, which otherwise is a group.
    Condition,
    /// Runs the task's body, which stays up while others use it.
    Service,
    /// A task without a body: succeeds when its needs did.
    Group,
    /// The group of a foreach task's jobs.
    ForeachGroup(GroupMembers),
}

/// The jobs of a foreach task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum GroupMembers {
    /// In the order of the items.
    Known(Vec<JobId>),
    /// Only a command knows the items, and commands may not be run.
    Unknown,
    /// Data will tell, when the group's needs are settled.
    Awaited(Box<Awaited>),
}

/// What the jobs of a foreach group will be made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Awaited {
    /// The jobs whose values tell the items.
    pub(crate) sources: Vec<JobId>,
    /// With `each`: the group whose items it has too.
    pub(crate) each: Option<EachJob>,
    pub(crate) only: Items,
    /// The needs of each job, besides the one of its own item.
    pub(crate) needs: Vec<Need>,
    pub(crate) inputs: Vec<JobId>,
    pub(crate) lane: Option<LaneId>,
}

impl Awaited {
    /// The same in a graph in which each job became one or several.
    fn moved(&self, ids: &dyn Fn(JobId) -> Vec<JobId>) -> Awaited {
        let need = |need: &Need| {
            let need = *need;
            ids(need.job).into_iter().map(move |job| Need { job, ..need })
        };
        let mut inputs: Vec<JobId> = self.inputs.iter().flat_map(|job| ids(*job)).collect();
        inputs.sort_unstable();
        let each = |each: EachJob| ids(each.group).first().map(|group| EachJob { group: *group, ..each });
        Awaited {
            sources: self.sources.iter().flat_map(|job| ids(*job)).collect(),
            each: self.each.and_then(each),
            only: self.only.clone(),
            needs: self.needs.iter().flat_map(need).collect(),
            inputs,
            lane: self.lane,
        }
    }
}

/// The edge from each job of a group to the one of the same item in another group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EachJob {
    pub(crate) group: JobId,
    pub(crate) when: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Need {
    pub(crate) job: JobId,
    pub(crate) when: When,
    pub(crate) flow: Flow,
}

/// When what a job needs reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Flow {
    /// When the need is settled: its values and files.
    AtEnd,
    /// When it is up; the values are those that it set until then. The edge requires success.
    Up,
    /// While both run: its stream. The edge asks for success.
    Stream {
        /// `stream-errors: ignore`: what came before a failure is enough.
        is_lenient: bool,
    },
}

impl Flow {
    /// How the data of `producer` reaches `consumer` (places in the ottofile): of a service when it is up; by a stream if both
    /// are streaming. The edge must ask for success: what waits for a failure, or for any end, waits for the end.
    pub(crate) fn between(ottofile: &Ottofile, consumer: usize, producer: usize, when: When) -> Flow {
        let (consumer, producer) = (&ottofile.tasks[consumer], &ottofile.tasks[producer]);
        if when == When::Success && producer.service.is_some() {
            return Flow::Up;
        }
        let is_stream = when == When::Success
            && [consumer, producer].iter().all(|task| task.streaming.is_some() && task.body.is_some());
        if is_stream { Flow::Stream { is_lenient: consumer.has_lenient_stream_errors } } else { Flow::AtEnd }
    }
}

/// The item of a foreach job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Item {
    /// The variable it is bound to.
    pub(crate) variable: String,
    #[serde(with = "verbatim::one")]
    pub(crate) value: OsString,
    /// From 0, in the order of the source.
    pub(crate) index: usize,
    /// The values of a matrix, by the names of its lists.
    #[serde(with = "verbatim::named")]
    pub(crate) axes: Arc<[(String, OsString)]>,
    /// An item from data, with its type.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "form::data")]
    pub(crate) data: Option<Arc<Value>>,
}

/// A lane of one [`Plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct LaneId(pub(crate) u32);

/// How the jobs of one foreach task share the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Lane {
    /// One at a time in plan order; after a failure the rest is skipped.
    Serial,
    /// At most this many at a time, and within `-j`.
    Most(usize),
    /// No limit, regardless of `-j`.
    All,
}

/// The jobs of a request and the edges between them, without parameters and variables: enough to see where data goes.
pub(crate) fn outline(
    ottofile: &Ottofile,
    request: &Request,
    facts: &dyn Facts,
) -> Result<Plan, Vec<Diagnostic>> {
    let selected = select::select(ottofile, request)?;
    let globals = Globals::new(ottofile, facts);
    let mut variables = |source: SourceId, command: &str| globals.of(source)?.for_command(command);
    let (drafts, lanes) = arrange(ottofile, request, facts, &selected, &mut variables)?;
    let unknown = |draft: &Draft| -> ParamValues {
        ottofile.tasks[draft.task].params.iter().map(|param| (param.name.clone(), None)).collect()
    };
    let params = drafts.iter().map(unknown).collect();
    let valued = Valued { drafts, params, lanes };
    let Valued { drafts, lanes, .. } =
        ordered(ottofile, request, valued, true, &mut |draft, params, task, with| {
            own::with(ottofile, draft, params, None, facts, task, with)
        })?;
    let job = |draft| Arc::new(Job::new(ottofile, draft, Vec::new(), Own::default()));
    let jobs = drafts.into_iter().map(job).collect();
    Ok(Plan { jobs, lanes, globals: Arc::default(), warnings: Vec::new() })
}

/// Makes the plan of a request, or returns all errors.
pub(crate) fn make(
    ottofile: &Ottofile,
    request: &Request,
    facts: &dyn Facts,
) -> Result<Plan, Vec<Diagnostic>> {
    let selected = select::select(ottofile, request)?;
    let globals = Globals::new(ottofile, facts);
    let mut variables = |source: SourceId, command: &str| globals.of(source)?.for_command(command);
    let (drafts, lanes) = arrange(ottofile, request, facts, &selected, &mut variables)?;
    let mut diagnostics = Vec::new();
    let params = params::params(ottofile, request, &drafts, facts, &mut variables)?;
    let valued = Valued { drafts, params, lanes };
    let Valued { drafts, params, lanes } =
        ordered(ottofile, request, valued, false, &mut |draft, params, task, with| {
            let source = ottofile.tasks[draft.task].name_span.source;
            let globals = if facts.may_run_commands() { Some(globals.of(source)?) } else { None };
            own::with(ottofile, draft, params, globals.as_deref(), facts, task, with)
        })?;
    let asks = |draft: &Draft| {
        draft.work.has_body() || draft.work == Work::Group && ottofile.tasks[draft.task].confirm.is_some()
    };
    let has_work = drafts.iter().any(asks);
    if !facts.may_run_commands() {
        diagnostics.extend(own::mistakes(ottofile, &selected));
    }
    let is_worked_out = facts.may_run_commands() && has_work;
    if is_worked_out {
        let sources = drafts.iter().filter(|draft| asks(draft));
        let sources = sources.map(|draft| ottofile.tasks[draft.task].name_span.source);
        for source in sources.chain([SourceId::default()]).collect::<BTreeSet<_>>() {
            globals.of(source)?;
        }
    }
    let globals = globals.into_known();
    let mut left_out = Vec::new();
    let mut jobs = Vec::with_capacity(drafts.len());
    for (draft, params) in drafts.into_iter().zip(params) {
        let own = match is_worked_out && asks(&draft) {
            true => own::resolve(ottofile, &draft, &params, &globals, facts, &mut left_out, &mut diagnostics),
            false => Own::default(),
        };
        jobs.push(Arc::new(Job::new(ottofile, draft, params, own)));
    }
    own::told_once(&mut diagnostics);
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    Ok(Plan { jobs, lanes, globals: Arc::new(globals), warnings: own::left_out_warnings(left_out) })
}

/// The items of a foreach task, as far as they are known before the run.
fn items(
    graph: &Drafts,
    member: &Selected,
    foreach: &Foreach,
    facts: &dyn Facts,
    variables: &mut ForCommand<'_>,
) -> Result<Expansion, Vec<Diagnostic>> {
    let ottofile = graph.ottofile;
    let task = &ottofile.tasks[member.task];
    match &foreach.source {
        ForeachSource::Items(_)
        | ForeachSource::Glob(_)
        | ForeachSource::Range { .. }
        | ForeachSource::Command(_) => expand::items(ottofile, task, foreach, facts, variables),
        ForeachSource::Each(_) => Ok(match graph.items_of_each(member) {
            Some(items) => Expansion::Items(items),
            None if graph.follows_awaited(member) => Expansion::Awaited,
            None => Expansion::Unknown,
        }),
        ForeachSource::From(_) | ForeachSource::Matrix(_) => {
            let mut known = HashMap::new();
            for path in foreach.source.paths() {
                match facts.recorded(path) {
                    Some(value) => drop(known.insert(path.text.value.as_str(), value)),
                    None => return Ok(Expansion::Awaited),
                }
            }
            let value = |path: &DataPath| known.get(path.text.value.as_str()).cloned().flatten();
            expand::of_data(ottofile, task, foreach, &value).map(Expansion::Items)
        }
    }
}

/// The graph with a job for each set of values, and with the order of all lists.
fn ordered(
    ottofile: &Ottofile,
    request: &Request,
    valued: Valued,
    is_outline: bool,
    values: &mut version::ValuesOf<'_>,
) -> Result<Valued, Vec<Diagnostic>> {
    let split = version::split(ottofile, request, valued, values)?;
    let valued = order::arrange(ottofile, split, is_outline)?;
    let mut diagnostics = Vec::new();
    name_clashes(ottofile, &valued.drafts, &mut diagnostics);
    if diagnostics.is_empty() { Ok(valued) } else { Err(diagnostics) }
}

/// The jobs of the selected tasks, every foreach expanded.
fn arrange(
    ottofile: &Ottofile,
    request: &Request,
    facts: &dyn Facts,
    selected: &[select::Selected],
    variables: &mut ForCommand<'_>,
) -> Result<(Vec<Draft>, Vec<Lane>), Vec<Diagnostic>> {
    let mut graph = Drafts::new(ottofile, request);
    let mut diagnostics = Vec::new();
    for member in selected {
        let task = &ottofile.tasks[member.task];
        match &task.foreach {
            None => graph.add_task(member),
            Some(foreach) => match items(&graph, member, foreach, facts, variables) {
                Ok(Expansion::Awaited) => {
                    diagnostics.extend(service::with_unknown_jobs(ottofile, task, foreach));
                    graph.add_awaited(member, foreach);
                }
                Ok(Expansion::Items(items)) => graph.add_foreach(member, foreach, items, &mut diagnostics),
                Ok(Expansion::Unknown) => graph.add_unknown(member),
                Err(mut problems) => {
                    diagnostics.append(&mut problems);
                    graph.add_unknown(member);
                }
            },
        }
    }
    let Drafts { drafts, lanes, crossings, .. } = graph;
    name_clashes(ottofile, &drafts, &mut diagnostics);
    stream::check(ottofile, &drafts, &mut diagnostics);
    stream::refuse_crossings(ottofile, crossings, &mut diagnostics);
    service::check(ottofile, &drafts, &mut diagnostics);
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    Ok((drafts, lanes))
}

impl Work {
    pub(crate) fn has_body(&self) -> bool {
        match self {
            Work::Body | Work::Terminal | Work::Condition | Work::Service => true,
            Work::Group | Work::ForeachGroup(_) => false,
        }
    }
}

/// This system, by the name that `os` has for it.
const SYSTEM: &str = if cfg!(target_os = "linux") {
    "linux"
} else if cfg!(target_os = "macos") {
    "macos"
} else if cfg!(target_os = "freebsd") {
    "freebsd"
} else if cfg!(target_os = "netbsd") {
    "netbsd"
} else if cfg!(target_os = "openbsd") {
    "openbsd"
} else {
    ""
};

/// A task named `build:x86` conflicts with the item `x86` of `build`.
fn name_clashes(ottofile: &Ottofile, drafts: &[Draft], diagnostics: &mut Vec<Diagnostic>) {
    if drafts.iter().all(|draft| draft.item.is_none() && !draft.name.as_str().ends_with(']')) {
        return;
    }
    let mut seen: HashMap<&JobName, &Draft> = HashMap::with_capacity(drafts.len());
    for draft in drafts {
        if let Some(other) = seen.insert(&draft.name, draft) {
            let span = |draft: &Draft| ottofile.tasks[draft.task].name_span;
            diagnostics.push(
                Diagnostic::error(Code::NameClash, format!("two jobs are called `{}`", draft.name))
                    .at(&ottofile.sources, span(draft), "one is from this task")
                    .at(&ottofile.sources, span(other), "the other is from this one")
                    .help("rename the task or the item"),
            );
        }
    }
}

#[cfg(test)]
mod step_tests;
#[cfg(test)]
mod tests;
