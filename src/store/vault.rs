//! Where an attempt with secrets has what it starts with and what it hands over, as long as it runs: in memory, where the
//! system has a folder for that. What an otto left that was killed, the next one removes.

use super::layout::{VaultDir, vaults};
use super::lock::{LockedFile, Tried, try_lock};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The vault of one run. It is made when the first attempt needs it.
pub(crate) struct Vault {
    /// The folders in which it may be, the best first.
    folders: Vec<PathBuf>,
    run: String,
    open: Mutex<Option<OpenVault>>,
}

struct OpenVault {
    dir: VaultDir,
    /// Says that the run lives.
    _lock: LockedFile,
    rooms: u64,
}

impl Vault {
    /// `memory` are folders that are in memory, if there are any; `home` is that of otto.
    pub(crate) fn new(memory: &[PathBuf], home: &Path, run: &str) -> Vault {
        Vault { folders: folders(memory, Some(home)), run: run.to_owned(), open: Mutex::new(None) }
    }

    /// Gives a folder that does not exist a place in here: a link leads to it.
    pub(crate) fn enter(&self, private: &Path) -> io::Result<()> {
        if private.is_symlink() {
            return Ok(());
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let open = match &mut *open {
            Some(open) => open,
            None => open.insert(self.open()?),
        };
        open.rooms += 1;
        let room = open.dir.room(open.rooms);
        DirBuilder::new().mode(0o700).create(&room)?;
        symlink(&room, private)
    }

    /// The run has ended: removes all that is left in here.
    pub(crate) fn close(&self) {
        if let Some(open) = self.open.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // The next otto tries again.
            let _ = fs::remove_dir_all(&open.dir.path);
        }
    }

