//! The event loop of a run, which connects scheduler, executor, languages, store, journal and view. One thread owns all of
//! them; other threads report through the inbox.

mod attempt;
pub(crate) mod files;
mod grow;
mod secret;
mod launch;
mod planned;
mod service;
mod serving;
mod upkeep;
pub(crate) mod outcomes;
pub(crate) mod resume;
mod workers;
pub(crate) mod stream;
pub(crate) mod signals;
pub(crate) mod fresh;

pub(crate) use launch::missing_interpreters;
use planned::planned_job;
pub(crate) use planned::{is_withheld, planned_jobs, told_by};

use crate::diagnostic::{Code, Diagnostic, Notice};
use crate::event::{Event, Exit, FORMAT, Outcome, Piece, RunResult, Skip, Stamped};
use crate::exec::keep::{Adopted, Keep};
use crate::exec::stream::IntakeReport;
use crate::exec::{AttemptId, Ended, Executor, Repeat, Report, Stop};
use crate::history::journal::Journal;
use crate::host::Environment;
use crate::mask::Masks;
use crate::name::{JobName, RunId};
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{Body, Retries, Service};
use crate::plan::fresh::Evidence;
use crate::plan::{Extension, Flow, Job, JobId, JobPlace, Plan, Work};
use crate::resources::Resources;
use crate::scheduler::{Demand, Policy, Scheduler};
use crate::store::layout::{JobDir, ProjectDir, RunDir};
use crate::store::outputs::{self, Outputs};
use crate::store::seal::Sealer;
use crate::store::stream::End;
use crate::store::vault::Vault;
use crate::value;
use crate::view::{View, Wish};
use attempt::{Attempt, Flowed, Warned};
use fresh::{KnownHashes, Look, Verdict};
use launch::{InputOf, Started};
use outcomes::{Earlier, Outcomes};
use resume::Recalled;
use service::{Probe, Serving};
use serving::ServiceEnd;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use stream::{StreamSetting, Streams, Wires};
use workers::Workers;

/// More threads would only make a disk seek more.
const MOST_WORKERS: usize = 16;

/// Large enough that short bursts of output do not block their readers, small enough to save memory: a message holds at
/// most one read.
const MESSAGES: usize = 64;

const SIGINT: i32 = libc::SIGINT;
const SIGTERM: i32 = libc::SIGTERM;

/// What a run is given. It never changes; when the plan grows, a new setting replaces it.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(crate) ottofile: Arc<Ottofile>,
    pub(crate) plan: Arc<Plan>,
    /// Where each job runs, and the resources it requests there.
    pub(crate) places: Vec<JobPlace>,
    pub(crate) resources: Vec<Arc<Resources>>,
    /// How many tasks run on this machine at a time.
    pub(crate) local_slots: usize,
    /// The memory of this machine.
    pub(crate) memory_mib: u64,
    pub(crate) environment: Environment,
    /// The ottofile's folder, absolute.
    pub(crate) folder: PathBuf,
    pub(crate) project: ProjectDir,
    pub(crate) run_dir: RunDir,
    pub(crate) run_id: RunId,
    /// Where the languages keep their libraries.
    pub(crate) runtime: PathBuf,
    pub(crate) user: OsString,
    pub(crate) slots: usize,
    /// Upper limit of jobs at a time, whatever was asked for: with more, otto would run out of file descriptors.
    pub(crate) most: usize,
    pub(crate) policy: Policy,
    /// `--force`: no task is fresh.
    pub(crate) ignores_freshness: bool,
    /// `--timeout`: for tasks without a timeout of their own.
    pub(crate) timeout: Option<Duration>,
    /// `--run-timeout`: for all tasks together.
    pub(crate) run_timeout: Option<Duration>,
    /// Tasks (places in the ottofile) that get otto's own stdin.
    pub(crate) inherits_stdin: Vec<usize>,
    /// The data of an earlier run that jobs of a rerun see.
    pub(crate) recorded: Recorded,
    pub(crate) earlier: Earlier,
    /// The files that started this run, with `--watch`.
    pub(crate) changed: Vec<String>,
    /// Services that stay up until the run is stopped.
    pub(crate) lasting: Vec<JobId>,
    /// Holds the services that the previous run left running, and those that this run leaves.
    pub(crate) keep: Option<Keep>,
    /// The view shows the output of tasks.
    pub(crate) shows_output: bool,
    pub(crate) streams: StreamSetting,
    /// The secrets that nothing in this process shows.
    pub(crate) masks: Masks,
    /// What is recorded in place of a secret.
    pub(crate) sealer: Arc<Sealer>,
    /// Where attempts with secrets have their files.
    pub(crate) vault: Arc<Vault>,
    pub(crate) hashes: KnownHashes,
    /// The run's inbox, for the threads that work for it.
    pub(crate) sink: Arc<dyn Fn(Message) + Send + Sync>,
    /// Tasks are told that their output is shown in colour.
    pub(crate) tells_colour: bool,
    /// How often a task is repeated if the cluster ended it.
    pub(crate) lost_retries: u32,
    /// Another otto can continue the run.
    pub(crate) may_be_left: bool,
}

/// Everything that can happen to a run, in one channel.
pub(crate) enum Message {
    Report(Report),
    /// The check whether this job is up to date has ended. The flag is the one that could have stopped it.
    Looked(JobId, Look, Arc<AtomicBool>),
    /// The files of an attempt exist, with these warnings; its process starts next.
    Launching(AttemptId, Vec<Diagnostic>),
    /// The files of a service exist; its process starts next.
    Serving(AttemptId, Arc<Started>),
    /// A service was asked whether it is ready.
    Probed(Box<Probe>),
    /// An attempt has ended, or its outputs have been read.
    Ended(Box<Attempt>, Ended),
    /// This attempt starts no service, because it adopts a running one.
    Adopted(AttemptId, Adopted),
    /// An adopted service has ended.
    ServiceEnded(Ended),
    /// The jobs of a foreach task, made from data; or the errors in that data.
    Grown(JobId, Result<Extension, Vec<Diagnostic>>),
    /// One of our threads has panicked, so what the run waits for may never come.
    Bug,
    /// A report about the stream of this job.
    Stream(JobId, IntakeReport),
    /// Files have changed, and another run will follow this one.
    Changed,
    /// otto itself received this signal.
    Signal(i32),
    /// Bytes that were typed into a view that has the terminal.
    Typed(Vec<u8>),
}

/// The channel, bounded so that fast writers wait for the run.
pub(crate) fn inbox() -> (SyncSender<Message>, Receiver<Message>) {
    sync_channel(MESSAGES)
}

/// What tells whether a job is up to date.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) ottofile: &'a Ottofile,
    pub(crate) plan: &'a Plan,
    /// The ottofile's folder, absolute.
    pub(crate) folder: &'a Path,
    pub(crate) project: &'a ProjectDir,
    pub(crate) masks: &'a Masks,
    pub(crate) sealer: &'a Sealer,
    pub(crate) hashes: &'a KnownHashes,
}

impl<'a> Ground<'a> {
    /// The folder of a job's ottofile, absolute.
    fn folder_of(&self, job: &Job) -> &'a Path {
        let source = self.ottofile.tasks[job.task].name_span.source;
        self.ottofile.folder_of(source).unwrap_or(self.folder)
    }

    fn body(&self, job: &Job) -> &'a Body {
        let task = &self.ottofile.tasks[job.task];
        task.body.as_ref().expect("bug: only jobs with a body are run")
    }
}

