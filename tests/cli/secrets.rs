//! Secrets: shown nowhere and kept nowhere, and delivered all the same.

use crate::{Project, Ran};
use insta::assert_snapshot;
use std::fs;
use std::path::Path;

/// Each task prints what it has in many forms. The values come from files beside the ottofile: a text that stands in the
/// ottofile is in its copies.
const WAYS: &str = r#"
otto:
  secrets: [INHERITED]
  envs:
    ENTRY: {value: "$(cat values/entry)", secret: true}
    AROUND: "<${ENTRY}>"
tasks:
  given:
    params: {--given: {secret: true}, -s: {secret: true}, word: {secret: true}}
    bash: |
      printf '%s\n' "$given" "$s" "$word" "$ENTRY" "$AROUND" "$INHERITED"
      printf '%q\n' "$given" "$ENTRY"
      printf '%s' "$given" | base64 -w0
      printf '%s\n' "$given" | base64
      set -x
      : "$given" "$s"
      set +x
      printf '%s' "${given:0:3}"; sleep 0.05; printf '%s\n' "${given:3}"
      printf '\e[31m%s\e[0m%s\n' "${given:0:4}" "${given:4}"
      OUTPUT[around]="($given)"
  fallback:
    params: {--fallback: {secret: true, env: FALLBACK}}
    python: |
      import base64, json, os, urllib.parse
      v = fallback
      print(v, [v], {"v": v}, ascii(v), json.dumps(v), json.dumps(v, ensure_ascii=False))
      print(base64.b64encode(v.encode()).decode(), base64.urlsafe_b64encode(v.encode()).decode())
      print(urllib.parse.quote(v), urllib.parse.quote(v, safe=""), urllib.parse.quote_plus(v))
  declared:
    outputs: {declared: {type: str, secret: true}, list: {type: "list[str]", secret: true}}
    bash: |
      OUTPUT[declared]=$(< values/declared)
      otto.set --list list "$(< values/item)" x
      printf '%s\n' "${OUTPUT[declared]}" > /dev/null
  announced:
    bash: |
      otto.set --secret announced "$(< values/announced)"
      cat values/announced
  python:
    outputs: {"*": any, typed: {type: str, secret: true}}
    python: |
      OUTPUT.secret("python", open("values/python").read())
      print(OUTPUT, open("values/python").read())
      OUTPUT["typed"] = open("values/typed").read()
      OUTPUT["sum"] = {"deep": ["a", OUTPUT["python"]]}
  sh:
    action: |
      #!/bin/sh
      otto_set --secret sh "$(cat values/sh)"
      cat values/sh
  json:
    outputs: {json: {type: str, secret: true}}
    action: |
      #!/usr/bin/env perl
      use strict;
      open my $f, '<:raw', 'values/json' or die; local $/; $OUTPUT{json} = <$f>;
  read:
    needs: [given, fallback, declared, announced, python, sh, json]
    bash: |
      for key in "${!INPUT[@]}"; do printf '%s\n' "$key=${INPUT[$key]}"; done | sort
      for name in declared announced python typed sh json; do
        case $name in typed) task=python ;; *) task=$name ;; esac
        cmp <(printf '%s' "${INPUT[$task.$name]}") values/$name || exit 9
      done
      OUTPUT[copy]=${INPUT[declared.declared]}
  python-read:
    needs: [read, announced, declared, sh]
    python: |
      print(INPUT, INPUT["declared"]["list"])
      assert INPUT["read.copy"] == open("values/declared").read()
      assert INPUT["sh.sh"] == open("values/sh").read()
      raise ValueError(INPUT["announced.announced"])
  broken:
    needs: [declared]
    outputs: {pin: {type: int, secret: true}}
    bash: OUTPUT[pin]="${INPUT[declared.declared]}${INPUT[declared.declared]}"
  all: {needs: [python-read, broken]}
"#;

