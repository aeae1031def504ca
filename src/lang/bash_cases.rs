//! What data passing promises to bash bodies, a test for each promise.

use super::harness::{Bench, Ran, given, input, job, needed};
use crate::event::Exit;
use crate::value::{Map, Value};

#[test]
fn outputs_are_recorded_and_inputs_are_there() {
    let ran = Bench::bash("OUTPUT[copy]=\"${INPUT[build.version]}\"\nOUTPUT[b]=\"two\nlines\"\n")
        .input(input("build", &[("version", "1.2.3")]))
        .run();
    assert_eq!(ran.json(), r#"{"b":"two\nlines","copy":"1.2.3"}"#, "{ran:?}");
    assert!(ran.succeeded(), "{ran:?}");
}

#[test]
fn a_body_without_data_gets_a_script_and_nothing_else() {
    let bench = Bench::bash("echo hello\n[ -f nope ] && echo no");
    let ran = bench.run();
    assert_eq!((ran.status, ran.out().as_str(), ran.stderr.as_str()), (0, "hello\n", ""));
    let mut names: Vec<String> = std::fs::read_dir(bench.dir())
        .expect("there")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["otto.yml:build", "script.sh"]);
}

#[test]
fn the_old_helpers_work() {
    let ran = Bench::bash("otto_set_output k \"$(otto_get_input build.a)\"; otto_deserialize_input build; OTTO_OUTPUT+=(\"l=x=y\"); otto_get_input build.nope; otto_serialize_output")
        .input(input("build", &[("a", "v")]))
        .run();
    assert_eq!(ran.json(), r#"{"k":"v","l":"x=y"}"#, "{ran:?}");
    assert_eq!(ran.out(), "\n");
    assert_eq!(ran.stderr, "otto: no input 'build.nope': task 'build' has no output 'nope'; it has: a\n");
}

#[test]
fn structured_values_are_flat_keys_too() {
    let meta = crate::value::parse(br#"{"name":"x","files":["a","b"],"n":1.10,"none":null}"#).expect("JSON");
    let ran = Bench::bash("for k in m m.name m.files.0 m.files.# m.n m.none; do printf '%s=%s\\n' \"$k\" \"${INPUT[p.$k]}\"; done")
        .input(given("p", vec![("m".into(), meta), ("t".into(), Value::Bool(true))]))
        .run();
    insta::assert_snapshot!(ran.out(), @r#"
    m={"name":"x","files":["a","b"],"n":1.10,"none":null}
    m.name=x
    m.files.0=a
    m.files.#=2
    m.n=1.10
    m.none=
    "#);
}

/// However the one line is written that speaks of it.
#[test]
fn what_only_one_odd_line_mentions_is_there() {
    for text in [
        "export X=\"${INPUT[p.k]}\"; printenv X",
        "declare -x X=\"${INPUT[p.k]}\"; printenv X",
        "[ -x \"${INPUT[p.k]}\" ] || echo \"${INPUT[p.k]}\"",
        "echo v | grep -x \"${INPUT[p.k]}\"",
    ] {
        let ran = Bench::bash(text).input(input("p", &[("k", "v")])).run();
        assert_eq!((ran.status, ran.out().as_str()), (0, "v\n"), "{text}: {ran:?}");
    }
    for load in [
        "[ -f lib.sh ] && \\\n  source ./lib.sh",
        "2>/dev/null source ./lib.sh",
        "{ time -p source ./lib.sh; } 2>/dev/null",
        "true &&\n# why\n. ./lib.sh",
        "s'ource' ./lib.sh",
    ] {
        let ran = fine(&format!("echo 'export OTTO_V=1' > lib.sh\n{load}"));
        assert_eq!(ran.json(), r#"{"OTTO_V":"1"}"#, "{load}");
    }
    let ran = fine("tmp=$(mktemp) && \\\n  trap 'rm -f \"$tmp\"; echo gone' EXIT\nOUTPUT[k]=v");
    assert_eq!((ran.json().as_str(), ran.out().as_str()), (r#"{"k":"v"}"#, "gone\n"));
}

/// Runs a body and expects status 0 and nothing to complain about.
fn fine(text: &str) -> Ran {
    let ran = Bench::bash(text).run();
    assert!(ran.succeeded() && ran.problems().is_empty(), "{text}: {ran:?}");
    ran
}

/// Runs a body that ends with `status`; its outputs and problems are the caller's to look at.
fn ended(text: &str, status: i32) -> Ran {
    let ran = Bench::bash(text).run();
    assert_eq!(ran.status, status, "{text}: {ran:?}");
    ran
}

/// `OUTPUT[k]=v` must have survived `text`, which comes after it, and the status be what it is in plain bash.
fn keeps(text: &str, status: i32) -> Ran {
    let ran = ended(&format!("OUTPUT[k]=v\n{text}"), status);
    assert_eq!(ran.text("k"), Some("v"), "{text}: {ran:?}");
    assert_eq!(ran.problems(), "", "{text}: {ran:?}");
    ran
}

// ── Values ───────────────────────────────────────────────────────────────────────────────────────────────────

/// Values that older runners of this kind lost or ran.
fn hard_values() -> Vec<Vec<u8>> {
    let texts = [
        "a\nb",
        "x\n",
        "x\n\n\n",
        "\nx",
        "a\nevil=1",
        "it's",
        "'",
        "'\\''",
        "\"",
        "\\",
        "a\\",
        "$(touch X)",
        "`touch X`",
        "$HOME",
        "!!",
        "~",
        "*",
        "%s %n",
        "  a",
        "a  ",
        "   ",
        "\t",
        "\r",
        "a\r\n",
        "\x0b",
        "\x0c",
        "\x07",
        "\x1b[0m",
        "\x01",
        "\x7f",
        "-n",
        "-e",
        "--",
        "-n x",
        "👩‍👩‍👧",
        "\u{2028}",
        "\u{85}",
        "\u{feff}x",
        "",
        "042",
        "1e5",
        "true",
        "null",
        "{\"a\":1}",
        "--json",
        "--list",
        "-v",
        "a]b",
        "[0]",
        "\x01\x01",
        "\\001",
    ];
    let mut values: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    values.extend([
        b"caf\xe9".to_vec(),
        b"\xff\xfe".to_vec(),
        b"\xed\xa0\xbd\xed\xb8\x80".to_vec(),
        b"\xc0\x80".to_vec(),
        b"\xe3\x81".to_vec(),
    ]);
    values
}

fn numbered(values: &[Vec<u8>]) -> Map {
    values
        .iter()
        .enumerate()
        .map(|(place, value)| (format!("k{place:03}"), Value::from_bytes(value.clone())))
        .collect()
}

/// Rows 1 to 10 and 13: through INPUT, OUTPUT and the functions, whatever the locale (row 14).
#[test]
fn every_value_passes_unchanged() {
    let values = numbered(&hard_values());
    let copies = [
        "for k in \"${!INPUT[@]}\"; do OUTPUT[${k#p.}]=${INPUT[$k]}; done",
        "for k in \"${!INPUT[@]}\"; do otto.set \"${k#p.}\" \"${INPUT[$k]}\"; done",
        "for k in \"${!INPUT[@]}\"; do ( otto_set_output \"${k#p.}\" \"${INPUT[$k]}\" ); done",
        "for k in \"${!INPUT[@]}\"; do otto.get -v x \"$k\"; OTTO_OUTPUT+=(\"${k#p.}=$x\"); done",
        "for k in \"${!INPUT[@]}\"; do x=$(otto.get \"$k\"; echo .); x=${x%??}; OUTPUT[${k#p.}]=$x; done",
        "for k in \"${!INPUT[@]}\"; do x=$(otto_get_input \"$k\"; echo .); x=${x%??}; OUTPUT[${k#p.}]=$x; done",
    ];
    for copy in copies {
        for locale in ["C", "C.UTF-8"] {
            let bench = Bench::bash(copy).input(given("p", values.clone())).env("LC_ALL", locale);
            let ran = bench.run();
            assert!(ran.succeeded(), "{copy} {locale}: {ran:?}");
            assert_eq!(*ran.values(), values, "{copy} {locale}");
            assert_eq!(std::fs::read_dir(bench.project()).expect("there").count(), 0);
        }
    }
}

/// Row 1: as a consumer sees it.
#[test]
fn a_consumer_gets_the_bytes_back() {
    let ran = Bench::bash("printf '%s' \"${INPUT[p.k]}\"").input(input("p", &[("k", "a\nb")])).run();
    assert_eq!(ran.stdout, b"a\nb");
}

/// Row 9.
#[test]
fn bytes_that_are_not_utf8_are_recorded_reversibly() {
    assert_eq!(fine("OUTPUT[k]=$'caf\\xe9'").json(), r#"{"k":{"__otto_bytes__":"Y2Fm6Q=="}}"#);
    let bytes = crate::value::parse(br#"{"__otto_bytes__":"Y2Fm6Q=="}"#).expect("JSON");
    let ran = Bench::bash("printf '%s' \"${INPUT[p.k]}\"").input(given("p", vec![("k".into(), bytes)])).run();
    assert_eq!(ran.stdout, b"caf\xe9");
}

/// Row 10.
#[test]
fn an_empty_value_is_set() {
    let ran = Bench::bash("OUTPUT[k]=; echo \"${INPUT[p.k]+x}\"").input(input("p", &[("k", "")])).run();
    assert_eq!((ran.json().as_str(), ran.out().as_str()), (r#"{"k":""}"#, "x\n"));
}

/// Rows 11 and 12.
#[test]
fn large_values_and_many_keys_are_everyday() {
    let big = "x".repeat(1 << 20);
    let ran = Bench::bash("OUTPUT[k]=${INPUT[p.k]}").input(input("p", &[("k", &big)])).run();
    assert_eq!(ran.text("k").map(str::len), Some(1 << 20));
    let start = std::time::Instant::now();
    let ran = fine("for ((i = 0; i < 10000; i++)); do OUTPUT[k$i]=v$i; done");
    assert_eq!(ran.values().len(), 10_000);
    let ran = Bench::bash("OUTPUT[n]=${#INPUT[@]}").input(given("p", ran.values().clone())).run();
    assert_eq!(ran.json(), r#"{"n":"10000"}"#);
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

/// Bash puts a word with many `'` together in quadratic time; this one would take it minutes.
#[test]
fn large_values_full_of_quotes_are_as_quick() {
    let big = "it's \"$x\" \\ `ż\n".repeat((10 << 20) / 16);
    let start = std::time::Instant::now();
    let ran = Bench::bash("OUTPUT[k]=${INPUT[p.k]}").input(input("p", &[("k", &big)])).run();
    assert!(ran.text("k") == Some(&big), "{} bytes of {}", ran.text("k").map_or(0, str::len), big.len());
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

// ── Keys ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// Rows 15 and 16.
#[test]
fn every_key_passes_unchanged() {
    let keys = [
        "Version",
        "MixedCase",
        "my-key",
        "a.b",
        "a b",
        "a/b",
        "a:b",
        "a;b",
        "żółć",
        "👩‍👧",
        "\"",
        "'",
        "\\",
        "]",
        "[0]",
        "$x",
        "$(id)",
        "`id`",
        "=",
        "#h",
        "!",
        "0",
        "-n",
        "@",
        "*",
        "a=b",
        "\n",
        "a\nb",
        "\x01",
    ];
    let values: Map = keys.iter().map(|key| ((*key).to_owned(), Value::String((*key).to_owned()))).collect();
    let mut sorted = values.clone();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    for copy in [
        "for k in \"${!INPUT[@]}\"; do x=${k#p.}; OUTPUT[$x]=${INPUT[$k]}; done",
        "for k in \"${!INPUT[@]}\"; do otto.set \"${k#p.}\" \"${INPUT[$k]}\"; done",
        "for k in \"${!INPUT[@]}\"; do ( otto.set \"${k#p.}\" \"${INPUT[$k]}\" ) | cat; done",
    ] {
        let ran = Bench::bash(copy).input(given("p", values.clone())).run();
        assert!(ran.succeeded(), "{ran:?}");
        assert_eq!(*ran.values(), sorted, "{copy}");
    }
    assert_eq!(
        fine("k=@; OUTPUT[$k]=1; OUTPUT[my-key]=2; OUTPUT[a b]=3").json(),
        r#"{"@":"1","a b":"3","my-key":"2"}"#
    );
}

/// Row 17.
#[test]
fn an_empty_key_is_bashs_own_error() {
    assert!(ended("OUTPUT[]=1", 1).stderr.contains("bad array subscript"));
    assert!(ended("OUTPUT[\"\"]=1", 1).stderr.contains("bad array subscript"));
    assert_eq!(
        ended("otto.set '' x", 2).stderr.lines().next(),
        Some("otto: usage: otto.set KEY VALUE | --json KEY JSON | --list KEY [ITEM...] | --secret KEY VALUE")
    );
    // Row 18: Python may have one.
    let ran = Bench::bash("echo \"${INPUT[p.]}\"").input(input("p", &[("", "v")])).run();
    assert_eq!(ran.out(), "v\n");
}

/// Row 19.
#[test]
fn a_key_that_is_not_utf8_is_told_and_costs_no_other() {
    let ran = ended("OUTPUT[$'caf\\xe9']=1; OUTPUT[k]=v", 0);
    assert_eq!(
        (ran.json().as_str(), ran.problems().as_str()),
        (r#"{"k":"v"}"#, r"error[E0703]: the key `caf\xe9` is not UTF-8")
    );
}

/// Row 20.
#[test]
fn output_as_a_plain_variable_is_key_0_and_a_hint() {
    let ran = ended("OUTPUT=oops; echo \"$OUTPUT\"", 0);
    assert_eq!((ran.json().as_str(), ran.out().as_str()), (r#"{"0":"oops"}"#, "oops\n"));
    insta::assert_snapshot!(ran.problems(), @"warning[E0715]: `OUTPUT=…` in `build` sets the key `0` of OUTPUT");
    // That of a function is another variable.
    for own in [
        "local OUTPUT=x",
        "declare OUTPUT=x",
        "typeset -r OUTPUT=x",
        "local a=1 OUTPUT=x",
        "local OUTPUT; OUTPUT[0]=x",
    ] {
        keeps(&format!("f() {{ {own}; echo \"$OUTPUT\"; }}; f; OUTPUT[0]=v"), 0);
        let ran = ended(&format!("f() {{ {own}; exit 0; }}; OUTPUT[k]=v; f"), 0);
        assert_eq!(
            ran.problems(),
            "error[E0709]: `build` ended inside `f`, which has its own variable OUTPUT",
            "{own}"
        );
    }
    let ran = ended("f() { local x=1; unset OUTPUT; OUTPUT=x; exit 0; }; OUTPUT[k]=v; f", 0);
    assert_eq!(ran.problems().lines().next(), Some("error[E0709]: OUTPUT was replaced or unset in `build`"));
    // A variable for other programs is the body's own.
    let ran = fine("export OUTPUT=dist; printenv OUTPUT");
    assert_eq!((ran.json().as_str(), ran.out().as_str()), ("{}", "dist\n"));
}

/// Row 21.
#[test]
fn a_literal_key_wins_over_a_nested_one() {
    let nested = crate::value::parse(br#"{"b":"nested"}"#).expect("JSON");
    let values = vec![("a".to_owned(), nested), ("a.b".to_owned(), Value::String("literal".into()))];
    let ran = Bench::bash("echo \"${INPUT[p.a.b]}\"").input(given("p", values)).run();
    assert_eq!(ran.out(), "literal\n");
}

/// Row 22.
#[test]
fn wild_task_names_stay_data() {
    for name in
        ["my task", "o'brien", "x\"y", "$(touch X)", "a/b", "..", "żółw", "build:x86", "`id`", "a.b", "%41"]
    {
        let mut bench = Bench::bash("for k in \"${!INPUT[@]}\"; do OUTPUT[$k]=${INPUT[$k]}; done; otto.get -v x \"$d.k\"; OUTPUT[x]=$x")
            .input(input(name, &[("k", "v")]))
            .env("d", name);
        bench.job = job(name);
        let ran = bench.run();
        assert!(ran.succeeded(), "{name}: {ran:?}");
        assert_eq!((ran.text(&format!("{name}.k")), ran.text("x")), (Some("v"), Some("v")), "{name}");
        assert_eq!(std::fs::read_dir(bench.project()).expect("there").count(), 0, "{name}");
    }
}

/// Row 23.
#[test]
fn names_with_dots_that_meet_are_told() {
    let bench = Bench::bash("echo \"${INPUT[a.b.c]}\"")
        .input(input("a.b", &[("c", "1")]))
        .input(input("a", &[("b.c", "2")]));
    let ran = bench.run();
    insta::assert_snapshot!(ran.warnings.join("\n"), @"`a.b.c` could be an output of `a` or of `a.b`");
}

// ── How the script ends ──────────────────────────────────────────────────────────────────────────────────────

/// Rows 24, 25, 26, 41.
#[test]
fn outputs_are_kept_however_the_script_ends() {
    keeps("exit 0", 0);
    keeps("exit 3", 3);
    keeps("false", 1);
    keeps("echo \"$nosuch\"", 1);
    keeps(": \"${nosuch?}\"", 1);
    keeps("nosuchcommand", 127);
    keeps("f() { exit 4; }; f", 4);
    keeps("f() { false; }; f", 1);
    for (name, number) in [("TERM", 15), ("INT", 2), ("HUP", 1), ("PIPE", 13), ("USR1", 10)] {
        keeps(&format!("kill -{name} $$; sleep 5"), 128 + number);
    }
}

/// Rows 27 to 32.
#[test]
fn a_users_exit_trap_runs_and_costs_nothing() {
    let with_trap = |rest: &str, status: i32| {
        let ran = keeps(&format!("trap 'echo bye $?; OUTPUT[t]=1' EXIT\n{rest}"), status);
        assert_eq!(ran.text("t"), Some("1"), "{rest}: {ran:?}");
        ran.out()
    };
    assert_eq!(with_trap(":", 0), "bye 0\n");
    assert_eq!(with_trap("exit 0", 0), "bye 0\n");
    assert_eq!(with_trap("exit 3", 3), "bye 3\n");
    assert_eq!(with_trap("false", 1), "bye 1\n");
    assert_eq!(with_trap("f() { exit 5; }; f", 5), "bye 5\n");
    assert_eq!(with_trap("echo $nosuch", 1), "bye 1\n");
    assert_eq!(keeps("trap 'OUTPUT[t]=1; exit 7' EXIT; exit 3", 7).text("t"), Some("1"));
    keeps("trap 'exit 0' EXIT; false", 0);
    keeps("trap 'false; echo no' EXIT; true", 1);
    for text in [
        "trap - EXIT; exit 0",
        "trap '' EXIT; exit 0",
        "trap EXIT; exit 0",
        "trap - 0",
        "f() { trap 'echo bye' EXIT; }; f; exit 0",
        "\\trap 'echo bye' EXIT; exit 0",
        "trap 'echo bye' EXIT INT TERM; exit 0",
        "trap -- 'echo bye' 0",
        "trap 'echo bye' exit",
        "trap 'echo one' EXIT; trap 'echo two' EXIT",
        "x='echo bye'; trap \"$x\" EXIT",
        "trap \"echo bye # comment\" EXIT",
        "trap 'rm -f nosuch' EXIT; ( trap 'echo sub' EXIT; exit 0 ); exit 0",
        "trap -- EXIT",
        "trap exit INT; trap -p INT; trap",
        "trap 'echo bye' EXIT; trap -P EXIT 2> /dev/null || true",
    ] {
        keeps(text, 0);
    }
    let ran = keeps("x='a  b'; trap 'echo \"it'\\''s $x\"; echo done' EXIT", 0);
    assert_eq!(ran.out(), "it's a  b\ndone\n");
    let ran = keeps("trap 'echo caught' TERM; kill -TERM $$; trap -p TERM", 0);
    assert_eq!(ran.out(), "caught\ntrap -- 'echo caught' SIGTERM\n");
}

/// In POSIX mode nobody may define functions that are called `trap` and `exit`.
#[test]
fn a_bash_in_posix_mode_loses_nothing_either() {
    let posix = |text: &str| Bench::bash(text).env("POSIXLY_CORRECT", "1").run();
    let ran = posix("OUTPUT[k]=v; otto_set j w; export OTTO_V=1");
    assert!(ran.succeeded() && ran.json() == r#"{"OTTO_V":"1","j":"w","k":"v"}"#, "{ran:?}");
    let ran = posix("trap 'echo usr' USR1; OUTPUT[k]=v; kill -USR1 $$; exit 3");
    assert_eq!((ran.status, ran.out().as_str(), ran.text("k")), (3, "usr\n", Some("v")), "{ran:?}");
    for (text, status) in [
        ("trap 'echo bye; OUTPUT[t]=1' EXIT; OUTPUT[k]=v; exit 0", 0),
        ("trap 'echo bye; OUTPUT[t]=1' EXIT; OUTPUT[k]=v", 0),
        ("trap 'echo bye; OUTPUT[t]=1' EXIT; OUTPUT[k]=v; false", 1),
        ("trap 'echo bye; OUTPUT[t]=1; exit 0' EXIT; OUTPUT[k]=v; exit 3", 0),
        ("e=EXIT; trap 'echo bye; OUTPUT[t]=1' $e; OUTPUT[k]=v; exit 0", 0),
        (
            "f() { trap 'echo bye; OUTPUT[t]=1' EXIT; }; f; OUTPUT[k]=v; ( exit 4 ) || true; x=$(exit 5) || exit",
            5,
        ),
    ] {
        for ran in [
            posix(text),
            Bench::bash(&format!("set -o posix\n{text}")).run(),
            Bench::bash(&format!("#!/usr/bin/env -S bash --posix\n{text}")).run(),
        ] {
            assert_eq!(
                (ran.status, ran.out().as_str(), ran.problems().as_str()),
                (status, "bye\n", ""),
                "{text}: {ran:?}"
            );
            assert_eq!(ran.json(), r#"{"k":"v","t":"1"}"#, "{text}: {ran:?}");
        }
    }
    // A line that bash has read before the mode changes has no aliases; told, not lost.
    let ran = ended("set -o posix; OUTPUT[k]=v; trap 'echo bye' EXIT", 0);
    assert_eq!(
        (ran.json().as_str(), ran.problems().as_str()),
        (r#"{"k":"v"}"#, "error[E0701]: what `build` set last may be lost")
    );
}

/// Rows 33 and 34.
#[test]
fn a_trap_behind_ottos_back_is_found_and_an_exit_too() {
    let ran = keeps("builtin trap 'echo T' EXIT; exit 0", 0);
    assert_eq!(ran.out(), "T\n");
    let ran = keeps("builtin trap 'echo T' EXIT; builtin exit 0", 0);
    assert_eq!(ran.out(), "T\n");
}

/// Rows 35 and 36: against plain bash.
#[test]
fn err_return_and_debug_traps_behave_as_in_plain_bash() {
    for text in [
        "set -E; trap 'echo ERR $?' ERR; f() { false || true; ( exit 3 ) || true; }; f; trap 'echo second' ERR; ! false; trap - ERR; echo end",
        "set +e; set -E; trap 'echo ERR $?' ERR; false; trap 'echo second' ERR; f() { false; true; }; f; trap - ERR; false; echo end",
        "trap 'echo R' RETURN; f() { echo f; }; f; declare -ft f; f; echo end",
        "set -T; trap 'echo D' DEBUG; f() { echo f; }; f; trap - DEBUG; echo end",
        "set -o functrace; trap 'echo R' RETURN; f() { echo f; }; f; echo end",
    ] {
        let plain = std::process::Command::new("bash")
            .args(["-c", &format!("set -euo pipefail\n{text}\n:")])
            .output()
            .expect("bash");
        let ran = Bench::bash(&format!("OUTPUT[k]=v; {text}")).run();
        // What a trap prints round otto's own last commands comes after all that the body does.
        let plain = String::from_utf8_lossy(&plain.stdout).into_owned();
        let until_end = plain.split_inclusive("end\n").next().unwrap_or("");
        assert!(ran.out().starts_with(until_end), "{text}:\n{}--- plain\n{plain}", ran.out());
        assert_eq!(ran.text("k"), Some("v"), "{ran:?}");
    }
}

/// What a handler does other than print is done for each command of the body, and for none of otto's.
#[test]
fn a_debug_handler_sees_the_commands_of_the_body_alone() {
    for text in [
        "trap 'echo d >> f' DEBUG",
        "trap 'echo d >> f' DEBUG\n:\n:",
        "trap 'echo d >> f' DEBUG\nfalse",
        "trap 'echo d >> f' DEBUG\n[ a = b ] && echo x",
        "trap 'echo bye >> f' EXIT; trap 'echo d >> f' DEBUG",
        "trap 'echo bye >> f; echo \"$?\" >> f' EXIT; trap 'echo d >> f' DEBUG; (exit 3)",
        "trap 'echo d >> f' DEBUG; trap 'echo one >> f\necho two >> f' EXIT\n:",
        "trap 'echo bye >> f; exit 4' EXIT; trap 'echo d >> f' DEBUG\n:",
        "trap 'echo usr >> f' USR1; trap 'echo d >> f' DEBUG; kill -USR1 $$; :",
        "set -T; trap 'echo d >> f' DEBUG; f() { :; }; f",
        "trap 'trap - EXIT; echo d >> f' DEBUG; trap - DEBUG\n:",
    ] {
        let folder = tempfile::tempdir().expect("a directory");
        let plain = std::process::Command::new("bash")
            .args(["-c", &format!("set -euo pipefail\n{text}\n")])
            .current_dir(folder.path())
            .output()
            .expect("bash");
        let read = |folder: &std::path::Path| std::fs::read_to_string(folder.join("f")).unwrap_or_default();
        for around in ["@", "OUTPUT[k]=v\n@"] {
            let bench = Bench::bash(&around.replace('@', text));
            let ran = bench.run();
            assert_eq!(read(&bench.root.path().join("project")), read(folder.path()), "{text}: {ran:?}");
            assert_eq!(
                Some(ran.status),
                plain.status.code().map(|code| if text.contains("a = b") { 0 } else { code }),
                "{text}"
            );
        }
    }
}

/// Runs each text in plain bash and as a body, alone and after each of `before`, and expects the same status, output and
/// trace.
fn are_as_in_plain_bash(texts: &[&str], before: &[&str]) {
    let without_place = |said: &str| {
        let lines = said.lines().map(|line| match line.split_once("otto.yml:build: ") {
            Some((_, said)) => said.to_owned(),
            None => line.replace("body: ", ""),
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    for text in texts {
        for before in [""].iter().chain(before) {
            let text = format!("{before}{text}\n");
            let folder = tempfile::tempdir().expect("a folder");
            let start = "declare -A OUTPUT=(); set -euo pipefail";
            std::fs::write(folder.path().join("body"), format!("{}{start}\n{text}", "\n".repeat(19)))
                .expect("written");
            let plain = std::process::Command::new("bash").arg("body").current_dir(folder.path()).output();
            let plain = plain.expect("bash");
            let ran = Bench::bash(&text).run();
            let err = String::from_utf8_lossy(&plain.stderr).into_owned();
            assert_eq!(
                (Some(ran.status), ran.out(), without_place(&ran.stderr)),
                (
                    plain.status.code(),
                    String::from_utf8_lossy(&plain.stdout).into_owned(),
                    without_place(&err)
                ),
                "{text}"
            );
        }
    }
}

/// What a body may have before the texts of a test: nothing, outputs, and a trap past otto's function, for which otto looks before
/// each command.
const BEFORE: &[&str] = &["OUTPUT[k]=v\n", "builtin trap true USR1\n"];

/// The status of a handler is that of its list: a test that says no ends nothing, and counts only under `extdebug`.
#[test]
fn the_last_command_of_a_debug_or_return_handler_counts_as_in_plain_bash() {
    are_as_in_plain_bash(
        &[
            "trap '[ -f nope ] && echo no' DEBUG\necho hi\nf() { echo in; }\nf",
            "trap '[ -f nope ] && echo no' RETURN\nf() { echo in; }\nf; echo on",
            "trap 'for i in 1 2; do ((i == 3)) && echo; done' DEBUG\necho hi",
            "trap 'false' DEBUG\necho hi",
            "trap 'false' RETURN\nf() { echo in; }\nf || echo on; f; echo no",
            "trap 'echo d; (exit 3)' DEBUG\necho hi",
            "trap '! true' DEBUG\necho hi",
            "set +e; trap 'false' DEBUG; echo \"$?\"; true; echo \"$?\"",
            "trap '[ -f nope ] && echo no' DEBUG; trap 'echo err' ERR\necho hi; (exit 4)",
            "trap 'echo \"$? $_ $BASH_COMMAND $LINENO\"' DEBUG\n\nfalse x || echo y\nf() { return 3; }\nf z || :",
            "trap 'echo \"$? $_ $BASH_COMMAND $LINENO\"' RETURN\n\nf() { echo a b\n return 3; }\nf z || :",
            "trap 'echo a # why' DEBUG\necho hi",
            "trap 'echo \"$LINENO\"\necho \"$LINENO\"' DEBUG\n:",
            "trap '' DEBUG\necho hi; trap -p",
            "trap 'cat <<E\n$BASH_COMMAND\nE' DEBUG\necho hi",
            "trap '[ -f nope ] && echo no' DEBUG; trap -p DEBUG",
            "shopt -s extdebug; trap 'case $BASH_COMMAND in *skip*) ! true ;; esac' DEBUG; echo skip; echo on",
            "shopt -s extdebug; trap '[[ $BASH_COMMAND != *skip* ]] && :' DEBUG; echo skip; echo on; f() { echo skip; echo in; }; f",
            "shopt -s extdebug; two() { return 2; }; trap '[[ $BASH_COMMAND != *back* ]] || two || ! two' DEBUG; f() { echo in; echo back; echo no; }; f; echo on",
            "set -T; trap '[ -f nope ] && echo no' DEBUG; f() { echo in; }; f",
            "set -T; trap 'echo \"D ${FUNCNAME-}\"' DEBUG; f() { exit 3; }; trap f EXIT; :",
        ],
        BEFORE,
    );
}

#[test]
fn a_trace_shows_handlers_as_in_plain_bash() {
    are_as_in_plain_bash(
        &[
            "set -x; trap 'echo d' DEBUG; echo hi",
            "set -x; trap 'echo r' RETURN; f() { :; }; f",
            "set -x; trap 'echo bye' EXIT; false || exit 3",
            "set -x; trap 'echo bye' EXIT; f() { exit 3; }; f",
            "trap 'set -x; echo bye; exit 3' EXIT",
            "set -x; trap 'x=1; y=2' ERR; true; false",
        ],
        &["OUTPUT[k]=v\n", "builtin true\n"],
    );
}

/// A handler whose quotes or brackets stay open is bash's to complain about, each time.
#[test]
fn a_handler_that_is_no_list_of_commands_is_refused_as_in_plain_bash() {
    for text in [
        "trap 'echo \"open' DEBUG; true; true",
        "trap '}; echo {' DEBUG; true",
        "trap 'fi' RETURN; f() { :; }; f",
        "trap 'echo a\necho \"open' EXIT",
        "trap 'cat <<E\nopen' EXIT",
        "trap '( echo a' EXIT; (exit 3)",
        "trap 'echo a; }; echo b' EXIT TERM; false",
        "set -o posix\ntrap 'echo a\nfi' EXIT",
        "q=\"'\"; trap \"$q\" EXIT",
    ] {
        let plain = std::process::Command::new("bash")
            .args(["-c", &format!("set -euo pipefail\n{text}\necho on")])
            .output();
        let plain = plain.expect("bash");
        let ran = Bench::bash(&format!("{text}\necho on")).run();
        assert_eq!(
            (Some(ran.status), ran.out()),
            (plain.status.code(), String::from_utf8_lossy(&plain.stdout).into_owned()),
            "{text}: {ran:?}"
        );
        assert_eq!(
            ran.stderr.matches("syntax error").count(),
            String::from_utf8_lossy(&plain.stderr).matches("syntax error").count(),
            "{text}: {ran:?}"
        );
    }
    keeps("trap 'echo \"open' EXIT", 2);
    keeps("trap 'echo \"open' EXIT; exit 3", 2);
}

#[test]
fn a_handler_for_exit_sees_the_last_command_of_the_body() {
    are_as_in_plain_bash(
        &[
            "trap 'echo \"$BASH_COMMAND\"' EXIT",
            "trap 'echo \"$BASH_COMMAND $_ $?\"' EXIT; :",
            "trap 'echo \"$BASH_COMMAND\"' EXIT TERM; trap -p INT",
            "trap 'echo \"$BASH_COMMAND\"' EXIT\ntrap x NOPE",
            "trap 'echo \"$BASH_COMMAND\"' EXIT; set +e; trap x NOPE",
            "on() { trap 'echo \"$BASH_COMMAND\"' EXIT; }\non",
            "trap 'echo \"$_ $?\"' EXIT; echo a b",
            "trap 'echo \"$_ $?\"' EXIT; echo a b; exit 3",
            "trap 'echo \"$_ $?\"' EXIT; echo a b; (exit 3)",
            "trap 'echo \"$BASH_COMMAND\"; OUTPUT[k]=\"$BASH_COMMAND\"; echo \"$BASH_COMMAND\"' EXIT; [ -f x ] || exit 4",
        ],
        &["OUTPUT[k]=v\n", "builtin true\n"],
    );
}

#[test]
fn traps_are_shown_in_posix_mode_as_in_plain_bash() {
    are_as_in_plain_bash(
        &[
            "set -o posix\ntrap",
            "set -o posix\ntrap -p EXIT; trap -p ERR DEBUG RETURN USR1",
            "set -o posix\ntrap 'echo x' USR1; trap '' INT; trap; trap -p USR1; trap -p TERM",
            "set -o posix\ntrap 'echo bye' EXIT; trap; trap -p EXIT; trap - EXIT; trap -p EXIT; trap",
            "trap 'echo x' USR1; trap '' INT; trap; trap -p; trap -p USR1 TERM EXIT",
        ],
        &["OUTPUT[k]=v\n"],
    );
}

/// Rows 37 and 39.
#[test]
fn a_trace_shows_the_calls_of_ottos_functions_alone() {
    let text = "set -x\notto.set k v\nx=$(otto.get p.k)\nset -- a; otto_set 'a b' \"$x\"; otto.save\notto.get p.none || set +x";
    for level in ["5.2", "4.0", "3.2"] {
        let ran = Bench::bash(text).input(input("p", &[("k", "v")])).env("OTTO_BASH_LEVEL", level).run();
        assert!(ran.succeeded() && ran.json() == r#"{"a b":"v","k":"v"}"#, "{level}: {ran:?}");
        let shown = "+ otto.set k v\n++ otto.get p.k\n+ x=v\n+ set -- a\n+ otto_set 'a b' v\n+ otto.save\n+ otto.get p.none\notto: no input 'p.none': task 'p' has no output 'none'; it has: k\n+ set +x\n";
        assert_eq!(ran.stderr, shown, "{level}");
    }
}

#[test]
fn what_is_set_after_a_saving_is_lost_only_with_a_word() {
    for (text, json, told) in [
        ("OUTPUT[a]=1; otto.save; OUTPUT[k]=v; exec true", r#"{"a":"1","k":"v"}"#, ""),
        ("OUTPUT[a]=1; otto.save; OUTPUT[k]=v; otto.save; exec true", r#"{"a":"1","k":"v"}"#, ""),
        ("OUTPUT[a]=1; otto.save; OUTPUT[k]=v", r#"{"a":"1","k":"v"}"#, ""),
        ("OUTPUT[a]=1; f() { exec true; }; otto.save; f", r#"{"a":"1"}"#, ""),
        (
            "end() { OUTPUT[k]=v; exec true; }; OUTPUT[a]=1; otto.save; end",
            r#"{"a":"1"}"#,
            "warning[E0701]: what `build` set after `otto.save` is lost",
        ),
    ] {
        let ran = Bench::bash(text).run();
        assert!(ran.succeeded(), "{text}: {ran:?}");
        assert_eq!((ran.json().as_str(), ran.problems().as_str()), (json, told), "{text}: {ran:?}");
    }
}

#[test]
fn exec_costs_outputs_only_with_a_word() {
    let ran = ended("OUTPUT[k]=v; exec true", 0);
    assert!(!ran.succeeded());
    insta::assert_snapshot!(ran.problems(), @"error[E0701]: `build` ended with status 0, but its outputs were never saved");
    keeps("otto.save; exec true", 0);
    keeps("otto_serialize_output; exec true", 0);
    fine("exec true");
    fine("OTTO_X=1 exec true");
    fine("OTTO_HOME=/tmp/x exec true");
    fine("source /dev/null; exec true");
    for exec in
        ["e'xec'", "\\exec", "\"exec\"", "ex\\ec", "e\"x\"ec", "$'exec'", "true && e'xec'", "A=1 e'xec'"]
    {
        fine(&format!("{exec} true"));
        fine(&format!("f() {{ {exec} true; }}; f"));
        let text = format!("printf '%sPUT[k]=v\\n' OUT > lib; . ./lib; {exec} true");
        assert_eq!(fine(&text).text("k"), Some("v"), "{text}");
        assert!(!ended(&format!("OUTPUT[k]=v; {exec} true"), 0).succeeded(), "{exec}");
    }
    assert!(!ended("export OTTO_X=1; exec true", 0).succeeded());
    // What the body loads may have set something.
    for text in [
        "printf '%sPUT[k]=v\\n' OUT > lib; . ./lib; exec true",
        "e=OUT; eval \"${e}PUT[k]=v\"; true && exec true",
        "printf '%sPUT[k]=v\\n' OUT > lib; . ./lib; exec true\ncommand trap true DEBUG",
        "printf '%sPUT[k]=v\\n' OUT > lib; . ./lib; f() { exec true; }; f",
        "printf '%sPUT[k]=v\\n' OUT > lib; . ./lib; f() { exec true; }; x=1 \"f\"",
        "printf '%sPUT[k]=v\\n' OUT > lib; . ./lib; f() { exec true; }; f=f; if true; then $f; fi",
        "printf '%sPUT[k]=v\\nf() { %sec true; }\\n' OUT ex > lib; . ./lib; for i in 1 2; do [ $i = 1 ] || f; done # exec",
    ] {
        assert_eq!(fine(text).text("k"), Some("v"), "{text}");
    }
    let ran = fine("f() { return 3; }; . /dev/null; f || echo \"$?\"; trap -p; exec echo \"$?\"");
    assert_eq!(ran.out(), "3\n0\n");
    // Nothing was set where it provably comes later; what may come again, or from elsewhere, is no proof.
    fine("exec true\nOUTPUT[k]=v");
    fine("if [ \"$(id -u)\" != x ]; then exec true; fi\nOUTPUT[k]=v");
    for text in [
        "for i in 1 2; do [ $i = 1 ] || exec true; OUTPUT[k]=v; done",
        "f() { OUTPUT[k]=v; }; f; exec true",
        "exec 3>&1; OUTPUT[k]=v; e=ex; ${e}ec true",
        "echo 'OUTPUT[k]=v' > lib; . ./lib; exec true; OUTPUT[j]=w",
    ] {
        assert!(!ended(text, 0).succeeded(), "{text}");
    }
    let ran = Bench::bash("exec echo \"${INPUT[p.k]}\"").input(input("p", &[("k", "v")])).run();
    assert!(ran.succeeded() && ran.out() == "v\n", "{ran:?}");
    let ran = ended("OUTPUT[k]=v; exec /dev/null/x", 126);
    assert!(ran.stderr.contains("/dev/null/x"));
    insta::assert_snapshot!(ran.problems(), @"warning[E0701]: `build` failed, and its outputs were never handed over");
    assert_eq!(ended("exec /dev/null/x", 126).problems(), "");
}

/// Row 38.
#[test]
fn exec_for_redirection_is_no_exec() {
    let ran = keeps("exec 3> f; echo x >&3; exec 3>&-; cat f; exec 2>&1; echo y >&2", 0);
    assert_eq!(ran.out(), "x\ny\n");
}

/// Row 40.
#[test]
fn a_killed_script_keeps_what_the_functions_wrote() {
    let ran = ended("OUTPUT[k]=v; ( otto.set j 1 ); kill -9 $$", 137);
    assert_eq!(ran.json(), r#"{"j":"1"}"#);
}

/// Rows 42, 43, 44.
#[test]
fn mistakes_in_the_script_are_bashs_to_tell() {
    let ran = ended("OUTPUT[k]=v\nreturn 0", 2);
    assert!(ran.stderr.contains("otto.yml:build: line 22: return: "), "{ran:?}");
    let ran = keeps("cat <<E\nx", 0);
    assert!(ran.stderr.contains("warning"), "{ran:?}");
    let ran = ended("OUTPUT[k]=v\nif true; then\necho x", 2);
    assert!(ran.stderr.contains("otto.yml:build: line 2"), "{ran:?}");
    let ran = ended("OUTPUT[k]=v\necho \"x", 2);
    assert!(ran.stderr.contains("otto.yml:build: line 22: unexpected EOF"), "{ran:?}");
}

/// Rows 45, 46, 47, 49, 50.
#[test]
fn the_last_command_decides_only_without_errexit() {
    keeps("[ -f nope ] && echo x", 0);
    assert_eq!(ended("[ -f nope ] && echo x", 0).stderr, "");
    keeps("set +e; true; false", 1);
    ended("set +e; true; false", 1);
    ended("set +e\n(exit 9)", 9);
    keeps("set +e\n(exit 9)", 9);
    keeps("# the end", 0);
    keeps("echo a \\", 0);
    keeps("echo a \\\n", 0);
    keeps("echo a # b \\", 0);
    keeps("set +e; (exit 9); exit", 9);
    keeps("set +e; f() { (exit 9); exit; }; f", 9);
    for text in [
        "trap 'exit' USR1; (exit 3) || kill -USR1 $$",
        "trap '(exit 7) || exit' USR1; set +e; (exit 3); kill -USR1 $$; echo no",
        "trap 'exit' EXIT; exit 5",
    ] {
        let plain = std::process::Command::new("bash")
            .args(["-c", &format!("set -euo pipefail\n{text}\n:")])
            .status();
        keeps(text, plain.expect("bash").code().expect("a code"));
    }
    assert!(keeps("exit abc", 2).stderr.contains("abc: numeric argument required"));
}

/// Nothing of otto's is behind the body that it could take for its own.
#[test]
fn an_unfinished_end_is_what_it_is_in_plain_bash() {
    for (text, out) in [
        ("cat f |", ""),
        ("mkdir x &&", ""),
        ("true ||", ""),
        ("cat <<E\nhi", "hi\n"),
        ("cat <<'E'\nhi\n\n", "hi\n\n"),
    ] {
        for data in ["", "OUTPUT[k]=v\n", "otto_set k v\n", "e=:; $e\nOUTPUT[k]=v\n"] {
            let ran = Bench::bash(&format!("{data}{text}")).run();
            let status = if out.is_empty() { 2 } else { 0 };
            assert_eq!((ran.status, ran.out().as_str()), (status, out), "{data}{text}: {ran:?}");
            assert_eq!(ran.text("k"), data.contains('k').then_some("v"), "{data}{text}: {ran:?}");
        }
    }
}

/// What each body gets, whatever else it has.
const AROUND: &[&str] = &["@", "OUTPUT[k]=v\n@", "export OTTO_K=v\n@", "otto_set k v\n@", "e=:; $e\n@"];

#[test]
fn a_false_test_that_errexit_lets_pass_is_no_failure() {
    for text in [
        "[ -f nope ] && echo x",
        "test -f nope && echo x",
        "[[ a == b ]] && echo x",
        "((1 > 2)) && echo x",
        "! [ a = a ]",
        "[ a ] && [ b = c ] && echo x",
        "for i in 1 2; do [ $i = 9 ] && echo x; done",
        "while read -r l; do [ \"$l\" = nope ] && echo x; done <<< a",
        "while IFS=: read -r l; do\n[[ $l == nope ]] && echo x\ndone <<< a\n",
        "if true; then [ a = b ] && echo x; fi",
        "{ [ a = b ] && echo x; }",
        "is_ci() { [ -n \"${CI-}\" ]; }; is_ci && echo x",
        "case x in x) [[ x == y ]] && echo x ;; esac",
        "x=a; for i in $x \"${x%b}\" ${nope-}; do [[ $i == 9 ]] && echo x; done",
        "for ((i = 0; i < 2; i++)); do [ $i = 9 ] && echo x; done",
        "while read -r l; do [ \"$l\" = nope ] && echo x; done < <(echo a)",
        "echo a > f; f=f; while read -r l; do [ \"$l\" = nope ] && echo x; done < \"$f\"",
        "for i in 1; do [ $i = 9 ] && echo x; done > log.txt 2>&1",
        "[ 1 -gt 2 ] 2>/dev/null && echo x",
        "x=1; [[ x -gt 2 ]] > /dev/null 2>&1 && echo x",
        "x=1; [ \"$(echo a; echo b)\" = \"$x\" ] && echo x",
        "x=1; [[ $(echo  1) -gt $x  ||  ( -z a ) ]] && echo x",
        "x=1; (( $(echo 1) > x )) && echo x",
        "{ [ a = b ]; } && echo x",
        "i=0; until [ $i -ge 3 ]; do ((i++)) || true; [ $i = 9 ] && echo x; done",
        "declare -A m=([a]=1); for k in \"${!m[@]}\"; do [ \"$k\" = c ] && echo x; done",
        "[ a ] && [ -z a ] &&\n  echo x",
        "[ a = \\\n b ] && echo x",
    ] {
        for around in AROUND {
            let text = around.replace('@', text);
            let ran = Bench::bash(&text).run();
            assert!(ran.succeeded() && ran.stderr.is_empty(), "{text}: {ran:?}");
            // A handler sees what otto makes of it.
            let ran = Bench::bash(&format!("trap 'echo $?' EXIT\n{text}")).run();
            assert_eq!((ran.status, ran.out().as_str()), (0, "0\n"), "{text}: {ran:?}");
        }
    }
}

/// A text that nobody has seen may define functions.
#[test]
fn a_false_test_behind_other_commands_is_no_failure_where_the_text_shows_them_all() {
    for text in ["true && [ a = b ] && echo x", "for i in $HOME; do true && [ $i = 9 ] && echo x; done"] {
        for around in AROUND {
            let text = around.replace('@', text);
            assert_eq!(Bench::bash(&text).run().status, i32::from(text.contains("$e")), "{text}");
        }
    }
}

#[test]
fn every_other_status_at_the_end_is_bashs() {
    for (text, status) in [
        ("[ -f nope ]", 1),
        ("true && [ -f nope ]", 1),
        ("f() { [ -f nope ]; }; f", 1),
        ("while read -r l; do false && echo x; done <<< a", 1),
        ("while read -r l; do [ a ] && false && echo x; done <<< a", 1),
        ("main() { [ -f nope ] && echo x; }; main", 1),
        ("! true", 1),
        ("! grep -q x <(echo x)", 1),
        ("false && echo x", 1),
        ("[ a ] && false && echo x", 1),
        ("[ a ] && (exit 1) && echo x", 1),
        ("[ a ] && (exit 1)", 1),
        ("[ a ] && false | cat && echo x", 1),
        ("[ 1 -eq x ] && echo x", 2),
        ("[ \"$((1/0))\" = 1 ] && echo x", 1),
        ("[ \"$nosuch\" = 1 ] && echo x", 1),
        ("[[ $nosuch == x ]] && echo x", 1),
        ("[[ 08 -eq 1 ]] && echo x", 1),
        ("((1/0)) && echo x", 1),
        ("x=$((08+1))", 1),
        ("s=abc; x=${s:1:-9}", 1),
        ("set +e; [ a = b ]", 1),
        ("curl() { return 22; }; curl && echo x", 22),
    ] {
        for around in AROUND {
            let text = around.replace('@', text);
            assert_eq!(Bench::bash(&text).run().status, status, "{text}");
        }
    }
}

/// Bash notes nothing where a compound command fails before its first command, and so an older test is still the last one.
#[test]
fn a_failure_that_bash_does_not_note_is_not_taken_for_an_older_test() {
    let tests =
        ["[ a = a ]", "[[ a = a ]]", "((1))", "test a", "((1 || x)) || true", "if [ a = b ]; then :; fi"];
    let failures = [
        "{ :; } > /no/such/f",
        "if false; then :; fi > \"/dev/null$NOPE\"",
        "{ [ a = b ] && echo x; } > /no/such/f",
        "for i in 1; do [ a = b ] && echo x; done > /no/such/f",
        "while read -r l; do [ a = b ] && echo x; done < /no/such/f",
        "{ [ a = b ] && echo x; } >&7",
        "for i in $NOPE; do [ a = b ] && echo x; done",
        "for i in $NOPE; do :; done\n:\n[ a = b ] && echo x",
        "{ :; } <<< $NOPE\n:\n[ a = b ] && echo x",
        "{ :; } <<E\n$NOPE\nE\n:\n[ a = b ] && echo x",
        "s=a; T; for i in ${s:1:-9}; do [ a = b ] && echo x; done",
        "s=a; T; for i in ${s:1:-9}; do :; done; [ a = b ] && echo x",
        "s=a; T; case ${s:1:-9} in a) [ a = b ] && echo x ;; esac",
        "T; [ \"$(echo a)\" = \"$NOPE\" ] && echo x",
        "s=a; T; [ \"$(echo a)\" = \"${s:1:-9}\" ] && echo x",
        "s=a; T; [ \"${s:1:-9}\" ] && echo x",
        "[[ a = a ]] > /no/such/f && echo x",
        "((1)) > /no/such/f && echo x",
        "select x in a; do [ a = b ] && echo x; done < /dev/null",
        "! { true; }",
        "! (:)",
        "f() { T; { :; } > /no/such/f; }; f && echo x",
        "f() { :; } > /no/such/f; T; f && echo x",
        "f() { :; }; readonly -f f; T; f() { :; }",
        "T; for 1 in a; do :; done",
        "readonly r=1; T; for r in a; do [ a = b ] && echo x; done",
        "readonly r=1; T; r=2",
        "shopt -s expand_aliases\nalias y='{ :; } > /no/such/f'\nT\n[ a ] && y",
        "shopt -s failglob; T; for i in /no/such/*; do [ a = b ] && echo x; done",
        "eval 'T; { :; } > /no/such/f' && echo x",
        "echo '{ :; } > /no/such/f' > lib.sh; T; . ./lib.sh && echo x",
        "c=f; f() { { :; } > /no/such/f; }; T; $c && echo x",
        "while [ a ]; do break; done > /no/such/f",
        "until T; do :; done > /no/such/f",
        "x=1; while ((x-- > 0)); do [[ 08 -gt 3 ]] && echo x; done",
        "builtin trap - ERR; T; (exit 1)\nT && echo x",
        "f() { for i in; do T; done; }; ! f",
        "f() { T; for i in $NOPE; do :; done; }\nf\n[ a = b ] && echo x",
        "s=a; f() { T; for i in ${s:1:-9}; do :; done; }; f; T && echo x",
    ];
    // Each way in which a body is prepared, with one test.
    for around in AROUND {
        for (test, failure) in failures.iter().enumerate().map(|(place, failure)| (tests[place % 6], failure))
        {
            let text = around.replace('@', &format!("{test}\n{}", failure.replace('T', test)));
            assert_ne!(Bench::bash(&text).run().status, 0, "{text}");
        }
    }
    for test in tests {
        for failure in failures {
            let text = format!("{test}\n{}", failure.replace('T', test));
            assert_ne!(Bench::bash(&text).run().status, 0, "{text}");
        }
    }
}

#[test]
fn trap_shows_and_gives_back_what_the_body_set() {
    let out = |text: &str| keeps(text, 0).out();
    assert_eq!(
        out("trap; trap -p; trap -p EXIT; trap -p ERR; x=$(trap -p EXIT); echo \"[$x]\"; ( trap -p EXIT )"),
        "[]\n"
    );
    assert_eq!(out("saved=$(trap -p EXIT); trap 'echo one' EXIT; eval \"$saved\""), "one\n");
    assert_eq!(
        out("trap 'echo a' EXIT; saved=$(trap -p EXIT); trap 'echo b' EXIT; eval \"$saved\"; trap -p EXIT"),
        "trap -- 'echo a' EXIT\na\n"
    );
    assert_eq!(
        out("trap 'echo \"it'\\''s\"' EXIT; trap -p; trap - EXIT; trap -p EXIT"),
        "trap -- 'echo \"it'\\''s\"' EXIT\n"
    );
    assert_eq!(
        out("trap 'echo E' ERR; trap -p ERR; trap 'echo F' ERR; trap -p ERR; trap - ERR; trap -p ERR"),
        "trap -- 'echo E' ERR\ntrap -- 'echo F' ERR\n"
    );
    assert_eq!(out("builtin trap 'echo e' EXIT\ntrap -p"), "trap -- 'echo e' EXIT\ne\n");
    assert_eq!(out("trap '' INT; trap -p INT; trap - INT; trap -p INT"), "trap -- '' SIGINT\n");
}

/// A handler that was set past otto's `trap` costs nothing from the next command in the main shell on.
#[test]
fn a_trap_that_is_set_past_ottos_costs_nothing() {
    for trap in [
        "builtin trap",
        "builtin -- trap",
        "command trap",
        "command -p trap",
        "command -- \"trap\"",
        "\\builtin \\\n trap",
        "'command' 'trap'",
        "t=trap; builtin $t",
        "run() { \"$@\"; }; run builtin trap",
        "on() { builtin trap \"$@\"; }; on",
        // On the line that turns POSIX mode on, no alias is known yet.
        "set -o posix; trap",
    ] {
        for (end, status) in [("true", 0), ("false", 1), ("exit 3", 3), ("echo $nosuch", 1), ("(", 2)] {
            let ran =
                Bench::bash(&format!("{trap} 'echo bye $?; OUTPUT[j]=w' EXIT\nOUTPUT[k]=v\n{end}")).run();
            assert_eq!((ran.status, ran.out()), (status, format!("bye {status}\n")), "{trap} {end}: {ran:?}");
            assert_eq!(
                (ran.json().as_str(), ran.problems().as_str()),
                (r#"{"j":"w","k":"v"}"#, ""),
                "{trap} {end}"
            );
        }
        let ran = keeps(
            &format!("{trap} - EXIT\ntrap 'echo \"D $? $_ $BASH_COMMAND\"' DEBUG\nfalse two || true x"),
            0,
        );
        assert_eq!(ran.out(), "D 0 DEBUG false two\nD 1 two true x\n", "{trap}");
    }
    // The last command may have set it, also before a line that bash cannot read, and then what the handler sets cannot be known.
    for trap in ["builtin trap", "command -p trap", "b'uiltin' trap", "run() { \"$@\"; }; run builtin trap"] {
        let ran = ended(&format!("OUTPUT[k]=v\n{trap} 'OUTPUT[j]=w' EXIT"), 0);
        assert_eq!(
            (ran.json().as_str(), ran.problems().as_str()),
            (r#"{"k":"v"}"#, "error[E0701]: what `build` set last may be lost"),
            "{trap}: {ran:?}"
        );
        let ran = ended(&format!("OUTPUT[k]=v\n{trap} 'OUTPUT[j]=w' EXIT\necho x;;"), 2);
        assert_eq!(
            (ran.json().as_str(), ran.problems().as_str()),
            (r#"{"k":"v"}"#, "warning[E0701]: what `build` set last may be lost"),
            "{trap}: {ran:?}"
        );
    }
    // Outside the main shell it is somebody else's.
    let ran = keeps(
        "set -T\n( builtin trap 'echo inner' EXIT; true; true )\necho \"$(builtin trap -p EXIT; true)\" | grep -c inner || true",
        0,
    );
    assert_eq!(ran.out(), "inner\n0\n");
}

#[test]
fn a_trap_that_is_refused_is_refused_in_bashs_words() {
    for text in [
        "trap 'echo x' NOPE EXIT",
        "trap 'echo x' EXIT NOPE USR1; kill -USR1 $$",
        "trap -x",
        "trap --nope",
        "trap -p NOPE",
        "trap x",
        "trap -- x",
        "trap - SIGEXIT",
        "f() {\n trap x NOPE\n}\nf",
        "echo 'trap x NOPE' > lib.sh; . ./lib.sh",
        "( trap x NOPE )",
    ] {
        let body = format!("e=; $e true; set +e\n{text}\necho \"$?\"");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("body"), format!("{}{body}", "\n".repeat(20))).expect("written");
        let plain = std::process::Command::new("bash").arg("body").current_dir(folder.path()).output();
        let plain = plain.expect("bash");
        let ran = Bench::bash(&body).run();
        let said: Vec<&str> = ran
            .stderr
            .lines()
            .map(|line| match line.split_once("otto.yml:build: ") {
                Some((_, said)) => said,
                None => line,
            })
            .collect();
        assert_eq!(ran.out(), String::from_utf8_lossy(&plain.stdout), "{text}");
        assert_eq!(
            said.join("\n").trim(),
            String::from_utf8_lossy(&plain.stderr).replace("body: ", "").trim(),
            "{text}"
        );
    }
}

/// It is a command of the body that fails, with the body's handler and under the body's options.
#[test]
fn a_trap_that_is_refused_fails_at_its_call() {
    for text in [
        "trap 'echo err' ERR\ntrap x SIGEXIT\necho on",
        "trap 'echo err' ERR\ntrap x SIGEXIT || echo handled\necho on",
        "trap 'echo err' ERR\nif ! trap x SIGEXIT; then echo handled; fi\necho on",
        "trap 'echo err $?' ERR\nset +e\ntrap x SIGEXIT\necho on",
        "set -E; trap 'echo err' ERR\nf() { trap x SIGEXIT; echo in; }\nf\necho on",
        "trap 'echo err' ERR\nf() { trap x SIGEXIT; echo in; }\nf || echo handled",
        "trap 'echo err' ERR; trap 'echo bye $?' EXIT SIGEXIT TERM\necho on",
        "trap 'echo err' ERR; trap -x\necho on",
        "trap 'echo err' ERR; trap SIGEXIT\necho on",
        "trap 'echo err' ERR; trap -p SIGEXIT\necho on",
        "set -o posix; trap 'echo err' ERR; trap x SIGEXIT\necho on",
    ] {
        let plain = std::process::Command::new("bash")
            .args(["-c", &format!("set -euo pipefail\n{text}\n")])
            .output()
            .expect("bash");
        for around in ["@", "OUTPUT[k]=v\n@"] {
            let ran = Bench::bash(&around.replace('@', text)).run();
            let plain = (plain.status.code(), String::from_utf8_lossy(&plain.stdout).into_owned());
            assert_eq!((Some(ran.status), ran.out()), plain, "{text}: {ran:?}");
        }
    }
}

#[test]
fn builtins_that_are_switched_off_cost_nothing() {
    for name in
        ["printf", "builtin", "set", "compgen", "true", "declare", "enable", "eval", "source", "read", "trap"]
    {
        keeps(&format!("enable -n {name}"), 0);
        let ran = fine(&format!("enable -n {name}\nOUTPUT[k]=v; export OTTO_X=1"));
        assert_eq!(ran.json(), r#"{"OTTO_X":"1","k":"v"}"#, "{name}");
    }
    let ran =
        keeps("enable -n printf; trap 'printf bye; OUTPUT[j]=w; type -t printf' EXIT; otto.save; exit 4", 4);
    assert_eq!((ran.out().as_str(), ran.text("j")), ("byefile\n", Some("w")));
}

/// What a body prints and its status, without otto.
fn in_plain_bash(text: &str) -> (Option<i32>, String) {
    let plain = std::process::Command::new("bash")
        .args(["-c", &format!("set -euo pipefail\n{text}")])
        .env_remove("BASH_ENV")
        .output()
        .expect("bash starts");
    (plain.status.code(), String::from_utf8_lossy(&plain.stdout).into_owned())
}

#[test]
fn what_a_function_of_ottos_prints_needs_no_printf_of_the_body() {
    for text in [
        "otto.get p.k",
        "x=$(otto.get p.k); echo \"$x\"",
        "otto_get_input p.k",
        "otto.get -v x p.k; echo \"$x\"",
    ] {
        let bench = Bench::bash(&format!("enable -n printf\n{text}\ntype -t printf"))
            .input(input("p", &[("k", "v")]));
        let ran = bench.run();
        assert_eq!((ran.out().as_str(), ran.stderr.as_str()), ("v\nfile\n", ""), "{text}: {ran:?}");
    }
    let ran = Bench::bash("enable -n printf\ntrap 'echo no' NOSIGNAL || true\notto.nosuch || true").run();
    assert!(ran.stderr.contains("NOSIGNAL: invalid signal specification"), "{ran:?}");
    assert!(!ran.stderr.contains("not a shell builtin"), "{ran:?}");
}

#[test]
fn with_nocasematch_a_body_does_what_it_does_without_otto() {
    for text in [
        "trap 'echo bye' EXIT INT; trap -p; trap -p EXIT",
        "set -E; f() { false; }; f",
        "set -E; trap 'echo E' ERR; f() { false; }; f",
        "set +e; set -E; false",
        "set +e -E; trap 'false; echo on' EXIT; false",
        "trap 'echo bye' EXIT; [[ A == a ]] && echo same",
    ] {
        let text = format!("shopt -s nocasematch\n{text}");
        let ran = Bench::bash(&format!("OUTPUT[k]=v\n{text}")).run();
        assert_eq!((Some(ran.status), ran.out()), in_plain_bash(&text), "{text}: {ran:?}");
        assert_eq!((ran.text("k"), ran.stderr.as_str()), (Some("v"), ""), "{text}: {ran:?}");
    }
}

#[test]
fn a_function_called_builtin_is_the_bodys_to_the_end() {
    for text in [
        "builtin test -f nope",
        "builtin -- trap 'echo no' EXIT; trap 'echo bye' EXIT; builtin x",
        "trap 'builtin bye' EXIT; otto.set a b; builtin x; exit 3",
        "{ otto.set a b; } > /dev/null; builtin x; false",
        "trap 'echo D' DEBUG; builtin x; trap -p",
        "trap 'false' EXIT; (exit 3)",
    ] {
        let text = format!("builtin() {{ echo \"my builtin $*\"; }}\n{text}");
        let ran = Bench::bash(&format!("OUTPUT[k]=v\n{text}")).run();
        let plain = in_plain_bash(&format!("otto.set() {{ :; }}\n{text}"));
        assert_eq!((Some(ran.status), ran.out()), plain, "{text}: {ran:?}");
        assert_eq!(ran.text("k"), Some("v"), "{text}: {ran:?}");
    }
}

#[test]
fn an_empty_handler_does_nothing_and_shows_nothing() {
    for signal in ["DEBUG", "RETURN", "EXIT", "ERR"] {
        for handler in ["", "# nothing", " "] {
            let text = format!("set -x; trap '{handler}' {signal}; f() {{ true; }}; f; trap -p {signal}");
            let ran = Bench::bash(&format!("OUTPUT[k]=v\n{text}")).run();
            assert_eq!((Some(ran.status), ran.out()), in_plain_bash(&text), "{text}: {ran:?}");
            assert!(!ran.stderr.contains("otto") && !ran.stderr.contains("builtin"), "{text}: {ran:?}");
        }
    }
}

#[test]
fn what_a_handler_sets_is_saved_although_one_for_err_fails_in_it() {
    for on_err in ["false", "clean", "exit 7", "return 2", ":"] {
        let text = format!(
            "clean() {{ local r=$?; OUTPUT[k]=c; return $r; }}\ntrap '{on_err}' ERR\ntrap clean EXIT\necho $nope"
        );
        let ran = Bench::bash(&text).run();
        assert_eq!(ran.json(), r#"{"k":"c"}"#, "{text}: {ran:?}");
    }
}

#[test]
fn handlers_for_err_and_return_that_were_set_past_otto_are_shown_and_kept() {
    for text in [
        "PAST 'echo E' ERR; trap -p",
        "PAST 'echo R' RETURN; trap",
        "PAST 'echo E' ERR; trap 'false' EXIT",
        "PAST 'echo E' ERR; trap 'exit 3' EXIT; false",
        "trap 'echo own' ERR; PAST - ERR; trap -p; false",
        "PAST 'echo E' ERR; PAST 'echo bye' EXIT; trap -p; false",
        "PAST 'echo a b  c' ERR; PAST \"echo 'x y'\" EXIT; trap -p; false",
    ] {
        for past in ["builtin trap", "command trap", "command -p trap", "builtin -- trap"] {
            let text = text.replace("PAST", past);
            let ran = Bench::bash(&format!("OUTPUT[k]=v\n{text}")).run();
            assert_eq!((Some(ran.status), ran.out()), in_plain_bash(&text), "{text}: {ran:?}");
            assert_eq!(ran.text("k"), Some("v"), "{text}: {ran:?}");
        }
    }
}

/// What a handler complains about stands in the body, also where `exit` was called.
#[test]
fn a_command_that_is_no_trap_past_otto_leaves_messages_as_they_are() {
    for text in ["command -v sh > /dev/null", "local() { builtin local \"$@\"; }", "builtin true"] {
        let ran = Bench::bash(&format!("OUTPUT[k]=v\n{text}\ntrap 'nope_missing' EXIT\nexit 3")).run();
        assert!(!ran.stderr.contains("start.sh") && ran.stderr.contains("nope_missing"), "{text}: {ran:?}");
    }
}

#[test]
fn tracing_and_traps_show_nothing_of_ottos() {
    for text in [
        "set -x; trap 'echo bye' EXIT; exit 3",
        "set -x; [ -f nope ] && echo x",
        "set -x; (exit 3)",
        "trap 'echo D' DEBUG; true; exit 2",
        "trap 'echo D' DEBUG; trap 'echo bye' EXIT; false",
        "set -T; trap 'echo \"D $BASH_COMMAND\"' DEBUG; f() { true; }; f",
        "trap 'echo \"$BASH_COMMAND\"' EXIT; exit 3",
        "trap 'echo \"E $BASH_COMMAND $LINENO\"' ERR; f() { return 4; }; f",
    ] {
        let ran = Bench::bash(&format!("OUTPUT[k]=v\n{text}")).run();
        assert_eq!(ran.text("k"), Some("v"), "{text}: {ran:?}");
        let shown = format!("{}{}", ran.out(), ran.stderr);
        assert!(!shown.contains("otto__") && !shown.contains("builtin"), "{text}: {shown}");
        let plain = std::process::Command::new("bash")
            .args(["-c", &format!("declare -A OUTPUT=(); {}set -euo pipefail\n{text}", "\n".repeat(20))])
            .output()
            .expect("bash");
        assert_eq!(ran.out(), String::from_utf8_lossy(&plain.stdout), "{text}");
    }
}

#[test]
fn a_handler_that_fails_keeps_what_it_set() {
    for (handler, status) in [
        ("local r=$?; OUTPUT[k]=v; return $r", 4),
        ("OUTPUT[k]=v; false; echo no", 1),
        ("OUTPUT[k]=v; exit 9", 9),
        ("OUTPUT[k]=v; exit", 4),
        ("OUTPUT[k]=v; ! true; :", 4),
    ] {
        let text = format!("fin() {{ {handler}; }}; trap fin EXIT; exit 4");
        let ran = Bench::bash(&text).run();
        assert_eq!(
            (ran.status, ran.json().as_str(), ran.problems().as_str()),
            (status, r#"{"k":"v"}"#, ""),
            "{text}"
        );
    }
    // With a handler for ERR too, whose part comes first.
    for (on_err, handler, json) in [
        ("OUTPUT[e]=1", "OUTPUT[k]=v; false; echo no", r#"{"e":"1","k":"v"}"#),
        ("OUTPUT[e]=1", "return 3", r#"{"e":"1"}"#),
        ("", "OUTPUT[k]=v; false; echo no", r#"{"k":"v"}"#),
    ] {
        let ran = Bench::bash(&format!("trap '{on_err}' ERR; trap '{handler}' EXIT; exit 4")).run();
        assert_eq!(
            (ran.out().as_str(), ran.json().as_str(), ran.problems().as_str()),
            ("", json, ""),
            "{ran:?}"
        );
    }
}

#[test]
fn the_line_and_the_command_that_ended_a_body_are_told() {
    let told = |text: &str| {
        let ran = Bench::bash(text).run();
        (ran.line.unwrap_or(0), ran.hints.join("\n"))
    };
    let at = |line: usize, what: &str| (line, format!("otto.yml:{line}: {what}"));
    for data in ["true", "OUTPUT[a]=1", "export OTTO_A=1", "$e true"] {
        let body = |text: &str| format!("e=\n{data}\n{text}\necho no\n");
        assert_eq!(
            told(&body("n=$(grep -c x /dev/null)")),
            at(23, "`n=$(grep -c x /dev/null)` ended with 1"),
            "{data}"
        );
        assert_eq!(told(&body("true | (exit 3)")).0, 23, "{data}");
        assert_eq!(
            told(&body("f() {\n  sh -c 'exit 4'\n}\nf")),
            at(24, "`sh -c 'exit 4'` in `f` ended with 4"),
            "{data}"
        );
        assert_eq!(told(&body("exit 7")).1, "", "{data}");
        // The shell shows it without the `!`.
        let negated = "! grep -c '' /etc/passwd > /dev/null";
        assert_eq!(
            told(&format!("e=\n{data}\n{negated}\n")),
            at(23, &format!("`{negated}` ended with 1")),
            "{data}"
        );
    }
}

// ── Subshells ────────────────────────────────────────────────────────────────────────────────────────────────

/// Row 53.
#[test]
fn a_syntax_error_is_told_as_one_and_once() {
    let hints = |text: &str| Bench::bash(text).run().hints.join("\n");
    for around in AROUND {
        let text = around.replace('@', "exec 2>&1\necho a\nfi\n");
        assert_eq!(hints(&text), "the script of `build` is not valid bash", "{text}");
        let text = around.replace('@', "if false; then fi\n");
        assert_eq!(hints(&text), "", "{text}");
    }
    // Not the error that ended it.
    assert_eq!(hints("exec 2>&1\n(exit 2) && :\n(exit 2)\nfi\n"), "otto.yml:23: `( exit 2 )` ended with 2");
}

#[test]
fn a_helper_call_from_anywhere_is_kept() {
    for text in [
        "( otto.set k v )",
        "x=$(otto.set k v)",
        "echo v | while read -r l; do otto.set k $l; done",
        "{ otto_set_output k v; } & wait",
        "otto.set k v | cat",
        "cat <(otto.set k v); sleep 0.1",
        "f() { otto.set k v; }; true | f",
        "coproc { otto.set k v; }; wait",
    ] {
        let ran = fine(text);
        assert_eq!(ran.json(), r#"{"k":"v"}"#, "{text}");
    }
}

/// Row 54.
#[test]
fn the_remedies_that_otto_names_work() {
    assert_eq!(fine("while read -r l; do OUTPUT[k]=$l; done < <(echo v)").json(), r#"{"k":"v"}"#);
    assert_eq!(
        fine("shopt -s lastpipe; echo v | while read -r l; do OUTPUT[k]=$l; done").json(),
        r#"{"k":"v"}"#
    );
}

/// Row 55.
#[test]
fn background_jobs_do_not_mix_their_values() {
    let ran = fine(
        "for i in 1 2 3 4 5 6 7 8; do otto.set k$i \"$(head -c 5000 /dev/zero | tr '\\0' $i)\" & done; wait",
    );
    for i in 1..=8 {
        assert_eq!(ran.text(&format!("k{i}")), Some(&*i.to_string().repeat(5000)));
    }
    let ran = fine("for i in {1..8}; do { for j in {1..50}; do otto.set k$i.$j v$i.$j; done; } & done; wait");
    assert_eq!(ran.values().len(), 400);
    assert!(ran.values().iter().all(|(key, value)| value.as_str() == Some(&*key.replace('k', "v"))));
}

/// Bash cuts what it writes at line breaks.
#[test]
fn background_jobs_do_not_tear_values_with_line_breaks() {
    let text = "set_all() { for j in {1..40}; do otto.set \"k$1.$j\" \"v$1.$j\"$'\\n'end; otto.set --secret $'s\\n'\"$1.$j\" \"hidden$1.$j\"; done; }\n\
        for i in {1..8}; do set_all $i & done; wait";
    for level in ["5.2", "4.1", "3.2"] {
        let ran = Bench::bash(text).env("OTTO_BASH_LEVEL", level).run();
        assert!(ran.succeeded(), "{level}: {}", ran.problems());
        let (secret, plain): (Vec<_>, Vec<_>) =
            ran.values().iter().partition(|(key, _)| key.starts_with('s'));
        assert_eq!((plain.len(), secret.len(), ran.hand_over.announced.len()), (320, 320, 320), "{level}");
        let is_whole = |(key, value): &&(String, Value)| {
            value.as_str() == Some(&*format!("{}\nend", key.replace('k', "v")))
        };
        assert!(plain.iter().all(is_whole), "{level}");
        let hidden = |key: &str| key.replace("s\n", "hidden");
        assert!(secret.iter().all(|(key, value)| value.as_str() == Some(&*hidden(key))), "{level}");
    }
}

/// Before bash 4 they have no number of their own, and may draw the same random ones.
#[test]
fn subshells_that_draw_the_same_numbers_do_not_take_each_others_files() {
    let text = "unset BASHPID RANDOM; RANDOM=7\n\
        for i in {1..8}; do otto.set k$i \"$(head -c 5000 /dev/zero | tr '\\0' $i)\" & done; wait";
    let ran = Bench::bash(text).env("OTTO_BASH_LEVEL", "3.2").run();
    assert!(ran.succeeded(), "{}", ran.problems());
    for i in 1..=8 {
        assert_eq!(ran.text(&format!("k{i}")), Some(&*i.to_string().repeat(5000)));
    }
}

/// Rows 56 and 57.
#[test]
fn the_later_value_counts_and_output_before_the_functions() {
    assert_eq!(fine("( otto.set k 1 ); ( otto.set k 2 )").json(), r#"{"k":"2"}"#);
    assert_eq!(fine("otto.set k 1; ( otto.set k 2 )").json(), r#"{"k":"2"}"#);
    assert_eq!(fine("( otto.set k 1 ); otto.set k 2").json(), r#"{"k":"2"}"#);
    assert_eq!(fine("otto.set k 1; otto.set --json k 2; otto.set k 3").json(), r#"{"k":"3"}"#);
    assert_eq!(fine("otto.set k 1; OUTPUT[k]=1").json(), r#"{"k":"1"}"#);
    let ran = ended("OUTPUT[k]=main; ( otto.set k sub )", 0);
    assert!(ran.succeeded());
    assert_eq!(ran.json(), r#"{"k":"main"}"#);
    insta::assert_snapshot!(ran.problems(), @"warning[E0710]: `OUTPUT[k]` and `otto.set k` set different values; OUTPUT wins");
}

// ── Hostile bodies ───────────────────────────────────────────────────────────────────────────────────────────

/// Row 59.
#[test]
fn functions_with_the_names_of_builtins_cost_nothing() {
    let names = "printf declare trap exit set unset echo read local eval test return shift compgen builtin command export source cat [ typeset true : . enable";
    for name in names.split(' ') {
        keeps(&format!("{name}() {{ :; }}").replace(":() { :; }", ":() { true; }"), 0);
    }
    let all: String =
        names.split(' ').filter(|name| *name != ":").map(|name| format!("{name}() {{ :; }}\n")).collect();
    keeps(&all, 0);
    keeps(&format!("{all}false"), 1);
    // With a trap that only its handler tells of.
    for name in names.split(' ').filter(|name| !["exit", ":", "trap", "eval", "builtin"].contains(name)) {
        let ran = keeps(&format!("{name}() {{ :; }}; e=EXIT\ntrap 'builtin printf bye' $e\nexit 0"), 0);
        assert_eq!(ran.out(), "bye", "{name}");
    }
    let ran = fine(&format!("otto.set j w; export OTTO_X=1; OUTPUT[k]=v\n{all}"));
    assert_eq!(ran.json(), r#"{"OTTO_X":"1","j":"w","k":"v"}"#);
}

/// Row 59, where the functions, the traps and the end need otto most: of any bash, and all names at once.
#[test]
fn functions_with_the_names_of_builtins_are_passed_by() {
    let names = "printf declare exit set unset echo read local eval test return shift compgen builtin command export source cat [";
    let define =
        |names: &str| -> String { names.split(' ').map(|name| format!("{name}() {{ :; }}\n")).collect() };
    for level in ["3.2", "4.0", "4.2", "5.2"] {
        for names in ["builtin", names] {
            let all = define(names);
            for (text, json) in [
                ("otto.set k v", r#"{"k":"v"}"#),
                (
                    "( otto.set k v ); otto.set --json n 1; otto.set --list l a",
                    r#"{"k":"v","l":["a"],"n":1}"#,
                ),
                ("otto.get -v x p.k; otto.set k \"$x\"", r#"{"k":"it's\n"}"#),
                ("otto.set k \"$(otto.get p.k)$(otto_get_input p.build_id)\"", r#"{"k":"it's7"}"#),
                ("otto.get p.nosuch || otto_deserialize_input p && otto.set k v", r#"{"k":"v"}"#),
                ("trap 'OTTO_OUTPUT+=(t=1)' EXIT; otto.set k v", r#"{"k":"v","t":"1"}"#),
                ("trap -- 'OTTO_OUTPUT+=(t=1)' EXIT; otto.set k v", r#"{"k":"v","t":"1"}"#),
                ("OTTO_OUTPUT+=(k=v); otto.save; exec true", r#"{"k":"v"}"#),
            ] {
                let ran = old(level, &format!("{all}{text}"));
                assert!(ran.succeeded(), "{level} {names}: {text}: {ran:?}");
                assert_eq!(ran.json(), json, "{level} {names}: {text}: {ran:?}");
            }
        }
        let ran = old(
            level,
            "builtin() { :; }; trap 'echo bye; OTTO_OUTPUT+=(t=1)' EXIT; otto.set k v; set +e; [[ a == b ]]; exit",
        );
        assert_eq!(
            (ran.status, ran.out().as_str(), ran.json().as_str()),
            (1, "bye\n", r#"{"k":"v","t":"1"}"#),
            "{level}: {ran:?}"
        );
    }
}

/// With `set -a` a body exports otto's own variables too, to an otto that it starts.
#[test]
fn variables_of_an_otto_round_this_one_mean_nothing() {
    for text in [
        "OUTPUT[k]=v",
        "otto.set k v",
        "e=EXIT; trap 'OUTPUT[k]=v' $e; exit 0",
        "trap 'OUTPUT[k]=v' EXIT; exit 0",
        "set -x; OUTPUT[k]=v",
    ] {
        let names = ["plain", "is_ending", "status", "last", "dir", "trap", "own", "value"];
        let bench =
            names.iter().fold(Bench::bash(text), |bench, name| bench.env(&format!("otto__{name}"), "1"));
        let ran = bench.run();
        assert!(ran.succeeded() && ran.json() == r#"{"k":"v"}"#, "{text}: {ran:?}");
    }
}

#[test]
fn aliases_with_the_names_of_builtins_cost_nothing() {
    for names in ["printf=true builtin=true declare=true", "set=false builtin=false printf=false"] {
        let ran = fine(&format!("shopt -s expand_aliases; alias {names}; OUTPUT[k]=v"));
        assert_eq!(ran.json(), r#"{"k":"v"}"#, "{names}");
    }
}

/// Row 51: files may grow to 4 KiB only, which is what a full disk looks like.
#[test]
fn outputs_that_do_not_fit_on_the_disk_are_an_error() {
    for text in [
        "OUTPUT[k]=$(head -c 100000 /dev/zero | tr '\\0' x)",
        "set +e; OUTPUT[k]=$(head -c 100000 /dev/zero | tr '\\0' x)",
        "for i in {1..9}; do OUTPUT[k$i]=$(head -c 900 /dev/zero | tr '\\0' x); done; OTTO_OUTPUT+=(a=b)",
        "set +e; otto.set --json k \"$(head -c 100000 /dev/zero | tr '\\0' x)\"",
        "set +e; for i in {1..9}; do ( otto.set k$i \"$(head -c 790 /dev/zero | tr '\\0' x)\" ); done; true",
    ] {
        let ran = Bench::bash(text).run_through("trap '' XFSZ; ulimit -f 8; exec \"$@\"");
        assert!(!ran.succeeded(), "{text}: {ran:?}");
        let is_told =
            ran.stderr.contains("File too large") || ran.problems().contains("written only in part");
        assert!(is_told, "{text}: {ran:?}");
    }
}

/// Row 60.
#[test]
fn a_function_called_exit_is_the_users() {
    let ran = fine("exit() { echo mine; }; exit 3; OUTPUT[b]=1");
    assert_eq!((ran.out().as_str(), ran.json().as_str()), ("mine\n", r#"{"b":"1"}"#));
    let ran = ended("exit() { echo mine; }; set +e; false", 1);
    assert_eq!(ran.out(), "");
}

/// Row 61.
#[test]
fn options_of_the_shell_cost_nothing() {
    for text in [
        "unset IFS",
        "IFS='/a0T\\'",
        "set -f",
        "set -C",
        "set -a",
        "set -o posix",
        "shopt -so nounset",
        "set +u",
        "set +o pipefail",
        "shopt -s nullglob failglob extglob",
        "set -- a b c",
        "set -b",
        "set -p",
        "shopt -s nocasematch",
        "POSIXLY_CORRECT=1",
        "set +B",
        "LC_ALL=C",
        "LC_ALL=ja_JP.SJIS",
        "shopt -s compat31 2>/dev/null || true",
        "BASH_COMPAT=4.2",
    ] {
        keeps(text, 0);
        let ran = fine(&format!("{text}\notto_set k v; export OTTO_V='a b'; trap 'echo bye' EXIT; exit 0"));
        assert_eq!(ran.json(), r#"{"OTTO_V":"a b","k":"v"}"#, "{text}: {ran:?}");
    }
    let ran = keeps("set -x", 0);
    assert!(ran.stderr.lines().count() <= 2, "{}", ran.stderr);
    let ran = keeps("set -x; exit 0", 0);
    assert!(ran.stderr.lines().count() <= 2, "{}", ran.stderr);
}

/// Row 62.
#[test]
fn readonly_variables_cost_nothing() {
    keeps("readonly key value item name file k i IFS", 0);
    keeps("readonly OUTPUT", 0);
    keeps("declare -r OUTPUT INPUT; exit 0", 0);
}

/// Row 63.
#[test]
fn the_ground_may_be_pulled_away() {
    for text in [
        "cd /",
        "mkdir gone; cd gone; rmdir ../gone",
        "PATH=/nonexistent",
        "PATH=",
        "umask 777",
        "exec 0<&- 1>&- 2>&-",
        "OTTO_TASK_DIR=/tmp",
        "unset OTTO_TASK_DIR",
        "rm \"$0\"",
        "BASH_ARGV0=x",
        "exec 1>&-",
        "exec 0<&-",
        "HOME=/nonexistent",
        "ulimit -n 10",
        "unset PATH",
        "shopt -u sourcepath",
        "TMPDIR=/nonexistent",
    ] {
        keeps(text, 0);
        let ran = fine(&format!("{text}\notto.set k v; ( otto.set j w ); export OTTO_V=1"));
        assert_eq!(ran.json(), r#"{"OTTO_V":"1","j":"w","k":"v"}"#, "{text}: {ran:?}");
    }
    let ran = Bench::bash("OUTPUT[k]=v").run_through("exec \"$@\" <&- >&- 2>&-");
    assert_eq!((ran.status, ran.text("k")), (0, Some("v")), "{ran:?}");
}

/// Row 63, for who is not root: a file made under such a umask cannot be written to again.
#[test]
fn a_umask_costs_nothing_however_often_outputs_are_written() {
    for level in ["3.2", "4.0", "4.2", "5.2"] {
        for text in [
            "otto.set k v; ( otto.set j w ); ( otto.set t 1 )",
            "OTTO_OUTPUT+=(k=1); otto.save; OTTO_OUTPUT+=(k=v j=w t=1)",
            "trap 'OTTO_OUTPUT+=(t=1)' EXIT; OTTO_OUTPUT+=(k=v j=w); exit 0",
            "trap 'otto.set t 1' EXIT; ( otto.set k v ); otto.set j w",
            "e=EXIT; trap 'otto.set t 1' $e; ( otto.set k v ); otto.set j w; exit 0",
            "otto.set --list t; ( otto.set k v ); ( otto.set j w ); f() { otto.set t 1; exit 0; }; f",
        ] {
            let bench = Bench::bash(&format!("umask 777\n{text}")).env("OTTO_BASH_LEVEL", level);
            let ran = bench.run_without_rights();
            assert!(ran.succeeded(), "{level} {text}: {ran:?}");
            assert_eq!(ran.json(), r#"{"j":"w","k":"v","t":"1"}"#, "{level} {text}: {ran:?}");
        }
    }
}

/// Rows 64, 65, 66.
#[test]
fn an_output_that_is_no_more_is_an_error() {
    let ran = ended("OUTPUT[a]=1; unset OUTPUT; OUTPUT[x]=1", 1);
    assert!(!ran.succeeded());
    insta::assert_snapshot!(ran.problems(), @"error[E0709]: OUTPUT was replaced or unset in `build`");
    assert!(!ended("unset OUTPUT", 0).succeeded());
    assert!(!ended("OUTPUT[a]=1; unset OUTPUT; OUTPUT=x", 0).succeeded());
    assert_eq!(
        fine("OUTPUT[a]=1; OUTPUT+=([b]=1); OUTPUT[a]+=x; OUTPUT[c]=1; unset 'OUTPUT[c]'").json(),
        r#"{"a":"1x","b":"1"}"#
    );
    assert_eq!(fine("declare -A OUTPUT; OUTPUT[a]=1").json(), r#"{"a":"1"}"#);
    assert_eq!(fine("declare -A OUTPUT=([a]=1)").json(), r#"{"a":"1"}"#);
    let ran = ended("OUTPUT[a]=1; f() { local -A OUTPUT; OUTPUT[x]=1; exit 0; }; f", 0);
    assert!(!ran.succeeded());
    insta::assert_snapshot!(ran.problems(), @"error[E0709]: `build` ended inside `f`, which has its own variable OUTPUT");
    assert_eq!(fine("main() { OUTPUT[x]=1; exit 0; }; main").json(), r#"{"x":"1"}"#);
    assert_eq!(fine("f() { local -A OUTPUT=(); OUTPUT[x]=1; }; f; OUTPUT[y]=1").json(), r#"{"y":"1"}"#);
}

/// Row 67.
#[test]
fn the_main_guard_and_the_parameters_are_those_of_a_script() {
    let ran = fine(
        "main() { echo main $#; }\nif [[ ${BASH_SOURCE[0]} == \"$0\" ]]; then main \"$@\"; fi; echo \"$#\"; OUTPUT[k]=v",
    );
    assert_eq!(ran.out(), "main 0\n0\n");
    assert_eq!(fine("echo \"$#\"").out(), "0\n");
}

// ── Errors and messages ──────────────────────────────────────────────────────────────────────────────────────

/// Rows 68 and 74.
#[test]
fn bash_names_the_ottofile_and_its_line() {
    let ran = Bench::bash("echo a\n\necho \"${INPUT[build.verison]}\"")
        .input(input("build", &[("version", "1")]))
        .run();
    assert_eq!(ran.status, 1);
    assert!(
        ran.stderr.ends_with("/otto.yml:build: line 23: INPUT[build.verison]: unbound variable\n"),
        "{ran:?}"
    );
    for first in [1, 2, 3, 4, 5, 300] {
        for data in ["", "OUTPUT[k]=v"] {
            let mut bench = Bench::bash("");
            bench.at_line(first, &format!("echo a; {data}\nnosuchcommand\n"));
            let ran = bench.run();
            let expected = format!("/otto.yml:build: line {}: nosuchcommand: command not found\n", first + 1);
            assert!(ran.stderr.ends_with(&expected) && ran.status == 127, "{first}: {ran:?}");
        }
    }
}

/// The line that is told is one of the body.
#[test]
fn a_script_that_is_not_closed_ends_on_a_line_of_the_body() {
    for (body, line) in [
        ("echo a\nif true; then\n  echo b\n\n", 7),
        // bash names the line of the quote.
        ("echo a\necho \"b\necho c\n", 6),
        ("echo a\nf() {\n  echo b\n", 7),
    ] {
        let mut bench = Bench::bash("");
        bench.at_line(5, body);
        let ran = bench.run();
        let told = bench.with_script(|script| {
            let hints = super::hints(
                script,
                &super::Failure {
                    exit: &Exit::Code(1),
                    has_terminal: false,
                    stderr: ran.stderr.as_bytes(),
                    ended: None,
                },
            );
            let messages: Vec<String> = hints.into_iter().map(|hint| hint.message).collect();
            (super::failing_line(script, ran.stderr.as_bytes(), &ran.hand_over), messages)
        });
        assert_eq!(
            told,
            (Some(line), vec!["the script ends before something in it is closed".to_owned()]),
            "{body}: {}",
            ran.stderr
        );
    }
}

/// Rows 69, 70, 71.
#[test]
fn otto_get_says_what_there_is() {
    let get = |text: &str| Bench::bash(text).input(input("build", &[("version", "1"), ("x", "y")])).run();
    let ran = get("otto.get build.vers");
    assert_eq!(
        (ran.status, ran.stderr.as_str()),
        (1, "otto: no input 'build.vers': task 'build' has no output 'vers'; it has: version, x\n")
    );
    let ran = get("otto.get bild.version");
    assert_eq!(
        (ran.status, ran.stderr.as_str()),
        (1, "otto: no input 'bild.version': this task does not depend on 'bild'; it depends on: build\n")
    );
    assert_eq!(get("x=$(otto.get build.nosuch); echo no").status, 1);
    let ran =
        get("otto.get build.nosuch default; otto.get -v y build.nosuch other; echo $y; otto.get build.x no");
    assert_eq!((ran.status, ran.out().as_str(), ran.stderr.as_str()), (0, "default\nother\ny\n", ""));
}

/// Row 72.
#[test]
fn a_wrong_number_of_words_is_answered_with_usage() {
    assert_eq!(
        ended("otto_set_output k a b", 2).stderr,
        "otto: usage: otto_set_output KEY VALUE (got 3 words: quote the value?)\n"
    );
    assert!(ended("otto.set k a b", 2).stderr.contains("(got 3 words: quote the value?)"));
    ended("otto.set k", 2);
    ended("otto.set", 2);
    ended("otto.set --json k", 2);
    ended("otto.set --list", 2);
    ended("otto.get", 2);
}

/// Row 73.
#[test]
fn what_is_no_json_is_told_with_its_place() {
    let ran = ended("otto.set --json n '{oops'; otto.set --json m 1.10", 0);
    assert!(!ran.succeeded());
    assert_eq!(ran.json(), r#"{"m":1.10}"#);
    insta::assert_snapshot!(ran.problems(), @"error[E0707]: `otto.set --json n` got invalid JSON: line 1, column 2: expected a key in double quotes, found `o`");
}

/// Rows 117 and 118, the bash side.
#[test]
fn nothing_is_recorded_that_otto_could_not_read_again() {
    let nested = |levels: usize| format!("otto.set --json k '{}{}'", "[".repeat(levels), "]".repeat(levels));
    let ran = fine(&nested(127));
    assert!(crate::value::parse(ran.json().as_bytes()).is_ok(), "{ran:?}");
    let ran = ended(&nested(128), 0);
    insta::assert_snapshot!(ran.problems(), @"error[E0707]: `otto.set --json k` got invalid JSON: line 1, column 128: more than 128 levels of lists and maps");
}

#[test]
fn typed_values_are_asked_for() {
    let ran = fine(
        "otto.set --json n 1180591620717411303424; otto.set --list l a 'b c' ''; otto.set --list e; otto.set --json m '{\"b\":1,\"a\":[null]}'; OUTPUT[s]=42; otto.set --list one ''",
    );
    assert_eq!(
        fine("otto.set --list l {1..12}").json(),
        r#"{"l":["1","2","3","4","5","6","7","8","9","10","11","12"]}"#
    );
    assert_eq!(
        ran.json(),
        r#"{"e":[],"l":["a","b c",""],"m":{"b":1,"a":[null]},"n":1180591620717411303424,"one":[""],"s":"42"}"#
    );
}

/// Row 119.
#[test]
fn a_value_with_a_nul_is_absent_and_explained() {
    let bench = Bench::bash("echo \"${INPUT[p.k]}\"")
        .input(given("p", vec![("k".into(), Value::String("a\0b".into()))]));
    let ran = bench.run();
    assert_eq!(ran.status, 1);
    assert_eq!(ran.hints, ["`p.k` contains a NUL byte, which shells cannot store"]);
}

// ── Legacy ───────────────────────────────────────────────────────────────────────────────────────────────────

/// Rows 80, 81, 82.
#[test]
fn old_spellings_and_old_leniency_stay() {
    let bench = |text: &str| Bench::bash(text).input(input("build", &[("Build-ID", "7"), ("k", "v")])).run();
    let ran = bench("otto_get_input build.build_id; otto_get_input build.Build-ID");
    assert_eq!((ran.status, ran.out().as_str(), ran.stderr.as_str()), (0, "7\n7\n", ""));
    let ran = bench("x=$(otto_get_input build.nosuch); echo \"[$x]\"");
    assert_eq!((ran.status, ran.out().as_str(), ran.stderr.lines().count()), (0, "[]\n", 1));
    assert!(ran.stderr.contains("build.nosuch"));
    let ran = bench("otto_deserialize_input other; otto_deserialize_input build");
    assert_eq!(
        (ran.status, ran.stderr.as_str()),
        (0, "otto: otto_deserialize_input: this task does not depend on 'other'\n")
    );
    let ran = bench("echo \"$OTTO_INPUT_BUILD_K $OTTO_INPUT_BUILD_BUILD_ID\"; echo \"${OTTO_INPUT[@]}\"");
    assert_eq!((ran.status, ran.out().as_str()), (0, "v 7\nbuild.Build-ID=7 build.k=v\n"));
}

/// Row 83.
#[test]
fn an_old_variable_that_two_inputs_would_be_has_no_value() {
    for text in ["echo $OTTO_INPUT_A_B_V", "#!/bin/sh\necho $OTTO_INPUT_A_B_V"] {
        let bench =
            |other| Bench::bash(text).input(input("a-b", &[("v", "1")])).input(input("a_b", &[("v", other)]));
        assert_eq!(bench("1").run().out(), "1\n", "{text}");
        let error = bench("2").with_script(|script| super::prepare(script).expect_err("refused")).diagnostic;
        assert_eq!(
            error.message,
            "`build` uses `OTTO_INPUT_A_B_V`, which is ambiguous: both `a-b.v` and `a_b.v` would become it"
        );
        assert_eq!(error.helps, ["read them with `otto_get_input a-b.v` and `otto_get_input a_b.v`"]);
    }
}

#[test]
fn colours_are_there_when_they_are_used() {
    assert_eq!(
        fine("echo \"${GREEN}|$NC|${RED}\"; echo -e \"${BOLD}x$NC\"").out(),
        "\\033[0;32m|\\033[0m|\\033[0;31m\n\x1b[1mx\x1b[0m\n"
    );
    assert_eq!(
        fine("echo 'echo $RED' > lib.sh; . ./lib.sh; c=GR''EEN; echo \"${!c}\"").out(),
        "\\033[0;31m\n\\033[0;32m\n"
    );
    let plain = Bench::bash("echo plain");
    plain.run();
    let script = std::fs::read_to_string(plain.dir().join("script.sh")).expect("there");
    assert!(!script.contains("033"), "{script}");
}

// ── Exported variables ───────────────────────────────────────────────────────────────────────────────────────

/// Rows 84 to 89 and 94.
#[test]
fn exported_variables_are_outputs() {
    let with = |text: &str| Bench::bash(text).env("OTTO_FOO", "inherited").run();
    let exports = |text: &str| {
        let ran = with(text);
        assert!(ran.succeeded(), "{text}: {ran:?}");
        assert_eq!(ran.hand_over.outputs.exports.len(), ran.values().len());
        ran.json()
    };
    assert_eq!(exports("export OTTO_VERSION=1.2.3"), r#"{"OTTO_VERSION":"1.2.3"}"#);
    assert_eq!(exports("OTTO_X=1"), "{}");
    assert_eq!(exports("export OTTO_X=1; unset OTTO_X"), "{}");
    assert_eq!(exports("export OTTO_V=1; exit 0"), r#"{"OTTO_V":"1"}"#);
    assert_eq!(exports("OTTO_V=1; export OTTO_V"), r#"{"OTTO_V":"1"}"#);
    assert_eq!(exports("declare -x OTTO_V=1"), r#"{"OTTO_V":"1"}"#);
    assert_eq!(exports("set -a; OTTO_V=1"), r#"{"OTTO_V":"1"}"#);
    assert_eq!(exports("n=OTTO_V; export \"$n=1\""), r#"{"OTTO_V":"1"}"#);
    assert_eq!(exports("printf 'export OTTO_V=1' > lib; source ./lib"), r#"{"OTTO_V":"1"}"#);
    assert_eq!(exports("echo $OTTO_FOO"), "{}");
    assert_eq!(exports("echo; : OTTO_FOO"), "{}");
    assert_eq!(exports("OTTO_FOO=changed"), r#"{"OTTO_FOO":"changed"}"#);
    assert_eq!(exports("export OTTO_FOO=inherited"), r#"{"OTTO_FOO":"inherited"}"#);
    assert_eq!(exports("export OTTO_A=1 OTTO_FOO"), r#"{"OTTO_A":"1","OTTO_FOO":"inherited"}"#);
    assert_eq!(exports("f() { export OTTO_V=1; exit 0; }; f"), r#"{"OTTO_V":"1"}"#);
    assert_eq!(exports("export OTTO_V=$'a\\nb \\'\"$\\\\'"), r#"{"OTTO_V":"a\nb '\"$\\"}"#);
    assert_eq!(exports("export OTTO_V=$'\\xff'"), r#"{"OTTO_V":{"__otto_bytes__":"/w=="}}"#);
    let ran = with("export OTTO_TASK=zzz; export OTTO_OK=1");
    assert_eq!(ran.json(), r#"{"OTTO_OK":"1"}"#);
    insta::assert_snapshot!(ran.problems(), @"warning[E0711]: `OTTO_TASK` is reserved for otto, so exporting it has no effect");
    let ran = ended("export OTTO_V=1; false", 1);
    assert_eq!(ran.json(), r#"{"OTTO_V":"1"}"#);
}

/// Rows 84, 89, 90, 92, on the side of the dependant.
/// Of an array bash would hand over the first element only, and without a word.
#[test]
fn an_array_is_no_export_and_that_is_told() {
    for level in ["3.2", "4.0", "5.2"] {
        for text in
            ["export OTTO_FILES=(a b c)", "OTTO_FILES=(a b); export OTTO_FILES", "declare -ax OTTO_FILES=(a)"]
        {
            let ran = old(level, &format!("{text}; export OTTO_V=1"));
            assert!(ran.succeeded() && ran.json() == r#"{"OTTO_V":"1"}"#, "{level} {text}: {ran:?}");
            let problem = &ran.hand_over.problems[0];
            insta::allow_duplicates! {
                insta::assert_snapshot!(format!("{}\n{}", ran.problems(), problem.helps[0]), @r#"
                warning[E0703]: `OTTO_FILES` is an array, which shells cannot export
                use `otto_set --list files "${OTTO_FILES[@]}"`
                "#);
            }
        }
    }
}

#[test]
fn dependants_have_exported_variables_in_their_environment() {
    let exported = |name: &str, values: &[(&str, &[u8])]| {
        let mut input = given(
            name,
            values
                .iter()
                .map(|(key, value)| ((*key).to_owned(), Value::from_bytes(value.to_vec())))
                .collect(),
        );
        let outputs = std::sync::Arc::get_mut(&mut input.outputs).expect("not shared");
        outputs.exports = values.iter().map(|(key, _)| (*key).to_owned()).collect();
        input
    };
    let big = "x".repeat(40 << 10);
    let ran = Bench::bash("printenv OTTO_BUILD_ALL_X_VERSION; echo ${#OTTO_BUILD_ALL_X_BIG}; printenv OTTO_BUILD_ALL_X_BIG || echo none")
        .input(exported("build-all:x", &[("OTTO_VERSION", b"a\nb \xff'$"), ("OTTO_BIG", big.as_bytes())]))
        .run();
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(ran.stdout, [&b"a\nb \xff'$\n"[..], b"40960\nnone\n"].concat());
    // What was injected and not changed is not passed on.
    let ran = Bench::bash("export OTTO_OWN=1; echo \"$OTTO_BUILD_V\"")
        .input(exported("build", &[("OTTO_V", b"1")]))
        .run();
    assert_eq!(ran.json(), r#"{"OTTO_OWN":"1"}"#, "{ran:?}");
}

// ── The script ───────────────────────────────────────────────────────────────────────────────────────────────

/// Row 128.
#[test]
fn parameters_are_data() {
    let value = "$(touch X) \"; echo INJ; \" it's `id`\n%s";
    let mut bench = Bench::bash("printf '%s' \"$msg\"; OUTPUT[m]=$msg");
    bench.params.push((crate::name::ParamName::new("msg").expect("a name"), value.into()));
    let ran = bench.run();
    assert_eq!((ran.out().as_str(), ran.text("m")), (value, Some(value)), "{ran:?}");
    assert_eq!(std::fs::read_dir(bench.project()).expect("there").count(), 0);
}

/// Row 129.
#[test]
fn the_script_runs_by_hand_with_the_same_data() {
    let text = "echo \"$PWD ${INPUT[p.k]} $msg $OTTO_TASK $(otto.get p.k)\"; OUTPUT[o]=1";
    let mut bench = Bench::bash(text).input(input("p", &[("k", "it's")]));
    bench.params.push((crate::name::ParamName::new("msg").expect("a name"), "a 'b' $c".into()));
    let first = bench.run();
    let script = bench.dir().join("script.sh");
    let again = std::process::Command::new("bash")
        .arg(&script)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").expect("set"))
        .current_dir("/")
        .output()
        .expect("bash");
    assert_eq!(String::from_utf8_lossy(&again.stderr), "");
    assert_eq!(again.stdout, first.stdout);
    assert_eq!(first.out(), format!("{} it's a 'b' $c build it's\n", bench.project().display()));
}

/// Row 130.
#[test]
fn what_otto_writes_is_private_and_the_script_holds_no_data() {
    use std::os::unix::fs::MetadataExt;
    let bench = Bench::bash("OUTPUT[k]=${INPUT[p.secret]}").input(input("p", &[("secret", "hunter2")]));
    bench.run();
    let script = std::fs::read_to_string(bench.dir().join("script.sh")).expect("there");
    assert!(!script.contains("hunter2"), "{script}");
    for path in ["script.sh", ".otto/start.sh"] {
        assert_eq!(std::fs::metadata(bench.dir().join(path)).expect("there").mode() & 0o777, 0o600, "{path}");
    }
    assert_eq!(std::fs::metadata(bench.dir().join(".otto")).expect("there").mode() & 0o777, 0o700);
}

#[test]
fn the_script_opens_with_what_its_reader_should_know() {
    let mut bench = Bench::bash("")
        .input(input("build", &[("version", "1"), ("artifact", "x")]))
        .input(input("lint", &[]));
    bench.job = job("deploy");
    bench.at_line(12, "OUTPUT[k]=${INPUT[build.version]}\n");
    bench.params.push((crate::name::ParamName::new("dry-run").expect("a name"), "true".into()));
    bench.prepared();
    let script = std::fs::read_to_string(bench.dir().join("script.sh")).expect("there");
    insta::assert_snapshot!(script.replace(&*bench.dir().to_string_lossy(), "/t"), @r#"
    #!/usr/bin/env bash
    # Task `deploy` of otto.yml, as otto runs it.
    # INPUT: "${INPUT[build.version]}"; `build` has version, artifact.
    # INPUT: `lint` set no outputs.
    # OUTPUT[key]="value" sets a value for the tasks that depend on this one.
    # Parameters are variables: dry_run.
    # To see the values of dependencies: cat "$OTTO_TASK_DIR"/input.*.json
    # OTTO_TASK, OTTO_WORKSPACE, OTTO_TASKS_DIR and OTTO_RUN_ID are also set.


    . '/t/.otto/start.sh' || exit 97; set -euo pipefail
    OUTPUT[k]=${INPUT[build.version]}
    "#);
    bench.at_line(3, "OUTPUT[k]=1\n");
    bench.prepared();
    let script = std::fs::read_to_string(bench.dir().join("script.sh")).expect("there");
    insta::assert_snapshot!(script.replace(&*bench.dir().to_string_lossy(), "/t"), @r#"
    #!/usr/bin/env bash
    . '/t/.otto/start.sh' || exit 97; set -euo pipefail # Task `deploy` of otto.yml, as otto runs it. INPUT: "${INPUT[build.version]}"; `build` has version, artifact. INPUT: `lint` set no outputs. OUTPUT[key]="value" sets a value for the tasks that depend on this one. Parameters are variables: dry_run. To see the values of dependencies: cat "$OTTO_TASK_DIR"/input.*.json OTTO_TASK, OTTO_WORKSPACE, OTTO_TASKS_DIR and OTTO_RUN_ID are also set.
    OUTPUT[k]=1
    "#);
}

#[test]
fn a_shebang_is_honoured_under_every_key() {
    let ran = fine("#!/usr/bin/env bash\necho \"$BASH_VERSION\" | head -c1 > /dev/null; OUTPUT[k]=v");
    assert_eq!(ran.json(), r#"{"k":"v"}"#);
    let ran = ended("#!/bin/bash -x\necho hi", 0);
    assert!(ran.stderr.contains("+ echo hi"), "{ran:?}");
}

#[test]
fn a_second_attempt_starts_clean() {
    let mut bench = Bench::bash("OUTPUT[a]=1; ( otto.set j 1 ); exit 1");
    assert_eq!(bench.run().json(), r#"{"a":"1","j":"1"}"#);
    bench.at_line(21, "OUTPUT[b]=1");
    assert_eq!(bench.run().json(), r#"{"b":"1"}"#);
    bench.at_line(21, "true");
    assert_eq!(bench.run().json(), "{}");
}

// ── Older bashes, as far as a newer one can stand for them ───────────────────────────────────────────────────

fn old(level: &str, text: &str) -> Ran {
    Bench::bash(text)
        .input(input("p", &[("k", "it's\n"), ("Build-ID", "7"), ("e", "")]))
        .env("OTTO_BASH_LEVEL", level)
        .run()
}

/// Row 75: the functions, whatever the bash, and the same way of ending.
#[test]
fn the_functions_work_in_every_bash() {
    for level in ["3.2", "4.0", "4.1", "4.2", "5.2"] {
        for (text, json) in [
            ("otto.set k v", r#"{"k":"v"}"#),
            ("( otto.set k v ) | cat", r#"{"k":"v"}"#),
            (
                "otto.set k $'a\\nb'; otto.set --json n 1.10; otto.set --list l a ''",
                r#"{"k":"a\nb","l":["a",""],"n":1.10}"#,
            ),
            ("otto.set k 1; ( otto.set k 2 ); otto.set k 3", r#"{"k":"3"}"#),
            ("otto.get -v x p.k; otto.set k \"$x\"", r#"{"k":"it's\n"}"#),
            ("otto.get -v x p.e; otto.set k \"[$x]\"", r#"{"k":"[]"}"#),
            ("otto.set k \"$(otto.get p.k)$(otto.get p.none default)\"", r#"{"k":"it'sdefault"}"#),
            ("otto_deserialize_input p; otto_set_output k \"$(otto_get_input p.build_id)\"", r#"{"k":"7"}"#),
            ("OTTO_OUTPUT+=(\"a=b=c\"); OTTO_OUTPUT+=(\"d=\")", r#"{"a":"b=c","d":""}"#),
            ("otto_set k v; exit 0", r#"{"k":"v"}"#),
            ("export OTTO_V='a b'", r#"{"OTTO_V":"a b"}"#),
            ("export OTTO_V=1; exit 0", r#"{"OTTO_V":"1"}"#),
            ("f() { export OTTO_V=1; exit; }; f", r#"{"OTTO_V":"1"}"#),
            (
                "trap 'echo bye; otto.set t 1; export OTTO_W=1' EXIT; otto.set k v; exit 0",
                r#"{"OTTO_W":"1","k":"v","t":"1"}"#,
            ),
            ("trap 'otto.set t 1; exit 0' EXIT; exit 3", r#"{"t":"1"}"#),
            ("trap - EXIT; otto.set k v", r#"{"k":"v"}"#),
            ("otto.set k \"${OTTO_INPUT[1]}$OTTO_INPUT_P_BUILD_ID\"", r#"{"k":"p.Build-ID=77"}"#),
            ("otto.set k v; otto.save; exec true", r#"{"k":"v"}"#),
            ("otto.set k v; ( exit 3 ) || true; x=$(exit 0)", r#"{"k":"v"}"#),
            (
                "for i in 1 2 3 4; do otto.set k$i \"$(head -c 3000 /dev/zero | tr '\\0' $i | head -c 2)\" & done; wait",
                r#"{"k1":"11","k2":"22","k3":"33","k4":"44"}"#,
            ),
            ("printf() { :; }; exit 0; otto.set k v", "{}"),
            ("source /dev/null; otto.set k v; set +e; true", r#"{"k":"v"}"#),
            ("readonly IFS; set -f; otto.set k '*'", r#"{"k":"*"}"#),
            ("otto.set k v; [ -f nope ] && echo no", r#"{"k":"v"}"#),
        ] {
            let ran = old(level, text);
            assert!(ran.succeeded(), "{level} {text}: {ran:?}");
            assert_eq!(ran.json(), json, "{level} {text}: {ran:?}");
        }
        for (text, status) in [
            ("otto.set k v; exit 3", 3),
            ("otto.set k v; false", 1),
            ("otto.set k v; set +e; (exit 4)", 4),
            ("otto.set k v; kill -9 $$", 137),
        ] {
            let ran = old(level, text);
            // What waits in the memory of a newer bash is lost with it.
            let expected = if status == 137 && !level.starts_with('3') { "{}" } else { r#"{"k":"v"}"# };
            let is_lost = status == 1 && level.starts_with("4.") && level != "4.2";
            assert_eq!(
                (ran.status, ran.json().as_str()),
                (status, if is_lost { "{}" } else { expected }),
                "{level} {text}: {ran:?}"
            );
        }
        let ran = old(level, "otto.get p.nosuch");
        assert_eq!(
            (ran.status, ran.stderr.as_str()),
            (1, "otto: no input 'p.nosuch': task 'p' has no output 'nosuch'; it has: k, Build-ID, e\n"),
            "{level}"
        );
        assert_eq!(old(level, "otto.set a b c").status, 2);
        assert_eq!(old(level, "otto_set_output k a b").status, 2);
    }
}

/// The arrays, in every bash that has them.
#[test]
fn the_arrays_work_in_every_bash_that_has_them() {
    let values = numbered(&hard_values());
    for level in ["4.0", "4.1", "4.2", "4.3", "4.4", "5.2"] {
        for (text, json) in [
            ("OUTPUT[k]=${INPUT[p.k]}", r#"{"k":"it's\n"}"#),
            ("OUTPUT[k]=; exit 0", r#"{"k":""}"#),
            ("OUTPUT[k]=v; trap 'OUTPUT[t]=1' EXIT; exit 0", r#"{"k":"v","t":"1"}"#),
            ("OUTPUT[k]=v; trap 'OUTPUT[t]=1' EXIT", r#"{"k":"v","t":"1"}"#),
            ("OUTPUT[k]=v; export OTTO_V=1", r#"{"OTTO_V":"1","k":"v"}"#),
            (
                "OUTPUT[a]=1; OUTPUT+=([b]=1); OUTPUT[a]+=x; OTTO_OUTPUT+=(c=2)",
                r#"{"a":"1x","b":"1","c":"2"}"#,
            ),
            ("main() { OUTPUT[x]=1; otto_set y 2; exit 0; }; main", r#"{"x":"1","y":"2"}"#),
            ("set +e; false; OUTPUT[k]=v", r#"{"k":"v"}"#),
        ] {
            let ran = old(level, text);
            assert!(ran.succeeded(), "{level} {text}: {ran:?}");
            assert_eq!(ran.json(), json, "{level} {text}: {ran:?}");
        }
        for text in [
            "OUTPUT[a]=1; unset OUTPUT; OUTPUT[x]=1 || true",
            "OUTPUT[a]=1; unset OUTPUT; exit 0",
            "f() { local -A OUTPUT; OUTPUT[x]=1; exit 0; }; f",
            "OUTPUT[a]=1; exec true",
        ] {
            assert!(!old(level, text).succeeded(), "{level} {text}");
        }
        let copy = "for k in \"${!INPUT[@]}\"; do OUTPUT[${k#p.}]=${INPUT[$k]}; done";
        let ran = Bench::bash(copy).input(given("p", values.clone())).env("OTTO_BASH_LEVEL", level).run();
        assert!(ran.succeeded(), "{level}: {ran:?}");
        assert_eq!(*ran.values(), values, "{level}");
    }
}

#[test]
fn every_value_passes_through_the_functions_of_an_old_bash() {
    let values = numbered(&hard_values());
    let keys: Vec<String> = values.iter().map(|(key, _)| key.clone()).collect();
    let text = format!("for k in {}; do otto.get -v x p.$k; otto.set $k \"$x\"; done", keys.join(" "));
    let ran = Bench::bash(&text).input(given("p", values.clone())).env("OTTO_BASH_LEVEL", "3").run();
    assert!(ran.succeeded(), "{ran:?}");
    assert_eq!(*ran.values(), values);
}

/// Row 12, for 3.2: many keys stay quick.
#[test]
fn many_keys_are_quick_in_an_old_bash() {
    let values: Map =
        (0..10_000).map(|place| (format!("k{place}"), Value::String(format!("v{place}")))).collect();
    let start = std::time::Instant::now();
    let ran = Bench::bash("otto.get p.k0; otto.get p.k9999")
        .input(given("p", values))
        .env("OTTO_BASH_LEVEL", "3")
        .run();
    assert_eq!(ran.out(), "v0\nv9999\n");
    assert!(start.elapsed().as_secs() < 3, "{:?}", start.elapsed());
}

/// Row 76.
#[test]
fn arrays_are_refused_by_an_old_bash_before_the_start() {
    for (text, name) in [("OUTPUT[version]=1", "OUTPUT[key]"), ("echo ${INPUT[a.b]}", "INPUT[task.key]")] {
        let bench = Bench::bash(text).env("OTTO_BASH_LEVEL", "3.2");
        let error = bench.with_script(|script| super::prepare(script).expect_err("refused"));
        assert_eq!(error.diagnostic.message, format!("`build` uses `{name}`, which needs bash 4 or newer"));
        assert!(error.diagnostic.helps[0].contains("otto.set KEY VALUE"));
    }
    // A file that is sourced may set it all the same.
    let ran = old("3.2", "n=OUT; printf '%sPUT[1]=x; %sPUT[0]=y' $n $n > lib; . ./lib");
    assert!(!ran.succeeded());
    insta::assert_snapshot!(ran.problems(), @"error[E0714]: `build` sets keys of OUTPUT, which bash 3.2 cannot do");
}

/// Row 77: there the status of a failure may be 0, which the missing hand-over gives away.
#[test]
fn a_status_0_without_a_hand_over_is_an_error() {
    let ran = old("3.2", "otto.set k v; trap 'echo bye' EXIT; builtin exit 0");
    assert!(!ran.succeeded(), "{ran:?}");
    insta::assert_snapshot!(ran.problems(), @"error[E0701]: `build` ended with status 0, but its outputs were never saved");
    // Also of a body that hands nothing over, for its work is only half done.
    for level in ["3.2", "4.0", "4.1"] {
        let ran = old(level, "trap 'echo bye' EXIT; builtin exit 0");
        assert!(!ran.succeeded(), "{level}: {ran:?}");
        let problem = &ran.hand_over.problems[0];
        insta::allow_duplicates! {
            insta::assert_snapshot!(format!("{}\n{}", problem.message, problem.notes.join("\n")), @r"
            `build` ended with status 0, but its outputs were never saved
            before bash 4.2, this happens if the script has an EXIT trap and uses an unset variable, replaces otto's trap, ends by `command exit` or `builtin exit`, or ends within a here-document
            ");
        }
        for text in
            ["trap 'echo bye' EXIT; true", "trap 'echo bye' EXIT; exit 0", "trap 'echo usr' USR1; exec true"]
        {
            assert!(old(level, text).succeeded(), "{level}: {text}");
        }
    }
    assert!(old("5.2", "trap 'echo bye' EXIT; builtin exit 0").succeeded());
}

#[test]
fn no_ifs_touches_the_status_at_the_end() {
    for level in ["3.2", "4.0", "5.2"] {
        for text in [
            "otto.set k v; IFS=0",
            "otto.set k v; IFS=01; [ a = b ] && true",
            "IFS=0; [ a = b ] && true",
            "IFS=0; trap : EXIT",
        ] {
            let ran = old(level, text);
            assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{level}: {text}: {ran:?}");
        }
    }
}

#[test]
fn before_4_2_what_was_loaded_before_an_exec_is_a_warning() {
    for level in ["3.2", "4.0"] {
        for text in
            ["eval \"export OT\"TO_X=1\nexec true", "echo export OT''TO_X=1 > lib; . ./lib; exec true"]
        {
            let ran = old(level, text);
            assert!(ran.succeeded(), "{level}: {ran:?}");
            insta::allow_duplicates! {
                insta::assert_snapshot!(ran.problems(), @"warning[E0701]: what `build` loaded or evaluated may have set outputs, which are lost");
            }
        }
        assert_eq!(old(level, "echo x; exec true").problems(), "", "{level}");
    }
}

// ── The files ────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn the_shell_files_pass_shellcheck() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lang");
    let output = std::process::Command::new(needed("shellcheck"))
        .args(super::bash::FRAGMENTS.iter().map(|(name, _)| folder.join(name)))
        .args(
            ["print", "posix", "exports", "exit", "leave", "trap", "last", "failed"]
                .map(|name| folder.join(format!("posix/{name}.sh"))),
        )
        .output()
        .expect("shellcheck starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// What each version of bash brought, as far as a text shows it.
const NEWS: &[(&str, &[&str])] = &[
    (
        "4.0",
        &[
            "declare -A",
            "declare -At",
            "INPUT[",
            "OUTPUT[",
            "mapfile",
            "readarray",
            "coproc",
            "|&",
            "&>>",
            ";;&",
            ";&",
            ",,}",
            "^^}",
            ",}",
            "^}",
            "$BASHPID",
            "globstar",
            "${!INPUT",
            "${!OUTPUT",
            // Until then the rest of a list was split wrongly under some values of IFS.
            "@]:",
            "{@:",
        ],
    ),
    ("4.1", &["printf -v", "{fd}", "BASH_XTRACEFD"]),
    ("4.2", &["declare -g", "-v ", "%(", "lastpipe", ":-1}", "[-1]"]),
    ("4.3", &["local -n", "declare -n", "wait -n", "-ot "]),
    ("4.4", &["@Q}", "@E}", "@P}", "@A}", "@a}", "mapfile -d", "local -", "inherit_errexit"]),
    ("5.0", &["EPOCHSECONDS", "EPOCHREALTIME", "BASH_ARGV0"]),
    ("5.1", &["SRANDOM", "wait -p", "@U}", "@u}", "@L}", "@K}", "assoc_expand_once"]),
    ("5.2", &["@k}", "varredir_close", "patsub_replacement"]),
    ("5.3", &["${ ", "${|"]),
];

fn is_before(level: &str, version: &str) -> bool {
    let number =
        |text: &str| text.split('.').map(|part| part.parse::<u32>().expect("a number")).collect::<Vec<_>>();
    number(level) < number(version)
}

/// Everything that otto gives a bash to read, for bodies that between them need all of it.
fn given_to_bash(level: &str) -> Vec<(String, String)> {
    let bodies = [
        "otto_set k v; otto_get p.k; otto_set_output a b; otto_get_input p.k; otto_deserialize_input p",
        "otto_save; export OTTO_V=1; trap 'echo bye' EXIT; OTTO_OUTPUT+=(a=b); echo $OTTO_INPUT_P_K ${OTTO_INPUT[@]}",
        "eval ':'",
        "set -x; trap 'echo bye' EXIT; otto_set k v",
        "f=EXIT; trap 'echo bye' $f; printf() { :; }; otto_set k v; local -x y",
        "printf() { :; }; otto_set k v",
        "otto_set k v",
        "otto.get p.k",
    ];
    let mut texts = Vec::new();
    for body in bodies {
        let mut bench = Bench::bash(body).input(input("p", &[("k", "v")])).env("OTTO_BASH_LEVEL", level);
        bench.params.push((crate::name::ParamName::new("msg").expect("a name"), "x".into()));
        bench.prepared();
        let script = std::fs::read_to_string(bench.dir().join("script.sh")).expect("there");
        // The opening comment shows how to read and set, and the body is the user's.
        let script: String =
            script.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
        texts.push((format!("script of {body}"), script.replace(body, "")));
        let start = std::fs::read_to_string(bench.dir().join(".otto/start.sh")).expect("there");
        texts.push((format!("start of {body}"), start));
        for file in std::fs::read_dir(bench.root.path().join("runtime")).into_iter().flatten() {
            let path = file.expect("an entry").path();
            texts.push((path.display().to_string(), std::fs::read_to_string(&path).expect("there")));
        }
    }
    texts
}

#[test]
fn no_bash_is_given_what_only_a_newer_one_has() {
    for level in ["3.2", "4.0", "4.1", "4.2", "4.3", "4.4", "5.0"] {
        for (name, text) in given_to_bash(level) {
            for (version, words) in NEWS.iter().filter(|(version, _)| is_before(level, version)) {
                for word in *words {
                    // `otto.get -v NAME` and the like are otto's own, and so is the letter that `read` and `[` do not see.
                    let is_there = text.replace("OTTO_OUTPUT[", "").lines().any(|line| {
                        line.contains(word)
                            && !(*word == "-v "
                                && ["otto.get", "otto.items", "== -v"].iter().any(|own| line.contains(own)))
                    });
                    assert!(!is_there, "{level}: {name} has `{word}` of bash {version}:\n{text}");
                }
            }
        }
    }
}

/// Below 4.4 an empty array is an unset variable to `set -u`.
#[test]
fn empty_arrays_are_read_where_an_old_bash_allows_it() {
    for level in ["3.2", "4.0", "4.2"] {
        for (name, text) in given_to_bash(level) {
            let mut is_lenient = false;
            for line in text.lines() {
                let is_start =
                    line.trim() == "builtin set +u" || line.ends_with("[@]})) || builtin return 0");
                is_lenient = (is_lenient || is_start) && line != "}";
                let is_lenient = is_lenient || line.starts_with("trap 'set +u; ");
                let is_bare = line.match_indices("[@]}").any(|(end, _)| {
                    let expansion = &line[line[..end].rfind("${").unwrap_or(end)..end];
                    !expansion.starts_with("${#")
                        && !line.contains(&format!("{}[@]+", expansion.replace('!', "")))
                });
                assert!(is_lenient || !is_bare, "{level}: {name}: {line}");
            }
        }
    }
}
