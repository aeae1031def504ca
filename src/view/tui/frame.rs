//! What is on the screen: the tasks at the left, the chosen one's output at the right, a line about the run above and one
//! about the keys below. On a narrow screen the output is below the tasks.
//! A function of the run and the size of the screen.

use super::colour;
use crate::state::{JobState, RunState};
use crate::view::filter::{shown, without_colours};
use crate::view::style;
use crate::view::tail::Tail;
use crate::view::wording::{self, STATUS_WIDTH, Words, pad, pad_left};
use crate::view::{progress, table, time};
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::{Modifier, Style};

/// Below this many columns the output has no room beside the tasks.
const NARROW: u16 = 60;
/// Columns of a duration, and a blank before it.
const TIME_WIDTH: usize = 8;

const KEYS: &str = "↑↓ task · PgUp PgDn scroll · f follow · q leave · Ctrl-C stop";
const KEYS_AT_END: &str = "↑↓ task · PgUp PgDn scroll · q leave";

pub(super) struct ScreenFrame<'a> {
    pub(super) run: &'a RunState,
    pub(super) words: &'a Words,
    /// Places of the jobs that are listed.
    pub(super) listed: &'a [usize],
    /// Which of them is looked at.
    pub(super) chosen: usize,
    pub(super) tail: Option<&'a Tail>,
    /// Lines below the last one that is shown.
    pub(super) scrolled: usize,
    pub(super) warning: Option<&'a str>,
    pub(super) now_us: u64,
}

