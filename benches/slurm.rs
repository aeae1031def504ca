//! What a run on a cluster costs beside what the cluster itself takes, on a real Slurm of two nodes that it brings up on this
//! machine: `cargo bench --bench slurm`. The floor is a script that calls `sbatch` and looks every 10 ms for a file that the job
//! makes. `OTTO_BENCH_ROUNDS` sets the rounds, 3 otherwise: each takes a minute.
#![allow(clippy::print_stdout)]

mod measure;

use measure::{Group, Limit, Sandbox, Unit, median, peak_kib, succeed, verdict};
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

fn main() -> ExitCode {
    let called = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    if called.file_name().is_some_and(|name| name == "sbatch") {
        return stand_in();
    }
    if called.file_name().is_some_and(|name| name == "squeue" || name == "scancel" || name == "scontrol") {
        if let Some(calls) = std::env::var_os("BENCH_CALLS") {
            note(Path::new(&calls), &called.file_name().unwrap_or_default().to_string_lossy());
        }
        return ExitCode::SUCCESS;
    }
    if !Path::new("/usr/sbin/slurmctld").exists() {
        println!("Slurm is not installed; `script/setup` installs it");
        return ExitCode::FAILURE;
    }
    if std::env::var_os("OTTO_BENCH_ROUNDS").is_none() {
        // SAFETY: nothing else runs in this process yet.
        unsafe { std::env::set_var("OTTO_BENCH_ROUNDS", "3") };
    }
    let (node, many) = (node(), many(10_000));
    let tuned = Cluster::up("");
    let kept = [chain(&tuned, 20, "Slurm that starts jobs at once"), fan(&tuned, 200), driver(&tuned)];
    drop(tuned);
    let usual = Cluster::up("1");
    verdict([node, many, chain(&usual, 5, "Slurm as it is")].into_iter().chain(kept))
}

struct Cluster(tempfile::TempDir);

impl Cluster {
    /// `usual` is `1` for Slurm's own pace.
    fn up(usual: &str) -> Cluster {
        let root = tempfile::tempdir().expect("a folder");
        let port = 20_000 + (std::process::id() % 1000) * 12 + if usual.is_empty() { 0 } else { 3 };
        let owner = std::process::id().to_string();
        let mut up = script("up.sh");
        up.arg(root.path().join("cluster")).arg(port.to_string()).arg(owner).env("USUAL", usual);
        succeed(&mut up);
        Cluster(root)
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("cluster")
    }

    fn with(&self, mut command: Command) -> Command {
        command.env("SLURM_CONF", self.folder().join("slurm.conf")).env("OTTO_EXECUTOR", "slurm");
        command
    }

    /// The floor: lines of bash with the function `job NAME WORD...`, which submits a job that makes the file `done/NAME`, and
    /// `until_done NAME...`.
    fn floor(&self, sandbox: &Sandbox, lines: &str) {
        let functions = r#"
            set -e; rm -rf done; mkdir done
            job() { local name=$1; shift; sbatch --parsable --output=/dev/null "$@" --wrap "touch '$PWD/done/$name'\${SLURM_ARRAY_TASK_ID:+.\$SLURM_ARRAY_TASK_ID}" >/dev/null; }
            until_done() { local name; for name; do until [ -e "done/$name" ]; do sleep 0.01; done; done; }
        "#;
        let mut command = Command::new("bash");
        command.args(["-c", &format!("{functions}\n{lines}")]).current_dir(sandbox.project());
        succeed(&mut self.with(command));
    }

    fn otto(&self, sandbox: &Sandbox, words: &[&str]) {
        succeed(&mut self.with(sandbox.otto(words)));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        succeed(script("down.sh").arg(self.folder()));
    }
}

fn script(name: &str) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slurm").join(name);
    let mut command = Command::new("bash");
    command.arg(path);
    command
}

/// Each task waits for the one before.
fn chain(cluster: &Cluster, length: u32, how: &str) -> bool {
    let task = |n: u32| match n {
        1 => "  t1: {bash: ':'}\n".to_owned(),
        _ => format!("  t{n}: {{needs: [t{}], bash: ':'}}\n", n - 1),
    };
    let sandbox = Sandbox::new(&format!("tasks:\n{}", (1..=length).map(task).collect::<String>()));
    let last = format!("t{length}");
    let lines = format!("for n in $(seq {length}); do job t$n; until_done t$n; done");
    Group::new(
        &format!("a chain of {length}, {how}"),
        Unit::Clock,
        "sbatch, then a look each 10 ms",
        1,
        || {
            cluster.floor(&sandbox, &lines);
        },
    )
    .case("otto", Limit::Ratio(1.1), 1, || cluster.otto(&sandbox, &["-q", &last]))
    .run()
}

