//! Finds variables that a bash body reads and that nothing sets. A wrong warning costs more than a missing one, so only plain
//! `$NAME` and `${NAME}` count, and a text that is not understood is left alone.

use super::export::has_word;
use std::ops::Range;

/// The plain reads of variables that the text itself does not set, each name once, in the order of the text. Empty where
/// the text may set variables whose names are not in it.
pub(crate) fn reads(text: &str) -> Vec<(Range<usize>, &str)> {
    if is_opaque(text) {
        return Vec::new();
    }
    let mut found: Vec<(Range<usize>, &str)> = Vec::new();
    for (range, name) in expansions(text).unwrap_or_default() {
        if found.iter().all(|(_, known)| *known != name)
            && !is_set_in(text, name)
            && !is_asked_for(text, name)
        {
            found.push((range, name));
        }
    }
    found
}

/// The plain reads of variables that bash itself expands, in the order of the text.
pub(crate) fn plain_reads(text: &str) -> Vec<(Range<usize>, &str)> {
    expansions(text).unwrap_or_default()
}

/// Whether the text may give a variable another value.
pub(crate) fn may_set(text: &str, name: &str) -> bool {
    is_opaque(text) || is_set_in(text, name)
}

/// Whether bash sets this variable itself, or almost every environment has it.
pub(crate) fn is_everywhere(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "COLUMNS",
        "COPROC",
        "DIRSTACK",
        "EDITOR",
        "EPOCHREALTIME",
        "EPOCHSECONDS",
        "EUID",
        "FUNCNAME",
        "GROUPS",
        "HISTCMD",
        "HOME",
        "HOSTNAME",
        "HOSTTYPE",
        "IFS",
        "INPUT",
        "LANG",
        "LINENO",
        "LINES",
        "LOGNAME",
        "MACHTYPE",
        "MAPFILE",
        "OLDPWD",
        "OPTARG",
        "OPTERR",
        "OPTIND",
        "OSTYPE",
        "OUTCOME",
        "OUTPUT",
        "PARAMS",
        "PATH",
        "PIPESTATUS",
        "PPID",
        "PS1",
        "PS2",
        "PS3",
        "PS4",
        "PWD",
        "RANDOM",
        "REPLY",
        "SECONDS",
        "SHELL",
        "SHELLOPTS",
        "SHLVL",
        "SRANDOM",
        "TERM",
        "TMPDIR",
        "UID",
        "USER",
        "_",
        "CI",
    ];
    // What the runners of continuous integration set.
    const PREFIXES: &[&str] = &["BASH", "COMP_", "LC_", "OTTO_", "XDG_", "GITHUB_", "RUNNER_", "CI_"];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

const SETTERS: &[&str] = &[
    "coproc",
    "declare",
    "export",
    "for",
    "getopts",
    "let",
    "local",
    "mapfile",
    "printf",
    "read",
    "readarray",
    "readonly",
    "select",
    "typeset",
    "unset",
    "wait",
];

/// Whether variables may be set whose names are not in the text.
fn is_opaque(text: &str) -> bool {
    let is_edge = |before: Option<char>| {
        before.is_none_or(|before| {
            before.is_whitespace() || matches!(before, ';' | '&' | '|' | '(' | '{' | '"' | '\'')
        })
    };
    let sources = text.match_indices('.').any(|(place, _)| {
        let after = text[place + 1..].trim_start_matches(['"', '\'']).chars().next();
        is_edge(text[..place].chars().next_back())
            && after.is_none_or(|after| matches!(after, ' ' | '\t' | '\\'))
    });
    let composes = text.lines().any(|line| {
        let has_setter = SETTERS.iter().any(|setter| *setter != "for" && has_word(line, setter));
        let is_composed = |word: &str| {
            let name = word.split('=').next().unwrap_or("");
            name.contains(['$', '`'])
        };
        let is_reference = |word: &str| {
            let flags = word.strip_prefix('-').unwrap_or("");
            flags.chars().all(|flag| flag.is_ascii_alphabetic()) && flags.contains(['n', 'p'])
        };
        let declares = ["declare", "typeset", "local"].iter().any(|verb| has_word(line, verb));
        has_setter && line.split_whitespace().any(is_composed) && !has_word(line, "printf")
            || has_word(line, "printf") && line.contains("-v")
            || declares && line.split_whitespace().any(is_reference)
    });
    let runs_text = ["source", "eval", "alias", "enable", "command_not_found_handle"];
    sources || composes || runs_text.iter().any(|word| has_word(text, word)) || text.contains("@P}")
}

