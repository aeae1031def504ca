//! `events.jsonl`: every event of a run, a line each, written as it happens. The truth about a run.
//! Knows lines; what they amount to is `past`.

use crate::event::{Event, FORMAT, Piece, Stamped, of_first_format};
use crate::history::order::OutputOrder;
use crate::host::plain;
use crate::store::layout::RunDir;
use crate::store::regular;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The room that is kept for the next line, in bytes.
const KEPT_LINE: usize = 16 << 10;

/// Writes the journal of a run. Never fails the run: what goes wrong is one warning.
#[derive(Debug)]
pub(crate) struct Journal {
    /// None: it could not be made.
    file: Option<File>,
    path: PathBuf,
    order: OutputOrder,
    line: Vec<u8>,
    /// The last write was cut short, so the next line must not continue it.
    is_torn: bool,
    warning: Option<String>,
    has_failed: bool,
}

impl Journal {
    pub(crate) fn create(run: &RunDir) -> Journal {
        let path = run.journal();
        let made = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path);
        let mut journal = Journal::closed(run);
        match made {
            Ok(file) => journal.file = Some(file),
            Err(error) => journal.warn(format!("cannot create `{}`: {}", path.display(), plain(&error))),
        }
        journal
    }

    /// Goes on with the journal of a run that another otto began. A last line that it did not write to its end is taken away:
    /// what it says was never known.
    pub(crate) fn go_on(run: &RunDir) -> io::Result<Journal> {
        let path = run.journal();
        for path in [&path, &run.order()] {
            end_after_last_line(path)?;
        }
        let file = OpenOptions::new().append(true).open(&path)?;
        Ok(Journal { file: Some(file), ..Journal::closed(run) })
    }

    /// One that takes nothing.
    pub(crate) fn closed(run: &RunDir) -> Journal {
        Journal {
            file: None,
            path: run.journal(),
            order: OutputOrder::new(run),
            line: Vec::new(),
            is_torn: false,
            warning: None,
            has_failed: false,
        }
    }

    /// One line in one write. After a failure later lines are still tried: a full disk may have room again.
    pub(crate) fn append(&mut self, stamped: &Stamped) {
        let Some(file) = &mut self.file else { return };
        if self.is_torn {
            self.line.push(b'\n');
        }
        serde_json::to_writer(&mut self.line, stamped).expect("bug: an event is plain data");
        self.line.push(b'\n');
        match write_whole(file, &self.line) {
            Ok(()) => self.is_torn = false,
            Err(error) => {
                self.is_torn = true;
                self.warn(format!("cannot write `{}`: {}", self.path.display(), plain(&error)));
            }
        }
        // A line with thousands of jobs is seldom followed by another one.
        self.line.clear();
        self.line.shrink_to(KEPT_LINE);
    }

    /// A task wrote: so much of its log came before the next event.
    pub(crate) fn output(&mut self, piece: Piece) {
        self.order.note(piece);
    }

    /// The run ends.
    pub(crate) fn finish(&mut self) {
        self.order.finish();
    }

    /// What the user should be told, once.
    pub(crate) fn take_warning(&mut self) -> Option<String> {
        self.warning.take()
    }

    fn warn(&mut self, message: String) {
        if !std::mem::replace(&mut self.has_failed, true) {
            self.warning = Some(message);
        }
    }
}

fn end_after_last_line(path: &Path) -> io::Result<()> {
    let text = match regular::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        text => text?,
    };
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    match whole == text.len() {
        true => Ok(()),
        false => OpenOptions::new().write(true).open(path)?.set_len(whole as u64),
    }
}

