//! What every shell has in common: the files of a job, the script round the user's lines, inputs as a shell can read
//! them. Knows no particular shell.

use super::fan_in::AskedLists;
use super::files::{self, private};
use super::quote::{Charset, push_assignment, push_word};
use super::{CannotPrepare, Input, Script};
use crate::contract::{Contract, Declared};
use crate::diagnostic::{Code, Diagnostic};
use crate::store::layout::file_name;
use crate::value::{self, Value};
use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

/// Keys of one dependency that the script's opening comment names.
const MOST_KEYS_SHOWN: usize = 6;
/// Dependencies that the comment names.
const MOST_INPUTS_SHOWN: usize = 30;
/// Empty lines above the body beyond which they are written as `\`, which a shell reads faster.
const MOST_EMPTY_LINES: usize = 200;

/// The name under which a shell runs the script and with which its messages begin: `otto.yml:build`, where its lines are
/// those of the ottofile.
pub(super) fn shown_name(script: &Script) -> String {
    if !script.body.has_true_lines {
        return file_name(script.job);
    }
    let ottofile = script.ottofile.name().rsplit('/').next().unwrap_or("otto.yml");
    let name = format!("{ottofile}:{}", file_name(script.job));
    if name.len() > 255 { file_name(script.job) } else { name }
}

/// Writes `.otto/start.sh`, if there is one, and `script.sh`, and makes the link under whose name the script runs. That
/// link's path comes back.
pub(super) fn write(script: &Script, start: Option<&[u8]>, text: &[u8]) -> Result<PathBuf, CannotPrepare> {
    if let Some(start) = start {
        files::make_dir(&private(script))?;
        files::write(&start_path(script), start)?;
    }
    files::write(&script.dir.join("script.sh"), text)?;
    let run_as = script.dir.join(shown_name(script));
    match symlink("script.sh", &run_as) {
        // A second attempt finds it there.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(CannotPrepare::writing(&run_as, &error))
        }
        _ => Ok(run_as),
    }
}

/// Makes files that a body would else make itself, with a `umask` that may keep it from writing to them again.
pub(super) fn make_files(script: &Script, names: &[&str]) -> Result<(), CannotPrepare> {
    names.iter().try_for_each(|name| files::write(&private(script).join(name), b""))
}

pub(super) fn start_path(script: &Script) -> PathBuf {
    private(script).join("start.sh")
}

/// The parts of a script that differ between shells.
pub(super) struct Frame<'a> {
    pub(super) shebang: &'a str,
    /// The user's lines.
    pub(super) body: &'a str,
    /// What runs before the body, on one line.
    pub(super) before: Vec<u8>,
    /// What runs after the body.
    pub(super) after: &'a str,
    /// How this shell sets an output, for the opening comment.
    pub(super) setting: &'a str,
    /// How it reads an input, from the key.
    pub(super) reading: &'a dyn Fn(&str) -> String,
}

/// The script: an opening comment, the start, the body with its lines where the ottofile has them, and the end if the shell
/// needs one. What of the comment has no room stands on the line of the start: behind the body there is nothing that it could
/// take for its own.
pub(super) fn script_text(script: &Script, frame: &Frame) -> Vec<u8> {
    let comments = opening(script, frame);
    let above = script.body.first_line.saturating_sub(1);
    let mut text = Vec::with_capacity(frame.body.len() + 1024 + above);
    let mut fitting = 0;
    if above >= 2 {
        text.extend_from_slice(frame.shebang.as_bytes());
        text.push(b'\n');
        fitting = comments.len().min(above - 2);
        push_lines(&mut text, &comments[..fitting]);
    }
    let padding = above.saturating_sub(if above >= 2 { fitting + 2 } else { 1 });
    if padding > MOST_EMPTY_LINES {
        (1..padding).for_each(|_| text.extend_from_slice(b"\\\n"));
        text.push(b'\n');
    } else {
        text.resize(text.len() + padding, b'\n');
    }
    text.extend_from_slice(&frame.before);
    if above > 0 && fitting < comments.len() {
        let rest: Vec<&str> = comments[fitting..].iter().map(|line| line.trim_start_matches("# ")).collect();
        text.extend_from_slice(format!(" # {}", rest.join(" ")).as_bytes());
    }
    text.extend_from_slice(if above == 0 { b"; " } else { b"\n" });
    text.extend_from_slice(frame.body.as_bytes());
    if !frame.after.is_empty() {
        // An empty line between: the body may end without a newline, or with a backslash.
        text.extend_from_slice(b"\n\n");
        text.extend_from_slice(frame.after.as_bytes());
    }
    text
}

