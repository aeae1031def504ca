//! Ottofiles that nobody would write: each is refused with exit code 2, soon, and without a panic.

use crate::Project;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(5);

#[track_caller]
fn refused(ottofile: &[u8]) {
    let project = Project::empty("project");
    std::fs::write(project.path("otto.yml"), ottofile).expect("written");
    let begun = Instant::now();
    let ran = project.run("t");
    let shown = String::from_utf8_lossy(&ottofile[..ottofile.len().min(60)]);
    assert!(begun.elapsed() < PATIENCE, "{shown}: {:?}", begun.elapsed());
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{shown}: {}", ran.all());
    assert!(!ran.stderr.contains("panic"), "{shown}: {}", ran.stderr);
    // A screen, not a flood.
    assert!(ran.stderr.len() < 100_000, "{shown}: {} bytes of errors", ran.stderr.len());
}

#[test]
fn text_that_is_no_yaml() {
    for text in [
        "tasks: {t: {bash: [1, 2\n",
        "tasks:\n\tt:\n",
        "\"",
        "'",
        "{",
        "[",
        "}",
        "- - -\n- x: [",
        "a: b: c",
        "&",
        "*",
        "!",
        "%",
        "@",
        "`",
        "%YAML 9.9\n---\nx",
        "tasks: *nowhere",
        "tasks: &a {t: *a}",
        "? [a]\n: b",
        "--- a\n--- b",
        "tasks: !!python/object x",
        "\u{feff}{",
        "tasks: {t: {bash: \"\\xZZ\"}}",
        "tasks: |\n  t",
        "tasks: {<<: {t: {bash: x}}}}",
    ] {
        refused(text.as_bytes());
    }
}

#[test]
fn yaml_that_is_no_ottofile() {
    for text in [
        "",
        "~",
        "x",
        "1",
        "[]",
        "- tasks",
        "tasks: []",
        "tasks: x",
        "tasks: {t: x}",
        "tasks: {t: [x]}",
        "tasks: {t: 1}",
        "tasks: {t: {bash: [x]}}",
        "tasks: {t: {bash: {a: b}}}",
        "tasks: {[a]: {bash: x}}",
        "tasks: {{a: b}: {bash: x}}",
        "tasks: {'': {bash: x}}",
        "tasks: {t: {bash: x}, t: {bash: y}}",
        "tasks: {t: {bash: x, bash: y}}",
        "tasks: {t: {bash: x, python: y}}",
        "tasks: {'a:b': {bash: x}}",
        "tasks: {'-t': {bash: x}}",
        "tasks: {\"a\\nb\": {bash: x}}",
        "tasks: {\"\\0\": {bash: x}}",
        "otto: {api: 2}\ntasks: {t: {bash: x}}",
        "otto: {api: 99999999999999999999}\ntasks: {t: {bash: x}}",
        "otto: {jobs: 0}\ntasks: {t: {bash: x}}",
        "otto: {jobs: -1}\ntasks: {t: {bash: x}}",
        "otto: {jobs: 1e9}\ntasks: {t: {bash: x}}",
        "otto: 7\ntasks: {t: {bash: x}}",
        "envs: {A: 1}\ntasks: {t: {bash: x}}",
        "tasks: {t: {bash: x, timeout: -1s}}",
        "tasks: {t: {bash: x, timeout: 99999999999999999999h}}",
        "tasks: {t: {bash: x, retries: -1}}",
        "tasks: {t: {bash: x, retries: {count: 1, delay: x}}}",
        "tasks: {t: {bash: x, dir: [a]}}",
        "tasks: {t: {bash: x, foreach: 1}}",
        "tasks: {t: {bash: x, foreach: {}}}",
        "tasks: {t: {bash: x, params: [a]}}",
        "tasks: {t: {bash: x, params: {-x: {nargs: '3:1'}}}}",
        "tasks: {t: {bash: x, params: {-x: {nargs: 99999999999999999999}}}}",
        "tasks: {t: {bash: x, input: {a: b}}}",
        "tasks: {t: {bash: x, tty: maybe}}",
        "tasks: {t: {before: [t], bash: x}}",
        "tasks: {t: {before: [{task: [a]}], bash: x}}",
    ] {
        refused(text.as_bytes());
    }
}

#[test]
fn bytes_that_are_no_text() {
    refused(b"tasks: {t: {bash: \"\xff\xfe\"}}");
    refused(b"\xff\xfet\0a\0s\0k\0s\0");
    refused(&[0; 1000]);
    refused(b"\x1f\x8b\x08\x00\x00\x00");
}

