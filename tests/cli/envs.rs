//! Variables: where they come from, in which order, when they are worked out, what a mistake in them says.

use crate::Project;
use insta::assert_snapshot;

#[test]
fn a_tasks_variables_go_over_the_files_over_the_surroundings() {
    let project = Project::new(
        "otto: {envs: {A: global, B: global}}\ntasks: {t: {envs: {A: task, D: '$A-$B-${C}'}, bash: 'echo $A $B $C $D'}}",
    )
    .with("A", "outside")
    .with("C", "outside");
    assert_eq!(project.run("t").ok(), "task global outside task-global-outside\n");
}

#[test]
fn variables_are_worked_out_in_the_order_they_need_each_other() {
    let project = Project::new(
        "otto: {envs: {C: '${B}c', B: '${A}b', A: a, PRICE: '$$5', TWICE: '$(echo \"$A\"; echo more)'}}\ntasks: {t: {bash: 'echo \"$C $PRICE $TWICE\"'}}",
    );
    assert_eq!(project.run("t").ok(), "abc $5 a\nmore\n");
}

#[test]
fn arithmetic_is_computed_as_in_a_shell() {
    let project = Project::new(
        "{otto: {envs: {N: '4', M: '$((N * 2 - (1)))', K: 'k$(( $M + 1 ))k'}}, tasks: {t: {bash: echo $M $K}}}",
    );
    assert_eq!(project.run("t").ok(), "7 k8k\n");
}

#[test]
fn in_arithmetic_only_numbers_count_and_what_is_none_is_named() {
    let project = Project::new(
        "tasks: {t: {params: {--n: {default: '1'}}, envs: {NEXT: 'v$((n + ${MORE:-1}))'}, bash: echo $NEXT}}",
    );
    assert_eq!(project.run("t --n 0x10").ok(), "v17\n");
    assert_eq!(project.run("t --n=-3").ok(), "v-2\n");
    insta::assert_snapshot!(project.run_words(&["t", "--n", "a[$(touch RAN)]"]).refused(), @"
    error[E0501]: the arithmetic in `NEXT` cannot be computed: `n` is `a[$(touch RAN)]`, which is not a whole number
      ╭▸ otto.yml:1:59
    1 │ … '1'}}, envs: {NEXT: 'v$((n + ${MORE:-1}))'}, bash: echo $NEXT}}
      ╰╴                        ━━━━━━━━━━━━━━━━━━━ in this
    otto.yml: 1 error. `otto Explain E0501` says more.
    ");
    insta::assert_snapshot!(Project::new("otto: {envs: {N: '$((1 + x = 2))'}}\ntasks: {t: {bash: x}}").run("t").refused(), @"
    error[E0504]: the value of `N` cannot be read
      ╭▸ otto.yml:1:28
    1 │ otto: {envs: {N: '$((1 + x = 2))'}}
      ╰╴                           ━ nothing can be assigned here; `==` compares
    help: a `$` that is only a `$` is written `$$`
    otto.yml: 1 error. `otto Explain E0504` says more.
    ");
    assert_eq!(project.read("RAN"), "-");
}

#[test]
fn arithmetic_agrees_with_bash() {
    const OPERATORS: [&str; 19] = [
        "**", "||", "&&", "==", "!=", "<=", ">=", "<<", ">>", "|", "^", "&", "<", ">", "+", "-", "*", "/",
        "%",
    ];
    let pairs = OPERATORS.iter().flat_map(|first| OPERATORS.iter().map(move |second| (first, second)));
    let expressions: Vec<String> = pairs.map(|(first, second)| format!("-7 {first} 3 {second} 2")).collect();
    let entries =
        expressions.iter().enumerate().map(|(number, text)| format!("  E{number}: '$(({text}))'\n"));
    let entries: String = entries.collect();
    let show = "for n in {0..360}; do e=E$n; echo \"${!e}\"; done";
    let project = Project::new(&format!("otto:\n envs:\n{entries}tasks: {{t: {{bash: '{show}'}}}}"));
    let lines = expressions.iter().map(|text| format!("echo $(({text}))\n"));
    let computed = project.shell(&lines.collect::<String>());
    assert_eq!(project.run("t").ok(), computed.ok());
}

/// Values with which a shell that read them would make the file RAN.
const WILD: [&str; 4] = ["a[$(touch RAN)]", "`touch RAN`", "'; touch RAN; '", "\"; touch RAN; \""];

