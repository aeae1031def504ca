//! What the check of the data flow says, held against what the same tasks do: random producers and consumers are checked,
//! and then run with the findings allowed, so that nothing is refused.

use crate::Project;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use regex::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

/// How a producer sets a key. `#` is the key, `@` its value.
const SHELL_SETS: &[&str] = &[
    "OUTPUT[#]=@",
    "otto.set # @",
    "OUTPUT+=([#]=@)",
    "OUTPUT=([#]=@)",
    "if true; then OUTPUT[#]=@; fi",
    "if false; then OUTPUT[#]=@; fi",
    "k=#; OUTPUT[$k]=@",
    "f() { OUTPUT[#]=@; }; f",
    "f() { OUTPUT[#]=@; }",
    "eval 'OUTPUT[#]=@'",
    "( OUTPUT[#]=@ )",
    "OUTPUT[#]=@; unset 'OUTPUT[#]'",
    "true || OUTPUT[#]=@",
    "for OUTPUT[#] in @; do :; done 2>/dev/null || true",
    "printf -v 'OUTPUT[#]' %s @",
    "read -r 'OUTPUT[#]' <<< @",
    "(( OUTPUT[#] = 5 ))",
    ": \"${OUTPUT[#]:=@}\"",
    "declare -n ref='OUTPUT[#]'; ref=@",
    "exit 0; OUTPUT[#]=@",
    "set +e; false; OUTPUT[#]=@",
];

const PYTHON_SETS: &[&str] = &[
    "OUTPUT[\"#\"] = \"@\"",
    "OUTPUT.update(#=\"@\")",
    "OUTPUT.update({\"#\": \"@\"})",
    "OUTPUT |= {\"#\": \"@\"}",
    "OUTPUT = {\"#\": \"@\"}",
    "exec('OUTPUT[\"#\"] = \"@\"')",
    "k = \"#\"; OUTPUT[k] = \"@\"",
    "if len(\"x\") == 1: OUTPUT[\"#\"] = \"@\"",
    "if len(\"x\") == 2: OUTPUT[\"#\"] = \"@\"",
    "OUTPUT[\"#\"] = \"@\"; del OUTPUT[\"#\"]",
    "o = OUTPUT; o[\"#\"] = \"@\"",
    "OUTPUT.setdefault(\"#\", \"@\")",
    "OUTPUT.update([(\"#\", \"@\")])",
    "OUTPUT.update(**{\"#\": \"@\"})",
    "(OUTPUT[\"#\"], x) = (\"@\", 1)",
    "for OUTPUT[\"#\"] in [\"@\"]: pass",
    "globals()[\"OUTPUT\"][\"#\"] = \"@\"",
];

