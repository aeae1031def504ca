//! Bash: a script that can be read and run by hand, and beside it one file that loads INPUT and saves OUTPUT.
//! A body that provably touches none of otto's data gets neither; [`Needs`] is the proof. Nothing of otto's stands behind the
//! body, and data never stands in the script.

use super::fan_in::AskedLists;
use super::files::{self, private};
use super::handover;
use super::interpreter::{self};
use super::outcome;
use super::quote::{Charset, push_assignment, push_word};
use super::shell::{self, Frame, LegacyVariable, Start};
use super::{CannotPrepare, HandOver, Left, List, Prepared, Program, Script, condition};
use crate::body::ending::BodyEnd;
use crate::body::export::has_word;
use crate::body::need::{COLOURS, Needs, may_exec, may_save, may_trap_past_functions, surely_sets};
use crate::body::{Place, Shebang, reads_outcome_array};
use crate::diagnostic::{Code, Diagnostic};
use crate::fate::Fate;
use crate::ottofile::spec::Body;
use crate::value;
use serde::{Deserialize, Serialize};
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
    WATCH = "bash/watch.sh";
    PLAIN = "bash/plain.sh";
    OUTPUT = "bash/output.sh";
    END = "bash/end.sh";
    READY = "bash/ready.sh";
    SAVE = "bash/save.sh";
    SAVE_3 = "bash/save_3.sh";
    EXPORTS = "bash/exports.sh";
    MIDDLE = "bash/middle.sh";
    CLOSE = "bash/close.sh";
    NOW = "bash/now.sh";
    EXIT = "bash/exit.sh";
    TRAP = "bash/trap.sh";
    FIRST = "bash/first.sh";
    PAST = "bash/past.sh";
    LEAVE = "bash/leave.sh";
    GUARD = "bash/guard.sh";
    OLD = "bash/old.sh";
    SET = "bash/set.sh";
    SET_OUTPUT = "bash/set_output.sh";
    SERVICE = "bash/service.sh";
    GET = "bash/get.sh";
    GET_INPUT = "bash/get_input.sh";
    ITEMS = "bash/items.sh";
    PLAIN_3 = "bash/plain_3.sh";
    DESERIALIZE = "bash/deserialize.sh";
    DOTTED = "bash/dotted.sh";
    QUIET = "bash/quiet.sh";
    MORE = "bash/more.sh";
    FIND = "bash/find.sh";
    BUILTIN = "bash/builtin.sh";
    PRINTF = "bash/printf.sh";
    ASK = "bash/ask.sh";
    FORGET_EXPORTS = "bash/forget_exports.sh";
}

/// Comments are for the reader of the source; bash would read past them in every task.
pub(super) fn without_comments(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.is_empty());
    lines.flat_map(|line| [line.trim_start_matches('\t'), "\n"]).collect()
}

/// The array with the fields of an item.
const ITEM: &str = "ITEM";

/// The last line below 4.2: saves, and hands the status on.
const LAST: &str = "{ otto__last \"$?\"; } 2> /dev/null || builtin exit\n";
/// The same where the last list of the body is a test, which may be false.
const LAST_TEST: &str =
    "{ case $-:$? in *e*:1) otto__last 0 ;; *) otto__last \"$?\" ;; esac; } 2> /dev/null || builtin exit\n";

/// What a version of bash can be trusted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// 3.2: no associative arrays.
    Three,
    /// 4.0 and 4.1: a trap for EXIT spoils the status of `set -u`.
    Four,
    Modern,
}

impl Level {
    /// Below 4.2.
    pub(super) fn is_old(self) -> bool {
        self < Level::Modern
    }
}

