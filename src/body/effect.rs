//! What a piece of a shell script sets of its outputs, in the shell that runs it.
//! Pure. Knows no ottofile; `lost` asks which of it is lost.

use super::grammar::{self, Command, CommandKind, Commands, Copy};
use super::names::{ARGUMENT, Names, UNKNOWN, matches};

/// Code inside code inside code beyond this is not read.
const MOST_LEVELS: usize = 4;

/// Builtins whose words set variables or run.
const UNDERSTOOD: &[&str] =
    &["eval", "declare", "typeset", "local", "export", "readonly", "read", "let", "trap", "unset"];

/// Builtins whose arguments, as a whole, say which variables they set.
const GIVEN: &[&str] = &["export", "let", "mapfile", "printf", "readarray"];

/// Those that declare: of a list that is assigned to their argument, bash does that itself before it calls the word, be
/// that a builtin or a function of the body's.
const DECLARING: &[&str] = &["declare", "typeset", "local", "export", "readonly"];

/// An output that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    /// `OUTPUT[key]`, as written; `OTTO_NAME` for one that is exported.
    pub(crate) target: String,
    /// Only the values of variables, which the text does not tell, decide whether it is set.
    pub(crate) is_doubtful: bool,
    /// It is taken away, not set.
    pub(crate) is_unset: bool,
    /// The copy of the shell in which it happens, where the code makes one.
    pub(crate) copy: Option<Copy>,
    /// The function that does it.
    pub(crate) function: Option<String>,
}

/// What a command does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Sets(Effect),
    /// Sets what the arguments of the function say that it stands in.
    SetsArgument(Option<Copy>),
    /// Runs its arguments as a command.
    RunsArgument(Option<Copy>),
    /// Its arguments are code.
    EvaluatesArgument(Option<Copy>),
    /// Gives its arguments to this builtin.
    GivesArgument(&'static str, Option<Copy>),
}

/// Each function's deeds, in the order of [`Commands::functions`].
pub(crate) type Functions = Vec<Vec<Deed>>;

pub(crate) struct EffectReader<'a> {
    pub(crate) text: &'a str,
    pub(crate) found: &'a Commands,
    pub(crate) names: &'a Names,
    /// Shells without arrays have exports alone.
    pub(crate) has_arrays: bool,
}

/// The name of a variable in front of a text, with its subscript.
struct Assigned<'a> {
    base: &'a str,
    subscript: Option<&'a str>,
    /// From `=` or `+=` on, or all that stands behind it.
    rest: &'a str,
}

fn target(text: &str) -> Option<Assigned<'_>> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == UNKNOWN || c == ARGUMENT;
    let length = text.find(|c: char| !is_of_name(c)).unwrap_or(text.len());
    let (base, rest) = text.split_at(length);
    if base.is_empty() || base.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if !rest.starts_with('[') {
        return Some(Assigned { base, subscript: None, rest });
    }
    let mut depth = 0;
    for (place, character) in rest.char_indices() {
        match character {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return Some(Assigned { base, subscript: Some(&rest[1..place]), rest: &rest[place + 1..] });
        }
    }
    None
}

fn shown(text: &str) -> String {
    text.replace([UNKNOWN, ARGUMENT], "…")
}

impl Effect {
    pub(crate) fn of(target: &str) -> Effect {
        Effect { target: shown(target), is_doubtful: false, is_unset: false, copy: None, function: None }
    }
}

fn effect(target: String, is_doubtful: bool) -> Deed {
    Deed::Sets(Effect { is_doubtful, ..Effect::of(&target) })
}

