//! What a job has of its own task: variables, patterns of files and a question, with its item and parameters filled in.

use super::draft::Draft;
use super::envs::{self, FailedEntry, FileVariables, Resolved};
use super::facts::Facts;
use super::select::Selected;
use super::version::Pins;
use super::{ParamValues, params, texts};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::ottofile::Ottofile;
use crate::ottofile::glob;
use crate::ottofile::spec::{EnvEntry, ForeachSource, Task, With};
use crate::request::Argument;
use crate::source::{SourceId, Sources, Spanned};
use std::collections::BTreeSet;
use std::ffi::OsString;

#[derive(Default)]
pub(super) struct Own {
    pub(super) envs: Vec<(String, OsString)>,
    pub(super) input_globs: Vec<String>,
    pub(super) output_globs: Vec<String>,
    pub(super) confirm: Option<String>,
    /// Why the job cannot be started.
    pub(super) refusal: Option<Box<Diagnostic>>,
}

/// The errors in the variables of these tasks that do not depend on values; for plans that work out no values.
pub(super) fn mistakes(ottofile: &Ottofile, selected: &[Selected]) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let sources = selected.iter().map(|member| ottofile.tasks[member.task].name_span.source);
    let sources: BTreeSet<SourceId> =
        sources.flat_map(|source| ottofile.line_of(source)).chain([SourceId::default()]).collect();
    for source in sources {
        if let Some(part) = ottofile.part(source) {
            let entry = &ottofile.settings_of(part.parent).includes[part.include];
            diagnostics.extend(envs::mistakes(&entry.envs, &ottofile.sources));
        }
        diagnostics.extend(envs::mistakes(&ottofile.settings_of(source).envs, &ottofile.sources));
    }
    for task in selected.iter().map(|member| &ottofile.tasks[member.task]) {
        diagnostics.extend(envs::mistakes(&task.envs, &ottofile.sources));
        let question = task.confirm.iter().map(|question| pattern_entry("confirm", question));
        diagnostics.extend(question.flat_map(|entry| envs::mistakes(&[entry], &ottofile.sources)));
        for (key, patterns) in [("input", &task.input), ("output", &task.output)] {
            let with_variables = patterns.iter().filter(|pattern| pattern.value.contains('$'));
            let entries = with_variables.map(|pattern| pattern_entry(key, pattern));
            diagnostics.extend(entries.flat_map(|entry| envs::mistakes(&[entry], &ottofile.sources)));
        }
    }
    diagnostics
}

/// The jobs of one foreach task make the same mistake in the same place.
pub(crate) fn told_once(diagnostics: &mut Vec<Diagnostic>) {
    let mut told = std::collections::HashSet::new();
    diagnostics.retain(|diagnostic| {
        let place = diagnostic.labels.first().map(|label| label.span);
        told.insert((diagnostic.code, diagnostic.message.clone(), place))
    });
}

