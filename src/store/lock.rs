//! Locks on files. Some file systems have none: Lustre without `-o flock`, some NFS. That is not an error; whether a run is
//! alive is then told by its beat.

use rustix::io::Errno;
use std::fs::{File, TryLockError};
use std::io;
use std::ops::Deref;

/// A file that is locked while this value exists. The system drops a lock when the last copy of the open file is closed, and
/// each child has a copy until it executes its program. So closing is not enough: the file is unlocked explicitly.
#[derive(Debug)]
pub(crate) struct LockedFile(File);

/// The result of trying to lock a file.
#[derive(Debug)]
pub(crate) enum Tried {
    Held(LockedFile),
    /// Another process has the lock.
    Busy,
    /// The file system has no locks.
    NoLocks,
}

impl Tried {
    fn of(file: File, tried: Result<(), TryLockError>) -> io::Result<Tried> {
        match tried {
            Ok(()) => Ok(Tried::Held(LockedFile(file))),
            Err(TryLockError::WouldBlock) => Ok(Tried::Busy),
            Err(TryLockError::Error(error)) if has_no_locks(&error) => Ok(Tried::NoLocks),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Tries to lock the file, without waiting.
pub(crate) fn try_lock(file: File) -> io::Result<Tried> {
    let tried = file.try_lock();
    Tried::of(file, tried)
}

/// Tries to take a shared lock, without waiting.
pub(crate) fn try_lock_shared(file: File) -> io::Result<Tried> {
    let tried = file.try_lock_shared();
    Tried::of(file, tried)
}

fn has_no_locks(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOLCK))
}

impl Deref for LockedFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // If this fails, closing the file follows in a moment.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn a_lock_is_free_although_somebody_has_a_copy_of_the_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("lock");
        let Tried::Held(held) = try_lock(File::create(&path).expect("made")).expect("asked") else {
            panic!("it is free")
        };
        let _copy = held.as_fd().try_clone_to_owned().expect("a copy");
        let again = || try_lock(File::open(&path).expect("there")).expect("asked");
        assert!(matches!(again(), Tried::Busy));
        drop(held);
        assert!(matches!(again(), Tried::Held(_)));
    }

    #[test]
    fn a_file_system_without_locks_is_known_by_its_errors() {
        let tried = |errno: Errno| {
            let file = tempfile::tempfile().expect("a file");
            Tried::of(file, Err(TryLockError::Error(errno.into())))
        };
        for errno in [Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOLCK] {
            assert!(matches!(tried(errno), Ok(Tried::NoLocks)), "{errno}");
        }
        assert!(tried(Errno::IO).is_err());
    }
}
