//! How long it takes from saving a file to the start of a task under `--watch`, in a folder with many files:
//! `cargo bench --bench watch`. `OTTO_BENCH_FILES` sets how many, 20,000 otherwise.
#![allow(clippy::print_stdout)]

mod measure;

use measure::{Sandbox, median, rounds, verdict};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Changes within this time are one.
const DEBOUNCE: Duration = Duration::from_millis(50);

/// What otto may take beyond that.
const LIMIT: Duration = Duration::from_millis(150);

fn main() -> ExitCode {
    let files = std::env::var("OTTO_BENCH_FILES").ok().and_then(|files| files.parse().ok()).unwrap_or(20_000);
    let watched = Watched::new(files);
    println!("\nfrom saving a file to the start of the task, {files} files, median of {} rounds", rounds());
    let known = watched.latency("a known file", &|round| format!("src/{}/file-{round}", round % 100));
    let new = watched.latency("a new file", &|round| format!("src/{}/new-{round}", round % 100));
    let folder = watched.latency("a file in a new folder", &|round| format!("src/new-{round}/file"));
    verdict([known, new, folder])
}

/// A project, and otto that watches it. Its task writes to a named pipe when it starts.
struct Watched {
    sandbox: Sandbox,
    bell: PathBuf,
}

/// Ends with the bench, whatever ends that.
struct Watcher(Child, BufReader<ChildStderr>);

impl Watched {
    fn new(files: usize) -> Watched {
        let sandbox = Sandbox::new("tasks: {t: {bash: 'echo > \"$BELL\"'}}\n");
        for folder in 0..100 {
            fs::create_dir_all(sandbox.project().join(format!("src/{folder}"))).expect("made");
        }
        for file in 0..files {
            sandbox.write(&format!("src/{}/file-{file}", file % 100), "");
        }
        let bell = sandbox.project().with_file_name("bell");
        let made = Command::new("mkfifo").arg(&bell).status().expect("mkfifo starts");
        assert!(made.success(), "mkfifo");
        Watched { sandbox, bell }
    }

    /// Whether otto keeps the limit when these files are saved one after the other.
    fn latency(&self, what: &str, name: &dyn Fn(usize) -> String) -> bool {
        let mut command = self.sandbox.otto(["--watch", "t"]);
        command.env("BELL", &self.bell).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("started");
        let said = BufReader::new(child.stderr.take().expect("piped"));
        let mut watcher = Watcher(child, said);
        self.rung();
        watcher.until_it_watches();
        let mut seconds = Vec::new();
        for round in 0..=rounds() {
            let path = self.sandbox.project().join(name(round));
            let begin = Instant::now();
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(&path, format!("{round}\n")).expect("saved");
            self.rung();
            // The first round fills caches and is not counted.
            if round > 0 {
                seconds.push(begin.elapsed().as_secs_f64());
            }
            watcher.until_it_watches();
        }
        let middle = median(seconds);
        let is_kept = middle <= (DEBOUNCE + LIMIT).as_secs_f64();
        let miss = if is_kept { "" } else { ": MISSED" };
        println!(
            "  {what:22}  {:4.0} ms   at most {} + {} ms{miss}",
            middle * 1e3,
            DEBOUNCE.as_millis(),
            LIMIT.as_millis()
        );
        is_kept
    }

    /// Waits until the task has started.
    fn rung(&self) {
        let mut pipe = fs::File::open(&self.bell).expect("the pipe");
        pipe.read_to_end(&mut Vec::new()).expect("read");
    }
}

impl Watcher {
    fn until_it_watches(&mut self) {
        let mut line = String::new();
        while !line.starts_with("watching ") {
            line.clear();
            assert!(self.1.read_line(&mut line).expect("read") > 0, "otto has ended");
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // It may have ended by itself, which has been told then.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
