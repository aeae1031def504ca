//! Makefiles run by make and, converted, by otto: every command that a target starts has to get the same words and the
//! same variables, in the same order, and the end has to be the same; or the task says at its start what is missing.
//! Stubs that write down how they are called stand for every command.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

const STUB: &str = include_str!("convert/stub.sh");
const MAKE: &str = "/usr/bin/make";

/// A Makefile with the files and the environment that it is run in.
struct Project {
    makefile: String,
    files: Vec<(String, String)>,
    environment: Vec<(String, String)>,
}

impl Project {
    /// `#: file NAME`, `#: text NAME LINE` and `#: env NAME=VALUE` say what is around the Makefile.
    fn read(makefile: &str) -> Project {
        let mut project =
            Project { makefile: makefile.to_owned(), files: Vec::new(), environment: Vec::new() };
        for line in makefile.lines().filter_map(|line| line.strip_prefix("#: ")) {
            let (word, rest) = line.split_once(' ').expect("a word and its rest");
            match word {
                "file" => {
                    project.files.extend(rest.split_whitespace().map(|name| (name.to_owned(), String::new())))
                }
                "text" => {
                    let (name, text) = rest.split_once(' ').expect("a name and a text");
                    let text = text.replace("\\n", "\n").replace("\\t", "\t");
                    project.files.push((name.to_owned(), text + "\n"));
                }
                // Commands whose names the Makefile puts together.
                "command" => project.makefile.push_str(&format!("\n# {rest}")),
                "env" => {
                    let (name, value) = rest.split_once('=').expect("a name and a value");
                    project.environment.push((name.to_owned(), value.to_owned()));
                }
                _ => panic!("unknown: {line}"),
            }
        }
        project
    }

    /// Words that may be commands, and names that may be variables.
    fn words(&self) -> BTreeSet<String> {
        let mut text = self.makefile.clone();
        self.files.iter().for_each(|(_, more)| text.push_str(more));
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_+.-".contains(c);
        let words =
            text.split(|c| !is_part(c)).filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()));
        words.chain(["make"]).map(str::to_owned).collect()
    }

    fn lay_out(&self, folder: &Path) {
        fs::create_dir_all(folder.join("stubs")).expect("a folder");
        fs::create_dir_all(folder.join("work")).expect("a folder");
        fs::write(folder.join("log"), "").expect("written");
        let stub = folder.join("stub");
        fs::write(&stub, STUB).expect("written");
        fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).expect("changed");
        for word in self.words() {
            let target = if word == "make" { Path::new(MAKE) } else { stub.as_path() };
            std::os::unix::fs::symlink(target, folder.join("stubs").join(word)).expect("linked");
        }
        for (name, text) in &self.files {
            let path = folder.join("work").join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).expect("a folder");
            }
            if !name.ends_with('/') {
                fs::write(path, text).expect("written");
            }
        }
        fs::write(folder.join("work/Makefile"), &self.makefile).expect("written");
    }

    fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(program);
        let watched: Vec<String> = self.words().into_iter().filter(|word| is_variable(word)).collect();
        command
            .env_clear()
            .env("PATH", folder.join("stubs"))
            .env("HOME", "/home/user")
            .env("USER", "user")
            .envs(self.environment.iter().cloned())
            .env("STUB_LOG", folder.join("log"))
            .env("STUB_FOLDER", folder.join("work").canonicalize().expect("there"))
            .env("STUB_WATCHED", watched.join(" "))
            .env("OTTO_HOME", folder.join("home"))
            .current_dir(folder.join("work"));
        command
    }
}

fn is_variable(word: &str) -> bool {
    let is_own = [
        "PWD",
        "OLDPWD",
        "SHLVL",
        "PPID",
        "OPTIND",
        "IFS",
        "PS1",
        "PS2",
        "PS4",
        "MAKEFLAGS",
        "MAKE",
        "MAKELEVEL",
    ];
    word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !is_own.contains(&word)
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Same,
    /// The task said at its start what was not taken over.
    Refused(String),
    Different(String),
}

/// What a run of one target called, and whether it succeeded.
struct Trace {
    calls: String,
    is_ok: bool,
    output: Output,
}

fn trace(project: &Project, program: &str, arguments: &[&str], prepare: impl Fn(&Path)) -> Trace {
    let folder = tempfile::tempdir().expect("a folder");
    project.lay_out(folder.path());
    prepare(folder.path());
    let output = project.command(program, folder.path()).args(arguments).output().expect("it runs");
    let calls = fs::read(folder.path().join("log")).expect("a log");
    let real = folder.path().canonicalize().expect("there");
    let calls = String::from_utf8_lossy(&calls).replace(&real.display().to_string(), "FOLDER");
    let is_ok = output.status.success();
    Trace { calls, is_ok, output }
}

