//! `if`: values decide whether a task runs, and `when: ran` follows them.

use crate::{Project, Ran};
use insta::assert_snapshot;
use regex::Regex;
use std::sync::LazyLock;

/// What otto said, without the places and times that differ from run to run.
fn steady(ran: &Ran) -> String {
    static FOLDER: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"/you/home/[^ ]*/tasks/").expect("a pattern"));
    let text = ran.all();
    let facts = ["  started ", "  ottofile ", "  by ", "  id ", "  folder "];
    let lines = text.lines().filter(|line| !facts.iter().any(|fact| line.starts_with(fact)));
    FOLDER.replace_all(&lines.collect::<Vec<_>>().join("\n"), "/tasks/").into_owned()
}

const DEPLOY: &str = r#"
tasks:
  test:
    params: {"--verdict": {default: ok}}
    bash: OUTPUT[verdict]=$verdict
  deploy:
    needs: [test]
    outputs: {url: {type: str, default: nowhere}, time: int?}
    params: {"--verdict": {default: ok}}
    if: '[ "${INPUT[test.verdict]}" = ok ]'
    bash: |
      echo deploying
      OUTPUT[url]=example.org
  announce:
    needs: [{task: deploy, when: ran}]
    params: {"--verdict": {default: ok}}
    bash: echo "announcing ${INPUT[deploy.url]}"
  archive:
    needs: [announce, {task: deploy, when: always}]
    params: {"--verdict": {default: ok}}
    bash: echo "archiving ${INPUT[deploy.url]} ${OUTCOME[deploy]} ${OUTCOME[deploy.reason]} ${OUTCOME[announce.reason]}"
"#;

