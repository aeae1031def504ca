//! For tests of views: events and output as a few words, and what was shown as text.

use super::console::{Console, ConsoleSettings, Display, Volume};
use super::sink::tests::SharedWriter;
use super::{Logs, View};
use crate::diagnostic::{Diagnostic, Notice};
use crate::event::{Event, Exit, FORMAT, Outcome, PlannedJob, RunResult, Skip, Stamped, Stream};
use crate::name::{JobName, RunId};
use std::io::{self, Read};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn name(text: &str) -> JobName {
    JobName::recorded(text).expect("not empty")
}

pub(crate) fn run_id(tail: &str) -> RunId {
    RunId::parse(&format!("20261124-091400.000000-{tail}00")).expect("four characters of a run id")
}

/// `build 12 needs fetch, lint`: the name, the line, and what it needs; `group ci 4 needs …` has no body, and
/// `service db 4` stays up, and `buffered up:a 4` is shown as a block. `needs ~fetch` reads its stream.
pub(crate) fn planned(text: &str) -> Arc<PlannedJob> {
    let (head, needs) = text.split_once(" needs ").unwrap_or((text, ""));
    let (is_buffered, head) = head.strip_prefix("buffered ").map_or((false, head), |rest| (true, rest));
    let (is_service, head) = head.strip_prefix("service ").map_or((false, head), |rest| (true, rest));
    let (has_body, head) = head.strip_prefix("group ").map_or((true, head), |rest| (false, rest));
    let needs: Vec<&str> = needs.split(", ").filter(|need| !need.is_empty()).collect();
    let (job, line) = head.rsplit_once(' ').unwrap_or((head, "1"));
    Arc::new(PlannedJob {
        task: name(job.split(':').next().unwrap_or(job)),
        has_body,
        line: line.parse().expect("a line"),
        needs: needs.iter().map(|need| name(need.trim_start_matches('~'))).collect(),
        reads: needs.iter().filter_map(|need| need.strip_prefix('~')).map(name).collect(),
        is_buffered,
        is_service,
        ..PlannedJob::plain(name(job))
    })
}

