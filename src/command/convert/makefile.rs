//! Reads a Makefile as far as it can be said in an ottofile: variables, rules, recipes.
//! What it does not understand it keeps, with the line and the reason. Knows nothing of ottofiles.

use std::collections::{HashMap, HashSet};

#[derive(Debug, Default)]
pub(super) struct Makefile {
    /// In the order of their first assignment.
    pub(super) variables: Vec<Variable>,
    /// One for each target, in the order of the file.
    pub(super) rules: Vec<Rule>,
    pub(super) default_goal: Option<String>,
    pub(super) phony: HashSet<String>,
    /// `.ONESHELL`: a recipe is one script, not a script for each line.
    pub(super) is_one_shell: bool,
    /// `.NOTPARALLEL`.
    pub(super) is_serial: bool,
    pub(super) left_out: Vec<LeftOut>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Variable {
    pub(super) name: String,
    /// As written, in the language of make.
    pub(super) value: String,
    /// `?=`: only where the environment has none.
    pub(super) is_fallback: bool,
    /// What `+=` adds to it, whoever set it.
    pub(super) added: Vec<String>,
    pub(super) line: usize,
}

impl Variable {
    /// With all that was added, in the language of make.
    pub(super) fn whole_value(&self) -> String {
        self.added.iter().fold(self.value.clone(), |value, more| format!("{value} {more}"))
    }
}

#[derive(Debug)]
pub(super) struct Rule {
    pub(super) target: String,
    pub(super) needs: Vec<String>,
    /// Behind `|`: they come first, but do not make the target out of date.
    pub(super) order_only: Vec<String>,
    /// Lines with their numbers; lines that go on with a backslash are one.
    pub(super) recipe: Vec<(usize, String)>,
    /// What stands behind `##`, as many Makefiles write it.
    pub(super) help: Option<String>,
    pub(super) variables: Vec<Variable>,
    /// A part of the rule that only make can compute: without it the rest would do the wrong thing.
    pub(super) obstacle: Option<LeftOut>,
}

/// Something of the Makefile that is not in the ottofile.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LeftOut {
    pub(super) line: usize,
    pub(super) text: String,
    pub(super) why: &'static str,
}

/// How often a variable may lead to another one before it counts as leading to itself.
const DEEPEST: usize = 50;
/// The longest text that variables expand to in names of targets.
const LONGEST: usize = 100_000;

pub(super) fn read(text: &str) -> Makefile {
    let mut reader = Reader::default();
    for line in logical_lines(text) {
        reader.line(line);
    }
    if let Some((line, text)) = reader.block.take().map(|block| (block.line, block.text)) {
        reader.leave_out(line, text, "a block that is never closed");
    }
    reader.makefile
}

/// A line with what its backslashes join to it.
struct Logical {
    /// The number of its first line, from 1.
    number: usize,
    /// Without the newlines between, for everything but recipes.
    joined: String,
    /// As written, the tab of each further line of a recipe removed.
    written: String,
}

fn logical_lines(text: &str) -> Vec<Logical> {
    let mut lines: Vec<Logical> = Vec::new();
    let mut goes_on = false;
    for (place, line) in text.lines().enumerate() {
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        let continues = backslashes % 2 == 1;
        let part = if continues { line[..line.len() - 1].trim_end() } else { line };
        match lines.last_mut() {
            Some(last) if goes_on => {
                last.joined.push(' ');
                last.joined.push_str(part.trim_start());
                last.written.push('\n');
                last.written.push_str(line.strip_prefix('\t').unwrap_or(line));
            }
            _ => lines.push(Logical { number: place + 1, joined: part.to_owned(), written: line.to_owned() }),
        }
        goes_on = continues;
    }
    lines
}

/// A part of the file that is passed over as a whole, with how many of its kind are open.
struct Block {
    line: usize,
    text: String,
    depth: usize,
    kind: BlockKind,
}

#[derive(Clone, Copy, PartialEq)]
enum BlockKind {
    Conditional,
    Definition,
}

