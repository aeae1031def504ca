//! How a run comes by its place on disk: `$OTTO_HOME`, and a directory that belongs to this run alone.
//! Knows nothing of what a run records in it.

use crate::host::plain;
use crate::name::RunId;
use crate::store::atomic;
use crate::store::beat::{self, Beat};
use crate::store::layout::{Home, ProjectDir, RunDir};
use crate::store::lock::{self, LockedFile, Tried};
use crate::store::regular;
use rustix::fs::{Access, AtFlags, CWD, FileType, Stat};
use rustix::io::Errno;
use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// First bytes of a run's `.lock`. A directory without them is not a run, and is never deleted.
pub(crate) const MARKER: &[u8] = b"otto run\n";

/// Why `$OTTO_HOME` cannot be used.
#[derive(Debug)]
pub(crate) enum HomeError {
    /// It, or a symlink in its place, belongs to somebody else. Refused: what that user could put there would be
    /// believed, and what is put there could be read.
    Foreign { root: PathBuf, owner: u32 },
    /// Others may write to it. Refused for the same reason; and its permissions are not otto's to change, for it may be
    /// `/tmp`, or a folder that a group shares on purpose.
    Shared { root: PathBuf, mode: u32 },
    /// It cannot be made, is not a directory, or cannot be written to. A run falls back on [`temporary_home`].
    Unusable { root: PathBuf, error: io::Error },
}

impl fmt::Display for HomeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HomeError::Foreign { root, owner } => {
                write!(f, "`{}` belongs to another user (uid {owner})", root.display())
            }
            HomeError::Shared { root, mode } => {
                let path = root.display();
                write!(
                    f,
                    "other users can write to `{path}` (mode {mode:04o}) and could change otto's records"
                )
            }
            HomeError::Unusable { root, error } => {
                write!(f, "cannot use `{}`: {}", root.display(), plain(error))
            }
        }
    }
}

/// Makes `root` if need be and sees that it is ours and that we alone may write to it. One that exists keeps its
/// permissions. One or two system calls when all is well.
pub(crate) fn open_home(root: PathBuf) -> Result<Home, HomeError> {
    match checked_home(&root) {
        Ok(Trust::Ours) => Ok(Home::new(root)),
        Ok(Trust::OwnedBy(owner)) => Err(HomeError::Foreign { root, owner }),
        Ok(Trust::Writable(mode)) => Err(HomeError::Shared { root, mode }),
        Err(error) => Err(HomeError::Unusable { root, error }),
    }
}

/// Whose word counts for what is in a home.
enum Trust {
    Ours,
    OwnedBy(u32),
    /// Others may write to it: its mode.
    Writable(u32),
}

impl Trust {
    fn of(directory: &Stat) -> Trust {
        const BY_OTHERS: u32 = 0o022;
        // Half as wide on macOS.
        #[allow(clippy::useless_conversion)]
        let mode = u32::from(directory.st_mode);
        if directory.st_uid != rustix::process::geteuid().as_raw() {
            Trust::OwnedBy(directory.st_uid)
        } else if mode & BY_OTHERS != 0 {
            Trust::Writable(mode & 0o7777)
        } else {
            Trust::Ours
        }
    }
}

/// The home at `root` for looking only: nothing is made or changed. `None`: there is none yet.
pub(crate) fn find_home(root: PathBuf) -> Result<Option<Home>, HomeError> {
    let own = rustix::process::geteuid().as_raw();
    let look = || {
        let link = rustix::fs::lstat(&root)?;
        let place = rustix::fs::stat(&root)?;
        if file_type(&place) != FileType::Directory {
            return Err(Errno::NOTDIR);
        }
        Ok((Trust::of(&place), link))
    };
    match look() {
        Ok((Trust::OwnedBy(owner), _)) => Err(HomeError::Foreign { root, owner }),
        Ok((Trust::Writable(mode), _)) => Err(HomeError::Shared { root, mode }),
        Ok((Trust::Ours, link)) => {
            let (is_link, by) = (file_type(&link) == FileType::Symlink, link.st_uid);
            if is_link && by != own && by != 0 {
                Err(HomeError::Foreign { root, owner: by })
            } else if let Err(error) = rustix::fs::access(&root, Access::READ_OK | Access::EXEC_OK) {
                // There are runs, perhaps; to say that there are none would be wrong.
                Err(HomeError::Unusable { root, error: error.into() })
            } else {
                Ok(Some(Home::new(root)))
            }
        }
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(HomeError::Unusable { root, error: error.into() }),
    }
}

