//! A justfile as an ottofile. Reads recipes, parameters, dependencies, variables and settings; an expression is taken over
//! where it comes to texts and variables.

use super::Converted;
use super::sh::{
    CommandPiece, ShellCommand, if_unset, joined, known, script_lines, spliced, statement, trimmed, word,
};
use super::sheet::{
    Remark, Sheet, SheetTask, TaskNames, Yaml, optional_file, own_param, script, task_with, text, texts,
};
use crate::name::ParamName;
use std::collections::{BTreeMap, BTreeSet};

const INTRO: &[&str] = &[
    "Made from SOURCE by `otto Convert`. Each line of a recipe runs in a shell of its own, as with just. just runs one",
    "recipe at a time and stops at the first failure, and so does this file (`-j`, `-k`).",
];

#[derive(Clone, Debug, Default)]
struct JustRecipe {
    name: String,
    line: usize,
    doc: Option<String>,
    attributes: Vec<(String, Option<String>)>,
    params: Vec<RecipeParam>,
    needs: Vec<RecipeCall>,
    after: Vec<RecipeCall>,
    /// Lines with their numbers, without what all of them are indented by.
    body: Vec<(usize, String)>,
}

#[derive(Clone, Debug)]
struct RecipeParam {
    name: String,
    /// `*` or `+`, or none.
    variadic: Option<char>,
    is_exported: bool,
    default: Option<String>,
}

#[derive(Clone, Debug)]
struct RecipeCall {
    name: String,
    arguments: Vec<String>,
}

struct Justfile<'a> {
    source: &'a str,
    variables: Vec<(String, usize, String, bool)>,
    recipes: Vec<JustRecipe>,
    aliases: Vec<(String, String)>,
    shell: Option<String>,
    exports_all: bool,
    positional: bool,
    loads_dotenv: bool,
    troubles: Vec<Remark>,
    /// The line of a recipe that cannot be taken over.
    failing: Option<usize>,
    /// Variables that are exported or that commands give, as entries of `envs`.
    asked: BTreeMap<String, String>,
}

