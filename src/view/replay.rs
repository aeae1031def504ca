//! A recorded run shown again: its events and logs go to a view as they once did live.
//! Knows no files; runs nothing.

use super::held::copy_log;
use super::{Logs, View};
use crate::event::{Event, Stamped, Stream};
use crate::name::JobName;

/// Shows a run. The logs do not tell when which line was written, so the output of an attempt comes when the attempt ends,
/// stdout first. Returns whether the run had come to its end.
pub(crate) fn replay<'a>(
    events: impl IntoIterator<Item = &'a Stamped>,
    logs: &dyn Logs,
    view: &mut dyn View,
) -> bool {
    let mut open: Vec<(JobName, u32)> = Vec::new();
    let mut last: Option<&Stamped> = None;
    let mut has_ended = false;
    for stamped in events {
        match &stamped.event {
            Event::AttemptStarted { job, attempt } => open.push((job.clone(), *attempt)),
            Event::AttemptEnded { job, attempt, stdout_bytes, stderr_bytes, .. } => {
                open.retain(|(other, number)| (other, number) != (job, attempt));
                show_log(logs, job, *attempt, (Stream::Stdout, *stdout_bytes), stamped, view);
                show_log(logs, job, *attempt, (Stream::Stderr, *stderr_bytes), stamped, view);
            }
            Event::RunEnded { .. } => has_ended = true,
            Event::RunStarted { .. }
            | Event::RetryPlanned { .. }
            | Event::JobSettled { .. }
            | Event::Warning { .. }
            | Event::Stopping { .. } => {}
        }
        view.event(stamped);
        last = Some(stamped);
    }
    if let Some(last) = last {
        // Attempts whose end nobody saw: the run crashed while they wrote.
        for (job, attempt) in open {
            show_log(logs, &job, attempt, (Stream::Stdout, 0), last, view);
            show_log(logs, &job, attempt, (Stream::Stderr, 0), last, view);
        }
        view.finish(last.mono_us);
    }
    has_ended
}

/// `expected` is the stream with the number of bytes that it had, at least.
fn show_log(
    logs: &dyn Logs,
    job: &JobName,
    attempt: u32,
    expected: (Stream, u64),
    now: &Stamped,
    view: &mut dyn View,
) {
    let (stream, bytes) = expected;
    let mut shown = 0;
    let result = copy_log(logs, job, attempt, stream, &mut |stream, piece| {
        shown += piece.len() as u64;
        view.output(job, stream, piece, now.mono_us);
    });
    let name = match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    };
    let message = match result {
        Err(error) => format!("the log of its {name} cannot be read: {error}"),
        Ok(()) if shown < bytes => {
            format!("the log of its {name} has {shown} bytes of the {bytes} that it had")
        }
        Ok(()) => return,
    };
    let event = Event::Warning { job: Some(job.clone()), code: None, message };
    view.event(&Stamped { event, ..now.clone() });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Exit, FORMAT, Outcome, RunResult};
    use crate::view::console::{Display, Mode};
    use crate::view::script::{FakeLogs, Script, name, on_screen, planned, run_id};
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
            line: None,
        };
        let settled =
            |job: &str| Event::JobSettled { job: name(job), outcome: Outcome::Succeeded, keys: vec![] };
        vec![
            Event::RunStarted {
                format: FORMAT,
                run: run_id("7f3k"),
                slots: 2,
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
        let (Script { mut view, .. }, screen) =
            on_screen(|settings| settings.display = Display::Fixed(Mode::Prefix));
        let has_ended = replay(&stamped(events), &FakeLogs("one\ntwo\n"), &mut view);
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
    warning: b: the log of its stdout has 8 bytes of the 99 that it had
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
