//! A recorded run shown again: its events and logs go to a view as they once did live.
//! Knows no files; runs nothing.

use super::{Logs, View};
use crate::event::{Event, Piece, Stamped, Stream};
use crate::name::JobName;
use std::collections::HashMap;
use std::io::{self, ErrorKind, Read};

/// Shows a run. `order` is that of its output; what it does not tell of comes when its attempt ends, stdout first. Returns
/// whether the run had come to its end.
pub(crate) fn replay<'a>(
    events: impl IntoIterator<Item = &'a Stamped>,
    order: impl IntoIterator<Item = Piece>,
    logs: &dyn Logs,
    view: &mut dyn View,
) -> bool {
    let mut player = Player { logs, view, names: Vec::new(), open: HashMap::new() };
    let mut order = order.into_iter().peekable();
    let mut last: Option<&Stamped> = None;
    let mut has_ended = false;
    for stamped in events {
        while let Some(piece) = order.next_if(|piece| piece.before <= stamped.seq) {
            player.play(piece, stamped.mono_us);
        }
        match &stamped.event {
            Event::RunStarted { jobs, .. } => {
                player.names = jobs.iter().map(|job| job.name.clone()).collect()
            }
            Event::JobsAdded { jobs, .. } => {
                player.names.extend(jobs.iter().map(|job| job.name.clone()));
            }
            Event::AttemptStarted { job, attempt } => {
                player.open.entry((job.clone(), *attempt)).or_default();
            }
            Event::AttemptEnded { job, attempt, stdout_bytes, stderr_bytes, .. } => {
                player.finish(job, *attempt, [*stdout_bytes, *stderr_bytes], stamped);
            }
            Event::RunEnded { .. } => has_ended = true,
            Event::Stale { .. }
            | Event::Hint { .. }
            | Event::ServiceUp { .. }
            | Event::AttemptQueued { .. }
            | Event::AttemptBegan { .. }
            | Event::RetryPlanned { .. }
            | Event::RunResumed { .. }
            | Event::RunLeft { .. }
            | Event::JobSettled { .. }
            | Event::Warning { .. }
            | Event::Stopping { .. } => {}
        }
        player.view.event(stamped);
        last = Some(stamped);
    }
    if let Some(last) = last {
        for piece in order {
            player.play(piece, last.mono_us);
        }
        // Attempts whose end nobody saw: the run crashed while they wrote.
        let mut open: Vec<(JobName, u32)> = player.open.keys().cloned().collect();
        open.sort();
        for (job, attempt) in open {
            player.finish(&job, attempt, [0, 0], last);
        }
        player.view.finish(last.mono_us);
    }
    has_ended
}

struct Player<'a> {
    logs: &'a dyn Logs,
    view: &'a mut dyn View,
    /// In plan order.
    names: Vec<JobName>,
    /// Attempts that have not ended.
    open: HashMap<(JobName, u32), [ReplayLog; 2]>,
}

/// One stream of an attempt.
#[derive(Default)]
struct ReplayLog {
    state: LogState,
    shown: u64,
    trouble: Option<io::Error>,
}

#[derive(Default)]
enum LogState {
    #[default]
    Closed,
    Open(Box<dyn Read>),
    /// To its end, or as far as it could be read.
    Done,
}

const STREAMS: [(Stream, &str); 2] = [(Stream::Stdout, "stdout"), (Stream::Stderr, "stderr")];

impl Player<'_> {
    fn play(&mut self, piece: Piece, now_us: u64) {
        // An order without its plan, or of attempts that have ended, is damaged; their logs were shown whole.
        let Some(job) = self.names.get(piece.place).cloned() else { return };
        let Some(logs) = self.open.get_mut(&(job.clone(), piece.attempt)) else { return };
        let log = &mut logs[usize::from(piece.stream == Stream::Stderr)];
        let view = &mut *self.view;
        log.show(piece.bytes, || self.logs.open(&job, piece.attempt, piece.stream), &mut |bytes| {
            view.output(&job, piece.stream, bytes, now_us);
        });
    }

    /// Shows what is left of an attempt's output. `expected`: how long the two streams were, at least.
    fn finish(&mut self, job: &JobName, attempt: u32, expected: [u64; 2], now: &Stamped) {
        let mut logs = self.open.remove(&(job.clone(), attempt)).unwrap_or_default();
        for ((log, (stream, name)), expected) in logs.iter_mut().zip(STREAMS).zip(expected) {
            let view = &mut *self.view;
            log.show(u64::MAX, || self.logs.open(job, attempt, stream), &mut |bytes| {
                view.output(job, stream, bytes, now.mono_us);
            });
            let message = match &log.trouble {
                Some(error) => format!("cannot read its {name} log: {error}"),
                None if log.shown < expected => {
                    format!("its {name} log has only {} of {expected} bytes", log.shown)
                }
                None => continue,
            };
            let event = Event::Warning { job: Some(job.clone()), code: None, message };
            self.view.event(&Stamped { event, ..now.clone() });
        }
    }
}

