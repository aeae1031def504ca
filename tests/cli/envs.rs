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
    insta::assert_snapshot!(project.run_words(&["t", "--n", "a[$(touch RAN)]"]).all(), @"
    ── stderr

    FAIL t · not started: cannot compute the arithmetic in `NEXT`: `n` is `a[$(touch RAN)]`, which is not a whole number · TIME · otto.yml:1
      no output · full log: otto Logs RUN t
    error[E0501]: cannot compute the arithmetic in `NEXT`: `n` is `a[$(touch RAN)]`, which is not a whole number
      ╭▸ otto.yml:1:59
    1 │ …ks: {t: {params: {--n: {default: '1'}}, envs: {NEXT: 'v$((n + ${MORE:-1}))'}, b…
      ╰╴      ─ `t` mentions `NEXT`                             ━━━━━━━━━━━━━━━━━━━ in this value

    rerun:  otto Rerun RUN
    ── exit 125
    ");
    insta::assert_snapshot!(Project::new("otto: {envs: {N: '$((1 + x = 2))'}}\ntasks: {t: {bash: x}}").run("t").refused(), @"
    error[E0504]: invalid value of `N`
      ╭▸ otto.yml:1:28
    1 │ otto: {envs: {N: '$((1 + x = 2))'}}
      ╰╴                           ━ assignment is not allowed here; use `==` to compare
    help: write `$$` for a literal `$`
    otto.yml: 1 error. For details: `otto Explain E0504`
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
      ╰╴                 ━━━━━ neither in `envs` nor in the environment
    help: `${HOEM:-}` is empty if it is not set; write `$$` for a literal `$`
    otto.yml: 1 error. For details: `otto Explain E0503`
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
    error[E0506]: invalid dotenv file `conf/.env`
      ╭▸ conf/.env:2:3
    2 │   B: two
      ╰╴  ━━━━━━ not `KEY=VALUE`
      ╭▸ otto.yml:2:12
    2 │   dotenv: [conf/.env]
      ╰╴           ━━━━━━━━━ listed here
    conf/.env: 1 error. For details: `otto Explain E0506`
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
  list: {bash: echo ran $A}
",
    );
    let ran = project.run("list");
    assert_eq!(ran.status, 125, "{}", ran.all());
    assert!(ran.stderr.contains("error[E0501]: the command in `A` failed: exit 2\n"), "{}", ran.all());
    assert!(
        ran.stderr.contains("error[E0502]: the command in `A` runs otto, which needs `A` itself"),
        "{}",
        ran.all()
    );

    let project = Project::new(
        "tasks: {a: {envs: {A: '$(otto b)'}, bash: x $A}, b: {envs: {B: '$(otto a)'}, bash: x $B}}",
    );
    let ran = project.run("a");
    assert!(ran.status == 125 && ran.stderr.contains("E0501"), "{}", ran.all());
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

#[test]
fn an_entry_without_a_value_hurts_only_tasks_that_mention_it() {
    let project = Project::new(
        "otto:
  envs:
    VERSION: $(echo no tags >&2; exit 128)
    TAG: v${VERSION}
    BIG: $(printf %0200000d 1)
tasks:
  test: {bash: 'echo tested with ${GREETING-nothing}'}
  tag: {bash: 'echo $TAG', on-failure: [mourn]}
  mourn: {bash: echo no tag}
  push: {needs: [tag], bash: echo pushed}
",
    );
    assert_snapshot!(project.run("test").all(), @"
    ── stdout
    tested with nothing
    ── stderr
    warning[E0501]: the command in `VERSION` failed: exit 128
      ╭▸ otto.yml:3:14
    3 │     VERSION: $(echo no tags >&2; exit 128)
      ╰╴             ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ exit 128
      = note: it printed: no tags
      = note: tasks whose text mentions none of these run without them: `VERSION`, `TAG`
    help: add a fallback: `$(command || echo default)`
    warning[E0603]: the value of `BIG` is too large for a variable: 200000 bytes
      ╭▸ otto.yml:5:10
    5 │     BIG: $(printf %0200000d 1)
      ╰╴         ━━━━━━━━━━━━━━━━━━━━━ the limit is 131072 bytes
      = note: tasks whose text does not mention `BIG` run without it
    help: pass large values with OUTPUT, or in a file
         ok  test     TIME
    ── exit 0
    ");
    assert_snapshot!(project.run("push").all(), @"
    ── stdout
      mourn │ no tag
    ── stderr
    warning[E0501]: the command in `VERSION` failed: exit 128
      ╭▸ otto.yml:3:14
    3 │     VERSION: $(echo no tags >&2; exit 128)
      ╰╴             ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ exit 128
      = note: it printed: no tags
      = note: tasks whose text mentions none of these run without them: `VERSION`, `TAG`
    help: add a fallback: `$(command || echo default)`
    warning[E0603]: the value of `BIG` is too large for a variable: 200000 bytes
      ╭▸ otto.yml:5:10
    5 │     BIG: $(printf %0200000d 1)
      ╰╴         ━━━━━━━━━━━━━━━━━━━━━ the limit is 131072 bytes
      = note: tasks whose text does not mention `BIG` run without it
    help: pass large values with OUTPUT, or in a file
    otto · run RUN · 3 tasks
       FAIL  tag       TIME  not started: the command in `VERSION` failed: exit 128
       skip  push            needs tag
         ok  mourn     TIME

    FAIL tag · not started: the command in `VERSION` failed: exit 128 · TIME · otto.yml:8
      no output · full log: otto Logs RUN tag
    error[E0501]: the command in `VERSION` failed: exit 128
      ╭▸ otto.yml:3:14
    3 │     VERSION: $(echo no tags >&2; exit 128)
      │              ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ exit 128
      ┆
    8 │   tag: {bash: 'echo $TAG', on-failure: [mourn]}
      ╰╴  ─── `tag` mentions `TAG`
      = note: it printed: no tags
    help: add a fallback: `$(command || echo default)`

    3 tasks in TIME: 1 ok, 1 failed, 1 skipped
    rerun failed and skipped:  otto Rerun RUN
    ── exit 125
    ");
    assert_snapshot!(project.run("-n push").all(), @"
    ── stdout
      1  tag  (otto.yml:8)
      2  push  after tag  (otto.yml:10)
      3  mourn  after tag  (otto.yml:9)
    ── stderr
    dry run: 3 tasks would run; nothing was started
    ── exit 0
    ");
}

#[test]
fn expansions_agree_with_bash() {
    const VALUES: [&str; 14] =
        ["", "a", "abab", "a*b", "[a]b", "a/b/c.c", "żaż1", "A-1]", "a\\b", "*", "}x", "aaa", "b?", "c-a[x"];
    const ATOMS: [&str; 33] = [
        "a",
        "b",
        "*",
        "**",
        "?",
        "[ab]",
        "[!a]",
        "[^b]",
        "[a-c]",
        "[c-a]",
        "[]a]",
        "[!]a]",
        "[-a]",
        "[a-]",
        "[",
        "]",
        "\\*",
        "\\a",
        "\\\\",
        "'*'",
        "\"?\"",
        "\"${P}\"",
        "${P}",
        "${Q%?}",
        "[[:digit:]]",
        "[[:upper:]x]",
        "[\\]a]",
        "-",
        "1",
        "ż",
        "\\}",
        "['*']",
        "[${R}]",
    ];
    const WITH: [&str; 8] = ["", "x", "y/", "\\&", "'&'", "${P}", " ", "\"$Q\""];
    const OPERATORS: [&str; 8] = ["%", "%%", "#", "##", "/", "//", "/#", "/%"];
    // A generator of its own, so that every run compares the same expansions.
    let mut state = 7u64;
    let mut below = |most: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % most
    };
    let mut expansions = Vec::new();
    for _ in 0..1500 {
        let (value, operator) = (below(VALUES.len()), OPERATORS[below(OPERATORS.len())]);
        let pattern: String = (0..1 + below(3)).map(|_| ATOMS[below(ATOMS.len())]).collect();
        // A pattern that begins so would be another operator.
        let pattern = if pattern.starts_with(['%', '#', '/']) { format!("\\{pattern}") } else { pattern };
        // With `/`, bash miscounts how long a text such a set needs; with the others it matches as POSIX says.
        if operator.starts_with('/') && (pattern.contains("[]a]") || pattern.contains("[!]a]")) {
            continue;
        }
        let with =
            if operator.starts_with('/') { format!("/{}", WITH[below(WITH.len())]) } else { String::new() };
        expansions.push(format!("${{V{value}{operator}{pattern}{with}}}"));
    }
    let quoted = |text: &str| text.replace('\'', "''");
    let entry = |name: &str, number: usize, text: &str| format!("  {name}{number}: '{}'\n", quoted(text));
    let values: String = VALUES.iter().enumerate().map(|(number, text)| entry("V", number, text)).collect();
    let entries: String =
        expansions.iter().enumerate().map(|(number, text)| entry("E", number, text)).collect();
    let last = expansions.len() - 1;
    let project = Project::new(&format!(
        "otto:\n envs:\n  P: '*'\n  Q: 'a?'\n  R: '!a'\n{values}{entries}tasks:\n t:\n  bash: |\n   for n in {{0..{last}}}; do e=E$n; printf '%s\\n' \"${{!e}}\"; done\n"
    ))
    .with("LC_ALL", "C.UTF-8");
    let assigned = |(number, value): (usize, &&str)| format!("V{number}='{value}'\n");
    let mut script: String = "P='*' Q='a?' R='!a'\n".to_owned();
    script.extend(VALUES.iter().enumerate().map(assigned));
    script.extend(expansions.iter().map(|text| format!("e={text}; printf '%s\\n' \"$e\"\n")));
    project.write("plain.sh", &script);
    let plain = project.shell("bash plain.sh");
    let (otto, bash) = (project.run("t"), plain.ok().to_owned());
    let differing: Vec<String> = expansions
        .iter()
        .zip(otto.ok().lines().zip(bash.lines()))
        .filter(|(_, (otto, bash))| otto != bash)
        .map(|(text, (otto, bash))| format!("{text}: otto {otto:?}, bash {bash:?}"))
        .collect();
    assert_eq!(differing.join("\n"), "");
    assert_eq!(otto.ok().lines().count(), bash.lines().count());
}

#[test]
fn outputs_are_named_after_their_inputs() {
    let project = Project::new(
        "tasks:
  cc:
    foreach: {glob: 'src/*.c', as: src}
    input: [$src]
    output: ['build/${src%.c}.o', 'build/${src##*/}']
    bash: |
      mkdir -p build/src
      cp \"$src\" \"build/${src%.c}.o\"
      cp \"$src\" \"build/${src##*/}\"
      echo made
",
    );
    for name in ["a.c", "b[1].c", "x y.c"] {
        project.write(&format!("src/{name}"), name);
    }
    assert_eq!(project.run("cc").outcomes(), "cc:a.c: ok, cc:b[1].c: ok, cc:x_y.c: ok");
    assert_eq!(project.run("cc").outcomes(), "cc:a.c: fresh, cc:b[1].c: fresh, cc:x_y.c: fresh");
    std::fs::remove_file(project.path("build/src/b[1].o")).expect("there");
    assert_eq!(project.run("cc").outcomes(), "cc:a.c: fresh, cc:b[1].c: ok, cc:x_y.c: fresh");
}

#[test]
fn values_of_tasks_are_not_read_before_they_run() {
    let refused = |yaml: &str| Project::new(yaml).run("t").refused().to_owned();
    assert_snapshot!(refused("tasks: {t: {envs: {A: 'v${INPUT[build.version]}'}, bash: x}}"), @r#"
    error[E0504]: invalid value of `A`
      ╭▸ otto.yml:1:25
    1 │ tasks: {t: {envs: {A: 'v${INPUT[build.version]}'}, bash: x}}
      ╰╴                        ━━━━━━━━━━━━━━━━━━━━━━━ values of tasks can only be read in scripts, not here
    help: read it where the task runs: `bash: echo "${INPUT[task.key]}"`; to make a variable of it, `export` it there
    otto.yml: 1 error. For details: `otto Explain E0504`
    "#);
    assert_snapshot!(refused("tasks: {t: {output: ['out/$INPUT[build.version]'], bash: x}}"), @r#"
    error[E0503]: `output` refers to `INPUT`, which is not set
      ╭▸ otto.yml:1:27
    1 │ tasks: {t: {output: ['out/$INPUT[build.version]'], bash: x}}
      ╰╴                          ━━━━━━ values of tasks can only be read in scripts, not here
    help: read it where the task runs: `bash: echo "${INPUT[task.key]}"`; to make a variable of it, `export` it there
    otto.yml: 1 error. For details: `otto Explain E0503`
    "#);
    assert_snapshot!(refused("tasks: {t: {params: {--to: {default: '${OUTCOME[a]}'}}, bash: x}}"), @"
    error[E0109]: the default of parameter `--to` of task `t` cannot be read from `OUTCOME`
      ╭▸ otto.yml:1:38
    1 │ tasks: {t: {params: {--to: {default: '${OUTCOME[a]}'}}, bash: x}}
      ╰╴                                     ━━━━━━━━━━━━━━━ values of tasks can only be read in scripts, not here
    help: leave the default out, and read `OUTCOME` in the script
    otto.yml: 1 error. For details: `otto Explain E0109`
    ");
}