/// Resolves the variables and the `${…}` of `input` and `output` for one job. A job that mentions an entry without a value
/// is refused; those that it does not mention go to `left_out`. Variables that all jobs of the run have are left out.
pub(super) fn resolve(
    ottofile: &Ottofile,
    draft: &Draft,
    params: &ParamValues,
    globals: &FileVariables,
    facts: &dyn Facts,
    left_out: &mut Vec<FailedEntry>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Own {
    let source = ottofile.tasks[draft.task].name_span.source;
    let own_facts = facts.within(ottofile.folder_of(source));
    let of_file = globals.of(source);
    let own = of_task(ottofile, draft, params, of_file, &*own_facts, left_out, diagnostics);
    if source == SourceId::default() {
        return own;
    }
    let is_new = |variable: &&(String, OsString)| !globals.of_root().contains(*variable);
    let envs = of_file.values.iter().filter(is_new).cloned().chain(own.envs).collect();
    Own { envs, ..own }
}

/// The same without the variables of the file.
fn of_task(
    ottofile: &Ottofile,
    draft: &Draft,
    params: &ParamValues,
    globals: &Resolved,
    facts: &dyn Facts,
    left_out: &mut Vec<FailedEntry>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Own {
    let task = &ottofile.tasks[draft.task];
    let has_templates = !task.envs.is_empty()
        || !task.dotenv.is_empty()
        || !task.input.is_empty()
        || !task.output.is_empty()
        || task.confirm.is_some();
    if !has_templates && globals.failures.is_empty() {
        return Own::default();
    }
    let Known { mut known, envs } = match known(ottofile, draft, params, globals, facts) {
        Ok(known) => known,
        Err(mut problems) => {
            diagnostics.append(&mut problems);
            return Own::default();
        }
    };
    let mut refusal = None;
    let mut globs = |key: &str, written: &[Spanned<String>]| {
        let mut globs = Vec::with_capacity(written.len());
        for glob in written {
            match pattern_text(key, glob, &known, &ottofile.sources, facts) {
                Ok(Ok(text)) => globs.push(text),
                Ok(Err(why)) => refusal = Some(why),
                Err(diagnostic) => diagnostics.push(*diagnostic),
            }
        }
        globs
    };
    let input_globs = globs("input", &task.input);
    let output_globs = globs("output", &task.output);
    known.files.clear();
    let mut confirm = None;
    if let Some(question) = &task.confirm {
        match envs::resolve(&[pattern_entry("confirm", question)], &known, &ottofile.sources, facts) {
            Ok(mut resolved) => match resolved.failures.pop() {
                Some(failure) => refusal = Some(Box::new(failure.why)),
                None => confirm = Some(resolved.values[0].1.to_string_lossy().into_owned()),
            },
            Err(mut problems) => diagnostics.append(&mut problems),
        }
    }
    let mention = |failure: &FailedEntry| {
        let text = format!("`{}` mentions `{}`", task.name, failure.name);
        Box::new(failure.why.clone().at(&ottofile.sources, task.name_span, text))
    };
    let in_text = task.body.as_ref().and_then(|body| known.failure_in(&body.text)).map(mention);
    let refusal = in_text.or(refusal);
    if refusal.is_none() {
        left_out.append(&mut known.failures);
    }
    Own { envs, input_globs, output_globs, confirm, refusal }
}

/// The variables that a job's own texts may mention.
struct Known {
    known: Resolved,
    /// Those of the task.
    envs: Vec<(String, OsString)>,
}

fn known(
    ottofile: &Ottofile,
    draft: &Draft,
    params: &ParamValues,
    globals: &Resolved,
    facts: &dyn Facts,
) -> Result<Known, Vec<Diagnostic>> {
    let task = &ottofile.tasks[draft.task];
    let mut known = globals.clone();
    let from_files = envs::dotenv(&task.dotenv, &ottofile.sources, facts)?;
    let set_all = |known: &mut Resolved, variables: Vec<(String, OsString)>| {
        variables.into_iter().for_each(|(name, value)| known.set(name, value));
    };
    let params: Vec<(String, OsString)> =
        texts(params).map(|(name, text)| (name.as_str().to_owned(), text.into_owned())).collect();
    set_all(&mut known, from_files.clone());
    set_all(
        &mut known,
        vec![
            ("OTTO_TASK".to_owned(), draft.name.as_str().into()),
            ("OTTO_TASK_NAME".to_owned(), ottofile.written_task(draft.task).name.as_str().into()),
        ],
    );
    set_all(&mut known, item_variables(draft));
    set_all(&mut known, params.clone());
    let own = envs::resolve(&task.envs, &known, &ottofile.sources, facts)?;
    let envs = from_files.into_iter().chain(own.values.clone()).collect();
    // The name of a file is not a pattern, even if it contains `*`.
    let is_file =
        task.foreach.as_ref().is_some_and(|foreach| matches!(foreach.source, ForeachSource::Glob(_)));
    if is_file {
        known.files = item_variables(draft).into_iter().map(|(name, _)| name).collect();
    }
    set_all(&mut known, own.values);
    let (names, own_failures): (Vec<String>, Vec<FailedEntry>) =
        own.failures.into_iter().map(|failure| (failure.name.clone(), failure)).unzip();
    known.failures.retain(|failure| !names.contains(&failure.name));
    known.failures.extend(own_failures);
    // A parameter beats an entry of `envs` of the same name.
    set_all(&mut known, params);
    Ok(Known { known, envs })
}

/// The values of a `with` for the job that has it. Where commands may not be run, a value that mentions a variable is as it
/// is written.
pub(super) fn with(
    ottofile: &Ottofile,
    draft: &Draft,
    params: &ParamValues,
    globals: Option<&Resolved>,
    facts: &dyn Facts,
    task: &Task,
    with: &With,
) -> Result<Pins, Vec<Diagnostic>> {
    let words = || with.values.iter().flat_map(|value| &value.words);
    let has_variables = words().any(|word| word.value.contains('$'));
    let none = Resolved::default();
    let known = match has_variables {
        true => known(ottofile, draft, params, globals.unwrap_or(&none), facts).map(|mut known| {
            known.known.files.clear();
            known
        }),
        false => Ok(Known { known: none.clone(), envs: Vec::new() }),
    };
    let mut pins = Pins::new();
    let mut diagnostics = Vec::new();
    for value in &with.values {
        let param = task.params.iter().position(|param| param.name.as_str() == value.param.value);
        let param = param.expect("bug: `with` sets a parameter that does not exist");
        let text = |word: &Spanned<String>| -> Result<OsString, Vec<Diagnostic>> {
            if !word.value.contains('$') {
                return Ok(word.value.clone().into());
            }
            let known = known.as_ref().map_err(Clone::clone)?;
            let entry = pattern_entry(&value.param.value, word);
            let mut resolved = envs::resolve(&[entry], &known.known, &ottofile.sources, facts)?;
            match resolved.failures.pop() {
                Some(failure) => Err(vec![failure.why]),
                None => Ok(resolved.values.swap_remove(0).1),
            }
        };
        match value.words.iter().map(text).collect::<Result<Vec<OsString>, _>>() {
            Ok(words) => {
                let argument = match value.is_list {
                    true => Argument::Words(words),
                    false => Argument::Text(words.into_iter().next().unwrap_or_default()),
                };
                match params::of_with(ottofile, task, param, argument, value.span, &draft.name) {
                    Ok(argument) => drop(pins.insert(param, argument)),
                    Err(diagnostic) => diagnostics.push(diagnostic),
                }
            }
            Err(_) if globals.is_none() => {
                let written: Vec<&str> = value.words.iter().map(|word| word.value.as_str()).collect();
                let argument = Argument::Text(written.join(" ").into());
                pins.insert(param, argument.taken_as(task.params[param].count));
            }
            Err(mut problems) => diagnostics.append(&mut problems),
        }
    }
    if diagnostics.is_empty() { Ok(pins) } else { Err(diagnostics) }
}

/// One warning for each thing that went wrong, with the entries that have no value because of it.
pub(super) fn left_out_warnings(left_out: Vec<FailedEntry>) -> Vec<Diagnostic> {
    let place = |why: &Diagnostic| (why.message.clone(), why.labels.first().map(|label| label.span));
    let mut found: Vec<(Diagnostic, Vec<String>)> = Vec::new();
    for FailedEntry { name, why } in left_out {
        match found.iter_mut().find(|(known, _)| place(known) == place(&why)) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => found.push((why, vec![name])),
        }
    }
    const SHOWN: usize = 8;
    let warning = |(why, names): (Diagnostic, Vec<String>)| {
        let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
        let shown = shown.join(", ");
        let note = match names.len() {
            1 => format!("tasks whose text does not mention {shown} run without it"),
            count if count <= SHOWN => {
                format!("tasks whose text mentions none of these run without them: {shown}")
            }
            count => {
                let rest = count - SHOWN;
                format!("tasks whose text mentions none of these run without them: {shown} and {rest} more")
            }
        };
        Diagnostic { severity: Severity::Warning, ..why }.note(note)
    };
    found.into_iter().map(warning).collect()
}

/// The variables that hold a job's item.
fn item_variables(draft: &Draft) -> Vec<(String, OsString)> {
    let Some(item) = &draft.item else { return Vec::new() };
    let own = [
        (item.variable.clone(), item.value.clone()),
        ("OTTO_FOREACH_ITEM".to_owned(), item.value.clone()),
        ("OTTO_FOREACH_INDEX".to_owned(), item.index.to_string().into()),
    ];
    own.into_iter().chain(item.axes.iter().cloned()).collect()
}

fn pattern_entry(key: &str, pattern: &Spanned<String>) -> EnvEntry {
    EnvEntry { name: Spanned::new(key.to_owned(), pattern.span), value: pattern.clone(), is_secret: false }
}

/// An entry of `input` or `output` with its variables filled in; or why one of these has no value.
fn pattern_text(
    key: &str,
    glob: &Spanned<String>,
    variables: &Resolved,
    source: &Sources,
    facts: &dyn Facts,
) -> Result<Result<String, Box<Diagnostic>>, Box<Diagnostic>> {
    if !glob.value.contains('$') {
        return Ok(Ok(glob.value.clone()));
    }
    let mut resolved = envs::resolve(&[pattern_entry(key, glob)], variables, source, facts)
        .map_err(|mut problems| Box::new(problems.remove(0)))?;
    if let Some(failure) = resolved.failures.pop() {
        return Ok(Err(Box::new(failure.why.at(source, glob.span, format!("needed for `{key}`")))));
    }
    let text = resolved.values[0].1.to_string_lossy().into_owned();
    match glob::mistake(&text) {
        None => Ok(Ok(text)),
        Some(why) => {
            let message = format!("invalid file pattern in `{key}`");
            let wrong = Diagnostic::error(Code::BadGlob, message).at(source, glob.span, why);
            Err(Box::new(wrong.note(format!("with its variables expanded it is `{text}`"))))
        }
    }
}
