//! The value of each parameter of each job: given, inherited, from the environment, default.

use super::facts::Facts;
use super::{Job, envs};
use crate::diagnostic::{Code, Diagnostic};
use crate::name::JobName;
use crate::ottofile::Ottofile;
use crate::ottofile::choice::Choices;
use crate::ottofile::spec::{Count, Param, ParamForm, ParamType, Task};
use crate::request::{Asked, Request, parse_bool};
use crate::source::Span;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::rc::Rc;

/// A value from the command line on its way through the graph.
#[derive(Clone, Debug)]
struct Passed {
    value: OsString,
    /// Where it was written on the command line.
    span: Span,
    /// The job it came from directly: the dependant that passed it on, or the job itself if it was given to it.
    from: JobName,
    is_own: bool,
}

/// Fills in `Job::params` for all jobs; `jobs` is in plan order.
pub(super) fn set_params(
    ottofile: &Ottofile,
    request: &Request,
    jobs: &mut [Job],
    facts: &dyn Facts,
    variables: &mut dyn FnMut() -> Result<envs::Variables, Vec<Diagnostic>>,
) -> Result<(), Vec<Diagnostic>> {
    let mut diagnostics = Vec::new();
    let passed = pass_down(ottofile, request, jobs, &mut diagnostics);
    let mut dynamic: HashMap<(usize, usize), Rc<Option<Vec<String>>>> = HashMap::new();
    let only_planned: HashSet<usize> =
        request.tasks.iter().filter(|asked| asked.is_only_planned).map(|asked| asked.task).collect();
    for (place, job) in jobs.iter_mut().enumerate() {
        let task = &ottofile.tasks[job.task];
        let mut params = Vec::with_capacity(task.params.len());
        for (index, param) in task.params.iter().enumerate() {
            let explicit = passed[place].as_ref().and_then(|values| values[index].as_ref());
            let value = match explicit {
                _ if only_planned.contains(&job.task) => explicit.map(|passed| passed.value.clone()),
                Some(passed) => match chosen(
                    ottofile,
                    task,
                    (job.task, index),
                    passed,
                    request,
                    facts,
                    variables,
                    &mut dynamic,
                ) {
                    Ok(value) => Some(value),
                    Err(mut problems) => {
                        diagnostics.append(&mut problems);
                        None
                    }
                },
                None => match from_environment(ottofile, task, param, facts) {
                    Some(Err(diagnostic)) => {
                        diagnostics.push(diagnostic);
                        None
                    }
                    Some(Ok(value)) => Some(value),
                    None => param.default.as_ref().map(|default| OsString::from(&default.value)),
                },
            };
            params.push((param.name.clone(), value));
        }
        job.params = params;
    }
    required(ottofile, request, jobs, &mut diagnostics);
    if diagnostics.is_empty() {
        Ok(())
    } else {
        // Jobs of one foreach task make the same mistake; one message says it.
        diagnostics.dedup_by(|a, b| a.code == b.code && a.message == b.message);
        Err(diagnostics)
    }
}

