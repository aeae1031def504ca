//! Deletes runs, and nothing else: only directories with otto's marker, in their place, that no process has locked.
//! Does not choose which; that is `history::retention`.

use crate::name::RunId;
use crate::store::claim::{MARKER, is_open};
use crate::store::layout::{ProjectDir, RunDir, StaleEntry, leftover};
use crate::store::lock::{self, Tried};
use crate::store::regular;
use rustix::fs::{FileType, Mode, OFlags};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The result of deleting a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    Removed,
    /// Another process deleted it first.
    Gone,
    /// A process holds its lock, or can go on with it.
    Locked,
    /// Not a directory in its place with otto's marker in it.
    NotARun,
}

/// What deleting a run would do, without doing it.
pub(crate) fn look(project: &ProjectDir, id: &RunId) -> Removal {
    match marked(project, id) {
        Ok(_) if is_open(&project.run(id)) => Removal::Locked,
        Ok(_) => Removal::Removed,
        Err(removal) => removal,
    }
}

/// The lock of a run that is a directory in its place with otto's marker in it.
fn marked(project: &ProjectDir, id: &RunId) -> Result<File, Removal> {
    let run = project.run(id);
    // A link in the place of either could lead anywhere.
    if !is_real_directory(&project.path) {
        return Err(Removal::NotARun);
    }
    if !is_real_directory(&run.path) {
        let is_absent = fs::symlink_metadata(&run.path).is_err();
        return Err(if is_absent { Removal::Gone } else { Removal::NotARun });
    }
    marked_lock(&run).ok_or(Removal::NotARun)
}

/// Deletes one run. It disappears by one rename, so that no reader sees a part of it.
pub(crate) fn remove(project: &ProjectDir, id: &RunId) -> io::Result<Removal> {
    let run = project.run(id);
    let lock = match marked(project, id) {
        Ok(lock) => lock,
        Err(removal) => return Ok(removal),
    };
    if is_open(&run) {
        return Ok(Removal::Locked);
    }
    // Without locks two may delete it at once; the rename lets one of them.
    let _lock = match lock::try_lock(lock)? {
        Tried::Held(held) => Some(held),
        Tried::NoLocks => None,
        Tried::Busy => return Ok(Removal::Locked),
    };
    let leaving = project.leaving(id);
    match fs::rename(&run.path, &leaving.path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Removal::Gone),
        Err(error) => return Err(error),
    }
    delete(&leaving)?;
    Ok(Removal::Removed)
}

/// Deletes what processes that died left behind in a project's directory more than an hour before `now_us`.
pub(crate) fn sweep(project: &ProjectDir, now_us: i64, began_us: impl Fn(&RunId) -> i64) {
    const HOUR_US: i64 = 3_600_000_000;
    if !is_real_directory(&project.path) {
        return;
    }
    let Ok(entries) = fs::read_dir(&project.path) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let Some((kind, id)) = name.to_str().and_then(leftover) else { continue };
        if now_us.saturating_sub(began_us(&id)) < HOUR_US {
            continue;
        }
        let dir = RunDir { path: entry.path() };
        let swept = match kind {
            StaleEntry::Link => fs::remove_file(&dir.path),
            StaleEntry::Run if !is_real_directory(&dir.path) => continue,
            StaleEntry::Run => match marked_lock(&dir) {
                Some(lock) => match lock::try_lock(lock) {
                    Ok(Tried::Held(_) | Tried::NoLocks) => delete(&dir),
                    Ok(Tried::Busy) | Err(_) => continue,
                },
                None => delete_husk(&dir),
            },
        };
        // If it cannot be deleted now, the next sweep tries again.
        drop(swept);
    }
}

/// Its maker died before the marker was written, or its remover after it was deleted: there is at most an empty lock.
fn delete_husk(run: &RunDir) -> io::Result<()> {
    let lock = run.lock();
    if fs::symlink_metadata(&lock).is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0) {
        fs::remove_file(&lock)?;
    }
    fs::remove_dir(&run.path)
}

