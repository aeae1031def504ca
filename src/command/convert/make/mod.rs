//! A Makefile as an ottofile. Reads it as make does and writes down, as text for a shell, what make would give to it;
//! what cannot be taken over with certainty fails at the start of its task.

mod expand;
mod function;
mod line;
mod read;
mod shell;
mod task;
mod text;

use super::Converted;
use super::sheet::{self, Remark, Sheet, SheetTask, Yaml, script, texts};
use task::TargetTask;

/// What a Makefile asks of the world while it is read.
pub(super) trait World {
    fn variable(&self, name: &str) -> Option<String>;
    /// The files that a pattern matches, in the order of make.
    fn matches(&self, pattern: &str) -> Vec<String>;
    fn exists(&self, path: &str) -> bool;
    /// Whether a path is there and leads through no symlink.
    fn is_plain(&self, path: &str) -> bool;
    fn read(&self, path: &str) -> Option<String>;
    /// What a command prints, on one line; only for commands that are known to change nothing.
    fn answer(&self, command: &str) -> Option<String>;
    /// The folder of the Makefile, without symlinks.
    fn folder(&self) -> String;
}

pub(super) fn convert(text: &str, name: &str, world: &dyn World) -> Converted {
    let mut makefile = read::read(text, name, world);
    makefile.settle();
    task::find_implicit_rules(&mut makefile);
    let tasks = task::tasks(&mut makefile, name);
    let goals = goals(&makefile);
    let mut remarks: Vec<Remark> = Vec::new();
    let mut say = |line: usize, why: &str| remarks.push(Remark { line, why: task::visible(why) });
    for task in &tasks {
        for trouble in &task.troubles {
            say(trouble.line, &format!("`{}`: {}", task.target, trouble.why));
        }
    }
    if tasks.is_empty() {
        makefile.troubles.iter().for_each(|trouble| say(trouble.line, &trouble.why));
    }
    makefile.remarks.iter().for_each(|trouble| say(trouble.line, &trouble.why));
    let used: std::collections::BTreeSet<usize> = tasks
        .iter()
        .filter(|task| task.troubles.is_empty())
        .flat_map(|task| task.guards.iter().copied())
        .collect();
    for place in used {
        let guard = &makefile.expander.guards[place];
        let is = if guard.is_equal { "is" } else { "is not" };
        let value = if guard.right.is_empty() { "empty".to_owned() } else { format!("`{}`", guard.right) };
        let what = task::shown(&guard.left);
        let why = format!("decided now, and checked by its tasks: {what} {is} {value}");
        say(guard.line, &why);
    }
    laid_out(name, &tasks, goals.as_deref(), remarks).converted()
}

/// What plain `make` makes.
fn goals(makefile: &read::Makefile) -> Option<String> {
    let set = makefile.expander.variables.get(".DEFAULT_GOAL").map(|variable| &variable.value);
    let set = match set {
        Some(expand::VariableValue::Recursive(written)) => Some(written.trim().to_owned()),
        Some(expand::VariableValue::Simple(text)) => text::literal(text).map(|text| text.trim().to_owned()),
        _ => None,
    };
    set.filter(|goal| !goal.is_empty()).or_else(|| makefile.first_target.clone())
}

/// What stands above a converted Makefile.
const INTRO: &[&str] = &[
    "Made from SOURCE by `otto Convert`. Each line of a recipe is a shell of its own, as in make; a task whose",
    "file is newer than what it needs has nothing to do. make works on one target at a time and stops at",
    "the first failure, and so does this file (`-j`, `-k`).",
];

fn laid_out<'n>(name: &'n str, tasks: &[TargetTask], goal: Option<&str>, remarks: Vec<Remark>) -> Sheet<'n> {
    let mut settings = vec![("jobs", Yaml::Bare("1")), ("fail-fast", Yaml::Bare("true"))];
    let goal = goal.and_then(|goal| tasks.iter().find(|task| task.target == goal && !task.is_hidden));
    if let Some(goal) = goal {
        settings.push(("tasks", texts([&goal.name])));
    }
    let mut entries = Vec::new();
    for task in tasks {
        let mut keys: Vec<(&'static str, Yaml)> = Vec::new();
        if let Some(help) = &task.help {
            keys.push(("help", sheet::text(help)));
        }
        if task.is_hidden {
            keys.push(("hidden", Yaml::Bare("true")));
        }
        if !task.needs.is_empty() {
            keys.push(("needs", texts(&task.needs)));
        }
        if let Some(body) = &task.body {
            keys.push(("action", script(body)));
        }
        entries.push(SheetTask { name: task.name.clone(), keys });
    }
    Sheet { source: name, intro: INTRO, settings, tasks: entries, remarks }
}

/// The targets that a Makefile offers by name, with what it says about them.
pub(crate) fn targets(text: &str, world: &dyn World) -> Vec<(String, Option<String>)> {
    let mut makefile = read::read(text, "Makefile", world);
    makefile.settle();
    // A Makefile that declares phony targets means the others to be files, except those with a help text.
    let has_phony = !makefile.phony.is_empty();
    let is_offered = |name: &&String| {
        let file = &makefile.files[*name];
        file.is_target
            && !name.starts_with('.')
            && (!has_phony || file.help.is_some() || makefile.phony.contains(*name))
    };
    let offered = makefile.order.iter().filter(is_offered);
    offered.map(|name| (name.clone(), makefile.files[name].help.clone())).collect()
}
