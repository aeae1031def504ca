//! `otto Show`: a run, or one task of it. Reads the run's folder; spawns nothing and writes nothing.

use super::Context;
use super::describe::{self, JobJson, RunJson};
use super::history::{command_line, result_style, when};
use super::pick::{Picked, Records, run_argument};
use crate::diagnostic;
use crate::event::Stream;
use crate::exec::local::GRACE;
use crate::history::passed::{Passed, passed};
use crate::history::past::Standing;
use crate::history::past::disk_bytes;
use crate::state::JobState;
use crate::value::{self, Map, Value};
use crate::view::filter::shown;
use crate::view::style::{self, Paint};
use crate::view::time;
use crate::view::wording::{self, Words, quoted};
use clap::{Arg, ArgMatches, Command};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

pub(super) fn command() -> Command {
    Command::new("Show")
        .arg(run_argument().default_value("latest"))
        .arg(Arg::new("task").value_name("TASK").help("show this task of the run, with its data"))
        .after_help("`otto Show --json` and `otto Show RUN TASK --json` print the same as an object.")
}

pub(super) fn run(context: &mut Context, matches: &ArgMatches) -> i32 {
    let word = matches.get_one::<String>("run").expect("bug: it has a default");
    let records = match Records::open(context) {
        Ok(records) => records,
        Err(code) => return code,
    };
    let picked = match records.read(context, word) {
        Ok(picked) => picked,
        Err(code) => return code,
    };
    let text = match matches.get_one::<String>("task") {
        None if context.is_json => run_json(context, &picked),
        None => run_text(context, &picked),
        Some(task) => {
            let job = match picked.job(context, task) {
                Ok(job) => job,
                Err(code) => return code,
            };
            if context.is_json { job_json(&picked, job) } else { job_text(context, &picked, job) }
        }
    };
    context.print(&text);
    0
}

/// `Show --json`: what `History --json` says, and more.
#[derive(Serialize)]
struct ShownRun {
    #[serde(flatten)]
    run: RunJson,
    folder: String,
    cwd: Option<String>,
    ottofile_hash: Option<String>,
    user: Option<String>,
    host: Option<String>,
    /// Version of otto.
    otto: Option<String>,
    /// Names of the variables in otto's environment.
    environment: Vec<String>,
    warnings: Vec<WarningJson>,
    jobs: Vec<JobJson>,
}

#[derive(Serialize)]
struct WarningJson {
    task: Option<String>,
    message: String,
}

fn run_json(context: &Context, picked: &Picked) -> String {
    let Picked { run, found } = picked;
    let record = run.record.as_ref().ok();
    let warning = |warning: &crate::history::past::Warning| WarningJson {
        task: warning.job.as_ref().map(ToString::to_string),
        message: warning.message.clone(),
    };
    describe::text(&ShownRun {
        run: RunJson::of_run(run, &found.short, disk_bytes(&run.dir), &context.zone),
        folder: run.dir.path.display().to_string(),
        cwd: record.map(|record| record.cwd.to_string()),
        ottofile_hash: record.map(|record| record.ottofile_hash.clone()),
        user: record.map(|record| record.user.clone()),
        host: record.map(|record| record.host.clone()),
        otto: record.map(|record| record.otto.clone()),
        environment: record.map_or_else(Vec::new, |record| record.environment.clone()),
        warnings: run.warnings.iter().map(warning).collect(),
        jobs: run.state.jobs.iter().filter(|job| job.planned.has_body).map(JobJson::from).collect(),
    })
}

/// A name and what it is, indented under a title.
fn fact(text: &mut String, name: &str, value: &str) {
    // A `String` takes everything.
    let _ = writeln!(text, "  {name:<11} {}", shown(value));
}

pub(super) fn words(paint: Paint, picked: &Picked) -> Words {
    let ottofile = match &picked.run.record {
        Ok(record) => record.ottofile.0.file_name().map(|name| name.to_string_lossy().into_owned()),
        Err(_) => None,
    };
    let ottofile = ottofile.unwrap_or_else(|| "ottofile".to_owned());
    Words::new(paint, ottofile, &picked.run.state, GRACE)
}

