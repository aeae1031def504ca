//! Writes what was read of a Makefile as an ottofile, and says what is not in it.
//! A line that cannot be said fails where it would have run: nothing is left out in silence.

use super::makefile::{LeftOut, Makefile, Piece, Rule, Variable, pieces};
use crate::name::{BUILT_INS, TaskName};
use crate::ottofile::write::{block, is_printable, scalar};
use std::collections::{HashMap, HashSet};
use std::fmt::Write;

const HEADER: &str = "\
# Made from a Makefile by `otto Convert`; read it before you rely on it. Scripts run under `set -euo pipefail`,
# which is stricter than the shell of make: `a; b` stops when `a` fails.
otto:
  api: 1
";

/// Variables that make has without being told.
const KNOWN_TO_MAKE: &[(&str, &str)] = &[
    ("AR", "ar"),
    ("AS", "as"),
    ("CC", "cc"),
    ("CPP", "cc -E"),
    ("CURDIR", "$PWD"),
    ("CXX", "g++"),
    ("LD", "ld"),
    ("MAKE", "make"),
    ("RM", "rm -f"),
];

fn known_to_make(name: &str) -> Option<&'static str> {
    KNOWN_TO_MAKE.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// A word that makes a line of a recipe leave something behind for the next one, which make would not see.
const LASTING: &[&str] = &[
    "cd", "exec", "exit", "export", "popd", "pushd", "return", "set", "shopt", "source", "trap", "umask",
    "unset",
];

pub(super) fn write(makefile: Makefile) -> (String, Vec<LeftOut>) {
    let mut writer = Writer {
        names: HashMap::new(),
        variables: HashSet::new(),
        left_out: Vec::new(),
        makefile: &makefile,
    };
    writer.name_tasks();
    let envs = writer.envs(&makefile.variables);
    let tasks: String = makefile.rules.iter().map(|rule| writer.task(rule)).collect();
    let goal = makefile.default_goal.clone().or_else(|| {
        makefile.rules.iter().map(|rule| rule.target.clone()).find(|target| !target.starts_with('.'))
    });
    let goal = goal.and_then(|goal| writer.names.get(&goal).cloned());

    let mut text = String::from(HEADER);
    if makefile.is_serial {
        text.push_str("  jobs: 1\n");
    }
    if let Some(goal) = goal {
        text.push_str(&format!("  tasks: [{}]\n", scalar(&goal)));
    }
    if !envs.is_empty() {
        text.push_str("  envs:\n");
        envs.iter().for_each(|(name, value)| text.push_str(&format!("    {name}: {}\n", scalar(value))));
    }
    if tasks.is_empty() {
        text.push_str("tasks: {}\n");
    } else {
        text.push_str("tasks:");
        text.push_str(&tasks);
    }
    let mut left_out = writer.left_out;
    left_out.extend(makefile.left_out);
    left_out.sort_by_key(|part| part.line);
    if !left_out.is_empty() {
        text.push_str("\n# Not converted:\n");
        for part in &left_out {
            let _ = writeln!(text, "#\n# line {}: {}", part.line, part.why);
            for line in part.text.lines() {
                let _ = writeln!(text, "#   {}", visible(line));
            }
        }
    }
    (text, left_out)
}

struct Writer<'a> {
    /// From targets to the names of their tasks.
    names: HashMap<String, String>,
    /// Names of the variables that made it into `envs`.
    variables: HashSet<String>,
    left_out: Vec<LeftOut>,
    makefile: &'a Makefile,
}

