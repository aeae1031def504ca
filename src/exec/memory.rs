//! What the control group of a job on a cluster says of its memory. Knows versions 1 and 2 of control groups, and Slurm's
//! names: everything below `step_…` is one step of a job.

use std::path::{Path, PathBuf};

/// Nothing where there are no control groups, or none of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StepMemory {
    pub(crate) peak_mib: Option<u64>,
    /// Processes that the kernel killed for want of memory.
    pub(crate) kills: u32,
}

impl StepMemory {
    /// What is known of one task of a step that had others before it: a peak that it did not raise is theirs.
    pub(crate) fn since(self, before: StepMemory) -> StepMemory {
        StepMemory {
            peak_mib: self.peak_mib.filter(|_| self.peak_mib != before.peak_mib),
            kills: self.kills.saturating_sub(before.kills),
        }
    }
}

/// Of the step that this process is in.
pub(crate) fn of_step() -> StepMemory {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let Some(group) = group_of_step(&groups) else { return StepMemory::default() };
    let read = |file: &str| std::fs::read_to_string(group.folder.join(file)).ok();
    let bytes: Option<u64> = read(group.peak).and_then(|text| text.trim().parse().ok());
    StepMemory {
        peak_mib: bytes.map(|bytes| bytes >> 20),
        kills: read(group.events).as_deref().map_or(0, kills),
    }
}

#[derive(Debug, PartialEq, Eq)]
struct StepGroup {
    folder: PathBuf,
    /// Names of files.
    peak: &'static str,
    events: &'static str,
}

/// From the lines of `/proc/self/cgroup`: `NUMBER:CONTROLLERS:PATH`.
fn group_of_step(groups: &str) -> Option<StepGroup> {
    let of_line = |line: &str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let is_step =
            |path: &&Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"step_"));
        let step = Path::new(path).ancestors().find(is_step)?;
        let below = |root: &str, path: &Path| Some(Path::new(root).join(path.strip_prefix("/").ok()?));
        if controllers.is_empty() {
            let folder = below("/sys/fs/cgroup", step)?;
            return Some(StepGroup { folder, peak: "memory.peak", events: "memory.events" });
        }
        let has_memory = controllers.split(',').any(|controller| controller == "memory");
        // In version 1 a kill is counted in the group of the process alone, not in those above it.
        let folder = below("/sys/fs/cgroup/memory", Path::new(path)).filter(|_| has_memory)?;
        Some(StepGroup { folder, peak: "memory.max_usage_in_bytes", events: "memory.oom_control" })
    };
    groups.lines().find_map(of_line)
}

fn kills(events: &str) -> u32 {
    events.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_of_a_step_is_found_in_both_versions() {
        let old = "12:pids:/x\n4:cpu,memory:/slurm_node1/uid_0/job_7/step_batch/task_0\n0::/y\n";
        let new = "0::/system.slice/slurmstepd.scope/job_7/step_batch/user/task_0\n";
        let folder = |groups| group_of_step(groups).map(|group| group.folder);
        assert_eq!(
            folder(old),
            Some("/sys/fs/cgroup/memory/slurm_node1/uid_0/job_7/step_batch/task_0".into())
        );
        assert_eq!(folder(new), Some("/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/step_batch".into()));
        assert_eq!(folder("4:memory:/user.slice\n0::/user.slice\n"), None);
    }

    #[test]
    fn kills_are_counted_in_both_versions() {
        assert_eq!(kills("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"), 3);
        assert_eq!(kills("low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\noom_group_kill 0\n"), 1);
        assert_eq!(kills(""), 0);
    }
}