#[derive(Default)]
struct Reader {
    makefile: Makefile,
    /// The rules that the next recipe line belongs to.
    current: Vec<usize>,
    /// A recipe line may follow, even if it belongs to a rule that was left out.
    in_rule: bool,
    block: Option<Block>,
}

impl Reader {
    fn leave_out(&mut self, line: usize, text: impl Into<String>, why: &'static str) {
        self.makefile.left_out.push(LeftOut { line, text: text.into(), why });
    }

    fn line(&mut self, line: Logical) {
        let first_word = line.joined.split_whitespace().next().unwrap_or("");
        if let Some(block) = &mut self.block {
            let (opens, closes): (&[&str], &str) = match block.kind {
                BlockKind::Conditional => (&["ifeq", "ifneq", "ifdef", "ifndef"], "endif"),
                BlockKind::Definition => (&["define"], "endef"),
            };
            block.text.push('\n');
            block.text.push_str(&line.written);
            if opens.contains(&first_word) {
                block.depth += 1;
            } else if first_word == closes {
                block.depth -= 1;
                if block.depth == 0 {
                    let (number, text, kind) = (block.line, std::mem::take(&mut block.text), block.kind);
                    self.block = None;
                    let why = match kind {
                        BlockKind::Conditional => "a conditional: decide it, or move it into a script",
                        BlockKind::Definition => "a definition of several lines",
                    };
                    self.leave_out(number, text, why);
                }
            }
            return;
        }
        if let Some(recipe) = line.written.strip_prefix('\t')
            && self.in_rule
        {
            self.recipe(line.number, recipe);
            return;
        }
        let text = without_comment(&line.joined);
        if text.trim().is_empty() {
            return;
        }
        let kind = match first_word {
            "ifeq" | "ifneq" | "ifdef" | "ifndef" => Some(BlockKind::Conditional),
            "define" => Some(BlockKind::Definition),
            _ => None,
        };
        if let Some(kind) = kind {
            self.block = Some(Block { line: line.number, text: line.written, depth: 1, kind });
            return;
        }
        match first_word {
            "include" | "-include" | "sinclude" => {
                self.leave_out(line.number, text.trim(), "an included file: convert it too");
                return;
            }
            // Every variable is exported to tasks anyway.
            "export" | "unexport" | "override" | "private" if separator(text).is_none() => return,
            _ => {}
        }
        let mut statement = text.trim();
        while let Some(rest) =
            ["export ", "override ", "private "].iter().find_map(|word| statement.strip_prefix(word))
        {
            statement = rest.trim_start();
        }
        match separator(statement) {
            Some(Separator::Assignment(place)) => {
                self.in_rule = false;
                if let Some(variable) = self.assignment(line.number, statement, place) {
                    assign(&mut self.makefile.variables, variable);
                }
            }
            Some(Separator::Rule(place)) => self.rule(&line, statement, place),
            None => self.leave_out(line.number, text.trim(), "neither a variable nor a rule"),
        }
    }

    /// Reads `NAME := value`; `place` is that of the `=`.
    fn assignment(&mut self, line: usize, statement: &str, place: usize) -> Option<Variable> {
        let name = statement[..place].trim_end_matches([':', '?', '+', '!']).trim();
        let operator = statement[..place].chars().next_back().filter(|sign| "?+!".contains(*sign));
        let written = statement[place + 1..].trim();
        if name == ".DEFAULT_GOAL" {
            self.makefile.default_goal = self.names(written).ok().and_then(|names| names.into_iter().next());
            return None;
        }
        // bash runs the bodies, and make's own settings have no meaning for otto.
        if ["SHELL", ".SHELLFLAGS", "MAKEFLAGS", ".RECIPEPREFIX"].contains(&name) {
            self.leave_out(line, statement, "a setting of make itself");
            return None;
        }
        let (value, added) = match operator {
            Some('+') => (String::new(), vec![written.to_owned()]),
            Some('!') => (format!("$(shell {written})"), Vec::new()),
            _ => (written.to_owned(), Vec::new()),
        };
        Some(Variable { name: name.to_owned(), value, is_fallback: operator == Some('?'), added, line })
    }

