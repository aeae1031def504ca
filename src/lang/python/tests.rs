//! What Python bodies can rely on, shown by running them.

use crate::diagnostic::Diagnostic;
use crate::lang::harness::{Bench, Ran, given, needed};
use crate::lang::python::failing_line;
use crate::name::ParamName;
use crate::ottofile::spec::BodyKey;
use crate::store::inputs;
use crate::store::layout::RunDir;
use crate::store::outputs;
use crate::value::{self, Value};
use insta::assert_snapshot;
use proptest::prelude::*;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

/// The interpreter itself, past any wrapper on `PATH`.
static INTERPRETER: LazyLock<PathBuf> = LazyLock::new(|| {
    let ask = ["-c", "import sys; print(sys.executable)"];
    let output = Command::new(needed("python3")).args(ask).output().expect("python3 starts");
    PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim_end())
});

/// All Pythons that can be found: on `PATH`, and those that pyenv keeps.
static ALL: LazyLock<Vec<PathBuf>> = LazyLock::new(|| {
    let mut found = vec![INTERPRETER.clone()];
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    for minor in 6..=15 {
        let kept = fs::read_dir(home.join(".pyenv/versions")).into_iter().flatten().flatten();
        found.extend(kept.map(|version| version.path().join(format!("bin/python3.{minor}"))));
    }
    found.retain(|path| path.is_file());
    found
});

fn python(text: &str) -> Bench {
    Bench::new(BodyKey::Python, text).env("OTTO_PYTHON", &*INTERPRETER)
}

/// A dependency that is over, with these outputs.
fn input(mut bench: Bench, job: &str, json: &str) -> Bench {
    let Ok(Value::Map(values)) = value::parse(json.as_bytes()) else { panic!("{json}") };
    let input = given(job, values);
    let run = RunDir { path: bench.root.path().join("run") };
    let dir = run.job(&input.job);
    fs::create_dir_all(&dir.path).expect("made");
    outputs::write(&dir, &input.outputs, &crate::store::seal::Sealer::default()).expect("written");
    fs::create_dir_all(bench.dir()).expect("made");
    inputs::link_to(&run.job(&bench.job), &input.job, &dir).expect("linked");
    bench.inputs.push(input);
    bench
}

fn param(mut bench: Bench, name: &str, text: impl Into<OsString>) -> Bench {
    bench.params.push((ParamName::new(name).expect("a name"), text.into()));
    bench
}

/// Diagnostics with all their parts, a line each.
fn parts(diagnostics: &[Diagnostic]) -> String {
    let mut text = String::new();
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
    text
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
    if !ran.hand_over.problems.is_empty() {
        text += &format!("-- problems\n{}", parts(&ran.hand_over.problems));
    }
    let root = bench.root.path().to_str().expect("UTF-8");
    text.replace(root, "ROOT")
}

fn told(bench: &Bench) -> String {
    whole(bench, &bench.run())
}

