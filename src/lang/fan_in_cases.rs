//! What bodies see of all jobs of a foreach task together, in every language.

use super::Input;
use super::harness::{Bench, given, needed};
use crate::ottofile::spec::BodyKey;
use crate::store::layout::file_name;
use crate::value::{self, Map, Value};
use insta::assert_snapshot;
use proptest::prelude::*;

/// Names that a path, a pattern, a number or code could be taken for. No item has blanks in its name.
const ODD: [&str; 9] = ["data/a.csv", "..", "*", "10", "9", "é", "$(x)", "it's\"", "a:b"];

/// A dependency that is over, with the file that Python reads.
fn record(bench: &mut Bench, input: Input) {
    std::fs::create_dir_all(bench.dir()).expect("made");
    let file = bench.dir().join(format!("input.{}.json", file_name(&input.job)));
    std::fs::write(file, value::indented_map(&input.outputs.values)).expect("written");
    bench.inputs.push(input);
}

/// Jobs of `convert` with these values, the last of which failed.
fn bench(mut bench: Bench, jobs: &[(&str, &str)]) -> Bench {
    for (place, (item, json)) in jobs.iter().enumerate() {
        let Ok(Value::Map(values)) = value::parse(json.as_bytes()) else { panic!("{json}") };
        let mut input = given(&format!("convert:{item}"), values);
        input.is_whole = place + 1 < jobs.len();
        record(&mut bench, input);
    }
    bench.fan_in("convert")
}

fn body(shebang: &str, text: &str) -> Bench {
    match shebang {
        "bash" => Bench::bash(text),
        "python" => Bench::new(BodyKey::Python, text),
        program => {
            let program = needed(program);
            Bench::new(BodyKey::Action, &format!("#!{}\n{text}", program.display()))
        }
    }
}

