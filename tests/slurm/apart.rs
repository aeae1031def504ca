//! Nodes that are machines of their own: with another /tmp, a view of the shared folder that is some seconds old, and a line
//! that can be cut. Root makes them, with `ip` and `bindfs`; `OTTO_GUARANTEES=long` asks for these cases, which take a minute.

use super::{Cluster, Project, Ran, has, script};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

fn apart() -> Option<Cluster> {
    apart_with(&[])
}

fn apart_with(settings: &[(&str, &str)]) -> Option<Cluster> {
    let is_wanted = std::env::var_os("OTTO_GUARANTEES").is_some_and(|word| word == "long");
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !is_wanted || !is_root || !has("bindfs") || !has("ip") {
        eprintln!("skipped: it takes OTTO_GUARANTEES=long, root, bindfs and ip");
        return None;
    }
    let apart = [("APART", "1"), ("LOST_AFTER", "15")];
    Cluster::up(&[&apart, settings].concat())
}

impl Cluster {
    fn machine(&self, action: &str, number: u32, words: &[&str]) -> String {
        let mut command = Command::new(script("machine.sh"));
        command.arg(&self.folder).args([action, &number.to_string()]).args(words);
        let output = command.output().expect("bash");
        assert!(output.status.success(), "{action} {number}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// What a task asks for to run on such a node.
fn on(number: u32) -> String {
    format!("resources: {{extra: ['--nodelist=node{number}']}}")
}

fn coded(ran: &Ran) -> Vec<&str> {
    ran.stderr.lines().filter(|line| line.starts_with("error[") || line.starts_with("warning[")).collect()
}

/// Runs a task whose first attempt writes its machine to `ran` and waits there, which crashes then; and that machine's name. The
/// second attempt succeeds on the other one.
fn through_a_crash(cluster: &Cluster, project: &Project, task: &str) -> (Ran, String) {
    let child = project.start(&[task]);
    project.wait_for("it runs", || project.lines("ran") == 1);
    let hosts = || fs::read_to_string(project.folder.join("ran")).expect("written");
    let first = hosts().trim().to_owned();
    cluster.machine("crash", if first == "node1" { 1 } else { 2 }, &[]);
    let ran = project.end(child);
    assert_eq!(ran.status, 0, "{}", ran.all());
    let hosts = hosts();
    let hosts: Vec<&str> = hosts.lines().collect();
    assert!(hosts.len() == 2 && hosts[0] != hosts[1], "{hosts:?}");
    (ran, first)
}

/// 7: through three tasks on one node, and to one that comes later, on the other node, whose view of files is old.
#[test]
fn a_stream_reaches_tasks_on_one_node_and_later_ones_on_another() {
    let Some(cluster) = apart() else { return };
    let project = Project::new(
        &cluster,
        "
tasks:
  make: {streaming: stdout, bash: 'hostname >> hosts; head -c 1000000 /dev/urandom | tee made'}
  pass: {streaming: stdout, needs: [make], bash: 'hostname >> hosts; cat'}
  keep: {streaming: true, needs: [pass], bash: 'hostname >> hosts; cat > kept'}
  other:
    executor: local
    needs: [keep]
    bash: scontrol update nodename=$(head -n 1 hosts) state=drain reason=otto
  late: {streaming: true, needs: [make, other], bash: 'hostname >> late; cat > late.kept'}
",
    );
    let ran = project.run(&["keep", "late"]);
    assert_eq!(ran.status, 0, "{}", ran.all());
    let read = |name: &str| fs::read(project.folder.join(name)).expect("written");
    let text = |name: &str| String::from_utf8(read(name)).expect("text");
    let hosts: Vec<String> = (text("hosts") + &text("late")).lines().map(str::to_owned).collect();
    assert!(hosts.len() == 4 && hosts[0] == hosts[1] && hosts[1] == hosts[2], "{hosts:?}");
    assert!(hosts[2] != hosts[3], "{hosts:?}");
    assert!(read("made").len() == 1_000_000 && read("made") == read("kept"));
    assert!(read("made") == read("late.kept"));
}

/// 7 and 17: the machine of tasks that stream to each other crashes.
#[test]
fn tasks_that_stream_are_repeated_together_where_their_machine_crashed() {
    let Some(cluster) = apart() else { return };
    let project = Project::new(
        &cluster,
        "
tasks:
  make: {streaming: stdout, bash: 'hostname >> ran; seq 100000; [ $OTTO_ATTEMPT != 1 ] || sleep 100; seq 100000'}
  keep: {streaming: true, needs: [make], bash: 'cat > kept; OUTPUT[lines]=$(wc -l < kept)'}
",
    );
    let (ran, _) = through_a_crash(&cluster, &project, "keep");
    assert!(project.run(&["Data", "keep"]).stdout.contains("200000"), "{}", ran.all());
}

/// 15: a clock that is ahead. Durations are those of one machine, and nothing compares the clocks of two.
#[test]
fn a_clock_that_is_an_hour_ahead_changes_nothing() {
    if !Path::new("/usr/bin/faketime").exists() {
        eprintln!("skipped: it takes faketime");
        return;
    }
    let Some(cluster) = apart_with(&[("CLOCK", "+3600s")]) else { return };
    let (node1, node2) = (on(1), on(2));
    let project = Project::new(
        &cluster,
        &format!(
            "
tasks:
  ahead: {{{node2}, timeout: 60s, input: [source], output: [made], bash: 'sleep 2; OUTPUT[now]=$(date +%s); echo made > made'}}
  right: {{{node1}, needs: [ahead], input: [made], output: [copy], bash: 'cp made copy; OUTPUT[now]=$(date +%s)'}}
  sum: {{{node2}, needs: [right, ahead], bash: 'OUTPUT[ahead]=$((INPUT[ahead.now] - INPUT[right.now]))'}}
"
        ),
    );
    fs::write(project.folder.join("source"), "").expect("written");
    let ran = project.run(&["sum"]);
    assert_eq!(ran.status, 0, "{}", ran.all());
    let data: Value = serde_json::from_str(&project.run(&["Data", "--json", "sum"]).stdout).expect("JSON");
    let ahead = data.to_string();
    let ahead: i64 = ahead
        .split("\"ahead\":")
        .nth(1)
        .and_then(|rest| {
            rest.trim_start_matches('"').split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        })
        .expect("a number");
    assert!((3_400..=3_600).contains(&ahead), "the clock of the node was not ahead: {ahead}");
    let shown: Value =
        serde_json::from_str(&project.run(&["Show", "--json", "latest"]).stdout).expect("JSON");
    let times: Vec<(u64, u64)> = shown["jobs"]
        .as_array()
        .expect("jobs")
        .iter()
        .map(|job| (job["started_ms"].as_u64().expect("begun"), job["took_ms"].as_u64().expect("ended")))
        .collect();
    // Its beginning may be heard late, on a busy machine.
    assert!((500..120_000).contains(&times[0].1), "{times:?}");
    assert!(times.iter().all(|(_, took)| *took < 120_000), "{times:?}");
    assert!(times.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0 + pair[1].1), "{times:?}");
    let again = project.run(&["sum"]);
    assert_eq!(again.status, 0, "{}", again.all());
    let outcomes = project.outcomes();
    assert!(["ahead", "right"].iter().all(|job| outcomes[*job].0 == "fresh"), "{outcomes:?}");
}

/// 11.
#[test]
fn a_program_is_looked_up_where_the_task_runs() {
    let Some(cluster) = apart() else { return };
    cluster.machine(
        "run",
        1,
        &["sh", "-c", "mkdir /tmp/only && cd /tmp/only && printf '#!/bin/sh\\nexec python3 \"$@\"\\n' > python-there && chmod +x python-there"],
    );
    let node1 = on(1);
    let project = Project::new(
        &cluster,
        &format!(
            "
tasks:
  there: {{{node1}, envs: {{PATH: '/tmp/only:$PATH'}}, action: \"#!/usr/bin/env python-there\\nprint('it is there')\"}}
  nowhere: {{{node1}, action: \"#!/tmp/only/python-nowhere\\nprint(1)\"}}
"
        ),
    );
    let ran = project.run(&["-k", "there", "nowhere"]);
    assert!(ran.stdout.contains("it is there"), "{}", ran.all());
    assert_eq!(ran.status, 127, "{}", ran.all());
    assert!(ran.stderr.contains("looked for on the node node1"), "{}", ran.all());
}

/// 12.
#[test]
fn a_folder_that_nodes_do_not_see_is_named_and_nothing_counts_as_done() {
    let Some(cluster) = apart() else { return };
    let elsewhere = tempfile::tempdir().expect("a folder");
    let home = elsewhere.path().join("home");
    let text =
        "tasks: {a: {foreach: {range: 1..4}, bash: 'echo did > did$item'}, b: {needs: [a], bash: echo}}";
    let project = Project::new(&cluster, text).with("OTTO_HOME", home.as_os_str());
    let ran = project.run(&["b"]);
    assert_eq!(ran.status, 125, "{}", ran.all());
    assert!(!project.folder.join("did1").exists());
    assert!(ran.stderr.lines().count() < 60, "{}", ran.all());
    for word in ["E1002", &home.to_string_lossy(), "node"] {
        assert!(coded(&ran).iter().any(|line| line.contains(word)), "no {word} in {}", ran.all());
    }
    let root = tempfile::tempdir_in(cluster.folder.join("shared")).expect("a folder");
    let project = Project::at(&cluster, root, elsewhere.path().join("project"), text);
    let ran = project.run(&["b"]);
    assert_eq!(ran.status, 125, "{}", ran.all());
    let place = project.folder.to_string_lossy().into_owned();
    for word in ["E1002", &place, "node"] {
        assert!(coded(&ran).iter().any(|line| line.contains(word)), "no {word} in {}", ran.all());
    }
}

/// 13.
#[test]
fn data_passes_between_machines_whose_view_of_files_is_old() {
    let Some(cluster) = apart() else { return };
    let (node1, node2) = ("extra: ['--nodelist=node1']", on(2));
    let text = format!(
        "
tasks:
  a: {{foreach: {{range: 1..50}}, {node2}, bash: 'OUTPUT[n]=$item; OUTPUT[text]=\"$(head -c 5000 /dev/zero | tr \"\\\\0\" x)\"'}}
  sum:
    needs: [a]
    {node2}
    python: |
      assert all(len(INPUT[f'a:{{n:02}}.text']) == 5000 for n in range(1, 51))
      OUTPUT['sum'] = sum(int(INPUT[f'a:{{n:02}}.n']) for n in range(1, 51))
"
    );
    let project = Project::new(&cluster, &text);
    project.site(&format!("slurm: {{ask-every: 1s, driver: {{memory: 200M, {node1}}}}}"));
    let ran = project.run(&["--detach", "sum"]);
    assert_eq!(ran.status, 0, "{}", ran.all());
    project.wait_for("its end", || project.events().iter().any(|event| event["event"] == "run_ended"));
    assert_eq!(project.count("succeeded"), 51, "{:?}", project.outcomes());
    assert!(project.run(&["Data", "sum"]).stdout.contains("1275"));
}

/// 14.
#[test]
fn a_declared_file_that_a_node_missed_once_is_waited_for() {
    let Some(cluster) = apart() else { return };
    let (node1, node2) = (on(1), on(2));
    let project = Project::new(
        &cluster,
        &format!(
            "
tasks:
  miss: {{{node2}, bash: '[ ! -e out/x ] || exit 9'}}
  make: {{needs: [miss], {node1}, output: [out/x], bash: 'mkdir -p out; echo made > out/x'}}
  use: {{needs: [make], {node2}, input: [out/x], bash: 'cat out/x'}}
"
        ),
    );
    fs::create_dir(project.folder.join("out")).expect("made");
    let ran = project.run(&["use"]);
    assert_eq!(ran.status, 0, "{}", ran.all());
    assert!(ran.stdout.contains("made"), "{}", ran.all());
}

/// 17.
#[test]
fn a_task_whose_machine_crashed_is_repeated_elsewhere() {
    let Some(cluster) = apart() else { return };
    let project = Project::new(
        &cluster,
        "tasks: {a: {bash: 'hostname >> ran; [ $OTTO_ATTEMPT != 1 ] || sleep 100; OUTPUT[host]=$(hostname)'}}",
    );
    let (ran, first) = through_a_crash(&cluster, &project, "a");
    assert!(
        coded(&ran).iter().any(|line| line.contains(&first) && line.contains("repeated")),
        "{}",
        ran.all()
    );
}

/// 18.
#[test]
fn of_two_copies_of_a_task_one_counts_and_the_other_ends() {
    let Some(cluster) = apart() else { return };
    let project = Project::new(
        &cluster,
        "tasks: {a: {bash: 'echo $$ $(hostname) >> ran; [ $OTTO_ATTEMPT != 1 ] || sleep 300; OUTPUT[host]=$(hostname)'}}",
    );
    let child = project.start(&["a"]);
    project.wait_for("it runs", || project.lines("ran") == 1);
    let text = fs::read_to_string(project.folder.join("ran")).expect("written");
    let host = text.split_whitespace().last().expect("a host").to_owned();
    let number = if host == "node1" { 1 } else { 2 };
    cluster.machine("cut", number, &[]);
    let ran = project.end(child);
    assert_eq!(ran.status, 0, "{}", ran.all());
    assert_eq!(project.lines("ran"), 2, "{}", ran.all());
    let data = project.run(&["Data", "a"]).stdout;
    assert!(!data.contains(&host), "{data}");
    cluster.machine("heal", number, &[]);
    // The copy that was cut off finds that it was given up.
    let sleeps =
        || cluster.machine("run", number, &["sh", "-c", "pgrep -fc 's[l]eep 300' || true"]).trim() != "0";
    project.wait_for("the stale copy ends", || !sleeps());
    assert_eq!(project.run(&["Data", "a"]).stdout, data);
}
