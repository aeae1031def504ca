//! Something that happened in a run, in order. Console, journal, index and replay are folds over these.
//! Knows no clock: who stamps an event brings the time.

mod form;

use crate::diagnostic::Notice;
use crate::name::{JobName, RunId};
use crate::secret::Masker;
use crate::verbatim::Verbatim;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The version of this form, which is that of the journal and of `--json`: docs/events.md tells of each field. A reader
/// refuses a higher number and ignores unknown fields and events.
pub(crate) const FORMAT: u32 = 2;

/// The reason of an attempt that waits for others in the job that it shares, among Slurm's own words for reasons.
pub(crate) const IN_BUNDLE: &str = "Bundle";

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stamped {
    /// From 0, without gaps: the order of events, whatever clocks do.
    pub(crate) seq: u64,
    /// Wall clock, microseconds since the Unix epoch.
    #[serde(rename = "time", with = "form::time")]
    pub(crate) wall_us: i64,
    /// Monotonic clock, microseconds since the run began: what durations are made of.
    #[serde(rename = "elapsed_us")]
    pub(crate) mono_us: u64,
    #[serde(flatten)]
    pub(crate) event: Event,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    RunStarted {
        format: u32,
        run: RunId,
        /// At most so many tasks at a time.
        slots: usize,
        /// In plan order.
        #[serde(rename = "tasks", with = "form::shared")]
        jobs: Vec<Arc<PlannedJob>>,
        /// With `--watch`: the files that changed since the run before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        changed: Vec<String>,
    },
    /// Data has told the jobs of a foreach task, which the run did not know when it started.
    #[serde(rename = "tasks_added")]
    JobsAdded {
        /// The foreach task.
        #[serde(rename = "task")]
        group: JobName,
        /// What they come from, as `PlannedJob::awaits` says it.
        from: String,
        /// In the order of the items.
        #[serde(rename = "tasks", with = "form::shared")]
        jobs: Vec<Arc<PlannedJob>>,
    },
    /// Why a job runs that could have been fresh.
    Stale {
        #[serde(rename = "task")]
        job: JobName,
        why: String,
    },
    AttemptStarted {
        #[serde(rename = "task")]
        job: JobName,
        /// From 1.
        attempt: u32,
    },
    /// An attempt waits in the queue of a cluster, or behind others in their job ([`IN_BUNDLE`]).
    AttemptQueued {
        #[serde(rename = "task")]
        job: JobName,
        attempt: u32,
        /// The number of its job there.
        id: String,
        /// Why it waits, in the cluster's words; empty until it is known.
        reason: String,
    },
    /// An attempt that waited in the queue of a cluster has begun on one of its machines.
    AttemptBegan {
        #[serde(rename = "task")]
        job: JobName,
        attempt: u32,
        host: String,
    },
    /// What is known about why an attempt failed. Comes before its end.
    Hint {
        #[serde(rename = "task")]
        job: JobName,
        attempt: u32,
        #[serde(flatten)]
        notice: Notice,
    },
    AttemptEnded {
        #[serde(rename = "task")]
        job: JobName,
        attempt: u32,
        exit: Exit,
        /// Processes that outlived the task and held its output; they were ended.
        leaked: u32,
        stdout_bytes: u64,
        stderr_bytes: u64,
        /// What a streaming task streamed.
        #[serde(default, skip_serializing_if = "is_zero")]
        stream_bytes: u64,
        /// Its readers had all left before it ended: what was recorded may be the beginning of more.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_stream_short: bool,
        /// Line of the ottofile, from 1, on which the script failed, where its language knows it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<usize>,
    },
    /// A service is ready: what it handed over until now is there for those that use it.
    ServiceUp {
        #[serde(rename = "task")]
        job: JobName,
        attempt: u32,
        /// Keys that it set, in the order of its record.
        keys: Vec<String>,
        /// The earlier run that started it, of the same watch.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<RunId>,
    },
    /// A failed attempt will be repeated after a pause.
    RetryPlanned {
        #[serde(rename = "task")]
        job: JobName,
        /// The attempt that failed.
        attempt: u32,
        /// How often the task may be repeated: one less than the attempts it has.
        #[serde(default)]
        retries: u32,
        pause_ms: u64,
        /// A cluster ended it, or its otto was gone: the task has as many retries as before.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_uncharged: bool,
    },
    #[serde(rename = "task_settled")]
    JobSettled {
        #[serde(rename = "task")]
        job: JobName,
        #[serde(flatten)]
        outcome: Outcome,
        /// Keys that the job set, in the order of its record.
        keys: Vec<String>,
    },
    /// Something the user should know that is no outcome. `code` is the diagnostic's, where it has one.
    Warning {
        #[serde(rename = "task", default, skip_serializing_if = "Option::is_none")]
        job: Option<JobName>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        message: String,
    },
    /// Another otto goes on with the run, on this machine: the one before is gone.
    RunResumed { host: String },
    /// Its otto leaves the run, which is not over: so many jobs of it are on a cluster and go on.
    RunLeft { jobs: usize },
    /// The run was asked to stop, by this signal.
    Stopping { signal: i32, is_forced: bool },
    RunEnded {
        #[serde(flatten)]
        result: RunResult,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlannedJob {
    pub(crate) name: JobName,
    /// The name of its task.
    pub(crate) task: JobName,
    /// False for groups, which have no process and no directory.
    pub(crate) has_body: bool,
    /// The ottofile of the task, seen from the folder of the root; `None`: the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<Box<str>>,
    /// Line of the task in the ottofile, from 1.
    pub(crate) line: usize,
    pub(crate) needs: Box<[JobName]>,
    /// The needed jobs whose streams it reads, so that it runs while they do.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) reads: Box<[JobName]>,
    /// Declared parameters that have a value.
    #[serde(default, with = "form::pairs")]
    pub(crate) params: Box<[(String, String)]>,
    /// Those of them that are not UTF-8, as hex: what stands in `params` is for people.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty", with = "form::pairs")]
    pub(crate) raw_params: Box<[(String, String)]>,
    /// The words of those that take several, each as it was typed.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty", with = "form::pairs")]
    pub(crate) words: Box<[(String, Vec<Verbatim>)]>,
    /// The jobs of its foreach task ran one at a time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_serial: bool,
    /// Its output is shown as one block, in the order of the items of its task.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_buffered: bool,
    /// It stays up while others use it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_service: bool,
    /// A foreach task whose jobs are not known yet: what will tell them, such as `list.files`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) awaits: Option<Box<str>>,
    /// Of such a task: the items that were asked for by name; empty for all.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) only: Box<[String]>,
}

#[cfg(test)]
impl PlannedJob {
    /// The only job of its task, with a body and nothing else. Tests change what they are about.
    pub(crate) fn plain(name: JobName) -> PlannedJob {
        PlannedJob {
            task: name.clone(),
            name,
            has_body: true,
            file: None,
            line: 1,
            needs: Box::default(),
            reads: Box::default(),
            params: Box::default(),
            raw_params: Box::default(),
            words: Box::default(),
            is_serial: false,
            is_buffered: false,
            is_service: false,
            awaits: None,
            only: Box::default(),
        }
    }
}

impl PlannedJob {
    /// Whether something runs for it: its body, or jobs of it that are not known yet.
    pub(crate) fn may_run(&self) -> bool {
        self.has_body || self.awaits.is_some()
    }
}

impl PlannedJob {
    /// The ottofile of the task, named as the root is.
    pub(crate) fn ottofile(&self, root: &str) -> String {
        match (&self.file, root.rfind('/')) {
            (None, _) => root.to_owned(),
            (Some(file), Some(slash)) if !file.starts_with('/') => format!("{}{file}", &root[..=slash]),
            (Some(file), _) => file.to_string(),
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Which of a task's two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// A piece of output: where it came among the events, and in which log its bytes are, after those of the pieces before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The number of the event before which it came.
    pub(crate) before: u64,
    /// The place of the job in the plan.
    pub(crate) place: usize,
    pub(crate) attempt: u32,
    pub(crate) stream: Stream,
    pub(crate) bytes: u64,
}

impl Piece {
    /// Whether `next` is more of the same.
    pub(crate) fn continues(&self, next: &Piece) -> bool {
        let of = |piece: &Piece| (piece.before, piece.place, piece.attempt, piece.stream);
        of(self) == of(next)
    }
}

impl Event {
    /// Takes secrets out of every text that may have one. Names of tasks are what they are.
    pub(crate) fn mask(&mut self, masker: &Masker) {
        let text = |text: &mut String| {
            if let Cow::Owned(masked) = masker.text(text) {
                *text = masked;
            }
        };
        match self {
            Event::RunStarted { jobs, .. } | Event::JobsAdded { jobs, .. } => {
                let has_values =
                    |job: &&mut Arc<PlannedJob>| !(job.params.is_empty() && job.words.is_empty());
                for job in jobs.iter_mut().filter(has_values) {
                    let job = Arc::make_mut(job);
                    job.params.iter_mut().for_each(|(_, value)| text(value));
                    for word in job.words.iter_mut().flat_map(|(_, words)| words) {
                        if let Verbatim::Text(word) = word {
                            text(word);
                        }
                    }
                }
            }
            Event::Stale { why, .. } => text(why),
            Event::Hint { notice, .. } => notice.texts_mut().for_each(text),
            Event::AttemptEnded { exit, .. } => exit.reason_mut().into_iter().for_each(text),
            Event::JobSettled { outcome, keys, .. } => {
                keys.iter_mut().for_each(text);
                match outcome {
                    Outcome::Failed { exit, reason, .. } => {
                        exit.reason_mut().into_iter().chain(reason).for_each(text);
                    }
                    Outcome::Interrupted { exit, .. } => exit.reason_mut().into_iter().for_each(text),
                    Outcome::Succeeded | Outcome::Fresh { .. } | Outcome::Skipped(_) | Outcome::Cancelled => {
                    }
                }
            }
            Event::Warning { message, .. } => text(message),
            Event::ServiceUp { keys, .. } => keys.iter_mut().for_each(text),
            Event::AttemptQueued { reason, .. } => text(reason),
            Event::AttemptStarted { .. }
            | Event::AttemptBegan { .. }
            | Event::RetryPlanned { .. }
            | Event::RunResumed { .. }
            | Event::RunLeft { .. }
            | Event::Stopping { .. }
            | Event::RunEnded { .. } => {}
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "form::ExitForm", try_from = "form::ExitForm")]
pub(crate) enum Exit {
    Code(i32),
    Signal(i32),
    /// Ended by otto after its time was up.
    Timeout,
    /// Its end was never seen.
    Lost,
    /// It could not be started. 127 not found, 126 not executable, 125 anything else.
    NotStarted {
        code: i32,
        reason: String,
    },
}

impl Exit {
    /// The word for it in records and in JSON.
    pub(crate) fn how(&self) -> &'static str {
        match self {
            Exit::Code(_) => "code",
            Exit::Signal(_) => "signal",
            Exit::Timeout => "timeout",
            Exit::Lost => "lost",
            Exit::NotStarted { .. } => "not_started",
        }
    }

    fn reason_mut(&mut self) -> Option<&mut String> {
        match self {
            Exit::NotStarted { reason, .. } => Some(reason),
            Exit::Code(_) | Exit::Signal(_) | Exit::Timeout | Exit::Lost => None,
        }
    }

    pub(crate) fn is_success(&self) -> bool {
        *self == Exit::Code(0)
    }

    /// It wrote to a pipe that nobody reads: itself, or the last command of a shell.
    pub(crate) fn is_of_closed_pipe(&self) -> bool {
        const SIGPIPE: i32 = 13;
        matches!(self, Exit::Signal(SIGPIPE)) || *self == Exit::Code(128 + SIGPIPE)
    }

    /// The status a shell would give it.
    pub(crate) fn status(&self) -> i32 {
        match self {
            Exit::Code(code) => *code,
            Exit::Signal(signal) => 128 + signal,
            Exit::Timeout => 124,
            Exit::Lost => 125,
            Exit::NotStarted { code, .. } => *code,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exit {code}"),
            Exit::Signal(signal) => write!(f, "killed by {}", signal_name(*signal)),
            Exit::Timeout => f.write_str("timeout"),
            Exit::Lost => f.write_str("lost"),
            Exit::NotStarted { reason, .. } => write!(f, "not started: {reason}"),
        }
    }
}

/// What a job came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(crate) enum Outcome {
    Succeeded,
    /// Up to date; its data is that of the run named.
    Fresh {
        run: RunId,
    },
    /// `reason` is what failed beside the exit, as when outputs were lost.
    Failed {
        exit: Exit,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Of the diagnostic that failed it, where it is not the exit that did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
    Skipped(Skip),
    /// Running when the run was stopped. `survivors` had to be killed after the grace period.
    Interrupted {
        exit: Exit,
        survivors: u32,
    },
    /// Not started when the run was stopped.
    Cancelled,
}

/// Why a job was not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", content = "of", rename_all = "snake_case")]
pub(crate) enum Skip {
    /// A job it needs failed, or was itself skipped for such a reason.
    Needs(JobName),
    /// It waits for a failure (or a success) that did not come.
    NotCalledFor(JobName),
    /// An earlier job of the same serial foreach failed.
    SerialPredecessor(JobName),
    /// Another task failed under `--fail-fast`.
    FailFast,
    /// Its `os` lists only other systems than this one: these.
    Os(String),
    /// Its `if` was false.
    If,
    /// A job whose run it waits for (`when: ran`) was skipped for its `if`, its `os`, or such a reason.
    #[serde(rename = "dependency")]
    NotRan(JobName),
}

impl Skip {
    /// The word for it in records and in JSON.
    pub(crate) fn because(&self) -> &'static str {
        match self {
            Skip::Needs(_) => "needs",
            Skip::NotCalledFor(_) => "not_called_for",
            Skip::SerialPredecessor(_) => "serial_predecessor",
            Skip::FailFast => "fail_fast",
            Skip::Os(_) => "os",
            Skip::If => "if",
            Skip::NotRan(_) => "dependency",
        }
    }

    /// Whether nothing went wrong: the task had no work to do, and those after it run.
    pub(crate) fn is_harmless(&self) -> bool {
        match self {
            Skip::Os(_) | Skip::If | Skip::NotRan(_) => true,
            Skip::Needs(_) | Skip::NotCalledFor(_) | Skip::SerialPredecessor(_) | Skip::FailFast => false,
        }
    }

    /// The job that it is about.
    pub(crate) fn of(&self) -> Option<&JobName> {
        match self {
            Skip::Needs(job) | Skip::NotCalledFor(job) | Skip::SerialPredecessor(job) | Skip::NotRan(job) => {
                Some(job)
            }
            Skip::FailFast | Skip::Os(_) | Skip::If => None,
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Skip::Needs(job) => write!(f, "needs {job}"),
            Skip::NotCalledFor(job) => write!(f, "not triggered by {job}"),
            Skip::SerialPredecessor(job) => write!(f, "after {job} failed"),
            Skip::FailFast => f.write_str("a task failed (--fail-fast)"),
            Skip::Os(systems) => write!(f, "only on {systems}"),
            Skip::If => f.write_str("if is false"),
            Skip::NotRan(job) => write!(f, "{job} was skipped"),
        }
    }
}

impl Outcome {
    /// The word for it in records and in JSON.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Outcome::Succeeded => "succeeded",
            Outcome::Fresh { .. } => "fresh",
            Outcome::Failed { .. } => "failed",
            Outcome::Skipped(_) => "skipped",
            Outcome::Interrupted { .. } => "interrupted",
            Outcome::Cancelled => "cancelled",
        }
    }

    pub(crate) fn is_success(&self) -> bool {
        matches!(self, Outcome::Succeeded | Outcome::Fresh { .. })
    }

    /// Skipped, and nothing went wrong.
    pub(crate) fn is_harmless_skip(&self) -> bool {
        matches!(self, Outcome::Skipped(skip) if skip.is_harmless())
    }

    pub(crate) fn is_failure(&self) -> bool {
        matches!(self, Outcome::Failed { .. })
    }
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "form::ResultForm", try_from = "form::ResultForm")]
pub(crate) enum RunResult {
    Succeeded,
    /// The status otto exits with: that of the first failed job in plan order.
    Failed {
        status: i32,
    },
    Interrupted {
        signal: i32,
    },
}

