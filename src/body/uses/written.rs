//! The values that a body writes out in so many words: `echo "$x"`, `printf '%s' "${INPUT[a.b]}"`, `print(INPUT["a.b"])`.
//! Knows nothing of secrets. A wrong answer costs more than a missing one, so a value counts only where it is surely
//! shown whole: not in a pipeline, a file, a substitution, a function or a comparison.

use super::shell::{key, subscript, verb};
use super::token::{LexemeKind, Tokens, tokens};
use crate::body::Language;
use crate::body::export::has_word;
use crate::body::grammar::{self, CommandKind, Commands};
use crate::body::lost::Shell;
use crate::body::unset;
use crate::ottofile::spec::Body;
use std::ops::Range;

/// A value that is written out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Written {
    pub(crate) what: WrittenValue,
    pub(crate) range: Range<usize>,
    /// The start of its command.
    pub(crate) anchor: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WrittenValue {
    /// A parameter or a variable of the environment.
    Variable(String),
    /// `TASK.KEY`, as written.
    Input(String),
}

/// The values that a body prints, in the order of its text.
pub(crate) fn written(body: &Body) -> Vec<Written> {
    let text = body.text.as_str();
    let mut found = match Language::of(body) {
        Language::Bash | Language::Posix => in_shell(text, Shell::of(body)),
        Language::Python => in_python(text),
        Language::Other => Vec::new(),
    };
    found.sort_by_key(|written| written.range.start);
    found
}

fn in_shell(text: &str, shell: Shell) -> Vec<Written> {
    if !["echo", "printf"].iter().any(|verb| has_word(text, verb)) || has_word(text, "exec") {
        return Vec::new();
    }
    let found = match shell {
        Shell::Bash => grammar::commands(text),
        Shell::Posix { has_lastpipe } => grammar::commands_of(text, has_lastpipe),
    };
    if found.functions.iter().any(|name| ["echo", "printf"].contains(&name.as_str())) || is_redirected(text) {
        return Vec::new();
    }
    let mut written = Vec::new();
    for (command, words) in shown_words(text, &found) {
        for (range, name) in unset::plain_reads(text) {
            if words.iter().any(|word| contains(word, &range)) && is_direct(&found, &range) {
                let what = WrittenValue::Variable(name.to_owned());
                written.push(Written { what, range, anchor: command });
            }
        }
        if shell != Shell::Bash {
            continue;
        }
        let parameters = found.commands.iter().filter(|command| command.kind == CommandKind::Parameter);
        for range in parameters.flat_map(|command| &command.words) {
            let inside = text.get(range.clone()).and_then(|inside| inside.strip_prefix("INPUT["));
            let Some((inside, "")) = inside.and_then(subscript) else { continue };
            let is_shown = words.iter().any(|word| contains(word, range)) && is_direct(&found, range);
            if let Some(path) = key(inside).filter(|_| is_shown) {
                written.push(Written {
                    what: WrittenValue::Input(path),
                    range: range.clone(),
                    anchor: command,
                });
            }
        }
    }
    written
}

/// The words that `echo` and `printf` surely show, with the start of the command.
fn shown_words<'a>(
    text: &'a str,
    found: &'a Commands,
) -> impl Iterator<Item = (usize, &'a [Range<usize>])> + 'a {
    found.simple().filter_map(move |command| {
        let (verb, rest, start) = verb(text, command)?;
        let first = command.words.iter().position(|word| word.start == start)?;
        let words = &command.words[first + 1..];
        let is_shown = match verb {
            "echo" => true,
            "printf" => rest.first() != Some(&"-v"),
            _ => false,
        };
        let is_here = command.copy.is_none() && command.function.is_none();
        // A service that runs otto is told of a secret by this.
        let is_mask = rest.iter().any(|word| word.contains("::add-mask::"));
        (is_shown && is_here && !is_mask && !has_file(text, &command.words)).then_some((start, words))
    })
}

/// Whether a command writes anywhere but where the script does.
fn has_file(text: &str, words: &[Range<usize>]) -> bool {
    let between = words.windows(2).map(|pair| pair[0].end..pair[1].start);
    let last = words.last().map_or(0, |word| word.end);
    let line_end = text[last..].find(['\n', ';', '#']).map_or(text.len(), |end| last + end);
    let first = words.first().map_or(0, |word| word.start);
    let line_start = text[..first].rfind(['\n', ';']).map_or(0, |end| end + 1);
    between.chain([line_start..first, last..line_end]).any(|gap| {
        let gap = text.get(gap).unwrap_or("").replace(">&2", "").replace(">&1", "");
        gap.contains('>')
    })
}

/// Whether the output of some compound command goes into a file.
fn is_redirected(text: &str) -> bool {
    ["}", ")", "done", "fi", "esac"].iter().any(|end| {
        text.match_indices(end).any(|(place, _)| {
            let rest = text[place + end.len()..].trim_start_matches([' ', '\t']);
            rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '&').starts_with('>')
        })
    })
}

