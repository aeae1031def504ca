//! TOML text as a tree with lines. Alone knows the TOML crate.

use toml::de::{DeTable, DeValue};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Toml {
    Text(String),
    Bool(bool),
    /// Numbers and dates, as they are written.
    Other(String),
    List(Vec<Toml>),
    Table(TomlTable),
}

/// An entry of a table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TomlField {
    pub(super) key: String,
    /// From 1.
    pub(super) line: usize,
    pub(super) value: Toml,
}

/// The entries of a table in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct TomlTable(pub(super) Vec<TomlField>);

impl TomlTable {
    pub(super) fn get(&self, key: &str) -> Option<&Toml> {
        self.0.iter().find(|field| field.key == key).map(|field| &field.value)
    }

    /// A table in tables, each by its name.
    pub(super) fn table(&self, path: &[&str]) -> Option<&TomlTable> {
        let mut table = self;
        for key in path {
            table = table.get(key)?.as_table()?;
        }
        Some(table)
    }
}

impl Toml {
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Toml::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_table(&self) -> Option<&TomlTable> {
        match self {
            Toml::Table(table) => Some(table),
            _ => None,
        }
    }

    /// One text, or a list of texts.
    pub(super) fn as_texts(&self) -> Option<Vec<String>> {
        match self {
            Toml::Text(text) => Some(vec![text.clone()]),
            Toml::List(items) => items.iter().map(|item| item.as_text().map(str::to_owned)).collect(),
            _ => None,
        }
    }
}

/// Reads a text, or says in which line it is not TOML and why.
pub(super) fn parse(text: &str) -> Result<TomlTable, String> {
    let line = |at: usize| text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
    match DeTable::parse(text) {
        Ok(root) => Ok(table(root.get_ref(), &line)),
        Err(error) => {
            let line = line(error.span().map_or(0, |span| span.start));
            Err(format!("line {line}: {}", error.message()))
        }
    }
}

fn table(written: &DeTable<'_>, line: &dyn Fn(usize) -> usize) -> TomlTable {
    let mut fields: Vec<(usize, TomlField)> = Vec::new();
    for (key, value) in written.iter() {
        let at = key.span().start;
        let value = self::value(value.get_ref(), line);
        fields.push((at, TomlField { key: key.get_ref().to_string(), line: line(at), value }));
    }
    fields.sort_by_key(|(at, _)| *at);
    TomlTable(fields.into_iter().map(|(_, field)| field).collect())
}

fn value(written: &DeValue<'_>, line: &dyn Fn(usize) -> usize) -> Toml {
    match written {
        DeValue::String(text) => Toml::Text(text.to_string()),
        DeValue::Boolean(is) => Toml::Bool(*is),
        DeValue::Array(items) => Toml::List(items.iter().map(|item| value(item.get_ref(), line)).collect()),
        DeValue::Table(entries) => Toml::Table(table(entries, line)),
        DeValue::Integer(number) => Toml::Other(number.to_string()),
        DeValue::Float(number) => Toml::Other(number.to_string()),
        DeValue::Datetime(time) => Toml::Other(time.to_string()),
    }
}
