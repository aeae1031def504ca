//! How a body becomes something to execute, and how its data comes back.
//! Knows the files in a job's directory; knows no plan, no scheduler and no console.

mod bash;
#[cfg(test)]
mod bash_cases;
mod export;
#[cfg(test)]
mod harness;
mod interpreter;
mod mention;
mod python;
mod quote;
mod record;

use crate::diagnostic::{Code, Diagnostic};
use crate::name::{JobName, ParamName};
use crate::ottofile::spec::{Body, BodyKey};
use crate::source::SourceFile;
use crate::store::outputs::Outputs;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All that a language needs to know of one attempt at a job.
pub(crate) struct Script<'a> {
    pub(crate) job: &'a JobName,
    pub(crate) body: &'a Body,
    pub(crate) ottofile: &'a SourceFile,
    /// The jobs whose data this one sees, in plan order.
    pub(crate) inputs: &'a [Input],
    /// Parameters that have a value. They are in the environment of the launch too.
    pub(crate) params: &'a [(ParamName, OsString)],
    /// The job's own directory, absolute; it exists, with the `input.*.json` symlinks in it.
    pub(crate) dir: &'a Path,
    /// Where otto keeps its script libraries, absolute; made when first needed.
    pub(crate) runtime: &'a Path,
    /// Where the body runs, absolute.
    pub(crate) workdir: &'a Path,
    /// The complete environment that the launch will have, before this language adds to it.
    pub(crate) env: &'a dyn Fn(&str) -> Option<&'a OsStr>,
}

/// A dependency as its dependant sees it.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) job: JobName,
    pub(crate) outputs: Arc<Outputs>,
}

/// What to execute. The files it needs have been written.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    /// Added to the environment, over what is there.
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Why a job cannot be started.
#[derive(Debug)]
pub(crate) struct CannotPrepare {
    pub(crate) diagnostic: Diagnostic,
    /// 127 not found, 126 not executable, 125 anything else.
    pub(crate) code: i32,
}

/// What came back from an attempt.
#[derive(Debug, Default)]
pub(crate) struct HandOver {
    pub(crate) outputs: Outputs,
    /// Errors fail the attempt even when its status was 0; warnings are shown.
    pub(crate) problems: Vec<Diagnostic>,
}

/// What a body is written in. Its `#!` line decides, under whichever key it stands; without one the key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Bash,
    /// `sh`, `dash`, `zsh` and their kin.
    Posix,
    Python,
    /// Any other program; files are the contract.
    Other,
}

impl Language {
    pub(crate) fn of(body: &Body) -> Language {
        let Some(shebang) = interpreter::Shebang::of(&body.text) else {
            return match body.key {
                BodyKey::Bash | BodyKey::Action => Language::Bash,
                BodyKey::Python => Language::Python,
            };
        };
        let name = shebang.name();
        // `python3.11`, `bash-5.2`: what follows the letters is a version.
        let stem =
            name.trim_end_matches(|character: char| character.is_ascii_digit() || ".-".contains(character));
        match stem {
            "bash" | "rbash" => Language::Bash,
            "sh" | "dash" | "ash" | "ksh" | "mksh" | "pdksh" | "oksh" | "loksh" | "yash" | "zsh"
            | "busybox" => Language::Posix,
            "python" | "pypy" => Language::Python,
            _ => Language::Other,
        }
    }
}

/// Writes what the job needs into its directory and says what to execute. Starts nothing.
pub(crate) fn prepare(script: &Script) -> Result<Prepared, CannotPrepare> {
    let injection = export::inject(script.inputs, script.job, &script.body.text);
    if let Some(diagnostic) = injection.errors.into_iter().next() {
        return Err(CannotPrepare { diagnostic, code: 125 });
    }
    let mut prepared = match Language::of(script.body) {
        Language::Bash => bash::prepare(script, &injection.oversized)?,
        Language::Python => python::prepare(script)?,
        Language::Posix | Language::Other => {
            let message = format!("`{}` is in a language that this otto does not run", script.job);
            return Err(CannotPrepare { diagnostic: Diagnostic::error(Code::NotYet, message), code: 125 });
        }
    };
    prepared.env.splice(0..0, injection.env);
    prepared.warnings.extend(injection.warnings);
    Ok(prepared)
}

/// Reads what came back after the attempt ended. Call it once: what has been read is removed, so that another
/// attempt in the same directory starts clean.
pub(crate) fn collect(script: &Script, succeeded: bool) -> HandOver {
    match Language::of(script.body) {
        Language::Bash => bash::collect(script, succeeded),
        Language::Python => python::collect(script, succeeded),
        Language::Posix | Language::Other => HandOver::default(),
    }
}

/// What is known about why an attempt failed, from the end of what it wrote to stderr.
pub(crate) fn hints(_script: &Script, _stderr_tail: &[u8], _hand_over: &HandOver) -> Vec<Diagnostic> {
    Vec::new()
}

/// The line of the ottofile, from 1, on which the script failed, where its language reports one.
pub(crate) fn failing_line(_script: &Script, _stderr_tail: &[u8]) -> Option<usize> {
    None
}
