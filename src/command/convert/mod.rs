//! `Convert`: what another tool runs as an ottofile. Runs nothing of it.

mod justfile;
mod make;
mod mise;
mod package;
mod sh;
mod sheet;
mod taskfile;
#[cfg(test)]
mod tests;
mod world;

pub(super) use sh::word;

use super::Context;
use crate::diagnostic::Code;
use crate::host;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// An ottofile, and a line for each part of what it was made from that needs a look.
pub(crate) struct Converted {
    pub(crate) text: String,
    pub(crate) remarks: Vec<String>,
}

/// The tools whose files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    Make,
    Npm,
    Task,
    Just,
    Mise,
}

/// Each tool with its name for `--from` and the names under which it finds its file, the first that is there.
pub(super) const TOOLS: &[(Tool, &str, &[&str])] = &[
    (Tool::Make, "make", &["GNUmakefile", "makefile", "Makefile"]),
    (Tool::Npm, "npm", &["package.json"]),
    (
        Tool::Task,
        "task",
        &[
            "Taskfile.yml",
            "taskfile.yml",
            "Taskfile.yaml",
            "taskfile.yaml",
            "Taskfile.dist.yml",
            "Taskfile.dist.yaml",
        ],
    ),
    (Tool::Just, "just", &["justfile", "Justfile", "JUSTFILE", ".justfile"]),
    (Tool::Mise, "mise", &["mise.toml", ".mise.toml"]),
];

pub(super) fn command() -> clap::Command {
    let file = clap::Arg::new("file").value_name("FILE").value_parser(clap::value_parser!(PathBuf)).help(
        "a Makefile, package.json, Taskfile.yml, justfile or mise.toml, or `-` for stdin (default: stdin, or the \
         one in this folder if stdin is empty or a terminal)",
    );
    let from = clap::Arg::new("from")
        .long("from")
        .value_name("TOOL")
        .value_parser(TOOLS.iter().map(|(_, name, _)| *name).collect::<Vec<_>>())
        .help("what the file is made for (default: by its name)");
    let strict = clap::Arg::new("strict")
        .long("strict")
        .action(clap::ArgAction::SetTrue)
        .help("exit 2 if anything was left out or changed");
    clap::Command::new("Convert")
        .arg(file)
        .arg(from)
        .arg(strict)
        .after_help("With `-o FILE`, writes the ottofile to FILE, which must not exist, instead of stdout.")
}

/// The tool that a file of this name belongs to.
fn tool_of(name: &str) -> Tool {
    let known = TOOLS.iter().find(|(.., names)| names.contains(&name)).map(|(tool, ..)| *tool);
    known.unwrap_or(match name.to_lowercase() {
        name if name.ends_with(".just") || name.ends_with("justfile") => Tool::Just,
        name if name.ends_with(".json") => Tool::Npm,
        name if name.ends_with(".yml") || name.ends_with(".yaml") => Tool::Task,
        name if name.ends_with(".toml") => Tool::Mise,
        _ => Tool::Make,
    })
}

pub(super) fn run(context: &mut Context, matches: &clap::ArgMatches) -> i32 {
    let stdin = std::io::stdin();
    let named = matches.get_one::<PathBuf>("file").map(|path| path.as_path());
    let from = matches.get_one::<String>("from");
    let from = from.and_then(|from| TOOLS.iter().find(|(_, name, _)| name == from)).map(|(tool, ..)| *tool);
    let is_piped = named.map_or(!stdin.is_terminal(), |path| path == Path::new("-"));
    let piped = is_piped.then(|| host::bounded(stdin.lock()));
    // A script that is run without anybody has an empty one.
    let piped = piped.filter(|piped| named.is_some() || !matches!(piped, Ok(bytes) if bytes.is_empty()));
    let (path, read) = match (piped, named) {
        (Some(piped), _) => (None, piped),
        (None, Some(path)) => (Some(path), host::read_bounded(&context.cwd.join(path))),
        (None, None) => {
            let wanted = TOOLS.iter().filter(|(tool, ..)| from.is_none_or(|from| from == *tool));
            let there =
                |names: &[&'static str]| names.iter().find(|name| context.cwd.join(name).exists()).copied();
            let found: Vec<&'static str> = wanted.filter_map(|(.., names)| there(names)).collect();
            let path = match found.as_slice() {
                [] => Path::new("Makefile"),
                [one] => Path::new(*one),
                several => {
                    let message =
                        format!("several files could be converted: {}; name one", several.join(", "));
                    return context.fail(Code::FileTrouble, message, 2);
                }
            };
            (Some(path), host::read_bounded(&context.cwd.join(path)))
        }
    };
    let name = path.map_or("stdin".to_owned(), |path| path.display().to_string());
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(error) => {
            let message = format!("cannot read `{name}`: {}", host::plain(&error));
            return context.fail(Code::FileTrouble, message, 2);
        }
    };
    let Ok(text) = String::from_utf8(bytes) else {
        return context.fail(Code::FileTrouble, format!("`{name}` is not UTF-8"), 2);
    };
    let folder = match path.and_then(Path::parent) {
        Some(parent) => context.cwd.join(parent),
        None => context.cwd.clone(),
    };
    let file_name = path.and_then(Path::file_name).map(|name| name.to_string_lossy());
    let tool = from.or_else(|| file_name.as_deref().map(tool_of)).unwrap_or(Tool::Make);
    let own_name = file_name.unwrap_or_else(|| if tool == Tool::Make { "Makefile" } else { "stdin" }.into());
    let converted = match tool {
        Tool::Make => {
            let folder = world::Folder { path: folder, environment: &context.environment };
            Ok(make::convert(&text, &own_name, &folder))
        }
        Tool::Npm => package::convert(&text, &own_name, &|name| folder.join(name).exists()),
        Tool::Task => taskfile::convert(&text, &own_name),
        Tool::Just => justfile::convert(&text, &own_name),
        Tool::Mise => mise::convert(&text, &own_name),
    };
    let converted = match converted {
        Ok(converted) => converted,
        Err(message) => return context.fail(Code::FileTrouble, message, 2),
    };
    if let Some(output) = output_file(matches) {
        let output = context.cwd.join(output);
        let created = std::fs::OpenOptions::new().write(true).create_new(true).open(&output);
        let written = created.and_then(|mut file| file.write_all(converted.text.as_bytes()));
        if let Err(error) = written {
            let message = format!("cannot write `{}`: {}", output.display(), host::plain(&error));
            return context.fail(Code::FileTrouble, message, 2);
        }
    } else {
        context.print(&converted.text);
    }
    for remark in &converted.remarks {
        context.say(remark);
    }
    if matches.get_flag("strict") && !converted.remarks.is_empty() { 2 } else { 0 }
}

/// The file that `-o` names. The variable OTTOFILE says where tasks come from, not where they go to.
fn output_file(matches: &clap::ArgMatches) -> Option<PathBuf> {
    let is_given = matches.try_contains_id("ottofile").unwrap_or(false)
        && matches.value_source("ottofile") == Some(clap::parser::ValueSource::CommandLine);
    let mut raw = matches.try_get_raw("ottofile").ok().flatten()?;
    raw.next_back().filter(|_| is_given).map(PathBuf::from)
}

/// What a file of a tool offers by name, with what it says about it.
pub(super) fn offered(tool: Tool, text: &str) -> Vec<(String, Option<String>)> {
    match tool {
        Tool::Make => make::targets(text, &world::Nowhere),
        Tool::Npm => package::offered(text),
        Tool::Task => taskfile::offered(text),
        Tool::Just => justfile::offered(text),
        Tool::Mise => mise::offered(text),
    }
}
