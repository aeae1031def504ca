//! The console as it appears, whole, for the runs that people see most.

use crate::diagnostic::{Code, Diagnostic};
use crate::event::{Event, Exit, Outcome, RunResult, Skip, Stamped, Stream};
use crate::source::{SourceFile, Span};
use crate::state::RunState;
use crate::view::console::{Console, Display, Mode, Volume};
use crate::view::github::Workflow;
use crate::view::script::{FakeLogs, ScriptedRun, apart, name, on_screen, plain, planned, run_id, visible};
use crate::view::sink::tests::SharedWriter;
use crate::view::{View, progress};
use insta::assert_snapshot;
use proptest::prelude::*;
use std::rc::Rc;
use unicode_width::UnicodeWidthStr;

const CI: [&str; 5] =
    ["fetch 3", "lint 8", "build 12 needs fetch", "test 31 needs build", "package 40 needs build, test"];

fn success<V: View>(script: &mut ScriptedRun<V>) {
    script.run("7f3k", 8, &CI).start("fetch").start("lint");
    script
        .at(0.4)
        .out("fetch", "Resolving 214 packages\n")
        .at(0.8)
        .out("lint", "All checks ")
        .out("lint", "passed!");
    script.at(0.9).ok("lint", &[]).at(1.2).ok("fetch", &[]);
    script
        .start("build")
        .at(2.0)
        .err("build", "   Compiling shop v0.3.0\n")
        .at(9.6)
        .ok("build", &["artifact", "version"]);
    script.start("test").at(13.9).ok("test", &[]).start("package").at(14.5).ok("package", &["tarball"]);
    script.at(14.6).end(RunResult::Succeeded);
}

fn failure<V: View>(script: &mut ScriptedRun<V>) {
    script.run("9c2m", 8, &CI).start("fetch").start("lint").at(0.9).ok("lint", &[]).at(1.2).ok("fetch", &[]);
    script.start("build").at(9.6).ok("build", &["artifact", "version"]).start("test");
    for passed in 0..212 {
        script.out("test", &format!("test_{passed} passed\n"));
    }
    script.out("test", "E       assert 10 == 12\n1 failed, 311 passed in 4.02s\n");
    script.at(13.9).fail("test", Exit::Code(1), Some(33)).skip("package", Skip::Needs(name("test")));
    script.at(14.1).end(RunResult::Failed { status: 1 });
}

