//! What a job handed over, as `output.<job>.json`.

use crate::value::Map;

/// The outputs of one job.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outputs {
    pub(crate) values: Map,
    /// Those keys of `values` that were exported (`export OTTO_VERSION=…`), as written, sorted.
    pub(crate) exports: Vec<String>,
}
