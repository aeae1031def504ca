//! The document as the user wrote it: read, checked, every field with its place.

mod check;
mod field;
mod foreach;
mod foreign;
pub(crate) mod limit;
mod param;
mod read;
pub(crate) mod spec;
mod yaml;

pub(crate) use field::parse_duration;
pub(crate) use read::read;
pub(crate) use spec::Ottofile;

#[cfg(test)]
mod tests;
