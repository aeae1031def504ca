//! Bash: a script that can be read and run by hand, and beside it one file that loads INPUT and saves OUTPUT.
//! A body that speaks of none of otto's data gets neither. What the body needs is found in its text, by
//! [`Mentions`]; data never stands in the script.

use super::handover;
use super::interpreter::{self};
use super::quote::{Charset, push_word};
use super::shell::{self, Frame, LegacyVariable, Start};
use super::{CannotPrepare, HandOver, List, Prepared, Script};
use crate::body::mention::{COLOURS, Mentions};
use crate::body::{Place, Shebang, grammar};
use crate::diagnostic::{Code, Diagnostic};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

pub(super) use super::shell::shown_name;

macro_rules! fragments {
    ($($name:ident = $file:literal;)*) => {
        $(static $name: LazyLock<String> = LazyLock::new(|| without_comments(include_str!($file)));)*
        /// Every file of this language, for the tests.
        #[cfg(test)]
        pub(super) const FRAGMENTS: &[(&str, &str)] = &[$(($file, include_str!($file)),)*];
    };
}

fragments! {
    OUTPUT = "bash/output.sh";
    OUTPUT_OWN = "bash/output_own.sh";
    READY = "bash/ready.sh";
    SAVE = "bash/save.sh";
    SAVE_ALL = "bash/save_all.sh";
    SAVE_3 = "bash/save_3.sh";
    HARDENED = "bash/hardened.sh";
    MIDDLE = "bash/middle.sh";
    NOW = "bash/now.sh";
    EXIT = "bash/exit.sh";
    TRAP = "bash/trap.sh";
    GUARD = "bash/guard.sh";
    OLD = "bash/old.sh";
    SET = "bash/set.sh";
    SET_OUTPUT = "bash/set_output.sh";
    GET = "bash/get.sh";
    GET_INPUT = "bash/get_input.sh";
    PLAIN_3 = "bash/plain_3.sh";
    DESERIALIZE = "bash/deserialize.sh";
    DOTTED = "bash/dotted.sh";
    MORE = "bash/more.sh";
    FIND = "bash/find.sh";
    END = "bash/end.sh";
    END_GUARD = "bash/end_guard.sh";
    BUILTIN = "bash/builtin.sh";
}

/// Comments are for the reader of the source; bash would read past them in every task.
pub(super) fn without_comments(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.is_empty());
    lines.flat_map(|line| [line.trim_start_matches('\t'), "\n"]).collect()
}

/// What a version of bash can be trusted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    /// 3.2: no associative arrays.
    Three,
    /// 4.0 and 4.1: a trap for EXIT spoils the status of `set -u`.
    Four,
    Modern,
}

/// How the body's own traps for EXIT are brought together with otto's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Traps {
    /// The body sets none.
    None,
    /// All of them name their signals in the text, so that a function in front of `trap` can follow them.
    Named,
    /// Only looking, before the end, at what is set.
    Any,
}

pub(super) fn prepare(script: &Script, oversized: &[(String, Vec<u8>)]) -> Result<Prepared, CannotPrepare> {
    let shebang = Shebang::of(&script.body.text);
    let program = program(script, shebang.as_ref())?;
    let level = level(script, &program);
    let (text, found) = text(script, level);
    let (options, mut args) = split_options(shebang.map_or(Vec::new(), |shebang| shebang.args));
    let setup = Setup {
        script,
        found,
        level,
        traps: traps(&script.body.text, &found),
        is_quiet: found.options || found.opaque || !options.is_empty(),
        is_posix: found.posix
            || args.iter().any(|arg| arg == "--posix")
            || (script.env)("POSIXLY_CORRECT").is_some(),
        charset: Charset::of(&|name| (script.env)(name).map(|value| value.as_bytes().to_vec())),
    };
    setup.refuse_arrays()?;
    let is_needed = !oversized.is_empty() || setup.needs_end() || setup.lists().next().is_some();
    let start = Start::of(script, &found, is_needed);
    let options = if options.is_empty() {
        "set -euo pipefail".into()
    } else {
        format!("set -euo pipefail; set {options}")
    };
    let frame = Frame {
        shebang: "#!/usr/bin/env bash",
        body: &text,
        before: shell::before(script, found.colours.then_some(COLOURS), start, &options),
        after: setup.after(),
        setting: if setup.level == Level::Three { "otto.set KEY VALUE" } else { "OUTPUT[key]=\"value\"" },
        reading: &|key| match setup.level {
            Level::Three => format!("$(otto.get {key})"),
            Level::Four | Level::Modern => format!("\"${{INPUT[{key}]}}\""),
        },
    };
    if found.sets() || found.gets() || found.opaque {
        install_more(script, setup.level, &setup.found)?;
    }
    let variables = shell::legacy_variables(script, &found)?;
    let start_text = (start != Start::None).then(|| setup.start_text(&variables, oversized));
    let run_as = shell::write(script, start_text.as_deref(), &shell::script_text(script, &frame))?;
    if found.may_hand_over() && (found.umask || found.opaque) {
        shell::make_files(script, &["dump", "journal", "trap", "shadow"])?;
    }
    args.push(run_as.clone().into());
    let warnings = super::clashes(script.inputs);
    Ok(Prepared { program, args, env: Vec::new(), warnings })
}

