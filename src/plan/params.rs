//! The value of each parameter of each job: given, inherited, from the environment, default.

use super::draft::Draft;
use super::facts::Facts;
use super::{ParamValues, envs};
use crate::diagnostic::{Code, Diagnostic};
use crate::name::{JobName, ParamName};
use crate::ottofile::Ottofile;
use crate::ottofile::choice::Choices;
use crate::ottofile::spec::{Count, Param, ParamForm, ParamType, Task};
use crate::request::{Argument, Asked, Request, parse_bool};
use crate::source::Span;
use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A value from the command line on its way through the graph.
#[derive(Clone, Debug)]
struct PassedValue {
    value: Argument,
    /// Where it was written on the command line.
    span: Span,
    /// The job it came from directly: the dependant that passed it on, or the job itself if it was given to it.
    from: JobName,
    is_own: bool,
}

/// The parameters of each job; `drafts` are in plan order.
pub(super) fn params(
    ottofile: &Ottofile,
    request: &Request,
    drafts: &[Draft],
    facts: &dyn Facts,
    variables: &mut envs::ForCommand<'_>,
) -> Result<Vec<ParamValues>, Vec<Diagnostic>> {
    let mut diagnostics = Vec::new();
    let mut all = Vec::with_capacity(drafts.len());
    let passed = pass_down(ottofile, request, drafts, &mut diagnostics);
    let mut dynamic: HashMap<(usize, usize), Rc<Option<Vec<String>>>> = HashMap::new();
    let mut commands: HashMap<(usize, usize), Option<Argument>> = HashMap::new();
    let only_planned: HashSet<usize> =
        request.tasks.iter().filter(|asked| asked.is_only_planned).map(|asked| asked.task).collect();
    for (place, job) in drafts.iter().enumerate() {
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
                    // A script among steps has the values of its task.
                    None => match default(
                        ottofile,
                        task,
                        (task.step_of.unwrap_or(job.task), index),
                        facts,
                        variables,
                        &mut commands,
                    ) {
                        Ok(value) => value,
                        Err(mut problems) => {
                            diagnostics.append(&mut problems);
                            None
                        }
                    },
                },
            };
            params.push((param.name.clone(), value));
        }
        all.push(params);
    }
    required(ottofile, request, drafts, &all, &mut diagnostics);
    if diagnostics.is_empty() {
        Ok(all)
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
    jobs: &[Draft],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Option<Vec<Option<PassedValue>>>> {
    let mut passed: Vec<Option<Vec<Option<PassedValue>>>> = vec![None; jobs.len()];
    if request.tasks.iter().all(|asked| asked.given.is_empty()) {
        return passed;
    }
    // A value for one item overrides a value for all of them, in any order on the command line.
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
                values[given.param] = Some(PassedValue {
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
        for (need, edge) in jobs[place].needs.iter().zip(&jobs[place].edges) {
            let target = need.job.index();
            let target_task = &ottofile.tasks[jobs[target].task];
            let with = edge.and_then(|edge| task.before[edge].with.as_ref());
            let is_set = |name: &ParamName| {
                let mut values = with.iter().flat_map(|with| &with.values);
                values.any(|value| value.param.value == name.as_str())
            };
            for (param, value) in task.params.iter().zip(&values) {
                let Some(value) = value.as_ref().filter(|_| !is_set(&param.name)) else { continue };
                let Some(index) = target_task.params.iter().position(|other| other.name == param.name) else {
                    continue;
                };
                let slot =
                    &mut passed[target].get_or_insert_with(|| vec![None; target_task.params.len()])[index];
                match slot {
                    None => {
                        *slot = Some(PassedValue {
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
                                value.value.text().to_string_lossy(),
                                jobs[place].name,
                                known.value.text().to_string_lossy(),
                                known.from
                            ),
                        )
                        .at(&request.sources, value.span, format!("passed on by `{}`", jobs[place].name))
                        .at(&request.sources, known.span, format!("passed on by `{}`", known.from))
                        .help(format!(
                            "give `{}` its own value: `otto … {} {} VALUE`",
                            target_task.name,
                            target_task.name,
                            shown_form(param)
                        ))
                        .help(format!(
                            "to run it once for each value: `needs: [{{task: {}, with: {{{1}: ${1}}}}}]`",
                            target_task.name, param.name
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
    passed: &PassedValue,
    request: &Request,
    facts: &dyn Facts,
    variables: &mut envs::ForCommand<'_>,
    dynamic: &mut HashMap<(usize, usize), Rc<Option<Vec<String>>>>,
) -> Result<Argument, Vec<Diagnostic>> {
    let param = &task.params[index];
    let shown = passed.value.text().to_string_lossy().into_owned();
    let whose = if passed.is_own { String::new() } else { format!(", inherited from `{}`", passed.from) };
    let value = match typed(passed.value.clone().taken_as(param.count), param) {
        Ok(value) => value,
        Err(word) => {
            let wanted = wanted(param);
            return Err(vec![
                Diagnostic::error(
                    Code::BadParamType,
                    format!("invalid value `{word}` for `{}` of `{}`{whose}", shown_form(param), task.name),
                )
                .at(&request.sources, passed.span, format!("not {wanted}"))
                .at(&ottofile.sources, param.form_span, format!("declared as {wanted}")),
            ]);
        }
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
    let Some(choices) = choices.as_ref() else { return Ok(absolute(value, param, facts)) };
    among(choices.iter().map(String::as_str), &value, param).ok_or_else(|| {
        let near = crate::name::similar(&shown, choices.iter().map(String::as_str), 3);
        let wrong = Diagnostic::error(
            Code::BadChoice,
            format!(
                "`{shown}` is not one of the choices for `{}` of `{}`{whose}",
                shown_form(param),
                task.name
            ),
        )
        .at(&request.sources, passed.span, format!("the choices are: {}", choices.join(", ")))
        .did_you_mean(&near);
        // Only the command knows that the word was not meant for the parameter.
        vec![match ottofile.task(&shown).filter(|_| param.choices_command.is_some()) {
            Some(other) => wrong
                .help(format!("to run the task `{0}`, put it first: `otto {0} {1}`", other.name, task.name)),
            None => wrong,
        }]
    })
}

/// A value from the `with` of a job, held against type and choices.
pub(super) fn of_with(
    ottofile: &Ottofile,
    task: &Task,
    place: usize,
    value: Argument,
    span: Span,
    job: &JobName,
) -> Result<Argument, Diagnostic> {
    let param = &task.params[place];
    let form = format!("`{}` of `{}`, set in `with` of `{job}`", shown_form(param), task.name);
    let shown = value.text().to_string_lossy().into_owned();
    let value = typed(value.taken_as(param.count), param).map_err(|word| {
        let wanted = wanted(param);
        Diagnostic::error(Code::BadParamType, format!("invalid value `{word}` for {form}"))
            .at(&ottofile.sources, span, format!("not {wanted}"))
            .at(&ottofile.sources, param.form_span, format!("declared as {wanted}"))
    })?;
    let choices = || param.choices.iter().map(|choice| choice.value.as_str());
    if param.choices.is_empty() {
        return Ok(value);
    }
    among(choices(), &value, param).ok_or_else(|| {
        let listed = choices().collect::<Vec<_>>().join(", ");
        Diagnostic::error(Code::BadChoice, format!("`{shown}` is not one of the choices for {form}"))
            .at(&ottofile.sources, span, format!("the choices are: {listed}"))
            .did_you_mean(&crate::name::similar(&shown, choices(), 3))
    })
}

/// The value of a parameter that was not given. A command is run once for all jobs of a task, and not at all where no
/// command may be run.
fn default(
    ottofile: &Ottofile,
    task: &Task,
    (task_place, index): (usize, usize),
    facts: &dyn Facts,
    variables: &mut envs::ForCommand<'_>,
    commands: &mut HashMap<(usize, usize), Option<Argument>>,
) -> Result<Option<Argument>, Vec<Diagnostic>> {
    let param = &task.params[index];
    let Some(command) = &param.default_command else {
        return Ok(match (&param.default, param.count.takes_several(), &param.form) {
            (Some(_), true, _) => {
                Some(Argument::Words(param.default_words.iter().map(OsString::from).collect()))
            }
            (Some(default), false, _) => Some(Argument::Text(OsString::from(&default.value))),
            // No words are a value: `"$@"` is empty, and so is the variable.
            (None, true, ParamForm::Positional(_)) if !param.is_required => Some(Argument::Words(Vec::new())),
            (None, _, _) => None,
        });
    };
    if let Some(known) = commands.get(&(task_place, index)) {
        return Ok(known.clone());
    }
    let facts = &*facts.within(ottofile.folder_of(task.name_span.source));
    let what = format!("the default of `{}` of `{}`", shown_form(param), task.name);
    let fail = |message: String, label: String| {
        vec![Diagnostic::error(Code::CommandFailed, message).at(&ottofile.sources, command.span, label)]
    };
    let value = if facts.may_run_commands() {
        if facts.variable("OTTO_DEFAULT_COMMAND").is_some_and(|name| name == task.name.as_str()) {
            return Err(fail(
                format!("the command of {what} asks otto for itself"),
                "calls itself".to_owned(),
            ));
        }
        let mut variables = variables(task.name_span.source, &command.value)?;
        variables.push(("OTTO_DEFAULT_COMMAND".into(), task.name.as_str().into()));
        let printed = facts.command(&command.value, &variables).map_err(|failure| {
            let wrong = fail(format!("the command of {what} failed: {}", failure.how), failure.how.clone());
            wrong.into_iter().map(|wrong| envs::with_stderr(wrong, &failure)).collect::<Vec<_>>()
        })?;
        if printed.contains(&0) {
            let message = format!("the command of {what} printed a NUL byte, which variables cannot contain");
            return Err(fail(message, "this command".to_owned()));
        }
        let text = Argument::Text(OsString::from_vec(printed.trim_ascii().to_vec()));
        let value = typed(text.taken_as(param.count), param).map_err(|word| {
            let label = format!("not {}", wanted(param));
            fail(format!("invalid value `{word}`, printed by a command, for {what}"), label)
        })?;
        Some(value)
    } else {
        None
    };
    commands.insert((task_place, index), value.clone());
    Ok(value)
}

/// `None`: not known, because commands may not be run.
fn dynamic_choices(
    ottofile: &Ottofile,
    task: &Task,
    param: &Param,
    command: &str,
    span: Span,
    facts: &dyn Facts,
    variables: &mut envs::ForCommand<'_>,
) -> Result<Option<Vec<String>>, Vec<Diagnostic>> {
    if !facts.may_run_commands() {
        return Ok(None);
    }
    let facts = &*facts.within(ottofile.folder_of(task.name_span.source));
    let what = format!("the choices command of `{}` of `{}`", shown_form(param), task.name);
    if facts.variable("OTTO_CHOICES_COMMAND").is_some_and(|name| name == task.name.as_str()) {
        return Err(vec![
            Diagnostic::error(Code::CommandFailed, format!("{what} asks otto for its own choices")).at(
                &ottofile.sources,
                span,
                "calls itself",
            ),
        ]);
    }
    let mut variables = variables(task.name_span.source, command)?;
    variables.push(("OTTO_CHOICES_COMMAND".into(), task.name.as_str().into()));
    let printed = facts.command(command, &variables).map_err(|failure| {
        let diagnostic = Diagnostic::error(Code::CommandFailed, format!("{what} failed: {}", failure.how))
            .at(&ottofile.sources, span, failure.how.clone());
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
            &ottofile.sources,
            span,
            "no choices",
        )]);
    }
    Ok(Some(choices))
}

fn from_environment(
    ottofile: &Ottofile,
    task: &Task,
    param: &Param,
    facts: &dyn Facts,
) -> Option<Result<Argument, Diagnostic>> {
    let variable = param.env.as_ref()?;
    let facts = &*facts.within(ottofile.folder_of(task.name_span.source));
    let text = facts.variable(&variable.value)?;
    let refuse = |code: Code, why: String| {
        Some(Err(Diagnostic::error(
            code,
            format!(
                "invalid value `{}` from `${}` for `{}` of `{}`",
                text.to_string_lossy(),
                variable.value,
                shown_form(param),
                task.name
            ),
        )
        .at(&ottofile.sources, variable.span, why)))
    };
    let value = match (param.count.takes_several(), text.to_str()) {
        // A variable holds one text, so its words are what blanks separate.
        (true, Some(text)) => Argument::Words(text.split_ascii_whitespace().map(OsString::from).collect()),
        (_, _) => Argument::Text(text.clone()).taken_as(param.count),
    };
    let Ok(value) = typed(value, param) else {
        return refuse(Code::BadParamType, format!("not {}", wanted(param)));
    };
    if param.choices.is_empty() {
        return Some(Ok(absolute(value, param, facts)));
    }
    match among(param.choices.iter().map(|choice| choice.value.as_str()), &value, param) {
        Some(chosen) => Some(Ok(chosen)),
        None => refuse(
            Code::BadChoice,
            format!(
                "the choices are: {}",
                param.choices.iter().map(|choice| choice.value.as_str()).collect::<Vec<_>>().join(", ")
            ),
        ),
    }
}

/// A path that the caller gave, as seen from where otto was called; `-`, which means no file to most programs, is kept.
fn absolute(value: Argument, param: &Param, facts: &dyn Facts) -> Argument {
    let Some(folder) = facts.variable("OTTO_INVOCATION_DIR").filter(|_| param.kind == ParamType::Path) else {
        return value;
    };
    let joined = |word: OsString| match word.is_empty() || word == "-" {
        true => word,
        false => Path::new(&folder).join(word).components().collect::<PathBuf>().into_os_string(),
    };
    match value {
        Argument::Text(text) => Argument::Text(joined(text)),
        Argument::Words(words) => Argument::Words(words.into_iter().map(joined).collect()),
    }
}

/// The value as its choices are declared, if it is one of them, or each word is for a parameter that takes several.
fn among<'c>(choices: impl Iterator<Item = &'c str>, value: &Argument, param: &Param) -> Option<Argument> {
    let choices = Choices::new(choices);
    let text = |text: &OsStr| text.to_str().map(str::to_owned);
    match value {
        Argument::Text(value) if value.is_empty() && param.count.takes_none() => {
            Some(Argument::Text(OsString::new()))
        }
        Argument::Text(value) => choices.one(&text(value)?).map(|one| Argument::Text(one.into())),
        Argument::Words(words) => {
            let each = words.iter().map(|word| choices.one(&text(word)?).map(OsString::from)).collect();
            // A choice of several words need not be quoted.
            let together = || {
                let chosen = choices.several(&text(&words.join(OsStr::new(" ")))?)?;
                Some(chosen.into_iter().map(OsString::from).collect())
            };
            let words: Option<Vec<OsString>> = each;
            words.or_else(together).map(Argument::Words)
        }
    }
}

/// The value as the parameter keeps it; the word that is not what was declared as an error. Bodies compare a flag with
/// `true`, so it is one of two words wherever its value comes from.
fn typed(value: Argument, param: &Param) -> Result<Argument, String> {
    let refused = |word: &OsStr| Err(word.to_string_lossy().into_owned());
    let is_fine = |word: &OsStr| match word.to_str() {
        None => matches!(param.kind, ParamType::Str | ParamType::Path),
        Some(text) => param.kind.accepts(text),
    };
    match value {
        Argument::Text(text) if param.count == Count::Flag => {
            let is_on = if text.is_empty() { Some(false) } else { parse_bool(&text) };
            match is_on {
                Some(is_on) => Ok(Argument::Text(is_on.to_string().into())),
                None => refused(&text),
            }
        }
        Argument::Text(text) if text.is_empty() && param.count.takes_none() => Ok(Argument::Text(text)),
        Argument::Text(text) if is_fine(&text) => Ok(Argument::Text(text)),
        Argument::Text(text) => refused(&text),
        Argument::Words(words) => match words.iter().find(|word| !is_fine(word)) {
            None => Ok(Argument::Words(words)),
            Some(word) => refused(word),
        },
    }
}

/// What a value of the parameter must be, for messages.
fn wanted(param: &Param) -> String {
    if param.count == Count::Flag { ParamType::Bool.to_string() } else { param.kind.to_string() }
}

/// A required parameter must have a value when its task is named on the command line.
fn required(
    ottofile: &Ottofile,
    request: &Request,
    drafts: &[Draft],
    params: &[ParamValues],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut first: HashMap<usize, usize> = HashMap::new();
    for (place, draft) in drafts.iter().enumerate() {
        first.entry(draft.task).or_insert(place);
    }
    for asked in request.tasks.iter().filter(|asked| !asked.is_only_planned) {
        let task = &ottofile.tasks[asked.task];
        let Some(&place) = first.get(&asked.task) else { continue };
        for (param, (_, value)) in task.params.iter().zip(&params[place]) {
            let was_given = asked.given.iter().any(|given| task.params[given.param].name == param.name);
            let has_no_words = value.as_ref().is_none_or(|value| value.words() == Some(&[]));
            let is_missing = param.is_required && value.is_none() || param.wants_words() && has_no_words;
            if is_missing && !was_given {
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
                    .at(&request.sources, asked.span, "requested here")
                    .at(
                        &ottofile.sources,
                        param.form_span,
                        match (param.is_required, param.count) {
                            (false, Count::Range { least, .. }) if least > 1 => {
                                format!("takes at least {least} values")
                            }
                            (false, _) => "takes at least one value".to_owned(),
                            (true, _) => "declared as required".to_owned(),
                        },
                    )
                    .help(format!("`{usage}`")),
                );
            }
        }
    }
}
