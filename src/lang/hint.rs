//! What the last words of a failed shell script mean to its author, in the terms of the ottofile.
//! Reads what the shell and otto's functions printed; knows shells by the shape of their messages, for the words
//! are translated.

use super::{Input, Script};
use crate::body::{Place, grammar};
use crate::diagnostic::{Code, Diagnostic};
use crate::name::similar;

/// Bytes of stderr that are looked at.
const TAIL: usize = 64 << 10;
/// Keys that a message names.
const MOST_NAMED: usize = 12;

pub(super) fn hints(script: &Script, stderr_tail: &[u8]) -> Vec<Diagnostic> {
    let tail = tail(stderr_tail);
    let mut hints: Vec<Diagnostic> = Vec::new();
    for line in tail.lines() {
        let hint = if let Some(key) = missing_key(line) {
            missing(script, key)
        } else if let Some(name) = line.strip_prefix("otto: usage: ").and_then(|rest| rest.split(' ').next())
        {
            Some(wrong_words(script, name))
        } else if line.contains(": declare: -A") && line.contains(".otto/start.sh: ") {
            Some(
                Diagnostic::error(
                    Code::NeedsNewerBash,
                    "this bash has no associative arrays, which INPUT and OUTPUT are",
                )
                .help("use `otto.set KEY VALUE` and `otto.get TASK.KEY`, or a bash of version 4 or newer"),
            )
        } else if is_from_shell(line, ": otto.set: ")
            || is_from_shell(line, ": otto.get: ")
            || is_from_shell(line, ": otto.save: ")
        {
            Some(
                Diagnostic::error(Code::ScriptHint, "this shell has no functions with a dot in their names")
                    .help("use `otto_set`, `otto_get`, `otto_save`"),
            )
        } else if is_from_shell(line, ": return: ") {
            Some(
                Diagnostic::error(
                    Code::ScriptHint,
                    "`return` works in functions only; the body of a task is a script",
                )
                .help("use `exit` to end the task"),
            )
        } else if is_unclosed(line) {
            Some(
                Diagnostic::error(Code::ScriptHint, "the script ends before something in it is closed").help(
                    "a quote, a bracket, a here-document, or a block: `if` ends with `fi`, `do` with `done`",
                ),
            )
        } else if bracketed(line, ": OUTPUT[").is_some_and(str::is_empty) {
            Some(Diagnostic::error(Code::ScriptHint, "the key of an output must not be empty"))
        } else {
            None
        };
        if let Some(hint) = hint.filter(|hint| !hints.iter().any(|there| there.message == hint.message)) {
            hints.push(hint);
        }
    }
    hints
}

/// The line of the ottofile that the shell named last: `…/otto.yml:build: line 28: …`, `…: 28: …`.
pub(super) fn failing_line(script: &Script, stderr_tail: &[u8], name: &str) -> Option<usize> {
    if !script.body.has_true_lines {
        return None;
    }
    let tail = tail(stderr_tail);
    let first = script.body.first_line;
    let last = first + script.body.text.lines().count();
    tail.lines().rev().find_map(|line| {
        let rest = line.split_once(name)?.1;
        let rest = rest
            .strip_prefix(": line ")
            .or_else(|| rest.strip_prefix(": "))
            .or_else(|| rest.strip_prefix(['[', ':']))?;
        let digits = rest.split(|character: char| !character.is_ascii_digit()).next()?;
        let named: usize = digits.parse().ok()?;
        // The shell reads on into the lines that otto has put behind the body.
        let is_behind = named > last && is_unclosed(line);
        let named = if is_behind {
            first + script.body.text.trim_end().lines().count().saturating_sub(1)
        } else {
            named
        };
        (first..=last).contains(&named).then_some(named)
    })
}

fn tail(stderr_tail: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(&stderr_tail[stderr_tail.len().saturating_sub(TAIL)..])
}

/// Not just anybody's words: a shell puts its name and a line number before them.
fn is_from_shell(line: &str, words: &str) -> bool {
    line.find(words)
        .is_some_and(|place| line[..place].ends_with(|character: char| character.is_ascii_digit()))
}

/// In the words of bash and dash, where these are English.
fn is_unclosed(line: &str) -> bool {
    const WORDS: &[&str] = &[
        ": syntax error: unexpected end of file",
        ": unexpected EOF while looking for matching",
        ": Syntax error: end of file unexpected",
        ": Syntax error: Unterminated quoted string",
    ];
    WORDS.iter().any(|words| is_from_shell(line, words))
}

/// The key of `…: INPUT[build.verison]: unbound variable`, in any language, or of otto's own message.
fn missing_key(line: &str) -> Option<&str> {
    if let Some(rest) = line.strip_prefix("otto: no input '") {
        return rest.split_once("': ").map(|(key, _)| key);
    }
    let key = bracketed(line, ": INPUT[")?;
    Some(key.trim_matches(['"', '\'']))
}

