//! Graphs of small ottofiles, whole, in every format.

use super::{Drawing, picture, text};
use crate::command::stage::Stage;
use crate::source::SourceFile;
use insta::assert_snapshot;

const RELEASE: &str = "
tasks:
  publish:
    before: [plan, changelog, {task: notify, when: always}]
    bash: x
  changelog: {before: [plan], bash: x}
  plan: {before: [history], bash: x, on-failure: [diagnose]}
  history: {foreach: {range: 1..3}, bash: x}
  notify: {before: [\"history:2\"], bash: x}
  diagnose: {bash: x}
  all: {before: [publish]}
";

fn drawing(text: &str, names: &[&str]) -> Drawing {
    let source = SourceFile::new("otto.yml", text);
    let (ottofile, _) = crate::ottofile::read(&source).expect("an ottofile");
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Drawing::of(&ottofile, &names).expect("a drawing")
}

#[test]
fn the_tree_shows_what_is_wanted_at_the_left_and_each_task_once() {
    assert_snapshot!(text::tree(&drawing(RELEASE, &[])), @"
    diagnose
    └─ plan (if it fails)
       └─ history [3 items]
    all
    └─ publish
       ├─ plan (above)
       ├─ changelog
       │  └─ plan (above)
       └─ notify (either way)
          └─ history [3 items] only 2
    ");
    assert_snapshot!(text::tree(&drawing(RELEASE, &["changelog"])), @"
    changelog
    └─ plan
       └─ history [3 items]
    diagnose
    └─ plan (if it fails) (above)
    ");
}

#[test]
fn graphviz_gets_names_quoted() {
    assert_snapshot!(picture::dot(&drawing(RELEASE, &["publish"])), @r#"
    digraph otto {
      rankdir=LR;
      node [shape=box, style=rounded];
      "history" [label="history [3 items]"];
      "plan" [label="plan"];
      "changelog" [label="changelog"];
      "notify" [label="notify"];
      "publish" [label="publish"];
      "diagnose" [label="diagnose"];
      "history" -> "plan";
      "plan" -> "changelog";
      "history" -> "notify" [label="2"];
      "plan" -> "publish";
      "changelog" -> "publish";
      "notify" -> "publish" [label="always", style=dotted];
      "plan" -> "diagnose" [label="failure", style=dashed];
    }
    "#);
    let odd = "tasks: {'a\"b\\c': {bash: x}, '<&>': {before: ['a\"b\\c'], bash: x}}";
    assert_snapshot!(picture::dot(&drawing(odd, &[])), @r#"
    digraph otto {
      rankdir=LR;
      node [shape=box, style=rounded];
      "a\"b\\c" [label="a\"b\\c"];
      "<&>" [label="<&>"];
      "a\"b\\c" -> "<&>";
    }
    "#);
}

#[test]
fn mermaid_gets_names_quoted() {
    let odd = "tasks: {'a\"b': {bash: x}, 'end': {after: [{task: 'a\"b', when: failure}], foreach: {items: [1]}, bash: x}}";
    assert_snapshot!(picture::mermaid(&drawing(odd, &[])), @r#"
    flowchart LR
      t0["end [1 item]"]
      t1["a#34;b"]
      t0 -.->|"failure"| t1
    "#);
}

#[test]
fn an_edge_along_which_a_stream_flows_says_so() {
    let tasks = "
tasks:
  lines: {streaming: true, bash: x}
  upper: {streaming: stdout, before: [lines], bash: x}
  late: {streaming: true, before: [{task: lines, when: always}], bash: x}
  report: {before: [upper, lines], bash: x}
";
    let drawing = drawing(tasks, &[]);
    assert_snapshot!(text::tree(&drawing), @"
    late
    └─ lines (either way)
    report
    ├─ upper
    │  └─ lines (its stream)
    └─ lines
    ");
    assert_snapshot!(picture::mermaid(&drawing), @r#"
    flowchart LR
      t0["lines"]
      t1["upper"]
      t2["late"]
      t3["report"]
      t0 -->|"stream"| t1
      t0 -.->|"always"| t2
      t1 --> t3
      t0 --> t3
    "#);
}

#[test]
fn the_picture_has_a_box_for_each_task() {
    let odd = "tasks: {'<b>': {bash: x}, b: {before: ['<b>'], bash: x}, all: {before: [b]}}";
    assert_snapshot!(picture::svg(&drawing(odd, &[])), @r#"
    <svg xmlns="http://www.w3.org/2000/svg" width="272" height="64" viewBox="0 0 272 64">
    <style>
    rect { fill: #f6f8fa; stroke: #57606a; }
    text { font: 13px monospace; fill: #1f2328; }
    path { fill: none; stroke: #57606a; }
    .keys { font-size: 11px; text-anchor: middle; }
    .paper { fill: #ffffff; stroke: none; }
    .group { stroke-dasharray: 4 3; }
    .failure { stroke: #cf222e; stroke-dasharray: 5 3; }
    .always { stroke-dasharray: 2 3; }
    </style>
    <rect class="paper" width="272" height="64"/>
    <path class="success" d="M60 25 C90 25 90 25 120 25"><title>&lt;b&gt; → b</title></path>
    <path class="success" d="M152 25 C182 25 182 25 212 25"><title>b → all</title></path>
    <rect x="12" y="12" width="48" height="26" rx="6"/><text x="24" y="30">&lt;b&gt;</text>
    <rect x="120" y="12" width="32" height="26" rx="6"/><text x="132" y="30">b</text>
    <rect class="group" x="212" y="12" width="48" height="26" rx="6"/><text x="224" y="30">all</text>
    </svg>
    "#);
}

#[test]
fn an_edge_over_several_columns_runs_below_the_tasks_between() {
    let file =
        "tasks: {a: {bash: x}, long-name: {before: [a], bash: x}, c: {before: [long-name, a], bash: x}}";
    let svg = picture::svg(&drawing(file, &[]));
    let lines: Vec<&str> =
        svg.lines().filter(|line| line.starts_with("<path") || line.contains("<text")).collect();
    assert_snapshot!(lines.join("\n"), @r#"
    <path class="success" d="M44 25 C74 25 74 25 104 25"><title>a → long-name</title></path>
    <path class="success" d="M200 25 C230 25 230 25 260 25"><title>long-name → c</title></path>
    <path class="success" d="M44 25 C74 25 74 65 104 65H200 C230 65 230 25 260 25"><title>a → c</title></path>
    <rect x="12" y="12" width="32" height="26" rx="6"/><text x="24" y="30">a</text>
    <rect x="104" y="12" width="96" height="26" rx="6"/><text x="116" y="30">long-name</text>
    <rect x="260" y="12" width="32" height="26" rx="6"/><text x="272" y="30">c</text>
    "#);
}

#[test]
fn a_file_says_by_its_name_what_it_holds() {
    let stage = Stage::new();
    let folder = stage.sandbox.folder();
    std::fs::write(folder.join("otto.yml"), "tasks: {a: {bash: x}}").expect("written");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    assert_eq!(stage.otto("Graph --output g.dot") + &stage.otto("Graph --output g.svg"), "");
    assert!(read("g.dot").starts_with("digraph otto {") && read("g.svg").starts_with("<svg "));
    assert_eq!(stage.otto("Graph --format mermaid --output g.dot"), "");
    assert!(read("g.dot").starts_with("flowchart"));
    assert_snapshot!(stage.otto("Graph --output nowhere/g.dot"), @"
    --- stderr
    error[E0203]: cannot write `/sandbox/shop/nowhere/g.dot`: no such file or directory
    --- exit 2
    ");
}

#[test]
fn nothing_is_drawn_for_no_tasks() {
    let nothing = drawing("otto: {}", &[]);
    assert_eq!(text::tree(&nothing), "");
    assert_eq!(picture::mermaid(&nothing), "flowchart LR\n");
    assert!(picture::svg(&nothing).ends_with("</svg>\n"));
}

#[test]
fn a_chain_of_ten_thousand_is_drawn_without_growing_to_the_right() {
    let mut file = String::from("tasks:\n  t0: {bash: x}\n");
    for place in 1..10_000 {
        file.push_str(&format!("  t{place}: {{before: [t{}], bash: x}}\n", place - 1));
    }
    let tree = text::tree(&drawing(&file, &[]));
    assert!(tree.lines().all(|line| line.chars().count() < 100));
    let names = tree.lines().filter(|line| !line.ends_with("(below)")).count();
    assert_eq!(names, 10_000);
}

#[test]
fn machines_get_tasks_and_needs() {
    assert_snapshot!(drawing("tasks: {a: {bash: x}, b: {before: [a]}}", &[]).json(), @r#"
    {
      "tasks": [
        {
          "foreach": false,
          "group": false,
          "name": "a",
          "needs": [],
          "service": false
        },
        {
          "foreach": false,
          "group": true,
          "name": "b",
          "needs": [
            {
              "item": null,
              "stream": false,
              "task": "a",
              "when": "success"
            }
          ],
          "service": false
        }
      ]
    }
    "#);
}

#[test]
fn unknown_names_and_circles_are_refused() {
    let source = SourceFile::new("otto.yml", "tasks: {a: {before: [b], bash: x}, b: {before: [a], bash: x}}");
    let (ottofile, _) = crate::ottofile::read(&source).expect("an ottofile");
    let codes = |names: &[&str]| -> Vec<String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let refused = Drawing::of(&ottofile, &names).expect_err("it is refused");
        refused.iter().map(|diagnostic| diagnostic.code.to_string()).collect()
    };
    assert_eq!(codes(&["c"]), ["E0003"]);
    assert_eq!(codes(&[]), ["E0302"]);
}

#[test]
fn a_task_with_values_is_drawn_with_them() {
    let drawing = drawing(
        "tasks:\n  all: {params: {--to: {default: x}}, needs: [build, {task: build, with: {profile: release, to: $to}, as: fast}], bash: x}\n  \
         build: {params: {--profile: {default: debug}, --to: {default: y}}, bash: x}\n",
        &[],
    );
    assert_snapshot!(text::tree(&drawing), @"
    all
    ├─ build
    └─ build with profile=release, to=$to
    ");
    assert_snapshot!(picture::dot(&drawing), @r#"
    digraph otto {
      rankdir=LR;
      node [shape=box, style=rounded];
      "build" [label="build"];
      "all" [label="all"];
      "build" -> "all";
      "build" -> "all" [label="profile=release, to=$to"];
    }
    "#);
    assert_snapshot!(picture::mermaid(&drawing), @r#"
    flowchart LR
      t0["build"]
      t1["all"]
      t0 --> t1
      t0 -->|"profile=release, to=$to"| t1
    "#);
    assert_snapshot!(drawing.json(), @r#"
    {
      "tasks": [
        {
          "foreach": false,
          "group": false,
          "name": "build",
          "needs": [],
          "service": false
        },
        {
          "foreach": false,
          "group": false,
          "name": "all",
          "needs": [
            {
              "item": null,
              "stream": false,
              "task": "build",
              "when": "success"
            },
            {
              "item": null,
              "stream": false,
              "task": "build",
              "when": "success",
              "with": {
                "profile": "release",
                "to": "$to"
              }
            }
          ],
          "service": false
        }
      ]
    }
    "#);
    let svg = picture::svg(&drawing);
    assert!(svg.contains(">profile=release, to=$to</text>"), "{svg}");
}
