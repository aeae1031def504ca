//! What a shell body sets and reads.

use super::{Force, Literal, Read, Set, Uses, What};
use crate::body::effect::{Deed, EffectReader};
use crate::body::export::has_word;
use crate::body::grammar::{self, Command, CommandKind, Commands, Copy, Surety};
use crate::body::lost::Shell;
use crate::body::names::{ARGUMENT, Names, UNKNOWN};
use crate::value::{self, Value};
use std::ops::Range;

/// Commands that run text which this reader does not see, or change what commands are.
const OPAQUE: &[&str] =
    &[".", "alias", "autoload", "emulate", "enable", "eval", "fc", "source", "unalias", "zmodload"];

/// Commands after which the rest may not run, though the task does not fail.
const LEAVING: &[&str] = &["break", "continue", "exec", "exit", "kill", "logout", "return", "suspend"];

/// Commands that only print or compare their words.
const HARMLESS: &[&str] = &["[", "echo", "test", "true", "false", ":"];

/// `is_condition`: a text that is evaluated as between `if` and `then`, where a command that fails ends nothing.
pub(super) fn read(text: &str, shell: Shell, is_condition: bool) -> Uses {
    let found = match shell {
        Shell::Bash => grammar::commands(text),
        Shell::Posix { has_lastpipe } => grammar::commands_of(text, has_lastpipe),
    };
    let names = Names::of(text, &found);
    let has_arrays = shell == Shell::Bash;
    let reader = EffectReader { text, found: &found, names: &names, has_arrays };
    let end = Ends::of(text, &found);
    let mut body = ShellText {
        text,
        found: &found,
        has_arrays,
        is_condition,
        has_own_data: false,
        uses: Uses::default(),
        end,
    };
    body.has_own_data = ["INPUT", "OUTCOME"].iter().any(|name| has_word(text, name) && body.is_own(name));
    body.sets(&reader);
    body.reads();
    body.uses.settle()
}

/// From where on it is not certain what the script does.
struct Ends {
    /// The first command after which the script may have ended, or be another one.
    script: usize,
    /// The same within copies of the shell.
    copy: usize,
    /// An expansion or a command that fails may not end the script at all, or not with a failure.
    is_lenient: bool,
}

impl Ends {
    fn of(text: &str, found: &Commands) -> Ends {
        let mut ends = Ends { script: usize::MAX, copy: usize::MAX, is_lenient: false };
        let mut has_trap = false;
        for command in found.simple() {
            let Some((verb, rest, start)) = verb(text, command) else { continue };
            let is_end = is_dynamic(verb) || OPAQUE.contains(&verb) || LEAVING.contains(&verb);
            if is_end {
                ends.copy = ends.copy.min(start);
                if command.copy.is_none() {
                    ends.script = ends.script.min(start);
                }
            }
            has_trap |= verb == "trap";
            ends.is_lenient |= match verb {
                "set" => rest.first() != Some(&"--") && !rest.iter().all(|word| keeps_ending(word)),
                "shopt" => rest.contains(&"-o"),
                "setopt" | "unsetopt" => true,
                _ => false,
            };
        }
        // A trap may end the script with another status, and what it ends has failed by then.
        ends.is_lenient |= has_trap && (has_word(text, "exit") || has_word(text, "ERR"));
        ends
    }
}

/// Whether a word of `set` leaves the script ending where something fails.
fn keeps_ending(word: &str) -> bool {
    match word.strip_prefix('-') {
        Some(flags) => flags.chars().all(|flag| "euxvEo".contains(flag)),
        None => ["+x", "+v", "errexit", "nounset", "pipefail"].contains(&word),
    }
}

