//! Where launches run. The run loop asks and never waits; what happens comes back as [`Report`]s.
//! Knows nothing of tasks and dependencies: what to start, when to stop it and what its end means is the run's.

pub(crate) mod native;
mod processes;
mod census;
mod announced;
pub(crate) mod memory;
mod capture;
mod launch;
mod spawn;
pub(crate) mod guard;
mod terminal;
pub(crate) mod screen;
pub(crate) mod stream;
mod attendant;
pub(crate) mod local;
pub(crate) mod keep;
pub(crate) mod remote;
pub(crate) mod slurm;
#[cfg(test)]
pub(crate) mod fake;

use crate::diagnostic::{Code, Notice};
use crate::event::{Exit, Stream};
use crate::lang::Level;
use crate::name::JobName;
use crate::plan::JobId;
use crate::resources::{OptionStyle, Resources};
use crate::store::exchange::StreamRecord;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use launch::{HandsOver, Launch, LaunchIo, Plumbing, Stdin, StreamPlan, StreamSource};

/// One try at one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct AttemptId {
    pub(crate) job: JobId,
    /// From 1.
    pub(crate) number: u32,
}

/// A report of an executor to the run.
#[derive(Debug)]
pub(crate) enum Report {
    /// Bytes as they came, already in the log.
    Output { attempt: AttemptId, stream: Stream, bytes: Vec<u8> },
    /// A task was stopped from the terminal, by ^Z or because it read while otto is in the background. Whoever
    /// started otto expects all of otto to stop now.
    Halted,
    /// An attempt waits in the queue of a cluster, as the job with this number. The reason is empty until it is known.
    Waits { attempt: AttemptId, number: String, reason: String },
    /// An attempt that was handed to a cluster has begun on this machine.
    Began { attempt: AttemptId, host: String },
    /// Another otto has taken over the run.
    Superseded,
    /// A warning about the cluster.
    Warning { attempt: Option<AttemptId>, code: Code, message: String },
}

/// What goes with an attempt through the threads of its executor: the work before its process and after it, which may take
/// a while and which the run does not wait for.
pub(crate) trait Assignment: Send {
    /// The request to the cluster, if its process runs there.
    fn cluster_job(&self) -> Option<ClusterJob> {
        None
    }
    /// Its process may outlive the run, for the next one of a watch.
    fn may_be_kept(&self) -> bool {
        false
    }
    /// Makes what the process needs. The exit is that of an attempt that cannot be started.
    fn launch(&mut self) -> Result<Launch, Exit>;
    /// As `launch`, for an attempt that another otto launched, with the bash that its script was written for: a process may
    /// be at it, so nothing is written. Answers where its output goes.
    fn recall(&mut self, _level: Option<Level>) -> Result<LaunchIo, Exit> {
        unreachable!("bug: what cannot have outlived its otto is recalled")
    }
    /// Gives away what connects the process to other tasks of this otto; asked once, after `launch`, where the process
    /// runs on this machine.
    fn plumbing(&mut self) -> Plumbing;
    /// The attempt has ended, all its output is read and its process group is empty: reads its outputs.
    fn collect(&mut self, ended: &Ended);
    /// Tells the run, as the last thing that happens to an attempt, also to one that could not be started.
    fn tell(self: Box<Self>, ended: Ended);
}

/// The request to a cluster for one job.
#[derive(Clone, Debug)]
pub(crate) struct ClusterJob {
    pub(crate) name: JobName,
    /// Place of its task in the ottofile. Jobs of one task may be asked for together.
    pub(crate) task: usize,
    pub(crate) resources: Resources,
    /// How long the task may run.
    pub(crate) limit: Option<Duration>,
    /// Files that the task reads and that exist.
    pub(crate) inputs: Vec<PathBuf>,
    /// Files that the task makes.
    pub(crate) outputs: Vec<PathBuf>,
    /// It is joined with others by streams: those of this run that it reads are here.
    pub(crate) does_stream: bool,
    pub(crate) reads: Vec<JobId>,
}

impl ClusterJob {
    /// The same for several jobs, each with the number of its attempt, that share one and run at the same time.
    pub(crate) fn options_together<'a>(
        jobs: impl Iterator<Item = (&'a ClusterJob, u32)>,
        style: OptionStyle,
    ) -> Vec<String> {
        let wishes: Vec<(&Resources, u32, Option<Duration>)> =
            jobs.map(|(job, attempt)| (&job.resources, attempt, job.limit)).collect();
        Resources::together(&wishes).options(1, None, 1, style)
    }

    /// The options of sbatch for this request, if this many attempts with this number share a job.
    pub(crate) fn options(&self, attempt: u32, members: u32, style: OptionStyle) -> Vec<String> {
        self.resources.options(attempt, self.limit, members, style)
    }
}

