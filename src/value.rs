//! What tasks pass: JSON, with numbers verbatim and the order of keys kept.
//! Reading and writing of the text live here too; where the text came from does not matter.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

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

/// How many lists and maps may stand inside each other, the outermost included.
pub(crate) const MOST_LEVELS: usize = 128;

/// The only key of a map that stands for a string which is not UTF-8; its value is the base64 of the bytes.
pub(crate) const BYTES_KEY: &str = "__otto_bytes__";

/// What is shown in place of a secret.
pub(crate) const MASK: &str = "***";

/// The only key of a map that stands for a secret; its value is the keyed hash of it.
pub(crate) const SECRET_KEY: &str = "__otto_secret__";

/// The only key of a map that stands for the map in it, whose own only key looks like one of otto's.
const MAP_KEY: &str = "__otto_map__";

/// Why a text is not JSON that otto takes, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonError {
    /// In bytes, from 0.
    pub(crate) offset: usize,
    /// From 1.
    pub(crate) line: usize,
    /// In characters, from 1.
    pub(crate) column: usize,
    /// Lower case, no full stop.
    pub(crate) message: String,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

/// Reads one JSON value, which must be the whole text. Stricter than JSON asks: a key that is written twice, half
/// of a surrogate pair, invalid UTF-8 and more than [`MOST_LEVELS`] levels are errors, for each of them would be
/// read differently by somebody else.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    parse_within(bytes, 0)
}

/// Reads the value of one output. In the file of its task it stands a level down, and must be readable there too.
pub(crate) fn parse_output(bytes: &[u8]) -> Result<Value, JsonError> {
    parse_within(bytes, 1)
}

/// As [`parse`], for a text that stands inside so many lists and maps.
fn parse_within(bytes: &[u8], level: usize) -> Result<Value, JsonError> {
    let mut reader = JsonReader::new(bytes)?;
    reader.skip_blanks();
    let value = reader.value(level)?;
    reader.skip_blanks();
    if reader.place < reader.text.len() {
        return Err(reader.error(reader.place, format!("{} after the end of the value", reader.found())));
    }
    Ok(value)
}

/// Reads JSON objects that follow each other, with or without blanks between them, into one map: a later key
/// replaces an earlier one in its place. No object at all is an empty map.
pub(crate) fn parse_stream(bytes: &[u8]) -> Result<Map, JsonError> {
    let mut reader = JsonReader::new(bytes)?;
    let mut merged = Map::new();
    reader.skip_blanks();
    while reader.place < reader.text.len() {
        if reader.peek() != Some(b'{') {
            return Err(
                reader.error(reader.place, format!("expected a JSON object, found {}", reader.found()))
            );
        }
        match reader.value(0)? {
            Value::Map(map) if merged.is_empty() => merged = map,
            Value::Map(map) => merge(&mut merged, map),
            _ => unreachable!("bug: what starts with a brace was read as something else than a map"),
        }
        reader.skip_blanks();
    }
    Ok(merged)
}

/// Puts `later` over `map`; a key that is there keeps its place and gets the later value.
pub(crate) fn merge(map: &mut Map, later: Map) {
    let places: std::collections::HashMap<&str, usize> =
        map.iter().enumerate().map(|(place, (key, _))| (key.as_str(), place)).collect();
    let targets: Vec<Option<usize>> =
        later.iter().map(|(key, _)| places.get(key.as_str()).copied()).collect();
    for ((key, value), target) in later.into_iter().zip(targets) {
        match target {
            Some(place) => map[place].1 = value,
            None => map.push((key, value)),
        }
    }
}

/// One line, no blanks.
pub(crate) fn compact(value: &Value) -> String {
    let mut text = String::new();
    write_compact(&mut text, value);
    text
}

/// Two blanks a level and a final newline, as `cat` should show it.
pub(crate) fn indented(value: &Value) -> String {
    let mut text = String::new();
    write_indented(&mut text, value, 0);
    text.push('\n');
    text
}

/// [`indented`] of a map, without a `Value` around it.
pub(crate) fn indented_map(map: &[(String, Value)]) -> String {
    let mut text = String::new();
    write_indented_map(&mut text, map, 0);
    text.push('\n');
    text
}

/// `text` as a JSON string, with its quotes.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    write_string(&mut quoted, text);
    quoted
}

/// The value of a key.
pub(crate) fn get<'a>(map: &'a [(String, Value)], key: &str) -> Option<&'a Value> {
    map.iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

/// What a flat key means: `version` is a key, `meta.name` a key inside a map, `files.0` an item of a list and
/// `files.#` its length. A key that is literally there wins over one that is nested, the longest first.
pub(crate) fn lookup<'a>(map: &'a [(String, Value)], path: &str) -> Option<Cow<'a, Value>> {
    if let Some(value) = get(map, path) {
        return Some(Cow::Borrowed(value));
    }
    // Every value is reached by one chain of keys, so this tries each at most once.
    let dots: Vec<usize> = path.match_indices('.').map(|(place, _)| place).collect();
    dots.into_iter().rev().find_map(|dot| inside(get(map, &path[..dot])?, &path[dot + 1..]))
}

