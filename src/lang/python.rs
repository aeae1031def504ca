//! Python bodies: the script in the job's directory, what the runtime loads beside it, and what it hands over.
//! The runtime itself is `python/*.py`. Knows no shell; starts nothing.

use super::bash::shown_name as name_in_ottofile;
use super::files::{self, private};
use super::interpreter::{self};
use super::json_record;
use super::shell;
use super::{CannotPrepare, HandOver, Input, Left, List, Prepared, Program, Script};
use crate::body::Shebang;
use crate::body::need::COLOURS;
use crate::body::python::{end_of_future, may_record};
use crate::diagnostic::{Code, Diagnostic};
use crate::store::layout::file_name;
use crate::value;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const RUNNER: (&str, &str) = ("otto_runner.py", include_str!("python/otto_runner.py"));
const RUNTIME: (&str, &str) = ("otto_runtime.py", include_str!("python/otto_runtime.py"));

/// The end of the line before the user's first one. The runner runs what follows it.
const MARKER: &str = "# otto: the lines of the task follow";

/// What runs when somebody starts `script.py` by hand: the runner takes over, and never sees this line.
const BY_HAND: &str = "import os, sys; os.execv(sys.executable, [sys.executable, \
    os.path.dirname(os.path.abspath(__file__)) + \"/.otto/runner.py\", \"try\", *sys.argv])";

/// Round [`BY_HAND`] where it shares a line with the last `from __future__ import`, before which no statement may stand.
/// The runner takes it out again.
const AFTER_FUTURE: (&str, &str) = ("; ", "  # otto: for a start by hand");

/// Variables of otto that a script may want when it is run by hand, without an otto around it.
const VARIABLES: &[&str] =
    &["OTTO_TASK", "OTTO_TASK_DIR", "OTTO_TASK_NAME", "OTTO_TASKS_DIR", "OTTO_WORKSPACE"];

/// Writes the script and what belongs to it into the job's directory.
pub(crate) fn prepare(script: &Script) -> Result<Prepared, CannotPrepare> {
    let interpreter = Interpreter::of(script)?;
    let exact = "use `INPUT[\"task\"][\"key\"]` to be unambiguous";
    let warnings = super::clashes(script.inputs).into_iter().map(|warning| warning.help(exact)).collect();
    write_files(script, &interpreter)?;
    let mut args: Vec<OsString> = interpreter.flags.iter().map(OsString::from).collect();
    args.push(private(script).join("runner.py").into());
    args.push("run".into());
    Ok(Prepared {
        program: interpreter.program,
        level: None,
        args,
        hands_over: &[".otto/dump", ".otto/secrets"],
        env: Vec::new(),
        warnings,
    })
}

/// Reads what the script handed over.
pub(crate) fn collect(script: &Script, left: &Left) -> HandOver {
    let mut found = HandOver::default();
    match json_record::read(&left.private().join("dump")) {
        Ok(Some(record)) => {
            if left.succeeded && record.is_unsaved() {
                found.problems.push(never_handed_over(script));
            }
            record.hand_over(script, &mut found);
        }
        // Ended by a way that the runtime does not see, such as `posix._exit`.
        Ok(None) if left.succeeded && may_record(&script.body.text) => {
            found.problems.push(never_handed_over(script));
        }
        Ok(None) => {}
        Err(problem) => found.problems.push(problem),
    }
    found
}

fn never_handed_over(script: &Script) -> Diagnostic {
    let message = format!("`{}` ended with status 0, but its outputs were never saved", script.job);
    Diagnostic::error(Code::NotHandedOver, message)
        .note("the process was replaced (`os.exec…`), exited with `os._exit`, or could not write")
        .help("exit with `sys.exit()`, or call `otto_serialize_output()` first")
}

/// The line of the ottofile on which the script failed, from the traceback.
pub(crate) fn failing_line(script: &Script, stderr: &[u8]) -> Option<usize> {
    if !script.body.has_true_lines {
        return None;
    }
    let text = without_colours(stderr);
    let place = format!("File \"{}\", line ", shown_name(script));
    let after = &text[text.rfind(&place)? + place.len()..];
    let digits = after.find(|character: char| !character.is_ascii_digit()).unwrap_or(after.len());
    after[..digits].parse().ok()
}

