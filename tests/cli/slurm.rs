//! Runs on a cluster, against a stand-in for Slurm's commands: `tests/slurm/slurm`.

use crate::{Project, Ran};
use insta::assert_snapshot;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// A project beside a cluster with nothing wrong.
pub fn on_cluster(ottofile: &str) -> Project {
    let project = Project::new(ottofile);
    let (cluster, commands) = (project.path("../cluster"), project.path("../commands"));
    fs::create_dir_all(&cluster).expect("a folder");
    fs::create_dir_all(&commands).expect("a folder");
    let fake = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slurm/slurm");
    for command in ["sbatch", "squeue", "scancel", "scontrol", "slurmd"] {
        std::os::unix::fs::symlink(&fake, commands.join(command)).expect("linked");
    }
    let path = format!("{}:{}", commands.display(), std::env::var("PATH").expect("PATH"));
    let cluster = cluster.canonicalize().expect("it is there");
    project.with("PATH", &path).with("FAKE_SLURM", &cluster.to_string_lossy()).with("OTTO_EXECUTOR", "slurm")
}

/// A node of its own, on which jobs outlive whoever asked for them.
pub struct Node(std::process::Child);

impl Node {
    pub fn of(project: &Project) -> Node {
        let commands = project.path("../commands");
        let child = project.command(commands.join("slurmd")).spawn().expect("started");
        wait_for(&project.path("../cluster/node"));
        Node(child)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Makes something wrong with the cluster.
pub fn wrong(project: &Project, name: &str, text: &str) {
    fs::write(project.path("../cluster").join(name), text).expect("written");
}

pub fn calls(project: &Project, command: &str) -> usize {
    project.read("../cluster/calls").lines().filter(|call| call.split(' ').next() == Some(command)).count()
}

/// What is left of the exchange of the latest run.
pub fn left(project: &Project, task: &str) -> Vec<String> {
    let exchange = project.task(task).join("../../slurm");
    let mut names: Vec<String> = fs::read_dir(exchange)
        .expect("an exchange")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[track_caller]
pub fn wait_for(path: &Path) {
    let begun = Instant::now();
    while !path.exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} is still missing", path.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The states of the jobs that the cluster knows.
pub fn states(project: &Project) -> Vec<String> {
    let jobs = fs::read_dir(project.path("../cluster/jobs")).expect("jobs").flatten();
    let state = |job: fs::DirEntry| {
        let text = fs::read_to_string(job.path()).unwrap_or_default();
        text.split('|').next().unwrap_or_default().to_owned()
    };
    jobs.map(state).collect()
}

#[test]
fn data_passes_between_jobs_as_on_one_machine() {
    let project = on_cluster(
        r#"
tasks:
  build:
    bash: |
      echo "job ${SLURM_JOB_NAME-here}" | sed 's/@.*//'; echo careful >&2
      OUTPUT[version]=1.10
      OUTPUT[text]=$'two\nlines'
  each:
    needs: [build]
    foreach: {items: [a, b]}
    python: |
      import os
      OUTPUT["mark"] = os.environ["item"] + INPUT["build.version"]
  all:
    needs: [each]
    bash: printf '%s\n' "${INPUT[each:a.mark]} ${INPUT[each:b.mark]}"
"#,
    );
    let ran = project.run("-j1 all");
    assert_snapshot!(ran.all(), @"
    ── stdout
    job build
    a1.10 b1.10
    ── stderr
    otto · run RUN · 4 tasks
    careful
         ok  build      TIME  node1, waited TIME · set text, version
         ok  each:a     TIME  node1, waited TIME · set mark
         ok  each:b     TIME  node1, waited TIME · set mark
         ok  all        TIME  node1, waited TIME
    4 ok in TIME
    ── exit 0
    ");
    assert_eq!(calls(&project, "sbatch"), 4);
    assert_eq!(left(&project, "build"), ["bells", "drivers", "nonce"], "what is heard is removed");
    let on_the_cluster = fs::read(project.task("build").join("output.build.json")).expect("outputs");
    assert_eq!(project.run("--executor local build").status, 0);
    assert_eq!(fs::read(project.task("build").join("output.build.json")).expect("outputs"), on_the_cluster);
}

#[test]
fn a_task_that_fails_fails_as_on_one_machine() {
    let project = on_cluster(
        "
tasks:
  code: {bash: exit 3}
  signal: {bash: kill -SEGV $$}
  late: {timeout: 300ms, bash: sleep 60}
  missing: {action: \"#!/usr/bin/env no-such-program\"}
  after: {needs: [code], bash: echo never}
",
    );
    let there = project.run("code signal late missing after");
    assert_snapshot!(there.outcomes(), @"after: skip, code: FAIL, late: TIMEOUT, missing: FAIL, signal: FAIL");
    let here = project.run("--executor local -k code signal late after");
    assert_eq!((there.status, here.status), (3, 3), "{}", there.all());
    let missing = project.run("missing");
    let said = missing.all().replace(|c: char| c.is_ascii_control() && c != '\n', "");
    let said: Vec<&str> = said.lines().filter(|line| !line.contains("PATH is")).collect();
    assert_snapshot!(said.join("\n"), @"
    ── stderr

    FAIL missing · not started: the interpreter `no-such-program` was not found · TIME · otto.yml:6
      no output · full log: otto Logs RUN missing
    error[E0601]: the interpreter `no-such-program` was not found
      = note: looked for on the node node1

    rerun:  otto Rerun RUN
    ── exit 127
    ");
}

#[test]
fn a_cluster_is_tried_with_one_small_job() {
    let project = on_cluster("tasks: {a: {bash: echo}}");
    let tried = project.run("Check --executor slurm");
    let plain = regex::Regex::new(r"bash [0-9.()a-z-]+|Linux \w+|otto [0-9.]+").expect("a pattern");
    assert_snapshot!(plain.replace_all(&tried.all(), "…"), @"
    ── stdout
    otto.yml: 1 task is valid
    Slurm     22.05.8, answered in TIME
    settings  KillWait 30 sec
    job       101 on node1 (…), after TIME
    node      …, …
    home      /you/home: seen
    project   /you/project: seen
    ── exit 0
    ");
    let calls = project.read("../cluster/calls");
    let job = calls.lines().find(|call| call.contains("--parsable")).expect("a job");
    assert!(job.contains(" --nodes=1 --ntasks=1 --cpus-per-task=1 --mem=100M --time=0-00:01:00 "), "{job}");
    wrong(&project, "refused", "sbatch: error: Invalid account");
    let refused = project.run("Check --executor slurm");
    assert_eq!(refused.status, 1, "{}", refused.all());
    assert!(refused.stderr.contains("error[E1004]: the cluster refused the job: "), "{}", refused.all());
}

#[test]
fn a_task_may_stay_on_this_machine() {
    let project = on_cluster(
        "
tasks:
  far: {bash: 'echo \"far ${SLURM_JOB_ID:+in a job} ${OTTO_EXECUTOR-unset}\"'}
  near: {executor: local, needs: [far], bash: 'echo \"near ${SLURM_JOB_ID:-in no job} ${OTTO_EXECUTOR-unset}\"'}
",
    );
    assert_eq!(project.run("near").ok(), "far in a job unset\nnear in no job unset\n");
    assert_eq!(calls(&project, "sbatch"), 1);
}

#[test]
fn what_cannot_run_on_a_cluster_is_refused_before_anything_starts() {
    let project = on_cluster(
        "
tasks:
  make: {streaming: stdout, bash: seq 3}
  sum: {needs: [make], streaming: true, executor: local, bash: cat}
",
    );
    assert_snapshot!(project.run("sum").refused(), @"
    error[E1005]: the stream of `make` would go to `sum` on another machine
      ╭▸ otto.yml:3:3
    3 │   make: {streaming: stdout, bash: seq 3}
      │   ━━━━ runs on the cluster
    4 │   sum: {needs: [make], streaming: true, executor: local, bash: cat}
      ╰╴  ─── runs on the machine of otto
    help: a stream stays on one machine: write `executor: local` in both tasks or in neither
    otto.yml: 1 error. For details: `otto Explain E1005`
    ");
    let secret = on_cluster("\ntasks:\n  deploy: {params: {--token: {secret: true}}, bash: echo}\n");
    assert_snapshot!(secret.run("deploy --token hunter2").refused(), @"
    error[E1012]: this run has secrets, which otto does not hand to a cluster
      ╭▸ otto.yml:3:3
    3 │   deploy: {params: {--token: {secret: true}}, bash: echo}
      ╰╴  ━━━━━━ this task has one
    help: run it with `--executor local`, or let tasks on the cluster get the secret themselves, from a file
    otto.yml: 1 error. For details: `otto Explain E1012`
    ");
    let nowhere = Project::new("{otto: {executor: slurm}, tasks: {build: {bash: echo}}}");
    fs::create_dir_all(nowhere.path("bin")).expect("made");
    let nowhere = {
        let bin = nowhere.path("bin").to_string_lossy().into_owned();
        nowhere.with("PATH", &bin)
    };
    assert_snapshot!(nowhere.run("build").refused(), @"
    error[E1001]: there is no `sbatch` in PATH
    help: otto needs Slurm's commands here; `--executor local` runs the tasks on this machine
    otto: 1 error. For details: `otto Explain E1001`
    ");
    assert!(!nowhere.task_home().exists(), "no run is recorded");
    let bad = Project::new("{otto: {executor: pbs}, tasks: {build: {executor: slurm, bash: echo}}}");
    assert_snapshot!(bad.run("build").refused(), @"
    error[E0109]: `otto.executor` cannot be `pbs`
      ╭▸ otto.yml:1:19
    1 │ {otto: {executor: pbs}, tasks: {build: {executor: slurm, bash: echo}}}
      ╰╴                  ━━━ not an executor
    help: write `executor: local` or `executor: slurm`
    error[E0109]: `executor` of task `build` cannot be `slurm`
      ╭▸ otto.yml:1:51
    1 │ {otto: {executor: pbs}, tasks: {build: {executor: slurm, bash: echo}}}
      ╰╴                                                  ━━━━━ not an executor
    help: write `executor: local`
    otto.yml: 2 errors. For details: `otto Explain E0109`
    ");
}

#[test]
fn what_the_cluster_refuses_fails_that_task() {
    let project = on_cluster("tasks: {build: {retries: 2, bash: echo}, after: {needs: [build], bash: echo}}");
    wrong(&project, "refused", "invalid partition specified: nope");
    let ran = project.run("after");
    assert_snapshot!(ran.all(), @"
    ── stderr
    otto · run RUN · 2 tasks
       FAIL  build     TIME  not started: the cluster refused the job: invalid partition specified: nope
       skip  after           needs build

    FAIL build · not started: the cluster refused the job: invalid partition specified: nope · TIME · otto.yml:1
      no output · full log: otto Logs RUN build
    error[E1004]: the cluster refused the job: invalid partition specified: nope

    2 tasks in TIME: 1 failed, 1 skipped
    rerun failed and skipped:  otto Rerun RUN
    ── exit 125
    ");
    assert_eq!(calls(&project, "sbatch"), 1);
}

#[test]
fn a_submission_without_an_answer_is_made_again_and_runs_once() {
    for doubt in ["doubtful", "unheard"] {
        let project = on_cluster("tasks: {build: {bash: echo once}}");
        wrong(&project, doubt, "");
        wrong(&project, "banner", "");
        let ran = project.run("build");
        assert_eq!((ran.status, ran.stdout.as_str()), (0, "once\n"), "{doubt}: {}", ran.all());
    }
}

#[test]
fn a_second_copy_of_a_job_does_not_run_the_task() {
    let project = on_cluster("tasks: {build: {bash: 'echo x >> ran; sleep 0.3'}}");
    wrong(&project, "twice", "");
    project.run("build").ok();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(project.read("ran"), "x\n");
}

#[test]
fn an_interrupted_run_ends_its_jobs_and_they_say_their_last_words() {
    let project = on_cluster(
        "
tasks:
  runs: {bash: \"trap 'echo bye; exit 9' TERM; echo up; touch up; sleep 60 & wait\"}
  waits: {bash: touch never}
",
    );
    let mut command = project.command(env!("CARGO_BIN_EXE_otto"));
    let child = command.arg("runs").spawn().expect("started");
    wait_for(&project.path("up"));
    interrupt(&child);
    let ran: Ran = project.end(child);
    assert_eq!((ran.status, ran.stdout.as_str()), (130, "up\nbye\n"), "{}", ran.all());
    assert!(
        states(&project).iter().all(|state| state == "CANCELLED" || state == "FAILED"),
        "{:?}",
        states(&project)
    );

    wrong(&project, "held", "Resources");
    let child = project.command(env!("CARGO_BIN_EXE_otto")).args(["-v", "waits"]).spawn().expect("started");
    wait_for(&project.path("../cluster/jobs/102"));
    interrupt(&child);
    let ran = project.end(child);
    assert_eq!(ran.status, 130, "{}", ran.all());
    fs::remove_file(project.path("../cluster/held")).expect("removed");
    assert!(!states(&project).contains(&"PENDING".to_owned()), "{:?}", states(&project));
    assert!(!project.path("never").exists());
}

pub fn interrupt(child: &std::process::Child) {
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().expect("kill").success());
}

#[test]
fn no_value_of_the_environment_and_no_secret_stays_in_the_folder_of_the_run() {
    let project = on_cluster(
        "tasks: {build: {envs: {MINE: in-the-ottofile}, bash: 'echo \"${#OUTER} $MINE\"; exit 1'}}",
    )
    .with("OUTER", "from-outside-9d1c");
    assert_eq!(project.run("build").stdout, "17 in-the-ottofile\n");
    let run = project.task("build").join("../..");
    let found = std::process::Command::new("grep")
        .args(["-rl", "from-outside-9d1c"])
        .arg(&run)
        .output()
        .expect("grep");
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
    let exchange = run.join("slurm");
    let found = std::process::Command::new("grep")
        .args(["-rl", "in-the-ottofile"])
        .arg(&exchange)
        .output()
        .expect("grep");
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}

/// A cluster where otto asks often and waits little.
pub fn on_quick_cluster(ottofile: &str) -> Project {
    let project = on_cluster(ottofile);
    project.write("../config.yml", "slurm: {array: 0, ask-every: 200ms, lost-after: 1s, never-after: 1s}\n");
    let site = project.path("../config.yml").to_string_lossy().into_owned();
    project.with("OTTO_CONFIG", &site)
}

/// The lines of stderr that have a code.
fn coded(ran: &Ran) -> String {
    let plain = regex::Regex::new("slurm/[0-9.]+|[0-9a-z-]+/[0-9]{8}-[0-9a-z.-]+|otto-[0-9a-f]{16}")
        .expect("a pattern");
    let lines = ran.stderr.lines().filter(|line| line.starts_with("warning[") || line.starts_with("error["));
    lines.map(|line| plain.replace_all(line, "…").into_owned() + "\n").collect()
}

#[test]
fn a_task_that_the_cluster_ended_is_repeated_for_nothing() {
    for state in ["NODE_FAIL", "PREEMPTED"] {
        let project = on_quick_cluster(
            "tasks: {build: {bash: 'echo x >> tries; if [ $(wc -l < tries) = 1 ]; then sleep 30; fi; OUTPUT[a]=1'}}",
        );
        wrong(&project, "fate", state);
        let ran = project.run("build");
        assert_eq!(ran.status, 0, "{}", ran.all());
        assert_eq!(project.read("tries"), "x\nx\n");
        let said = coded(&ran).replace(state, "STATE");
        insta::allow_duplicates! {
            assert_snapshot!(said, @"warning[E1009]: build: the cluster ended job 101 on node1: STATE; the task is repeated");
        }
    }
}

#[test]
fn want_of_memory_and_of_time_are_failures_of_the_task() {
    let project = on_quick_cluster("tasks: {build: {resources: {memory: 64M}, bash: sleep 30}}");
    wrong(&project, "fate", "OUT_OF_MEMORY");
    assert_snapshot!(coded(&project.run("build")), @"error[E1010]: the task was given 64M and needed more memory");
    wrong(&project, "fate", "TIMEOUT");
    let ran = project.run("build");
    assert_eq!(ran.status, 124, "{}", ran.all());
}

#[test]
fn a_job_that_slurm_has_forgotten_is_submitted_again() {
    let project = on_quick_cluster("tasks: {build: {bash: echo once}}");
    wrong(&project, "vanished", "");
    let ran = project.run("build");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "once\n"), "{}", ran.all());
    assert_eq!(calls(&project, "sbatch"), 2);
}

#[test]
fn a_job_that_slurm_could_not_start_is_asked_for_again() {
    let project = on_quick_cluster("tasks: {build: {bash: echo once}}");
    wrong(&project, "broken", "slurmstepd: error: no such group\n");
    let ran = project.run("build");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "once\n"), "{}", ran.all());
    assert_snapshot!(coded(&ran), @"warning[E1009]: build: job 101 on node1 ended before the task began: slurmstepd: error: no such group; the task is repeated");
}

#[test]
fn a_node_that_cannot_run_the_task_says_why() {
    let project = on_quick_cluster("tasks: {build: {bash: echo}}");
    wrong(&project, "blind", "");
    assert_snapshot!(coded(&project.run("build")), @"error[E1002]: the node vm does not see the run's folder: /you/home/…/…");
    let project = on_quick_cluster("tasks: {build: {bash: echo}}").with("OTTO_NODE_BINARY", "/no/such/otto");
    assert_snapshot!(coded(&project.run("build")), @"error[E1007]: the node vm cannot run /no/such/otto");
}

#[test]
fn a_job_that_never_starts_is_given_up() {
    let project = on_quick_cluster("tasks: {build: {bash: echo}}");
    wrong(&project, "held", "PartitionConfig");
    assert_snapshot!(coded(&project.run("build")), @"error[E1004]: the cluster never starts the job: it waits for `PartitionConfig`");
    fs::remove_file(project.path("../cluster/held")).expect("removed");
    assert!(!states(&project).contains(&"PENDING".to_owned()), "{:?}", states(&project));
}

#[test]
fn a_controller_that_is_away_ends_nothing() {
    let project = on_quick_cluster(
        "tasks: {build: {bash: 'touch up; until [ -e go ]; do sleep 0.05; done; echo done'}}",
    );
    let child = project.command(env!("CARGO_BIN_EXE_otto")).arg("build").spawn().expect("started");
    wait_for(&project.path("up"));
    wrong(&project, "down", "");
    std::thread::sleep(Duration::from_secs(2));
    project.write("go", "");
    let ran = project.end(child);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "done\n"), "{}", ran.all());
    let said =
        regex::Regex::new("[0-9]+ s;").expect("a pattern").replace_all(&coded(&ran), "N s;").into_owned();
    assert_snapshot!(said, @"warning[E1011]: Slurm's controller has not answered for N s; jobs go on, and otto waits");
}

#[test]
fn mistakes_in_the_site_file_are_told_before_anything_starts() {
    let project = on_quick_cluster("tasks: {build: {bash: echo}}");
    project.write("../config.yml", "slurm: {jobs: none, patience: 3}\n");
    let ran = project.run("build");
    assert_snapshot!(ran.refused(), @"
    error[E0109]: `slurm.jobs` must be a whole number, at least 1
      ╭▸ /you/project/../config.yml:1:15
    1 │ slurm: {jobs: none, patience: 3}
      ╰╴              ━━━━ not a valid number
    error[E0104]: unknown key `patience` in `slurm`
      ╭▸ /you/project/../config.yml:1:21
    1 │ slurm: {jobs: none, patience: 3}
      ╰╴                    ━━━━━━━━ unknown key
      = note: valid keys are `array`, `ask-every`, `before`, `defaults`, `driver`, `gpus-as`, `jobs`, `local-jobs`, `lost-after`, `lost-retries`, `memory-as`, `never-after`, `submit-per-second`, `tasks` and `visible-after`
    /you/project/../config.yml: 2 errors. For details: `otto Explain E0104`
    ");
}

#[test]
fn a_service_stays_here_and_a_task_on_the_cluster_cannot_use_it() {
    let project = on_cluster(
        "
tasks:
  db: {service: true, bash: sleep 60}
  test: {needs: [db], bash: echo}
",
    );
    assert_snapshot!(project.run("test").refused(), @"
    error[E1005]: `test` would run on the cluster, away from the service `db`
      ╭▸ otto.yml:4:3
    3 │   db: {service: true, bash: sleep 60}
      │   ── runs on the machine of otto
    4 │   test: {needs: [db], bash: echo}
      ╰╴  ━━━━ uses the service
    help: write `executor: local` in `test`
    otto.yml: 1 error. For details: `otto Explain E1005`
    ");
}

#[test]
fn a_dry_run_shows_what_would_be_submitted_and_asks_nobody() {
    let project = on_cluster(
        "
otto: {resources: {time: 30m, memory: 1G}}
tasks:
  align:
    foreach: {items: [a, b]}
    resources: {cpus: 8, memory: [8G, 32G], partition: long}
    bash: echo
  sum: {needs: [align], timeout: 10m, bash: echo}
  publish: {executor: local, needs: [sum], bash: echo}
",
    );
    project.write("../config.yml", "slurm: {defaults: {account: lab}, tasks: {'al*': {partition: short}}}\n");
    let site = project.path("../config.yml").to_string_lossy().into_owned();
    let project = project.with("OTTO_CONFIG", &site);
    assert_snapshot!(project.run("-n --resource align:b:memory=9G --resource qos=low publish").all(), @"
    ── stdout
      1  align:a  (otto.yml:4)
         sbatch --nodes=1 --ntasks=1 --cpus-per-task=8 --mem=8192M --time=0-00:30:00 --partition=short --account=lab --qos=low
      2  align:b  (otto.yml:4)
         sbatch --nodes=1 --ntasks=1 --cpus-per-task=8 --mem=9216M --time=0-00:30:00 --partition=short --account=lab --qos=low
      3  sum  after align  (otto.yml:8)
         sbatch --nodes=1 --ntasks=1 --cpus-per-task=1 --mem=1024M --time=0-00:30:00 --account=lab --qos=low
      4  publish  after sum  (otto.yml:9)
    ── stderr
    dry run: 4 tasks would run; nothing was started
    ── exit 0
    ");
    assert!(!project.path("../cluster/calls").exists() && !project.task_home().exists());
    let told = project.run("-n -v --resource align:b:memory=9G --resource qos=low align:b").stdout;
    let told: Vec<&str> = told.lines().filter(|line| line.contains(" from ")).map(str::trim).collect();
    assert_snapshot!(told.join("\n"), @"account from `defaults` of the site file · cpus from the task · memory from `--resource` · partition from `al*` of the site file · qos from `--resource` · time from `otto.resources`");
}

/// A link to what is not there yet stands for a file that only one of two machines sees.
#[test]
fn declared_files_are_waited_for() {
    let project = on_cluster(
        "
tasks:
  make: {output: [made], bash: 'ln -s later made; touch up'}
  use: {needs: [make], bash: cat made}
  read: {input: [given], bash: cat given}
",
    );
    let child = project.command(env!("CARGO_BIN_EXE_otto")).arg("use").spawn().expect("started");
    wait_for(&project.path("up"));
    wait_for(&project.task("make").join("../../slurm/0.1/ended"));
    project.write("later", "late\n");
    assert_eq!(project.end(child).ok(), "late\n");
    std::os::unix::fs::symlink("too", project.path("given")).expect("linked");
    let child = project.command(env!("CARGO_BIN_EXE_otto")).arg("read").spawn().expect("started");
    wait_for(&project.task("read").join("../../slurm/0.1/begun"));
    project.write("too", "later\n");
    assert_eq!(project.end(child).ok(), "later\n");
}

#[test]
fn a_job_gets_what_its_task_asks_for_and_more_at_the_second_attempt() {
    let project = on_cluster(
        r#"
tasks:
  build:
    resources: {cpus: 2, memory: [50M, 400M], gpus: 1}
    retries: 1
    bash: |
      echo "$OTTO_ATTEMPT: $OTTO_CPUS cpus, $OTTO_MEMORY MiB, $OTTO_GPUS gpus"
      [ "$OTTO_MEMORY" -gt 100 ]
"#,
    );
    assert_eq!(project.run("build").ok(), "1: 2 cpus, 50 MiB, 1 gpus\n2: 2 cpus, 400 MiB, 1 gpus\n");
    let calls = project.read("../cluster/calls");
    let memory = regex::Regex::new(r"--cpus-per-task=\d+ --mem=\d+M").expect("a pattern");
    let asked: Vec<&str> = memory.find_iter(&calls).map(|found| found.as_str()).collect();
    assert_eq!(asked, ["--cpus-per-task=2 --mem=50M", "--cpus-per-task=2 --mem=400M"]);
}

#[test]
fn resources_that_cannot_be_are_told_all_at_once() {
    let project = on_cluster(
        "
otto: {resources: {cpu: 1}}
tasks:
  a: {resources: {cpus: 0, memory: [1G, 2], extra: [--output=x], partition: [a, b]}, bash: echo}
  b: {timeout: 2h, resources: {time: 1h}, bash: echo}
",
    );
    assert_snapshot!(project.run("a").refused(), @"
    error[E0104]: unknown key `cpu` in `otto.resources`
      ╭▸ otto.yml:2:20
    2 │ otto: {resources: {cpu: 1}}
      ╰╴                   ━━━ unknown key
    help: did you mean `cpus`?
    error[E0109]: `cpus` of `resources` of task `a` must be a whole number from 1 to 4096
      ╭▸ otto.yml:4:25
    4 │   a: {resources: {cpus: 0, memory: [1G, 2], extra: [--output=x], partition:…
      ╰╴                        ━ not such a value
    error[E0109]: `memory` of `resources` of task `a` must be a size such as `512M`, `4G` or `1T`
      ╭▸ otto.yml:4:41
    4 │   a: {resources: {cpus: 0, memory: [1G, 2], extra: [--output=x], partition:…
      ╰╴                                        ━ not such a value
    error[E0109]: `extra` of `resources` of task `a` must be an option of sbatch that otto does not set, as `--option=value`
      ╭▸ otto.yml:4:53
    4 │ …mory: [1G, 2], extra: [--output=x], partition: [a, b]}, bash: echo}
      ╰╴                        ━━━━━━━━━━ not such a value
    error[E0103]: `partition` of `resources` of task `a` must be one value, not a list
      ╭▸ otto.yml:4:77
    4 │ … [--output=x], partition: [a, b]}, bash: echo}
      ╰╴                           ━━━━━━ this is a list
    error[E0112]: the `timeout` of task `b` is longer than the `time` that it asks for
      ╭▸ otto.yml:5:16
    5 │   b: {timeout: 2h, resources: {time: 1h}, bash: echo}
      ╰╴               ━━ longer than `time` in `resources`
    help: ask for more `time`, or leave it out: then it is a little more than `timeout`
    otto.yml: 6 errors. For details: `otto Explain E0112`
    ");
    let project = on_cluster("tasks: {a: {bash: echo}}");
    assert_snapshot!(project.run("--resource memry=1G a").refused(), @"
    error[E0002]: `--resource` knows no `memry`
      = note: it knows account, bundle, constraint, cpus, extra, gpus, memory, modules, partition, qos, reservation, time
    help: did you mean `memory`?
    otto: 1 error. For details: `otto Explain E0002`
    ");
    assert_snapshot!(project.run("--resource a:time=5 a").refused(), @"
    error[E0002]: invalid value `5` for `time`
    help: expected a duration of at least one minute, such as `30m` or `2h`
    otto: 1 error. For details: `otto Explain E0002`
    ");
}

#[test]
fn jobs_that_data_makes_run_on_the_cluster_too() {
    let project = on_cluster(
        "
tasks:
  list: {resources: {cpus: 2}, bash: otto.set --list n 7 8}
  each:
    foreach: {from: list.n}
    resources: {cpus: 3}
    bash: 'echo \"$item ${SLURM_JOB_ID:+in a job} $OTTO_CPUS\"; OUTPUT[twice]=$((2 * item))'
  sum: {needs: [each], executor: local, bash: 'echo \"${INPUT[each:7.twice]} ${INPUT[each:8.twice]}\"'}
",
    );
    let ran = project.run("-j1 sum");
    assert_eq!(ran.ok(), "7 in a job 3\n8 in a job 3\n14 16\n", "{}", ran.all());
    assert_eq!(project.read("../cluster/calls").matches("--cpus-per-task=3").count(), 2);
}

#[test]
fn a_profile_of_the_site_file_counts_more_than_the_rest_of_it() {
    let project = on_cluster(
        "tasks: {a: {resources: {cpus: 2, memory: 4G, gpus: 1}, bash: 'echo ${OTTO_PROFILE-unset}'}}",
    );
    project.write(
        "../config.yml",
        "
slurm: {memory-as: cpu, defaults: {account: lab, qos: high}}
profiles:
  night: {gpus-as: gpus, defaults: {qos: low}}
",
    );
    let site = project.path("../config.yml").to_string_lossy().into_owned();
    let project = project.with("OTTO_CONFIG", &site);
    let options = |words: &str| {
        let shown = project.run(words).stdout;
        shown
            .lines()
            .find_map(|line| Some(line.split_once("--cpus-per-task=2 ")?.1.to_owned()))
            .unwrap_or_default()
    };
    assert_eq!(options("-n a"), "--mem-per-cpu=2048M --gres=gpu:1 --account=lab --qos=high");
    assert_eq!(options("--profile night -n a"), "--mem-per-cpu=2048M --gpus=1 --account=lab --qos=low");
    assert_snapshot!(project.run("--profile nigth a").refused(), @"
    error[E0002]: no site file has a profile `nigth`
      = note: it knows night
    help: did you mean `night`?
    otto: 1 error. For details: `otto Explain E0002`
    ");
    let project = project.with("OTTO_PROFILE", "night");
    assert_eq!(project.run("a").ok(), "unset\n");
    assert!(project.read("../cluster/calls").contains("--gpus=1"));
}

/// A login shell that knows a few modules, as an old version of them does.
fn with_modules(project: Project) -> Project {
    project.write(
        "../.bash_profile",
        r#"
module() {
    case $2 in
        tool/1) export PATH=$PATH:$HOME/tool TOOL=$'two\nlines' ;;
        *) echo "ModuleCmd_Load.c(213):ERROR:105: Unable to locate a modulefile for '$2'" >&2 ;;
    esac
}
"#,
    );
    project.write("../tool/greet", "#!/bin/sh\necho \"hello from $BEFORE\"\n");
    let tool = project.path("../tool/greet");
    assert!(std::process::Command::new("chmod").arg("+x").arg(&tool).status().expect("chmod").success());
    project.write("../config.yml", "slurm: {before: 'export BEFORE=site; echo noise'}\n");
    let site = project.path("../config.yml").to_string_lossy().into_owned();
    project.with("OTTO_CONFIG", &site)
}

#[test]
fn modules_and_lines_of_the_site_prepare_the_node() {
    let project = with_modules(on_cluster(
        r#"
tasks:
  a: {resources: {modules: [tool/1]}, envs: {MINE: '1'}, bash: 'greet; echo "${TOOL@Q} $MINE $(pwd | sed s,.*/,,)"'}
  b: {resources: {modules: [tool/1, tool/9]}, bash: touch never}
  c: {needs: [b], bash: touch never}
"#,
    ));
    assert_eq!(project.run("a").ok(), "hello from site\n$'two\\nlines' 1 project\n");
    let ran = project.run("-k c");
    assert_eq!(ran.status, 125, "{}", ran.all());
    assert_snapshot!(coded(&ran), @"error[E0604]: the node node1 could not be prepared: cannot load the module `tool/9`");
    assert!(ran.stderr.contains("Unable to locate a modulefile for 'tool/9'"), "{}", ran.all());
    assert_eq!(ran.outcomes(), "b: FAIL, c: skip");
    assert!(!project.path("never").exists());
}

#[test]
fn stdin_that_a_task_on_the_cluster_does_not_get_is_told() {
    let project = on_cluster("tasks: {count: {bash: wc -c}, other: {bash: echo}}");
    let ran = project.feed("count", "12345");
    assert_eq!(ran.stdout, "0\n");
    assert_snapshot!(ran.stderr.split("     ok").next().unwrap_or_default(), @"
    warning[E1006]: `count` runs on the cluster and does not get the stdin of otto
      ╭▸ otto.yml:1:9
    1 │ tasks: {count: {bash: wc -c}, other: {bash: echo}}
      ╰╴        ━━━━━ its stdin is empty
    help: write the input to a file, or keep the task here: `executor: local`
    ");
    assert!(!project.run("count").stderr.contains("E1006"), "/dev/null has nothing to read");
    assert_eq!(project.feed("--executor local count", "12345").stdout, "5\n");
}

#[test]
fn a_limit_of_submissions_is_kept_and_told_once() {
    let project = on_quick_cluster("tasks: {a: {foreach: {range: 1..20}, bash: echo}}");
    wrong(&project, "limit", "5");
    wrong(&project, "held", "Resources");
    let child = project.command(env!("CARGO_BIN_EXE_otto")).args(["-j50", "a"]).spawn().expect("started");
    let begun = Instant::now();
    while !project.path("../cluster/calls").exists() || calls(&project, "sbatch") < 6 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", project.read("../cluster/calls"));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(states(&project).len(), 5);
    fs::remove_file(project.path("../cluster/held")).expect("removed");
    let ran = project.end(child);
    assert_eq!(ran.status, 0, "{}", ran.all());
    let said = coded(&ran);
    assert_eq!(said.matches("E1004").count(), 1, "{}", ran.all());
    assert!(said.contains("warning[E1004]: the cluster takes no more jobs for now"), "{}", ran.all());
}

#[test]
fn an_interrupted_run_ends_without_the_controller_too() {
    let project = on_quick_cluster(
        "
tasks:
  runs: {bash: \"trap 'echo bye; exit 9' TERM; touch up; sleep 60 & wait\"}
  waits: {bash: touch never}
",
    );
    let child = project.command(env!("CARGO_BIN_EXE_otto")).args(["runs"]).spawn().expect("started");
    wait_for(&project.path("up"));
    // From now on, jobs that come wait.
    wrong(&project, "down", "");
    let begun = Instant::now();
    interrupt(&child);
    let ran = project.end(child);
    assert_eq!((ran.status, ran.stdout.as_str()), (130, "bye\n"), "{}", ran.all());
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    fs::remove_file(project.path("../cluster/down")).expect("removed");

    wrong(&project, "held", "Resources");
    let child = project.command(env!("CARGO_BIN_EXE_otto")).args(["waits"]).spawn().expect("started");
    wait_for(&project.path("../cluster/jobs/102"));
    wrong(&project, "down", "");
    interrupt(&child);
    assert_eq!(project.end(child).status, 130);
    // What the job would do, were it to start now.
    let folder = project.task("waits").join("../../slurm/0.1").canonicalize().expect("handed over");
    let node = project.run_os(&[std::ffi::OsStr::new("--node"), folder.as_os_str()]);
    assert_eq!(node.status, 0, "{}", node.all());
    assert_snapshot!(node.stderr, @"otto: another copy of this job has begun the task, or the run has given it up");
    assert!(!project.path("never").exists());
}

#[test]
fn a_halted_run_says_what_goes_on() {
    let project = on_cluster("tasks: {a: {bash: 'touch up; until [ -e go ]; do sleep 0.05; done'}}");
    // In a group of its own, so that somebody could continue it, wherever this test runs.
    let child =
        project.command(env!("CARGO_BIN_EXE_otto")).arg("a").process_group(0).spawn().expect("started");
    wait_for(&project.path("up"));
    let send = |name: &str, child: &std::process::Child| {
        let pid = child.id().to_string();
        assert!(std::process::Command::new("kill").args([name, &pid]).status().expect("kill").success());
    };
    send("-TSTP", &child);
    let halted =
        || fs::read_to_string(format!("/proc/{}/stat", child.id())).is_ok_and(|stat| stat.contains(") T "));
    let begun = Instant::now();
    while !halted() {
        assert!(begun.elapsed() < Duration::from_secs(20), "otto never halts");
        std::thread::sleep(Duration::from_millis(20));
    }
    project.write("go", "");
    send("-CONT", &child);
    let ran = project.end(child);
    assert_eq!(ran.status, 0, "{}", ran.all());
    assert!(ran.stderr.contains("otto halts; 1 job goes on in the cluster"), "{}", ran.all());
}

#[test]
fn a_run_whose_otto_was_killed_is_cancelled_and_then_rerun() {
    let project = on_quick_cluster(
        "
tasks:
  done: {bash: 'OUTPUT[a]=1'}
  runs: {needs: [done], bash: 'echo x >> ran; touch up; [ -e go ] || sleep 60'}
  waits: {needs: [done], executor: local, bash: echo}
",
    );
    let child = project.command(env!("CARGO_BIN_EXE_otto")).arg("runs").spawn().expect("started");
    wait_for(&project.path("up"));
    assert_snapshot!(project.run("Cancel").refused().replace(&id(&project), "RUN"), @"
    error[E1008]: run `RUN` has an otto that drives it
    help: stop that with Ctrl-C, or send it SIGINT
    otto: 1 error. For details: `otto Explain E1008`
    ");
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-9", &pid]).status().expect("kill").success());
    project.end(child);
    let begun = Instant::now();
    while !project.run("Rerun").all().contains("was left with 1 job") {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", project.run("Rerun").all());
    }
    let left = project.run("Cancel");
    assert_eq!((left.status, left.stdout.as_str()), (0, ""), "{}", left.all());
    assert_eq!(left.stderr.replace(&id(&project), "RUN"), "cancelled 1 job of run RUN\n");
    assert!(!states(&project).contains(&"RUNNING".to_owned()), "{:?}", states(&project));
    assert_eq!(
        project.run("Cancel").stderr.replace(&id(&project), "RUN"),
        "run RUN has left no jobs on a cluster\n"
    );
    project.write("go", "");
    let ran = project.run("Rerun");
    assert_eq!(ran.status, 0, "{}", ran.all());
    assert_eq!(project.read("ran"), "x\nx\n");
    assert_snapshot!(project.run("Cancel").refused().replace(&id(&project), "RUN"), @"
    error[E1008]: run `RUN` is over, so it has no jobs on a cluster
    otto: 1 error. For details: `otto Explain E1008`
    ");
}

/// The first characters of the id of the latest run.
pub fn id(project: &Project) -> String {
    let latest = project.task("x").join("../..").canonicalize();
    let latest =
        latest.or_else(|_| project.task("x").parent().and_then(Path::parent).expect("a run").canonicalize());
    let name = latest.expect("a run").file_name().expect("a name").to_string_lossy().into_owned();
    name.rsplit('-').next().expect("an id")[..4].to_owned()
}

/// Everything that data decides: contracts, `if`, OUTCOME, `with`, fan-out, values of failed tasks.
const FLOW: &str = r#"
tasks:
  typed:
    outputs: {n: int, name: {type: str, default: nobody}}
    bash: OUTPUT[n]=41
  wrong:
    outputs: {n: int}
    bash: OUTPUT[n]=$(echo many)
  no: {if: '[ -e no-such ]', bash: echo never}
  yes:
    needs: [typed, no]
    if: '[ "${INPUT[typed.n]}" = 41 ]'
    bash: 'echo "n is ${INPUT[typed.n]} of ${INPUT[typed.name]}"'
  fails: {bash: 'OUTPUT[kept]=5; exit 7'}
  tidy:
    needs: [{task: fails, when: always}]
    bash: 'echo "${OUTCOME[fails]} with ${OUTCOME[fails.exit]}, kept ${INPUT[fails.kept]}"'
  build:
    params: {--profile: {default: debug}}
    bash: OUTPUT[p]=$profile
  both:
    needs: [build, {task: build, with: {profile: release}, as: rel}]
    python: print(INPUT["build.p"], INPUT["rel.p"])
  list: {bash: otto.set --list n 1 2 3}
  square:
    foreach: {from: list.n}
    bash: 'OUTPUT[n]=$((item * item)); [ "$item" != 2 ]'
  half:
    foreach: {each: square}
    bash: 'echo "half of ${INPUT[square.n]}"'
  sum:
    needs: [{task: square, when: always}]
    python: 'print(INPUT["square:1.n"], INPUT["square:3.n"])'
  steps:
    steps: [typed, "echo between", {task: build, with: {profile: fast}}]
"#;

#[test]
fn what_data_decides_is_decided_there_as_here() {
    let project = on_cluster(FLOW);
    let words = "-j1 -k typed wrong no yes fails tidy both square half sum steps";
    let there = project.run(words);
    let asked = calls(&project, "sbatch");
    let here = project.run(&format!("--executor local {words}"));
    assert_eq!(calls(&project, "sbatch"), asked);
    // Groups have no job, and `half:2` is skipped.
    assert!(asked >= 15, "{asked}: {}", there.all());
    assert_eq!((there.status, there.outcomes()), (here.status, here.outcomes()), "{}", there.all());
    assert_eq!(there.stdout, here.stdout, "{}", there.all());
    assert_eq!(coded(&there), coded(&here));
    assert!(coded(&there).contains("E0717"), "{}", there.all());
    assert!(there.stdout.contains("failed with 7, kept 5\n"), "{}", there.all());
}

#[test]
fn many_jobs_of_a_task_are_asked_for_at_once() {
    let project = on_cluster(
        "
tasks:
  a: {foreach: {range: 1..30}, bash: 'echo \"${SLURM_ARRAY_TASK_ID+element}\" >> elements; OUTPUT[n]=$item; [ $item != 7 ]'}
  b: {foreach: {each: a}, executor: local, bash: 'echo ${INPUT[a.n]} >> after'}
",
    );
    let ran = project.run("-k b");
    assert_eq!(ran.status, 1, "{}", ran.all());
    assert!(calls(&project, "sbatch") <= 3, "{}", project.read("../cluster/calls"));
    assert!(project.read("elements").lines().filter(|line| *line == "element").count() >= 20);
    let mut after: Vec<u32> =
        project.read("after").lines().map(|line| line.parse().expect("a number")).collect();
    after.sort_unstable();
    assert_eq!(after, (1..=30).filter(|n| *n != 7).collect::<Vec<u32>>());
    // Of the one that failed its folder and its log stay.
    let left = left(&project, "a:01");
    assert!(left.contains(&"6.1".to_owned()) && left.len() <= 8, "{left:?}");
}

/// Each item says when it begins and ends, and the fifth fails.
const BUNDLED: &str = "
tasks:
  a:
    foreach: {range: 1..12}
    resources: {bundle: 5, time: 2m}
    bash: 'echo +$item >> ran; OUTPUT[n]=$item; echo it is $item; sleep 0.05; echo -$item >> ran; [ $item != 5 ]'
  b: {foreach: {each: a}, executor: local, bash: 'echo ${INPUT[a.n]} >> after'}
";

#[test]
fn jobs_of_a_bundle_run_one_after_the_other_in_one_job_and_fail_alone() {
    let project = on_cluster(BUNDLED);
    let ran = project.run("-k -j1 b");
    assert_eq!(ran.status, 1, "{}", ran.all());
    assert_eq!(calls(&project, "sbatch"), 3, "{}", project.read("../cluster/calls"));
    let calls = project.read("../cluster/calls");
    let times: Vec<&str> = calls.split_whitespace().filter_map(|word| word.strip_prefix("--time=")).collect();
    assert_eq!(times, ["0-00:10:00", "0-00:10:00", "0-00:04:00"]);
    let (ran_items, after) = (project.read("ran"), project.read("after"));
    let lines: Vec<&str> = ran_items.lines().collect();
    assert!(lines.chunks(2).all(|pair| pair[0][1..] == pair[1][1..]), "{lines:?}");
    let mut after: Vec<u32> = after.lines().map(|line| line.parse().expect("a number")).collect();
    after.sort_unstable();
    assert_eq!(after, (1..=12).filter(|n| *n != 5).collect::<Vec<u32>>());
    assert_eq!(fs::read_to_string(project.task("a:08").join("stdout.log")).expect("a log"), "it is 8\n");
    let left = left(&project, "a:01");
    assert!(left.contains(&"4.1".to_owned()) && left.len() <= 8, "{left:?}");
}

#[test]
fn what_a_bundle_finished_before_its_node_was_lost_is_not_repeated() {
    for (state, second) in [("NODE_FAIL", 2), ("PREEMPTED", 2), ("OUT_OF_MEMORY", 1)] {
        let project = on_quick_cluster(
            "tasks: {a: {foreach: {range: 1..6}, resources: {bundle: 6}, bash: 'echo $item >> ran; [ $item != 3 ] || sleep 0.6'}}",
        );
        wrong(&project, "fate", &format!("{state} 3"));
        let ran = project.run("-k a");
        // Want of memory is a failure of the one that ran, and of nobody else.
        assert_eq!(ran.status == 0, second == 2, "{state}: {}", ran.all());
        let times = |item: &str| project.read("ran").lines().filter(|line| *line == item).count();
        let times: Vec<usize> = ["1", "2", "3", "4", "5", "6"].map(times).into();
        assert_eq!(times, [1, 1, second, 1, 1, 1], "{state}: {}", ran.all());
    }
}

#[test]
fn an_interrupted_bundle_ends_with_the_job_that_runs() {
    let project = on_cluster(
        "tasks: {a: {foreach: {range: 1..6}, resources: {bundle: 6}, bash: 'echo $item >> ran; trap \"echo last words; exit 1\" TERM; touch up; while :; do sleep 0.05; done'}}",
    );
    let child = project.command(env!("CARGO_BIN_EXE_otto")).arg("a").spawn().expect("started");
    wait_for(&project.path("up"));
    interrupt(&child);
    let ran = project.end(child);
    assert_eq!((ran.status, project.read("ran").as_str()), (130, "1\n"), "{}", ran.all());
    assert!(ran.stdout.contains("last words"), "{}", ran.all());
    assert!(!states(&project).iter().any(|state| state == "RUNNING" || state == "PENDING"));
}

// ── streams ──────────────────────────────────────────────────────────────────────────────────────────────────────

const STREAMING: &str = "
tasks:
  make:
    streaming: stdout
    resources: {cpus: 2, memory: 100M, time: 5m}
    bash: 'seq 200000 | tee made; OUTPUT[lines]=200000'
  pass: {streaming: stdout, needs: [make], resources: {memory: 200M, time: 10m}, bash: 'cat; echo $OTTO_INPUT_PIPE_MAKE >&2'}
  keep: {streaming: true, needs: [pass], resources: {memory: 50M, time: 1m}, bash: cat > kept}
  tell: {needs: [make, keep], executor: local, bash: 'echo \"${INPUT[make.lines]} lines\"'}
";

#[test]
fn tasks_that_stream_to_each_other_share_one_job() {
    let project = on_cluster(STREAMING);
    assert_snapshot!(project.run("-n tell").stdout, @"
      1  make  (otto.yml:3)
         sbatch --nodes=1 --ntasks=1 --cpus-per-task=4 --mem=350M --time=0-00:10:00  # one job with `pass`, `keep`
      2  pass  with the stream of make  (otto.yml:7)
         in the job of `make`
      3  keep  with the stream of pass  (otto.yml:8)
         in the job of `make`
      4  tell  after make, keep  (otto.yml:9)
    ");
    let ran = project.run("-q tell");
    assert_eq!((ran.status, ran.stdout.lines().last()), (0, Some("200000 lines")), "{}", ran.all());
    assert_eq!(calls(&project, "sbatch"), 1, "{}", project.read("../cluster/calls"));
    let calls = project.read("../cluster/calls");
    for option in ["--cpus-per-task=4", "--mem=350M", "--time=0-00:10:00"] {
        assert!(calls.contains(option), "{option}: {calls}");
    }
    assert_eq!(project.read("made").len(), 1_288_895);
    assert!(project.read("made") == project.read("kept"));
    let recorded = fs::read_to_string(project.task("pass").join("stream.pass.log")).expect("recorded");
    assert!(project.read("made") == recorded);
    let pipe = fs::read_to_string(project.task("pass").join("stderr.log")).expect("a log");
    let pipe = Path::new(pipe.trim());
    assert!(!pipe.exists() && !pipe.parent().expect("a folder").exists(), "{pipe:?}");
    assert!(!pipe.starts_with(project.task("pass")), "{pipe:?}");
}

#[test]
fn a_stream_on_a_cluster_ends_as_it_does_on_this_machine() {
    let ottofile = "
tasks:
  fails: {streaming: stdout, bash: 'seq 5; sleep 0.3; exit 3'}
  strict: {streaming: true, needs: [fails], bash: 'cat >> strict; sleep 5; echo whole >> strict'}
  lenient: {streaming: true, stream-errors: ignore, needs: [fails], bash: 'cat > lenient'}
  endless: {streaming: stdout, bash: yes}
  first: {streaming: true, needs: [endless], bash: head -n 1}
  wrong: {streaming: stdout, outputs: {n: int}, bash: 'seq 3; OUTPUT[n]=$(echo three)'}
  reads_wrong: {streaming: true, needs: [wrong], bash: cat}
  idle: {streaming: stdout, bash: seq 3}
  never: {streaming: true, needs: [idle], bash: true}
  all: {needs: [{task: strict, when: always}, {task: lenient, when: always}, first, {task: reads_wrong, when: always}, never]}
";
    let ends = |executor: &str| {
        let project = on_cluster(ottofile);
        let ran = project.run(&format!("--executor {executor} -k -j20 all"));
        assert_eq!(project.read("lenient"), "1\n2\n3\n4\n5\n", "{}", ran.all());
        assert!(!project.path("strict").exists() || !project.read("strict").contains("whole"));
        let shown: serde_json::Value =
            serde_json::from_str(&project.run("Show --json latest").stdout).expect("JSON");
        let jobs = shown["jobs"].as_array().expect("jobs").iter();
        let mut ends: Vec<String> = jobs.map(|job| format!("{} {}", job["name"], job["outcome"])).collect();
        ends.sort();
        let mut warned: Vec<String> =
            ran.stderr.lines().filter(|line| line.contains("never read")).map(str::to_owned).collect();
        ends.append(&mut warned);
        ends.join("\n")
    };
    let here = ends("local");
    assert_snapshot!(here, @r#"
    "endless" "succeeded"
    "fails" "failed"
    "first" "succeeded"
    "idle" "succeeded"
    "lenient" "succeeded"
    "never" "succeeded"
    "reads_wrong" "failed"
    "strict" "failed"
    "wrong" "failed"
    warning[E0906]: never: never read the stream of `idle`
    "#);
    assert_eq!(ends("slurm"), here);
}

#[test]
fn readers_that_come_later_read_what_was_recorded() {
    // One job at a time; and one that has to wait for something else.
    for (options, waits) in [("-j1", ""), ("", ", late")] {
        let project = on_cluster(&format!(
            "
tasks:
  make: {{streaming: stdout, bash: 'seq 500; sleep 3; seq 500'}}
  late: {{bash: sleep 0.5}}
  sum: {{streaming: true, needs: [make{waits}], bash: 'wc -l > lines'}}
",
        ));
        let ran = project.run(&format!("{options} sum"));
        assert_eq!((ran.status, project.read("lines").trim()), (0, "1000"), "{}", ran.all());
        assert_eq!(calls(&project, "sbatch"), if waits.is_empty() { 2 } else { 3 });
    }
}

#[test]
fn tasks_joined_by_streams_are_repeated_as_a_whole() {
    let project = on_quick_cluster(
        "
tasks:
  make: {streaming: stdout, bash: 'echo make >> ran; seq 1000; sleep 0.6; seq 1000'}
  sum: {streaming: true, needs: [make], bash: 'echo sum >> ran; wc -l > lines'}
",
    );
    wrong(&project, "fate", "NODE_FAIL 1");
    let ran = project.run("sum");
    assert_eq!((ran.status, project.read("lines").trim()), (0, "2000"), "{}", ran.all());
    let mut times: Vec<&str> = Vec::new();
    let text = project.read("ran");
    times.extend(text.lines());
    times.sort_unstable();
    assert_eq!(times, ["make", "make", "sum", "sum"], "{}", ran.all());
    let recorded = fs::read_to_string(project.task("make").join("stream.make.log")).expect("recorded");
    assert_eq!(recorded.lines().count(), 2000);
}

#[test]
fn tasks_joined_by_streams_are_interrupted_together() {
    let project = on_cluster(
        "
tasks:
  make: {streaming: stdout, bash: 'trap \"echo last words of make >&2; exit 1\" TERM; touch up; while :; do echo y; sleep 0.05; done'}
  sum: {streaming: true, needs: [make], bash: 'trap \"echo last words of sum; exit 1\" TERM; while read -r line; do :; done'}
",
    );
    let child = project.command(env!("CARGO_BIN_EXE_otto")).arg("sum").spawn().expect("started");
    wait_for(&project.path("up"));
    std::thread::sleep(Duration::from_millis(300));
    interrupt(&child);
    let ran = project.end(child);
    assert_eq!(ran.status, 130, "{}", ran.all());
    assert!(
        ran.all().contains("last words of make") && ran.all().contains("last words of sum"),
        "{}",
        ran.all()
    );
    assert!(!states(&project).iter().any(|state| state == "RUNNING" || state == "PENDING"));
}

#[test]
fn each_of_the_tasks_that_share_a_job_has_its_own_modules() {
    let project = with_modules(on_cluster(
        r#"
tasks:
  make: {streaming: stdout, bash: 'echo "make ${TOOL:+has a tool}"'}
  sum: {streaming: true, needs: [make], resources: {modules: [tool/1]}, bash: 'cat; greet'}
"#,
    ));
    assert_eq!(project.run("-q sum").ok(), "make \nmake \nhello from site\n");
    assert_eq!(calls(&project, "sbatch"), 1);
}

#[test]
fn tasks_that_ask_for_different_things_cannot_share_a_job() {
    let project = on_cluster(
        "
tasks:
  make: {streaming: stdout, resources: {partition: big}, bash: seq 3}
  sum: {needs: [make], streaming: true, resources: {partition: small, qos: night}, bash: cat}
",
    );
    assert_snapshot!(project.run("sum").refused(), @"
    error[E1005]: `make` and `sum` are joined by streams, but ask the cluster for different `partition` and `qos`
      ╭▸ otto.yml:3:3
    3 │   make: {streaming: stdout, resources: {partition: big}, bash: seq 3}
      │   ━━━━ the first one
    4 │   sum: {needs: [make], streaming: true, resources: {partition: small, qos: …
      ╰╴  ─── the second one
    help: tasks that stream to each other share one job of the cluster: let them ask for the same
    otto.yml: 1 error. For details: `otto Explain E1005`
    ");
    assert_eq!(project.run("-n sum").status, 2);
}

#[test]
fn one_job_has_nothing_to_share() {
    let project = on_cluster("tasks: {a: {resources: {bundle: 6}, bash: echo}}");
    let ran = project.run("a");
    assert_eq!(ran.status, 2);
    assert_snapshot!(ran.stderr);
    let project =
        on_cluster("tasks: {a: {foreach: {range: 1..2}, resources: {bundle: 6, time: 1h}, bash: echo}}");
    assert_snapshot!(project.run("-n -v a").stdout);
}

#[test]
fn an_array_that_is_too_large_is_made_smaller() {
    let project = on_cluster("tasks: {a: {foreach: {range: 1..24}, bash: sleep 0.1}}");
    wrong(&project, "limit", "12");
    let ran = project.run("-j24 a");
    assert_eq!(ran.status, 0, "{}", ran.all());
    assert_eq!(states(&project).iter().filter(|state| *state == "COMPLETED").count(), 24);
}
