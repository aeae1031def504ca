//! What a task asks of the machine that runs it: processors, memory and what only a cluster knows.
//! Checks words and knows no machine; what a task gets is the scheduler's.

use crate::quantity::{parse_duration, parse_size};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The keys of `resources`.
pub(crate) const KEYS: &[&str] = &[
    "account",
    "bundle",
    "constraint",
    "cpus",
    "extra",
    "gpus",
    "memory",
    "modules",
    "partition",
    "qos",
    "reservation",
    "time",
];

/// What a job gets beyond the timeout of its task, so that otto on the node ends it, and not Slurm.
const AFTER_LIMIT: Duration = Duration::from_secs(120);

const MOST_CPUS: u32 = 4096;
const MOST_GPUS: u32 = 64;
const MOST_WORD: usize = 200;
/// How many jobs of a task may share one job of the cluster.
pub(crate) const MOST_BUNDLED: u32 = 1000;

/// Options of sbatch that otto sets itself, or has a key for.
const TAKEN: &[&str] = &[
    "account",
    "array",
    "chdir",
    "constraint",
    "cpus-per-task",
    "dependency",
    "error",
    "export",
    "gpus",
    "gres",
    "input",
    "job-name",
    "mem",
    "mem-per-cpu",
    "no-requeue",
    "open-mode",
    "output",
    "parsable",
    "partition",
    "qos",
    "requeue",
    "reservation",
    "time",
    "wait",
];

/// Of a list of `cpus`, `memory`, `time` or `gpus`, the first is for attempt 1, the second for attempt 2, and the last for all
/// that follow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Resources {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) cpus: Vec<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) memory_mib: Vec<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) time: Vec<Duration>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) gpus: Vec<Gpus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) partition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) qos: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) constraint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reservation: Option<String>,
    /// Names for `module load`, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) modules: Vec<String>,
    /// Options of sbatch, as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) extra: Vec<String>,
    /// So many jobs of a foreach task may share one job of the cluster, one after the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bundle: Option<u32>,
}

/// Which options of sbatch a site takes for memory and GPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OptionStyle {
    pub(crate) memory: MemoryAs,
    pub(crate) gpus: GpusAs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MemoryAs {
    /// `--mem`
    #[default]
    Job,
    /// `--mem-per-cpu`
    Cpu,
    /// The site refuses both.
    None,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum GpusAs {
    /// `--gres=gpu:N`
    #[default]
    Gres,
    /// `--gpus=N`
    Gpus,
}

/// `2`, or `a100:2`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gpus {
    pub(crate) kind: Option<String>,
    pub(crate) count: u32,
}

/// A value that cannot be one: its place in the list, and what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadResource {
    pub(crate) place: usize,
    pub(crate) expected: &'static str,
}

/// Whether the key takes several values.
pub(crate) fn takes_list(key: &str) -> bool {
    matches!(key, "cpus" | "memory" | "time" | "gpus" | "modules" | "extra")
}

impl Resources {
    /// Sets a key of [`KEYS`], whatever it was.
    pub(crate) fn set(&mut self, key: &str, values: &[&str]) -> Result<(), BadResource> {
        match key {
            "cpus" => self.cpus = each(values, "a whole number from 1 to 4096", cpus)?,
            "memory" => self.memory_mib = each(values, "a size such as `512M`, `4G` or `1T`", memory)?,
            "time" => {
                self.time = each(values, "a duration of at least one minute, such as `30m` or `2h`", time)?
            }
            "gpus" => self.gpus = each(values, "a whole number from 0 to 64, or `TYPE:NUMBER`", gpus)?,
            "partition" => self.partition = word(values)?,
            "account" => self.account = word(values)?,
            "qos" => self.qos = word(values)?,
            "constraint" => self.constraint = word(values)?,
            "reservation" => self.reservation = word(values)?,
            "modules" => self.modules = each(values, "the name of a module, such as `gcc/13`", plain)?,
            "extra" => {
                self.extra =
                    each(values, "an option of sbatch that otto does not set, as `--option=value`", extra)?;
            }
            "bundle" => self.bundle = each(values, "a whole number from 2 to 1000", bundle)?.pop(),
            _ => unreachable!("bug: `{key}` is no resource"),
        }
        Ok(())
    }

    pub(crate) fn cpus(&self, attempt: u32) -> u32 {
        of_attempt(&self.cpus, attempt).copied().unwrap_or(1)
    }

    pub(crate) fn memory_mib(&self, attempt: u32) -> Option<u64> {
        of_attempt(&self.memory_mib, attempt).copied()
    }

    pub(crate) fn gpus(&self, attempt: u32) -> u32 {
        of_attempt(&self.gpus, attempt).map_or(0, |gpus| gpus.count)
    }