pub(super) fn collect(script: &Script, succeeded: bool) -> HandOver {
    let text = &script.body.text;
    let is_old = Mentions::of(text).trap
        && program(script, Shebang::of(text).as_ref()).is_ok_and(|program| is_old(script, &program));
    let found = mentions(text, is_old);
    if !found.may_hand_over() {
        return HandOver::default();
    }
    handover::collect(script, &found, is_old, succeeded)
}

/// What a body speaks of. Below 4.2 bash ends with status 0 where `set -eu` meets a variable that is not set, if there is a
/// trap for EXIT: a hand-over that is missing gives it away, so a body with a trap has one.
pub(super) fn mentions(text: &str, is_old: bool) -> Mentions {
    let mut found = Mentions::of(text);
    found.export |= found.trap && is_old;
    found
}

/// Whether a program is a bash below 4.2, under whatever name.
pub(super) fn is_old(script: &Script, program: &Path) -> bool {
    interpreter::bash_version(program).is_some() && level(script, program) < Level::Modern
}

/// The user's text, with plain reads made direct where nothing in it could tell the difference.
fn text<'a>(script: &Script<'a>, level: Level) -> (Cow<'a, str>, Mentions) {
    let text = &script.body.text;
    let found = mentions(text, level < Level::Modern);
    let is_safe = level > Level::Three && (found.get || found.get_input) && !found.opaque && !found.input;
    match is_safe.then(|| super::direct::direct(text, script.inputs)).flatten() {
        Some(changed) => {
            let found = mentions(&changed, level < Level::Modern);
            (Cow::Owned(changed), found)
        }
        None => (Cow::Borrowed(text), found),
    }
}

pub(super) fn interpreter(script: &Script) -> Result<PathBuf, CannotPrepare> {
    program(script, Shebang::of(&script.body.text).as_ref())
}

/// `OTTO_BASH` before everything; else what the `#!` line says, if that path is there; else `bash` by `PATH`.
fn program(script: &Script, shebang: Option<&Shebang>) -> Result<PathBuf, CannotPrepare> {
    if let Some(chosen) = (script.env)("OTTO_BASH").filter(|chosen| !chosen.is_empty()) {
        return interpreter::find(script, chosen);
    }
    let named = shebang.map_or("bash", |shebang| &shebang.program);
    interpreter::find(script, OsStr::new(named)).or_else(|error| match named {
        "bash" => Err(error),
        _ => interpreter::find(script, OsStr::new("bash")),
    })
}

/// Options of a `#!` line that `set` understands are set after the start, which `-x` would show line by line; the
/// others go to bash itself.
fn split_options(args: Vec<String>) -> (String, Vec<OsString>) {
    let is_for_set = |arg: &String| {
        arg.len() > 1
            && arg.starts_with('-')
            && arg[1..].chars().all(|letter| "abefhkmntuvxBCEHPT".contains(letter))
    };
    let (options, args): (Vec<String>, Vec<String>) = args.into_iter().partition(is_for_set);
    (options.join(" "), args.into_iter().map(OsString::from).collect())
}

