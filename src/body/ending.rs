//! Whether a status other than 0 at the end of a body of bash is that of a false test. `set -e` lets that pass, and it is no
//! failure, but much else ends a shell with the same status and leaves an older test as `$BASH_COMMAND`: a file that
//! cannot be opened, a variable that is not set. What follows is a proof in two parts: what the text says, and
//! what bash has to be asked at the end.

use super::grammar::{self, Commands, Failing, Head, HeadKind, Test, TestKind};
use std::collections::BTreeSet;

/// How the text of a shell script ends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum BodyEnd {
    /// Incomplete: the rest of a list or a pipeline, a quote, or the end of a here-document is missing.
    Unfinished,
    /// A failure may be that of a test.
    Tests(Proof),
    Other,
}

/// What must be true for a test to be the last command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proof {
    /// Only tests can have failed, regardless of what bash noted.
    pub(crate) is_alone: bool,
    /// Conditions of `[[ … ]]`.
    conditions: BTreeSet<String>,
    tests: Vec<Candidate>,
}

/// A command that may have been the last one.
#[derive(Clone, Debug, PartialEq)]
struct Candidate {
    /// Without what bash writes otherwise when it shows a command.
    shown: String,
    /// Of `[[ … ]]`, for a test that cannot be made again. `None`: it can.
    conditions: Option<BTreeSet<String>>,
}

impl BodyEnd {
    pub(crate) fn of(text: &str) -> BodyEnd {
        let end = grammar::end(text);
        if end.is_unfinished {
            return BodyEnd::Unfinished;
        }
        let own = ["[", "test", "[[", "(("];
        let has_own_test = end.found.functions.iter().any(|name| own.contains(&name.as_str()));
        // Aliases make another text of it, and a pattern that fits nothing may be an error.
        let is_odd = has_own_test || text.contains("alias") || text.contains("failglob");
        if is_odd || !matches!(end.passing, Failing::Tests | Failing::Noted) {
            return BodyEnd::Other;
        }
        // A function that the text does not show may stand for any command, and bash notes what it runs.
        if end.passing == Failing::Noted && may_define(text, &end.found) {
            return BodyEnd::Other;
        }
        let is_last = |start: usize, function: Option<usize>| match function {
            Some(_) => end.calls,
            None => start >= end.last,
        };
        proof(text, &end.found, &is_last, end.passing).map_or(BodyEnd::Other, BodyEnd::Tests)
    }

    /// Whether the text alone proves that a failure that `set -e` lets pass is that of a test. What ends the shell at once
    /// needs no proof.
    pub(crate) fn is_surely_a_test(&self) -> bool {
        match self {
            BodyEnd::Tests(proof) => {
                let asks = |condition: &String| !condition.starts_with("${");
                proof.is_alone && !proof.conditions.iter().any(asks)
            }
            BodyEnd::Unfinished | BodyEnd::Other => false,
        }
    }
}

/// Whether a text loads or composes another one.
fn may_define(text: &str, found: &Commands) -> bool {
    found.simple().any(|command| {
        let mut words = command.words.iter().map(|word| &text[word.clone()]);
        let name = words.find(|word| !grammar::is_assignment(word));
        name.is_some_and(|name| grammar::failing_of_a_command(name) == Failing::Anything)
    })
}

fn proof(
    text: &str,
    found: &Commands,
    is_last: &dyn Fn(usize, Option<usize>) -> bool,
    passing: Failing,
) -> Option<Proof> {
    let is_head_last = |head: &&Head| is_last(head.word.start, head.function);
    let mut conditions = BTreeSet::new();
    for head in found.heads.iter().filter(is_head_last) {
        conditions.extend(conditions_of(text, head)?);
    }
    // The shell may have ended there, with a test before it as the last command that was noted.
    let goes_on = |head: &Head| {
        let names = text.get(head.word.clone()).and_then(Required::of);
        head.kind != HeadKind::Odd && names.is_some_and(|names| names.0.is_empty())
    };
    // It may also have removed the trap that records its end.
    let may_end_before =
        text.contains("trap") || found.heads.iter().any(|head| !is_head_last(&head) && !goes_on(head));
    let whole = shown(text);
    let mut last: Vec<&Test> = Vec::new();
    for test in found.tests.iter().filter(|test| is_last(test.range.start, test.function)) {
        if !last.iter().any(|known| known.range == test.range) {
            last.push(test);
        }
    }
    let all: Vec<String> = last.iter().map(|test| shown(&text[test.range.clone()])).collect();
    let decoded: usize = all.iter().map(|shown| shown.matches("$'").count()).sum();
    // What is decoded may have been written in another way elsewhere.
    let may_be_elsewhere = may_end_before && whole.matches("$'").count() > decoded;
    let mut tests: Vec<Candidate> = Vec::new();
    for (test, shown) in last.iter().zip(&all) {
        let is_known = tests.iter().any(|known| known.shown == *shown);
        let same = all.iter().filter(|other| *other == shown).count();
        if is_known || shown.is_empty() || may_end_before && whole.matches(shown.as_str()).count() > same {
            continue;
        }
        let shown = if test.kind == TestKind::Part { format!("(({shown}))") } else { shown.clone() };
        let decoded = with_decoded_strings(&shown);
        if decoded != shown && (may_be_elsewhere || may_end_before && whole.contains(&decoded)) {
            continue;
        }
        if let Some(conditions) = repetition(test.kind, &text[test.range.clone()]) {
            tests.push(Candidate { shown: decoded, conditions });
        }
    }
    let is_alone =
        passing == Failing::Tests && last.iter().all(|test| goes_on_as_false(&text[test.range.clone()]));
    Some(Proof { is_alone, conditions, tests })
}

