//! How much an ottofile may hold. Far above what anyone writes, and low enough that no file takes more than a
//! second or a few hundred megabytes to refuse.

/// Bytes of the file; the same as 16 MiB.
pub(crate) const MOST_BYTES: usize = 16 << 20;

/// Lists and maps inside each other, aliases followed.
pub(super) const MOST_LEVELS: usize = 100;

/// Scalars, lists and maps, those that aliases repeat counted again.
pub(super) const MOST_NODES: usize = 1_500_000;

/// Tasks.
pub(super) const MOST_TASKS: usize = 250_000;

/// Ottofiles that the root includes, directly or through others.
pub(super) const MOST_FILES: usize = 10_000;

/// Names that are compared in search of suggestions, over all mistakes of a file.
pub(super) const MOST_COMPARED: usize = 500_000;

/// Tasks that the patterns in `needs` stand for.
pub(super) const MOST_MATCHED: usize = 1_000_000;

/// `&name` in one file.
pub(super) const MOST_ANCHORS: usize = 10_000;

/// Limit on nodes that aliases repeat.
pub(super) const MOST_REPEATED_NODES: usize = 500_000;

/// Bytes of the texts that aliases repeat.
pub(super) const MOST_REPEATED_BYTES: usize = 16 << 20;

/// Mistakes that are told one by one. Whoever has more will not read them all.
pub(super) const MOST_DIAGNOSTICS: usize = 100;
