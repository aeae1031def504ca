//! What otto says about a run, line by line: header, finish lines, failure blocks, summary.
//! Computes text and writes nothing.

use super::filter::shown;
use super::style::{self, Paint};
use super::tail::Tail;
use super::time;
use crate::diagnostic::{Notice, Severity};
use crate::event::{Exit, IN_BUNDLE, Outcome, Skip, signal_name};
use crate::name::{JobName, RunId};
use crate::request;
use crate::state::{Counts, JobState, RemoteState, RunState, Stopping};
use anstyle::Style;
use std::collections::BTreeMap;
use std::time::Duration;
use unicode_width::UnicodeWidthStr;

/// Width of the column of statuses: that of `TIMEOUT`, the longest. Prefixes are at least as wide, so both end in the same
/// column.
pub(crate) const STATUS_WIDTH: usize = 7;
/// Names wider than this are shown whole, but nothing is padded for them.
const WIDEST_NAME: usize = 24;
/// Keys that a finish line names before it counts the rest.
const MOST_KEYS: usize = 8;
/// Jobs that the summary names of the slowest chain.
const MOST_OF_CHAIN: usize = 6;

const SIGINT: i32 = 2;

/// What the words depend on beside the run.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    pub(crate) paint: Paint,
    /// The ottofile as the user knows it: `otto.yml`.
    pub(crate) ottofile: String,
    /// Time between a polite stop and a kill.
    pub(crate) grace: Duration,
    /// Columns that names are padded to.
    pub(crate) name_width: usize,
}

/// The width to which the names of a run's jobs are padded.
pub(crate) fn name_width(run: &RunState) -> usize {
    let bodies = run.jobs.iter().filter(|job| job.planned.has_body);
    bodies
        .map(|job| shown(job.planned.name.as_str()).width())
        .filter(|width| *width <= WIDEST_NAME)
        .max()
        .unwrap_or(0)
}

/// Adds blanks up to a width in columns.
pub(crate) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// Puts blanks before, up to a width in columns.
pub(crate) fn pad_left(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(text.width())))
}

/// `1 task`, `5 tasks`.
pub(crate) fn counted(count: usize, noun: &str, nouns: &str) -> String {
    format!("{count} {}", if count == 1 { noun } else { nouns })
}

/// A word of a command line as a shell needs it, without what a terminal would obey.
pub(crate) fn quoted(word: &str) -> String {
    shown(&request::quoted(word)).into_owned()
}

/// The word for how a job ended, with its colour.
pub(crate) fn status(job: &JobState) -> (&'static str, Style) {
    match &job.outcome {
        Some(Outcome::Succeeded) if job.leaked > 0 => ("LEAK", style::ODD),
        Some(Outcome::Succeeded) => ("ok", style::OK),
        Some(Outcome::Fresh { .. }) => ("fresh", style::FRESH),
        Some(Outcome::Failed { exit: Exit::Timeout, .. }) => ("TIMEOUT", style::BAD),
        Some(Outcome::Failed { .. }) => ("FAIL", style::BAD),
        Some(Outcome::Skipped(_) | Outcome::Cancelled) => ("skip", style::ODD),
        Some(Outcome::Interrupted { .. }) => ("INT", style::ODD),
        None if job.is_up() => ("up", style::OK),
        None => ("?", style::ODD),
    }
}

/// Why, and with what: what follows the time in a finish line.
pub(crate) fn detail(job: &JobState, stopping: Option<Stopping>, grace: Duration) -> String {
    let mut parts = Vec::new();
    match &job.outcome {
        Some(Outcome::Succeeded) if job.attempts > 1 => parts.push(format!("attempt {}", job.attempts)),
        Some(Outcome::Succeeded) | None => {}
        Some(Outcome::Fresh { run }) => parts.push(format!("unchanged since run {}", run.short())),
        Some(Outcome::Failed { exit, reason, .. }) => parts.extend(failure_reason(exit, reason.as_deref())),
        Some(Outcome::Skipped(skip)) => parts.push(skip.to_string()),
        Some(Outcome::Interrupted { exit, survivors }) => {
            parts.push(interruption(exit, *survivors, stopping, grace));
        }
        Some(Outcome::Cancelled) => parts.push("not started".to_owned()),
    }
    if let Some(RemoteState { host: Some(host), waited_us, .. }) = &job.more().remote {
        let waited = waited_us.map(|waited| format!(", waited {}", time::round_duration(waited)));
        parts.push(format!("{host}{}", waited.unwrap_or_default()));
    }
    if job.leaked > 0 {
        let processes = counted(job.leaked as usize, "background process", "background processes");
        parts.push(format!("{processes} killed"));
    }
    // What a service set was told when it was up.
    if matches!(job.outcome, Some(Outcome::Succeeded)) && job.more().ready_us.is_none() {
        parts.extend(keys_set(&job.keys));
    }
    shown(&parts.join(" · ")).into_owned()
}

