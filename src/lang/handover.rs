//! What a shell handed over, as outputs and as problems to tell. Knows the files; what is in them is `record`'s.

use super::export;
use super::record::{self, Dump, DumpTime, Dumped, Entry, EntryKind, EntryValue, ShellEnd};
use super::shell::one_line;
use super::{HandOver, Left, Script};
use crate::body::Language;
use crate::body::export::has_word;
use crate::body::need::{Needs, may_exec, may_load, may_set_after_saving, surely_exports, surely_sets};
use crate::diagnostic::{Code, Diagnostic};
use crate::store::outputs::{MOST_BYTES, Outputs};
use crate::value::{self, Value};
use rustix::fs::OFlags;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The version of a shell that is no bash.
const POSIX: &str = "sh";

/// What a shell leaves in the directory of its attempt. A body without data leaves at most the last one.
pub(super) const FILES: &[&str] = &[
    ".otto/asked",
    ".otto/dump",
    ".otto/exported",
    ".otto/failed",
    ".otto/journal",
    ".otto/names",
    ".otto/secrets",
    ".otto/shadow",
    ".otto/v.*",
    "failed",
];

/// The largest file that is read: several hand-overs may stand in one.
const MOST_FILE_BYTES: u64 = 4 * MOST_BYTES as u64;

/// Reads, removes and merges what is in the job's directory. In the order of their age: what `otto.set` kept in memory,
/// the journal, the array OTTO_OUTPUT, OUTPUT, exported variables.
/// `is_old`: the bash may end with status 0 although it failed.
pub(super) fn collect(script: &Script, needs: &Needs, is_old: bool, left: &Left) -> HandOver {
    let mut collector = Collector::of(script, left);
    let ended = collector.ended();
    if !needs.saves() {
        return HandOver { ended, ..HandOver::default() };
    }
    // What a look at the traps of the body leaves, as open to others as the umask of the body has it.
    let _ = fs::remove_file(collector.private.join("trap"));
    let dumped = record::dump(&collector.take("dump"));
    let dump = match dumped {
        Dumped::Whole(dump) => {
            match (dump.moment, left.succeeded) {
                (DumpTime::AtTheEnd, _) => {}
                (DumpTime::Early, true) => collector.never_ended(),
                // Without `exec` it was killed after `otto.save`.
                (DumpTime::Early, false) if !may_exec(&script.body.text) => {}
                (DumpTime::Early | DumpTime::BeforeTrap, _) => collector.lost_its_end(left.succeeded),
            }
            *dump
        }
        Dumped::Nothing => {
            let is_sure = surely_sets(&script.body.text) && !only_after_exec(&script.body.text);
            let text = &script.body.text;
            if left.succeeded && is_old && !is_sure && may_exec(text) && may_load(text) {
                collector.may_have_loaded();
            } else if left.succeeded {
                collector.never_handed_over(needs, is_old, is_sure);
            } else if is_sure && may_exec(&script.body.text) {
                collector.lost_with_exec();
            }
            Dump::default()
        }
        Dumped::InPart => {
            collector.in_part();
            Dump::default()
        }
    };
    HandOver { ended, ..collector.merge(dump, needs) }
}

/// The same from a shell without arrays: the journals, and exported variables if the text may make some; then `exports`
/// says whether the shell is an old bash.
pub(super) fn collect_from_posix(
    script: &Script,
    needs: &Needs,
    exports: Option<bool>,
    left: &Left,
) -> HandOver {
    let mut collector = Collector::of(script, left);
    let ended = collector.ended();
    let mut dump = Dump { version: POSIX.to_owned(), ..Dump::default() };
    if let Some(is_old) = exports {
        let written = collector.take("exported");
        // zsh writes what bash writes.
        dump = match (record::dump(&collector.take("dump")), record::exports(&written)) {
            (Dumped::Whole(dump), _) => *dump,
            (_, Some(exports)) => {
                dump.moment = if exports.is_early { DumpTime::Early } else { DumpTime::AtTheEnd };
                dump.variables =
                    exports.variables.into_iter().filter(|(name, _)| name.starts_with("OTTO_")).collect();
                dump.exported = dump.variables.iter().map(|(name, _)| name.clone()).collect();
                dump
            }
            (Dumped::Nothing, None) if written.is_empty() => {
                if left.succeeded {
                    collector.never_handed_over(needs, is_old, surely_exports(&script.body.text));
                }
                dump
            }
            (Dumped::InPart | Dumped::Nothing, None) => {
                collector.in_part();
                dump
            }
        };
    }
    if dump.moment != DumpTime::AtTheEnd && left.succeeded {
        collector.never_ended();
    }
    HandOver { ended, ..collector.merge(dump, needs) }
}

