//! What must hold for every value, every text and every script, tried with random ones in real shells.

use super::harness::{Bench, given, needed};
use super::quote::{Charset, long_word, word};
use super::record;
use crate::value::{Map, Value};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

/// A folder with two locales of the treacherous kind and one with letters of its own, made from the system's own sources. Their absence is a failure.
static LOCALES: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a directory").keep();
    for (source, charset, name) in [
        ("ja_JP", "SHIFT_JIS", "ja_JP.SJIS"),
        ("zh_CN", "GB18030", "zh_CN.GB18030"),
        ("tr_TR", "UTF-8", "tr_TR.UTF-8"),
    ] {
        // It warns that SHIFT_JIS is not ASCII compatible, with status 1, and makes it all the same.
        let output = Command::new(needed("localedef"))
            .args(["-c", "-i", source, "-f", charset])
            .arg(folder.join(name))
            .output()
            .expect("localedef starts");
        assert!(
            folder.join(name).join("LC_CTYPE").exists(),
            "the tests of locales need the package `locales`: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    folder
});

const LOCALE_NAMES: [&str; 5] = ["C", "C.UTF-8", "ja_JP.SJIS", "zh_CN.GB18030", "tr_TR.UTF-8"];

/// Rows 14, 68 and 80.
#[test]
fn every_locale_reads_the_same_keys() {
    for locale in LOCALE_NAMES {
        let bench = |text: &str| {
            Bench::bash(text)
                .input(super::harness::input("build", &[("Build-ID", "7")]))
                .env("LC_ALL", locale)
                .env("LOCPATH", &*LOCALES)
                .run()
        };
        let ran = bench("OUTPUT[k]=$(otto_get_input build.build_id)");
        assert_eq!((ran.json().as_str(), ran.stderr.as_str()), (r#"{"k":"7"}"#, ""), "{locale}");
        let ran = bench("echo \"${INPUT[build.Build-IE]}\"");
        assert_eq!(ran.hints, ["task `build` has no output `Build-IE`"], "{locale}: {}", ran.stderr);
    }
}

/// Pieces of which hostile values are made; the canary is a file `X` in the working directory.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let texts = vec![
        "'",
        "\"",
        "\\",
        "\n",
        "\r",
        " ",
        "\t",
        "$",
        "`",
        "$(touch X)",
        "`touch X`",
        "${X}",
        "!",
        "*",
        "?",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ";",
        "&",
        "|",
        "<",
        ">",
        "#",
        "~",
        "=",
        "%s",
        "-n",
        "--",
        "\x01",
        "\x7f",
        "\x1b",
        "ż",
        "表",
        "ソ",
        "\u{85}",
        "\u{2028}",
        "👩‍👧",
        "a",
        "0",
        "@",
        "\\n",
        "end",
        "otto1",
    ];
    prop_oneof![
        4 => select(texts).prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(1..=255_u8, 1..4),
    ]
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(piece(), 0..most).prop_map(|pieces| pieces.concat())
}

/// UTF-8 without NUL, not empty.
fn key() -> impl Strategy<Value = String> {
    bytes(5)
        .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .prop_filter("not empty", |key| !key.is_empty())
}

fn values() -> impl Strategy<Value = Map> {
    btree_map(key(), bytes(6), 1..40).prop_map(|pairs: BTreeMap<_, _>| {
        pairs.into_iter().map(|(key, value)| (key, Value::from_bytes(value))).collect()
    })
}

/// Few cases, each of many values: a process a case is what costs.
fn config() -> ProptestConfig {
    ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() }
}

/// One call of a function of otto's in a random script.
#[derive(Clone, Debug)]
struct Call {
    key: u8,
    value: String,
    kind: &'static str,
    /// The call stands in place of the `@`.
    place: &'static str,
}

impl Call {
    fn text(&self, prefix: &str) -> String {
        let quoted = String::from_utf8(word(self.value.as_bytes(), Charset::Plain)).expect("UTF-8");
        let Call { key, kind, place, .. } = self;
        let key = format!("{prefix}{key}");
        let call = match *kind {
            "--json" => format!("otto_set --json {key} '[7]'"),
            "--list" => format!("otto_set --list {key} {quoted} ''"),
            function => format!("{function} {key} {quoted}"),
        };
        place.replace('@', &call)
    }

