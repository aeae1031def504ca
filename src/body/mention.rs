//! What the text of a shell body speaks of, so that a body gets no more of otto than it uses.
//! Reads words, not grammar: a word in a comment or a string counts too, which costs time and never data.

/// What a bash or POSIX shell body may touch. Everything false: the body needs nothing of otto.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mentions {
    /// `INPUT` as an array.
    pub(crate) input: bool,
    /// `OUTPUT` as an array.
    pub(crate) output: bool,
    /// `OUTPUT` assigned as a plain variable, not for other programs.
    pub(crate) plain_output: bool,
    /// `otto.set`, `otto_set`.
    pub(crate) set: bool,
    pub(crate) set_output: bool,
    /// `otto.get`, `otto_get`.
    pub(crate) get: bool,
    pub(crate) get_input: bool,
    pub(crate) deserialize_input: bool,
    /// `otto.save`, `otto_save`, `otto_serialize_output`.
    pub(crate) save: bool,
    /// Names with a dot: `otto.set`.
    pub(crate) dotted: bool,
    /// The array `OTTO_OUTPUT`.
    pub(crate) legacy_output: bool,
    /// The array `OTTO_INPUT`.
    pub(crate) legacy_input: bool,
    /// Variables `OTTO_INPUT_<TASK>_<KEY>`.
    pub(crate) legacy_variables: bool,
    /// May make or change an exported variable `OTTO_…`.
    pub(crate) export: bool,
    /// Says `export` or its like somewhere, so that the former is not just `OTTO_X=1 command`.
    pub(crate) export_verb: bool,
    /// Runs text that is not in the body: `source`, `.`, `eval`. Everything above may happen in it.
    pub(crate) opaque: bool,
    /// `trap`.
    pub(crate) trap: bool,
    /// `exec`.
    pub(crate) exec: bool,
    /// May switch `set -e` off, or options at all: `set`, `shopt`.
    pub(crate) options: bool,
    /// May change the mode of files to come.
    pub(crate) umask: bool,
    /// May switch POSIX mode on.
    pub(crate) posix: bool,
    /// Defines a function that is called `exit`.
    pub(crate) own_exit: bool,
    /// May define functions or aliases with the names of builtins, `exit` included.
    pub(crate) own_builtins: bool,
    /// Defines a function that is called `builtin`.
    pub(crate) own_builtin: bool,
    /// May take OUTPUT away: `unset`, `local OUTPUT`.
    pub(crate) takes_output: bool,
    /// `RED`, `NC` and the other colours, as `$RED` or `${RED}`.
    pub(crate) colours: bool,
}

impl Mentions {
    pub(crate) fn of(text: &str) -> Mentions {
        let mut found = Mentions::default();
        let bytes = text.as_bytes();
        let (mut input, mut output) = (Uses::default(), Uses::default());
        for word in Words::new(text) {
            let before = bytes[..word.start].last().copied();
            let after = bytes.get(word.end).copied();
            match &text[word.start..word.end] {
                "INPUT" => input.see(text, &word),
                "OUTPUT" => output.see(text, &word),
                "otto" if after == Some(b'.') => found.helper(&text[word.end + 1..], true),
                "OTTO_OUTPUT" => found.legacy_output = true,
                "OTTO_INPUT" => found.legacy_input = true,
                "source" | "eval" => found.opaque |= is_command(text, word.start),
                "trap" => found.trap |= is_command(text, word.start),
                "exec" => found.exec |= is_command(text, word.start),
                "set" | "shopt" => found.options |= is_command(text, word.start),
                "SHELLOPTS" => found.options = true,
                "umask" => found.umask = true,
                "posix" | "POSIXLY_CORRECT" => found.posix = true,
                "unset" => found.takes_output |= is_command(text, word.start),
                "alias" => found.own_builtins |= is_command(text, word.start),
                name if BUILTINS.contains(&name) && is_defined(text, &word) => {
                    found.own_builtins = true;
                    found.own_exit |= name == "exit";
                    found.own_builtin |= name == "builtin";
                }
                "export" | "declare" | "typeset" | "readonly" | "local" => {
                    found.export_verb = true;
                    // `export "$line"`: which variable that is, the text does not say.
                    let line = text[word.end..].lines().next().unwrap_or("");
                    found.export |= line
                        .split_whitespace()
                        .any(|word| word.trim_start_matches(['"', '\'']).starts_with(['$', '`']));
                }
                "allexport" => (found.export, found.export_verb) = (true, true),
                name if name.starts_with("otto_") => found.helper(&name["otto_".len()..], false),
                name if name.starts_with("OTTO_INPUT_") => found.legacy_variables = true,
                name if name.starts_with("OTTO_") => {
                    // `$OTTO_TASK_DIR` and `${OTTO_TASK_DIR%/*}` only read; `${OTTO_X:=…}` assigns.
                    let is_read = before == Some(b'$')
                        || (text[..word.start].ends_with("${")
                            && !matches!(&text[word.end..], rest if rest.starts_with('=') || rest.starts_with(":=")));
                    // otto's own names count only where they are exported: that is worth a word.
                    let line = text[..word.start].rsplit(['\n', ';']).next().unwrap_or("");
                    let is_own = super::export::is_reserved(name) && !line.contains("export");
                    found.export |= !is_read && !is_own;
                }
                name if COLOURS.iter().any(|(colour, _)| *colour == name) => {
                    found.colours |= before == Some(b'$') || text[..word.start].ends_with("${");
                }
                _ => {}
            }
        }
        found.opaque |= has_dot_command(text);
        found.input = input.is_array || input.is_named && !input.is_exported;
        found.output = output.is_array || output.is_named && !output.is_exported;
        found.plain_output = output.is_assigned && !output.is_exported;
        found.takes_output |= output.is_declared;
        found
    }

