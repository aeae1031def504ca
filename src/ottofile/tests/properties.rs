//! What holds for every text, and for every ottofile that a generator can think of.

use super::super::spec::*;
use super::super::{parse_duration, read};
use super::sound;
use crate::diagnostic::{Diagnostic, render, summary};
use crate::source::SourceFile;
use proptest::prelude::*;
use std::time::Duration;

/// Reading ends, all places are inside the text and on its characters, and what is said can be shown.
pub(super) fn holds(text: &str) {
    let source = SourceFile::new("otto.yml", text);
    let diagnostics = match read(&source) {
        Ok((ottofile, warnings)) => {
            assert_eq!(ottofile.tasks.len(), ottofile.index.len());
            for task in &ottofile.tasks {
                assert!(text.get(task.name_span.range()).is_some(), "{:?}", task.name_span);
                if let Some(body) = &task.body {
                    assert!(text.get(body.span.range()).is_some(), "{:?}", body.span);
                    true_lines_are_true(text, body);
                }
            }
            warnings
        }
        Err(errors) => {
            assert!(errors.iter().any(Diagnostic::is_error), "refused without a reason");
            errors
        }
    };
    for diagnostic in &diagnostics {
        for label in &diagnostic.labels {
            assert!(text.get(label.span.range()).is_some(), "{:?} of {}", label.span, diagnostic.message);
        }
    }
    let shown = render(&diagnostics, false, 80) + &summary("otto.yml", &diagnostics);
    let obeyed = shown.chars().find(|character| character.is_control() && *character != '\n');
    assert_eq!(obeyed, None, "{shown:?}");
}

/// Each line of a body that says so is the end of that line of the file.
fn true_lines_are_true(text: &str, body: &Body) {
    if !body.has_true_lines {
        return;
    }
    let file: Vec<&str> = text.split('\n').collect();
    for (place, line) in body.text.lines().enumerate() {
        let written = file.get(body.first_line - 1 + place).copied().unwrap_or_default();
        // Quoted texts may have escapes, and what follows them on their line.
        let is_block = body.text.contains('\n') || body.text.is_empty();
        assert!(!is_block || written.trim_end_matches('\r').ends_with(line), "{written:?} for {line:?}");
    }
}

