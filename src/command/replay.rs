//! `otto Replay`: a recorded run shown again. Runs nothing, and says so.

use super::execute::{RunLogs, is_same_file};
use super::pick::{Picked, Records, run_argument};
use super::run_option::{asked_display, run_option};
use super::show::words;
use super::{Context, terminal_width};
use crate::diagnostic::{Code, Diagnostic};
use crate::event::{Event, PlannedJob, Stamped};
use crate::exec::local::GRACE;
use crate::history::past::Standing;
use crate::history::{journal, order};
use crate::view::View;
use crate::view::console::{Console, ConsoleSettings, Display, Mode, Volume};
use crate::view::filter::Filter;
use crate::view::json::Json;
use crate::view::replay::replay;
use crate::view::sink::Stdout;
use crate::view::style::Paint;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::Arc;

pub(super) fn command() -> Command {
    Command::new("Replay")
        .arg(run_argument().default_value("latest"))
        .arg(run_option("display").help("same as for a run"))
        .arg(Arg::new("verbose").short('v').action(ArgAction::SetTrue).help("also show when tasks start"))
        .after_help("`otto Replay --json` prints the events and output, one object per line, like `otto --json TASK`.")
}

pub(super) fn run(context: &mut Context, matches: &ArgMatches) -> i32 {
    match show(context, matches, Box::new(Stdout::new(io::stdout())), Box::new(io::stderr())) {
        Ok(()) => 0,
        Err(code) => code,
    }
}

fn show(
    context: &mut Context,
    matches: &ArgMatches,
    stdout: Box<dyn Write>,
    stderr: Box<dyn Write>,
) -> Result<(), i32> {
    let records = Records::open(context)?;
    let word = matches.get_one::<String>("run").expect("bug: it has a default");
    let picked = records.read(context, word)?;
    let events = match journal::read(&picked.run.dir) {
        Ok(events) => events,
        Err(error) => {
            let message = format!("cannot read the records of run `{}`: {error}", picked.found.short);
            return Err(context.refuse(&[Diagnostic::error(Code::UnreadableRun, message)]));
        }
    };
    let logs = Rc::new(RunLogs { run_dir: picked.run.dir.clone() });
    let mut view: Box<dyn View> = if context.is_json {
        Box::new(Json::new(stdout, stderr))
    } else {
        let display = asked_display(matches).map_err(|wrong| context.refuse(&[wrong]))?;
        let settings = settings(context, &picked, display.unwrap_or_default(), matches.get_flag("verbose"));
        // What was shown raw while it ran is not obeyed by a terminal a second time.
        let is_raw =
            display.unwrap_or_default().resolve(false, slots(&events), &planned(&events)) == Mode::Stream;
        let filters = |out: Box<dyn Write>, is_terminal: bool| -> Box<dyn Write> {
            if is_raw && is_terminal { Box::new(Filtered { out, filter: Filter::default() }) } else { out }
        };
        let (stdout, stderr) =
            (filters(stdout, settings.stdout_is_terminal), filters(stderr, settings.stderr_is_terminal));
        Box::new(Console::new(settings, stdout, stderr, logs.clone(), Box::new(terminal_width)))
    };
    let short = &picked.found.short;
    let recorded = super::history::when(picked.run.started_us(), context);
    // If stderr is closed, there is nobody to tell.
    let _ = writeln!(context.stderr, "replaying run {short}, {recorded}; nothing runs");
    if !replay(&events, order::read(&picked.run.dir), &*logs, view.as_mut()) {
        let why = if picked.run.standing == Standing::Running {
            "is still running; this is what it has recorded so far"
        } else {
            "ended without a result; this is everything it recorded"
        };
        let _ = writeln!(context.stderr, "run {short} {why}");
    }
    Ok(())
}

fn settings(context: &Context, picked: &Picked, display: Display, is_verbose: bool) -> ConsoleSettings {
    ConsoleSettings {
        display,
        volume: if is_verbose { Volume::Verbose } else { Volume::Normal },
        colours_stdout: context.colours_stdout,
        colours_stderr: context.colours_stderr,
        stdout_is_terminal: context.stdout_is_terminal,
        stderr_is_terminal: io::IsTerminal::is_terminal(&io::stderr()),
        is_shared: is_same_file(),
        github: None,
        // Nothing grows while one looks.
        draws_progress: false,
        tail_lines: 20,
        ottofile: words(Paint { is_on: false }, picked).ottofile,
        grace: GRACE,
    }
}

fn slots(events: &[Stamped]) -> usize {
    let slots = events.iter().find_map(|stamped| match &stamped.event {
        Event::RunStarted { slots, .. } => Some(*slots),
        _ => None,
    });
    slots.unwrap_or(1)
}

fn planned(events: &[Stamped]) -> Vec<Arc<PlannedJob>> {
    let jobs = events.iter().find_map(|stamped| match &stamped.event {
        Event::RunStarted { jobs, .. } => Some(jobs.clone()),
        _ => None,
    });
    jobs.unwrap_or_default()
}

/// Shows control characters instead of passing them on.
struct Filtered {
    out: Box<dyn Write>,
    filter: Filter,
}

