//! `Convert`: a Makefile as an ottofile. Knows two languages of the one and one of the other; runs nothing.

mod makefile;
mod ottofile;
#[cfg(test)]
mod tests;

use super::Context;
use crate::diagnostic::Code;
use crate::host;
use std::io::IsTerminal;
use std::path::Path;

pub(super) fn command() -> clap::Command {
    let file = clap::Arg::new("file")
        .value_name("FILE")
        .value_parser(clap::value_parser!(std::path::PathBuf))
        .help("a Makefile; `-` or none reads stdin, or `Makefile` where stdin is a terminal");
    clap::Command::new("Convert").arg(file)
}

pub(super) fn run(context: &mut Context, matches: &clap::ArgMatches) -> i32 {
    let stdin = std::io::stdin();
    let named = matches.get_one::<std::path::PathBuf>("file").map(|path| path.as_path());
    let path = match named {
        Some(path) if path == Path::new("-") => None,
        Some(path) => Some(path),
        None if stdin.is_terminal() => Some(Path::new("Makefile")),
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
    let Ok(makefile) = String::from_utf8(bytes) else {
        return context.fail(Code::FileTrouble, format!("`{name}` is not UTF-8"), 2);
    };
    let (ottofile, left_out) = converted(&makefile);
    context.print(&ottofile);
    for part in left_out {
        context.say(&format!("not converted: {name}, {part}"));
    }
    0
}

/// An ottofile for a Makefile, and a line for each part of it that is not in the ottofile.
fn converted(makefile: &str) -> (String, Vec<String>) {
    // As make does: a NUL byte ends its line.
    let readable: String = makefile.split_inclusive('\n').map(before_nul).collect();
    let cut = makefile.split('\n').enumerate().filter(|(_, line)| line.contains('\0'));
    let cut = cut.map(|(line, _)| format!("line {}: a NUL byte and what stands behind it", line + 1));
    let (text, left_out) = ottofile::write(makefile::read(&readable));
    let left_out = left_out.iter().map(|part| format!("line {}: {}", part.line, part.why));
    (text, cut.chain(left_out).collect())
}

/// A line without what make does not read of it, but with its end.
fn before_nul(line: &str) -> String {
    match line.split_once('\0') {
        None => line.to_owned(),
        Some((before, _)) if line.ends_with('\n') => format!("{before}\n"),
        Some((before, _)) => before.to_owned(),
    }
}

/// The targets that a Makefile offers by name, with what it says about them.
pub(super) fn targets(makefile: &str) -> Vec<(String, Option<String>)> {
    let makefile = makefile::read(makefile);
    // A file that names what is no file means the others to be files, but those that it says something about.
    let is_offered = |rule: &&makefile::Rule| {
        !rule.target.starts_with('.')
            && (makefile.phony.is_empty() || rule.help.is_some() || makefile.phony.contains(&rule.target))
    };
    let rules = makefile.rules.iter().filter(is_offered);
    rules.map(|rule| (rule.target.clone(), rule.help.clone())).collect()
}
