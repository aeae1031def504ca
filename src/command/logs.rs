//! `otto Logs`: what a task wrote, byte for byte; on a terminal without what would move it.

use super::Context;
use super::pick::{Picked, Records, run_argument};
use crate::diagnostic::{Code, Diagnostic};
use crate::event::{Outcome, Stream};
use crate::host::plain;
use crate::state::JobState;
use crate::store::layout::JobDir;
use crate::view::filter::{Filter, shown};
use crate::view::wording::{counted, quoted};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

pub(super) fn command() -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    Command::new("Logs")
        .override_usage("otto Logs [OPTIONS] [RUN] TASK")
        .arg(run_argument().required(true).value_name("RUN|TASK"))
        .arg(Arg::new("task").value_name("TASK").help("a task of the run; without RUN, of the latest run"))
        .arg(flag("stdout").help("show only what it wrote to stdout").conflicts_with("stderr"))
        .arg(flag("stderr").help("show only what it wrote to stderr (on stdout)"))
        .arg(
            flag("stream")
                .help("show what it streamed to other tasks")
                .conflicts_with_all(["stdout", "stderr"]),
        )
        .arg(
            Arg::new("attempt")
                .long("attempt")
                .value_name("N")
                .value_parser(value_parser!(u32).range(1..))
                .help("show this attempt of a task that was retried (default: the last one)"),
        )
        .arg(flag("raw").help("write raw bytes, even to a terminal"))
}

pub(super) fn run(context: &mut Context, matches: &ArgMatches) -> i32 {
    match answer(context, matches) {
        Ok(()) => 0,
        Err(code) => code,
    }
}

fn answer(context: &mut Context, matches: &ArgMatches) -> Result<(), i32> {
    let records = Records::open(context)?;
    let first = matches.get_one::<String>("run").expect("bug: it is required").as_str();
    let (run, task) = match matches.get_one::<String>("task") {
        Some(task) => (first, task.as_str()),
        None => ("latest", first),
    };
    let picked = records.read(context, run)?;
    let job = picked.job(context, task)?;
    if matches.get_flag("stream") {
        return stream(context, &picked, job, matches);
    }
    let refusal = |message: String| Diagnostic::error(Code::NotInRun, message);
    let short = &picked.found.short;
    let attempt = match (matches.get_one::<u32>("attempt").copied().unwrap_or(job.attempts), &job.outcome) {
        (0, Some(Outcome::Fresh { run })) => {
            let fresh = refusal(format!("`{task}` was up to date in run `{short}` and did not run"))
                .help(format!("it last ran here: `otto Logs {} {}`", run.short(), quoted(task)));
            return Err(context.refuse(&[fresh]));
        }
        (0, _) => {
            return Err(context.refuse(&[refusal(format!("`{task}` did not run in run `{short}`"))]));
        }
        (attempt, _) if attempt > job.attempts => {
            return Err(context.refuse(&[no_attempt(&picked, job, attempt)]));
        }
        (attempt, _) => attempt,
    };
    let dir = picked.run.job_dir(&job.planned.name);
    let is_filtered = context.stdout_is_terminal && !matches.get_flag("raw");
    let (only_stdout, only_stderr) = (matches.get_flag("stdout"), matches.get_flag("stderr"));
    let log = |stream| dir.log(stream, attempt);
    let shown = if only_stderr {
        copy(&log(Stream::Stderr), context.stdout, is_filtered)
    } else {
        copy(&log(Stream::Stdout), context.stdout, is_filtered).and_then(|()| {
            // Writes each log to its own stream, as the task did.
            if only_stdout { Ok(()) } else { copy(&log(Stream::Stderr), context.stderr, is_filtered) }
        })
    };
    shown.map_err(|trouble| unreadable(context, trouble))?;
    let has_written = [Stream::Stdout, Stream::Stderr].into_iter().any(|stream| has_bytes(&log(stream)));
    let spool = spool(&dir, job, attempt);
    if !has_written && has_bytes(&spool) {
        let name = quoted(job.planned.name.as_str());
        // If stderr is closed, there is nobody to tell.
        let _ = writeln!(
            context.stderr,
            "`{task}` wrote only to its stream; `otto Logs {short} {name} --stream` shows it"
        );
    }
    Ok(())
}

