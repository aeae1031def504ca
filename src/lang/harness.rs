//! Runs one body as a run would: prepare, start, collect. For tests only.

use super::Failure;
use super::condition::{self, Decision};
use super::{
    FanInData, FanInJob, HandOver, Input, Left, List, Prepared, Script, collect, failing_line, hints, prepare,
};
use crate::event::Exit;
use crate::fate::Fate;
use crate::name::{JobName, ParamName};
use crate::ottofile::spec::{Body, BodyKey};
use crate::source::{SourceFile, Span};
use crate::store::outputs::Outputs;
use crate::value::{Map, Value};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// A job in a directory of its own, to be changed before it is run.
pub(crate) struct Bench {
    pub(crate) root: tempfile::TempDir,
    pub(crate) job: JobName,
    pub(crate) body: Body,
    pub(crate) condition: Option<Body>,
    pub(crate) ottofile: SourceFile,
    pub(crate) inputs: Vec<Input>,
    pub(crate) fan_ins: Vec<FanInData>,
    pub(crate) item: Option<Value>,
    pub(crate) fates: Option<Vec<Fate>>,
    pub(crate) params: Vec<(ParamName, OsString)>,
    pub(crate) lists: Vec<List>,
    pub(crate) env: BTreeMap<OsString, OsString>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code, or 128 and the signal's number.
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    pub(crate) hand_over: HandOver,
    pub(crate) decision: Option<Decision>,
    pub(crate) warnings: Vec<String>,
    pub(crate) hints: Vec<String>,
    /// The line of the ottofile that the shell named last.
    pub(crate) line: Option<usize>,
}

impl Ran {
    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn values(&self) -> &Map {
        &self.hand_over.outputs.values
    }

