//! A run for people: what the tasks write, and otto's own lines round it.
//! What was asked for goes to stdout, everything else to stderr. Knows no log files beyond what `Logs` reads for it.

use super::filter;
use super::github::{self, Rest, Workflow, WorkflowCommands};
use super::held::{HeldOutput, copy_log};
use super::lines::{LineFrame, Lines};
use super::place;
use super::progress;
use super::sink::Sink;
use super::style::{self, Paint};
use super::tail::Tail;
use super::turns::{Block, Turns};
use super::wording::{self, Words};
use super::{Logs, View};
use crate::diagnostic;
use crate::event::{Event, Outcome, PlannedJob, Stamped, Stream};
use crate::name::JobName;
use crate::state::{self, RunState};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Interval between two drawings of the progress line.
const REDRAW_US: u64 = 100_000;
/// How long a raw stream must be silent before the progress line may stand below it.
const RAW_SILENCE_US: u64 = 1_000_000;
/// Silence after which a log that is no terminal says that something still runs; doubled each time up to `LONG_SILENCE_US`,
/// for CI systems stop what says nothing for ten minutes.
const SILENCE_US: u64 = 60_000_000;
const LONG_SILENCE_US: u64 = 8 * SILENCE_US;
/// Failure blocks at the end of a run.
const MOST_FAILURES: usize = 10;
/// Lines for skipped jobs; the rest is only counted.
const MOST_SKIPS: usize = 50;
/// See `Console::pace`.
const RUNNER_PAUSE: Duration = Duration::from_millis(3);

/// `--display`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Display {
    #[default]
    Auto,
    Fixed(Mode),
}

/// What is shown of what tasks write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All of it as it comes, not filtered.
    Stream,
    /// Line by line behind the name of the task.
    Prefix,
    /// Task by task, each when it ends.
    Group,
    /// Only the end of what failed tasks wrote.
    Quiet,
}

impl Display {
    pub(crate) const WORDS: &[&str] = &["auto", "stream", "prefix", "group", "quiet"];

    pub(crate) fn parse(word: &str) -> Option<Display> {
        match word {
            "auto" => Some(Display::Auto),
            "stream" => Some(Display::Fixed(Mode::Stream)),
            "prefix" => Some(Display::Fixed(Mode::Prefix)),
            "group" => Some(Display::Fixed(Mode::Group)),
            "quiet" => Some(Display::Fixed(Mode::Quiet)),
            _ => None,
        }
    }

    /// What `-q` (once: output as it is) and `-qq` (no output) make of `--display`.
    pub(crate) fn quieted(quiet: u8, asked: Option<Display>) -> Option<Display> {
        match quiet {
            0 => asked,
            1 => asked.or(Some(Display::Fixed(Mode::Stream))),
            _ => Some(Display::Fixed(Mode::Quiet)),
        }
    }

    /// The mode for a run: as asked; else raw where tasks cannot interleave and by line where they can, or by task where
    /// GitHub folds them.
    pub(crate) fn resolve(self, is_github: bool, slots: usize, jobs: &[Arc<PlannedJob>]) -> Mode {
        match self {
            Display::Fixed(mode) => mode,
            Display::Auto if is_github && jobs.iter().filter(|job| job.may_run()).count() > 1 => Mode::Group,
            Display::Auto if state::is_one_at_a_time(slots, jobs.iter().map(|job| &**job)) => Mode::Stream,
            Display::Auto => Mode::Prefix,
        }
    }
}

/// How much otto says itself: `-q` or `-qq`, nothing, `-v`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Volume {
    /// Failures and warnings.
    Quiet,
    #[default]
    Normal,
    /// Starts of tasks too, and tasks that were not triggered.
    Verbose,
}

impl Volume {
    pub(crate) fn new(quiet: u8, is_verbose: bool) -> Volume {
        match (quiet, is_verbose) {
            (0, false) => Volume::Normal,
            (0, true) => Volume::Verbose,
            (_, _) => Volume::Quiet,
        }
    }
}

