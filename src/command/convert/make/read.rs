//! Reads a Makefile statement by statement, as make does: variables are set while it is read, conditionals are
//! decided, included files are read in their place.

use super::World;
use super::expand::{
    Expander, Guard, Guards, Trouble, Variable, VariableOrigin, VariableValue, split_arguments,
};
use super::function::{PercentPattern, words};
use super::line::{
    LogicalLine, Operator, assignment, closing, first_word, joined, lines, outside, recipe, without_comment,
};
use super::text::{FOLDER, MakeText, TextPiece, added, can_fail, literal, plain, push_str};
use crate::name::is_identifier;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The rules of make itself that are taken over.
const BUILT_IN: &str = include_str!("built_in.mk");

/// A line of a recipe, in the language of make.
#[derive(Clone, Debug)]
pub(super) struct RecipeLine {
    pub(super) line: usize,
    pub(super) written: String,
}

/// A target that is named in the Makefile.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    pub(super) line: usize,
    pub(super) is_target: bool,
    pub(super) needs: Vec<String>,
    pub(super) order_only: Vec<String>,
    /// Both, in the order in which make makes them.
    pub(super) sequence: Vec<String>,
    /// One recipe, or one for each double-colon rule, with what that one needs.
    pub(super) recipes: Vec<Recipe>,
    pub(super) is_double: bool,
    pub(super) variables: Vec<TargetVariable>,
    pub(super) help: Option<String>,
    pub(super) guards: Guards,
    pub(super) troubles: Vec<Trouble>,
    /// Targets that one recipe makes together with this one.
    pub(super) together: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Recipe {
    pub(super) lines: Vec<RecipeLine>,
    pub(super) stem: String,
    pub(super) needs: Vec<String>,
    pub(super) order_only: Vec<String>,
    pub(super) is_implicit: bool,
}

#[derive(Clone, Debug)]
pub(super) struct PatternRule {
    pub(super) line: usize,
    pub(super) targets: Vec<String>,
    pub(super) needs: Vec<String>,
    pub(super) order_only: Vec<String>,
    pub(super) lines: Vec<RecipeLine>,
    pub(super) guards: Guards,
    pub(super) troubles: Vec<Trouble>,
    pub(super) is_built_in: bool,
    pub(super) is_second: bool,
}

/// A variable of a target or of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TargetVariable {
    pub(super) name: String,
    pub(super) operator: Operator,
    pub(super) value: VariableValue,
    pub(super) guards: Guards,
    pub(super) line: usize,
    pub(super) is_exported: bool,
    pub(super) is_private: bool,
    /// `+=` to what the same target said before, which is more text and nothing else.
    pub(super) is_more_text: bool,
}

/// What make would know after reading the Makefile.
pub(super) struct Makefile<'w> {
    pub(super) expander: Expander<'w>,
    pub(super) files: HashMap<String, File>,
    /// Names of `files` in the order in which they were first mentioned.
    pub(super) order: Vec<String>,
    pub(super) patterns: Vec<PatternRule>,
    pub(super) pattern_variables: Vec<(PercentPattern, TargetVariable)>,
    pub(super) phony: BTreeSet<String>,
    pub(super) exported: BTreeMap<String, bool>,
    pub(super) exports_all: bool,
    pub(super) is_one_shell: bool,
    pub(super) ignores_errors: bool,
    pub(super) ignored: BTreeSet<String>,
    pub(super) is_posix: bool,
    pub(super) has_default_rule: bool,
    /// Files that say what else a target needs come into being while making.
    pub(super) has_late_includes: bool,
    pub(super) has_search_path: bool,
    pub(super) first_target: Option<String>,
    /// What every task depends on.
    pub(super) everywhere: Guards,
    pub(super) troubles: Vec<Trouble>,
    pub(super) remarks: Vec<Trouble>,
    /// Variables that `!=` set: make would expand what their commands print.
    asked: BTreeSet<String>,
    /// Those that `.SUFFIXES` leaves.
    suffixes: Vec<String>,
    second_expansion: bool,
    prefix: char,
    conditions: Vec<Condition>,
    current: Vec<RuleOwner>,
    is_in_rule: bool,
    is_built_in: bool,
    help: Vec<String>,
    include_depth: usize,
}

/// The rules that a recipe line belongs to.
#[derive(Clone, Debug)]
enum RuleOwner {
    File(String),
    Pattern(usize),
}

#[derive(Clone, Debug)]
struct Condition {
    branch: Branch,
    /// A branch was taken, so no further one is.
    is_over: bool,
    guards: Guards,
}

#[derive(Clone, Debug)]
enum Branch {
    Taken,
    Dead,
    /// Which branch is taken could not be decided.
    Unknown(Trouble),
}

/// How a statement has to be read.
enum Liveness {
    Live,
    Dead,
    Unknown(Trouble),
}

/// What make takes as suffixes by itself.
const SUFFIXES: &str = ".out .a .ln .o .c .cc .C .cpp .p .f .F .m .r .y .l .ym .yl .s .S .mod .sym .def .h .info .dvi \
                        .tex .texinfo .texi .txinfo .w .ch .web .sh .elc .el";

/// How deep files may include each other, and texts make texts.
const DEEPEST_INCLUDE: usize = 8;

pub(super) fn read<'w>(text: &str, name: &str, world: &'w dyn World) -> Makefile<'w> {
    let mut makefile = Makefile {
        expander: Expander::new(world),
        files: HashMap::new(),
        order: Vec::new(),
        patterns: Vec::new(),
        pattern_variables: Vec::new(),
        phony: BTreeSet::new(),
        exported: BTreeMap::new(),
        exports_all: false,
        is_one_shell: false,
        ignores_errors: false,
        ignored: BTreeSet::new(),
        is_posix: false,
        has_default_rule: false,
        has_late_includes: false,
        has_search_path: false,
        first_target: None,
        everywhere: Guards::new(),
        troubles: Vec::new(),
        remarks: Vec::new(),
        asked: BTreeSet::new(),
        suffixes: SUFFIXES.split_whitespace().map(str::to_owned).collect(),
        second_expansion: false,
        prefix: '\t',
        conditions: Vec::new(),
        current: Vec::new(),
        is_in_rule: false,
        is_built_in: true,
        help: Vec::new(),
        include_depth: 0,
    };
    makefile.defaults();
    makefile.read_text(BUILT_IN, 1);
    makefile.close_rule();
    makefile.is_built_in = false;
    makefile.expander.maybe.clear();
    for (name, variable) in &mut makefile.expander.variables {
        // The environment comes before what make sets by itself, but not before its own names.
        variable.is_fallback = is_identifier(name) && variable.origin == VariableOrigin::File;
        variable.origin = VariableOrigin::Default;
        variable.line = 0;
    }
    makefile.set_simple("MAKEFILE_LIST", plain(name));
    makefile.read_text(text, 1);
    if let Some(condition) = makefile.conditions.pop() {
        makefile.expander.met.extend(condition.guards);
        makefile.lose_everything("a conditional that is not closed");
    }
    makefile.suffix_rules();
    makefile.make_flags();
    makefile
}