/// How a consumer reads. `#` is the path.
const SHELL_READS: &[&str] = &[
    "echo \"${INPUT[#]}\"",
    "echo ${INPUT[#]}",
    "echo \"${INPUT['#']}\" \"${#INPUT[@]}\"",
    "x=\"${INPUT[#]}\"",
    "x=\"$(otto.get #)\"",
    "x=$(otto.get #)",
    "x=$(otto.get # none)",
    "local_x=$(echo \"${INPUT[#]}\")",
    "x=$(echo \"${INPUT[#]}\"; true)",
    "x=$(echo \"${INPUT[#]}\" | cat)",
    "echo \"$(otto.get #)\"",
    "echo \"$(echo \"${INPUT[#]}\")\"",
    "export x=$(otto.get #)",
    "declare x=\"$(echo \"${INPUT[#]}\")\"",
    "declare x=\"${INPUT[#]}\"",
    "x=1 y=\"${INPUT[#]}\" true",
    "otto.get #",
    "otto.get # > /dev/null; echo",
    "otto.get # none",
    "otto.get # || true",
    "otto.get # && echo yes",
    "! otto.get #",
    "if otto.get #; then echo yes; fi",
    "otto_get_input #",
    "[ -n \"${INPUT[#]}\" ] || true",
    "[[ -n ${INPUT[#]} ]] || true",
    "[[ a = b && -n ${INPUT[#]} ]] || true",
    "[[ a = b || -n ${INPUT[#]} ]] || true",
    "[[ -v INPUT[#] ]] || true",
    "[[ -v INPUT[#] ]] && echo \"${INPUT[#]}\" || true",
    "true || echo \"${INPUT[#]}\"",
    "false && echo \"${INPUT[#]}\" || true",
    "true && echo \"${INPUT[#]}\"",
    "if [ -n \"${INPUT[#]}\" ]; then :; fi",
    "if false; then echo \"${INPUT[#]}\"; fi",
    "if true; then :; elif [ -n \"${INPUT[#]}\" ]; then :; fi",
    "while [ -n \"${INPUT[#]}\" ]; do break; done",
    "until [ -z \"${INPUT[#]}\" ]; do break; done",
    "while false; do echo \"${INPUT[#]}\"; done",
    "for x in \"${INPUT[#]}\"; do :; done",
    "for x in; do echo \"${INPUT[#]}\"; done",
    "case \"${INPUT[#]}\" in *) ;; esac",
    "case x in y) echo \"${INPUT[#]}\" ;; esac",
    "case x in \"${INPUT[#]}\") ;; esac",
    "case x in x) ;; \"${INPUT[#]}\") ;; esac",
    "cat <<< \"${INPUT[#]}\"",
    "cat <<E\n${INPUT[#]}\nE",
    "cat <<'E'\n${INPUT[#]}\nE",
    "false && cat <<E || true\n${INPUT[#]}\nE",
    ": <<E\n${INPUT[#]}\nE",
    "f() { echo \"${INPUT[#]}\"; }",
    "f() { echo \"${INPUT[#]}\"; }; f",
    "( echo \"${INPUT[#]}\" )",
    "( echo \"${INPUT[#]}\" ) || true",
    "( exit 0; echo \"${INPUT[#]}\" )",
    "{ echo \"${INPUT[#]}\"; } || true",
    "{ echo \"${INPUT[#]}\"; }",
    "echo \"${INPUT[#]}\" | cat",
    "echo x | echo \"${INPUT[#]}\"",
    "echo \"${INPUT[#]}\" | cat || true",
    "cat < <(echo \"${INPUT[#]}\")",
    "! echo \"${INPUT[#]}\"",
    "! ( echo \"${INPUT[#]}\" )",
    "echo \"${INPUT[#]}\" & wait",
    "coproc echo \"${INPUT[#]}\"; wait",
    "time echo \"${INPUT[#]}\"",
    "y=1; echo \"${y:-${INPUT[#]}}\"",
    "y=; echo \"${y:-${INPUT[#]}}\"",
    "y=1; echo \"${y:+${INPUT[#]}}\"",
    "y=abc; echo \"${y#${INPUT[#]}}\"",
    "y=abc; echo \"${y//${INPUT[#]}/x}\"",
    "echo \"${INPUT[#]:-none}\"",
    "echo \"${INPUT[#]-none}\"",
    "echo \"${INPUT[#]+some}\"",
    "echo \"${INPUT[#]:+some}\"",
    "echo \"${INPUT[#]:?}\"",
    "echo \"${INPUT[#]:0:1}\"",
    "echo \"${INPUT[#]%x}\"",
    "echo \"${INPUT[#]^^}\"",
    "echo \"${INPUT[#]@Q}\"",
    "echo \"${#INPUT[#]}\"",
    "echo '${INPUT[#]}'",
    "echo \\${INPUT[#]}",
    "# ${INPUT[#]}",
    "(( 0 && ${INPUT[#]} )) || true",
    "(( 1 || INPUT[#] )) || true",
    "x=$(( 1 ? 2 : ${INPUT[#]:-0} ))",
    "arr=(\"${INPUT[#]}\")",
    "arr=(a); echo \"${arr[${INPUT[#]}]}\"",
    "echo > \"/dev/null${INPUT[#]:0:0}\"",
    "if false; then :; fi > \"/dev/null${INPUT[#]:0:0}\"",
    "cat > \"/dev/null${INPUT[#]}\" < /dev/null || true",
    "trap 'echo \"${INPUT[#]}\"' EXIT",
    "trap 'echo \"${INPUT[#]}\"' USR1",
    "trap 'exit 0' EXIT; echo \"${INPUT[#]}\"",
    "trap 'exit 0' ERR; otto.get #",
    "eval 'echo \"${INPUT[#]}\"'",
    "eval 'echo \"${INPUT[#]}\"' || true",
    "alias x='echo ${INPUT[#]}'",
    "exit 0; echo \"${INPUT[#]}\"",
    "[ 1 = 1 ] && exit 0; echo \"${INPUT[#]}\"",
    "exec true; echo \"${INPUT[#]}\"",
    "kill $$; echo \"${INPUT[#]}\"",
    "set +u; echo \"${INPUT[#]}\"",
    "set +e; otto.get #; echo",
    "set +e; ( echo \"${INPUT[#]}\" ); echo",
    "( set +u; echo \"${INPUT[#]}\" )",
    "set +eu; echo \"${INPUT[#]}\"; x=$(otto.get #); echo",
    "set -- \"${INPUT[#]}\"",
    "return 0 2>/dev/null || true; echo \"${INPUT[#]}\"",
    "f() { return 0; echo \"${INPUT[#]}\"; }; f",
    "e=exit; $e 0; echo \"${INPUT[#]}\"",
    "unset INPUT; declare -A INPUT=([#]=x); echo \"${INPUT[#]}\"",
    "INPUT[#]=x; echo \"${INPUT[#]}\"",
    "INPUT+=([#]=x); echo \"${INPUT[#]}\"",
    "printf -v 'INPUT[#]' x; echo \"${INPUT[#]}\"",
    "read -r 'INPUT[#]' <<< x; echo \"${INPUT[#]}\"",
    "echo \"${INPUT[#]:=x}\"",
    "declare -n ref=INPUT; ref[#]=x; echo \"${INPUT[#]}\"",
    "k='#'; echo \"${INPUT[$k]}\"",
    "shopt -u -o nounset; echo \"${INPUT[#]}\"",
    "source /dev/null; echo \"${INPUT[#]}\"",
    ". <(echo exit 0); echo \"${INPUT[#]}\"",
    "otto.get() { echo mine; }; otto.get #",
    "echo() { :; }; echo \"${INPUT[#]}\"",
    "command otto.get # || true",
    "otto.get -v x #; echo \"$x\"",
    "timeout 1 otto.get # || true",
    "select x in a; do echo \"${INPUT[#]}\"; done < /dev/null",
    "for ((i = 0; i < 0; i++)); do echo \"${INPUT[#]}\"; done",
    "until true; do echo \"${INPUT[#]}\"; done",
];

