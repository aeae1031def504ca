//! How a body becomes something to execute, and how its data comes back.
//! Knows the files in a job's directory; knows no plan, no scheduler and no console.

use crate::diagnostic::Diagnostic;
use crate::name::{JobName, ParamName};
use crate::ottofile::spec::Body;
use crate::source::SourceFile;
use crate::store::outputs::Outputs;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All that a language needs to know of one attempt at a job.
pub(crate) struct Script<'a> {
    pub(crate) job: &'a JobName,
    pub(crate) body: &'a Body,
    pub(crate) ottofile: &'a SourceFile,
    /// The jobs whose data this one sees, in plan order.
    pub(crate) inputs: &'a [Input],
    /// Parameters that have a value. They are in the environment of the launch too.
    pub(crate) params: &'a [(ParamName, OsString)],
    /// The job's own directory, absolute; it exists, with the `input.*.json` symlinks in it.
    pub(crate) dir: &'a Path,
    /// Where otto keeps its script libraries, absolute; made when first needed.
    pub(crate) runtime: &'a Path,
    /// Where the body runs, absolute.
    pub(crate) workdir: &'a Path,
    /// The complete environment that the launch will have, before this language adds to it.
    pub(crate) env: &'a dyn Fn(&str) -> Option<&'a OsStr>,
}

/// A dependency as its dependant sees it.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) job: JobName,
    pub(crate) outputs: Arc<Outputs>,
}

/// What to execute. The files it needs have been written.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    /// Added to the environment, over what is there.
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Why a job cannot be started.
#[derive(Debug)]
pub(crate) struct CannotPrepare {
    pub(crate) diagnostic: Diagnostic,
    /// 127 not found, 126 not executable, 125 anything else.
    pub(crate) code: i32,
}

/// What came back from an attempt.
#[derive(Debug, Default)]
pub(crate) struct HandOver {
    pub(crate) outputs: Outputs,
    /// Errors fail the attempt even when its status was 0; warnings are shown.
    pub(crate) problems: Vec<Diagnostic>,
}