/// What the console must know of the world and of the command line.
#[derive(Clone, Debug)]
pub(crate) struct ConsoleSettings {
    pub(crate) display: Display,
    pub(crate) volume: Volume,
    /// Under GitHub Actions.
    pub(crate) github: Option<Workflow>,
    /// Whether otto's own colours are on, by stream.
    pub(crate) colours_stdout: bool,
    pub(crate) colours_stderr: bool,
    pub(crate) stdout_is_terminal: bool,
    pub(crate) stderr_is_terminal: bool,
    /// Both are the same terminal, pipe or file, so that a line left open on one stands before the next of the other.
    pub(crate) is_shared: bool,
    /// The progress line can be drawn: stderr is a terminal that knows how to clear a line.
    pub(crate) draws_progress: bool,
    /// `--tail`.
    pub(crate) tail_lines: usize,
    /// The ottofile as the user knows it.
    pub(crate) ottofile: String,
    /// Time between a polite stop and a kill.
    pub(crate) grace: Duration,
}

pub(crate) struct Console {
    settings: ConsoleSettings,
    words: Words,
    mode: Mode,
    stdout: Sink,
    stderr: Sink,
    /// The Markdown that GitHub shows with the workflow.
    step_summary: Option<Sink>,
    logs: Rc<dyn Logs>,
    /// The width of the terminal now.
    columns: Box<dyn Fn() -> usize>,
    run: RunState,
    /// What running jobs have written, by place.
    outputs: HashMap<usize, JobOutput>,
    /// The ends of what failed jobs wrote, for the blocks at the end.
    failures: Vec<(usize, Tail)>,
    failed: usize,
    skips: usize,
    /// A task wrote something that we were not given.
    has_missed_output: bool,
    turns: Turns,
    screen: ScreenState,
    /// Reused for what is written at once.
    buffer: Vec<u8>,
}

/// What one attempt has written.
struct JobOutput {
    frame: [LineFrame; 2],
    lines: [Lines; 2],
    /// Output for GitHub Actions.
    commands: WorkflowCommands,
    tail: Tail,
    held: HeldOutput,
    /// Bytes that we were given.
    given: u64,
    /// It wrote something that we were not given, as when only failures are shown.
    is_only_logged: bool,
}

/// What is known of the place where we write.
#[derive(Debug, Default)]
struct ScreenState {
    has_progress: bool,
    is_suspended: bool,
    /// A raw line of stdout or stderr is open.
    open_line: [bool; 2],
    /// Raw output may have left a colour on.
    may_be_coloured: bool,
    /// Where something was written last.
    last: Option<Stream>,
    /// The job, by place, whose output is the last on the screen, all of it and nothing of another task between.
    above: Option<usize>,
    drawn_us: Option<u64>,
    /// When something other than the progress line was last written.
    spoke_us: u64,
    /// The silence that is waited for.
    silence_us: u64,
}

impl Console {
    pub(crate) fn new(
        settings: ConsoleSettings,
        stdout: Box<dyn io::Write>,
        stderr: Box<dyn io::Write>,
        logs: Rc<dyn Logs>,
        columns: Box<dyn Fn() -> usize>,
    ) -> Console {
        let words = Words {
            paint: Paint { is_on: settings.colours_stderr },
            ottofile: settings.ottofile.clone(),
            grace: settings.grace,
            name_width: 0,
        };
        Console {
            settings,
            words,
            mode: Mode::Prefix,
            stdout: Sink::new(stdout),
            stderr: Sink::new(stderr),
            step_summary: None,
            logs,
            columns,
            run: RunState::default(),
            outputs: HashMap::new(),
            failures: Vec::new(),
            failed: 0,
            skips: 0,
            has_missed_output: false,
            turns: Turns::default(),
            screen: ScreenState { silence_us: SILENCE_US, ..ScreenState::default() },
            buffer: Vec::new(),
        }
    }

    /// Writes a summary in Markdown there when the run ends.
    pub(crate) fn with_step_summary(mut self, writer: Box<dyn io::Write>) -> Console {
        self.step_summary = Some(Sink::new(writer));
        self
    }

    fn volume(&self) -> Volume {
        if self.mode == Mode::Quiet { Volume::Quiet } else { self.settings.volume }
    }