/// Whether nothing in a test ends its line, as a part of a string does that is none.
fn goes_on_as_false(test: &str) -> bool {
    let without_arithmetic = test.replace("$((", "(");
    Required::of(&without_arithmetic).is_some()
}

/// What has to be true if the test cannot be made again. `Some(None)`: it can. `None`: nobody can say.
fn repetition(kind: TestKind, test: &str) -> Option<Option<BTreeSet<String>>> {
    if kind == TestKind::Condition {
        return Some(Some(BTreeSet::new()));
    }
    if !["$(", "`", "<(", ">(", "${ ", "${|"].iter().any(|part| test.replace("$((", "((").contains(part)) {
        return Some(None);
    }
    let mut names = Required::of(test)?;
    if kind == TestKind::Part || test.starts_with("((") {
        names.learn_words(test);
    }
    Some(Some(names.conditions()))
}

/// What has to be true if nothing failed there. `None`: nobody can say.
fn conditions_of(text: &str, head: &Head) -> Option<BTreeSet<String>> {
    let word = text.get(head.word.clone())?;
    let start = match head.kind {
        HeadKind::Odd => return None,
        HeadKind::Word => return Some(Required::of(word)?.conditions()),
        HeadKind::Redirection { start } => start,
    };
    let operator = text.get(start..head.word.start)?.trim();
    let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    match operator {
        ">&" | "<&" if is_number => return (!text.contains("&-")).then(BTreeSet::new),
        _ if word == "/dev/null" => return Some(BTreeSet::new()),
        "<" | ">" if word.starts_with(['<', '>']) => return Some(BTreeSet::new()),
        _ => {}
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./\"${}@%+:~".contains(&byte);
    if !word.bytes().all(is_plain) || word.starts_with('&') {
        return None;
    }
    let mut conditions = Required::of(word)?.conditions();
    conditions.insert(match operator {
        "<" => format!("-r {word}"),
        ">" | ">>" | ">|" | "&>" | "&>>" => format!("-w {word} && ! -d {word} && $- != *C*"),
        _ => return None,
    });
    Some(conditions)
}

/// A command without what bash writes otherwise when it shows one.
fn shown(command: &str) -> String {
    let text: String =
        command.replace("\\\n", "").chars().filter(|c| !c.is_whitespace() && *c != ';').collect();
    text.replace("-n", "").replace("1>", ">")
}

/// A command with each `$'…'` as bash shows it: decoded and in plain quotes. One that is not understood stays, and then the
/// command is never what bash shows.
fn with_decoded_strings(command: &str) -> String {
    let mut text = String::with_capacity(command.len());
    let mut rest = command;
    let mut is_quoted = false;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            '"' => {
                is_quoted = !is_quoted;
                1
            }
            '\'' if !is_quoted => rest[1..].find('\'').map_or(rest.len(), |end| end + 2),
            '$' if !is_quoted && rest.starts_with("$'") => match decoded_string(&rest[2..]) {
                Some((decoded, length)) => {
                    text.push_str(&format!("'{}'", decoded.replace('\'', "'\\''")));
                    rest = &rest[2 + length..];
                    continue;
                }
                None => return command.to_owned(),
            },
            other => other.len_utf8(),
        };
        text.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    // Blanks and what else `shown` leaves out may come out of an escape.
    shown(&text)
}

