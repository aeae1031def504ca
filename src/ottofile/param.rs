//! One entry of `params`: its form, its keys, and whether they agree.

use super::choice::Choices;
use super::field::{Field, Owner, Reader, TEXTS, listed, shortened};
use super::foreign;
use super::spec::{Count, Ottofile, Param, ParamForm, ParamType};
use super::yaml::{Key, Node, NodeKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::name::ParamName;
use crate::source::{Span, Spanned};
use std::collections::HashMap;

pub(super) const KEYS: &[&str] = &[
    "choices",
    "choices-command",
    "default",
    "env",
    "help",
    "metavar",
    "nargs",
    "required",
    "secret",
    "type",
];

/// Words that one parameter may take at most: more than any command line holds.
const MOST_WORDS: usize = 100_000;

pub(super) fn read(reader: &mut Reader<'_>, field: Field<'_>, node: &Node<'_>) -> Vec<Param> {
    let help = "write `params:`, then a line such as `  -m|--msg:` for each parameter";
    let Some(map) = reader.map(field, node, help) else { return Vec::new() };
    let Owner::Task(task) = field.owner else { unreachable!("bug: parameters outside a task") };
    let mut params: Vec<Param> = Vec::with_capacity(map.len());
    for (key, node) in map.iter() {
        let owner = Owner::Param { form: key.text, task };
        if let Some((name, form)) = reader.form(key, owner) {
            let param = reader.param(name, form, key, owner, node);
            params.push(param);
        }
    }
    reader.clashes(task, &params);
    reader.order_of_positionals(task, &params);
    params
}

/// Where each key of a parameter stands, for messages about two of them.
#[derive(Default)]
struct Places {
    count: Option<Span>,
    required: Option<Span>,
    choices: Option<Span>,
    default: Option<Span>,
    secret: Option<Span>,
}

impl Reader<'_> {
    // ── the form ──

    fn form(&mut self, key: Key<'_>, owner: Owner<'_>) -> Option<(ParamName, ParamForm)> {
        let (form, name) = match form_of(key.text) {
            Ok(form) => {
                let name = match &form {
                    ParamForm::Option { long: Some(long), .. } => long.clone(),
                    ParamForm::Option { short: Some(short), .. } => short.to_string(),
                    ParamForm::Option { .. } => unreachable!("bug: an option without letter and word"),
                    ParamForm::Positional(word) => word.clone(),
                };
                (form, name)
            }
            Err(BadForm { why, help }) => {
                let Owner::Param { task, .. } = owner else {
                    unreachable!("bug: a form outside a parameter")
                };
                let message = format!("the parameter `{}` of task `{task}` {why}", shortened(key.text));
                let mut wrong = self.error(Code::BadParamForm, message, key.span, "invalid format");
                if let Some(help) = help {
                    wrong = wrong.help(help);
                }
                let wrong = wrong.note(
                    "write `-m|--msg`, `--msg` or `-m` for an option, a plain name for a positional argument",
                );
                self.tell(wrong);
                return None;
            }
        };
        if name == "help" && matches!(form, ParamForm::Option { .. }) {
            let Owner::Param { task, .. } = owner else { unreachable!("bug: a form outside a parameter") };
            let message = format!("task `{task}` cannot declare `--help`: every task has this option");
            let wrong = self.error(Code::NameClash, message, key.span, "choose another name");
            self.tell(wrong);
            return None;
        }
        match ParamName::new(&name) {
            Ok(name) => Some((name, form)),
            Err(why) => {
                let message = format!("the name `{}` of {owner} {why}", name.replace('-', "_"));
                let wrong = self.error(Code::BadName, message, key.span, "choose another name");
                self.tell(wrong);
                None
            }
        }
    }

    /// Two parameters of one task with one name, or one letter.
    fn clashes(&mut self, task: &str, params: &[Param]) {
        let mut names: HashMap<&str, Span> = HashMap::new();
        let mut letters: HashMap<char, Span> = HashMap::new();
        for param in params {
            if let Some(earlier) = names.get(param.name.as_str()) {
                let message = format!("task `{task}` has two parameters called `{}`", param.name);
                let wrong = self
                    .error(Code::NameClash, message, param.form_span, "the second")
                    .at(self.source, *earlier, "the first")
                    .note("the name is the long option with `_` for `-`, or the letter if there is no long option");
                self.tell(wrong);
            } else {
                names.insert(param.name.as_str(), param.form_span);
            }
            let ParamForm::Option { short: Some(letter), .. } = param.form else { continue };
            if let Some(earlier) = letters.get(&letter) {
                let message = format!("task `{task}` has two parameters with the letter `-{letter}`");
                let wrong = self.error(Code::NameClash, message, param.form_span, "the second").at(
                    self.source,
                    *earlier,
                    "the first",
                );
                self.tell(wrong);
            } else {
                letters.insert(letter, param.form_span);
            }
        }
    }

    /// Words go to positionals in their order: none may be asked for behind one that may stay away or takes all.
    fn order_of_positionals(&mut self, task: &str, params: &[Param]) {
        let mut optional: Option<&Param> = None;
        let mut greedy: Option<&Param> = None;
        for param in params.iter().filter(|param| matches!(param.form, ParamForm::Positional(_))) {
            if param.is_required
                && let Some(earlier) = optional
            {
                let message = format!(
                    "`{}` of task `{task}` is required but follows `{}`, which is optional",
                    param.name, earlier.name
                );
                let wrong = self
                    .error(Code::Contradiction, message, param.form_span, "required")
                    .at(self.source, earlier.form_span, "optional")
                    .help("put required arguments first");
                self.tell(wrong);
            }
            let has_no_end = matches!(param.count, Count::Range { most: None, .. });
            if has_no_end && let Some(earlier) = greedy {
                let message = format!(
                    "`{}` of task `{task}` can never get a value: `{}` takes all arguments",
                    param.name, earlier.name
                );
                let wrong = self
                    .error(Code::Contradiction, message, param.form_span, "takes any number of arguments")
                    .at(self.source, earlier.form_span, "also takes any number of arguments")
                    .help("make one of them an option: `--NAME`");
                self.tell(wrong);
            }
            if !param.is_required {
                optional = optional.or(Some(param));
            }
            if has_no_end {
                greedy = greedy.or(Some(param));
            }
        }
    }

    // ── the keys ──

    fn param(
        &mut self,
        name: ParamName,
        form: ParamForm,
        key: Key<'_>,
        owner: Owner<'_>,
        node: &Node<'_>,
    ) -> Param {
        let mut param = Param::new(name, key.span, form);
        if node.is_null() {
            return param;
        }
        let NodeKind::Map(map) = &node.kind else {
            let found = super::field::describe(node);
            let message = format!("{owner} must be a map, not {found}");
            let help = format!("write `{}: {{default: VALUE, help: TEXT}}`", shortened(key.text));
            let wrong =
                self.error(Code::WrongType, message, node.span, format!("this is {found}")).help(help);
            self.tell(wrong);
            return param;
        };
        let mut places = Places::default();
        let mut count = None;
        for (key, node) in map.iter() {
            let field = Field { key: key.text, owner };
            if node.is_null() && KEYS.contains(&key.text) {
                continue;
            }
            match key.text {
                "help" => param.help = self.text(field, node).map(|text| text.value),
                "default" => {
                    places.default = Some(node.span);
                    self.default(field, node, &mut param);
                }
                "choices" => {
                    places.choices = Some(key.span);
                    param.choices = self.choices(field, node);
                }
                "choices-command" => param.choices_command = self.filled_text(field, node),
                "nargs" => {
                    places.count = Some(node.span);
                    count = self.count(field, node);
                }
                "metavar" => param.metavar = self.filled_text(field, node).map(|text| text.value),
                "required" => {
                    if self.truth(field, node) == Some(true) {
                        param.is_required = true;
                        places.required = Some(key.span);
                    }
                }
                "env" => param.env = self.env(field, node),
                "secret" => {
                    param.is_secret = self.truth(field, node) == Some(true);
                    places.secret = param.is_secret.then_some(key.span);
                }
                "type" => {
                    if let Some(kind) = self.kind(field, node) {
                        param.kind = kind;
                    }
                }
                _ => self.unknown_key(key, owner, KEYS, foreign::meant(owner, key.text)),
            }
        }
        let default = param.default.as_ref().map(|default| default.value.as_str());
        let is_option = matches!(param.form, ParamForm::Option { .. });
        param.count = match count {
            Some(count) => count,
            // A positional cannot be a flag: it is there by its word.
            None if is_option && places.count.is_none() && default.is_some_and(is_truth) => Count::Flag,
            None => Count::One,
        };
        self.agreement(&mut param, owner, &places);
        param
    }

    /// A text, a list of texts, or `{command: …}`.
    fn default(&mut self, field: Field<'_>, node: &Node<'_>, param: &mut Param) {
        match &node.kind {
            NodeKind::List(_) => {
                param.default_words =
                    self.texts(field, node, TEXTS).into_iter().map(|word| word.value).collect();
                param.default = Some(Spanned::new(param.default_words.join(" "), node.span));
            }
            NodeKind::Map(map) => {
                for (key, node) in map.iter() {
                    match key.text {
                        "command" => param.default_command = self.filled_text(field, node),
                        _ => self.unknown_key(key, field.owner, &["command"], None),
                    }
                }
                if map.len() == 0 {
                    self.bad_value(field, node.span, "a string, a list or `{command: …}`", "empty");
                }
            }
            NodeKind::Written(..) | NodeKind::Made(..) => param.default = self.text(field, node),
        }
    }

    fn choices(&mut self, field: Field<'_>, node: &Node<'_>) -> Vec<Spanned<String>> {
        let choices = self.texts(field, node, TEXTS);
        if matches!(&node.kind, NodeKind::List(items) if items.is_empty()) {
            self.bad_value(field, node.span, "a list with at least one value", "the list is empty");
        }
        choices
    }

    fn count(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<Count> {
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let number: Option<usize> = is_number.then(|| text.parse().ok()).flatten();
            number.filter(|number| *number <= MOST_WORDS)
        };
        let count = match node.scalar() {
            Some("?") => Some(Count::Range { least: 0, most: Some(1) }),
            Some("*") => Some(Count::Range { least: 0, most: None }),
            Some("+") => Some(Count::Range { least: 1, most: None }),
            Some(text) => match text.split_once(':') {
                Some((least, most)) => match (number(least), number(most)) {
                    (Some(1), Some(1)) => Some(Count::One),
                    (Some(least), Some(most)) if least <= most && most > 0 => {
                        Some(Count::Range { least, most: Some(most) })
                    }
                    _ => None,
                },
                None => match number(text) {
                    Some(0) => Some(Count::Flag),
                    Some(1) => Some(Count::One),
                    Some(words) => Some(Count::Range { least: words, most: Some(words) }),
                    None => None,
                },
            },
            None => None,
        };
        if count.is_none() {
            let expected = "a number, `N:M`, `?` (0 or 1), `*` (any number) or `+` (1 or more)";
            self.bad_value(field, node.span, expected, "not a valid number of arguments");
        }
        count
    }

    fn env(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<Spanned<String>> {
        let text = self.filled_text(field, node)?;
        let name = text.value.as_str();
        if !crate::name::is_identifier(name) {
            self.bad_value(field, node.span, "a variable name, without `$`", "not a variable name");
            return None;
        }
        Some(text)
    }

    fn kind(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<ParamType> {
        let kind = match node.scalar() {
            Some("str") => ParamType::Str,
            Some("int") => ParamType::Int,
            Some("float") => ParamType::Float,
            Some("bool") => ParamType::Bool,
            Some("path") => ParamType::Path,
            other => {
                let message = format!("{field} must be `str`, `int`, `float`, `bool` or `path`");
                let mut wrong = self.error(Code::BadValue, message, node.span, "not one of them");
                let meant = match other {
                    Some("string" | "text") => Some("str"),
                    Some("integer" | "number") => Some("int"),
                    Some("boolean" | "flag") => Some("bool"),
                    Some("file" | "dir" | "directory") => Some("path"),
                    Some("double" | "real") => Some("float"),
                    Some(_) | None => None,
                };
                if let Some(meant) = meant {
                    wrong = wrong.help(format!("write `type: {meant}`"));
                }
                self.tell(wrong);
                return None;
            }
        };
        Some(kind)
    }

    // ── whether the keys agree ──

    fn agreement(&mut self, param: &mut Param, owner: Owner<'_>, places: &Places) {
        self.count_agrees(param, owner, places);
        self.required_agrees(param, owner, places);
        self.secret_agrees(param, owner, places);
        if let (Some(choices), Some(command)) = (places.choices, &param.choices_command) {
            let wrong = self
                .error(
                    Code::Contradiction,
                    format!("{owner} has both `choices` and `choices-command`"),
                    command.span,
                    "choices from a command",
                )
                .at(self.source, choices, "choices from a list")
                .help("keep one of them");
            self.tell(wrong);
        }
        for choice in &param.choices {
            if !param.kind.accepts(&choice.value) {
                let message = format!("a choice of {owner} must be {}", param.kind);
                let wrong =
                    self.error(Code::BadParamType, message, choice.span, format!("not {}", param.kind));
                self.tell(wrong);
            }
        }
        self.default_agrees(param, owner, places);
    }

    fn count_agrees(&mut self, param: &mut Param, owner: Owner<'_>, places: &Places) {
        if param.count != Count::Flag {
            return;
        }
        let place = places.count.unwrap_or(param.form_span);
        if matches!(param.form, ParamForm::Positional(_)) {
            let message = format!("{owner} takes no arguments, so it can never get a value");
            let wrong = self
                .error(Code::Contradiction, message, place, "no arguments")
                .help("make it an option: `--NAME`");
            self.tell(wrong);
            return;
        }
        match &param.default {
            // A flag is `true` or `false`, never unset.
            None => param.default = Some(Spanned::new("false".to_owned(), place)),
            Some(default) if !is_truth(&default.value) => {
                let message = format!("{owner} is a flag, so its default must be `true` or `false`");
                let wrong = self
                    .error(Code::Contradiction, message, default.span, "neither `true` nor `false`")
                    .at(self.source, place, "takes no word");
                self.tell(wrong);
                return;
            }
            Some(_) => {}
        }
        if let Some(default) = &mut param.default {
            default.value.make_ascii_lowercase();
        }
        let odd = param.choices.iter().find(|choice| !["true", "false"].contains(&choice.value.as_str()));
        if let Some(choice) = odd {
            let message = format!("{owner} is a flag, so its choices can only be `true` and `false`");
            let wrong = self
                .error(Code::Contradiction, message, choice.span, "cannot be chosen")
                .help("give it a default that is one of the choices, or `nargs: 1`");
            self.tell(wrong);
            param.choices.clear();
        }
        if let Some(command) = &param.choices_command {
            let message = format!("{owner} is a flag, so it has no choices");
            let wrong = self
                .error(Code::Contradiction, message, command.span, "flags have no choices")
                .help("add `nargs: 1`");
            self.tell(wrong);
        }
    }

    fn secret_agrees(&mut self, param: &mut Param, owner: Owner<'_>, places: &Places) {
        let Some(secret) = places.secret else { return };
        if param.count == Count::Flag || param.kind == ParamType::Bool {
            let message = format!("{owner} is `true` or `false`, so it cannot be `secret`");
            let wrong = self
                .error(Code::Contradiction, message, secret, "anyone can guess the value")
                .help("remove `secret`, or give the parameter another type");
            self.tell(wrong);
            param.is_secret = false;
        }
    }

    fn required_agrees(&mut self, param: &Param, owner: Owner<'_>, places: &Places) {
        let Some(required) = places.required else { return };
        let default = places.default.filter(|_| param.default.is_some() || param.default_command.is_some());
        let rival = match (default, param.count) {
            (_, Count::Flag) => Some((places.count.unwrap_or(param.form_span), "a flag always has a value")),
            (_, Count::Range { least: 0, .. }) => {
                Some((places.count.unwrap_or(param.form_span), "accepts no arguments"))
            }
            (Some(default), Count::One | Count::Range { .. }) => {
                Some((default, "the value if none is given"))
            }
            (None, Count::One | Count::Range { .. }) => None,
        };
        if let Some((span, label)) = rival {
            let wrong = self
                .error(
                    Code::Contradiction,
                    format!("{owner} is `required`, but also optional"),
                    required,
                    "required",
                )
                .at(self.source, span, label)
                .help("remove one of them");
            self.tell(wrong);
        }
    }

    fn default_agrees(&mut self, param: &mut Param, owner: Owner<'_>, places: &Places) {
        if let (Some(command), Count::Flag) = (&param.default_command, param.count) {
            let message = format!("{owner} is a flag, so its default must be `true` or `false`");
            let wrong = self.error(Code::Contradiction, message, command.span, "a command");
            self.tell(wrong);
        }
        let takes_several = param.count.takes_several();
        let Some(default) = &mut param.default else { return };
        if !param.default_words.is_empty() && !takes_several {
            let message = format!("{owner} takes one value, but its default is a list");
            let mut wrong = self.error(Code::Contradiction, message, default.span, "several words");
            if let Some(count) = places.count {
                wrong = wrong.at(self.source, count, "at most one value");
            }
            self.tell(wrong.help("write one string, or add `nargs: \"*\"`"));
            return;
        }
        // An empty default is how a script is told that nothing was chosen.
        if default.value.is_empty() {
            return;
        }
        let value_of_a_task = ["INPUT", "OUTCOME"].iter().find(|name| {
            [format!("${{{name}["), format!("${name}[")].iter().any(|read| default.value.contains(read))
        });
        if let Some(name) = value_of_a_task {
            let message = format!("the default of {owner} cannot be read from `{name}`");
            let label = "values of tasks can only be read in scripts, not here";
            let wrong = self.error(Code::BadValue, message, default.span, label);
            self.tell(wrong.help(format!("leave the default out, and read `{name}` in the script")));
            return;
        }
        let choices = Choices::new(param.choices.iter().map(|choice| choice.value.as_str()));
        if !takes_several {
            if !param.kind.accepts(&default.value) {
                self.no_default_of_the_kind(param.kind, owner, default);
            } else if let Some(chosen) = choices.one(&default.value) {
                // It is stored as declared.
                default.value = chosen.to_owned();
            }
            return;
        }
        if param.default_words.is_empty() {
            // One text is one word, except where it can only be several.
            let is_one = param.kind.accepts(&default.value);
            param.default_words = match choices.several(&default.value) {
                Some(chosen) => chosen.into_iter().map(str::to_owned).collect(),
                None if is_one => vec![default.value.clone()],
                None => default.value.split_ascii_whitespace().map(str::to_owned).collect(),
            };
        } else {
            for word in &mut param.default_words {
                if let Some(chosen) = choices.one(word) {
                    *word = chosen.to_owned();
                }
            }
        }
        let odd = param.default_words.iter().find(|word| !param.kind.accepts(word));
        if let Some(word) = odd {
            let word = Spanned::new(word.clone(), default.span);
            self.no_default_of_the_kind(param.kind, owner, &word);
            return;
        }
        default.value = param.default_words.join(" ");
    }

    fn no_default_of_the_kind(&mut self, kind: ParamType, owner: Owner<'_>, default: &Spanned<String>) {
        let message = format!("the default of {owner} must be {kind}");
        let label = format!("`{}` is not {kind}", shortened(&default.value));
        let wrong = self.error(Code::BadParamType, message, default.span, label);
        self.tell(wrong);
    }
}

/// What may be doubted in the parameters of a file that is otherwise right.
pub(crate) fn remarks(ottofile: &Ottofile) -> Vec<Diagnostic> {
    let mut remarks = Vec::new();
    for task in &ottofile.tasks {
        for param in &task.params {
            let Some(default) = &param.default else { continue };
            let owner = format!("the default of parameter `{}` of task `{}`", param.name, task.name);
            let choices = Choices::new(param.choices.iter().map(|choice| choice.value.as_str()));
            let words = match param.count.takes_several() {
                true => param.default_words.clone(),
                false => vec![default.value.clone()],
            };
            let is_choice = |word: &String| word.is_empty() || choices.one(word).is_some();
            if !param.choices.is_empty() && !words.iter().all(is_choice) {
                let names: Vec<&str> = param.choices.iter().map(|choice| choice.value.as_str()).collect();
                let remark =
                    Diagnostic::warning(Code::BadChoice, format!("{owner} is not one of its choices"))
                        .at(&ottofile.sources, default.span, "cannot be given on the command line")
                        .note(format!("the choices are {}", listed(&names)));
                remarks.push(remark);
            }
            if default.value.contains("$(") {
                let remark = Diagnostic::warning(Code::BadValue, format!("{owner} is not run as a command"))
                    .at(&ottofile.sources, default.span, "these characters are the value")
                    .help("to use the output of a command: `default: {command: \"…\"}`");
                remarks.push(remark);
            }
        }
    }
    remarks
}

/// The spellings of a truth in YAML.
fn is_truth(text: &str) -> bool {
    matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
}

struct BadForm {
    /// Continues "the parameter `…`".
    why: &'static str,
    help: Option<String>,
}

/// `-m|--msg`, `--msg|-m`, `--msg`, `-m` or `word`.
fn form_of(text: &str) -> Result<ParamForm, BadForm> {
    let bad = |why, help| Err(BadForm { why, help });
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let parts: Vec<&str> = text.split('|').collect();
    if parts.len() > 2 {
        return bad("has more than two parts", None);
    }
    let (mut short, mut long) = (None, None);
    for part in &parts {
        if let Some(word) = part.strip_prefix("--") {
            if !is_word(word) {
                return bad("is not `--` followed by letters, digits, `-` and `_`", None);
            }
            if long.replace(word.to_owned()).is_some() {
                return bad("has two long forms", Some("declare one parameter for each".to_owned()));
            }
        } else if let Some(letter) = part.strip_prefix('-') {
            let mut letters = letter.chars();
            match (letters.next(), letters.next()) {
                (Some(one), None) if one.is_ascii_alphanumeric() => {
                    if short.replace(one).is_some() {
                        return bad("has two letters", Some("declare one parameter for each".to_owned()));
                    }
                }
                _ if is_word(letter) => {
                    return bad("has a long name after a single `-`", Some(format!("write `--{letter}`")));
                }
                _ => return bad("is not `-` followed by one letter", None),
            }
        } else if parts.len() > 1 {
            return bad(
                "combines a positional argument with an option",
                Some(format!("write `--{part}` for an option")),
            );
        } else if is_word(part) {
            return Ok(ParamForm::Positional((*part).to_owned()));
        } else {
            return bad("may contain only letters, digits, `-` and `_`", None);
        }
    }
    Ok(ParamForm::Option { short, long })
}

impl std::fmt::Display for ParamType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ParamType::Str => "a string",
            ParamType::Int => "a whole number",
            ParamType::Float => "a number",
            ParamType::Bool => "`true` or `false`",
            ParamType::Path => "a path",
        })
    }
}
