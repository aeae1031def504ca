//! What a shell body needs of otto. The text may only be used to leave out what provably cannot matter, so this reader is
//! strict: it follows the plain part of the language and gives up on everything else, and a body on which it gives up gets
//! all there is.

use super::export::has_word;
use super::grammar;

/// What a bash or POSIX shell body may touch. Everything false: the body needs nothing of otto.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// INPUT and OUTPUT.
    pub(crate) arrays: bool,
    /// otto's functions.
    pub(crate) calls: bool,
    /// May make variables that are outputs.
    pub(crate) exports: bool,
    /// May use names that are not in the text: it composes some, or computes with values, which may name any variable
    /// and run commands in a copy of the shell.
    pub(crate) names: bool,
    /// The reader gave up: unseen text may run, traps may be set, builtins may be other than they are.
    pub(crate) opaque: bool,
    /// OUTPUT is a variable of the body's own, exported for other programs.
    pub(crate) own_output: bool,
    /// The same of INPUT.
    pub(crate) own_input: bool,
    /// `RED`, `NC` and the other colours.
    pub(crate) colours: bool,
}

impl Needs {
    /// Of a bash body.
    pub(crate) fn of(text: &str) -> Needs {
        Needs::read(text, true)
    }

    /// Of a body for a shell that is no bash, of whose words some mean more.
    pub(crate) fn of_posix(text: &str) -> Needs {
        Needs::read(text, false)
    }

    fn read(text: &str, is_bash: bool) -> Needs {
        let mut reader =
            NeedReader { text, bytes: text.as_bytes(), place: 0, level: 0, is_bash, needs: Needs::default() };
        let is_read = reader.list(Until::Text).is_some();
        let mut needs = reader.needs;
        // In some charsets a byte of a character may look like a quote to the shell.
        let may_change_charset = !text.is_ascii() && (text.contains("LC_") || text.contains("LANG"));
        if !is_read || text.contains("POSIX") || text.contains('\0') || may_change_charset {
            needs = needs.with_everything();
        }
        needs.calls |= needs.names;
        needs.exports |= needs.names;
        needs.colours |= needs.names;
        // Every name that no piece of text composed is in the text.
        needs.calls |= text.contains("otto_") || text.contains("otto.");
        needs.own_output = is_own(text, "OUTPUT");
        needs.own_input = is_own(text, "INPUT");
        for (place, _) in text.match_indices("OTTO_") {
            let (before, rest) = (&text[..place], &text[place..]);
            let is_read = before.ends_with('$') || before.ends_with("${");
            needs.exports |= !is_read || rest.starts_with("OTTO_OUTPUT");
            needs.calls |= rest.starts_with("OTTO_INPUT");
        }
        // What is saved with them costs next to nothing more.
        needs.exports |= needs.calls && is_bash;
        needs.arrays |= needs.exports || text.contains("INPUT") || text.contains("OUTPUT");
        needs.colours |= COLOURS.iter().any(|(name, _)| has_word(text, name));
        needs
    }

    pub(crate) fn with_everything(self) -> Needs {
        Needs { arrays: true, calls: true, exports: true, names: true, opaque: true, colours: true, ..self }
    }