fn is_real_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// The lock of a run, if it is a plain file with the marker in it.
fn marked_lock(run: &RunDir) -> Option<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let descriptor = rustix::fs::open(run.lock(), flags, Mode::empty()).ok()?;
    let stat = rustix::fs::fstat(&descriptor).ok()?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return None;
    }
    let mut file = File::from(descriptor);
    let mut start = Vec::new();
    Read::by_ref(&mut file).take(MARKER.len() as u64).read_to_end(&mut start).ok()?;
    (start == MARKER).then_some(file)
}

/// The marker goes last: what is left after a failure is still known as ours.
fn delete(run: &RunDir) -> io::Result<()> {
    let lock = run.lock();
    for entry in fs::read_dir(&run.path)? {
        let entry = entry?;
        let path = entry.path();
        if path == lock {
            continue;
        }
        // Follows no links, neither here nor below.
        if entry.file_type()?.is_dir() {
            delete_tree(&path)?;
        } else {
            fs::remove_file(&path)?;
        }
    }
    match fs::remove_file(&lock) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    fs::remove_dir(&run.path)
}

fn delete_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path);
            fs::remove_dir_all(path)
        }
        result => result,
    }
}

/// A task may have removed the permissions of its folders, as `go mod` does.
fn open_up(path: &Path) {
    // Given before the walk enters, or it could not.
    let open = |path: &Path| {
        // The deletion that follows says what is wrong, if something is.
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o700));
    };
    open(path);
    let mut left = vec![path.to_owned()];
    while let Some(folder) = left.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.filter_map(Result::ok) {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open(&entry.path());
                left.push(entry.path());
            }
        }
    }
}

/// Deletes the ottofiles of no run in `hashes` that were kept more than an hour ago.
pub(crate) fn sweep_ottofiles(project: &ProjectDir, hashes: &HashSet<String>, now: SystemTime) {
    const HOUR: Duration = Duration::from_secs(3600);
    // A link in the place of either could lead anywhere.
    if !is_real_directory(&project.path) || !is_real_directory(&project.ottofiles()) {
        return;
    }
    let Ok(entries) = fs::read_dir(project.ottofiles()) else { return };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        // Entries with other names are not ours.
        let Some(hash) = path.file_stem().and_then(OsStr::to_str).filter(|hash| is_hash(hash)) else {
            continue;
        };
        if project.ottofile(hash) != path {
            continue;
        }
        let is_needed = hashes.contains(hash);
        // A run that is just starting may have stored its ottofile before its folder exists.
        let is_old = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|kept| now.duration_since(kept).is_ok_and(|age| age > HOUR));
        if !is_needed && is_old {
            // If it cannot be deleted now, the next sweep tries again.
            let _ = fs::remove_file(path);
        }
    }
}

fn is_hash(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The other runs into which the inputs of a run point, as those of a rerun do.
pub(crate) fn references(run: &RunDir, id: &RunId) -> HashSet<RunId> {
    let mut found = HashSet::new();
    let Ok(jobs) = fs::read_dir(run.tasks()) else { return found };
    for job in jobs.filter_map(Result::ok) {
        let Ok(entries) = fs::read_dir(job.path()) else { continue };
        let links = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()))
            .filter_map(|entry| fs::read_link(entry.path()).ok());
        for target in links {
            let parts = target.components().filter_map(|part| RunId::parse(part.as_os_str().to_str()?));
            found.extend(parts.filter(|other| other != id));
        }
    }
    found
}

/// The runs to which up-to-date tasks refer: their data is passed on when a task is skipped.
pub(crate) fn named_by_freshness(project: &ProjectDir) -> HashSet<RunId> {
    let files = walkdir::WalkDir::new(project.fresh()).into_iter().filter_map(Result::ok);
    files
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| regular::read(entry.path()).ok())
        .flat_map(|bytes| ids_in(&bytes))
        .collect()
}

