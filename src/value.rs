//! What tasks pass: JSON, with numbers verbatim and the order of keys kept.
//! Reading and writing of the text live here too; where the text came from does not matter.

/// A JSON value. Numbers keep the digits they were written with, so that `1.10` and 2**70 pass unchanged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// The text of a JSON number, as written.
    Number(Box<str>),
    String(String),
    List(Vec<Value>),
    Map(Map),
}

/// Keys in their order; each at most once.
pub(crate) type Map = Vec<(String, Value)>;