impl<'a> Justfile<'a> {
    fn new(source: &'a str) -> Justfile<'a> {
        Justfile {
            source,
            variables: Vec::new(),
            recipes: Vec::new(),
            aliases: Vec::new(),
            shell: None,
            exports_all: false,
            positional: false,
            loads_dotenv: false,
            troubles: Vec::new(),
            failing: None,
            asked: BTreeMap::new(),
        }
    }
}

/// The recipes by name, but private ones.
pub(super) fn offered(written: &str) -> Vec<(String, Option<String>)> {
    let mut justfile = Justfile::new("justfile");
    justfile.read(written);
    let is_private = |recipe: &JustRecipe| {
        recipe.name.starts_with('_') || recipe.attributes.iter().any(|(name, _)| name == "private")
    };
    let offered = justfile.recipes.iter().filter(|recipe| !is_private(recipe));
    offered.map(|recipe| (recipe.name.clone(), recipe.doc.clone())).collect()
}

pub(super) fn convert(written: &str, source: &str) -> Result<Converted, String> {
    let mut justfile = Justfile::new(source);
    justfile.read(written);
    let mut names = TaskNames::new(justfile.recipes.iter().map(|recipe| recipe.name.as_str()));
    let mut remarks = Vec::new();
    let mut tasks = Vec::new();
    for place in 0..justfile.recipes.len() {
        let name = names.name(&justfile.recipes[place].name);
        tasks.push(justfile.task(place, name, &mut remarks));
    }
    if tasks.is_empty() {
        remarks.extend(justfile.troubles.clone());
    }
    let mut settings = vec![("jobs", Yaml::Bare("1")), ("fail-fast", Yaml::Bare("true"))];
    let is_default = |recipe: &&JustRecipe| recipe.attributes.iter().any(|(name, _)| name == "default");
    let default = justfile.recipes.iter().find(is_default).or(justfile.recipes.first());
    if let Some(default) = default
        && default.params.iter().all(|param| param.default.is_some() || param.variadic == Some('*'))
    {
        settings.push(("tasks", texts([default.name.clone()])));
    }
    if justfile.loads_dotenv {
        settings.push(("dotenv", Yaml::List(vec![optional_file(".env")])));
    }
    if !justfile.asked.is_empty() {
        let asked = justfile.asked.iter().map(|(name, command)| (name.clone(), text(command.clone())));
        settings.push(("envs", Yaml::Map(asked.collect())));
    }
    Ok(Sheet { source, intro: INTRO, settings, tasks, remarks }.renamed(&names).converted())
}

impl Justfile<'_> {
    fn read(&mut self, written: &str) {
        let lines: Vec<&str> = written.lines().collect();
        let mut at = 0;
        let mut doc: Option<String> = None;
        let mut attributes: Vec<(String, Option<String>)> = Vec::new();
        while at < lines.len() {
            let line = at + 1;
            let mut text = lines[at].trim_end().to_owned();
            at += 1;
            if text.trim().is_empty() {
                doc = None;
                continue;
            }
            if let Some(comment) = text.strip_prefix('#') {
                doc = Some(comment.trim().to_owned()).filter(|doc| !doc.starts_with('!'));
                continue;
            }
            // A backslash joins lines, and so do brackets and quotes that are still open.
            while text.ends_with('\\') || is_open(&text) {
                if at == lines.len() || at > line + 500 {
                    self.lose(line, "a quote or a bracket that is not closed");
                    break;
                }
                if text.ends_with('\\') {
                    text.pop();
                } else {
                    text.push('\n');
                }
                text.push_str(lines[at]);
                at += 1;
            }
            let text = text.as_str();
            if text.starts_with([' ', '\t']) {
                self.lose(line, "a line that belongs to no recipe");
                continue;
            }
            if let Some(inside) = text.strip_prefix('[').and_then(|text| text.trim_end().strip_suffix(']')) {
                attributes.extend(split(inside, ',').into_iter().map(attribute));
                continue;
            }
            let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
            match first {
                "set" => self.setting(line, rest.trim()),
                "alias" if rest.contains(":=") => {
                    if let Some((alias, of)) = rest.split_once(":=") {
                        self.aliases.push((alias.trim().to_owned(), of.trim().to_owned()));
                    }
                }
                "import" | "import?" | "mod" | "mod?" | "unexport" if !rest.starts_with(':') => {
                    self.lose(line, &format!("`{first}`"));
                }
                _ => {
                    let (is_exported, statement) = match first {
                        "export" => (true, rest.trim()),
                        _ => (false, text),
                    };
                    if let Some((name, value)) = statement.split_once(":=")
                        && is_name(name.trim())
                    {
                        let value = without_comment(value).trim().to_owned();
                        self.variables.push((name.trim().to_owned(), line, value, is_exported));
                    } else {
                        self.recipe(line, text, doc.take(), std::mem::take(&mut attributes));
                        at = self.body(&lines, at);
                    }
                }
            }
            doc = None;
            attributes.clear();
        }
    }

    fn lose(&mut self, line: usize, why: &str) {
        self.troubles.push(Remark { line, why: why.to_owned() });
    }

    fn setting(&mut self, line: usize, written: &str) {
        let written = without_comment(written);
        let (name, value) = written.split_once(":=").unwrap_or((&written, "true"));
        let (name, value) = (name.trim(), value.trim());
        let is_true = value == "true";
        match name {
            "export" => self.exports_all = is_true,
            "positional-arguments" => self.positional = is_true,
            "dotenv-load" => self.loads_dotenv = is_true,
            "quiet"
            | "ignore-comments"
            | "fallback"
            | "allow-duplicate-recipes"
            | "unstable"
            | "color"
            | "windows-shell"
            | "windows-powershell" => {}
            "shell" => {
                let inside = value.strip_prefix('[').and_then(|value| value.strip_suffix(']'));
                let words = inside.map(|inside| split(inside, ','));
                let words: Option<Vec<String>> = words
                    .map(|words| words.into_iter().filter(|word| !word.trim().is_empty()).collect::<Vec<_>>())
                    .and_then(|words| words.iter().map(|word| quoted(word.trim())).collect());
                match words {
                    Some(words) if !words.is_empty() => {
                        let words: Vec<String> = words.iter().map(|part| word(part)).collect();
                        self.shell = Some(words.join(" "));
                    }
                    _ => self.lose(line, "this `shell`"),
                }
            }
            other => self.lose(line, &format!("the setting `{other}`")),
        }
    }

    fn recipe(
        &mut self,
        line: usize,
        header: &str,
        doc: Option<String>,
        attributes: Vec<(String, Option<String>)>,
    ) {
        let recipe = JustRecipe { line, doc, attributes, ..JustRecipe::default() };
        match header_of(header, recipe) {
            Some(recipe) => self.recipes.push(recipe),
            None => self.lose(line, &format!("`{}`", header.trim())),
        }
    }

