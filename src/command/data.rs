//! `otto Data`: the values that passed between the tasks of a run, what differs between two runs, and where a value came
//! from. Reads the files in the runs' folders; the index is not asked.

mod contract;
mod diff;
mod why;

use super::Context;
use super::describe;
use super::pick::{Picked, Records};
use crate::diagnostic::{Code, Diagnostic};
use crate::history::passed::{given, passed};
use crate::name::{JobName, similar};
use crate::state::JobState;
use crate::store::outputs;
use crate::value::{self, Map, Value};
use crate::view::filter::{filtered, shown};
use crate::view::style::{self, Paint};
use crate::view::table::cut;
use crate::view::time;
use crate::view::wording::quoted;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::borrow::Cow;
use unicode_width::UnicodeWidthStr;

pub(super) fn command() -> Command {
    Command::new("Data")
        .override_usage(
            "otto Data [RUN] [TASK[.KEY]]\n       otto Data diff RUN RUN\n       otto Data why [RUN] TASK.KEY\n       otto Data contract [RUN] TASK",
        )
        .arg(
            Arg::new("words")
                .value_name("RUN|TASK.KEY")
                .num_args(0..=3)
                .action(ArgAction::Append)
                .allow_negative_numbers(true)
                .help("a run (default: the latest), a task, or a value of a task; or `diff` and two runs; or `why` and a value; or `contract` and a task"),
        )
        .after_help(
            "`otto Data` shows all values of the latest run, `otto Data build` the values of one task, and\n\
             `otto Data build.version` prints one value unchanged, for scripts. With `--json` everything is printed as JSON;\n\
             numbers keep all their digits. `otto Data contract build` prints an `outputs` block that fits what `build` set so far.",
        )
}

pub(super) fn run(context: &mut Context, matches: &ArgMatches) -> i32 {
    let words: Vec<&String> = matches.get_many("words").into_iter().flatten().collect();
    let words: Vec<&str> = words.iter().map(|word| word.as_str()).collect();
    let records = match Records::open(context) {
        Ok(records) => records,
        Err(code) => return code,
    };
    let answer = match words[..] {
        ["diff", from, to] => diff::run(context, &records, from, to),
        ["diff", ..] => return context.refuse(&[usage("`otto Data diff` takes two runs")]),
        ["why", what] => why::run(context, &records, "latest", what),
        ["why", run, what] => why::run(context, &records, run, what),
        ["why", ..] => return context.refuse(&[usage("`otto Data why` takes a value: `TASK.KEY`")]),
        ["contract", task] => contract::run(context, &records, None, task),
        ["contract", run, task] => contract::run(context, &records, Some(run), task),
        ["contract", ..] => return context.refuse(&[usage("`otto Data contract` takes a task")]),
        [] => records.read(context, "latest").and_then(|picked| look(context, &picked, None)),
        [one] => look_at_one(context, &records, one),
        [run, what] => records.read(context, run).and_then(|picked| look(context, &picked, Some(what))),
        _ => return context.refuse(&[usage("`otto Data` takes at most a run and a task")]),
    };
    match answer {
        Ok(()) => 0,
        Err(code) => code,
    }
}

fn usage(message: &str) -> Diagnostic {
    Diagnostic::error(Code::UnexpectedWord, message).help("see `otto Data --help`")
}

/// One word is a task of the latest run, or a value of it, else a run.
fn look_at_one(context: &mut Context, records: &Records, word: &str) -> Result<(), i32> {
    // Looked at without a message: without any run the word cannot be a task.
    let latest = crate::history::find::find(
        &crate::history::find::Selector::Latest,
        &records.projects(false),
        Vec::new,
    );
    if let Ok(latest) = latest {
        let picked = records.read_found(context, latest)?;
        if meaning(&picked, word).is_some() {
            return look(context, &picked, Some(word));
        }
        let is_run = crate::history::find::find(
            &crate::history::find::Selector::parse(word),
            &records.projects(false),
            || records.projects(true),
        );
        // Nothing is called so: most likely a task was meant.
        if is_run.is_err() && !word.starts_with('-') {
            return look(context, &picked, Some(word));
        }
    }
    let picked = records.read(context, word)?;
    look(context, &picked, None)
}