impl Write for Filtered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut safe = Vec::with_capacity(bytes.len());
        self.filter.push(bytes, &mut safe);
        self.out.write_all(&safe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for Filtered {
    fn drop(&mut self) {
        let mut safe = Vec::new();
        self.filter.end(&mut safe);
        // A reader that has gone away ends quietly.
        let _ = self.out.write_all(&safe).and_then(|()| self.out.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;
    use crate::event::RunResult;
    use crate::view::sink::tests::SharedWriter;
    use insta::assert_snapshot;

    /// What the view wrote, and then what the command itself said.
    fn replayed(stage: &Stage, line: &str) -> String {
        let screen = SharedWriter::default();
        let (stdout, stderr) = (screen.clone(), screen.clone());
        let said = stage.with_context(|context| {
            let matches = command().no_binary_name(true).get_matches_from(line.split_whitespace());
            show(context, &matches, Box::new(stdout.clone()), Box::new(stderr.clone())).expect("shown");
        });
        format!("{}--- otto\n{said}", screen.text())
    }

    fn shop() -> Stage {
        let stage = Stage::new();
        let mut run = stage.sandbox.begin("2026-11-23T11:58:00Z", "9c2m00", "ci");
        run.plan(&[("build", &[]), ("lint", &[]), ("test", &["build"])]);
        run.file("build", "stdout.log", "built\n");
        run.ok("build", 1200, &["version"]);
        run.file("lint", "stderr.log", "tidy\x1b]0;title\x07\n");
        run.ok("lint", 100, &[]);
        run.file("test", "stdout.log", "boom\n");
        run.fail("test", 400, 3);
        run.end(RunResult::Failed { status: 3 });
        stage
    }

    #[test]
    fn a_run_is_shown_again_and_nothing_is_run() {
        assert_snapshot!(replayed(&shop(), "latest"), @r"
        otto · run 9c2m · 3 tasks
          build │ built
             ok  build     1.2s  set version
           lint │ tidy\x1b]0;title\x07
             ok  lint      0.1s
           test │ boom
           FAIL  test      0.4s  exit 3

        FAIL test · exit 3 · 0.4s · otto.yml:11
          full log: otto Logs 9c2m test

        3 tasks in 1.7s: 2 ok, 1 failed
        rerun failed:  otto Rerun 9c2m
        --- otto
        replaying run 9c2m, 2 min ago; nothing runs
        ");
        assert_snapshot!(replayed(&shop(), "9c2m --display quiet"), @"
           FAIL  test      0.4s  exit 3

        FAIL test · exit 3 · 0.4s · otto.yml:11
          │ boom
          1 line · full log: otto Logs 9c2m test

        3 tasks in 1.7s: 2 ok, 1 failed
        rerun failed:  otto Rerun 9c2m
        --- otto
        replaying run 9c2m, 2 min ago; nothing runs
        ");
    }

    #[test]
    fn a_run_that_crashed_is_shown_as_far_as_it_went() {
        let stage = Stage::new();
        let mut run = stage.sandbox.begin("2026-11-23T11:58:00Z", "9c2m00", "ci");
        run.plan(&[("build", &[]), ("test", &["build"])]);
        run.file("build", "stdout.log", "built\n");
        run.ok("build", 1200, &[]);
        drop(run);
        assert_snapshot!(replayed(&stage, "--display prefix"), @"
        otto · run 9c2m · 2 tasks
          build │ built
             ok  build     1.2s
        --- otto
        replaying run 9c2m, 2 min ago; nothing runs
        run 9c2m ended without a result; this is everything it recorded
        ");
    }

    #[test]
    fn a_run_that_goes_on_is_shown_as_far_as_it_is() {
        let stage = Stage::new();
        let mut run = stage.sandbox.begin("2026-11-23T11:58:00Z", "9c2m00", "ci");
        run.plan(&[("build", &[]), ("test", &["build"])]);
        run.ok("build", 1200, &[]);
        assert_snapshot!(replayed(&stage, "--display prefix"), @"
        otto · run 9c2m · 2 tasks
             ok  build     1.2s
        --- otto
        replaying run 9c2m, 2 min ago; nothing runs
        run 9c2m is still running; this is what it has recorded so far
        ");
    }

    #[test]
    fn what_a_task_wrote_raw_is_not_obeyed_by_a_terminal_again() {
        let mut stage = Stage::new();
        stage.is_terminal = true;
        let mut run = stage.sandbox.begin("2026-11-23T11:58:00Z", "9c2m00", "ci");
        run.plan(&[("build", &[])]);
        run.file("build", "stdout.log", "a\x1b]0;title\x07b\n");
        run.ok("build", 1200, &[]);
        run.end(RunResult::Succeeded);
        let text = replayed(&stage, "--display stream");
        assert!(text.contains(r"a\x1b]0;title\x07b"), "{text:?}");
    }

    #[test]
    fn json_is_the_events_and_the_output() {
        let mut stage = shop();
        stage.is_json = true;
        let text = replayed(&stage, "latest");
        let lines: Vec<serde_json::Value> =
            text.lines().map_while(|line| serde_json::from_str(line).ok()).collect();
        let kinds: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
        assert_eq!(kinds[..4], ["run_started", "attempt_started", "output", "attempt_ended"]);
        assert_eq!(kinds.last(), Some(&"run_ended"));
    }
}
