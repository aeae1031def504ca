//! What a task may know of how the tasks before it ended: OUTCOME.
//! Knows no file; whoever has the logs adds what is in them.

use crate::diagnostic::Code;
use crate::event::{Exit, Outcome, Skip};
use crate::name::JobName;
use crate::state::JobState;
use crate::value::{self, Map, Value};
use std::borrow::Cow;

/// What may stand after the name of a task: `build.exit`.
pub(crate) const FIELDS: [&str; 8] =
    ["exit", "signal", "reason", "seconds", "attempts", "log", "error", "failed"];

/// How many lines of its log a failed task is known by.
const MOST_LINES: usize = 20;

/// How a job ended, in one word. Of the jobs of a foreach task, the word that comes first here is that of the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FateKind {
    Failed,
    Interrupted,
    Ok,
    Fresh,
    Skipped,
    /// Its stream is read while it runs.
    Running,
}

impl FateKind {
    fn text(self) -> &'static str {
        match self {
            FateKind::Failed => "failed",
            FateKind::Interrupted => "interrupted",
            FateKind::Ok => "ok",
            FateKind::Fresh => "fresh",
            FateKind::Skipped => "skipped",
            FateKind::Running => "running",
        }
    }
}

/// How one job ended, as a task after it reads it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fate {
    pub(crate) job: JobName,
    pub(crate) word: FateKind,
    exit: Option<i32>,
    signal: Option<i32>,
    reason: Option<&'static str>,
    took_us: Option<u64>,
    /// `None`: it never started.
    pub(crate) attempts: Option<u32>,
    /// The path of its log.
    log: Option<Value>,
    /// The last lines of that, or what otto says where that is not why it failed.
    error: Option<Value>,
    /// Of a foreach task: the items whose jobs failed.
    failed: Option<Vec<Value>>,
}

impl Fate {
    fn new(job: JobName, word: FateKind) -> Fate {
        Fate {
            job,
            word,
            exit: None,
            signal: None,
            reason: None,
            took_us: None,
            attempts: None,
            log: None,
            error: None,
            failed: None,
        }
    }

    /// Of a job that still runs.
    pub(crate) fn running(job: JobName) -> Fate {
        Fate::new(job, FateKind::Running)
    }

    /// Of a job of which nothing is known, as it never ran.
    pub(crate) fn unknown(job: JobName) -> Fate {
        Fate::new(job, FateKind::Skipped)
    }

    /// Of a job that is settled.
    pub(crate) fn of(job: &JobState) -> Fate {
        let name = job.planned.name.clone();
        let (word, exit, reason) = match &job.outcome {
            None if job.is_up() => (FateKind::Ok, None, None),
            None => (FateKind::Running, None, None),
            Some(Outcome::Succeeded) => (FateKind::Ok, job.exit.as_ref(), None),
            Some(Outcome::Fresh { .. }) => (FateKind::Fresh, None, None),
            Some(Outcome::Failed { exit, code, .. }) => {
                (FateKind::Failed, Some(exit), Some(reason_of_failure(exit, code.as_deref())))
            }
            Some(Outcome::Skipped(skip)) => (FateKind::Skipped, None, Some(reason_of_skip(skip))),
            Some(Outcome::Interrupted { exit, .. }) => (FateKind::Interrupted, Some(exit), None),
            Some(Outcome::Cancelled) => (FateKind::Skipped, None, Some("interrupted")),
        };
        let status = match exit {
            // The status with which otto then ends.
            Some(Exit::Code(0)) if word == FateKind::Failed => Some(1),
            Some(Exit::Code(code) | Exit::NotStarted { code, .. }) => Some(*code),
            Some(Exit::Signal(_) | Exit::Timeout | Exit::Lost) | None => None,
        };
        Fate {
            exit: status,
            signal: match exit {
                Some(Exit::Signal(signal)) => Some(*signal),
                Some(_) | None => None,
            },
            reason,
            took_us: job.took_us(),
            attempts: (job.attempts > 0).then_some(job.attempts),
            error: said_by_otto(job).map(Value::String),
            ..Fate::new(name, word)
        }
    }

    /// Of a foreach task, from its jobs with their items, in their order.
    pub(crate) fn sum(task: JobName, jobs: &[(Value, &Fate)]) -> Fate {
        let word = jobs.iter().map(|(_, fate)| fate.word).min().unwrap_or(FateKind::Ok);
        let has_failed = |(_, fate): &&(Value, &Fate)| fate.word == FateKind::Failed;
        let first = jobs.iter().find(has_failed).map(|(_, fate)| *fate);
        Fate {
            exit: first.and_then(|first| first.exit),
            signal: first.and_then(|first| first.signal),
            reason: first.and_then(|first| first.reason),
            failed: Some(jobs.iter().filter(has_failed).map(|(item, _)| item.clone()).collect()),
            ..Fate::new(task, word)
        }
    }

    /// Adds the log of the last attempt, of which `tail` is the end.
    pub(crate) fn add_log(&mut self, path: Vec<u8>, tail: &[u8]) {
        self.log = Some(Value::from_bytes(path));
        if self.error.is_none() && matches!(self.word, FateKind::Failed | FateKind::Interrupted) {
            self.error = Some(Value::String(last_lines(tail))).filter(|text| text.as_str() != Some(""));
        }
    }