    fn is_loud(&self) -> bool {
        self.volume() >= Volume::Normal
    }

    fn is_verbose(&self) -> bool {
        self.volume() >= Volume::Verbose
    }

    /// Masks and annotations count where output is not shown too.
    fn passes_commands_only(&self) -> bool {
        self.mode == Mode::Quiet && self.settings.github.is_some()
    }

    // ── writing ──

    /// Writes a line of otto's own.
    fn say(&mut self, text: &str, now_us: u64) {
        if text.is_empty() {
            return;
        }
        self.pace(Stream::Stderr);
        let mut bytes = Vec::with_capacity(text.len() + 8);
        self.clear_progress_into(&mut bytes);
        if self.screen.open_line[1] || self.screen.open_line[0] && self.settings.is_shared {
            bytes.push(b'\n');
            self.screen.open_line = [false, false];
        }
        if std::mem::take(&mut self.screen.may_be_coloured) {
            bytes.extend_from_slice(filter::RESET);
        }
        bytes.extend_from_slice(text.as_bytes());
        self.stderr.write(&bytes);
        self.spoke(now_us);
    }

    /// Writes what a task wrote.
    fn put(&mut self, stream: Stream, bytes: &[u8], now_us: u64) {
        if bytes.is_empty() {
            return;
        }
        self.pace(stream);
        match stream {
            Stream::Stdout => {
                self.clear_progress();
                self.stdout.write(bytes);
            }
            Stream::Stderr if self.screen.has_progress => {
                let mut joined = Vec::with_capacity(bytes.len() + 8);
                self.clear_progress_into(&mut joined);
                joined.extend_from_slice(bytes);
                self.stderr.write(&joined);
            }
            Stream::Stderr => self.stderr.write(bytes),
        }
        self.screen.open_line[slot(stream)] = bytes.last() != Some(&b'\n');
        self.spoke(now_us);
    }

    /// The runner of GitHub Actions reads stdout and stderr side by side; only a pause keeps them in order, so that a task's
    /// lines are in its fold.
    fn pace(&mut self, stream: Stream) {
        let is_framed =
            self.mode == Mode::Group && self.settings.github.is_some() && !self.settings.is_shared;
        if is_framed && self.screen.last.replace(stream).is_some_and(|last| last != stream) {
            std::thread::sleep(RUNNER_PAUSE);
        }
    }

    /// Writes whole lines of a task, each behind its prefix.
    fn put_whole(&mut self, output: &mut JobOutput, stream: Stream, lines: &mut Vec<u8>, now_us: u64) {
        if self.settings.github.is_some() {
            let rest = if self.mode == Mode::Quiet { Rest::Hidden } else { Rest::Shown };
            output.commands.filter(lines, &output.frame[slot(stream)].prefix, rest);
        }
        self.put(stream, lines, now_us);
    }

    fn spoke(&mut self, now_us: u64) {
        self.screen.spoke_us = now_us;
        self.screen.silence_us = SILENCE_US;
        if let Some(reason) = self.stdout.take_failure() {
            let message = format!("cannot write to stdout: {reason}; the task logs are complete");
            let warning = self.words.warning(None, None, &message);
            self.stderr.write(warning.as_bytes());
        }
        // Where stderr cannot be written there is nobody left to tell.
        drop(self.stderr.take_failure());
    }

    fn clear_progress_into(&mut self, bytes: &mut Vec<u8>) {
        if std::mem::take(&mut self.screen.has_progress) {
            bytes.extend_from_slice(b"\r\x1b[K");
        }
    }

    fn clear_progress(&mut self) {
        let mut bytes = Vec::new();
        self.clear_progress_into(&mut bytes);
        self.stderr.write(&bytes);
    }

    // ── what the events bring ──

    fn run_started(&mut self, slots: usize, jobs: &[Arc<PlannedJob>], changed: &[String], now_us: u64) {
        self.mode = self.settings.display.resolve(self.settings.github.is_some(), slots, jobs);
        self.words.name_width = wording::name_width(&self.run);
        if self.is_loud() && !changed.is_empty() {
            let line = wording::changed_line(changed);
            self.say(&line, now_us);
        }
        if self.is_verbose() || self.is_loud() && (self.run.bodies > 1 || self.run.is_growing()) {
            let header = self.words.header(&self.run);
            self.say(&header, now_us);
        }
    }