    /// The lines of the last recipe; answers where they end.
    fn body(&mut self, lines: &[&str], start: usize) -> usize {
        let mut at = start;
        let mut body: Vec<(usize, String)> = Vec::new();
        while at < lines.len() && (lines[at].trim().is_empty() || lines[at].starts_with([' ', '\t'])) {
            body.push((at + 1, lines[at].to_owned()));
            at += 1;
        }
        while body.last().is_some_and(|(_, line)| line.trim().is_empty()) {
            body.pop();
        }
        let indent = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
        let filled = body.iter().filter(|(_, line)| !line.trim().is_empty());
        let least = filled.map(|(_, line)| indent(line)).min().unwrap_or(0);
        for (_, line) in &mut body {
            *line = line.get(least..).unwrap_or("").to_owned();
        }
        if let Some(recipe) = self.recipes.last_mut() {
            recipe.body = body;
        }
        at
    }

    fn task(&mut self, place: usize, name: String, remarks: &mut Vec<Remark>) -> SheetTask {
        let mut keys: Vec<(&'static str, Yaml)> = Vec::new();
        let mut troubles = self.troubles.clone();
        let recipe = self.recipes[place].clone();
        if troubles.is_empty()
            && let Err(why) = self.keys(&recipe, &mut keys)
        {
            let line = self.failing.take().unwrap_or(recipe.line);
            troubles.push(Remark { line, why });
        }
        SheetTask::unless(&troubles, self.source, &recipe.name, SheetTask { name, keys }, remarks)
    }

    fn keys(&mut self, recipe: &JustRecipe, keys: &mut Vec<(&'static str, Yaml)>) -> Result<(), String> {
        let mut help = recipe.doc.clone();
        let mut is_positional = self.positional;
        let mut os: Vec<&str> = Vec::new();
        let mut is_hidden = recipe.name.starts_with('_');
        let mut more: Vec<(&'static str, Yaml)> = Vec::new();
        for (attribute, value) in &recipe.attributes {
            match attribute.as_str() {
                "private" => is_hidden = true,
                "default" | "no-exit-message" | "no-quiet" | "exit-message" | "unix" => {}
                "positional-arguments" => is_positional = true,
                "linux" => os.push("linux"),
                "macos" => os.push("macos"),
                "windows" => os.push("windows"),
                "doc" => help.clone_from(value),
                "group" => more.extend(value.as_ref().map(|group| ("group", text(group)))),
                "confirm" => {
                    let question = value.clone().unwrap_or_else(|| format!("Run recipe `{}`?", recipe.name));
                    more.push(("confirm", text(question.replace('$', "$$"))));
                }
                other => return Err(format!("the attribute `{other}`")),
            }
        }
        let same = self.recipes.iter().filter(|other| other.name == recipe.name).count();
        if same > 1 {
            return Err(format!("several recipes `{}`", recipe.name));
        }
        keys.extend(help.filter(|help| !help.is_empty()).map(|help| ("help", text(help))));
        if is_hidden && !recipe.name.starts_with('_') {
            keys.push(("hidden", Yaml::Bare("true")));
        }
        let aliases: Vec<&String> =
            self.aliases.iter().filter(|(_, of)| *of == recipe.name).map(|(alias, _)| alias).collect();
        if !aliases.is_empty() {
            keys.push(("aliases", texts(aliases.into_iter().cloned())));
        }
        keys.append(&mut more);
        if !os.is_empty() {
            keys.push(("os", texts(os)));
        }
        let mut head: Vec<String> = Vec::new();
        let mut scope: BTreeMap<String, ShellCommand> = BTreeMap::new();
        let params = self.params(recipe, &mut head, &mut scope)?;
        if !params.is_empty() {
            keys.push(("params", Yaml::Map(params)));
        }
        self.check_once(recipe)?;
        if !recipe.needs.is_empty() {
            let needs: Result<Vec<Yaml>, String> =
                recipe.needs.iter().map(|call| self.call(call, recipe, &scope, &mut head)).collect();
            keys.push(("needs", Yaml::List(needs?)));
        }
        self.exports(&mut head, &mut scope)?;
        let body = self.lines(recipe, is_positional, &mut head, &scope)?;
        if recipe.after.is_empty() {
            keys.extend(body.map(|body| ("action", body)));
            return Ok(());
        }
        let mut steps: Vec<Yaml> =
            body.map(|body| Yaml::Map(vec![("action".to_owned(), body)])).into_iter().collect();
        for call in &recipe.after {
            steps.push(self.call(call, recipe, &scope, &mut head)?);
        }
        keys.push(("steps", Yaml::List(steps)));
        Ok(())
    }

    fn params(
        &mut self,
        recipe: &JustRecipe,
        head: &mut Vec<String>,
        scope: &mut BTreeMap<String, ShellCommand>,
    ) -> Result<Vec<(String, Yaml)>, String> {
        let mut params = Vec::new();
        for param in &recipe.params {
            let shown = self.param(recipe, param);
            let Ok(name) = ParamName::new(&shown) else {
                return Err(format!("a parameter cannot be called `{}`", param.name));
            };
            let (name, kept) = (name.as_str(), format!("just_{}", name_of(&param.name)));
            let mut entry: Vec<(String, Yaml)> = Vec::new();
            match (param.variadic, &param.default) {
                (Some(_), Some(_)) => return Err(format!("a default for `{}`", param.name)),
                (Some(sign), None) => entry.push(("nargs".to_owned(), text(sign.to_string()))),
                (None, Some(_)) => entry.push(("nargs".to_owned(), text("?"))),
                (None, None) => {}
            }
            params.push((shown.clone(), Yaml::Map(entry)));
            match &param.default {
                Some(default) => {
                    let default = self.expression(default, head, scope)?;
                    head.push(format!(
                        "if [ -n \"${{{name}+x}}\" ]; then {kept}=${name}; else {kept}={}; fi",
                        spliced(&default)
                    ));
                }
                None => head.push(format!("{kept}=${{{name}-}}")),
            }
            match param.is_exported || self.exports_all {
                true => head.push(format!("export {}=\"${kept}\"", name_of(&param.name))),
                false => head.push(format!("unset {name}")),
            }
            scope.insert(param.name.clone(), vec![CommandPiece::Value(kept)]);
        }
        Ok(params)
    }

    /// The name of a parameter in the ottofile: its own, unless another recipe leads here and would pass on one of that name.
    fn param(&self, recipe: &JustRecipe, param: &RecipeParam) -> String {
        let is_same = |other: &JustRecipe| {
            other.name != recipe.name && other.params.iter().any(|other| other.name == param.name)
        };
        let leads_here = |other: &JustRecipe| {
            let mut calls = other.needs.iter().chain(&other.after);
            calls.any(|call| {
                call.name == recipe.name || self.find(&call.name).is_some_and(|r| r.name == recipe.name)
            })
        };
        match self.recipes.iter().any(is_same) && self.recipes.iter().any(leads_here) {
            true => own_param(&recipe.name, &name_of(&param.name)),
            false => param.name.clone(),
        }
    }

    /// Variables that commands find in their environment.
    fn exports(
        &mut self,
        head: &mut Vec<String>,
        scope: &mut BTreeMap<String, ShellCommand>,
    ) -> Result<(), String> {
        for (name, _, value, is_exported) in self.variables.clone() {
            if is_exported || self.exports_all {
                if !super::sheet::is_variable(&name) {
                    return Err(format!("`{name}` cannot be exported"));
                }
                let value = self.variable(&name, &value, head, 0)?;
                match known(&value) {
                    _ if scope.contains_key(&name) => {}
                    Some(value) => {
                        self.asked.insert(name, value.replace('$', "$$"));
                    }
                    None => head.push(format!("export {name}={}", spliced(&value))),
                }
            }
        }
        Ok(())
    }

    fn lines(
        &mut self,
        recipe: &JustRecipe,
        is_positional: bool,
        head: &mut Vec<String>,
        scope: &BTreeMap<String, ShellCommand>,
    ) -> Result<Option<Yaml>, String> {
        if is_positional && recipe.params.iter().any(|param| param.variadic.is_none()) {
            return Err("positional arguments other than a list at the end".to_owned());
        }
        let is_script = recipe.body.first().is_some_and(|(_, line)| line.starts_with("#!"));
        if is_script {
            return self.whole(recipe, is_positional, head, scope).map(Some);
        }
        let shell = self.shell.clone().unwrap_or_else(|| "sh -cu".to_owned());
        let mut lines = String::new();
        let mut all = recipe.body.iter().peekable();
        while let Some((number, line)) = all.next() {
            let mut whole = line.clone();
            while whole.ends_with('\\') && !whole.starts_with('#') {
                whole.pop();
                let Some((_, next)) = all.next() else { break };
                whole.push_str(next.trim_start());
            }
            if whole.trim().is_empty() {
                continue;
            }
            if whole.starts_with([' ', '\t']) {
                self.failing = Some(*number);
                return Err("a line that is indented further".to_owned());
            }
            let kept = whole.trim_start_matches(['@', '-']);
            let is_lenient = whole[..whole.len() - kept.len()].contains('-');
            if kept.starts_with('#') && !kept.contains("{{") {
                continue;
            }
            self.failing = Some(*number);
            let command = trimmed(self.template(kept, head, scope)?);
            self.failing = None;
            let uses_words = kept.contains("$@") || kept.contains("$*") || kept.contains("$1");
            let arguments = match (is_positional, uses_words) {
                (true, true) => format!(" {} \"$@\"", word(&recipe.name)),
                _ => String::new(),
            };
            let statement = match arguments.is_empty() {
                true => statement(&command, &shell),
                false => format!("{shell} {}{arguments}", spliced(&command)),
            };
            let after = if is_lenient { " || :" } else { " || exit" };
            if !statement.is_empty() {
                lines.push_str(&format!("{statement}{after}\n"));
            }
        }
        if lines.is_empty() {
            return Ok(None);
        }
        Ok(Some(script(&(script_lines(head) + &lines))))
    }

    /// A recipe that is one script.
    fn whole(
        &mut self,
        recipe: &JustRecipe,
        is_positional: bool,
        head: &mut Vec<String>,
        scope: &BTreeMap<String, ShellCommand>,
    ) -> Result<Yaml, String> {
        let mut written = String::new();
        for (_, line) in &recipe.body {
            let line = self.template(line, head, scope)?;
            let line = known(&line).ok_or("a value that is not yet known, in a script of its own")?;
            written.push_str(&format!("{line}\n"));
        }
        let is_list = recipe.params.iter().any(|param| param.variadic.is_some());
        let mentions = ["$1", "$@", "$*", "argv", "ARGV"].iter().any(|sign| written.contains(sign));
        if !is_positional && is_list && mentions {
            return Err("a script that just gives no arguments".to_owned());
        }
        let is_unset = |line: &String| line.starts_with("unset ") || line.starts_with("just_");
        if !head.iter().all(is_unset) {
            return Err("exported variables or defaults for a script of its own".to_owned());
        }
        Ok(Yaml::Script(written))
    }

    fn call(
        &mut self,
        call: &RecipeCall,
        recipe: &JustRecipe,
        scope: &BTreeMap<String, ShellCommand>,
        head: &mut Vec<String>,
    ) -> Result<Yaml, String> {
        let called = self.find(&call.name).ok_or_else(|| format!("there is no recipe `{}`", call.name))?;
        if call.arguments.is_empty() {
            return Ok(text(call.name.clone()));
        }
        let params: Vec<(String, Option<char>)> =
            called.params.iter().map(|param| (self.param(called, param), param.variadic)).collect();
        let mut values: Vec<(String, Yaml)> = Vec::new();
        let mut arguments = Vec::new();
        for argument in &call.arguments {
            let value = self.expression(argument, head, scope)?;
            let own = recipe.params.iter().find(|param| param.name == argument.trim());
            let value = match (known(&value), own) {
                (Some(value), _) => value.replace('$', "$$"),
                (None, Some(own)) if own.variadic.is_none() && own.default.is_none() => {
                    format!("${{{}}}", name_of(&self.param(recipe, own)))
                }
                _ => return Err(format!("the value of `{argument}` for `{}` is not yet known", call.name)),
            };
            arguments.push(value);
        }
        let mut rest = arguments.into_iter();
        for (name, variadic) in params {
            let value = match variadic {
                Some(_) => texts(rest.by_ref()),
                None => match rest.next() {
                    Some(value) => text(value),
                    None => break,
                },
            };
            values.push((name, value));
        }
        if rest.next().is_some() {
            return Err(format!("`{}` is called with too many values", call.name));
        }
        Ok(task_with(&call.name, values))
    }

    fn find(&self, name: &str) -> Option<&JustRecipe> {
        let name = self.aliases.iter().find(|(alias, _)| alias == name).map_or(name, |(_, of)| of);
        self.recipes.iter().find(|recipe| recipe.name == name)
    }

    /// What follows a recipe runs even if it has run before; otto runs it once.
    fn check_once(&self, recipe: &JustRecipe) -> Result<(), String> {
        let mut reached: Vec<&str> = vec![&recipe.name];
        let mut next = 0;
        while next < reached.len() {
            let found = self.find(reached[next]);
            let calls = found.into_iter().flat_map(|recipe| recipe.needs.iter().chain(&recipe.after));
            for called in calls.filter_map(|call| self.find(&call.name)) {
                if called.name == recipe.name {
                    return Err("it depends on itself".to_owned());
                }
                if !reached.contains(&called.name.as_str()) {
                    reached.push(&called.name);
                }
            }
            next += 1;
        }
        let mut before = BTreeSet::new();
        let mut open: Vec<&RecipeCall> = recipe.needs.iter().collect();
        let mut after: Vec<&RecipeCall> = recipe.after.iter().collect();
        let mut depth = 0;
        while let Some(call) = open.pop() {
            depth += 1;
            let Some(called) = self.find(&call.name) else { continue };
            if depth > 1000 {
                return Err("recipes that lead to each other in too many ways".to_owned());
            }
            before.insert(called.name.as_str());
            open.extend(&called.needs);
            after.extend(&called.after);
        }
        let mut seen = BTreeSet::new();
        while let Some(call) = after.pop() {
            let Some(called) = self.find(&call.name) else { continue };
            if before.contains(called.name.as_str()) || !seen.insert(called.name.as_str()) {
                return Err(format!("`{}` would run twice", called.name));
            }
            after.extend(called.needs.iter().chain(&called.after));
        }
        Ok(())
    }

    /// A text with `{{…}}`.
    fn template(
        &mut self,
        written: &str,
        head: &mut Vec<String>,
        scope: &BTreeMap<String, ShellCommand>,
    ) -> Result<ShellCommand, String> {
        let mut pieces = ShellCommand::new();
        let mut rest = written;
        while let Some(start) = rest.find("{{") {
            pieces.push(CommandPiece::Plain(rest[..start].to_owned()));
            if let Some(after) = rest[start..].strip_prefix("{{{{") {
                pieces.push(CommandPiece::Plain("{{".to_owned()));
                rest = after;
                continue;
            }
            let end = end_of_expression(&rest[start + 2..]).ok_or("a `{{` that is not closed")?;
            let inside = &rest[start + 2..start + 2 + end];
            pieces.extend(self.expression(inside, head, scope)?);
            rest = &rest[start + 2 + end + 2..];
        }
        pieces.push(CommandPiece::Plain(rest.to_owned()));
        Ok(joined(pieces))
    }

    fn expression(
        &mut self,
        written: &str,
        head: &mut Vec<String>,
        scope: &BTreeMap<String, ShellCommand>,
    ) -> Result<ShellCommand, String> {
        self.expression_at(written, head, scope, 0)
    }

    fn expression_at(
        &mut self,
        written: &str,
        head: &mut Vec<String>,
        scope: &BTreeMap<String, ShellCommand>,
        depth: usize,
    ) -> Result<ShellCommand, String> {
        if depth > 30 {
            return Err(format!("`{}` refers to itself", written.trim()));
        }
        let written = written.trim();
        for (sign, between) in [('+', ""), ('/', "/")] {
            let parts = split(written, sign);
            if parts.len() > 1 {
                let mut pieces = ShellCommand::new();
                for (place, part) in parts.iter().enumerate() {
                    if place > 0 && !between.is_empty() {
                        pieces.push(CommandPiece::Plain(between.to_owned()));
                    }
                    pieces.extend(self.expression_at(part, head, scope, depth + 1)?);
                }
                return Ok(joined(pieces));
            }
        }
        if let Some(inside) = written.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            return self.expression_at(inside, head, scope, depth + 1);
        }
        if let Some(text) = quoted(written) {
            return Ok(joined(vec![CommandPiece::Plain(text)]));
        }
        if is_name(written) {
            if let Some(value) = scope.get(written) {
                return Ok(value.clone());
            }
            let found = self.variables.iter().find(|(name, ..)| name == written).cloned();
            let Some((name, _, value, _)) = found else { return Err(format!("`{written}` is not set")) };
            return self.variable(&name, &value, head, depth + 1);
        }
        if let Some((function, arguments)) = written.strip_suffix(')').and_then(|text| text.split_once('(')) {
            let arguments: Vec<String> =
                split(arguments, ',').iter().map(|part| part.trim().to_owned()).collect();
            let given: Option<Vec<String>> =
                arguments.iter().filter(|part| !part.is_empty()).map(|part| quoted(part)).collect();
            let value = |name: &str| Ok(vec![CommandPiece::Value(name.to_owned())]);
            match (function, given.as_deref()) {
                ("justfile_directory" | "justfile_dir", Some([])) => return value("OTTO_WORKSPACE"),
                ("invocation_directory" | "invocation_dir" | "invocation_directory_native", Some([])) => {
                    return value("OTTO_INVOCATION_DIR");
                }
                ("env" | "env_var", Some([name])) if is_variable(name) => {
                    head.insert(0, if_unset(name, &format!("{}: `{name}` is not set", self.source)));
                    let kept = format!("env_{name}");
                    head.insert(1, format!("{kept}=${name}"));
                    return value(&kept);
                }
                ("env" | "env_var_or_default", Some([name, default])) if is_variable(name) => {
                    let kept = format!("env_{name}");
                    let line = format!("{kept}={0}; {kept}=${{{name}-${kept}}}", word(default));
                    if head.iter().any(|other| other.starts_with(&format!("{kept}=")) && *other != line) {
                        return Err(format!("several defaults for `{name}`"));
                    }
                    if !head.contains(&line) {
                        head.insert(0, line);
                    }
                    return value(&kept);
                }
                _ => return Err(format!("`{function}(…)`")),
            }
        }
        Err(format!("the expression `{written}`"))
    }

    fn variable(
        &mut self,
        name: &str,
        written: &str,
        head: &mut Vec<String>,
        depth: usize,
    ) -> Result<ShellCommand, String> {
        let backtick = written.strip_prefix('`').and_then(|text| text.strip_suffix('`'));
        if let Some(command) = backtick.filter(|command| !command.contains('`')) {
            if command.contains("{{") || command.contains("$$") || command.is_empty() {
                return Err(format!("the command of `{name}`"));
            }
            let shell = self.shell.clone().unwrap_or_else(|| "sh -cu".to_owned());
            let variable = format!("just_{}", name_of(name));
            self.asked.insert(variable.clone(), format!("$({shell} {})", word(command)));
            return Ok(vec![CommandPiece::Value(variable)]);
        }
        // A variable of the file does not see the parameters of a recipe.
        self.expression_at(written, head, &BTreeMap::new(), depth + 1)
    }
}

/// A recipe from its first line.
fn header_of(written: &str, mut recipe: JustRecipe) -> Option<JustRecipe> {
    let written = written.strip_prefix('@').unwrap_or(written);
    let colon = outside(written, ':')?;
    let (left, right) = (&written[..colon], &written[colon + 1..]);
    let mut words = words(left)?.into_iter();
    recipe.name = words.next().filter(|name| is_name(name))?;
    for word in words {
        let (variadic, word) = match word.chars().next() {
            Some(sign @ ('*' | '+')) => (Some(sign), &word[1..]),
            _ => (None, word.as_str()),
        };
        let (is_exported, word) = match word.strip_prefix('$') {
            Some(word) => (true, word),
            None => (false, word),
        };
        let (name, default) = match word.split_once('=') {
            Some((name, default)) => (name, Some(default.to_owned())),
            None => (word, None),
        };
        if !is_name(name) {
            return None;
        }
        recipe.params.push(RecipeParam { name: name.to_owned(), variadic, is_exported, default });
    }
    let right = without_comment(right);
    let (before, after) = right.split_once("&&").unwrap_or((&right, ""));
    recipe.needs = calls(before)?;
    recipe.after = calls(after)?;
    Some(recipe)
}

fn calls(written: &str) -> Option<Vec<RecipeCall>> {
    let call = |word: String| {
        let inside = match word.strip_prefix('(') {
            Some(inside) => inside.strip_suffix(')')?.to_owned(),
            None => word,
        };
        let mut words = words(&inside)?.into_iter();
        let name = words.next().filter(|name| is_name(name))?;
        Some(RecipeCall { name, arguments: words.collect() })
    };
    words(written)?.into_iter().map(call).collect()
}

/// `name`, `name('value')` or `name: 'value'`.
fn attribute(written: String) -> (String, Option<String>) {
    let written = written.trim();
    let (name, value) = match written.split_once(['(', ':']) {
        Some((name, value)) => (name.trim(), Some(value.trim().trim_end_matches(')').trim())),
        None => (written, None),
    };
    (name.to_owned(), value.map(|value| quoted(value).unwrap_or_default()))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

fn is_variable(text: &str) -> bool {
    is_name(text) && !text.contains('-')
}

/// A name of just as one of the shell.
fn name_of(name: &str) -> String {
    name.replace('-', "_")
}

/// The text of a string, if it is one and nothing else.
fn quoted(written: &str) -> Option<String> {
    let written = written.trim();
    for quote in ["'''", "\"\"\"", "'", "\""] {
        let Some(inside) = written.strip_prefix(quote) else { continue };
        let inside = inside.strip_suffix(quote)?;
        let is_long = quote.len() == 3;
        if is_long && inside.contains('\n')
            || !is_long && inside.contains(&quote[..1]) && !inside.contains('\\')
        {
            return None;
        }
        if quote.starts_with('\'') {
            return (!inside.contains('\'') || is_long).then(|| inside.to_owned());
        }
        let mut text = String::new();
        let mut characters = inside.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => match characters.next()? {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    '\n' => {}
                    same @ ('"' | '\\') => text.push(same),
                    _ => return None,
                },
                '"' if !is_long => return None,
                same => text.push(same),
            }
        }
        return Some(text);
    }
    None
}

/// Whether a quote or a bracket of a statement is still open at its end.
fn is_open(text: &str) -> bool {
    let is_statement = text.contains(":=") || text.starts_with('[') || text.starts_with("set ");
    is_statement && walk(text, |_, _| false).is_none_or(|depth| depth > 0)
}

/// Goes through a text outside of quotes and answers how many brackets are open at its end; none, where a quote is.
/// Ends where `found` says so.
fn walk(text: &str, mut found: impl FnMut(usize, usize) -> bool) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if found(at, depth) {
            return Some(depth);
        }
        let quote = ["'''", "\"\"\"", "'", "\"", "`"].into_iter().find(|quote| rest.starts_with(quote));
        if let Some(quote) = quote {
            at += quote.len();
            loop {
                let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
                if rest.starts_with(quote) {
                    at += quote.len();
                    break;
                }
                let is_escape = quote.starts_with('"') && rest.starts_with('\\');
                at += rest.chars().take(if is_escape { 2 } else { 1 }).map(char::len_utf8).sum::<usize>();
            }
            continue;
        }
        let character = rest.chars().next()?;
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '#' => return Some(depth),
            _ => {}
        }
        at += character.len_utf8();
    }
    Some(depth)
}