    fn open(&self) -> io::Result<OpenVault> {
        let mut last = io::Error::other("no folder");
        for folder in &self.folders {
            match make_private(folder).and_then(|()| open_in(folder, &self.run)) {
                Ok(open) => return Ok(open),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Removes what runs left that are no more.
    pub(crate) fn sweep(memory: &[PathBuf], home: Option<&Path>) {
        for folder in folders(memory, home) {
            // Another user may have made a folder of this name, or a link to one that must not be emptied.
            let Ok(true) = is_private(&folder) else { continue };
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries.flatten() {
                let dir = VaultDir { path: entry.path() };
                // One that has no lock yet is being made.
                let Ok(file) = open_lock(&dir, false) else { continue };
                if let Ok(Tried::Held(_lock)) = try_lock(file) {
                    let _ = fs::remove_dir_all(&dir.path);
                }
            }
        }
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        self.close();
    }
}

/// The folders in which a vault may be, the best first.
fn folders(memory: &[PathBuf], home: Option<&Path>) -> Vec<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    memory.iter().map(PathBuf::as_path).chain(home).map(|folder| vaults(folder, user)).collect()
}

/// Takes a folder out of its vault, with all that is in it. Returns whether it was in one.
pub(crate) fn leave(private: &Path) -> bool {
    let Ok(room) = fs::read_link(private) else { return false };
    let _ = fs::remove_dir_all(&room);
    fs::remove_file(private).is_ok()
}

/// Makes a folder that nobody else can look into. In a folder that all may write to, somebody else may have made it first.
fn make_private(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    match is_private(folder)? {
        true => Ok(()),
        false => Err(io::Error::other("it belongs to somebody else")),
    }
}

fn is_private(folder: &Path) -> io::Result<bool> {
    let there = fs::symlink_metadata(folder)?;
    let is_mine = there.is_dir() && there.uid() == rustix::process::getuid().as_raw();
    Ok(is_mine && there.mode() & 0o077 == 0)
}

/// Makes the folder of the run, and locks it before another otto takes it for one that was left.
fn open_in(folder: &Path, run: &str) -> io::Result<OpenVault> {
    for attempt in 0..10 {
        let name = if attempt == 0 { run.to_owned() } else { format!("{run}-{attempt}") };
        let dir = VaultDir::new(folder, &name);
        match DirBuilder::new().mode(0o700).create(&dir.path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            made => made?,
        }
        let Ok(file) = open_lock(&dir, true) else { continue };
        match try_lock(file)? {
            Tried::Held(lock) if dir.lock().is_file() => return Ok(OpenVault { dir, _lock: lock, rooms: 0 }),
            Tried::NoLocks => return Err(io::Error::other("no locks")),
            Tried::Held(_) | Tried::Busy => {}
        }
    }
    Err(io::Error::other("another otto is in the way"))
}

fn open_lock(dir: &VaultDir, makes: bool) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    File::options().read(true).write(true).create(makes).mode(0o600).custom_flags(flags).open(dir.lock())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(folder: &Path) -> usize {
        let user = rustix::process::getuid().as_raw();
        fs::read_dir(vaults(folder, user)).map_or(0, Iterator::count)
    }

    #[test]
    fn what_is_in_a_vault_goes_with_the_attempt_and_the_rest_with_the_run() {
        let folder = tempfile::tempdir().expect("a directory");
        let (memory, home) = (folder.path().join("memory"), folder.path().join("home"));
        fs::create_dir(&memory).expect("made");
        fs::create_dir(&home).expect("made");
        let vault = Vault::new(std::slice::from_ref(&memory), &home, "run");
        let [one, two] = ["one", "two"].map(|name| home.join(name));
        for private in [&one, &two] {
            vault.enter(private).expect("entered");
            fs::write(private.join("start.sh"), "hunter2").expect("written");
        }
        assert_eq!((entries(&memory), entries(&home)), (1, 0));
        let room = fs::read_link(&one).expect("a link");
        assert!(leave(&one) && !room.exists() && !one.is_symlink());
        assert!(!leave(&one));
        // Another otto leaves it alone.
        Vault::sweep(std::slice::from_ref(&memory), Some(&home));
        assert!(two.join("start.sh").exists());
        drop(vault);
        assert!(!two.exists());
        assert_eq!(entries(&memory), 0);
    }

    #[test]
    fn what_a_killed_otto_left_is_removed_by_the_next() {
        let home = tempfile::tempdir().expect("a directory");
        let vault = Vault::new(&[], home.path(), "run");
        vault.enter(&home.path().join("private")).expect("entered");
        let open = vault.open.lock().expect("ours").take().expect("open");
        drop(open);
        assert_eq!(entries(home.path()), 1);
        Vault::sweep(&[], Some(home.path()));
        assert_eq!(entries(home.path()), 0);
    }

    #[test]
    fn what_a_link_leads_to_is_not_removed() {
        let folder = tempfile::tempdir().expect("a directory");
        let precious = VaultDir { path: folder.path().join("precious/run") };
        fs::create_dir_all(&precious.path).expect("made");
        File::create(precious.lock()).expect("made");
        let user = rustix::process::getuid().as_raw();
        symlink(folder.path().join("precious"), vaults(folder.path(), user)).expect("linked");
        Vault::sweep(&[folder.path().to_owned()], None);
        assert!(precious.lock().exists());
    }

    #[test]
    fn a_folder_that_others_can_look_into_is_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a directory");
        let (memory, home) = (folder.path().join("memory"), folder.path().join("home"));
        fs::create_dir(&memory).expect("made");
        fs::create_dir(&home).expect("made");
        let taken = vaults(&memory, rustix::process::getuid().as_raw());
        fs::create_dir(&taken).expect("made");
        fs::set_permissions(&taken, fs::Permissions::from_mode(0o755)).expect("changed");
        let vault = Vault::new(std::slice::from_ref(&memory), &home, "run");
        vault.enter(&home.join("private")).expect("entered");
        assert_eq!((entries(&memory), entries(&home)), (0, 1));
    }
}
