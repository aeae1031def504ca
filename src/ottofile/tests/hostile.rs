//! Files made to break a reader: each is read or refused in short time, and never panics.

use super::{check, sound};
use insta::assert_snapshot;

/// Whatever a file says, there is an answer, and every place in it is in the file.
fn survives(text: &str) {
    super::properties::holds(text);
}

#[test]
fn aliases_of_aliases_reach_a_limit() {
    let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (from, to) in "abcdefgh".chars().zip("bcdefghi".chars()) {
        let many = vec![format!("*{from}"); 9].join(", ");
        bomb += &format!("{to}: &{to} [{many}]\n");
    }
    assert_snapshot!(check(&bomb), @"
    error[E0102]: the aliases of this file expand to too many values
      ╭▸ otto.yml:6:32
    6 │ f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]
      ╰╴                               ━━ the limit is reached here
    ");
    let long = "x".repeat(1 << 20);
    survives(&format!("a: &a \"{long}\"\nenvs: [{}]\n", vec!["*a"; 100].join(",")));
}

#[test]
fn merges_of_merges_reach_a_limit() {
    let keys: Vec<String> = (0..1000).map(|number| format!("k{number}: 1")).collect();
    let mut bomb = format!("a: &a {{{}}}\n", keys.join(", "));
    for number in 0..1000 {
        bomb += &format!("m{number}: {{<<: *a}}\n");
    }
    assert_snapshot!(check(&bomb).lines().next().unwrap_or_default(), @"error[E0102]: the aliases of this file expand to too many values");
}

