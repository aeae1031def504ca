//! Which ottofile is found, and what otto says of it without running anything.

use crate::Project;
use insta::assert_snapshot;

const NAMES: [&str; 6] = ["otto.yml", ".otto.yml", "otto.yaml", ".otto.yaml", "Ottofile", "OTTOFILE"];

fn says(word: &str) -> String {
    format!("tasks: {{t: {{bash: echo {word}}}}}")
}

#[test]
fn six_names_are_looked_for_in_a_fixed_order() {
    let project = Project::empty("project");
    for name in NAMES {
        project.write(name, &says(&format!("'from {name}'")));
    }
    for name in NAMES {
        assert_eq!(project.run("t").ok(), format!("from {name}\n"));
        std::fs::remove_file(project.path(name)).expect("removed");
    }
}

#[test]
fn the_nearest_parent_with_an_ottofile_wins() {
    let project = Project::new(&says("outer"));
    project.write("a/b/c/file", "");
    assert_eq!(project.run("-C a/b/c t").ok(), "outer\n");
    project.write("a/OTTOFILE", &says("inner"));
    assert_eq!(project.run("-C a/b/c t").ok(), "inner\n");
}

#[test]
fn a_folder_called_like_an_ottofile_is_passed_over() {
    let project = Project::empty("project");
    project.write("otto.yml/file", "");
    project.write("Ottofile", &says("found"));
    assert_eq!(project.run("t").ok(), "found\n");
}

/// What stands above a folder whose own ottofile cannot be reached is not what the user means.
#[test]
fn under_a_path_that_is_too_long_no_other_ottofile_is_taken() {
    let project = Project::new("tasks: {above: {bash: echo above}}\n");
    let script = "for n in {1..50}; do mkdir \"$0\"; cd -P \"$0\"; done; echo 'tasks: {here: {bash: x}}' > otto.yml; exec \"$1\" above";
    let mut otto = project.command("bash");
    let ended =
        otto.args(["-c", script, &"d".repeat(100), env!("CARGO_BIN_EXE_otto")]).output().expect("bash");
    let stderr = String::from_utf8_lossy(&ended.stderr);
    let length = project.path("").as_os_str().len() - 1 + 50 * 101;
    assert_eq!(
        (ended.status.code(), &*ended.stdout, &*stderr),
        (
            Some(2),
            &b""[..],
            &*format!(
                "error[E0201]: cannot look for an ottofile here: the folder's path is {length} bytes long\nhelp: the system allows paths of about 4000 bytes; use a shorter one\notto: 1 error. For details: `otto Explain E0201`\n"
            )
        )
    );
}

#[test]
fn the_flag_beats_the_variable_beats_the_search() {
    let project = Project::new(&says("searched")).with("OTTOFILE", "by/variable.yml");
    project.write("by/variable.yml", &says("variable"));
    project.write("by/flag.yml", &says("flag"));
    project.write("folder/.otto.yml", &says("folder"));
    assert_eq!(project.run("t").ok(), "variable\n");
    for flag in ["-o by/flag.yml", "-oby/flag.yml", "--ottofile by/flag.yml", "--ottofile=by/flag.yml"] {
        assert_eq!(project.run(&format!("{flag} t")).ok(), "flag\n", "{flag}");
    }
    assert_eq!(project.run("-o folder t").ok(), "folder\n");
}

#[test]
fn a_relative_ottofile_is_looked_for_after_the_change_of_folder() {
    let project = Project::empty("project");
    project.write("sub/x.yml", &says("$PWD"));
    assert_eq!(project.run("-C sub -o x.yml t").ok(), "/you/project/sub\n");
    assert_eq!(project.run("-o x.yml -C sub t").ok(), "/you/project/sub\n");
}