/// Values given on the command line, passed from dependants to what they need, as long as the parameter is
/// declared. `None` for a job that has none.
fn pass_down(
    ottofile: &Ottofile,
    request: &Request,
    jobs: &[Job],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Option<Vec<Option<Passed>>>> {
    let mut passed: Vec<Option<Vec<Option<Passed>>>> = vec![None; jobs.len()];
    if request.tasks.iter().all(|asked| asked.given.is_empty()) {
        return passed;
    }
    // What is given to one item goes over what is given to all of them, in whatever order they are named.
    let (for_all, for_one) = (|asked: &&Asked| asked.item.is_none(), |asked: &&Asked| asked.item.is_some());
    for asked in request.tasks.iter().filter(for_all).chain(request.tasks.iter().filter(for_one)) {
        for (place, job) in jobs.iter().enumerate() {
            let is_meant = job.task == asked.task
                && asked.item.as_ref().is_none_or(|item| {
                    job.name.as_str().strip_prefix(ottofile.tasks[job.task].name.as_str())
                        == Some(&format!(":{item}"))
                });
            if !is_meant {
                continue;
            }
            let values =
                passed[place].get_or_insert_with(|| vec![None; ottofile.tasks[job.task].params.len()]);
            for given in &asked.given {
                values[given.param] = Some(Passed {
                    value: given.value.clone(),
                    span: given.span,
                    from: job.name.clone(),
                    is_own: true,
                });
            }
        }
    }
    // Dependants stand later in plan order, so one sweep from the end passes everything on.
    for place in (0..jobs.len()).rev() {
        let Some(values) = passed[place].clone() else { continue };
        let task = &ottofile.tasks[jobs[place].task];
        for need in &jobs[place].needs {
            let target = need.job.index();
            let target_task = &ottofile.tasks[jobs[target].task];
            for (param, value) in task.params.iter().zip(&values) {
                let Some(value) = value else { continue };
                let Some(index) = target_task.params.iter().position(|other| other.name == param.name) else {
                    continue;
                };
                let slot =
                    &mut passed[target].get_or_insert_with(|| vec![None; target_task.params.len()])[index];
                match slot {
                    None => {
                        *slot = Some(Passed {
                            value: value.value.clone(),
                            span: value.span,
                            from: jobs[place].name.clone(),
                            is_own: false,
                        })
                    }
                    Some(known) if known.is_own || known.value == value.value => {}
                    Some(known) => diagnostics.push(
                        Diagnostic::error(
                            Code::ParamConflict,
                            format!(
                                "`{}` would inherit two values of `{}`: `{}` from `{}` and `{}` from `{}`",
                                jobs[target].name,
                                param.name,
                                value.value.to_string_lossy(),
                                jobs[place].name,
                                known.value.to_string_lossy(),
                                known.from
                            ),
                        )
                        .at(&request.source, value.span, format!("passed on by `{}`", jobs[place].name))
                        .at(&request.source, known.span, format!("passed on by `{}`", known.from))
                        .help(format!(
                            "give `{}` its own value: `otto … {} {} VALUE`",
                            target_task.name,
                            target_task.name,
                            shown_form(param)
                        )),
                    ),
                }
            }
        }
    }
    passed
}

/// `--env` or `-e` or the bare name.
pub(crate) fn shown_form(param: &Param) -> String {
    match &param.form {
        ParamForm::Option { long: Some(long), .. } => format!("--{long}"),
        ParamForm::Option { short: Some(short), .. } => format!("-{short}"),
        ParamForm::Option { short: None, long: None } => param.name.to_string(),
        ParamForm::Positional(name) => name.clone(),
    }
}

/// A value from the command line, held against type and choices; a choice is returned as it was declared.
#[allow(clippy::too_many_arguments)]
fn chosen(
    ottofile: &Ottofile,
    task: &Task,
    (task_place, index): (usize, usize),
    passed: &Passed,
    request: &Request,
    facts: &dyn Facts,
    variables: &mut dyn FnMut() -> Result<envs::Variables, Vec<Diagnostic>>,
    dynamic: &mut HashMap<(usize, usize), Rc<Option<Vec<String>>>>,
) -> Result<OsString, Vec<Diagnostic>> {
    let param = &task.params[index];
    let text = passed.value.to_string_lossy();
    let whose = if passed.is_own { String::new() } else { format!(", inherited from `{}`", passed.from) };
    let Some(value) = typed(passed.value.clone(), param) else {
        let wanted = wanted(param);
        return Err(vec![
            Diagnostic::error(
                Code::BadParamType,
                format!("`{text}` is not a value for `{}` of `{}`{whose}", shown_form(param), task.name),
            )
            .at(&request.source, passed.span, format!("not {wanted}"))
            .at(&ottofile.source, param.form_span, format!("declared as {wanted}")),
        ]);
    };
    let choices: Rc<Option<Vec<String>>> = if let Some(command) = &param.choices_command {
        if let Some(known) = dynamic.get(&(task_place, index)) {
            known.clone()
        } else {
            let found = Rc::new(dynamic_choices(
                ottofile,
                task,
                param,
                &command.value,
                command.span,
                facts,
                variables,
            )?);
            dynamic.insert((task_place, index), found.clone());
            found
        }
    } else if param.choices.is_empty() {
        Rc::new(None)
    } else {
        Rc::new(Some(param.choices.iter().map(|choice| choice.value.clone()).collect()))
    };
    let Some(choices) = choices.as_ref() else { return Ok(value) };
    let picked = among(choices.iter().map(String::as_str), &text, param);
    picked.map(OsString::from).ok_or_else(|| {
        let near = crate::name::similar(&text, choices.iter().map(String::as_str), 3);
        vec![
            Diagnostic::error(
                Code::BadChoice,
                format!("`{text}` is not a choice for `{}` of `{}`{whose}", shown_form(param), task.name),
            )
            .at(&request.source, passed.span, format!("choose from: {}", choices.join(", ")))
            .did_you_mean(&near),
        ]
    })
}

/// `None`: not known, because commands may not be run.
fn dynamic_choices(
    ottofile: &Ottofile,
    task: &Task,
    param: &Param,
    command: &str,
    span: Span,
    facts: &dyn Facts,
    variables: &mut dyn FnMut() -> Result<envs::Variables, Vec<Diagnostic>>,
) -> Result<Option<Vec<String>>, Vec<Diagnostic>> {
    if !facts.may_run_commands() {
        return Ok(None);
    }
    let what = format!("the choices command of `{}` of `{}`", shown_form(param), task.name);
    if facts.variable("OTTO_CHOICES_COMMAND").is_some_and(|name| name == task.name.as_str()) {
        return Err(vec![
            Diagnostic::error(Code::CommandFailed, format!("{what} asks otto for its own choices")).at(
                &ottofile.source,
                span,
                "calls itself",
            ),
        ]);
    }
    let mut variables = variables()?;
    variables.push(("OTTO_CHOICES_COMMAND".into(), task.name.as_str().into()));
    let printed = facts.command(command, &variables).map_err(|failure| {
        let diagnostic = Diagnostic::error(Code::CommandFailed, format!("{what} failed: {}", failure.how))
            .at(&ottofile.source, span, failure.how.clone());
        vec![envs::with_stderr(diagnostic, &failure)]
    })?;
    let choices: Vec<String> = String::from_utf8_lossy(&printed)
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    if choices.is_empty() {
        return Err(vec![Diagnostic::error(Code::CommandFailed, format!("{what} printed nothing")).at(
            &ottofile.source,
            span,
            "no line is a choice",
        )]);
    }
    Ok(Some(choices))
}

fn from_environment(
    ottofile: &Ottofile,
    task: &Task,
    param: &Param,
    facts: &dyn Facts,
) -> Option<Result<OsString, Diagnostic>> {
    let variable = param.env.as_ref()?;
    let value = facts.variable(&variable.value)?;
    let text = value.to_string_lossy().into_owned();
    let refuse = |code: Code, why: String| {
        Some(Err(Diagnostic::error(
            code,
            format!(
                "`{text}` from `${}` is not a value for `{}` of `{}`",
                variable.value,
                shown_form(param),
                task.name
            ),
        )
        .at(&ottofile.source, variable.span, why)))
    };
    let Some(value) = typed(value, param) else {
        return refuse(Code::BadParamType, format!("not {}", wanted(param)));
    };
    if param.choices.is_empty() {
        return Some(Ok(value));
    }
    match among(param.choices.iter().map(|choice| choice.value.as_str()), &text, param) {
        Some(chosen) => Some(Ok(OsString::from(chosen))),
        None => refuse(
            Code::BadChoice,
            format!(
                "choose from: {}",
                param.choices.iter().map(|choice| choice.value.as_str()).collect::<Vec<_>>().join(", ")
            ),
        ),
    }
}

/// The value as its choices are declared, if it is one of them, or several for a parameter that takes several words.
fn among<'c>(choices: impl Iterator<Item = &'c str>, text: &str, param: &Param) -> Option<String> {
    let choices = Choices::new(choices);
    match param.count.takes_several() {
        _ if text.is_empty() && param.count.takes_none() => Some(String::new()),
        true => choices.several(text),
        false => choices.one(text).map(str::to_owned),
    }
}