// ── the interpreter ──────────────────────────────────────────────────────────────────────────────────────────

struct Interpreter {
    program: Program,
    flags: Vec<String>,
    /// What line 1 of the script says, for whoever runs it by hand.
    shebang: String,
}

impl Interpreter {
    /// `OTTO_PYTHON`, else what the body's `#!` line names, else `python3`, else `python`.
    fn of(script: &Script) -> Result<Interpreter, CannotPrepare> {
        if let Some(chosen) = (script.env)("OTTO_PYTHON").filter(|chosen| !chosen.is_empty()) {
            let program = interpreter::find(script, chosen)?;
            let shebang = format!("#!{}", program.path.display());
            return Ok(Interpreter { program, flags: Vec::new(), shebang });
        }
        if let Some(shebang) = Shebang::of(&script.body.text) {
            let program = interpreter::find(script, OsStr::new(&shebang.program))?;
            let line = script.body.text.lines().next().unwrap_or_default().to_owned();
            return Ok(Interpreter { program, flags: shebang.args, shebang: line });
        }
        let (name, program) = match interpreter::find(script, OsStr::new("python3")) {
            Ok(program) => ("python3", program),
            Err(error) => match interpreter::find(script, OsStr::new("python")) {
                Ok(program) => ("python", program),
                Err(_) => {
                    let diagnostic = error.diagnostic.help("install Python, or set OTTO_PYTHON");
                    return Err(CannotPrepare { diagnostic, ..error });
                }
            },
        };
        Ok(Interpreter { program, flags: Vec::new(), shebang: format!("#!/usr/bin/env {name}") })
    }
}

pub(super) fn interpreter(script: &Script) -> Result<Program, CannotPrepare> {
    Interpreter::of(script).map(|interpreter| interpreter.program)
}

// ── files ────────────────────────────────────────────────────────────────────────────────────────────────────

/// What errors call the script: the ottofile and the job where its lines are those of the ottofile.
fn shown_name(script: &Script) -> String {
    match script.body.has_true_lines {
        true => name_in_ottofile(script),
        false => script.dir.join("script.py").display().to_string(),
    }
}

fn write_files(script: &Script, interpreter: &Interpreter) -> Result<(), CannotPrepare> {
    install(script.runtime)?;
    let private = private(script);
    files::make_dir(&private)?;
    let page = Page::of(script, interpreter);
    files::write_program(&script.dir.join("script.py"), page.text.as_bytes())?;
    files::write(&private.join("start"), &start(script, &page))?;
    for input in script.inputs.iter().filter(|input| !input.outputs.secrets.is_empty()) {
        files::write(&input_path(script, input), value::indented_map(&input.outputs.values).as_bytes())?;
    }
    // Empty, and there: the umask of the script has no say in how it is made.
    files::write(&private.join("dump"), b"")?;
    files::link(&script.runtime.join(RUNNER.0), &private.join("runner.py"))?;
    write_source(script, &page, &private.join("source"))
}

/// The file with the values of a dependency. Secrets are in no file that is kept, so there is one for this attempt then.
fn input_path(script: &Script, input: &Input) -> PathBuf {
    let name = format!("input.{}.json", file_name(&input.job));
    match input.outputs.secrets.is_empty() {
        true => script.task_dir.join(name),
        false => private(script).join(name),
    }
}

/// Puts the runtime where Python finds it, and may keep its compiled form.
fn install(runtime: &Path) -> Result<(), CannotPrepare> {
    for (name, text) in [RUNNER, RUNTIME] {
        let path = runtime.join(name);
        if !files::is_installed(&path, text.as_bytes()) {
            // Python would make it with the umask of the script.
            files::make_dir(&runtime.join("__pycache__"))?;
            files::install(&path, text.as_bytes())?;
        }
    }
    Ok(())
}

