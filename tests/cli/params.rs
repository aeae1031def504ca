//! What parameters take, what they refuse, and how their values reach tasks.

use crate::Project;
use insta::assert_snapshot;

fn one(param: &str) -> Project {
    let name = if param.contains("files") { "files" } else { "x" };
    Project::new(&format!("tasks: {{t: {{params: {{{param}}}, bash: 'echo \"[${{{name}-unset}}]\"'}}}}"))
}

#[test]
fn every_count_of_values_takes_as_many_and_no_fewer() {
    for (nargs, words, wanted) in [
        ("1", "-x a", Some("a")),
        ("1", "", Some("unset")),
        ("1", "-x", None),
        ("'?'", "-x a", Some("a")),
        ("'?'", "", Some("unset")),
        ("'+'", "-x a b c", Some("a b c")),
        ("'+'", "-x", None),
        ("'*'", "-x a b", Some("a b")),
        ("'*'", "-x", Some("")),
        ("'+'", "-x a -x b", Some("a b")),
        ("2", "-x a b", Some("a b")),
        ("2", "-x a", None),
        ("2", "-x a b c", None),
        ("'1:2'", "-x a", Some("a")),
        ("'1:2'", "-x a b", Some("a b")),
        ("'2:3'", "-x a", None),
    ] {
        let project = one(&format!("-x: {{nargs: {nargs}}}"));
        let ran = project.run(&format!("t {words}"));
        match wanted {
            Some(value) => assert_eq!(ran.ok(), format!("[{value}]\n"), "nargs {nargs}: {words}"),
            None => assert!(!ran.refused().is_empty(), "nargs {nargs}: {words}"),
        }
    }
}

#[test]
fn every_count_of_positionals_takes_as_many_and_no_fewer() {
    for (nargs, words, wanted) in [
        ("1", "a", Some("a")),
        ("1", "", Some("unset")),
        ("1", "a b", None),
        ("'?'", "", Some("unset")),
        ("'+'", "a b c", Some("a b c")),
        ("'*'", "", Some("")),
        ("2", "a b", Some("a b")),
        ("2", "a", None),
        ("'1:2'", "a b c", None),
    ] {
        let project = one(&format!("files: {{nargs: {nargs}}}"));
        let ran = project.run(&format!("t {words}"));
        match wanted {
            Some(value) => assert_eq!(ran.ok(), format!("[{value}]\n"), "nargs {nargs}: {words}"),
            None => assert!(!ran.refused().is_empty(), "nargs {nargs}: {words}"),
        }
    }
}

#[test]
fn a_flag_is_on_or_off() {
    let project = one("-x|--x: {default: false}");
    for (words, value) in
        [("", "false"), ("-x", "true"), ("--x", "true"), ("--x=false", "false"), ("--no-x", "false")]
    {
        assert_eq!(project.run(&format!("t {words}")).ok(), format!("[{value}]\n"), "{words}");
    }
    let project = one("--x: {default: true}");
    for (words, value) in [("", "true"), ("--no-x", "false"), ("--x=false", "false"), ("--no-x --x", "true")]
    {
        assert_eq!(project.run(&format!("t {words}")).ok(), format!("[{value}]\n"), "{words}");
    }
    project.run("t --no-x=true").refused();
}

