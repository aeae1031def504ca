//! Help: of otto, of a built-in, of a task. Runs nothing and evaluates nothing.

use super::list::{first_line, item_count, task_lines};
use super::{BuiltIn, Context, TABLE};
use crate::body;
use crate::host;
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{Count, Edge, OrderedList, Param, ParamForm, Task};
use crate::request;
use crate::view::filter::shown;
use crate::view::style::{self, Paint};
use clap::{Arg, ArgAction};
use std::fmt::Write;

/// The forms of the command line.
pub(crate) fn general_usage() -> &'static str {
    "Usage: otto [OPTIONS] [TASK [ARGS]]...\n       otto [OPTIONS] COMMAND [ARGS]\n"
}

/// `-h` (one screen) or `--help` (`is_full`), with the tasks of the ottofile where there is one.
pub(crate) fn general_help(
    context: &Context,
    file: Option<(&host::Found, &Ottofile)>,
    flags: &clap::Command,
    is_full: bool,
) -> String {
    let paint = Paint { is_on: context.colours_stdout };
    let head = |text: &str| paint.text(style::STRONG, text);
    let mut text = String::new();
    if let Some((_, ottofile)) = file {
        if let Some(name) = &ottofile.settings.name {
            let about = ottofile
                .settings
                .about
                .as_deref()
                .map_or(String::new(), |about| format!(": {}", first_line(about)));
            let _ = writeln!(text, "{}\n", shown(&format!("{name}{about}")));
        }
    } else {
        text.push_str("otto, a task runner whose tasks pass data\n\n");
    }
    text.push_str(general_usage());
    match file {
        Some((found, ottofile)) if !ottofile.tasks.is_empty() => {
            let listed: Vec<&Task> = ottofile.tasks.iter().filter(|task| !task.is_hidden).collect();
            // One screen has no room for hundreds.
            let most = if is_full { listed.len() } else { listed.len().min(10) };
            let _ = writeln!(text, "\n{} ({}):", head("Tasks"), shown(&found.shown));
            text.push_str(&task_lines(context, found, ottofile, &listed[..most]));
            if listed.len() > most {
                let _ = writeln!(text, "  … and {} more: `otto List`", listed.len() - most);
            }
        }
        Some((found, _)) => {
            let _ = writeln!(text, "\n{} has no tasks", shown(&found.shown));
        }
        None => text.push_str("\nNo ottofile here; `otto Init` writes a commented otto.yml\n"),
    }
    let _ = writeln!(text, "\n{}:", head("Commands"));
    if is_full {
        for built_in in TABLE {
            let _ = writeln!(text, "  {:<12} {}", built_in.name, built_in.about);
        }
    } else {
        let names: Vec<&str> = TABLE.iter().map(|built_in| built_in.name).collect();
        for line in names.chunks(9) {
            let _ = writeln!(text, "  {}", line.join("  "));
        }
    }
    let _ = writeln!(text, "\n{}:", head("Options"));
    let is_shown =
        |argument: &&clap::Arg| !argument.is_hide_set() && (is_full || !argument.is_hide_short_help_set());
    for argument in flags.get_arguments().filter(is_shown) {
        let short = argument.get_short().map_or("    ".to_owned(), |short| format!("-{short}, "));
        let long = argument.get_long().map_or(String::new(), |long| format!("--{long}"));
        let value = if argument.get_action().takes_values() {
            format!(" <{}>", argument.get_value_names().map_or("VALUE".into(), |names| names[0].to_string()))
        } else {
            String::new()
        };
        let help = argument.get_help().map_or(String::new(), ToString::to_string);
        let _ = writeln!(text, "  {:<26} {help}", format!("{short}{long}{value}"));
    }
    if is_full {
        text.push_str(EXIT_CODES);
    }
    let more = if is_full { "" } else { "otto --help · " };
    let _ = writeln!(text, "\n{more}otto TASK --help · otto COMMAND --help");
    text
}

pub(crate) const EXIT_CODES: &str = "
Exit codes:
  0            success
  1-255        exit code of the first failed task, in plan order
  2            invalid command line or ottofile; nothing ran
  70           a bug in otto
  75           records or output could not be written completely
  124          a task exceeded its timeout
  125          a task could not be started
  126, 127     its interpreter is not executable, or was not found
  128+n        a task, or otto itself, was killed by signal n
";

