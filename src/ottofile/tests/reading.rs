//! What sound ottofiles say: every key, every spelling.

use super::super::spec::*;
use super::{sound, task};
use crate::source::Spanned;
use std::time::Duration;

fn texts(spanned: &[Spanned<String>]) -> Vec<&str> {
    spanned.iter().map(|text| text.value.as_str()).collect()
}

fn edges(edges: &[Edge]) -> Vec<(&str, When, bool)> {
    edges.iter().map(|edge| (edge.task.value.as_str(), edge.when, edge.is_on_failure)).collect()
}

fn param(form: &str, keys: &str) -> Param {
    let task = task(&format!("params: {{\"{form}\": {{{keys}}}}}"));
    task.params.into_iter().next().expect("one was written")
}

fn foreach(keys: &str) -> Foreach {
    *task(&format!("foreach: {{{keys}}}")).foreach.expect("it was written")
}

fn paths(files: &[DotenvFile]) -> Vec<&str> {
    files.iter().map(|file| file.path.value.as_str()).collect()
}

#[test]
fn needs_and_before_are_one_key_and_a_task_may_have_other_names() {
    let file = sound(
        "x-shared: &s {bash: x}\ntasks: {a: {needs: [b], aliases: [c]}, b: {bash: x}, _d: {before: [c]}}",
    );
    let first = |place: usize| file.tasks[place].before[0].task.value.as_str();
    assert_eq!((first(0), first(2)), ("b", "c"));
    assert_eq!(file.position("c"), Some(0));
    assert!(file.tasks[2].is_hidden && !file.tasks[1].is_hidden);
}

#[test]
fn an_empty_document_is_an_ottofile_without_tasks() {
    for empty in [
        "",
        "\n",
        "# nothing\n",
        "---\n",
        "otto:\n",
        "tasks:\n",
        "tasks: {}\n",
        "otto: {api: 1}\n",
        "\u{feff}",
    ] {
        assert_eq!(sound(empty).tasks.len(), 0, "{empty:?}");
    }
}

#[test]
fn settings_are_read() {
    let settings = sound(
        r#"
otto:
  api: "1"
  name: shop
  about: A shop
  jobs: 4
  tasks: [build, 7]
  envs: {A: 1.50, B: true, C: "", D: , E: null, F: $(cmd || fallback)}
  envs-command: ./variables
  dotenv: .env
  retention: {keep_days: 1, keep-last: 2, keep_failed: 3, auto-prune: false, prune_interval_hours: 5}
tasks: {build: {}, 7: {}}
"#,
    )
    .settings;
    assert_eq!(settings.name.as_deref(), Some("shop"));
    assert_eq!(settings.about.as_deref(), Some("A shop"));
    assert_eq!(settings.jobs, Some(4));
    let DefaultTasks::Named(names) = &settings.default_tasks else { panic!("{:?}", settings.default_tasks) };
    assert_eq!(texts(names), ["build", "7"]);
    let envs: Vec<(&str, &str)> =
        settings.envs.iter().map(|entry| (entry.name.value.as_str(), entry.value.value.as_str())).collect();
    assert_eq!(
        envs,
        [("A", "1.50"), ("B", "true"), ("C", ""), ("D", ""), ("E", "null"), ("F", "$(cmd || fallback)")]
    );
    assert_eq!(settings.envs_command.map(|command| command.value).as_deref(), Some("./variables"));
    assert_eq!(paths(&settings.dotenv), [".env"]);
    assert_eq!(
        settings.retention,
        Retention {
            keep_days: 1,
            keep_last: 2,
            keep_failed_days: 3,
            is_auto_prune: false,
            prune_interval_hours: 5
        }
    );
}

#[test]
fn what_is_not_written_has_its_default() {
    let ottofile = sound("tasks: {a: {}}");
    assert_eq!(ottofile.settings.default_tasks, DefaultTasks::None);
    assert_eq!(ottofile.settings.retention, Retention::default());
    let task = &ottofile.tasks[0];
    assert!(task.body.is_none() && task.foreach.is_none() && task.timeout.is_none() && task.tty.is_none());
    assert!(!task.is_hidden && !task.has_lenient_stream_errors);
}

