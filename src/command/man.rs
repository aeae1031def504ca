//! `Man`: the manual page, made from the same tables as the help.

use super::help::{EXIT_CODES, VARIABLES};
use super::{Context, TABLE};
use std::fmt::Write;

pub(super) fn command() -> clap::Command {
    clap::Command::new("Man").after_help("To read it: otto Man | man -l -")
}

pub(super) fn run(context: &mut Context, _matches: &clap::ArgMatches) -> i32 {
    let page = page(&(context.options)());
    context.print(&page);
    0
}

const DESCRIPTION: &str = include_str!("man.roff");

fn page(options: &clap::Command) -> String {
    let mut page = format!(".TH OTTO 1 \"\" \"otto {}\"\n", env!("CARGO_PKG_VERSION"));
    let (before, after) =
        DESCRIPTION.split_once("@TABLES@\n").expect("bug: man.roff has no place for the tables");
    page.push_str(before);
    page.push_str(".SH OPTIONS\n");
    for argument in options.get_arguments().filter(|argument| !argument.is_hide_set()) {
        page.push_str(&entry(&form(argument), argument.get_help().map(ToString::to_string)));
    }
    page.push_str(".SH COMMANDS\n");
    for built_in in TABLE {
        let command = (built_in.command)();
        let arguments: Vec<&clap::Arg> =
            command.get_arguments().filter(|argument| !argument.is_hide_set()).collect();
        page.push_str(&entry(&format!("\\fB{}\\fR", built_in.name), Some(built_in.about.to_owned())));
        if !arguments.is_empty() {
            page.push_str(".RS\n");
            for argument in arguments {
                page.push_str(&entry(&form(argument), argument.get_help().map(ToString::to_string)));
            }
            page.push_str(".RE\n");
        }
    }
    page.push_str(".SH EXIT STATUS\n.nf\n");
    for line in EXIT_CODES.lines().skip_while(|line| !line.starts_with("  ")) {
        let _ = writeln!(page, "{}", escaped(line.trim_start()));
    }
    page.push_str(".fi\n.SH ENVIRONMENT\n");
    for (name, about) in VARIABLES {
        page.push_str(&entry(&format!("\\fB{name}\\fR"), Some((*about).to_owned())));
    }
    page + after
}

/// `\fB-o\fR, \fB--ottofile\fR \fIFILE\fR`
fn form(argument: &clap::Arg) -> String {
    let short = argument.get_short().map(|short| format!("\\fB\\-{short}\\fR"));
    let long = argument.get_long().map(|long| format!("\\fB\\-\\-{}\\fR", escaped(long)));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    let takes_value = names.is_empty() || argument.get_action().takes_values();
    let values = argument.get_value_names().unwrap_or_default();
    let value = values.first().map_or_else(|| argument.get_id().as_str().to_uppercase(), ToString::to_string);
    let value = takes_value.then(|| format!("\\fI{}\\fR", escaped(&value)));
    [names.join(", ")]
        .into_iter()
        .filter(|names| !names.is_empty())
        .chain(value)
        .collect::<Vec<_>>()
        .join(" ")
}

fn entry(form: &str, help: Option<String>) -> String {
    format!(".TP\n{form}\n{}\n", escaped(help.unwrap_or_default().trim()))
}

/// What roff would take for a request, an escape or a hyphen, and what is not ASCII: it reads bytes.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let text: String = text
        .chars()
        .map(|c| if c.is_ascii() { c.to_string() } else { format!("\\[u{:04X}]", u32::from(c)) })
        .collect();
    match text.starts_with(['.', '\'']) {
        true => format!("\\&{text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn options_are_written_as_manual_pages_do() {
        let argument =
            clap::Arg::new("jobs").short('j').long("keep-going").value_name("N").help(".5 of them\\ …");
        assert_snapshot!(entry(&form(&argument), argument.get_help().map(ToString::to_string)), @r"
        .TP
        \fB\-j\fR, \fB\-\-keep\-going\fR \fIN\fR
        \&.5 of them\e \[u2026]
        ");
        let word = clap::Arg::new("tasks").value_name("TASK");
        assert_eq!(form(&word), "\\fITASK\\fR");
        assert_eq!(
            form(&clap::Arg::new("all").long("all").action(clap::ArgAction::SetTrue)),
            "\\fB\\-\\-all\\fR"
        );
    }

    #[test]
    fn the_page_names_every_command_and_every_line_is_text_or_a_known_request() {
        let options = clap::Command::new("otto").arg(clap::Arg::new("jobs").long("jobs").help("how many"));
        let page = page(&options);
        for built_in in TABLE {
            assert!(page.contains(&format!("\\fB{}\\fR", built_in.name)), "{}", built_in.name);
        }
        let requests = [".TH", ".SH", ".TP", ".RS", ".RE", ".nf", ".fi", ".PP", ".B", ".I"];
        assert!(page.is_ascii(), "{page}");
        for line in page.lines().filter(|line| line.starts_with(['.', '\''])) {
            assert!(requests.contains(&line.split(' ').next().unwrap_or("")), "{line}");
        }
    }
}
