//! `--json`: a run as JSON lines on stdout, for programs.
//!
//! Each line is an object. Fields are only ever added, and readers ignore those they do not know.
//!
//! | `event` | beside it |
//! |---|---|
//! | all | `elapsed_us` since the run began; all but `output`: `seq` from 0, `time` in RFC 3339 |
//! | `run_started` | `format`, `run`, `slots`, `tasks`: `name`, `task`, `has_body`, `line`, `needs`, `params`, `words` (of parameters that take several) |
//! | `attempt_started` | `task`, `attempt` from 1 |
//! | `output` | `task`, `stream` (`stdout`, `stderr`), and `text`, or `base64` if it is not UTF-8 |
//! | `attempt_ended` | `task`, `attempt`, `exit`, `leaked`, `stdout_bytes`, `stderr_bytes`, `line` where known |
//! | `retry_planned` | `task`, `attempt` that failed, `retries` allowed, `pause_ms` |
//! | `task_settled` | `task`, `outcome` (`succeeded`, `fresh`, `failed`, `skipped`, `interrupted`, `cancelled`), `keys`; `run` if fresh; `exit` and `reason` if failed; `because` (`needs`, `not_called_for`, `serial_predecessor`, `fail_fast`) and `of` if skipped; `exit` and `survivors` if interrupted |
//! | `warning` | `message`; `task` and `code` where it has them |
//! | `stopping` | `signal`, `is_forced` |
//! | `stale` | `task`, `why` it runs although it could have been fresh |
//! | `hint` | why an attempt failed: `task`, `attempt`, `code`, `severity`, `message`, `places`, `quotes`, `notes`, `helps` |
//! | `run_ended` | `result` (`succeeded`, `failed`, `interrupted`), `status` that otto exits with |
//!
//! `exit` is `{"how": "code" | "signal" | "timeout" | "lost" | "not_started", "status": …}`, with `signal` or `reason` where it
//! has one; `status` is what a shell would say.

use super::sink::Sink;
use super::time::rfc3339;
use super::{View, filter};
use crate::diagnostic::Notice;
use crate::event::{Event, Exit, Outcome, PlannedJob, RunResult, Skip, Stamped, Stream, Word};
use crate::name::{JobName, RunId};
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::io::Write;

pub(crate) struct Json {
    stdout: Sink,
    stderr: Sink,
    zone: TimeZone,
    /// The beginnings of characters that were cut between two pieces of output.
    cut: HashMap<(JobName, Stream), Vec<u8>>,
}

#[derive(Serialize)]
struct JsonLine<'a> {
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    elapsed_us: u64,
    #[serde(flatten)]
    fields: JsonFields<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum JsonFields<'a> {
    RunStarted {
        format: u32,
        run: &'a RunId,
        slots: usize,
        tasks: Vec<TaskFields<'a>>,
    },
    Stale {
        task: &'a JobName,
        why: &'a str,
    },
    AttemptStarted {
        task: &'a JobName,
        attempt: u32,
    },
    AttemptEnded {
        task: &'a JobName,
        attempt: u32,
        exit: ExitFields<'a>,
        leaked: u32,
        stdout_bytes: u64,
        stderr_bytes: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        stream_bytes: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        line: Option<usize>,
    },
    Output {
        task: &'a JobName,
        stream: Stream,
        #[serde(flatten)]
        text: Text,
    },
    RetryPlanned {
        task: &'a JobName,
        attempt: u32,
        retries: u32,
        pause_ms: u64,
    },
    TaskSettled {
        task: &'a JobName,
        outcome: &'static str,
        keys: &'a [String],
        #[serde(flatten)]
        more: OutcomeFields<'a>,
    },
    Warning {
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        task: Option<&'a JobName>,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'a str>,
    },
    Stopping {
        signal: i32,
        is_forced: bool,
    },
    Hint {
        task: &'a JobName,
        attempt: u32,
        #[serde(flatten)]
        notice: &'a Notice,
    },
    RunEnded {
        result: &'static str,
        status: i32,
    },
}

#[derive(Serialize)]
struct TaskFields<'a> {
    name: &'a JobName,
    task: &'a str,
    has_body: bool,
    line: usize,
    needs: &'a [JobName],
    params: BTreeMap<&'a str, &'a str>,
    /// The words of parameters that take several.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    words: BTreeMap<&'a str, &'a [Word]>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Text {
    Text(String),
    Base64(String),
}

