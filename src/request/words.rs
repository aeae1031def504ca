//! The words of one task, taken by the arity that its parameters declare.

use super::{Argument, Given, find, usage};
use crate::diagnostic::{Code, Diagnostic};
use crate::name::similar;
use crate::ottofile::Ottofile;
use crate::ottofile::choice::Choices;
use crate::ottofile::spec::{Count, Param, ParamForm, Task};
use crate::source::{SourceFile, Span};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The words as given, and as one line of text with the place of each.
pub(super) struct CommandLine {
    pub(super) words: Vec<OsString>,
    pub(super) source: SourceFile,
    spans: Vec<Span>,
    texts: Vec<String>,
    /// What has to be read before it is known what the words mean.
    missing: RefCell<Missing>,
}

/// Files that have to be read before it is known what the words mean.
#[derive(Clone, Debug, Default)]
pub(super) struct Missing {
    /// Namespaces.
    pub(super) unread: BTreeSet<usize>,
    /// Names with `/` in front, which are those of an ottofile further up, if one includes this one.
    pub(super) of_root: BTreeSet<String>,
}

impl CommandLine {
    pub(super) fn new(words: &[OsString]) -> CommandLine {
        let mut line = String::from("otto");
        let mut ranges = Vec::with_capacity(words.len());
        let mut texts = Vec::with_capacity(words.len());
        for word in words {
            let text = word.to_string_lossy().into_owned();
            line.push(' ');
            let start = line.len();
            line.push_str(&quoted(&text));
            ranges.push(start..line.len());
            texts.push(text);
        }
        let source = SourceFile::new("command line", line);
        let spans = ranges.into_iter().map(|range| source.span(range.start, range.end)).collect();
        CommandLine { words: words.to_vec(), source, spans, texts, missing: RefCell::default() }
    }

    /// The word as text; bytes that are not UTF-8 are replaced, which no name or option matches.
    pub(super) fn text(&self, place: usize) -> &str {
        &self.texts[place]
    }

    pub(super) fn span(&self, place: usize) -> Span {
        self.spans[place]
    }

    pub(super) fn missing(&self) -> Missing {
        self.missing.take()
    }

    /// The task that a word names, with the item. What has to be read to know it is noted.
    pub(super) fn find(&self, ottofile: &Ottofile, text: &str) -> Option<(usize, Option<String>)> {
        let (name, namespaces) = (ottofile.whole_name(text), &ottofile.namespaces);
        if text.starts_with('/') && !namespaces.is_topmost && name != text {
            self.missing.borrow_mut().of_root.insert(text.to_owned());
            return None;
        }
        let found = find(ottofile, &name);
        if found.is_none() {
            self.note_unread(ottofile, &name);
        }
        found
    }

    /// Notes the namespace of a whole name, if that has to be read to know what the name stands for.
    pub(super) fn note_unread(&self, ottofile: &Ottofile, name: &str) {
        self.missing.borrow_mut().unread.extend(ottofile.unread(name));
    }
}

/// As a shell needs it: in quotes, unless all of its characters are plain.
pub(crate) fn quoted(text: &str) -> Cow<'_, str> {
    let is_plain = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_=./:,+@%".contains(c));
    if is_plain { Cow::Borrowed(text) } else { Cow::Owned(format!("'{}'", text.replace('\'', "'\\''"))) }
}

/// Collects the values of one task.
pub(super) struct Taker<'a> {
    line: &'a CommandLine,
    task: &'a Task,
    ottofile: &'a Ottofile,
    given: Vec<Given>,
    /// Places in `Task::params` of the positional ones, in order.
    positionals: Vec<usize>,
    /// The positional that the next word would go to, and how many words it has.
    next: usize,
    taken: usize,
    /// Where a word could have been read in another way too.
    pub(super) notes: Vec<String>,
}

/// What lets a task take any words.
pub(crate) const PASS_ON: &str = "to accept any arguments, declare a parameter `args: {nargs: \"*\"}`; otto does not read arguments after `--`";

