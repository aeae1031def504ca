//! The commands of otto itself, each once with what it takes and once with what it does not.

use crate::Project;
use insta::assert_snapshot;

const FILE: &str = "
tasks:
  a: {help: First, bash: 'echo a; OUTPUT[v]=1'}
  b: {before: [a], bash: 'echo ${INPUT[a.v]}; exit 3'}
";

#[test]
fn check_says_what_is_wrong_and_nothing_runs() {
    assert_snapshot!(Project::new(FILE).run("Check").all(), @"
    ── stdout
    otto.yml: 2 tasks are valid
    ── exit 0
    ");
    let ran = Project::new("tasks: {a: {befor: [b], bash: x}, c: {before: [d], bash: 'if'}}").run("Check");
    assert_snapshot!(ran.all(), @"
    ── stderr
    error[E0104]: unknown key `befor` in task `a`
      ╭▸ otto.yml:1:13
    1 │ tasks: {a: {befor: [b], bash: x}, c: {before: [d], bash: 'if'}}
      ╰╴            ━━━━━ unknown key
    help: did you mean `before`?
    error[E0301]: task `c` depends on an unknown task `d`
      ╭▸ otto.yml:1:48
    1 │ tasks: {a: {befor: [b], bash: x}, c: {before: [d], bash: 'if'}}
      ╰╴                                               ━ unknown task
    otto.yml: 2 errors. For details: `otto Explain E0301`
    ── exit 2
    ");
}

#[test]
fn wide_names_keep_the_columns_of_a_listing() {
    let project =
        Project::new("tasks: {日本: {help: Land, bash: x}, build: {help: 作る, before: [日本], bash: x}}");
    assert_snapshot!(project.run("List").all(), @"
    ── stdout
    project · otto.yml · 2 tasks

      日本   Land
      build  作る  needs 日本

    otto TASK --help · otto History · otto Graph
    ── exit 0
    ");
}

#[test]
fn graph_draws_text_or_dot() {
    let project = Project::new(FILE);
    assert_snapshot!(project.run("Graph").all(), @"
    ── stdout
    b
    └─ a
    ── exit 0
    ");
    assert!(project.run("Graph --format dot").ok().starts_with("digraph"));
    project.run("Graph --format dot --output g.dot").ok();
    assert!(project.read("g.dot").starts_with("digraph"));
    project.run("Graph --format bogus").refused();
    project.run("Graph nothing").refused();
}

#[test]
fn help_with_help_is_all_of_it() {
    for project in [Project::new(FILE), Project::empty("project")] {
        let help = project.run("--help").ok().to_owned();
        for words in ["help", "Help", "help --help", "Help -h", "help help", "Help Help"] {
            assert_eq!(project.run(words).ok(), help, "{words}");
        }
    }
    assert_snapshot!(Project::new(FILE).run("Help a b").all(), @"
    ── stderr
    error[E0005]: `Help` takes only one task, but `b` was given too
      ╭▸ command line:1:13
    1 │ otto Help a b
      ╰╴            ━ unexpected
    otto: 1 error. For details: `otto Explain E0005`
    ── exit 2
    ");
}

#[test]
fn explain_knows_every_spelling_of_a_code() {
    let project = Project::empty("project");
    let text = project.run("Explain E0104").ok().to_owned();
    assert!(text.contains("E0104"));
    for word in ["e0104", "104", "0104"] {
        assert_eq!(project.run(&format!("Explain {word}")).ok(), text, "{word}");
    }
    project.run("Explain E9999").refused();
    project.run("Explain nonsense").refused();
}

#[test]
fn init_writes_an_ottofile_that_runs_and_never_over_another() {
    let project = Project::empty("project");
    project.run("Init").ok();
    assert_eq!(project.run("Check").status, 0, "{}", project.run("Check").all());
    let written = project.read("otto.yml");
    assert_eq!(project.run("Init").status, 2);
    assert_eq!(project.read("otto.yml"), written);
}

#[test]
fn convert_makes_an_ottofile_of_a_makefile() {
    let project = Project::empty("project");
    let ran = project.feed("Convert", "all: one\n\techo all\none:\n\techo one\n");
    project.write("otto.yml", ran.ok());
    assert!(
        project.run("-j1 all").ok().ends_with("one\necho all\nall\n")
            || project.run("-j1 all").ok() == "one\nall\n"
    );
    assert_eq!(project.run("Convert nowhere").status, 2);
    // An empty stdin is none: the file of this folder counts, and there has to be one.
    let none = project.feed("Convert", "");
    assert!(none.status == 2 && none.stderr.contains("cannot read `Makefile`"), "{}", none.all());
    project.write("package.json", r#"{"scripts": {"test": "echo tested"}}"#);
    let found = project.feed("Convert", "");
    assert!(found.status == 0 && found.stdout.contains("echo tested"), "{}", found.all());
    assert!(project.feed("Convert -", "one:\n\techo one\n").stdout.contains("echo one"));
}

#[test]
fn schema_is_json_and_man_is_a_page() {
    let project = Project::empty("project");
    let schema: serde_json::Value = serde_json::from_str(project.run("Schema").ok()).expect("JSON");
    assert!(schema["properties"]["tasks"].is_object(), "{schema}");
    assert!(project.run("Man").ok().contains(".TH"));
}

#[test]
fn completions_are_for_three_shells() {
    let project = Project::empty("project");
    for shell in ["bash", "zsh", "fish"] {
        assert!(project.run(&format!("Completions {shell}")).ok().contains("otto"));
    }
    project.run("Completions tcsh").refused();
    project.run("Completions").refused();
}

#[test]
fn records_are_shown_after_a_run_and_missed_before_one() {
    let project = Project::new(FILE);
    for words in ["History", "Stats", "Clean --dry-run"] {
        assert_eq!(project.run(words).status, 0, "otto {words}");
    }
    assert_eq!(project.run("b").status, 3);
    for words in
        ["History", "History --json", "Stats", "Show", "Logs a", "Data", "Replay", "Clean --dry-run", "Clean"]
    {
        let ran = project.run(words);
        assert_eq!(ran.status, 0, "otto {words}: {}", ran.all());
    }
    for words in [
        "Show zzzz",
        "Logs zzzz",
        "Logs zzzz a",
        "Data zzzz",
        "Replay zzzz",
        "Show --bogus",
        "History --bogus",
    ] {
        let ran = project.run(words);
        assert_eq!(ran.status, 2, "otto {words}: {}", ran.all());
        assert!(!ran.stderr.is_empty(), "otto {words}");
    }
}

#[test]
fn every_command_has_help_that_starts_with_its_usage() {
    let project = Project::empty("project");
    for name in [
        "List",
        "Check",
        "Graph",
        "Data",
        "History",
        "Show",
        "Replay",
        "Resume",
        "Cancel",
        "Stats",
        "Clean",
        "Explain",
        "Init",
        "Convert",
        "Schema",
        "Completions",
        "Man",
    ] {
        let help = project.run(&format!("{name} --help"));
        assert!(help.ok().contains(&format!("Usage: otto {name}")), "{name}: {}", help.all());
        assert_eq!(project.run(&format!("help {name}")).ok(), help.ok(), "{name}");
        project.run(&format!("{name} --bogus")).refused();
    }
}

#[test]
fn a_task_may_not_be_called_like_a_command() {
    assert_snapshot!(Project::new("tasks: {List: {bash: x}}").run("List").all(), @"
    ── stderr
    error[E0303]: the task name `List` is a built-in command
      ╭▸ otto.yml:1:9
    1 │ tasks: {List: {bash: x}}
      ╰╴        ━━━━ choose another name
    help: use lower case: `list`
    otto.yml: 1 error. For details: `otto Explain E0303`
    ── exit 2
    ");
}

#[test]
fn options_before_the_name_of_a_built_in_are_meant_for_it() {
    let project = Project::new(
        "
otto: {retention: {keep_days: 0, keep_last: 0, keep_failed: 0, auto_prune: false}}
tasks:
  a: {bash: 'echo run >> ran; echo out; [ $(wc -l < ran) -gt 1 ] && sleep 20; false'}
",
    );
    project.run("a");
    assert_snapshot!(project.run("-n Rerun").all(), @"
    ── stdout
      1  a  (otto.yml:4)
    ── stderr
    rerunning from run RUN: a
    not recorded, used as they are now: files outside the run's folder, values of variables
    dry run: 1 task would run; nothing was started
    ── exit 0
    ");
    assert_snapshot!(project.run("--timeout 1s --display quiet --tail 0 Rerun").all(), @"
    ── stderr
    rerunning from run RUN: a
    not recorded, used as they are now: files outside the run's folder, values of variables

    TIMEOUT a · TIME · otto.yml:4
      last 0 of 1 lines · full log: otto Logs RUN a

    rerun:  otto Rerun RUN
    ── exit 124
    ");
    assert_eq!(project.read("ran"), "run\nrun\n");
    assert_snapshot!(project.run("Rerun 20").refused(), @"
    error[E0801]: `20` is too short to identify the run
    help: give at least 4 characters of its ID, or `latest`, `latest-failed` or `-1`; `otto History` lists the runs
    otto: 1 error. For details: `otto Explain E0801`
    ");
    assert_eq!(project.read("ran"), "run\nrun\n");
    // What stands behind the name counts for more.
    assert_eq!(project.run("--timeout 20s Rerun --timeout 1s").status, 124);
    assert!(project.run("--dry-run Clean").ok().starts_with("would be removed"));
    assert!(project.run("-n Clean -n").ok().starts_with("would be removed"));
    assert_eq!(project.run("History --json").ok().matches("\"id\"").count(), 3);
    assert_snapshot!(project.run("-n Init").refused(), @"
    error[E0001]: `otto Init` has no option `--dry-run`
    otto: 1 error. For details: `otto Explain E0001`
    ");
    assert_eq!(project.run("-j1 --keep-going History -n 1 --json").ok().matches("\"id\"").count(), 1);
}

#[test]
fn every_built_in_has_help() {
    let project = Project::new("tasks: {a: {bash: ':'}}");
    let help = project.run("--help").stdout;
    let names: Vec<&str> = help
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| word.starts_with(char::is_uppercase) && word.chars().all(char::is_alphabetic))
        .collect();
    assert!(names.contains(&"Rerun") && names.len() > 10, "{help}");
    for name in names {
        let ran = project.run_words(&[name, "--help"]);
        assert!(ran.ok().contains(&format!("Usage: otto {name}")), "{name}: {}", ran.all());
    }
}
