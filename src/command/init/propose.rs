//! What a folder's files suggest as tasks. Reads texts, knows no folder.

use super::super::convert::targets;
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
    if file("Cargo.toml").is_some() {
        proposals.push(Proposal { file: "Cargo.toml", remark: "", tasks: cargo() });
    }
    if let Some(package) = file("package.json") {
        let manager =
            [("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("bun.lock", "bun"), ("bun.lockb", "bun")]
                .iter()
                .find(|(lock, _)| file(lock).is_some())
                .map_or("npm", |(_, manager)| manager);
        proposals.push(Proposal { file: "package.json", remark: "", tasks: scripts(&package, manager) });
    }
    if let Some(project) = file("pyproject.toml") {
        proposals.push(Proposal { file: "pyproject.toml", remark: "", tasks: python(&project) });
    }
    if file("go.mod").is_some() {
        proposals.push(Proposal { file: "go.mod", remark: "", tasks: go() });
    }
    if let Some((name, makefile)) =
        ["GNUmakefile", "makefile", "Makefile"].iter().find_map(|name| Some((*name, file(name)?)))
    {
        let tasks = targets(&makefile)
            .into_iter()
            .map(|(target, help)| {
                task(&target, &help.unwrap_or_default(), &format!("make {}", quoted(&target)))
            })
            .collect();
        let remark = " `otto Convert` converts its recipes to tasks that do not need make.";
        proposals.push(Proposal { file: name, remark, tasks });
    }
    proposals.retain(|proposal| !proposal.tasks.is_empty());
    make_unique(&mut proposals);
    proposals
}

fn cargo() -> Vec<ProposedTask> {
    vec![
        task("build", "Compile", "cargo build"),
        task("test", "Run the tests", "cargo test"),
        task("lint", "Run clippy", "cargo clippy --all-targets -- -D warnings"),
        task("format", "Check the formatting", "cargo fmt --check"),
        group("check", "Everything to run before a commit", &["format", "lint", "test"]),
    ]
}

fn go() -> Vec<ProposedTask> {
    vec![
        task("build", "Compile", "go build ./..."),
        task("test", "Run the tests", "go test ./..."),
        task("lint", "Run vet", "go vet ./..."),
        group("check", "Everything to run before a commit", &["lint", "test"]),
    ]
}

fn scripts(package: &str, manager: &str) -> Vec<ProposedTask> {
    let package: serde_json::Value = serde_json::from_str(package).unwrap_or_default();
    let scripts = package["scripts"].as_object().into_iter().flatten();
    scripts
        // These run by themselves round others.
        .filter(|(name, _)| !name.starts_with("pre") && !name.starts_with("post"))
        .map(|(name, command)| {
            let help = command.as_str().unwrap_or_default();
            task(name, help, &format!("{manager} run {}", quoted(name)))
        })
        .collect()
}

fn python(project: &str) -> Vec<ProposedTask> {
    let runner = if project.contains("[tool.poetry") {
        "poetry run "
    } else if project.contains("[tool.uv") {
        "uv run "
    } else {
        ""
    };
    let mut tasks = vec![task("test", "Run the tests", &format!("{runner}python3 -m pytest"))];
    let mut checks = vec!["test"];
    for (section, name, help, command) in [
        ("[tool.mypy", "types", "Check the types", "mypy ."),
        ("[tool.ruff", "lint", "Run ruff", "ruff check ."),
        ("[tool.black", "format", "Check the formatting", "black --check ."),
    ] {
        if project.contains(section) {
            tasks.push(task(name, help, &format!("{runner}{command}")));
            checks.insert(0, name);
        }
    }
    tasks.push(group("check", "Everything to run before a commit", &checks));
    tasks
}

/// A name that an earlier file has taken gets this file's kind in front, in edges too; what no task can be called
/// is left out.
fn make_unique(proposals: &mut [Proposal]) {
    let mut taken: HashSet<String> = HashSet::new();
    for proposal in proposals {
        let prefix = proposal.file.split('.').next().unwrap_or_default().to_lowercase();
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

fn quoted(word: &str) -> String {
    let is_plain = !word.is_empty()
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:@+".contains(&byte));
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