/// Of a body without data: only where it failed.
pub(super) fn collect_end(script: &Script, left: &Left) -> HandOver {
    HandOver { ended: Collector::of(script, left).ended(), ..HandOver::default() }
}

/// Whether a text provably sets nothing before it may become another program: it runs in its own order, nothing it loads
/// is before its last `exec`, and no output of its own words.
fn only_after_exec(text: &str) -> bool {
    let Some(last) = text.rfind("exec") else { return false };
    let (before, after) = (&text[..last], &text[last + "exec".len()..]);
    let comes_back = ["while", "until", "for", "select", "function", "trap", "source", "eval"];
    let defines = |(place, _): (usize, &str)| before[..place].trim_end().ends_with('(');
    let names = ["OUTPUT", "otto", "OTTO_", ". "];
    !comes_back.iter().any(|word| has_word(before, word))
        && !before.match_indices(')').any(defines)
        && !names.iter().any(|name| before.contains(name))
        && !Needs::of(after).opaque
}

/// What a text does with the name OUTPUT.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OutputUse {
    /// It makes a variable of a function's own.
    Own,
    /// It assigns to the whole variable, which is not a function's own.
    Assigned,
}

fn has_output(text: &str, wanted: OutputUse) -> bool {
    text.match_indices("OUTPUT").any(|(place, name)| {
        let before = &text[..place];
        let rest = &text[place + name.len()..];
        if before.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            return false;
        }
        let command = before.rsplit(['\n', ';', '&', '|', '(', '{']).next().unwrap_or("");
        let mut words = command.split_whitespace();
        let verb = words.next().unwrap_or("");
        let is_own = verb == "local"
            || ["declare", "typeset"].contains(&verb)
                && !words.any(|word| word.starts_with('-') && word.contains('g'));
        match wanted {
            OutputUse::Own => is_own,
            OutputUse::Assigned => rest.starts_with('=') && !is_own,
        }
    })
}

struct Collector<'a, 's> {
    script: &'a Script<'s>,
    folder: &'a Path,
    private: PathBuf,
    /// Keys that were set as strings.
    texts: BTreeSet<String>,
    /// Sorted: bash has no order of keys to keep.
    values: BTreeMap<String, Value>,
    /// Of all values so far.
    bytes: usize,
    problems: Vec<Diagnostic>,
}

impl<'a, 's> Collector<'a, 's> {
    fn of(script: &'a Script<'s>, left: &Left<'a>) -> Collector<'a, 's> {
        Collector {
            script,
            folder: left.folder,
            private: left.private(),
            texts: BTreeSet::new(),
            values: BTreeMap::new(),
            bytes: 0,
            problems: Vec::new(),
        }
    }

    /// The bytes of a file that may be missing.
    fn take(&mut self, name: &str) -> Vec<u8> {
        self.read_and_remove(name).unwrap_or_default()
    }

    /// A file's bytes; `None` if it is not there. It is removed: nobody reads it again.
    fn read_and_remove(&mut self, name: impl AsRef<Path>) -> Option<Vec<u8>> {
        let path = self.private.join(name);
        match read_private(&path) {
            Ok(bytes) => {
                // If it stays, nobody reads it again.
                let _ = fs::remove_file(&path);
                Some(bytes)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let message = format!("cannot read `{}`: {}", path.display(), crate::host::plain(&error));
                self.problems.push(Diagnostic::error(Code::NotHandedOver, message));
                None
            }
        }
    }

    /// Where the body ended, if its shell noted that.
    fn ended(&mut self) -> Option<ShellEnd> {
        let mut bytes = self.take("failed");
        if bytes.is_empty() {
            // Of a body without data, which has no folder of otto's.
            let path = self.folder.join("failed");
            bytes = read_private(&path).unwrap_or_default();
            if !bytes.is_empty() {
                // If it stays, nobody reads it again.
                let _ = fs::remove_file(&path);
            }
        }
        record::ended(&bytes)
    }

