//! One attempt on its way through the threads of its executor, from its data to its result.
//! Decides nothing about the run.

use super::launch::{InputOf, Started};
use super::stream::{self, StreamsAway, Wires};
use super::upkeep::{self, PreparedService, ShareStanding};
use super::{Message, Setting, fresh, secret, service};
use crate::diagnostic::{Code, Diagnostic, Notice};
use crate::event::{Exit, Stream};
use crate::exec::keep::Adopted;
use crate::exec::{Assignment, AttemptId, ClusterJob, Ended, Launch, LaunchIo, Plumbing, Stdin};
use crate::fate::Fate;
use crate::lang::condition::Decision;
use crate::lang::{self, CannotPrepare, HandOver, Left, Level, Script};
use crate::plan::fresh::Evidence;
use crate::plan::{Job, JobId, JobPlace, Work};
use crate::store::layout;
use crate::store::outputs::{self, Outputs};
use crate::store::regular;
use crate::store::vault;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub(crate) struct Attempt {
    pub(super) id: AttemptId,
    setting: Arc<Setting>,
    inputs: Vec<InputOf>,
    fates: Option<Vec<Fate>>,
    wires: Option<Result<Wires, CannotPrepare>>,
    /// The evidence of what it is made from, for tasks that can be up to date.
    pub(super) evidence: Option<Evidence>,
    started: Option<Arc<Started>>,
    plumbing: Plumbing,
    /// Warnings about its launch, held back until the terminal is ours again.
    held_back: Vec<Diagnostic>,
    /// A service that is already up takes its place.
    adopted: Option<Adopted>,
    /// Set when it need no longer wait for the service of another run.
    pub(super) gives_up: Arc<AtomicBool>,
    is_given_up: bool,
    /// Why it could not be started.
    pub(super) refusal: Option<Notice>,
    /// None until its outputs have been read.
    pub(super) result: Option<Collected>,
}

/// What the streams of an attempt mean for its result; empty for one without streams.
#[derive(Default)]
pub(super) struct Flowed {
    /// All readers stopped reading, as in a pipeline: its exit counts as a success.
    pub(super) has_only_stopped: bool,
    /// All readers had stopped before it ended, so the recorded stream may be too short for other readers.
    pub(super) is_short: bool,
    /// Why it failed, even if its exit is a success.
    pub(super) trouble: Option<String>,
    pub(super) hints: Vec<Diagnostic>,
}

/// The result of an attempt.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) outputs: Outputs,
    /// Its `if` was false.
    pub(super) is_skipped: bool,
    pub(super) has_failed: bool,
    /// It was its `if` that failed.
    pub(super) is_of_condition: bool,
    /// What failed besides the exit.
    pub(super) reason: Option<String>,
    /// The code of that message.
    pub(super) code: Option<String>,
    pub(super) is_stream_short: bool,
    /// Line of the ottofile on which it failed.
    pub(super) line: Option<usize>,
    /// The lengths of its logs, if they were changed after it had ended.
    pub(super) log_bytes: Option<[u64; 2]>,
    pub(super) hints: Vec<Notice>,
    pub(super) warnings: Vec<Warned>,
    /// Warnings about what a success made.
    pub(super) late_warnings: Vec<String>,
}

/// A warning about the outputs, or about recording them.
pub(super) enum Warned {
    About(Diagnostic),
    Plain(String),
}

impl Attempt {
    pub(super) fn new(
        setting: &Arc<Setting>,
        id: AttemptId,
        inputs: Vec<InputOf>,
        fates: Option<Vec<Fate>>,
        wires: Result<Wires, CannotPrepare>,
        evidence: Option<Evidence>,
    ) -> Attempt {
        Attempt {
            id,
            setting: setting.clone(),
            inputs,
            fates,
            wires: Some(wires),
            evidence,
            started: None,
            plumbing: Plumbing::default(),
            held_back: Vec::new(),
            adopted: None,
            gives_up: Arc::default(),
            is_given_up: false,
            refusal: None,
            result: None,
        }
    }

