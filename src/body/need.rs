//! What a shell body needs of otto. The text may only be used to leave out what provably cannot matter, so this reader is
//! strict: it follows the plain part of the language and gives up on everything else, and a body on which it gives up gets
//! all there is.

use super::export::has_word;

/// What a bash or POSIX shell body may touch. Everything false: the body needs nothing of otto.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// INPUT and OUTPUT.
    pub(crate) arrays: bool,
    /// otto's functions.
    pub(crate) calls: bool,
    /// May make variables that are outputs: it exports, or makes names that are not in the text.
    pub(crate) exports: bool,
    /// The reader gave up: unseen text may run, traps may be set, builtins may be other than they are.
    pub(crate) opaque: bool,
    /// OUTPUT is a variable of the body's own, exported for other programs.
    pub(crate) own_output: bool,
    /// The same of INPUT.
    pub(crate) own_input: bool,
    /// `RED`, `NC` and the other colours, as `$RED` or `${RED}`.
    pub(crate) colours: bool,
}

impl Needs {
    pub(crate) fn of(text: &str) -> Needs {
        let mut reader = Reader { text, bytes: text.as_bytes(), place: 0, level: 0, needs: Needs::default() };
        let is_read = reader.list(false).is_some();
        let mut needs = reader.needs;
        if !is_read {
            needs = Needs::default().with_everything();
        }
        // Every name that no piece of text composed is in the text.
        needs.arrays |= needs.exports || text.contains("INPUT") || text.contains("OUTPUT");
        needs.calls |= text.contains("otto_") || text.contains("otto.");
        if text.contains("POSIX") {
            needs = needs.with_everything();
        }
        needs.own_output = is_own(text, "OUTPUT");
        needs.own_input = is_own(text, "INPUT");
        for (place, _) in text.match_indices("OTTO_") {
            let before = &text[..place];
            let is_read = before.ends_with('$') || before.ends_with("${");
            needs.exports |= !is_read;
            needs.calls |= text[place..].starts_with("OTTO_INPUT");
        }
        needs.colours = COLOURS.iter().any(|(name, _)| {
            text.match_indices(name).any(|(place, _)| {
                let after = text[place + name.len()..].bytes().next();
                let ends = !after.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                ends && (text[..place].ends_with('$') || text[..place].ends_with("${"))
            })
        });
        needs
    }

    pub(crate) fn with_everything(self) -> Needs {
        Needs { arrays: true, calls: true, exports: true, opaque: true, ..self }
    }

    /// What the body may leave for others has to be saved at its end.
    pub(crate) fn saves(&self) -> bool {
        self.arrays || self.calls || self.exports || self.opaque
    }

    /// Needs no more than a status.
    pub(crate) fn is_nothing(&self) -> bool {
        !self.saves()
    }
}

