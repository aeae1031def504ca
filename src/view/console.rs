//! A run for people: what the tasks write, and otto's own lines round it.
//! What was asked for goes to stdout, everything else to stderr. Knows no log files beyond what `Logs` reads for it.

use super::View;
use super::filter;
use super::lines::{Frame, Lines};
use super::progress;
use super::sink::Sink;
use super::style::{self, Paint};
use super::tail::Tail;
use super::wording::{self, Words};
use crate::diagnostic::Diagnostic;
use crate::event::{Event, Outcome, PlannedJob, Stamped, Stream};
use crate::name::JobName;
use crate::state::{self, JobState, RunState};
use std::collections::HashMap;
use std::io::{self, Read};
use std::time::Duration;

/// Between two drawings of the progress line.
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
/// What group mode keeps of a job in memory. A job that writes more is read back from its logs.
const MOST_HELD: usize = 1024 * 1024;

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

    /// The mode for a run: as asked, or raw where tasks cannot interleave and by line where they can.
    pub(crate) fn resolve(self, is_github: bool, slots: usize, jobs: &[PlannedJob]) -> Mode {
        match self {
            Display::Fixed(mode) => mode,
            Display::Auto if state::is_one_at_a_time(slots, jobs.iter()) => Mode::Stream,
            Display::Auto if is_github => Mode::Group,
            Display::Auto => Mode::Prefix,
        }
    }
}

/// How much otto says itself: `-q`, nothing, `-v`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Volume {
    /// Failures and warnings.
    Quiet,
    #[default]
    Normal,
    /// Beginnings of tasks too, and tasks that were not called for.
    Verbose,
}

/// What the console must know of the world and of the command line.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) display: Display,
    pub(crate) volume: Volume,
    pub(crate) is_github: bool,
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

impl Settings {
    /// For output that goes to no terminal, without colour.
    pub(crate) fn plain(ottofile: &str) -> Settings {
        Settings {
            display: Display::Auto,
            volume: Volume::Normal,
            is_github: false,
            colours_stdout: false,
            colours_stderr: false,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            is_shared: false,
            draws_progress: false,
            tail_lines: 20,
            ottofile: ottofile.to_owned(),
            grace: Duration::from_secs(10),
        }
    }
}

/// The logs of the run that is shown, for output too large to be kept in memory.
pub(crate) trait Logs {
    fn open(&self, job: &JobName, attempt: u32, stream: Stream) -> io::Result<Box<dyn Read>>;
}

pub(crate) struct Console {
    settings: Settings,
    words: Words,
    mode: Mode,
    stdout: Sink,
    stderr: Sink,
    logs: Box<dyn Logs>,
    /// The width of the terminal now.
    columns: Box<dyn Fn() -> usize>,
    run: RunState,
    /// What running jobs have written, by place.
    outputs: HashMap<usize, JobOutput>,
    /// The ends of what failed jobs wrote, for the blocks at the end.
    failures: Vec<(usize, Tail)>,
    failed: usize,
    hints: HashMap<JobName, Vec<Diagnostic>>,
    skips: usize,
    screen: Screen,
    /// Reused for what is written at once.
    buffer: Vec<u8>,
}

/// What one attempt has written.
struct JobOutput {
    frame: [Frame; 2],
    lines: [Lines; 2],
    tail: Tail,
    held: Held,
}

/// What group mode keeps of an attempt.
#[derive(Debug, Default)]
struct Held {
    /// In the order in which it came.
    pieces: Vec<(Stream, Vec<u8>)>,
    /// Bytes in `pieces`.
    length: usize,
    /// It was too much, `pieces` is empty and the logs have it.
    is_in_logs: bool,
}

/// What is known of the place where we write.
#[derive(Debug, Default)]
struct Screen {
    has_progress: bool,
    is_suspended: bool,
    /// A raw line of stdout or stderr is open.
    open_line: [bool; 2],
    drawn_us: Option<u64>,
    /// When something other than the progress line was last written.
    spoke_us: u64,
    /// The silence that is waited for.
    silence_us: u64,
}