/// What stands between `start`, which ends with `[`, and the `]: ` after it.
fn bracketed<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    let rest = &line[line.find(start)? + start.len()..];
    rest.find("]: ").map(|end| &rest[..end])
}

/// Why there is no input `key`, with what there is.
pub(super) fn missing(script: &Script, key: &str) -> Option<Diagnostic> {
    let job = script.job;
    let dependency = of_longest_name(script.inputs, key);
    let diagnostic = match dependency {
        Some(input) => {
            let name =
                key.strip_prefix(input.job.as_str()).and_then(|rest| rest.strip_prefix('.')).unwrap_or("");
            let values = &input.outputs.values;
            if let Some(value) = crate::value::lookup(values, name) {
                // It is there, so the shell could not hold it.
                let has_nul = value.as_bytes().is_some_and(|bytes| bytes.contains(&0));
                return has_nul.then(|| {
                    Diagnostic::error(
                        Code::NoSuchInput,
                        format!("`{key}` holds a NUL byte, which no shell can hold"),
                    )
                    .help(format!("read it from `input.{}.json`, or in Python", input.job))
                });
            }
            let names: Vec<&str> = values.iter().map(|(name, _)| name.as_str()).collect();
            let note = match names.is_empty() {
                true => format!("`{}` handed over nothing", input.job),
                false => format!("`{}` has {}", input.job, listed(&names)),
            };
            let nearest: Vec<String> = similar(name, names.iter().copied(), 3)
                .iter()
                .map(|name| format!("{}.{name}", input.job))
                .collect();
            let nearest: Vec<&str> = nearest.iter().map(String::as_str).collect();
            Diagnostic::error(Code::NoSuchInput, format!("task `{}` has no output `{name}`", input.job))
                .note(note)
                .did_you_mean(&nearest)
        }
        // `INPUT[$k]`: the shell does not say what `$k` was.
        None if key.contains(['$', '`']) => {
            let have = script.inputs.iter().flat_map(|input| {
                input.outputs.values.iter().map(move |(name, _)| format!("{}.{name}", input.job))
            });
            let have: Vec<String> = have.collect();
            let have: Vec<&str> = have.iter().map(String::as_str).collect();
            let note = if have.is_empty() {
                "there are no inputs".into()
            } else {
                format!("there are {}", listed(&have))
            };
            Diagnostic::error(Code::NoSuchInput, format!("there is no input `{key}`")).note(note)
        }
        None => {
            let names: Vec<&str> = script.inputs.iter().map(|input| input.job.as_str()).collect();
            let task = key.split_once('.').map_or(key, |(task, _)| task);
            let those = if names.is_empty() { "no task".to_owned() } else { listed(&names) };
            let message = format!("`{task}` is not a dependency of `{job}`: it depends on {those}");
            let diagnostic = Diagnostic::error(Code::NotADependency, message);
            let near = similar(task, names.iter().copied(), 3);
            match near.is_empty() {
                true => diagnostic.help(format!("add it to `before` of `{job}`")),
                false => diagnostic.did_you_mean(&near),
            }
        }
    };
    Some(match found_in_text(script, key) {
        Some(range) => {
            let span = Place::of(script.body, script.ottofile).span(range);
            diagnostic.at(script.ottofile, span, "this input is not there")
        }
        None => diagnostic,
    })
}

/// The dependency that a key speaks of; of `a` and `a.b` the longer one is meant by `a.b.c`.
fn of_longest_name<'a>(inputs: &'a [Input], key: &str) -> Option<&'a Input> {
    let is_meant =
        |input: &&Input| key.strip_prefix(input.job.as_str()).is_some_and(|rest| rest.starts_with('.'));
    inputs.iter().filter(is_meant).max_by_key(|input| input.job.as_str().len())
}

/// A function of otto's was called with too few words, or with more than it takes.
fn wrong_words(script: &Script, name: &str) -> Diagnostic {
    let is_setter = name.contains("set");
    let (what, help) = match is_setter {
        true => ("takes a key and one value", "quote the value: `KEY \"$value\"`"),
        false => {
            ("takes `TASK.KEY` and a default at most", "quote what has spaces in it: `TASK.KEY \"$default\"`")
        }
    };
    let mut diagnostic = Diagnostic::error(Code::ScriptHint, format!("`{name}` {what}")).help(help);
    let text = &script.body.text;
    let names = [name, &name.replace('.', "_")];
    let wrong = grammar::commands(text).commands.into_iter().filter(|command| {
        let words: Vec<&str> = command.words.iter().map(|word| &text[word.clone()]).collect();
        let has_option = words.get(1).is_some_and(|word| ["--json", "--list", "-v"].contains(word));
        words.first().is_some_and(|word| names.contains(word)) && !has_option && words.len() != 3
    });
    // Which of several it was, the message does not say.
    if let [command] = &wrong.collect::<Vec<_>>()[..] {
        let range = command.words[0].start..command.words[command.words.len() - 1].end;
        let span = Place::of(script.body, script.ottofile).span(range);
        let count = command.words.len() - 1;
        let label = format!("{count} {}", if count == 1 { "word" } else { "words" });
        diagnostic = diagnostic.at(script.ottofile, span, label);
    }
    diagnostic
}

