//! `steps`, `in-order` and `with`, seen from outside: what runs in which order, which data arrives, what records say.

use crate::Project;
use insta::assert_snapshot;

const RELEASE: &str = r#"tasks:
  release:
    params: {--to: {default: test}}
    envs: {GREETING: "hi $to"}
    needs: [lint]
    steps:
      - clean
      - build
      - {task: push, with: {to: $to}}
      - {task: push, with: {to: dev}, as: dev}
      - echo "$GREETING ${INPUT[build.v]} ${INPUT[dev.at]} $OTTO_TASK $OTTO_TASK_NAME"
      - {python: "print(INPUT['lint.ok'], INPUT['push[to=dev].at'], PARAMS['to'])"}
  lint: {bash: "OUTPUT[ok]=yes"}
  clean: {bash: echo cleaning}
  generate: {bash: echo generating}
  build: {needs: [generate], bash: "OUTPUT[v]=1"}
  push: {params: {--to: {default: test}}, bash: "echo \"push $to\"; OUTPUT[at]=$to-at"}
"#;

#[test]
fn steps_run_one_after_the_other_and_pass_on_their_data() {
    let project = Project::new(RELEASE);
    assert_snapshot!(project.run("-j4 release --to prod").all(), @"
    ── stdout
    cleaning
    generating
    push prod
    push dev
    hi prod 1 dev-at release[5] release
    yes dev-at prod
    ── stderr
    otto · run RUN · 8 tasks
         ok  lint              TIME  set ok
         ok  clean             TIME
         ok  generate          TIME
         ok  build             TIME  set v
         ok  push[to=prod]     TIME  set at
         ok  push[to=dev]      TIME  set at
         ok  release[5]        TIME
         ok  release[6]        TIME
    8 ok in TIME
    ── exit 0
    ");
    let run = project.run("Data push[to=dev].at");
    assert_eq!((run.status, run.stdout.as_str()), (0, "dev-at\n"));
    let rerun = project.run("-q Rerun latest release[5]");
    assert_eq!((rerun.status, rerun.stdout.as_str()), (0, "hi prod 1 dev-at release[5] release\n"));
}

#[test]
fn a_step_that_fails_skips_those_after_it_and_what_needs_the_steps() {
    let project = Project::new(
        "tasks:
  flow: {steps: [first, exit 3, echo never]}
  first: {bash: echo first}
  then: {needs: [flow], bash: echo never}
",
    );
    assert_snapshot!(project.run("then").all(), @"
    ── stdout
    first
    ── stderr
    otto · run RUN · 4 tasks
         ok  first       TIME
       FAIL  flow[2]     TIME  exit 3
       skip  flow[3]           needs flow[2]
       skip  then              needs flow

    FAIL flow[2] · exit 3 · TIME · otto.yml:2
      no output · full log: otto Logs RUN 'flow[2]'

    4 tasks in TIME: 1 ok, 1 failed, 2 skipped
    rerun failed and skipped:  otto Rerun RUN
    ── exit 3
    ");
}

#[test]
fn a_job_of_a_task_is_not_a_task_of_the_command_line() {
    let project = Project::new(RELEASE);
    assert_snapshot!(project.run("push[to=dev]").all(), @"
    ── stderr
    error[E0003]: unknown task `push[to=dev]`
      ╭▸ command line:1:6
    1 │ otto 'push[to=dev]'
      ╰╴     ━━━━━━━━━━━━━━ not in otto.yml
    help: run its task: `otto push`
    help: to repeat one of its jobs: `otto Rerun RUN 'push[to=dev]'`
    usage: otto [OPTIONS] [TASK [ARGS]]...
    otto: 1 error. For details: `otto Explain E0003`
    ── exit 2
    ");
}

#[test]
fn data_is_read_by_alias_by_whole_name_and_of_the_plain_task() {
    let project = Project::new(
        r#"tasks:
  compare:
    needs: [{task: build, with: {mode: fast}, as: fast}, build, {task: each, with: {n: "a b"}, as: odd}]
    bash: |
      echo "${INPUT[build.v]} ${INPUT[fast.v]} ${INPUT[build[mode=fast].v]} ${OUTCOME[fast]}"
      echo "$(otto_get_input odd:x.v) $(otto_get_input each:y.v)"
  build: {params: {--mode: {default: slow}}, bash: "OUTPUT[v]=$mode"}
  each: {params: {--n: {default: one}}, foreach: {items: [x, y]}, bash: "OUTPUT[v]=\"$n $item\""}
"#,
    );
    let ran = project.run("-q compare");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "slow fast fast ok\na b x a b y\n"));
}

#[test]
fn a_service_among_steps_is_up_for_those_after_it_and_ends_with_them() {
    let project = Project::new(
        r#"tasks:
  flow: {steps: [db, "echo \"port ${INPUT[db.port]}\""]}
  db:
    service: true
    bash: |
      otto.set port 5433
      otto.ready
      exec sleep 1000
"#,
    );
    let ran = project.run("-q flow");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "port 5433\n"));
}