impl Setting {
    fn ground(&self) -> Ground<'_> {
        Ground {
            ottofile: &self.ottofile,
            plan: &self.plan,
            folder: &self.folder,
            project: &self.project,
            masks: &self.masks,
            sealer: &self.sealer,
            hashes: &self.hashes,
        }
    }

    fn folder_of(&self, job: &Job) -> &Path {
        self.ground().folder_of(job)
    }

    fn body(&self, job: &Job) -> &Body {
        self.ground().body(job)
    }

    fn service(&self, job: &Job) -> &Service {
        let task = &self.ottofile.tasks[job.task];
        task.service.as_ref().map(|service| &service.value).expect("bug: only a service is asked for its own")
    }
}

/// For each job of a rerun, the data that it sees of jobs that are not run again.
pub(crate) type Recorded = HashMap<JobId, Vec<RecordedInput>>;

#[derive(Clone, Debug)]
pub(crate) struct RecordedInput {
    pub(crate) job: JobName,
    pub(crate) outputs: Arc<Outputs>,
    pub(crate) source: RecordedSource,
    pub(crate) flow: Flow,
    /// They are complete: the job did not fail.
    pub(crate) is_whole: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum RecordedSource {
    /// Where the job ran.
    Earlier(JobDir),
    /// Changed for this rerun, so it is written as if the job had run here.
    Changed,
}

/// The result of a run, with everything that decides the exit code.
pub(crate) struct Finished {
    pub(crate) result: RunResult,
    /// It was stopped because files changed.
    pub(crate) is_superseded: bool,
    /// A signal to stop that came after everything had ended.
    pub(crate) unheard: Option<i32>,
    /// It has not ended: another otto can continue it.
    pub(crate) is_left: bool,
}

enum Timer {
    /// The time of the whole run is over.
    Run,
    /// A service must be ready now.
    Ready(AttemptId),
    /// A service is probed again.
    Probe(AttemptId),
    /// Check whether the service of another run is still up.
    Guest(AttemptId),
    /// Check whether other runs still use a service.
    Awaited(AttemptId),
    Retry(JobId),
}

/// The state of a job that the scheduler has started and not settled.
enum StartedJob {
    /// A worker checks whether it is up to date, until `stop` is set. With `on_held`, by values that another job set in an
    /// earlier run and that were not kept.
    Looking { stop: Arc<AtomicBool>, on_held: bool },
    /// The executor has it: creates its files, runs its process, reads its outputs.
    Running(Trial),
    /// Its processes have ended, but its stream has not.
    Draining(Trial, Box<Attempt>, Ended),
    /// Its stream has ended too, and its outputs are being read.
    Collecting(Trial),
    /// The next attempt follows after a pause.
    Pausing { number: u32, evidence: Option<Evidence> },
}

#[derive(Clone, Copy)]
struct Trial {
    attempt: AttemptId,
    /// It was asked to stop because the run stops.
    is_stopped: bool,
}

impl StartedJob {
    /// The attempt that has started and not ended.
    fn trial(&mut self) -> Option<&mut Trial> {
        match self {
            StartedJob::Running(trial) | StartedJob::Draining(trial, ..) | StartedJob::Collecting(trial) => {
                Some(trial)
            }
            StartedJob::Looking { .. } | StartedJob::Pausing { .. } => None,
        }
    }

