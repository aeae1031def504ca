//! Holds the reference in docs/ to the tables that otto itself reads: a key, an option, a command, a code or a variable that
//! is in one of them and not in the other fails here.

use super::flag;
use crate::command::{EXIT_CODES, TABLE, VARIABLES};
use crate::name::{RESERVED, RESERVED_PREFIXES};
use crate::ottofile::{SCHEMA, SET_BY_OTTO, SET_IN_SCRIPTS};
use std::collections::BTreeSet;

const OTTOFILE: &str = include_str!("../../docs/ottofile.md");
const COMMAND_LINE: &str = include_str!("../../docs/command-line.md");

/// Cells of the first column of the first table behind a heading.
fn first_column(document: &'static str, heading: &str) -> Vec<&'static str> {
    let behind = document.lines().skip_while(|line| *line != heading).skip(1);
    let table = behind.skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    table.skip(2).filter_map(|line| Some(line.split('|').nth(1)?.trim())).collect()
}

/// What stands in back-ticks in these cells.
fn quoted(cells: &[&'static str]) -> BTreeSet<String> {
    cells.iter().flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// The keys of a part of the ottofile; its schema has exactly those that the reader takes.
fn keys(definition: &str) -> BTreeSet<String> {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let place = format!("/definitions/{definition}/properties");
    let properties = schema.pointer(&place).and_then(|properties| properties.as_object());
    properties.expect("a part of the schema").keys().cloned().collect()
}

#[test]
fn the_reference_of_the_ottofile_has_every_key() {
    for (heading, definition) in [
        ("## `otto`", "settings"),
        ("## A task", "task"),
        ("## Parameters", "param"),
        ("## Foreach", "foreach"),
    ] {
        assert_eq!(quoted(&first_column(OTTOFILE, heading)), keys(definition), "{heading}");
    }
    let row = OTTOFILE.lines().find(|line| line.starts_with("| `retention` |")).expect("a row");
    let spelled = |key: &String| !key.contains('-');
    let named: BTreeSet<String> =
        row.split('`').skip(1).step_by(2).filter(|name| *name != "retention").map(str::to_owned).collect();
    assert_eq!(named, keys("retention").into_iter().filter(spelled).collect());
}

#[test]
fn the_reference_of_the_ottofile_has_every_reserved_name() {
    let part = OTTOFILE.split("### Reserved names").nth(1).and_then(|rest| rest.split("\n## ").next());
    let (of_envs, of_params) = part.and_then(|part| part.split_once("A parameter gets")).expect("both lists");
    let quoted = |text: &'static str| text.split('`').skip(1).step_by(2).collect::<BTreeSet<&str>>();
    let refused = [SET_IN_SCRIPTS, SET_BY_OTTO].concat();
    assert_eq!(refused.iter().filter(|name| !quoted(of_envs).contains(*name)).count(), 0);
    let reserved = [RESERVED, RESERVED_PREFIXES].concat();
    let missing: Vec<_> = reserved.iter().filter(|name| !quoted(of_params).contains(*name)).collect();
    assert_eq!(missing, Vec::<&&str>::new());
    let free = ["ENV", "PYTHON_VERSION", "foreach", "PYTHON"];
    let more = quoted(of_params).into_iter().filter(|name| !reserved.contains(name) && !free.contains(name));
    assert_eq!(more.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn the_reference_of_the_command_line_has_every_option() {
    let documented = first_column(COMMAND_LINE, "## Options");
    let documented: BTreeSet<&str> = documented
        .iter()
        .flat_map(|cell| cell.trim_matches('`').split(['`', ',', ' ']))
        .filter(|word| word.starts_with('-'))
        .collect();
    let command = flag::command();
    let names =
        command.get_arguments().filter(|argument| argument.get_id() != "short-help").flat_map(|argument| {
            let short = argument.get_short().map(|short| format!("-{short}"));
            let long = argument.get_long().map(|long| format!("--{long}"));
            short.into_iter().chain(long)
        });
    let mut known: BTreeSet<String> = names.collect();
    // One screen of help; the other is `--help`.
    known.insert("-h".to_owned());
    assert_eq!(documented, known.iter().map(String::as_str).collect());
}

#[test]
fn the_reference_of_the_command_line_has_every_command() {
    let documented = quoted(&first_column(COMMAND_LINE, "## Commands"));
    let known = TABLE.iter().map(|built_in| built_in.name).chain(["Help"]).map(str::to_owned).collect();
    assert_eq!(documented, known);
}

#[test]
fn the_reference_of_the_command_line_has_every_exit_code() {
    let documented: BTreeSet<&str> = first_column(COMMAND_LINE, "## Exit status").into_iter().collect();
    let known = EXIT_CODES.lines().filter_map(|line| line.strip_prefix("  ")?.split_once("  "));
    assert_eq!(documented, known.map(|(code, _)| code.trim()).collect());
}

#[test]
fn the_reference_of_the_command_line_has_every_variable() {
    let documented = quoted(&first_column(COMMAND_LINE, "## Variables that otto reads"));
    assert_eq!(documented, VARIABLES.iter().map(|(name, _)| (*name).to_owned()).collect());
}
