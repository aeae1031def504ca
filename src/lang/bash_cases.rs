//! What data passing promises to bash bodies, a test for each promise.

use super::harness::{Bench, given, input};
use crate::value::Value;

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
