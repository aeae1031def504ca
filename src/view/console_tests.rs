//! The console as it appears, whole, for the runs that people see most.

use crate::event::{Event, Exit, Outcome, RunResult, Skip};
use crate::view::View;
use crate::view::console::{Display, Mode, Volume};
use crate::view::script::{Script, apart, name, on_screen, run_id, visible};
use insta::assert_snapshot;

const CI: [&str; 5] =
    ["fetch 3", "lint 8", "build 12 needs fetch", "test 31 needs build", "package 40 needs build, test"];

fn success<V: View>(script: &mut Script<V>) {
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

fn failure<V: View>(script: &mut Script<V>) {
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
fn quiet_says_nothing_when_all_is_well() {
    let (mut script, screen) = on_screen(|settings| settings.display = Display::Fixed(Mode::Quiet));
    success(&mut script);
    assert_eq!(screen.text(), "");
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
      last 2 of 214 lines · whole log: otto Logs 9c2m test

    5 tasks in 14.1s: 3 ok, 1 failed, 1 skipped
    rerun failed and skipped:  otto Rerun 9c2m
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
fn failure_raw() {
    let (mut script, screen) = on_screen(|settings| {
        settings.display = Display::Fixed(Mode::Quiet);
        settings.volume = Volume::Verbose;
        settings.tail_lines = 2;
    });
    failure(&mut script);
    assert_snapshot!(screen.text(), @r"
       FAIL  test        4.3s  exit 1

    FAIL test · exit 1 · 4.3s · otto.yml:33
      │ E       assert 10 == 12
      │ 1 failed, 311 passed in 4.02s
      last 2 of 214 lines · whole log: otto Logs 9c2m test

    5 tasks in 14.1s: 3 ok, 1 failed, 1 skipped
    rerun failed and skipped:  otto Rerun 9c2m
    ");
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
    script.at(3.2).event(Event::Stopping { signal: Some(2), is_forced: false });
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
    script.at(3.2).event(Event::Stopping { signal: Some(2), is_forced: false });
    script.at(3.4).event(Event::Stopping { signal: Some(2), is_forced: true });
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
    script.event(Event::RetryPlanned { job: name("flaky"), attempt: 1, retries: 3, pause_ms: 1000 });
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
    script.settled("gone", Outcome::Failed { exit, reason: None }, &[]);
    script.start("lost").out("lost", "…\n").ended("lost", 1, Exit::Code(0), 0, None);
    script.settled(
        "lost",
        Outcome::Failed { exit: Exit::Code(0), reason: Some("outputs are not JSON".into()) },
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
       LEAK  leaky       0.5s  2 background processes ended · set pid
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
      no output · whole log: otto Logs 7f3k slow

    FAIL gone · not started: `perl` is not in PATH · otto.yml:5
      no output · whole log: otto Logs 7f3k gone

    FAIL lost · outputs are not JSON · 0.0s · otto.yml:6
      │ …
      1 line · whole log: otto Logs 7f3k lost

    FAIL up:a · killed by SIGSEGV · 1.0s · otto.yml:9
      no output · whole log: otto Logs 7f3k up:a

    9 tasks in 34.0s: 2 ok (1 with leaks), 1 fresh, 4 failed, 2 skipped
    rerun failed and skipped:  otto Rerun 7f3k
    ");
}
