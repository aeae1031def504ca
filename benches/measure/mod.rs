//! How every bench of otto measures: cases in turn, round after round, beside a floor that is measured in the same run, so
//! that whatever else the machine does meets all of them alike. What counts is the CPU time of otto and of everything it
//! started, or the time on the clock; medians and ratios come out as a short table.
//! Knows nothing of what is measured.

// Each bench uses its part of this.
#![allow(dead_code)]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What one piece of work cost.
#[derive(Clone, Copy)]
pub struct Cost {
    /// Of this process and of every process below it that has ended.
    pub cpu: Duration,
    pub clock: Duration,
}

/// Which of the two a table shows.
#[derive(Clone, Copy)]
pub enum Unit {
    Cpu,
    Clock,
}

/// The most that a case may cost before the bench fails.
#[derive(Clone, Copy)]
pub enum Limit {
    /// So many times the floor.
    Ratio(f64),
    Time(Duration),
    /// So many times the floor is wanted; missing it is shown and fails nothing.
    Goal(f64),
    /// Shown and not judged.
    None,
}

struct Case<'a> {
    name: String,
    limit: Limit,
    /// How often one call does what is measured: costs are shown for one.
    times: u32,
    work: Box<dyn FnMut() + 'a>,
}

/// Cases that are measured in turn, the floor first.
pub struct Group<'a> {
    title: String,
    unit: Unit,
    cases: Vec<Case<'a>>,
}

impl<'a> Group<'a> {
    /// A group whose ratios are those to `floor`.
    pub fn new(title: &str, unit: Unit, floor: &str, times: u32, work: impl FnMut() + 'a) -> Group<'a> {
        Group { title: title.to_owned(), unit, cases: Vec::new() }.case(floor, Limit::None, times, work)
    }

    pub fn case(mut self, name: &str, limit: Limit, times: u32, work: impl FnMut() + 'a) -> Group<'a> {
        self.cases.push(Case { name: name.to_owned(), limit, times, work: Box::new(work) });
        self
    }

    /// Measures and prints; whether every case kept its limit. Skipped, as one that did, when the command line names
    /// other groups: `cargo bench --bench data -- python`.
    pub fn run(mut self) -> bool {
        let chosen: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
        if !chosen.is_empty() && !chosen.iter().any(|word| self.title.contains(word.as_str())) {
            return true;
        }
        let rounds = rounds();
        // The first round fills caches and is not counted.
        let mut seconds: Vec<Vec<f64>> = vec![Vec::new(); self.cases.len()];
        for round in 0..=rounds {
            for (case, seconds) in self.cases.iter_mut().zip(&mut seconds) {
                let cost = cost(&mut case.work);
                let chosen = match self.unit {
                    Unit::Cpu => cost.cpu,
                    Unit::Clock => cost.clock,
                };
                if round > 0 {
                    seconds.push(chosen.as_secs_f64() / f64::from(case.times));
                }
            }
        }
        let unit = match self.unit {
            Unit::Cpu => "CPU time",
            Unit::Clock => "time on the clock",
        };
        println!("\n{}: {unit}, median of {rounds} rounds", self.title);
        let width = self.cases.iter().map(|case| case.name.chars().count()).max().unwrap_or(0);
        let mut is_kept = true;
        for (case, costs) in self.cases.iter().zip(&seconds) {
            // The median of the ratios, not the ratio of medians: what disturbed a round disturbed all of it.
            let ratio = median(costs.iter().zip(&seconds[0]).map(|(cost, floor)| cost / floor).collect());
            let middle = median(costs.clone());
            let (limit, keeps) = match case.limit {
                Limit::None => (String::new(), true),
                Limit::Ratio(most) => (format!("   at most {most} ×"), ratio <= most),
                Limit::Goal(wanted) => {
                    let verdict = if ratio <= wanted { "" } else { ", not reached" };
                    (format!("   goal {wanted} ×{verdict}"), true)
                }
                Limit::Time(most) => {
                    (format!("   at most {}", shown(most.as_secs_f64())), middle <= most.as_secs_f64())
                }
            };
            let verdict = if keeps { "" } else { ": MISSED" };
            println!("  {:width$}  {:>9}  {ratio:6.2} ×{limit}{verdict}", case.name, shown(middle));
            is_kept &= keeps;
        }
        is_kept
    }
}

/// Rounds that count: `OTTO_BENCH_ROUNDS`, or 15.
pub fn rounds() -> usize {
    std::env::var("OTTO_BENCH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(15).max(1)
}

pub fn cost(work: &mut dyn FnMut()) -> Cost {
    let (cpu, clock) = (cpu(), Instant::now());
    work();
    Cost { clock: clock.elapsed(), cpu: self::cpu() - cpu }
}

/// CPU time so far of this process and of its children that have ended, with theirs.
fn cpu() -> Duration {
    let used = |who| {
        // SAFETY: `rusage` is plain numbers, for which zero is a value, and `getrusage` writes nothing else.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            assert_eq!(libc::getrusage(who, &raw mut usage), 0, "getrusage");
            usage
        };
        [usage.ru_utime, usage.ru_stime]
            .map(|time| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000))
            .iter()
            .sum::<Duration>()
    };
    used(libc::RUSAGE_SELF) + used(libc::RUSAGE_CHILDREN)
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

fn shown(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 0.000_995 => format!("{:.0} µs", seconds * 1e6),
        seconds if seconds < 0.0995 => format!("{:.2} ms", seconds * 1e3),
        seconds if seconds < 0.995 => format!("{:.0} ms", seconds * 1e3),
        seconds => format!("{seconds:.2} s"),
    }
}

/// A project and a home of otto in a folder that goes when this does.
pub struct Sandbox {
    folder: tempfile::TempDir,
    path: Option<PathBuf>,
}

impl Sandbox {
    pub fn new(ottofile: &str) -> Sandbox {
        // In memory where that is to be had: the disk is not what is measured.
        let memory = Path::new("/dev/shm");
        let folder = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).expect("a folder");
        let sandbox = Sandbox { folder, path: None };
        fs::create_dir(sandbox.project()).expect("a project");
        sandbox.write("otto.yml", ottofile);
        sandbox
    }