    fn attempt_started(&mut self, job: &JobName, now_us: u64) {
        let Some(place) = self.run.place(job) else { return };
        self.end_output(place, now_us);
        self.outputs.insert(place, self.new_output(place));
        if self.is_verbose() {
            let line = self.words.start_line(&self.run.jobs[place]);
            self.say(&line, now_us);
        }
    }

    fn new_output(&self, place: usize) -> JobOutput {
        let name = filter::shown(self.run.jobs[place].planned.name.as_str());
        let frame = |is_coloured: bool, is_terminal: bool| {
            let paint = Paint { is_on: is_coloured };
            let prefix = match self.mode {
                Mode::Prefix => {
                    let name = wording::pad_left(&name, self.words.name_width.max(wording::STATUS_WIDTH));
                    format!("{} {} ", paint.text(style::of_name(place), &name), paint.text(style::FAINT, "│"))
                }
                Mode::Stream | Mode::Group | Mode::Quiet => String::new(),
            };
            LineFrame { prefix: prefix.into_bytes(), closes_colours: is_terminal }
        };
        JobOutput {
            frame: [
                frame(self.settings.colours_stdout, self.settings.stdout_is_terminal),
                frame(self.settings.colours_stderr, self.settings.stderr_is_terminal),
            ],
            lines: Default::default(),
            commands: WorkflowCommands::default(),
            tail: Tail::new(self.settings.tail_lines),
            held: HeldOutput::default(),
            given: 0,
            is_only_logged: false,
        }
    }

    /// Shows the last line of an attempt that has ended, if it had no newline.
    fn end_output(&mut self, place: usize, now_us: u64) {
        let Some(mut output) = self.outputs.remove(&place) else { return };
        output.tail.end();
        if self.mode == Mode::Prefix || self.passes_commands_only() {
            self.put_last_lines(&mut output, now_us);
        }
        self.outputs.insert(place, output);
    }

