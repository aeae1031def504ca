//! Holds `schema.json` to the reader: an editor shows as wrong what otto refuses, and nothing else.
//! The validator knows as much of JSON Schema as the schema uses, and stops at anything more.

use super::yaml::{self, Node, NodeKind, Style};
use super::{SCHEMA, foreach, param, read};
use crate::name::BUILT_INS;
use crate::source::SourceFile;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("the schema is JSON")
}

/// A document with the types that an editor gives to its scalars: those of YAML 1.2.
fn typed(node: &Node<'_>) -> Value {
    match &node.kind {
        NodeKind::List(items) => items.iter().map(typed).collect(),
        NodeKind::Map(map) => Value::Object(
            map.iter().map(|(key, node)| (key.text.to_owned(), typed(node))).collect::<Map<_, _>>(),
        ),
        NodeKind::Written(text, Style::Plain) => match *text {
            "" | "~" | "null" | "Null" | "NULL" => Value::Null,
            "true" | "True" | "TRUE" => json!(true),
            "false" | "False" | "FALSE" => json!(false),
            _ => match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(number), _) => json!(number),
                (_, Ok(number)) if number.is_finite() && text.contains(|c: char| c.is_ascii_digit()) => {
                    json!(number)
                }
                _ => json!(text),
            },
        },
        NodeKind::Written(text, _) => json!(text),
        NodeKind::Made(text, _) => json!(&**text),
    }
}

fn is_valid(schema: &Value, root: &Value, value: &Value) -> bool {
    let Value::Object(rules) = schema else { unreachable!("bug: a schema is a map") };
    if let Some(Value::String(target)) = rules.get("$ref") {
        let place = target.strip_prefix('#').expect("a reference inside the schema");
        return is_valid(root.pointer(place).expect("a definition"), root, value);
    }
    let all = |list: &Value| -> Vec<bool> {
        list.as_array().expect("a list of schemas").iter().map(|part| is_valid(part, root, value)).collect()
    };
    let has_type = |name: &str| match (name, value) {
        ("null", Value::Null) | ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) => true,
        ("string", Value::String(_)) | ("array", Value::Array(_)) | ("object", Value::Object(_)) => true,
        ("integer", Value::Number(number)) => number.is_i64() || number.is_u64(),
        _ => false,
    };
    let known: BTreeSet<&str> = rules
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str())
        .collect();
    rules.iter().all(|(rule, wanted)| match (rule.as_str(), value) {
        ("description" | "title" | "$schema" | "definitions" | "patternProperties", _) => true,
        ("type", _) => match wanted {
            Value::String(name) => has_type(name),
            Value::Array(names) => names.iter().any(|name| has_type(name.as_str().expect("a type"))),
            other => unreachable!("bug: type {other}"),
        },
        ("enum", _) => wanted.as_array().expect("a list").contains(value),
        ("const", _) => wanted == value,
        ("anyOf", _) => all(wanted).contains(&true),
        ("allOf", _) => !all(wanted).contains(&false),
        ("oneOf", _) => all(wanted).iter().filter(|holds| **holds).count() == 1,
        ("not", _) => !is_valid(wanted, root, value),
        ("pattern", Value::String(text)) => {
            regex::Regex::new(wanted.as_str().expect("a pattern")).expect("a pattern").is_match(text)
        }
        ("minLength", Value::String(text)) => {
            text.chars().count() as u64 >= wanted.as_u64().expect("a number")
        }
        ("minItems", Value::Array(items)) => items.len() as u64 >= wanted.as_u64().expect("a number"),
        ("minProperties", Value::Object(map)) => map.len() as u64 >= wanted.as_u64().expect("a number"),
        ("minimum", Value::Number(number)) => number.as_f64() >= wanted.as_f64(),
        ("maximum", Value::Number(number)) => number.as_f64() <= wanted.as_f64(),
        ("items", Value::Array(items)) => items.iter().all(|item| is_valid(wanted, root, item)),
        ("required", Value::Object(map)) => wanted
            .as_array()
            .expect("a list")
            .iter()
            .all(|key| map.contains_key(key.as_str().expect("a key"))),
        ("properties", Value::Object(map)) => {
            map.iter().all(|(key, value)| wanted.get(key).is_none_or(|schema| is_valid(schema, root, value)))
        }
        ("propertyNames", Value::Object(map)) => map.keys().all(|key| is_valid(wanted, root, &json!(key))),
        ("additionalProperties", Value::Object(map)) => {
            let patterns = rules.get("patternProperties").and_then(Value::as_object);
            let matches = |key: &str| {
                patterns.into_iter().flatten().any(|(pattern, _)| {
                    key.starts_with(pattern.strip_prefix('^').expect("a pattern of a beginning"))
                })
            };
            let mut others = map.iter().filter(|(key, _)| !known.contains(key.as_str()) && !matches(key));
            match wanted {
                Value::Bool(false) => others.next().is_none(),
                schema => others.all(|(_, value)| is_valid(schema, root, value)),
            }
        }
        // They say nothing about values of other types.
        (
            "pattern"
            | "minLength"
            | "minItems"
            | "minProperties"
            | "minimum"
            | "maximum"
            | "items"
            | "required"
            | "properties"
            | "propertyNames"
            | "additionalProperties",
            _,
        ) => true,
        (other, _) => unreachable!("bug: the validator does not know `{other}`"),
    })
}