    /// With those of the `if` that runs before the body in the same shell. What that does beyond reading INPUT may reach
    /// into the body.
    pub(crate) fn after(self, condition: Needs) -> Needs {
        let is_plain = !(condition.calls || condition.exports || condition.names || condition.opaque);
        let both = Needs {
            arrays: self.arrays || condition.arrays,
            own_input: self.own_input && !condition.arrays,
            colours: self.colours || condition.colours,
            ..self
        };
        if is_plain { both } else { both.with_everything() }
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

/// Whether a text may save before its end.
pub(crate) fn may_save(text: &str) -> bool {
    SAVING.iter().any(|name| text.contains(name))
}

/// Whether a text may set outputs after it has saved, in its own words. `exports_only`: the functions write at once.
pub(crate) fn may_set_after_saving(text: &str, exports_only: bool) -> bool {
    let Some(first) = SAVING.iter().filter_map(|name| text.find(name)).min() else { return false };
    let comes_back = ["while", "until", "for", "trap"].iter().any(|word| has_word(&text[..first], word));
    let found = grammar::commands(text);
    // What a function does may come at any time.
    let may_come_after = |command: &&grammar::Command| {
        comes_back
            || command.function.is_some()
            || command.words.first().is_some_and(|word| word.start > first)
    };
    let words =
        found.commands.iter().filter(may_come_after).flat_map(|command| command.words.iter().cloned());
    let after: Vec<&str> = words.filter_map(|word| text.get(word)).collect();
    let after = after.join(" ");
    let after = SAVING.iter().fold(after, |after, name| after.replace(name, ""));
    if exports_only { surely_exports(&after) } else { surely_sets(&after) }
}

/// Whether a text may set a trap in a way that passes by a function called `trap`: `builtin trap`, `command -p trap`, or
/// one of the two with words that only the shell knows.
pub(crate) fn may_trap_past_functions(text: &str) -> bool {
    [text, &unquoted(text)].into_iter().any(traps_past_functions)
}

fn traps_past_functions(text: &str) -> bool {
    text.contains("trap")
        && ["builtin", "command"].iter().any(|name| {
            text.match_indices(name).any(|(place, _)| {
                let rest = &text[place + name.len()..];
                let mut words =
                    rest.split([' ', '\t', '\\', '\n', '\'', '"']).filter(|word| !word.is_empty());
                let command = words.find(|word| !["--", "-p"].contains(word)).unwrap_or_default();
                let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
                // `builtin_x`, `command;` and `command -v` call nothing.
                let is_called = rest.starts_with([' ', '\t', '\\', '\'', '"']);
                is_called && (command.starts_with("trap") || !command.bytes().next().is_some_and(is_name))
            })
        })
}

/// Whether a text may replace its shell, in its own words, however they are quoted.
pub(crate) fn may_exec(text: &str) -> bool {
    has_word(text, "exec") || has_word(&unquoted(text), "exec")
}

/// Whether a text may run what is not written in it, in its own words, however they are quoted.
pub(crate) fn may_load(text: &str) -> bool {
    let is_of_word = |c: char| c.is_alphanumeric() || "_.-/".contains(c);
    [text, &unquoted(text)]
        .iter()
        .any(|text| text.split(|c: char| !is_of_word(c)).any(|word| ["source", "eval", "."].contains(&word)))
}

/// A text without its quotes, in which `e'xec'` is the word that it is to the shell.
fn unquoted(text: &str) -> String {
    text.replace(['\'', '"', '\\', '$'], "")
}

const SAVING: &[&str] = &["otto.save", "otto_save", "otto_serialize_output"];

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

/// Builtins that make variables.
const NAMING: &[&str] = &["declare", "export", "local", "readonly", "typeset"];

/// Variables whose assignment means more: the shell computes the value, or they are otto's.
const SPECIAL: &[&str] = &[
    "BASHPID",
    "COLUMNS",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "HISTCMD",
    "HISTSIZE",
    "INPUT",
    "LINENO",
    "LINES",
    "OPTIND",
    "OUTPUT",
    "RANDOM",
    "SECONDS",
    "SRANDOM",
    "TMOUT",
];

/// What may stand between two words of a test, or behind them.
const BINARY: &[&str] = &[
    "=", "==", "!=", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-ot", "-nt", "-ef", "-a", "-o", "]", "\\<",
    "\\>", "\\)",
];

/// Builtins and keywords, of any shell, on which the reader gives up.
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
    "type",
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
    &["if", "then", "else", "elif", "while", "until", "do", "{", "}", "!", "fi", "done"];

/// Constructs inside each other beyond this are given up.
const MOST_LEVELS: usize = 40;

/// Every reading step returns `None` to give up.
struct NeedReader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    place: usize,
    level: usize,
    is_bash: bool,
    needs: Needs,
}

