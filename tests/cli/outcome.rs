//! How runs end: exit codes, what a failure does to others, edges with a condition, groups, retries, timeouts.

use crate::Project;
use insta::assert_snapshot;
use std::fs;

#[test]
fn the_exit_code_is_that_of_the_first_failed_task_in_plan_order() {
    // `slow` stands first in the plan and fails last.
    let project = Project::new(
        "tasks: {slow: {bash: 'while [ ! -e quick ]; do sleep 0.02; done; exit 3'}, fast: {bash: 'touch quick; exit 4'}}",
    );
    assert_eq!(project.run("-j2 slow fast").status, 3);
}

#[test]
fn the_exit_code_of_a_task_is_handed_on() {
    let project = Project::new(
        "tasks:
  seven: {bash: exit 7}
  last: {bash: exit 255}
  killed: {bash: kill -9 $$}
  late: {timeout: 0.2s, bash: sleep 30}
  nowhere: {action: \"#!/no/such/interpreter\\nx\"}
  folder: {action: \"#!/usr\\nx\"}
",
    );
    for (task, status) in
        [("seven", 7), ("last", 255), ("killed", 137), ("late", 124), ("nowhere", 127), ("folder", 126)]
    {
        let ran = project.run(task);
        assert_eq!(ran.status, status, "{}", ran.all());
    }
}

#[test]
fn a_failure_shows_where_it_was_and_how_to_run_it_again() {
    let project = Project::new(
        "tasks:
  test:
    bash: |
      echo one
      false
      echo never
  ship: {before: [test], bash: echo shipped}
",
    );
    assert_snapshot!(project.run("ship").all(), @"
    ── stdout
    one
    ── stderr
    otto · run RUN · 2 tasks
       FAIL  test     TIME  exit 1
       skip  ship           needs test

    FAIL test · exit 1 · TIME · otto.yml:5
      │ one
      1 line · full log: otto Logs RUN test
    error[E0715]: otto.yml:5: `false` ended with 1

    2 tasks in TIME: 1 failed, 1 skipped
    rerun failed and skipped:  otto Rerun RUN
    ── exit 1
    ");
}

#[test]
fn after_a_failure_independent_tasks_go_on_and_dependants_are_skipped() {
    let project = Project::new(
        "tasks: {bad: {bash: exit 1}, free: {bash: echo free}, needs: {before: [bad], bash: echo needs}, \
         later: {before: [needs], bash: echo later}}",
    );
    assert_snapshot!(project.run("-j1 bad later free").all(), @"
    ── stdout
    free
    ── stderr
    otto · run RUN · 4 tasks
       FAIL  bad       TIME  exit 1
       skip  needs           needs bad
       skip  later           needs needs
         ok  free      TIME

    FAIL bad · exit 1 · TIME · otto.yml:1
      no output · full log: otto Logs RUN bad

    4 tasks in TIME: 1 ok, 1 failed, 2 skipped
    rerun failed and skipped:  otto Rerun RUN
    ── exit 1
    ");
    assert_eq!(project.run("-k -j1 bad later free").stdout, "free\n");
}

#[test]
fn fail_fast_starts_nothing_more() {
    let project =
        Project::new("tasks: {bad: {bash: exit 1}, free: {bash: echo free}, other: {bash: echo other}}");
    assert_snapshot!(project.run("--fail-fast -j1 bad free other").all(), @"
    ── stderr
    otto · run RUN · 3 tasks
       FAIL  bad       TIME  exit 1
       skip  free            a task failed (--fail-fast)
       skip  other           a task failed (--fail-fast)

    FAIL bad · exit 1 · TIME · otto.yml:1
      no output · full log: otto Logs RUN bad

    3 tasks in TIME: 1 failed, 2 skipped
    rerun failed and skipped:  otto Rerun RUN
    ── exit 1
    ");
}

#[test]
fn fail_fast_lets_what_runs_finish() {
    let project = Project::new(
        "tasks: {bad: {bash: 'while [ ! -e started ]; do sleep 0.02; done; exit 5'}, \
         runs: {bash: 'touch started; sleep 0.3; echo finished'}, more: {before: [runs], bash: echo more}}",
    );
    let ran = project.run("--fail-fast -j2 bad more");
    assert_eq!((ran.status, ran.stdout.as_str()), (5, "   runs │ finished\n"));
    assert_eq!(ran.outcomes(), "bad: FAIL, more: skip, runs: ok");
}

#[test]
fn edges_run_by_the_outcome_they_wait_for() {
    let project = Project::new(
        "otto: {jobs: 1}
tasks:
  work: {params: {--break: {default: false}}, bash: 'if [ $break = true ]; then exit 9; fi', after: [{task: good, when: success}, {task: bad, when: failure}, {task: done, when: always}]}
  good: {bash: echo success}
  bad: {bash: echo failure}
  done: {bash: echo always}
",
    );
    let ran = project.run("work");
    assert_eq!(ran.ok(), "success\nalways\n");
    // What waited for a failure is not worth a line.
    assert_eq!(ran.outcomes(), "done: ok, good: ok, work: ok");
    let ran = project.run("work --break");
    assert_eq!((ran.status, ran.stdout.as_str()), (9, "failure\nalways\n"));
    assert_eq!(ran.outcomes(), "bad: ok, done: ok, good: skip, work: FAIL");
}

#[test]
fn only_always_runs_after_a_task_that_was_skipped() {
    let project = Project::new(
        "otto: {jobs: 1}
tasks:
  bad: {bash: exit 9}
  skipped: {before: [bad], bash: echo never}
  cleanup: {before: [{task: skipped, when: always}], bash: echo cleanup}
  report: {before: [{task: skipped, when: failure}], bash: echo report}
",
    );
    let ran = project.run("cleanup report");
    assert_eq!((ran.status, ran.stdout.as_str()), (9, "cleanup\n"));
    assert_eq!(ran.outcomes(), "bad: FAIL, cleanup: ok, skipped: skip");
}

#[test]
fn on_failure_runs_only_after_a_failure() {
    let project = Project::new(
        "otto: {jobs: 1}
tasks:
  deploy: {on-failure: [rollback], params: {--break: {default: false}}, bash: 'if [ $break = true ]; then exit 6; fi'}
  rollback: {bash: echo rolled back}
",
    );
    assert_eq!(project.run("deploy").ok(), "");
    let ran = project.run("deploy --break");
    assert_eq!((ran.status, ran.stdout.as_str()), (6, "rolled back\n"));
}

#[test]
fn wrong_edges_are_refused() {
    for edges in [
        "after: [{task: b, when: success}, {task: b, when: failure}]",
        "on-failure: [a]",
        "on-failure: [c]",
        "before: [a]",
        "before: [{task: b, when: sometimes}]",
        "before: [{when: always}]",
        "before: 7",
    ] {
        let project = Project::new(&format!("tasks: {{a: {{{edges}, bash: x}}, b: {{bash: x}}}}"));
        project.run("a").refused();
    }
    let project = Project::new(
        "tasks: {a: {before: [b], bash: x}, b: {before: [c], bash: x}, c: {before: [a], bash: x}}",
    );
    assert_snapshot!(project.run("a").all(), @"
    ── stderr
    error[E0302]: dependency cycle: `a` needs `b` needs `c` needs `a`
      ╭▸ otto.yml:1:22
    1 │ …fore: [b], bash: x}, b: {before: [c], bash: x}, c: {before: [a], bash: x}}
      ╰╴        ━ `a` needs `b`            ─ `b` needs `c`            ─ `c` needs `a`
    help: remove one of these dependencies, or split a task
    otto.yml: 1 error. For details: `otto Explain E0302`
    ── exit 2
    ");
}

#[test]
fn a_group_fails_with_its_member() {
    let project = Project::new(
        "otto: {jobs: 1}
tasks:
  good: {bash: echo good}
  bad: {bash: exit 8}
  all: {before: [good, bad]}
  fine: {before: [good]}
  then: {before: [all], bash: echo then}
",
    );
    assert_snapshot!(project.run("fine").all(), @"
    ── stdout
    good
    ── stderr
         ok  good     TIME
    ── exit 0
    ");
    assert_snapshot!(project.run("then").all(), @"
    ── stdout
    good
    ── stderr
    otto · run RUN · 3 tasks
         ok  good     TIME
       FAIL  bad      TIME  exit 8
       skip  then           needs all

    FAIL bad · exit 8 · TIME · otto.yml:4
      no output · full log: otto Logs RUN bad

    3 tasks in TIME: 1 ok, 1 failed, 1 skipped
    rerun failed and skipped:  otto Rerun RUN
    ── exit 8
    ");
}

#[test]
fn what_waits_for_the_failure_of_a_group_runs_when_a_member_fails() {
    let project = Project::new(
        "otto: {jobs: 1}
tasks:
  lint: {bash: exit 8}
  test: {bash: 'true'}
  ci: {before: [lint, test], on-failure: [tell]}
  tell: {bash: echo told}
",
    );
    let ran = project.run("ci");
    assert_eq!((ran.status, ran.stdout.as_str()), (8, "told\n"), "{}", ran.all());
    assert_eq!(ran.outcomes(), "lint: FAIL, tell: ok, test: ok");
}

#[test]
fn asking_for_a_task_also_runs_what_comes_after_it() {
    let project = Project::new(
        "otto: {jobs: 1}\ntasks: {ci: {before: [cov], bash: echo ci}, cov: {after: [report], bash: echo cov}, report: {bash: 'echo report; exit 4'}}",
    );
    let ran = project.run("ci");
    assert_eq!(ran.status, 4, "{}", ran.all());
    assert!(ran.stdout.starts_with("cov\n") && ran.stdout.contains("report\n"), "{}", ran.all());
}

#[test]
fn a_retry_has_a_log_of_its_own() {
    let project = Project::new(
        "tasks: {flaky: {retries: 2, bash: 'echo try; echo x >> tries; [ $(wc -l < tries) = 3 ] || exit 1'}}",
    );
    let ran = project.run("flaky");
    assert_snapshot!(ran.all(), @"
    ── stdout
    try
    try
    try
    ── stderr
      retry  flaky     TIME  exit 1 · retry 1 of 2 in 0s
      retry  flaky     TIME  exit 1 · retry 2 of 2 in 0s
         ok  flaky     TIME  attempt 3
    ── exit 0
    ");
    let mut logs: Vec<_> = fs::read_dir(project.task("flaky"))
        .expect("the task's directory")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("stdout"))
        .collect();
    logs.sort();
    assert_snapshot!(logs.join(" "), @"stdout.2.log stdout.3.log stdout.log");
}

#[test]
fn retries_end_and_the_last_exit_code_counts() {
    let project = Project::new(
        "tasks: {t: {retries: {count: 2, delay: 10ms, backoff: 2}, bash: 'echo x >> tries; exit 5'}}",
    );
    assert_eq!(project.run("t").status, 5);
    assert_eq!(project.read("tries"), "x\nx\nx\n");
}

#[test]
fn each_attempt_has_the_whole_timeout() {
    let project = Project::new(
        "tasks: {t: {retries: 1, timeout: 1s, bash: 'echo x >> tries; if [ $(wc -l < tries) = 1 ]; then sleep 30; fi; echo done'}}",
    );
    assert_eq!(project.run("t").ok(), "done\n");
    let project = Project::new("tasks: {t: {retries: 1, timeout: 200ms, bash: 'echo x >> tries; sleep 30'}}");
    let ran = project.run("t");
    assert_eq!((ran.status, project.read("tries").as_str()), (124, "x\nx\n"), "{}", ran.all());
    assert_eq!(ran.outcomes(), "t: TIMEOUT");
}

#[test]
fn the_timeout_of_the_command_line_is_for_tasks_without_their_own() {
    let project =
        Project::new("tasks: {none: {bash: sleep 30}, own: {timeout: 30s, bash: 'sleep 0.5; echo own'}}");
    assert_eq!(project.run("--timeout 200ms none").status, 124);
    assert_eq!(project.run("none --timeout=200ms").status, 124);
    assert_eq!(project.run("--timeout 200ms own").ok(), "own\n");
}

#[test]
fn one_at_a_time_is_one_at_a_time() {
    let body = "'mkdir alone; sleep 0.05; rmdir alone'";
    let tasks: Vec<String> = (0..4).map(|number| format!("t{number}: {{bash: {body}}}")).collect();
    let file = format!("tasks: {{{}}}", tasks.join(", "));
    Project::new(&file).run("-j1 t0 t1 t2 t3").ok();
    Project::new(&format!("otto: {{jobs: 1}}\n{file}")).run("t0 t1 t2 t3").ok();
}

#[test]
fn a_task_works_in_the_ottofiles_folder_or_its_own() {
    let project = Project::new(
        "tasks: {here: {bash: pwd}, there: {dir: sub, bash: pwd}, nowhere: {dir: none, bash: pwd}}",
    );
    project.write("sub/deep/file", "");
    assert_eq!(project.run("-C sub/deep here").ok(), "/you/project\n");
    assert_eq!(project.run("-C sub/deep there").ok(), "/you/project/sub\n");
    let ran = project.run("nowhere");
    assert!(ran.status == 2 || ran.status == 125, "{}", ran.all());
    assert!(ran.stderr.contains("none"), "{}", ran.all());
}

#[test]
fn falling_off_the_end_is_success_and_an_error_before_it_is_not() {
    let project = Project::new(
        "tasks: {false-test: {bash: '[ a = b ] && echo never'}, early: {bash: 'exit 0; false'}, pipe: {bash: 'false | true'}, \
         unset: {bash: 'echo $nothing'}, trap: {bash: 'trap \"echo gone\" EXIT; exit 3'}, arguments: {bash: 'echo $#'}}",
    );
    assert_eq!(project.run("false-test").ok(), "");
    assert_eq!(project.run("early").ok(), "");
    assert_eq!(project.run("arguments").ok(), "0\n");
    assert_eq!(project.run("pipe").status, 1);
    assert_eq!(project.run("unset").status, 1);
    let ran = project.run("trap");
    assert_eq!((ran.status, ran.stdout.as_str()), (3, "gone\n"));
}

/// Runs a program in a terminal, answers each question in turn and shows what it wrote.
const IN_A_TERMINAL: &str = "
import os, pty, sys
answers = sys.argv[1].split(',')
process, terminal = pty.fork()
if process == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
seen = b''
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        break
    if not piece:
        break
    seen += piece
    if piece.rstrip().endswith(b'[y/N]') and answers:
        os.write(terminal, (answers.pop(0) + chr(10)).encode().replace(b'^C' + b'\\n', b'\\x03'))
status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
sys.stdout.buffer.write(seen.replace(b'\\r', b''))
print('status', status)
";

#[test]
fn a_task_that_must_be_confirmed_is_asked_for_before_anything_starts() {
    let project = Project::new(
        "tasks:
  build: {bash: 'touch built'}
  deploy:
    needs: [build]
    confirm: Deploy to $env?
    params: {env: {default: test}}
    bash: touch \"deployed-$env\"
  wipe: {confirm: true, bash: touch wiped}
",
    )
    .with("TERM", "dumb");
    project.write("terminal.py", IN_A_TERMINAL);
    let asked = |answers: &str, words: &str| {
        let ran = project.shell(&format!("python3 terminal.py {answers} otto -qq {words}"));
        let made: Vec<&str> = ["built", "deployed-test", "deployed-prod", "wiped"]
            .into_iter()
            .filter(|name| fs::remove_file(project.path(name)).is_ok())
            .collect();
        format!("{}made: {}\n", ran.stdout, made.join(" "))
    };
    assert_snapshot!(asked("n", "deploy"), @"
    Deploy to test? [y/N] n
    not confirmed: nothing was started
    status 1
    made:
    ");
    assert_snapshot!(asked("^C", "deploy"), @"
    Deploy to test? [y/N] ^C
    status -2
    made:
    ");
    assert_snapshot!(asked("y,no", "deploy prod wipe"), @"
    Deploy to prod? [y/N] y
    Run wipe? [y/N] no
    not confirmed: nothing was started
    status 1
    made:
    ");
    assert_snapshot!(asked("y,YES", "deploy prod wipe"), @"
    Deploy to prod? [y/N] y
    Run wipe? [y/N] YES
    status 0
    made: built deployed-prod wiped
    ");
    assert_snapshot!(asked("-", "--yes deploy"), @"
    status 0
    made: built deployed-test
    ");
    assert_snapshot!(asked("-", "-n deploy"), @"
      1  build  (otto.yml:2)
      2  deploy  env=test  after build  (otto.yml:3)
    dry run: 2 tasks would run; nothing was started
    status 0
    made:
    ");
    assert_snapshot!(project.run("deploy").all(), @"
    ── stderr
    error[E0007]: `deploy` must be confirmed, and there is no terminal to ask on
      ╭▸ otto.yml:5:14
    5 │     confirm: Deploy to $env?
      ╰╴             ━━━━━━━━━━━━━━━ nothing was started
    help: `--yes` confirms
    otto.yml: 1 error. For details: `otto Explain E0007`
    ── exit 2
    ");
    assert_snapshot!(project.run("--json --yes build").status, @"0");
    assert_eq!(project.run("--json deploy").status, 2);
    assert_eq!(project.run("-y deploy").status, 0);
    assert_eq!(project.run("Rerun latest deploy").status, 2);
    assert_eq!(project.run("Rerun --yes latest deploy").status, 0);
}

#[test]
fn fail_fast_now_also_ends_what_runs() {
    let project = Project::new(
        "tasks:
  long: {bash: 'trap \"echo asked; exit 9\" TERM; touch started; while :; do sleep 0.02; done'}
  fails: {bash: 'while [ ! -e started ]; do sleep 0.02; done; exit 4'}
  tidy: {bash: echo tidied}
  all: {needs: [long, fails], after: [{task: tidy, when: always}], bash: echo no}
",
    );
    let ran = project.run("-j2 --fail-fast=now all");
    assert_eq!(ran.status, 4, "{}", ran.all());
    assert_snapshot!(ran.outcomes(), @"all: skip, fails: FAIL, long: INT, tidy: skip");
    assert!(ran.all().contains("asked"), "{}", ran.all());
    assert_snapshot!(project.run("--fail-fast=later all").refused(), @"
    error[E0002]: invalid value `later` for `--fail-fast`
    help: expected now
    help: `otto --help` shows all options
    usage: otto [OPTIONS] [TASK [ARGS]]...
    otto: 1 error. For details: `otto Explain E0002`
    ");
}

#[test]
fn the_time_of_a_whole_run_can_be_limited() {
    let project = Project::new(
        "tasks:
  first: {bash: echo first}
  long: {needs: [first], bash: 'trap \"echo asked; exit 9\" TERM; while :; do sleep 0.02; done'}
  next: {needs: [long], bash: echo no}
",
    );
    let ran = project.run("--run-timeout 1s next");
    assert_eq!(ran.status, 124, "{}", ran.all());
    assert_snapshot!(ran.outcomes(), @"first: ok, long: INT");
    assert!(ran.stderr.contains("the time of the run is up"), "{}", ran.all());
    assert_eq!(project.run("--run-timeout 60s first").status, 0);
}

#[test]
fn retries_end_when_their_time_is_up() {
    let project = Project::new(
        "tasks:
  late: {retries: {count: 50, delay: 20s, within: 10s}, bash: 'echo try >> tries; exit 3'}
  soon: {retries: {count: 2, within: 1h}, bash: 'echo try >> tries; exit 3'}
",
    );
    assert_eq!(project.run("late").status, 3);
    assert_eq!(project.read("tries"), "try\n");
    assert_eq!(project.run("soon").status, 3);
    assert_eq!(project.read("tries"), "try\n".repeat(4));
}

#[test]
fn what_one_attempt_leaves_behind_does_not_disturb_the_next() {
    let project = Project::new(
        "tasks:
  fetch: {bash: 'OUTPUT[url]=here'}
  shell:
    before: [fetch]
    retries: 1
    bash: |
      OUTPUT[from]=${INPUT[fetch.url]}
      echo \"$OTTO_TASK_DIR\" >> dirs
      [ $(wc -l < dirs) = 2 ] || { rm -f \"$OTTO_TASK_DIR\"/.otto/dump; mkdir \"$OTTO_TASK_DIR\"/.otto/dump; exit 1; }
  python:
    before: [fetch]
    retries: 1
    python: |
      import os
      OUTPUT['from'] = INPUT['fetch.url']
      own = os.environ['OTTO_TASK_DIR'] + '/.otto/dump'
      if not os.path.isdir(own):
          os.remove(own)
          os.mkdir(own)
          os._exit(1)
",
    );
    let ran = project.run("shell python");
    assert_eq!(ran.status, 0, "{}", ran.all());
    for task in ["shell", "python"] {
        let dir = project.task(task);
        let output = fs::read_to_string(dir.join(format!("output.{task}.json"))).expect("there");
        assert!(output.contains(r#""from": "here""#), "{output}");
    }
    let dirs = project.read("dirs");
    let dir = fs::canonicalize(project.task("shell")).expect("there");
    assert_eq!(dirs, format!("{0}\n{0}\n", dir.display()));
    let script = |folder: &str| fs::read_to_string(dir.join(folder).join("script.sh")).expect("there");
    assert!(script("attempt-2").contains("OUTPUT[from]=") && script("").contains("OUTPUT[from]="));
}
