//! A package.json as an ottofile: its scripts, run as `npm run` runs them.

use super::Converted;
use super::sh::{is_plain_command, word};
use super::sheet::{
    Remark, Sheet, SheetTask, TaskNames, Yaml, arguments, own_param, refusal, task_with, text, texts,
};
use crate::value::{self, Map, Value};
use std::collections::HashSet;

const INTRO: &[&str] = &[
    "Made from SOURCE by `otto Convert`. Each script runs in `sh` with the programs of node_modules, as with",
    "`npm run`; scripts that only call others became steps. Arguments go to the script: `otto test -k slow`.",
    "A program finds a variable `npm_…` only where the script names it.",
];

/// Finds the programs of node_modules here and in the folders above, the nearest first.
pub(super) const PATH: &str = "npm_up=$PWD npm_bins=\n\
    while [ -n \"$npm_up\" ]; do npm_bins=$npm_bins$npm_up/node_modules/.bin: npm_up=${npm_up%/*}; done\n\
    PATH=$npm_bins$PATH\n";

struct PackageScript<'p> {
    name: &'p str,
    command: &'p str,
    line: usize,
}

/// A part of a script between `&&`.
#[derive(Clone, Debug, PartialEq)]
enum ScriptPart<'p> {
    Call { script: &'p str, arguments: Vec<&'p str> },
    Command(&'p str),
}

struct Package<'p> {
    source: &'p str,
    map: &'p Map,
    scripts: Vec<PackageScript<'p>>,
}

/// `exists` says whether a file lies beside the package.json.
pub(super) fn convert(
    written: &str,
    source: &str,
    exists: &dyn Fn(&str) -> bool,
) -> Result<Converted, String> {
    let package = value::parse(written.as_bytes()).map_err(|error| format!("`{source}`: {error}"))?;
    let empty = Map::new();
    let map = package.as_map().ok_or_else(|| format!("`{source}`: not a JSON object"))?;
    let written_scripts = value::get(map, "scripts").and_then(Value::as_map).unwrap_or(&empty);
    let mut remarks = Vec::new();
    let mut scripts = Vec::new();
    let start = written.find("\"scripts\"").unwrap_or(0);
    for (name, command) in written_scripts {
        let line = line_of(written, start, name);
        match command.as_str() {
            Some(command) => scripts.push(PackageScript { name, command, line }),
            None => remarks.push(Remark { line, why: format!("`{name}`: not a string; left out") }),
        }
    }
    let package = Package { source, map, scripts };
    let has_other_rules = ["pnpm-lock.yaml", ".yarnrc.yml"].into_iter().find(|name| exists(name));
    let mut names = TaskNames::new(package.scripts.iter().map(|script| script.name));
    let mut tasks = Vec::new();
    for script in &package.scripts {
        let name = names.name(script.name);
        if name != script.name {
            let why = format!("`{}` is called `{name}`: it cannot be the name of a task", script.name);
            remarks.push(Remark { line: script.line, why });
        }
        let (before, after) = package.hooks(script.name);
        if let Some(lock) = has_other_rules
            && (before.is_some() || after.is_some())
        {
            let why = format!("`{}`: runs its hooks as npm does; `{lock}` means another rule", script.name);
            remarks.push(Remark { line: script.line, why });
        }
        tasks.push(package.task(script, name, &mut remarks));
    }
    Ok(Sheet { source, intro: INTRO, settings: settings(), tasks, remarks }.renamed(&names).converted())
}

/// One script after the other, until one fails.
fn settings() -> Vec<(&'static str, Yaml)> {
    vec![("jobs", Yaml::Bare("1")), ("fail-fast", Yaml::Bare("true"))]
}

/// The scripts by name, but those that npm runs by itself round others.
pub(super) fn offered(written: &str) -> Vec<(String, Option<String>)> {
    let Ok(package) = value::parse(written.as_bytes()) else { return Vec::new() };
    let scripts = package.as_map().and_then(|map| value::get(map, "scripts")).and_then(Value::as_map);
    let all: &[(String, Value)] = scripts.map_or(&[], |scripts| scripts);
    let is_script = |name: &str| all.iter().any(|(script, _)| script == name);
    let offered = all.iter().filter(|(name, _)| !is_hook(name, &is_script));
    offered.map(|(name, command)| (name.clone(), command.as_str().map(str::to_owned))).collect()
}

