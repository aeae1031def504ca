//! `OUTCOME`: a task learns how those ended that it depends on.

use crate::Project;
use insta::assert_snapshot;

/// Fails with status 7 at its second attempt.
const BUILD: &str = "tasks:
  build:
    retries: 1
    bash: |
      echo on stdout
      echo first >&2
      echo boom >&2
      exit 7
  lint: {bash: ':'}
  report:
    before: [{task: build, when: always}, lint]
";

/// What `report` prints, a line for each value.
fn told(body: &str, change: impl FnOnce(Project) -> Project) -> String {
    let project = change(Project::new(&format!("{BUILD}{body}")));
    let ran = project.run("-q report");
    assert_eq!(ran.status, 7, "{}", ran.all());
    ran.stdout.replace("on stdout\n", "")
}

/// The script of a task, indented as the key `body` needs it.
fn script(key: &str, lines: &str) -> String {
    let lines: Vec<String> = lines.lines().map(|line| format!("      {}\n", line.trim_start())).collect();
    format!("    {key}: |\n{}", lines.concat())
}

const EXPECTED: &str = "failed|7||exit|2|first\nboom|ok|0||
";

#[test]
fn bash_reads_an_array() {
    let lines = r#"printf '%s|' "${OUTCOME[build]}" "${OUTCOME[build.exit]}" "${OUTCOME[build.signal]}" "${OUTCOME[build.reason]}"
        printf '%s|' "${OUTCOME[build.attempts]}" "${OUTCOME[build.error]}"
        echo "${OUTCOME[lint]}|${OUTCOME[lint.exit]}|${OUTCOME[lint.reason]}|"
    "#;
    assert_eq!(told(&script("bash", lines), |project| project), EXPECTED);
    for level in ["4.0", "4.2", "5.2"] {
        assert_eq!(told(&script("bash", lines), |project| project.with("OTTO_BASH_LEVEL", level)), EXPECTED);
    }
}

#[test]
fn every_shell_has_a_function() {
    let lines = r#"for key in build build.exit build.signal build.reason build.attempts build.error; do
        echo "$(otto_outcome $key)|" | tr -d '\n' | sed 's/firstboom/first_boom/'
        done
        echo "$(otto_outcome lint)|$(otto_outcome lint.exit)|$(otto_outcome lint.reason)|"
    "#;
    let expected = EXPECTED.replace("first\nboom", "first_boom");
    for level in ["3.2", "4.0", "5.2"] {
        assert_eq!(told(&script("bash", lines), |project| project.with("OTTO_BASH_LEVEL", level)), expected);
    }
    for shell in ["bash", "sh", "dash", "ksh", "mksh", "zsh", "busybox sh"] {
        let lines = format!("#!/usr/bin/env -S {shell}\n{lines}");
        assert_eq!(told(&script("action", &lines), |project| project), expected, "{shell}");
    }
}

#[test]
fn python_node_ruby_and_perl_read_a_map() {
    let python = "print(OUTCOME['build'], OUTCOME['build.exit'], OUTCOME['build.signal'], OUTCOME['build.reason'], OUTCOME['build.attempts'], repr(OUTCOME['build.error']), OUTCOME['lint'], 0 < OUTCOME['lint.seconds'] < 60, OUTCOME.get('other'))";
    assert_eq!(
        told(&script("python", python), |project| project),
        "failed 7 None exit 2 'first\\nboom' ok True None\n"
    );
    let node = "#!/usr/bin/env node\nconsole.log(OUTCOME.build, OUTCOME['build.exit'], OUTCOME['build.signal'], OUTCOME['build.reason'], OUTCOME['build.attempts'], JSON.stringify(OUTCOME['build.error']), OUTCOME.lint, OUTCOME['lint.seconds'] > 0)";
    assert_eq!(
        told(&script("action", node), |project| project),
        "failed 7 undefined exit 2 \"first\\nboom\" ok true\n"
    );
    let ruby = "#!/usr/bin/env ruby\nputs [OUTCOME['build'], OUTCOME['build.exit'], OUTCOME['build.signal'], OUTCOME['build.reason'], OUTCOME['build.attempts'], OUTCOME['build.error'], OUTCOME['lint'], OUTCOME['lint.seconds'].positive?].inspect";
    assert_eq!(
        told(&script("action", ruby), |project| project),
        "[\"failed\", 7, nil, \"exit\", 2, \"first\\nboom\", \"ok\", true]\n"
    );
    let perl = "#!/usr/bin/env perl\nuse strict; use warnings;\nprint join('|', $OUTCOME{build}, $OUTCOME{'build.exit'}, $OUTCOME{'build.signal'} // 'undef', $OUTCOME{'build.reason'}, $OUTCOME{'build.attempts'}, $OUTCOME{'build.error'}, $OUTCOME{lint}, $OUTCOME{'lint.seconds'} > 0), \"\\n\";";
    assert_eq!(told(&script("action", perl), |project| project), "failed|7|undef|exit|2|first\nboom|ok|1\n");
}

