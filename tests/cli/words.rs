//! How the command line is taken apart; what is refused before anything runs.

use crate::Project;
use insta::assert_snapshot;
use proptest::prelude::*;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

const FILE: &str = "
otto: {jobs: 1}
tasks:
  build: {params: {-m|--msg: {default: none}, -v|--verbose: {default: false}}, bash: 'echo build $msg $verbose'}
  test: {params: {-n|--num: {default: 3}, what: {default: all}}, bash: 'echo test $num $what'}
  lint: {bash: echo lint}
  sum: {params: {a: {type: int}, b: {type: float, default: 0}}, bash: 'echo $a $b'}
";

#[test]
fn each_task_takes_its_own_words() {
    let project = Project::new(FILE);
    let ran = project.run("build -m hi -v test -n 7 unit lint");
    assert_eq!(ran.ok(), "build hi true\ntest 7 unit\nlint\n");
    assert_eq!(project.run("build -vm hi").ok(), "build hi true\n");
    assert_eq!(project.run("build -mhi test -n=4").ok(), "build hi false\ntest 4 all\n");
    assert_eq!(project.run("lint lint lint").ok(), "lint\n");
}

#[test]
fn options_of_otto_may_stand_between_tasks() {
    let project = Project::new(FILE);
    for words in ["-j 1 lint build", "lint -j 1 build", "lint build -j1", "lint --fail-fast build --jobs=1"] {
        assert_eq!(project.run(words).ok(), "lint\nbuild none false\n", "otto {words}");
    }
    // `-n` is the task's own where the task takes it.
    assert_eq!(project.run("test -n 5").ok(), "test 5 all\n");
    assert!(project.run("lint -n").stderr.contains("nothing was started"));
}

