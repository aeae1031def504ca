//! The thread that talks to Slurm: one errand at a time, because each may take as long as the controller likes.
//! Decides nothing; the watch reads its answers.

use super::ClusterSetting;
use super::command::{self, JobRequest, QueueRow};
use crate::event::{Exit, Stream};
use crate::exec::local::GRACE;
use crate::exec::remote::{DeclaredFiles, Preparation, RemoteLaunch};
use crate::exec::{Assignment, AttemptId, Launch, LaunchIo, native};
use crate::host::plain;
use crate::lang::Level;
use crate::store::layout::AttemptDir;
use crate::store::{atomic, exchange};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

/// Slurm's default, where it does not say.
const KILL_WAIT: Duration = Duration::from_secs(30);

pub(super) enum Errand {
    /// With its assignment, an attempt is made first; without, it was made before.
    Submit {
        attempt: AttemptId,
        assignment: Option<Box<dyn Assignment>>,
        dir: AttemptDir,
        name: String,
        options: Vec<String>,
    },
    /// Another otto has made the attempt: only what to read of it is asked for.
    Adopt {
        attempt: AttemptId,
        assignment: Box<dyn Assignment>,
        dir: AttemptDir,
    },
    /// Several attempts by one request. The clerk writes the list of their folders.
    SubmitTogether {
        together: Sharing,
        members: Vec<BatchMember>,
        name: String,
        options: Vec<String>,
    },
    Ask,
    Cancel {
        numbers: Vec<String>,
        is_forced: bool,
    },
}

/// By what several attempts are one request, with a number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    /// A job for each.
    Array(u32),
    /// One job, in which they run one after the other.
    Bundle(u32),
}

/// An attempt that is submitted together with others.
pub(super) struct BatchMember {
    pub(super) attempt: AttemptId,
    /// As of [`Errand::Submit`].
    pub(super) assignment: Option<Box<dyn Assignment>>,
    pub(super) dir: AttemptDir,
}

pub(super) enum ErrandDone {
    Submitted(Submitted),
    Adopted(AttemptId, Box<dyn Assignment>, FilesMade),
    /// Those that have files are the elements of the array, in this order.
    SubmittedTogether(Sharing, Vec<Submitted>),
    /// The error is why there is no answer.
    Asked(Result<Vec<QueueRow>, String>),
    Cancelled,
}

pub(super) struct Submitted {
    pub(super) attempt: AttemptId,
    /// Comes back where it was given.
    pub(super) assignment: Option<Box<dyn Assignment>>,
    pub(super) made: FilesMade,
    /// The job's number, or what was said against it.
    pub(super) answer: Result<String, String>,
}

/// What became of the files of an attempt.
pub(super) enum FilesMade {
    Before,
    Now(AttemptFiles),
    /// It cannot be started.
    Never(Exit),
}

/// What the driver reads of an attempt that runs elsewhere.
pub(super) struct AttemptFiles {
    pub(super) logs: Vec<(Stream, PathBuf)>,
    /// The run shows what the attempt writes.
    pub(super) shows: bool,
}

impl AttemptFiles {
    fn of(io: &LaunchIo) -> AttemptFiles {
        match io {
            LaunchIo::Captured { stdout_log, stderr_log, shows, .. } => AttemptFiles {
                logs: vec![(Stream::Stdout, stdout_log.clone()), (Stream::Stderr, stderr_log.clone())],
                shows: *shows,
            },
            LaunchIo::Terminal => unreachable!("bug: a task with a terminal was sent to the cluster"),
        }
    }
}

/// The body of the thread.
pub(super) fn work(
    setting: &Arc<ClusterSetting>,
    errands: &Receiver<Errand>,
    done: &Sender<super::ClusterOrder>,
) {
    native::unblock_all_signals();
    let mut clerk = Clerk { setting: setting.clone(), kill_wait: None };
    while let Ok(errand) = errands.recv() {
        let answer = match errand {
            Errand::Submit { attempt, mut assignment, dir, name, options } => {
                let made = clerk.make(attempt, assignment.as_mut(), &dir);
                let answer = match made {
                    FilesMade::Never(_) => Err(String::new()),
                    FilesMade::Before | FilesMade::Now(_) => clerk.ask_for_job(&dir, &name, &options),
                };
                ErrandDone::Submitted(Submitted { attempt, assignment, made, answer })
            }
            Errand::Adopt { attempt, mut assignment, dir } => {
                let made = match kept(&dir).and_then(|level| assignment.recall(level)) {
                    Ok(io) => FilesMade::Now(AttemptFiles::of(&io)),
                    Err(exit) => FilesMade::Never(exit),
                };
                ErrandDone::Adopted(attempt, assignment, made)
            }
            Errand::SubmitTogether { together, members, name, options } => {
                let submitted = clerk.submit_together(together, members, &name, &options);
                ErrandDone::SubmittedTogether(together, submitted)
            }
            Errand::Ask => ErrandDone::Asked(command::queue(&setting.env)),
            Errand::Cancel { numbers, is_forced } => {
                command::cancel(&setting.env, &numbers, is_forced);
                ErrandDone::Cancelled
            }
        };
        if done.send(super::ClusterOrder::Done(answer)).is_err() {
            return;
        }
    }
}

