//! What data passing promises to `sh` and its kin, a test for each promise, in every shell.

use super::harness::{Bench, Ran, given, input, needed};
use crate::value::{Map, Value};
use std::fs;
use std::os::unix::fs::symlink;

/// The first lines of bodies in each shell. All of them must be there: a shell that is missing is a failure.
fn shells() -> Vec<String> {
    let mut lines: Vec<String> =
        ["dash", "ksh", "mksh", "zsh"].iter().map(|name| format!("#!{}", needed(name).display())).collect();
    lines.push(format!("#!{} sh", needed("busybox").display()));
    lines.push("#!/bin/sh".to_owned());
    lines
}

fn run(shell: &str, text: &str) -> Ran {
    Bench::bash(&format!("{shell}\n{text}"))
        .input(input("p", &[("k", "it's\n"), ("Build-ID", "7"), ("e", ""), ("q", "a'b\"c\\d$e`f")]))
        .env("OTTO_FOO", "inherited")
        .run()
}

/// Row 123: setting and getting, from anywhere.
#[test]
fn the_functions_work_in_every_shell() {
    for shell in shells() {
        for (text, json) in [
            ("otto_set k v", r#"{"k":"v"}"#),
            ("( otto_set k v ) | cat", r#"{"k":"v"}"#),
            ("echo v | while read -r l; do otto_set k $l; done", r#"{"k":"v"}"#),
            ("x=$(otto_set k v)", r#"{"k":"v"}"#),
            (
                "otto_set k 'a\nb'; otto_set --json n 1.10; otto_set --list l a 'b c' ''; otto_set --list e",
                r#"{"e":[],"k":"a\nb","l":["a","b c",""],"n":1.10}"#,
            ),
            ("otto_set k 1; ( otto_set k 2 ); otto_set k 3", r#"{"k":"3"}"#),
            ("otto_get -v x p.k; otto_set k \"$x\"", r#"{"k":"it's\n"}"#),
            (
                "otto_get -v x p.e; otto_set k \"[$x]\"; otto_get -v y p.no d; otto_set y $y",
                r#"{"k":"[]","y":"d"}"#,
            ),
            (
                "otto_set k \"$(otto_get p.k)$(otto_get p.none default)$(otto_get p.q)\"",
                r#"{"k":"it'sdefaulta'b\"c\\d$e`f"}"#,
            ),
            ("otto_deserialize_input p; otto_set_output k \"$(otto_get_input p.build_id)\"", r#"{"k":"7"}"#),
            ("otto_set k v; exit 0", r#"{"k":"v"}"#),
            ("export OTTO_V='a b'", r#"{"OTTO_V":"a b"}"#),
            ("export OTTO_V='it'\\''s\n$x\"\\'; exit 0", r#"{"OTTO_V":"it's\n$x\"\\"}"#),
            ("OTTO_V=1; export OTTO_V OTTO_W=2; OTTO_N=1", r#"{"OTTO_V":"1","OTTO_W":"2"}"#),
            ("OTTO_FOO=changed; : OTTO_FOO", r#"{"OTTO_FOO":"changed"}"#),
            ("export OTTO_E=", r#"{"OTTO_E":""}"#),
            (
                "trap 'echo bye; otto_set t 1' EXIT; otto_set k v; export OTTO_V=1; exit 0",
                r#"{"OTTO_V":"1","k":"v","t":"1"}"#,
            ),
            ("otto_set k \"$OTTO_INPUT_P_BUILD_ID\"", r#"{"k":"7"}"#),
            ("otto_set k v; ( exit 3 ) || true; x=$(exit 0)", r#"{"k":"v"}"#),
            (
                "for i in 1 2 3 4 5 6 7 8; do { otto_set k$i \"$(head -c 5000 /dev/zero | tr '\\0' $i | cut -c 1-3)\"; } & done; wait",
                r#"{"k1":"111","k2":"222","k3":"333","k4":"444","k5":"555","k6":"666","k7":"777","k8":"888"}"#,
            ),
            (
                "set -f; otto_set k '*'; otto_set -n '%s'; otto_set 'a b' '$(touch X)'",
                r#"{"-n":"%s","a b":"$(touch X)","k":"*"}"#,
            ),
            ("otto_set k v; [ -f nope ] && echo no", r#"{"k":"v"}"#),
            (
                "otto_set k v; IFS='/a0T'; cd /; umask 077; PATH=/nonexistent; otto_set j w",
                r#"{"j":"w","k":"v"}"#,
            ),
            ("otto_set k v; set +e; true", r#"{"k":"v"}"#),
            ("otto_set k v; exec true", r#"{"k":"v"}"#),
            ("exec true", "{}"),
        ] {
            let ran = run(&shell, text);
            assert!(ran.succeeded(), "{shell} {text}: {ran:?}");
            assert_eq!(ran.json(), json, "{shell} {text}: {ran:?}");
        }
    }
}

/// Row 123: the status is the script's, and what was set before the end is kept.
#[test]
fn outputs_are_kept_however_the_script_ends() {
    for shell in shells() {
        for (text, status) in [
            ("exit 3", 3),
            ("false", 1),
            ("set +e; (exit 4)", 4),
            ("export OTTO_V=1; set +e; (exit 4)", 4),
            ("kill -9 $$", 137),
            ("kill -TERM $$; sleep 3", 143),
            ("trap 'exit 5' EXIT; exit 3", 5),
        ] {
            let ran = run(&shell, &format!("otto_set k v\n{text}"));
            assert_eq!((ran.status, ran.text("k")), (status, Some("v")), "{shell} {text}: {ran:?}");
        }
        let ran = run(&shell, "export OTTO_V=1; exit 3");
        assert_eq!((ran.status, ran.text("OTTO_V")), (3, Some("1")), "{shell}: {ran:?}");
        let ran = run(&shell, "export OTTO_V=1; exec true");
        // mksh runs its traps before it replaces itself.
        let is_told = !ran.succeeded() && ran.problems().contains("never saved");
        assert!(is_told || shell.ends_with("mksh") && ran.text("OTTO_V") == Some("1"), "{shell}: {ran:?}");
    }
}

/// What the same shell makes of a body by itself.
fn plain(shell: &str, text: &str) -> Option<i32> {
    let mut words = shell.trim_start_matches("#!").split(' ');
    let folder = tempfile::tempdir().expect("a directory");
    let script = folder.path().join("script");
    fs::write(&script, format!("set -eu\n{text}")).expect("written");
    let program = words.next().expect("a program");
    let status = std::process::Command::new(program)
        .args(words)
        .arg(&script)
        .current_dir(folder.path())
        .stderr(std::process::Stdio::null())
        .status();
    status.expect("started").code()
}

#[test]
fn nothing_of_ottos_completes_a_body() {
    for shell in shells() {
        for text in
            ["true &&", "false ||", "cat /dev/null |", "if true; then", "echo '", "x=$(true", "{ true"]
        {
            let ran = run(&shell, text);
            assert_eq!(Some(ran.status), plain(&shell, text), "{shell} {text}: {ran:?}");
        }
        let ran = run(&shell, "cat <<E\na");
        assert_eq!(Some(ran.status), plain(&shell, "cat <<E\na"), "{shell}: {ran:?}");
        assert!(["a", ""].contains(&ran.out().trim_end()), "{shell}: {ran:?}");
        // Nothing at all, unless the body ends with a test.
        for text in
            ["false && true", "export OTTO_V=1\nfalse && true", "trap 'echo bye' EXIT; export OTTO_V=1"]
        {
            let bench = Bench::bash(&format!("{shell}\n{text}"));
            bench.prepared();
            let script = fs::read_to_string(bench.dir().join("script.sh")).expect("read");
            assert!(script.ends_with(text), "{shell}: {script}");
        }
    }
}

#[test]
fn only_a_false_test_at_the_end_is_no_failure() {
    let forgiven = [
        "[ -f nope ] && echo x",
        "for i in 1 2; do [ -f nope ] && echo x; done",
        "if true; then [ -f nope ] && [ -f / ] && echo x; fi\n# the end",
        "export OTTO_V=1; ! [ -d / ]",
    ];
    let failures = [
        "false && true",
        "! true",
        "[ -d / ] && false && true",
        "[ -f nope ] && true; false",
        "[ -d / ] && false",
        "f() { false && true; }; [ -d / ] && f",
        "x=$(false) && true",
        "export OTTO_V=1; grep -q x /dev/null && true",
        "set +e; false",
        "set +e; [ -f nope ] && true",
        "trap 'true' EXIT; export OTTO_V=1; false && true",
        "[ -f nope ] && true; exit 1",
    ];
    for shell in shells() {
        for text in forgiven {
            let ran = run(&shell, text);
            assert!(ran.succeeded(), "{shell} {text}: {ran:?}");
            assert_eq!(plain(&shell, text), Some(1), "{shell} {text}");
        }
        for text in failures {
            let ran = run(&shell, text);
            assert_eq!((ran.status, plain(&shell, text)), (1, Some(1)), "{shell} {text}: {ran:?}");
        }
        // Its trace shows nothing of otto's either.
        let ran = run(&shell, "set -x\n[ -f nope ] && echo x");
        assert!(shell.ends_with("ksh") || ran.stderr.lines().count() == 1, "{shell}: {ran:?}");
        // A test that broke.
        for text in ["[ a -foo b ] && echo x", "export OTTO_V=1; [ a -foo b ] && echo x"] {
            let ran = run(&shell, text);
            assert_eq!(Some(ran.status), plain(&shell, text), "{shell} {text}: {ran:?}");
        }
    }
}

#[test]
fn a_handler_for_exit_may_export() {
    for shell in shells() {
        for (text, json) in [
            ("trap 'export OTTO_A=1' EXIT", r#"{"OTTO_A":"1"}"#),
            ("trap 'export OTTO_A=$?' EXIT; exit 3", r#"{"OTTO_A":"3"}"#),
            ("trap 'export OTTO_A=1' EXIT; false", r#"{"OTTO_A":"1"}"#),
            ("trap 'export OTTO_A=1' 0; export OTTO_B=2", r#"{"OTTO_A":"1","OTTO_B":"2"}"#),
            ("trap -- 'export OTTO_A=1; exit 4' EXIT; export OTTO_B=2", r#"{"OTTO_A":"1","OTTO_B":"2"}"#),
            ("bye() { export OTTO_A=1; }; trap bye EXIT; trap - EXIT; export OTTO_B=2", r#"{"OTTO_B":"2"}"#),
            (
                "trap 'export OTTO_A=1' EXIT; trap '' INT; ( trap 'true' EXIT; export OTTO_C=3 )",
                r#"{"OTTO_A":"1"}"#,
            ),
            ("trap 'false; true' EXIT; export OTTO_B=2; exit 3", r#"{"OTTO_B":"2"}"#),
        ] {
            let ran = run(&shell, text);
            assert_eq!(Some(ran.status), plain(&shell, text), "{shell} {text}: {ran:?}");
            // Where `set -e` ends zsh, nothing runs after its handler.
            let is_zsh = shell.ends_with("zsh") && text.ends_with("false");
            assert!(is_zsh || ran.json() == json, "{shell} {text}: {ran:?}");
        }
        let ran = run(&shell, "export OTTO_A=1; trap nonsense NOSIGNAL || echo no");
        assert!(ran.out() == "no\n" || ran.status != 0, "{shell}: {ran:?}");
    }
}

/// The line of the ottofile, where the shell can tell.
#[test]
fn a_silent_failure_is_told_with_its_line() {
    for name in ["ksh", "zsh"] {
        let ran = run(&format!("#!{}", needed(name).display()), "echo a\nx=$(false)\necho b");
        assert_eq!(
            (ran.line, ran.hints.join("\n").as_str()),
            (Some(23), "otto.yml:23: `x=$(false)` ended with 1")
        );
    }
}

#[test]
fn what_is_set_after_a_saving_is_lost_only_with_a_word() {
    for shell in shells() {
        for (text, json, told) in [
            ("export OTTO_A=1; otto_save; exec true", r#"{"OTTO_A":"1"}"#, ""),
            (
                "export OTTO_A=1; otto_save; export OTTO_B=1; exec true",
                r#"{"OTTO_A":"1"}"#,
                "warning[E0701]: what `build` set after `otto.save` is lost",
            ),
            ("export OTTO_A=1; otto_save; export OTTO_B=1", r#"{"OTTO_A":"1","OTTO_B":"1"}"#, ""),
            ("export OTTO_A=1; otto_save; otto_set k v; exec true", r#"{"OTTO_A":"1","k":"v"}"#, ""),
        ] {
            let ran = run(&shell, text);
            assert!(ran.succeeded(), "{shell} {text}: {ran:?}");
            // mksh runs its traps before it replaces itself.
            if !shell.ends_with("mksh") {
                assert_eq!(
                    (ran.json().as_str(), ran.problems().as_str()),
                    (json, told),
                    "{shell} {text}: {ran:?}"
                );
            }
        }
    }
}

/// What otto defines for itself is not in the way of the body's own `printf`, nor that in otto's.
#[test]
fn printf_is_the_bodys_own() {
    for shell in shells() {
        let ran = run(&shell, "otto_set k \"$(printf '%s-%03d' a 7)\"; printf '%s,%s' x y");
        assert_eq!(
            (ran.json().as_str(), ran.out().as_str()),
            (r#"{"k":"a-007"}"#, "x,y"),
            "{shell}: {ran:?}"
        );
        let ran = run(
            &shell,
            "printf() { :; }; otto_set k v; otto_set --list l a b; otto_get -v x p.e; otto_get p.k; export OTTO_V=1",
        );
        assert_eq!(
            (ran.json().as_str(), ran.out().as_str()),
            (r#"{"OTTO_V":"1","k":"v","l":["a","b"]}"#, "it's\n\n"),
            "{shell}: {ran:?}"
        );
    }
}

#[test]
fn a_umask_and_options_cost_nothing_however_often_outputs_are_written() {
    let long = "x".repeat(1000);
    for shell in shells() {
        for option in ["umask 777", "set -C", "set -o noclobber; umask 0377"] {
            let text = format!(
                "{option}\notto_set k v; otto_set long {long}; otto_set --list l a; export OTTO_V=1; otto_save; export OTTO_W=1"
            );
            let ran = Bench::bash(&format!("{shell}\n{text}")).run_without_rights();
            assert!(ran.succeeded(), "{shell} {option}: {ran:?}");
            let json = format!(r#"{{"OTTO_V":"1","OTTO_W":"1","k":"v","l":["a"],"long":"{long}"}}"#);
            assert_eq!(ran.json(), json, "{shell} {option}: {ran:?}");
        }
    }
}

/// Rows 77 and 79: on macOS `sh` is bash 3.2.
#[test]
fn an_old_bash_may_be_sh() {
    let folder = tempfile::tempdir().expect("a directory");
    let sh = folder.path().join("sh");
    symlink(needed("bash"), &sh).expect("linked");
    let old = |text: &str| {
        Bench::bash(&format!("#!{}\n{text}\n", sh.display())).env("OTTO_BASH_LEVEL", "3.2").run()
    };
    for (text, json) in [
        ("otto_set k v\nexport OTTO_V=1", r#"{"OTTO_V":"1","k":"v"}"#),
        ("otto_set k v\nexport OTTO_V=1\nexit 0", r#"{"OTTO_V":"1","k":"v"}"#),
        ("trap 'otto_set t 1' EXIT\nexport OTTO_V=1\nf() { exit; }\nf", r#"{"OTTO_V":"1","t":"1"}"#),
        ("trap 'echo bye' EXIT\n:", "{}"),
        ("trap 'echo usr' USR1\nexec true", "{}"),
    ] {
        let ran = old(text);
        assert!(ran.succeeded() && ran.json() == json, "{text}: {ran:?}");
    }
    // That bash would end with status 0 here.
    for text in ["export OTTO_V=1\ntrap - EXIT\n\\exit 0", "trap 'echo bye' EXIT\n\\exit 0"] {
        let ran = old(text);
        assert!(!ran.succeeded() && ran.problems().contains("never saved"), "{text}: {ran:?}");
    }
}

#[test]
fn an_array_of_zsh_is_no_export() {
    let ran = run(&format!("#!{}", needed("zsh").display()), "export OTTO_FILES=('a b' c) OTTO_V=1");
    assert_eq!(ran.json(), r#"{"OTTO_V":"1"}"#, "{ran:?}");
    assert_eq!(ran.problems(), "warning[E0703]: `OTTO_FILES` is an array, which shells cannot export");
}

/// On some systems zsh is `sh`.
#[test]
fn a_zsh_may_be_told_to_be_another_shell() {
    let zsh = needed("zsh");
    for options in ["--emulate sh", "--emulate ksh", "-o noclobber", "-o ksharrays", "-o shwordsplit"] {
        let text = "otto_set k v; otto_set --list l a b; export OTTO_V='a b'; trap 'echo bye' EXIT; exit 0";
        let ran = run(&format!("#!/usr/bin/env -S {} {options}", zsh.display()), text);
        let json = r#"{"OTTO_V":"a b","k":"v","l":["a","b"]}"#;
        assert_eq!((ran.json().as_str(), ran.out().as_str()), (json, "bye\n"), "{options}: {ran:?}");
        assert!(ran.succeeded(), "{options}: {ran:?}");
    }
}

#[test]
fn every_value_passes_unchanged() {
    let texts = [
        "a\nb",
        "x\n\n",
        "\nx",
        "'",
        "\"",
        "\\",
        "$(touch X)",
        "`id`",
        "  a  ",
        "\t",
        "\r\n",
        "-n",
        "%s %n",
        "żółć 👩‍👧",
        "",
        "\x01\x7f",
        "\u{85}",
    ];
    let mut values: Vec<Value> = texts.iter().map(|text| Value::String((*text).to_owned())).collect();
    values.push(Value::from_bytes(b"caf\xe9 \xff".to_vec()));
    let values: Map =
        values.into_iter().enumerate().map(|(place, value)| (format!("k{place:02}"), value)).collect();
    let keys: Vec<&str> = values.iter().map(|(key, _)| key.as_str()).collect();
    for shell in shells() {
        let text =
            format!("{shell}\nfor k in {}; do otto_get -v x p.$k; otto_set $k \"$x\"; done", keys.join(" "));
        for locale in ["C", "C.UTF-8"] {
            let ran = Bench::bash(&text).input(given("p", values.clone())).env("LC_ALL", locale).run();
            assert!(ran.succeeded(), "{shell}: {ran:?}");
            assert_eq!(*ran.values(), values, "{shell} {locale}");
        }
    }
}

#[test]
fn a_large_value_passes() {
    let big = "x".repeat(1 << 20);
    for shell in shells() {
        let text = format!("{shell}\notto_get -v x p.k; otto_set k \"$x\"");
        let ran = Bench::bash(&text).input(input("p", &[("k", &big)])).run();
        assert_eq!(ran.text("k").map(str::len), Some(1 << 20), "{shell}");
    }
}

#[test]
fn what_is_missing_is_told() {
    for shell in shells() {
        let ran = run(&shell, "otto_get p.nosuch");
        assert_eq!(
            (ran.status, ran.stderr.as_str()),
            (1, "otto: no input 'p.nosuch': task 'p' has no output 'nosuch'; it has: k, Build-ID, e, q\n"),
            "{shell}"
        );
        let ran = run(
            &shell,
            "x=$(otto_get_input q.x); echo \"[$x]\"; otto_deserialize_input q; otto_deserialize_input p",
        );
        assert_eq!((ran.status, ran.out().as_str()), (0, "[]\n"), "{shell}: {ran:?}");
        assert_eq!(
            ran.stderr,
            "otto: no input 'q.x': this task does not depend on 'q'; it depends on: p\notto: otto_deserialize_input: this task does not depend on 'q'\n"
        );
        assert_eq!(run(&shell, "otto_set a b c").status, 2, "{shell}");
        assert_eq!(run(&shell, "otto_set '' c").status, 2, "{shell}");
        let ran = run(&shell, "echo a\nnosuchcommand\n");
        assert_eq!(ran.status, 127, "{shell}");
        assert!(ran.stderr.contains("/otto.yml:build"), "{shell}: {ran:?}");
        assert_eq!(ran.line, Some(23), "{shell}: {ran:?}");
    }
}

/// Arrays would be the body's own, and their values lost without a word.
#[test]
fn arrays_are_refused_before_the_start() {
    let bench = Bench::bash("#!/bin/sh\nOUTPUT[k]=v");
    let error = bench.with_script(|script| super::prepare(script).expect_err("refused"));
    insta::assert_snapshot!(error.diagnostic.message, @"`build` uses `OUTPUT[key]`, which works only in bash; this is sh");
}

/// Row 79: bash that is called `sh` obeys POSIX, where names have no dots.
#[test]
fn bash_called_sh_has_the_functions() {
    let bench = Bench::bash("");
    let sh = bench.root.path().join("sh");
    symlink(needed("bash"), &sh).expect("linked");
    let ran = run(
        &format!("#!{}", sh.display()),
        "otto_set k v; export OTTO_V=$'a\\nb\\xff'; case $SHELLOPTS in *posix*) otto_set posix yes;; esac",
    );
    assert_eq!(ran.json(), r#"{"OTTO_V":{"__otto_bytes__":"YQpi/w=="},"k":"v","posix":"yes"}"#, "{ran:?}");
    assert!(fs::metadata(bench.project()).is_ok());
}

/// Row 129.
#[test]
fn the_script_runs_by_hand() {
    for shell in shells() {
        let mut bench =
            Bench::bash(&format!("{shell}\nprintf '%s\\n' \"$PWD $(otto_get p.k) $msg $OTTO_TASK\""))
                .input(input("p", &[("k", "it's")]));
        bench.params.push((crate::name::ParamName::new("msg").expect("a name"), "a 'b' $c".into()));
        let first = bench.run();
        assert_eq!(
            first.out(),
            format!("{} it's a 'b' $c build\n", bench.project().display()),
            "{shell}: {first:?}"
        );
        let prepared = bench.prepared();
        let again = std::process::Command::new(&prepared.program.path)
            .args(&prepared.args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").expect("set"))
            .current_dir("/")
            .output()
            .expect("started");
        assert_eq!((again.stdout, again.stderr), (first.stdout, Vec::new()), "{shell}");
    }
}