const PYTHON_READS: &[&str] = &[
    "print(INPUT[\"#\"])",
    "print(f\"{INPUT['#']}\")",
    "print(f'{1:{INPUT[\"#\"]}}')",
    "print(INPUT.get(\"#\"))",
    "print(INPUT.get(\"#\", \"none\"))",
    "print(\"#\" in INPUT)",
    "print(\"#\" in INPUT and INPUT[\"#\"])",
    "try:\n    print(INPUT[\"#\"])\nexcept KeyError:\n    pass",
    "try:\n    print(INPUT[\"#\"])\nexcept ValueError:\n    pass",
    "try:\n    print(INPUT[\"#\"])\nexcept:\n    pass",
    "try:\n    print(INPUT[\"#\"])\nfinally:\n    print(1)",
    "import sys\ntry:\n    print(INPUT[\"#\"])\nfinally:\n    sys.exit(0)",
    "try:\n    pass\nexcept INPUT[\"#\"]:\n    pass",
    "if False: print(INPUT[\"#\"])",
    "if False:\n    print(INPUT[\"#\"])",
    "if INPUT[\"#\"]: pass",
    "if False: pass\nelif INPUT[\"#\"]: pass",
    "while INPUT[\"#\"]: break",
    "while False: print(INPUT[\"#\"])",
    "for x in INPUT[\"#\"]: break",
    "for x in []: print(INPUT[\"#\"])",
    "x = INPUT[\"#\"] if False else 1",
    "x = 1 if True else INPUT[\"#\"]",
    "x = 1 if INPUT[\"#\"] else 2",
    "x = lambda: INPUT[\"#\"]",
    "x = [INPUT[\"#\"] for _ in []]",
    "x = [y for y in INPUT[\"#\"]]",
    "x = (y for y in [] if INPUT[\"#\"])",
    "x = {1: INPUT[\"#\"]}",
    "False and INPUT[\"#\"]",
    "True or INPUT[\"#\"]",
    "True and INPUT[\"#\"]",
    "1 < 0 < len(INPUT[\"#\"])",
    "0 < 1 < len(INPUT[\"#\"])",
    "assert True, INPUT[\"#\"]",
    "assert INPUT[\"#\"]",
    "def f(): return INPUT[\"#\"]",
    "def f(): return INPUT[\"#\"]\nf()",
    "def f(x=INPUT[\"#\"]): pass",
    "def f(x: INPUT[\"#\"]): pass",
    "from __future__ import annotations\ndef f(x: INPUT[\"#\"]): pass",
    "from __future__ import annotations\nx: INPUT[\"#\"] = 1",
    "x: INPUT[\"#\"] = 1",
    "class A: x = INPUT[\"#\"]",
    "import sys; sys.exit(0); print(INPUT[\"#\"])",
    "raise SystemExit(0); print(INPUT[\"#\"])",
    "import os\nos._exit(0)\nprint(INPUT[\"#\"])",
    "exit(0)\nprint(INPUT[\"#\"])",
    "import atexit, os\natexit.register(os._exit, 0)\nprint(INPUT[\"#\"])",
    "import sys\nsys.excepthook = lambda *a: None\nprint(INPUT[\"#\"])",
    "import contextlib\nwith contextlib.suppress(KeyError):\n    print(INPUT[\"#\"])",
    "import contextlib\nwith contextlib.suppress(KeyError): print(INPUT[\"#\"])",
    "import contextlib\ns = contextlib.suppress(KeyError)\nwith s:\n    print(INPUT[\"#\"])",
    "with open(INPUT[\"#\"]) as f: pass",
    "x = INPUT\nprint(x[\"#\"])",
    "INPUT = {\"#\": 1}\nprint(INPUT[\"#\"])",
    "INPUT[\"#\"] = 1\nprint(INPUT[\"#\"])",
    "for INPUT in [{\"#\": 1}]: pass\nprint(INPUT[\"#\"])",
    "globals()[\"INPUT\"] = {\"#\": 1}\nprint(INPUT[\"#\"])",
    "def f():\n    global INPUT\n    INPUT = {\"#\": 1}\nf()\nprint(INPUT[\"#\"])",
    "with open('/dev/null') as INPUT: pass",
    "match 1:\n    case 2: print(INPUT[\"#\"])",
    "match INPUT[\"#\"]:\n    case _: pass",
    "async def f(): return INPUT[\"#\"]",
    "@(lambda f: INPUT[\"#\"])\ndef f(): pass",
    "print('INPUT[\"#\"]')",
    "# INPUT[\"#\"]",
    "del INPUT[\"#\"]",
    "import os\nif os.fork(): os._exit(0)\nprint(INPUT[\"#\"])",
    "from sys import exit as leave\nleave(0)\nprint(INPUT[\"#\"])",
    "import sys\ngetattr(sys, 'ex' + 'it')(0)\nprint(INPUT[\"#\"])",
    "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\nprint(INPUT[\"#\"])",
    "otto_get_input(\"#\")",
    "print(INPUT[\"#\"]); print(INPUT[\"#\"][0])",
    "x = y = INPUT[\"#\"]",
    "print(*INPUT[\"#\"], sep='')",
    "yielded = (lambda: (yield INPUT[\"#\"]))()",
];

