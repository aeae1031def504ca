//! What the last words of a failed shell script mean to its author, in the terms of the ottofile.
//! Reads what the shell and otto's functions printed; knows shells by the shape of their messages, for the words
//! are translated.

use super::fan_in;
use super::json_record::line_span;
use super::record::ShellEnd;
use super::shell::one_line;
use super::{Failure, HandOver, Input, Script};
use crate::body::{Language, Place, grammar};
use crate::diagnostic::{Code, Diagnostic};
use crate::event::Exit;
use crate::fate::FIELDS;
use crate::name::similar;

/// Bytes of stderr that are looked at.
const TAIL: usize = 64 << 10;
/// Keys that a message names.
const MOST_NAMED: usize = 12;

pub(super) fn hints(script: &Script, failure: &Failure) -> Vec<Diagnostic> {
    let tail = tail(failure.stderr);
    let mut hints: Vec<Diagnostic> = Vec::new();
    let of_lines = tail.lines().filter_map(|line| of_line(script, failure, line));
    for hint in of_lines.chain(of_last_line(failure)).chain(of_exit(failure)) {
        if !hints.iter().any(|there| there.message == hint.message) {
            hints.push(hint);
        }
    }
    let silent = failure.ended.filter(|ended| hints.is_empty() && !is_said(script, failure, ended));
    hints.extend(silent.and_then(|ended| match misprint(script, ended) {
        // Bash has said so already, unless its stderr went elsewhere.
        Some((line, _)) if named_line(script, failure) == Some(line) => None,
        Some((_, diagnostic)) => Some(diagnostic),
        None => end_of(script, ended),
    }));
    hints
}

fn named_line(script: &Script, failure: &Failure) -> Option<usize> {
    failing_line(script, failure.stderr, &super::bash::shown_name(script))
}

/// The line of the ottofile at which bash could not read on, where that ended the body. It has the status of many a
/// failure, and bash notes no command for it.
fn misprint(script: &Script, ended: &ShellEnd) -> Option<(usize, Diagnostic)> {
    let may_be = ended.status == "2" && ended.line.is_none() && Language::of(script.body) == Language::Bash;
    may_be.then(|| super::syntax::of_body(script)).flatten()
}

/// Whether the shell itself said that the body ended at this line.
fn is_said(script: &Script, failure: &Failure, ended: &ShellEnd) -> bool {
    let line = line_of(script, ended);
    line.is_some() && line == named_line(script, failure)
}

/// What one line of stderr means.
fn of_line(script: &Script, failure: &Failure, line: &str) -> Option<Diagnostic> {
    let hint = |message: &str| Diagnostic::error(Code::ScriptHint, message);
    if let Some(key) = missing_key(line) {
        return missing(script, key);
    }
    if let Some(key) = missing_outcome_key(line) {
        return missing_outcome(script, key);
    }
    if let Some(name) = line.strip_prefix("otto: usage: ").and_then(|rest| rest.split(' ').next()) {
        return Some(wrong_words(script, name));
    }
    if line.contains(": declare: -A") && line.contains(".otto/start.sh: ") {
        return Some(
            Diagnostic::error(
                Code::NeedsNewerBash,
                "this bash has no associative arrays, which INPUT and OUTPUT need",
            )
            .help("use `otto.set KEY VALUE` and `otto.get TASK.KEY`, or bash 4 or newer"),
        );
    }
    if let Some(name) = missing_function(line) {
        return Some(if line.contains(script.ottofile.name()) && name.starts_with("otto.") {
            hint("this shell does not allow dots in function names")
                .help("use `otto_set`, `otto_get`, `otto_save`")
        } else {
            let diagnostic =
                hint(&format!("`{name}` is a function of the task's shell; other processes do not have it"));
            diagnostic.help(match (name.contains("get"), name.starts_with("otto.")) {
                (true, _) => "read the value in the task's script and pass it on as an argument",
                (false, true) => {
                    "print the value there and set it in the task's script: `OUTPUT[key]=$(command)`"
                }
                (false, false) => {
                    "print the value there and set it in the task's script: `otto_set key \"$(command)\"`"
                }
            })
        });
    }
    if is_from_shell(line, ": return: ") {
        return Some(
            hint("`return` works only in functions; a task is a script").help("use `exit` to end the task"),
        );
    }
    if is_unclosed(line) {
        return Some(cut_by_yaml(script).unwrap_or_else(|| {
            hint("the script ends before something in it is closed").help(
                "check for an open quote, bracket, here-document or block: `if` ends with `fi`, `do` with `done`",
            )
        }));
    }
    if bracketed(line, ": OUTPUT[").is_some_and(str::is_empty) {
        return Some(hint("the key of an output must not be empty"));
    }
    slip(script, failure, line)
}