fn run_text(context: &Context, picked: &Picked) -> String {
    let paint = Paint { is_on: context.colours_stdout };
    let Picked { run, found } = picked;
    let state = &run.state;
    let word = paint.text(result_style(&run.standing), run.standing.word());
    let mut title = vec![format!("run {}", paint.text(style::STRONG, &found.short)), word];
    title.extend(run.took_us().map(time::duration));
    if let Ok(record) = &run.record {
        title.push(command_line(&record.command));
    }
    let mut text = format!("{}\n", title.join(" · "));
    let started = jiff::Timestamp::from_microsecond(run.started_us()).map_or_else(
        |_| "?".to_owned(),
        |time| time.to_zoned_datetime(context.zone.clone()).strftime("%F %T").to_string(),
    );
    fact(&mut text, "started", &format!("{started} ({})", when(run.started_us(), context)));
    match &run.record {
        Ok(record) => {
            fact(&mut text, "ottofile", &record.ottofile.to_string());
            if record.cwd.0 != record.folder() {
                fact(&mut text, "called in", &record.cwd.to_string());
            }
            fact(&mut text, "by", &format!("{} on {}, otto {}", record.user, record.host, record.otto));
            if let Some(origin) = &record.origin {
                fact(&mut text, "repeats", &format!("run {}", origin.short()));
            }
        }
        Err(error) => fact(&mut text, "run.json", &format!("cannot be read: {error}")),
    }
    fact(&mut text, "id", found.id.as_str());
    fact(&mut text, "folder", &run.dir.path.display().to_string());

    let words = words(paint, picked);
    let jobs = || state.jobs.iter().filter(|job| job.planned.has_body);
    if jobs().next().is_some() {
        text.push('\n');
    }
    for job in jobs() {
        text.push_str(&words.finish_line(job, state.stopping));
        if !job.planned.params.is_empty() {
            let _ = writeln!(text, "         with {}", shown(&params(job)));
        }
    }
    if !run.warnings.is_empty() {
        text.push('\n');
        for warning in &run.warnings {
            text.push_str(&words.warning(warning.job.as_ref(), None, &warning.message));
        }
    }
    text.push('\n');
    text.push_str(&match run.standing {
        Standing::Ended(_) => words.summary(state),
        Standing::Running => "still running\n".to_owned(),
        Standing::Crashed => {
            format!(
                "ended without a result: otto was killed, or the machine went down\n{}",
                words.next_command(state)
            )
        }
    });
    text
}

fn params(job: &JobState) -> String {
    let given = job.planned.params.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
    given.collect::<Vec<_>>().join(" ")
}

/// `Show TASK --json`
#[derive(Serialize)]
struct ShownJob {
    run: String,
    #[serde(flatten)]
    job: JobJson,
    folder: String,
    script: Option<String>,
    stdout_log: Option<String>,
    stderr_log: Option<String>,
    /// What a streaming task streamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<String>,
    environment: Vec<String>,
}

fn job_json(picked: &Picked, job: &JobState) -> String {
    let dir = picked.run.job_dir(&job.planned.name);
    let file = |path: PathBuf| path.is_file().then(|| path.display().to_string());
    let log = |stream| file(dir.log(stream, job.attempts.max(1)));
    let mut shown = describe::map(&ShownJob {
        run: picked.run.id.to_string(),
        job: JobJson::from(job),
        folder: dir.path.display().to_string(),
        script: dir.script().map(|path| path.display().to_string()),
        stdout_log: log(Stream::Stdout),
        stderr_log: log(Stream::Stderr),
        stream: file(dir.stream()),
        environment: picked
            .run
            .record
            .as_ref()
            .map_or_else(|_| Vec::new(), |record| record.environment.clone()),
    });
    let data = passed(&picked.run, job);
    let inputs = data.inputs.into_iter().map(|input| (input.job.to_string(), Value::Map(input.values)));
    // By attempt: what failed attempts set, which only those are given who asked for the failure.
    let failed = data.failed.into_iter().map(|(attempt, values)| (attempt.to_string(), Value::Map(values)));
    shown.push(("inputs".to_owned(), Value::Map(inputs.collect())));
    shown.push(("outputs".to_owned(), Value::Map(data.outputs)));
    shown.push(("failed_outputs".to_owned(), Value::Map(failed.collect())));
    value::indented_map(&value::masked_map(&shown))
}

