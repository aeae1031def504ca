//! Mistakes that many make once, and what otto says about them when the task fails.

use super::Project;
use insta::assert_snapshot;

/// The hint that a failing task gets: message, place, help.
fn hint(project: &Project, words: &str) -> String {
    let ran = project.run(words);
    assert_ne!(ran.status, 0, "{}", ran.all());
    let is_hint =
        |line: &&str| ["error[", "help: "].iter().any(|start| line.starts_with(start)) || line.contains("╭▸");
    ran.stderr.lines().filter(is_hint).map(str::trim_start).collect::<Vec<_>>().join("\n")
}

const SLIPS: &str = r##"otto: {jobs: 1}
tasks:
  build: {bash: 'OUTPUT[version]=1'}
  each: {foreach: {items: [a, b]}, bash: 'OUTPUT[n]=1'}
  braces: {before: [build], bash: 'echo $INPUT[build.version]'}
  blanks: {bash: 'OUTPUT[x] = 1'}
  dot: {bash: 'OUTPUT.x=1'}
  actions: {params: {x: {default: 1}}, bash: 'echo ${{ x }}'}
  template: {params: {x: {default: 1}}, bash: '{{x}} a'}
  hyphen: {params: {--dry-run: {default: "no"}}, bash: 'echo $dry-run'}
  child: {bash: "bash -c 'otto.set k v'"}
  xargs: {bash: "echo v | xargs otto.set k"}
  sh: {bash: "#!/bin/sh\nsh -c 'otto_set k v'"}
  blank: {bash: "\u00a0echo a"}
  comment:
    bash: echo "a # b"
  key: {before: [build], bash: 'echo ${INPUT[version]}'}
  group: {before: [each], bash: 'echo ${INPUT[each.n]}'}
  item: {before: ["each:a"], bash: 'echo ${INPUT[each:b.n]}'}
  pipe: {bash: 'yes | head -1'}
  tty: {bash: 'read -r a < /dev/tty'}
  input: {python: 'input()'}
"##;

#[test]
fn slips_are_named_with_what_would_be_right() {
    let project = Project::new(SLIPS);
    let tasks =
        "braces blanks dot actions template hyphen child xargs sh blank comment key group item pipe input";
    let all: Vec<String> = tasks.split(' ').map(|task| format!("{task}\n{}", hint(&project, task))).collect();
    assert_snapshot!(all.join("\n\n"), @r#"
    braces
    error[E0715]: `$INPUT[build.version]` needs braces: bash reads it as `$INPUT` followed by `[build.version]`
    ╭▸ otto.yml:5:41
    help: write `${INPUT[build.version]}`

    blanks
    error[E0715]: bash reads `OUTPUT[x] …` as a command: an assignment has no spaces around `=`
    ╭▸ otto.yml:6:19
    help: write `OUTPUT[x]=VALUE`

    dot
    error[E0715]: bash reads `OUTPUT.x=…` as a command: the key must be in brackets
    ╭▸ otto.yml:7:16
    help: write `OUTPUT[x]=VALUE`

    actions
    error[E0715]: `${{ x }}` is GitHub Actions syntax, not shell syntax
    ╭▸ otto.yml:8:52
    help: write `${x}`

    template
    error[E0715]: `{{x}}` is not replaced: otto never changes the text of a script
    ╭▸ otto.yml:9:48
    help: write `${x}`

    hyphen
    error[E0715]: the shell reads `$dry-run` as `$dry` followed by text: variable names cannot contain hyphens
    ╭▸ otto.yml:10:62
    help: write `$dry_run`

    child
    error[E0715]: `otto.set` is a function of the task's shell; other processes do not have it
    help: print the value there and set it in the task's script: `OUTPUT[key]=$(command)`

    xargs
    error[E0715]: `otto.set` is a function of the task's shell; other processes do not have it
    help: print the value there and set it in the task's script: `OUTPUT[key]=$(command)`

    sh
    error[E0715]: `otto_set` is a function of the task's shell; other processes do not have it
    help: print the value there and set it in the task's script: `otto_set key "$(command)"`

    blank
    error[E0715]: a no-break space (U+00A0) is part of a command's name
    ╭▸ otto.yml:14:17
    help: replace it with a space; it often comes from text copied from a web page

    comment
    error[E0715]: YAML ended the script here: ` #` starts a comment
    ╭▸ otto.yml:16:17
    help: put the script on its own lines, below `bash: |`

    key
    error[E0704]: `version` has no task name: inputs are `TASK.KEY`
    ╭▸ otto.yml:17:40
    help: did you mean `build.version`?

    group
    error[E0705]: `each` is a foreach task; its values belong to `each:a`, `each:b`
    ╭▸ otto.yml:18:41
    help: name the item, as in `each:a.n`

    item
    error[E0705]: `item` does not depend on `each:b`, only on `each:a`
    ╭▸ otto.yml:19:44
    help: add `each:b` to `before` of `item`, or `each` for all items

    pipe
    error[E0715]: a command wrote to a pipe whose reader had exited (SIGPIPE), as in `… | head -1` or `… | grep -q …`
    help: if that is not a failure, write `… | head -1 || [ $? = 141 ]`, or let the reader read to the end

    input
    error[E0715]: the task needs a terminal but has none
    help: add `tty: true` to the task, so that it is attached to the terminal while nothing else runs
    "#);
}

#[test]
fn no_hint_is_given_where_the_task_fails_for_another_reason() {
    let project = Project::new(
        "tasks:
  a: {before: [build], bash: 'echo \"{{x}} $$ ${INPUT[build.v]}\"; exit 3'}
  b: {bash: 'stty -a || echo \"stty: Inappropriate ioctl for device\" >&2; echo why >&2; exit 1'}
  c: {bash: 'ssh-like() { echo \"Pseudo-terminal will not be allocated because stdin is not a terminal.\" >&2; }; ssh-like; exit 4'}
  build: {bash: 'OUTPUT[v]=1'}
",
    );
    for task in ["a", "b", "c"] {
        assert_eq!(hint(&project, task), "", "{task}");
    }
}
