//! Transcripts: `$ command` lines with what they print, run in a sandbox and compared as a whole.
//! What differs from run to run (times, ids of runs, the sandbox's own path) counts as equal. Knows nothing of
//! where a transcript is written.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One command and the output that is written under it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub command: String,
    pub output: String,
}

/// Takes a transcript apart. Lines that start with `> ` go on with the command above; text before the first
/// command belongs to none and is refused.
pub fn steps(transcript: &str) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    let mut in_command = false;
    for line in transcript.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_owned(), output: String::new() });
            in_command = true;
        } else if let Some(step) = steps.last_mut() {
            match line.strip_prefix("> ").or((line == ">").then_some("")) {
                Some(more) if in_command => {
                    step.command.push('\n');
                    step.command.push_str(more);
                }
                Some(_) | None => {
                    in_command = false;
                    step.output.push_str(line);
                    step.output.push('\n');
                }
            }
        } else {
            return Err(format!("a transcript starts with `$ `, not with `{line}`"));
        }
    }
    Ok(steps)
}

/// The inverse of [`steps`].
pub fn written(steps: &[Step]) -> String {
    steps
        .iter()
        .map(|step| {
            let command = step.command.replace('\n', "\n> ").replace("> \n", ">\n");
            format!("$ {command}\n{}", step.output)
        })
        .collect()
}

/// A folder of its own with a home of its own; gone when dropped.
pub struct Sandbox {
    root: tempfile::TempDir,
}

impl Sandbox {
    pub fn new() -> Sandbox {
        let root = tempfile::tempdir().expect("a temporary folder");
        for folder in ["you/project", "tmp"] {
            std::fs::create_dir_all(root.path().join(folder)).expect("a folder in the sandbox");
        }
        Sandbox { root }
    }

    /// Puts the stand-in for a cluster beside it.
    pub fn with_cluster(self) -> Sandbox {
        let commands = self.root.path().join("cluster/commands");
        std::fs::create_dir_all(&commands).expect("a folder in the sandbox");
        let fake = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slurm/slurm");
        for command in ["sbatch", "squeue", "scancel", "scontrol"] {
            std::os::unix::fs::symlink(&fake, commands.join(command)).expect("linked");
        }
        self
    }

    fn cluster(&self) -> Option<PathBuf> {
        Some(self.root.path().join("cluster")).filter(|cluster| cluster.exists())
    }

    /// Where commands run.
    pub fn project(&self) -> PathBuf {
        self.root.path().join("you/project")
    }

    /// Runs each command and gives the same steps with what they printed, stdout and stderr as one text.
    pub fn run(&self, steps: &[Step]) -> Vec<Step> {
        steps
            .iter()
            .map(|step| Step { command: step.command.clone(), output: self.output(&step.command) })
            .collect()
    }

    fn output(&self, command: &str) -> String {
        let otto = Path::new(env!("CARGO_BIN_EXE_otto")).parent().expect("the binary has a folder");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let commands = self.cluster().map(|cluster| cluster.join("commands"));
        let folders = std::iter::once(otto.to_path_buf()).chain(commands).chain(std::env::split_paths(&path));
        let path = std::env::join_paths(folders).expect("PATH");
        let child = Command::new("bash")
            .args(["--norc", "-c", &format!("exec 2>&1\n{command}")])
            .current_dir(self.project())
            .env_clear()
            .env("PATH", &path)
            .env("HOME", self.root.path().join("you"))
            .env("TMPDIR", self.root.path().join("tmp"))
            .env("USER", "you")
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("TERM", "dumb")
            .env("COLUMNS", "100")
            .envs(self.cluster().map(|cluster| ("FAKE_SLURM", cluster)))
            .stdin(Stdio::null())
            .output()
            .expect("bash");
        // The sandbox is shown as `/home`, wherever it is.
        let root = self.root.path().canonicalize().expect("the sandbox is there");
        let above: String =
            root.ancestors().skip(1).map(|folder| format!(", {}", folder.display())).collect();
        String::from_utf8_lossy(&child.stdout)
            .replace(&*path.to_string_lossy(), "/usr/local/bin:/usr/bin:/bin")
            .replace(&*root.join("tmp").to_string_lossy(), "/tmp")
            .replace(&*root.to_string_lossy(), "/home")
            .replace(&format!("/home{above}"), "/home, /")
    }
}

