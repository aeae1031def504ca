//! The values of `envs`: references between entries in any order, commands, each of them run once.
//! What a command printed is data and is never read again.

use super::dotenv;
use super::facts::{CommandFailure, Facts};
use super::graph;
use super::pattern::{self, ShellPattern};
use super::template::arithmetic::{self, Expression};
use super::template::{self, Change, PatternPart, TemplatePart};
use crate::body::export::has_word;
use crate::diagnostic::{self, Code, Diagnostic};
use crate::name::similar;
use crate::ottofile::Ottofile;
use crate::ottofile::glob;
use crate::ottofile::spec::{DotenvFile, EnvEntry};
use crate::source::{SourceFile, SourceId, Sources, Span, Spanned};
use crate::verbatim;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::rc::Rc;

pub(crate) type Variables = Vec<(String, OsString)>;

/// Variables, and the entries of `envs` that have no value because their command failed or they grew too large.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Resolved {
    #[serde(with = "verbatim::named")]
    pub(crate) values: Variables,
    /// What is in `values` under one of these names is what the entry was to replace.
    pub(crate) failures: Vec<FailedEntry>,
    /// Variables that hold the names of files, for texts that are patterns: what is in such a name is no pattern.
    pub(crate) files: Vec<String>,
}

/// An entry of `envs` without a value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FailedEntry {
    pub(crate) name: String,
    /// What went wrong in this entry, or in one that it refers to.
    #[serde(with = "diagnostic::told")]
    pub(crate) why: Diagnostic,
}

impl Resolved {
    /// Sets a variable, whether its name had a value, a failure or nothing.
    pub(crate) fn set(&mut self, name: String, value: OsString) {
        self.failures.retain(|failure| failure.name != name);
        self.files.retain(|file| *file != name);
        set(&mut self.values, name, value);
    }

    /// Sets what entries over these came to. What such an entry was to replace keeps its value.
    fn set_all(&mut self, entries: Resolved) {
        entries.values.into_iter().for_each(|(name, value)| self.set(name, value));
        self.failures.retain(|failure| entries.failures.iter().all(|new| new.name != failure.name));
        self.failures.extend(entries.failures);
    }

    /// The first entry without a value that a text mentions. Whatever stands around the name counts: languages have many
    /// ways to read a variable.
    pub(crate) fn failure_in(&self, text: &str) -> Option<&FailedEntry> {
        self.failures.iter().find(|failure| has_word(text, &failure.name))
    }

    /// The variables for a command, unless it mentions an entry that has no value.
    pub(crate) fn for_command(&self, command: &str) -> Result<Variables, Vec<Diagnostic>> {
        match self.failure_in(command) {
            Some(failure) => Err(vec![failure.why.clone()]),
            None => Ok(self.values.clone()),
        }
    }
}

/// Answers with the variables of the tasks of a file for a command, unless it mentions an entry that has no value.
pub(crate) type ForCommand<'a> = dyn FnMut(SourceId, &str) -> Result<Variables, Vec<Diagnostic>> + 'a;

/// The variables of the tasks of each file that has some in a plan.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct FileVariables(HashMap<SourceId, Resolved>);

impl FileVariables {
    /// Those of a file; none where they were not worked out.
    pub(crate) fn of(&self, source: SourceId) -> &Resolved {
        static NONE: Resolved = Resolved { values: Vec::new(), failures: Vec::new(), files: Vec::new() };
        self.0.get(&source).unwrap_or(&NONE)
    }

    pub(crate) fn of_root(&self) -> &[(String, OsString)] {
        &self.of(SourceId::default()).values
    }
}

type OfFile = Result<Rc<Resolved>, Vec<Diagnostic>>;

/// The variables of every task of a file, worked out when they are first asked for.
pub(crate) struct Globals<'a> {
    ottofile: &'a Ottofile,
    facts: &'a dyn Facts,
    known: RefCell<HashMap<SourceId, OfFile>>,
}

