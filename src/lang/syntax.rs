//! Whether bash and Python can read the scripts of an ottofile, asked of the programs that would run them. Nothing is run.

use super::{Script, bash};
use crate::body::{Language, Place, Shebang, condition_of};
use crate::diagnostic::{Code, Diagnostic};
use crate::host::Environment;
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{Body, Task};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A longer text is no argument of a program; nothing is said of it.
const LONGEST: usize = 100 << 10;

/// A text that is no bash, or no Python.
struct Misprint {
    /// From 1, of the body. A later line than the last means its end.
    line: usize,
    /// From 1, in characters; 0: the whole line.
    column: usize,
    what: String,
}

/// A script or an `if`.
struct Text<'a> {
    task: &'a Task,
    body: Cow<'a, Body>,
    is_condition: bool,
}

/// The syntax errors of all tasks, in the order of the ottofile.
pub(crate) fn errors(ottofile: &Ottofile, environment: &Environment) -> Vec<Diagnostic> {
    let texts: Vec<Text> = ottofile.tasks.iter().flat_map(texts).collect();
    let mut misprints: BTreeMap<usize, Misprint> = BTreeMap::new();
    let mut for_python: BTreeMap<OsString, Vec<usize>> = BTreeMap::new();
    for (place, text) in texts.iter().enumerate() {
        match Language::of(&text.body) {
            Language::Bash => {
                let program = program(&text.body, environment, "OTTO_BASH", "bash");
                let misprint = in_bash(&text.body.text, &program)
                    .filter(|misprint| !ends_before(&text.body.text, misprint.line));
                misprints.extend(misprint.map(|misprint| (place, misprint)));
            }
            Language::Python => {
                let program = program(&text.body, environment, "OTTO_PYTHON", "python3");
                if text.body.text.len() < LONGEST {
                    for_python.entry(program).or_default().push(place);
                }
            }
            Language::Posix | Language::Other => {}
        }
    }
    for (program, places) in &for_python {
        misprints.extend(in_python(program, places, &texts));
    }
    misprints.into_iter().map(|(place, misprint)| told(ottofile, &texts[place], misprint)).collect()
}

fn texts(task: &Task) -> impl Iterator<Item = Text<'_>> {
    let body = task.body.as_ref();
    // Shells that are not bash ask in their own words.
    let is_known = body.is_none_or(|body| Language::of(body) != Language::Posix);
    let condition = condition_of(task).filter(|_| is_known);
    let condition = condition.map(|body| Text { task, body: Cow::Owned(body), is_condition: true });
    let body = body.map(|body| Text { task, body: Cow::Borrowed(body), is_condition: false });
    condition.into_iter().chain(body)
}

/// What runs such a text: the variable's program, that of the `#!` line, or the usual one.
fn program(body: &Body, environment: &Environment, variable: &str, usual: &str) -> OsString {
    if let Some(chosen) = environment.filled(variable) {
        return chosen.to_owned();
    }
    let shebang = Shebang::of(&body.text).map(|shebang| shebang.program.clone());
    shebang
        .filter(|program| !program.contains('/') || Path::new(program).exists())
        .unwrap_or(usual.into())
        .into()
}

fn command(program: &OsStr) -> Command {
    let mut command = Command::new(program);
    command.env_remove("BASH_ENV").env_remove("ENV").env("LC_ALL", "C.UTF-8").stderr(Stdio::piped());
    command
}

/// Asks `bash -n`. Without that program nothing is known.
fn in_bash(text: &str, program: &OsStr) -> Option<Misprint> {
    // An alias may stand for any part of a command.
    if text.contains("alias") {
        return None;
    }
    let mut command = command(program);
    command
        .args(["--norc", "--noprofile", "-n", "-O", "extglob"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let mut child = command.spawn().ok()?;
    // It may stop reading at the error.
    let _ = child.stdin.take()?.write_all(text.as_bytes());
    let output = child.wait_with_output().ok()?;
    if output.status.success() {
        return None;
    }
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    told.lines().find_map(|line| {
        let (_, rest) = line.split_once(": line ")?;
        let (number, what) = rest.split_once(": ")?;
        Some(Misprint { line: number.parse().ok()?, column: 0, what: what.to_owned() })
    })
}

/// The line of the ottofile at which a body is no bash, and the error, for a body that bash has read to there.
pub(super) fn of_body(script: &Script) -> Option<(usize, Diagnostic)> {
    let body = script.body;
    let program = bash::interpreter(script).ok()?;
    let misprint = in_bash(&body.text, program.path.as_os_str())?;
    let line = body.first_line + misprint.line - 1;
    let span = Place::of(body, script.ottofile).span(place_of(&body.text, &misprint));
    let message = format!("the script of `{}` is not valid bash", script.job);
    Some((line, Diagnostic::error(Code::ScriptSyntax, message).at(script.ottofile, span, misprint.what)))
}

/// Whether bash, which reads line by line, may never get to a line: what follows an `exit` may be data.
fn ends_before(text: &str, line: usize) -> bool {
    text.lines().take(line.saturating_sub(1)).any(|line| line.starts_with("exit") || line.starts_with("exec"))
}

/// Asks one Python about several texts.
fn in_python(program: &OsStr, places: &[usize], texts: &[Text]) -> Vec<(usize, Misprint)> {
    let mut command = command(program);
    command.args(["-I", "-S", "-W", "ignore", "-c", include_str!("python/syntax.py")]);
    for place in places {
        let text = &texts[*place];
        let text = &text.body.text;
        match texts[*place].is_condition {
            // It may be indented.
            true => command.args(["eval", text.trim_start_matches([' ', '\t'])]),
            false => command.args(["exec", text]),
        };
    }
    let Ok(output) = command.stdin(Stdio::null()).output() else { return Vec::new() };
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let misprint = |(place, line): (&usize, &str)| {
        let mut words = line.splitn(3, ' ');
        let (line, column) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some((*place, Misprint { line, column, what: words.next()?.to_owned() }))
    };
    places.iter().zip(told.lines()).filter_map(misprint).collect()
}

fn told(ottofile: &Ottofile, text: &Text, misprint: Misprint) -> Diagnostic {
    let source = ottofile.sources.of(text.body.span);
    let body = &text.body.text;
    let range = place_of(body, &misprint);
    let of = if text.is_condition { "`if`" } else { "script" };
    let name = match Language::of(&text.body) {
        Language::Python => "Python",
        _ => "bash",
    };
    let message = format!("the {of} of `{}` is not valid {name}", text.task.name);
    Diagnostic::error(Code::ScriptSyntax, message).at(
        &ottofile.sources,
        Place::of(&text.body, source).span(range),
        misprint.what,
    )
}

/// The bytes of a body that a misprint is about: from its column, or its whole line; behind the end, the last line.
fn place_of(body: &str, misprint: &Misprint) -> std::ops::Range<usize> {
    let mut start = 0;
    let mut found = 0..body.trim_end().len();
    for (number, line) in body.split_inclusive('\n').enumerate() {
        let text = line.trim_end();
        if !text.is_empty() {
            found = start + (text.len() - text.trim_start().len())..start + text.len();
        }
        if number + 1 == misprint.line && !text.is_empty() {
            let column =
                text.char_indices().nth(misprint.column.wrapping_sub(1)).map(|(column, _)| start + column);
            return column.map_or(found, |column| column..(start + text.len()).max(column));
        }
        start += line.len();
    }
    found
}
