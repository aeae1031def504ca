//! What the variables in a text of a shell may hold, as far as the text itself says so.
//! Pure, and without regard to order: every value that a variable is ever given counts.

use super::grammar::{self, CommandKind, Commands};
use std::collections::{HashMap, HashSet};

/// Stands for text that cannot be known, in a value.
pub(crate) const UNKNOWN: char = '\0';
/// Stands for an argument of the function in which a value is used.
pub(crate) const ARGUMENT: char = '\u{1}';

/// Values that one word may have beyond this are not told apart.
const MOST_VALUES: usize = 8;

#[derive(Debug, Default)]
pub(crate) struct Names {
    values: HashMap<String, Vec<String>>,
    /// The words of each array, in order.
    lists: HashMap<String, Vec<String>>,
    /// Names that stand for other variables, and what they may stand for.
    pub(crate) references: HashMap<String, Vec<String>>,
    /// Variables whose values are arithmetic.
    pub(crate) integers: HashSet<String>,
    /// Variables that the text exports.
    pub(crate) exported: HashSet<String>,
    /// `set -a`: whatever is set is exported.
    pub(crate) exports_all: bool,
    /// Functions inherit the traps for DEBUG and RETURN.
    pub(crate) traces: bool,
    /// The text spells OUTPUT, or parts that make it up, other than by setting and reading its keys.
    pub(crate) may_compose: bool,
    /// The same of names that begin with `OTTO_`.
    pub(crate) may_compose_exports: bool,
}

impl Names {
    pub(crate) fn of(text: &str, found: &Commands) -> Names {
        let mut names = Names::default();
        let runs = || text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let folds = ["^", "@U", "-u", "tr "].iter().any(|mark| text.contains(mark));
        names.may_compose = has_bare_name(text) || runs().any(|run| is_part("OUTPUT", run, folds));
        names.may_compose_exports = runs().any(|run| run == "OTTO" || run == "OTTO_");
        for command in &found.commands {
            let words: Vec<&str> = command.words.iter().filter_map(|word| text.get(word.clone())).collect();
            match command.kind {
                CommandKind::Simple => names.learn(&words),
                CommandKind::Loop => {
                    let values = words.iter().skip(2).flat_map(|word| names.expand(word)).collect();
                    let Some(name) = words.first() else { continue };
                    names.add(name, values);
                }
                CommandKind::Arithmetic
                | CommandKind::Condition
                | CommandKind::Parameter
                | CommandKind::Text => {}
            }
        }
        names
    }

    fn learn(&mut self, words: &[&str]) {
        let count = words.iter().take_while(|word| grammar::is_assignment(word)).count();
        for word in &words[..count] {
            self.learn_assignment(word);
        }
        let Some(verb) = words.get(count).and_then(|word| self.expand(word).into_iter().next()) else {
            return;
        };
        let rest = &words[count + 1..];
        let flags: String =
            rest.iter().filter(|word| word.starts_with('-')).flat_map(|word| word.chars()).collect();
        match verb.as_str() {
            "command" | "builtin" => {
                let rest: Vec<&str> = rest.iter().skip_while(|word| word.starts_with('-')).copied().collect();
                self.learn(&rest);
            }
            "declare" | "typeset" | "local" | "export" | "readonly" | "nameref" | "integer" => {
                for word in rest.iter().filter(|word| !word.starts_with('-')) {
                    for value in self.expand(word) {
                        let (name, set) = value.split_once('=').unwrap_or((&value, ""));
                        if flags.contains('n') && verb != "export" || verb == "nameref" {
                            let targets = self.references.entry(name.to_owned()).or_default();
                            targets.extend((!set.is_empty()).then(|| set.to_owned()));
                            continue;
                        }
                        if flags.contains('i') || verb == "integer" {
                            self.integers.insert(name.to_owned());
                        }
                        if verb == "export" && !flags.contains('n') || flags.contains('x') {
                            self.exported.insert(name.trim_end_matches('+').to_owned());
                        }
                    }
                    self.learn_assignment(word);
                }
            }
            "set" => {
                self.exports_all |= flags.contains('a') || rest.contains(&"allexport");
                self.traces |= flags.contains('T') || rest.contains(&"functrace");
            }
            "shopt" => self.traces |= rest.contains(&"extdebug"),
            "read" | "mapfile" | "readarray" | "getopts" => {
                for word in rest {
                    self.add(word, vec![UNKNOWN.to_string()]);
                }
            }
            "printf" if rest.first() == Some(&"-v") => {
                // Of the usual formats, which put strings one after another.
                let words: Vec<String> =
                    rest.iter().skip(3).filter_map(|word| self.expand(word).pop()).collect();
                let format = rest.get(2).and_then(|word| self.expand(word).pop()).unwrap_or_default();
                let joined = match format.replace("%s", "").is_empty() {
                    true => words.concat(),
                    false if format.contains('%') => UNKNOWN.to_string(),
                    false => format,
                };
                if let Some(name) = rest.get(1) {
                    self.add(name, vec![joined]);
                }
            }
            _ => {}
        }
    }

