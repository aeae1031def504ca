//! The document as the user wrote it: read, checked, every field with its place.

mod check;
pub(crate) mod choice;
mod contract;
mod edge;
mod field;
mod foreach;
mod foreign;
pub(crate) mod glob;
mod include;
pub(crate) mod limit;
mod param;
pub(crate) mod parts;
mod read;
mod resource;
pub(crate) mod service;
pub(crate) mod site;
pub(crate) mod spec;
pub(crate) mod write;
pub(crate) mod yaml;

pub(crate) use crate::quantity::parse_duration;
pub(crate) use check::is_match as matches_star;
pub(crate) use param::remarks;
#[cfg(test)]
pub(crate) use read::{SET_BY_OTTO, SET_IN_SCRIPTS};
pub(crate) use read::{read, read_included};
pub(crate) use spec::Ottofile;

/// The form of an ottofile as JSON Schema, for editors. Says less than the reader: what spans tasks is not in it.
pub(crate) const SCHEMA: &str = include_str!("schema.json");

#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod tests;
