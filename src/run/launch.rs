//! From a job to what an executor needs: its directory, its inputs, its environment, its script.

use super::outcomes;
use super::{RecordedInput, RecordedSource, Setting, is_withheld};
use crate::body::{Language, condition_of};
use crate::diagnostic::{Code, Diagnostic};
use crate::event::Stream;
use crate::exec::{AttemptId, HandsOver, Launch, LaunchIo, Stdin, StreamPlan};
use crate::fate::Fate;
use crate::host::{Environment, is_shell_trap, plain};
use crate::lang::{self, CannotPrepare, FanInData, FanInJob, Input, Level, List, Script};
use crate::name::{JobName, ParamName};
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{Body, Param, ParamForm, Task};
use crate::plan::envs::MOST_VARIABLE;
use crate::plan::{self, Item, Job, JobId, JobPlace, Need, Plan, Work};
use crate::request::Argument;
use crate::resources::Resources;
use crate::store::atomic;
use crate::store::inputs;
use crate::store::layout::{self, JobDir};
use crate::store::outputs::{self, Outputs};
use crate::store::share::Ownership;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The values of a job that this one sees.
pub(super) struct InputOf {
    pub(super) job: JobId,
    pub(super) outputs: Arc<Outputs>,
    /// Why there are none.
    pub(super) absence: Option<&'static str>,
    /// They are complete.
    pub(super) is_whole: bool,
}

/// A job that is being started, with everything that its language needs.
pub(crate) struct Started {
    pub(crate) dir: JobDir,
    /// The number of this attempt.
    pub(crate) attempt_dir: PathBuf,
    pub(crate) level: Option<Level>,
    /// It runs on a cluster.
    pub(crate) is_remote: bool,
    /// How long it may run.
    pub(crate) limit: Option<Duration>,
    /// The `if` that the first attempt evaluates.
    pub(crate) condition: Option<Body>,
    pub(crate) inputs: Vec<Input>,
    pub(crate) fan_ins: Vec<FanInData>,
    pub(crate) item: Option<Value>,
    pub(crate) fates: Option<Vec<Fate>>,
    pub(crate) params: Vec<(ParamName, OsString)>,
    pub(crate) lists: Vec<List>,
    pub(crate) workdir: PathBuf,
    pub(crate) env: BTreeMap<OsString, OsString>,
    /// The lock of a shared service, kept until it has ended.
    pub(crate) ownership: Option<Arc<Ownership>>,
}