fn job_text(context: &Context, picked: &Picked, job: &JobState) -> String {
    let paint = Paint { is_on: context.colours_stdout };
    let Picked { run, found } = picked;
    let planned = &job.planned;
    let dir = picked.run.job_dir(&planned.name);
    let (word, colour) = wording::status(job);
    let mut title = vec![
        paint.text(style::STRONG, &shown(planned.name.as_str())),
        format!("run {}", found.short),
        paint.text(colour, word),
    ];
    title.extend(job.took_us().map(time::duration));
    title.extend(Some(wording::detail(job, run.state.stopping, GRACE)).filter(|detail| !detail.is_empty()));
    let mut text = format!("{}\n", title.join(" · "));
    let line = job.line.unwrap_or(planned.line);
    if let Ok(record) = &run.record {
        fact(&mut text, "defined in", &format!("{}:{line}", planned.ottofile(&record.ottofile.to_string())));
    }
    if let Some(script) = dir.script() {
        fact(&mut text, "script", &script.display().to_string());
    }
    if !planned.params.is_empty() {
        fact(&mut text, "parameters", &params(job));
    }
    if !planned.needs.is_empty() {
        let needs: Vec<&str> = planned.needs.iter().map(|need| need.as_str()).collect();
        fact(&mut text, "needs", &needs.join(", "));
    }
    if let Some(why) = &job.more().stale {
        fact(&mut text, "stale", why);
    }
    if let Some(ready_us) = job.more().ready_us {
        let ready = match &job.more().up_since {
            Some(run) => format!("up since run {}", run.short()),
            None => format!("ready after {}", time::duration(ready_us)),
        };
        fact(&mut text, "service", &ready);
    }
    if job.attempts > 1 {
        fact(&mut text, "attempts", &job.attempts.to_string());
    }
    for (name, bytes) in [("stdout", job.stdout_bytes), ("stderr", job.stderr_bytes)] {
        if bytes > 0 {
            let option = if name == "stderr" { " --stderr" } else { " --stdout" };
            let task = quoted(planned.name.as_str());
            let read = format!("otto Logs {} {task}{option}", found.short);
            fact(&mut text, name, &format!("{} · {read}", time::size(bytes)));
        }
    }
    let stream = dir.stream();
    if let Ok(metadata) = stream.metadata().as_ref()
        && metadata.len() > 0
    {
        let read = format!("otto Logs {} {} --stream", found.short, quoted(planned.name.as_str()));
        let short = if job.more().is_stream_short { " · all readers stopped before its end" } else { "" };
        fact(&mut text, "stream", &format!("{}{short} · {read}", time::size(metadata.len())));
    }
    if let Ok(record) = &run.record {
        fact(&mut text, "environment", &record.environment.join(" "));
    }
    if !job.more().hints.is_empty() && job.outcome.as_ref().is_none_or(|outcome| !outcome.is_success()) {
        text.push('\n');
        text.push_str(&diagnostic::render_notices(&job.more().hints, context.colours_stdout, context.width));
    }
    let data = passed(&picked.run, job);
    text.push_str(&data_text(&data));
    text
}

