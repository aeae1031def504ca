//! Tests of the view on the whole screen: what is drawn, what keys do, and what the console says afterwards.

use super::*;
use crate::diagnostic::{Code, Diagnostic};
use crate::event::{Exit, RunResult};
use crate::view::console::{Display, Mode};
use crate::view::script::{FakeLogs, ScriptedRun, name, plain};
use crate::view::sink::tests::SharedWriter;
use crate::view::style::Paint;
use insta::assert_snapshot;
use proptest::prelude::*;
use std::cell::Cell;
use std::time::Duration;

/// A terminal that keeps what it was told.
struct FakeScreen {
    told: SharedWriter,
    size: Rc<Cell<(u16, u16)>>,
    is_there: bool,
}

impl Screen for FakeScreen {
    fn take(&mut self) -> io::Result<()> {
        self.note("<taken>");
        if self.is_there { Ok(()) } else { Err(io::Error::other("in the background")) }
    }

    fn give_back(&mut self) {
        self.note("<given back>");
    }

    fn size(&self) -> (u16, u16) {
        self.size.get()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        io::Write::write_all(&mut self.told, bytes)
    }
}

impl FakeScreen {
    fn note(&mut self, text: &str) {
        io::Write::write_all(&mut self.told, text.as_bytes()).expect("bug: memory refuses bytes");
    }
}

struct Stage {
    script: ScriptedRun<Tui>,
    /// What the terminal was told.
    told: SharedWriter,
    /// What the console wrote.
    console: SharedWriter,
    size: Rc<Cell<(u16, u16)>>,
}

fn stage(is_there: bool) -> Stage {
    let (told, console, size) =
        (SharedWriter::default(), SharedWriter::default(), Rc::new(Cell::new((72, 10))));
    let logs = || Rc::new(FakeLogs("from the log\n"));
    let settings = crate::view::console::ConsoleSettings {
        display: Display::Fixed(Mode::Prefix),
        is_shared: true,
        ..plain()
    };
    let (out, err) = (Box::new(console.clone()), Box::new(console.clone()));
    let words = Words {
        paint: Paint { is_on: false },
        ottofile: "otto.yml".to_owned(),
        grace: Duration::from_secs(10),
        name_width: 0,
    };
    let view = Tui::new(
        Box::new(FakeScreen { told: told.clone(), size: Rc::clone(&size), is_there }),
        Console::new(settings, out, err, logs(), Box::new(|| 72)),
        logs(),
        words,
    );
    Stage { script: ScriptedRun::new(view), told, console, size }
}

impl Stage {
    /// Three tasks: one is done, one has failed, one runs.
    fn begun() -> Stage {
        let mut stage = stage(true);
        let script = &mut stage.script;
        script.run("7f3k", 2, &["build 4", "lint 8", "test 12 needs build", "group ci 20 needs test, lint"]);
        script.start("build").start("lint").out("build", "compiling\n").err("lint", "\x1b[31mbad\x1b[0m\n");
        script.at(1.0).ok("build", &["version"]);
        script.start("test").out("test", "1\tone\n2\ttwo\n");
        script.at(2.5).event(Event::AttemptEnded {
            job: name("lint"),
            attempt: 1,
            exit: Exit::Code(3),
            leaked: 0,
            stdout_bytes: 0,
            stderr_bytes: 13,
            stream_bytes: 0,
            is_stream_short: false,
            line: Some(9),
        });
        script.settled("lint", Outcome::Failed { exit: Exit::Code(3), reason: None, code: None }, &[]);
        stage
    }

    /// What is on the screen now. A pilcrow ends each line.
    fn shown(&mut self) -> String {
        let now_us = self.script.now_us;
        self.script.view.draw(now_us);
        let Holding::Ours { shown: Some(buffer) } = &self.script.view.holding else {
            return "nothing".to_owned();
        };
        let width = usize::from(buffer.area().width).max(1);
        buffer
            .content()
            .chunks(width)
            .map(|line| {
                line.iter().map(|cell| cell.symbol()).collect::<String>().trim_end().to_owned() + "¶\n"
            })
            .collect()
    }

    fn types(&mut self, keys: &str) -> Wish {
        let now_us = self.script.now_us;
        self.script.view.typed(keys.as_bytes(), now_us)
    }
}