/// What the status alone tells.
fn of_exit(failure: &Failure) -> Option<Diagnostic> {
    const SIGPIPE: i32 = 13;
    let is_pipe = matches!(failure.exit, Exit::Signal(SIGPIPE)) || *failure.exit == Exit::Code(128 + SIGPIPE);
    is_pipe.then(|| {
        Diagnostic::error(
            Code::ScriptHint,
            "a command wrote to a pipe whose reader had exited (SIGPIPE), as in `… | head -1` or `… | grep -q …`",
        )
        .help("if that is not a failure, write `… | head -1 || [ $? = 141 ]`, or let the reader read to the end")
    })
}

/// Why a dependency has nothing to read, where the error of another language only says that it has nothing.
pub(super) fn of_absence(script: &Script, failure: &Failure) -> Option<Diagnostic> {
    let text = tail(failure.stderr);
    let is_read = |input: &&Input| {
        let words = format!("`{}` recorded no outputs", input.job);
        input.absence.is_some() && text.lines().rev().take(50).any(|line| line.contains(&words))
    };
    let input = script.inputs.iter().find(is_read)?;
    let hint = Diagnostic::error(Code::NoSuchInput, format!("`{}` set no outputs", input.job))
        .note(format!("`{}` {}", input.job, input.absence?));
    let line = super::failing_line(script, failure.stderr, &HandOver::default());
    Some(match line.and_then(|line| line_span(script, line)) {
        Some(span) => hint.at(script.ottofile, span, "read here"),
        None => hint,
    })
}

/// An input of a Python body that does not exist, in the words of the exception that ended it.
pub(super) fn of_exception(script: &Script, failure: &Failure) -> Option<Diagnostic> {
    const SHAPES: &[&str] = &[
        "` has no output '",
        "` has no key '",
        "` has no '",
        "` is not a dependency of `",
        "does not say of which task",
        "` depends on no task",
    ];
    let tail = tail(failure.stderr);
    let last = tail.lines().rev().find(|line| !line.trim().is_empty())?;
    let said = last.strip_prefix("KeyError: ")?;
    if !SHAPES.iter().any(|shape| said.contains(shape)) || said.contains("OUTCOME") {
        return None;
    }
    let (message, help) = match said.split_once("; ") {
        Some((message, rest)) => match rest.rsplit_once("; ") {
            Some((note, help)) => (format!("{message}; {note}"), Some(help)),
            None if rest.starts_with("it has ") => (said.to_owned(), None),
            None => (message.to_owned(), Some(rest)),
        },
        None => (said.to_owned(), None),
    };
    let code = match message.contains("not a dependency") || message.contains("depends on no task") {
        true => Code::NotADependency,
        false => Code::NoSuchInput,
    };
    let hint = help.into_iter().fold(Diagnostic::error(code, message), Diagnostic::help);
    let line = super::failing_line(script, failure.stderr, &HandOver::default());
    Some(match line.and_then(|line| line_span(script, line)) {
        Some(span) => hint.at(script.ottofile, span, "this input does not exist"),
        None => hint,
    })
}