impl Writer<'_> {
    fn name_tasks(&mut self) {
        let targets: HashSet<&str> = self.makefile.rules.iter().map(|rule| rule.target.as_str()).collect();
        for rule in &self.makefile.rules {
            let target = rule.target.as_str();
            let lower = target.to_lowercase();
            let name = match TaskName::new(target) {
                Ok(_) => Some(target.to_owned()),
                Err(_) if BUILT_INS.contains(&target) && !targets.contains(lower.as_str()) => Some(lower),
                Err(_) => None,
            };
            match name {
                Some(name) => {
                    self.names.insert(target.to_owned(), name);
                }
                None => {
                    let line = rule.recipe.first().map_or(1, |(line, _)| *line);
                    let text = rule
                        .recipe
                        .iter()
                        .fold(format!("{target}:"), |text, (_, line)| format!("{text}\n\t{line}"));
                    self.left_out.push(LeftOut { line, text, why: "a target that no task can be called" });
                }
            }
        }
    }

    /// Variables as entries of `envs`, and those that cannot be one into `left_out`.
    fn envs(&mut self, variables: &[Variable]) -> Vec<(String, String)> {
        let candidates: HashSet<&str> = variables
            .iter()
            .filter(|variable| refused(&variable.name).is_none())
            .map(|variable| variable.name.as_str())
            .collect();
        let mut entries = Vec::new();
        for variable in variables {
            let value = match refused(&variable.name) {
                Some(why) => Err(why),
                None => env_entry(variable, &candidates),
            };
            match value {
                Ok(value) => {
                    self.variables.insert(variable.name.clone());
                    entries.push((variable.name.clone(), value));
                }
                Err(why) => {
                    let text = format!("{} = {}", variable.name, variable.whole_value());
                    self.left_out.push(LeftOut { line: variable.line, text, why });
                }
            }
        }
        entries
    }

    fn task(&mut self, rule: &Rule) -> String {
        let Some(name) = self.names.get(&rule.target).cloned() else { return String::new() };
        let mut text = format!("\n  {}:\n", scalar(&name));
        if let Some(help) = &rule.help {
            text.push_str(&format!("    help: {}\n", scalar(help)));
        }
        let needed = rule.needs.iter().chain(&rule.order_only);
        let before: Vec<&str> = needed
            .filter_map(|need| self.names.get(need))
            .map(String::as_str)
            .filter(|need| *need != name)
            .collect();
        push_list(&mut text, "before", &unique(before));
        // Only a target that is a file is ever up to date, and only files can make it out of date.
        let is_file = !self.makefile.phony.contains(&rule.target) && !rule.recipe.is_empty();
        let is_file_name = |need: &&str| !self.makefile.phony.contains(*need) && is_plain_file(need);
        let files: Vec<&str> = rule.needs.iter().map(String::as_str).filter(is_file_name).collect();
        if is_file && !files.is_empty() && is_plain_file(&rule.target) {
            push_list(&mut text, "input", &unique(files));
            push_list(&mut text, "output", &[rule.target.as_str()]);
        }
        let already = self.variables.clone();
        let envs = self.envs(&rule.variables);
        if !envs.is_empty() {
            text.push_str("    envs:\n");
            envs.iter()
                .for_each(|(name, value)| text.push_str(&format!("      {name}: {}\n", scalar(value))));
        }
        let obstacle = rule.obstacle.clone().or_else(|| self.implicit(rule));
        if !rule.recipe.is_empty() || obstacle.is_some() {
            let mut body = String::new();
            if let Some(obstacle) = obstacle {
                body.push_str(&failing(obstacle.line, &obstacle.text));
                self.left_out.push(obstacle);
            }
            body.push_str(&self.body(rule));
            text.push_str(&format!("    bash: {}", block(&body, 6)));
        }
        self.variables = already;
        text
    }

    /// A file without a recipe, which make would know how to build from its name.
    fn implicit(&self, rule: &Rule) -> Option<LeftOut> {
        let has_tasks = rule.needs.iter().chain(&rule.order_only).any(|need| self.names.contains_key(need));
        let is_asked = !rule.variables.is_empty() || !rule.needs.is_empty();
        let is_implicit =
            rule.recipe.is_empty() && !has_tasks && is_asked && !self.makefile.phony.contains(&rule.target);
        let line = rule.variables.first().map_or(1, |variable| variable.line);
        is_implicit.then(|| LeftOut {
            line,
            text: format!("{}: {}", rule.target, rule.needs.join(" ")).trim_end().to_owned(),
            why: "no recipe: make would take one of its own rules",
        })
    }

    fn body(&mut self, rule: &Rule) -> String {
        let mut body = String::new();
        for (number, written) in &rule.recipe {
            let line = written.trim_start_matches([' ', '\t']);
            let signs = line.len() - line.trim_start_matches(['@', '-', '+', ' ', '\t']).len();
            let (signs, command) = line.split_at(signs);
            let command = match self.command(command, rule) {
                Ok(command) => command,
                Err(why) => {
                    self.left_out.push(LeftOut { line: *number, text: written.clone(), why });
                    body.push_str(&failing(*number, line));
                    continue;
                }
            };
            // A comment in make is one for the shell too, and nothing to wrap.
            if command.starts_with('#') {
                body.push_str(&command);
                body.push('\n');
                continue;
            }
            let mut words = command.split(|c: char| !c.is_alphanumeric() && c != '_');
            let lasts = words.any(|word| LASTING.contains(&word));
            // Each line of a recipe has a shell of its own.
            let has_own_shell = lasts && rule.recipe.len() > 1 && !self.makefile.is_one_shell;
            let is_lenient = signs.contains('-');
            let command = match has_own_shell || is_lenient && command.contains([';', '&', '|']) {
                true => format!("(\n{command}\n)"),
                false => command,
            };
            body.push_str(&command);
            if is_lenient {
                body.push_str(" || true");
            }
            body.push('\n');
        }
        body
    }

    /// One line of a recipe as bash has it.
    fn command(&self, text: &str, rule: &Rule) -> Result<String, &'static str> {
        let mut command = String::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => command.push_str(text),
                Piece::Dollar => command.push('$'),
                Piece::Reference(name) => command.push_str(&self.reference(name, rule)?),
                Piece::Open => return Err("a `$` that make cannot read either"),
            }
        }
        Ok(command)
    }

    fn reference(&self, name: &str, rule: &Rule) -> Result<String, &'static str> {
        if let Some(pattern) = name.strip_prefix("wildcard ") {
            return self.command(pattern, rule);
        }
        if let Some(script) = name.strip_prefix("shell ") {
            return Ok(format!("$({})", self.command(script, rule)?));
        }
        let (automatic, part) = match name.len() {
            2 if name.ends_with(['D', 'F']) => name.split_at(1),
            _ => (name, ""),
        };
        let first = || rule.needs.first().map_or("", String::as_str);
        let files = match automatic {
            "@" => Some(vec![rule.target.as_str()]),
            "<" => Some(vec![first()]),
            "^" | "+" | "?" => Some(rule.needs.iter().map(String::as_str).collect()),
            "|" => Some(rule.order_only.iter().map(String::as_str).collect()),
            "*" => return Err("the stem of a pattern rule"),
            _ => None,
        };
        if let Some(files) = files {
            let parts = files.iter().map(|file| match (part, file.rsplit_once('/')) {
                ("D", Some((folder, _))) => folder,
                ("D", None) => ".",
                ("F", Some((_, name))) => name,
                _ => file,
            });
            return Ok(parts.collect::<Vec<_>>().join(" "));
        }
        if self.variables.contains(name)
            || rule.variables.iter().any(|variable| variable.name == name && self.variables.contains(name))
        {
            return Ok(format!("${{{name}}}"));
        }
        if self.makefile.variables.iter().chain(&rule.variables).any(|variable| variable.name == name) {
            return Err("it uses a variable that was not converted");
        }
        if let Some(value) = known_to_make(name) {
            return Ok(format!("${{{name}:-{value}}}"));
        }
        match is_identifier(name) {
            // make takes what is not set for empty.
            true => Ok(format!("${{{name}:-}}")),
            false => Err("a function of make"),
        }
    }
}