impl Started {
    /// Creates the job's folder and the links to its inputs, and works out the environment.
    ///
    /// `outputs` are those of the jobs whose data this one sees, in plan order; `fates` tell its body how other jobs ended.
    pub(super) fn new(
        setting: &Setting,
        AttemptId { job: id, number }: AttemptId,
        outputs: Vec<InputOf>,
        mut fates: Option<Vec<Fate>>,
    ) -> Result<Started, CannotPrepare> {
        let job = setting.plan.job(id);
        let dir = setting.run_dir.job(&job.name);
        make_folder(&dir.path)?;
        if let Some(refusal) = &job.refusal {
            return Err(CannotPrepare { diagnostic: (**refusal).clone(), code: 125 });
        }
        let recorded: &[RecordedInput] = setting.recorded.get(&id).map_or(&[], Vec::as_slice);
        let task = &setting.ottofile.tasks[job.task];
        let seen = recorded.iter().map(|input| &input.job);
        let seen: Vec<&JobName> =
            seen.chain(outputs.iter().map(|input| &setting.plan.job(input.job).name)).collect();
        let names = KnownNames {
            ottofile: &setting.ottofile,
            job,
            all: seen.iter().map(|name| name.as_str()).collect(),
            together: seen_together(setting, id),
        };
        for input in recorded.iter().filter(|input| !input.outputs.values.is_empty()) {
            for name in names.of(&input.job) {
                link_recorded(setting, &dir, input, &name)
                    .map_err(|error| cannot("link the recorded inputs in", &dir.path, &error))?;
            }
        }
        for input in &outputs {
            let dependency = &setting.plan.job(input.job).name;
            if !input.outputs.values.is_empty() {
                for name in names.of(dependency) {
                    inputs::link_to(&dir, &name, &setting.run_dir.job(dependency))
                        .map_err(|error| cannot("link the inputs in", &dir.path, &error))?;
                }
            }
        }
        let folder = setting.folder_of(job);
        let workdir = task.dir.as_ref().map_or_else(|| folder.to_owned(), |dir| folder.join(&dir.value));
        if task.dir.is_some() && !workdir.is_dir() {
            let mut missing = Diagnostic::error(
                Code::CannotStart,
                format!("the `dir` of `{}` is not a directory: `{}`", task.name, workdir.display()),
            );
            if workdir.as_os_str().as_encoded_bytes().contains(&b'$') {
                missing = missing.help("`dir` cannot contain variables; use `cd` in the script instead");
            }
            return Err(CannotPrepare { diagnostic: missing, code: 125 });
        }
        let params: Vec<(ParamName, OsString)> =
            job.texts().map(|(name, text)| (name.clone(), text.into_owned())).chain(axes(job)).collect();
        let lists = lists(task, job);
        let recorded = recorded.iter().map(|input| Input {
            job: input.job.clone(),
            outputs: input.outputs.clone(),
            absence: None,
            is_whole: input.is_whole,
        });
        let outputs = outputs.into_iter().map(|input| Input {
            job: setting.plan.job(input.job).name.clone(),
            outputs: input.outputs,
            absence: input.absence,
            is_whole: input.is_whole,
        });
        let inputs: Vec<Input> = recorded.chain(outputs).collect();
        let fan_ins = names.fan_ins(&inputs);
        let inputs: Vec<Input> = inputs.into_iter().flat_map(|input| names.inputs(input)).collect();
        for fate in fates.iter_mut().flatten().filter(|fate| !fate.has_log()) {
            outcomes::add_log(fate, &setting.run_dir.job(&fate.job));
        }
        let fates = fates.map(|fates| KnownNames::fates(&setting.ottofile, job, fates));
        let attempt_dir = dir.attempt(number);
        make_folder(&attempt_dir)?;
        if handles_secrets(setting, job, &inputs) {
            let private = layout::private(&attempt_dir);
            setting.vault.enter(&private).map_err(|error| cannot("hide the secrets of", &private, &error))?;
        }
        let condition = condition_of(task);
        let mut started = Started {
            dir,
            attempt_dir,
            level: None,
            is_remote: setting.places[id.index()] == JobPlace::Cluster,
            limit: limit(setting, id, number),
            condition,
            inputs,
            fan_ins,
            item: job.item.as_ref().map(item_value),
            fates,
            params,
            lists,
            workdir,
            env: BTreeMap::new(),
            ownership: None,
        };
        started.env = environment(setting, job, &started);
        tell_resources(&mut started.env, &setting.resources[id.index()], number);
        Ok(started)
    }

    pub(crate) fn script<'a>(
        &'a self,
        setting: &'a Setting,
        job: &'a Job,
        attempt: u32,
        env: &'a dyn Fn(&str) -> Option<&'a OsStr>,
    ) -> Script<'a> {
        let body = setting.body(job);
        Script {
            job: &job.name,
            body,
            condition: self.condition.as_ref().filter(|_| attempt == 1),
            ottofile: setting.ottofile.sources.of(body.span),
            inputs: &self.inputs,
            fan_ins: &self.fan_ins,
            item: self.item.as_ref(),
            fates: self.fates.as_deref(),
            params: &self.params,
            lists: &self.lists,
            task_dir: &self.dir.path,
            dir: &self.attempt_dir,
            runtime: &setting.runtime,
            workdir: &self.workdir,
            folder: setting.folder_of(job),
            contract: setting.ottofile.tasks[job.task].outputs.as_deref(),
            is_service: job.work == Work::Service,
            is_remote: self.is_remote,
            env,
        }
    }

    /// Writes the script. Returns what to execute, and warnings.
    pub(super) fn launch(
        &mut self,
        setting: &Setting,
        job: &Job,
        attempt: u32,
        reads_stream: bool,
        streams: Option<StreamPlan>,
    ) -> Result<(Launch, Vec<Diagnostic>), CannotPrepare> {
        let get = |name: &str| self.env.get(OsStr::new(name)).map(OsString::as_os_str);
        let mut prepared = lang::prepare(&self.script(setting, job, attempt, &get))?;
        self.level = prepared.level;
        let mut env = self.env.clone();
        env.extend(prepared.env);
        prepared.warnings.extend(self.leave_out_long(job, &mut env));
        if let Some(diagnostic) = too_large(job.name.as_str(), &env) {
            return Err(CannotPrepare { diagnostic, code: 125 });
        }
        let io = match job.work {
            Work::Terminal => {
                // Tells readers of the log why there is no output. If it cannot be written, nothing is lost.
                let note = "otto: tty task, output not captured\n";
                let _ = atomic::write(&self.dir.log(Stream::Stderr, attempt), note.as_bytes());
                LaunchIo::Terminal
            }
            Work::Body | Work::Service | Work::Condition | Work::Group | Work::ForeachGroup(_) => {
                LaunchIo::Captured {
                    stdin: match reads_stream {
                        true => Stdin::Stream,
                        // A service would read input that is meant for others.
                        false if job.work == Work::Service => Stdin::Null,
                        false if setting.inherits_stdin.contains(&job.task) => Stdin::Inherit,
                        false => Stdin::Null,
                    },
                    stdout_log: self.dir.log(Stream::Stdout, attempt),
                    stderr_log: self.dir.log(Stream::Stderr, attempt),
                    // A later run may want to see what a service writes.
                    shows: setting.shows_output || job.work == Work::Service && setting.keep.is_some(),
                }
            }
        };
        let answer = self.condition.as_ref().map(|_| &lang::condition::ANSWER);
        let launch = Launch {
            program: prepared.program.path,
            named: prepared.program.named,
            level: prepared.level,
            args: prepared.args,
            env: env.into_iter().collect(),
            workdir: self.workdir.clone(),
            io,
            hands_over: HandsOver {
                folder: self.attempt_dir.clone(),
                files: prepared.hands_over.iter().chain(answer).map(|file| (*file).to_owned()).collect(),
            },
            secrets: mentions_secrets(setting, job).then(|| layout::announced(&self.attempt_dir)),
            limit: self.limit,
            streams,
        };
        Ok((launch, prepared.warnings))
    }
}