const CONDITIONS: &[&str] = &[
    "true",
    "false",
    "[ -n \"${INPUT[#]}\" ]",
    "[ -n \"${INPUT[#]-}\" ]",
    "false && [ -n \"${INPUT[#]}\" ]",
    "[[ -v INPUT[#] ]]",
    "otto.get # > /dev/null",
    "! otto.get # > /dev/null",
    "x=$(otto.get #)",
    "[ -z \"${INPUT[#]}\" ] || true",
];

const PYTHON_CONDITIONS: &[&str] =
    &["True", "False", "INPUT[\"#\"]", "\"#\" in INPUT", "False and INPUT[\"#\"]", "INPUT.get(\"#\")"];

#[derive(Clone, Debug)]
struct Producer {
    contract: Option<String>,
    is_python: bool,
    lines: Vec<String>,
}

#[derive(Clone, Debug)]
struct Consumer {
    needs: &'static str,
    condition: Option<String>,
    is_python: bool,
    lines: Vec<String>,
}

/// A producer with tasks that read from it; each of them makes a pair with it.
#[derive(Clone, Debug)]
struct Family {
    producer: Producer,
    consumers: Vec<Consumer>,
}

/// So many consumers has a producer, and so many producers an ottofile.
const CONSUMERS: usize = 6;
const FAMILIES: usize = 40;

