//! What will happen: the jobs of a run, every choice made, as a graph without cycles.
//! A function of (ottofile, request, facts); starts nothing and writes nothing.

pub(crate) mod arithmetic;
pub(crate) mod dotenv;
pub(crate) mod envs;
pub(crate) mod expand;
pub(crate) mod facts;
pub(crate) mod fresh;
pub(crate) mod graph;
pub(crate) mod params;
mod pattern;
pub(crate) mod restrict;
pub(crate) mod select;
pub(crate) mod stream;
pub(crate) mod template;
mod told;

pub(crate) use told::{Told, told};

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::name::{JobName, ParamName, similar};
use crate::ottofile::Ottofile;
use crate::ottofile::glob;
use crate::ottofile::spec::{EnvEntry, Foreach, ForeachJobs, ForeachSource, Task, When};
use crate::request::{Argument, Request};
use crate::source::{Sources, Spanned};
use envs::{FailedEntry, Resolved};
use expand::{Expansion, NamedItem};
use facts::Facts;
use select::{Items, Mention, Selected};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A job of one [`Plan`]: its place in `Plan::jobs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct JobId(pub(crate) u32);

impl JobId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The jobs of a run and the order between them. Acyclic and complete because it exists: every edge names a
/// job of the plan, and a job stands after all that it needs.
#[derive(Debug)]
pub(crate) struct Plan {
    /// In plan order: a job stands after all its needs; otherwise the order of the request and the document.
    pub(crate) jobs: Vec<Job>,
    /// Rules about several jobs of one foreach task.
    pub(crate) lanes: Vec<Lane>,
    /// Variables for every job: `envs-command`, `dotenv` and `otto.envs`, the later over the earlier.
    pub(crate) envs: Arc<Vec<(String, OsString)>>,
    /// What runs otherwise than the ottofile says: without a variable that could not be computed.
    pub(crate) warnings: Vec<Diagnostic>,
}

impl Plan {
    pub(crate) fn job(&self, id: JobId) -> &Job {
        &self.jobs[id.index()]
    }

    /// The jobs whose streams a job reads, in plan order.
    pub(crate) fn producers(&self, id: JobId) -> impl Iterator<Item = (JobId, bool)> + '_ {
        self.job(id).needs.iter().filter_map(|need| match need.flow {
            Flow::AtEnd => None,
            Flow::Stream { is_lenient } => Some((need.job, is_lenient)),
        })
    }

    pub(crate) fn ids(&self) -> impl DoubleEndedIterator<Item = JobId> + use<> {
        (0..self.jobs.len() as u32).map(JobId)
    }
}

/// A task with every choice made.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) name: JobName,
    /// Place of the task in `Ottofile::tasks`.
    pub(crate) task: usize,
    pub(crate) work: Work,
    pub(crate) item: Option<Item>,
    /// In the order of the document, with those that have no value as `None`.
    pub(crate) params: Vec<(ParamName, Option<Argument>)>,
    /// What must be settled first, in plan order, each job once.
    pub(crate) needs: Vec<Need>,
    /// The jobs whose outputs this one sees, in plan order: its needs, with foreach groups replaced by their
    /// jobs.
    pub(crate) inputs: Vec<JobId>,
    /// The task's own `envs`, resolved.
    pub(crate) envs: Vec<(String, OsString)>,
    /// `input` and `output` globs, resolved; both empty: never fresh.
    pub(crate) input_globs: Vec<String>,
    pub(crate) output_globs: Vec<String>,
    pub(crate) lane: Option<LaneId>,
    /// Longest chain of jobs that depend on this one, itself included, each counted 1.
    pub(crate) height: u32,
    pub(crate) timeout: Option<Duration>,
    /// What is asked before the run starts.
    pub(crate) confirm: Option<String>,
    /// Why it cannot be started: it mentions a variable that could not be computed.
    pub(crate) refusal: Option<Box<Diagnostic>>,
    /// The systems on which it runs, if this is none of them.
    pub(crate) elsewhere: Option<String>,
}

impl Job {
    /// The parameters that have a value, as text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&ParamName, Cow<'_, OsStr>)> {
        self.params.iter().filter_map(|(name, value)| Some((name, value.as_ref()?.text())))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Runs the task's body.
    Body,
    /// Runs the task's body with the terminal, alone.
    Terminal,
    /// A task without a body: succeeds when its needs did.
    Group,
    /// The group of a foreach task's jobs.
    ForeachGroup,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) job: JobId,
    pub(crate) when: When,
    pub(crate) flow: Flow,
}

/// When what a job needs reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// When the need is settled: its values and files.
    AtEnd,
    /// While both run: its stream. The edge asks for success.
    Stream {
        /// `stream-errors: ignore`: what came before a failure is enough.
        is_lenient: bool,
    },
}

/// The item of a foreach job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// The variable it is bound to.
    pub(crate) variable: String,
    pub(crate) value: OsString,
    /// From 0, in the order of the source.
    pub(crate) index: usize,
}

/// A lane of one [`Plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LaneId(pub(crate) u32);

