//! The table of diagnostic codes. A code is never reused and never changes its meaning; each has a page in
//! `docs/errors/`.
//!
//! E00xx the command line as such · E01xx the ottofile's form · E02xx the ottofile and other files · E03xx across tasks
//! · E04xx parameters and their values · E05xx variables and facts · E06xx starting tasks · E07xx data passing
//! · E08xx records · E09xx streaming

use std::fmt;

macro_rules! codes {
    ($($name:ident = $number:literal, $title:literal;)*) => {
        /// What kind of mistake a diagnostic is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) enum Code { $(#[doc = $title] $name,)* }

        impl Code {
            pub(crate) const ALL: &[Code] = &[$(Code::$name,)*];

            /// Four digits, without the letter.
            pub(crate) fn number(self) -> u16 {
                match self { $(Code::$name => $number,)* }
            }

            /// One line: what this mistake is.
            pub(crate) fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }
        }
    };
}

codes! {
    UnknownFlag = 1, "an option that otto does not have";
    BadFlagValue = 2, "an option with a value that it cannot take";
    UnknownTask = 3, "a task that the ottofile does not define";
    BuiltInMixed = 4, "a built-in command together with tasks";
    UnexpectedWord = 5, "a word that no parameter takes";
    NoScreen = 6, "a full-screen view without a screen";
    YamlSyntax = 101, "text that is not YAML";
    YamlLimit = 102, "a file that is too large, too deep or expands too far";
    WrongType = 103, "a value of the wrong type";
    UnknownKey = 104, "a key that otto does not know";
    DuplicateKey = 105, "a key that is written twice";
    MissingKey = 106, "a key that must be there";
    BadName = 107, "a name that cannot be used";
    UnsupportedApi = 108, "a version of the ottofile that this otto does not read";
    BadValue = 109, "a value that is not one of those allowed";
    TwoBodies = 110, "a task with more than one body";
    BadParamForm = 111, "a parameter whose form cannot be read";
    Contradiction = 112, "two settings that exclude each other";
    YamlFeature = 113, "a YAML feature that ottofiles do not use";
    BadGlob = 114, "a pattern of files that cannot be read";
    JoinedLines = 115, "a body whose lines YAML joins into one";
    NoOttofile = 201, "no ottofile";
    UnreadableOttofile = 202, "an ottofile that cannot be read";
    FileTrouble = 203, "a file that otto cannot read or write";
    UnknownDependency = 301, "an edge to a task that does not exist";
    Cycle = 302, "dependency cycle";
    NameClash = 303, "two things with one name";
    UnknownItem = 304, "an item that the foreach task does not have";
    ForeachFailed = 305, "a foreach that cannot be expanded";
    ContradictingEdges = 306, "edges between two tasks that exclude each other";
    UnknownParam = 401, "an option that the task does not declare";
    MissingValue = 402, "an option without its value";
    MissingParam = 403, "a required parameter that was not given";
    BadChoice = 404, "a value outside the choices";
    BadParamType = 405, "a value of the wrong type for its parameter";
    WrongCount = 406, "too few or too many values";
    ParamConflict = 407, "a parameter that would inherit two different values";
    EnvFailed = 501, "a command in an `envs` value that failed";
    EnvCycle = 502, "`envs` entries that refer to each other in a circle";
    EnvUnknown = 503, "a reference to a variable that is not set";
    EnvSyntax = 504, "a `$` expression that cannot be read";
    CommandFailed = 505, "a command that supplies values and failed";
    DotenvFile = 506, "a dotenv file that cannot be read";
    NoInterpreter = 601, "an interpreter that is not there";
    InterpreterDenied = 602, "an interpreter that cannot be executed";
    TooLarge = 603, "a value that is too large for the environment";
    CannotStart = 604, "a task that cannot be started";
    NotHandedOver = 701, "outputs that were never handed over";
    CutShort = 702, "outputs that were written only in part";
    BadOutput = 703, "an output that cannot be recorded";
    NoSuchInput = 704, "an input that the dependency did not record";
    NotADependency = 705, "an input of a task that is not a dependency";
    LostOutput = 706, "an output that is set where it is lost";
    NotJson = 707, "text that should be JSON and is not";
    InputClash = 708, "two inputs with one name";
    OutputReplaced = 709, "an `OUTPUT` that became something else";
    OutputConflict = 710, "an output that was set twice, to different values";
    ExportClash = 711, "exported variables that would share one name";
    ExportTooLarge = 712, "exported variables that are too large for an environment";
    OutputTooLarge = 713, "outputs that are larger than otto takes";
    NeedsNewerBash = 714, "a body that needs a newer bash";
    ScriptHint = 715, "a mistake in a script that otto recognises";
    OutputsNotSaved = 716, "outputs that could not be saved";
    UnknownRun = 801, "a run that is not recorded";
    AmbiguousRun = 802, "the beginning of more than one run";
    NotInRun = 803, "a task that the run did not have";
    NotSet = 804, "a value that the task did not set";
    UnreadableRun = 805, "a record that cannot be read";
    NotRepeatable = 806, "a run that cannot be repeated so";
    NoRecords = 807, "records that cannot be written or locked";
    StreamRepeated = 901, "a stream that would begin again";
    StreamClash = 902, "two streams with one name";
    StreamValues = 903, "a value that is read from a task that streams";
    StreamBroken = 904, "a stream that did not come to its end";
    StreamCut = 905, "a stream that was cut off";
    StreamUnread = 906, "a stream that was not read";
    StreamFull = 907, "a stream that took no more";
}

impl Code {
    /// From what a user types: `E0104`, `e104`, `104`.
    pub(crate) fn parse(text: &str) -> Option<Code> {
        let digits = text.strip_prefix(['E', 'e']).unwrap_or(text);
        let number: u16 = digits.parse().ok()?;
        Code::ALL.iter().copied().find(|code| code.number() == number)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E{:04}", self.number())
    }
}