/// The variables that otto reads, for the manual page; docs/command-line.md has the same.
pub(crate) const VARIABLES: &[(&str, &str)] = &[
    ("OTTOFILE", "the ottofile, like -o"),
    ("OTTO_HOME", "where runs are stored (default: ~/.otto)"),
    ("OTTO_DB_PATH", "path of the history index"),
    ("OTTO_BASH", "the bash that runs tasks"),
    ("OTTO_PYTHON", "the Python that runs tasks"),
    ("OTTO_DISPLAY", "like --display"),
    ("OTTO_EXECUTOR", "like --executor"),
    ("OTTO_PROFILE", "like --profile"),
    ("OTTO_CONFIG", "the site file for clusters (default: ~/.config/otto/config.yml)"),
    ("OTTO_NODE_BINARY", "the otto that runs on the nodes of a cluster (default: a copy of this one)"),
    ("OTTO_STREAM_LIMIT", "maximum size of one stream, such as 512M or 4G"),
    ("XDG_RUNTIME_DIR", "folder in memory for the files of tasks with secrets (else /dev/shm)"),
    ("TZ", "time zone for tables and JSON (default: the system's)"),
    ("TZDIR", "folder of the time zone database"),
    ("NO_COLOR", "disable colours"),
    ("FORCE_COLOR", "force colours, even without a terminal"),
    ("CLICOLOR_FORCE", "same as FORCE_COLOR"),
    ("PYTHONPATH", "where else modules of the project may be, when otto reads a Python script"),
    ("TERM", "`dumb` disables colours and the progress line"),
    ("GITHUB_ACTIONS", "`true`: collapsed groups, annotations and a step summary"),
    ("GITHUB_WORKSPACE", "root of the repository, for file names in annotations"),
    ("GITHUB_STEP_SUMMARY", "file for the step summary"),
];

/// The help of a built-in. The options that all have are explained elsewhere; some of its own may speak of them.
pub(crate) fn command_help(built_in: &BuiltIn, everywhere: Vec<Arg>) -> String {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).help("show this help");
    let command = (built_in.command)().about(built_in.about).bin_name(format!("otto {}", built_in.name));
    let hidden = everywhere.into_iter().map(|option| option.hide(true));
    command.disable_help_flag(true).arg(help).args(hidden).render_long_help().to_string()
}

/// The help of one task.
pub(crate) fn task_help(context: &Context, found: &host::Found, ottofile: &Ottofile, task: &Task) -> String {
    let paint = Paint { is_on: context.colours_stdout };
    let head = |text: &str| paint.text(style::STRONG, text);
    let clean = |text: &str| shown(text).into_owned();
    let mut text = format!("Usage: {}\n", clean(&request::usage(task)));
    if let Some(help) = &task.help {
        let _ = writeln!(text, "\n{}", help.lines().map(clean).collect::<Vec<_>>().join("\n").trim_end());
    }
    if task.foreach.is_some() {
        let facts = host::HostFacts {
            environment: &context.environment,
            folder: found.folder(),
            may_run_commands: false,
        };
        let count = item_count(ottofile, task, &facts);
        let _ = writeln!(
            text,
            "\nRuns once per item {count}; `otto {}:ITEM` runs one.",
            clean(task.name.as_str())
        );
    }
    let rows: Vec<(String, String)> = task
        .params
        .iter()
        .filter_map(|param| match &param.form {
            ParamForm::Positional(name) => Some((clean(&request::positional(name, param)), explained(param))),
            ParamForm::Option { .. } => None,
        })
        .collect();
    section(&mut text, &head("Arguments"), &rows);
    let mut rows: Vec<(String, String)> = task
        .params
        .iter()
        .filter_map(|param| match &param.form {
            ParamForm::Option { short, long } => {
                Some((option(*short, long.as_deref(), param), explained(param)))
            }
            ParamForm::Positional(_) => None,
        })
        .collect();
    if task.foreach.is_some() {
        rows.push(("    --Serial".into(), "run the items one at a time".into()));
    }
    let takes_h =
        task.params.iter().any(|param| matches!(param.form, ParamForm::Option { short: Some('h'), .. }));
    rows.push((if takes_h { "    --help" } else { "-h, --help" }.into(), "show this help".into()));
    section(&mut text, &head("Options"), &rows);

    let handed_on = request::handed_on(ottofile, task);
    for followers in handed_on.chunk_by(|one, other| one.0 == other.0) {
        let rows = followers.iter().filter_map(|(follower, place)| {
            let param = &ottofile.tasks[*follower].params[*place];
            let ParamForm::Option { short, long } = &param.form else { return None };
            Some((option(*short, long.as_deref(), param), explained(param)))
        });
        let name = clean(ottofile.tasks[followers[0].0].name.as_str());
        section(&mut text, &head(&format!("Options for {name}")), &rows.collect::<Vec<_>>());
    }

    if let Some(contract) = &task.outputs {
        let rows = contract.value.keys.iter().map(|declared| {
            let promise = &declared.promise;
            let mut help: Vec<String> = promise.help.iter().map(|help| clean(help)).collect();
            let limits = promise.limits();
            if !limits.is_empty() {
                help.push(clean(&format!("({})", limits.join("; "))));
            }
            if let Some(default) = &promise.default {
                help.push(format!("[{}]", clean(&crate::value::compact(default))));
            }
            (format!("{}: {promise}", clean(&declared.name)), help.join("  "))
        });
        let others = contract.value.others.iter();
        let others = others.map(|promise| (format!("*: {promise}"), "any other key".to_owned()));
        section(&mut text, &head("Outputs"), &rows.chain(others).collect::<Vec<_>>());
    }

    let names =
        |edges: &[&Edge]| edges.iter().map(|edge| clean(&edge.task.value)).collect::<Vec<_>>().join(", ");
    let mut facts: Vec<(&str, String)> = Vec::new();
    if !task.aliases.is_empty() {
        let names: Vec<String> = task.aliases.iter().map(|alias| clean(&alias.value).to_string()).collect();
        facts.push(("also", names.join(", ")));
    }
    let is_step = |edge: &&Edge| edge.turn.is_some_and(|turn| turn.list == OrderedList::Steps);
    let (steps, needs): (Vec<&Edge>, Vec<&Edge>) = task.before.iter().partition(is_step);
    if !needs.is_empty() {
        facts.push(("needs", names(&needs)));
    }
    for (place, step) in steps.iter().enumerate() {
        let script = ottofile.task(&step.task.value).filter(|_| step.is_script_of(task));
        let script = script.and_then(|script| script.body.as_ref());
        let step = script.map_or_else(|| names(&[*step]), |body| clean(first_line(&body.text)));
        facts.push((if place == 0 { "steps" } else { "" }, step));
    }
    if !task.after.is_empty() {
        facts.push(("then", names(&task.after.iter().collect::<Vec<_>>())));
    }
    let keys = task.body.as_ref().filter(|_| task.outputs.is_none());
    let keys = keys.map_or(Vec::new(), |body| body::set_keys(&body.text));
    if !keys.is_empty() {
        facts.push(("sets", keys.iter().map(|key| clean(key)).collect::<Vec<_>>().join(", ")));
    }
    facts.push((
        "defined",
        format!(
            "{}:{}",
            clean(ottofile.sources.of(task.name_span).name()),
            ottofile.sources.line(task.name_span)
        ),
    ));
    text.push('\n');
    for (word, value) in facts {
        let _ = writeln!(text, "{word:<8} {value}");
    }
    text
}

