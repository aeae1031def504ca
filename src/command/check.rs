//! `otto Check`: reads the ottofile, plans all its tasks and reads their bodies; runs nothing.

use super::Context;
use super::findings::Surroundings;
use super::traffic;
use crate::body::need::COLOURS;
use crate::body::uses::without_allowed;
use crate::body::{self, Language, unset};
use crate::diagnostic::{Code, Diagnostic, Notice};
use crate::flow::{self, Moment, TaskFlow};
use crate::host::{Found, HostFacts};
use crate::lang;
use crate::load::Loaded;
use crate::name::similar;
use crate::ottofile::spec::{DotenvFile, EnvEntry};
use crate::ottofile::{self, Ottofile};
use crate::plan::facts::Facts;
use crate::plan::{self, Plan};
use crate::request;
use crate::source::{SourceId, Span};
use crate::store::regular;
use std::collections::HashMap;
use std::path::Path;

pub(super) fn command() -> clap::Command {
    let flag = |name: &'static str| clap::Arg::new(name).long(name).action(clap::ArgAction::SetTrue);
    clap::Command::new("Check").args([
        flag("strict").help("exit 2 on warnings too"),
        flag("data").help("show the keys that each task sets, with types and lines, and who reads them"),
    ])
}

pub(super) fn run(context: &mut Context, matches: &clap::ArgMatches) -> i32 {
    let (Loaded { found, ottofile, .. }, mut diagnostics) = match read_all(context) {
        Ok(read) => read,
        Err(diagnostics) if context.is_json => {
            let text = json(None, &diagnostics, None);
            context.print(&text);
            return 2;
        }
        Err(diagnostics) => return context.refuse(&diagnostics),
    };
    // What is in a file that cannot be read is not known, and neither is a plan.
    if !diagnostics.iter().any(Diagnostic::is_error) {
        diagnostics.extend(mistakes(context, &found, &ottofile));
    }
    let is_wrong = diagnostics.iter().any(Diagnostic::is_error);
    if !is_wrong {
        let mut findings = body_warnings(&ottofile, found.folder(), 0..ottofile.tasks.len());
        findings.extend(ottofile::remarks(&ottofile));
        findings.extend(plan::secret::literal(&ottofile));
        findings.extend(ottofile.ignored_settings());
        findings.extend(unset_variables(context, &found, &ottofile));
        findings.extend(flow_of_all(context, &found, &ottofile));
        findings.extend(lang::syntax::errors(&ottofile, &context.environment));
        diagnostics.extend(without_allowed(findings));
    }
    let is_wrong = diagnostics.iter().any(Diagnostic::is_error);
    let is_refused = is_wrong || matches.get_flag("strict") && !diagnostics.is_empty();
    // What cannot be planned has no flow; the errors say so.
    let data = matches.get_flag("data").then(|| traffic_of_all(context, &found, &ottofile).ok()).flatten();
    if context.is_json {
        let text = json(Some(&ottofile), &diagnostics, data.as_deref());
        context.print(&text);
        return if is_refused { 2 } else { 0 };
    }
    if let Some(flows) = &data {
        context.print(&traffic::text(&ottofile, flows));
    }
    if is_wrong {
        return context.refuse(&diagnostics);
    } else {
        context.show(&diagnostics);
        let count = ottofile.written_tasks().count();
        let are = if count == 1 { "task is" } else { "tasks are" };
        if !is_refused && data.is_none() {
            context.print(&format!("{}: {count} {are} valid\n", found.shown));
        }
    }
    if is_refused { 2 } else { 0 }
}

/// The ottofile, all that it includes, and what is said about them. If it mentions the ottofile that includes it, that one.
fn read_all(context: &Context) -> Result<(Loaded, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut loaded = context.read()?;
    if loaded.ottofile.mentions_root() {
        loaded.go_up()?;
    }
    let mut diagnostics = loaded.read_all();
    let links = loaded.ottofile.follow(0..loaded.ottofile.tasks.len());
    diagnostics.extend(links.wrong);
    diagnostics.extend(loaded.ottofile.wrong_defaults());
    diagnostics.append(&mut loaded.warnings);
    context.hide_inherited(&loaded.ottofile);
    Ok((loaded, diagnostics))
}

