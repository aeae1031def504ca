//! A launch as plain data: what to start and where its output goes, without anything that belongs to this process. It can
//! be written to a file and read back, by another otto on another machine too.

use super::stream::Tap;
use crate::lang::Level;
use crate::name::JobName;
use crate::plan::JobId;
use crate::verbatim;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// All that an executor needs to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Launch {
    #[serde(with = "verbatim::one")]
    pub(crate) program: PathBuf,
    /// By which name or path the program was looked up: another machine may have it elsewhere.
    #[serde(with = "verbatim::one")]
    pub(crate) named: OsString,
    /// If the program is a bash: what its script was written for.
    pub(crate) level: Option<Level>,
    #[serde(with = "verbatim::list")]
    pub(crate) args: Vec<OsString>,
    /// The whole environment; nothing else is inherited.
    #[serde(with = "verbatim::pairs")]
    pub(crate) env: Vec<(OsString, OsString)>,
    #[serde(with = "verbatim::one")]
    pub(crate) workdir: PathBuf,
    pub(crate) io: LaunchIo,
    pub(crate) hands_over: HandsOver,
    /// The file in which the body says what is secret, while it runs.
    #[serde(with = "verbatim::option")]
    pub(crate) secrets: Option<PathBuf>,
    /// How long the process may run, from its start.
    pub(crate) limit: Option<Duration>,
    /// Its streams, where another machine makes the pipes for them.
    pub(crate) streams: Option<StreamPlan>,
}

/// The streams of an attempt as data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StreamPlan {
    /// The file that records what it streams.
    #[serde(with = "verbatim::one")]
    pub(crate) file: PathBuf,
    /// The name that such a file of the attempt before gets.
    #[serde(with = "verbatim::option")]
    pub(crate) failed: Option<PathBuf>,
    /// The most that it may stream, in bytes.
    pub(crate) limit: u64,
    /// What it writes to stdout flows too.
    pub(crate) copies_stdout: bool,
    /// Those who read it and are not settled.
    pub(crate) readers: Vec<JobId>,
    pub(crate) sources: Vec<StreamSource>,
}

/// A stream that an attempt reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StreamSource {
    pub(crate) name: JobName,
    /// `None`: of an earlier run.
    pub(crate) producer: Option<JobId>,
    /// The file that records it.
    #[serde(with = "verbatim::one")]
    pub(crate) file: PathBuf,
    /// The length of the file in bytes, if the producer has ended.
    pub(crate) length: Option<u64>,
    /// A stream that breaks off is as good as a whole one.
    pub(crate) is_lenient: bool,
    /// Variables that lead to its pipe.
    pub(crate) variables: Vec<String>,
}

/// The files that an attempt may leave for otto.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct HandsOver {
    #[serde(with = "verbatim::one")]
    pub(crate) folder: PathBuf,
    /// Paths in `folder`. `*` at the end stands for any further characters.
    pub(crate) files: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LaunchIo {
    /// stdout and stderr through pipes into these files, and as [`super::Report::Output`] if `shows` is set.
    Captured {
        stdin: Stdin,
        #[serde(with = "verbatim::one")]
        stdout_log: PathBuf,
        #[serde(with = "verbatim::one")]
        stderr_log: PathBuf,
        shows: bool,
    },
    /// otto's own descriptors and terminal; nothing is captured. The task becomes the terminal's foreground process
    /// group, so ^C reaches it and not otto: an exit by SIGINT then means that the user wants to stop.
    Terminal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stdin {
    Null,
    /// otto's own stdin, when it is not a terminal.
    Inherit,
    /// What another task streams, from the pipe of the [`Plumbing`].
    Stream,
}

/// What connects an attempt to other tasks of this otto. Only an executor on this machine can use it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plumbing {
    /// The end of the pipe for [`Stdin::Stream`].
    pub(crate) stdin: Option<Arc<OwnedFd>>,
    /// Of a task that streams, and so may leave writers behind for a moment.
    pub(crate) tap: Option<Tap>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verbatim::tests::text;
    use proptest::prelude::*;

    fn io() -> impl Strategy<Value = LaunchIo> {
        let stdin = prop_oneof![Just(Stdin::Null), Just(Stdin::Inherit), Just(Stdin::Stream)];
        let captured = (stdin, text(), text(), any::<bool>());
        prop_oneof![
            Just(LaunchIo::Terminal),
            captured.prop_map(|(stdin, stdout_log, stderr_log, shows)| LaunchIo::Captured {
                stdin,
                stdout_log: stdout_log.into(),
                stderr_log: stderr_log.into(),
                shows,
            }),
        ]
    }

    fn level() -> impl Strategy<Value = Level> {
        prop_oneof![Just(Level::Three), Just(Level::Four), Just(Level::Modern)]
    }

    prop_compose! {
        fn hands_over()(folder in text(), files in prop::collection::vec(any::<String>(), 0..3)) -> HandsOver {
            HandsOver { folder: folder.into(), files }
        }
    }

    prop_compose! {
        fn source()(
            name in "[a-z:]{1,9}",
            producer in prop::option::of(any::<u32>()),
            file in text(),
            length in any::<Option<u64>>(),
            is_lenient in any::<bool>(),
            variables in prop::collection::vec(any::<String>(), 0..3),
        ) -> StreamSource {
            let name = JobName::recorded(&name).expect("not empty");
            StreamSource { name, producer: producer.map(JobId), file: file.into(), length, is_lenient, variables }
        }
    }

    prop_compose! {
        fn streams()(
            (file, failed) in (text(), prop::option::of(text())),
            limit in any::<u64>(),
            copies_stdout in any::<bool>(),
            readers in prop::collection::vec(any::<u32>().prop_map(JobId), 0..3),
            sources in prop::collection::vec(source(), 0..3),
        ) -> StreamPlan {
            StreamPlan {
                file: file.into(),
                failed: failed.map(PathBuf::from),
                limit,
                copies_stdout,
                readers,
                sources,
            }
        }
    }

    prop_compose! {
        fn launch()(
            (program, named) in (text(), text()),
            level in prop::option::of(level()),
            args in prop::collection::vec(text(), 0..4),
            env in prop::collection::vec((text(), text()), 0..4),
            workdir in text(),
            io in io(),
            hands_over in hands_over(),
            secrets in prop::option::of(text()),
            limit in any::<Option<Duration>>(),
            streams in prop::option::of(streams()),
        ) -> Launch {
            Launch {
                program: program.into(),
                named,
                level,
                args,
                env,
                workdir: workdir.into(),
                io,
                hands_over,
                secrets: secrets.map(PathBuf::from),
                limit,
                streams,
            }
        }
    }

    proptest! {
        #[test]
        fn a_launch_that_was_written_to_a_file_is_read_back(launch in launch()) {
            let file = tempfile::NamedTempFile::new().expect("a file");
            std::fs::write(file.path(), serde_json::to_vec(&launch).expect("plain data")).expect("written");
            let read: Launch =
                serde_json::from_slice(&std::fs::read(file.path()).expect("read")).expect("ours");
            prop_assert_eq!(read, launch);
        }
    }
}