    /// The attempt, if its processes run.
    fn running(&self) -> Option<AttemptId> {
        match self {
            StartedJob::Running(trial) => Some(trial.attempt),
            StartedJob::Looking { .. }
            | StartedJob::Draining(..)
            | StartedJob::Collecting(_)
            | StartedJob::Pausing { .. } => None,
        }
    }
}

pub(crate) struct Run<'a> {
    setting: Arc<Setting>,
    scheduler: Scheduler,
    executor: Box<dyn Executor + 'a>,
    inbox: Receiver<Message>,
    journal: Journal,
    view: Box<dyn View + 'a>,
    states: HashMap<JobId, StartedJob>,
    /// The evidence of held jobs, which run only if a dependent does.
    held: HashMap<JobId, Evidence>,
    /// Why jobs run that wait for a held job first.
    reasons: HashMap<JobId, String>,
    workers: Workers,
    /// Services that have started and not ended.
    services: HashMap<JobId, Serving>,
    /// The keys that services had set when they became ready.
    service_keys: HashMap<JobId, Vec<String>>,
    /// Errors of running jobs that are being stopped because their service ended.
    failed_by: HashMap<JobId, Diagnostic>,
    /// Attempts that have ended on another machine, and count as ended when those whose streams they read do.
    awaiting_producers: Vec<(Box<Attempt>, Ended)>,
    /// A task has the terminal.
    is_terminal_lent: bool,
    /// Outputs of settled jobs, until all jobs that see them are settled.
    outputs: Vec<Option<Arc<Outputs>>>,
    /// How many unsettled jobs see each job's outputs, or those of a group's members.
    readers: Vec<u32>,
    streams: Streams,
    /// How jobs ended, for bodies that ask.
    outcomes: Outcomes,
    timers: BinaryHeap<(Reverse<Instant>, usize)>,
    timer_kinds: HashMap<usize, Timer>,
    next_timer: usize,
    /// When the run began, plus the time for which it was suspended.
    begin: Instant,
    seq: u64,
    /// The signal that stops the run.
    stopping: Option<i32>,
    is_killing: bool,
    /// It is being stopped because its time was over.
    is_over_time: bool,
    /// It is being stopped because files have changed.
    is_superseded: bool,
    /// Another otto will continue it.
    is_leaving: bool,
    /// For jobs whose retries have a time limit, when their first attempt began, in microseconds since the run began.
    first_begun: HashMap<JobId, u64>,
    /// How often each job was repeated because the cluster ended it.
    uncharged: HashMap<JobId, u32>,
    /// The events of another otto are being replayed.
    recalled: Option<Recalled>,
    /// Jobs whose attempt another otto recorded as ended, but whose outcome it did not record.
    ended_before: HashSet<JobId>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        setting: &Arc<Setting>,
        executor: Box<dyn Executor + 'a>,
        inbox: Receiver<Message>,
        journal: Journal,
        view: Box<dyn View + 'a>,
    ) -> Run<'a> {
        let plan = &setting.plan;
        let mut readers = vec![0; plan.jobs.len()];
        for id in plan.ids() {
            for input in &plan.job(id).inputs {
                readers[input.index()] += 1;
            }
        }
        let demands = plan.ids().map(|id| demand(setting, id)).collect();
        Run {
            setting: setting.clone(),
            scheduler: Scheduler::new(plan, setting.local_slots, setting.policy)
                .limited_to(setting.most)
                .with_lasting(&setting.lasting)
                .with_demands(demands, setting.memory_mib, setting.slots),
            executor,
            inbox,
            journal,
            view,
            states: HashMap::new(),
            held: HashMap::new(),
            reasons: HashMap::new(),
            services: HashMap::new(),
            service_keys: HashMap::new(),
            failed_by: HashMap::new(),
            awaiting_producers: Vec::new(),
            is_terminal_lent: false,
            workers: Workers::new(setting.slots.min(MOST_WORKERS)),
            outputs: vec![None; plan.jobs.len()],
            readers,
            streams: Streams::new(plan),
            outcomes: Outcomes::new(setting),
            timers: BinaryHeap::new(),
            timer_kinds: HashMap::new(),
            next_timer: 0,
            begin: Instant::now(),
            seq: 0,
            stopping: None,
            is_killing: false,
            is_over_time: false,
            is_superseded: false,
            is_leaving: false,
            first_begun: HashMap::new(),
            uncharged: HashMap::new(),
            recalled: None,
            ended_before: HashSet::new(),
        }
    }

    /// Runs the plan to its end.
    pub(crate) fn run(mut self) -> Finished {
        let started = Event::RunStarted {
            format: FORMAT,
            run: self.setting.run_id.clone(),
            slots: self.setting.slots,
            jobs: planned_jobs(&self.setting),
            changed: self.setting.changed.clone(),
        };
        self.emit(started);
        if let Some(limit) = self.setting.run_timeout {
            self.set_timer(limit, Timer::Run);
        }
        let early = self.scheduler.begin();
        self.settled(early);
        self.go_on()
    }

    /// Runs what is left of the plan.
    fn go_on(mut self) -> Finished {
        loop {
            if self.is_leaving {
                if self.states.keys().any(|id| self.is_here(*id)) {
                    self.wait();
                    continue;
                }
                return self.left();
            }
            while let Some(group) = self.scheduler.next_growth() {
                self.make_jobs(group);
            }
            while let Some(job) = self.scheduler.next() {
                self.begin_job(job);
            }
            if self.stop_idle_services() {
                continue;
            }
            if self.scheduler.is_done() {
                break;
            }
            self.wait();
        }
        for leftover in self.executor.finish(&[]) {
            self.warn(None, None, format!("killed leftover process: {leftover}"));
        }
        self.journal.finish();
        if let Some(warning) = self.journal.take_warning() {
            self.warn(None, None, warning);
        }
        let result = self.result();
        self.emit(Event::RunEnded { result: result.clone() });
        while self.view.is_looked_at() {
            self.linger();
        }
        let now = self.mono_us();
        self.view.finish(now);
        let left = self.inbox.try_iter().filter_map(|message| match message {
            Message::Signal(signal) if signals::STOPPING.contains(&signal) => Some(signal),
            _ => None,
        });
        let unheard = left.last();
        Finished { result, is_superseded: self.is_superseded, unheard, is_left: false }
    }

    /// Whether a job runs on this machine.
    fn is_here(&self, id: JobId) -> bool {
        self.setting.places[id.index()] == JobPlace::Here
    }

    /// No job of the run is on this machine any more.
    fn left(mut self) -> Finished {
        for leftover in self.executor.finish(&[]) {
            self.warn(None, None, format!("killed leftover process: {leftover}"));
        }
        let jobs = self.states.values().filter(|state| state.running().is_some()).count();
        self.emit(Event::RunLeft { jobs });
        self.journal.finish();
        let now = self.mono_us();
        self.view.finish(now);
        let result = RunResult::Interrupted { signal: libc::SIGHUP };
        Finished { result, is_superseded: false, unheard: None, is_left: true }
    }

    fn result(&self) -> RunResult {
        if self.is_over_time {
            return RunResult::Failed { status: Exit::Timeout.status() };
        }
        if let Some(signal) = self.stopping {
            return RunResult::Interrupted { signal };
        }
        // The first failure in plan order, so that parallelism does not change the exit code.
        let failed =
            self.setting.plan.in_order().into_iter().find_map(|job| match self.scheduler.outcome(job) {
                Some(Outcome::Failed { exit, .. }) => Some(exit.status()),
                _ => None,
            });
        match failed {
            // A task that exits with 0 but fails because its data was lost.
            Some(0) => RunResult::Failed { status: 1 },
            Some(status) => RunResult::Failed { status },
            None => RunResult::Succeeded,
        }
    }

    /// Waits for the next message or timer and handles it.
    fn wait(&mut self) {
        let now = Instant::now();
        let timer = self.timers.peek().map(|(Reverse(at), _)| *at);
        let tick = self.view.next_tick().map(|at| self.begin + Duration::from_micros(at));
        let deadline = [timer, tick].into_iter().flatten().min();
        let received = match deadline {
            None => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(deadline) => self.inbox.recv_timeout(deadline.saturating_duration_since(now)),
        };
        match received {
            Ok(message) => self.handle(message),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => unreachable!("bug: the inbox closed while jobs run"),
        }
        self.fire_timers();
        if tick.is_some_and(|tick| tick <= Instant::now()) {
            let now = self.mono_us();
            self.view.tick(now);
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Report(Report::Halted) => self.halt(),
            Message::Report(Report::Waits { attempt, number, reason }) => {
                let job = self.setting.plan.job(attempt.job).name.clone();
                self.emit(Event::AttemptQueued { job, attempt: attempt.number, id: number, reason });
            }
            Message::Report(Report::Began { attempt, host }) => {
                let job = self.setting.plan.job(attempt.job).name.clone();
                self.emit(Event::AttemptBegan { job, attempt: attempt.number, host });
            }
            Message::Report(Report::Superseded) => {
                // From now on the other otto writes.
                self.journal = Journal::closed(&self.setting.run_dir);
                self.warn(
                    None,
                    Some(Code::NotLeft.to_string()),
                    "another otto drives this run now".to_owned(),
                );
                self.leave();
            }
            Message::Report(Report::Warning { attempt, code, message }) => {
                self.warn(attempt.map(|attempt| attempt.job), Some(code.to_string()), message);
            }
            Message::Report(Report::Output { attempt, stream, bytes }) => {
                // Output of others is now only in their logs.
                if !self.is_terminal_lent {
                    let now = self.mono_us();
                    self.view.output(&self.job(attempt.job).name, stream, &bytes, now);
                }
                self.journal.output(Piece {
                    before: self.seq,
                    place: attempt.job.index(),
                    attempt: attempt.number,
                    stream,
                    bytes: bytes.len() as u64,
                });
            }
            Message::Looked(job, look, stop) => self.looked(job, look, &stop),
            Message::Launching(attempt, warnings) => self.launching(attempt, &warnings),
            Message::Serving(attempt, started) => self.serving(attempt, started),
            Message::Probed(probe) => self.probed(probe),
            Message::Ended(attempt, ended) => self.ended(attempt, ended),
            Message::Adopted(attempt, adopted) => self.adopted(attempt, adopted),
            Message::ServiceEnded(ended) => self.service_ended(ended),
            Message::Grown(group, grown) => self.grown(group, grown),
            Message::Bug => panic!("bug: a thread of the run has panicked"),
            Message::Stream(job, IntakeReport::Stuck(reason)) => self.stuck(job, reason),
            Message::Stream(job, IntakeReport::Drained { was_cut }) => {
                // The stream of an attempt that never started waits for nothing.
                if let Some(StartedJob::Draining(..)) = self.states.get(&job)
                    && let Some(StartedJob::Draining(trial, attempt, ended)) = self.states.remove(&job)
                {
                    self.collect(trial, attempt, ended, was_cut);
                }
            }
            Message::Signal(signals::SUSPENDING) => self.halt(),
            // The width of the terminal is read again for each line.
            Message::Signal(signal) if signals::STOPPING.contains(&signal) => self.signalled(signal),
            Message::Signal(_) => {}
            Message::Changed => self.supersede(),
            Message::Typed(bytes) => {
                let now = self.mono_us();
                match self.view.typed(&bytes, now) {
                    Wish::Nothing => {}
                    Wish::Stop => self.signalled(SIGINT),
                    Wish::Halt => self.halt(),
                }
            }
        }
    }

    /// The run has ended, but the user still looks at the view: handles keys and signals until they leave.
    fn linger(&mut self) {
        let now = self.mono_us();
        let tick =
            self.view.next_tick().map_or(Duration::MAX, |at| Duration::from_micros(at.saturating_sub(now)));
        let message = self.inbox.recv_timeout(tick);
        let now = self.mono_us();
        let wish = match message {
            Ok(Message::Typed(bytes)) => self.view.typed(&bytes, now),
            Ok(Message::Signal(signals::SUSPENDING)) => Wish::Halt,
            Ok(Message::Signal(signal)) if signals::STOPPING.contains(&signal) => Wish::Stop,
            Ok(
                Message::Signal(_)
                | Message::Report(_)
                | Message::Stream(..)
                | Message::Looked(..)
                | Message::Launching(..)
                | Message::Serving(..)
                | Message::Probed(..)
                | Message::Ended(..)
                | Message::Adopted(..)
                | Message::ServiceEnded(_)
                | Message::Grown(..)
                | Message::Changed
                | Message::Bug,
            ) => Wish::Nothing,
            Err(RecvTimeoutError::Timeout) => Wish::Nothing,
            Err(RecvTimeoutError::Disconnected) => Wish::Stop,
        };
        match wish {
            Wish::Nothing => self.view.tick(now),
            Wish::Stop => self.view.finish(now),
            Wish::Halt => self.halt(),
        }
    }

    // ── beginning ────────────────────────────────────────────────────────────────────────────────────────────

    fn job(&self, id: JobId) -> Arc<Job> {
        self.setting.plan.jobs[id.index()].clone()
    }

    fn begin_job(&mut self, id: JobId) {
        match self.states.remove(&id) {
            Some(StartedJob::Pausing { number, evidence }) => {
                self.begin_attempt(AttemptId { job: id, number }, evidence);
            }
            Some(_) => unreachable!("bug: `{}` is started twice", self.job(id).name),
            None => {
                let job = self.job(id);
                if fresh::is_looked_at(&job) && !self.held.contains_key(&id) {
                    self.look(id);
                } else if !self.scheduler.waits_for_held(id) {
                    let evidence = self.held.remove(&id);
                    if evidence.is_some() {
                        self.begin_held(id);
                    }
                    self.begin_attempt(AttemptId { job: id, number: 1 }, evidence);
                }
            }
        }
    }

    /// Runs a job that was held.
    fn begin_held(&mut self, id: JobId) {
        let job = self.job(id);
        self.outputs[id.index()] = None;
        for warning in fresh::let_go(&self.setting, &job) {
            self.warn(Some(id), None, warning);
        }
        self.emit(Event::Stale { job: job.name.clone(), why: fresh::SEALED.into() });
    }

    /// Lets a worker check whether the job is up to date, which may read large files.
    fn look(&mut self, id: JobId) {
        let stop = Arc::new(AtomicBool::new(false));
        let on_held = self.scheduler.needs_held(id);
        self.states.insert(id, StartedJob::Looking { stop: stop.clone(), on_held });
        let (data, streams) = (self.inputs_of(id), self.streams_of(id));
        let setting = self.setting.clone();
        self.workers.give(Box::new(move || {
            let bug = OnBug(setting.sink.clone());
            let plan = &setting.plan;
            let data: Vec<_> = data.into_iter().map(|(id, outputs)| (plan.job(id), outputs)).collect();
            let streams: Vec<_> = streams.into_iter().map(|(id, run)| (plan.job(id), run)).collect();
            if let Some(look) = fresh::look(&setting, plan.job(id), &data, &streams, &stop) {
                (setting.sink)(Message::Looked(id, look, stop));
            }
            drop(bug);
        }));
    }

    fn looked(&mut self, id: JobId, look: Look, stop: &AtomicBool) {
        // The answer of a check that was stopped is no longer needed.
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let on_held = matches!(self.states.remove(&id), Some(StartedJob::Looking { on_held: true, .. }));
        let job = self.job(id);
        let is_fresh = matches!(look.verdict, Verdict::Fresh(_) | Verdict::Sealed(..));
        if on_held && !is_fresh {
            // The held jobs that it needs run first, and may set other values.
            if let Verdict::Stale(_, why) = look.verdict {
                self.reasons.insert(id, why);
            }
            if !self.scheduler.waits_for_held(id) {
                self.look(id);
            }
            return;
        }
        for warning in look.warnings {
            self.warn(Some(id), None, warning);
        }
        let first = AttemptId { job: id, number: 1 };
        match look.verdict {
            Verdict::Fresh(fresh) => {
                self.streams.adopt(id, &self.setting.run_dir.job(&job.name));
                self.outputs[id.index()] = Some(Arc::new(fresh.outputs));
                self.finish(id, Outcome::Fresh { run: fresh.run });
            }
            Verdict::Sealed(fresh, evidence) => {
                self.outputs[id.index()] = Some(Arc::new(fresh.outputs));
                let is_streaming = self.setting.ottofile.tasks[job.task].streaming.is_some();
                if !is_streaming && self.scheduler.can_hold(id) {
                    self.held.insert(id, evidence);
                    let settled = self.scheduler.hold(id, Outcome::Fresh { run: fresh.run });
                    self.settled(settled);
                } else if !self.scheduler.waits_for_held(id) {
                    self.begin_held(id);
                    self.begin_attempt(first, Some(evidence));
                } else {
                    self.held.insert(id, evidence);
                }
            }
            Verdict::Stale(evidence, why) => {
                let why = self.reasons.remove(&id).unwrap_or(why);
                self.emit(Event::Stale { job: job.name.clone(), why });
                self.begin_attempt(first, Some(evidence));
            }
            Verdict::Unknown => self.begin_attempt(first, None),
        }
    }

    /// Jobs that are only being checked have not started: puts them back into the queue.
    fn stop_looking(&mut self) {
        let is_looking = |(_, state): &(&JobId, &StartedJob)| matches!(state, StartedJob::Looking { .. });
        let mut looking: Vec<JobId> = self.states.iter().filter(is_looking).map(|(id, _)| *id).collect();
        looking.sort_unstable();
        for id in looking {
            if let Some(StartedJob::Looking { stop, .. }) = self.states.remove(&id) {
                stop.store(true, Ordering::Relaxed);
                self.scheduler.put_back(id);
            }
        }
    }

    /// The values of its dependencies that a job sees. It sees none of the dependencies whose streams it reads, even if they
    /// have ended: otherwise that would depend on timing.
    fn inputs_of(&self, id: JobId) -> Vec<(JobId, Arc<Outputs>)> {
        let empty = Arc::new(Outputs::default());
        let streams: Vec<JobId> = self.setting.plan.producers(id).map(|(producer, _)| producer).collect();
        let outputs = |input: &JobId| {
            let recorded = self.outputs[input.index()].as_ref().filter(|_| !streams.contains(input));
            (*input, recorded.unwrap_or(&empty).clone())
        };
        self.setting.plan.inputs(self.setting.plan.job(id)).iter().map(outputs).collect()
    }

    /// The jobs whose streams a job reads, and the runs that recorded them.
    fn streams_of(&self, id: JobId) -> Vec<(JobId, RunId)> {
        let run = |producer| match self.scheduler.outcome(producer) {
            Some(Outcome::Fresh { run }) => run.clone(),
            Some(_) | None => self.setting.run_id.clone(),
        };
        let producers = self.setting.plan.producers(id);
        producers.map(|(producer, _)| (producer, run(producer))).collect()
    }

    fn begin_attempt(&mut self, id: AttemptId, evidence: Option<Evidence>) {
        let setting = &self.setting.clone();
        let job = setting.plan.job(id.job);
        self.emit(Event::AttemptStarted { job: job.name.clone(), attempt: id.number });
        let mut attempt = self.attempt(id, evidence);
        if job.work == Work::Terminal {
            self.is_terminal_lent = true;
            self.view.suspend();
        }
        self.states.insert(id.job, StartedJob::Running(Trial { attempt: id, is_stopped: false }));
        let is_away = setting.places[id.job.index()] == JobPlace::Cluster;
        if is_away && setting.ottofile.tasks[job.task].streaming.is_some() {
            // Those who read its stream are to share its job.
            let settled = self.scheduler.stream(id.job);
            self.settled(settled);
        }
        if job.work == Work::Service {
            let serving = Serving::new(id, setting.service(job));
            attempt.gives_up = serving.gives_up.clone();
            self.services.insert(id.job, serving);
            self.set_timer(setting.service(job).timeout, Timer::Ready(id));
        }
        self.executor.start(id, Box::new(attempt));
    }

    /// Makes an attempt from the current data.
    fn attempt(&mut self, id: AttemptId, evidence: Option<Evidence>) -> Attempt {
        let setting = &self.setting.clone();
        let job = setting.plan.job(id.job);
        let wires = match &setting.ottofile.tasks[job.task].streaming {
            None => Ok(Wires::default()),
            Some(streaming) => self.streams.wire(setting, id.job, id.number, streaming.value),
        };
        let fates = self.outcomes.of(setting, id.job);
        if id.number == 1 && setting.ottofile.tasks[job.task].retries.is_some() {
            self.first_begun.insert(id.job, self.mono_us());
        }
        let absence = |input| match self.scheduler.outcome(input) {
            Some(Outcome::Skipped(skip)) => absence(skip),
            Some(_) | None => None,
        };
        // A job that did not run may have the defaults of its contract.
        let is_whole = |input, outputs: &Outputs| match self.scheduler.outcome(input) {
            Some(outcome) => outcome.is_success() || outcome.is_harmless_skip() && !outputs.values.is_empty(),
            None => true,
        };
        let inputs = self.inputs_of(id.job).into_iter();
        let input = |(job, outputs): (JobId, Arc<Outputs>)| InputOf {
            absence: absence(job),
            is_whole: is_whole(job, &outputs),
            job,
            outputs,
        };
        let inputs = inputs.map(input).collect();
        Attempt::new(setting, id, inputs, fates, wires, evidence)
    }

    fn launching(&mut self, attempt: AttemptId, warnings: &[Diagnostic]) {
        for warning in warnings {
            self.warn_about(attempt.job, warning);
        }
        let job = self.job(attempt.job);
        let is_streaming = self.setting.ottofile.tasks[job.task].streaming.is_some();
        if is_streaming && self.states.get(&attempt.job).and_then(StartedJob::running) == Some(attempt) {
            let settled = self.scheduler.stream(attempt.job);
            self.settled(settled);
        }
    }

    // ── ending ───────────────────────────────────────────────────────────────────────────────────────────────

    /// The processes of an attempt have ended, or its outputs have been read.
    fn ended(&mut self, attempt: Box<Attempt>, ended: Ended) {
        let id = attempt.id.job;
        match self.states.remove(&id) {
            Some(StartedJob::Running(trial)) => self.processes_ended(trial, attempt, ended),
            Some(StartedJob::Collecting(trial)) => self.over(trial, *attempt, ended),
            Some(StartedJob::Looking { .. } | StartedJob::Draining(..) | StartedJob::Pausing { .. })
            | None => {
                unreachable!("bug: `{}` ended without having begun", self.job(id).name)
            }
        }
    }

    /// The processes have ended, but the stream of the job may still be being copied.
    fn processes_ended(&mut self, mut trial: Trial, attempt: Box<Attempt>, mut ended: Ended) {
        let id = attempt.id.job;
        if self.awaits_producers(&ended) {
            self.states.insert(id, StartedJob::Running(trial));
            self.awaiting_producers.push((attempt, ended));
            return;
        }
        let has_terminal = self.job(id).work == Work::Terminal;
        if has_terminal {
            self.is_terminal_lent = false;
            let now = self.mono_us();
            self.view.resume(now);
        }
        if let Some(refusal) = &attempt.refusal {
            self.not_started(id, ended, refusal);
            return;
        }
        // The task has the terminal, so ^C went to it alone; but the user wants all of otto to stop.
        if has_terminal && ended.exit == Exit::Signal(SIGINT) && !trial.is_stopped {
            self.signalled(SIGINT);
            trial.is_stopped = !self.scheduler.tidies_up(id);
        }
        let elsewhere = ended.streamed.take();
        let taken = match &elsewhere {
            Some(record) => self.streams.ended_elsewhere(id, record),
            None => self.streams.detach(id),
        };
        let mut unread = Vec::new();
        for taken in taken {
            if taken.fed.has_failed {
                self.streams.set_trouble(id, taken.unreadable());
            } else if taken.fed.bytes == 0 && taken.had_bytes && ended.exit.is_success() {
                unread.push(format!("never read the stream of `{}`", taken.producer));
            }
        }
        for message in unread {
            self.warn(Some(id), Some(Code::StreamUnread.to_string()), message);
        }
        if self.streams.finish(id, ended.exit.is_success() && self.stopping.is_none()) {
            self.states.insert(id, StartedJob::Draining(trial, attempt, ended));
        } else {
            self.collect(trial, attempt, ended, elsewhere.is_some_and(|record| record.was_cut));
        }
    }

    /// Whether an attempt on another machine has read a stream to its end whose producer may still fail: on what it handed
    /// over.
    fn awaits_producers(&self, ended: &Ended) -> bool {
        let taken = ended.streamed.iter().flat_map(|record| &record.taken).filter(|taken| taken.is_whole);
        taken.filter_map(|taken| taken.producer).any(|producer| self.scheduler.outcome(producer).is_none())
    }

    /// A job is settled: the ends of those who read its stream count now.
    fn end_readers(&mut self) {
        for (attempt, ended) in std::mem::take(&mut self.awaiting_producers) {
            // It waits again if it must.
            self.ended(attempt, ended);
        }
    }

    /// Lets a worker read the outputs of an attempt, unless its attendant already has.
    fn collect(&mut self, trial: Trial, mut attempt: Box<Attempt>, ended: Ended, was_cut: bool) {
        if attempt.result.is_some() {
            self.over(trial, *attempt, ended);
            return;
        }
        let id = attempt.id.job;
        let job = self.job(id);
        let is_short = self.streams.is_closed(id);
        let broken_by = self.streams.broken_by(id).map(|producer| self.job(producer));
        let flowed = Flowed {
            has_only_stopped: self.stopping.is_none() && ended.exit.is_of_closed_pipe() && is_short,
            is_short,
            trouble: match &broken_by {
                Some(producer) => Some(stream::broken(producer).message),
                None => self.streams.trouble(id).map(str::to_owned),
            },
            hints: broken_by
                .map(|producer| stream::broken(&producer))
                .into_iter()
                .chain(self.streams.overflow(&job, id))
                .collect(),
        };
        let has_exited_well = ended.exit.is_success() || flowed.has_only_stopped;
        if was_cut && has_exited_well && flowed.trouble.is_none() {
            let seconds = crate::exec::stream::GRACE.as_secs();
            let message = format!(
                "a leftover process kept its pipe open {seconds} s after the task ended, so the stream was cut off"
            );
            self.warn(Some(id), Some(Code::StreamCut.to_string()), message);
        }
        self.states.insert(id, StartedJob::Collecting(trial));
        let sink = self.setting.sink.clone();
        self.workers.give(Box::new(move || {
            attempt.settle(&ended, flowed);
            sink(Message::Ended(attempt, ended));
        }));
    }

    fn not_started(&mut self, id: JobId, ended: Ended, refusal: &Notice) {
        let name = self.job(id).name.clone();
        self.streams.detach(id);
        self.hint(ended.attempt, vec![refusal.clone()]);
        self.emit(Event::AttemptEnded {
            job: name,
            attempt: ended.attempt.number,
            exit: ended.exit.clone(),
            leaked: 0,
            stdout_bytes: 0,
            stderr_bytes: 0,
            stream_bytes: 0,
            is_stream_short: false,
            line: None,
        });
        self.close_stream(id, End::Broken);
        self.services.remove(&id);
        self.finish(id, Outcome::Failed { exit: ended.exit, reason: None, code: None });
    }

    /// A stream cannot be recorded any further, and its producer is blocked: stops the producer.
    fn stuck(&mut self, id: JobId, reason: String) {
        self.streams.set_trouble(id, reason);
        if let Some(attempt) = self.states.get(&id).and_then(StartedJob::running)
            && self.stopping.is_none()
        {
            self.executor.stop(attempt, Stop::Polite { signal: SIGTERM });
        }
    }

    /// An attempt has ended completely: decides what follows.
    fn over(&mut self, trial: Trial, mut attempt: Attempt, mut ended: Ended) {
        let id = attempt.id.job;
        let job = self.job(id);
        let Some(result) = attempt.result.take() else {
            unreachable!("bug: nobody has read what `{}` handed over", job.name);
        };
        // The status with which an `if` failed is not that of the task.
        if result.is_of_condition && matches!(ended.exit, Exit::Code(_)) {
            ended.exit = Exit::Code(1);
        }
        if let Some([stdout, stderr]) = result.log_bytes {
            (ended.stdout_bytes, ended.stderr_bytes) = (stdout, stderr);
        }
        let serving = self.services.remove(&id).filter(|_| !result.is_skipped && !result.is_of_condition);
        let serving = serving.map(|serving| self.service_over(serving, trial, &mut ended));
        let failed_by = self.failed_by.remove(&id).filter(|_| !trial.is_stopped);
        if let Some(failed_by) = &failed_by {
            self.hint(attempt.id, vec![Notice::of(failed_by)]);
        } else if serving.as_ref().is_none_or(ServiceEnd::is_failure) {
            self.hint(attempt.id, result.hints);
        }
        let cause = ended.cause.take();
        let is_refused = cause.is_some() && matches!(ended.exit, Exit::NotStarted { .. });
        if let Some(cause) = &cause {
            self.hint(attempt.id, vec![(**cause).clone()]);
        }
        for warning in result.warnings {
            match warning {
                Warned::About(diagnostic) => self.warn_about(id, &diagnostic),
                Warned::Plain(message) => self.warn(Some(id), None, message),
            }
        }
        if let Some(error) = ended.log_error {
            self.warn(Some(id), None, error);
        }
        for leftover in &ended.leaked {
            self.warn(Some(id), None, format!("left a process running, which was killed: {leftover}"));
        }
        let attempt_ended = Event::AttemptEnded {
            job: job.name.clone(),
            attempt: attempt.id.number,
            exit: ended.exit.clone(),
            leaked: ended.leaked.len() as u32,
            stdout_bytes: ended.stdout_bytes,
            stderr_bytes: ended.stderr_bytes,
            stream_bytes: self.streams.length(id),
            is_stream_short: result.is_stream_short,
            line: result.line,
        };
        if !self.ended_before.remove(&id) {
            self.emit(attempt_ended);
        }
        if self.is_leaving && result.has_failed {
            // It was stopped, or would have been: the otto that continues runs it again.
            return;
        }
        let outcome = if result.is_skipped {
            Outcome::Skipped(Skip::If)
        } else if let Some(ServiceEnd::Settled(outcome)) = serving {
            outcome
        } else if let Some(failed_by) = failed_by {
            let code = Some(failed_by.code.to_string());
            Outcome::Failed { exit: ended.exit, reason: Some(failed_by.message), code }
        } else if !result.has_failed && serving.is_none() {
            self.outputs[id.index()] = Some(Arc::new(result.outputs));
            Outcome::Succeeded
        } else if trial.is_stopped {
            Outcome::Interrupted { exit: ended.exit, survivors: ended.survivors }
        } else if ended.repeat == Repeat::ForNothing && self.is_repeated_uncharged(id) {
            let message = cause.map_or_else(|| ended.exit.to_string(), |cause| cause.message);
            self.warn(
                Some(id),
                Some(Code::ClusterLost.to_string()),
                format!("{message}; the task is repeated"),
            );
            self.plan_retry(attempt.id, Duration::ZERO, attempt.evidence.take(), true);
            self.executor.forget(attempt.id);
            return;
        } else if let Some(pause) = self.pause_before_retry(&job, attempt.id)
            && !result.is_of_condition
            && ended.repeat != Repeat::Never
            && !is_refused
            && self.streams.broken_by(id).is_none()
        {
            self.streams.close(id, End::Broken);
            self.plan_retry(attempt.id, pause, attempt.evidence.take(), false);
            self.executor.forget(attempt.id);
            return;
        } else if let Some(ServiceEnd::NeverUp(outcome)) = serving {
            outcome
        } else {
            // Values set before the failure are for tasks that run on failure.
            self.outputs[id.index()] = Some(Arc::new(result.outputs));
            let (message, code) = cause.map_or((None, None), |cause| (Some(cause.message), Some(cause.code)));
            // An attempt that could not be started has its own message.
            let message = message.filter(|_| !matches!(ended.exit, Exit::NotStarted { .. }));
            Outcome::Failed {
                exit: ended.exit,
                reason: result.reason.or(message),
                code: result.code.or(code),
            }
        };
        for warning in result.late_warnings {
            self.warn(Some(id), None, warning);
        }
        let is_complete = matches!(outcome, Outcome::Succeeded | Outcome::Skipped(_));
        self.close_stream(id, if is_complete { End::Complete } else { End::Broken });
        self.finish(id, outcome);
        self.executor.forget(attempt.id);
    }

    /// Settles a job that the scheduler has started.
    fn finish(&mut self, id: JobId, outcome: Outcome) {
        let has_failed = outcome.is_failure();
        if has_failed && self.setting.plan.job(id).work == Work::Service {
            self.fail_users(id, &outcome);
        }
        if has_failed && self.setting.policy != Policy::KeepGoing {
            self.stop_looking();
        }
        let settled = self.scheduler.finish(id, outcome);
        self.settled(settled);
        self.end_readers();
        if has_failed && self.setting.policy == Policy::FailNow && self.stopping.is_none() {
            self.end_attempts(Stop::Polite { signal: SIGTERM });
            self.hurry_streams();
        }
    }

    /// Ends a stream. If it is incomplete, stops its readers before they see an end of file.
    fn close_stream(&mut self, id: JobId, end: End) {
        for consumer in self.streams.close(id, end) {
            if let Some(attempt) = self.states.get(&consumer).and_then(StartedJob::running)
                && self.stopping.is_none()
            {
                self.executor.stop(attempt, Stop::Polite { signal: SIGTERM });
            }
        }
    }

    fn pause_before_retry(&self, job: &Job, attempt: AttemptId) -> Option<Duration> {
        // The run may be stopped between the end of an attempt and the reading of its outputs; then nothing would start the next.
        if self.is_killing || self.stopping.is_some() && !self.scheduler.tidies_up(attempt.job) {
            return None;
        }
        let Retries { count, delay, backoff, within } =
            &self.setting.ottofile.tasks[job.task].retries.as_ref()?.value;
        let retried = attempt.number - 1 - self.uncharged.get(&attempt.job).copied().unwrap_or(0);
        // At most a day.
        let seconds = delay.as_secs_f64() * backoff.powi(retried as i32);
        let pause = Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0));
        let begun = self.first_begun.get(&attempt.job).copied().unwrap_or(0);
        let passed = Duration::from_micros(self.mono_us().saturating_sub(begun));
        let is_in_time = within.is_none_or(|within| passed + pause <= within);
        (retried < *count && is_in_time).then_some(pause)
    }

    /// Whether an attempt that the cluster ended is repeated, without using up one of the task's retries.
    fn is_repeated_uncharged(&mut self, id: JobId) -> bool {
        let count = self.uncharged.entry(id).or_insert(0);
        let is_repeated = *count < self.setting.lost_retries && self.stopping.is_none();
        *count += u32::from(is_repeated);
        is_repeated
    }

    fn plan_retry(
        &mut self,
        attempt: AttemptId,
        pause: Duration,
        evidence: Option<Evidence>,
        is_uncharged: bool,
    ) {
        let id = attempt.job;
        let job = self.job(id);
        let retries =
            self.setting.ottofile.tasks[job.task].retries.as_ref().map_or(0, |retries| retries.value.count);
        self.emit(Event::RetryPlanned {
            job: job.name.clone(),
            attempt: attempt.number,
            retries,
            pause_ms: pause.as_millis() as u64,
            is_uncharged,
        });
        self.scheduler.pause(id);
        self.states.insert(id, StartedJob::Pausing { number: attempt.number + 1, evidence });
        self.set_timer(pause, Timer::Retry(id));
    }

    /// Reports settled jobs and drops outputs that no job will read.
    fn settled(&mut self, settled: Vec<(JobId, Outcome)>) {
        for (id, outcome) in settled {
            let job = self.job(id);
            if self.held.remove(&id).is_some() && !matches!(outcome, Outcome::Fresh { .. }) {
                self.outputs[id.index()] = None;
            }
            if outcome.is_harmless_skip() {
                self.keep_defaults(id);
            }
            let keys = match (&outcome, &self.outputs[id.index()]) {
                (Outcome::Succeeded | Outcome::Fresh { .. } | Outcome::Failed { .. }, Some(outputs)) => {
                    outputs.values.iter().map(|(key, _)| key.clone()).collect()
                }
                _ => Vec::new(),
            };
            let keys = self.service_keys.remove(&id).unwrap_or(keys);
            self.emit(Event::JobSettled { job: job.name.clone(), outcome, keys });
            for input in &job.inputs {
                self.readers[input.index()] -= 1;
                self.let_go(*input);
            }
            self.let_go(id);
            // It may have been waiting for another attempt.
            self.states.remove(&id);
            self.streams.settled(id);
        }
    }

    /// Drops outputs that no job will read any more.
    fn let_go(&mut self, id: JobId) {
        let job = self.job(id);
        let is_read = |id: JobId| self.readers[id.index()] > 0;
        if is_read(id) {
            return;
        }
        let members = job.members().into_iter().flatten().copied();
        let unread: Vec<JobId> = match job.group {
            Some(group) if is_read(group) => Vec::new(),
            Some(_) | None => members.chain([id]).filter(|id| !is_read(*id)).collect(),
        };
        unread.into_iter().for_each(|id| self.outputs[id.index()] = None);
    }

    /// Keeps the defaults of the contract of a job that was skipped, for its dependents.
    fn keep_defaults(&mut self, id: JobId) {
        let job = self.job(id);
        let contract = self.setting.ottofile.tasks[job.task].outputs.as_deref();
        let declared = contract.into_iter().flat_map(|contract| &contract.value.keys);
        let values: value::Map = declared
            .filter_map(|declared| Some((declared.name.clone(), declared.promise.default.clone()?)))
            .collect();
        if values.is_empty() || !job.work.has_body() {
            return;
        }
        let is_secret = |key: &String| contract.is_some_and(|contract| contract.value.is_secret(key));
        let secrets = values.iter().map(|(key, _)| key.clone()).filter(is_secret).collect();
        let outputs = Outputs { values, exports: Vec::new(), secrets };
        let dir = self.setting.run_dir.job(&job.name);
        let made = launch::make_folder(&dir.path).map_err(|cannot| cannot.diagnostic.message);
        let written = made.and_then(|()| {
            outputs::write(&dir, &outputs, &self.setting.sealer).map_err(|error| error.to_string())
        });
        if let Err(error) = written {
            self.warn(Some(id), None, error);
        }
        self.outputs[id.index()] = Some(Arc::new(outputs));
    }

    // ── time and signals ─────────────────────────────────────────────────────────────────────────────────────

    fn set_timer(&mut self, after: Duration, timer: Timer) {
        self.timers.push((Reverse(Instant::now() + after), self.next_timer));
        self.timer_kinds.insert(self.next_timer, timer);
        self.next_timer += 1;
    }

    fn fire_timers(&mut self) {
        while let Some((Reverse(at), number)) = self.timers.peek().copied() {
            if at > Instant::now() {
                break;
            }
            self.timers.pop();
            match self.timer_kinds.remove(&number).expect("bug: a timer without a kind") {
                Timer::Ready(attempt) => self.service_late(attempt),
                Timer::Probe(attempt) => self.probe(attempt),
                Timer::Guest(attempt) => self.look_after_guest(attempt),
                Timer::Awaited(attempt) => self.stop_unless_awaited(attempt),
                Timer::Retry(job) => self.scheduler.resume(job),
                Timer::Run if self.stopping.is_none() && !self.scheduler.is_done() => {
                    self.is_over_time = true;
                    self.warn(None, None, "the time of the run is up (--run-timeout)".to_owned());
                    self.signalled(SIGTERM);
                }
                Timer::Run => {}
            }
        }
    }

    /// ^Z: suspends tasks, clocks and otto together, and resumes them together.
    fn halt(&mut self) {
        let is_away = |id: &JobId| self.setting.places[id.index()] == JobPlace::Cluster;
        let away = self.states.iter().filter(|(id, state)| state.running().is_some() && is_away(id)).count();
        if away > 0 {
            let jobs = if away == 1 { "job goes" } else { "jobs go" };
            self.warn(None, None, format!("otto halts; {away} {jobs} on in the cluster"));
        }
        self.executor.suspend();
        self.view.suspend();
        let before = Instant::now();
        signals::halt();
        let halted = before.elapsed();
        self.begin += halted;
        self.timers = std::mem::take(&mut self.timers)
            .into_iter()
            .map(|(Reverse(at), number)| (Reverse(at + halted), number))
            .collect();
        let now = self.mono_us();
        self.view.resume(now);
        self.executor.resume();
    }

    /// Stops the run because files have changed and another run will follow.
    fn supersede(&mut self) {
        if self.stopping.is_none() {
            self.signalled(SIGTERM);
            self.is_superseded = true;
        }
    }

    /// Stops the run: the first signal asks tasks to end and lets jobs that clean up run; the second kills everything.
    fn signalled(&mut self, signal: i32) {
        if self.is_killing {
            return;
        }
        if self.is_leaving {
            self.end_here(Stop::Kill);
            return;
        }
        if signal == libc::SIGHUP && self.setting.may_be_left && self.stopping.is_none() {
            self.leave();
            return;
        }
        if std::mem::take(&mut self.is_superseded) {
            // The signal of the user counts, not the change of files.
            self.stopping = Some(signal);
        }
        // ^\ kills at once.
        let is_forced = self.stopping.is_some() || signal == libc::SIGQUIT;
        self.stopping = self.stopping.or(Some(signal));
        self.is_killing = is_forced;
        self.emit(Event::Stopping { signal, is_forced });
        self.stop_looking();
        let settled = if is_forced { self.scheduler.stop_all() } else { self.scheduler.stop() };
        self.end_attempts(if is_forced { Stop::Kill } else { Stop::Polite { signal: polite(signal) } });
        self.hurry_streams();
        self.settled(settled);
    }

    /// Ends the jobs on this machine and leaves the rest to another otto.
    fn leave(&mut self) {
        self.is_leaving = true;
        self.executor.leave();
        self.stop_looking();
        let is_idle = |(_, state): &(&JobId, &StartedJob)| matches!(state, StartedJob::Pausing { .. });
        let idle: Vec<JobId> = self.states.iter().filter(is_idle).map(|(id, _)| *id).collect();
        idle.iter().for_each(|id| drop(self.states.remove(id)));
        self.end_here(Stop::Polite { signal: libc::SIGHUP });
    }

    fn end_here(&mut self, how: Stop) {
        let here: Vec<JobId> = self.states.keys().copied().filter(|id| self.is_here(*id)).collect();
        for id in here {
            if let Some(trial) = self.states.get_mut(&id).and_then(StartedJob::trial) {
                trial.is_stopped = true;
                self.executor.stop(trial.attempt, how);
            }
        }
    }

    /// Stops waiting for leaked processes that still hold a stream.
    fn hurry_streams(&mut self) {
        let is_draining = |(_, state): &(&JobId, &StartedJob)| matches!(state, StartedJob::Draining(..));
        self.streams.hurry(self.states.iter().filter(is_draining).map(|(id, _)| *id));
    }

    /// Ends running attempts; those that clean up only if everything is to be killed.
    fn end_attempts(&mut self, how: Stop) {
        let mut guests = Vec::new();
        for trial in self.states.values_mut().filter_map(StartedJob::trial) {
            // A service ends when no job uses it any more.
            let serving = self.services.get(&trial.attempt.job);
            if how == Stop::Kill || serving.is_none() && !self.scheduler.tidies_up(trial.attempt.job) {
                trial.is_stopped = true;
                if let Some(serving) = serving {
                    serving.gives_up.store(true, Ordering::Relaxed);
                    guests.extend(serving.guest.is_some().then_some(trial.attempt));
                }
                self.executor.stop(trial.attempt, how);
            }
        }
        guests.into_iter().for_each(|guest| self.leave_guest(guest));
    }

    // ── telling ──────────────────────────────────────────────────────────────────────────────────────────────

    fn mono_us(&self) -> u64 {
        self.begin.elapsed().as_micros() as u64
    }

    fn emit(&mut self, mut event: Event) {
        if let Some(recalled) = &mut self.recalled {
            recalled.keep(event);
            return;
        }
        if let Some(masker) = self.setting.masks.masker() {
            event.mask(&masker);
        }
        let stamped = Stamped {
            seq: self.seq,
            wall_us: jiff::Timestamp::now().as_microsecond(),
            mono_us: self.mono_us(),
            event,
        };
        self.seq += 1;
        self.outcomes.apply(&stamped);
        self.journal.append(&stamped);
        self.view.event(&stamped);
    }

    fn hint(&mut self, attempt: AttemptId, hints: Vec<Notice>) {
        let job = &self.job(attempt.job).name;
        for notice in hints {
            self.emit(Event::Hint { job: job.clone(), attempt: attempt.number, notice });
        }
    }

    fn warn(&mut self, job: Option<JobId>, code: Option<String>, message: String) {
        let job = job.map(|job| self.job(job).name.clone());
        self.emit(Event::Warning { job, code, message });
    }

    fn warn_about(&mut self, job: JobId, warning: &Diagnostic) {
        let place = warning
            .labels
            .first()
            .map(|label| format!("{}:{}: ", label.source.name(), label.source.line(label.span)));
        let helps: String =
            warning.notes.iter().chain(&warning.helps).map(|text| format!("; {text}")).collect();
        let message = format!("{}{}{helps}", place.unwrap_or_default(), warning.message);
        self.warn(Some(job), Some(warning.code.to_string()), message);
    }
}

