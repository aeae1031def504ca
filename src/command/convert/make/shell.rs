//! Writes what a recipe comes to as a script of `sh`: each line in a shell of its own, with the text that make would
//! give it. Knows texts and their holes, no rules.

use super::super::sh::{fail, is_plain_command, word};
use super::expand::Trouble;
use super::text::{FOLDER, MAKE, MakeText, TextPiece, literal, plain, push};
use crate::name::is_identifier;
use std::collections::BTreeSet;

/// The functions that scripts call, each under its name.
const FUNCTIONS: &str = include_str!("functions.sh");

/// What a script of `sh` is put together from.
#[derive(Default)]
pub(super) struct ShellScript {
    /// What has to be known before the first line runs.
    pub(super) statements: Vec<String>,
    /// Variables of the environment that the script changes: read before that.
    pub(super) changed: BTreeSet<String>,
    pub(super) helpers: BTreeSet<&'static str>,
    /// What runs `$(shell …)`, as words; the library's own where it is empty.
    pub(super) shell: String,
    count: usize,
    has_folder: bool,
}

/// Where lines of recipes run.
pub(super) struct Runner {
    /// `/bin/sh -c`, as words of the shell.
    pub(super) command: String,
    /// make's own shell, which does without it where a line is one plain command.
    pub(super) is_default: bool,
}

impl ShellScript {
    pub(super) fn fresh(&mut self) -> String {
        self.count += 1;
        format!("make_{}", self.count)
    }