#[test]
fn no_value_is_executed_whichever_shell_sh_is() {
    for shell in ["dash", "bash", "ksh", "mksh", "zsh", "busybox"] {
        let Some(program) = std::env::split_paths(&std::env::var_os("PATH").expect("set"))
            .map(|folder| folder.join(shell))
            .find(|path| path.exists())
        else {
            continue;
        };
        for value in WILD {
            let project = Project::new(
                r#"
otto: {dotenv: [.env], envs-command: 'echo "FROM=$WILD"'}
tasks:
  plain: {params: {--n: {default: ''}}, envs: {A: '$(echo "$n")', B: '${NONE:-$(echo "${n}")}', C: '${n}'}, bash: 'echo "$A|$B|$C|$WILD|$FROM"'}
  sum: {params: {--n: {default: ''}}, envs: {A: '$((n + 1))'}, bash: 'echo "$A"'}
  nested: {params: {--n: {default: ''}}, envs: {A: '${NONE:-$(($n + 1))}'}, bash: 'echo "$A"'}
  default: {envs: {A: '$((${WILD:-1} * 2))', B: '$(( $(echo "$WILD") ))'}, bash: 'echo "$A"'}
  each: {foreach: {command: 'echo "$WILD"'}, bash: 'echo "$item"'}
  pick: {params: {--one: {choices-command: 'echo "$WILD"'}}, bash: 'echo "$one"'}
"#,
            );
            std::fs::create_dir(project.path("bin")).expect("a folder");
            std::os::unix::fs::symlink(&program, project.path("bin/sh")).expect("a link");
            project.write(".env", &format!("WILD='{}'\n", value.replace('\'', "'\\''")));
            let bin = project.path("bin").display().to_string();
            for words in [
                &["plain", "--n", value][..],
                &["sum", "--n", value],
                &["nested", "--n", value],
                &["default"],
                &["each"],
                &["pick", "--one", value],
                &["--dry-run", "sum", "--n", value],
            ] {
                let mut command = project.command(env!("CARGO_BIN_EXE_otto"));
                let path = format!("{bin}:{}", std::env::var("PATH").expect("UTF-8"));
                command.args(words).env("PATH", path);
                let ran = project.end(command.spawn().expect("otto starts"));
                assert_eq!(project.read("RAN"), "-", "{shell}, {words:?}: {}", ran.all());
            }
        }
    }
}

#[test]
fn text_that_was_put_in_is_not_looked_at_again() {
    let project = Project::new(
        "otto: {envs: {A: '$(echo \"\\$B \\$(touch RAN)\")', B: b, C: '$A'}}\ntasks: {t: {bash: 'echo \"$C\"'}}",
    );
    assert_eq!(project.run("t").ok(), "$B $(touch RAN)\n");
    assert_eq!(project.read("RAN"), "-");
}

#[test]
fn a_command_runs_once_and_only_when_tasks_run() {
    let project = Project::new(
        "otto: {jobs: 1, envs: {A: '$(echo ran >> count; echo a)', B: '$A$A'}}\ntasks: {t: {bash: 'echo $A $B'}, u: {bash: 'echo $B'}}",
    );
    project.run("--dry-run t").ok();
    project.run("List").ok();
    assert_eq!(project.read("count"), "-");
    assert_eq!(project.run("t u").ok(), "a aa\naa\n");
    assert_eq!(project.read("count"), "ran\n");
}