    /// Lets programs of this folder come first on the `PATH` of otto.
    pub fn with_path(mut self, folder: &Path) -> Sandbox {
        self.path = Some(folder.to_owned());
        self
    }

    pub fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.project().join(name), text).expect("written");
    }

    /// The release build of otto, or another one that `OTTO_BENCH_BINARY` names, with nothing of the user's environment that
    /// would change what it does.
    pub fn otto<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Command {
        let other = std::env::var_os("OTTO_BENCH_BINARY");
        let mut command = Command::new(other.unwrap_or_else(|| env!("CARGO_BIN_EXE_otto").into()));
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"OTTO") {
                command.env_remove(name);
            }
        }
        if let Some(first) = &self.path {
            let rest = std::env::var_os("PATH").unwrap_or_default();
            let folders = std::iter::once(first.clone()).chain(std::env::split_paths(&rest));
            command.env("PATH", std::env::join_paths(folders).expect("folders"));
        }
        command.env("OTTO_HOME", self.home()).current_dir(self.project()).args(words);
        command
    }

    /// Runs otto, which must succeed.
    pub fn run<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) {
        succeed(&mut self.otto(words));
    }
}

/// Runs a command without a terminal; a measurement of a failure would mean nothing.
pub fn succeed(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("started");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Memory at its peak, in KiB, of the largest process of a command, which must succeed.
// The child is waited for, by a call that also tells what it used.
#[allow(clippy::zombie_processes)]
pub fn peak_kib(command: &mut Command) -> u64 {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("started");
    // SAFETY: as in `cpu`; and nobody else waits for this child.
    let (status, usage) = unsafe {
        let (mut status, mut usage): (i32, libc::rusage) = (0, std::mem::zeroed());
        let pid = child.id() as i32;
        assert_eq!(libc::wait4(pid, &raw mut status, 0, &raw mut usage), pid, "wait4");
        (status, usage)
    };
    assert_eq!(status, 0, "{command:?}");
    usage.ru_maxrss as u64
}

/// Ends the bench: 1 when a limit was missed.
pub fn verdict(is_kept: impl IntoIterator<Item = bool>) -> std::process::ExitCode {
    // Every group is measured before any is judged.
    let missed = is_kept.into_iter().filter(|kept| !kept).count();
    if missed == 0 { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}