    fn prepare(&mut self) -> Result<(Launch, Vec<Diagnostic>), CannotPrepare> {
        let setting = self.setting.clone();
        let job = setting.plan.job(self.id.job);
        let inputs = std::mem::take(&mut self.inputs);
        let data: Vec<_> = inputs.iter().map(|input| (input.job, input.outputs.clone())).collect();
        let mut started = Started::new(&setting, self.id, inputs, self.fates.take())?;
        let mut wires = self.wires.take().expect("bug: an attempt is launched twice")?;
        started.env.extend(wires.env.drain(..));
        if job.work == Work::Service {
            // Left by an earlier attempt.
            let _ = std::fs::remove_file(started.dir.ready());
        }
        self.plumbing = wires.plumbing;
        let reads_stream = self.plumbing.stdin.is_some();
        let away = wires.away.map(StreamsAway::plan);
        let (launch, mut warnings) = started.launch(&setting, job, self.id.number, reads_stream, away)?;
        warnings.extend(stream::values_warning(&setting, self.id.job));
        if job.work == Work::Service {
            self.adopt(&mut started, &launch, &data)?;
        }
        if layout::private(&started.attempt_dir).is_symlink() {
            warnings.extend(stream::secrets_warning(&setting, job));
        }
        self.started = Some(Arc::new(started));
        Ok((launch, warnings))
    }

    /// Finds an identical service that is already up: one that the previous run left, or one that other runs share.
    fn adopt(
        &mut self,
        started: &mut Started,
        launch: &Launch,
        data: &[(JobId, Arc<Outputs>)],
    ) -> Result<(), CannotPrepare> {
        let setting = self.setting.clone();
        let job = setting.plan.job(self.id.job);
        let is_shared = setting.service(job).is_shared;
        let mut is_late = false;
        if setting.keep.is_some() || is_shared {
            let prepared = PreparedService {
                dir: &started.dir,
                attempt_dir: &started.attempt_dir,
                asks_first: started.condition.is_some(),
                launch,
                data,
            };
            let label = upkeep::label(&setting, job, &prepared);
            let print = label.print.clone();
            if let Some(keep) = &setting.keep {
                let sink = setting.sink.clone();
                let ended = Arc::new(move |ended| sink(Message::ServiceEnded(ended)));
                let logs = [Stream::Stdout, Stream::Stderr];
                let logs = logs.map(|stream| started.dir.log(stream, self.id.number));
                self.adopted = keep.claim(&setting.run_id, self.id, label, &logs, ended);
            }
            if is_shared && self.adopted.is_none() {
                match upkeep::share(&setting, job, print, &self.gives_up)? {
                    Some(ShareStanding::Owner(ownership, late)) => {
                        if let Some(keep) = &setting.keep {
                            keep.share(self.id, &ownership);
                        }
                        started.ownership = Some(ownership);
                        is_late = late;
                    }
                    Some(ShareStanding::Guest(adopted)) => self.adopted = Some(adopted),
                    None => {
                        self.is_given_up = true;
                        return Ok(());
                    }
                }
            }
        }
        let Some(adopted) = &self.adopted else {
            return service::check_port(&setting, job, started, is_late);
        };
        outputs::write(&started.dir, &adopted.outputs, &setting.sealer).map_err(|error| {
            let message = format!("the outputs of `{}` were not saved: {error}", job.name);
            CannotPrepare { diagnostic: Diagnostic::error(Code::OutputsNotSaved, message), code: 125 }
        })
    }

    /// Reads and keeps the outputs of the attempt.
    pub(super) fn settle(&mut self, ended: &Ended, flowed: Flowed) {
        self.result = Some(match self.started.take() {
            Some(started) => {
                let collected = self.collected(&started, ended, flowed);
                self.leave_vault(&started);
                collected
            }
            None => Collected { has_failed: true, ..Collected::default() },
        });
    }

