//! Jobs that data makes: `foreach` with `from`, `each` and `matrix`.

use crate::{Project, Ran};
use insta::assert_snapshot;

/// `list` sets the value that `HOW` holds, `convert` runs for its items, `upload` follows item by item.
const CHAIN: &str = r#"
tasks:
  list:
    bash: otto.set --json files "$HOW"
  convert:
    foreach: {from: list.files, as: file, max_items: 5}
    bash: |
      OUTPUT[name]=$file
      [ "$file" != bad ]
  upload:
    foreach: {each: convert}
    bash: echo "upload $file ${INPUT[convert.name]}"
  report:
    needs: [upload]
    bash: echo report
  all:
    needs: [{task: convert, when: always}]
    bash: for key in "${!INPUT[@]}"; do echo "$key=${INPUT[$key]}"; done | sort; echo "${OUTCOME[convert]} ${OUTCOME[convert.failed]}"
"#;

fn chain(how: &str) -> Project {
    Project::new(CHAIN).with("HOW", how)
}

/// The message of a run that failed because of its data.
fn wrong(how: &str) -> String {
    let ran = chain(how).run("-j1 convert");
    assert_eq!(ran.status, 1, "{}", ran.all());
    let start = ran.stderr.find("error[").unwrap_or_else(|| panic!("{}", ran.all()));
    let end = ran.stderr[start..].find("\n\n").map_or(ran.stderr.len(), |end| start + end);
    ran.stderr[start..end].to_owned()
}

fn events(ran: &Ran, kind: &str) -> Vec<serde_json::Value> {
    let parsed =
        ran.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    parsed.filter(|event| event["event"] == kind).collect()
}