#[test]
fn a_file_has_the_fields_that_apply_whatever_the_language() {
    let awk = "#!/usr/bin/env -S awk -f\nBEGIN { while ((getline line < ENVIRON[\"OTTO_OUTCOME_JSON\"]) > 0) print line }";
    for body in [script("action", awk), script("bash", "cat \"$OTTO_OUTCOME_JSON\"")] {
        let json = told(&body, |project| project);
        let mut json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        for (task, file) in [("build", "stderr.2.log"), ("lint", "")] {
            let fields = json[task].as_object_mut().expect("an object");
            assert!(fields.remove("seconds").and_then(|seconds| seconds.as_f64()).expect("a number") < 60.0);
            let log = fields.remove("log").map(|log| log.as_str().expect("a path").to_owned());
            assert!(log.unwrap_or_default().ends_with(file), "{task}");
        }
        let expected = serde_json::json!({
            "build": {"outcome": "failed", "exit": 7, "reason": "exit", "attempts": 2, "error": "first\nboom"},
            "lint": {"outcome": "ok", "exit": 0, "attempts": 1},
        });
        assert_eq!(json, expected);
    }
}

#[test]
fn each_way_to_end_has_a_word_and_a_reason() {
    let project = Project::new(
        "tasks:
  ok: {bash: ':'}
  fresh: {input: [in], output: [out], bash: touch out}
  bad: {bash: exit 3}
  killed: {bash: kill -9 $$}
  late: {timeout: 0.2s, bash: sleep 30}
  broken: {outputs: {n: int, m: str}, bash: 'v=x; OUTPUT[n]=$v; echo unrelated'}
  nowhere: {before: [ok], action: \"#!/no/such/interpreter\\nx\"}
  after-bad: {before: [bad], bash: ':'}
  not-called: {before: [{task: ok, when: failure}], bash: ':'}
  group: {before: [bad]}
  report:
    before:
      - {task: ok, when: always}
      - {task: fresh, when: always}
      - {task: bad, when: always}
      - {task: killed, when: always}
      - {task: late, when: always}
      - {task: broken, when: always}
      - {task: nowhere, when: always}
      - {task: after-bad, when: always}
      - {task: not-called, when: always}
      - {task: group, when: always}
    bash: |
      for task in ok fresh bad killed late broken nowhere after-bad not-called group; do
        echo \"$task ${OUTCOME[$task]} ${OUTCOME[$task.exit]}/${OUTCOME[$task.signal]} ${OUTCOME[$task.reason]}\"
      done
      for task in bad broken nowhere; do echo \"$task: [${OUTCOME[$task.error]}]\"; done
",
    );
    project.write("in", "");
    assert_eq!(project.run("-q fresh").status, 0);
    assert_snapshot!(project.run("-q report").stdout, @r#"
    unrelated
    ok ok 0/ 
    fresh fresh / 
    bad failed 3/ exit
    killed failed /9 signal
    late failed / timeout
    broken failed 1/ contract
    nowhere failed 127/ no-interpreter
    after-bad skipped / dependency
    not-called skipped / dependency
    group failed 3/ exit
    bad: []
    broken: [output `n` of `broken` is `"x"`, not an `int`
    output `m` of `broken` is declared but was not set]
    nowhere: [the interpreter `/no/such/interpreter` was not found]
    "#);
}

#[test]
fn a_foreach_task_is_told_job_by_job_and_as_a_whole() {
    let project = Project::new(
        "tasks:
  convert:
    foreach: {items: [a, b c, d]}
    bash: '[ \"$item\" != \"b c\" ] || exit 3'
  report:
    before: [{task: convert, when: always}]
    bash: |
      echo \"${OUTCOME[convert]} ${OUTCOME[convert.exit]} ${OUTCOME[convert.failed]}\"
      echo \"${OUTCOME[convert:a]} ${OUTCOME[convert:b_c]} ${OUTCOME[convert:b_c.exit]}\"
  list:
    before: [{task: convert, when: always}]
    python: print(OUTCOME['convert'], OUTCOME['convert.failed'], OUTCOME['convert:d.failed'])
  one:
    before: [{task: convert:a, when: always}]
    bash: echo \"${!OUTCOME[@]}\" | tr ' ' '\\n' | grep -v '[.]'
",
    );
    assert_eq!(project.run("-q report").stdout, "failed 3 [\"b c\"]\nok failed 3\n");
    assert_eq!(project.run("-q list").stdout, "failed ['b c'] None\n");
    assert_eq!(project.run("-q one").stdout, "convert:a\n");
}

#[test]
fn a_key_that_is_not_there_is_an_error_that_says_what_is() {
    let project = Project::new(
        "tasks:
  build: {bash: ':'}
  b: {before: [build], bash: 'echo \"${OUTCOME[biuld]}\"'}  # otto: allow E0705
  f: {before: [build], bash: 'echo \"${OUTCOME[build.exti]}\"'}  # otto: allow E0704
  s: {before: [build], action: \"#!/bin/sh\\notto_outcome lint\"}  # otto: allow E0705
  p: {before: [build], python: 'OUTCOME[\"build.exti\"]'}  # otto: allow E0704
  q: {before: [build], python: 'OUTCOME[\"lint\"]'}  # otto: allow E0705
  n: {before: [build], action: \"#!/usr/bin/env node\\nOUTCOME.biuld\"}
  r: {before: [build], action: \"#!/usr/bin/env ruby\\nOUTCOME['build.exti']\"}
  perl: {before: [build], action: \"#!/usr/bin/env perl\\nprint $OUTCOME{biuld};\"}
  nobody: {python: 'OUTCOME[\"build\"]'}  # otto: allow E0705
  usage: {before: [build], bash: otto_outcome}
",
    );
    let mut errors = String::new();
    for task in ["b", "f", "s", "p", "q", "n", "r", "perl", "nobody", "usage"] {
        let ran = project.run(&format!("-q {task}"));
        assert_ne!(ran.status, 0, "{task}: {}", ran.all());
        // Of an exception, which says everything itself, its message.
        let is_message = |line: &&str| {
            line.contains("OUTCOME") && line.contains("; ") || line.contains("` is not a dependency")
        };
        let mut lines = ran.stderr.lines().skip_while(|line| !line.starts_with("error")).peekable();
        errors.extend([task, "\n"]);
        if lines.peek().is_none() {
            let message = ran.stderr.lines().find(is_message).unwrap_or("no message");
            // Without the path of the script, which some languages name before or after it.
            let message = message.rsplit(">': ").next().unwrap_or(message);
            errors.extend([message.split(" at /").next().unwrap_or(message).trim_start(), "\n"]);
        }
        lines.for_each(|line| errors.extend([line, "\n"]));
    }
    assert_snapshot!(errors, @r##"
    b
    error[E0705]: `biuld` is not a dependency of `b`, which depends on `build`
      ╭▸ otto.yml:3:47
    3 │ …sh: 'echo "${OUTCOME[biuld]}"'}  # otto: allow E0705
      ╰╴                      ━━━━━ this input does not exist
    help: did you mean `build`?

    2 tasks in TIME: 1 ok, 1 failed
    rerun failed:  otto Rerun RUN
    f
    error[E0704]: the outcome of `build` has no field `exti`
      ╭▸ otto.yml:4:47
    4 │ …: 'echo "${OUTCOME[build.exti]}"'}  # otto: allow E0704
      ╰╴                    ━━━━━━━━━━ this input does not exist
      = note: it has `exit`, `signal`, `reason`, `seconds`, `attempts`, `log`, `error`, `failed`
    help: did you mean `build.exit`?

    2 tasks in TIME: 1 ok, 1 failed
    rerun failed:  otto Rerun RUN
    s
    error[E0705]: `lint` is not a dependency of `s`, which depends on `build`
      ╭▸ otto.yml:5:32
    5 │ … action: "#!/bin/sh\notto_outcome lint"}  # otto: allow E0705
      ╰╴          ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ this input does not exist
    help: add it to `before` of `s`

    2 tasks in TIME: 1 ok, 1 failed
    rerun failed:  otto Rerun RUN
    p
    KeyError: `OUTCOME` of `build` has no field 'exti'; it has exit, signal, reason, seconds, attempts, log, error, failed
    q
    error[E0705]: `lint` is not a dependency of `q`, which depends on `build`
      ╭▸ otto.yml:7:3
    7 │   q: {before: [build], python: 'OUTCOME["lint"]'}  # otto: allow E0705
      ╰╴  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ this input does not exist
    help: add `lint` to its `needs`

    2 tasks in TIME: 1 ok, 1 failed
    rerun failed:  otto Rerun RUN
    n
    MissingInput: `biuld` is not a dependency of `n`, which depends on `build`; add `biuld` to its `needs`
    r
    `OUTCOME` of `build` has no field 'exti'; it has exit, signal, reason, seconds, attempts, log, error, failed; did you mean 'exit'? (Otto::MissingInput)
    perl
    `biuld` is not a dependency of `perl`, which depends on `build`; add `biuld` to its `needs`
    nobody
    KeyError: OUTCOME['build']: `nobody` depends on no task; name one in its `needs`
    usage
    error[E0715]: `otto_outcome` takes `TASK` or `TASK.FIELD`
       ╭▸ otto.yml:12:34
    12 │   usage: {before: [build], bash: otto_outcome}
       ╰╴                                 ━━━━━━━━━━━━ 0 words
    help: ask for one at a time

    2 tasks in TIME: 1 ok, 1 failed
    rerun failed:  otto Rerun RUN
    "##);
}

#[test]
fn a_name_that_a_script_uses_itself_stays_its_own() {
    let project = Project::new(
        "tasks:
  build: {bash: ':'}
  export: {before: [build], bash: 'export OUTCOME=mine; bash -c ''echo \"$OUTCOME\"'''}
  list: {before: [build], bash: 'OUTCOME=(a b); echo \"${OUTCOME[1]}\"'}
  env: {before: [build], envs: {OUTCOME: mine}, bash: 'eval \"echo $OUTCOME\"; bash -c ''echo \"$OUTCOME\"'''}
  python: {before: [build], python: 'OUTCOME = 3; print(OUTCOME)'}
  loaded: {before: [build], bash: '. ./lib.sh'}
",
    );
    project.write("lib.sh", "echo \"${OUTCOME[build]}\"\n");
    assert_eq!(project.run("-q export").stdout, "mine\n");
    assert_eq!(project.run("-q list").stdout, "b\n");
    assert_eq!(project.run("-q env").stdout, "mine\nmine\n");
    assert_eq!(project.run("-q python").stdout, "3\n");
    assert_eq!(project.run("-q loaded").stdout, "ok\n");
}

#[test]
fn a_bash_without_such_arrays_names_the_function() {
    let project =
        Project::new("tasks: {build: {bash: ':'}, b: {before: [build], bash: 'echo \"${OUTCOME[build]}\"'}}");
    let project = project.with("OTTO_BASH_LEVEL", "3.2");
    let ran = project.run("-q b");
    assert_eq!(ran.status, 125);
    assert_snapshot!(ran.stderr, @r#"
       FAIL  b         TIME  not started: `b` uses `OUTCOME[task]`, which needs bash 4 or newer

    FAIL b · not started: `b` uses `OUTCOME[task]`, which needs bash 4 or newer · TIME · otto.yml:1
      no output · full log: otto Logs RUN b
    error[E0714]: `b` uses `OUTCOME[task]`, which needs bash 4 or newer
      ╭▸ otto.yml:1:65
    1 │ …h: 'echo "${OUTCOME[build]}"'}}
      ╰╴             ━━━━━━━ this bash is older and has no such arrays
    help: use `otto_outcome TASK`, which works in every bash
    help: or install a newer bash and add it to PATH or set `OTTO_BASH`

    2 tasks in TIME: 1 ok, 1 failed
    rerun failed:  otto Rerun RUN
    "#);
}

#[test]
fn a_script_that_asks_runs_each_time() {
    let project = Project::new(
        "tasks:
  build: {bash: ':'}
  report: {before: [build], input: [in], output: [out], bash: 'echo \"${OUTCOME[build]}\" >> out'}
  other: {before: [build], input: [in], output: [out], bash: 'touch out'}
",
    );
    project.write("in", "");
    for _ in 0..2 {
        assert_eq!(project.run("-q report").status, 0);
    }
    assert_eq!(project.read("out"), "ok\nok\n");
    assert_eq!(project.run("other").status, 0);
    assert!(project.run("other").stderr.contains("fresh  other"));
}

#[test]
fn a_rerun_knows_how_the_others_ended_then() {
    let project = Project::new(
        "tasks:
  build: {bash: 'echo boom >&2; exit 3'}
  convert: {foreach: {items: [a, b]}, bash: '[ $item = a ]'}
  report:
    before: [{task: build, when: always}, {task: convert, when: always}]
    bash: echo \"${OUTCOME[build]} ${OUTCOME[build.error]} ${OUTCOME[convert.failed]} ${OUTCOME[convert:a]}\"
",
    );
    let first = project.run("-q report");
    assert_eq!(first.stdout, "failed boom [\"b\"] ok\n");
    assert_eq!(project.run("Rerun latest report").stdout, "failed boom [\"b\"] ok\n");
    // Of a rerun, and with one of the jobs in it.
    assert_eq!(project.run("Rerun latest report").stdout, "failed boom [\"b\"] ok\n");
    assert_eq!(project.run("-q report").stdout, first.stdout);
    assert_eq!(project.run("Rerun latest convert:b report").stdout, "failed boom [\"b\"] ok\n");
}

#[test]
fn what_runs_always_after_an_interrupt_sees_it() {
    let project = Project::new(
        "tasks:
  wait: {bash: 'touch up; sleep 30'}
  never: {before: [wait], bash: ':'}
  report:
    before: [{task: wait, when: always}, {task: never, when: always}]
    bash: echo \"${OUTCOME[wait]} ${OUTCOME[never]} ${OUTCOME[never.reason]}\"
",
    );
    let ran = project
        .shell("otto -q report & pid=$!; while [ ! -e up ]; do sleep 0.02; done; kill -TERM $pid; wait $pid");
    assert_eq!(ran.stdout, "interrupted skipped interrupted\n", "{}", ran.all());
}

#[test]
fn nothing_is_prepared_for_a_script_that_does_not_ask() {
    let project = Project::new(
        "tasks:
  build: {bash: ':'}
  quiet: {before: [build], bash: 'echo \"${OTTO_OUTCOME_JSON-unset}\"'}
  plain: {before: [build], bash: 'env | grep -c OUTCOM[E] || :'}
",
    );
    assert_eq!(project.run("-q plain").stdout, "0\n");
    assert!(!project.task("plain").join("outcome.json").exists());
    assert_ne!(project.run("-q quiet").stdout, "unset\n");
}

#[test]
fn a_script_that_is_run_by_hand_knows_the_same() {
    let project = Project::new(
        "tasks:
  build: {bash: exit 3}
  b: {before: [{task: build, when: always}], bash: 'echo \"${OUTCOME[build.exit]}\"; grep -c outcome \"$OTTO_OUTCOME_JSON\"'}
  p: {before: [{task: build, when: always}], python: 'print(OUTCOME[\"build.exit\"])'}
",
    );
    project.run("b");
    assert_eq!(
        project.shell(&format!("bash '{}'", project.task("b").join("script.sh").display())).stdout,
        "3\n1\n"
    );
    project.run("p");
    assert_eq!(
        project.shell(&format!("python3 '{}'", project.task("p").join("script.py").display())).stdout,
        "3\n"
    );
}