#[test]
fn an_option_that_chooses_the_ottofile_stands_before_the_tasks() {
    let project = Project::new(FILE);
    project.write("other.yml", FILE);
    assert_snapshot!(project.run("lint -o other.yml").all(), @"
    ── stderr
    error[E0005]: `-o` must come before the task
    help: write `otto -o other.yml TASK`
    otto: 1 error. For details: `otto Explain E0005`
    ── exit 2
    ");
    project.run("lint -C / build").refused();
    assert_eq!(project.run("lint --version").ok(), project.run("--version").ok());
    assert_eq!(project.run("lint --list-subtasks").ok(), project.run("--list-subtasks").ok());
}

#[test]
fn a_word_that_a_param_waits_for_is_its_value() {
    let project = Project::new(FILE);
    assert_eq!(project.run("build --msg lint").ok(), "build lint false\n");
    assert_eq!(project.run("build --msg=lint").ok(), "build lint false\n");
    assert_eq!(project.run("test -- lint").ok(), "test 3 lint\n");
    assert_eq!(project.run("test -- --num").ok(), "test 3 --num\n");
    assert_eq!(project.run_words(&["build", "--msg", ""]).ok(), "build false\n");
}

#[test]
fn negative_numbers_are_values() {
    let project = Project::new(FILE);
    assert_eq!(project.run("sum -5 -2.5").ok(), "-5 -2.5\n");
    assert_eq!(project.run("test -n -1").ok(), "test -1 all\n");
    assert_eq!(project.run("test --num=-1 -- -x").ok(), "test -1 -x\n");
}

#[test]
fn bad_words_are_refused_and_nothing_runs() {
    let project = Project::new(FILE);
    for words in [
        "lint --bogus",
        "--bogus lint",
        "lint extra",
        "lint build --msg",
        "lint -j many",
        "-j 0 lint",
        "lint --display pretty",
        "lint --timeout soon",
        "--tail x lint",
        "--color sometimes lint",
        "lint List",
        "List lint",
        "lint sum 1.5",
        "lint build --verbose=maybe",
        "lint biuld",
        "nothing lint",
        "lint -o",
        "lint lint:one",
    ] {
        project.run(words).refused();
    }
    // Not even a run directory is left.
    assert!(!project.task_home().exists());
}

#[test]
fn a_word_that_is_not_understood_is_shown_with_what_is_near() {
    let project = Project::new(FILE);
    assert_snapshot!(project.run("biuld").all(), @"
    ── stderr
    error[E0003]: unknown task `biuld`
      ╭▸ command line:1:6
    1 │ otto biuld
      ╰╴     ━━━━━ not in otto.yml
    help: did you mean `build`?
    usage: otto [OPTIONS] [TASK [ARGS]]...
    otto: 1 error. For details: `otto Explain E0003`
    ── exit 2
    ");
    assert_snapshot!(project.run("build --mgs x").all(), @"
    ── stderr
    error[E0401]: `build` has no option `--mgs`
      ╭▸ command line:1:12
    1 │ otto build --mgs x
      ╰╴           ━━━━━ not declared in its `params`
    help: did you mean `--msg`?
    usage: otto build [OPTIONS]
    otto: 1 error. For details: `otto Explain E0401`
    ── exit 2
    ");
    assert_snapshot!(project.run("test one two").all(), @r#"
    ── stderr
    error[E0005]: `two` is neither a task nor an argument of `test`
      ╭▸ command line:1:15
    1 │ otto test one two
      ╰╴              ━━━ all its positional parameters already have a value
    help: see `otto test --help`
    help: to accept any arguments, declare a parameter `args: {nargs: "*"}`; otto does not read arguments after `--`
    usage: otto test [OPTIONS] [what]
    otto: 1 error. For details: `otto Explain E0005`
    ── exit 2
    "#);
    assert_snapshot!(project.run("lint List").all(), @"
    ── stderr
    error[E0004]: the built-in command `List` cannot be combined with the task `lint`
      ╭▸ command line:1:11
    1 │ otto lint List
      ╰╴          ━━━━ a built-in command must be used alone
    help: run `otto List` by itself
    otto: 1 error. For details: `otto Explain E0004`
    ── exit 2
    ");
}

#[test]
fn many_mistakes_are_said_at_once() {
    let project = Project::new(FILE);
    assert_snapshot!(project.run("build --x --y test one two").all(), @r#"
    ── stderr
    error[E0401]: `build` has no option `--x`
      ╭▸ command line:1:12
    1 │ otto build --x --y test one two
      ╰╴           ━━━ not declared in its `params`
    help: it has `--msg`, `-m`, `--verbose`, `-v`
    error[E0401]: `build` has no option `--y`
      ╭▸ command line:1:16
    1 │ otto build --x --y test one two
      ╰╴               ━━━ not declared in its `params`
    help: it has `--msg`, `-m`, `--verbose`, `-v`
    error[E0005]: `two` is neither a task nor an argument of `test`
      ╭▸ command line:1:29
    1 │ otto build --x --y test one two
      ╰╴                            ━━━ all its positional parameters already have a value
    help: see `otto test --help`
    help: to accept any arguments, declare a parameter `args: {nargs: "*"}`; otto does not read arguments after `--`
    usage: otto build [OPTIONS]
    usage: otto test [OPTIONS] [what]
    otto: 3 errors. For details: `otto Explain E0005`
    ── exit 2
    "#);
}

#[test]
fn a_word_that_is_no_utf8_is_refused_or_taken_but_never_a_panic() {
    let project = Project::new(FILE);
    let ran = project.shell("otto $'\\xff'");
    assert_eq!(ran.status, 2, "{}", ran.all());
    let ran = project.shell("otto build -m $'a\\xffb' | od -An -tx1");
    assert_eq!(ran.stdout, " 62 75 69 6c 64 20 61 ff 62 20 66 61 6c 73 65 0a\n");
}

#[test]
fn names_with_blanks_and_quotes_are_tasks_like_others() {
    let project = Project::new(
        "tasks: {\"a b\": {bash: echo A}, \"it's\": {before: ['a b'], bash: 'echo \"$OTTO_TASK\"'}}",
    );
    let ran = project.run_words(&["it's"]);
    assert_eq!(ran.ok(), "A\nit's\n");
    assert_eq!(ran.outcomes(), "a b: ok, it's: ok");
}

#[test]
fn a_very_long_name_is_refused_or_runs() {
    let name = "n".repeat(300);
    let project = Project::new(&format!("tasks: {{{name}: {{bash: echo ran}}}}"));
    let ran = project.run(&name);
    assert!(ran.status == 0 && ran.stdout == "ran\n" || ran.status == 2, "{}", ran.all());
}

#[test]
fn numbers_and_truths_are_names_as_they_are_spelled() {
    let project = Project::new(
        "otto: {jobs: 1}\ntasks: {2024: {bash: echo y}, true: {bash: echo t}, 1.50: {bash: echo f}}",
    );
    assert_eq!(project.run("2024 true 1.50").ok(), "y\nt\nf\n");
}

/// A task in each language that passes its words on, and writes them down, each with a NUL behind it.
const WRITERS: &str = r##"
otto: {jobs: 8}
tasks:
  all: {before: [bash, sh, python, node, ruby, perl], params: {args: {nargs: "*"}}}
  bash: {params: {args: {nargs: "*"}}, bash: "(( $# == 0 )) || printf '%s\\0' \"$@\" > bash.out; printf %s \"$args\" > text.out"}
  sh: {params: {args: {nargs: "*"}}, action: "#!/bin/sh\n[ $# -eq 0 ] || printf '%s\\0' \"$@\" > sh.out"}
  python:
    params: {args: {nargs: "*"}}
    python: |
      import os, sys
      assert sys.argv[1:] == PARAMS["args"], (sys.argv, PARAMS)
      with open("python.out", "wb") as out:
          out.write(b"".join(os.fsencode(word) + b"\0" for word in PARAMS["args"]))
  node:
    params: {args: {nargs: "*"}}
    action: |
      #!/usr/bin/env node
      require("fs").writeFileSync("node.out", process.argv.slice(2).map(word => word + "\0").join(""))
  ruby:
    params: {args: {nargs: "*"}}
    action: |
      #!/usr/bin/env ruby
      File.binwrite("ruby.out", ARGV.map { |word| word.b + "\0" }.join)
  perl:
    params: {args: {nargs: "*"}}
    action: |
      #!/usr/bin/env perl
      open my $out, ">", "perl.out"; print $out map { "$_\0" } @ARGV; close $out;
"##;

/// What each writer wrote, as words.
fn written(project: &Project, language: &str) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(project.path(&format!("{language}.out"))).unwrap_or_default();
    let words = bytes.split_inclusive(|byte| *byte == 0);
    words.map(|word| word.strip_suffix(b"\0").expect("a whole word").to_vec()).collect()
}

/// Runs all writers with these words behind `--`, then once more from the records.
fn write_and_repeat(words: &[Vec<u8>], languages: &[&str]) {
    let project = Project::new(WRITERS);
    let mut line: Vec<OsString> = vec!["-q".into(), "all".into(), "--".into()];
    line.extend(words.iter().map(|word| OsString::from_vec(word.clone())));
    for line in [line, vec!["-q".into(), "Rerun".into(), "latest".into(), "all".into()]] {
        for language in languages {
            let _ = std::fs::remove_file(project.path(&format!("{language}.out")));
        }
        let ran = project.run_os(&line);
        assert_eq!(ran.status, 0, "{line:?}: {}", ran.all());
        for language in languages {
            assert_eq!(written(&project, language), words, "{language}, {:?}", line.first());
        }
    }
    // As records, `Show` and `--json` have them.
    let shown: serde_json::Value =
        serde_json::from_str(project.run("Show latest python --json").ok()).expect("JSON");
    let shown = shown["words"]["args"].as_array().cloned().unwrap_or_default();
    let shown: Vec<Vec<u8>> = shown
        .iter()
        .map(|word| match word["hex"].as_str() {
            Some(hex) => (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"))
                .collect(),
            None => word.as_str().expect("a word").as_bytes().to_vec(),
        })
        .collect();
    assert_eq!(shown, words);
    let text = std::fs::read(project.path("text.out")).expect("written");
    assert_eq!(text, words.join(&b' '));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]
    #[test]
    fn every_word_arrives_as_it_was_typed_also_when_it_is_repeated(
        words in prop::collection::vec(
            prop_oneof![
                "[ -~]{0,12}".prop_map(String::into_bytes),
                "(--?[a-z=]{0,6}|--|[ \n\t'\"$`\\\\*?#&|;<>(){}]{0,6}|ü€😀)".prop_map(String::into_bytes),
                Just(b"all".to_vec()),
                Just(Vec::new()),
            ],
            0..8,
        ),
    ) {
        write_and_repeat(&words, &["bash", "sh", "python", "node", "ruby", "perl"]);
    }
}

#[test]
fn bytes_that_are_no_text_arrive_too() {
    // node has no way to tell such bytes.
    let words = [vec![0xff, b'-', 0x80], b"caf\xe9".to_vec()];
    write_and_repeat(&words, &["bash", "sh", "python", "ruby", "perl"]);
}

#[test]
fn ten_thousand_words_arrive_though_they_fit_into_no_variable() {
    let project = Project::new(
        "tasks: {t: {params: {args: {nargs: '*'}}, bash: 'echo \"$# ${10000} ${args-unset}\"'}}",
    );
    let words: Vec<String> = (1..=10_000).map(|number| format!("a long word, number {number}")).collect();
    let mut line = vec!["t"];
    line.extend(words.iter().map(String::as_str));
    assert_snapshot!(project.run_words(&line).all(), @r#"
    ── stdout
    10000 a long word, number 10000 unset
    ── stderr
    warning[E0603]: t: the values of `args` of `t` are too long for the variable `args`, so it is not set; the script gets each value as an argument: `"$@"` in a shell
         ok  t     TIME
    ── exit 0
    "#);
}

#[test]
fn a_task_that_takes_any_words_takes_all_but_its_own_options() {
    let project = Project::new(
        r##"
tasks:
  test: {params: {args: {nargs: "*"}, --fast: {default: false}}, bash: 'printf "<%s>" "$fast" "$@"; echo'}
  run: {params: {what: {}, args: {nargs: "*"}}, bash: 'printf "<%s>" "$what" "$@"; echo'}
  pair: {params: {args: {nargs: "0:2"}}, bash: 'printf "<%s>" "$@"; echo'}
  pick: {params: {args: {nargs: "*", choices: [a, b]}}, bash: 'printf "<%s>" "$@"; echo'}
  lint: {bash: echo lint}
  args: {bash: 'echo "$#"'}
"##,
    );
    let run = |words: &str| project.run(words).ok().to_owned();
    assert_eq!(run("test"), "<false>\n");
    assert_eq!(run("test -k foo --fast -v -j4 -n"), "<true><-k><foo><-v><-j4><-n>\n");
    assert_eq!(run("test -- --fast -- --help"), "<false><--fast><--><--help>\n");
    assert_eq!(run("test a -- --fast --"), "<false><a><--><--fast><-->\n");
    assert_eq!(run("test -h localhost"), "<false><-h><localhost>\n");
    assert!(run("test -h").starts_with("Usage: otto test"));
    assert_eq!(run("test - -5 --no-fast"), "<false><-><-5>\n");
    assert!(run("test --help").starts_with("Usage: otto test"));
    assert_eq!(run("run pytest -k slow"), "<pytest><-k><slow>\n");
    assert_eq!(run("-j1 pair -x b lint"), "<-x><b>\nlint\n");
    assert_eq!(run("-j1 pair -- a -- lint"), "<a><-->\nlint\n");
    assert_eq!(run("-j1 pick b A lint"), "<b><a>\nlint\n");
    assert_eq!(run("args"), "0\n");
    // Read in one of two ways, with a note that tells of the other.
    assert_snapshot!(project.run("test lint").all(), @"
    ── stdout
    <false><lint>
    ── stderr
    note: `lint` is a value of `args` here; to also run the task `lint`, put it first: `otto lint test …`
         ok  test     TIME
    ── exit 0
    ");
    assert_snapshot!(project.run("test -- lint").all(), @"
    ── stdout
    <false><lint>
    ── stderr
         ok  test     TIME
    ── exit 0
    ");
    assert_snapshot!(project.run("run -n pytest").all(), @"
    ── stdout
      1  run  what=pytest  args=  (otto.yml:4)
    ── stderr
    note: `-n` is read as an option of otto; to pass it to `run`: `otto run -- -n`
    dry run: 1 task would run; nothing was started
    ── exit 0
    ");
    assert_snapshot!(project.run("run -x pytest").refused(), @"
    error[E0401]: `run` has no option `-x`
      ╭▸ command line:1:10
    1 │ otto run -x pytest
      ╰╴         ━━ not declared in its `params`
      = note: `run` declares no options
    help: to pass it to the task, write `--` before it: `otto run -- -x`
    usage: otto run [what] [args]...
    otto: 1 error. For details: `otto Explain E0401`
    ");
}

#[test]
fn a_positional_that_may_be_left_out_takes_the_name_of_a_task() {
    let project = Project::new(
        r##"
otto: {jobs: 1}
tasks:
  deploy: {params: {env: {choices: [test, prod], default: prod}}, bash: 'echo "to $env"'}
  show: {params: {what: {default: all}}, bash: 'echo "show $what"'}
  scale: {params: {count: {default: 1, type: int}}, bash: 'echo "scale $count"'}
  tag: {params: {--as: {nargs: "?", choices: [test, prod]}, --any: {nargs: "*"}}, bash: 'echo "tag ${as-} ${any-}"'}
  test: {bash: echo test}
  lint: {bash: echo lint}
"##,
    );
    assert_eq!(project.run("deploy lint").ok(), "to prod\nlint\n");
    assert_eq!(project.run("deploy TEST test").ok(), "to test\ntest\n");
    assert_eq!(project.run("scale lint").ok(), "scale 1\nlint\n");
    assert_eq!(project.run("tag --as test").ok(), "tag test \n");
    assert_snapshot!(project.run("deploy test").all(), @"
    ── stdout
    to test
    ── stderr
    note: `test` is a value of `env` here; to also run the task `test`, put it first: `otto test deploy …`
         ok  deploy     TIME
    ── exit 0
    ");
    assert_snapshot!(project.run("show lint").all(), @"
    ── stdout
    show lint
    ── stderr
    note: `lint` is a value of `what` here; to also run the task `lint`, put it first: `otto lint show …`
         ok  show     TIME
    ── exit 0
    ");
    assert_snapshot!(project.run("tag --any a lint").all(), @"
    ── stdout
    tag  a
    lint
    ── stderr
    note: `lint` starts that task; to use it as the value of `--any`, write `--any=lint`
    otto · run RUN · 2 tasks
         ok  tag      TIME
         ok  lint     TIME
    2 ok in TIME
    ── exit 0
    ");
}

#[test]
fn a_default_is_one_word_unless_it_is_a_list_and_a_command_may_print_it() {
    let project = Project::new(
        r##"
tasks:
  one: {params: {args: {nargs: "*", default: "a b"}}, bash: 'echo "$# $args"'}
  two: {params: {args: {nargs: "*", default: [a, "b c"]}}, bash: 'echo "$# $args"'}
  tags: {params: {--tags: {nargs: "+", default: [a, "b c"]}}, bash: 'echo "${#tags_words[@]} ${tags_words[1]} $tags"'}
  sh: {params: {--tags: {nargs: "+"}}, action: "#!/bin/sh\necho \"$tags_words\""}
  rev: {params: {rev: {default: {command: "echo called >> calls; echo r7"}}}, bash: 'echo "$rev"'}
"##,
    );
    assert_eq!(project.run("one").ok(), "1 a b\n");
    assert_eq!(project.run("two").ok(), "2 a b c\n");
    assert_eq!(project.run("tags").ok(), "2 b c a b c\n");
    assert_eq!(project.run_words(&["sh", "--tags", "a", "b \"c"]).ok(), "[\"a\",\"b \\\"c\"]\n");
    assert_eq!(project.run("rev r1").ok(), "r1\n");
    assert!(project.run("rev --help").ok().contains("rev"));
    assert_eq!(project.run("-n rev").status, 0);
    assert_eq!(project.read("calls"), "-");
    assert_eq!(project.run("rev").ok(), "r7\n");
    assert_eq!(project.read("calls"), "called\n");
}

#[test]
fn what_people_type_to_list_tasks_lists_them() {
    let project = Project::new("tasks: {a: {help: first, bash: echo ran}, _b: {bash: x}}");
    let listed = project.run("List").ok().to_owned();
    for words in ["--list", "-l", "--list a"] {
        assert_eq!(project.run(words).ok(), listed, "{words}");
    }
    assert_eq!(project.run("--json --list").ok(), project.run("--json List").ok());
    insta::assert_snapshot!(project.run("a --list").refused(), @r#"
    error[E0005]: `--list` stands after a task
    help: `otto --list` lists the tasks
    help: to accept any arguments, declare a parameter `args: {nargs: "*"}`; otto does not read arguments after `--`
    otto: 1 error. For details: `otto Explain E0005`
    "#);
    let own = Project::new(
        "tasks: {a: {params: {-l: {default: false}}, bash: echo $l}, b: {params: {w: {nargs: '*'}}, bash: 'echo \"$@\"'}}",
    );
    assert_eq!(own.run("a -l").ok(), "true\n");
    assert_eq!(own.run("b -l --list").ok(), "-l --list\n");
}