/// The name of a command without quotes, the words behind it, and where it stands. `command` and `builtin` are passed over.
pub(super) fn verb<'a>(text: &'a str, command: &Command) -> Option<(&'a str, Vec<&'a str>, usize)> {
    let words: Vec<(&str, usize)> =
        command.words.iter().filter_map(|word| Some((text.get(word.clone())?, word.start))).collect();
    let mut place = words.iter().take_while(|(word, _)| grammar::is_assignment(word)).count();
    while let Some((word, _)) = words.get(place) {
        match word.trim_matches(['"', '\'', '\\']) {
            "command" | "builtin" | "time" | "!" => place += 1,
            "-p" | "--" if place > 0 => place += 1,
            _ => break,
        }
    }
    let (word, start) = words.get(place)?;
    let rest = words[place + 1..].iter().map(|(word, _)| *word).collect();
    Some((word.trim_matches(['"', '\'', '\\']), rest, *start))
}

/// Whether the text does not say which command this is, and it may be one that the shell runs itself.
fn is_dynamic(verb: &str) -> bool {
    verb.contains(['$', '`', '*', '?', '{']) && !verb.contains('/')
}

/// The value of a word, if the script cannot change it.
fn literal(word: &str) -> Option<String> {
    let is_quoted =
        word.len() > 1 && ['"', '\''].iter().any(|quote| word.starts_with(*quote) && word.ends_with(*quote));
    if word.contains("$'") || word.contains("$\"") || !is_quoted && word.contains(['*', '?', '[', '~', '{']) {
        return None;
    }
    let value = Names::default().expand(word).pop()?;
    (!value.contains([UNKNOWN, ARGUMENT])).then_some(value)
}

/// A subscript without its quotes.
pub(super) fn key(subscript: &str) -> Option<String> {
    let value = Names::default().expand(subscript).pop()?;
    let is_known = !value.contains([UNKNOWN, ARGUMENT, '…']) && !subscript.contains("$'");
    (is_known && !value.is_empty() && !["@", "*"].contains(&value.as_str())).then_some(value)
}

/// The text up to the `]` that belongs to the `[` before it, and what follows.
pub(super) fn subscript(text: &str) -> Option<(&str, &str)> {
    let mut depth = 1;
    let mut quote = None;
    let mut skips = false;
    for (place, character) in text.char_indices() {
        if std::mem::take(&mut skips) {
            continue;
        }
        match (character, quote) {
            ('\\', None | Some('"')) => skips = true,
            ('"' | '\'', None) => quote = Some(character),
            (_, Some(open)) if character == open => quote = None,
            ('[', None) => depth += 1,
            (']', None) => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&text[..place], &text[place + 1..]));
        }
    }
    None
}

struct ShellText<'a> {
    text: &'a str,
    found: &'a Commands,
    has_arrays: bool,
    is_condition: bool,
    /// INPUT or OUTCOME may not be what otto made of them.
    has_own_data: bool,
    uses: Uses,
    end: Ends,
}