impl<'a> Globals<'a> {
    pub(crate) fn new(ottofile: &'a Ottofile, facts: &'a dyn Facts) -> Globals<'a> {
        Globals { ottofile, facts, known: RefCell::default() }
    }

    pub(crate) fn of(&self, source: SourceId) -> OfFile {
        if let Some(known) = self.known.borrow().get(&source) {
            return known.clone();
        }
        let found = self.worked_out(source).map(Rc::new);
        self.known.borrow_mut().insert(source, found.clone());
        found
    }

    /// Those that were asked for and worked out.
    pub(crate) fn into_known(self) -> FileVariables {
        let known = self.known.into_inner().into_iter();
        FileVariables(
            known.filter_map(|(source, found)| Some((source, Rc::unwrap_or_clone(found.ok()?)))).collect(),
        )
    }

    /// Those of the file that includes it, then those of its entry there, then its own.
    fn worked_out(&self, source: SourceId) -> Result<Resolved, Vec<Diagnostic>> {
        let ottofile = self.ottofile;
        let mut beneath = Resolved::default();
        if let Some(part) = ottofile.part(source) {
            beneath = (*self.of(part.parent)?).clone();
            let entries = &ottofile.settings_of(part.parent).includes[part.include].envs;
            let facts = self.facts.within(ottofile.folder_of(part.parent));
            beneath.set_all(resolve(entries, &beneath, &ottofile.sources, &*facts)?);
        }
        global(ottofile, source, beneath, &*self.facts.within(ottofile.folder_of(source)))
    }
}

/// The variables of every task of a file over those beneath: `dotenv` under the environment, `envs-command` over it, `envs`
/// on top.
fn global(
    ottofile: &Ottofile,
    source: SourceId,
    mut beneath: Resolved,
    facts: &dyn Facts,
) -> Result<Resolved, Vec<Diagnostic>> {
    let settings = ottofile.settings_of(source);
    let mut diagnostics = Vec::new();
    match dotenv(&settings.dotenv, &ottofile.sources, facts) {
        Ok(variables) => variables.into_iter().for_each(|(name, value)| beneath.set(name, value)),
        Err(mut problems) => diagnostics.append(&mut problems),
    }
    if let Some(command) = &settings.envs_command {
        match envs_command(command, &ottofile.sources, facts, &beneath.values) {
            Ok(entries) => entries.into_iter().for_each(|(name, value)| beneath.set(name, value)),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    beneath.set_all(resolve(&settings.envs, &beneath, &ottofile.sources, facts)?);
    Ok(beneath)
}

fn set(variables: &mut Variables, name: String, value: OsString) {
    match variables.iter_mut().find(|(known, _)| *known == name) {
        Some(variable) => variable.1 = value,
        None => variables.push((name, value)),
    }
}

/// Resolves entries over the variables beneath them and the environment. Returns the entries only, in order.
pub(crate) fn resolve(
    entries: &[EnvEntry],
    beneath: &Resolved,
    source: &Sources,
    facts: &dyn Facts,
) -> Result<Resolved, Vec<Diagnostic>> {
    if entries.is_empty() {
        return Ok(Resolved::default());
    }
    let Ordered { parsed, names, mentions, order } = ordered(entries, source)?;
    let needs_command = needing_commands(&parsed, &mentions, &order);
    // Entries without commands first: a command sees all of them, whether it mentions them or not.
    let mut sorted = order;
    sorted.sort_by_key(|place| needs_command[*place]);
    let mut values: Vec<Option<OsString>> = vec![None; entries.len()];
    let mut failures: Vec<FailedEntry> = Vec::new();
    let mut room = VALUES_BYTES;
    for place in sorted {
        let evaluation = Evaluation {
            entries,
            place,
            values: &values,
            failures: &failures,
            room,
            beneath,
            source,
            facts,
            names: &names,
        };
        match evaluation.value(&parsed[place]) {
            Ok(value) => {
                room -= value.len();
                values[place] = Some(value);
            }
            Err(why) if matches!(why.code, Code::EnvFailed | Code::TooLarge) => {
                failures.push(FailedEntry { name: entries[place].name.value.clone(), why: *why });
            }
            // Wrong in every environment.
            Err(wrong) => return Err(vec![*wrong]),
        }
    }
    let value_of =
        |(place, entry): (usize, &EnvEntry)| Some((entry.name.value.clone(), values[place].take()?));
    Ok(Resolved {
        values: entries.iter().enumerate().filter_map(value_of).collect(),
        failures,
        files: Vec::new(),
    })
}

/// The names of the entries whose values a command has a part in, directly or through others.
pub(crate) fn computed<'e>(entries: &'e [EnvEntry], source: &Sources) -> HashSet<&'e str> {
    let Ok(Ordered { parsed, mentions, order, .. }) = ordered(entries, source) else { return HashSet::new() };
    let needs_command = needing_commands(&parsed, &mentions, &order);
    let needing = entries.iter().zip(needs_command).filter(|(_, needs_command)| *needs_command);
    needing.map(|(entry, _)| entry.name.value.as_str()).collect()
}

