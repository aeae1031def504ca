//! `otto Init` in folders of other tools: what it writes runs at once and passes each word on as it was typed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Writes down its name and its arguments, one per line.
const STUB: &str = "#!/bin/sh\nprintf '%s' \"${0##*/}\" >>\"$STUB_LOG\"\n\
    for word; do printf ' <%s>' \"$word\" >>\"$STUB_LOG\"; done\necho >>\"$STUB_LOG\"\n";

const TOOLS: &[&str] =
    &["make", "npm", "pnpm", "yarn", "bun", "task", "just", "mise", "poe", "uv", "poetry", "cargo", "go"];

fn otto(folder: &Path, arguments: &[&str]) -> String {
    let stubs = folder.join("stubs");
    let output = Command::new(env!("CARGO_BIN_EXE_otto"))
        .args(arguments)
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", stubs.display()))
        .env("HOME", folder)
        .env("OTTO_HOME", folder.join("home"))
        .env("STUB_LOG", folder.join("log"))
        .current_dir(folder.join("work"))
        .output()
        .expect("it runs");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

/// What the tools were called with, after `otto Init` in a folder with these files, by one task with words and by the
/// same task without any.
fn called(files: &[(&str, &str)], task: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().canonicalize().expect("there");
    for name in ["stubs", "work"] {
        fs::create_dir(folder.join(name)).expect("a folder");
    }
    for tool in TOOLS {
        let stub = folder.join("stubs").join(tool);
        fs::write(&stub, STUB).expect("written");
        fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).expect("changed");
    }
    for (name, text) in files {
        fs::write(folder.join("work").join(name), text).expect("written");
    }
    otto(&folder, &["Init"]);
    otto(&folder, &["Check"]);
    otto(&folder, &[task, "--", "word", "two words", "", "-k", "$HOME", "--"]);
    otto(&folder, &[task]);
    fs::read_to_string(folder.join("log")).expect("a log")
}

/// Those words, as a stub writes them down.
const WORDS: &str = " <word> <two words> <> <-k> <$HOME> <-->";

/// The files of a folder, by name and text; a task; the call that it makes; and the words that come before those passed on.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, &'a str);

#[test]
fn what_init_writes_runs_at_once_and_passes_words_on() {
    let package = r#"{"scripts": {"test": "vitest", "pretest": "lint", "predict": "x"}}"#;
    let managed = r#"{"packageManager": "pnpm@9.1.0", "scripts": {"test": "vitest"}}"#;
    let taskfile = "version: '3'\ntasks:\n  test: go test\n  hidden: {internal: true, cmds: [x]}\n";
    let justfile = "# Run them\ntest *args:\n    pytest {{args}}\n\n_hidden:\n    x\n";
    let mise = "[tasks.test]\nrun = 'pytest'\n";
    let poe = "[tool.poe.tasks]\ntest = 'pytest'\n[tool.poe.tasks.lint]\ncmd = 'ruff'\nhelp = 'Look'\n";
    let script = "[project.scripts]\nshop = 'shop:main'\n[tool.uv]\n";
    let cases: &[Case] = &[
        (&[("Makefile", ".PHONY: test\ntest:\n\tpytest\n")], "test", "make <test>", ""),
        (&[("GNUmakefile", "test:\n\tpytest\n")], "test", "make <test>", ""),
        (&[("package.json", package)], "test", "npm <run> <test>", " <-->"),
        (&[("package.json", package)], "predict", "npm <run> <predict>", " <-->"),
        (&[("package.json", managed)], "test", "pnpm <run> <test>", ""),
        (&[("package.json", package), ("package-lock.json", "{}")], "test", "npm <run> <test>", " <-->"),
        (&[("package.json", package), ("npm-shrinkwrap.json", "{}")], "test", "npm <run> <test>", " <-->"),
        (&[("package.json", package), ("pnpm-lock.yaml", "")], "test", "pnpm <run> <test>", ""),
        (&[("package.json", package), ("yarn.lock", "")], "test", "yarn <run> <test>", ""),
        (&[("package.json", package), ("bun.lock", "")], "test", "bun <run> <test>", ""),
        (&[("package.json", package), ("bun.lockb", "")], "test", "bun <run> <test>", ""),
        (&[("Taskfile.yml", taskfile)], "test", "task <test>", " <-->"),
        (&[("Taskfile.dist.yaml", taskfile)], "test", "task <test>", " <-->"),
        (&[("justfile", justfile)], "test", "just <test>", ""),
        (&[(".justfile", justfile)], "test", "just <test>", ""),
        (&[("mise.toml", mise)], "test", "mise <run> <test>", " <-->"),
        (&[(".mise.toml", mise)], "test", "mise <run> <test>", " <-->"),
        (&[("pyproject.toml", poe)], "test", "poe <test>", ""),
        (&[("pyproject.toml", poe), ("uv.lock", "")], "lint", "uv <run> <poe> <lint>", ""),
        (&[("pyproject.toml", poe), ("poetry.lock", "")], "test", "poetry <run> <poe> <test>", ""),
        (&[("pyproject.toml", script)], "shop", "uv <run> <shop>", ""),
        (&[("Cargo.toml", "[workspace]\nmembers = ['a']\n")], "test", "cargo <test> <--workspace>", ""),
        (&[("Cargo.toml", "[package]\nname = 'a'\n")], "build", "cargo <build>", ""),
        (&[("Makefile", "test:\n\tx\n"), ("justfile", justfile)], "justfile-test", "just <test>", ""),
    ];
    let different: Vec<String> = cases
        .iter()
        .filter_map(|(files, task, call, between)| {
            let expected = format!("{call}{between}{WORDS}\n{call}{between}\n");
            let called = called(files, task);
            (called != expected).then(|| format!("{files:?}\n{expected}{called}"))
        })
        .collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
}