    fn put_last_lines(&mut self, output: &mut JobOutput, now_us: u64) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let mut buffer = std::mem::take(&mut self.buffer);
            output.lines[slot(stream)].end(&output.frame[slot(stream)], &mut buffer);
            self.put_whole(output, stream, &mut buffer, now_us);
            buffer.clear();
            self.buffer = buffer;
        }
    }

    /// Whether the output of a job is kept until its attempt is over.
    fn holds(&self, place: usize) -> bool {
        let is_buffered = self.run.jobs[place].planned.is_buffered;
        match self.mode {
            Mode::Group => true,
            Mode::Prefix => is_buffered,
            // Chosen by otto itself it means that nothing can come between the lines of a job.
            Mode::Stream => is_buffered && self.settings.display == Display::Fixed(Mode::Stream),
            Mode::Quiet => false,
        }
    }

    /// Says how an attempt ended. What was held of its output comes first.
    fn say_end(&mut self, place: usize, line: &str, is_failure: bool, now_us: u64) {
        let held = self.outputs.get_mut(&place).map(|output| std::mem::take(&mut output.held));
        let held = held.unwrap_or_default();
        let attempt = self.run.jobs[place].attempts.max(1);
        let block = Block { place, attempt, held, line: line.to_owned(), is_failure };
        let block = match self.mode {
            Mode::Quiet => Some(block),
            Mode::Stream | Mode::Prefix | Mode::Group => self.turns.offer(&self.run.jobs, block),
        };
        if let Some(block) = block {
            self.show_block(block, now_us);
        }
    }

    fn show_block(&mut self, block: Block, now_us: u64) {
        let is_empty = block.held.is_empty();
        let line = block.line.clone();
        match (self.mode, &self.settings.github) {
            (Mode::Group, Some(workflow)) if !is_empty && !block.is_failure && !line.is_empty() => {
                let open = workflow.group(line.trim_start().trim_end());
                self.show_held(block, Some(&open), now_us);
            }
            (Mode::Group | Mode::Stream, _) if !is_empty => {
                if self.is_loud() || self.mode == Mode::Group {
                    let name = filter::shown(self.run.jobs[block.place].planned.name.as_str());
                    let title = self.words.paint.text(style::FAINT, &format!("── {name}"));
                    self.say(&format!("{title}\n"), now_us);
                }
                self.show_held(block, None, now_us);
                self.say(&line, now_us);
            }
            (Mode::Stream | Mode::Prefix | Mode::Group | Mode::Quiet, _) => {
                self.show_held(block, None, now_us);
                self.say(&line, now_us);
            }
        }
    }

    /// Shows what was kept of an attempt, as a group of GitHub Actions if `open` opens one. The group is opened and closed on
    /// the streams where the output is, for the runner reads stdout and stderr apart.
    fn show_held(&mut self, block: Block, open: Option<&str>, now_us: u64) {
        let Block { place, attempt, held, .. } = block;
        if held.is_empty() {
            return;
        }
        let mut output = self.new_output(place);
        let name = self.run.jobs[place].planned.name.clone();
        self.screen.above = Some(place);
        let logs = Rc::clone(&self.logs);
        let mut last = None;
        let released = held.release(logs.as_ref(), &name, attempt, |stream, bytes| {
            if let (None, Some(open)) = (last, open) {
                self.put(stream, open.as_bytes(), now_us);
            }
            last = Some(stream);
            self.put_lines(&mut output, stream, bytes, now_us);
        });
        self.put_last_lines(&mut output, now_us);
        if let (Some(last), Some(_)) = (last, open) {
            self.put(last, b"::endgroup::\n", now_us);
        }
        if let Err(error) = released {
            let message = format!("cannot read its log: {error}");
            let warning = self.words.warning(Some(&name), None, &message);
            self.say(&warning, now_us);
        }
    }

    fn put_lines(&mut self, output: &mut JobOutput, stream: Stream, bytes: &[u8], now_us: u64) {
        let mut buffer = std::mem::take(&mut self.buffer);
        output.lines[slot(stream)].push(bytes, &output.frame[slot(stream)], &mut buffer);
        self.put_whole(output, stream, &mut buffer, now_us);
        buffer.clear();
        self.buffer = buffer;
    }

    fn service_up(&mut self, job: &JobName, now_us: u64) {
        let Some(place) = self.run.place(job) else { return };
        if self.is_loud() {
            let line = self.words.up_line(&self.run.jobs[place]);
            self.say(&line, now_us);
        }
    }

    fn retry_planned(&mut self, job: &JobName, attempt: u32, retries: u32, pause_ms: u64, now_us: u64) {
        let Some(place) = self.run.place(job) else { return };
        let line = self.words.retry_line(&self.run.jobs[place], attempt, retries, pause_ms);
        let line = if self.is_loud() { line } else { String::new() };
        self.say_end(place, &line, false, now_us);
    }

    fn job_settled(&mut self, job: &JobName, now_us: u64) {
        let Some(place) = self.run.place(job) else { return };
        // Nothing is left to end, unless the end of the attempt was not seen.
        self.end_output(place, now_us);
        let state = &self.run.jobs[place];
        let is_shown = match &state.outcome {
            _ if !state.planned.has_body => false,
            Some(Outcome::Failed { .. } | Outcome::Interrupted { .. }) => true,
            Some(Outcome::Cancelled) => self.is_verbose(),
            Some(Outcome::Skipped(_)) if state.is_not_called_for() => self.is_verbose(),
            Some(Outcome::Skipped(_)) => {
                self.skips += 1;
                self.is_loud() && (self.skips <= MOST_SKIPS || self.is_verbose())
            }
            // Its line said that it is up.
            Some(Outcome::Succeeded) if state.more().ready_us.is_some() => {
                self.is_verbose() || state.leaked > 0
            }
            Some(Outcome::Succeeded) => self.is_loud() || state.leaked > 0,
            Some(Outcome::Fresh { .. }) => self.is_loud(),
            None => false,
        };
        let is_failure = state.planned.has_body && state.outcome.as_ref().is_some_and(Outcome::is_failure);
        // The only task of a run has its failure block right below; with prefixes it is a row like the others.
        let has_block_below = is_failure && self.run.bodies == 1 && self.mode != Mode::Prefix;
        let is_shown = is_shown && !has_block_below;
        let line = if is_shown { self.words.finish_line(state, self.run.stopping) } else { String::new() };
        let is_unfolded = is_failure || matches!(state.outcome, Some(Outcome::Interrupted { .. }));
        self.say_end(place, &line, is_unfolded, now_us);
        for block in self.turns.settled(&self.run.jobs, place) {
            self.show_block(block, now_us);
        }
        let output = self.outputs.remove(&place);
        if is_failure {
            self.failed += 1;
            if self.failures.len() < MOST_FAILURES {
                let tail = match output {
                    Some(output) if output.is_only_logged => self.read_tail(place, now_us),
                    Some(output) => output.tail,
                    None => Tail::new(0),
                };
                self.failures.push((place, tail));
            }
        }
    }

    /// The end of what a failed job wrote, from its logs: what it wrote to stderr comes last, for there the reason is.
    fn read_tail(&mut self, place: usize, now_us: u64) -> Tail {
        let job = &self.run.jobs[place];
        let (name, attempt) = (job.planned.name.clone(), job.attempts.max(1));
        let mut tail = Tail::new(self.settings.tail_lines);
        for stream in [Stream::Stdout, Stream::Stderr] {
            let push = &mut |stream, bytes: &[u8]| tail.push(stream, bytes);
            if let Err(error) = copy_log(self.logs.as_ref(), &name, attempt, stream, push) {
                let message = format!("cannot read its log: {error}");
                let warning = self.words.warning(Some(&name), None, &message);
                self.say(&warning, now_us);
            }
        }
        tail.end();
        tail
    }

    fn stopping(&mut self, now_us: u64) {
        let Some(stopping) = self.run.stopping else { return };
        // The terminal has echoed `^C`; our line must not stand behind it.
        if self.settings.stderr_is_terminal && !self.screen.has_progress {
            self.screen.open_line[1] = true;
        }
        let line = self.words.stopping(stopping, self.run.running().len());
        self.say(&line, now_us);
    }

    fn run_ended(&mut self, now_us: u64) {
        self.end_all_output(now_us);
        let mut text = String::new();
        let unseen_skips = if self.is_verbose() { 0 } else { self.skips.saturating_sub(MOST_SKIPS) };
        if unseen_skips > 0 && self.is_loud() {
            text.push_str(&format!("and {unseen_skips} more skipped\n"));
        }
        text.push_str(&self.failure_blocks());
        text.push_str(&self.closing_words());
        if let Some(workflow) = &self.settings.github {
            text = github::as_text(&text);
            for (place, tail) in &self.failures {
                let job = &self.run.jobs[*place];
                let title = filter::without_colours(&self.words.title(job));
                text.push_str(&workflow.error(job, &title, tail));
            }
        }
        self.say(&text, now_us);
        if let Some(summary) = &mut self.step_summary {
            summary.write(github::step_summary(&self.words, &self.run, &self.failures).as_bytes());
            if let Some(reason) = summary.take_failure() {
                let message = format!("cannot write the step summary: {reason}");
                let warning = self.words.warning(None, None, &message);
                self.say(&warning, now_us);
            }
        }
    }

    fn failure_blocks(&self) -> String {
        let mut text = String::new();
        for (place, tail) in &self.failures {
            let job = &self.run.jobs[*place];
            let tail = (!self.is_still_on_screen(*place, tail)).then_some(tail);
            text.push('\n');
            text.push_str(&self.words.failure_block(self.run.run.as_ref(), job, tail));
            let hints =
                diagnostic::render_notices(&job.more().hints, self.settings.colours_stderr, (self.columns)());
            text.push_str(&hints);
        }
        let unseen = self.failed - self.failures.len();
        if unseen > 0 {
            text.push_str(&format!("\nand {unseen} more failed\n"));
        }
        if !self.failures.is_empty() {
            text.push('\n');
        }
        text
    }

    /// The summary. A run of one task has it in its finish line already.
    fn closing_words(&self) -> String {
        let is_well = self.run.counts().is_all_well();
        let is_single = self.run.bodies == 1 && !self.is_verbose();
        match (self.is_loud(), is_well) {
            (false, true) => String::new(),
            (true, true) if is_single => String::new(),
            (true | false, false) if is_single => self.words.next_command(&self.run),
            (true | false, _) => self.words.summary(&self.run),
        }
    }

    /// Whether all that a failed job wrote is directly above its block anyway: it is the only one that failed, nothing of
    /// another task came after it, it wrote little, and the reader saw both streams.
    fn is_still_on_screen(&self, place: usize, tail: &Tail) -> bool {
        let is_whole = tail.total() > 0 && tail.total() == tail.lines().len() as u64;
        let is_above = self.screen.above == Some(place);
        is_above && is_whole && self.failed == 1 && !self.has_missed_output && self.settings.is_shared
    }

    fn end_all_output(&mut self, now_us: u64) {
        let mut places: Vec<usize> = self.outputs.keys().copied().collect();
        places.sort_unstable();
        for place in places {
            self.end_output(place, now_us);
            self.say_end(place, "", true, now_us);
            self.outputs.remove(&place);
        }
        for block in self.turns.rest() {
            self.show_block(block, now_us);
        }
    }

    // ── progress ──

    fn has_silence_line(&self) -> bool {
        !self.settings.draws_progress && self.is_loud()
    }

    fn may_draw(&self) -> bool {
        self.settings.draws_progress
            && !self.screen.is_suspended
            && self.settings.volume >= Volume::Normal
            && self.run.result.is_none()
            && self.run.running().len() + self.run.up().len() > 0
            && self.screen.open_line == [false, false]
    }

    /// When the progress line may be drawn next, if nothing happens before.
    fn next_drawing(&self) -> Option<u64> {
        if !self.may_draw() {
            return None;
        }
        // What is over at once needs no progress line.
        let after_start = self.run.began_us + 2 * REDRAW_US;
        let after_raw = if self.mode == Mode::Stream { self.screen.spoke_us + RAW_SILENCE_US } else { 0 };
        let after_last = self.screen.drawn_us.map_or(0, |drawn_us| drawn_us + REDRAW_US);
        Some(after_start.max(after_raw).max(after_last))
    }

    fn next_silence_line(&self) -> Option<u64> {
        let waits = self.has_silence_line() && !self.screen.is_suspended && self.run.running().len() > 0;
        (waits && self.run.result.is_none()).then(|| self.screen.spoke_us + self.screen.silence_us)
    }
}