    /// `is_sure`: the text sets what only the end would have handed over.
    fn never_handed_over(&mut self, needs: &Needs, is_old: bool, is_sure: bool) {
        let may_exec = may_exec(&self.script.body.text);
        if may_exec && !is_sure {
            // It became another program, and had nothing to hand over.
            return;
        }
        let message = format!("`{}` ended with status 0, but its outputs were never saved", self.script.job);
        let mut problem = Diagnostic::error(Code::NotHandedOver, message);
        if may_exec {
            problem = problem
                .note("`exec` replaces the shell, so everything that was set is lost")
                .help("call `otto.save` before `exec`");
        } else if is_old {
            problem = problem
                .note("before bash 4.2, this happens if the script has an EXIT trap and uses an unset variable, replaces otto's trap, ends by `command exit` or `builtin exit`, or ends within a here-document");
        } else if needs.opaque {
            problem = problem.note("the shell ran `exec` in a file that it loaded or under another name, or its EXIT trap is not otto's");
        }
        self.problems.push(problem);
    }

    /// The shell came to no end of its own after it had saved.
    fn never_ended(&mut self) {
        let exports_only = Language::of(self.script.body) == Language::Posix;
        if !may_set_after_saving(&self.script.body.text, exports_only) {
            return;
        }
        let message = format!("what `{}` set after `otto.save` is lost", self.script.job);
        let problem = Diagnostic::warning(Code::NotHandedOver, message)
            .note("`exec` replaced the shell")
            .help("call `otto.save` once more, right before `exec`");
        self.problems.push(problem);
    }

    /// The same where something else than `otto.save` saved.
    fn lost_its_end(&mut self, succeeded: bool) {
        let message = format!("what `{}` set last may be lost", self.script.job);
        let problem = match succeeded {
            true => Diagnostic::error(Code::NotHandedOver, message),
            false => Diagnostic::warning(Code::NotHandedOver, message),
        };
        let problem = problem
            .note("its shell ended by `exec`, or with an EXIT trap that was set right before and past otto, as by `builtin trap`")
            .help("call `otto.save` before that");
        self.problems.push(problem);
    }

    /// A task that failed has said why; what that cost is one more thing to know.
    fn lost_with_exec(&mut self) {
        let message = format!("`{}` failed, and its outputs were never handed over", self.script.job);
        let problem = Diagnostic::warning(Code::NotHandedOver, message)
            .note("`exec` ends the shell, also where it fails, and with it everything that was set")
            .help("call `otto.save` before `exec`");
        self.problems.push(problem);
    }

    /// Below 4.2 otto cannot save before each command that may be an `exec`.
    fn may_have_loaded(&mut self) {
        let message =
            format!("what `{}` loaded or evaluated may have set outputs, which are lost", self.script.job);
        let problem = Diagnostic::warning(Code::NotHandedOver, message)
            .note("`exec` replaced the shell, and before bash 4.2 nothing is saved before that")
            .help("call `otto.save` before `exec`");
        self.problems.push(problem);
    }

    fn in_part(&mut self) {
        let message = format!("the outputs of `{}` were written only in part", self.script.job);
        let note = format!("they were being written to `{}`; is the disk full?", self.private.display());
        self.problems.push(Diagnostic::error(Code::CutShort, message).note(note));
    }

    fn merge(mut self, mut dump: Dump, needs: &Needs) -> HandOver {
        if needs.own_output {
            dump.output.clear();
        } else {
            self.look_at_output(&dump);
        }
        for (key, value) in dump.own {
            self.set(&key, Value::from_bytes(value));
        }
        if needs.calls {
            self.journal();
        }
        if dump.version == POSIX {
            self.journal_of_names();
        }
        for item in dump.legacy {
            match item.iter().position(|byte| *byte == b'=') {
                Some(equals) => self.set(&item[..equals], Value::from_bytes(item[equals + 1..].to_vec())),
                None => {
                    let shown = one_line(&String::from_utf8_lossy(&item));
                    self.bad_output(format!("OTTO_OUTPUT has the entry `{shown}`, which is not `key=value`"));
                }
            }
        }
        for (key, value) in dump.output {
            self.set_in_output(&key, Value::from_bytes(value));
        }
        let exports = self.exports(&dump.exported, &dump.arrays, dump.variables);
        if self.bytes > MOST_BYTES {
            let message = format!(
                "the outputs of `{}` are {} bytes; the limit is {MOST_BYTES} (64 MiB)",
                self.script.job, self.bytes
            );
            self.values.clear();
            self.problems.push(
                Diagnostic::error(Code::OutputTooLarge, message).help("write a file and pass on its path"),
            );
        }
        let outputs = Outputs { values: self.values.into_iter().collect(), exports, ..Outputs::default() };
        self.problems.extend(export::limits_warning(self.script.job, &outputs));
        HandOver { outputs, texts: self.texts, problems: self.problems, ..HandOver::default() }
    }