/// The task wanted to talk to the user. Of the last line only: many programs complain about a missing terminal and go on.
pub(super) fn of_last_line(failure: &Failure) -> Option<Diagnostic> {
    // In the words of shells, ssh, git, sudo, docker, dialog, stty, and of Python's `input()` and `getpass`.
    const WORDS: &[&str] = &[
        "/dev/tty",
        "input device is not a TTY",
        "a terminal is required to",
        "no tty present",
        "cannot open tty-output",
        "must be run from a terminal",
        "stdin is not a tty",
        "stdin is not a terminal",
        "standard input is not a terminal",
        "could not read Username",
        "could not read Password",
        "Inappropriate ioctl for device",
        "EOFError: EOF when reading a line",
    ];
    let tail = tail(failure.stderr);
    let last = tail.lines().rev().find(|line| !line.trim().is_empty())?;
    let is_harmless = failure.has_terminal || last.starts_with("Pseudo-terminal");
    (!is_harmless && WORDS.iter().any(|words| last.contains(words))).then(|| {
        Diagnostic::error(Code::ScriptHint, "the task needs a terminal but has none").help(
            "add `tty: true` to the task, so that it is attached to the terminal while nothing else runs",
        )
    })
}

/// Slips of the pen that a shell takes for something else.
fn slip(script: &Script, failure: &Failure, line: &str) -> Option<Diagnostic> {
    const NOT_FOUND: Exit = Exit::Code(127);
    let text = script.body.text.as_str();
    let is_bash = Language::of(script.body) == Language::Bash;
    let hint = |message: String, help: String, place: &str| {
        let diagnostic = Diagnostic::error(Code::ScriptHint, message).help(help);
        Some(match found_in_text(script, place) {
            Some(range) => {
                let span = Place::of(script.body, script.ottofile).span(range);
                diagnostic.at(script.ottofile, span, "here")
            }
            None => diagnostic,
        })
    };
    if is_bash && is_from_shell(line, ": INPUT: ") && text.contains("$INPUT[") {
        let key = after(text, "$INPUT[").and_then(|rest| rest.split_once(']')).map_or("", |(key, _)| key);
        return hint(
            format!("`$INPUT[{key}]` needs braces: bash reads it as `$INPUT` followed by `[{key}]`"),
            format!("write `${{INPUT[{key}]}}`"),
            &format!("$INPUT[{key}]"),
        );
    }
    if let Some(word) = after(line, ": ${{").and_then(|rest| rest.split_once("}}")).map(|(word, _)| word)
        && is_from_shell(line, ": ${{")
    {
        let name = word.trim();
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let help = match is_name {
            true => format!("write `${{{name}}}`"),
            false => "write `${name}` for parameters and variables, `${INPUT[task.key]}` for values of tasks"
                .to_owned(),
        };
        return hint(
            format!("`${{{{{word}}}}}` is GitHub Actions syntax, not shell syntax"),
            help,
            &format!("${{{{{word}}}}}"),
        );
    }
    for param in script.params.iter().map(|(name, _)| name.as_str()).filter(|name| name.contains('_')) {
        let (first, hyphens) = (param.split('_').next().unwrap_or(param), param.replace('_', "-"));
        if is_from_shell(line, &format!(": {first}: ")) && text.contains(&format!("${hyphens}")) {
            return hint(
                format!(
                    "the shell reads `${hyphens}` as `${first}` followed by text: variable names cannot contain hyphens"
                ),
                format!("write `${param}`"),
                &format!("${hyphens}"),
            );
        }
    }
    if *failure.exit != NOT_FOUND {
        return None;
    }
    if let Some(key) = bracketed(line, ": OUTPUT[").filter(|_| is_from_shell(line, ": OUTPUT[")) {
        return hint(
            format!("bash reads `OUTPUT[{key}] …` as a command: an assignment has no spaces around `=`"),
            format!("write `OUTPUT[{key}]=VALUE`"),
            &format!("OUTPUT[{key}] "),
        );
    }
    if is_from_shell(line, ": OUTPUT.")
        && let Some((key, _)) = after(line, ": OUTPUT.").and_then(|rest| rest.split_once('='))
    {
        return hint(
            format!("bash reads `OUTPUT.{key}=…` as a command: the key must be in brackets"),
            format!("write `OUTPUT[{key}]=VALUE`"),
            &format!("OUTPUT.{key}="),
        );
    }
    if is_from_shell(line, ": {{")
        && let Some((word, _)) = after(line, ": {{").and_then(|rest| rest.split_once("}}"))
    {
        return hint(
            format!("`{{{{{word}}}}}` is not replaced: otto never changes the text of a script"),
            format!("write `${{{}}}`", word.trim().trim_start_matches('.')),
            &format!("{{{{{word}}}}}"),
        );
    }
    let has_no_break = line.contains('\u{a0}') || line.contains("\\302\\240");
    if has_no_break && text.contains('\u{a0}') && line.contains(script.ottofile.name()) {
        return hint(
            "a no-break space (U+00A0) is part of a command's name".to_owned(),
            "replace it with a space; it often comes from text copied from a web page".to_owned(),
            "\u{a0}",
        );
    }
    None
}