/// One task, then many, then one. The limit is for the better of two floors.
fn fan(cluster: &Cluster, width: u32) -> bool {
    let sandbox = Sandbox::new(&format!(
        "tasks:\n  first: {{bash: ':'}}\n  each: {{needs: [first], foreach: {{range: 1..{width}}}, bash: ':'}}\n  \
         last: {{needs: [each], bash: ':'}}\n"
    ));
    let around = |middle: &str| format!("job first; until_done first; {middle}; job last; until_done last");
    let one_by_one = around(&format!(
        "for n in $(seq {width}); do job each.$n; done; until_done $(seq -f each.%g {width})"
    ));
    let array = around(&format!("job each --array=1-{width}; until_done $(seq -f each.%g {width})"));
    let title = format!("1, then {width}, then 1");
    Group::new(&title, Unit::Clock, "an array", 1, || cluster.floor(&sandbox, &array))
        .case("sbatch one by one", Limit::None, 1, || cluster.floor(&sandbox, &one_by_one))
        .case("otto", Limit::Ratio(1.15), 1, || cluster.otto(&sandbox, &["-q", "-j", "200", "last"]))
        .run()
}

/// What otto does while a hundred jobs run for a minute and nothing ends.
fn driver(cluster: &Cluster) -> bool {
    let sandbox = Sandbox::new("tasks: {wait: {foreach: {range: 1..100}, bash: 'sleep 60'}}");
    let count = |label: &str| {
        let (seconds, memory) = (Instant::now(), peak_kib(&mut cluster.with(sandbox.otto(["-q", "wait"]))));
        println!("  {label}: {:.1} s, {memory} KiB at most", seconds.elapsed().as_secs_f64());
    };
    println!("\na hundred jobs that run for a minute");
    let cost = measure::cost(&mut || count("otto"));
    let share = cost.cpu.as_secs_f64() / cost.clock.as_secs_f64() * 100.0;
    // With what the submission of a hundred jobs costs, and the commands of Slurm themselves.
    let is_kept = share <= 1.0;
    println!("  CPU of otto and of Slurm's commands {share:.2} % of a core   at most 1 %{}", judged(is_kept));
    is_kept
}

/// What otto on a node adds to a task. A stand-in for `sbatch` runs the job and measures it.
fn node() -> bool {
    let commands = tempfile::tempdir().expect("a folder");
    let own = std::env::current_exe().expect("a path");
    for name in ["sbatch", "squeue", "scancel", "scontrol"] {
        symlink(&own, commands.path().join(name)).expect("linked");
    }
    let costs = commands.path().join("costs");
    let sandbox = Sandbox::new("tasks: {t: {bash: ':'}}").with_path(commands.path());
    let mut bare = Vec::new();
    for round in 0..=15 {
        let mut otto = sandbox.otto(["-q", "t"]);
        succeed(otto.env("OTTO_EXECUTOR", "slurm").env("BENCH_COSTS", &costs));
        let begun = Instant::now();
        succeed(Command::new("bash").args(["-c", ":"]));
        if round > 0 {
            bare.push(begun.elapsed().as_secs_f64());
        }
    }
    let bare_kib = peak_kib(Command::new("bash").args(["-c", ":"]));
    let text = fs::read_to_string(&costs).expect("costs");
    let rows = text.lines().skip(1).filter_map(|line| line.split_once(' '));
    let (seconds, kib): (Vec<f64>, Vec<f64>) = rows
        .map(|(seconds, kib)| (seconds.parse().unwrap_or(f64::NAN), kib.parse().unwrap_or(f64::NAN)))
        .unzip();
    let more = (median(seconds) - median(bare)) * 1e3;
    let more_mib = (median(kib) - bare_kib as f64) / 1024.0;
    let is_kept = more <= 20.0 && more_mib <= 10.0;
    println!("\na node, over a body that does nothing: median of 15 rounds");
    println!("  {more:.1} ms and {more_mib:.1} MiB   at most 20 ms and 10 MiB{}", judged(is_kept));
    is_kept
}

