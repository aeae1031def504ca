//! What a folder's files suggest as tasks. Reads texts, knows no folder.

use super::super::convert::{TOOLS, Tool, offered, word};
use super::super::toml::{self, TomlTable};
use crate::name::TaskName;
use std::collections::HashSet;

/// The tasks that one file suggests.
pub(super) struct Proposal {
    pub(super) file: &'static str,
    /// Follows the name of the file in a comment.
    pub(super) remark: &'static str,
    pub(super) tasks: Vec<ProposedTask>,
}

pub(super) struct ProposedTask {
    pub(super) name: String,
    pub(super) help: Option<String>,
    pub(super) before: Vec<String>,
    /// Empty: a group.
    pub(super) command: String,
}

/// A task that runs a command; `"$@"` in it stands for further words.
fn task(name: &str, help: &str, command: &str) -> ProposedTask {
    // No text of an ottofile holds a NUL byte, and neither does a command that anybody could run.
    let text = |text: &str| text.replace('\0', "");
    let help = (!help.is_empty()).then(|| text(help));
    ProposedTask { name: text(name), help, before: Vec::new(), command: text(command) }
}

fn group(name: &str, help: &str, before: &[&str]) -> ProposedTask {
    let before = before.iter().map(|name| (*name).to_owned()).collect();
    ProposedTask { before, ..task(name, help, "") }
}

/// `file` gives the text of a file of the folder, if it is there and is text.
pub(super) fn proposals(file: &dyn Fn(&str) -> Option<String>) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    // What somebody has written down comes before what is usual.
    for (tool, _, names) in TOOLS {
        let Some((name, text)) = names.iter().find_map(|name| Some((*name, file(name)?))) else { continue };
        let (before, after) = match tool {
            Tool::Make => ("make", ""),
            Tool::Npm => manager(&text, file),
            Tool::Task => ("task", " --"),
            Tool::Just => ("just", ""),
            Tool::Mise => ("mise run", " --"),
        };
        let call = |(name, help): (String, Option<String>)| {
            task(&name, &help.unwrap_or_default(), &format!("{before} {}{after} \"$@\"", word(&name)))
        };
        let tasks = offered(*tool, &text).into_iter().map(call).collect();
        let remark = " `otto Convert` makes tasks of them that need no other tool.";
        proposals.push(Proposal { file: name, remark, tasks });
    }
    if let Some(manifest) = file("Cargo.toml") {
        proposals.push(Proposal { file: "Cargo.toml", remark: "", tasks: cargo(&manifest) });
    }
    if let Some(project) = file("pyproject.toml") {
        let has_lock = |lock: &str| file(lock).is_some();
        proposals.push(Proposal { file: "pyproject.toml", remark: "", tasks: python(&project, &has_lock) });
    }
    if file("go.mod").is_some() {
        proposals.push(Proposal { file: "go.mod", remark: "", tasks: go() });
    }
    proposals.retain(|proposal| !proposal.tasks.is_empty());
    make_unique(&mut proposals);
    proposals
}

fn cargo(manifest: &str) -> Vec<ProposedTask> {
    let is_workspace = toml::parse(manifest).is_ok_and(|manifest| manifest.get("workspace").is_some());
    let (all, all_files) = if is_workspace { (" --workspace", " --all") } else { ("", "") };
    vec![
        task("build", "Compile", &format!("cargo build{all} \"$@\"")),
        task("test", "Run the tests", &format!("cargo test{all} \"$@\"")),
        task("lint", "Run clippy", &format!("cargo clippy{all} --all-targets \"$@\" -- -D warnings")),
        task("format", "Check the formatting", &format!("cargo fmt{all_files} --check \"$@\"")),
        group("check", "Everything to run before a commit", &["format", "lint", "test"]),
    ]
}

fn go() -> Vec<ProposedTask> {
    vec![
        task("build", "Compile", "go build \"$@\" ./..."),
        task("test", "Run the tests", "go test \"$@\" ./..."),
        task("lint", "Run vet", "go vet \"$@\" ./..."),
        group("check", "Everything to run before a commit", &["lint", "test"]),
    ]
}