    fn rule(&mut self, line: &Logical, statement: &str, place: usize) {
        self.current.clear();
        self.in_rule = true;
        let targets = statement[..place].trim_end_matches('&');
        let rest = statement[place..].trim_start_matches(':');
        let help = line.joined.split_once("##").map(|(_, help)| help.trim().to_owned());
        let help = help.filter(|help| !help.is_empty());
        let Ok(targets) = self.names(targets) else {
            self.leave_out(line.number, statement, "a target that a function computes");
            return;
        };
        if let Some(Separator::Assignment(place)) = separator(rest) {
            if let Some(variable) = self.assignment(
                line.number,
                rest.trim_start(),
                place - (rest.len() - rest.trim_start().len()),
            ) {
                for target in &targets {
                    let rule = self.rule_of(target);
                    assign(&mut self.makefile.rules[rule].variables, variable.clone());
                }
            }
            return;
        }
        let (needs, inline) = match rest.split_once(';') {
            Some((needs, recipe)) => (needs, Some(recipe.trim())),
            None => (rest, None),
        };
        if targets.iter().any(|target| target.contains('%')) || needs.contains('%') {
            self.leave_out(
                line.number,
                statement,
                "a pattern rule: a `foreach` with a `glob` may do the same",
            );
            return;
        }
        let (needs, order_only) = needs.split_once('|').unwrap_or((needs, ""));
        let names = (self.names(needs), self.names(order_only));
        let is_computed = names.0.is_err() || names.1.is_err();
        let (needs, order_only) = (names.0.unwrap_or_default(), names.1.unwrap_or_default());
        if let [special] = targets.as_slice()
            && special.starts_with('.')
            && special.len() > 1
            && special[1..].bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        {
            self.in_rule = false;
            match special.as_str() {
                ".PHONY" => self.makefile.phony.extend(needs),
                ".ONESHELL" => self.makefile.is_one_shell = true,
                ".NOTPARALLEL" => self.makefile.is_serial = true,
                // They tune how make itself works.
                _ => {}
            }
            return;
        }
        for target in targets {
            let place = self.rule_of(&target);
            self.current.push(place);
            let rule = &mut self.makefile.rules[place];
            add(&mut rule.needs, &needs);
            add(&mut rule.order_only, &order_only);
            rule.help = rule.help.take().or_else(|| help.clone());
            if is_computed {
                let why = "prerequisites that a function computes";
                rule.obstacle = Some(LeftOut { line: line.number, text: statement.to_owned(), why });
            }
            if let Some(recipe) = inline.filter(|recipe| !recipe.is_empty()) {
                rule.recipe.push((line.number, recipe.to_owned()));
            }
        }
    }

    fn rule_of(&mut self, target: &str) -> usize {
        let rules = &mut self.makefile.rules;
        if let Some(place) = rules.iter().position(|rule| rule.target == target) {
            return place;
        }
        rules.push(Rule {
            target: target.to_owned(),
            needs: Vec::new(),
            order_only: Vec::new(),
            recipe: Vec::new(),
            help: None,
            variables: Vec::new(),
            obstacle: None,
        });
        rules.len() - 1
    }

    fn recipe(&mut self, line: usize, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        // Of a rule that was left out the recipe belongs to what is left out.
        if self.current.is_empty()
            && let Some(last) = self.makefile.left_out.last_mut()
        {
            last.text.push_str("\n\t");
            last.text.push_str(text);
        }
        for place in &self.current {
            self.makefile.rules[*place].recipe.push((line, text.to_owned()));
        }
    }

    /// The words of a list of targets, variables resolved.
    fn names(&self, text: &str) -> Result<Vec<String>, Function> {
        let variables = self.makefile.variables.iter();
        let values: HashMap<&str, String> =
            variables.map(|variable| (variable.name.as_str(), variable.whole_value())).collect();
        let expanded = expanded(text, &values, 0)?;
        Ok(expanded.split_whitespace().map(str::to_owned).collect())
    }
}

