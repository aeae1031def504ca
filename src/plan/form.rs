//! How a plan is written to a file and read back: what it shares with others, and what has another form in memory.

use super::Job;
use crate::diagnostic::{self, Diagnostic};
use crate::value::{self, Value};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

pub(super) mod jobs {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(jobs: &[Arc<Job>], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(jobs.iter().map(|job| &**job))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Arc<Job>>, D::Error> {
        Ok(Vec::<Job>::deserialize(from)?.into_iter().map(Arc::new).collect())
    }
}

pub(super) mod shared {
    use super::*;

    pub(crate) fn serialize<T: Serialize, S: Serializer>(one: &Arc<T>, to: S) -> Result<S::Ok, S::Error> {
        (**one).serialize(to)
    }

    pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(from).map(Arc::new)
    }
}

/// Its text alone: the places are those of the ottofile as it was.
pub(super) mod refusal {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        refusal: &Option<Box<Diagnostic>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match refusal {
            Some(refusal) => diagnostic::told::serialize(refusal, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Box<Diagnostic>>, D::Error> {
        // One that there is none of is not written.
        diagnostic::told::deserialize(from).map(|refusal| Some(Box::new(refusal)))
    }
}

/// As JSON text: every digit counts.
pub(super) mod data {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(data: &Option<Arc<Value>>, to: S) -> Result<S::Ok, S::Error> {
        data.as_deref().map(value::compact).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Arc<Value>>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        value::parse(text.as_bytes()).map(|value| Some(Arc::new(value))).map_err(D::Error::custom)
    }
}