#[test]
fn a_list_makes_as_many_jobs_as_it_has_items() {
    assert_snapshot!(chain(r#"["a.csv", "b c.csv", 2.50]"#).run("-j1 report all").all(), @"
    ── stdout
    upload a.csv a.csv
    upload b c.csv b c.csv
    upload 2.50 2.50
    report
    convert:2.50.name=2.50
    convert:a.csv.name=a.csv
    convert:b_c.csv.name=b c.csv
    ok []
    ── stderr
    otto · run RUN · 3+ tasks
         ok  list       TIME  set files
         ok  convert:a.csv       TIME  set name
         ok  convert:b_c.csv     TIME  set name
         ok  convert:2.50        TIME  set name
         ok  upload:a.csv        TIME
         ok  upload:b_c.csv      TIME
         ok  upload:2.50         TIME
         ok  report              TIME
         ok  all                 TIME
    9 ok in TIME
    ── exit 0
    ");
}

#[test]
fn the_keys_of_an_object_name_the_jobs() {
    let project = chain(r#"{"one": "a", "two": {"deep": [1]}}"#);
    assert_eq!(project.run("-j1 upload").ok(), "upload a a\nupload {\"deep\":[1]} {\"deep\":[1]}\n");
    assert_eq!(
        project.run("-j1 upload").outcomes(),
        "convert:one: ok, convert:two: ok, list: ok, upload:one: ok, upload:two: ok"
    );
}

#[test]
fn a_field_names_the_jobs_of_objects() {
    let of = |key: &str| {
        Project::new(&format!(
            "tasks:\n  list: {{bash: 'otto.set --json hosts \"$HOW\"'}}\n  ping: {{foreach: {{from: list.hosts{key}}}, bash: 'echo \"$item\"'}}\n"
        ))
        .with("HOW", r#"[{"name": "web", "port": 80}, {"name": "db", "port": 5432}]"#)
    };
    assert_eq!(of("").run("-j1 ping").outcomes(), "list: ok, ping:1: ok, ping:2: ok");
    assert_eq!(of(", key: name").run("-j1 ping").outcomes(), "list: ok, ping:db: ok, ping:web: ok");
    assert_eq!(of(", key: port").run("-j1 ping:80").ok(), "{\"name\":\"web\",\"port\":80}\n");
    let none = of(", key: nme").run("-j1 ping");
    assert_eq!(none.status, 1);
    assert!(
        none.stderr.contains("item 1 of `list.hosts` has no field `nme`, which names its job"),
        "{}",
        none.all()
    );
}

#[test]
fn an_empty_list_is_no_failure() {
    insta::allow_duplicates! { for how in ["[]", "{}"] {
        let ran = chain(how).run("-j1 report all");
        assert_eq!(ran.ok(), "report\nok []\n");
        assert_snapshot!(ran.stderr, @"
        otto · run RUN · 3+ tasks
             ok  list       TIME  set files
        note: convert has no items: list.files is empty
        note: upload has no items: convert is empty
             ok  report     TIME
             ok  all        TIME
        3 ok in TIME
        ");
    } }
}

#[test]
fn data_that_makes_no_jobs_fails_the_task_that_was_to_have_them() {
    assert_snapshot!(wrong("\"a b\""), @"
    error[E0307]: `convert` needs a list or an object, but `list.files` is a string
      ╭▸ otto.yml:6:21
    3 │   list:
      │   ──── `files` is set by this task
      ┆
    6 │     foreach: {from: list.files, as: file, max_items: 5}
      ╰╴                    ━━━━━━━━━━ the items come from here
    help: set a list with `otto.set --list files` or `otto.set --json files`
    ");
    assert_snapshot!(wrong(r#"["a", "b", "a"]"#), @"
    error[E0307]: two items of `convert` would both be called `convert:a`
      ╭▸ otto.yml:6:14
    6 │     foreach: {from: list.files, as: file, max_items: 5}
      ╰╴             ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ has both items
      = note: items 1 and 3: `a` and `a`
    ");
    assert_snapshot!(wrong("[1, 2, 3, 4, 5, 6]"), @"
    error[E0307]: the foreach of `convert` has 6 items, more than `max_items: 5`
      ╭▸ otto.yml:6:14
    6 │     foreach: {from: list.files, as: file, max_items: 5}
      ╰╴             ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ too many items
    help: raise `max_items` if this is intended
    ");
    for (how, message) in [
        ("3", "`convert` needs a list or an object, but `list.files` is a number"),
        ("true", "`convert` needs a list or an object, but `list.files` is a boolean"),
        ("null", "`convert` needs a list or an object, but `list.files` is null"),
        (r#"["a", null]"#, "item 2 of `list.files` is null, which cannot be an item"),
        (r#"[["a"]]"#, "item 1 of `list.files` is a list, which cannot be an item"),
        (r#"{"a": [1]}"#, "`list.files.a` is a list, which cannot be an item"),
        (r#"["a", ""]"#, "an item of `convert` is empty, so its job would have no name"),
        (r#"["a b", "a_b"]"#, "two items of `convert` would both be called `convert:a_b`"),
        (r#"["a\u0000b"]"#, "an item of `convert` contains a NUL byte, which variables cannot contain"),
    ] {
        assert_eq!(wrong(how).lines().next(), Some(&*format!("error[E0307]: {message}")), "{how}");
    }
    let long = format!("[\"{}\"]", "x".repeat(200_000));
    let project = Project::new(CHAIN.replace("\"$HOW\"", "\"$(cat long)\"").as_str());
    project.write("long", &long);
    let ran = project.run("-j1 convert");
    assert!(
        ran.stderr.contains("item 1 of `convert` is 200000 bytes long, too long for the variable `file`"),
        "{}",
        ran.all()
    );
    // Whoever depends on it is skipped, who runs in any case runs.
    let ran = chain("3").run("-j1 report all");
    assert_eq!((ran.outcomes().as_str(), ran.status), ("all: ok, convert: FAIL, list: ok, report: skip", 1));
}

#[test]
fn names_are_never_code_or_paths() {
    let project = chain(r#"["..", "-x", "$(touch pwned)", "a/../b", "é\n"]"#);
    let ran = project.run("-j1 upload");
    assert_eq!(
        ran.ok(),
        "upload .. ..\nupload -x -x\nupload $(touch pwned) $(touch pwned)\nupload a/../b a/../b\nupload é\n é\n\n"
    );
    assert!(!project.path("pwned").exists());
}

#[test]
fn a_failed_item_skips_its_own_followers_alone() {
    let ran = chain(r#"["a", "bad", "c"]"#).run("-j1 report all");
    assert_eq!(
        ran.outcomes(),
        "all: ok, convert:a: ok, convert:bad: FAIL, convert:c: ok, list: ok, report: skip, upload:a: ok, upload:bad: skip, \
         upload:c: ok"
    );
    // The mapping of what runs in any case has what the failed job left, too.
    assert!(
        ran.stdout.ends_with("convert:a.name=a\nconvert:bad.name=bad\nconvert:c.name=c\nfailed [\"bad\"]\n"),
        "{}",
        ran.all()
    );
    assert_eq!(ran.status, 1);
}

#[test]
fn after_a_failure_a_task_that_fails_fast_starts_no_more_jobs() {
    let project = Project::new(
        "tasks:\n  list: {bash: otto.set --list n 1 2 3 4}\n  t: {foreach: {from: list.n, fail_fast: true}, bash: 'exit $((item == 2))'}\n  \
         still: {needs: [{task: t, when: always}], bash: 'echo still'}",
    );
    let ran = project.run("-j1 still");
    assert_eq!(ran.outcomes(), "list: ok, still: ok, t:1: ok, t:2: FAIL, t:3: skip, t:4: skip");
    assert_eq!((ran.status, ran.stdout.as_str()), (1, "still\n"));
}

#[test]
fn items_of_a_chain_do_not_wait_for_each_other() {
    // The first item's job ends only when the second item has gone through the whole chain.
    let project = Project::new(
        r#"
tasks:
  list: {bash: otto.set --list n slow quick}
  a:
    foreach: {from: list.n}
    bash: |
      [ $item = quick ] || until [ -e through ]; do sleep 0.01; done
  b: {foreach: {each: a}, bash: ':'}
  c: {foreach: {each: b}, bash: '[ $item = slow ] || touch through'}
"#,
    );
    project.run("-j2 c").ok();
}

#[test]
fn one_job_may_be_asked_for_alone() {
    let project = chain(r#"["a", "b"]"#);
    assert_eq!(project.run("-j1 upload:b").ok(), "upload b b\n");
    assert_eq!(project.run("-j1 upload:b").outcomes(), "convert:b: ok, list: ok, upload:b: ok");
    let ran = project.run("-j1 convert:z");
    assert_eq!(ran.status, 1);
    assert_snapshot!(ran.stderr, @"
    otto · run RUN · 1+ tasks
         ok  list     TIME  set files
       FAIL  convert           not started: `convert:z` does not exist: the foreach of `convert` has no item `z`

    FAIL convert · not started: `convert:z` does not exist: the foreach of `convert` has no item `z` · otto.yml:5
      no output · full log: otto Logs RUN convert
    error[E0304]: `convert:z` does not exist: the foreach of `convert` has no item `z`
      ╭▸ otto.yml:6:14
    6 │     foreach: {from: list.files, as: file, max_items: 5}
      ╰╴             ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ unknown item
      = note: it has a, b

    2 tasks in TIME: 1 ok, 1 failed
    rerun failed:  otto Rerun RUN
    ");
}

#[test]
fn a_matrix_has_a_job_for_each_combination() {
    let project = Project::new(
        r#"
tasks:
  list: {bash: otto.set --list py 3.12 3.13}
  test:
    foreach:
      matrix: {on: [linux, mac], py: {from: list.py}}
      exclude: [{on: mac, py: "3.12"}]
      include: [{on: linux, fast: "yes"}, {on: bsd, py: 3.13}]
    bash: echo "$item $on $py ${fast:-no} $OTTO_FOREACH_ITEM"
  known:
    foreach: {matrix: {a: [x, y], b: [1, 2]}, exclude: [{a: x}]}
    python: import os; print(os.environ["item"], os.environ["a"], PARAMS["b"], PARAMS["a"])
  after: {foreach: {each: known}, bash: 'echo "$item $a $b"'}
"#,
    );
    assert_eq!(
        project.run("-j1 test").ok(),
        "linux-3.12 linux 3.12 yes linux-3.12\nlinux-3.13 linux 3.13 yes linux-3.13\nmac-3.13 mac 3.13 no mac-3.13\n\
         bsd-3.13 bsd 3.13 no bsd-3.13\n"
    );
    assert_eq!(project.run("-j1 known").ok(), "y-1 y 1 y\ny-2 y 2 y\n");
    assert_eq!(project.run("-j1 after:y-2").ok(), "y-2 y 2 y\ny-2 y 2\n");
    assert_eq!(project.run("Check").ok(), "otto.yml: 4 tasks are valid\n");
    assert_snapshot!(project.run("--list-subtasks").stdout, @"
    test (dynamic)
    known (2 items):
      known:y-1
      known:y-2
    after (2 items):
      after:y-1
      after:y-2
    ");
}

#[test]
fn what_is_not_known_before_the_run_is_shown_as_such() {
    let project = chain("[1]");
    assert_snapshot!(project.run("-n report").all(), @"
    ── stdout
      1  list  (otto.yml:3)
      2  convert:*  for each of list.files  after list  (otto.yml:5)
      3  upload:*  for each of convert  after convert  (otto.yml:10)
      4  report  after upload  (otto.yml:13)
    ── stderr
    dry run: 2 tasks would run, and the jobs of 2 tasks that data decides; nothing was started
    ── exit 0
    ");
    assert_snapshot!(project.run("List").stdout, @"
    project · otto.yml · 5 tasks

      list    
      convert  [dynamic]  needs list
      upload   [dynamic]  needs convert
      report              needs upload
      all                 needs convert

    otto TASK --help · otto History · otto Graph
    ");
    assert_snapshot!(project.run("Graph report").stdout, @"
    report
    └─ upload [each job of convert]
       └─ convert [each of list.files]
          └─ list
    ");
    project.run("-j1 report").ok();
    let json = project.run("--json report");
    let added = events(&json, "tasks_added");
    let told: Vec<_> = added
        .iter()
        .map(|event| (event["task"].clone(), event["from"].clone(), event["tasks"][0]["name"].clone()))
        .collect();
    assert_eq!(
        serde_json::json!(told),
        serde_json::json!([["convert", "list.files", "convert:1"], ["upload", "convert", "upload:1"]])
    );
}

#[test]
fn records_have_the_jobs_in_plan_order() {
    let project = chain(r#"["a", "bad"]"#);
    assert_eq!(project.run("-j1 report").status, 1);
    let shown = project.run("Show").stdout;
    let jobs = shown.lines().filter(|line| line.starts_with("   ")).collect::<Vec<_>>().join("\n");
    assert_snapshot!(jobs, @"
      ok  list            TIME  set files
      ok  convert:a       TIME  set name
    FAIL  convert:bad     TIME  exit 1
      ok  upload:a        TIME
    skip  upload:bad            needs convert:bad
    skip  report                needs upload
    ");
    assert_eq!(
        project.run("Data --json convert:a").ok().split_whitespace().collect::<String>(),
        r#"{"name":"a"}"#
    );
    assert_eq!(project.run("Data list.files").ok(), "[\"a\",\"bad\"]\n");
    let replayed = project.run("Replay");
    assert!(replayed.stderr.contains("ok  upload:a"), "{}", replayed.all());
    assert!(
        project.run("History").stdout.contains("3 ok, 1 failed, 2 skipped"),
        "{}",
        project.run("History").all()
    );
    assert!(project.run("Stats").ok().contains("convert"));
}

#[test]
fn items_are_passed_to_every_language() {
    for (body, out) in [
        ("bash: 'echo \"$item\"'", "a b\n"),
        ("python: 'import os; print(os.environ[\"item\"])'", "a b\n"),
        ("action: \"#!/bin/sh\\necho \\\"$item\\\"\"", "a b\n"),
    ] {
        let project = Project::new(&format!(
            "tasks:\n  list: {{bash: otto.set --list n 'a b'}}\n  t: {{foreach: {{from: list.n}}, {body}}}"
        ));
        assert_eq!(project.run("-j1 t").ok(), out, "{body}");
    }
}

#[test]
fn lists_come_from_python_and_from_json_files_too() {
    let project = Project::new(
        r##"
tasks:
  list: {python: 'OUTPUT["a"] = {"b": [1, "x"]}'}
  t: {foreach: {from: list.a.b}, bash: 'echo $item'}
  file:
    action: |
      #!/usr/bin/awk -f
      BEGIN {print "{\"n\": [7]}" > ENVIRON["OTTO_OUTPUT_JSON"]}
  u: {foreach: {from: file.n}, bash: 'echo $item'}
"##,
    );
    assert_eq!(project.run("-j1 t u").ok(), "1\nx\n7\n");
}

#[test]
fn a_task_may_grow_from_one_that_has_grown() {
    let project = Project::new(
        "tasks:\n  list: {bash: otto.set --list n 1 2}\n  a: {foreach: {from: list.n}, bash: 'OUTPUT[x]=$item'}\n  \
         more: {needs: [a], python: 'OUTPUT[\"m\"] = [v for k, v in sorted(INPUT.items())]'}\n  b: {foreach: {from: more.m}, bash: 'echo b $item'}",
    );
    assert_eq!(project.run("-j1 b").ok(), "b 1\nb 2\n");
}

#[test]
fn serial_jobs_and_limits_hold_for_jobs_from_data() {
    let project = Project::new(
        "tasks:\n  list: {bash: otto.set --list n 3 1 2}\n  t: {foreach: {from: list.n, parallel: false}, bash: 'echo $item; exit $((item == 1))'}\n",
    );
    let ran = project.run("-j4 t");
    assert_eq!((ran.outcomes().as_str(), ran.status), ("list: ok, t:1: FAIL, t:2: skip, t:3: ok", 1));
}

#[test]
fn a_rerun_has_the_recorded_items() {
    let project = chain(r#"["a", "bad", "c"]"#).with("HOW2", "");
    assert_eq!(project.run("-j1 report").status, 1);
    // What was left, with the items of then; `list` is not run again.
    let again = project.run("Rerun");
    assert_eq!(again.outcomes(), "convert:bad: FAIL, report: skip, upload:bad: skip", "{}", again.all());
    // One job alone, with the values of its own item.
    assert_eq!(project.run("Rerun -2 upload:c").ok(), "upload c c\n");
    // A whole task; and from a task on, where data tells anew.
    assert_eq!(project.run("-j1 Rerun -3 upload:a upload:c").outcomes(), "upload:a: ok, upload:c: ok");
    let from = project.run("Rerun -4 --from list");
    assert_eq!(
        from.outcomes(),
        "convert:a: ok, convert:bad: FAIL, convert:c: ok, list: ok, report: skip, upload:a: ok, upload:bad: skip, upload:c: ok",
        "{}",
        from.all()
    );
    // `list` alone brings no jobs.
    assert_eq!(project.run("Rerun latest list").outcomes(), "list: ok");
}

#[test]
fn a_rerun_with_other_data_has_other_jobs() {
    let project = chain("3");
    assert_eq!(project.run("-j1 report").status, 1);
    let refused = project.run("Rerun");
    assert!(refused.refused().contains("`convert` needs a list or an object, but `list.files` is a number"));
    let again = project.run_words(&["Rerun", "latest", "--set-json", r#"list.files=["x", "y"]"#]);
    assert_eq!(
        again.outcomes(),
        "convert:x: ok, convert:y: ok, report: ok, upload:x: ok, upload:y: ok",
        "{}",
        again.all()
    );
    let changed =
        project.run_words(&["Rerun", "latest", "convert", "--set-json", r#"list.files=["y", "z"]"#]);
    assert_eq!(changed.outcomes(), "convert:y: ok, convert:z: ok", "{}", changed.all());
    // A list stays one where the text is one.
    let project = chain(r#"["a"]"#);
    project.run("-j1 report").ok();
    let changed = project.run_words(&["Rerun", "latest", "convert", "--set", r#"list.files=["p", "q"]"#]);
    assert_eq!(changed.outcomes(), "convert:p: ok, convert:q: ok", "{}", changed.all());
    let text = project.run_words(&["Rerun", "-2", "convert", "--set", "list.files=p q"]);
    assert!(text.refused().contains("but `list.files` is a string"));
}

#[test]
fn a_run_that_was_stopped_before_its_jobs_were_known_is_resumed_with_them() {
    let project = chain(r#"["a"]"#);
    project.write(
        "otto.yml",
        &CHAIN.replace("bash: otto.set --json", "bash: kill -INT $PPID; sleep 5; otto.set --json"),
    );
    let stopped = project.run("-j1 report");
    assert_ne!(stopped.status, 0, "{}", stopped.all());
    project.write("otto.yml", CHAIN);
    let again = project.run("Rerun");
    assert_eq!(
        again.outcomes(),
        "convert:a: ok, list: ok, report: ok, upload:a: ok",
        "{}{}",
        stopped.all(),
        again.all()
    );
}

#[test]
fn jobs_from_data_use_a_service_that_is_up_already() {
    let project = Project::new(
        r#"
tasks:
  db:
    service: {log: ready}
    bash: |
      echo ready; exec sleep 100
  list: {needs: [db], bash: otto.set --list n 1 2}
  t: {needs: [db], foreach: {from: list.n}, bash: 'echo "t $item"'}
"#,
    );
    let ran = project.run("-j1 -q t");
    assert_eq!((ran.status, ran.stdout.replace("ready\n", "").as_str()), (0, "t 1\nt 2\n"), "{}", ran.all());
    let service = Project::new(
        "tasks:\n  l: {bash: otto.set --list n 1}\n  s: {foreach: {from: l.n}, service: {log: x}, bash: ':'}",
    );
    assert!(service.run("s").refused().contains("the jobs of the service `s` must be known before the run"));
}

#[test]
fn what_cannot_work_is_refused_before_the_run() {
    let refused = |tasks: &str| Project::new(&format!("tasks:\n{tasks}")).run("Check").refused().to_owned();
    assert_snapshot!(refused("  a: {bash: ':'}\n  b: {foreach: {from: lst.files}, bash: ':'}"), @"
    error[E0301]: the foreach of `b` reads `lst.files`, but there is no task `lst`
      ╭▸ otto.yml:3:23
    3 │   b: {foreach: {from: lst.files}, bash: ':'}
      ╰╴                      ━━━━━━━━━ unknown task
    otto.yml: 1 error. For details: `otto Explain E0301`
    ");
    assert_snapshot!(refused("  a: {bash: ':'}\n  b: {foreach: {from: a}, bash: ':'}"), @"
    error[E0109]: `from` of `foreach` of task `b` must be a task and one of its keys, such as `list.files`
      ╭▸ otto.yml:3:23
    3 │   b: {foreach: {from: a}, bash: ':'}
      ╰╴                      ━ not `TASK.KEY`
    otto.yml: 1 error. For details: `otto Explain E0109`
    ");
    assert_snapshot!(refused("  a: {bash: ':'}\n  b: {foreach: {each: a}, bash: ':'}"), @"
    error[E0305]: `each` of task `b` needs a task with `foreach`
      ╭▸ otto.yml:3:23
    2 │   a: {bash: ':'}
      │   ─ this task has no `foreach`
    3 │   b: {foreach: {each: a}, bash: ':'}
      ╰╴                      ━ it has no items
    help: write `needs: [a]` instead of `foreach`
    otto.yml: 1 error. For details: `otto Explain E0305`
    ");
    assert_snapshot!(refused("  a: {foreach: {items: [x]}, bash: ':'}\n  b: {foreach: {from: a.files}, bash: ':'}"), @"
    error[E0305]: the foreach of `b` cannot read `a.files`
      ╭▸ otto.yml:3:23
    2 │   a: {foreach: {items: [x]}, bash: ':'}
      │   ─ this task runs once per item, so it has no single value
    3 │   b: {foreach: {from: a.files}, bash: ':'}
      ╰╴                      ━━━━━━━ the items come from here
    help: `each: a` runs a job for each of its jobs
    otto.yml: 1 error. For details: `otto Explain E0305`
    ");
    assert_snapshot!(refused("  b: {foreach: {from: b.files}, bash: ':'}"), @"
    error[E0305]: the foreach of `b` cannot read `b.files`
      ╭▸ otto.yml:2:23
    2 │   b: {foreach: {from: b.files}, bash: ':'}
      │   ┬                   ━━━━━━━ the items come from here
      │   │
      ╰╴  a task cannot take its items from itself
    otto.yml: 1 error. For details: `otto Explain E0305`
    ");
    assert_snapshot!(refused("  a: {foreach: {each: b}, bash: ':'}\n  b: {foreach: {each: a}, bash: ':'}"), @"
    error[E0302]: dependency cycle: `a` needs `b` needs `a`
      ╭▸ otto.yml:2:23
    2 │   a: {foreach: {each: b}, bash: ':'}
      │                       ━ `a` needs `b`
    3 │   b: {foreach: {each: a}, bash: ':'}
      ╰╴                      ─ `b` needs `a`
    help: remove one of these dependencies, or split a task
    otto.yml: 1 error. For details: `otto Explain E0302`
    ");
    assert_snapshot!(refused("  a: {foreach: {items: [1], exclude: [{a: 1}]}, bash: ':'}"), @"
    error[E0112]: `foreach` of task `a` has `exclude` but no `matrix`
      ╭▸ otto.yml:2:29
    2 │   a: {foreach: {items: [1], exclude: [{a: 1}]}, bash: ':'}
      ╰╴                            ━━━━━━━ only a matrix has combinations
    help: remove it, or write the lists under `matrix`
    otto.yml: 1 error. For details: `otto Explain E0112`
    ");
    assert_snapshot!(refused("  a: {foreach: {matrix: {on: [x]}, exclude: [{onn: x}]}, bash: ':'}"), @"
    error[E0104]: `exclude` in `foreach` of task `a` names `onn`, which is not in the matrix
      ╭▸ otto.yml:2:47
    2 │   a: {foreach: {matrix: {on: [x]}, exclude: [{onn: x}]}, bash: ':'}
      ╰╴                                              ━━━ no such list in the matrix
      = note: the matrix has `on`
    help: did you mean `on`?
    otto.yml: 1 error. For details: `otto Explain E0104`
    ");
    assert_snapshot!(refused("  a: {foreach: {matrix: {on: [x], exclude: [{on: x}]}}, bash: ':'}"), @"
    error[E0104]: `exclude` goes beside `matrix`, not into it
      ╭▸ otto.yml:2:35
    2 │   a: {foreach: {matrix: {on: [x], exclude: [{on: x}]}}, bash: ':'}
      ╰╴                                  ━━━━━━━ one level too deep
    help: move `exclude` out of `matrix`
    otto.yml: 1 error. For details: `otto Explain E0104`
    ");
    assert_snapshot!(refused("  a: {foreach: {items: [1], key: x}, bash: ':'}"), @"
    error[E0112]: `foreach` of task `a` has `key` but no `from`
      ╭▸ otto.yml:2:29
    2 │   a: {foreach: {items: [1], key: x}, bash: ':'}
      ╰╴                            ━━━ only objects in data have fields
    help: remove it
    otto.yml: 1 error. For details: `otto Explain E0112`
    ");
    assert_snapshot!(refused("  a: {streaming: true, bash: 'otto.set --list n 1'}\n  b: {streaming: true, foreach: {from: a.n}, needs: [a], bash: ':'}"), @"
    error[E0908]: `b` cannot read the stream of `a`
      ╭▸ otto.yml:3:33
    3 │   b: {streaming: true, foreach: {from: a.n}, needs: [a], bash: ':'}
      ╰╴                                ━━━━━━━━━━━ the jobs of `b` are known only during the run
    help: remove `streaming` from one of the two; values and files are passed as usual
    otto.yml: 1 error. For details: `otto Explain E0908`
    ");
}

#[test]
fn names_of_variables_are_refused_where_they_clash() {
    let refused = |tasks: &str| Project::new(&format!("tasks:\n{tasks}")).run("Check").refused().to_owned();
    assert_snapshot!(refused("  a: {foreach: {matrix: {item: [x], py: [1]}}, bash: ':'}"), @"
    error[E0303]: the matrix of task `a` has a list called `item`, like its item
      ╭▸ otto.yml:2:26
    2 │   a: {foreach: {matrix: {item: [x], py: [1]}}, bash: ':'}
      ╰╴                         ━━━━ choose another name
      = note: `item` holds the name of the combination
    help: rename the list, or give the item another name: `as: NAME`
    otto.yml: 1 error. For details: `otto Explain E0303`
    ");
    assert_snapshot!(refused("  a: {params: {--py: {default: x}}, foreach: {matrix: {py: [1]}}, bash: ':'}"), @"
    error[E0303]: task `a` has two variables called `py`: a parameter and the item
      ╭▸ otto.yml:2:16
    2 │   a: {params: {--py: {default: x}}, foreach: {matrix: {py: [1]}}, bash: ':'}
      ╰╴               ━━━━ the parameter                      ── the item is in `py`
    help: give the item another name: `as: NAME`
    otto.yml: 1 error. For details: `otto Explain E0303`
    ");
    assert_snapshot!(refused("  a: {foreach: {matrix: {PATH: [x], my-os: [y], INPUT: [z]}}, bash: ':'}"), @"
    error[E0107]: the variable `PATH` in `foreach` of task `a` is reserved: bash, Python, the loader or otto itself uses it
      ╭▸ otto.yml:2:26
    2 │   a: {foreach: {matrix: {PATH: [x], my-os: [y], INPUT: [z]}}, bash: ':'}
      ╰╴                         ━━━━ choose another name
    error[E0107]: the variable `my-os` in `foreach` of task `a` contains `-`, which variables cannot
      ╭▸ otto.yml:2:37
    2 │   a: {foreach: {matrix: {PATH: [x], my-os: [y], INPUT: [z]}}, bash: ':'}
      ╰╴                                    ━━━━━ choose another name
    error[E0107]: the variable `INPUT` in `foreach` of task `a` is reserved: bash, Python, the loader or otto itself uses it
      ╭▸ otto.yml:2:49
    2 │   a: {foreach: {matrix: {PATH: [x], my-os: [y], INPUT: [z]}}, bash: ':'}
      ╰╴                                                ━━━━━ choose another name
    otto.yml: 3 errors. For details: `otto Explain E0107`
    ");
    assert_snapshot!(refused("  l: {bash: ':'}\n  a: {foreach: {from: l.n, as: file}, bash: ':'}\n  b: {params: {file: {}}, foreach: {each: a}, bash: ':'}"), @"
    error[E0303]: task `b` has two variables called `file`: a parameter and the item
      ╭▸ otto.yml:4:16
    3 │   a: {foreach: {from: l.n, as: file}, bash: ':'}
      │                                ──── the item is in `file`
    4 │   b: {params: {file: {}}, foreach: {each: a}, bash: ':'}
      ╰╴               ━━━━ the parameter
    help: give the item another name: `as: NAME`
    otto.yml: 1 error. For details: `otto Explain E0303`
    ");
}

#[test]
fn data_that_makes_no_jobs_is_told_with_both_items() {
    let told = |files: &str| {
        let ran = chain(files).run("-j1 convert");
        assert_eq!(ran.status, 1);
        let start = ran.stderr.find("error[").unwrap_or_default();
        ran.stderr[start..].split("\n\n").next().unwrap_or_default().to_owned()
    };
    assert_snapshot!(told(r#"["a b", "x", "a_b"]"#), @"
    error[E0307]: two items of `convert` would both be called `convert:a_b`
      ╭▸ otto.yml:6:14
    6 │     foreach: {from: list.files, as: file, max_items: 5}
      ╰╴             ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ has both items
      = note: items 1 and 3: `a b` and `a_b`
    ");
    assert_snapshot!(told(r#"["a", ""]"#), @"
    error[E0307]: an item of `convert` is empty, so its job would have no name
      ╭▸ otto.yml:6:14
    6 │     foreach: {from: list.files, as: file, max_items: 5}
      ╰╴             ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ has an empty item
      = note: it is item 2
    ");
    assert_snapshot!(told(r#"[1, 2, 3, 4, 5, 6]"#), @"
    error[E0307]: the foreach of `convert` has 6 items, more than `max_items: 5`
      ╭▸ otto.yml:6:14
    6 │     foreach: {from: list.files, as: file, max_items: 5}
      ╰╴             ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ too many items
    help: raise `max_items` if this is intended
    ");
    assert_snapshot!(told(r#"["a", {"x": 1}, true]"#), @"
    error[E0307]: item 3 of `list.files` is a boolean, which cannot be an item
      ╭▸ otto.yml:6:21
    3 │   list:
      │   ──── `files` is set by this task
      ┆
    6 │     foreach: {from: list.files, as: file, max_items: 5}
      ╰╴                    ━━━━━━━━━━ the items come from here
      = note: items are strings, numbers or objects
    ");
}

#[test]
fn items_of_the_last_run_are_completed() {
    let project = chain(r#"["data/a", "b"]"#);
    assert_eq!(project.run("--complete upload:").ok(), "words\n");
    project.run("-j1 upload").ok();
    assert_eq!(project.run("--complete upload:").ok(), "words\nupload:data/a\t\nupload:b\t\n");
}

#[test]
fn the_first_failed_job_in_plan_order_decides_the_status() {
    let project = Project::new(
        "tasks:\n  list: {bash: otto.set --list n 9 4 7}\n  t: {foreach: {from: list.n}, bash: 'sleep 0.$((10 - item)); exit $item'}\n  \
         late: {bash: exit 3}\n",
    );
    assert_eq!(project.run("-j4 t late").status, 9);
    assert_eq!(project.run("-j4 late t").status, 3);
    assert_eq!(project.run("-j4 t:7 late").status, 7);
}

#[test]
fn a_killed_run_goes_on_with_what_it_was_asked_for() {
    let kill = "if [ -e die ]; then rm die; kill -9 $PPID; sleep 5; fi";
    for (place, all) in [("list", "convert:b: ok, list: ok"), ("convert", "convert:b: ok")] {
        let body = |task: &str| if task == place { kill } else { ":" };
        let project = Project::new(&format!(
            "tasks:\n  list:\n    bash: |\n      {}\n      otto.set --list n a b c\n  convert:\n    foreach: {{from: list.n}}\n    bash: |\n      {}\n      echo $item\n",
            body("list"),
            body("convert"),
        ));
        project.write("die", "");
        let killed = project.run("-j1 convert:b");
        assert_ne!(killed.status, 0, "{}", killed.all());
        let again = project.run("-j1 Rerun");
        assert_eq!(again.outcomes(), all, "{place}: {}", again.all());
    }
}

#[test]
fn a_failure_in_the_middle_of_many_jobs_is_run_again_alone() {
    let project = Project::new(
        "tasks:\n  list: {python: 'OUTPUT[\"n\"] = list(range(200))'}\n  t:\n    foreach: {from: list.n}\n    bash: |\n      OUTPUT[k]=$item\n      \
         [ $item != 117 ] || [ -e fixed ]\n  sum: {needs: [t], python: 'print(sum(map(int, INPUT[\"t.*.k\"])))'}\n",
    );
    let ran = project.run("-q sum");
    assert_eq!(ran.status, 1, "{}", ran.all());
    project.write("fixed", "");
    let again = project.run("Rerun");
    assert_eq!((again.outcomes().as_str(), again.status), ("sum: ok, t:117: ok", 0), "{}", again.all());
    assert!(again.stdout.contains("19900"), "{}", again.all());
}

#[test]
fn tasks_with_values_and_lists_in_order_have_jobs_from_data() {
    let project = Project::new(
        r#"
tasks:
  list:
    params: {--n: {default: 1 2}}
    bash: otto.set --list n $n
  t:
    params: {--n: {default: 1 2}, --how: {default: plain}}
    foreach: {from: list.n}
    bash: |
      echo "$how $item"
      OUTPUT[k]=$how$item
  all:
    steps:
      - echo first
      - t
      - {task: t, with: {how: fast, n: 3 4}, as: fast}
      - echo "${INPUT[t.*.k]} ${INPUT[fast.*.k]} ${INPUT[t[n=#5be591b5,how=fast]:3.k]}"
"#,
    );
    let ran = project.run("-j1 -q all");
    assert_snapshot!(ran.all(), @r#"
    ── stdout
    first
    plain 1
    plain 2
    fast 3
    fast 4
    ["plain1","plain2"] ["fast3","fast4"] fast3
    ── exit 0
    "#);
    assert_snapshot!(project.run("-n all").all(), @"
    ── stdout
      1  all[1]  (otto.yml:14)
      2  list  n=1 2  after all[1]  (otto.yml:3)
      3  t:*  n=1 2  how=plain  for each of list.n  after all[1], list  (otto.yml:6)
      4  list[n=#5be591b5]  n=3 4  after t  (otto.yml:3)
      5  t[n=#5be591b5,how=fast]:*  n=3 4  how=fast  for each of list.n  after t, list[n=#5be591b5]  (otto.yml:6)
      6  all[4]  after t[n=#5be591b5,how=fast]  (otto.yml:17)
    ── stderr
    dry run: 4 tasks would run, and the jobs of 2 tasks that data decides; nothing was started
    ── exit 0
    ");
}
