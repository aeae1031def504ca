//! Expands what make would expand: references, functions, variables of every flavour.
//! What only the task can know stays a hole; what must be known now is decided, and the decision is kept.

use super::World;
use super::function::{FUNCTIONS, Function, words, work};
use super::line::closing;
use super::text::{FOLDER, MAKE, MakeText, TextPiece, added, extent, literal, plain, push, push_str};
use crate::diagnostic;
use crate::name::is_identifier;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Why a part of a Makefile cannot be taken over, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::command::convert) struct Trouble {
    pub(in crate::command::convert) line: usize,
    pub(in crate::command::convert) why: String,
}

/// How a trouble begins that make does not survive either, whatever its goal is.
const STOPS: &str = "make stops: ";
/// What make may not survive either: functions that call themselves without end fill its stack.
const TOO_DEEP: &str = "a value that takes too many steps";

impl Trouble {
    /// Whether make, too, may read no further.
    pub(super) fn may_stop_make(&self) -> bool {
        self.why.starts_with(STOPS) || self.why == TOO_DEEP
    }
}

/// Something that was decided while converting and has to be so when a task runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Guard {
    pub(super) left: MakeText,
    pub(super) right: String,
    pub(super) is_equal: bool,
    pub(super) line: usize,
}

/// The numbers of guards that something depends on.
pub(super) type Guards = BTreeSet<usize>;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum VariableValue {
    /// Expanded wherever it is used.
    Recursive(String),
    /// Expanded where it was set.
    Simple(MakeText),
    /// `+=` of a target: added, where it is used, to what the variable is elsewhere.
    Added { base: Box<Variable>, more: String },
    /// Set by what could not be taken over.
    Lost(Trouble),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VariableOrigin {
    Default,
    File,
    Override,
    CommandLine,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Variable {
    pub(super) value: VariableValue,
    /// What was added with `+=` to a value of the environment, which comes first.
    pub(super) is_after_environment: bool,
    /// `?=`: the environment comes first.
    pub(super) is_fallback: bool,
    pub(super) origin: VariableOrigin,
    pub(super) guards: Guards,
    pub(super) line: usize,
}

/// How often an expansion may lead to another before it counts as endless.
const DEEPEST: usize = 50;
/// The longest text that a Makefile may come to.
const LONGEST: usize = 400_000;
/// How deep holes may lie within holes.
const DEEPEST_TEXT: usize = 40;
/// How much one Makefile may cost, in characters that are made or looked at.
const MOST_WORK: usize = 40_000_000;
const MOST_GUARDS: usize = 1000;
const TOO_MUCH: &str = "a Makefile that takes too much work";

pub(super) struct Expander<'w> {
    pub(super) world: &'w dyn World,
    pub(super) variables: BTreeMap<String, Variable>,
    /// Target-specific variables, the innermost last; parameters of `call`, variables of `foreach`, automatic ones.
    pub(super) scopes: Vec<HashMap<String, Variable>>,
    /// Names that a part of the Makefile may set which was not read, because of these guards.
    pub(super) maybe: HashMap<String, Guards>,
    /// What variables may be set to by parts of the Makefile of which nobody knows whether make reads them.
    pub(super) undecided: HashMap<String, Vec<String>>,
    pub(super) guards: Vec<Guard>,
    /// The guards that the present expansion has met.
    pub(super) met: Guards,
    pub(super) line: usize,
    /// Texts that `$(eval …)` gave, to be read as parts of the Makefile.
    pub(super) evaluated: Vec<String>,
    pub(super) is_parsing: bool,
    depth: usize,
    /// The variables that are being expanded, the outermost first.
    expanding: Vec<String>,
    /// Whether the next variable is a function that is called: only such may refer to themselves.
    is_calling: bool,
    spent: usize,
    /// What commands printed and what patterns matched, each asked for once.
    answers: HashMap<String, Option<String>>,
    found: HashMap<String, Vec<String>>,
}

impl<'w> Expander<'w> {
    pub(super) fn new(world: &'w dyn World) -> Expander<'w> {
        Expander {
            world,
            variables: BTreeMap::new(),
            scopes: Vec::new(),
            maybe: HashMap::new(),
            undecided: HashMap::new(),
            guards: Vec::new(),
            met: Guards::new(),
            line: 0,
            evaluated: Vec::new(),
            is_parsing: true,
            depth: 0,
            expanding: Vec::new(),
            is_calling: false,
            spent: 0,
            answers: HashMap::new(),
            found: HashMap::new(),
        }
    }

    pub(super) fn trouble<T>(&self, why: impl Into<String>) -> Result<T, Trouble> {
        Err(Trouble { line: self.line, why: why.into() })
    }

    /// What is an error for make, too.
    pub(super) fn stop<T>(&self, why: impl std::fmt::Display) -> Result<T, Trouble> {
        self.trouble(format!("{STOPS}{why}"))
    }

    /// Counts work, so that no Makefile takes forever or fills the memory.
    pub(super) fn spend(&mut self, work: usize) -> Result<(), Trouble> {
        self.spent = self.spent.saturating_add(work);
        if self.spent > MOST_WORK { self.trouble(TOO_MUCH) } else { Ok(()) }
    }

    /// A text, if it is neither too long nor too deep.
    pub(super) fn bounded(&mut self, text: MakeText) -> Result<MakeText, Trouble> {
        let (size, depth) = extent(&text);
        self.spend(size)?;
        if size > LONGEST {
            return self.trouble("a value that grows too long");
        }
        if depth > DEEPEST_TEXT {
            return self.trouble("functions nested too deeply");
        }
        Ok(text)
    }

    /// A value of a variable with so many guards, lost if it is too long or too deep.
    pub(super) fn bounded_value(&mut self, value: VariableValue, guards: usize) -> VariableValue {
        let bounded = self.spend(guards).and_then(|()| match value {
            VariableValue::Simple(text) => self.bounded(text).map(VariableValue::Simple),
            VariableValue::Recursive(written) if written.len() > LONGEST => {
                self.trouble("a value that grows too long")
            }
            VariableValue::Recursive(written) => Ok(VariableValue::Recursive(written)),
            VariableValue::Added { base, more } => Ok(VariableValue::Added { base, more }),
            VariableValue::Lost(trouble) => Err(trouble),
        });
        bounded.unwrap_or_else(VariableValue::Lost)
    }

    pub(super) fn expand(&mut self, written: &str) -> Result<MakeText, Trouble> {
        self.spend(1 + written.len())?;
        self.depth += 1;
        let expanded =
            if self.depth > DEEPEST { self.trouble(TOO_DEEP) } else { self.expand_bounded(written) };
        self.depth -= 1;
        expanded
    }

    fn expand_bounded(&mut self, written: &str) -> Result<MakeText, Trouble> {
        let mut text = MakeText::new();
        let mut length = written.len();
        let mut rest = written;
        while let Some(at) = rest.find('$') {
            push_str(&mut text, &rest[..at]);
            rest = &rest[at + 1..];
            let Some(sign) = rest.chars().next() else {
                return self.trouble("a `$` at the end of a line");
            };
            match sign {
                '$' => {
                    push_str(&mut text, "$");
                    rest = &rest[1..];
                }
                '(' | '{' => {
                    let Some(end) = closing(&rest[1..], sign) else {
                        return self.stop(format!("a `${sign}` that is not closed"));
                    };
                    let reference = self.reference(&rest[1..1 + end], sign)?;
                    let reference = self.bounded(reference)?;
                    length += extent(&reference).0;
                    push(&mut text, reference);
                    rest = &rest[end + 2..];
                }
                sign if sign.is_whitespace() => return self.trouble("a `$` before a space"),
                sign => {
                    let value = self.value(&sign.to_string())?;
                    let value = self.bounded(value)?;
                    length += extent(&value).0;
                    push(&mut text, value);
                    rest = &rest[sign.len_utf8()..];
                }
            }
            if length > LONGEST {
                return self.trouble("a value that grows too long");
            }
        }
        push_str(&mut text, rest);
        Ok(text)
    }

    /// The characters that a text has now; each hole that is filled becomes a guard.
    pub(super) fn known(&mut self, text: MakeText) -> Result<String, Trouble> {
        let mut known = String::new();
        for piece in text {
            known.push_str(&self.known_piece(piece)?);
        }
        Ok(known)
    }

    pub(super) fn known_expansion(&mut self, written: &str) -> Result<String, Trouble> {
        let text = self.expand(written)?;
        self.known(text)
    }

    fn known_piece(&mut self, piece: TextPiece) -> Result<String, Trouble> {
        let value = match &piece {
            TextPiece::Plain(text) => return Ok(text.clone()),
            TextPiece::Env { name, or } => match self.world.variable(name) {
                Some(value) if value.contains('$') => {
                    return self.trouble(format!("the environment variable `{name}` contains a `$`"));
                }
                Some(value) => value,
                None => {
                    let or = self.known(or.clone())?;
                    // Only that it is not set, or the same, has to stay so.
                    return Ok(self.decided(piece, or));
                }
            },
            TextPiece::Wildcard(patterns) => self.matches(patterns)?,
            TextPiece::Shell(script) => {
                let script = self.known(script.clone())?;
                let world = self.world;
                let answer = self.answers.entry(script.clone()).or_insert_with(|| world.answer(&script));
                match answer.clone() {
                    Some(answer) => answer,
                    None => {
                        return self
                            .trouble(format!("the output of `{}` decides what to do", shortened(&script)));
                    }
                }
            }
            TextPiece::If { test, then, other } => {
                let branch = if self.known(test.clone())?.is_empty() { other } else { then };
                return self.known(branch.clone());
            }
            TextPiece::Call { function, arguments } => {
                let mut known = Vec::new();
                for argument in arguments {
                    known.push(self.known(argument.clone())?);
                }
                let Some(function) = FUNCTIONS.iter().find(|candidate| candidate.name == *function) else {
                    return self.trouble(format!("`$({function} …)` of something not yet known"));
                };
                return self.run(function, &known);
            }
            TextPiece::Fail { line, message } => {
                let message = self.known(message.clone())?;
                return Err(Trouble { line: *line, why: format!("{STOPS}{message}") });
            }
            TextPiece::Say(_) => return Ok(String::new()),
            TextPiece::Spaced(text) => {
                let known = self.known(text.clone())?;
                return Ok(if known.is_empty() { known } else { known + " " });
            }
        };
        Ok(self.decided(piece, value))
    }

    fn decided(&mut self, piece: TextPiece, value: String) -> String {
        self.guard(Guard { left: vec![piece], right: value.clone(), is_equal: true, line: self.line });
        value
    }

    pub(super) fn guard(&mut self, guard: Guard) -> usize {
        let same = |known: &Guard| {
            known.left == guard.left && known.right == guard.right && known.is_equal == guard.is_equal
        };
        self.spent = self.spent.saturating_add(self.guards.len());
        let place = self.guards.iter().position(same).unwrap_or_else(|| {
            if self.guards.len() >= MOST_GUARDS {
                self.spent = MOST_WORK + 1;
            }
            self.guards.push(guard);
            self.guards.len() - 1
        });
        self.met.insert(place);
        place
    }

    fn matches(&mut self, patterns: &str) -> Result<String, Trouble> {
        if patterns.contains([FOLDER, MAKE]) {
            return self.trouble("a `$(wildcard …)` outside the folder");
        }
        let found: Vec<String> =
            words(patterns).into_iter().flat_map(|pattern| self.files(pattern)).collect();
        Ok(found.join(" "))
    }

    /// The files that a pattern matches.
    pub(super) fn files(&mut self, pattern: &str) -> Vec<String> {
        let world = self.world;
        self.found.entry(pattern.to_owned()).or_insert_with(|| world.matches(pattern)).clone()
    }

    /// What stands between the brackets of a reference.
    fn reference(&mut self, inside: &str, open: char) -> Result<MakeText, Trouble> {
        if let Some((name, rest)) = function_call(inside) {
            return self.function(name, rest, open);
        }
        let name = self.expand(inside)?;
        let name = self.known(name)?;
        // `$(OBJECTS:.o=.c)`.
        if let Some((variable, (from, to))) =
            name.split_once(':').and_then(|(name, change)| Some((name, change.split_once('=')?)))
        {
            let value = self.value(variable)?;
            let (from, to) = match from.contains('%') {
                true => (from.to_owned(), to.to_owned()),
                false => (format!("%{from}"), format!("%{to}")),
            };
            return self.call_text(
                FUNCTIONS.iter().find(|function| function.name == "patsubst").expect("it is in the table"),
                vec![plain(from), plain(to), value],
            );
        }
        self.value(&name)
    }

    pub(super) fn lookup(&self, name: &str) -> Option<&Variable> {
        let scoped = self.scopes.iter().rev().find_map(|scope| scope.get(name));
        scoped.or_else(|| self.variables.get(name))
    }

    pub(super) fn value(&mut self, name: &str) -> Result<MakeText, Trouble> {
        if let Some(guards) = self.maybe.get(name) {
            self.met.extend(guards);
        }
        let is_calling = std::mem::take(&mut self.is_calling);
        if let Some(variable) = self.lookup(name).cloned() {
            self.met.extend(&variable.guards);
            if matches!(variable.value, VariableValue::Simple(_)) {
                return self.value_of(name, &variable);
            }
            if !is_calling && self.expanding.iter().any(|outer| outer == name) {
                return self.stop(format!("`{name}` refers to itself"));
            }
            self.expanding.push(name.to_owned());
            let value = self.value_of(name, &variable);
            self.expanding.pop();
            return value;
        }
        match name {
            "MAKEFILES" | "MAKE_RESTARTS" | "MAKEOVERRIDES" => Ok(MakeText::new()),
            "MAKECMDGOALS" => self.trouble("`MAKECMDGOALS`: what was asked for is known only to make"),
            ".VARIABLES" | ".FEATURES" | ".INCLUDE_DIRS" | "MAKE_TERMOUT" | "MAKE_TERMERR" | "MAKE_HOST" => {
                self.trouble(format!("only make knows `{name}`"))
            }
            _ if !is_identifier(name) => Ok(MakeText::new()),
            _ => Ok(vec![TextPiece::Env { name: name.to_owned(), or: MakeText::new() }]),
        }
    }

    /// Whether make may stop where it expands a text of which something could not be decided: at an error, or at a variable
    /// that may refer to itself. `is_undecided`: nothing of the text was expanded here, so whatever may stop make counts.
    pub(super) fn may_stop(&mut self, written: &str, is_undecided: bool) -> bool {
        self.may_stop_within(written, is_undecided, &mut Vec::new(), &mut BTreeSet::new())
    }

    /// `outer`: the variables that led here. `harmless`: those at which make goes on.
    fn may_stop_within(
        &mut self,
        written: &str,
        is_undecided: bool,
        outer: &mut Vec<String>,
        harmless: &mut BTreeSet<String>,
    ) -> bool {
        if outer.len() >= DEEPEST || self.spend(1 + written.len()).is_err() {
            return true;
        }
        let mut rest = written;
        while let Some(at) = rest.find('$') {
            rest = &rest[at + 1..];
            let Some(sign) = rest.chars().next() else { return false };
            rest = &rest[sign.len_utf8()..];
            let mut inside = sign.to_string();
            match sign {
                '$' => continue,
                '(' | '{' => {
                    let Some(end) = closing(rest, sign) else { return true };
                    inside = rest[..end].to_owned();
                    rest = &rest[end + 1..];
                }
                _ => {}
            }
            let may_stop = match function_call(&inside) {
                Some(("error", _)) => true,
                Some((function, arguments)) => {
                    let known = FUNCTIONS.iter().find(|known| known.name == function);
                    let arity = known.map_or(1, |known| known.arity);
                    let may_fail = split_arguments(arguments, arity, sign).len() < arity
                        || ["call", "eval", "foreach", "word", "wordlist"].contains(&function);
                    is_undecided && may_fail || self.may_stop_within(arguments, is_undecided, outer, harmless)
                }
                None => match inside.split_once(':').unwrap_or((&inside, "")) {
                    (name, _) if name.contains('$') => {
                        is_undecided || self.may_stop_within(&inside, false, outer, harmless)
                    }
                    (name, change) => {
                        self.variable_may_stop(name, outer, harmless)
                            || self.may_stop_within(change, is_undecided, outer, harmless)
                    }
                },
            };
            if may_stop {
                return true;
            }
        }
        false
    }

    fn variable_may_stop(
        &mut self,
        name: &str,
        outer: &mut Vec<String>,
        harmless: &mut BTreeSet<String>,
    ) -> bool {
        if harmless.contains(name) {
            return false;
        }
        if outer.iter().any(|outer| outer == name) {
            return true;
        }
        let known = match self.lookup(name).map(|variable| &variable.value) {
            Some(VariableValue::Recursive(written)) => Some(written.clone()),
            Some(VariableValue::Added { more, .. }) => Some(more.clone()),
            None | Some(VariableValue::Simple(_) | VariableValue::Lost(_)) => None,
        };
        let undecided = self.undecided.get(name).cloned().unwrap_or_default();
        let texts = known.iter().map(|text| (text, false)).chain(undecided.iter().map(|text| (text, true)));
        outer.push(name.to_owned());
        for (text, is_undecided) in texts {
            if self.may_stop_within(text, is_undecided, outer, harmless) {
                return true;
            }
        }
        outer.pop();
        harmless.insert(name.to_owned());
        false
    }

    pub(super) fn value_of(&mut self, name: &str, variable: &Variable) -> Result<MakeText, Trouble> {
        let value = match &variable.value {
            VariableValue::Lost(trouble) => return Err(trouble.clone()),
            VariableValue::Simple(text) => text.clone(),
            VariableValue::Recursive(written) => self.expand(written)?,
            VariableValue::Added { base, more } => {
                let base = self.value_of(name, base)?;
                added(base, self.expand(more)?)
            }
        };
        let env = |or: MakeText| vec![TextPiece::Env { name: name.to_owned(), or }];
        if variable.is_fallback && is_identifier(name) {
            return Ok(env(value));
        }
        if variable.is_after_environment && is_identifier(name) {
            let mut whole = vec![TextPiece::Spaced(env(MakeText::new()))];
            push(&mut whole, value);
            return Ok(whole);
        }
        Ok(value)
    }

    fn arguments(&mut self, rest: &str, most: usize, open: char) -> Result<Vec<MakeText>, Trouble> {
        split_arguments(rest, most, open).into_iter().map(|argument| self.expand(argument)).collect()
    }

    fn function(&mut self, name: &'static str, rest: &str, open: char) -> Result<MakeText, Trouble> {
        if let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) {
            let mut arguments = self.arguments(rest, function.arity, open)?;
            if arguments.len() < function.arity {
                if name != "subst" && name != "patsubst" && function.arity > 1 {
                    return self.stop(format!("`$({name} …)` with too few arguments"));
                }
                arguments.resize(function.arity, MakeText::new());
            }
            return self.call_text(function, arguments);
        }
        match name {
            "if" => {
                let parts = split_arguments(rest, 3, open);
                let test = self.expand(parts[0].trim())?;
                let branch = |place: usize| parts.get(place).copied().unwrap_or("");
                if let Some(test) = visible(&test) {
                    return self.expand(branch(if test { 1 } else { 2 }));
                }
                let (then, other) = (self.later(branch(1))?, self.later(branch(2))?);
                Ok(vec![TextPiece::If { test, then, other }])
            }
            "or" => self.or(&split_arguments(rest, usize::MAX, open)),
            "and" => self.and(&split_arguments(rest, usize::MAX, open)),
            "foreach" => self.foreach(&split_arguments(rest, 3, open)),
            "call" => self.call(&split_arguments(rest, usize::MAX, open)),
            "shell" => {
                let script = self.expand(rest)?;
                Ok(vec![TextPiece::Shell(script)])
            }
            "wildcard" => {
                let patterns = self.expand(rest)?;
                let patterns = self.known(patterns)?;
                if patterns.trim().is_empty() {
                    return Ok(MakeText::new());
                }
                Ok(vec![TextPiece::Wildcard(patterns)])
            }
            "error" => {
                let message = self.expand(rest)?;
                Ok(vec![TextPiece::Fail { line: self.line, message }])
            }
            "info" | "warning" => {
                let message = self.expand(rest)?;
                Ok(vec![TextPiece::Say(message)])
            }
            "abspath" | "realpath" => {
                let paths = self.known_expansion(rest)?;
                let absolute: Option<Vec<String>> = words(&paths).into_iter().map(absolute).collect();
                let Some(absolute) = absolute else {
                    return self.trouble(format!("a path of `$({name} …)` outside the folder"));
                };
                let is_known = |path: &String| {
                    let inside = path.strip_prefix(FOLDER).map(|path| path.trim_start_matches('/'));
                    inside.is_some_and(|path| path.is_empty() || self.world.is_plain(path))
                };
                if name == "realpath" && !absolute.iter().all(is_known) {
                    return self
                        .trouble("`$(realpath …)` of something that is not a plain file in the folder");
                }
                Ok(plain(absolute.join(" ")))
            }
            "origin" => self.origin(rest),
            "flavor" => {
                let name = self.known_expansion(rest)?;
                let flavor = match self.lookup(&name).map(|variable| &variable.value) {
                    Some(VariableValue::Simple(_)) => "simple",
                    Some(VariableValue::Recursive(_) | VariableValue::Added { .. }) => "recursive",
                    _ => return self.trouble("`$(flavor …)` of a variable that is not set"),
                };
                Ok(plain(flavor))
            }
            "value" => {
                let name = self.known_expansion(rest)?;
                let is_partial = |variable: &Variable| variable.is_after_environment || variable.is_fallback;
                if self.lookup(&name).is_some_and(is_partial) {
                    return self.trouble("`$(value …)` of what the environment may set");
                }
                match self.lookup(&name).map(|variable| &variable.value) {
                    Some(VariableValue::Recursive(written)) => Ok(plain(written.clone())),
                    Some(VariableValue::Simple(text)) => Ok(text.clone()),
                    None if is_identifier(&name) => self.value(&name),
                    None => Ok(MakeText::new()),
                    Some(VariableValue::Added { .. } | VariableValue::Lost(_)) => {
                        self.trouble("`$(value …)` of what was added to")
                    }
                }
            }
            "eval" if self.is_parsing => {
                let text = self.known_expansion(rest)?;
                self.evaluated.push(text);
                Ok(MakeText::new())
            }
            _ => self.trouble(format!("`$({name} …)`")),
        }
    }

    /// A branch that may not be taken: what cannot be taken over fails only if it is.
    fn later(&mut self, written: &str) -> Result<MakeText, Trouble> {
        match self.expand(written) {
            Ok(text) => Ok(text),
            Err(trouble) => {
                let message = plain(format!("line {} was not converted: {}", trouble.line, trouble.why));
                Ok(vec![TextPiece::Fail { line: trouble.line, message }])
            }
        }
    }

    /// A function of texts: at once where they are known, else when the task runs.
    fn call_text(
        &mut self,
        function: &'static Function,
        arguments: Vec<MakeText>,
    ) -> Result<MakeText, Trouble> {
        let known: Option<Vec<String>> = arguments.iter().map(|argument| literal(argument)).collect();
        let Some(known) = known else {
            return Ok(vec![TextPiece::Call { function: function.name, arguments }]);
        };
        let known = match known.iter().any(|text| text.contains([FOLDER, MAKE])) {
            true if keeps_folder(function.name, &known) => known,
            true => known.iter().map(|text| self.without_folder(text)).collect(),
            false => known,
        };
        self.run(function, &known).map(plain)
    }

    fn run(&mut self, function: &Function, arguments: &[String]) -> Result<String, Trouble> {
        self.spend(work(function.name, arguments))?;
        match (function.run)(arguments) {
            Some(text) => Ok(text),
            None => self.stop(format!("arguments of `$({} …)`", function.name)),
        }
    }

    /// The text with the folder as it is now.
    pub(super) fn without_folder(&mut self, text: &str) -> String {
        if text.contains(FOLDER) {
            let folder = self.world.folder();
            let left = plain(FOLDER.to_string());
            self.guard(Guard { left, right: folder.clone(), is_equal: true, line: self.line });
            return text.replace(FOLDER, &folder).replace(MAKE, "make");
        }
        text.replace(MAKE, "make")
    }

    fn or(&mut self, parts: &[&str]) -> Result<MakeText, Trouble> {
        let Some((first, rest)) = parts.split_first() else { return Ok(MakeText::new()) };
        let value = self.later(first.trim())?;
        match visible(&value) {
            Some(true) => Ok(value),
            Some(false) => self.or(rest),
            None => {
                let other = self.or(rest)?;
                Ok(vec![TextPiece::If { test: value.clone(), then: value, other }])
            }
        }
    }

    fn and(&mut self, parts: &[&str]) -> Result<MakeText, Trouble> {
        let Some((first, rest)) = parts.split_first() else { return Ok(MakeText::new()) };
        let value = self.later(first.trim())?;
        match visible(&value) {
            Some(false) => Ok(MakeText::new()),
            Some(true) if rest.is_empty() => Ok(value),
            Some(true) => self.and(rest),
            None if rest.is_empty() => Ok(value),
            None => {
                let then = self.and(rest)?;
                Ok(vec![TextPiece::If { test: value, then, other: MakeText::new() }])
            }
        }
    }

    fn foreach(&mut self, parts: &[&str]) -> Result<MakeText, Trouble> {
        let [variable, list, body] = parts else {
            return self.stop("`$(foreach …)` with too few arguments");
        };
        let variable = self.known_expansion(variable.trim())?;
        let list = self.known_expansion(list)?;
        let mut text = MakeText::new();
        for (place, item) in words(&list).into_iter().enumerate() {
            self.scopes.push(HashMap::from([(variable.clone(), automatic(plain(item)))]));
            let expanded = self.expand(body);
            self.scopes.pop();
            if place > 0 {
                push_str(&mut text, " ");
            }
            push(&mut text, expanded?);
        }
        Ok(text)
    }

    fn call(&mut self, parts: &[&str]) -> Result<MakeText, Trouble> {
        let name = self.known_expansion(parts[0].trim())?;
        let mut scope = HashMap::from([("0".to_owned(), automatic(plain(name.clone())))]);
        for (place, argument) in parts[1..].iter().enumerate() {
            let argument = self.expand(argument)?;
            scope.insert((place + 1).to_string(), automatic(argument));
        }
        // A call within a call does not see the arguments of the outer one.
        for place in parts.len()..10 {
            scope.insert(place.to_string(), automatic(MakeText::new()));
        }
        if function_call(&format!("{name} x")).is_some() {
            return self.trouble(format!("`$(call {name} …)` of a function"));
        }
        self.scopes.push(scope);
        self.is_calling = true;
        let value = self.value(&name);
        self.scopes.pop();
        value
    }

    fn origin(&mut self, rest: &str) -> Result<MakeText, Trouble> {
        let name = self.known_expansion(rest)?;
        if let Some(guards) = self.maybe.get(&name) {
            self.met.extend(guards);
        }
        let origin = match self.lookup(&name).cloned() {
            Some(variable) if variable.is_fallback || variable.is_after_environment => {
                return self.trouble("`$(origin …)` of a variable that the environment may set");
            }
            Some(variable) => {
                self.met.extend(&variable.guards);
                match variable.origin {
                    VariableOrigin::Default => "default",
                    VariableOrigin::File => "file",
                    VariableOrigin::Override => "override",
                    VariableOrigin::CommandLine => "command line",
                }
            }
            None => return self.trouble("`$(origin …)` of a variable that only the environment sets"),
        };
        Ok(plain(origin))
    }
}

pub(super) fn automatic(value: MakeText) -> Variable {
    Variable {
        value: VariableValue::Simple(value),
        is_after_environment: false,
        is_fallback: false,
        origin: VariableOrigin::File,
        guards: Guards::new(),
        line: 0,
    }
}

/// Whether a text is certain to be empty or not to be.
pub(super) fn visible(text: &[TextPiece]) -> Option<bool> {
    let has_plain = text.iter().any(|piece| matches!(piece, TextPiece::Plain(text) if !text.is_empty()));
    match text {
        [] => Some(false),
        _ if has_plain => Some(true),
        _ => None,
    }
}

/// A path in the folder of the Makefile, without `.` and `..`; `None` for any other path.
fn absolute(path: &str) -> Option<String> {
    let inside = match path.strip_prefix(FOLDER) {
        Some(inside) => inside,
        None if path.starts_with('/') => {
            return (!path.contains("/.") && !path.contains("//")).then(|| path.to_owned());
        }
        None => path,
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in inside.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop()?;
        } else {
            parts.push(part);
        }
    }
    let inside: String = parts.iter().map(|part| format!("/{part}")).collect();
    Some(format!("{FOLDER}{inside}"))
}