#[test]
fn text_that_is_too_much() {
    refused("[".repeat(100_000).as_bytes());
    refused("{a: ".repeat(100_000).as_bytes());
    refused("- ".repeat(100_000).as_bytes());
    refused("a:\n ".repeat(10_000).as_bytes());
    refused(format!("tasks: {{t: {{bash: x, before: [{}]}}}}", "nowhere, ".repeat(20_000)).as_bytes());
    // Nine doublings of ten: a billion nodes, if each alias were followed.
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    refused(bomb.as_bytes());
    refused(format!("tasks: {bomb}").replace('\n', "\n  ").as_bytes());
    let envs = |value: &str| format!("otto: {{envs: {{A: '{value}'}}}}\ntasks: {{t: {{bash: x}}}}");
    refused(envs(&format!("{}{}", "${X:-".repeat(100_000), "}".repeat(100_000))).as_bytes());
    refused(envs(&"$(".repeat(100_000)).as_bytes());
    let doubled: String = (0..60).map(|n| format!("V{n}: $V{}$V{}, ", n + 1, n + 1)).collect();
    let doubled = format!("otto: {{envs: {{{doubled}V60: x}}}}\ntasks: {{t: {{bash: echo $V0}}}}");
    let ran = Project::new(&doubled).run("t");
    assert_eq!((ran.status, ran.stdout.as_str()), (125, ""), "{}", ran.all());
    let glob = |pattern: &str| format!("tasks: {{t: {{bash: x, input: ['{pattern}'], output: [y]}}}}");
    refused(glob(&"*".repeat(100_000)).as_bytes());
    refused(glob(&format!("{}b{}", "{a,".repeat(100_000), "}".repeat(100_000))).as_bytes());
    refused(glob(&format!("{}{}", "${X:-".repeat(100_000), "}".repeat(100_000))).as_bytes());
}

#[test]
fn files_that_are_no_files() {
    let project = Project::empty("project");
    project.write("endless.yml", "otto: {dotenv: [/dev/zero]}\ntasks: {t: {bash: x}}");
    for words in [
        "-o /dev/null t",
        "-o /dev/zero t",
        "-o /dev/urandom t",
        "-o endless.yml t",
        "Convert /dev/zero",
        "-o / t",
        "-o /proc/self/mem t",
        "-o . t",
        "-o a\u{1b}[31m t",
    ] {
        let begun = Instant::now();
        let ran = project.run(words);
        assert!(begun.elapsed() < PATIENCE, "otto {words}: {:?}", begun.elapsed());
        assert_eq!(ran.status, 2, "otto {words}: {}", ran.all());
        assert!(!ran.stderr.contains("panic") && !ran.stderr.contains('\x1b'), "otto {words}: {}", ran.all());
    }
}

#[test]
fn names_cannot_drive_the_terminal() {
    let project = Project::new(
        r#"otto: {name: "n\e[31m", about: "a\e[1m"}
tasks:
  "a\e]0;owned\a\e[31m": {help: "h\e[2J\e[31m", group: "g\e[7m", bash: x}
  t: {params: {--p: {help: "\e[31m", metavar: "\e[31m", default: "\e[31m"}}, bash: x}
  f: {foreach: {items: ["\e[31m"]}, bash: x}
"#,
    );
    for words in
        ["List", "--help", "-h", "t --help", "t", "nothing", "Graph", "-n", "-n t f", "--list-subtasks", "f"]
    {
        let ran = project.run(words);
        assert!(!ran.stdout.contains('\x1b') && !ran.stderr.contains('\x1b'), "otto {words}: {}", ran.all());
    }
}

#[test]
fn paths_and_values_cannot_drive_the_terminal() {
    let wild = "x\u{1b}[2J\u{1b}]0;o\u{7}\u{202e}\u{9b}";
    let assert_tame = |variable: (&str, &str), words: &[&str]| {
        let project = Project::empty(wild).with(variable.0, variable.1);
        project.write("otto.yml", "tasks: {t: {params: {--p: {}}, bash: 'OUTPUT[x]=$p; exit 3'}}\n");
        project.write("wild\u{1b}[2J.yml", "tasks: {}\n");
        project.run_words(&["t", "--p", wild]);
        let said = project.run_words(words).all();
        let is_obeyed =
            |c: &char| c.is_control() && !matches!(c, '\n' | '\t') || ('\u{202a}'..='\u{202e}').contains(c);
        assert_eq!(said.chars().find(is_obeyed), None, "{variable:?}, {words:?}:\n{said}");
    };
    let below = ["/dev/null/", wild].concat();
    for (name, value) in
        [("OTTO_HOME", &*below), ("OTTOFILE", wild), ("OTTO_STREAM_LIMIT", wild), ("OTTO_BASH", &below)]
    {
        assert_tame((name, value), &["t"]);
        assert_tame((name, value), &["Show"]);
    }
    assert_tame(("GITHUB_ACTIONS", "true"), &["t", "--p", wild]);
    for words in [
        &["-n", "t", "--p", wild][..],
        &["-n", "--json", "t", "--p", wild],
        &["--json", "t", "--p", wild],
        &["Check", "--json"],
        &["History", "--json"],
        &["Show", "--json"],
        &["Data", "--json"],
        &["Replay", "--json"],
        &["Convert", wild],
        &["-o", "wild\u{1b}[2J.yml"],
        &["-C", wild, "t"],
    ] {
        assert_tame(("A", "b"), words);
    }
}

#[test]
fn odd_ottofiles_that_are_fine() {
    for text in [
        "\u{feff}tasks: {t: {bash: echo ran}}",
        "tasks:\r\n  t:\r\n    bash: echo ran\r\n",
        "---\ntasks: {t: {bash: echo ran}}\n...\n",
        "# nothing before\n\n\n\"tasks\": {\"t\": {\"bash\": \"echo ran\"}}",
        "tasks: {a: &a {bash: echo ran}, t: *a}",
    ] {
        assert_eq!(Project::new(text).run("t").ok(), "ran\n", "{text:?}");
    }
}
