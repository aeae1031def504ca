//! `sh`, dash, busybox, ksh, mksh, yash, zsh: the functions without arrays. A body that calls none of them gets nothing.
//! What is set goes to the journal at once; only exported variables are left for the end.

use super::bash::{self, Level, without_comments};
use super::fan_in::AskedLists;
use super::files::private;
use super::handover;
use super::interpreter::{self};
use super::outcome;
use super::quote::{Charset, push_assignment, push_word};
use super::shell::{self, Frame, LegacyVariable, Start};
use super::{CannotPrepare, HandOver, Left, Prepared, Program, Script, condition};
use crate::body::ending::BodyEnd;
use crate::body::need::{COLOURS, Needs};
use crate::body::{Place, Shebang, reads_outcome_array};
use crate::diagnostic::{Code, Diagnostic};
use crate::ottofile::spec::Body;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::sync::LazyLock;

static FUNCTIONS: LazyLock<String> = LazyLock::new(|| without_comments(include_str!("posix/posix.sh")));
static PRINT: LazyLock<String> = LazyLock::new(|| without_comments(include_str!("posix/print.sh")));
static EXPORTS: LazyLock<String> = LazyLock::new(|| without_comments(include_str!("posix/exports.sh")));
static ASK: LazyLock<String> = LazyLock::new(|| without_comments(include_str!("posix/ask.sh")));
static FORGET_EXPORTS: LazyLock<String> =
    LazyLock::new(|| without_comments(include_str!("posix/forget_exports.sh")));
static EXIT: LazyLock<String> = LazyLock::new(|| without_comments(include_str!("posix/exit.sh")));
static FAILED: LazyLock<String> = LazyLock::new(|| without_comments(include_str!("posix/failed.sh")));
static TRAP: LazyLock<String> = LazyLock::new(|| without_comments(include_str!("posix/trap.sh")));
static LAST: LazyLock<String> = LazyLock::new(|| without_comments(include_str!("posix/last.sh")));
static LEAVE: LazyLock<String> = LazyLock::new(|| without_comments(include_str!("posix/leave.sh")));

/// What the `#!` line names, or a program of that name by `PATH`.
pub(super) fn interpreter(script: &Script) -> Result<Program, CannotPrepare> {
    let Some(shebang) = Shebang::of(&script.body.text) else {
        unreachable!("bug: only a `#!` line chooses such a shell")
    };
    interpreter::find(script, OsStr::new(&shebang.program))
        .or_else(|error| interpreter::find(script, OsStr::new(shebang.name())).map_err(|_| error))
}

pub(super) fn prepare(script: &Script, oversized: &[(String, Vec<u8>)]) -> Result<Prepared, CannotPrepare> {
    let Some(shebang) = Shebang::of(&script.body.text) else {
        unreachable!("bug: only a `#!` line chooses such a shell")
    };
    refuse_arrays(script, shebang.name())?;
    let program = interpreter(script)?;
    let needs = needs(script);
    // Only what it does with exported variables differs.
    let level = needs.exports.then(|| bash::level_of(script, &program.path)).flatten();
    let is_old = level.is_some_and(Level::is_old);
    let start = match (
        needs.calls || needs.exports || !oversized.is_empty() || script.fates.is_some(),
        script.params.is_empty(),
    ) {
        (true, _) => Start::Loaded,
        (false, false) => Start::ByHand,
        (false, true) => Start::None,
    };
    let line = script.body.text.lines().next().unwrap_or("");
    let mut before = shell::before(script, needs.colours.then_some(COLOURS), start);
    if notes_failures(shebang.name()) && !script.body.text.contains("trap") {
        before.extend_from_slice(b"otto__failed=");
        push_word(&mut before, script.dir.join("failed").as_os_str().as_bytes(), Charset::Plain);
        FAILED.lines().for_each(|line| before.extend([b"; ", line.as_bytes()].concat()));
        before.extend_from_slice(b"; ");
    }
    before.extend_from_slice(if lacks_pipefail(&shebang) { b"set -eu" } else { b"set -euo pipefail" });
    push_question(script, &needs, &mut before)?;
    let frame = Frame {
        shebang: line,
        body: &script.body.text,
        before,
        after: after(&script.body.text, is_old),
        setting: "otto_set KEY VALUE",
        reading: &|key| format!("$(otto_get {key})"),
    };
    let variables = shell::legacy_variables(script, needs.calls, needs.names)?;
    let start_text =
        (start != Start::None).then(|| start_text(script, &needs, is_old, &variables, oversized));
    let run_as = shell::write(script, start_text.as_deref(), &shell::script_text(script, &frame))?;
    // With `set -C` zsh does not append to a file that is not there.
    if (needs.calls || needs.exports) && (needs.opaque || !shebang.args.is_empty()) {
        shell::make_files(script, &["journal", "names", "exported", "dump"])?;
    }
    let mut args: Vec<OsString> = shebang.args.iter().map(OsString::from).collect();
    args.push(run_as.clone().into());
    let hands_over = handover::FILES;
    let warnings = super::clashes(script.inputs);
    Ok(Prepared { program, level, args, hands_over, env: Vec::new(), warnings })
}