/// What stands in the way of all tasks together, as far as it can be known without running commands.
fn mistakes(context: &Context, found: &Found, ottofile: &Ottofile) -> Vec<Diagnostic> {
    let facts =
        HostFacts { environment: &context.environment, folder: found.folder(), may_run_commands: false };
    let names: Vec<_> =
        ottofile.written_tasks().map(|task| (task.name.as_str().to_owned(), task.name_span)).collect();
    let wrong = |names: &[(String, Span)]| {
        let planned = request::of_names(names, &ottofile.sources, ottofile)
            .and_then(|request| plan::make(ottofile, &request, &facts).map(|_| ()));
        planned.err().unwrap_or_default()
    };
    let mut diagnostics = wrong(&names);
    if diagnostics.iter().any(plan::is_contradiction) {
        // `up` and `down` are no mistake as long as nothing runs both.
        diagnostics = names.iter().flat_map(|name| wrong(std::slice::from_ref(name))).collect();
        plan::told_once(&mut diagnostics);
    }
    // These tasks were not requested, so nothing was left out on purpose.
    diagnostics.retain(|diagnostic| diagnostic.code != Code::MissingParam);
    diagnostics
}

/// What cannot work in the data between all tasks.
fn flow_of_all(context: &Context, found: &Found, ottofile: &Ottofile) -> Vec<Diagnostic> {
    let Ok(plan) = outline(context, found, ottofile) else { return Vec::new() };
    let surroundings = Surroundings::of(context, found, ottofile, None);
    flow::findings(ottofile, &plan, &surroundings, Moment::Check)
}

/// What each task sets, and who reads it.
pub(super) fn traffic_of_all(
    context: &Context,
    found: &Found,
    ottofile: &Ottofile,
) -> Result<Vec<TaskFlow>, Vec<Diagnostic>> {
    let plan = outline(context, found, ottofile)?;
    let surroundings = Surroundings::of(context, found, ottofile, None);
    Ok(flow::traffic(ottofile, &plan, &surroundings))
}

/// The jobs of all tasks, as far as they can be known without running commands.
fn outline(context: &Context, found: &Found, ottofile: &Ottofile) -> Result<Plan, Vec<Diagnostic>> {
    let facts =
        HostFacts { environment: &context.environment, folder: found.folder(), may_run_commands: false };
    let names: Vec<_> =
        ottofile.tasks.iter().map(|task| (task.name.as_str().to_owned(), task.name_span)).collect();
    let request = request::of_names(&names, &ottofile.sources, ottofile)?;
    plan::outline(ottofile, &request, &facts)
}

/// `{"ottofile", "tasks", "diagnostics": […]}`, with `--data` also `"data": […]`; each diagnostic in the form that hints have in events. `tasks` is null where
/// the ottofile could not be read.
fn json(ottofile: Option<&Ottofile>, diagnostics: &[Diagnostic], data: Option<&[TaskFlow]>) -> String {
    let mut answer = serde_json::json!({
        "ottofile": ottofile.map(|ottofile| ottofile.sources.root().name()),
        "tasks": ottofile.map(|ottofile| ottofile.written_tasks().count()),
        "diagnostics": diagnostics.iter().map(Notice::of).collect::<Vec<_>>(),
    });
    if let (Some(ottofile), Some(flows)) = (ottofile, data) {
        answer["data"] = traffic::json(ottofile, flows);
    }
    format!("{answer:#}\n")
}

/// What reading the bodies of these tasks (places in the ottofile) gives reason to warn about.
/// `folder`: that of the ottofile.
pub(super) fn body_warnings(
    ottofile: &Ottofile,
    folder: &Path,
    tasks: impl IntoIterator<Item = usize>,
) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    for task in tasks.into_iter().map(|task| &ottofile.tasks[task]) {
        let Some(body) = &task.body else { continue };
        let dir = task.dir.as_ref().map_or(folder.to_owned(), |dir| folder.join(&dir.value));
        // One that cannot be read now may be there when the task runs.
        let load = |path: &str| regular::read_text(&dir.join(path)).ok();
        let source = ottofile.sources.of(body.span);
        warnings.extend(body::warnings(body, &task.name, source, &load));
        if task.service.is_some() {
            warnings.extend(body::unseen::warnings(body, &task.name, source));
        }
    }
    without_allowed(warnings)
}

