//! Makefiles and the ottofiles they become.

use super::converted;
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

#[test]
fn tasks_dependencies_and_variables_are_taken_over() {
    let (text, left_out) = converted(
        "CC := gcc\n\
         CFLAGS ?= -O2\n\
         CFLAGS += -Wall\n\
         REVISION = $(shell git rev-parse HEAD)\n\
         .PHONY: build clean\n\
         build: prep out/app ## Build everything\n\
         \t@echo \"building $(REVISION) costs $$5\"\n\
         prep:\n\
         \tmkdir -p out\n\
         out/app: main.c prep.h | prep\n\
         \t$(CC) $(CFLAGS) $(EXTRA) -o $@ $<\n\
         clean:\n\
         \t-rm -rf out\n\
         \t-rm a; rm b\n",
    );
    assert_snapshot!(text, @r#"
    # Made from a Makefile by `otto Convert`; read it before you rely on it. Scripts run under `set -euo pipefail`,
    # which is stricter than the shell of make: `a; b` stops when `a` fails.
    otto:
      api: 1
      tasks: [build]
      envs:
        CC: gcc
        CFLAGS: "${CFLAGS--O2} -Wall"
        REVISION: "$(git rev-parse HEAD || true)"
    tasks:
      build:
        help: Build everything
        before: [prep, out/app]
        bash: |
          echo "building ${REVISION} costs $5"

      prep:
        bash: |
          mkdir -p out

      out/app:
        before: [prep]
        input: [main.c, prep.h]
        output: [out/app]
        bash: |
          ${CC} ${CFLAGS} ${EXTRA:-} -o out/app main.c

      clean:
        bash: |
          rm -rf out || true
          (
          rm a; rm b
          ) || true
    "#);
    assert_eq!(left_out, Vec::<String>::new());
    assert_eq!(loaded(&text).tasks.len(), 4);
}

#[test]
fn each_line_of_a_recipe_has_a_shell_of_its_own() {
    let (text, _) = converted("all:\n\tcd src && make\n\tpwd; \\\n\t  ls\n\texport X=1\n");
    assert_snapshot!(text, @r"
    # Made from a Makefile by `otto Convert`; read it before you rely on it. Scripts run under `set -euo pipefail`,
    # which is stricter than the shell of make: `a; b` stops when `a` fails.
    otto:
      api: 1
      tasks: [all]
    tasks:
      all:
        bash: |
          (
          cd src && make
          )
          pwd; \
            ls
          (
          export X=1
          )
    ");
    let (text, _) = converted(".ONESHELL:\nall:\n\tcd src\n\tls\n");
    assert_snapshot!(text, @"
    # Made from a Makefile by `otto Convert`; read it before you rely on it. Scripts run under `set -euo pipefail`,
    # which is stricter than the shell of make: `a; b` stops when `a` fails.
    otto:
      api: 1
      tasks: [all]
    tasks:
      all:
        bash: |
          cd src
          ls
    ");
}

#[test]
fn what_cannot_be_said_is_listed_and_fails_where_it_would_run() {
    let (text, left_out) = converted(
        "ifeq ($(OS),Windows)\n\
         X = 1\n\
         endif\n\
         SOURCES := $(patsubst %.c,%.o,$(wildcard *.c))\n\
         %.o: %.c\n\
         \tcc -c $<\n\
         all: lib\n\
         \techo it's $(SOURCES)\n\
         \t$(call deploy,prod)\n\
         include more.mk\n\
         Clean:\n\
         \trm x\n",
    );
    assert_snapshot!(text, @r"
    # Made from a Makefile by `otto Convert`; read it before you rely on it. Scripts run under `set -euo pipefail`,
    # which is stricter than the shell of make: `a; b` stops when `a` fails.
    otto:
      api: 1
      tasks: [all]
    tasks:
      all:
        input: [lib]
        output: [all]
        bash: |
          echo 'line 8 of the Makefile was not converted: echo it'\''s $(SOURCES)' >&2; exit 1
          echo 'line 9 of the Makefile was not converted: $(call deploy,prod)' >&2; exit 1

      clean:
        bash: |
          rm x

    # Not converted:
    #
    # line 1: a conditional: decide it, or move it into a script
    #   ifeq ($(OS),Windows)
    #   X = 1
    #   endif
    #
    # line 4: a value that a function of make computes
    #   SOURCES = $(patsubst %.c,%.o,$(wildcard *.c))
    #
    # line 5: a pattern rule: a `foreach` with a `glob` may do the same
    #   %.o: %.c
    #       cc -c $<
    #
    # line 8: it uses a variable that was not converted
    #   echo it's $(SOURCES)
    #
    # line 9: a function of make
    #   $(call deploy,prod)
    #
    # line 10: an included file: convert it too
    #   include more.mk
    ");
    assert_snapshot!(left_out.join("\n"), @"
    line 1: a conditional: decide it, or move it into a script
    line 4: a value that a function of make computes
    line 5: a pattern rule: a `foreach` with a `glob` may do the same
    line 8: it uses a variable that was not converted
    line 9: a function of make
    line 10: an included file: convert it too
    ");
    loaded(&text);
}

#[test]
fn a_rule_that_only_make_can_complete_fails_and_is_listed() {
    let (text, left_out) = converted(
        "all: $(filter x,$(X)) prep\n\
         prep: ; mkdir -p out\n\
         tool: LDLIBS = -lm\n\
         tool: tool.c\n\
         FORCE:\n\
         X = $(shell $(CC) --version)\n",
    );
    assert_snapshot!(text, @r#"
    # Made from a Makefile by `otto Convert`; read it before you rely on it. Scripts run under `set -euo pipefail`,
    # which is stricter than the shell of make: `a; b` stops when `a` fails.
    otto:
      api: 1
      tasks: [all]
      envs:
        X: "$(${CC:-cc} --version || true)"
    tasks:
      all:
        bash: |
          echo 'line 1 of the Makefile was not converted: all: $(filter x,$(X)) prep' >&2; exit 1

      prep:
        bash: |
          mkdir -p out

      tool:
        envs:
          LDLIBS: "-lm"
        bash: |
          echo 'line 3 of the Makefile was not converted: tool: tool.c' >&2; exit 1

      FORCE:

    # Not converted:
    #
    # line 1: prerequisites that a function computes
    #   all: $(filter x,$(X)) prep
    #
    # line 3: no recipe: make would take one of its own rules
    #   tool: tool.c
    "#);
    assert_snapshot!(left_out.join("\n"), @"
    line 1: prerequisites that a function computes
    line 3: no recipe: make would take one of its own rules
    ");
    loaded(&text);
}

#[test]
fn an_empty_makefile_is_an_empty_ottofile() {
    let (text, left_out) = converted("");
    assert_snapshot!(text, @"
    # Made from a Makefile by `otto Convert`; read it before you rely on it. Scripts run under `set -euo pipefail`,
    # which is stricter than the shell of make: `a; b` stops when `a` fails.
    otto:
      api: 1
    tasks: {}
    ");
    assert!(left_out.is_empty() && loaded(&text).tasks.is_empty());
}

#[test]
fn a_file_is_read_by_name_and_what_is_left_out_goes_to_stderr() {
    let stage = Stage::new();
    let folder = stage.sandbox.folder();
    std::fs::write(folder.join("Makefile"), "include x.mk\na:\n\techo\n").expect("written");
    std::fs::write(folder.join("bytes"), b"\xff").expect("written");
    let converted = stage.otto("Convert Makefile");
    assert!(
        converted
            .ends_with("--- stderr\nnot converted: Makefile, line 1: an included file: convert it too\n")
    );
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

/// Lines that come near to what Makefiles hold.
fn makefile() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "a", "b", "out/x", "Clean", "$(V)", "V", "%.o", ".PHONY", "true", "-x", "a b",
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
    ]);
    let line =
        (name.clone(), value.clone(), value, name, 0..9).prop_map(|(name, value, other, second, kind)| {
            match kind {
                0 => format!("{name} := {value}{other}"),
                1 => format!("{name} ?= {value} {other}"),
                2 => format!("{name}: {second} {value}"),
                3 | 4 => format!("\t{value}{other}"),
                5 => format!("\t@-cd {value} {other}\\"),
                6 => format!("{name}: {second} = {value}"),
                7 => format!("ifdef {name}"),
                _ => format!("endif {value}"),
            }
        });
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn whatever_the_makefile_holds_the_ottofile_can_be_read(text in makefile()) {
        loaded(&converted(&text).0);
    }

    #[test]
    fn any_text_at_all_is_converted(text in "\\PC*|(?s).{0,200}") {
        loaded(&converted(&text).0);
    }
}

#[test]
fn a_nul_byte_ends_its_line_as_it_does_for_make() {
    let (text, left_out) = converted("a:\n\techo one\0two\n\techo three\n");
    assert!(text.contains("echo one\n      echo three\n"), "{text}");
    assert_eq!(left_out, ["line 2: a NUL byte and what stands behind it"]);
    loaded(&text);
}
