//! Runs on a real Slurm of two nodes, which `tests/slurm/up.sh` brings up on this machine. Where Slurm is not installed each
//! case says so and is skipped; `script/setup` installs it.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stderr, reason = "a case that is skipped says so")]

#[path = "slurm/apart.rs"]
mod apart;
mod patience;

use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

const OTTO: &str = env!("CARGO_BIN_EXE_otto");
/// No run of a test takes longer, on however slow a machine; one that hangs is ended and fails.
const PATIENCE: Duration = Duration::from_secs(150);

/// A cluster; it ends with this process.
struct Cluster {
    folder: PathBuf,
    _root: tempfile::TempDir,
}

impl Cluster {
    /// `None` where Slurm is not installed.
    fn up(settings: &[(&str, &str)]) -> Option<Cluster> {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        if !Path::new("/usr/sbin/slurmctld").exists() {
            eprintln!("skipped: Slurm is not installed; `script/setup` installs it");
            return None;
        }
        let root = tempfile::tempdir().expect("a folder");
        // Jobs of other users are none here, but munge wants its socket to be seen by all.
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).expect("opened");
        let folder = root.path().join("cluster");
        let port = 20_000 + (std::process::id() % 1000) as u16 * 12 + NEXT.fetch_add(3, Ordering::Relaxed);
        let up = Command::new(script("up.sh"))
            .arg(&folder)
            .arg(port.to_string())
            .arg(std::process::id().to_string())
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .output()
            .expect("bash");
        assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
        Some(Cluster { folder, _root: root })
    }

    /// The one that most cases have in common.
    fn shared() -> Option<&'static Cluster> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        SHARED.get_or_init(|| Cluster::up(&[])).as_ref()
    }

    fn conf(&self) -> String {
        self.folder.join("slurm.conf").to_string_lossy().into_owned()
    }

    /// Sends a signal to the controller.
    fn controller(&self, signal: &str) {
        let pid = fs::read_to_string(self.folder.join("slurmctld.pid")).expect("a number");
        let sent = Command::new("kill").args([signal, pid.trim()]).status().expect("kill");
        assert!(sent.success());
    }

    fn start_controller(&self) {
        let started = Command::new("/usr/sbin/slurmctld").env("SLURM_CONF", self.conf()).status();
        assert!(started.expect("slurmctld").success());
    }
}

/// One that only a case had; before its folder goes, in which the numbers of its daemons are.
impl Drop for Cluster {
    fn drop(&mut self) {
        let down = Command::new(script("down.sh")).arg(&self.folder).stdin(Stdio::null()).status();
        assert!(std::thread::panicking() || down.is_ok_and(|down| down.success()), "the cluster goes down");
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slurm").join(name)
}

/// A project with a home of its own, and a site file by which otto is quick.
struct Project<'a> {
    /// It must outlive what runs on it.
    _cluster: &'a Cluster,
    root: tempfile::TempDir,
    folder: PathBuf,
    environment: BTreeMap<OsString, OsString>,
}

struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
    took: Duration,
}