/// What the reader and the schema say about a file; `None` for a file that is not YAML.
fn judged(text: &str) -> Option<(bool, bool)> {
    let source = SourceFile::new("otto.yml", text);
    let parsed = yaml::parse(&source, "", &mut |_, _| Ok(()));
    if !parsed.diagnostics.is_empty() {
        return None;
    }
    let schema = schema();
    let value = parsed.root.as_ref().map_or(Value::Null, typed);
    Some((read(&source).is_ok(), is_valid(&schema, &schema, &value)))
}

const FINE: &[&str] = &[
    "",
    "otto:\ntasks:\n",
    "otto: {api: 1, name: x, about: 5, jobs: 4, tasks: [a, b:c], envs: {A: 1, B: true, C: }, envs-command: env, dotenv: .env}\ntasks: {a: , b: {foreach: {items: [c]}, bash: x}}",
    "otto: {api: '1', tasks: ['*'], dotenv: [a, b], retention: {keep_days: 1, keep-last: 0, auto_prune: false}}",
    "tasks:\n  a:\n    bash: |\n      echo\n",
    "tasks: {a: {python3: 'x', help: h, group: g, hidden: true, input: [x], output: [1], envs: {A: b}, dir: d, tty: false}}",
    "{otto: {resources: {time: 30m}}, tasks: {a: {resources: {cpus: 2, memory: [1G, 2G], gpus: 'a:1', extra: [--exclusive]}, bash: x}}}",
    "{otto: {executor: slurm}, tasks: {a: {executor: local, bash: x}}}",
    "tasks: {a: {os: linux}, b: {os: [macos, windows]}}",
    "tasks: {a: {before: [b, {task: b, when: always}], after: [c], on-failure: [d]}, b: , c: , d: }",
    "tasks: {a: {needs: [b, {in-order: [b, {task: c, with: {x: 1, y: [1, two]}, as: d}]}]}, b: , c: {params: {--x: , y: {nargs: '*'}}, bash: x}}",
    "tasks: {a: {steps: [b, echo 1, {bash: ls}, {python: x}, {action: x}, {task: c, as: d}]}, b: , c: }",
    "tasks: {a: {params: {-m|--msg: {default: d}, --long|-l: , -x: , word: {nargs: '+', required: true}, --n: {type: int, choices: [1, 2], metavar: N, env: N, help: h}}, bash: x}}",
    "tasks: {a: {params: {--c: {choices-command: ls}, --d: {nargs: 2}, --e: {nargs: '1:3'}, --f: {nargs: '?'}}, bash: x}}",
    "tasks: {clean: {params: {--x: {required: false, default: 1}, --y: {required: true, default: }}, bash: x}}",
    "tasks: {a: {foreach: {range: 1..3, as: n, parallel: false, max_items: 5, buffer: true}, bash: x}}",
    "tasks: {a: {foreach: {command: ls, jobs: all}, bash: x}, b: {foreach: {glob: '*', jobs: 2}, bash: x}}",
    "tasks: {l: {bash: x}, a: {foreach: {from: l.files, key: name, as: f, fail_fast: true}, bash: x}, b: {foreach: {each: a}, bash: x}}",
    "tasks: {l: {bash: x}, a: {foreach: {matrix: {on: [a, 1], py: {from: l.p}}, exclude: [{on: a, py: 1}], include: [{z: true}]}, bash: x}}",
    "tasks: {a: {timeout: 5m, retries: 2, bash: x}, b: {timeout: 90, retries: {count: 1, delay: 1h30m, backoff: 1.5}, bash: x}}",
    "tasks: {a: {streaming: stdout, stream-errors: ignore, bash: x}, b: {streaming: true, bash: x}}",
    "tasks: {a: {bash: x, python: , foreach: , params: , before: , envs: }}",
];