fn data_text(data: &Passed) -> String {
    let mut text = String::new();
    let mut part = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            // A `String` takes everything.
            let _ = writeln!(text, "\n{title}");
            for line in lines {
                let _ = writeln!(text, "  {}", describe::in_line(&line));
            }
        }
    };
    let lines = |before: &str, values: &Map| {
        let line =
            |(key, value): &(String, Value)| format!("{before}{key} = {}", value::compact(&value.masked()));
        values.iter().map(line).collect::<Vec<String>>()
    };
    let inputs = data.inputs.iter().flat_map(|input| lines(&format!("{}.", input.job), &input.values));
    part("inputs", inputs.collect());
    part("outputs", lines("", &data.outputs));
    for (attempt, values) in &data.failed {
        let given = data.given.iter().filter(|(known, _)| known == attempt);
        let given: Vec<String> = given.map(|(_, job)| format!("`{}`", shown(job.as_str()))).collect();
        let to = match given.is_empty() {
            true => "not passed on".to_owned(),
            false => format!("passed on to {}", given.join(", ")),
        };
        part(&format!("set by attempt {attempt}, which failed; {to}"), lines("", values));
    }
    part("not readable", data.problems.clone());
    text
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use crate::event::{Event, Exit, FORMAT, PlannedJob, RunResult};
    use crate::history::fixture::{Run, job};
    use insta::assert_snapshot;
    use std::sync::Arc;

    fn shop() -> Stage {
        let stage = Stage::new();
        let mut run = stage.sandbox.begin("2026-11-23T11:58:00Z", "9c2m00", "ci --env prod");
        let planned = |name: &str, line: usize, needs: &[&str], params: &[(&str, &str)]| {
            Arc::new(PlannedJob {
                line,
                needs: needs.iter().copied().map(job).collect(),
                params: params.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
                ..PlannedJob::plain(job(name))
            })
        };
        run.event(Event::RunStarted {
            format: FORMAT,
            run: run.id.clone(),
            slots: 2,
            changed: Vec::new(),
            jobs: vec![
                planned("build", 3, &[], &[("env", "prod"), ("msg", "a 'b'\u{1b}")]),
                planned("test", 9, &["build"], &[]),
                planned("pack", 14, &["test"], &[]),
            ],
        });
        run.file("build", "script.sh", "# Task\nOUTPUT[version]=1\n");
        run.file("build", "stdout.log", "built\n");
        run.outputs("build", r#"{"version": "1.2.3", "size": 12345678901234567890123, "evil": "\u001b[2J"}"#);
        run.ok("build", 8400, &["version", "size", "evil"]);
        run.input("test", "build");
        run.file("test", "output.test.failed-1.json", r#"{"report": [1.10]}"#);
        run.file("test", "stderr.log", "boom\n");
        run.event(Event::Warning { job: Some(job("test")), code: None, message: "mind the gap".into() });
        run.fail("test", 14, 3);
        run.skip("pack", "test");
        run.end(RunResult::Failed { status: 3 });
        stage
    }

    #[test]
    fn a_run_is_shown_with_its_tasks_and_what_it_came_to() {
        assert_snapshot!(shop().otto("Show"), @r#"
        run 9c2m · FAIL · 8.4s · otto ci --env prod
          started     2026-11-23 12:58:00 (2 min ago)
          ottofile    /sandbox/shop/otto.yml
          by          ada on engine, otto 0.1.0
          id          20261123-115800.000000-9c2m00
          folder      /sandbox/home/shop-HASH/20261123-115800.000000-9c2m00

             ok  build     8.4s  set version, size, evil
                 with env=prod msg='a '\''b'\''\x1b'
           FAIL  test      0.0s  exit 3
           skip  pack            needs test

        warning: test: mind the gap

        3 tasks in 8.4s: 1 ok, 1 failed, 1 skipped
        rerun failed and skipped:  otto Rerun 9c2m
        "#);
    }

    #[test]
    fn a_task_is_shown_with_what_it_saw_and_set() {
        let stage = shop();
        assert_snapshot!(stage.otto("Show 9c2m build"), @r#"
        build · run 9c2m · ok · 8.4s · set version, size, evil
          defined in  /sandbox/shop/otto.yml:3
          script      /sandbox/home/shop-HASH/20261123-115800.000000-9c2m00/tasks/build/script.sh
          parameters  env=prod msg='a '\''b'\''\x1b'
          stdout      6 B · otto Logs 9c2m build --stdout
          environment HOME PATH

        outputs
          version = "1.2.3"
          size = 12345678901234567890123
          evil = "\u001b[2J"
        "#);
        assert_snapshot!(stage.otto("Show latest test"), @r#"
        test · run 9c2m · FAIL · 0.0s · exit 3
          defined in  /sandbox/shop/otto.yml:9
          needs       build
          stderr      5 B · otto Logs 9c2m test --stderr
          environment HOME PATH

        inputs
          build.version = "1.2.3"
          build.size = 12345678901234567890123
          build.evil = "\u001b[2J"

        set by attempt 1, which failed; not passed on
          report = [1.10]
        "#);
    }

    #[test]
    fn runs_that_are_not_over_and_records_that_are_damaged_are_shown_as_far_as_they_go() {
        let stage = Stage::new();
        let mut run: Run = stage.sandbox.begin("2026-11-23T11:58:00Z", "9c2m00", "ci");
        run.plan(&[("build", &[]), ("test", &["build"])]);
        run.ok("build", 10, &[]);
        run.attempt("test", 5, Exit::Code(0));
        assert_snapshot!(stage.otto("Show").lines().last().expect("lines"), @"still running");
        std::fs::write(run.dir.record(), "{").expect("ours");
        drop(run);
        assert_snapshot!(stage.otto("Show"), @"
        run 9c2m · ?
          started     2026-11-23 12:58:00 (2 min ago)
          run.json    cannot be read: EOF while parsing an object at line 1 column 1
          id          20261123-115800.000000-9c2m00
          folder      /sandbox/home/shop-HASH/20261123-115800.000000-9c2m00

             ok  build     0.0s
              ?  test      0.0s

        ended without a result: otto was killed, or the machine went down
        resume:  otto Rerun 9c2m
        ");
    }

    #[test]
    fn what_is_not_there_is_said_with_what_is() {
        let stage = shop();
        assert_snapshot!(stage.otto("Show zzz"), @"
        --- stderr
        error[E0801]: unknown run `zzz`
        help: `otto History` lists the runs; `latest`, `latest-failed` and `-1` also work
        otto: 1 error. For details: `otto Explain E0801`
        --- exit 2
        ");
        assert_snapshot!(stage.otto("Show -2"), @"
        --- stderr
        error[E0801]: unknown run `-2`: only 1 is recorded
        help: `otto History` lists them
        otto: 1 error. For details: `otto Explain E0801`
        --- exit 2
        ");
        assert_snapshot!(stage.otto("Show latest bild"), @"
        --- stderr
        error[E0803]: run `9c2m` has no task `bild`
        help: did you mean `build`?
        otto: 1 error. For details: `otto Explain E0803`
        --- exit 2
        ");
        assert_snapshot!(Stage::new().otto("Show"), @"
        --- stderr
        error[E0801]: unknown run `latest`: no runs are recorded yet
        otto: 1 error. For details: `otto Explain E0801`
        --- exit 2
        ");
        stage.sandbox.good("2026-11-23T11:59:00Z", "9c3300", &["deploy:a", "deploy:b"]);
        assert_snapshot!(stage.otto("Show 9c"), @"
        --- stderr
        error[E0802]: `9c` matches 2 runs
        help: newest first: `9c3300`, `9c2m00`
        otto: 1 error. For details: `otto Explain E0802`
        --- exit 2
        ");
        assert_snapshot!(stage.otto("Show latest deploy"), @"
        --- stderr
        error[E0803]: `deploy` had 2 jobs in run `9c33`; name one of them
        help: its jobs are `deploy:a`, `deploy:b`
        otto: 1 error. For details: `otto Explain E0803`
        --- exit 2
        ");
    }

    #[test]
    fn json_says_the_same_with_the_digits_of_numbers() {
        let mut stage = shop();
        stage.is_json = true;
        let run: serde_json::Value = serde_json::from_str(&stage.otto("Show")).expect("JSON");
        assert_eq!(run["jobs"][1]["code"], 3);
        assert_eq!(run["jobs"][2]["reason"], "needs test");
        assert_eq!(run["warnings"][0]["message"], "mind the gap");
        assert_eq!(run["short"], "9c2m");
        assert_snapshot!(stage.otto("Show latest build"), @r#"
        {
          "run": "20261123-115800.000000-9c2m00",
          "name": "build",
          "task": "build",
          "outcome": "succeeded",
          "exit": "code",
          "code": 0,
          "signal": null,
          "reason": null,
          "attempts": 1,
          "started_ms": 0,
          "took_ms": 8400,
          "needs": [],
          "params": {
            "env": "prod",
            "msg": "a 'b'\u001b"
          },
          "keys": [
            "version",
            "size",
            "evil"
          ],
          "stdout_bytes": 6,
          "stderr_bytes": 0,
          "stream_bytes": 0,
          "line": 3,
          "fresh_since": null,
          "stale": null,
          "hints": [],
          "folder": "/sandbox/home/shop-HASH/20261123-115800.000000-9c2m00/tasks/build",
          "script": "/sandbox/home/shop-HASH/20261123-115800.000000-9c2m00/tasks/build/script.sh",
          "stdout_log": "/sandbox/home/shop-HASH/20261123-115800.000000-9c2m00/tasks/build/stdout.log",
          "stderr_log": null,
          "environment": [
            "HOME",
            "PATH"
          ],
          "inputs": {},
          "outputs": {
            "version": "1.2.3",
            "size": 12345678901234567890123,
            "evil": "\u001b[2J"
          },
          "failed_outputs": {}
        }
        "#);
        let test: serde_json::Value = serde_json::from_str(&stage.otto("Show latest test")).expect("JSON");
        assert_eq!(test["inputs"]["build"]["version"], "1.2.3");
        assert_eq!(test["failed_outputs"]["1"]["report"][0], 1.1);
    }

    #[test]
    fn showing_writes_nothing() {
        let stage = shop();
        let files = || {
            let mut files: Vec<_> = walkdir::WalkDir::new(&stage.sandbox.home.root)
                .into_iter()
                .map(|entry| entry.expect("read"))
                .map(|entry| {
                    (entry.path().to_owned(), entry.metadata().expect("there").modified().expect("known"))
                })
                .collect();
            files.sort();
            files
        };
        let before = files();
        stage.otto("Show");
        stage.otto("Show latest build");
        stage.otto("Data");
        stage.otto("Logs build");
        assert_eq!(files(), before);
    }
}
