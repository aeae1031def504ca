//! What is recorded in place of a secret value: a keyed hash, by which equal ones are known as equal and nothing else is.

use super::atomic;
use crate::value::{self, Map, SECRET_KEY, Value};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

/// Half of a hash tells any two values apart.
const HASH_DIGITS: usize = 32;

/// The key of one home, which is made when the first secret is recorded.
#[derive(Debug, Default)]
pub(crate) struct Sealer {
    file: PathBuf,
    key: OnceLock<[u8; 32]>,
}

impl Sealer {
    pub(crate) fn new(file: PathBuf) -> Sealer {
        Sealer { file, key: OnceLock::new() }
    }

    /// The values with a seal for each that is secret.
    pub(crate) fn seal(&self, values: &Map, secrets: &BTreeSet<String>) -> Map {
        let sealed = |(key, value): &(String, Value)| match secrets.contains(key) {
            true => (key.clone(), self.sealed(value, true)),
            false => (key.clone(), value.clone()),
        };
        values.iter().map(sealed).collect()
    }

    /// A whole value, or the texts in a list or map.
    fn sealed(&self, value: &Value, is_root: bool) -> Value {
        match value {
            _ if value.as_bytes().is_some() => self.of(value),
            Value::List(items) => Value::List(items.iter().map(|item| self.sealed(item, false)).collect()),
            Value::Map(map) => {
                Value::Map(map.iter().map(|(key, item)| (key.clone(), self.sealed(item, false))).collect())
            }
            Value::Number(_) | Value::Bool(_) if is_root => self.of(value),
            other => other.clone(),
        }
    }

    fn of(&self, value: &Value) -> Value {
        let hash = self.hash(value::compact(value).as_bytes());
        Value::Map(vec![(SECRET_KEY.to_owned(), Value::String(hash))])
    }

    /// The same for the same bytes in the same home, and of no use to anyone else.
    pub(crate) fn hash(&self, bytes: &[u8]) -> String {
        let key = self.key.get_or_init(|| self.read_or_make());
        blake3::keyed_hash(key, bytes).to_hex()[..HASH_DIGITS].to_owned()
    }

    fn read_or_make(&self) -> [u8; 32] {
        let read = || <[u8; 32]>::try_from(super::regular::read(&self.file).ok()?).ok();
        read().unwrap_or_else(|| {
            let random: Vec<u8> = (0..4).flat_map(|_| crate::host::random().to_ne_bytes()).collect();
            let key = *blake3::hash(&random).as_bytes();
            // Without the file this run has a key of its own, and later ones take its secrets for changed. Of two who make
            // one at the same time, the first wins.
            let unfinished = atomic::own_name(&self.file);
            let made = atomic::write(&unfinished, &key).and_then(|()| fs::hard_link(&unfinished, &self.file));
            let _ = fs::remove_file(&unfinished);
            made.map_or_else(|_| read().unwrap_or(key), |()| key)
        })
    }
}