/// What a word means in a run.
enum Meaning<'a> {
    Jobs(Vec<&'a JobState>),
    /// A key, or a path into a value.
    Value(&'a JobState, &'a str),
}

/// `None`: the run has no task of that name.
fn meaning<'a>(picked: &'a Picked, word: &'a str) -> Option<Meaning<'a>> {
    let jobs = picked.jobs_named(word);
    if !jobs.is_empty() {
        return Some(Meaning::Jobs(jobs));
    }
    // Names of tasks may have dots in them; the longest one that is there is meant.
    let dots: Vec<usize> = word.match_indices('.').map(|(place, _)| place).collect();
    dots.into_iter().rev().find_map(|dot| {
        let mut jobs = picked.run.state.jobs.iter();
        let job = jobs.find(|job| job.planned.has_body && job.planned.name.as_str() == &word[..dot])?;
        Some(Meaning::Value(job, &word[dot + 1..]))
    })
}

fn look(context: &mut Context, picked: &Picked, what: Option<&str>) -> Result<(), i32> {
    let meant = match what {
        None => {
            let bodies = picked.run.state.jobs.iter().filter(|job| job.planned.has_body);
            Meaning::Jobs(bodies.collect())
        }
        Some(word) => match meaning(picked, word) {
            Some(meant) => meant,
            None => return Err(context.refuse(&[picked.no_job(word.split('.').next().unwrap_or(word))])),
        },
    };
    match meant {
        Meaning::Jobs(jobs) => {
            let is_one = what.is_some() && jobs.len() == 1;
            show_jobs(context, picked, &jobs, is_one)
        }
        Meaning::Value(job, key) => show_value(context, picked, job, key),
    }
}

/// What a job handed on: its outputs, or what a failed attempt set and a task that asked for the failure was given.
/// Trouble is told, and the job handed on nothing then.
fn outputs_of(context: &mut Context, picked: &Picked, job: &JobState) -> Map {
    let dir = picked.run.job_dir(&job.planned.name);
    let given = given(&picked.run, job);
    let outputs = match given.is_empty() {
        true => outputs::read(&dir),
        false => outputs::read_recorded(&dir),
    };
    match outputs {
        Ok(outputs) => outputs.values,
        Err(error) => {
            // If stderr is closed, there is nobody to tell.
            let _ = writeln!(context.stderr, "warning: {}", shown(&error.to_string()));
            Map::new()
        }
    }
}

/// How many streams are listed by name.
const MOST_STREAMS: usize = 5;

fn show_jobs(context: &mut Context, picked: &Picked, jobs: &[&JobState], is_one: bool) -> Result<(), i32> {
    let mut found: Vec<(&JobName, Map)> = Vec::new();
    for job in jobs {
        let name = &job.planned.name;
        let values = outputs_of(context, picked, job);
        if !values.is_empty() {
            found.push((name, values));
        }
    }
    if context.is_json {
        let json = match (is_one, found.first()) {
            (true, Some((_, values))) => value::indented_map(&value::masked_map(values)),
            (true, None) => "{}\n".to_owned(),
            (false, _) => {
                let all: Map =
                    found.into_iter().map(|(name, values)| (name.to_string(), Value::Map(values))).collect();
                value::indented_map(&value::masked_map(&all))
            }
        };
        context.print(&json);
        return Ok(());
    }
    let width = context.stdout_is_terminal.then_some(context.width);
    let paint = Paint { is_on: context.colours_stdout };
    let mut text = String::new();
    for (name, values) in &found {
        for (key, value) in values {
            let name = filtered(format!("{name}.{key}").as_bytes());
            let value = shown(&value::compact(&value.masked())).into_owned();
            // A long value in full: `otto Data RUN TASK.KEY`.
            let room = width.map(|width| width.saturating_sub(name.width() + 3).max(20));
            let value = room.map_or(value.clone(), |room| cut(&value, room));
            text.push_str(&format!("{} = {value}\n", paint.text(style::STRONG, &name)));
        }
    }
    context.print(&text);
    if found.is_empty() {
        let what = match jobs {
            [one] if is_one => format!("`{}` set no values", shown(one.planned.name.as_str())),
            _ => "no values".to_owned(),
        };
        let _ = writeln!(context.stderr, "{what} in run {}", picked.found.short);
    }
    tell_streams(context, picked, jobs);
    Ok(())
}