impl<'a> Project<'a> {
    fn new(cluster: &'a Cluster, ottofile: &str) -> Project<'a> {
        Project::named(cluster, "project", ottofile)
    }

    fn named(cluster: &'a Cluster, name: &str, ottofile: &str) -> Project<'a> {
        let shared = cluster.folder.join("shared");
        let root = if shared.exists() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
        let root = root.expect("a folder");
        let folder = root.path().canonicalize().expect("it is there").join(name);
        Project::at(cluster, root, folder, ottofile)
    }

    /// With a home and a site file beside it, whatever the nodes see of the project.
    fn at(cluster: &'a Cluster, root: tempfile::TempDir, folder: PathBuf, ottofile: &str) -> Project<'a> {
        fs::create_dir_all(&folder).expect("made");
        fs::write(folder.join("otto.yml"), ottofile).expect("written");
        let site = root.path().join("site.yml");
        let quick = "slurm: {ask-every: 1s, lost-after: 4s, never-after: 4s, submit-per-second: 100}\n";
        fs::write(&site, quick).expect("written");
        let mut environment = BTreeMap::new();
        for (name, value) in [
            ("PATH", std::env::var_os("PATH").unwrap_or_default()),
            ("HOME", root.path().into()),
            ("OTTO_HOME", root.path().join("home").into()),
            ("OTTO_CONFIG", site.into()),
            ("OTTO_EXECUTOR", "slurm".into()),
            ("SLURM_CONF", cluster.conf().into()),
            ("TERM", "dumb".into()),
            ("OTTO_DISPLAY", "stream".into()),
        ] {
            environment.insert(name.into(), value);
        }
        Project { _cluster: cluster, root, folder, environment }
    }

    fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    fn site(&self, text: &str) {
        fs::write(self.root.path().join("site.yml"), text).expect("written");
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env_clear().envs(&self.environment);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn start(&self, words: &[&str]) -> Child {
        self.command(OTTO).args(words).spawn().expect("otto starts")
    }

    fn run(&self, words: &[&str]) -> Ran {
        self.end(self.start(words))
    }

    fn end(&self, child: Child) -> Ran {
        let begun = Instant::now();
        let output = patience::output_within(PATIENCE, child);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran {
            status: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0)),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            took: begun.elapsed(),
        }
    }

    /// What a command of Slurm prints.
    fn slurm(&self, line: &str) -> String {
        let output = self.command("bash").args(["-c", line]).output().expect("bash");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The folder of the latest run, which may not have begun yet.
    fn run_dir(&self) -> PathBuf {
        let found = || {
            let projects = fs::read_dir(self.root.path().join("home")).ok()?.flatten();
            let mut latest = projects.filter_map(|entry| entry.path().join("latest").canonicalize().ok());
            latest.find(|run| run.join("events.jsonl").exists())
        };
        self.wait_for("a run begins", || found().is_some());
        found().expect("a run")
    }

    /// State, reason and name up to `@` of each job of the latest run that Slurm knows, sorted.
    fn queue(&self) -> Vec<[String; 3]> {
        let run = self.run_dir().file_name().expect("its id").to_string_lossy().into_owned();
        let text = self.slurm("squeue --noheader --states=all --format='%T|%r|%j'");
        let mut jobs: Vec<[String; 3]> = text
            .lines()
            .filter(|line| line.contains(&run))
            .filter_map(|line| {
                let mut fields = line.splitn(3, '|').map(str::to_owned);
                let (state, reason, name) = (fields.next()?, fields.next()?, fields.next()?);
                Some([state, reason, name.rsplit_once('@')?.0.to_owned()])
            })
            .collect();
        jobs.sort_by(|a, b| a[2].cmp(&b[2]));
        jobs
    }

    /// The events of the latest run.
    fn events(&self) -> Vec<Value> {
        let journal = fs::read_to_string(self.run_dir().join("events.jsonl")).expect("a journal");
        // What is being written just now has no end yet.
        let whole = journal.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Of each job of the latest run: outcome, and how its attempts ended.
    fn outcomes(&self) -> BTreeMap<String, (String, Vec<Value>)> {
        let mut outcomes: BTreeMap<String, (String, Vec<Value>)> = BTreeMap::new();
        for event in self.events() {
            let Some(task) = event["task"].as_str() else { continue };
            let entry = outcomes.entry(task.to_owned()).or_default();
            match event["event"].as_str() {
                Some("attempt_ended") => entry.1.push(event["exit"].clone()),
                Some("task_settled") => entry.0 = event["outcome"].as_str().unwrap_or_default().to_owned(),
                _ => {}
            }
        }
        outcomes
    }

    /// How many jobs of the latest run ended so; groups have no attempts.
    fn count(&self, outcome: &str) -> usize {
        self.outcomes().values().filter(|(found, ends)| found == outcome && !ends.is_empty()).count()
    }

    #[track_caller]
    fn wait_for(&self, what: &str, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn lines(&self, file: &str) -> usize {
        fs::read_to_string(self.folder.join(file)).unwrap_or_default().lines().count()
    }
}

impl Ran {
    fn all(&self) -> String {
        format!("{}\n{}\nexit {}, {:?}", self.stdout, self.stderr, self.status, self.took)
    }

    /// Lines of stderr that contain a word.
    fn said(&self, word: &str) -> Vec<&str> {
        self.stderr.lines().filter(|line| line.contains(word)).collect()
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill");
    assert!(sent.success());
}

fn has(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
    found.is_ok_and(|found| found.status.success())
}

// ── what runs there is what runs here ────────────────────────────────────────────────────────────────────────────────────

/// 1.
#[test]
fn data_of_every_language_is_the_same_to_the_byte() {
    let Some(cluster) = Cluster::shared() else { return };
    let mut tasks = r#"
tasks:
  bash: {bash: "OUTPUT[text]=$'two\nlines'; OUTPUT[number]=1.10; otto.set --json big 12345678901234567890123; otto.set bytes $'\xff\xfe'; otto.set --list all a 'b c'"}
  python: {needs: [bash], python: "OUTPUT['n'] = INPUT['bash.number']; OUTPUT['map'] = {'a': [1, 2.50, None, True]}; OUTPUT['big'] = INPUT['bash.big']"}
  sh:
    needs: [bash]
    action: |
      #!/bin/sh
      otto_set from "$(otto_get bash.number)"
  awk:
    action: |
      #!/usr/bin/env -S awk -f
      BEGIN { print "{\"lines\": 3.10}" > ENVIRON["OTTO_OUTPUT_JSON"] }
"#
    .to_owned();
    let mut all = "bash python sh awk".to_owned();
    for (language, body) in [
        ("node", "OUTPUT.n = INPUT['bash.number']; OUTPUT.list = [1, 'x', null]"),
        ("ruby", "OUTPUT['n'] = INPUT['bash.number']; OUTPUT['list'] = [1, 'x', nil]"),
        ("perl", "$OUTPUT{n} = $INPUT{'bash.number'}"),
    ] {
        if has(language) {
            let task = "    needs: [bash]\n    action: |\n      #!/usr/bin/env ";
            tasks += &format!("  {language}:\n{task}{language}\n      {body}\n");
            all = format!("{all} {language}");
        }
    }
    let project = Project::new(cluster, &tasks);
    let words: Vec<&str> = all.split(' ').collect();
    let files = |project: &Project| -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for task in &words {
            for entry in fs::read_dir(project.run_dir().join("tasks").join(task)).expect("a task").flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.starts_with("output.") || name.ends_with(".json") {
                    files.insert(format!("{task}/{name}"), fs::read(entry.path()).expect("read"));
                }
            }
        }
        files
    };
    let ran = project.run(&words);
    assert_eq!(ran.status, 0, "{}", ran.all());
    let there = files(&project);
    let ran = project.run(&[&["--executor", "local"], words.as_slice()].concat());
    assert_eq!(ran.status, 0, "{}", ran.all());
    assert!(there.len() >= 3, "{:?}", there.keys());
    assert_eq!(there, files(&project));
}

/// 8.
#[test]
fn a_task_ends_there_as_it_ends_here() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = Project::new(
        cluster,
        r#"
tasks:
  end:
    foreach: {items: ["exit 0", "exit 3", "exit 126", "exit 127", "kill -TERM $$", "kill -KILL $$", "kill -SEGV $$"]}
    bash: 'ulimit -c 0; eval "$item"'
"#,
    );
    let there = project.run(&["-k", "end"]);
    // A job that has ended is cleared away before Slurm says how it ended.
    project.wait_for("no job completes", || project.queue().iter().all(|job| job[0] != "COMPLETING"));
    let queue = project.queue();
    let outcomes = project.outcomes();
    let here = project.run(&["--executor", "local", "-k", "end"]);
    assert_eq!(there.status, here.status);
    assert_eq!(outcomes, project.outcomes());
    assert_eq!(outcomes.len(), 8);
    let states: Vec<&str> = queue.iter().map(|job| job[0].as_str()).collect();
    assert_eq!(
        states,
        ["COMPLETED", "FAILED", "FAILED", "FAILED", "FAILED", "FAILED", "FAILED"],
        "{queue:?}"
    );
}

/// 9.
#[test]
fn the_environment_is_whole_and_in_no_file_of_the_run() {
    let Some(cluster) = Cluster::shared() else { return };
    let bytes = OsString::from_vec(b"a\nb\"c'd\xff$`\\ e".to_vec());
    let project = Project::new(
        cluster,
        r#"
tasks:
  look:
    resources: {gpus: 1}
    bash: |
      printf '%s' "$HARD" | od -An -tx1 | tr -d ' \n'; echo
      echo "${#LONG} ${SLURM_JOB_ID:+job} ${CUDA_VISIBLE_DEVICES:-none} ${SBATCH_PARTITION:-unset}"
      exit 3
"#,
    )
    .with("HARD", bytes)
    .with("LONG", "secret-7f3a".repeat(9_000));
    let ran = project.run(&["look"]);
    assert_eq!(
        ran.stdout,
        "610a622263276 4ff24605c2065\n99000 job 0 unset\n"
            .replace(' ', "")
            .replace("99000job0unset", "99000 job 0 unset"),
        "{}",
        ran.all()
    );
    let run = project.run_dir();
    let found = project.slurm(&format!("grep -rl secret-7f3a '{}'", run.display()));
    assert_eq!(found, "");
}

/// 15.
#[test]
fn umask_and_limits_are_those_of_the_user_and_the_run_is_closed_to_others() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = Project::new(cluster, "tasks: {look: {bash: 'umask; ulimit -Sn; touch made'}}");
    let child = project
        .command("bash")
        .args(["-c", "umask 027; ulimit -Sn 777; exec \"$0\" look", OTTO])
        .spawn()
        .expect("started");
    let ran = project.end(child);
    assert_eq!(ran.stdout, "0027\n777\n", "{}", ran.all());
    let mode = fs::metadata(project.folder.join("made")).expect("made").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let open = project.slurm(&format!("find '{}' -perm /077 ! -type l", project.run_dir().display()));
    let home = project.folder.join("../home");
    assert_eq!(fs::metadata(home).expect("a home").permissions().mode() & 0o077, 0, "{open}");
}

/// 10.
#[test]
fn lines_of_the_site_and_modules_prepare_the_node_and_a_missing_module_starts_nothing() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = Project::new(
        cluster,
        "
tasks:
  a: {resources: {modules: [tool/1]}, bash: 'greet'}
  b: {resources: {modules: [tool/9]}, bash: touch never}
  c: {needs: [b], bash: touch never}
",
    );
    let root = project.root.path();
    let profile = "module() { case $2 in tool/1) PATH=$PATH:$HOME/tool ;; \
        *) echo \"ModuleCmd_Load.c(213):ERROR:105: Unable to locate a modulefile for '$2'\" >&2 ;; esac; }\n";
    fs::write(root.join(".bash_profile"), profile).expect("written");
    fs::create_dir(root.join("tool")).expect("made");
    let greet = root.join("tool/greet");
    fs::write(&greet, "#!/bin/sh\necho \"hello from $SITE\"\n").expect("written");
    fs::set_permissions(&greet, fs::Permissions::from_mode(0o755)).expect("executable");
    project.site("slurm: {before: 'export SITE=here'}\n");
    let ran = project.run(&["a"]);
    assert!(ran.status == 0 && ran.stdout.contains("hello from here"), "{}", ran.all());
    let ran = project.run(&["-k", "c"]);
    assert_eq!(ran.status, 125, "{}", ran.all());
    assert!(ran.stderr.contains("could not be prepared: cannot load the module `tool/9`"), "{}", ran.all());
    let outcomes = project.outcomes();
    assert_eq!((outcomes["b"].0.as_str(), outcomes["c"].0.as_str()), ("failed", "skipped"), "{}", ran.all());
    assert!(!project.folder.join("never").exists());
}

/// 16.
#[test]
fn names_may_be_hostile() {
    let Some(cluster) = Cluster::shared() else { return };
    let task = "t".repeat(180);
    let project = Project::named(
        cluster,
        "50% of ünï  %j 'x'",
        &format!("tasks: {{{task}: {{bash: 'echo fine; exit 4'}}}}"),
    );
    let ran = project.run(&[&task]);
    assert_eq!((ran.status, ran.stdout.as_str()), (4, "fine\n"), "{}", ran.all());
    assert!(project.run_dir().join("slurm/0.1/slurm.log").exists());
}

/// 6.
#[test]
fn few_tasks_run_here_while_jobs_run_there() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = Project::new(
        cluster,
        r#"
tasks:
  here:
    executor: local
    foreach: {range: 1..8}
    bash: |
      mkdir -p now; : > now/$item; ls now | wc -l >> most; sleep 0.2; rm now/$item
  there: {foreach: {range: 1..3}, bash: sleep 1}
"#,
    );
    project.site("slurm: {local-jobs: 2}\n");
    let ran = project.run(&["here", "there"]);
    assert_eq!(ran.status, 0, "{}", ran.all());
    let most = fs::read_to_string(project.folder.join("most")).expect("counted");
    let most: Vec<u32> = most.lines().map(|line| line.trim().parse().expect("a number")).collect();
    assert_eq!((most.len(), most.iter().max()), (8, Some(&2)), "{most:?}");
}

