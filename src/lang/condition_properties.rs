//! An `if` decides as the plain language would, in every language, and sets nothing.

use super::condition::Decision;
use super::harness::{Bench, Ran, needed};
use crate::ottofile::spec::BodyKey;
use proptest::prelude::*;
use std::process::Command;

/// Lists of commands as people write them, and as they should not.
fn list() -> impl Strategy<Value = String> {
    let atoms = prop::sample::select(vec![
        "true",
        "false",
        "[ \"$HOME\" = / ]",
        "[ -n \"$HOME\" ]",
        "(exit 1)",
        "(exit 2)",
        "{ false; true; }",
        "test 1 -gt x 2> /dev/null",
        "echo said > /dev/null",
        "nobody_has_this_command 2> /dev/null",
        ": \"$NOBODY_SET_THIS\"",
        "x=1",
        "false | true",
        "true | false",
        "( ! : \"$NOBODY_SET_THIS\" )",
        "( ! { : \"$NOBODY_SET_THIS\"; } )",
        "exit 0",
        "exit 1",
        "exit 3",
        "[ a = (",
        ": 'unclosed",
        "fi",
        "# nothing\ntrue",
        "case $HOME in '') false ;; *) true ;; esac",
    ]);
    let leaf = atoms.prop_map(str::to_owned).boxed();
    leaf.prop_recursive(3, 8, 2, |inner| {
        let joined = prop::sample::select(vec![" && ", " || ", "; ", "\n"]);
        prop_oneof![
            (inner.clone(), joined, inner.clone()).prop_map(|(one, joint, other)| one + joint + &other),
            inner.clone().prop_map(|list| format!("! {list}")),
            inner.prop_map(|list| format!("( {list} )")),
        ]
    })
}

/// What a program says of a script, if it says anything: `yes`, or `no` and a status.
fn plain(program: &[&str], script: &str) -> String {
    let mut command = Command::new(needed(program[0]));
    command.args(&program[1..]).arg(script).env_clear().env("PATH", std::env::var_os("PATH").expect("set"));
    let output = command.env("HOME", "/home").output().expect("started");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn answer_of(said: &str) -> Option<Decision> {
    match said.trim().strip_prefix("no ") {
        None => (said == "yes\n").then_some(Decision::True),
        Some("1") => Some(Decision::False),
        Some(status) => Some(Decision::Failed(status.parse().expect("a status"))),
    }
}

fn asked(shebang: &str, condition: &str, env: Option<(&str, &str)>) -> Ran {
    let mut bench = Bench::new(BodyKey::Action, &format!("{shebang}echo ran\n"));
    bench = bench.condition(condition).env("HOME", "/home");
    if let Some((name, value)) = env {
        bench = bench.env(name, value);
    }
    bench.run()
}

fn decides_as_plain(
    shell: &[&str],
    shebang: &str,
    condition: &str,
    env: Option<(&str, &str)>,
) -> Result<(), TestCaseError> {
    let options = if ["dash", "sh"].contains(&shell[0]) { "-eu" } else { "-euo pipefail" };
    let script = format!("set {options}\nif\n{condition}\nthen echo yes; else echo \"no $?\"; fi\n");
    let mut words = shell.to_vec();
    words.push("-c");
    let said = plain(&words, &script);
    let ran = asked(shebang, condition, env);
    let shown = format!("{shell:?}: {condition:?}\nplain: {said:?}\n{ran:?}");
    prop_assert_eq!(ran.out() == "ran\n", said == "yes\n", "{}", shown);
    match answer_of(&said) {
        Some(Decision::True) => prop_assert_eq!(ran.decision, Some(Decision::True), "{}", shown),
        Some(Decision::False) => {
            prop_assert_eq!((ran.decision, ran.status), (Some(Decision::False), 0), "{}", shown);
        }
        // What breaks off a whole script may break off the text of an `if` alone.
        Some(Decision::Failed(_) | Decision::Missing | Decision::Ended) | None => {
            let is_failure = matches!(ran.decision, Some(Decision::Failed(_) | Decision::Ended));
            prop_assert!(is_failure, "{}", shown);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_body_runs_exactly_when_plain_bash_says_so(condition in list()) {
        decides_as_plain(&["bash"], "", &condition, None)?;
        decides_as_plain(&["bash"], "", &condition, Some(("OTTO_BASH_LEVEL", "4.0")))?;
        decides_as_plain(&["bash"], "", &condition, Some(("OTTO_BASH_LEVEL", "3.2")))?;
    }

    #[test]
    fn a_body_runs_exactly_when_its_shell_says_so(condition in list()) {
        decides_as_plain(&["dash"], "#!/bin/dash\n", &condition, None)?;
        decides_as_plain(&["zsh"], "#!/usr/bin/env zsh\n", &condition, None)?;
        decides_as_plain(&["ksh"], "#!/usr/bin/env ksh\n", &condition, None)?;
        decides_as_plain(&["mksh"], "#!/usr/bin/env mksh\n", &condition, None)?;
        decides_as_plain(&["busybox", "sh"], "#!/usr/bin/env -S busybox sh\n", &condition, None)?;
    }

    #[test]
    fn bash_decides_for_other_languages_and_for_tasks_without_a_body(condition in list()) {
        let script = format!("set -euo pipefail\nif\n{condition}\nthen echo yes; else echo \"no $?\"; fi\n");
        let said = plain(&["bash", "-c"], &script);
        for (key, text, written) in
            [(BodyKey::Action, "#!/usr/bin/env perl\nprint 'ran';\n", "ran"), (BodyKey::Nothing, "", "")]
        {
            let bench = Bench::new(key, text).condition(&condition).env("HOME", "/home");
            let mut bench = bench;
            bench.condition.as_mut().expect("there").key = BodyKey::Bash;
            let ran = bench.run();
            let runs = said == "yes\n";
            prop_assert_eq!(ran.decision == Some(Decision::True), runs, "{:?} {:?}", condition, ran);
            prop_assert_eq!(ran.out(), if runs { written } else { "" }, "{:?}", condition);
            prop_assert_eq!(ran.decision == Some(Decision::False), said == "no 1\n", "{:?} {:?}", condition, ran);
        }
    }

    #[test]
    fn a_body_runs_exactly_when_plain_python_says_so(
        one in python_atom(),
        joint in prop::sample::select(vec![" and ", " or ", " + ", " == ", ", ", " if x else "]),
        other in python_atom(),
        is_alone: bool,
    ) {
        let condition = if is_alone { one.to_owned() } else { format!("{one}{joint}{other}") };
        let script = format!("x = 0\nprint('yes' if bool(eval({condition:?})) else 'no 1')\n");
        let said = plain(&["python3", "-c"], &script);
        let bench = Bench::new(BodyKey::Python, "print('ran')\n").condition(&condition).env("HOME", "/home");
        let bench = bench.env("PYTHONWARNINGS", "ignore");
        let ran = Bench { params: vec![(crate::name::ParamName::new("x").expect("a name"), "".into())], ..bench }.run();
        let expected = match said.as_str() {
            "yes\n" => Decision::True,
            "no 1\n" => Decision::False,
            _ => Decision::Ended,
        };
        prop_assert_eq!(ran.decision, Some(expected), "{:?} {:?}", condition, ran);
        prop_assert_eq!(ran.out() == "ran\n", expected == Decision::True, "{:?}", condition);
    }
}

fn python_atom() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "True",
        "False",
        "None",
        "0",
        "1.5",
        "''",
        "'text'",
        "[]",
        "[0]",
        "{}",
        "nothing",
        "1/0",
        "(lambda: 1)()",
        "exit(3)",
        "exit(0)",
        "1 +",
        "x = 1",
        "float('nan')",
        "__import__('os').environ['HOME']",
        "NotImplemented",
    ])
}

