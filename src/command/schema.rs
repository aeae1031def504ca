//! `Schema`: the form of an ottofile for editors.

use super::Context;
use crate::ottofile::SCHEMA;

pub(super) fn command() -> clap::Command {
    clap::Command::new("Schema").after_help(
        "An editor with a YAML language server finds it through a first line such as\n# yaml-language-server: $schema=otto.schema.json",
    )
}

pub(super) fn run(context: &mut Context, _matches: &clap::ArgMatches) -> i32 {
    context.print(SCHEMA);
    0
}