/// Each is wrong in its form, so that an editor can say so.
const WRONG: &[&str] = &[
    "[]",
    "x: 1",
    "tasks: [a]",
    "tasks: {a: 5}",
    "tasks: {-a: }",
    "tasks: {Clean: }",
    "otto: {api: 2}",
    "otto: {jobs: 0}",
    "otto: {jobs: many}",
    "otto: {jobs: 1.5}",
    "otto: {tasks: a}",
    "otto: {tasks: [[a]]}",
    "otto: {task: [a]}",
    "otto: {envs: [A]}",
    "otto: {envs: {A-B: 1}}",
    "otto: {envs: {A: [1]}}",
    "otto: {envs-command: ''}",
    "otto: {retention: {keep_months: 1}}",
    "otto: {retention: {auto_prune: yes}}",
    "tasks: {a: {befor: [b]}}",
    "tasks: {a: {before: 7}}",
    "tasks: {a: {before: [{when: always}]}}",
    "tasks: {a: {before: [{task: a, when: sometimes}]}}",
    "tasks: {a: {before: ['']}}",
    "tasks: {a: {needs: [{in-order: [b], when: always}]}, b: }",
    "tasks: {a: {needs: [{in-order: [{task: b, when: always}]}]}, b: }",
    "tasks: {a: {needs: [{in-order: b}]}, b: }",
    "tasks: {a: {needs: [{task: b, with: 1}]}, b: }",
    "tasks: {a: {after: [{task: b, with: {x: 1}}]}, b: }",
    "tasks: {a: {after: [{in-order: [b]}]}, b: }",
    "tasks: {a: {steps: b}, b: }",
    "tasks: {a: {steps: []}}",
    "tasks: {a: {steps: ['']}}",
    "tasks: {a: {steps: [{bash: x, task: b}]}, b: }",
    "tasks: {a: {steps: [{bash: [x]}]}}",
    "tasks: {a: {hidden: yes}}",
    "tasks: {a: {group: ''}}",
    "tasks: {a: {bash: [1]}}",
    "tasks: {a: {bash: x, python: y}}",
    "tasks: {a: {action: x, python3: y}}",
    "tasks: {a: {input: x}}",
    "tasks: {a: {on-failure: b}}",
    "tasks: {a: {timeout: soon}}",
    "tasks: {a: {timeout: 1h30}}",
    "tasks: {a: {retries: {delay: 5s}}}",
    "tasks: {a: {retries: {count: 1, backoff: 0.5}}}",
    "tasks: {a: {retries: -1}}",
    "tasks: {a: {streaming: stderr}}",
    "tasks: {a: {streaming: true, stream-errors: perhaps}}",
    "tasks: {a: {params: [x]}}",
    "tasks: {a: {params: {-verbose: }}}",
    "tasks: {a: {params: {-v|-x: }}}",
    "tasks: {a: {params: {--x: {defualt: 1}}}}",
    "tasks: {a: {params: {--x: {default: {a: 1}}}}}",
    "tasks: {a: {params: {--x: {choices: []}}}}",
    "tasks: {a: {params: {--x: {required: true, default: 1}}}}",
    "tasks: {a: {params: {--x: {nargs: some}}}}",
    "tasks: {a: {params: {--x: {type: string}}}}",
    "tasks: {a: {params: {--x: {env: $X}}}}",
    "tasks: {a: {foreach: {}, bash: x}}",
    "tasks: {a: {foreach: {items: [1], glob: x}, bash: x}}",
    "tasks: {a: {foreach: {items: x}, bash: x}}",
    "tasks: {a: {foreach: {range: one}, bash: x}}",
    "tasks: {a: {foreach: {items: [1], as: a-b}, bash: x}}",
    "tasks: {a: {foreach: {items: [1], jobs: 0}, bash: x}}",
    "tasks: {a: {foreach: {items: [1], max_items: none}, bash: x}}",
    "tasks: {a: {foreach: {from: files}, bash: x}}",
    "tasks: {a: {foreach: {matrix: {}}, bash: x}}",
    "tasks: {a: {foreach: {matrix: [a]}, bash: x}}",
    "tasks: {a: {foreach: {matrix: {a-b: [1]}}, bash: x}}",
    "tasks: {a: {foreach: {matrix: {a: [1], exclude: [{a: 1}]}}, bash: x}}",
    "tasks: {a: {foreach: {matrix: {a: [1]}, exclude: {a: 1}}, bash: x}}",
    "tasks: {a: {foreach: {matrix: {a: {of: l.p}}}, bash: x}}",
];

