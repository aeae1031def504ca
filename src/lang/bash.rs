//! Bash: a script that can be read and run by hand, and beside it one file that loads INPUT and saves OUTPUT.
//! A body that speaks of none of otto's data gets neither. What the body needs is found in its text, by
//! [`Mentions`]; data never stands in the script.

use super::export;
use super::interpreter::{self, Shebang};
use super::mention::{COLOURS, Mentions};
use super::quote::{Charset, push_word, word};
use super::record::{self, Dumped, Held, Kind};
use super::{CannotPrepare, HandOver, Input, Prepared, Script};
use crate::diagnostic::{Code, Diagnostic};
use crate::store::atomic;
use crate::store::outputs::Outputs;
use crate::value::{self, Value};
use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Leaves nested in lists and maps that one dependency may add to INPUT.
const MOST_LEAVES: usize = 10_000;
/// Keys of one dependency that the script's opening comment names.
const MOST_KEYS_SHOWN: usize = 6;

macro_rules! fragment {
    ($name:ident, $file:literal) => {
        static $name: LazyLock<String> = LazyLock::new(|| without_comments(include_str!($file)));
    };
}

fragment!(OUTPUT_ONLY, "bash/output.sh");
fragment!(SAVE, "bash/save.sh");
fragment!(SET, "bash/set.sh");
fragment!(GET, "bash/get.sh");
fragment!(MISSING, "bash/missing.sh");
fragment!(LEGACY, "bash/legacy.sh");
fragment!(HAND_OVER, "bash/handover.sh");
fragment!(DOTTED, "bash/dotted.sh");

/// Comments are for the reader of the source; bash would read past them in every task.
fn without_comments(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.is_empty());
    lines.flat_map(|line| [line.trim_start_matches('\t'), "\n"]).collect()
}

pub(super) fn prepare(script: &Script, oversized: &[(String, Vec<u8>)]) -> Result<Prepared, CannotPrepare> {
    let shebang = Shebang::of(&script.body.text);
    let program = program(script, shebang.as_ref())?;
    let found = Mentions::of(&script.body.text);
    let needs_start = found.may_hand_over() || found.may_read() || !oversized.is_empty();
    let cannot_write = |path: &Path, error: io::Error| CannotPrepare {
        diagnostic: Diagnostic::error(
            Code::CannotStart,
            format!("cannot write `{}`: {error}", path.display()),
        ),
        code: 125,
    };
    let private = script.dir.join(".otto");
    if needs_start {
        make_dir(&private).map_err(|error| cannot_write(&private, error))?;
        let path = private.join("start.sh");
        let text = start_file(script, &found, oversized, &private);
        write_new(&path, &text).map_err(|error| cannot_write(&path, error))?;
    }
    let path = script.dir.join("script.sh");
    let text = script_file(script, &found, needs_start.then(|| private.join("start.sh")).as_deref());
    write_new(&path, &text).map_err(|error| cannot_write(&path, error))?;
    let run_as = script.dir.join(shown_name(script));
    link(&run_as).map_err(|error| cannot_write(&run_as, error))?;

    let mut args: Vec<OsString> =
        shebang.into_iter().flat_map(|shebang| shebang.args).map(OsString::from).collect();
    args.push(run_as.clone().into());
    Ok(Prepared { program, args, env: Vec::new(), warnings: Vec::new(), script_path: Some(run_as) })
}

/// `OTTO_BASH` before everything; else what the `#!` line says, if that path is there; else `bash` by `PATH`.
fn program(script: &Script, shebang: Option<&Shebang>) -> Result<PathBuf, CannotPrepare> {
    if let Some(chosen) = (script.env)("OTTO_BASH").filter(|chosen| !chosen.is_empty()) {
        return interpreter::find(script, chosen);
    }
    let named = shebang.map_or("bash", |shebang| &shebang.program);
    interpreter::find(script, OsStr::new(named)).or_else(|error| match named {
        "bash" => Err(error),
        _ => interpreter::find(script, OsStr::new("bash")),
    })
}

/// The name under which a shell runs the script and with which its messages begin: `otto.yml:build`.
pub(super) fn shown_name(script: &Script) -> String {
    let ottofile = script.ottofile.name().rsplit('/').next().unwrap_or("otto.yml");
    let mut name = format!("{ottofile}:{}", crate::store::layout::file_name(script.job));
    if name.len() > 255 {
        name = crate::store::layout::file_name(script.job);
    }
    name
}