pub(super) fn prepare(script: &Script, oversized: &[(String, Vec<u8>)]) -> Result<Prepared, CannotPrepare> {
    let text = &script.body.text;
    let shebang = Shebang::of(text);
    let program = program(script, shebang.as_ref())?;
    let level = level(script, &program.path);
    let (options, mut args) = split_options(shebang.map_or(Vec::new(), |shebang| shebang.args));
    let is_posix = args.iter().any(|arg| arg == "--posix") || (script.env)("POSIXLY_CORRECT").is_some();
    let needs = needs(script, level, is_posix || !options.is_empty());
    let setup = Setup {
        script,
        needs,
        level,
        wording: Wording::of(&script.whole_text()),
        is_posix: is_posix || text.contains("posix") || text.contains("POSIX"),
        charset: charset(script),
        ending: BodyEnd::of(text),
    };
    setup.refuse_arrays()?;
    install(script, level, setup.wording)?;
    let has_fates = script.fates.is_some();
    let is_loaded = !needs.is_nothing()
        || has_fates
        || !oversized.is_empty()
        || setup.lists().next().is_some()
        || setup.item().is_some();
    let start = match (is_loaded, script.params.is_empty()) {
        (true, _) => Start::Loaded,
        (false, false) => Start::ByHand,
        (false, true) => Start::None,
    };
    let mut before = shell::before(script, needs.colours.then_some(COLOURS), start);
    if needs.is_nothing() && level == Level::Modern {
        before.extend_from_slice(&setup.plain_end());
    }
    before.extend_from_slice(b"set -euo pipefail");
    setup.push_question(&mut before)?;
    if !options.is_empty() {
        before.extend_from_slice(format!("; set {options}").as_bytes());
    }
    let frame = Frame {
        shebang: "#!/usr/bin/env bash",
        body: text,
        before,
        after: &setup.after(),
        setting: if setup.level == Level::Three { "otto.set KEY VALUE" } else { "OUTPUT[key]=\"value\"" },
        reading: &|key| match setup.level {
            Level::Three => format!("$(otto.get {key})"),
            Level::Four | Level::Modern => format!("\"${{INPUT[{key}]}}\""),
        },
    };
    let variables = shell::legacy_variables(script, needs.calls, needs.names)?;
    let start_text = (start != Start::None).then(|| setup.start_text(&variables, oversized));
    let run_as = shell::write(script, start_text.as_deref(), &shell::script_text(script, &frame))?;
    if needs.opaque {
        shell::make_files(script, &["dump", "journal", "trap", "shadow", "failed"])?;
    }
    args.push(run_as.clone().into());
    let warnings = super::clashes(script.inputs);
    let hands_over = handover::FILES;
    Ok(Prepared { program, level: Some(level), args, hands_over, env: Vec::new(), warnings })
}

/// Puts bash before a program that cannot ask for itself: the same process asks, and becomes the program.
pub(super) fn ask_first(script: &Script, prepared: Prepared) -> Result<Prepared, CannotPrepare> {
    let Some(asking) = condition::as_body(script) else { return Ok(prepared) };
    let (program, mut args) = prepare_question(&Script { condition: script.condition, ..asking })?;
    args.push(prepared.program.path.into());
    args.extend(prepared.args);
    Ok(Prepared { program, args, ..prepared })
}

/// A bash that asks the `if` of a body in another language, and then becomes the program that is named in its arguments.
/// Returns it with the arguments that come before those.
pub(super) fn prepare_question(script: &Script) -> Result<(Program, Vec<OsString>), CannotPrepare> {
    let program = program(script, None)?;
    let level = level(script, &program.path);
    let setup = Setup {
        script,
        needs: needs(script, level, false),
        level,
        wording: Wording::of(&script.body.text),
        is_posix: script.body.text.contains("posix") || script.body.text.contains("POSIX"),
        charset: charset(script),
        ending: BodyEnd::Other,
    };
    setup.refuse_arrays()?;
    install(script, level, setup.wording)?;
    let variables = shell::legacy_variables(script, setup.needs.calls, setup.needs.names)?;
    let path = private(script).join("question.sh");
    let mut text = shell::before(script, setup.needs.colours.then_some(COLOURS), Start::Loaded);
    text.extend_from_slice(b"set -euo pipefail");
    setup.push_question(&mut text)?;
    // Nothing that the `if` set is for others.
    text.extend_from_slice(b"; builtin trap - EXIT ERR DEBUG; exec \"$@\"\n");
    files::write(&shell::start_path(script), &setup.start_text(&variables, &[]))?;
    files::write(&path, &text)?;
    Ok((program, vec![path.into()]))
}

