//! `--json`: a run as JSON lines on stdout, for programs: the lines of the journal, and what tasks write between them.
//! docs/events.md tells of each field.

use super::sink::Sink;
use super::{View, filter};
use crate::event::{Event, Stamped, Stream};
use crate::name::JobName;
use serde::Serialize;
use std::collections::HashMap;
use std::io::Write;

pub(crate) struct Json {
    stdout: Sink,
    stderr: Sink,
    /// The beginnings of characters that were cut between two pieces of output.
    cut: HashMap<(JobName, Stream), Vec<u8>>,
}

/// What a task wrote. It is in its log, so the journal does not have it.
#[derive(Serialize)]
struct JsonOutput<'a> {
    elapsed_us: u64,
    event: &'static str,
    task: &'a JobName,
    stream: Stream,
    #[serde(flatten)]
    text: JsonText,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum JsonText {
    Text(String),
    Base64(String),
}

impl Json {
    pub(crate) fn new(stdout: Box<dyn Write>, stderr: Box<dyn Write>) -> Json {
        Json { stdout: Sink::new(stdout), stderr: Sink::new(stderr), cut: HashMap::new() }
    }

    fn line(&mut self, line: &impl Serialize) {
        let text = serde_json::to_string(line).expect("bug: a line of JSON is plain data") + "\n";
        self.stdout.write(filter::json(&text).as_bytes());
        if let Some(reason) = self.stdout.take_failure() {
            self.stderr
                .write(format!("warning: cannot write to stdout: {}\n", filter::shown(&reason)).as_bytes());
        }
    }

    fn output_line(&mut self, task: &JobName, stream: Stream, text: JsonText, elapsed_us: u64) {
        self.line(&JsonOutput { elapsed_us, event: "output", task, stream, text });
    }

    /// Characters that were cut and never came whole.
    fn end_output(&mut self, job: &JobName, elapsed_us: u64) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            if let Some(bytes) = self.cut.remove(&(job.clone(), stream)) {
                self.output_line(job, stream, JsonText::Base64(base64(&bytes)), elapsed_us);
            }
        }
    }
}