    fn collected(&mut self, started: &Started, ended: &Ended, flowed: Flowed) -> Collected {
        let exit = &ended.exit;
        let setting = self.setting.clone();
        let job = setting.plan.job(self.id.job);
        let get = |name: &str| started.env.get(OsStr::new(name)).map(OsString::as_os_str);
        let script = started.script(&setting, job, self.id.number, &get);
        let decision = ended.hand_over.as_ref().and_then(|folder| lang::condition::decision(&script, folder));
        match (decision, exit) {
            (None | Some(Decision::True), _) => {}
            (Some(Decision::False), Exit::Code(_)) => {
                return Collected { is_skipped: true, ..Collected::default() };
            }
            (Some(decision), _) => return self.failed_condition(&script, decision, exit),
        }
        if job.work == Work::Service {
            return of_service(&script, started, self.id.number, ended);
        }
        let has_exited_well = exit.is_success() || flowed.has_only_stopped;
        let mut hand_over = match &ended.hand_over {
            Some(folder) => {
                let left = Left { folder, level: started.level, succeeded: has_exited_well };
                lang::collect(&script, &left)
            }
            None => HandOver::default(),
        };
        self.leave_vault(started);
        let is_masked_late = secret::keep(&setting, job, &mut hand_over);
        let mut warnings: Vec<Warned> = self.held_back.drain(..).map(Warned::About).collect();
        let is_whole = hand_over.problems.iter().all(|problem| !problem.is_error());
        let mut is_good = has_exited_well && flowed.trouble.is_none() && is_whole;
        let written = match is_good {
            true => outputs::write(&started.dir, &hand_over.outputs, &setting.sealer),
            false => outputs::write_failed(&started.dir, self.id.number, &hand_over.outputs, &setting.sealer),
        };
        match written {
            Ok(()) => {}
            Err(error) if is_good => {
                let message = format!("the outputs of `{}` were not saved: {error}", job.name);
                hand_over.problems.push(Diagnostic::error(Code::OutputsNotSaved, message));
                is_good = false;
            }
            Err(error) => warnings.push(Warned::Plain(error.to_string())),
        }
        let log_bytes = match is_masked_late {
            true => secret::mask_logs(&setting.masks, &started.dir, self.id.number, ended),
            false => None,
        };
        let mut line = None;
        let mut hints = Vec::new();
        if !is_good {
            let tail = regular::tail(&started.dir.log(Stream::Stderr, self.id.number));
            line = lang::failing_line(&script, &tail, &hand_over);
            hints.extend(hand_over.problems.iter().filter(|problem| problem.is_error()).cloned());
            hints.extend(flowed.hints);
            let has_terminal = job.work == Work::Terminal;
            let ended = hand_over.ended.as_ref();
            let failure = lang::Failure { exit, has_terminal, stderr: &tail, ended };
            hints.extend(lang::hints(&script, &failure));
        }
        let (errors, others): (Vec<_>, Vec<_>) =
            hand_over.problems.into_iter().partition(Diagnostic::is_error);
        warnings.extend(others.into_iter().map(Warned::About));
        let lost = errors.into_iter().next().filter(|_| exit.is_success() && flowed.trouble.is_none());
        let late_warnings = match is_good && !job.output_globs.is_empty() {
            true => {
                let evidence = self.evidence.take().filter(|_| !flowed.is_short);
                fresh::succeeded(&setting, job, evidence, &hand_over.outputs)
            }
            false => Vec::new(),
        };
        Collected {
            outputs: hand_over.outputs,
            has_failed: !is_good,
            code: lost.as_ref().map(|error| error.code.to_string()),
            reason: flowed.trouble.or(lost.map(|error| error.message)),
            is_stream_short: flowed.is_short,
            is_skipped: false,
            is_of_condition: false,
            line,
            log_bytes,
            hints: hints.iter().map(Notice::of).collect(),
            warnings,
            late_warnings,
        }
    }

    /// Deletes the secret files of the attempt, which are no longer needed. It cannot be started again by hand.
    fn leave_vault(&self, started: &Started) {
        let private = layout::private(&started.attempt_dir);
        if vault::leave(&private) {
            let job = &self.setting.plan.job(self.id.job).name;
            // Even without the note, a start by hand fails.
            let _ = lang::secret::leave_note(&started.attempt_dir, job, &self.setting.run_id);
        }
    }

    /// The `if` failed, and so did the task: nothing that the process left is used.
    fn failed_condition(&self, script: &Script, decision: Decision, exit: &Exit) -> Collected {
        let tail = regular::tail(&self.setting.run_dir.job(script.job).log(Stream::Stderr, self.id.number));
        let failure = lang::Failure { exit, has_terminal: true, stderr: &tail, ended: None };
        let mut hints = lang::hints_of_condition(script, &failure);
        let condition = script.condition.expect("bug: no `if` was asked");
        hints.push(lang::condition::failure(script, condition, decision, exit));
        Collected {
            has_failed: true,
            is_of_condition: true,
            code: Some(Code::ConditionFailed.to_string()),
            line: lang::failing_line_of_condition(script, &tail),
            hints: hints.iter().map(Notice::of).collect(),
            ..Collected::default()
        }
    }

    fn streams(&self) -> bool {
        let job = self.setting.plan.job(self.id.job);
        self.setting.ottofile.tasks[job.task].streaming.is_some()
    }
}

/// The end of a service, whose values were read when it became ready. The run decides whether it failed.
fn of_service(script: &Script, started: &Started, attempt: u32, ended: &Ended) -> Collected {
    let exit = &ended.exit;
    let left = |folder| Left { folder, level: started.level, succeeded: false };
    let hand_over = ended.hand_over.as_deref().map(|folder| lang::collect(script, &left(folder)));
    let hand_over = hand_over.unwrap_or_default();
    let tail = regular::tail(&started.dir.log(Stream::Stderr, attempt));
    let failure = lang::Failure { exit, has_terminal: false, stderr: &tail, ended: hand_over.ended.as_ref() };
    Collected {
        has_failed: !exit.is_success(),
        line: lang::failing_line(script, &tail, &hand_over),
        hints: lang::hints(script, &failure).iter().map(Notice::of).collect(),
        ..Collected::default()
    }
}