/// Python looks for the lines that it shows with an error in a file of the script's name.
fn write_source(script: &Script, page: &Page, folder: &Path) -> Result<(), CannotPrepare> {
    if !script.body.has_true_lines {
        return Ok(());
    }
    files::make_dir(folder)?;
    let path = folder.join(shown_name(script));
    match page.has_true_lines {
        // In a vault, the folder is not where it seems to be.
        true if private(script).is_symlink() => files::link(&script.dir.join("script.py"), &path),
        true => files::link(Path::new("../../script.py"), &path),
        false => files::write(&path, ("\n".repeat(page.first_line - 1) + &script.body.text).as_bytes()),
    }
}

/// The fields that the runtime reads before anything else, each ending with a NUL.
fn start(script: &Script, page: &Page) -> Vec<u8> {
    let mut fields = Vec::new();
    let mut field = |bytes: &[u8]| {
        fields.extend_from_slice(bytes);
        fields.push(0);
    };
    field(script.job.as_str().as_bytes());
    field(shown_name(script).as_bytes());
    field(page.first_line.to_string().as_bytes());
    field(script.workdir.as_os_str().as_bytes());

    field(script.inputs.len().to_string().as_bytes());
    for input in script.inputs {
        field(input.job.as_str().as_bytes());
        match input.outputs.values.is_empty() {
            true => field(b""),
            false => {
                field(input_path(script, input).as_os_str().as_bytes());
            }
        }
    }
    field(script.params.len().to_string().as_bytes());
    for (name, text) in script.params {
        field(name.as_str().as_bytes());
        field(text.as_bytes());
    }
    let given: Vec<&List> = script.lists.iter().filter(|list| script.has_param(list.name.as_str())).collect();
    field(given.len().to_string().as_bytes());
    for list in given {
        field(list.name.as_str().as_bytes());
        field(list.words.len().to_string().as_bytes());
        list.words.iter().for_each(|word| field(word.as_bytes()));
    }
    // What the environment has under one of these names is the user's: an entry of `envs`, the item of a foreach.
    let is_plain = (script.env)("NO_COLOR").is_some_and(|set| !set.is_empty());
    let colours: Vec<(&str, &OsStr)> = COLOURS
        .iter()
        .filter(|(name, _)| !script.has_param(name))
        .map(|(name, text)| {
            let colour = OsStr::new(if is_plain { "" } else { text });
            (*name, (script.env)(name).unwrap_or(colour))
        })
        .collect();
    field(colours.len().to_string().as_bytes());
    for (name, text) in colours {
        field(name.as_bytes());
        field(text.as_bytes());
    }
    let params = script.params.iter().map(|(name, _)| name.as_str());
    let environment: Vec<(&str, &OsStr)> = params
        .chain(VARIABLES.iter().copied())
        .filter_map(|name| Some((name, (script.env)(name)?)))
        .collect();
    field(environment.len().to_string().as_bytes());
    for (name, text) in environment {
        field(name.as_bytes());
        field(text.as_bytes());
    }
    for path in super::condition::fields(script) {
        field(path.as_bytes());
    }
    let outcomes = script.fates.map(|_| super::outcome::path(script));
    field(outcomes.as_ref().map_or(&[][..], |path| path.as_os_str().as_bytes()));
    field(script.fan_ins.len().to_string().as_bytes());
    // Below, the item: a job of no foreach task has none.
    let item = script.item.filter(|_| !script.has_param("ITEM")).map_or(String::new(), value::compact);
    for fan_in in script.fan_ins {
        field(fan_in.name.as_str().as_bytes());
        field(fan_in.jobs.len().to_string().as_bytes());
        fan_in.jobs.iter().for_each(|job| field(job.item.as_bytes()));
    }
    field(item.as_bytes());
    fields
}

// ── the script ───────────────────────────────────────────────────────────────────────────────────────────────

/// `script.py`: comments for whoever opens it, then the user's lines.
struct Page {
    text: String,
    /// The line that the user's first one is counted as.
    first_line: usize,
    /// Whether that is also where it stands.
    has_true_lines: bool,
}