const NAMES: &[&str] = &[
    "given",
    "s",
    "word",
    "entry",
    "inherited",
    "fallback",
    "declared",
    "item",
    "announced",
    "python",
    "typed",
    "sh",
    "json",
];

/// A value of one way, which no other way has.
fn value(base: &str, name: &str) -> String {
    format!("{name}.{base}.{name}")
}

fn files_below(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        match entry.file_type().expect("a type") {
            kind if kind.is_dir() => files_below(&path, found),
            kind if kind.is_file() => {
                found.push((path.display().to_string(), fs::read(&path).expect("readable")))
            }
            _ => {}
        }
    }
}

fn search(places: &[(String, Vec<u8>)], base: &str) -> Vec<String> {
    let mut found = Vec::new();
    for name in NAMES {
        let value = value(base, name);
        // The name stands at both ends, so what is left of a value is found too.
        let mut needles: Vec<String> = value.lines().map(str::to_owned).collect();
        needles.push(format!("{name}.{}", &base.chars().take(4).collect::<String>()));
        needles.push(format!(
            "{}.{name}",
            base.chars().rev().take(4).collect::<Vec<_>>().iter().rev().collect::<String>()
        ));
        for (place, bytes) in places {
            for needle in &needles {
                if bytes.windows(needle.len()).any(|window| window == needle.as_bytes()) {
                    found.push(format!("{needle:?} in {place}"));
                }
            }
        }
    }
    found
}

#[test]
fn a_secret_is_found_nowhere_whatever_way_it_was_set() {
    for base in
        ["Zq7rT9xw", "it's \"a\" $b\\c `d` /?&=%", "two lä\nlines 'n' ß\n-- three", "{\"k\": [1, \"Zq7é\"]}"]
    {
        let mut project = Project::new(WAYS);
        for name in NAMES {
            project.write(&format!("values/{name}"), &value(base, name));
        }
        project =
            project.with("INHERITED", &value(base, "inherited")).with("FALLBACK", &value(base, "fallback"));
        let given = [value(base, "given"), value(base, "s"), value(base, "word")];
        let words = ["given", "--given", &given[0], "-s", &given[1], &given[2], "all"];
        let mut shown: Vec<(String, Vec<u8>)> = Vec::new();
        let mut note = |what: &str, ran: &Ran| {
            shown.push((what.to_owned(), format!("{}{}", ran.stdout, ran.stderr).into_bytes()));
        };
        let ran = project.run_words(&words);
        assert_eq!(ran.status, 1, "{}", ran.all());
        assert!(ran.stderr.contains("ValueError: ***") && ran.stderr.contains("E0717"), "{}", ran.all());
        note("run", &ran);
        for extra in ["--json", "-v", "-n", "--display=verbose"] {
            let words: Vec<&str> = std::iter::once(extra).chain(words).collect();
            note(extra, &project.run_words(&words));
        }
        note(
            "both",
            &project.run_words(&["-n", "-v", "--json", "given", "--given", &given[0], "x", "y", "-z"]),
        );
        note("mistyped", &project.run_words(&["all", "--given", &given[0], "-s", &given[1]]));
        for command in [
            "Show",
            "Show --json",
            "Show latest given",
            "Show latest broken",
            "Data",
            "Data --json",
            "Data latest declared.declared",
            "Data latest declared.list --json",
            "History",
            "History --json",
            "Logs latest given",
            "Logs latest python-read",
            "Replay latest",
            "Replay latest --json",
            "Rerun latest -n",
            "Rerun latest",
            "Rerun latest read",
            "Stats",
        ] {
            note(command, &project.run(command));
        }
        let with_param = format!("given.given={}", given[0]);
        note("--param", &project.run_words(&["Rerun", "latest", "given", "--param", &with_param]));
        let with_value = format!("declared.declared={}", value(base, "declared"));
        note("--set", &project.run_words(&["Rerun", "latest", "broken", "--set", &with_value]));
        files_below(&project.task_home(), &mut shown);
        assert!(shown.len() > 100, "the records were not found");
        assert_eq!(search(&shown, base), Vec::<String>::new());
    }
}

