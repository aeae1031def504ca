//! `otto --node FOLDER`: one attempt of a run, on the node of a cluster that its job was given. The launch is in the folder;
//! what came of it is written there. `otto --node LIST` runs the attempts of a bundle, one after the other.

use crate::diagnostic::{Code, Diagnostic, Notice};
use crate::event::Exit;
use crate::exec::local::LocalExecutor;
use crate::exec::memory;
use crate::exec::remote::{DeclaredFiles, Preparation, RemoteLaunch};
use crate::exec::{Assignment, AttemptId, Ended, Executor, HandsOver, Launch, LaunchIo, Plumbing, Stop};
use crate::host;
use crate::lang;
use crate::mask::Masks;
use crate::run::signals::{STOPPING, Signals, guarded};
use crate::store::exchange::{self, BeginRecord, Bell, EndRecord};
use crate::store::layout::AttemptDir;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
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
    let mut last_failure = 0;
    for dir in dirs {
        let (status, has_time) = attend(dir, &inbox);
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

/// Answers the status of the task, and whether another one may begin.
fn attend(dir: &AttemptDir, inbox: &Inbox) -> (i32, bool) {
    let host = node_name();
    let who = format!("{host}-{}", std::process::id());
    match exchange::begin(dir, &who, &BeginRecord { host: Some(host.clone()) }) {
        Ok(true) => {}
        Ok(false) => {
            say("another copy of this job has begun the task, or the run has given it up");
            return (0, true);
        }
        Err(error) => {
            say(&format!("cannot begin in `{}`: {}", dir.path.display(), host::plain(&error)));
            return (97, true);
        }
    }
    ring(dir, Bell::Begun);
    let mut record = match arrived(dir) {
        Ok((attempt, launch, grace, declared)) => serve(dir, inbox, attempt, launch, grace, &declared, &who),
        Err((exit, cause)) => {
            EndRecord { cause: cause.as_ref().map(Notice::of), ..EndRecord::without_process(exit) }
        }
    };
    record.host = Some(host);
    let status = record.exit.status();
    tell(dir, &who, &record);
    (status, record.signal.is_none())
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

type CannotArrive = (Exit, Option<Diagnostic>);

/// The launch as this machine has it.
fn arrived(dir: &AttemptDir) -> Result<(AttemptId, Launch, Duration, DeclaredFiles), CannotArrive> {
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
    wait_for_inputs(dir, &declared);
    drop_missing_folder(&mut launch);
    if !preparation.is_empty() {
        launch.env =
            prepared(&preparation, &launch).map_err(|said| refused(125, cannot_prepare(&host, &said)))?;
    }
    launch.program =
        lang::located(&launch.named, launch.level, &launch.workdir, &launch.env).map_err(|cannot| {
            refused(cannot.code, cannot.diagnostic.note(format!("looked for on the node {host}")))
        })?;
    Ok((attempt, launch, grace, declared))
}

/// What otto sees, this machine may see a little later. What does not come, the task will miss by itself.
fn wait_for_inputs(dir: &AttemptDir, declared: &DeclaredFiles) {
    let begun = Instant::now();
    for file in declared.inputs.iter().map(Path::new) {
        while !exchange::is_visible(file) {
            if begun.elapsed() > declared.patience || exchange::is_given_up(dir) {
                say(&format!("does not see `{}` yet", file.display()));
                break;
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
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

/// What can happen while the task runs.
enum NodeNews {
    Over(Ended),
    Signal(i32),
}

/// The launch, for the executor of this machine.
struct Arrived {
    launch: Option<Launch>,
    sender: SyncSender<NodeNews>,
}

impl Assignment for Arrived {
    fn launch(&mut self) -> Result<Launch, Exit> {
        Ok(self.launch.take().expect("bug: an attempt is launched twice"))
    }

    fn plumbing(&mut self) -> Plumbing {
        Plumbing::default()
    }

    fn collect(&mut self, _ended: &Ended) {}

    fn tell(self: Box<Self>, ended: Ended) {
        // The node waits for nothing else.
        let _ = self.sender.send(NodeNews::Over(ended));
    }
}

fn serve(
    dir: &AttemptDir,
    inbox: &Inbox,
    attempt: AttemptId,
    launch: Launch,
    grace: Duration,
    declared: &DeclaredFiles,
    who: &str,
) -> EndRecord {
    let Inbox { sender, news } = inbox;
    let memory_before = memory::of_step();
    let logs: Vec<PathBuf> = match &launch.io {
        LaunchIo::Captured { stdout_log, stderr_log, .. } => vec![stdout_log.clone(), stderr_log.clone()],
        LaunchIo::Terminal => Vec::new(),
    };
    let hands_over = launch.hands_over.clone();
    let mut executor = LocalExecutor::new(Arc::new(|_| {}), grace, Masks::default());
    executor.start(attempt, Box::new(Arrived { launch: Some(launch), sender: sender.clone() }));
    let polite = Stop::Polite { signal: libc::SIGTERM };
    let (mut is_given_up, mut signal) = (false, None);
    let ended = loop {
        match news.recv_timeout(LOOK) {
            Ok(NodeNews::Over(ended)) => break ended,
            Ok(NodeNews::Signal(sent)) if STOPPING.contains(&sent) => {
                signal.get_or_insert(sent);
                executor.stop(attempt, polite);
            }
            Ok(NodeNews::Signal(_)) => {}
            Err(RecvTimeoutError::Timeout) if !is_given_up && exchange::is_given_up(dir) => {
                is_given_up = true;
                executor.stop(attempt, polite);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => unreachable!("bug: the executor dropped its assignment"),
        }
    };
    if signal.is_none() && matches!(ended.exit, Exit::Signal(_)) {
        let late = news.recv_timeout(SIGNAL_LAG).ok();
        signal = late.and_then(|news| match news {
            NodeNews::Signal(sent) => Some(sent).filter(|sent| STOPPING.contains(sent)),
            NodeNews::Over(_) => None,
        });
    }
    let mut leaked: Vec<(i32, String)> =
        ended.leaked.into_iter().map(|leftover| (leftover.pid, leftover.command)).collect();
    leaked.extend(executor.finish(&[]).into_iter().map(|leftover| (leftover.pid, leftover.command)));
    for log in logs {
        // A log that is not there yet elsewhere is waited for.
        let _ = File::open(log).and_then(|log| log.sync_all());
    }
    let mut log_error = ended.log_error;
    if let Err(error) = move_hand_over(dir, &hands_over, who) {
        log_error
            .get_or_insert_with(|| format!("cannot hand over what the task set: {}", host::plain(&error)));
    }
    let memory = memory::of_step().since(memory_before);
    let is_made = |(_, file): &(usize, &OsString)| fs::symlink_metadata(file).is_ok();
    EndRecord {
        host: None,
        signal: signal.filter(|_| !is_given_up),
        peak_mib: memory.peak_mib,
        memory_kills: memory.kills,
        is_repeated: false,
        made: declared.outputs.iter().enumerate().filter(is_made).map(|(place, _)| place).collect(),
        exit: ended.exit,
        cause: None,
        leaked,
        survivors: ended.survivors,
        stdout_bytes: ended.stdout_bytes,
        stderr_bytes: ended.stderr_bytes,
        log_error,
    }
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