impl<'a> ShellText<'a> {
    fn words(&self, command: &Command) -> Vec<&'a str> {
        command.words.iter().map(|word| self.text.get(word.clone()).unwrap_or("")).collect()
    }

    /// Whether the script surely gets to a command, by its own process, and then to its end.
    fn is_run(&self, command: &Command) -> bool {
        let is_there = command.copy.is_none() && command.function.is_none();
        // What ends the script later may make it fail, and then nothing is held to a contract.
        let is_there = is_there && self.end.script == usize::MAX;
        is_there && command.surety != Surety::Unsure
    }

    /// The start of the outermost command round a place.
    fn anchor(&self, place: usize) -> usize {
        let documents = self.found.commands.iter().filter(|command| command.kind == CommandKind::Text);
        let document =
            documents.filter_map(|command| command.words.first()).find(|range| range.contains(&place));
        // The line above a here-document is the one that opens it.
        let place = match document {
            Some(range) if self.text[..range.start].ends_with('\n') => range.start - 1,
            _ => place,
        };
        let around = self.found.simple().filter_map(|command| {
            let (first, last) = (command.words.first()?, command.words.last()?);
            (first.start <= place && place <= last.end).then_some(first.start)
        });
        around.min().unwrap_or(place)
    }

    fn sets(&mut self, reader: &EffectReader<'_>) {
        let functions = reader.functions();
        for command in &self.found.commands {
            let words = self.words(command);
            let deeds = reader.deeds(command, &functions);
            let verb = match command.kind {
                CommandKind::Simple => verb(self.text, command),
                _ => None,
            };
            let is_plain =
                command.kind == CommandKind::Simple && words.iter().all(|word| grammar::is_assignment(word));
            if let Some((name, rest, start)) = &verb {
                self.run(command, name, rest, *start);
            }
            let mut is_known = false;
            for (range, deed) in deeds {
                let effect = match deed {
                    Deed::Sets(effect) => effect,
                    Deed::SetsArgument(_)
                    | Deed::RunsArgument(_)
                    | Deed::EvaluatesArgument(_)
                    | Deed::GivesArgument(..) => {
                        self.uses.is_open = true;
                        continue;
                    }
                };
                is_known = true;
                if effect.is_unset {
                    self.uses.may_unset = true;
                    continue;
                }
                if effect.is_doubtful {
                    self.uses.is_open = true;
                    continue;
                }
                let word = self.text.get(range.clone()).unwrap_or("");
                // Functions may be called with other variables under the same names.
                let is_here = effect.function.is_none();
                self.set(command, &effect.target, range, word, is_plain && is_here);
            }
            let is_harmless = verb.is_some_and(|(name, ..)| HARMLESS.contains(&name));
            if self.has_arrays && !is_known && !is_harmless && command.kind == CommandKind::Simple {
                // A word that names OUTPUT, where nothing says what becomes of it.
                let names = |word: &&str| {
                    let rest =
                        word.replace("${OUTPUT[", "").replace("${#OUTPUT[", "").replace("${!OUTPUT[", "");
                    has_word(&rest, "OUTPUT") || has_word(&rest, "OTTO_OUTPUT")
                };
                self.uses.is_open |= words.iter().any(names);
            }
        }
        let is_referred = |name: &str| !self.found.commands.is_empty() && has_word(self.text, name);
        self.uses.is_open |= is_referred("OTTO_OUTPUT_JSON") || is_referred("nameref");
        self.uses.may_export |= self.uses.is_open;
        self.uses.may_unset |= self.uses.is_open;
    }

    /// The uses in a command that is not an assignment.
    fn run(&mut self, command: &Command, verb: &str, rest: &[&'a str], start: usize) {
        let whole = start..command.words.last().map_or(start, |word| word.end);
        let options = rest.iter().take_while(|word| word.starts_with('-')).count();
        if self.found.functions.iter().any(|name| name == verb) {
            // A function that the script defines, even if otto has one of the same name.
            self.uses.is_open |= verb.starts_with("otto");
            return;
        }
        match verb {
            "otto.set" | "otto_set" | "otto_set_output" => self.set_by_function(command, rest, whole),
            "otto.get" | "otto_get" | "otto_get_input" => self.get(command, verb, rest, whole),
            "otto_outcome" | "otto.outcome" => {
                let force = self.force_of_call(command, rest.len() > 1, whole.start);
                let path = rest.first().and_then(|word| literal(word));
                self.read(What::Outcome, path, whole, force);
            }
            "declare" | "typeset" | "local" if rest[..options].iter().any(|word| word.contains('n')) => {
                self.uses.is_open = true;
            }
            "declare" | "typeset" | "local" | "export" | "readonly" | "read" | "mapfile" | "readarray"
            | "getopts" | "printf" => {
                // A name that is put together may be any.
                let takes_name = match verb {
                    "printf" => rest.first().is_some_and(|word| word.starts_with("-v")),
                    _ => true,
                };
                let is_composed = |word: &&&str| {
                    let name = word.split('=').next().unwrap_or("").trim_matches(['"', '\'']);
                    name.contains(['$', '`']) && !word.starts_with('-')
                };
                let count = if verb == "printf" { 2 } else { rest.len() };
                let composes = takes_name && rest.iter().take(count).any(|word| is_composed(&word));
                let file_follows = ["read", "mapfile", "readarray"].contains(&verb);
                self.uses.is_open |=
                    composes && !(file_follows && rest.iter().all(|word| word.starts_with('-')));
            }
            "unset" => {
                self.uses.may_unset |= rest.iter().any(|word| word.contains("OUTPUT") || word.contains('$'))
            }
            _ if is_dynamic(verb) || OPAQUE.contains(&verb) => self.uses.is_open = true,
            _ => {
                let functions = ["otto.set", "otto_set", "OTTO_OUTPUT"];
                let passes = rest.iter().any(|word| functions.iter().any(|name| word.contains(name)));
                self.uses.is_open |= passes && !HARMLESS.contains(&verb);
            }
        }
    }

    /// `OUTPUT[k]=v`, `OUTPUT+=([k]=v)`, `export OTTO_X=v` and all else that a target is known of.
    fn set(&mut self, command: &Command, target: &str, range: Range<usize>, word: &str, is_plain: bool) {
        let is_sure = is_plain && self.is_run(command);
        if target.starts_with("OTTO_") && target != "OTTO_OUTPUT" {
            if target.contains('…') {
                self.uses.may_export = true;
                return;
            }
            let value = word.trim_start_matches(target).strip_prefix('=').and_then(literal);
            let literal = value.map(|value| Literal::Text(Value::from(value.as_str())));
            let is_sure = self.is_run(command);
            self.push(target.to_owned(), range, literal, is_sure, true);
            return;
        }
        let Some(written) = target.strip_prefix("OUTPUT[").and_then(|rest| rest.strip_suffix(']')) else {
            let list = word.trim_start_matches("OUTPUT").trim_start_matches('+').strip_prefix("=(");
            match list.and_then(|list| list.strip_suffix(')')).and_then(keys_of_list) {
                Some(keys) => {
                    self.uses.may_unset |= !word.starts_with("OUTPUT+");
                    for (key, literal) in keys {
                        self.push(key, range.clone(), literal, false, false);
                    }
                }
                None => self.uses.is_open = true,
            }
            return;
        };
        let Some(key) = key(written) else {
            self.uses.is_open = true;
            return;
        };
        let value =
            word.strip_prefix("OUTPUT[").and_then(subscript).and_then(|(_, rest)| rest.strip_prefix('='));
        let literal = value.filter(|_| is_plain).and_then(assigned);
        self.push(key, range, literal, is_sure, false);
    }

    fn push(
        &mut self,
        key: String,
        range: Range<usize>,
        literal: Option<Literal>,
        is_sure: bool,
        is_export: bool,
    ) {
        let anchor = self.anchor(range.start);
        self.uses.sets.push(Set { key, range, anchor, literal, is_sure, is_export });
    }

    fn set_by_function(&mut self, command: &Command, rest: &[&str], range: Range<usize>) {
        let (mut is_json, mut is_list) = (false, false);
        let mut words = rest.iter().copied().peekable();
        while let Some(word) = words.peek().copied() {
            match word {
                "--json" => is_json = true,
                "--list" => is_list = true,
                "--secret" | "--" => {}
                _ => break,
            }
            words.next();
            if word == "--" {
                break;
            }
        }
        let Some(key) = words.next().and_then(literal).filter(|key| !key.is_empty()) else {
            self.uses.is_open = true;
            return;
        };
        let values: Option<Vec<String>> = words.map(literal).collect();
        let literal = values.and_then(|values| match values.as_slice() {
            items if is_list => Some(Literal::Text(Value::List(
                items.iter().map(|item| Value::from(item.as_str())).collect(),
            ))),
            [json] if is_json => value::parse_output(json.as_bytes()).ok().map(Literal::Typed),
            [text] if !is_json => Some(Literal::Text(Value::from(text.as_str()))),
            _ => None,
        });
        let is_sure = self.is_run(command) && command.is_checked;
        self.push(key, range, literal, is_sure, false);
    }

    fn get(&mut self, command: &Command, verb: &str, rest: &[&str], range: Range<usize>) {
        let mut words = rest.iter().copied();
        let mut first = words.next();
        if first == Some("-v") {
            words.next();
            first = words.next();
        }
        if first == Some("--") {
            first = words.next();
        }
        let force = match (verb, words.next()) {
            // It prints nothing, and the script continues.
            ("otto_get_input", None) => Force::Uncertain,
            (_, default) => self.force_of_call(command, default.is_some(), range.start),
        };
        self.read(What::Input, first.and_then(literal), range, force);
    }

    /// How a function of otto's that fails without a value matters.
    fn force_of_call(&self, command: &Command, has_default: bool, place: usize) -> Force {
        if has_default {
            return Force::Optional;
        }
        let is_sure = command.is_checked && command.function.is_none() && !self.end.is_lenient;
        let is_sure = is_sure && !self.is_condition && !self.has_own_data;
        let is_reached = match command.copy {
            None => place < self.end.script,
            // The whole of a substitution whose status is that of an assignment.
            Some(Copy::Substitution) => place < self.end.copy && self.is_whole_assignment(command),
            Some(_) => false,
        };
        match (is_sure && is_reached, command.is_checked) {
            (true, _) => Force::Certain,
            // `if otto.get …`, `otto.get … || …`.
            (false, false) if command.copy.is_none() && command.function.is_none() => Force::Optional,
            (false, _) => Force::Uncertain,
        }
    }

    /// Whether a command is all of the `$( … )` that is all of an assignment's value.
    fn is_whole_assignment(&self, command: &Command) -> bool {
        let (Some(first), Some(last)) = (command.words.first(), command.words.last()) else { return false };
        let before = self.text[..first.start].trim_end_matches([' ', '\t']);
        let after = self.text[last.end..].trim_start_matches([' ', '\t']);
        let is_open = ["=$(", "=\"$("].iter().any(|open| before.ends_with(open));
        is_open && after.starts_with(')')
    }

    fn read(&mut self, what: What, path: Option<String>, range: Range<usize>, force: Force) {
        let Some(path) = path.filter(|path| !path.is_empty()) else { return };
        let anchor = self.anchor(range.start);
        self.uses.reads.push(Read { what, path, range, anchor, force });
    }

    fn reads(&mut self) {
        if !self.has_arrays {
            return;
        }
        for (name, what) in [("INPUT", What::Input), ("OUTCOME", What::Outcome)] {
            if has_word(self.text, name) && !self.is_own(name) {
                self.reads_of(name, what);
            }
        }
    }

    /// Whether a body sets a variable of this name itself, or lets something else set it.
    fn is_own(&self, name: &str) -> bool {
        let is_name = |word: &str| {
            let bare = word.trim_start_matches(['"', '\'']);
            bare.strip_prefix(name)
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        };
        self.found.commands.iter().any(|command| {
            let words = self.words(command);
            match command.kind {
                CommandKind::Simple => {
                    let is_tested = verb(self.text, command).is_some_and(|(verb, ..)| {
                        HARMLESS.contains(&verb) || verb == "printf" && !words.contains(&"-v")
                    });
                    !is_tested && words.iter().any(|word| is_name(word))
                        || words.iter().any(|word| word.contains(&format!("={name}")) && !word.contains('$'))
                }
                CommandKind::Loop => words.first().is_some_and(|word| is_name(word)),
                CommandKind::Arithmetic => {
                    words.iter().any(|text| has_word(text, name) && text.replace("==", "").contains('='))
                }
                CommandKind::Parameter => words.iter().any(|text| {
                    let rest =
                        text.strip_prefix(name).and_then(|rest| rest.strip_prefix('[')).and_then(subscript);
                    rest.is_some_and(|(_, rest)| rest.starts_with('=') || rest.starts_with(":="))
                }),
                CommandKind::Condition | CommandKind::Text => false,
            }
        })
    }

    fn reads_of(&mut self, name: &str, what: What) {
        let found = self.found;
        for command in &found.commands {
            for range in &command.words {
                let Some(text) = self.text.get(range.clone()) else { continue };
                match command.kind {
                    CommandKind::Parameter => self.expansion(command, range.start, text, name, what),
                    // `[[ -v INPUT[a.b] ]]`
                    CommandKind::Condition | CommandKind::Simple => {
                        self.existence(range.start, text, name, what)
                    }
                    CommandKind::Loop | CommandKind::Arithmetic | CommandKind::Text => {}
                }
            }
        }
    }

    /// `${INPUT[a.b]…}`
    fn expansion(&mut self, command: &Command, start: usize, text: &str, name: &str, what: What) {
        let skipped = text.len() - text.trim_start_matches('#').len();
        let Some(inner) = text[skipped..].strip_prefix(name).and_then(|rest| rest.strip_prefix('[')) else {
            return;
        };
        let Some((written, operator)) = subscript(inner) else { return };
        let length = name.len() + written.len() + 2;
        let is_optional = ["-", ":-", "+", ":+"].iter().any(|with| operator.starts_with(with));
        let place = start + skipped;
        let is_reached = match command.copy {
            None => place < self.end.script,
            Some(_) => place < self.end.copy.min(self.end.script),
        };
        let ends_script = match command.surety {
            Surety::Ends => true,
            Surety::Fails => !self.is_condition,
            Surety::Unsure => false,
        };
        let is_sure = is_reached && command.function.is_none() && ends_script;
        let is_plain = skipped == 0 && !operator.starts_with('@');
        let force = match (is_optional, is_sure && is_plain && !self.end.is_lenient) {
            (true, _) => Force::Optional,
            (false, true) => Force::Certain,
            (false, false) => Force::Uncertain,
        };
        self.read(what, key(written), place..place + length, force);
    }

    fn existence(&mut self, start: usize, text: &str, name: &str, what: What) {
        for (place, _) in text.match_indices(name) {
            let before = text[..place].trim_end_matches(['"', '\'']);
            let is_asked = before.trim_end().ends_with("-v")
                || before.is_empty() && self.text[..start].trim_end().ends_with("-v");
            let Some(inner) = text[place + name.len()..].strip_prefix('[').filter(|_| is_asked) else {
                continue;
            };
            let Some((written, _)) = subscript(inner) else { continue };
            let range = start + place..start + place + name.len() + written.len() + 2;
            self.read(what, key(written), range, Force::Optional);
        }
    }
}

/// What a shell makes of the right side of an assignment, in which it expands no patterns.
fn assigned(value: &str) -> Option<Literal> {
    let is_bare = !value.contains(['~', '(']) && !value.contains("$'");
    let text = Names::default().expand(value).pop().filter(|_| is_bare)?;
    (!text.contains([UNKNOWN, ARGUMENT])).then(|| Literal::Text(Value::from(text.as_str())))
}

/// The keys of `[k]=v [j]=w`.
fn keys_of_list(list: &str) -> Option<Vec<(String, Option<Literal>)>> {
    let line = list.replace('\n', " ");
    let found = grammar::commands(&format!("x {line}"));
    let words = found.simple().next().map(|command| command.words[1..].to_vec()).unwrap_or_default();
    let is_whole = found.simple().count() == 1;
    let line = format!("x {line}");
    let keys: Option<Vec<_>> = words
        .into_iter()
        .map(|word| {
            let (written, rest) = subscript(line.get(word)?.strip_prefix('[')?)?;
            Some((key(written)?, assigned(rest.strip_prefix('=')?)))
        })
        .collect();
    keys.filter(|_| is_whole)
}