fn checked_home(root: &Path) -> io::Result<Trust> {
    let own = rustix::process::geteuid().as_raw();
    let mut stat = match rustix::fs::lstat(root) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => {
            private_directories(root)?;
            rustix::fs::lstat(root)?
        }
        Err(error) => return Err(error.into()),
    };
    if file_type(&stat) == FileType::Symlink {
        // A link of the system's administrator is as good as ours.
        if stat.st_uid != own && stat.st_uid != 0 {
            return Ok(Trust::OwnedBy(stat.st_uid));
        }
        stat = rustix::fs::stat(root)?;
    }
    if file_type(&stat) != FileType::Directory {
        return Err(Errno::NOTDIR.into());
    }
    let trust = Trust::of(&stat);
    if matches!(trust, Trust::Ours) {
        // A read-only file system shows only here.
        rustix::fs::accessat(CWD, root, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)?;
    }
    Ok(trust)
}

fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

fn private_directories(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A home of its own for one run whose real one cannot be used: a new directory in `$TMPDIR`, under a name that
/// nobody could foresee. `random` is of this process.
pub(crate) fn temporary_home(random: u64) -> io::Result<Home> {
    let folder = std::env::temp_dir();
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for attempt in 0..16u64 {
        let name = random.wrapping_add(attempt.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let root = std::path::absolute(folder.join(format!("otto-{name:016x}")))?;
        // `mkdir` follows no symlink and fails if the directory exists.
        match DirBuilder::new().mode(0o700).create(&root) {
            Ok(()) => return Ok(Home::new(root)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// Why a run has no directory: what was being done, to which path.
#[derive(Debug)]
pub(crate) struct ClaimError {
    pub(crate) doing: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) error: io::Error,
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} `{}`: {}", self.doing, self.path.display(), plain(&self.error))
    }
}

/// Held while the run lives. Whoever finds it free, no beat, and no last event in the journal, knows that the run ended
/// without a result.
#[derive(Debug)]
pub(crate) struct RunLock {
    /// `None` on a file system without locks.
    _held: Option<LockedFile>,
    /// Where the lock is not enough.
    _beat: Option<Beat>,
}

/// Makes the directory of a new run. It appears by one rename: with its lock held, its `run.json` (from `record`)
/// and an empty `tasks/`. `latest` then names it.
pub(crate) fn claim_run(
    project: &ProjectDir,
    now: jiff::Timestamp,
    random: u64,
    mut record: impl FnMut(&RunId) -> Vec<u8>,
) -> Result<(RunDir, RunId, RunLock), ClaimError> {
    let stamp = later_of(stamp(now), project);
    let mut random = random;
    // Two runs meet only if they begin in the same microsecond and draw the same 30 bits.
    for _ in 0..64 {
        let id = RunId::new(&stamp, random);
        random = random.rotate_left(7).wrapping_add(0x9e37_79b9_7f4a_7c15);
        if let Some(lock) = try_claim(project, &id, &record(&id))? {
            point_latest_to(project, &id);
            return Ok((project.run(&id), id, lock));
        }
    }
    Err(ClaimError {
        doing: "make a directory for the run in",
        path: project.path.clone(),
        error: io::ErrorKind::AlreadyExists.into(),
    })
}

/// Takes over a run whose otto is gone. `None`: it lives, as far as its lock and its beat say.
pub(crate) fn take_over(run: &RunDir) -> Result<Option<RunLock>, ClaimError> {
    let failed = |doing, path: PathBuf| move |error| ClaimError { doing, path, error };
    let lock = run.lock();
    let file = regular::update(&lock).map_err(failed("open", lock.clone()))?;
    let is_shared = beat::may_be_shared(&file);
    let held = match lock::try_lock(file).map_err(failed("lock", lock))? {
        Tried::Busy => return Ok(None),
        Tried::Held(held) => Some(held),
        Tried::NoLocks => None,
    };
    if beat::is_alive(run, held.is_some()) {
        return Ok(None);
    }
    let beats = is_shared || held.is_none();
    if beats {
        Beat::write_first(run).map_err(failed("write", run.beat()))?;
    }
    Ok(Some(RunLock { _held: held, _beat: beats.then(|| Beat::keep(run)) }))
}

fn stamp(time: jiff::Timestamp) -> String {
    time.strftime("%Y%m%d-%H%M%S.%6f").to_string()
}

/// The stamp of the next run: after that of the latest one, also where the clock was set back meanwhile. Runs are listed by
/// their ids, and what ran last must come first. When it began by the clock says its record.
fn later_of(stamp_now: String, project: &ProjectDir) -> String {
    let after = || {
        let link = std::fs::read_link(project.latest()).ok()?;
        let latest = RunId::parse(link.to_str()?)?;
        if latest.as_str()[..22] < *stamp_now {
            return None;
        }
        let time = jiff::Timestamp::from_microsecond(latest.stamp_us()? + 1).ok()?;
        // In the last microsecond of all there is none after it.
        Some(stamp(time)).filter(|next| next.len() == stamp_now.len())
    };
    after().unwrap_or(stamp_now)
}

/// `None` if the name is taken.
fn try_claim(project: &ProjectDir, id: &RunId, record: &[u8]) -> Result<Option<RunLock>, ClaimError> {
    let arriving = project.arriving(id);
    let failed = |doing, path: &Path| {
        let path = path.to_owned();
        move |error| ClaimError { doing, path, error }
    };
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    let mut made = builder.create(&arriving.path);
    if made.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        private_directories(&project.path).map_err(failed("create", &project.path))?;
        made = builder.create(&arriving.path);
    }
    match made {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        Err(error) => return Err(failed("create", &arriving.path)(error)),
    }
    let fill = || {
        let lock = arriving.lock();
        let mut file = new_file(&lock).map_err(failed("create", &lock))?;
        file.write_all(MARKER).map_err(failed("write", &lock))?;
        let is_shared = beat::may_be_shared(&file);
        let held = match lock::try_lock(file).map_err(failed("lock", &lock))? {
            Tried::Held(held) => Some(held),
            Tried::NoLocks => None,
            Tried::Busy => return Ok(None),
        };
        let beats = is_shared || held.is_none();
        if beats {
            Beat::write_first(&arriving).map_err(failed("write", &arriving.beat()))?;
        }
        let path = arriving.record();
        // Otherwise a kill between the two steps would leave half of it forever.
        atomic::write(&path, record).map_err(failed("write", &path))?;
        builder.create(arriving.tasks()).map_err(failed("create", &arriving.tasks()))?;
        let place = project.run(id).path;
        // Before the run appears, so that one which dies in between is not missed.
        note_in_ledger(project, id);
        // A rename never replaces a directory with something in it, and every run has.
        match std::fs::rename(&arriving.path, &place) {
            Ok(()) => Ok(Some(RunLock { _held: held, _beat: beats.then(|| Beat::keep(&project.run(id))) })),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(failed("create", &place)(error)),
        }
    };
    let claimed = fill();
    if !matches!(claimed, Ok(Some(_))) {
        // What cannot be removed now is removed by the next pruning.
        let _ = std::fs::remove_dir_all(&arriving.path);
    }
    claimed
}

fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// One line, one write. Where that fails the ledger goes: without one, the project's directory is listed as a whole, and
/// the run is found there.
fn note_in_ledger(project: &ProjectDir, id: &RunId) {
    let ledger = regular::append(&project.ledger());
    if ledger.and_then(|mut ledger| ledger.write_all(format!("{id}\n").as_bytes())).is_err() {
        // If it cannot even be deleted, the run is found when the index is next rebuilt.
        let _ = std::fs::remove_file(project.ledger());
    }
}

/// By rename, so that `latest` is valid at each moment. otto itself never relies on it, so a failure may be dropped.
fn point_latest_to(project: &ProjectDir, id: &RunId) {
    let next = project.next_latest(id);
    let renamed = std::os::unix::fs::symlink(id.as_str(), &next)
        .and_then(|()| std::fs::rename(&next, project.latest()));
    if renamed.is_err() {
        let _ = std::fs::remove_file(&next);
    }
}

/// Keeps the ottofile of a run, so that it can be repeated as it was. One system call if it is kept already. A failure
/// may be dropped: then a rerun of the recorded script says that there is none.
pub(crate) fn keep_ottofile(project: &ProjectDir, hash: &str, text: &str) {
    let path = project.ottofile(hash);
    if rustix::fs::access(&path, Access::EXISTS).is_ok() {
        return;
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(project.ottofiles());
    let _ = made.and_then(|()| atomic::write(&path, text.as_bytes()));
}

/// The machine on which the otto of a run beats, for people.
pub(crate) fn driver_of(run: &RunDir) -> Option<String> {
    beat::host(run)
}

/// Whether a run is not over: its process is alive, or another one can go on with it, and its jobs may run on a cluster.
pub(crate) fn is_open(run: &RunDir) -> bool {
    is_running(run) || run.plan().exists()
}

/// Whether the process that runs `run` is alive.
pub(crate) fn is_running(run: &RunDir) -> bool {
    // Without a lock file it is no run of ours, or one that is being deleted.
    let Ok(file) = regular::open(&run.lock()) else { return false };
    match lock::try_lock_shared(file) {
        Ok(Tried::Busy) => true,
        Ok(Tried::Held(_)) => beat::is_alive(run, true),
        Ok(Tried::NoLocks) | Err(_) => beat::is_alive(run, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    fn noon() -> jiff::Timestamp {
        "2026-11-23T12:00:00.123456Z".parse().expect("a time")
    }

    fn project(sandbox: &tempfile::TempDir) -> ProjectDir {
        let home = open_home(sandbox.path().join("deep/home")).expect("a home");
        home.project(Path::new("/work/shop"))
    }

    #[test]
    fn a_home_is_made_closed_to_others_and_one_that_exists_keeps_its_permissions() {
        let sandbox = tempfile::tempdir().expect("a sandbox");
        let root = sandbox.path().join("a/b/home");
        let mode = || std::fs::metadata(&root).expect("it exists").mode() & 0o7777;
        open_home(root.clone()).expect("it is made");
        assert_eq!(mode(), 0o700);
        for (permissions, may_be_used) in [
            (0o755, true),
            (0o750, true),
            (0o711, true),
            (0o1777, false),
            (0o777, false),
            (0o770, false),
            (0o775, false),
            (0o2770, false),
            (0o702, false),
        ] {
            std::fs::set_permissions(&root, PermissionsExt::from_mode(permissions)).expect("ours");
            let refused = open_home(root.clone()).err().map(|error| error.to_string());
            let looked = find_home(root.clone()).err().map(|error| error.to_string());
            assert_eq!(mode(), permissions);
            assert_eq!(refused, looked);
            let path = root.display();
            let why = format!(
                "other users can write to `{path}` (mode {permissions:04o}) and could change otto's records"
            );
            assert_eq!(refused, (!may_be_used).then_some(why));
        }
    }

    #[test]
    fn a_file_or_a_dangling_link_in_place_of_the_home_is_unusable() {
        let sandbox = tempfile::tempdir().expect("a sandbox");
        let file = sandbox.path().join("file");
        std::fs::write(&file, "").expect("a file");
        assert!(matches!(open_home(file.clone()), Err(HomeError::Unusable { .. })));
        assert!(matches!(open_home(file.join("below")), Err(HomeError::Unusable { .. })));
        assert!(matches!(find_home(file), Err(HomeError::Unusable { .. })));
        let link = sandbox.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).expect("a link");
        assert!(matches!(open_home(link), Err(HomeError::Unusable { .. })));
    }

    #[test]
    fn a_link_of_ours_to_a_directory_of_ours_is_a_home() {
        let sandbox = tempfile::tempdir().expect("a sandbox");
        std::fs::create_dir(sandbox.path().join("real")).expect("a directory");
        let link = sandbox.path().join("link");
        std::os::unix::fs::symlink("real", &link).expect("a link");
        open_home(link).expect("both are ours");
    }

    #[test]
    fn a_home_of_somebody_else_is_refused() {
        let sandbox = tempfile::tempdir().expect("a sandbox");
        let theirs = sandbox.path().join("theirs");
        std::fs::create_dir(&theirs).expect("a directory");
        let link = sandbox.path().join("link");
        std::os::unix::fs::symlink("theirs", &link).expect("a link");
        if std::os::unix::fs::lchown(&link, Some(12_345), None).is_err() {
            return; // Only root can give things away.
        }
        assert!(matches!(find_home(link.clone()), Err(HomeError::Foreign { owner: 12_345, .. })));
        assert!(matches!(open_home(link), Err(HomeError::Foreign { owner: 12_345, .. })));
        std::os::unix::fs::chown(&theirs, Some(12_345), None).expect("we are root");
        assert!(matches!(find_home(theirs.clone()), Err(HomeError::Foreign { owner: 12_345, .. })));
        assert!(matches!(open_home(theirs), Err(HomeError::Foreign { owner: 12_345, .. })));
    }

    #[test]
    fn looking_for_a_home_makes_none() {
        let sandbox = tempfile::tempdir().expect("a sandbox");
        let root = sandbox.path().join("home");
        assert!(matches!(find_home(root.clone()), Ok(None)));
        assert!(!root.exists());
        open_home(root.clone()).expect("it is made");
        assert!(matches!(find_home(root.clone()), Ok(Some(_))));
        std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o300)).expect("ours");
        let found = find_home(root.clone());
        // Nothing is closed to root.
        let is_closed = std::fs::read_dir(&root).is_err();
        assert_eq!(matches!(found, Err(HomeError::Unusable { .. })), is_closed, "{found:?}");
        std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o700)).expect("ours");
    }

    #[test]
    fn a_temporary_home_is_new_and_private() {
        let first = temporary_home(7).expect("a directory");
        let second = temporary_home(7).expect("another");
        assert_ne!(first, second);
        for home in [first, second] {
            assert_eq!(std::fs::metadata(&home.root).expect("it exists").mode() & 0o777, 0o700);
            std::fs::remove_dir(&home.root).expect("it is empty");
        }
    }

    #[test]
    fn a_run_is_taken_over_when_its_otto_is_gone_and_by_one_only() {
        let sandbox = tempfile::tempdir().expect("a sandbox");
        let (run, _, lock) = claim_run(&project(&sandbox), noon(), 7, |_| Vec::new()).expect("a run");
        assert!(take_over(&run).expect("asked").is_none());
        drop(lock);
        assert!(!is_running(&run));
        let second = take_over(&run).expect("asked").expect("it is free");
        assert!(is_running(&run));
        assert!(take_over(&run).expect("asked").is_none());
        drop(second);
        assert_eq!(std::fs::read(run.lock()).expect("there"), MARKER);
        // A run on another machine is alive if it beats, even if its lock looks free here.
        std::fs::write(run.beat(), r#"{"host":"b","kernel":"another","pid":1,"started":1}"#).expect("ours");
        assert!(take_over(&run).expect("asked").is_none());
    }

    #[test]
    fn a_run_comes_after_those_before_it_although_the_clock_was_set_back() {
        let sandbox = tempfile::tempdir().expect("a sandbox");
        let project = project(&sandbox);
        let claim = |now: jiff::Timestamp| claim_run(&project, now, 7, |_| Vec::new()).expect("a run").1;
        let first = claim(noon());
        let ids = [
            first.clone(),
            claim(noon() - jiff::SignedDuration::from_hours(1)),
            claim(noon() - jiff::SignedDuration::from_hours(24 * 400)),
            claim(noon() + jiff::SignedDuration::from_hours(1)),
        ];
        assert_eq!(
            ids.each_ref().map(|id| &id.as_str()[..22]),
            [
                "20261123-120000.123456",
                "20261123-120000.123457",
                "20261123-120000.123458",
                "20261123-130000.123456"
            ]
        );
        let latest = std::fs::read_link(project.latest()).expect("there");
        assert_eq!(latest.to_str(), Some(ids[3].as_str()));
        // What cannot be a time, or has none after it, is not counted on from.
        for odd in ["99991399-000000.000000-a10000", "99991231-235959.999999-a10000", "elsewhere"] {
            std::fs::remove_file(project.latest()).expect("there");
            std::os::unix::fs::symlink(odd, project.latest()).expect("made");
            assert_eq!(claim(noon()).as_str()[..22], first.as_str()[..22], "{odd}");
        }
    }

    #[test]
    fn a_claimed_run_is_whole_locked_and_the_latest() {
        let sandbox = tempfile::tempdir().expect("a sandbox");
        let project = project(&sandbox);
        let (dir, id, lock) =
            claim_run(&project, noon(), 42, |id| format!("record of {id}").into_bytes()).expect("a run");
        assert_eq!(id.as_str(), "20261123-120000.123456-a10000");
        assert_eq!(std::fs::read_link(project.latest()).expect("a link"), Path::new(id.as_str()));
        assert_eq!(std::fs::read(dir.record()).expect("a record"), format!("record of {id}").into_bytes());
        assert_eq!(std::fs::read_to_string(project.ledger()).expect("a ledger"), format!("{id}\n"));
        for path in [&dir.path, &dir.tasks()] {
            assert_eq!(std::fs::metadata(path).expect("it exists").mode() & 0o777, 0o700);
        }
        assert!(is_running(&dir));
        drop(lock);
        assert!(!is_running(&dir));
        let (_, next, _lock) = claim_run(&project, noon(), 42, |_| Vec::new()).expect("another run");
        assert_ne!(id, next);
        assert_eq!(std::fs::read_link(project.latest()).expect("a link"), Path::new(next.as_str()));
    }

    #[test]
    fn claims_of_many_at_once_are_distinct_and_latest_is_valid_at_each_moment() {
        let sandbox = tempfile::tempdir().expect("a sandbox");
        let project = project(&sandbox);
        let _first = claim_run(&project, noon(), 0, |_| Vec::new()).expect("a run");
        let ids: Vec<RunId> = std::thread::scope(|scope| {
            let claimants: Vec<_> = (0..20)
                .map(|_| {
                    scope.spawn(|| {
                        // All draw the same number in the same microsecond.
                        let claim = |_| {
                            let (dir, id, _lock) =
                                claim_run(&project, noon(), 0, |_| Vec::new()).expect("a run");
                            assert!(dir.tasks().is_dir());
                            assert!(std::fs::metadata(project.latest()).expect("valid").is_dir());
                            id
                        };
                        (0..3).map(claim).collect::<Vec<RunId>>()
                    })
                })
                .collect();
            claimants.into_iter().flat_map(|one| one.join().expect("no panic")).collect()
        });
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 60);
        let entries = std::fs::read_dir(&project.path).expect("a directory").count();
        assert_eq!(entries, 61 + 2, "the runs, `latest` and the ledger; nothing is left over");
        let ledger = std::fs::read_to_string(project.ledger()).expect("a ledger");
        // A line for each try: those that lost their name to another run name that one again.
        assert_eq!(ledger.lines().collect::<HashSet<_>>().len(), 61);
    }

    #[test]
    fn a_claim_that_fails_says_where() {
        let sandbox = tempfile::tempdir().expect("a sandbox");
        std::fs::write(sandbox.path().join("file"), "").expect("a file");
        let project = ProjectDir { path: sandbox.path().join("file/shop") };
        let error = claim_run(&project, noon(), 1, |_| Vec::new()).expect_err("a file is in the way");
        assert!(error.to_string().ends_with("-100000`: not a directory"), "{error}");
        assert_eq!(error.doing, "create");
    }
}
