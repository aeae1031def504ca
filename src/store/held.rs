//! A file that is locked as long as a value lives.

use std::fs::File;
use std::ops::Deref;

/// A lock goes when the last copy of its open file does, and each child has one until it comes to its program: so closing
/// the file is not enough, it is unlocked by hand.
#[derive(Debug)]
pub(crate) struct Held(File);

impl Held {
    /// `file` has been locked.
    pub(crate) fn new(file: File) -> Held {
        Held(file)
    }
}

impl Deref for Held {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Held {
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
        let file = File::create(&path).expect("made");
        file.lock().expect("free");
        let held = Held::new(file);
        let _copy = held.as_fd().try_clone_to_owned().expect("a copy");
        let other = File::open(&path).expect("there");
        assert!(other.try_lock().is_err());
        drop(held);
        assert!(other.try_lock().is_ok());
    }
}