fn inside<'a>(value: &'a Value, path: &str) -> Option<Cow<'a, Value>> {
    match value {
        Value::Map(map) => lookup(meant(map), path),
        Value::List(items) if path == "#" => Some(Cow::Owned(Value::int(items.len() as i64))),
        Value::List(items) => match item_of(items, path)? {
            (place, Some(rest)) => inside(&items[place], rest),
            (place, None) => Some(Cow::Borrowed(&items[place])),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// The same to be changed; a length cannot be.
pub(crate) fn lookup_mut<'a>(map: &'a mut Map, path: &str) -> Option<&'a mut Value> {
    if let Some(place) = map.iter().position(|(name, _)| name == path) {
        return Some(&mut map[place].1);
    }
    let dots = path.match_indices('.').map(|(place, _)| place);
    let dot = dots
        .rev()
        .find(|dot| get(map, &path[..*dot]).is_some_and(|value| inside(value, &path[dot + 1..]).is_some()))?;
    let (_, value) = map.iter_mut().find(|(name, _)| *name == path[..dot])?;
    inside_mut(value, &path[dot + 1..])
}

fn inside_mut<'a>(value: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    match value {
        Value::Map(map) => match is_wrapped(map) {
            true => lookup_mut(map.first_mut()?.1.as_map_mut()?, path),
            false => lookup_mut(map, path),
        },
        Value::List(items) => match item_of(items, path)? {
            (place, Some(rest)) => inside_mut(&mut items[place], rest),
            (place, None) => Some(&mut items[place]),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Which item of a list a path leads to or through, and the rest of the path.
fn item_of<'a>(items: &[Value], path: &'a str) -> Option<(usize, Option<&'a str>)> {
    let (index, rest) = match path.split_once('.') {
        Some((index, rest)) => (index, Some(rest)),
        None => (path, None),
    };
    let is_plain =
        index == "0" || (index.bytes().all(|byte| byte.is_ascii_digit()) && !index.starts_with('0'));
    let place = index.parse::<usize>().ok().filter(|place| is_plain && *place < items.len())?;
    Some((place, rest))
}

/// So many nested keys one map may add.
const MOST_LEAVES: usize = 10_000;

/// Every flat key that scripts can read: those that were set, then what is nested in them. A key that is literally there wins
/// over a nested one.
pub(crate) fn each_key(values: &[(String, Value)], take: &mut dyn FnMut(&str, &Value)) {
    let nests = |value: &Value| matches!(value, Value::List(_) | Value::Map(_)) && value.as_bytes().is_none();
    for (key, value) in values {
        take(key, value);
    }
    if !values.iter().any(|(_, value)| nests(value)) {
        return;
    }
    let literal: HashSet<&str> = values.iter().map(|(key, _)| key.as_str()).collect();
    let mut left = MOST_LEAVES;
    for (key, value) in values.iter().filter(|(_, value)| nests(value)) {
        each_leaf(key, value, &mut |path, leaf| {
            if !literal.contains(path) {
                take(path, leaf);
                left -= 1;
            }
            left > 0
        });
    }
}

/// Calls `take` with every value inside `value` that holds no further ones, and with the length of every list
/// (`files.#`), each under its flat key; `key` is that of `value` itself, which is not among them. A string that
/// is not UTF-8 counts as one value. Ends early when `take` says `false`.
pub(crate) fn each_leaf(key: &str, value: &Value, take: &mut dyn FnMut(&str, &Value) -> bool) -> bool {
    let mut path = key.to_owned();
    each_leaf_inside(&mut path, value, take)
}