/// 6.
#[test]
fn a_task_with_the_terminal_asks_here_while_jobs_run_there() {
    let Some(cluster) = Cluster::shared() else { return };
    if !has("script") {
        eprintln!("skipped: no `script`, which makes a terminal");
        return;
    }
    let project = Project::new(
        cluster,
        r#"
tasks:
  ask: {tty: true, bash: 'until [ -e up1 ] && [ -e up2 ]; do sleep 0.1; done; [ -t 0 ] && read -r -p "sure? " answer; echo "$answer" > answer; touch asked'}
  there: {foreach: {range: 1..2}, bash: 'touch up$item; until [ -e asked ]; do sleep 0.1; done; echo "$SLURM_JOB_ID" > job$item'}
"#,
    );
    let mut child = project
        .command("script")
        .args(["-qec", &format!("{OTTO} ask there"), "/dev/null"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("script");
    project.wait_for("both jobs run", || {
        project.folder.join("up2").exists() && project.folder.join("up1").exists()
    });
    std::thread::sleep(Duration::from_millis(500));
    let mut stdin = child.stdin.take().expect("piped");
    std::io::Write::write_all(&mut stdin, b"yes\n").expect("typed");
    let ran = project.end(child);
    drop(stdin);
    assert_eq!(ran.status, 0, "{}", ran.all());
    assert_eq!(fs::read_to_string(project.folder.join("answer")).expect("asked"), "yes\n");
    assert!(project.lines("job1") == 1 && project.lines("job2") == 1);
}

/// 37.
#[test]
fn variables_and_banners_of_users_and_sites_change_nothing() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = Project::new(
        cluster,
        "tasks: {a: {bash: 'OUTPUT[x]=1'}, b: {needs: [a], bash: 'echo ${INPUT[a.x]}'}}",
    );
    let bin = project.root.path().join("bin");
    fs::create_dir_all(&bin).expect("made");
    let wrapper = bin.join("sbatch");
    fs::write(
        &wrapper,
        "#!/bin/sh\necho 'Welcome to 7 racks'\necho 42 percent used >&2\nexec /usr/bin/sbatch \"$@\"\n",
    )
    .expect("written");
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).expect("set");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").expect("PATH"));
    let project = project
        .with("PATH", path)
        .with("SBATCH_WAIT", "1")
        .with("SBATCH_EXPORT", "NONE")
        .with("SQUEUE_FORMAT", "%T")
        .with("SQUEUE_STATES", "PENDING")
        .with("SLURM_TIME_FORMAT", "relative");
    let ran = project.run(&["b"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "1\n"), "{}", ran.all());
}