fn section(text: &mut String, title: &str, rows: &[(String, String)]) {
    if rows.is_empty() {
        return;
    }
    let width =
        rows.iter().map(|(form, _)| form.chars().count()).filter(|width| *width <= 30).max().unwrap_or(0);
    let _ = writeln!(text, "\n{title}:");
    for (form, help) in rows {
        let _ = writeln!(text, "  {}", format!("{form:<width$}  {help}").trim_end());
    }
}

fn option(short: Option<char>, long: Option<&str>, param: &Param) -> String {
    let short_text = match (short, long) {
        (Some(short), Some(_)) => format!("-{short}, "),
        (Some(short), None) => format!("-{short}"),
        (None, _) => "    ".to_owned(),
    };
    let long = long.map_or(String::new(), |long| format!("--{long}"));
    let metavar = || shown(param.metavar.as_deref().unwrap_or(param.name.as_str())).into_owned();
    let value = match param.count {
        Count::Flag => String::new(),
        Count::One | Count::Range { least: 1, most: Some(1) } => format!(" <{}>", metavar()),
        Count::Range { least: 0, most: Some(1) } => format!(" [<{}>]", metavar()),
        Count::Range { .. } => format!(" <{}>...", metavar()),
    };
    format!("{short_text}{long}{value}")
}

/// The help of a parameter with its default, choices, and where else its value may come from.
fn explained(param: &Param) -> String {
    let mut parts: Vec<String> = Vec::new();
    if let Some(help) = &param.help {
        parts.push(help.lines().collect::<Vec<_>>().join(" "));
    }
    if param.is_required {
        parts.push("(required)".into());
    }
    if let Some(default) = &param.default {
        let default = if param.is_secret { crate::secret::MASK } else { &default.value };
        parts.push(format!("[default: {}]", if default.is_empty() { "\"\"" } else { default }));
    }
    if !param.choices.is_empty() {
        parts.push(format!(
            "[choices: {}]",
            param.choices.iter().map(|choice| choice.value.as_str()).collect::<Vec<_>>().join(", ")
        ));
    }
    if let Some(command) = &param.choices_command {
        parts.push(format!("[dynamic choices: {}]", first_line(&command.value)));
    }
    if let Some(env) = &param.env {
        parts.push(format!("[env: {}]", env.value));
    }
    shown(&parts.join(" ")).into_owned()
}