/// The foreach tasks whose jobs a job sees as a whole.
fn seen_together(setting: &Setting, id: JobId) -> Vec<plan::FanIn> {
    let job = setting.plan.job(id);
    let earlier = &setting.earlier.fan_ins;
    let group = job.group.map(|group| &setting.plan.job(group).name);
    let mut all = earlier.get(&job.name).or_else(|| earlier.get(group?)).cloned().unwrap_or_default();
    // In a rerun, with the jobs that are not run again.
    let now = plan::fan_ins(&setting.plan, id).into_iter();
    let now: Vec<_> = now.filter(|fan_in| all.iter().all(|known| known.group != fan_in.group)).collect();
    all.extend(now);
    all
}

/// The names by which a job knows the jobs whose data or outcomes it has.
struct KnownNames<'a> {
    ottofile: &'a Ottofile,
    job: &'a Job,
    /// The jobs that it knows.
    all: HashSet<&'a str>,
    /// The foreach tasks whose jobs it sees as a whole.
    together: Vec<plan::FanIn>,
}

impl KnownNames<'_> {
    fn of(&self, job: &JobName) -> Vec<JobName> {
        let seen_as = self.job.name_of_input(self.ottofile, job);
        let task = &self.ottofile.tasks[self.job.task];
        let names = self.ottofile.names_in(task, seen_as.as_str(), &self.all);
        let mut names: Vec<JobName> = names.iter().filter_map(|name| JobName::recorded(name)).collect();
        for other in self.job.other_names(job) {
            if !names.contains(&other) {
                names.push(other);
            }
        }
        names
    }

    /// The foreach tasks whose jobs it sees as a whole, under each of their names, with the jobs whose data is complete.
    fn fan_ins(&self, inputs: &[Input]) -> Vec<FanInData> {
        if self.together.is_empty() {
            return Vec::new();
        }
        let known: HashMap<&JobName, &Input> = inputs.iter().map(|input| (&input.job, input)).collect();
        let mut all = Vec::new();
        for plan::FanIn { group, jobs } in &self.together {
            let first = all.len();
            all.extend(self.of(group).into_iter().map(|name| FanInData { name, jobs: Vec::new() }));
            for job in jobs {
                let item = job.as_str().strip_prefix(group.as_str()).and_then(|rest| rest.strip_prefix(':'));
                let input = known.get(job).filter(|input| input.is_whole);
                let (Some(item), Some(input)) = (item, input) else { continue };
                let names = self.of(job);
                for fan_in in &mut all[first..] {
                    // Its data has this name too.
                    if names
                        .iter()
                        .any(|name| name.as_str().strip_suffix(item) == Some(&format!("{}:", fan_in.name)))
                    {
                        fan_in.jobs.push(FanInJob { item: item.to_owned(), outputs: input.outputs.clone() });
                    }
                }
            }
        }
        all
    }

    fn inputs(&self, input: Input) -> Vec<Input> {
        let names = self.of(&input.job).into_iter();
        names.map(|job| Input { job, ..input.clone() }).collect()
    }

    fn fates(ottofile: &Ottofile, job: &Job, fates: Vec<Fate>) -> Vec<Fate> {
        let all: Vec<JobName> = fates.iter().map(|fate| fate.job.clone()).collect();
        let all = all.iter().map(JobName::as_str).collect();
        let names = KnownNames { ottofile, job, all, together: Vec::new() };
        let named = fates.into_iter().flat_map(|fate| {
            let names = names.of(&fate.job).into_iter();
            names.map(move |job| {
                let mut fate = fate.clone();
                fate.job = job;
                fate
            })
        });
        named.collect()
    }
}