/// Whether the text sets a variable, in one of the ways in which its name is in the text.
fn is_set_in(text: &str, name: &str) -> bool {
    let by_assignment = words(text, name).any(|(before, after)| {
        let is_start = |before: char| {
            before.is_whitespace() || matches!(before, ';' | '&' | '|' | '(' | '{' | '"' | '\'' | '`')
        };
        let is_free = before.chars().next_back().is_none_or(is_start);
        let assigns = after.starts_with('=') || after.starts_with("+=") || after.starts_with('[');
        let opens = before.ends_with('{') && (after.starts_with("}>") || after.starts_with("}<"));
        let by_default = before.ends_with("${") && (after.starts_with('=') || after.starts_with(":="));
        is_free && assigns || opens || by_default
    });
    by_assignment
        || text.lines().any(|line| {
            let may_set = SETTERS.iter().any(|setter| has_word(line, setter)) || line.contains("((");
            may_set && words(line, name).any(|(before, _)| !before.ends_with('$') && !before.ends_with("${"))
        })
}

/// Whether the text looks whether the variable is set: then it may be missing.
fn is_asked_for(text: &str, name: &str) -> bool {
    words(text, name).any(|(before, after)| {
        let is_changed = before.ends_with("${") && !after.starts_with('}');
        let before = before.trim_end_matches(['{', '$', '"', '!', '#', ' ']);
        let asks = ["-n", "-z", "-v"].iter().any(|test| before.ends_with(test));
        is_changed || asks || before.ends_with("${!")
    })
}

/// What stands before and after each place where the text has `name` as a whole word.
fn words<'t>(text: &'t str, name: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> {
    let is_inside = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(name)
        .map(|(place, _)| (&text[..place], &text[place + name.len()..]))
        .filter(move |(before, after)| !before.ends_with(is_inside) && !after.starts_with(is_inside))
}

/// The plain `$NAME` and `${NAME}` that bash itself expands; `None` for a text that this reader does not follow.
fn expansions(text: &str) -> Option<Vec<(Range<usize>, &str)>> {
    #[derive(PartialEq)]
    enum Open {
        Quote,
        Brace,
        Paren,
    }
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    // Delimiters of the here-documents that begin on the next line.
    let mut documents: Vec<&str> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let in_quotes = open.last() == Some(&Open::Quote);
        match bytes[at] {
            b'\\' => at += 1,
            // In a `${…}` they mean something or nothing, by the operator and what is around it.
            b'\'' if open.last() == Some(&Open::Brace) => return None,
            b'\'' if !in_quotes => at += 1 + bytes[at + 1..].iter().position(|byte| *byte == b'\'')?,
            b'`' => return None,
            b'<' if !in_quotes && text[at..].starts_with("<<<") => at += 2,
            b'<' if !in_quotes && text[at..].starts_with("<<") => {
                let (delimiter, end) = delimiter(text, at + 2)?;
                documents.push(delimiter);
                at = end - 1;
            }
            // What is in a here-document is not looked at.
            b'\n' if !in_quotes && !documents.is_empty() => {
                for delimiter in documents.drain(..) {
                    at += 1 + end_of_document(text.get(at + 1..)?, delimiter)?;
                }
                continue;
            }
            b'#' if !in_quotes
                && open.last() != Some(&Open::Brace)
                && (at == 0 || bytes[at - 1].is_ascii_whitespace() || bytes[at - 1] == b';') =>
            {
                at += bytes[at..].iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len() - at);
                continue;
            }
            b'"' if in_quotes => drop(open.pop()),
            b'"' => open.push(Open::Quote),
            b'}' if open.last() == Some(&Open::Brace) => drop(open.pop()),
            b'(' if !in_quotes => open.push(Open::Paren),
            // The pattern of a `case` closes what nothing opened.
            b')' if !in_quotes && open.last() == Some(&Open::Paren) => drop(open.pop()),
            b'$' => match bytes.get(at + 1) {
                Some(b'(') => {
                    open.push(Open::Paren);
                    at += 1;
                }
                Some(b'\'' | b'"') if !in_quotes => return None,
                Some(b'{') => {
                    let start = at + 2;
                    let end = name_end(bytes, start);
                    if end > start && bytes.get(end) == Some(&b'}') && !bytes[start].is_ascii_digit() {
                        found.push((at..end + 1, &text[start..end]));
                        at = end;
                    } else {
                        open.push(Open::Brace);
                        at += 1;
                    }
                }
                Some(byte) if byte.is_ascii_alphabetic() || *byte == b'_' => {
                    let end = name_end(bytes, at + 1);
                    found.push((at..end, &text[at + 1..end]));
                    at = end - 1;
                }
                // `$#`, `$$` and the like.
                Some(_) => at += usize::from(!matches!(bytes[at + 1], b'"' | b'\\' | b'}' | b')')),
                None => {}
            },
            _ => {}
        }
        at += 1;
    }
    (open.is_empty() && documents.is_empty()).then_some(found)
}

