//! What the index keeps of a run and its jobs, and the words it uses. Knows no database.

use crate::event::{Exit, Outcome, RunResult, Skip};
use crate::history::past::{PastRun, Standing};
use crate::name::RunId;
use crate::state::{Counts, JobState};

/// Which runs; the default is all of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunFilter {
    /// Name of a project's directory; `None`: all projects.
    pub(crate) project: Option<String>,
    /// Only runs in which this task, or a job of it, had its turn.
    pub(crate) task: Option<String>,
    /// Only runs whose [`Standing::json`] is one of these; empty: any. With a task, its outcome counts instead.
    pub(crate) statuses: Vec<String>,
    /// At most so many, the newest.
    pub(crate) limit: Option<usize>,
}

/// A run that is over, as the index keeps it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RunRow {
    /// Name of the project's directory.
    pub(crate) project: String,
    pub(crate) id: RunId,
    pub(crate) started_us: i64,
    pub(crate) took_us: Option<u64>,
    pub(crate) standing: Standing,
    pub(crate) counts: Counts,
    pub(crate) ottofile: String,
    pub(crate) command: Vec<String>,
    pub(crate) origin: Option<RunId>,
    pub(crate) bytes: u64,
}

impl RunRow {
    pub(crate) fn of(project: &str, run: &PastRun, bytes: u64) -> RunRow {
        let record = run.record.as_ref().ok();
        RunRow {
            project: project.to_owned(),
            id: run.id.clone(),
            started_us: run.started_us(),
            took_us: run.took_us(),
            standing: run.standing.clone(),
            counts: run.state.counts(),
            ottofile: record.map_or_else(String::new, |record| record.ottofile.to_string()),
            command: record.map_or_else(Vec::new, |record| record.command.clone()),
            origin: record.and_then(|record| record.origin.clone()),
            bytes,
        }
    }

    /// A hash of all that the row says. SQLite does not notice when a byte of a value has changed on disk.
    pub(crate) fn seal(&self) -> i64 {
        let Counts { ok, leaking, fresh, failed, skipped, interrupted, not_started, unsettled } = self.counts;
        let number = match &self.standing {
            Standing::Ended(
                RunResult::Failed { status: number } | RunResult::Interrupted { signal: number },
            ) => *number,
            Standing::Ended(RunResult::Succeeded) | Standing::Crashed | Standing::Running => 0,
        };
        let numbers = [ok, leaking, fresh, failed, skipped, interrupted, not_started, unsettled];
        let whole = serde_json::json!([
            self.project,
            self.id,
            self.started_us,
            self.took_us,
            self.standing.json(),
            number,
            numbers,
            self.ottofile,
            self.command,
            self.origin,
            self.bytes,
        ]);
        let hash = blake3::hash(whole.to_string().as_bytes());
        i64::from_le_bytes(*hash.as_bytes().first_chunk().expect("bug: a hash has 32 bytes"))
    }
}

/// One job that was started, or that was skipped, failed or cancelled before.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JobRow {
    pub(crate) name: String,
    pub(crate) task: String,
    pub(crate) outcome: String,
    pub(crate) took_us: Option<u64>,
}

/// As in the table `job` and in JSON.
pub(crate) fn outcome_word(outcome: Option<&Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Succeeded) => "succeeded",
        Some(Outcome::Fresh { .. }) => "fresh",
        Some(Outcome::Failed { .. }) => "failed",
        Some(Outcome::Skipped(_)) => "skipped",
        Some(Outcome::Interrupted { .. }) => "interrupted",
        Some(Outcome::Cancelled) => "cancelled",
        None => "unsettled",
    }
}

pub(crate) fn exit_words(job: &JobState) -> (Option<&'static str>, Option<i32>) {
    match &job.exit {
        None => (None, None),
        Some(Exit::Code(code)) => (Some("code"), Some(*code)),
        Some(Exit::Signal(signal)) => (Some("signal"), Some(*signal)),
        Some(Exit::Timeout) => (Some("timeout"), None),
        Some(Exit::Lost) => (Some("lost"), None),
        Some(Exit::NotStarted { code, .. }) => (Some("not_started"), Some(*code)),
    }
}

pub(crate) fn skip_words(job: &JobState) -> (Option<&'static str>, Option<&str>) {
    match &job.outcome {
        Some(Outcome::Skipped(Skip::Needs(other))) => (Some("needs"), Some(other.as_str())),
        Some(Outcome::Skipped(Skip::NotCalledFor(other))) => (Some("not_called_for"), Some(other.as_str())),
        Some(Outcome::Skipped(Skip::SerialPredecessor(other))) => {
            (Some("serial_predecessor"), Some(other.as_str()))
        }
        Some(Outcome::Skipped(Skip::FailFast)) => (Some("fail_fast"), None),
        _ => (None, None),
    }
}
