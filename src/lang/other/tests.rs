//! What bodies in other languages can rely on, shown by running them with the real interpreters.

use crate::diagnostic::Diagnostic;
use crate::lang::harness::{Bench, Ran, given, needed};
use crate::lang::other::{failing_line, is_module};
use crate::ottofile::spec::BodyKey;
use crate::value::{self, Value};
use insta::assert_snapshot;
use std::fs;

/// A body under `action:`, with what it needs of its program on line 1.
fn body(shebang: &str, text: &str) -> Bench {
    Bench::new(BodyKey::Action, &format!("#!{shebang}\n{text}"))
}

fn node(text: &str) -> Bench {
    needed("node");
    body("/usr/bin/env node", text)
}

fn ruby(text: &str) -> Bench {
    needed("ruby");
    body("/usr/bin/env ruby", text)
}

fn perl(text: &str) -> Bench {
    needed("perl");
    body("/usr/bin/env perl", text)
}

/// A dependency that is over, with these outputs.
fn input(mut bench: Bench, job: &str, json: &str) -> Bench {
    let Ok(Value::Map(values)) = value::parse(json.as_bytes()) else { panic!("{json}") };
    bench.inputs.push(given(job, values));
    bench
}

const JSON: &str = r#"{"version": "1.2.3", "n": 42, "t": true, "none": null, "u": "ż\u0001\"\\", "meta": {"tags": ["a", "b"], "a.b": 1},
    "big": 1180591620717411303424, "bytes": {"__otto_bytes__": "Y2Fm6Q=="}}"#;

/// How each of these texts ends: its status, the line on which it failed, what it wrote last, what it handed over.
fn endings(make: fn(&str) -> Bench, texts: &[&str]) -> String {
    let mut all = String::new();
    for text in texts {
        let bench = input(input(make(text), "build", JSON), "empty", "{}");
        let ran = bench.run();
        let last = ran.stdout.iter().chain(ran.stderr.as_bytes()).copied().collect::<Vec<u8>>();
        let last = String::from_utf8_lossy(&last);
        let says_why = |line: &&str| {
            let words = [
                "` has no ",
                " is not a dependency of ",
                "` recorded no outputs",
                " does not say of which task",
            ];
            words.iter().any(|words| line.contains(words))
        };
        let why = last.lines().find(says_why);
        let last = why
            .or_else(|| last.lines().rfind(|line| !line.is_empty() && !line.starts_with("Node.js")))
            .unwrap_or("-");
        let root = bench.root.path().to_str().expect("UTF-8");
        let line = bench.with_script(|script| failing_line(script, ran.stderr.as_bytes()));
        let line = line.map_or(String::new(), |line| format!(" line {line}"));
        all += &format!("{text}\n    {}{line} {} {}\n", ran.status, ran.json(), last.replace(root, "ROOT"));
        all.extend(ran.warnings.iter().map(|warning| format!("    {warning}\n")));
        all += &said(&ran.hand_over.problems);
        if !ran.hand_over.outputs.exports.is_empty() {
            all += &format!("    exports {}\n", ran.hand_over.outputs.exports.join(" "));
        }
    }
    all
}

fn said(diagnostics: &[Diagnostic]) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        let severity = if diagnostic.is_error() { "error" } else { "warning" };
        text += &format!("    {severity}[{}]: {}\n", diagnostic.code, diagnostic.message);
        text.extend(
            diagnostic
                .labels
                .iter()
                .map(|label| format!("      {}: {}\n", label.source.line(label.span), label.text)),
        );
        text.extend(diagnostic.notes.iter().map(|note| format!("      note: {note}\n")));
        text.extend(diagnostic.helps.iter().map(|help| format!("      help: {help}\n")));
    }
    text
}

