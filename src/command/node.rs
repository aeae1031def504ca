//! `otto --node FOLDER`: one attempt of a run, on the node of a cluster that its job was given. The launch is in the folder;
//! what came of it is written there. `otto --node LIST` runs the attempts of a bundle, one after the other,
//! and attempts that stream to each other at the same time.

use crate::diagnostic::{Code, Diagnostic, Notice};
use crate::event::Exit;
use crate::exec::local::LocalExecutor;
use crate::exec::memory;
use crate::exec::remote::{DeclaredFiles, Preparation, RemoteLaunch};
use crate::exec::stream::IntakeReport;
use crate::exec::{
    Assignment, AttemptId, Ended, Executor, HandsOver, Launch, LaunchIo, Plumbing, Stdin, Stop, StreamPlan,
};
use crate::host;
use crate::lang;
use crate::mask::Masks;
use crate::plan::JobId;
use crate::run::signals::{STOPPING, Signals, guarded};
use crate::run::stream::{CannotConnect, Streams, Taken, Wires};
use crate::store::exchange::{self, BeginRecord, Bell, EndRecord, StreamRecord};
use crate::store::layout::{AttemptDir, PipesDir};
use crate::store::stream::End;
use std::collections::{HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

const PREPARE: &str = include_str!("node.sh");

/// How often the node looks whether the run has given the attempt up.
const LOOK: Duration = Duration::from_secs(5);
/// Between two looks for a file of the project.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
/// How long it tries to write down the end, as while a disk is full.
const PATIENCE: Duration = Duration::from_secs(60);
const POLITE: Stop = Stop::Polite { signal: libc::SIGTERM };
/// A signal to the task and to otto may be seen in either order.
const SIGNAL_LAG: Duration = Duration::from_millis(100);

/// Answers the status of the job: that of its task, of a bundle that of the last task that failed.
pub(crate) fn node(path: &OsStr) -> i32 {
    let path = PathBuf::from(path);
    let dirs = if path.is_file() { members(&path) } else { Ok(vec![AttemptDir { path: path.clone() }]) };
    guarded(|signals| match &dirs {
        Ok(dirs) => attend_all(dirs, &signals),
        Err(error) => {
            say(&format!("cannot read `{}`: {}", path.display(), host::plain(error)));
            97
        }
    })
}

fn members(list: &Path) -> io::Result<Vec<AttemptDir>> {
    let folder = list.parent().unwrap_or(Path::new(""));
    let dir = |name: String| AttemptDir { path: folder.join(name) };
    Ok(exchange::members(list)?.into_iter().map(dir).collect())
}

/// What can happen while tasks run, and who tells it.
struct Inbox {
    sender: SyncSender<NodeNews>,
    news: Receiver<NodeNews>,
}

fn attend_all(dirs: &[AttemptDir], signals: &Signals) -> i32 {
    let (sender, news) = sync_channel(16);
    signals.subscribe(sender.clone(), NodeNews::Signal);
    let inbox = Inbox { sender, news };
    // Those that stream run at the same time.
    let at_once = if dirs.iter().any(streams) { dirs.len() } else { 1 };
    let mut last_failure = 0;
    for dirs in dirs.chunks(at_once) {
        let (status, has_time) = Company::default().attend(dirs, &inbox);
        if status != 0 {
            last_failure = status;
        }
        // A signal to a task here is meant for its job.
        let is_asked = |news| matches!(news, NodeNews::Signal(sent) if STOPPING.contains(&sent));
        if !has_time || inbox.news.try_iter().any(is_asked) {
            break;
        }
    }
    last_failure
}

/// Whether an attempt that has not begun streams.
fn streams(dir: &AttemptDir) -> bool {
    let launch = fs::read(dir.launch()).ok();
    let launch = launch.and_then(|bytes| serde_json::from_slice::<RemoteLaunch>(&bytes).ok());
    launch.is_some_and(|launch| launch.streams())
}

/// This machine as the cluster calls it.
fn node_name() -> String {
    std::env::var("SLURMD_NODENAME").unwrap_or_else(|_| host::host_name())
}

/// Writes down the end, and rings.
fn tell(dir: &AttemptDir, who: &str, record: &EndRecord) {
    let begun = Instant::now();
    loop {
        match exchange::end(dir, who, record) {
            Ok(true) => return ring(dir, Bell::Ended),
            Ok(false) => return say("the run has given this attempt up"),
            Err(error) if begun.elapsed() > PATIENCE => {
                return say(&format!("cannot write how the task ended: {}", host::plain(&error)));
            }
            Err(_) => std::thread::sleep(Duration::from_secs(1)),
        }
    }
}

fn ring(dir: &AttemptDir, bell: Bell) {
    if let Err(error) = exchange::ring(dir, bell) {
        say(&format!("cannot ring: {}", host::plain(&error)));
    }
}

/// Into the log of the job.
fn say(text: &str) {
    // If it cannot be written there is nobody to tell.
    let _ = writeln!(io::stderr(), "otto: {text}");
}

/// A launch as this machine has it.
struct ArrivedLaunch {
    attempt: AttemptId,
    launch: Launch,
    grace: Duration,
    declared: DeclaredFiles,
}

impl ArrivedLaunch {
    /// The streams that it reads and writes, each by the writer and the reader.
    fn edges(&self) -> Vec<(JobId, JobId)> {
        let job = self.attempt.job;
        let Some(plan) = &self.launch.streams else { return Vec::new() };
        plan.readers.iter().map(|reader| (job, *reader)).collect()
    }
}

type CannotArrive = (Exit, Option<Diagnostic>);

/// The launch as this machine has it.
fn arrived(dir: &AttemptDir) -> Result<ArrivedLaunch, CannotArrive> {
    let refused = |code: i32, cause: Diagnostic| {
        (Exit::NotStarted { code, reason: cause.message.clone() }, Some(cause))
    };
    let unread = |error: io::Error| {
        let message = format!("cannot read `{}`: {}", dir.launch().display(), host::plain(&error));
        refused(125, Diagnostic::error(Code::NodeSeesNothing, message))
    };
    let bytes = fs::read(dir.launch()).map_err(unread)?;
    // It may hold secrets. One that stays is in a folder that only its owner reads.
    let _ = fs::remove_file(dir.launch());
    let remote: RemoteLaunch =
        serde_json::from_slice(&bytes).map_err(|error| unread(io::Error::other(error)))?;
    let grace = Duration::from_millis(remote.grace_ms);
    let preparation = remote.preparation.clone();
    let declared = remote.files.clone();
    let (attempt, mut launch) = remote.arrived(std::env::vars_os());
    if exchange::is_given_up(dir) {
        return Err((Exit::Signal(libc::SIGTERM), None));
    }
    let host = node_name();
    if !launch.workdir.is_dir() {
        let message = format!("the node {host} does not see the folder `{}`", launch.workdir.display());
        let help = "the project must be on a file system that all nodes have under the same path";
        return Err(refused(125, Diagnostic::error(Code::NodeSeesNothing, message).help(help)));
    }
    wait_for_inputs(dir, &declared, launch.streams.as_ref());
    drop_missing_folder(&mut launch);
    if !preparation.is_empty() {
        launch.env =
            prepared(&preparation, &launch).map_err(|said| refused(125, cannot_prepare(&host, &said)))?;
    }
    launch.program =
        lang::located(&launch.named, launch.level, &launch.workdir, &launch.env).map_err(|cannot| {
            refused(cannot.code, cannot.diagnostic.note(format!("looked for on the node {host}")))
        })?;
    Ok(ArrivedLaunch { attempt, launch, grace, declared })
}

/// What otto sees, this machine may see a little later. What does not come, the task will miss by itself.
fn wait_for_inputs(dir: &AttemptDir, declared: &DeclaredFiles, streams: Option<&StreamPlan>) {
    let begun = Instant::now();
    let wait = |file: &Path, is_there: &dyn Fn() -> bool| {
        while !is_there() {
            if begun.elapsed() > declared.patience || exchange::is_given_up(dir) {
                say(&format!("does not see `{}` yet", file.display()));
                break;
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
    };
    for file in declared.inputs.iter().map(Path::new) {
        wait(file, &|| exchange::is_visible(file));
    }
    for source in streams.iter().flat_map(|streams| &streams.sources) {
        let Some(length) = source.length else { continue };
        let file = &source.file;
        wait(file, &|| {
            exchange::is_visible(file) && fs::metadata(file).is_ok_and(|metadata| metadata.len() >= length)
        });
    }
}

/// The environment after modules were loaded and the site's lines were run; the error is what they said.
fn prepared(preparation: &Preparation, launch: &Launch) -> Result<Vec<(OsString, OsString)>, String> {
    let mut command = Command::new("bash");
    command.args(["--login", "-c", PREPARE, "otto", &preparation.before]).args(&preparation.modules);
    command.env_clear().envs(launch.env.iter().cloned()).current_dir(&launch.workdir).stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("bash: {}", host::plain(&error)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(if said.is_empty() { format!("bash: {}", output.status) } else { said });
    }
    // Of a shell that is over.
    let is_of_the_shell =
        |name: &[u8]| matches!(name, b"_" | b"SHLVL" | b"PWD" | b"OLDPWD") || name.starts_with(b"BASH_FUNC_");
    let kept = launch.env.iter().filter(|(name, _)| is_of_the_shell(name.as_bytes())).cloned();
    let pair = |entry: &[u8]| {
        let split = entry.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (&entry[..split], &entry[split + 1..]);
        let is_kept = !name.is_empty() && !is_of_the_shell(name);
        is_kept.then(|| (OsString::from_vec(name.to_vec()), OsString::from_vec(value.to_vec())))
    };
    Ok(output.stdout.split(|byte| *byte == 0).filter_map(pair).chain(kept).collect())
}

fn cannot_prepare(host: &str, said: &str) -> Diagnostic {
    let last = said.lines().last().unwrap_or_default();
    let cause =
        Diagnostic::error(Code::CannotStart, format!("the node {host} could not be prepared: {last}"));
    said.lines().rev().skip(1).take(5).fold(cause, |cause, line| cause.note(line.to_owned()))
}

/// A folder for temporary files that only the other machine has is of no use here.
fn drop_missing_folder(launch: &mut Launch) {
    launch.env.retain(|(name, value)| name != "TMPDIR" || Path::new(value).is_dir());
}

/// What can happen while tasks run.
enum NodeNews {
    Over(Ended),
    Stream(JobId, IntakeReport),
    Signal(i32),
}

/// The launch, for the executor of this machine.
struct Arrived {
    launch: Option<Launch>,
    plumbing: Plumbing,
    sender: SyncSender<NodeNews>,
}

impl Assignment for Arrived {
    fn launch(&mut self) -> Result<Launch, Exit> {
        Ok(self.launch.take().expect("bug: an attempt is launched twice"))
    }

    fn plumbing(&mut self) -> Plumbing {
        std::mem::take(&mut self.plumbing)
    }

    fn collect(&mut self, _ended: &Ended) {}

    fn tell(self: Box<Self>, ended: Ended) {
        // The node waits for nothing else.
        let _ = self.sender.send(NodeNews::Over(ended));
    }
}

/// The attempts that run here at the same time: one, or those that streams join.
#[derive(Default)]
struct Company {
    host: String,
    who: String,
    streams: Streams,
    running: Vec<CompanyMember>,
    /// Of the last member that failed.
    status: i32,
    /// The signal by which the cluster, or somebody there, asked for the end of all.
    signal: Option<i32>,
    memory_before: memory::StepMemory,
}

/// An attempt that has begun here and whose end is not written down.
struct CompanyMember {
    dir: AttemptDir,
    attempt: AttemptId,
    logs: Vec<PathBuf>,
    hands_over: HandsOver,
    declared: DeclaredFiles,
    does_stream: bool,
    is_given_up: bool,
    /// While what it streamed is still on its way.
    ended: Option<(Ended, Vec<Taken>)>,
}

impl Company {
    /// Answers the status of the last task that failed, and whether another one may begin.
    fn attend(mut self, dirs: &[AttemptDir], inbox: &Inbox) -> (i32, bool) {
        self.host = node_name();
        self.who = format!("{}-{}", self.host, std::process::id());
        self.memory_before = memory::of_step();
        let begun: Vec<&AttemptDir> = dirs.iter().filter(|dir| self.begin(dir)).collect();
        let mut ready: Vec<(&AttemptDir, ArrivedLaunch)> = Vec::new();
        for dir in begun {
            match arrived(dir) {
                Ok(launch) => ready.push((dir, launch)),
                Err((exit, cause)) => self.refuse(dir, exit, cause.as_ref()),
            }
        }
        let Some(grace) = ready.first().map(|(_, arrived)| arrived.grace) else { return (self.status, true) };
        let pipes = PipesDir::new(&temporary_folder(), &self.who);
        self.streams = Streams::between(ready.iter().flat_map(|(_, arrived)| arrived.edges()));
        let mut executor = LocalExecutor::new(Arc::new(|_| {}), grace, Masks::default());
        // The plan has those who write before those who read.
        ready.sort_by_key(|(_, arrived)| arrived.attempt.job);
        let here: HashSet<u32> = dirs.iter().filter_map(AttemptDir::place).collect();
        for (dir, arrived) in ready {
            self.start(dir, arrived, &mut executor, &pipes, &here, inbox);
        }
        self.watch(&mut executor, inbox);
        // Nothing reads or writes them any more.
        let _ = fs::remove_dir_all(&pipes.path);
        (self.status, self.signal.is_none())
    }

    /// Takes the beginning of an attempt; false if that is not for this job to take.
    fn begin(&mut self, dir: &AttemptDir) -> bool {
        match exchange::begin(dir, &self.who, &BeginRecord { host: Some(self.host.clone()) }) {
            Ok(true) => {
                ring(dir, Bell::Begun);
                true
            }
            Ok(false) => {
                say("another copy of this job has begun the task, or the run has given it up");
                false
            }
            Err(error) => {
                say(&format!("cannot begin in `{}`: {}", dir.path.display(), host::plain(&error)));
                self.status = 97;
                false
            }
        }
    }

    /// Writes down that an attempt could not be started.
    fn refuse(&mut self, dir: &AttemptDir, exit: Exit, cause: Option<&Diagnostic>) {
        let record = EndRecord { cause: cause.map(Notice::of), ..EndRecord::without_process(exit) };
        self.tell(dir, record);
    }

    fn tell(&mut self, dir: &AttemptDir, mut record: EndRecord) {
        record.host = Some(self.host.clone());
        if record.exit.status() != 0 {
            self.status = record.exit.status();
        }
        tell(dir, &self.who, &record);
    }

    fn start(
        &mut self,
        dir: &AttemptDir,
        arrived: ArrivedLaunch,
        executor: &mut LocalExecutor,
        pipes: &PipesDir,
        here: &HashSet<u32>,
        inbox: &Inbox,
    ) {
        let ArrivedLaunch { attempt, mut launch, declared, grace: _ } = arrived;
        let mut plumbing = Plumbing::default();
        let plan = launch.streams.take();
        if let Some(plan) = &plan {
            let wires = self.connect(attempt.job, plan, pipes, here, inbox);
            if wires.is_err() {
                // Those who read its stream are still to come.
                self.streams.close(attempt.job, End::Broken);
            }
            match wires {
                Ok(wires) => {
                    if let (LaunchIo::Captured { stdin, .. }, Some(_)) =
                        (&mut launch.io, &wires.plumbing.stdin)
                    {
                        *stdin = Stdin::Stream;
                    }
                    launch.env.extend(wires.env);
                    plumbing = wires.plumbing;
                }
                Err(CannotConnect::Broken(producer)) => {
                    let streams = StreamRecord { broken_by: Some(producer), ..StreamRecord::default() };
                    let exit = Exit::Signal(libc::SIGTERM);
                    let record = EndRecord { streams: Some(streams), ..EndRecord::without_process(exit) };
                    return self.tell(dir, record);
                }
                Err(CannotConnect::File(path, error)) => {
                    let message = format!(
                        "cannot create a stream at `{}` on the node {}: {}",
                        path.display(),
                        self.host,
                        host::plain(&error)
                    );
                    let exit = Exit::NotStarted { code: 125, reason: message.clone() };
                    return self.refuse(dir, exit, Some(&Diagnostic::error(Code::CannotStart, message)));
                }
            }
        }
        let logs = match &launch.io {
            LaunchIo::Captured { stdout_log, stderr_log, .. } => vec![stdout_log.clone(), stderr_log.clone()],
            LaunchIo::Terminal => Vec::new(),
        };
        self.running.push(CompanyMember {
            dir: dir.clone(),
            attempt,
            logs,
            hands_over: launch.hands_over.clone(),
            declared,
            does_stream: plan.is_some(),
            is_given_up: false,
            ended: None,
        });
        let sender = inbox.sender.clone();
        executor.start(attempt, Box::new(Arrived { launch: Some(launch), plumbing, sender }));
    }

    fn connect(
        &mut self,
        job: JobId,
        plan: &StreamPlan,
        pipes: &PipesDir,
        here: &HashSet<u32>,
        inbox: &Inbox,
    ) -> Result<Wires, CannotConnect> {
        match DirBuilder::new().mode(0o700).create(&pipes.path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(CannotConnect::File(pipes.path.clone(), error));
            }
            Ok(()) | Err(_) => {}
        }
        self.streams.break_missing(plan, |producer| here.contains(&producer.0));
        let inputs: Vec<PathBuf> = (0..plan.sources.len()).map(|source| pipes.input(job.0, source)).collect();
        let sender = inbox.sender.clone();
        self.streams.connect(job, plan, pipes.output(job.0), &inputs, move |report| {
            // The node listens until all is over.
            let _ = sender.send(NodeNews::Stream(job, report));
        })
    }

    /// Until the end of each of them is written down.
    fn watch(&mut self, executor: &mut LocalExecutor, inbox: &Inbox) {
        let mut unread = VecDeque::new();
        while !self.running.is_empty() {
            let news = match unread.pop_front() {
                Some(news) => Ok(news),
                None => inbox.news.recv_timeout(LOOK),
            };
            match news {
                Ok(NodeNews::Over(ended)) => {
                    self.listen_late(&ended.exit, inbox, &mut unread);
                    self.processes_ended(ended, executor);
                }
                Ok(NodeNews::Stream(job, IntakeReport::Stuck(reason))) => {
                    self.streams.set_trouble(job, reason);
                    self.stop(job, executor);
                }
                Ok(NodeNews::Stream(job, IntakeReport::Drained { was_cut })) => {
                    self.over(job, was_cut, executor);
                }
                Ok(NodeNews::Signal(sent)) if STOPPING.contains(&sent) => {
                    self.signal.get_or_insert(sent);
                    for member in &self.running {
                        executor.stop(member.attempt, POLITE);
                        if member.ended.is_some() {
                            // Stops waiting for the processes that it left behind.
                            self.streams.finish(member.attempt.job, false);
                        }
                    }
                }
                Ok(NodeNews::Signal(_)) => {}
                Err(RecvTimeoutError::Timeout) => {
                    for member in self.running.iter_mut().filter(|member| !member.is_given_up) {
                        if exchange::is_given_up(&member.dir) {
                            member.is_given_up = true;
                            executor.stop(member.attempt, POLITE);
                        }
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    unreachable!("bug: the executor dropped its assignments")
                }
            }
        }
    }

    /// Where a signal ended a task, the one to otto may be on its way.
    fn listen_late(&mut self, exit: &Exit, inbox: &Inbox, unread: &mut VecDeque<NodeNews>) {
        if self.signal.is_some() || !matches!(exit, Exit::Signal(_)) {
            return;
        }
        let until = Instant::now() + SIGNAL_LAG;
        while let Ok(news) = inbox.news.recv_timeout(until.saturating_duration_since(Instant::now())) {
            let is_signal = matches!(news, NodeNews::Signal(sent) if STOPPING.contains(&sent));
            if let (NodeNews::Signal(sent), true) = (&news, is_signal) {
                self.signal = Some(*sent);
            }
            unread.push_back(news);
            if is_signal {
                return;
            }
        }
    }

    fn member(&self, job: JobId) -> Option<usize> {
        self.running.iter().position(|member| member.attempt.job == job)
    }

    fn stop(&self, job: JobId, executor: &mut LocalExecutor) {
        if let Some(member) = self.member(job) {
            executor.stop(self.running[member].attempt, POLITE);
        }
    }

    fn processes_ended(&mut self, ended: Ended, executor: &mut LocalExecutor) {
        let job = ended.attempt.job;
        let Some(member) = self.member(job) else { return };
        let taken = self.streams.detach(job);
        for taken in taken.iter().filter(|taken| taken.fed.has_failed) {
            self.streams.set_trouble(job, taken.unreadable());
        }
        let is_drained = !self.streams.finish(job, ended.exit.is_success() && self.signal.is_none());
        self.running[member].ended = Some((ended, taken));
        if is_drained {
            self.over(job, false, executor);
        }
    }

    /// An attempt is over, and all that it streamed is in its file.
    fn over(&mut self, job: JobId, was_cut: bool, executor: &mut LocalExecutor) {
        let Some(member) = self.member(job) else { return };
        let mut member = self.running.remove(member);
        let Some((ended, taken)) = member.ended.take() else {
            unreachable!("bug: the stream of a process that runs is at its end")
        };
        let streams = member.does_stream.then(|| self.streams.record(job, was_cut, taken));
        let has_only_stopped =
            ended.exit.is_of_closed_pipe() && streams.as_ref().is_some_and(|streams| streams.is_short);
        let is_broken = |streams: &StreamRecord| streams.trouble.is_some() || streams.broken_by.is_some();
        let is_whole =
            (ended.exit.is_success() || has_only_stopped) && !streams.as_ref().is_some_and(is_broken);
        let record = self.record(&member, ended, streams, executor);
        // First its end: those who read its stream count only with that.
        self.tell(&member.dir, record);
        for reader in self.streams.close(job, if is_whole { End::Complete } else { End::Broken }) {
            self.stop(reader, executor);
        }
        self.streams.settled(job);
    }

    fn record(
        &self,
        member: &CompanyMember,
        ended: Ended,
        streams: Option<StreamRecord>,
        executor: &mut LocalExecutor,
    ) -> EndRecord {
        let mut leaked: Vec<(i32, String)> =
            ended.leaked.into_iter().map(|leftover| (leftover.pid, leftover.command)).collect();
        if self.running.is_empty() {
            leaked.extend(executor.finish(&[]).into_iter().map(|leftover| (leftover.pid, leftover.command)));
        }
        for log in &member.logs {
            // A log that is not there yet elsewhere is waited for.
            let _ = File::open(log).and_then(|log| log.sync_all());
        }
        let mut log_error = ended.log_error;
        if let Err(error) = move_hand_over(&member.dir, &member.hands_over, &self.who) {
            log_error.get_or_insert_with(|| {
                format!("cannot hand over what the task set: {}", host::plain(&error))
            });
        }
        let memory = memory::of_step().since(self.memory_before);
        let is_made = |(_, file): &(usize, &OsString)| fs::symlink_metadata(file).is_ok();
        let made = member.declared.outputs.iter().enumerate().filter(is_made).map(|(place, _)| place);
        EndRecord {
            signal: self.signal.filter(|_| !member.is_given_up),
            peak_mib: memory.peak_mib,
            memory_kills: memory.kills,
            made: made.collect(),
            leaked,
            survivors: ended.survivors,
            stdout_bytes: ended.stdout_bytes,
            stderr_bytes: ended.stderr_bytes,
            log_error,
            streams,
            ..EndRecord::without_process(ended.exit)
        }
    }
}

/// A folder for temporary files that this machine has.
fn temporary_folder() -> PathBuf {
    let named = std::env::temp_dir();
    if named.is_dir() { named } else { PathBuf::from("/tmp") }
}

/// Moves what the task left for otto to a place that nobody has looked at before: behind the cache of a network file system
/// a file that was seen empty may stay empty for a while.
fn move_hand_over(dir: &AttemptDir, hands_over: &HandsOver, who: &str) -> io::Result<()> {
    let folder = exchange::prepare_end(dir, who)?;
    for file in &hands_over.files {
        let relative = Path::new(file);
        let parent = relative.parent().unwrap_or(Path::new(""));
        let name = relative.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let from = hands_over.folder.join(parent);
        let Ok(entries) = fs::read_dir(&from) else { continue };
        for entry in entries.flatten() {
            let found = entry.file_name();
            let is_meant = match name.strip_suffix('*') {
                Some(start) => found.to_string_lossy().starts_with(start),
                None => found == *name,
            };
            if is_meant {
                let to = folder.join(parent);
                fs::create_dir_all(&to)?;
                fs::rename(entry.path(), to.join(&found))?;
            }
        }
    }
    Ok(())
}