fn each_leaf_inside(path: &mut String, value: &Value, take: &mut dyn FnMut(&str, &Value) -> bool) -> bool {
    let length = path.len();
    let mut visit = |name: &str, item: &Value, path: &mut String| {
        path.push('.');
        path.push_str(name);
        let goes_on = if item.holds_values() { each_leaf_inside(path, item, take) } else { take(path, item) };
        path.truncate(length);
        goes_on
    };
    match value {
        Value::Map(map) => meant(map).iter().all(|(name, item)| visit(name, item, path)),
        Value::List(items) => {
            visit("#", &Value::int(items.len() as i64), path)
                && items.iter().enumerate().all(|(place, item)| visit(&place.to_string(), item, path))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// Whether a map stands for the one in it. Those who write outputs wrap a map whose only key has the form of otto's
/// own keys, so that it is not taken for something else: `{"__otto_map__": {"__otto_bytes__": "/w=="}}`.
fn is_wrapped(map: &[(String, Value)]) -> bool {
    let is_like_ours = |key: &str| key.starts_with("__otto_") && key.ends_with("__");
    match map {
        [(key, Value::Map(inner))] if key == MAP_KEY => {
            inner.len() == 1 && inner.iter().all(|(key, _)| is_like_ours(key))
        }
        _ => false,
    }
}

/// The map that a task set, where it is wrapped.
fn meant(map: &[(String, Value)]) -> &[(String, Value)] {
    match map {
        [(_, Value::Map(inner))] if is_wrapped(map) => inner,
        _ => map,
    }
}

/// As people see it: with a mask where a secret was.
pub(crate) fn masked_map(map: &[(String, Value)]) -> Map {
    map.iter().map(|(key, value)| (key.clone(), value.masked().into_owned())).collect()
}

impl Value {
    pub(crate) fn int(number: i64) -> Value {
        Value::Number(number.to_string().into())
    }

    /// Whether it stands for a secret that was not recorded.
    pub(crate) fn is_sealed(&self) -> bool {
        matches!(self, Value::Map(map) if matches!(map.as_slice(), [(key, Value::String(_))] if key == SECRET_KEY))
    }

    /// Whether it, or anything in it, stands for a secret that was not recorded.
    pub(crate) fn has_sealed(&self) -> bool {
        match self {
            _ if self.is_sealed() => true,
            Value::List(items) => items.iter().any(Value::has_sealed),
            Value::Map(map) => !is_wrapped(map) && map.iter().any(|(_, value)| value.has_sealed()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }

    /// As people see it: with a mask where a secret was.
    pub(crate) fn masked(&self) -> Cow<'_, Value> {
        if !self.has_sealed() {
            return Cow::Borrowed(self);
        }
        Cow::Owned(match self {
            _ if self.is_sealed() => Value::String(MASK.to_owned()),
            Value::List(items) => Value::List(items.iter().map(|item| item.masked().into_owned()).collect()),
            Value::Map(map) => Value::Map(masked_map(map)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => self.clone(),
        })
    }

    /// A string of any bytes: text when they are UTF-8, else `{"__otto_bytes__": base64}`.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Value {
        match String::from_utf8(bytes) {
            Ok(text) => Value::String(text),
            Err(error) => {
                Value::Map(vec![(BYTES_KEY.to_owned(), Value::String(base64_encode(error.as_bytes())))])
            }
        }
    }

    /// The bytes of a string, whichever way it is recorded; `None` for everything else. A map with the key of
    /// such a string is one only if its value is the base64 of bytes that are not UTF-8: everything else with
    /// that key is somebody's map.
    pub(crate) fn as_bytes(&self) -> Option<Cow<'_, [u8]>> {
        match self {
            Value::String(text) => Some(Cow::Borrowed(text.as_bytes())),
            Value::Map(map) => match map.as_slice() {
                [(key, Value::String(base64))] if key == BYTES_KEY => {
                    base64_decode(base64).filter(|bytes| std::str::from_utf8(bytes).is_err()).map(Cow::Owned)
                }
                _ => None,
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) => None,
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_map(&self) -> Option<&Map> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    fn as_map_mut(&mut self) -> Option<&mut Map> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// Whether it is a list or a map; a string that is not UTF-8 is not, though recorded as one.
    fn holds_values(&self) -> bool {
        matches!(self, Value::List(_) | Value::Map(_)) && self.as_bytes().is_none()
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::String(text)
    }
}

// ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

fn write_compact(text: &mut String, value: &Value) {
    match value {
        Value::List(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write_compact(text, item);
            }
            text.push(']');
        }
        Value::Map(map) => {
            text.push('{');
            for (place, (key, item)) in map.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write_string(text, key);
                text.push(':');
                write_compact(text, item);
            }
            text.push('}');
        }
        _ => write_plain(text, value),
    }
}

fn write_indented(text: &mut String, value: &Value, level: usize) {
    match value {
        Value::List(items) if !items.is_empty() => {
            for (place, item) in items.iter().enumerate() {
                text.push_str(if place == 0 { "[" } else { "," });
                new_line(text, level + 1);
                write_indented(text, item, level + 1);
            }
            new_line(text, level);
            text.push(']');
        }
        Value::Map(map) => write_indented_map(text, map, level),
        _ => write_compact(text, value),
    }
}

fn write_indented_map(text: &mut String, map: &[(String, Value)], level: usize) {
    if map.is_empty() {
        text.push_str("{}");
        return;
    }
    for (place, (key, item)) in map.iter().enumerate() {
        text.push_str(if place == 0 { "{" } else { "," });
        new_line(text, level + 1);
        write_string(text, key);
        text.push_str(": ");
        write_indented(text, item, level + 1);
    }
    new_line(text, level);
    text.push('}');
}

fn new_line(text: &mut String, level: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", level));
}

fn write_plain(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(digits) => text.push_str(digits),
        Value::String(string) => write_string(text, string),
        Value::List(_) | Value::Map(_) => unreachable!("bug: a container is not plain"),
    }
}

fn write_string(text: &mut String, string: &str) {
    text.reserve(string.len() + 2);
    text.push('"');
    let mut rest = string;
    // Runs without anything to escape are copied whole: most strings are one run.
    while let Some(place) = next_escaped(rest.as_bytes()) {
        text.push_str(&rest[..place]);
        match rest.as_bytes()[place] {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            0x08 => text.push_str("\\b"),
            0x0c => text.push_str("\\f"),
            control => text.push_str(&format!("\\u{control:04x}")),
        }
        rest = &rest[place + 1..];
    }
    text.push_str(rest);
    text.push('"');
}

fn must_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Where the first byte is that stands for something else in a JSON string. Whole blocks are looked at without a
/// branch for each byte, which the compiler makes fast.
fn next_escaped(bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 32;
    let is_plain = |block: &[u8]| !block.iter().fold(false, |found, byte| found | must_escape(*byte));
    let skipped = bytes.chunks_exact(BLOCK).take_while(|block| is_plain(block)).count() * BLOCK;
    bytes[skipped..].iter().position(|byte| must_escape(*byte)).map(|place| skipped + place)
}

// ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

struct JsonReader<'a> {
    text: &'a str,
    place: usize,
    /// Where the keys of the maps that are being read stand, the outermost map first.
    key_places: Vec<usize>,
}

impl<'a> JsonReader<'a> {
    fn new(bytes: &'a [u8]) -> Result<JsonReader<'a>, JsonError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(JsonReader { text, place: 0, key_places: Vec::new() }),
            Err(error) => {
                let offset = error.valid_up_to();
                let message = format!("the byte 0x{:02x} is not valid UTF-8 here", bytes[offset]);
                Err(error_at(bytes, offset, message))
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.place).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.place += 1;
        }
    }

    fn error(&self, offset: usize, message: impl Into<String>) -> JsonError {
        error_at(self.text.as_bytes(), offset, message.into())
    }

    /// What stands at the current place, for a message.
    fn found(&self) -> String {
        match self.text[self.place..].chars().next() {
            None => "the end of the text".to_owned(),
            Some('\n' | '\r') => "the end of the line".to_owned(),
            Some('\u{feff}') => "a byte order mark".to_owned(),
            Some('`') => "a backtick".to_owned(),
            Some(found) if found.is_control() => format!("the control character U+{:04X}", found as u32),
            Some(found) => format!("`{found}`"),
        }
    }

    fn value(&mut self, level: usize) -> Result<Value, JsonError> {
        match self.peek() {
            Some(b'"') => Ok(Value::String(self.string()?.into_owned())),
            Some(b'{' | b'[') if level == MOST_LEVELS => {
                Err(self.error(self.place, format!("more than {MOST_LEVELS} levels of lists and maps")))
            }
            Some(b'{') => self.map(level),
            Some(b'[') => self.list(level),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'a'..=b'z' | b'A'..=b'Z') => self.word(),
            _ => Err(self.error(self.place, format!("expected a value, found {}", self.found()))),
        }
    }

    fn word(&mut self) -> Result<Value, JsonError> {
        let rest = &self.text[self.place..];
        let length = rest.bytes().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let value = match &rest[..length] {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            word => {
                let shown: String = word.chars().take(40).collect();
                return Err(self.error(
                    self.place,
                    format!("`{shown}` is not a JSON value; strings need double quotes"),
                ));
            }
        };
        self.place += length;
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.place;
        if self.peek() == Some(b'-') {
            self.place += 1;
        }
        match self.peek() {
            Some(b'0') => self.place += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.error(self.place, format!("expected a digit, found {}", self.found()))),
        }
        if let Some(b'0'..=b'9') = self.peek() {
            return Err(self.error(start, "a number cannot start with 0"));
        }
        if self.peek() == Some(b'.') {
            self.place += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.place += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.place += 1;
            }
            self.some_digits()?;
        }
        Ok(Value::Number(self.text[start..self.place].into()))
    }

    fn digits(&mut self) {
        while let Some(b'0'..=b'9') = self.peek() {
            self.place += 1;
        }
    }

    fn some_digits(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'0'..=b'9') => {
                self.digits();
                Ok(())
            }
            _ => Err(self.error(self.place, format!("expected a digit, found {}", self.found()))),
        }
    }

    fn list(&mut self, level: usize) -> Result<Value, JsonError> {
        self.place += 1;
        let mut items = Vec::new();
        self.skip_blanks();
        if self.peek() == Some(b']') {
            self.place += 1;
            return Ok(Value::List(items));
        }
        loop {
            self.skip_blanks();
            items.push(self.value(level + 1)?);
            self.skip_blanks();
            match self.peek() {
                Some(b',') => self.place += 1,
                Some(b']') => {
                    self.place += 1;
                    return Ok(Value::List(items));
                }
                _ => {
                    return Err(
                        self.error(self.place, format!("expected `,` or `]`, found {}", self.found()))
                    );
                }
            }
        }
    }

    fn map(&mut self, level: usize) -> Result<Value, JsonError> {
        self.place += 1;
        let mut map = Map::new();
        let outer_keys = self.key_places.len();
        self.skip_blanks();
        if self.peek() == Some(b'}') {
            self.place += 1;
            return Ok(Value::Map(map));
        }
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'"') {
                return Err(self
                    .error(self.place, format!("expected a key in double quotes, found {}", self.found())));
            }
            self.key_places.push(self.place);
            let key = self.string()?.into_owned();
            self.skip_blanks();
            if self.peek() != Some(b':') {
                return Err(
                    self.error(self.place, format!("expected `:` after the key, found {}", self.found()))
                );
            }
            self.place += 1;
            self.skip_blanks();
            map.push((key, self.value(level + 1)?));
            self.skip_blanks();
            match self.peek() {
                Some(b',') => self.place += 1,
                Some(b'}') => break,
                _ => {
                    return Err(
                        self.error(self.place, format!("expected `,` or `}}`, found {}", self.found()))
                    );
                }
            }
        }
        self.place += 1;
        if let Some(again) = repeated_key(&map) {
            let key: String = map[again].0.chars().take(80).collect();
            return Err(
                self.error(self.key_places[outer_keys + again], format!("duplicate key {}", quoted(&key)))
            );
        }
        self.key_places.truncate(outer_keys);
        Ok(Value::Map(map))
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        let opening = self.place;
        self.place += 1;
        let text = self.text;
        let mut copy = String::new();
        loop {
            let rest = &text.as_bytes()[self.place..];
            let Some(length) = next_escaped(rest) else {
                return Err(self.error(opening, "an unclosed string"));
            };
            let run = &text[self.place..self.place + length];
            self.place += length;
            match rest[length] {
                b'"' => {
                    self.place += 1;
                    if copy.is_empty() {
                        return Ok(Cow::Borrowed(run));
                    }
                    copy.push_str(run);
                    return Ok(Cow::Owned(copy));
                }
                b'\\' => {
                    copy.push_str(run);
                    copy.push(self.escape()?);
                }
                control => {
                    let message = format!(
                        "the control character U+{control:04X} in a string; write `\\u{control:04x}`"
                    );
                    return Err(self.error(self.place, message));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let start = self.place;
        self.place += 1;
        let escaped = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            _ => {
                let found = self.found();
                return Err(self.error(start, format!("a backslash before {found} is invalid in JSON")));
            }
        };
        self.place += 1;
        Ok(escaped)
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char, JsonError> {
        let unit = self.four_digits(start)?;
        let code = match unit {
            0xd800..=0xdbff if self.text[self.place..].starts_with("\\u") => {
                self.place += 1;
                let low = self.four_digits(start)?;
                if !(0xdc00..=0xdfff).contains(&low) {
                    return Err(self.half_a_pair(start, unit));
                }
                0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
            }
            _ => unit,
        };
        // Fails for exactly the surrogates.
        char::from_u32(code).ok_or_else(|| self.half_a_pair(start, unit))
    }

    fn half_a_pair(&self, start: usize, unit: u32) -> JsonError {
        self.error(start, format!("`\\u{unit:04x}` is half of a surrogate pair"))
    }

    /// Reads `uXXXX`.
    fn four_digits(&mut self, start: usize) -> Result<u32, JsonError> {
        let digits = self.text.as_bytes().get(self.place + 1..self.place + 5).unwrap_or_default();
        let mut unit = 0;
        for digit in digits {
            let Some(digit) = char::from(*digit).to_digit(16) else {
                return Err(self.error(start, "`\\u` needs four hexadecimal digits"));
            };
            unit = unit * 16 + digit;
        }
        if digits.len() < 4 {
            return Err(self.error(start, "`\\u` needs four hexadecimal digits"));
        }
        self.place += 5;
        Ok(unit)
    }
}

fn error_at(bytes: &[u8], offset: usize, message: String) -> JsonError {
    let before = &bytes[..offset.min(bytes.len())];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
    JsonError {
        offset,
        line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
        // Bytes that continue a character are not counted.
        column: before[line_start..].iter().filter(|byte| **byte & 0xc0 != 0x80).count() + 1,
        message,
    }
}

/// The place in `map` of a key that was there before.
fn repeated_key(map: &[(String, Value)]) -> Option<usize> {
    const FEW: usize = 12;
    if map.len() <= FEW {
        return (1..map.len()).find(|place| map[..*place].iter().any(|(key, _)| *key == map[*place].0));
    }
    let mut seen = HashSet::with_capacity(map.len());
    map.iter().position(|(key, _)| !seen.insert(key.as_str()))
}

// ── bytes ────────────────────────────────────────────────────────────────────────────────────────────────────

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(crate) fn base64_encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .enumerate()
            .fold(0u32, |group, (place, byte)| group | u32::from(*byte) << (16 - 8 * place));
        for place in 0..4 {
            let symbol = BASE64[(group >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= chunk.len() { char::from(symbol) } else { '=' });
        }
    }
    text
}