impl ScreenFrame<'_> {
    /// The screen, and how far its output can be scrolled.
    pub(super) fn drawn(&self, area: Rect) -> (Buffer, usize) {
        let mut buffer = Buffer::empty(area);
        let (width, height) = (area.width, area.height);
        if width == 0 || height < 2 {
            return (buffer, 0);
        }
        self.text(&mut buffer, Rect::new(0, 0, width, 1), &self.header(usize::from(width)));
        self.text(&mut buffer, Rect::new(0, height - 1, width, 1), &self.footer(usize::from(width)));
        let middle = height - 2;
        let (tasks, output) = if width < NARROW {
            let tasks = u16::try_from(self.listed.len()).unwrap_or(u16::MAX);
            let tasks = tasks.min(middle / 3).max(1).min(middle);
            (Rect::new(0, 1, width, tasks), Rect::new(0, 1 + tasks, width, middle - tasks))
        } else {
            let tasks = (self.list_width() as u16).min(width * 2 / 5);
            for line in 1..=middle {
                buffer.set_string(tasks, line, "│", self.styled(style::FAINT));
            }
            (Rect::new(0, 1, tasks, middle), Rect::new(tasks + 2, 1, width - tasks - 2, middle))
        };
        self.tasks(&mut buffer, tasks);
        let most_scrolled = self.output(&mut buffer, output);
        (buffer, most_scrolled)
    }

    fn styled(&self, style: anstyle::Style) -> Style {
        if self.words.paint.is_on { Style::from(style) } else { Style::default() }
    }

    /// Puts a line there, as far as it has room.
    fn text(&self, buffer: &mut Buffer, area: Rect, text: &str) {
        if area.height > 0 {
            buffer.set_line(area.x, area.y, &colour::line(text, self.words.paint.is_on), area.width);
        }
    }

    fn header(&self, columns: usize) -> String {
        let about = self.words.header(self.run).trim_end().to_owned();
        let counts = wording::counts(&self.run.counts(), self.words.paint);
        if self.run.result.is_some() {
            let took = self.run.ended_us.unwrap_or(self.now_us).saturating_sub(self.run.began_us);
            return format!("{about} · {counts} in {}", time::duration(took));
        }
        let progress = progress::line(self.run, self.now_us, columns);
        // What runs is seen below.
        let progress = progress.split(" · ").next().unwrap_or_default();
        format!("{about} · {progress}")
    }

    fn footer(&self, columns: usize) -> String {
        let keys = if self.run.result.is_some() { KEYS_AT_END } else { KEYS };
        match self.warning {
            Some(warning) => table::cut(&without_colours(warning), columns),
            None => self.words.paint.text(style::FAINT, &table::cut(keys, columns)),
        }
    }

    fn list_width(&self) -> usize {
        1 + STATUS_WIDTH + 2 + self.words.name_width.max(8) + TIME_WIDTH + 1
    }

    /// The tasks round the chosen one.
    fn tasks(&self, buffer: &mut Buffer, area: Rect) {
        let room = usize::from(area.height);
        let first = self.chosen.saturating_sub(room / 2).min(self.listed.len().saturating_sub(room));
        for (row, number) in (first..self.listed.len()).take(room).enumerate() {
            let job = &self.run.jobs[self.listed[number]];
            let (word, colour) = status(job);
            let running = job.running_since_us().map(|since_us| self.now_us.saturating_sub(since_us));
            let time = running.or_else(|| job.took_us()).map(time::duration).unwrap_or_default();
            let name_width = usize::from(area.width).saturating_sub(1 + STATUS_WIDTH + 2 + TIME_WIDTH + 1);
            let line = format!(
                "{}{}{}  {}{}",
                if number == self.chosen { "▸" } else { " " },
                " ".repeat(STATUS_WIDTH.saturating_sub(word.len())),
                self.words.paint.text(colour, word),
                pad(&table::cut(&shown(job.planned.name.as_str()), name_width), name_width),
                self.words.paint.text(style::FAINT, &pad_left(&time, TIME_WIDTH))
            );
            let row = Rect::new(area.x, area.y + row as u16, area.width, 1);
            self.text(buffer, row, &line);
            if number == self.chosen {
                buffer.set_style(row, Style::default().add_modifier(Modifier::REVERSED));
            }
        }
    }

    /// The end of what the chosen job wrote; answers how far it can be scrolled.
    fn output(&self, buffer: &mut Buffer, area: Rect) -> usize {
        let Some(job) = self.listed.get(self.chosen).map(|place| &self.run.jobs[*place]) else { return 0 };
        // Below its output stands why it failed; the output keeps the larger part.
        let hints = if job.outcome.is_some() { self.words.hint_lines(job) } else { Vec::new() };
        let room = usize::from(area.height).saturating_sub(1);
        let hints = &hints[..hints.len().min(room / 2)];
        let room = room - hints.len();
        let kept = self.tail.map_or(0, |tail| tail.lines().len());
        let most_scrolled = kept.saturating_sub(room);
        let below = self.scrolled.min(most_scrolled);
        let mut title = match &job.outcome {
            Some(_) => self.words.title(job),
            None => {
                let name = shown(job.planned.name.as_str());
                format!("{} · {}", self.words.paint.text(style::STRONG, &name), status(job).0)
            }
        };
        let total = self.tail.map_or(0, Tail::total);
        if below > 0 {
            title.push_str(&format!(" · to line {} of {total}", total - below as u64));
        }
        self.text(buffer, area, &title);
        let lines = self.tail.map(Tail::lines).into_iter().flatten();
        let lines = lines.skip(most_scrolled - below).take(room);
        for (row, line) in lines.chain(hints.iter().cloned()).enumerate() {
            let row = Rect::new(area.x, area.y + 1 + row as u16, area.width, 1);
            self.text(buffer, row, &line);
        }
        most_scrolled
    }
}

/// The word of a job that is settled, or for where it stands.
fn status(job: &JobState) -> (&'static str, anstyle::Style) {
    match (&job.outcome, job.running_since_us()) {
        (Some(_), _) => wording::status(job),
        (None, _) if job.is_up() => wording::status(job),
        (None, Some(_)) => ("run", style::STRONG),
        (None, None) if job.attempts > 0 => ("retry", style::ODD),
        (None, None) => ("wait", style::FAINT),
    }
}