#[derive(Serialize)]
struct ExitFields<'a> {
    how: &'static str,
    status: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[derive(Default, Serialize)]
struct OutcomeFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<&'a RunId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit: Option<ExitFields<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<&'a JobName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    survivors: Option<u32>,
}

impl Json {
    pub(crate) fn new(stdout: Box<dyn Write>, stderr: Box<dyn Write>, zone: TimeZone) -> Json {
        Json { stdout: Sink::new(stdout), stderr: Sink::new(stderr), zone, cut: HashMap::new() }
    }

    fn line(&mut self, line: &JsonLine<'_>) {
        let text = serde_json::to_string(line).expect("bug: a line of JSON is plain data") + "\n";
        self.stdout.write(filter::json(&text).as_bytes());
        if let Some(reason) = self.stdout.take_failure() {
            self.stderr
                .write(format!("warning: cannot write to stdout: {}\n", filter::shown(&reason)).as_bytes());
        }
    }

    fn output_line(&mut self, job: &JobName, stream: Stream, text: Text, elapsed_us: u64) {
        let fields = JsonFields::Output { task: job, stream, text };
        self.line(&JsonLine { event: "output", seq: None, time: None, elapsed_us, fields });
    }

    /// Characters that were cut and never came whole.
    fn end_output(&mut self, job: &JobName, elapsed_us: u64) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            if let Some(bytes) = self.cut.remove(&(job.clone(), stream)) {
                self.output_line(job, stream, Text::Base64(base64(&bytes)), elapsed_us);
            }
        }
    }
}

impl View for Json {
    fn event(&mut self, stamped: &Stamped) {
        if let Event::AttemptEnded { job, .. } = &stamped.event {
            self.end_output(job, stamped.mono_us);
        }
        let (event, fields) = fields(&stamped.event);
        let time = Some(rfc3339(stamped.wall_us, &self.zone));
        self.line(&JsonLine { event, seq: Some(stamped.seq), time, elapsed_us: stamped.mono_us, fields });
    }

    fn output(&mut self, job: &JobName, stream: Stream, bytes: &[u8], mono_us: u64) {
        let mut bytes = bytes.to_vec();
        if let Some(mut before) = self.cut.remove(&(job.clone(), stream)) {
            before.append(&mut bytes);
            bytes = before;
        }
        let invalid = std::str::from_utf8(&bytes).err();
        // Without a length the error is at the end, and more bytes may make it a character.
        if let Some(error) = invalid
            && error.error_len().is_none()
        {
            self.cut.insert((job.clone(), stream), bytes.split_off(error.valid_up_to()));
        }
        if bytes.is_empty() {
            return;
        }
        let text =
            String::from_utf8(bytes).map_or_else(|error| Text::Base64(base64(error.as_bytes())), Text::Text);
        self.output_line(job, stream, text, mono_us);
    }

    fn tick(&mut self, _mono_us: u64) {}

    fn next_tick(&self) -> Option<u64> {
        None
    }

    fn suspend(&mut self) {}

    fn resume(&mut self, _mono_us: u64) {}

    fn finish(&mut self, mono_us: u64) {
        let jobs: Vec<JobName> = self.cut.keys().map(|key| key.0.clone()).collect();
        for job in jobs {
            self.end_output(&job, mono_us);
        }
    }
}