/// A function of otto's that a shell or a program such as xargs looked for in vain.
fn missing_function(line: &str) -> Option<&str> {
    const NAMES: &[&str] = &["otto.set", "otto.get", "otto.save", "otto_set", "otto_get", "otto_save"];
    const PROGRAMS: &[&str] =
        &["xargs: ", "env: ", "find: ", "sudo: ", "timeout: ", "nohup: ", "nice: ", "time: "];
    let is_from_program = PROGRAMS.iter().any(|program| line.starts_with(program));
    NAMES.iter().copied().find(|name| {
        is_from_shell(line, &format!(": {name}: "))
            || is_from_program && line.split([' ', ':', '\'', '"', '‘', '’', '`']).any(|word| word == *name)
    })
}

/// The body is a plain value on one line that YAML cut at ` #`.
fn cut_by_yaml(script: &Script) -> Option<Diagnostic> {
    let body = script.body.text.trim_end();
    let line = script.ottofile.text().lines().nth(script.body.first_line.checked_sub(1)?)?;
    let place = line.find(body).filter(|_| !body.is_empty() && !body.contains('\n'))?;
    let rest = &line[place + body.len()..];
    (rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#')).then(|| {
        let end = script.body.text.trim_end().len();
        let span = Place::of(script.body, script.ottofile).span(end.saturating_sub(1)..end);
        Diagnostic::error(Code::ScriptHint, "YAML ended the script here: ` #` starts a comment")
            .at(script.ottofile, span, "the last character of the script")
            .help("put the script on its own lines, below `bash: |`")
    })
}

fn after<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.find(start).map(|place| &text[place + start.len()..])
}

/// Whether `!` stands before a command wherever a text has it.
fn is_always_negated(text: &str, command: &str) -> bool {
    let squeezed = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let (text, command) = (squeezed(text), squeezed(command));
    let negated = text.matches(&format!("!{command}")).count();
    negated > 0 && negated == text.matches(&command).count()
}

/// What ended the body, where the shell itself may have said nothing.
fn end_of(script: &Script, ended: &ShellEnd) -> Option<Diagnostic> {
    let line = line_of(script, ended);
    let command = match ended.command.lines().next() {
        Some(command) => one_line(command),
        // The shell knows the line alone.
        None => one_line(script.body.text.lines().nth(line? - script.body.first_line)?.trim()),
    };
    let place = match line {
        Some(line) => format!("{}:{line}: ", script.ottofile.name()),
        None => String::new(),
    };
    // The shell shows a command without the `!` that made its success a failure.
    let is_negated =
        ended.line.is_none() && ended.status == "1" && is_always_negated(&script.body.text, &command);
    let command = if is_negated { format!("! {command}") } else { command };
    let is_inside = |function: &&String| ended.command.split(' ').next() != Some(function.as_str());
    let message = match ended.function.as_ref().filter(is_inside) {
        Some(function) => {
            format!("{place}`{command}` in `{}` ended with {}", one_line(function), ended.status)
        }
        None => format!("{place}`{command}` ended with {}", ended.status),
    };
    Some(Diagnostic::error(Code::ScriptHint, message))
}