/// Whether each entry, or one that it mentions, runs a command.
fn needing_commands(parsed: &[Vec<TemplatePart>], mentions: &[Vec<usize>], order: &[usize]) -> Vec<bool> {
    let mut needs_command: Vec<bool> = parsed.iter().map(|pieces| runs_command(pieces)).collect();
    for place in order {
        needs_command[*place] |= mentions[*place].iter().any(|other| needs_command[*other]);
    }
    needs_command
}

/// The errors in these entries that do not depend on the environment.
pub(crate) fn mistakes(entries: &[EnvEntry], source: &Sources) -> Vec<Diagnostic> {
    ordered(entries, source).err().unwrap_or_default()
}

/// Entries that were read, by their places.
struct Ordered<'e> {
    parsed: Vec<Vec<TemplatePart>>,
    names: HashMap<&'e str, usize>,
    /// The other entries that each mentions.
    mentions: Vec<Vec<usize>>,
    /// Each after those it mentions.
    order: Vec<usize>,
}

fn ordered<'e>(entries: &'e [EnvEntry], source: &Sources) -> Result<Ordered<'e>, Vec<Diagnostic>> {
    let mut diagnostics = Vec::new();
    let mut parsed = Vec::with_capacity(entries.len());
    for entry in entries {
        match template::parse(&entry.value.value) {
            Ok(pieces) => parsed.push(pieces),
            Err(error) => {
                let diagnostic =
                    Diagnostic::error(Code::EnvSyntax, format!("invalid value of `{}`", entry.name.value))
                        .at(source, within(source, &entry.value, &error.place), &*error.message)
                        .help(match error.message == template::NOT_HERE {
                            true => template::IN_A_BODY,
                            false => "write `$$` for a literal `$`",
                        });
                diagnostics.push(diagnostic);
            }
        }
    }
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    let names: HashMap<&str, usize> =
        entries.iter().enumerate().map(|(place, entry)| (entry.name.value.as_str(), place)).collect();
    let mentions: Vec<Vec<usize>> = parsed
        .iter()
        .enumerate()
        .map(|(place, pieces)| {
            let mut mentioned = Vec::new();
            mentioned_names(pieces, &mut mentioned);
            // An entry that mentions itself means what it stands over.
            let mut places: Vec<usize> = mentioned
                .iter()
                .filter_map(|name| names.get(name.as_str()).copied())
                .filter(|other| *other != place)
                .collect();
            places.sort_unstable();
            places.dedup();
            places
        })
        .collect();
    let order = in_order(&mentions).map_err(|cycle| vec![circle(entries, &cycle, source)])?;
    Ok(Ordered { parsed, names, mentions, order })
}

fn runs_command(pieces: &[TemplatePart]) -> bool {
    pieces.iter().any(|piece| match piece {
        TemplatePart::Text(_) => false,
        TemplatePart::Command { .. } => true,
        TemplatePart::Arithmetic { expression, .. } => {
            expression.operands().into_iter().any(|operand| match operand {
                Expression::Expansion(piece) => runs_command(std::slice::from_ref(piece)),
                _ => false,
            })
        }
        TemplatePart::Variable { change, .. } => {
            change.as_ref().is_some_and(|change| change.pieces().any(runs_command))
        }
    })
}

fn mentioned_names(pieces: &[TemplatePart], names: &mut Vec<String>) {
    for piece in pieces {
        match piece {
            TemplatePart::Text(_) => {}
            TemplatePart::Variable { name, change, .. } => {
                names.push(name.clone());
                for pieces in change.iter().flat_map(Change::pieces) {
                    mentioned_names(pieces, names);
                }
            }
            TemplatePart::Command { text, .. } => names.extend(template::names_in_command(text)),
            TemplatePart::Arithmetic { expression, .. } => {
                for operand in expression.operands() {
                    match operand {
                        Expression::Name { name, .. } => names.push(name.clone()),
                        Expression::Expansion(piece) => mentioned_names(std::slice::from_ref(piece), names),
                        _ => {}
                    }
                }
            }
        }
    }
}