/// What follows `$'`, decoded, and how much of it that is with the quote at its end. `None`: an escape that is not
/// understood, or no end.
fn decoded_string(rest: &str) -> Option<(String, usize)> {
    let mut decoded = String::new();
    let mut characters = rest.char_indices();
    loop {
        match characters.next()? {
            (place, '\'') => return Some((decoded, place + 1)),
            (_, '\\') => decoded.push(match characters.next()?.1 {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'a' => '\u{7}',
                'b' => '\u{8}',
                'v' => '\u{b}',
                'f' => '\u{c}',
                'e' | 'E' => '\u{1b}',
                same @ ('\\' | '\'' | '"' | '?') => same,
                _ => return None,
            }),
            (_, other) => decoded.push(other),
        }
    }
}

/// The parameters that have to be set if an expansion is to succeed.
#[derive(Debug, Default)]
struct Required(BTreeSet<String>);

impl Required {
    /// `None`: it may fail for another reason, or is not understood.
    fn of(word: &str) -> Option<Required> {
        let mut names = Required::default();
        let bytes = word.as_bytes();
        let mut is_quoted = false;
        let mut place = 0;
        while place < bytes.len() {
            match bytes[place] {
                b'\\' => place += 1,
                b'"' => is_quoted = !is_quoted,
                b'\'' if !is_quoted => place += 1 + word.get(place + 1..)?.find('\'')?,
                b'<' | b'>' if !is_quoted && bytes.get(place + 1) == Some(&b'(') => return None,
                b'`' => place = grammar::expansion_end(word, place) - 1,
                b'$' => {
                    let end = grammar::expansion_end(word, place);
                    place = names.learn(word.get(place + 1..)?, end - place - 1)? + place;
                }
                _ => {}
            }
            place += 1;
        }
        Some(names)
    }

    /// `rest` follows a `$`, and `length` of it belongs to the expansion. Returns how much that is.
    fn learn(&mut self, rest: &str, length: usize) -> Option<usize> {
        let first = rest.bytes().next().unwrap_or(b' ');
        let name =
            rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len();
        match first {
            b'(' if rest.starts_with("((") => None,
            b'(' | b'\'' => Some(length),
            b'{' => {
                self.braced(rest.get(1..length.checked_sub(1)?)?)?;
                Some(length)
            }
            b'!' | b'[' => None,
            b'0'..=b'9' => {
                self.0.insert(rest[..1].to_owned());
                Some(1)
            }
            _ if name > 0 => {
                self.0.insert(rest[..name].to_owned());
                Some(name)
            }
            // `$@`, `$#`, `$?`, a lone `$`.
            b'@' | b'*' | b'#' | b'?' | b'$' | b'-' => Some(1),
            _ => Some(0),
        }
    }

    /// The inside of `${ … }`.
    fn braced(&mut self, inner: &str) -> Option<()> {
        // The keys of an array.
        if inner.starts_with('!') && (inner.ends_with("[@]") || inner.ends_with("[*]")) {
            return Some(());
        }
        let inner = inner.strip_prefix('#').filter(|rest| !rest.is_empty()).unwrap_or(inner);
        let length =
            inner.len() - inner.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len();
        let (mut name, mut rest) = inner.split_at(length);
        let mut is_list = false;
        if name.is_empty() {
            rest = inner.strip_prefix(['@', '*'])?;
            is_list = true;
        } else if rest.starts_with('[') {
            let end = rest.find(']')?;
            let key = &rest[1..end];
            is_list = key == "@" || key == "*";
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
            if !is_list && (name != "INPUT" || key.is_empty() || !key.bytes().all(is_plain)) {
                return None;
            }
            name = &inner[..length + end + 1];
            rest = &rest[end + 1..];
        }
        let operator =
            rest.strip_prefix(':').filter(|rest| rest.starts_with(['-', '+', '='])).unwrap_or(rest);
        let is_optional = operator.starts_with(['-', '+', '=']);
        let is_part = rest.len() > 1 && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
        let is_known =
            is_optional || is_part || rest.is_empty() || rest.starts_with(['#', '%', '/', '^', ',']);
        if !is_known {
            return None;
        }
        if !is_optional && !is_list {
            self.0.insert(name.to_owned());
        }
        self.0.extend(Required::of(operator)?.0);
        Some(())
    }

    /// The names in an arithmetic expression.
    fn learn_words(&mut self, text: &str) {
        let mut rest = text.to_owned();
        while let Some(start) = rest.find(['$', '`']) {
            rest.replace_range(start..grammar::expansion_end(&rest, start), " ");
        }
        let words = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let is_name = |word: &&str| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        self.0.extend(words.filter(is_name).map(str::to_owned));
    }