    /// How long a job may take.
    pub(crate) fn time(&self, attempt: u32) -> Option<Duration> {
        of_attempt(&self.time, attempt).copied()
    }

    /// The keys that are said.
    pub(crate) fn keys(&self) -> Vec<&'static str> {
        let is_said = |key: &str| match key {
            "cpus" => !self.cpus.is_empty(),
            "memory" => !self.memory_mib.is_empty(),
            "time" => !self.time.is_empty(),
            "gpus" => !self.gpus.is_empty(),
            "partition" => self.partition.is_some(),
            "account" => self.account.is_some(),
            "qos" => self.qos.is_some(),
            "constraint" => self.constraint.is_some(),
            "reservation" => self.reservation.is_some(),
            "modules" => !self.modules.is_empty(),
            "extra" => !self.extra.is_empty(),
            "bundle" => self.bundle.is_some(),
            _ => unreachable!("bug: `{key}` is no resource"),
        };
        KEYS.iter().copied().filter(|key| is_said(key)).collect()
    }

    /// What is not said here is as in `other`, key by key.
    pub(crate) fn or(&self, other: &Resources) -> Resources {
        fn list<T: Clone>(own: &[T], other: &[T]) -> Vec<T> {
            if own.is_empty() { other.to_vec() } else { own.to_vec() }
        }
        let word = |own: &Option<String>, other: &Option<String>| own.clone().or_else(|| other.clone());
        Resources {
            cpus: list(&self.cpus, &other.cpus),
            memory_mib: list(&self.memory_mib, &other.memory_mib),
            time: list(&self.time, &other.time),
            gpus: list(&self.gpus, &other.gpus),
            partition: word(&self.partition, &other.partition),
            account: word(&self.account, &other.account),
            qos: word(&self.qos, &other.qos),
            constraint: word(&self.constraint, &other.constraint),
            reservation: word(&self.reservation, &other.reservation),
            modules: list(&self.modules, &other.modules),
            extra: list(&self.extra, &other.extra),
            bundle: self.bundle.or(other.bundle),
        }
    }

    /// What several tasks need that run at the same time, each with the number of its attempt and its limit: the sum of
    /// processors, memory and GPUs, the time of the longest, of those that say them. The words are those of the first.
    pub(crate) fn together(wishes: &[(&Resources, u32, Option<Duration>)]) -> Resources {
        let cpus = wishes.iter().map(|(wish, attempt, _)| wish.cpus(*attempt)).sum();
        // What was asked for is never lost, also where another task leaves it to the cluster.
        let memory: Vec<u64> =
            wishes.iter().filter_map(|(wish, attempt, _)| wish.memory_mib(*attempt)).collect();
        let times = wishes.iter().filter_map(|(wish, attempt, limit)| wish.job_time(*attempt, *limit));
        let gpus = wishes.iter().filter_map(|(wish, attempt, _)| of_attempt(&wish.gpus, *attempt));
        let kind = gpus.clone().find_map(|gpus| gpus.kind.clone());
        let count = gpus.map(|gpus| gpus.count).sum();
        Resources {
            cpus: vec![cpus],
            memory_mib: if memory.is_empty() { Vec::new() } else { vec![memory.iter().sum()] },
            time: times.max().into_iter().collect(),
            gpus: if count == 0 { Vec::new() } else { vec![Gpus { kind, count }] },
            ..wishes.first().map_or_else(Resources::default, |(wish, ..)| (*wish).clone())
        }
    }

    /// How long the job of a task with this limit may take, if anybody says it.
    fn job_time(&self, attempt: u32, limit: Option<Duration>) -> Option<Duration> {
        self.time(attempt).or_else(|| limit.and_then(|limit| limit.checked_add(AFTER_LIMIT)))
    }

    /// The keys for which tasks that ask for this and for that cannot share a job.
    pub(crate) fn disagreements(&self, other: &Resources) -> Vec<&'static str> {
        let kind = |it: &Resources| it.gpus.iter().find_map(|gpus| gpus.kind.clone());
        let (own_kind, other_kind) = (kind(self), kind(other));
        let keys = [
            ("partition", self.partition != other.partition),
            ("account", self.account != other.account),
            ("qos", self.qos != other.qos),
            ("constraint", self.constraint != other.constraint),
            ("reservation", self.reservation != other.reservation),
            ("extra", self.extra != other.extra),
            ("gpus", own_kind.is_some() && other_kind.is_some() && own_kind != other_kind),
        ];
        keys.iter().filter(|(_, differs)| *differs).map(|(key, _)| *key).collect()
    }

    /// The options of sbatch for a job that runs `members` attempts of this number, one after the other, each of a task that
    /// has `limit` to run, if it has one.
    pub(crate) fn options(
        &self,
        attempt: u32,
        limit: Option<Duration>,
        members: u32,
        style: OptionStyle,
    ) -> Vec<String> {
        let mut options = vec!["--nodes=1".to_owned(), "--ntasks=1".to_owned()];
        options.push(format!("--cpus-per-task={}", self.cpus(attempt)));
        options.extend(self.memory_mib(attempt).and_then(|memory| match style.memory {
            MemoryAs::Job => Some(format!("--mem={memory}M")),
            MemoryAs::Cpu => {
                Some(format!("--mem-per-cpu={}M", memory.div_ceil(u64::from(self.cpus(attempt)))))
            }
            MemoryAs::None => None,
        }));
        let time = self.job_time(attempt, limit);
        options.extend(time.map(|time| format!("--time={}", sbatch_time(time.saturating_mul(members)))));
        options.extend(of_attempt(&self.gpus, attempt).filter(|gpus| gpus.count > 0).map(|gpus| {
            let option = match style.gpus {
                GpusAs::Gres => "--gres=gpu:",
                GpusAs::Gpus => "--gpus=",
            };
            match &gpus.kind {
                Some(kind) => format!("{option}{kind}:{}", gpus.count),
                None => format!("{option}{}", gpus.count),
            }
        }));
        let words = [
            ("partition", &self.partition),
            ("account", &self.account),
            ("qos", &self.qos),
            ("constraint", &self.constraint),
            ("reservation", &self.reservation),
        ];
        options.extend(words.iter().filter_map(|(name, word)| Some(format!("--{name}={}", word.as_ref()?))));
        options.extend(self.extra.iter().cloned());
        options
    }
}

