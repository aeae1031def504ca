//! Slurm's commands: their words, their environment and what they print. Nothing else knows any of it.

use crate::exec::native;
use crate::exec::remote::is_of_the_machine;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many numbers one scancel gets.
const MOST_CANCELLED: usize = 500;

/// Variables by which a user changes what the commands do, and with that what otto understands of them.
const PROTOCOL: &[&str] = &[
    "SBATCH_ARRAY_INX",
    "SBATCH_DEPENDENCY",
    "SBATCH_ERROR",
    "SBATCH_EXPORT",
    "SBATCH_INPUT",
    "SBATCH_JOB_NAME",
    "SBATCH_OPEN_MODE",
    "SBATCH_OUTPUT",
    "SBATCH_REQUEUE",
    "SBATCH_WAIT",
    "SLURM_TIME_FORMAT",
];

/// One line of squeue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QueueRow {
    pub(super) number: String,
    pub(super) state: String,
    pub(super) reason: String,
    pub(super) node: String,
    pub(super) name: String,
}

/// The environment of the commands. sbatch passes it on to the job.
pub(super) fn environment(own: impl Iterator<Item = (OsString, OsString)>) -> BTreeMap<OsString, OsString> {
    let is_kept = |name: &OsStr| {
        let bytes = name.as_bytes();
        !is_of_the_machine(name)
            && !bytes.starts_with(b"SQUEUE_")
            && !bytes.starts_with(b"SCANCEL_")
            && !PROTOCOL.iter().any(|known| name == *known)
    };
    let mut environment: BTreeMap<_, _> = own.filter(|(name, _)| is_kept(name)).collect();
    environment.insert("LC_ALL".into(), "C".into());
    environment
}

/// What a job is made of.
pub(super) struct JobRequest<'a> {
    pub(super) name: &'a str,
    /// Of an array the beginning of the names.
    pub(super) log: &'a Path,
    /// How many elements an array has.
    pub(super) array: Option<usize>,
    /// Resources, as options.
    pub(super) options: &'a [String],
    pub(super) script: &'a Path,
    /// Arguments of the script.
    pub(super) words: &'a [&'a OsStr],
}

/// The words after `sbatch`.
pub(super) fn sbatch_words(request: &JobRequest) -> Vec<OsString> {
    let mut log = OsString::from("--output=").into_vec();
    for byte in request.log.as_os_str().as_bytes() {
        // `%` begins a pattern.
        log.extend(std::iter::repeat_n(*byte, if *byte == b'%' { 2 } else { 1 }));
    }
    if request.array.is_some() {
        log.extend(b".%a.log");
    }
    let fixed = ["--parsable", "--no-requeue", "--export=ALL", "--chdir=/", "--open-mode=append"];
    let mut words: Vec<OsString> = fixed.iter().map(OsString::from).collect();
    words.push(OsString::from_vec(log));
    words.push(format!("--job-name={}", request.name).into());
    words.extend(request.array.map(|count| OsString::from(format!("--array=0-{}", count - 1))));
    words.extend(request.options.iter().map(OsString::from));
    words.push(request.script.into());
    words.extend(request.words.iter().map(OsString::from));
    words
}

/// Asks for a job; answers its number, or what sbatch says against it.
pub(super) fn submit(env: &BTreeMap<OsString, OsString>, request: &JobRequest) -> Result<String, String> {
    let output = run(env, "sbatch", &sbatch_words(request))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => number(&said(&output.stdout)).ok_or_else(|| "sbatch: no answer".to_owned()),
        false => Err(said(&output.stderr)),
    }
}

/// The last line that is a number: sites print other lines before it. Behind `;` stands the cluster.
fn number(stdout: &str) -> Option<String> {
    let number = |line: &str| {
        let number = line.trim().split(';').next().unwrap_or_default().to_owned();
        (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(number)
    };
    stdout.lines().rev().find_map(number)
}

/// All jobs of this user that Slurm knows of.
pub(super) fn queue(env: &BTreeMap<OsString, OsString>) -> Result<Vec<QueueRow>, String> {
    let user = format!("--user={}", rustix::process::geteuid().as_raw());
    let words = ["--noheader", "--array", "--states=all", &user, "--format=%i|%T|%r|%N|%j"];
    let output = run(env, "squeue", &words.map(OsString::from))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(row).collect())
}

fn row(line: &str) -> Option<QueueRow> {
    let mut fields = line.splitn(5, '|').map(|field| field.trim().to_owned());
    Some(QueueRow {
        number: fields.next()?,
        state: fields.next()?,
        reason: fields.next()?,
        node: fields.next()?,
        name: fields.next()?,
    })
}

/// Cancels jobs; with `is_forced` all their processes are killed. What comes of it the next answer of squeue tells.
pub(super) fn cancel(env: &BTreeMap<OsString, OsString>, numbers: &[String], is_forced: bool) {
    for part in numbers.chunks(MOST_CANCELLED) {
        let mut words: Vec<OsString> = part.iter().map(OsString::from).collect();
        if is_forced {
            let mut kill = vec!["--full".into(), "--signal=KILL".into()];
            kill.extend(words.clone());
            // As below. It reaches jobs that run; those that wait know no signals.
            let _ = run(env, "scancel", &kill);
        }
        words.insert(0, "--quiet".into());
        // The next answer of squeue shows whether it worked, and it is done again.
        let _ = run(env, "scancel", &words);
    }
}