#[test]
fn the_example_gives_there_what_it_gives_here() {
    let Some(cluster) = Cluster::shared() else { return };
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/slurm");
    let project = Project::new(cluster, &fs::read_to_string(example.join("otto.yml")).expect("read"));
    fs::create_dir_all(project.folder.join("samples")).expect("made");
    for sample in ["north.txt", "south.txt"] {
        let path = Path::new("samples").join(sample);
        fs::copy(example.join(&path), project.folder.join(&path)).expect("copied");
    }
    let there = project.run(&["-j1"]);
    let here = project.run(&["-j1", "--executor", "local"]);
    assert_eq!((there.status, &there.stdout), (0, &here.stdout), "{}", there.all());
    assert!(there.stdout.contains("north: 8 of 14"), "{}", there.all());
}

// ── what the cluster refuses ─────────────────────────────────────────────────────────────────────────────────────────────

/// 28.
#[test]
fn what_the_cluster_refuses_fails_that_task_alone() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = Project::new(
        cluster,
        "
tasks:
  partition: {resources: {partition: nope}, bash: echo}
  feature: {resources: {constraint: nope}, bash: echo}
  memory: {resources: {memory: 999G}, bash: echo}
  fine: {bash: echo fine}
",
    );
    let ran = project.run(&["-k", "partition", "feature", "memory", "fine"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (125, "fine\n"), "{}", ran.all());
    let mut said = ran.said("error[E1004]");
    said.sort_unstable();
    assert_eq!(
        said,
        [
            "error[E1004]: the cluster refused the job: Batch job submission failed: Invalid feature specification",
            "error[E1004]: the cluster refused the job: Memory specification can not be satisfied; Batch job submission failed: Requested node configuration is not available",
            "error[E1004]: the cluster refused the job: invalid partition specified: nope; Batch job submission failed: Invalid partition name specified",
        ],
        "{}",
        ran.all()
    );
}

/// 27.
#[test]
fn what_never_starts_is_given_up_and_what_waits_for_somebody_waits() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = Project::new(
        cluster,
        r#"
tasks:
  many: {resources: {cpus: 999}, bash: echo}
  held: {resources: {extra: [--hold]}, bash: echo held}
  later: {resources: {extra: [--begin=now+9]}, bash: echo later}
  closed: {resources: {partition: closed}, bash: echo closed}
"#,
    );
    let child = project.start(&["-v", "-k", "many", "held", "later", "closed"]);
    project.wait_for("`many` is given up", || project.count("failed") == 1);
    let reasons = || -> BTreeMap<String, String> {
        let events = project.events();
        let queued = events.iter().filter(|event| event["event"] == "attempt_queued");
        queued
            .map(|event| {
                (event["task"].as_str().unwrap().to_owned(), event["reason"].as_str().unwrap().to_owned())
            })
            .collect()
    };
    project.wait_for("`later` runs", || project.count("succeeded") == 1);
    let told = reasons();
    assert_eq!(told["many"], "PartitionConfig");
    assert_eq!(
        (told["held"].as_str(), told["closed"].as_str()),
        ("JobHeldUser", "PartitionDown"),
        "{told:?}"
    );
    project.slurm("scontrol release $(squeue -h -t PD -o %i -n \"$(squeue -h -t PD -o %j | grep ^held@)\")");
    project.wait_for("`held` runs", || project.count("succeeded") == 2);
    signal(&child, "-INT");
    let ran = project.end(child);
    assert_eq!(ran.status, 130, "{}", ran.all());
    assert_eq!(ran.said("error[E1004]").len(), 1, "{}", ran.all());
    assert!(project.queue().iter().all(|job| job[0] != "PENDING"), "{:?}", project.queue());
}