/// The place of a sign outside of quotes and brackets.
fn outside(text: &str, sign: char) -> Option<usize> {
    let mut place = None;
    walk(text, |at, depth| {
        if depth == 0 && text[at..].starts_with(sign) {
            place = Some(at);
        }
        place.is_some()
    });
    place
}

fn without_comment(text: &str) -> String {
    let mut end = text.len();
    walk(text, |at, _| {
        let is_comment = text[at..].starts_with('#');
        if is_comment {
            end = at;
        }
        is_comment
    });
    text[..end].to_owned()
}

/// Where `}}` ends an expression.
fn end_of_expression(text: &str) -> Option<usize> {
    let mut place = None;
    walk(text, |at, depth| {
        if depth == 0 && text[at..].starts_with("}}") {
            place = Some(at);
        }
        place.is_some()
    });
    place
}

/// Splits at a sign outside of quotes and brackets.
fn split(text: &str, sign: char) -> Vec<String> {
    let mut parts = Vec::new();
    let mut start = 0;
    walk(text, |at, depth| {
        if depth == 0 && text[at..].starts_with(sign) {
            parts.push(text[start..at].to_owned());
            start = at + sign.len_utf8();
        }
        false
    });
    parts.push(text[start..].to_owned());
    parts
}

/// Words between blanks outside of quotes and brackets; none, where a quote is left open.
fn words(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut start = 0;
    walk(text, |at, depth| {
        if depth == 0 && text[at..].starts_with([' ', '\t', '\n']) {
            parts.push(text[start..at].to_owned());
            start = at + 1;
        }
        false
    })?;
    parts.push(text[start..].to_owned());
    parts.retain(|part| !part.is_empty());
    Some(parts)
}