    pub(crate) fn has_log(&self) -> bool {
        self.log.is_some()
    }

    fn field(&self, name: &str) -> Option<Value> {
        let int = |number: i32| Value::int(number.into());
        match name {
            "exit" => self.exit.map(int),
            "signal" => self.signal.map(int),
            "reason" => self.reason.map(|reason| Value::String(reason.to_owned())),
            "seconds" => self.took_us.map(seconds),
            "attempts" => self.attempts.map(|attempts| Value::int(attempts.into())),
            "log" => self.log.clone(),
            "error" => self.error.clone(),
            "failed" => self.failed.clone().map(Value::List),
            _ => unreachable!("bug: an outcome has no field `{name}`"),
        }
    }
}

/// `{"build": {"outcome": "failed", "exit": 7}}`, with the fields that apply.
pub(crate) fn json(fates: &[Fate]) -> Value {
    let fields = |fate: &Fate| {
        let word = ("outcome".to_owned(), Value::String(fate.word.text().to_owned()));
        let others = FIELDS.iter().filter_map(|name| Some(((*name).to_owned(), fate.field(name)?)));
        Value::Map([word].into_iter().chain(others).collect())
    };
    let tasks: Map = fates.iter().map(|fate| (fate.job.as_str().to_owned(), fields(fate))).collect();
    Value::Map(tasks)
}

/// Every key that a shell can ask for, with its text, which is empty for a field that does not apply. The name of a task
/// wins over a field that is spelled the same.
pub(crate) fn each_text(fates: &[Fate], take: &mut dyn FnMut(&str, &[u8])) {
    for fate in fates {
        take(fate.job.as_str(), fate.word.text().as_bytes());
        for field in FIELDS {
            let key = format!("{}.{field}", fate.job);
            if fates.iter().all(|other| other.job.as_str() != key) {
                take(&key, &fate.field(field).map_or(Vec::new(), |value| text(&value).into_owned()));
            }
        }
    }
}

/// A value as a shell holds it.
fn text(value: &Value) -> Cow<'_, [u8]> {
    value.as_bytes().unwrap_or_else(|| Cow::Owned(value::compact(value).into_bytes()))
}

/// Milliseconds are as much as two runs have in common.
fn seconds(us: u64) -> Value {
    Value::Number(format!("{}.{:03}", us / 1_000_000, us / 1_000 % 1_000).into())
}

/// Why a job failed whose script did not: the messages about it, each in a line.
fn said_by_otto(job: &JobState) -> Option<String> {
    let Some(Outcome::Failed { exit, reason, code }) = &job.outcome else { return None };
    match exit {
        Exit::Code(0) => {
            let hints = job.more().hints.iter().filter(|hint| code.as_ref() == Some(&hint.code));
            let messages: Vec<&str> = hints.map(|hint| hint.message.as_str()).collect();
            if messages.is_empty() { reason.clone() } else { Some(messages.join("\n")) }
        }
        Exit::NotStarted { reason, .. } => Some(reason.clone()),
        Exit::Code(_) | Exit::Signal(_) | Exit::Timeout | Exit::Lost => None,
    }
}

fn reason_of_failure(exit: &Exit, code: Option<&str>) -> &'static str {
    match exit {
        Exit::Code(_) if code == Some(&Code::ConditionFailed.to_string()) => "if",
        Exit::Code(0) if code == Some(&Code::BrokenContract.to_string()) => "contract",
        // What it handed over could not be read, or its stream not be recorded.
        Exit::Code(0) => "data",
        Exit::Code(_) => "exit",
        Exit::Signal(_) => "signal",
        Exit::Timeout => "timeout",
        Exit::Lost => "lost",
        Exit::NotStarted { code: 126 | 127, .. } => "no-interpreter",
        Exit::NotStarted { .. } => "not-started",
    }
}

fn reason_of_skip(skip: &Skip) -> &'static str {
    match skip {
        Skip::Needs(_) | Skip::NotCalledFor(_) | Skip::SerialPredecessor(_) | Skip::NotRan(_) => "dependency",
        Skip::FailFast => "fail-fast",
        Skip::Os(_) => "os",
        Skip::If => "if",
    }
}

/// The end of a log as text: without colours and other control characters, and without empty lines at its end.
pub(crate) fn last_lines(tail: &[u8]) -> String {
    let text = String::from_utf8_lossy(tail);
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\x1b' => skip_sequence(&mut characters),
            '\n' | '\t' => plain.push(character),
            // A progress bar: what follows is written over it.
            '\r' if characters.peek().is_some_and(|next| *next != '\n') => {
                plain.truncate(plain.rfind('\n').map_or(0, |end| end + 1));
            }
            character if character.is_control() => {}
            character => plain.push(character),
        }
    }
    let plain = plain.trim_end();
    let start = plain.rmatch_indices('\n').nth(MOST_LINES - 1).map_or(0, |(place, _)| place + 1);
    plain[start..].to_owned()
}

/// The rest of what an escape begins: to the end of a colour, to the bell of a title.
fn skip_sequence(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match characters.next() {
        Some('[') => while characters.next().is_some_and(|next| !('@'..='~').contains(&next)) {},
        Some(']') => while characters.next().is_some_and(|next| next != '\x07' && next != '\x1b') {},
        Some(_) | None => {}
    }
}

#[cfg(test)]
mod tests;
