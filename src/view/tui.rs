//! A run on the whole screen: its tasks, what one of them writes, and keys to choose which. When the screen is given back,
//! the console tells what has happened so far and goes on from there.
//! Knows no terminal: it draws on a [`Screen`].

mod colour;
mod frame;
mod key;

use super::console::Console;
use super::held::copy_log;
use super::place;
use super::tail::Tail;
use super::wording::Words;
use super::{Logs, View, Wish};
use crate::event::{Event, Outcome, Stamped, Stream};
use crate::name::JobName;
use crate::state::RunState;
use frame::ScreenFrame;
use key::KeyPress;
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::rc::Rc;

/// Interval between two drawings.
const REDRAW_US: u64 = 100_000;
/// Times on the screen grow, and its size may change, although nothing happens.
const SECOND_US: u64 = 1_000_000;
/// Lines of a job that can be looked at; the log has them all.
const KEPT_LINES: usize = 2_000;
/// Settled jobs whose lines stay in memory; those of others are read from their logs when they are chosen.
const KEPT_JOBS: usize = 32;

/// A terminal that can be had as a whole.
pub(crate) trait Screen {
    /// From here on it is empty and ours.
    fn take(&mut self) -> io::Result<()>;

    /// The terminal settings before the screen was taken.
    fn give_back(&mut self);

    /// Columns and lines.
    fn size(&self) -> (u16, u16);

    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
}

pub(crate) struct Tui {
    screen: Box<dyn Screen>,
    /// Tells what has happened once the screen is given back.
    console: Console,
    logs: Rc<dyn Logs>,
    words: Words,
    run: RunState,
    holding: Holding,
    /// What the console does not know yet.
    untold: Vec<Stamped>,
    /// The jobs that are listed, by place: those with a body, in plan order.
    listed: Vec<usize>,
    /// What jobs have written, by place.
    tails: HashMap<usize, Tail>,
    /// Settled jobs that are in `tails`, the earliest first.
    kept: VecDeque<usize>,
    /// Which of `listed` is looked at.
    chosen: usize,
    /// No job is selected: the one that has run longest is shown.
    is_following: bool,
    /// Lines below the last one that is shown.
    scrolled: usize,
    /// The latest warning.
    warning: Option<String>,
    drawn_us: Option<u64>,
    has_changed: bool,
}

/// Whose the screen is.
enum Holding {
    /// Ours, and this is on it. Empty: nothing is known of it.
    Ours { shown: Option<Buffer> },
    /// Lent for a while.
    Lent,
    /// Given back for good: the console has it.
    Left,
}

impl Tui {
    /// Takes the screen; if that fails, the console has the run from the beginning.
    pub(crate) fn new(
        mut screen: Box<dyn Screen>,
        console: Console,
        logs: Rc<dyn Logs>,
        words: Words,
    ) -> Tui {
        let holding = match screen.take() {
            Ok(()) => Holding::Ours { shown: None },
            Err(_) => Holding::Left,
        };
        Tui {
            screen,
            console,
            logs,
            words,
            run: RunState::default(),
            holding,
            untold: Vec::new(),
            listed: Vec::new(),
            tails: HashMap::new(),
            kept: VecDeque::new(),
            chosen: 0,
            is_following: true,
            scrolled: 0,
            warning: None,
            drawn_us: None,
            has_changed: true,
        }
    }

    fn has_left(&self) -> bool {
        matches!(self.holding, Holding::Left)
    }

    /// Gives the screen back for good.
    fn leave(&mut self) {
        if self.has_left() {
            return;
        }
        self.holding = Holding::Left;
        self.screen.give_back();
        for stamped in std::mem::take(&mut self.untold) {
            self.console.event(&stamped);
        }
        self.tails.clear();
    }

    // ── what is looked at ──

    /// Where nobody chose: what runs longest, and in the end what failed first.
    fn follow(&mut self) {
        let failed = |place: &usize| self.run.jobs[*place].outcome.as_ref().is_some_and(Outcome::is_failure);
        let place = match (&self.run.result, self.run.running().next()) {
            (None, Some((_, job))) => self.run.place(&job.planned.name),
            (Some(_), _) => self.listed.iter().copied().find(failed),
            (None, None) => None,
        };
        if let Some(chosen) = place.and_then(|place| self.listed.iter().position(|listed| *listed == place)) {
            self.chosen = chosen;
        }
    }

    fn choose(&mut self, chosen: usize) {
        self.is_following = false;
        self.chosen = chosen.min(self.listed.len().saturating_sub(1));
        self.scrolled = 0;
    }