/// The version that matters, from the file itself.
fn level(script: &Script, program: &Path) -> Level {
    let forced = (script.env)("OTTO_BASH_LEVEL").and_then(OsStr::to_str).map(str::to_owned);
    let version = forced.or_else(|| interpreter::bash_version(program));
    let mut numbers =
        version.as_deref().unwrap_or("5").split('.').map(|number| number.parse::<u32>().unwrap_or(9));
    match (numbers.next().unwrap_or(9), numbers.next().unwrap_or(9)) {
        (0..=3, _) => Level::Three,
        (4, 0 | 1) => Level::Four,
        _ => Level::Modern,
    }
}

/// Which traps a text sets, as far as the text says.
fn traps(text: &str, found: &Mentions) -> Traps {
    if found.opaque {
        return Traps::Any;
    }
    if !found.trap {
        return Traps::None;
    }
    for command in grammar::commands(text).commands {
        let mut words = command
            .words
            .iter()
            .map(|word| &text[word.clone()])
            .skip_while(|word| grammar::is_assignment(word));
        match words.next() {
            Some("builtin" | "command") if words.any(|word| word == "trap") => return Traps::Any,
            Some("trap") => {}
            _ => continue,
        }
        let signals: Vec<&str> = words.skip_while(|word| *word == "--").skip(1).collect();
        let is_plain = |word: &str| !word.contains(['$', '`', '*', '?', '{']);
        let is_scoped = |word: &str| {
            let name = word.trim_matches(['"', '\'']).to_ascii_uppercase();
            ["ERR", "DEBUG", "RETURN"].contains(&name.as_str())
        };
        if signals.iter().any(|word| !is_plain(word) || is_scoped(word)) {
            return Traps::Any;
        }
    }
    Traps::Named
}

/// Everything that decides what one body gets.
struct Setup<'a, 's> {
    script: &'a Script<'s>,
    found: Mentions,
    level: Level,
    traps: Traps,
    /// The body may switch tracing on, which should not show otto's own commands.
    is_quiet: bool,
    /// The body may run in POSIX mode, where builtins come before functions, and aliases before builtins.
    is_posix: bool,
    charset: Charset,
}

impl Setup<'_, '_> {
    /// Bash 3.2 would take `OUTPUT[key]=value` for an assignment to the first element of an ordinary array.
    fn refuse_arrays(&self) -> Result<(), CannotPrepare> {
        let uses = self.found.output || self.found.input;
        if self.level > Level::Three || !uses {
            return Ok(());
        }
        let name = if self.found.output { "OUTPUT[key]" } else { "INPUT[task.key]" };
        let message =
            format!("`{}` uses `{name}`, which needs bash 4, and this bash is older", self.script.job);
        let start = self.script.body.text.find(name.split('[').next().unwrap_or(name)).unwrap_or(0);
        let span = Place::of(self.script.body, self.script.ottofile)
            .span(start..start + name.find('[').unwrap_or(0));
        let diagnostic = Diagnostic::error(Code::NeedsNewerBash, message)
            .at(self.script.ottofile, span, "bash 3.2 has no such arrays")
            .help("use `otto.set KEY VALUE` and `otto.get TASK.KEY`, which every bash has")
            .help("or install a newer bash, and put it into PATH or name it in `OTTO_BASH`");
        Err(CannotPrepare { diagnostic, code: 125 })
    }

    /// The options that take several words, each with an array that the body may mean.
    fn lists(&self) -> impl Iterator<Item = &List> {
        let text = &self.script.body.text;
        let is_meant = |list: &&List| self.found.opaque || text.contains(&list.array());
        self.script.arrays().filter(is_meant)
    }

    /// Below 4.2 there is no trap of otto's, so the end of the script has to be met in other ways.
    fn traps(&self) -> Traps {
        if self.level < Level::Modern { Traps::Any } else { self.traps }
    }

    /// The last line calls a function of otto's.
    fn needs_end(&self) -> bool {
        self.after().contains("otto__")
    }

    /// The body sets `OUTPUT[key]` or calls `otto_set`, and does nothing else that matters to saving.
    fn saves_plainly(&self) -> bool {
        let found = &self.found;
        let is_more = found.opaque || found.save || found.export || found.legacy_output;
        let is_unruly = self.is_quiet || found.own_builtins || found.takes_output || found.plain_output;
        !is_more && !is_unruly && self.traps() == Traps::None
    }

