//! How a body becomes something to execute, and how its data comes back.
//! Knows the files in a job's directory; knows no plan, no scheduler and no console.

mod bash;
#[cfg(test)]
mod bash_cases;
pub(crate) mod condition;
#[cfg(test)]
mod condition_properties;
mod export;
mod fan_in;
#[cfg(test)]
mod fan_in_cases;
mod files;
#[cfg(test)]
mod harness;
mod handover;
mod hint;
mod interpreter;
mod json_record;
#[cfg(test)]
mod lost_properties;
mod other;
mod outcome;
mod posix;
mod promised;
#[cfg(test)]
mod posix_cases;
mod python;
mod quote;
pub(crate) mod secret;
pub(crate) mod record;
mod shell;
#[cfg(test)]
mod shell_properties;
pub(crate) mod syntax;
#[cfg(any(fuzzing, test))]
pub(crate) mod trimmed;

pub(crate) use bash::Level;
pub(crate) use fan_in::{FanInData, FanInJob};

use crate::body::Language;
use crate::contract::Contract;
use crate::diagnostic::{Code, Diagnostic};
use crate::event::Exit;
use crate::fate::Fate;
use crate::name::{JobName, ParamName};
use crate::ottofile::spec::Body;
use crate::secret::Secret;
use crate::source::{SourceFile, Spanned};
use crate::store::layout;
use crate::store::outputs::Outputs;
use crate::value::{self, Value};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All that a language needs to know of one attempt at a job.
#[derive(Clone, Copy)]
pub(crate) struct Script<'a> {
    pub(crate) job: &'a JobName,
    pub(crate) body: &'a Body,
    /// The `if` that this attempt asks first.
    pub(crate) condition: Option<&'a Body>,
    pub(crate) ottofile: &'a SourceFile,
    /// The jobs whose data this one sees, in plan order.
    pub(crate) inputs: &'a [Input],
    /// The foreach tasks whose jobs it sees together.
    pub(crate) fan_ins: &'a [FanInData],
    /// The item of a job of a foreach task, with its type.
    pub(crate) item: Option<&'a Value>,
    /// How the jobs ended that this one depends on, if its body may ask.
    pub(crate) fates: Option<&'a [Fate]>,
    /// Parameters that have a value. They are in the environment of the launch too.
    pub(crate) params: &'a [(ParamName, OsString)],
    /// Parameters that take several words, each word as it was typed.
    pub(crate) lists: &'a [List],
    /// The job's own directory, absolute: `OTTO_TASK_DIR`, the same for all attempts. It has the `input.*.json` symlinks.
    pub(crate) task_dir: &'a Path,
    /// The directory of this attempt, absolute; it exists. The script is written here, and the body hands over here.
    pub(crate) dir: &'a Path,
    /// Where otto keeps its script libraries, absolute; made when first needed.
    pub(crate) runtime: &'a Path,
    /// Where the body runs, absolute.
    pub(crate) workdir: &'a Path,
    /// The folder of the ottofile, absolute.
    pub(crate) folder: &'a Path,
    /// The contract of its outputs.
    pub(crate) contract: Option<&'a Spanned<Contract>>,
    /// The task stays up, so that what it sets is saved before it ends.
    pub(crate) is_service: bool,
    /// The complete environment that the launch will have, before this language adds to it.
    pub(crate) env: &'a dyn Fn(&str) -> Option<&'a OsStr>,
    /// It runs on another machine, which may have other programs.
    pub(crate) is_remote: bool,
}

impl Script<'_> {
    /// Everything of the user's that runs, for a look at what it mentions.
    fn whole_text(&self) -> Cow<'_, str> {
        match self.condition {
            None => Cow::Borrowed(&self.body.text),
            Some(condition) => Cow::Owned(format!("{}\n{}", condition.text, self.body.text)),
        }
    }

    /// Whether a parameter of this name has a value, which then counts more than what otto defines by itself.
    fn has_param(&self, name: &str) -> bool {
        self.params.iter().any(|(param, _)| param.as_str() == name)
    }

    /// The options that take several words, without those whose array has the name of a parameter.
    fn arrays(&self) -> impl Iterator<Item = &List> {
        self.lists.iter().filter(|list| !list.is_positional && !self.has_param(&list.array()))
    }
}

/// The words of a parameter that takes several.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) name: ParamName,
    pub(crate) words: Vec<OsString>,
    /// Its words are the arguments of the script.
    pub(crate) is_positional: bool,
}

impl List {
    /// The variable with the words of an option: an array in bash, a JSON list where there are no arrays.
    pub(crate) fn array(&self) -> String {
        format!("{}_words", self.name)
    }

    fn json(&self) -> OsString {
        let words = self.words.iter().map(|word| match word.to_str() {
            Some(text) => Value::String(text.to_owned()),
            None => Value::from_bytes(word.as_bytes().to_vec()),
        });
        value::compact(&Value::List(words.collect())).into()
    }
}