/// An order in which each comes after those it mentions, or a circle.
fn in_order(mentions: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    graph::topological(mentions.len(), |place| &mentions[place])
}

fn circle(entries: &[EnvEntry], cycle: &[usize], source: &Sources) -> Diagnostic {
    let names: Vec<&str> = cycle.iter().map(|place| entries[*place].name.value.as_str()).collect();
    let (chain, whole) = graph::circle_in_words(&names, "needs");
    let mut diagnostic = Diagnostic::error(Code::EnvCycle, format!("circular `envs` entries: {chain}"));
    for place in cycle.iter().take(graph::CIRCLE_SHOWN) {
        diagnostic = diagnostic.at(source, entries[*place].value.span, "part of the cycle");
    }
    diagnostic.notes.extend(whole);
    diagnostic
}

/// The place of a part of a scalar; the whole scalar where quoting or folding moved the characters.
fn within(source: &Sources, value: &Spanned<String>, place: &std::ops::Range<usize>) -> Span {
    let written = source.slice(value.span);
    let wanted = value.value.get(place.clone()).unwrap_or("");
    let found = written.match_indices(wanted).map(|(offset, _)| offset);
    let before = value.value[..place.start.min(value.value.len())].matches(wanted).count();
    match found.clone().nth(before) {
        Some(offset) if !wanted.is_empty() => {
            let start = value.span.start as usize + offset;
            source.of(value.span).span(start, start + wanted.len())
        }
        _ => value.span,
    }
}

/// One variable with its name, the `=` and the NUL may fill 32 pages; other systems only limit the sum.
pub(crate) const MOST_VARIABLE: usize = if cfg!(target_os = "linux") { 128 << 10 } else { usize::MAX };

/// How much all values of one `envs` may come to. No system starts a program with as much, and a few entries that each
/// mention another one twice would fill any memory.
const VALUES_BYTES: usize = 16 << 20;

const LARGE: &str = "pass large values with OUTPUT, or in a file";

/// Why arithmetic has no result.
enum NotComputed {
    /// Something in it failed; this is the error.
    Told(Box<Diagnostic>),
    Because(String),
}

impl From<&'static str> for NotComputed {
    fn from(why: &'static str) -> NotComputed {
        NotComputed::Because(why.to_owned())
    }
}

struct Evaluation<'a> {
    entries: &'a [EnvEntry],
    place: usize,
    values: &'a [Option<OsString>],
    /// Of those entries that come before this one.
    failures: &'a [FailedEntry],
    /// How many bytes the value may have.
    room: usize,
    beneath: &'a Resolved,
    source: &'a Sources,
    facts: &'a dyn Facts,
    names: &'a HashMap<&'a str, usize>,
}

