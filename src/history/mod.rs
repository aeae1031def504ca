//! What is known of runs: their records and journals (the truth), and an index over them (derived).

pub(crate) mod record;
pub(crate) mod journal;
pub(crate) mod order;
pub(crate) mod past;
pub(crate) mod passed;
pub(crate) mod ledger;
pub(crate) mod row;
pub(crate) mod index;
pub(crate) mod query;
pub(crate) mod find;
pub(crate) mod retention;

#[cfg(test)]
pub(crate) mod fixture;