fn assign(variables: &mut Vec<Variable>, variable: Variable) {
    match variables.iter_mut().find(|known| known.name == variable.name) {
        // The environment or the earlier value: either way there is one.
        Some(_) if variable.is_fallback => {}
        Some(known) if !variable.added.is_empty() => known.added.extend(variable.added),
        Some(known) => *known = variable,
        None => variables.push(variable),
    }
}

fn add(names: &mut Vec<String>, more: &[String]) {
    for name in more {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
}

/// A function of make, or a reference that never ends: something that only make can compute.
#[derive(Debug)]
struct Function;

fn expanded(text: &str, values: &HashMap<&str, String>, depth: usize) -> Result<String, Function> {
    let mut result = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => result.push_str(text),
            Piece::Dollar => result.push('$'),
            Piece::Reference(name) => match name.strip_prefix("wildcard ") {
                Some(pattern) => result.push_str(pattern),
                None if name.contains([' ', ':', '%', '$', ',']) || depth > DEEPEST => return Err(Function),
                None => result.push_str(&expanded(
                    values.get(name).map_or("", String::as_str),
                    values,
                    depth + 1,
                )?),
            },
            Piece::Open => return Err(Function),
        }
        if result.len() > LONGEST {
            return Err(Function);
        }
    }
    Ok(result)
}

enum Separator {
    /// The place of the `=`.
    Assignment(usize),
    /// The place of the first `:`.
    Rule(usize),
}

/// What kind of statement this is: the first `=` or `:` outside references decides.
fn separator(statement: &str) -> Option<Separator> {
    let bytes = statement.as_bytes();
    let mut depth = 0_usize;
    for (place, byte) in bytes.iter().enumerate() {
        match byte {
            b'(' | b'{' => depth += 1,
            b')' | b'}' => depth = depth.saturating_sub(1),
            b'=' if depth == 0 => return Some(Separator::Assignment(place)),
            b':' if depth == 0 => {
                // `:=`, `::=` and `:::=` assign; `:` and `::` make a rule.
                let colons = bytes[place..].iter().take_while(|byte| **byte == b':').count();
                return Some(match bytes.get(place + colons) {
                    Some(b'=') => Separator::Assignment(place + colons),
                    _ => Separator::Rule(place),
                });
            }
            _ => {}
        }
    }
    None
}

/// The text before a `#` that no backslash protects.
fn without_comment(text: &str) -> &str {
    let mut before = ' ';
    for (place, character) in text.char_indices() {
        if character == '#' && before != '\\' {
            return &text[..place];
        }
        before = character;
    }
    text
}

/// A part of a text in the language of make.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    /// `$$`
    Dollar,
    /// What stands inside `$(…)` or `${…}`, or the letter of `$@`.
    Reference(&'a str),
    /// A `$(` that is never closed, or a `$` at the end.
    Open,
}

pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(place) = rest.find('$') {
        if place > 0 {
            pieces.push(Piece::Text(&rest[..place]));
        }
        let after = &rest[place + 1..];
        let (piece, length) = match after.chars().next() {
            Some('$') => (Piece::Dollar, 1),
            Some(open @ ('(' | '{')) => match closing(after, open) {
                Some(end) => (Piece::Reference(&after[1..end]), end + 1),
                None => (Piece::Open, after.len()),
            },
            Some(letter) => (Piece::Reference(&after[..letter.len_utf8()]), letter.len_utf8()),
            None => (Piece::Open, 0),
        };
        pieces.push(piece);
        rest = &after[length..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// The place of the bracket that closes the one at the start.
fn closing(text: &str, open: char) -> Option<usize> {
    let close = if open == '(' { ')' } else { '}' };
    let mut depth = 0;
    for (place, character) in text.char_indices() {
        if character == open {
            depth += 1;
        } else if character == close {
            depth -= 1;
            if depth == 0 {
                return Some(place);
            }
        }
    }
    None
}