#[test]
fn what_an_if_sets_is_no_output() {
    let sets =
        "OUTPUT[a]=1; otto.set b 2; (otto.set c 3); export OTTO_D=4; OTTO_OUTPUT+=('e=5'); OUTPUT+=([f]=6)";
    let ran = Bench::bash("OUTPUT[g]=7; otto.set h 8; export OTTO_I=9\n").condition(sets).run();
    assert_eq!(
        (ran.decision, ran.json().as_str()),
        (Some(Decision::True), r#"{"OTTO_I":"9","g":"7","h":"8"}"#)
    );
    let ran = Bench::bash("OUTPUT[g]=7\n").condition("OUTPUT[a]=1").run();
    assert_eq!(ran.json(), r#"{"g":"7"}"#);
    let old = "otto.set b 2; export OTTO_D=4; OTTO_OUTPUT+=('e=5')";
    let ran = Bench::bash("otto.set h 8\n").condition(old).env("OTTO_BASH_LEVEL", "3.2").run();
    assert_eq!((ran.decision, ran.json().as_str()), (Some(Decision::True), r#"{"h":"8"}"#));
    for shell in ["dash", "zsh", "ksh", "mksh", "busybox sh"] {
        let text = format!("#!/usr/bin/env -S {shell}\notto_set h 8; export OTTO_I=9\n");
        let ran = Bench::new(BodyKey::Action, &text).condition("otto_set b 2; export OTTO_D=4").run();
        let json = r#"{"OTTO_I":"9","h":"8"}"#;
        assert_eq!((ran.decision, ran.json().as_str()), (Some(Decision::True), json), "{shell}: {ran:?}");
    }
    let condition = "OUTPUT.update(a=1) or __import__('os').environ.update(OTTO_D='4') or True";
    let ran = Bench::new(BodyKey::Python, "OUTPUT['g'] = 7\n").condition(condition).run();
    assert_eq!((ran.decision, ran.json().as_str()), (Some(Decision::True), r#"{"g":7}"#));
}

#[test]
fn a_body_goes_on_in_the_process_of_its_if() {
    let ran = Bench::bash("echo \"$a $$ $? $0\" \"$@\"\n").condition("a=$BASHPID").run();
    let out = ran.out();
    let words: Vec<&str> = out.split_whitespace().collect();
    assert_eq!((words[0], words[2]), (words[1], "0"), "{ran:?}");
    let python = "import os; print(asked == os.getpid())\n";
    let bench = Bench::new(BodyKey::Python, python).condition("(asked := __import__('os').getpid())");
    assert_eq!(bench.run().out(), "True\n");
}

#[test]
fn traps_and_functions_of_an_if_are_those_of_the_shell() {
    let ran =
        Bench::bash("OUTPUT[k]=$(f)\n").condition("trap 'OUTPUT[t]=1' EXIT; f() { echo v; }; true").run();
    assert_eq!(ran.json(), r#"{"k":"v","t":"1"}"#, "{ran:?}");
    let ran = Bench::bash("echo never\n").condition("trap 'echo bye' EXIT; false").run();
    assert_eq!((ran.decision, ran.out().as_str()), (Some(Decision::False), "bye\n"));
    let ran = Bench::bash("echo ran\n").condition("set -C; set +e; umask 777; true").run();
    assert_eq!((ran.decision, ran.out().as_str()), (Some(Decision::True), "ran\n"));
}
