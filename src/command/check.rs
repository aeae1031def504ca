//! `otto Check`: reads the ottofile, plans all its tasks and reads their bodies; runs nothing.

use super::Context;
use crate::body;
use crate::diagnostic::{Code, Diagnostic, Notice};
use crate::host::{Found, HostFacts};
use crate::ottofile::{self, Ottofile};
use crate::plan;
use crate::request;

pub(super) fn command() -> clap::Command {
    clap::Command::new("Check").arg(
        clap::Arg::new("strict")
            .long("strict")
            .action(clap::ArgAction::SetTrue)
            .help("exit 2 on warnings too"),
    )
}

pub(super) fn run(context: &mut Context, matches: &clap::ArgMatches) -> i32 {
    let (found, ottofile, mut diagnostics) = match context.read() {
        Ok(read) => read,
        Err(diagnostics) if context.is_json => {
            let text = json(None, &diagnostics);
            context.print(&text);
            return 2;
        }
        Err(diagnostics) => return context.refuse(&diagnostics),
    };
    diagnostics.extend(mistakes(context, &found, &ottofile));
    let is_wrong = diagnostics.iter().any(Diagnostic::is_error);
    if !is_wrong {
        diagnostics.extend(body_warnings(&ottofile, 0..ottofile.tasks.len()));
        diagnostics.extend(ottofile::remarks(&ottofile));
    }
    let is_refused = is_wrong || matches.get_flag("strict") && !diagnostics.is_empty();
    if context.is_json {
        let text = json(Some(&ottofile), &diagnostics);
        context.print(&text);
    } else if is_wrong {
        return context.refuse(&diagnostics);
    } else {
        context.show(&diagnostics);
        let count = ottofile.tasks.len();
        let are = if count == 1 { "task is" } else { "tasks are" };
        if !is_refused {
            context.print(&format!("{}: {count} {are} well formed\n", found.shown));
        }
    }
    if is_refused { 2 } else { 0 }
}

/// What stands in the way of all tasks together, as far as it can be known without running commands.
fn mistakes(context: &Context, found: &Found, ottofile: &Ottofile) -> Vec<Diagnostic> {
    let facts =
        HostFacts { environment: &context.environment, folder: found.folder(), may_run_commands: false };
    let names: Vec<_> =
        ottofile.tasks.iter().map(|task| (task.name.as_str().to_owned(), task.name_span)).collect();
    let planned = request::of_names(&names, &ottofile.source, ottofile)
        .and_then(|request| plan::make(ottofile, &request, &facts).map(|_| ()));
    let mut diagnostics = planned.err().unwrap_or_default();
    // Nobody asked for these tasks, so nobody left anything out.
    diagnostics.retain(|diagnostic| diagnostic.code != Code::MissingParam);
    diagnostics
}

/// `{"ottofile", "tasks", "diagnostics": […]}`, each diagnostic in the form that hints have in events. `tasks` is null where
/// the ottofile could not be read.
fn json(ottofile: Option<&Ottofile>, diagnostics: &[Diagnostic]) -> String {
    let answer = serde_json::json!({
        "ottofile": ottofile.map(|ottofile| ottofile.source.name()),
        "tasks": ottofile.map(|ottofile| ottofile.tasks.len()),
        "diagnostics": diagnostics.iter().map(Notice::of).collect::<Vec<_>>(),
    });
    format!("{answer:#}\n")
}

/// What reading the bodies of these tasks (places in the ottofile) gives reason to warn about.
pub(super) fn body_warnings(ottofile: &Ottofile, tasks: impl IntoIterator<Item = usize>) -> Vec<Diagnostic> {
    let tasks = tasks.into_iter().map(|task| &ottofile.tasks[task]);
    tasks
        .filter_map(|task| Some((task, task.body.as_ref()?)))
        .flat_map(|(task, body)| body::warnings(body, &task.name, &ottofile.source))
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
        error[E0302]: dependency cycle: `a` needs `b` needs `a`
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

    #[test]
    fn warnings_of_the_file_are_warnings_like_those_of_bodies() {
        let joined = "tasks:\n  a:\n    bash: echo\n      echo\n";
        assert!(checked(joined, "Check").starts_with("otto.yml: 1 task is well formed\n"));
        assert!(checked(joined, "Check --strict").ends_with("--- exit 2\n"));
    }

    #[test]
    fn as_json_it_is_all_on_stdout() {
        let json = |file: &str| {
            let mut stage = Stage::new();
            stage.is_json = true;
            std::fs::write(stage.sandbox.folder().join("otto.yml"), file).expect("written");
            stage.otto("Check")
        };
        assert_snapshot!(json("tasks: {a: {befor: [b]}}"), @r#"
        {
          "diagnostics": [
            {
              "code": "E0104",
              "helps": [
                "did you mean `before`?"
              ],
              "message": "unknown key `befor` in task `a`",
              "notes": [],
              "places": [
                {
                  "column": 13,
                  "end_column": 18,
                  "end_line": 1,
                  "file": "otto.yml",
                  "line": 1,
                  "text": "otto does not know this key"
                }
              ],
              "quotes": [
                {
                  "file": "otto.yml",
                  "line": 1,
                  "text": "tasks: {a: {befor: [b]}}"
                }
              ],
              "severity": "error"
            }
          ],
          "ottofile": null,
          "tasks": null
        }
        --- exit 2
        "#);
        assert_snapshot!(json("tasks: {a: {bash: '( OUTPUT[x]=1 )'}}"), @r#"
        {
          "diagnostics": [
            {
              "code": "E0706",
              "helps": [
                "use `otto.set x VALUE`, which works everywhere"
              ],
              "message": "`OUTPUT[x]` is set in a subshell in task `a`: the value will be lost",
              "notes": [],
              "places": [
                {
                  "column": 22,
                  "end_column": 33,
                  "end_line": 1,
                  "file": "otto.yml",
                  "line": 1,
                  "text": "bash runs this in a copy of the shell"
                }
              ],
              "quotes": [
                {
                  "file": "otto.yml",
                  "line": 1,
                  "text": "tasks: {a: {bash: '( OUTPUT[x]=1 )'}}"
                }
              ],
              "severity": "warning"
            }
          ],
          "ottofile": "otto.yml",
          "tasks": 1
        }
        "#);
    }
}