fn link(path: &Path) -> io::Result<()> {
    match std::os::unix::fs::symlink("script.sh", path) {
        // A second attempt.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

fn make_dir(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write;
    atomic::create(path)?.write_all(bytes)
}

/// The script: an opening comment, the start, the body with its lines where the ottofile has them, the end.
fn script_file(script: &Script, found: &Mentions, start: Option<&Path>) -> Vec<u8> {
    let mut start_line: Vec<u8> = Vec::new();
    if let Some(start) = start {
        start_line.extend_from_slice(b". ");
        push_word(&mut start_line, start.as_os_str().as_bytes(), Charset::Plain);
        start_line.extend_from_slice(b" || exit 97; ");
    }
    if found.colours {
        for (name, text) in COLOURS {
            start_line.extend_from_slice(format!("{name}='{text}' ").as_bytes());
        }
        start_line.extend_from_slice(b"; ");
    }
    start_line.extend_from_slice(b"set -euo pipefail");

    let comments = opening(script, found);
    let above = script.body.first_line.saturating_sub(1);
    let mut text = Vec::with_capacity(script.body.text.len() + 1024 + above);
    let mut lines = 0;
    let mut push_line = |text: &mut Vec<u8>, line: &[u8]| {
        text.extend_from_slice(line);
        text.push(b'\n');
        lines += 1;
    };
    // The start takes a line of its own if there is one, then the `#!` line, then as much of the comment as fits.
    let mut fitting = 0;
    if above >= 2 {
        push_line(&mut text, b"#!/usr/bin/env bash");
        fitting = comments.len().min(above - 2);
        for comment in &comments[..fitting] {
            push_line(&mut text, comment.as_bytes());
        }
    }
    let padding = above.saturating_sub(lines + 1);
    text.resize(text.len() + padding, b'\n');
    text.extend_from_slice(&start_line);
    text.extend_from_slice(if above == 0 { b"; " } else { b"\n" });
    text.extend_from_slice(script.body.text.as_bytes());
    // An empty line between: the body may end without a newline, or with a backslash.
    text.extend_from_slice(b"\n\n");
    text.extend_from_slice(match found.options || found.opaque {
        // A false test as the last line is no failure; without `set -e` the last status counts.
        true => b"case $- in *e*) ;; *) exit $? ;; esac\n",
        false => b"case $- in *) ;; esac # a false test as the last line is no failure\n",
    });
    for comment in &comments[fitting..] {
        text.extend_from_slice(comment.as_bytes());
        text.push(b'\n');
    }
    text
}

/// What the reader of the script should know, a comment line each, the most useful first.
fn opening(script: &Script, found: &Mentions) -> Vec<String> {
    let ottofile = script.ottofile.name();
    let mut lines = vec![format!("# Task `{}` of {}, as otto runs it.", script.job, one_line(ottofile))];
    if script.inputs.is_empty() {
        lines.push("# INPUT is empty: this task depends on no other.".to_owned());
    }
    for input in script.inputs {
        let keys = keys_in_words(input, MOST_KEYS_SHOWN);
        let first = input.outputs.values.first().map_or("KEY".to_owned(), |(key, _)| one_line(key));
        match input.outputs.values.is_empty() {
            true => lines.push(format!("# INPUT: `{}` handed over nothing.", input.job)),
            false => lines
                .push(format!("# INPUT: \"${{INPUT[{}.{first}]}}\"; `{}` has {keys}.", input.job, input.job)),
        }
    }
    lines.push("# OUTPUT[key]=\"value\" hands a value to the tasks that depend on this one.".to_owned());
    if !script.params.is_empty() {
        let names: Vec<&str> = script.params.iter().map(|(name, _)| name.as_str()).collect();
        lines.push(format!("# Parameters are variables: {}.", names.join(" ")));
    }
    lines.push("# OTTO_TASK_DIR is this directory. The data: cat \"$OTTO_TASK_DIR\"/input.*.json".to_owned());
    let _ = found;
    lines
}

/// The keys of a dependency for people: `version, artifact and 3 more`.
fn keys_in_words(input: &Input, most: usize) -> String {
    let keys: Vec<String> = input.outputs.values.iter().take(most).map(|(key, _)| one_line(key)).collect();
    let more = input.outputs.values.len() - keys.len();
    match more {
        0 => keys.join(", "),
        _ => format!("{} and {more} more", keys.join(", ")),
    }
}

/// A text that cannot leave its line, and not long.
fn one_line(text: &str) -> String {
    let cut: String = text.chars().take(60).collect();
    cut.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

/// What bash loads before the body: the functions that the body mentions, then INPUT, and, for a start by hand,
/// what otto would have set.
fn start_file(script: &Script, found: &Mentions, oversized: &[(String, Vec<u8>)], private: &Path) -> Vec<u8> {
    let charset = Charset::of(&|name| (script.env)(name).map(|value| value.as_bytes().to_vec()));
    let mut text: Vec<u8> =
        b"# What otto does before the body. The body itself: ../script.sh\notto__dir=".to_vec();
    push_word(&mut text, private.as_os_str().as_bytes(), Charset::Plain);
    text.push(b'\n');
    let saves_only_output = found.output
        && !(found.opaque || found.set || found.save || found.export || found.legacy_output || found.trap);
    let needs = |is_mentioned: bool| is_mentioned || found.opaque;
    if saves_only_output {
        text.extend_from_slice(OUTPUT_ONLY.as_bytes());
    } else if found.may_hand_over() {
        text.extend_from_slice(SAVE.as_bytes());
    }
    if needs(found.set) {
        text.extend_from_slice(SET.as_bytes());
    }
    if needs(found.get) {
        text.extend_from_slice(GET.as_bytes());
        text.extend_from_slice(MISSING.as_bytes());
        push_dependencies(&mut text, script, charset);
    }
    if needs(found.save) {
        text.extend_from_slice(HAND_OVER.as_bytes());
    }
    if needs(found.legacy) {
        text.extend_from_slice(LEGACY.as_bytes());
    }
    if needs(found.dotted) {
        text.extend_from_slice(DOTTED.as_bytes());
    }
    if found.may_read() {
        text.extend_from_slice(b"declare -A INPUT=()\n");
        push_inputs(&mut text, script, charset);
    }
    for (name, value) in oversized {
        push_assignment(&mut text, name, value, charset);
    }
    text.extend_from_slice(b"set --\n");
    push_by_hand(&mut text, script, charset);
    text
}

fn push_assignment(text: &mut Vec<u8>, name: &str, value: &[u8], charset: Charset) {
    text.extend_from_slice(name.as_bytes());
    text.push(b'=');
    push_word(text, value, charset);
    text.push(b'\n');
}

/// `otto__deps`: each dependency's name and then its keys in words.
fn push_dependencies(text: &mut Vec<u8>, script: &Script, charset: Charset) {
    text.extend_from_slice(b"otto__deps=(");
    for input in script.inputs {
        push_word(text, input.job.as_str().as_bytes(), charset);
        text.push(b' ');
        push_word(text, keys_in_words(input, 20).as_bytes(), charset);
        text.push(b' ');
    }
    text.extend_from_slice(b")\n");
}

/// One line for each key. A single compound assignment would lose keys on older versions of bash.
fn push_inputs(text: &mut Vec<u8>, script: &Script, charset: Charset) {
    each_input(script.inputs, &mut |key, value| {
        text.extend_from_slice(b"INPUT[");
        push_word(text, key, charset);
        text.extend_from_slice(b"]=");
        push_word(text, value, charset);
        text.push(b'\n');
    });
}

/// Every key that a shell can read, with its value as text: those that were set, then what is nested in them. A
/// key that is literally there wins over a nested one.
fn each_input(inputs: &[Input], take: &mut dyn FnMut(&[u8], &[u8])) {
    for input in inputs {
        let job = input.job.as_str();
        let nests =
            |value: &Value| matches!(value, Value::List(_) | Value::Map(_)) && value.as_bytes().is_none();
        for (key, value) in &input.outputs.values {
            if let Some(bytes) = shell_value(value) {
                take(format!("{job}.{key}").as_bytes(), &bytes);
            }
        }
        let has_nested = input.outputs.values.iter().any(|(_, value)| nests(value));
        if !has_nested {
            continue;
        }
        let literal: HashSet<&str> = input.outputs.values.iter().map(|(key, _)| key.as_str()).collect();
        let mut left = MOST_LEAVES;
        for (key, value) in input.outputs.values.iter().filter(|(_, value)| nests(value)) {
            value::each_leaf(key, value, &mut |path, leaf| {
                if let Some(bytes) = shell_value(leaf).filter(|_| !literal.contains(path)) {
                    take(format!("{job}.{path}").as_bytes(), &bytes);
                    left -= 1;
                }
                left > 0
            });
        }
    }
}

/// A value as the text that a shell holds: strings as they are, null as nothing, all else as JSON. `None`: it has a
/// NUL, which no shell can hold.
fn shell_value(value: &Value) -> Option<std::borrow::Cow<'_, [u8]>> {
    use std::borrow::Cow;
    if let Some(bytes) = value.as_bytes() {
        return (!bytes.contains(&0)).then_some(bytes);
    }
    Some(match value {
        Value::Null => Cow::Borrowed(b""),
        Value::Number(digits) => Cow::Borrowed(digits.as_bytes()),
        other => Cow::Owned(value::compact(other).into_bytes()),
    })
}

/// What stands after `return` is read only when somebody runs the script by hand.
fn push_by_hand(text: &mut Vec<u8>, script: &Script, charset: Charset) {
    text.extend_from_slice(b"[[ ${OTTO_TASK_DIR-} != ");
    push_word(text, script.dir.as_os_str().as_bytes(), Charset::Plain);
    text.extend_from_slice(b" ]] || return 0\n# Run by hand: what otto sets before the start.\n");
    const NAMES: &[&str] = &[
        "OTTO_TASK",
        "OTTO_TASK_NAME",
        "OTTO_TASK_DIR",
        "OTTO_TASKS_DIR",
        "OTTO_WORKSPACE",
        "OTTO_RUN_ID",
        "OTTO_USER",
        "OTTO_FOREACH_ITEM",
        "OTTO_FOREACH_INDEX",
    ];
    for name in NAMES {
        if let Some(value) = (script.env)(name) {
            text.extend_from_slice(b"export ");
            push_assignment(text, name, value.as_bytes(), charset);
        }
    }
    for (name, value) in script.params {
        text.extend_from_slice(format!("[[ ${{{name}+x}} ]] || export ").as_bytes());
        push_assignment(text, name.as_str(), value.as_bytes(), charset);
    }
    text.extend_from_slice(b"cd -- ");
    text.extend_from_slice(&word(script.workdir.as_os_str().as_bytes(), Charset::Plain));
    text.push(b'\n');
}

pub(super) fn collect(script: &Script, succeeded: bool) -> HandOver {
    let found = Mentions::of(&script.body.text);
    if !found.may_hand_over() {
        return HandOver::default();
    }
    let private = script.dir.join(".otto");
    let mut collector =
        Collector { script, private: &private, values: BTreeMap::new(), problems: Vec::new() };
    let dumped = match read_and_remove(&private.join("dump")) {
        Ok(bytes) => record::dump(&bytes),
        Err(problem) => {
            collector.problems.push(problem);
            Dumped::Nothing
        }
    };
    let dump = match dumped {
        Dumped::Whole(dump) => *dump,
        Dumped::Nothing => {
            collector.never_handed_over(succeeded, &found);
            record::Dump::default()
        }
        Dumped::InPart => {
            collector.in_part();
            record::Dump::default()
        }
    };
    collector.merge(dump)
}

fn read_and_remove(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            let message = format!("cannot read `{}`: {error}", path.display());
            return Err(Diagnostic::error(Code::NotHandedOver, message));
        }
    };
    // If it stays, the next attempt appends to it and its own record still comes last.
    let _ = fs::remove_file(path);
    Ok(bytes)
}