// ── time, memory, preemption ─────────────────────────────────────────────────────────────────────────────────────────────

/// 24.
#[test]
fn want_of_memory_is_told_with_numbers() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = Project::new(
        cluster,
        r#"
tasks:
  all: {resources: {memory: 50M}, bash: "exec python3 -c 'x = bytearray(300 << 20); import time; time.sleep(3)'"}
  part: {resources: {memory: 50M}, bash: "python3 -c 'x = bytearray(300 << 20); import time; time.sleep(3)' || true; echo went on"}
  more: {resources: {memory: [50M, 500M]}, retries: 1, bash: "python3 -c 'x = bytearray(300 << 20); import time; time.sleep(3)'"}
"#,
    );
    let ran = project.run(&["-k", "all", "part", "more"]);
    let outcomes = project.outcomes();
    let of = |task: &str| outcomes[task].0.as_str();
    assert_eq!((of("all"), of("part"), of("more")), ("failed", "failed", "succeeded"), "{}", ran.all());
    assert_eq!(outcomes["more"].1.len(), 2);
    let told = ran.said("error[E1010]");
    assert!(told.len() >= 2 && told.iter().all(|line| line.contains("50M")), "{}", ran.all());
}

/// 25. The whole of its minute takes a minute: `OTTO_GUARANTEES=long`.
#[test]
fn time_counts_from_the_beginning_on_the_node() {
    let Some(cluster) = Cluster::shared() else { return };
    let is_long = std::env::var_os("OTTO_GUARANTEES").is_some_and(|word| word == "long");
    let project = Project::new(
        cluster,
        r#"
tasks:
  late: {timeout: 2s, resources: {extra: [--begin=now+7]}, bash: sleep 60}
  up: {resources: {time: 1m}, bash: "trap 'echo last words; exit 1' TERM; sleep 300 & wait"}
"#,
    );
    let ran = project.run(&["late"]);
    assert_eq!(ran.status, 124, "{}", ran.all());
    let events = project.events();
    let at = |name: &str| {
        let event = events.iter().find(|event| event["event"] == name).expect("told");
        event["elapsed_us"].as_u64().expect("a number") as f64 / 1e6
    };
    // Both ends are seen by otto up to a second late.
    let (waited, ran_for) = (at("attempt_began"), at("attempt_ended") - at("attempt_began"));
    assert!(waited > 5.0 && (0.5..6.0).contains(&ran_for), "{waited} {ran_for}");
    if is_long {
        let ran = project.run(&["up"]);
        assert_eq!((ran.status, ran.stdout.as_str()), (124, "last words\n"), "{}", ran.all());
    }
}

/// 26.
#[test]
fn a_preempted_task_is_repeated_for_nothing() {
    let Some(cluster) = Cluster::up(&[]) else { return };
    let project = Project::new(
        &cluster,
        "tasks: {low: {resources: {partition: low, cpus: 40}, bash: 'echo x >> tries; sleep 4'}}",
    );
    let child = project.start(&["low"]);
    project.wait_for("it runs", || project.lines("tries") == 1);
    project.slurm(
        "for node in 1 2; do sbatch -w node$node -p main -c 60 -t 1 -o /dev/null --wrap 'sleep 1'; done",
    );
    let ran = project.end(child);
    assert_eq!(ran.status, 0, "{}", ran.all());
    assert_eq!(project.lines("tries"), 2);
    assert!(ran.said("warning[E1009]").iter().any(|line| line.contains("PREEMPTED")), "{}", ran.all());
}

// ── the controller ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// 21.
#[test]
fn a_controller_that_stands_still_ends_nothing() {
    let Some(cluster) = Cluster::up(&[]) else { return };
    let project = Project::new(
        &cluster,
        "tasks: {a: {foreach: {range: 1..3}, bash: 'touch up$item; until [ -e go$item ]; do sleep 0.05; done'}, b: {needs: [a], bash: echo}}",
    );
    let child = project.start(&["b"]);
    project.wait_for("all run", || (1..=3).all(|n| project.folder.join(format!("up{n}")).exists()));
    cluster.controller("-STOP");
    std::thread::sleep(Duration::from_secs(2));
    fs::write(project.folder.join("go1"), "").expect("made");
    project.wait_for("an end is seen", || project.count("succeeded") == 1);
    std::thread::sleep(Duration::from_secs(8));
    cluster.controller("-CONT");
    for n in [2, 3] {
        fs::write(project.folder.join(format!("go{n}")), "").expect("made");
    }
    let ran = project.end(child);
    assert_eq!(ran.status, 0, "{}", ran.all());
    let told = ran.said("E1011");
    assert_eq!(told.len(), 2, "{}", ran.all());
}

/// 22.
#[test]
fn a_job_that_a_killed_controller_lost_is_submitted_again() {
    let Some(cluster) = Cluster::up(&[]) else { return };
    let project = Project::new(
        &cluster,
        "tasks: {a: {foreach: {range: 1..4}, resources: {extra: [--begin=now+4]}, bash: 'echo $item >> ran'}}",
    );
    let child = project.start(&["a"]);
    project.wait_for("all are queued", || {
        project.events().iter().filter(|event| event["event"] == "attempt_queued").count() >= 4
    });
    cluster.controller("-KILL");
    std::thread::sleep(Duration::from_millis(300));
    // What it had not yet written down is lost: so it is as if it had died a little earlier.
    project.slurm(&format!("rm -rf '{0}'/state/job_state* '{0}'/state/hash.*", cluster.folder.display()));
    cluster.start_controller();
    let ran = project.end(child);
    assert_eq!(ran.status, 0, "{}", ran.all());
    let mut bodies: Vec<String> =
        fs::read_to_string(project.folder.join("ran")).expect("ran").lines().map(str::to_owned).collect();
    bodies.sort();
    assert_eq!(bodies, ["1", "2", "3", "4"]);
}

