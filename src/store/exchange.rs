//! What otto and the nodes of a cluster tell each other about an attempt: files in the run's folder, and nothing else.
//! Begin and end of an attempt are each claimed by one rename that only one can make; so neither happens twice, whatever
//! caches a network file system has.

use crate::diagnostic::Notice;
use crate::event::Exit;
use crate::name::JobName;
use crate::plan::JobId;
use crate::store::atomic;
use crate::store::layout::{AttemptDir, ExchangeDir};
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The beginning of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BeginRecord {
    /// None: the run took the beginning for itself, so that the attempt never begins.
    pub(crate) host: Option<String>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EndRecord {
    /// None: its end was never reported, and the run gave it up.
    pub(crate) host: Option<String>,
    pub(crate) exit: Exit,
    /// Why it could not be started.
    pub(crate) cause: Option<Notice>,
    /// Number and command of each process that outlived the task.
    pub(crate) leaked: Vec<(i32, String)>,
    pub(crate) survivors: u32,
    pub(crate) stdout_bytes: u64,
    pub(crate) stderr_bytes: u64,
    pub(crate) log_error: Option<String>,
    /// The signal by which the cluster or a user there asked it to end.
    #[serde(default)]
    pub(crate) signal: Option<i32>,
    /// Most memory that it had, and how many of its processes were killed for want of it, where the node counts.
    #[serde(default)]
    pub(crate) peak_mib: Option<u64>,
    #[serde(default)]
    pub(crate) memory_kills: u32,
    /// The indices of the declared files that it has made.
    #[serde(default)]
    pub(crate) made: Vec<usize>,
    /// The run gave it up, and the task will be repeated.
    #[serde(default)]
    pub(crate) is_repeated: bool,
    /// Of a task that streams.
    #[serde(default)]
    pub(crate) streams: Option<StreamRecord>,
}

/// What flowed from an attempt and to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StreamRecord {
    /// How much it streamed, in bytes.
    pub(crate) length: u64,
    /// Its readers had all left before it ended.
    pub(crate) is_short: bool,
    /// A process that it left kept its pipe open, so that its stream was cut off.
    pub(crate) was_cut: bool,
    /// Its stream took no more.
    pub(crate) is_full: bool,
    /// Why it fails, whatever its exit.
    pub(crate) trouble: Option<String>,
    /// The job that failed while this one read its stream.
    pub(crate) broken_by: Option<JobId>,
    pub(crate) taken: Vec<TakenRecord>,
}

/// What an attempt took of one stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TakenRecord {
    pub(crate) name: JobName,
    /// `None`: of an earlier run.
    pub(crate) producer: Option<JobId>,
    pub(crate) bytes: u64,
    /// The file that recorded it could not be read.
    pub(crate) has_failed: bool,
    /// There was something to read, or there might have been.
    pub(crate) had_bytes: bool,
    /// Its producer had ended by then, as far as its processes go.
    pub(crate) is_whole: bool,
}

impl EndRecord {
    /// The record of an attempt that had no process, or whose process was never seen.
    pub(crate) fn without_process(exit: Exit) -> EndRecord {
        EndRecord {
            host: None,
            exit,
            cause: None,
            leaked: Vec::new(),
            survivors: 0,
            stdout_bytes: 0,
            stderr_bytes: 0,
            log_error: None,
            signal: None,
            peak_mib: None,
            memory_kills: 0,
            is_repeated: false,
            made: Vec::new(),
            streams: None,
        }
    }
}

/// The bell that rang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bell {
    Begun,
    Ended,
}

const BEGUN_BELL: &str = ".begun";

/// Makes the folder of a run's exchange, with the word by which a node knows it. Jobs that wait know the word of an earlier
/// otto, so that stays. Answers the word.
pub(crate) fn open(exchange: &ExchangeDir, nonce: &str) -> io::Result<String> {
    make_folder(&exchange.path)?;
    make_folder(&exchange.bells())?;
    make_folder(&exchange.drivers())?;
    match fs::read_to_string(exchange.nonce()) {
        Ok(known) if !known.is_empty() => Ok(known),
        Ok(_) | Err(_) => atomic::write(&exchange.nonce(), nonce.as_bytes()).map(|()| nonce.to_owned()),
    }
}

/// The number of the latest otto of a run; 0 before the first.
pub(crate) fn latest_driver(exchange: &ExchangeDir) -> u32 {
    let Ok(entries) = fs::read_dir(exchange.drivers()) else { return 0 };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).max().unwrap_or(0)
}

