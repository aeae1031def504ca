//! Runs whose jobs data tells: what is shown of them, and what becomes of them when they are killed.

use crate::Project;
use crate::display::in_terminal;
use insta::assert_snapshot;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

const FILE: &str = r#"
tasks:
  list: {bash: 'otto.set --json files "$FILES"'}
  convert:
    foreach: {from: list.files, as: file}
    bash: |
      echo "converting $file"
      [ "$file" != bad ]
      OUTPUT[rows]=${#file}
  upload:
    foreach: {each: convert}
    bash: echo "uploading ${INPUT[convert.rows]}"
  test:
    foreach: {matrix: {on: [linux, mac], file: {from: list.files}}, exclude: [{on: mac, file: a}]}
    bash: ":"
  report:
    needs: [convert, upload, test]
    bash: echo "${INPUT[convert.*.rows]}"
"#;

fn project(files: &str) -> Project {
    Project::new(FILE).with("FILES", files)
}

/// What a command says, without the facts that differ from machine to machine.
fn steady(project: &Project, words: &str) -> String {
    let facts =
        ["replaying", "started", "ottofile", "by", "id", "folder", "script", "defined in", "environment"];
    let all = project.run(words).all();
    let is_steady =
        |line: &&str| !facts.iter().any(|fact| line.trim_start().starts_with(&format!("{fact} ")));
    let run = regex::Regex::new("run `[0-9a-z]+`").expect("a pattern");
    run.replace_all(&all.lines().filter(is_steady).collect::<Vec<_>>().join("\n"), "run `RUN`").into_owned()
}

#[test]
fn every_way_to_look_back_knows_the_jobs() {
    let project = project(r#"["a", "bad"]"#);
    assert_snapshot!(project.run("-j1 report").all(), @r#"
    ── stdout
    converting a
    converting bad
    uploading 1
    ── stderr
    otto · run RUN · 2+ tasks
         ok  list       TIME  set files
         ok  convert:a          TIME  set rows
       FAIL  convert:bad        TIME  exit 1
       skip  upload:bad               needs convert:bad
         ok  upload:a           TIME
         ok  test:linux-a       TIME
         ok  test:linux-bad     TIME
         ok  test:mac-bad       TIME
       skip  report                   needs convert

    FAIL convert:bad · exit 1 · TIME · otto.yml:8
      │ converting bad
      1 line · full log: otto Logs RUN convert:bad
    error[E0715]: otto.yml:8: `[ "$file" != bad ]` ended with 1

    9 tasks in TIME: 6 ok, 1 failed, 2 skipped
    rerun failed and skipped:  otto Rerun RUN
    ── exit 1
    "#);
    assert_snapshot!(steady(&project, "Show"), @"
    ── stdout
    run RUN · FAIL · TIME · otto -j1 report

         ok  list               TIME  set files
         ok  convert:a          TIME  set rows
       FAIL  convert:bad        TIME  exit 1
         ok  upload:a           TIME
       skip  upload:bad               needs convert:bad
         ok  test:linux-a       TIME
         ok  test:linux-bad     TIME
         ok  test:mac-bad       TIME
       skip  report                   needs convert

    9 tasks in TIME: 6 ok, 1 failed, 2 skipped
    rerun failed and skipped:  otto Rerun RUN
    ── exit 0
    ");
    assert_snapshot!(steady(&project, "Show latest convert:a"), @r#"
    ── stdout
    convert:a · run RUN · ok · TIME · set rows
      needs       list
      stdout      13 B · otto Logs RUN convert:a --stdout

    inputs
      list.files = ["a","bad"]

    outputs
      rows = "1"
    ── exit 0
    "#);
    assert_snapshot!(steady(&project, "Show latest convert"), @"
    ── stderr
    error[E0803]: `convert` had 2 jobs in run `RUN`; name one of them
    help: its jobs are `convert:a`, `convert:bad`
    otto: 1 error. For details: `otto Explain E0803`
    ── exit 2
    ");
    assert_snapshot!(steady(&project, "Stats"), @"
    ── stdout
    task     runs     ok  median   p95  trend  beside
    list        1  100 %    TIME  TIME
    convert     2   50 %    TIME  TIME         1 failed
    upload      1  100 %    TIME  TIME         1 skipped
    test        3  100 %    TIME  TIME
    report      0      —       —     —         1 skipped
    ── exit 0
    ");
    assert_snapshot!(steady(&project, "Replay latest"), @r#"
    ── stdout
    converting a
    converting bad
    uploading 1
    ── stderr
    otto · run RUN · 2+ tasks
         ok  list       TIME  set files
         ok  convert:a          TIME  set rows
       FAIL  convert:bad        TIME  exit 1
       skip  upload:bad               needs convert:bad
         ok  upload:a           TIME
         ok  test:linux-a       TIME
         ok  test:linux-bad     TIME
         ok  test:mac-bad       TIME
       skip  report                   needs convert

    FAIL convert:bad · exit 1 · TIME · otto.yml:8
      │ converting bad
      1 line · full log: otto Logs RUN convert:bad
    error[E0715]: otto.yml:8: `[ "$file" != bad ]` ended with 1

    9 tasks in TIME: 6 ok, 1 failed, 2 skipped
    rerun failed and skipped:  otto Rerun RUN
    ── exit 0
    "#);
    assert_snapshot!(steady(&project, "Data"), @r#"
    ── stdout
    list.files = ["a","bad"]
    convert:a.rows = "1"
    ── exit 0
    "#);
    let json: Value = serde_json::from_str(project.run("--json Show").ok()).expect("JSON");
    let jobs = json["jobs"].as_array().expect("jobs").iter();
    let jobs: Vec<String> = jobs.map(|job| format!("{} {}", job["name"], job["outcome"])).collect();
    assert_snapshot!(jobs.join("\n"), @r#"
    "list" "succeeded"
    "convert:a" "succeeded"
    "convert:bad" "failed"
    "upload:a" "succeeded"
    "upload:bad" "skipped"
    "test:linux-a" "succeeded"
    "test:linux-bad" "succeeded"
    "test:mac-bad" "succeeded"
    "report" "skipped"
    "#);
}

#[test]
fn events_say_which_jobs_a_value_made() {
    let project = project(r#"["a"]"#);
    let told = |words: &str| {
        let ran = project.run(words);
        let events = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let line = |event: Value| {
            let names = event["tasks"].as_array().into_iter().flatten().map(|job| job["name"].to_string());
            let names: Vec<String> = names.collect();
            let word = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
            let line = [word("event"), word("task"), word("from"), names.join(" ")].join(" ");
            line.trim_end().to_owned()
        };
        events.map(line).collect::<Vec<_>>().join("\n")
    };
    let live = told("-j1 --json report");
    // Which of them comes first is for the threads to say that make them.
    let mut added: Vec<&str> = live.lines().filter(|line| line.starts_with("tasks_added")).collect();
    added.sort_unstable();
    assert_snapshot!(added.join("\n"), @r#"
    tasks_added convert list.files "convert:a"
    tasks_added test list.files "test:linux-a"
    tasks_added upload convert "upload:a"
    "#);
    assert!(
        live.starts_with("run_started   \"list\" \"convert\" \"upload\" \"test\" \"report\"\n"),
        "{live}"
    );
    assert_eq!(told("--json Replay latest"), live);
}

#[test]
fn graphs_have_a_place_for_the_jobs_that_are_not_known() {
    let project = project("[]");
    assert_snapshot!(project.run("Graph report --data").ok(), @"
    report
    ├─ convert [each of list.files]: rows
    │  └─ list: files
    ├─ upload [each job of convert]
    │  └─ convert [each of list.files]: rows (above)
    └─ test [each on × file]
       └─ list: files
    ");
    assert_snapshot!(project.run("Graph report --format dot").ok(), @r#"
    digraph otto {
      rankdir=LR;
      node [shape=box, style=rounded];
      "list" [label="list"];
      "convert" [label="convert [each of list.files]"];
      "upload" [label="upload [each job of convert]"];
      "test" [label="test [each on × file]"];
      "report" [label="report"];
      "list" -> "convert";
      "convert" -> "upload";
      "list" -> "test";
      "convert" -> "report";
      "upload" -> "report";
      "test" -> "report";
    }
    "#);
    assert_snapshot!(project.run("Graph report --format mermaid --data").ok(), @r#"
    flowchart LR
      t0["list"]
      t1["convert [each of list.files]"]
      t2["upload [each job of convert]"]
      t3["test [each on × file]"]
      t4["report"]
      t0 -->|"files"| t1
      t1 -->|"rows"| t2
      t0 -->|"files"| t3
      t1 -->|"rows"| t4
      t2 --> t4
      t3 --> t4
    "#);
    let svg = project.run("Graph report --format svg").ok().to_owned();
    let texts = svg.lines().flat_map(|line| line.split("<text").skip(1));
    let texts: Vec<&str> = texts.filter_map(|text| text.split(['>', '<']).nth(1)).collect();
    assert_eq!(
        texts,
        [
            "list",
            "convert [each of list.files]",
            "upload [each job of convert]",
            "test [each on × file]",
            "report"
        ]
    );
}

#[test]
fn the_progress_line_and_the_whole_screen_count_jobs_once_they_are_known() {
    let slow = FILE
        .replace("{bash: 'otto.set", "{bash: 'sleep 0.6; otto.set")
        .replace("    bash: \":\"", "    bash: sleep 0.6");
    let project = Project::new(&slow).with("FILES", r#"["a", "b"]"#);
    for words in [&["--color", "never", "-j9", "report"][..], &["--tui", "--color", "never", "-j9", "report"]]
    {
        let shown = in_terminal(&project, words);
        let (unknown, known) = (shown.find("0/?"), shown.find("/9"));
        assert!(unknown.is_some() && known.is_some() && unknown < known, "{shown:?}");
        assert!(shown.contains("convert:a") && shown.contains("9 ok in"), "{shown:?}");
    }
}

/// Killed at any moment, a run of many jobs is completed by reruns: what had succeeded is not done again, and what follows
/// reads the values of all.
#[test]
fn a_run_that_is_killed_is_completed_by_a_rerun() {
    const ITEMS: usize = 12;
    let project = Project::new(
        r#"
tasks:
  list: {bash: 'echo list >> done; otto.set --list n $(seq -w 12)'}
  work:
    foreach: {from: list.n}
    bash: |
      sleep 0.03
      OUTPUT[square]=$((10#$item * 10#$item))
      echo "work:$item" >> done
  check: {foreach: {each: work}, bash: 'echo "check:$item" >> done; OUTPUT[v]=${INPUT[work.square]}'}
  sum:
    needs: [work, check]
    python: |
      assert INPUT["work.*.square"] == INPUT["check.*.v"]
      print(sum(map(int, INPUT["work.*.square"])))
"#,
    );
    let latest = || {
        let shown: Value = serde_json::from_str(&project.run("--json Show").stdout).unwrap_or_default();
        (shown["id"].clone(), shown["jobs"].as_array().cloned().unwrap_or_default())
    };
    for moment in 1..8_u64 {
        project.write("done", "");
        let (before, _) = latest();
        let mut command = project.command(env!("CARGO_BIN_EXE_otto"));
        let mut child =
            command.args(["-q", "-j3", "sum"]).stdout(Stdio::null()).spawn().expect("otto starts");
        std::thread::sleep(Duration::from_millis(40 * moment * moment / 4));
        child.kill().expect("killed, or over");
        child.wait().expect("it ended");
        let (run, jobs) = latest();
        let ok: Vec<String> = jobs
            .iter()
            .filter(|job| job["outcome"] == "succeeded")
            .map(|job| job["name"].as_str().unwrap_or_default().to_owned())
            .collect();
        // Killed before it was recorded, there is nothing to go on with.
        let words = if run == before || jobs.is_empty() { "-j3 sum" } else { "-j3 Rerun latest" };
        let rerun = loop {
            let rerun = project.run(words);
            // On a busy machine its processes may take a while to end.
            if !rerun.stderr.contains("is still running") {
                break rerun;
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let is_over = rerun.stderr.contains("nothing to rerun");
        assert!(rerun.status == 0, "{}", rerun.all());
        assert!(is_over || rerun.stdout.ends_with("650\n"), "{}", rerun.all());
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for line in project.read("done").lines() {
            *counts.entry(line.to_owned()).or_default() += 1;
        }
        assert_eq!(counts.len(), 2 * ITEMS + 1, "{counts:?}");
        for (job, count) in counts {
            // One that was killed after it had said so is done again.
            assert!(count == 1 || count == 2 && !ok.contains(&job), "{job} ran {count} times: {ok:?}");
        }
    }
}

#[test]
fn steps_of_an_included_file_run_in_its_folder_with_its_names() {
    let project = Project::new(
        r#"
otto: {include: [svc, {path: ci.yml, as: ci}]}
tasks:
  top: {steps: [svc/flow, 'echo "top in ${PWD##*/}"', ci/go]}
"#,
    );
    project.write(
        "svc/otto.yml",
        r#"
tasks:
  build: {bash: 'echo "build in ${PWD##*/}"; OUTPUT[v]=1'}
  push: {params: {--to: {default: dev}}, bash: 'OUTPUT[to]=$to'}
  list: {bash: otto.set --list n 1 2}
  each: {foreach: {from: list.n}, bash: 'echo "each $item"'}
  flow:
    steps:
      - build
      - {task: push, with: {to: prod}, as: p}
      - echo "flow ${INPUT[build.v]} ${INPUT[p.to]} in ${PWD##*/}"
      - each
      - {python: 'print("python", INPUT["build.v"])'}
"#,
    );
    project.write("ci.yml", "tasks:\n  go: {steps: [make, echo ci]}\n  make: {bash: echo made}\n");
    assert_snapshot!(project.run("-j1 top").all(), @"
    ── stdout
    build in svc
    flow 1 prod in svc
    each 1
    each 2
    python 1
    top in project
    made
    ci
    ── stderr
    otto · run RUN · 8+ tasks
         ok  svc/build             TIME  set v
         ok  svc/push[to=prod]     TIME  set to
         ok  svc/flow[3]           TIME
         ok  svc/list              TIME  set n
         ok  svc/each:1            TIME
         ok  svc/each:2            TIME
         ok  svc/flow[5]           TIME
         ok  top[2]                TIME
         ok  ci/make               TIME
         ok  ci/go[2]              TIME
    10 ok in TIME
    ── exit 0
    ");
    assert_snapshot!(project.run("-n top").all(), @"
    ── stdout
      1  svc/build  (svc/otto.yml:3)
      2  svc/push[to=prod]  to=prod  after svc/build  (svc/otto.yml:4)
      3  svc/flow[3]  after svc/push[to=prod]  (svc/otto.yml:11)
      4  svc/list  after svc/flow[3]  (svc/otto.yml:5)
      5  svc/each:*  for each of list.n  after svc/flow[3], svc/list  (svc/otto.yml:6)
      6  svc/flow[5]  after svc/each  (svc/otto.yml:13)
      7  top[2]  after svc/flow  (otto.yml:4)
      8  ci/make  after top[2]  (ci.yml:3)
      9  ci/go[2]  after top[2], ci/make  (ci.yml:2)
    ── stderr
    dry run: 8 tasks would run, and the jobs of 1 task that data decides; nothing was started
    ── exit 0
    ");
    assert_snapshot!(project.run("Graph top").ok(), @"
    top
    ├─ svc/flow
    │  ├─ svc/build
    │  ├─ svc/push with to=prod
    │  ├─ svc/flow[3]
    │  ├─ svc/each [each of list.n]
    │  │  └─ svc/list
    │  └─ svc/flow[5]
    ├─ top[2]
    └─ ci/go
       ├─ ci/make
       └─ ci/go[2]
    ");
    assert_snapshot!(project.run("-j1 -C svc flow").all(), @"
    ── stdout
    build in svc
    flow 1 prod in svc
    each 1
    each 2
    python 1
    ── stderr
    otto · run RUN · 5+ tasks
         ok  build             TIME  set v
         ok  push[to=prod]     TIME  set to
         ok  flow[3]           TIME
         ok  list              TIME  set n
         ok  each:1            TIME
         ok  each:2            TIME
         ok  flow[5]           TIME
    7 ok in TIME
    ── exit 0
    ");
    assert_eq!(project.run("Check --strict").ok(), "otto.yml: 8 tasks are valid\n");
}

#[test]
fn a_task_that_follows_another_one_reads_its_own_item_whatever_it_needs() {
    let project = Project::new(
        r#"
tasks:
  list: {bash: 'otto.set --list n 1 2'}
  work: {foreach: {from: list.n}, bash: 'OUTPUT[k]=$item; [ "$item" != 2 ]'}
  fixed: {foreach: {items: [a]}, bash: 'OUTPUT[k]=$item'}
  after: {foreach: {each: work}, needs: [work], bash: 'echo "${INPUT[work.k]}"'}
  always: {foreach: {each: work}, needs: [{task: work, when: always}], bash: 'echo "${INPUT[work.k]-none}"'}
  all: {foreach: {each: work}, needs: [work], bash: 'echo "${INPUT[work.*.k]}"'}
  fixed-all: {foreach: {each: fixed}, python: 'print(INPUT["fixed.*.k"])'}
"#,
    );
    assert_snapshot!(project.run("Check").all(), @r#"
    ── stderr
    warning[E0704]: `all` reads only its own item of `work`, which it follows
      ╭▸ otto.yml:8:62
    4 │ …reach: {from: list.n}, bash: 'OUTPUT[k]=$item; [ "$item" != 2 ]'}
      │         ────────────── each job of `all` follows one of these
      ┆
    8 │ …each: {each: work}, needs: [work], bash: 'echo "${INPUT[work.*.k]}"'}
      ╰╴                                                   ━━━━━━━━━━━━━━━ `all` reads it here
    help: `work.k` is that of its own item
    help: to read them all, depend on `work` in a task that does not follow it with `each`
    error[E0704]: `fixed-all` reads only its own item of `fixed`, which it follows
      ╭▸ otto.yml:9:54
    5 │   fixed: {foreach: {items: [a]}, bash: 'OUTPUT[k]=$item'}
      │                    ──────────── each job of `fixed-all` follows one of these
      ┆
    9 │   fixed-all: {foreach: {each: fixed}, python: 'print(INPUT["fixed.*.k"])'}
      ╰╴                                                     ━━━━━━━━━━━━━━━━━━ `fixed-all` reads it here
    help: `fixed.k` is that of its own item
    help: to read them all, depend on `fixed` in a task that does not follow it with `each`
    otto.yml: 1 error and 1 warning. For details: `otto Explain E0704`
    ── exit 2
    "#);
    assert_eq!(project.run("-q -j1 after").stdout, "1\n");
    assert_eq!(project.run("-q -j1 always").stdout, "1\n2\n");
}