/// The item with its type; items that the ottofile lists are strings.
fn item_value(item: &Item) -> Value {
    item.data.as_deref().cloned().unwrap_or_else(|| Value::from_bytes(item.value.as_bytes().to_vec()))
}

/// The values of a matrix, which become variables like parameters.
fn axes(job: &Job) -> impl Iterator<Item = (ParamName, OsString)> {
    let axes = job.item.iter().flat_map(|item| item.axes.iter());
    axes.filter_map(|(name, value)| Some((ParamName::new(name).ok()?, value.clone())))
}

/// Whether an attempt may start with a secret, or set one.
pub(super) fn handles_secrets(setting: &Setting, job: &Job, inputs: &[Input]) -> bool {
    let task = &setting.ottofile.tasks[job.task];
    let has_secret_output = task.outputs.as_ref().is_some_and(|contract| contract.value.has_secret());
    let masker = setting.masks.masker();
    let is_param_secret = |name: &ParamName, value: &OsStr| {
        is_withheld(task, name) || masker.as_ref().is_some_and(|masker| masker.finds(value.as_bytes()))
    };
    has_secret_output
        || job.texts().any(|(name, value)| is_param_secret(name, &value))
        || inputs.iter().any(|input| !input.outputs.secrets.is_empty())
        || mentions_secrets(setting, job)
}

/// Whether the text of a job may say that a value is secret.
fn mentions_secrets(setting: &Setting, job: &Job) -> bool {
    let condition = setting.ottofile.tasks[job.task].condition.as_ref();
    let texts = condition.map(|condition| &condition.text).into_iter().chain([&setting.body(job).text]);
    texts.into_iter().any(|text| text.contains("secret"))
}

/// The time limit of an attempt: that of its task; on a cluster a little less than its job has, so that it can end in order.
fn limit(setting: &Setting, id: JobId, number: u32) -> Option<Duration> {
    const BEFORE_THE_END: Duration = Duration::from_secs(30);
    let own = setting.plan.job(id).timeout.or(setting.timeout);
    let of_the_job = setting.resources[id.index()].time(number);
    match of_the_job.filter(|_| setting.places[id.index()] == JobPlace::Cluster) {
        Some(time) => {
            let usable = time - BEFORE_THE_END.min(time / 10);
            Some(own.map_or(usable, |own| own.min(usable)))
        }
        None => own,
    }
}

/// Sets the variables that tell a task which resources it may use.
fn tell_resources(env: &mut BTreeMap<OsString, OsString>, resources: &Resources, attempt: u32) {
    env.insert("OTTO_ATTEMPT".into(), attempt.to_string().into());
    env.insert("OTTO_CPUS".into(), resources.cpus(attempt).to_string().into());
    env.insert("OTTO_GPUS".into(), resources.gpus(attempt).to_string().into());
    match resources.memory_mib(attempt) {
        Some(memory) => drop(env.insert("OTTO_MEMORY".into(), memory.to_string().into())),
        None => drop(env.remove(OsStr::new("OTTO_MEMORY"))),
    }
}

/// The parameters that take several arguments.
fn lists(task: &Task, job: &Job) -> Vec<List> {
    let of_one = |(param, (name, value)): (&Param, &(ParamName, Option<Argument>))| {
        let is_positional = matches!(param.form, ParamForm::Positional(_));
        let words = value.as_ref().and_then(Argument::words).map(<[OsString]>::to_vec);
        param.count.takes_several().then(|| List {
            name: name.clone(),
            words: words.unwrap_or_default(),
            is_positional,
        })
    };
    task.params.iter().zip(&job.params).filter_map(of_one).collect()
}