#[test]
fn a_rerun_says_which_task_must_run_again_for_a_secret() {
    let project = Project::new(
        "tasks: {login: {outputs: {s: {type: str, secret: true}}, bash: 'OUTPUT[s]=$(cat value)'}, use: {needs: [login], bash: 'echo \"${#INPUT[login.s]} ${INPUT[login.s]}\"'}}",
    );
    project.write("value", "hunter2hunter2");
    assert_eq!(project.run("-q use").stdout, "14 ***\n");
    assert_snapshot!(project.run("Rerun latest use").all(), @r#"
    ── stderr
    error[E0808]: `use` reads the output `s` of `login`, which is secret and was not recorded
    help: run `login` again too: `otto Rerun RUN --from login`, or give a value: `--set login.s=VALUE`
    otto: 1 error. For details: `otto Explain E0808`
    ── exit 2
    "#);
    assert_eq!(project.run("-q Rerun latest --from login").stdout, "14 ***\n");
    let file = "
tasks:
  login:
    outputs: {s: {type: str, secret: true}, user: str}
    bash: OUTPUT[s]=$(cat value); OUTPUT[user]=ada
  shell: {needs: [login], bash: 'echo \"${INPUT[login.user]}\"'}
  python: {needs: [login], python: 'print(INPUT[\"login.user\"])'}
  any: {needs: [login], python: 'print(len(INPUT[\"login\"]))'}
  other: {needs: [login], action: \"#!/usr/bin/perl\\nprint $INPUT{'login.user'}\"}
  key: {needs: [login], bash: 'k=user; echo \"${INPUT[login.$k]}\"'}
  all: {needs: [shell, python, any, other, key]}
";
    project.write("otto.yml", file);
    assert_eq!(project.run("-q -j1 all").status, 0);
    for task in ["shell", "python"] {
        assert_eq!(project.run(&format!("-q Rerun latest {task}")).stdout, "ada\n");
        assert_eq!(project.run("-q -j1 all").status, 0);
    }
    for task in ["any", "other", "key"] {
        let refused = project.run(&format!("Rerun latest {task}"));
        assert!(
            refused.stderr.starts_with(&format!("error[E0808]: `{task}` reads the output `s`")),
            "{}",
            refused.all()
        );
    }
    project.write(
        "otto.yml",
        "tasks: {login: {outputs: {s: {type: str, secret: true}}, bash: 'OUTPUT[s]=$(cat value)'}, use: {needs: [login], bash: 'echo \"${#INPUT[login.s]} ${INPUT[login.s]}\"'}}",
    );
    assert_eq!(project.run("-q use").stdout, "14 ***\n");
    let given = project.run("-q Rerun latest use --set login.s=another-value");
    assert_eq!(given.stdout, "13 ***\n", "{}", given.all());
}

#[test]
fn what_can_be_no_secret_is_an_error() {
    let refused = |file: &str| Project::new(file).run("List").stderr;
    assert_snapshot!(refused("tasks: {a: {params: {--flag: {default: false, secret: true}}, bash: x}}"), @r#"
    error[E0112]: parameter `--flag` of task `a` is `true` or `false`, so it cannot be `secret`
      ╭▸ otto.yml:1:47
    1 │ tasks: {a: {params: {--flag: {default: false, secret: true}}, bash: x}}
      ╰╴                                              ━━━━━━ anyone can guess the value
    help: remove `secret`, or give the parameter another type
    otto.yml: 1 error. For details: `otto Explain E0112`
    "#);
    assert_snapshot!(refused("tasks: {a: {outputs: {ok: {type: bool, secret: true}}, bash: x}}"), @r#"
    error[E0112]: `secret` of output `ok` of task `a` cannot be used with type `bool`
      ╭▸ otto.yml:1:40
    1 │ tasks: {a: {outputs: {ok: {type: bool, secret: true}}, bash: x}}
      ╰╴                                       ━━━━━━ only for values that nobody can guess
    otto.yml: 1 error. For details: `otto Explain E0112`
    "#);
    assert_snapshot!(refused("otto: {envs: {A: {secret: true}, B: {value: [x]}, C: {valeu: x}}}\ntasks: {a: {bash: x}}"), @r#"
    error[E0106]: variable `A` has no value
      ╭▸ otto.yml:1:18
    1 │ otto: {envs: {A: {secret: true}, B: {value: [x]}, C: {valeu: x}}}
      ╰╴                 ━━━━━━━━━━━━━━ `value` is missing
    help: write `A: {value: …, secret: true}`
    error[E0103]: `value` of variable `B` must be a string, not a list
      ╭▸ otto.yml:1:45
    1 │ otto: {envs: {A: {secret: true}, B: {value: [x]}, C: {valeu: x}}}
      ╰╴                                            ━━━ this is a list
    help: write `value: STRING`
    error[E0106]: variable `C` has no value
      ╭▸ otto.yml:1:54
    1 │ otto: {envs: {A: {secret: true}, B: {value: [x]}, C: {valeu: x}}}
      ╰╴                                                     ━━━━━━━━━━ `value` is missing
    help: write `C: {value: …, secret: true}`
    error[E0104]: unknown key `valeu` in variable `C`
      ╭▸ otto.yml:1:55
    1 │ otto: {envs: {A: {secret: true}, B: {value: [x]}, C: {valeu: x}}}
      ╰╴                                                      ━━━━━ unknown key
    help: did you mean `value`?
    otto.yml: 4 errors. For details: `otto Explain E0104`
    "#);
    assert_snapshot!(refused("otto: {secrets: [$TOKEN]}\ntasks: {a: {bash: x}}"), @r#"
    error[E0109]: `otto.secrets` must be the names of variables, without `$`
      ╭▸ otto.yml:1:18
    1 │ otto: {secrets: [$TOKEN]}
      ╰╴                 ━━━━━━ not a variable name
    otto.yml: 1 error. For details: `otto Explain E0109`
    "#);
}

#[test]
fn a_script_with_secrets_says_by_hand_that_it_cannot_run() {
    let project = Project::new(
        "tasks: {a: {params: {--token: {secret: true}}, bash: 'echo $token'}, b: {params: {--token: {secret: true}}, python: 'print(token)'}}",
    );
    for (task, program) in [("a", "bash"), ("b", "python3")] {
        project.run(&format!("{task} --token hunter2"));
        let script = project.task(task).join(if task == "a" { "script.sh" } else { "script.py" });
        let ran = project.shell(&format!("{program} {}", script.display()));
        assert_eq!((ran.status, ran.stdout.as_str()), (97, ""), "{}", ran.all());
        assert!(ran.stderr.contains("run it again: otto Rerun"), "{}", ran.all());
    }
}

#[test]
fn a_task_is_fresh_as_long_as_its_secrets_are_the_same() {
    let project = Project::new(
        "tasks: {a: {params: {--token: {secret: true}}, input: [in], output: [out], bash: 'cp in out; echo ran'}}",
    );
    project.write("in", "x");
    let ran = |token: &str| project.run(&format!("-q a --token {token}")).stdout;
    assert_eq!([ran("hunter2"), ran("hunter2"), ran("hunter3")], ["ran\n", "", "ran\n"]);
}

/// What nobody needs is not made: a task whose secret is not kept runs only if one that depends on it does.
#[test]
fn an_up_to_date_task_that_sets_a_secret_runs_only_for_one_that_runs() {
    let project = Project::new(
        "
tasks:
  login:
    input: [user]
    output: [session]
    outputs: {token: {type: str, secret: true}}
    bash: |
      touch session
      OUTPUT[token]=$(cat value)
  sign:
    needs: [login]
    input: [app]
    output: [signed]
    bash: echo \"${#INPUT[login.token]}\" > signed
  publish: {needs: [login, sign], bash: 'echo \"published with ${#INPUT[login.token]}\"'}
  relogin:
    needs: [login]
    input: [user]
    output: [session2]
    outputs: {token: {type: str, secret: true}}
    bash: touch session2; OUTPUT[token]=${INPUT[login.token]}2
  use: {needs: [relogin], input: [app], output: [used], bash: 'echo \"${#INPUT[relogin.token]}\" > used'}
  report: {needs: [{task: login, when: failure}], bash: echo reported}
  all: {needs: [login, sign, use]}
",
    );
    for (file, text) in [("user", "ada"), ("app", "1"), ("value", "hunter2hunter2")] {
        project.write(file, text);
    }
    project.run("-q all").ok();
    assert_snapshot!(project.run("-v -j1 all").all(), @"
    ── stderr
    otto · run RUN · 4 tasks
      fresh  sign              unchanged since run RUN
      fresh  use               unchanged since run RUN
      fresh  relogin           unchanged since run RUN
      fresh  login             unchanged since run RUN
    4 fresh in TIME
    ── exit 0
    ");
    // One that has to run makes those run that it needs, and no others; the reason stays what it was.
    project.write("app", "2");
    assert_snapshot!(project.run("-v -j1 all").all(), @"
    ── stderr
    otto · run RUN · 4 tasks
      stale  login             its secret outputs are not kept
      start  login
         ok  login       TIME  set token
      stale  sign              `app` changed
      start  sign
         ok  sign        TIME
      stale  relogin           its secret outputs are not kept
      start  relogin
         ok  relogin     TIME  set token
      stale  use               `app` changed
      start  use
         ok  use         TIME
    4 ok in TIME
    ── exit 0
    ");
    assert_snapshot!(project.run("-v -j1 publish").all(), @"
    ── stdout
    published with 14
    ── stderr
    otto · run RUN · 3 tasks
      fresh  sign              unchanged since run RUN
      stale  login             its secret outputs are not kept
      start  login
         ok  login       TIME  set token
      start  publish
         ok  publish     TIME
    2 ok, 1 fresh in TIME
    ── exit 0
    ");
    assert_snapshot!(project.run("-j1 login").all(), @"
    ── stderr
      fresh  login           unchanged since run RUN
    ── exit 0
    ");
    // It runs, and fails.
    project.write(
        "otto.yml",
        &project.read("otto.yml").replace("touch session\n", "touch session; [ ! -e down ]\n"),
    );
    project.run("-q all").ok();
    project.write("down", "");
    assert_snapshot!(project.run("-j1 publish report").all(), @"
    ── stdout
    reported
    ── stderr
    otto · run RUN · 4 tasks
      fresh  sign              unchanged since run RUN
       FAIL  login       TIME  exit 1
       skip  publish           needs login
         ok  report      TIME

    FAIL login · exit 1 · TIME · otto.yml:8
      no output · full log: otto Logs RUN login
    error[E0715]: otto.yml:8: `[ ! -e down ]` ended with 1

    4 tasks in TIME: 1 ok, 1 fresh, 1 failed, 1 skipped
    rerun failed and skipped:  otto Rerun RUN
    ── exit 1
    ");
    assert!(!project.task("login").join("output.login.json").exists());
}

#[test]
fn a_secret_that_is_written_out_is_a_warning_of_check() {
    let project = Project::new(
        "
otto:
  secrets: [NPM_TOKEN]
tasks:
  login:
    outputs: {token: {type: str, secret: true}, user: str}
    bash: |
      OUTPUT[user]=ada
      OUTPUT[token]=$(openssl rand -hex 8)
  deploy:
    needs: [login]
    params:
      --password: {secret: true}
    envs:
      KEY: {value: '$(cat key)', secret: true}
    bash: |
      echo \"${INPUT[login.user]} with ${INPUT[login.token]}\"
      printf '%s\\n' \"$password\"
      echo \"${#KEY}\"
      if [ -n \"$KEY\" ]; then echo \"$KEY\"; fi
      echo \"$NPM_TOKEN\" | docker login --password-stdin
      # otto: allow E0510
      echo \"$NPM_TOKEN\"
  report:
    needs: [login]
    python: |
      print(\"with\", INPUT[\"login.token\"])
      print(f\"{INPUT['login.user']} {len(INPUT['login.token'])}\")
",
    );
    assert_snapshot!(project.run("Check").all(), @r#"
    ── stdout
    otto.yml: 3 tasks are valid
    ── stderr
    warning[E0510]: `deploy` writes out the output `token` of `login`, which is secret
       ╭▸ otto.yml:17:41
     6 │     outputs: {token: {type: str, secret: true}, user: str}
       │               ───── declared as secret
       ┆
    17 │       echo "${INPUT[login.user]} with ${INPUT[login.token]}"
       ╰╴                                        ━━━━━━━━━━━━━━━━━━ `deploy` writes it here
    help: leave it out: otto can only show `***` in its place
    warning[E0510]: `deploy` writes out the parameter `password`, which is secret
       ╭▸ otto.yml:18:22
    13 │       --password: {secret: true}
       │       ────────── declared as secret
       ┆
    18 │       printf '%s\n' "$password"
       ╰╴                     ━━━━━━━━━ `deploy` writes it here
    help: leave it out: otto can only show `***` in its place
    warning[E0510]: `deploy` writes out the variable `KEY`, which is secret
       ╭▸ otto.yml:20:36
    15 │       KEY: {value: '$(cat key)', secret: true}
       │       ─── declared as secret
       ┆
    20 │       if [ -n "$KEY" ]; then echo "$KEY"; fi
       ╰╴                                   ━━━━ `deploy` writes it here
    help: leave it out: otto can only show `***` in its place
    warning[E0507]: nothing sets the variable `NPM_TOKEN` that task `deploy` reads
       ╭▸ otto.yml:21:13
    21 │       echo "$NPM_TOKEN" | docker login --password-stdin
       ╰╴            ━━━━━━━━━━ neither in the ottofile nor in the environment
    help: if it may be missing, say so: `${NPM_TOKEN:-}`
    warning[E0510]: `report` writes out the output `token` of `login`, which is secret
       ╭▸ otto.yml:27:21
     6 │     outputs: {token: {type: str, secret: true}, user: str}
       │               ───── declared as secret
       ┆
    27 │       print("with", INPUT["login.token"])
       ╰╴                    ━━━━━━━━━━━━━━━━━━━━ `report` writes it here
    help: leave it out: otto can only show `***` in its place
    ── exit 0
    "#);
}

/// What a task prints in pieces and in colours is masked on the whole screen and on the console of a terminal.
#[test]
fn a_terminal_shows_no_secret() {
    let project = Project::new(
        r#"
tasks:
  a:
    params: {--token: {secret: true, env: TOKEN}}
    bash: |
      for i in 1 2 3; do
        printf '\e[31m%s\e[0m%s and %s\n' "${token:0:4}" "${token:4}" "$token"
        printf '%s' "${token:0:5}"; sleep 0.1; printf '%s\n' "${token:5}"
        printf '%s\e[1m%s\r\n' "${token:0:1}" "${token:1}"
      done
  b: {needs: [a], params: {--token: {secret: true, env: TOKEN}}, bash: 'sleep 0.3; echo "b: $token"'}
  each: {foreach: {items: [x, y]}, params: {--token: {secret: true, env: TOKEN}}, bash: 'echo "$item $token"'}
"#,
    )
    .with("TOKEN", "Zq7rT9xwXk");
    // Drawing may put colours and moves of the cursor between any two letters.
    let escapes = regex::Regex::new("\x1b\\[[0-9;?]*[a-zA-Z]").expect("a pattern");
    for words in [&["--tui", "b", "each"][..], &["b", "each"], &["--color=always", "-v", "-j1", "b", "each"]]
    {
        let shown = crate::display::in_terminal(&project, words);
        let plain = escapes.replace_all(&shown, "");
        for part in ["Zq7r", "T9xwXk", "q7rT9"] {
            assert!(!plain.contains(part), "{words:?}: {plain}");
        }
        assert!(plain.contains("***"), "{words:?}: {plain}");
    }
}

/// A run that is killed leaves what it had to the next otto, which removes it, whatever it is asked for.
#[test]
fn the_next_otto_removes_what_a_killed_one_left() {
    let memory = tempfile::tempdir().expect("a folder");
    let project = Project::new(
        "tasks:
  login: {outputs: {s: {type: str, secret: true}}, bash: 'OUTPUT[s]=$(cat value)'}
  use: {needs: [login], bash: 'touch started; sleep 60; echo \"${#INPUT[login.s]}\"'}
  other: {help: x, bash: ':'}
",
    )
    .with("XDG_RUNTIME_DIR", memory.path().to_str().expect("a path"));
    project.write("value", "Zq7rT9xwXk");
    let kept = |folder: &Path| {
        let mut files = Vec::new();
        files_below(folder, &mut files);
        files.retain(|(_, bytes)| bytes.windows(10).any(|window| window == b"Zq7rT9xwXk"));
        files.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    let mut command = project.command(env!("CARGO_BIN_EXE_otto"));
    let mut child = command.args(["-q", "use"]).spawn().expect("otto starts");
    // It may have ended before that, and then the file is never there.
    while !project.path("started").exists() && child.try_wait().expect("a child").is_none() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().expect("killed");
    child.wait().expect("it ended");
    assert!(!kept(memory.path()).is_empty(), "nothing was there to be removed");
    assert_eq!(kept(&project.task_home()), Vec::<String>::new());
    // What was killed may take a moment to be gone with all its processes.
    let mut tries = 0;
    while !kept(memory.path()).is_empty() && tries < 100 {
        project.run(["List", "History", "other --help"][tries % 3]).ok();
        tries += 1;
    }
    assert_eq!(kept(memory.path()), Vec::<String>::new());
    assert_eq!(kept(&project.task_home()), Vec::<String>::new());
}

/// Two runs are compared without anybody seeing what they had.
#[test]
fn secrets_of_two_runs_are_told_apart_and_not_shown() {
    let project = Project::new(
        "tasks: {login: {outputs: {token: {type: str, secret: true}, user: str}, bash: 'OUTPUT[token]=$(cat value); OUTPUT[user]=ada'}}",
    );
    for value in ["hunter2hunter2", "hunter2hunter2", "correct-horse"] {
        project.write("value", value);
        project.run("-q login").ok();
    }
    let diff = |words: &str| {
        let runs =
            regex::Regex::new("(?m)[0-9a-z]{4,6} → [0-9a-z]{4,6}|^    [0-9a-z]{4,6}  ").expect("a pattern");
        runs.replace_all(&project.run(words).all(), "RUN ").into_owned()
    };
    assert_snapshot!(diff("Data diff -2 -3"), @"
    ── stderr
    RUN : identical, 2 values
    ── exit 0
    ");
    assert_snapshot!(diff("Data diff -2 -1"), @r#"
    ── stdout
    login.token
    RUN "***"
    RUN "***"
    ── stderr
    RUN : 1 of 2 values differ, first in login
    ── exit 0
    "#);
    assert_snapshot!(diff("--json Data diff -2 -1"), @r#"
    ── stdout
    [
      {
        "task": "login",
        "key": "token",
        "from": "***",
        "to": "***"
      }
    ]
    ── exit 0
    "#);
}
