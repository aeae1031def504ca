//! A launch for another machine, with an environment that is told by its differences: the rest travels with the batch
//! system, and no value of it is written down.

use super::{AttemptId, Launch, LaunchIo, Stdin};
use crate::plan::JobId;
use crate::verbatim;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// Variables that say where a process runs. The other machine has its own.
const OF_THE_MACHINE: &[&str] =
    &["DBUS_SESSION_BUS_ADDRESS", "HOST", "HOSTNAME", "STY", "TMUX", "XDG_RUNTIME_DIR", "XDG_SESSION_ID"];

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RemoteLaunch {
    /// Place of the job in the plan.
    place: u32,
    attempt: u32,
    /// Its `env` holds what is set differently there.
    launch: Launch,
    #[serde(with = "verbatim::list")]
    unset: Vec<OsString>,
    /// Time between a polite stop and a kill.
    pub(crate) grace_ms: u64,
    #[serde(default)]
    pub(crate) preparation: Preparation,
    #[serde(default)]
    pub(crate) files: DeclaredFiles,
}

/// Files of the project that another machine may see late, or that others may see late.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeclaredFiles {
    /// Waited for before the task starts.
    #[serde(with = "verbatim::list")]
    pub(crate) inputs: Vec<OsString>,
    /// The end tells which of them are there.
    #[serde(with = "verbatim::list")]
    pub(crate) outputs: Vec<OsString>,
    pub(crate) patience: Duration,
}

/// What the other machine does before it starts the process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Preparation {
    pub(crate) modules: Vec<String>,
    /// Lines of bash.
    pub(crate) before: String,
}

impl Preparation {
    pub(crate) fn is_empty(&self) -> bool {
        self.modules.is_empty() && self.before.trim().is_empty()
    }
}

/// Whether a variable belongs to the machine, the terminal or the batch job that otto runs in.
pub(super) fn is_of_the_machine(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    bytes.starts_with(b"SSH_")
        || bytes.starts_with(b"SLURM_") && name != "SLURM_CONF" && name != "SLURM_CLUSTERS"
        || OF_THE_MACHINE.iter().any(|known| name == *known)
}

impl RemoteLaunch {
    /// `base` is the environment that reaches the other machine by itself.
    pub(super) fn of(
        attempt: AttemptId,
        mut launch: Launch,
        base: &BTreeMap<OsString, OsString>,
        own: &dyn Fn(&OsStr) -> Option<OsString>,
        grace_ms: u64,
    ) -> RemoteLaunch {
        if let LaunchIo::Captured { stdin, shows, .. } = &mut launch.io {
            *stdin = Stdin::Null;
            *shows = false;
        }
        let is_set = |name: &OsStr| launch.env.iter().any(|(set, _)| set == name);
        let unset = base.keys().filter(|name| !is_set(name)).cloned().collect();
        launch.env.retain(|(name, value)| {
            let is_the_machines = is_of_the_machine(name) && own(name).as_ref() == Some(value);
            !is_the_machines && base.get(name) != Some(value)
        });
        let (preparation, files) = (Preparation::default(), DeclaredFiles::default());
        RemoteLaunch {
            place: attempt.job.0,
            attempt: attempt.number,
            launch,
            unset,
            grace_ms,
            preparation,
            files,
        }
    }

    pub(super) fn after(mut self, preparation: Preparation) -> RemoteLaunch {
        self.preparation = preparation;
        self
    }

    pub(super) fn with_files(mut self, files: DeclaredFiles) -> RemoteLaunch {
        self.files = files;
        self
    }

    /// Whether it streams.
    pub(crate) fn streams(&self) -> bool {
        self.launch.streams.is_some()
    }

    /// The launch here, where the environment is `here`.
    pub(crate) fn arrived(self, here: impl Iterator<Item = (OsString, OsString)>) -> (AttemptId, Launch) {
        let RemoteLaunch { place, attempt, mut launch, unset, grace_ms: _, preparation: _, files: _ } = self;
        let mut env: BTreeMap<OsString, OsString> = here.collect();
        for name in unset {
            env.remove(&name);
        }
        env.extend(launch.env);
        launch.env = env.into_iter().collect();
        (AttemptId { job: JobId(place), number: attempt }, launch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::HandsOver;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn only_what_differs_is_written_down_and_the_other_machine_keeps_its_own() {
        let own = pairs(&[
            ("HOME", "/h"),
            ("SECRET", "s"),
            ("LANG", "de"),
            ("HOSTNAME", "login"),
            ("OTTO_EXECUTOR", "slurm"),
        ]);
        let base = pairs(&[
            ("HOME", "/h"),
            ("SECRET", "s"),
            ("LC_ALL", "C"),
            ("LANG", "de"),
            ("OTTO_EXECUTOR", "slurm"),
        ]);
        let launch = Launch {
            program: "/bin/bash".into(),
            named: "bash".into(),
            level: None,
            args: Vec::new(),
            env: pairs(&[
                ("HOME", "/h"),
                ("SECRET", "s"),
                ("LANG", "fr"),
                ("HOSTNAME", "login"),
                ("OTTO_TASK", "a"),
            ]),
            workdir: "/".into(),
            io: LaunchIo::Captured {
                stdin: Stdin::Inherit,
                stdout_log: "/out".into(),
                stderr_log: "/err".into(),
                shows: true,
            },
            hands_over: HandsOver::default(),
            secrets: None,
            limit: None,
            streams: None,
        };
        let find = |name: &OsStr| own.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let id = AttemptId { job: JobId(4), number: 2 };
        let remote = RemoteLaunch::of(id, launch, &base.iter().cloned().collect(), &find, 1000);
        let written = serde_json::to_string(&remote).expect("plain data");
        assert!(!written.contains("SECRET") && !written.contains("login"), "{written}");
        let read: RemoteLaunch = serde_json::from_str(&written).expect("ours");
        let mut there = base;
        there.extend(pairs(&[("HOSTNAME", "node1"), ("SLURM_JOB_ID", "7")]));
        let (attempt, launch) = read.arrived(there.into_iter());
        assert_eq!(attempt, id);
        assert_eq!(
            launch.env,
            pairs(&[
                ("HOME", "/h"),
                ("HOSTNAME", "node1"),
                ("LANG", "fr"),
                ("OTTO_TASK", "a"),
                ("SECRET", "s"),
                ("SLURM_JOB_ID", "7"),
            ])
        );
        assert!(matches!(launch.io, LaunchIo::Captured { stdin: Stdin::Null, shows: false, .. }));
    }
}
