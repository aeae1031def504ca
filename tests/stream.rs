//! What streams between running tasks promise, with real processes.
#![allow(clippy::print_stderr)]

mod patience;

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A project with a home of its own.
struct Project {
    folder: tempfile::TempDir,
    environment: Vec<(&'static str, String)>,
}

/// A run of otto that has ended.
struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
    took: Duration,
}

/// No run of a test takes longer, on however slow a machine; one that hangs is ended and fails.
const PATIENCE: Duration = Duration::from_secs(60);

impl Project {
    fn new(tasks: &str) -> Project {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("otto.yml"), format!("tasks:\n{tasks}")).expect("written");
        Project { folder, environment: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Project {
        self.environment.push((name, value.into()));
        self
    }

    /// Its tasks run on a cluster: a stand-in for Slurm's commands.
    #[cfg(target_os = "linux")]
    fn on_cluster(self) -> Project {
        let (cluster, commands) = (self.path("cluster"), self.path("commands"));
        for folder in [&cluster, &commands] {
            fs::create_dir(folder).expect("a folder");
        }
        let fake = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slurm/slurm");
        for command in ["sbatch", "squeue", "scancel", "scontrol"] {
            std::os::unix::fs::symlink(&fake, commands.join(command)).expect("linked");
        }
        let path = format!("{}:{}", commands.display(), std::env::var("PATH").expect("PATH"));
        let cluster = cluster.to_string_lossy().into_owned();
        self.with("PATH", path).with("FAKE_SLURM", cluster).with("OTTO_EXECUTOR", "slurm")
    }

    fn start(&self, words: &str) -> Child {
        self.start_as(Command::new(env!("CARGO_BIN_EXE_otto")).args(words.split_whitespace()))
    }

    fn start_as(&self, command: &mut Command) -> Child {
        command.current_dir(self.folder.path());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("OTTO_HOME", self.folder.path().join("home")).env("OTTO_DISPLAY", "prefix");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("otto starts")
    }

    fn run(&self, words: &str) -> Ran {
        let begun = Instant::now();
        self.end(self.start(words), begun)
    }

    fn end(&self, child: Child, begun: Instant) -> Ran {
        let output = patience::output_within(PATIENCE, child);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let status = output.status.code().unwrap_or_else(|| {
            128 + std::os::unix::process::ExitStatusExt::signal(&output.status).unwrap_or(0)
        });
        Ran { status, stdout: text(&output.stdout), stderr: text(&output.stderr), took: begun.elapsed() }
    }

    /// The directory of a task in the latest run.
    fn task(&self, name: &str) -> PathBuf {
        let home = self.folder.path().join("home");
        let projects = fs::read_dir(home).expect("a home").flatten().map(|entry| entry.path());
        let project = projects.into_iter().find(|path| path.join("latest").exists()).expect("a run");
        project.join("latest/tasks").join(name)
    }

    fn stream(&self, name: &str) -> Vec<u8> {
        fs::read(self.task(name).join(format!("stream.{name}.log"))).expect("a recorded stream")
    }

    fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(name)).unwrap_or_default()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Ran {
    fn assert_ok(&self) -> &Ran {
        assert_eq!(self.status, 0, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// What a task printed, without its name.
    fn lines(&self, task: &str) -> Vec<&str> {
        let of_task = self.stdout.lines().filter_map(|line| line.split_once(" │ "));
        of_task.filter(|(name, _)| name.trim() == task).map(|(_, line)| line).collect()
    }

    #[track_caller]
    fn assert_says(&self, text: &str) {
        assert!(self.stderr.contains(text), "`{text}` is not in:\n{}", self.stderr);
    }
}

/// Bytes of all values, different in every place.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

#[test]
fn three_consumers_get_all_of_it_and_so_does_the_record() {
    let project = Project::new(
        "
  a: {streaming: true, bash: cat data > \"$OTTO_OUTPUT_PIPE\"}
  b: {streaming: true, before: [a], bash: cat \"$OTTO_INPUT_PIPE\" > b.out}
  c: {streaming: true, before: [a], bash: cat > c.out}
  d: {streaming: true, before: [a], python: \"import os, shutil\\nshutil.copyfileobj(open(os.environ['OTTO_INPUT_PIPE_A'], 'rb'), open('d.out', 'wb'))\"}
  all: {before: [b, c, d]}
",
    );
    // With NUL, and with every other byte.
    let data = noise(2_000_003);
    fs::write(project.path("data"), &data).expect("written");
    for slots in ["-j8", "-j2", "-j1"] {
        project.run(&format!("{slots} all")).assert_ok();
        for copy in ["b.out", "c.out", "d.out"] {
            assert!(project.file(copy) == data, "{slots}: {copy} differs");
            fs::remove_file(project.path(copy)).expect("removed");
        }
        assert!(project.stream("a") == data, "{slots}: the record differs");
    }
}

#[test]
fn writes_one_after_the_other_are_one_stream() {
    let project = Project::new(
        "
  a: {streaming: true, bash: 'echo one > \"$OTTO_OUTPUT_PIPE\"; sleep 0.2; echo two > \"$OTTO_OUTPUT_PIPE\"'}
  b: {streaming: true, before: [a], bash: cat}
",
    );
    assert_eq!(project.run("b").assert_ok().lines("b"), ["one", "two"]);
    let shown = project.run("Show latest a").assert_ok().stdout.clone();
    assert!(
        shown.lines().any(|line| line.trim_start().starts_with("stream ") && line.contains("8 B")),
        "{shown}"
    );
}

#[test]
fn a_line_is_read_while_the_producer_still_runs() {
    let project = Project::new(
        "
  a:
    streaming: true
    bash: |
      echo ping > \"$OTTO_OUTPUT_PIPE\"
      until [ -e seen ]; do sleep 0.01; done
  b: {streaming: true, before: [a], bash: 'read -r line; echo \"$line\" > seen; cat'}
",
    );
    project.run("-j2 b").assert_ok();
    assert_eq!(project.file("seen"), b"ping\n");
}

#[test]
fn consumers_of_a_killed_producer_are_ended_and_never_complete() {
    let project = Project::new(
        "
  a: {streaming: true, bash: 'echo half > \"$OTTO_OUTPUT_PIPE\"; until [ -e seen ] && [ -e trapped ]; do sleep 0.01; done; kill -9 $$'}
  b: {streaming: true, before: [a], bash: 'read -r line; echo > seen; cat; echo complete > b.out'}
  c: {streaming: true, before: [a], bash: 'trap \"echo asked > c.out; exit 0\" TERM; echo > trapped; cat \"$OTTO_INPUT_PIPE\" & wait; echo complete > c.out'}
  d: {streaming: true, before: [b], bash: 'cat; echo complete > d.out'}
  all: {before: [b, c, d]}
",
    );
    let ran = project.run("-j8 all");
    assert_eq!(ran.status, 137, "{}", ran.stderr);
    assert_eq!((project.file("b.out"), project.file("d.out")), (vec![], vec![]));
    assert_eq!(project.file("c.out"), b"asked\n");
    assert_eq!(project.stream("a"), b"half\n");
    ran.assert_says("`a` failed while its stream was read");
    ran.assert_says("`b` failed while its stream was read");
    for failed in ["a", "b", "c", "d"] {
        assert!(
            ran.stderr
                .lines()
                .any(|line| line.trim_start().starts_with("FAIL") && line.contains(&format!(" {failed} "))),
            "{failed}: {}",
            ran.stderr
        );
    }
}

#[test]
fn who_ignores_errors_reads_what_came_before() {
    let tasks = "
  a: {streaming: true, bash: 'echo half > \"$OTTO_OUTPUT_PIPE\"; exit 3'}
  b: {streaming: true, stream-errors: ignore, before: [a], bash: 'cat; echo end'}
";
    for slots in ["-j2", "-j1"] {
        let ran = Project::new(tasks).run(&format!("{slots} b"));
        assert_eq!((ran.status, ran.lines("b")), (3, vec!["half", "end"]), "{}", ran.stderr);
    }
}

#[test]
fn with_one_slot_the_failure_skips_the_consumer() {
    let project = Project::new(
        "
  a: {streaming: true, bash: 'echo half > \"$OTTO_OUTPUT_PIPE\"; exit 3'}
  b: {streaming: true, before: [a], bash: 'cat; echo end'}
",
    );
    let ran = project.run("-j1 b");
    assert_eq!((ran.status, ran.lines("b").len()), (3, 0));
    ran.assert_says("skip  b");
}

#[test]
fn one_consumer_leaves_and_the_others_get_everything() {
    let project = Project::new(
        "
  a: {streaming: true, bash: seq 300000 > \"$OTTO_OUTPUT_PIPE\"}
  b: {streaming: true, before: [a], bash: head -1}
  c: {streaming: true, before: [a], bash: tail -1}
  d: {streaming: true, before: [a], bash: wc -l < \"$OTTO_INPUT_PIPE_A\"}
  all: {before: [b, c, d]}
",
    );
    let ran = project.run("-j8 all");
    let last = |task: &str| ran.assert_ok().lines(task).concat().trim().to_owned();
    assert_eq!((last("b"), last("c"), last("d")), ("1".into(), "300000".into(), "300000".into()));
}

#[test]
fn a_producer_ends_when_its_last_reader_has() {
    for (kind, body) in [
        ("true", "yes > \"$OTTO_OUTPUT_PIPE\""),
        ("stdout", "yes"),
        ("true", "while echo y; do :; done > \"$OTTO_OUTPUT_PIPE\""),
    ] {
        let project = Project::new(&format!(
            "
  a: {{streaming: {kind}, bash: '{body}'}}
  b: {{streaming: true, before: [a], bash: head -1}}
"
        ));
        let ran = project.run("-j2 b");
        assert_eq!(ran.assert_ok().lines("b"), ["y"], "{body}");
        // Without its readers it would write until its stream has no room, which takes longer than this on any machine.
        assert!(ran.took < Duration::from_secs(60), "{body}: {:?}", ran.took);
    }
}

#[test]
fn what_a_producer_set_before_its_readers_left_is_kept() {
    for (kind, from, body) in [
        (
            "true",
            "python",
            "import os\nOUTPUT['n'] = 1\nwith open(os.environ['OTTO_OUTPUT_PIPE'], 'w') as pipe:\n  while True: print('y', file=pipe)",
        ),
        ("stdout", "python", "OUTPUT['n'] = 1\nwhile True: print('y')"),
        ("true", "bash", "OUTPUT[n]=1\nwhile echo y; do :; done > $OTTO_OUTPUT_PIPE"),
        ("stdout", "bash", "OUTPUT[n]=1\nyes"),
    ] {
        let project = Project::new(&format!(
            "
  a: {{streaming: {kind}, {from}: {body:?}}}
  b: {{streaming: true, before: [a], bash: head -1}}
  c: {{before: [a, b], bash: 'echo ${{INPUT[a.n]}}'}}
"
        ));
        let ran = project.run("-j2 c");
        assert_eq!((ran.assert_ok().lines("b"), ran.lines("c")), (vec!["y"], vec!["1"]), "{body}");
        assert!(!ran.stderr.contains("Broken"), "{}", ran.stderr);
    }
}

#[test]
fn a_producer_that_opens_its_pipe_again_does_not_wait_for_readers_that_left() {
    let tasks = |body: &str| {
        format!(
            "
  a: {{streaming: true, bash: '{body}'}}
  b: {{streaming: true, before: [a], bash: head -1}}
  c: {{before: [b], bash: touch left}}
"
        )
    };
    let by_name = "until [ -e left ]; do echo y > \"$OTTO_OUTPUT_PIPE\"; sleep 0.01; done; \
                   for i in {1..50}; do echo y > \"$OTTO_OUTPUT_PIPE\" || true; sleep 0.01; done";
    Project::new(&tasks(by_name)).run("-j3 c").assert_ok();
    // These need no name that could lead elsewhere.
    let by_descriptor =
        "{ until [ -e left ]; do echo y > /dev/stdout; done; echo y > /dev/stdout; } > \"$OTTO_OUTPUT_PIPE\"";
    let by_other_name =
        "ln \"$OTTO_OUTPUT_PIPE\" pipe; until [ -e left ]; do echo y > pipe; done; echo y > pipe";
    for body in [by_descriptor, by_other_name] {
        let project = Project::new(&tasks(body));
        let ran = project.run("-j3 c");
        assert!(ran.assert_ok().took < Duration::from_secs(20), "{body}: {:?}", ran.took);
        assert_eq!(fifos(&project.task("a")), 0, "{body}");
    }
}

#[test]
fn a_stream_that_nobody_opens_does_not_block_its_producer() {
    let project = Project::new(
        "
  a: {streaming: true, bash: seq 300000 > \"$OTTO_OUTPUT_PIPE\"}
  a2: {streaming: true, bash: echo 1 > \"$OTTO_OUTPUT_PIPE\"}
  b: {streaming: true, before: [a], bash: sleep 0.1}
  c: {streaming: true, before: [a, a2], bash: 'cat \"$OTTO_INPUT_PIPE_A2\" && sleep 0.1'}
  all: {before: [b, c]}
",
    );
    let ran = project.run("-j8 all");
    ran.assert_ok();
    let notes: Vec<&str> =
        ran.stderr.lines().filter(|line| line.contains("never read the stream of `a`")).collect();
    assert_eq!(notes.len(), 2, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("never read").count(), 2, "{}", ran.stderr);
}

#[test]
fn a_producer_that_never_opens_its_pipe_ends_the_stream_by_ending() {
    let project = Project::new(
        "
  a: {streaming: true, bash: sleep 0.2}
  b: {streaming: true, before: [a], bash: 'cat \"$OTTO_INPUT_PIPE\"; echo end'}
  c: {streaming: true, before: [a], bash: 'cat; sleep 0.2; cat \"$OTTO_INPUT_PIPE\"; cat \"$OTTO_INPUT_PIPE\"; echo end'}
  all: {before: [b, c]}
",
    );
    let ran = project.run("-j8 all");
    assert_eq!((ran.assert_ok().lines("b"), ran.lines("c")), (vec!["end"], vec!["end"]));
}

#[test]
fn a_diamond_whose_end_reads_one_side_after_the_other_finishes() {
    let project = Project::new(
        "
  a: {streaming: true, bash: head -c 4000000 /dev/zero > \"$OTTO_OUTPUT_PIPE\"}
  b: {streaming: true, before: [a], bash: cat > \"$OTTO_OUTPUT_PIPE\"}
  c: {streaming: true, before: [a], bash: cat > \"$OTTO_OUTPUT_PIPE\"}
  d: {streaming: true, before: [b, c], bash: 'cat \"$OTTO_INPUT_PIPE_B\" | wc -c; cat \"$OTTO_INPUT_PIPE_C\" | wc -c'}
",
    );
    for slots in ["-j8", "-j3", "-j1"] {
        let ran = project.run(&format!("{slots} d"));
        let counts: Vec<&str> = ran.assert_ok().lines("d").into_iter().map(str::trim).collect();
        assert_eq!(counts, ["4000000", "4000000"], "{slots}");
    }
}

#[test]
fn what_a_child_writes_soon_after_the_end_is_included_and_later_is_cut() {
    let project = Project::new(
        "
  a: {streaming: true, bash: '(sleep 0.5; echo late > \"$OTTO_OUTPUT_PIPE\") & echo early > \"$OTTO_OUTPUT_PIPE\"'}
  b: {streaming: true, before: [a], bash: cat}
",
    );
    assert_eq!(project.run("-j2 b").assert_ok().lines("b"), ["early", "late"]);
    // It leaves its task's process group and streams, so that nothing but the pipe is known of it.
    let project = Project::new(
        "
  a: {streaming: true, bash: 'echo early > \"$OTTO_OUTPUT_PIPE\"; setsid bash -c \"sleep 30; echo late\" > \"$OTTO_OUTPUT_PIPE\" 2>/dev/null < /dev/null & until [ -e /proc/$!/fd/1 ]; do sleep 0.01; done; sleep 0.2'}
  b: {streaming: true, before: [a], bash: cat}
",
    );
    let ran = project.run("-j2 b");
    assert_eq!(ran.assert_ok().lines("b"), ["early"]);
    ran.assert_says("E0905");
    assert!(ran.took < Duration::from_secs(15), "{:?}", ran.took);
}

#[test]
fn a_consumer_fails_by_itself_and_the_record_is_kept() {
    let project = Project::new(
        "
  a: {streaming: true, bash: 'echo one > \"$OTTO_OUTPUT_PIPE\"; until [ -e failed ]; do sleep 0.01; done; OUTPUT[n]=1'}
  b: {streaming: true, before: [a], bash: 'read -r line; touch failed; exit 7'}
",
    );
    let ran = project.run("-j2 b");
    assert_eq!(ran.status, 7, "{}", ran.stderr);
    ran.assert_says("ok  a");
    assert_eq!(project.stream("a"), b"one\n");
    assert!(project.task("a").join("output.a.json").exists());
}

#[test]
fn a_slow_consumer_slows_nobody() {
    let project = Project::new(
        "
  a: {streaming: true, bash: 'head -c 3000000 /dev/zero > \"$OTTO_OUTPUT_PIPE\"; touch a.done'}
  b: {streaming: true, before: [a], bash: 'until [ -e c.done ]; do sleep 0.01; done; wc -c'}
  c: {streaming: true, before: [a], bash: 'wc -c; touch c.done'}
  all: {before: [b, c]}
",
    );
    let ran = project.run("-j3 all");
    assert_eq!(
        (ran.assert_ok().lines("b").concat(), ran.lines("c").concat()),
        ("3000000".into(), "3000000".into())
    );
}

#[test]
fn a_stream_that_grows_too_large_fails_with_the_reason() {
    for (kind, body) in [("true", "yes > \"$OTTO_OUTPUT_PIPE\""), ("stdout", "yes")] {
        let tasks = format!(
            "
  a: {{streaming: {kind}, bash: '{body}'}}
  b: {{streaming: true, before: [a], bash: 'sleep 60 & wait; echo complete'}}
"
        );
        let project = Project::new(&tasks).with("OTTO_STREAM_LIMIT", "4M").with("OTTO_DISPLAY", "quiet");
        let ran = project.run("-j2 b");
        assert_ne!(ran.status, 0, "{}", ran.stderr);
        ran.assert_says("reached its limit of 4 MiB");
        let length = project.stream("a").len();
        assert!((4 << 20..8 << 20).contains(&length), "{kind}: {length}");
    }
    // One that ends the moment it is full has lost nothing.
    let project = Project::new(
        "
  a: {streaming: true, bash: 'head -c 4194304 /dev/zero > \"$OTTO_OUTPUT_PIPE\"; sleep 1.5'}
  b: {streaming: true, before: [a], bash: wc -c}
",
    )
    .with("OTTO_STREAM_LIMIT", "4M");
    assert_eq!(project.run("-j2 b").assert_ok().lines("b").concat(), "4194304");
    // And readers that have seen enough by then end it well.
    let project = Project::new(
        "
  a: {streaming: true, bash: yes > \"$OTTO_OUTPUT_PIPE\"}
  b: {streaming: true, before: [a], bash: 'for i in {1..40}; do head -c 100000 > /dev/null; sleep 0.05; done'}
",
    )
    .with("OTTO_STREAM_LIMIT", "4M");
    project.run("-j2 b").assert_ok();
}

#[test]
fn a_full_stream_waits_for_a_reader_that_takes_a_line_now_and_then() {
    // For longer than a reader that takes nothing is waited for, and less than would make room in the pipe.
    for from in ["/dev/stdin", "\"$OTTO_INPUT_PIPE\""] {
        let project = Project::new(&format!(
            "
  a: {{streaming: true, bash: yes > \"$OTTO_OUTPUT_PIPE\"}}
  b: {{streaming: true, before: [a], bash: 'for i in {{1..20}}; do read -r line; sleep 0.1; done < {from}; echo seen'}}
"
        ))
        .with("OTTO_STREAM_LIMIT", "1M");
        assert_eq!(project.run("-j2 b").assert_ok().lines("b"), ["seen"], "{from}");
    }
}

#[test]
fn a_full_stream_is_not_cut_for_readers_that_may_come_back() {
    let again =
        "head -c 100 $OTTO_INPUT_PIPE_A > /dev/null; sleep 4; wc -c < $OTTO_INPUT_PIPE_A; echo complete";
    let repeated = "[ -e again ] || { touch again; head -c 100 $OTTO_INPUT_PIPE_A > /dev/null; sleep 4; exit 1; }; \
                    wc -c < $OTTO_INPUT_PIPE_A; echo complete";
    for body in [again, repeated] {
        let project = Project::new(&format!(
            "
  a: {{streaming: true, bash: yes > \"$OTTO_OUTPUT_PIPE\"}}
  x: {{streaming: true, bash: echo x > \"$OTTO_OUTPUT_PIPE\"}}
  b: {{streaming: true, before: [a, x], retries: 1, bash: '{body}'}}
"
        ))
        .with("OTTO_STREAM_LIMIT", "1M");
        let ran = project.run("-j3 b");
        assert_eq!((ran.status, ran.lines("b").len()), (143, 0), "{}{}", ran.stdout, ran.stderr);
        ran.assert_says("error[E0907]");
    }
}

/// A disk of its own, so small that a stream fills it.
struct Disk {
    at: PathBuf,
}

impl Disk {
    fn mount(at: PathBuf, bytes: u64) -> Option<Disk> {
        fs::create_dir(&at).expect("made");
        let size = format!("size={bytes},mode=700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at).output();
        mounted.is_ok_and(|ended| ended.status.success()).then_some(Disk { at })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Nothing more can be done; the test has ended.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

#[test]
fn the_last_part_of_a_disk_is_not_taken_by_a_stream() {
    // After the first 64 MiB of the stream less than 5 % are left.
    let tasks = |reader: &str| {
        format!(
            "
  a: {{streaming: true, bash: yes > \"$OTTO_OUTPUT_PIPE\"}}
  b: {{streaming: true, before: [a], bash: '{reader}'}}
"
        )
    };
    for (reader, status) in [("sleep 60 & wait; echo complete", 1), ("head -c 66000000 > /dev/null", 0)] {
        let project = Project::new(&tasks(reader)).with("OTTO_DISPLAY", "quiet");
        let Some(disk) = Disk::mount(project.path("home"), 67 << 20) else {
            eprintln!("SKIPPED: a disk that is almost full: needs the right to mount");
            return;
        };
        let ran = project.run("-j2 b");
        assert_eq!(ran.status != 0, status != 0, "{}", ran.stderr);
        let length = project.stream("a").len() as u64;
        assert!(length < 67 << 20, "{length}");
        if status != 0 {
            assert!(length >= 64 << 20, "{length}");
            ran.assert_says("is almost full");
            ran.assert_says("stream.a.log");
            assert!(!ran.stderr.contains("no space left"), "{}", ran.stderr);
        }
        drop(disk);
    }
}

#[test]
fn a_full_disk_fails_the_producer_and_what_was_recorded_is_what_was_read() {
    let project = Project::new(
        "
  a: {streaming: true, bash: 'until [ -e c.out ]; do sleep 0.01; done; yes > \"$OTTO_OUTPUT_PIPE\"'}
  b: {streaming: true, before: [a], bash: 'cat > /dev/null; touch complete'}
  c: {streaming: true, stream-errors: ignore, before: [a], bash: cat > c.out}
  all: {before: [b, c]}
",
    )
    .with("OTTO_DISPLAY", "quiet");
    // No whole number of reads.
    let Some(_disk) = Disk::mount(project.path("home"), (4 << 20) + 12_288) else {
        eprintln!("SKIPPED: a full disk: needs the right to mount");
        return;
    };
    let ran = project.run("-j3 all");
    assert_eq!((ran.status, project.path("complete").exists()), (143, false), "{}", ran.stderr);
    ran.assert_says("stream.a.log`: no space left on device");
    let (read, recorded) = (project.file("c.out"), project.stream("a"));
    assert!(recorded.len() > 3 << 20, "{}", recorded.len());
    assert!(read == recorded, "{} of {} bytes", read.len(), recorded.len());
}

#[test]
fn pipes_that_a_killed_otto_left_are_in_nobodys_way() {
    let project = Project::new(
        "
  a: {streaming: true, bash: 'echo one > \"$OTTO_OUTPUT_PIPE\"; OUTPUT[k]=v; echo said; sleep 60 & wait'}
  b: {streaming: true, before: [a], bash: 'read -r line; echo $line > seen; sleep 60 & wait'}
",
    );
    let mut child = project.start("-j2 b");
    let deadline = Instant::now() + PATIENCE;
    while project.file("seen") != b"one\n" {
        assert!(Instant::now() < deadline, "the stream never flowed");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("it runs");
    child.wait().expect("ours");
    while !project.run("Show").stdout.contains("ended without a result") {
        assert!(Instant::now() < deadline, "the engine outlived the otto that was killed");
    }
    assert!(fifos(&project.task("a")) + fifos(&project.task("b")) > 0, "there is something to be in the way");
    assert_eq!(project.run("Logs a --stream").assert_ok().stdout, "one\n");
    assert_eq!(project.run("Logs a").assert_ok().stdout, "said\n");
    for words in ["Data", "Show latest a", "Show latest b --json", "Replay", "History", "Stats", "Rerun -n"] {
        project.run(words).assert_ok();
    }
    project.run("Clean --keep-days 0 --keep-failed 0 --keep-last 0").assert_ok();
    let home = project.path("home");
    let left =
        fs::read_dir(home).expect("there").flatten().filter(|project| project.path().join("latest").exists());
    assert_eq!(left.count(), 0, "the run is gone with its pipes");
}

#[test]
fn a_limit_that_is_no_size_is_said_before_anything_runs() {
    let ran = Project::new("\n  a: {bash: touch ran}\n").with("OTTO_STREAM_LIMIT", "much").run("a");
    assert_eq!(ran.status, 2);
    assert_eq!(
        ran.stderr,
        "error[E0002]: invalid value `much` for the variable `OTTO_STREAM_LIMIT`\n\
         help: expected a size such as 512M or 4G\n\
         otto: 1 error. For details: `otto Explain E0002`\n"
    );
}

#[test]
fn stdout_flows_and_is_shown_as_well() {
    let project = Project::new(
        "
  a: {streaming: stdout, bash: 'echo out; echo pipe > \"$OTTO_OUTPUT_PIPE\"; sleep 0.2; echo more'}
  b: {streaming: true, before: [a], bash: 'cat > b.out'}
",
    );
    let ran = project.run("-j2 b");
    assert_eq!(ran.assert_ok().lines("a"), ["out", "more"]);
    let mut lines: Vec<String> =
        String::from_utf8_lossy(&project.file("b.out")).lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["more", "out", "pipe"]);
}

#[test]
fn a_reader_may_open_its_pipe_again_and_loses_nothing() {
    let project = Project::new(
        "
  a: {streaming: true, bash: seq 5 > \"$OTTO_OUTPUT_PIPE\"}
  x: {streaming: true, bash: echo x > \"$OTTO_OUTPUT_PIPE\"}
  b: {streaming: true, before: [a, x], bash: 'for i in 1 2 3 4 5; do read -r line < \"$OTTO_INPUT_PIPE_A\"; echo \"$line\"; done; cat \"$OTTO_INPUT_PIPE_X\"'}
",
    );
    for slots in ["-j3", "-j1"] {
        assert_eq!(
            project.run(&format!("{slots} b")).assert_ok().lines("b"),
            ["1", "2", "3", "4", "5", "x"],
            "{slots}"
        );
    }
}

#[test]
fn pipes_are_private_and_gone_at_the_end() {
    let project = Project::new(
        "
  a: {streaming: true, bash: 'stat -c \"%a %F %n\" \"$OTTO_OUTPUT_PIPE\" \"$OTTO_TASK_DIR\"; ls /proc/self/fd | wc -w'}
  b: {streaming: true, before: [a], bash: 'stat -c \"%a %F %n\" \"$OTTO_INPUT_PIPE\"; ls /proc/self/fd | wc -w'}
",
    );
    let ran = project.run("-j2 b");
    let (a, b) = (ran.assert_ok().lines("a"), ran.lines("b"));
    assert!(a[0].starts_with("600 fifo ") && a[0].ends_with("/tasks/a/output.pipe"), "{a:?}");
    assert!(a[1].starts_with("700 directory "), "{a:?}");
    assert!(b[0].starts_with("600 fifo ") && b[0].ends_with("/tasks/b/input.a.pipe"), "{b:?}");
    // stdin, stdout, stderr, and the directory that is being read.
    assert_eq!((a[2].trim(), b[1].trim()), ("4", "4"));
    for task in ["a", "b"] {
        let mode =
            fs::metadata(project.task(task).join(format!("stream.{task}.log"))).expect("there").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        assert_eq!(fifos(&project.task(task)), 0);
    }
}

fn fifos(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_fifo())).count()
}

#[test]
fn each_job_of_a_foreach_is_a_stream_of_its_own() {
    let project = Project::new(
        "
  a: {streaming: true, foreach: {items: [x, y]}, bash: 'echo $item > \"$OTTO_OUTPUT_PIPE\"'}
  b: {streaming: true, before: [a], bash: 'for pipe in ${!OTTO_INPUT_PIPE_@}; do echo $pipe $(cat ${!pipe}); done'}
  c: {streaming: true, before: ['a:y'], bash: cat}
  all: {before: [b, c]}
",
    );
    let ran = project.run("-j8 all");
    assert_eq!(ran.assert_ok().lines("b"), ["OTTO_INPUT_PIPE_A_X x", "OTTO_INPUT_PIPE_A_Y y"]);
    assert_eq!(ran.lines("c"), ["y"]);
}

#[test]
fn more_streams_than_a_process_may_have_files_are_read_one_after_the_other() {
    let project = Project::new(
        "
  part: {streaming: true, foreach: {range: 1..150}, bash: echo $item > \"$OTTO_OUTPUT_PIPE\"}
  merge: {streaming: true, before: [part], bash: 'for pipe in \"${!OTTO_INPUT_PIPE_@}\"; do cat \"${!pipe}\"; done | sort -n | tail -1'}
  count: {streaming: true, before: [part], bash: 'for pipe in \"${!OTTO_INPUT_PIPE_@}\"; do cat \"${!pipe}\"; done | wc -l'}
",
    );
    let otto = env!("CARGO_BIN_EXE_otto");
    let begun = Instant::now();
    let ran = project
        .start_as(Command::new("sh").args(["-c", "ulimit -n 128; exec \"$0\" -j 64 merge count"]).arg(otto));
    let ran = project.end(ran, begun);
    assert_eq!((ran.assert_ok().lines("merge"), ran.lines("count")), (vec!["150"], vec!["150"]));
}

#[test]
fn a_consumer_that_is_repeated_reads_from_the_beginning() {
    let project = Project::new(
        "
  a: {streaming: true, bash: seq 3 > \"$OTTO_OUTPUT_PIPE\"}
  b: {streaming: true, before: [a], retries: 1, bash: 'cat | tee \"$OTTO_OUTPUT_PIPE\"; [ -e again ] || { touch again; exit 1; }'}
",
    );
    let ran = project.run("-j2 b");
    assert_eq!(ran.assert_ok().lines("b"), ["1", "2", "3", "1", "2", "3"]);
    assert_eq!(project.stream("b"), b"1\n2\n3\n");
    assert_eq!(fs::read(project.task("b").join("stream.b.failed-1.log")).expect("kept"), b"1\n2\n3\n");
}

#[test]
fn a_fresh_producer_streams_what_it_recorded() {
    let project = Project::new(
        "
  a: {streaming: true, input: [in], output: [out], bash: 'cat in > \"$OTTO_OUTPUT_PIPE\"; touch out'}
  b: {streaming: true, before: [a], bash: cat}
  c: {streaming: true, before: [a], input: [other], output: [c.out], bash: cat > c.out}
  all: {before: [b, c]}
",
    );
    fs::write(project.path("in"), "one\n").expect("written");
    fs::write(project.path("other"), "").expect("written");
    assert_eq!(project.run("all").assert_ok().lines("b"), ["one"]);
    // Within the tick of the file system's clock nothing is fresh.
    std::thread::sleep(Duration::from_millis(100));
    project.run("all").assert_ok();
    let again = project.run("all");
    assert_eq!(again.assert_ok().lines("b"), ["one"]);
    again.assert_says("fresh  a");
    again.assert_says("fresh  c");
    assert_eq!(project.stream("a"), b"one\n");
    fs::write(project.path("in"), "two\n").expect("written");
    assert_eq!(project.run("all").assert_ok().lines("b"), ["two"]);
    assert_eq!(project.file("c.out"), b"two\n");
}

#[test]
fn a_rerun_reads_what_was_recorded_and_runs_again_who_recorded_no_whole_stream() {
    let project = Project::new(
        "
  a: {streaming: true, bash: 'echo ran >> a.runs; date +%N > \"$OTTO_OUTPUT_PIPE\"'}
  x: {streaming: true, bash: 'echo ran >> x.runs; echo x > \"$OTTO_OUTPUT_PIPE\"; [ -e again ]'}
  b: {streaming: true, before: [a], bash: 'cat; cat \"$OTTO_INPUT_PIPE\"; [ -e again ]'}
  c: {streaming: true, before: [a, x], bash: 'cat \"$OTTO_INPUT_PIPE_A\" \"$OTTO_INPUT_PIPE_X\"'}
",
    );
    assert_eq!(project.run("-j3 b c").status, 1);
    let recorded = String::from_utf8(project.stream("a")).expect("digits");
    fs::write(project.path("again"), "").expect("written");
    for words in ["Rerun latest b", "Rerun -2 b c"] {
        let ran = project.run(words);
        assert_eq!(ran.assert_ok().lines("b"), [recorded.trim(), recorded.trim()], "{}", ran.stderr);
        if words.ends_with('c') {
            assert_eq!(ran.lines("c"), [recorded.trim(), "x"], "{}", ran.stderr);
        }
    }
    assert_eq!((project.file("a.runs"), project.file("x.runs")), (b"ran\n".to_vec(), b"ran\nran\n".to_vec()));
}

#[test]
fn the_record_of_a_stream_that_all_readers_left_is_not_taken_for_a_whole_one() {
    let project = Project::new(
        "
  a:
    streaming: true
    input: [in]
    output: [out]
    bash: |
      echo ran >> a.runs
      touch out
      until [ -e left ]; do echo more > \"$OTTO_OUTPUT_PIPE\"; sleep 0.01; done
      echo last > \"$OTTO_OUTPUT_PIPE\"
  b: {streaming: true, before: [a], bash: '[ -e left ] && cat || head -1'}
  c: {before: [b], bash: sleep 0.1; touch left}
",
    );
    let runs = || project.file("a.runs").len() / "ran\n".len();
    fs::write(project.path("in"), "").expect("written");
    // Within the tick of the file system's clock nothing is fresh.
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(project.run("-j3 c").assert_ok().lines("b"), ["more"]);
    assert!(!project.stream("a").ends_with(b"last\n"), "its readers left");
    let shown = project.run("Show latest a").assert_ok().stdout.clone();
    assert!(shown.contains(" · all readers stopped before its end · otto Logs "), "{shown}");
    let again = project.run("Rerun latest b");
    assert_eq!((again.assert_ok().lines("b"), runs()), (vec!["last"], 2), "{}", again.stderr);
    // That record is whole.
    let again = project.run("Rerun latest b");
    assert_eq!((again.assert_ok().lines("b"), runs()), (vec!["last"], 2), "{}", again.stderr);

    fs::remove_file(project.path("left")).expect("removed");
    fs::write(project.path("in"), "changed").expect("written");
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(project.run("-j3 c").assert_ok().lines("b"), ["more"]);
    for count in [4, 4] {
        let fresh = project.run("-j3 b");
        assert_eq!((fresh.assert_ok().lines("b"), runs()), (vec!["last"], count), "{}", fresh.stderr);
    }
}

#[test]
fn values_of_a_task_that_streams_are_not_there_and_that_is_said() {
    let project = Project::new(
        "
  a: {streaming: true, bash: 'OUTPUT[n]=1; echo x > \"$OTTO_OUTPUT_PIPE\"'}
  b: {streaming: true, before: [a], bash: 'cat; echo \"${INPUT[a.n]:-none}\"'}
  c: {before: [a, b], bash: 'echo \"${INPUT[a.n]}\"'}
",
    );
    for slots in ["-j3", "-j1"] {
        let ran = project.run(&format!("{slots} c"));
        assert_eq!((ran.assert_ok().lines("b"), ran.lines("c")), (vec!["x", "none"], vec!["1"]), "{slots}");
        ran.assert_says("E0903");
    }
}

#[test]
fn a_run_that_is_interrupted_ends_at_once_with_all_streams() {
    let project = Project::new(
        "
  a: {streaming: true, bash: 'touch started; yes > \"$OTTO_OUTPUT_PIPE\"'}
  b: {streaming: true, before: [a], bash: cat > \"$OTTO_OUTPUT_PIPE\"}
  c: {streaming: true, before: [b], bash: cat > /dev/null}
  d: {streaming: true, before: [b], bash: sleep 60}
  all: {before: [c, d]}
",
    );
    let begun = Instant::now();
    let child = project.start("-j8 all");
    while !project.path("started").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    let ran = project.end(child, begun);
    assert_eq!(ran.status, 130, "{}", ran.stderr);
    assert!(ran.took < Duration::from_secs(15), "{:?}", ran.took);
    for task in ["a", "b"] {
        assert_eq!(fifos(&project.task(task)), 0);
    }
}

// ── any graph ────────────────────────────────────────────────────────────────────────────────────────────────────

use proptest::prelude::*;

/// A task of a random graph.
#[derive(Clone, Debug)]
struct Node {
    is_streaming: bool,
    /// What it streams goes to stdout.
    by_stdout: bool,
    is_lenient: bool,
    /// Places before its own that it depends on, each with how it reads the stream if there is one.
    needs: Vec<(usize, Reading)>,
    /// How many numbers it writes before it reads, and after.
    numbers: (usize, usize),
    end: End,
    /// It ends so before it has read and written what it was to write after that.
    ends_early: bool,
    takes_stdin: bool,
}

#[derive(Clone, Copy, Debug)]
enum Reading {
    All,
    Start(usize),
    /// Line by line, opening the pipe for each.
    Lines(usize),
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Well,
    Exit,
    Kill,
    Timeout,
}

impl Node {
    /// The inputs that are streams, in plan order.
    fn streams<'a>(&'a self, nodes: &'a [Node]) -> impl Iterator<Item = (usize, Reading)> + 'a {
        self.needs.iter().copied().filter(|(need, _)| self.is_streaming && nodes[*need].is_streaming)
    }

    /// All that it writes if nobody and nothing ends it before.
    fn whole(&self) -> Vec<u8> {
        let numbers = [self.numbers.0, self.numbers.1].into_iter().flat_map(|count| 1..=count);
        numbers.map(|number| format!("{number}\n")).collect::<String>().into_bytes()
    }

    fn yaml(&self, place: usize, nodes: &[Node]) -> String {
        let to = if self.by_stdout { "" } else { " > \"$OTTO_OUTPUT_PIPE\"" };
        let write = |count: usize| match count {
            0 => String::new(),
            _ if self.is_streaming => format!("seq {count}{to}\n"),
            _ => String::new(),
        };
        let end = match self.end {
            End::Well => "",
            End::Exit => "exit 3\n",
            End::Kill => "kill -9 $$\n",
            End::Timeout => "sleep 60\n",
        };
        let mut body = write(self.numbers.0);
        if self.ends_early {
            body += end;
        }
        let is_single = self.streams(nodes).count() == 1;
        for (need, reading) in self.streams(nodes) {
            let from = match self.takes_stdin && is_single {
                true => "/dev/stdin".to_owned(),
                false => format!("$OTTO_INPUT_PIPE_T{need}"),
            };
            match reading {
                Reading::All => body += &format!("cat \"{from}\" > t{place}.t{need}\n"),
                Reading::Start(count) => body += &format!("head -c {count} \"{from}\" > t{place}.t{need}\n"),
                Reading::Lines(count) => {
                    body += &format!(
                        "for i in {{1..{count}}}; do read -r line < \"{from}\" || break; echo $line; done > t{place}.t{need}\n"
                    );
                }
                Reading::Never => {}
            }
        }
        body += &write(self.numbers.1);
        body += if self.ends_early { "" } else { end };
        body += ":";
        let needs: Vec<String> = self.needs.iter().map(|(need, _)| format!("t{need}")).collect();
        let streaming = match (self.is_streaming, self.by_stdout) {
            (false, _) => "false",
            (true, false) => "true",
            (true, true) => "stdout",
        };
        let errors = if self.is_lenient && self.is_streaming { "\n    stream-errors: ignore" } else { "" };
        let timeout = if self.end == End::Timeout { "\n    timeout: 400ms" } else { "" };
        format!(
            "  t{place}:\n    streaming: {streaming}{errors}{timeout}\n    before: [{}]\n    bash: |\n      {}\n",
            needs.join(", "),
            body.replace('\n', "\n      ")
        )
    }
}

fn node(place: usize) -> impl Strategy<Value = Node> {
    let reading = prop_oneof![
        4 => Just(Reading::All),
        1 => (1usize..5000).prop_map(Reading::Start),
        1 => (1usize..20).prop_map(Reading::Lines),
        1 => Just(Reading::Never),
    ];
    let numbers = prop_oneof![3 => 0usize..50, 1 => 20_000usize..60_000];
    let needs = proptest::collection::vec((0..place.max(1), reading), 0..=place.min(3));
    let end = prop_oneof![12 => Just(End::Well), 1 => Just(End::Exit), 1 => Just(End::Kill), 1 => Just(End::Timeout)];
    let switches =
        (proptest::bool::weighted(0.85), proptest::bool::weighted(0.2), proptest::bool::weighted(0.3));
    (switches, needs, (numbers.clone(), numbers), (end, any::<bool>()), any::<bool>()).prop_map(
        move |((is_streaming, by_stdout, is_lenient), mut needs, numbers, (end, ends_early), takes_stdin)| {
            needs.retain(|(need, _)| *need < place);
            needs.sort_by_key(|(need, _)| *need);
            needs.dedup_by_key(|(need, _)| *need);
            Node { is_streaming, by_stdout, is_lenient, needs, numbers, end, ends_early, takes_stdin }
        },
    )
}

fn graph() -> impl Strategy<Value = (Vec<Node>, usize)> {
    (2usize..7).prop_flat_map(|count| ((0..count).map(node).collect::<Vec<_>>(), 1usize..6))
}

/// The project of a graph, and the words that run all of it.
fn project_of(nodes: &[Node], slots: usize) -> (Project, String, String) {
    let tasks: String = nodes.iter().enumerate().map(|(place, node)| node.yaml(place, nodes)).collect();
    let names: Vec<String> = (0..nodes.len()).map(|place| format!("t{place}")).collect();
    (Project::new(&tasks), format!("-j{slots} {}", names.join(" ")), tasks)
}

/// A graph ends, and whoever succeeds has seen what is recorded.
fn hold(nodes: &[Node], project: &Project, words: &str, tasks: &str) -> Result<(), TestCaseError> {
    let ran = project.run(words);
    prop_assert!(ran.took < PATIENCE, "it hung:\n{}\n{}", tasks, ran.stderr);
    let outcome = |place: usize| -> String {
        let line =
            ran.stderr.lines().find(|line| line.split_whitespace().nth(1) == Some(&format!("t{place}")));
        let word = line.and_then(|line| line.split_whitespace().next()).unwrap_or("none");
        word.replace("TIMEOUT", "FAIL")
    };
    // A reader that sees a successful end has seen everything; the stream may be shorter only if all readers leave early.
    let may_be_closed = |place: usize| {
        let mut readers = nodes.iter().enumerate().filter_map(|(reader, node)| {
            Some((reader, node.streams(nodes).find(|(need, _)| *need == place)?.1))
        });
        readers.clone().next().is_some()
            && !readers.any(|(reader, reading)| matches!(reading, Reading::All) && outcome(reader) == "ok")
    };
    for (place, node) in nodes.iter().enumerate() {
        let outcome_here = outcome(place);
        prop_assert!(
            ["ok", "FAIL", "skip"].contains(&outcome_here.as_str()),
            "t{place} is {outcome_here}:\n{tasks}\n{}",
            ran.stderr
        );
        // Those whose own script fails are no success, unless they were told before that nobody reads on; the others
        // fail only with one whose stream they need whole.
        if node.end != End::Well {
            prop_assert!(outcome_here != "ok" || may_be_closed(place), "t{place}:\n{tasks}\n{}", ran.stderr);
        } else if outcome_here == "FAIL" {
            let by_others = !node.is_lenient && node.streams(nodes).any(|(need, _)| outcome(need) == "FAIL");
            prop_assert!(by_others, "t{place} failed by itself:\n{tasks}\n{}", ran.stderr);
        }
        if outcome_here == "skip" {
            continue;
        }
        prop_assert_eq!(fifos(&project.task(&format!("t{place}"))), 0);
        if node.is_streaming {
            // On a cluster one may fail that has not begun.
            let whole = node.whole();
            let recorded = match outcome_here.as_str() {
                "ok" => project.stream(&format!("t{place}")),
                _ => fs::read(project.task(&format!("t{place}")).join(format!("stream.t{place}.log")))
                    .unwrap_or_default(),
            };
            let must_be_whole = outcome_here == "ok" && !may_be_closed(place);
            prop_assert!(
                if must_be_whole { whole == recorded } else { whole.starts_with(&recorded) },
                "the record of t{place} differs:\n{tasks}\n{}",
                ran.stderr
            );
        }
        if outcome_here != "ok" {
            continue;
        }
        for (need, reading) in node.streams(nodes) {
            let recorded = project.stream(&format!("t{need}"));
            let seen = project.file(&format!("t{place}.t{need}"));
            let start = match reading {
                Reading::All => {
                    prop_assert!(
                        node.is_lenient || outcome(need) == "ok",
                        "t{place} read all of what broke off"
                    );
                    recorded.len()
                }
                Reading::Start(count) => count,
                Reading::Lines(count) => {
                    recorded.split_inclusive(|byte| *byte == b'\n').take(count).map(<[u8]>::len).sum()
                }
                Reading::Never => continue,
            };
            prop_assert!(
                seen == recorded[..start.min(recorded.len())],
                "t{place} saw {} of {} bytes of t{need}:\n{tasks}\n{}",
                seen.len(),
                recorded.len(),
                ran.stderr
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_graph_ends_and_who_succeeds_has_seen_what_is_recorded((nodes, slots) in graph()) {
        let (project, words, tasks) = project_of(&nodes, slots);
        hold(&nodes, &project, &words, &tasks)?;
    }
}

#[cfg(target_os = "linux")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 10, max_shrink_iters: 30, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_graph_ends_on_a_cluster_as_it_does_here((nodes, slots) in graph()) {
        let (project, words, tasks) = project_of(&nodes, slots);
        hold(&nodes, &project.on_cluster(), &words, &tasks)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 20, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_graph_ends_at_once_when_it_is_interrupted((nodes, slots) in graph(), after_ms in 0u64..300) {
        let (project, words, tasks) = project_of(&nodes, slots);
        let begun = Instant::now();
        let child = project.start(&words);
        std::thread::sleep(Duration::from_millis(after_ms));
        // It may have ended.
        let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).stderr(Stdio::null()).status();
        let ran = project.end(child, begun);
        // Scripts that a signal does not end have the grace that they would have without streams.
        prop_assert!(ran.took < Duration::from_secs(25), "{:?}:\n{}\n{}", ran.took, tasks, ran.stderr);
        let tasks = fs::read_dir(project.path("home")).into_iter().flatten().flatten().flat_map(|entry| {
            fs::read_dir(entry.path().join("latest/tasks")).into_iter().flatten().flatten()
        });
        for task in tasks {
            prop_assert_eq!(fifos(&task.path()), 0);
        }
    }
}
