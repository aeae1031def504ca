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

/// Names with which a shell would do something.
const HOSTILE: [&str; 26] = [
    "inv$(touch PWNED).csv",
    "inv$(touch${IFS}PWNED).csv",
    "`touch PWNED`",
    "a;touch PWNED",
    "a|touch PWNED",
    "a&touch PWNED",
    "a>PWNED",
    "$HOME",
    "${HOME}",
    "it's",
    "say \"hi\"",
    "both ' and \"",
    "back\\slash",
    "a  b ",
    "st*r",
    "[ab]?",
    "{a,b}",
    "~",
    "~root",
    "#x",
    "bang!x",
    "a:b=c",
    "(é)",
    "ends with '",
    "-x",
    "trailing \\",
];

/// Types each line in a terminal where the only item of `load` has a hostile name, presses TAB and Enter, and looks at the
/// arguments with which otto is then called.
fn types_hostile_names(shell: &[&str], lines: &[&str]) {
    use std::os::unix::fs::PermissionsExt;
    if Command::new(shell[0]).arg("-c").arg(":").stdin(Stdio::null()).status().is_err() {
        eprintln!("skipped: {} is not here", shell[0]);
        return;
    }
    let root = tempfile::tempdir().expect("a folder");
    let root = root.path().canonicalize().expect("it is there");
    let write = |path: &str, text: &str| std::fs::write(root.join(path), text).expect("written");
    std::fs::create_dir(root.join("bin")).expect("a folder");
    write(
        "bin/otto",
        "#!/bin/sh\ncase $1 in --complete | Completions) exec \"$REAL_OTTO\" \"$@\" ;; esac\n\
         printf '%s\\0' \"$@\" >called.new && mv called.new called\n",
    );
    std::fs::set_permissions(root.join("bin/otto"), PermissionsExt::from_mode(0o755)).expect("ours");
    let mut folders = String::new();
    for (number, name) in HOSTILE.iter().enumerate() {
        std::fs::create_dir(root.join(number.to_string())).expect("a folder");
        let item = name.replace('\'', "''");
        let ottofile = format!(
            "tasks:\n  load: {{foreach: {{items: ['{item}']}}, bash: x}}\n  \
             pick: {{params: {{--one: {{choices: ['{item}']}}}}, bash: x}}\n"
        );
        write(&format!("{number}/otto.yml"), &ottofile);
        folders.push_str(&root.join(number.to_string()).display().to_string());
        folders.push('\n');
    }
    write("folders", &folders);
    write("lines", &(lines.join("\n") + "\n"));
    write("rc", "PS1='> '; source <(otto Completions bash)\n");
    std::fs::create_dir(root.join("zsh")).expect("a folder");
    write("zsh/.zshrc", "PS1='> '; autoload -Uz compinit; compinit -u -D; source <(otto Completions zsh)\n");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let bin = std::iter::once(root.join("bin")).chain(std::env::split_paths(&path));
    let output = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/completion/typist.py"))
        .args([root.join("folders"), root.join("lines")])
        .args(shell)
        .current_dir(root.join("0"))
        .env("PATH", std::env::join_paths(bin).expect("PATH"))
        .env("REAL_OTTO", env!("CARGO_BIN_EXE_otto"))
        .env("HOME", &root)
        .env("ZDOTDIR", root.join("zsh"))
        .env("RC", root.join("rc"))
        .env("TERM", "dumb")
        .env("LC_ALL", "C.UTF-8")
        .env_remove("OTTOFILE")
        .output()
        .expect("python3 starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut wrong = Vec::new();
    for (folder, name) in HOSTILE.iter().enumerate() {
        for (number, line) in lines.iter().enumerate() {
            let called = std::fs::read_to_string(root.join(format!("{folder}/called.{number}")));
            // No item has a blank in its name.
            let wanted = match line.strip_prefix("otto pick --one") {
                // fish would expand it, so it is not offered.
                Some(" ") if shell[0] == "fish" && name.starts_with('~') => "pick\0--one\0".to_owned(),
                Some(rest) if rest.starts_with('=') => format!("pick\0--one={name}\0"),
                Some(_) => format!("pick\0--one\0{name}\0"),
                None => format!("load:{}\0", name.replace(' ', "_")),
            };
            if called.as_ref().ok() != Some(&wanted) {
                wrong.push(format!("{line} TAB for {name}: {:?}", called.ok()));
            }
        }
        if root.join(format!("{folder}/PWNED")).exists() {
            wrong.push(format!("{name} was executed"));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", shell[0], wrong.join("\n"));
}

#[test]
fn in_bash_what_tab_inserts_arrives_as_it_is_and_executes_nothing() {
    types_hostile_names(
        &["sh", "-c", "exec bash --noprofile --rcfile \"$RC\" -i"],
        &[
            "otto load:",
            "otto \"load:",
            "otto 'load:",
            "otto pick --one ",
            "otto pick --one \"",
            "otto pick --one '",
            "otto pick --one=",
            "otto load:\"",
            "otto load:'",
            "otto \"load\":",
            "otto l\\oad:",
            "otto lo\"ad:",
            "otto pick --one=\"",
            "otto pick --one='",
        ],
    );
}

#[test]
fn in_zsh_what_tab_inserts_arrives_as_it_is_and_executes_nothing() {
    types_hostile_names(
        &["zsh", "-i"],
        &[
            "otto load:",
            "otto \"load:",
            "otto 'load:",
            "otto pick --one ",
            "otto pick --one \"",
            "otto pick --one '",
            "otto pick --one=",
        ],
    );
}

#[test]
fn in_fish_what_tab_inserts_arrives_as_it_is_and_executes_nothing() {
    types_hostile_names(
        &["fish", "--no-config", "-C", "otto Completions fish | source"],
        &[
            "otto load:",
            "otto \"load:",
            "otto 'load:",
            "otto pick --one ",
            "otto pick --one \"",
            "otto pick --one '",
            "otto pick --one=",
        ],
    );
}
