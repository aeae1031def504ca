//! What the index keeps of a run and its jobs, and the words it uses. Knows no database.

use crate::event::{Exit, Outcome, RunResult};
use crate::history::past::{PastRun, Standing};
use crate::name::{JobName, RunId};
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
    outcome.map_or("unsettled", Outcome::word)
}

pub(crate) fn exit_words(job: &JobState) -> (Option<&'static str>, Option<i32>) {
    let number = match &job.exit {
        Some(Exit::Code(number) | Exit::Signal(number) | Exit::NotStarted { code: number, .. }) => {
            Some(*number)
        }
        Some(Exit::Timeout | Exit::Lost) | None => None,
    };
    (job.exit.as_ref().map(Exit::how), number)
}

pub(crate) fn skip_words(job: &JobState) -> (Option<&'static str>, Option<&str>) {
    match &job.outcome {
        Some(Outcome::Skipped(skip)) => (Some(skip.because()), skip.of().map(JobName::as_str)),
        _ => (None, None),
    }
}
