//! What Python bodies can rely on, shown by running them.

use crate::lang::harness::{Bench, Ran, given, needed};
use crate::lang::python::{failing_line, hints};
use crate::ottofile::spec::BodyKey;
use crate::store::inputs;
use crate::store::layout::RunDir;
use crate::store::outputs;
use crate::value::{self, Value};
use insta::assert_snapshot;
use std::fs;

fn python(text: &str) -> Bench {
    Bench::new(BodyKey::Python, text)
}

/// A dependency that is over, with these outputs.
fn input(mut bench: Bench, job: &str, json: &str) -> Bench {
    let Ok(Value::Map(values)) = value::parse(json.as_bytes()) else { panic!("{json}") };
    let input = given(job, values);
    let run = RunDir { path: bench.root.path().join("run") };
    let dir = run.job(&input.job);
    fs::create_dir_all(&dir.path).expect("made");
    outputs::write(&dir, &input.outputs).expect("written");
    fs::create_dir_all(bench.dir()).expect("made");
    inputs::link(&run.job(&bench.job), &input.job).expect("linked");
    bench.inputs.push(input);
    bench
}

/// How it ended, all that it wrote and recorded, and what otto says to it.
fn whole(bench: &Bench, ran: &Ran) -> String {
    let mut text = format!("status {}\n", ran.status);
    for (title, shown) in [("stdout", &ran.out()), ("stderr", &ran.stderr)] {
        if !shown.is_empty() {
            text += &format!("-- {title}\n{}\n", shown.trim_end_matches('\n'));
        }
    }
    let outputs = &ran.hand_over.outputs;
    if !outputs.values.is_empty() {
        text += &format!("-- outputs\n{}\n", ran.json());
    }
    if !outputs.exports.is_empty() {
        text += &format!("-- exports\n{}\n", outputs.exports.join(" "));
    }
    let hints = bench.with_script(|script| hints(script, ran.stderr.as_bytes()));
    for (title, diagnostics) in [("problems", &ran.hand_over.problems), ("hints", &hints)] {
        if !diagnostics.is_empty() {
            text += &format!("-- {title}\n");
        }
        for diagnostic in diagnostics {
            let severity = if diagnostic.is_error() { "error" } else { "warning" };
            text += &format!("{severity}[{}]: {}\n", diagnostic.code, diagnostic.message);
            for label in &diagnostic.labels {
                let line = label.source.line(label.span);
                text += &format!("  {line}: {} <- {}\n", label.source.slice(label.span), label.text);
            }
            text.extend(diagnostic.notes.iter().map(|note| format!("  note: {note}\n")));
            text.extend(diagnostic.helps.iter().map(|help| format!("  help: {help}\n")));
        }
    }
    let root = bench.root.path().to_str().expect("UTF-8");
    text.replace(root, "ROOT")
}

fn told(bench: &Bench) -> String {
    whole(bench, &bench.run())
}

#[test]
fn values_pass_with_their_types() {
    let bench = python(
        "OUTPUT['n'] = 42
OUTPUT['all'] = dict(INPUT)
print(INPUT['build.version'], INPUT['build']['meta']['n'], INPUT['build.meta.tags.1'])
",
    );
    let bench = input(bench, "build", r#"{"version": "1.2.3", "meta": {"tags": ["a", "b"], "n": 42}}"#);
    assert_snapshot!(told(&bench), @r#"
status 0
-- stdout
1.2.3 42 b
-- outputs
{"n":42,"all":{"build.version":"1.2.3","build.meta":{"tags":["a","b"],"n":42}}}
"#);
}