/// `changed: src/a.c, src/b.c and 3 more`.
pub(crate) fn changed_line(paths: &[String]) -> String {
    let named = paths.iter().take(MOST_KEYS).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match paths.len().saturating_sub(MOST_KEYS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("changed: {}{more}\n", shown(&named))
}

/// `set a, b and 3 more`; nothing for no key.
fn keys_set(keys: &[String]) -> Option<String> {
    let named = keys.iter().take(MOST_KEYS).map(String::as_str).collect::<Vec<_>>().join(", ");
    match keys.len().saturating_sub(MOST_KEYS) {
        _ if keys.is_empty() => None,
        0 => Some(format!("set {named}")),
        more => Some(format!("set {named} and {more} more")),
    }
}

/// What is to be said about a failure beside its word; a timeout's word says it all.
fn failure_reason(exit: &Exit, reason: Option<&str>) -> Vec<String> {
    let exit = match exit {
        Exit::Code(0) | Exit::Timeout => None,
        Exit::Code(_) | Exit::Signal(_) | Exit::Lost | Exit::NotStarted { .. } => Some(exit.to_string()),
    };
    exit.into_iter().chain(reason.map(str::to_owned)).collect()
}

fn interruption(exit: &Exit, survivors: u32, stopping: Option<Stopping>, grace: Duration) -> String {
    const SIGKILL: i32 = 9;
    let when = match stopping {
        Some(Stopping { is_forced: true, .. }) => String::new(),
        Some(_) | None => format!(" after {}", time::round_duration(grace.as_micros() as u64)),
    };
    let children = counted(survivors as usize, "child process", "child processes");
    match exit {
        Exit::Signal(SIGKILL) if survivors == 0 => format!("killed{when}"),
        Exit::Signal(SIGKILL) => format!("killed{when}, with {children}"),
        Exit::Signal(signal) if survivors == 0 => signal_name(*signal),
        Exit::Signal(signal) => format!("{}, {children} killed{when}", signal_name(*signal)),
        Exit::Code(_) | Exit::Timeout | Exit::Lost | Exit::NotStarted { .. } if survivors == 0 => {
            exit.to_string()
        }
        Exit::Code(_) | Exit::Timeout | Exit::Lost | Exit::NotStarted { .. } => {
            format!("{exit}, {children} killed{when}")
        }
    }
}

impl Words {
    /// For a run of the past.
    pub(crate) fn new(paint: Paint, ottofile: String, run: &RunState, grace: Duration) -> Words {
        Words { paint, ottofile, grace, name_width: name_width(run) }
    }

    /// `otto · run 7f3k · 5 tasks`, or `5+ tasks` where data decides about more.
    pub(crate) fn header(&self, run: &RunState) -> String {
        let id = run.run.as_ref().map_or("?", RunId::short);
        let tasks = match run.is_growing() {
            true => format!("{}+ tasks", run.bodies),
            false => counted(run.bodies, "task", "tasks"),
        };
        format!(
            "{} · run {} · {tasks}\n",
            self.paint.text(style::STRONG, "otto"),
            self.paint.text(style::STRONG, id)
        )
    }

    /// `otto leaves run 7f3k · 8 jobs go on · otto Resume 7f3k`
    pub(crate) fn left_line(&self, run: &RunState, jobs: usize) -> String {
        let id = run.run.as_ref().map_or("?", RunId::short);
        let jobs = match jobs {
            0 => "no job runs".to_owned(),
            1 => "1 job goes on".to_owned(),
            more => format!("{more} jobs go on"),
        };
        let resume = self.paint.text(style::STRONG, &format!("otto Resume {id}"));
        format!("{} leaves run {id} · {jobs} · {resume}\n", self.paint.text(style::STRONG, "otto"))
    }

    /// `otto · run 7f3k goes on · 3 of 5 tasks are over · on login2`
    pub(crate) fn resumed_line(&self, run: &RunState, host: &str) -> String {
        let id = run.run.as_ref().map_or("?", RunId::short);
        let (settled, all) = (run.settled, counted(run.bodies, "task", "tasks"));
        format!(
            "{} · run {} goes on · {settled} of {all} {} over · on {}\n",
            self.paint.text(style::STRONG, "otto"),
            self.paint.text(style::STRONG, id),
            if run.bodies == 1 { "is" } else { "are" },
            shown(host)
        )
    }

    /// `   word  name   time  detail`
    fn row(&self, word: (&str, Style), name: &JobName, time: &str, detail: &str) -> String {
        let indent = " ".repeat(STATUS_WIDTH.saturating_sub(word.0.width()));
        let name = pad(&shown(name.as_str()), self.name_width);
        let columns = [name, self.paint.text(style::FAINT, &pad_left(time, 7)), detail.to_owned()];
        let row = format!("{indent}{}  {}", self.paint.text(word.1, word.0), columns.join("  "));
        format!("{}\n", row.trim_end())
    }

    /// One line for a job that is settled.
    pub(crate) fn finish_line(&self, job: &JobState, stopping: Option<Stopping>) -> String {
        let time = job.took_us().map(time::duration).unwrap_or_default();
        self.row(status(job), &job.planned.name, &time, &detail(job, stopping, self.grace))
    }

    /// A service is ready.
    pub(crate) fn up_line(&self, job: &JobState) -> String {
        let time = job
            .more()
            .ready_us
            .filter(|_| job.more().up_since.is_none())
            .map(time::duration)
            .unwrap_or_default();
        let since = job.more().up_since.as_ref().map(|run| format!("since run {}", run.short()));
        let detail: Vec<String> = since.into_iter().chain(keys_set(&job.keys)).collect();
        self.row(status(job), &job.planned.name, &time, &shown(&detail.join(" · ")))
    }

    /// For `-v`: a job begins.
    pub(crate) fn start_line(&self, job: &JobState) -> String {
        let given = job.planned.params.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
        let attempt = (job.attempts > 1).then(|| format!("attempt {}", job.attempts));
        let detail: Vec<String> = attempt.into_iter().chain(given).collect();
        self.row(("start", style::FAINT), &job.planned.name, "", &shown(&detail.join(" ")))
    }

    /// Why a job with `input` and `output` runs.
    pub(crate) fn stale_line(&self, job: &JobName, why: &str) -> String {
        self.row(("stale", style::FAINT), job, "", &shown(why))
    }

    /// Why a job waits in the queue of a cluster.
    pub(crate) fn waiting_line(&self, job: &JobName, reason: &str) -> String {
        self.row(("waits", style::FAINT), job, "", &shown(reason))
    }

    /// A failed attempt that will be repeated.
    pub(crate) fn retry_line(&self, job: &JobState, attempt: u32, retries: u32, pause_ms: u64) -> String {
        let pause = time::round_duration(pause_ms * 1000);
        let of = if retries > 0 { format!(" of {retries}") } else { String::new() };
        let reason = job.exit.as_ref().map(|exit| format!("{exit} · ")).unwrap_or_default();
        let detail = format!("{reason}retry {attempt}{of} in {pause}");
        let time = job.took_us().map(time::duration).unwrap_or_default();
        self.row(("retry", style::ODD), &job.planned.name, &time, &shown(&detail))
    }

    /// `warning[E0701]: build: message`
    pub(crate) fn warning(&self, job: Option<&JobName>, code: Option<&str>, message: &str) -> String {
        let code = code.map(|code| format!("[{}]", shown(code))).unwrap_or_default();
        let word = self.paint.text(style::ODD, &format!("warning{code}"));
        let job = job.map(|job| format!("{}: ", shown(job.as_str()))).unwrap_or_default();
        format!("{word}: {job}{}\n", shown(message))
    }

    /// What happens to `running` jobs now.
    pub(crate) fn stopping(&self, stopping: Stopping, running: usize) -> String {
        let tasks = counted(running, "task", "tasks");
        let name = signal_name(stopping.signal);
        if running == 0 {
            format!("stopping ({name})\n")
        } else if stopping.is_forced {
            format!("killing {tasks}\n")
        } else {
            let grace = time::round_duration(self.grace.as_micros() as u64);
            let hint = if stopping.signal == SIGINT { "; Ctrl-C again kills now" } else { "" };
            format!("stopping {tasks} ({name}, then kill after {grace}{hint})\n")
        }
    }

    /// `FAIL test · exit 1 · 4.3s · otto.yml:31`
    pub(crate) fn title(&self, job: &JobState) -> String {
        let (word, colour) = status(job);
        let mut title =
            vec![format!("{} {}", self.paint.text(colour, word), shown(job.planned.name.as_str()))];
        if let Some(Outcome::Failed { exit, reason, .. }) = &job.outcome {
            title.extend(
                failure_reason(exit, reason.as_deref()).iter().map(|reason| shown(reason).into_owned()),
            );
        }
        title.extend(job.took_us().map(time::duration));
        title.push(format!(
            "{}:{}",
            shown(&job.planned.ottofile(&self.ottofile)),
            job.line.unwrap_or(job.planned.line)
        ));
        title.join(" · ")
    }

    /// Why a job failed, in a line for each thing that is known; what there is beyond that, its block has.
    pub(crate) fn hint_lines(&self, job: &JobState) -> Vec<String> {
        let mut lines = Vec::new();
        for Notice { code, severity, message, helps, .. } in &job.more().hints {
            let (word, colour) = match severity {
                Severity::Error => ("error", style::BAD),
                Severity::Warning => ("warning", style::ODD),
            };
            let word = self.paint.text(colour, &format!("{word}[{}]", shown(code)));
            lines.push(format!("{word}: {}", shown(message)));
            lines.extend(helps.iter().map(|help| format!("help: {}", shown(help))));
        }
        lines
    }

    /// How and where a job failed, and the end of what it wrote. `tail` is `None` if that has just been on the screen.
    pub(crate) fn failure_block(&self, run: Option<&RunId>, job: &JobState, tail: Option<&Tail>) -> String {
        let mut block = format!("{}\n", self.title(job));
        let bar = self.paint.text(style::FAINT, "│");
        for line in tail.map(Tail::lines).into_iter().flatten() {
            block.push_str(format!("  {bar} {line}").trim_end());
            block.push('\n');
        }
        let amount = match tail {
            None => None,
            Some(tail) if tail.total() == 0 => Some("no output".to_owned()),
            Some(tail) if tail.total() > tail.lines().len() as u64 => {
                Some(format!("last {} of {} lines", tail.lines().len(), tail.total()))
            }
            Some(tail) => Some(counted(tail.lines().len(), "line", "lines")),
        };
        let log = run
            .map(|run| format!("full log: otto Logs {} {}", run.short(), quoted(job.planned.name.as_str())));
        let footer: Vec<String> = amount.into_iter().chain(log).collect();
        if !footer.is_empty() {
            block.push_str(&format!("  {}\n", self.paint.text(style::FAINT, &footer.join(" · "))));
        }
        block
    }

    /// What the run came to, and the command that goes on from there.
    pub(crate) fn summary(&self, run: &RunState) -> String {
        let counts = run.counts();
        let took = time::duration(run.ended_us.unwrap_or(run.began_us).saturating_sub(run.began_us));
        let left_out = left_out(run);
        let all_left_out: usize = left_out.iter().map(|(count, _)| count).sum();
        if counts.total() + all_left_out == 0 {
            return "nothing to run\n".to_owned();
        }
        // Accounts for every task in the header.
        let uncalled = run.jobs.iter().filter(|job| job.planned.has_body && job.is_not_called_for()).count();
        let mut came_to = self::counts(&counts, self.paint);
        for (count, words) in [(uncalled, "not triggered")].into_iter().chain(left_out) {
            if count > 0 {
                let comma = if came_to.is_empty() { "" } else { ", " };
                came_to.push_str(&format!("{comma}{count} {words}"));
            }
        }
        let waited = long_waits(run);
        if counts.is_all_well() {
            return format!("{came_to} in {took}{}\n{waited}", slowest(run));
        }
        let tasks = counted(counts.total() + uncalled + all_left_out, "task", "tasks");
        format!("{tasks} in {took}: {came_to}\n{}{waited}", self.next_command(run))
    }

    /// The command that runs again what did not succeed; empty if everything did.
    pub(crate) fn next_command(&self, run: &RunState) -> String {
        let Some(id) = &run.run else { return String::new() };
        let counts = run.counts();
        let mut left = Vec::new();
        if counts.failed > 0 {
            left.push("failed");
        }
        if counts.skipped + counts.not_started > 0 {
            left.push("skipped");
        }
        let what = if counts.interrupted + counts.unsettled > 0 || run.is_stopped_by_signal() {
            "resume".to_owned()
        } else if run.bodies == 1 || left.is_empty() {
            "rerun".to_owned()
        } else {
            format!("rerun {}", left.join(" and "))
        };
        if counts.is_all_well() { String::new() } else { format!("{what}:  otto Rerun {}\n", id.short()) }
    }
}

/// Names the tasks of many jobs that mostly waited longer for the cluster than they ran, and what helps; else empty.
fn long_waits(run: &RunState) -> String {
    const MANY: usize = 20;
    let mut tasks: BTreeMap<&str, Vec<(u64, &RemoteState)>> = BTreeMap::new();
    for job in &run.jobs {
        if let (Some(remote), Some(took)) = (&job.more().remote, job.took_us()) {
            tasks.entry(job.planned.task.as_str()).or_default().push((took, remote));
        }
    }
    let waits_too_long = |jobs: &[(u64, &RemoteState)]| {
        let middle = |mut times: Vec<u64>| {
            times.sort_unstable();
            times[times.len() / 2]
        };
        jobs.len() >= MANY
            && jobs.iter().all(|(_, remote)| remote.reason != IN_BUNDLE)
            && middle(jobs.iter().map(|(took, _)| *took).collect())
                < middle(jobs.iter().map(|(_, remote)| remote.waited_us.unwrap_or(0)).collect())
    };
    let long: Vec<&str> =
        tasks.iter().filter(|(_, jobs)| waits_too_long(jobs)).map(|(task, _)| *task).collect();
    match long.is_empty() {
        true => String::new(),
        false => format!(
            "note: most jobs of {} waited longer than they ran; with `resources: {{bundle: 50}}` many share one\n",
            long.join(", ")
        ),
    }
}

/// How many jobs were left out although nothing went wrong, with why.
fn left_out(run: &RunState) -> [(usize, &'static str); 3] {
    let mut counts = [(0, "not for this system"), (0, "skipped (if)"), (0, "skipped (dependency)")];
    for job in run.jobs.iter().filter(|job| job.planned.has_body) {
        let Some(Outcome::Skipped(skip)) = &job.outcome else { continue };
        match skip {
            Skip::Os(_) => counts[0].0 += 1,
            Skip::If => counts[1].0 += 1,
            Skip::NotRan(_) => counts[2].0 += 1,
            Skip::Needs(_) | Skip::NotCalledFor(_) | Skip::SerialPredecessor(_) | Skip::FailFast => {}
        }
    }
    counts
}

/// `3 ok, 1 failed, 1 skipped`
pub(crate) fn counts(counts: &Counts, paint: Paint) -> String {
    let leaks = match counts.leaking {
        0 => String::new(),
        leaking => format!(" ({leaking} with leaks)"),
    };
    let parts = [
        (counts.ok, "ok", style::OK),
        (counts.fresh, "fresh", style::FRESH),
        (counts.failed, "failed", style::BAD),
        (counts.skipped, "skipped", style::ODD),
        (counts.interrupted, "interrupted", style::ODD),
        (counts.not_started, "not started", style::ODD),
        (counts.unsettled, "without a result", style::ODD),
    ];
    let named = parts.into_iter().filter(|part| part.0 > 0).map(|(count, word, colour)| {
        let leaks = if word == "ok" { leaks.as_str() } else { "" };
        format!("{}{leaks}", paint.text(colour, &format!("{count} {word}")))
    });
    named.collect::<Vec<_>>().join(", ")
}

/// ` · slowest chain fetch → build 14.5s`; nothing if fewer than two jobs ran, or if nobody had to wait.
pub(crate) fn slowest(run: &RunState) -> String {
    let ran = run.jobs.iter().filter(|job| job.planned.has_body && job.took_us().is_some()).count();
    let (chain, took_us) = run.slowest_chain();
    if ran < 2 || chain.is_empty() || took_us < 1_000_000 {
        return String::new();
    }
    let names: Vec<String> = chain.iter().map(|name| shown(name.as_str()).into_owned()).collect();
    let named = if names.len() <= MOST_OF_CHAIN {
        names.join(" → ")
    } else {
        let (first, last) = (names[..2].join(" → "), names[names.len() - 2..].join(" → "));
        format!("{first} → ({} more) → {last}", names.len() - 4)
    };
    let word = if chain.len() == 1 { "slowest" } else { "slowest chain" };
    format!(" · {word} {named} {}", time::duration(took_us))
}