/// Everything in the text that looks like the ID of a run.
fn ids_in(bytes: &[u8]) -> Vec<RunId> {
    bytes
        .windows(RunId::LENGTH)
        .filter_map(|window| RunId::parse(std::str::from_utf8(window).ok()?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::claim::claim_run;
    use std::os::unix::fs::symlink;

    struct Store {
        sandbox: tempfile::TempDir,
        project: ProjectDir,
    }

    impl Store {
        fn new() -> Store {
            let sandbox = tempfile::tempdir().expect("a sandbox");
            let project = ProjectDir { path: sandbox.path().join("shop-0123456789ab") };
            Store { sandbox, project }
        }

        /// A run that is over.
        fn run(&self, random: u64) -> (RunDir, RunId) {
            let noon = "2026-11-23T12:00:00Z".parse().expect("a time");
            let (dir, id, _lock) = claim_run(&self.project, noon, random, |_| Vec::new()).expect("a run");
            (dir, id)
        }

        fn canary(&self) -> std::path::PathBuf {
            let folder = self.sandbox.path().join("precious");
            fs::create_dir_all(&folder).expect("made");
            fs::write(folder.join("canary"), "alive").expect("written");
            folder
        }
    }

    #[test]
    fn a_run_is_deleted_whole_and_links_in_it_are_not_followed() {
        let store = Store::new();
        let (dir, id) = store.run(1);
        let precious = store.canary();
        fs::create_dir_all(dir.tasks().join("a/deep")).expect("made");
        symlink(&precious, dir.tasks().join("a/deep/link")).expect("made");
        symlink(&precious, dir.path.join("top")).expect("made");
        fs::set_permissions(dir.tasks().join("a/deep"), fs::Permissions::from_mode(0o500)).expect("ours");
        fs::set_permissions(dir.tasks().join("a"), fs::Permissions::from_mode(0o000)).expect("ours");
        assert_eq!(remove(&store.project, &id).expect("deleted"), Removal::Removed);
        assert!(precious.join("canary").exists());
        assert_eq!(remove(&store.project, &id).expect("nothing to do"), Removal::Gone);
        let left: Vec<_> = fs::read_dir(&store.project.path)
            .expect("there")
            .map(|entry| entry.expect("read").file_name())
            .collect();
        assert_eq!(left.len(), 2, "`latest` and the ledger: {left:?}");
    }

    #[test]
    fn a_locked_run_stays() {
        let store = Store::new();
        let noon = "2026-11-23T12:00:00Z".parse().expect("a time");
        let (dir, id, lock) = claim_run(&store.project, noon, 1, |_| Vec::new()).expect("a run");
        assert_eq!(remove(&store.project, &id).expect("looked"), Removal::Locked);
        assert!(dir.tasks().is_dir());
        drop(lock);
        assert_eq!(remove(&store.project, &id).expect("deleted"), Removal::Removed);
    }

    #[test]
    fn what_is_not_a_run_stays() {
        let store = Store::new();
        let precious = store.canary();
        let (dir, id) = store.run(1);
        let with_lock = |make: &dyn Fn(&Path)| {
            fs::remove_file(dir.lock()).expect("ours");
            make(&dir.lock());
            assert_eq!(remove(&store.project, &id).expect("looked"), Removal::NotARun);
            assert!(dir.tasks().is_dir());
        };
        with_lock(&|lock| fs::write(lock, "something else").expect("written"));
        with_lock(&|lock| fs::write(lock, "").expect("written"));
        with_lock(&|lock| {
            fs::write(precious.join("lock"), MARKER).expect("written");
            symlink(precious.join("lock"), lock).expect("made");
        });
        with_lock(&|lock| drop(fs::File::create(lock).expect("made")));
        fs::remove_file(dir.lock()).expect("ours");
        crate::store::regular::named_pipe(&dir.lock());
        assert_eq!(remove(&store.project, &id).expect("looked"), Removal::NotARun);
    }

    #[test]
    fn a_link_in_the_place_of_a_run_or_a_project_is_not_followed() {
        let store = Store::new();
        let (dir, id) = store.run(1);
        let elsewhere = store.sandbox.path().join("elsewhere");
        fs::rename(&dir.path, &elsewhere).expect("ours");
        symlink(&elsewhere, &dir.path).expect("made");
        assert_eq!(remove(&store.project, &id).expect("looked"), Removal::NotARun);

        let (_, other) = store.run(2);
        let link = ProjectDir { path: store.sandbox.path().join("link-0123456789ab") };
        symlink(&store.project.path, &link.path).expect("made");
        assert_eq!(remove(&link, &other).expect("looked"), Removal::NotARun);
        sweep(&link, i64::MAX, |_| 0);
        assert!(elsewhere.join("tasks").is_dir() && store.project.run(&other).tasks().is_dir());
    }

    #[test]
    fn what_dead_processes_left_is_swept_when_it_is_old() {
        let store = Store::new();
        let (dir, id) = store.run(1);
        let precious = store.canary();
        let other = |random| RunId::new("20261123-120000.000000", random);
        let [arriving, leaving, empty, wild] = [10, 11, 12, 13].map(other);
        fs::rename(&dir.path, &store.project.arriving(&arriving).path).expect("ours");
        let (dir, _) = store.run(2);
        fs::rename(&dir.path, &store.project.leaving(&leaving).path).expect("ours");
        fs::create_dir(&store.project.arriving(&empty).path).expect("made");
        fs::write(store.project.arriving(&empty).lock(), "").expect("written");
        symlink("nowhere", store.project.next_latest(&id)).expect("made");
        symlink(&precious, store.project.leaving(&wild).path).expect("made");
        fs::create_dir(store.project.path.join(".new-thoughts")).expect("made");
        let names = || {
            let mut names: Vec<String> = fs::read_dir(&store.project.path)
                .expect("there")
                .map(|entry| entry.expect("read").file_name().into_string().expect("text"))
                .collect();
            names.sort();
            names
        };
        let before = names();
        sweep(&store.project, 3_599_999_999, |_| 0);
        assert_eq!(names(), before);
        sweep(&store.project, 3_600_000_000, |_| 0);
        assert_eq!(
            names(),
            [&format!(".gone-{wild}"), ".new-thoughts", "latest", "ledger"],
            "what is not ours is left"
        );
        assert!(precious.join("canary").exists());
    }

    #[test]
    fn of_ottofiles_only_those_that_otto_kept_are_swept() {
        let store = Store::new();
        let precious = store.canary();
        store.run(1);
        let (needed, old) = ("0a".repeat(32), "1b".repeat(32));
        let files = [
            format!("{needed}.yml"),
            format!("{old}.yml"),
            format!("{old}.yaml"),
            "notes.yml".to_owned(),
            "notes".to_owned(),
        ];
        let hashes = HashSet::from([needed]);
        let later = SystemTime::now() + Duration::from_secs(7200);
        let fill = |folder: &Path| {
            for file in &files {
                fs::write(folder.join(file), "kept").expect("written");
            }
        };
        let ottofiles = store.project.ottofiles();
        fs::create_dir(&ottofiles).expect("made");
        fill(&ottofiles);
        sweep_ottofiles(&store.project, &hashes, later);
        let left: Vec<bool> = files.iter().map(|file| ottofiles.join(file).exists()).collect();
        assert_eq!(left, [true, false, true, true, true]);

        fs::rename(&ottofiles, precious.join("ottofiles")).expect("ours");
        symlink(precious.join("ottofiles"), &ottofiles).expect("made");
        fill(&ottofiles);
        sweep_ottofiles(&store.project, &hashes, later);
        assert!(files.iter().all(|file| ottofiles.join(file).exists()), "a link is not followed");
    }

    #[test]
    fn runs_that_others_need_are_found() {
        let store = Store::new();
        let (dir, id) = store.run(1);
        let (_, origin) = store.run(2);
        fs::create_dir(dir.tasks().join("b")).expect("made");
        let links = [
            format!("../../../{origin}/tasks/a/output.a.json"),
            format!("/otto/store/shop/{}/tasks/a/output.a.json", RunId::new("20250101-000000.000000", 3)),
            format!("../../../{id}/tasks/a/output.a.json"),
            "../a/output.a.json".to_owned(),
        ];
        for (place, link) in links.iter().enumerate() {
            symlink(link, dir.tasks().join(format!("b/input.{place}.json"))).expect("made");
        }
        let found = references(&dir, &id);
        assert_eq!(found, HashSet::from([origin.clone(), RunId::new("20250101-000000.000000", 3)]));

        fs::create_dir_all(store.project.fresh().join("deep")).expect("made");
        fs::write(store.project.fresh().join("deep/build"), format!("\x00run={origin}\n{id}x"))
            .expect("written");
        assert_eq!(named_by_freshness(&store.project), HashSet::from([origin, id]));
        let found = ids_in(b"20261123-120000.000000-a1000");
        assert!(found.is_empty());
    }
}