/// A producer with such a line may set any key.
const OPEN_SETS: &[&str] =
    &["[$k]", "eval ", "declare -n", "exec(", "OUTPUT[k]", "o = OUTPUT", "globals()", "update([", "**{"];

/// A consumer with such a line reads what its text does not say, or sets `INPUT` itself, or has a function of its own: nothing
/// is concluded then from calls of that name, also where they stand before it.
const HIDDEN_READS: &[&str] = &[
    "otto.get() {",
    "eval ",
    "[$k]",
    "x = INPUT\n",
    "unset INPUT",
    "; INPUT[",
    "INPUT+=",
    "-v 'INPUT",
    "-r 'INPUT",
    ":=x}",
    "ref=INPUT",
    "]=x; echo",
    "x: INPUT[",
    "del INPUT",
    "trap 'echo",
];

fn key() -> impl Strategy<Value = &'static str> {
    select(&["a", "b", "c"][..])
}

fn producer() -> impl Strategy<Value = Producer> {
    let contract = select(
        &[
            None,
            None,
            Some("a: str"),
            Some("a: str, b: int"),
            Some("a: int?"),
            Some("a: str, \"*\": any"),
            Some("a: {type: str, default: d}"),
            Some("a: \"list[str]\""),
        ][..],
    );
    let shell = prop::collection::vec((select(SHELL_SETS), key(), select(&["1", "x"][..])), 0..3);
    let python = prop::collection::vec((select(PYTHON_SETS), key(), select(&["1", "x"][..])), 0..3);
    (contract, prop::bool::weighted(0.3), shell, python).prop_map(|(contract, is_python, shell, python)| {
        let sets = if is_python { python } else { shell };
        let lines = sets.iter().map(|(form, key, value)| form.replace('#', key).replace('@', value));
        Producer { contract: contract.map(str::to_owned), is_python, lines: lines.collect() }
    })
}

fn consumer() -> impl Strategy<Value = Consumer> {
    // `p` is the producer of the pair, `q` a task between them.
    let path = || {
        (select(&["p", "p", "p", "p", "q", "zz"][..]), key()).prop_map(|(task, key)| format!("{task}.{key}"))
    };
    let needs = select(
        &[
            "[p]",
            "[p]",
            "[p]",
            "[p]",
            "[q]",
            "[p, q]",
            "[]",
            "[{task: p, when: failure}]",
            "[{task: p, when: always}]",
            "[{task: p, when: ran}]",
            "[{task: q, when: failure}, p]",
        ][..],
    );
    let condition = prop::option::weighted(0.2, (select(CONDITIONS), select(PYTHON_CONDITIONS), path()));
    let shell = prop::collection::vec((select(SHELL_READS), path()), 1..3);
    let python = prop::collection::vec((select(PYTHON_READS), path()), 1..3);
    (needs, condition, prop::bool::weighted(0.3), shell, python).prop_map(
        |(needs, condition, is_python, shell, python)| {
            let reads = if is_python { python } else { shell };
            let lines = reads.iter().map(|(form, path)| in_place(form, path)).collect();
            let condition = condition
                .map(|(shell, python, path)| in_place(if is_python { python } else { shell }, &path));
            Consumer { needs, condition, is_python, lines }
        },
    )
}