/// Whether a text exports variables that are outputs in its own words, not only in what it may load or compose.
pub(crate) fn surely_exports(text: &str) -> bool {
    text.match_indices("OTTO_").any(|(place, _)| {
        let rest = &text[place..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let line = text[..place].rsplit(['\n', ';']).next().unwrap_or("");
        let is_exported = ["export", "declare", "typeset"].iter().any(|verb| has_word(line, verb));
        is_exported && !super::export::is_reserved(&rest[..end])
    })
}

/// Whether a text sets outputs in its own words.
pub(crate) fn surely_sets(text: &str) -> bool {
    let sets = ["otto.set", "otto_set", "otto.save", "otto_save", "otto_serialize_output", "OTTO_OUTPUT"];
    (has_word(text, "OUTPUT") && !is_own(text, "OUTPUT"))
        || sets.iter().any(|name| text.contains(name))
        || surely_exports(text)
}

/// Whether the text exports a variable of this name and never uses it as an array: it is then for other programs.
fn is_own(text: &str, name: &str) -> bool {
    let mut is_exported = false;
    for (place, _) in text.match_indices(name) {
        let (before, rest) = (&text[..place], &text[place + name.len()..]);
        if before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
            || rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        {
            continue;
        }
        if rest.starts_with('[') || rest.starts_with("=(") || rest.starts_with("+=") {
            return false;
        }
        let line = before.rsplit(['\n', ';', '&', '|', '(', '{']).next().unwrap_or("");
        let words: Vec<&str> = line.split_whitespace().collect();
        is_exported |= matches!(words[..], ["export"] | ["declare" | "typeset", "-x"]);
    }
    is_exported
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

/// Builtins that make variables whose names may be composed, and do nothing else that matters.
const NAMING: &[&str] = &["declare", "export", "local", "printf", "read", "readonly", "typeset"];

/// All other builtins and keywords, of any shell. On one of these the reader gives up.
const UNREADABLE: &[&str] = &[
    "-",
    ".",
    "alias",
    "autoload",
    "bg",
    "bind",
    "bindkey",
    "builtin",
    "caller",
    "command",
    "compgen",
    "complete",
    "compopt",
    "coproc",
    "disable",
    "disown",
    "emulate",
    "enable",
    "eval",
    "exec",
    "fc",
    "fg",
    "function",
    "functions",
    "getopts",
    "hash",
    "help",
    "history",
    "integer",
    "jobs",
    "let",
    "logout",
    "mapfile",
    "nameref",
    "noglob",
    "nocorrect",
    "print",
    "readarray",
    "repeat",
    "select",
    "set",
    "setopt",
    "shopt",
    "source",
    "suspend",
    "time",
    "trap",
    "umask",
    "unalias",
    "unfunction",
    "unset",
    "unsetopt",
    "vared",
    "wait",
    "whence",
    "zle",
    "zmodload",
    "zstyle",
    "enum",
    "float",
    "hist",
    "redirect",
    "sched",
    "ztie",
];

const KEYWORDS_BEFORE_A_COMMAND: &[&str] =
    &["if", "then", "else", "elif", "while", "until", "do", "{", "}", "!", "fi", "done", "esac"];

/// Constructs inside each other beyond this are given up.
const MOST_LEVELS: usize = 40;

/// Every reading step returns `None` to give up.
struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    place: usize,
    level: usize,
    needs: Needs,
}

/// A word of the shell.
struct Word<'a> {
    text: &'a str,
    /// Letters as they stand: no quotes, no expansions, no patterns.
    is_plain: bool,
}