/// 23.
#[test]
fn what_slurm_forgets_quickly_is_not_lost() {
    let Some(cluster) = Cluster::up(&[("MIN_JOB_AGE", "2")]) else { return };
    let project = Project::new(
        &cluster,
        "tasks: {a: {foreach: {range: 1..100}, bash: 'OUTPUT[n]=$item; [ $item != 50 ]'}}",
    );
    let ran = project.run(&["-k", "a"]);
    assert_eq!(ran.status, 1, "{}", ran.all());
    assert_eq!((project.count("succeeded"), project.count("failed")), (99, 1), "{}", ran.all());
}

// ── ^C ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const MANY: &str = r#"
tasks:
  runs: {foreach: {range: 1..4}, bash: "trap 'echo bye $item; exit 9' TERM; touch up$item; sleep 60 & wait"}
  stubborn: {foreach: {range: 1..4}, bash: "trap '' TERM; touch up$item; while :; do sleep 0.1; done"}
  waits: {foreach: {range: 1..20}, resources: {extra: [--begin=now+3600]}, bash: 'touch never'}
"#;

/// 29.
#[test]
fn an_interrupted_run_leaves_nothing_in_the_queue() {
    let Some(cluster) = Cluster::shared() else { return };
    for (task, is_twice) in [("runs", false), ("stubborn", true)] {
        let project = Project::new(cluster, MANY);
        let child = project.start(&[task, "waits"]);
        project.wait_for("four run", || (1..=4).all(|n| project.folder.join(format!("up{n}")).exists()));
        project.wait_for("twenty wait", || {
            project.events().iter().filter(|event| event["event"] == "attempt_queued").count() >= 24
        });
        signal(&child, "-INT");
        let mut again = Instant::now();
        if is_twice {
            std::thread::sleep(Duration::from_secs(1));
            again = Instant::now();
            signal(&child, "-INT");
        }
        let ran = project.end(child);
        assert_eq!(ran.status, 130, "{}", ran.all());
        if is_twice {
            assert!(again.elapsed() < Duration::from_secs(5), "{:?}", again.elapsed());
        } else {
            let mut words: Vec<&str> = ran.stdout.lines().collect();
            words.sort_unstable();
            assert_eq!(words, ["bye 1", "bye 2", "bye 3", "bye 4"], "{}", ran.all());
        }
        project.wait_for("the queue is empty", || {
            project
                .queue()
                .iter()
                .all(|job| job[0] != "PENDING" && job[0] != "RUNNING" && job[0] != "COMPLETING")
        });
        assert!(!project.folder.join("never").exists());
    }
}

/// 31, by `Cancel`.
#[test]
fn a_run_whose_otto_was_killed_is_cancelled() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = Project::new(cluster, MANY);
    let child = project.start(&["runs", "waits"]);
    project.wait_for("four run", || (1..=4).all(|n| project.folder.join(format!("up{n}")).exists()));
    signal(&child, "-KILL");
    project.end(child);
    project.wait_for("the run is known as left", || project.run(&["Rerun"]).stderr.contains("E1008"));
    let cancelled = project.run(&["Cancel"]);
    assert_eq!(cancelled.status, 0, "{}", cancelled.all());
    assert!(cancelled.stderr.starts_with("cancelled "), "{}", cancelled.all());
    let is_over = |job: &[String; 3]| !["PENDING", "RUNNING", "COMPLETING"].contains(&job[0].as_str());
    assert!(project.queue().iter().all(is_over), "{:?}", project.queue());
    assert!(!project.folder.join("never").exists());
}

/// 31, by `Resume`: eight run, twenty wait, and some are made by data; otto is killed at moments all over the run.
#[test]
fn a_run_whose_otto_is_killed_at_any_time_goes_on() {
    let Some(cluster) = Cluster::shared() else { return };
    let rounds: u64 = std::env::var("OTTO_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    for round in 0..rounds {
        let project = Project::new(
            cluster,
            "
tasks:
  list: {bash: 'echo list >> ran; otto.set --list n $(seq 10 15)'}
  wide: {foreach: {range: 1..8}, bash: 'echo wide$item >> ran; sleep 1; OUTPUT[n]=$item'}
  slow: {needs: [list], foreach: {range: 1..14}, resources: {memory: 150M}, bash: 'echo slow$item >> ran; sleep 0.4'}
  made: {foreach: {from: list.n}, bash: 'echo made$item >> ran; OUTPUT[n]=$item'}
  sum:
    needs: [wide, slow, made]
    bash: 'echo sum >> ran; echo \"${INPUT[wide:1.n]} ${INPUT[wide:8.n]} ${INPUT[made:15.n]}\"'
",
        );
        let mut child = project.start(&["-j28", "sum"]);
        project.run_dir();
        let pause = Duration::from_millis(round * 7919 % 9000);
        std::thread::sleep(pause);
        let is_killed = child.try_wait().expect("asked").is_none();
        if is_killed {
            let pid = child.id().to_string();
            // By turns the guard, what it guards, and both.
            let (guard, engine) = (format!("kill -9 {pid}"), format!("kill -9 $(pgrep -P {pid})"));
            let line = [guard, engine.clone(), format!("{engine} {pid}")][round as usize % 3].clone();
            project.slurm(&line);
        }
        let mut ran = project.end(child);
        let mut shown = ran.stdout.clone();
        let begun = Instant::now();
        while is_killed && (ran.status == 2 || ran.status == 137) && !ran.stderr.contains("is over") {
            ran = project.run(&["Resume"]);
            shown.push_str(&ran.stdout);
            assert!(begun.elapsed() < Duration::from_secs(60), "after {pause:?}: {}", ran.all());
        }
        assert!(ran.status == 0 || ran.stderr.contains("is over"), "after {pause:?}: {}", ran.all());
        assert!(shown.contains("1 8 15\n"), "after {pause:?}: {shown}{}", ran.all());
        let text = fs::read_to_string(project.folder.join("ran")).expect("it ran");
        let (mut lines, all): (Vec<&str>, usize) = (text.lines().collect(), text.lines().count());
        lines.sort_unstable();
        lines.dedup();
        assert_eq!((lines.len(), all), (30, 30), "after {pause:?}: {text}");
        assert_eq!(project.count("succeeded"), 30, "after {pause:?}: {}", ran.all());
        let seqs: Vec<u64> = project.events().iter().filter_map(|event| event["seq"].as_u64()).collect();
        assert!(seqs.iter().copied().eq(0..seqs.len() as u64), "{seqs:?}");
    }
}