/// A word of the shell.
struct Word<'a> {
    text: &'a str,
    /// Letters as they stand: no quotes, no expansions, no patterns.
    is_plain: bool,
    /// What it becomes is not in the text.
    is_dynamic: bool,
    /// It may become several words.
    splits: bool,
}

/// Where a list of commands ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Text,
    /// At a `)`, which is not consumed.
    Parenthesis,
    /// At a `;;`, which is not consumed, or behind `esac`.
    Arm,
}

/// What the next word is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The name of a command, or an assignment before it.
    Command,
    /// An argument, or a `(` that makes a function of the word before.
    Named,
    /// An argument into which no builtin looks.
    Argument,
    /// The first argument of `printf`.
    Format,
    /// An option or a name of `export` and its like. Without a name they show all variables.
    Name { is_first: bool },
    /// An option or a name of `read`.
    Read,
    /// An argument of `[` or `test`, after one that could be an operator if this is none.
    Test { is_open: bool },
    /// The variable of `for`.
    Variable,
    /// What stands behind it.
    In,
    /// Nothing of a case: it ended.
    Esac,
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// How many bytes of a name a text begins with.
fn name_length(bytes: &[u8]) -> usize {
    match bytes.first() {
        Some(byte) if !byte.is_ascii_digit() => bytes.iter().take_while(|byte| is_name_byte(**byte)).count(),
        _ => 0,
    }
}