impl Console {
    pub(crate) fn new(
        settings: Settings,
        stdout: Box<dyn io::Write>,
        stderr: Box<dyn io::Write>,
        logs: Box<dyn Logs>,
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
            logs,
            columns,
            run: RunState::default(),
            outputs: HashMap::new(),
            failures: Vec::new(),
            failed: 0,
            hints: HashMap::new(),
            skips: 0,
            screen: Screen { silence_us: SILENCE_US, ..Screen::default() },
            buffer: Vec::new(),
        }
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

    // ── writing ──

    /// Writes a line of otto's own.
    fn say(&mut self, text: &str, now_us: u64) {
        if text.is_empty() {
            return;
        }
        let mut bytes = Vec::with_capacity(text.len() + 8);
        self.clear_progress_into(&mut bytes);
        if self.screen.open_line[1] || self.screen.open_line[0] && self.settings.is_shared {
            bytes.push(b'\n');
            self.screen.open_line = [false, false];
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

    fn spoke(&mut self, now_us: u64) {
        self.screen.spoke_us = now_us;
        self.screen.silence_us = SILENCE_US;
        if let Some(reason) = self.stdout.take_failure() {
            let message = format!("cannot write to stdout: {reason}; the logs of the tasks are whole");
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

    fn run_started(&mut self, slots: usize, jobs: &[PlannedJob], now_us: u64) {
        self.mode = self.settings.display.resolve(self.settings.is_github, slots, jobs);
        self.words.name_width = wording::name_width(&self.run);
        if self.is_verbose() || self.is_loud() && self.run.bodies > 1 {
            let header = self.words.header(&self.run);
            self.say(&header, now_us);
        }
    }

    fn attempt_started(&mut self, job: &JobName, now_us: u64) {
        let Some(place) = self.run.place(job) else { return };
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
            Frame { prefix: prefix.into_bytes(), closes_colours: is_terminal }
        };
        JobOutput {
            frame: [
                frame(self.settings.colours_stdout, self.settings.stdout_is_terminal),
                frame(self.settings.colours_stderr, self.settings.stderr_is_terminal),
            ],
            lines: Default::default(),
            tail: Tail::new(self.settings.tail_lines),
            held: Held::default(),
        }
    }

    /// Shows what is still held back of an attempt that has ended.
    fn end_output(&mut self, place: usize, now_us: u64) {
        let Some(mut output) = self.outputs.remove(&place) else { return };
        output.tail.end();
        match self.mode {
            Mode::Prefix => {
                for stream in [Stream::Stdout, Stream::Stderr] {
                    let mut buffer = std::mem::take(&mut self.buffer);
                    output.lines[slot(stream)].end(&output.frame[slot(stream)], &mut buffer);
                    self.put(stream, &buffer, now_us);
                    buffer.clear();
                    self.buffer = buffer;
                }
            }
            Mode::Group => self.show_group(place, &mut output, now_us),
            Mode::Stream | Mode::Quiet => {}
        }
        self.outputs.insert(place, output);
    }

    fn show_group(&mut self, place: usize, output: &mut JobOutput, now_us: u64) {
        let JobState { planned, attempts, .. } = &self.run.jobs[place];
        let (name, attempt) = (planned.name.clone(), (*attempts).max(1));
        let held = std::mem::take(&mut output.held);
        if held.pieces.is_empty() && !held.is_in_logs {
            return;
        }
        self.say_group_title(&name, now_us);
        for (stream, bytes) in held.pieces {
            self.put_lines(output, stream, &bytes, now_us);
        }
        if held.is_in_logs {
            for stream in [Stream::Stdout, Stream::Stderr] {
                if let Err(error) = self.copy_log(output, &name, attempt, stream, now_us) {
                    let message = format!("cannot read the log of its output back: {error}");
                    let warning = self.words.warning(Some(&name), None, &message);
                    self.say(&warning, now_us);
                }
            }
        }
        for stream in [Stream::Stdout, Stream::Stderr] {
            let mut buffer = Vec::new();
            output.lines[slot(stream)].end(&output.frame[slot(stream)], &mut buffer);
            self.put(stream, &buffer, now_us);
        }
    }

    fn say_group_title(&mut self, name: &JobName, now_us: u64) {
        let title = format!("── {}\n", filter::shown(name.as_str()));
        let title = self.words.paint.text(style::FAINT, title.trim_end()) + "\n";
        self.say(&title, now_us);
    }

    fn copy_log(
        &mut self,
        output: &mut JobOutput,
        job: &JobName,
        attempt: u32,
        stream: Stream,
        now_us: u64,
    ) -> io::Result<()> {
        let mut log = self.logs.open(job, attempt, stream)?;
        let mut chunk = vec![0; 64 * 1024];
        loop {
            match log.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(length) => self.put_lines(output, stream, &chunk[..length], now_us),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn put_lines(&mut self, output: &mut JobOutput, stream: Stream, bytes: &[u8], now_us: u64) {
        let mut buffer = std::mem::take(&mut self.buffer);
        output.lines[slot(stream)].push(bytes, &output.frame[slot(stream)], &mut buffer);
        self.put(stream, &buffer, now_us);
        buffer.clear();
        self.buffer = buffer;
    }

    fn retry_planned(&mut self, job: &JobName, attempt: u32, retries: u32, pause_ms: u64, now_us: u64) {
        let Some(state) = self.run.job(job) else { return };
        if self.is_loud() {
            let line = self.words.retry_line(state, attempt, retries, pause_ms);
            self.say(&line, now_us);
        }
    }

    fn job_settled(&mut self, job: &JobName, now_us: u64) {
        let Some(place) = self.run.place(job) else { return };
        // Nothing is left to end, unless the end of the attempt was not seen.
        self.end_output(place, now_us);
        let output = self.outputs.remove(&place);
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
            Some(Outcome::Succeeded) => self.is_loud() || state.leaked > 0,
            Some(Outcome::Fresh { .. }) => self.is_loud(),
            None => false,
        };
        let is_failure = state.planned.has_body && state.outcome.as_ref().is_some_and(Outcome::is_failure);
        if is_shown {
            let line = self.words.finish_line(state, self.run.stopping);
            self.say(&line, now_us);
        }
        if is_failure {
            self.failed += 1;
            if self.failures.len() < MOST_FAILURES {
                let tail = output.map_or_else(|| Tail::new(0), |output| output.tail);
                self.failures.push((place, tail));
            }
        }
    }

    fn stopping(&mut self, now_us: u64) {
        let Some(stopping) = self.run.stopping else { return };
        // The terminal has echoed `^C`; our line must not stand behind it.
        if stopping.signal.is_some() && self.settings.stderr_is_terminal && !self.screen.has_progress {
            self.screen.open_line[1] = true;
        }
        if self.is_loud() || stopping.signal.is_some() {
            let line = self.words.stopping(stopping, self.run.running().len());
            self.say(&line, now_us);
        }
    }

    fn run_ended(&mut self, now_us: u64) {
        self.end_all_output(now_us);
        let mut text = String::new();
        let unseen_skips = if self.is_verbose() { 0 } else { self.skips.saturating_sub(MOST_SKIPS) };
        if unseen_skips > 0 && self.is_loud() {
            text.push_str(&format!("and {unseen_skips} more skipped\n"));
        }
        for (place, tail) in &self.failures {
            let job = &self.run.jobs[*place];
            let was_just_shown = self.is_still_on_screen(tail);
            text.push('\n');
            let tail = (!was_just_shown).then_some(tail);
            text.push_str(&self.words.failure_block(self.run.run.as_ref(), job, tail));
            if let Some(hints) = self.hints.get(&job.planned.name) {
                text.push_str(&self.hint_text(hints));
            }
        }
        let unseen = self.failed - self.failures.len();
        if unseen > 0 {
            text.push_str(&format!("\nand {unseen} more failed\n"));
        }
        if !self.failures.is_empty() {
            text.push('\n');
        }
        text.push_str(&self.closing_words());
        self.say(&text, now_us);
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

    /// Whether all that a failed job wrote stands directly above its block anyway: it was the only one, wrote little, and the
    /// reader saw both streams.
    fn is_still_on_screen(&self, tail: &Tail) -> bool {
        let is_live = matches!(self.mode, Mode::Stream | Mode::Prefix | Mode::Group);
        let is_whole = tail.total() > 0 && tail.total() == tail.lines().len() as u64;
        is_live && is_whole && self.settings.is_shared && self.run.bodies == 1
    }

    fn hint_text(&self, hints: &[Diagnostic]) -> String {
        hints.iter().map(|hint| format!("  hint: {}\n", filter::shown(&hint.message))).collect()
    }

    fn end_all_output(&mut self, now_us: u64) {
        let mut places: Vec<usize> = self.outputs.keys().copied().collect();
        places.sort_unstable();
        for place in places {
            self.end_output(place, now_us);
            self.outputs.remove(&place);
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
            && self.run.running().len() > 0
            && self.screen.open_line == [false, false]
    }

    /// When the progress line may be drawn next, if nothing happens before.
    fn next_drawing(&self) -> Option<u64> {
        if !self.may_draw() {
            return None;
        }
        let after_raw = if self.mode == Mode::Stream { self.screen.spoke_us + RAW_SILENCE_US } else { 0 };
        let after_last = self.screen.drawn_us.map_or(0, |drawn_us| drawn_us + REDRAW_US);
        Some(after_raw.max(after_last))
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
            Event::RunStarted { format: _, run: _, slots, jobs } => self.run_started(*slots, jobs, now_us),
            Event::AttemptStarted { job, attempt: _ } => self.attempt_started(job, now_us),
            Event::AttemptEnded { job, .. } => {
                if let Some(place) = self.run.place(job) {
                    self.end_output(place, now_us);
                }
            }
            Event::RetryPlanned { job, attempt, retries, pause_ms } => {
                self.retry_planned(job, *attempt, *retries, *pause_ms, now_us);
            }
            Event::JobSettled { job, .. } => self.job_settled(job, now_us),
            Event::Warning { job, code, message } => {
                let warning = self.words.warning(job.as_ref(), code.as_deref(), message);
                self.say(&warning, now_us);
            }
            Event::Stopping { .. } => self.stopping(now_us),
            Event::RunEnded { .. } => self.run_ended(now_us),
        }
    }

    fn output(&mut self, job: &JobName, stream: Stream, bytes: &[u8], mono_us: u64) {
        let Some(place) = self.run.place(job) else { return };
        let Some(mut output) = self.outputs.remove(&place).or_else(|| Some(self.new_output(place))) else {
            return;
        };
        output.tail.push(stream, bytes);
        match self.mode {
            Mode::Stream => self.put(stream, bytes, mono_us),
            Mode::Prefix => self.put_lines(&mut output, stream, bytes, mono_us),
            Mode::Group => output.held.push(stream, bytes),
            Mode::Quiet => {}
        }
        self.outputs.insert(place, output);
    }

    fn hint(&mut self, job: &JobName, hints: &[Diagnostic]) {
        self.hints.entry(job.clone()).or_default().extend_from_slice(hints);
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

impl Held {
    fn push(&mut self, stream: Stream, bytes: &[u8]) {
        if self.is_in_logs {
            return;
        }
        if self.length + bytes.len() > MOST_HELD {
            *self = Held { is_in_logs: true, ..Held::default() };
            return;
        }
        self.length += bytes.len();
        match self.pieces.last_mut() {
            Some((last, held)) if *last == stream => held.extend_from_slice(bytes),
            Some(_) | None => self.pieces.push((stream, bytes.to_vec())),
        }
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