/// The value as the parameter keeps it; None if it, or one of its words where the parameter takes several, is not what
/// was declared. Bodies compare a flag with `true`, so it is one of two words wherever its value comes from.
fn typed(value: OsString, param: &Param) -> Option<OsString> {
    if param.count == Count::Flag {
        let is_on = if value.is_empty() { false } else { parse_bool(&value)? };
        return Some(is_on.to_string().into());
    }
    let is_fine = match value.to_str() {
        None => matches!(param.kind, ParamType::Str | ParamType::Path),
        Some("") if param.count.takes_none() => true,
        Some(text) if param.count.takes_several() => {
            text.split_ascii_whitespace().all(|word| param.kind.accepts(word))
        }
        Some(text) => param.kind.accepts(text),
    };
    is_fine.then_some(value)
}

/// What a value of the parameter has to be.
fn wanted(param: &Param) -> String {
    if param.count == Count::Flag { ParamType::Bool.to_string() } else { param.kind.to_string() }
}

/// A required parameter must have a value when its task is named on the command line.
fn required(ottofile: &Ottofile, request: &Request, jobs: &[Job], diagnostics: &mut Vec<Diagnostic>) {
    for asked in request.tasks.iter().filter(|asked| !asked.is_only_planned) {
        let task = &ottofile.tasks[asked.task];
        let Some(job) = jobs.iter().find(|job| job.task == asked.task) else { continue };
        for (param, (_, value)) in task.params.iter().zip(&job.params) {
            let was_given = asked.given.iter().any(|given| task.params[given.param].name == param.name);
            if param.is_required && value.is_none() && !was_given {
                let usage = match &param.form {
                    ParamForm::Positional(name) => format!("otto {} <{name}>", task.name),
                    ParamForm::Option { .. } => format!(
                        "otto {} {} <{}>",
                        task.name,
                        shown_form(param),
                        param.metavar.as_deref().unwrap_or(param.name.as_str())
                    ),
                };
                diagnostics.push(
                    Diagnostic::error(
                        Code::MissingParam,
                        format!("`{}` needs a value for `{}`", task.name, shown_form(param)),
                    )
                    .at(&request.source, asked.span, "asked for here")
                    .at(&ottofile.source, param.form_span, "declared as required")
                    .help(format!("`{usage}`")),
                );
            }
        }
    }
}