/// What was streamed is no value, and passed all the same.
fn tell_streams(context: &mut Context, picked: &Picked, jobs: &[&JobState]) {
    let streamed = |job: &&JobState| {
        let name = &job.planned.name;
        let length = picked.run.job_dir(name).stream().metadata().map_or(0, |metadata| metadata.len());
        (length > 0)
            .then(|| (quoted(name.as_str()), format!("`{}` {}", shown(name.as_str()), time::size(length))))
    };
    let streams: Vec<(String, String)> = jobs.iter().filter_map(streamed).collect();
    let (Some((first, _)), short) = (streams.first(), &picked.found.short) else { return };
    let named: Vec<&str> = streams.iter().take(MOST_STREAMS).map(|(_, named)| named.as_str()).collect();
    let more = if streams.len() > MOST_STREAMS { ", …" } else { "" };
    // If stderr is closed, there is nobody to tell.
    let _ =
        writeln!(context.stderr, "streamed: {}{more} · otto Logs {short} {first} --stream", named.join(", "));
}

/// A value as it is: a string without quotes, its bytes unchanged where no terminal would read them.
fn show_value(context: &mut Context, picked: &Picked, job: &JobState, key: &str) -> Result<(), i32> {
    let values = outputs_of(context, picked, job);
    let Some(value) = value::lookup(&values, key) else {
        return Err(context.refuse(&[not_set(picked, job, &values, key)]));
    };
    let value = value.masked();
    if context.is_json {
        context.print(&format!("{}\n", value::indented(&value).trim_end()));
        return Ok(());
    }
    let bytes: Cow<'_, [u8]> = match value.as_bytes() {
        Some(bytes) => bytes,
        None => value::compact(&value).into_bytes().into(),
    };
    let bytes = if context.stdout_is_terminal { filtered(&bytes).into_bytes().into() } else { bytes };
    // A reader that has gone away ends quietly.
    let _ = context.stdout.write_all(&bytes).and_then(|()| context.stdout.write_all(b"\n"));
    let _ = context.stdout.flush();
    Ok(())
}

fn not_set(picked: &Picked, job: &JobState, values: &Map, key: &str) -> Diagnostic {
    let (name, short) = (&job.planned.name, &picked.found.short);
    let failed = passed(&picked.run, job).failed;
    if let Some((attempt, _)) = failed.iter().rfind(|(_, values)| value::lookup(values, key).is_some()) {
        let message = format!("`{name}` did not pass on `{key}` in run `{short}`");
        return Diagnostic::error(Code::NotSet, message)
            .note(format!("attempt {attempt} set it but failed, so no task received it"))
            .help(format!("`otto Show {short} {}` shows what it set", quoted(name.as_str())));
    }
    let diagnostic =
        Diagnostic::error(Code::NotSet, format!("`{name}` did not set `{key}` in run `{short}`"));
    let keys: Vec<&str> = values.iter().map(|(key, _)| key.as_str()).collect();
    match similar(key, keys.iter().copied(), 3)[..] {
        [] if keys.is_empty() => diagnostic.note("it passed on no values"),
        [] => {
            let named: Vec<String> = keys.iter().take(10).map(|key| format!("`{key}`")).collect();
            let more = if keys.len() > 10 { ", …" } else { "" };
            diagnostic.note(format!("it set {}{more}", named.join(", ")))
        }
        ref near => diagnostic.did_you_mean(near),
    }
}