/// The line of the ottofile at which the body ended: as the shell noted it, or the only line that has the command.
pub(super) fn line_of(script: &Script, ended: &ShellEnd) -> Option<usize> {
    if !script.body.has_true_lines {
        return None;
    }
    let first = script.body.first_line;
    let lines = script.body.text.lines();
    if let Some(line) = ended.line {
        return (first..=first + lines.count()).contains(&line).then_some(line);
    }
    let command = ended.command.lines().next().filter(|command| !command.is_empty())?;
    let mut found = lines.enumerate().filter(|(_, line)| line.contains(command));
    match (found.next(), found.next()) {
        (Some((line, _)), None) => Some(first + line),
        _ => ended.call.filter(|line| (first..first + script.body.text.lines().count()).contains(line)),
    }
}

/// The line of the ottofile that the shell named last: `…/otto.yml:build: line 28: …`, `…: 28: …`.
pub(super) fn failing_line(script: &Script, stderr_tail: &[u8], name: &str) -> Option<usize> {
    if !script.body.has_true_lines {
        return None;
    }
    let tail = tail(stderr_tail);
    let first = script.body.first_line;
    let last = first + script.body.text.trim_end().lines().count();
    tail.lines().rev().find_map(|line| {
        let rest = line.split_once(name)?.1;
        let rest = rest
            .strip_prefix(": line ")
            .or_else(|| rest.strip_prefix(": "))
            .or_else(|| rest.strip_prefix(['[', ':']))?;
        let digits = rest.split(|character: char| !character.is_ascii_digit()).next()?;
        let named: usize = digits.parse().ok()?;
        // The shell reads on to the end.
        let is_behind = named >= last && is_unclosed(line);
        let named = if is_behind { last.saturating_sub(1).max(first) } else { named };
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

/// The key of `…: OUTCOME[biuld]: unbound variable`, in any language, or of otto's own message.
fn missing_outcome_key(line: &str) -> Option<&str> {
    if let Some(rest) = line.strip_prefix("otto: no outcome '") {
        return rest.split_once("': ").map(|(key, _)| key);
    }
    bracketed(line, ": OUTCOME[").map(|key| key.trim_matches(['"', '\'']))
}

/// Why there is no outcome `key`, with what there is.
fn missing_outcome(script: &Script, key: &str) -> Option<Diagnostic> {
    let jobs: Vec<&str> = script.fates?.iter().map(|fate| fate.job.as_str()).collect();
    let is_its = |job: &&&str| key.strip_prefix(**job).is_some_and(|rest| rest.starts_with('.'));
    let diagnostic = match jobs.iter().filter(is_its).max_by_key(|job| job.len()) {
        Some(job) => {
            let field = &key[job.len() + 1..];
            let near: Vec<String> =
                similar(field, FIELDS, 3).iter().map(|field| format!("{job}.{field}")).collect();
            let near: Vec<&str> = near.iter().map(String::as_str).collect();
            Diagnostic::error(Code::NoSuchInput, format!("the outcome of `{job}` has no field `{field}`"))
                .note(format!("it has {}", listed(&FIELDS)))
                .did_you_mean(&near)
        }
        None if key.contains(['$', '`']) => return None,
        None => {
            let those = if jobs.is_empty() { "no task".to_owned() } else { listed(&jobs) };
            let message =
                format!("`{key}` is not a dependency of `{}`, which depends on {those}", script.job);
            let near = similar(key, jobs.iter().copied(), 3);
            let diagnostic = Diagnostic::error(Code::NotADependency, message);
            match near.is_empty() {
                true => diagnostic.help(format!("add it to `{}` of `{}`", needs_key(script), script.job)),
                false => diagnostic.did_you_mean(&near),
            }
        }
    };
    Some(placed(script, key, diagnostic))
}

/// What stands between `start`, which ends with `[`, and the `]: ` after it.
fn bracketed<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    let rest = &line[line.find(start)? + start.len()..];
    rest.find("]: ").map(|end| &rest[..end])
}

/// Why there is no input `key`, with what there is.
pub(super) fn missing(script: &Script, key: &str) -> Option<Diagnostic> {
    let job = script.job;
    if let Some((name, item, path)) = fan_in::lacking(script, key) {
        let input = script.inputs.iter().find(|input| input.job.as_str() == format!("{name}:{item}"));
        let keys: Vec<&str> =
            input.iter().flat_map(|input| &input.outputs.values).map(|(key, _)| key.as_str()).collect();
        let note = match input.and_then(|input| input.absence) {
            Some(absence) if keys.is_empty() => format!("`{name}:{item}` {absence}"),
            _ if keys.is_empty() => format!("`{name}:{item}` set no outputs"),
            _ => format!("`{name}:{item}` has {}", listed(&keys)),
        };
        let message = format!("task `{name}:{item}` has no output `{path}`, so there is no list of it");
        let diagnostic = Diagnostic::error(Code::NoSuchInput, message)
            .note(note)
            .help(format!("set `{path}` in each task, or read one at a time: `INPUT[{name}:{item}.{path}]`"));
        return Some(placed(script, key, diagnostic));
    }
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
                        format!("`{key}` contains a NUL byte, which shells cannot store"),
                    )
                    .help(format!("read it from `input.{}.json`, or in Python", input.job))
                });
            }
            let names: Vec<&str> = values.iter().map(|(name, _)| name.as_str()).collect();
            let note = match names.is_empty() {
                true => format!("`{}` {}", input.job, input.absence.unwrap_or("set no outputs")),
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
            Diagnostic::error(Code::NoSuchInput, format!("unknown input `{key}`")).note(note)
        }
        None if !key.contains('.') && !script.inputs.iter().any(|input| input.job.as_str() == key) => {
            let having = script
                .inputs
                .iter()
                .filter(|input| crate::value::lookup(&input.outputs.values, key).is_some());
            let keys: Vec<String> = having.map(|input| format!("{}.{key}", input.job)).collect();
            let keys: Vec<&str> = keys.iter().take(3).map(String::as_str).collect();
            let diagnostic = Diagnostic::error(
                Code::NoSuchInput,
                format!("`{key}` has no task name: inputs are `TASK.KEY`"),
            );
            match keys.is_empty() {
                true => diagnostic,
                false => diagnostic.did_you_mean(&keys),
            }
        }
        None => {
            let names: Vec<&str> = script.inputs.iter().map(|input| input.job.as_str()).collect();
            let task = key.split_once('.').map_or(key, |(task, _)| task);
            let rest = &key[task.len()..];
            let foreach = task.split_once(':').map_or(task, |(foreach, _)| foreach);
            let is_item = |name: &&&str| name.strip_prefix(foreach).is_some_and(|rest| rest.starts_with(':'));
            let items: Vec<&str> = names.iter().filter(is_item).copied().collect();
            if let Some(first) = items.first() {
                let (message, help) = if task == foreach {
                    let message =
                        format!("`{task}` is a foreach task; its values belong to {}", listed(&items));
                    (message, format!("name the item, as in `INPUT[{first}{rest}]`"))
                } else {
                    let message = format!("`{job}` does not depend on `{task}`, only on {}", listed(&items));
                    let key = needs_key(script);
                    (message, format!("add `{task}` to `{key}` of `{job}`, or `{foreach}` for all items"))
                };
                return Some(placed(
                    script,
                    key,
                    Diagnostic::error(Code::NotADependency, message).help(help),
                ));
            }
            let those = if names.is_empty() { "no task".to_owned() } else { listed(&names) };
            let message = format!("`{task}` is not a dependency of `{job}`, which depends on {those}");
            let diagnostic = Diagnostic::error(Code::NotADependency, message);
            let near = similar(task, names.iter().copied(), 3);
            match near.is_empty() {
                true => diagnostic.help(format!("add it to `{}` of `{job}`", needs_key(script))),
                false => diagnostic.did_you_mean(&near),
            }
        }
    };
    Some(placed(script, key, diagnostic))
}