impl Makefile<'_> {
    fn defaults(&mut self) {
        self.set_simple("CURDIR", plain(FOLDER.to_string()));
        self.set_simple("MAKE", plain(super::text::MAKE.to_string()));
        self.set_simple("SHELL", plain("/bin/sh"));
        for (name, value) in [
            (".SHELLFLAGS", "-c"),
            ("MAKE_VERSION", "4.3"),
            ("MAKEFLAGS", ""),
            ("MFLAGS", ""),
            ("MAKELEVEL", "0"),
        ] {
            self.set_simple(name, plain(value));
        }
        self.set_simple("MAKE_COMMAND", plain(super::text::MAKE.to_string()));
        for name in [".RECIPEPREFIX", ".DEFAULT_GOAL", "VPATH", "GPATH", "SUFFIXES", ".LIBPATTERNS"] {
            self.set_simple(name, MakeText::new());
        }
    }

    fn set_simple(&mut self, name: &str, value: MakeText) {
        let mut variable = super::expand::automatic(value);
        variable.origin = VariableOrigin::Default;
        self.expander.variables.insert(name.to_owned(), variable);
    }

    /// What may stop make while it reads a text may stop it for every target.
    fn stop(&mut self, trouble: &Trouble, written: &str) {
        if trouble.may_stop_make() || self.expander.may_stop(written, false) {
            self.troubles.push(trouble.clone());
        }
    }

    /// The same of a text that make may expand where it reads it, which could not be decided.
    fn stop_undecided(&mut self, trouble: &Trouble, written: &str) {
        if self.expander.may_stop(written, true) {
            self.troubles.push(trouble.clone());
        }
    }

    /// Decides which `$(error …)` in a text that is expanded while make reads would end it now.
    fn meet_errors(&mut self, text: &[TextPiece]) -> Result<(), Trouble> {
        for piece in text {
            match piece {
                TextPiece::If { test, then, other } if can_fail(then) || can_fail(other) => {
                    let is_empty = self.is_same(test.clone(), MakeText::new())?;
                    self.meet_errors(if is_empty { other } else { then })?;
                }
                piece if can_fail(std::slice::from_ref(piece)) => {
                    self.expander.known(vec![piece.clone()])?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What make would make of a text while it reads.
    fn expand_now(&mut self, written: &str) -> VariableValue {
        let text = match self.expander.expand(written) {
            Ok(text) => text,
            Err(trouble) => {
                self.stop(&trouble, written);
                return VariableValue::Lost(trouble);
            }
        };
        if can_fail(&text) {
            let met = std::mem::take(&mut self.expander.met);
            let errors = self.meet_errors(&text);
            self.everywhere.append(&mut self.expander.met);
            self.expander.met = met;
            if let Err(trouble) = errors {
                self.troubles.push(trouble);
            }
        }
        VariableValue::Simple(text)
    }

    fn lose_everything(&mut self, why: &str) {
        let line = self.expander.line;
        self.troubles.push(Trouble { line, why: why.to_owned() });
    }

    fn read_text(&mut self, text: &str, first: usize) {
        let all = lines(text, first);
        let mut place = 0;
        while place < all.len() {
            // What is left unread may say anything about any target.
            let work = self.conditions.len() + all[place].written.len();
            if let Err(trouble) = self.expander.spend(work) {
                self.troubles.push(trouble);
                return;
            }
            place = self.statement(&all, place);
        }
    }

    fn close_rule(&mut self) {
        self.current.clear();
        self.is_in_rule = false;
    }

    /// The guards of the conditionals around the present line.
    fn around(&self) -> Guards {
        self.conditions.iter().flat_map(|condition| condition.guards.iter().copied()).collect()
    }

    fn mode(&self) -> Liveness {
        let mut mode = Liveness::Live;
        for condition in &self.conditions {
            match &condition.branch {
                Branch::Taken => {}
                Branch::Dead => return Liveness::Dead,
                Branch::Unknown(trouble) => mode = Liveness::Unknown(trouble.clone()),
            }
        }
        mode
    }

    /// Reads one statement, and answers where the next one begins.
    fn statement(&mut self, all: &[LogicalLine], place: usize) -> usize {
        let line = &all[place];
        if !self.is_built_in {
            self.expander.line = line.number;
        }
        if self.is_in_rule
            && let Some(written) = line.written.strip_prefix(self.prefix)
        {
            self.recipe_line(line.number, recipe(written, self.prefix));
            return place + 1;
        }
        let whole = joined(&line.written);
        let text = without_comment(&whole);
        if let Some(comment) = whole.trim_start().strip_prefix('#') {
            self.comment(comment);
        } else if whole.trim().is_empty() {
            self.help.clear();
        }
        if text.trim().is_empty() {
            return place + 1;
        }
        let (word, rest) = first_word(&text);
        let (word, rest) = (word.to_owned(), rest.to_owned());
        if assignment(&text).is_none() || matches!(word.as_str(), "ifeq" | "ifneq") {
            match word.as_str() {
                "ifeq" | "ifneq" | "ifdef" | "ifndef" => {
                    self.condition(&word, rest.trim());
                    return place + 1;
                }
                "else" => {
                    self.else_branch(rest.trim());
                    return place + 1;
                }
                "endif" => {
                    self.end_condition();
                    return place + 1;
                }
                _ => {}
            }
        }
        let mut words_before: Vec<String> = Vec::new();
        let mut statement = text.as_str();
        loop {
            let (word, rest) = first_word(statement);
            let is_modifier = ["export", "override", "private", "unexport"].contains(&word);
            let is_plain_assignment = assignment(statement).is_some_and(|(name, ..)| name == word);
            // No line has more modifiers than this.
            if !is_modifier || is_plain_assignment || rest.starts_with(':') || words_before.len() == 8 {
                break;
            }
            words_before.push(word.to_owned());
            statement = rest;
        }
        let (word, rest) = first_word(statement);
        if word == "define" && assignment(statement).is_none_or(|(name, ..)| name != "define") {
            return self.definition(all, place, rest, &words_before);
        }
        match self.mode() {
            Liveness::Dead => self.dead_statement(statement, &words_before),
            // What is passed on to commands concerns every target.
            Liveness::Unknown(trouble) if !words_before.is_empty() => self.troubles.push(trouble),
            Liveness::Unknown(trouble) => self.unknown_statement(statement, &trouble),
            Liveness::Live => self.live_statement(line, &whole, statement, &words_before),
        }
        place + 1
    }

    fn comment(&mut self, comment: &str) {
        let text = comment.trim_start_matches('#').trim();
        let is_text = text.chars().any(char::is_alphanumeric);
        match is_text {
            true => self.help.push(text.to_owned()),
            false => self.help.clear(),
        }
    }

    fn recipe_line(&mut self, number: usize, written: String) {
        let around = self.around();
        let mode = self.mode();
        if let Err(trouble) = self.expander.spend(self.current.len() * (written.len() + around.len() + 64)) {
            self.troubles.push(trouble);
            return;
        }
        for owner in self.current.clone() {
            let (lines, guards, troubles) = match &owner {
                RuleOwner::File(name) => {
                    let file = self.files.get_mut(name).expect("bug: a rule without its file");
                    let recipe = file.recipes.last_mut().expect("bug: a recipe line before its recipe");
                    (&mut recipe.lines, &mut file.guards, &mut file.troubles)
                }
                RuleOwner::Pattern(place) => {
                    let rule = &mut self.patterns[*place];
                    (&mut rule.lines, &mut rule.guards, &mut rule.troubles)
                }
            };
            guards.extend(&around);
            match &mode {
                Liveness::Live => lines.push(RecipeLine { line: number, written: written.clone() }),
                Liveness::Dead => {}
                Liveness::Unknown(trouble) => troubles.push(trouble.clone()),
            }
        }
    }

    // Conditionals.

    fn condition(&mut self, word: &str, rest: &str) {
        let nested_in_dead = !matches!(self.mode(), Liveness::Live);
        let mut condition = Condition { branch: Branch::Dead, is_over: false, guards: Guards::new() };
        if nested_in_dead {
            condition.is_over = true;
            // Lines of an undecided branch stay undecided.
            if let Liveness::Unknown(trouble) = self.mode() {
                self.stop_undecided(&trouble, rest);
                condition.branch = Branch::Unknown(trouble);
            }
        } else {
            self.decide(&mut condition, word, rest);
        }
        self.conditions.push(condition);
    }

    fn decide(&mut self, condition: &mut Condition, word: &str, rest: &str) {
        let met = std::mem::take(&mut self.expander.met);
        let decided = match word {
            "ifdef" | "ifndef" => self.is_defined(rest),
            _ => self.are_equal(rest),
        };
        condition.guards.append(&mut self.expander.met);
        self.expander.met = met;
        match decided {
            Ok(answer) if answer != matches!(word, "ifneq" | "ifndef") => {
                condition.branch = Branch::Taken;
                condition.is_over = true;
            }
            Ok(_) => condition.branch = Branch::Dead,
            Err(trouble) => {
                self.stop(&trouble, rest);
                condition.branch = Branch::Unknown(trouble);
                condition.is_over = true;
            }
        }
    }

    fn else_branch(&mut self, rest: &str) {
        let Some(mut condition) = self.conditions.pop() else {
            self.lose_everything("an `else` without `if`");
            return;
        };
        match condition.branch {
            Branch::Unknown(_) => {}
            _ if condition.is_over => condition.branch = Branch::Dead,
            _ => {
                let (word, rest) = first_word(rest);
                match word {
                    "" => {
                        condition.branch = Branch::Taken;
                        condition.is_over = true;
                    }
                    "ifeq" | "ifneq" | "ifdef" | "ifndef" => self.decide(&mut condition, word, rest.trim()),
                    _ => self.lose_everything("an invalid `else`"),
                }
            }
        }
        self.conditions.push(condition);
    }

    fn end_condition(&mut self) {
        if self.conditions.pop().is_none() {
            self.lose_everything("an `endif` without `if`");
        }
    }

    fn is_defined(&mut self, name: &str) -> Result<bool, Trouble> {
        let name = self.expander.known_expansion(name)?;
        let name = name.trim();
        if let Some(guards) = self.expander.maybe.get(name).cloned() {
            self.expander.met.extend(guards);
        }
        let text = match self.expander.lookup(name).cloned() {
            Some(variable) => {
                self.expander.met.extend(&variable.guards);
                match &variable.value {
                    VariableValue::Lost(trouble) => return Err(trouble.clone()),
                    VariableValue::Recursive(written) if variable.is_fallback => {
                        let or = plain(if written.is_empty() { "" } else { "x" });
                        vec![TextPiece::Env { name: name.to_owned(), or }]
                    }
                    VariableValue::Recursive(written) => return Ok(!written.is_empty()),
                    VariableValue::Added { .. } => return Ok(true),
                    VariableValue::Simple(_) => self.expander.value(name)?,
                }
            }
            None => self.expander.value(name)?,
        };
        self.is_same(text, plain("")).map(|is_empty| !is_empty)
    }

    fn are_equal(&mut self, rest: &str) -> Result<bool, Trouble> {
        let Some((left, right)) = sides(rest) else {
            return self.expander.trouble("an invalid conditional");
        };
        let (left, right) = (self.expander.expand(&left)?, self.expander.expand(&right)?);
        self.is_same(left, right)
    }

    /// Compares two texts as they are now; the answer has to be the same when a task runs.
    fn is_same(&mut self, left: MakeText, right: MakeText) -> Result<bool, Trouble> {
        let (left, right) = match (literal(&left), literal(&right)) {
            (Some(left), Some(right)) => {
                return Ok(match (left.contains(FOLDER), right.contains(FOLDER)) {
                    (false, false) => left == right,
                    _ => self.expander.without_folder(&left) == self.expander.without_folder(&right),
                });
            }
            (None, Some(right)) => (left, right),
            (Some(left), None) => (right, left),
            (None, None) => {
                let right = self.expander.known(right)?;
                (left, right)
            }
        };
        // The values themselves need not stay as they are.
        let (guards, met) = (self.expander.guards.len(), self.expander.met.clone());
        let now = self.expander.known(left.clone())?;
        self.expander.guards.truncate(guards);
        self.expander.met = met;
        let is_equal = now == right;
        self.expander.guard(Guard { left, right, is_equal, line: self.expander.line });
        Ok(is_equal)
    }

    // Statements.

    /// What a statement would have changed that is not read now.
    fn dead_statement(&mut self, statement: &str, before: &[String]) {
        let around = self.around();
        if !before.is_empty() {
            self.everywhere.extend(&around);
        }
        if let Some((name, ..)) = assignment(statement) {
            self.may_set(name.trim(), &around);
            return;
        }
        let (word, rest) = first_word(statement);
        let is_harmless = matches!(word, "$(info" | "$(warning" | "$(error");
        if is_harmless && around.is_empty() {
            return;
        }
        if let Some(colon) = outside(statement, &[':']) {
            let (targets, right) = (&statement[..colon], statement[colon + 1..].trim_start_matches(':'));
            if !targets.contains('$') && !targets.contains('%') && !targets.trim_start().starts_with('.') {
                let _ = right;
                for target in words(targets) {
                    let name = plain_name(target);
                    self.mention(&name).guards.extend(&around);
                }
                return;
            }
            if targets.trim() == ".PHONY" {
                for name in words(right) {
                    self.mention(&plain_name(name)).guards.extend(&around);
                }
                return;
            }
        }
        let _ = rest;
        self.everywhere.extend(&around);
    }

    fn may_set(&mut self, name: &str, around: &Guards) {
        if name.contains('$') {
            self.everywhere.extend(around);
        } else {
            self.expander.maybe.entry(name.to_owned()).or_default().extend(around);
        }
    }

    fn unknown_statement(&mut self, statement: &str, trouble: &Trouble) {
        if let Some((name, operator, written)) = assignment(statement) {
            let name = name.trim().to_owned();
            match operator {
                Operator::Simple | Operator::Shell => self.stop_undecided(trouble, written),
                Operator::Add => {
                    self.stop_undecided(trouble, written);
                    self.expander.undecided.entry(name.clone()).or_default().push(written.to_owned());
                }
                Operator::Recursive | Operator::Fallback => {
                    self.expander.undecided.entry(name.clone()).or_default().push(written.to_owned());
                }
            }
            let makes_structure = ["SHELL", ".SHELLFLAGS", "MAKEFLAGS", ".DEFAULT_GOAL", "VPATH"];
            if name.contains('$') || makes_structure.contains(&name.as_str()) {
                self.troubles.push(trouble.clone());
                return;
            }
            let variable = Variable {
                value: VariableValue::Lost(trouble.clone()),
                is_after_environment: false,
                is_fallback: false,
                origin: VariableOrigin::File,
                guards: Guards::new(),
                line: self.expander.line,
            };
            self.expander.variables.insert(name, variable);
            return;
        }
        if let Some(colon) = outside(statement, &[':']) {
            self.stop_undecided(trouble, statement);
            let targets = &statement[..colon];
            if !targets.contains('$') && !targets.contains('%') && !targets.trim_start().starts_with('.') {
                self.current.clear();
                self.is_in_rule = true;
                for target in words(targets) {
                    let name = plain_name(target);
                    let line = self.expander.line;
                    let file = self.mention(&name);
                    file.is_target = true;
                    file.line = line;
                    file.troubles.push(trouble.clone());
                    file.recipes.push(Recipe::default());
                    self.current.push(RuleOwner::File(name));
                }
                return;
            }
        }
        self.troubles.push(trouble.clone());
    }

    fn live_statement(&mut self, line: &LogicalLine, whole: &str, statement: &str, before: &[String]) {
        let is_exporting = before.iter().any(|word| word == "export");
        let is_unexporting = before.iter().any(|word| word == "unexport");
        if let Some((name, operator, value)) = assignment(statement) {
            self.help.clear();
            self.close_rule();
            let origin = match before.iter().any(|word| word == "override") {
                true => VariableOrigin::Override,
                false => VariableOrigin::File,
            };
            let name = match self.expander.known_expansion(name) {
                Ok(name) => name.trim().to_owned(),
                Err(trouble) => return self.troubles.push(trouble),
            };
            if name.is_empty() {
                let Err(trouble) = self.expander.stop::<()>("a variable without a name") else { return };
                return self.troubles.push(trouble);
            }
            if is_exporting {
                self.exported.insert(name.clone(), true);
            }
            self.set(&name, operator, value, origin);
            return;
        }
        if is_exporting || is_unexporting {
            match self.expander.known_expansion(statement) {
                Ok(names) if words(&names).is_empty() => {
                    if statement.trim().is_empty() {
                        self.exports_all = is_exporting;
                    }
                }
                Ok(names) => {
                    for name in words(&names) {
                        self.exported.insert(name.to_owned(), is_exporting);
                        self.define_empty(name);
                    }
                }
                Err(trouble) => self.troubles.push(trouble),
            }
            self.everywhere.append(&mut self.expander.met);
            let around = self.around();
            self.everywhere.extend(around);
            return;
        }
        let (word, rest) = first_word(statement);
        match word {
            "include" | "-include" | "sinclude" => self.include(word == "include", rest),
            "undefine" => {
                let around = self.around();
                if let Ok(name) = self.expander.known_expansion(rest) {
                    self.expander.variables.remove(name.trim());
                    self.may_set(name.trim(), &around);
                }
            }
            "vpath" => self.has_search_path |= !rest.is_empty(),
            "load" | "-load" => self.lose_everything("a `load` of a make plugin"),
            _ => self.rule(line, whole, statement),
        }
    }

    /// `export NAME` makes a variable of what is not one, unless the environment has it.
    fn define_empty(&mut self, name: &str) {
        if is_identifier(name) && !self.expander.variables.contains_key(name) {
            let line = self.expander.line;
            let guards = self.around();
            let empty =
                Variable { is_fallback: true, line, guards, ..super::expand::automatic(MakeText::new()) };
            let empty = Variable { value: VariableValue::Recursive(String::new()), ..empty };
            self.expander.variables.insert(name.to_owned(), empty);
        }
    }

    fn set(&mut self, name: &str, operator: Operator, written: &str, origin: VariableOrigin) {
        let met = std::mem::take(&mut self.expander.met);
        let old = self.expander.variables.get(name).cloned();
        if let Some(old) = &old
            && (old.origin == VariableOrigin::CommandLine
                || old.origin == VariableOrigin::Override && origin == VariableOrigin::File)
        {
            // make expands what it does not keep, and may end there.
            let is_simple = matches!(old.value, VariableValue::Simple(_));
            if matches!(operator, Operator::Simple | Operator::Shell)
                || operator == Operator::Add && is_simple
            {
                self.expand_now(written);
            }
            self.expander.met = met;
            return;
        }
        let line = self.expander.line;
        match operator {
            Operator::Shell => self.asked.insert(name.to_owned()),
            Operator::Recursive | Operator::Simple => self.asked.remove(name),
            Operator::Fallback | Operator::Add => false,
        };
        let mut variable = Variable {
            value: VariableValue::Recursive(written.to_owned()),
            is_after_environment: false,
            is_fallback: false,
            origin,
            guards: Guards::new(),
            line,
        };
        match operator {
            Operator::Recursive => {}
            Operator::Simple => variable.value = self.expand_now(written),
            Operator::Shell => variable.value = asked(self.expand_now(written)),
            Operator::Fallback => match &old {
                // A default of make is a value, too.
                Some(old) => {
                    self.expander.met = met;
                    let guards = self.around();
                    let mut old = old.clone();
                    old.guards.extend(guards);
                    self.expander.variables.insert(name.to_owned(), old);
                    return;
                }
                None => variable.is_fallback = is_identifier(name),
            },
            Operator::Add if written.is_empty() && old.is_some() => {
                self.expander.met = met;
                let around = self.around();
                if let Some(old) = self.expander.variables.get_mut(name) {
                    old.guards.extend(around);
                }
                return;
            }
            Operator::Add => {
                if let Some(old) = &old {
                    variable.guards.extend(&old.guards);
                    variable.is_fallback = old.is_fallback;
                    variable.is_after_environment = old.is_after_environment;
                }
                variable.value = match old.as_ref().map(|old| old.value.clone()) {
                    None => {
                        variable.is_after_environment = is_identifier(name);
                        VariableValue::Recursive(written.to_owned())
                    }
                    // What is added to a value of the environment is added to either.
                    Some(_) if variable.is_fallback => {
                        variable.is_fallback = false;
                        let base = Box::new(old.clone().expect("bug: it has a value"));
                        VariableValue::Added { base, more: written.to_owned() }
                    }
                    Some(VariableValue::Added { base, more }) => {
                        VariableValue::Added { base, more: format!("{more} {written}") }
                    }
                    Some(VariableValue::Simple(_)) if self.asked.contains(name) && written.contains('$') => {
                        let why = format!("`+=` to what a command gave to `{name}`");
                        VariableValue::Lost(Trouble { line, why })
                    }
                    Some(VariableValue::Recursive(old)) if old.is_empty() => {
                        VariableValue::Recursive(written.to_owned())
                    }
                    Some(VariableValue::Recursive(old)) => {
                        VariableValue::Recursive(format!("{old} {written}"))
                    }
                    Some(VariableValue::Simple(old)) => match self.expand_now(written) {
                        // Nothing adds nothing, not even a blank.
                        VariableValue::Simple(more) => {
                            VariableValue::Simple(match super::expand::visible(&more) {
                                Some(true) => added(old, more),
                                Some(false) => old,
                                None => {
                                    let then = added(old.clone(), more.clone());
                                    vec![TextPiece::If { test: more, then, other: old }]
                                }
                            })
                        }
                        lost => lost,
                    },
                    Some(VariableValue::Lost(trouble)) => VariableValue::Lost(trouble),
                };
            }
        }
        variable.guards.append(&mut self.expander.met);
        variable.guards.extend(self.around());
        self.expander.met = met;
        variable.value = self.expander.bounded_value(variable.value, variable.guards.len());
        match name {
            ".RECIPEPREFIX" => match &variable.value {
                VariableValue::Recursive(text) => self.prefix = text.chars().next().unwrap_or('\t'),
                VariableValue::Simple(text) => {
                    self.prefix = literal(text).and_then(|text| text.chars().next()).unwrap_or('\t');
                }
                VariableValue::Lost(_) | VariableValue::Added { .. } => {}
            },
            "VPATH" => self.has_search_path = true,
            ".DEFAULT_GOAL" | "SHELL" | ".SHELLFLAGS" | "MAKEFLAGS" => {
                self.everywhere.extend(&variable.guards);
            }
            _ => {}
        }
        self.expander.variables.insert(name.to_owned(), variable);
    }

    fn definition(&mut self, all: &[LogicalLine], place: usize, head: &str, before: &[String]) -> usize {
        let (name, operator) = match assignment(head) {
            Some((name, operator, _)) => (name.to_owned(), operator),
            None => (head.trim().to_owned(), Operator::Recursive),
        };
        let mut body: Vec<String> = Vec::new();
        let mut depth = 1;
        let mut next = place + 1;
        while next < all.len() {
            let line = joined(&all[next].written);
            next += 1;
            if !line.starts_with(self.prefix) {
                let text = without_comment(&line);
                match first_word(&text) {
                    ("define", _) => depth += 1,
                    ("endef", _) => depth -= 1,
                    _ => {}
                }
            }
            if depth == 0 {
                break;
            }
            body.push(line);
        }
        if depth > 0 {
            self.lose_everything("a `define` that is not closed");
            return next;
        }
        match self.mode() {
            Liveness::Dead => {
                let around = self.around();
                self.may_set(&name, &around);
            }
            Liveness::Unknown(trouble) => {
                let operator = if operator == Operator::Simple { ":=" } else { "=" };
                self.unknown_statement(&format!("{name} {operator} {}", body.join("\n")), &trouble);
            }
            Liveness::Live => {
                self.close_rule();
                if before.iter().any(|word| word == "export") {
                    self.exported.insert(name.clone(), true);
                }
                match self.expander.known_expansion(&name) {
                    Ok(name) => self.set(name.trim(), operator, &body.join("\n"), VariableOrigin::File),
                    Err(trouble) => self.troubles.push(trouble),
                }
            }
        }
        next
    }

    fn include(&mut self, is_required: bool, rest: &str) {
        self.close_rule();
        let names = match self.expander.known_expansion(rest) {
            Ok(names) => names,
            Err(trouble) => return self.troubles.push(trouble),
        };
        let around = self.around();
        self.everywhere.extend(around);
        self.everywhere.append(&mut self.expander.met);
        for pattern in words(&names) {
            let found = match pattern.contains(['*', '?', '[']) {
                true => self.expander.files(pattern),
                false => vec![pattern.to_owned()],
            };
            if found.is_empty() && pattern.ends_with(".d") {
                self.has_late_includes = true;
            }
            for name in found {
                self.include_file(is_required, &name);
            }
        }
    }

    fn include_file(&mut self, is_required: bool, name: &str) {
        if name.ends_with(".d") {
            // The compiler writes them: what they say of today does not hold for the next run.
            self.has_late_includes = true;
            return;
        }
        let name = name.replace(&format!("{FOLDER}/"), "");
        if name.contains(FOLDER) {
            return self.lose_everything("an included file outside the folder");
        }
        let Some(text) = self.expander.world.read(&name) else {
            if is_required {
                return self.lose_everything(&format!("`{name}` is included but missing"));
            }
            let left = vec![TextPiece::Wildcard(name)];
            let line = self.expander.line;
            let guard = self.expander.guard(Guard { left, right: String::new(), is_equal: true, line });
            self.expander.met.clear();
            self.everywhere.insert(guard);
            return;
        };
        let base = name.rsplit('/').next().unwrap_or("");
        if base.starts_with(".env") || base.ends_with(".env") {
            return self.settings_file(&name, &text);
        }
        if self.include_depth >= DEEPEST_INCLUDE {
            return self.lose_everything("files that include each other");
        }
        let list = self.expander.value("MAKEFILE_LIST").ok();
        if let Some(mut list) = list {
            push_str(&mut list, &format!(" {name}"));
            self.set_simple("MAKEFILE_LIST", list);
        }
        self.include_depth += 1;
        let line = self.expander.line;
        let conditions = std::mem::take(&mut self.conditions);
        self.read_text(&text, 1);
        self.conditions = conditions;
        self.expander.line = line;
        self.include_depth -= 1;
        self.close_rule();
    }

    /// A file of settings, which may hold secrets: its values stay where they are.
    fn settings_file(&mut self, name: &str, text: &str) {
        let line = self.expander.line;
        for statement in lines(text, 1) {
            let text = joined(&statement.written);
            let text = without_comment(&text);
            let text = text.trim_start().strip_prefix("export ").unwrap_or(&text);
            if let Some((variable, _, written)) = assignment(text) {
                let why = format!(
                    "`{variable}` comes from `{name}`, which is not converted; `dotenv: [{name}]` reads it"
                );
                let trouble = Trouble { line, why };
                self.unknown_statement(&format!("{variable} = {written}"), &trouble);
                self.expander.line = line;
            }
        }
    }

    // Rules.

    pub(super) fn mention(&mut self, name: &str) -> &mut File {
        if !self.files.contains_key(name) {
            self.order.push(name.to_owned());
        }
        self.files.entry(name.to_owned()).or_default()
    }

    fn rule(&mut self, line: &LogicalLine, whole: &str, statement: &str) {
        self.close_rule();
        // Where the rule begins, its recipe may, even if it cannot be read.
        self.is_in_rule = true;
        let met = std::mem::take(&mut self.expander.met);
        if let Err(trouble) = self.rule_or_trouble(line, whole, statement) {
            self.troubles.push(trouble);
        }
        self.expander.met = met;
        self.help.clear();
    }

    fn rule_or_trouble(&mut self, line: &LogicalLine, whole: &str, statement: &str) -> Result<(), Trouble> {
        let Some(colon) = outside(statement, &[':']) else {
            let text = self.expander.expand(statement)?;
            for evaluated in std::mem::take(&mut self.expander.evaluated) {
                let number = self.expander.line;
                self.close_rule();
                let before = std::mem::take(&mut self.conditions);
                self.read_evaluated(&evaluated, number);
                self.conditions = before;
            }
            let text: MakeText =
                text.into_iter().filter(|piece| !matches!(piece, TextPiece::Say(_))).collect();
            let text = self.expander.known(text)?;
            if text.trim().is_empty() {
                self.close_rule();
                return Ok(());
            }
            // A whole rule, or several, may come out of a variable.
            if text.contains(':') && !text.contains('$') {
                self.read_evaluated(&text, line.number);
                return Ok(());
            }
            return self.expander.trouble(format!("`{}` is not a statement", statement.trim()));
        };
        let (left, mut right) = (&statement[..colon], &statement[colon + 1..]);
        let is_together = left.ends_with('&');
        let left = left.trim_end_matches('&');
        let is_double = right.starts_with(':') && !right.starts_with(":=");
        if is_double {
            right = &right[1..];
        }
        let targets = self.expander.known_expansion(left)?;
        let targets = self.file_names(&targets);
        if !is_double && self.target_variable(&targets, right)? {
            self.close_rule();
            return Ok(());
        }
        // After a `;` there are no comments.
        let written = joined(&line.written);
        let inline = outside(&written, &[':'])
            .and_then(|colon| {
                let after = &written[colon + 1..];
                let end = outside(after, &[';', '#'])?;
                after[end..].starts_with(';').then(|| after[end + 1..].to_owned())
            })
            .filter(|_| right.contains(';') || written.contains(';'));
        let right = match outside(right, &[';']) {
            Some(end) => &right[..end],
            None => right,
        };
        let is_second = self.second_expansion && right.contains("$$");
        let right = match self.expander.known_expansion(right) {
            Ok(right) => right,
            Err(trouble) => {
                self.stop(&trouble, right);
                self.lost_rule(&targets, line, whole, trouble, inline);
                return Ok(());
            }
        };
        let mut guards = self.around();
        guards.append(&mut self.expander.met);
        if let [special] = targets.as_slice()
            && special.starts_with('.')
            && self.special(special, &right, &guards)
        {
            self.close_rule();
            return Ok(());
        }
        let (stem_pattern, needs) = match right.split_once(':') {
            Some((pattern, needs)) => (Some(PercentPattern::new(pattern.trim())), needs),
            None => (None, right.as_str()),
        };
        let (needs, order_only) = needs.split_once('|').unwrap_or((needs, ""));
        let (needs, order_only) = match is_second || stem_pattern.is_some() {
            true => (names(needs), names(order_only)),
            false => {
                let both = (self.file_names(needs), self.file_names(order_only));
                guards.append(&mut self.expander.met);
                both
            }
        };
        if stem_pattern.is_none() && targets.iter().any(|target| target.contains('%')) {
            if !targets.iter().all(|target| target.contains('%')) {
                return self.expander.trouble("patterns and files as targets of one rule");
            }
            if is_double && targets.iter().any(|target| target == "%") {
                return self.expander.trouble("a rule for `%` with `::`");
            }
            self.patterns.push(PatternRule {
                line: line.number,
                targets,
                needs,
                order_only,
                lines: Vec::new(),
                guards,
                troubles: Vec::new(),
                is_built_in: self.is_built_in,
                is_second,
            });
            self.current = vec![RuleOwner::Pattern(self.patterns.len() - 1)];
            if let Some(inline) = inline {
                self.recipe_line(line.number, inline.trim_start().to_owned());
            }
            return Ok(());
        }
        if stem_pattern.is_none()
            && let Some(mixed) = targets.iter().find(|target| {
                self.files.get(*target).is_some_and(|file| file.is_target && file.is_double != is_double)
            })
        {
            return self.expander.stop(format!("`{mixed}` has rules with `:` and with `::`"));
        }
        let help = self.help_of(whole);
        let each = right.len() + needs.len() * 32 + whole.len() + guards.len() + 256;
        let shared = if is_together { targets.len() * 32 } else { 0 };
        self.expander.spend(targets.len() * (each + shared))?;
        for target in &targets {
            if self.first_target.is_none()
                && !self.is_built_in
                && (!target.starts_with('.') || target.contains('/'))
            {
                self.first_target = Some(target.clone());
            }
            let stem = match &stem_pattern {
                Some(pattern) => match pattern.stem(target) {
                    Some(stem) => Some(stem.to_owned()),
                    None => continue,
                },
                None => None,
            };
            let filled = |needs: &[String]| -> Vec<String> {
                let fill = |need: &String| match &stem {
                    Some(stem) => PercentPattern::new(need).fill(stem),
                    None => need.clone(),
                };
                needs.iter().map(fill).collect()
            };
            let (mut needs, mut order_only) = (filled(&needs), filled(&order_only));
            if is_second {
                let stem = stem.as_deref().unwrap_or("");
                needs = self.second(&needs, target, stem)?;
                order_only = self.second(&order_only, target, stem)?;
            }
            let later = if is_together { targets.clone() } else { Vec::new() };
            let file = self.mention(target);
            file.is_target = true;
            if file.line == 0 || file.recipes.is_empty() {
                file.line = line.number;
            }
            file.is_double |= is_double;
            file.guards.extend(&guards);
            if file.help.is_none() {
                file.help.clone_from(&help);
            }
            if is_together && targets.first() != Some(target) {
                file.needs = later.first().cloned().into_iter().collect();
                continue;
            }
            file.together = later;
            // The rule is filled by its recipe, which makes it the one whose prerequisites come first.
            let recipe = Recipe {
                lines: Vec::new(),
                stem: stem.clone().unwrap_or_default(),
                needs: needs.clone(),
                order_only,
                is_implicit: stem.is_some(),
            };
            file.recipes.push(recipe);
            self.current.push(RuleOwner::File(target.clone()));
            let _ = stem;
        }
        if let Some(inline) = inline {
            // `target: ;` is an empty recipe, which is a recipe too.
            self.recipe_line(line.number, inline.trim_start().to_owned());
        }
        Ok(())
    }

    /// A rule whose prerequisites are not known: its targets fail, the others do not.
    fn lost_rule(
        &mut self,
        targets: &[String],
        line: &LogicalLine,
        whole: &str,
        trouble: Trouble,
        inline: Option<String>,
    ) {
        if targets.iter().any(|target| target.contains('%') || target.starts_with('.')) {
            self.troubles.push(trouble);
            return;
        }
        let help = self.help_of(whole);
        if let Err(trouble) = self.expander.spend(targets.len() * (whole.len() + 256)) {
            self.troubles.push(trouble);
            return;
        }
        for target in targets {
            if self.first_target.is_none() {
                self.first_target = Some(target.clone());
            }
            let file = self.mention(target);
            file.is_target = true;
            file.line = line.number;
            file.help.clone_from(&help);
            file.troubles.push(trouble.clone());
            file.recipes.push(Recipe::default());
            self.current.push(RuleOwner::File(target.clone()));
        }
        if let Some(inline) = inline {
            self.recipe_line(line.number, inline);
        }
    }

    fn read_evaluated(&mut self, text: &str, number: usize) {
        if self.include_depth >= DEEPEST_INCLUDE {
            return self.lose_everything("statements that create statements endlessly");
        }
        self.include_depth += 1;
        for line in lines(text, number) {
            let line = LogicalLine { number, written: line.written };
            if let Err(trouble) = self.expander.spend(self.conditions.len() + line.written.len()) {
                self.troubles.push(trouble);
                break;
            }
            self.statement(std::slice::from_ref(&line), 0);
        }
        if text.lines().any(|line| line.trim_start().starts_with("define ")) {
            self.lose_everything("a `define` computed by a function");
        }
        self.include_depth -= 1;
    }

    /// What a second reading of prerequisites gives for one target.
    pub(super) fn second(
        &mut self,
        needs: &[String],
        target: &str,
        stem: &str,
    ) -> Result<Vec<String>, Trouble> {
        let written = needs.join(" ");
        let (folder, file) = target.rsplit_once('/').unwrap_or((".", target));
        let scope = [("@", target), ("*", stem), ("@D", folder), ("@F", file)];
        let scope = scope.map(|(name, value)| (name.to_owned(), super::expand::automatic(plain(value))));
        self.expander.scopes.push(HashMap::from(scope));
        let expanded = self.expander.known_expansion(&written);
        self.expander.scopes.pop();
        let expanded = expanded?;
        Ok(self.file_names(&expanded))
    }

    fn help_of(&self, whole: &str) -> Option<String> {
        let behind = whole.split_once("##").map(|(_, help)| help.trim().to_owned());
        let behind = behind.filter(|help| !help.is_empty());
        behind.or_else(|| (!self.help.is_empty()).then(|| self.help.join("\n")))
    }

    /// The names of files, without `./`, with those that a pattern matches.
    fn file_names(&mut self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for name in words(text) {
            let name = plain_name(name);
            if !name.contains(['*', '?', '[']) || name.contains('%') || name.contains(FOLDER) {
                found.push(name);
                continue;
            }
            let matches = self.expander.files(&name);
            let right = matches.join(" ");
            let left = vec![TextPiece::Wildcard(name.clone())];
            self.expander.guard(Guard { left, right, is_equal: true, line: self.expander.line });
            match matches.is_empty() {
                true => found.push(name),
                false => found.extend(matches),
            }
        }
        found
    }

    fn special(&mut self, special: &str, right: &str, guards: &Guards) -> bool {
        match special {
            ".PHONY" => {
                for name in self.file_names(right) {
                    self.mention(&name).guards.extend(guards);
                    self.phony.insert(name);
                }
                return true;
            }
            ".IGNORE" if words(right).is_empty() => self.ignores_errors = true,
            ".IGNORE" => self.ignored.extend(names(right)),
            ".ONESHELL" => self.is_one_shell = true,
            ".EXPORT_ALL_VARIABLES" => self.exports_all = true,
            ".SECONDEXPANSION" => self.second_expansion = true,
            ".POSIX" => self.is_posix = true,
            ".SILENT" | ".NOTPARALLEL" | ".DELETE_ON_ERROR" | ".LOW_RESOLUTION_TIME" => {}
            ".SUFFIXES" if words(right).is_empty() => self.suffixes.clear(),
            ".SUFFIXES" => self.suffixes.extend(words(right).into_iter().map(str::to_owned)),
            ".PRECIOUS" | ".SECONDARY" | ".INTERMEDIATE" => {}
            ".DEFAULT" => {
                self.has_default_rule = true;
                self.lose_everything("a rule for targets without one (`.DEFAULT`)");
            }
            _ => return false,
        }
        self.everywhere.extend(guards);
        true
    }

    /// Reads `X = 1` behind a colon as a variable of the targets. Answers whether it was one.
    fn target_variable(&mut self, targets: &[String], right: &str) -> Result<bool, Trouble> {
        let mut statement = right.trim_start();
        let (mut is_exported, mut is_private) = (false, false);
        loop {
            let (word, rest) = first_word(statement);
            match word {
                "export" => is_exported = true,
                "private" => is_private = true,
                "override" => {}
                _ => break,
            }
            statement = rest;
        }
        let Some((name, operator, written)) = assignment(statement) else { return Ok(false) };
        let name = self.expander.known_expansion(name)?.trim().to_owned();
        if name.is_empty() {
            return self.expander.stop("a variable without a name");
        }
        if let [_, _, ..] = targets {
            // Each sees what it has said itself before.
            for target in targets {
                self.target_variable(std::slice::from_ref(target), right)?;
            }
            return Ok(true);
        }
        let own = targets.first().and_then(|target| self.files.get(target));
        let own: Vec<TargetVariable> = own.map(|file| file.variables.clone()).unwrap_or_default();
        let before = own.iter().rev().find(|own| own.name == name).cloned();
        if operator == Operator::Fallback && before.is_some() {
            // Sets nothing, and says anew how the variable is passed on.
            let file = targets.first().and_then(|target| self.files.get_mut(target));
            let own = file.and_then(|file| file.variables.iter_mut().rev().find(|own| own.name == name));
            if let Some(own) = own {
                (own.is_exported, own.is_private) = (is_exported, is_private);
            }
            return Ok(true);
        }
        if operator == Operator::Fallback && !self.is_unset(&name, is_exported) {
            if is_private {
                return self.expander.trouble(format!("`private {name} ?=` makes `{name}` private for all"));
            }
            return Ok(true);
        }
        let is_more_text = operator == Operator::Add
            && before.as_ref().is_some_and(|before| before.operator != Operator::Add || before.is_more_text);
        let is_simple = before.is_some_and(|before| matches!(before.value, VariableValue::Simple(_)));
        push_scope(&mut self.expander, &own);
        let value = match operator {
            Operator::Simple => self.expand_now(written),
            Operator::Shell => asked(self.expand_now(written)),
            Operator::Add if is_more_text && is_simple => self.expand_now(written),
            _ => VariableValue::Recursive(written.to_owned()),
        };
        self.expander.scopes.pop();
        let mut guards = self.around();
        guards.append(&mut self.expander.met);
        let line = self.expander.line;
        let assignment =
            TargetVariable { name, operator, value, guards, line, is_exported, is_private, is_more_text };
        for target in targets {
            if target.contains('%') {
                self.pattern_variables.push((PercentPattern::new(target), assignment.clone()));
            } else {
                self.mention(target).variables.push(assignment.clone());
            }
        }
        Ok(true)
    }

    /// Whether `?=` of a target would set a variable: only where there is none now, and the environment has none. If
    /// there is one, this decides whether it is exported.
    fn is_unset(&mut self, name: &str, is_exported: bool) -> bool {
        let known = self.expander.variables.get(name);
        if let Some(is_of_environment) = known.map(|known| known.is_fallback || known.is_after_environment) {
            if is_of_environment || self.exports_all && is_identifier(name) {
                self.lose_everything(&format!("`{name} ?=` of a target, where the environment may set it"));
            }
            self.exported.insert(name.to_owned(), is_exported || self.exports_all);
            self.expect_unset(name);
            return false;
        }
        self.expect_unset(name);
        true
    }

    /// Everything fails where the environment has a variable.
    fn expect_unset(&mut self, name: &str) {
        if !is_identifier(name) {
            return;
        }
        let marker = "(unset)";
        let left = vec![TextPiece::Env { name: name.to_owned(), or: plain(marker) }];
        if self.expander.world.variable(name).is_some() {
            self.lose_everything(&format!("`{name} ?=` of a target, where the environment sets it"));
        }
        let met = self.expander.met.clone();
        let line = self.expander.line;
        let guard = self.expander.guard(Guard { left, right: marker.to_owned(), is_equal: true, line });
        self.expander.met = met;
        self.everywhere.insert(guard);
    }

    /// Whether make takes a name for a suffix, for which it may have a rule.
    pub(super) fn is_suffix(&self, name: &str) -> bool {
        self.suffixes.iter().any(|suffix| suffix == name)
    }

    /// `.c.o:` is the old way to write `%.o: %.c`.
    fn suffix_rules(&mut self) {
        let known = self.suffixes.clone();
        let is_known = |pattern: &String| {
            let suffix = pattern.trim_start_matches('%');
            suffix.is_empty() || known.iter().any(|known| known == suffix)
        };
        self.patterns
            .retain(|rule| !rule.is_built_in || rule.targets.iter().chain(&rule.needs).all(is_known));
        for name in self.order.clone() {
            let file = &self.files[&name];
            if !file.is_target || !file.needs.is_empty() || !name.starts_with('.') || name.contains('/') {
                continue;
            }
            let Some(split) = name[1..].find('.').map(|at| at + 1) else {
                if known.contains(&name) {
                    self.lose_everything("a suffix rule with one suffix");
                }
                continue;
            };
            let (from, to) = name.split_at(split);
            if !known.iter().any(|suffix| suffix == from) || !known.iter().any(|suffix| suffix == to) {
                continue;
            }
            let Some(recipe) = file.recipes.last().cloned() else { continue };
            if recipe.needs.is_empty() {
                let rule = PatternRule {
                    line: file.line,
                    targets: vec![format!("%{to}")],
                    needs: vec![format!("%{from}")],
                    order_only: Vec::new(),
                    lines: recipe.lines,
                    guards: file.guards.clone(),
                    troubles: file.troubles.clone(),
                    is_built_in: false,
                    is_second: false,
                };
                self.patterns.push(rule);
                self.files.remove(&name);
                self.order.retain(|known| *known != name);
            }
        }
    }

    /// Whether a name has a suffix that make knows: rules for any name leave such files alone.
    pub(super) fn has_known_type(&self, name: &str) -> bool {
        let base = name.rsplit('/').next().unwrap_or(name);
        let is_pattern = |target: &String| target != "%" && PercentPattern::new(target).stem(base).is_some();
        self.suffixes.iter().any(|suffix| base.len() > suffix.len() && base.ends_with(suffix))
            || self.patterns.iter().any(|rule| rule.targets.iter().any(is_pattern))
    }

    /// The options that a Makefile gives make.
    fn make_flags(&mut self) {
        let flags = self.expander.value("MAKEFLAGS").and_then(|text| self.expander.known(text));
        let flags = match flags {
            Ok(flags) => flags,
            Err(trouble) => return self.troubles.push(trouble),
        };
        for flag in words(&flags) {
            let letters = flag.trim_start_matches('-');
            let is_long = flag.starts_with("--");
            match letters {
                "silent"
                | "quiet"
                | "no-print-directory"
                | "warn-undefined-variables"
                | "print-directory"
                    if is_long => {}
                "no-builtin-rules" if is_long => self.patterns.retain(|rule| !rule.is_built_in),
                "no-builtin-variables" if is_long => self.without_defaults(),
                _ if is_long && letters.starts_with("jobs") => {}
                _ if is_long && letters.starts_with("output-sync") => {}
                _ if is_long || flag.contains('=') => {
                    self.lose_everything(&format!("the option `{flag}` for make"));
                }
                _ => {
                    for letter in letters.chars() {
                        match letter {
                            's' | 'w' | 'j' | 'O' | '0'..='9' => {}
                            'r' => self.patterns.retain(|rule| !rule.is_built_in),
                            'R' => self.without_defaults(),
                            'i' => self.ignores_errors = true,
                            _ => self.lose_everything(&format!("the option `-{letter}` for make")),
                        }
                    }
                }
            }
        }
    }

    fn without_defaults(&mut self) {
        self.patterns.retain(|rule| !rule.is_built_in);
        self.lose_everything("the option `-R` for make");
    }

    /// Puts the prerequisites of each rule together, those of the one with the recipe first.
    pub(super) fn settle(&mut self) {
        for name in self.order.clone() {
            let Some(file) = self.files.get_mut(&name) else { continue };
            let mut needs = std::mem::take(&mut file.needs);
            let mut order_only = std::mem::take(&mut file.order_only);
            let mut sequence = needs.clone();
            let is_double = file.is_double;
            let mut with_recipe: Vec<Recipe> = Vec::new();
            for recipe in std::mem::take(&mut file.recipes) {
                let both: Vec<String> = recipe.needs.iter().chain(&recipe.order_only).cloned().collect();
                let place = if recipe.lines.is_empty() || is_double { usize::MAX } else { 0 };
                for (list, more) in [
                    (&mut needs, &recipe.needs),
                    (&mut order_only, &recipe.order_only),
                    (&mut sequence, &both),
                ] {
                    let place = place.min(list.len());
                    list.splice(place..place, more.iter().cloned());
                }
                if !recipe.lines.is_empty() {
                    if !is_double {
                        with_recipe.clear();
                    }
                    with_recipe.push(recipe);
                }
            }
            order_only.retain(|need| !needs.contains(need));
            file.needs = needs;
            file.order_only = order_only;
            file.sequence = sequence;
            file.recipes = with_recipe;
        }
        for name in self.order.clone() {
            let file = self.files[&name].clone();
            for need in file.needs.iter().chain(&file.order_only) {
                self.mention(need);
            }
        }
    }
}

/// Makes variables of a target those that expansions find first.
pub(super) fn push_scope(expander: &mut Expander<'_>, assignments: &[TargetVariable]) {
    expander.scopes.push(HashMap::new());
    for assignment in assignments {
        let old = expander.lookup(&assignment.name).cloned();
        let mut variable = Variable {
            value: assignment.value.clone(),
            guards: assignment.guards.clone(),
            line: assignment.line,
            ..super::expand::automatic(MakeText::new())
        };
        let written = match &assignment.value {
            VariableValue::Recursive(written) => written.clone(),
            VariableValue::Simple(_) | VariableValue::Lost(_) | VariableValue::Added { .. } => String::new(),
        };
        match assignment.operator {
            Operator::Recursive | Operator::Simple | Operator::Shell | Operator::Fallback => {}
            Operator::Add => match old {
                None => variable.is_after_environment = true,
                Some(old) => {
                    variable.guards.extend(&old.guards);
                    variable.value = match (&old.value, &assignment.value) {
                        (VariableValue::Lost(trouble), _) | (_, VariableValue::Lost(trouble)) => {
                            VariableValue::Lost(trouble.clone())
                        }
                        (VariableValue::Simple(before), VariableValue::Simple(more)) => {
                            VariableValue::Simple(added(before.clone(), more.clone()))
                        }
                        (VariableValue::Recursive(before), _)
                            if assignment.is_more_text && !old.is_fallback =>
                        {
                            variable.is_after_environment = old.is_after_environment;
                            match before.is_empty() {
                                true => VariableValue::Recursive(written),
                                false => VariableValue::Recursive(format!("{before} {written}")),
                            }
                        }
                        _ => VariableValue::Added { base: Box::new(old.clone()), more: written },
                    };
                }
            },
        }
        variable.value = expander.bounded_value(variable.value, variable.guards.len());
        if let Some(scope) = expander.scopes.last_mut() {
            scope.insert(assignment.name.clone(), variable);
        }
    }
}

/// What the command prints that a value is.
fn asked(value: VariableValue) -> VariableValue {
    match value {
        VariableValue::Simple(text) => VariableValue::Simple(vec![TextPiece::Shell(text)]),
        value => value,
    }
}

fn plain_name(name: &str) -> String {
    let mut name = name;
    while let Some(rest) = name.strip_prefix("./") {
        let rest = rest.trim_start_matches('/');
        if rest.is_empty() {
            break;
        }
        name = rest;
    }
    name.to_owned()
}

fn names(text: &str) -> Vec<String> {
    words(text).into_iter().map(plain_name).collect()
}

/// The two sides of `(a,b)`, `"a" "b"` or `'a' 'b'`.
fn sides(text: &str) -> Option<(String, String)> {
    if let Some(inside) = text.strip_prefix('(') {
        let end = closing(inside, '(')?;
        let [left, right] = split_arguments(&inside[..end], 2, '(')[..] else { return None };
        return Some((left.trim_end().to_owned(), right.trim_start().to_owned()));
    }
    let quote = text.chars().next().filter(|sign| "\"'".contains(*sign))?;
    let (left, rest) = text[1..].split_once(quote)?;
    let rest = rest.trim_start();
    let quote = rest.chars().next().filter(|sign| "\"'".contains(*sign))?;
    let (right, _) = rest[1..].split_once(quote)?;
    Some((left.to_owned(), right.to_owned()))
}