/// For which bash the script of an attempt was written that another otto handed over.
fn kept(dir: &AttemptDir) -> Result<Option<Level>, Exit> {
    let read = std::fs::read(dir.kept()).and_then(|text| Ok(serde_json::from_slice(&text)?));
    read.map_err(|error| {
        let reason = format!("cannot read `{}`: {}", dir.kept().display(), plain(&error));
        Exit::NotStarted { code: 125, reason }
    })
}

struct Clerk {
    setting: Arc<ClusterSetting>,
    kill_wait: Option<Duration>,
}

impl Clerk {
    fn make(
        &mut self,
        attempt: AttemptId,
        assignment: Option<&mut Box<dyn Assignment>>,
        dir: &AttemptDir,
    ) -> FilesMade {
        let Some(assignment) = assignment else { return FilesMade::Before };
        let job = assignment.cluster_job().expect("bug: what runs on this machine is not submitted");
        let before = self.setting.rules.before.clone();
        let preparation = Preparation { modules: job.resources.modules, before };
        let files = DeclaredFiles {
            inputs: job.inputs.into_iter().map(Into::into).collect(),
            outputs: job.outputs.into_iter().map(Into::into).collect(),
            patience: self.setting.rules.visible_after,
        };
        match assignment.launch() {
            Ok(launch) => self.hand(attempt, launch, dir, preparation, files),
            Err(exit) => FilesMade::Never(exit),
        }
    }

    fn submit_together(
        &mut self,
        together: Sharing,
        members: Vec<BatchMember>,
        name: &str,
        options: &[String],
    ) -> Vec<Submitted> {
        let mut folders = Vec::new();
        let mut submitted = Vec::new();
        for BatchMember { attempt, mut assignment, dir } in members {
            let made = self.make(attempt, assignment.as_mut(), &dir);
            if !matches!(made, FilesMade::Never(_)) {
                folders.push(dir.name());
            }
            submitted.push(Submitted { attempt, assignment, made, answer: Err(String::new()) });
        }
        if folders.is_empty() {
            return submitted;
        }
        let setting = &self.setting;
        let exchange = &setting.exchange;
        let (list, log, array) = match together {
            Sharing::Array(number) => (exchange.array(number), exchange.array(number), Some(folders.len())),
            Sharing::Bundle(number) => (exchange.bundle(number), exchange.bundle_log(number), None),
        };
        let request = JobRequest {
            name,
            log: &log,
            array,
            options,
            script: &setting.script,
            words: &[setting.otto.as_os_str(), list.as_os_str(), setting.nonce.as_ref()],
        };
        let lines: String = folders.iter().map(|folder| format!("{folder}\n")).collect();
        let answer = match atomic::write(&list, lines.as_bytes()) {
            Ok(()) => command::submit(&setting.env, &request),
            Err(error) => Err(format!("cannot write `{}`: {}", list.display(), plain(&error))),
        };
        let elements = submitted.iter_mut().filter(|one| !matches!(one.made, FilesMade::Never(_)));
        for (element, one) in elements.enumerate() {
            one.answer = match together {
                Sharing::Array(_) => answer.clone().map(|number| format!("{number}_{element}")),
                Sharing::Bundle(_) => answer.clone(),
            };
        }
        submitted
    }

    /// Writes down what the node needs.
    fn hand(
        &mut self,
        attempt: AttemptId,
        launch: Launch,
        dir: &AttemptDir,
        preparation: Preparation,
        declared: DeclaredFiles,
    ) -> FilesMade {
        let files = AttemptFiles::of(&launch.io);
        let kept = serde_json::to_vec(&launch.level).expect("bug: plain data");
        let setting = &self.setting;
        let kill_wait =
            *self.kill_wait.get_or_insert_with(|| command::kill_wait(&setting.env).unwrap_or(KILL_WAIT));
        let grace = (kill_wait / 2).min(GRACE);
        let own = |name: &std::ffi::OsStr| setting.own.get(name).cloned();
        let remote = RemoteLaunch::of(attempt, launch, &setting.env, &own, grace.as_millis() as u64)
            .after(preparation)
            .with_files(declared);
        let bytes = serde_json::to_vec(&remote).map_err(std::io::Error::other);
        match bytes.and_then(|bytes| exchange::hand(dir, &bytes, &kept)) {
            Ok(()) => FilesMade::Now(files),
            Err(error) => {
                let reason = format!("cannot write `{}`: {}", dir.launch().display(), plain(&error));
                FilesMade::Never(Exit::NotStarted { code: 125, reason })
            }
        }
    }

    fn ask_for_job(&self, dir: &AttemptDir, name: &str, options: &[String]) -> Result<String, String> {
        let setting = &self.setting;
        let request = JobRequest {
            name,
            log: &dir.slurm_log(),
            array: None,
            options,
            script: &setting.script,
            words: &[setting.otto.as_os_str(), dir.path.as_os_str(), setting.nonce.as_ref()],
        };
        command::submit(&setting.env, &request)
    }
}
