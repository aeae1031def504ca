//! `otto List`: the tasks of the ottofile. Runs nothing and evaluates nothing.

use super::Context;
use crate::contract::{Bound, Contract, Promise, Shape};
use crate::diagnostic::{Code, Diagnostic};
use crate::host;
use crate::load::Loaded;
use crate::name::similar;
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{Count, Edge, ForeachSource, Param, ParamForm, Task};
use crate::plan::expand::{Expansion, known};
use crate::plan::facts::Facts;
use crate::request;
use crate::source::SourceId;
use crate::value::{self, Value};
use crate::view::filter::shown;
use crate::view::style::{self, Paint};
use crate::view::wording::counted;
use std::fmt::Write;
use unicode_width::UnicodeWidthStr;

pub(super) fn command() -> clap::Command {
    clap::Command::new("List")
        .arg(clap::Arg::new("all").long("all").action(clap::ArgAction::SetTrue).help("include hidden tasks"))
        .arg(
            clap::Arg::new("namespace")
                .value_name("NAMESPACE")
                .help("only the tasks of this included ottofile"),
        )
}

pub(super) fn run(context: &mut Context, matches: &clap::ArgMatches) -> i32 {
    let loaded = match context.load() {
        Ok(loaded) => loaded,
        Err(diagnostics) => return context.refuse(&diagnostics),
    };
    let namespace = matches.get_one::<String>("namespace").map_or("", String::as_str);
    list_all(context, loaded, namespace.trim_end_matches('/'), matches.get_flag("all"))
}

/// Lists the tasks of a namespace and of those inside it; of all for an empty name. A file that is wrong does not keep the
/// others from being listed.
pub(crate) fn list_all(
    context: &mut Context,
    mut loaded: Loaded,
    namespace: &str,
    shows_hidden: bool,
) -> i32 {
    let wrong = loaded.read_all_in(namespace);
    context.show_warnings(&mut loaded);
    let is_known = namespace.is_empty() || loaded.ottofile.namespaces.inside(namespace).next().is_some();
    if !is_known && wrong.is_empty() {
        let names = loaded.ottofile.namespaces.list().iter().map(|namespace| namespace.name.as_str());
        let wrong = Diagnostic::error(Code::UnknownTask, format!("unknown namespace `{namespace}`"))
            .did_you_mean(&similar(namespace, names, 3))
            .help("`otto List` lists all tasks");
        return context.refuse(&[wrong]);
    }
    if context.is_json {
        // Patterns in `needs` become the names that they stand for. What is wrong with them is for a run to say.
        let _links = loaded.ottofile.follow(0..loaded.ottofile.tasks.len());
    }
    let text = match context.is_json {
        true => list_json(&loaded.ottofile, namespace),
        false => list(context, &loaded, namespace, shows_hidden),
    };
    context.print(&text);
    if wrong.is_empty() { 0 } else { context.refuse(&wrong) }
}

/// With more tasks than this in all files, those of included files are only counted.
const MOST_LISTED: usize = 60;

/// The listing, by groups, and then by namespaces.
fn list(context: &Context, loaded: &Loaded, namespace: &str, shows_hidden: bool) -> String {
    let Loaded { found, ottofile, .. } = loaded;
    let is_listed = |task: &&Task| shows_hidden || !task.is_hidden;
    if !namespace.is_empty() {
        let place = ottofile.namespaces.position(namespace);
        let source = place.and_then(|place| ottofile.source_of(place));
        let own: Vec<&Task> =
            source.into_iter().flat_map(|source| ottofile.tasks_of(source)).filter(is_listed).collect();
        let file = source.map(|source| ottofile.sources.file(source).name());
        let inner = inner_namespaces(ottofile, namespace, shows_hidden);
        let about = source.and_then(|source| ottofile.settings_of(source).about.as_deref());
        return listing(
            context,
            loaded,
            &Listing { title: namespace, file, about, own: &own, inner: &inner },
        );
    }
    let project = ottofile.settings.name.clone().unwrap_or_else(|| {
        let folder = found.folder().file_name().unwrap_or(found.folder().as_os_str());
        folder.to_string_lossy().into_owned()
    });
    let own: Vec<&Task> = ottofile.tasks_of(SourceId::default()).filter(is_listed).collect();
    let inner = inner_namespaces(ottofile, "", shows_hidden);
    let about = ottofile.settings.about.as_deref();
    listing(
        context,
        loaded,
        &Listing { title: &project, file: Some(&found.shown), about, own: &own, inner: &inner },
    )
}