impl Evaluation<'_> {
    fn value(&self, pieces: &[TemplatePart]) -> Result<OsString, Box<Diagnostic>> {
        let value = self.text(pieces)?;
        let entry = &self.entries[self.place];
        let bytes = value.len();
        if entry.name.value.len() + bytes + 2 <= MOST_VARIABLE {
            return Ok(value);
        }
        let message =
            format!("the value of `{}` is too large for a variable: {bytes} bytes", entry.name.value);
        let wrong = Diagnostic::error(Code::TooLarge, message).at(
            self.source,
            entry.value.span,
            format!("the limit is {MOST_VARIABLE} bytes"),
        );
        Err(Box::new(wrong.help(LARGE)))
    }

    fn text(&self, pieces: &[TemplatePart]) -> Result<OsString, Box<Diagnostic>> {
        let mut value = OsString::new();
        for piece in pieces {
            match piece {
                TemplatePart::Text(text) => value.push(text),
                TemplatePart::Variable { name, change, place } => {
                    let text = self.variable(name, change.as_ref(), place)?;
                    value.push(match self.beneath.files.contains(name) {
                        true => glob::escaped(&text.to_string_lossy()).into(),
                        false => text,
                    });
                }
                TemplatePart::Command { text, place } => value.push(self.command(text, place)?),
                TemplatePart::Arithmetic { expression, place } => {
                    let number = expression.evaluate(&|operand| self.number(operand));
                    value.push(number.map_err(|wrong| self.not_computed(wrong, place))?.to_string());
                }
            }
            if value.len() > self.room {
                let entry = &self.entries[self.place];
                let message = format!(
                    "the values of `envs` exceed {} MiB with that of `{}`",
                    VALUES_BYTES >> 20,
                    entry.name.value
                );
                return Err(Box::new(
                    Diagnostic::error(Code::TooLarge, message)
                        .at(self.source, entry.value.span, "the limit is reached here")
                        .help(LARGE),
                ));
            }
        }
        Ok(value)
    }

    /// What a name or an expansion in arithmetic comes to: its value is a number, and is never read as anything else. As
    /// in a shell, nothing counts as 0.
    fn number(&self, operand: &Expression) -> Result<i64, NotComputed> {
        let (value, name) = match operand {
            Expression::Name { name, .. } => {
                (self.lookup(name).map_err(NotComputed::Told)?.unwrap_or_default(), Some(name))
            }
            Expression::Expansion(piece) => {
                let pieces = std::slice::from_ref(&**piece);
                let name = match &**piece {
                    TemplatePart::Variable { name, .. } => Some(name),
                    _ => None,
                };
                (self.text(pieces).map_err(NotComputed::Told)?, name)
            }
            _ => unreachable!("bug: an operand of arithmetic that needs no value"),
        };
        let text = value.to_string_lossy();
        match text.trim_ascii() {
            "" => Ok(0),
            text => arithmetic::value(text).ok_or_else(|| {
                let shown = text.escape_debug();
                NotComputed::Because(match name {
                    Some(name) => format!("`{name}` is `{shown}`, which is not a whole number"),
                    None => format!("`{shown}` is not a whole number"),
                })
            }),
        }
    }

    fn not_computed(&self, wrong: NotComputed, place: &std::ops::Range<usize>) -> Box<Diagnostic> {
        let why = match wrong {
            NotComputed::Told(diagnostic) => return diagnostic,
            NotComputed::Because(why) => why,
        };
        let entry = &self.entries[self.place];
        let message = format!("cannot compute the arithmetic in `{}`: {why}", entry.name.value);
        let span = within(self.source, &entry.value, place);
        Box::new(Diagnostic::error(Code::EnvFailed, message).at(self.source, span, "in this value"))
    }

    fn variable(
        &self,
        name: &str,
        change: Option<&Change>,
        place: &std::ops::Range<usize>,
    ) -> Result<OsString, Box<Diagnostic>> {
        let value = match (self.lookup(name)?, change) {
            (Some(value), Some(Change::Default { pieces, replaces_empty: true })) if value.is_empty() => {
                return self.text(pieces);
            }
            (Some(value), _) => value,
            (None, Some(Change::Default { pieces, .. })) => return self.text(pieces),
            (None, _) => return Err(self.unknown(name, place)),
        };
        match change {
            None | Some(Change::Default { .. }) => Ok(value),
            Some(Change::Remove { side, is_longest, pattern }) => {
                Ok(self.pattern(pattern)?.removed(&value, *side, *is_longest))
            }
            Some(Change::Replace { reach, pattern, with }) => {
                let with =
                    with.iter().map(|part| self.text(part.pieces())).collect::<Result<OsString, _>>()?;
                Ok(self.pattern(pattern)?.replaced(&value, *reach, &with))
            }
        }
    }

    fn pattern(&self, parts: &[PatternPart]) -> Result<ShellPattern, Box<Diagnostic>> {
        let mut source = pattern::PatternText::default();
        for part in parts {
            match part {
                PatternPart::Quoted(pieces) => source.push_literal(&self.text(pieces)?),
                PatternPart::Bare(pieces) => source.push_glob(&self.text(pieces)?),
            }
        }
        Ok(ShellPattern::new(&source))
    }

    fn unknown(&self, name: &str, place: &std::ops::Range<usize>) -> Box<Diagnostic> {
        let known: Vec<&str> = self.entries.iter().map(|entry| entry.name.value.as_str()).collect();
        let entry = &self.entries[self.place];
        let message = format!("`{}` refers to `{name}`, which is not set", entry.name.value);
        let span = within(self.source, &entry.value, place);
        let wrong = Diagnostic::error(Code::EnvUnknown, message);
        Box::new(match template::IN_BODIES.contains(&name) {
            true => wrong.at(self.source, span, template::NOT_HERE).help(template::IN_A_BODY),
            false => wrong
                .at(self.source, span, "neither in `envs` nor in the environment")
                .did_you_mean(&similar(name, known, 3))
                .help(format!("`${{{name}:-}}` is empty if it is not set; write `$$` for a literal `$`")),
        })
    }

    /// The value of a name, if it has one; the failure of an entry that should have one.
    fn lookup(&self, name: &str) -> Result<Option<OsString>, Box<Diagnostic>> {
        let failed = |failures: &[FailedEntry]| {
            let failure = failures.iter().find(|failure| failure.name == name);
            failure.map(|failure| Err(Box::new(failure.why.clone())))
        };
        let is_other = self.names.get(name).is_some_and(|other| *other != self.place);
        let entry = match is_other {
            true => {
                self.values[self.names[name]].clone().map(|value| Ok(Some(value))).or(failed(self.failures))
            }
            false => None,
        };
        let beneath = || {
            let value = self.beneath.values.iter().rev().find(|(known, _)| known == name);
            failed(&self.beneath.failures).or(value.map(|(_, value)| Ok(Some(value.clone()))))
        };
        entry.or_else(beneath).unwrap_or_else(|| Ok(self.facts.variable(name)))
    }

    fn command(&self, command: &str, place: &std::ops::Range<usize>) -> Result<OsString, Box<Diagnostic>> {
        let is_set = |name: &str| self.names.get(name).is_some_and(|other| self.values[*other].is_some());
        let beneath = self.beneath.failures.iter().filter(|failure| !is_set(&failure.name));
        let mut failures = self.failures.iter().chain(beneath);
        if let Some(failure) = failures.find(|failure| has_word(command, &failure.name)) {
            return Err(Box::new(failure.why.clone()));
        }
        let mut variables: Variables = self.beneath.values.clone();
        let entry = &self.entries[self.place];
        let span = within(self.source, &entry.value, place);
        match callers(self.source, entry.value.span, self.facts) {
            Some(callers) => variables.push((CALLERS.to_owned(), callers)),
            None => {
                let message =
                    format!("the command in `{}` runs otto, which needs `{0}` itself", entry.name.value);
                let wrong = Diagnostic::error(Code::EnvCycle, message);
                return Err(Box::new(wrong.at(self.source, span, "calls itself endlessly")));
            }
        }
        for (other, value) in self.values.iter().enumerate() {
            if let Some(value) = value {
                set(&mut variables, self.entries[other].name.value.clone(), value.clone());
            }
        }
        let printed = self.facts.command(command, &variables).map_err(|failure| {
            let diagnostic = Diagnostic::error(
                Code::EnvFailed,
                format!("the command in `{}` failed: {}", entry.name.value, failure.how),
            )
            .at(self.source, span, failure.how.clone());
            Box::new(with_stderr(diagnostic, &failure).help("add a fallback: `$(command || echo default)`"))
        })?;
        if printed.contains(&0) {
            let diagnostic = Diagnostic::error(
                Code::EnvFailed,
                format!(
                    "the command in `{}` printed a NUL byte, which variables cannot contain",
                    entry.name.value
                ),
            )
            .at(self.source, entry.value.span, "");
            return Err(Box::new(diagnostic));
        }
        Ok(OsString::from_vec(printed.trim_ascii().to_vec()))
    }
}