fn found_in_text(script: &Script, key: &str) -> Option<std::ops::Range<usize>> {
    let start = script.body.text.find(key)?;
    (!key.is_empty()).then(|| start..start + key.len())
}

fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(MOST_NAMED).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(MOST_NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::harness::{Bench, input, job};
    use super::*;

    fn told(bench: &Bench, stderr: &str) -> String {
        bench.with_script(|script| {
            let shown = hints(script, stderr.as_bytes()).into_iter().map(|hint| {
                let place = hint.labels.first().map(|label| {
                    let at = label.source.position(label.span.start);
                    format!(" at {}:{}", at.line, at.column)
                });
                let mut lines = vec![format!("{}: {}{}", hint.code, hint.message, place.unwrap_or_default())];
                lines.extend(hint.notes.iter().map(|note| format!("  note: {note}")));
                lines.extend(hint.helps.iter().map(|help| format!("  help: {help}")));
                lines.join("\n")
            });
            shown.collect::<Vec<_>>().join("\n")
        })
    }

    fn deploy() -> Bench {
        let mut bench = Bench::bash("echo \"${INPUT[build.verison]}\"")
            .input(input("build", &[("version", "1"), ("artifact", "x")]))
            .input(input("empty", &[]));
        bench.job = job("deploy");
        bench
    }

    /// Row 68, in any language that the shell speaks.
    #[test]
    fn a_missing_key_is_explained_by_what_there_is() {
        let message = "/t/otto.yml:deploy: line 21: INPUT[build.verison]: 未割り当ての変数です";
        insta::assert_snapshot!(told(&deploy(), message), @r"
        E0704: task `build` has no output `verison` at 21:15
          note: `build` has `version`, `artifact`
          help: did you mean `build.version`?
        ");
        insta::assert_snapshot!(told(&deploy(), "otto: no input 'empty.x': task 'empty' has no output 'x'; it has: nothing"), @r"
        E0704: task `empty` has no output `x`
          note: `empty` handed over nothing
        ");
    }

    #[test]
    fn a_task_that_is_no_dependency_is_told_from_a_missing_key() {
        insta::assert_snapshot!(told(&deploy(), "t: line 21: INPUT[bild.version]: unbound variable"), @r"
        E0705: `bild` is not a dependency of `deploy`: it depends on `build`, `empty`
          help: did you mean `build`?
        ");
        insta::assert_snapshot!(told(&deploy(), "t: line 21: INPUT[lint.version]: unbound variable"), @r"
        E0705: `lint` is not a dependency of `deploy`: it depends on `build`, `empty`
          help: add it to `before` of `deploy`
        ");
        insta::assert_snapshot!(told(&deploy(), "t: line 21: INPUT[$k]: unbound variable"), @r"
        E0704: there is no input `$k`
          note: there are `build.version`, `build.artifact`
        ");
    }

    /// Row 42.
    #[test]
    fn mistakes_that_every_author_makes_once_are_recognised() {
        insta::assert_snapshot!(told(&deploy(), "/t/otto.yml:deploy: line 22: return: can only `return' from a function or sourced script"), @r"
        E0715: `return` works in functions only; the body of a task is a script
          help: use `exit` to end the task
        ");
        insta::assert_snapshot!(told(&deploy(), "/t/otto.yml:deploy: line 22: OUTPUT[]: bad array subscript"), @"E0715: the key of an output must not be empty");
        assert_eq!(told(&deploy(), "the task may return: never"), "");
    }

    #[test]
    fn the_failing_line_is_the_last_one_that_the_shell_named() {
        let mut bench = deploy();
        bench.at_line(5, "a\nb\nc\n");
        let line = |stderr: &str| {
            bench.with_script(|script| failing_line(script, stderr.as_bytes(), "otto.yml:deploy"))
        };
        assert_eq!(
            line("/t/otto.yml:deploy: line 5: x: y\n/t/otto.yml:deploy: line 6: z: w\nother\n"),
            Some(6)
        );
        assert_eq!(line("/t/otto.yml:deploy: 7: foo: not found"), Some(7));
        assert_eq!(line("/t/otto.yml:deploy[6]: foo: not found"), Some(6));
        assert_eq!(line("/t/otto.yml:deploy: line 99: x"), None);
        let unclosed = ": line 12: unexpected EOF while looking for matching `\"'";
        assert_eq!(line(&format!("/t/otto.yml:deploy{unclosed}")), Some(7));
        assert_eq!(line(&format!("/t/other{unclosed}")), None);
        assert_eq!(line("nothing of that kind"), None);
    }
}
