//! Makefiles and the ottofiles they become. What they do when they run is compared with make in `tests/convert.rs`.

use super::make::convert;
use super::world::Nowhere;
use crate::command::stage::Stage;
use crate::ottofile::read;
use crate::ottofile::spec::Ottofile;
use crate::source::SourceFile;
use insta::assert_snapshot;
use proptest::prelude::*;

fn loaded(text: &str) -> Ottofile {
    let source = SourceFile::new("otto.yml", text);
    match read(&source) {
        Ok((ottofile, _)) => ottofile,
        Err(wrong) => panic!("{text}\n{wrong:#?}"),
    }
}

/// The tasks of a converted Makefile, and the remarks, without the comment at the top.
fn converted(makefile: &str) -> String {
    let converted = convert(makefile, "Makefile", &Nowhere);
    loaded(&converted.text);
    let tasks = converted.text.split_once("\ntasks:").map_or("", |(_, tasks)| tasks);
    format!("{}\n---\n{}", tasks.trim(), converted.remarks.join("\n"))
}

#[test]
fn a_recipe_gets_the_text_that_make_would_give_it() {
    assert_snapshot!(converted(
        "CC := gcc\n\
         OUT = \"out dir\"\n\
         BOTH = list | sort\n\
         .PHONY: all prep\n\
         all: prep ## Build everything\n\
         \t@$(CC) -o '$(OUT)' \"$(EXTRA)\" $$HOME\n\
         \t$(BOTH)\n\
         # Make the folder\n\
         prep:\n\
         \t-mkdir -p $(OUT)\n\
         \tcd src && ls\n",
    ), @r#"
    all:
        help: Build everything
        needs: [prep]
        action: |
          #!/bin/sh
          case "${EXTRA-}" in *\$* | *'
          '*) echo 'Makefile: make would read the `$` or the line break in EXTRA' >&2; exit 1 ;; esac
          BOTH='list | sort' CC=gcc OUT='"out dir"'
          /bin/sh -c "gcc -o '\"out dir\"' \"${EXTRA-}\" \$HOME"
          list | sort

      prep:
        help: Make the folder
        action: |
          #!/bin/sh
          BOTH='list | sort' CC=gcc OUT='"out dir"'
          mkdir -p "out dir" || :
          /bin/sh -c 'cd src && ls'
    ---
    "#);
}

#[test]
fn what_cannot_be_taken_over_fails_at_the_start_of_its_task() {
    assert_snapshot!(converted(
        "LIST = $(guile x)\n\
         .PHONY: all fine\n\
         all: fine\n\
         \techo before\n\
         \techo $(LIST)\n\
         fine: ; show fine\n",
    ), @r#"
    all:
        action: |
          #!/bin/sh
          echo 'Makefile:5: not converted: `$(guile …)`' >&2
          exit 1

      fine:
        action: |
          #!/bin/sh
          [ -z "${LIST+x}" ] || { echo 'Makefile:6: environment variable `LIST`: not converted: `$(guile …)`' >&2; exit 1; }
          show fine
    ---
    Makefile:5: `all`: `$(guile …)`
    "#);
}

#[test]
fn a_conditional_is_decided_and_checked_when_a_task_runs() {
    assert_snapshot!(converted(
        "ifdef DEBUG\n\
         FLAGS = -g\n\
         endif\n\
         .PHONY: build other\n\
         build: ; cc $(FLAGS) x.c\n\
         other: ; show other\n",
    ), @r#"
    build:
        action: |
          #!/bin/sh
          [ "${DEBUG-}" = '' ] || { echo 'Makefile:1: decided when it was converted: `DEBUG` was empty; run `otto Convert` again' >&2; exit 1; }
          case "${FLAGS-}" in *\$* | *'
          '*) echo 'Makefile: make would read the `$` or the line break in FLAGS' >&2; exit 1 ;; esac
          /bin/sh -c "cc ${FLAGS-} x.c"

      other:
        action: |
          #!/bin/sh
          show other
    ---
    Makefile:1: decided now, and checked by its tasks: `DEBUG` is empty
    "#);
}

#[test]
fn an_empty_makefile_is_an_empty_ottofile() {
    let converted = convert("", "Makefile", &Nowhere);
    assert!(converted.remarks.is_empty() && loaded(&converted.text).tasks.is_empty());
}

#[test]
fn a_file_is_read_by_name_and_written_where_o_says() {
    let stage = Stage::new();
    let folder = stage.sandbox.folder();
    std::fs::write(folder.join("Makefile"), "a:\n\techo $(guile x)\n").expect("written");
    std::fs::write(folder.join("fine.mk"), "a: ; true\n").expect("written");
    std::fs::write(folder.join("bytes"), b"\xff").expect("written");
    let said = stage.otto("Convert Makefile");
    assert!(said.ends_with("--- stderr\nMakefile:2: `a`: `$(guile …)`\n"), "{said}");
    assert!(stage.otto("Convert Makefile --strict").ends_with("--- exit 2\n"));
    assert!(!stage.otto("Convert fine.mk --strict").contains("--- exit"));
    assert_snapshot!(stage.otto("Convert nowhere"), @"
    --- stderr
    error[E0203]: cannot read `nowhere`: no such file or directory
    --- exit 2
    ");
    assert_snapshot!(stage.otto("Convert bytes"), @"
    --- stderr
    error[E0203]: `bytes` is not UTF-8
    --- exit 2
    ");
}

#[test]
fn a_nul_byte_ends_its_line_as_it_does_for_make() {
    let converted = converted(".PHONY: a\na:\n\tshow one\0two\n\tshow three\n");
    assert!(converted.contains("show one\n      show three\n"), "{converted}");
}

/// Lines that come near to what Makefiles hold.
fn makefile() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "a", "b", "out/x", "Clean", "$(V)", "V", "%.o", ".PHONY", "true", "-x", "a b", "é", "x:", ".c.o", "",
    ]);
    let value = prop::sample::select(vec![
        "",
        "x",
        "$(V)",
        "$(shell ls $$HOME)",
        "$$",
        "$",
        "$(",
        "$(call f,x)",
        "$(A)$(B)",
        "'it''s'",
        "\"q\"",
        "# c",
        "##  help",
        "\u{85}",
        "\u{7}",
        "é",
        "\\",
        "| b",
        "; echo",
        "$@ $< $^ $(@D)",
        "  ",
        "`x`",
        ": ",
        "- a",
        "\u{2028}",
        "${x",
        "$(if $(V),$(V),$(error e))",
        "$(eval V = $(V)x)",
        "$(wildcard *)",
        "$(CURDIR)",
        "$(foreach i,1 2,$(i)$(V))",
        "$(patsubst %,%x,$(A))",
        "$(MAKE) b",
        "%",
        "$(sort $(shell x) $(A))",
    ]);
    let line =
        (name.clone(), value.clone(), value, name, 0..14).prop_map(|(name, value, other, second, kind)| {
            match kind {
                0 => format!("{name} := {value}{other}"),
                1 => format!("{name} ?= {value} {other}"),
                2 => format!("{name}: {second} {value}"),
                3 | 4 => format!("\t{value}{other}"),
                5 => format!("\t@-cd {value} {other}\\"),
                6 => format!("{name}: {second} = {value}"),
                7 => format!("ifdef {name}"),
                8 => format!("{name} += {value}{other}"),
                9 => format!("ifeq ({value},{other})"),
                10 => format!("define {name}\n{value}\nendef"),
                11 => format!("include {second}"),
                12 => format!("else {value}"),
                _ => format!("endif {value}"),
            }
        });
    prop::collection::vec(line, 0..14).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_the_makefile_holds_the_ottofile_can_be_read(text in makefile()) {
        loaded(&convert(&text, "Makefile", &Nowhere).text);
    }

    #[test]
    fn any_text_at_all_is_converted(text in "\\PC*|(?s).{0,200}") {
        loaded(&convert(&text, "Makefile", &Nowhere).text);
    }
}

/// Makefiles that would take forever, or all memory, or all of the stack.
fn endless() -> Vec<(&'static str, String)> {
    let doubling = |first: &str| {
        let more = (0..40).map(|_| "V := $(V)$(V)\n").collect::<String>();
        format!("V := {first}\n{more}all: ; show $(V)\n")
    };
    let nest = |open: &str, close: &str, deep: usize| format!("{}x{}", open.repeat(deep), close.repeat(deep));
    let wrapped = |wrap: &str, times: usize| {
        format!("V := $(E)\n{}all: ; show $(V)\n", format!("V := {wrap}\n").repeat(times))
    };
    let grow = "$(subst x,$(V),$(V))";
    let large = "x".repeat(300_000);
    let words = "x ".repeat(150_000);
    vec![
        ("text that doubles", doubling("x")),
        ("holes that double", doubling("$(E)")),
        ("branches of itself", "A = $(if $(X),$(A),$(A)$(A))\nall: ; show $(A)\n".to_owned()),
        ("alternatives of itself", "A = $(or $(X),$(A),$(A))\nB := $(A)\nall: ; show $(A)\n".to_owned()),
        ("calls of itself", "f = $(call f,$(1)x)$(call f,$1)\nall: ; show $(call f,y)\n".to_owned()),
        ("loops of loops", {
            let list = "1 2 3 4 5 6 7 8 9 0 ".repeat(50);
            let loops = nest("$(foreach i,$(L),", ")", 12);
            format!("L = {list}\nall: ; show {loops}\n")
        }),
        ("a replacement that is large", format!("V = {large}\nall: ; show {grow}\n")),
        (
            "prefixes that are large",
            format!("V = {words}\nP = {large}\nall: ; show $(addprefix $(P),$(V))\n"),
        ),
        ("filters with many patterns", format!("V = {words}\nall: ; show $(filter $(V:x=%a),$(V))\n")),
        ("functions within functions", format!("all: ; show {}\n", nest("$(strip $(E)", ")", 20_000))),
        ("references within references", format!("all: ; show {}\n", nest("$(", ")", 100_000))),
        ("references that are never closed", format!("all: ; show {}\n", "$(".repeat(500_000))),
        ("targets that are never closed", "$(".repeat(500_000)),
        ("values around values", wrapped("$(strip $(V) $(E))", 3_000)),
        ("shells around shells", wrapped("$(shell x $(V))", 3_000)),
        (
            "additions to what is not known",
            format!("V := $(E)\n{}all: ; show $(V)\n", "V += $(F)\n".repeat(3_000)),
        ),
        ("many additions", format!("{}all: ; show $(V)\n", "V += some words to add\n".repeat(20_000))),
        ("modifiers", format!("{} A = 1\nall: ; show\n", "export ".repeat(100_000))),
        ("conditionals within conditionals", format!("{}A = 1\n", "ifndef A\n".repeat(20_000))),
        ("texts that make texts", "define V\n$(eval $(V))\n$(eval $(V))\nendef\n$(eval $(V))\n".to_owned()),
        ("many targets with a long recipe", {
            let targets: String = (0..20_000).map(|n| format!("t{n} ")).collect();
            format!("{targets}: ; show\n{}", "\techo a line of it\n".repeat(2_000))
        }),
        ("many targets with many needs", {
            let names: String = (0..10_000).map(|n| format!("t{n} ")).collect();
            format!("{names}: {names}\n")
        }),
        ("a chain of prerequisites", (0..1_000).map(|n| format!("t{n}: t{}; show\n", n + 1)).collect()),
        ("a circle of everything", {
            let names: String = (0..150).map(|n| format!("t{n} ")).collect();
            format!("{names}: {names}; show\n")
        }),
        ("pattern rules for each other", {
            let rules: String = (0..60)
                .flat_map(|a| (0..60).map(move |b| (a, b)))
                .filter(|(a, b)| a != b)
                .map(|(a, b)| format!("%.{a}: %.{b}; show\n"))
                .collect();
            format!("{rules}all: x.1 x.2 x.3\n")
        }),
        ("variables of targets", {
            let rules: String =
                (0..300).map(|n| format!("t{n}: V{n} += $(V{n}) x\nt{n}: t{}\n", n + 1)).collect();
            format!("{rules}t300: ; show $(V1) $(V299)\n")
        }),
        ("many variables and many targets", {
            let variables: String = (0..2_000).map(|n| format!("export V{n} = $(E) text {n}\n")).collect();
            let targets: String = (0..2_000).map(|n| format!("t{n}: ; show $(V{n})\n")).collect();
            variables + &targets
        }),
    ]
}

/// Both ways in which a Makefile is read: for `Convert`, and for `Init`.
#[test]
fn no_makefile_takes_forever_or_fills_the_memory_or_the_stack() {
    let small = std::thread::Builder::new().stack_size(2 << 20);
    let converted = small.spawn(|| {
        for (what, text) in endless() {
            let converted = convert(&text, "Makefile", &Nowhere);
            assert!(converted.text.len() < 16 << 20, "{what}: {} characters", converted.text.len());
            super::offered(super::Tool::Make, &text);
        }
    });
    converted.expect("a thread").join().expect("nothing overflows");
}

#[test]
fn a_variable_that_refers_to_itself_is_refused_with_the_line_that_uses_it() {
    let converted = convert("A = x$(A)\nfine: ; show\nall: fine\n\tshow $(A)\n", "Makefile", &Nowhere);
    assert_eq!(converted.remarks, ["Makefile:4: `all`: make stops: `A` refers to itself"]);
}

/// In a part of which nobody knows whether make reads it, and where make would expand it while it reads.
#[test]
fn what_may_stop_make_while_it_reads_is_refused_for_every_target() {
    let remarks = |undecided: &str, after: &str| {
        let text = format!("F != question\nifdef F\n{undecided}\nendif\nall:\n\tshow\n{after}\n");
        convert(&text, "Makefile", &Nowhere).remarks.join("\n")
    };
    for (undecided, after) in [
        ("L = x$(L)", "five: Y := $(L)"),
        ("L ?= $(findstring x,$(L))", "Y := $(L:.c=.o)"),
        ("L = $(M)\nM = $(L)", "ifeq ($(L),)\nendif"),
        ("define L\n$(L)\nendef", "five: $(L)"),
        ("L = $(error no)", "Y := $(L)"),
        ("X := $(error no)", ""),
        ("X := $(X:a=$(error no))", ""),
        ("X != $(error no)", ""),
        ("five: $(error no)", ""),
        ("ifeq ($(error no),)\nendif", ""),
        ("X := $(word 0,a)", ""),
        ("X := $(subst a)", ""),
        ("X := $(", ""),
        ("L = $(L)\nX := $(L)", ""),
    ] {
        let told = remarks(undecided, after);
        assert!(
            told.contains("Makefile:2: `all`: the output of `question` decides what to do"),
            "{undecided}: {told}"
        );
    }
    for (undecided, after) in [
        ("L = x$(L)", "five: Y = $(L)"),
        ("L = $(M)\nM = a", "Y := $(L)$(L)"),
        ("X := $(subst a,b,$(CURDIR))", "Y := $(X)"),
        ("L = $$(L)", "Y := $(L)"),
    ] {
        let told = remarks(undecided, after);
        assert!(!told.contains("decides what to do"), "{undecided}: {told}");
    }
}

/// What a file of a tool becomes, with the remarks.
fn from(tool: super::Tool, text: &str) -> Result<String, String> {
    let converted = match tool {
        super::Tool::Make => convert(text, "Makefile", &Nowhere),
        super::Tool::Npm => super::package::convert(text, "package.json", &|_| false)?,
        super::Tool::Task => super::taskfile::convert(text, "Taskfile.yml")?,
        super::Tool::Just => super::justfile::convert(text, "justfile")?,
        super::Tool::Mise => super::mise::convert(text, "mise.toml")?,
    };
    loaded(&converted.text);
    let text = converted.text.split_once("otto:\n").map_or("", |(_, text)| text);
    Ok(format!("{}---\n{}", text.trim_start(), converted.remarks.join("\n")))
}

#[test]
fn scripts_of_a_package_become_tasks() {
    let package = r#"{"scripts": {"clean": "rm -rf dist", "build": "npm run clean && tsc", "all": "npm run build && npm run clean", "who": "echo $npm_config_user"}}"#;
    let text = from(super::Tool::Npm, package).expect("it is converted");
    let is_head = |line: &&str| super::package::PATH.lines().any(|head| head == line.trim());
    let text = text.lines().filter(|line| !is_head(line)).collect::<Vec<_>>().join("\n");
    assert_snapshot!(text, @r##"
    api: 1
      jobs: 1
      fail-fast: true
    tasks:
      clean:
        help: rm -rf dist
        params: {clean_args: {nargs: "*"}}
        action: |
          #!/bin/sh
          rm -rf dist "$@"

      build:
        help: "npm run clean && tsc"
        params: {build_args: {nargs: "*"}}
        needs: [clean]
        action: |
          #!/bin/sh
          tsc "$@"

      all:
        help: "npm run build && npm run clean"
        params: {args: {nargs: "*"}}
        action: |
          #!/bin/sh
          npm run build && npm run clean "$@"

      who:
        help: "echo $npm_config_user"
        action: |
          #!/bin/sh
          echo 'package.json:1: not converted: `$npm_config_user`: only npm knows it' >&2
          exit 1
    ---
    package.json:1: `all`: it calls npm; the call is kept
    package.json:1: `who`: `$npm_config_user`: only npm knows it
    "##);
}

#[test]
fn tasks_of_a_taskfile_become_tasks() {
    let text = "version: '3'\nvars: {OUT: out}\ntasks:\n  build:\n    desc: Compile\n    sources: [src/*.c]\n    \
                generates: [out/x]\n    cmds: ['cc -o {{.OUT}}/x']\n  test:\n    deps: [build]\n    cmds:\n      - \
                'echo {{.WHO}} | cat'\n      - pytest {{.CLI_ARGS}}\n  all:\n    cmds:\n      - task: build\n      - \
                echo {{.OUT | upper}}\n";
    assert_snapshot!(from(super::Tool::Task, text).expect("it is converted"), @r##"
    api: 1
      fail-fast: true
    tasks:
      build:
        help: Compile
        input: ["src/*.c"]
        output: [out/x]
        action: |
          #!/bin/sh
          set -e
          cc -o out/x

      test:
        params: {args: {nargs: "*"}}
        needs: [build]
        action: |
          #!/bin/sh
          env_WHO=${WHO-}
          set -e
          bash -ec "echo ${env_WHO} | cat"
          pytest "$@"

      all:
        action: |
          #!/bin/sh
          echo 'Taskfile.yml:17: not converted: `{{.OUT | upper}}`' >&2
          exit 1
    ---
    Taskfile.yml:17: `all`: `{{.OUT | upper}}`
    "##);
}

#[test]
fn recipes_of_a_justfile_become_tasks() {
    let text = "v := `cat VERSION`\n\n# Compile\nbuild profile=\"debug\":\n    @cc {{v}} {{profile}}\n\n\
                test *args: (build \"release\") && done\n    pytest {{args}}\n\n_x:\ndone:\n    -echo done\n";
    assert_snapshot!(from(super::Tool::Just, text).expect("it is converted"), @r##"
    api: 1
      jobs: 1
      fail-fast: true
      tasks: [build]
      envs: {just_v: "$(sh -cu 'cat VERSION')"}
    tasks:
      build:
        help: Compile
        params: {profile: {nargs: "?"}}
        action: |
          #!/bin/sh
          if [ -n "${profile+x}" ]; then just_profile=$profile; else just_profile=debug; fi
          unset profile
          sh -cu "cc ${just_v} ${just_profile}" || exit

      test:
        params: {args: {nargs: "*"}}
        needs: [{task: build, with: {profile: release}}]
        steps:
          - action: |
              #!/bin/sh
              just_args=${args-}
              unset args
              sh -cu "pytest ${just_args}" || exit
          - done

      "_x":
        hidden: false

      done:
        action: |
          #!/bin/sh
          echo done || :
    ---
    "##);
}

#[test]
fn tasks_of_mise_become_tasks() {
    let text = "[env]\nMODE = 'fast'\n[tasks.build]\nalias = 'b'\nrun = 'cargo build'\n[tasks.test]\ndepends = ['build']\n\
                dir = 'web'\nrun = ['pytest -q', 'x | y; z']\n[tasks.odd]\nusage = 'x'\nrun = 'x'\n";
    assert_snapshot!(from(super::Tool::Mise, text).expect("it is converted"), @r##"
    api: 1
      fail-fast: true
      envs: {MODE: fast}
    tasks:
      build:
        aliases: [b]
        params: {build_args: {nargs: "*"}}
        action: |
          #!/bin/sh
          set -e
          cargo build "$@"

      test:
        needs: [build]
        params: {args: {nargs: "*"}}
        action: |
          #!/bin/sh
          cd web || exit
          set -e
          pytest -q
          sh -o errexit -c "x | y; z \"\$@\"" sh "$@"

      odd:
        action: |
          #!/bin/sh
          echo 'mise.toml:11: not converted: `usage` of a task' >&2
          exit 1
    ---
    mise.toml:11: `odd`: `usage` of a task
    "##);
}

#[test]
fn what_is_no_file_of_the_tool_is_an_error_with_its_line() {
    let told = |tool, text| from(tool, text).expect_err("it is an error");
    assert!(told(super::Tool::Npm, "{\n  \"scripts\": {,}\n}").starts_with("`package.json`: line 2,"));
    assert!(told(super::Tool::Task, "version: '3'\ntasks: {a: [}\n").starts_with("`Taskfile.yml`: line 2:"));
    assert!(told(super::Tool::Mise, "[tasks.a]\nrun = \n").starts_with("`mise.toml`: line 2:"));
    assert_eq!(
        told(super::Tool::Task, "version: '2'"),
        "`Taskfile.yml`: version `2` of the Taskfile is not read; only 3 is"
    );
}

#[test]
fn the_name_of_a_file_says_which_tool_reads_it() {
    let stage = Stage::new();
    let folder = stage.sandbox.folder();
    std::fs::write(folder.join("a.just"), "x:\n    true\n").expect("written");
    std::fs::write(folder.join("odd"), "[tasks]\nx = 'true'\n").expect("written");
    assert!(stage.otto("Convert a.just").contains("# Made from a.just"));
    assert!(stage.otto("Convert odd --from mise").contains("\n  x:\n"));
    assert!(stage.otto("Convert a.just --from npm").contains("--- exit 2"));
}

/// Lines that come near to what the files of the other tools hold.
fn line_of_a_tool() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "version: '3'",
        "tasks:",
        "  a:",
        "  b: {cmds: [x], deps: [a]}",
        "    cmds:",
        "      - x {{.A}} y",
        "      - task: a",
        "        vars: {A: '{{.B | default \"x\"}}'}",
        "    vars: {A: '{{.A}}', B: {sh: x}}",
        "      - defer: x",
        "{{",
        "é{{}}",
        "a b='c' *d: e (f 'g') && h",
        "    x {{a + 'b' / `c`}} \\",
        "  \t y {{{{ }}",
        "v := 'x",
        "set shell := ['a', \"b\"]",
        "[private, doc('é')]",
        "alias a := b",
        "export A := a",
        "\"\"\"",
        "#!",
        "  #!/bin/sh",
        "[tasks.a]",
        "run = 'x {{env.A}}'",
        "depends = ['a b', ['c', 'd']]",
        "[tasks]",
        "b = '''",
        "env = {A = 1, _ = 2}",
        "{\"scripts\": {\"a\": \"b && npm run c\",",
        "\"c\": \"npm run a -- x\", \"prec\": \"é $npm_package_name\"},",
        "\"name\": \"x\"}",
        "",
        "\"",
        "'",
        "a:",
        "a := b",
        "b := a",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_another_tool_s_file_holds_the_ottofile_can_be_read(
        lines in prop::collection::vec(line_of_a_tool(), 0..12),
        any in "\\PC{0,40}",
    ) {
        for text in [lines.join("\n"), format!("{}\n{any}", lines.join("\n")), any.clone()] {
            for (tool, ..) in super::TOOLS {
                // An error is an answer, too; nothing may panic.
                let _ = from(*tool, &text);
                super::offered(*tool, &text);
            }
        }
    }
}