/// `${#INPUT[#]}`, `${y#…}` and comments have a `#` of their own.
fn in_place(form: &str, path: &str) -> String {
    form.replace("[#]", &format!("[{path}]"))
        .replace("'#'", &format!("'{path}'"))
        .replace("\"#\"", &format!("\"{path}\""))
        .replace(" #", &format!(" {path}"))
}

fn block(key: &str, text: &str) -> String {
    let lines: String = text.lines().map(|line| format!("      {line}\n")).collect();
    format!("    {key}: |\n{lines}")
}

/// A line with the names of the tasks of a family.
fn own(text: &str, number: usize) -> String {
    let mut text = text.replace("zz", "nobody");
    for before in ["[", " ", "\"", "'"] {
        for task in ["p", "q"] {
            text = text.replace(&format!("{before}{task}."), &format!("{before}{task}{number}."));
        }
    }
    text
}

/// The tasks of a family; its first consumer has the number `first`. With `allows` nothing is refused.
fn tasks(family: &Family, number: usize, first: usize, allows: bool) -> String {
    let comment = if allows { "# otto: allow E0704, E0705, E0717" } else { "#" };
    let script = |lines: &[String]| {
        let all = lines.join("\n");
        // Python has statements of several lines, which a comment at the margin does not end.
        all.lines().map(|line| format!("{comment}\n{line}")).collect::<Vec<_>>().join("\n")
    };
    let language = |is_python: bool| if is_python { "python" } else { "bash" };
    let Family { producer, consumers } = family;
    let mut text = format!("  p{number}:\n");
    if let Some(contract) = &producer.contract {
        text.push_str(&format!("    outputs: {{{contract}}} {comment}\n"));
    }
    let nothing = if producer.is_python { "pass" } else { ":" };
    let lines = if producer.lines.is_empty() { &[nothing.to_owned()][..] } else { &producer.lines };
    text.push_str(&block(language(producer.is_python), &script(lines)));
    text.push_str(&format!("  q{number}: {{needs: [p{number}], bash: 'OUTPUT[b]=1'}}\n"));
    for (place, consumer) in consumers.iter().enumerate() {
        let needs = consumer.needs.replace('p', &format!("p{number}")).replace('q', &format!("q{number}"));
        text.push_str(&format!("  c{}:\n    needs: {}\n", first + place, needs));
        if let Some(condition) = &consumer.condition {
            text.push_str(&format!("    {comment}\n"));
            text.push_str(&format!("    if: '{}'\n", own(condition, number).replace('\'', "''")));
        }
        let lines: Vec<String> = consumer.lines.iter().map(|line| own(line, number)).collect();
        text.push_str(&block(language(consumer.is_python), &script(&lines)));
    }
    text
}

/// The ottofile of all pairs.
fn ottofile(families: &[Family], allows: bool) -> String {
    let mut text = "tasks:\n".to_owned();
    let mut consumers = 0;
    for (number, family) in families.iter().enumerate() {
        text.push_str(&tasks(family, number, consumers, allows));
        consumers += family.consumers.len();
    }
    let all: Vec<String> = (0..consumers).map(|number| format!("c{number}")).collect();
    text + &format!("  all: {{needs: [{}]}}\n", all.join(", "))
}

/// The tasks that a run of all is refused for, each with what otto says.
fn refused(project: &Project) -> BTreeMap<String, String> {
    let told = project.run("-n all").stderr;
    let starts: Vec<usize> = told
        .match_indices("error[")
        .chain(told.match_indices("warning["))
        .map(|(start, _)| start)
        .filter(|start| *start == 0 || told[..*start].ends_with('\n'))
        .collect();
    let mut found = BTreeMap::new();
    for start in starts.iter().filter(|start| told[**start..].starts_with("error[")) {
        let end = starts.iter().copied().filter(|end| end > start).min().unwrap_or(told.len());
        let text = &told[*start..end];
        let label = text.split(" it here").next().unwrap_or_default();
        let task = label.rsplit('`').nth(1).unwrap_or_else(|| panic!("no task: {text}"));
        assert!(text.contains(" it here"), "{text}");
        found.insert(task.to_owned(), text.to_owned());
    }
    found
}

