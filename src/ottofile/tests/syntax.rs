//! What otto says of texts that are not YAML: mostly scripts and sentences that needed quotes.

use super::check;
use insta::assert_snapshot;

#[test]
fn scripts_that_look_like_something_else() {
    assert_snapshot!(check(r"tasks:
  a:
    bash: [ -f x ] && echo
"), @"
    error[E0101]: text after the end of the value
      ╭▸ otto.yml:3:20
    3 │     bash: [ -f x ] && echo
      ╰╴                   ━━ the value ends before this
    help: quote the whole string, or write it as a block: `key: |` with the text on the next lines
    ");
    assert_snapshot!(check(r#"tasks:
  a:
    bash: "a" && b
"#), @r#"
    error[E0101]: text after the end of the value
      ╭▸ otto.yml:3:15
    3 │     bash: "a" && b
      ╰╴              ━━ the value ends before this
    help: quote the whole string, or write it as a block: `key: |` with the text on the next lines
    "#);
    assert_snapshot!(check(r"tasks:
  a:
    bash: 'it's'
"), @"
    error[E0101]: text after the end of the value
      ╭▸ otto.yml:3:15
    3 │     bash: 'it's'
      ╰╴              ━━ the value ends before this
    help: inside single quotes, write `''` for `'`; or use double quotes around the whole string
    ");
    assert_snapshot!(check(r#"otto:
  envs:
    TAG: "$(git describe || echo "none")"
"#), @r#"
    error[E0101]: text after the end of the value
      ╭▸ otto.yml:3:35
    3 │     TAG: "$(git describe || echo "none")"
      ╰╴                                  ━━━━━━━ the value ends before this
    help: inside double quotes, write `\"` for `"`; or use single quotes around the whole string
    "#);
    assert_snapshot!(check(r#"tasks:
  a:
    bash: echo "a: b"
"#), @r#"
    error[E0101]: a `:` where no key is allowed
      ╭▸ otto.yml:3:18
    3 │     bash: echo "a: b"
      ╰╴                 ━ this makes the text before it a key
    help: quote the whole string, or write it as a block: `key: |` with the text on the next lines
    "#);
    assert_snapshot!(check(r"tasks:
  a:
    bash: | echo
"), @"
    error[E0101]: text after `|` or `>`
      ╭▸ otto.yml:3:11
    3 │     bash: | echo
      ╰╴          ━ a block starts on the next line
    help: only `-`, `+`, a digit from 1 to 9 and a comment can follow `|` or `>`
    ");
    assert_snapshot!(check(r"tasks:
  a:
    bash:
      echo a
      echo b: c
"), @"
    error[E0101]: a `:` where no key is allowed
      ╭▸ otto.yml:5:13
    5 │       echo b: c
      ╰╴            ━ this makes the text before it a key
    help: quote the whole string, or write it as a block: `key: |` with the text on the next lines
    ");
    assert_snapshot!(check(r"tasks:
  a:
    bash: @make
"), @"
    error[E0101]: quote values that start with `@`
      ╭▸ otto.yml:3:11
    3 │     bash: @make
      ╰╴          ━ needs quotes
    help: put quotes around the value
    ");
}

#[test]
fn texts_that_look_like_something_else() {
    assert_snapshot!(check(r"tasks:
  a:
    help: *bold* text
"), @r#"
    error[E0101]: unknown alias `*bold*`
      ╭▸ otto.yml:3:11
    3 │     help: *bold* text
      ╰╴          ━━━━━━ no `&bold*` before this line
    help: quote it if the `*` is part of a string: `"*bold*"`
    "#);
    assert_snapshot!(check(r"otto:
  tasks: [*]
"), @r#"
    error[E0101]: `*` starts an alias, but no name follows
      ╭▸ otto.yml:2:11
    2 │   tasks: [*]
      ╰╴          ━ a name must follow
    help: quote it to make it a string: `"*"`
    "#);
    assert_snapshot!(check(r"tasks:
  a:
    help: %d percent
"), @"
    error[E0101]: quote values that start with `%`
      ╭▸ otto.yml:3:11
    3 │     help: %d percent
      ╰╴          ━ needs quotes
    help: put quotes around the value
    ");
    assert_snapshot!(check(r"tasks:
  a:
    help: ? y
"), @"
    error[E0101]: a `?` where no key is allowed
      ╭▸ otto.yml:3:11
    3 │     help: ? y
      ╰╴          ━ this starts a key
    help: quote the string if the `?` is part of it
    ");
    assert_snapshot!(check("tasks:\n  a:\n    help: \"tab\\q\"\n"), @r#"
    error[E0101]: unknown escape in double quotes
      ╭▸ otto.yml:3:15
    3 │     help: "tab\q"
      ╰╴              ━━ this one
    help: double the backslash, or use single quotes, which keep backslashes
    "#);
    assert_snapshot!(check("tasks:\n  a:\n    help: \"\\xzz\"\n"), @r#"
    error[E0101]: invalid escape in double quotes
      ╭▸ otto.yml:3:11
    3 │     help: "\xzz"
      ╰╴          ━ in this string
    help: write `\x41`, `\u0041` or `\U00000041`, or use single quotes
    "#);
    assert_snapshot!(check(r"tasks:
  a:
    help: - b
"), @"
    error[E0101]: a `- ` entry where no list can start
      ╭▸ otto.yml:3:11
    3 │     help: - b
      ╰╴          ━ not here
    help: start the list on its own line, or write it as `[a, b]`
    ");
    assert_snapshot!(check(r"tasks:
  a:
    help: a]
    after: ]
"), @"
    error[E0101]: `]` without an opening bracket
      ╭▸ otto.yml:4:12
    4 │     after: ]
      ╰╴           ━ nothing to close here
    help: quote the string if the bracket is part of it
    ");
}

#[test]
fn what_is_opened_must_be_closed() {
    assert_snapshot!(check(r#"tasks:
  a:
    bash: "unclosed
  b:
    bash: x
"#), @r#"
    error[E0101]: unclosed string in `"`
      ╭▸ otto.yml:3:11
    3 │     bash: "unclosed
      ╰╴          ━ opened here
    help: close it with `"`, or write long strings as a block: `key: |`
    "#);
    assert_snapshot!(check(r"tasks:
  a:
    before: [b, c
    bash: x
"), @"
    error[E0101]: `[` is not closed before the next key
      ╭▸ otto.yml:4:5
    3 │     before: [b, c
      │             ─ opened here
    4 │     bash: x
      ╰╴    ━━━━ the next key
    help: close it at the end of its line
    ");
    assert_snapshot!(check(r"tasks:
  a:
    before: [b, c}
"), @"
    error[E0101]: `[` is closed with `}`
      ╭▸ otto.yml:3:13
    3 │     before: [b, c}
      ╰╴            ━ opened here
    ");
    assert_snapshot!(check(r"tasks:
  a: {bash: x
  b: {bash: y}
"), @"
    error[E0101]: missing comma in a `{ }` map
      ╭▸ otto.yml:3:4
    2 │   a: {bash: x
      │      ─ not closed yet
    3 │   b: {bash: y}
      ╰╴   ━ expected `,` or `}` before this
    help: quote strings that contain `{`, `}`, `[`, `]`, `,` or `: `
    ");
}

#[test]
fn lines_in_wrong_columns() {
    assert_snapshot!(check(r"tasks:
  a:
    help: x
     bash: y
"), @"
    error[E0101]: a `:` where no key is allowed
      ╭▸ otto.yml:4:6
    3 │     help: x
      │     ─────── the value of this line continues on the next one
    4 │      bash: y
      ╰╴     ━━━━ this cannot be a key
    help: give both lines the same indentation
    ");
    assert_snapshot!(check(r"tasks:
  a:
    help: x
   bash: y
"), @"
    error[E0101]: a line whose indentation does not match its neighbours
      ╭▸ otto.yml:4:4
    2 │   a:
      │   ─ the keys of this map start in column 3
    3 │     help: x
    4 │    bash: y
      ╰╴   ━━━━━ no key can start in this column
    help: indent it like the lines it belongs to
    ");
    assert_snapshot!(check(r"tasks:
  a
    bash: x
"), @"
    error[E0101]: a `:` where no key is allowed
      ╭▸ otto.yml:3:5
    2 │   a
      │   ─ no `:` ends this line
    3 │     bash: x
      ╰╴    ━━━━ this cannot be a key
    help: write a `:` after the key above
    ");
    assert_snapshot!(check(r"tasks:
  a:
    bash: |
   echo
"), @"
    error[E0101]: a block without text
      ╭▸ otto.yml:4:4
    3 │     bash: |
      │     ─────── the block starts here
    4 │    echo
      ╰╴   ━━━━ not indented deep enough for the block
    help: indent the text of a block deeper than its key
    ");
    assert_snapshot!(check(r"tasks:
  a:
    bash: x
  - b
"), @"
    error[E0101]: a `- ` entry among the keys of a map
      ╭▸ otto.yml:4:5
    2 │   a:
      │   ─ the keys of this map start in column 3
    3 │     bash: x
    4 │   - b
      ╰╴    ━ not a key
    help: indent it deeper than the key it belongs to
    ");
    assert_snapshot!(check(r"tasks:
  a:
    before:
      - b
      bash: x
"), @"
    error[E0101]: a list continues with something that is not a `- ` entry
      ╭▸ otto.yml:5:7
    4 │       - b
      │       ─ the entries of this list start in column 7
    5 │       bash: x
      ╰╴      ━━━━━ expected `- `, or less indentation
    ");
    assert_snapshot!(check(r"tasks:
  a:
    bash
    help: x
"), @"
    error[E0101]: a `:` where no key is allowed
      ╭▸ otto.yml:4:5
    3 │     bash
      │     ──── no `:` ends this line
    4 │     help: x
      ╰╴    ━━━━ this cannot be a key
    help: write a `:` after the key above
    ");
}

#[test]
fn tabs_have_their_own_message() {
    assert_snapshot!(check("tasks:\n\ta:\n"), @"
    error[E0101]: a tab in the indentation
      ╭▸ otto.yml:2:1
    2 │     a:
      ╰╴━━━━ this is a tab
    help: YAML indents with spaces only: replace each tab with two spaces
    ");
    assert_snapshot!(check("tasks:\n  a:\n    bash: |\n\techo\n"), @"
    error[E0101]: a tab in the indentation
      ╭▸ otto.yml:4:1
    4 │     echo
      ╰╴━━━━ this is a tab
    help: YAML indents with spaces only: replace each tab with two spaces
    ");
    assert_snapshot!(check("tasks:\n  a:\n    help: x\n  \tbash: y\n"), @"
    error[E0101]: a tab in the indentation
      ╭▸ otto.yml:4:3
    4 │       bash: y
      ╰╴  ━━━━ this is a tab
    help: YAML indents with spaces only: replace each tab with two spaces
    ");
}

#[test]
fn characters_that_no_file_should_have() {
    assert_snapshot!(check("tasks:\n  a:\n    bash: x \u{1b} y\n"), @r"
    error[E0101]: the character `\u{1b}` is not allowed in an ottofile
      ╭▸ otto.yml:3:11
    3 │     bash: x ␛ y
      ╰╴          ━ in this string
    help: in double quotes, write it as `\x1b`
    ");
    assert_snapshot!(check("tasks:\n  a:\n    bash: x\0y\n"), @r"
    error[E0101]: the file contains a NUL character
      ╭▸ otto.yml:3:12
    3 │     bash: x␀y
      ╰╴           ━ here
    help: scripts can print one with `printf '\0'`
    ");
}

#[test]
fn a_merge_conflict_is_recognised() {
    assert_snapshot!(check(r"<<<<<<< HEAD
tasks:
  a:
    bash: x
=======
"), @"
    error[E0101]: unresolved merge conflict
      ╭▸ otto.yml:1:1
    1 │ <<<<<<< HEAD
      ╰╴━━━━━━━━━━━━ it starts here
    help: keep one side and remove the lines with `<<<`, `===` and `>>>`
    ");
}

#[test]
fn what_was_complete_before_the_mistake_is_checked_too() {
    assert_snapshot!(check(r#"tasks:
  a:
    bsh: x
  b:
    bash: "unclosed
"#), @r#"
    error[E0104]: unknown key `bsh` in task `a`
      ╭▸ otto.yml:3:5
    3 │     bsh: x
      ╰╴    ━━━ unknown key
    help: did you mean `bash`?
    error[E0101]: unclosed string in `"`
      ╭▸ otto.yml:5:11
    5 │     bash: "unclosed
      ╰╴          ━ opened here
    help: close it with `"`, or write long strings as a block: `key: |`
    "#);
}

#[test]
fn the_version_is_told_before_the_mistake() {
    assert_snapshot!(check(r"otto: {api: 2}
tasks:
  a: [
"), @"
    error[E0108]: this ottofile uses format version `2`
      ╭▸ otto.yml:1:13
    1 │ otto: {api: 2}
      ╰╴            ━ this otto reads only version `1`
    help: use a newer otto, or write `api: 1`
    ");
}

#[test]
fn aliases_need_their_anchor() {
    assert_snapshot!(check(r"a: &defaults {}
tasks: {a: *default, b: *x}
"), @r#"
    error[E0104]: unknown key `a`
      ╭▸ otto.yml:1:1
    1 │ a: &defaults {}
      ╰╴━ unknown key
      = note: valid keys are `otto` and `tasks`
    error[E0101]: unknown alias `*default`
      ╭▸ otto.yml:2:12
    2 │ tasks: {a: *default, b: *x}
      ╰╴           ━━━━━━━━ no `&default` before this line
    help: did you mean `*defaults`?
    error[E0101]: unknown alias `*x`
      ╭▸ otto.yml:2:25
    2 │ tasks: {a: *default, b: *x}
      ╰╴                        ━━ no `&x` before this line
    help: quote it if the `*` is part of a string: `"*x"`
    "#);
    assert_snapshot!(check(r"a: &a [*a]
"), @"
    error[E0104]: unknown key `a`
      ╭▸ otto.yml:1:1
    1 │ a: &a [*a]
      ╰╴━ unknown key
      = note: valid keys are `otto` and `tasks`
    error[E0101]: an alias is inside the value it refers to
      ╭▸ otto.yml:1:8
    1 │ a: &a [*a]
      ╰╴       ━━ this would never end
    ");
}

#[test]
fn blocks_do_not_stand_in_braces() {
    assert_snapshot!(check("tasks: {a: {bash: |\n  echo\n}}"), @"
    error[E0101]: a block (`|`) is not allowed inside `{ }` or `[ ]`
      ╭▸ otto.yml:1:19
    1 │ tasks: {a: {bash: |
      ╰╴                  ━ no block allowed here
    help: quote the string if it starts with this character, or write the keys on their own lines, without `{ }`
    ");
    assert_snapshot!(check("tasks: {a: {bash: OUTPUT[c]=1}}"), @"
    error[E0101]: missing comma in a `{ }` map
      ╭▸ otto.yml:1:25
    1 │ tasks: {a: {bash: OUTPUT[c]=1}}
      │            ┬            ━━ expected `,` or `}` before this
      │            │
      ╰╴           not closed yet
    help: quote strings that contain `{`, `}`, `[`, `]`, `,` or `: `
    ");
}