/// The delimiter of a here-document after its `<<`, and where it ends.
fn delimiter(text: &str, start: usize) -> Option<(&str, usize)> {
    let rest = text[start..].strip_prefix('-').unwrap_or(&text[start..]).trim_start_matches([' ', '\t']);
    let start = text.len() - rest.len();
    let quote = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"'));
    let word = &rest[usize::from(quote.is_some())..];
    let length = word.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    let closes = match quote {
        Some(quote) => word[length..].starts_with(quote),
        None => !word[length..].starts_with(['\\', '$', '\'', '"', '-', '.']),
    };
    let end = start + length + 2 * usize::from(quote.is_some());
    (length > 0 && closes).then(|| (&word[..length], end))
}

/// Where the line ends that closes a here-document, from the beginning of its first line.
fn end_of_document(text: &str, delimiter: &str) -> Option<usize> {
    let mut place = 0;
    for line in text.split_inclusive('\n') {
        place += line.len();
        if line.trim_end_matches('\n').trim_start_matches('\t') == delimiter {
            return Some(place - usize::from(line.ends_with('\n')));
        }
    }
    None
}

fn name_end(bytes: &[u8], start: usize) -> usize {
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    start + bytes[start..].iter().take_while(is_name).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> String {
        reads(text).into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_variable_that_nothing_sets_is_found() {
        for (text, expected) in [
            ("echo $name", "name"),
            ("set -euo pipefail\necho \"version: ${version}\" # ${other}", "version"),
            ("for f in *; do cp \"$f\" \"$target/$f\"; done", "target"),
            ("x=1; echo $x $y $y", "y"),
            ("if [ \"$a\" = b ]; then echo \"$(cat \"$file\")\"; fi", "a file"),
            ("case $kind in a) echo $b;; esac", "kind b"),
            ("echo $((n + 1)) \"$x\"", "x"),
            ("make --version=$version", "version"),
            ("echo it\\'s $name", "name"),
            ("cat <<E > $file; cat <<-'F' $more\n$x it's\nE\n\t$y\n\tF\necho $name", "file more name"),
            ("cat <<< $name", "name"),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
    }

    #[test]
    fn whatever_may_set_it_or_expects_it_to_be_missing_keeps_quiet() {
        for text in [
            "name=1; echo $name",
            "name+=1; echo $name",
            "echo $name; a=2 name=1",
            "read -r name; echo $name",
            "while IFS= read -r line; do echo \"$line\"; done < f",
            "for name in a b; do echo $name; done",
            "for ((name = 0; name < 3; name++)); do echo $name; done",
            "select name in a; do echo $name; done",
            "getopts ab name; echo $name",
            "printf -v name %s x; echo $name",
            "printf -v \"$x\" y; x=1; echo $name",
            "mapfile -t name < f; echo $name",
            "declare -i name; echo $name",
            "local name; echo $name",
            "export name; echo $name",
            "((name = 2)); echo $name",
            "let name=2; echo $name",
            "name[1]=x; echo $name",
            "exec {name}> f; echo >&$name",
            ": ${name:=x}; echo $name",
            ": ${name:?needed}; echo $name",
            "echo ${name:-} $name",
            "[ -n \"$name\" ] && echo $name",
            "[[ -z ${name} ]] || echo $name",
            "source ./env; echo $name",
            ". ./env; echo $name",
            "[ -f env ] && . env\necho $name",
            "set -a; \".\" env; echo $name",
            "eval \"$(cat f)\"; echo $name",
            "export $(cat .env); echo $name",
            "declare \"$k=1\"; echo $name; k=1",
            "declare -n r=$n; n=1; echo $name",
            "read -r \"$k\"; k=1; echo $name",
            "awk '{print $name}' f",
            "bash -c 'echo $name'",
            "echo \\$name \"\\$name\"",
            "cat <<E\n$name\nE",
            "cat <<E\n$name\nF\necho $name",
            "echo $((1 << 2)) $name",
            "cat <<'E'\n$name\nE",
            "echo `echo $name`",
            "echo $'a\\'$name'",
            "echo 'open $name",
            "# $name",
            "echo $1 $# $? $$ $@ $* $! $-",
        ] {
            assert_eq!(names(text), "", "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_fail(text in "[a-z(){}\\[\\]$`'\"|&;<>#=\\\\ \\n!.-]{0,60}") {
            for (range, name) in reads(&text) {
                proptest::prop_assert!(text[range].contains(name));
            }
        }
    }
}
