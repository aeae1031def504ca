//! Which values of a run are secret, by what the ottofile says of them.

use super::{Job, Plan};
use crate::diagnostic::{Code, Diagnostic};
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{EnvEntry, Param, ParamForm, Task};
use crate::request::{Argument, Request};
use crate::secret::Secret;
use crate::source::Span;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// A secret, and what it is called for a message about it.
pub(crate) struct NamedSecret {
    pub(crate) secret: Secret,
    pub(crate) what: String,
}

impl NamedSecret {
    fn new(value: &OsStr, what: String) -> NamedSecret {
        NamedSecret { secret: Secret::new(value.as_bytes()), what }
    }
}

/// What is known before anything is planned: inherited variables, and those that parameters fall back on.
pub(crate) fn inherited(
    ottofile: &Ottofile,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Vec<NamedSecret> {
    let listed = listed(ottofile);
    let params = ottofile.tasks.iter().flat_map(|task| &task.params).filter(|param| param.is_secret);
    let fallbacks = params.filter_map(|param| Some(param.env.as_ref()?.value.as_str()));
    let all = ottofile.tasks.iter().flat_map(|task| &task.envs).chain(ottofile.variables_of_files());
    let entries = all.filter(|entry| entry.is_secret).map(|entry| entry.name.value.as_str());
    let names = listed.chain(fallbacks).chain(entries);
    names.filter_map(|name| Some(NamedSecret::new(&variable(name)?, format!("variable `{name}`")))).collect()
}

/// The names that the ottofiles list as secret. What one of them says counts for the tasks of all.
fn listed(ottofile: &Ottofile) -> impl Iterator<Item = &str> {
    ottofile.all_settings().flat_map(|settings| &settings.secrets).map(|name| name.value.as_str())
}

/// What the command line gives to secret parameters.
pub(crate) fn requested(ottofile: &Ottofile, request: &Request) -> Vec<NamedSecret> {
    let given = request.tasks.iter().flat_map(|asked| asked.given.iter().map(|given| (asked.task, given)));
    let given = given.map(|(task, given)| {
        let task = &ottofile.tasks[task];
        (task, &task.params[given.param], &given.value)
    });
    let secret = given.filter(|(_, param, _)| param.is_secret);
    secret.flat_map(|(task, param, value)| of_argument(param, task, value)).collect()
}

/// Of the words of a command line those that may be meant for a secret parameter. Too many rather than too few: they are
/// only hidden in what is said about a command line that cannot be read.
pub(crate) fn among(ottofile: &Ottofile, words: &[OsString]) -> Vec<Secret> {
    let is_named = |task: &Task| {
        let shown = ottofile.shown_name(task.name.as_str());
        words.iter().any(|word| word == task.name.as_str() || word.to_str() == Some(&*shown))
    };
    let all = ottofile.tasks.iter().flat_map(|task| task.params.iter().map(move |param| (task, param)));
    let mut found = Vec::new();
    for (task, param) in all.filter(|(_, param)| param.is_secret) {
        match &param.form {
            ParamForm::Positional(_) if is_named(task) => {
                found.extend(words.iter().filter(|word| !word.as_bytes().starts_with(b"-")).map(of_word));
            }
            ParamForm::Positional(_) => {}
            ParamForm::Option { short, long } => {
                // Some other task may have been meant, so this one need not be named.
                let long = long.iter().map(|long| format!("--{long}"));
                for name in long.chain(short.iter().map(|short| format!("-{short}"))) {
                    found.extend(values_after(&name, words));
                }
            }
        }
    }
    found.retain(|secret| ottofile.tasks.iter().all(|task| task.name.as_str().as_bytes() != secret.expose()));
    found
}

fn of_word(word: &OsString) -> Secret {
    Secret::new(word.as_bytes())
}

/// What `--name VALUE`, `--name=VALUE`, `-nVALUE` give.
fn values_after(name: &str, words: &[OsString]) -> Vec<Secret> {
    let value = |(place, word): (usize, &OsString)| match word.as_bytes().strip_prefix(name.as_bytes())? {
        b"" => words.get(place + 1).map(of_word),
        [b'=', value @ ..] => Some(Secret::new(value)),
        value => Some(Secret::new(value)),
    };
    words.iter().enumerate().filter_map(value).collect()
}

/// Warns of secrets that the ottofile itself holds, where everyone can read them.
pub(crate) fn literal(ottofile: &Ottofile) -> Vec<Diagnostic> {
    let warning = |what: String, span: Span| {
        Diagnostic::warning(Code::LiteralSecret, format!("{what} is secret, but is written in the ottofile"))
            .at(&ottofile.sources, span, "everyone who can read this file can read it")
            .help("take it from a variable, a file or a command")
    };
    let is_literal = |text: &str| !text.is_empty() && !text.contains('$');
    let is_wrong = |entry: &&EnvEntry| entry.is_secret && is_literal(&entry.value.value);
    let of_entry = |entry: &EnvEntry| warning(format!("variable `{}`", entry.name.value), entry.value.span);
    let mut warnings: Vec<_> = ottofile.variables_of_files().filter(is_wrong).map(of_entry).collect();
    for task in &ottofile.tasks {
        warnings.extend(task.envs.iter().filter(is_wrong).map(of_entry));
        for param in task.params.iter().filter(|param| param.is_secret) {
            if let Some(default) = param.default.as_ref().filter(|default| !default.value.is_empty()) {
                let what = format!("the default of parameter `{}` of task `{}`", param.name, task.name);
                warnings.push(warning(what, default.span));
            }
        }
        let contract = task.outputs.as_deref();
        for declared in contract.into_iter().flat_map(|contract| &contract.value.keys) {
            if declared.promise.is_secret && declared.promise.default.is_some() {
                let what = format!("the default of output `{}` of task `{}`", declared.name, task.name);
                warnings.push(warning(what, declared.span));
            }
        }
    }
    warnings
}

fn of_argument(param: &Param, task: &Task, value: &Argument) -> Vec<NamedSecret> {
    let what = || format!("parameter `{}` of task `{}`", param.name, task.name);
    let mut found = vec![NamedSecret::new(&value.text(), what())];
    found.extend(value.words().into_iter().flatten().map(|word| NamedSecret::new(word, what())));
    found
}

/// All that is known when everything is planned.
pub(crate) fn planned(ottofile: &Ottofile, plan: &Plan) -> Vec<NamedSecret> {
    let of_files = ottofile.variables_of_files().filter(|entry| entry.is_secret);
    let of_files = of_files.map(|entry| entry.name.value.as_str());
    let known: HashSet<&str> = listed(ottofile).chain(of_files).collect();
    let of_entries = |entries: &[EnvEntry], values: &[(String, OsString)]| {
        let is_secret = |name: &str| {
            known.contains(name) || entries.iter().any(|entry| entry.is_secret && entry.name.value == name)
        };
        let secret = values.iter().filter(|(name, _)| is_secret(name));
        secret.map(|(name, value)| NamedSecret::new(value, format!("variable `{name}`"))).collect::<Vec<_>>()
    };
    let mut found = of_entries(&[], plan.globals.of_root());
    for job in &plan.jobs {
        let task = &ottofile.tasks[job.task];
        found.extend(of_entries(&task.envs, &job.envs));
        for (param, value) in of_job(task, job) {
            found.extend(of_argument(param, task, value));
        }
    }
    found
}

/// The secret parameters of a job that have a value.
fn of_job<'a>(task: &'a Task, job: &'a Job) -> impl Iterator<Item = (&'a Param, &'a Argument)> {
    let values = job.params.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    values.filter_map(|(name, value)| {
        let param = task.params.iter().find(|param| param.name == *name)?;
        param.is_secret.then_some((param, value))
    })
}
