//! `Init`: writes a commented ottofile that fits what the folder holds. Overwrites nothing.

mod propose;
#[cfg(test)]
mod tests;

use super::Context;
use crate::diagnostic::Code;
use crate::host;
use crate::ottofile::write::{block, scalar};
use propose::{Proposal, proposals};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

const FILE: &str = "otto.yml";

pub(super) fn command() -> clap::Command {
    clap::Command::new("Init").after_help(
        "Proposes tasks from Cargo.toml, pyproject.toml, go.mod, Makefile, package.json, Taskfile.yml, justfile and \
         mise.toml. They call what is there; further arguments are passed on. Never overwrites an ottofile.",
    )
}

pub(super) fn run(context: &mut Context, _matches: &clap::ArgMatches) -> i32 {
    if let Some(there) = host::NAMES.iter().find(|name| context.cwd.join(name).exists()) {
        let message = format!("`{there}` already exists; nothing was changed");
        return context.fail(Code::FileTrouble, message, 2);
    }
    let text = ottofile(&proposals(&|name| std::fs::read_to_string(context.cwd.join(name)).ok()));
    match create(&context.cwd.join(FILE), &text) {
        Ok(()) => {
            // If stderr is closed, there is nobody to tell.
            let _ = writeln!(context.stderr, "wrote {FILE}: `otto` lists its tasks");
            0
        }
        Err(error) => {
            let path = context.cwd.join(FILE);
            let message = format!("cannot write `{}`: {}", path.display(), host::plain(&error));
            context.fail(Code::FileTrouble, message, 2)
        }
    }
}

/// Only a file that was not there: between the look and the write somebody else may have made one.
fn create(path: &Path, text: &str) -> std::io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

fn ottofile(proposals: &[Proposal]) -> String {
    let mut text = String::from(include_str!("head.yml"));
    for proposal in proposals {
        text.push_str(&format!("  # From {}.{}\n", proposal.file, proposal.remark));
        for task in &proposal.tasks {
            text.push_str(&format!("  {}:\n", scalar(&task.name)));
            if let Some(help) = &task.help {
                text.push_str(&format!("    help: {}\n", scalar(help)));
            }
            if !task.before.is_empty() {
                let names: Vec<String> = task.before.iter().map(|name| scalar(name)).collect();
                text.push_str(&format!("    needs: [{}]\n", names.join(", ")));
            }
            if task.command.contains("\"$@\"") {
                text.push_str("    params:\n      args: {nargs: \"*\"}\n");
            }
            if !task.command.is_empty() {
                text.push_str(&format!("    bash: {}", block(&format!("{}\n", task.command), 6)));
            }
            text.push('\n');
        }
    }
    text.push_str(if proposals.is_empty() { include_str!("example.yml") } else { include_str!("data.yml") });
    text
}
