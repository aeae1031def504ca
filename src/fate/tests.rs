//! Every outcome as a task after it reads it. Knows no file.

use super::*;
use crate::event::{Event, FORMAT, PlannedJob, Stamped};
use crate::name::RunId;
use crate::state::RunState;
use insta::assert_snapshot;
use proptest::prelude::*;
use std::sync::Arc;

fn name(text: &str) -> JobName {
    JobName::recorded(text).expect("not empty")
}

/// The job `build`, which took 1.25 s for its last of `attempts`, if there are any.
fn settled(outcome: Outcome, attempts: u32, exit: Exit) -> Fate {
    let planned = Arc::new(PlannedJob::plain(name("build")));
    let run = RunId::new("20261124-091400.000000", 0);
    let mut state = RunState::default();
    let mut tell = |mono_us, event| state.apply(&Stamped { seq: 0, wall_us: 0, mono_us, event });
    tell(0, Event::RunStarted { format: FORMAT, run, slots: 1, jobs: vec![planned], changed: Vec::new() });
    if attempts > 0 {
        tell(1_000_000, Event::AttemptStarted { job: name("build"), attempt: attempts });
        tell(
            2_250_999,
            Event::AttemptEnded {
                job: name("build"),
                attempt: attempts,
                exit,
                leaked: 0,
                stdout_bytes: 0,
                stderr_bytes: 0,
                stream_bytes: 0,
                is_stream_short: false,
                line: None,
            },
        );
    }
    tell(3_000_000, Event::JobSettled { job: name("build"), outcome, keys: Vec::new() });
    Fate::of(state.job(&name("build")).expect("it is there"))
}

fn failed(exit: Exit) -> Fate {
    settled(Outcome::Failed { exit: exit.clone(), reason: None, code: None }, 1, exit)
}