    /// What can be wrong with OUTPUT itself.
    fn look_at_output(&mut self, dump: &Dump) {
        let job = self.script.job;
        let may_be_there = !dump.functions.is_empty() || dump.version.starts_with('3');
        let declared = if may_be_there { self.take("shadow") } else { Vec::new() };
        let attributes = declared.strip_prefix(b"declare -").unwrap_or_default();
        let attributes = attributes.split(|byte| *byte == b' ').next().unwrap_or_default();
        if dump.version.starts_with(['1', '2', '3']) {
            if attributes.contains(&b'a') {
                let message = format!("`{job}` sets keys of OUTPUT, which bash {} cannot do", dump.version);
                let help = "use `otto.set KEY VALUE`, or bash 4 or newer";
                self.problems.push(Diagnostic::error(Code::NeedsNewerBash, message).help(help));
            }
            return;
        }
        let text = &self.script.body.text;
        let hiding = dump.functions.first().filter(|_| !attributes.contains(&b't'));
        let hiding = hiding.filter(|_| !dump.is_spoilt || has_output(text, OutputUse::Own));
        if let Some(function) = hiding {
            let message = format!("`{job}` ended inside `{function}`, which has its own variable OUTPUT");
            let help = "exit outside that function, or do not declare OUTPUT in it";
            self.problems.push(Diagnostic::error(Code::OutputReplaced, message).help(help));
        } else if dump.is_spoilt {
            let message = format!("OUTPUT was replaced or unset in `{job}`");
            let help = "otto can read OUTPUT only if it stays an associative array; use another name for your variable";
            self.problems.push(Diagnostic::error(Code::OutputReplaced, message).help(help));
        }
        let has_key_0 = dump.output.iter().any(|(key, _)| key == b"0");
        if hiding.is_none() && has_key_0 && has_output(text, OutputUse::Assigned) {
            let message = format!("`OUTPUT=…` in `{job}` sets the key `0` of OUTPUT");
            self.problems
                .push(Diagnostic::warning(Code::ScriptHint, message).help("write `OUTPUT[key]=value`"));
        }
    }

    fn journal(&mut self) {
        let bytes = self.take("journal");
        let (entries, is_whole) = record::journal(&bytes);
        if !is_whole {
            self.in_part();
        }
        for entry in entries {
            self.entry(entry);
        }
    }

    /// In a shell that cannot write an entry at once, every entry is a file, and this one has their names.
    fn journal_of_names(&mut self) {
        let names = self.take("names");
        if !names.is_empty() && !names.ends_with(b"\n") {
            self.in_part();
        }
        for name in names.split(|byte| *byte == b'\n').filter(|name| !name.is_empty()) {
            self.entry(Entry {
                key: Vec::new(),
                kind: EntryKind::Whole,
                value: EntryValue::InFile(name.to_vec()),
            });
        }
    }

    fn entry(&mut self, entry: Entry) {
        let bytes = match entry.value {
            EntryValue::Here(bytes) => bytes,
            // Only a name of otto's own making leads to a file.
            EntryValue::InFile(name) if name.starts_with(b"v.") && !name.contains(&b'/') => {
                match self.read_and_remove(OsStr::from_bytes(&name)) {
                    Some(bytes) => bytes,
                    None => return self.in_part(),
                }
            }
            EntryValue::InFile(_) => return self.in_part(),
        };
        match entry.kind {
            EntryKind::Text => self.set(&entry.key, Value::from_bytes(bytes)),
            EntryKind::List => {
                let items = record::items(&bytes).into_iter().map(Value::from_bytes);
                self.set(&entry.key, Value::List(items.collect()));
            }
            EntryKind::Json => match value::parse_output(&bytes) {
                Ok(value) => {
                    self.set(&entry.key, value);
                    if let Ok(key) = std::str::from_utf8(&entry.key) {
                        self.texts.remove(key);
                    }
                }
                Err(error) => {
                    let key = one_line(&String::from_utf8_lossy(&entry.key));
                    let text = one_line(&String::from_utf8_lossy(&bytes));
                    let message = format!("`otto.set --json {key}` got invalid JSON: {error}");
                    self.problems.push(
                        Diagnostic::error(Code::NotJson, message).note(format!("the text is `{text}`")),
                    );
                }
            },
            EntryKind::Whole => match record::entry_in_file(&bytes) {
                Some(entry) if entry.kind != EntryKind::Whole => self.entry(entry),
                Some(_) | None => self.in_part(),
            },
        }
    }