/// Only what [`base64_encode`] writes.
fn base64_decode(text: &str) -> Option<Vec<u8>> {
    let symbols = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(symbols.len() / 4 * 3 + 2);
    for chunk in symbols.as_bytes().chunks(4) {
        let mut group = 0u32;
        for (place, symbol) in chunk.iter().enumerate() {
            let bits = match symbol {
                b'A'..=b'Z' => symbol - b'A',
                b'a'..=b'z' => symbol - b'a' + 26,
                b'0'..=b'9' => symbol - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            group |= u32::from(bits) << (18 - 6 * place);
        }
        let whole = group.to_be_bytes();
        bytes.extend_from_slice(&whole[1..chunk.len()]);
    }
    // Padding, stray bits and a lone symbol are checked by writing it again.
    (base64_encode(&bytes) == text).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use proptest::prelude::*;

    fn refused(text: &str) -> String {
        parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn every_refusal_says_where_and_what_would_be_right() {
        let texts = [
            "",
            "a=1",
            "{",
            "{\"a\" 1}",
            "{a: 1}",
            "[1,]",
            "[1 2]",
            "{\"a\":1,}",
            "{}x",
            "01",
            "-",
            "1.",
            "1e",
            "nul",
            "'a'",
            "\"a",
            "\"a\nb\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"\\udc00x\"",
            "\"\\ud800\\u0041\"",
            "{\"k\":1,\n \"ż\":2, \"k\":3}",
            "\u{feff}{}",
            "NaN",
            "[1,\r\n  `]",
        ];
        let all: Vec<String> = texts.iter().map(|text| format!("{text:?}  {}", refused(text))).collect();
        assert_snapshot!(all.join("\n"), @r#"
""  line 1, column 1: expected a value, found the end of the text
"a=1"  line 1, column 1: `a` is not a JSON value; strings need double quotes
"{"  line 1, column 2: expected a key in double quotes, found the end of the text
"{\"a\" 1}"  line 1, column 6: expected `:` after the key, found `1`
"{a: 1}"  line 1, column 2: expected a key in double quotes, found `a`
"[1,]"  line 1, column 4: expected a value, found `]`
"[1 2]"  line 1, column 4: expected `,` or `]`, found `2`
"{\"a\":1,}"  line 1, column 8: expected a key in double quotes, found `}`
"{}x"  line 1, column 3: `x` after the end of the value
"01"  line 1, column 1: a number cannot start with 0
"-"  line 1, column 2: expected a digit, found the end of the text
"1."  line 1, column 3: expected a digit, found the end of the text
"1e"  line 1, column 3: expected a digit, found the end of the text
"nul"  line 1, column 1: `nul` is not a JSON value; strings need double quotes
"'a'"  line 1, column 1: expected a value, found `'`
"\"a"  line 1, column 1: an unclosed string
"\"a\nb\""  line 1, column 3: the control character U+000A in a string; write `\u000a`
"\"\\x\""  line 1, column 2: a backslash before `x` is invalid in JSON
"\"\\u12\""  line 1, column 2: `\u` needs four hexadecimal digits
"\"\\ud800\""  line 1, column 2: `\ud800` is half of a surrogate pair
"\"\\udc00x\""  line 1, column 2: `\udc00` is half of a surrogate pair
"\"\\ud800\\u0041\""  line 1, column 2: `\ud800` is half of a surrogate pair
"{\"k\":1,\n \"ż\":2, \"k\":3}"  line 2, column 9: duplicate key "k"
"\u{feff}{}"  line 1, column 1: expected a value, found a byte order mark
"NaN"  line 1, column 1: `NaN` is not a JSON value; strings need double quotes
"[1,\r\n  `]"  line 2, column 3: expected a value, found a backtick
"#);
        assert_eq!(
            parse(b"[\"\xff\"]").unwrap_err().to_string(),
            "line 1, column 3: the byte 0xff is not valid UTF-8 here"
        );
    }

    #[test]
    fn numbers_keep_their_digits_and_keys_their_order() {
        let text = r#"{"z":1.10,"a":-0,"m":1180591620717411303424,"e":1E+05,"l":[],"o":{}}"#;
        assert_eq!(compact(&parse(text.as_bytes()).unwrap()), text);
        assert_eq!(parse(br#""\ud83d\ude00\/\u00e9""#), Ok(Value::from("😀/é")));
    }

    #[test]
    fn indented_text_reads_like_json_in_documentation() {
        let value = parse(br#"{"a":[1,{"b":null}],"c":{},"d":[],"e\n":"x\u0001\ty"}"#).unwrap();
        assert_snapshot!(indented(&value), @r#"
{
  "a": [
    1,
    {
      "b": null
    }
  ],
  "c": {},
  "d": [],
  "e\n": "x\u0001\ty"
}
"#);
        assert_eq!(indented(&Value::Map(vec![])), "{}\n");
    }

    #[test]
    fn objects_in_a_row_are_one_map_and_later_keys_win() {
        let merged = parse_stream(b" {\"a\":1,\"b\":2}{\"c\":3}\n\n{\"a\":4}\n").unwrap();
        assert_eq!(compact(&Value::Map(merged)), r#"{"a":4,"b":2,"c":3}"#);
        assert_eq!(parse_stream(b" \n"), Ok(vec![]));
        assert_eq!(
            parse_stream(b"{}\n[1]").unwrap_err().to_string(),
            "line 2, column 1: expected a JSON object, found `[`"
        );
        assert_eq!(
            parse_stream(b"{}\na=1").unwrap_err().to_string(),
            "line 2, column 1: expected a JSON object, found `a`"
        );
    }

    #[test]
    fn levels_are_counted_from_the_outermost_and_never_end_the_stack() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(nested(128).as_bytes()).is_ok());
        assert_eq!(refused(&nested(129)), "line 1, column 129: more than 128 levels of lists and maps");
        assert!(parse_output(nested(127).as_bytes()).is_ok());
        let error = parse_output(nested(128).as_bytes()).expect_err("not readable in its file");
        assert_eq!(error.to_string(), "line 1, column 128: more than 128 levels of lists and maps");
        assert!(parse("[".repeat(1_000_000).as_bytes()).is_err());
    }

    #[test]
    fn flat_keys_reach_into_lists_and_maps_and_the_literal_key_wins() {
        let value = parse(
            br#"{"v":1,"meta":{"name":"x","a.b":{"c":2},"a":{"b":{"c":3,"d":4}}},"meta.v":5,"files":["f",["g"]],"":{"":6}}"#,
        );
        let map = value.unwrap().as_map().unwrap().clone();
        let found = |path: &str| lookup(&map, path).map(|value| compact(&value));
        for (path, text) in [
            ("v", "1"),
            ("meta.name", "\"x\""),
            ("meta.a.b.c", "2"),
            ("meta.a.b.d", "4"),
            ("meta.v", "5"),
            ("files.0", "\"f\""),
            ("files.1.0", "\"g\""),
            ("files.#", "2"),
            ("files.1.#", "1"),
            (".", "6"),
        ] {
            assert_eq!(found(path).as_deref(), Some(text), "{path}");
        }
        for path in ["v.x", "files.2", "files.00", "files.+1", "files.", "meta", "#", "files.#.0", "meta.a.x"]
        {
            assert_eq!(found(path).filter(|_| path != "meta"), None, "{path}");
        }
        let changed = |path: &str| {
            let mut map = map.clone();
            let value = lookup_mut(&mut map, path)?;
            *value = Value::Null;
            Some(lookup(&map, path).is_some_and(|value| *value == Value::Null))
        };
        for path in
            ["v", "meta.name", "meta.a.b.c", "meta.a.b.d", "meta.v", "files.0", "files.1.0", ".", "meta"]
        {
            assert_eq!(changed(path), Some(true), "{path}");
        }
        for path in ["v.x", "files.2", "files.00", "files.#", "files.1.#", "#", "meta.a.x", "none"] {
            assert_eq!(changed(path), None, "{path}");
        }
        let mut leaves = Vec::new();
        for (key, value) in &map {
            each_leaf(key, value, &mut |path, leaf| {
                leaves.push(format!("{path}={}", compact(leaf)));
                true
            });
        }
        assert_snapshot!(leaves.join(" "), @r#"meta.name="x" meta.a.b.c=2 meta.a.b.c=3 meta.a.b.d=4 files.#=2 files.0="f" files.1.#=1 files.1.0="g" .=6"#);
    }

    #[test]
    fn bytes_that_are_not_utf8_have_one_form_and_nothing_else_is_taken_for_it() {
        let value = Value::from_bytes(b"caf\xe9".to_vec());
        assert_eq!(compact(&value), r#"{"__otto_bytes__":"Y2Fm6Q=="}"#);
        assert_eq!(value.as_bytes().as_deref(), Some(&b"caf\xe9"[..]));
        for other in [
            r#"{"__otto_bytes__":"aGk="}"#,
            r#"{"__otto_bytes__":"Y2Fm6R=="}"#,
            r#"{"__otto_bytes__":"Y2Fm6Q"}"#,
            r#"{"__otto_bytes__":1}"#,
            r#"{"__otto_bytes__":"Y2Fm6Q==","a":1}"#,
        ] {
            assert_eq!(parse(other.as_bytes()).unwrap().as_bytes(), None, "{other}");
        }
    }

    #[test]
    fn a_map_that_is_wrapped_is_looked_into_as_it_was_set() {
        let text = r#"{"m":{"__otto_map__":{"__otto_bytes__":"/w=="}},"bytes":{"__otto_bytes__":"/w=="},
            "twice":{"__otto_map__":{"__otto_map__":{"__otto_map__":{"__otto_secret__":[1]}}}},
            "__otto_map__":{"a":1}}"#;
        let Ok(Value::Map(mut map)) = parse(text.as_bytes()) else { panic!("bug: {text}") };
        let found: Vec<String> = [
            "m.__otto_bytes__",
            "twice.__otto_map__.__otto_secret__.0",
            "bytes.__otto_bytes__",
            "__otto_map__.a",
        ]
        .map(|path| {
            let shown = lookup(&map, path).map(|value| compact(&value));
            assert_eq!(lookup_mut(&mut map, path).map(|value| compact(value)), shown, "{path}");
            shown.unwrap_or("none".to_owned())
        })
        .into();
        assert_eq!(found, ["\"/w==\"", "1", "\"/w==\"", "1"]);
        let mut leaves = Vec::new();
        for (key, value) in map.iter().filter(|(_, value)| value.holds_values()) {
            each_leaf(key, value, &mut |path, value| {
                leaves.push(format!("{path}={}", compact(value)));
                true
            });
        }
        assert_eq!(
            leaves,
            [
                "m.__otto_bytes__=\"/w==\"",
                "twice.__otto_map__.__otto_secret__.#=1",
                "twice.__otto_map__.__otto_secret__.0=1",
                "__otto_map__.a=1"
            ]
        );
    }

    #[test]
    fn ten_mebibytes_and_ten_thousand_keys_are_everyday() {
        let long = Value::String("zażółć \"gęślą\"\n".repeat(10 << 16));
        assert_eq!(parse(compact(&long).as_bytes()), Ok(long));
        let many: Map = (0..10_000).map(|n| (format!("key{n}"), Value::int(n))).collect();
        let many = Value::Map(many);
        assert_eq!(parse(indented(&many).as_bytes()), Ok(many));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i128>().prop_map(|number| Value::Number(number.to_string().into())),
            "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,5})?([eE][-+]?[0-9]{1,3})?"
                .prop_map(|digits| Value::Number(digits.into())),
            any::<String>().prop_map(Value::String),
            proptest::collection::vec(any::<u8>(), 0..20).prop_map(Value::from_bytes),
        ];
        leaf.prop_recursive(6, 60, 8, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
                proptest::collection::hash_map(any::<String>(), inner, 0..20)
                    .prop_map(|map| Value::Map(map.into_iter().collect())),
            ]
        })
    }

    /// JSON-like noise, which comes near enough to JSON to be accepted now and then.
    fn noise() -> impl Strategy<Value = Vec<u8>> {
        let pieces = prop_oneof![
            4 => "[\\[\\]{},:]".prop_map(String::into_bytes),
            4 => "\"[a-c\\\\\"u0-9dD/nż]{0,8}\"".prop_map(String::into_bytes),
            2 => "-?[0-9]{1,3}(\\.[0-9]*)?([eE][-+]?[0-9]*)?".prop_map(String::into_bytes),
            2 => "(true|false|null| |\n|\t|\\\\ud8[0-9]{2}|nul)".prop_map(String::into_bytes),
            1 => proptest::collection::vec(any::<u8>(), 0..4),
        ];
        proptest::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in any_value()) {
            prop_assert_eq!(&parse(compact(&value).as_bytes()).unwrap(), &value);
            prop_assert_eq!(&parse(indented(&value).as_bytes()).unwrap(), &value);
        }

        #[test]
        fn bytes_survive_base64(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let value = Value::from_bytes(bytes.clone());
            let as_bytes = value.as_bytes();
            prop_assert_eq!(as_bytes.as_deref(), Some(&bytes[..]));
            prop_assert_eq!(base64_decode(&base64_encode(&bytes)), Some(bytes));
        }

        #[test]
        fn what_is_json_to_others_is_json_to_us_and_nothing_else(text in prop_oneof![noise(), noise().prop_map(|inner| [b"[".as_slice(), &inner, b"]"].concat()), proptest::collection::vec(any::<u8>(), 0..40)]) {
            let ours = parse(&text);
            let theirs = serde_json::from_slice::<serde_json::Value>(&text);
            match (&ours, &theirs) {
                (Ok(_), Err(error)) => prop_assert!(error.to_string().contains("number out of range"), "{}", error),
                (Err(error), Ok(_)) => prop_assert!(error.message.contains("twice"), "{}", error),
                (Ok(ours), Ok(theirs)) => {
                    let again: serde_json::Value = serde_json::from_str(&compact(ours)).unwrap();
                    prop_assert_eq!(&again, theirs);
                }
                (Err(error), Err(_)) => prop_assert!(error.offset <= text.len()),
            }
        }

        #[test]
        fn every_leaf_is_found_under_its_flat_key(value in any_value()) {
            let map = vec![("k".to_owned(), value)];
            let mut missing = Vec::new();
            each_leaf("k", &map[0].1, &mut |path, _| {
                if lookup(&map, path).is_none() {
                    missing.push(path.to_owned());
                }
                true
            });
            prop_assert_eq!(missing, Vec::<String>::new());
        }
    }
}