#[test]
fn success_prefixed() {
    let (mut script, screen) = on_screen(|_| {});
    success(&mut script);
    assert_snapshot!(screen.text(), @r"
    otto · run 7f3k · 5 tasks
      fetch │ Resolving 214 packages
       lint │ All checks passed!
         ok  lint        0.9s
         ok  fetch       1.2s
      build │    Compiling shop v0.3.0
         ok  build       8.4s  set artifact, version
         ok  test        4.3s
         ok  package     0.6s  set tarball
    5 ok in 14.6s · slowest chain fetch → build → test → package 14.5s
    ");
}

#[test]
fn success_in_colour() {
    let (mut script, screen) = on_screen(|settings| {
        settings.colours_stdout = true;
        settings.colours_stderr = true;
    });
    success(&mut script);
    assert_snapshot!(visible(&screen.text()), @r"
    ␛[1motto␛[0m · run ␛[1m7f3k␛[0m · 5 tasks
    ␛[36m  fetch␛[0m ␛[2m│␛[0m Resolving 214 packages
    ␛[35m   lint␛[0m ␛[2m│␛[0m All checks passed!
         ␛[32mok␛[0m  lint     ␛[2m   0.9s␛[0m
         ␛[32mok␛[0m  fetch    ␛[2m   1.2s␛[0m
    ␛[34m  build␛[0m ␛[2m│␛[0m    Compiling shop v0.3.0
         ␛[32mok␛[0m  build    ␛[2m   8.4s␛[0m  set artifact, version
         ␛[32mok␛[0m  test     ␛[2m   4.3s␛[0m
         ␛[32mok␛[0m  package  ␛[2m   0.6s␛[0m  set tarball
    ␛[32m5 ok␛[0m in 14.6s · slowest chain fetch → build → test → package 14.5s
    ");
}

#[test]
fn stdout_is_data_and_stderr_is_talk() {
    let (mut script, screens) = apart(|_| {});
    success(&mut script);
    assert_snapshot!(screens.both(), @r"
    --- stdout
      fetch │ Resolving 214 packages
       lint │ All checks passed!
    --- stderr
    otto · run 7f3k · 5 tasks
         ok  lint        0.9s
         ok  fetch       1.2s
      build │    Compiling shop v0.3.0
         ok  build       8.4s  set artifact, version
         ok  test        4.3s
         ok  package     0.6s  set tarball
    5 ok in 14.6s · slowest chain fetch → build → test → package 14.5s
    ");
}

#[test]
fn success_grouped() {
    let (mut script, screen) = on_screen(|settings| settings.display = Display::Fixed(Mode::Group));
    success(&mut script);
    assert_snapshot!(screen.text(), @r"
    otto · run 7f3k · 5 tasks
    ── lint
    All checks passed!
         ok  lint        0.9s
    ── fetch
    Resolving 214 packages
         ok  fetch       1.2s
    ── build
       Compiling shop v0.3.0
         ok  build       8.4s  set artifact, version
         ok  test        4.3s
         ok  package     0.6s  set tarball
    5 ok in 14.6s · slowest chain fetch → build → test → package 14.5s
    ");
}

#[test]
fn success_raw() {
    let (mut script, screen) = on_screen(|settings| settings.display = Display::Fixed(Mode::Stream));
    success(&mut script);
    assert_snapshot!(screen.text(), @r"
    otto · run 7f3k · 5 tasks
    Resolving 214 packages
    All checks passed!
         ok  lint        0.9s
         ok  fetch       1.2s
       Compiling shop v0.3.0
         ok  build       8.4s  set artifact, version
         ok  test        4.3s
         ok  package     0.6s  set tarball
    5 ok in 14.6s · slowest chain fetch → build → test → package 14.5s
    ");
}

#[test]
fn raw_stdout_is_not_touched() {
    let (mut script, screens) = apart(|settings| settings.display = Display::Fixed(Mode::Stream));
    script
        .run("7f3k", 1, &["a 1"])
        .start("a")
        .out("a", "\x1b]0;x\x07 no newline")
        .ok("a", &[])
        .end(RunResult::Succeeded);
    assert_snapshot!(visible(&screens.both()), @r"
    --- stdout
    ␛]0;x no newline--- stderr
         ok  a     0.0s
    ");
}

#[test]
fn raw_colours_end_before_our_own_lines() {
    let (mut script, screen) = on_screen(|settings| settings.stderr_is_terminal = true);
    script.run("7f3k", 1, &["a 1"]).start("a").out("a", "\x1b[31mred").ok("a", &[]).end(RunResult::Succeeded);
    assert_snapshot!(visible(&screen.text()), @r"
    ␛[31mred
    ␛[0m     ok  a     0.0s
    ");
}

#[test]
fn quiet_says_nothing_when_all_is_well() {
    let (mut script, screen) = on_screen(|settings| settings.display = Display::Fixed(Mode::Quiet));
    success(&mut script);
    assert_eq!(screen.text(), "");
}

#[test]
fn quiet_once_shows_what_tasks_write_and_nothing_of_otto() {
    let quiet = |settings: &mut super::ConsoleSettings| {
        settings.display = Display::quieted(1, None).expect("a display");
        settings.volume = Volume::new(1, false);
    };
    let (mut script, screens) = apart(quiet);
    script.run("9c2m", 8, &["a 3", "b 4"]).start("a").out("a", "1.2.3\n").err("a", "note\n").ok("a", &["v"]);
    script.start("b").at(100.0).ok("b", &[]).end(RunResult::Succeeded);
    assert_snapshot!(screens.both(), @"
    --- stdout
    1.2.3
    --- stderr
    note
    ");
}

#[test]
fn quiet_shows_failures() {
    let (mut script, screen) = on_screen(|settings| {
        settings.display = Display::Fixed(Mode::Quiet);
        settings.tail_lines = 2;
    });
    failure(&mut script);
    assert_snapshot!(screen.text(), @r"
       FAIL  test        4.3s  exit 1

    FAIL test · exit 1 · 4.3s · otto.yml:33
      │ E       assert 10 == 12
      │ 1 failed, 311 passed in 4.02s
      last 2 of 214 lines · full log: otto Logs 9c2m test

    5 tasks in 14.1s: 3 ok, 1 failed, 1 skipped
    rerun failed and skipped:  otto Rerun 9c2m
    ");
}

#[test]
fn output_that_is_not_shown_live_is_read_from_the_logs() {
    let (mut script, screens) = apart(|settings| settings.display = Display::Fixed(Mode::Quiet));
    let (stdout_bytes, stderr_bytes, exit) = (13, 0, Exit::Code(1));
    script.run("9c2m", 8, &["test 3"]).start("test");
    script.event(Event::AttemptEnded {
        job: name("test"),
        attempt: 1,
        exit: exit.clone(),
        leaked: 0,
        stdout_bytes,
        stderr_bytes,
        stream_bytes: 0,
        is_stream_short: false,
        line: None,
    });
    script
        .settled("test", Outcome::Failed { exit, reason: None, code: None }, &[])
        .end(RunResult::Failed { status: 1 });
    assert_snapshot!(screens.both(), @"
    --- stdout
    --- stderr

    FAIL test · exit 1 · 0.0s · otto.yml:3
      │ from the log
      1 line · full log: otto Logs 9c2m test

    rerun:  otto Rerun 9c2m
    ");
}

#[test]
fn a_hint_stands_with_its_failure() {
    let (mut script, screen) = on_screen(|_| {});
    let source = SourceFile::new("otto.yml", "tasks:\n  use:\n    bash: echo ${INPUT[a.versoin]}\n");
    let hint = Diagnostic::error(Code::BadValue, "task `a` has no output `versoin`")
        .at(&source, Span::new(38, 47), "this input is not there")
        .help("did you mean `a.version`?");
    script.run("9c2m", 8, &["use 2", "other 9"]).start("use").start("other").out("use", "unbound variable\n");
    script.hint("use", &hint);
    script.at(0.1).fail("use", Exit::Code(1), Some(3)).fail("other", Exit::Code(1), None);
    script.end(RunResult::Failed { status: 1 });
    assert_snapshot!(screen.text(), @r"
    otto · run 9c2m · 2 tasks
        use │ unbound variable
       FAIL  use       0.1s  exit 1
       FAIL  other     0.1s  exit 1

    FAIL use · exit 1 · 0.1s · otto.yml:3
      │ unbound variable
      1 line · full log: otto Logs 9c2m use
    error[E0109]: task `a` has no output `versoin`
      ╭▸ otto.yml:3:25
    3 │     bash: echo ${INPUT[a.versoin]}
      ╰╴                        ━━━━━━━━━ this input is not there
    help: did you mean `a.version`?

    FAIL other · exit 1 · 0.1s · otto.yml:9
      no output · full log: otto Logs 9c2m other

    2 tasks in 0.1s: 2 failed
    rerun failed:  otto Rerun 9c2m
    ");
}

#[test]
fn low_volume_shows_output_and_failures() {
    let (mut script, screen) = on_screen(|settings| settings.volume = Volume::Quiet);
    success(&mut script);
    assert_snapshot!(screen.text(), @r"
    fetch │ Resolving 214 packages
     lint │ All checks passed!
    build │    Compiling shop v0.3.0
    ");
}

#[test]
fn failure_prefixed_in_detail() {
    let (mut script, screen) = on_screen(|settings| {
        settings.display = Display::Fixed(Mode::Prefix);
        settings.volume = Volume::Verbose;
        settings.tail_lines = 3;
        settings.stdout_is_terminal = true;
    });
    script.run("9c2m", 2, &["fetch 3", "test 31 needs fetch", "notify 40 needs test"]);
    script.start("fetch").out("fetch", "\x1b[32mfetched\n").at(1.0).ok("fetch", &[]).start("test");
    script.out("test", "\x1b[1mone\ntwo\x1b]0;x\x07\n").err("test", "three").out("test", "four").at(2.0);
    script.fail("test", Exit::Code(3), None).skip("notify", Skip::NotCalledFor(name("test")));
    script.at(2.1).end(RunResult::Failed { status: 3 });
    assert_snapshot!(visible(&screen.text()), @r"
    otto · run 9c2m · 3 tasks
      start  fetch
      fetch │ ␛[32mfetched␛[0m
         ok  fetch      1.0s
      start  test
       test │ ␛[1mone␛[0m
       test │ ␛[1mtwo\x1b]0;x\x07␛[0m
       test │ ␛[1mfour␛[0m
       test │ three
       FAIL  test       1.0s  exit 3
       skip  notify           not triggered by test

    FAIL test · exit 3 · 1.0s · otto.yml:31
      │ two\x1b]0;x\x07
      │ four
      │ three
      last 3 of 4 lines · full log: otto Logs 9c2m test

    3 tasks in 2.1s: 1 ok, 1 failed, 1 not triggered
    rerun failed:  otto Rerun 9c2m
    ");
}

#[test]
fn a_single_task_has_no_frame() {
    let (mut script, screen) = on_screen(|_| {});
    script
        .run("9c2m", 8, &["my task 3"])
        .start("my task")
        .out("my task", "one\n")
        .at(0.8)
        .ok("my task", &["a", "b"]);
    script.end(RunResult::Succeeded);
    assert_snapshot!(screen.text(), @r"
    one
         ok  my task     0.8s  set a, b
    ");
}

#[test]
fn a_single_failure_does_not_repeat_what_stands_above_it() {
    let (mut script, screen) = on_screen(|_| {});
    script
        .run("9c2m", 8, &["my task 3"])
        .start("my task")
        .out("my task", "one\n")
        .err("my task", "two")
        .at(0.8);
    script.fail("my task", Exit::Code(1), None).end(RunResult::Failed { status: 1 });
    assert_snapshot!(screen.text(), @"
    one
    two

    FAIL my task · exit 1 · 0.8s · otto.yml:3
      full log: otto Logs 9c2m 'my task'

    rerun:  otto Rerun 9c2m
    ");
}

#[test]
fn a_single_failure_repeats_what_went_elsewhere() {
    let (mut script, screens) = apart(|_| {});
    script.run("9c2m", 8, &["it's 3"]).start("it's").out("it's", "one\n").err("it's", "two").at(0.8);
    script.fail("it's", Exit::Code(1), None).end(RunResult::Failed { status: 1 });
    assert_snapshot!(screens.both(), @r"
    --- stdout
    one
    --- stderr
    two

    FAIL it's · exit 1 · 0.8s · otto.yml:3
      │ one
      │ two
      2 lines · full log: otto Logs 9c2m 'it'\''s'

    rerun:  otto Rerun 9c2m
    ");
}

#[test]
fn ten_failures_are_shown_and_fifty_skips() {
    let (mut script, screen) = on_screen(|settings| settings.display = Display::Fixed(Mode::Quiet));
    let jobs: Vec<String> = (0..12).map(|number| format!("t{number} {number}")).collect();
    let skipped: Vec<String> = (0..60).map(|number| format!("s{number} 1 needs t0")).collect();
    let all: Vec<&str> = jobs.iter().chain(&skipped).map(String::as_str).collect();
    script.run("9c2m", 2, &all);
    for number in 0..12 {
        script.start(&format!("t{number}")).fail(&format!("t{number}"), Exit::Code(1), None);
    }
    for number in 0..60 {
        script.skip(&format!("s{number}"), Skip::Needs(name("t0")));
    }
    script.end(RunResult::Failed { status: 1 });
    let text = screen.text();
    assert_eq!(text.matches("\nFAIL t").count(), 10);
    assert!(text.ends_with(
        "\n\nand 2 more failed\n\n72 tasks in 0.0s: 12 failed, 60 skipped\nrerun failed and skipped:  otto Rerun 9c2m\n"
    ));
}

#[test]
fn github_folds_what_succeeded_and_annotates_what_failed() {
    let summary = SharedWriter::default();
    let workflow = Workflow { file: "ci/otto.yml".into() };
    let (script, screen) = on_screen(|settings| settings.github = Some(workflow));
    let mut script = ScriptedRun::new(script.view.with_step_summary(Box::new(summary.clone())));
    script.run("9c2m", 8, &["fetch 3", "test 31 needs fetch", "pack:a|b 40 needs test"]);
    script
        .start("fetch")
        .out("fetch", "::error::not an error\n")
        .at(1.2)
        .ok("fetch", &["version"])
        .start("test");
    script.out("test", "\x1b[31m1 < 2\x1b[0m, 50%\n\n").err("test", "::add-path::/tmp").at(5.5);
    script.fail("test", Exit::Code(1), Some(33)).skip("pack:a|b", Skip::Needs(name("test")));
    script.at(5.6).end(RunResult::Failed { status: 1 });
    assert_snapshot!(format!("{}--- summary\n{}", visible(&screen.text()), summary.text()), @r"
    otto · run 9c2m · 3 tasks
    ::group::ok  fetch        1.2s  set version
    ::error::not an error
    ::endgroup::
    ── test
    ␛[31m1 < 2␛[0m, 50%

    \::add-path::/tmp
       FAIL  test         4.3s  exit 1
       skip  pack:a|b           needs test

    FAIL test · exit 1 · 4.3s · otto.yml:33
      full log: otto Logs 9c2m test

    3 tasks in 5.6s: 1 ok, 1 failed, 1 skipped
    rerun failed and skipped:  otto Rerun 9c2m
    ::error file=ci/otto.yml,line=33,title=test::FAIL test · exit 1 · 4.3s · otto.yml:33%0A1 < 2, 50%25%0A%0A::add-path::/tmp
    --- summary
    ### otto: 1 ok, 1 failed, 1 skipped in 5.6s

    | task | | time | |
    |---|---|---:|---|
    | <code>fetch</code> | ok | 1.2s | set version |
    | <code>test</code> | FAIL | 4.3s | exit 1 |
    | <code>pack&#58;a&#124;b</code> | skip |  | needs test |

    <details open><summary>FAIL <code>test</code> exit 1 otto.yml:33</summary>
    <pre>
    1 &lt; 2, 50%
    &nbsp;
    ::add-path::/tmp
    </pre></details>
    ");
}

#[test]
fn github_is_told_annotations_of_tasks_and_nothing_else() {
    let workflow = Workflow { file: "ci/otto.yml".into() };
    let (mut script, screens) = apart(|settings| settings.github = Some(workflow));
    script.run("9c2m", 8, &["a 3", "b 31"]).start("a").out("a", "::error::x\n").err("a", "::error::y\n");
    script.ok("a", &[]).settled("b", Outcome::Fresh { run: run_id("1b0d") }, &[]).end(RunResult::Succeeded);
    assert_snapshot!(screens.both(), @"
    --- stdout
    ::group::ok  a     0.0s
    ::error::x
    --- stderr
    otto · run 9c2m · 2 tasks
    ::error::y
    ::endgroup::
      fresh  b           unchanged since run 1b0d
    1 ok, 1 fresh in 0.0s
    ");
}

#[test]
fn github_is_told_annotations_whatever_the_display() {
    for (mode, lines) in [
        (Mode::Prefix, "      a │ x\n::add-mask::y\n      a │ \\::group::z\n"),
        (Mode::Group, "::group::ok  a     0.0s\nx\n::add-mask::y\n\\::group::z\n::endgroup::\n"),
        (Mode::Stream, "x\n::add-mask::y\n::group::z\n"),
        (Mode::Quiet, "::add-mask::y\n"),
    ] {
        let (mut script, screens) = apart(|settings| {
            settings.github = Some(Workflow { file: "otto.yml".into() });
            settings.display = Display::Fixed(mode);
        });
        script.run("9c2m", 8, &["a 3", "b 31"]).start("a").out("a", "x\n::add-m");
        script.out("a", "ask::y\n::group::z").ok("a", &[]).end(RunResult::Succeeded);
        let stdout = screens.stdout.text();
        assert_eq!(stdout.trim_end(), lines.trim_end(), "{mode:?}");
    }
}

#[test]
fn large_groups_come_from_the_logs() {
    let (mut script, screens) = apart(|settings| settings.display = Display::Fixed(Mode::Group));
    script.run("9c2m", 8, &["a 3", "b 4"]).start("a");
    for _ in 0..200 {
        script.out("a", &"x".repeat(10_000));
    }
    script.ok("a", &[]).start("b").ok("b", &[]).end(RunResult::Succeeded);
    assert_snapshot!(screens.both(), @r"
    --- stdout
    from the log
    --- stderr
    otto · run 9c2m · 2 tasks
    ── a
         ok  a     0.0s
         ok  b     0.0s
    2 ok in 0.0s
    ");
}

#[test]
fn retries_keep_their_output_apart() {
    let (mut script, screen) = on_screen(|settings| settings.display = Display::Fixed(Mode::Group));
    script.run("9c2m", 8, &["a 3", "b 4"]).start("a").out("a", "first").at(1.0).ended(
        "a",
        1,
        Exit::Code(1),
        0,
        None,
    );
    script
        .event(Event::RetryPlanned {
            job: name("a"),
            attempt: 1,
            retries: 1,
            pause_ms: 500,
            is_uncharged: false,
        })
        .at(1.5)
        .attempt("a", 2);
    script.out("a", "second\n").at(2.0).ended("a", 2, Exit::Code(2), 0, None);
    script
        .settled("a", Outcome::Failed { exit: Exit::Code(2), reason: None, code: None }, &[])
        .start("b")
        .ok("b", &[]);
    script.at(2.5).end(RunResult::Failed { status: 2 });
    assert_snapshot!(screen.text(), @"
    otto · run 9c2m · 2 tasks
    ── a
    first
      retry  a     1.0s  exit 1 · retry 1 of 1 in 0.5s
    ── a
    second
       FAIL  a     2.0s  exit 2
         ok  b     0.0s

    FAIL a · exit 2 · 2.0s · otto.yml:3
      full log: otto Logs 9c2m a

    2 tasks in 2.5s: 1 ok, 1 failed
    rerun failed:  otto Rerun 9c2m
    ");
}

#[test]
fn the_progress_line_is_gone_before_anything_else() {
    let (mut script, screen) = on_screen(|settings| {
        settings.draws_progress = true;
        settings.stderr_is_terminal = true;
    });
    script.run("7f3k", 8, &CI).start("fetch").start("lint").tick();
    assert_eq!(script.view.next_tick(), Some(200_000));
    script.at(0.2).tick().at(0.21).tick();
    assert_eq!(script.view.next_tick(), Some(300_000));
    script.at(0.35).out("fetch", "half a line").out("lint", "a line\n").tick().at(0.9).ok("lint", &[]).tick();
    script.view.suspend();
    script.at(1.0).tick();
    assert_eq!(script.view.next_tick(), None);
    script.view.resume(1_100_000);
    script.at(1.1).tick().event(Event::Stopping { signal: 2, is_forced: false });
    script.interrupted("fetch", Exit::Signal(2), 0).end(RunResult::Interrupted { signal: 2 });
    assert_snapshot!(visible(&screen.text()).replace("␍", "\n␍"), @r"
    otto · run 7f3k · 5 tasks

    ␍[0/5] 0s · fetch 0.2s · lint 0.2s␛[K
    ␍␛[K   lint │ a line

    ␍[0/5] 0s · fetch 0.4s · lint 0.4s␛[K
    ␍␛[K     ok  lint        0.9s

    ␍[1/5] 0s · fetch 0.9s␛[K
    ␍␛[K
    ␍[1/5] 1s · fetch 1.1s␛[K
    ␍␛[Kstopping 1 task (SIGINT, then kill after 10s; Ctrl-C again kills now)
      fetch │ half a line
        INT  fetch       1.1s  SIGINT
    5 tasks in 1.1s: 1 ok, 1 interrupted, 3 without a result
    resume:  otto Rerun 7f3k
    ");
}

#[test]
fn a_raw_stream_has_the_screen_to_itself_until_it_is_silent() {
    let (mut script, _) = on_screen(|settings| settings.draws_progress = true);
    script.run("7f3k", 1, &["a 1", "b 1"]).start("a").at(5.0).out("a", "line\n");
    assert_eq!(script.view.next_tick(), Some(6_000_000));
    script.out("a", "prompt: ");
    assert_eq!(script.view.next_tick(), None);
}

#[test]
fn a_silent_log_says_now_and_then_what_runs() {
    let (mut script, screen) = on_screen(|_| {});
    script.run("7f3k", 8, &["a 1", "b 1"]).start("a").at(2.0).start("b");
    for _ in 0..4 {
        let due_us = script.view.next_tick().expect("something runs");
        script.at(due_us as f64 / 1e6).tick();
    }
    script.out("a", "alive\n");
    assert_eq!(script.view.next_tick(), Some(960_000_000));
    assert_snapshot!(screen.text(), @r"
    otto · run 7f3k · 2 tasks
    still running: a 60s, b 58s
    still running: a 3m00s, b 2m58s
    still running: a 7m00s, b 6m58s
    still running: a 15m00s, b 14m58s
          a │ alive
    ");
}

#[test]
fn warnings_and_names_cannot_move_the_cursor() {
    let (mut script, screen) = on_screen(|_| {});
    script.run("7f3k", 8, &["a\x1b[2J 1", "b\u{202e} 1"]).start("a\x1b[2J").out("a\x1b[2J", "x\n");
    script.event(Event::Warning { job: Some(name("b\u{202e}")), code: None, message: "\x1b]0;x\x07".into() });
    script.fail("a\x1b[2J", Exit::NotStarted { code: 126, reason: "\x1b[H".into() }, None);
    script.settled("b\u{202e}", Outcome::Succeeded, &["\x1b[31m"]).end(RunResult::Failed { status: 126 });
    assert!(!screen.text().contains(['\x1b', '\u{202e}', '\x07']), "{}", visible(&screen.text()));
}

#[test]
fn a_reader_who_goes_away_does_not_stop_the_run() {
    struct Gone;
    impl std::io::Write for Gone {
        fn write(&mut self, _bytes: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let stderr = SharedWriter::default();
    let console = Console::new(
        plain(),
        Box::new(Gone),
        Box::new(stderr.clone()),
        Rc::new(FakeLogs("")),
        Box::new(|| 80),
    );
    success(&mut ScriptedRun::new(console));
    assert!(stderr.text().ends_with("4.5s\n"), "{}", stderr.text());
}

#[test]
fn auto_is_raw_where_tasks_cannot_interleave() {
    let jobs = |texts: &[&str]| texts.iter().map(|text| planned(text)).collect::<Vec<_>>();
    for (slots, texts, plain, github) in [
        (8, &["a 1"][..], Mode::Stream, Mode::Stream),
        (8, &["a 1", "group all 2 needs a"], Mode::Stream, Mode::Stream),
        (8, &["a 1", "b 1"], Mode::Prefix, Mode::Group),
        (1, &["a 1", "b 1"], Mode::Stream, Mode::Group),
        (8, &["a 1", "b 1 needs a", "c 1 needs a, b"], Mode::Stream, Mode::Group),
        (8, &["a 1", "b 1 needs a", "c 1 needs a"], Mode::Prefix, Mode::Group),
        (8, &["a 1", "b 1 needs ~a"], Mode::Prefix, Mode::Group),
        (8, &["a 1", "b 1 needs a", "c 1 needs ~a, b"], Mode::Stream, Mode::Group),
    ] {
        assert_eq!(Display::Auto.resolve(false, slots, &jobs(texts)), plain, "{texts:?}");
        assert_eq!(Display::Auto.resolve(true, slots, &jobs(texts)), github, "{texts:?}");
        assert_eq!(Display::Fixed(Mode::Quiet).resolve(true, slots, &jobs(texts)), Mode::Quiet);
    }
}

#[test]
fn buffered_jobs_are_blocks_in_the_order_of_the_items() {
    let (mut script, screen) = on_screen(|_| {});
    script.run("7f3k", 8, &["buffered up:a 3", "buffered up:b 3", "buffered up:c 3", "other 9"]);
    script.start("up:a").start("up:b").start("up:c").start("other");
    script.out("up:c", "c\n").out("up:a", "a\n").out("other", "live\n").err("up:c", "more of c");
    script.at(1.0).ok("up:c", &["k"]).at(2.0).out("up:b", "b\n").ended("up:b", 1, Exit::Code(1), 0, None);
    script.event(Event::RetryPlanned {
        job: name("up:b"),
        attempt: 1,
        retries: 1,
        pause_ms: 500,
        is_uncharged: false,
    });
    script
        .at(3.0)
        .out("up:a", "more of a\n")
        .ok("up:a", &[])
        .at(3.5)
        .attempt("up:b", 2)
        .out("up:b", "b again\n");
    script.ended("up:b", 2, Exit::Code(0), 0, None).settled("up:b", Outcome::Succeeded, &[]);
    script.at(4.0).ok("other", &[]).end(RunResult::Succeeded);
    assert_snapshot!(screen.text(), @"
    otto · run 7f3k · 4 tasks
      other │ live
       up:a │ a
       up:a │ more of a
         ok  up:a      3.0s
       up:b │ b
      retry  up:b      2.0s  exit 1 · retry 1 of 1 in 0.5s
       up:b │ b again
         ok  up:b      3.5s  attempt 2
       up:c │ c
       up:c │ more of c
         ok  up:c      1.0s  set k
         ok  other     4.0s
    4 ok in 4.0s · slowest other 4.0s
    ");
}

#[test]
fn a_run_that_breaks_off_loses_no_output() {
    for mode in [Mode::Stream, Mode::Prefix, Mode::Group] {
        for kind in ["", "buffered "] {
            let (mut script, screen) = on_screen(|settings| settings.display = Display::Fixed(mode));
            script.run("7f3k", 8, &[&format!("{kind}a:1 1"), &format!("{kind}a:2 1")]);
            script.start("a:1").start("a:2").out("a:1", "half a line").out("a:2", "a whole one\n");
            script.ok("a:2", &[]).view.finish(1);
            assert!(screen.text().contains("half a line"), "{kind}{mode:?}");
            assert!(screen.text().contains("a whole one"), "{kind}{mode:?}");
        }
    }
}

/// What one task writes, in pieces; each line says whose it is and which.
#[derive(Clone, Debug)]
struct Writing {
    pieces: Vec<(Stream, String)>,
}

fn writing(job: usize) -> impl Strategy<Value = Writing> {
    let lines = prop::collection::vec((any::<bool>(), "[a-zé ]{0,30}"), 0..12);
    (lines, prop::collection::vec(any::<prop::sample::Index>(), 0..8), any::<bool>()).prop_map(
        move |(lines, cuts, ends_in_newline)| {
            let mut pieces = Vec::new();
            for stream in [Stream::Stdout, Stream::Stderr] {
                let own = lines.iter().enumerate().filter(|(_, line)| line.0 == (stream == Stream::Stdout));
                let mut text: String =
                    own.map(|(number, line)| format!("<{job}.{number}>{}\n", line.1)).collect();
                if !ends_in_newline {
                    text.pop();
                }
                let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
                places.retain(|place| text.is_char_boundary(*place));
                places.extend([0, text.len()]);
                places.sort_unstable();
                pieces.extend(places.windows(2).map(|pair| (stream, text[pair[0]..pair[1]].to_owned())));
            }
            Writing { pieces }
        },
    )
}

proptest! {
    /// Whatever the pieces and their order: each line of each task is shown once, whole, in order, behind the right name
    /// and on the right stream.
    #[test]
    fn no_line_is_lost_torn_or_mixed(
        writings in prop::collection::vec(any::<()>(), 1..4).prop_flat_map(|jobs| (0..jobs.len()).map(writing).collect::<Vec<_>>()),
        turns in prop::collection::vec(0..4_usize, 0..200),
        mode in prop::sample::select(vec![Mode::Prefix, Mode::Group]),
        is_buffered in any::<bool>(),
    ) {
        let (mut script, screens) = apart(|settings| {
            settings.display = Display::Fixed(mode);
            settings.volume = Volume::Quiet;
            settings.draws_progress = true;
        });
        let mut names: Vec<String> = (0..writings.len()).map(|job| format!("job:{job}")).collect();
        let kind = if is_buffered { "buffered " } else { "" };
        let planned: Vec<String> = names.iter().map(|name| format!("{kind}{name} 1")).collect();
        script.run("7f3k", 8, &planned.iter().map(String::as_str).collect::<Vec<_>>());
        names.iter().for_each(|name| { script.start(name); });
        let mut queues: Vec<_> = writings.iter().map(|writing| writing.pieces.iter()).collect();
        let all = (0..writings.len()).cycle().take(writings.len() * 40);
        for job in turns.into_iter().chain(all).filter(|job| *job < names.len()) {
            match queues[job].next() {
                Some((Stream::Stdout, text)) => { script.out(&names[job], text); }
                Some((Stream::Stderr, text)) => { script.err(&names[job], text); }
                None => {}
            }
        }
        names.reverse();
        names.iter().for_each(|name| { script.ok(name, &[]); });
        script.end(RunResult::Succeeded);
        for (stream, shown) in [(Stream::Stdout, screens.stdout.text()), (Stream::Stderr, screens.stderr.text())] {
            for (job, writing) in writings.iter().enumerate() {
                let wrote: String =
                    writing.pieces.iter().filter(|piece| piece.0 == stream).map(|piece| piece.1.as_str()).collect();
                let prefix = if mode == Mode::Prefix { format!("  job:{job} │ ") } else { String::new() };
                let expected: Vec<String> = wrote.lines().map(|line| format!("{prefix}{line}")).collect();
                let own: Vec<&str> = shown.lines().filter(|line| line.contains(&format!("<{job}."))).collect();
                prop_assert_eq!(own, expected);
            }
            let whose: Vec<&str> = shown.lines().filter_map(|line| Some(line.split_once('<')?.1.split_once('.')?.0)).collect();
            prop_assert!(!is_buffered || whose.is_sorted(), "{}", shown);
        }
    }

    #[test]
    fn the_progress_line_is_never_wider_than_the_terminal(
        names in prop::collection::vec("[a-zé日本\\x1b]{1,30}", 1..20),
        columns in 0..120_usize,
        seconds in 0..20_000_u32,
    ) {
        let mut run = RunState::default();
        let unique: Vec<String> = names.iter().enumerate().map(|(place, name)| format!("{name}{place}")).collect();
        let jobs = unique.iter().map(|text| planned(&format!("{text} 1"))).collect();
        let mut stamped = Stamped { seq: 0, wall_us: 0, mono_us: 0, event: Event::RunStarted { format: 1, run: run_id("7f3k"), slots: 9, jobs, changed: Vec::new() } };
        run.apply(&stamped);
        for (place, job) in unique.iter().enumerate() {
            stamped.mono_us = place as u64 * 1_000_000;
            stamped.event = Event::AttemptStarted { job: name(job), attempt: 1 };
            run.apply(&stamped);
        }
        let line = progress::line(&run, u64::from(seconds) * 1_000_000, columns);
        prop_assert!(line.width() < columns.max(1), "{} in {columns}: {line}", line.width());
        prop_assert!(!line.contains('\x1b'));
        let seen = line.matches(" · ").count() - usize::from(line.contains(" · +"));
        let counted: usize = line.split(" · +").nth(1).map_or(0, |count| count.parse().expect("a count"));
        prop_assert!(counted == 0 || seen + counted == unique.len(), "{line}");
    }
}

#[test]
fn interrupted() {
    let (mut script, screen) = on_screen(|_| {});
    let jobs = [
        "fetch 1",
        "build 2 needs fetch",
        "serve 3 needs fetch",
        "test 4 needs build",
        "package 5 needs test",
    ];
    script.run("4x1q", 8, &jobs).start("fetch").at(0.2).ok("fetch", &[]).start("build").start("serve");
    script.at(3.2).event(Event::Stopping { signal: 2, is_forced: false });
    script.at(3.4).interrupted("build", Exit::Signal(2), 0).at(13.4).interrupted("serve", Exit::Signal(9), 3);
    script.settled("test", Outcome::Cancelled, &[]).settled("package", Outcome::Cancelled, &[]);
    script.end(RunResult::Interrupted { signal: 2 });
    assert_snapshot!(screen.text(), @r"
    otto · run 4x1q · 5 tasks
         ok  fetch       0.2s
    stopping 2 tasks (SIGINT, then kill after 10s; Ctrl-C again kills now)
        INT  build       3.2s  SIGINT
        INT  serve      13.2s  killed after 10s, with 3 child processes
    5 tasks in 13.4s: 1 ok, 2 interrupted, 2 not started
    resume:  otto Rerun 4x1q
    ");
}

#[test]
fn interrupted_twice_on_a_terminal() {
    let (mut script, screen) = on_screen(|settings| settings.stderr_is_terminal = true);
    script.run("4x1q", 1, &["serve 3"]).start("serve").out("serve", "listening\n");
    script.at(3.2).event(Event::Stopping { signal: 2, is_forced: false });
    script.at(3.4).event(Event::Stopping { signal: 2, is_forced: true });
    script.at(3.5).interrupted("serve", Exit::Signal(9), 1).end(RunResult::Interrupted { signal: 2 });
    assert_snapshot!(screen.text(), @r"
    listening

    stopping 1 task (SIGINT, then kill after 10s; Ctrl-C again kills now)

    killing 1 task
        INT  serve     3.5s  killed, with 1 child process
    resume:  otto Rerun 4x1q
    ");
}

#[test]
fn every_status_has_a_word() {
    let (mut script, screen) = on_screen(|_| {});
    let jobs = [
        "fresh 1",
        "leaky 2",
        "slow 3",
        "flaky 4",
        "gone 5",
        "lost 6",
        "handler 7 needs leaky",
        "group all 8 needs fresh, leaky",
        "up:a 9",
        "up:b 9 needs up:a",
        "never 10",
    ];
    script.run("7f3k", 4, &jobs).settled("fresh", Outcome::Fresh { run: run_id("1b0d") }, &["version"]);
    script.start("leaky").at(0.5).ended("leaky", 1, Exit::Code(0), 2, None).settled(
        "leaky",
        Outcome::Succeeded,
        &["pid"],
    );
    script.skip("handler", Skip::NotCalledFor(name("leaky"))).settled("all", Outcome::Succeeded, &[]);
    script.start("flaky").at(1.5).ended("flaky", 1, Exit::Code(1), 0, None);
    script.event(Event::RetryPlanned {
        job: name("flaky"),
        attempt: 1,
        retries: 3,
        pause_ms: 1000,
        is_uncharged: false,
    });
    script.at(2.5).attempt("flaky", 2).at(3.0).ended("flaky", 2, Exit::Code(0), 0, None).settled(
        "flaky",
        Outcome::Succeeded,
        &[],
    );
    script.event(Event::Warning {
        job: Some(name("flaky")),
        code: Some("E0805".into()),
        message: "2 outputs\x07 were not text".into(),
    });
    script.event(Event::Warning {
        job: None,
        code: None,
        message: "the history could not be written".into(),
    });
    script.start("slow").at(33.0).fail("slow", Exit::Timeout, None);
    let exit = Exit::NotStarted { code: 127, reason: "`perl` is not in PATH".into() };
    script.settled("gone", Outcome::Failed { exit, reason: None, code: None }, &[]);
    script.start("lost").out("lost", "…\n").ended("lost", 1, Exit::Code(0), 0, None);
    script.settled(
        "lost",
        Outcome::Failed { exit: Exit::Code(0), reason: Some("outputs are not JSON".into()), code: None },
        &[],
    );
    script
        .start("up:a")
        .at(34.0)
        .fail("up:a", Exit::Signal(11), None)
        .skip("up:b", Skip::SerialPredecessor(name("up:a")));
    script.skip("never", Skip::FailFast).at(34.0).end(RunResult::Failed { status: 124 });
    assert_snapshot!(screen.text(), @r"
    otto · run 7f3k · 10 tasks
      fresh  fresh             unchanged since run 1b0d
       LEAK  leaky       0.5s  2 background processes killed · set pid
      retry  flaky       1.0s  exit 1 · retry 1 of 3 in 1s
         ok  flaky       2.5s  attempt 2
    warning[E0805]: flaky: 2 outputs\x07 were not text
    warning: the history could not be written
    TIMEOUT  slow       30.0s
       FAIL  gone              not started: `perl` is not in PATH
       lost │ …
       FAIL  lost        0.0s  outputs are not JSON
       FAIL  up:a        1.0s  killed by SIGSEGV
       skip  up:b              after up:a failed
       skip  never             a task failed (--fail-fast)

    TIMEOUT slow · 30.0s · otto.yml:3
      no output · full log: otto Logs 7f3k slow

    FAIL gone · not started: `perl` is not in PATH · otto.yml:5
      no output · full log: otto Logs 7f3k gone

    FAIL lost · outputs are not JSON · 0.0s · otto.yml:6
      │ …
      1 line · full log: otto Logs 7f3k lost

    FAIL up:a · killed by SIGSEGV · 1.0s · otto.yml:9
      no output · full log: otto Logs 7f3k up:a

    10 tasks in 34.0s: 2 ok (1 with leaks), 1 fresh, 4 failed, 2 skipped, 1 not triggered
    rerun failed and skipped:  otto Rerun 7f3k
    ");
}

/// Twenty short jobs that a cluster keeps waiting.
fn short_jobs(reason: &str) -> String {
    let names: Vec<String> = (1..=20).map(|item| format!("a:{item} 3")).collect();
    let (mut script, screens) = apart(|settings| settings.volume = Volume::Normal);
    script.run("7f3k", 20, &names.iter().map(String::as_str).collect::<Vec<_>>());
    for item in 1..=20 {
        let job = format!("a:{item}");
        script.at(0.0).start(&job).event(Event::AttemptQueued {
            job: name(&job),
            attempt: 1,
            id: "7".into(),
            reason: reason.into(),
        });
        script.at(5.0).event(Event::AttemptBegan { job: name(&job), attempt: 1, host: "node1".into() });
        script.at(6.0).ok(&job, &[]);
    }
    script.at(6.0).end(RunResult::Succeeded);
    screens.both().lines().last().unwrap_or_default().to_owned()
}

#[test]
fn many_jobs_that_wait_longer_than_they_run_could_share_one() {
    assert_snapshot!(short_jobs("Priority"), @"note: most jobs of a waited longer than they ran; with `resources: {bundle: 50}` many share one");
    assert_snapshot!(short_jobs("Bundle"), @"20 ok in 6.0s · slowest a:1 1.0s");
}