    /// Exported variables that are neither otto's own nor what the launch was given.
    fn exports(
        &mut self,
        exported: &[String],
        arrays: &[String],
        variables: Vec<(String, Vec<u8>)>,
    ) -> Vec<String> {
        if exported.is_empty() {
            return Vec::new();
        }
        let injected: HashMap<_, _> =
            export::inject(self.script.inputs, self.script.job, "").env.into_iter().collect();
        let exported: HashSet<&str> = exported.iter().map(String::as_str).collect();
        // What the `if` exported is no output.
        let asked: HashMap<String, Vec<u8>> = record::exports(&self.take("asked"))
            .map_or(Vec::new(), |asked| asked.variables)
            .into_iter()
            .collect();
        let mut names = Vec::new();
        for (name, value) in variables {
            if !exported.contains(name.as_str()) {
                continue;
            }
            let given = injected.get(OsStr::new(&name)).map(|value| value.as_os_str());
            let is_as_given =
                given.or_else(|| (self.script.env)(&name)).is_some_and(|given| given.as_bytes() == value)
                    || asked.get(&name) == Some(&value);
            if crate::body::export::is_reserved(&name) {
                if !is_as_given && crate::body::export::exports_by_name(&self.script.body.text, &name) {
                    let message = format!("`{name}` is reserved for otto, so exporting it has no effect");
                    self.problems
                        .push(Diagnostic::warning(Code::ExportClash, message).help("use another name"));
                }
                continue;
            }
            if arrays.contains(&name) {
                let message = format!("`{name}` is an array, which shells cannot export");
                let key = name.trim_start_matches("OTTO_").to_ascii_lowercase();
                self.problems.push(
                    Diagnostic::warning(Code::BadOutput, message)
                        .help(format!("use `otto_set --list {key} \"${{{name}[@]}}\"`")),
                );
                continue;
            }
            if is_as_given && !crate::body::export::exports_by_name(&self.script.body.text, &name) {
                continue;
            }
            self.set(name.as_bytes(), Value::from_bytes(value));
            names.push(name);
        }
        names.sort();
        names
    }

    fn set(&mut self, key: &[u8], value: Value) {
        self.bytes += key.len() + size(&value);
        match std::str::from_utf8(key) {
            Ok("") => self.bad_output("an output has an empty key".to_owned()),
            Ok(key) => {
                self.texts.insert(key.to_owned());
                self.values.insert(key.to_owned(), value);
            }
            Err(_) => self.bad_output(format!("the key `{}` is not UTF-8", key.escape_ascii())),
        }
    }

    /// OUTPUT counts before what the functions were told; which of the two was later is not known.
    fn set_in_output(&mut self, key: &[u8], value: Value) {
        let there = std::str::from_utf8(key).ok().and_then(|key| self.values.get(key));
        if there.is_some_and(|there| *there != value) {
            let key = String::from_utf8_lossy(key);
            let message = format!("`OUTPUT[{key}]` and `otto.set {key}` set different values; OUTPUT wins");
            self.problems.push(
                Diagnostic::warning(Code::OutputConflict, message).help("set each key in only one way"),
            );
        }
        self.set(key, value);
    }

    fn bad_output(&mut self, message: String) {
        self.problems.push(Diagnostic::error(Code::BadOutput, message));
    }
}

/// What a value takes in JSON, roughly; the exact size is checked when it is written.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 6,
        Value::Number(digits) => digits.len() + 2,
        Value::Null | Value::Bool(_) => 6,
        Value::List(items) => items.iter().map(size).sum::<usize>() + 2,
        Value::Map(map) => map.iter().map(|(key, value)| key.len() + 4 + size(value)).sum::<usize>() + 2,
    }
}

/// Reads a file that a body made, whatever `umask` it had; and it is a file, not a pipe or a device that never ends.
fn read_private(path: &Path) -> io::Result<Vec<u8>> {
    let open = || {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        fs::OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)
    };
    let mut file = match open() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
            open()?
        }
        result => result?,
    };
    let size = file.metadata()?;
    if !size.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if size.len() > MOST_FILE_BYTES {
        return Err(io::Error::other(format!(
            "it is {} bytes long; the limit is {MOST_BYTES} (64 MiB)",
            size.len()
        )));
    }
    let mut bytes = Vec::with_capacity(size.len() as usize);
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}
