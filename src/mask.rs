//! The secrets of this process, known to all of its threads: whoever writes something for others to see asks here.

use crate::secret::{Masker, Secret};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Tells somebody else who shows things (the service that runs otto) of a new secret.
pub(crate) type Announce = Box<dyn Fn(&Secret) + Send>;

/// Shared by all that was cloned from it. Once known, a secret stays one until the process ends.
#[derive(Clone, Default)]
pub(crate) struct Masks(Arc<SharedSecrets>);

#[derive(Default)]
struct SharedSecrets {
    /// How many times secrets were added: 0 while there are none, so that this is all a run without them asks.
    version: AtomicU64,
    known: Mutex<KnownSecrets>,
}

#[derive(Default)]
struct KnownSecrets {
    secrets: BTreeSet<Secret>,
    masker: Option<Arc<Masker>>,
    announce: Option<Announce>,
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(crate::secret::MASK)
    }
}

impl Masks {
    /// From now on nothing shows these. Returns whether any of them was new.
    pub(crate) fn add(&self, secrets: impl IntoIterator<Item = Secret>) -> bool {
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_new = false;
        for secret in secrets.into_iter().filter(|secret| !secret.is_short()) {
            if known.secrets.contains(&secret) {
                continue;
            }
            if let Some(announce) = &known.announce {
                announce(&secret);
            }
            known.secrets.insert(secret);
            is_new = true;
        }
        if is_new {
            known.masker = Some(Arc::new(Masker::new(&known.secrets)));
            self.0.version.fetch_add(1, Ordering::Release);
        }
        is_new
    }

    /// Calls `announce` for each secret, those that are known and those to come.
    pub(crate) fn announce(&self, announce: Announce) {
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.secrets.iter().for_each(&announce);
        known.announce = Some(announce);
    }

    /// None while nothing is secret.
    pub(crate) fn masker(&self) -> Option<Arc<Masker>> {
        if self.0.version.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner).masker.clone()
    }

    pub(crate) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.masker() {
            None => Cow::Borrowed(text),
            Some(masker) => Cow::Owned(masker.text(text).into_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_masked_before_and_everything_after_a_secret_is_known() {
        let masks = Masks::default();
        assert!(masks.masker().is_none());
        assert!(!masks.add([Secret::new("abc")]), "too short to be masked");
        assert_eq!(masks.text("abc hunter2"), "abc hunter2");
        assert!(masks.clone().add([Secret::new("hunter2")]));
        assert!(!masks.add([Secret::new("hunter2")]));
        assert_eq!(masks.text("abc hunter2"), "abc ***");
    }
}