fn otto() -> &'static str {
    env!("CARGO_BIN_EXE_otto")
}

/// The converted file, and what Convert said about it.
fn converted(project: &Project) -> (String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    project.lay_out(folder.path());
    let output =
        project.command(otto(), folder.path()).args(["Convert", "Makefile"]).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // A folder is known by its path; each run has its own.
    let real = folder.path().canonicalize().expect("there").display().to_string();
    (
        String::from_utf8(output.stdout).expect("text").replace(&real, "FOLDER"),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

fn verdict(project: &Project, ottofile: &str, target: &str, task: &str) -> Verdict {
    let made = trace(project, MAKE, &[target], |_| {});
    let run = trace(project, otto(), &[task], |folder| {
        let real = folder.canonicalize().expect("there").display().to_string();
        fs::write(folder.join("work/otto.yml"), ottofile.replace("FOLDER", &real)).expect("written");
    });
    let said = String::from_utf8_lossy(&run.output.stderr).into_owned()
        + &String::from_utf8_lossy(&run.output.stdout);
    let is_piped = project.makefile.contains('|');
    let same_calls = made.calls == run.calls || is_piped && sorted(&made.calls) == sorted(&run.calls);
    if same_calls && made.is_ok == run.is_ok {
        return Verdict::Same;
    }
    let refusal = said
        .lines()
        .find(|line| line.contains("not converted:") || line.contains("decided when it was converted:"));
    if let Some(refusal) = refusal
        && !run.is_ok
    {
        return Verdict::Refused(refusal.trim().to_owned());
    }
    let made_said = String::from_utf8_lossy(&made.output.stderr).into_owned();
    Verdict::Different(format!(
        "--- make ({}) {made_said}\n{}--- otto ({}) {said}\n{}",
        made.is_ok, made.calls, run.is_ok, run.calls
    ))
}

/// The tasks that can be asked for, as targets and as tasks.
fn targets(ottofile: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = ottofile.lines().skip_while(|line| *line != "tasks:").peekable();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("  ").and_then(|line| line.strip_suffix(':')) else { continue };
        if name.starts_with(' ') {
            continue;
        }
        let is_hidden = lines.peek().is_some_and(|line| *line == "    hidden: true");
        if !is_hidden {
            found.push(name.trim_matches('"').to_owned());
        }
    }
    found
}

fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/convert");
    let folder = std::env::var_os("OTTO_TEST_MAKEFILES").map_or(folder, PathBuf::from);
    let entries = fs::read_dir(folder).expect("a folder");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "mk"));
    if let Some(only) = std::env::var_os("OTTO_TEST_ONLY") {
        files.retain(|path| path.file_stem() == Some(&only));
    }
    files.sort();
    files
}

/// What became of each target of a Makefile, each named with its file.
fn verdicts(path: &Path) -> Vec<(String, Verdict)> {
    let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
    let project = Project::read(&fs::read_to_string(path).expect("text"));
    let (ottofile, _) = converted(&project);
    let verdict = |target: String| {
        let verdict = verdict(&project, &ottofile, &target, &target);
        (format!("{name}: {target}"), verdict)
    };
    targets(&ottofile).into_iter().map(verdict).collect()
}

#[test]
fn converted_makefiles_do_what_make_does_or_say_what_they_cannot() {
    if !Path::new(MAKE).exists() {
        assert!(std::env::var_os("CI").is_none(), "make is missing");
        eprintln!("skipped: no make");
        return;
    }
    let files = Mutex::new(corpus());
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(path) = files.lock().expect("a list").pop() else { return };
                    let verdicts = verdicts(&path);
                    found.lock().expect("a list").extend(verdicts);
                }
            });
        }
    });
    let (mut same, mut refused, mut different) = (0, 0, Vec::new());
    for (target, verdict) in found.into_inner().expect("a list") {
        match verdict {
            Verdict::Same => same += 1,
            Verdict::Refused(why) => {
                refused += 1;
                eprintln!("refused: {target}: {why}");
            }
            Verdict::Different(how) => different.push(format!("{target}\n{how}")),
        }
    }
    eprintln!("{same} the same, {refused} refused, {} different", different.len());
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(
        std::env::var_os("OTTO_TEST_MAKEFILES").is_some() || same * 4 >= (same + refused) * 3,
        "too many refused"
    );
}