    /// The end of the script. A false test as the last line is no failure; without `set -e` the last status counts.
    fn after(&self) -> &'static str {
        let may_change = self.found.options || self.found.opaque;
        match (self.found.may_hand_over() && self.traps() == Traps::Any, may_change) {
            (true, _) => "case $- in *e*) otto__guard ;; *) otto__end $? ;; esac",
            (false, true) if self.found.own_exit => "case $- in *e*) ;; *) otto__end $? ;; esac",
            (false, _) => shell::neutral_end(&self.found),
        }
    }

    /// What bash loads before the body: the functions that the body mentions, then INPUT, and, for a start by hand,
    /// what otto would have set.
    fn start_text(&self, variables: &[LegacyVariable], oversized: &[(String, Vec<u8>)]) -> Vec<u8> {
        let (script, found, charset) = (self.script, &self.found, self.charset);
        let mut text = shell::start_of_start(script);
        if found.own_builtin {
            text.extend_from_slice(BUILTIN.as_bytes());
        }
        if found.may_hand_over() {
            self.push_saving(&mut text);
        } else if self.needs_end() {
            text.extend_from_slice(past_functions(&END, found).as_bytes());
        }
        self.push_functions(&mut text);
        if found.dotted || found.opaque {
            text.extend_from_slice(DOTTED.as_bytes());
        }
        if found.may_read() && self.level > Level::Three {
            text.extend_from_slice(b"declare -A INPUT=() || return\n");
            shell::each_input(script.inputs, &mut |key, value| {
                // One line for each: a single compound assignment would lose keys on older versions.
                text.extend_from_slice(b"INPUT[");
                push_word(&mut text, key.as_bytes(), charset);
                text.extend_from_slice(b"]=");
                push_word(&mut text, value, charset);
                text.push(b'\n');
            });
        }
        if found.legacy_input || found.opaque {
            text.extend_from_slice(b"OTTO_INPUT=()\n");
            shell::each_input(script.inputs, &mut |key, value| {
                text.extend_from_slice(b"OTTO_INPUT+=(");
                push_word(&mut text, &[key.as_bytes(), b"=", value].concat(), charset);
                text.extend_from_slice(b")\n");
            });
        }
        for variable in variables {
            shell::push_assignment(&mut text, &variable.name, &variable.value, charset);
        }
        for (name, value) in oversized {
            shell::push_assignment(&mut text, name, value, charset);
        }
        for list in self.lists() {
            text.extend_from_slice(format!("{}=(", list.array()).as_bytes());
            for word in &list.words {
                push_word(&mut text, word.as_bytes(), charset);
                text.push(b' ');
            }
            text.extend_from_slice(b")\n");
        }
        shell::push_by_hand(&mut text, script, charset);
        text
    }

    fn push_saving(&self, text: &mut Vec<u8>) {
        if self.saves_plainly() {
            let plain: &str = if self.found.sets() { &OUTPUT_OWN } else { &OUTPUT };
            text.extend_from_slice(plain.as_bytes());
            return;
        }
        let found = &self.found;
        let mut push = |fragment: &str| text.extend_from_slice(past_functions(fragment, found).as_bytes());
        if self.is_quiet {
            // The handler is read when it runs, so `set` may be an alias by then.
            push("otto__quiet='{ otto__status=$?; \\set +x; } 2> /dev/null; '\n");
        }
        match self.level {
            Level::Three => push(&SAVE_3),
            Level::Four | Level::Modern => {
                push(&READY);
                push(if found.export || found.opaque { &SAVE_ALL } else { &SAVE });
            }
        }
        if found.own_builtins || found.opaque || self.traps() == Traps::Any {
            push(&HARDENED);
        }
        if found.save || found.opaque || self.traps() != Traps::None {
            push(&MIDDLE);
        }
        if found.save || found.opaque {
            push(&NOW);
        }
        match self.traps() {
            Traps::None if self.needs_end() => push(&END),
            Traps::None => {}
            Traps::Named => {
                push(&EXIT);
                push(&TRAP);
                if self.is_posix {
                    push("alias trap=otto__trap exit=otto__leave\n");
                }
                push(&END);
            }
            Traps::Any => {
                push(&EXIT);
                push(&GUARD);
                if self.is_posix {
                    push("alias exit=otto__leave\n");
                }
                push(&END_GUARD);
            }
        }
        match self.level {
            Level::Three | Level::Four => push(&OLD),
            Level::Modern if self.is_quiet => push("trap \"${otto__quiet}otto__exit\" EXIT\n"),
            Level::Modern => push("trap otto__exit EXIT\n"),
        }
    }

    /// The functions that the body calls. What they need only sometimes is in a file that all runs share.
    fn push_functions(&self, text: &mut Vec<u8>) {
        let found = &self.found;
        let needs = |is_mentioned: bool| is_mentioned || found.opaque;
        if !needs(found.sets() || found.gets()) {
            return;
        }
        text.extend_from_slice(past_functions("otto__more() { builtin source ", found).as_bytes());
        push_word(text, more_path(self.script, self.level, found).as_os_str().as_bytes(), Charset::Plain);
        text.extend_from_slice(b"; }\n");
        let mut push = |is_needed: bool, fragment: &str| {
            if is_needed {
                text.extend_from_slice(past_functions(fragment, found).as_bytes());
            }
        };
        if self.level == Level::Three {
            push(true, &PLAIN_3);
        } else {
            push(needs(found.set), &SET);
            push(needs(found.set_output), &SET_OUTPUT);
            push(needs(found.get), &GET);
            push(needs(found.get_input), &GET_INPUT);
        }
        push(needs(found.deserialize_input), &DESERIALIZE);
        if !needs(found.gets()) {
            return;
        }
        if self.level == Level::Three {
            shell::push_find_function(text, self.script, self.charset);
        }
        text.extend_from_slice(b"otto__deps=(");
        for input in self.script.inputs {
            push_word(text, input.job.as_str().as_bytes(), self.charset);
            text.push(b' ');
            push_word(text, shell::keys_in_words(input, 20).as_bytes(), self.charset);
            text.push(b' ');
        }
        text.extend_from_slice(b")\n");
    }
}