/// Returns the missing interpreters of jobs before which no other job runs, so that none can install them. No job is
/// expected to install bash. Leaves out jobs that may be up to date and so need no interpreter.
pub(crate) fn missing_interpreters(
    ottofile: &Ottofile,
    plan: &Plan,
    places: &[JobPlace],
    environment: &Environment,
    folder: &Path,
) -> Vec<CannotPrepare> {
    let mut missing: Vec<CannotPrepare> = Vec::new();
    let mut seen = BTreeSet::new();
    // A job that is added later is not known yet.
    let mut is_preceded = vec![true; plan.jobs.len()];
    for (id, job) in plan.ids().zip(&plan.jobs) {
        let runs_first = |need: &Need| plan.job(need.job).work.has_body() || is_preceded[need.job.index()];
        is_preceded[id.index()] = job.needs.iter().any(runs_first);
        let task = &ottofile.tasks[job.task];
        let Some(body) = task.body.as_ref().filter(|_| job.work.has_body()) else { continue };
        let may_be_fresh = !job.input_globs.is_empty() && !job.output_globs.is_empty();
        let may_be_brought = is_preceded[id.index()] && Language::of(body) != Language::Bash;
        let folder = ottofile.folder_of(task.name_span.source).unwrap_or(folder);
        let workdir = task.dir.as_ref().map_or_else(|| folder.to_owned(), |dir| folder.join(&dir.value));
        // The nodes of the cluster have their own.
        if job.elsewhere.is_some()
            || places[id.index()] == JobPlace::Cluster
            || may_be_fresh
            || may_be_brought
            || !workdir.is_dir()
            // Its `if` may ask whether the interpreter exists.
            || task.condition.is_some() && Language::of(body) == Language::Other
            || !seen.insert(job.task)
        {
            continue;
        }
        let env = |name: &str| {
            let set = job.envs.iter().rev().chain(plan.globals.of_root().iter().rev());
            let mut values = set.filter(|(known, _)| known == name).map(|(_, value)| value.as_os_str());
            values.next().or_else(|| environment.get(name))
        };
        let script = Script {
            job: &job.name,
            body,
            condition: None,
            ottofile: ottofile.sources.of(body.span),
            inputs: &[],
            fan_ins: &[],
            item: None,
            fates: None,
            params: &[],
            lists: &[],
            task_dir: folder,
            dir: folder,
            runtime: folder,
            workdir: &workdir,
            folder,
            contract: None,
            is_service: false,
            is_remote: false,
            env: &env,
        };
        if let Err(cannot) = lang::interpreter(&script)
            && missing.iter().all(|known| known.diagnostic.message != cannot.diagnostic.message)
        {
            let place = "needed by this task; nothing was started";
            let diagnostic = cannot.diagnostic.at(&ottofile.sources, task.name_span, place);
            missing.push(CannotPrepare { diagnostic, code: cannot.code });
        }
    }
    missing
}