impl<'a> NeedReader<'a> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.place + ahead).copied().unwrap_or(0)
    }

    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.place.min(self.bytes.len())..]
    }

    fn is_at_end(&self) -> bool {
        self.place >= self.bytes.len()
    }

    fn skip_comment(&mut self) {
        let rest = self.rest();
        self.place += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(0), b' ' | b'\t') {
            self.place += 1;
        }
    }

    fn skip_blanks_and_lines(&mut self) {
        loop {
            match self.peek(0) {
                b' ' | b'\t' | b'\n' => self.place += 1,
                b'#' => self.skip_comment(),
                _ => return,
            }
        }
    }

    /// Commands up to the end. Returns whether that was `esac`.
    fn list(&mut self, end: Until) -> Option<bool> {
        self.level += 1;
        if self.level > MOST_LEVELS {
            return None;
        }
        let mut next = Next::Command;
        let ends =
            |next: Next| (!matches!(next, Next::Name { is_first: true } | Next::Variable)).then_some(());
        let is_esac = loop {
            if self.is_at_end() {
                ends(next)?;
                if end != Until::Text {
                    return None;
                }
                break false;
            }
            match self.peek(0) {
                b' ' | b'\t' => self.place += 1,
                b'\\' if self.peek(1) == b'\n' => self.place += 2,
                b';' if matches!(self.peek(1), b';' | b'&' | b'|') => {
                    ends(next)?;
                    if end != Until::Arm {
                        return None;
                    }
                    break false;
                }
                b'\n' | b';' | b'&' | b'|' => {
                    ends(next)?;
                    self.place += 1;
                    next = Next::Command;
                }
                b'#' => self.skip_comment(),
                b'(' => next = self.parenthesis(next)?,
                b')' => {
                    ends(next)?;
                    if end != Until::Parenthesis {
                        return None;
                    }
                    break false;
                }
                b'<' | b'>' => next = self.redirection(next)?,
                b'\r' | 0 => return None,
                _ => {
                    next = self.step(next)?;
                    if next == Next::Esac {
                        if end != Until::Arm {
                            return None;
                        }
                        break true;
                    }
                }
            }
        };
        self.level -= 1;
        Some(is_esac)
    }

    fn parenthesis(&mut self, next: Next) -> Option<Next> {
        match next {
            Next::Command | Next::Variable if self.peek(1) == b'(' => {
                self.place += 2;
                self.arithmetic()?;
                Some(if next == Next::Variable { Next::Command } else { Next::Argument })
            }
            Next::Command => {
                self.place += 1;
                self.inner_list()?;
                Some(Next::Argument)
            }
            Next::Named => {
                self.place += 1;
                self.skip_blanks();
                (self.peek(0) == b')').then(|| self.place += 1)?;
                Some(Next::Command)
            }
            _ => None,
        }
    }

    /// Commands and the `)` behind them.
    fn inner_list(&mut self) -> Option<()> {
        self.list(Until::Parenthesis)?;
        self.place += 1;
        Some(())
    }

    fn redirection(&mut self, next: Next) -> Option<Next> {
        if self.peek(1) == b'(' {
            if !matches!(next, Next::Named | Next::Argument) {
                return None;
            }
            self.place += 2;
            self.inner_list()?;
            return Some(Next::Argument);
        }
        if self.rest().starts_with(b"<<<") {
            self.place += 3;
        } else if self.rest().starts_with(b"<<") {
            return None;
        } else {
            while matches!(self.peek(0), b'<' | b'>' | b'&' | b'|') {
                self.place += 1;
            }
        }
        self.skip_blanks();
        if matches!(self.peek(0), b'<' | b'>') && self.peek(1) == b'(' {
            self.place += 2;
            self.inner_list()?;
        } else {
            self.word()?;
        }
        Some(if next == Next::Named { Next::Argument } else { next })
    }

    /// One word in its place, or a whole construct that begins with it. Returns what follows.
    fn step(&mut self, next: Next) -> Option<Next> {
        if next == Next::Command {
            return self.command();
        }
        let word = self.word()?;
        Some(match next {
            Next::Format => {
                if word.text == "--" {
                    return Some(Next::Format);
                }
                self.needs.names |= word.is_dynamic || !is_format(word.text);
                Next::Argument
            }
            Next::Name { is_first } => {
                // Other shells split what bash takes for an assignment.
                self.needs.names |= word.splits && !self.is_bash;
                let is_option = word.text.starts_with(['-', '+']);
                if is_option {
                    let is_known = |letter: char| "AaegilruxtZ".contains(letter);
                    (word.is_plain && word.text.len() > 1 && word.text[1..].chars().all(is_known))
                        .then_some(())?;
                    self.needs.names |= word.text.contains('i');
                } else {
                    self.name(&word);
                }
                Next::Name { is_first: is_first && is_option }
            }
            Next::Read => {
                let is_number = word.text.bytes().all(|byte| byte.is_ascii_digit());
                let is_option = word.text.starts_with('-') && word.is_plain;
                if !is_number && !is_option {
                    self.name(&word);
                }
                Next::Read
            }
            Next::Test { is_open } => {
                let is_operator = BINARY.contains(&word.text);
                // Other shells compute both sides of these.
                let computes =
                    matches!(word.text, "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge") && !self.is_bash;
                self.needs.names |=
                    matches!(word.text, "-v" | "-R") || computes || word.splits || is_open && !is_operator;
                Next::Test { is_open: word.is_dynamic }
            }
            Next::Variable => {
                self.name(&word);
                Next::In
            }
            Next::In => match word.text {
                "in" => Next::Argument,
                "do" => Next::Command,
                _ => return None,
            },
            _ => Next::Argument,
        })
    }

    /// A word that names a variable which a builtin makes, with or without a value.
    fn name(&mut self, word: &Word) {
        let (name, rest) = word.text.split_at(name_length(word.text.as_bytes()));
        let is_literal =
            !name.is_empty() && (rest.is_empty() || rest.starts_with('=') || rest.starts_with("+="));
        self.needs.names |= !is_literal || SPECIAL.contains(&name);
    }

    fn command(&mut self) -> Option<Next> {
        if let Some(end) = self.assignment()? {
            self.place = end;
            if self.peek(0) == b'(' {
                self.place += 1;
                self.array()?;
            } else if !matches!(
                self.peek(0),
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b')' | b'<' | b'>' | 0
            ) {
                self.word()?;
            }
            return Some(Next::Command);
        }
        // A number before a redirection is no command.
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits > 0 && matches!(self.peek(digits), b'<' | b'>') {
            self.place += digits;
            return Some(Next::Command);
        }
        let word = self.word()?;
        let name = word.text;
        if name == "[[" {
            self.condition()?;
            return Some(Next::Argument);
        }
        if !word.is_plain || name.starts_with('%') || UNREADABLE.contains(&name) {
            return None;
        }
        Some(match name {
            "case" => {
                self.case()?;
                Next::Argument
            }
            "esac" => Next::Esac,
            "for" => Next::Variable,
            "printf" => Next::Format,
            "read" => Next::Read,
            "[" | "test" => Next::Test { is_open: false },
            _ if NAMING.contains(&name) => Next::Name { is_first: true },
            _ if KEYWORDS_BEFORE_A_COMMAND.contains(&name) => Next::Command,
            _ => Next::Named,
        })
    }

    /// The rest of `case … esac`.
    fn case(&mut self) -> Option<()> {
        self.skip_blanks();
        self.word()?;
        self.skip_blanks_and_lines();
        (self.word()?.text == "in").then_some(())?;
        loop {
            self.skip_blanks_and_lines();
            let has_parenthesis = self.peek(0) == b'(';
            if has_parenthesis {
                self.place += 1;
                self.skip_blanks();
            }
            if self.word()?.text == "esac" && !has_parenthesis {
                return Some(());
            }
            loop {
                self.skip_blanks();
                self.place += 1;
                match self.bytes.get(self.place - 1)? {
                    b')' => break,
                    b'|' => {
                        self.skip_blanks();
                        self.word()?;
                    }
                    _ => return None,
                }
            }
            if self.list(Until::Arm)? {
                return Some(());
            }
            self.place += if self.rest().starts_with(b";;&") { 3 } else { 2 };
        }
    }

    /// The end of `name=`, `name+=` or `name[…]=` here, if there is one.
    fn assignment(&mut self) -> Option<Option<usize>> {
        let rest = self.rest();
        let mut end = name_length(rest);
        let name = self.text.get(self.place..self.place + end)?;
        if name.is_empty() {
            return Some(None);
        }
        if rest.get(end) == Some(&b'[') {
            let start = self.place;
            self.place += end;
            self.subscript(name)?;
            end = self.place - start;
            self.place = start;
        }
        if rest.get(end) == Some(&b'+') {
            end += 1;
        }
        if rest.get(end) != Some(&b'=') {
            return Some(None);
        }
        self.needs.names |= SPECIAL.contains(&name) && !matches!(name, "INPUT" | "OUTPUT");
        Some(Some(self.place + end + 1))
    }

    /// A subscript, from its `[`. Those of INPUT and OUTPUT are texts; of all others the shell computes them.
    fn subscript(&mut self, name: &str) -> Option<()> {
        self.place += 1;
        let start = self.place;
        loop {
            match self.peek(0) {
                b']' => break,
                b'$' => self.dollar()?,
                b'"' => {
                    self.place += 1;
                    self.double_quoted()?;
                }
                b'\'' => self.single_quoted()?,
                byte if byte.is_ascii_alphanumeric() || b"_.-:/@%+*#,= ~".contains(&byte) => self.place += 1,
                byte if !byte.is_ascii() => self.place += 1,
                _ => return None,
            }
        }
        let inside = &self.bytes[start..self.place];
        self.place += 1;
        let is_number = !inside.is_empty() && inside.iter().all(u8::is_ascii_digit);
        let is_plain = is_number || matches!(inside, b"@" | b"*") || matches!(name, "INPUT" | "OUTPUT");
        self.needs.names |= !is_plain;
        Some(())
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
                b'(' | b'<' | b'>' | b'&' | b'|' | b';' | b'#' | b'\\' | 0 => return None,
                byte => {
                    self.needs.names |= byte == b'[';
                    self.word()?;
                }
            }
        }
    }

    /// The rest of `[[ … ]]`.
    fn condition(&mut self) -> Option<()> {
        let mut open = 0;
        loop {
            match self.peek(0) {
                b'<' | b'>' if self.peek(1) == b'(' => return None,
                b' ' | b'\t' | b'&' | b'|' | b'<' | b'>' | b'!' => self.place += 1,
                b'(' => {
                    open += 1;
                    self.place += 1;
                }
                b')' if open > 0 => {
                    open -= 1;
                    self.place += 1;
                }
                b'\n' | b';' | b'#' | b')' | 0 => return None,
                _ => match self.word()?.text {
                    "]]" if open == 0 => return Some(()),
                    "]]" => return None,
                    "-v" | "-R" | "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" => self.needs.names = true,
                    _ => {}
                },
            }
        }
    }

    /// The rest of `(( … ))` and `$(( … ))`, of plain operations.
    fn arithmetic(&mut self) -> Option<()> {
        let mut depth = 2;
        loop {
            match self.peek(0) {
                b'(' => depth += 1,
                // `((a); (b))` is two subshells.
                b')' if depth == 2 && self.peek(1) != b')' => return None,
                b')' => depth -= 1,
                b'$' => {
                    let start = self.place;
                    self.dollar()?;
                    self.needs.names |= !is_number(&self.bytes[start..self.place]);
                    continue;
                }
                b'"' | b'\'' | b'`' | b'\\' | b'\n' | b'#' | 0 => return None,
                byte => self.needs.names |= byte.is_ascii_alphabetic() || byte == b'_',
            }
            self.place += 1;
            if depth == 0 {
                return (self.bytes[self.place - 2] == b')').then_some(());
            }
        }
    }

    fn word(&mut self) -> Option<Word<'a>> {
        let start = self.place;
        let (mut is_plain, mut is_dynamic, mut splits) = (true, false, false);
        while !self.is_at_end() {
            match self.peek(0) {
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' => break,
                b'\'' => {
                    is_plain = false;
                    self.single_quoted()?;
                }
                b'"' => {
                    is_plain = false;
                    let start = self.place;
                    self.place += 1;
                    self.double_quoted()?;
                    is_dynamic |= self.bytes[start..self.place].contains(&b'$');
                }
                b'$' => {
                    is_plain = false;
                    let start = self.place;
                    self.dollar()?;
                    let is_number = is_number(&self.bytes[start..self.place]);
                    is_dynamic |= !is_number;
                    splits |= !is_number;
                }
                b'\\' if self.peek(1) != b'\n' && self.peek(1) != 0 => {
                    is_plain = false;
                    self.place += 2;
                }
                b'`' | b'\\' | b'\r' => return None,
                byte => {
                    is_plain &= byte.is_ascii_alphanumeric() || b"_./:+-,@%".contains(&byte);
                    splits |= b"*?[{".contains(&byte);
                    self.place += 1;
                }
            }
        }
        let text = self.text.get(start..self.place)?;
        if matches!(text, "[" | "{" | "}" | "!" | "[[" | "]]") {
            is_plain = true;
            splits = false;
        }
        (!text.is_empty()).then_some(Word { text, is_plain, is_dynamic: is_dynamic || splits, splits })
    }

    fn single_quoted(&mut self) -> Option<()> {
        self.place += 1;
        self.place += self.rest().iter().position(|byte| *byte == b'\'')? + 1;
        Some(())
    }

    /// The rest of `"…"`.
    fn double_quoted(&mut self) -> Option<()> {
        loop {
            match self.peek(0) {
                b'"' => {
                    self.place += 1;
                    return Some(());
                }
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
                self.inner_list()
            }
            b'{' => {
                self.place += 2;
                self.braced()
            }
            b'\'' | b'"' | b'[' => None,
            // The line that follows would belong to it.
            b'\\' if self.peek(2) == b'\n' => None,
            b'@' | b'*' | b'#' | b'?' | b'$' | b'!' | b'-' | b'0'..=b'9' => {
                self.place += 2;
                (!matches!(self.peek(0), b'(' | b'{' | b'\'')).then_some(())
            }
            _ => {
                self.place += 1;
                self.place += name_length(self.rest());
                let goes_on = self.rest().starts_with(b"\\\n") || !self.is_bash && self.peek(0) == b'[';
                (!goes_on).then_some(())
            }
        }
    }

    /// The rest of `${ … }`, of the plain forms: a name, a subscript, an operator and plain text.
    fn braced(&mut self) -> Option<()> {
        if self.peek(0) == b'#' && (is_name_byte(self.peek(1)) || matches!(self.peek(1), b'@' | b'*')) {
            self.place += 1;
        }
        let rest = self.rest();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let length = name_length(rest).max(digits);
        let name = self.text.get(self.place..self.place + length)?;
        if length == 0 && !matches!(self.peek(0), b'@' | b'*' | b'#' | b'?' | b'$' | b'-') {
            return None;
        }
        self.place += length.max(1);
        if self.peek(0) == b'[' {
            self.subscript(name)?;
        }
        match self.peek(0) {
            b'}' => {}
            b':' if matches!(self.peek(1), b'-' | b'+' | b'?') => self.place += 2,
            b':' if self.peek(1) == b'=' => return None,
            // A part of it, from one number to another.
            b':' => {
                let inside = self.rest().iter().take_while(|byte| **byte != b'}');
                self.needs.names |=
                    !inside.copied().all(|byte| byte.is_ascii_digit() || b": -".contains(&byte));
            }
            b'-' | b'+' | b'?' | b'#' | b'%' | b'/' | b'^' | b',' => self.place += 1,
            // `:=` makes a variable, `@P` expands a text again.
            _ => return None,
        }
        loop {
            match self.peek(0) {
                b'}' => {
                    self.place += 1;
                    return Some(());
                }
                b'$' => self.dollar()?,
                b'"' | b'\'' | b'`' | b'\\' | b'\n' | b'<' | b'>' | b'(' | b'{' | 0 => return None,
                _ => self.place += 1,
            }
        }
    }
}