    fn scroll(&mut self, lines: usize) {
        self.is_following = false;
        self.scrolled = lines;
    }

    /// The lines of a job that was settled long ago come from its logs.
    fn fetch(&mut self, place: usize) {
        let job = &self.run.jobs[place];
        if self.tails.contains_key(&place) || job.started_us().is_none() {
            return;
        }
        let mut tail = Tail::new(KEPT_LINES);
        for stream in [Stream::Stdout, Stream::Stderr] {
            let push = &mut |stream, bytes: &[u8]| tail.push(stream, bytes);
            let (name, attempt) = (&job.planned.name, job.attempts.max(1));
            if let Err(error) = copy_log(self.logs.as_ref(), name, attempt, stream, push) {
                self.warning = Some(format!("cannot read the log of {name}: {error}"));
            }
        }
        tail.end();
        self.keep(place, tail);
    }

    /// Keeps what a settled job wrote, and forgets the earliest of those that are kept.
    fn keep(&mut self, place: usize, tail: Tail) {
        self.tails.insert(place, tail);
        self.kept.retain(|kept| *kept != place);
        self.kept.push_back(place);
        if self.kept.len() > KEPT_JOBS
            && let Some(earliest) = self.kept.pop_front()
        {
            self.tails.remove(&earliest);
        }
    }

    // ── drawing ──

    fn draw(&mut self, now_us: u64) {
        if !matches!(self.holding, Holding::Ours { .. }) {
            return;
        }
        if self.is_following {
            self.follow();
        }
        if let Some(place) = self.listed.get(self.chosen) {
            self.fetch(*place);
        }
        let (columns, lines) = self.screen.size();
        let area = Rect::new(0, 0, columns, lines);
        let frame = ScreenFrame {
            run: &self.run,
            words: &self.words,
            listed: &self.listed,
            chosen: self.chosen,
            tail: self.listed.get(self.chosen).and_then(|place| self.tails.get(place)),
            scrolled: self.scrolled,
            warning: self.warning.as_deref(),
            now_us,
        };
        let (buffer, most_scrolled) = frame.drawn(area);
        self.scrolled = self.scrolled.min(most_scrolled);
        let Holding::Ours { shown } = &mut self.holding else { return };
        let before = shown.take().filter(|before| *before.area() == area);
        let mut bytes = Vec::new();
        let before = before.unwrap_or_else(|| {
            bytes.extend_from_slice(b"\x1b[0m\x1b[2J");
            Buffer::empty(area)
        });
        bytes.extend(colour::changes(&before, &buffer));
        *shown = Some(buffer);
        self.drawn_us = Some(now_us);
        self.has_changed = false;
        if self.screen.write(&bytes).is_err() {
            // A terminal that is gone; the signal that says so is on its way.
            self.leave();
        }
    }

    fn pressed(&mut self, key: KeyPress) -> Wish {
        let has_ended = self.run.result.is_some();
        if self.is_following {
            self.follow();
        }
        self.has_changed = true;
        match key {
            KeyPress::Interrupt if has_ended => self.leave(),
            KeyPress::Interrupt => return Wish::Stop,
            KeyPress::Suspend => return Wish::Halt,
            KeyPress::Up | KeyPress::Char('k') => self.choose(self.chosen.saturating_sub(1)),
            KeyPress::Down | KeyPress::Char('j') => self.choose(self.chosen + 1),
            KeyPress::PageUp | KeyPress::Char('b') => self.scroll(self.scrolled + self.page()),
            KeyPress::PageDown | KeyPress::Char(' ') => {
                self.scroll(self.scrolled.saturating_sub(self.page()))
            }
            KeyPress::Home | KeyPress::Char('g') => self.scroll(KEPT_LINES),
            KeyPress::End | KeyPress::Char('G') => self.scroll(0),
            KeyPress::Char('f') => {
                self.is_following = true;
                self.scrolled = 0;
            }
            KeyPress::Redraw => {
                if let Holding::Ours { shown } = &mut self.holding {
                    *shown = None;
                }
            }
            KeyPress::Char('q') => self.leave(),
            KeyPress::Enter if has_ended => self.leave(),
            KeyPress::Enter | KeyPress::Char(_) => {}
        }
        Wish::Nothing
    }

    /// Lines that a page is.
    fn page(&self) -> usize {
        usize::from(self.screen.size().1).saturating_sub(4).max(1)
    }
}