/// How the jobs of one foreach task share the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// One at a time in plan order; after a failure the rest is skipped.
    Serial,
    /// At most so many at a time, and within `-j`.
    Most(usize),
    /// No limit, regardless of `-j`.
    All,
}

/// Makes the plan of a request, or says everything that stands in its way.
pub(crate) fn make(
    ottofile: &Ottofile,
    request: &Request,
    facts: &dyn Facts,
) -> Result<Plan, Vec<Diagnostic>> {
    let selected = select::select(ottofile, request)?;
    let globals = std::cell::OnceCell::new();
    let globals = || globals.get_or_init(|| envs::global(ottofile, facts).map(Rc::new)).clone();
    let mut variables = |command: &str| globals()?.for_command(command);

    let serial: Vec<usize> =
        request.tasks.iter().filter(|asked| asked.is_serial).map(|asked| asked.task).collect();
    let mut builder = Builder { ottofile, request, jobs: Vec::new(), lanes: Vec::new(), placed: Vec::new() };
    let mut diagnostics = Vec::new();
    for member in &selected {
        let task = &ottofile.tasks[member.task];
        match &task.foreach {
            None => builder.add_task(member),
            Some(foreach) => match expand::items(ottofile, task, foreach, facts, &mut variables) {
                Ok(Expansion::Items(items)) => builder.add_foreach(
                    member,
                    foreach,
                    items,
                    serial.contains(&member.task),
                    &mut diagnostics,
                ),
                Ok(Expansion::Unknown) => builder.add_unknown(member),
                Err(mut problems) => {
                    diagnostics.append(&mut problems);
                    builder.add_unknown(member);
                }
            },
        }
    }
    let Builder { mut jobs, lanes, .. } = builder;
    name_clashes(ottofile, &jobs, &mut diagnostics);
    stream::check(ottofile, &jobs, &mut diagnostics);
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    params::set_params(ottofile, request, &mut jobs, facts, &mut variables)?;
    graph::set_heights(&mut jobs);
    let mut envs = Vec::new();
    let mut warnings = Vec::new();
    let has_work = jobs.iter().any(|job| job.work.has_body());
    if !facts.may_run_commands() {
        diagnostics.extend(envs_mistakes(ottofile, &selected));
    } else if has_work {
        let globals = globals()?;
        let mut left_out = Vec::new();
        for job in jobs.iter_mut().filter(|job| job.work.has_body()) {
            set_envs(ottofile, job, &globals, facts, &mut left_out, &mut diagnostics);
        }
        told_once(&mut diagnostics);
        warnings = left_out_warnings(left_out);
        envs.clone_from(&globals.values);
    }
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    Ok(Plan { jobs, lanes, envs: Arc::new(envs), warnings })
}

