//! What otto promises on the command line, seen from outside: words, files and variables in; stdout, stderr and the
//! exit code out. Each test has a project and a home of its own.

mod builtin;
mod conditions;
mod contracts;
mod data;
mod display;
mod each;
mod envs;
mod fan_in;
mod fan_out;
mod find;
mod flow;
mod flow_pairs;
mod growing;
mod held;
mod hints;
mod fresh;
mod hostile;
mod include;
#[cfg(target_os = "linux")]
mod locks;
mod outcome;
mod outcomes;
mod params;
#[path = "../patience/mod.rs"]
mod patience;
mod refused;
mod resources;
#[cfg(target_os = "linux")]
mod resume;
mod services;
#[cfg(target_os = "linux")]
mod slurm;
mod secrets;
mod steps;
mod surroundings;
mod systems;
mod watch;
mod words;

use regex::Regex;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

/// No run of a test takes longer, on however slow a machine; one that hangs is killed and fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A project with a home of its own; gone when dropped.
pub struct Project {
    root: tempfile::TempDir,
    folder: PathBuf,
    environment: Vec<(String, String)>,
    patience: Duration,
}

/// A run of otto that has ended; what differs from run to run is replaced.
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Project {
    pub fn new(ottofile: &str) -> Project {
        let project = Project::empty("project");
        project.write("otto.yml", ottofile);
        project
    }

    /// A project without an ottofile, in a folder of this name.
    pub fn empty(name: &str) -> Project {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().canonicalize().expect("the folder is there").join(name);
        fs::create_dir_all(&folder).expect("the project's folder");
        Project { root, folder, environment: Vec::new(), patience: PATIENCE }
    }

    /// For runs of very many tasks.
    pub fn patient(mut self, patience: Duration) -> Project {
        self.patience = patience;
        self
    }

    pub fn with(mut self, name: &str, value: &str) -> Project {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder");
        fs::write(path, text).expect("written");
    }

    /// The text of a file of the project, `-` without one.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|_| "-".to_owned())
    }

    /// Where the runs are kept.
    pub fn task_home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// The directory of a task in the latest run.
    pub fn task(&self, name: &str) -> PathBuf {
        let home = self.root.path().join("home");
        let projects = fs::read_dir(home).expect("a home").flatten().map(|entry| entry.path());
        let project = projects.into_iter().find(|path| path.join("latest").exists()).expect("a run");
        project.join("latest/tasks").join(name)
    }

    /// otto itself, or another program that calls it.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env_clear();
        let otto = Path::new(env!("CARGO_BIN_EXE_otto")).parent().expect("the binary has a folder");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(otto.to_path_buf()).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(folders).expect("PATH"));
        command.env("HOME", self.root.path()).env("OTTO_HOME", self.root.path().join("home"));
        command.env("TERM", "dumb").env("LANG", "C.UTF-8").env("TZ", "UTC").env("COLUMNS", "100");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs otto with words that blanks separate.
    pub fn run(&self, words: &str) -> Ran {
        self.run_words(&words.split_whitespace().collect::<Vec<_>>())
    }

    pub fn run_words(&self, words: &[&str]) -> Ran {
        self.run_os(words)
    }

    pub fn run_os(&self, words: &[impl AsRef<OsStr>]) -> Ran {
        let mut command = self.command(env!("CARGO_BIN_EXE_otto"));
        command.args(words);
        self.end(command.spawn().expect("otto starts"))
    }

    /// Runs a line of bash that calls `otto`.
    pub fn shell(&self, line: &str) -> Ran {
        let mut command = self.command("bash");
        command.args(["--norc", "-c", line]);
        self.end(command.spawn().expect("bash starts"))
    }

    /// Runs otto with this as its stdin.
    pub fn feed(&self, words: &str, stdin: &str) -> Ran {
        let mut command = self.command(env!("CARGO_BIN_EXE_otto"));
        let mut child = command.args(words.split_whitespace()).stdin(Stdio::piped()).spawn().expect("starts");
        // A task that reads nothing may have closed it.
        let _ = child.stdin.take().expect("piped").write_all(stdin.as_bytes());
        self.end(child)
    }

    /// Waits for its end.
    pub fn end(&self, child: Child) -> Ran {
        let output = patience::output_within(self.patience, child);
        let status = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or_default());
        Ran { status, stdout: self.neutral(&output.stdout), stderr: self.neutral(&output.stderr) }
    }

    /// The text with what differs from run to run in fixed words of the same width where columns depend on it.
    fn neutral(&self, bytes: &[u8]) -> String {
        static TIME: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"( |in |after )\d+\.\d+s( |:|$|\n)").expect("a pattern"));
        static CHAIN: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"(?m) · slowest chain .*$").expect("a pattern"));
        static RUN: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"\b(run|Rerun|Logs|Show|Replay|Data) [0-9a-z]{4,6}\b").expect("a pattern")
        });
        // What ends the text of tasks for GitHub.
        static TOKEN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[0-9a-f]{32}").expect("a pattern"));
        let text = String::from_utf8_lossy(bytes);
        let root = self.root.path().canonicalize().expect("the folder is there");
        let text = text.replace(&*root.to_string_lossy(), "/you");
        let text = TOKEN.replace_all(&text, "TOKEN");
        let text = CHAIN.replace_all(&text, "");
        let text = RUN.replace_all(&text, "$1 RUN");
        // Twice: neighbours share a blank.
        let text = TIME.replace_all(&text, "${1}TIME$2").into_owned();
        TIME.replace_all(&text, "${1}TIME$2").into_owned()
    }
}

impl Ran {
    /// All that it said, for a snapshot.
    pub fn all(&self) -> String {
        let mut text = String::new();
        for (name, part) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !part.is_empty() {
                text.push_str(&format!("── {name}\n{part}"));
                if !part.ends_with('\n') {
                    text.push_str("⏎\n");
                }
            }
        }
        text + &format!("── exit {}", self.status)
    }

    /// What the tasks wrote, of a run that must succeed.
    #[track_caller]
    pub fn ok(&self) -> &str {
        assert_eq!(self.status, 0, "{}", self.all());
        &self.stdout
    }

    /// What otto said, of a request that must be refused before anything runs.
    #[track_caller]
    pub fn refused(&self) -> &str {
        assert_eq!((self.status, self.stdout.as_str()), (2, ""), "{}", self.all());
        assert!(self.stderr.starts_with("error["), "{}", self.all());
        &self.stderr
    }

    /// The words of the finish lines, as `name: word`, in alphabetical order.
    pub fn outcomes(&self) -> String {
        const WORDS: [&str; 7] = ["ok", "FAIL", "skip", "fresh", "INT", "LEAK", "TIMEOUT"];
        let mut found: Vec<String> = self
            .stderr
            .lines()
            .filter_map(|line| {
                // A finish line, or the title of the only failure of a run of one task.
                let line = line.trim_start();
                let (word, rest) = line.split_once("  ").or_else(|| line.split_once(' '))?;
                let name = rest.trim_start().split("  ").next()?.split(" · ").next()?;
                WORDS.contains(&word).then(|| format!("{name}: {word}"))
            })
            .collect();
        found.sort();
        found.dedup();
        found.join(", ")
    }
}