impl View for Tui {
    fn event(&mut self, stamped: &Stamped) {
        self.run.apply(stamped);
        if self.has_left() {
            self.console.event(stamped);
            return;
        }
        match &stamped.event {
            Event::RunStarted { jobs, .. } => {
                self.words.name_width = super::wording::name_width(&self.run);
                self.listed = (0..jobs.len()).filter(|place| jobs[*place].has_body).collect();
            }
            Event::JobsAdded { .. } => {
                self.words.name_width = super::wording::name_width(&self.run);
                self.listed =
                    self.run.in_order().filter(|place| self.run.jobs[*place].planned.has_body).collect();
            }
            Event::AttemptStarted { job, attempt: _ } => {
                if let Some(place) = self.run.place(job) {
                    self.kept.retain(|kept| *kept != place);
                    self.tails.insert(place, Tail::new(KEPT_LINES));
                }
            }
            Event::AttemptEnded { job, .. } => {
                let place = self.run.place(job);
                if let Some((place, mut tail)) = place.and_then(|place| self.tails.remove_entry(&place)) {
                    tail.end();
                    self.keep(place, tail);
                }
            }
            Event::Warning { job, code, message } => {
                let warning = self.words.warning(job.as_ref(), code.as_deref(), message);
                self.warning = Some(warning.trim_end().to_owned());
            }
            Event::Stopping { .. } => {
                let stopping = self.run.stopping;
                let running = self.run.running().len();
                self.warning = stopping.map(|how| self.words.stopping(how, running).trim_end().to_owned());
            }
            Event::Stale { .. }
            | Event::Hint { .. }
            | Event::ServiceUp { .. }
            | Event::AttemptQueued { .. }
            | Event::AttemptBegan { .. }
            | Event::RetryPlanned { .. }
            | Event::RunResumed { .. }
            | Event::RunLeft { .. }
            | Event::JobSettled { .. }
            | Event::RunEnded { .. } => {}
        }
        self.untold.push(stamped.clone());
        self.has_changed = true;
    }

    fn output(&mut self, job: &JobName, stream: Stream, bytes: &[u8], mono_us: u64) {
        if self.has_left() {
            self.console.output(job, stream, bytes, mono_us);
            return;
        }
        let Some(place) = self.run.place(job) else { return };
        let Some(tail) = self.tails.get_mut(&place) else { return };
        let before = tail.total();
        tail.push(stream, &place::shortened(stream, bytes));
        // After scrolling up, the same lines stay in view.
        if self.scrolled > 0 && self.listed.get(self.chosen) == Some(&place) {
            self.scrolled += (tail.total() - before) as usize;
        }
        self.has_changed = true;
    }

    fn tick(&mut self, mono_us: u64) {
        if self.has_left() {
            self.console.tick(mono_us);
        } else if self.next_tick().is_some_and(|due_us| due_us <= mono_us) {
            self.draw(mono_us);
        }
    }

    fn next_tick(&self) -> Option<u64> {
        match &self.holding {
            Holding::Left => self.console.next_tick(),
            Holding::Lent => None,
            Holding::Ours { .. } => {
                let pause = if self.has_changed { REDRAW_US } else { SECOND_US };
                Some(self.drawn_us.map_or(self.run.began_us, |drawn_us| drawn_us + pause))
            }
        }
    }

    fn suspend(&mut self) {
        match &self.holding {
            Holding::Left => self.console.suspend(),
            Holding::Lent => {}
            Holding::Ours { .. } => {
                self.holding = Holding::Lent;
                self.screen.give_back();
            }
        }
    }

    fn resume(&mut self, mono_us: u64) {
        match &self.holding {
            Holding::Left => self.console.resume(mono_us),
            Holding::Ours { .. } => {}
            // In the background of the terminal a run goes on without the screen.
            Holding::Lent if self.screen.take().is_err() => self.leave(),
            Holding::Lent => {
                self.holding = Holding::Ours { shown: None };
                self.draw(mono_us);
            }
        }
    }

    fn typed(&mut self, bytes: &[u8], mono_us: u64) -> Wish {
        let mut wish = Wish::Nothing;
        for key in key::keys(bytes) {
            if self.has_left() {
                break;
            }
            match self.pressed(key) {
                Wish::Nothing => {}
                asked @ (Wish::Stop | Wish::Halt) => wish = asked,
            }
        }
        // Draws at once after a key press.
        self.draw(mono_us);
        wish
    }

    fn is_looked_at(&self) -> bool {
        !self.has_left() && self.run.result.is_some() && !self.is_following
    }

    fn finish(&mut self, mono_us: u64) {
        self.leave();
        self.console.finish(mono_us);
    }
}

#[cfg(test)]
mod tests;