/// Whether a function does with a text that holds the folder what it would do with its path.
fn keeps_folder(function: &str, arguments: &[String]) -> bool {
    match function {
        "strip" | "word" | "wordlist" | "words" | "firstword" | "lastword" | "join" => true,
        "addprefix" | "addsuffix" => true,
        "dir" => arguments[0].split_whitespace().all(|word| !word.ends_with(FOLDER)),
        "notdir" | "suffix" | "basename" => {
            let ends_inside = |word: &str| word.rfind('/').is_some_and(|at| !word[at..].contains(FOLDER));
            arguments[0].split_whitespace().all(ends_inside)
        }
        _ => false,
    }
}

fn shortened(text: &str) -> String {
    diagnostic::shortened(&text.replace(['\n', '\t'], " ").replace(FOLDER, "."), 60)
}

/// The functions that are not in [`FUNCTIONS`].
const SPECIAL: &[&str] = &[
    "if", "or", "and", "foreach", "call", "shell", "wildcard", "error", "info", "warning", "abspath",
    "realpath", "origin", "flavor", "value", "eval", "file", "guile", "let", "intcmp",
];

/// The name of a function and its arguments as written.
fn function_call(inside: &str) -> Option<(&'static str, &str)> {
    let end = inside.find([' ', '\t', '\n'])?;
    let (name, rest) = inside.split_at(end);
    let names = FUNCTIONS.iter().map(|function| function.name).chain(SPECIAL.iter().copied());
    let name = names.into_iter().find(|known| *known == name)?;
    // make 4.3 reads the functions of newer versions as plain references.
    Some((name, rest.trim_start_matches([' ', '\t', '\n'])))
}

/// Splits at commas outside of brackets, into at most so many arguments.
pub(super) fn split_arguments(text: &str, most: usize, open: char) -> Vec<&str> {
    let close = if open == '(' { ')' } else { '}' };
    let (mut parts, mut depth, mut start) = (Vec::new(), 0usize, 0);
    for (at, character) in text.char_indices() {
        if character == open {
            depth += 1;
        } else if character == close {
            depth = depth.saturating_sub(1);
        } else if character == ',' && depth == 0 && parts.len() + 1 < most {
            parts.push(&text[start..at]);
            start = at + 1;
        }
    }
    parts.push(&text[start..]);
    parts
}