pub(super) fn collect(script: &Script, left: &Left) -> HandOver {
    let needs = needs(script);
    if !(needs.calls || needs.exports) {
        return handover::collect_end(script, left);
    }
    let is_old = left.level.is_some_and(Level::is_old);
    handover::collect_from_posix(script, &needs, needs.exports.then_some(is_old), left)
}

fn needs(script: &Script) -> Needs {
    let needs = Needs::of_posix(&script.body.text);
    script.condition.map_or(needs, |condition| needs.after(Needs::of_posix(&condition.text)))
}

/// On the line before the body: the question whether it runs.
fn push_question(script: &Script, needs: &Needs, before: &mut Vec<u8>) -> Result<(), CannotPrepare> {
    let mut forget = String::new();
    if needs.calls {
        forget.push_str("[ ! -s \"$otto__dir/journal\" ] || : >| \"$otto__dir/journal\"\n");
        forget.push_str("[ ! -s \"$otto__dir/names\" ] || : >| \"$otto__dir/names\"\n");
    }
    if needs.exports {
        forget.push_str(&FORGET_EXPORTS);
    }
    condition::push_question(before, script, &ASK, &forget)
}

/// What stands behind the body: nothing, unless a false test at its end has to be told from a failure, or the shell is an
/// old bash, where no trap may save. Nothing stands behind a text that lacks its end.
fn after(text: &str, is_old: bool) -> &'static str {
    let ending = BodyEnd::of(text);
    match (ending.is_surely_a_test(), is_old) {
        _ if ending == BodyEnd::Unfinished => "",
        (true, false) => shell::LAST_TEST,
        (true, true) => {
            "{ case $-:$? in *e*:1) otto__last 0 ;; *) otto__last $? ;; esac; } 2> /dev/null || \\exit\n"
        }
        (false, true) => "{ otto__last $?; } 2> /dev/null || \\exit\n",
        (false, false) => "",
    }
}

/// `sh` and dash may not know the option, and would end there.
fn lacks_pipefail(shebang: &Shebang) -> bool {
    matches!(shebang.name(), "sh" | "dash")
}

/// A trap for ERR knows the line of a command that `set -e` ends the body at. dash and busybox have none; that of mksh counts
/// wrong and takes the place of the status.
fn notes_failures(shell: &str) -> bool {
    shell.starts_with("ksh") || shell == "zsh"
}

/// Whether the text uses the name as an array.
fn has_subscript(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(place, _)| {
        let rest = &text[place + name.len()..];
        let is_word = !text[..place].ends_with(|before: char| before.is_alphanumeric() || before == '_');
        is_word && ["[", "=(", "+=("].iter().any(|start| rest.starts_with(start))
    })
}

