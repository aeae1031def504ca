//! Names, parsed once and then trusted: tasks, parameters, jobs, runs.
//! Knows nothing of files; how a name becomes a file name is `store::layout`.

use std::borrow::Borrow;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// The built-in commands. Capitalised, so that no task collides with one by accident; a task that is named
/// like one is a load error.
pub(crate) const BUILT_INS: &[&str] = &[
    "Cancel",
    "Check",
    "Clean",
    "Completions",
    "Convert",
    "Data",
    "Explain",
    "Graph",
    "Help",
    "History",
    "Init",
    "List",
    "Logs",
    "Man",
    "Replay",
    "Rerun",
    "Resume",
    "Schema",
    "Show",
    "Stats",
];

const _: () = {
    let mut place = 0;
    while place < BUILT_INS.len() {
        assert!(BUILT_INS[place].as_bytes()[0].is_ascii_uppercase());
        place += 1;
    }
};

/// Why a text cannot be a name; reads on after "the name `…`".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NameError(pub(crate) &'static str);

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The name of a task as written: not empty, no control characters, no leading `-`, not a built-in, at most
/// 255 bytes. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TaskName(Arc<str>);

impl TaskName {
    pub(crate) fn new(text: &str) -> Result<TaskName, NameError> {
        if text.is_empty() {
            return Err(NameError("is empty"));
        }
        if text.starts_with('-') {
            return Err(NameError("starts with `-`, so it would be read as an option"));
        }
        if text.chars().any(char::is_control) {
            return Err(NameError("contains a control character"));
        }
        if text.len() > 255 {
            return Err(NameError("is longer than 255 bytes"));
        }
        // Thousands of names are asked for, and hardly one begins like these.
        if text.starts_with(|first: char| first.is_ascii_uppercase()) && BUILT_INS.contains(&text) {
            return Err(NameError("is a built-in command"));
        }
        Ok(TaskName(text.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Tables of tasks are searched by texts that may be no task's name.
impl Borrow<str> for TaskName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

/// The name of a parameter: a shell identifier (`dry_run`), made from the long form with `-` as `_`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ParamName(Arc<str>);

impl ParamName {
    /// From the long form without dashes, the short letter, or the bare word: `dry-run` is `dry_run`.
    pub(crate) fn new(written: &str) -> Result<ParamName, NameError> {
        let name = written.replace('-', "_");
        if !is_identifier(&name) {
            return Err(NameError(
                "is not a valid name: use letters, digits, `-` and `_`, and do not start with a digit",
            ));
        }
        if is_reserved_variable(&name) {
            return Err(NameError("is reserved: bash, Python, the loader or otto itself uses it"));
        }
        Ok(ParamName(name.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Letters, digits and `_`, without a digit in front: what shells and Python take as a name.
pub(crate) fn is_identifier(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Variables that change how a shell, Python or the dynamic loader behaves (guarantee G33), and those that bash sets itself,
/// so that a value given would be lost.
pub(crate) fn is_reserved_variable(name: &str) -> bool {
    // What Python reads is `PYTHONPATH` and the like; `PYTHON_VERSION` is anybody's.
    let is_pythons = name
        .strip_prefix("PYTHON")
        .is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_alphanumeric()));
    is_pythons || RESERVED.contains(&name) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Names that no parameter has.
pub(crate) const RESERVED: &[&str] = &[
    "BASHOPTS",
    "BASHPID",
    "CDPATH",
    "COMP_WORDBREAKS",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "FUNCNAME",
    "GLOBIGNORE",
    "HISTCMD",
    "HOME",
    "IFS",
    "LINENO",
    "OLDPWD",
    "OPTARG",
    "OPTERR",
    "OPTIND",
    "PATH",
    "PIPESTATUS",
    "POSIXLY_CORRECT",
    "PPID",
    "PROMPT_COMMAND",
    "PS4",
    "PWD",
    "RANDOM",
    "SECONDS",
    "SHELL",
    "SHELLOPTS",
    "SHLVL",
    "SRANDOM",
    "UID",
    "INPUT",
    "OUTPUT",
    "PARAMS",
    "_",
];

/// Beginnings of such names.
pub(crate) const RESERVED_PREFIXES: &[&str] =
    &["LD_", "DYLD_", "OTTO_", "BASH_", "otto_", "NODE_OPTIONS", "PERL5", "RUBYOPT", "RUBYLIB"];

impl fmt::Display for ParamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ParamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

/// The name of a job: a task's name, or `task:item` for a job of a foreach task. Unique in a plan.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct JobName(Arc<str>);

impl JobName {
    pub(crate) fn of_task(task: &TaskName) -> JobName {
        JobName(task.0.clone())
    }

    /// `item` is the name of the item, already without blanks and control characters.
    pub(crate) fn of_item(task: &TaskName, item: &str) -> JobName {
        JobName(format!("{task}:{item}").into())
    }

    /// A name read back from a record; anything not empty is accepted, for the record is the truth.
    pub(crate) fn recorded(text: &str) -> Option<JobName> {
        (!text.is_empty()).then(|| JobName(text.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

/// A value as a part of a job's name: itself, or a hash of it if it is long or would be mistaken for more than a value.
pub(crate) fn value_name(value: &OsStr) -> String {
    const LONGEST: usize = 40;
    const DIGITS: usize = 8;
    let is_plain = |text: &&str| {
        text.len() <= LONGEST && text.chars().all(|c| c.is_alphanumeric() || "_-.+/:@%^".contains(c))
    };
    match value.to_str().filter(is_plain) {
        Some(text) => text.to_owned(),
        None => format!("#{}", &blake3::hash(value.as_bytes()).to_hex()[..DIGITS]),
    }
}

/// The name of a run: `20261123-215400.123456-k3f9`, UTC time and a random tail in base 32. It sorts by time and is also the
/// name of the run's directory. Users see and type only its tail, [`RunId::short`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RunId(Arc<str>);

impl RunId {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    /// Length of the random tail in characters.
    pub(crate) const TAIL: usize = 6;
    /// Length of the whole id in bytes.
    pub(crate) const LENGTH: usize = 22 + 1 + RunId::TAIL;

    /// `stamp` is `YYYYMMDD-HHMMSS.ffffff` in UTC; `random` supplies the tail, 5 bits a character.
    pub(crate) fn new(stamp: &str, random: u64) -> RunId {
        let tail: String = (0..RunId::TAIL)
            .map(|place| char::from(RunId::ALPHABET[(random >> (5 * place)) as usize & 31]))
            .collect();
        RunId(format!("{stamp}-{tail}").into())
    }

    /// A run id read back from disk: exactly the form that [`RunId::new`] makes.
    pub(crate) fn parse(text: &str) -> Option<RunId> {
        let bytes = text.as_bytes();
        let has_form = bytes.len() == RunId::LENGTH
            && bytes.iter().enumerate().all(|(place, byte)| match place {
                8 | 22 => *byte == b'-',
                15 => *byte == b'.',
                0..=21 => byte.is_ascii_digit(),
                _ => RunId::ALPHABET.contains(byte),
            });
        has_form.then(|| RunId(text.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The time in it, microseconds since the Unix epoch. `None`: digits in the right places need not be a date; no otto makes
    /// such an id.
    pub(crate) fn stamp_us(&self) -> Option<i64> {
        let time = jiff::civil::DateTime::strptime("%Y%m%d-%H%M%S%.f", &self.0[..22]).ok()?;
        Some(jiff::tz::TimeZone::UTC.to_timestamp(time).ok()?.as_microsecond())
    }

    /// The random tail. Views show its shortest unique prefix, at least 4 characters.
    pub(crate) fn tail(&self) -> &str {
        &self.0[self.0.len() - RunId::TAIL..]
    }

    /// The first 4 characters of the tail: what a live run calls itself.
    pub(crate) fn short(&self) -> &str {
        &self.tail()[..4]
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for JobName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for JobName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<JobName, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        JobName::recorded(&text).ok_or_else(|| serde::de::Error::custom("the name of a job is empty"))
    }
}

impl serde::Serialize for ParamName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for ParamName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<ParamName, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        ParamName::new(&text)
            .map_err(|_| serde::de::Error::custom(format!("`{text}` is not the name of a parameter")))
    }
}

impl serde::Serialize for RunId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for RunId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<RunId, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        RunId::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a run ID")))
    }
}

/// At most `most` of `known` that look like `wanted`, best first. Names that differ only in case, or of which
/// one starts with the other, come before those that are near by edit distance.
pub(crate) fn similar<'a>(
    wanted: &str,
    known: impl IntoIterator<Item = &'a str>,
    most: usize,
) -> Vec<&'a str> {
    // A name this long is not a typo, and comparing takes time proportional to the product of the lengths.
    const LONGEST: usize = 100;
    if wanted.len() > LONGEST {
        return Vec::new();
    }
    let folded = wanted.to_lowercase();
    let length = folded.chars().count();
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .filter(|name| *name != wanted && name.len() <= LONGEST)
        .filter_map(|name| {
            let other = name.to_lowercase();
            let score = if other == folded {
                2.0
            } else if folded.len() >= 3
                && (other.starts_with(&folded) || folded.starts_with(&other) && other.len() >= 3)
            {
                1.0 + strsim::jaro_winkler(&folded, &other)
            } else {
                let other_length = other.chars().count();
                let longest = length.max(other_length);
                let most_apart = 1.max(longest / 3);
                if length.abs_diff(other_length) > most_apart {
                    return None;
                }
                let distance = strsim::osa_distance(&folded, &other);
                // Short names differ in all their letters before they differ in many.
                if distance > most_apart || distance == longest {
                    return None;
                }
                1.0 - distance as f64 / (longest + 1) as f64
            };
            Some((score, name))
        })
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored.into_iter().take(most).map(|(_, name)| name).collect()
}

/// Byte by byte: letters in upper case, `_` for all that is no letter, digit or `_`.
pub(crate) fn fold(text: &str) -> String {
    let folded = text.bytes().map(|byte| match byte {
        b'a'..=b'z' => byte.to_ascii_uppercase(),
        b'A'..=b'Z' | b'0'..=b'9' => byte,
        _ => b'_',
    });
    folded.map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_names_refuse_what_the_command_line_or_the_console_could_not_show() {
        assert_eq!(TaskName::new(""), Err(NameError("is empty")));
        assert!(TaskName::new("-x").is_err());
        assert!(TaskName::new("a\nb").is_err());
        assert!(TaskName::new("Clean").is_err());
        for fine in ["build", "my task", "$(id)", "a/b", "..", "żółw", "build:x86", "2024"] {
            assert_eq!(TaskName::new(fine).map(|name| name.as_str().to_owned()), Ok(fine.to_owned()));
        }
    }

    #[test]
    fn parameter_names_are_identifiers_and_never_traps() {
        assert_eq!(ParamName::new("dry-run").map(|name| name.as_str().to_owned()), Ok("dry_run".into()));
        let traps = "PATH LD_PRELOAD LD_LIBRARY_PATH LD_X BASH_ENV BASH_FUNC_x BASHOPTS IFS SHELLOPTS PS4 PYTHONPATH \
                     PYTHONSTARTUP OTTO_TASK OTTO_X OUTPUT INPUT PARAMS HOME CDPATH GLOBIGNORE RANDOM SRANDOM SECONDS \
                     BASHPID EPOCHSECONDS EPOCHREALTIME HISTCMD COMP_WORDBREAKS SHLVL OPTERR PIPESTATUS LINENO UID PPID";
        for trap in traps.split_whitespace().chain(["2x", "a.b", "a b", "a=b", "$(x)", "é", ""]) {
            assert!(ParamName::new(trap).is_err(), "{trap}");
        }
        for fine in ["ENV", "PYTHON_VERSION", "PYTHON", "OTTOMAN"] {
            assert!(ParamName::new(fine).is_ok(), "{fine}");
        }
    }

    #[test]
    fn a_value_in_a_name_is_itself_or_a_hash() {
        let name = |text: &str| value_name(OsStr::new(text));
        for plain in ["", "release", "3.12", "a/b:c@d", "żółw", &"x".repeat(40)] {
            assert_eq!(name(plain), plain);
        }
        for odd in ["a b", "a,b", "a=b", "a]", "$x", "#1", "a\n", "'", &"x".repeat(41)] {
            let shown = name(odd);
            assert!(shown.len() == 9 && shown.starts_with('#'), "{odd} {shown}");
            assert_ne!(shown, name(&format!("{odd} ")));
        }
        assert_eq!(value_name(OsStr::from_bytes(b"\xff")).len(), 9);
    }

    #[test]
    fn run_ids_parse_exactly_what_they_print() {
        let id = RunId::new("20261123-215400.123456", 0x1234_5678_9abc);
        assert_eq!(RunId::parse(id.as_str()), Some(id.clone()));
        assert_eq!(id.short().len(), 4);
        for other in ["latest", "20261123-215400.123456-ABCDEF", "20261123-215400-abcdef", ""] {
            assert_eq!(RunId::parse(other), None);
        }
    }

    #[test]
    fn suggestions_are_few_and_near() {
        let known = ["build", "builder", "test", "deploy"];
        assert_eq!(similar("biuld", known, 3), ["build"]);
        assert_eq!(similar("Build", known, 3), ["build", "builder"]);
        assert_eq!(similar("zzz", known, 3), Vec::<&str>::new());
        assert_eq!(similar("b", ["a", "ab"], 3), ["ab"]);
        assert_eq!(similar(&"x".repeat(101), [&*"x".repeat(100)], 3), Vec::<&str>::new());
    }
}