/// The value of a variable as an entry of `envs`.
fn env_entry(variable: &Variable, known: &HashSet<&str>) -> Result<String, &'static str> {
    let mut value = env_value(&variable.value, &variable.name, known)?;
    if variable.is_fallback {
        value = format!("${{{}-{value}}}", variable.name);
    }
    for more in &variable.added {
        let more = env_value(more, &variable.name, known)?;
        let blank = if value.is_empty() { "" } else { " " };
        value = format!("{value}{blank}{more}");
    }
    // What otto could not read would keep every task from running.
    match crate::plan::template::parse(&value) {
        Ok(_) => Ok(value),
        Err(_) => Err("a value with a `$` that has no counterpart"),
    }
}

/// A value in make's language as one in that of `envs`.
fn env_value(text: &str, own: &str, known: &HashSet<&str>) -> Result<String, &'static str> {
    let mut value = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => value.push_str(text),
            Piece::Dollar => value.push_str("$$"),
            Piece::Reference(name) => {
                if let Some(script) = name.strip_prefix("shell ") {
                    value.push_str(&format!("$({} || true)", shell_script(script, known)?));
                } else if let Some(pattern) = name.strip_prefix("wildcard ") {
                    value.push_str(&format!("$(echo {})", shell_script(pattern, known)?));
                } else if name == own {
                    return Err("a variable that refers to itself");
                } else if known.contains(name) {
                    value.push_str(&format!("${{{name}}}"));
                } else if let Some(default) = known_to_make(name) {
                    value.push_str(&format!("${{{name}:-{default}}}"));
                } else if is_identifier(name) {
                    value.push_str(&format!("${{{name}:-}}"));
                } else {
                    return Err("a value that a function of make computes");
                }
            }
            Piece::Open => return Err("a `$` that make cannot read either"),
        }
    }
    Ok(value)
}

