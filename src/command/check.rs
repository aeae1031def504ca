//! `otto Check`: reads the ottofile, plans all its tasks and reads their bodies; runs nothing.

use super::Context;
use crate::diagnostic::{Code, Diagnostic};
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
    // Nobody asked for these tasks, so nobody left anything out.
    diagnostics.retain(|diagnostic| diagnostic.code != Code::MissingParam);
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

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use insta::assert_snapshot;

    fn checked(ottofile: &str, line: &str) -> String {
        let stage = Stage::new();
        std::fs::write(stage.sandbox.folder().join("otto.yml"), ottofile).expect("written");
        stage.otto(line)
    }

    #[test]
    fn a_parameter_that_must_be_given_is_no_mistake_of_the_file() {
        let file =
            "tasks: {a: {params: {x: {required: true}, --e: {required: true, env: NOWHERE}}, bash: echo}}";
        assert_snapshot!(checked(file, "Check"), @"otto.yml: 1 task is well formed");
    }

    #[test]
    fn circles_are_found_and_warnings_are_mistakes_when_asked() {
        assert_snapshot!(checked("tasks: {a: {before: [b]}, b: {before: [a]}}", "Check"), @"
        --- stderr
        error[E0302]: tasks wait for each other: `a` needs `b` needs `a`
          ╭▸ otto.yml:1:22
        1 │ tasks: {a: {before: [b]}, b: {before: [a]}}
          ╰╴                     ━ `a` needs `b`   ─ `b` needs `a`
        help: remove one of these edges, or split a task
        otto.yml: 1 error. `otto Explain E0302` says more.
        --- exit 2
        ");
        let lost = "tasks: {a: {bash: '( OUTPUT[x]=1 )'}}";
        assert_snapshot!(checked(lost, "Check"), @"
        otto.yml: 1 task is well formed
        --- stderr
        warning[E0706]: `OUTPUT[x]` is set in a subshell in task `a`: the value will be lost
          ╭▸ otto.yml:1:22
        1 │ tasks: {a: {bash: '( OUTPUT[x]=1 )'}}
          ╰╴                     ━━━━━━━━━━━ bash runs this in a copy of the shell
        help: use `otto.set x VALUE`, which works everywhere
        ");
        assert!(checked(lost, "Check --strict").ends_with("--- exit 2\n"));
    }
}