    fn conditions(self) -> BTreeSet<String> {
        self.0.into_iter().map(|name| format!("${{{name}+x}}")).collect()
    }
}

impl Proof {
    /// What bash has to check before it looks at the last command.
    pub(crate) fn question(&self) -> String {
        question(&self.conditions)
    }

    /// Each command that may have been the last one, with what has to be asked then; nothing: itself.
    pub(crate) fn tests(&self) -> impl Iterator<Item = (&str, String)> {
        self.tests.iter().map(|test| {
            let again = test.conditions.as_ref().map(question).unwrap_or_default();
            (test.shown.as_str(), again)
        })
    }
}

fn question(conditions: &BTreeSet<String>) -> String {
    let conditions: Vec<&str> = conditions.iter().map(String::as_str).collect();
    match conditions.is_empty() {
        true => ":".to_owned(),
        false => format!("[[ {} ]]", conditions.join(" && ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    /// What has to be asked of a text that may end with a test, and of each command that may be the last one.
    fn outline(text: &str) -> String {
        match BodyEnd::of(text) {
            BodyEnd::Unfinished => "unfinished".to_owned(),
            BodyEnd::Other => "other".to_owned(),
            BodyEnd::Tests(proof) => {
                let of = if proof.is_alone { "tests" } else { "noted" };
                let tests =
                    proof.tests().map(|(shown, again)| format!("{shown} {again}").trim_end().to_owned());
                format!("{of}, {}: {}", proof.question(), tests.collect::<Vec<_>>().join(", "))
                    .trim_end()
                    .to_owned()
            }
        }
    }

    #[test]
    fn a_text_that_ends_with_a_test_is_known() {
        let tests = [
            "a\n[ -f x ] && y",
            "[ -f x ] && [ -f y ] && z # note\n\n",
            "for i in a b; do test $i && y; done",
            "if a; then [ x ] && y; else [[ x ]] && z; fi > /dev/null",
            "{ ((x)) && y; }",
            "case $x in a) [ x ] && y ;; *) b ;; esac",
            "! [ x ]",
            "a || [ x ] && y",
            "while a; do if b; then ! test x && y; fi; done",
            "[ x ] && { [ y ] && z; }",
            "f() { x; }; [ a ] && f",
            "f() { [ x ]; }; f && y",
            "{ [ x ]; } && y",
            "cat <<E\n[ x ]\nE\n[ x ] && y",
        ];
        let others = [
            "",
            "a",
            "[ x ]",
            "f && y",
            "[ x ] && a && b",
            "[ x ] && y || z",
            "[ x ] && y &",
            "! grep x f",
            "[ x ] && ! a",
            "a | b && y",
            "[ x ] | b && y",
            "( [ x ] && y )",
            "$x && y",
            "if a; then [ x ] && y; else b && c; fi",
            "test() { a; }; test x && y",
            "[ x ] && y )",
            "time [ x ] && y",
            "if a; then [ x ] && y; fi > log",
            "[ x ] > log && y",
            "[ x ] && f() { y; }",
            "for i in ${a:1:-2}; do [ x ] && y; done",
            "for 1 in a; do [ x ] && y; done",
            "case ${a:1:-2} in a) [ x ] && y ;; esac",
            "[ ${a:1:-2} ] && y",
            "shopt -s expand_aliases; alias y='{ :; } > f'; [ x ] && y",
        ];
        let unfinished = [
            "a &&",
            "a |\n",
            "true || # note",
            "echo \"a",
            "echo 'a",
            "x=$(a",
            "( a",
            "{ a",
            "if a; then b",
            "for i in a; do b",
            "case x in a) b",
            "cat <<E\na",
            "cat <<E",
            "f() { a",
        ];
        let is_wrong = |text: &&&str, right: bool| BodyEnd::of(text).is_surely_a_test() != right;
        assert_eq!(tests.iter().filter(|text| is_wrong(text, true)).collect::<Vec<_>>(), Vec::<&&str>::new());
        assert_eq!(
            others.iter().filter(|text| is_wrong(text, false)).collect::<Vec<_>>(),
            Vec::<&&str>::new()
        );
        for text in unfinished {
            assert_eq!(BodyEnd::of(text), BodyEnd::Unfinished, "{text}");
        }
    }

    #[test]
    fn what_the_text_cannot_prove_is_asked_at_the_end() {
        let texts = [
            "[ -f x ] && y",
            "a && [ x ] && y",
            "[ $x ] && $y && z",
            "for f in $files \"$@\" $(ls $x); do [ -n \"$f\" ] && y; done",
            "for f in ${a:-b} ${b#c} \"${c[@]}\" ${INPUT[d.e]} *.x; do [ x ] && y; done",
            "while IFS= read -r l; do [ $l = x ] && y; done < \"$file\"",
            "while read -r l; do a && [ x ] && y; done < f",
            "while [ x ]; do [[ $y -gt 3 ]] && z; done",
            "for ((i = 0; i < n; i++)); do [ $i = 9 ] && y; done",
            "{ [ x ] && y; } >> log 2>&1",
            "{ [ x ] && y; } > $(date)",
            "[ \"$(a; b)\" = \"$want\" ] && y",
            "[ \"$(a)\" = \"${want:0:7}\" ] && y",
            "[ \"$(a)\" = \"${want: -1}\" ] && y",
            "[[ ! $x && -n $y ]] 2>/dev/null && z",
            "(( n > $(a) )) && y",
            "[ x ]\nfor i in $no; do :; done\n[ x ] && y",
            "[ x ]\nfor i in $no; do :; done\n[ y ] && y",
            "[ x ]\nfor i in a; do :; done\n[ x ] && y",
            ". ./a; [ x ] && y",
            ". ./a; b && [ x ] && y",
            "[ $x = $'b' ] && y",
            "[[ $x == $'it\\'s\\n' ]] && y",
            "[ \"$x\" = $'\\x41' ] && y",
            "[ \"$'b'\" ] && y",
            "[ x = 'b' ]\nfor i in $no; do :; done\n[ x = $'b' ] && y",
        ];
        let all: Vec<String> = texts.iter().map(|text| format!("{text:?}\n    {}", outline(text))).collect();
        assert_snapshot!(all.join("\n"), @r#"
        "[ -f x ] && y"
            tests, :: [-fx]
        "a && [ x ] && y"
            noted, :: [x]
        "[ $x ] && $y && z"
            other
        "for f in $files \"$@\" $(ls $x); do [ -n \"$f\" ] && y; done"
            tests, [[ ${files+x} ]]: ["$f"]
        "for f in ${a:-b} ${b#c} \"${c[@]}\" ${INPUT[d.e]} *.x; do [ x ] && y; done"
            tests, [[ ${INPUT[d.e]+x} && ${b+x} ]]: [x]
        "while IFS= read -r l; do [ $l = x ] && y; done < \"$file\""
            tests, [[ ${file+x} && -r "$file" ]]: IFS=read-rl :, [$l=x]
        "while read -r l; do a && [ x ] && y; done < f"
            other
        "while [ x ]; do [[ $y -gt 3 ]] && z; done"
            other
        "for ((i = 0; i < n; i++)); do [ $i = 9 ] && y; done"
            tests, :: ((i=0)), ((i<n)), ((i++)), [$i=9]
        "{ [ x ] && y; } >> log 2>&1"
            tests, [[ -w log && ! -d log && $- != *C* ]]: [x]
        "{ [ x ] && y; } > $(date)"
            other
        "[ \"$(a; b)\" = \"$want\" ] && y"
            tests, :: ["$(ab)"="$want"] [[ ${want+x} ]]
        "[ \"$(a)\" = \"${want:0:7}\" ] && y"
            tests, :: ["$(a)"="${want:0:7}"] [[ ${want+x} ]]
        "[ \"$(a)\" = \"${want: -1}\" ] && y"
            noted, ::
        "[[ ! $x && -n $y ]] 2>/dev/null && z"
            tests, :: [[!$x&&$y]]
        "(( n > $(a) )) && y"
            tests, :: ((n>$(a))) [[ ${n+x} ]]
        "[ x ]\nfor i in $no; do :; done\n[ x ] && y"
            tests, ::
        "[ x ]\nfor i in $no; do :; done\n[ y ] && y"
            tests, :: [y]
        "[ x ]\nfor i in a; do :; done\n[ x ] && y"
            tests, :: [x]
        ". ./a; [ x ] && y"
            tests, :: [x]
        ". ./a; b && [ x ] && y"
            other
        "[ $x = $'b' ] && y"
            tests, :: [$x='b']
        "[[ $x == $'it\\'s\\n' ]] && y"
            tests, :: [[$x=='it'\''s']]
        "[ \"$x\" = $'\\x41' ] && y"
            tests, :: ["$x"=$'\x41']
        "[ \"$'b'\" ] && y"
            tests, :: ["$'b'"]
        "[ x = 'b' ]\nfor i in $no; do :; done\n[ x = $'b' ] && y"
            tests, ::
        "#);
    }
}
