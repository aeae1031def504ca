//! Runs and jobs of the past as JSON. Fields are only ever added.

use crate::diagnostic::Notice;
use crate::event::{Exit, Outcome, RunResult};
use crate::history::past::{PastRun, Standing};
use crate::history::row::RunRow;
use crate::history::row::outcome_word;
use crate::state::{Counts, JobState};
use crate::value::{self, Map, Value};
use crate::view::filter::shown;
use crate::view::table::cut;
use crate::view::time::rfc3339;
use jiff::tz::TimeZone;
use serde::Serialize;

/// A run in `History --json`, and the beginning of `Show --json`.
#[derive(Debug, Serialize)]
pub(super) struct RunJson {
    id: String,
    /// The shortest name by which it can be called.
    short: String,
    /// RFC 3339.
    started: String,
    /// Null while it runs, and if it ended without a result.
    took_ms: Option<u64>,
    /// succeeded, failed, interrupted, crashed, running
    result: &'static str,
    /// The exit status of a failed run.
    status: Option<i32>,
    /// The signal of an interrupted one.
    signal: Option<i32>,
    tasks: CountsJson,
    /// The words after `otto`, without secrets.
    command: Vec<String>,
    ottofile: Option<String>,
    /// The run that it repeats.
    origin: Option<String>,
    /// The size of its folder; null while it runs.
    bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct CountsJson {
    ok: usize,
    fresh: usize,
    failed: usize,
    skipped: usize,
    interrupted: usize,
    not_started: usize,
    /// Without a result.
    unsettled: usize,
}

impl From<Counts> for CountsJson {
    fn from(counts: Counts) -> CountsJson {
        let Counts { ok, leaking: _, fresh, failed, skipped, interrupted, not_started, unsettled } = counts;
        CountsJson { ok, fresh, failed, skipped, interrupted, not_started, unsettled }
    }
}

fn numbers(standing: &Standing) -> (Option<i32>, Option<i32>) {
    match standing {
        Standing::Ended(RunResult::Failed { status }) => (Some(*status), None),
        Standing::Ended(RunResult::Interrupted { signal }) => (None, Some(*signal)),
        Standing::Ended(RunResult::Succeeded) | Standing::Running | Standing::Crashed => (None, None),
    }
}

impl RunJson {
    pub(super) fn of_row(row: &RunRow, short: &str, zone: &TimeZone) -> RunJson {
        let (status, signal) = numbers(&row.standing);
        RunJson {
            id: row.id.to_string(),
            short: short.to_owned(),
            started: rfc3339(row.started_us, zone),
            took_ms: row.took_us.map(|us| us / 1000),
            result: row.standing.json(),
            status,
            signal,
            tasks: row.counts.into(),
            command: row.command.clone(),
            ottofile: Some(row.ottofile.clone()).filter(|path| !path.is_empty()),
            origin: row.origin.as_ref().map(ToString::to_string),
            bytes: (row.standing != Standing::Running).then_some(row.bytes),
        }
    }

    pub(super) fn of_run(run: &PastRun, short: &str, bytes: u64, zone: &TimeZone) -> RunJson {
        RunJson::of_row(&RunRow::of("", run, bytes), short, zone)
    }
}

/// A job in `Show --json`.
#[derive(Debug, Serialize)]
pub(super) struct JobJson {
    name: String,
    task: String,
    /// succeeded, fresh, failed, skipped, interrupted, cancelled, unsettled
    outcome: &'static str,
    /// How its last attempt ended: code, signal, timeout, lost, not_started.
    exit: Option<&'static str>,
    code: Option<i32>,
    signal: Option<i32>,
    /// In words, where there is something to say.
    reason: Option<String>,
    attempts: u32,
    /// Since the run began.
    started_ms: Option<u64>,
    took_ms: Option<u64>,
    needs: Vec<String>,
    params: serde_json::Map<String, serde_json::Value>,
    /// The words of parameters that take several; those that are not UTF-8 as `{"hex": …}`.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    words: serde_json::Map<String, serde_json::Value>,
    keys: Vec<String>,
    stdout_bytes: u64,
    stderr_bytes: u64,
    /// What a streaming task streamed.
    stream_bytes: u64,
    /// Line of the ottofile, from 1.
    line: usize,
    /// The run whose data a fresh job handed on.
    fresh_since: Option<String>,
    /// Why it ran, if it could have been fresh.
    stale: Option<String>,
    /// Why its last attempt failed, as in the events.
    hints: Vec<Notice>,
}

impl From<&JobState> for JobJson {
    fn from(job: &JobState) -> JobJson {
        let (code, signal) = match &job.exit {
            Some(Exit::Code(code) | Exit::NotStarted { code, .. }) => (Some(*code), None),
            Some(Exit::Signal(signal)) => (None, Some(*signal)),
            Some(Exit::Timeout | Exit::Lost) | None => (None, None),
        };
        let reason = match &job.outcome {
            Some(Outcome::Failed { reason: Some(reason), .. }) => Some(reason.clone()),
            Some(Outcome::Failed { exit: Exit::NotStarted { reason, .. }, reason: None, .. }) => {
                Some(reason.clone())
            }
            Some(Outcome::Skipped(skip)) => Some(skip.to_string()),
            Some(
                Outcome::Succeeded
                | Outcome::Fresh { .. }
                | Outcome::Failed { .. }
                | Outcome::Interrupted { .. }
                | Outcome::Cancelled,
            )
            | None => None,
        };
        let fresh_since = match &job.outcome {
            Some(Outcome::Fresh { run }) => Some(run.to_string()),
            _ => None,
        };
        let planned = &job.planned;
        JobJson {
            name: planned.name.to_string(),
            task: planned.task.to_string(),
            outcome: outcome_word(job.outcome.as_ref()),
            exit: job.exit.as_ref().map(Exit::how),
            code,
            signal,
            reason,
            attempts: job.attempts,
            started_ms: job.started_us().map(|us| us / 1000),
            took_ms: job.took_us().map(|us| us / 1000),
            needs: planned.needs.iter().map(ToString::to_string).collect(),
            params: planned.params.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect(),
            words: planned
                .words
                .iter()
                .map(|(name, words)| (name.clone(), serde_json::json!(words)))
                .collect(),
            keys: job.keys.clone(),
            stdout_bytes: job.stdout_bytes,
            stderr_bytes: job.stderr_bytes,
            stream_bytes: job.more().stream_bytes,
            line: planned.line,
            fresh_since,
            stale: job.more().stale.clone(),
            hints: job.more().hints.clone(),
        }
    }
}

/// A description to which values of tasks can be added, digits and all.
pub(super) fn map(description: &impl Serialize) -> Map {
    let json = serde_json::to_vec(description).expect("bug: a description is plain data");
    match value::parse(&json) {
        Ok(Value::Map(map)) => map,
        Ok(_) | Err(_) => unreachable!("bug: a description is a JSON object"),
    }
}

/// A text without what moves a terminal, cut where it is very long.
pub(super) fn in_line(text: &str) -> String {
    cut(&shown(text), 200)
}

/// JSON as it is printed.
pub(super) fn text(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("bug: a description is plain data") + "\n"
}