/// The last line of a script whose body provably ends with a list of tests, for shells whose traps cannot tell which command
/// a status is from: a test that is false where `set -e` lets it pass is no failure.
pub(super) const LAST_TEST: &str = "{ case $-:$? in *e*:1) ;; *) (\\exit \"$?\") ;; esac; } 2> /dev/null\n";

/// When a script loads the file beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// There is none.
    None,
    /// Only when somebody runs the script by hand, who would lack its parameters.
    ByHand,
    Loaded,
}

/// The line before the body: loads the start, defines the colours. The options come after it.
pub(super) fn before(script: &Script, colours: Option<&[(&str, &str)]>, start: Start) -> Vec<u8> {
    let mut line = Vec::new();
    if start == Start::ByHand {
        line.extend_from_slice(b"[ \"${OTTO_TASK_DIR-}\" = ");
        push_word(&mut line, script.task_dir.as_os_str().as_bytes(), Charset::Plain);
        line.extend_from_slice(b" ] || ");
    }
    if start != Start::None {
        line.extend_from_slice(b". ");
        push_word(&mut line, start_path(script).as_os_str().as_bytes(), Charset::Plain);
        line.extend_from_slice(b" || exit 97; ");
    }
    // What the launch sets counts more than what otto defines by itself.
    let colours: Vec<_> =
        colours.into_iter().flatten().filter(|(name, _)| (script.env)(name).is_none()).collect();
    let is_plain = (script.env)("NO_COLOR").is_some_and(|value| !value.is_empty());
    if !colours.is_empty() {
        let value = |text: &str| if is_plain { String::new() } else { format!("'{text}'") };
        let all: Vec<String> = colours.iter().map(|(name, text)| format!("{name}={}", value(text))).collect();
        line.extend_from_slice(format!("{}; ", all.join(" ")).as_bytes());
    }
    line
}

/// The first lines of the file that a script loads.
pub(super) fn start_of_start() -> Vec<u8> {
    b"# What otto runs before the script. The script itself: ../script.sh\n".to_vec()
}

fn push_lines(text: &mut Vec<u8>, lines: &[String]) {
    for line in lines {
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
    }
}

/// What the reader of the script should know, a comment line each, the most useful first.
fn opening(script: &Script, frame: &Frame) -> Vec<String> {
    let ottofile = one_line(script.ottofile.name());
    let mut lines =
        vec![format!("# Task `{}` of {ottofile}, as otto runs it.", one_line(script.job.as_str()))];
    if script.inputs.is_empty() {
        lines.push("# INPUT is empty: this task has no dependencies.".to_owned());
    }
    for input in script.inputs.iter().take(MOST_INPUTS_SHOWN) {
        let job = one_line(input.job.as_str());
        match input.outputs.values.first() {
            None => lines.push(format!("# INPUT: `{job}` set no outputs.")),
            Some((key, _)) => {
                let example = (frame.reading)(&format!("{job}.{}", one_line(key)));
                let keys = keys_in_words(input, MOST_KEYS_SHOWN);
                lines.push(format!("# INPUT: {example}; `{job}` has {keys}."));
            }
        }
    }
    if let Some(more) = script.inputs.len().checked_sub(MOST_INPUTS_SHOWN).filter(|more| *more > 0) {
        lines.push(format!("# INPUT has values of {more} more tasks."));
    }
    lines.push(format!("# {} sets a value for the tasks that depend on this one.", frame.setting));
    if let Some(contract) = script.contract {
        lines.push(declared(&contract.value));
    }
    if !script.params.is_empty() {
        let names: Vec<&str> = script.params.iter().map(|(name, _)| name.as_str()).collect();
        lines.push(format!("# Parameters are variables: {}.", names.join(" ")));
    }
    lines.push("# To see the values of dependencies: cat \"$OTTO_TASK_DIR\"/input.*.json".to_owned());
    lines.push("# OTTO_TASK, OTTO_WORKSPACE, OTTO_TASKS_DIR and OTTO_RUN_ID are also set.".to_owned());
    lines
}