/// What is listed: the tasks of one file, and the namespaces inside it.
struct Listing<'l> {
    title: &'l str,
    /// `None` for a level that has only namespaces in it.
    file: Option<&'l str>,
    about: Option<&'l str>,
    own: &'l [&'l Task],
    inner: &'l [Inner<'l>],
}

/// A namespace with the tasks of its file.
struct Inner<'l> {
    name: &'l str,
    about: Option<&'l str>,
    tasks: Vec<&'l Task>,
}

/// The namespaces inside one, at any depth, sorted as they are included.
fn inner_namespaces<'l>(ottofile: &'l Ottofile, outer: &str, shows_hidden: bool) -> Vec<Inner<'l>> {
    let mut by_source: Vec<Vec<&Task>> = vec![Vec::new(); ottofile.parts.len()];
    for task in ottofile.written_tasks().filter(|task| shows_hidden || !task.is_hidden) {
        if let Some(place) = task.name_span.source.included() {
            by_source[place].push(task);
        }
    }
    let is_inside =
        |name: &str| outer.is_empty() || name.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    let parts = ottofile.parts.iter().zip(by_source).filter(|(part, _)| is_inside(&part.namespace));
    let inner = parts.map(|(part, tasks)| Inner {
        name: &part.namespace,
        about: part.settings.about.as_deref(),
        tasks,
    });
    inner.collect()
}

fn listing(context: &Context, loaded: &Loaded, listing: &Listing<'_>) -> String {
    let Loaded { found, ottofile, .. } = loaded;
    let paint = Paint { is_on: context.colours_stdout };
    let Listing { title, file, about, own, inner } = listing;
    let heading = |text: &str| paint.text(style::STRONG, &shown(text));
    let mut text = heading(title).to_string();
    if let Some(file) = file {
        let _ = write!(text, " · {} · {}", shown(file), counted(own.len(), "task", "tasks"));
    }
    let count: usize = inner.iter().map(|inner| inner.tasks.len()).sum();
    if !inner.is_empty() {
        let _ = write!(
            text,
            " · {} in {}",
            counted(count, "task", "tasks"),
            counted(inner.len(), "included ottofile", "included ottofiles")
        );
    }
    text.push('\n');
    if let Some(about) = about {
        let _ = writeln!(text, "{}", shown(first_line(about)));
    }
    if file.is_some() {
        text.push('\n');
    }
    text.push_str(&task_lines(context, found, ottofile, own));
    if own.len() + count <= MOST_LISTED {
        for Inner { name, tasks, .. } in inner.iter() {
            let _ = writeln!(text, "\n{}", heading(name));
            text.push_str(&task_lines(context, found, ottofile, tasks));
        }
        text.push_str("\notto TASK --help · otto History · otto Graph\n");
        return text;
    }
    text.push('\n');
    let width = inner.iter().map(|inner| inner.name.width()).filter(|width| *width <= 32).max().unwrap_or(0);
    for Inner { name, about, tasks } in inner.iter() {
        text.push_str("  ");
        text.push_str(&paint.text(style::OK, &shown(name)));
        push_blanks(&mut text, width.saturating_sub(name.width()) + 2);
        text.push_str(&counted(tasks.len(), "task", "tasks"));
        if let Some(about) = about {
            let _ = write!(text, "  {}", shown(first_line(about)));
        }
        text.push('\n');
    }
    text.push_str("\notto List NAMESPACE · otto TASK --help · otto History · otto Graph\n");
    text
}