impl Assignment for Attempt {
    fn may_be_kept(&self) -> bool {
        self.setting.keep.is_some() && self.setting.plan.job(self.id.job).work == Work::Service
    }

    fn cluster_job(&self) -> Option<ClusterJob> {
        let (setting, place) = (&self.setting, self.id.job.index());
        let job = setting.plan.job(self.id.job);
        (setting.places[place] == JobPlace::Cluster).then(|| ClusterJob {
            name: job.name.clone(),
            task: job.task,
            resources: (*setting.resources[place]).clone(),
            limit: job.timeout.or(setting.timeout),
            inputs: declared_files(setting, job, &job.input_globs)
                .filter(|file| file.symlink_metadata().is_ok())
                .collect(),
            outputs: declared_files(setting, job, &job.output_globs).collect(),
            does_stream: self.streams(),
            reads: setting.plan.producers(self.id.job).map(|(producer, _)| producer).collect(),
        })
    }

    fn launch(&mut self) -> Result<Launch, Exit> {
        match self.prepare() {
            // Nothing is launched.
            Ok(_) if self.adopted.is_some() => Err(Exit::Code(0)),
            Ok(_) if self.is_given_up => Err(Exit::Signal(super::SIGTERM)),
            Ok((launch, warnings)) => {
                let work = &self.setting.plan.job(self.id.job).work;
                let has_terminal = *work == Work::Terminal;
                if let (Work::Service, Some(started)) = (work, &self.started) {
                    (self.setting.sink)(Message::Serving(self.id, started.clone()));
                }
                if has_terminal {
                    self.held_back = warnings;
                } else if self.streams() || !warnings.is_empty() {
                    // Readers of its stream may start.
                    (self.setting.sink)(Message::Launching(self.id, warnings));
                }
                Ok(launch)
            }
            Err(CannotPrepare { diagnostic, code }) => {
                let reason = diagnostic.message.clone();
                self.refusal = Some(Notice::of(&diagnostic));
                Err(Exit::NotStarted { code, reason })
            }
        }
    }

    fn recall(&mut self, level: Option<Level>) -> Result<LaunchIo, Exit> {
        let setting = self.setting.clone();
        self.wires = None;
        let inputs = std::mem::take(&mut self.inputs);
        match Started::new(&setting, self.id, inputs, self.fates.take()) {
            Ok(mut started) => {
                started.level = level;
                let log = |stream| started.dir.log(stream, self.id.number);
                let io = LaunchIo::Captured {
                    stdin: Stdin::Null,
                    stdout_log: log(Stream::Stdout),
                    stderr_log: log(Stream::Stderr),
                    shows: setting.shows_output,
                };
                self.started = Some(Arc::new(started));
                Ok(io)
            }
            Err(CannotPrepare { diagnostic, code }) => {
                let reason = diagnostic.message.clone();
                self.refusal = Some(Notice::of(&diagnostic));
                Err(Exit::NotStarted { code, reason })
            }
        }
    }

    fn plumbing(&mut self) -> Plumbing {
        std::mem::take(&mut self.plumbing)
    }

    fn collect(&mut self, ended: &Ended) {
        // Only the run knows what its streams mean for the result.
        if self.refusal.is_none() && self.adopted.is_none() && !self.streams() {
            self.settle(ended, Flowed::default());
        }
    }

    fn tell(mut self: Box<Self>, ended: Ended) {
        let sink = self.setting.sink.clone();
        if let Some(adopted) = self.adopted.take() {
            if let Some(keep) = &self.setting.keep {
                keep.forget(&self.setting.run_id, self.id);
            }
            return sink(Message::Adopted(self.id, adopted));
        }
        let ended = match self.setting.keep.as_ref().filter(|_| self.may_be_kept()) {
            Some(keep) => keep.ended(&self.setting.run_id, self.id, ended),
            None => Some(ended),
        };
        // The keep reports the end of a service that has outlived its run.
        if let Some(ended) = ended {
            sink(Message::Ended(self, ended));
        }
    }
}

/// The patterns that are plain names.
fn declared_files<'a>(
    setting: &'a Setting,
    job: &'a Job,
    patterns: &'a [String],
) -> impl Iterator<Item = PathBuf> + 'a {
    let plain = patterns.iter().filter(|pattern| !pattern.contains(['*', '?', '[', '{', '!', '\\']));
    plain.map(|name| setting.folder_of(job).join(name))
}

/// A panic on another thread must not leave the run waiting forever.
impl Drop for Attempt {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.setting.sink)(Message::Bug);
        }
    }
}