/// A dependency as its dependant sees it.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) job: JobName,
    pub(crate) outputs: Arc<Outputs>,
    /// Why it set nothing: "was skipped by its `if`".
    pub(crate) absence: Option<&'static str>,
    /// Its values are complete: it did not fail.
    pub(crate) is_whole: bool,
}

/// A program that runs bodies.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    /// The name or path by which it was looked up.
    pub(crate) named: OsString,
}

/// What to execute. The files it needs have been written.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) program: Program,
    /// If the program is a bash.
    pub(crate) level: Option<Level>,
    pub(crate) args: Vec<OsString>,
    /// The files in the directory of the attempt by which it hands over. `*` at the end stands for any further characters.
    pub(crate) hands_over: &'static [&'static str],
    /// Added to the environment; overrides existing variables.
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

impl CannotPrepare {
    /// A file of the job cannot be written.
    fn writing(path: &Path, error: &std::io::Error) -> CannotPrepare {
        let message = format!("cannot write `{}`: {}", path.display(), crate::host::plain(error));
        CannotPrepare { diagnostic: Diagnostic::error(Code::CannotStart, message), code: 125 }
    }
}

/// The result of an attempt.
#[derive(Debug, Default)]
pub(crate) struct HandOver {
    pub(crate) outputs: Outputs,
    /// Keys that a shell set as strings, which a contract converts.
    pub(crate) texts: BTreeSet<String>,
    /// Errors fail the attempt even when its status was 0; warnings are shown.
    pub(crate) problems: Vec<Diagnostic>,
    /// The keys that the body declared secret; all of them are keys of `outputs`.
    pub(crate) announced: Vec<Secret>,
    /// Where a body failed, if its shell can tell.
    pub(crate) ended: Option<record::ShellEnd>,
}

/// Writes what the job needs into its directory and says what to execute. Starts nothing.
pub(crate) fn prepare(script: &Script) -> Result<Prepared, CannotPrepare> {
    let injection = export::inject(script.inputs, script.job, &script.whole_text());
    if let Some(diagnostic) = injection.errors.into_iter().next() {
        return Err(CannotPrepare { diagnostic, code: 125 });
    }
    condition::write(script)?;
    let language = Language::of(script.body);
    let mut prepared = match language {
        Language::Bash => bash::prepare(script, &injection.oversized)?,
        Language::Python => python::prepare(script)?,
        Language::Posix => posix::prepare(script, &injection.oversized)?,
        Language::Other => other::prepare(script)?,
    };
    let arguments = script.lists.iter().filter(|list| list.is_positional);
    prepared.args.extend(arguments.flat_map(|list| list.words.iter().cloned()));
    if matches!(language, Language::Posix | Language::Other) {
        // A variable holds one text.
        prepared.env.extend(script.arrays().map(|list| (list.array().into(), list.json())));
    }
    if condition::is_asked_by_bash(language) {
        prepared = bash::ask_first(script, prepared)?;
    }
    if let Some(fates) = script.fates {
        outcome::write(script, fates)?;
        prepared.env.push((outcome::VARIABLE.into(), outcome::path(script).into()));
    }
    prepared.env.splice(0..0, injection.env);
    prepared.warnings.extend(injection.warnings);
    Ok(prepared)
}

/// Looks for the program that runs the body, as [`prepare`] does. Reads and writes no file.
pub(crate) fn interpreter(script: &Script) -> Result<Program, CannotPrepare> {
    match Language::of(script.body) {
        Language::Bash => bash::interpreter(script),
        Language::Python => python::interpreter(script),
        Language::Posix => posix::interpreter(script),
        Language::Other => other::interpreter(script),
    }
}

/// The program of a launch that was made on another machine, where this one has it.
pub(crate) fn located(
    named: &OsStr,
    level: Option<Level>,
    workdir: &Path,
    env: &[(OsString, OsString)],
) -> Result<PathBuf, CannotPrepare> {
    let search = env.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_os_str());
    let is_forced = env.iter().any(|(name, _)| name == "OTTO_BASH_LEVEL");
    let program = interpreter::find_here(workdir, search, named)?;
    match level {
        Some(level) if !is_forced && bash::level_here(&program) != level => {
            let message = format!(
                "`{}` is another bash than the one that the script was written for",
                program.display()
            );
            Err(CannotPrepare { diagnostic: Diagnostic::error(Code::NodeCannotRun, message), code: 125 })
        }
        Some(_) | None => Ok(program),
    }
}

/// What an ended attempt left for otto to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left<'a> {
    /// Where the files lie that [`Prepared::hands_over`] names: in the directory of the attempt, unless they were brought
    /// from another machine.
    pub(crate) folder: &'a Path,
    /// That of [`Prepared`].
    pub(crate) level: Option<Level>,
    /// Its status was 0.
    pub(crate) succeeded: bool,
}