/// The keys of a dependency for people: `version, artifact and 3 more`.
pub(super) fn keys_in_words(input: &Input, most: usize) -> String {
    let keys: Vec<String> = input.outputs.values.iter().take(most).map(|(key, _)| one_line(key)).collect();
    match input.outputs.values.len() - keys.len() {
        0 => keys.join(", "),
        more => format!("{} and {more} more", keys.join(", ")),
    }
}

/// The declared outputs, as a comment.
pub(super) fn declared(contract: &Contract) -> String {
    let one = |key: &Declared| one_line(&format!("{}: {}", key.name, key.promise));
    let keys: Vec<String> = contract.keys.iter().take(MOST_KEYS_SHOWN).map(one).collect();
    let more = if contract.keys.len() > keys.len() { ", …" } else { "" };
    format!("# Declared outputs: {}{more}.", keys.join(", "))
}

/// A text that cannot leave its line, and is not long.
pub(super) fn one_line(text: &str) -> String {
    let shown = |character: char| if character.is_control() { '\u{fffd}' } else { character };
    text.chars().take(60).map(shown).collect()
}

/// Every key that a shell can read, with its value as text: those that were set, then what is nested in them. A key that
/// is literally there wins over a nested one.
pub(super) fn each_input(inputs: &[Input], take: &mut dyn FnMut(&str, &[u8])) {
    for input in inputs {
        value::each_key(&input.outputs.values, &mut |key, value| {
            if let Some(bytes) = shell_value(value) {
                take(&format!("{}.{key}", input.job), &bytes);
            }
        });
    }
}

/// A value as the text that a shell holds: strings as they are, null as nothing, all else as JSON. `None`: it has a
/// NUL, which no shell can hold.
pub(super) fn shell_value(value: &Value) -> Option<Cow<'_, [u8]>> {
    if let Some(bytes) = value.as_bytes() {
        return (!bytes.contains(&0)).then_some(bytes);
    }
    Some(match value {
        Value::Null => Cow::Borrowed(b""),
        Value::Number(digits) => Cow::Borrowed(digits.as_bytes()),
        other => Cow::Owned(value::compact(other).into_bytes()),
    })
}