#[test]
fn the_schema_accepts_what_the_reader_accepts() {
    for text in FINE {
        assert_eq!(judged(text), Some((true, true)), "{text}");
    }
}

#[test]
fn the_schema_refuses_what_is_wrong_in_its_form() {
    for text in WRONG {
        assert_eq!(judged(text), Some((false, false)), "{text}");
    }
}

#[test]
fn the_schema_has_exactly_the_keys_of_the_reader() {
    let schema = schema();
    let keys = |place: &str| -> BTreeSet<String> {
        let properties = schema.pointer(&format!("{place}/properties")).and_then(Value::as_object);
        properties.expect("properties").keys().cloned().collect()
    };
    let known = |keys: &[&str]| -> BTreeSet<String> { keys.iter().map(|key| (*key).to_owned()).collect() };
    assert_eq!(keys(""), known(super::read::ROOT_KEYS));
    assert_eq!(keys("/definitions/settings"), known(super::read::OTTO_KEYS));
    assert_eq!(keys("/definitions/include"), known(super::include::KEYS));
    assert_eq!(keys("/definitions/task"), known(super::read::TASK_KEYS));
    assert_eq!(keys("/definitions/param"), known(param::KEYS));
    assert_eq!(keys("/definitions/foreach"), known(foreach::KEYS));
    let both: BTreeSet<String> = super::read::RETENTION_KEYS
        .iter()
        .flat_map(|key| [(*key).to_owned(), key.replace('_', "-")])
        .collect();
    assert_eq!(keys("/definitions/retention"), both);
    assert_eq!(schema.pointer("/properties/tasks/propertyNames/not/enum"), Some(&json!(BUILT_INS)));
}

/// A document made of the keys of ottofiles and of values that some of them take.
fn document() -> impl Strategy<Value = String> {
    let scalar = prop::sample::select(vec![
        "a", "1", "0", "1.5", "true", "yes", "", "'x'", "''", "all", "5m", "1..3", "stdout", "always", "'*'",
        "-x", "A", "int", "2:3", "'+'", "null", "08", "1e3", "\" \"", "0x1", ".5", "1h30m",
    ]);
    let value = prop_oneof![
        4 => scalar.clone().prop_map(str::to_owned),
        2 => prop::collection::vec(scalar, 0..3).prop_map(|items| format!("[{}]", items.join(", "))),
    ];
    let all_keys: Vec<&str> = [
        super::read::TASK_KEYS,
        super::read::OTTO_KEYS,
        param::KEYS,
        foreach::KEYS,
        &["task", "when", "count", "A", "in-order", "with"],
    ]
    .concat();
    let entry = (prop::sample::select(all_keys), value).prop_map(|(key, value)| format!("{key}: {value}"));
    let map = prop::collection::vec(entry, 0..3).prop_map(|entries| format!("{{{}}}", entries.join(", ")));
    (map.clone(), map.clone(), map.clone(), map.clone(), 0..4).prop_map(|(one, two, three, four, kind)| {
        match kind {
            0 => format!("otto: {one}\ntasks: {{a: {two}}}"),
            1 => format!("tasks: {{a: {{bash: x, params: {{--x: {one}, y: {two}}}}}}}"),
            2 => format!("tasks: {{a: {{bash: x, foreach: {one}}}, b: {two}}}"),
            _ => format!(
                "otto: {{envs: {one}, retention: {two}}}\ntasks: {{a: {three}, b: {{retries: {four}}}}}"
            ),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn the_schema_never_refuses_what_otto_accepts(text in document()) {
        if let Some((true, is_valid)) = judged(&text) {
            prop_assert!(is_valid, "{text}");
        }
    }
}