impl ReplayLog {
    /// Shows at most so many bytes more.
    fn show(
        &mut self,
        most: u64,
        open: impl FnOnce() -> io::Result<Box<dyn Read>>,
        show: &mut dyn FnMut(&[u8]),
    ) {
        if let LogState::Closed = self.state {
            match open() {
                Ok(log) => self.state = LogState::Open(log),
                Err(error) => {
                    self.state = LogState::Done;
                    // Logs are made when there is something in them.
                    self.trouble = Some(error).filter(|error| error.kind() != ErrorKind::NotFound);
                }
            }
        }
        let LogState::Open(log) = &mut self.state else { return };
        let mut chunk = vec![0; usize::try_from(most).unwrap_or(usize::MAX).min(64 * 1024)];
        let mut left = most;
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
            match log.read(&mut chunk[..room]) {
                Ok(0) => {
                    self.state = LogState::Done;
                    return;
                }
                Ok(length) => {
                    show(&chunk[..length]);
                    self.shown += length as u64;
                    left -= length as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.trouble = Some(error);
                    self.state = LogState::Done;
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Exit, FORMAT, Outcome, RunResult};
    use crate::view::console::{Display, Mode};
    use crate::view::script::{FakeLogs, ScriptedRun, name, on_screen, planned, run_id};
    use insta::assert_snapshot;

    fn stamped(events: Vec<Event>) -> Vec<Stamped> {
        let stamp = |(place, event): (usize, Event)| Stamped {
            seq: place as u64,
            wall_us: 0,
            mono_us: place as u64 * 500_000,
            event,
        };
        events.into_iter().enumerate().map(stamp).collect()
    }

    fn events() -> Vec<Event> {
        let ended = |job: &str, stdout_bytes| Event::AttemptEnded {
            job: name(job),
            attempt: 1,
            exit: Exit::Code(0),
            leaked: 0,
            stdout_bytes,
            stderr_bytes: 0,
            stream_bytes: 0,
            is_stream_short: false,
            line: None,
        };
        let settled =
            |job: &str| Event::JobSettled { job: name(job), outcome: Outcome::Succeeded, keys: vec![] };
        vec![
            Event::RunStarted {
                format: FORMAT,
                run: run_id("7f3k"),
                slots: 2,
                changed: Vec::new(),
                jobs: vec![planned("a 1"), planned("b 2")],
            },
            Event::AttemptStarted { job: name("a"), attempt: 1 },
            Event::AttemptStarted { job: name("b"), attempt: 1 },
            ended("a", 8),
            settled("a"),
            ended("b", 99),
            settled("b"),
            Event::RunEnded { result: RunResult::Succeeded },
        ]
    }

    fn shown(events: Vec<Event>) -> (String, bool) {
        shown_in_order(events, Vec::new())
    }

    fn shown_in_order(events: Vec<Event>, order: Vec<Piece>) -> (String, bool) {
        let (ScriptedRun { mut view, .. }, screen) =
            on_screen(|settings| settings.display = Display::Fixed(Mode::Prefix));
        let has_ended = replay(&stamped(events), order, &FakeLogs("one\ntwo\n"), &mut view);
        (screen.text(), has_ended)
    }

    #[test]
    fn a_run_is_shown_as_it_was_and_missing_bytes_are_told() {
        let (text, has_ended) = shown(events());
        assert!(has_ended);
        assert_snapshot!(text, @r"
    otto · run 7f3k · 2 tasks
          a │ one
          a │ two
         ok  a     1.0s
          b │ one
          b │ two
    warning: b: its stdout log has only 8 of 99 bytes
         ok  b     1.5s
    2 ok in 3.5s · slowest b 1.5s
    ");
    }

    #[test]
    fn output_comes_in_the_order_in_which_it_came_then() {
        let piece = |before, place, bytes| Piece { before, place, attempt: 1, stream: Stream::Stdout, bytes };
        // `a` wrote "one", then `b`, then `a` again; nothing is known of the rest of `b`.
        let order = vec![piece(3, 0, 4), piece(3, 1, 4), piece(3, 0, 4), piece(3, 9, 9), piece(7, 0, 9)];
        assert_snapshot!(shown_in_order(events(), order).0, @"
        otto · run 7f3k · 2 tasks
              a │ one
              b │ one
              a │ two
             ok  a     1.0s
              b │ two
        warning: b: its stdout log has only 8 of 99 bytes
             ok  b     1.5s
        2 ok in 3.5s · slowest b 1.5s
        ");
    }

    #[test]
    fn what_a_crashed_run_had_written_is_shown_too() {
        let (text, has_ended) = shown(events().into_iter().take(3).collect());
        assert!(!has_ended);
        assert_snapshot!(text, @r"
    otto · run 7f3k · 2 tasks
          a │ one
          a │ two
          b │ one
          b │ two
    ");
    }
}
