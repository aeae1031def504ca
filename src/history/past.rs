//! A run read back from its directory: its record, and its journal folded.
//! Works from the files alone; the index is not asked.

use crate::event::{Event, RunResult};
use crate::history::journal::{self, ReadError};
use crate::history::record::RunRecord;
use crate::host::plain;
use crate::name::{JobName, RunId};
use crate::state::RunState;
use crate::store::claim;
use crate::store::layout::{JobDir, ProjectDir, RunDir};
use crate::store::regular;

#[derive(Debug)]
pub(crate) struct PastRun {
    pub(crate) id: RunId,
    pub(crate) dir: RunDir,
    /// Or why there is none.
    pub(crate) record: Result<RunRecord, String>,
    pub(crate) standing: Standing,
    pub(crate) state: RunState,
    pub(crate) warnings: Vec<Warning>,
}

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Running,
    Ended(RunResult),
    /// Its process is gone and recorded no result: killed, or the machine went down.
    Crashed,
}

impl Standing {
    /// The word for it in tables, without a meaning by colour.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Standing::Running => "run",
            Standing::Ended(RunResult::Succeeded) => "ok",
            Standing::Ended(RunResult::Failed { .. }) => "FAIL",
            Standing::Ended(RunResult::Interrupted { .. }) => "INT",
            Standing::Crashed => "?",
        }
    }

    /// The word for it in JSON.
    pub(crate) fn json(&self) -> &'static str {
        match self {
            Standing::Running => "running",
            Standing::Ended(result) => result.word(),
            Standing::Crashed => "crashed",
        }
    }

    /// Neither good nor still open: what `latest-failed` and `keep_failed` mean.
    pub(crate) fn is_failure(&self) -> bool {
        !matches!(self, Standing::Running | Standing::Ended(RunResult::Succeeded))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Warning {
    pub(crate) job: Option<JobName>,
    pub(crate) message: String,
}

impl PastRun {
    pub(crate) fn read(dir: RunDir, id: RunId) -> Result<PastRun, ReadError> {
        let record = regular::read(&dir.record())
            .map_err(|error| plain(&error))
            .and_then(|json| RunRecord::parse(&json));
        // The lock first: a run that ends between the two questions has then written its last event.
        let is_running = claim::is_running(&dir);
        let mut state = RunState::default();
        let mut warnings = Vec::new();
        for stamped in journal::read(&dir)? {
            state.apply(&stamped);
            if let Event::Warning { job, code: _, message } = stamped.event {
                warnings.push(Warning { job, message });
            }
        }
        state.put_in_order();
        let standing = match state.result.clone() {
            Some(result) => Standing::Ended(result),
            None if is_running => Standing::Running,
            None => Standing::Crashed,
        };
        Ok(PastRun { id, dir, record, standing, state, warnings })
    }

    /// Wall clock, microseconds since the Unix epoch.
    pub(crate) fn started_us(&self) -> i64 {
        match &self.record {
            Ok(record) => record.started.as_microsecond(),
            Err(_) => began_us(&self.id),
        }
    }

    /// `None` while it runs and after a crash.
    pub(crate) fn took_us(&self) -> Option<u64> {
        self.state.ended_us.map(|ended| ended.saturating_sub(self.state.began_us))
    }

    /// The folder of a job.
    pub(crate) fn job_dir(&self, job: &JobName) -> JobDir {
        let dir = self.dir.job(job);
        let as_written = self.dir.job_as_written(job);
        if !dir.path.exists() && as_written.path.exists() { as_written } else { dir }
    }
}

/// What became of a run, from the end of its journal.
pub(crate) fn standing(dir: &RunDir) -> Standing {
    let is_running = claim::is_running(dir);
    match journal::last_event(dir).map(|stamped| stamped.event) {
        Some(Event::RunEnded { result }) => Standing::Ended(result),
        _ if is_running => Standing::Running,
        _ => Standing::Crashed,
    }
}

/// The sum of the sizes of all files of a run.
pub(crate) fn disk_bytes(dir: &RunDir) -> u64 {
    walkdir::WalkDir::new(&dir.path)
        .into_iter()
        .filter_map(std::result::Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| entry.metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}

/// The runs that a project's directory holds, oldest first.
pub(crate) fn list(project: &ProjectDir) -> Vec<RunId> {
    let Ok(entries) = std::fs::read_dir(&project.path) else { return Vec::new() };
    let mut ids: Vec<RunId> = entries
        .filter_map(std::result::Result::ok)
        .filter_map(|entry| RunId::parse(entry.file_name().to_str()?))
        .collect();
    ids.sort();
    ids
}

/// When a run began, microseconds since the Unix epoch, from its id.
pub(crate) fn began_us(id: &RunId) -> i64 {
    id.stamp_us().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn an_id_says_when_its_run_began() {
        let began =
            |stamp| jiff::Timestamp::from_microsecond(began_us(&RunId::new(stamp, 1))).expect("in range");
        assert_eq!(began("20261123-215400.123456").to_string(), "2026-11-23T21:54:00.123456Z");
        assert_eq!(began_us(&RunId::new("20269999-999999.000000", 1)), 0);
    }

    #[test]
    fn a_clock_that_jumps_changes_neither_durations_nor_the_order() {
        use crate::event::{Exit, Outcome, PlannedJob, Stamped};
        let sandbox = crate::history::fixture::Sandbox::new();
        let run = sandbox.begin("2026-11-23T12:00:00Z", "aaaa00", "a b");
        let mut journal = journal::Journal::create(&RunDir { path: run.dir.path.join("tasks") });
        let name = crate::history::fixture::job;
        let planned = |job: &str| Arc::new(PlannedJob::plain(name(job)));
        let ended = |job: &str| Event::AttemptEnded {
            job: name(job),
            attempt: 1,
            exit: Exit::Code(0),
            leaked: 0,
            stdout_bytes: 0,
            stderr_bytes: 0,
            stream_bytes: 0,
            is_stream_short: false,
            line: None,
        };
        let started = |job: &str| Event::AttemptStarted { job: name(job), attempt: 1 };
        let settled =
            |job: &str| Event::JobSettled { job: name(job), outcome: Outcome::Succeeded, keys: Vec::new() };
        let events = [
            Event::RunStarted {
                format: crate::event::FORMAT,
                run: run.id.clone(),
                slots: 1,
                changed: Vec::new(),
                jobs: vec![planned("a"), planned("b")],
            },
            started("a"),
            ended("a"),
            settled("a"),
            started("b"),
            ended("b"),
            settled("b"),
            Event::RunEnded { result: RunResult::Succeeded },
        ];
        // Back by a day while `a` runs, ahead by a year while `b` does.
        let hours = [0, 0, -24, -24, -24, 24 * 365, 24 * 365, 24 * 365];
        for (place, (event, hours)) in events.into_iter().zip(hours).enumerate() {
            let wall_us = 1_795_435_200_000_000 + hours * 3_600_000_000i64;
            journal.append(&Stamped { seq: place as u64, wall_us, mono_us: place as u64 * 1000, event });
        }
        let made = run.dir.path.join("tasks/events.jsonl");
        std::fs::rename(made, run.dir.journal()).expect("moved");
        let read = PastRun::read(run.dir.clone(), run.id.clone()).expect("ours");
        let took: Vec<_> = read.state.jobs.iter().map(|job| (job.started_us(), job.took_us())).collect();
        assert_eq!(took, [(Some(1000), Some(1000)), (Some(4000), Some(1000))]);
        assert_eq!((read.took_us(), read.standing), (Some(7000), Standing::Ended(RunResult::Succeeded)));
    }
}