/// The variable in which the commands that supply variables and have not ended yet are named, one below the other.
const CALLERS: &str = "OTTO_ENVS_COMMAND";

/// Those of the surroundings and the command in this place; `None` if it is one of them already.
fn callers(source: &Sources, place: Span, facts: &dyn Facts) -> Option<OsString> {
    let mut hasher = DefaultHasher::new();
    source.of(place).text().hash(&mut hasher);
    let own = format!("{:x}@{}", hasher.finish(), place.start);
    let others = facts.variable(CALLERS).unwrap_or_default();
    let is_among = others.to_str().is_some_and(|others| others.split(' ').any(|other| other == own));
    let mut all = others;
    all.push(format!(" {own}"));
    (!is_among).then_some(all)
}

pub(super) fn with_stderr(diagnostic: Diagnostic, failure: &CommandFailure) -> Diagnostic {
    match failure.stderr.trim() {
        "" => diagnostic,
        stderr => diagnostic.note(format!("it printed: {stderr}")),
    }
}

fn envs_command(
    command: &Spanned<String>,
    source: &Sources,
    facts: &dyn Facts,
    beneath: &Variables,
) -> Result<Variables, Diagnostic> {
    let Some(callers) = callers(source, command.span, facts) else {
        let wrong = Diagnostic::error(Code::EnvCycle, "`envs-command` runs otto, which needs its variables");
        return Err(wrong.at(source, command.span, "calls itself endlessly"));
    };
    let mut variables = beneath.clone();
    variables.push((CALLERS.to_owned(), callers));
    let printed = facts.command(&command.value, &variables).map_err(|failure| {
        let diagnostic = Diagnostic::error(
            Code::CommandFailed,
            format!("`envs-command` failed: {}", failure.how),
        )
        .at(source, command.span, failure.how.clone());
        with_stderr(diagnostic, &failure)
    })?;
    lines(&printed).map_err(|line| {
        Diagnostic::error(Code::CommandFailed, "`envs-command` printed a line that is not `KEY=VALUE`")
            .at(source, command.span, "this command")
            .note(format!("the line is `{line}`"))
    })
}