    fn helper(&mut self, name: &str, is_dotted: bool) {
        let name =
            name.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_')).next();
        match name.unwrap_or("") {
            "set" => self.set = true,
            "get" => self.get = true,
            "save" => self.save = true,
            "set_output" => self.set_output = true,
            "get_input" => self.get_input = true,
            "deserialize_input" => self.deserialize_input = true,
            "serialize_output" => self.save = true,
            _ => return,
        }
        self.dotted |= is_dotted;
    }

    /// May set outputs, in one way or another.
    pub(crate) fn may_hand_over(&self) -> bool {
        self.output
            || self.plain_output
            || self.sets()
            || self.save
            || self.legacy_output
            || self.export
            || self.opaque
    }

    /// Calls a function that sets.
    pub(crate) fn sets(&self) -> bool {
        self.set || self.set_output
    }

    /// Calls a function that knows the inputs.
    pub(crate) fn gets(&self) -> bool {
        self.get || self.get_input || self.deserialize_input
    }

    /// Sets outputs in words of the text itself, not only in what it may load or inherit.
    pub(crate) fn surely_hands_over(&self) -> bool {
        let exports = self.export && self.export_verb;
        self.output || self.plain_output || self.sets() || self.save || self.legacy_output || exports
    }

    /// May read inputs in a way that needs them in the shell.
    pub(crate) fn may_read(&self) -> bool {
        self.input || self.gets() || self.legacy_input || self.legacy_variables || self.opaque
    }
}

/// The colours that bodies have always had: the text that `echo -e` and `printf %b` turn into escapes.
pub(crate) const COLOURS: &[(&str, &str)] = &[
    ("RED", "\\033[0;31m"),
    ("GREEN", "\\033[0;32m"),
    ("YELLOW", "\\033[0;33m"),
    ("BLUE", "\\033[0;34m"),
    ("MAGENTA", "\\033[0;35m"),
    ("CYAN", "\\033[0;36m"),
    ("WHITE", "\\033[0;37m"),
    ("BOLD", "\\033[1m"),
    ("DIM", "\\033[2m"),
    ("NC", "\\033[0m"),
];

/// How a text uses a variable that has the name of one of otto's arrays.
#[derive(Default)]
struct Uses {
    /// `OUTPUT[`, `OUTPUT+=`, `OUTPUT=(`.
    is_array: bool,
    /// Only by its name: `declare -p OUTPUT`, `ref=OUTPUT`.
    is_named: bool,
    /// `OUTPUT=text`.
    is_assigned: bool,
    /// `export OUTPUT`: it is a variable of the body's own, for other programs.
    is_exported: bool,
    /// `local OUTPUT`, `declare -A OUTPUT`, `readonly OUTPUT`, `read OUTPUT`.
    is_declared: bool,
}

/// Builtins that a script of otto's relies on.
const BUILTINS: &[&str] = &[
    "builtin", "case", "command", "compgen", "declare", "eval", "exit", "printf", "read", "return", "set",
    "source", "trap", "true", "unset",
];

/// Whether the word is the name of a function that is defined here: `name ()`, `function name`.
fn is_defined(text: &str, word: &std::ops::Range<usize>) -> bool {
    text[word.end..].trim_start_matches([' ', '\t']).starts_with('(')
        || text[..word.start].trim_end_matches([' ', '\t']).ends_with("function")
}

impl Uses {
    fn see(&mut self, text: &str, word: &std::ops::Range<usize>) {
        let (before, rest) = (&text[..word.start], &text[word.end..]);
        let line = before.rsplit(['\n', ';', '&', '|']).next().unwrap_or("");
        let is_declaring = |word| {
            matches!(word, "local" | "declare" | "typeset" | "readonly" | "read" | "mapfile" | "readarray")
        };
        self.is_declared |= line.split_whitespace().any(is_declaring);
        if line.split_whitespace().any(|word| matches!(word, "export" | "-x")) {
            self.is_exported = true;
        } else if rest.starts_with(['[']) || rest.starts_with("+=") || rest.starts_with("=(") {
            self.is_array = true;
        } else if rest.starts_with('=') {
            self.is_assigned = true;
        } else if !before.ends_with('$') && !before.ends_with("${") && !before.ends_with("${#") {
            self.is_named = true;
        }
    }
}

