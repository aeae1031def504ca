//! `sh`, dash, busybox, ksh, mksh, yash, zsh: the functions without arrays. A body that calls none of them gets nothing.
//! What is set goes to the journal at once; only exported variables are left for the end.

use super::bash::{self, without_comments};
use super::handover;
use super::interpreter::{self};
use super::quote::{Charset, push_word};
use super::shell::{self, Frame, LegacyVariable, Start};
use super::{CannotPrepare, HandOver, Prepared, Script};
use crate::body::mention::{COLOURS, Mentions};
use crate::body::{Place, Shebang};
use crate::diagnostic::{Code, Diagnostic};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

static FUNCTIONS: LazyLock<String> = LazyLock::new(|| without_comments(include_str!("posix/posix.sh")));
static PRINT: LazyLock<String> = LazyLock::new(|| without_comments(include_str!("posix/print.sh")));
static EXPORTS: LazyLock<String> = LazyLock::new(|| without_comments(include_str!("posix/exports.sh")));
static LEAVE: LazyLock<String> = LazyLock::new(|| without_comments(include_str!("posix/leave.sh")));

/// What the `#!` line names, or a program of that name by `PATH`.
pub(super) fn interpreter(script: &Script) -> Result<PathBuf, CannotPrepare> {
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
    refuse_arrays(script, &Mentions::of(&script.body.text), shebang.name())?;
    let program = interpreter(script)?;
    let (found, is_old) = mentions(script, &program);
    let start = Start::of(script, &found, !oversized.is_empty());
    let line = script.body.text.lines().next().unwrap_or("");
    let options = if lacks_pipefail(&shebang) { "set -eu" } else { "set -euo pipefail" };
    let frame = Frame {
        shebang: line,
        body: &script.body.text,
        before: shell::before(script, found.colours.then_some(COLOURS), start, options),
        after: match may_export(&found) {
            true => {
                "case $- in *e*) otto__exit ;; *) otto__status=$?; otto__exit; exit \"$otto__status\" ;; esac"
            }
            false => shell::neutral_end(&found),
        },
        setting: "otto_set KEY VALUE",
        reading: &|key| format!("$(otto_get {key})"),
    };
    let variables = shell::legacy_variables(script, &found)?;
    let start_text =
        (start != Start::None).then(|| start_text(script, &found, is_old, &variables, oversized));
    let run_as = shell::write(script, start_text.as_deref(), &shell::script_text(script, &frame))?;
    // With `set -C` zsh does not append to a file that is not there.
    if found.may_hand_over() && (found.umask || found.options || found.opaque || !shebang.args.is_empty()) {
        shell::make_files(script, &["journal", "names", "exported", "dump"])?;
    }
    let mut args: Vec<OsString> = shebang.args.iter().map(OsString::from).collect();
    args.push(run_as.clone().into());
    Ok(Prepared { program, args, env: Vec::new(), warnings: super::clashes(script.inputs) })
}

pub(super) fn collect(script: &Script, succeeded: bool) -> HandOver {
    // It was there when the body started; one that is gone since has still handed over.
    let program = interpreter(script).unwrap_or_default();
    let (found, is_old) = mentions(script, &program);
    if !found.may_hand_over() {
        return HandOver::default();
    }
    handover::collect_from_posix(script, &found, may_export(&found).then_some(is_old), succeeded)
}

/// What the body speaks of, and whether it is an old bash that runs it, which matters to those that need a trap.
fn mentions(script: &Script, program: &Path) -> (Mentions, bool) {
    let found = Mentions::of(&script.body.text);
    let is_old = (found.trap || may_export(&found)) && bash::is_old(script, program);
    (bash::mentions(&script.body.text, is_old), is_old)
}

fn may_export(found: &Mentions) -> bool {
    found.export || found.opaque || found.save
}

/// `sh` and dash may not know the option, and would end there.
fn lacks_pipefail(shebang: &Shebang) -> bool {
    matches!(shebang.name(), "sh" | "dash")
}

/// Such an array would stay the body's own, or be no array at all.
fn refuse_arrays(script: &Script, found: &Mentions, shell: &str) -> Result<(), CannotPrepare> {
    if !found.output && !found.input {
        return Ok(());
    }
    let (name, word) = if found.output { ("OUTPUT[key]", "OUTPUT") } else { ("INPUT[task.key]", "INPUT") };
    let start = script.body.text.find(word).unwrap_or(0);
    let span = Place::of(script.body, script.ottofile).span(start..start + word.len());
    let message =
        format!("`{}` uses `{name}`, which otto has for bash only, and this is {shell}", script.job);
    let diagnostic = Diagnostic::error(Code::NeedsNewerBash, message)
        .at(script.ottofile, span, "not in this shell")
        .help("use `otto_set KEY VALUE` and `otto_get TASK.KEY`, or run it with bash");
    Err(CannotPrepare { diagnostic, code: 125 })
}

fn start_text(
    script: &Script,
    found: &Mentions,
    is_old: bool,
    variables: &[LegacyVariable],
    oversized: &[(String, Vec<u8>)],
) -> Vec<u8> {
    let charset = Charset::Plain;
    let mut text = shell::start_of_start(script);
    let calls = found.sets() || found.gets() || found.save || found.opaque;
    if calls || may_export(found) {
        text.extend_from_slice(PRINT.as_bytes());
    }
    if calls {
        text.extend_from_slice(FUNCTIONS.as_bytes());
        shell::push_find_function(&mut text, script, charset);
        push_about_function(&mut text, script);
    }
    if may_export(found) {
        text.extend_from_slice(EXPORTS.as_bytes());
        if found.trap || found.opaque || is_old {
            text.extend_from_slice(LEAVE.as_bytes());
        }
        // An old bash would turn the failure of a variable that is not set into status 0.
        if !is_old {
            text.extend_from_slice(b"trap otto__exit EXIT\n");
        }
    }
    for variable in variables {
        shell::push_assignment(&mut text, &variable.name, &variable.value, charset);
    }
    for (name, value) in oversized {
        shell::push_assignment(&mut text, name, value, charset);
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