/// Becomes the otto of this number; false if another one has. A lock may hold on one machine only, this holds on all.
pub(crate) fn drive(exchange: &ExchangeDir, number: u32) -> io::Result<bool> {
    make_folder(&exchange.path)?;
    make_folder(&exchange.drivers())?;
    match DirBuilder::new().mode(0o700).create(exchange.driver(number)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// The arrays of a run in the order of their numbers, each with the names of its attempts.
pub(crate) fn arrays(exchange: &ExchangeDir) -> Vec<Vec<String>> {
    (0..).map_while(|number| members(&exchange.array(number)).ok()).collect()
}

/// The same of its bundles.
pub(crate) fn bundles(exchange: &ExchangeDir) -> Vec<Vec<String>> {
    (0..).map_while(|number| members(&exchange.bundle(number)).ok()).collect()
}

/// The names of the attempts in the list of an array or a bundle.
pub(crate) fn members(list: &Path) -> io::Result<Vec<String>> {
    Ok(fs::read_to_string(list)?.lines().map(str::to_owned).collect())
}

/// Whether the job of a bundle has begun one of its attempts. The folder of one that has ended well is gone.
pub(crate) fn has_bundle_begun(exchange: &ExchangeDir, number: u32) -> bool {
    let has_begun = |name: &String| {
        let attempt = AttemptDir { path: exchange.path.join(name) };
        !attempt.path.exists() || begun(&attempt).is_some_and(|begun| begun.host.is_some())
    };
    members(&exchange.bundle(number)).is_ok_and(|names| names.iter().any(has_begun))
}

/// Makes the folder of an attempt, with its launch, which a node takes away, and what is kept of it.
pub(crate) fn hand(attempt: &AttemptDir, launch: &[u8], kept: &[u8]) -> io::Result<()> {
    make_folder(&attempt.path)?;
    // First, for the launch shows that it was handed over.
    atomic::write(&attempt.kept(), kept)?;
    atomic::write(&attempt.launch(), launch)
}

fn make_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Takes the beginning of an attempt; false if it was taken.
pub(crate) fn begin(attempt: &AttemptDir, who: &str, record: &BeginRecord) -> io::Result<bool> {
    let folder = attempt.claim(&attempt.begun(), who);
    make_folder(&folder)?;
    write_synced(&AttemptDir::begun_record(&folder), record)?;
    take(&folder, &attempt.begun())
}

/// Where the files of a hand-over are put before [`end`].
pub(crate) fn prepare_end(attempt: &AttemptDir, who: &str) -> io::Result<PathBuf> {
    let folder = attempt.claim(&attempt.ended(), who);
    make_folder(&folder)?;
    Ok(folder)
}

/// Takes the end of an attempt; false if it was taken, and then that record counts.
pub(crate) fn end(attempt: &AttemptDir, who: &str, record: &EndRecord) -> io::Result<bool> {
    let folder = prepare_end(attempt, who)?;
    write_synced(&AttemptDir::end_record(&folder), record)?;
    take(&folder, &attempt.ended())
}

fn write_synced(path: &Path, record: &impl Serialize) -> io::Result<()> {
    atomic::write(path, &serde_json::to_vec(record).map_err(io::Error::other)?)?;
    File::open(path)?.sync_all()
}

/// Renames a folder that is not empty: that fails where another such folder is.
fn take(folder: &Path, name: &Path) -> io::Result<bool> {
    match fs::rename(folder, name) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => {
            // The files there belong to no attempt.
            let _ = fs::remove_dir_all(folder);
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

pub(crate) fn begun(attempt: &AttemptDir) -> Option<BeginRecord> {
    serde_json::from_slice(&fs::read(AttemptDir::begun_record(&attempt.begun())).ok()?).ok()
}

pub(crate) fn ended(attempt: &AttemptDir) -> Option<EndRecord> {
    serde_json::from_slice(&fs::read(AttemptDir::end_record(&attempt.ended())).ok()?).ok()
}

/// A copy of what an attempt handed over, for one who takes away what he reads: until it is in the journal, another otto may
/// have to read it again.
pub(crate) fn copy_hand_over(attempt: &AttemptDir) -> io::Result<PathBuf> {
    let copy = attempt.collected();
    // Left by an otto that read it and did not record it.
    let _ = fs::remove_dir_all(&copy);
    let record = AttemptDir::end_record(&attempt.ended());
    link_all(&attempt.ended(), &copy, &record)?;
    Ok(copy)
}

fn link_all(from: &Path, to: &Path, but: &Path) -> io::Result<()> {
    make_folder(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if path == but {
            continue;
        }
        if entry.file_type()?.is_dir() {
            link_all(&path, &copy, but)?;
        } else if fs::hard_link(&path, &copy).is_err() {
            // Not every file system has hard links.
            fs::copy(&path, &copy)?;
        }
    }
    Ok(())
}

/// Whether an attempt was handed to the cluster, or is about to be: it has what a node needs, or a node has taken it.
pub(crate) fn was_handed(attempt: &AttemptDir) -> bool {
    attempt.launch().exists() || attempt.begun().exists() || attempt.ended().exists()
}

/// The attempts of a run that have no end.
pub(crate) fn open_attempts(exchange: &ExchangeDir) -> Vec<AttemptDir> {
    let Ok(entries) = fs::read_dir(&exchange.path) else { return Vec::new() };
    let attempts = entries.flatten().map(|entry| AttemptDir { path: entry.path() });
    // Of an attempt there is the launch, until a node has read it, and then a beginning.
    let is_open = |attempt: &AttemptDir| {
        (attempt.launch().exists() || attempt.begun().exists()) && ended(attempt).is_none()
    };
    let mut open: Vec<AttemptDir> = attempts.filter(is_open).collect();
    open.sort_by(|a, b| a.path.cmp(&b.path));
    open
}

/// Whether a file of the project is seen on this machine. Its folder is listed first: a name that was looked up in vain may stay
/// so for a while.
pub(crate) fn is_visible(path: &Path) -> bool {
    // One that cannot be listed may have files that can be opened.
    let _ = path.parent().map(fs::read_dir).map(|listing| listing.map(Iterator::count));
    File::open(path).is_ok()
}

/// Whether an attempt that runs here should end: it was cancelled, or its end has been decided elsewhere.
pub(crate) fn is_given_up(attempt: &AttemptDir) -> bool {
    // A listing asks the server; the name alone might be answered by a cache.
    let Ok(entries) = fs::read_dir(&attempt.path) else { return false };
    let given_up = [attempt.cancel(), attempt.ended()];
    entries.flatten().any(|entry| given_up.iter().any(|path| path.file_name() == Some(&entry.file_name())))
}

pub(crate) fn cancel(attempt: &AttemptDir) -> io::Result<()> {
    File::create(attempt.cancel()).map(drop)
}

/// Lets the run know. It lists the bells, and looks up no name before it was listed.
pub(crate) fn ring(attempt: &AttemptDir, bell: Bell) -> io::Result<()> {
    let name = match bell {
        Bell::Begun => format!("{}{BEGUN_BELL}", attempt.name()),
        Bell::Ended => attempt.name(),
    };
    File::create(attempt.exchange().bell(&name)).map(drop)
}

/// The bells that rang since they were last heard, each with the name of its attempt. They are taken away.
pub(crate) fn hear(exchange: &ExchangeDir) -> Vec<(String, Bell)> {
    let Ok(entries) = fs::read_dir(exchange.bells()) else { return Vec::new() };
    let mut heard = Vec::new();
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        // Heard once more does no harm.
        let _ = fs::remove_file(exchange.bell(&name));
        heard.push(match name.strip_suffix(BEGUN_BELL) {
            Some(attempt) => (attempt.to_owned(), Bell::Begun),
            None => (name, Bell::Ended),
        });
    }
    heard
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::RunId;
    use crate::store::layout::Home;

    fn attempt() -> (tempfile::TempDir, AttemptDir) {
        let home = tempfile::tempdir().expect("a folder");
        let run = Home::new(home.path().to_owned())
            .project(Path::new("/p"))
            .run(&RunId::new("20261123-120000.000000", 1));
        fs::create_dir_all(&run.path).expect("made");
        let exchange = run.exchange();
        open(&exchange, "word").expect("made");
        let attempt = exchange.attempt(3, 2);
        hand(&attempt, b"{}", b"null").expect("made");
        (home, attempt)
    }

    #[test]
    fn an_attempt_begins_once_and_ends_once() {
        let (_home, attempt) = attempt();
        let on = |host: &str| BeginRecord { host: Some(host.to_owned()) };
        assert!(begin(&attempt, "a", &on("node1")).expect("taken"));
        assert!(!begin(&attempt, "b", &on("node2")).expect("not taken"));
        assert_eq!(begun(&attempt), Some(on("node1")));
        assert!(!is_given_up(&attempt));
        assert_eq!(open_attempts(&attempt.exchange()).len(), 1);
        let record = |code| EndRecord::without_process(Exit::Code(code));
        assert!(end(&attempt, "driver", &record(1)).expect("taken"));
        assert!(!end(&attempt, "a", &record(0)).expect("not taken"));
        assert_eq!(ended(&attempt), Some(record(1)));
        assert!(is_given_up(&attempt));
        assert!(open_attempts(&attempt.exchange()).is_empty());
        let mut left: Vec<_> =
            fs::read_dir(&attempt.path).expect("listed").flatten().map(|entry| entry.file_name()).collect();
        left.sort();
        assert_eq!(left, ["begun", "ended", "kept.json", "launch"]);
    }

    #[test]
    fn a_bell_is_heard_once() {
        let (_home, attempt) = attempt();
        ring(&attempt, Bell::Begun).expect("rung");
        ring(&attempt, Bell::Ended).expect("rung");
        let mut heard = hear(&attempt.exchange());
        heard.sort_by_key(|(_, bell)| *bell == Bell::Ended);
        assert_eq!(heard, [("3.2".to_owned(), Bell::Begun), ("3.2".to_owned(), Bell::Ended)]);
        assert_eq!(hear(&attempt.exchange()), []);
    }
}