impl Page {
    fn of(script: &Script, interpreter: &Interpreter) -> Page {
        let body = script.body;
        // `from __future__` must come before any other statement.
        let is_future = body.text.contains("__future__");
        let (first, last) = match is_future {
            false => (interpreter.shebang.clone(), format!("{BY_HAND}  {MARKER}")),
            true => {
                let runner = private(script).join("runner.py");
                let program = interpreter.program.path.display();
                (format!("#!/usr/bin/env -S \"{program}\" \"{}\" try", runner.display()), MARKER.to_owned())
            }
        };
        let mut comments = comments(script);
        let room = if body.has_true_lines { body.first_line - 1 } else { usize::MAX };
        let mut afterwards = Vec::new();
        let mut lines = vec![first];
        match room {
            0 => lines.append(&mut comments),
            1 => {
                lines.clear();
                afterwards = comments;
            }
            2 => afterwards = comments,
            _ => {
                if comments.len() > room - 2 {
                    // What has no line of its own shares the last one.
                    let rest = comments.split_off(room - 3);
                    comments.push(rest.join("  "));
                }
                lines.append(&mut comments);
                lines.resize(lines.len().max(body.first_line.saturating_sub(2)), String::new());
            }
        }
        lines.push(last);
        let has_true_lines = !body.has_true_lines || lines.len() == room;
        let first_line = if body.has_true_lines { body.first_line } else { lines.len() + 1 };
        let mut text = lines.join("\n");
        text.push('\n');
        match is_future.then(|| end_of_future(&body.text)).flatten() {
            Some(end) => {
                let (before, after) = AFTER_FUTURE;
                text.extend([&body.text[..end], before, BY_HAND, after, &body.text[end..]]);
            }
            None => text.push_str(&body.text),
        }
        for comment in afterwards {
            text.push('\n');
            text.push_str(&comment);
        }
        Page { text, first_line, has_true_lines }
    }
}

fn comments(script: &Script) -> Vec<String> {
    let mut lines =
        vec![format!("# The task {} of {}.", plain(script.job.as_str()), plain(script.ottofile.name()))];
    if script.inputs.is_empty() {
        lines.push("# INPUT is empty: this task has no dependencies (`needs`).".into());
    } else {
        lines.push("# INPUT[\"task.key\"] reads a value of a dependency:".into());
    }
    for input in script.inputs.iter().take(30) {
        let keys: Vec<String> = input.outputs.values.iter().take(12).map(|(key, _)| plain(key)).collect();
        let more = input.outputs.values.len().saturating_sub(keys.len());
        let keys = if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") };
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        lines.push(format!("#   {}: {keys}{more}", plain(input.job.as_str())));
    }
    if script.inputs.len() > 30 {
        lines.push(format!("#   and {} tasks more", script.inputs.len() - 30));
    }
    lines.push("# OUTPUT[\"key\"] = value sets a value for the tasks that depend on this one.".into());
    if let Some(contract) = script.contract {
        lines.push(shell::declared(&contract.value));
    }
    if !script.params.is_empty() {
        let names: Vec<&str> = script.params.iter().map(|(name, _)| name.as_str()).collect();
        lines.push(format!("# Parameters are variables, and PARAMS[\"name\"]: {}.", names.join(", ")));
    }
    lines.push("# To see the values of dependencies: cat \"$OTTO_TASK_DIR\"/input.*.json".into());
    lines.push("# If you run it by hand, it gets the same inputs and records nothing.".into());
    // Python would take the words for an encoding.
    lines.iter().map(|line| line.replace("coding:", "coding :").replace("coding=", "coding =")).collect()
}

/// A name as it is if that is harmless in a comment, else as JSON writes it.
fn plain(name: &str) -> String {
    let is_harmless = |character: char| character.is_alphanumeric() || "._:@+-/%".contains(character);
    match !name.is_empty() && name.chars().all(is_harmless) {
        true => name.to_owned(),
        false => value::quoted(name),
    }
}

// ── places ───────────────────────────────────────────────────────────────────────────────────────────────────

/// Text without the escapes with which newer Pythons colour their tracebacks.
fn without_colours(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut plain = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(place) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..place]);
        rest = rest[place + 2..]
            .trim_start_matches(|character: char| character.is_ascii_digit() || character == ';');
        rest = rest.strip_prefix('m').unwrap_or(rest);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests;