/// 33.
#[test]
fn a_run_goes_on_after_its_terminal_was_closed() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = Project::new(
        cluster,
        "
tasks:
  wide: {foreach: {range: 1..4}, bash: 'echo wide$item >> ran; touch up$item; while [ -e hold ]; do sleep 0.05; done'}
  after: {needs: [wide], bash: 'echo after >> ran'}
",
    );
    fs::write(project.folder.join("hold"), "").expect("written");
    let child = project.start(&["after"]);
    project.wait_for("four run", || (1..=4).all(|n| project.folder.join(format!("up{n}")).exists()));
    signal(&child, "-HUP");
    let left = project.end(child);
    assert_eq!(left.status, 129, "{}", left.all());
    assert!(left.stderr.contains("4 jobs go on"), "{}", left.all());
    fs::remove_file(project.folder.join("hold")).expect("removed");
    let ran = project.run(&["Resume"]);
    assert_eq!(ran.status, 0, "{}", ran.all());
    assert_eq!((project.lines("ran"), project.count("succeeded")), (5, 5), "{}", ran.all());
}

/// 34.
#[test]
fn a_detached_run_is_driven_by_a_job() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = Project::new(
        cluster,
        "
tasks:
  far: {bash: 'echo far >> ran; touch up; while [ -e hold ]; do sleep 0.05; done; OUTPUT[a]=1'}
  after: {needs: [far], bash: 'echo after ${INPUT[far.a]} >> ran'}
",
    );
    fs::write(project.folder.join("hold"), "").expect("written");
    let detached = project.run(&["--detach", "after"]);
    assert_eq!(detached.status, 0, "{}", detached.all());
    project.wait_for("it runs", || project.folder.join("up").exists());
    let number = project.run_dir().join("slurm/driver");
    let first = fs::read_to_string(&number).expect("a number");
    project.slurm(&format!("scancel --batch --signal=HUP {first}"));
    project.wait_for("another driver", || fs::read_to_string(&number).expect("a number") != first);
    fs::remove_file(project.folder.join("hold")).expect("removed");
    project.wait_for("its end", || project.events().iter().any(|event| event["event"] == "run_ended"));
    assert_eq!((project.lines("ran"), project.count("succeeded")), (2, 2));
}

#[test]
fn a_cluster_says_what_it_is() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = Project::new(cluster, "tasks: {a: {bash: echo}}");
    let tried = project.run(&["Check", "--executor", "slurm"]);
    assert_eq!(tried.status, 0, "{}", tried.all());
    for word in ["Slurm     ", "MaxArraySize 1", " on node", "home      ", "project   "] {
        assert!(tried.stdout.contains(word), "{}", tried.all());
    }
    assert!(!tried.all().contains("not seen"), "{}", tried.all());
}

/// 35: one element of an array is stopped, and the others go on.
#[test]
fn one_element_of_an_array_is_stopped_alone() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = Project::new(
        cluster,
        "tasks: {a: {foreach: {range: 10..29}, bash: 'touch up$item; while [ -e hold ]; do sleep 0.05; done'}}",
    );
    fs::write(project.folder.join("hold"), "").expect("written");
    let child = project.start(&["-k", "a"]);
    project.wait_for("it runs", || project.folder.join("up13").exists());
    let queued = |event: &&Value| event["event"] == "attempt_queued" && event["task"] == "a:13";
    let number = project.events().iter().find(queued).expect("queued")["id"].clone();
    let number = number.as_str().expect("a number");
    assert!(number.contains('_'), "{number} is an element");
    project.slurm(&format!("scancel {number}"));
    project.wait_for("its end", || {
        project.events().iter().any(|event| event["event"] == "task_settled" && event["task"] == "a:13")
    });
    fs::remove_file(project.folder.join("hold")).expect("removed");
    let ran = project.end(child);
    assert_ne!(ran.status, 0, "{}", ran.all());
    assert_eq!((project.count("succeeded"), project.count("failed")), (19, 1), "{}", ran.all());
    assert!(ran.stderr.contains("cancelled outside otto"), "{}", ran.all());
}