#[test]
fn levels_reach_a_limit_however_they_are_written() {
    let nested =
        |open: &str, close: &str, levels: usize| format!("{}x{}", open.repeat(levels), close.repeat(levels));
    assert_snapshot!(check(&nested("[", "]", 100_000)), @"
    error[E0102]: the file is nested deeper than 100 levels
      ╭▸ otto.yml:1:101
    1 │ …[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[…
      ╰╴                                      ━ one level too many
    ");
    survives(&nested("{a: ", "}", 100_000));
    survives(&nested("- ", "", 100_000));
    survives(&(0..300).map(|level| format!("{}a:\n", " ".repeat(level))).collect::<String>());
    // Deep, but not too deep; the levels of an alias count where it stands.
    survives(&nested("[", "]", 99));
    let deep = nested("[", "]", 60);
    assert_snapshot!(check(&format!("a: &a {deep}\nb: {}\n", deep.replace('x', "*a"))), @"
    error[E0102]: the file is nested deeper than 100 levels
      ╭▸ otto.yml:2:64
    2 │ b: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[*a]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]…
      ╰╴                                                               ━━ one level too many
    ");
    survives(
        &(0..3000)
            .map(|number| format!("a{number}: &a{number} [*a{}]\n", number - 1))
            .collect::<String>()
            .replace("*a-1", "x"),
    );
}

#[test]
fn aliases_that_make_no_sense_are_told() {
    assert_snapshot!(check("tasks: &t {a: *t}\n"), @"
    error[E0101]: an alias is inside the value it refers to
      ╭▸ otto.yml:1:15
    1 │ tasks: &t {a: *t}
      ╰╴              ━━ this would never end
    ");
    assert_snapshot!(check("tasks: {a: {<<: [x, {help: y}]}}\n"), @"
    error[E0103]: `<<` can only merge maps
      ╭▸ otto.yml:1:18
    1 │ tasks: {a: {<<: [x, {help: y}]}}
      ╰╴                 ━ not a map
    help: write `<<: *NAME`, where NAME is the anchor of a map
    ");
    assert_snapshot!(check("tasks: {a: {<<: *x}}\n"), @r#"
    error[E0101]: unknown alias `*x`
      ╭▸ otto.yml:1:17
    1 │ tasks: {a: {<<: *x}}
      ╰╴                ━━ no `&x` before this line
    help: quote it if the `*` is part of a string: `"*x"`
    "#);
    // The latest anchor of a name counts; a name may be used again.
    let ottofile = sound("tasks: {a: {help: &h one}, b: {help: &h two}, c: {help: *h}}\n");
    assert_eq!(ottofile.tasks[2].help.as_deref(), Some("two"));
}

#[test]
fn long_things_are_read_or_refused_at_once() {
    let long = "x".repeat(10 << 20);
    let body = sound(&format!("tasks: {{a: {{bash: '{long}'}}}}")).tasks.remove(0).body;
    assert_eq!(body.map(|body| body.text.len()), Some(10 << 20));
    assert_snapshot!(check(&"x".repeat((16 << 20) + 1)), @"error[E0102]: the file has 16777217 bytes; ottofiles can have at most 16777216");
    // What is shown of a line of ten million characters is what it is about.
    let long = "x".repeat(5 << 20);
    assert_snapshot!(check(&format!("tasks: {{a: {{help: '{long}', bsh: 1, bash: '{long}'}}}}")), @"
    error[E0104]: unknown key `bsh` in task `a`
      ╭▸ otto.yml:1:5242903
    1 │ …xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', bsh: 1, bash: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
      ╰╴                                        ━━━ unknown key
    help: did you mean `bash`?
    ");
}

#[test]
fn many_mistakes_are_counted_rather_than_told() {
    let many: String = (0..500).map(|number| format!("  t{number}: {{bsh: x}}\n")).collect();
    let told = check(&format!("tasks:\n{many}"));
    assert_eq!(told.matches("error[E0104]").count(), 100);
    let counted: Vec<&str> = told.lines().filter(|line| line.contains("more errors")).collect();
    assert_snapshot!(counted.join("\n"), @"  = note: 400 more errors are not shown");
    survives(&"a: 1\n".repeat(5000));
    survives(&format!("tasks: [{}]", "!!str x,".repeat(5000)));
}

#[test]
fn lookups_of_many_items_take_no_longer_than_reading_them() {
    let items: Vec<String> = (0..20_000).map(|number| format!("c{number}")).collect();
    let edges: Vec<String> = items.iter().map(|item| format!("\"a:{item}\"")).collect();
    sound(&format!(
        "tasks: {{a: {{foreach: {{items: [{}]}}}}, b: {{before: [{}]}}}}",
        items.join(","),
        edges.join(",")
    ));
    survives(&format!("tasks: {{a: {{before: [\"{}\"]}}}}", "a:".repeat(100_000)));
    survives(&format!("tasks: {{a: {{before: [\"{}\"]}}, {}: {{}}}}", "z".repeat(100_000), "z".repeat(250)));
}

/// YAML takes a carriage return alone for the end of a line; whoever counts lines does not.
#[test]
fn a_line_that_a_lone_carriage_return_ends_has_no_number() {
    let lines = |text: &str| sound(text).tasks[0].body.as_ref().map(|body| body.has_true_lines);
    assert_eq!(lines("tasks:\n  a:\n    bash: |\n      x\n      y\r  b: {}\n"), Some(false));
    assert_eq!(lines("tasks:\n  a:\n    bash: |\n      x\r      y\n  b: {}\n"), Some(false));
    assert_eq!(lines("tasks:\n  a:\n    bash: |\n      x\n      y\r\n  b: {}\n"), Some(true));
}

#[test]
fn line_breaks_and_marks_of_all_kinds_are_read() {
    assert_eq!(
        sound("\u{feff}tasks:\r\n  a:\r\n    bash: |\r\n      x\r\n      y\r\n").tasks[0]
            .body
            .as_ref()
            .map(|b| b.text.as_str()),
        Some("x\ny\n")
    );
    // Only LF and CR break lines; the others are characters of the text.
    let body = sound("tasks: {a: {bash: \"x\u{2028}y\u{85}z\"}}").tasks.remove(0).body;
    assert_eq!(body.map(|body| body.text), Some("x\u{2028}y\u{85}z".to_owned()));
    for text in [
        "\r",
        "\r\r\r",
        "\u{feff}\u{feff}",
        "a: \u{feff}b",
        "\u{2028}",
        "\t",
        "\t\n",
        "%",
        "%YAML 1.2\n---\ntasks: {}\n",
        "%YAML 3.0\n---\n",
        "...",
        "---",
        "--- |\n",
        "? ",
        ": ",
        "- ",
        "&",
        "*",
        "!",
        "|",
        ">",
        "'",
        "\"",
        "@",
        "`",
        "<<",
        "<<: ",
        "{<<: }",
        "[<<]",
        "!!",
        "&a",
        "&a &b c",
        "*a : b",
        "? [a]\n: b",
        "é:\n  a: 1\n b: 2",
        "é: [\n- b",
    ] {
        survives(text);
    }
}

#[test]
fn what_a_terminal_would_obey_is_shown_as_a_picture() {
    assert_snapshot!(check("tasks:\n  \"a\\e[2J\": {}\n  b: {\"\\e]0;x\\a\": 1, \"\u{202e}\": 2, help: [\"\u{9b}1m\"]}\n"), @r#"
    error[E0107]: the task name `a␛[2J` contains a control character
      ╭▸ otto.yml:2:3
    2 │   "a\e[2J": {}
      ╰╴  ━━━━━━━━ choose another name
    error[E0101]: the character `\u{9b}` is not allowed in an ottofile
      ╭▸ otto.yml:3:38
    3 │   b: {"\e]0;x\a": 1, "�": 2, help: ["�1m"]}
      ╰╴                                     ━ in this string
    help: in double quotes, write it as `\x9b`
    "#);
}
