//! Runs on a cluster whose otto is gone, and that another otto goes on with.

use crate::slurm::{Node, id, wait_for};
use crate::{Project, Ran};
use insta::assert_snapshot;
use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Each body says in `ran` that it ran. `hold` keeps those that wait for it.
const RUN: &str = r#"
tasks:
  start:
    bash: |
      echo start >> ran
      OUTPUT[text]=$'two\nlines'
      OUTPUT[n]=1.10
  held:
    needs: [start]
    bash: |
      echo held >> ran; touch up; echo "begins after ${INPUT[start.n]}"
      while [ -e hold ]; do sleep 0.05; done
      echo ends; OUTPUT[held]=yes
  fails: {needs: [start], bash: 'echo fails >> ran; OUTPUT[kept]=5; exit 3'}
  tidy: {needs: [held, {task: fails, when: failure}], bash: 'echo "tidy ${OUTCOME[fails]} ${INPUT[fails.kept]}" >> ran'}
  list: {needs: [start], bash: 'echo list >> ran; otto.set --list n 7 8 9'}
  square: {foreach: {from: list.n}, bash: 'echo square >> ran; OUTPUT[n]=$((item * item))'}
  near: {executor: local, foreach: {each: square}, bash: 'echo near >> ran; OUTPUT[m]=${INPUT[square.n]}'}
  sum:
    needs: [start, near, held]
    bash: 'echo "sum ${INPUT[near:7.m]} ${INPUT[near:8.m]} ${INPUT[near:9.m]} ${INPUT[start.text]@Q} ${INPUT[held.held]}" >> ran'
"#;

/// Without a copy of otto for each home: they are large.
fn on_cluster(ottofile: &str) -> Project {
    crate::slurm::on_cluster(ottofile).with("OTTO_NODE_BINARY", env!("CARGO_BIN_EXE_otto"))
}

fn on_quick_cluster(ottofile: &str) -> Project {
    crate::slurm::on_quick_cluster(ottofile).with("OTTO_NODE_BINARY", env!("CARGO_BIN_EXE_otto"))
}

/// Ends the otto of a run with a signal that it cannot answer, and waits until all of it is gone.
fn kill(project: &Project, child: Child) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-9", &pid]).status().expect("kill").success());
    project.end(child);
    let begun = Instant::now();
    while !project.run("Show").all().contains(" ? ") && !project.run("Show").all().contains("crashed") {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", project.run("Show").all());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn start(project: &Project, words: &[&str]) -> Child {
    project.command(env!("CARGO_BIN_EXE_otto")).args(words).spawn().expect("started")
}

/// With the id of the latest run as RUN.
fn said(project: &Project, ran: &Ran) -> String {
    ran.all().replace(&id(project), "RUN")
}

/// The lines of a file, sorted.
fn sorted(project: &Project, name: &str) -> Vec<String> {
    let mut lines: Vec<String> = project.read(name).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn a_run_whose_otto_was_killed_goes_on_where_it_was() {
    let project = on_quick_cluster(RUN);
    let _node = Node::of(&project);
    project.write("hold", "");
    let child = start(&project, &["-j4", "sum", "tidy"]);
    wait_for(&project.path("up"));
    kill(&project, child);
    let folder = project.task("start").join("../..").canonicalize().expect("a run");
    assert!(folder.join("plan.json").exists());
    let cleaned = project.run("Clean --keep-last 0 --keep-days 0 --keep-failed 0");
    assert!(folder.join("plan.json").exists(), "a run that can go on stays: {}", cleaned.all());
    let note = project.run("start");
    assert!(note.stderr.contains("on the cluster: otto Resume "), "{}", note.all());
    fs::write(project.path("ran"), project.read("ran").replacen("start\n", "", 1)).expect("ours");
    let of_run = folder.clone();
    fs::remove_file(project.path("hold")).expect("removed");
    let run = of_run.file_name().expect("a name").to_string_lossy().into_owned();
    let ran = project.run(&format!("Resume -v {run}"));
    assert_eq!(ran.status, 3, "{}", ran.all());
    assert!(!of_run.join("plan.json").exists());
    assert_eq!(
        sorted(&project, "ran"),
        [
            "fails",
            "held",
            "list",
            "near",
            "near",
            "near",
            "square",
            "square",
            "square",
            "start",
            "sum 49 64 81 $'two\\nlines' yes",
            "tidy failed 5"
        ],
        "{}",
        ran.all()
    );
    assert!(ran.stderr.contains(" goes on · "), "{}", ran.all());
    assert_eq!(ran.stdout, "   held │ begins after 1.10\n   held │ ends\n", "{}", ran.all());
    let journal = fs::read_to_string(of_run.join("events.jsonl")).expect("a journal");
    let numbers: Vec<u64> = journal
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["seq"].as_u64().expect("a number")
        })
        .collect();
    assert!(numbers.iter().copied().eq(0..numbers.len() as u64), "{numbers:?}");
    assert_eq!(journal.matches("\"run_resumed\"").count(), 1);
    let shown = project.run(&format!("Show {run}"));
    assert!(shown.stdout.contains("11 ok") || shown.stdout.contains("1 failed"), "{}", shown.all());
}