    fn learn_assignment(&mut self, word: &str) {
        // `declare "name=value"`: the quotes are round the whole word.
        let quote = word.chars().next().filter(|first| ['"', '\''].contains(first));
        let bare = quote.map_or(word, |quote| word.trim_matches(quote));
        let Some((name, value)) = bare.split_once('=').filter(|(name, _)| !name.contains('[')) else {
            return;
        };
        let (name, appends) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
        if let Some(list) = value.strip_prefix('(') {
            let words = list.trim_end_matches(')').split_whitespace();
            let words: Vec<String> = words.flat_map(|word| self.expand(word)).collect();
            self.lists.entry(name.to_owned()).or_default().extend(words.clone());
            return;
        }
        let mut values = self.expand(value);
        if let Some(quote) = quote {
            values = self.expand(&format!("{quote}{value}{quote}"));
        }
        if appends {
            let before = self.values.get(name).cloned().unwrap_or_else(|| vec![String::new()]);
            values = before
                .iter()
                .flat_map(|first| values.iter().map(move |second| format!("{first}{second}")))
                .collect();
        }
        if self.references.get(name).is_some_and(Vec::is_empty) {
            self.references.insert(name.to_owned(), values);
            return;
        }
        self.add(name, values);
    }

    fn add(&mut self, name: &str, values: Vec<String>) {
        let known = self.values.entry(name.trim_matches(['"', '\'']).to_owned()).or_default();
        for value in values {
            if !known.contains(&value) && known.len() < MOST_VALUES {
                known.push(value);
            }
        }
    }

    pub(crate) fn values(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], |values| values)
    }

    /// What a word may be when the shell has expanded it.
    pub(crate) fn expand(&self, word: &str) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut quote = None;
        let mut place = 0;
        while let Some(character) = word[place..].chars().next() {
            let mut length = character.len_utf8();
            match (character, quote) {
                ('\'', None) | ('"', None) => quote = Some(character),
                ('\'', Some('\'')) | ('"', Some('"')) => quote = None,
                (_, Some('\'')) => push(&mut all, character),
                ('\\', _) => {
                    let next = word[place + 1..].chars().next();
                    length += next.map_or(0, char::len_utf8);
                    match next {
                        Some('\n') | None => {}
                        Some(next) => {
                            if quote.is_some() && !"$`\"\\".contains(next) {
                                push(&mut all, '\\');
                            }
                            push(&mut all, next);
                        }
                    }
                }
                ('$', None) if word[place + 1..].starts_with('\'') => {}
                ('$', _) | ('`', _) => {
                    let (values, end) = self.expansion(word, place);
                    length = end - place;
                    let more: Vec<String> = all
                        .iter()
                        .flat_map(|first| values.iter().map(move |second| format!("{first}{second}")))
                        .take(MOST_VALUES)
                        .collect();
                    all = more;
                }
                _ => push(&mut all, character),
            }
            place += length;
        }
        all
    }

    /// The values of the `$…` at `place`, and its end.
    fn expansion(&self, word: &str, place: usize) -> (Vec<String>, usize) {
        let rest = &word[place + 1..];
        let unknown = vec![UNKNOWN.to_string()];
        if word[place..].starts_with('`') || rest.starts_with('(') {
            return (unknown, grammar::expansion_end(word, place));
        }
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if let Some(inner) = rest.strip_prefix('{') {
            let end = grammar::expansion_end(word, place);
            let inner = &inner[..inner.len().min((end - place).saturating_sub(3))];
            let name = inner.strip_suffix("[@]").or_else(|| inner.strip_suffix("[*]")).unwrap_or(inner);
            let values = match (self.lists.get(name), name.chars().all(is_of_name)) {
                (Some(list), _) if name.len() < inner.len() => list.clone(),
                (_, true) => self.value(name),
                _ if inner.starts_with(|c: char| c.is_ascii_digit() || "@*".contains(c)) => {
                    vec![ARGUMENT.to_string()]
                }
                _ => unknown,
            };
            return (values, end);
        }
        let first = rest.chars().next();
        match first {
            Some(first) if first.is_ascii_digit() || "@*".contains(first) => {
                (vec![ARGUMENT.to_string()], place + 2)
            }
            Some(first) if is_of_name(first) => {
                let length = rest.find(|c: char| !is_of_name(c)).unwrap_or(rest.len());
                (self.value(&rest[..length]), place + 1 + length)
            }
            Some(first) if "#?-$!".contains(first) => (unknown, place + 2),
            _ => (vec!["$".to_owned()], place + 1),
        }
    }

    fn value(&self, name: &str) -> Vec<String> {
        match (name.bytes().all(|byte| byte.is_ascii_digit()), self.values.get(name)) {
            (true, _) => vec![ARGUMENT.to_string()],
            (_, Some(values)) if !values.is_empty() => values.clone(),
            _ => vec![UNKNOWN.to_string()],
        }
    }
}