/// Creates the folder of a job, unless it exists already.
pub(super) fn make_folder(dir: &Path) -> Result<(), CannotPrepare> {
    match std::fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(cannot("create", dir, &error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> CannotPrepare {
    let message = format!("cannot {what} `{}`: {}", path.display(), plain(error));
    CannotPrepare { diagnostic: Diagnostic::error(Code::CannotStart, message), code: 125 }
}

fn link_recorded(
    setting: &Setting,
    dir: &JobDir,
    input: &RecordedInput,
    name: &JobName,
) -> std::io::Result<()> {
    match &input.source {
        RecordedSource::Earlier(earlier) => inputs::link_to(dir, name, earlier),
        RecordedSource::Changed => {
            let changed = setting.run_dir.job(&input.job);
            // Several jobs may read it, and each is prepared by its own thread.
            static WRITING: Mutex<()> = Mutex::new(());
            let writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&changed.path)?;
            outputs::write(&changed, &input.outputs, &setting.sealer)
                .map_err(|error| std::io::Error::other(error.to_string()))?;
            drop(writing);
            inputs::link_to(dir, name, &changed)
        }
    }
}

/// otto's own environment, then the ottofile's variables, then the task's, then its parameters; later ones win.
fn environment(setting: &Setting, job: &Job, started: &Started) -> BTreeMap<OsString, OsString> {
    let mut env: BTreeMap<OsString, OsString> = setting
        .environment
        .iter()
        .filter(|(name, _)| !is_shell_trap(name) && !is_of_one_job(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    // A parameter without a value is unset, even if otto runs inside a task that has one of the same name.
    for (name, _) in job.params.iter().filter(|(_, value)| value.is_none()) {
        env.remove(OsStr::new(name.as_str()));
    }
    let mut set = |name: &str, value: &OsStr| env.insert(name.into(), value.to_owned());
    if setting.tells_colour
        && !["NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"]
            .iter()
            .any(|name| setting.environment.get(name).is_some())
    {
        set("FORCE_COLOR", OsStr::new("1"));
        set("CLICOLOR_FORCE", OsStr::new("1"));
    }
    for (name, value) in setting.plan.globals.of_root().iter().chain(&job.envs) {
        set(name, value);
    }
    for (name, value) in &started.params {
        set(name.as_str(), value);
    }
    if let Some(item) = &job.item {
        set(&item.variable, &item.value);
        set("OTTO_FOREACH_ITEM", &item.value);
        set("OTTO_FOREACH_INDEX", OsStr::new(&item.index.to_string()));
    }
    set("OTTO_TASK", OsStr::new(job.name.as_str()));
    set("OTTO_TASK_NAME", OsStr::new(setting.ottofile.written_task(job.task).name.as_str()));
    set("OTTO_TASK_DIR", started.dir.path.as_os_str());
    set("OTTO_TASKS_DIR", setting.run_dir.tasks().as_os_str());
    set("OTTO_WORKSPACE", setting.folder_of(job).as_os_str());
    set("OTTO_RUN_ID", OsStr::new(setting.run_id.as_str()));
    set("OTTO_USER", &setting.user);
    if job.work == Work::Service {
        set("OTTO_READY", started.dir.ready().as_os_str());
    }
    env
}

impl Started {
    /// Leaves out the joined values of parameters that are too long for a variable: the script also has them one by one.
    fn leave_out_long(&self, job: &Job, env: &mut BTreeMap<OsString, OsString>) -> Vec<Diagnostic> {
        let mut warnings = Vec::new();
        for list in &self.lists {
            for name in [list.name.as_str().to_owned(), list.array()] {
                let is_long = |value: &OsString| name.len() + value.len() + 2 > MOST_VARIABLE;
                if env.get(OsStr::new(&name)).is_some_and(is_long) {
                    env.remove(OsStr::new(&name));
                    let message = format!(
                        "the values of `{}` of `{}` are too long for the variable `{name}`, so it is not set",
                        list.name, job.name
                    );
                    let help = match list.is_positional {
                        true => "the script gets each value as an argument: `\"$@\"` in a shell",
                        false => "a positional parameter passes each value to the script as an argument",
                    };
                    warnings.push(Diagnostic::warning(Code::TooLarge, message).help(help));
                }
            }
        }
        warnings
    }
}

/// The error for an environment with which the system would refuse to start anything: "argument list too long".
fn too_large(job: &str, env: &BTreeMap<OsString, OsString>) -> Option<Diagnostic> {
    let (name, value) = env.iter().find(|(name, value)| name.len() + value.len() + 2 > MOST_VARIABLE)?;
    let message = format!(
        "the variable `{}` of `{job}` is {} bytes long; the limit is {MOST_VARIABLE}",
        name.display(),
        value.len()
    );
    let diagnostic = Diagnostic::error(Code::TooLarge, message);
    Some(diagnostic.help("pass it with OUTPUT, or write it to a file and pass its path"))
}

/// Variables of the job of an outer otto that our own variables would not replace.
fn is_of_one_job(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(b"OTTO_FOREACH_")
        || name.starts_with(b"OTTO_INPUT_")
        || matches!(
            name,
            b"OTTO_EXECUTOR"
                | b"OTTO_PROFILE"
                | b"OTTO_OUTPUT_JSON"
                | b"OTTO_OUTCOME_JSON"
                | b"OTTO_OUTPUT_PIPE"
                | b"OTTO_INPUT_PIPE"
                | b"OTTO_READY"
        )
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_no_program_could_start_with_is_refused_before_the_start() {
        let env = |bytes: usize| BTreeMap::from([("BIG".into(), "x".repeat(bytes).into())]);
        assert!(too_large("build", &env((128 << 10) - 5)).is_none());
        let refused = too_large("build", &env((128 << 10) - 4)).expect("it is too large");
        assert_eq!(
            refused.message,
            "the variable `BIG` of `build` is 131068 bytes long; the limit is 131072"
        );
        // The limit is the kernel's, not ours.
        let starts = |bytes: usize| std::process::Command::new("true").env("BIG", "x".repeat(bytes)).status();
        assert!(starts((128 << 10) - 5).is_ok());
        assert!(starts((128 << 10) - 4).is_err());
    }
}