impl View for Json {
    fn event(&mut self, stamped: &Stamped) {
        if let Event::AttemptEnded { job, .. } = &stamped.event {
            self.end_output(job, stamped.mono_us);
        }
        self.line(stamped);
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
        let text = String::from_utf8(bytes)
            .map_or_else(|error| JsonText::Base64(base64(error.as_bytes())), JsonText::Text);
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
    use crate::event::{Exit, Outcome, RunResult, Skip};
    use crate::view::script::{ScriptedRun, name, run_id};
    use crate::view::sink::tests::SharedWriter;
    use insta::assert_snapshot;
    use proptest::prelude::*;

    fn json() -> (ScriptedRun<Json>, SharedWriter) {
        let stdout = SharedWriter::default();
        (ScriptedRun::new(Json::new(Box::new(stdout.clone()), Box::new(SharedWriter::default()))), stdout)
    }

    #[test]
    fn every_event_is_a_line() {
        let (mut script, stdout) = json();
        script.run("7f3k", 2, &["a 3", "b 4 needs a", "group all 5 needs b", "c 6", "d 7", "e 8"]).start("a");
        script.at(0.5).out("a", "zażółć\n").err("a", "\x1b[31m\"x\"");
        script.at(1.0).ended("a", 1, Exit::Code(3), 1, Some(4));
        script
            .event(Event::RetryPlanned {
                job: name("a"),
                attempt: 1,
                retries: 2,
                pause_ms: 50,
                is_uncharged: false,
            })
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
        {"seq":0,"time":"2026-11-24T09:14:00.000000Z","elapsed_us":0,"event":"run_started","format":2,"run":"20261124-091400.000000-7f3k00","slots":2,"tasks":[{"name":"a","task":"a","has_body":true,"line":3,"needs":[],"params":{}},{"name":"b","task":"b","has_body":true,"line":4,"needs":["a"],"params":{}},{"name":"all","task":"all","has_body":false,"line":5,"needs":["b"],"params":{}},{"name":"c","task":"c","has_body":true,"line":6,"needs":[],"params":{}},{"name":"d","task":"d","has_body":true,"line":7,"needs":[],"params":{}},{"name":"e","task":"e","has_body":true,"line":8,"needs":[],"params":{}}]}
        {"seq":1,"time":"2026-11-24T09:14:00.000000Z","elapsed_us":0,"event":"attempt_started","task":"a","attempt":1}
        {"elapsed_us":500000,"event":"output","task":"a","stream":"stdout","text":"zażółć\n"}
        {"elapsed_us":500000,"event":"output","task":"a","stream":"stderr","text":"\u001b[31m\"x\""}
        {"seq":2,"time":"2026-11-24T09:14:01.000000Z","elapsed_us":1000000,"event":"attempt_ended","task":"a","attempt":1,"exit":{"how":"code","status":3},"leaked":1,"stdout_bytes":0,"stderr_bytes":0,"line":4}
        {"seq":3,"time":"2026-11-24T09:14:01.000000Z","elapsed_us":1000000,"event":"retry_planned","task":"a","attempt":1,"retries":2,"pause_ms":50}
        {"seq":4,"time":"2026-11-24T09:14:01.000000Z","elapsed_us":1000000,"event":"attempt_started","task":"a","attempt":2}
        {"seq":5,"time":"2026-11-24T09:14:01.000000Z","elapsed_us":1000000,"event":"attempt_ended","task":"a","attempt":2,"exit":{"how":"signal","status":137,"signal":9},"leaked":0,"stdout_bytes":0,"stderr_bytes":0}
        {"seq":6,"time":"2026-11-24T09:14:01.000000Z","elapsed_us":1000000,"event":"task_settled","task":"a","outcome":"failed","exit":{"how":"signal","status":137,"signal":9},"reason":"lost","keys":["k"]}
        {"seq":7,"time":"2026-11-24T09:14:01.000000Z","elapsed_us":1000000,"event":"task_settled","task":"b","outcome":"skipped","because":"needs","of":"a","keys":[]}
        {"seq":8,"time":"2026-11-24T09:14:01.000000Z","elapsed_us":1000000,"event":"task_settled","task":"c","outcome":"skipped","because":"fail_fast","keys":[]}
        {"seq":9,"time":"2026-11-24T09:14:01.000000Z","elapsed_us":1000000,"event":"task_settled","task":"all","outcome":"cancelled","keys":[]}
        {"seq":10,"time":"2026-11-24T09:14:01.000000Z","elapsed_us":1000000,"event":"task_settled","task":"d","outcome":"fresh","run":"20261124-091400.000000-1b0d00","keys":[]}
        {"seq":11,"time":"2026-11-24T09:14:01.000000Z","elapsed_us":1000000,"event":"task_settled","task":"e","outcome":"succeeded","keys":["x","y"]}
        {"seq":12,"time":"2026-11-24T09:14:01.000000Z","elapsed_us":1000000,"event":"task_settled","task":"e","outcome":"interrupted","exit":{"how":"timeout","status":124},"survivors":2,"keys":[]}
        {"seq":13,"time":"2026-11-24T09:14:01.000000Z","elapsed_us":1000000,"event":"task_settled","task":"e","outcome":"failed","exit":{"how":"not_started","status":127,"reason":"gone"},"keys":[]}
        {"seq":14,"time":"2026-11-24T09:14:01.000000Z","elapsed_us":1000000,"event":"warning","code":"E0801","message":"full"}
        {"seq":15,"time":"2026-11-24T09:14:01.000000Z","elapsed_us":1000000,"event":"stopping","signal":15,"is_forced":false}
        {"seq":16,"time":"2026-11-24T09:14:01.000000Z","elapsed_us":1000000,"event":"stale","task":"a","why":"`x.c` has changed"}
        {"seq":17,"time":"2026-11-24T09:14:01.000000Z","elapsed_us":1000000,"event":"hint","task":"a","attempt":1,"code":"E0603","severity":"error","message":"too large","places":[],"notes":[],"helps":["use a file"]}
        {"seq":18,"time":"2026-11-24T09:14:01.000000Z","elapsed_us":1000000,"event":"run_ended","result":"interrupted","status":143,"signal":15}
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
        {"elapsed_us":5,"event":"output","task":"a","stream":"stdout","base64":"//4A"}
        {"elapsed_us":5,"event":"output","task":"a","stream":"stdout","text":"ok "}
        {"elapsed_us":5,"event":"output","task":"a","stream":"stdout","text":"ó\n"}
        {"elapsed_us":5,"event":"output","task":"a","stream":"stdout","text":"cut "}
        {"elapsed_us":0,"event":"output","task":"a","stream":"stdout","base64":"4oI="}
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