struct Collector<'a, 's> {
    script: &'a Script<'s>,
    private: &'a Path,
    /// Sorted: bash has no order of keys to keep.
    values: BTreeMap<String, Value>,
    problems: Vec<Diagnostic>,
}

impl Collector<'_, '_> {
    fn never_handed_over(&mut self, succeeded: bool, found: &Mentions) {
        let job = self.script.job;
        if !succeeded {
            return;
        }
        let mut problem = Diagnostic::error(
            Code::NotHandedOver,
            format!("`{job}` ended with status 0, but its outputs were never handed over"),
        );
        if found.exec {
            problem = problem
                .note("`exec` replaces the shell, and with it everything that was set")
                .help("call `otto.save` before `exec`");
        }
        self.problems.push(problem);
    }

    fn in_part(&mut self) {
        let message = format!("the outputs of `{}` were written only in part", self.script.job);
        self.problems.push(
            Diagnostic::error(Code::CutShort, message)
                .note(format!("they were being written to `{}`; is the disk full?", self.private.display())),
        );
    }

    fn merge(mut self, dump: record::Dump) -> HandOver {
        if dump.is_spoilt {
            self.problems.push(
                Diagnostic::error(
                    Code::OutputReplaced,
                    format!("OUTPUT is not an associative array any more at the end of `{}`", self.script.job),
                )
                .help("`unset OUTPUT` and `OUTPUT` as another kind of variable take it from otto; use another name"),
            );
        }
        for (key, value) in dump.own {
            self.set(&key, Value::from_bytes(value));
        }
        self.journal();
        for item in dump.legacy {
            let mut parts = item.splitn(2, |byte| *byte == b'=');
            let key = parts.next().unwrap_or_default().to_vec();
            match parts.next() {
                Some(value) => self.set(&key, Value::from_bytes(value.to_vec())),
                None => self.bad_output(format!(
                    "OTTO_OUTPUT has the item `{}`, which is not `key=value`",
                    String::from_utf8_lossy(&item)
                )),
            }
        }
        for (key, value) in dump.output {
            self.set(&key, Value::from_bytes(value));
        }
        let exports = self.exports(&dump.exported, dump.variables);
        let outputs = Outputs { values: self.values.into_iter().collect(), exports };
        self.problems.extend(export::limits_warning(self.script.job, &outputs));
        HandOver { outputs, problems: self.problems }
    }