/// What otto sets before the start, for a script that is run by hand: the rest of a file that has returned by now if
/// otto runs it.
pub(super) fn push_by_hand(text: &mut Vec<u8>, script: &Script, charset: Charset) {
    const NAMES: &[&str] = &[
        "OTTO_INVOCATION_DIR",
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
    text.extend_from_slice(b"[ \"${OTTO_TASK_DIR-}\" != ");
    push_word(text, script.task_dir.as_os_str().as_bytes(), Charset::Plain);
    text.extend_from_slice(b" ] || return 0\n# Run by hand: what otto sets before the start.\n");
    for name in NAMES {
        if let Some(value) = (script.env)(name) {
            push_assignment(text, name, value.as_bytes(), charset);
            text.extend_from_slice(format!("export {name}\n").as_bytes());
        }
    }
    if script.fates.is_some() {
        let path = super::outcome::path(script);
        push_assignment(text, super::outcome::VARIABLE, path.as_os_str().as_bytes(), charset);
        text.extend_from_slice(format!("export {}\n", super::outcome::VARIABLE).as_bytes());
    }
    for (name, value) in script.params {
        // One that is there already has been chosen by hand.
        text.extend_from_slice(format!("[ \"${{{name}+x}}\" ] || ").as_bytes());
        push_assignment(text, name.as_str(), value.as_bytes(), charset);
        text.extend_from_slice(format!("export {name}\n").as_bytes());
    }
    text.extend_from_slice(b"cd -- ");
    push_word(text, script.workdir.as_os_str().as_bytes(), Charset::Plain);
    text.push(b'\n');
}

/// A variable `OTTO_INPUT_<TASK>_<KEY>` that a text mentions.
pub(super) struct LegacyVariable {
    pub(super) name: String,
    pub(super) value: Vec<u8>,
    /// The input it is made from.
    key: String,
}

/// The variables that the text mentions, or all: an error if two inputs would be one variable with different values, and
/// that one is mentioned.
pub(super) fn legacy_variables(
    script: &Script,
    is_used: bool,
    all: bool,
) -> Result<Vec<LegacyVariable>, CannotPrepare> {
    let mut variables: Vec<LegacyVariable> = Vec::new();
    let mut clash = None;
    if !is_used {
        return Ok(variables);
    }
    let mut places: HashMap<String, usize> = HashMap::new();
    let text = script.whole_text();
    each_input(script.inputs, &mut |key, value| {
        let name = format!("OTTO_INPUT_{}", crate::name::fold(key));
        let is_mentioned = || crate::body::export::has_word(&text, &name);
        match places.get(&name).map(|place| &variables[*place]) {
            Some(there) if there.value != value && is_mentioned() => {
                clash.get_or_insert_with(|| (name, there.key.clone(), key.to_owned()));
            }
            Some(_) => {}
            None if all || is_mentioned() => {
                places.insert(name.clone(), variables.len());
                variables.push(LegacyVariable { name, value: value.to_vec(), key: key.to_owned() });
            }
            None => {}
        }
    });
    let Some((name, one, other)) = clash else { return Ok(variables) };
    let message = format!(
        "`{}` uses `{name}`, which is ambiguous: both `{one}` and `{other}` would become it",
        script.job
    );
    let diagnostic = Diagnostic::error(Code::ExportClash, message)
        .help(format!("read them with `otto_get_input {one}` and `otto_get_input {other}`"));
    Err(CannotPrepare { diagnostic, code: 125 })
}

/// `otto__find KEY` and `otto__find_folded KEY` for shells without associative arrays.
pub(super) fn push_find_function(text: &mut Vec<u8>, script: &Script, asked: &AskedLists, charset: Charset) {
    let mut folded: HashMap<String, Option<Vec<u8>>> = HashMap::new();
    text.extend_from_slice(b"otto__find() {\notto__is_there=x\ncase $1 in\n");
    each_input(script.inputs, &mut |key, value| {
        push_arm(text, key, value, charset);
        // A spelling that means two keys means none.
        let spelling = crate::name::fold(key).to_ascii_lowercase();
        folded.entry(spelling).and_modify(|there| *there = None).or_insert_with(|| Some(value.to_vec()));
    });
    asked.each_list(&mut |key, list| push_arm(text, key, list, charset));
    // Of a foreach task without jobs every list is empty.
    for fan_in in script.fan_ins.iter().filter(|fan_in| fan_in.jobs.is_empty()) {
        push_word(text, format!("{}.*.", fan_in.name).as_bytes(), charset);
        text.extend_from_slice(b"*) otto__value='[]' ;;\n");
    }
    text.extend_from_slice(b"*) otto__is_there= otto__value= ;;\nesac\n}\n");
    text.extend_from_slice(b"otto__find_folded() {\notto__is_there=x\ncase $1 in\n");
    let mut folded: Vec<_> = folded.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    folded.sort();
    let mut jobs: HashMap<String, Vec<&str>> = HashMap::new();
    for input in script.inputs {
        let job = input.job.as_str();
        jobs.entry(crate::name::fold(job).to_ascii_lowercase()).or_default().push(job);
    }
    for (key, value) in folded {
        // `build.build_id` as it is written, with the dot between.
        for (end, _) in key.char_indices() {
            for job in jobs.get(&key[..end]).into_iter().flatten() {
                push_arm(text, &format!("{job}.{}", &key[end + 1..]), &value, charset);
            }
        }
    }
    text.extend_from_slice(b"*) otto__is_there= otto__value= ;;\nesac\n}\n");
}

fn push_arm(text: &mut Vec<u8>, key: &str, value: &[u8], charset: Charset) {
    push_word(text, key.as_bytes(), charset);
    text.extend_from_slice(b") otto__value=");
    push_word(text, value, charset);
    text.extend_from_slice(b" ;;\n");
}
