//! `Man`: the manual page, made from the same tables as the help.

use super::help::{EXIT_CODES, VARIABLES};
use super::{Context, TABLE};
use roff::{Inline, Roff, bold, italic, line_break, roman};

pub(super) fn command() -> clap::Command {
    clap::Command::new("Man").after_help("To read it: otto Man | man -l -")
}

pub(super) fn run(context: &mut Context, _matches: &clap::ArgMatches) -> i32 {
    let page = page(&(context.options)());
    context.print(&page);
    0
}

fn page(options: &clap::Command) -> String {
    let mut page = Roff::new();
    page.control("TH", ["OTTO", "1", " ", &format!("otto {}", env!("CARGO_PKG_VERSION"))]);
    heading(&mut page, "NAME").text([roman("otto - a task runner whose tasks pass data")]);
    heading(&mut page, "SYNOPSIS");
    for (first, second) in [("TASK", " [ARGS]]..."), ("COMMAND", " [ARGS]")] {
        let open = if first == "TASK" { " [" } else { " " };
        page.control("PP", []).text([
            bold("otto"),
            roman(" ["),
            italic("OPTIONS"),
            roman(format!("]{open}")),
            italic(first),
            roman(second),
        ]);
    }
    heading(&mut page, "DESCRIPTION");
    for paragraph in DESCRIPTION {
        page.control("PP", []).text([roman(*paragraph)]);
    }
    heading(&mut page, "OPTIONS");
    arguments(&mut page, options);
    heading(&mut page, "COMMANDS");
    for built_in in TABLE {
        let command = (built_in.command)();
        entry(&mut page, vec![bold(built_in.name)], built_in.about);
        page.control("RS", []);
        arguments(&mut page, &command);
        page.control("RE", []);
    }
    heading(&mut page, "EXIT STATUS");
    lines(&mut page, EXIT_CODES.lines().skip_while(|line| !line.starts_with("  ")).map(str::trim_start));
    heading(&mut page, "ENVIRONMENT");
    for (name, about) in VARIABLES {
        entry(&mut page, vec![bold(*name)], about);
    }
    heading(&mut page, "FILES");
    entry(&mut page, vec![italic("~/.otto/PROJECT-HASH/RUN/tasks/TASK")], TASK_FOLDER);
    heading(&mut page, "EXAMPLES");
    lines(&mut page, EXAMPLES.lines());
    heading(&mut page, "SEE ALSO").text([bold("bash"), roman("(1), "), bold("make"), roman("(1)")]);
    page.to_roff()
}

const DESCRIPTION: &[&str] = &[
    "otto runs the tasks of an ottofile, in parallel and in the right order. A task is a script in bash, in Python, or in \
     any language that a #! line selects. Values that a task sets in OUTPUT can be read from INPUT by the tasks that \
     depend on it.",
    "You can name several tasks, each followed by its own arguments. An argument that a parameter expects is its value, \
     even if a task has that name; after --, all arguments belong to the task before it. Without arguments, otto runs the \
     default tasks (otto.tasks), or lists the tasks if there are none.",
    "The ottofile is otto.yml, .otto.yml, otto.yaml, .otto.yaml, Ottofile or OTTOFILE in the working directory or the \
     nearest parent folder.",
];

const TASK_FOLDER: &str = "Script, logs, inputs and outputs of one task of one run.";

const EXAMPLES: &str = "otto
otto build --release test --filter parser
otto -j4 --fail-fast check
otto Data build.version";

fn heading<'a>(page: &'a mut Roff, name: &str) -> &'a mut Roff {
    page.control("SH", [name])
}

/// One below the other, without filling.
fn lines<'a>(page: &mut Roff, lines: impl Iterator<Item = &'a str>) {
    let lines: Vec<Inline> = lines.flat_map(|line| [roman(line), line_break()]).collect();
    page.text(lines);
}

fn entry(page: &mut Roff, form: Vec<Inline>, help: &str) {
    page.control("TP", []).text(form).text([roman(help.trim())]);
}

fn arguments(page: &mut Roff, command: &clap::Command) {
    for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        entry(page, form(argument), &help);
    }
}

/// `-o, --ottofile FILE`, the names in bold, the value in italics.
fn form(argument: &clap::Arg) -> Vec<Inline> {
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let mut form = Vec::new();
    for name in short.into_iter().chain(long) {
        if !form.is_empty() {
            form.push(roman(", "));
        }
        form.push(bold(name));
    }
    if form.is_empty() || argument.get_action().takes_values() {
        if !form.is_empty() {
            form.push(roman(" "));
        }
        let values = argument.get_value_names().unwrap_or_default();
        form.push(italic(
            values.first().map_or_else(|| argument.get_id().as_str().to_uppercase(), ToString::to_string),
        ));
    }
    form
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn options_are_written_as_manual_pages_do() {
        let command = clap::Command::new("otto").disable_help_flag(true).args([
            clap::Arg::new("jobs").short('j').long("keep-going").value_name("N").help(".5 of them\\ …"),
            clap::Arg::new("all").long("all").action(clap::ArgAction::SetTrue).help("every one"),
            clap::Arg::new("tasks").value_name("TASK").help("'quoted' -x"),
        ]);
        let mut page = Roff::new();
        arguments(&mut page, &command);
        assert_snapshot!(page.to_roff(), @r"
        .TP
        \fB\-j\fR, \fB\-\-keep\-going\fR \fIN\fR
        \&.5 of them\\ …
        .TP
        \fB\-\-all\fR
        every one
        .TP
        \fITASK\fR
        \&'quoted' \-x
        ");
    }

    #[test]
    fn the_page_names_every_command_and_every_line_is_text_or_a_known_request() {
        let options = clap::Command::new("otto").arg(clap::Arg::new("jobs").long("jobs").help("how many"));
        let page = page(&options);
        for built_in in TABLE {
            assert!(page.contains(&format!("\\fB{}\\fR", built_in.name)), "{}", built_in.name);
        }
        let requests = [".TH", ".SH", ".TP", ".RS", ".RE", ".PP", ".br"];
        for line in page.lines().filter(|line| line.starts_with(['.', '\''])) {
            assert!(requests.contains(&line.split(' ').next().unwrap_or("")), "{line}");
        }
    }
}