    fn helper(&mut self, name: &'static str) -> &'static str {
        self.helpers.insert(name);
        name
    }

    /// A text as a word of the shell.
    pub(super) fn word(&mut self, text: &[TextPiece]) -> Result<String, Trouble> {
        if let Some(known) = literal(text)
            && !known.contains([FOLDER, MAKE])
        {
            return Ok(word(&known));
        }
        Ok(format!("\"{}\"", self.inside(text)?))
    }

    /// A text between double quotes.
    fn inside(&mut self, text: &[TextPiece]) -> Result<String, Trouble> {
        let mut inside = String::new();
        for (place, piece) in text.iter().enumerate() {
            match piece {
                TextPiece::Plain(plain) => {
                    // A name must not run on into what follows it.
                    let _ = place;
                    for character in plain.chars() {
                        match character {
                            '"' | '$' | '`' | '\\' => {
                                inside.push('\\');
                                inside.push(character);
                            }
                            FOLDER => {
                                self.folder();
                                inside.push_str("${make_folder}");
                            }
                            MAKE => inside.push_str("make"),
                            _ => inside.push(character),
                        }
                    }
                }
                hole => inside.push_str(&self.hole(hole)?),
            }
        }
        Ok(inside)
    }

    fn folder(&mut self) {
        self.has_folder = true;
    }

    /// What comes before everything else: where the script is, if it has to know.
    pub(super) fn head(&self) -> String {
        if !self.has_folder {
            return String::new();
        }
        let why = fail("Makefile: make cannot work in a folder whose name has a blank");
        format!("make_folder=$(pwd -P)\ncase $make_folder in *[[:space:]]*) {why} ;; esac\n")
    }

    /// What stands for a hole between double quotes; what it needs is said before.
    fn hole(&mut self, hole: &TextPiece) -> Result<String, Trouble> {
        match hole {
            TextPiece::Plain(_) => unreachable!("bug: plain text is no hole"),
            TextPiece::Env { name, or } => {
                let simple = literal(or)
                    .filter(|or| or.chars().all(|c| c.is_ascii_alphanumeric() || " _./:=,+@%-".contains(c)));
                let changed = self.changed.contains(name);
                if let Some(or) = &simple
                    && !changed
                {
                    return Ok(format!("${{{name}-{or}}}"));
                }
                let new = self.fresh();
                if let Some(or) = simple {
                    self.statements.push(format!("{new}=\"${{{name}-{or}}}\""));
                    return Ok(format!("${{{new}}}"));
                }
                let or = self.word(or)?;
                self.statements.push(format!("{new}={or}"));
                self.statements.push(format!("{new}=${{{name}-\"${new}\"}}"));
                Ok(format!("${{{new}}}"))
            }
            TextPiece::Shell(script) => {
                let script = self.word(script)?;
                let new = self.fresh();
                self.helper("ask");
                self.statements.push(format!("{new}=$(ask {script})"));
                self.statements.push(format!("{new}=${{{new}% }}"));
                Ok(format!("${{{new}}}"))
            }
            TextPiece::Spaced(base) => {
                let value = match base.as_slice() {
                    [TextPiece::Env { name, or }] if or.is_empty() && !self.changed.contains(name) => {
                        name.clone()
                    }
                    _ => {
                        let base = self.word(base)?;
                        let new = self.fresh();
                        self.statements.push(format!("{new}={base}"));
                        new
                    }
                };
                Ok(format!("${{{value}:+${{{value}}} }}"))
            }
            TextPiece::Wildcard(patterns) => {
                let is_plain =
                    |c: char| c.is_ascii_alphanumeric() || " _./*?[]-+,@%\t".contains(c) || !c.is_ascii();
                if !patterns.chars().all(is_plain) || patterns.contains([FOLDER, MAKE]) {
                    return Err(Trouble { line: 0, why: format!("`$(wildcard {patterns})`") });
                }
                let new = self.fresh();
                self.helper("wildcard");
                self.statements.push(format!("{new}=$(LC_ALL=C wildcard {})", patterns.trim()));
                Ok(format!("${{{new}}}"))
            }
            TextPiece::If { test, then, other } => {
                let test = self.word(test)?;
                let new = self.fresh();
                let branch = |script: &mut ShellScript, text: &MakeText| -> Result<String, Trouble> {
                    let before = std::mem::take(&mut script.statements);
                    let value = script.word(text);
                    let mut lines = std::mem::replace(&mut script.statements, before);
                    let value = value?;
                    lines.push(format!("{new}={value}"));
                    Ok(indented(&lines))
                };
                let then = branch(self, then)?;
                let other = branch(self, other)?;
                self.statements.push(format!("if [ -n {test} ]; then\n{then}else\n{other}fi"));
                Ok(format!("${{{new}}}"))
            }
            TextPiece::Call { function, arguments } => {
                let name = match *function {
                    "strip" => "make_strip",
                    "subst" => "make_subst",
                    "patsubst" => "make_patsubst",
                    "findstring" => "make_findstring",
                    "filter" => "make_filter",
                    "filter-out" => "make_filter_out",
                    "sort" => "make_sort",
                    "word" => "make_word",
                    "wordlist" => "make_wordlist",
                    "words" => "make_words",
                    "firstword" => "make_firstword",
                    "lastword" => "make_lastword",
                    "dir" => "make_dir",
                    "notdir" => "make_notdir",
                    "basename" => "make_basename",
                    "suffix" => "make_suffix",
                    "addsuffix" => "make_addsuffix",
                    "addprefix" => "make_addprefix",
                    "join" => "make_join",
                    other => {
                        return Err(Trouble {
                            line: 0,
                            why: format!("`$({other} …)` of something not yet known"),
                        });
                    }
                };
                let pattern = arguments.first().and_then(|text| literal(text)).unwrap_or_default();
                if pattern.contains('\\') {
                    return Err(Trouble {
                        line: 0,
                        why: format!("a `\\` in a pattern of `$({function} …)`"),
                    });
                }
                let mut words = vec![self.helper(name).to_owned()];
                for argument in arguments {
                    words.push(self.word(argument)?);
                }
                let new = self.fresh();
                self.statements.push(format!("{new}=$({})", words.join(" ")));
                Ok(format!("${{{new}}}"))
            }
            TextPiece::Fail { line, message } => {
                let mut whole = plain(format!("Makefile:{line}: "));
                push(&mut whole, message.clone());
                let message = self.word(&whole)?;
                self.statements.push(format!("echo {message} >&2; exit 1"));
                Ok(String::new())
            }
            TextPiece::Say(message) => {
                let message = self.word(message)?;
                self.statements.push(format!("printf '%s\\n' {message}"));
                Ok(String::new())
            }
        }
    }

    /// One line of a recipe. Nothing, where nothing is left of it.
    pub(super) fn line(
        &mut self,
        text: MakeText,
        runner: &Runner,
        is_lenient: bool,
    ) -> Result<Option<String>, Trouble> {
        let mut text: std::collections::VecDeque<TextPiece> = text.into();
        // What is said is said before, and leaves nothing.
        while let Some(TextPiece::Say(_) | TextPiece::Fail { .. }) = text.front() {
            let piece = text.pop_front().expect("bug: it was there");
            self.hole(&piece)?;
        }
        let mut is_lenient = is_lenient;
        if let Some(TextPiece::Plain(first)) = text.front_mut() {
            let kept = first.trim_start_matches(['@', '-', '+', ' ', '\t']).to_owned();
            is_lenient |= first[..first.len() - kept.len()].contains('-');
            *first = kept;
            if first.is_empty() {
                text.pop_front();
            }
        }
        let text: MakeText = text.into();
        if text.is_empty() {
            return Ok(None);
        }
        let after = if is_lenient { " || :" } else { "" };
        if !matches!(text.first(), Some(TextPiece::Plain(_))) {
            let word = self.word(&text)?;
            let is_sign = |text: &str| text.starts_with(['@', '-', '+', ' ', '\t']);
            // Where it is empty, what follows begins the line.
            let is_followed_by_sign = match text.get(1) {
                None => false,
                Some(TextPiece::Plain(next)) => is_sign(next),
                Some(_) => true,
            };
            if let Some(TextPiece::Env { or, .. }) = text.first()
                && literal(or).is_some_and(|or| !is_sign(&or))
                && !is_followed_by_sign
            {
                // Signs of make at the beginning would have a meaning.
                let first = self.word(&text[..1])?;
                let why = fail("Makefile: a line begins with `@`, `-`, `+` or a blank from the environment");
                self.statements.push(format!("case {first} in [@+\\ \\\t-]*) {why} ;; esac"));
                return Ok(Some(format!("{} {word}{after}", runner.command)));
            }
            self.helper("run");
            return Ok(Some(format!("run {word}{after}")));
        }
        if let Some(known) = literal(&text)
            && !known.contains(FOLDER)
        {
            let known = known.replace(MAKE, "make");
            if known.trim().is_empty() {
                return Ok(None);
            }
            if known.starts_with('#') && !known.contains('\n') {
                return Ok(Some(known));
            }
            if runner.is_default && is_started_directly(&known) && is_shell_and_program(&known) {
                return Ok(Some(format!("(exec {}){after}", known.trim())));
            }
            if runner.is_default && is_plain_command(&known) {
                return Ok(Some(format!("{}{after}", known.trim_end())));
            }
        }
        let word = self.word(&text)?;
        let plain: String = text.iter().filter_map(|piece| literal(std::slice::from_ref(piece))).collect();
        if runner.is_default && is_started_directly(&plain) && is_shell_and_program(&plain) {
            return Ok(Some(format!("{} {word}{after}", self.helper("direct"))));
        }
        Ok(Some(format!("{} {word}{after}", runner.command)))
    }

    /// The functions that the script calls, each with those that it calls.
    pub(super) fn functions(&self) -> String {
        let blocks: Vec<(&str, &str)> = blocks();
        let mut wanted: BTreeSet<&str> = self.helpers.iter().copied().collect();
        loop {
            let calls = |name: &&str| {
                let called = |block: &(&str, &str)| wanted.contains(block.0) && has_word(block.1, name);
                !wanted.contains(*name) && blocks.iter().any(called)
            };
            let more: Vec<&str> = blocks.iter().map(|(name, _)| *name).filter(|name| calls(name)).collect();
            if more.is_empty() {
                break;
            }
            wanted.extend(more);
        }
        let mut text = String::new();
        for (name, block) in blocks {
            if wanted.contains(name) {
                let shell = if self.shell.is_empty() { "/bin/sh -c" } else { &self.shell };
                text.push_str(&block.replace("/bin/sh -c", shell));
                text.push('\n');
            }
        }
        text
    }
}

/// The functions of the library by name, with the comments above them.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let mut blocks = Vec::new();
    for block in FUNCTIONS.split("\n\n") {
        let Some(start) = block.lines().find(|line| line.ends_with("() {")) else { continue };
        let name = start.trim_end_matches("() {");
        blocks.push((name, block.trim_end()));
    }
    blocks
}

