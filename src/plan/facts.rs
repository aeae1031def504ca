//! The few questions that planning asks of the world.

use crate::ottofile::spec::DataPath;
use crate::value::Value;
use std::ffi::OsString;
use std::path::Path;

/// Answers come from the host, or from a table in tests. Each question is asked at most once per thing.
pub(crate) trait Facts {
    /// A variable of otto's own environment.
    fn variable(&self, name: &str) -> Option<OsString>;
    /// Files that match a glob, relative to the ottofile's folder, sorted.
    fn glob(&self, pattern: &str) -> Result<Vec<OsString>, String>;
    /// The text of a file, named relative to the ottofile's folder; `None` if there is none.
    fn file(&self, path: &str) -> Result<Option<String>, String>;
    /// What `sh -c command` printed, run in the ottofile's folder with otto's environment and these variables
    /// over it.
    fn command(&self, command: &str, variables: &[(String, OsString)]) -> Result<Vec<u8>, CommandFailure>;
    /// The same for an ottofile in another folder, an absolute path; `None` is this one.
    fn within<'f>(&'f self, folder: Option<&'f Path>) -> Box<dyn Facts + 'f>;
    /// What an earlier run recorded under this path, where the task is not run again; `None` where it will be.
    fn recorded(&self, _path: &DataPath) -> Option<RecordedValue> {
        None
    }
    /// False for `--dry-run`, where nothing may be spawned: commands are not asked for then.
    fn may_run_commands(&self) -> bool;
}

/// A recorded value; `None` if the task set none.
pub(crate) type RecordedValue = Option<Value>;

/// Why a command gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandFailure {
    /// `exit 3`, `killed by SIGKILL`, or why it was not started.
    pub(crate) how: String,
    /// What it wrote to stderr, its last lines.
    pub(crate) stderr: String,
}