/// What a job streamed, also one that was fresh and handed on what an earlier run had recorded.
fn stream(context: &mut Context, picked: &Picked, job: &JobState, matches: &ArgMatches) -> Result<(), i32> {
    let attempt = matches.get_one::<u32>("attempt").copied().unwrap_or(job.attempts);
    let path = spool(&picked.run.job_dir(&job.planned.name), job, attempt);
    if attempt > job.attempts {
        return Err(context.refuse(&[no_attempt(picked, job, attempt)]));
    }
    if !path.is_file() {
        let (name, short) = (&job.planned.name, &picked.found.short);
        let message = format!("run `{short}` recorded no stream of `{name}`");
        let none = Diagnostic::error(Code::NotInRun, message);
        return Err(context.refuse(&[none.note("only tasks with `streaming` that ran have one")]));
    }
    let is_filtered = context.stdout_is_terminal && !matches.get_flag("raw");
    copy(&path, context.stdout, is_filtered).map_err(|trouble| unreadable(context, trouble))
}

fn no_attempt(picked: &Picked, job: &JobState, attempt: u32) -> Diagnostic {
    let had = counted(job.attempts as usize, "attempt", "attempts");
    let (name, short) = (&job.planned.name, &picked.found.short);
    let message = format!("`{name}` had only {had} in run `{short}`; there is no attempt {attempt}");
    Diagnostic::error(Code::NotInRun, message)
}

fn spool(dir: &JobDir, job: &JobState, attempt: u32) -> PathBuf {
    if attempt < job.attempts { dir.failed_stream(attempt) } else { dir.stream() }
}

fn has_bytes(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.len() > 0)
}

fn unreadable(context: &mut Context, trouble: String) -> i32 {
    context.refuse(&[Diagnostic::error(Code::UnreadableRun, trouble)])
}