impl<'a> Reader<'a> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.place + ahead).copied().unwrap_or(0)
    }

    fn is_at_end(&self) -> bool {
        self.place >= self.bytes.len()
    }

    /// Commands up to the end, or up to the `)` of a substitution, which is not consumed.
    fn list(&mut self, is_inner: bool) -> Option<()> {
        self.level += 1;
        if self.level > MOST_LEVELS {
            return None;
        }
        let mut open = 0;
        // The next word is the name of a command.
        let mut is_command = true;
        while !self.is_at_end() {
            match self.peek(0) {
                b' ' | b'\t' => self.place += 1,
                b'\\' if self.peek(1) == b'\n' => self.place += 2,
                b'\n' | b';' | b'&' | b'|' => {
                    self.place += 1;
                    is_command = true;
                }
                b'#' => {
                    let rest = &self.bytes[self.place..];
                    self.place += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                }
                b'(' if self.peek(1) == b'(' => {
                    self.place += 2;
                    self.arithmetic()?;
                    is_command = true;
                }
                b'(' => {
                    open += 1;
                    self.place += 1;
                    is_command = true;
                }
                b')' if is_inner && open == 0 => {
                    self.level -= 1;
                    return Some(());
                }
                b')' => {
                    // Of `case` there may be more of these than of the others.
                    open = open.max(1) - 1;
                    self.place += 1;
                    is_command = true;
                }
                b'<' | b'>' => {
                    if self.peek(1) == self.peek(0) && self.peek(0) == b'<' {
                        return None;
                    }
                    while matches!(self.peek(0), b'<' | b'>' | b'&' | b'|') {
                        self.place += 1;
                    }
                    if self.peek(0) == b'(' {
                        continue;
                    }
                    while matches!(self.peek(0), b' ' | b'\t') {
                        self.place += 1;
                    }
                    self.word()?;
                }
                b'\r' | 0 => return None,
                _ => is_command = self.step(is_command)?,
            }
        }
        (!is_inner).then_some(())
    }

    /// One word in its place. Returns whether the next one is the name of a command.
    fn step(&mut self, is_command: bool) -> Option<bool> {
        if !is_command {
            self.word()?;
            return Some(false);
        }
        if let Some(end) = self.assignment() {
            self.place = end;
            if self.peek(0) == b'(' {
                self.place += 1;
                self.array()?;
            } else if !matches!(self.peek(0), b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b')' | 0) {
                self.word()?;
            }
            return Some(true);
        }
        // A number before a redirection is no command.
        let digits = self.bytes[self.place..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits > 0 && matches!(self.bytes.get(self.place + digits), Some(b'<' | b'>')) {
            self.place += digits;
            return Some(true);
        }
        let word = self.word()?;
        let name = word.text;
        if name == "[[" {
            self.condition()?;
            return Some(true);
        }
        if !word.is_plain || UNREADABLE.contains(&name) {
            return None;
        }
        if NAMING.contains(&name) {
            self.needs.exports = true;
            // A reference may read what is not spelled anywhere.
            let line = self.text.get(self.place..)?.lines().next().unwrap_or("");
            let may_refer = |word: &str| {
                word.starts_with(['$', '"']) || word.starts_with('-') && word.contains(['n', '$', '"'])
            };
            if name != "printf" && name != "export" && line.split_whitespace().any(may_refer) {
                return None;
            }
            return Some(false);
        }
        if KEYWORDS_BEFORE_A_COMMAND.contains(&name) {
            return Some(true);
        }
        Some(false)
    }

    /// The end of `name=`, `name+=` or `name[…]=` here.
    fn assignment(&mut self) -> Option<usize> {
        let rest = &self.bytes[self.place..];
        let name = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        if name == 0 || rest[0].is_ascii_digit() {
            return None;
        }
        let mut end = name;
        if rest.get(end) == Some(&b'[') {
            self.needs.arrays = true;
            // Only subscripts of plain letters and simple variables; the rest is no assignment to this reader, and then no
            // plain word either.
            let inside = rest[end + 1..]
                .iter()
                .take_while(|byte| byte.is_ascii_alphanumeric() || b"_.-:$/@%+".contains(byte))
                .count();
            end += 1 + inside;
            if rest.get(end) != Some(&b']') {
                return None;
            }
            end += 1;
        }
        if rest.get(end) == Some(&b'+') {
            end += 1;
        }
        (rest.get(end) == Some(&b'=')).then_some(self.place + end + 1)
    }

    /// The rest of `( … )` after an equals sign.
    fn array(&mut self) -> Option<()> {
        loop {
            match self.peek(0) {
                b')' => {
                    self.place += 1;
                    return Some(());
                }
                b' ' | b'\t' | b'\n' => self.place += 1,
                b'[' => {
                    self.needs.arrays = true;
                    self.word()?;
                }
                b'(' | b'<' | b'>' | b'&' | b'|' | b';' | b'#' | b'\\' | 0 => return None,
                _ => {
                    self.word()?;
                }
            }
        }
    }

    /// The rest of `[[ … ]]`.
    fn condition(&mut self) -> Option<()> {
        self.needs.arrays = true;
        loop {
            match self.peek(0) {
                b' ' | b'\t' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' | b'!' => self.place += 1,
                b'\n' | b';' | b'#' | 0 => return None,
                _ if self.word()?.text == "]]" => return Some(()),
                _ => {}
            }
        }
    }

    /// The rest of `(( … ))` and `$(( … ))`, of plain operations.
    fn arithmetic(&mut self) -> Option<()> {
        self.needs.arrays = true;
        let mut depth = 2;
        loop {
            match self.peek(0) {
                b'(' => depth += 1,
                // `((a); (b))` is two subshells.
                b')' if depth == 2 && self.peek(1) != b')' => return None,
                b')' => depth -= 1,
                b'$' => {
                    self.dollar()?;
                    continue;
                }
                b'"' | b'\'' | b'`' | b'\\' | b'\n' | b'#' | 0 => return None,
                _ => {}
            }
            self.place += 1;
            if depth == 0 {
                return (self.bytes[self.place - 2] == b')').then_some(());
            }
        }
    }

    fn word(&mut self) -> Option<Word<'a>> {
        let start = self.place;
        let mut is_plain = true;
        while !self.is_at_end() {
            match self.peek(0) {
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' => break,
                b'\'' => {
                    is_plain = false;
                    self.place += 1;
                    let rest = &self.bytes[self.place..];
                    self.place += rest.iter().position(|byte| *byte == b'\'')? + 1;
                }
                b'"' => {
                    is_plain = false;
                    self.place += 1;
                    self.double_quoted()?;
                }
                b'$' => {
                    is_plain = false;
                    self.dollar()?;
                }
                b'\\' if self.peek(1) != b'\n' && self.peek(1) != 0 => {
                    is_plain = false;
                    self.place += 2;
                }
                b'`' | b'\\' | b'\r' => return None,
                byte => {
                    is_plain &= byte.is_ascii_alphanumeric() || b"_./:+-,@%".contains(&byte);
                    self.place += 1;
                }
            }
        }
        let text = self.text.get(start..self.place)?;
        let is_bracket = matches!(text, "[" | "{" | "}" | "!" | "[[" | "]]");
        (!text.is_empty()).then_some(Word { text, is_plain: is_plain || is_bracket })
    }

    fn double_quoted(&mut self) -> Option<()> {
        loop {
            match self.peek(0) {
                b'"' => {
                    self.place += 1;
                    return Some(());
                }
                // A line that a quote ends may be the end of another.
                b'\\' if self.peek(1) != 0 => self.place += 2,
                b'$' if self.peek(1) == b'"' || self.peek(1) == b'\'' => self.place += 1,
                b'$' => self.dollar()?,
                b'`' | 0 => return None,
                _ => self.place += 1,
            }
        }
    }

    /// An expansion, from its `$`.
    fn dollar(&mut self) -> Option<()> {
        match self.peek(1) {
            b'(' if self.peek(2) == b'(' => {
                self.place += 3;
                self.arithmetic()
            }
            b'(' => {
                self.place += 2;
                self.list(true)?;
                self.place += 1;
                Some(())
            }
            b'{' => {
                self.place += 2;
                self.braced()
            }
            b'\'' | b'"' | b'[' => None,
            _ => {
                self.place += 1;
                Some(())
            }
        }
    }

    /// The rest of `${ … }`, of the plain forms: a name, a subscript, an operator and plain text.
    fn braced(&mut self) -> Option<()> {
        if matches!(self.peek(0), b'!' | b' ' | b'|' | b'\t' | b'\n') {
            return None;
        }
        loop {
            match self.peek(0) {
                b'}' => {
                    self.place += 1;
                    return Some(());
                }
                b'[' => {
                    self.needs.arrays = true;
                    self.place += 1;
                }
                // `:=` makes a variable, `@P` expands a text again.
                b'=' => return None,
                b'@' if self.peek(1).is_ascii_alphabetic() => return None,
                b'$' => self.dollar()?,
                b'"' | b'\'' | b'`' | b'\\' | b'\n' | b'<' | b'>' | b'(' | 0 => return None,
                _ => self.place += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_body_needs_nothing() {
        for body in [
            "cargo build --release\n",
            "find . -name '*.rs' | xargs wc -l",
            "docker build .\ntest . = .",
            "echo \"$OTTO_TASK_DIR\" ${OTTO_TASK_DIR%/*}",
            "cat source.txt evaluation; ./trap.sh # eval $x",
            "find \\\n . -type f",
            "if [ -f \"$x\" ]; then echo \"it's $(git rev-parse HEAD)\" > log; else exit 3; fi",
            "for f in *.c; do cc -c \"$f\" -o ${f%.c}.o || exit; done 2>&1 | tee log",
            "build() { make \"$1\"; }; build all && X=1 make test &",
        ] {
            assert!(Needs::of(body).is_nothing(), "{body}: {:?}", Needs::of(body));
        }
    }

    #[test]
    fn a_body_with_arrays_and_nothing_else_gets_arrays() {
        for body in [
            "OUTPUT[k]=\"${INPUT[a.b]}\"",
            "OUTPUT[n]=$(( ${INPUT[p.n]} + 1 ))",
            "for k in a b; do OUTPUT[$k]=1; done; [[ -f x && $y == z ]] && ((n > 1))",
        ] {
            let needs = Needs::of(body);
            assert!(needs.arrays && !(needs.calls || needs.exports || needs.opaque), "{body}: {needs:?}");
        }
    }

    #[test]
    fn whatever_may_run_unseen_text_or_set_a_trap_gets_everything() {
        for body in [
            "source ./lib.sh",
            "[ -f x ] && \\\n  . ./lib.sh",
            "2>/dev/null source x",
            "time -p . x",
            "\".\" ./env.sh",
            "s'ource' x",
            "so\\urce x",
            "$e x",
            "x=1 ${e} y",
            "`cat f`",
            "run() { \"$@\"; }; run true",
            "builtin -- trap x EXIT",
            "command -p trap x EXIT",
            "trap \"$c\" DEBUG",
            "mapfile -C f -c 1 a",
            "echo \"${c@P}\"",
            "echo ${!x}",
            "declare -n o=$n",
            "declare \"$flags\" o=x",
            "exec {fd}< f",
            "alias x=y",
            "set +e",
            "shopt -s lastpipe",
            "[a-e]val x",
            "cat <<E\n$(eval x)\nE",
            "if true; then eval x; fi",
            "case x in x) eval y;; esac",
            "((a); (eval b))",
            "echo $( ( eval x ) )",
            "echo \"$(echo \"$(eval x)\")\"",
            "x=(a $(eval b))",
            "a=1 b=2 eval x",
            "cat < f eval; < f eval x",
            "! eval x",
            "f() { eval x; }",
            "echo 'a' ; 'eval' x",
            "POSIXLY_CORRECT=1",
            ": ${x:=$y}",
            "coproc x",
            "echo 'unclosed",
            "echo \"unclosed",
            "echo $(unclosed",
        ] {
            assert!(Needs::of(body).opaque, "{body}: {:?}", Needs::of(body));
        }
    }

    #[test]
    fn names_that_the_text_may_compose_bring_all_variables() {
        for body in
            ["read \"${n}PUT[k]\"", "printf -v \"$n\" x", "export \"$n=1\"", "export PORT=80", "OTTO_X=1"]
        {
            let needs = Needs::of(body);
            assert!(needs.exports || needs.opaque, "{body}: {needs:?}");
        }
        assert!(Needs::of("x=$(otto.get a.b)").calls && Needs::of("echo $OTTO_INPUT_A_B").calls);
    }

    #[test]
    fn a_variable_for_other_programs_is_the_bodys_own() {
        assert!(Needs::of("export OUTPUT=dist; make").own_output);
        assert!(!Needs::of("export OUTPUT=dist; OUTPUT[k]=v").own_output);
        assert!(!Needs::of("export X=\"${INPUT[a.b]}\"").own_input);
        assert!(Needs::of("export INPUT=x").own_input);
    }

    #[test]
    fn only_what_is_in_the_text_is_sure_to_be_set() {
        assert!(!surely_sets("export PORT=80; echo \"$PORT\"; exec server"));
        assert!(!surely_sets("OTTO_HOME=/tmp exec x; source ./lib.sh"));
        assert!(surely_sets("export OTTO_V=1; exec x") && surely_sets("OUTPUT[k]=v; exec x"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_fail(text in "[a-z(){}\\[\\]$`'\"|&;<>#=\\\\ \\n\\t!-]{0,80}") {
            Needs::of(&text);
        }
    }
}