fn shell_script(text: &str, known: &HashSet<&str>) -> Result<String, &'static str> {
    let mut script = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => script.push_str(text),
            Piece::Dollar => script.push('$'),
            Piece::Reference(name) if known.contains(name) => script.push_str(&format!("${{{name}}}")),
            Piece::Reference(name) if known_to_make(name).is_some() => {
                let value = known_to_make(name).unwrap_or_default();
                script.push_str(&format!("${{{name}:-{value}}}"));
            }
            Piece::Reference(name) if is_identifier(name) => script.push_str(&format!("${{{name}:-}}")),
            Piece::Reference(_) => return Err("a command that a function of make computes"),
            Piece::Open => return Err("a `$` that make cannot read either"),
        }
    }
    Ok(script)
}

/// A line that fails where one of the Makefile would have run.
fn failing(line: usize, text: &str) -> String {
    let what = format!("line {line} of the Makefile was not converted: {}", visible(text));
    format!("echo {} >&2; exit 1\n", quoted(&what))
}

/// Why a variable of make cannot be an entry of `envs`.
fn refused(name: &str) -> Option<&'static str> {
    let is_risky = crate::name::is_reserved_variable(name) && !["HOME", "PATH", "SHELL"].contains(&name);
    if !is_identifier(name) {
        Some("a variable whose name no shell can hold")
    } else if is_risky {
        Some("a variable that the shell, the loader or otto itself obeys")
    } else {
        None
    }
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && !name.as_bytes()[0].is_ascii_digit()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether a name means the same file to make and as a glob of otto.
fn is_plain_file(name: &str) -> bool {
    !name.is_empty()
        && !name.contains(['$', '[', ']', '{', '}', '\\', '!'])
        && !name.chars().any(char::is_control)
}

fn unique(names: Vec<&str>) -> Vec<&str> {
    let mut seen = HashSet::new();
    names.into_iter().filter(|name| seen.insert(*name)).collect()
}

fn push_list(text: &mut String, key: &str, names: &[&str]) {
    if !names.is_empty() {
        let names: Vec<String> = names.iter().map(|name| scalar(name)).collect();
        text.push_str(&format!("    {key}: [{}]\n", names.join(", ")));
    }
}

/// A text for a comment: one line, nothing that a terminal or YAML would obey.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c == '\t' {
                "    ".to_owned()
            } else if is_printable(c) {
                c.to_string()
            } else {
                c.escape_default().to_string()
            }
        })
        .collect()
}

/// For bash, between single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