#[test]
fn choices_are_taken_in_any_case_and_stored_as_declared() {
    let project = one("-x: {choices: [Debug, release], default: Debug}");
    assert_eq!(project.run("t -x DEBUG").ok(), "[Debug]\n");
    assert_snapshot!(project.run("t -x relase").all(), @"
    ── stderr
    error[E0404]: `relase` is not one of the choices for `-x` of `t`
      ╭▸ command line:1:11
    1 │ otto t -x relase
      ╰╴          ━━━━━━ the choices are: Debug, release
    help: did you mean `release`?
    otto: 1 error. For details: `otto Explain E0404`
    ── exit 2
    ");
}

#[test]
fn a_command_may_name_the_choices() {
    let project = one("-x: {choices-command: 'echo ran >> asked; printf \"one\\ntwo\\n\"'}");
    assert_eq!(project.run("t -x two").ok(), "[two]\n");
    assert_eq!(project.read("asked"), "ran\n");
    project.run("t -x three").refused();
    assert!(one("-x: {choices-command: exit 3}").run("t -x one").refused().contains("exit 3"));
    one("-x: {choices-command: 'true'}").run("t -x one").refused();
}

#[test]
fn a_variable_stands_in_for_a_value_that_was_not_given() {
    let file = "-x: {env: DEPLOY_X, default: declared, choices: [given, declared, variable]}";
    assert_eq!(one(file).run("t").ok(), "[declared]\n");
    let project = one(file).with("DEPLOY_X", "variable");
    assert_eq!(project.run("t").ok(), "[variable]\n");
    assert_eq!(project.run("t -x given").ok(), "[given]\n");
    one(file).with("DEPLOY_X", "nonsense").run("t").refused();
}

#[test]
fn options_of_what_runs_after_a_task_are_told_and_given_to_it() {
    let project = Project::new(
        "
otto: {jobs: 1}
tasks:
  cov: {after: [report], params: {--all: {default: false}, -o: {}}, bash: 'echo cov $all'}
  report: {params: {--details: {default: false, help: Each file}, -u|--fail-under: {default: 60}, -o: {}, file: {}}, bash: 'echo report $details $fail_under'}
",
    );
    assert_snapshot!(project.run("cov --help").all(), @"
    ── stdout
    Usage: otto cov [OPTIONS]

    Options:
          --all   [default: false]
      -o <o>
      -h, --help  show this help

    Options for report:
          --details                  Each file [default: false]
      -u, --fail-under <fail_under>  [default: 60]

    then     report
    defined  otto.yml:4
    ── exit 0
    ");
    assert!(project.run("cov --detail").refused().contains("did you mean `--details`?"));
    assert_eq!(project.run("cov --details -u 90 --all").ok(), "cov true\nreport true 90\n");
}

#[test]
fn a_value_for_one_item_goes_over_the_value_for_all_in_either_order() {
    let project = Project::new(
        "otto: {jobs: 1}\ntasks: {t: {foreach: {items: [a, b]}, params: {-x: {default: d}}, bash: 'echo $item $x'}}",
    );
    for words in ["t -x 1 t:a -x 2", "t:a -x 2 t -x 1"] {
        assert_eq!(project.run(words).ok(), "a 2\nb 1\n", "{words}");
    }
    assert!(project.run("t --serial").refused().contains("did you mean `--Serial`?"));
}

/// Bodies compare a flag with `true`, so it is one of the two words whichever way its value came.
#[test]
fn a_flag_is_true_or_false_wherever_its_value_comes_from() {
    let with = |value: &str| one("-x: {default: false, env: DEPLOY_X}").with("DEPLOY_X", value);
    for (value, shown) in [("yes", "[true]\n"), ("1", "[true]\n"), ("Off", "[false]\n"), ("", "[false]\n")] {
        assert_eq!(with(value).run("t").ok(), shown, "{value}");
    }
    assert_snapshot!(with("maybe").run("t").all(), @r#"
    ── stderr
    error[E0405]: invalid value `maybe` from `$DEPLOY_X` for `-x` of `t`
      ╭▸ otto.yml:1:48
    1 │ …{default: false, env: DEPLOY_X}}, bash: 'echo "[${x-unset}]"'}}
      ╰╴                       ━━━━━━━━ not `true` or `false`
    otto.yml: 1 error. For details: `otto Explain E0405`
    ── exit 2
    "#);
    let project = Project::new(
        "tasks: {t: {params: {-x: {default: false}}, bash: 'echo $x'}, all: {before: [t], params: {-x: {}}}}",
    );
    assert_eq!(project.run("all -x yes").ok(), "true\n");
    assert_snapshot!(project.run("all -x maybe").all(), @"
    ── stderr
    error[E0405]: invalid value `maybe` for `-x` of `t`, inherited from `all`
      ╭▸ command line:1:13
    1 │ otto all -x maybe
      ╰╴            ━━━━━ not `true` or `false`
      ╭▸ otto.yml:1:22
    1 │ tasks: {t: {params: {-x: {default: false}}, bash: 'echo $x'}, all: {before:…
      ╰╴                     ━━ declared as `true` or `false`
    otto.yml: 1 error. For details: `otto Explain E0405`
    ── exit 2
    ");
}

#[test]
fn a_path_of_the_command_line_is_one_as_seen_from_where_otto_was_called() {
    let project = Project::new(
        "tasks: {t: {params: {-x: {type: path, default: d}, p: {type: path, nargs: '*'}}, bash: 'echo \"$x $*\"'}}",
    );
    project.write("sub/file", "");
    let from = |line: &str| project.shell(line).ok().to_owned();
    assert_eq!(
        from("cd sub && otto t -x a/../b ./file /etc -- -"),
        "/you/project/sub/a/../b /you/project/sub/file /etc /you/project/sub/-- -\n"
    );
    // A default belongs to the ottofile.
    assert_eq!(from("cd sub && otto t"), "d \n");
    assert_eq!(from("otto -C sub t file"), "d /you/project/sub/file\n");
}

#[test]
fn types_are_checked_and_values_stay_as_spelled() {
    for (kind, good, bad) in [
        ("int", "007", Some("1.5")),
        ("float", "3.50", Some("much")),
        ("bool", "true", Some("maybe")),
        ("str", "any", None),
    ] {
        let project = one(&format!("-x: {{type: {kind}}}"));
        assert_eq!(project.run(&format!("t -x {good}")).ok(), format!("[{good}]\n"), "{kind}");
        if let Some(bad) = bad {
            project.run(&format!("t -x {bad}")).refused();
        }
    }
    assert_eq!(one("-x: {default: 3.50}").run("t").ok(), "[3.50]\n");
    assert_eq!(one("-x: {default: 007}").run("t").ok(), "[007]\n");
    assert_eq!(one("-x: {default: yes}").run("t").ok(), "[yes]\n");
    one("-x: {type: int, default: many}").run("t").refused();
    one("-x: {type: number}").run("t").refused();
}

#[test]
fn what_is_required_is_asked_of_the_task_that_was_named() {
    let project = Project::new(
        "tasks: {named: {params: {-x: {required: true}}, bash: 'echo [${x-unset}]'}, user: {before: [named], bash: 'true'}}",
    );
    assert_snapshot!(project.run("named").all(), @"
    ── stderr
    error[E0403]: `named` needs a value for `-x`
      ╭▸ command line:1:6
    1 │ otto named
      ╰╴     ━━━━━ requested here
      ╭▸ otto.yml:1:26
    1 │ tasks: {named: {params: {-x: {required: true}}, bash: 'echo [${x-unset}]'},…
      ╰╴                         ━━ declared as required
    help: `otto named -x <x>`
    otto.yml: 1 error. For details: `otto Explain E0403`
    ── exit 2
    ");
    assert_eq!(project.run("named -x 1").ok(), "[1]\n");
    assert_eq!(project.run("user").ok(), "[unset]\n");
    for contradiction in [
        "-x: {required: true, default: a}",
        "-x: {required: true, nargs: '?'}",
        "-x: {required: true, default: false}",
    ] {
        one(contradiction).run("t").refused();
    }
    Project::new("tasks: {t: {params: {a: {}, b: {required: true}}, bash: x}}").run("t 1 2").refused();
}

#[test]
fn a_form_that_is_no_form_is_refused() {
    for param in [
        "-verbose: {}",
        "'-v|-x': {}",
        "'--a|--b': {}",
        "'a|--b': {}",
        "--: {}",
        "'-x|--x': {}, --x: {}",
        "'': {}",
        "'a b': {}",
    ] {
        one(param).run("t").refused();
    }
}

#[test]
fn values_are_data_and_never_run() {
    let project = Project::new(
        "tasks:
  shell: {params: {--name: {default: '$HOME `id` $(touch RAN)'}}, bash: 'printf \"%s\\n\" \"$name\"'}
  snake: {params: {--name: {default: d}}, python: 'print(name); print(PARAMS[\"name\"])'}
  other: {params: {--the-name: {default: d}}, action: \"#!/bin/sh\\nprintf '%s\\\\n' \\\"$the_name\\\"\\n\"}
",
    );
    assert_eq!(project.run("shell").ok(), "$HOME `id` $(touch RAN)\n");
    for value in
        ["\"; touch RAN; \"", "$(touch RAN)", "`touch RAN`", "it's", "back\\slash", "two\nlines", "-", "ünï"]
    {
        assert_eq!(project.run_words(&["shell", "--name", value]).ok(), format!("{value}\n"));
        assert_eq!(
            project.run_words(&["snake", &format!("--name={value}")]).ok(),
            format!("{value}\n{value}\n")
        );
        assert_eq!(project.run_words(&["other", &format!("--the-name={value}")]).ok(), format!("{value}\n"));
    }
    assert_eq!(project.read("RAN"), "-");
}

const CHAIN: &str = "
otto: {jobs: 1}
tasks:
  build: {params: {-e|--env: {default: dev, choices: [dev, prod, QA]}}, bash: 'echo build $env'}
  mid: {before: [build], params: {-e|--env: {default: QA}}, bash: 'echo mid $env'}
  deploy: {before: [mid], params: {-e|--env: {default: dev}}, bash: 'echo deploy $env'}
  other: {before: [build], params: {-e|--env: {}}, bash: 'echo other $env'}
  plain: {before: [build], bash: echo plain}
  far: {before: [plain], params: {-e|--env: {default: x}}, bash: 'echo far $env'}
";

#[test]
fn a_given_value_flows_to_dependencies_and_a_default_does_not() {
    let project = Project::new(CHAIN);
    assert_eq!(project.run("deploy").ok(), "build dev\nmid QA\ndeploy dev\n");
    assert_eq!(project.run("deploy -e prod").ok(), "build prod\nmid prod\ndeploy prod\n");
    assert_eq!(project.run("deploy -e prod build -e QA").ok(), "build QA\nmid prod\ndeploy prod\n");
    // `plain` does not declare it.
    assert_eq!(project.run("far -e prod").ok(), "build dev\nplain\nfar prod\n");
}

#[test]
fn dependants_that_disagree_are_refused() {
    let project = Project::new(CHAIN);
    assert_snapshot!(project.run("deploy -e prod other -e dev").all(), @"
    ── stderr
    error[E0407]: `build` would inherit two values of `env`: `prod` from `mid` and `dev` from `other`
      ╭▸ command line:1:16
    1 │ otto deploy -e prod other -e dev
      │                ┯━━━          ─── passed on by `other`
      │                │
      ╰╴               passed on by `mid`
    help: give `build` its own value: `otto … build --env VALUE`
    help: to run it once for each value: `needs: [{task: build, with: {env: $env}}]`
    otto: 1 error. For details: `otto Explain E0407`
    ── exit 2
    ");
    assert_eq!(project.run("mid -e prod other -e dev build -e QA").status, 0);
    assert_snapshot!(project.run("other -e elsewhere").all(), @"
    ── stderr
    error[E0404]: `elsewhere` is not one of the choices for `--env` of `build`, inherited from `other`
      ╭▸ command line:1:15
    1 │ otto other -e elsewhere
      ╰╴              ━━━━━━━━━ the choices are: dev, prod, QA
    otto: 1 error. For details: `otto Explain E0404`
    ── exit 2
    ");
}

#[test]
fn a_parameter_without_a_value_is_unset_whatever_the_surroundings_hold() {
    let body = "'echo ${msg-unset} $(printenv msg || echo unset)'";
    let project = Project::new(&format!(
        "tasks:
  t: {{params: {{--msg: {{}}}}, bash: {body}}}
  u: {{params: {{--msg: {{}}}}, envs: {{msg: mine}}, bash: {body}}}
  outer: {{params: {{--msg: {{}}}}, bash: otto t}}
  other: {{bash: {body}}}
"
    ))
    .with("msg", "outside");
    assert_eq!(project.run("t").ok(), "unset unset\n");
    assert_eq!(project.run("u").ok(), "mine mine\n");
    assert_eq!(project.run("other").ok(), "outside outside\n");
    assert_eq!(project.run("outer --msg given").ok(), "unset unset\n");
}

#[test]
fn a_parameter_beats_a_variable_of_its_name() {
    let project = Project::new(
        "otto: {envs: {msg: global}}\ntasks: {a: {params: {--msg: {default: param}}, bash: 'echo $msg; printenv msg'}, b: {params: {--msg: {}}, bash: 'echo $msg'}}",
    )
    .with("msg", "shell");
    assert_eq!(project.run("a").ok(), "param\nparam\n");
    assert_eq!(project.run("b").ok(), "global\n");
}

#[test]
fn a_parameter_beats_a_colour_of_its_name() {
    let project = Project::new(
        "tasks:
  b: {params: {--RED: {}}, bash: 'echo \"$RED $NC\"'}
  p: {params: {--RED: {}, --NC: {}}, python: 'print(PARAMS[\"RED\"], RED, NC)'}
  s: {params: {--BOLD: {}}, bash: \"#!/bin/sh\\necho \\\"$BOLD\\\"\\n\"}
",
    );
    assert_eq!(project.run("b --RED given").ok(), "given \\033[0m\n");
    assert_eq!(project.run("p --RED given --NC none").ok(), "given given none\n");
    assert_eq!(project.run("s --BOLD given").ok(), "given\n");
    assert_eq!(project.run("b").ok(), "\\033[0;31m \\033[0m\n");
}

#[test]
fn an_option_of_otto_is_not_taken_without_a_word_where_a_dependency_has_it_too() {
    let project = Project::new(
        "tasks:
  dep: {params: {--profile: {default: dev}, -q|--quiet: {default: false}}, bash: 'echo \"$profile $quiet\"'}
  mid: {needs: [dep]}
  top: {needs: [mid], bash: echo top}
",
    );
    assert_snapshot!(project.run("top --profile release").stderr, @"
    note: `--profile` is read as an option of otto; `dep` has one too: `otto dep --profile VALUE top`
    otto · run RUN · 2 tasks
         ok  dep     TIME
         ok  top     TIME
    2 ok in TIME
    ");
    assert_eq!(project.run("-q dep --profile release top").ok(), "release false\ntop\n");
}