/// The tasks about which `otto Check` says anything.
fn mentioned(project: &Project) -> BTreeSet<String> {
    let told = project.run("Check --json");
    let answer: Value = serde_json::from_str(&told.stdout).unwrap_or_else(|_| panic!("{}", told.all()));
    let places = answer["diagnostics"].as_array().into_iter().flatten();
    let places = places.flat_map(|found| found["places"].as_array().into_iter().flatten());
    let labels = places.filter_map(|place| place["text"].as_str());
    labels.filter_map(|label| label.split('`').nth(1)).map(str::to_owned).collect()
}

/// What became of the tasks.
struct Fates {
    /// Those that succeeded, or were skipped though nothing failed.
    passed: BTreeSet<String>,
    succeeded: BTreeSet<String>,
    failed: BTreeSet<String>,
    /// What each wrote to stderr.
    said: BTreeMap<String, String>,
}

fn fates(project: &Project) -> Fates {
    let ran = project.run("-j8 -k --json all");
    let mut fates = Fates {
        passed: BTreeSet::new(),
        succeeded: BTreeSet::new(),
        failed: BTreeSet::new(),
        said: BTreeMap::new(),
    };
    for event in ran.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let task = event["task"].as_str().unwrap_or_default().to_owned();
        if event["event"] == "output" && event["stream"] == "stderr" {
            fates.said.entry(task).or_default().push_str(event["text"].as_str().unwrap_or_default());
            continue;
        }
        if event["event"] != "task_settled" {
            continue;
        }
        let is_called_off = ["if", "dependency", "not_called_for"].iter().any(|why| event["because"] == *why);
        match event["outcome"].as_str() {
            Some("succeeded") => {
                fates.passed.insert(task.clone());
                fates.succeeded.insert(task);
            }
            Some("skipped") if is_called_off => drop(fates.passed.insert(task)),
            Some("failed") => drop(fates.failed.insert(task)),
            Some(_) | None => {}
        }
    }
    assert!(!fates.passed.is_empty(), "{}", ran.all());
    fates
}

/// The inputs for want of which a task ended, as far as its last words tell; of Python, each that its text names.
fn died_of(said: &str, consumer: &Consumer, number: usize) -> Vec<String> {
    static IN_SHELL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"INPUT\[([\w.]+)\]: unbound variable|no input '([\w.]+)'").expect("a pattern")
    });
    static PATH: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b[a-z]+\d*\.[abc]\b").expect("a pattern"));
    if !consumer.is_python {
        let found = IN_SHELL.captures_iter(said).last();
        let path = found.and_then(|found| found.get(1).or(found.get(2)).map(|path| path.as_str().to_owned()));
        return path.into_iter().collect();
    }
    static IN_PYTHON: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^KeyError.*?'([\w.]+)'").expect("a pattern"));
    let last = said.lines().last().unwrap_or_default();
    let Some(missing) = IN_PYTHON.captures(last).map(|found| found[1].to_owned()) else { return Vec::new() };
    let lines = consumer.lines.iter().chain(&consumer.condition).map(|line| own(line, number));
    let paths =
        lines.flat_map(|line| PATH.find_iter(&line).map(|path| path.as_str().to_owned()).collect::<Vec<_>>());
    let is_meant = |path: &String| *path == missing || path.ends_with(&format!(".{missing}"));
    paths.filter(is_meant).collect()
}

/// Whether nobody could know that this input would be missing.
fn may_be_set(path: &str, family: &Family, number: usize, fates: &Fates) -> bool {
    let Some((task, key)) = path.split_once('.') else { return false };
    if task == format!("q{number}") {
        return !fates.succeeded.contains(task);
    }
    if task != format!("p{number}") {
        return false;
    }
    if !fates.succeeded.contains(task) {
        return true;
    }
    let contract = family.producer.contract.as_deref();
    let declares = contract.is_some_and(|contract| contract.contains(&format!("{key}: ")));
    if contract.is_some_and(|contract| !contract.contains('*') && !declares) {
        return false;
    }
    let lines = &family.producer.lines;
    lines.iter().any(|line| OPEN_SETS.iter().any(|open| line.contains(open)))
        || lines.iter().any(|line| names(line, key))
}

