//! Tasks that stay up while others use them: when they start, count as ready and end, and what becomes of their users.

// What is skipped is said where people look for it.
#![allow(clippy::print_stderr)]

use crate::{Project, Ran};
use insta::assert_snapshot;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// A port that nobody listens on just now.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("its address").port()
}

/// The processes that have this word in their command line.
fn processes(word: &str) -> Vec<String> {
    let listed = Command::new("ps").args(["-eo", "pid=,args="]).output().expect("ps runs");
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    text.lines().filter(|line| line.contains(word) && !line.contains("ps -eo")).map(str::to_owned).collect()
}

/// Waits until none is left.
#[track_caller]
fn gone(word: &str) {
    let until = Instant::now() + Duration::from_secs(20);
    while !processes(word).is_empty() {
        assert!(Instant::now() < until, "still there: {:?}", processes(word));
        std::thread::yield_now();
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

/// Starts otto and waits until a line of its stderr has this in it; answers what it wrote there until then.
fn until(project: &Project, words: &str, wanted: &str) -> (Child, BufReader<impl Read + use<>>, String) {
    let mut command = project.command(env!("CARGO_BIN_EXE_otto"));
    let mut child = command.args(words.split_whitespace()).spawn().expect("otto starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
    let mut text = String::new();
    while !text.contains(wanted) {
        let bytes = stderr.read_line(&mut text).expect("text");
        assert!(bytes > 0, "it ended without `{wanted}`:\n{text}");
    }
    (child, stderr, text)
}

/// Lines of otto's own, without those of tasks, whose order is a matter of speed.
fn own(ran: &Ran) -> String {
    ran.stderr.lines().filter(|line| !line.contains('│')).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_service_is_up_while_its_users_run_and_hands_them_what_it_set() {
    let project = Project::new(
        "tasks:
  db:
    service: true
    bash: |
      trap 'echo stopped >> log; exit 0' TERM
      otto.set port 5433
      OUTPUT[name]=main
      otto.ready
      echo up >> log
      while :; do sleep 0.05; done
  migrate: { needs: [db], bash: 'echo migrate ${INPUT[db.port]} >> log' }
  test: { needs: [migrate], bash: 'echo test >> log' }
  report: { needs: [{task: test, when: always}], bash: 'echo report >> log' }
",
    );
    let ran = project.run("-j1 report");
    assert_eq!(project.read("log"), "up\nmigrate 5433\ntest\nreport\nstopped\n", "{}", ran.all());
    assert_snapshot!(own(&ran), @"
    otto · run RUN · 4 tasks
         up  db          TIME  set name, port
         ok  migrate     TIME
         ok  test        TIME
         ok  report      TIME
    Terminated
    4 ok in TIME
    ");
    let shown = project.run("Show latest db").stdout;
    assert!(shown.contains("\n  service     ready after "), "{shown}");
    assert_snapshot!(project.run("Data db").stdout, @r#"
    db.name = "main"
    db.port = "5433"
    "#);
}

#[test]
fn each_way_to_be_ready_is_waited_for() {
    let port = free_port();
    let project = Project::new(&format!(
        "tasks:
  by-command:
    service: {{ready: 'test -e made && test \"$PLACE\" = here'}}
    bash: otto.set place here; sleep 0.1; touch made; exec sleep 100
  by-log:
    service: {{log: 'ready to accept'}}
    bash: echo starting; sleep 0.1; echo 'now ready to accept connections' >&2; exec sleep 100
  by-port:
    service: {{port: $PORT}}
    envs: {{PORT: {port}}}
    python: |
      import http.server
      http.server.HTTPServer(('127.0.0.1', {port}), http.server.SimpleHTTPRequestHandler).serve_forever()
  by-python:
    service: true
    python: |
      import time
      OUTPUT['n'] = 1.5
      otto_ready()
      time.sleep(100)
  by-sh:
    service: true
    action: |
      #!/bin/sh
      otto_set k v
      otto_ready
      exec sleep 100
  by-file:
    service: true
    action: |
      #!/usr/bin/env perl
      open my $out, '>', $ENV{{OTTO_OUTPUT_JSON}}; print $out '{{\"k\": 2}}'; close $out;
      open my $ready, '>', $ENV{{OTTO_READY}}; close $ready;
      sleep 100;
  use:
    needs: ['by-*']
    bash: |
      echo \"${{INPUT[by-command.place]}} ${{INPUT[by-python.n]}} ${{INPUT[by-sh.k]}} ${{INPUT[by-file.k]}}\" > used
      exec 3<>/dev/tcp/127.0.0.1/{port}
"
    ));
    let ran = project.run("use");
    assert_eq!((ran.status, project.read("used").as_str()), (0, "here 1.5 v 2\n"), "{}", ran.all());
}

#[test]
fn a_service_that_ends_before_it_is_ready_fails_whatever_its_status() {
    let project = Project::new(
        "tasks:
  db: { service: {log: ready}, bash: 'echo no room >&2; exit 3' }
  zero: { service: true, bash: 'true' }
  brief: { service: true, bash: 'otto.ready; exit 4' }
  written: { service: {log: ready}, bash: 'echo ready' }
  slow: { service: {ready: 'echo not yet; exit 1', timeout: 2s}, bash: exec sleep 100 }
  use: { needs: [db], bash: 'true' }
  use-zero: { needs: [zero], bash: 'true' }
  use-slow: { needs: [slow], bash: 'true' }
",
    );
    for (name, exit) in [("brief", "exit 4 · "), ("written", "")] {
        let told = project.run(name).stderr;
        // Asked at the right moment it was up, and then it ended by itself.
        let late = format!("{exit}ended as soon as it was ready, before it could be used");
        assert!(told.contains(&late) || told.contains("ended by itself") || told.contains(" up "), "{told}");
        assert!(!told.contains("it has not"), "{told}");
    }
    assert_snapshot!(project.run("use").all(), @"
    ── stderr
    otto · run RUN · 2 tasks
         db │ no room
       FAIL  db      TIME  exit 3 · ended before it was ready: it has not written `ready`
       skip  use           needs db

    FAIL db · exit 3 · ended before it was ready: it has not written `ready` · TIME · otto.yml:2
      │ no room
      1 line · full log: otto Logs RUN db

    2 tasks in TIME: 1 failed, 1 skipped
    rerun failed and skipped:  otto Rerun RUN
    ── exit 3
    ");
    assert_snapshot!(project.run("use-zero").all(), @"
    ── stderr
    otto · run RUN · 2 tasks
       FAIL  zero         TIME  ended before it was ready: it has not called `otto.ready`
       skip  use-zero           needs zero

    FAIL zero · ended before it was ready: it has not called `otto.ready` · TIME · otto.yml:3
      no output · full log: otto Logs RUN zero

    2 tasks in TIME: 1 failed, 1 skipped
    rerun failed and skipped:  otto Rerun RUN
    ── exit 1
    ");
    assert_snapshot!(project.run("use-slow").all(), @"
    ── stderr
    otto · run RUN · 2 tasks
    TIMEOUT  slow         TIME  not ready within 2 s: `echo not yet; exit 1` failed: exit 1
       skip  use-slow           needs slow

    TIMEOUT slow · not ready within 2 s: `echo not yet; exit 1` failed: exit 1 · TIME · otto.yml:6
      no output · full log: otto Logs RUN slow

    2 tasks in TIME: 1 failed, 1 skipped
    rerun failed and skipped:  otto Rerun RUN
    ── exit 124
    ");
}

#[test]
fn when_a_service_ends_those_who_need_it_are_stopped_and_fail_with_its_last_lines() {
    let project = Project::new(
        "tasks:
  db: { service: true, bash: 'otto.ready; until [ -e begun ]; do sleep 0.02; done; echo disk full >&2; exit 7' }
  migrate: { needs: [db], bash: 'true' }
  test: { needs: [migrate], bash: 'touch begun; exec sleep 100' }
  later: { needs: [test], bash: 'true' }
  tidy: { needs: [{task: test, when: always}], bash: 'echo tidy > tidied' }
",
    );
    let ran = project.run("later tidy");
    assert_eq!((ran.status, project.read("tidied").as_str()), (7, "tidy\n"), "{}", ran.all());
    assert_snapshot!(own(&ran), @"
    otto · run RUN · 5 tasks
         up  db          TIME
         ok  migrate     TIME
       FAIL  db          TIME  exit 7 · ended while it was used
       skip  later             needs db
       FAIL  test        TIME  killed by SIGTERM · the service `db` ended: exit 7
         ok  tidy        TIME

    FAIL db · exit 7 · ended while it was used · TIME · otto.yml:2
      1 line · full log: otto Logs RUN db

    FAIL test · killed by SIGTERM · the service `db` ended: exit 7 · TIME · otto.yml:4
      no output · full log: otto Logs RUN test
    error[E0607]: the service `db` ended: exit 7
      = note: its last lines:
              disk full

    5 tasks in TIME: 2 ok, 2 failed, 1 skipped
    rerun failed and skipped:  otto Rerun RUN
    ");
}

#[test]
fn an_if_decides_whether_a_service_starts() {
    let project = Project::new(
        "tasks:
  db: { if: 'test -e wanted', service: true, bash: 'otto.set port 1; otto.ready; exec sleep 100' }
  odd: { if: 'exit 3', service: true, bash: 'otto.ready; exec sleep 100' }
  use: { needs: [db], bash: 'echo \"${INPUT[db.port]-none}\"' }
  use-odd: { needs: [odd], bash: 'true' }
",
    );
    let ran = project.run("use");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "    use │ none\n"), "{}", ran.all());
    assert_snapshot!(own(&ran), @"
    otto · run RUN · 2 tasks
       skip  db      TIME  if is false
         ok  use     TIME
    1 ok, 1 skipped (if) in TIME
    ");
    project.write("wanted", "");
    let ran = project.run("use");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "    use │ 1\n"), "{}", ran.all());
    assert_snapshot!(own(&project.run("use-odd")), @"
    otto · run RUN · 2 tasks
       FAIL  odd         TIME  exit 1
       skip  use-odd           needs odd

    FAIL odd · exit 1 · TIME · otto.yml:3
      no output · full log: otto Logs RUN odd
    error[E0718]: the `if` of `odd` ended the shell, with status 3
      ╭▸ otto.yml:3:14
      ╰╴             ━━━━━━━━ the shell ended here
      = note: status 0 runs the task and status 1 skips it; anything else is a failure

    2 tasks in TIME: 1 failed, 1 skipped
    rerun failed and skipped:  otto Rerun RUN
    ");
}

#[test]
fn a_port_that_somebody_has_is_refused_before_the_start() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let project = Project::new(&format!(
        "tasks:
  web: {{ service: {{port: {port}}}, bash: 'touch started; exec sleep 100' }}
  use: {{ needs: [web], bash: 'true' }}
"
    ));
    let ran = project.run("use");
    assert_eq!(project.read("started"), "-");
    assert_snapshot!(ran.all().replace(&port.to_string(), "PORT"), @"
    ── stderr
    otto · run RUN · 2 tasks
       FAIL  web     TIME  not started: port PORT of `web` is already in use
       skip  use           needs web

    FAIL web · not started: port PORT of `web` is already in use · TIME · otto.yml:2
      no output · full log: otto Logs RUN web
    error[E0606]: port PORT of `web` is already in use
      ╭▸ otto.yml:2:26
    2 │   web: { service: {port: PORT}, bash: 'touch started; exec sleep 100' }
      ╰╴                         ━━━━━ another program answers there
    help: stop that program, or use another port

    2 tasks in TIME: 1 failed, 1 skipped
    rerun failed and skipped:  otto Rerun RUN
    ── exit 125
    ");
}

#[test]
fn a_port_without_a_number_is_told() {
    let project = Project::new(
        "tasks:
  web: { service: {port: $WEB_PORT}, bash: 'exec sleep 100' }
  odd: { service: {port: '${ODD}'}, envs: {ODD: http}, bash: 'exec sleep 100' }
",
    );
    assert_snapshot!(project.run("web").all(), @"
    ── stderr

    FAIL web · not started: the port `$WEB_PORT` has no value: nothing sets `WEB_PORT` · TIME · otto.yml:2
      no output · full log: otto Logs RUN web
    error[E0604]: the port `$WEB_PORT` has no value: nothing sets `WEB_PORT`
      ╭▸ otto.yml:2:26
    2 │   web: { service: {port: $WEB_PORT}, bash: 'exec sleep 100' }
      ╰╴                         ━━━━━━━━━ the port

    rerun:  otto Rerun RUN
    ── exit 125
    ");
    assert_snapshot!(project.run("odd").all(), @"
    ── stderr

    FAIL odd · not started: `${ODD}` is `http`, which is not a port · TIME · otto.yml:3
      no output · full log: otto Logs RUN odd
    error[E0604]: `${ODD}` is `http`, which is not a port
      ╭▸ otto.yml:3:26
    3 │   odd: { service: {port: '${ODD}'}, envs: {ODD: http}, bash: 'exec sleep 10…
      ╰╴                         ━━━━━━━━ the port

    rerun:  otto Rerun RUN
    ── exit 125
    ");
}

#[test]
fn a_service_that_was_asked_for_stays_up_until_it_is_interrupted() {
    let project = Project::new(
        "tasks:
  db: { service: true, bash: 'trap \"echo bye > bye; exit 0\" TERM; otto.ready; while :; do sleep 0.05; done' }
  web: { service: true, bash: 'otto.ready; exec sleep 4321.5' }
  dev: { needs: [db, web] }
  test: { needs: [db], bash: 'echo tested > tested' }
",
    );
    let (child, mut stderr, _) = until(&project, "dev test", " ok  test");
    signal(&child, "-INT");
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).expect("text");
    let ran = project.end(child);
    assert_eq!((ran.status, project.read("bye").as_str()), (130, "bye\n"), "{rest}");
    gone("sleep 4321.5");
    let shown = project.run("Show").stdout;
    assert!(shown.contains("ok  db") && shown.ends_with("3 ok in TIME\n"), "{shown}");
}

#[test]
fn whoever_is_killed_no_service_is_left() {
    for name in ["-KILL", "-TERM", "-HUP"] {
        let project = Project::new(
            "tasks:
  db:
    service: true
    bash: |
      trap '' TERM HUP INT
      setsid -f sleep 4322.5
      (sleep 4322.6; true) &
      otto.ready
      while :; do sleep 4322.7; done
",
        );
        let (child, _stderr, _) = until(&project, "db", " up  db");
        signal(&child, name);
        if name != "-KILL" {
            // The service is deaf, so a second signal ends what the first one asked to end.
            signal(&child, name);
        }
        project.end(child);
        gone("sleep 4322.");
    }
}

#[test]
fn whoever_is_killed_no_service_of_a_watch_is_left() {
    for name in ["-KILL", "-TERM", "-HUP"] {
        let project = Project::new(
            "tasks:
  db:
    service: true
    bash: |
      setsid -f sleep 4323.5
      otto.ready
      while :; do sleep 4323.7; done
  test: { needs: [db], bash: 'true' }
",
        );
        let (child, _stderr, _) = until(&project, "--watch test", "db is up; Ctrl-C ends");
        assert_eq!(processes("sleep 4323.").len(), 2, "{name}");
        signal(&child, name);
        project.end(child);
        gone("sleep 4323.");
    }
}

#[test]
fn a_rerun_of_a_user_starts_the_service_anew_and_takes_its_data_anew() {
    let project = Project::new(
        "tasks:
  db: { service: true, bash: 'echo up >> log; otto.set n \"$(wc -l < log)\"; otto.ready; exec sleep 100' }
  migrate: { needs: [db], bash: 'echo migrate >> log' }
  test: { needs: [migrate], bash: 'echo test >> log; test -e fixed' }
  direct: { needs: [db, test], bash: 'echo \"n ${INPUT[db.n]}\" >> log' }
",
    );
    assert_eq!(project.run("direct").status, 1);
    project.write("fixed", "");
    let ran = project.run("Rerun");
    assert_eq!(ran.status, 0, "{}", ran.all());
    assert_eq!(project.read("log"), "up\nmigrate\ntest\nup\ntest\nn 4\n");
}

#[test]
fn the_jobs_of_a_foreach_can_be_services() {
    let project = Project::new(
        "tasks:
  node:
    foreach: {items: [a, b]}
    service: true
    bash: otto.set name \"node-$item\"; otto.ready; exec sleep 100
  use: { needs: [node], bash: 'echo ${INPUT[node:a.name]} ${INPUT[node:b.name]} > used' }
",
    );
    let ran = project.run("-j1 use");
    assert_eq!((ran.status, project.read("used").as_str()), (0, "node-a node-b\n"), "{}", ran.all());
}

#[test]
fn a_service_that_is_not_ready_is_tried_again_as_often_as_retries_say() {
    let project = Project::new(
        "tasks:
  db:
    service: true
    retries: 2
    bash: echo x >> tries; [ $(wc -l < tries) = 3 ] || exit 1; otto.ready; exec sleep 100
  use: { needs: [db], bash: 'true' }
",
    );
    let ran = project.run("use");
    assert_eq!((ran.status, project.read("tries").as_str()), (0, "x\nx\nx\n"), "{}", ran.all());
}

#[test]
fn a_contract_is_kept_when_the_service_is_up() {
    let project = Project::new(
        "tasks:
  db:
    service: true
    outputs: {port: int, host: str?}
    bash: otto.set port abc; otto.ready; exec sleep 100
  use: { needs: [db], bash: 'touch used' }
",
    );
    assert_snapshot!(project.run("use").all(), @r#"
    ── stderr
    otto · run RUN · 2 tasks
       FAIL  db      TIME  output `port` of `db` is `"abc"`, not an `int`
       skip  use           needs db

    FAIL db · output `port` of `db` is `"abc"`, not an `int` · TIME · otto.yml:2
      no output · full log: otto Logs RUN db
    error[E0717]: output `port` of `db` is `"abc"`, not an `int`
      ╭▸ otto.yml:4:15
    4 │     outputs: {port: int, host: str?}
      │               ━━━━ declared as `int`
    5 │     bash: otto.set port abc; otto.ready; exec sleep 100
      ╰╴          ───────────────── `db` sets it here
    help: numbers are written as in JSON

    2 tasks in TIME: 1 failed, 1 skipped
    rerun failed and skipped:  otto Rerun RUN
    ── exit 1
    "#);
    assert_eq!(project.read("used"), "-");
}

#[test]
fn what_waits_for_the_end_of_a_service_runs_after_it() {
    let project = Project::new(
        "tasks:
  db: { service: true, bash: 'trap \"echo end >> log; exit 0\" TERM; otto.ready; while :; do sleep 0.05; done' }
  test: { needs: [db], bash: 'echo test >> log' }
  clean: { needs: [{task: db, when: always}], bash: 'echo clean >> log' }
",
    );
    assert_eq!(project.run("clean test").status, 0);
    assert_eq!(project.read("log"), "test\nend\nclean\n");
}

#[test]
fn what_cannot_be_is_refused_with_its_place() {
    let check = |text: &str| Project::new(text).run("Check").stderr;
    assert_snapshot!(check(
        "tasks:
  tty: { service: true, tty: true, bash: x }
  stream: { service: true, streaming: true, bash: x }
  limit: { service: true, timeout: 5s, bash: x }
  fresh: { service: true, output: [x], bash: x }
  serial: { service: true, foreach: {items: [a], parallel: false}, bash: x }
  few: { service: true, foreach: {items: [a], jobs: 2}, bash: x }
  group: { service: true, needs: [tty] }
"
    ), @"
    error[E0112]: task `tty` has both `service` and `tty`
      ╭▸ otto.yml:2:25
    2 │   tty: { service: true, tty: true, bash: x }
      │          ┬──────        ━━━ not for a task that stays up
      │          │
      ╰╴         it is a service
    help: a service runs alongside other tasks, which cannot share the terminal
    error[E0112]: task `stream` has both `service` and `streaming`
      ╭▸ otto.yml:3:39
    3 │   stream: { service: true, streaming: true, bash: x }
      ╰╴            ─────── it is a service   ━━━━ not for a task that stays up
    help: a stream ends with its task; pass the address of the service as a value instead
    error[E0112]: task `limit` has both `service` and `timeout`
      ╭▸ otto.yml:4:36
    4 │   limit: { service: true, timeout: 5s, bash: x }
      ╰╴           ─────── it is a service ━━ not for a task that stays up
    help: for the time that it may take to get ready, write `service: {timeout: …}`
    error[E0112]: task `fresh` has both `service` and `output`
      ╭▸ otto.yml:5:36
    5 │   fresh: { service: true, output: [x], bash: x }
      ╰╴           ─────── it is a service ━ not for a task that stays up
    help: a service is never up to date: it is started when it is needed
    error[E0112]: task `serial` has both `service` and `foreach.parallel: false`
      ╭▸ otto.yml:6:37
    6 │   serial: { service: true, foreach: {items: [a], parallel: false}, bash: x }
      ╰╴            ─────── it is a service ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ not for a task that stays up
    help: all its services are up at the same time
    error[E0112]: task `few` has both `service` and `a limit of foreach.jobs`
      ╭▸ otto.yml:7:34
    7 │   few: { service: true, foreach: {items: [a], jobs: 2}, bash: x }
      ╰╴         ─────── it is a service ━━━━━━━━━━━━━━━━━━━━━ not for a task that stays up
    help: all its services are up at the same time
    error[E0112]: task `group` is a service but has no script
      ╭▸ otto.yml:8:12
    8 │   group: { service: true, needs: [tty] }
      ╰╴           ━━━━━━━ nothing would stay up
    help: add `bash: |` with the command that starts the service in the foreground
    otto.yml: 7 errors. For details: `otto Explain E0112`
    ");
    assert_snapshot!(check(
        "tasks:
  a: { service: maybe, bash: x }
  b: { service: {port: 99999}, bash: x }
  c: { service: {healthcheck: x, timeout: 0s}, bash: x }
  d: { service: {ready: ''}, bash: x }
"
    ), @"
    error[E0103]: `service` of task `a` must be `true` or a map, not a string
      ╭▸ otto.yml:2:17
    2 │   a: { service: maybe, bash: x }
      ╰╴                ━━━━━ this is a string
    help: write `service: true`, or for example `service: {port: 8080}`
    error[E0109]: `port` of `service` of task `b` must be a port from 1 to 65535, or a variable such as `$PORT`
      ╭▸ otto.yml:3:24
    3 │   b: { service: {port: 99999}, bash: x }
      ╰╴                       ━━━━━ not a port
    error[E0104]: unknown key `healthcheck` in `service` of task `c`
      ╭▸ otto.yml:4:18
    4 │   c: { service: {healthcheck: x, timeout: 0s}, bash: x }
      ╰╴                 ━━━━━━━━━━━ unknown key
    help: in otto this is `ready`: a command that succeeds when the service is ready
    error[E0109]: `timeout` of `service` of task `c` must be more than zero
      ╭▸ otto.yml:4:43
    4 │   c: { service: {healthcheck: x, timeout: 0s}, bash: x }
      ╰╴                                          ━━ zero
    error[E0109]: `ready` of `service` of task `d` must be a non-empty string
      ╭▸ otto.yml:5:25
    5 │   d: { service: {ready: ''}, bash: x }
      ╰╴                        ━━ this is empty
    otto.yml: 5 errors. For details: `otto Explain E0109`
    ");
    assert_snapshot!(check(
        "tasks:
  db: { service: true, bash: x }
  pool: { service: true, needs: [db], bash: x }
  odd: { needs: [pool, {task: db, when: always}], bash: x }
"
    ), @"
    error[E0306]: `odd` waits for the end of the service `db`, which stays up until `odd` has ended
      ╭▸ otto.yml:4:3
    2 │   db: { service: true, bash: x }
      │   ── used by this task, or by a service that it uses
    3 │   pool: { service: true, needs: [db], bash: x }
    4 │   odd: { needs: [pool, {task: db, when: always}], bash: x }
      ╰╴  ━━━ can never start
    help: `when: failure` and `when: always` wait for the end of a service; `when: success` for its start
    otto.yml: 1 error. For details: `otto Explain E0306`
    ");
    assert_snapshot!(check(
        "tasks:
  db:
    service: {port: 1}
    bash: |
      OUTPUT[port]=1
      exec db
  py:
    service: {port: 1}
    python: |
      OUTPUT['port'] = 1
"
    ), @"
    warning[E0720]: `OUTPUT[port]` is set in the service `db`, but never saved while it runs
      ╭▸ otto.yml:5:7
    5 │       OUTPUT[port]=1
      ╰╴      ━━━━━━━━━━━━ tasks that use the service will not see it
    help: use `otto.set port VALUE`, or call `otto.save` after it
    warning[E0720]: `OUTPUT['port']` is set in the service `py`, but never saved while it runs
       ╭▸ otto.yml:10:7
    10 │       OUTPUT['port'] = 1
       ╰╴      ━━━━━━━━━━━━━━ tasks that use the service will not see it
    help: call `otto_ready()` or `otto_serialize_output()` after it
    ");
}

#[test]
fn a_dry_run_the_graph_and_json_tell_services_apart() {
    let project = Project::new(
        "tasks:
  db: { service: true, bash: 'otto.set a 1; otto.ready; exec sleep 100' }
  test: { needs: [db], bash: 'true' }
",
    );
    assert_snapshot!(project.run("-n test").stdout, @"
    1  db  (otto.yml:2)
    2  test  while db is up  (otto.yml:3)
    ");
    assert_snapshot!(project.run("Graph test").stdout, @"
    test
    └─ db [service]
    ");
    let ran = project.run("--json test");
    let up = ran.stdout.lines().find(|line| line.contains("\"service_up\"")).expect("an event").to_owned();
    let event: serde_json::Value = serde_json::from_str(&up).expect("JSON");
    assert_eq!(
        (&event["task"], &event["attempt"], &event["keys"][0]),
        (&"db".into(), &1.into(), &"a".into())
    );
    assert!(ran.stdout.contains("\"is_service\":true"), "{}", ran.stdout);
    assert_eq!(project.run("Replay").status, 0);
    assert!(project.run("Replay").stderr.contains(" up  db"));
}

/// What it saves while otto reads what it has saved is whole a moment later.
#[test]
fn a_service_that_goes_on_saving_is_up_all_the_same() {
    let project = Project::new(
        "tasks:
  db:
    service: true
    bash: |
      big=$(printf '%200000s' x)
      OUTPUT[big]=$big
      otto.ready
      for i in {1..40}; do OUTPUT[n]=$i; otto.save; done
      while :; do sleep 0.05; done
  test: { needs: [db], bash: 'echo ${#INPUT[db.big]}' }
",
    );
    let ran = project.run("-q test");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "200000\n"), "{}", ran.all());
}

/// The folder of PostgreSQL's programs, which Debian keeps out of the way.
fn postgresql() -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let of_debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<_> = of_debian.map(|version| version.path().join("bin")).collect();
    folders.extend(std::env::split_paths(&path));
    let needed = ["initdb", "postgres", "pg_isready", "psql"];
    folders.into_iter().find(|folder| needed.iter().all(|program| folder.join(program).exists()))
}

#[test]
fn a_real_database_and_a_server_that_uses_it_serve_a_test_run() {
    let Some(programs) = postgresql() else {
        eprintln!("skipped: PostgreSQL is not installed (`script/setup` installs it)");
        return;
    };
    let port = free_port();
    // PostgreSQL refuses to run as root.
    let project = Project::new(
        r#"
tasks:
  db:
    service: {port: $PGPORT, log: ready to accept connections, ready: 'psql -c "select 1"', timeout: 100s}
    bash: |
      as=()
      if [ "$(id -u)" = 0 ]; then as=(setpriv --reuid=nobody --regid=nogroup --clear-groups); fi
      data=$(mktemp -d "${TMPDIR:-/tmp}/otto-db.XXXXXX"); otto.set data "$data"
      if [ "$(id -u)" = 0 ]; then chown nobody "$data"; fi
      cd "$data"
      "${as[@]}" initdb -D "$data/db" -U app -A trust --no-sync > initdb.log
      otto.set port "$PGPORT"
      otto.set url "postgresql://app@localhost:$PGPORT/postgres"
      exec "${as[@]}" postgres -D "$data/db" -p "$PGPORT" -k "" -c fsync=off
  migrate:
    needs: [db]
    bash: psql -q -c 'create table word (text text)' -c "insert into word values ('from the database')"
  web:
    service: true
    needs: [db, migrate]
    python: |
      import http.server, subprocess
      class Handler(http.server.BaseHTTPRequestHandler):
          def do_GET(self):
              query = ["psql", "-Atc", "select text from word", INPUT["db.url"]]
              self.send_response(200)
              self.end_headers()
              self.wfile.write(subprocess.run(query, stdout=subprocess.PIPE).stdout)
          def log_message(self, *_):
              pass
      server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
      OUTPUT["url"] = f"http://127.0.0.1:{server.server_port}"
      otto_ready()
      server.serve_forever()
  test:
    needs: [web]
    python: |
      import urllib.request
      print(urllib.request.urlopen(INPUT["web.url"]).read().decode().strip())
  clean: {needs: [{task: db, when: always}], bash: 'rm -rf "${INPUT[db.data]}"'}
"#,
    )
    .with("PGPORT", &port.to_string())
    .with("PGHOST", "localhost")
    .with("PGUSER", "app")
    .with("PGDATABASE", "postgres");
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = [Path::new(env!("CARGO_BIN_EXE_otto")).parent().expect("a folder"), &programs];
    let folders = folders.map(|folder| folder.display().to_string()).join(":");
    let project = project.with("PATH", &format!("{folders}:{path}"));
    let ran = project.run("test clean");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "   test │ from the database\n"), "{}", ran.all());
    let data = project.run("Data db.data").stdout;
    assert!(data.contains("otto-db") && !Path::new(data.trim()).exists(), "{data}");
    gone(data.trim());
}

#[test]
fn two_runs_at_once_have_a_service_each() {
    let project = Project::new(
        "tasks:
  db: { service: true, bash: 'otto.set dir \"$OTTO_TASK_DIR\"; otto.ready; exec sleep 100' }
  test: { needs: [db], bash: 'echo \"${INPUT[db.dir]}\" >> dirs; until [ $(wc -l < dirs) = 2 ]; do sleep 0.02; done' }
",
    );
    let start = || {
        let mut command = project.command(env!("CARGO_BIN_EXE_otto"));
        command.arg("test").spawn().expect("otto starts")
    };
    let (one, other) = (start(), start());
    assert_eq!((project.end(one).status, project.end(other).status), (0, 0));
    let dirs = project.read("dirs");
    let dirs: Vec<&str> = dirs.lines().collect();
    assert_ne!(dirs[0], dirs[1]);
}

/// A service that runs share; its users tell its process, and stay until they may go.
fn with_shared(service: &str) -> Project {
    Project::new(&format!(
        "tasks:
  db:
    service: {service}
    bash: |
      trap 'echo end $$ >> told; exit 0' TERM
      echo begin $$ >> told
      otto.set process $$
      until [ -e ready ]; do sleep 0.02; done
      otto.ready
      while :; do sleep 0.02; done
  test:
    needs: [db]
    params: {{name: {{}}}}
    bash: |
      echo \"$name ${{INPUT[db.process]}}\" >> used
      until [ -e go-$name ]; do sleep 0.02; done
  other: {{ needs: [db], bash: 'true' }}
"
    ))
}

/// Waits until a file of the project has this many lines.
#[track_caller]
fn lines(project: &Project, file: &str, count: usize) -> Vec<String> {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let text = project.read(file);
        let lines: Vec<String> = text.lines().filter(|line| *line != "-").map(str::to_owned).collect();
        if lines.len() >= count {
            return lines;
        }
        assert!(Instant::now() < until, "{file}: {text}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn runs_at_the_same_time_share_a_service_until_the_last_of_them_has_ended() {
    let project = with_shared("{share: true}");
    let start = |words: &str| {
        let mut command = project.command(env!("CARGO_BIN_EXE_otto"));
        command.args(words.split(' ')).spawn().expect("otto starts")
    };
    let first = start("test one");
    lines(&project, "told", 1);
    // This one waits until it is ready.
    let second = start("test two");
    project.write("ready", "");
    let used = lines(&project, "used", 2);
    let process = |line: &String| line.split(' ').nth(1).expect("a process").to_owned();
    assert_eq!(process(&used[0]), process(&used[1]));
    let third = project.run("other");
    assert!(
        third.status == 0 && third.stderr.contains(" up  db") && third.stderr.contains("since run"),
        "{}",
        third.all()
    );
    // The one that started it waits for the other.
    project.write("go-one", "");
    project.write("go-two", "");
    let second = project.end(second);
    assert_eq!(second.status, 0, "{}", second.all());
    let first = project.end(first);
    assert_eq!(first.status, 0, "{}", first.all());
    let told = project.read("told");
    assert_eq!(told, format!("begin {0}\nend {0}\n", process(&used[0])));
    // Nothing is left of it, and a later run starts its own.
    assert_eq!(project.run("other").status, 0);
    assert_eq!(project.read("told").matches("begin").count(), 2);
}

#[test]
fn the_run_that_started_a_shared_service_waits_for_the_others() {
    let project = with_shared("{share: true}");
    project.write("ready", "");
    let (first, mut stderr, _) = until(&project, "test one", " up  db");
    let (second, _stderr, shown) = until(&project, "test two", " up  db");
    assert!(shown.contains("since run"), "{shown}");
    lines(&project, "used", 2);
    signal(&first, "-INT");
    let mut text = String::new();
    while !text.contains("stays up for other runs that use it") {
        assert!(stderr.read_line(&mut text).expect("text") > 0, "{text}");
    }
    assert_eq!(project.read("told").matches("end").count(), 0);
    project.write("go-two", "");
    assert_eq!(project.end(second).status, 0);
    project.end(first);
    assert_eq!(project.read("told").matches("end").count(), 1);
}

#[test]
fn whoever_is_killed_a_shared_service_is_not_left_and_the_others_are_told() {
    let project = with_shared("{share: true}");
    project.write("ready", "");
    let (first, _first, _) = until(&project, "test one", " up  db");
    let (second, _second, _) = until(&project, "test two", " up  db");
    let (third, mut rest, _) = until(&project, "test three", " up  db");
    let used = lines(&project, "used", 3);
    let process = used[0].split(' ').nth(1).expect("a process").to_owned();
    // One that uses it: nothing happens to the others.
    signal(&second, "-KILL");
    project.end(second);
    assert!(Path::new(&format!("/proc/{process}")).exists());
    // The one that started it.
    signal(&first, "-KILL");
    project.end(first);
    let mut text = String::new();
    rest.read_to_string(&mut text).expect("text");
    assert!(text.contains("the service `db` ended"), "{text}");
    assert_ne!(project.end(third).status, 0);
    assert!(!Path::new(&format!("/proc/{process}")).exists());
    let ran = project.run("other");
    assert!(ran.status == 0 && !ran.stderr.contains("since run"), "{}", ran.all());
    assert_eq!(project.read("told").matches("begin").count(), 2);
}

#[test]
fn a_service_is_shared_only_if_it_is_the_same() {
    let project = with_shared("{share: true}");
    project.write("ready", "");
    let (first, _first, _) = until(&project, "test one", " up  db");
    // Another terminal, another task: still the same service.
    let same = project.run("other");
    assert!(same.stderr.contains("since run"), "{}", same.all());
    let ottofile = project.read("otto.yml");
    project.write("otto.yml", &ottofile.replace("share: true", "share: true, timeout: 9s"));
    let other = project.run("other");
    assert!(other.status == 0 && !other.stderr.contains("since run"), "{}", other.all());
    project.write("go-one", "");
    assert_eq!(project.end(first).status, 0);
    assert_eq!(project.read("told").matches("begin").count(), 2);
}

#[test]
fn a_run_that_waits_for_a_service_of_another_run_can_be_stopped() {
    let project = with_shared("{share: true}");
    let mut first = project.command(env!("CARGO_BIN_EXE_otto"));
    let first = first.args(["test", "one"]).spawn().expect("otto starts");
    lines(&project, "told", 1);
    let (second, _stderr, _) = until(&project, "test two", "otto · run");
    // It asks every 20 ms.
    std::thread::sleep(Duration::from_millis(300));
    let asked = Instant::now();
    signal(&second, "-INT");
    let second = project.end(second);
    assert!(asked.elapsed() < Duration::from_secs(20) && second.status != 0, "{}", second.all());
    project.write("ready", "");
    project.write("go-one", "");
    assert_eq!(project.end(first).status, 0);
    assert_eq!(project.read("told").matches("begin").count(), 1);
}

#[test]
fn when_what_a_shared_service_needs_ends_only_the_run_whose_it_is_fails() {
    let project = Project::new(
        "tasks:
  db:
    service: true
    bash: |
      otto.ready
      until [ \"$WHO\" = two ] && [ -e die ]; do sleep 0.02; done
      exit 3
  web:
    needs: [db]
    service: {share: true}
    bash: |
      trap 'exit 0' TERM
      otto.ready
      while :; do sleep 0.02; done
  test:
    needs: [web]
    params: {name: {}}
    bash: |
      echo \"$name\" >> used
      until [ -e go-$name ]; do sleep 0.02; done
",
    );
    let start = |who: &str| {
        let mut command = project.command(env!("CARGO_BIN_EXE_otto"));
        command.args(["test", who]).env("WHO", who).spawn().expect("otto starts")
    };
    let first = start("one");
    lines(&project, "used", 1);
    let second = start("two");
    lines(&project, "used", 2);
    project.write("die", "");
    let second = project.end(second);
    assert!(second.stderr.contains("since run") && second.status != 0, "{}", second.all());
    assert!(second.stderr.contains("the service `db` ended: exit 3"), "{}", second.all());
    project.write("go-one", "");
    let first = project.end(first);
    assert_eq!(first.status, 0, "{}", first.all());
}

#[test]
fn what_cannot_be_shared_is_refused() {
    let project = Project::new("tasks:\n  db: { service: {share: true}, if: 'true', bash: otto.ready }\n");
    assert_snapshot!(project.run("db").stderr, @"
    error[E0112]: task `db` has both `service.share` and `if`
      ╭▸ otto.yml:2:33
    2 │   db: { service: {share: true}, if: 'true', bash: otto.ready }
      ╰╴        ─────── runs share it   ━━ asked by each run
    help: put the `if` on the tasks that need the service
    otto.yml: 1 error. For details: `otto Explain E0112`
    ");
    let project = Project::new(
        "tasks:
  db: { service: {share: true}, params: {--key: {secret: true}}, bash: 'otto.ready; sleep 100' }
  test: { needs: [db], bash: 'true' }
",
    );
    let ran = project.run("db --key 12345678");
    assert_eq!(ran.status, 125, "{}", ran.all());
    assert!(ran.stderr.contains("error[E0604]: `db` cannot be shared: it handles secrets"), "{}", ran.all());
}