pub(super) fn collect(script: &Script, left: &Left) -> HandOver {
    let shebang = Shebang::of(&script.body.text);
    let level = left.level.expect("bug: a body of bash was prepared for a bash");
    let (options, args) = split_options(shebang.map_or(Vec::new(), |shebang| shebang.args));
    let is_posix = args.iter().any(|arg| arg == "--posix") || (script.env)("POSIXLY_CORRECT").is_some();
    let needs = needs(script, level, is_posix || !options.is_empty());
    handover::collect(script, &needs, level.is_old(), left)
}

/// What a body needs. `is_unusual`: the shell starts with options or in a mode of which the text says nothing.
fn needs(script: &Script, level: Level, is_unusual: bool) -> Needs {
    let text = &script.body.text;
    let mut needs = Needs::of(text);
    if let Some(condition) = script.condition {
        needs = needs.after(Needs::of(&condition.text));
    }
    let text: &str = &script.whole_text();
    let unseen = ["BASH_ENV", "SHELLOPTS", "BASHOPTS"];
    // In such a charset the end of a character may look like a quote to bash, or hide one.
    let is_treacherous = !text.is_ascii() && charset(script) == Charset::Treacherous;
    let is_unusual = is_unusual || is_treacherous;
    if is_unusual || unseen.iter().any(|name| (script.env)(name).is_some_and(|value| !value.is_empty())) {
        needs = needs.with_everything();
    }
    // Below 4.2 bash ends with status 0 where `set -eu` meets a variable that is not set, if there is a trap for EXIT: a
    // hand-over that is missing gives it away, so a body with a trap has one.
    if level == Level::Three {
        // There the arrays are refused, and bring nothing else with them.
        needs.calls |= needs.arrays && (needs.calls || needs.exports);
    }
    needs
}

fn charset(script: &Script) -> Charset {
    Charset::of(&|name| (script.env)(name).map(|value| value.as_bytes().to_vec()))
}

/// Whether a text defines a function of a name.
fn defines(text: &str, function: &str) -> bool {
    text.match_indices(function).any(|(place, name)| {
        text[place + name.len()..].trim_start_matches([' ', '\t']).starts_with('(')
            || text[..place].trim_end_matches([' ', '\t']).ends_with("function")
    })
}

/// The words by which otto's text reaches bash's own commands, whatever functions the body defines and whatever it switches
/// off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Wording {
    /// In place of `builtin`.
    builtin: &'static str,
    /// In place of `builtin printf`.
    printf: Option<&'static str>,
}

impl Wording {
    fn of(text: &str) -> Wording {
        Wording {
            builtin: match (defines(text, "builtin"), defines(text, "command")) {
                (false, _) => "builtin",
                (true, false) => "command",
                (true, true) => "otto__builtin",
            },
            printf: has_word(text, "enable").then_some("otto__printf"),
        }
    }
}