// ── values ───────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn values_pass_with_their_types() {
    let bench = python(
        "OUTPUT['n'] = 42
OUTPUT['all'] = dict(INPUT)
print(INPUT['build.version'], INPUT['build']['meta']['n'], INPUT['build.meta.tags.1'], INPUT['build.meta.tags.#'])
print(INPUT.get('build.meta.n'), INPUT.get('build.x'), INPUT.get('build.x', 7), INPUT.get('build')['version'])
print('build.version' in INPUT, 'build' in INPUT, 'build.meta.n' in INPUT, 'build.x' in INPUT, 3 in INPUT)
print(len(INPUT), list(INPUT), sorted(INPUT.keys()), INPUT is OTTO_INPUT)
import json
print(json.dumps(INPUT), json.dumps(INPUT['build']))
",
    );
    let bench = input(bench, "build", r#"{"version": "1.2.3", "meta": {"tags": ["a", "b"], "n": 42}}"#);
    assert_snapshot!(told(&bench), @r#"
status 0
-- stdout
1.2.3 42 b 2
42 None 7 1.2.3
True True True False False
2 ['build.version', 'build.meta'] ['build.meta', 'build.version'] True
{"build.version": "1.2.3", "build.meta": {"tags": ["a", "b"], "n": 42}} {"version": "1.2.3", "meta": {"tags": ["a", "b"], "n": 42}}
-- outputs
{"n":42,"all":{"build.version":"1.2.3","build.meta":{"tags":["a","b"],"n":42}}}
"#);
}

#[test]
fn exact_json_for_every_type() {
    let bench = python(
        "import enum, pathlib, collections
class Size(enum.IntEnum):
    BIG = 3
class Name(str, enum.Enum):
    A = 'a'
class Text(str): pass
class Number(float): pass
OUTPUT.update(i=0, neg=-7, big=2**70, f=1.5, zero=-0.0, large=1e22, small=5e-324, t=True, n=None, l=[], d={}, tup=(1, (2,)),
    nested={'a': [{'b': None}]}, path=pathlib.Path('/a/b'), enum=Size.BIG, name=Name.A, text=Text('x'), number=Number(2),
    ordered=collections.OrderedDict(z=1, a=2), default=collections.defaultdict(list, k=[1]), point=collections.namedtuple('P', 'x y')(1, 2))
OUTPUT['ints'] = {1: 'a', True: 'b', None: 'c', 1.5: 'd'}
OUTPUT[7] = 'seven'
OUTPUT[''] = 'empty'
OUTPUT['text'] = 'quote\" back\\\\ \\n\\r\\t\\x00\\x01\\x7f \\u2028 \\ufeff żółć 👩‍💻'
shared = [1]
OUTPUT['shared'] = [shared, shared]
",
    );
    assert_snapshot!(told(&bench), @r#"
status 0
-- outputs
{"i":0,"neg":-7,"big":1180591620717411303424,"f":1.5,"zero":-0.0,"large":1e+22,"small":5e-324,"t":true,"n":null,"l":[],"d":{},"tup":[1,[2]],"nested":{"a":[{"b":null}]},"path":"/a/b","enum":3,"name":"a","text":"quote\" back\\ \n\r\t\u0000\u0001   ﻿ żółć 👩‍💻","number":2.0,"ordered":{"z":1,"a":2},"default":{"k":[1]},"point":[1,2],"ints":{"1":"b","null":"c","1.5":"d"},"7":"seven","":"empty","shared":[[1],[1]]}
"#);
}

#[test]
fn what_json_cannot_hold_is_listed_whole_with_its_remedy() {
    let bench = python(
        "import datetime, decimal, enum, dataclasses, asyncio, uuid, array
OUTPUT['good'] = 1
OUTPUT['a'] = {'when': [datetime.datetime(2024, 1, 1)], 'ok': 1, 'then': datetime.timedelta(1)}
OUTPUT['object'] = object()
OUTPUT['set'] = {1}
OUTPUT['decimal'] = decimal.Decimal('1.10')
OUTPUT['bytes'] = [b'x', bytearray(b'y')]
OUTPUT['function'] = lambda: 1
OUTPUT['nan'] = float('nan')
OUTPUT['inf'] = [[float('-inf')]]
class Colour(enum.Enum):
    RED = 1
OUTPUT['enum'] = Colour.RED
@dataclasses.dataclass
class Point:
    x: int = 1
OUTPUT['dataclass'] = Point()
OUTPUT['generator'] = (x for x in [])
async def later(): pass
OUTPUT['coroutine'] = coroutine = later()
coroutine.close()
OUTPUT['class'] = int
OUTPUT['module'] = asyncio
OUTPUT['range'] = range(3)
OUTPUT['keys'] = {}.keys()
OUTPUT['uuid'] = uuid.UUID(int=0)
OUTPUT['complex'] = 1j
OUTPUT['array'] = array.array('i', [1])
OUTPUT['error'] = ValueError('x')
OUTPUT['two'] = {1: 'a', '1': 'b'}
OUTPUT['tuple key'] = {(1, 2): 'x'}
loop = []
loop.append(loop)
OUTPUT['loop'] = {'again': loop}
deep = []
for _ in range(5000):
    deep = [deep]
OUTPUT['deep'] = deep
OUTPUT['half'] = 'x\\ud800y'
OUTPUT['form'] = {'__otto_bytes__': '/w=='}
OUTPUT['form of text'] = {'__otto_bytes__': 'aGk='}
class Broken:
    def __repr__(self): raise ValueError
    def __fspath__(self): raise RuntimeError('no path')
OUTPUT['broken'] = Broken()
",
    );
    assert_snapshot!(told(&bench), @r#"
status 0
-- outputs
{"good":1,"form":{"__otto_map__":{"__otto_bytes__":"/w=="}},"form of text":{"__otto_map__":{"__otto_bytes__":"aGk="}}}
-- problems
error[E0703]: OUTPUT['a']['when'][0] is a datetime: use .isoformat()
  23: OUTPUT['a'] <- set here
error[E0703]: OUTPUT['a']['then'] is a timedelta: use str(…)
  23: OUTPUT['a'] <- set here
error[E0703]: OUTPUT['object'] is an object: use str(…), or a dict of what matters in it
  24: OUTPUT['object'] <- set here
error[E0703]: OUTPUT['set'] is a set: use sorted(…) or list(…)
  25: OUTPUT['set'] <- set here
error[E0703]: OUTPUT['decimal'] is a Decimal: use str(…), or float(…) if that is exact enough
  26: OUTPUT['decimal'] <- set here
error[E0703]: OUTPUT['bytes'][0] is a bytes: use .decode() for text, base64 for anything else
  27: OUTPUT['bytes'] <- set here
error[E0703]: OUTPUT['bytes'][1] is a bytearray: use .decode() for text, base64 for anything else
  27: OUTPUT['bytes'] <- set here
error[E0703]: OUTPUT['function'] is a function: call it, and record what it returns
  28: OUTPUT['function'] <- set here
error[E0703]: OUTPUT['nan'] is nan, and JSON has no such number: use None or a string
  29: OUTPUT['nan'] <- set here
error[E0703]: OUTPUT['inf'][0][0] is -inf, and JSON has no such number: use None or a string
  30: OUTPUT['inf'] <- set here
error[E0703]: OUTPUT['enum'] is a Colour: use .value
  33: OUTPUT['enum'] <- set here
error[E0703]: OUTPUT['dataclass'] is a Point: use dataclasses.asdict(…)
  37: OUTPUT['dataclass'] <- set here
error[E0703]: OUTPUT['generator'] is a generator: use list(…)
  38: OUTPUT['generator'] <- set here
error[E0703]: OUTPUT['coroutine'] is a coroutine: await it first
  40: OUTPUT['coroutine'] <- set here
error[E0703]: OUTPUT['class'] is a class: use its __name__
  42: OUTPUT['class'] <- set here
error[E0703]: OUTPUT['module'] is a module: use str(…), or a dict of what matters in it
  43: OUTPUT['module'] <- set here
error[E0703]: OUTPUT['range'] is a range: use list(…)
  44: OUTPUT['range'] <- set here
error[E0703]: OUTPUT['keys'] is a dict_keys: use list(…)
  45: OUTPUT['keys'] <- set here
error[E0703]: OUTPUT['uuid'] is a UUID: use str(…), or a dict of what matters in it
  46: OUTPUT['uuid'] <- set here
error[E0703]: OUTPUT['complex'] is a complex: use [z.real, z.imag]
  47: OUTPUT['complex'] <- set here
error[E0703]: OUTPUT['array'] is an array: use .tolist()
  48: OUTPUT['array'] <- set here
error[E0703]: OUTPUT['error'] is a ValueError: use str(…), or a dict of what matters in it
  49: OUTPUT['error'] <- set here
error[E0703]: OUTPUT['two'] has the keys 1 and '1', which are one in JSON: rename one
  50: OUTPUT['two'] <- set here
error[E0703]: OUTPUT['tuple key'] has the key (1, 2), a tuple: use a string
  51: OUTPUT['tuple key'] <- set here
error[E0703]: OUTPUT['loop']['again'][0] contains itself: break the circle
  54: OUTPUT['loop'] <- set here
error[E0703]: OUTPUT['deep'][0][0][0][0][0][0][0][0][0][0][0]… is nested more than 128 levels deep: make it flatter
  58: OUTPUT['deep'] <- set here
error[E0703]: OUTPUT['half'] has half of a surrogate pair, '\ud800': use .encode('utf-8', 'replace').decode()
  59: OUTPUT['half'] <- set here
error[E0703]: OUTPUT['broken'] is a Broken that cannot be read (RuntimeError: no path): use str(…), or a dict of what matters in it
  65: OUTPUT['broken'] <- set here
"#);
}

#[test]
fn a_key_that_is_not_utf8_fails_the_task_and_the_others_are_recorded() {
    let bench =
        python("import os\nOUTPUT['a'] = 1\nOUTPUT[os.fsdecode(b'caf\\xe9')] = 2\nOUTPUT['x\\ud800'] = 3\n");
    assert_snapshot!(told(&bench), @r#"
status 0
-- outputs
{"a":1}
-- problems
error[E0703]: OUTPUT has the key b'caf\xe9', which is not UTF-8: use a key that is
error[E0703]: OUTPUT has the key b'x\xed\xa0\x80', which is not UTF-8: use a key that is
"#);
}

#[test]
fn text_that_is_not_utf8_goes_through_as_the_same_bytes() {
    let bench = python(
        "import os
OUTPUT['bytes'] = [os.fsdecode(b'caf\\xe9'), {'k': os.fsdecode(b'\\xff\\xfe\\xed\\xa0\\x80\\xc0\\xaf')}]
OUTPUT['same'] = INPUT['a.k']
print(os.fsencode(INPUT['a.k']), os.fsencode(INPUT['a.l.0']), INPUT['a.map'])
",
    );
    let bench = input(
        bench,
        "a",
        r#"{"k": {"__otto_bytes__": "Y2Fm6Q=="}, "l": [{"__otto_bytes__": "/w=="}], "map": {"__otto_bytes__": "aGk="}}"#,
    );
    assert_snapshot!(told(&bench), @r#"
status 0
-- stdout
b'caf\xe9' b'\xff' {'__otto_bytes__': 'aGk='}
-- outputs
{"bytes":[{"__otto_bytes__":"Y2Fm6Q=="},{"k":{"__otto_bytes__":"//7toIDArw=="}}],"same":{"__otto_bytes__":"Y2Fm6Q=="}}
"#);
}

#[test]
fn numbers_of_any_length_go_in_and_out() {
    let digits = "7".repeat(5001);
    let bench = input(
        python("OUTPUT['n'] = INPUT['a.n'] + 1\nOUTPUT['m'] = 10**5000\n"),
        "a",
        &format!("{{\"n\": {digits}}}"),
    );
    let ran = bench.run();
    assert_eq!(
        ran.json(),
        format!("{{\"n\":{}8,\"m\":1{}}}", &digits[1..], "0".repeat(5000)),
        "{}",
        ran.stderr
    );
}

// ── how a script ends ────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn large_values_and_many_keys_are_everyday() {
    let text =
        "OUTPUT.update((f'k{i}', i) for i in range(10000)); OUTPUT['big'] = 'it\\'s \\\\ ż\\n' * (1 << 20)\n";
    let first = python(text).run();
    assert!(first.succeeded() && first.values().len() == 10_001, "{}", first.stderr);
    let copy = python("OUTPUT.update(INPUT['a'])\n");
    let second = input(copy, "a", &value::compact(&Value::Map(first.values().clone()))).run();
    assert!(second.succeeded() && second.values() == first.values(), "{}", second.stderr);
    assert_eq!(second.text("big").map(str::len), Some(10 << 20));
}

#[test]
fn outputs_are_recorded_however_a_script_ends_and_the_status_is_that_of_plain_python() {
    let endings = [
        "pass",
        "sys.exit()",
        "sys.exit(3)",
        "sys.exit('told')",
        "sys.exit(-1)",
        "quit()",
        "raise SystemExit(5)",
        "raise ValueError('bad')",
        "raise KeyboardInterrupt",
        "os.kill(os.getpid(), signal.SIGINT)",
        "raise RecursionError",
        "raise MemoryError",
        "raise GeneratorExit",
        "assert False, 'no'",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "os.kill(os.getpid(), signal.SIGHUP)",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os._exit(0)",
        "os._exit(4)",
        "os.execvp('true', ['true'])",
        "otto_serialize_output()\nos.execvp('true', ['true'])",
        "otto_serialize_output('x')\nos._exit(0)",
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))\nos.kill(os.getpid(), signal.SIGTERM)",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.kill(os.getpid(), signal.SIGTERM)",
        "sys.excepthook = lambda *_: print('hooked', file=sys.stderr)\n1/0",
        "import atexit\natexit.register(lambda: OUTPUT.update(late=2))",
        "import threading, time\nthreading.Thread(target=lambda: (time.sleep(.05), OUTPUT.update(late=2))).start()",
        "sys.setrecursionlimit(60)\nOUTPUT['k'] = [[[[[[[[[[1]]]]]]]]]]",
    ];
    let mut text = String::new();
    for ending in endings {
        let bench = python(&format!("import os, sys, signal\nOUTPUT['k'] = 1\n{ending}\n"));
        let ran = bench.run();
        let last = ran.stderr.trim_end().lines().last().unwrap_or("-").to_owned();
        text += &format!("{}\n    {} {} {last}\n", ending.replace('\n', "; "), ran.status, ran.json());
        text.extend(ran.problems().lines().map(|line| format!("    {line}\n")));
    }
    assert_snapshot!(text, @r#"
pass
    0 {"k":1} -
sys.exit()
    0 {"k":1} -
sys.exit(3)
    3 {"k":1} -
sys.exit('told')
    1 {"k":1} told
sys.exit(-1)
    255 {"k":1} -
quit()
    0 {"k":1} -
raise SystemExit(5)
    5 {"k":1} -
raise ValueError('bad')
    1 {"k":1} ValueError: bad
raise KeyboardInterrupt
    130 {"k":1} KeyboardInterrupt
os.kill(os.getpid(), signal.SIGINT)
    130 {"k":1} KeyboardInterrupt
raise RecursionError
    1 {"k":1} RecursionError
raise MemoryError
    1 {"k":1} MemoryError
raise GeneratorExit
    1 {"k":1} GeneratorExit
assert False, 'no'
    1 {"k":1} AssertionError: no
os.kill(os.getpid(), signal.SIGTERM)
    143 {"k":1} -
os.kill(os.getpid(), signal.SIGHUP)
    129 {"k":1} -
os.kill(os.getpid(), signal.SIGKILL)
    137 {} -
os._exit(0)
    0 {} -
    error[E0701]: `build` ended with status 0, but its outputs were never saved
os._exit(4)
    4 {} -
os.execvp('true', ['true'])
    0 {} -
    error[E0701]: `build` ended with status 0, but its outputs were never saved
otto_serialize_output(); os.execvp('true', ['true'])
    0 {"k":1} -
otto_serialize_output('x'); os._exit(0)
    0 {"k":1} -
signal.signal(signal.SIGTERM, lambda *_: sys.exit(9)); os.kill(os.getpid(), signal.SIGTERM)
    9 {"k":1} -
signal.signal(signal.SIGTERM, signal.SIG_IGN); os.kill(os.getpid(), signal.SIGTERM)
    0 {"k":1} -
sys.excepthook = lambda *_: print('hooked', file=sys.stderr); 1/0
    1 {"k":1} hooked
import atexit; atexit.register(lambda: OUTPUT.update(late=2))
    0 {"k":1,"late":2} -
import threading, time; threading.Thread(target=lambda: (time.sleep(.05), OUTPUT.update(late=2))).start()
    0 {"k":1,"late":2} -
sys.setrecursionlimit(60); OUTPUT['k'] = [[[[[[[[[[1]]]]]]]]]]
    0 {"k":[[[[[[[[[[1]]]]]]]]]]} -
"#);
}

#[test]
fn a_script_that_sets_nothing_may_end_as_it_likes() {
    for text in ["import os\nos._exit(0)\n", "import os\nos.execvp('true', ['true'])\n"] {
        let ran = python(text).run();
        assert!(ran.succeeded(), "{text}: {}", ran.problems());
    }
}

#[test]
fn whether_something_is_lost_is_known_and_not_read_from_the_text() {
    let lost = [
        "globals()['OUT' 'PUT']['k'] = 1\nos.execvp('true', ['true'])",
        "globals()['OUT' 'PUT']['k'] = 1\nos._exit(0)",
        "otto_serialize_output()\nOUTPUT['late'] = 1\nos._exit(0)",
        "OUTPUT['k'] = 1\notto_serialize_output()\nOUTPUT['k'] = 2\nos.execv('/bin/true', ['true'])",
        "os.environ['OT' 'TO_X'] = '1'\nos._exit(0)",
        "OUTPUT['k'] = {1}\nos._exit(0)",
    ];
    let kept = [
        "print(os.environ['OTTO_TASK_DIR'] is None, len(OUTPUT))\nos._exit(0)",
        "print('OUTPUT', 'otto_set_output')\nos.execvp('true', ['true'])",
        "OUTPUT['k'] = 1\nif os.fork() == 0: os._exit(0)\nos.wait()",
        "OUTPUT['k'] = 1\nif os.fork() == 0: os.execvp('true', ['true'])\nos.wait()",
        "OUTPUT['k'] = 1\ntry: os.execv('/no/such', ['x'])\nexcept OSError: pass",
        "OUTPUT['k'] = 1\notto_serialize_output()\nos._exit(0)",
        "OUTPUT['k'] = 1\notto_serialize_output()\nOUTPUT['k'] = 2\ntry: os.execv('/no/such', ['x'])\nexcept OSError: OUTPUT['k'] = 1",
    ];
    let told = |texts: &[&str]| -> String {
        let mut told = String::new();
        for text in texts {
            let ran = python(&format!("import os\n{text}\n")).run();
            let problems = ran.problems();
            let problems = if problems.is_empty() { "-" } else { problems.trim_end() };
            told += &format!("{}\n    {} {} {problems}\n", text.replace('\n', "; "), ran.status, ran.json());
        }
        told
    };
    assert_snapshot!(told(&lost), @r#"
globals()['OUT' 'PUT']['k'] = 1; os.execvp('true', ['true'])
    0 {} error[E0701]: `build` ended with status 0, but its outputs were never saved
globals()['OUT' 'PUT']['k'] = 1; os._exit(0)
    0 {} error[E0701]: `build` ended with status 0, but its outputs were never saved
otto_serialize_output(); OUTPUT['late'] = 1; os._exit(0)
    0 {} error[E0701]: `build` ended with status 0, but its outputs were never saved
OUTPUT['k'] = 1; otto_serialize_output(); OUTPUT['k'] = 2; os.execv('/bin/true', ['true'])
    0 {"k":1} error[E0701]: `build` ended with status 0, but its outputs were never saved
os.environ['OT' 'TO_X'] = '1'; os._exit(0)
    0 {} error[E0701]: `build` ended with status 0, but its outputs were never saved
OUTPUT['k'] = {1}; os._exit(0)
    0 {} error[E0701]: `build` ended with status 0, but its outputs were never saved
"#);
    assert_snapshot!(told(&kept), @r#"
print(os.environ['OTTO_TASK_DIR'] is None, len(OUTPUT)); os._exit(0)
    0 {} -
print('OUTPUT', 'otto_set_output'); os.execvp('true', ['true'])
    0 {} -
OUTPUT['k'] = 1; if os.fork() == 0: os._exit(0); os.wait()
    0 {"k":1} -
OUTPUT['k'] = 1; if os.fork() == 0: os.execvp('true', ['true']); os.wait()
    0 {"k":1} -
OUTPUT['k'] = 1; try: os.execv('/no/such', ['x']); except OSError: pass
    0 {"k":1} -
OUTPUT['k'] = 1; otto_serialize_output(); os._exit(0)
    0 {"k":1} -
OUTPUT['k'] = 1; otto_serialize_output(); OUTPUT['k'] = 2; try: os.execv('/no/such', ['x']); except OSError: OUTPUT['k'] = 1
    0 {"k":1} -
"#);
}

#[test]
fn a_daemon_thread_that_writes_on_does_no_harm() {
    let text = "import threading, itertools
def write():
    for n in itertools.count():
        OUTPUT[f'k{n % 5000}'] = n
threading.Thread(target=write, daemon=True).start()
while len(OUTPUT) < 100: pass
";
    let ran = python(text).run();
    assert!(ran.succeeded() && ran.values().len() >= 100, "{} {}", ran.stderr, ran.problems());
}

#[test]
fn children_leave_the_data_of_their_parent_alone() {
    let bench = python(
        "import os, sys
OUTPUT['k'] = 1
child = os.fork()
if child == 0:
    OUTPUT['child'] = 2
    OUTPUT['again'] = 2
    sys.exit(0)
os.waitpid(child, 0)
child = os.fork()
if child == 0:
    raise ValueError('in the child')
os.waitpid(child, 0)
OUTPUT['end'] = 3
",
    );
    assert_snapshot!(told(&bench), @r#"
status 0
-- stderr
otto: otto.yml:build, line 25: OUTPUT is set in a child process, from where it is not recorded; return the value to the process of the task
Traceback (most recent call last):
  File "otto.yml:build", line 31, in <module>
    raise ValueError('in the child')
ValueError: in the child
-- outputs
{"k":1,"end":3}
"#);
}

#[test]
fn a_child_can_be_ended_from_its_first_moment_on() {
    let text = "import os, signal
signal.alarm(60)
for _ in range(300):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        while True:
            signal.pause()
    os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    OUTPUT[str(status)] = signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
";
    let ran = python(text).run();
    assert_eq!((ran.status, ran.json().as_str()), (0, r#"{"15":true}"#), "{}", ran.stderr);
}

#[test]
fn every_start_method_of_multiprocessing_works_with_inputs() {
    for method in ["fork", "spawn", "forkserver"] {
        let text = r#""""A script."""
from __future__ import annotations
import multiprocessing, concurrent.futures, os, sys
BASE = int(INPUT['a.n'])
class Point:
    def __init__(self, x): self.x = x
def work(n):
    OUTPUT['lost'] = n
    return Point(BASE + n + INPUT['a']['n'] + int(factor) + len(PARAMS))
if __name__ == '__main__':
    context = multiprocessing.get_context('METHOD')
    with context.Pool(2) as pool:
        OUTPUT['pool'] = [point.x for point in pool.map(work, range(3))]
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        OUTPUT['executor'] = [point.x for point in pool.map(work, [10])]
"#;
        let bench = python(&text.replace("METHOD", method));
        let ran = param(input(bench, "a", r#"{"n": 100}"#), "factor", "1000").run();
        assert_eq!(ran.json(), r#"{"pool":[1201,1202,1203],"executor":[1211]}"#, "{method} {}", ran.stderr);
        let told = "otto: otto.yml:build, line 28: OUTPUT is set in a child process";
        assert!(ran.stderr.contains(told), "{method} {}", ran.stderr);
        assert!(ran.succeeded(), "{}", ran.problems());
    }
}

#[test]
fn an_output_that_became_something_else_is_told() {
    let cases = [
        "OUTPUT['old'] = 1\nOUTPUT = {'k': 1}",
        "OUTPUT = {'k': 1}\nOUTPUT['l'] = 2",
        "OUTPUT['k'] = 1\nOUTPUT = [1]",
        "OUTPUT['k'] = 1\ndel OUTPUT",
        "OUTPUT['k'] = 1\nOUTPUT = {**OUTPUT, 'l': 2}",
        "def f():\n    x = 1\n    OUTPUT = {'k': 1}\nf()",
        "def f():\n    global OUTPUT\n    OUTPUT = {'k': 1}\nf()",
        "def f(OUTPUT):\n    OUTPUT['k'] = 1\nf(OUTPUT)",
        "def f():\n    OUTPUT: dict = {}\n    def g(): OUTPUT['k'] = 1\n    g()\nf()",
        "OTTO_OUTPUT = {'k': 1}\nOUTPUT['l'] = 2",
        "OTTO_OUTPUT = 5",
        "import __main__\n__main__.OTTO_OUTPUT['k'] = 1\n__main__.OUTPUT['l'] = 2",
        "OUTPUT['k'] = 1\nglobals().clear()",
    ];
    let all = cases.map(|text| format!("{text}\n{}", told(&python(&format!("{text}\n")))));
    assert_snapshot!(all.join("\n"), @r#"
OUTPUT['old'] = 1
OUTPUT = {'k': 1}
status 0
-- outputs
{"k":1}
-- problems
warning[E0706]: OUTPUT was replaced, which drops 'old'

OUTPUT = {'k': 1}
OUTPUT['l'] = 2
status 0
-- outputs
{"k":1,"l":2}

OUTPUT['k'] = 1
OUTPUT = [1]
status 0
-- outputs
{"k":1}
-- problems
error[E0709]: OUTPUT is a list now: write OUTPUT['key'] = value

OUTPUT['k'] = 1
del OUTPUT
status 0
-- outputs
{"k":1}

OUTPUT['k'] = 1
OUTPUT = {**OUTPUT, 'l': 2}
status 0
-- outputs
{"k":1,"l":2}

def f():
    x = 1
    OUTPUT = {'k': 1}
f()
status 0
-- problems
warning[E0706]: OUTPUT is a variable of `f` here, and what it holds is lost: write OUTPUT['key'] = value, or `global OUTPUT` before
  23: OUTPUT = {'k': 1} <- set here

def f():
    global OUTPUT
    OUTPUT = {'k': 1}
f()
status 0
-- outputs
{"k":1}

def f(OUTPUT):
    OUTPUT['k'] = 1
f(OUTPUT)
status 0
-- outputs
{"k":1}

def f():
    OUTPUT: dict = {}
    def g(): OUTPUT['k'] = 1
    g()
f()
status 0
-- problems
warning[E0706]: OUTPUT is a variable of `f` here, and what it holds is lost: write OUTPUT['key'] = value, or `global OUTPUT` before
  22: OUTPUT: dict = {} <- set here

OTTO_OUTPUT = {'k': 1}
OUTPUT['l'] = 2
status 0
-- outputs
{"k":1,"l":2}

OTTO_OUTPUT = 5
status 0
-- problems
error[E0709]: OTTO_OUTPUT is an int now: write OUTPUT['key'] = value

import __main__
__main__.OTTO_OUTPUT['k'] = 1
__main__.OUTPUT['l'] = 2
status 0
-- outputs
{"k":1,"l":2}

OUTPUT['k'] = 1
globals().clear()
status 0
-- outputs
{"k":1}
"#);
}

// ── a script like any other ──────────────────────────────────────────────────────────────────────────────────

#[test]
fn every_form_of_script_runs_as_in_plain_python() {
    let forms = [
        "from __future__ import annotations\ndef f(x: nope): pass\nOUTPUT['k'] = __doc__\n",
        "'''doc'''\nOUTPUT['k'] = __doc__\n",
        "'''doc'''\nfrom __future__ import annotations\nOUTPUT['k'] = __doc__\n",
        "# -*- coding: latin-1 -*-\nOUTPUT['k'] = 'ż'\n",
        "\u{feff}OUTPUT['k'] = 1\n",
        "OUTPUT['k'] = '''a\r\nb'''\r\nif 1:\r\n    OUTPUT['l'] = 1\r\n",
        "",
        "\n\n",
        "# only a comment",
        "OUTPUT['k'] = 1; OUTPUT['no newline'] = 2",
        "#!/usr/bin/env python3\nOUTPUT['k'] = 1\n",
        "if __name__ == '__main__':\n    OUTPUT['k'] = 1\n",
    ];
    let all = forms.map(|text| {
        let ran = python(text).run();
        format!("{text:?} {} {} {}{}", ran.status, ran.json(), ran.stderr, ran.problems())
    });
    assert_snapshot!(all.join("\n"), @r##"
"from __future__ import annotations\ndef f(x: nope): pass\nOUTPUT['k'] = __doc__\n" 0 {"k":null} 
"'''doc'''\nOUTPUT['k'] = __doc__\n" 0 {"k":"doc"} 
"'''doc'''\nfrom __future__ import annotations\nOUTPUT['k'] = __doc__\n" 0 {"k":"doc"} 
"# -*- coding: latin-1 -*-\nOUTPUT['k'] = 'ż'\n" 0 {"k":"ż"} 
"\u{feff}OUTPUT['k'] = 1\n" 0 {"k":1} 
"OUTPUT['k'] = '''a\r\nb'''\r\nif 1:\r\n    OUTPUT['l'] = 1\r\n" 0 {"k":"a\nb","l":1} 
"" 0 {} 
"\n\n" 0 {} 
"# only a comment" 0 {} 
"OUTPUT['k'] = 1; OUTPUT['no newline'] = 2" 0 {"k":1,"no newline":2} 
"#!/usr/bin/env python3\nOUTPUT['k'] = 1\n" 0 {"k":1} 
"if __name__ == '__main__':\n    OUTPUT['k'] = 1\n" 0 {"k":1}
"##);
}

#[test]
fn names_are_those_of_a_main_script_and_ottos_own() {
    let bench = python(
        "names = dict(globals())
import sys, os, __main__
print([name for name in sorted(names) if name[:2] != '__'])
print(__name__, __doc__, __package__, __spec__, __builtins__ is sys.modules['builtins'])
print(__file__ == sys.argv[0], os.path.basename(__file__), sys.argv[1:])
print(sys.modules['__main__'] is __main__, __main__.__file__ == __file__, __main__.__dict__ is globals())
print([path for path in sys.path if os.environ['HOME'] in path], os.getcwd() == sys.path[0])
",
    );
    assert_snapshot!(told(&bench), @"
status 0
-- stdout
['BLUE', 'BOLD', 'CYAN', 'DIM', 'GREEN', 'INPUT', 'MAGENTA', 'NC', 'OTTO_INPUT', 'OTTO_OUTPUT', 'OUTPUT', 'PARAMS', 'RED', 'WHITE', 'YELLOW', 'otto_deserialize_input', 'otto_get_input', 'otto_serialize_output', 'otto_set_output']
__main__ None None None True
True script.py []
True True True
['ROOT/project', 'ROOT/run/tasks/build/.otto/source'] True
");
}

#[test]
fn the_tools_that_look_at_source_work() {
    let bench = python(
        "import inspect, pickle, dataclasses, asyncio, typing
def function():
    return 1
@dataclasses.dataclass
class Point:
    x: 'int' = 1
print(inspect.getsource(function), end='')
class Plain:
    y = 2
print(inspect.getsource(Plain), end='')
print(inspect.getsourcelines(function)[1], function.__code__.co_filename)
print(pickle.loads(pickle.dumps(Point(3))), typing.get_type_hints(Point))
async def main():
    await asyncio.sleep(0)
    return 'async'
print(asyncio.run(main()))
",
    );
    assert_snapshot!(told(&bench), @"
status 0
-- stdout
def function():
    return 1
class Plain:
    y = 2
22 otto.yml:build
Point(x=3) {'x': <class 'int'>}
async
");
}

#[test]
fn modules_of_the_project_are_found() {
    let bench = python("import mymod\nOUTPUT['k'] = mymod.value()\n");
    let module = "import __main__
def value():
    __main__.OUTPUT['by'] = __main__.INPUT['a.k']
    return 1
";
    fs::write(bench.project().join("mymod.py"), module).expect("written");
    assert_snapshot!(told(&input(bench, "a", r#"{"k": "v"}"#)), @r#"
status 0
-- outputs
{"by":"v","k":1}
"#);
}

#[test]
fn lines_are_seen_as_soon_as_they_are_complete() {
    let bench = python("import os\nprint('first', end=' ')\nprint('line')\nos.write(1, b'second\\n')\n");
    assert_eq!(bench.run().out(), "first line\nsecond\n");
}

// ── hostile scripts ──────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn what_is_exported_through_a_module_that_was_loaded_anew_is_saved() {
    for again in ["del sys.modules['os']\nimport os", "import importlib\nimportlib.reload(os)"] {
        let text = format!("import os, sys\n{again}\nos.environ['OTTO_K'] = 'v'\nOUTPUT['k'] = 1\n");
        let ran = python(&text).run();
        assert_eq!((ran.status, ran.json().as_str()), (0, r#"{"k":1,"OTTO_K":"v"}"#), "{text}: {ran:?}");
    }
}

#[test]
fn nothing_that_a_script_breaks_costs_its_data() {
    let harms = [
        "json = os = sys = open = len = dict = str = type = isinstance = print = None",
        "import builtins\nvars(builtins).update([(name, None) for name in dir(builtins) if name[0].islower()])",
        "import os\nos.open = os.write = os.getpid = os.fsencode = os.environ = None",
        "import posix\nposix.write = posix.open = None",
        "import os\nos.chdir('/')",
        "import os\nos.mkdir('gone'); os.chdir('gone'); os.rmdir(os.getcwd())",
        "import os\nos.closerange(0, 100)",
        "import sys\nsys.stdout = sys.stderr = None",
        "import sys\nsys.stdout.close(); sys.stderr.close()",
        "import os\nos.umask(0o777)",
        "import os\nos.environ.clear()",
        "import os\nos.environ = {}",
        "import sys\nsys.modules.clear()",
        "import sys\nsys.path.clear(); sys.meta_path.clear()",
        "import sys\nsys.argv.clear()",
        "import sys\nsys.settrace(lambda *a: None); sys.setprofile(lambda *a: None)",
        "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (6, 6))",
        "import sys\nsys.stdout = open('/dev/full', 'w'); print('x')",
        "import os\nos.environ['OTTO_TASK_DIR'] = '/tmp'",
        "import os, sys\nos.remove(sys.argv[0])",
        "__builtins__ = {}",
        "del __builtins__, __name__, __loader__, __file__",
    ];
    let mut text = String::new();
    for harm in harms {
        let bench = python(&format!("OUTPUT['k'] = {{'ż': [1, 'x']}}\n{harm}\n"));
        let ran = bench.run();
        let is_whole = ran.json() == r#"{"k":{"ż":[1,"x"]}}"#;
        text += &format!("{} {is_whole} {}\n", ran.status, harm.lines().last().unwrap_or_default());
    }
    assert_snapshot!(text, @"
0 true json = os = sys = open = len = dict = str = type = isinstance = print = None
0 true vars(builtins).update([(name, None) for name in dir(builtins) if name[0].islower()])
0 true os.open = os.write = os.getpid = os.fsencode = os.environ = None
0 true posix.write = posix.open = None
0 true os.chdir('/')
0 true os.mkdir('gone'); os.chdir('gone'); os.rmdir(os.getcwd())
0 true os.closerange(0, 100)
0 true sys.stdout = sys.stderr = None
0 true sys.stdout.close(); sys.stderr.close()
0 true os.umask(0o777)
0 true os.environ.clear()
0 true os.environ = {}
0 true sys.modules.clear()
0 true sys.path.clear(); sys.meta_path.clear()
0 true sys.argv.clear()
0 true sys.settrace(lambda *a: None); sys.setprofile(lambda *a: None)
0 true resource.setrlimit(resource.RLIMIT_NOFILE, (6, 6))
120 true sys.stdout = open('/dev/full', 'w'); print('x')
0 true os.environ['OTTO_TASK_DIR'] = '/tmp'
0 true os.remove(sys.argv[0])
0 true __builtins__ = {}
0 true del __builtins__, __name__, __loader__, __file__
");
}

#[test]
fn a_full_disk_is_an_error_and_the_c_locale_is_none() {
    let ran = python("OUTPUT['k'] = 'żółć'\n").env("LC_ALL", "C").run();
    assert_eq!(ran.json(), r#"{"k":"żółć"}"#);
    // A file that takes no byte stands for a disk without room.
    let bench = python(
        "import os
dump = os.environ['OTTO_TASK_DIR'] + '/.otto/dump'
os.remove(dump)
os.symlink('/dev/full', dump)
OUTPUT['k'] = 1
",
    );
    assert_snapshot!(told(&bench), @"
status 0
-- stderr
otto: cannot save the outputs in ROOT/run/tasks/build/.otto/dump: No space left on device
-- problems
error[E0701]: `build` ended with status 0, but its outputs were never saved
  note: the process was replaced (`os.exec…`), exited with `os._exit`, or could not write
  help: exit with `sys.exit()`, or call `otto_serialize_output()` first
");
}

#[test]
fn what_global_objects_record_when_python_deletes_them_counts() {
    let ends = "class Ends:
    def __init__(self, key, out=None):
        self.key, self.out = key, out
    def __del__(self):
        print('del', self.key)
        (OUTPUT if self.out is None else self.out)[self.key] = [1, b'\\xff'.decode('utf-8', 'surrogateescape')]
";
    let cases = [
        "ends = Ends('global')",
        "held = [Ends('a'), {'k': Ends('b')}]",
        "ends = Ends('given', OUTPUT)",
        "OUTPUT = {'new': 1}\nends = Ends('set anew')",
        "ends = Ends('after exit')\nraise SystemExit(3)",
        "ends = Ends('after an error')\nraise ValueError",
        "ends = Ends('called'); OUTPUT['k'] = 1\notto_serialize_output()",
        "import atexit; ends = Ends('last')\natexit.register(lambda: OUTPUT.update(first=1))",
        "import threading; ends = Ends('thread')\nthreading.Thread(target=lambda: OUTPUT.update(t=1)).start()",
        // The class of a value knows all globals.
        "class D(dict): pass\nOUTPUT['d'] = D(a=1); ends = Ends('own class')",
        "class D(dict): pass\nOUTPUT['d'] = [{'k': D(a=1)}]; ends = Ends('held', OUTPUT)\nraise SystemExit(3)",
        "class D(list): pass\nOUTPUT['d'] = D([1]); held = [Ends('list')]",
        "class D(dict):\n    def items(self): raise ValueError\nends = Ends('odd'); OUTPUT['d'] = D(a=1)",
    ];
    let mut texts = Vec::new();
    // Older ones than otto asks for have no way to know when they are at their end.
    let is_old = |path: &PathBuf| path.ends_with("python3.6") || path.ends_with("python3.7");
    for interpreter in ALL.iter().filter(|path| !is_old(path)) {
        let mut text = String::new();
        for case in cases {
            let ran = python(&format!("{ends}{case}\n")).env("OTTO_PYTHON", interpreter).run();
            text += &format!("{} {:?} {}\n{}", ran.status, ran.out(), ran.json(), ran.problems());
        }
        texts.push(text);
    }
    texts.dedup();
    assert_snapshot!(texts.join("and:\n"), @r#"
0 "del global\n" {"global":[1,{"__otto_bytes__":"/w=="}]}
0 "del a\ndel b\n" {"a":[1,{"__otto_bytes__":"/w=="}],"b":[1,{"__otto_bytes__":"/w=="}]}
0 "del given\n" {"given":[1,{"__otto_bytes__":"/w=="}]}
0 "del set anew\n" {"new":1,"set anew":[1,{"__otto_bytes__":"/w=="}]}
3 "del after exit\n" {"after exit":[1,{"__otto_bytes__":"/w=="}]}
1 "del after an error\n" {"after an error":[1,{"__otto_bytes__":"/w=="}]}
0 "del called\n" {"k":1,"called":[1,{"__otto_bytes__":"/w=="}]}
0 "del last\n" {"first":1,"last":[1,{"__otto_bytes__":"/w=="}]}
0 "del thread\n" {"t":1,"thread":[1,{"__otto_bytes__":"/w=="}]}
0 "del own class\n" {"d":{"a":1},"own class":[1,{"__otto_bytes__":"/w=="}]}
3 "del held\n" {"d":[{"k":{"a":1}}],"held":[1,{"__otto_bytes__":"/w=="}]}
0 "del list\n" {"d":[1],"list":[1,{"__otto_bytes__":"/w=="}]}
0 "del odd\n" {"d":{"a":1},"odd":[1,{"__otto_bytes__":"/w=="}]}
"#);
}

#[test]
fn one_odd_value_is_named_and_costs_no_other() {
    let bench = python(
        "import unittest.mock, collections
class Lies(int):
    __class__ = property(lambda self: dict)
class Raises:
    @property
    def __class__(self): raise RuntimeError('no class')
    def __getattr__(self, name): raise RuntimeError('nothing')
    def __repr__(self): raise RuntimeError('no text')
class Path:
    def __fspath__(self): raise SystemExit(9)
class Number:
    def __fspath__(self): return 7
class Meta(type):
    def __getattr__(cls, name): raise RuntimeError('meta')
class Odd(metaclass=Meta): pass
class Items(list):
    def __iter__(self): raise RuntimeError('no items')
class Keys(dict):
    def keys(self): raise RuntimeError('no keys')
    items = values = __iter__ = __contains__ = get = keys
class Key(str):
    def __str__(self): raise RuntimeError('no text')
    __repr__ = __format__ = encode = __str__
class Lazy:
    def __init__(self, make): object.__setattr__(self, 'make', make)
    __class__ = property(lambda self: type(self.make()))
    def __getattr__(self, name): return getattr(self.make(), name)
OUTPUT['first'] = 1
OUTPUT['mock'] = unittest.mock.MagicMock(spec=dict)
OUTPUT['int'] = Lies(3)
OUTPUT['raises'] = Raises()
OUTPUT['inside'] = {'good': 1, 'list': [1, Raises()]}
OUTPUT['path'] = Path()
OUTPUT['number'] = Number()
OUTPUT['meta'] = Odd()
OUTPUT['items'] = Items([1])
OUTPUT['keys'] = Keys(a=1)
OUTPUT[Key('key')] = Key('text')
OUTPUT['lazy'] = Lazy(dict)
OUTPUT[Raises()] = 1
OUTPUT['last'] = 2
",
    );
    assert_snapshot!(told(&bench), @r#"
status 0
-- outputs
{"first":1,"int":3,"items":[1],"keys":{"a":1},"key":"text","last":2}
-- problems
error[E0703]: OUTPUT has the key <a Raises>, a Raises: use a string
error[E0703]: OUTPUT['mock'] is a MagicMock: use str(…), or a dict of what matters in it
  49: OUTPUT['mock'] <- set here
error[E0703]: OUTPUT['raises'] is a Raises: use str(…), or a dict of what matters in it
  51: OUTPUT['raises'] <- set here
error[E0703]: OUTPUT['inside']['list'][1] is a Raises: use str(…), or a dict of what matters in it
  52: OUTPUT['inside'] <- set here
error[E0703]: OUTPUT['path'] is a Path that cannot be read (SystemExit: 9): use str(…), or a dict of what matters in it
  53: OUTPUT['path'] <- set here
error[E0703]: OUTPUT['number'] is a Number that cannot be read (TypeError: descriptor '__str__' requires a 'str' object but received a 'int'): use str(…), or a dict of what matters in it
  54: OUTPUT['number'] <- set here
error[E0703]: OUTPUT['meta'] is an Odd that cannot be read (RuntimeError: meta): use str(…), or a dict of what matters in it
  55: OUTPUT['meta'] <- set here
error[E0703]: OUTPUT['lazy'] is a Lazy: use str(…), or a dict of what matters in it
  59: OUTPUT['lazy'] <- set here
"#);
    assert_snapshot!(told(&python("import unittest.mock
OUTPUT['k'] = 1
OUTPUT = unittest.mock.MagicMock(spec=dict)
")), @r#"
status 0
-- outputs
{"k":1}
-- problems
error[E0709]: OUTPUT is a MagicMock now: write OUTPUT['key'] = value
"#);
}

#[test]
fn a_number_that_json_lacks_is_no_key_either() {
    let bench = python(
        "nan, inf = float('nan'), float('inf')
OUTPUT['good'] = {1.5: 1, 10**30: 2, None: 3, True: 4}
OUTPUT['m'] = {nan: 1, inf: 2, -inf: 3, 'k': 4}
OUTPUT[nan] = OUTPUT[inf] = 1
OUTPUT['null'] = [{None: 1, 'null': 2}]
",
    );
    assert_snapshot!(told(&bench), @r#"
status 0
-- outputs
{"good":{"1.5":1,"1000000000000000000000000000000":2,"null":3,"true":4}}
-- problems
error[E0703]: OUTPUT has the key nan, a float: use a string
error[E0703]: OUTPUT has the key inf, a float: use a string
error[E0703]: OUTPUT['m'] has the key nan, a float: use a string
  23: OUTPUT['m'] <- set here
error[E0703]: OUTPUT['m'] has the key inf, a float: use a string
  23: OUTPUT['m'] <- set here
error[E0703]: OUTPUT['m'] has the key -inf, a float: use a string
  23: OUTPUT['m'] <- set here
error[E0703]: OUTPUT['null'][0] has the keys None and 'null', which are one in JSON: rename one
  25: OUTPUT['null'] <- set here
"#);
}

#[test]
fn a_dict_whose_only_key_looks_like_ottos_own_stays_a_dict() {
    let bench = python(
        "OUTPUT['bytes'] = {'__otto_bytes__': '/w=='}
OUTPUT['map'] = {'__otto_map__': {'__otto_bytes__': '/w=='}}
OUTPUT['twice'] = [{'__otto_map__': {'__otto_map__': {'__otto_secret__': {'a': 1}}}}]
OUTPUT['other'] = {'__otto_secret__': '0123', 'k': {'__otto_x__': None}}
OUTPUT['text'] = {'__otto_bytes__': b'\\xff'.decode('utf-8', 'surrogateescape')}
OUTPUT['__otto_bytes__'] = '/w=='
",
    );
    let ran = bench.run();
    assert_snapshot!(whole(&bench, &ran), @r#"
status 0
-- outputs
{"bytes":{"__otto_map__":{"__otto_bytes__":"/w=="}},"map":{"__otto_map__":{"__otto_map__":{"__otto_map__":{"__otto_bytes__":"/w=="}}}},"twice":[{"__otto_map__":{"__otto_map__":{"__otto_map__":{"__otto_map__":{"__otto_map__":{"__otto_secret__":{"a":1}}}}}}}],"other":{"__otto_secret__":"0123","k":{"__otto_map__":{"__otto_x__":null}}},"text":{"__otto_map__":{"__otto_bytes__":{"__otto_bytes__":"/w=="}}},"__otto_bytes__":"/w=="}
"#);
    let copies =
        input(python("OUTPUT.update(INPUT['build'])\nprint(INPUT['build'])\n"), "build", &ran.json());
    let copied = copies.run();
    assert_eq!(copied.json(), ran.json());
    assert_snapshot!(copied.out(), @r"{'bytes': {'__otto_bytes__': '/w=='}, 'map': {'__otto_map__': {'__otto_bytes__': '/w=='}}, 'twice': [{'__otto_map__': {'__otto_map__': {'__otto_secret__': {'a': 1}}}}], 'other': {'__otto_secret__': '0123', 'k': {'__otto_x__': None}}, 'text': {'__otto_bytes__': '\udcff'}, '__otto_bytes__': '/w=='}");
    let top = input(
        python("print(INPUT['build'], INPUT['build.__otto_bytes__'])\n"),
        "build",
        r#"{"__otto_bytes__":"/w=="}"#,
    );
    assert_snapshot!(top.run().out(), @"{'__otto_bytes__': '/w=='} /w==");
}

#[test]
fn what_is_written_round_a_value_counts_as_a_level() {
    let body = |name: &str, count: u32, step: &str, inner: &str| {
        format!(
            "value = {inner}\nfor _ in range({count}): value = {step}\nOUTPUT['{name}'] = value\nOUTPUT['k'] = 1\n"
        )
    };
    for (most, step, inner) in [
        (127, "[value]", "1"),
        (126, "[value]", "b'\\xff'.decode('utf-8', 'surrogateescape')"),
        (126, "(value,)", "{'a': 1}"),
        (125, "[value]", "{'__otto_x__': 1}"),
        (63, "{'__otto_x__': value}", "1"),
    ] {
        let ran = python(&body("whole", most, step, inner)).run();
        assert_eq!((ran.values().len(), ran.problems().as_str()), (2, ""), "{most} {step} {inner}");
        let ran = python(&body("deep", most + 1, step, inner)).run();
        assert_eq!(ran.json(), r#"{"k":1}"#);
        assert!(ran.problems().contains("is nested more than 128 levels deep"), "{}", ran.problems());
    }
}

#[test]
fn inputs_are_there_whatever_way_a_script_finds_to_them() {
    let ways = [
        "f = lambda: 0\nprint(f.__getattribute__('__glo' + 'bals__')['IN' + 'PUT']['build.k'])",
        "print(('{0._' + '_glo' + 'bals_' + '_[IN' + 'PUT][build.k]}').format(lambda: 0))",
        "print(__builtins__.__dict__['ev' + 'al']('IN' + 'PUT')['build.k'])",
        "print(ＩＮＰＵＴ['build.k'])",
    ];
    for way in ways {
        let ran = input(python(&format!("{way}\n")), "build", r#"{"k": "v"}"#).run();
        assert_eq!((ran.out(), ran.status), ("v\n".into(), 0), "{way}: {}", ran.stderr);
    }
}

#[test]
fn an_emptied_search_path_takes_nothing_from_otto() {
    let bench = python(
        "import sys
sys.path.clear(); sys.path_importer_cache.clear(); sys.path_hooks.clear(); sys.meta_path.clear()
OUTPUT['bytes'] = b'\\xff'.decode('utf-8', 'surrogateescape')
OUTPUT['set'] = {1}
otto_get_input('build.kex')
INPUT['build.kex']
",
    );
    // Python 3.11 and newer mark the place in the line.
    let told = told(&input(bench, "build", r#"{"key": "v"}"#)).replace("    ~~~~~^^^^^^^^^^^^^\n", "");
    assert_snapshot!(told, @r#"
    status 1
    -- stderr
    otto: `build` has no output 'kex'; it has key; did you mean 'key'?
    Traceback (most recent call last):
      File "otto.yml:build", line 26, in <module>
        INPUT['build.kex']
    KeyError: `build` has no output 'kex'; it has key; did you mean 'key'?
    -- outputs
    {"bytes":{"__otto_bytes__":"/w=="}}
    -- problems
    error[E0703]: OUTPUT['set'] is a set: use sorted(…) or list(…)
      24: OUTPUT['set'] <- set here
    "#);
}

#[test]
fn colours_give_way_to_what_is_declared() {
    let bench = || python("print(RED, GREEN, repr(NC))\n");
    assert_snapshot!(bench().run().out(), @r"\033[0;31m \033[0;32m '\\033[0m'");
    assert_snapshot!(bench().env("RED", "item").env("GREEN", "").run().out(), @r"item  '\\033[0m'");
    assert_snapshot!(param(bench(), "RED", "param").env("RED", "env").run().out(), @r"param \033[0;32m '\\033[0m'");
    assert_snapshot!(bench().env("NO_COLOR", "1").env("RED", "mine").run().out(), @"mine  ''");
    assert_snapshot!(bench().env("NO_COLOR", "").run().out(), @r"\033[0;31m \033[0;32m '\\033[0m'");
}

// ── errors ───────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn errors_show_the_lines_of_the_ottofile_and_nothing_of_otto() {
    let cases = [
        "x = 1\ndef f():\n    raise ValueError('bad')\nf()\n",
        "x = 1\nx = = 1\n",
        "x = 1\n  y = 1\n",
        "x = 1\nreturn 5\n",
        "import nosuchmodule\n",
        "try:\n    1/0\nexcept ZeroDivisionError:\n    {}['k']\n",
        "x = 1\nprint(undefined)\n",
        "import warnings\nwarnings.warn('careful')\n",
        "try:\n    INPUT['a.k']\nexcept KeyError as e:\n    raise RuntimeError('wrapped') from e\n",
        "exec(compile('1/0', 'other.py', 'exec'))\n",
    ];
    let mut text = String::new();
    for case in cases {
        let bench = python(case);
        let ran = bench.run();
        let line = bench.with_script(|script| failing_line(script, ran.stderr.as_bytes()));
        text += &format!("{}line {line:?}\n\n", whole(&bench, &ran));
    }
    assert_snapshot!(without_carets(&text), @r#"
    status 1
    -- stderr
    Traceback (most recent call last):
      File "otto.yml:build", line 24, in <module>
        f()
      File "otto.yml:build", line 23, in f
        raise ValueError('bad')
    ValueError: bad
    line Some(23)

    status 1
    -- stderr
      File "otto.yml:build", line 22
        x = = 1
    SyntaxError: invalid syntax
    line Some(22)

    status 1
    -- stderr
      File "otto.yml:build", line 22
        y = 1
    IndentationError: unexpected indent
    line Some(22)

    status 1
    -- stderr
      File "otto.yml:build", line 22
        return 5
    SyntaxError: 'return' outside function
    line Some(22)

    status 1
    -- stderr
    Traceback (most recent call last):
      File "otto.yml:build", line 21, in <module>
        import nosuchmodule
    ModuleNotFoundError: No module named 'nosuchmodule'
    line Some(21)

    status 1
    -- stderr
    Traceback (most recent call last):
      File "otto.yml:build", line 22, in <module>
        1/0
    ZeroDivisionError: division by zero

    During handling of the above exception, another exception occurred:

    Traceback (most recent call last):
      File "otto.yml:build", line 24, in <module>
        {}['k']
    KeyError: 'k'
    line Some(24)

    status 1
    -- stderr
    Traceback (most recent call last):
      File "otto.yml:build", line 22, in <module>
        print(undefined)
    NameError: name 'undefined' is not defined
    line Some(22)

    status 0
    -- stderr
    otto.yml:build:22: UserWarning: careful
      warnings.warn('careful')
    line None

    status 1
    -- stderr
    Traceback (most recent call last):
      File "otto.yml:build", line 22, in <module>
        INPUT['a.k']
    KeyError: INPUT['a.k']: `build` depends on no task; name one in its `needs`

    The above exception was the direct cause of the following exception:

    Traceback (most recent call last):
      File "otto.yml:build", line 24, in <module>
        raise RuntimeError('wrapped') from e
    RuntimeError: wrapped
    line Some(24)

    status 1
    -- stderr
    Traceback (most recent call last):
      File "otto.yml:build", line 21, in <module>
        exec(compile('1/0', 'other.py', 'exec'))
      File "other.py", line 1, in <module>
    ZeroDivisionError: division by zero
    line Some(21)
    "#);
}

#[test]
fn threads_show_their_lines_too() {
    let text = "import threading
thread = threading.Thread(target=lambda: 1/0)
thread.start(); thread.join()
";
    let stderr = python(text).run().stderr;
    let shown = "  File \"otto.yml:build\", line 22, in <lambda>\n    thread = threading.Thread(target=lambda: 1/0)\n";
    assert!(stderr.contains(shown), "{stderr}");
}

/// Newer Pythons underline what failed.
fn without_carets(text: &str) -> String {
    let is_underline =
        |line: &&str| !line.trim().is_empty() && line.trim().trim_matches(['^', '~']).is_empty();
    text.lines().filter(|line| !is_underline(line)).map(|line| format!("{line}\n")).collect()
}

#[test]
fn an_input_that_is_not_there_is_told_with_what_is() {
    let cases = [
        "INPUT['build.verion']",
        "INPUT['build']['verion']",
        "INPUT['build.meta.nme']",
        "INPUT['build.meta.tags.7']",
        "INPUT['bild.version']",
        "INPUT['version']",
        "INPUT['nothing']",
        "INPUT[3]",
        "INPUT['empty.k']",
        "INPUT['empty']['k']",
        "OTTO_INPUT['build.x']",
    ];
    let mut text = String::new();
    for case in cases {
        let bench = python(&format!("x = 1\n{case}\n"));
        let json = r#"{"version": "1.2.3", "meta": {"name": 1, "tags": []}, "artifact": "a"}"#;
        let bench = input(input(bench, "build", json), "empty", "{}");
        let ran = bench.run();
        text += &without_carets(&whole(&bench, &ran)).replace("Traceback (most recent call last):\n", "");
    }
    text += &without_carets(&told(&python("INPUT['a.b']\n")));
    assert_snapshot!(text, @r#"
    status 1
    -- stderr
      File "otto.yml:build", line 22, in <module>
        INPUT['build.verion']
    KeyError: `build` has no output 'verion'; it has version, meta, artifact; did you mean 'version'?
    status 1
    -- stderr
      File "otto.yml:build", line 22, in <module>
        INPUT['build']['verion']
    KeyError: `build` has no output 'verion'; it has version, meta, artifact; did you mean 'version'?
    status 1
    -- stderr
      File "otto.yml:build", line 22, in <module>
        INPUT['build.meta.nme']
    KeyError: 'meta' of `build` has no key 'nme'; it has name, tags; did you mean 'name'?
    status 1
    -- stderr
      File "otto.yml:build", line 22, in <module>
        INPUT['build.meta.tags.7']
    KeyError: 'tags' of 'meta' of `build` has no '7': it is a list of 0
    status 1
    -- stderr
      File "otto.yml:build", line 22, in <module>
        INPUT['bild.version']
    KeyError: `bild` is not a dependency of `build`, which depends on `build`, `empty`; did you mean `build`?
    status 1
    -- stderr
      File "otto.yml:build", line 22, in <module>
        INPUT['version']
    KeyError: INPUT['version'] does not say of which task; did you mean 'build.version'?
    status 1
    -- stderr
      File "otto.yml:build", line 22, in <module>
        INPUT['nothing']
    KeyError: `nothing` is not a dependency of `build`, which depends on `build`, `empty`; add `nothing` to its `needs`
    status 1
    -- stderr
      File "otto.yml:build", line 22, in <module>
        INPUT[3]
    KeyError: INPUT has keys like 'task.key', and 3 is an int
    status 1
    -- stderr
      File "otto.yml:build", line 22, in <module>
        INPUT['empty.k']
    KeyError: `empty` recorded no outputs, so there is no 'k'
    status 1
    -- stderr
      File "otto.yml:build", line 22, in <module>
        INPUT['empty']['k']
    KeyError: `empty` recorded no outputs, so there is no 'k'
    status 1
    -- stderr
      File "otto.yml:build", line 22, in <module>
        OTTO_INPUT['build.x']
    KeyError: `build` has no output 'x'; it has version, meta, artifact
    status 1
    -- stderr
    Traceback (most recent call last):
      File "otto.yml:build", line 21, in <module>
        INPUT['a.b']
    KeyError: INPUT['a.b']: `build` depends on no task; name one in its `needs`
    "#);
}

/// `--json`, Show and Replay know it by that.
#[test]
fn a_missing_input_is_a_hint_too() {
    let hints = |text: &str| {
        let json = r#"{"version": "1.2.3", "meta": {"name": 1, "tags": []}}"#;
        let bench = input(input(python(&format!("x = 1\n{text}\n")), "build", json), "empty", "{}");
        format!("{}\n", bench.run().hints.join("\n"))
    };
    let cases = [
        "INPUT['build.verion']",
        "INPUT['build']['x']",
        "INPUT['build.meta.nme']",
        "INPUT['build.meta.tags.7']",
        "INPUT['bild.version']",
        "INPUT['version']",
        "INPUT['nothing']",
        // An exception that is not ours, a caught one, one with another cause.
        "{}['build']",
        "raise KeyError('`a` has no friends')",
        "try:\n    INPUT['build.x']\nexcept KeyError:\n    raise ValueError('no')",
    ];
    assert_snapshot!(cases.map(hints).concat(), @"
    `build` has no output 'verion'; it has version, meta
    `build` has no output 'x'; it has version, meta
    'meta' of `build` has no key 'nme'; it has name, tags
    'tags' of 'meta' of `build` has no '7': it is a list of 0
    `bild` is not a dependency of `build`, which depends on `build`, `empty`
    INPUT['version'] does not say of which task
    `nothing` is not a dependency of `build`, which depends on `build`, `empty`
    ");
}

#[test]
fn a_missing_input_is_a_key_error_to_a_script() {
    let bench = python(
        "import pickle
try:
    INPUT['build.x']
except KeyError as error:
    print(error.args, type(error).__name__, error)
    print(repr(pickle.loads(pickle.dumps(error))))
try:
    INPUT['build']['x']
except LookupError as error:
    print(error)
import traceback
for look in ('build.x', 'build', 'nope'):
    try:
        INPUT[look]['y']
    except KeyError:
        print(''.join(traceback.format_exc().split('    ~')[0].splitlines(True)[:3]), end='')
        assert 'runtime' not in traceback.format_exc()
",
    );
    assert_snapshot!(told(&input(bench, "build", r#"{"version": 1}"#)), @r#"
status 0
-- stdout
('build.x',) KeyError `build` has no output 'x'; it has version
KeyError("`build` has no output 'x'; it has version")
`build` has no output 'x'; it has version
Traceback (most recent call last):
  File "otto.yml:build", line 34, in <module>
    INPUT[look]['y']
Traceback (most recent call last):
  File "otto.yml:build", line 34, in <module>
    INPUT[look]['y']
Traceback (most recent call last):
  File "otto.yml:build", line 34, in <module>
    INPUT[look]['y']
"#);
}

// ── older names, exports, parameters ─────────────────────────────────────────────────────────────────────────

#[test]
fn the_older_functions_work() {
    let bench = python(
        "otto_deserialize_input('build')
otto_deserialize_input('other')
print(otto_get_input('build.n'), otto_get_input('build.build_id'), otto_get_input('b.zz', 'dflt'))
print(repr(otto_get_input('build.nosuch')), otto_get_input('build.zz', None))
otto_set_output('k', 42)
otto_serialize_output()
otto_serialize_output('task')
import __main__
__main__.OTTO_OUTPUT['l'] = __main__.OTTO_INPUT.get('build.n', 0)
__main__.otto_set_output('m', 1)
print(RED + 'x' + NC, 'GREENISH' in globals(), 'BLU' + 'E' in globals())
",
    );
    assert_snapshot!(told(&input(bench, "build", r#"{"n": 1, "Build-ID": "x"}"#)), @r#"
status 0
-- stdout
1 x dflt
'' None
\033[0;31mx\033[0m False True
-- stderr
otto: `other` is not a dependency of `build`, which depends on `build`
otto: `build` has no output 'nosuch'; it has n, Build-ID
-- outputs
{"k":42,"l":1,"m":1}
"#);
}

#[test]
fn variables_that_a_script_sets_in_the_environment_are_exports() {
    let bench = python(
        "import os
os.environ['OTTO_V'] = '1.2.3'
os.environ['OTTO_BYTES'] = os.fsdecode(b'caf\\xe9')
os.environ['OTTO_CHANGED'] = 'new'
os.environ['OTTO_GONE'] = 'x'
del os.environ['OTTO_GONE']
os.environ['OTTO_TASK'] = 'zzz'
os.environ['OTHER'] = 'x'
os.environ['OTTO_SAME'] = os.environ['OTTO_SAME']
os.environ.setdefault('OTTO_KEPT', '2')
import copy, subprocess
assert copy.deepcopy(os.environ) == os.environ == dict(os.environ)
assert subprocess.run(['printenv', 'OTTO_V'], stdout=subprocess.PIPE).stdout.strip() == b'1.2.3'
",
    );
    let bench = bench.env("OTTO_CHANGED", "old").env("OTTO_KEPT", "1").env("OTTO_SAME", "2");
    assert_snapshot!(told(&bench), @r#"
status 0
-- outputs
{"OTTO_SAME":"2","OTTO_CHANGED":"new","OTTO_V":"1.2.3","OTTO_BYTES":{"__otto_bytes__":"Y2Fm6Q=="}}
-- exports
OTTO_BYTES OTTO_CHANGED OTTO_SAME OTTO_V
"#);
}

#[test]
fn parameters_are_data_whatever_they_are_called() {
    let bench = python(
        "print(msg, dry_run, PARAMS['msg'] == msg, sorted(PARAMS))
print(format, format(255, 'x'), format == 'json', list, list('ab'), PARAMS['class'], __name__)
OUTPUT['format'] = format
OUTPUT['raw'] = raw
",
    );
    let bench = param(bench, "msg", "it's $(touch X) \"; echo INJ; \"\n%s");
    let bench = param(param(bench, "dry-run", "true"), "format", "json");
    let bench = param(param(param(bench, "list", "l"), "class", "c"), "__name__", "n");
    let bench = param(bench, "raw", OsString::from_vec(b"caf\xe9".to_vec()));
    assert_snapshot!(told(&bench), @r#"
status 0
-- stdout
it's $(touch X) "; echo INJ; "
%s true True ['__name__', 'class', 'dry_run', 'format', 'list', 'msg', 'raw']
json ff True l ['a', 'b'] c __main__
-- outputs
{"format":"json","raw":{"__otto_bytes__":"Y2Fm6Q=="}}
"#);
    assert!(!bench.project().join("X").exists());
}

// ── the script, and running it by hand ───────────────────────────────────────────────────────────────────────

#[test]
fn the_script_explains_itself_and_keeps_the_lines() {
    let bench = input(python("print(1)\n"), "build", r#"{"version": 1, "a\nb": 2, "coding: x": 3}"#);
    let mut bench = param(bench, "env", "x");
    let show = |bench: &Bench| {
        bench.prepared();
        let text = fs::read_to_string(bench.dir().join("script.py")).expect("there");
        let lines = text.lines().enumerate().map(|(number, line)| format!("{:2} {line}\n", number + 1));
        lines.collect::<String>().replace(INTERPRETER.to_str().expect("UTF-8"), "PYTHON")
    };
    assert_snapshot!(show(&bench), @r#"
     1 #!PYTHON
     2 # The task build of otto.yml.
     3 # INPUT["task.key"] reads a value of a dependency:
     4 #   build: version, "a\nb", "coding : x"
     5 # OUTPUT["key"] = value sets a value for the tasks that depend on this one.
     6 # Parameters are variables, and PARAMS["name"]: env.
     7 # To see the values of dependencies: cat "$OTTO_TASK_DIR"/input.*.json
     8 # If you run it by hand, it gets the same inputs and records nothing.
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
    20 import os, sys; os.execv(sys.executable, [sys.executable, os.path.dirname(os.path.abspath(__file__)) + "/.otto/runner.py", "try", *sys.argv])  # otto: the lines of the task follow
    21 print(1)
    "#);
    for first_line in [2, 3, 4, 6, 9] {
        bench.at_line(first_line, "print(1)\n1/0\n");
        let lines = show(&bench);
        assert_eq!(lines.lines().nth(first_line - 1).map(|line| &line[3..]), Some("print(1)"), "{lines}");
        let stderr = bench.run().stderr;
        let shown = format!("\"otto.yml:build\", line {}, in <module>\n    1/0", first_line + 1);
        assert!(stderr.contains(&shown), "{stderr}");
    }
    bench.at_line(5, "print(1)\n");
    assert_snapshot!(show(&bench), @r#"
    1 #!PYTHON
    2 # The task build of otto.yml.
    3 # INPUT["task.key"] reads a value of a dependency:  #   build: version, "a\nb", "coding : x"  # OUTPUT["key"] = value sets a value for the tasks that depend on this one.  # Parameters are variables, and PARAMS["name"]: env.  # To see the values of dependencies: cat "$OTTO_TASK_DIR"/input.*.json  # If you run it by hand, it gets the same inputs and records nothing.
    4 import os, sys; os.execv(sys.executable, [sys.executable, os.path.dirname(os.path.abspath(__file__)) + "/.otto/runner.py", "try", *sys.argv])  # otto: the lines of the task follow
    5 print(1)
    "#);
    bench.at_line(1, "1/0\n");
    let stderr = bench.run().stderr;
    assert!(stderr.contains("\"otto.yml:build\", line 1, in <module>\n    1/0"), "{stderr}");
    bench.body.has_true_lines = false;
    let stderr = bench.run().stderr;
    let shown = format!("\"{}\", line ", bench.dir().join("script.py").display());
    assert!(stderr.contains(&shown) && stderr.contains("    1/0"), "{stderr}");
}

#[test]
fn by_hand_a_script_sees_the_same_inputs_and_records_nothing() {
    let text = "import sys, os
print(INPUT['a.k'], msg, sys.argv[1:], os.environ['OTTO_TASK'], os.getcwd() == sys.path[0])
OUTPUT['o'] = 1
OUTPUT['p'] = {1}
";
    let futures = [
        "",
        "from __future__ import annotations\n",
        "'''doc'''\nfrom __future__ import annotations, division\r\nfrom __future__ import generator_stop\n",
        "from __future__ import (annotations)\n",
    ];
    for future in futures {
        let bench = param(input(python(&format!("{future}{text}")), "a", r#"{"k": "v"}"#), "msg", "hello");
        let ran = bench.run();
        assert_eq!(ran.out(), "v hello [] build True\n", "{}", ran.stderr);
        let script = bench.dir().join("script.py");
        let mut by_hand = vec![Command::new(&script)];
        // No statement may stand before it, and none was put behind this one.
        if !future.contains('(') {
            by_hand.push(Command::new(&*INTERPRETER));
            by_hand[1].arg(&script);
        }
        for mut command in by_hand {
            command.args(["x", "y z"]).env_clear().env("PATH", "/usr/bin:/bin").current_dir("/");
            let output = command.output().expect("started");
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            let stdout = String::from_utf8_lossy(&output.stdout);
            assert_eq!(stdout, "v hello ['x', 'y z'] build True\n", "{stderr}");
            assert_eq!(
                stderr,
                "otto: run by hand, so this is not recorded: {\"o\":1}\n\
                 otto: OUTPUT['p'] is a set: use sorted(…) or list(…)\n"
            );
        }
    }
}

#[test]
fn the_interpreter_is_the_one_that_was_asked_for() {
    let mut bench = python("OUTPUT['k'] = 1\n");
    bench.env.remove(OsStr::new("OTTO_PYTHON"));
    bench.env.insert("PATH".into(), bench.project().into());
    let refused = |bench: &Bench| {
        let error = bench.with_script(|script| crate::lang::prepare(script).expect_err("refused"));
        let text = parts(&[error.diagnostic]) + &error.code.to_string();
        text.replace(bench.root.path().to_str().expect("UTF-8"), "ROOT")
    };
    assert_snapshot!(refused(&bench), @"
error[E0601]: the interpreter `python3` was not found
  note: PATH is `ROOT/project`
  help: install Python, or set OTTO_PYTHON
127
");
    fs::write(bench.project().join("python3"), "").expect("written");
    assert_snapshot!(refused(&bench), @"
error[E0602]: the interpreter `python3` is not an executable file
  note: PATH is `ROOT/project`
  help: install Python, or set OTTO_PYTHON
126
");
    symlink(&*INTERPRETER, bench.project().join("python")).expect("linked");
    assert_eq!(bench.run().json(), r#"{"k":1}"#);
    bench.at_line(9, "#!/usr/bin/env -S python -O\nOUTPUT['k'] = __debug__\n");
    assert_eq!(bench.run().json(), r#"{"k":false}"#);
    bench.at_line(9, "#!/nonexistent/python3\n");
    assert_snapshot!(refused(&bench), @"
error[E0601]: the interpreter `/nonexistent/python3` was not found
127
");
}

// ── every version ────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn every_python_passes_data() {
    for interpreter in ALL.iter() {
        let bench = python(
            "from __future__ import generator_stop
import sys, os, inspect
OUTPUT['version'] = '%d.%d' % sys.version_info[:2]
OUTPUT['in'] = [INPUT['a.k'], INPUT['a.m.x.1'], INPUT['a']['n'], os.fsencode(INPUT['a.b']).hex()]
OUTPUT['out'] = {'f': 1.5, 'n': None, 'b': INPUT['a.b'], 'big': 2**70, 'long': INPUT['a.long'] == 10 ** 5000, 'ż': 'ż'}
os.environ['OTTO_V'] = '1'
OUTPUT['bad'] = {1}
class Point:
    x = 1
print(__name__, inspect.getsource(Point).strip(), end=' ')
INPUT['a.kk']
",
        );
        let long = format!("1{}", "0".repeat(5000));
        let json = r#"{"k": "v", "m": {"x": [1, true]}, "n": null, "b": {"__otto_bytes__": "Y2Fm6Q=="}, "long": LONG}"#;
        let ran = input(bench.env("OTTO_PYTHON", interpreter), "a", &json.replace("LONG", &long)).run();
        let version = ran.text("version").unwrap_or("none").to_owned();
        assert_eq!(
            ran.json().replace(&format!("{version:?}"), "V"),
            r#"{"version":V,"in":["v",true,null,"636166e9"],"out":{"f":1.5,"n":null,"b":{"__otto_bytes__":"Y2Fm6Q=="},"big":1180591620717411303424,"long":true,"ż":"ż"},"OTTO_V":"1"}"#,
            "{} {}",
            interpreter.display(),
            ran.stderr
        );
        assert_eq!((ran.status, ran.out().as_str()), (1, "__main__ class Point:\n    x = 1 "), "{version}");
        assert_eq!(ran.problems(), "error[E0703]: OUTPUT['bad'] is a set: use sorted(…) or list(…)");
        let shown = r#"Traceback (most recent call last):
  File "otto.yml:build", line 31, in <module>
    INPUT['a.kk']
KeyError: `a` has no output 'kk'; it has k, m, n, b, long; did you mean 'k'?
"#;
        assert_eq!(without_carets(&ran.stderr), shown, "{version}");
    }
}

#[test]
fn warnings_about_the_syntax_have_the_name_and_the_line() {
    let ran = python("x = 1\nif x is 'a':\n    pass\nOUTPUT['k'] = 1\n").run();
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert!(lines[0].starts_with("otto.yml:build:22: SyntaxWarning: \"is\" with "), "{}", ran.stderr);
    assert_eq!((lines[1], ran.json().as_str()), ("  if x is 'a':", r#"{"k":1}"#));
}

#[test]
fn two_inputs_under_one_name_are_told_and_each_can_be_named() {
    let bench = python("print(INPUT['a.b']['c'], INPUT['a']['b.c'], INPUT['a.b']['d'])\n");
    let bench = input(input(bench, "a", r#"{"b.c": 1, "x": 2}"#), "a.b", r#"{"c": 3, "d": 4}"#);
    let ran = bench.run();
    assert_eq!(ran.out(), "3 1 4\n", "{}", ran.stderr);
    assert_snapshot!(ran.warnings.join("\n"), @"`a.b.c` could be an output of `a` or of `a.b`");
}

// ── properties ───────────────────────────────────────────────────────────────────────────────────────────────

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i128>().prop_map(|number| Value::Number(number.to_string().into())),
        any::<f64>()
            .prop_filter("JSON has no other numbers", |number| number.is_finite())
            .prop_map(|number| Value::Number(format!("{number:e}").into())),
        any::<String>().prop_map(Value::String),
        "[\\x00-\\x1f\"'\\\\$`{}%n]{0,8}".prop_map(Value::String),
        proptest::collection::vec(any::<u8>(), 0..12).prop_map(Value::from_bytes),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
            proptest::collection::hash_map(any::<String>(), inner, 0..5)
                .prop_map(|map| Value::Map(map.into_iter().collect())),
        ]
    })
}

/// Equal, where Python may write the same float in another way.
fn is_same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(a), Value::Number(b)) if a.contains(['e', '.']) => {
            let bits = |text: &str| text.parse::<f64>().map(f64::to_bits);
            bits(a) == bits(b)
        }
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((a, x), (b, y))| a == b && is_same(x, y))
        }
        _ => ours == theirs,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_recorded_comes_back_from_python_as_it_was(
        values in proptest::collection::hash_map(any::<String>(), any_value(), 1..60),
    ) {
        let map = Value::Map(values.into_iter().collect());
        let bench = input(python("OUTPUT.update(INPUT['a'])\n"), "a", &value::compact(&map));
        let ran = bench.run();
        let theirs = Value::Map(ran.values().clone());
        prop_assert!(is_same(&map, &theirs), "{}\n{}\n{}", value::compact(&map), ran.json(), ran.problems());
        prop_assert!(ran.succeeded(), "{} {}", ran.stderr, ran.problems());
    }
}

proptest! {
    #[test]
    fn a_record_that_is_cut_anywhere_is_never_a_whole_one(
        first in any_value(), second in any_value(), cut in any::<proptest::sample::Index>(),
    ) {
        let record = |value: &Value| {
            let lines = format!("{}\n{{}}\n", value::compact(value));
            format!("{lines}otto-end {}\n", lines.len())
        };
        let one = record(&first);
        let both = one.clone() + &record(&second);
        let outputs = |bytes: &[u8]| crate::lang::json_record::last_record(bytes).map(|(outputs, _)| outputs.to_vec());
        prop_assert_eq!(outputs(both.as_bytes()), Some(value::compact(&second).into_bytes()));
        let cut = cut.index(both.len());
        let expected = (cut == one.len()).then(|| value::compact(&first).into_bytes());
        prop_assert_eq!(outputs(&both.as_bytes()[..cut]), expected);
    }

    #[test]
    fn no_bytes_at_all_make_the_reader_of_records_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), length in 0..80usize) {
        let _may_be_none = crate::lang::json_record::last_record(&bytes);
        let ended = [&bytes[..], format!("\notto-end {length}\n").as_bytes()].concat();
        let _may_be_some = crate::lang::json_record::last_record(&ended);
    }
}