impl<'a> Taker<'a> {
    pub(super) fn new(line: &'a CommandLine, task: &'a Task, ottofile: &'a Ottofile) -> Taker<'a> {
        let is_positional = |(_, param): &(usize, &Param)| matches!(param.form, ParamForm::Positional(_));
        let positionals =
            task.params.iter().enumerate().filter(is_positional).map(|(place, _)| place).collect();
        Taker { line, task, ottofile, given: Vec::new(), positionals, next: 0, taken: 0, notes: Vec::new() }
    }

    /// `-5` is a value when a positional waits and no option is called so.
    pub(super) fn takes_as_number(&self, text: &str) -> bool {
        let is_number = text.parse::<f64>().is_ok();
        is_number
            && self.next < self.positionals.len()
            && self.short(text.chars().nth(1).unwrap_or('-')).is_none()
    }

    fn short(&self, letter: char) -> Option<usize> {
        self.find(|form| matches!(form, ParamForm::Option { short: Some(short), .. } if *short == letter))
    }

    fn long(&self, name: &str) -> Option<usize> {
        self.find(|form| matches!(form, ParamForm::Option { long: Some(long), .. } if long == name))
    }

    fn find(&self, matches: impl Fn(&ParamForm) -> bool) -> Option<usize> {
        self.task.params.iter().position(|param| matches(&param.form))
    }

    fn push(&mut self, param: usize, value: OsString, span: Span) {
        let count = self.task.params[param].count;
        match self.given.iter_mut().find(|given| given.param == param) {
            Some(Given { value: Argument::Words(words), span: whole, .. }) => {
                words.push(value);
                *whole = Span { end: span.end, ..*whole };
            }
            // The last one wins, as users of other tools expect.
            Some(given) => *given = Given { param, value: Argument::Text(value), span },
            None => self.given.push(Given { param, value: Argument::Text(value).taken_as(count), span }),
        }
    }

    /// An option that takes several words stands alone: an empty list, which is not the same as not given.
    fn push_none(&mut self, param: usize, span: Span) {
        let value = match self.task.params[param].count.takes_several() {
            true => Argument::Words(Vec::new()),
            false => Argument::Text(OsString::new()),
        };
        if self.given.iter().all(|given| given.param != param) {
            self.given.push(Given { param, value, span });
        }
    }

    /// Takes an option of this task with its values; None if the task declares no such option.
    pub(super) fn option(&mut self, place: usize, diagnostics: &mut Vec<Diagnostic>) -> Option<usize> {
        let text = self.line.text(place);
        if let Some(long) = text.strip_prefix("--") {
            let (name, attached) = match long.split_once('=') {
                Some((name, _)) => (name, Some(self.after_equals(place))),
                None => (long, None),
            };
            if let Some(param) = self.long(name) {
                return Some(self.values(param, text, place, attached, diagnostics));
            }
            let negated = name.strip_prefix("no-").and_then(|name| self.long(name));
            let param = negated
                .filter(|param| self.task.params[*param].count == Count::Flag && attached.is_none())?;
            self.push(param, "false".into(), self.line.span(place));
            return Some(place + 1);
        }
        let mut letters = text[1..].char_indices();
        let (_, first) = letters.next()?;
        let param = self.short(first)?;
        let rest = letters.next();
        match (self.task.params[param].count, rest) {
            (_, None) => Some(self.values(param, text, place, None, diagnostics)),
            (Count::Flag, Some((_, '='))) => {
                let attached = self.after_equals(place);
                Some(self.values(param, text, place, Some(attached), diagnostics))
            }
            (Count::Flag, Some(_)) => self.bundle(place, diagnostics),
            (Count::One | Count::Range { .. }, Some((offset, letter))) => {
                let skipped = 1 + offset + usize::from(letter == '=');
                let value = OsString::from_vec(self.line.words[place].as_bytes()[skipped..].to_vec());
                Some(self.values(param, text, place, Some(value), diagnostics))
            }
        }
    }

    /// `-vf` is `-v -f` when all are flags but the last, which may take a value: `-vfx` is `-v -f x`.
    fn bundle(&mut self, place: usize, diagnostics: &mut Vec<Diagnostic>) -> Option<usize> {
        let text = self.line.text(place);
        let is_flag = |param: usize| self.task.params[param].count == Count::Flag;
        let mut flags = Vec::new();
        let mut last = None;
        for (offset, letter) in text[1..].char_indices() {
            let param = self.short(letter)?;
            last = Some((param, 1 + offset + letter.len_utf8(), letter));
            if !is_flag(param) {
                break;
            }
            flags.push(param);
        }
        let (param, end, letter) = last?;
        if is_flag(param) {
            flags.pop();
        }
        for flag in flags {
            self.push(flag, "true".into(), self.line.span(place));
        }
        let bytes = self.line.words[place].as_bytes();
        // Letters are ASCII, so the text and the bytes agree up to here.
        let attached = (end < bytes.len()).then(|| {
            let skipped = end + usize::from(bytes[end] == b'=');
            OsString::from_vec(bytes[skipped..].to_vec())
        });
        Some(self.values(param, &format!("-{letter}"), place, attached, diagnostics))
    }

    fn after_equals(&self, place: usize) -> OsString {
        let bytes = self.line.words[place].as_bytes();
        let equals = bytes.iter().position(|byte| *byte == b'=').map_or(bytes.len(), |at| at + 1);
        OsString::from_vec(bytes[equals..].to_vec())
    }

    /// Takes the values of an option that stands at `place`; answers where the next word is.
    fn values(
        &mut self,
        param: usize,
        shown: &str,
        place: usize,
        attached: Option<OsString>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> usize {
        let span = self.line.span(place);
        let (least, most) = match (self.task.params[param].count, attached) {
            (Count::Flag, None) => {
                self.push(param, "true".into(), span);
                return place + 1;
            }
            (Count::Flag, Some(value)) => {
                match parse_bool(&value) {
                    Some(value) => self.push(param, value.to_string().into(), span),
                    None => diagnostics.push(
                        Diagnostic::error(
                            Code::BadParamType,
                            format!(
                                "invalid value `{}` for the flag `{}`",
                                value.to_string_lossy(),
                                flag_of(shown)
                            ),
                        )
                        .at(&self.line.source, span, "flags are `true` or `false`"),
                    ),
                }
                return place + 1;
            }
            (Count::One, Some(value)) => {
                self.push(param, value, span);
                return place + 1;
            }
            (Count::Range { least, .. }, Some(value)) => {
                if least > 1 {
                    let message =
                        format!("`{}` of `{}` needs {least} values", flag_of(shown), self.task.name);
                    let wrong = Diagnostic::error(Code::MissingValue, message)
                        .at(&self.line.source, span, "only one follows the `=`")
                        .help(format!("write them after it, separated by spaces: `{} …`", flag_of(shown)));
                    diagnostics.push(wrong);
                }
                self.push(param, value, span);
                return place + 1;
            }
            (Count::One, None) => (1, Some(1)),
            (Count::Range { least, most }, None) => (least, most),
        };
        let mut next = place + 1;
        let mut taken = 0;
        while most.is_none_or(|most| taken < most) && next < self.line.words.len() {
            let text = self.line.text(next);
            let is_optional = taken >= least;
            if text == "--" || self.is_option(text) || is_optional && self.is_rather_a_task(param, text) {
                break;
            }
            self.push(param, self.line.words[next].clone(), self.line.span(next));
            next += 1;
            taken += 1;
        }
        if taken == 0 && least == 0 {
            self.push_none(param, span);
        }
        if taken < least {
            let wanted = if least == 1 { "a value".to_owned() } else { format!("{least} values") };
            let mut diagnostic = Diagnostic::error(
                Code::MissingValue,
                format!("`{shown}` of `{}` needs {wanted}", self.task.name),
            )
            .at(
                &self.line.source,
                span,
                if taken == 0 { "no value follows".to_owned() } else { format!("only {taken} follow") },
            );
            if next < self.line.words.len()
                && self.line.text(next).starts_with('-')
                && self.line.text(next) != "--"
            {
                diagnostic = diagnostic.help(format!(
                    "write a value that starts with `-` as `{}={}`",
                    flag_of(shown),
                    self.line.text(next)
                ));
            }
            diagnostics.push(diagnostic);
        }
        next
    }

    /// Whether a word is an option rather than a value: it starts with `-` and is neither `-` nor a number.
    fn is_option(&self, text: &str) -> bool {
        text.starts_with('-') && text.len() > 1 && text.parse::<f64>().is_err()
    }

    /// Whether a word after an option that needs no further value starts a task. Only its choices can tell; without any
    /// the task is started, and a note says so.
    fn is_rather_a_task(&mut self, param: usize, text: &str) -> bool {
        if self.line.find(self.ottofile, text).is_none() {
            return false;
        }
        let declared = &self.task.params[param];
        let is_choice = !declared.choices.is_empty() && fits(declared, text);
        if is_choice {
            self.note_value(param, text);
        } else if declared.choices.is_empty() && fits(declared, text) {
            let form = shown_option(declared);
            self.notes.push(format!(
                "`{text}` starts that task; to use it as the value of `{form}`, write `{form}={text}`"
            ));
        }
        !is_choice
    }

    /// Says that a word was read as a value although it names a task.
    fn note_value(&mut self, param: usize, text: &str) {
        let (task, param) = (&self.task.name, &self.task.params[param].name);
        self.notes.push(format!(
            "`{text}` is a value of `{param}` here; to also run the task `{text}`, put it first: `otto {text} {task} …`"
        ));
    }

    /// Whether the next word, whatever it looks like, belongs to a parameter that takes several.
    pub(super) fn passes_on(&self) -> bool {
        for (place, param) in self.positionals.iter().enumerate().skip(self.next) {
            let declared = &self.task.params[*param];
            let taken = if place == self.next { self.taken } else { 0 };
            let (least, most) = bounds(declared.count);
            if declared.count.takes_several() && most.is_none_or(|most| taken < most) {
                return true;
            }
            if taken < least && declared.default.is_none() {
                return false;
            }
        }
        false
    }

    /// Whether no positional has a word yet.
    pub(super) fn has_no_words(&self) -> bool {
        self.next == 0 && self.taken == 0
    }

    /// A parameter that takes several words has as many as it may, and nothing follows it.
    pub(super) fn is_full_list(&self) -> bool {
        let is_list = |param: &usize| self.task.params[*param].count.takes_several();
        self.positionals.last().is_some_and(is_list) && !self.has_room()
    }

    /// Whether a positional could take another word.
    pub(super) fn has_room(&self) -> bool {
        let Some(param) = self.positionals.get(self.next) else { return false };
        self.next + 1 < self.positionals.len()
            || bounds(self.task.params[*param].count).1.is_none_or(|most| self.taken < most)
    }

    /// Gives a bare word to the positional that waits for it; None if it belongs to nobody here.
    ///
    /// A word that names a task and is none of a parameter's choices starts that task, unless the parameter must have a
    /// value.
    pub(super) fn positional(&mut self, place: usize) -> Option<usize> {
        let passes_on = self.passes_on();
        let text = self.line.text(place);
        loop {
            let param = *self.positionals.get(self.next)?;
            let declared = &self.task.params[param];
            let (least, most) = bounds(declared.count);
            let is_waiting = self.taken < least && declared.default.is_none();
            let is_left_out =
                passes_on && !is_waiting && !declared.count.takes_several() && !fits(declared, text);
            if most.is_some_and(|most| self.taken >= most) || is_left_out {
                self.next += 1;
                self.taken = 0;
                continue;
            }
            if !is_waiting && !fits(declared, text) {
                if self.line.find(self.ottofile, text).is_some() {
                    return None;
                }
            // No file is read only to say that a word could have been read in another way.
            } else if !is_waiting && find(self.ottofile, &self.ottofile.whole_name(text)).is_some() {
                self.note_value(param, text);
            }
            self.push(param, self.line.words[place].clone(), self.line.span(place));
            self.taken += 1;
            return Some(place + 1);
        }
    }

    /// Gives a word that looks like an option to the parameter that takes any.
    pub(super) fn pass_on(&mut self, place: usize) -> usize {
        while let Some(param) = self.positionals.get(self.next)
            && !self.task.params[*param].count.takes_several()
        {
            self.next += 1;
            self.taken = 0;
        }
        self.word_after_dashes(place, &mut Vec::new())
    }

    /// After `--` every word is a positional, whatever it looks like.
    pub(super) fn word_after_dashes(&mut self, place: usize, diagnostics: &mut Vec<Diagnostic>) -> usize {
        while let Some(param) = self.positionals.get(self.next).copied() {
            if bounds(self.task.params[param].count).1.is_none_or(|most| self.taken < most) {
                self.push(param, self.line.words[place].clone(), self.line.span(place));
                self.taken += 1;
                return place + 1;
            }
            self.next += 1;
            self.taken = 0;
        }
        diagnostics.push(
            Diagnostic::error(Code::UnexpectedWord, format!("`{}` takes no more arguments", self.task.name))
                .at(&self.line.source, self.line.span(place), "extra argument after `--`"),
        );
        place + 1
    }

    pub(super) fn unknown_option(&self, place: usize) -> Diagnostic {
        let text = self.line.text(place);
        let name = text.split('=').next().unwrap_or(text);
        let handed_on = super::handed_on(self.ottofile, self.task);
        let handed_on = handed_on.iter().map(|(task, param)| &self.ottofile.tasks[*task].params[*param]);
        let known: Vec<String> = self.task.params.iter().chain(handed_on).flat_map(option_names).collect();
        let serial = self.task.foreach.is_some().then_some("--Serial");
        let needed = super::option_of_needed(self.ottofile, self.task, name);
        let near = match needed {
            Some(_) => Vec::new(),
            None => similar(name, known.iter().map(String::as_str).chain(serial), 3),
        };
        let diagnostic =
            Diagnostic::error(Code::UnknownParam, format!("`{}` has no option `{name}`", self.task.name))
                .at(&self.line.source, self.line.span(place), "not declared in its `params`")
                .did_you_mean(&near)
                .usage(usage(self.task));
        if let Some((other, param)) = needed {
            let value = if param.count == Count::Flag { "" } else { " VALUE" };
            return diagnostic
                .at(&self.ottofile.sources, param.form_span, format!("an option of `{}`", other.name))
                .help(format!(
                    "`{other}` takes it, which `{task}` depends on: `otto {other} {name}{value} {task}`",
                    other = other.name,
                    task = self.task.name
                ));
        }
        let diagnostic = match self.has_room() {
            true => diagnostic.help(format!(
                "to pass it to the task, write `--` before it: `otto {} -- {text}`",
                self.task.name
            )),
            false => diagnostic,
        };
        if known.is_empty() {
            diagnostic.note(format!("`{}` declares no options", self.task.name))
        } else if near.is_empty() {
            diagnostic.help(format!(
                "it has {}",
                known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            ))
        } else {
            diagnostic
        }
    }

    /// The values, after a check that each positional got as many words as it needs.
    pub(super) fn finish(self, diagnostics: &mut Vec<Diagnostic>) -> Vec<Given> {
        if let Some(param) = self.positionals.get(self.next) {
            let declared = &self.task.params[*param];
            let (least, _) = bounds(declared.count);
            if self.taken > 0 && self.taken < least {
                let given = self.given.iter().find(|given| given.param == *param);
                let span = given.map_or_else(|| self.line.source.span(0, 0), |given| given.span);
                diagnostics.push(
                    Diagnostic::error(
                        Code::WrongCount,
                        format!(
                            "`{}` of `{}` needs {least} values, {} given",
                            declared.name, self.task.name, self.taken
                        ),
                    )
                    .at(&self.line.source, span, "too few"),
                );
            }
        }
        self.given
    }
}

/// `--msg` and `-m` of a parameter; nothing for a positional.
pub(crate) fn option_names(param: &Param) -> Vec<String> {
    match &param.form {
        ParamForm::Positional(_) => Vec::new(),
        ParamForm::Option { short, long } => {
            let long = long.iter().map(|long| format!("--{long}"));
            long.chain(short.iter().map(|short| format!("-{short}"))).collect()
        }
    }
}

/// Whether a word can be a value of the parameter, as far as the ottofile tells.
fn fits(param: &Param, word: &str) -> bool {
    let is_choice =
        || Choices::new(param.choices.iter().map(|choice| choice.value.as_str())).one(word).is_some();
    param.kind.accepts(word) && (param.choices.is_empty() || is_choice())
}

/// `--env`, or `-e` without a long form.
fn shown_option(param: &Param) -> String {
    option_names(param).into_iter().next().unwrap_or_else(|| param.name.to_string())
}

fn bounds(count: Count) -> (usize, Option<usize>) {
    match count {
        Count::Flag => (0, Some(0)),
        Count::One => (1, Some(1)),
        Count::Range { least, most } => (least, most),
    }
}

fn flag_of(shown: &str) -> &str {
    shown.split('=').next().unwrap_or(shown)
}

pub(crate) fn parse_bool(value: &OsStr) -> Option<bool> {
    match value.to_str()?.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}
