//! The table of diagnostic codes. A code is never reused and never changes its meaning; each has a page in
//! `docs/errors/`.
//!
//! E00xx the command line as such · E01xx the ottofile's form · E02xx the ottofile and other files · E03xx across tasks
//! · E04xx parameters and their values · E05xx variables and facts · E06xx starting tasks · E07xx data passing
//! · E08xx records · E09xx streaming · E10xx the cluster

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
    UnknownFlag = 1, "unknown option";
    BadFlagValue = 2, "invalid value for an option";
    UnknownTask = 3, "unknown task";
    BuiltInMixed = 4, "a built-in command together with tasks";
    UnexpectedWord = 5, "unexpected argument";
    NoScreen = 6, "full screen without a terminal";
    NotConfirmed = 7, "task that is not confirmed";
    YamlSyntax = 101, "invalid YAML";
    YamlLimit = 102, "file too large or nested too deeply";
    WrongType = 103, "value of the wrong type";
    UnknownKey = 104, "unknown key";
    DuplicateKey = 105, "duplicate key";
    MissingKey = 106, "missing key";
    BadName = 107, "invalid name";
    UnsupportedApi = 108, "unsupported format version";
    BadValue = 109, "invalid value";
    TwoBodies = 110, "more than one body";
    BadParamForm = 111, "invalid parameter format";
    Contradiction = 112, "contradicting settings";
    YamlFeature = 113, "unsupported YAML feature";
    BadGlob = 114, "invalid file pattern";
    JoinedLines = 115, "lines joined by YAML";
    NoOttofile = 201, "no ottofile found";
    UnreadableOttofile = 202, "unreadable ottofile";
    FileTrouble = 203, "file that can't be read or written";
    IncludeMissing = 204, "included ottofile not found";
    IncludeCycle = 205, "ottofile that includes itself";
    IgnoredSetting = 206, "setting that only the root ottofile decides";
    UnknownDependency = 301, "unknown dependency";
    Cycle = 302, "dependency cycle";
    NameClash = 303, "duplicate name";
    UnknownItem = 304, "unknown foreach item";
    ForeachFailed = 305, "foreach that can't be expanded";
    ContradictingEdges = 306, "contradicting dependencies";
    BadItems = 307, "items that data can't give";
    UnknownParam = 401, "unknown task option";
    MissingValue = 402, "missing option value";
    MissingParam = 403, "missing required parameter";
    BadChoice = 404, "invalid choice";
    BadParamType = 405, "parameter value of the wrong type";
    WrongCount = 406, "wrong number of values";
    ParamConflict = 407, "conflicting inherited values";
    EnvFailed = 501, "failed command in `envs`";
    EnvCycle = 502, "circular `envs` entries";
    EnvUnknown = 503, "undefined variable";
    EnvSyntax = 504, "invalid `$` expression";
    CommandFailed = 505, "failed command for values";
    DotenvFile = 506, "unreadable dotenv file";
    UnsetVariable = 507, "variable that nothing sets";
    LiteralSecret = 508, "secret written in the ottofile";
    ShortSecret = 509, "secret too short to be masked";
    WrittenSecret = 510, "secret that a script writes out";
    NoInterpreter = 601, "interpreter not found";
    InterpreterDenied = 602, "interpreter not executable";
    TooLarge = 603, "value too large for the environment";
    CannotStart = 604, "task that can't be started";
    ScriptSyntax = 605, "syntax error in a script";
    PortInUse = 606, "port already in use";
    ServiceFailed = 607, "service that ended or did not get ready";
    NotHandedOver = 701, "outputs never saved";
    CutShort = 702, "outputs saved only in part";
    BadOutput = 703, "output that can't be recorded";
    NoSuchInput = 704, "missing input";
    NotADependency = 705, "input of a task that is not a dependency";
    LostOutput = 706, "output lost in a subshell";
    NotJson = 707, "invalid JSON";
    InputClash = 708, "two inputs with the same name";
    OutputReplaced = 709, "`OUTPUT` replaced or unset";
    OutputConflict = 710, "output set twice";
    ExportClash = 711, "exported variables with the same name";
    ExportTooLarge = 712, "exported variables too large";
    OutputTooLarge = 713, "outputs too large";
    NeedsNewerBash = 714, "bash too old";
    ScriptHint = 715, "script error that otto recognises";
    OutputsNotSaved = 716, "outputs that can't be saved";
    BrokenContract = 717, "output that breaks its contract";
    ConditionFailed = 718, "`if` that fails";
    ConstantCondition = 719, "`if` that is always the same";
    UnseenOutput = 720, "output of a service that is not saved in time";
    UnknownRun = 801, "unknown run";
    AmbiguousRun = 802, "ambiguous run";
    NotInRun = 803, "task not in the run";
    NotSet = 804, "value not set";
    UnreadableRun = 805, "unreadable record";
    NotRepeatable = 806, "run that can't be repeated this way";
    NoRecords = 807, "records that can't be written or locked";
    SecretNotKept = 808, "secret that was not recorded";
    StreamRepeated = 901, "stream that would start again";
    StreamClash = 902, "two streams with the same name";
    StreamValues = 903, "value read from a streaming task";
    StreamBroken = 904, "incomplete stream";
    StreamCut = 905, "stream cut off";
    StreamUnread = 906, "stream not read";
    StreamFull = 907, "stream limit reached";
    StreamUnplanned = 908, "stream of jobs that are not known yet";
    SecretStream = 909, "stream of a task with secrets";
    NoCluster = 1001, "no Slurm";
    NodeSeesNothing = 1002, "folder that a node does not see";
    NotDetached = 1003, "run that cannot be detached";
    ClusterRefuses = 1004, "job that the cluster refuses";
    StreamBetweenMachines = 1005, "stream or service between machines";
    ClusterStdin = 1006, "stdin that no task reads";
    NodeCannotRun = 1007, "otto that a node cannot run";
    NotLeft = 1008, "run that has an otto, or is over";
    ClusterLost = 1009, "task whose end nobody wrote";
    ClusterMemory = 1010, "task that wanted more memory";
    ClusterSilent = 1011, "cluster that does not answer";
    ClusterSecret = 1012, "secret on a cluster";
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
