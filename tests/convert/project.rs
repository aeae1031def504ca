//! A Makefile in a folder of its own, run there by make and, converted, by otto. Stubs that write down how they are
//! called stand for every command.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const STUB: &str = include_str!("stub.sh");
pub const MAKE: &str = "/usr/bin/make";

/// A Makefile, or the file of another tool, with the files and the environment that it is run in.
pub struct Project {
    makefile: String,
    /// The name of the file.
    name: &'static str,
    files: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    /// Words that may be commands, and names that may be variables.
    words: BTreeSet<String>,
    folder: tempfile::TempDir,
}

#[derive(Debug, PartialEq)]
pub enum Verdict {
    Same,
    /// The task said at its start what was not taken over.
    Refused(String),
    Different(String),
}

/// What `otto Convert` made of a Makefile.
pub struct Converted {
    pub ottofile: String,
    pub remarks: Vec<String>,
}

/// What a run of one target called, and whether it succeeded.
struct Trace {
    calls: Vec<String>,
    is_ok: bool,
    output: Output,
}

impl Project {
    /// `#: file NAME`, `#: text NAME LINE` and `#: env NAME=VALUE` say what is around the Makefile; `\\n` in a value is a line
    /// break.
    pub fn read(makefile: &str) -> Project {
        let mut makefile = makefile.to_owned();
        let (mut files, mut environment) = (Vec::new(), Vec::new());
        let notes: Vec<String> =
            makefile.lines().filter_map(|line| line.strip_prefix("#: ")).map(str::to_owned).collect();
        for note in notes {
            let (word, rest) = note.split_once(' ').expect("a word and its rest");
            match word {
                "file" => files.extend(rest.split_whitespace().map(|name| (name.to_owned(), String::new()))),
                "text" => {
                    let (name, text) = rest.split_once(' ').expect("a name and a text");
                    let text = text.replace("\\n", "\n").replace("\\t", "\t");
                    files.push((name.to_owned(), text + "\n"));
                }
                // Commands whose names the Makefile puts together.
                "command" => makefile.push_str(&format!("\n# {rest}")),
                "env" => {
                    let (name, value) = rest.split_once('=').expect("a name and a value");
                    environment.push((name.to_owned(), value.replace("\\n", "\n")));
                }
                _ => panic!("unknown: {note}"),
            }
        }
        let mut text = makefile.clone();
        files.iter().for_each(|(_, more)| text.push_str(more));
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_+.-".contains(c);
        let words = text.split(|c| !is_part(c)).map(|word| word.trim_start_matches(['-', '+', '.']));
        let words = words.filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()));
        let words = words.chain(["make", "cc", "c++", "g++"]).map(str::to_owned).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let project = Project { makefile, name: "Makefile", files, environment, words, folder };
        project.lay_out_stubs();
        project
    }

    /// The file of another tool, which runs beside these real programs.
    pub fn of(name: &'static str, text: &str, files: &[(&str, &str)], real: &[(&str, PathBuf)]) -> Project {
        let mut project = Project::read(text);
        project.name = name;
        project.files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let home = project.folder();
        for name in
            ["XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "npm_config_cache"]
        {
            project.environment.push((name.to_owned(), home.join("tool").display().to_string()));
        }
        project.environment.push(("MISE_TRUSTED_CONFIG_PATHS".to_owned(), home.display().to_string()));
        for (name, program) in real {
            let link = project.folder().join("stubs").join(name);
            // A word of the file may have become a stub.
            let _ = fs::remove_file(&link);
            symlink(program, link).expect("linked");
        }
        project
    }

    /// A program as the commands of the project find it.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder().join("stubs").join(name)
    }

    /// Without the links that a system may put on the way to temporary files.
    fn folder(&self) -> PathBuf {
        self.folder.path().canonicalize().expect("there")
    }

    fn lay_out_stubs(&self) {
        let folder = self.folder();
        fs::create_dir_all(folder.join("stubs")).expect("a folder");
        let stub = folder.join("stub");
        fs::write(&stub, STUB).expect("written");
        fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).expect("changed");
        for word in &self.words {
            let target = if word == "make" { Path::new(MAKE) } else { stub.as_path() };
            symlink(target, folder.join("stubs").join(word)).expect("linked");
        }
    }

    /// The folder of the Makefile as it is before anything ran.
    fn lay_out(&self) -> PathBuf {
        let work = self.folder().join("work");
        if work.exists() {
            fs::remove_dir_all(&work).expect("removed");
        }
        fs::create_dir(&work).expect("a folder");
        fs::write(self.folder().join("log"), "").expect("written");
        for (name, text) in &self.files {
            let path = work.join(name);
            fs::create_dir_all(path.parent().expect("it is inside")).expect("a folder");
            if !name.ends_with('/') {
                fs::write(path, text).expect("written");
            }
        }
        fs::write(work.join(self.name), &self.makefile).expect("written");
        // A pattern for any file finds the same with make.
        fs::write(work.join("otto.yml"), "").expect("written");
        work
    }

    fn output(&self, program: &str, arguments: &[&str], work: &Path) -> Output {
        let folder = self.folder();
        Command::new(program)
            .args(arguments)
            .env_clear()
            .env("PATH", folder.join("stubs"))
            .env("HOME", "/home/user")
            .env("USER", "user")
            .envs(self.environment.iter().cloned())
            .env("STUB_LOG", folder.join("log"))
            .env("STUB_FOLDER", work)
            .env("OTTO_HOME", folder.join("home"))
            .current_dir(work)
            .output()
            .expect("it runs")
    }

    pub fn convert(&self) -> Converted {
        let work = self.lay_out();
        let output = self.output(otto(), &["Convert", self.name], &work);
        let remarks = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{remarks}\n{}", self.makefile);
        Converted {
            ottofile: String::from_utf8(output.stdout).expect("text"),
            remarks: remarks.lines().map(str::to_owned).collect(),
        }
    }

    fn trace(&self, program: &str, arguments: &[&str], ottofile: Option<&str>) -> Trace {
        let work = self.lay_out();
        if let Some(ottofile) = ottofile {
            fs::write(work.join("otto.yml"), ottofile).expect("written");
        }
        let output = self.output(program, arguments, &work);
        let log = fs::read(self.folder().join("log")).expect("a log");
        let log = String::from_utf8_lossy(&log);
        let calls = log.split_terminator('\u{1e}').map(|call| self.call(call)).collect();
        Trace { calls, is_ok: output.status.success(), output }
    }

    /// A call with those of its variables that the Makefile may have set.
    fn call(&self, written: &str) -> String {
        let (call, variables) = written.split_once('\u{1f}').unwrap_or((written, ""));
        let mut call = without_processes(call);
        for variable in exported(variables) {
            let name = variable.split('=').next().unwrap_or("");
            // Of those that npm sets for every script, otto sets what the script names.
            let is_npms = self.name == "package.json" && name.starts_with("npm_");
            if is_variable(name) && self.words.contains(name) && !is_npms {
                call.push_str(&format!("\n    {variable}"));
            }
        }
        call
    }

    pub fn verdict(&self, ottofile: &str, target: &str) -> Verdict {
        self.compare(ottofile, &[MAKE, target], &[target])
    }

    /// What a command line of another tool does, and one of otto.
    pub fn compare(&self, ottofile: &str, tool: &[&str], arguments: &[&str]) -> Verdict {
        let mut made = self.trace(tool[0], &tool[1..], None);
        let mut run = self.trace(otto(), arguments, Some(ottofile));
        if self.makefile.contains('|') {
            // The ends of a pipe start in any order.
            made.calls.sort_unstable();
            run.calls.sort_unstable();
        }
        if made.calls == run.calls && made.is_ok == run.is_ok {
            return Verdict::Same;
        }
        let said = String::from_utf8_lossy(&run.output.stderr).into_owned()
            + &String::from_utf8_lossy(&run.output.stdout);
        let refusal = said.lines().find(|line| {
            line.contains("not converted:")
                || line.contains("decided when it was converted:")
                || line.contains("make would read the `$` or the line break in")
        });
        if let Some(refusal) = refusal
            && !run.is_ok
        {
            return Verdict::Refused(refusal.trim().to_owned());
        }
        let made_said = String::from_utf8_lossy(&made.output.stderr).into_owned();
        let place = made.calls.iter().zip(&run.calls).take_while(|(left, right)| left == right).count();
        let next = |calls: &[String]| calls.get(place).cloned().unwrap_or_else(|| "nothing".to_owned());
        Verdict::Different(format!(
            "--- tool ({}) {made_said}\n--- otto ({}) {said}\n--- call {place} of the tool\n{}\n--- of otto\n{}\n",
            made.is_ok,
            run.is_ok,
            next(&made.calls),
            next(&run.calls)
        ))
    }
}