/// Calls of `builtin` in a text of otto's, so that the body's own function of that name is not what they call. `return`
/// and `shift` are about the function that they stand in; the one in the place of `builtin` has been called before.
fn past_functions<'a>(text: &'a str, found: &Mentions) -> Cow<'a, str> {
    match found.own_builtin {
        true => {
            let text = text.replace("builtin ", "otto__builtin ");
            text.replace("otto__builtin return", "builtin return")
                .replace("otto__builtin shift", "builtin shift")
                .into()
        }
        false => text.into(),
    }
}

/// The file of what the functions seldom need. Its name tells its text, for other versions of otto have others.
fn more_path(script: &Script, level: Level, found: &Mentions) -> PathBuf {
    static NAMES: LazyLock<[String; 4]> = LazyLock::new(|| {
        [(3, false), (3, true), (4, false), (4, true)].map(|(version, own_builtin)| {
            let text = more_text(version > 3, &Mentions { own_builtin, ..Mentions::default() });
            format!("bash-{version}-{}.sh", &blake3::hash(text.as_bytes()).to_hex().as_str()[..12])
        })
    });
    script.runtime.join(&NAMES[2 * usize::from(level > Level::Three) + usize::from(found.own_builtin)])
}

fn more_text(has_arrays: bool, found: &Mentions) -> String {
    let find: &str = if has_arrays { &FIND } else { "" };
    past_functions(&format!("{}{find}", *MORE), found).into_owned()
}

fn install_more(script: &Script, level: Level, found: &Mentions) -> Result<(), CannotPrepare> {
    thread_local! {
        static INSTALLED: RefCell<HashSet<PathBuf>> = RefCell::default();
    }
    let path = more_path(script, level, found);
    if INSTALLED.with_borrow(|installed| installed.contains(&path)) {
        return Ok(());
    }
    if !path.exists() {
        shell::install(&path, more_text(level > Level::Three, found).as_bytes())?;
    }
    INSTALLED.with_borrow_mut(|installed| installed.insert(path));
    Ok(())
}