/// Whether a word at `start` can be the name of a command.
fn is_command(text: &str, start: usize) -> bool {
    let before = text[..start].trim_end_matches([' ', '\t']);
    let Some(last) = before.bytes().last() else { return true };
    match last {
        b'\n' => !before.ends_with("\\\n"),
        // A backslash before a name only keeps it from being an alias.
        b';' | b'&' | b'|' | b'(' | b')' | b'{' | b'!' | b'`' | b'"' | b'\'' | b'\\' => true,
        _ => {
            let word = before.rsplit([' ', '\t', '\n', ';']).next().unwrap_or("");
            matches!(
                word,
                "then" | "do" | "else" | "elif" | "if" | "while" | "until" | "time" | "command" | "builtin"
            ) || word.contains('=')
        }
    }
}

/// `. file`.
fn has_dot_command(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().any(|(place, byte)| {
        *byte == b'.' && matches!(bytes.get(place + 1), Some(b' ' | b'\t')) && is_command(text, place)
    })
}

/// The identifiers of a text, as byte ranges.
struct Words<'a> {
    bytes: &'a [u8],
    place: usize,
}

impl<'a> Words<'a> {
    fn new(text: &'a str) -> Words<'a> {
        Words { bytes: text.as_bytes(), place: 0 }
    }
}

impl Iterator for Words<'_> {
    type Item = std::ops::Range<usize>;

    fn next(&mut self) -> Option<std::ops::Range<usize>> {
        let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
        let start = self.place + self.bytes[self.place..].iter().position(is_inside)?;
        let length = self.bytes[start..].iter().position(|byte| !is_inside(byte));
        let end = length.map_or(self.bytes.len(), |length| start + length);
        self.place = end;
        Some(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_body_mentions_nothing() {
        for body in [
            "cargo build --release\n",
            "find . -name '*.rs' | xargs wc -l",
            "docker build .\ntest . = .",
            "echo \"$OTTO_TASK_DIR\" ${OTTO_TASK_DIR%/*}",
            "echo $INPUT ${OUTPUT} # a plain variable is the body's own",
            "export OUTPUT=dist/app; make; printenv OUTPUT",
            "MY_OUTPUT[1]=x; cat source.txt evaluation",
            "find \\\n . -type f",
        ] {
            let found = Mentions::of(body);
            assert!(!found.may_hand_over() && !found.may_read(), "{body}: {found:?}");
        }
    }

    #[test]
    fn every_way_to_the_data_is_seen() {
        type Way = fn(&Mentions) -> bool;
        let ways: &[(&str, Way)] = &[
            ("echo ${INPUT[a.b]}", |found| found.input),
            ("for k in \"${!INPUT[@]}\"; do :; done", |found| found.input),
            ("declare -p INPUT", |found| found.input),
            ("declare -n in=INPUT", |found| found.input),
            ("OUTPUT[a]=1", |found| found.output),
            ("OUTPUT+=([a]=1)", |found| found.output),
            ("OUTPUT=oops", |found| found.plain_output && !found.output),
            ("otto.set a b", |found| found.set && found.dotted),
            ("x=$(otto.get a.b)", |found| found.get && found.dotted),
            ("otto_set_output a b", |found| found.set_output),
            ("otto_serialize_output", |found| found.save),
            ("OTTO_OUTPUT+=(\"a=b\")", |found| found.legacy_output),
            ("export OTTO_VERSION=1", |found| found.export),
            ("OTTO_VERSION=1\nexport OTTO_VERSION", |found| found.export),
            ("export \"$line\"", |found| found.export),
            ("export $(cat .env)", |found| found.export),
            ("source ./lib.sh", |found| found.opaque),
            ("[ -f x ] && . ./lib.sh", |found| found.opaque),
            ("if . lib.sh; then :; fi", |found| found.opaque),
            ("eval \"$(x)\"", |found| found.opaque),
            ("echo -e \"${RED}x$NC\"", |found| found.colours),
            ("exit() { :; }", |found| found.own_exit && found.own_builtins),
            ("function printf { :; }", |found| found.own_builtins),
            ("unset OUTPUT", |found| found.takes_output),
            ("f() { local -A OUTPUT; }", |found| found.takes_output),
        ];
        for (body, way) in ways {
            assert!(way(&Mentions::of(body)), "{body}: {:?}", Mentions::of(body));
        }
    }
}