/// Whether a text may trace, in its own words.
fn may_trace(text: &str) -> bool {
    let is_option = |word: &str| {
        word.starts_with('-')
            && word.contains('x')
            && word[1..].bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    text.contains("xtrace") || text.split([' ', '\t', '\n', ';']).any(is_option)
}

/// The level of a program that is a bash, under whatever name.
pub(super) fn level_of(script: &Script, program: &Path) -> Option<Level> {
    interpreter::bash_version(program).map(|_| level(script, program))
}

pub(super) fn interpreter(script: &Script) -> Result<Program, CannotPrepare> {
    program(script, Shebang::of(&script.body.text).as_ref())
}

/// `OTTO_BASH` before everything; else what the `#!` line says, if that path is there; else `bash` by `PATH`.
fn program(script: &Script, shebang: Option<&Shebang>) -> Result<Program, CannotPrepare> {
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
    level_of_version(forced.or_else(|| interpreter::bash_version(program)).as_deref())
}

fn level_of_version(version: Option<&str>) -> Level {
    let mut numbers = version.unwrap_or("5").split('.').map(|number| number.parse::<u32>().unwrap_or(9));
    match (numbers.next().unwrap_or(9), numbers.next().unwrap_or(9)) {
        (0..=3, _) => Level::Three,
        (4, 0 | 1) => Level::Four,
        _ => Level::Modern,
    }
}

/// What a bash that is asked for on this machine can do.
pub(super) fn level_here(program: &Path) -> Level {
    level_of_version(interpreter::bash_version(program).as_deref())
}

/// Everything that decides what one body gets.
struct Setup<'a, 's> {
    script: &'a Script<'s>,
    needs: Needs,
    level: Level,
    wording: Wording,
    /// The body may run in POSIX mode.
    is_posix: bool,
    charset: Charset,
    ending: BodyEnd,
}

impl Setup<'_, '_> {
    /// Bash 3.2 would take `OUTPUT[key]=value` for an assignment to the first element of an ordinary array.
    fn refuse_arrays(&self) -> Result<(), CannotPrepare> {
        let script = self.script;
        let is_asking = |condition: &&Body| {
            let names = ["OUTPUT", "INPUT", "OUTCOME"];
            names.iter().any(|name| has_word(&condition.text, name))
        };
        let body = script.condition.filter(is_asking).unwrap_or(script.body);
        let text = &body.text;
        let output = !self.needs.own_output && has_word(text, "OUTPUT");
        let input = !self.needs.own_input && has_word(text, "INPUT");
        let outcome = self.script.fates.is_some() && reads_outcome_array(text);
        if self.level > Level::Three {
            return Ok(());
        }
        let (name, word) = match (output, input, outcome) {
            (true, _, _) => ("OUTPUT[key]", "OUTPUT"),
            (_, true, _) => ("INPUT[task.key]", "INPUT"),
            (_, _, true) => ("OUTCOME[task]", "OUTCOME"),
            (false, false, false) => return Ok(()),
        };
        let message = format!("`{}` uses `{name}`, which needs bash 4 or newer", self.script.job);
        let start = text.find(word).unwrap_or(0);
        let span = Place::of(body, script.ottofile).span(start..start + word.len());
        let diagnostic = Diagnostic::error(Code::NeedsNewerBash, message)
            .at(self.script.ottofile, span, "this bash is older and has no such arrays")
            .help(match outcome && !output && !input {
                true => "use `otto_outcome TASK`, which works in every bash",
                false => "use `otto.set KEY VALUE` and `otto.get TASK.KEY`, which work in every bash",
            })
            .help("or install a newer bash and add it to PATH or set `OTTO_BASH`");
        Err(CannotPrepare { diagnostic, code: 125 })
    }

    /// The options that take several words, each with an array that the body may mean.
    fn lists(&self) -> impl Iterator<Item = &List> {
        let text = self.script.whole_text();
        let is_meant = move |list: &&List| self.needs.names || text.contains(&list.array());
        self.script.arrays().filter(is_meant)
    }

    /// The body only sets keys of OUTPUT and reads those of INPUT.
    fn is_simple(&self) -> bool {
        self.level == Level::Modern && !(self.needs.calls || self.needs.exports || self.needs.opaque)
    }

    /// On the line before the body: the question whether it runs.
    fn push_question(&self, before: &mut Vec<u8>) -> Result<(), CannotPrepare> {
        let Some(condition) = self.script.condition else { return Ok(()) };
        let of_condition = Needs::of(&condition.text);
        let mut forget = String::new();
        if self.needs.saves() && self.level > Level::Three && !self.needs.own_output {
            forget.push_str("declare -At OUTPUT=()\n");
        }
        if self.needs.saves() && !self.is_simple() {
            forget.push_str(
                "otto__own=() OTTO_OUTPUT=()\n[[ ! -s $otto__dir/journal ]] || : >| \"$otto__dir/journal\"\n",
            );
        }
        if of_condition.exports || of_condition.opaque {
            forget.push_str(&FORGET_EXPORTS);
        }
        let ask = worded(&ASK, self.wording);
        condition::push_question(before, self.script, &ask, &worded(&forget, self.wording))
    }

    /// What stands behind the body: nothing, except below 4.2, where no trap may do this work. There too nothing stands behind a
    /// text that lacks its end.
    fn after(&self) -> Cow<'static, str> {
        let is_test = match (self.level, &self.ending) {
            (Level::Modern, _) | (_, BodyEnd::Unfinished) => return "".into(),
            (_, ending) => ending.is_surely_a_test(),
        };
        match (self.needs.saves(), is_test) {
            (true, true) => worded(LAST_TEST, self.wording),
            (true, false) => worded(LAST, self.wording),
            (false, true) => shell::LAST_TEST.into(),
            (false, false) => "".into(),
        }
    }

    /// On the line before the body: how the end of a body without data is met.
    fn plain_end(&self) -> Vec<u8> {
        let mut text = Vec::new();
        // It has no folder of otto's.
        self.push_paths(&mut text, self.script.dir, b"; ");
        PLAIN.lines().for_each(|line| text.extend([line.as_bytes(), b"; "].concat()));
        text
    }

    fn push_paths(&self, text: &mut Vec<u8>, folder: &Path, separator: &[u8]) {
        text.extend_from_slice(b"otto__dir=");
        push_word(text, folder.as_os_str().as_bytes(), Charset::Plain);
        text.extend_from_slice(b" otto__end=");
        let path = end_path(self.script, self.wording);
        push_word(text, path.as_os_str().as_bytes(), Charset::Plain);
        if let BodyEnd::Tests(proof) = &self.ending
            && proof.tests().next().is_some()
        {
            text.extend_from_slice(b" otto__proof=");
            push_word(text, proof.question().as_bytes(), Charset::Plain);
            text.extend_from_slice(b" otto__tests=(");
            for (shown, again) in proof.tests() {
                push_word(text, shown.as_bytes(), Charset::Plain);
                text.push(b' ');
                push_word(text, again.as_bytes(), Charset::Plain);
                text.push(b' ');
            }
            text.push(b')');
        }
        text.extend_from_slice(separator);
    }

    /// What bash loads before the body: otto's functions, then INPUT, and, for a start by hand, what otto would have set.
    fn start_text(&self, variables: &[LegacyVariable], oversized: &[(String, Vec<u8>)]) -> Vec<u8> {
        let (script, needs, charset) = (self.script, &self.needs, self.charset);
        let body = script.whole_text();
        let mut text = shell::start_of_start();
        self.push_paths(&mut text, &private(script), b"\n");
        if self.wording.builtin == "otto__builtin" {
            text.extend_from_slice(BUILTIN.as_bytes());
        }
        if self.wording.printf.is_some() {
            // Not `worded`: this is the function itself.
            let printf = Wording { printf: None, ..self.wording };
            text.extend_from_slice(worded(&PRINTF, printf).as_bytes());
        }
        if needs.saves() {
            self.push_saving(&mut text);
        }
        if needs.calls {
            self.push_functions(&mut text);
        }
        if needs.saves() && self.level > Level::Three && !needs.own_input {
            text.extend_from_slice(b"declare -A INPUT=() || return\n");
            shell::each_input(script.inputs, &mut |key, value| {
                // One line for each: a single compound assignment would lose keys on older versions.
                text.extend_from_slice(b"INPUT[");
                push_word(&mut text, key.as_bytes(), charset);
                text.extend_from_slice(b"]=");
                push_word(&mut text, value, charset);
                text.push(b'\n');
            });
            self.asked(&body).each_list(&mut |key, list| {
                text.extend_from_slice(b"INPUT[");
                push_word(&mut text, key.as_bytes(), charset);
                text.extend_from_slice(b"]=");
                push_word(&mut text, list, charset);
                text.push(b'\n');
            });
        }
        if let Some(item) = self.item() {
            text.extend_from_slice(b"declare -A ITEM=() || return\n");
            value::each_key(item, &mut |key, value| {
                if let Some(bytes) = shell::shell_value(value) {
                    text.extend_from_slice(b"ITEM[");
                    push_word(&mut text, key.as_bytes(), charset);
                    text.extend_from_slice(b"]=");
                    push_word(&mut text, &bytes, charset);
                    text.push(b'\n');
                }
            });
        }
        if let Some(fates) = script.fates {
            self.push_outcomes(&mut text, fates);
        }
        if needs.names || script.whole_text().contains("OTTO_INPUT") {
            text.extend_from_slice(b"OTTO_INPUT=()\n");
            shell::each_input(script.inputs, &mut |key, value| {
                text.extend_from_slice(b"OTTO_INPUT+=(");
                push_word(&mut text, &[key.as_bytes(), b"=", value].concat(), charset);
                text.extend_from_slice(b")\n");
            });
        }
        for variable in variables {
            push_assignment(&mut text, &variable.name, &variable.value, charset);
        }
        for (name, value) in oversized {
            push_assignment(&mut text, name, value, charset);
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

    /// The fields of its item, if that is an object and the body may read them.
    fn item(&self) -> Option<&value::Map> {
        let is_meant = || self.needs.names || has_word(&self.script.whole_text(), ITEM);
        let fields = self.script.item?.as_map()?;
        (self.level > Level::Three && (self.script.env)(ITEM).is_none() && is_meant()).then_some(fields)
    }

    /// What it reads of foreach tasks as a whole.
    fn asked<'t>(&'t self, body: &'t str) -> AskedLists<'t> {
        AskedLists::by(self.script, body, self.needs.opaque)
    }

    fn push_outcomes(&self, text: &mut Vec<u8>, fates: &[Fate]) {
        if self.level > Level::Three && outcome::has_array(self.script, self.needs.names) {
            outcome::push_array(text, fates, self.charset);
        }
        if self.needs.calls {
            let print = worded("builtin printf '%s\\n' ", self.wording);
            outcome::push_function(text, fates, self.charset, &print);
        }
    }

    fn push_saving(&self, text: &mut Vec<u8>) {
        if self.is_simple() {
            let output: &str = &OUTPUT;
            let end = output.strip_prefix("declare -At OUTPUT=() || return\n").unwrap_or(output);
            text.extend_from_slice(if self.needs.own_output { end } else { output }.as_bytes());
            return;
        }
        let mut push = |fragment: &str| {
            text.extend_from_slice(worded(fragment, self.wording).as_bytes());
        };
        match self.level {
            Level::Three => push(&SAVE_3),
            Level::Four | Level::Modern => {
                if !self.needs.own_output {
                    push("declare -At OUTPUT=() || return\n");
                }
                push(&READY);
                push(&SAVE);
            }
        }
        push(&EXPORTS);
        push(&MIDDLE);
        push(&CLOSE);
        push(&NOW);
        if self.level == Level::Modern {
            push(&WATCH);
            if self.needs.opaque {
                push(&EXIT);
                push(&GUARD);
                push(&TRAP);
                if self.is_posix {
                    // There builtins come before functions, and aliases before builtins.
                    push("alias trap='otto__traced=$- otto__trap' exit='otto__left=$? otto__leave'\n");
                }
            }
            push("builtin trap \"$otto__handler\" EXIT\n");
            let text = &self.script.body.text;
            let mut looks = String::new();
            let is_posix = self.is_posix && text.contains("trap");
            if self.needs.opaque && (is_posix || may_trap_past_functions(text)) {
                push("otto__take_exit\n");
                push(&PAST);
                looks.push_str("otto__look_past; ");
            }
            if self.needs.opaque && may_exec(text) && (!surely_sets(text) || may_save(text)) {
                push(&LEAVE);
                looks.push_str("otto__look_at_exec; ");
            }
            if !looks.is_empty() {
                push(&format!("otto__look_first() {{ {looks}}}\n"));
                push(&FIRST);
            }
        } else {
            push(&EXIT);
            push(&GUARD);
            push(&OLD);
            if self.is_posix {
                push("alias exit='otto__left=$? otto__leave'\n");
            }
        }
    }

    /// What the functions need only sometimes is in a file that all runs share.
    fn push_functions(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(worded("otto__more() { builtin source ", self.wording).as_bytes());
        let path = more_path(self.script, self.level, self.wording);
        push_word(text, path.as_os_str().as_bytes(), Charset::Plain);
        text.extend_from_slice(b"; }\n");
        let mut push = |fragment: &str| {
            text.extend_from_slice(worded(fragment, self.wording).as_bytes());
        };
        if self.level == Level::Three {
            push(&PLAIN_3);
        } else {
            [&SET, &SET_OUTPUT, &GET, &GET_INPUT].into_iter().for_each(|fragment| push(fragment));
        }
        if self.script.is_service {
            push(&SERVICE);
        }
        push(&DESERIALIZE);
        push(&DOTTED);
        let body = self.script.whole_text();
        let asked = self.asked(&body);
        push(&ITEMS);
        if self.needs.opaque && may_trace(&self.script.body.text) {
            push(&QUIET);
        }
        asked.push_items(text, self.charset);
        if self.level == Level::Three {
            shell::push_find_function(text, self.script, &asked, self.charset);
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

/// A text of otto's in the words that reach what they mean. `return` and `shift` are about the function that they stand in,
/// which a function in the place of `builtin` cannot do for them; it has been called before, and the body's is away.
fn worded(text: &str, wording: Wording) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    if let Some(printf) = wording.printf {
        text = text.replace("builtin printf ", &format!("{printf} ")).into();
    }
    if wording.builtin != "builtin" {
        text = text.replace("builtin ", &format!("{} ", wording.builtin)).into();
    }
    if wording.builtin == "otto__builtin" {
        text = ["return", "shift", "set --"].iter().fold(text, |text, word| {
            text.replace(&format!("otto__builtin {word}"), &format!("builtin {word}")).into()
        });
    }
    text
}

/// A file that all runs share. Its name tells its text, for other versions of otto have others.
fn shared_path(script: &Script, name: &str, text: &str) -> PathBuf {
    script.runtime.join(format!("{name}-{}.sh", &blake3::hash(text.as_bytes()).to_hex().as_str()[..12]))
}

/// What the functions seldom need.
fn more_path(script: &Script, level: Level, wording: Wording) -> PathBuf {
    let text = more_text(level > Level::Three, wording);
    shared_path(script, if level > Level::Three { "bash-4" } else { "bash-3" }, &text)
}

fn more_text(has_arrays: bool, wording: Wording) -> String {
    let find: &str = if has_arrays { &FIND } else { "" };
    worded(&format!("{}{find}", *MORE), wording).into_owned()
}

/// What is looked at when a body ends with a status other than 0.
fn end_path(script: &Script, wording: Wording) -> PathBuf {
    shared_path(script, "bash-end", &worded(&END, wording))
}

fn install(script: &Script, level: Level, wording: Wording) -> Result<(), CannotPrepare> {
    thread_local! {
        static INSTALLED: RefCell<HashSet<(PathBuf, bool, Wording)>> = RefCell::default();
    }
    let has_arrays = level > Level::Three;
    let question = (script.runtime.to_owned(), has_arrays, wording);
    if INSTALLED.with_borrow(|installed| installed.contains(&question)) {
        return Ok(());
    }
    let files = [
        (more_path(script, level, wording), more_text(has_arrays, wording)),
        (end_path(script, wording), worded(&END, wording).into_owned()),
    ];
    for (path, text) in files {
        // Its name tells what is in it.
        if !path.is_file() {
            files::install(&path, text.as_bytes())?;
        }
    }
    INSTALLED.with_borrow_mut(|installed| installed.insert(question));
    Ok(())
}