    fn journal(&mut self) {
        let path = self.private.join("journal");
        let bytes = match read_and_remove(&path) {
            Ok(bytes) => bytes,
            Err(problem) => return self.problems.push(problem),
        };
        let (entries, is_whole) = record::journal(&bytes);
        if !is_whole {
            self.in_part();
        }
        for entry in entries {
            let bytes = match entry.value {
                Held::Here(bytes) => bytes,
                Held::InFile(name) => match read_and_remove(&self.private.join(OsStr::from_bytes(&name))) {
                    Ok(bytes) => bytes,
                    Err(problem) => {
                        self.problems.push(problem);
                        continue;
                    }
                },
            };
            match entry.kind {
                Kind::Text => self.set(&entry.key, Value::from_bytes(bytes)),
                Kind::List => self.set(
                    &entry.key,
                    Value::List(record::items(&bytes).into_iter().map(Value::from_bytes).collect()),
                ),
                Kind::Json => match value::parse(&bytes) {
                    Ok(value) => self.set(&entry.key, value),
                    Err(error) => self.bad_output(format!(
                        "`otto.set --json {}`: not JSON, line {} column {}: {}: `{}`",
                        String::from_utf8_lossy(&entry.key),
                        error.line,
                        error.column,
                        error.message,
                        one_line(&String::from_utf8_lossy(&bytes))
                    )),
                },
            }
        }
    }