impl RunResult {
    /// The word for it in records and in JSON.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            RunResult::Succeeded => "succeeded",
            RunResult::Failed { .. } => "failed",
            RunResult::Interrupted { .. } => "interrupted",
        }
    }
}

/// An event of the first format in the present one.
pub(crate) fn of_first_format(line: &serde_json::Value) -> Option<Stamped> {
    serde_json::from_value(form::of_first(line)?).ok()
}

/// `SIGKILL` for 9; `signal 99` for one without a name.
pub(crate) fn signal_name(signal: i32) -> String {
    const NAMES: &[(i32, &str)] = &[
        (1, "SIGHUP"),
        (2, "SIGINT"),
        (3, "SIGQUIT"),
        (4, "SIGILL"),
        (5, "SIGTRAP"),
        (6, "SIGABRT"),
        (8, "SIGFPE"),
        (9, "SIGKILL"),
        (11, "SIGSEGV"),
        (13, "SIGPIPE"),
        (14, "SIGALRM"),
        (15, "SIGTERM"),
        (24, "SIGXCPU"),
        (25, "SIGXFSZ"),
    ];
    // Those that Linux and macOS number differently.
    #[cfg(target_os = "linux")]
    const OTHERS: &[(i32, &str)] = &[(7, "SIGBUS"), (10, "SIGUSR1"), (12, "SIGUSR2"), (31, "SIGSYS")];
    #[cfg(not(target_os = "linux"))]
    const OTHERS: &[(i32, &str)] = &[(10, "SIGBUS"), (30, "SIGUSR1"), (31, "SIGUSR2"), (12, "SIGSYS")];
    NAMES
        .iter()
        .chain(OTHERS)
        .find(|(number, _)| *number == signal)
        .map_or_else(|| format!("signal {signal}"), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn job() -> JobName {
        JobName::recorded("a").expect("not empty")
    }

    fn form(value: impl Serialize) -> serde_json::Value {
        serde_json::to_value(value).expect("plain data")
    }

    #[test]
    fn the_words_of_outcomes_are_those_of_the_form() {
        let run = RunId::new("20261123-120000.000000", 42);
        let exits = [
            Exit::Code(3),
            Exit::Signal(9),
            Exit::Timeout,
            Exit::Lost,
            Exit::NotStarted { code: 127, reason: "gone".into() },
        ];
        for exit in exits {
            let written = form(&exit);
            assert_eq!((&written["how"], &written["status"]), (&json!(exit.how()), &json!(exit.status())));
            assert_eq!(serde_json::from_value::<Exit>(written).expect("ours"), exit);
        }
        let skips = [
            Skip::Needs(job()),
            Skip::NotCalledFor(job()),
            Skip::SerialPredecessor(job()),
            Skip::FailFast,
            Skip::If,
            Skip::NotRan(job()),
        ];
        for skip in &skips {
            let written = form(Outcome::Skipped(skip.clone()));
            assert_eq!(written["because"], skip.because());
            assert_eq!(written.get("of").and_then(serde_json::Value::as_str), skip.of().map(JobName::as_str));
        }
        let others = [
            Outcome::Succeeded,
            Outcome::Fresh { run },
            Outcome::Failed { exit: Exit::Lost, reason: Some("why".into()), code: Some("E0701".into()) },
            Outcome::Interrupted { exit: Exit::Code(1), survivors: 2 },
            Outcome::Cancelled,
        ];
        for outcome in others.into_iter().chain(skips.map(Outcome::Skipped)) {
            let written = form(&outcome);
            assert_eq!(written["outcome"], outcome.word());
            assert_eq!(serde_json::from_value::<Outcome>(written).expect("ours"), outcome);
        }
        let results =
            [RunResult::Succeeded, RunResult::Failed { status: 3 }, RunResult::Interrupted { signal: 2 }];
        for result in results {
            let written = form(&result);
            assert_eq!(written["result"], result.word());
            assert_eq!(serde_json::from_value::<RunResult>(written).expect("ours"), result);
        }
    }
}