impl EffectReader<'_> {
    /// What every function does in the shell that calls it, calls of further functions included.
    pub(crate) fn functions(&self) -> Functions {
        let mut all: Functions = vec![Vec::new(); self.found.functions.len()];
        // Each round adds what the functions called do; a chain of calls is no longer than there are functions.
        for _ in 0..=all.len() {
            let mut has_changed = false;
            for command in &self.found.commands {
                let Some(function) = command.function else { continue };
                for (_, deed) in self.deeds(command, &all) {
                    let deed = match deed {
                        // What the copy loses is told where the copy stands.
                        Deed::Sets(effect) if command.copy.is_some() || effect.copy.is_some() => continue,
                        deed => in_copy(deed, command.copy),
                    };
                    let is_known = all[function].iter().any(|known| match (known, &deed) {
                        (Deed::Sets(known), Deed::Sets(new)) => known.is_doubtful <= new.is_doubtful,
                        (known, new) => known == new,
                    });
                    if !(is_known || matches!(deed, Deed::Sets(_)) && self.hides(function)) {
                        all[function].push(deed);
                        has_changed = true;
                    }
                }
            }
            if !has_changed {
                break;
            }
        }
        all
    }

    /// Whether a function has a variable OUTPUT of its own.
    pub(crate) fn hides(&self, function: usize) -> bool {
        self.hiding(function).is_some()
    }

    /// The word with which a function makes a variable OUTPUT of its own.
    pub(crate) fn hiding(&self, function: usize) -> Option<std::ops::Range<usize>> {
        let is_here = |command: &&Command| command.function == Some(function) && command.copy.is_none();
        self.found.simple().filter(is_here).find_map(|command| {
            let words: Vec<&str> = self.words(command).collect();
            let verb = words.iter().position(|word| !grammar::is_assignment(word))?;
            let is_declaring = ["declare", "typeset", "local"].contains(&words[verb]);
            let flags = || words[verb + 1..].iter().filter(|word| word.starts_with('-'));
            if !is_declaring || flags().any(|word| word.contains(['g', 'n', 'p'])) {
                return None;
            }
            // Of the form with a subscript too, if it is not yet the function's own.
            let is_output = |word: &&str| {
                let values = self.names.expand(word);
                values.iter().filter_map(|value| target(value)).any(|found| found.base == "OUTPUT")
            };
            let place = words[verb + 1..].iter().position(is_output)?;
            Some(command.words[verb + 1 + place].clone())
        })
    }

    fn words<'b>(&'b self, command: &'b Command) -> impl Iterator<Item = &'b str> {
        command.words.iter().map(|word| self.text.get(word.clone()).unwrap_or(""))
    }

    /// What a command does, each with the place that says so.
    pub(crate) fn deeds(
        &self,
        command: &Command,
        functions: &Functions,
    ) -> Vec<(std::ops::Range<usize>, Deed)> {
        let words: Vec<&str> = self.words(command).collect();
        let Some(first) = command.words.first() else { return Vec::new() };
        let all = || first.start..command.words.last().unwrap_or(first).end;
        match command.kind {
            CommandKind::Loop
            | CommandKind::Text
            | CommandKind::Arithmetic
            | CommandKind::Condition
            | CommandKind::Parameter => {
                self.piece(command.kind, words[0]).map(|deed| (all(), deed)).into_iter().collect()
            }
            CommandKind::Simple => {
                let mut deeds = Vec::new();
                for (range, word) in command.words.iter().zip(&words) {
                    // `exec {OUTPUT[k]}<file`, which any command may have.
                    let is_before_file = self.text[range.end..].starts_with(['<', '>']);
                    let name = word.strip_prefix('{').and_then(|word| word.strip_suffix('}'));
                    if let Some(name) = name.filter(|_| is_before_file) {
                        deeds.extend(self.named(name).map(|deed| (range.clone(), deed)));
                    }
                }
                let count = words.iter().take_while(|word| grammar::is_assignment(word)).count();
                if count == words.len() {
                    for (range, word) in command.words.iter().zip(&words) {
                        deeds.extend(self.assigned(word).map(|deed| (range.clone(), deed)));
                    }
                } else {
                    // Before a command, `OUTPUT[k]=v` sets nothing that lasts.
                    let mut found = self.run(&words[count..], functions, true, 0);
                    if command.function.is_some() && command.copy.is_none() && is_local(&words[count..]) {
                        found.retain(|(_, deed)| !is_export(deed));
                    }
                    deeds.extend(found.into_iter().map(|(place, deed)| {
                        (command.words.get(count + place).cloned().unwrap_or_else(all), deed)
                    }));
                }
                deeds
            }
        }
    }

    /// What a piece of text does that is no simple command.
    fn piece(&self, kind: CommandKind, text: &str) -> Option<Deed> {
        match kind {
            CommandKind::Arithmetic => self.arithmetic(text),
            CommandKind::Condition => self.condition(text),
            CommandKind::Parameter => self.parameter(text),
            CommandKind::Loop | CommandKind::Text | CommandKind::Simple => None,
        }
    }

    /// What `name=value` sets.
    fn assigned(&self, word: &str) -> Option<Deed> {
        let found = target(word)?;
        let is_list = found.rest.starts_with("=(") || found.rest.starts_with("+=(");
        let value = found.rest.trim_start_matches('+').strip_prefix('=')?;
        if self.names.integers.contains(found.base)
            && let Some(deed) = self.names.expand(value).iter().find_map(|value| self.arithmetic(value))
        {
            return Some(deed);
        }
        let subscript = found.subscript.filter(|_| !["OUTPUT", "INPUT"].contains(&found.base));
        self.set(&found, is_list, "").or_else(|| self.arithmetic(subscript?))
    }

    /// What it means to set a variable. `flags`: of `declare`.
    fn set(&self, found: &Assigned, is_list: bool, flags: &str) -> Option<Deed> {
        let label = |base: &str| match found.subscript {
            Some(subscript) => format!("{base}[{subscript}]"),
            None => base.to_owned(),
        };
        let has_keys = found.subscript.is_some() || is_list;
        if self.has_arrays {
            match found.base {
                // A variable `OUTPUT` without keys is the body's own.
                "OUTPUT" => return has_keys.then(|| effect(label("OUTPUT"), false)),
                "OTTO_OUTPUT" => return has_keys.then(|| effect(label("OTTO_OUTPUT"), false)),
                _ => {}
            }
            if let Some(targets) = self.names.references.get(found.base) {
                return targets.iter().find_map(|name| match target(name) {
                    Some(element) if element.subscript.is_some() && found.subscript.is_none() => {
                        self.set(&element, false, "")
                    }
                    Some(element)
                        if element.subscript.is_none()
                            && !self.names.references.contains_key(element.base) =>
                    {
                        let referred = Assigned { base: element.base, subscript: found.subscript, rest: "" };
                        self.set(&referred, is_list, "")
                    }
                    _ => None,
                });
            }
        }
        let is_exported =
            self.names.exports_all || flags.contains('x') || self.names.exported.contains(found.base);
        if found.base.starts_with("OTTO_") && is_exported && found.subscript.is_none() {
            let is_whole = !found.base.contains([UNKNOWN, ARGUMENT]);
            return (!super::export::is_reserved(found.base))
                .then(|| effect(found.base.to_owned(), !is_whole));
        }
        self.composed(found, has_keys, is_exported)
    }

    /// What it means to set a variable whose name the text does not tell.
    fn composed(&self, found: &Assigned, has_keys: bool, is_exported: bool) -> Option<Deed> {
        let base = found.base;
        if !base.contains([UNKNOWN, ARGUMENT]) {
            return None;
        }
        let letters = base.chars().filter(|c| ![UNKNOWN, ARGUMENT].contains(c)).count();
        // `"$name=value"` may be `OUTPUT[k]=value`, since a name may end with its subscript.
        if self.has_arrays && matches(base, "OUTPUT") {
            if base.contains(ARGUMENT) {
                return Some(Deed::SetsArgument(None));
            }
            if letters > 0 && (has_keys || letters > 1) || self.names.may_compose {
                return Some(effect("OUTPUT".to_owned(), true));
            }
        }
        let may_be_export = (base.contains("OTTO") || self.names.may_compose_exports) && is_exported;
        let start = base.find([UNKNOWN, ARGUMENT]).unwrap_or(base.len());
        (may_be_export && (start == 0 || base.starts_with("OTTO"))).then(|| effect("OTTO_…".to_owned(), true))
    }

    /// What a builtin sets that takes the name of a variable.
    fn named(&self, word: &str) -> Option<Deed> {
        self.names.expand(word).iter().find_map(|value| {
            let found = target(value)?;
            found.rest.is_empty().then(|| self.set(&found, false, "")).flatten()
        })
    }

    /// The first assignment to an output in an arithmetic expression.
    fn arithmetic(&self, text: &str) -> Option<Deed> {
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut place = 0;
        while place < text.len() {
            let rest = &text[place..];
            let Some(length) =
                rest.find(|c: char| !is_of_name(c)).or(Some(rest.len())).filter(|length| *length > 0)
            else {
                place += rest.chars().next().map_or(1, char::len_utf8);
                continue;
            };
            let before = text[..place].trim_end();
            if let Some(found) = target(rest) {
                let after = found.rest.trim_start();
                let operators = ["+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "^=", "|=", "++", "--"];
                let is_set = after.starts_with('=') && !after.starts_with("==")
                    || operators.iter().any(|operator| after.starts_with(operator))
                    || before.ends_with("++")
                    || before.ends_with("--");
                if is_set && let Some(deed) = self.set(&found, false, "") {
                    return Some(deed);
                }
                // The value of a variable is an expression too.
                for value in self.names.values(found.base) {
                    let is_expression = value.contains('=') && value.contains('[');
                    if is_expression
                        && !value.contains(found.base)
                        && let Some(deed) = self.arithmetic(value)
                    {
                        return Some(deed);
                    }
                }
            }
            place += length;
        }
        // `$((${n}PUT[k]=1))`
        if text.contains('$') {
            let values = self.names.expand(&format!("\"{text}\""));
            return values
                .iter()
                .filter(|value| !value.contains('$'))
                .find_map(|value| self.arithmetic(value));
        }
        None
    }

    /// Of `[[ … ]]`, what stands beside `-eq` and its like is arithmetic.
    fn condition(&self, text: &str) -> Option<Deed> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let is_comparison = |word: &str| ["-eq", "-ne", "-lt", "-le", "-gt", "-ge"].contains(&word);
        words.iter().enumerate().find_map(|(place, word)| {
            let is_beside = words.get(place + 1).is_some_and(|next| is_comparison(next))
                || place > 0 && is_comparison(words[place - 1]);
            if !is_beside {
                return None;
            }
            self.names.expand(word).iter().find_map(|value| self.arithmetic(value))
        })
    }

    /// What `${ … }` sets.
    fn parameter(&self, text: &str) -> Option<Deed> {
        if let Some(indirect) = text.strip_prefix('!') {
            let found = target(indirect)?;
            let is_set = found.rest.starts_with(":=") || found.rest.starts_with('=');
            let values = self.names.values(found.base);
            return values.iter().filter(|_| is_set).find_map(|value| self.named(value));
        }
        if let Some(name) = text.strip_suffix("@P") {
            return self.names.values(name).iter().find_map(|value| {
                let inner = grammar::commands(value);
                inner
                    .commands
                    .iter()
                    .find_map(|command| self.piece(command.kind, value.get(command.words.first()?.clone())?))
            });
        }
        let found = target(text)?;
        if found.rest.starts_with(":=") || found.rest.starts_with('=') {
            return self.set(&found, false, "");
        }
        let is_plain = !["OUTPUT", "INPUT"].contains(&found.base);
        let subscript = found.subscript.filter(|_| is_plain).and_then(|subscript| self.arithmetic(subscript));
        let offset = found.rest.strip_prefix(':').filter(|rest| !rest.starts_with(['-', '+', '?', '=']));
        subscript.or_else(|| self.arithmetic(offset?))
    }

    /// What a command does, each with the number of its word.
    fn run(
        &self,
        words: &[&str],
        functions: &Functions,
        has_functions: bool,
        level: usize,
    ) -> Vec<(usize, Deed)> {
        let Some(name) = words.first().filter(|_| level < MOST_LEVELS) else { return Vec::new() };
        let mut deeds: Vec<(usize, Deed)> = Vec::new();
        let values = self.names.expand(name);
        let count = values.len();
        for value in values {
            // `$e` may be several words.
            let split: Vec<&str> = match name.starts_with('$') {
                true => value.split_whitespace().collect(),
                false => vec![&value],
            };
            let Some((verb, more)) = split.split_first() else { continue };
            let rest: Vec<&str> = more.iter().chain(&words[1..]).copied().collect();
            let found = self.run_named(verb, &rest, functions, has_functions, level);
            deeds.extend(found.into_iter().map(|(place, deed)| (place.saturating_sub(more.len()), deed)));
        }
        deeds.dedup();
        if count > 1 {
            deeds = deeds.into_iter().map(|(place, deed)| (place, in_doubt(deed))).collect();
        }
        deeds
    }

    fn run_named(
        &self,
        verb: &str,
        rest: &[&str],
        functions: &Functions,
        has_functions: bool,
        level: usize,
    ) -> Vec<(usize, Deed)> {
        let options = rest.iter().take_while(|word| word.starts_with('-')).count();
        let flags: String = rest[..options].concat();
        if has_functions
            && let Some(place) = self.found.functions.iter().rposition(|function| function == verb)
        {
            let mut deeds = self.call(place, rest, functions, level);
            if DECLARING.contains(&verb) {
                deeds.extend(rest.iter().enumerate().filter_map(|(place, word)| {
                    let found = target(word)?;
                    let is_list = found.rest.starts_with("=(") || found.rest.starts_with("+=(");
                    is_list.then(|| self.set(&found, true, "")).flatten().map(|deed| (place + 1, deed))
                }));
            }
            return deeds;
        }
        let numbered = |words: &[&str], first: usize, deed: &dyn Fn(&str) -> Option<Deed>| {
            let all = words.iter().enumerate();
            all.filter_map(|(place, word)| Some((first + place, deed(word)?))).collect::<Vec<_>>()
        };
        let is_argument = |value: &String| !value.is_empty() && value.chars().all(|c| c == ARGUMENT);
        // Without `-g` those two make a variable of the function's own.
        let is_global = flags.contains('g');
        let given =
            GIVEN.iter().chain(DECLARING[..2].iter().filter(|_| is_global)).find(|name| **name == verb);
        if let Some(given) = given
            && rest.iter().any(|word| self.names.expand(word).iter().any(is_argument))
        {
            return vec![(1, Deed::GivesArgument(given, None))];
        }
        match verb {
            "command" | "builtin" => {
                let found = self.run(&rest[options..], functions, false, level + 1);
                found.into_iter().map(|(place, deed)| (place + 1 + options, deed)).collect()
            }
            "eval" => self.evaluate(rest, functions, level).into_iter().map(|deed| (0, deed)).collect(),
            "trap" if rest.len() > 1 => {
                let handler = rest.iter().position(|word| *word != "--").unwrap_or(0);
                let signals: Vec<String> =
                    rest[handler + 1..].iter().flat_map(|word| self.names.expand(word)).collect();
                let is_tracing = self.names.traces
                    && signals.iter().any(|signal| signal.contains("DEBUG") || signal.contains("RETURN"));
                let found = self.evaluate(&rest[handler..=handler], functions, level).into_iter();
                let found = found.map(|deed| match deed {
                    Deed::Sets(effect) if is_tracing => {
                        Deed::Sets(Effect { copy: self.any_copy().or(effect.copy), ..effect })
                    }
                    deed => deed,
                });
                found.map(|deed| (1 + handler, deed)).collect()
            }
            "declare" | "typeset" | "local" | "export" | "readonly" => {
                let flags = match verb {
                    "export" if !flags.contains('n') => "x",
                    "export" => "",
                    _ => &flags,
                };
                numbered(&rest[options..], 1 + options, &|word| {
                    self.names.expand(word).iter().find_map(|value| {
                        let found = target(value)?;
                        let is_list = found.rest.starts_with("=(") || found.rest.starts_with("+=(");
                        if flags.contains('i')
                            && let Some(deed) = self.arithmetic(found.rest.trim_start_matches(['+', '=']))
                        {
                            return Some(deed);
                        }
                        // Those two refuse subscripts.
                        if found.subscript.is_some() && ["export", "readonly"].contains(&verb) {
                            return None;
                        }
                        let is_local = verb == "local" && found.subscript.is_none();
                        if is_local || flags.contains(['n', 'p']) {
                            return None;
                        }
                        let is_set = found.rest.starts_with('=') || found.rest.starts_with("+=");
                        (is_set || flags.contains('x')).then(|| self.set(&found, is_list, flags)).flatten()
                    })
                })
            }
            "let" => numbered(rest, 1, &|word| {
                self.names.expand(word).iter().find_map(|value| self.arithmetic(value))
            }),
            "mapfile" | "readarray" => {
                let mut deeds = numbered(&rest[options..], 1 + options, &|word| self.named(word));
                let callback = rest.iter().position(|word| *word == "-C").map(|place| place + 1);
                if let Some(place) = callback.filter(|place| *place < rest.len()) {
                    let found = self.evaluate(&rest[place..=place], functions, level);
                    deeds.extend(found.into_iter().map(|deed| (place + 1, deed)));
                }
                deeds
            }
            "read" | "wait" => numbered(rest, 1, &|word| self.named(word)),
            "printf" => {
                let flag = rest.first().and_then(|word| self.names.expand(word).pop()).unwrap_or_default();
                let name = match flag.strip_prefix("-v") {
                    Some("") => rest.get(1).map(|name| (2, *name)),
                    Some(joined) => Some((1, joined)),
                    None => None,
                };
                name.and_then(|(place, name)| Some((place, self.named(name)?))).into_iter().collect()
            }
            "unset" => {
                let found = numbered(rest, 1, &|word| self.named(word));
                let unset = found.into_iter().filter_map(|(place, deed)| match deed {
                    Deed::Sets(effect)
                        if effect.target.contains('[') || effect.target.starts_with("OTTO_") =>
                    {
                        Some((place, Deed::Sets(Effect { is_unset: true, ..effect })))
                    }
                    _ => None,
                });
                unset.collect()
            }
            "." | "source" => {
                let path = rest.iter().flat_map(|word| self.names.expand(word)).find(|word| word != "--");
                let name = path.map(|path| format!("file:{path}"));
                let loaded =
                    name.and_then(|name| self.found.functions.iter().rposition(|file| *file == name));
                match loaded {
                    Some(place) => self.call(place, &[], functions, level),
                    None if self.has_code(level) => vec![(0, effect("OUTPUT".to_owned(), true))],
                    None => Vec::new(),
                }
            }
            _ if verb.contains(ARGUMENT) && verb.chars().all(|c| c == ARGUMENT) => {
                vec![(0, Deed::RunsArgument(None))]
            }
            _ if verb.contains([UNKNOWN, ARGUMENT]) => self.run_unknown(verb, rest, functions),
            _ => Vec::new(),
        }
    }

    /// A command whose name the text tells in part: a function whose name fits may be meant.
    fn run_unknown(&self, verb: &str, rest: &[&str], functions: &Functions) -> Vec<(usize, Deed)> {
        let has_letters = verb.chars().any(|c| ![UNKNOWN, ARGUMENT].contains(&c));
        let fits = |name: &String| match has_letters {
            true => matches(verb, name),
            false => self.is_passed_on(name),
        };
        let all = self.found.functions.iter().zip(functions).filter(|(name, _)| fits(name));
        let found = all.flat_map(|(name, deeds)| deeds.iter().map(move |deed| (name, deed)));
        let mut deeds: Vec<(usize, Deed)> = found
            .filter_map(|(name, deed)| match deed {
                Deed::Sets(effect) => Some((
                    0,
                    Deed::Sets(Effect { is_doubtful: true, function: Some(name.clone()), ..effect.clone() }),
                )),
                Deed::SetsArgument(_)
                | Deed::RunsArgument(_)
                | Deed::EvaluatesArgument(_)
                | Deed::GivesArgument(..) => None,
            })
            .collect();
        // `$e OTTO_K=v`, where `$e` may be `export`.
        for (place, word) in rest.iter().enumerate().filter(|_| !has_letters) {
            for value in self.names.expand(word) {
                let Some(found) = target(&value).filter(|found| found.rest.starts_with('=')) else {
                    continue;
                };
                let is_exact = !found.base.contains([UNKNOWN, ARGUMENT]);
                if let Some(Deed::Sets(effect)) = self.set(&found, false, "x").filter(|_| is_exact) {
                    deeds.push((place + 1, Deed::Sets(Effect { is_doubtful: true, ..effect })));
                }
            }
        }
        deeds
    }

    /// Whether the name of a function stands where it is not called by it: in a list, in a string, as an argument.
    fn is_passed_on(&self, name: &str) -> bool {
        let words = self.found.commands.iter().flat_map(|command| {
            let skip = usize::from(command.kind == CommandKind::Simple);
            self.words(command).skip(skip).map(|word| word.to_owned()).collect::<Vec<_>>()
        });
        let assigned = self.found.simple().filter_map(|command| {
            self.words(command).next().filter(|word| grammar::is_assignment(word)).map(str::to_owned)
        });
        words.chain(assigned).any(|word| super::export::has_word(&word, name))
            || self.text.contains("declare -F")
            || self.text.contains("compgen -A")
    }

    /// The call of a function.
    fn call(
        &self,
        function: usize,
        rest: &[&str],
        functions: &Functions,
        level: usize,
    ) -> Vec<(usize, Deed)> {
        let name = &self.found.functions[function];
        let mut deeds = Vec::new();
        for deed in &functions[function] {
            match deed {
                Deed::Sets(effect) => {
                    deeds.push((0, Deed::Sets(Effect { function: Some(name.clone()), ..effect.clone() })));
                }
                Deed::SetsArgument(copy) => {
                    let found = rest.iter().enumerate().find_map(|(place, word)| {
                        let deed = self.names.expand(word).iter().find_map(|value| self.passed(value))?;
                        Some((place + 1, deed))
                    });
                    deeds.extend(found.map(|(place, deed)| {
                        let deed = match deed {
                            Deed::Sets(effect) => {
                                Deed::Sets(Effect { function: Some(name.clone()), ..effect })
                            }
                            deed => deed,
                        };
                        (place, in_copy(deed, *copy))
                    }));
                }
                Deed::RunsArgument(copy) => {
                    let found = self.passed_on(rest, functions, level);
                    deeds.extend(found.into_iter().map(|(place, deed)| (place + 1, in_copy(deed, *copy))));
                }
                Deed::GivesArgument(verb, copy) => {
                    let found = self.run_named(verb, rest, functions, false, level + 1);
                    deeds.extend(found.into_iter().map(|(place, deed)| {
                        let deed = match deed {
                            Deed::Sets(effect) => {
                                Deed::Sets(Effect { function: Some(name.clone()), ..effect })
                            }
                            deed => deed,
                        };
                        (place, in_copy(deed, *copy))
                    }));
                }
                Deed::EvaluatesArgument(copy) => {
                    let mut found = self.evaluate(rest, functions, level + 1);
                    for place in 0..rest.len() {
                        found.extend(self.evaluate(&rest[place..=place], functions, level + 1));
                    }
                    deeds.extend(found.into_iter().map(|deed| (1, in_copy(deed, *copy))));
                }
            }
        }
        deeds
    }

    /// What becomes of arguments that a function runs as a command. Numbers and options may stand before that.
    fn passed_on(&self, rest: &[&str], functions: &Functions, level: usize) -> Vec<(usize, Deed)> {
        let mut may_be_builtin = true;
        let mut deeds = Vec::new();
        for (place, word) in rest.iter().enumerate() {
            let values = self.names.expand(word);
            if values.iter().any(|value| !value.is_empty() && value.chars().all(|c| c == ARGUMENT)) {
                deeds.push((place, Deed::RunsArgument(None)));
                continue;
            }
            let is_function = values.iter().any(|value| self.found.functions.contains(value));
            if is_function || may_be_builtin {
                let found = self.run(&rest[place..], functions, true, level + 1);
                deeds.extend(found.into_iter().map(|(at, deed)| (place + at, deed)));
            }
            may_be_builtin &= word.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        }
        deeds
    }

    /// What an argument says to a function that sets what its argument says.
    fn passed(&self, value: &str) -> Option<Deed> {
        let found = target(value)?;
        match found.base {
            "OUTPUT" if self.has_arrays => {
                let label =
                    found.subscript.map_or("OUTPUT".to_owned(), |subscript| format!("OUTPUT[{subscript}]"));
                Some(effect(label, false))
            }
            base if base.contains(ARGUMENT) && matches(base, "OUTPUT") => Some(Deed::SetsArgument(None)),
            base if base.contains(UNKNOWN) && matches(base, "OUTPUT") && self.names.may_compose => {
                Some(effect("OUTPUT".to_owned(), true))
            }
            _ => None,
        }
    }

    /// The words of `eval`: code, as far as it is known.
    fn evaluate(&self, words: &[&str], functions: &Functions, level: usize) -> Vec<Deed> {
        let mut texts = vec![String::new()];
        for word in words.iter().filter(|word| **word != "--") {
            let values = self.names.expand(word);
            texts = texts
                .iter()
                .flat_map(|text| values.iter().map(move |value| format!("{text} {value}")))
                .take(8)
                .collect();
        }
        let mut deeds = Vec::new();
        let count = texts.len();
        for text in texts {
            if text.contains(ARGUMENT) && text.chars().all(|c| c == ' ' || c == ARGUMENT) {
                deeds.push(Deed::EvaluatesArgument(None));
                continue;
            }
            let found = self.code(&text, functions, level);
            let is_known = !found.is_empty();
            deeds.extend(found);
            if is_known || !text.contains([UNKNOWN, ARGUMENT]) {
                continue;
            }
            let unknown = text.trim();
            if unknown.contains(ARGUMENT) {
                deeds.push(Deed::EvaluatesArgument(None));
            } else if unknown.chars().all(|c| c == UNKNOWN) && self.has_code(level) {
                deeds.push(effect("OUTPUT".to_owned(), true));
            }
        }
        if count > 1 {
            deeds = deeds.into_iter().map(in_doubt).collect();
        }
        deeds
    }

    /// What code in a string does.
    fn code(&self, text: &str, functions: &Functions, level: usize) -> Vec<Deed> {
        if level >= MOST_LEVELS {
            return Vec::new();
        }
        // Unknown text is a word of its own to the reader of commands, and has to be one of letters.
        let found = grammar::commands(text);
        let mut deeds = Vec::new();
        for command in found.commands.iter().filter(|command| command.function.is_none()) {
            let words: Vec<&str> =
                command.words.iter().map(|word| text.get(word.clone()).unwrap_or("")).collect();
            let Some(first) = words.first() else { continue };
            let here: Vec<Deed> = match command.kind {
                CommandKind::Loop
                | CommandKind::Text
                | CommandKind::Arithmetic
                | CommandKind::Condition
                | CommandKind::Parameter => self.piece(command.kind, first).into_iter().collect(),
                CommandKind::Simple => {
                    let is_set =
                        |word: &&&str| grammar::is_assignment(&word.replace([UNKNOWN, ARGUMENT], "x"));
                    let count = words.iter().take_while(is_set).count();
                    match count == words.len() {
                        true => words.iter().filter_map(|word| self.assigned(word)).collect(),
                        false => {
                            let found = self.run(&words[count..], functions, true, level + 1);
                            found.into_iter().map(|(_, deed)| deed).collect()
                        }
                    }
                }
            };
            deeds.extend(here.into_iter().map(|deed| in_copy(deed, command.copy)));
        }
        deeds
    }

    /// Whether a string in the text is code that sets outputs: what runs unknown code may run it.
    fn has_code(&self, level: usize) -> bool {
        // Such a string may load code itself.
        if level + 2 > MOST_LEVELS - 2 {
            return false;
        }
        let none = vec![Vec::new(); self.found.functions.len()];
        let is_code = |value: &str| {
            let is_string = value.contains("OUTPUT") || self.names.may_compose && value.contains("PUT");
            let sets = |value: &String| {
                self.code(value, &none, MOST_LEVELS - 2).iter().any(|deed| matches!(deed, Deed::Sets(_)))
            };
            is_string && self.names.expand(value).iter().any(sets)
        };
        self.found.commands.iter().any(|command| {
            let mut words = self.words(command).peekable();
            match command.kind {
                CommandKind::Text => words.any(is_code),
                CommandKind::Loop
                | CommandKind::Arithmetic
                | CommandKind::Condition
                | CommandKind::Parameter => false,
                // What these commands make of their words is known.
                CommandKind::Simple if words.peek().is_some_and(|verb| UNDERSTOOD.contains(verb)) => false,
                CommandKind::Simple => words.any(|word| match grammar::is_assignment(word) {
                    true => word.split_once('=').is_some_and(|(_, value)| is_code(value)),
                    false => is_code(word),
                }),
            }
        })
    }

    /// A copy of the shell that the text makes, if it makes any.
    fn any_copy(&self) -> Option<Copy> {
        self.found.commands.iter().find_map(|command| command.copy)
    }
}