impl Left<'_> {
    fn private(&self) -> PathBuf {
        layout::private(self.folder)
    }
}

/// Reads what came back after the attempt ended. Call it once: what has been read is removed.
pub(crate) fn collect(script: &Script, left: &Left) -> HandOver {
    let succeeded = left.succeeded;
    let mut found = match Language::of(script.body) {
        Language::Bash => bash::collect(script, left),
        Language::Python => python::collect(script, left),
        Language::Posix => posix::collect(script, left),
        Language::Other => other::collect(script, left),
    };
    secret::read(left, &mut found);
    let is_sound = found.problems.iter().all(|problem| !problem.is_error());
    if let Some(contract) = script.contract.filter(|_| succeeded && is_sound) {
        promised::keep(script, contract, &mut found);
    }
    found
}

/// Reads what a service saved until now. What it has only in memory may follow, or be lost with it: that is no mistake.
pub(crate) fn collect_early(script: &Script, folder: &Path, level: Option<Level>) -> HandOver {
    let mut found = collect(script, &Left { folder, level, succeeded: false });
    found.problems.retain(|problem| problem.is_error() || problem.code != Code::NotHandedOver);
    if let Some(contract) = script.contract
        && found.problems.iter().all(|problem| !problem.is_error())
    {
        promised::keep(script, contract, &mut found);
    }
    found
}

/// What is known about a failed attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure<'a> {
    pub(crate) exit: &'a Exit,
    /// The task has `tty: true`.
    pub(crate) has_terminal: bool,
    /// The end of what it wrote to stderr.
    pub(crate) stderr: &'a [u8],
    /// Where its shell noted that it ended.
    pub(crate) ended: Option<&'a record::ShellEnd>,
}

/// Explains a failure in terms of the ottofile. Empty if that is not certain.
pub(crate) fn hints(script: &Script, failure: &Failure) -> Vec<Diagnostic> {
    match Language::of(script.body) {
        Language::Bash | Language::Posix => hint::hints(script, failure),
        // An input that is missing is an exception, whose message says all but why the task set none.
        Language::Python | Language::Other => {
            let absence = hint::of_absence(script, failure);
            let input = absence.or_else(|| hint::of_exception(script, failure));
            input.into_iter().chain(hint::of_last_line(failure)).collect()
        }
    }
}

/// The same, of an attempt whose `if` failed.
pub(crate) fn hints_of_condition(script: &Script, failure: &Failure) -> Vec<Diagnostic> {
    condition::as_body(script).map_or(Vec::new(), |asking| hints(&asking, failure))
}

/// The line on which the `if` of an attempt failed.
pub(crate) fn failing_line_of_condition(script: &Script, stderr_tail: &[u8]) -> Option<usize> {
    let asking = condition::as_body(script)?;
    let named = failing_line(&asking, stderr_tail, &HandOver::default());
    named.or_else(|| asking.body.has_true_lines.then_some(asking.body.first_line))
}

/// The line of the ottofile, from 1, that the interpreter named last.
pub(crate) fn failing_line(script: &Script, stderr_tail: &[u8], hand_over: &HandOver) -> Option<usize> {
    match Language::of(script.body) {
        Language::Bash | Language::Posix => {
            let noted = hand_over.ended.as_ref();
            let named = || hint::failing_line(script, stderr_tail, &bash::shown_name(script));
            let is_certain = noted.is_some_and(|ended| ended.line.is_some());
            let noted = || noted.and_then(|ended| hint::line_of(script, ended));
            if is_certain { noted().or_else(named) } else { named().or_else(noted) }
        }
        Language::Python => python::failing_line(script, stderr_tail),
        Language::Other => other::failing_line(script, stderr_tail),
    }
}

/// Flat names that two dependencies share: key `c` of task `a.b` and key `b.c` of task `a`.
fn clashes(inputs: &[Input]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if !inputs.iter().any(|input| input.job.as_str().contains('.')) {
        return found;
    }
    let jobs: HashMap<&str, &Input> = inputs.iter().map(|input| (input.job.as_str(), input)).collect();
    for inner in inputs {
        let name = inner.job.as_str();
        for (dot, _) in name.match_indices('.') {
            let Some(outer) = jobs.get(&name[..dot]) else { continue };
            let rest = &name[dot + 1..];
            for (key, _) in &inner.outputs.values {
                if crate::value::lookup(&outer.outputs.values, &format!("{rest}.{key}")).is_none() {
                    continue;
                }
                let message = format!(
                    "`{}.{key}` could be an output of `{}` or of `{}`",
                    inner.job, outer.job, inner.job
                );
                found.push(Diagnostic::warning(Code::InputClash, message).help("rename one of them"));
            }
        }
    }
    found
}