/// What the otto of a run costs with very many jobs that end at once. A stand-in for `sbatch` writes down their ends.
fn many(jobs: u32) -> bool {
    let commands = tempfile::tempdir().expect("a folder");
    let own = std::env::current_exe().expect("a path");
    for name in ["sbatch", "squeue", "scancel", "scontrol"] {
        symlink(&own, commands.path().join(name)).expect("linked");
    }
    let calls = commands.path().join("calls");
    let sandbox = Sandbox::new(&format!(
        "tasks: {{t: {{foreach: {{range: 1..{jobs}, max_items: {jobs}}}, bash: ':'}}}}"
    ))
    .with_path(commands.path());
    let mut otto = sandbox.otto(["-q", "-j", "2000", "t"]);
    otto.env("OTTO_EXECUTOR", "slurm").env("BENCH_INSTANT", "1").env("BENCH_CALLS", &calls);
    let begun = Instant::now();
    let mut child = otto.stdin(Stdio::null()).spawn().expect("started");
    let (mut cpu, mut memory, mut threads) = (0.0_f64, 0_u64, 0_usize);
    let status = loop {
        if let Some(engine) = engine_below(child.id()) {
            let of = |name: &str| fs::read_to_string(format!("/proc/{engine}/{name}")).unwrap_or_default();
            cpu = cpu.max(own_cpu(&of("stat")));
            let field = |name: &str| -> Option<u64> {
                of("status")
                    .lines()
                    .find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
            };
            memory = memory.max(field("VmHWM:").unwrap_or(0));
            threads = threads.max(field("Threads:").unwrap_or(0) as usize);
        }
        if let Some(status) = child.try_wait().expect("ours") {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert!(status.success(), "{status}");
    let clock = begun.elapsed().as_secs_f64();
    let asked = fs::read_to_string(&calls).unwrap_or_default().matches("squeue").count();
    let left = fs::read_dir(sandbox.home()).expect("a home").flatten().flat_map(|project| {
        let entries = fs::read_dir(project.path().join("latest/slurm")).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<String>>()
    });
    let left: Vec<String> = left.filter(|name| name.starts_with(|c: char| c.is_ascii_digit())).collect();
    let (each, mib) = (cpu / f64::from(jobs) * 1e3, memory as f64 / 1024.0);
    let most_asked = (clock / 10.0).ceil() as usize + 1;
    let is_kept = each <= 3.0 && mib <= 150.0 && asked <= most_asked && left.is_empty();
    println!("\n{jobs} jobs that end at once, -j 2000, in {clock:.0} s");
    println!("  {each:.2} ms of CPU a job and {mib:.0} MiB   at most 3 ms and 150 MiB{}", judged(is_kept));
    println!(
        "  {asked} calls of squeue   at most {most_asked}; {threads} threads; left in `slurm`: {left:?}"
    );
    is_kept
}

/// The process that drives the run, below the one that was started.
fn engine_below(parent: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    let is_engine = |pid: &u32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "run-engine")
    };
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).find(is_engine)
}

/// Seconds of CPU that a process used itself, without its children, from its line in /proc.
fn own_cpu(stat: &str) -> f64 {
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
    // SAFETY: it only answers a number.
    (ticks(11) + ticks(12)) / unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64
}

fn note(calls: &Path, name: &str) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(calls).expect("opened");
    writeln!(file, "{name}").expect("written");
}

/// As a node whose task ends well at once: of each attempt its beginning, its end and the bell.
fn end_at_once(list: &Path) {
    let folder = list.parent().expect("a folder");
    let names = match fs::read_to_string(list) {
        Ok(lines) => lines.lines().map(str::to_owned).collect(),
        Err(_) => vec![list.file_name().expect("a name").to_string_lossy().into_owned()],
    };
    for name in names {
        let attempt = folder.join(&name);
        let record = |place: &str, file: &str, text: &str| {
            let unfinished = attempt.join(format!("{place}.bench"));
            fs::create_dir(&unfinished).expect("made");
            fs::write(unfinished.join(file), text).expect("written");
            fs::rename(unfinished, attempt.join(place)).expect("renamed");
        };
        fs::remove_file(attempt.join("launch")).expect("a launch");
        record("begun", "begun.json", r#"{"host": "node1"}"#);
        let end = r#"{"host": "node1", "exit": {"how": "code", "status": 0}, "cause": null, "leaked": [],
            "survivors": 0, "stdout_bytes": 0, "stderr_bytes": 0, "log_error": null}"#;
        record("ended", "end.json", end);
        fs::write(folder.join("bells").join(&name), "").expect("rung");
    }
}

fn judged(is_kept: bool) -> &'static str {
    if is_kept { "" } else { ": MISSED" }
}

/// As `sbatch`: runs the job to its end, and writes down seconds and the most memory in KiB.
fn stand_in() -> ExitCode {
    let words: Vec<OsString> =
        std::env::args_os().skip(1).skip_while(|word| word.as_encoded_bytes().starts_with(b"--")).collect();
    let Some((job, words)) = words.split_first() else { return ExitCode::SUCCESS };
    if std::env::var_os("BENCH_INSTANT").is_some() {
        end_at_once(Path::new(&words[1]));
        println!("1");
        return ExitCode::SUCCESS;
    }
    // Slurm takes the text of the script: it need not be executable.
    let mut command = Command::new("sh");
    command
        .arg(job)
        .args(words)
        .env("SLURM_JOB_ID", "1")
        .env("SLURMD_NODENAME", "node1")
        .stderr(Stdio::null());
    let begun = Instant::now();
    let kib = peak_kib(&mut command);
    let seconds = begun.elapsed().as_secs_f64();
    let costs = std::env::var_os("BENCH_COSTS").expect("a file");
    let mut file = fs::OpenOptions::new().create(true).append(true).open(costs).expect("opened");
    writeln!(file, "{seconds} {kib}").expect("written");
    println!("1");
    ExitCode::SUCCESS
}