#[test]
fn without_an_ottofile_a_task_is_refused_and_help_is_not() {
    let project = Project::empty("project");
    assert!(project.run("build").refused().contains("error[E0201]: no ottofile found"));
    for words in ["", "--help", "-h", "help"] {
        assert!(project.run(words).ok().contains("Usage: otto [OPTIONS] [TASK"), "otto {words}");
    }
    assert_snapshot!(project.run("--version").all(), @"
    ── stdout
    otto 0.1.0
    ── exit 0
    ");
    assert_eq!(project.run("-V").ok(), project.run("--version").ok());
}

#[test]
fn an_ottofile_that_was_named_must_be_there() {
    let project = Project::new(&says("x"));
    assert_snapshot!(project.run("-o no/such.yml t").all(), @"
    ── stderr
    error[E0201]: no ottofile found: `no/such.yml` does not exist
      = note: set by `-o` or the variable OTTOFILE, relative to `/you/project`
    otto: 1 error. For details: `otto Explain E0201`
    ── exit 2
    ");
    project.run("-o no/such.yml --help").refused();
    project.run("-C nowhere t").refused();
}

const SHOP: &str = "
otto: {name: shop, about: all it takes}
tasks:
  build:
    help: Compile it
    group: make
    params:
      -p|--profile: {default: debug, choices: [debug, release], help: how}
      --strip: {default: false}
    output: [out]
    bash: touch RAN
  deploy:
    help: Ship it
    before: [build]
    params:
      --env: {choices: [staging, prod], required: true}
      files: {nargs: '*', metavar: FILE, help: what to ship}
    bash: touch RAN
  secret: {hidden: true, bash: touch RAN}
  each: {foreach: {items: [one, two]}, bash: touch RAN}
  found: {foreach: {command: touch RAN}, bash: touch RAN}
";

#[test]
fn wide_names_stand_in_line_too() {
    let project = Project::new(
        "tasks: {日本: {help: Far away, bash: x}, build: {help: 作る, before: [日本], bash: x}}",
    );
    assert_snapshot!(project.run("List").ok(), @"
    project · otto.yml · 2 tasks

      日本   Far away
      build  作る      needs 日本

    otto TASK --help · otto History · otto Graph
    ");
}

#[test]
fn plain_otto_lists_where_no_default_is_named() {
    let project = Project::new(SHOP);
    assert_snapshot!(project.run("").all(), @"
    ── stdout
    shop · otto.yml · 4 tasks
    all it takes

    make
      build   Compile it  --profile debug|release  [debug]  --strip

    other
      deploy  Ship it     --env staging|prod  (required)  [FILE]...
      each    [2 items]
      found   [dynamic]

    otto TASK --help · otto History · otto Graph
    ── exit 0
    ");
    assert_eq!(project.run("").stdout, project.run("List").stdout);
}

#[test]
fn the_help_of_a_task_shows_how_it_is_called() {
    let project = Project::new(SHOP);
    assert_snapshot!(project.run("deploy --help").all(), @"
    ── stdout
    Usage: otto deploy [OPTIONS] [FILE]...

    Ship it

    Arguments:
      [FILE]...  what to ship

    Options:
          --env <env>  (required) [choices: staging, prod]
      -h, --help       show this help

    needs    build
    defined  otto.yml:12
    ── exit 0
    ");
    for words in ["deploy -h", "help deploy", "deploy --env prod --help"] {
        assert_eq!(project.run(words).ok(), project.run("deploy --help").ok(), "otto {words}");
    }
    assert_snapshot!(project.run("build -h").all(), @"
    ── stdout
    Usage: otto build [OPTIONS]

    Compile it

    Options:
      -p, --profile <profile>  how [default: debug] [choices: debug, release]
          --strip              [default: false]
      -h, --help               show this help

    defined  otto.yml:4
    ── exit 0
    ");
    assert_snapshot!(project.run("each:one --help").all(), @"
    ── stdout
    Usage: otto each [OPTIONS]

    Runs once per item [2 items]; `otto each:ITEM` runs one.

    Options:
          --Serial  run the items one at a time
      -h, --help    show this help

    defined  otto.yml:20
    ── exit 0
    ");
    assert_eq!(project.read("RAN"), "-");
}

#[test]
fn help_for_what_is_not_there_is_refused() {
    let project = Project::new(SHOP);
    assert_snapshot!(project.run("help biuld").all(), @"
    ── stderr
    error[E0003]: unknown task `biuld`
      ╭▸ command line:1:11
    1 │ otto help biuld
      ╰╴          ━━━━━ not in otto.yml
    help: did you mean `build`?
    usage: otto [OPTIONS] [TASK [ARGS]]...
    otto: 1 error. For details: `otto Explain E0003`
    ── exit 2
    ");
    project.run("biuld --help").refused();
    project.run("help build deploy").refused();
}

#[test]
fn a_declared_h_is_the_tasks_own() {
    let project = Project::new("tasks: {t: {params: {-h|--host: {default: none}}, bash: 'echo $host'}}");
    assert_eq!(project.run("t -h example").ok(), "example\n");
    assert!(project.run("t --help").ok().contains("-h, --host <host>"));
    assert!(!project.run("t --help").ok().contains("-h, --help"));
}

#[test]
fn listing_and_help_run_no_command() {
    let project = Project::new(
        "otto: {envs: {A: '$(touch RAN)'}, envs-command: touch RAN}\ntasks: {t: {params: {-x: {choices-command: \
         touch RAN}}, foreach: {command: touch RAN}, bash: x}}",
    );
    for words in ["", "List", "--help", "t --help", "help t", "--list-subtasks", "Graph", "List --json"] {
        project.run(words).ok();
        assert_eq!(project.read("RAN"), "-", "otto {words}");
    }
}

#[test]
fn default_tasks_run_once_each_with_their_dependencies() {
    let project = Project::new(
        "otto: {tasks: [c, a, c], jobs: 1}\ntasks: {a: {bash: echo A}, b: {bash: echo B}, c: {before: [a], bash: \
         echo C}}",
    );
    assert_eq!(project.run("").ok(), "A\nC\n");
    assert_eq!(project.run("-qq").ok(), "");
    assert_eq!(project.run("-q").all(), "── stdout\nA\nC\n── exit 0");
    assert!(project.run("--dry-run").ok().contains("  c  "));
}

#[test]
fn a_star_means_all_tasks_of_the_file() {
    let project =
        Project::new("otto: {tasks: ['*'], jobs: 1}\ntasks: {a: {bash: echo A}, b: {bash: echo B}}");
    assert_eq!(project.run("").ok(), "A\nB\n");
}

#[test]
fn a_default_task_that_is_not_there_is_refused() {
    assert_snapshot!(Project::new("otto: {tasks: [bild]}\ntasks: {build: {bash: x}}").run("").all(), @"
    ── stderr
    error[E0301]: `otto.tasks` lists an unknown task `bild`
      ╭▸ otto.yml:1:16
    1 │ otto: {tasks: [bild]}
      │                ━━━━ unknown task
    2 │ tasks: {build: {bash: x}}
      ╰╴        ───── a task with a similar name is defined here
    help: did you mean `build`?
    otto.yml: 1 error. For details: `otto Explain E0301`
    ── exit 2
    ");
}

#[test]
fn an_ottofile_without_tasks_shows_help() {
    let ran = Project::new("otto: {api: 1}\n").run("");
    assert!(ran.ok().contains("Usage: otto [OPTIONS] [TASK"));
    assert_eq!(ran.stderr, "otto.yml has no tasks\n");
}
