//! `Convert`: a Makefile as an ottofile. Runs nothing of it.

mod make;
#[cfg(test)]
mod tests;
mod world;

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

/// The names under which make finds its file.
const MAKEFILES: &[&str] = &["GNUmakefile", "makefile", "Makefile"];

pub(super) fn command() -> clap::Command {
    let file = clap::Arg::new("file").value_name("FILE").value_parser(clap::value_parser!(PathBuf)).help(
        "a Makefile, or `-` for stdin (default: stdin, or this folder's Makefile if stdin is a terminal)",
    );
    let strict = clap::Arg::new("strict")
        .long("strict")
        .action(clap::ArgAction::SetTrue)
        .help("exit 2 if anything was left out or changed");
    clap::Command::new("Convert")
        .arg(file)
        .arg(strict)
        .after_help("With `-o FILE`, writes the ottofile to FILE, which must not exist, instead of stdout.")
}

pub(super) fn run(context: &mut Context, matches: &clap::ArgMatches) -> i32 {
    let stdin = std::io::stdin();
    let named = matches.get_one::<PathBuf>("file").map(|path| path.as_path());
    let path = match named {
        Some(path) if path == Path::new("-") => None,
        Some(path) => Some(path),
        None if stdin.is_terminal() => {
            let found = MAKEFILES.iter().find(|name| context.cwd.join(name).exists());
            Some(Path::new(found.copied().unwrap_or("Makefile")))
        }
        None => None,
    };
    let (name, read) = match path {
        Some(path) => (path.display().to_string(), host::read_bounded(&context.cwd.join(path))),
        None => ("stdin".to_owned(), host::bounded(stdin.lock())),
    };
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
    let own_name = path.and_then(Path::file_name).map_or("Makefile".into(), |name| name.to_string_lossy());
    let folder = world::Folder { path: folder, environment: &context.environment };
    let converted = make::convert(&text, &own_name, &folder);
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

/// The targets that a Makefile offers by name, with what it says about them.
pub(super) fn targets(makefile: &str) -> Vec<(String, Option<String>)> {
    make::targets(makefile, &world::Nowhere)
}