fn contains(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// Whether a place is in no `$( … )`.
fn is_direct(found: &Commands, range: &Range<usize>) -> bool {
    !found.substitutions.iter().any(|substitution| contains(substitution, range))
}

fn in_python(text: &str) -> Vec<Written> {
    let moves = ["redirect_stdout", "def print", "sys.stdout", "StringIO"];
    if !has_word(text, "print") || moves.iter().any(|word| text.contains(word)) {
        return Vec::new();
    }
    let Some(found) = tokens(text) else { return Vec::new() };
    let reader = Calls { text, found: &found };
    let is_call = |place: &usize| {
        reader.is(*place, "print") && reader.is(place + 1, "(") && (*place == 0 || !reader.is(place - 1, "."))
    };
    (0..found.tokens.len()).filter(is_call).flat_map(|place| reader.arguments(place)).collect()
}

struct Calls<'a> {
    text: &'a str,
    found: &'a Tokens,
}

impl<'a> Calls<'a> {
    fn word(&self, place: usize) -> &'a str {
        self.found.tokens.get(place).and_then(|token| self.text.get(token.range.clone())).unwrap_or("")
    }

    fn is(&self, place: usize, word: &str) -> bool {
        self.word(place) == word
            && self.found.tokens.get(place).is_some_and(|token| token.kind != LexemeKind::Text)
    }

    /// The values among the arguments of a `print`.
    fn arguments(&self, print: usize) -> Vec<Written> {
        let outer = self.found.tokens[print].depth;
        let depth = |place: usize| self.found.tokens[place].depth;
        let inside: Vec<usize> =
            (print + 2..self.found.tokens.len()).take_while(|place| depth(*place) > outer).collect();
        let decides = ["in", "is", "not", "and", "or", "if", "==", "!=", "<", ">", "<=", ">="];
        let is_odd = |place: &usize| {
            depth(*place) == outer + 1
                && (self.is(*place, "file") && self.is(place + 1, "=")
                    || decides.contains(&self.word(*place)))
        };
        if inside.iter().any(is_odd) {
            return Vec::new();
        }
        let anchor = self.found.tokens[print].range.start;
        let value = |place: &usize| {
            let is_argument = depth(*place) == outer + 1 && (self.is(place - 1, ",") || *place == print + 2);
            let is_field = depth(*place) == outer + 2
                && self.is(place - 1, "{")
                && self.found.tokens[place - 2].kind == LexemeKind::Odd;
            let (what, end) = self.value(*place).filter(|_| is_argument || is_field)?;
            let is_whole = [",", ")", "}"].iter().any(|after| self.is(end, after));
            let range = self.found.tokens[*place].range.start..self.found.tokens[end - 1].range.end;
            is_whole.then_some(Written { what, range, anchor })
        };
        inside.iter().filter_map(value).collect()
    }

    /// `INPUT["a.b"]`, `INPUT["a"]["b"]`, `PARAMS["x"]`, `os.environ["X"]`, and the place after it.
    fn value(&self, place: usize) -> Option<(WrittenValue, usize)> {
        let (mut at, is_input) = match self.word(place) {
            "INPUT" => (place + 1, true),
            "PARAMS" => (place + 1, false),
            "os" if self.is(place + 1, ".") && self.is(place + 2, "environ") => (place + 3, false),
            _ => return None,
        };
        let mut path: Vec<&str> = Vec::new();
        while self.is(at, "[") && self.is(at + 2, "]") {
            let token = self.found.tokens.get(at + 1).filter(|token| token.kind == LexemeKind::Text)?;
            path.push(self.text.get(token.range.clone())?.trim_matches(['"', '\'']));
            at += 3;
        }
        match (is_input, path.as_slice()) {
            (_, []) => None,
            (true, path) => Some((WrittenValue::Input(path.join(".")), at)),
            (false, [name]) => Some((WrittenValue::Variable((*name).to_owned()), at)),
            (false, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(found: Vec<Written>) -> String {
        let one = |written: Written| match written.what {
            WrittenValue::Variable(name) => name,
            WrittenValue::Input(path) => format!("INPUT {path}"),
        };
        found.into_iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn shell(text: &str) -> String {
        shown(in_shell(text, Shell::Bash))
    }

    #[test]
    fn what_a_shell_writes_out_is_found() {
        for (text, wanted) in [
            ("echo \"$a\"", "a"),
            ("echo x ${a}y \"${INPUT[t.k]}\"", "a, INPUT t.k"),
            ("printf '%s\\n' \"a $a\" >&2", "a"),
            ("if true; then command echo \"$a\"; fi", "a"),
            ("true && echo \"$a\" || echo '$b' \\$c", "a"),
        ] {
            assert_eq!(shell(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_a_shell_passes_on_or_only_looks_at_is_not_written_out() {
        for text in [
            "echo \"$a\" | docker login --password-stdin",
            "echo \"$a\" > file",
            "echo \"$a\" >> \"$HOME/x\"; echo",
            "> file echo \"$a\"",
            "echo >file \"$a\"",
            "{ echo \"$a\"; } > file",
            "if x; then echo \"$a\"; fi 2>&1 | cat",
            "for x in y; do echo \"$a\"; done > file",
            "exec > file; echo \"$a\"",
            "x=$(echo \"$a\")",
            "echo \"$(f \"$a\" \"${INPUT[t.k]}\")\"",
            "echo `f \"$a\"`",
            "echo \"${#INPUT[t.k]} ${INPUT[t.k]:+set} ${INPUT[t.k]:0:2} ${#a} ${a:+set} ${a:0:2}\"",
            "echo \"::add-mask::$a\"",
            "printf -v x %s \"$a\"",
            "f() { echo \"$a\"; }; f | cat",
            "echo() { :; }; echo \"$a\"",
            "cat <<< \"$a\"",
            "cat <(echo \"$a\")",
            "curl -H \"Bearer $a\" # echo \"$a\"",
        ] {
            assert_eq!(shell(text), "", "{text}");
        }
    }

    #[test]
    fn what_python_writes_out_is_found() {
        for (text, wanted) in [
            ("print(INPUT[\"t.k\"])", "INPUT t.k"),
            ("print('x', INPUT['t']['k'], PARAMS[\"p\"])", "INPUT t.k, p"),
            ("if x:\n    print(f\"a {INPUT['t.k']!r} b\", os.environ[\"E\"])", "INPUT t.k, E"),
        ] {
            assert_eq!(shown(in_python(text)), wanted, "{text}");
        }
        for text in [
            "print(len(INPUT[\"t.k\"]))",
            "print(\"x\" in INPUT[\"t.k\"])",
            "print(INPUT[\"t.k\"] == PARAMS[\"p\"])",
            "print(\"a\" if INPUT[\"t.k\"] else \"b\")",
            "print(INPUT[\"t.k\"], file=f)",
            "print(INPUT[\"t.k\"][:2])",
            "print(f\"{len(INPUT['t.k'])}\")",
            "print(hash(f\"{INPUT['t.k']}\"))",
            "self.print(INPUT[\"t.k\"])",
            "with redirect_stdout(f):\n    print(INPUT[\"t.k\"])",
            "print('INPUT[\"t.k\"]')",
        ] {
            assert_eq!(shown(in_python(text)), "", "{text}");
        }
    }
}