/// Whether a consumer may ask whether an input exists, and then is prepared for its absence.
fn asks(consumer: &Consumer, number: usize, path: &str) -> bool {
    let lines = consumer.lines.iter().chain(&consumer.condition).map(|line| own(line, number));
    lines.map(|line| line.matches(path).count()).sum::<usize>() > 1
}

/// Whether a line has the key as a word.
fn names(line: &str, key: &str) -> bool {
    line.split(|character: char| !character.is_alphanumeric()).any(|word| word == key)
}

/// How many pairs were refused, accepted, and found lacking an input.
#[derive(Default, Debug)]
struct Count {
    refused: usize,
    silent: usize,
    died: usize,
    wrong: Vec<String>,
}

fn hold(families: &[Family]) -> Count {
    let project = Project::new(&ottofile(families, false)).patient(Duration::from_secs(600));
    let refused = refused(&project);
    let mentioned = mentioned(&project);
    project.write("otto.yml", &ottofile(families, true));
    let fates = fates(&project);
    let pairs = families.iter().enumerate().flat_map(|(number, family)| {
        let first = number * CONSUMERS;
        family
            .consumers
            .iter()
            .enumerate()
            .map(move |(place, consumer)| (number, family, first + place, consumer))
    });
    let mut count = Count::default();
    for (number, family, place, consumer) in pairs {
        let task = format!("c{place}");
        let shown = || {
            let family = Family { consumers: vec![consumer.clone()], ..family.clone() };
            tasks(&family, number, place, false)
        };
        let message = refused.get(&task);
        if let Some(message) = message
            && fates.passed.contains(&task)
        {
            count.wrong.push(format!("`{task}` is refused, but it passes:\n{message}\n{}", shown()));
        }
        let said = fates.said.get(&task).map_or("", String::as_str);
        let missing = match fates.failed.contains(&task) {
            true => died_of(said, consumer, number),
            false => Vec::new(),
        };
        count.refused += usize::from(message.is_some());
        count.silent += usize::from(!mentioned.contains(&task));
        count.died += usize::from(!missing.is_empty());
        let is_hidden =
            consumer.lines.iter().any(|line| HIDDEN_READS.iter().any(|hidden| line.contains(hidden)));
        if mentioned.contains(&task) || is_hidden {
            continue;
        }
        for path in missing.into_iter().filter(|path| !asks(consumer, number, path)) {
            if !may_be_set(&path, family, number, &fates) {
                let shown = shown();
                count.wrong.push(format!("nothing is said, but `{task}` has no `{path}`:\n{said}\n{shown}"));
            }
        }
    }
    // An `OUTPUT` that its contract refuses makes the producer fail.
    for (task, message) in &refused {
        if task.starts_with('p') && fates.passed.contains(task) {
            count.wrong.push(format!("`{task}` passes:\n{message}"));
        }
    }
    count
}

/// How many ottofiles of 240 pairs are tried: one, or more as `PROPTEST_CASES` asks. 1,680 make 10,080 pairs.
fn files() -> u32 {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|number| number.parse().ok()).unwrap_or(1);
    (cases / 40).max(1)
}

#[test]
fn what_is_refused_fails_and_what_is_accepted_finds_its_inputs() {
    let family = (producer(), prop::collection::vec(consumer(), CONSUMERS));
    let family = family.prop_map(|(producer, consumers)| Family { producer, consumers });
    let families = prop::collection::vec(family, FAMILIES);
    // The macro would try as many ottofiles as it tries values elsewhere.
    let mut runner = TestRunner::default();
    let mut wrong = Vec::new();
    for _ in 0..files() {
        let families = families.new_tree(&mut runner).expect("families").current();
        let count = hold(&families);
        // Otherwise the pairs are too kind.
        assert!(count.refused > 0 && count.silent > 0 && count.died > 0, "{count:?}");
        wrong.extend(count.wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