/// What a job uses of the place where it runs.
fn demand(setting: &Setting, id: JobId) -> Demand {
    let resources = &setting.resources[id.index()];
    match setting.places[id.index()] {
        JobPlace::Cluster => Demand::away(resources.bundle.unwrap_or(1)),
        JobPlace::Here => Demand {
            is_away: false,
            slots: resources.cpus(1) as usize,
            memory_mib: resources.memory_mib(1).unwrap_or(0),
        },
    }
}

/// Why a job that was skipped set no values.
fn absence(skip: &Skip) -> Option<&'static str> {
    match skip {
        Skip::If => Some("was skipped by its `if`"),
        Skip::Os(_) => Some("was skipped: it does not run on this system"),
        Skip::NotRan(_) => Some("was skipped, because a task whose run it waits for was skipped"),
        Skip::Needs(_) | Skip::NotCalledFor(_) | Skip::SerialPredecessor(_) | Skip::FailFast => {
            Some("was skipped")
        }
    }
}

/// The signal that tasks get when otto receives this one: the same if it always means "end", otherwise SIGTERM.
fn polite(signal: i32) -> i32 {
    match signal {
        libc::SIGINT | libc::SIGHUP => signal,
        _ => SIGTERM,
    }
}

/// Reports to the run if the thread that holds it panics.
struct OnBug(Arc<dyn Fn(Message) + Send + Sync>);

impl Drop for OnBug {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.0)(Message::Bug);
        }
    }
}

#[cfg(test)]
mod tests;