/// Copies a folder and all in it; the target may be there already.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder in the sandbox");
    for entry in std::fs::read_dir(from).expect("a folder to copy").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a file into the sandbox");
        }
    }
}

/// The steps that `wanted` should become: its own text where that is equal but for what differs from run to run.
pub fn settled(wanted: &[Step], got: &[Step]) -> Vec<Step> {
    let same = |a: &Step, b: &Step| neutral(&a.output) == neutral(&b.output);
    wanted.iter().zip(got).map(|(wanted, got)| if same(wanted, got) { wanted } else { got }.clone()).collect()
}

/// The text with everything that differs from run to run as fixed words: durations, times and ages, ids of runs and processes, hashes
/// of folders, sizes, the machine's name. In a line where something was replaced, blanks count as one.
pub fn neutral(text: &str) -> String {
    text.lines().map(|line| neutral_line(line) + "\n").collect()
}

fn neutral_line(line: &str) -> String {
    // Said only of runs that take a while.
    let line = line.split(" · slowest chain ").next().unwrap_or(line);
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut neutral: Vec<String> = Vec::with_capacity(words.len());
    let mut place = 0;
    while let Some(word) = words.get(place) {
        let start = word.len() - word.trim_start_matches(['`', '(', '└', '├']).len();
        let bare = word[start..].trim_end_matches(['`', ',', ')', ':', '.']);
        let (before, after) = (&word[..start], &word[start + bare.len()..]);
        let last = if place == 0 { "" } else { words[place - 1] };
        let rest: Vec<&str> =
            words[place + 1..].iter().map(|word| word.trim_end_matches([',', ')'])).collect();
        let is_number = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let (kept, used) = match rest.as_slice() {
            ["s" | "min" | "h" | "d", "ago", ..] if is_number => ("AGE", 3),
            ["B" | "kB" | "MB" | "GB", ..] if is_number => ("SIZE", 2),
            // The first column of a table of runs.
            [_, _, "ago", ..] if place == 0 && is_run_id(bare) => ("RUN", 1),
            // Before durations: `761s` may be the id of a run.
            _ if ["run", "Rerun", "Logs", "Show", "Replay", "Data"].contains(&last) && is_run_id(bare) => {
                ("RUN", 1)
            }
            _ if last == "(pid" && is_number => ("PID", 1),
            _ if is_duration(bare) => ("TIME", 1),
            _ if is_date(bare) => ("DATE", 1),
            _ if is_clock(bare) => ("CLOCK", 1),
            _ if last == "on" && words[0] == "by" => ("HOST", 1),
            _ => ("", 1),
        };
        if kept.is_empty() {
            neutral.push(without_run_names(word));
        } else {
            neutral.push(format!("{before}{kept}{after}"));
        }
        place += used;
    }
    // The titles of a table stand where its widest cells want them.
    let is_title = words.starts_with(&["run", "when"]);
    if !is_title && neutral.iter().map(String::as_str).eq(words) {
        line.to_owned()
    } else {
        neutral.join(" ")
    }
}

/// `2026-11-23`
fn is_date(word: &str) -> bool {
    word.len() == 10
        && word.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// `23:28` or `23:28:09`
fn is_clock(word: &str) -> bool {
    let parts: Vec<&str> = word.split(':').collect();
    (2..=3).contains(&parts.len())
        && parts.iter().all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `0.9s`, `14.6s`, `3m12s`, `1h04m`, `12ms`.
fn is_duration(word: &str) -> bool {
    let mut rest = word;
    let mut units = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let unit = &rest[digits..];
        let length = if unit.starts_with("ms") { 2 } else { 1 };
        if digits == 0 || !unit.starts_with(['h', 'm', 's']) {
            return false;
        }
        rest = &unit[length..];
        units += 1;
    }
    units > 0
}

fn is_run_id(word: &str) -> bool {
    (4..=6).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
}

/// Names of run directories (`20261123-215400.123456-k3f9ab`) and of project directories (`project-0123456789ab`)
/// inside a path, as fixed words.
fn without_run_names(word: &str) -> String {
    word.split('/')
        .map(|part| {
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            let is_run = part.len() == 29 && digits(&part[..8]) && part.as_bytes()[8] == b'-';
            let is_project = part.rsplit_once('-').is_some_and(|(_, hash)| {
                hash.len() == 12 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
            });
            if is_run {
                "RUN"
            } else if is_project {
                "PROJECT"
            } else {
                part
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}