fn placed(script: &Script, key: &str, diagnostic: Diagnostic) -> Diagnostic {
    match found_in_text(script, key) {
        Some(range) => {
            let span = Place::of(script.body, script.ottofile).span(range);
            diagnostic.at(script.ottofile, span, "this input does not exist")
        }
        None => diagnostic,
    }
}

/// The dependency that a key speaks of; of `a` and `a.b` the longer one is meant by `a.b.c`.
fn of_longest_name<'a>(inputs: &'a [Input], key: &str) -> Option<&'a Input> {
    let is_meant =
        |input: &&Input| key.strip_prefix(input.job.as_str()).is_some_and(|rest| rest.starts_with('.'));
    inputs.iter().filter(is_meant).max_by_key(|input| input.job.as_str().len())
}

/// A function of otto's was called with too few words, or with more than it takes.
fn wrong_words(script: &Script, name: &str) -> Diagnostic {
    // How many words it may have, with its own name.
    let (what, help, fitting) = if name.contains("set") {
        ("takes a key and one value", "quote the value: `KEY \"$value\"`", 3..=3)
    } else if name == "otto_outcome" {
        ("takes `TASK` or `TASK.FIELD`", "ask for one at a time", 2..=2)
    } else if name.contains("items") {
        (
            "takes the name of a foreach task, and before it `-v ARRAY` to fill an array",
            "name the task, as in `-v names TASK`",
            2..=2,
        )
    } else {
        (
            "takes `TASK.KEY` and at most a default",
            "quote values that contain spaces: `TASK.KEY \"$default\"`",
            2..=3,
        )
    };
    let mut diagnostic = Diagnostic::error(Code::ScriptHint, format!("`{name}` {what}")).help(help);
    let text = &script.body.text;
    let names = [name, &name.replace('.', "_")];
    let found = grammar::commands(text);
    let wrong = found.simple().filter(|command| {
        let words: Vec<&str> = command.words.iter().map(|word| &text[word.clone()]).collect();
        let has_option = words.get(1).is_some_and(|word| ["--json", "--list", "-v"].contains(word));
        words.first().is_some_and(|word| names.contains(word))
            && !has_option
            && !fitting.contains(&words.len())
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

/// How the ottofile writes its dependencies: `before` is the other name of `needs`.
fn needs_key(script: &Script) -> &'static str {
    let text = script.ottofile.text();
    if text.contains("before:") && !text.contains("needs:") { "before" } else { "needs" }
}

#[cfg(test)]
mod tests {
    use super::super::harness::{Bench, input, job};
    use super::*;

    fn told(bench: &Bench, stderr: &str) -> String {
        told_of(bench, 1, stderr)
    }

    fn told_of(bench: &Bench, status: i32, stderr: &str) -> String {
        bench.with_script(|script| {
            let exit = Exit::Code(status);
            let failure =
                Failure { exit: &exit, has_terminal: false, stderr: stderr.as_bytes(), ended: None };
            let shown = hints(script, &failure).into_iter().map(|hint| {
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
          note: `empty` set no outputs
        ");
    }

    #[test]
    fn a_task_that_is_no_dependency_is_told_from_a_missing_key() {
        insta::assert_snapshot!(told(&deploy(), "t: line 21: INPUT[bild.version]: unbound variable"), @r"
        E0705: `bild` is not a dependency of `deploy`, which depends on `build`, `empty`
          help: did you mean `build`?
        ");
        insta::assert_snapshot!(told(&deploy(), "t: line 21: INPUT[lint.version]: unbound variable"), @"
        E0705: `lint` is not a dependency of `deploy`, which depends on `build`, `empty`
          help: add it to `needs` of `deploy`
        ");
        insta::assert_snapshot!(told(&deploy(), "t: line 21: INPUT[$k]: unbound variable"), @r"
        E0704: unknown input `$k`
          note: there are `build.version`, `build.artifact`
        ");
    }

    /// Row 42.
    #[test]
    fn mistakes_that_every_author_makes_once_are_recognised() {
        insta::assert_snapshot!(told(&deploy(), "/t/otto.yml:deploy: line 22: return: can only `return' from a function or sourced script"), @r"
        E0715: `return` works only in functions; a task is a script
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