/// One write; a disk that takes only a part of it is full.
fn write_whole(file: &mut File, line: &[u8]) -> io::Result<()> {
    loop {
        match file.write(line) {
            Ok(count) if count == line.len() => return Ok(()),
            Ok(_) => return Err(io::ErrorKind::StorageFull.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Why a journal cannot be read at all.
#[derive(Debug)]
pub(crate) enum ReadError {
    Io(io::Error),
    /// Written by an otto whose events this one does not understand.
    Newer {
        format: u64,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Io(error) => f.write_str(&plain(error)),
            ReadError::Newer { format } => {
                write!(f, "its journal has format {format}, but this otto reads only up to {FORMAT}")
            }
        }
    }
}

/// The events of a journal in their order. Lines that are no events of a known kind are left out: the last one of
/// a run that was killed may be cut short, and a newer otto may know more kinds.
pub(crate) fn read(run: &RunDir) -> Result<Vec<Stamped>, ReadError> {
    let file = match regular::open(&run.journal()) {
        Ok(file) => file,
        // The run died before its first event.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(ReadError::Io(error)),
    };
    parse(BufReader::with_capacity(1 << 16, file))
}

pub(crate) fn parse(mut lines: impl BufRead) -> Result<Vec<Stamped>, ReadError> {
    let mut events = Vec::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line).map_err(ReadError::Io)? == 0 {
            return Ok(events);
        }
        events.extend(parse_line(&line)?);
    }
}

fn parse_line(line: &[u8]) -> Result<Option<Stamped>, ReadError> {
    match serde_json::from_slice::<Stamped>(line) {
        Ok(Stamped { event: Event::RunStarted { format, .. }, .. }) if format > FORMAT => {
            Err(ReadError::Newer { format: format.into() })
        }
        Ok(stamped) => Ok(Some(stamped)),
        Err(_) => {
            let Ok(line) = serde_json::from_slice(line) else { return Ok(None) };
            match newer_format(&line) {
                Some(format) => Err(ReadError::Newer { format }),
                None => Ok(of_first_format(&line)),
            }
        }
    }
}

/// The first event of a newer format need not have the form of ours.
fn newer_format(line: &serde_json::Value) -> Option<u64> {
    let event = line.get("event")?;
    let format = match event.as_str() {
        Some("run_started") => line.get("format"),
        Some(_) => None,
        None => event.get("run_started")?.get("format"),
    };
    format?.as_u64().filter(|format| *format > FORMAT.into())
}

/// The last event, read from the journal's end without reading the whole. `None` where it is missing, cut short,
/// or longer than any last event of ours.
pub(crate) fn last_event(run: &RunDir) -> Option<Stamped> {
    const TAIL: u64 = 4096;
    let mut file = regular::open(&run.journal()).ok()?;
    let length = file.seek(SeekFrom::End(0)).ok()?;
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).ok()?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail).ok()?;
    let lines = tail.strip_suffix(b"\n")?;
    let last = lines.rsplit(|byte| *byte == b'\n').next()?;
    parse_line(last).ok()?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Exit, Outcome, PlannedJob, RunResult, Skip};
    use crate::name::{JobName, RunId};
    use insta::assert_snapshot;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn job(name: &str) -> JobName {
        JobName::recorded(name).expect("not empty")
    }

    fn events() -> Vec<Event> {
        let run = RunId::new("20261123-120000.000000", 42);
        let planned = |name: &str, needs: &[&str]| {
            Arc::new(PlannedJob {
                line: 3,
                needs: needs.iter().copied().map(job).collect(),
                params: Box::new([("env".into(), "a \"b\"\n".into())]),
                ..PlannedJob::plain(job(name))
            })
        };
        vec![
            Event::RunStarted {
                format: FORMAT,
                run: run.clone(),
                slots: 2,
                changed: Vec::new(),
                jobs: vec![planned("a", &[]), planned("b", &["a"])],
            },
            Event::AttemptStarted { job: job("a"), attempt: 1 },
            Event::Warning { job: None, code: Some("E0702".into()), message: "hm".into() },
            Event::AttemptEnded {
                job: job("a"),
                attempt: 1,
                exit: Exit::Signal(9),
                leaked: 1,
                stdout_bytes: 10,
                stderr_bytes: 0,
                stream_bytes: 0,
                is_stream_short: false,
                line: Some(7),
            },
            Event::RetryPlanned { job: job("a"), attempt: 1, retries: 2, pause_ms: 5, is_uncharged: false },
            Event::JobSettled {
                job: job("a"),
                outcome: Outcome::Failed { exit: Exit::Signal(9), reason: None, code: None },
                keys: vec!["k".into()],
            },
            Event::JobSettled {
                job: job("b"),
                outcome: Outcome::Skipped(Skip::Needs(job("a"))),
                keys: vec![],
            },
            Event::Stopping { signal: 2, is_forced: false },
            Event::RunEnded { result: RunResult::Failed { status: 137 } },
        ]
    }

    fn stamped(events: Vec<Event>) -> Vec<Stamped> {
        let stamp =
            |(place, event)| Stamped { seq: place as u64, wall_us: 1_000, mono_us: place as u64 * 7, event };
        events.into_iter().enumerate().map(stamp).collect()
    }

    fn sandbox() -> (tempfile::TempDir, RunDir) {
        let sandbox = tempfile::tempdir().expect("a sandbox");
        let run = RunDir { path: sandbox.path().to_owned() };
        (sandbox, run)
    }

    fn text(events: &[Stamped]) -> Vec<u8> {
        let (_sandbox, run) = sandbox();
        let mut journal = Journal::create(&run);
        events.iter().for_each(|event| journal.append(event));
        assert_eq!(journal.take_warning(), None);
        std::fs::read(run.journal()).expect("a journal")
    }

    #[test]
    fn a_journal_goes_on_after_its_last_whole_line() {
        let events = stamped(events());
        let (first, rest) = events.split_at(3);
        for torn in ["", r#"{"seq":3,"ti"#] {
            let (_sandbox, run) = sandbox();
            let mut journal = Journal::create(&run);
            first.iter().for_each(|event| journal.append(event));
            drop(journal);
            let mut text = std::fs::read(run.journal()).expect("a journal");
            text.extend_from_slice(torn.as_bytes());
            std::fs::write(run.journal(), text).expect("ours");
            let mut journal = Journal::go_on(&run).expect("it is there");
            rest.iter().for_each(|event| journal.append(event));
            assert_eq!(read(&run).expect("ours"), events);
            let text = std::fs::read_to_string(run.journal()).expect("a journal");
            assert_eq!(text.lines().count(), events.len(), "{torn:?}: {text}");
        }
        assert!(Journal::go_on(&sandbox().1).is_err(), "there is none");
    }

    #[test]
    fn a_journal_is_a_line_for_each_event_and_reads_back() {
        let events = stamped(events());
        let text = text(&events);
        assert_snapshot!(String::from_utf8_lossy(&text), @r#"
        {"seq":0,"time":"1970-01-01T00:00:00.001000Z","elapsed_us":0,"event":"run_started","format":2,"run":"20261123-120000.000000-a10000","slots":2,"tasks":[{"name":"a","task":"a","has_body":true,"line":3,"needs":[],"params":{"env":"a \"b\"\n"}},{"name":"b","task":"b","has_body":true,"line":3,"needs":["a"],"params":{"env":"a \"b\"\n"}}]}
        {"seq":1,"time":"1970-01-01T00:00:00.001000Z","elapsed_us":7,"event":"attempt_started","task":"a","attempt":1}
        {"seq":2,"time":"1970-01-01T00:00:00.001000Z","elapsed_us":14,"event":"warning","code":"E0702","message":"hm"}
        {"seq":3,"time":"1970-01-01T00:00:00.001000Z","elapsed_us":21,"event":"attempt_ended","task":"a","attempt":1,"exit":{"how":"signal","status":137,"signal":9},"leaked":1,"stdout_bytes":10,"stderr_bytes":0,"line":7}
        {"seq":4,"time":"1970-01-01T00:00:00.001000Z","elapsed_us":28,"event":"retry_planned","task":"a","attempt":1,"retries":2,"pause_ms":5}
        {"seq":5,"time":"1970-01-01T00:00:00.001000Z","elapsed_us":35,"event":"task_settled","task":"a","outcome":"failed","exit":{"how":"signal","status":137,"signal":9},"keys":["k"]}
        {"seq":6,"time":"1970-01-01T00:00:00.001000Z","elapsed_us":42,"event":"task_settled","task":"b","outcome":"skipped","because":"needs","of":"a","keys":[]}
        {"seq":7,"time":"1970-01-01T00:00:00.001000Z","elapsed_us":49,"event":"stopping","signal":2,"is_forced":false}
        {"seq":8,"time":"1970-01-01T00:00:00.001000Z","elapsed_us":56,"event":"run_ended","result":"failed","status":137}
        "#);
        assert_eq!(parse(&text[..]).expect("ours"), events);
    }

    #[test]
    fn a_journal_of_the_first_format_is_read() {
        let text = br#"{"seq":0,"wall_us":1000,"mono_us":0,"event":{"run_started":{"format":1,"run":"20261123-120000.000000-a10000","slots":2,"jobs":[{"name":"a","task":"a","has_body":true,"line":3,"needs":[],"params":[["env","a \"b\"\n"]]},{"name":"b","task":"b","has_body":true,"line":3,"needs":["a"],"params":[["env","a \"b\"\n"]]}]}}}
{"seq":1,"wall_us":1000,"mono_us":7,"event":{"attempt_started":{"job":"a","attempt":1}}}
{"seq":2,"wall_us":1000,"mono_us":14,"event":{"warning":{"job":null,"code":"E0702","message":"hm"}}}
{"seq":3,"wall_us":1000,"mono_us":21,"event":{"attempt_ended":{"job":"a","attempt":1,"exit":{"signal":9},"leaked":1,"stdout_bytes":10,"stderr_bytes":0,"line":7}}}
{"seq":4,"wall_us":1000,"mono_us":28,"event":{"retry_planned":{"job":"a","attempt":1,"retries":2,"pause_ms":5}}}
{"seq":5,"wall_us":1000,"mono_us":35,"event":{"job_settled":{"job":"a","outcome":{"failed":{"exit":{"signal":9},"reason":null}},"keys":["k"]}}}
{"seq":6,"wall_us":1000,"mono_us":42,"event":{"job_settled":{"job":"b","outcome":{"skipped":{"needs":"a"}},"keys":[]}}}
{"seq":7,"wall_us":1000,"mono_us":49,"event":{"stopping":{"signal":2,"is_forced":false}}}
{"seq":8,"wall_us":1000,"mono_us":56,"event":{"run_ended":{"result":{"failed":{"status":137}}}}}
"#;
        assert_eq!(parse(&text[..]).expect("ours"), stamped(events()));
        let settled = |outcome: &str| {
            let line = format!(
                r#"{{"seq":0,"wall_us":0,"mono_us":0,"event":{{"job_settled":{{"job":"a","outcome":{outcome},"keys":[]}}}}}}"#
            );
            match parse(line.as_bytes()).expect("ours").pop().map(|stamped| stamped.event) {
                Some(Event::JobSettled { outcome, .. }) => outcome,
                other => panic!("{outcome}: {other:?}"),
            }
        };
        let run = RunId::new("20261123-120000.000000", 42);
        assert_eq!(settled(r#""succeeded""#), Outcome::Succeeded);
        assert_eq!(settled(&format!(r#"{{"fresh":{{"run":"{run}"}}}}"#)), Outcome::Fresh { run });
        assert_eq!(settled(r#"{"skipped":"fail_fast"}"#), Outcome::Skipped(Skip::FailFast));
        assert_eq!(
            settled(r#"{"skipped":{"not_called_for":"b"}}"#),
            Outcome::Skipped(Skip::NotCalledFor(job("b")))
        );
        assert_eq!(settled(r#""cancelled""#), Outcome::Cancelled);
        for (exit, read) in [
            (r#"{"code":3}"#, Exit::Code(3)),
            (r#""timeout""#, Exit::Timeout),
            (r#""lost""#, Exit::Lost),
            (
                r#"{"not_started":{"code":127,"reason":"gone"}}"#,
                Exit::NotStarted { code: 127, reason: "gone".into() },
            ),
        ] {
            let outcome = settled(&format!(r#"{{"interrupted":{{"exit":{exit},"survivors":2}}}}"#));
            assert_eq!(outcome, Outcome::Interrupted { exit: read, survivors: 2 });
        }
    }

    #[test]
    fn a_journal_cut_anywhere_gives_the_events_that_are_whole() {
        let events = stamped(events());
        let text = text(&events);
        let (_sandbox, run) = sandbox();
        for length in 0..=text.len() {
            let whole = text[..length].iter().filter(|byte| **byte == b'\n').count();
            let read = parse(&text[..length]).expect("ours");
            // A line that lacks nothing but its line feed is whole too.
            assert!(read == events[..whole] || read == events[..whole + 1], "cut at {length}");
            std::fs::write(run.journal(), &text[..length]).expect("a journal");
            let last = last_event(&run);
            assert_eq!(last.is_some(), length > 0 && text[length - 1] == b'\n', "cut at {length}");
            assert!(last.is_none() || last == read.last().cloned(), "cut at {length}");
        }
    }

    #[test]
    fn a_damaged_line_costs_only_itself() {
        let events = stamped(events());
        let mut text = text(&events);
        let second = text.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
        text[second + 5] = 0;
        let read = parse(&text[..]).expect("ours");
        assert_eq!((read[0].seq, read[1].seq, read.len()), (0, 2, events.len() - 1));
    }

    #[test]
    fn events_of_unknown_kinds_and_unknown_fields_are_passed_over() {
        let read = parse(
            &br#"{"seq":0,"time":"1970-01-01T00:00:00Z","elapsed_us":0,"event":"dance","task":"a"}
{"seq":1,"time":"1970-01-01T00:00:00Z","elapsed_us":0,"mood":3,"event":"attempt_started","task":"a","attempt":1,"by":"x"}
"#[..],
        );
        assert_eq!(
            read.expect("ours"),
            [Stamped {
                seq: 1,
                wall_us: 0,
                mono_us: 0,
                event: Event::AttemptStarted { job: job("a"), attempt: 1 }
            }]
        );
    }

    #[test]
    fn a_journal_of_a_newer_format_is_refused() {
        for line in [
            r#"{"seq":0,"event":"run_started","format":3,"who":[]}"#,
            r#"{"seq":0,"time":"2026-11-23T12:00:00Z","elapsed_us":0,"event":"run_started","format":3,"run":"20261123-120000.000000-a10000","slots":1,"tasks":[]}"#,
            r#"{"event":{"run_started":{"format":3}}}"#,
        ] {
            let error = parse(line.as_bytes()).expect_err("newer");
            assert_eq!(error.to_string(), "its journal has format 3, but this otto reads only up to 2");
        }
    }

    #[test]
    fn a_journal_that_cannot_be_made_is_one_warning() {
        let (sandbox, run) = sandbox();
        drop(sandbox);
        let mut journal = Journal::create(&run);
        stamped(events()).iter().for_each(|event| journal.append(event));
        let warning = journal.take_warning().expect("it failed");
        assert!(warning.ends_with("events.jsonl`: no such file or directory"), "{warning}");
        assert_eq!(journal.take_warning(), None);
    }

    #[test]
    fn a_full_disk_is_one_warning_and_what_fits_again_is_written() {
        let events = stamped(events());
        let (_sandbox, run) = sandbox();
        let mut journal = Journal::create(&run);
        let good = journal.file.take();
        journal.file = Some(OpenOptions::new().write(true).open("/dev/full").expect("Linux and BSD have it"));
        journal.append(&events[0]);
        journal.append(&events[1]);
        assert!(journal.take_warning().expect("it failed").starts_with("cannot write `"));
        journal.file = good;
        journal.file.as_mut().expect("there").write_all(b"{\"seq\":1,").expect("a torn line");
        journal.append(&events[2]);
        journal.append(&events[3]);
        assert_eq!(journal.take_warning(), None);
        assert_eq!(read(&run).expect("ours"), events[2..4]);
    }

    #[test]
    #[ignore = "measures: run it alone, with --release"]
    fn recording_a_task_costs_less_than_20_microseconds() {
        const TASKS: u64 = 20_000;
        let (_sandbox, run) = sandbox();
        let mut journal = Journal::create(&run);
        let [_, started, _, ended, _, settled, ..] = &events()[..] else { unreachable!("bug: it has nine") };
        let begin = std::time::Instant::now();
        for task in 0..TASKS {
            for event in [started, ended, settled] {
                journal.append(&Stamped {
                    seq: task,
                    wall_us: 1_795_475_846_798_073,
                    mono_us: task,
                    event: event.clone(),
                });
            }
            journal.output(Piece {
                before: task,
                place: 0,
                attempt: 1,
                stream: crate::event::Stream::Stdout,
                bytes: 9,
            });
        }
        journal.finish();
        let each = begin.elapsed().as_secs_f64() * 1e6 / TASKS as f64;
        assert!(each < 20.0, "{each:.1} µs");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&bytes[..]);
            let _ = crate::history::record::RunRecord::parse(&bytes);
        }

        #[test]
        fn a_journal_with_bytes_changed_is_read_without_a_panic(
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let mut text = text(&stamped(events()));
            for (place, byte) in changes {
                let place = place.index(text.len());
                text[place] = byte;
            }
            let _ = parse(&text[..]);
        }
    }
}