/// A value in one line.
fn in_line(value: &Value) -> String {
    describe::in_line(&value::compact(&value.masked()))
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use crate::event::{Event, FORMAT, Outcome, PlannedJob, RunResult};
    use crate::history::fixture::job;
    use crate::name::RunId;
    use insta::assert_snapshot;
    use std::os::unix::fs::symlink;
    use std::sync::Arc;

    /// fetch → build → deploy:a, deploy:b; `tag` is what fetch set.
    fn ship(stage: &Stage, at: &str, tail: &str, tag: &str) -> RunId {
        let mut run = stage.sandbox.begin(at, tail, "deploy");
        let planned = |name: &str, needs: &[&str], params: &[(&str, &str)]| {
            Arc::new(PlannedJob {
                task: job(name.split(':').next().expect("a task")),
                line: 3,
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
                planned("fetch", &[], &[]),
                planned("build.x", &["fetch"], &[("env", "prod")]),
                planned("deploy:a", &["build.x"], &[]),
                planned("deploy:b", &["build.x"], &[]),
            ],
        });
        run.file(
            "fetch",
            "script.sh",
            &format!("# OUTPUT[tag] is a comment\nOUTPUT[other]=1\nOUTPUT[tag]=first\nOUTPUT[tag]={tag}\n"),
        );
        run.outputs("fetch", &format!(r#"{{"tag": "{tag}", "other": 1}}"#));
        run.ok("fetch", 10, &["tag", "other"]);
        run.input("build.x", "fetch");
        run.file(
            "build.x",
            "script.sh",
            "set -e\n  OUTPUT[version]=\"1.2-${INPUT[fetch.tag]}\"\notto.set --json meta '{}'\n",
        );
        run.outputs(
            "build.x",
            &format!(r#"{{"version": "1.2-{tag}", "meta": {{"size": 1.10, "files": ["a", "b"]}}, "odd": "x\u001b[2J\ny"}}"#),
        );
        run.ok("build.x", 10, &["version", "meta", "odd"]);
        for name in ["deploy:a", "deploy:b"] {
            run.input(name, "build.x");
            run.file(
                name,
                "script.py",
                "# x\nOUTPUT[\"url\"] = 'https://' + INPUT[\"build.x\"][\"version\"]\n",
            );
            run.outputs(name, &format!(r#"{{"url": "https://1.2-{tag}"}}"#));
            run.ok(name, 10, &["url"]);
        }
        run.end(RunResult::Succeeded)
    }

    fn shop() -> Stage {
        let stage = Stage::new();
        ship(&stage, "2026-11-23T09:00:00Z", "aaaa00", "v1");
        stage
    }

    #[test]
    fn the_values_of_a_run_of_a_task_or_one_value_are_shown() {
        let stage = shop();
        assert_snapshot!(stage.otto("Data"), @r#"
        fetch.tag = "v1"
        fetch.other = 1
        build.x.version = "1.2-v1"
        build.x.meta = {"size":1.10,"files":["a","b"]}
        build.x.odd = "x\u001b[2J\ny"
        deploy:a.url = "https://1.2-v1"
        deploy:b.url = "https://1.2-v1"
        "#);
        assert_snapshot!(stage.otto("Data deploy"), @r#"
        deploy:a.url = "https://1.2-v1"
        deploy:b.url = "https://1.2-v1"
        "#);
        assert_snapshot!(stage.otto("Data aaaa fetch"), @r#"
        fetch.tag = "v1"
        fetch.other = 1
        "#);
        assert_snapshot!(stage.otto("Data build.x.version"), @"1.2-v1");
        assert_snapshot!(stage.otto("Data latest build.x.meta"), @r#"{"size":1.10,"files":["a","b"]}"#);
        assert_snapshot!(stage.otto("Data -1 build.x.meta.files.1"), @"b");
    }

    #[test]
    fn a_value_is_its_bytes_except_on_a_terminal() {
        let mut stage = shop();
        assert_eq!(stage.run("Data build.x.odd").0, b"x\x1b[2J\ny\n");
        stage.is_terminal = true;
        assert_eq!(stage.run("Data build.x.odd").0, b"x\\x1b[2J\ny\n");
    }

    #[test]
    fn what_was_streamed_is_named_beside_the_values() {
        let mut stage = Stage::new();
        let mut run = stage.sandbox.begin("2026-11-23T09:00:00Z", "aaaa00", "all");
        let names = ["logs", "count", "b", "c", "d", "e", "f"];
        run.plan(&names.map(|name| (name, &[][..])));
        for name in names {
            run.file(name, "script.sh", "");
            let text = if name == "count" { "" } else { "streamed" };
            std::fs::write(run.dir.job(&job(name)).stream(), text).expect("ours");
            run.ok(name, 1, &[]);
        }
        run.outputs("count", r#"{"n": 1}"#);
        run.end(RunResult::Succeeded);
        assert_snapshot!(stage.otto("Data"), @"
        count.n = 1
        --- stderr
        streamed: `logs` 8 B, `b` 8 B, `c` 8 B, `d` 8 B, `e` 8 B, … · otto Logs aaaa logs --stream
        ");
        assert_snapshot!(stage.otto("Data logs"), @"
        --- stderr
        `logs` set no values in run aaaa
        streamed: `logs` 8 B · otto Logs aaaa logs --stream
        ");
        assert_snapshot!(stage.otto("Data count"), @"count.n = 1");
        stage.is_json = true;
        assert_snapshot!(stage.otto("Data logs"), @"{}");
    }

    #[test]
    fn data_as_json_keeps_digits_and_order() {
        let mut stage = shop();
        stage.is_json = true;
        assert_snapshot!(stage.otto("Data latest build.x"), @r#"
        {
          "version": "1.2-v1",
          "meta": {
            "size": 1.10,
            "files": [
              "a",
              "b"
            ]
          },
          "odd": "x\u001b[2J\ny"
        }
        "#);
        assert_snapshot!(stage.otto("Data build.x.meta"), @r#"
        {
          "size": 1.10,
          "files": [
            "a",
            "b"
          ]
        }
        "#);
        assert_snapshot!(stage.otto("Data deploy:a.url"), @r#""https://1.2-v1""#);
        let all: serde_json::Value = serde_json::from_str(&stage.otto("Data")).expect("JSON");
        assert_eq!(all["deploy:b"]["url"], "https://1.2-v1");
    }

    #[test]
    fn what_was_not_set_is_said_with_what_was() {
        let stage = shop();
        assert_snapshot!(stage.otto("Data build.x.verison"), @"
        --- stderr
        error[E0804]: `build.x` did not set `verison` in run `aaaa`
        help: did you mean `version`?
        otto: 1 error. For details: `otto Explain E0804`
        --- exit 2
        ");
        assert_snapshot!(stage.otto("Data latest fetch.zzz"), @"
        --- stderr
        error[E0804]: `fetch` did not set `zzz` in run `aaaa`
          = note: it set `tag`, `other`
        otto: 1 error. For details: `otto Explain E0804`
        --- exit 2
        ");
        assert_snapshot!(stage.otto("Data latest fetsch.tag"), @"
        --- stderr
        error[E0803]: run `aaaa` has no task `fetsch`
        help: did you mean `fetch`?
        otto: 1 error. For details: `otto Explain E0803`
        --- exit 2
        ");
        assert_snapshot!(stage.otto("Data zzzz"), @"
        --- stderr
        error[E0803]: run `aaaa` has no task `zzzz`
          = note: its tasks are `fetch`, `build.x`, `deploy:a`, `deploy:b`
        otto: 1 error. For details: `otto Explain E0803`
        --- exit 2
        ");
        assert_snapshot!(stage.otto("Data diff latest"), @"
        --- stderr
        error[E0005]: `otto Data diff` takes two runs
        help: see `otto Data --help`
        otto: 1 error. For details: `otto Explain E0005`
        --- exit 2
        ");
        assert_snapshot!(stage.otto("Data why fetch"), @"
        --- stderr
        error[E0005]: `fetch` is a task, not a value
        help: give a key: `otto Data why fetch.KEY`
        otto: 1 error. For details: `otto Explain E0005`
        --- exit 2
        ");
        assert_snapshot!(Stage::new().otto("Data build"), @"
        --- stderr
        error[E0801]: unknown run `build`: no runs are recorded yet
        otto: 1 error. For details: `otto Explain E0801`
        --- exit 2
        ");
    }

    #[test]
    fn a_diff_shows_what_differs_and_where_first() {
        let mut stage = shop();
        let mut run = stage.sandbox.begin("2026-11-23T10:00:00Z", "bbbb00", "deploy");
        run.plan(&[("fetch", &[]), ("notes", &[]), ("build.x", &["fetch"])]);
        run.outputs("fetch", r#"{"tag": "v2", "other": 1}"#);
        run.ok("fetch", 1, &["tag"]);
        run.outputs("notes", r#"{"text": "new"}"#);
        run.ok("notes", 1, &["text"]);
        run.outputs("build.x", r#"{"version": "1.2-v1", "meta": {"size": 1.1, "files": ["a", "b"]}}"#);
        run.ok("build.x", 1, &["version"]);
        run.end(RunResult::Succeeded);
        assert_snapshot!(stage.otto("Data diff -2 -1"), @r#"
        fetch.tag
            aaaa  "v1"
            bbbb  "v2"
        build.x.meta
            aaaa  {"size":1.10,"files":["a","b"]}
            bbbb  {"size":1.1,"files":["a","b"]}
        build.x.odd
            aaaa  "x\u001b[2J\ny"
            bbbb  not set
        deploy:a.url
            aaaa  "https://1.2-v1"
            bbbb  not set
        deploy:b.url
            aaaa  "https://1.2-v1"
            bbbb  not set
        notes.text
            aaaa  not set
            bbbb  "new"
        --- stderr
        aaaa → bbbb: 6 of 8 values differ, first in fetch
        "#);
        assert_snapshot!(stage.otto("Data diff aaaa aaaa"), @"
        --- stderr
        aaaa → aaaa: identical, 7 values
        ");
        stage.is_json = true;
        let json: serde_json::Value = serde_json::from_str(&stage.otto("Data diff -2 -1")).expect("JSON");
        assert_eq!(json[0], serde_json::json!({"task": "fetch", "key": "tag", "from": "v1", "to": "v2"}));
    }

    #[test]
    fn why_leads_back_to_the_roots() {
        let stage = shop();
        assert_snapshot!(stage.otto("Data why deploy:b.url"), @r#"
        deploy:b.url = "https://1.2-v1"
          set by deploy:b, script.py:2  OUTPUT["url"] = 'https://' + INPUT["build.x"]["version"]
          build.x.version = "1.2-v1"
            set by build.x, script.sh:2  OUTPUT[version]="1.2-${INPUT[fetch.tag]}"
            with env=prod
            fetch.tag = "v1"
              set by fetch, script.sh:4  OUTPUT[tag]=v1
              from no other task
        "#);
        assert_snapshot!(stage.otto("Data why latest build.x.meta.size"), @r#"
        build.x.meta = {"size":1.10,"files":["a","b"]}
          set by build.x, script.sh:3  otto.set --json meta '{}'
          with env=prod
          fetch.tag = "v1"
            set by fetch, script.sh:4  OUTPUT[tag]=v1
            from no other task
        "#);
    }

    #[test]
    fn why_follows_fresh_tasks_and_reruns_into_earlier_runs() {
        let mut stage = shop();
        let origin = ship(&stage, "2026-11-23T09:30:00Z", "bbbb00", "v2");
        let mut run = stage.sandbox.begin("2026-11-23T10:00:00Z", "cccc00", "build.x");
        run.plan(&[("build.x", &[]), ("pack", &["build.x"])]);
        run.outputs("build.x", r#"{"version": "1.2-v2"}"#);
        run.settle("build.x", Outcome::Fresh { run: origin.clone() }, &["version"]);
        run.input("pack", "build.x");
        run.file("pack", "script.sh", "OUTPUT[tar]=x-${INPUT[$name]}-$OTTO_INPUT_FETCH_TAG\n");
        let target = format!("../../../{origin}/tasks/fetch/output.fetch.json");
        symlink(target, run.dir.job(&job("pack")).input(&job("fetch"))).expect("ours");
        run.outputs("pack", r#"{"tar": "x-1.2-v2-v2"}"#);
        run.ok("pack", 1, &["tar"]);
        run.end(RunResult::Succeeded);
        assert_snapshot!(stage.otto("Data why pack.tar"), @r#"
        pack.tar = "x-1.2-v2-v2"
          set by pack, script.sh:1  OUTPUT[tar]=x-${INPUT[$name]}-$OTTO_INPUT_FETCH_TAG
          fetch.tag = "v2"
            set by fetch in run bbbb, script.sh:4  OUTPUT[tag]=v2
            from no other task
        "#);
        assert_snapshot!(stage.otto("Data why build.x.version"), @r#"
        build.x.version = "1.2-v2"
          set by build.x in run bbbb, script.sh:2  OUTPUT[version]="1.2-${INPUT[fetch.tag]}"
          with env=prod
          fetch.tag = "v2"
            set by fetch in run bbbb, script.sh:4  OUTPUT[tag]=v2
            from no other task
        "#);
        // What an earlier run knew may be gone; what was handed on is still told.
        std::fs::remove_dir_all(stage.sandbox.project.run(&origin).path).expect("ours");
        assert_snapshot!(stage.otto("Data why build.x.version"), @r#"
        build.x.version = "1.2-v2"
          set by build.x
        "#);
        stage.is_json = true;
        let json: serde_json::Value =
            serde_json::from_str(&stage.otto("Data why aaaa deploy:a.url")).expect("JSON");
        assert_eq!(
            (&json[2]["task"], &json[2]["depth"], &json[2]["line"]),
            (&"fetch".into(), &2.into(), &4.into())
        );
    }

    #[test]
    fn why_names_all_lines_that_may_have_set_a_value_and_no_others() {
        let mut stage = Stage::new();
        let mut run = stage.sandbox.begin("2026-11-23T10:00:00Z", "cccc00", "b");
        run.plan(&[("a", &[]), ("b", &["a"]), ("n", &[]), ("c", &["n"])]);
        let lines: String = (1..=7).map(|n| format!("[ $n = {n} ] || OUTPUT[many]=${n}\n")).collect();
        let script = "if test -e x; then\n  OUTPUT[way]=$x\nelse\n  OUTPUT[way]=that\nfi\nput by_hand 1\notto.set mode unseen\n\
                      OUTPUT+=([added]=1)\n\
                      OUTPUT[sure]=yes; OUTPUT[sure]=\"no\"\nOUTPUT[sure]=maybe\n";
        run.file("a", "script.sh", &format!("{script}{lines}"));
        run.outputs(
            "a",
            r#"{"way": "this", "sure": "no", "by_hand": "1", "added": "1", "many": "3", "unseen": "x"}"#,
        );
        run.ok("a", 1, &["way", "sure", "by_hand", "added", "many", "unseen"]);
        run.input("b", "a");
        run.file("b", "script.sh", "jq .way < $OTTO_TASK_DIR/input.a.json; OUTPUT[k]=1\n");
        run.outputs("b", r#"{"k": "1"}"#);
        run.ok("b", 1, &["k"]);
        // Names that are the beginnings of others.
        run.file("n", "script.sh", "OUTPUT[v]=1 OUTPUT[v.w]=2 OUTPUT[ve]=3 OUTPUT[m]={}\n");
        run.outputs("n", r#"{"v": "1", "v.w": "2", "ve": "3", "m": {"k": 1}}"#);
        run.ok("n", 1, &["v", "v.w", "ve", "m"]);
        run.input("c", "n");
        run.file("c", "script.sh", "OUTPUT[k]=${INPUT[n.v.w]}${INPUT[n.m.k]}${INPUT[xn.v]}${INPUT[n.ve-]}\n");
        run.outputs("c", r#"{"k": "1"}"#);
        run.ok("c", 1, &["k"]);
        run.end(RunResult::Succeeded);
        assert_snapshot!(stage.otto("Data why b.k"), @r#"
        b.k = "1"
          set by b, script.sh:1  jq .way < $OTTO_TASK_DIR/input.a.json; OUTPUT[k]=1
          a.way = "this"
            set by a, script.sh:2  OUTPUT[way]=$x
            from no other task
          a.sure = "no"
            set by a, script.sh:9  OUTPUT[sure]=yes; OUTPUT[sure]="no"
            from no other task
          a.by_hand = "1"
            set by a, likely script.sh:6  put by_hand 1
            from no other task
          a.added = "1"
            set by a, script.sh:8  OUTPUT+=([added]=1)
            from no other task
          a.many = "3"
            set by a, on one of these lines
              script.sh:13  [ $n = 3 ] || OUTPUT[many]=$3
              script.sh:14  [ $n = 4 ] || OUTPUT[many]=$4
              script.sh:15  [ $n = 5 ] || OUTPUT[many]=$5
              script.sh:16  [ $n = 6 ] || OUTPUT[many]=$6
              script.sh:17  [ $n = 7 ] || OUTPUT[many]=$7
              … or on one of 2 earlier lines
            from no other task
          a.unseen = "x"
            set by a, likely script.sh:7  otto.set mode unseen
            from no other task
        "#);
        assert_snapshot!(stage.otto("Data why c.k"), @r#"
        c.k = "1"
          set by c, script.sh:1  OUTPUT[k]=${INPUT[n.v.w]}${INPUT[n.m.k]}${INPUT[xn.v]}${INPUT[n.ve-]}
          n.v.w = "2"
            set by n, script.sh:1  OUTPUT[v]=1 OUTPUT[v.w]=2 OUTPUT[ve]=3 OUTPUT[m]={}
            from no other task
          n.m = {"k":1}
            set by n, script.sh:1  OUTPUT[v]=1 OUTPUT[v.w]=2 OUTPUT[ve]=3 OUTPUT[m]={}
            from no other task
        "#);
        stage.is_json = true;
        let json: serde_json::Value = serde_json::from_str(&stage.otto("Data why a.way")).expect("JSON");
        assert_eq!(
            (&json[0]["line"], &json[0]["lines"], &json[0]["is_setting"]),
            (&2.into(), &serde_json::json!([2]), &true.into())
        );
    }

    #[test]
    fn damaged_data_is_a_warning_and_no_panic() {
        let stage = shop();
        let dir = stage.sandbox.project.run(&ship(&stage, "2026-11-23T11:00:00Z", "dddd00", "v1"));
        std::fs::write(dir.job(&job("fetch")).output(), "{\"tag\": \"v1\"").expect("ours");
        std::fs::write(dir.job(&job("build.x")).output(), "[]").expect("ours");
        assert_snapshot!(stage.otto("Data"), @r#"
        deploy:a.url = "https://1.2-v1"
        deploy:b.url = "https://1.2-v1"
        --- stderr
        warning: `/sandbox/home/shop-HASH/20261123-110000.000000-dddd00/tasks/fetch/output.fetch.json` is not JSON: line 1, column 13: expected `,` or `}`, found the end of the text
        warning: `/sandbox/home/shop-HASH/20261123-110000.000000-dddd00/tasks/build.x/output.build.x.json` is not a JSON object
        "#);
        stage.otto("Data why deploy:a.url");
        stage.otto("Show latest build.x");
    }
}
