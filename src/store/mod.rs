//! The directories of runs: where things are, and how they come to be there whole.

pub(crate) mod announced;
pub(crate) mod atomic;
pub(crate) mod lock;
pub(crate) mod inputs;
pub(crate) mod layout;
pub(crate) mod regular;
mod beat;
pub(crate) mod claim;
pub(crate) mod exchange;
pub(crate) mod seal;
pub(crate) mod outputs;
pub(crate) mod vault;
pub(crate) mod prune;
pub(crate) mod share;
pub(crate) mod stream;