    fn exports(&mut self, exported: &[String], variables: Vec<(String, Vec<u8>)>) -> Vec<String> {
        let injected = export::inject(self.script.inputs, self.script.job, "").env;
        let exported: HashSet<&str> = exported.iter().map(String::as_str).collect();
        let mut names = Vec::new();
        for (name, value) in variables {
            if !exported.contains(name.as_str()) || export::is_reserved(&name) {
                continue;
            }
            let given =
                injected.iter().find(|(injected, _)| *injected == *name).map(|(_, value)| value.as_os_str());
            let given = given.or_else(|| (self.script.env)(&name));
            if given.is_some_and(|given| given.as_bytes() == value) {
                continue;
            }
            self.set(name.as_bytes(), Value::from_bytes(value));
            names.push(name);
        }
        names.sort();
        names
    }

    fn set(&mut self, key: &[u8], value: Value) {
        match std::str::from_utf8(key) {
            Ok("") => self.bad_output("an output has an empty key".to_owned()),
            Ok(key) => {
                self.values.insert(key.to_owned(), value);
            }
            Err(_) => self.bad_output(format!("the key `{}` is not UTF-8", key.escape_ascii())),
        }
    }

    fn bad_output(&mut self, message: String) {
        self.problems.push(Diagnostic::error(Code::BadOutput, message));
    }
}
