//! What otto guarantees, tried on the real program: kills at any moment and at any system call, many ottos at once, full
//! disks, hostile names, values and ottofiles. Knows only what a user sees: the command line, files and processes.
//!
//! Each test prints how much it tried. `OTTO_GUARANTEES=long` tries all of it rather than a sample.
#![allow(clippy::print_stderr, reason = "each test says what it tried and what it had to skip")]

mod patience;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const OTTO: &str = env!("CARGO_BIN_EXE_otto");
/// No run of a test takes longer, on however slow a machine; one that hangs is ended and fails.
const PATIENCE: Duration = Duration::from_secs(90);

fn is_long() -> bool {
    std::env::var_os("OTTO_GUARANTEES").is_some_and(|word| word == "long")
}

/// A sample, or the whole.
fn of(short: usize, long: usize) -> usize {
    if is_long() { long } else { short }
}

/// The caller's PATH, with the folder of the real Python in front: starting one through a version manager's script
/// takes longer than everything that is tried here.
fn search_path() -> OsString {
    static PATH: OnceLock<OsString> = OnceLock::new();
    PATH.get_or_init(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let asked = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
        let program = PathBuf::from(OsString::from_vec(asked.map(|ended| ended.stdout).unwrap_or_default()));
        match program.parent().filter(|folder| folder.is_absolute()) {
            Some(folder) => [folder.as_os_str(), path.as_os_str()].join(OsStr::new(":")),
            None => path,
        }
    })
    .clone()
}

/// A project with a home of its own.
struct Project {
    folder: tempfile::TempDir,
    /// Where the ottofile is.
    root: PathBuf,
    home: PathBuf,
}

struct Ran {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: String,
}

impl Project {
    fn new(ottofile: &str) -> Project {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("project");
        fs::create_dir(&root).expect("a folder");
        fs::write(root.join("otto.yml"), ottofile).expect("written");
        let home = folder.path().join("home");
        Project { folder, root, home }
    }

    /// A program with a plain environment, in the project.
    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env_clear().env("PATH", search_path());
        command.env("OTTO_HOME", &self.home).env("HOME", self.folder.path()).env("OTTO_DISPLAY", "quiet");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn otto<W: AsRef<OsStr>>(&self, words: &[W]) -> Ran {
        run(self.command(OTTO).args(words))
    }

    /// Runs otto and parses what it printed as JSON.
    fn json(&self, words: &[&str]) -> Value {
        let ran = self.otto(words);
        ran.assert_status(0);
        serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{words:?} is no JSON: {error}"))
    }

    /// The folder of this project's runs.
    fn runs(&self) -> Option<PathBuf> {
        let folders = fs::read_dir(&self.home).ok()?.flatten().map(|entry| entry.path());
        folders.into_iter().find(|path| path.is_dir() && !path.ends_with("runtime"))
    }

    fn latest(&self) -> PathBuf {
        self.runs().expect("a run").join("latest")
    }

    fn task(&self, name: &str) -> PathBuf {
        self.latest().join("tasks").join(name)
    }

    /// Everything that has this project's home in its environment, without zombies.
    fn processes(&self) -> Vec<(i32, String)> {
        let marker = self.home.as_os_str().as_bytes();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").expect("/proc").flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            if environment.windows(marker.len()).any(|window| window == marker) {
                let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                found.push((pid, String::from_utf8_lossy(&words).replace('\0', " ")));
            }
        }
        found
    }

    /// Nothing that ran for this project is alive soon after.
    #[track_caller]
    fn assert_nothing_lives(&self, case: &str) {
        let begun = Instant::now();
        loop {
            let alive = self.processes();
            if alive.is_empty() {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(2), "{case}: alive after 2 s: {alive:#?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Every JSON file under its final name is whole. How many there were.
    #[track_caller]
    fn assert_records_are_whole(&self, case: &str) -> usize {
        let mut count = 0;
        each_file(&self.home, &mut |path| {
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            if name == "run.json" || (name.starts_with("output.") && name.ends_with(".json")) {
                // A run's directory gets its name by a rename, and what was listed under the old one is gone then.
                let bytes = match fs::read(path) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
                    read => read.expect("readable"),
                };
                let parsed = serde_json::from_slice::<Value>(&bytes);
                assert!(parsed.is_ok(), "{case}: {} is in part: {bytes:?}", path.display());
                count += 1;
            }
        });
        count
    }
}

impl Drop for Project {
    /// Leaves nothing behind, even if the test fails.
    fn drop(&mut self) {
        for (pid, _) in self.processes() {
            signal(pid, libc::SIGKILL);
        }
    }
}

impl Ran {
    #[track_caller]
    fn assert_status(&self, expected: i32) {
        let status = self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap_or(0));
        let stdout = String::from_utf8_lossy(&self.stdout);
        assert_eq!(status, expected, "stdout:\n{stdout}\nstderr:\n{}", self.stderr);
    }

    #[track_caller]
    fn assert_says(&self, text: &str) {
        assert!(self.stderr.contains(text), "`{text}` is not in:\n{}", self.stderr);
    }
}

fn run(command: &mut Command) -> Ran {
    end(command.spawn().expect("starts"))
}

fn end(child: Child) -> Ran {
    let output = patience::output_within(PATIENCE, child);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!stderr.contains("panicked at"), "otto panicked:\n{stderr}");
    Ran { status: output.status, stdout: output.stdout, stderr }
}

fn signal(pid: i32, number: i32) {
    let pid = rustix::process::Pid::from_raw(pid).expect("a process");
    let number = rustix::process::Signal::from_named_raw(number).expect("a signal");
    // It may have ended by itself.
    let _ = rustix::process::kill_process(pid, number);
}

fn children(pid: i32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

fn each_file(folder: &Path, visit: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => each_file(&entry.path(), visit),
            Ok(kind) if kind.is_file() => visit(&entry.path()),
            _ => {}
        }
    }
}