/// How an attempt ended, and what had to be cleared away after it.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) attempt: AttemptId,
    pub(crate) exit: Exit,
    /// Why it ended, where the executor knows more than the exit says.
    pub(crate) cause: Option<Box<Notice>>,
    pub(crate) repeat: Repeat,
    /// Where the files lie that its [`Launch`] names as handed over; `None` if it had no process.
    pub(crate) hand_over: Option<PathBuf>,
    /// Processes that outlived the task; they were ended.
    pub(crate) leaked: Vec<Leftover>,
    /// Processes other than the task's own that did not stop within the grace period and were killed.
    /// If the task's own process had to be killed too, `exit` is [`Exit::Signal`] with SIGKILL (or a timeout).
    pub(crate) survivors: u32,
    pub(crate) stdout_bytes: u64,
    pub(crate) stderr_bytes: u64,
    /// Why a log is not complete: names the file and says from which byte on.
    pub(crate) log_error: Option<String>,
    /// The records of the streams, if another machine made the pipes.
    pub(crate) streamed: Option<Box<StreamRecord>>,
}

/// Whether an attempt that failed is followed by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// As often as the task's `retries` allow.
    AsTaskSays,
    /// The cluster ended it, which does not use up a retry.
    ForNothing,
    /// It was ended on purpose.
    Never,
}

/// A process that a task left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leftover {
    pub(crate) pid: i32,
    /// Its command line, or its short name where that cannot be read. Control characters are replaced.
    pub(crate) command: String,
}

/// Processes that the next run of a watch needs.
#[derive(Clone, Debug)]
pub(crate) struct Spared {
    group: Option<i32>,
    /// A variable that they alone have.
    marker: Option<Vec<u8>>,
}

/// `sleep 60 (pid 4711)`.
impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.command, self.pid)
    }
}

/// Where reports go: into the run's inbox. It may block while the inbox is full; that slows the reader of the task's
/// output and nothing else.
pub(crate) type ReportSink = Arc<dyn Fn(Report) + Send + Sync>;

/// What the run asks of a running attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Send this signal to its processes; kill after the grace period. Asked a second time, it kills at once.
    Polite {
        signal: i32,
    },
    Kill,
}

impl Stop {
    /// How an attempt ends that is stopped before it has a process.
    fn exit(self) -> Exit {
        match self {
            Stop::Polite { signal } => Exit::Signal(signal),
            Stop::Kill => Exit::Signal(libc::SIGKILL),
        }
    }
}

impl Ended {
    /// The attempt never had a process.
    pub(crate) fn without_process(attempt: AttemptId, exit: Exit) -> Ended {
        Ended {
            attempt,
            exit,
            cause: None,
            repeat: Repeat::AsTaskSays,
            hand_over: None,
            leaked: Vec::new(),
            survivors: 0,
            stdout_bytes: 0,
            stderr_bytes: 0,
            log_error: None,
            streamed: None,
        }
    }
}

/// What is known of an attempt that another otto started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KnownAttempt {
    /// It was told that it has begun.
    pub(crate) has_begun: bool,
    /// How much of its stdout and its stderr was told.
    pub(crate) told: [u64; 2],
}

pub(crate) trait Executor {
    /// Begins an attempt. Never blocks and never fails: what goes wrong is the `exit` of its [`Ended`].
    fn start(&mut self, attempt: AttemptId, assignment: Box<dyn Assignment>);
    /// Goes on with an attempt that another otto gave to a cluster: it may be on its way there, have begun, or have ended.
    fn adopt(&mut self, attempt: AttemptId, _assignment: Box<dyn Assignment>, _known: KnownAttempt) {
        unreachable!("bug: {attempt:?} cannot have outlived its otto")
    }
    /// The end of an attempt is in the journal, so it will not be asked for again.
    fn forget(&mut self, _attempt: AttemptId) {}
    /// The run goes no further here, and what is on a cluster goes on without it. When this returns, nothing more is
    /// submitted or cancelled there.
    fn leave(&mut self) {}
    /// Ends an attempt. One that has ended already is left alone. One that has not begun never will: it ends with the
    /// exit that the stop would have caused (SIGKILL for `Kill`).
    fn stop(&mut self, attempt: AttemptId, how: Stop);
    /// Whether the process of an attempt lives.
    fn is_alive(&self, attempt: AttemptId) -> bool;
    /// Halts all that runs, until `resume`. When this returns, nothing that was started goes on.
    fn suspend(&mut self);
    /// Lets all that was halted go on.
    fn resume(&mut self);
    /// The end of the run: ends all processes that are still alive, except these, and returns them.
    fn finish(&mut self, spared: &[Spared]) -> Vec<Leftover>;
}