#[test]
fn the_tasks_are_beside_what_one_of_them_writes() {
    let mut stage = Stage::begun();
    assert_snapshot!(stage.shown(), @"
    otto · run 7f3k · 3 tasks · [2/3] 2s¶
          ok  build       1.0s │ test · run¶
        FAIL  lint        2.5s │ 1       one¶
    ▸    run  test        1.5s │ 2       two¶
                               │¶
                               │¶
                               │¶
                               │¶
                               │¶
    ↑↓ task · PgUp PgDn scroll · f follow · q leave · Ctrl-C stop¶
    ");
    // The same without room beside the tasks, and with next to none at all.
    stage.size.set((40, 12));
    assert_snapshot!(stage.shown(), @"
    otto · run 7f3k · 3 tasks · [2/3] 2s¶
          ok  build                    1.0s¶
        FAIL  lint                     2.5s¶
    ▸    run  test                     1.5s¶
    test · run¶
    1       one¶
    2       two¶
    ¶
    ¶
    ¶
    ¶
    ↑↓ task · PgUp PgDn scroll · f follow ·…¶
    ");
    stage.size.set((20, 3));
    assert_snapshot!(stage.shown(), @"
    otto · run 7f3k · 3¶
    ▸    run  …    1.5s¶
    ↑↓ task · PgUp PgDn…¶
    ");
}

#[test]
fn a_service_is_shown_as_up_and_tasks_are_followed_instead() {
    let mut stage = stage(true);
    stage.script.run("7f3k", 2, &["db 4", "test 12 needs db"]);
    stage.script.start("db").at(0.5);
    let up = Event::ServiceUp { job: name("db"), attempt: 1, keys: Vec::new(), since: None };
    stage.script.event(up).start("test").at(2.0);
    let shown = stage.shown();
    let rows: Vec<&str> =
        shown.lines().skip(1).take(2).map(|line| line.split('│').next().unwrap_or("")).collect();
    assert_eq!(rows, ["      up  db          2.0s ", "▸    run  test        1.5s "]);
}

#[test]
fn a_task_is_chosen_and_followed_no_more_until_it_is_wanted_again() {
    let mut stage = Stage::begun();
    assert_eq!(stage.types("\x1b[A\x1b[A"), Wish::Nothing);
    assert_snapshot!(stage.shown(), @"
    otto · run 7f3k · 3 tasks · [2/3] 2s¶
    ▸     ok  build       1.0s │ ok build · 1.0s · otto.yml:4¶
        FAIL  lint        2.5s │ compiling¶
         run  test        1.5s │¶
                               │¶
                               │¶
                               │¶
                               │¶
                               │¶
    ↑↓ task · PgUp PgDn scroll · f follow · q leave · Ctrl-C stop¶
    ");
    stage.script.at(9.0).out("test", "3\tthree\n");
    assert!(stage.shown().contains("compiling"));
    assert_eq!(stage.types("f"), Wish::Nothing);
    assert!(stage.shown().contains("3       three"));
}

#[test]
fn who_scrolls_up_goes_on_seeing_the_same_lines() {
    let mut stage = Stage::begun();
    for number in 3..40 {
        stage.script.out("test", &format!("{number}\n"));
    }
    assert_eq!(stage.types("\x1b[5~\x1b[5~"), Wish::Nothing);
    let before = stage.shown();
    assert_snapshot!(before, @"
    otto · run 7f3k · 3 tasks · [2/3] 2s¶
          ok  build       1.0s │ test · run · to line 27 of 39¶
        FAIL  lint        2.5s │ 21¶
    ▸    run  test        1.5s │ 22¶
                               │ 23¶
                               │ 24¶
                               │ 25¶
                               │ 26¶
                               │ 27¶
    ↑↓ task · PgUp PgDn scroll · f follow · q leave · Ctrl-C stop¶
    ");
    stage.script.out("test", "40\n41\n");
    assert_eq!(stage.shown(), before.replace("of 39", "of 41"));
    stage.types("\x1b[F");
    assert!(stage.shown().contains("│ 41¶"));
}

#[test]
fn what_a_task_wrote_long_ago_comes_from_its_log() {
    let mut stage = stage(true);
    let names: Vec<String> = (0..KEPT_JOBS + 2).map(|number| format!("t{number}")).collect();
    stage.script.run("7f3k", 2, &names.iter().map(String::as_str).collect::<Vec<_>>());
    for job in &names {
        stage.script.start(job).out(job, "live\n").ok(job, &[]);
    }
    assert_eq!(stage.script.view.tails.len(), KEPT_JOBS);
    stage.types("k");
    assert!(stage.shown().contains("│ from the log¶"));
    stage.types(&"j".repeat(names.len()));
    assert!(stage.shown().contains("│ live¶"));
}

#[test]
fn keys_ask_for_a_stop_and_a_halt() {
    let mut stage = Stage::begun();
    assert_eq!(stage.types("\x03"), Wish::Stop);
    assert_eq!(stage.types("\x1a"), Wish::Halt);
    stage.script.event(Event::Stopping { signal: 2, is_forced: false });
    assert!(stage.shown().contains("stopping 1 task (SIGINT, then kill after 10s; Ctrl-C again kills now)"));
}

#[test]
fn given_back_the_screen_leaves_the_run_to_the_console() {
    let mut stage = Stage::begun();
    assert_eq!(stage.types("q"), Wish::Nothing);
    assert!(stage.told.text().ends_with("<given back>"));
    stage.script.out("test", "3\tthree\n").at(3.0).ok("test", &[]);
    stage.script.end(RunResult::Failed { status: 3 });
    assert_snapshot!(stage.console.text(), @"
    otto · run 7f3k · 3 tasks
         ok  build     1.0s  set version
       FAIL  lint      2.5s  exit 3
       test │ 3	three
         ok  test      2.0s

    FAIL lint · exit 3 · 2.5s · otto.yml:9
      │ from the log
      1 line · full log: otto Logs 7f3k lint

    3 tasks in 3.0s: 2 ok, 1 failed
    rerun failed:  otto Rerun 7f3k
    ");
    assert_eq!(stage.told.text().matches("<given back>").count(), 1);
}

#[test]
fn below_the_output_of_a_failure_stands_why_it_failed() {
    let mut stage = stage(true);
    stage.script.run("7f3k", 2, &["lint 9"]).start("lint").out("lint", "one\n");
    let hint =
        Diagnostic::error(Code::NoSuchInput, "task `a` has no output `k`").help("did you mean `a.key`?");
    stage.script.hint("lint", &hint).at(2.5).fail("lint", Exit::Code(3), None);
    assert_snapshot!(stage.shown(), @"
    otto · run 7f3k · 1 task · [1/1] 2s¶
    ▸   FAIL  lint        2.5s │ FAIL lint · exit 3 · 2.5s · otto.yml:9¶
                               │ one¶
                               │ error[E0704]: task `a` has no output `k`¶
                               │ help: did you mean `a.key`?¶
                               │¶
                               │¶
                               │¶
                               │¶
    ↑↓ task · PgUp PgDn scroll · f follow · q leave · Ctrl-C stop¶
    ");
}

#[test]
fn at_its_end_a_run_leaves_the_screen_unless_somebody_looks_at_it() {
    let end = |stage: &mut Stage| {
        stage.script.ok("test", &[]);
        stage.script.event(Event::RunEnded { result: RunResult::Failed { status: 3 } });
    };
    let mut stage = Stage::begun();
    end(&mut stage);
    assert!(!stage.script.view.is_looked_at());
    // What failed is what is looked at in the end.
    assert_snapshot!(stage.shown(), @"
    otto · run 7f3k · 3 tasks · 2 ok, 1 failed in 2.5s¶
          ok  build       1.0s │ FAIL lint · exit 3 · 2.5s · otto.yml:9¶
    ▸   FAIL  lint        2.5s │ bad¶
          ok  test        1.5s │¶
                               │¶
                               │¶
                               │¶
                               │¶
                               │¶
    ↑↓ task · PgUp PgDn scroll · q leave¶
    ");

    let mut stage = Stage::begun();
    stage.types("j");
    end(&mut stage);
    assert!(stage.script.view.is_looked_at());
    assert_eq!(stage.types("\r"), Wish::Nothing);
    assert!(!stage.script.view.is_looked_at());
    assert!(stage.console.text().contains("3 tasks in 2.5s: 2 ok, 1 failed"));
}

#[test]
fn lent_to_somebody_else_nothing_is_drawn_and_then_all_of_it() {
    let mut stage = Stage::begun();
    let before = stage.shown();
    stage.script.view.suspend();
    stage.script.out("test", "3\n");
    assert_eq!(stage.shown(), "nothing");
    assert_eq!(stage.script.view.next_tick(), None);
    let now_us = stage.script.now_us;
    stage.script.view.resume(now_us);
    assert_eq!(stage.shown().lines().count(), before.lines().count());
    let told = stage.told.text();
    assert!(told.contains("<given back><taken>\x1b[0m\x1b[2J"), "{told:?}");
}

#[test]
fn without_a_screen_the_console_has_the_run() {
    let mut stage = stage(false);
    stage.script.run("7f3k", 1, &["build 4"]).start("build").out("build", "hello\n");
    stage.script.ok("build", &[]).end(RunResult::Succeeded);
    assert_eq!(stage.console.text(), "  build │ hello\n     ok  build     0.0s\n");
}

proptest! {
    #[test]
    fn no_screen_is_too_odd(columns in 0..200_u16, lines in 0..60_u16, keys in "[jkbgGf \u{c}]{0,20}") {
        let mut stage = Stage::begun();
        stage.size.set((columns, lines));
        stage.types(&keys);
        stage.shown();
    }
}
