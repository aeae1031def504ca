//! A service that several runs use at the same time: which of them has started it, and which use it. Two locks tell, which
//! the system takes back from whoever dies. Knows nothing of what a service is.

use super::layout::ShareDir;
use super::lock::{self, LockedFile, Tried};
use super::{atomic, regular};
use crate::name::RunId;
use std::fs::File;
use std::io;
use std::sync::{Mutex, PoisonError};

/// Held by the run that started a service, until that has ended.
#[derive(Debug)]
pub(crate) struct Ownership {
    place: ShareDir,
    /// Held alone once no other run uses the service, so that none begins to.
    users: Mutex<Option<LockedFile>>,
    _owner: LockedFile,
}

/// Held by another run that uses the service.
#[derive(Debug)]
pub(crate) struct Guesthood {
    place: ShareDir,
    /// The run that started it.
    pub(crate) owner: RunId,
    _users: LockedFile,
}

/// The result of asking for a shared service.
#[derive(Debug)]
pub(crate) enum ShareAnswer {
    /// No run has it. `is_late`: its owner died, and the processes of the service may still be ending.
    Free {
        ownership: Ownership,
        is_late: bool,
    },
    Up(Guesthood),
    /// Another run is starting or ending it.
    Busy,
    /// The file system has no locks.
    NoLocks,
}

/// Asks once, without waiting.
pub(crate) fn ask(place: &ShareDir) -> io::Result<ShareAnswer> {
    place.make()?;
    match lock::try_lock(regular::update(&place.owner())?)? {
        Tried::NoLocks => return Ok(ShareAnswer::NoLocks),
        Tried::Held(owner) => {
            let is_late = std::fs::remove_file(place.run()).is_ok();
            let ownership = Ownership { place: place.clone(), users: Mutex::default(), _owner: owner };
            return Ok(ShareAnswer::Free { ownership, is_late });
        }
        Tried::Busy => {}
    }
    // As long as this is held, the service is not ended for want of users.
    let Tried::Held(users) = lock::try_lock_shared(regular::update(&place.users())?)? else {
        return Ok(ShareAnswer::Busy);
    };
    let Some(owner) = published(place).filter(|_| is_owned(place)) else { return Ok(ShareAnswer::Busy) };
    Ok(ShareAnswer::Up(Guesthood { place: place.clone(), owner, _users: users }))
}

/// The run whose service is up, as far as is known.
fn published(place: &ShareDir) -> Option<RunId> {
    RunId::parse(&String::from_utf8(regular::read(&place.run()).ok()?).ok()?)
}

/// Whether the run lives that started the service, as far as is known.
fn is_owned(place: &ShareDir) -> bool {
    let file = File::open(place.owner());
    matches!(file.and_then(lock::try_lock_shared), Ok(Tried::Busy))
}

impl Ownership {
    /// The service is up, as one of this run.
    pub(crate) fn publish(&self, run: &RunId) -> io::Result<()> {
        atomic::write(&self.place.run(), run.as_str().as_bytes())
    }

    /// Whether no other run uses it, and none will.
    pub(crate) fn is_unused(&self) -> bool {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if users.is_none()
            && let Ok(Tried::Held(alone)) = regular::update(&self.place.users()).and_then(lock::try_lock)
        {
            // A run that comes now finds nothing, and waits for its end.
            let _ = std::fs::remove_file(self.place.run());
            *users = Some(alone);
        }
        users.is_some()
    }
}

impl Drop for Ownership {
    fn drop(&mut self) {
        // It may never have been up. Before the locks go.
        let _ = std::fs::remove_file(self.place.run());
    }
}

impl Guesthood {
    /// The service has ended, or its run has died. Another run may have started one in its place since.
    pub(crate) fn is_over(&self) -> bool {
        !is_owned(&self.place) || published(&self.place).as_ref() != Some(&self.owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_starts_it_and_the_others_use_it_until_nobody_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = ShareDir { path: folder.path().join("share") };
        let run = RunId::new("20261123-120000.000000", 7);
        let asked = || ask(&place).expect("asked");
        let ShareAnswer::Free { ownership, is_late: false } = asked() else { panic!("nobody has it") };
        assert!(matches!(asked(), ShareAnswer::Busy));
        ownership.publish(&run).expect("written");
        let (ShareAnswer::Up(one), ShareAnswer::Up(other)) = (asked(), asked()) else { panic!("it is up") };
        assert_eq!(one.owner, run);
        drop(one);
        assert!(!ownership.is_unused() && !other.is_over());
        drop(other);
        assert!(ownership.is_unused());
        assert!(matches!(asked(), ShareAnswer::Busy), "it is about to end");
        drop(ownership);
        assert!(matches!(asked(), ShareAnswer::Free { is_late: false, .. }));
    }

    #[test]
    fn whose_owner_dies_the_users_know() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = ShareDir { path: folder.path().join("share") };
        let Ok(ShareAnswer::Free { ownership, .. }) = ask(&place) else { panic!("nobody has it") };
        ownership.publish(&RunId::new("20261123-120000.000000", 7)).expect("written");
        let Ok(ShareAnswer::Up(guest)) = ask(&place) else { panic!("it is up") };
        let run = std::fs::read(place.run()).expect("published");
        drop(ownership);
        assert!(guest.is_over());
        // A process that is killed leaves its files.
        std::fs::write(place.run(), run).expect("written");
        let Ok(ShareAnswer::Free { ownership, is_late: true }) = ask(&place) else { panic!("it is free") };
        // Another run has it now, and its service is not the one that was used.
        assert!(guest.is_over());
        let other = RunId::new("20261123-120000.000000", 8);
        ownership.publish(&other).expect("written");
        assert!(guest.is_over());
        let Ok(ShareAnswer::Up(new)) = ask(&place) else { panic!("it is up") };
        assert!(new.owner == other && !new.is_over());
    }
}