impl Converted {
    /// The tasks that can be asked for.
    pub fn targets(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut lines = self.ottofile.lines().skip_while(|line| *line != "tasks:").peekable();
        while let Some(line) = lines.next() {
            let Some(name) = line.strip_prefix("  ").and_then(|line| line.strip_suffix(':')) else {
                continue;
            };
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

    /// Whether Convert said anything about a target, or anything that is not about another one alone.
    pub fn has_remark(&self, target: &str) -> bool {
        let is_about = |remark: &String| {
            let after_place = remark.split_once(": ").map_or("", |(_, text)| text);
            let subject = after_place.strip_prefix('`').and_then(|text| text.split_once("`: "));
            subject.is_none_or(|(subject, _)| subject == target)
        };
        self.remarks.iter().any(is_about)
    }
}

/// Numbers that may be those of processes look alike.
fn without_processes(call: &str) -> String {
    let mut text = String::new();
    for part in call.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = part.trim_end_matches(|c: char| !c.is_ascii_digit());
        text.push_str(if digits.len() > 3 { "1000" } else { digits });
        text.push_str(&part[digits.len()..]);
    }
    text
}

fn otto() -> &'static str {
    env!("CARGO_BIN_EXE_otto")
}

/// Names that mean something to the shell or to make itself.
fn is_variable(name: &str) -> bool {
    const OF_OTHERS: &[&str] = &[
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
    !OF_OTHERS.contains(&name)
}

/// What `export -p` printed, as `NAME=VALUE` with the value as the shell quotes it.
fn exported(printed: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let (mut quote, mut escaped) = (None, false);
    let mut entry = String::new();
    for character in printed.chars().chain(['\n']) {
        if character == '\n' && quote.is_none() {
            let name = entry.strip_prefix("export ").or_else(|| entry.strip_prefix("declare -x "));
            found.extend(name.map(str::to_owned));
            entry.clear();
            continue;
        }
        entry.push(character);
        match quote {
            Some('"') if escaped => escaped = false,
            Some('"') if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            None if "'\"".contains(character) => quote = Some(character),
            _ => {}
        }
    }
    found
}
