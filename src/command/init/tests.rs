//! Folders and the ottofiles that are written for them.

use super::ottofile;
use super::propose::proposals;
use crate::command::stage::Stage;
use crate::ottofile::read;
use crate::source::SourceFile;
use insta::assert_snapshot;
use proptest::prelude::*;

fn written(files: &[(&str, &str)]) -> String {
    let text = ottofile(&proposals(&|wanted| {
        files.iter().find(|(name, _)| *name == wanted).map(|(_, text)| (*text).to_owned())
    }));
    if let Err(wrong) = read(&SourceFile::new("otto.yml", text.as_str())) {
        panic!("{text}\n{wrong:#?}");
    }
    text
}

#[test]
fn an_empty_folder_gets_an_example() {
    assert_snapshot!(written(&[]), @r#"
    # Tasks of this project. `otto` lists them, `otto TASK` runs a task and everything it needs, `otto TASK --help`
    # describes it, and `otto Check` checks this file.
    otto:
      api: 1
      # Tasks to run when you type `otto` without arguments:
      # tasks: [check]

    tasks:
      # Tasks pass data: values set in OUTPUT can be read from INPUT by the tasks that depend on them.
      name:
        help: Find out who is there
        bash: |
          OUTPUT[who]="world"

      hello:
        help: Greet them
        needs: [name]
        params:
          -g|--greeting:
            help: How to greet
            default: hello
        bash: |
          echo "$greeting, ${INPUT[name.who]}"

      # The same in Python, where values keep their types.
      count:
        help: Count the letters
        needs: [name]
        python: |
          OUTPUT["letters"] = len(INPUT["name.who"])
          print(OUTPUT["letters"], "letters")
    "#);
}

#[test]
fn a_rust_project_gets_its_commands_and_a_comment_on_data() {
    assert_snapshot!(written(&[("Cargo.toml", "")]), @r#"
    # Tasks of this project. `otto` lists them, `otto TASK` runs a task and everything it needs, `otto TASK --help`
    # describes it, and `otto Check` checks this file.
    otto:
      api: 1
      # Tasks to run when you type `otto` without arguments:
      # tasks: [check]

    tasks:
      # From Cargo.toml.
      build:
        help: Compile
        params:
          args: {nargs: "*"}
        bash: |
          cargo build "$@"

      test:
        help: Run the tests
        params:
          args: {nargs: "*"}
        bash: |
          cargo test "$@"

      lint:
        help: Run clippy
        params:
          args: {nargs: "*"}
        bash: |
          cargo clippy --all-targets "$@" -- -D warnings

      format:
        help: Check the formatting
        params:
          args: {nargs: "*"}
        bash: |
          cargo fmt --check "$@"

      check:
        help: Everything to run before a commit
        needs: [format, lint, test]

      # Tasks pass data: values set in OUTPUT can be read from INPUT by the tasks that depend on them.
      #
      # version:
      #   bash: |
      #     OUTPUT[version]=$(git describe --tags --always)
      #
      # announce:
      #   needs: [version]
      #   params:
      #     --to: {default: everybody, help: Who to tell}
      #   bash: |
      #     echo "version ${INPUT[version.version]} for $to"
    "#);
}

#[test]
fn names_that_two_files_suggest_stay_apart() {
    let package =
        r#"{"scripts": {"test": "vitest", "pretest": "x", "it's \"odd\"": "echo", "Clean": "x", "-x": "y"}}"#;
    let makefile = ".PHONY: test all\ntest: ## Run them\n\tpytest\nall: test\ndocs: ## Write them\n\tmdbook build\nout/x:\n\ttouch out/x\n";
    let files = [
        ("package.json", package),
        ("yarn.lock", ""),
        ("pyproject.toml", "[tool.uv]\n[tool.ruff]\n"),
        ("Makefile", makefile),
    ];
    let text = written(&files);
    let tasks = text.split_once("tasks:\n").map_or("", |(_, tasks)| tasks);
    let tasks = tasks.split_once("  # Tasks pass data").map_or("", |(tasks, _)| tasks);
    assert_snapshot!(tasks, @r#"
    # From Makefile. `otto Convert` makes tasks of them that need no other tool.
    test:
      help: Run them
      params:
        args: {nargs: "*"}
      bash: |
        make test "$@"

    all:
      params:
        args: {nargs: "*"}
      bash: |
        make all "$@"

    docs:
      help: Write them
      params:
        args: {nargs: "*"}
      bash: |
        make docs "$@"

    # From package.json. `otto Convert` makes tasks of them that need no other tool.
    package-test:
      help: vitest
      params:
        args: {nargs: "*"}
      bash: |
        yarn run test "$@"

    "it's \"odd\"":
      help: echo
      params:
        args: {nargs: "*"}
      bash: |
        yarn run 'it'\''s "odd"' "$@"

    # From pyproject.toml.
    lint:
      help: Run ruff
      params:
        args: {nargs: "*"}
      bash: |
        uv run ruff check . "$@"

    pyproject-test:
      help: Run the tests
      params:
        args: {nargs: "*"}
      bash: |
        uv run python3 -m pytest "$@"

    check:
      help: Everything to run before a commit
      needs: [lint, pyproject-test]
    "#);
}

#[test]
fn a_package_that_is_not_json_suggests_nothing() {
    assert!(written(&[("package.json", "{")]).contains("hello:"));
}

#[test]
fn a_file_is_written_once_and_never_over_another() {
    let stage = Stage::new();
    let folder = stage.sandbox.folder();
    assert_snapshot!(stage.otto("Init"), @"
    --- stderr
    error[E0203]: `otto.yml` already exists; nothing was changed
    --- exit 2
    ");
    std::fs::rename(folder.join("otto.yml"), folder.join("Ottofile")).expect("renamed");
    assert_snapshot!(stage.otto("Init"), @"
    --- stderr
    error[E0203]: `Ottofile` already exists; nothing was changed
    --- exit 2
    ");
    std::fs::remove_file(folder.join("Ottofile")).expect("removed");
    assert_snapshot!(stage.otto("Init"), @"
    --- stderr
    wrote otto.yml: `otto` lists its tasks
    ");
    assert_snapshot!(stage.otto("Check"), @"otto.yml: 3 tasks are valid");
}

proptest! {
    #[test]
    fn whatever_scripts_are_called_the_file_can_be_read(names in prop::collection::vec("\\PC{1,12}|[ -~]{1,8}", 0..6)) {
        let scripts: serde_json::Map<String, serde_json::Value> =
            names.iter().map(|name| (name.clone(), serde_json::json!(name))).collect();
        let package = serde_json::json!({ "scripts": scripts }).to_string();
        let makefile: String = names.iter().map(|name| format!("{name}:\n\techo\n")).collect();
        written(&[("package.json", &package), ("Makefile", &makefile), ("go.mod", "")]);
    }
}