#[test]
fn a_run_has_one_otto_at_a_time_and_only_one_that_was_left_goes_on() {
    let project = on_quick_cluster(
        "
tasks:
  a: {bash: 'echo a >> ran; touch up; while [ -e hold ]; do sleep 0.05; done'}
  b: {needs: [a], bash: 'echo b >> ran'}
",
    );
    let _node = Node::of(&project);
    project.write("hold", "");
    let child = start(&project, &["b"]);
    wait_for(&project.path("up"));
    assert_snapshot!(said(&project, &project.run("Resume")), @"
    ── stderr
    error[E1008]: run `RUN` has an otto that drives it
    help: `otto Show RUN` shows how far it is
    otto: 1 error. For details: `otto Explain E1008`
    ── exit 2
    ");
    kill(&project, child);
    let both = [start(&project, &["Resume"]), start(&project, &["Resume"])];
    let begun = Instant::now();
    while !project.read("../cluster/calls").contains("squeue") && begun.elapsed() < Duration::from_secs(5) {}
    fs::remove_file(project.path("hold")).expect("removed");
    let mut ended: Vec<Ran> = both.into_iter().map(|child| project.end(child)).collect();
    ended.sort_by_key(|ran| ran.status);
    assert_eq!(ended.iter().map(|ran| ran.status).collect::<Vec<_>>(), [0, 2], "{}", ended[0].all());
    assert!(ended[1].stderr.contains("E1008"), "{}", ended[1].all());
    assert_eq!(project.read("ran"), "a\nb\n");
    assert_snapshot!(said(&project, &project.run("Resume")), @"
    ── stderr
    error[E1008]: run `RUN` is over
    help: `otto Rerun RUN` runs again what failed
    otto: 1 error. For details: `otto Explain E1008`
    ── exit 2
    ");
    let served = on_cluster(
        "
tasks:
  up: {executor: local, service: {ready: 'true'}, bash: sleep 60}
  near: {executor: local, needs: [up], bash: 'touch up; sleep 60'}
  far: {bash: echo}
",
    );
    let _other = Node::of(&served);
    let child = start(&served, &["near", "far"]);
    wait_for(&served.path("up"));
    kill(&served, child);
    let refused = served.run("Resume");
    assert!(refused.refused().contains("cannot go on: it has no plan"), "{}", refused.all());
}

/// What an otto was about to do when it was killed is done once, whatever that was.
#[test]
fn whenever_an_otto_is_killed_each_task_runs_once() {
    let rounds: u64 = std::env::var("OTTO_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    for round in 0..rounds {
        let project = on_quick_cluster(RUN);
        let _node = Node::of(&project);
        let words = ["-j3", "sum", "tidy"];
        let mut child = start(&project, &words);
        // Spread over what a run takes, without two that are alike.
        let pause = Duration::from_millis(150 + round * 7919 % 2600);
        std::thread::sleep(pause);
        let is_over = child.try_wait().expect("asked").is_some();
        if !is_over {
            let pid = child.id().to_string();
            assert!(Command::new("kill").args(["-9", &pid]).status().expect("kill").success());
        }
        let killed = project.end(child);
        let begun = Instant::now();
        let ran = loop {
            if is_over {
                break killed;
            }
            let ran = project.run("Resume");
            if ran.status != 2 || ran.stderr.contains("is over") {
                break ran;
            }
            if ran.stderr.contains("no runs") || ran.stderr.contains("has no plan") {
                // It was killed before there was anything to go on with.
                break project.run("-j3 sum tidy");
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{}", ran.all());
        };
        let mut lines = sorted(&project, "ran");
        // What ran on this machine when its otto was killed is run again.
        lines.dedup_by(|a, b| a == "near" && b == "near");
        assert_eq!(
            lines,
            [
                "fails",
                "held",
                "list",
                "near",
                "square",
                "square",
                "square",
                "start",
                "sum 49 64 81 $'two\\nlines' yes",
                "tidy failed 5"
            ],
            "after {pause:?}: {}",
            ran.all()
        );
    }
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([name, &pid]).status().expect("kill").success());
}

#[test]
fn a_lost_terminal_ends_what_is_here_and_leaves_the_rest_to_go_on() {
    let project = on_quick_cluster(
        "
tasks:
  far: {bash: 'echo far >> ran; touch up; while [ -e hold ]; do sleep 0.05; done; OUTPUT[a]=1'}
  near: {executor: local, bash: \"trap 'echo bye; exit 9' HUP; echo near >> ran; touch here; while [ -e hold ]; do sleep 0.05; done\"}
  after: {needs: [far, near], bash: 'echo after ${INPUT[far.a]} >> ran'}
",
    );
    let _node = Node::of(&project);
    project.write("hold", "");
    let child = start(&project, &["after"]);
    wait_for(&project.path("up"));
    wait_for(&project.path("here"));
    signal(&child, "-HUP");
    let left = project.end(child);
    assert_eq!(left.status, 129, "{}", left.all());
    assert!(left.stdout.contains("bye\n"), "{}", left.all());
    let last = format!("otto leaves run RUN · 1 job goes on · otto Resume {}\n", id(&project));
    assert!(left.stderr.ends_with(&last), "{}", left.all());
    assert_eq!(crate::slurm::states(&project), ["RUNNING"], "its job goes on");
    fs::remove_file(project.path("hold")).expect("removed");
    let ran = project.run("Resume");
    assert_eq!(ran.status, 0, "{}", ran.all());
    assert_eq!(sorted(&project, "ran"), ["after 1", "far", "near", "near"], "{}", ran.all());
}

#[test]
fn a_detached_run_is_driven_by_a_job_and_another_one_goes_on_when_its_time_is_up() {
    let project = on_quick_cluster(
        "
tasks:
  far: {bash: 'echo far >> ran; touch up; while [ -e hold ]; do sleep 0.05; done; OUTPUT[a]=1'}
  after: {needs: [far], bash: 'echo after ${INPUT[far.a]} >> ran'}
",
    );
    let _node = Node::of(&project);
    project.write("hold", "");
    let detached = project.run("--detach after");
    assert_eq!(detached.status, 0, "{}", detached.all());
    let run = detached.stdout.trim().to_owned();
    assert_snapshot!(detached.all().replace(&run, "RUN"), @"
    ── stdout
    RUN
    ── stderr
    run RUN is driven by job 101 of the cluster: `otto Show RUN` shows how far it is, `otto Cancel RUN` ends it
    ── exit 0
    ");
    wait_for(&project.path("up"));
    let calls = project.read("../cluster/calls");
    let driver = calls.lines().find(|call| call.contains(".driver ")).expect("a driver");
    let options: Vec<&str> = driver.split(' ').filter(|word| word.starts_with("--")).collect();
    assert_snapshot!(options[7..].join(" "), @"--nodes=1 --ntasks=1 --cpus-per-task=1 --mem=512M --time=1-00:00:00 --signal=B:HUP@120");
    // As Slurm does, some time before the job's is up.
    let number = project.task("far").join("../../slurm/driver");
    let first = fs::read_to_string(&number).expect("a number");
    let job = project.read(&format!("../cluster/jobs/{first}"));
    let pid = job.trim().rsplit('|').next().expect("a process");
    assert!(Command::new("kill").args(["-HUP", pid]).status().expect("kill").success());
    let begun = Instant::now();
    while fs::read_to_string(&number).expect("a number") == first {
        assert!(begun.elapsed() < Duration::from_secs(20), "no other driver: {}", project.run("Show").all());
        std::thread::sleep(Duration::from_millis(20));
    }
    fs::remove_file(project.path("hold")).expect("removed");
    while !project.run("Show").stdout.contains("2 ok") {
        let log = fs::read_to_string(number.with_file_name("driver.log")).unwrap_or_default();
        assert!(begun.elapsed() < Duration::from_secs(40), "{}{log}", project.run("Show").all());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(project.read("ran"), "far\nafter 1\n");
}

#[test]
fn a_detached_run_is_cancelled_with_the_job_that_drives_it() {
    let project = on_quick_cluster(
        "tasks: {far: {bash: \"trap 'echo bye >> ran; exit 9' TERM; touch up; sleep 60 & wait\"}}",
    );
    let _node = Node::of(&project);
    assert_eq!(project.run("--detach far").status, 0);
    wait_for(&project.path("up"));
    let cancelled = project.run("Cancel");
    assert_eq!((cancelled.status, cancelled.stdout.as_str()), (0, ""), "{}", cancelled.all());
    assert_eq!(said(&project, &cancelled).lines().nth(1), Some("cancelled run RUN"));
    assert_eq!(project.read("ran"), "bye\n");
    // One that never began.
    fs::write(project.path("../cluster/held"), "Resources").expect("written");
    assert_eq!(project.run("--detach far").status, 0);
    // The stand-in knows a job a little later than its submission.
    let begun = Instant::now();
    while !crate::slurm::states(&project).contains(&"PENDING".to_owned()) {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never waits");
        std::thread::sleep(Duration::from_millis(20));
    }
    let cancelled = project.run("Cancel");
    assert_eq!(cancelled.status, 0, "{}", cancelled.all());
    assert!(!crate::slurm::states(&project).contains(&"PENDING".to_owned()));
    assert!(project.run("Resume").stderr.contains("E1008"));
}

#[test]
fn what_is_bound_to_a_terminal_or_an_otto_is_not_detached() {
    let project = on_cluster(
        "
tasks:
  far: {bash: echo}
  sign: {tty: true, needs: [far], bash: echo}
  up: {executor: local, service: {ready: 'true'}, bash: sleep 60}
  near: {executor: local, needs: [up, far], bash: echo}
",
    );
    let refused = ["--detach sign", "--detach near", "--detach --tui far", "--detach --executor local far"];
    let said =
        refused.map(|words| project.run(words).refused().lines().next().unwrap_or_default().to_owned());
    assert_snapshot!(said.join("\n"), @"
    error[E1003]: `--detach` and task `sign` cannot be used together
    error[E1003]: `--detach` and task `up` cannot be used together
    error[E1003]: `--detach` and `--tui` cannot be used together
    error[E1003]: `--detach` needs tasks on a cluster
    ");
    assert!(!project.task_home().exists(), "no run is recorded");
}

/// On file systems whose locks hold on one machine only, two may think that they drive a run.
#[test]
fn an_otto_that_finds_a_later_one_leaves_the_run_to_it() {
    let project = on_quick_cluster("tasks: {a: {bash: 'touch up; while [ -e hold ]; do sleep 0.05; done'}}");
    let _node = Node::of(&project);
    project.write("hold", "");
    let child = start(&project, &["a"]);
    wait_for(&project.path("up"));
    fs::create_dir(project.task("a").join("../../slurm/drivers/2")).expect("made");
    let left = project.end(child);
    assert_eq!(left.status, 129, "{}", left.all());
    assert_snapshot!(said(&project, &left), @"
    ── stderr
    warning[E1008]: another otto drives this run now
    otto leaves run RUN · 1 job goes on · otto Resume RUN
    ── exit 129
    ");
    let journal = fs::read_to_string(project.task("a").join("../../events.jsonl")).expect("a journal");
    assert!(!journal.contains("run_left"), "the journal is the other one's: {journal}");
    assert_eq!(crate::slurm::states(&project), ["RUNNING"]);
    fs::remove_file(project.path("hold")).expect("removed");
    let ran = project.run("Resume");
    assert_eq!(ran.status, 0, "{}", ran.all());
}

#[test]
fn a_bundle_goes_on_without_its_otto_and_another_one_takes_it_over() {
    let project = on_quick_cluster(
        "
tasks:
  a:
    foreach: {range: 1..6}
    resources: {bundle: 3}
    bash: |
      echo $item >> ran; touch up$item
      while [ -e hold$item ]; do sleep 0.05; done
      OUTPUT[n]=$item
  sum: {needs: [a], bash: 'echo $((${INPUT[a:1.n]} + ${INPUT[a:2.n]} + ${INPUT[a:6.n]})) > sum'}
",
    );
    let _node = Node::of(&project);
    project.write("hold2", "");
    project.write("hold5", "");
    let child = start(&project, &["sum"]);
    wait_for(&project.path("up2"));
    wait_for(&project.path("up5"));
    kill(&project, child);
    // One bundle ends while nobody looks, the other one later.
    fs::remove_file(project.path("hold2")).expect("removed");
    wait_for(&project.path("up3"));
    let child = start(&project, &["Resume"]);
    std::thread::sleep(Duration::from_millis(500));
    fs::remove_file(project.path("hold5")).expect("removed");
    let ran = project.end(child);
    assert_eq!((ran.status, project.read("sum").as_str()), (0, "9\n"), "{}", ran.all());
    assert_eq!(sorted(&project, "ran"), ["1", "2", "3", "4", "5", "6"], "{}", ran.all());
}