impl View for Console {
    fn event(&mut self, stamped: &Stamped) {
        let now_us = stamped.mono_us;
        self.run.apply(stamped);
        match &stamped.event {
            Event::RunStarted { format: _, run: _, slots, jobs, changed } => {
                self.run_started(*slots, jobs, changed, now_us);
            }
            Event::JobsAdded { group, from, jobs } => {
                self.words.name_width = wording::name_width(&self.run);
                if jobs.is_empty() && self.is_loud() {
                    let note =
                        format!("note: {} has no items: {from} is empty\n", filter::shown(group.as_str()));
                    self.say(&note, now_us);
                }
            }
            Event::Stale { job, why } => {
                if self.is_verbose() {
                    let line = self.words.stale_line(job, why);
                    self.say(&line, now_us);
                }
            }
            Event::AttemptStarted { job, attempt: _ } => self.attempt_started(job, now_us),
            Event::AttemptQueued { job, reason, .. } => {
                if self.is_verbose() && !reason.is_empty() {
                    let line = self.words.waiting_line(job, reason);
                    self.say(&line, now_us);
                }
            }
            Event::AttemptBegan { .. } => {}
            // Stands below the failure, when the run has ended.
            Event::Hint { .. } => {}
            Event::AttemptEnded { job, stdout_bytes, stderr_bytes, .. } => {
                let Some(place) = self.run.place(job) else { return };
                self.end_output(place, now_us);
                if let Some(output) = self.outputs.get_mut(&place) {
                    output.is_only_logged = output.given < stdout_bytes + stderr_bytes;
                    self.has_missed_output |= output.is_only_logged;
                }
            }
            Event::ServiceUp { job, .. } => self.service_up(job, now_us),
            Event::RetryPlanned { job, attempt, retries, pause_ms, is_uncharged: _ } => {
                self.retry_planned(job, *attempt, *retries, *pause_ms, now_us);
            }
            Event::JobSettled { job, .. } => self.job_settled(job, now_us),
            Event::RunLeft { jobs } => {
                let line = self.words.left_line(&self.run, *jobs);
                self.say(&line, now_us);
            }
            Event::RunResumed { host } => {
                if self.is_loud() {
                    let line = self.words.resumed_line(&self.run, host);
                    self.say(&line, now_us);
                }
            }
            Event::Warning { job, code, message } => {
                let warning = match &self.settings.github {
                    Some(workflow) => workflow.warning(job.as_ref().map_or("otto", JobName::as_str), message),
                    None => self.words.warning(job.as_ref(), code.as_deref(), message),
                };
                self.say(&warning, now_us);
            }
            Event::Stopping { .. } => self.stopping(now_us),
            Event::RunEnded { .. } => self.run_ended(now_us),
        }
    }