fn await_file(path: &Path) {
    let begun = Instant::now();
    while !path.exists() {
        assert!(begun.elapsed() < PATIENCE, "{} never came", path.display());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn has(program: &str, test: &str) -> bool {
    let is_there =
        Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let is_there = is_there.is_ok();
    if !is_there {
        eprintln!("SKIPPED: {test}: {program} is not installed");
    }
    is_there
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

// ── Kills ────────────────────────────────────────────────────────────────────────────────────────────────────

/// Data passes from task to task, and processes get out of sight of whoever started them.
const PASSING: &str = r#"
tasks:
  a:
    bash: |
      (setsid sleep 1000 >/dev/null 2>&1 &)
      trap '' TERM HUP INT
      OUTPUT[text]="from a"
      sleep 0.03
  b: {before: [a], bash: 'OUTPUT[text]="${INPUT[a.text]}, b"; sleep 0.03'}
  c: {before: [a], bash: 'OUTPUT[text]="${INPUT[a.text]}, c"; nohup sleep 1000 >/dev/null 2>&1 & sleep 0.02'}
  d: {before: [b, c], bash: 'OUTPUT[text]="${INPUT[b.text]} and ${INPUT[c.text]}"'}
"#;

/// The ids of runs, the latest first, and how each is shown.
fn shown_runs(project: &Project) -> Vec<(String, String)> {
    let history = project.json(&["History", "--json", "--limit", "1000"]);
    let word = |run: &Value, key: &str| run[key].as_str().unwrap_or_default().to_owned();
    let runs = history.as_array().expect("a list");
    runs.iter().map(|run| (word(run, "id"), word(run, "result"))).collect()
}

/// What is true after a run was killed, at whatever moment; `earlier` are the runs before it, and are those before the
/// next one afterwards. Returns how the run is shown.
#[track_caller]
fn assert_survived(project: &Project, earlier: &mut Vec<(String, String)>, case: &str) -> String {
    project.assert_nothing_lives(case);
    project.assert_records_are_whole(case);
    // The main thread of a process that is killed can be gone a moment before the others, and with them the lock.
    let begun = Instant::now();
    let mut runs = shown_runs(project);
    while runs.first().is_some_and(|(_, shown)| shown == "running")
        && begun.elapsed() < Duration::from_secs(2)
    {
        runs = shown_runs(project);
    }
    assert!(runs.ends_with(earlier), "{case}: earlier runs changed: {runs:?}, before {earlier:?}");
    let new = &runs[..runs.len() - earlier.len()];
    let shown = match new {
        // Killed before it was a run.
        [] => "none",
        [(_, result)] => result.as_str(),
        _ => panic!("{case}: one run made more of them: {runs:?}"),
    };
    assert!(
        ["none", "crashed", "succeeded", "failed"].contains(&shown),
        "{case}: the run is shown as `{shown}`"
    );
    if !runs.is_empty() {
        project.otto(&["Show", "latest"]).assert_status(0);
    }
    let next = project.otto(&["d"]);
    next.assert_status(0);
    let text = fs::read(project.task("d").join("output.d.json")).expect("an output");
    let value: Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(value["text"], "from a, b and from a, c", "{case}");
    let after = shown_runs(project);
    assert_eq!(after[0].1, "succeeded", "{case}");
    assert_eq!(after[1..], runs, "{case}: a run was lost");
    let shown = shown.to_owned();
    *earlier = after;
    shown
}

#[test]
fn a_run_that_is_killed_at_any_moment_costs_only_itself() {
    let kills = of(24, 1000);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut shown = BTreeMap::<String, usize>::new();
    let (mut project, mut earlier) = (Project::new(PASSING), Vec::new());
    for round in 0..kills {
        // From a home that is not there yet to one with some runs.
        if round % 12 == 0 {
            (project, earlier) = (Project::new(PASSING), Vec::new());
        }
        let otto = project.command(OTTO).arg("d").spawn().expect("otto starts");
        let guard = otto.id().cast_signed();
        let wait_us = dice.below(260_000);
        std::thread::sleep(Duration::from_micros(wait_us));
        let kills_engine = round % 2 == 1;
        let victim = children(guard).first().copied().filter(|_| kills_engine).unwrap_or(guard);
        signal(victim, libc::SIGKILL);
        let case = format!("kill {round} after {wait_us} µs, engine {}", victim != guard);
        end(otto);
        *shown.entry(assert_survived(&project, &mut earlier, &case)).or_default() += 1;
    }
    eprintln!("{kills} kills at random moments, shown afterwards as {shown:?}; 0 lost");
}

/// How many calls the process made that a trace begins with.
fn calls_of_first(trace: &str) -> usize {
    let process = trace.split(' ').next().unwrap_or_default();
    let calls = trace.lines().filter_map(|line| line.strip_prefix(process)?.trim_start().split_once('('));
    calls.filter(|(name, _)| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')).count()
}

#[test]
fn a_run_that_is_killed_at_any_system_call_costs_only_itself() {
    if !has("strace", "kills at system calls") {
        return;
    }
    let calls = [
        "?rename,?renameat,?renameat2",
        "?mkdir,?mkdirat",
        "?symlink,?symlinkat",
        "?unlink,?unlinkat",
        "?fsync,?fdatasync",
        "?flock,?fcntl",
        "?ftruncate,?pwrite64",
        "write",
        "openat",
        "clone,?clone3,?vfork,?fork",
    ];
    let mut shown = BTreeMap::<String, usize>::new();
    let (mut kills, mut whole) = (0, 0);
    for call in calls {
        let mut place = 1;
        let (mut project, mut earlier) = (Project::new(PASSING), Vec::new());
        // A call that comes hundreds of times is tried in larger and larger steps, unless there is time for all.
        while place < 2000 {
            if earlier.len() > 12 {
                (project, earlier) = (Project::new(PASSING), Vec::new());
            }
            let trace = project.folder.path().join("trace");
            let mut strace = project.command("strace");
            strace.args(["-f", "-qq", "-o"]).arg(&trace).args(["-e", &format!("trace={call}")]);
            strace.args(["-e", &format!("inject={call}:signal=KILL:when={place}"), OTTO, "d"]);
            run(&mut strace);
            let text = fs::read(&trace).unwrap_or_default();
            let was_killed = String::from_utf8_lossy(&text).contains("killed by SIGKILL");
            let case = format!("killed at {call} number {place}");
            // Each process is killed at that call of its own. A guard that is killed too while it ends what the engine
            // left behind promises nothing more.
            let calls_of_guard = calls_of_first(&String::from_utf8_lossy(&text));
            if was_killed && calls_of_guard >= place {
                project.processes().iter().for_each(|(pid, _)| signal(*pid, libc::SIGKILL));
            }
            *shown.entry(assert_survived(&project, &mut earlier, &case)).or_default() += 1;
            if !was_killed {
                whole += 1;
                break;
            }
            kills += 1;
            place += if is_long() { 1 } else { 1 + place / 2 };
        }
    }
    eprintln!("{kills} kills at system calls of {whole} kinds, shown afterwards as {shown:?}; 0 lost");
}

#[test]
fn records_are_whole_at_each_moment_for_whoever_reads_them() {
    let project = Project::new(PASSING);
    let mut read = 0;
    for _ in 0..of(4, 60) {
        let mut otto = project.command(OTTO).arg("d").spawn().expect("otto starts");
        while otto.try_wait().expect("waits").is_none() {
            read += project.assert_records_are_whole("while it runs");
        }
        assert!(otto.wait().expect("waits").success());
    }
    assert!(read > 0);
    // A record that takes a while to write is seen at each moment of that.
    let project = Project::new(
        "tasks:\n  big: {foreach: {range: 1..8, as: n}, python: 'OUTPUT[\"x\"] = \"x\" * 2_000_000'}\n",
    );
    let mut looked = 0;
    for _ in 0..of(1, 10) {
        let before = project.runs().and_then(|runs| fs::read_link(runs.join("latest")).ok());
        let mut otto = project.command(OTTO).args(["-j1", "big"]).spawn().expect("otto starts");
        let mut awaited = 1..=8;
        let mut next = awaited.next();
        while otto.try_wait().expect("waits").is_none() {
            let (Some(n), Some(runs)) = (next, project.runs()) else { continue };
            if fs::read_link(runs.join("latest")).ok() == before {
                continue;
            }
            looked += 1;
            let Ok(bytes) = fs::read(runs.join(format!("latest/tasks/big:{n}/output.big:{n}.json"))) else {
                continue;
            };
            assert!(bytes.trim_ascii_end().ends_with(b"}"), "big:{n} in part: {} bytes", bytes.len());
            next = awaited.next();
        }
        assert!(otto.wait().expect("waits").success());
        assert_ne!(next, Some(1), "none was seen");
    }
    assert!(looked > 0);
    eprintln!("{read} records read while runs went on, and large ones {looked} times; 0 in part");
}

#[test]
fn otto_dies_of_the_signal_that_stopped_it_and_records_the_end() {
    for number in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let project = Project::new(
            "tasks:\n  a:\n    bash: |\n      trap 'OUTPUT[told]=yes; exit 3' INT TERM HUP\n      touch up\n      while :; do sleep 0.02; done\n",
        );
        // The caller of this test may ignore signals, as `nohup` and `&` do; otto would ignore them too.
        let mut otto = project.command("env");
        let otto = otto.args(["--default-signal=INT,TERM,HUP", OTTO, "a"]).spawn().expect("otto starts");
        await_file(&project.root.join("up"));
        signal(otto.id().cast_signed(), number);
        let ran = end(otto);
        assert_eq!(ran.status.signal(), Some(number), "stderr:\n{}", ran.stderr);
        project.assert_nothing_lives("after a signal");
        assert_eq!(project.json(&["History", "--json"])[0]["result"], "interrupted");
        // A failed attempt's values are not passed on, but they are somewhere.
        let mut kept = 0;
        each_file(&project.latest(), &mut |path| {
            kept +=
                usize::from(fs::read_to_string(path).is_ok_and(|text| text.contains("\"told\": \"yes\"")));
        });
        assert!(kept > 0, "what the task set while it was stopped is lost");
    }
}

// ── Many at once, much, and full disks ───────────────────────────────────────────────────────────────────────

#[test]
fn many_ottos_in_one_project_are_as_many_recorded_runs() {
    const MANY: usize = 20;
    let rounds = of(1, 10);
    let project = Project::new(
        "tasks:\n  a: {bash: 'OUTPUT[n]=1'}\n  b: {before: [a], bash: 'OUTPUT[n]=$((INPUT[a.n] + 1))'}\n",
    );
    let mut looked = 0;
    for round in 1..=rounds {
        let mut ottos: Vec<Child> =
            (0..MANY).map(|_| project.command(OTTO).arg("b").spawn().expect("otto starts")).collect();
        loop {
            let latest = project.runs().map(|runs| runs.join("latest"));
            if let Some(latest) = latest.filter(|latest| latest.is_symlink()) {
                assert!(latest.join("run.json").exists() || latest.is_dir(), "latest leads nowhere");
                looked += 1;
            }
            if ottos.iter_mut().all(|otto| otto.try_wait().expect("waits").is_some()) {
                break;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        for otto in ottos {
            let ran = end(otto);
            ran.assert_status(0);
            assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
        }
        let history = project.json(&["History", "--json", "--limit", "10000"]);
        let runs = history.as_array().expect("a list");
        let ids: BTreeSet<&str> = runs.iter().filter_map(|run| run["id"].as_str()).collect();
        assert_eq!(ids.len(), MANY * round, "distinct runs");
        assert!(runs.iter().all(|run| run["result"] == "succeeded"));
    }
    eprintln!(
        "{rounds} × {MANY} ottos at once, all recorded; `latest` was looked at {looked} times and always valid"
    );
}

/// The most memory that otto itself (guard and engine) had while it ran.
fn peak_kb_of(otto: &mut Child) -> u64 {
    let guard = otto.id().cast_signed();
    let mut peak = 0;
    while otto.try_wait().expect("waits").is_none() {
        for pid in children(guard).into_iter().chain([guard]) {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kb = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
            peak = peak.max(kb.unwrap_or(0));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    peak
}

#[test]
fn much_output_takes_constant_memory_and_loses_no_byte() {
    let much: u64 = of(100_000_000, 1_000_000_000) as u64;
    let project = Project::new(
        "tasks:\n  lines: {params: {n: {}}, bash: 'yes \"a line of some length, which is not short\" | head -c \"$n\" || true'}\n  one: {params: {n: {}}, bash: 'head -c \"$n\" /dev/zero'}\n",
    );
    let all = [("lines", "prefix"), ("one", "stream"), ("lines", "group"), ("one", "prefix")];
    for (task, display) in all.into_iter().take(of(2, 4)) {
        let peaks = [1_000_000, much].map(|bytes| {
            let mut otto = project.command(OTTO);
            otto.args(["--display", display, task, &bytes.to_string()]);
            let mut otto = otto.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("otto starts");
            let peak = peak_kb_of(&mut otto);
            assert!(otto.wait().expect("waits").success(), "{task} {display}");
            let log = fs::metadata(project.task(task).join("stdout.log")).expect("a log");
            assert_eq!(log.len(), bytes, "{task} {display}: the log is not what was written");
            peak
        });
        // What is on its way from the readers to the view is bounded by pieces, about 16 MB of them.
        assert!(peaks[1] < peaks[0] + 32_000, "{task} {display}: {peaks:?} kB for 1 MB and {much} bytes");
        eprintln!("{task} {display}: {} kB for 1 MB, {} kB for {} MB", peaks[0], peaks[1], much / 1_000_000);
    }
}

#[test]
fn few_descriptors_bound_the_jobs_and_lose_no_output() {
    let jobs = of(100, 1000);
    for lane in ["", ", jobs: all"] {
        let project = Project::new(&format!(
            "tasks:\n  many:\n    foreach: {{range: 1..{jobs}, as: n{lane}}}\n    bash: 'echo \"line $n\"; sleep 0.1; echo \"error $n\" >&2'\n"
        ));
        let mut otto = project.command("bash");
        run(otto.args(["-c", "ulimit -n 256; exec \"$0\" -j 200 many", OTTO])).assert_status(0);
        let mut logs = BTreeSet::new();
        each_file(&fs::canonicalize(project.latest()).expect("a run"), &mut |path| {
            if path.extension().is_some_and(|extension| extension == "log") {
                logs.insert(fs::read_to_string(path).expect("text"));
            }
        });
        let written = |n| [format!("line {n}\n"), format!("error {n}\n")];
        let expected: BTreeSet<String> = (1..=jobs).flat_map(written).collect();
        assert!(logs == expected, "of {} lines {} are there", expected.len(), logs.len());
    }
    eprintln!("2 × {jobs} tasks with 256 descriptors; 0 lines lost");
}

#[test]
fn a_soft_limit_of_descriptors_is_raised_for_otto_and_kept_for_tasks() {
    // All must run at once, for each waits for the others; under a limit of 256 that is left alone 18 would.
    let project = Project::new(
        "tasks:\n  many:\n    foreach: {range: 1..60, as: n}\n    bash: |\n      touch \"up.$n\"\n      echo \"$(ulimit -Sn) $(ulimit -Hn)\"\n      for n in {1..400}; do ups=(up.*); [ ${#ups[@]} = 60 ] && exit; sleep 0.05; done\n      exit 1\n",
    );
    let mut otto = project.command("bash");
    run(otto.args(["-c", "ulimit -Sn 256; ulimit -Hn 4000; exec \"$0\" -j 60 many", OTTO])).assert_status(0);
    let mut limits = BTreeMap::<String, usize>::new();
    each_file(&fs::canonicalize(project.latest()).expect("a run"), &mut |path| {
        if path.ends_with("stdout.log") {
            *limits.entry(fs::read_to_string(path).expect("text")).or_default() += 1;
        }
    });
    assert_eq!(limits, BTreeMap::from([("256 4000\n".to_owned(), 60)]));
}

#[test]
fn few_processes_cost_time_and_are_named_where_there_are_none() {
    if !is_root() || !has("setpriv", "few processes") {
        eprintln!("SKIPPED: few processes: root has no limit, and only root can become somebody else");
        return;
    }
    let project =
        Project::new("tasks:\n  many:\n    foreach: {range: 1..12, as: n}\n    bash: 'echo \"line $n\"'\n");
    let to_all = fs::Permissions::from_mode(0o777);
    fs::set_permissions(project.folder.path(), to_all.clone()).expect("open to all");
    fs::set_permissions(&project.root, to_all).expect("open to all");
    let binary = project.folder.path().join("otto");
    fs::copy(OTTO, &binary).expect("a copy that anybody may start");
    let under = |limit: usize| {
        let mut otto = project.command("setpriv");
        // A user whom nobody else is, not even another run of this test: all processes of one count.
        let user = (50_000 + std::process::id() % 10_000).to_string();
        otto.args(["--reuid", &user, "--regid", &user, "--clear-groups", "bash", "-c"]);
        otto.arg(format!("ulimit -u {limit}; exec \"$0\" -j 8 many")).arg(&binary);
        run(otto.env("PATH", "/usr/bin:/bin"))
    };
    under(16).assert_status(0);
    let ran = under(3);
    ran.assert_status(125);
    ran.assert_says("cannot create another thread: resource temporarily unavailable");
}

/// As in a container: the group of the first process is that of somebody outside and has no number.
#[test]
fn as_the_first_process_of_a_namespace_otto_runs_and_stops_as_elsewhere() {
    let namespace = ["unshare", "--pid", "--fork", "--mount-proc"];
    let may = Command::new(namespace[0]).args(&namespace[1..]).arg("true").stderr(Stdio::null()).status();
    if !may.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: the first process of a namespace: needs unshare and the right to it");
        return;
    }
    let project = Project::new(
        "tasks:\n  a: {tty: true, bash: '(setsid sleep 1000 >/dev/null 2>&1 &) ; OUTPUT[x]=1'}\n  b: {before: [a], bash: 'echo \"${INPUT[a.x]}\" > got'}\n  waits: {bash: 'trap \"exit 3\" TERM; echo > up; while :; do sleep 0.02; done'}\n",
    );
    let start = |task: &str| {
        let mut otto = project.command(namespace[0]);
        // The caller of this test may ignore signals.
        otto.args(&namespace[1..]).args(["env", "--default-signal=TERM", OTTO, task]);
        otto.spawn().expect("unshare starts")
    };
    end(start("b")).assert_status(0);
    assert_eq!(fs::read(project.root.join("got")).expect("the task ran"), b"1\n");
    let unshare = start("waits");
    await_file(&project.root.join("up"));
    signal(children(unshare.id().cast_signed())[0], libc::SIGTERM);
    // It cannot die of a signal there, and says with its status that it would.
    end(unshare).assert_status(128 + libc::SIGTERM);
    assert_eq!(project.json(&["History", "--json"])[0]["result"], "interrupted");
}

/// Time that stood still is nobody's: not the run's, and not that of a reader that a full stream waits for.
#[test]
fn a_halt_is_no_part_of_the_time_and_breaks_no_stream() {
    let project = Project::new(
        "tasks:\n  writes: {streaming: stdout, bash: 'yes'}\n  reads:\n    streaming: true\n    before: [writes]\n    bash: touch up; sleep 0.3; head -c 10 > /dev/null\n",
    );
    let mut otto = project.command("env");
    // A group of its own, for whose halt this test is the shell.
    std::os::unix::process::CommandExt::process_group(&mut otto, 0);
    otto.args(["--default-signal=TSTP,CONT", OTTO, "-j2", "reads"]).env("OTTO_STREAM_LIMIT", "1M");
    let otto = otto.spawn().expect("otto starts");
    let guard = otto.id().cast_signed();
    await_file(&project.root.join("up"));
    signal(guard, libc::SIGTSTP);
    let is_halted = || {
        let stat = fs::read_to_string(format!("/proc/{guard}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
    };
    let begun = Instant::now();
    while !is_halted() {
        assert!(begun.elapsed() < PATIENCE, "it does not halt");
        std::thread::sleep(Duration::from_millis(2));
    }
    std::thread::sleep(Duration::from_millis(2500));
    signal(guard, libc::SIGCONT);
    end(otto).assert_status(0);
    let journal = fs::read_to_string(project.latest().join("events.jsonl")).expect("a journal");
    let events: Vec<Value> =
        journal.lines().map(|line| serde_json::from_str(line).expect("an event")).collect();
    let (first, last) = (events.first().expect("events"), events.last().expect("events"));
    let time =
        |event: &Value| event["time"].as_str().expect("text").parse::<jiff::Timestamp>().expect("a time");
    let elapsed = |event: &Value| event["elapsed_us"].as_i64().expect("a number");
    let stood_still =
        (time(last).as_microsecond() - time(first).as_microsecond()) - (elapsed(last) - elapsed(first));
    assert!(stood_still > 2_000_000, "of 2.5 s that it stood still, {stood_still} µs are not counted");
}

/// A small disk of its own, taken away in the end.
struct Disk {
    at: PathBuf,
}

impl Disk {
    fn mount(at: PathBuf, kb: usize) -> Option<Disk> {
        fs::create_dir_all(&at).expect("a folder");
        let size = format!("size={kb}k");
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
fn a_full_disk_is_named_and_costs_nothing_that_was_there() {
    let project = Project::new(PASSING);
    let Some(disk) =
        Some(()).filter(|()| is_root()).and_then(|()| Disk::mount(project.home.clone(), 32 << 10))
    else {
        eprintln!("SKIPPED: full disk: needs root and the right to mount");
        return;
    };
    fs::set_permissions(&disk.at, fs::Permissions::from_mode(0o700)).expect("closed");
    project.otto(&["d"]).assert_status(0);
    let mut before = BTreeMap::new();
    each_file(&fs::canonicalize(project.latest()).expect("a run"), &mut |path| {
        before.insert(path.to_owned(), fs::read(path).expect("readable"));
    });
    let filler = disk.at.join("filler");
    let mut statuses = BTreeMap::<String, usize>::new();
    // From a disk that takes nothing to one that is full in the middle of the run.
    for free_kb in [0, 4, 8, 12, 16, 24, 32, 48, 64, 96] {
        // What a run on a full disk left is taken away, so that each begins alike.
        let _ = fs::write(&filler, vec![0; 64 << 20]);
        let length = fs::metadata(&filler).expect("a file").len();
        let file = fs::OpenOptions::new().write(true).open(&filler).expect("a file");
        file.set_len(length.saturating_sub(free_kb * 1024)).expect("cut");
        // An open file keeps its blocks when it is removed.
        drop(file);
        let ran = project.otto(&["d"]);
        let code = ran.status.code().unwrap_or(-1);
        *statuses.entry(format!("{code}")).or_default() += 1;
        // A run that comes to its end all the same has lost a log or a line of its journal at most, and says so.
        let is_told = code != 0 || ran.stderr.contains("cannot write");
        if is_told {
            let names_it =
                ran.stderr.contains(&project.home.display().to_string()) || ran.stderr.contains("/home/");
            assert!(names_it, "{free_kb} kB: no path in:\n{}", ran.stderr);
            assert!(
                ran.stderr.to_lowercase().contains("no space left on device"),
                "{free_kb} kB: no reason in:\n{}",
                ran.stderr
            );
        }
        for (path, bytes) in &before {
            assert!(
                fs::read(path).is_ok_and(|now| now == *bytes),
                "{free_kb} kB: {} changed",
                path.display()
            );
        }
        fs::remove_file(&filler).expect("removed");
        if !is_told {
            assert_eq!(project.json(&["History", "--json"])[0]["result"], "succeeded", "{free_kb} kB");
        }
        project.assert_records_are_whole("full disk");
        project.otto(&["d"]).assert_status(0);
        let history = project.json(&["History", "--json"]);
        assert_eq!(history[0]["result"], "succeeded");
    }
    eprintln!("10 full disks, exit statuses {statuses:?}; {} earlier files intact each time", before.len());
}

/// Where a disk that is full is met does not matter: each call that makes something is told once that there is no room.
#[test]
fn a_disk_that_is_full_at_any_call_is_named_and_costs_only_that_run() {
    if !has("strace", "full disks at system calls") {
        return;
    }
    let mut statuses = BTreeMap::<String, usize>::new();
    for call in [
        "?mkdir,?mkdirat",
        "?rename,?renameat,?renameat2",
        "?symlink,?symlinkat",
        "?mknod,?mknodat",
        "?pwrite64,?ftruncate",
    ] {
        let (mut project, mut earlier) = (Project::new(PASSING), Vec::new());
        let mut place = 1;
        loop {
            if earlier.len() > 12 {
                (project, earlier) = (Project::new(PASSING), Vec::new());
            }
            let trace = project.folder.path().join("trace");
            let mut strace = project.command("strace");
            strace.args(["-f", "-qq", "-o"]).arg(&trace).args(["-e", &format!("trace={call}")]);
            strace.args(["-e", &format!("inject={call}:error=ENOSPC:when={place}"), OTTO, "d"]);
            let ran = run(strace.env("TMPDIR", project.folder.path()));
            let case = format!("no room for {call} number {place}");
            let code = ran.status.code().unwrap_or(-1);
            assert!([0, 1, 75, 125].contains(&code), "{case}: {:?}\n{}", ran.status, ran.stderr);
            if code != 0 {
                assert!(ran.stderr.contains("no space left on device"), "{case}:\n{}", ran.stderr);
                assert!(ran.stderr.contains("/home"), "{case}: no path in:\n{}", ran.stderr);
            }
            *statuses.entry(code.to_string()).or_default() += 1;
            let shown = assert_survived(&project, &mut earlier, &case);
            assert!(shown == "none" || (shown == "succeeded") == (code == 0), "{case}: {code}, {shown}");
            if !String::from_utf8_lossy(&fs::read(&trace).unwrap_or_default()).contains("(INJECTED)") {
                break;
            }
            place += if is_long() { 1 } else { 1 + place / 2 };
        }
    }
    eprintln!(
        "{} disks full at a system call, exit statuses {statuses:?}; 0 runs lost",
        statuses.values().sum::<usize>()
    );
}

// ── Homes, interpreters, folders ─────────────────────────────────────────────────────────────────────────────

#[test]
fn without_a_home_a_run_works_and_warns_once() {
    let project = Project::new("tasks:\n  a: {bash: 'echo done > done'}\n");
    for home in [None, Some("/proc"), Some("/dev/null")] {
        let temporary = project.folder.path().join("temporary");
        let _ = fs::create_dir(&temporary);
        let mut otto = project.command(OTTO);
        otto.arg("a").env_remove("OTTO_HOME").env_remove("HOME").env("TMPDIR", &temporary);
        if let Some(home) = home {
            otto.env("HOME", home);
        }
        let ran = run(&mut otto);
        ran.assert_status(0);
        assert_eq!(ran.stderr.matches("warning").count(), 1, "HOME {home:?}:\n{}", ran.stderr);
        fs::remove_file(project.root.join("done")).expect("the task ran");
    }
}

#[test]
fn a_missing_interpreter_is_127_and_one_that_cannot_run_126() {
    let project = Project::new(
        "tasks:\n  a: {bash: echo bash}\n  p: {python: print('python')}\n  n: {bash: |\n      #!/nonexistent/interpreter\n      hello\n}\n"
            .replace("{bash: |\n      #!/nonexistent/interpreter\n      hello\n}", "\n    bash: |\n      #!/nonexistent/interpreter\n      hello")
            .as_str(),
    );
    let empty = project.folder.path().join("empty");
    fs::create_dir(&empty).expect("a folder");
    for (task, program) in [("a", "bash"), ("p", "python")] {
        let ran = run(project.command(OTTO).arg(task).env("PATH", &empty));
        ran.assert_status(127);
        ran.assert_says(program);
        ran.assert_says(&empty.display().to_string());
        assert!(ran.stdout.is_empty());
    }
    let ran = project.otto(&["n"]);
    ran.assert_status(127);
    ran.assert_says("/nonexistent/interpreter");
    let blunt = project.folder.path().join("blunt");
    fs::write(&blunt, "no program").expect("written");
    fs::set_permissions(&blunt, fs::Permissions::from_mode(0o600)).expect("changed");
    let ran = run(project.command(OTTO).arg("a").env("OTTO_BASH", &blunt));
    ran.assert_status(126);
    ran.assert_says(&blunt.display().to_string());
}

#[test]
fn nothing_starts_if_an_interpreter_is_missing_that_no_task_could_bring() {
    let project = Project::new(
        r##"
tasks:
  a: {bash: "echo > started"}
  p: {python: "print('python')"}
  later: {before: [a], python: "print('python')"}
  brings:
    bash: |
      mkdir tools
      printf '#!/bin/bash\necho brought > tools/used\n' > tools/tool
      chmod +x tools/tool
  uses: {before: [brings], bash: "#!tools/tool\n"}
"##,
    );
    let tools = project.folder.path().join("bin");
    fs::create_dir(&tools).expect("a folder");
    for program in ["bash", "mkdir", "chmod"] {
        let found =
            std::env::split_paths(&search_path()).map(|folder| folder.join(program)).find(|it| it.exists());
        std::os::unix::fs::symlink(found.expect("a program"), tools.join(program)).expect("a link");
    }
    let without_python = |words: &[&str]| run(project.command(OTTO).args(words).env("PATH", &tools));
    let ran = without_python(&["a", "p"]);
    ran.assert_status(127);
    ran.assert_says("python3");
    ran.assert_says(&tools.display().to_string());
    ran.assert_says("otto.yml:4");
    assert!(!project.root.join("started").exists(), "a task was started");
    // Somebody may bring it before it is wanted.
    without_python(&["later"]).assert_status(127);
    assert!(project.root.join("started").exists());
    without_python(&["uses"]).assert_status(0);
    assert!(project.root.join("tools/used").exists());
}

#[test]
fn any_folder_will_do() {
    let mut names: Vec<Vec<u8>> = [
        "with space",
        " leading",
        "trailing ",
        "-n",
        "--help",
        "a\nb",
        "a\tb",
        "it's",
        "\"double\"",
        "$(touch pwn)",
        "`touch pwn`",
        "a;touch pwn",
        "${HOME}",
        "a\\b",
        "*",
        "[a]",
        "?",
        "~",
        "#",
        "&",
        "|",
        "%s%n",
        "äöü",
        "日本語",
        "e\u{301}",
        "\u{202e}rtl",
        "a:b",
        "a=b",
        "a,b",
        "{a,b}",
        "!",
        "\u{1b}[31mred",
        "...",
        "CON",
    ]
    .map(|name| name.as_bytes().to_vec())
    .to_vec();
    names.push(b"not \xff\xfe utf-8".to_vec());
    names.push(vec![b'x'; 255]);
    names.push("ü".repeat(127).into_bytes());
    for name in &names {
        let mut project = Project::new(
            r#"
tasks:
  "a b/$(touch pwn)": {bash: 'OUTPUT[here]=$PWD'}
  b:
    before: ["a b/$(touch pwn)"]
    bash: |
      [[ ${INPUT["a b/\$(touch pwn).here"]} == "$PWD" && $OTTO_WORKSPACE == "$PWD" ]]
      OUTPUT[dir]=$OTTO_TASK_DIR
  c:
    before: [b]
    python: |
      import os
      assert os.fsencode(INPUT["b.dir"]) != b""
      assert os.getcwdb() == os.fsencode(os.environ["OTTO_WORKSPACE"])
"#,
        );
        let folder = project.folder.path().join(OsStr::from_bytes(name));
        fs::rename(&project.root, &folder).expect("renamed");
        project.root = folder.clone();
        // The home is there as well.
        project.home = folder.join("home");
        let ran = project.otto(&["c"]);
        let case = String::from_utf8_lossy(name).into_owned();
        assert!(ran.status.success(), "{case:?}:\n{}", ran.stderr);
        assert_eq!(project.json(&["History", "--json"])[0]["result"], "succeeded", "{case:?}");
        project.otto(&["Show", "latest", "b"]).assert_status(0);
        let mut made = 0;
        each_file(project.folder.path(), &mut |path| made += usize::from(path.ends_with("pwn")));
        assert_eq!(made, 0, "{case:?} was executed");
    }
    eprintln!("{} folders", names.len());
}

// ── Looking ──────────────────────────────────────────────────────────────────────────────────────────────────

/// Everything that a task, a listing or a check could run by mistake, and the file that would tell.
const HOSTILE: &str = r##"
otto:
  envs: {A: "$(touch canary)", B: "${A}"}
tasks:
  "$(touch canary)": {bash: touch canary}
  "`touch canary`": {help: "$(touch canary)", bash: "touch canary\n"}
  p: {python: "open('canary', 'w')"}
  s: {bash: "#!/usr/bin/env -S touch canary\n"}
  f: {foreach: {command: "touch canary; echo a", as: x}, bash: touch canary}
  g: {foreach: {items: ["$(touch canary)", "`touch canary`", ";touch canary"], as: x}, bash: touch canary}
  c:
    params:
      --x: {choices-command: "touch canary; echo a", default: "$(touch canary)", help: "`touch canary`"}
    envs: {C: "$(touch canary)"}
    bash: touch canary
  h: {input: ["$(touch canary)", "*"], output: ["`touch canary`"], bash: touch canary}
"##;

#[test]
fn looking_starts_nothing_and_writes_nothing() {
    if !has("strace", "looking under strace") {
        return;
    }
    let project = Project::new(HOSTILE);
    let passing = Project::new(PASSING);
    passing.otto(&["d"]).assert_status(0);
    let hostile: &[&[&str]] = &[
        &["List"],
        &["--list-subtasks"],
        &["Graph"],
        &["Graph", "--format", "dot"],
        &["Graph", "--format", "svg"],
        &["Check"],
        &["Check", "--json"],
        &["--help"],
        &["-h"],
        &["c", "--help"],
        &["f", "--help"],
        &["--complete", ""],
        &["--complete", "c", "--"],
        &["--complete", "c", "--x", ""],
        &["--complete", "f:"],
        &["--dry-run", "p", "s", "g", "c", "h"],
        &["--dry-run", "--json", "g"],
        &["--version"],
        &["Schema"],
        &["Completions", "bash"],
        &["Man"],
        &["nonsense"],
        &["History"],
        &["Show", "latest"],
    ];
    let quiet: &[&[&str]] = &[
        &["Show", "latest"],
        &["Show", "latest", "d"],
        &["Data"],
        &["Logs", "latest", "d"],
        &["--dry-run", "d"],
    ];
    let cases =
        hostile.iter().map(|words| (&project, words)).chain(quiet.iter().map(|words| (&passing, words)));
    let mut count = 0;
    for (project, words) in cases {
        count += 1;
        let trace = project.folder.path().join("trace");
        let mut strace = project.command("strace");
        strace.args(["-f", "-qq", "-o"]).arg(&trace);
        strace.args(["-e", "trace=execve,?execveat,openat,?open,?creat,?mkdir,?mkdirat,?rename,?renameat,?renameat2,?unlink,?unlinkat,?symlink,?symlinkat"]);
        let ran = run(strace.arg(OTTO).args(*words));
        assert!(ran.status.code().is_some_and(|code| code <= 2), "{words:?}: {}", ran.stderr);
        let trace = String::from_utf8_lossy(&fs::read(&trace).expect("a trace")).into_owned();
        let suspicious = trace.lines().filter(|line| {
            !line.contains("O_RDONLY")
                && !line.contains("\"/dev/")
                && line.contains('(')
                && !line.contains("O_PATH")
        });
        // `Check` asks bash and Python to read the scripts.
        let mut programs = 0;
        let mut is_asked = |line: &&str| {
            programs += usize::from(line.contains("execve("));
            words[0] == "Check" && programs > 1 && line.contains("execve(")
        };
        let suspicious: Vec<&str> = suspicious.filter(|line| !is_asked(line)).collect();
        // The first is otto itself.
        assert!(suspicious.len() == 1 && suspicious[0].contains("execve("), "{words:?}: {suspicious:#?}");
        assert!(!project.root.join("canary").exists(), "{words:?} ran something");
    }
    assert!(!project.home.exists(), "looking made a home");
    eprintln!("{count} ways to look: 0 programs started, 0 files written");
}

/// What otto shows on a terminal of so many columns.
fn shown_on_a_terminal(otto: &mut Command, columns: u16) -> (ExitStatus, String) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC).expect("not inherited");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("a terminal");
    let name = ptsname(&master, Vec::new()).expect("its name").into_string().expect("its name");
    let size = rustix::termios::Winsize { ws_row: 1, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&master, size).expect("a size");
    let open = || fs::File::options().read(true).write(true).open(&name).expect("the terminal");
    let mut child = otto.stdin(open()).stdout(open()).stderr(open()).spawn().expect("starts");
    // The command holds the terminal open for as long as it is kept.
    otto.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut shown = Vec::new();
    // Ends with an error when nobody has the terminal any more.
    let _ = std::io::Read::read_to_end(&mut fs::File::from(master), &mut shown);
    (child.wait().expect("ends"), String::from_utf8_lossy(&shown).into_owned())
}

#[test]
fn no_terminal_is_too_odd_for_a_run() {
    let project = Project::new(
        "tasks:\n  x: {bash: 'echo hä 日本; sleep 0.2'}\n  y: {bash: 'echo a long line of text and more of it; exit 3'}\n  both: {before: [x, y]}\n",
    );
    let mut count = 0;
    for columns in [0, 1, 2, 9, 80, u16::MAX] {
        for kind in ["xterm", "dumb", "", "\u{1b}]0;x"] {
            for (words, status) in
                [(&["-j2", "both"][..], 3), (&["History"], 0), (&["List"], 0), (&["--help"], 0)]
            {
                let mut otto = project.command(OTTO);
                otto.args(words).env("TERM", kind).env("FORCE_COLOR", "1").env_remove("OTTO_DISPLAY");
                let (ended, shown) = shown_on_a_terminal(&mut otto, columns);
                assert_eq!(
                    ended.code(),
                    Some(status),
                    "{columns} columns, TERM {kind:?}, {words:?}:\n{shown}"
                );
                assert!(!shown.contains("panicked") && !shown.contains("\u{1b}]"), "{shown}");
                count += 1;
            }
        }
    }
    eprintln!("{count} ways to look at odd terminals");
}

// ── Values are data ──────────────────────────────────────────────────────────────────────────────────────────

fn payloads() -> Vec<String> {
    let bases = ["touch canary", "touch canary #", "echo; touch canary", "canary", "x"];
    let wrappings = [
        "$(@)",
        "`@`",
        "; @ ;",
        "| @",
        "|| @",
        "&& @ &&",
        "& @ &",
        "\n@\n",
        "\r\n@\r\n",
        "'; @; '",
        "\"; @; \"",
        "\"$(@)\"",
        "'$(@)'",
        "'\"'\"'; @; '",
        "\\$(@)",
        "\\`@\\`",
        "$'\\n@'",
        "<(@)",
        ">(@)",
        "$((a[$(@)]))",
        "a[$(@)]",
        "x[$(@)]=1",
        "${x:-$(@)}",
        "${x@P}$(@)",
        "%(@)s",
        "{{ @ }}",
        "${{ @ }}",
        "#{@}",
        "!@",
        "__import__('os').system('@')",
        "\"); import os; os.system('@') #",
        "'''\nimport os; os.system('@')\n'''",
        "{@}",
        "{__import__('os').system('@')}",
        "EOF\n@\nEOF",
        "@ > canary",
        ">canary",
        ") @ (",
        "}; @; {",
        "() { :; }; @",
        "-e @",
        "--@",
        "-- @",
        "*",
        "?",
        "[a-z]*",
        "~",
        "~root",
        "${HOME}",
        "$HOME",
        "$$",
        "$!",
        "$(",
        "`",
        "${",
        "'",
        "\"",
        "\\",
        "\\\\",
        "\\n",
        "%s%n%d",
        " @ ",
        "\t@",
        "@\n\n",
        "\n",
        " ",
        "é@ü",
        "日本語",
        "\u{202e}@",
        "\u{feff}@",
        "\u{1b}[31m@",
        "\u{7f}@",
        "\u{1}@\u{2}\u{1f}",
        "null",
        "true",
        "~",
        "0x10",
        "1e3",
        "[]",
        "{}",
        "- @",
        "a: b",
        "!!python/object/apply:os.system ['@']",
        "&a *a",
        "@=1",
        "#@",
        "|",
        ">",
    ];
    let mut all: Vec<String> =
        bases.iter().flat_map(|base| wrappings.map(|wrapping| wrapping.replace('@', base))).collect();
    all.push("x".repeat(60_000));
    let mut seen = BTreeSet::new();
    all.retain(|payload| seen.insert(payload.clone()));
    all
}

/// A text as YAML: JSON strings are YAML, as far as every character outside ASCII and every control is escaped.
fn yaml(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            wide => quoted.push_str(&format!("\\U{:08X}", u32::from(wide))),
        }
    }
    quoted + "\""
}

/// Values that a task wrote, each ended by a NUL.
fn values_in(path: &Path) -> Vec<String> {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut values: Vec<String> =
        bytes.split(|byte| *byte == 0).map(|value| String::from_utf8_lossy(value).into_owned()).collect();
    assert_eq!(values.pop().as_deref(), Some(""), "the last value has no end");
    values
}

#[track_caller]
fn assert_same(door: &str, got: &[String], expected: &[String]) {
    assert_eq!(got.len(), expected.len(), "{door}: not as many values");
    for (got, expected) in got.iter().zip(expected) {
        assert!(got == expected, "{door}: {expected:?} came as {got:?}");
    }
}

#[track_caller]
fn assert_no_canary(project: &Project, door: &str) {
    let mut made = Vec::new();
    each_file(project.folder.path(), &mut |path| {
        if path.ends_with("canary") {
            made.push(path.to_owned());
        }
    });
    assert!(made.is_empty(), "{door}: a value was executed: {made:?}");
}

#[test]
fn no_value_is_executed_whatever_door_it_comes_in_by() {
    let all = payloads();
    let mut passed = 0;
    // Parameters and environment values travel in the environment: a piece at a time.
    for piece in all.chunks(45) {
        let numbers = 0..piece.len();
        let params = |default: bool| -> String {
            let of = |number: usize| match default {
                true => format!("      --p{number}: {{default: {}}}\n", yaml(&piece[number])),
                false => format!("      --p{number}: {{}}\n"),
            };
            numbers.clone().map(of).collect()
        };
        let envs: String = numbers
            .clone()
            .map(|number| format!("      p{number}: {}\n", yaml(&piece[number].replace('$', "$$"))))
            .collect();
        let last = piece.len() - 1;
        let bash = format!(
            "    bash: |\n      for n in {{0..{last}}}; do v=p$n; printf '%s\\0' \"${{!v}}\"; done > \"$OTTO_TASK_NAME.got\"\n"
        );
        let python = format!(
            "    python: |\n      import os\n      with open(os.environ['OTTO_TASK_NAME'] + '.got', 'wb') as f:\n        for n in range({}):\n          f.write(os.fsencode(SOURCE[f'p{{n}}']) + b'\\0')\n",
            piece.len()
        );
        let project = Project::new(&format!(
            "tasks:\n  given_bash:\n    params:\n{0}{bash}  given_python:\n    params:\n{0}{1}  default_bash:\n    params:\n{2}{bash}  default_python:\n    params:\n{2}{1}  env_bash:\n    envs:\n{envs}{bash}  env_python:\n    envs:\n{envs}{3}",
            params(false),
            python.replace("SOURCE", "PARAMS"),
            params(true),
            python.replace("SOURCE", "os.environ"),
        ));
        let mut words: Vec<String> = Vec::new();
        for (task, joined) in [("given_bash", true), ("given_python", false)] {
            words.push(task.to_owned());
            for number in numbers.clone() {
                match joined || piece[number].starts_with('-') {
                    true => words.push(format!("--p{number}={}", piece[number])),
                    false => words.extend([format!("--p{number}"), piece[number].clone()]),
                }
            }
        }
        words.extend(["default_bash", "default_python", "env_bash", "env_python"].map(str::to_owned));
        project.otto(&words).assert_status(0);
        for task in ["given_bash", "given_python", "default_bash", "default_python", "env_bash", "env_python"]
        {
            assert_same(task, &values_in(&project.root.join(format!("{task}.got"))), piece);
            passed += piece.len();
        }
        assert_no_canary(&project, "parameters and variables");
    }
    eprintln!(
        "{} payloads, {passed} passages through parameters, defaults and variables; 0 executed, 0 changed",
        all.len()
    );
}

#[test]
fn no_value_that_passes_between_tasks_is_executed() {
    let all = payloads();
    let project = Project::new(
        r#"
tasks:
  bash_sets:
    bash: |
      n=0
      while IFS= read -r -d '' value; do OUTPUT[k$n]=$value; OUTPUT[$value]=$n; n=$((n + 1)); done < values
  python_sets:
    python: |
      for n, value in enumerate(open('values', newline='').read().split('\0')[:-1]):
        OUTPUT[f'k{n}'] = value
        OUTPUT[value] = str(n)
  bash_gets:
    before: [bash_sets, python_sets]
    bash: |
      for task in bash_sets python_sets; do
        n=0
        while [[ -v INPUT[$task.k$n] ]]; do printf '%s\0' "${INPUT[$task.k$n]}"; n=$((n + 1)); done > "bash.$task.got"
      done
  python_gets:
    before: [bash_sets, python_sets]
    python: |
      for task in ('bash_sets', 'python_sets'):
        with open(f'python.{task}.got', 'w', newline='') as f:
          n = 0
          while f'{task}.k{n}' in INPUT:
            value = INPUT[f'{task}.k{n}']
            assert INPUT[task][value] == str(n), value
            f.write(value + '\0')
            n += 1
"#,
    );
    let joined: String = all.iter().map(|value| format!("{value}\0")).collect();
    fs::write(project.root.join("values"), joined).expect("written");
    project.otto(&["bash_gets", "python_gets"]).assert_status(0);
    for reader in ["bash", "python"] {
        for setter in ["bash_sets", "python_sets"] {
            let door = format!("{reader}.{setter}.got");
            assert_same(&door, &values_in(&project.root.join(&door)), &all);
        }
    }
    assert_no_canary(&project, "values between tasks");
    for words in [&["Show", "latest", "bash_gets"][..], &["Data"], &["Logs", "latest", "bash_gets"]] {
        project.otto(words).assert_status(0);
    }
    assert_no_canary(&project, "looking at values");
    eprintln!(
        "{} payloads as values and as keys, 4 ways between bash and Python; 0 executed, 0 changed",
        all.len()
    );
}

#[test]
fn no_item_and_no_name_is_executed() {
    let most = of(60, 1000);
    let mut names = BTreeSet::new();
    let is_item = |text: &&String| text.len() < 200 && !text.trim().is_empty();
    // Items that would have the same name are refused by otto, which is another matter.
    let named = |text: &str| -> String {
        text.chars().map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c }).collect()
    };
    let all = payloads();
    let step = (all.len() / most).max(1);
    let items: Vec<String> =
        all.iter().step_by(step).filter(is_item).filter(|text| names.insert(named(text))).cloned().collect();
    let list = items.iter().map(|item| yaml(item)).collect::<Vec<_>>().join(", ");
    let is_name = |text: &&String| {
        !text.starts_with('-') && !text.chars().any(char::is_control) && text.trim() == text.as_str()
    };
    let tasks: Vec<&String> = items.iter().filter(is_name).collect();
    let mut text = format!(
        "tasks:\n  items:\n    foreach: {{items: [{list}], as: it, max_items: 5000}}\n    bash: |\n      printf '%s\\0%s\\0' \"$it\" \"$OTTO_FOREACH_ITEM\" > \"item.$OTTO_FOREACH_INDEX\"\n"
    );
    for task in &tasks {
        text.push_str(&format!(
            "  {}: {{bash: 'OUTPUT[name]=$OTTO_TASK_NAME'}}\n",
            yaml(&format!("t{task}"))
        ));
    }
    let before: Vec<String> = tasks.iter().map(|task| yaml(&format!("t{task}"))).collect();
    text.push_str(&format!("  all:\n    before: [{}]\n    python: |\n      with open('names', 'w') as f:\n        for key in sorted(INPUT):\n          f.write(INPUT[key]['name'] + '\\0' if isinstance(INPUT[key], dict) else INPUT[key] + '\\0')\n", before.join(", ")));
    let project = Project::new(&text);
    project.otto(&["items", "all"]).assert_status(0);
    for (index, item) in items.iter().enumerate() {
        let got = [index, index + 1].map(|number| project.root.join(format!("item.{number}")));
        let got = if project.root.join("item.0").exists() { &got[0] } else { &got[1] };
        assert_same("foreach item", &values_in(got), &[item.clone(), item.clone()]);
    }
    let got: BTreeSet<String> = values_in(&project.root.join("names")).into_iter().collect();
    let expected: BTreeSet<String> = tasks.iter().map(|task| format!("t{task}")).collect();
    assert_eq!(got, expected);
    assert_no_canary(&project, "items and names");
    eprintln!("{} items, {} task names; 0 executed, 0 changed", items.len(), tasks.len());
}

// ── What tasks get, and what is kept ─────────────────────────────────────────────────────────────────────────

#[test]
fn the_callers_shell_does_not_reach_into_tasks() {
    let project = Project::new(
        "tasks:\n  a:\n    bash: |\n      ls > /dev/null\n      cat /dev/null\n      env > environment\n      bash -c 'ls > /dev/null'\n",
    );
    let trap = project.folder.path().join("trap.sh");
    let canary = project.root.join("canary");
    fs::write(&trap, format!("touch '{}'\n", canary.display())).expect("written");
    let function = format!("() {{ touch '{}'; }}", canary.display());
    let mut otto = project.command(OTTO);
    otto.arg("a").env("BASH_ENV", &trap).env("ENV", &trap);
    otto.env("BASH_FUNC_ls%%", &function)
        .env("BASH_FUNC_cat%%", &function)
        .env("BASH_FUNC_printf%%", &function);
    otto.env("SHELLOPTS", "xtrace:noexec")
        .env("BASHOPTS", "extdebug")
        .env("PS4", format!("$(touch '{}')", canary.display()));
    otto.env("CDPATH", "/").env("IFS", "/t").env("GLOBIGNORE", "*").env("POSIXLY_CORRECT", "1");
    run(&mut otto).assert_status(0);
    assert!(!canary.exists(), "something of the caller's shell ran");
    let environment = fs::read_to_string(project.root.join("environment")).expect("the task ran");
    assert!(!environment.contains("BASH_ENV=") && !environment.contains("BASH_FUNC_ls"), "{environment}");
}

#[test]
fn all_records_are_private_whatever_the_umask() {
    let project = Project::new(
        "tasks:\n  a: {bash: 'OUTPUT[x]=1; umask > \"umask.$(umask)\"'}\n  p: {before: [a], python: 'OUTPUT[\"y\"] = 2'}\n  s: {streaming: true, bash: 'ls -l $OTTO_OUTPUT_PIPE > fifo; echo 1 > $OTTO_OUTPUT_PIPE'}\n  r: {streaming: true, before: [s, p], bash: 'cat $OTTO_INPUT_PIPE; exit 1'}\n",
    );
    let mut seen = 0;
    for umask in ["000", "077", "022"] {
        let mut otto = project.command("bash");
        otto.args(["-c", &format!("umask {umask}; \"$0\" r; \"$0\" History; \"$0\" Rerun"), OTTO]);
        run(&mut otto).assert_status(1);
        // The tasks' own.
        assert!(project.root.join(format!("umask.0{umask}")).exists(), "{umask}");
        assert!(fs::read_to_string(project.root.join("fifo")).expect("ran").starts_with("prw-------"));
        let mut folders = vec![project.home.clone()];
        while let Some(folder) = folders.pop() {
            let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o7777;
            assert_eq!(mode(&folder), 0o700, "{umask}: {}", folder.display());
            for entry in fs::read_dir(&folder).expect("readable").flatten() {
                let (path, kind) = (entry.path(), entry.file_type().expect("there"));
                if kind.is_dir() {
                    folders.push(path);
                } else if !kind.is_symlink() {
                    // A script can be run by hand.
                    let is_private = matches!(mode(&path), 0o600 | 0o700);
                    assert!(is_private, "{umask}: {:o} {}", mode(&path), path.display());
                    seen += 1;
                }
            }
        }
    }
    eprintln!("{seen} files under 3 umasks, all private");
}

#[test]
fn values_of_the_environment_are_not_stored() {
    const CANARY: &str = "c4n4ry-0f-a-s3cret";
    let project = Project::new(
        "otto: {envs: {COPY: \"$SECRET\"}}\ntasks:\n  a: {bash: 'test \"$SECRET\" = \"$COPY\"; OUTPUT[x]=1; export OTTO_Y=2'}\n  b: {before: [a], python: 'OUTPUT[\"z\"] = 1'}\n  c: {before: [b], envs: {OWN: \"x$SECRET\"}, bash: 'exit 1'}\n",
    );
    let ran = run(project.command(OTTO).args(["c"]).env("SECRET", CANARY));
    ran.assert_status(1);
    run(project.command(OTTO).args(["History"]).env("SECRET", CANARY)).assert_status(0);
    let mut files = 0;
    each_file(&project.home, &mut |path| {
        let bytes = fs::read(path).expect("readable");
        assert!(
            !bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()),
            "in {}",
            path.display()
        );
        files += 1;
    });
    assert!(files > 10);
    eprintln!("{files} files, none holds the value");
}

#[test]
fn a_task_has_three_descriptors() {
    let project = Project::new(
        r#"
tasks:
  b: {bash: "for fd in /proc/$$/fd/*; do [[ -e $fd ]] && OUTPUT[${fd##*/}]=$(readlink \"$fd\"); done; ls /proc/self/fd > ls"}
  p: {python: "import os, subprocess\nopen('py', 'w').write(subprocess.run(['ls', '/proc/self/fd'], close_fds=False, capture_output=True, text=True).stdout)"}
"#,
    );
    let others: Vec<fs::File> = (0..5).map(|_| fs::File::open("/dev/null").expect("opens")).collect();
    for file in &others {
        rustix::io::fcntl_setfd(file, rustix::io::FdFlags::empty()).expect("inheritable");
    }
    project.otto(&["b", "p"]).assert_status(0);
    drop(others);
    for file in ["ls", "py"] {
        let listed = fs::read_to_string(project.root.join(file)).expect("the task ran");
        // The fourth is the folder that `ls` itself reads.
        assert_eq!(listed.split_whitespace().collect::<Vec<_>>(), ["0", "1", "2", "3"], "{file}");
    }
}

#[test]
fn bombs_are_refused_at_once_and_in_little_memory() {
    let deep =
        |open: &str, close: &str| format!("tasks: {}{}\n", open.repeat(200_000), close.repeat(200_000));
    let laughs = (1..40).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        let before = format!("*a{}", level - 1);
        text + &format!("a{level}: &a{level} [{}]\n", [before.as_str(); 9].join(", "))
    });
    let bombs = [
        ("billion laughs", laughs + "tasks: {a: {bash: *a39}}\n"),
        ("merge keys", format!("{}tasks: {{}}\n", (0..20_000).map(|n| format!("k{n}: &k{n} {{<<: *k{}, x{n}: 1}}\n", n.max(1) - 1)).collect::<String>())),
        ("deep lists", deep("[", "]")),
        ("deep maps", deep("{a: ", "}")),
        ("deep open", deep("[", "")),
        ("deep blocks", (0..5_000).map(|level| format!("{}a:\n", " ".repeat(level))).collect()),
        ("deep dashes", format!("tasks:\n  {}x\n", "- ".repeat(100_000))),
        ("question marks", "? ".repeat(100_000)),
        ("a huge scalar", format!("tasks: {{a: {{bash: \"{}\"}}}}\nwrong: 1\n", "x".repeat(20_000_000))),
        ("a huge key", format!("tasks: {{a: {{{}: 1}}}}\n", "k".repeat(20_000_000))),
        ("many mistakes", format!("tasks:\n{}", "  a: {befor: []}\n".repeat(100_000))),
        ("tabs", format!("tasks:\n{}x", "\t".repeat(5_000_000))),
        ("NULs", "\0".repeat(5_000_000)),
        ("tags", "!".repeat(2_000_000)),
        ("anchors", (0..200_000).map(|n| format!("&a{n} ")).collect()),
        ("a huge range", "tasks: {a: {foreach: {range: 1..9223372036854775807, max_items: 9223372036854775807}, bash: x}}\n".to_owned()),
    ];
    let mut slowest = (Duration::ZERO, "");
    for (name, text) in &bombs {
        let project = Project::new(text);
        let begun = Instant::now();
        let mut otto = project.command("bash");
        otto.args(["-c", "ulimit -v 300000; exec \"$0\" \"$@\"", OTTO, "Check"]);
        let ran = run(&mut otto);
        assert_eq!(ran.status.code(), Some(2), "{name}: {:?}\n{:.2000}", ran.status, ran.stderr);
        // The second that is promised is that of an optimised build on a quiet machine.
        assert!(begun.elapsed() < Duration::from_secs(10), "{name} took {:?}", begun.elapsed());
        assert!(
            ran.stderr.len() + ran.stdout.len() < 200_000,
            "{name}: {} bytes of message",
            ran.stderr.len()
        );
        slowest = slowest.max((begun.elapsed(), name));
    }
    eprintln!("{} bombs under 300 MB; the slowest took {:?} ({})", bombs.len(), slowest.0, slowest.1);
}