/// The variables of these files, the later over the earlier. What the caller has set wins over a file, so that one run can
/// differ from the rest.
pub(crate) fn dotenv(
    files: &[DotenvFile],
    source: &Sources,
    facts: &dyn Facts,
) -> Result<Variables, Vec<Diagnostic>> {
    let (mut variables, mut diagnostics) = (Variables::new(), Vec::new());
    for file in files {
        match dotenv_file(file, source, facts) {
            Ok(entries) => {
                let entries = entries.into_iter().filter(|(name, _)| facts.variable(name).is_none());
                entries.for_each(|(name, value)| set(&mut variables, name, value));
            }
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    if diagnostics.is_empty() { Ok(variables) } else { Err(diagnostics) }
}

fn dotenv_file(file: &DotenvFile, source: &Sources, facts: &dyn Facts) -> Result<Variables, Diagnostic> {
    let path = &file.path;
    let unreadable = |reason: String| {
        let message = format!("cannot read the dotenv file `{}`", path.value);
        Diagnostic::error(Code::DotenvFile, message).at(source, path.span, reason)
    };
    let text = match facts.file(&path.value).map_err(unreadable)? {
        Some(text) => text,
        None if file.is_optional => return Ok(Variables::new()),
        None => {
            let help = format!("if the file may be missing: `{{path: {}, optional: true}}`", path.value);
            return Err(unreadable("no such file or directory".to_owned()).help(help));
        }
    };
    let file = SourceFile::new(&path.value, text);
    let variables = dotenv::parse(file.text()).map_err(|error| {
        let place = file.span(error.place.start, error.place.end);
        Diagnostic::error(Code::DotenvFile, format!("invalid dotenv file `{}`", path.value))
            .at(&file, place, error.message)
            .at(source, path.span, "listed here")
    })?;
    let mut read = Variables::new();
    variables.into_iter().for_each(|(name, value)| set(&mut read, name, value.into()));
    Ok(read)
}

/// `KEY=VALUE` lines as commands print them; blank lines and `#` comments are passed over, `export ` is allowed, a value may stand in
/// single or double quotes.
fn lines(text: &[u8]) -> Result<Variables, String> {
    let mut variables = Variables::new();
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let shown = || String::from_utf8_lossy(line).into_owned();
        let entry = line.strip_prefix(b"export ").map_or(line, <[u8]>::trim_ascii_start);
        let equals = entry.iter().position(|byte| *byte == b'=').ok_or_else(shown)?;
        let name = std::str::from_utf8(entry[..equals].trim_ascii_end()).map_err(|_| shown())?;
        let is_name = name.as_bytes().first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name || entry.contains(&0) {
            return Err(shown());
        }
        let value = entry[equals + 1..].trim_ascii();
        let unquoted = match value {
            [b'"', inside @ .., b'"'] | [b'\'', inside @ .., b'\''] => inside,
            plain => plain,
        };
        set(&mut variables, name.to_owned(), OsStr::from_bytes(unquoted).to_owned());
    }
    Ok(variables)
}