/// 35.
#[test]
fn many_jobs_of_a_task_are_one_array() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = Project::new(
        cluster,
        "
tasks:
  a: {foreach: {range: 1..200}, bash: 'OUTPUT[n]=$item; [ $item != 7 ]'}
  b: {foreach: {each: a}, executor: local, bash: 'echo ${INPUT[a.n]} >> after'}
",
    );
    let ran = project.run(&["-k", "-j200", "b"]);
    assert_eq!(ran.status, 1, "{}", ran.all());
    let events = project.events();
    let numbers: std::collections::BTreeSet<&str> = events
        .iter()
        .filter(|event| event["event"] == "attempt_queued")
        .filter_map(|event| event["id"].as_str()?.split('_').next())
        .collect();
    assert!(numbers.len() <= 3, "{numbers:?}");
    assert_eq!(project.lines("after"), 199);
    let outcomes = project.outcomes();
    let is_skipped =
        |(job, (outcome, _)): &(&String, &(String, _))| job.contains(':') && outcome == "skipped";
    let skipped: Vec<&String> = outcomes.iter().filter(is_skipped).map(|(job, _)| job).collect();
    assert_eq!(skipped, ["b:007"], "{}", ran.all());
}

/// 7, on a node of the plain cluster.
#[test]
fn a_stream_through_three_tasks_is_whole_and_they_share_one_job() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = Project::new(
        cluster,
        "
tasks:
  make: {streaming: stdout, bash: 'echo $SLURM_JOB_ID >> jobs; head -c 1000000 /dev/urandom | tee made'}
  pass: {streaming: true, needs: [make], bash: 'echo $SLURM_JOB_ID >> jobs; cat > $OTTO_OUTPUT_PIPE'}
  keep: {streaming: true, needs: [pass], bash: 'echo $SLURM_JOB_ID >> jobs; cat $OTTO_INPUT_PIPE > kept'}
",
    );
    let ran = project.run(&["keep"]);
    assert_eq!(ran.status, 0, "{}", ran.all());
    let read = |name: &str| fs::read(project.folder.join(name)).expect("written");
    assert!(read("made").len() == 1_000_000 && read("made") == read("kept"));
    let jobs = String::from_utf8(read("jobs")).expect("text");
    let jobs: Vec<&str> = jobs.lines().collect();
    assert!(jobs.len() == 3 && jobs.iter().all(|job| *job == jobs[0]), "{jobs:?}");
}

/// 36, on a node that goes on.
#[test]
fn items_of_bundles_share_jobs_and_one_fails_alone() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = Project::new(
        cluster,
        "
tasks:
  a: {foreach: {range: 1..100}, resources: {bundle: 25}, bash: 'echo $SLURM_JOB_ID >> jobs; OUTPUT[n]=$item; [ $item != 7 ]'}
  b: {foreach: {each: a}, executor: local, bash: 'echo ${INPUT[a.n]} >> after'}
",
    );
    let ran = project.run(&["-k", "b"]);
    assert_eq!(ran.status, 1, "{}", ran.all());
    let jobs = fs::read_to_string(project.folder.join("jobs")).expect("written");
    let jobs: std::collections::BTreeSet<&str> = jobs.lines().collect();
    assert_eq!(jobs.len(), 4, "{jobs:?}");
    assert_eq!((project.lines("jobs"), project.lines("after")), (100, 99), "{}", ran.all());
}

/// 36, where the node ends in the middle: what was done is not done again.
#[test]
fn a_bundle_whose_job_ends_in_the_middle_goes_on_behind_what_was_done() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = Project::new(
        cluster,
        "tasks: {a: {foreach: {range: 1..8}, resources: {bundle: 8}, bash: 'echo $item >> ran; touch up$item; [ $item != 4 ] || while [ -e hold ]; do sleep 0.05; done'}}",
    );
    fs::write(project.folder.join("hold"), "").expect("written");
    let child = project.start(&["a"]);
    project.wait_for("the fourth runs", || project.folder.join("up4").exists());
    // As if the machine were gone: nobody writes how the task ended.
    project.slurm(&format!("pkill -KILL -f -- '--node {}.*/b0$'", project.root.path().display()));
    fs::remove_file(project.folder.join("hold")).expect("removed");
    let ran = project.end(child);
    assert_eq!(ran.status, 0, "{}", ran.all());
    let text = fs::read_to_string(project.folder.join("ran")).expect("written");
    let mut items: Vec<&str> = text.lines().collect();
    items.sort_unstable();
    assert_eq!(items, ["1", "2", "3", "4", "4", "5", "6", "7", "8"], "{}", ran.all());
}

/// 39. It takes the minute in which the node tries, and root: `OTTO_GUARANTEES=long`.
#[test]
fn a_task_whose_end_fits_on_no_disk_is_lost_and_the_next_run_works() {
    let is_long = std::env::var_os("OTTO_GUARANTEES").is_some_and(|word| word == "long");
    let Some(cluster) = Cluster::shared().filter(|_| is_long) else { return };
    let small = tempfile::tempdir().expect("a folder");
    let mount = |words: &[&str]| {
        Command::new(words[0])
            .args(&words[1..])
            .arg(small.path())
            .status()
            .is_ok_and(|status| status.success())
    };
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs"]) {
        eprintln!("skipped: only root can make a small disk");
        return;
    }
    let text = "
tasks:
  a: {bash: 'OUTPUT[n]=1; [ -e room ] || head -c 20M /dev/zero > ../fill || true; true'}
  b: {needs: [a], bash: 'echo b ${INPUT[a.n]}'}
";
    let root = tempfile::tempdir_in(small.path()).expect("a folder");
    let folder = root.path().join("project");
    let project = Project::at(cluster, root, folder, text).with("OTTO_NODE_BINARY", OTTO);
    let ran = project.run(&["b"]);
    assert_ne!(ran.status, 0, "{}", ran.all());
    assert!(ran.stderr.contains("no space left on device"), "{}", ran.all());
    assert!(!ran.stdout.contains("b 1"), "{}", ran.all());
    fs::remove_file(project.folder.join("../fill")).expect("removed");
    fs::write(project.folder.join("room"), "").expect("written");
    let ran = project.run(&["b"]);
    assert!(ran.status == 0 && ran.stdout.contains("b 1"), "{}", ran.all());
    drop(project);
    assert!(mount(&["umount"]));
}