#[test]
fn a_mistake_in_a_variable_is_refused_with_its_place() {
    for (envs, word) in [
        ("{A: '$NOWHERE'}", "NOWHERE"),
        ("{A: '$(exit 3)'}", "exit 3"),
        ("{A: '$B', B: '$A'}", "`B`"),
        ("{A: '$(echo'}", "A"),
        ("{A: '${'}", "A"),
        ("{A: [1]}", "A"),
        ("{'1A': x}", "1A"),
        ("{'A=B': x}", "A=B"),
    ] {
        let project = Project::new(&format!("otto:\n  envs: {envs}\ntasks: {{t: {{bash: echo ran}}}}"));
        let ran = project.run("t");
        assert!(ran.refused().contains(word), "{envs}: {}", ran.stderr);
    }
    let project = Project::new("otto: {envs: {A: $HOEM}}\ntasks: {t: {bash: echo ran}}");
    assert_snapshot!(project.run("t").all(), @"
    ── stderr
    error[E0503]: `A` refers to `HOEM`, which is not set
      ╭▸ otto.yml:1:18
    1 │ otto: {envs: {A: $HOEM}}
      ╰╴                 ━━━━━ neither an entry of `envs` nor in the environment
    help: `${HOEM:-}` is empty when it is not set; a literal dollar sign is written `$$`
    otto.yml: 1 error. `otto Explain E0503` says more.
    ── exit 2
    ");
}

#[test]
fn a_command_may_bring_variables_below_those_of_the_file() {
    let project = Project::new(
        "otto: {envs-command: 'echo ran >> count; echo A=command; echo B=command', envs: {A: file, C: '$B!'}}\ntasks: {t: {bash: 'echo $A $B $C'}}",
    );
    assert_eq!(project.run("t").ok(), "file command command!\n");
    assert_eq!(project.read("count"), "ran\n");
    Project::new("otto: {envs-command: exit 4}\ntasks: {t: {bash: x}}").run("t").refused();
    Project::new("otto: {envs-command: echo no variable}\ntasks: {t: {bash: x}}").run("t").refused();
}

#[test]
fn a_listed_dotenv_file_is_read() {
    let project =
        Project::new("otto: {dotenv: .env, envs: {B: file}}\ntasks: {t: {bash: 'echo \"$A|$B|$C\"'}}");
    project.write(".env", "# comment\nA=one\nexport B=two\nC=\"with blanks\"\n");
    assert_eq!(project.run("t").ok(), "one|file|with blanks\n");
    let project = Project::new("tasks: {t: {bash: 'echo \"${A-unset}\"'}}");
    project.write(".env", "A=one\n");
    assert_eq!(project.run("t").ok(), "unset\n");
}

#[test]
fn a_line_of_a_dotenv_file_that_is_none_is_shown_there() {
    let project = Project::new("otto:\n  dotenv: [conf/.env]\ntasks: {t: {bash: echo ran}}");
    project.write("conf/.env", "A=\"one\" # fine\n  B: two\n");
    assert_snapshot!(project.run("t").refused(), @"
    error[E0506]: the dotenv file `conf/.env` cannot be understood
      ╭▸ conf/.env:2:3
    2 │   B: two
      ╰╴  ━━━━━━ no `KEY=VALUE`
      ╭▸ otto.yml:2:12
    2 │   dotenv: [conf/.env]
      ╰╴           ━━━━━━━━━ read because of this
    conf/.env: 1 error. `otto Explain E0506` says more.
    ");
}

#[test]
fn a_task_sees_who_it_is() {
    let project = Project::new(
        "tasks:
  t:
    bash: |
      echo $OTTO_TASK $OTTO_WORKSPACE
      [ \"$PWD\" = \"$OTTO_WORKSPACE\" ] && [ -w \"$OTTO_TASK_DIR\" ] && [ -n \"$OTTO_RUN_ID\" ] && [ -d \"$OTTO_TASKS_DIR\" ] && echo there
      echo \"${RED}|${NC}\"
",
    );
    assert_eq!(project.run("t").ok(), "t /you/project\nthere\n\\033[0;31m|\\033[0m\n");
}

#[test]
fn globs_take_variables() {
    let project = Project::new(
        "otto: {envs: {OUT: build}}\ntasks: {t: {input: ['$IN.txt'], envs: {IN: source}, output: ['${OUT}/x'], bash: 'mkdir -p build; touch build/x; echo ran'}}",
    );
    project.write("source.txt", "");
    assert_eq!(project.run("t").ok(), "ran\n");
    assert_eq!(project.run("t").ok(), "");
}

#[test]
fn a_command_that_asks_for_its_own_value_is_refused() {
    let project = Project::new(
        "otto:
  envs: {A: '$(otto list)'}
tasks:
  list: {bash: echo ran}
",
    );
    let ran = project.run("list");
    assert!(ran.refused().starts_with("error[E0501]: the command in `A` failed: exit 2\n"), "{}", ran.all());
    assert!(
        ran.stderr.contains("error[E0502]: the command in `A` runs an otto that needs `A`"),
        "{}",
        ran.all()
    );

    let project =
        Project::new("tasks: {a: {envs: {A: '$(otto b)'}, bash: x}, b: {envs: {B: '$(otto a)'}, bash: x}}");
    assert!(project.run("a").refused().contains("E0501"));
    let project = Project::new("otto: {envs-command: 'otto a'}\ntasks: {a: {bash: x}}");
    assert!(project.run("a").refused().contains("E0505"));

    // Another file, and what needs no variables, may be asked.
    let project = Project::new(
        "otto: {envs: {A: '$(otto -o other.yml say; otto List | head -1)'}}\ntasks: {a: {bash: echo $A}}",
    );
    project.write("other.yml", "otto: {envs: {B: '$(echo b)'}}\ntasks: {say: {bash: echo $B}}");
    assert_eq!(project.run("a").ok(), "b project · otto.yml · 1 task\n");
}

#[test]
fn what_a_command_of_the_ottofile_started_ends_with_otto() {
    let project = Project::new(
        "otto: {envs: {A: '$(echo $$ > started; exec sleep 600)'}}\ntasks: {t: {bash: echo ran}}",
    );
    for (signal, status) in [("TERM", 143), ("KILL", 137)] {
        let ran = project.shell(&format!(
            "otto t & otto=$!
             until [ -s started ]; do sleep 0.01; done
             command=$(cat started)
             kill -{signal} $otto
             wait $otto; status=$?
             for try in {{1..500}}; do kill -0 $command 2>/dev/null || break; sleep 0.01; done
             kill -0 $command 2>/dev/null && echo 'the command lives'
             rm started; exit $status"
        ));
        assert_eq!((ran.status, ran.stdout.as_str()), (status, ""), "{}", ran.all());
    }
}