    /// The text of a string output.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        crate::value::get(self.values(), key)?.as_str()
    }

    /// All outputs on one line.
    pub(crate) fn json(&self) -> String {
        crate::value::compact(&Value::Map(self.values().clone()))
    }

    /// Severity, code and message of each problem, a line each.
    pub(crate) fn problems(&self) -> String {
        let lines = self.hand_over.problems.iter().map(|problem| {
            let severity = if problem.is_error() { "error" } else { "warning" };
            format!("{severity}[{}]: {}", problem.code, problem.message)
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Status 0 and nothing to complain about: what a run would call a success.
    pub(crate) fn succeeded(&self) -> bool {
        self.status == 0 && !self.hand_over.problems.iter().any(crate::diagnostic::Diagnostic::is_error)
    }
}

pub(crate) fn job(name: &str) -> JobName {
    JobName::recorded(name).expect("not empty")
}

/// A dependency with string outputs.
pub(crate) fn input(name: &str, values: &[(&str, &str)]) -> Input {
    let values = values.iter().map(|(key, value)| ((*key).to_owned(), Value::String((*value).to_owned())));
    given(name, values.collect())
}

pub(crate) fn given(name: &str, values: Map) -> Input {
    Input {
        job: job(name),
        outputs: Arc::new(Outputs { values, ..Outputs::default() }),
        absence: None,
        is_whole: true,
    }
}

impl Bench {
    pub(crate) fn new(key: BodyKey, text: &str) -> Bench {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(root.path().join("project")).expect("made");
        let path = std::env::var_os("PATH").expect("PATH is set");
        let env = BTreeMap::from([("PATH".into(), path), ("HOME".into(), root.path().into())]);
        let mut bench = Bench {
            root,
            job: job("build"),
            body: Body {
                key,
                key_span: Span::default(),
                text: String::new(),
                span: Span::default(),
                first_line: 0,
                has_true_lines: true,
            },
            condition: None,
            ottofile: SourceFile::new("otto.yml", ""),
            inputs: Vec::new(),
            fan_ins: Vec::new(),
            item: None,
            fates: None,
            params: Vec::new(),
            lists: Vec::new(),
            env,
        };
        bench.at_line(21, text);
        bench
    }

    pub(crate) fn bash(text: &str) -> Bench {
        Bench::new(BodyKey::Bash, text)
    }

    /// Puts the body into an ottofile so that its first line is `first_line`.
    pub(crate) fn at_line(&mut self, first_line: usize, text: &str) {
        let above = "\n".repeat(first_line - 1);
        self.body.span = Span::new(above.len(), above.len() + text.len());
        self.ottofile = SourceFile::new("otto.yml", above + text);
        self.body.text = text.to_owned();
        self.body.first_line = first_line;
    }

    /// Makes jobs of a foreach task out of its inputs of that name.
    pub(crate) fn fan_in(mut self, name: &str) -> Bench {
        let part = |input: &Input| {
            let item = input.job.as_str().strip_prefix(name)?.strip_prefix(':')?.to_owned();
            input.is_whole.then(|| FanInJob { item, outputs: input.outputs.clone() })
        };
        self.fan_ins.push(FanInData { name: job(name), jobs: self.inputs.iter().filter_map(part).collect() });
        self
    }

    pub(crate) fn input(mut self, input: Input) -> Bench {
        self.inputs.push(input);
        self
    }

    /// Gives the task an `if`, in the language of its body.
    pub(crate) fn condition(mut self, text: &str) -> Bench {
        self.condition = Some(Body { text: text.to_owned(), first_line: 3, ..self.body.clone() });
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Bench {
        self.env.insert(name.into(), value.as_ref().to_owned());
        self
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.root.path().join("run/tasks").join(crate::store::layout::file_name(&self.job))
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.root.path().join("project")
    }

    /// Calls `with` with the script as a run would make it.
    pub(crate) fn with_script<T>(&self, with: impl FnOnce(&Script) -> T) -> T {
        let dir = self.dir();
        fs::create_dir_all(&dir).expect("made");
        let mut env = self.env.clone();
        env.entry("OTTO_TASK".into()).or_insert(self.job.as_str().into());
        env.entry("OTTO_TASK_DIR".into()).or_insert(dir.clone().into());
        for (name, value) in &self.params {
            env.insert(name.as_str().into(), value.clone());
        }
        let look_up = |name: &str| env.get(OsStr::new(name)).map(OsString::as_os_str);
        with(&Script {
            job: &self.job,
            body: &self.body,
            condition: self.condition.as_ref(),
            ottofile: &self.ottofile,
            inputs: &self.inputs,
            fan_ins: &self.fan_ins,
            item: self.item.as_ref(),
            fates: self.fates.as_deref(),
            params: &self.params,
            lists: &self.lists,
            task_dir: &dir,
            dir: &dir,
            runtime: &self.root.path().join("runtime"),
            workdir: &self.project(),
            folder: &self.project(),
            contract: None,
            is_service: false,
            is_remote: false,
            env: &look_up,
        })
    }

    pub(crate) fn prepared(&self) -> Prepared {
        self.with_script(|script| {
            prepare(script).unwrap_or_else(|error| panic!("cannot prepare: {:?}", error.diagnostic))
        })
    }

    pub(crate) fn run(&self) -> Ran {
        self.run_through("exec \"$@\"")
    }

    /// Without root's right to write to any file, which hides what the modes of files do.
    pub(crate) fn run_without_rights(&self) -> Ran {
        needed("setpriv");
        self.run_through(
            "[ \"$(id -u)\" != 0 ] || set -- setpriv --bounding-set=-all --inh-caps=-all \"$@\"; exec \"$@\"",
        )
    }

    /// Runs behind a line of shell, which starts `"$@"` with closed descriptors, limits and the like.
    pub(crate) fn run_through(&self, line: &str) -> Ran {
        let prepared = self.prepared();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", line, "sh"]).arg(&prepared.program.path);
        command.args(&prepared.args).env_clear().envs(&self.env);
        command.env("OTTO_TASK", self.job.as_str()).env("OTTO_TASK_DIR", self.dir());
        if let Some(chosen) = self.env.get(OsStr::new("OTTO_TASK_DIR")) {
            command.env("OTTO_TASK_DIR", chosen);
        }
        command.envs(self.params.iter().map(|(name, value)| (name.as_str(), value)));
        command.envs(prepared.env.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.project()).stdin(Stdio::null());
        let output = command.output().expect("started");
        let status =
            output.status.code().unwrap_or_else(|| 128 + output.status.signal().expect("code or signal"));
        self.with_script(|script| {
            let decision = condition::decision(script, script.dir);
            let hand_over =
                collect(script, &Left { folder: script.dir, level: prepared.level, succeeded: status == 0 });
            Ran {
                status,
                stdout: output.stdout.clone(),
                stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
                hints: hints(
                    script,
                    &Failure {
                        exit: &Exit::Code(status),
                        has_terminal: false,
                        stderr: &output.stderr,
                        ended: hand_over.ended.as_ref(),
                    },
                )
                .into_iter()
                .map(|hint| hint.message)
                .collect(),
                line: failing_line(script, &output.stderr, &hand_over),
                hand_over,
                decision,
                warnings: prepared.warnings.iter().map(|warning| warning.message.clone()).collect(),
            }
        })
    }
}

/// The path of a program by the tests' own `PATH`. The tests of a shell need that shell: its absence is a failure,
/// not a reason to pass.
pub(crate) fn needed(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").expect("PATH is set");
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| Path::is_file(candidate))
        .unwrap_or_else(|| panic!("`{program}` is not installed; the tests of the shells need it"))
}
