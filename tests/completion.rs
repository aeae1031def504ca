//! The completion scripts in the shells they are for. A shell that is not there is said to be skipped.

// What is skipped is said where people look for it.
#![allow(clippy::print_stderr)]

use std::path::Path;
use std::process::{Command, Stdio};

const FILE: &str = "
tasks:
  build: {help: Compile it, bash: x}
  deploy: {params: {--env: {choices: [staging, prod]}, --file: {type: path}}, bash: x}
  each: {foreach: {items: [one, two]}, bash: x}
  'a b': {bash: x}
";

/// What a script in this shell prints, in a folder with the ottofile; `None` without the shell.
fn printed(shell: &str, arguments: &[&str], script: &str) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("otto.yml"), FILE).expect("an ottofile");
    std::fs::write(folder.path().join("data.txt"), "").expect("a file");
    let otto = Path::new(env!("CARGO_BIN_EXE_otto")).parent().expect("the binary has a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(otto.to_path_buf()).chain(std::env::split_paths(&path));
    let output = Command::new(shell)
        .args(arguments)
        .arg(script)
        .current_dir(folder.path())
        .env("PATH", std::env::join_paths(folders).expect("PATH"))
        .env("HOME", folder.path())
        .env_remove("OTTOFILE")
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(errors, "", "{shell}: {script}");
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Err(_) => {
            eprintln!("skipped: {shell} is not here");
            None
        }
    }
}

fn bash(line: &str, words: &str) -> String {
    let script = format!(
        "source <(otto Completions bash); COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; COMP_WORDS=({words}); \
         COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); compopt() {{ :; }}; _otto; \
         for reply in ${{COMPREPLY[@]+\"${{COMPREPLY[@]}}\"}}; do echo \"$reply\"; done"
    );
    printed("bash", &["--norc", "-uc"], &script).expect("bash is needed by otto itself")
}

#[test]
fn bash_gets_words_cut_where_it_cuts_them() {
    assert_eq!(bash("otto b", "otto b"), "build\n");
    assert_eq!(bash("otto deploy --env=p", "otto deploy --env = p"), "prod\n");
    assert_eq!(bash("otto deploy --env=", "otto deploy --env ="), "staging\nprod\n");
    assert_eq!(bash("otto deploy --env ", "otto deploy --env ''"), "staging\nprod\n");
    assert_eq!(bash("otto each:t", "otto each : t"), "two\n");
    assert_eq!(bash("otto build each:", "otto build each :"), "one\ntwo\n");
    assert_eq!(bash("otto a", "otto a"), "a\\ b\n");
    assert_eq!(bash("otto deploy --file da", "otto deploy --file da"), "data.txt\n");
    assert_eq!(bash("otto \"a", "otto \\\"a"), "a b\n");
    assert_eq!(bash("otto \"each:t", "otto \\\"each:t"), "each:two\n");
    assert_eq!(bash("otto \"deploy\" --env ", "otto \\\"deploy\\\" --env \"\""), "staging\nprod\n");
    assert_eq!(bash("otto -o ~/otto.yml b", "otto -o \\~/otto.yml b"), "build\n");
    assert_eq!(bash("otto nothing-like-it", "otto nothing-like-it"), "");
}

#[test]
fn zsh_gets_words_with_what_they_are_about() {
    let zsh = |words: &str| {
        let script = format!(
            "compdef() {{ :; }}; _describe() {{ print -rl -- ${{(P)4}}; }}; _files() {{ print files $@; }}; compset() {{ :; }}\n\
             source <(otto Completions zsh); words=({words}); CURRENT=$#words; _otto"
        );
        printed("zsh", &["-fc"], &script)
    };
    for (words, wanted) in [
        ("otto b", "build:Compile it\n"),
        ("otto deploy --env=p", "--env=prod:\n"),
        ("otto each:t", "each\\:two:\n"),
        ("otto deploy --file ''", "files\n"),
        ("otto -C ''", "files -/\n"),
    ] {
        if let Some(printed) = zsh(words) {
            assert_eq!(printed, wanted, "{words}");
        }
    }
}

#[test]
fn zsh_completes_what_is_typed() {
    // What stands on the line after the tab is made an argument of `print`.
    let typed = |line: &str| {
        let script = format!(
            r#"zmodload zsh/zpty || exit
               zpty typist zsh -f -i
               zpty -w typist 'PS1=; autoload -Uz compinit; compinit -u -D; source <(otto Completions zsh); print REA""DY'
               zpty -r typist ready '*READY*'
               zpty -w -n typist '{line}'$'\t\C-aprint -r -- \C-e >completed; exit\n'
               while zpty -r typist rest 2>/dev/null; do :; done
               cat completed"#
        );
        printed("zsh", &["-fc"], &script)
    };
    for (line, wanted) in [
        ("otto bu", "otto build\n"),
        ("otto each:t", "otto each:two\n"),
        ("otto build each:t", "otto build each:two\n"),
        ("otto deploy --env=p", "otto deploy --env=prod\n"),
        ("otto a", "otto a b\n"),
        ("otto deploy --file da", "otto deploy --file data.txt\n"),
        ("otto deploy --file=da", "otto deploy --file=data.txt\n"),
    ] {
        if let Some(completed) = typed(line) {
            assert_eq!(completed, wanted, "{line}");
        }
    }
}

#[test]
fn fish_gets_words_with_what_they_are_about() {
    let fish = |line: &str| {
        printed(
            "fish",
            &["--no-config", "-c"],
            &format!("otto Completions fish | source; complete -C '{line}'"),
        )
    };
    for (line, wanted) in [
        ("otto b", "build\tCompile it\n"),
        ("otto deploy --env=p", "--env=prod\n"),
        ("otto each:t", "each:two\n"),
        ("otto deploy --file da", "data.txt\n"),
        ("otto deploy --file=da", "--file=data.txt\n"),
        ("otto -o ~/otto.yml b", "build\tCompile it\n"),
    ] {
        if let Some(printed) = fish(line) {
            assert_eq!(printed, wanted, "{line}");
        }
    }
}
