//! The document as the user wrote it: read, checked, every field with its place.

pub(crate) mod spec;

pub(crate) use spec::Ottofile;