/// Whether npm runs a script by itself before or after another one.
fn is_hook(name: &str, is_script: &dyn Fn(&str) -> bool) -> bool {
    ["pre", "post"].iter().any(|hook| name.strip_prefix(hook).is_some_and(is_script))
}

/// The line of a key, from 1.
fn line_of(text: &str, start: usize, key: &str) -> usize {
    let quoted = value::quoted(key);
    let rest = &text[start..];
    let is_key = |at: &usize| rest[at + quoted.len()..].trim_start().starts_with(':');
    let at = rest.match_indices(&quoted).map(|(at, _)| at).find(is_key).unwrap_or(0);
    text[..start + at].matches('\n').count() + 1
}

impl<'p> Package<'p> {
    fn script(&self, name: &str) -> Option<&PackageScript<'p>> {
        self.scripts.iter().find(|script| script.name == name)
    }

    /// The scripts that run before and after one by their names.
    fn hooks(&self, name: &str) -> (Option<&PackageScript<'p>>, Option<&PackageScript<'p>>) {
        (self.script(&format!("pre{name}")), self.script(&format!("post{name}")))
    }

    /// The name of the parameter for further words: `args`, unless another script leads here and would pass on its own.
    fn param(&self, name: &str) -> String {
        let leads_here = |script: &PackageScript<'p>| {
            let is_call =
                |part: &ScriptPart<'_>| matches!(part, ScriptPart::Call { script, .. } if *script == name);
            self.parts(script).is_some_and(|parts| parts.iter().any(is_call))
        };
        match self.scripts.iter().any(leads_here) {
            true => own_param(name, "args"),
            false => "args".to_owned(),
        }
    }

    fn task(&self, script: &PackageScript<'p>, name: String, remarks: &mut Vec<Remark>) -> SheetTask {
        let mut keys: Vec<(&'static str, Yaml)> = vec![("help", text(script.command))];
        if is_hook(script.name, &|name| self.script(name).is_some()) {
            keys.push(("hidden", Yaml::Bare("true")));
        }
        let mut say = |why: String| {
            remarks.push(Remark { line: script.line, why: format!("`{}`: {why}", script.name) });
        };
        let (before, after) = self.hooks(script.name);
        let all = [before, Some(script), after].into_iter().flatten();
        let mut header = PATH.to_owned();
        for part in all {
            match self.variables(script.name, part.command) {
                Ok(variables) => header.push_str(&variables),
                Err(why) => {
                    say(why.clone());
                    let trouble = Remark { line: part.line, why };
                    keys.push(("action", super::sheet::script(&refusal(self.source, &[trouble]))));
                    return SheetTask { name, keys };
                }
            }
        }
        let parts = self.steps(script);
        let is_shell = match &parts {
            Some(parts) => {
                matches!(parts.iter().rev().nth(usize::from(after.is_some())), Some(ScriptPart::Command(_)))
            }
            None => true,
        };
        let has_arguments = is_shell && !uses_arguments(script.command);
        if is_shell && !has_arguments {
            say("takes no arguments: its text has some of its own".to_owned());
        }
        if has_arguments {
            keys.push(("params", arguments(&self.param(script.name))));
        }
        let words = if has_arguments { " \"$@\"" } else { "" };
        let Some(parts) = parts else {
            let mut body = header;
            for (part, words) in [(before, ""), (Some(script), words), (after, "")] {
                let Some(part) = part else { continue };
                if calls_scripts(part.command) {
                    say("it calls npm; the call is kept".to_owned());
                }
                let is_alone = before.is_none() && after.is_none();
                match is_alone {
                    true => body.push_str(&format!("{}{words}\n", part.command)),
                    false => body.push_str(&format!("(\n{}{words}\n) || exit\n", part.command)),
                }
            }
            keys.push(("action", super::sheet::script(&body)));
            return SheetTask { name, keys };
        };
        let body = |command: &str, words: &str| super::sheet::script(&format!("{header}{command}{words}\n"));
        match parts.as_slice() {
            [ScriptPart::Call { script, arguments }, ScriptPart::Command(command)]
                if arguments.is_empty() && after.is_none() =>
            {
                keys.push(("needs", texts([*script])));
                keys.push(("action", body(command, words)));
            }
            parts => {
                let last = parts.len() - 1 - usize::from(after.is_some());
                let step = |(place, part): (usize, &ScriptPart<'_>)| match part {
                    ScriptPart::Call { script, arguments } if arguments.is_empty() => text(*script),
                    ScriptPart::Call { script, arguments } => {
                        task_with(script, vec![(self.param(script), texts(arguments.iter().copied()))])
                    }
                    ScriptPart::Command(command) => {
                        let words = if place == last { words } else { "" };
                        Yaml::Map(vec![("action".to_owned(), body(command, words))])
                    }
                };
                keys.push(("steps", Yaml::List(parts.iter().enumerate().map(step).collect())));
            }
        }
        SheetTask { name, keys }
    }

    /// A script with its hooks as steps, where that runs the same commands: no script twice, and none that depends on
    /// what the shell has done before.
    fn steps(&self, script: &PackageScript<'p>) -> Option<Vec<ScriptPart<'p>>> {
        let mut run = Vec::new();
        let parts = self.parts(script)?;
        let has_calls = parts.iter().any(|part| matches!(part, ScriptPart::Call { .. }));
        (has_calls && self.run_all(script, &mut run, 0)).then_some(parts)
    }

    /// The parts of a script and its hooks.
    fn parts(&self, script: &PackageScript<'p>) -> Option<Vec<ScriptPart<'p>>> {
        let (before, after) = self.hooks(script.name);
        let mut parts = Vec::new();
        for hook in [before, after].into_iter().flatten() {
            // A hook that npm runs has no hooks of its own.
            if !matches!(self.hooks(hook.name), (None, None)) {
                return None;
            }
        }
        let call = |hook: &PackageScript<'p>| ScriptPart::Call { script: hook.name, arguments: Vec::new() };
        parts.extend(before.map(call));
        match self.split(script.command) {
            Some(split) => parts.extend(split),
            None if calls_scripts(script.command) => return None,
            None => parts.push(ScriptPart::Command(script.command)),
        }
        parts.extend(after.map(call));
        Some(parts)
    }

    /// Follows all calls; `false` where a script would run twice, or takes what it cannot.
    fn run_all(&self, script: &PackageScript<'p>, run: &mut Vec<&'p str>, depth: usize) -> bool {
        if run.contains(&script.name) || depth > 50 {
            return false;
        }
        run.push(script.name);
        // One that keeps its calls runs others on its own, and does not know of those that have run.
        let Some(parts) = self.parts(script) else { return false };
        parts.iter().all(|part| match part {
            ScriptPart::Command(_) => true,
            ScriptPart::Call { script: called, arguments } => self.script(called).is_some_and(|called| {
                let takes =
                    arguments.is_empty() || !uses_arguments(called.command) && !calls_scripts(called.command);
                takes && self.run_all(called, run, depth + 1)
            }),
        })
    }

    /// The parts between `&&`, if each is a call of a script or one plain command.
    fn split(&self, command: &'p str) -> Option<Vec<ScriptPart<'p>>> {
        let parts: Vec<&str> = split_at_and(command);
        if parts.len() == 1 && !calls_scripts(command) {
            return None;
        }
        parts
            .into_iter()
            .map(|part| {
                let part = part.trim();
                match self.call(part) {
                    Some(call) => Some(call),
                    None => {
                        (is_plain_command(part) && !calls_scripts(part)).then_some(ScriptPart::Command(part))
                    }
                }
            })
            .collect()
    }

    fn call(&self, part: &'p str) -> Option<ScriptPart<'p>> {
        let is_bare = |c: char| c.is_ascii_alphanumeric() || " _./:@+,%=-".contains(c);
        if !part.chars().all(is_bare) {
            return None;
        }
        let words: Vec<&str> = part.split_whitespace().collect();
        let (manager, rest) = words.split_first()?;
        if !["npm", "pnpm", "yarn", "bun"].contains(manager) {
            return None;
        }
        let (name, rest) = match rest {
            ["run" | "run-script", name, rest @ ..] => (*name, rest),
            ["test" | "start" | "stop", rest @ ..] if *manager != "bun" => (words[1], rest),
            _ => return None,
        };
        let script = self.script(name)?;
        let arguments = match rest {
            [] => Vec::new(),
            ["--", arguments @ ..] if *manager == "npm" => arguments.to_vec(),
            _ => return None,
        };
        // Only npm and bun run hooks without being asked.
        let has_hooks = !matches!(self.hooks(name), (None, None));
        if has_hooks && !["npm", "bun"].contains(manager) {
            return None;
        }
        Some(ScriptPart::Call { script: script.name, arguments })
    }

    /// Lines that set what a script reads of npm's variables.
    fn variables(&self, event: &str, command: &str) -> Result<String, String> {
        let mut lines = String::new();
        let mut seen = HashSet::new();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        for name in command.split(|c| !is_part(c)).filter(|name| seen.insert(*name)) {
            let value = match name {
                "INIT_CWD" => "\"$OTTO_INVOCATION_DIR\"".to_owned(),
                "npm_lifecycle_event" => word(event),
                "npm_package_json" => "\"$PWD/package.json\"".to_owned(),
                _ if name.starts_with("npm_package_") => {
                    let path = self.path_of(&name["npm_package_".len()..]);
                    let path = path.ok_or_else(|| format!("`${name}`: only some versions of npm set it"))?;
                    format!("$(node -p {}) || exit", word(&format!("require('./package.json'){path}")))
                }
                _ if name.starts_with("npm_") || name == "NODE_EXEC_PATH" => {
                    return Err(format!("`${name}`: only npm knows it"));
                }
                _ => continue,
            };
            lines.push_str(&format!("{name}={value}\nexport {name}\n"));
        }
        Ok(lines)
    }

    /// The place of a value of package.json in the language of node, by its name among npm's variables.
    fn path_of(&self, wanted: &str) -> Option<String> {
        let passed = ["name", "version", "config", "engines", "bin"];
        let entries = self.map.iter().filter(|(key, _)| passed.contains(&key.as_str()));
        entries.into_iter().find_map(|(key, value)| path_in(key, value, key, wanted))
    }
}

fn path_in(key: &str, value: &Value, name: &str, wanted: &str) -> Option<String> {
    let step = format!("[{}]", value::quoted(key));
    match value {
        Value::Map(entries) => entries.iter().find_map(|(key, value)| {
            let path = path_in(key, value, &format!("{name}_{key}"), wanted)?;
            Some(format!("{step}{path}"))
        }),
        Value::String(_) | Value::Number(_) => (name == wanted).then_some(step),
        Value::Null | Value::Bool(_) | Value::List(_) => None,
    }
}

/// Whether a command mentions a program that runs scripts.
fn calls_scripts(command: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-./@".contains(c);
    let mut words = command.split(|c| !is_part(c)).filter(|word| !word.is_empty()).peekable();
    while let Some(word) = words.next() {
        let next = words.peek().copied().unwrap_or("");
        let runs = ["run", "run-script", "test", "start", "stop", "restart", "t"].contains(&next);
        if ["npm", "pnpm", "yarn", "bun"].contains(&word) && runs {
            return true;
        }
        if ["npm-run-all", "run-s", "run-p"].contains(&word) {
            return true;
        }
    }
    false
}

/// Whether a script reads arguments of the shell, which npm gives it none of.
pub(super) fn uses_arguments(command: &str) -> bool {
    let signs = |c: char| c.is_ascii_digit() || "@*#".contains(c);
    command.split('$').skip(1).any(|rest| rest.trim_start_matches('{').starts_with(signs))
}

/// Splits at `&&` outside of quotes.
fn split_at_and(command: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quote) = (Vec::new(), 0, None);
    let bytes = command.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(bytes[at]),
            (None, b'\\') => at += 1,
            (None, b'&') if bytes.get(at + 1) == Some(&b'&') => {
                parts.push(&command[start..at]);
                at += 1;
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&command[start.min(command.len())..]);
    parts
}