/// The tasks under their groups, a line each.
pub(super) fn task_lines(
    context: &Context,
    found: &host::Found,
    ottofile: &Ottofile,
    listed: &[&Task],
) -> String {
    let paint = Paint { is_on: context.colours_stdout };
    let facts = host::HostFacts {
        environment: &context.environment,
        folder: found.folder(),
        may_run_commands: false,
    };
    let names: Vec<_> = listed.iter().map(|task| shown(task.name.as_str())).collect();
    let name_width = names.iter().map(|name| name.width()).filter(|width| *width <= 32).max().unwrap_or(0);
    let help_of = |task: &Task| {
        let help = shown(first_line(task.help.as_deref().unwrap_or("")));
        match task.foreach.as_ref().map(|_| item_count(ottofile, task, &facts)) {
            Some(count) if help.is_empty() => count,
            Some(count) => format!("{help} {count}"),
            None => help.into_owned(),
        }
    };
    let helps: Vec<String> = listed.iter().map(|task| help_of(task)).collect();
    let help_width = helps.iter().map(|help| help.width()).filter(|width| *width <= 40).max().unwrap_or(0);

    // Groups in the order in which they first appear, those without one last.
    const WITHOUT: &str = "other";
    fn group_of(task: &Task) -> &str {
        task.group.as_deref().unwrap_or(WITHOUT)
    }
    let mut groups: Vec<&str> = Vec::new();
    for group in listed.iter().map(|task| group_of(task)).filter(|group| *group != WITHOUT) {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    let has_groups = listed.iter().any(|task| task.group.is_some());
    groups.push(WITHOUT);
    let mut text = String::new();
    for group in groups {
        let members = || {
            let rows = listed.iter().zip(names.iter().zip(&helps));
            rows.filter(|(task, _)| group_of(task) == group)
        };
        if has_groups && members().next().is_some() {
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{}", paint.text(style::STRONG, &shown(group)));
        }
        for (task, (name, help)) in members() {
            let detail = detail(task);
            // Piece by piece, for there may be ten thousand of them.
            let begin = text.len();
            text.push_str("  ");
            text.push_str(&paint.text(style::OK, name));
            push_blanks(&mut text, name_width.saturating_sub(name.width()));
            if help.is_empty() && detail.is_empty() {
                // A name without anything after it still ends in a blank, so that a search for the word finds it.
                text.push_str(" \n");
                continue;
            }
            text.push_str("  ");
            text.push_str(help);
            if !detail.is_empty() {
                push_blanks(&mut text, help_width.saturating_sub(help.width()) + 2);
                text.push_str(&paint.text(style::FAINT, &detail));
            }
            text.truncate(begin + text[begin..].trim_end().len());
            text.push('\n');
        }
    }
    text
}

fn push_blanks(text: &mut String, count: usize) {
    text.extend(std::iter::repeat_n(' ', count));
}

/// What a task takes, or where it takes nothing, what it needs.
fn detail(task: &Task) -> String {
    let params = params_summary(task);
    if !params.is_empty() || task.before.is_empty() {
        return params;
    }
    let (scripts, tasks): (Vec<&Edge>, Vec<&Edge>) =
        task.before.iter().partition(|edge| edge.is_script_of(task));
    let names: Vec<&str> =
        tasks.iter().map(|edge| edge.known_as.as_deref().unwrap_or(&edge.task.value)).collect();
    let most = 4;
    let more = names.len().saturating_sub(most);
    let mut listed: Vec<String> = names.iter().take(most).map(|name| (*name).to_owned()).collect();
    if !scripts.is_empty() {
        listed.push(counted(scripts.len(), "script", "scripts"));
    }
    let listed = listed.join(", ");
    // What has steps runs them, and may need other tasks besides.
    let verb = if task.steps.is_some() { "runs" } else { "needs" };
    let text =
        if more == 0 { format!("{verb} {listed}") } else { format!("{verb} {listed} and {more} more") };
    shown(&text).into_owned()
}

/// `--profile debug|release  [debug]`.
fn params_summary(task: &Task) -> String {
    if task.params.is_empty() {
        return String::new();
    }
    let part = |param: &Param| {
        let name = match &param.form {
            ParamForm::Positional(name) => shown(&request::positional(name, param)).into_owned(),
            ParamForm::Option { long: Some(long), .. } => format!("--{long}"),
            ParamForm::Option { short, long: None } => format!("-{}", short.unwrap_or('?')),
        };
        let value = if param.choices.is_empty() {
            String::new()
        } else {
            format!(
                " {}",
                param.choices.iter().map(|choice| choice.value.as_str()).collect::<Vec<_>>().join("|")
            )
        };
        let default = match &param.default {
            Some(default) if param.count != Count::Flag && !default.value.is_empty() => {
                format!("  [{}]", default.value)
            }
            _ if param.is_required && matches!(param.form, ParamForm::Option { .. }) => {
                "  (required)".to_owned()
            }
            _ => String::new(),
        };
        format!("{name}{value}{default}")
    };
    let most = 3;
    let listed: Vec<String> = task.params.iter().take(most).map(part).collect();
    let more = if task.params.len() > most { "  …" } else { "" };
    let text: String = listed
        .join("  ")
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    format!("{}{more}", shown(&text).into_owned())
}

/// `[3 items]`, or `[dynamic]` where only a command or data knows.
pub(super) fn item_count(ottofile: &Ottofile, task: &Task, facts: &dyn Facts) -> String {
    let count = match ottofile.source_of_items(task).map(|(_, foreach)| &foreach.source) {
        Some(ForeachSource::Items(items)) => items.len() as i128,
        Some(ForeachSource::Range { first, last, .. }) => i128::from(*last) - i128::from(*first) + 1,
        Some(_) | None => match known(ottofile, task, facts) {
            Ok(Expansion::Items(items)) => items.len() as i128,
            Ok(Expansion::Unknown | Expansion::Awaited) => return "[dynamic]".to_owned(),
            Err(_) => return "[?]".to_owned(),
        },
    };
    if count == 1 { "[1 item]".to_owned() } else { format!("[{count} items]") }
}

/// `--list-subtasks`: every foreach task with the names of its jobs.
pub(crate) fn list_subtasks(context: &Context, found: &host::Found, ottofile: &Ottofile) -> String {
    let facts = host::HostFacts {
        environment: &context.environment,
        folder: found.folder(),
        may_run_commands: false,
    };
    let mut text = String::new();
    for task in &ottofile.tasks {
        if task.foreach.is_none() {
            continue;
        }
        match known(ottofile, task, &facts) {
            Ok(Expansion::Items(items)) => {
                let _ = writeln!(text, "{} ({} items):", shown(task.name.as_str()), items.len());
                for item in items {
                    let _ = writeln!(text, "  {}:{}", shown(task.name.as_str()), shown(&item.name));
                }
            }
            Ok(Expansion::Unknown | Expansion::Awaited) => {
                let _ = writeln!(text, "{} (dynamic)", shown(task.name.as_str()));
            }
            Err(diagnostics) => {
                let _ = writeln!(text, "{} ({})", shown(task.name.as_str()), shown(&diagnostics[0].message));
            }
        }
    }
    if text.is_empty() { "No tasks with foreach\n".to_owned() } else { text }
}

/// The declared outputs: `[{"key", "type", "help", "optional", "default", "choices", "pattern", "min", "max", "secret",
/// "keys"}]`; `keys` are those of an object, in the same form.
fn outputs_json(contract: &Contract) -> Vec<serde_json::Value> {
    let json = |value: &Value| serde_json::from_str::<serde_json::Value>(&value::compact(value)).ok();
    let number = |bound: &Option<Bound>| {
        let Bound(text) = bound.as_ref()?;
        serde_json::from_str::<serde_json::Value>(text).ok()
    };
    let one = |key: &str, promise: &Promise, is_optional: bool| {
        let keys = match &promise.shape {
            Shape::Object(contract) => Some(outputs_json(contract)),
            _ => None,
        };
        serde_json::json!({
            "key": key,
            "type": promise.to_string(),
            "help": promise.help,
            "optional": is_optional,
            "default": promise.default.as_ref().and_then(json),
            "choices": promise.choices.iter().filter_map(json).collect::<Vec<_>>(),
            "pattern": promise.pattern.as_ref().map(|pattern| &pattern.text),
            "min": number(&promise.min),
            "max": number(&promise.max),
            "secret": promise.is_secret,
            "keys": keys,
        })
    };
    let declared = contract.keys.iter();
    let declared =
        declared.map(|declared| one(&declared.name, &declared.promise, declared.promise.is_optional));
    declared.chain(contract.others.iter().map(|promise| one("*", promise, true))).collect()
}

/// The tasks as JSON: `[{"name", "help", "group", "hidden", "file", "line", "needs", "params", "outputs"}]`; `outputs` is
/// null without a contract.
fn list_json(ottofile: &Ottofile, namespace: &str) -> String {
    let is_listed = |task: &&Task| {
        let own = ottofile.namespace(task.name_span.source);
        namespace.is_empty() || own == namespace || own.starts_with(&format!("{namespace}/"))
    };
    let tasks: Vec<serde_json::Value> = ottofile
        .written_tasks()
        .filter(is_listed)
        .map(|task| {
            let params: Vec<serde_json::Value> = task
                .params
                .iter()
                .map(|param| {
                    serde_json::json!({
                        "name": param.name.as_str(),
                        "form": ottofile.sources.slice(param.form_span).trim_matches(['"', '\'']),
                        "help": param.help,
                        "default": param.default.as_ref().map(|default| &default.value),
                        "choices": param.choices.iter().map(|choice| &choice.value).collect::<Vec<_>>(),
                        "required": param.is_required,
                    })
                })
                .collect();
            let needs = task.before.iter().filter(|edge| !edge.is_script_of(task));
            let needs = needs.map(|edge| &edge.task.value);
            serde_json::json!({
                "name": task.name.as_str(),
                "help": task.help,
                "group": task.group,
                "hidden": task.is_hidden,
                "file": ottofile.sources.of(task.name_span).name(),
                "line": ottofile.sources.line(task.name_span),
                "foreach": task.foreach.is_some(),
                "needs": needs.collect::<Vec<_>>(),
                "params": params,
                "outputs": task.outputs.as_ref().map(|contract| outputs_json(&contract.value)),
            })
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&tasks).expect("bug: a listing is plain data");
    text.push('\n');
    text
}

pub(super) fn first_line(text: &str) -> &str {
    text.trim_start().lines().next().unwrap_or("").trim_end()
}
