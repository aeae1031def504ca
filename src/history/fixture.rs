//! Runs on disk for tests, made without running anything.

use crate::event::{Event, Exit, FORMAT, Outcome, PlannedJob, RunResult, Skip, Stamped};
use crate::history::journal::Journal;
use crate::history::record::{RecordedPath, RunRecord, tests::record};
use crate::name::{JobName, RunId};
use crate::store::claim::{RunLock, claim_run, open_home};
use crate::store::layout::{Home, ProjectDir, RunDir};
use std::path::PathBuf;
use std::sync::Arc;

/// A home of its own, a folder `shop` beside it, and the folder's project.
pub(crate) struct Sandbox {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) home: Home,
    pub(crate) project: ProjectDir,
}

impl Sandbox {
    pub(crate) fn new() -> Sandbox {
        let dir = tempfile::tempdir().expect("a sandbox");
        let root = dir.path().canonicalize().expect("there");
        let home = open_home(root.join("home")).expect("a home");
        let folder = root.join("shop");
        std::fs::create_dir(&folder).expect("made");
        let project = home.project(&folder);
        Sandbox { dir, home, project }
    }

    /// Where the project's ottofile would be.
    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().canonicalize().expect("there").join("shop")
    }

    /// A run that begins at `at` (RFC 3339) and whose id ends in `tail`.
    pub(crate) fn begin(&self, at: &str, tail: &str, command: &str) -> Run {
        self.begin_with(at, tail, command, |_| {})
    }

    pub(crate) fn begin_with(
        &self,
        at: &str,
        tail: &str,
        command: &str,
        change: impl Fn(&mut RunRecord),
    ) -> Run {
        // Made in any order, and each of its own time: none comes after another.
        let _ = std::fs::remove_file(self.project.latest());
        let (dir, id, lock) = claim_run(&self.project, at.parse().expect("a time"), number_of(tail), |id| {
            let mut record = record(id, at, command);
            record.ottofile = RecordedPath(self.folder().join("otto.yml"));
            record.cwd = RecordedPath(self.folder());
            change(&mut record);
            record.to_json()
        })
        .expect("a place for the run");
        assert_eq!(id.tail(), tail);
        let journal = Journal::create(&dir);
        let began_us = at.parse::<jiff::Timestamp>().expect("a time").as_microsecond();
        Run { dir, id, lock: Some(lock), journal, seq: 0, began_us, now_ms: 0 }
    }

    /// A run of independent tasks, each a millisecond, that all succeed.
    pub(crate) fn good(&self, at: &str, tail: &str, tasks: &[&str]) -> RunId {
        let jobs: Vec<(&str, &[&str])> = tasks.iter().map(|task| (*task, &[][..])).collect();
        let mut run = self.begin(at, tail, &tasks.join(" "));
        run.plan(&jobs);
        for task in tasks {
            run.ok(task, 1, &[]);
        }
        run.end(RunResult::Succeeded)
    }
}

/// The random number that gives an id this tail.
fn number_of(tail: &str) -> u64 {
    const ALPHABET: &str = "0123456789abcdefghjkmnpqrstvwxyz";
    let digit = |character| ALPHABET.find(character).expect("of the alphabet of ids") as u64;
    tail.chars().enumerate().map(|(place, character)| digit(character) << (5 * place)).sum()
}

/// A run that goes on until it is ended or dropped; dropped, it has crashed.
pub(crate) struct Run {
    pub(crate) dir: RunDir,
    pub(crate) id: RunId,
    lock: Option<RunLock>,
    journal: Journal,
    seq: u64,
    began_us: i64,
    now_ms: u64,
}

pub(crate) fn job(name: &str) -> JobName {
    JobName::recorded(name).expect("not empty")
}

impl Run {
    pub(crate) fn event(&mut self, event: Event) {
        self.journal.append(&Stamped {
            seq: self.seq,
            wall_us: self.began_us + self.now_ms as i64 * 1000,
            mono_us: self.now_ms * 1000,
            event,
        });
        self.seq += 1;
    }

    /// Jobs with what they need.
    pub(crate) fn plan(&mut self, jobs: &[(&str, &[&str])]) {
        let planned = |(place, (name, needs)): (usize, &(&str, &[&str]))| {
            Arc::new(PlannedJob {
                task: job(name.split(':').next().expect("split gives one")),
                line: 3 + 4 * place,
                needs: needs.iter().copied().map(job).collect(),
                ..PlannedJob::plain(job(name))
            })
        };
        self.plan_as(jobs.iter().enumerate().map(planned).collect());
    }

    pub(crate) fn plan_as(&mut self, jobs: Vec<Arc<PlannedJob>>) {
        self.event(Event::RunStarted {
            format: FORMAT,
            run: self.id.clone(),
            slots: 2,
            jobs,
            changed: Vec::new(),
        });
    }

    /// An attempt of so many milliseconds, during which nothing else happens.
    pub(crate) fn attempt(&mut self, name: &str, ms: u64, exit: Exit) {
        self.event(Event::AttemptStarted { job: job(name), attempt: 1 });
        self.now_ms += ms;
        let length = |stream| {
            std::fs::metadata(self.dir.job(&job(name)).log(stream, 1)).map_or(0, |metadata| metadata.len())
        };
        let (stdout_bytes, stderr_bytes) =
            (length(crate::event::Stream::Stdout), length(crate::event::Stream::Stderr));
        self.event(Event::AttemptEnded {
            job: job(name),
            attempt: 1,
            exit,
            leaked: 0,
            stdout_bytes,
            stderr_bytes,
            stream_bytes: 0,
            is_stream_short: false,
            line: None,
        });
    }

    pub(crate) fn settle(&mut self, name: &str, outcome: Outcome, keys: &[&str]) {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        self.event(Event::JobSettled { job: job(name), outcome, keys });
    }

    pub(crate) fn ok(&mut self, name: &str, ms: u64, keys: &[&str]) {
        self.attempt(name, ms, Exit::Code(0));
        self.settle(name, Outcome::Succeeded, keys);
    }

    pub(crate) fn fail(&mut self, name: &str, ms: u64, code: i32) {
        self.attempt(name, ms, Exit::Code(code));
        self.settle(name, Outcome::Failed { exit: Exit::Code(code), reason: None, code: None }, &[]);
    }

    pub(crate) fn skip(&mut self, name: &str, needs: &str) {
        self.settle(name, Outcome::Skipped(Skip::Needs(job(needs))), &[]);
    }

    /// A file in the directory of a job.
    pub(crate) fn file(&self, name: &str, file: &str, text: &str) {
        let dir = self.dir.job(&job(name)).path;
        std::fs::create_dir_all(&dir).expect("ours");
        std::fs::write(dir.join(file), text).expect("ours");
    }

    /// Hands on outputs, as JSON.
    pub(crate) fn outputs(&self, name: &str, json: &str) {
        self.file(name, &format!("output.{name}.json"), json);
    }

    pub(crate) fn input(&self, name: &str, dependency: &str) {
        let dir = self.dir.job(&job(name));
        std::fs::create_dir_all(&dir.path).expect("ours");
        crate::store::inputs::link_to(&dir, &job(dependency), &self.dir.job(&job(dependency))).expect("ours");
    }

    pub(crate) fn end(mut self, result: RunResult) -> RunId {
        self.event(Event::RunEnded { result });
        self.lock.take();
        self.id.clone()
    }
}
