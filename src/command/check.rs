//! `otto Check`: reads the ottofile, plans all its tasks and reads their bodies; runs nothing.

use super::Context;
use crate::diagnostic::Diagnostic;
use crate::host::HostFacts;
use crate::lang;
use crate::ottofile::Ottofile;
use crate::plan;
use crate::request;

pub(super) fn command() -> clap::Command {
    clap::Command::new("Check").arg(
        clap::Arg::new("strict")
            .long("strict")
            .action(clap::ArgAction::SetTrue)
            .help("end with 2 on warnings too"),
    )
}

pub(super) fn run(context: &mut Context, matches: &clap::ArgMatches) -> i32 {
    let (found, ottofile) = match context.load() {
        Ok(loaded) => loaded,
        Err(diagnostics) => return context.refuse(&diagnostics),
    };
    let facts =
        HostFacts { environment: &context.environment, folder: found.folder(), may_run_commands: false };
    let names: Vec<_> =
        ottofile.tasks.iter().map(|task| (task.name.as_str().to_owned(), task.name_span)).collect();
    let planned = request::of_names(&names, &ottofile.source, &ottofile)
        .and_then(|request| plan::make(&ottofile, &request, &facts).map(|_| ()));
    let mut diagnostics = planned.err().unwrap_or_default();
    if !diagnostics.is_empty() {
        return context.refuse(&diagnostics);
    }
    diagnostics.extend(body_warnings(&ottofile, 0..ottofile.tasks.len()));
    if !diagnostics.is_empty() {
        context.show(&diagnostics);
        if matches.get_flag("strict") {
            return 2;
        }
    }
    let count = ottofile.tasks.len();
    context.print(&format!(
        "{}: {count} {} well formed\n",
        found.shown,
        if count == 1 { "task is" } else { "tasks are" }
    ));
    0
}

/// What reading the bodies of these tasks (places in the ottofile) gives reason to warn about.
pub(super) fn body_warnings(ottofile: &Ottofile, tasks: impl IntoIterator<Item = usize>) -> Vec<Diagnostic> {
    let tasks = tasks.into_iter().map(|task| &ottofile.tasks[task]);
    tasks
        .filter_map(|task| Some((task, task.body.as_ref()?)))
        .flat_map(|(task, body)| lang::warnings(body, &task.name, &ottofile.source))
        .collect()
}