/// Whether an expansion can be nothing but a number.
fn is_number(expansion: &[u8]) -> bool {
    matches!(expansion, b"$?" | b"$#" | b"$$")
        || expansion.starts_with(b"${#")
        || expansion.starts_with(b"$((")
}

/// Whether a word is surely no option of `printf`, and a format that sets no variable, as `%n` does.
fn is_format(word: &str) -> bool {
    let bytes = word.as_bytes();
    let mut parts = word.split('%').skip(1);
    if parts.any(|part| {
        part.trim_start_matches(|c: char| !c.is_alphabetic() || "hlqjzLt".contains(c)).starts_with('n')
    }) {
        return false;
    }
    match bytes {
        [b'\'' | b'"', next, ..] => {
            !b"-$\"'\\".contains(next) || bytes.get(2).is_some_and(u8::is_ascii_alphanumeric)
        }
        [first, ..] => first.is_ascii_alphanumeric() || *first == b'%',
        [] => false,
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
            "OUTPUT[n]=$(( ${#INPUT[p.n]} + 1 ))",
            "for k in a b; do OUTPUT[$k]=1; done; [[ -f x && $y == z ]] && ((0 < 1))",
            "export PORT=\"${INPUT[a.port]}\"; OUTPUT[\"a b\"]='c'",
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
            "declare \\\n -n o=$n",
            "declare -p",
            "local",
            "for x do eval y; done",
            "for x\ndo eval y; done",
            "echo \"$(case x in x) eval y;; esac)\"",
            "case x in (a | b) : ;& x) eval y; esac",
            "case x in x) echo\nesac; eval y",
            "[[ a =~ (]] #) ]] || eval y",
            "[[ a == <(eval x) ]]",
            "echo \"$\\\n(eval x)\"",
            "echo \"$$(echo \" ; eval x ; echo \" )\"",
            "echo \"$IN\\\nPUT\"",
            "echo $IN\0PUT",
            "so\0urce x",
            "LC_ALL=ja_JP.SJIS; echo \"表\"; x",
            "echo *(e:eval:)",
            "printf() { :; }; printf x",
            "set() { :; }",
            "type x",
            "echo x\r\neval y",
            "ѕource x",
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
    fn names_that_the_text_may_compose_and_values_that_the_shell_computes_bring_all_variables() {
        for body in [
            "read \"${n}PUT[k]\"",
            "read \\\n \"$n\"",
            "printf -v \"$n\" x",
            "printf \"$f\" x",
            "printf '%s%n' x \"$n\"",
            "export \"$n=1\"",
            "export A=1 \\\n $n",
            "declare \"$flags\" o=x",
            "declare -i i",
            "local OUTPUT",
            "for OUTPUT in a; do :; done",
            "((n > 1))",
            "x=$((x + 1))",
            "echo ${x[n]}",
            "echo ${x:n:1}",
            "x[n]=1",
            "x=([n]=1)",
            "RANDOM=$n",
            "[[ $n -eq 1 ]]",
            "[[ -v $n ]]",
            "[ -v \"$n\" ]",
            "[ $n = 1 ]",
            "[ \"$o\" \"$n\" ]",
            "for ((i = n; i < 3; i++)); do :; done",
        ] {
            let needs = Needs::of(body);
            assert!(needs.names && needs.arrays && needs.calls && needs.exports, "{body}: {needs:?}");
        }
        for body in [
            "export PORT=80 PATH=$HOME/bin:$PATH",
            "f() { local x=$1 y; read -r l < f; readonly Z; }",
            "printf '%s\\n' \"$x\"; printf -- \"%d\" 1; printf \"a b\"",
            "[ -n \"$x\" ] && [ \"$x\" = \"$y\" -o ! -f \"$z\" ] && [ $# -gt 1 ] && test $? = 0",
            "echo ${x:1:2} ${x[0]} \"${x[@]}\" ${#x} $((1 + 2)) ${x%.*} ${x//a/b} ${x:-$y} ${1-} ${#}",
            "case $x in a | b) echo 1 ;; (*.c) echo 2 ;; *) echo 3 ;; esac; cat <<< \"$x\"",
        ] {
            assert!(Needs::of(body).is_nothing(), "{body}: {:?}", Needs::of(body));
        }
        assert!(Needs::of("OTTO_X=1").exports);
        assert!(Needs::of("x=$(otto.get a.b)").calls && Needs::of("echo $OTTO_INPUT_A_B").calls);
    }

    #[test]
    fn colours_are_there_for_whoever_may_use_them() {
        for body in ["echo \"$RED\"", "echo ${#NC}", "[ -v BOLD ]", "source ./lib.sh", "echo ${!c}", "((n))"]
        {
            assert!(Needs::of(body).colours, "{body}");
        }
        assert!(!Needs::of("echo REDUCED; make NCURSES=1").colours);
    }

    #[test]
    fn other_shells_split_and_compute_more() {
        for body in ["export x=$y", "[ \"$x\" -eq 1 ]", "echo $x[1]"] {
            assert!(Needs::of(body).is_nothing() && !Needs::of_posix(body).is_nothing(), "{body}");
        }
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