fn fields(event: &Event) -> (&'static str, JsonFields<'_>) {
    match event {
        Event::RunStarted { format, run, slots, jobs } => {
            let tasks = jobs.iter().map(task_fields).collect();
            ("run_started", JsonFields::RunStarted { format: *format, run, slots: *slots, tasks })
        }
        Event::Stale { job, why } => ("stale", JsonFields::Stale { task: job, why }),
        Event::Hint { job, attempt, notice } => {
            ("hint", JsonFields::Hint { task: job, attempt: *attempt, notice })
        }
        Event::AttemptStarted { job, attempt } => {
            ("attempt_started", JsonFields::AttemptStarted { task: job, attempt: *attempt })
        }
        Event::AttemptEnded {
            job,
            attempt,
            exit,
            leaked,
            stdout_bytes,
            stderr_bytes,
            stream_bytes,
            is_stream_short: _,
            line,
        } => (
            "attempt_ended",
            JsonFields::AttemptEnded {
                task: job,
                attempt: *attempt,
                exit: exit_fields(exit),
                leaked: *leaked,
                stdout_bytes: *stdout_bytes,
                stderr_bytes: *stderr_bytes,
                stream_bytes: Some(*stream_bytes).filter(|bytes| *bytes > 0),
                line: *line,
            },
        ),
        Event::RetryPlanned { job, attempt, retries, pause_ms } => (
            "retry_planned",
            JsonFields::RetryPlanned { task: job, attempt: *attempt, retries: *retries, pause_ms: *pause_ms },
        ),
        Event::JobSettled { job, outcome, keys } => {
            let (outcome, more) = outcome_fields(outcome);
            ("task_settled", JsonFields::TaskSettled { task: job, outcome, keys, more })
        }
        Event::Warning { job, code, message } => {
            ("warning", JsonFields::Warning { message, task: job.as_ref(), code: code.as_deref() })
        }
        Event::Stopping { signal, is_forced } => {
            ("stopping", JsonFields::Stopping { signal: *signal, is_forced: *is_forced })
        }
        Event::RunEnded { result } => {
            let (result, status) = match result {
                RunResult::Succeeded => ("succeeded", 0),
                RunResult::Failed { status } => ("failed", *status),
                RunResult::Interrupted { signal } => ("interrupted", 128 + signal),
            };
            ("run_ended", JsonFields::RunEnded { result, status })
        }
    }
}

fn task_fields(job: &PlannedJob) -> TaskFields<'_> {
    TaskFields {
        name: &job.name,
        task: &job.task,
        has_body: job.has_body,
        line: job.line,
        needs: &job.needs,
        params: job.params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        words: job.words.iter().map(|(name, words)| (name.as_str(), words.as_slice())).collect(),
    }
}

fn exit_fields(exit: &Exit) -> ExitFields<'_> {
    let (how, signal, reason) = match exit {
        Exit::Code(_) => ("code", None, None),
        Exit::Signal(signal) => ("signal", Some(*signal), None),
        Exit::Timeout => ("timeout", None, None),
        Exit::Lost => ("lost", None, None),
        Exit::NotStarted { reason, .. } => ("not_started", None, Some(reason.as_str())),
    };
    ExitFields { how, status: exit.status(), signal, reason }
}