/// What runs scripts of a package.json, and what stands between a script and its words. A lock file tells, then the field
/// `packageManager`.
fn manager(package: &str, file: &dyn Fn(&str) -> Option<String>) -> (&'static str, &'static str) {
    const MANAGERS: &[(&str, &str, &str, &[&str])] = &[
        ("npm", "npm run", " --", &["package-lock.json", "npm-shrinkwrap.json"]),
        ("pnpm", "pnpm run", "", &["pnpm-lock.yaml"]),
        ("yarn", "yarn run", "", &["yarn.lock"]),
        ("bun", "bun run", "", &["bun.lock", "bun.lockb"]),
    ];
    let has_lock = |locks: &[&str]| locks.iter().any(|lock| file(lock).is_some());
    let by_lock = MANAGERS.iter().find(|(.., locks)| has_lock(locks));
    let by_name = || {
        let package = crate::value::parse(package.as_bytes()).ok()?;
        let name = crate::value::get(package.as_map()?, "packageManager")?.as_str()?.to_owned();
        MANAGERS.iter().find(|(manager, ..)| name.split('@').next() == Some(manager))
    };
    let (_, run, words, _) = by_lock.or_else(by_name).unwrap_or(&MANAGERS[0]);
    (run, words)
}

fn python(project: &str, has_lock: &dyn Fn(&str) -> bool) -> Vec<ProposedTask> {
    let project = toml::parse(project).unwrap_or_default();
    let has = |path: &[&str]| project.table(path).is_some();
    let runner = if has(&["tool", "poetry"]) || has_lock("poetry.lock") {
        "poetry run "
    } else if has(&["tool", "uv"]) || has_lock("uv.lock") {
        "uv run "
    } else {
        ""
    };
    let mut tasks = Vec::new();
    let empty = TomlTable::default();
    let poe = project.table(&["tool", "poe", "tasks"]).unwrap_or(&empty);
    for field in poe.0.iter().filter(|field| !field.key.starts_with('_')) {
        let help = field.value.as_table().and_then(|table| table.get("help")).and_then(|help| help.as_text());
        let help = help.or(field.value.as_text()).unwrap_or_default();
        tasks.push(task(&field.key, help, &format!("{runner}poe {} \"$@\"", word(&field.key))));
    }
    if !runner.is_empty() {
        let scripts = project.table(&["project", "scripts"]).unwrap_or(&empty);
        for field in &scripts.0 {
            let help = field.value.as_text().unwrap_or_default();
            tasks.push(task(&field.key, help, &format!("{runner}{} \"$@\"", word(&field.key))));
        }
    }
    let is_taken = |tasks: &[ProposedTask], name: &str| tasks.iter().any(|task| task.name == name);
    if !poe.0.is_empty() {
        return tasks;
    }
    let mut checks = Vec::new();
    for (tool, name, help, command) in [
        ("black", "format", "Check the formatting", "black --check . \"$@\""),
        ("ruff", "lint", "Run ruff", "ruff check . \"$@\""),
        ("mypy", "types", "Check the types", "mypy . \"$@\""),
        ("", "test", "Run the tests", "python3 -m pytest \"$@\""),
    ] {
        if (tool.is_empty() || has(&["tool", tool])) && !is_taken(&tasks, name) {
            tasks.push(task(name, help, &format!("{runner}{command}")));
            checks.push(name);
        }
    }
    if !is_taken(&tasks, "check") {
        tasks.push(group("check", "Everything to run before a commit", &checks));
    }
    tasks
}

/// A name that an earlier file has taken gets this file's kind in front, in edges too; what no task can be called
/// is left out.
fn make_unique(proposals: &mut [Proposal]) {
    let mut taken: HashSet<String> = HashSet::new();
    for proposal in proposals {
        let prefix =
            proposal.file.trim_start_matches('.').split('.').next().unwrap_or_default().to_lowercase();
        proposal.tasks.retain(|task| TaskName::new(&task.name).is_ok());
        let renamed: Vec<(String, String)> = proposal
            .tasks
            .iter()
            .filter(|task| taken.contains(&task.name))
            .map(|task| (task.name.clone(), format!("{prefix}-{}", task.name)))
            .collect();
        let new_name = |name: &mut String| {
            if let Some((_, new)) = renamed.iter().find(|(old, _)| old == name) {
                name.clone_from(new);
            }
        };
        for task in &mut proposal.tasks {
            new_name(&mut task.name);
            task.before.iter_mut().for_each(new_name);
        }
        proposal.tasks.retain(|task| taken.insert(task.name.clone()));
    }
}
