//! Text of the system (arguments, variables, paths) as our own records hold it. It need not be UTF-8, and comes back as
//! the bytes that it was.

use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// A string, or `{"hex": "2f77ff"}` for bytes that are not UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Verbatim {
    Text(String),
    Bytes { hex: String },
}

impl Verbatim {
    pub(crate) fn of(text: &OsStr) -> Verbatim {
        match text.to_str() {
            Some(text) => Verbatim::Text(text.to_owned()),
            None => Verbatim::Bytes { hex: hex(text.as_bytes()) },
        }
    }

    /// The bytes that were written; `None` if a damaged record holds no hex.
    pub(crate) fn to_os(&self) -> Option<OsString> {
        match self {
            Verbatim::Text(text) => Some(text.into()),
            Verbatim::Bytes { hex } => unhex(hex).map(OsString::from_vec),
        }
    }

    fn read<E: serde::de::Error>(self) -> Result<OsString, E> {
        self.to_os().ok_or_else(|| E::custom(format!("{self:?} is not hex")))
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|digit| digit.to_digit(16).map(|value| value as u8)).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// `#[serde(with = "verbatim::one")]`, for an `OsString` or a path.
pub(crate) mod one {
    use super::Verbatim;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::ffi::{OsStr, OsString};

    pub(crate) fn serialize<T: AsRef<OsStr>, S: Serializer>(text: &T, to: S) -> Result<S::Ok, S::Error> {
        Verbatim::of(text.as_ref()).serialize(to)
    }

    pub(crate) fn deserialize<'de, T: From<OsString>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        Ok(T::from(Verbatim::deserialize(from)?.read()?))
    }
}

/// `#[serde(with = "verbatim::option")]`, for one that may not be there.
pub(crate) mod option {
    use super::Verbatim;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::ffi::{OsStr, OsString};

    pub(crate) fn serialize<T: AsRef<OsStr>, S: Serializer>(
        text: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        text.as_ref().map(|text| Verbatim::of(text.as_ref())).serialize(to)
    }

    pub(crate) fn deserialize<'de, T: From<OsString>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<T>, D::Error> {
        Option::<Verbatim>::deserialize(from)?.map(|text| Ok(T::from(text.read()?))).transpose()
    }
}

/// `#[serde(with = "verbatim::list")]`, for a list of them.
pub(crate) mod list {
    use super::Verbatim;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::ffi::{OsStr, OsString};

    pub(crate) fn serialize<T: AsRef<OsStr>, S: Serializer>(texts: &[T], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(texts.iter().map(|text| Verbatim::of(text.as_ref())))
    }

    pub(crate) fn deserialize<'de, T: From<OsString>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<T>, D::Error> {
        Vec::<Verbatim>::deserialize(from)?.into_iter().map(|text| Ok(T::from(text.read()?))).collect()
    }
}

/// `#[serde(with = "verbatim::pairs")]`, for variables: a list of pairs, because a name need not be UTF-8 either.
pub(crate) mod pairs {
    use super::Verbatim;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::ffi::OsString;

    pub(crate) fn serialize<S: Serializer>(pairs: &[(OsString, OsString)], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(pairs.iter().map(|(name, value)| (Verbatim::of(name), Verbatim::of(value))))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<(OsString, OsString)>, D::Error> {
        let pairs = Vec::<(Verbatim, Verbatim)>::deserialize(from)?;
        pairs.into_iter().map(|(name, value)| Ok((name.read()?, value.read()?))).collect()
    }
}

/// `#[serde(with = "verbatim::named")]`, for values with names that are text.
pub(crate) mod named {
    use super::Verbatim;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::ffi::OsString;

    pub(crate) fn serialize<S: Serializer>(pairs: &[(String, OsString)], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(pairs.iter().map(|(name, value)| (name, Verbatim::of(value))))
    }

    pub(crate) fn deserialize<'de, T: From<Vec<(String, OsString)>>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<T, D::Error> {
        let pairs = Vec::<(String, Verbatim)>::deserialize(from)?.into_iter();
        let pairs: Vec<(String, OsString)> =
            pairs.map(|(name, value)| Ok((name, value.read()?))).collect::<Result<_, D::Error>>()?;
        Ok(T::from(pairs))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sample {
        #[serde(with = "one")]
        one: OsString,
        #[serde(with = "list")]
        list: Vec<OsString>,
        #[serde(with = "pairs")]
        pairs: Vec<(OsString, OsString)>,
    }

    pub(crate) fn text() -> impl Strategy<Value = OsString> {
        prop_oneof![
            any::<String>().prop_map(OsString::from),
            prop::collection::vec(any::<u8>(), 0..20).prop_map(OsString::from_vec),
        ]
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(
            one in text(),
            list in prop::collection::vec(text(), 0..4),
            pairs in prop::collection::vec((text(), text()), 0..4),
        ) {
            let sample = Sample { one, list, pairs };
            let written = serde_json::to_vec(&sample).expect("plain data");
            prop_assert_eq!(serde_json::from_slice::<Sample>(&written).expect("ours"), sample);
        }
    }

    #[test]
    fn damaged_hex_is_refused() {
        let read = |text: &str| serde_json::from_str::<Sample>(text).map_err(|error| error.to_string());
        let error = read(r#"{"one": {"hex": "2g"}, "list": [], "pairs": []}"#).expect_err("refused");
        assert_eq!(error, r#"Bytes { hex: "2g" } is not hex at line 1 column 21"#);
    }
}