/// Logs that are not needed, or are made up.
pub(crate) struct FakeLogs(pub(crate) &'static str);

impl Logs for FakeLogs {
    fn open(&self, _job: &JobName, _attempt: u32, stream: Stream) -> io::Result<Box<dyn Read>> {
        match stream {
            Stream::Stdout if self.0.is_empty() => Err(io::ErrorKind::NotFound.into()),
            Stream::Stdout => Ok(Box::new(self.0.as_bytes())),
            Stream::Stderr => Ok(Box::new(io::empty())),
        }
    }
}

/// A run that is told to a view.
pub(crate) struct ScriptedRun<V> {
    pub(crate) view: V,
    seq: u64,
    pub(crate) now_us: u64,
}

/// What a console has written.
pub(crate) struct Screens {
    pub(crate) stdout: SharedWriter,
    pub(crate) stderr: SharedWriter,
}

impl Screens {
    pub(crate) fn both(&self) -> String {
        format!("--- stdout\n{}--- stderr\n{}", self.stdout.text(), self.stderr.text())
    }
}

/// A console whose stdout and stderr are one text, as on a terminal.
pub(crate) fn on_screen(change: impl FnOnce(&mut ConsoleSettings)) -> (ScriptedRun<Console>, SharedWriter) {
    let (screen, settings) = (SharedWriter::default(), changed(true, change));
    let console = Console::new(
        settings,
        Box::new(screen.clone()),
        Box::new(screen.clone()),
        Rc::new(FakeLogs("")),
        Box::new(|| 50),
    );
    (ScriptedRun::new(console), screen)
}

/// A console whose stdout and stderr are two files.
pub(crate) fn apart(change: impl FnOnce(&mut ConsoleSettings)) -> (ScriptedRun<Console>, Screens) {
    let (stdout, stderr) = (SharedWriter::default(), SharedWriter::default());
    let console = Console::new(
        changed(false, change),
        Box::new(stdout.clone()),
        Box::new(stderr.clone()),
        Rc::new(FakeLogs("from the log\n")),
        Box::new(|| 50),
    );
    (ScriptedRun::new(console), Screens { stdout, stderr })
}

/// Output that goes to no terminal, without colour.
pub(crate) fn plain() -> ConsoleSettings {
    ConsoleSettings {
        display: Display::Auto,
        volume: Volume::Normal,
        github: None,
        colours_stdout: false,
        colours_stderr: false,
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        is_shared: false,
        draws_progress: false,
        tail_lines: 20,
        ottofile: "otto.yml".to_owned(),
        grace: Duration::from_secs(10),
    }
}

fn changed(is_shared: bool, change: impl FnOnce(&mut ConsoleSettings)) -> ConsoleSettings {
    let mut settings = ConsoleSettings { is_shared, ..plain() };
    change(&mut settings);
    settings
}

/// What a reader sees: escape sequences as text.
pub(crate) fn visible(text: &str) -> String {
    text.replace('\x1b', "␛").replace('\r', "␍")
}

impl<V: View> ScriptedRun<V> {
    pub(crate) fn new(view: V) -> ScriptedRun<V> {
        ScriptedRun { view, seq: 0, now_us: 0 }
    }

    pub(crate) fn at(&mut self, seconds: f64) -> &mut Self {
        self.now_us = (seconds * 1e6).round() as u64;
        self
    }

    pub(crate) fn event(&mut self, event: Event) -> &mut Self {
        let wall_us = 1_795_511_640_000_000 + self.now_us as i64;
        self.view.event(&Stamped { seq: self.seq, wall_us, mono_us: self.now_us, event });
        self.seq += 1;
        self
    }

    pub(crate) fn run(&mut self, tail: &str, slots: usize, jobs: &[&str]) -> &mut Self {
        let jobs = jobs.iter().map(|text| planned(text)).collect();
        self.event(Event::RunStarted { format: FORMAT, run: run_id(tail), slots, jobs, changed: Vec::new() })
    }

    pub(crate) fn start(&mut self, job: &str) -> &mut Self {
        self.attempt(job, 1)
    }

    pub(crate) fn attempt(&mut self, job: &str, attempt: u32) -> &mut Self {
        self.event(Event::AttemptStarted { job: name(job), attempt })
    }

    pub(crate) fn out(&mut self, job: &str, text: &str) -> &mut Self {
        self.view.output(&name(job), Stream::Stdout, text.as_bytes(), self.now_us);
        self
    }

    pub(crate) fn err(&mut self, job: &str, text: &str) -> &mut Self {
        self.view.output(&name(job), Stream::Stderr, text.as_bytes(), self.now_us);
        self
    }

    pub(crate) fn ended(
        &mut self,
        job: &str,
        attempt: u32,
        exit: Exit,
        leaked: u32,
        line: Option<usize>,
    ) -> &mut Self {
        let (stdout_bytes, stderr_bytes) = (0, 0);
        self.event(Event::AttemptEnded {
            job: name(job),
            attempt,
            exit,
            leaked,
            stdout_bytes,
            stderr_bytes,
            stream_bytes: 0,
            is_stream_short: false,
            line,
        })
    }

    pub(crate) fn hint(&mut self, job: &str, hint: &Diagnostic) -> &mut Self {
        self.event(Event::Hint { job: name(job), attempt: 1, notice: Notice::of(hint) })
    }

    pub(crate) fn settled(&mut self, job: &str, outcome: Outcome, keys: &[&str]) -> &mut Self {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        self.event(Event::JobSettled { job: name(job), outcome, keys })
    }

    pub(crate) fn ok(&mut self, job: &str, keys: &[&str]) -> &mut Self {
        self.ended(job, 1, Exit::Code(0), 0, None).settled(job, Outcome::Succeeded, keys)
    }

    pub(crate) fn fail(&mut self, job: &str, exit: Exit, line: Option<usize>) -> &mut Self {
        self.ended(job, 1, exit.clone(), 0, line);
        self.settled(job, Outcome::Failed { exit, reason: None, code: None }, &[])
    }

    pub(crate) fn interrupted(&mut self, job: &str, exit: Exit, survivors: u32) -> &mut Self {
        self.ended(job, 1, exit.clone(), 0, None);
        self.settled(job, Outcome::Interrupted { exit, survivors }, &[])
    }

    pub(crate) fn skip(&mut self, job: &str, skip: Skip) -> &mut Self {
        self.settled(job, Outcome::Skipped(skip), &[])
    }

    pub(crate) fn end(&mut self, result: RunResult) -> &mut Self {
        self.event(Event::RunEnded { result });
        self.view.finish(self.now_us);
        self
    }

    pub(crate) fn tick(&mut self) -> &mut Self {
        self.view.tick(self.now_us);
        self
    }
}