/// Such an array would stay the body's own, or be no array at all.
fn refuse_arrays(script: &Script, shell: &str) -> Result<(), CannotPrepare> {
    let is_asking = |condition: &&Body| {
        ["OUTPUT", "INPUT"].iter().any(|name| has_subscript(&condition.text, name))
            || reads_outcome_array(&condition.text)
    };
    let body = script.condition.filter(is_asking).unwrap_or(script.body);
    let text = &body.text;
    let is_outcome = script.fates.is_some() && reads_outcome_array(text);
    let (name, word) = match (has_subscript(text, "OUTPUT"), has_subscript(text, "INPUT"), is_outcome) {
        (true, _, _) => ("OUTPUT[key]", "OUTPUT"),
        (_, true, _) => ("INPUT[task.key]", "INPUT"),
        (_, _, true) => ("OUTCOME[task]", "OUTCOME"),
        (false, false, false) => return Ok(()),
    };
    let start = text.find(word).unwrap_or(0);
    let span = Place::of(body, script.ottofile).span(start..start + word.len());
    let message = format!("`{}` uses `{name}`, which works only in bash; this is {shell}", script.job);
    let diagnostic = Diagnostic::error(Code::NeedsNewerBash, message)
        .at(script.ottofile, span, "not available in this shell")
        .help(match word {
            "OUTCOME" => "use `otto_outcome TASK`, or run the task with bash",
            _ => "use `otto_set KEY VALUE` and `otto_get TASK.KEY`, or run the task with bash",
        });
    Err(CannotPrepare { diagnostic, code: 125 })
}

fn start_text(
    script: &Script,
    needs: &Needs,
    is_old: bool,
    variables: &[LegacyVariable],
    oversized: &[(String, Vec<u8>)],
) -> Vec<u8> {
    let charset = Charset::Plain;
    let mut text = shell::start_of_start();
    text.extend_from_slice(b"otto__dir=");
    push_word(&mut text, private(script).as_os_str().as_bytes(), Charset::Plain);
    text.push(b'\n');
    if needs.calls || needs.exports {
        text.extend_from_slice(PRINT.as_bytes());
    }
    if needs.calls {
        text.extend_from_slice(FUNCTIONS.as_bytes());
        let body = script.whole_text();
        let asked = AskedLists::by(script, &body, needs.opaque);
        asked.push_items(&mut text, charset);
        shell::push_find_function(&mut text, script, &asked, charset);
        push_about_function(&mut text, script);
        if let Some(fates) = script.fates {
            outcome::push_function(&mut text, fates, charset, "otto__line ");
        }
    }
    if needs.exports {
        text.extend_from_slice(EXPORTS.as_bytes());
        if needs.opaque || is_old {
            text.extend_from_slice(LEAVE.as_bytes());
        }
        // An old bash would turn the failure of a variable that is not set into status 0.
        if is_old {
            text.extend_from_slice(LAST.as_bytes());
        } else {
            text.extend_from_slice(EXIT.as_bytes());
            if needs.opaque {
                text.extend_from_slice(TRAP.as_bytes());
            }
        }
    }
    for variable in variables {
        push_assignment(&mut text, &variable.name, &variable.value, charset);
    }
    for (name, value) in oversized {
        push_assignment(&mut text, name, value, charset);
    }
    shell::push_by_hand(&mut text, script, charset);
    text
}

/// `otto__about KEY`: which dependency a key speaks of, and what that has.
fn push_about_function(text: &mut Vec<u8>, script: &Script) {
    let mut inputs: Vec<_> = script.inputs.iter().collect();
    // Of `a` and `a.b` the longer one is meant by `a.b.c`.
    inputs.sort_by_key(|input| std::cmp::Reverse(input.job.as_str().len()));
    text.extend_from_slice(b"otto__about() {\ncase $1 in\n");
    for input in inputs {
        push_word(text, format!("{}.", input.job).as_bytes(), Charset::Plain);
        text.extend_from_slice(b"*) otto__task=");
        push_word(text, input.job.as_str().as_bytes(), Charset::Plain);
        text.extend_from_slice(b" otto__keys=");
        push_word(text, shell::keys_in_words(input, 20).as_bytes(), Charset::Plain);
        text.extend_from_slice(b" ;;\n");
    }
    let names: Vec<&str> = script.inputs.iter().map(|input| input.job.as_str()).collect();
    text.extend_from_slice(b"*) otto__task= otto__keys=");
    push_word(text, names.join(", ").as_bytes(), Charset::Plain);
    text.extend_from_slice(b" ;;\nesac\n}\n");
}