fn push(all: &mut [String], character: char) {
    all.iter_mut().for_each(|text| text.push(character));
}

/// Whether a run of letters is a part of `whole` that something else may complete.
fn is_part(whole: &str, run: &str, folds: bool) -> bool {
    let run = if folds { run.to_ascii_uppercase() } else { run.to_owned() };
    let is_whole = run == whole && folds;
    is_whole || (2..whole.len()).contains(&run.len()) && (whole.starts_with(&run) || whole.ends_with(&run))
}

/// Whether `OUTPUT` stands in the text without a subscript.
fn has_bare_name(text: &str) -> bool {
    text.match_indices("OUTPUT").any(|(place, name)| {
        let is_inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let rest = &text[place + name.len()..];
        !text[..place].ends_with(is_inside) && !rest.starts_with(is_inside) && !rest.starts_with('[')
    })
}

/// Whether a value with unknown parts may be `text`.
pub(crate) fn matches(value: &str, text: &str) -> bool {
    let Some(first) = value.chars().next() else { return text.is_empty() };
    let rest = &value[first.len_utf8()..];
    match first {
        UNKNOWN | ARGUMENT => {
            let mut places = text.char_indices().map(|(place, _)| place).chain([text.len()]);
            places.any(|place| matches(rest, &text[place..]))
        }
        _ => text.strip_prefix(first).is_some_and(|text| matches(rest, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, word: &str) -> String {
        let found = grammar::commands(text);
        let all = Names::of(text, &found).expand(word);
        all.join("|").replace(UNKNOWN, "?").replace(ARGUMENT, "#")
    }

    #[test]
    fn words_are_put_together_as_the_shell_would() {
        assert_eq!(values("n=OUT; n+=PUT", "\"$n[k]\""), "OUT[k]|OUTPUT[k]");
        assert_eq!(values("for n in a 'b c'; do x; done", "${n}-$(date)-$1-'$n'"), "a-?-#-$n|b c-?-#-$n");
        assert_eq!(values("read -r n; local m=x", "$n$m\"\\$m\"$"), "?x$m$");
        assert_eq!(values("all=(one two)", "\"${all[@]}\" "), "one |two ");
        assert_eq!(values("printf -v n '%s%s' OUT PUT", "$n"), "OUTPUT");
        assert_eq!(values("", "${x:-y}`z`\"$@\""), "??#");
    }

    #[test]
    fn an_unknown_part_may_be_any_text() {
        assert!(matches("\0PUT", "OUTPUT") && matches("OUT\u{1}", "OUTPUT") && matches("\0", "OUTPUT"));
        assert!(!matches("\0_K", "OUTPUT") && !matches("OUT", "OUTPUT"));
    }
}