/// A log that is not there is empty: logs are made when there is something in them. `Err`: it cannot be read.
fn copy(path: &Path, out: &mut dyn Write, is_filtered: bool) -> Result<(), String> {
    let cannot =
        |error: io::Error| format!("cannot read `{}`: {}", shown(&path.display().to_string()), plain(&error));
    let mut log = match crate::store::regular::open(path) {
        Ok(log) => log,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(cannot(error)),
    };
    let mut filter = Filter::default();
    let mut chunk = vec![0; 64 * 1024];
    let mut safe = Vec::new();
    loop {
        let length = match log.read(&mut chunk) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(cannot(error)),
        };
        safe.clear();
        let bytes = match (is_filtered, length) {
            (false, _) => &chunk[..length],
            (true, 0) => {
                filter.end(&mut safe);
                if !filter.open_colours().is_empty() {
                    safe.extend_from_slice(crate::view::filter::RESET);
                }
                &safe[..]
            }
            (true, _) => {
                filter.push(&chunk[..length], &mut safe);
                &safe[..]
            }
        };
        // A reader that has gone away ends quietly.
        if out.write_all(bytes).is_err() {
            return Ok(());
        }
        if length == 0 {
            let _ = out.flush();
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use crate::event::{Event, Exit, Outcome, RunResult};
    use crate::history::fixture::job;
    use insta::assert_snapshot;

    const WILD: &[u8] = b"\x1b[31mred\x1b[0m\x00\xff\r10%\x1b]0;title\x07\nno newline";

    fn shop() -> Stage {
        let stage = Stage::new();
        let mut run = stage.sandbox.begin("2026-11-23T09:00:00Z", "aaaa00", "test");
        run.plan(&[("test", &[]), ("pack", &["test"]), ("silent", &[])]);
        run.file("test", "stdout.log", "first try\n");
        run.attempt("test", 10, Exit::Code(1));
        run.event(Event::AttemptStarted { job: job("test"), attempt: 2 });
        run.file("test", "stderr.2.log", "oh\n");
        std::fs::write(run.dir.job(&job("test")).path.join("stdout.2.log"), WILD).expect("ours");
        run.settle("test", Outcome::Failed { exit: Exit::Code(1), reason: None, code: None }, &[]);
        run.skip("pack", "test");
        run.ok("silent", 1, &[]);
        run.end(RunResult::Failed { status: 1 });
        stage
    }

    #[test]
    fn logs_are_the_bytes_of_the_last_attempt_each_on_its_stream() {
        let stage = shop();
        assert_eq!(stage.run("Logs latest test"), (WILD.to_vec(), b"oh\n".to_vec(), 0));
        assert_eq!(stage.run("Logs test --stdout"), (WILD.to_vec(), Vec::new(), 0));
        assert_eq!(stage.run("Logs test --stderr"), (b"oh\n".to_vec(), Vec::new(), 0));
        assert_eq!(stage.run("Logs test --attempt 1"), (b"first try\n".to_vec(), Vec::new(), 0));
        assert_eq!(stage.run("Logs silent"), (Vec::new(), Vec::new(), 0));
    }

    #[test]
    fn on_a_terminal_control_characters_are_shown_and_not_obeyed() {
        let mut stage = shop();
        stage.is_terminal = true;
        let (shown, _, _) = stage.run("Logs test --stdout");
        let shown = String::from_utf8(shown).expect("text");
        assert!(shown.starts_with("\x1b[31mred\x1b[0m") && shown.ends_with("no newline"), "{shown:?}");
        assert!(!shown.contains(['\0', '\x07', '\r']) && !shown.contains("\x1b]"), "{shown:?}");
        assert_eq!(stage.run("Logs test --stdout --raw").0, WILD);
    }

    #[test]
    fn a_log_that_is_not_there_is_said_with_a_reason() {
        let stage = shop();
        assert_snapshot!(stage.otto("Logs pack"), @"
        --- stderr
        error[E0803]: `pack` did not run in run `aaaa`
        otto: 1 error. For details: `otto Explain E0803`
        --- exit 2
        ");
        assert_snapshot!(stage.otto("Logs test --attempt 3"), @"
        --- stderr
        error[E0803]: `test` had only 2 attempts in run `aaaa`; there is no attempt 3
        otto: 1 error. For details: `otto Explain E0803`
        --- exit 2
        ");
        let run = crate::name::RunId::new("20261120-120000.000000", 9);
        let mut fresh = stage.sandbox.begin("2026-11-23T10:00:00Z", "bbbb00", "test");
        fresh.plan(&[("test", &[])]);
        fresh.settle("test", Outcome::Fresh { run }, &[]);
        fresh.end(RunResult::Succeeded);
        assert_snapshot!(stage.otto("Logs test"), @"
        --- stderr
        error[E0803]: `test` was up to date in run `bbbb` and did not run
        help: it last ran here: `otto Logs 9000 test`
        otto: 1 error. For details: `otto Explain E0803`
        --- exit 2
        ");
        assert_snapshot!(stage.otto("Logs tset"), @"
        --- stderr
        error[E0803]: run `bbbb` has no task `tset`
        help: did you mean `test`?
        otto: 1 error. For details: `otto Explain E0803`
        --- exit 2
        ");
    }

    #[test]
    fn what_a_task_streamed_is_shown_by_attempt() {
        let stage = Stage::new();
        let mut run = stage.sandbox.begin("2026-11-23T09:00:00Z", "aaaa00", "test");
        run.plan(&[("source", &[]), ("plain", &[])]);
        run.attempt("source", 10, Exit::Code(1));
        run.event(Event::AttemptStarted { job: job("source"), attempt: 2 });
        let dir = run.dir.job(&job("source"));
        std::fs::create_dir_all(&dir.path).expect("ours");
        std::fs::write(dir.failed_stream(1), "half").expect("ours");
        std::fs::write(dir.stream(), WILD).expect("ours");
        run.settle("source", Outcome::Succeeded, &[]);
        run.ok("plain", 1, &[]);
        run.end(RunResult::Succeeded);
        assert_eq!(stage.run("Logs source --stream"), (WILD.to_vec(), Vec::new(), 0));
        assert_eq!(stage.run("Logs source --stream --attempt 1").0, b"half");
        assert_snapshot!(stage.otto("Logs source"), @"
        --- stderr
        `source` wrote only to its stream; `otto Logs aaaa source --stream` shows it
        ");
        assert_snapshot!(stage.otto("Logs plain --stream"), @"
        --- stderr
        error[E0803]: run `aaaa` recorded no stream of `plain`
          = note: only tasks with `streaming` that ran have one
        otto: 1 error. For details: `otto Explain E0803`
        --- exit 2
        ");
        assert_snapshot!(stage.otto("Logs source --stream --attempt 3"), @"
        --- stderr
        error[E0803]: `source` had only 2 attempts in run `aaaa`; there is no attempt 3
        otto: 1 error. For details: `otto Explain E0803`
        --- exit 2
        ");
    }

    #[test]
    fn a_large_log_is_copied_in_pieces() {
        let stage = shop();
        let text = "0123456789abcde\n".repeat(20_000);
        let dir = stage.sandbox.project.run(&crate::history::past::list(&stage.sandbox.project)[0]);
        std::fs::write(dir.job(&job("silent")).path.join("stdout.log"), &text).unwrap_or_else(|_| {
            std::fs::create_dir_all(dir.job(&job("silent")).path).expect("ours");
            std::fs::write(dir.job(&job("silent")).path.join("stdout.log"), &text).expect("ours");
        });
        assert_eq!(stage.run("Logs silent").0, text.as_bytes());
    }
}
