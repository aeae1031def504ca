//! What the check of the data flow says, held against what the same tasks do: random producers and consumers are checked,
//! and then run with the findings allowed, so that nothing is refused.

use crate::Project;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

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

#[derive(Clone, Debug)]
struct Pair {
    producer: Producer,
    consumer: Consumer,
}

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

/// The ottofile of all pairs. With `allows` nothing is refused.
fn ottofile(pairs: &[Pair], allows: bool) -> String {
    let comment = if allows { "# otto: allow E0704, E0705, E0717" } else { "#" };
    let script = |lines: &[String]| {
        let all = lines.join("\n");
        // Python has statements of several lines, which a comment at the margin does not end.
        all.lines().map(|line| format!("{comment}\n{line}")).collect::<Vec<_>>().join("\n")
    };
    let mut text = "tasks:\n".to_owned();
    for (number, Pair { producer, consumer }) in pairs.iter().enumerate() {
        let own = |text: &str| {
            text.replace("zz", "nobody")
                .replace("[p.", &format!("[p{number}."))
                .replace("[q.", &format!("[q{number}."))
                .replace(" p.", &format!(" p{number}."))
                .replace(" q.", &format!(" q{number}."))
                .replace("\"p.", &format!("\"p{number}."))
                .replace("\"q.", &format!("\"q{number}."))
                .replace("'p.", &format!("'p{number}."))
                .replace("'q.", &format!("'q{number}."))
        };
        let language = |is_python: bool| if is_python { "python" } else { "bash" };
        text.push_str(&format!("  p{number}:\n"));
        if let Some(contract) = &producer.contract {
            text.push_str(&format!("    outputs: {{{contract}}} {comment}\n"));
        }
        let lines = if producer.lines.is_empty() { &[":".to_owned()][..] } else { &producer.lines };
        let lines =
            if producer.is_python && producer.lines.is_empty() { &["pass".to_owned()][..] } else { lines };
        text.push_str(&block(language(producer.is_python), &script(lines)));
        text.push_str(&format!("  q{number}: {{needs: [p{number}], bash: 'OUTPUT[b]=1'}}\n"));
        let needs = consumer.needs.replace('p', &format!("p{number}")).replace('q', &format!("q{number}"));
        text.push_str(&format!("  c{number}:\n    needs: {}\n", needs));
        if let Some(condition) = &consumer.condition {
            text.push_str(&format!("    {comment}\n"));
            text.push_str(&format!("    if: '{}'\n", own(condition).replace('\'', "''")));
        }
        let lines: Vec<String> = consumer.lines.iter().map(|line| own(line)).collect();
        text.push_str(&block(language(consumer.is_python), &script(&lines)));
    }
    text
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

/// The tasks that succeeded, or were skipped though nothing failed.
fn passed(project: &Project) -> BTreeSet<String> {
    let ran = project.run("-j8 -k --json all");
    let events = ran.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ended: Vec<Value> = events.filter(|event| event["event"] == "task_settled").collect();
    assert!(!ended.is_empty(), "{}", ran.all());
    let is_fine = |event: &&Value| {
        event["outcome"] == "succeeded"
            || event["outcome"] == "skipped"
                && ["if", "dependency", "not_called_for"].iter().any(|because| event["because"] == *because)
    };
    ended.iter().filter(is_fine).filter_map(|event| event["task"].as_str().map(str::to_owned)).collect()
}

fn hold(pairs: &[Pair]) {
    let tasks: Vec<String> = (0..pairs.len()).map(|number| format!("c{number}")).collect();
    let all = format!("  all: {{needs: [{}]}}\n", tasks.join(", "));
    let project = Project::new(&(ottofile(pairs, false) + &all));
    let refused = refused(&project);
    project.write("otto.yml", &(ottofile(pairs, true) + &all));
    let passed = passed(&project);
    for (task, message) in refused {
        let number: usize = task[1..].parse().expect("a number");
        assert!(
            !passed.contains(&task),
            "`{task}` is refused, but it passes:\n{message}\n{}",
            ottofile(&pairs[number..=number], false)
        );
    }
}

/// How many ottofiles of 40 pairs are tried. `PROPTEST_CASES=250` makes 10,000 pairs.
fn files() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|number| number.parse().ok()).unwrap_or(2)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: files(), max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default()
    })]
    #[test]
    fn what_is_refused_fails_when_it_runs(
        pairs in prop::collection::vec((producer(), consumer()), 40),
    ) {
        let pairs: Vec<Pair> = pairs.into_iter().map(|(producer, consumer)| Pair { producer, consumer }).collect();
        hold(&pairs);
    }
}