#[test]
fn check_knows_the_names_of_jobs_with_values_as_far_as_values_are_known() {
    let project = Project::new(
        r#"tasks:
  flow:
    params: {name: {}, --to: {default: k}}
    needs: [{task: c, with: {x: $to}}, {task: c, with: {x: q}, as: other}]
    bash: echo "${INPUT[c.v]} ${INPUT[other.v]} ${INPUT[c[x=k].v]} ${INPUT[z.v]}"
  c: {params: {--x: {default: k}}, bash: "OUTPUT[v]=$x"}
"#,
    );
    assert_snapshot!(project.run("Check").all(), @r#"
    ── stderr
    error[E0705]: there is no task `z`
      ╭▸ otto.yml:5:70
    2 │   flow:
      │   ──── depends on `c[x=#602a8d0c]`, `c[x=q]`, `c`, `other`
      ┆
    5 │     bash: echo "${INPUT[c.v]} ${INPUT[other.v]} ${INPUT[c[x=k].v]} ${INPUT[z.v]}"
      ╰╴                                                                     ━━━━━━━━━━ `flow` reads it here
    otto.yml: 1 error. For details: `otto Explain E0705`
    ── exit 2
    "#);
}

#[test]
fn scripts_among_steps_are_no_tasks_of_the_listing() {
    let project = Project::new(RELEASE);
    let list = project.run("List --all").stdout;
    let list: Vec<&str> = list.lines().map(str::trim_end).collect();
    assert_snapshot!(list.join("\n"), @"
    project · otto.yml · 6 tasks

      release     --to  [test]
      lint
      clean
      generate
      build       needs generate
      push        --to  [test]

    otto TASK --help · otto History · otto Graph
    ");
    assert_snapshot!(project.run("release --help").stdout, @r#"
    Usage: otto release [OPTIONS]

    Options:
          --to <to>  [default: test]
      -h, --help     show this help

    needs    lint
    steps    clean
             build
             push
             push
             echo "$GREETING ${INPUT[build.v]} ${INPUT[dev.at]} $OTTO_TASK $OTTO_TASK_NAME"
             print(INPUT['lint.ok'], INPUT['push[to=dev].at'], PARAMS['to'])
    defined  otto.yml:2
    "#);
    let listed: serde_json::Value = serde_json::from_str(project.run("List --json").ok()).expect("JSON");
    let needs: Vec<_> =
        listed.as_array().into_iter().flatten().map(|task| (&task["name"], &task["needs"])).collect();
    assert_snapshot!(serde_json::json!(needs).to_string(), @r#"[["release",["lint","clean","build","push","push"]],["lint",[]],["clean",[]],["generate",[]],["build",["generate"]],["push",[]]]"#);
    // Many of them, and nothing else.
    let scripts = Project::new(
        "tasks:\n  one: {steps: [echo a b]}\n  two: {steps: [echo a b, {python: 'print(1)'}]}\n",
    );
    assert_snapshot!(scripts.run("List").stdout, @"
    project · otto.yml · 2 tasks

      one    runs 1 script
      two    runs 2 scripts

    otto TASK --help · otto History · otto Graph
    ");
}