fn has_word(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(|c| is_part(c) || c == '(')
    })
}

/// Statements one step further in; what a quoted newline begins stays where it is.
pub(super) fn indented(statements: &[String]) -> String {
    statements.iter().map(|statement| format!("    {statement}\n")).collect()
}

/// Whether make starts a command itself, without a shell: nothing in the line needs one.
fn is_started_directly(line: &str) -> bool {
    const OF_ITS_LIST: &[&str] = &[
        ".", ":", "alias", "bg", "break", "case", "cd", "command", "continue", "eval", "exec", "exit",
        "export", "fc", "fg", "for", "getopts", "hash", "if", "jobs", "login", "logout", "read", "readonly",
        "return", "set", "shift", "test", "times", "trap", "type", "ulimit", "umask", "unalias", "unset",
        "wait", "while",
    ];
    let mut is_quoted = false;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' => is_quoted = !is_quoted,
            '\\' if !is_quoted => {
                characters.next();
            }
            _ if !is_quoted && "#;\"*?[]&|<>(){}$`^~!".contains(character) => return false,
            _ => {}
        }
    }
    let first = line.split_whitespace().next().unwrap_or("");
    !is_quoted && !first.contains('=') && !OF_ITS_LIST.contains(&first)
}

/// Whether a command is one of the shell and a program, which differ in what they do with `\` and options.
fn is_shell_and_program(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or("");
    ["echo", "printf", "true", "false", "kill", "pwd", "["].contains(&first)
}

/// Names that a script of the shell cannot set, or that would change how it works.
pub(super) fn is_settable(name: &str) -> bool {
    is_identifier(name)
        && !name.starts_with("BASH")
        && !name.starts_with("OTTO_")
        && !name.starts_with("make_")
        && ![
            "IFS",
            "UID",
            "EUID",
            "PPID",
            "SHELLOPTS",
            "OPTIND",
            "PS1",
            "PS2",
            "PS4",
            "_",
            "MAKE",
            "MAKEFLAGS",
            "MAKELEVEL",
            "MAKE_COMMAND",
            "MAKE_VERSION",
            "MFLAGS",
            "GNUMAKEFLAGS",
            "LINENO",
            "GPATH",
            "VPATH",
            "SUFFIXES",
            "ENV",
        ]
        .contains(&name)
}
