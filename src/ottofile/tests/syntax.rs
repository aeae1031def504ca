//! What otto says of texts that are not YAML: mostly scripts and sentences that needed quotes.

use super::check;
use insta::assert_snapshot;

#[test]
fn scripts_that_look_like_something_else() {
    assert_snapshot!(check(r"tasks:
  a:
    bash: [ -f x ] && echo
"), @"
    error[E0101]: text where the value has already ended
      ╭▸ otto.yml:3:20
    3 │     bash: [ -f x ] && echo
      ╰╴                   ━━ the value ends before this
    help: quote the whole text, or write it as a block: `key: |` and the text on the next line
    ");
    assert_snapshot!(check(r#"tasks:
  a:
    bash: "a" && b
"#), @r#"
    error[E0101]: text where the value has already ended
      ╭▸ otto.yml:3:15
    3 │     bash: "a" && b
      ╰╴              ━━ the value ends before this
    help: quote the whole text, or write it as a block: `key: |` and the text on the next line
    "#);
    assert_snapshot!(check(r"tasks:
  a:
    bash: 'it's'
"), @"
    error[E0101]: text where the value has already ended
      ╭▸ otto.yml:3:15
    3 │     bash: 'it's'
      ╰╴              ━━ the value ends before this
    help: a `'` within single quotes is written `''`; or put double quotes around the whole text
    ");
    assert_snapshot!(check(r#"otto:
  envs:
    TAG: "$(git describe || echo "none")"
"#), @r#"
    error[E0101]: text where the value has already ended
      ╭▸ otto.yml:3:35
    3 │     TAG: "$(git describe || echo "none")"
      ╰╴                                  ━━━━━━━ the value ends before this
    help: a `"` within double quotes is written `\"`; or put single quotes around the whole text
    "#);
    assert_snapshot!(check(r#"tasks:
  a:
    bash: echo "a: b"
"#), @r#"
    error[E0101]: a `:` where no key can stand
      ╭▸ otto.yml:3:18
    3 │     bash: echo "a: b"
      ╰╴                 ━ this makes the text before it a key
    help: quote the whole text, or write it as a block: `key: |` and the text on the next line
    "#);
    assert_snapshot!(check(r"tasks:
  a:
    bash: | echo
"), @"
    error[E0101]: text after `|` or `>`
      ╭▸ otto.yml:3:11
    3 │     bash: | echo
      ╰╴          ━ a block begins on the next line
    help: after `|` or `>` only `-`, `+`, a digit from 1 to 9 and a comment may follow
    ");
    assert_snapshot!(check(r"tasks:
  a:
    bash:
      echo a
      echo b: c
"), @"
    error[E0101]: a `:` where no key can stand
      ╭▸ otto.yml:5:13
    5 │       echo b: c
      ╰╴            ━ this makes the text before it a key
    help: quote the whole text, or write it as a block: `key: |` and the text on the next line
    ");
    assert_snapshot!(check(r"tasks:
  a:
    bash: @make
"), @"
    error[E0101]: no plain text begins with `@`
      ╭▸ otto.yml:3:11
    3 │     bash: @make
      ╰╴          ━ a plain text cannot begin so
    help: quote the text
    ");
}

#[test]
fn texts_that_look_like_something_else() {
    assert_snapshot!(check(r"tasks:
  a:
    help: *bold* text
"), @r#"
    error[E0101]: the alias `*bold*` repeats nothing
      ╭▸ otto.yml:3:11
    3 │     help: *bold* text
      ╰╴          ━━━━━━ no `&bold*` stands before this line
    help: quote it if the star is meant as text: `"*bold*"`
    "#);
    assert_snapshot!(check(r"otto:
  tasks: [*]
"), @r#"
    error[E0101]: `*` begins an alias, and no name follows
      ╭▸ otto.yml:2:11
    2 │   tasks: [*]
      ╰╴          ━ a name must follow
    help: quote it if it is meant as text: `"*"`
    "#);
    assert_snapshot!(check(r"tasks:
  a:
    help: %d percent
"), @"
    error[E0101]: no plain text begins with `%`
      ╭▸ otto.yml:3:11
    3 │     help: %d percent
      ╰╴          ━ a plain text cannot begin so
    help: quote the text
    ");
    assert_snapshot!(check(r"tasks:
  a:
    help: ? y
"), @"
    error[E0101]: a `?` where no key can stand
      ╭▸ otto.yml:3:11
    3 │     help: ? y
      ╰╴          ━ this begins a key
    help: quote the text if the `?` is part of it
    ");
    assert_snapshot!(check("tasks:\n  a:\n    help: \"tab\\q\"\n"), @r#"
    error[E0101]: an escape that YAML does not know, in double quotes
      ╭▸ otto.yml:3:15
    3 │     help: "tab\q"
      ╰╴              ━━ this one
    help: double the backslash, or use single quotes: they keep backslashes as they are
    "#);
    assert_snapshot!(check("tasks:\n  a:\n    help: \"\\xzz\"\n"), @r#"
    error[E0101]: an escape that names no character, in double quotes
      ╭▸ otto.yml:3:11
    3 │     help: "\xzz"
      ╰╴          ━ in this text
    help: write `\x41`, `\u0041` or `\U00000041`, or use single quotes
    "#);
    assert_snapshot!(check(r"tasks:
  a:
    help: - b
"), @"
    error[E0101]: a `- ` entry where no list can begin
      ╭▸ otto.yml:3:11
    3 │     help: - b
      ╰╴          ━ not here
    help: begin the list on a line of its own, or write it as `[a, b]`
    ");
    assert_snapshot!(check(r"tasks:
  a:
    help: a]
    after: ]
"), @"
    error[E0101]: `]` closes nothing
      ╭▸ otto.yml:4:12
    4 │     after: ]
      ╰╴           ━ nothing is open here
    help: quote the text if the bracket is part of it
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
    error[E0101]: a text in `"` is never closed
      ╭▸ otto.yml:3:11
    3 │     bash: "unclosed
      ╰╴          ━ opened here
    help: close it with `"`, or write a longer text as a block: `key: |`
    "#);
    assert_snapshot!(check(r"tasks:
  a:
    before: [b, c
    bash: x
"), @"
    error[E0101]: `[` is not closed where the next key begins
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
    error[E0101]: `[` is closed by `}`
      ╭▸ otto.yml:3:13
    3 │     before: [b, c}
      ╰╴            ━ opened here
    ");
    assert_snapshot!(check(r"tasks:
  a: {bash: x
  b: {bash: y}
"), @"
    error[E0101]: the entries of a `{ }` map are not separated
      ╭▸ otto.yml:3:4
    2 │   a: {bash: x
      │      ─ not closed yet
    3 │   b: {bash: y}
      ╰╴   ━ expected `,` or `}` before this
    help: quote a text that has `{`, `}`, `[`, `]`, `,` or `: ` in it
    ");
}

#[test]
fn lines_in_wrong_columns() {
    assert_snapshot!(check(r"tasks:
  a:
    help: x
     bash: y
"), @"
    error[E0101]: a `:` where no key can stand
      ╭▸ otto.yml:4:6
    3 │     help: x
      │     ─────── the value of this line goes on in the next one
    4 │      bash: y
      ╰╴     ━━━━ this cannot be a key
    help: give both lines the same indentation
    ");
    assert_snapshot!(check(r"tasks:
  a:
    help: x
   bash: y
"), @"
    error[E0101]: a line that is not indented like its neighbours
      ╭▸ otto.yml:4:4
    2 │   a:
      │   ─ the keys of this map start in column 3
    3 │     help: x
    4 │    bash: y
      ╰╴   ━━━━━ no key is expected in this column
    help: give it the indentation of the lines that it belongs to
    ");
    assert_snapshot!(check(r"tasks:
  a
    bash: x
"), @"
    error[E0101]: a `:` where no key can stand
      ╭▸ otto.yml:3:5
    2 │   a
      │   ─ no `:` ends this line
    3 │     bash: x
      ╰╴    ━━━━ this cannot be a key
    help: write a `:` behind the key above
    ");
    assert_snapshot!(check(r"tasks:
  a:
    bash: |
   echo
"), @"
    error[E0101]: a block without text
      ╭▸ otto.yml:4:4
    3 │     bash: |
      │     ─────── the block begins here
    4 │    echo
      ╰╴   ━━━━ not deep enough to belong to the block
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
    error[E0101]: a list goes on with something that is no `- ` entry
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
    error[E0101]: a `:` where no key can stand
      ╭▸ otto.yml:4:5
    3 │     bash
      │     ──── no `:` ends this line
    4 │     help: x
      ╰╴    ━━━━ this cannot be a key
    help: write a `:` behind the key above
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
    error[E0101]: the character `\u{1b}` cannot stand in a file
      ╭▸ otto.yml:3:11
    3 │     bash: x ␛ y
      ╰╴          ━ in this text
    help: in double quotes, write it as `\x1b`
    ");
    assert_snapshot!(check("tasks:\n  a:\n    bash: x\0y\n"), @r"
    error[E0101]: the file contains a NUL character
      ╭▸ otto.yml:3:12
    3 │     bash: x␀y
      ╰╴           ━ here
    help: a script makes one with `printf '\0'`
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
    error[E0101]: a merge conflict is not resolved
      ╭▸ otto.yml:1:1
    1 │ <<<<<<< HEAD
      ╰╴━━━━━━━━━━━━ it begins here
    help: choose one side, and remove the lines with `<<<`, `===` and `>>>`
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
      ╰╴    ━━━ otto does not know this key
    help: did you mean `bash`?
    error[E0101]: a text in `"` is never closed
      ╭▸ otto.yml:5:11
    5 │     bash: "unclosed
      ╰╴          ━ opened here
    help: close it with `"`, or write a longer text as a block: `key: |`
    "#);
}

#[test]
fn the_version_is_told_before_the_mistake() {
    assert_snapshot!(check(r"otto: {api: 2}
tasks:
  a: [
"), @"
    error[E0108]: this ottofile is written for version `2` of otto's form
      ╭▸ otto.yml:1:13
    1 │ otto: {api: 2}
      ╰╴            ━ this otto reads version `1`
    help: a newer otto may read it; otherwise write `api: 1`
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
      ╰╴━ otto does not know this key
      = note: the keys here are `otto` and `tasks`
    error[E0101]: the alias `*default` repeats nothing
      ╭▸ otto.yml:2:12
    2 │ tasks: {a: *default, b: *x}
      ╰╴           ━━━━━━━━ no `&default` stands before this line
    help: did you mean `*defaults`?
    error[E0101]: the alias `*x` repeats nothing
      ╭▸ otto.yml:2:25
    2 │ tasks: {a: *default, b: *x}
      ╰╴                        ━━ no `&x` stands before this line
    help: quote it if the star is meant as text: `"*x"`
    "#);
    assert_snapshot!(check(r"a: &a [*a]
"), @"
    error[E0104]: unknown key `a`
      ╭▸ otto.yml:1:1
    1 │ a: &a [*a]
      ╰╴━ otto does not know this key
      = note: the keys here are `otto` and `tasks`
    error[E0101]: an alias stands inside the value that it repeats
      ╭▸ otto.yml:1:8
    1 │ a: &a [*a]
      ╰╴       ━━ this would repeat itself without end
    ");
}

#[test]
fn blocks_do_not_stand_in_braces() {
    assert_snapshot!(check("tasks: {a: {bash: |\n  echo\n}}"), @"
    error[E0101]: a block of lines (`|`) cannot stand within `{ }` or `[ ]`
      ╭▸ otto.yml:1:19
    1 │ tasks: {a: {bash: |
      ╰╴                  ━ no block here
    help: quote the text if it begins so, or write the keys on lines of their own, without `{ }`
    ");
    assert_snapshot!(check("tasks: {a: {bash: OUTPUT[c]=1}}"), @"
    error[E0101]: the entries of a `{ }` map are not separated
      ╭▸ otto.yml:1:25
    1 │ tasks: {a: {bash: OUTPUT[c]=1}}
      │            ┬            ━━ expected `,` or `}` before this
      │            │
      ╰╴           not closed yet
    help: quote a text that has `{`, `}`, `[`, `]`, `,` or `: ` in it
    ");
}