const THREE: [(&str, &str); 3] = [
    ("b", r#"{"rows": 3, "name": "x y", "meta": {"ok": true}}"#),
    ("a.csv", r#"{"rows": "4", "meta": {"ok": false}}"#),
    ("bad", r#"{"rows": 5}"#),
];

/// What each way to read gives, in the same words.
#[test]
fn every_language_reads_the_jobs_together() {
    let wanted = "b 3\na.csv 4\n[3,\"4\"]\n[true,false]\n";
    for (language, text) in [
        (
            "bash",
            "otto.items -v names convert\nfor name in \"${names[@]}\"; do echo \"$name ${INPUT[convert:$name.rows]}\"; done\n\
             echo \"${INPUT[convert.*.rows]}\"; echo \"${INPUT[convert.*.meta.ok]}\"",
        ),
        (
            "bash",
            "for name in $(otto_items convert); do echo \"$name $(otto.get \"convert:$name.rows\")\"; done\n\
             otto.get 'convert.*.rows'; k=meta.ok; otto_get_input \"convert.*.$k\"",
        ),
        (
            "python",
            "import json\nfor name, data in INPUT['convert'].items():\n    print(name, data['rows'])\n\
             print(json.dumps(INPUT['convert.*.rows'], separators=(',', ':')))\n\
             print(json.dumps(INPUT['convert.*.meta.ok'], separators=(',', ':')))",
        ),
        (
            "node",
            "for (const [name, data] of Object.entries(INPUT.convert)) console.log(name, `${data.rows}`);\n\
             console.log(JSON.stringify(INPUT['convert.*.rows']));\nconsole.log(JSON.stringify(INPUT['convert.*.meta.ok']));",
        ),
        (
            "ruby",
            "require 'json'\nINPUT['convert'].each { |name, data| puts \"#{name} #{data['rows']}\" }\n\
             puts JSON.generate(INPUT['convert.*.rows']), JSON.generate(INPUT['convert.*.meta.ok'])",
        ),
        (
            "perl",
            "print \"$_ $INPUT{convert}{$_}{rows}\\n\" for keys %{$INPUT{convert}};\n\
             my @rows = @{$INPUT{'convert.*.rows'}}; print \"[$rows[0],\\\"$rows[1]\\\"]\\n\";\n\
             print '[', join(',', map { $_ ? 'true' : 'false' } @{$INPUT{'convert.*.meta.ok'}}), \"]\\n\";",
        ),
    ] {
        let levels =
            if language == "bash" && !text.contains("INPUT[") { &["5", "4.0", "3.2"][..] } else { &["5"] };
        for level in levels {
            let ran = bench(body(language, text).env("OTTO_BASH_LEVEL", level), &THREE).run();
            assert_eq!(
                (ran.status, ran.out()),
                (0, wanted.to_owned()),
                "{language} {level}: {}\n{}",
                text,
                ran.stderr
            );
        }
    }
    for shell in ["dash", "ksh", "mksh", "zsh"] {
        let text = "otto_items convert | while read -r name; do echo \"$name $(otto_get \"convert:$name.rows\")\"; done\n\
                    otto_get 'convert.*.rows'; otto_get 'convert.*.meta.ok'";
        let ran = bench(body(shell, text), &THREE).run();
        assert_eq!((ran.status, ran.out()), (0, wanted.to_owned()), "{shell}: {}", ran.stderr);
    }
}

#[test]
fn the_json_file_has_both_forms_and_what_iterates_has_one() {
    let ran =
        bench(body("perl", "system 'cat', $ENV{OTTO_INPUT_JSON}; print join(' ', keys %INPUT)"), &THREE[1..])
            .run();
    assert_snapshot!(ran.out(), @r#"
    {
      "convert:a.csv": {
        "rows": "4",
        "meta": {
          "ok": false
        }
      },
      "convert:bad": {
        "rows": 5
      },
      "convert": {
        "a.csv": {
          "rows": "4",
          "meta": {
            "ok": false
          }
        }
      }
    }
    convert:a.csv.meta convert:a.csv.rows convert:bad.rows
    "#);
    for (language, text) in [
        ("python", "print(len(INPUT), *INPUT)"),
        ("node", "console.log(Object.keys(INPUT).length, Object.keys(INPUT).join(' '))"),
        ("ruby", "puts \"#{INPUT.size} #{INPUT.keys.join(' ')}\""),
    ] {
        let ran = bench(body(language, text), &THREE[1..]).run();
        assert_eq!(ran.out(), "3 convert:a.csv.rows convert:a.csv.meta convert:bad.rows\n", "{language}");
    }
    let ran = bench(body("node", "console.log(INPUT.convert, INPUT)"), &THREE[1..]).run();
    assert_snapshot!(ran.out(), @"
    { 'a.csv': { rows: '4', meta: { ok: false } } } {
      'convert:a.csv': { rows: '4', meta: { ok: false } },
      'convert:bad': { rows: 5 }
    }
    ");
    // In bash, what is nested has keys of its own.
    let ran = bench(body("bash", "echo \"${#INPUT[@]}\""), &THREE[1..]).run();
    assert_eq!(ran.out(), "4\n");
}

#[test]
fn a_job_that_did_not_set_the_key_is_named() {
    let mut all = String::new();
    for (language, text) in [
        ("bash", "echo \"${INPUT[convert.*.name]}\""),
        ("bash", "otto.get 'convert.*.name'"),
        ("bash", "otto.items conver"),
        ("dash", "otto_get 'convert.*.name'"),
        ("dash", "otto_items conver"),
        ("python", "INPUT['convert.*.name']"),
        ("python", "INPUT['convert']['bad']"),
        ("python", "INPUT['convert']['a.cvs']"),
        ("python", "INPUT['convert.name']"),
        ("node", "INPUT['convert.*.name']"),
        ("node", "INPUT.convert.bad"),
        ("node", "INPUT['convert.name']"),
        ("ruby", "INPUT['convert.*.name']"),
        ("ruby", "INPUT['convert']['x']"),
        ("ruby", "INPUT['convert.name']"),
        ("perl", "my $x = $INPUT{'convert.*.name'}"),
        ("perl", "my $x = $INPUT{convert}{bad}"),
        ("perl", "my $x = $INPUT{'convert.name'}"),
    ] {
        let ran = bench(body(language, text), &THREE).run();
        assert_ne!(ran.status, 0, "{language} {text}");
        let is_meant = |line: &&str| {
            line.contains("`convert") || line.contains("otto: ") || line.contains("INPUT[convert.*")
        };
        let line = ran.stderr.lines().find(is_meant).unwrap_or(&ran.stderr);
        let line = line.split(" at /").next().unwrap_or_default();
        let line = line.rsplit_once("line 21: ").map_or(line, |(_, line)| line);
        let line = line.rsplit_once("in `[]': ").map_or(line, |(_, line)| line);
        let line = line.rsplit_once("Error: ").map_or(line, |(_, line)| line);
        let line = line.rsplit_once("MissingInput: ").map_or(line, |(_, line)| line);
        let hints: String =
            ran.hints.iter().map(|hint| format!("\n      {}", hint.replace('\n', "\n      "))).collect();
        all.push_str(&format!("{language:<6} {text}\n   -> {}{hints}\n", line.trim()));
    }
    assert_snapshot!(all, @r#"
    bash   echo "${INPUT[convert.*.name]}"
       -> INPUT[convert.*.name]: unbound variable
          task `convert:a.csv` has no output `name`, so there is no list of it
    bash   otto.get 'convert.*.name'
       -> otto: no input 'convert.*.name': task 'convert:a.csv' has no output 'name'
          task `convert:a.csv` has no output `name`, so there is no list of it
    bash   otto.items conver
       -> otto: no items of 'conver': this task depends on no foreach task of this name; it depends on: convert
    dash   otto_get 'convert.*.name'
       -> otto: no input 'convert.*.name': task 'convert:a.csv' has no output 'name'
          task `convert:a.csv` has no output `name`, so there is no list of it
    dash   otto_items conver
       -> otto: no items of 'conver': this task depends on no foreach task of this name; it depends on: convert
    python INPUT['convert.*.name']
       -> `convert:a.csv` has no output 'name'; it has rows, meta; INPUT.get('convert.*.name') leaves such tasks out
          `convert:a.csv` has no output 'name'; it has rows, meta
    python INPUT['convert']['bad']
       -> `convert:bad` did not succeed; what it left is INPUT['convert:bad']
    python INPUT['convert']['a.cvs']
       -> `convert` has no item 'a.cvs'; it has b, a.csv
    python INPUT['convert.name']
       -> `convert` is a foreach task; INPUT['convert.*.name'] reads this key of all its jobs
    node   INPUT['convert.*.name']
       -> `convert:a.csv` has no output 'name'; it has rows, meta
    node   INPUT.convert.bad
       -> `convert:bad` did not succeed; what it left is INPUT['convert:bad']
    node   INPUT['convert.name']
       -> `convert` is a foreach task; INPUT['convert.*.name'] reads this key of all its jobs
    ruby   INPUT['convert.*.name']
       -> `convert:a.csv` has no output 'name'; it has rows, meta (Otto::MissingInput)
    ruby   INPUT['convert']['x']
       -> `convert` has no item 'x'; it has b, a.csv (Otto::MissingInput)
    ruby   INPUT['convert.name']
       -> `convert` is a foreach task; INPUT['convert.*.name'] reads this key of all its jobs (Otto::MissingInput)
    perl   my $x = $INPUT{'convert.*.name'}
       -> `convert:a.csv` has no output 'name'; it has meta, rows
    perl   my $x = $INPUT{convert}{bad}
       -> `convert:bad` did not succeed; what it left is $INPUT{'convert:bad'}
    perl   my $x = $INPUT{'convert.name'}
       -> `convert` is a foreach task; $INPUT{'convert.*.name'} reads this key of all its jobs
    "#);
}

#[test]
fn what_may_be_missing_is_read_with_a_default() {
    for (language, text, out) in [
        ("bash", "echo \"${INPUT[convert.*.name]-none}\"", "none\n"),
        ("bash", "otto.get 'convert.*.name' none", "none\n"),
        ("dash", "otto_get 'convert.*.name' none", "none\n"),
        (
            "python",
            "print(INPUT.get('convert.*.name'), 'convert.*.name' in INPUT, 'convert.*.rows' in INPUT)",
            "['x y'] False True\n",
        ),
        ("python", "print(INPUT.get('convert.*.none', 1), INPUT.get('other.*.x', 1))", "[] 1\n"),
        (
            "node",
            "console.log('convert.*.name' in INPUT, 'convert.*.rows' in INPUT, 'convert' in INPUT)",
            "false true true\n",
        ),
        ("ruby", "p INPUT.key?('convert.*.name'), INPUT.fetch('convert.*.name', 1)", "false\n1\n"),
        (
            "perl",
            "print exists $INPUT{'convert.*.name'} ? 1 : 0, exists $INPUT{'convert.*.rows'} ? 1 : 0",
            "01",
        ),
    ] {
        let ran = bench(body(language, text), &THREE).run();
        assert_eq!((ran.status, ran.out()), (0, out.to_owned()), "{language} {text}: {}", ran.stderr);
    }
}

#[test]
fn a_foreach_task_without_jobs_is_empty() {
    for (language, text, out) in [
        ("bash", "otto.items -v n convert; echo \"${#n[@]} ${INPUT[convert.*.rows]}\"", "0 []\n"),
        (
            "bash",
            "otto.items -v n convert; echo \"${n[*]-}\"; otto.get 'convert.*.rows'; otto_items convert",
            "\n[]\n",
        ),
        ("dash", "otto_items convert; otto_get 'convert.*.rows'; otto_get \"convert.*.a b\"", "[]\n[]\n"),
        (
            "python",
            "print(INPUT['convert'], INPUT['convert.*.rows'], INPUT.get('convert.*.k'))",
            "{} [] []\n",
        ),
        ("node", "console.log(Object.keys(INPUT.convert), INPUT['convert.*.rows'])", "[] []\n"),
        ("ruby", "p INPUT['convert'], INPUT['convert.*.rows']", "{}\n[]\n"),
        ("perl", "print scalar(keys %{$INPUT{convert}}), scalar(@{$INPUT{'convert.*.rows'}})", "00"),
    ] {
        let levels =
            if language == "bash" && !text.contains("INPUT[") { &["5", "4.0", "3.2"][..] } else { &["5"] };
        for level in levels {
            let ran = bench(body(language, text).env("OTTO_BASH_LEVEL", level), &[]).run();
            assert_eq!((ran.status, ran.out()), (0, out.to_owned()), "{language} {text}: {}", ran.stderr);
        }
    }
}

#[test]
fn a_body_that_reads_no_list_gets_none() {
    let many: Vec<(String, &str)> = (0..50).map(|n| (format!("i{n}"), r#"{"rows": 1}"#)).collect();
    let jobs: Vec<(&str, &str)> = many.iter().map(|(item, json)| (item.as_str(), *json)).collect();
    let start = |text: &str| {
        let bench = bench(Bench::bash(text), &jobs);
        bench.prepared();
        std::fs::read_to_string(bench.dir().join(".otto/start.sh")).expect("a start")
    };
    let plain = start("echo \"${INPUT[convert:i1.rows]}\"");
    assert!(!plain.contains("otto__items") && !plain.contains("convert.*"), "{plain}");
    let one = start("echo \"${INPUT[convert.*.rows]}\"");
    assert_eq!(one.len() - plain.len(), "INPUT['convert.*.rows']='[]'\n".len() + 49 + 48, "{one}");
}

fn items() -> impl Strategy<Value = Vec<String>> {
    let item = prop_oneof![3 => "[a-c]{1,2}(\\.[a-c])?", 2 => proptest::sample::select(&ODD[..]).prop_map(str::to_owned)];
    proptest::collection::btree_set(item, 0..4).prop_map(|set| set.into_iter().rev().collect())
}

fn values() -> impl Strategy<Value = Map> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-9i64..99).prop_map(Value::int),
        "[a'\"$ \\n*é]{0,3}".prop_map(Value::String),
    ];
    let value = leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::List),
            proptest::collection::btree_map("[mn]", inner, 1..3)
                .prop_map(|map| Value::Map(map.into_iter().collect())),
        ]
    });
    proptest::collection::btree_map("[k-m]", value, 0..3).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// What is read of all jobs together is what each of them set.
    #[test]
    fn the_fan_in_equals_what_was_set(
        jobs in items().prop_flat_map(|items| {
            let count = items.len();
            (Just(items), proptest::collection::vec((values(), proptest::bool::weighted(0.8)), count))
        })
    ) {
        let (items, set) = jobs;
        let mut whole: Map = Vec::new();
        let mut make = |bench: Bench| {
            let mut bench = bench;
            whole.clear();
            for (item, (values, is_whole)) in items.iter().zip(&set) {
                let mut input = given(&format!("convert:{item}"), values.clone());
                input.is_whole = *is_whole;
                record(&mut bench, input);
                if *is_whole {
                    whole.push((item.clone(), Value::Map(values.clone())));
                }
            }
            (bench.fan_in("convert"), whole.clone())
        };
        let list = |whole: &Map, key: &str| -> Option<Value> {
            let found = whole.iter().map(|(_, values)| value::lookup(values.as_map()?, key).map(|value| value.into_owned()));
            found.collect::<Option<Vec<Value>>>().map(Value::List)
        };
        let names = |whole: &Map| Value::List(whole.iter().map(|(item, _)| Value::String(item.clone())).collect());
        let python = "OUTPUT['items'] = list(INPUT['convert'])\nOUTPUT['all'] = [dict(d) for d in INPUT['convert'].values()]\n\
                      for k in ['k', 'l', 'm.n']:\n    if f'convert.*.{k}' in INPUT: OUTPUT['list.' + k] = INPUT[f'convert.*.{k}']";
        let node = "OUTPUT.items = Object.keys(INPUT.convert); OUTPUT.all = Object.values(INPUT.convert);\n\
                    for (const k of ['k', 'l', 'm.n']) if (`convert.*.${k}` in INPUT) OUTPUT['list.' + k] = INPUT[`convert.*.${k}`];";
        let bash = "otto.items -v all convert\nif ((${#all[@]})); then otto.set --list items \"${all[@]}\"; else otto.set --list items; fi\n\
                    for k in k l m.n; do\n  if otto.get -v v \"convert.*.$k\" '' && [ -n \"$v\" ]; then otto.set --json \"list.$k\" \"$v\"; fi\ndone";
        for (language, text, level) in [("python", python, "5"), ("node", node, "5"), ("bash", bash, "5"), ("bash", bash, "3.2")] {
            let (bench, whole) = make(body(language, text).env("OTTO_BASH_LEVEL", level));
            let ran = bench.run();
            prop_assert_eq!(ran.status, 0, "{}: {}", language, ran.stderr);
            let read = |key: &str| value::get(ran.values(), key).cloned();
            prop_assert_eq!(read("items"), Some(names(&whole)), "{}", language);
            if language != "bash" {
                let all = whole.iter().map(|(_, values)| values.clone()).collect();
                let sorted = |value: Option<Value>| value.map(|value| value::compact(&value));
                prop_assert_eq!(sorted(read("all")), sorted(Some(Value::List(all))), "{}", language);
            }
            for key in ["k", "l", "m.n"] {
                let wanted = list(&whole, key);
                // Shells have keys for the leaves of values only.
                let is_leaf = |value: &Value| !matches!(value, Value::List(_) | Value::Map(_));
                let has_leaves = |value: &Value| value.as_list().is_some_and(|list| list.iter().all(is_leaf));
                if language == "bash" && key.contains('.') && !wanted.as_ref().is_none_or(has_leaves) {
                    continue;
                }
                let found = read(&format!("list.{key}")).map(|value| value::compact(&value));
                prop_assert_eq!(found, wanted.map(|value| value::compact(&value)), "{} {}", language, key);
            }
        }
    }
}

/// The item of a job, with its type.
#[test]
fn the_item_has_its_type_and_its_fields() {
    let item = |json: &str| value::parse(json.as_bytes()).expect("JSON");
    let object = r#"{"name": "it's", "n": 2, "meta": {"deep": [1, 2]}, "$(x)": null}"#;
    for (language, text, out) in [
        (
            "bash",
            "echo \"${ITEM[name]} ${ITEM[n]} ${ITEM[meta.deep.1]} ${ITEM[meta]} [${ITEM['$(x)']}]\"",
            "it's 2 2 {\"deep\":[1,2]} []\n",
        ),
        ("bash", "k=name; echo \"${ITEM[$k]} ${#ITEM[@]}\"; OUTPUT[k]=1", "it's 7\n"),
        (
            "python",
            "print(ITEM['name'], ITEM['n'] + 1, ITEM['meta']['deep'][1], ITEM['$(x)'])",
            "it's 3 2 None\n",
        ),
        ("node", "console.log(ITEM.name, ITEM.n + 1, ITEM.meta.deep[1], ITEM['$(x)'])", "it's 3 2 null\n"),
        ("ruby", "puts \"#{ITEM['name']} #{ITEM['n'] + 1} #{ITEM['meta']['deep'][1]}\"", "it's 3 2\n"),
        (
            "perl",
            "our $ITEM; print \"$ITEM->{name} \", $ITEM->{n} + 1, \" $ITEM->{meta}{deep}[1]\\n\"",
            "it's 3 2\n",
        ),
    ] {
        let mut bench = body(language, text);
        bench.item = Some(item(object));
        let ran = bench.run();
        assert_eq!((ran.status, ran.out()), (0, out.to_owned()), "{language} {text}: {}", ran.stderr);
    }
    for (language, text, json, out) in [
        ("python", "print(repr(ITEM))", "1180591620717411303424", "1180591620717411303424\n"),
        ("python", "print(repr(ITEM))", "\"007\"", "'007'\n"),
        ("node", "console.log(ITEM)", "1180591620717411303424", "1180591620717411303424n\n"),
        ("ruby", "p ITEM", "1.5", "1.5\n"),
        ("perl", "our $ITEM; print $ITEM", "\"a b\"", "a b"),
        ("bash", "echo ${ITEM-none}", "\"a b\"", "none\n"),
    ] {
        let mut bench = body(language, text);
        bench.item = Some(item(json));
        let ran = bench.run();
        assert_eq!((ran.status, ran.out()), (0, out.to_owned()), "{language} {text}: {}", ran.stderr);
    }
    // Jobs of no foreach task have none, and a variable of this name stays what it is.
    assert_eq!(body("python", "print('ITEM' in globals())").run().out(), "False\n");
    let mut bench = Bench::bash("echo \"$ITEM\"").env("ITEM", "mine");
    bench.item = Some(item(object));
    assert_eq!(bench.run().out(), "mine\n");
}