/// Pieces that ottofiles are made of, right and wrong, so that most mixtures come far.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec![
            "tasks:\n", "otto:\n", "  a:\n", "  b:\n", "  api: 1\n", "  tasks: [a]\n", "    bash: x\n", "    bash: |\n",
            "      echo\n", "    before: [a, b]\n", "    before:\n", "      - a\n", "    params:\n", "      -m|--msg:\n",
            "        default: d\n", "        choices: [d, e]\n", "    foreach: {items: [x, y]}\n", "      items:\n",
            "    help: >-\n", "    envs: {A: 1}\n", "    <<: *x\n", "  c: &x\n", "    retries: {count: 2}\n", "    tty: true\n",
            "    timeout: 5s\n", "    after: [{task: a, when: failure}]\n", "    on-failure: [b]\n", "    streaming: true\n",
        ]).prop_map(str::to_owned),
        4 => prop::sample::select(vec![
            "\t", " ", "\n", "\r\n", "\r", "- ", "? ", ": ", ":", ",", "[", "]", "{", "}", "|", ">", "#", "&a", "*a", "!t ",
            "'", "\"", "\\", "%", "@", "`", "---\n", "...\n", "<<: ", "~", "null", "true", "\u{feff}", "\u{2028}", "\u{0}", "\u{1b}", "é", "日本",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

/// A sound ottofile with everything in it.
const FULL: &str = r#"# everything
otto: {api: 1, name: n, jobs: 4, tasks: [all], envs: {A: "$(b)"}, retention: {keep_days: 3}}
tasks:
  all: &all
    help: |
      Two lines
      of help
    before: [build, {task: "each:x", when: always}]
    after: []
    params:
      -m|--msg: {default: d, choices: [d, e], help: 'it''s'}
      --flag: {default: false}
      what: {nargs: "*", type: int}
    bash: |
      echo "${msg}"

      if true; then
        echo é
      fi
  build:
    python3: print("x")
    input: ["src/**"]
    output: [out]
    on-failure: [fix]
    retries: {count: 2, delay: 5s, backoff: 1.5}
  fix: {action: "true", tty: true, timeout: 1m}
  each: {foreach: {items: [x, y], as: it}, envs: {B: 1}, streaming: stdout, dir: sub}
  again: {<<: *all, help: again}
"#;

#[test]
fn the_full_ottofile_is_sound() {
    assert_eq!(sound(FULL).tasks.len(), 5);
    holds(FULL);
}

#[test]
fn every_beginning_of_an_ottofile_has_an_answer() {
    for end in (0..=FULL.len()).filter(|end| FULL.is_char_boundary(*end)) {
        holds(&FULL[..end]);
    }
}

#[test]
fn an_ottofile_without_one_of_its_characters_has_an_answer() {
    for (start, character) in FULL.char_indices() {
        holds(&format!("{}{}", &FULL[..start], &FULL[start + character.len_utf8()..]));
    }
}

/// How a scalar may be written so that it is read as it was.
fn written(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|character| match character {
            '"' | '\\' => format!("\\{character}"),
            '\n' => "\\n".to_owned(),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                format!("\\u{:04x}", character as u32)
            }
            other if other as u32 > 0xffff => format!("\\U{:08x}", other as u32),
            other => other.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_has_an_answer(text in any::<String>()) {
        holds(&text);
    }

    #[test]
    fn any_mixture_of_pieces_has_an_answer(pieces in prop::collection::vec(piece(), 0..30)) {
        holds(&pieces.concat());
    }

    #[test]
    fn a_damaged_ottofile_has_an_answer(
        places in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, piece()), 1..4),
    ) {
        let mut text = FULL.to_owned();
        for (place, length, piece) in places {
            let boundary = |mut at: usize| {
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                at
            };
            let start = boundary(place.index(text.len() + 1));
            let end = boundary((start + length).min(text.len())).max(start);
            text.replace_range(start..end, &piece);
        }
        holds(&text);
    }

    #[test]
    fn scalars_are_read_as_they_were_written(help in any::<String>(), value in any::<String>()) {
        prop_assume!(!help.contains('\0') && !value.contains('\0'));
        let ottofile = sound(&format!("tasks: {{a: {{help: {}, envs: {{A: {}}}}}}}", written(&help), written(&value)));
        prop_assert_eq!(ottofile.tasks[0].help.as_deref(), Some(help.as_str()));
        prop_assert_eq!(&ottofile.tasks[0].envs[0].value.value, &value);
    }

    #[test]
    fn bodies_are_read_line_by_line(
        lines in prop::collection::vec("[ -~é日\t]{0,12}", 1..8),
        header in prop::sample::select(vec!["|", "|-", "|+", "|6", "| # why"]),
        ending in prop::sample::select(vec!["\n", "\r\n"]),
    ) {
        let mut text = format!("tasks:{ending}  a:{ending}    help: x{ending}    bash: {header}{ending}");
        for line in &lines {
            text += &format!("          {line}{ending}");
        }
        text += &format!("  b: {{}}{ending}");
        holds(&text);
    }

    #[test]
    fn what_is_written_is_what_is_read(tasks in tasks()) {
        let ottofile = sound(&yaml(&tasks));
        prop_assert_eq!(ottofile.tasks.len(), tasks.len());
        for (read, wanted) in ottofile.tasks.iter().zip(&tasks) {
            prop_assert_eq!(read.name.as_str(), &wanted.name);
            prop_assert_eq!(read.help.as_deref(), wanted.help.as_deref());
            prop_assert_eq!(read.is_hidden, wanted.is_hidden);
            let before: Vec<(&str, When)> = read.before.iter().map(|edge| (edge.task.value.as_str(), edge.when)).collect();
            let wanted_before: Vec<(&str, When)> =
                wanted.before.iter().map(|(place, when)| (tasks[*place].name.as_str(), *when)).collect();
            prop_assert_eq!(before, wanted_before);
            prop_assert_eq!(read.timeout.as_ref().map(|timeout| timeout.value), wanted.timeout.map(|seconds| Duration::from_secs(seconds.into())));
            prop_assert_eq!(read.body.as_ref().map(|body| body.text.clone()), wanted.body.clone());
            let params: Vec<(&str, Option<&str>)> = read.params.iter().map(|param| (param.name.as_str(), param.default.as_ref().map(|default| default.value.as_str()))).collect();
            let wanted_params: Vec<(&str, Option<&str>)> = wanted.params.iter().map(|(name, default)| (name.as_str(), default.as_deref())).collect();
            prop_assert_eq!(params, wanted_params);
            let items = read.foreach.as_ref().map(|foreach| match &foreach.source {
                ForeachSource::Items(items) => items.iter().map(|item| item.value.clone()).collect::<Vec<String>>(),
                other => panic!("{other:?}"),
            });
            prop_assert_eq!(items, wanted.items.clone());
        }
    }

    #[test]
    fn whole_seconds_are_durations(days in 0u64..300, hours in 0u64..99, minutes in 0u64..99, seconds in 1u64..99) {
        let total = Duration::from_secs(((days * 24 + hours) * 60 + minutes) * 60 + seconds);
        let written = format!("{days}d{hours}h{minutes}m{seconds}s");
        prop_assert_eq!(parse_duration(&written), Some(total));
        prop_assert_eq!(parse_duration(&total.as_secs().to_string()), Some(total));
    }
}