fn of_attempt<T>(values: &[T], attempt: u32) -> Option<&T> {
    values.get(attempt.saturating_sub(1) as usize).or(values.last())
}

/// `1-02:03:00`, rounded up to minutes.
fn sbatch_time(time: Duration) -> String {
    let minutes = time.as_secs().div_ceil(60).max(1);
    format!("{}-{:02}:{:02}:00", minutes / 1440, minutes / 60 % 24, minutes % 60)
}

fn each<T>(
    values: &[&str],
    expected: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, BadResource> {
    let one = |(place, text): (usize, &&str)| parse(text).ok_or(BadResource { place, expected });
    values.iter().enumerate().map(one).collect()
}

fn word(values: &[&str]) -> Result<Option<String>, BadResource> {
    Ok(each(values, "one word of at most 200 bytes", plain)?.pop())
}

fn plain(text: &str) -> Option<String> {
    let is_plain = !text.is_empty()
        && text.len() <= MOST_WORD
        && !text.contains(|character: char| character.is_whitespace() || character.is_control());
    is_plain.then(|| text.to_owned())
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn cpus(text: &str) -> Option<u32> {
    number(text).filter(|cpus| (1..=MOST_CPUS).contains(cpus))
}

fn bundle(text: &str) -> Option<u32> {
    number(text).filter(|jobs| (2..=MOST_BUNDLED).contains(jobs))
}

fn gpus(text: &str) -> Option<Gpus> {
    let (kind, count) = match text.rsplit_once(':') {
        Some((kind, count)) => (Some(plain(kind)?), count),
        None => (None, text),
    };
    let count = number(count).filter(|count| *count <= MOST_GPUS)?;
    Some(Gpus { kind, count })
}

/// In MiB; a number without a unit could mean anything.
fn memory(text: &str) -> Option<u64> {
    let bytes =
        parse_size(text).filter(|_| text.trim().ends_with(|unit: char| unit.is_ascii_alphabetic()))?;
    Some(bytes >> 20).filter(|mib| *mib >= 1 && bytes.is_multiple_of(1 << 20))
}

fn time(text: &str) -> Option<Duration> {
    let is_bare = text.trim().bytes().all(|byte| byte.is_ascii_digit());
    parse_duration(text).filter(|time| !is_bare && *time >= Duration::from_secs(60))
}

fn extra(text: &str) -> Option<String> {
    let option = text.strip_prefix("--")?;
    let name = option.split('=').next().unwrap_or_default();
    let is_option = !name.is_empty() && !text.contains(char::is_control) && !TAKEN.contains(&name);
    is_option.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_that_share_a_job_get_all_that_each_of_them_asks_for() {
        let wish = |pairs: &[(&str, &str)]| {
            let mut wish = Resources::default();
            pairs.iter().for_each(|(key, value)| wish.set(key, &[value]).expect("a value"));
            wish
        };
        let writer = wish(&[("cpus", "2"), ("memory", "8G"), ("partition", "big"), ("gpus", "a100:1")]);
        let (reader, last) = (wish(&[("time", "2h"), ("gpus", "1")]), wish(&[("memory", "1G")]));
        let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
        let all =
            Resources::together(&[(&writer, 1, None), (&reader, 1, minutes(5)), (&last, 1, minutes(10))]);
        let options = all.options(1, None, 1, OptionStyle::default()).join(" ");
        assert_eq!(
            options,
            "--nodes=1 --ntasks=1 --cpus-per-task=4 --mem=9216M --time=0-02:00:00 --gres=gpu:a100:2 --partition=big"
        );
        let nothing = Resources::together(&[(&wish(&[]), 1, None), (&wish(&[]), 1, None)]);
        let options = nothing.options(1, None, 1, OptionStyle::default()).join(" ");
        assert_eq!(options, "--nodes=1 --ntasks=1 --cpus-per-task=2");
        assert_eq!(writer.disagreements(&reader), ["partition"]);
        assert_eq!(writer.disagreements(&wish(&[("partition", "big"), ("gpus", "v100:1")])), ["gpus"]);
    }

    #[test]
    fn resources_are_options_of_sbatch_and_a_list_goes_by_attempts() {
        let mut resources = Resources::default();
        resources.set("cpus", &["8"]).expect("fine");
        resources.set("memory", &["8G", "32G"]).expect("fine");
        resources.set("time", &["90m30s"]).expect("fine");
        resources.set("gpus", &["a100:2"]).expect("fine");
        resources.set("partition", &["long"]).expect("fine");
        resources.set("extra", &["--exclusive"]).expect("fine");
        let options = |attempt| resources.options(attempt, None, 1, OptionStyle::default()).join(" ");
        assert_eq!(
            options(1),
            "--nodes=1 --ntasks=1 --cpus-per-task=8 --mem=8192M --time=0-01:31:00 --gres=gpu:a100:2 \
             --partition=long --exclusive"
        );
        assert!(options(2).contains("--mem=32768M") && options(7).contains("--mem=32768M"));
        let limit = Some(Duration::from_secs(60));
        assert_eq!(
            Resources::default().options(1, limit, 1, OptionStyle::default()).join(" "),
            "--nodes=1 --ntasks=1 --cpus-per-task=1 --time=0-00:03:00"
        );
    }

    #[test]
    fn jobs_that_share_one_have_the_time_of_all_and_the_rest_of_one() {
        let mut resources = Resources::default();
        for (key, value) in [("cpus", "2"), ("memory", "1G"), ("time", "90s"), ("bundle", "25")] {
            resources.set(key, &[value]).expect("fine");
        }
        assert_eq!(
            resources.options(1, None, 25, OptionStyle::default()).join(" "),
            "--nodes=1 --ntasks=1 --cpus-per-task=2 --mem=1024M --time=0-00:38:00"
        );
    }

    #[test]
    fn a_site_may_want_memory_and_gpus_otherwise() {
        let mut resources = Resources::default();
        for (key, value) in [("cpus", "3"), ("memory", "8G"), ("gpus", "a100:2")] {
            resources.set(key, &[value]).expect("fine");
        }
        let options =
            |memory, gpus| resources.options(1, None, 1, OptionStyle { memory, gpus })[3..].join(" ");
        assert_eq!(options(MemoryAs::Cpu, GpusAs::Gpus), "--mem-per-cpu=2731M --gpus=a100:2");
        assert_eq!(options(MemoryAs::None, GpusAs::Gres), "--gres=gpu:a100:2");
    }

    #[test]
    fn what_is_said_nearer_counts_key_by_key() {
        let mut near = Resources::default();
        near.set("cpus", &["2"]).expect("fine");
        let mut far = Resources::default();
        far.set("cpus", &["4"]).expect("fine");
        far.set("qos", &["low"]).expect("fine");
        let both = near.or(&far);
        assert_eq!((both.cpus(1), both.qos.as_deref()), (2, Some("low")));
    }

    #[test]
    fn values_that_cannot_be_meant_are_refused() {
        let wrong = [
            ("cpus", "0"),
            ("cpus", "x"),
            ("cpus", "5000"),
            ("memory", "512"),
            ("memory", "1.5G"),
            ("memory", "1K"),
            ("time", "30"),
            ("time", "30s"),
            ("gpus", "65"),
            ("gpus", ":2"),
            ("partition", "a b"),
            ("account", ""),
            ("bundle", "1"),
            ("bundle", "1001"),
            ("extra", "-c 4"),
            ("extra", "--output=x"),
            ("extra", "--mem=4G"),
        ];
        for (key, value) in wrong {
            assert!(Resources::default().set(key, &[value]).is_err(), "{key}: {value}");
        }
    }
}
