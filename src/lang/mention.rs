//! What the text of a shell body speaks of, so that a body gets no more of otto than it uses.
//! Reads words, not grammar: a word in a comment or a string counts too, which costs time and never data.

/// What a bash or POSIX shell body may touch. Everything false: the body needs nothing of otto.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mentions {
    /// `INPUT` as an array.
    pub(crate) input: bool,
    /// `OUTPUT` as an array, or assigned as a plain variable.
    pub(crate) output: bool,
    /// `otto.set`, `otto_set`, `otto_set_output`.
    pub(crate) set: bool,
    /// `otto.get`, `otto_get`, `otto_get_input`.
    pub(crate) get: bool,
    /// `otto.save`, `otto_save`, `otto_serialize_output`.
    pub(crate) save: bool,
    /// Names with a dot: `otto.set`.
    pub(crate) dotted: bool,
    /// `otto_set_output`, `otto_get_input`, `otto_deserialize_input`, `otto_serialize_output`.
    pub(crate) legacy: bool,
    /// The array `OTTO_OUTPUT`.
    pub(crate) legacy_output: bool,
    /// The array `OTTO_INPUT`.
    pub(crate) legacy_input: bool,
    /// May make an exported variable `OTTO_…`.
    pub(crate) export: bool,
    /// Runs text that is not in the body: `source`, `.`, `eval`. Everything above may happen in it.
    pub(crate) opaque: bool,
    /// `trap`.
    pub(crate) trap: bool,
    /// `exec`.
    pub(crate) exec: bool,
    /// May switch `set -e` off, or options at all: `set`, `shopt`.
    pub(crate) options: bool,
    /// Defines a function that is called `exit`.
    pub(crate) own_exit: bool,
    /// `RED`, `NC` and the other colours, as `$RED` or `${RED}`.
    pub(crate) colours: bool,
}

impl Mentions {
    pub(crate) fn of(text: &str) -> Mentions {
        let mut found = Mentions::default();
        let bytes = text.as_bytes();
        for word in Words::new(text) {
            let before = bytes[..word.start].last().copied();
            let after = bytes.get(word.end).copied();
            match &text[word.start..word.end] {
                "INPUT" => found.input |= is_array(bytes, word.start, word.end),
                "OUTPUT" => {
                    found.output |=
                        is_array(bytes, word.start, word.end) || is_assigned(text, word.start, word.end)
                }
                "otto" if after == Some(b'.') => found.helper(&text[word.end + 1..], true),
                "OTTO_OUTPUT" => found.legacy_output = true,
                "OTTO_INPUT" => found.legacy_input = true,
                "source" | "eval" => found.opaque |= is_command(text, word.start),
                "trap" => found.trap = true,
                "exec" => found.exec = true,
                "set" | "shopt" | "SHELLOPTS" => found.options = true,
                "exit" => {
                    let rest = text[word.end..].trim_start_matches([' ', '\t']);
                    let is_keyword_form = text[..word.start].trim_end().ends_with("function");
                    found.own_exit |= rest.starts_with('(') || is_keyword_form;
                }
                "export" | "declare" | "typeset" | "readonly" | "local" => {
                    // `export "$line"`: which variable that is, the text does not say.
                    let line = text[word.end..].lines().next().unwrap_or("");
                    found.export |= line
                        .split_whitespace()
                        .any(|word| word.trim_start_matches(['"', '\'']).starts_with(['$', '`']));
                }
                "allexport" => found.export = true,
                name if name.starts_with("otto_") => found.helper(&name["otto_".len()..], false),
                name if name.starts_with("OTTO_") => {
                    // `$OTTO_TASK_DIR` and `${OTTO_TASK_DIR%/*}` only read; `${OTTO_X:=…}` assigns.
                    let is_read = before == Some(b'$')
                        || (text[..word.start].ends_with("${")
                            && !matches!(&text[word.end..], rest if rest.starts_with('=') || rest.starts_with(":=")));
                    found.export |= !is_read && !name.starts_with("OTTO_INPUT_");
                }
                name if COLOURS.iter().any(|(colour, _)| *colour == name) => {
                    found.colours |= before == Some(b'$') || text[..word.start].ends_with("${");
                }
                _ => {}
            }
        }
        found.opaque |= has_dot_command(text);
        found
    }

    fn helper(&mut self, name: &str, is_dotted: bool) {
        let name =
            name.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_')).next();
        match name.unwrap_or("") {
            "set" => self.set = true,
            "get" => self.get = true,
            "save" => self.save = true,
            "set_output" => (self.set, self.legacy) = (true, true),
            "get_input" | "deserialize_input" => (self.get, self.legacy) = (true, true),
            "serialize_output" => (self.save, self.legacy) = (true, true),
            _ => return,
        }
        self.dotted |= is_dotted;
    }

    /// May set outputs, in one way or another.
    pub(crate) fn may_hand_over(&self) -> bool {
        self.output || self.set || self.save || self.legacy_output || self.export || self.opaque
    }

    /// May read inputs in a way that needs them in the shell.
    pub(crate) fn may_read(&self) -> bool {
        self.input || self.get || self.legacy_input || self.opaque
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

/// `INPUT[`, `INPUT+=(`, `declare -p INPUT`, `ref=INPUT`; not `$INPUT`, `INPUT=file`, `MY_INPUT`, `export INPUT`.
fn is_array(bytes: &[u8], start: usize, end: usize) -> bool {
    let rest = &bytes[end..];
    if rest.starts_with(b"[") || rest.starts_with(b"+=") || rest.starts_with(b"=(") {
        return true;
    }
    let before = &bytes[..start];
    let is_read = before.ends_with(b"$") || before.ends_with(b"${") || before.ends_with(b"${#");
    !is_read && !rest.starts_with(b"=") && !is_exported(before)
}

/// `OUTPUT=text` as a command of its own; not `export OUTPUT=text`, which makes a variable for other programs.
fn is_assigned(text: &str, start: usize, end: usize) -> bool {
    text[end..].starts_with('=') && !is_exported(&text.as_bytes()[..start])
}

fn is_exported(before: &[u8]) -> bool {
    let line = before.rsplit(|byte| matches!(byte, b'\n' | b';' | b'&' | b'|')).next().unwrap_or(b"");
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    words.any(|word| matches!(word, b"export" | b"-x"))
}

/// Whether a word at `start` can be the name of a command.
fn is_command(text: &str, start: usize) -> bool {
    let before = text[..start].trim_end_matches([' ', '\t']);
    let Some(last) = before.bytes().last() else { return true };
    match last {
        b'\n' => !before.ends_with("\\\n"),
        b';' | b'&' | b'|' | b'(' | b')' | b'{' | b'!' | b'`' | b'"' | b'\'' => true,
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
            "export OUTPUT=dist/app; make",
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
            ("OUTPUT=oops", |found| found.output),
            ("otto.set a b", |found| found.set && found.dotted),
            ("x=$(otto.get a.b)", |found| found.get && found.dotted),
            ("otto_set_output a b", |found| found.set && found.legacy),
            ("otto_serialize_output", |found| found.save && found.legacy),
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
            ("exit() { :; }", |found| found.own_exit),
        ];
        for (body, way) in ways {
            assert!(way(&Mentions::of(body)), "{body}: {:?}", Mentions::of(body));
        }
    }
}
