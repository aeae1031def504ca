//! What Slurm's words mean: states of jobs, reasons to wait, texts of errors. Pure; the tables are those of slurm.h and of
//! sbatch as they are printed.

/// What a state of Slurm says about an attempt of which no record has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobStanding {
    Waiting,
    /// It runs, or an administrator holds it; a record will come.
    Alive,
    /// It is over. A record should be there.
    Over,
    OutOfMemory,
    OutOfTime,
    /// The cluster ended it: the task had no part in that.
    Lost,
    Cancelled,
}

/// `None` for a state that this otto does not know, which means nothing.
pub(super) fn standing(state: &str) -> Option<JobStanding> {
    Some(match state {
        "PENDING" => JobStanding::Waiting,
        "RUNNING" | "COMPLETING" | "CONFIGURING" | "SUSPENDED" | "STOPPED" | "SIGNALING" | "RESIZING"
        | "STAGE_OUT" | "POWER_UP_NODE" | "EXPEDITING" | "UPDATE_DB" | "REQUEUED" | "REQUEUE_HOLD"
        | "REQUEUE_FED" | "SPECIAL_EXIT" | "RESV_DEL_HOLD" => JobStanding::Alive,
        "COMPLETED" | "FAILED" => JobStanding::Over,
        "OUT_OF_MEMORY" => JobStanding::OutOfMemory,
        "TIMEOUT" | "DEADLINE" => JobStanding::OutOfTime,
        "NODE_FAIL" | "BOOT_FAIL" | "LAUNCH_FAILED" | "RECONFIG_FAIL" | "PREEMPTED" | "REVOKED" => {
            JobStanding::Lost
        }
        "CANCELLED" => JobStanding::Cancelled,
        _ => return None,
    })
}

/// Whether a job in this state may still do something.
pub(super) fn may_go_on(state: &str) -> bool {
    matches!(standing(state), None | Some(JobStanding::Waiting | JobStanding::Alive))
}

/// Whether a job that waits for this reason never starts unless somebody changes it or the cluster.
pub(super) fn waits_for_ever(reason: &str) -> bool {
    let is_limit = ["AssocMax", "QOSMax", "QOSMin"].iter().any(|start| reason.starts_with(start));
    is_limit && reason.contains("PerJob")
        || reason.starts_with("QOSMin")
        || matches!(
            reason,
            "PartitionConfig"
                | "PartitionTimeLimit"
                | "PartitionNodeLimit"
                | "BadConstraints"
                | "InvalidAccount"
                | "InvalidQOS"
                | "AccountNotAllowed"
                | "QOSNotAllowed"
                | "DependencyNeverSatisfied"
        )
}

/// Why sbatch took no job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The controller could not be asked, or did not answer: the job may be there all the same.
    Unheard,
    /// There are too many jobs of this user.
    Full,
    /// It will not take this job.
    Final,
}

pub(super) fn refusal(text: &str) -> Refusal {
    const UNHEARD: &[&str] = &[
        "timed out",
        "unable to contact",
        "cannot contact",
        "unable to accept",
        "zero bytes",
        "connection",
        "connect failure",
        "munge",
        "temporarily unavailable",
        "no answer",
    ];
    const FULL: &[&str] =
        &["maxsubmit", "qosmaxsubmit", "job submit limit", "violates accounting/qos policy", "too many jobs"];
    let text = text.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(FULL) {
        Refusal::Full
    } else if says(UNHEARD) {
        Refusal::Unheard
    } else {
        Refusal::Final
    }
}

/// Whether sbatch takes the jobs, but not so many in one array.
pub(super) fn is_of_arrays(text: &str) -> bool {
    text.to_lowercase().contains("invalid job array")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_sbatch_are_told_apart() {
        let said = [
            (
                "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
                Refusal::Unheard,
            ),
            ("sbatch: error: Unable to contact slurm controller (connect failure)", Refusal::Unheard),
            (
                "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
                Refusal::Full,
            ),
            ("sbatch: error: invalid partition specified: nope", Refusal::Final),
            (
                "sbatch: error: Batch job submission failed: Requested node configuration is not available",
                Refusal::Final,
            ),
        ];
        for (text, expected) in said {
            assert_eq!(refusal(text), expected, "{text}");
        }
    }

    #[test]
    fn a_state_that_is_not_known_means_nothing() {
        assert_eq!(standing("PENDING"), Some(JobStanding::Waiting));
        assert_eq!(standing("NODE_FAIL"), Some(JobStanding::Lost));
        assert_eq!(standing("TELEPORTED"), None);
    }

    #[test]
    fn some_reasons_to_wait_never_end() {
        let for_ever = ["PartitionConfig", "QOSMaxCpuPerJobLimit", "AssocMaxNodePerJobLimit", "QOSMinMemory"];
        let for_now = [
            "Resources",
            "Priority",
            "None",
            "AssocGrpCpuLimit",
            "QOSGrpJobsLimit",
            "JobHeldUser",
            "QOSMaxJobsPerUserLimit",
        ];
        assert!(for_ever.iter().all(|reason| waits_for_ever(reason)));
        assert!(!for_now.iter().any(|reason| waits_for_ever(reason)));
    }
}
