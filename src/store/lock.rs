//! Locks on files. A file system may have none: Lustre without `-o flock`, some NFS. Nothing is refused for that; who needs
//! to know whether a run lives asks its beat then.

use rustix::io::Errno;
use std::fs::{File, TryLockError};
use std::io;
use std::ops::Deref;

/// A file that is locked as long as this lives. A lock goes when the last copy of its open file does, and each child has one
/// until it comes to its program: so closing the file is not enough, it is unlocked by hand.
#[derive(Debug)]
pub(crate) struct LockedFile(File);

/// What came of asking for a lock.
#[derive(Debug)]
pub(crate) enum Tried {
    Held(LockedFile),
    /// Somebody else has it.
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

/// Waits for nobody.
pub(crate) fn try_lock(file: File) -> io::Result<Tried> {
    let tried = file.try_lock();
    Tried::of(file, tried)
}

/// Whether somebody has the lock for himself; waits for nobody.
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
        // What cannot be unlocked is closed in a moment.
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