#[test]
fn a_star_means_every_task_and_lists_may_be_lists() {
    assert_eq!(sound("otto: {tasks: [\"*\"]}").settings.default_tasks, DefaultTasks::All);
    assert_eq!(sound("otto: {tasks: []}").settings.default_tasks, DefaultTasks::None);
    assert_eq!(paths(&sound("otto: {dotenv: [a, b]}").settings.dotenv), ["a", "b"]);
    let files = sound("otto: {dotenv: [a, {path: b, optional: true}]}").settings.dotenv;
    assert_eq!(paths(&files), ["a", "b"]);
    assert_eq!(files.iter().map(|file| file.is_optional).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn null_is_what_is_not_written() {
    let ottofile = sound(
        "otto: {name: , jobs: ~, tasks: null}\ntasks:\n  a:\n  b: {help: , bash: ~, before: null, params: , foreach: }\n",
    );
    assert_eq!(ottofile.settings.jobs, None);
    assert!(ottofile.tasks[1].help.is_none() && ottofile.tasks[1].body.is_none());
}

#[test]
fn names_of_tasks_are_as_spelled() {
    let ottofile = sound(
        "tasks:\n  2024: {}\n  true: {}\n  3.50: {}\n  007: {}\n  null: {}\n  a-b.c_d: {}\n  \"żółw 1\": {}\n",
    );
    let names: Vec<&str> = ottofile.tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(names, ["2024", "true", "3.50", "007", "null", "a-b.c_d", "żółw 1"]);
    for (place, name) in names.iter().enumerate() {
        assert_eq!(ottofile.position(name), Some(place));
    }
    assert_eq!(ottofile.sources.slice(ottofile.tasks[6].name_span), "\"żółw 1\"");
}

#[test]
fn everything_that_a_task_says_is_read() {
    let ottofile = sound(
        r"
tasks:
  b: {}
  c: {foreach: {items: [x y]}}
  a:
    help: |
      Two
      lines
    group: deploy
    hidden: true
    before: [b, {task: b, when: always}, 'c:x_y']
    after: [{task: c}]
    on-failure: [b]
    input: [src/**/*.rs, $DIR/x]
    output: [out]
    envs: {PATH: x, PYTHONPATH: y}
    timeout: 1h30m
    retries: {count: 3, delay: 500ms, backoff: 2}
    dir: sub
    streaming: stdout
    stream-errors: ignore
    interactive: false
    bash: make
",
    );
    let task = ottofile.task("a").expect("it was written");
    assert_eq!(task.help.as_deref(), Some("Two\nlines\n"));
    assert_eq!(task.group.as_deref(), Some("deploy"));
    assert!(task.is_hidden && task.has_lenient_stream_errors && task.tty.is_none());
    assert_eq!(
        edges(&task.before),
        [("b", When::Success, false), ("b", When::Always, false), ("c:x_y", When::Success, false)]
    );
    assert_eq!(edges(&task.after), [("c", When::Success, false), ("b", When::Failure, true)]);
    assert_eq!(texts(&task.input), ["src/**/*.rs", "$DIR/x"]);
    assert_eq!(texts(&task.output), ["out"]);
    assert_eq!(task.envs.len(), 2);
    assert_eq!(task.timeout.as_ref().map(|timeout| timeout.value), Some(Duration::from_secs(5400)));
    let retries = Retries { count: 3, delay: Duration::from_millis(500), backoff: 2.0, within: None };
    assert_eq!(task.retries.as_ref().map(|spanned| &spanned.value), Some(&retries));
    assert_eq!(task.dir.as_ref().map(|dir| dir.value.as_str()), Some("sub"));
    assert_eq!(task.streaming.as_ref().map(|streaming| streaming.value), Some(Streaming::Stdout));
}

#[test]
fn short_spellings_mean_the_long_ones() {
    assert_eq!(task("retries: 2").retries.map(|retries| retries.value.count), Some(2));
    assert_eq!(task("timeout: 90").timeout.map(|timeout| timeout.value), Some(Duration::from_secs(90)));
    assert!(task("tty: true").tty.is_some() && task("interactive: true").tty.is_some());
    assert_eq!(task("streaming: true").streaming.map(|streaming| streaming.value), Some(Streaming::Pipe));
    assert!(task("streaming: false").streaming.is_none());
}

#[test]
fn bodies_know_their_language_and_their_lines() {
    let body = |text: &str| sound(text).tasks.remove(0).body.expect("it was written");
    let lines = |text: &str| {
        let body = body(text);
        (body.text, body.first_line, body.has_true_lines)
    };
    let expected = |text: &str, line, is_true| (text.to_owned(), line, is_true);
    assert_eq!(body("tasks: {a: {bash: x}}").key, BodyKey::Bash);
    assert_eq!(body("tasks: {a: {python: x}}").key, BodyKey::Python);
    assert_eq!(body("tasks: {a: {python3: x}}").key, BodyKey::Python);
    assert_eq!(body("tasks: {a: {action: x}}").key, BodyKey::Action);
    assert_eq!(body("tasks: {a: {bash: true}}").text, "true");

    assert_eq!(lines("tasks:\n  a:\n    bash: one\n"), expected("one", 3, true));
    assert_eq!(lines("tasks:\n  a:\n    bash: |\n      one\n      two\n"), expected("one\ntwo\n", 4, true));
    assert_eq!(lines("tasks:\n  a:\n    bash: |-   # why\n      one\n"), expected("one", 4, true));
    // A carriage return alone is a line's end to YAML and none to an editor, before the text and in it.
    assert!(!lines("tasks:\n  a:\n    bash: |\r\n\r      one\n").2);
    assert!(!lines("tasks:\n  a:\n    bash: |\n      one\r      two\n").2);
    assert_eq!(lines("tasks:\n  a:\n    bash: |+\n      one\n\n\n"), expected("one\n\n\n", 4, true));
    assert_eq!(
        lines("tasks:\n  a:\n    bash: |2\n        one\n      two\n"),
        expected("  one\ntwo\n", 4, true)
    );
    assert_eq!(lines("tasks:\n  a:\n    bash: |\n\n   \n      one\n"), expected("\n\none\n", 4, true));
    assert_eq!(
        lines("tasks:\n  a:\n    bash: |2\n        \n\n      one\n"),
        expected("  \n\none\n", 4, true)
    );
    assert_eq!(lines("tasks:\n  a:\n    bash:\n      |\n      one\n"), expected("one\n", 5, true));
    assert_eq!(lines("tasks:\r\n  a:\r\n    bash: |\r\n\r\n      one\r\n"), expected("\none\n", 4, true));
    assert_eq!(lines("\u{feff}tasks: {a: {bash: one}}"), expected("one", 1, true));
    // What stands on other lines than those of the file.
    assert_eq!(lines("tasks:\n  a:\n    bash: >\n      one\n      two\n"), expected("one two\n", 4, false));
    assert_eq!(lines("tasks:\n  a:\n    bash: one\n      two\n"), expected("one two", 3, false));
    assert_eq!(lines("tasks:\n  a:\n    bash: \"one\n      two\"\n"), expected("one two", 3, false));
    assert_eq!(lines("tasks:\n  a:\n    bash: \"one\\ntwo\"\n"), expected("one\ntwo", 3, false));
    assert_eq!(lines("tasks:\n  a:\n    bash: |\n      one\r      two\n"), expected("one\ntwo\n", 4, false));
}

#[test]
fn parameters_have_four_forms() {
    let form = |written: &str| {
        let param = param(written, "");
        (param.name.as_str().to_owned(), param.form)
    };
    let option =
        |short: Option<char>, long: Option<&str>| ParamForm::Option { short, long: long.map(str::to_owned) };
    assert_eq!(form("-m|--msg"), ("msg".to_owned(), option(Some('m'), Some("msg"))));
    assert_eq!(form("--msg|-m"), ("msg".to_owned(), option(Some('m'), Some("msg"))));
    assert_eq!(form("--dry-run"), ("dry_run".to_owned(), option(None, Some("dry-run"))));
    assert_eq!(form("-x"), ("x".to_owned(), option(Some('x'), None)));
    assert_eq!(form("-1|--one"), ("one".to_owned(), option(Some('1'), Some("one"))));
    assert_eq!(form("what"), ("what".to_owned(), ParamForm::Positional("what".to_owned())));
    assert_eq!(form("what-for"), ("what_for".to_owned(), ParamForm::Positional("what-for".to_owned())));
}

#[test]
fn a_default_of_true_or_false_makes_an_option_a_flag() {
    assert_eq!(param("--x", "default: false").count, Count::Flag);
    assert_eq!(param("--x", "default: \"true\"").count, Count::Flag);
    assert_eq!(param("--x", "default: false, nargs: 1").count, Count::One);
    for spelled in ["False", "FALSE"] {
        let flag = param("--x", &format!("default: {spelled}"));
        assert_eq!(flag.count, Count::Flag);
        assert_eq!(flag.default.map(|default| default.value).as_deref(), Some("false"));
    }
    assert_eq!(param("--x", "default: fALSE").count, Count::One);
    assert_eq!(param("--x", "default: true, choices: [true, false]").count, Count::Flag);
    assert_eq!(param("x", "default: false").count, Count::One);
    let flag = param("--x", "nargs: 0");
    assert_eq!(
        (flag.count, flag.default.map(|default| default.value)),
        (Count::Flag, Some("false".to_owned()))
    );
}

#[test]
fn counts_of_words_are_read() {
    let count = |nargs: &str| param("--x", &format!("nargs: {nargs}")).count;
    assert_eq!(count("1"), Count::One);
    assert_eq!(count("1:1"), Count::One);
    assert_eq!(count("\"?\""), Count::Range { least: 0, most: Some(1) });
    assert_eq!(count("\"*\""), Count::Range { least: 0, most: None });
    assert_eq!(count("+"), Count::Range { least: 1, most: None });
    assert_eq!(count("2"), Count::Range { least: 2, most: Some(2) });
    assert_eq!(count("2:5"), Count::Range { least: 2, most: Some(5) });
}

#[test]
fn everything_that_a_parameter_says_is_read() {
    let param = param(
        "-n|--num",
        "help: How many, metavar: N, default: 007, choices: [007, 8.50, yes], env: NUM, type: str",
    );
    assert_eq!(param.help.as_deref(), Some("How many"));
    assert_eq!(param.metavar.as_deref(), Some("N"));
    assert_eq!(param.default.as_ref().map(|default| default.value.as_str()), Some("007"));
    assert_eq!(texts(&param.choices), ["007", "8.50", "yes"]);
    assert_eq!(param.env.as_ref().map(|env| env.value.as_str()), Some("NUM"));
    assert_eq!((param.kind, param.count, param.is_required), (ParamType::Str, Count::One, false));
}

#[test]
fn a_default_takes_the_spelling_of_its_choice() {
    let default = |keys: &str| param("--e", keys).default.map(|default| default.value);
    assert_eq!(default("default: PROD, choices: [dev, prod]").as_deref(), Some("prod"));
    assert_eq!(default("default: b, choices: [B, b]").as_deref(), Some("b"));
    assert_eq!(default("default: A  b, nargs: 2, choices: [a, b]").as_deref(), Some("a b"));
    assert_eq!(default("default: \"\", choices: [a, b]").as_deref(), Some(""));
}

#[test]
fn types_accept_their_words() {
    for (kind, good, bad) in [
        (
            ParamType::Int,
            vec!["0", "-7", "+7", "007", "123456789012345678901234567890"],
            vec!["", "-", "1.0", "x", "1e3"],
        ),
        (ParamType::Float, vec!["1", "-1.5", "1e3", ".5"], vec!["", "nan", "inf", "x", "1,5"]),
        (ParamType::Bool, vec!["true", "false"], vec!["", "yes", "True"]),
        (ParamType::Path, vec!["a", "/", "a b"], vec![""]),
        (ParamType::Str, vec!["", "anything"], vec![]),
    ] {
        for word in good {
            assert!(kind.accepts(word), "{kind} {word}");
        }
        for word in bad {
            assert!(!kind.accepts(word), "{kind} {word}");
        }
    }
}

#[test]
fn everything_that_a_foreach_says_is_read() {
    let plain = foreach("items: [dev, 2, true, 3.50]");
    let ForeachSource::Items(items) = &plain.source else { panic!("{plain:?}") };
    assert_eq!(texts(items), ["dev", "2", "true", "3.50"]);
    assert_eq!(plain.variable.value, "item");
    assert!(plain.is_parallel && !plain.is_buffered && plain.jobs.is_none());
    assert_eq!(plain.max_items, 1000);

    let full = foreach("glob: \"ex/*.sh\", as: example, max_items: 5, jobs: all, buffer: true");
    assert!(matches!(&full.source, ForeachSource::Glob(glob) if glob.value == "ex/*.sh"));
    assert_eq!(
        (full.variable.value.as_str(), full.max_items, full.jobs),
        ("example", 5, Some(ForeachJobs::All))
    );
    assert!(full.is_buffered);

    assert!(matches!(foreach("range: 8-11").source, ForeachSource::Range { first: 8, last: 11, .. }));
    assert!(matches!(foreach("range: -3..3").source, ForeachSource::Range { first: -3, last: 3, .. }));
    assert!(matches!(foreach("range: 0..9223372036854775807").source, ForeachSource::Range { .. }));
    assert!(
        matches!(foreach("command: ls").source, ForeachSource::Command(command) if command.value == "ls")
    );
    assert_eq!(foreach("items: [], jobs: 3").jobs, Some(ForeachJobs::Most(3)));
    assert!(!foreach("items: [a], parallel: false").is_parallel);
}

#[test]
fn items_that_only_the_plan_can_judge_are_left_to_it() {
    // Too many, two of one name, one without a name: none of this concerns the other tasks of the file.
    sound(
        "tasks: {a: {foreach: {items: [x, x, \"\"], max_items: 1}}, b: {foreach: {range: 1..999999999999}}}",
    );
}

#[test]
fn names_of_items_have_no_blanks_and_numbers_have_zeros() {
    assert_eq!(item_name("a b\tc\n"), "a_b_c_");
    assert_eq!(range_item_name(8, 11), "08");
    assert_eq!(range_item_name(-3, 3), "-3");
    assert_eq!(range_item_name(5, 1000), "0005");
}

#[test]
fn aliases_repeat_and_merges_fill_in() {
    let ottofile = sound(
        "
tasks:
  a: &a {params: &p {-m|--msg: {default: d}}, help: of a, bash: echo a}
  b: {params: *p, bash: echo b}
  c: {<<: *a, help: of c}
  d: {help: of d, <<: [{help: x, group: one}, {group: two, dir: sub}]}
",
    );
    let [a, b, c, d] = ottofile.tasks.as_slice() else { panic!("four were written") };
    assert_eq!(b.params[0].name, a.params[0].name);
    assert_eq!((c.help.as_deref(), c.params.len()), (Some("of c"), 1));
    assert_eq!(c.body.as_ref().map(|body| (body.text.as_str(), body.first_line)), Some(("echo a", 3)));
    assert_eq!((d.help.as_deref(), d.group.as_deref()), (Some("of d"), Some("one")));
    assert_eq!(d.dir.as_ref().map(|dir| dir.value.as_str()), Some("sub"));
}

#[test]
fn tasks_themselves_may_be_merged() {
    let ottofile =
        sound("tasks:\n  a: {bash: own}\n  <<: {a: {bash: merged}, b: {bash: merged}}\n  c: {before: [b]}\n");
    let tasks: Vec<(&str, &str)> = ottofile
        .tasks
        .iter()
        .filter_map(|task| Some((task.name.as_str(), task.body.as_ref()?.text.as_str())))
        .collect();
    assert_eq!(tasks, [("a", "own"), ("b", "merged")]);
}

#[test]
fn no_task_is_lost_however_the_map_of_tasks_came_to_be() {
    assert_eq!(sound("<<: {tasks: {a: {bash: x}, b: {}}}\n").tasks.len(), 2);
    assert_eq!(sound("otto: {envs: &none {}}\ntasks: *none\n").tasks.len(), 0);
    assert_eq!(sound("tasks: {<<: [{a: {}}, {a: {}, b: {}}], c: {}}\n").tasks.len(), 3);
    let (first, second) = ("tasks: {a: &a {bash: x}, b: *a}", "tasks: {a: {bash: x}, b: {bash: x}}");
    let bodies =
        |text| sound(text).tasks.into_iter().map(|task| task.body.map(|body| body.text)).collect::<Vec<_>>();
    assert_eq!(bodies(first), bodies(second));
}

#[test]
fn places_are_those_of_the_words() {
    let text = "tasks:\n  build:\n    before: [test]\n    params: {-m|--msg: {default: \"d\"}}\n    bash: |\n      make\n\n  test: {}\n";
    let ottofile = sound(text);
    let build = &ottofile.tasks[0];
    let slice = |span| ottofile.sources.slice(span);
    assert_eq!(slice(build.name_span), "build");
    assert_eq!(slice(build.before[0].task.span), "test");
    assert_eq!(slice(build.params[0].form_span), "-m|--msg");
    assert_eq!(build.params[0].default.as_ref().map(|default| slice(default.span)), Some("\"d\""));
    let body = build.body.as_ref().expect("it was written");
    assert_eq!((slice(body.key_span), slice(body.span)), ("bash", "make"));
}