#[derive(Clone, Debug)]
struct Wanted {
    name: String,
    help: Option<String>,
    is_hidden: bool,
    /// Places of earlier tasks.
    before: Vec<(usize, When)>,
    timeout: Option<u32>,
    body: Option<String>,
    params: Vec<(String, Option<String>)>,
    items: Option<Vec<String>>,
}

fn tasks() -> impl Strategy<Value = Vec<Wanted>> {
    let text = "[ -~é日]{0,10}";
    let when = prop::sample::select(vec![When::Success, When::Failure, When::Always]);
    let one = (
        prop::option::of(text),
        any::<bool>(),
        prop::collection::vec((any::<prop::sample::Index>(), when), 0..3),
        prop::option::of(1u32..9999),
        prop::option::of(text),
        prop::collection::vec(prop::option::of("[ -~]{0,8}"), 0..3),
        prop::option::of(prop::collection::vec("[!-~]{1,5}", 0..4)),
    );
    prop::collection::vec(one, 0..8).prop_map(|tasks| {
        let many = tasks.into_iter().enumerate();
        let wanted = many.map(|(number, (help, is_hidden, before, timeout, body, defaults, items))| {
            let mut edges: Vec<(usize, When)> = Vec::new();
            for (place, when) in before {
                // The first edge to a task stays, so that none contradicts it.
                if number > 0 && !edges.iter().any(|(other, _)| *other == place.index(number)) {
                    edges.push((place.index(number), when));
                }
            }
            let params = defaults
                .into_iter()
                .enumerate()
                .map(|(place, default)| (format!("p{place}"), default))
                .collect();
            Wanted {
                name: format!("task {number}"),
                help,
                is_hidden,
                before: edges,
                timeout,
                body,
                params,
                items,
            }
        });
        wanted.collect()
    })
}

fn yaml(tasks: &[Wanted]) -> String {
    let mut text = String::from("tasks:\n");
    for wanted in tasks {
        text += &format!("  {}:\n    hidden: {}\n", written(&wanted.name), wanted.is_hidden);
        if let Some(help) = &wanted.help {
            text += &format!("    help: {}\n", written(help));
        }
        let edges: Vec<String> = wanted
            .before
            .iter()
            .map(|(place, when)| {
                let name = written(&tasks[*place].name);
                match when {
                    When::Success => name,
                    When::Ran => format!("{{task: {name}, when: ran}}"),
                    When::Failure => format!("{{task: {name}, when: failure}}"),
                    When::Always => format!("{{when: always, task: {name}}}"),
                }
            })
            .collect();
        text += &format!("    before: [{}]\n", edges.join(", "));
        if let Some(seconds) = wanted.timeout {
            text += &format!("    timeout: {seconds}s\n");
        }
        if let Some(body) = &wanted.body {
            text += &format!("    bash: {}\n", written(body));
        }
        text += "    params:\n";
        for (name, default) in &wanted.params {
            let default =
                default.as_ref().map(|default| format!("default: {}", written(default))).unwrap_or_default();
            text += &format!("      --{name}: {{{default}}}\n");
        }
        if let Some(items) = &wanted.items {
            let items: Vec<String> = items.iter().map(|item| written(item)).collect();
            text += &format!("    foreach:\n      items: [{}]\n", items.join(", "));
        }
    }
    text
}