fn shown(fate: &Fate) -> String {
    let json = value::compact(&json(std::slice::from_ref(fate)));
    json.trim_start_matches(r#"{"build":"#).trim_end_matches('}').to_owned() + "}"
}

#[test]
fn every_outcome_has_its_word_its_reason_and_the_fields_that_apply() {
    let contract = Some(Code::BrokenContract.to_string());
    let not_started = |code| Exit::NotStarted { code, reason: "gone".into() };
    let skipped = |skip| settled(Outcome::Skipped(skip), 0, Exit::Lost);
    let fates = [
        settled(Outcome::Succeeded, 1, Exit::Code(0)),
        settled(Outcome::Fresh { run: RunId::new("20261124-091400.000000", 0) }, 0, Exit::Lost),
        failed(Exit::Code(7)),
        failed(Exit::Signal(9)),
        failed(Exit::Timeout),
        failed(Exit::Lost),
        failed(not_started(127)),
        failed(not_started(126)),
        failed(not_started(125)),
        failed(Exit::Code(0)),
        settled(
            Outcome::Failed { exit: Exit::Code(0), reason: Some("x".into()), code: contract },
            3,
            Exit::Code(0),
        ),
        settled(Outcome::Interrupted { exit: Exit::Signal(15), survivors: 0 }, 1, Exit::Signal(15)),
        settled(Outcome::Interrupted { exit: Exit::Code(3), survivors: 0 }, 1, Exit::Code(3)),
        settled(Outcome::Cancelled, 0, Exit::Lost),
        skipped(Skip::Needs(name("a"))),
        skipped(Skip::NotCalledFor(name("a"))),
        skipped(Skip::SerialPredecessor(name("a"))),
        skipped(Skip::FailFast),
        Fate::running(name("build")),
    ];
    assert_snapshot!(fates.iter().map(shown).collect::<Vec<_>>().join("\n"), @r#"
    {"outcome":"ok","exit":0,"seconds":1.250,"attempts":1}
    {"outcome":"fresh"}
    {"outcome":"failed","exit":7,"reason":"exit","seconds":1.250,"attempts":1}
    {"outcome":"failed","signal":9,"reason":"signal","seconds":1.250,"attempts":1}
    {"outcome":"failed","reason":"timeout","seconds":1.250,"attempts":1}
    {"outcome":"failed","reason":"lost","seconds":1.250,"attempts":1}
    {"outcome":"failed","exit":127,"reason":"no-interpreter","seconds":1.250,"attempts":1,"error":"gone"}
    {"outcome":"failed","exit":126,"reason":"no-interpreter","seconds":1.250,"attempts":1,"error":"gone"}
    {"outcome":"failed","exit":125,"reason":"not-started","seconds":1.250,"attempts":1,"error":"gone"}
    {"outcome":"failed","exit":1,"reason":"data","seconds":1.250,"attempts":1}
    {"outcome":"failed","exit":1,"reason":"contract","seconds":1.250,"attempts":3,"error":"x"}
    {"outcome":"interrupted","signal":15,"seconds":1.250,"attempts":1}
    {"outcome":"interrupted","exit":3,"seconds":1.250,"attempts":1}
    {"outcome":"skipped","reason":"interrupted"}
    {"outcome":"skipped","reason":"dependency"}
    {"outcome":"skipped","reason":"dependency"}
    {"outcome":"skipped","reason":"dependency"}
    {"outcome":"skipped","reason":"fail-fast"}
    {"outcome":"running"}
    "#);
}

#[test]
fn a_shell_finds_every_field_and_those_that_do_not_apply_are_empty() {
    let mut fate = failed(Exit::Code(7));
    fate.add_log(b"/logs/stderr.log".to_vec(), b"\x1b[31mred\x1b[0m\nlast\n\n");
    let mut lines = Vec::new();
    each_text(&[fate], &mut |key, text| lines.push(format!("{key}={:?}", String::from_utf8_lossy(text))));
    assert_snapshot!(lines.join("\n"), @r#"
    build="failed"
    build.exit="7"
    build.signal=""
    build.reason="exit"
    build.seconds="1.250"
    build.attempts="1"
    build.log="/logs/stderr.log"
    build.error="red\nlast"
    build.failed=""
    "#);
}

#[test]
fn a_task_called_like_a_field_is_that_task() {
    let fate = |job: &str, word| Fate::new(name(job), word);
    let fates = [fate("a", FateKind::Ok), fate("a.exit", FateKind::Fresh)];
    let mut found = Vec::new();
    each_text(&fates, &mut |key, text| {
        if key == "a.exit" {
            found.push(String::from_utf8_lossy(text).into_owned());
        }
    });
    assert_eq!(found, ["fresh"]);
}

#[test]
fn a_foreach_task_lists_the_items_that_failed() {
    let items = [("a", failed(Exit::Code(3))), ("b", settled(Outcome::Succeeded, 1, Exit::Code(0)))];
    let jobs: Vec<(Value, &Fate)> =
        items.iter().map(|(item, fate)| (Value::String((*item).into()), fate)).collect();
    let sum = |jobs: &[(Value, &Fate)]| shown(&Fate::sum(name("build"), jobs));
    assert_snapshot!(sum(&jobs), @r#"{"outcome":"failed","exit":3,"reason":"exit","failed":["a"]}"#);
    assert_snapshot!(sum(&jobs[1..]), @r#"{"outcome":"ok","failed":[]}"#);
    assert_snapshot!(sum(&[]), @r#"{"outcome":"ok","failed":[]}"#);
}

#[test]
fn the_last_lines_are_text_without_control_characters() {
    assert_eq!(last_lines(b""), "");
    assert_eq!(last_lines(b"one\r\ntwo\r\n\n"), "one\ntwo");
    assert_eq!(last_lines(b" 10%\r 20%\r100%\ndone\xff\0"), "100%\ndone\u{fffd}");
    assert_eq!(last_lines(b"\x1b]0;title\x07a\x1b[1;31mb\x1b[m\x1b"), "ab");
    let many: String = (1..=30).map(|line| format!("line {line}\n")).collect();
    let last = last_lines(many.as_bytes());
    assert!(last.starts_with("line 11\n") && last.ends_with("line 30"), "{last}");
}

fn any_word() -> impl Strategy<Value = FateKind> {
    prop::sample::select(vec![
        FateKind::Failed,
        FateKind::Interrupted,
        FateKind::Ok,
        FateKind::Fresh,
        FateKind::Skipped,
    ])
}

proptest! {
    #[test]
    fn a_foreach_task_failed_exactly_if_one_of_its_jobs_did(words in prop::collection::vec(any_word(), 0..6)) {
        let fates: Vec<Fate> = words.iter().map(|word| Fate::new(name("x"), *word)).collect();
        let jobs: Vec<(Value, &Fate)> =
            fates.iter().enumerate().map(|(place, fate)| (Value::int(place as i64), fate)).collect();
        let sum = Fate::sum(name("x"), &jobs);
        let has = |word| words.contains(&word);
        prop_assert_eq!(sum.word == FateKind::Failed, has(FateKind::Failed));
        prop_assert_eq!(sum.word == FateKind::Interrupted, has(FateKind::Interrupted) && !has(FateKind::Failed));
        prop_assert_eq!(sum.word == FateKind::Skipped, !words.is_empty() && words.iter().all(|word| *word == FateKind::Skipped));
        let failed = words.iter().filter(|word| **word == FateKind::Failed).count();
        prop_assert_eq!(sum.failed.map(|failed| failed.len()), Some(failed));
    }

    #[test]
    fn the_last_lines_of_anything_can_be_shown(tail in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = last_lines(&tail);
        prop_assert!(!text.chars().any(|character| character.is_control() && character != '\n' && character != '\t'));
        prop_assert!(text.lines().count() <= MOST_LINES);
    }
}