#[test]
fn a_value_decides_whether_a_task_runs() {
    let project = Project::new(DEPLOY);
    assert_snapshot!(project.run("-j1 archive").all(), @"
    ── stdout
    deploying
    announcing example.org
    archiving example.org ok  
    ── stderr
    otto · run RUN · 4 tasks
         ok  test         TIME  set verdict
         ok  deploy       TIME  set url
         ok  announce     TIME
         ok  archive      TIME
    4 ok in TIME
    ── exit 0
    ");
    assert_snapshot!(project.run("-j1 archive --verdict bad").all(), @"
    ── stdout
    archiving nowhere skipped if dependency
    ── stderr
    otto · run RUN · 4 tasks
         ok  test         TIME  set verdict
       skip  deploy       TIME  if is false
       skip  announce           deploy was skipped
         ok  archive      TIME
    2 ok, 1 skipped (if), 1 skipped (dependency) in TIME
    ── exit 0
    ");
}

#[test]
fn records_and_json_know_what_was_skipped() {
    let project = Project::new(DEPLOY);
    project.run("archive --verdict bad").ok();
    assert_snapshot!(steady(&project.run("Show")), @"
    ── stdout
    run RUN · ok · TIME · otto archive --verdict bad

         ok  test         TIME  set verdict
             with verdict=bad
       skip  deploy       TIME  if is false
             with verdict=bad
       skip  announce           deploy was skipped
             with verdict=bad
         ok  archive      TIME
             with verdict=bad

    2 ok, 1 skipped (if), 1 skipped (dependency) in TIME
    ── exit 0
    ");
    assert_snapshot!(project.run("Replay").all().replace("1 s ago", "0 s ago"), @"
    ── stdout
    archiving nowhere skipped if dependency
    ── stderr
    replaying run RUN, 0 s ago; nothing runs
    otto · run RUN · 4 tasks
         ok  test         TIME  set verdict
       skip  deploy       TIME  if is false
       skip  announce           deploy was skipped
         ok  archive      TIME
    2 ok, 1 skipped (if), 1 skipped (dependency) in TIME
    ── exit 0
    ");
    let json = project.run("--json archive --verdict bad").stdout;
    let settled: Vec<serde_json::Value> = json
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|event: &serde_json::Value| event["outcome"] == "skipped")
        .collect();
    assert_eq!((settled[0]["task"].as_str(), settled[0]["because"].as_str()), (Some("deploy"), Some("if")));
    assert_eq!(settled[1]["because"], "dependency");
    assert_eq!(settled[1]["of"], "deploy");
    assert!(project.run("Stats").ok().contains("archive"));
    let history = project.run("History").stdout;
    assert!(history.contains("2 ok"), "{history}");
    assert_eq!(
        project.run("Data --json deploy").stdout.split_whitespace().collect::<String>(),
        r#"{"url":"nowhere"}"#
    );
}

#[test]
fn a_rerun_asks_again_with_the_recorded_values() {
    let project = Project::new(DEPLOY);
    project.run("archive --verdict bad").ok();
    // Nothing is left to do.
    assert_snapshot!(project.run("Rerun").all(), @"
    ── stderr
    nothing to rerun: all tasks of run RUN succeeded · `otto Rerun RUN TASK` reruns a task
    ── exit 0
    ");
    assert_snapshot!(project.run("Rerun latest deploy").all(), @"
    ── stderr
    rerunning from run RUN: deploy
    not recorded, used as they are now: files outside the run's folder, values of variables
       skip  deploy     TIME  if is false
    ── exit 0
    ");
    assert_snapshot!(project.run("Rerun latest deploy --set test.verdict=ok").all(), @"
    ── stdout
    deploying
    ── stderr
    rerunning from run RUN: deploy
    not recorded, used as they are now: files outside the run's folder, values of variables
         ok  deploy     TIME  set url
    ── exit 0
    ");
}

#[test]
fn an_if_that_fails_is_a_failure_and_is_not_retried() {
    let project = Project::new(
        r#"
tasks:
  test: {bash: 'OUTPUT[verdict]=ok'}
  status: {if: 'echo asking; (exit 4)', retries: 2, bash: echo never}
  missing:
    needs: [test]
    if: '[ "${INPUT[test.vredict]}" = ok ]'
    bash: echo never
  python:
    needs: [test]
    if: INPUT["test.count"] > 3
    python: print("never")
  syntax:
    if: |
      [[ a
    bash: echo never
  remedy: {needs: [{task: status, when: failure}], bash: 'echo "${OUTCOME[status]} ${OUTCOME[status.exit]} ${OUTCOME[status.reason]} ${OUTCOME[status.attempts]}"'}
"#,
    );
    let ran = project.run("status");
    assert_eq!(ran.stdout, "asking\n");
    assert_snapshot!(ran.all(), @"
    ── stdout
    asking
    ── stderr

    FAIL status · exit 1 · TIME · otto.yml:4
      │ asking
      1 line · full log: otto Logs RUN status
    error[E0718]: the `if` of `status` ended with status 4
      ╭▸ otto.yml:4:16
    4 │   status: {if: 'echo asking; (exit 4)', retries: 2, bash: echo never}
      ╰╴               ━━━━━━━━━━━━━━━━━━━━━━━ neither 0 nor 1
      = note: status 0 runs the task and status 1 skips it; anything else is a failure

    rerun:  otto Rerun RUN
    ── exit 1
    ");
    assert_snapshot!(steady(&project.run("missing")), @r#"
    ── stderr
    warning[E0704]: task `test` never sets `vredict`
      ╭▸ otto.yml:7:15
    3 │   test: {bash: 'OUTPUT[verdict]=ok'}
      │                 ────────────────── `test` sets `verdict`
      ┆
    7 │     if: '[ "${INPUT[test.vredict]}" = ok ]'
      ╰╴              ━━━━━━━━━━━━━━━━━━━ `missing` reads it here
    help: did you mean `test.verdict`?
    otto · run RUN · 2 tasks
         ok  test        TIME  set verdict
    otto.yml:7: INPUT[test.vredict]: unbound variable
       FAIL  missing     TIME  exit 1

    FAIL missing · exit 1 · TIME · otto.yml:7
      │ otto.yml:7: INPUT[test.vredict]: unbound variable
      1 line · full log: otto Logs RUN missing
    error[E0718]: the `if` of `missing` ended the shell, with status 1
      ╭▸ otto.yml:7:9
    7 │     if: '[ "${INPUT[test.vredict]}" = ok ]'
      ╰╴        ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ the shell ended here
      = note: status 0 runs the task and status 1 skips it; anything else is a failure
    error[E0704]: task `test` has no output `vredict`
      ╭▸ otto.yml:7:21
    7 │     if: '[ "${INPUT[test.vredict]}" = ok ]'
      ╰╴                    ━━━━━━━━━━━━ this input does not exist
      = note: `test` has `verdict`
    help: did you mean `test.verdict`?

    2 tasks in TIME: 1 ok, 1 failed
    rerun failed:  otto Rerun RUN
    ── exit 1
    "#);
    assert_snapshot!(steady(&project.run("python")), @r#"
    ── stderr
    warning[E0704]: task `test` never sets `count`
       ╭▸ otto.yml:11:9
     3 │   test: {bash: 'OUTPUT[verdict]=ok'}
       │                 ────────────────── `test` sets `verdict`
       ┆
    11 │     if: INPUT["test.count"] > 3
       ╰╴        ━━━━━━━━━━━━━━━━━━━ `python` reads it here
    help: set `count` in `test`, or read another key
    otto · run RUN · 2 tasks
         ok  test       TIME  set verdict
    Traceback (most recent call last):
      File "otto.yml:python", line 11, in <module>
        INPUT["test.count"] > 3
        ~~~~~^^^^^^^^^^^^^^
    KeyError: `test` has no output 'count'; it has verdict
       FAIL  python     TIME  exit 1

    FAIL python · exit 1 · TIME · otto.yml:11
      │ Traceback (most recent call last):
      │   File "otto.yml:python", line 11, in <module>
      │     INPUT["test.count"] > 3
      │     ~~~~~^^^^^^^^^^^^^^
      │ KeyError: `test` has no output 'count'; it has verdict
      5 lines · full log: otto Logs RUN python
    error[E0704]: `test` has no output 'count'; it has verdict
       ╭▸ otto.yml:11:5
    11 │     if: INPUT["test.count"] > 3
       ╰╴    ━━━━━━━━━━━━━━━━━━━━━━━━━━━ this input does not exist
    error[E0718]: the `if` of `python` raised an error
       ╭▸ otto.yml:11:9
    11 │     if: INPUT["test.count"] > 3
       ╰╴        ━━━━━━━━━━━━━━━━━━━━━━━ raised an error

    2 tasks in TIME: 1 ok, 1 failed
    rerun failed:  otto Rerun RUN
    ── exit 1
    "#);
    assert_snapshot!(steady(&project.run("syntax")), @"
    ── stderr
    otto.yml:15: unexpected token `newline', conditional binary operator expected

    FAIL syntax · exit 1 · TIME · otto.yml:15
      │ otto.yml:15: unexpected token `newline', conditional binary operator expected
      1 line · full log: otto Logs RUN syntax
    error[E0718]: the `if` of `syntax` ended with status 2
       ╭▸ otto.yml:15:7
    15 │       [[ a
       ╰╴      ━━━━ neither 0 nor 1
      = note: status 0 runs the task and status 1 skips it; anything else is a failure

    rerun:  otto Rerun RUN
    ── exit 1
    ");
    let ran = project.run("-q remedy");
    assert_eq!((ran.stdout.as_str(), ran.status), ("asking\nfailed 1 if 1\n", 1), "{}", ran.all());
}

/// `$(otto_get …)` in an argument hides the status of the function from every shell.
#[test]
fn what_a_function_finds_missing_is_neither_true_nor_false() {
    let conditions = [
        r#"[ "$(otto_get p.zz)" = v ]"#,
        r#"[ "$(otto_get p.zz)" != v ]"#,
        "otto_get -v x p.zz",
        r#"[ "$(otto_get_input p.zz)" = v ]"#,
        r#"[ "$(otto_outcome zz)" = ok ]"#,
        r#"[ -z "$(otto_items zz)" ]"#,
    ];
    let shells = [
        ("bash", "5.2"),
        ("bash", "4.0"),
        ("bash", "3.2"),
        ("sh", ""),
        ("dash", ""),
        ("ksh", ""),
        ("mksh", ""),
        ("zsh", ""),
        ("busybox sh", ""),
    ];
    for (shell, level) in shells {
        let mut ottofile = String::from("tasks:\n  p: {bash: otto_set k v}\n");
        for (place, condition) in conditions.iter().enumerate() {
            // Otherwise the text would be refused before the run.
            let condition = format!("if : || true; then :; fi; {condition}")
                .replace("p.zz", "\"$p.zz\"")
                .replace(" zz", " \"${p}zz\"");
            ottofile.push_str(&format!(
                "  t{place}:\n    needs: [p]\n    params: {{--p: {{default: p}}}}\n    if: {condition:?}\n    action: |\n      #!/usr/bin/env -S {shell}\n      echo ran\n"
            ));
        }
        let project = Project::new(&ottofile);
        let project = if level.is_empty() { project } else { project.with("OTTO_BASH_LEVEL", level) };
        let ran = project.run("-k -q t0 t1 t2 t3 t4 t5");
        let told = ran.stderr.matches("` read what does not exist\n").count();
        assert_eq!(
            (ran.status, ran.stdout.as_str(), told),
            (1, "", conditions.len()),
            "{shell} {level}: {}",
            ran.all()
        );
        let found = format!(
            "tasks:\n  p: {{bash: otto_set k v}}\n  t:\n    needs: [p]\n    if: 'x=$(otto_get p.zz v); [ \"$x\" = \"$(otto_get p.k)\" ] && [ \"$(otto_outcome p)\" = ok ]'\n    action: |\n      #!/usr/bin/env -S {shell}\n      echo ran\n"
        );
        let project = Project::new(&found);
        let project = if level.is_empty() { project } else { project.with("OTTO_BASH_LEVEL", level) };
        assert_eq!(project.run("-q t").ok(), "ran\n", "{shell} {level}");
    }
    let project = Project::new(
        "tasks:
  test: {bash: 'k=verdict; OUTPUT[$k]=ok'}
  deploy:
    needs: [test]
    if: '[ \"$(otto_get test.vredict)\" = ok ]'
    bash: echo never
",
    );
    assert_snapshot!(steady(&project.run("-q deploy")), @r#"
    ── stderr
    otto: no input 'test.vredict': task 'test' has no output 'vredict'; it has: verdict
       FAIL  deploy     TIME  exit 1

    FAIL deploy · exit 1 · TIME · otto.yml:5
      │ otto: no input 'test.vredict': task 'test' has no output 'vredict'; it has: verdict
      1 line · full log: otto Logs RUN deploy
    error[E0718]: the `if` of `deploy` read what does not exist
      ╭▸ otto.yml:5:9
    5 │     if: '[ "$(otto_get test.vredict)" = ok ]'
      ╰╴        ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ its status says nothing
    help: a key that may be missing needs a default: `otto_get TASK.KEY DEFAULT`
    error[E0704]: task `test` has no output `vredict`
      ╭▸ otto.yml:5:24
    5 │     if: '[ "$(otto_get test.vredict)" = ok ]'
      ╰╴                       ━━━━━━━━━━━━ this input does not exist
      = note: `test` has `verdict`
    help: did you mean `test.verdict`?

    2 tasks in TIME: 1 ok, 1 failed
    rerun failed:  otto Rerun RUN
    ── exit 1
    "#);
}

#[test]
fn a_retry_does_not_ask_again() {
    let project = Project::new(
        "tasks: {a: {if: 'echo asked', retries: 1, bash: '[ -f there ] || { touch there; exit 1; }'}}",
    );
    assert_eq!(project.run("-q a").stdout, "asked\n");
}

#[test]
fn a_missing_key_of_a_skipped_task_says_why_it_is_missing() {
    let bodies = [
        "bash: 'echo \"${INPUT[deploy.time]}\"'",
        "bash: 'otto.get deploy.time'",
        "action: \"#!/bin/sh\\notto_get deploy.time\"",
        "python: 'INPUT[\"deploy.time\"]'",
        "action: \"#!/usr/bin/env node\\nINPUT['deploy.time']\"",
        "action: \"#!/usr/bin/env ruby\\nINPUT['deploy.time']\"",
        "action: \"#!/usr/bin/env perl\\nprint $INPUT{'deploy.time'}\"",
    ];
    for body in bodies {
        let project = Project::new(&format!(
            "tasks:\n  deploy: {{if: 'false', bash: 'OUTPUT[time]=1'}}\n  use:\n    needs: [deploy]\n    {body}\n"
        ));
        let ran = project.run("use");
        assert_ne!(ran.status, 0, "{body}: {}", ran.all());
        assert!(ran.stderr.contains("= note: `deploy` was skipped by its `if`\n"), "{body}: {}", ran.all());
    }
}

#[test]
fn freshness_comes_first_and_force_does_not_override_it() {
    let project = Project::new(
        "tasks:\n  a:\n    input: [in]\n    output: [out]\n    if: 'echo asked; [ ! -f no ]'\n    bash: 'cp in out'\n",
    );
    project.write("in", "1");
    assert_eq!(project.run("-q a").stdout, "asked\n");
    assert_eq!(project.run("a").outcomes(), "a: fresh");
    project.write("no", "");
    assert_eq!(project.run("a").outcomes(), "a: fresh");
    let forced = project.run("--force a");
    assert_eq!((forced.outcomes().as_str(), forced.stdout.as_str()), ("a: skip", "asked\n"));
    // Its text is part of what it is made from.
    project.write(
        "otto.yml",
        "tasks:\n  a:\n    input: [in]\n    output: [out]\n    if: 'true'\n    bash: 'cp in out'\n",
    );
    assert_eq!(project.run("a").outcomes(), "a: ok");
}

#[test]
fn each_job_of_a_foreach_task_is_asked() {
    let project = Project::new(
        r#"
tasks:
  build:
    foreach: {items: [a, b, c], as: name}
    if: '[ "$name" != b ]'
    bash: OUTPUT[k]=$name
  none: {foreach: {items: [a, b]}, if: 'false', bash: echo never}
  report:
    needs: [build, none]
    bash: echo "${INPUT[build:a.k]} ${INPUT[build:b.k]-unset} ${OUTCOME[build]} ${OUTCOME[build:b]} ${OUTCOME[none]}"
  ran: {needs: [{task: build, when: ran}], bash: echo ran}
  ran_not: {needs: [{task: none, when: ran}], bash: echo never}
"#,
    );
    let ran = project.run("report ran ran_not");
    assert_eq!(ran.status, 0, "{}", ran.all());
    assert!(
        ran.stdout.contains("a unset ok skipped skipped\n") && ran.stdout.contains("ran\n"),
        "{}",
        ran.all()
    );
    assert_eq!(
        ran.outcomes(),
        "build:a: ok, build:b: skip, build:c: ok, none:a: skip, none:b: skip, ran: ok, ran_not: skip, report: ok"
    );
}

#[test]
fn an_edge_that_waits_for_a_run_is_not_fulfilled_by_a_failure_or_another_system() {
    let project = Project::new(
        "tasks:
  broken: {bash: exit 3}
  elsewhere: {os: [netbsd, windows], bash: exit 3}
  a: {needs: [{task: broken, when: ran}], bash: echo never}
  b: {needs: [{task: elsewhere, when: ran}], bash: echo never}
  c: {needs: [{task: b, when: ran}], bash: echo never}
  d: {needs: [c], bash: echo d}
",
    );
    assert_eq!(project.run("a").outcomes(), "a: skip, broken: FAIL");
    let ran = project.run("d");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "d\n"));
    assert_snapshot!(ran.stderr, @"
    otto · run RUN · 4 tasks
       skip  elsewhere           only on netbsd, windows
       skip  b                   elsewhere was skipped
       skip  c                   b was skipped
         ok  d             TIME
    1 ok, 1 not for this system, 2 skipped (dependency) in TIME
    ");
}

#[test]
fn a_task_without_a_body_asks_and_is_still_a_group() {
    let project = Project::new(
        "tasks:
  a: {bash: echo a}
  broken: {bash: exit 3}
  all: {needs: [a], if: 'false'}
  both: {needs: [a, broken], if: 'true'}
  next: {needs: [{task: all, when: ran}], bash: echo never}
  remedy: {needs: [{task: both, when: failure}], bash: echo remedy}
",
    );
    let ran = project.run("next");
    assert_eq!(
        (ran.status, ran.stdout.as_str(), ran.outcomes().as_str()),
        (0, "a\n", "a: ok, all: skip, next: skip")
    );
    let ran = project.run("-q remedy");
    assert_eq!((ran.status, ran.stdout.as_str()), (3, "a\nremedy\n"), "{}", ran.all());
}

#[test]
fn an_if_may_ask_for_the_interpreter_of_its_task() {
    let project = Project::new(
        "tasks: {a: {if: 'command -v no-such-lua > /dev/null', action: \"#!/usr/bin/env no-such-lua\\nx\"}}",
    );
    let ran = project.run("a");
    assert_eq!((ran.status, ran.outcomes().as_str()), (0, "a: skip"), "{}", ran.all());
}

#[test]
fn readers_of_a_stream_that_a_false_if_leaves_empty_run() {
    let project = Project::new(
        "tasks:
  write: {streaming: stdout, if: 'false', bash: echo never}
  read: {needs: [write], streaming: true, bash: 'echo \"[$(cat \"$OTTO_INPUT_PIPE\")]\"'}
",
    );
    let ran = project.run("read");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "   read │ []\n"), "{}", ran.all());
}

#[test]
fn a_stop_during_an_if_interrupts_and_a_timeout_times_out() {
    let project = Project::new("tasks: {a: {timeout: 200ms, if: 'sleep 60', bash: echo never}}");
    let ran = project.run("a");
    assert_eq!((ran.status, ran.outcomes().as_str()), (124, "a: TIMEOUT"), "{}", ran.all());
}

#[test]
fn a_dry_run_and_the_help_of_a_task_show_its_if() {
    let project = Project::new(DEPLOY);
    assert_snapshot!(project.run("--dry-run deploy").all(), @r#"
    ── stdout
      1  test  verdict=ok  (otto.yml:3)
      2  deploy  verdict=ok  after test  if [ "${INPUT[test.verdict]}" = ok ]  (otto.yml:6)
    ── stderr
    dry run: 2 tasks would run; nothing was started
    ── exit 0
    "#);
    let json: serde_json::Value =
        serde_json::from_str(project.run("--dry-run --json deploy").ok()).expect("JSON");
    assert_eq!(json["tasks"][1]["if"], "[ \"${INPUT[test.verdict]}\" = ok ]");
}

#[test]
fn a_script_run_by_hand_asks_its_if() {
    let project = Project::new(DEPLOY);
    project.run("deploy --verdict bad").ok();
    let script = project.task("deploy").join("script.sh");
    let ran = project.shell(&format!("bash {}", script.display()));
    assert_eq!(
        (ran.status, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "", "otto: the if of this task is false\n")
    );
    let project = Project::new("tasks: {a: {if: '1 > 2', python: print(1)}}");
    project.run("a").ok();
    let script = project.task("a").join("script.py");
    let ran = project.shell(&format!("python3 {}", script.display()));
    assert_eq!(
        (ran.status, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "", "otto: the if of this task is false\n")
    );
}

#[test]
fn what_is_no_text_is_refused() {
    let project = Project::new(
        "tasks: {a: {if: [x], bash: x}, b: {if: ' ', bash: x}, c: {condition: x, bash: x}, d: {needs: [{task: a, when: run}]}}",
    );
    assert_snapshot!(project.run("a").refused(), @"
    error[E0103]: `if` of task `a` must be a string, not a list
      ╭▸ otto.yml:1:17
    1 │ tasks: {a: {if: [x], bash: x}, b: {if: ' ', bash: x}, c: {condition: x, bas…
      ╰╴                ━━━ this is a list
    help: write `if: COMMAND`, or in Python `if: EXPRESSION`
    error[E0109]: `if` of task `b` must be a command, or in Python an expression
      ╭▸ otto.yml:1:40
    1 │ tasks: {a: {if: [x], bash: x}, b: {if: ' ', bash: x}, c: {condition: x, bas…
      ╰╴                                       ━━━ this is empty
    error[E0104]: unknown key `condition` in task `c`
      ╭▸ otto.yml:1:59
    1 │ …: {if: ' ', bash: x}, c: {condition: x, bash: x}, d: {needs: [{task: a, wh…
      ╰╴                           ━━━━━━━━━ unknown key
    help: in otto this is `if`: a command, or in Python an expression, that decides whether the task runs
    error[E0109]: `when` of a dependency of task `d` must be `success`, `ran`, `failure` or `always`
      ╭▸ otto.yml:1:111
    1 │ …: {needs: [{task: a, when: run}]}}
      ╰╴                            ━━━ not one of them
    otto.yml: 4 errors. For details: `otto Explain E0109`
    ");
}

/// A count of the processes that are started, where the machine can count them.
#[test]
fn an_if_costs_no_process() {
    let counted = |ottofile: &str| {
        let python = "python3 -c 'import sys; print(sys.executable)'";
        let line = format!(
            "OTTO_PYTHON=$({python}) strace -f -qq -e trace=clone,clone3,fork,vfork,execve -o trace otto -q a && \
             grep -c 'execve(' trace && grep 'clone\\|fork' trace | grep -v resumed | grep -vc CLONE_THREAD"
        );
        let ran = Project::new(ottofile).shell(&line);
        (ran.status, ran.stdout)
    };
    if std::process::Command::new("strace")
        .args(["-qq", "true"])
        .output()
        .is_ok_and(|ran| ran.status.success())
    {
        let bash = counted("tasks: {a: {bash: ': \"$HOME\"'}}");
        assert_eq!(counted("tasks: {a: {if: '[ -n \"$HOME\" ]', bash: ': \"$HOME\"'}}"), bash);
        let python = counted("tasks: {a: {python: pass}}");
        assert_eq!(counted("tasks: {a: {if: 1 < 2, python: pass}}"), python);
        let perl = counted("tasks: {a: {action: \"#!/usr/bin/perl\\n1;\"}}");
        let asked = counted("tasks: {a: {if: 'true', action: \"#!/usr/bin/perl\\n1;\"}}");
        // One more program in the same process.
        let starts = |(_, counts): &(i32, String)| {
            counts.lines().map(|line| line.parse().expect("a number")).collect::<Vec<u32>>()
        };
        assert_eq!(starts(&asked), [starts(&perl)[0] + 1, starts(&perl)[1]]);
    }
}
