//! The `if` of a task: what a language runs at the start of its process, and what that came to. The text of the `if` is a
//! file of its own, with its lines where the ottofile has them. A second file holds the answer, so that a shell that ends
//! inside the `if` is told from one whose `if` is false.

use super::files::{self, private};
use super::quote::{Charset, push_word};
use super::shell;
use super::{CannotPrepare, Script};
use crate::body::Language;
use crate::diagnostic::{Code, Diagnostic};
use crate::event::Exit;
use crate::ottofile::spec::{Body, BodyKey};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The content of the answer file until there is an answer.
const ASKED: &[u8] = b"asked\n";

/// The result of an `if`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    True,
    False,
    /// A status that is neither.
    Failed(u32),
    /// It read what does not exist with a function of otto, and its status says nothing.
    Missing,
    /// The process ended before there was an answer.
    Ended,
}

/// The text of the `if`, under the name that errors give it.
pub(super) fn path(script: &Script) -> PathBuf {
    let name = shell::shown_name(&as_body(script).unwrap_or(*script));
    private(script).join("if").join(name)
}

/// The file of the answer, in the directory of the attempt.
pub(crate) const ANSWER: &str = ".otto/answer";

fn answer_path(script: &Script) -> PathBuf {
    script.dir.join(ANSWER)
}

/// Writes both files, if the task has an `if`.
pub(super) fn write(script: &Script) -> Result<(), CannotPrepare> {
    let Some(condition) = script.condition else { return Ok(()) };
    let path = path(script);
    let folder = path.parent().unwrap_or(script.dir);
    files::make_dir(folder)?;
    let above = "\n".repeat(condition.first_line.saturating_sub(1));
    let text = condition.text.trim_start_matches([' ', '\t']);
    let whole = match Language::of(script.body) {
        Language::Posix => format!("{above}{text}\notto__if=$?\n"),
        Language::Bash | Language::Other if needs_function(text) => {
            let above =
                above.strip_suffix('\n').map_or(String::new(), |above| format!("{above}{FUNCTION} :\n"));
            let start = if above.is_empty() { format!("{FUNCTION} :; ") } else { above };
            // An empty line between: the text may end with a backslash.
            format!("{start}{text}\n\n}}\n")
        }
        Language::Bash | Language::Python | Language::Other => format!("{above}{text}\n"),
    };
    files::write(&path, whole.as_bytes())?;
    files::write(&answer_path(script), ASKED)
}

const FUNCTION: &str = "otto__decide() {";

/// Whether the text has to be called, as it would do something else in a file that is loaded: there bash negates the end of a
/// subshell that an error broke off, and `( ! grep x "$unset" )` is true. In a function a `declare` would be local, so that
/// all others are not called.
fn needs_function(text: &str) -> bool {
    let inside = text.split('(').skip(1).map(|rest| rest.trim_start_matches([' ', '\t', '\n', '\\']));
    inside.into_iter().any(|inside| inside.starts_with(['!', '#']))
}

/// The result of the `if`, from the files that an attempt left in `folder`; `None` if this attempt has no `if`.
pub(crate) fn decision(script: &Script, folder: &Path) -> Option<Decision> {
    script.condition?;
    let path = folder.join(ANSWER);
    let answer = crate::store::regular::read(&path).unwrap_or_default();
    // By hand the script tells a person, not otto. A file that stays is written over by the next attempt.
    let _ = fs::remove_file(&path);
    // The functions leave it beside the answer: they may be called in a subshell.
    if fs::remove_file(folder.join(format!("{ANSWER}.missing"))).is_ok() {
        return Some(Decision::Missing);
    }
    let status = std::str::from_utf8(&answer).ok().and_then(|text| text.trim_end().parse().ok());
    Some(match status {
        Some(0) => Decision::True,
        Some(1) => Decision::False,
        Some(status) => Decision::Failed(status),
        None => Decision::Ended,
    })
}

/// Why the `if` of a task failed it.
pub(crate) fn failure(script: &Script, condition: &Body, decision: Decision, exit: &Exit) -> Diagnostic {
    let job = script.job;
    let (how, label) = match (decision, exit, condition.key) {
        (Decision::Failed(status), _, _) => (format!("ended with status {status}"), "neither 0 nor 1"),
        (Decision::Missing, _, _) => ("read what does not exist".to_owned(), "its status says nothing"),
        (_, Exit::Code(_), BodyKey::Python) => ("raised an error".to_owned(), "raised an error"),
        (_, Exit::Code(status), _) => {
            (format!("ended the shell, with status {status}"), "the shell ended here")
        }
        (_, exit, _) => (format!("was interrupted: {exit}"), "this was running"),
    };
    let diagnostic = Diagnostic::error(Code::ConditionFailed, format!("the `if` of `{job}` {how}"));
    let diagnostic = diagnostic.at(script.ottofile, condition.span, label);
    if decision == Decision::Missing {
        return diagnostic.help("a key that may be missing needs a default: `otto_get TASK.KEY DEFAULT`");
    }
    match condition.key {
        BodyKey::Python => diagnostic,
        BodyKey::Bash | BodyKey::Action | BodyKey::Nothing => {
            diagnostic.note("status 0 runs the task and status 1 skips it; anything else is a failure")
        }
    }
}

/// The body in whose language the `if` is, so that its errors are explained as those of a body are.
pub(super) fn as_body<'a>(script: &Script<'a>) -> Option<Script<'a>> {
    script.condition.map(|condition| Script { body: condition, condition: None, ..*script })
}

/// Adds to the line before the body the command that asks. `fragment` is the shell's own; `forget` what undoes the outputs
/// that the `if` may have set.
pub(super) fn push_question(
    before: &mut Vec<u8>,
    script: &Script,
    fragment: &str,
    forget: &str,
) -> Result<(), CannotPrepare> {
    let Some(condition) = script.condition else { return Ok(()) };
    let mut text = b"# Asks the `if` of the task. The script itself: ../script.sh\notto__asked=".to_vec();
    push_word(&mut text, path(script).as_os_str().as_bytes(), Charset::Plain);
    text.extend_from_slice(b"\notto__answer=");
    push_word(&mut text, answer_path(script).as_os_str().as_bytes(), Charset::Plain);
    text.push(b'\n');
    let mut fragment = fragment.replace(": otto__forget", forget.trim_end());
    if needs_function(&condition.text) {
        fragment = fragment
            .replace("if . \"$otto__asked\"; then", "if . \"$otto__asked\" && otto__decide \"$@\"; then");
    }
    text.extend_from_slice(fragment.as_bytes());
    let ask = private(script).join("ask.sh");
    files::write(&ask, &text)?;
    before.extend_from_slice(b"; . ");
    push_word(before, ask.as_os_str().as_bytes(), Charset::Plain);
    Ok(())
}

/// Whether bash asks for a body of this language, which cannot ask for itself.
pub(super) fn is_asked_by_bash(language: Language) -> bool {
    match language {
        Language::Other => true,
        Language::Bash | Language::Posix | Language::Python => false,
    }
}

/// What the runtime of Python reads: the name of the text and the path of the answer, both empty without an `if`.
pub(super) fn fields(script: &Script) -> [OsString; 2] {
    match script.condition {
        Some(_) => [path(script).into(), answer_path(script).into()],
        None => Default::default(),
    }
}