/// Warns of variables that a bash body reads and that nothing sets. The environment of this otto counts as that of the runs.
fn unset_variables(context: &Context, found: &Found, ottofile: &Ottofile) -> Vec<Diagnostic> {
    let facts =
        HostFacts { environment: &context.environment, folder: found.folder(), may_run_commands: false };
    let entries =
        |entries: &[EnvEntry]| entries.iter().map(|entry| entry.name.value.clone()).collect::<Vec<_>>();
    let files = |source, files: &[DotenvFile]| {
        let facts = facts.within(ottofile.folder_of(source));
        let variables = plan::envs::dotenv(files, &ottofile.sources, &*facts).ok()?;
        Some(variables.into_iter().map(|(name, _)| name).collect::<Vec<_>>())
    };
    // The variables for all tasks of a file; `None` where a command prints some, or a file of them cannot be read.
    let of_file = |source| {
        let mut known = Vec::new();
        for source in ottofile.line_of(source) {
            let settings = ottofile.settings_of(source);
            if settings.envs_command.is_some() {
                return None;
            }
            known.extend(files(source, &settings.dotenv)?);
            known.extend(entries(&settings.envs));
            let entry = ottofile.part(source).map(|part| (part.parent, part.include));
            let entry = entry.map(|(parent, include)| &ottofile.settings_of(parent).includes[include]);
            known.extend(entry.into_iter().flat_map(|entry| entries(&entry.envs)));
        }
        Some(known)
    };
    let mut of_files: HashMap<SourceId, Option<Vec<String>>> = HashMap::new();
    let mut warnings = Vec::new();
    for task in &ottofile.tasks {
        let Some(body) = task.body.as_ref().filter(|body| Language::of(body) == Language::Bash) else {
            continue;
        };
        let source = task.name_span.source;
        let global = of_files.entry(source).or_insert_with(|| of_file(source));
        // A file that cannot be read now may be there when the task runs.
        let (Some(global), Some(own)) = (global.as_ref(), files(source, &task.dotenv)) else { continue };
        let mut known = [global.clone(), own, entries(&task.envs)].concat();
        for param in &task.params {
            known.push(param.name.to_string());
            known.push(format!("{}_words", param.name));
        }
        known.extend(ottofile.item_variables(task).into_iter().map(str::to_owned));
        let is_known = |name: &str| {
            known.iter().any(|known| known == name)
                || COLOURS.iter().any(|(colour, _)| *colour == name)
                || unset::is_everywhere(name)
                // Slurm sets them where the task runs.
                || name.starts_with("SLURM_")
                || name.starts_with("SLURMD_")
                || context.environment.get(name).is_some()
        };
        let place = body::Place::of(body, ottofile.sources.of(body.span));
        for (range, name) in unset::reads(&body.text).into_iter().filter(|(_, name)| !is_known(name)) {
            let message = format!("nothing sets the variable `{name}` that task `{}` reads", task.name);
            let near = similar(name, known.iter().map(String::as_str), 3);
            let warning = Diagnostic::warning(Code::UnsetVariable, message)
                .at(&ottofile.sources, place.span(range), "neither in the ottofile nor in the environment")
                .did_you_mean(&near)
                .help(format!("if it may be missing, say so: `${{{name}:-}}`"));
            warnings.push(warning);
        }
    }
    warnings
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
        assert_snapshot!(checked(file, "Check"), @"otto.yml: 1 task is valid");
    }

    #[test]
    fn a_variable_that_nothing_sets_is_a_warning() {
        let stage = Stage::new();
        let folder = stage.sandbox.folder();
        std::fs::write(folder.join(".env"), "TOKEN=1\n").expect("written");
        let file = "
otto: {envs: {VERSION: 1}, dotenv: [.env]}
tasks:
  a:
    params: {--dry-run: {default: false}, args: {nargs: '*'}}
    foreach: {items: [x], as: host}
    envs: {OWN: 1}
    bash: |
      echo \"$VERSION $TOKEN $dry_run $args $host $OWN $OTTO_TASK $RED $HOME\"
      echo \"$VERSOIN\"
  b: {bash: 'echo $dry_run'}
  c: {python: 'print(\"$x\")'}
  d: {action: 'echo ${x}'}
";
        std::fs::write(folder.join("otto.yml"), file).expect("written");
        assert_snapshot!(stage.otto("Check"), @r#"
        otto.yml: 4 tasks are valid
        --- stderr
        warning[E0507]: nothing sets the variable `VERSOIN` that task `a` reads
           ╭▸ otto.yml:10:13
        10 │       echo "$VERSOIN"
           ╰╴            ━━━━━━━━ neither in the ottofile nor in the environment
        help: did you mean `VERSION`?
        help: if it may be missing, say so: `${VERSOIN:-}`
        warning[E0507]: nothing sets the variable `dry_run` that task `b` reads
           ╭▸ otto.yml:11:19
        11 │   b: {bash: 'echo $dry_run'}
           ╰╴                  ━━━━━━━━ neither in the ottofile nor in the environment
        help: if it may be missing, say so: `${dry_run:-}`
        warning[E0507]: nothing sets the variable `x` that task `d` reads
           ╭▸ otto.yml:13:21
        13 │   d: {action: 'echo ${x}'}
           ╰╴                    ━━━━ neither in the ottofile nor in the environment
        help: if it may be missing, say so: `${x:-}`
        "#);
        std::fs::write(folder.join("otto.yml"), file.replace("dotenv: [.env]", "envs-command: ./vars"))
            .expect("written");
        assert_snapshot!(stage.otto("Check"), @"otto.yml: 4 tasks are valid");
    }

    #[test]
    fn lists_contradict_each_other_only_in_one_run() {
        let both = "tasks: {up: {steps: [db, web]}, down: {steps: [web, db]}, db: {bash: x}, web: {bash: x}}";
        assert_snapshot!(checked(both, "Check"), @"otto.yml: 4 tasks are valid");
        let again = both.replace("db: {bash", "again: {needs: [down, up]}, db: {bash");
        assert_snapshot!(checked(&again, "Check"), @"
        --- stderr
        error[E0302]: contradicting order: `web` waits for `db` waits for `web`
          ╭▸ otto.yml:1:26
        1 │ … {up: {steps: [db, web]}, down: {steps: [web, db]}, again: {needs: [down, …
          │                     ┯━━                        ── `db` runs after `web` in `steps` of `down`
          │                     │
          ╰╴                    `web` runs after `db` in `steps` of `up`
        help: change the order in one of these lists, or split a task
        otto.yml: 1 error. For details: `otto Explain E0302`
        --- exit 2
        ");
    }

    #[test]
    fn circles_are_found_and_warnings_are_mistakes_when_asked() {
        assert_snapshot!(checked("tasks: {a: {before: [b]}, b: {before: [a]}}", "Check"), @"
        --- stderr
        error[E0302]: dependency cycle: `a` needs `b` needs `a`
          ╭▸ otto.yml:1:22
        1 │ tasks: {a: {before: [b]}, b: {before: [a]}}
          ╰╴                     ━ `a` needs `b`   ─ `b` needs `a`
        help: remove one of these dependencies, or split a task
        otto.yml: 1 error. For details: `otto Explain E0302`
        --- exit 2
        ");
        let lost = "tasks: {a: {bash: '( OUTPUT[x]=1 )'}}";
        assert_snapshot!(checked(lost, "Check"), @"
        otto.yml: 1 task is valid
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
        assert!(checked(joined, "Check").starts_with("otto.yml: 1 task is valid\n"));
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
                  "text": "unknown key"
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