// ── any program ──────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn files_are_the_contract_with_every_program() {
    let bench = input(body("/usr/bin/env -S cat -n", "a\n"), "build", r#"{"k": [1.10]}"#);
    assert_eq!(bench.run().out(), "     1\t#!/usr/bin/env -S cat -n\n     2\ta\n");
    let env = bench.prepared().env;
    let file = |name: &str| env.iter().find(|(variable, _)| variable == name).map(|(_, path)| path.clone());
    let read = |name: &str| fs::read_to_string(file(name).expect("set")).expect("there");
    assert_snapshot!(read("OTTO_INPUT_JSON"), @r#"
{
  "build": {
    "k": [
      1.10
    ]
  }
}
"#);
    assert_eq!(read("OTTO_OUTPUT_JSON"), "");
}

#[test]
fn objects_are_appended_and_everything_else_is_an_error_with_its_place() {
    let awk = |text: &str| {
        needed("awk");
        body("/usr/bin/env -S awk -f", &format!("BEGIN {{ f = ENVIRON[\"OTTO_OUTPUT_JSON\"]; {text} }}\n"))
    };
    let texts = [
        r#"print "{\"a\":1}\n{\"b\":2}" >> f"#,
        r#"printf "{\"a\":1}{\"a\":[2.50]}" >> f"#,
        r#"print "a=1" >> f"#,
        r#"print "{\"a\":1}\n{\"b\": oops}" >> f"#,
        r#"print "{\"a\":1,\"a\":2}" >> f"#,
        r#"print "[1]" >> f"#,
        r#"printf "{\"a\":\"%0200d\",\"b\":\"\\q\",\"c\":\"%0100d\"}", 0, 0 >> f"#,
        r#"printf "" >> f"#,
        r#"print "{\"a\":1}" >> f; exit 3"#,
    ];
    assert_snapshot!(endings(awk, &texts), @r#"
print "{\"a\":1}\n{\"b\":2}" >> f
    0 {"a":1,"b":2} -
printf "{\"a\":1}{\"a\":[2.50]}" >> f
    0 {"a":[2.50]} -
print "a=1" >> f
    0 {} -
    error[E0707]: `$OTTO_OUTPUT_JSON` is not valid JSON: line 1, column 1: expected a JSON object, found `a`
      note: line 1 is `a=1`
      help: write JSON objects one after another: `{"key": "value"}`
print "{\"a\":1}\n{\"b\": oops}" >> f
    0 {} -
    error[E0707]: `$OTTO_OUTPUT_JSON` is not valid JSON: line 2, column 7: `oops` is not a JSON value; strings need double quotes
      note: line 2 is `{"b": oops}`
      help: write JSON objects one after another: `{"key": "value"}`
print "{\"a\":1,\"a\":2}" >> f
    0 {} -
    error[E0707]: `$OTTO_OUTPUT_JSON` is not valid JSON: line 1, column 8: duplicate key "a"
      note: line 1 is `{"a":1,"a":2}`
      help: write JSON objects one after another: `{"key": "value"}`
print "[1]" >> f
    0 {} -
    error[E0707]: `$OTTO_OUTPUT_JSON` is not valid JSON: line 1, column 1: expected a JSON object, found `[`
      note: line 1 is `[1]`
      help: write JSON objects one after another: `{"key": "value"}`
printf "{\"a\":\"%0200d\",\"b\":\"\\q\",\"c\":\"%0100d\"}", 0, 0 >> f
    0 {} -
    error[E0707]: `$OTTO_OUTPUT_JSON` is not valid JSON: line 1, column 214: a backslash before `q` is invalid in JSON
      note: line 1 is `…0000000000000000000000000000000000000000000000000000","b":"\q","c":"0000000000000000000000000000000000000000000000000000…`
      help: write JSON objects one after another: `{"key": "value"}`
printf "" >> f
    0 {} -
print "{\"a\":1}" >> f; exit 3
    3 {"a":1} -
"#);
}

#[test]
fn a_program_that_is_not_there_is_told_before_the_start() {
    let refused = |shebang: &str| {
        let bench = body(shebang, "x\n").env("PATH", "/nonexistent");
        let error = bench.with_script(|script| crate::lang::prepare(script).expect_err("refused"));
        format!("{} {}", error.code, said(&[error.diagnostic]).trim())
    };
    assert_snapshot!(refused("/usr/bin/env nosuchprogram"), @"
127 error[E0601]: the interpreter `nosuchprogram` was not found
      note: PATH is `/nonexistent`
");
    assert_snapshot!(refused("/etc/passwd"), @"126 error[E0602]: the interpreter `/etc/passwd` is not an executable file");
}

// ── node ─────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn node_scripts_pass_data() {
    let texts = [
        "console.log(INPUT['build.version'], INPUT.build.n, INPUT['build.meta.tags.1'], INPUT['build.meta.a.b'], INPUT['build.meta.tags.#'])",
        "console.log('build.x' in INPUT, 'build' in INPUT, Object.keys(INPUT).length, INPUT.build.big, JSON.stringify(INPUT.build.u))",
        "OUTPUT.all = INPUT.build; OUTPUT['żó'] = [1, {a: null}]",
        "OUTPUT.k = 1; process.exit(3)",
        "OUTPUT.k = 1; process.exitCode = 4",
        "OUTPUT.k = 1\nthrow new Error('bad')",
        "OUTPUT.k = 1\nPromise.reject(new Error('bad'))",
        "setTimeout(() => { OUTPUT.late = 1 }, 20); process.on('exit', () => { OUTPUT.handler = 1 }); OUTPUT = {a: 1}",
        "OUTPUT.old = 1; OUTPUT = {a: 1}",
        "OUTPUT.k = 1; OUTPUT = 5",
        "const OUTPUT = {a: 1}",
        "import fs from 'node:fs'\nawait 1\nOUTPUT.k = fs.existsSync('/')",
        "OUTPUT.k = 1; process.reallyExit(0)",
        "OUTPUT.k = 1; process.kill(process.pid, 'SIGKILL')",
        "OUTPUT.k = 1; process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 5000)",
        "OUTPUT.k = 1; process.once('SIGTERM', () => { OUTPUT.term = 1; process.exit(3) }); process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 5000)",
        "const c = require('child_process'); if (process.argv[2]) { OUTPUT.child = 1 } else { c.fork(__filename, ['x']).on('exit', () => { OUTPUT.k = 2 }) }",
        "const { Worker } = require('worker_threads'); new Worker('OUTPUT.w = 1', { eval: true }).on('exit', () => { OUTPUT.k = 2 })",
        "process.env.OTTO_V = '1'; process.env.OTTO_TASK = 'x'; OUTPUT.k = __filename.split('/').pop()",
        "OUTPUT.lib = require('./lib')",
        "import lib from './lib.js'\nOUTPUT.lib = lib",
        "import('./lib.js').then((lib) => { OUTPUT.lib = lib.default })",
    ];
    let with_library = |text: &str| {
        let bench = node(&format!("{text}\n"));
        fs::write(bench.project().join("lib.js"), "module.exports = 'lib'\n").expect("written");
        bench
    };
    assert_snapshot!(endings(with_library, &texts), @r#"
console.log(INPUT['build.version'], INPUT.build.n, INPUT['build.meta.tags.1'], INPUT['build.meta.a.b'], INPUT['build.meta.tags.#'])
    0 {} 1.2.3 42 b 1 2
console.log('build.x' in INPUT, 'build' in INPUT, Object.keys(INPUT).length, INPUT.build.big, JSON.stringify(INPUT.build.u))
    0 {} false true 8 1180591620717411303424n "ż\u0001\"\\"
OUTPUT.all = INPUT.build; OUTPUT['żó'] = [1, {a: null}]
    0 {"all":{"version":"1.2.3","n":42,"t":true,"none":null,"u":"ż\u0001\"\\","meta":{"tags":["a","b"],"a.b":1},"big":1180591620717411303424,"bytes":{"__otto_bytes__":"Y2Fm6Q=="}},"żó":[1,{"a":null}]} -
OUTPUT.k = 1; process.exit(3)
    3 {"k":1} -
OUTPUT.k = 1; process.exitCode = 4
    4 {"k":1} -
OUTPUT.k = 1
throw new Error('bad')
    1 line 23 {"k":1}     at node:internal/main/run_main_module:28:49
OUTPUT.k = 1
Promise.reject(new Error('bad'))
    1 line 23 {"k":1}     at node:internal/main/run_main_module:28:49
setTimeout(() => { OUTPUT.late = 1 }, 20); process.on('exit', () => { OUTPUT.handler = 1 }); OUTPUT = {a: 1}
    0 {"a":1,"late":1,"handler":1} -
OUTPUT.old = 1; OUTPUT = {a: 1}
    0 {"a":1} -
    warning[E0706]: OUTPUT was replaced, which drops "old"
OUTPUT.k = 1; OUTPUT = 5
    0 {"k":1} -
    error[E0709]: OUTPUT is 5 now: set keys of it, OUTPUT.key = value
const OUTPUT = {a: 1}
    0 {} -
    the script declares its own OUTPUT here; values set in it are lost
import fs from 'node:fs'
await 1
OUTPUT.k = fs.existsSync('/')
    0 {"k":true} -
OUTPUT.k = 1; process.reallyExit(0)
    0 {} -
    error[E0701]: `build` ended with status 0, but its outputs were never saved
      note: the process was replaced (`exec`), exited with `_exit`, or could not write
      help: exit normally, or write the outputs to `$OTTO_OUTPUT_JSON` before exiting
OUTPUT.k = 1; process.kill(process.pid, 'SIGKILL')
    137 {} -
OUTPUT.k = 1; process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 5000)
    143 {"k":1} -
OUTPUT.k = 1; process.once('SIGTERM', () => { OUTPUT.term = 1; process.exit(3) }); process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 5000)
    3 {"k":1,"term":1} -
const c = require('child_process'); if (process.argv[2]) { OUTPUT.child = 1 } else { c.fork(__filename, ['x']).on('exit', () => { OUTPUT.k = 2 }) }
    0 {"k":2} otto: OUTPUT.child is set outside the process of the task, from where it is not recorded
const { Worker } = require('worker_threads'); new Worker('OUTPUT.w = 1', { eval: true }).on('exit', () => { OUTPUT.k = 2 })
    0 {"k":2} otto: OUTPUT.w is set outside the process of the task, from where it is not recorded
process.env.OTTO_V = '1'; process.env.OTTO_TASK = 'x'; OUTPUT.k = __filename.split('/').pop()
    0 {"k":"script.cjs","OTTO_V":"1"} -
    exports OTTO_V
OUTPUT.lib = require('./lib')
    0 {"lib":"lib"} -
import lib from './lib.js'
OUTPUT.lib = lib
    0 {"lib":"lib"} -
import('./lib.js').then((lib) => { OUTPUT.lib = lib.default })
    0 {"lib":"lib"} -
"#);
}

#[test]
fn node_says_which_value_cannot_be_recorded() {
    let text = "OUTPUT = {u: undefined, f() {}, n: NaN, m: new Map(), p: Promise.resolve(), s: 'x\\ud800', d: new Date(0), b: 10n ** 30n,
  ok: [1, {a: null}], z: -0, x: [[new Set]], e: new Error('x'), S: Symbol('q'), inf: -Infinity, buf: Buffer.from('x'),
  bad: new Date(NaN), '\\udc00': 1, json: {toJSON: () => 'j'}, deep: [...Array(500)].reduce((inner) => [inner], 1)}
OUTPUT.c = {c: []}
OUTPUT.c.c.push(OUTPUT.c)
";
    assert_snapshot!(endings(node, &[text]), @r#"
OUTPUT = {u: undefined, f() {}, n: NaN, m: new Map(), p: Promise.resolve(), s: 'x\ud800', d: new Date(0), b: 10n ** 30n,
  ok: [1, {a: null}], z: -0, x: [[new Set]], e: new Error('x'), S: Symbol('q'), inf: -Infinity, buf: Buffer.from('x'),
  bad: new Date(NaN), '\udc00': 1, json: {toJSON: () => 'j'}, deep: [...Array(500)].reduce((inner) => [inner], 1)}
OUTPUT.c = {c: []}
OUTPUT.c.c.push(OUTPUT.c)

    0 {"d":"1970-01-01T00:00:00.000Z","b":1000000000000000000000000000000,"ok":[1,{"a":null}],"z":-0,"json":"j"} -
    error[E0703]: OUTPUT["u"] is undefined: use null, or leave it out
    error[E0703]: OUTPUT["f"] is a function: call it, and record what it returns
    error[E0703]: OUTPUT["n"] is NaN, and JSON has no such number: use null or a string
    error[E0703]: OUTPUT["m"] is a Map: use Object.fromEntries(…)
    error[E0703]: OUTPUT["p"] is a Promise: await it first
    error[E0703]: OUTPUT["s"] has half of a surrogate pair: use .toWellFormed()
    error[E0703]: OUTPUT["x"][0][0] is a Set: use [...set]
    error[E0703]: OUTPUT["e"] is an Error: use .message or .stack
    error[E0703]: OUTPUT["S"] is a symbol: use its .description
    error[E0703]: OUTPUT["inf"] is -Infinity, and JSON has no such number: use null or a string
    error[E0703]: OUTPUT["buf"] is a Buffer: use .toString('utf8') or .toString('base64')
    error[E0703]: OUTPUT["bad"] is an invalid Date: use null
    error[E0703]: OUTPUT has the key "\udc00", which is not well-formed text: use a key that is
    error[E0703]: OUTPUT["deep"][0][0][0][0][0][0][0][0][0][0][0]… is nested more than 128 levels deep: make it flatter
    error[E0703]: OUTPUT["c"]["c"][0] contains itself: break the circle
      25: set here
"#);
}

#[test]
fn node_says_which_input_is_not_there() {
    let texts = [
        "INPUT.build.verison",
        "x = 1\nINPUT['build.verison']",
        "INPUT['bild.x']",
        "INPUT.version",
        "INPUT.empty.k",
        "INPUT.x = 1",
    ];
    assert_snapshot!(endings(node, &texts), @"
    INPUT.build.verison
        1 line 22 {} MissingInput: `build` has no output 'verison'; it has version, n, t, none, u, meta, big, bytes; did you mean 'version'?
    x = 1
    INPUT['build.verison']
        1 line 23 {} MissingInput: `build` has no output 'verison'; it has version, n, t, none, u, meta, big, bytes; did you mean 'version'?
    INPUT['bild.x']
        1 line 22 {} MissingInput: `bild` is not a dependency of `build`, which depends on `build`, `empty`; did you mean 'build'?
    INPUT.version
        1 line 22 {} MissingInput: INPUT['version'] does not say of which task; did you mean 'build.version'?
    INPUT.empty.k
        1 line 22 {} MissingInput: `empty` recorded no outputs, so there is no 'k'
    INPUT.x = 1
        1 line 22 {}     at node:internal/main/run_main_module:28:49
    ");
}

#[test]
fn the_kind_of_node_script_is_seen_in_its_text() {
    for module in [
        "import fs from 'fs'",
        "import {a} from './a.mjs'",
        "export default 1",
        "const x = await f()",
        "await f()",
    ] {
        assert!(is_module(module), "{module}");
    }
    for script in [
        "const fs = require('fs')",
        "import('x').then()",
        "const f = async () => await g()",
        "  await x",
        "// await",
        "imports = 1",
    ] {
        assert!(!is_module(script), "{script}");
    }
}

// ── ruby and perl ────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn ruby_scripts_pass_data() {
    let texts = [
        "p INPUT['build.version'], INPUT['build']['n'], INPUT['build.meta.tags.1'], INPUT['build.meta.a.b'], INPUT.key?('build.x'), INPUT.fetch('build.x', 7), INPUT.keys.size",
        "OUTPUT['all'] = INPUT['build']; OUTPUT[:s] = :sym; OUTPUT['f'] = 1.5e300; OUTPUT['u'] = 'ż'.encode('UTF-16LE')",
        "OUTPUT['k'] = 1; exit 3",
        "OUTPUT['k'] = 1\nraise 'bad'",
        "OUTPUT['k'] = 1; abort 'told'",
        "OUTPUT['k'] = 1; exit!(0)",
        "OUTPUT['k'] = 1; exec 'true'",
        "OUTPUT['k'] = 1; Process.kill('TERM', $$); sleep 5",
        "OUTPUT['k'] = 1; fork { OUTPUT['c'] = 1 }; Process.wait; at_exit { OUTPUT['late'] = 1 }; ENV['OTTO_V'] = '1'",
        "OUTPUT['k'] = DATA.read\n__END__\ndata",
        "OUTPUT = {'a' => 1}",
        "OUTPUT['c'] = (c = []; c << c); OUTPUT['d'] = 500.times.inject(1) { |d, _| [d] }; OUTPUT['n'] = [Float::NAN]; OUTPUT[1] = 2; OUTPUT['1'] = 3; OUTPUT[nil] = 4; OUTPUT['t'] = Time.now; OUTPUT['r'] = 1..2; OUTPUT['o'] = Object.new; OUTPUT['p'] = -> {}; OUTPUT['st'] = Struct.new(:a).new(1); OUTPUT[\"caf\\xe9\"] = 1",
        "x = 1\nINPUT['build.verison']",
        "INPUT['build']['verison']",
        "INPUT['bild.x']",
        "INPUT['empty.k']",
    ];
    assert_snapshot!(endings(|text| ruby(&format!("{text}\n")), &texts), @r#"
    p INPUT['build.version'], INPUT['build']['n'], INPUT['build.meta.tags.1'], INPUT['build.meta.a.b'], INPUT.key?('build.x'), INPUT.fetch('build.x', 7), INPUT.keys.size
        0 {} 8
    OUTPUT['all'] = INPUT['build']; OUTPUT[:s] = :sym; OUTPUT['f'] = 1.5e300; OUTPUT['u'] = 'ż'.encode('UTF-16LE')
        0 {"all":{"version":"1.2.3","n":42,"t":true,"none":null,"u":"ż\u0001\"\\","meta":{"tags":["a","b"],"a.b":1},"big":1180591620717411303424,"bytes":{"__otto_bytes__":"Y2Fm6Q=="}},"s":"sym","f":1.5e+300,"u":"ż"} -
    OUTPUT['k'] = 1; exit 3
        3 {"k":1} -
    OUTPUT['k'] = 1
    raise 'bad'
        1 line 23 {"k":1} ROOT/run/tasks/build/script.rb:23:in `<main>': bad (RuntimeError)
    OUTPUT['k'] = 1; abort 'told'
        1 {"k":1} told
    OUTPUT['k'] = 1; exit!(0)
        0 {} -
        error[E0701]: `build` ended with status 0, but its outputs were never saved
          note: the process was replaced (`exec`), exited with `_exit`, or could not write
          help: exit normally, or write the outputs to `$OTTO_OUTPUT_JSON` before exiting
    OUTPUT['k'] = 1; exec 'true'
        0 {} -
        error[E0701]: `build` ended with status 0, but its outputs were never saved
          note: the process was replaced (`exec`), exited with `_exit`, or could not write
          help: exit normally, or write the outputs to `$OTTO_OUTPUT_JSON` before exiting
    OUTPUT['k'] = 1; Process.kill('TERM', $$); sleep 5
        143 {"k":1} -
    OUTPUT['k'] = 1; fork { OUTPUT['c'] = 1 }; Process.wait; at_exit { OUTPUT['late'] = 1 }; ENV['OTTO_V'] = '1'
        0 {"k":1,"late":1,"OTTO_V":"1"} -
        exports OTTO_V
    OUTPUT['k'] = DATA.read
    __END__
    data
        0 {"k":"data\n"} -
    OUTPUT = {'a' => 1}
        0 line 22 {"a":1} ROOT/runtime/otto_preload.rb:489: warning: previous definition of OUTPUT was here
    OUTPUT['c'] = (c = []; c << c); OUTPUT['d'] = 500.times.inject(1) { |d, _| [d] }; OUTPUT['n'] = [Float::NAN]; OUTPUT[1] = 2; OUTPUT['1'] = 3; OUTPUT[nil] = 4; OUTPUT['t'] = Time.now; OUTPUT['r'] = 1..2; OUTPUT['o'] = Object.new; OUTPUT['p'] = -> {}; OUTPUT['st'] = Struct.new(:a).new(1); OUTPUT["caf\xe9"] = 1
        0 {"1":2} -
        error[E0703]: OUTPUT has the keys 1 and "1", which are one in JSON: rename one
        error[E0703]: OUTPUT has the key nil, a NilClass: use a string
        error[E0703]: OUTPUT has the key "caf\xE9", which is not UTF-8: use a key that is
        error[E0703]: OUTPUT["c"][0] contains itself: break the circle
          22: set here
        error[E0703]: OUTPUT["d"][0][0][0][0][0][0][0][0][0][0][0]… is nested more than 128 levels deep: make it flatter
          22: set here
        error[E0703]: OUTPUT["n"][0] is NaN, and JSON has no such number: use nil or a string
          22: set here
        error[E0703]: OUTPUT["t"] is a Time: use .iso8601, of the library time, or .to_s
          22: set here
        error[E0703]: OUTPUT["r"] is a Range: use .to_a
          22: set here
        error[E0703]: OUTPUT["o"] is an Object: use .to_s, or a hash of what matters in it
          22: set here
        error[E0703]: OUTPUT["p"] is a Proc: call it, and record what it returns
          22: set here
        error[E0703]: OUTPUT["st"] is a nameless class: use .to_h
          22: set here
    x = 1
    INPUT['build.verison']
        1 line 23 {} ROOT/run/tasks/build/script.rb:23:in `[]': `build` has no output 'verison'; it has version, n, t, none, u, meta, big, bytes; did you mean 'version'? (Otto::MissingInput)
    INPUT['build']['verison']
        1 line 22 {} ROOT/run/tasks/build/script.rb:22:in `[]': `build` has no output 'verison'; it has version, n, t, none, u, meta, big, bytes; did you mean 'version'? (Otto::MissingInput)
    INPUT['bild.x']
        1 line 22 {} ROOT/run/tasks/build/script.rb:22:in `[]': `bild` is not a dependency of `build`, which depends on `build`, `empty`; did you mean 'build'? (Otto::MissingInput)
    INPUT['empty.k']
        1 line 22 {} ROOT/run/tasks/build/script.rb:22:in `[]': `empty` recorded no outputs, so there is no 'k' (Otto::MissingInput)
    "#);
}

#[test]
fn perl_scripts_pass_data() {
    let texts = [
        "use strict; use warnings; print join '|', $INPUT{'build.version'}, $INPUT{build}{n}, $INPUT{'build.meta.tags.1'}, $INPUT{'build.meta.a.b'}, exists $INPUT{'build.x'} ? 1 : 0, scalar keys %INPUT",
        "$OUTPUT{all} = $INPUT{build}; $OUTPUT{s} = '42'; $OUTPUT{n} = 42; $OUTPUT{f} = 1.5; $OUTPUT{l} = [1, 'a', undef, {}]; $OUTPUT{f0} = !!0",
        "use utf8; $OUTPUT{'żó'} = 'ł'; $OUTPUT{latin} = \"caf\\x{e9}\\x{142}\"; $OUTPUT{quote} = qq{\"\\\\\\n\\x01}",
        "$OUTPUT{k} = 1; exit 3",
        "$OUTPUT{k} = 1;\ndie 'bad'",
        "$OUTPUT{k} = 1; require POSIX; POSIX::_exit(0)",
        "$OUTPUT{k} = 1; exec 'true'",
        "$OUTPUT{k} = 1; kill TERM => $$; sleep 5",
        "$OUTPUT{k} = 1; if (!fork) { $OUTPUT{c} = 1; exit } wait; END { $OUTPUT{late} = 1 } $ENV{OTTO_V} = 1; %OUTPUT = (%OUTPUT, z => 2)",
        "$\\ = \"\\n\"; $, = ' '; $\" = '-'; $/ = undef; $; = '.'; $| = 1; $OUTPUT{k} = 1; print 'a', 'b'",
        "my %OUTPUT = (a => 1);",
        "$OUTPUT{k} = join '', <DATA>;\n__DATA__\ndata",
        "$OUTPUT{c} = sub {}; $OUTPUT{n} = 9**9**9; $OUTPUT{ok} = 1; my $l = []; push @$l, $l; $OUTPUT{l} = $l; $OUTPUT{o} = bless {}, 'Foo'; my $d = []; $d = [$d] for 1 .. 500; $OUTPUT{d} = $d; $OUTPUT{\"\\xff\"} = 1",
        "my $x = 1;\n$x = $INPUT{'build.verison'};",
        "$x = $INPUT{build}{verison};",
        "$x = $INPUT{'bild.x'};",
        "$x = $INPUT{'empty.k'};",
        "$INPUT{x} = 1;",
    ];
    assert_snapshot!(endings(|text| perl(&format!("{text}\n")), &texts), @r#"
    use strict; use warnings; print join '|', $INPUT{'build.version'}, $INPUT{build}{n}, $INPUT{'build.meta.tags.1'}, $INPUT{'build.meta.a.b'}, exists $INPUT{'build.x'} ? 1 : 0, scalar keys %INPUT
        0 {} 1.2.3|42|b|1|0|8
    $OUTPUT{all} = $INPUT{build}; $OUTPUT{s} = '42'; $OUTPUT{n} = 42; $OUTPUT{f} = 1.5; $OUTPUT{l} = [1, 'a', undef, {}]; $OUTPUT{f0} = !!0
        0 {"all":{"big":"1180591620717411303424","bytes":{"__otto_bytes__":"Y2Fm6Q=="},"meta":{"a.b":1,"tags":["a","b"]},"n":42,"none":null,"t":true,"u":"ż\u0001\"\\","version":"1.2.3"},"f":1.5,"f0":false,"l":[1,"a",null,{}],"n":42,"s":"42"} -
    use utf8; $OUTPUT{'żó'} = 'ł'; $OUTPUT{latin} = "caf\x{e9}\x{142}"; $OUTPUT{quote} = qq{"\\\n\x01}
        0 {"latin":"caféł","quote":"\"\\\n\u0001","żó":"ł"} -
    $OUTPUT{k} = 1; exit 3
        3 {"k":1} -
    $OUTPUT{k} = 1;
    die 'bad'
        255 line 23 {"k":1} bad at ROOT/run/tasks/build/script.pl line 23.
    $OUTPUT{k} = 1; require POSIX; POSIX::_exit(0)
        0 {} -
        error[E0701]: `build` ended with status 0, but its outputs were never saved
          note: the process was replaced (`exec`), exited with `_exit`, or could not write
          help: exit normally, or write the outputs to `$OTTO_OUTPUT_JSON` before exiting
    $OUTPUT{k} = 1; exec 'true'
        0 {} -
        error[E0701]: `build` ended with status 0, but its outputs were never saved
          note: the process was replaced (`exec`), exited with `_exit`, or could not write
          help: exit normally, or write the outputs to `$OTTO_OUTPUT_JSON` before exiting
    $OUTPUT{k} = 1; kill TERM => $$; sleep 5
        143 {"k":1} -
    $OUTPUT{k} = 1; if (!fork) { $OUTPUT{c} = 1; exit } wait; END { $OUTPUT{late} = 1 } $ENV{OTTO_V} = 1; %OUTPUT = (%OUTPUT, z => 2)
        0 {"k":1,"late":1,"z":2,"OTTO_V":"1"} -
        exports OTTO_V
    $\ = "\n"; $, = ' '; $" = '-'; $/ = undef; $; = '.'; $| = 1; $OUTPUT{k} = 1; print 'a', 'b'
        0 {"k":1} a b
    my %OUTPUT = (a => 1);
        0 {} -
        the script declares its own OUTPUT here; values set in it are lost
    $OUTPUT{k} = join '', <DATA>;
    __DATA__
    data
        0 {"k":"data\n"} -
    $OUTPUT{c} = sub {}; $OUTPUT{n} = 9**9**9; $OUTPUT{ok} = 1; my $l = []; push @$l, $l; $OUTPUT{l} = $l; $OUTPUT{o} = bless {}, 'Foo'; my $d = []; $d = [$d] for 1 .. 500; $OUTPUT{d} = $d; $OUTPUT{"\xff"} = 1
        0 {"ok":1} -
        error[E0703]: $OUTPUT{'c'} is a CODE: call it, and record what it returns
          22: set here
        error[E0703]: $OUTPUT{'d'}[0][0][0][0][0][0][0][0][0][0][0]… is nested more than 128 levels deep: make it flatter
          22: set here
        error[E0703]: $OUTPUT{'l'}[0] contains itself: break the circle
          22: set here
        error[E0703]: $OUTPUT{'n'} is Inf, and JSON has no such number: use undef or a string
          22: set here
        error[E0703]: $OUTPUT{'o'} is a Foo: record what matters in it as a hash or a string
          22: set here
        error[E0703]: %OUTPUT has the key "\xff", which is not UTF-8: use a key that is
    my $x = 1;
    $x = $INPUT{'build.verison'};
        255 line 23 {} `build` has no output 'verison'; it has big, bytes, meta, n, none, t, u, version; did you mean 'version'? at ROOT/run/tasks/build/script.pl line 23.
    $x = $INPUT{build}{verison};
        255 line 22 {} `build` has no output 'verison'; it has big, bytes, meta, n, none, t, u, version; did you mean 'version'? at ROOT/run/tasks/build/script.pl line 22.
    $x = $INPUT{'bild.x'};
        255 line 22 {} `bild` is not a dependency of `build`, which depends on `build`, `empty`; did you mean 'build'? at ROOT/run/tasks/build/script.pl line 22.
    $x = $INPUT{'empty.k'};
        255 line 22 {} `empty` recorded no outputs, so there is no 'k' at ROOT/run/tasks/build/script.pl line 22.
    $INPUT{x} = 1;
        255 line 22 {} %INPUT holds what other tasks recorded; set $OUTPUT{'x'} at ROOT/run/tasks/build/script.pl line 22.
    "#);
}

#[test]
fn the_script_explains_itself_and_keeps_the_lines() {
    let bench = input(node("console.log(1)\n"), "build", r#"{"version": 1}"#);
    bench.prepared();
    let text = fs::read_to_string(bench.dir().join("script.cjs")).expect("there");
    let lines: Vec<String> =
        text.lines().enumerate().map(|(number, line)| format!("{:2} {line}", number + 1)).collect();
    assert_snapshot!(lines.join("\n"), @r#"
     1 #!/usr/bin/env node
     2 // Task `build` of otto.yml, as otto runs it.
     3 // `build` set version.
     4 // INPUT["task.key"] reads a value, OUTPUT.key = value sets one.
     5 // To see the values of dependencies: cat "$OTTO_TASK_DIR"/input.*.json
     6 
     7 
     8 
     9 
    10 
    11 
    12 
    13 
    14 
    15 
    16 
    17 
    18 
    19 
    20 
    21 
    22 console.log(1)
    "#);
}

/// Passing everything on gives the same values, in each language that has INPUT and OUTPUT.
#[test]
fn values_go_through_every_language_unchanged() {
    let json = r#"{"a":"","b":"it's \"q\" \\ $(x) `y` %s\n\r\t\u0001","c":[1,-5,true,false,null,{"":[]}],"d":{"ż 👩":"\u2028"},"e":{"__otto_bytes__":"/w=="}}"#;
    let sorted = |ran: &Ran| ran.json();
    for (bench, name) in [
        (node("Object.assign(OUTPUT, INPUT.build)\n"), "node"),
        (ruby("OUTPUT.update(INPUT['build'])\n"), "ruby"),
        (perl("%OUTPUT = %{ $INPUT{build} };\n"), "perl"),
    ] {
        let ran = input(bench, "build", json).run();
        assert_eq!(sorted(&ran), compact(json), "{name} {} {}", ran.stderr, ran.problems());
    }
}

fn compact(json: &str) -> String {
    value::compact(&value::parse(json.as_bytes()).expect("JSON"))
}

// ── what is odd ──────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn one_odd_value_is_named_and_costs_no_other() {
    let odd_node = [
        "OUTPUT.a = 1; OUTPUT.b = { toJSON() { throw new TypeError('no') } }; OUTPUT.c = 2",
        "OUTPUT.a = 1; OUTPUT.b = [{ get x() { throw 'text' } }]; OUTPUT.c = [2]",
        "OUTPUT.a = 1; Object.defineProperty(OUTPUT, 'b', { enumerable: true, get() { throw null } }); OUTPUT.c = 2",
        "const r = Proxy.revocable({}, {}); r.revoke(); OUTPUT.a = 1; OUTPUT.b = r.proxy; OUTPUT.c = 2",
        "OUTPUT.a = 1; OUTPUT.b = new Proxy({}, { ownKeys() { throw new Error('keys') } }); OUTPUT.c = 2",
        "OUTPUT.a = 1; OUTPUT.b = { toJSON() { return this } }; OUTPUT.c = { toJSON(key) { return key } }",
        "OUTPUT.a = 1; OUTPUT.b = { toJSON() { return { toJSON: this.toJSON } } }; OUTPUT.c = 2",
        "class D extends Date { toISOString() { throw new Error('date') } }; OUTPUT.a = 1; OUTPUT.b = new D(0); OUTPUT.c = 2",
        "OUTPUT.a = 1; OUTPUT.b = Object.assign([1], { [Symbol.iterator]() { throw new Error('iterator') } }); OUTPUT.c = 2",
        "OUTPUT.a = 1; OUTPUT = new Proxy({}, { ownKeys() { throw new Error('keys') } })",
    ];
    assert_snapshot!(endings(node, &odd_node), @r#"
OUTPUT.a = 1; OUTPUT.b = { toJSON() { throw new TypeError('no') } }; OUTPUT.c = 2
    0 {"a":1,"c":2} -
    error[E0703]: OUTPUT["b"] cannot be read (TypeError: no): use an object of what matters in it, or a string
      22: set here
OUTPUT.a = 1; OUTPUT.b = [{ get x() { throw 'text' } }]; OUTPUT.c = [2]
    0 {"a":1,"c":[2]} -
    error[E0703]: OUTPUT["b"][0]["x"] cannot be read (it throws text): use an object of what matters in it, or a string
      22: set here
OUTPUT.a = 1; Object.defineProperty(OUTPUT, 'b', { enumerable: true, get() { throw null } }); OUTPUT.c = 2
    0 {"a":1,"c":2} -
    error[E0703]: OUTPUT["b"] cannot be read (it throws null): use an object of what matters in it, or a string
const r = Proxy.revocable({}, {}); r.revoke(); OUTPUT.a = 1; OUTPUT.b = r.proxy; OUTPUT.c = 2
    0 {"a":1,"c":2} -
    error[E0703]: OUTPUT["b"] cannot be read (TypeError: Cannot perform 'getPrototypeOf' on a proxy that has been revoked): use an object of what matters in it, or a string
      22: set here
OUTPUT.a = 1; OUTPUT.b = new Proxy({}, { ownKeys() { throw new Error('keys') } }); OUTPUT.c = 2
    0 {"a":1,"c":2} -
    error[E0703]: OUTPUT["b"] cannot be read (Error: keys): use an object of what matters in it, or a string
      22: set here
OUTPUT.a = 1; OUTPUT.b = { toJSON() { return this } }; OUTPUT.c = { toJSON(key) { return key } }
    0 {"a":1,"c":"c"} -
    error[E0703]: OUTPUT["b"] contains itself: break the circle
      22: set here
OUTPUT.a = 1; OUTPUT.b = { toJSON() { return { toJSON: this.toJSON } } }; OUTPUT.c = 2
    0 {"a":1,"c":2} -
    error[E0703]: OUTPUT["b"] is nested more than 128 levels deep: make it flatter
      22: set here
class D extends Date { toISOString() { throw new Error('date') } }; OUTPUT.a = 1; OUTPUT.b = new D(0); OUTPUT.c = 2
    0 {"a":1,"c":2} -
    error[E0703]: OUTPUT["b"] cannot be read (Error: date): use an object of what matters in it, or a string
      22: set here
OUTPUT.a = 1; OUTPUT.b = Object.assign([1], { [Symbol.iterator]() { throw new Error('iterator') } }); OUTPUT.c = 2
    0 {"a":1,"b":[1],"c":2} -
OUTPUT.a = 1; OUTPUT = new Proxy({}, { ownKeys() { throw new Error('keys') } })
    0 {"a":1} -
    error[E0709]: OUTPUT cannot be read (Error: keys): set keys of it, OUTPUT.key = value
"#);
    let odd_ruby = [
        "class X; def to_path = raise('no'); end; OUTPUT['a'] = 1; OUTPUT['b'] = X.new; OUTPUT['c'] = 2",
        "class X; def respond_to?(*) = raise('no'); end; OUTPUT['a'] = 1; OUTPUT['b'] = [1, X.new]; OUTPUT['c'] = 2",
        "OUTPUT['a'] = 1; OUTPUT['b'] = BasicObject.new; OUTPUT['c'] = 2",
        "class X < Hash; def to_a = raise(NotImplementedError); end; OUTPUT['a'] = 1; OUTPUT['b'] = X[1, 2]; OUTPUT['c'] = 2",
        "class X < String; def dup = exit(3); end; OUTPUT['a'] = 1; OUTPUT['b'] = X.new('x'); OUTPUT['c'] = 2",
        "class X; def inspect = raise('no'); end; OUTPUT['a'] = 1; OUTPUT[X.new] = 1; OUTPUT['c'] = 2",
        "OUTPUT['a'] = 1; OUTPUT['b'] = { Float::NAN => 1, Float::INFINITY => 2, 1.5 => 3 }; OUTPUT['c'] = 2",
    ];
    assert_snapshot!(endings(ruby, &odd_ruby), @r#"
class X; def to_path = raise('no'); end; OUTPUT['a'] = 1; OUTPUT['b'] = X.new; OUTPUT['c'] = 2
    0 {"a":1,"c":2} -
    error[E0703]: OUTPUT["b"] cannot be read (RuntimeError: no): use .to_s, or a hash of what matters in it
      22: set here
class X; def respond_to?(*) = raise('no'); end; OUTPUT['a'] = 1; OUTPUT['b'] = [1, X.new]; OUTPUT['c'] = 2
    0 {"a":1,"c":2} -
    error[E0703]: OUTPUT["b"][1] cannot be read (RuntimeError: no): use .to_s, or a hash of what matters in it
      22: set here
OUTPUT['a'] = 1; OUTPUT['b'] = BasicObject.new; OUTPUT['c'] = 2
    0 {"a":1,"c":2} -
    error[E0703]: OUTPUT["b"] is a BasicObject: use a hash of what matters in it
      22: set here
class X < Hash; def to_a = raise(NotImplementedError); end; OUTPUT['a'] = 1; OUTPUT['b'] = X[1, 2]; OUTPUT['c'] = 2
    0 {"a":1,"c":2} -
    error[E0703]: OUTPUT["b"] cannot be read (NotImplementedError: NotImplementedError): use .to_s, or a hash of what matters in it
      22: set here
class X < String; def dup = exit(3); end; OUTPUT['a'] = 1; OUTPUT['b'] = X.new('x'); OUTPUT['c'] = 2
    0 {"a":1,"c":2} -
    error[E0703]: OUTPUT["b"] cannot be read (SystemExit: exit): use .to_s, or a hash of what matters in it
      22: set here
class X; def inspect = raise('no'); end; OUTPUT['a'] = 1; OUTPUT[X.new] = 1; OUTPUT['c'] = 2
    0 {"a":1,"c":2} -
    error[E0703]: OUTPUT has a key that cannot be shown: use a string
OUTPUT['a'] = 1; OUTPUT['b'] = { Float::NAN => 1, Float::INFINITY => 2, 1.5 => 3 }; OUTPUT['c'] = 2
    0 {"a":1,"c":2} -
    error[E0703]: OUTPUT["b"] has the key NaN, a Float: use a string
      22: set here
    error[E0703]: OUTPUT["b"] has the key Infinity, a Float: use a string
      22: set here
"#);
    let odd_perl = [
        "package T { sub TIEHASH { bless {} } sub FIRSTKEY { die 'no keys' } } tie my %h, 'T'; $OUTPUT{a} = 1; $OUTPUT{b} = \\%h; $OUTPUT{c} = 2;",
        "package T { sub TIESCALAR { bless [] } sub FETCH { die { code => 1 } } } tie my $s, 'T'; tie $OUTPUT{b}, 'T'; $OUTPUT{a} = 1; $OUTPUT{c} = [1, 2];",
        "package T { sub TIEARRAY { bless [] } sub FETCHSIZE { 2 } sub FETCH { $_[1] ? die 'second' : 1 } } tie my @l, 'T'; $OUTPUT{a} = 1; $OUTPUT{b} = \\@l; $OUTPUT{c} = 2;",
        "package O { use overload '\"\"' => sub { die 'text' }, '==' => sub { die 'same' }, 'bool' => sub { die 'bool' } } $OUTPUT{a} = 1; $OUTPUT{b} = bless {}, 'O'; $OUTPUT{c} = { d => [] };",
        "$SIG{__DIE__} = sub { exit 7 }; package T { sub TIEHASH { bless {} } sub FIRSTKEY { die 'no keys' } } tie my %h, 'T'; $OUTPUT{a} = 1; $OUTPUT{b} = \\%h;",
    ];
    assert_snapshot!(endings(perl, &odd_perl), @r#"
package T { sub TIEHASH { bless {} } sub FIRSTKEY { die 'no keys' } } tie my %h, 'T'; $OUTPUT{a} = 1; $OUTPUT{b} = \%h; $OUTPUT{c} = 2;
    0 {"a":1,"c":2} -
    error[E0703]: $OUTPUT{'b'} cannot be read (no keys): record what matters in it as a hash or a string
      22: set here
package T { sub TIESCALAR { bless [] } sub FETCH { die { code => 1 } } } tie my $s, 'T'; tie $OUTPUT{b}, 'T'; $OUTPUT{a} = 1; $OUTPUT{c} = [1, 2];
    0 {"a":1,"c":[1,2]} -
    error[E0703]: $OUTPUT{'b'} cannot be read (HASH): record what matters in it as a hash or a string
      22: set here
package T { sub TIEARRAY { bless [] } sub FETCHSIZE { 2 } sub FETCH { $_[1] ? die 'second' : 1 } } tie my @l, 'T'; $OUTPUT{a} = 1; $OUTPUT{b} = \@l; $OUTPUT{c} = 2;
    0 {"a":1,"c":2} -
    error[E0703]: $OUTPUT{'b'}[1] cannot be read (second): record what matters in it as a hash or a string
      22: set here
package O { use overload '""' => sub { die 'text' }, '==' => sub { die 'same' }, 'bool' => sub { die 'bool' } } $OUTPUT{a} = 1; $OUTPUT{b} = bless {}, 'O'; $OUTPUT{c} = { d => [] };
    0 {"a":1,"c":{"d":[]}} -
    error[E0703]: $OUTPUT{'b'} is a O: record what matters in it as a hash or a string
      22: set here
$SIG{__DIE__} = sub { exit 7 }; package T { sub TIEHASH { bless {} } sub FIRSTKEY { die 'no keys' } } tie my %h, 'T'; $OUTPUT{a} = 1; $OUTPUT{b} = \%h;
    0 {"a":1} -
    error[E0703]: $OUTPUT{'b'} cannot be read (no keys): record what matters in it as a hash or a string
      22: set here
"#);
}

#[test]
fn keys_that_look_like_ottos_own_and_like_the_languages_own_are_keys() {
    let made = [
        "OUTPUT.__proto__ = 'v'; OUTPUT['constructor'] = 1; OUTPUT.toString = 't'; console.log(OUTPUT.hasOwnProperty('__proto__'))",
        "for (const k of Object.keys(INPUT.p)) OUTPUT[k] = INPUT.p[k]; console.log(INPUT['p.__proto__'], JSON.stringify(INPUT.p.m))",
        "OUTPUT.m = { __otto_bytes__: '/w==' }; OUTPUT.k = { __otto_map__: { __otto_x__: 1 } }; OUTPUT.__otto_bytes__ = '/w=='",
        "OUTPUT.copy = [INPUT.p.bytes]; OUTPUT.integer = INPUT.p.integer; OUTPUT.big = INPUT.p.big + 1n",
    ];
    let json = r#"{"__proto__":"v","m":{"__otto_map__":{"__otto_bytes__":"/w=="}},"bytes":{"__otto_bytes__":"/w=="},
        "integer":{"__otto_integer__":"x"},"nested":[{"__proto__":{"a":1}}],"big":12345678901234567890,"__otto_bytes__":"/w=="}"#;
    let with = |make: fn(&str) -> Bench, texts: &[&str]| -> String {
        texts
            .iter()
            .map(|text| {
                let ran = input(make(text), "p", json).run();
                format!(
                    "{text}\n    {} {} {}{}",
                    ran.status,
                    ran.json(),
                    ran.out(),
                    said(&ran.hand_over.problems) + &ran.stderr
                )
            })
            .collect()
    };
    assert_snapshot!(with(node, &made), @r#"
OUTPUT.__proto__ = 'v'; OUTPUT['constructor'] = 1; OUTPUT.toString = 't'; console.log(OUTPUT.hasOwnProperty('__proto__'))
    0 {"__proto__":"v","constructor":1,"toString":"t"} true
for (const k of Object.keys(INPUT.p)) OUTPUT[k] = INPUT.p[k]; console.log(INPUT['p.__proto__'], JSON.stringify(INPUT.p.m))
    0 {"__proto__":"v","m":{"__otto_map__":{"__otto_bytes__":"/w=="}},"bytes":{"__otto_bytes__":"/w=="},"integer":{"__otto_map__":{"__otto_integer__":"x"}},"nested":[{"__proto__":{"a":1}}],"big":12345678901234567890,"__otto_bytes__":"/w=="} v {"__otto_bytes__":"/w=="}
OUTPUT.m = { __otto_bytes__: '/w==' }; OUTPUT.k = { __otto_map__: { __otto_x__: 1 } }; OUTPUT.__otto_bytes__ = '/w=='
    0 {"m":{"__otto_map__":{"__otto_bytes__":"/w=="}},"k":{"__otto_map__":{"__otto_map__":{"__otto_map__":{"__otto_x__":1}}}},"__otto_bytes__":"/w=="} OUTPUT.copy = [INPUT.p.bytes]; OUTPUT.integer = INPUT.p.integer; OUTPUT.big = INPUT.p.big + 1n
    0 {"copy":[{"__otto_bytes__":"/w=="}],"integer":{"__otto_map__":{"__otto_integer__":"x"}},"big":12345678901234567891}
"#);
    let copied = value::compact(&value::parse(json.as_bytes()).expect("JSON"));
    let copied =
        copied.replace(r#"{"__otto_integer__":"x"}"#, r#"{"__otto_map__":{"__otto_integer__":"x"}}"#);
    let ran = input(ruby("INPUT['p'].each { |k, v| OUTPUT[k] = v }; p INPUT['p']['m']"), "p", json).run();
    assert_eq!((ran.json(), ran.out().as_str()), (copied.clone(), "{\"__otto_bytes__\"=>\"/w==\"}\n"));
    let ran = input(
        perl("$OUTPUT{$_} = $INPUT{p}{$_} for keys %{$INPUT{p}}; print $INPUT{p}{m}{__otto_bytes__}"),
        "p",
        json,
    )
    .run();
    let sorted = |json: &str| {
        let Ok(Value::Map(mut map)) = value::parse(json.as_bytes()) else { panic!("{json}") };
        map.sort_by(|a, b| a.0.cmp(&b.0));
        value::compact(&Value::Map(map))
    };
    assert_eq!(
        (sorted(&ran.json()), ran.out().as_str()),
        (
            sorted(&copied.replace("12345678901234567890", "\"12345678901234567890\""))
                .replace("\"12345678901234567890\"", "12345678901234567890"),
            "/w=="
        )
    );
}

#[test]
fn perl_keeps_every_digit_of_a_number() {
    let texts = [
        "$OUTPUT{l} = [0.1 + 0.2, 1/3, 1e21, 123456789012345678, 2**53 + 1, 0.1, -1.5e-7, 1.7976931348623157e308, 5e-324, 100, -0.0];",
    ];
    assert_snapshot!(endings(perl, &texts), @r#"
$OUTPUT{l} = [0.1 + 0.2, 1/3, 1e21, 123456789012345678, 2**53 + 1, 0.1, -1.5e-7, 1.7976931348623157e308, 5e-324, 100, -0.0];
    0 {"l":[0.30000000000000004,0.3333333333333333,1e+21,123456789012345678,9007199254740992,0.1,-1.5e-07,1.7976931348623157e+308,4.94065645841247e-324,100,0]} -
"#);
}