/// How long Slurm waits between SIGTERM and SIGKILL.
pub(super) fn kill_wait(env: &BTreeMap<OsString, OsString>) -> Option<Duration> {
    let settings = settings(env).ok()?;
    let seconds = settings.get("KillWait")?.split_whitespace().next()?;
    Some(Duration::from_secs(seconds.parse().ok()?))
}

/// Slurm's settings, by their names.
pub(super) fn settings(env: &BTreeMap<OsString, OsString>) -> Result<BTreeMap<String, String>, String> {
    let output = run(env, "scontrol", &["show".into(), "config".into()])?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let pair = |line: &str| {
        let (name, value) = line.split_once('=')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    Ok(text.lines().filter_map(pair).collect())
}

/// `22.05.8`.
pub(super) fn version(env: &BTreeMap<OsString, OsString>) -> Result<String, String> {
    let output = run(env, "sbatch", &["--version".into()])?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match output.status.success() {
        // Some distributions call it `slurm-wlm`.
        true => Ok(said.rsplit(' ').next().unwrap_or(&said).to_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

/// Runs a command to its end. The error says why there is no answer.
fn run(env: &BTreeMap<OsString, OsString>, program: &str, words: &[OsString]) -> Result<Output, String> {
    let mut command = Command::new(program);
    command.args(words).env_clear().envs(env);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    native::with_former_descriptors(&mut command);
    native::with_former_umask(&mut command);
    let child = command.spawn().map_err(|error| format!("{program}: {}", native::plain(&error)))?;
    let pid = rustix::process::Pid::from_child(&child);
    let (sender, answer) = mpsc::sync_channel(1);
    let wait = move || drop(sender.send(child.wait_with_output()));
    std::thread::Builder::new()
        .name("slurm".to_owned())
        .spawn(wait)
        .map_err(|error| format!("{program}: {}", native::plain(&error)))?;
    match answer.recv_timeout(PATIENCE) {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) => Err(format!("{program}: {}", native::plain(&error))),
        Err(_) => {
            // Not waited for yet, so the number is still its own.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            Err(format!("{program}: no answer within {} s", PATIENCE.as_secs()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_below_what_a_site_prints() {
        assert_eq!(number("Welcome.\nYou have used 3 % of 500\n4711\n").as_deref(), Some("4711"));
        assert_eq!(number("4711;east").as_deref(), Some("4711"));
        assert_eq!(number("Submitted batch job 4711"), None);
    }

    #[test]
    fn a_line_of_squeue_may_have_any_name() {
        let expected = QueueRow {
            number: "7_3".into(),
            state: "RUNNING".into(),
            reason: "None".into(),
            node: "node1".into(),
            name: "a|b@run.0.1".into(),
        };
        assert_eq!(row("7_3|RUNNING|None|node1|a|b@run.0.1"), Some(expected));
        assert_eq!(row("a banner"), None);
    }

    #[test]
    fn a_path_is_no_pattern() {
        let words = sbatch_words(&JobRequest {
            name: "a@r.0.1",
            log: Path::new("/h/a%2Fb/slurm.log"),
            array: None,
            options: &["--cpus-per-task=2".to_owned()],
            script: Path::new("/h/job.sh"),
            words: &["otto", "folder", "word"].map(OsStr::new),
        });
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        assert_eq!(
            words.join(" "),
            "--parsable --no-requeue --export=ALL --chdir=/ --open-mode=append --output=/h/a%%2Fb/slurm.log \
             --job-name=a@r.0.1 --cpus-per-task=2 /h/job.sh otto folder word"
        );
    }

    #[test]
    fn an_array_has_a_log_for_each_element() {
        let words = sbatch_words(&JobRequest {
            name: "a@r.a0",
            log: Path::new("/h/5%/a0"),
            array: Some(3),
            options: &[],
            script: Path::new("/h/job.sh"),
            words: &["otto", "list", "word"].map(OsStr::new),
        });
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        assert_eq!(words[5..8].join(" "), "--output=/h/5%%/a0.%a.log --job-name=a@r.a0 --array=0-2");
    }

    #[test]
    fn what_would_change_the_commands_does_not_reach_them() {
        let own = [
            "SBATCH_WAIT",
            "SBATCH_PARTITION",
            "SQUEUE_FORMAT",
            "SLURM_JOB_ID",
            "SLURM_CONF",
            "HOSTNAME",
            "HOME",
        ];
        let environment = environment(own.iter().map(|name| (name.into(), "x".into())));
        let names: Vec<_> = environment.keys().map(|name| name.to_string_lossy()).collect();
        assert_eq!(names, ["HOME", "LC_ALL", "SBATCH_PARTITION", "SLURM_CONF"]);
    }
}