impl Work {
    pub(crate) fn has_body(self) -> bool {
        match self {
            Work::Body | Work::Terminal => true,
            Work::Group | Work::ForeachGroup => false,
        }
    }
}

struct Builder<'a> {
    ottofile: &'a Ottofile,
    request: &'a Request,
    jobs: Vec<Job>,
    lanes: Vec<Lane>,
    /// For each selected task: its job or group, and its jobs by item.
    placed: Vec<Placed>,
}

struct Placed {
    whole: JobId,
    members: Vec<JobId>,
    items: HashMap<String, JobId>,
}

impl Builder<'_> {
    fn add_task(&mut self, member: &Selected) {
        let task = &self.ottofile.tasks[member.task];
        let (needs, inputs) = self.needs(member);
        let whole =
            self.push(member.task, JobName::of_task(&task.name), work_of(task), None, needs, inputs, None);
        self.placed.push(Placed { whole, members: Vec::new(), items: HashMap::new() });
    }

    /// A foreach task whose items are not known stands as one empty group.
    fn add_unknown(&mut self, member: &Selected) {
        let task = &self.ottofile.tasks[member.task];
        let (needs, inputs) = self.needs(member);
        let whole = self.push(
            member.task,
            JobName::of_task(&task.name),
            Work::ForeachGroup,
            None,
            needs,
            inputs,
            None,
        );
        self.placed.push(Placed { whole, members: Vec::new(), items: HashMap::new() });
    }

    fn add_foreach(
        &mut self,
        member: &Selected,
        foreach: &Foreach,
        items: Vec<NamedItem>,
        is_serial: bool,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let task = &self.ottofile.tasks[member.task];
        if let Items::Only(only) = &member.items {
            let unknown = only.iter().filter(|(name, _)| items.iter().all(|item| item.name != *name));
            diagnostics
                .extend(unknown.map(|(name, mention)| self.unknown_item(task, name, *mention, &items)));
        }
        let lane = match (is_serial || !foreach.is_parallel, foreach.jobs) {
            (true, _) => Some(Lane::Serial),
            (false, Some(ForeachJobs::All)) => Some(Lane::All),
            (false, Some(ForeachJobs::Most(most))) => Some(Lane::Most(most)),
            (false, None) => None,
        };
        let lane = lane.map(|lane| {
            self.lanes.push(lane);
            LaneId(self.lanes.len() as u32 - 1)
        });
        let (needs, inputs) = self.needs(member);
        let mut members = Vec::new();
        let mut by_name = HashMap::new();
        for NamedItem { name, item } in items {
            if let Items::Only(only) = &member.items
                && only.iter().all(|(wanted, _)| *wanted != name)
            {
                continue;
            }
            let job_name = JobName::of_item(&task.name, &name);
            let job = self.push(
                member.task,
                job_name,
                work_of(task),
                Some(item),
                needs.clone(),
                inputs.clone(),
                lane,
            );
            members.push(job);
            by_name.insert(name, job);
        }
        // The group waits for what its jobs wait for, so that an empty one keeps the order too.
        let group_needs = members.iter().map(|job| Need { job: *job, when: When::Always, flow: Flow::AtEnd });
        let group_needs = if members.is_empty() { needs } else { group_needs.collect() };
        let whole = self.push(
            member.task,
            JobName::of_task(&task.name),
            Work::ForeachGroup,
            None,
            group_needs,
            Vec::new(),
            None,
        );
        self.placed.push(Placed { whole, members, items: by_name });
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

    /// The edges of a task as edges between jobs, and the jobs whose data it sees.
    fn needs(&self, member: &Selected) -> (Vec<Need>, Vec<JobId>) {
        let mut needs = Vec::with_capacity(member.needs.len());
        let mut inputs = Vec::with_capacity(member.needs.len());
        for need in &member.needs {
            let placed = &self.placed[need.selected];
            let flow =
                stream::flow(self.ottofile, member.task, self.jobs[placed.whole.index()].task, need.when);
            let mut add = |job: JobId| needs.push(Need { job, when: need.when, flow });
            match need.item.as_ref().and_then(|item| placed.items.get(item)) {
                Some(job) => {
                    add(*job);
                    inputs.push(*job);
                }
                None => match (self.jobs[placed.whole.index()].work, flow) {
                    // Each job of the group has a stream of its own; the group itself has none.
                    (Work::ForeachGroup, Flow::Stream { .. }) if !placed.members.is_empty() => {
                        placed.members.iter().copied().for_each(add);
                        inputs.extend(&placed.members);
                    }
                    (Work::ForeachGroup, Flow::AtEnd | Flow::Stream { .. }) => {
                        needs.push(Need { job: placed.whole, when: need.when, flow: Flow::AtEnd });
                        inputs.extend(&placed.members);
                    }
                    (Work::Body | Work::Terminal, _) => {
                        add(placed.whole);
                        inputs.push(placed.whole);
                    }
                    (Work::Group, _) => add(placed.whole),
                },
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

    #[allow(clippy::too_many_arguments)]
    fn push(
        &mut self,
        task: usize,
        name: JobName,
        work: Work,
        item: Option<Item>,
        needs: Vec<Need>,
        inputs: Vec<JobId>,
        lane: Option<LaneId>,
    ) -> JobId {
        let id = JobId(u32::try_from(self.jobs.len()).expect("bug: more than four billion jobs"));
        let timeout = self.ottofile.tasks[task].timeout.as_ref().map(|timeout| timeout.value);
        let systems = &self.ottofile.tasks[task].os;
        let is_elsewhere = !systems.is_empty() && systems.iter().all(|system| system != SYSTEM);
        let elsewhere = is_elsewhere.then(|| systems.join(", "));
        self.jobs.push(Job {
            name,
            task,
            work,
            item,
            params: Vec::new(),
            needs,
            inputs,
            envs: Vec::new(),
            input_globs: Vec::new(),
            output_globs: Vec::new(),
            lane,
            height: 1,
            timeout,
            confirm: None,
            refusal: None,
            elsewhere,
        });
        id
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

fn work_of(task: &Task) -> Work {
    match (&task.body, task.tty) {
        (None, _) => Work::Group,
        (Some(_), Some(_)) => Work::Terminal,
        (Some(_), None) => Work::Body,
    }
}

/// A task called `build:x86` beside the item `x86` of `build`.
fn name_clashes(ottofile: &Ottofile, jobs: &[Job], diagnostics: &mut Vec<Diagnostic>) {
    if jobs.iter().all(|job| job.item.is_none()) {
        return;
    }
    let mut seen: HashMap<&JobName, &Job> = HashMap::with_capacity(jobs.len());
    for job in jobs {
        if let Some(other) = seen.insert(&job.name, job) {
            let span = |job: &Job| ottofile.tasks[job.task].name_span;
            diagnostics.push(
                Diagnostic::error(Code::NameClash, format!("two jobs are called `{}`", job.name))
                    .at(&ottofile.sources, span(job), "one is from this task")
                    .at(&ottofile.sources, span(other), "the other is from this one")
                    .help("rename the task or the item"),
            );
        }
    }
}

/// What is wrong with the variables of these tasks whatever their values, for when they are not worked out.
fn envs_mistakes(ottofile: &Ottofile, selected: &[Selected]) -> Vec<Diagnostic> {
    let mut diagnostics = envs::mistakes(&ottofile.settings.envs, &ottofile.sources);
    for task in selected.iter().map(|member| &ottofile.tasks[member.task]) {
        diagnostics.extend(envs::mistakes(&task.envs, &ottofile.sources));
        let question = task.confirm.iter().map(|question| pattern_entry("confirm", question));
        diagnostics.extend(question.flat_map(|entry| envs::mistakes(&[entry], &ottofile.sources)));
        for (key, patterns) in [("input", &task.input), ("output", &task.output)] {
            let with_variables = patterns.iter().filter(|pattern| pattern.value.contains('$'));
            let entries = with_variables.map(|pattern| pattern_entry(key, pattern));
            diagnostics.extend(entries.flat_map(|entry| envs::mistakes(&[entry], &ottofile.sources)));
        }
    }
    diagnostics
}

/// The jobs of one foreach task make the same mistake in the same place.
fn told_once(diagnostics: &mut Vec<Diagnostic>) {
    let mut told = std::collections::HashSet::new();
    diagnostics.retain(|diagnostic| {
        let place = diagnostic.labels.first().map(|label| label.span);
        told.insert((diagnostic.code, diagnostic.message.clone(), place))
    });
}

/// Resolves the task's own `envs` and the `${…}` of its `input` and `output` for one job. A job that mentions an entry
/// without a value is refused; those that it does not mention go to `left_out`.
fn set_envs(
    ottofile: &Ottofile,
    job: &mut Job,
    globals: &Resolved,
    facts: &dyn Facts,
    left_out: &mut Vec<FailedEntry>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let task = &ottofile.tasks[job.task];
    let has_templates = !task.envs.is_empty()
        || !task.dotenv.is_empty()
        || !task.input.is_empty()
        || !task.output.is_empty()
        || task.confirm.is_some();
    if !has_templates && globals.failures.is_empty() {
        return;
    }
    let mut known = globals.clone();
    let from_files = match envs::dotenv(&task.dotenv, &ottofile.sources, facts) {
        Ok(variables) => variables,
        Err(mut problems) => {
            diagnostics.append(&mut problems);
            return;
        }
    };
    let set_all = |known: &mut Resolved, variables: Vec<(String, OsString)>| {
        variables.into_iter().for_each(|(name, value)| known.set(name, value));
    };
    let params: Vec<(String, OsString)> =
        job.texts().map(|(name, text)| (name.as_str().to_owned(), text.into_owned())).collect();
    set_all(&mut known, from_files.clone());
    set_all(
        &mut known,
        vec![
            ("OTTO_TASK".to_owned(), job.name.as_str().into()),
            ("OTTO_TASK_NAME".to_owned(), task.name.as_str().into()),
        ],
    );
    set_all(&mut known, item_variables(job));
    set_all(&mut known, params.clone());
    let own = match envs::resolve(&task.envs, &known, &ottofile.sources, facts) {
        Ok(own) => own,
        Err(mut problems) => {
            diagnostics.append(&mut problems);
            return;
        }
    };
    job.envs = from_files.into_iter().chain(own.values.clone()).collect();
    // The name of a file is no pattern, whatever characters are in it.
    let is_file =
        task.foreach.as_ref().is_some_and(|foreach| matches!(foreach.source, ForeachSource::Glob(_)));
    if is_file {
        known.files = item_variables(job).into_iter().map(|(name, _)| name).collect();
    }
    set_all(&mut known, own.values);
    let (names, own_failures): (Vec<String>, Vec<FailedEntry>) =
        own.failures.into_iter().map(|failure| (failure.name.clone(), failure)).unzip();
    known.failures.retain(|failure| !names.contains(&failure.name));
    known.failures.extend(own_failures);
    // A parameter beats an entry of `envs` of the same name.
    set_all(&mut known, params);
    let mut refusal = None;
    let mut globs = |key: &str, written: &[Spanned<String>]| {
        let mut globs = Vec::with_capacity(written.len());
        for glob in written {
            match pattern_text(key, glob, &known, &ottofile.sources, facts) {
                Ok(Ok(text)) => globs.push(text),
                Ok(Err(why)) => refusal = Some(why),
                Err(diagnostic) => diagnostics.push(*diagnostic),
            }
        }
        globs
    };
    job.input_globs = globs("input", &task.input);
    job.output_globs = globs("output", &task.output);
    known.files.clear();
    if let Some(question) = &task.confirm {
        match envs::resolve(&[pattern_entry("confirm", question)], &known, &ottofile.sources, facts) {
            Ok(mut resolved) => match resolved.failures.pop() {
                Some(failure) => refusal = Some(Box::new(failure.why)),
                None => job.confirm = Some(resolved.values[0].1.to_string_lossy().into_owned()),
            },
            Err(mut problems) => diagnostics.append(&mut problems),
        }
    }
    let mention = |failure: &FailedEntry| {
        let text = format!("`{}` mentions `{}`", task.name, failure.name);
        Box::new(failure.why.clone().at(&ottofile.sources, task.name_span, text))
    };
    let in_text = task.body.as_ref().and_then(|body| known.failure_in(&body.text)).map(mention);
    job.refusal = in_text.or(refusal);
    if job.refusal.is_none() {
        left_out.append(&mut known.failures);
    }
}

/// One warning for each thing that went wrong, with the entries that have no value because of it.
fn left_out_warnings(left_out: Vec<FailedEntry>) -> Vec<Diagnostic> {
    let place = |why: &Diagnostic| (why.message.clone(), why.labels.first().map(|label| label.span));
    let mut found: Vec<(Diagnostic, Vec<String>)> = Vec::new();
    for FailedEntry { name, why } in left_out {
        match found.iter_mut().find(|(known, _)| place(known) == place(&why)) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => found.push((why, vec![name])),
        }
    }
    const SHOWN: usize = 8;
    let warning = |(why, names): (Diagnostic, Vec<String>)| {
        let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
        let shown = shown.join(", ");
        let note = match names.len() {
            1 => format!("tasks whose text does not mention {shown} run without it"),
            count if count <= SHOWN => {
                format!("tasks whose text mentions none of these run without them: {shown}")
            }
            count => {
                let rest = count - SHOWN;
                format!("tasks whose text mentions none of these run without them: {shown} and {rest} more")
            }
        };
        Diagnostic { severity: Severity::Warning, ..why }.note(note)
    };
    found.into_iter().map(warning).collect()
}

/// The variables that hold a job's item.
fn item_variables(job: &Job) -> Vec<(String, OsString)> {
    let Some(item) = &job.item else { return Vec::new() };
    vec![
        (item.variable.clone(), item.value.clone()),
        ("OTTO_FOREACH_ITEM".to_owned(), item.value.clone()),
        ("OTTO_FOREACH_INDEX".to_owned(), item.index.to_string().into()),
    ]
}

fn pattern_entry(key: &str, pattern: &Spanned<String>) -> EnvEntry {
    EnvEntry { name: Spanned::new(key.to_owned(), pattern.span), value: pattern.clone() }
}

/// An entry of `input` or `output` with its variables filled in; or why one of these has no value.
fn pattern_text(
    key: &str,
    glob: &Spanned<String>,
    variables: &Resolved,
    source: &Sources,
    facts: &dyn Facts,
) -> Result<Result<String, Box<Diagnostic>>, Box<Diagnostic>> {
    if !glob.value.contains('$') {
        return Ok(Ok(glob.value.clone()));
    }
    let mut resolved = envs::resolve(&[pattern_entry(key, glob)], variables, source, facts)
        .map_err(|mut problems| Box::new(problems.remove(0)))?;
    if let Some(failure) = resolved.failures.pop() {
        return Ok(Err(Box::new(failure.why.at(source, glob.span, format!("needed for `{key}`")))));
    }
    let text = resolved.values[0].1.to_string_lossy().into_owned();
    match glob::mistake(&text) {
        None => Ok(Ok(text)),
        Some(why) => {
            let message = format!("invalid file pattern in `{key}`");
            let wrong = Diagnostic::error(Code::BadGlob, message).at(source, glob.span, why);
            Err(Box::new(wrong.note(format!("with its variables expanded it is `{text}`"))))
        }
    }
}

#[cfg(test)]
mod tests;