fn outcome_fields(outcome: &Outcome) -> (&'static str, OutcomeFields<'_>) {
    let none = OutcomeFields::default();
    match outcome {
        Outcome::Succeeded => ("succeeded", none),
        Outcome::Fresh { run } => ("fresh", OutcomeFields { run: Some(run), ..none }),
        Outcome::Failed { exit, reason, code } => (
            "failed",
            OutcomeFields {
                exit: Some(exit_fields(exit)),
                reason: reason.as_deref(),
                code: code.as_deref(),
                ..none
            },
        ),
        Outcome::Skipped(skip) => {
            let (because, of) = match skip {
                Skip::Needs(job) => ("needs", Some(job)),
                Skip::NotCalledFor(job) => ("not_called_for", Some(job)),
                Skip::SerialPredecessor(job) => ("serial_predecessor", Some(job)),
                Skip::FailFast => ("fail_fast", None),
            };
            ("skipped", OutcomeFields { because: Some(because), of, ..none })
        }
        Outcome::Interrupted { exit, survivors } => (
            "interrupted",
            OutcomeFields { exit: Some(exit_fields(exit)), survivors: Some(*survivors), ..none },
        ),
        Outcome::Cancelled => ("cancelled", none),
    }
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let number = (0..3).fold(0, |number, place| number << 8 | u32::from(*three.get(place).unwrap_or(&0)));
        for place in 0..4 {
            let digit = ALPHABET[(number >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Code, Diagnostic};
    use crate::view::script::{Script, name, run_id};
    use crate::view::sink::tests::Shared;
    use insta::assert_snapshot;
    use proptest::prelude::*;

    fn json() -> (Script<Json>, Shared) {
        let stdout = Shared::default();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        (Script::new(Json::new(Box::new(stdout.clone()), Box::new(Shared::default()), zone)), stdout)
    }

    #[test]
    fn every_event_is_a_line() {
        let (mut script, stdout) = json();
        script.run("7f3k", 2, &["a 3", "b 4 needs a", "group all 5 needs b", "c 6", "d 7", "e 8"]).start("a");
        script.at(0.5).out("a", "zażółć\n").err("a", "\x1b[31m\"x\"");
        script.at(1.0).ended("a", 1, Exit::Code(3), 1, Some(4));
        script
            .event(Event::RetryPlanned { job: name("a"), attempt: 1, retries: 2, pause_ms: 50 })
            .attempt("a", 2);
        script.ended("a", 2, Exit::Signal(9), 0, None);
        script.settled(
            "a",
            Outcome::Failed { exit: Exit::Signal(9), reason: Some("lost".into()), code: None },
            &["k"],
        );
        script.skip("b", Skip::Needs(name("a"))).skip("c", Skip::FailFast).settled(
            "all",
            Outcome::Cancelled,
            &[],
        );
        script.settled("d", Outcome::Fresh { run: run_id("1b0d") }, &[]).settled(
            "e",
            Outcome::Succeeded,
            &["x", "y"],
        );
        script.settled("e", Outcome::Interrupted { exit: Exit::Timeout, survivors: 2 }, &[]);
        script.settled(
            "e",
            Outcome::Failed {
                exit: Exit::NotStarted { code: 127, reason: "gone".into() },
                reason: None,
                code: None,
            },
            &[],
        );
        script.event(Event::Warning { job: None, code: Some("E0801".into()), message: "full".into() });
        script.event(Event::Stopping { signal: 15, is_forced: false });
        script.event(Event::Stale { job: name("a"), why: "`x.c` has changed".into() });
        script.hint("a", &Diagnostic::error(Code::TooLarge, "too large").help("use a file"));
        script.end(RunResult::Interrupted { signal: 15 });
        assert_snapshot!(stdout.text(), @r#"
        {"event":"run_started","seq":0,"time":"2026-11-24T10:14:00.000+01:00","elapsed_us":0,"format":1,"run":"20261124-091400.000000-7f3k00","slots":2,"tasks":[{"name":"a","task":"a","has_body":true,"line":3,"needs":[],"params":{}},{"name":"b","task":"b","has_body":true,"line":4,"needs":["a"],"params":{}},{"name":"all","task":"all","has_body":false,"line":5,"needs":["b"],"params":{}},{"name":"c","task":"c","has_body":true,"line":6,"needs":[],"params":{}},{"name":"d","task":"d","has_body":true,"line":7,"needs":[],"params":{}},{"name":"e","task":"e","has_body":true,"line":8,"needs":[],"params":{}}]}
        {"event":"attempt_started","seq":1,"time":"2026-11-24T10:14:00.000+01:00","elapsed_us":0,"task":"a","attempt":1}
        {"event":"output","elapsed_us":500000,"task":"a","stream":"stdout","text":"zażółć\n"}
        {"event":"output","elapsed_us":500000,"task":"a","stream":"stderr","text":"\u001b[31m\"x\""}
        {"event":"attempt_ended","seq":2,"time":"2026-11-24T10:14:01.000+01:00","elapsed_us":1000000,"task":"a","attempt":1,"exit":{"how":"code","status":3},"leaked":1,"stdout_bytes":0,"stderr_bytes":0,"line":4}
        {"event":"retry_planned","seq":3,"time":"2026-11-24T10:14:01.000+01:00","elapsed_us":1000000,"task":"a","attempt":1,"retries":2,"pause_ms":50}
        {"event":"attempt_started","seq":4,"time":"2026-11-24T10:14:01.000+01:00","elapsed_us":1000000,"task":"a","attempt":2}
        {"event":"attempt_ended","seq":5,"time":"2026-11-24T10:14:01.000+01:00","elapsed_us":1000000,"task":"a","attempt":2,"exit":{"how":"signal","status":137,"signal":9},"leaked":0,"stdout_bytes":0,"stderr_bytes":0}
        {"event":"task_settled","seq":6,"time":"2026-11-24T10:14:01.000+01:00","elapsed_us":1000000,"task":"a","outcome":"failed","keys":["k"],"exit":{"how":"signal","status":137,"signal":9},"reason":"lost"}
        {"event":"task_settled","seq":7,"time":"2026-11-24T10:14:01.000+01:00","elapsed_us":1000000,"task":"b","outcome":"skipped","keys":[],"because":"needs","of":"a"}
        {"event":"task_settled","seq":8,"time":"2026-11-24T10:14:01.000+01:00","elapsed_us":1000000,"task":"c","outcome":"skipped","keys":[],"because":"fail_fast"}
        {"event":"task_settled","seq":9,"time":"2026-11-24T10:14:01.000+01:00","elapsed_us":1000000,"task":"all","outcome":"cancelled","keys":[]}
        {"event":"task_settled","seq":10,"time":"2026-11-24T10:14:01.000+01:00","elapsed_us":1000000,"task":"d","outcome":"fresh","keys":[],"run":"20261124-091400.000000-1b0d00"}
        {"event":"task_settled","seq":11,"time":"2026-11-24T10:14:01.000+01:00","elapsed_us":1000000,"task":"e","outcome":"succeeded","keys":["x","y"]}
        {"event":"task_settled","seq":12,"time":"2026-11-24T10:14:01.000+01:00","elapsed_us":1000000,"task":"e","outcome":"interrupted","keys":[],"exit":{"how":"timeout","status":124},"survivors":2}
        {"event":"task_settled","seq":13,"time":"2026-11-24T10:14:01.000+01:00","elapsed_us":1000000,"task":"e","outcome":"failed","keys":[],"exit":{"how":"not_started","status":127,"reason":"gone"}}
        {"event":"warning","seq":14,"time":"2026-11-24T10:14:01.000+01:00","elapsed_us":1000000,"message":"full","code":"E0801"}
        {"event":"stopping","seq":15,"time":"2026-11-24T10:14:01.000+01:00","elapsed_us":1000000,"signal":15,"is_forced":false}
        {"event":"stale","seq":16,"time":"2026-11-24T10:14:01.000+01:00","elapsed_us":1000000,"task":"a","why":"`x.c` has changed"}
        {"event":"hint","seq":17,"time":"2026-11-24T10:14:01.000+01:00","elapsed_us":1000000,"task":"a","attempt":1,"code":"E0603","severity":"error","message":"too large","places":[],"notes":[],"helps":["use a file"]}
        {"event":"run_ended","seq":18,"time":"2026-11-24T10:14:01.000+01:00","elapsed_us":1000000,"result":"interrupted","status":143}
        "#);
    }

    #[test]
    fn bytes_that_are_no_text_come_as_base64() {
        let (mut script, stdout) = json();
        script.run("7f3k", 2, &["a 3"]);
        let (job, view) = (name("a"), &mut script.view);
        for bytes in [&b"\xff\xfe\0"[..], b"ok \xc3", b"\xb3\n", b"cut \xe2\x82"] {
            view.output(&job, Stream::Stdout, bytes, 5);
        }
        script.ok("a", &[]);
        let text = stdout.text();
        let outputs: Vec<&str> = text.lines().filter(|line| line.contains("\"output\"")).collect();
        assert_snapshot!(outputs.join("\n"), @r#"
    {"event":"output","elapsed_us":5,"task":"a","stream":"stdout","base64":"//4A"}
    {"event":"output","elapsed_us":5,"task":"a","stream":"stdout","text":"ok "}
    {"event":"output","elapsed_us":5,"task":"a","stream":"stdout","text":"ó\n"}
    {"event":"output","elapsed_us":5,"task":"a","stream":"stdout","text":"cut "}
    {"event":"output","elapsed_us":0,"task":"a","stream":"stdout","base64":"4oI="}
    "#);
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("\u{ff}?>", "w78/Pg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    proptest! {
        #[test]
        fn all_text_comes_once_in_order(text in "[a-zé日\\n]{0,60}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
            let (mut script, stdout) = json();
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            places.extend([0, text.len()]);
            places.sort_unstable();
            for pair in places.windows(2) {
                script.view.output(&name("a"), Stream::Stderr, &text.as_bytes()[pair[0]..pair[1]], 0);
            }
            script.view.finish(0);
            let shown: String = stdout.text().lines().map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
                line["text"].as_str().expect("text").to_owned()
            }).collect();
            prop_assert_eq!(shown, text);
        }
    }
}