/// Whether a declaration in a function makes variables of the function's own.
fn is_local(words: &[&str]) -> bool {
    let before = words.iter().take_while(|word| ["builtin", "command", "--"].contains(word)).count();
    let words = &words[before..];
    let flags = words.iter().filter(|word| word.starts_with('-'));
    words.first().is_some_and(|verb| ["declare", "typeset", "local"].contains(verb))
        && !flags.clone().any(|word| word.contains('g'))
}

fn is_export(deed: &Deed) -> bool {
    matches!(deed, Deed::Sets(effect) if effect.target.starts_with("OTTO_") && effect.target != "OTTO_OUTPUT")
}

/// Of several values that a variable has, one does it.
fn in_doubt(deed: Deed) -> Deed {
    match deed {
        Deed::Sets(effect) => Deed::Sets(Effect { is_doubtful: true, ..effect }),
        deed => deed,
    }
}

fn in_copy(deed: Deed, copy: Option<Copy>) -> Deed {
    match deed {
        Deed::Sets(effect) => Deed::Sets(Effect { copy: effect.copy.or(copy), ..effect }),
        Deed::SetsArgument(inner) => Deed::SetsArgument(inner.or(copy)),
        Deed::RunsArgument(inner) => Deed::RunsArgument(inner.or(copy)),
        Deed::EvaluatesArgument(inner) => Deed::EvaluatesArgument(inner.or(copy)),
        Deed::GivesArgument(verb, inner) => Deed::GivesArgument(verb, inner.or(copy)),
    }
}