    fn result(&self) -> Value {
        let text = |value: &str| Value::String(value.to_owned());
        match self.kind {
            "--json" => Value::List(vec![Value::Number("7".into())]),
            "--list" => Value::List(vec![text(&self.value), text("")]),
            _ => text(&self.value),
        }
    }
}

/// Some of them longer than what one write can hold.
fn call(places: &[&'static str]) -> impl Strategy<Value = Call> {
    let value = (select(vec!["x", "it's\n", "ż \\"]), select(vec![0_usize, 1, 9, 300, 3000]))
        .prop_map(|(piece, count)| piece.repeat(count));
    let kind = select(vec!["otto_set", "otto_set", "otto.set", "otto_set_output", "--json", "--list"]);
    (0..4_u8, value, kind, select(places.to_vec())).prop_map(|(key, value, kind, place)| Call {
        key,
        value,
        kind,
        place,
    })
}

fn project_is_untouched(bench: &Bench) -> bool {
    std::fs::read_dir(bench.project()).expect("there").next().is_none()
}

proptest! {
    #![proptest_config(config())]

    /// P1 and P5: otto → INPUT → OUTPUT → otto is the identity, and nothing in it is ever executed.
    #[test]
    fn every_pair_passes_through_bash_in_every_locale(values in values(), locale in select(LOCALE_NAMES.to_vec()), by_function: bool) {
        let copy = match by_function {
            true => "for k in \"${!INPUT[@]}\"; do x=${k#p.}; case $x in --json | --list) OUTPUT[$x]=${INPUT[$k]} ;; *) otto.set \"$x\" \"${INPUT[$k]}\" ;; esac; done",
            false => "for k in \"${!INPUT[@]}\"; do x=${k#p.}; OUTPUT[$x]=${INPUT[$k]}; done",
        };
        // In these charsets bash itself takes the bytes of UTF-8 apart when a subscript is expanded; values pass.
        let is_treacherous = locale.contains("SJIS") || locale.contains("GB18030");
        let values: Map = values.into_iter().filter(|(key, _)| key.is_ascii() || !is_treacherous).collect();
        let bench = Bench::bash(copy).input(given("p", values.clone())).env("LC_ALL", locale).env("LOCPATH", &*LOCALES);
        let ran = bench.run();
        prop_assert!(ran.succeeded(), "{locale}: {ran:?}");
        prop_assert_eq!(ran.values(), &values, "{}", locale);
        prop_assert!(project_is_untouched(&bench));
    }

    /// P1 for bash 3.2, and P5.
    #[test]
    fn every_pair_passes_through_the_functions_of_an_old_bash(values in values()) {
        let bench = Bench::bash("for item in \"${OTTO_INPUT[@]}\"; do :; done; while IFS= read -r -d '' k; do otto.get -v x \"p.$k\"; otto.set \"$k\" \"$x\"; done < keys")
            .input(given("p", values.clone()))
            .env("OTTO_BASH_LEVEL", "3.2");
        let values: Map = values.into_iter().filter(|(key, _)| key != "--json" && key != "--list").collect();
        let keys: Vec<u8> = values.iter().flat_map(|(key, _)| key.bytes().chain([0])).collect();
        std::fs::write(bench.project().join("keys"), keys).expect("written");
        let ran = bench.run();
        prop_assert!(ran.succeeded(), "{ran:?}");
        prop_assert_eq!(ran.values(), &values);
        prop_assert_eq!(std::fs::read_dir(bench.project()).expect("there").count(), 1);
    }

    /// P1 and P2: bash writes, Python reads and writes, bash reads and writes, and nothing is another value than before.
    #[test]
    fn every_pair_passes_from_bash_through_python_to_bash(values in values()) {
        let in_bash = |values: &Map| {
            let copy = "for k in \"${!INPUT[@]}\"; do x=${k#p.}; OUTPUT[$x]=${INPUT[$k]}; done";
            Bench::bash(copy).input(given("p", values.clone())).run()
        };
        let first = in_bash(&values);
        let mut bench = Bench::new(crate::ottofile::spec::BodyKey::Python, "for key in INPUT['p']: OUTPUT[key] = INPUT['p'][key]\n");
        let path = bench.dir().parent().expect("a folder").join("p");
        std::fs::create_dir_all(&path).expect("made");
        std::fs::create_dir_all(bench.dir()).expect("made");
        std::fs::write(path.join("output.p.json"), crate::value::compact(&Value::Map(first.values().clone()))).expect("written");
        std::os::unix::fs::symlink("../p/output.p.json", bench.dir().join("input.p.json")).expect("linked");
        bench = bench.input(given("p", first.values().clone()));
        let second = bench.run();
        prop_assert!(second.succeeded(), "{:?}", second);
        let third = in_bash(second.values());
        prop_assert!(third.succeeded(), "{:?}", third);
        prop_assert_eq!(third.values(), &values);
    }

    /// However calls from subshells, pipelines and background jobs follow each other, the last one counts, and what jobs
    /// write at the same time does not mix.
    #[test]
    fn the_last_of_any_calls_counts_and_none_is_torn(
        calls in vec(call(&["@", "@", "( @ )", "x=$(@)", "true | @", "@ | cat", "@ & wait", "f() { @; }; f", "cat <(@)", "( ( @ ) & wait )"]), 0..10),
        jobs in vec(vec(call(&["@", "( @ )", "@ | cat"]), 1..6), 0..5),
        level in select(vec!["5.2", "4.1", "3.2"]),
    ) {
        let mut text = String::new();
        let mut expected = BTreeMap::new();
        for call in &calls {
            text += &format!("{}\n", call.text("k"));
            expected.insert(format!("k{}", call.key), call.result());
        }
        for (number, calls) in jobs.iter().enumerate() {
            let prefix = format!("job{number}.");
            let lines: Vec<String> = calls.iter().map(|call| call.text(&prefix)).collect();
            text += &format!("{{\n{}\n}} &\n", lines.join("\n"));
            for call in calls {
                expected.insert(format!("{prefix}{}", call.key), call.result());
            }
        }
        text += "wait\n";
        let ran = Bench::bash(&text).env("OTTO_BASH_LEVEL", level).run();
        prop_assert!(ran.succeeded(), "{}\n{:?}", text, ran);
        let expected: Map = expected.into_iter().collect();
        prop_assert_eq!(ran.values(), &expected, "{}", text);
    }

    /// P5: names and parameters are data wherever they stand.
    #[test]
    fn names_and_parameters_are_never_executed(name in key(), value in bytes(8)) {
        prop_assume!(!name.contains('\0') && name.len() < 200);
        let mut bench = Bench::bash("OUTPUT[m]=$msg; OUTPUT[k]=${INPUT[$d.k]}; OUTPUT[t]=$OTTO_TASK").input(super::harness::input(&name, &[("k", "v")])).env("d", &name);
        bench.job = super::harness::job(&name);
        bench.params.push((crate::name::ParamName::new("msg").expect("a name"), OsStr::from_bytes(&value).to_owned()));
        let ran = bench.run();
        prop_assert!(ran.succeeded(), "{ran:?}");
        prop_assert_eq!(ran.text("k"), Some("v"));
        prop_assert_eq!(crate::value::get(ran.values(), "m"), Some(&Value::from_bytes(value)));
        prop_assert!(project_is_untouched(&bench));
    }

    /// P4: every shell reads back what was quoted, under hostile options.
    #[test]
    fn quoted_bytes_are_read_back_by_every_shell(words in vec(bytes(6), 1..40)) {
        let expected: Vec<u8> = words.iter().flat_map(|word| word.iter().copied().chain([b'\n'])).collect();
        let list = |charset: Charset| words.iter().flat_map(|bytes| [word(bytes, charset), b" ".to_vec()].concat()).collect::<Vec<u8>>();
        let long: Vec<u8> = words.iter().flat_map(|bytes| [long_word(bytes), b" ".to_vec()].concat()).collect();
        let forms = [list(Charset::Plain), long];
        for shell in ["bash", "dash", "ksh", "mksh", "zsh", "busybox"] {
            for (options, form) in ["", "set -u; ", "set -f; ", "IFS=\"'/a0T\\\\\"; "].iter().flat_map(|options| forms.iter().map(move |form| (options, form))) {
                let script = [options.as_bytes(), b"printf '%s\\n' ", form].concat();
                let mut command = Command::new(needed(shell));
                command.args((shell == "busybox").then_some("sh")).arg("-c").arg(OsStr::from_bytes(&script)).env("LC_ALL", "C.UTF-8");
                let output = command.output().expect("started");
                prop_assert_eq!(&output.stdout, &expected, "{} {}", shell, options);
            }
        }
        let script = [&b"printf '%s\\n' "[..], &list(Charset::Treacherous)].concat();
        for locale in LOCALE_NAMES {
            let output = Command::new(needed("bash")).arg("-c").arg(OsStr::from_bytes(&script)).env("LC_ALL", locale).env("LOCPATH", &*LOCALES).output().expect("started");
            prop_assert_eq!(&output.stdout, &expected, "{}", locale);
        }
    }

    /// P6: a script ends under otto as it does alone, up to the rule that a false test at the end is no failure.
    #[test]
    fn scripts_end_as_they_do_alone(lines in vec(select(vec![
        "true", "false || true", "false && true", "false", "exit 3", "exit", "(exit 4)", "(exit 4) || true", "set +e", "set -e", "trap 'echo bye' EXIT", "trap 'exit 6' EXIT",
        "trap - EXIT", "trap 'echo usr' USR1; kill -USR1 $$", "true | false", "false | true", "f() { false; true; }", "f() { return 5; }", "f || true", "f() { exit 7; }", "if false; then exit 8; fi",
        "( exit 9 ) &", "wait", "x=$(exit 2) || true", "echo $nosuch", "set +u", "! true", "[ -f nope ] && echo x", "kill -TERM $$", "{ false; } || :", "for i in 1 2; do exit $i; done", "case x in y) ;; esac", "nosuchcommand || true",
    ]), 0..7), level in select(vec!["5.2", "4.1", "3.2"])) {
        let text = lines.join("\n");
        let ends_with_test = lines.last().is_some_and(|line| line.starts_with("[ "));
        let rule = if ends_with_test { "\n\ncase $- in *e*) ;; *) exit $? ;; esac\n" } else { "" };
        // As a file: what `bash -c` does not survive ends it with another status.
        let folder = tempfile::tempdir().expect("a temporary folder");
        let script = folder.path().join("alone");
        std::fs::write(&script, format!("set -euo pipefail\notto_k=v\n{text}{rule}")).expect("written");
        let plain = Command::new(needed("bash")).arg(&script).output().expect("started");
        let ran = Bench::bash(&format!("otto_set k v\n{text}")).env("OTTO_BASH_LEVEL", level).run();
        use std::os::unix::process::ExitStatusExt;
        let status = plain.status.code().unwrap_or_else(|| 128 + plain.status.signal().expect("a signal"));
        prop_assert_eq!(ran.status, status, "{}\n{:?}", text, ran);
        prop_assert_eq!(ran.out(), String::from_utf8_lossy(&plain.stdout), "{}", text);
        let is_kept = ran.text("k") == Some("v");
        // Below 4.2 `set -e` and signals end the shell without a word of otto's; with status 0 that is an error.
        prop_assert!(is_kept || level == "4.1" && ran.status != 0 || !ran.succeeded(), "{}\n{:?}", text, ran);
    }

    /// P8: exported values pass through every shell as they are.
    #[test]
    fn exported_values_pass_through_every_shell(value in bytes(8)) {
        for shell in ["dash", "ksh", "mksh", "zsh", "bash"] {
            let ran = Bench::bash(&format!("#!{}\nexport OTTO_V=\"$v\"", needed(shell).display())).env("v", OsStr::from_bytes(&value)).env("LC_ALL", "C.UTF-8").run();
            prop_assert_eq!(crate::value::get(ran.values(), "OTTO_V"), Some(&Value::from_bytes(value.clone())), "{}: {:?}", shell, ran);
        }
    }

    /// P8: the output of `export -p` is read back, in every shell, and never when it is cut short.
    #[test]
    fn exported_values_are_read_back(value in bytes(8)) {
        for shell in ["dash", "busybox", "ksh", "mksh", "bash"] {
            let mut command = Command::new(needed(shell));
            command.args((shell == "busybox").then_some("sh")).args(["-c", "export OTTO_V=\"$v\"; LC_ALL=C; echo 'otto1 sh'; export -p; echo 'otto1 end'"]);
            let output = command.env_clear().env("v", OsStr::from_bytes(&value)).env("LC_ALL", "C.UTF-8").output().expect("started");
            let read = record::exports(&output.stdout);
            let read = read.as_ref().and_then(|all| all.variables.iter().find(|(name, _)| name == "OTTO_V"));
            prop_assert_eq!(read.map(|(_, value)| value), Some(&value), "{}: {:?}", shell, String::from_utf8_lossy(&output.stdout));
            for end in 1..output.stdout.len().min(400) {
                prop_assert_eq!(record::exports(&output.stdout[..end]), None, "{} cut at {}", shell, end);
            }
        }
    }
}