    fn output(&mut self, job: &JobName, stream: Stream, bytes: &[u8], mono_us: u64) {
        let length = bytes.len() as u64;
        let bytes = &*place::shortened(stream, bytes);
        let Some(place) = self.run.place(job) else { return };
        let Some(mut output) = self.outputs.remove(&place).or_else(|| Some(self.new_output(place))) else {
            return;
        };
        if !self.holds(place) && matches!(self.mode, Mode::Stream | Mode::Prefix) {
            let is_its_own = output.given == 0 || self.screen.above == Some(place);
            self.screen.above = is_its_own.then_some(place);
        }
        output.tail.push(stream, bytes);
        output.given += length;
        match self.mode {
            _ if self.holds(place) => output.held.push(stream, bytes),
            Mode::Stream => {
                self.put(stream, bytes, mono_us);
                self.screen.may_be_coloured |= self.settings.stderr_is_terminal && bytes.contains(&0x1b);
            }
            Mode::Prefix => self.put_lines(&mut output, stream, bytes, mono_us),
            Mode::Quiet if self.passes_commands_only() => {
                self.put_lines(&mut output, stream, bytes, mono_us);
            }
            Mode::Group | Mode::Quiet => {}
        }
        self.outputs.insert(place, output);
    }

    fn tick(&mut self, mono_us: u64) {
        if self.next_drawing().is_some_and(|due_us| due_us <= mono_us) {
            let line = progress::line(&self.run, mono_us, (self.columns)());
            if !line.is_empty() {
                let line = self.words.paint.text(style::FAINT, &line);
                self.stderr.write(format!("\r{line}\x1b[K").as_bytes());
                self.screen.has_progress = true;
            }
            self.screen.drawn_us = Some(mono_us);
        }
        if self.next_silence_line().is_some_and(|due_us| due_us <= mono_us) {
            let next_silence_us = (self.screen.silence_us * 2).min(LONG_SILENCE_US);
            let line = progress::still_running(&self.run, mono_us);
            self.say(&line, mono_us);
            self.screen.silence_us = next_silence_us;
        }
    }

    fn next_tick(&self) -> Option<u64> {
        self.next_drawing().into_iter().chain(self.next_silence_line()).min()
    }

    fn suspend(&mut self) {
        self.clear_progress();
        self.screen.is_suspended = true;
    }

    fn resume(&mut self, mono_us: u64) {
        self.screen.is_suspended = false;
        self.screen.open_line = [false, false];
        self.spoke(mono_us);
    }

    fn finish(&mut self, mono_us: u64) {
        self.end_all_output(mono_us);
        self.clear_progress();
    }
}

fn slot(stream: Stream) -> usize {
    match stream {
        Stream::Stdout => 0,
        Stream::Stderr => 1,
    }
}

#[cfg(test)]
#[path = "console_tests.rs"]
mod tests;
