//! What a task promises about its outputs: the type of each key, and whether values keep that promise.
//! Knows no file: that a path leads to one is asked by whoever runs the task.

use crate::name::similar;
use crate::source::Span;
use crate::value::{self, Map, Value};
use regex::Regex;
use std::cmp::Ordering;
use std::fmt;

/// The outputs of a task, as declared under `outputs`; of an object, its `keys`.
#[derive(Clone, Debug)]
pub(crate) struct Contract {
    /// In the order of the document; each name once.
    pub(crate) keys: Vec<Declared>,
    /// What `"*"` allows beside the declared keys.
    pub(crate) others: Option<Box<Promise>>,
}

/// One declared key.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) name: String,
    /// Where the name is written.
    pub(crate) span: Span,
    pub(crate) promise: Promise,
}

/// What a value must be.
#[derive(Clone, Debug)]
pub(crate) struct Promise {
    pub(crate) shape: Shape,
    /// `T?`: the key may stay unset, and `null` means unset.
    pub(crate) is_optional: bool,
    pub(crate) help: Option<String>,
    /// What dependents read where the task did not set the key. Fits the shape.
    pub(crate) default: Option<Value>,
    /// Empty: any. Each fits the shape.
    pub(crate) choices: Vec<Value>,
    pub(crate) pattern: Option<Pattern>,
    /// Least and greatest number; of a string, list or map its length.
    pub(crate) min: Option<Bound>,
    pub(crate) max: Option<Bound>,
    /// Its value is shown nowhere and kept nowhere.
    pub(crate) is_secret: bool,
}

impl Promise {
    pub(crate) fn new(shape: Shape) -> Promise {
        Promise {
            shape,
            is_optional: false,
            help: None,
            default: None,
            choices: Vec::new(),
            pattern: None,
            min: None,
            max: None,
            is_secret: false,
        }
    }
}

impl Promise {
    /// What holds for its values beside the type, as it is shown to people: `one of "a", "b"`, `at least 1`.
    pub(crate) fn limits(&self) -> Vec<String> {
        let mut limits = Vec::new();
        if let Shape::Object(contract) = &self.shape
            && !contract.keys.is_empty()
        {
            let key = |declared: &Declared| format!("{}: {}", declared.name, declared.promise);
            let others = contract.others.iter().map(|_| "…".to_owned());
            let keys: Vec<String> = contract.keys.iter().map(key).chain(others).collect();
            limits.push(format!("{{{}}}", keys.join(", ")));
        }
        if !self.choices.is_empty() {
            let choices: Vec<String> = self.choices.iter().map(value::compact).collect();
            limits.push(format!("one of {}", choices.join(", ")));
        }
        limits.extend(self.pattern.iter().map(|pattern| format!("matches {}", pattern.text)));
        limits.extend(self.min.iter().map(|Bound(least)| format!("at least {least}")));
        limits.extend(self.max.iter().map(|Bound(most)| format!("at most {most}")));
        if self.is_secret {
            limits.push("secret".to_owned());
        }
        limits
    }

    fn has_secret(&self) -> bool {
        self.is_secret || self.shape.has_secret()
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Shape {
    Str,
    Int,
    Float,
    Bool,
    /// A path that need not lead anywhere.
    Path,
    /// A path to a file, or to a folder, that exists when the task ends.
    File,
    Dir,
    List(Box<Shape>),
    Map(Box<Shape>),
    Object(Box<Contract>),
    Any,
}

impl Shape {
    fn has_paths(&self) -> bool {
        match self {
            Shape::File | Shape::Dir => true,
            Shape::List(inner) | Shape::Map(inner) => inner.has_paths(),
            Shape::Object(keys) => keys.has_paths(),
            Shape::Str | Shape::Int | Shape::Float | Shape::Bool | Shape::Path | Shape::Any => false,
        }
    }
}

/// A regular expression for the whole string.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) text: String,
    whole: Regex,
}

impl Pattern {
    /// Errors in one line, as the user should read them.
    pub(crate) fn new(text: &str) -> Result<Pattern, String> {
        match Regex::new(&format!(r"\A(?:{text})\z")) {
            Ok(whole) => Ok(Pattern { text: text.to_owned(), whole }),
            Err(error) => {
                let message = error.to_string();
                let last = message.lines().last().unwrap_or_default();
                Err(last.trim_start_matches("error: ").to_owned())
            }
        }
    }
}

/// A limit as written: the text of a JSON number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bound(pub(crate) String);

impl Bound {
    /// `None` if the text is not a number.
    pub(crate) fn new(text: &str) -> Option<Bound> {
        (is_number(text) && text.parse::<f64>().is_ok_and(f64::is_finite)).then(|| Bound(text.to_owned()))
    }
}

/// Whether values have types already. Shells pass strings, and the contract converts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typing {
    /// A string that a shell set, or a list of such strings.
    Text,
    /// A value whose type its language chose.
    Typed,
}

/// What is wrong with one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The declared or set key at the root.
    pub(crate) key: String,
    /// Where in the value: `meta.tags.0`; the key itself for the whole value.
    pub(crate) path: String,
    /// Continues "`path` …".
    pub(crate) what: String,
    /// What would be right.
    pub(crate) help: Option<String>,
}

/// A path that must exist when the task ends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PathClaim {
    /// The declared key at the root.
    pub(crate) key: String,
    /// Where in the value, as in [`Fault::path`].
    pub(crate) place: String,
    /// What the task set.
    pub(crate) value: Value,
    pub(crate) is_dir: bool,
}

/// What a contract makes of the values of a task.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// With declared types, without unset ones, and with defaults at the end.
    pub(crate) values: Map,
    pub(crate) claims: Vec<PathClaim>,
    pub(crate) faults: Vec<Fault>,
}

impl Contract {
    pub(crate) fn get(&self, name: &str) -> Option<&Declared> {
        self.keys.iter().find(|declared| declared.name == name)
    }

    /// Whether the value of a key is secret, as a whole or in part.
    pub(crate) fn is_secret(&self, name: &str) -> bool {
        let promise = self.get(name).map(|declared| &declared.promise).or(self.others.as_deref());
        promise.is_some_and(Promise::has_secret)
    }

    /// Whether any value is.
    pub(crate) fn has_secret(&self) -> bool {
        let promises = self.keys.iter().map(|declared| &declared.promise);
        promises.chain(self.others.as_deref()).any(Promise::has_secret)
    }

    /// Whether a value may be a path to a file or a folder that must exist.
    pub(crate) fn has_paths(&self) -> bool {
        let promises = self.keys.iter().map(|declared| &declared.promise);
        promises.chain(self.others.as_deref()).any(|promise| promise.shape.has_paths())
    }

    /// The paths in the values of a task that kept its contract which had to exist when it ended. None of them is secret.
    pub(crate) fn paths(&self, values: &Map) -> Vec<PathClaim> {
        if !self.has_paths() {
            return Vec::new();
        }
        let mut claims = self.check(values.clone(), |_| Typing::Typed, |_| true).claims;
        claims.retain(|claim| !self.is_secret(&claim.key));
        claims
    }

    /// Whether a task may set this key.
    pub(crate) fn allows(&self, name: &str) -> bool {
        self.others.is_some() || self.get(name).is_some()
    }

    /// Checks and converts all values of a task that succeeded. `typing` says how each key was set;
    /// `is_exported` which keys are exported variables, for they need no declaration.
    pub(crate) fn check(
        &self,
        values: Map,
        typing: impl Fn(&str) -> Typing,
        is_exported: impl Fn(&str) -> bool,
    ) -> Kept {
        let mut kept = Kept::default();
        let (exported, values): (Map, Map) =
            values.into_iter().partition(|(key, _)| is_exported(key) && !self.allows(key));
        let checked = Check { key: "", kept: &mut kept }.keys("", self, values, typing);
        kept.values = checked.into_iter().chain(exported).collect();
        kept
    }
}

/// A number, and the words that follow it in a message.
fn counted(count: usize, one: &str) -> (String, String) {
    (count.to_string(), format!(" {one}{}", if count == 1 { "" } else { "s" }))
}

fn missing(key: &str, path: String) -> Fault {
    Fault {
        key: key.to_owned(),
        path,
        what: "is declared but was not set".to_owned(),
        help: Some("set it, give it a `default`, or make it optional with a `?` after its type".to_owned()),
    }
}

fn undeclared(key: &str, path: &str, contract: &Contract) -> Fault {
    let names = contract.keys.iter().map(|declared| declared.name.as_str());
    let last = path.rsplit('.').next().unwrap_or(path);
    let help = match similar(last, names, 3).first() {
        Some(name) => format!("did you mean `{name}`? To add the key, declare it"),
        None => "declare it, or allow further keys with `\"*\": any`".to_owned(),
    };
    Fault { key: key.to_owned(), path: path.to_owned(), what: "is not declared".to_owned(), help: Some(help) }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// Checks one value of a task.
struct Check<'a> {
    /// The key at the root; empty while the root itself is checked.
    key: &'a str,
    kept: &'a mut Kept,
}

impl Check<'_> {
    /// The value with its declared type; `None` where it is unset or wrong.
    fn promise(&mut self, path: &str, promise: &Promise, value: Value, typing: Typing) -> Option<Value> {
        let before = self.kept.faults.len();
        if value == Value::Null && !matches!(promise.shape, Shape::Any) {
            let help = format!("if it may be missing, declare `{}?`", promise.shape);
            return self.wrong_type(path, &promise.shape, &value, Some(help));
        }
        let value = self.shape(path, &promise.shape, value, typing)?;
        if self.kept.faults.len() > before {
            return None;
        }
        self.limits(path, promise, &value).then_some(value)
    }

    fn fault(&mut self, path: &str, what: String, help: Option<String>) -> Option<Value> {
        self.kept.faults.push(Fault { key: self.key.to_owned(), path: path.to_owned(), what, help });
        None
    }

    fn wrong_type(
        &mut self,
        path: &str,
        shape: &Shape,
        value: &Value,
        help: Option<String>,
    ) -> Option<Value> {
        let what = format!("is {}, not {}", shown(value), shape.article());
        self.fault(path, what, help)
    }

    fn shape(&mut self, path: &str, shape: &Shape, value: Value, typing: Typing) -> Option<Value> {
        let text = match (&value, typing) {
            (Value::String(text), Typing::Text) => Some(text.clone()),
            _ => None,
        };
        match (shape, text) {
            (Shape::Any, _) => Some(value),
            (Shape::Str, _) if value.as_bytes().is_some() => Some(value),
            (Shape::Path | Shape::File | Shape::Dir, _) if value.as_bytes().is_some() => {
                let is_dir = match shape {
                    Shape::File => false,
                    Shape::Dir => true,
                    _ => return Some(value),
                };
                let (key, place) = (self.key.to_owned(), path.to_owned());
                let claim = PathClaim { key, place, value: value.clone(), is_dir };
                self.kept.claims.push(claim);
                Some(value)
            }
            (Shape::Int | Shape::Float, Some(text)) => match spelled(shape, &text) {
                Ok(()) => Some(Value::Number(text.into())),
                Err(help) => self.wrong_type(path, shape, &value, Some(help)),
            },
            (Shape::Bool, Some(text)) => match text.as_str() {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                _ => self.wrong_type(path, shape, &value, Some("write `true` or `false`".to_owned())),
            },
            (Shape::List(_) | Shape::Map(_) | Shape::Object(_), Some(text)) => {
                match value::parse_output(text.as_bytes()) {
                    Ok(parsed) if !matches!(parsed, Value::String(_)) => {
                        self.shape(path, shape, parsed, Typing::Typed)
                    }
                    Ok(_) => self.wrong_type(path, shape, &value, Some(shape.how_to_set())),
                    Err(error) => {
                        let what = format!("is {}, which is not valid JSON: {error}", shown(&value));
                        self.fault(path, what, Some(shape.how_to_set()))
                    }
                }
            }
            (Shape::Int | Shape::Float, None) => match &value {
                Value::Number(digits) => match spelled(shape, digits) {
                    Ok(()) => Some(value),
                    Err(help) => self.wrong_type(path, shape, &value, Some(help)),
                },
                _ => self.wrong_type(path, shape, &value, shape.instead_of(&value)),
            },
            (Shape::Bool, None) if matches!(value, Value::Bool(_)) => Some(value),
            (Shape::List(item), None) => match value {
                Value::List(items) => {
                    let checked: Vec<Option<Value>> = items
                        .into_iter()
                        .enumerate()
                        .map(|(place, value)| self.shape(&format!("{path}.{place}"), item, value, typing))
                        .collect();
                    checked.into_iter().collect::<Option<Vec<Value>>>().map(Value::List)
                }
                value => self.wrong_type(path, shape, &value, shape.instead_of(&value)),
            },
            (Shape::Map(each), None) => match value {
                Value::Map(_) if value.as_bytes().is_some() => self.wrong_type(path, shape, &value, None),
                Value::Map(map) => {
                    let checked: Vec<Option<(String, Value)>> = map
                        .into_iter()
                        .map(|(name, value)| {
                            let value = self.shape(&join(path, &name), each, value, typing)?;
                            Some((name, value))
                        })
                        .collect();
                    checked.into_iter().collect::<Option<Map>>().map(Value::Map)
                }
                value => self.wrong_type(path, shape, &value, shape.instead_of(&value)),
            },
            (Shape::Object(contract), None) => match value {
                Value::Map(_) if value.as_bytes().is_some() => self.wrong_type(path, shape, &value, None),
                Value::Map(map) => self.object(path, contract, map, typing).map(Value::Map),
                value => self.wrong_type(path, shape, &value, shape.instead_of(&value)),
            },
            (Shape::Str | Shape::Path | Shape::File | Shape::Dir | Shape::Bool, _) => {
                self.wrong_type(path, shape, &value, shape.instead_of(&value))
            }
        }
    }

    fn object(&mut self, path: &str, contract: &Contract, map: Map, typing: Typing) -> Option<Map> {
        let before = self.kept.faults.len();
        let kept = self.keys(path, contract, map, |_| typing);
        (self.kept.faults.len() == before).then_some(kept)
    }

    /// The keys that are right, in their order, and the defaults of those that are not set.
    fn keys(&mut self, path: &str, contract: &Contract, map: Map, typing: impl Fn(&str) -> Typing) -> Map {
        let mut kept = Map::new();
        let mut set: Vec<String> = Vec::new();
        for (name, value) in map {
            let inner = join(path, &name);
            let key = if path.is_empty() { name.clone() } else { self.key.to_owned() };
            let declared = contract.get(&name).map(|declared| &declared.promise);
            let Some(promise) = declared.or(contract.others.as_deref()) else {
                self.kept.faults.push(undeclared(&key, &inner, contract));
                continue;
            };
            if promise.is_optional && value == Value::Null {
                continue;
            }
            set.push(name.clone());
            let mut check = Check { key: &key, kept: self.kept };
            if let Some(value) = check.promise(&inner, promise, value, typing(&name)) {
                kept.push((name, value));
            }
        }
        for declared in contract.keys.iter().filter(|declared| !set.contains(&declared.name)) {
            let inner = join(path, &declared.name);
            let key = if path.is_empty() { declared.name.clone() } else { self.key.to_owned() };
            match &declared.promise.default {
                Some(default) => {
                    // Once more, for the paths that it promises.
                    let mut check = Check { key: &key, kept: self.kept };
                    let default = check.promise(&inner, &declared.promise, default.clone(), Typing::Typed);
                    kept.extend(default.map(|default| (declared.name.clone(), default)));
                }
                None if declared.promise.is_optional => {}
                None => self.kept.faults.push(missing(&key, inner)),
            }
        }
        kept
    }

    /// Choices, pattern, least and greatest. Whether all of them hold.
    fn limits(&mut self, path: &str, promise: &Promise, value: &Value) -> bool {
        let before = self.kept.faults.len();
        if !promise.choices.is_empty() && !promise.choices.iter().any(|choice| same(choice, value)) {
            let choices: Vec<String> = promise.choices.iter().map(shown).collect();
            let what = format!("is {}, not one of the choices", shown(value));
            self.fault(path, what, Some(format!("the choices are {}", choices.join(", "))));
        }
        if let (Some(pattern), Some(text)) = (&promise.pattern, value.as_str())
            && !pattern.whole.is_match(text)
        {
            let what = format!("is {}, which does not match `{}`", shown(value), pattern.text);
            self.fault(path, what, None);
        }
        let (measured, what) = match value {
            Value::Number(digits) => (digits.to_string(), String::new()),
            Value::String(text) => counted(text.chars().count(), "character"),
            Value::List(items) => counted(items.len(), "item"),
            Value::Map(map) => counted(map.len(), "key"),
            Value::Null | Value::Bool(_) => return self.kept.faults.len() == before,
        };
        let is = if what.is_empty() { "is" } else { "has" };
        if let Some(Bound(least)) = &promise.min
            && compare(&measured, least) == Ordering::Less
        {
            self.fault(path, format!("{is} {measured}{what}, less than the minimum {least}"), None);
        }
        if let Some(Bound(most)) = &promise.max
            && compare(&measured, most) == Ordering::Greater
        {
            self.fault(path, format!("{is} {measured}{what}, more than the maximum {most}"), None);
        }
        self.kept.faults.len() == before
    }
}

impl Shape {
    fn has_secret(&self) -> bool {
        match self {
            Shape::Object(contract) => contract.has_secret(),
            Shape::List(inner) | Shape::Map(inner) => inner.has_secret(),
            Shape::Str | Shape::Int | Shape::Float | Shape::Bool => false,
            Shape::Path | Shape::File | Shape::Dir | Shape::Any => false,
        }
    }

    /// With its article: "a list[int]".
    fn article(&self) -> String {
        let article = match self {
            Shape::Int | Shape::Object(_) | Shape::Any => "an",
            _ => "a",
        };
        format!("{article} `{self}`")
    }

    /// What would be right in place of a value that has a type, but another one.
    fn instead_of(&self, value: &Value) -> Option<String> {
        let is_text = |wanted: &Shape| {
            let text = value.as_str().unwrap_or_default();
            match wanted {
                Shape::Int | Shape::Float => spelled(wanted, text).is_ok(),
                Shape::Bool => matches!(text.to_lowercase().as_str(), "true" | "false"),
                Shape::List(_) => text.starts_with('['),
                Shape::Map(_) | Shape::Object(_) => text.starts_with('{'),
                Shape::Str | Shape::Path | Shape::File | Shape::Dir | Shape::Any => false,
            }
        };
        match (self, value) {
            (Shape::Int | Shape::Float, _) if is_text(self) => {
                Some("set the number, not a string of its digits".to_owned())
            }
            (Shape::Bool, _) if is_text(self) => Some("set the truth value, not a string".to_owned()),
            (Shape::Bool, Value::Number(_)) => Some("set a truth value, or declare an `int`".to_owned()),
            (Shape::List(_), _) if is_text(self) => Some("set the list, not its JSON text".to_owned()),
            (Shape::List(item), Value::String(_)) if matches!(**item, Shape::Str) => {
                Some("set a list, also for a single item".to_owned())
            }
            (Shape::Map(_) | Shape::Object(_), _) if is_text(self) => {
                Some("set the object, not its JSON text".to_owned())
            }
            (Shape::Str | Shape::Path | Shape::File | Shape::Dir, Value::Number(digits)) => {
                let kind = if digits.contains(['.', 'e', 'E']) { "a `float`" } else { "an `int`" };
                Some(format!("convert it to a string, or declare {kind}"))
            }
            (Shape::Str, Value::Bool(_)) => Some("convert it to a string, or declare a `bool`".to_owned()),
            (Shape::Str, Value::List(_)) => {
                Some("join it to a string, or declare a list, such as `list[str]`".to_owned())
            }
            (Shape::Str, Value::Map(_)) => Some(
                "convert it to a string, or declare an `object`, or a map, such as `map[str]`".to_owned(),
            ),
            _ => None,
        }
    }

    fn how_to_set(&self) -> String {
        match self {
            Shape::List(_) => "set it with `otto.set --list KEY ITEM…` or as JSON text".to_owned(),
            _ => "set it with `otto.set --json KEY JSON` or as JSON text".to_owned(),
        }
    }

    /// A type as written, without its `?`. Errors continue "the type …".
    pub(crate) fn parse(text: &str) -> Result<Shape, ShapeError> {
        let text = text.trim();
        if let Some((outer, inner)) = text.split_once('[') {
            let Some(inner) = inner.strip_suffix(']') else { return Err(ShapeError::unknown(text)) };
            let inside = |inner| Shape::parse(inner).map(Box::new).map_err(|_| ShapeError::unknown(text));
            return match outer.trim_end() {
                "list" => inside(inner).map(Shape::List),
                "map" => inside(inner).map(Shape::Map),
                _ => Err(ShapeError::unknown(text)),
            };
        }
        match text {
            "str" => Ok(Shape::Str),
            "int" => Ok(Shape::Int),
            "float" => Ok(Shape::Float),
            "bool" => Ok(Shape::Bool),
            "path" => Ok(Shape::Path),
            "file" => Ok(Shape::File),
            "dir" => Ok(Shape::Dir),
            "any" => Ok(Shape::Any),
            "object" => Ok(Shape::Object(Box::new(Contract {
                keys: Vec::new(),
                others: Some(Box::new(Promise::new(Shape::Any))),
            }))),
            _ => Err(ShapeError::unknown(text)),
        }
    }
}

/// A text that names no type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShapeError {
    /// What was probably meant.
    pub(crate) meant: Option<String>,
}

impl ShapeError {
    fn unknown(text: &str) -> ShapeError {
        ShapeError { meant: meant(text) }
    }
}

/// What other languages call the types.
fn meant(text: &str) -> Option<String> {
    let lower = text.trim().to_lowercase();
    let inside = |text: &str| match Shape::parse(text) {
        Ok(shape) => Some(shape.to_string()),
        Err(error) => error.meant,
    };
    // A type, or nothing: `str | None`.
    let others: Vec<&str> = lower
        .split('|')
        .map(str::trim)
        .filter(|part| !matches!(*part, "none" | "null" | "undefined"))
        .collect();
    if lower.contains('|') {
        return match others[..] {
            [only] => inside(only).map(|only| format!("{only}?")),
            _ => Some("any".to_owned()),
        };
    }
    if let Some(item) = lower.strip_suffix("[]") {
        return inside(item).map(|item| format!("list[{item}]"));
    }
    // Only a key can be missing, not an item of a list.
    if let Some(item) = lower.strip_suffix('?') {
        return inside(item);
    }
    if let Some((outer, inner)) = lower.split_once(['[', '<'])
        && let Some(inner) = inner.strip_suffix([']', '>'])
    {
        return match outer.trim() {
            "optional" | "option" => Some(format!("{}?", inside(inner)?)),
            "list" | "array" | "vec" | "sequence" | "set" | "tuple" => {
                Some(format!("list[{}]", inside(inner.trim_end_matches(", ...").trim())?))
            }
            "dict" | "map" | "mapping" | "record" | "hash" => {
                let each = inner.rsplit_once(',').map_or(inner, |(_, each)| each);
                Some(format!("map[{}]", inside(each)?))
            }
            _ => None,
        };
    }
    let name = match lower.as_str() {
        "string" | "text" | "varchar" | "char" => "str",
        "integer" | "i32" | "i64" | "u32" | "u64" | "long" => "int",
        "number" | "double" | "f32" | "f64" | "decimal" | "real" => "float",
        "boolean" | "flag" => "bool",
        "list" | "array" | "vec" | "sequence" | "tuple" => "list[str]",
        "dict" | "map" | "hash" | "record" => "map[str]",
        "json" | "value" | "unknown" | "mixed" => "any",
        "folder" | "directory" => "dir",
        "filename" | "filepath" => "file",
        _ => {
            let names = ["str", "int", "float", "bool", "path", "file", "dir", "object", "any"];
            return similar(&lower, names, 1).first().map(|name| (*name).to_owned());
        }
    };
    Some(name.to_owned())
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Str => f.write_str("str"),
            Shape::Int => f.write_str("int"),
            Shape::Float => f.write_str("float"),
            Shape::Bool => f.write_str("bool"),
            Shape::Path => f.write_str("path"),
            Shape::File => f.write_str("file"),
            Shape::Dir => f.write_str("dir"),
            Shape::List(item) => write!(f, "list[{item}]"),
            Shape::Map(each) => write!(f, "map[{each}]"),
            Shape::Object(_) => f.write_str("object"),
            Shape::Any => f.write_str("any"),
        }
    }
}

/// The type as it is shown to people: `list[str]?`.
impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.shape, if self.is_optional { "?" } else { "" })
    }
}

/// All that a contract says, in one line that is the same for the same contract. What counts for whether recorded
/// values may be handed on; help does not.
impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |promise: &Promise| {
            let mut text = promise.to_string();
            if let Shape::Object(contract) = &promise.shape {
                text += &format!("{{{contract}}}");
            }
            if let Some(default) = &promise.default {
                text += &format!(" default {}", value::compact(default));
            }
            if !promise.choices.is_empty() {
                text += &format!(" choices {}", value::compact(&Value::List(promise.choices.clone())));
            }
            if let Some(pattern) = &promise.pattern {
                text += &format!(" pattern {}", value::quoted(&pattern.text));
            }
            for (name, bound) in [("min", &promise.min), ("max", &promise.max)] {
                if let Some(Bound(bound)) = bound {
                    text += &format!(" {name} {bound}");
                }
            }
            if promise.is_secret {
                text += " secret";
            }
            text
        };
        for declared in &self.keys {
            write!(f, "{}: {}; ", value::quoted(&declared.name), whole(&declared.promise))?;
        }
        match &self.others {
            Some(promise) => write!(f, "*: {};", whole(promise)),
            None => Ok(()),
        }
    }
}

/// A value inside a message: at most 40 characters of it.
fn shown(value: &Value) -> String {
    let text = match value.as_bytes() {
        Some(bytes) => match std::str::from_utf8(&bytes) {
            Ok(text) => value::quoted(text),
            Err(_) => "a string that is not UTF-8".to_owned(),
        },
        None => value::compact(value),
    };
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}

/// Whether the spelling of a number is that of the type; errors say what would be right.
fn spelled(shape: &Shape, text: &str) -> Result<(), String> {
    let is_int = matches!(shape, Shape::Int);
    if !is_number(text) {
        let plain = text.trim().trim_start_matches('+');
        let (sign, digits) = plain.strip_prefix('-').map_or(("", plain), |digits| ("-", digits));
        let stripped = digits.trim_start_matches('0');
        let number =
            format!("{sign}{}", if stripped.is_empty() && !digits.is_empty() { "0" } else { stripped });
        return Err(match text {
            "" => "an empty string is not a number".to_owned(),
            _ if is_number(&number) && number != text => format!("write `{number}`"),
            _ => "numbers are written as in JSON".to_owned(),
        });
    }
    let is_whole = !text.contains(['.', 'e', 'E']);
    if is_int && !is_whole {
        return Err("an `int` has no `.` or `e`; declare a `float`, or write all digits".to_owned());
    }
    if !is_int && !text.parse::<f64>().is_ok_and(f64::is_finite) {
        return Err("it is too large for a `float`".to_owned());
    }
    Ok(())
}

/// Whether a text is a number as JSON spells one.
/// Source: RFC 8259, section 6.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

/// Compares two numbers as spelled: exactly where both are whole, else as doubles.
fn compare(one: &str, other: &str) -> Ordering {
    match (one.parse::<i128>(), other.parse::<i128>()) {
        (Ok(one), Ok(other)) => one.cmp(&other),
        _ => {
            let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
            number(one).partial_cmp(&number(other)).unwrap_or(Ordering::Equal)
        }
    }
}

/// Whether two values are equal, numbers by their value.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => compare(one, other) == Ordering::Equal,
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn promise(text: &str) -> Promise {
        let (shape, is_optional) = match text.strip_suffix('?') {
            Some(shape) => (shape, true),
            None => (text, false),
        };
        Promise { is_optional, ..Promise::new(Shape::parse(shape).expect("a type")) }
    }

    fn contract(keys: &[(&str, &str)]) -> Contract {
        let declared = |(name, text): &(&str, &str)| Declared {
            name: (*name).to_owned(),
            span: Span::default(),
            promise: promise(text),
        };
        Contract { keys: keys.iter().map(declared).collect(), others: None }
    }

    /// What one value comes to: its JSON, or each fault in a line.
    fn told(promise: Promise, value: Value, typing: Typing) -> String {
        let declared = Declared { name: "k".to_owned(), span: Span::default(), promise };
        let contract = Contract { keys: vec![declared], others: None };
        let kept = contract.check(vec![("k".to_owned(), value)], |_| typing, |_| false);
        match kept.faults.is_empty() {
            true => kept.values.first().map_or("unset".to_owned(), |(_, value)| value::compact(value)),
            false => faults(&kept),
        }
    }

    fn faults(kept: &Kept) -> String {
        let line = |fault: &Fault| {
            let help = fault.help.as_ref().map_or(String::new(), |help| format!(" ({help})"));
            format!("{} {}{help}", fault.path, fault.what)
        };
        kept.faults.iter().map(line).collect::<Vec<String>>().join("\n")
    }

    fn text(shape: &str, text: &str) -> String {
        told(promise(shape), Value::from(text), Typing::Text)
    }

    fn typed(shape: &str, json: &str) -> String {
        told(promise(shape), value::parse(json.as_bytes()).expect("JSON"), Typing::Typed)
    }

    #[test]
    fn text_of_a_shell_becomes_what_was_declared() {
        assert_eq!(text("str", "007"), r#""007""#);
        assert_eq!(text("any", "42"), r#""42""#);
        assert_eq!(text("int", "42"), "42");
        assert_eq!(text("int", "-0"), "-0");
        assert_eq!(text("int", &"9".repeat(60)), "9".repeat(60));
        assert_eq!(text("float", "1.10"), "1.10");
        assert_eq!(text("float", "1e3"), "1e3");
        assert_eq!(text("bool", "true"), "true");
        assert_eq!(text("list[int]", "[1, 2]"), "[1,2]");
        assert_eq!(text("map[list[str]]", r#"{"a":["b"]}"#), r#"{"a":["b"]}"#);
        assert_eq!(text("path", "a/b"), r#""a/b""#);
    }

    #[test]
    fn text_that_is_spelled_otherwise_says_what_would_be_right() {
        insta::assert_snapshot!(text("int", "007"), @r#"k is `"007"`, not an `int` (write `7`)"#);
        insta::assert_snapshot!(text("int", "0x1f"), @r#"k is `"0x1f"`, not an `int` (numbers are written as in JSON)"#);
        insta::assert_snapshot!(text("int", " 42"), @r#"k is `" 42"`, not an `int` (write `42`)"#);
        insta::assert_snapshot!(text("int", "1.0"), @r#"k is `"1.0"`, not an `int` (an `int` has no `.` or `e`; declare a `float`, or write all digits)"#);
        insta::assert_snapshot!(text("int", "1e3"), @r#"k is `"1e3"`, not an `int` (an `int` has no `.` or `e`; declare a `float`, or write all digits)"#);
        insta::assert_snapshot!(text("int", ""), @r#"k is `""`, not an `int` (an empty string is not a number)"#);
        insta::assert_snapshot!(text("float", "1e999"), @r#"k is `"1e999"`, not a `float` (it is too large for a `float`)"#);
        insta::assert_snapshot!(text("bool", "yes"), @r#"k is `"yes"`, not a `bool` (write `true` or `false`)"#);
        insta::assert_snapshot!(text("list[str]", "a b"), @r#"k is `"a b"`, which is not valid JSON: line 1, column 1: `a` is not a JSON value; strings need double quotes (set it with `otto.set --list KEY ITEM…` or as JSON text)"#);
        insta::assert_snapshot!(text("list[int]", r#"["1"]"#), @r#"k.0 is `"1"`, not an `int` (set the number, not a string of its digits)"#);
    }

    #[test]
    fn typed_values_must_have_their_type() {
        assert_eq!(typed("int", "42"), "42");
        assert_eq!(typed("float", "42"), "42");
        assert_eq!(typed("any", "null"), "null");
        assert_eq!(typed("str?", "null"), "unset");
        insta::assert_snapshot!(typed("int", r#""42""#), @r#"k is `"42"`, not an `int` (set the number, not a string of its digits)"#);
        insta::assert_snapshot!(typed("int", "true"), @"k is `true`, not an `int`");
        insta::assert_snapshot!(typed("int", "1.0"), @"k is `1.0`, not an `int` (an `int` has no `.` or `e`; declare a `float`, or write all digits)");
        insta::assert_snapshot!(typed("str", "null"), @"k is `null`, not a `str` (if it may be missing, declare `str?`)");
        insta::assert_snapshot!(typed("list[int]", r#"[1,"a",null]"#), @r#"
        k.1 is `"a"`, not an `int`
        k.2 is `null`, not an `int`
        "#);
    }

    #[test]
    fn items_of_a_list_that_a_shell_set_are_converted_like_single_strings() {
        let list = Value::List(vec![Value::from("1"), Value::from("22")]);
        assert_eq!(told(promise("list[int]"), list, Typing::Text), "[1,22]");
    }

    #[test]
    fn all_faults_of_a_task_are_reported_at_once() {
        let contract =
            contract(&[("version", "str"), ("count", "int"), ("note", "str?"), ("files", "list[str]")]);
        let values = vec![
            ("count".to_owned(), Value::from("many")),
            ("vresion".to_owned(), Value::from("1")),
            ("OTTO_X".to_owned(), Value::from("exported")),
        ];
        let kept = contract.check(values, |_| Typing::Text, |key| key.starts_with("OTTO_"));
        insta::assert_snapshot!(faults(&kept), @r#"
        count is `"many"`, not an `int` (numbers are written as in JSON)
        vresion is not declared (did you mean `version`? To add the key, declare it)
        version is declared but was not set (set it, give it a `default`, or make it optional with a `?` after its type)
        files is declared but was not set (set it, give it a `default`, or make it optional with a `?` after its type)
        "#);
        assert_eq!(kept.values, [("OTTO_X".to_owned(), Value::from("exported"))]);
    }

    #[test]
    fn objects_are_checked_inside() {
        let mut inner = contract(&[("name", "str"), ("tags", "list[str]?")]);
        inner.keys[1].promise.default = None;
        let promise = Promise::new(Shape::Object(Box::new(inner)));
        let value = |json: &str| value::parse(json.as_bytes()).expect("JSON");
        let told = |json: &str| told(promise.clone(), value(json), Typing::Typed);
        assert_eq!(told(r#"{"name":"a"}"#), r#"{"name":"a"}"#);
        assert_eq!(told(r#"{"name":"a","tags":null}"#), r#"{"name":"a"}"#);
        insta::assert_snapshot!(told(r#"{"nmae":"a","tags":[1]}"#), @"
        k.nmae is not declared (did you mean `name`? To add the key, declare it)
        k.tags.0 is `1`, not a `str` (convert it to a string, or declare an `int`)
        k.name is declared but was not set (set it, give it a `default`, or make it optional with a `?` after its type)
        ");
    }

    #[test]
    fn limits_hold_for_numbers_and_lengths() {
        let bound = |text: &str| Bound::new(text);
        let limited = |shape: &str| Promise { min: bound("2"), max: bound("3.5"), ..promise(shape) };
        assert_eq!(told(limited("float"), value::parse(b"3.5").expect("JSON"), Typing::Typed), "3.5");
        insta::assert_snapshot!(told(limited("int"), Value::from("1"), Typing::Text), @"k is 1, less than the minimum 2");
        insta::assert_snapshot!(told(limited("str"), Value::from("long"), Typing::Text), @"k has 4 characters, more than the maximum 3.5");
        insta::assert_snapshot!(told(limited("list[str]"), Value::List(vec![]), Typing::Text), @"k has 0 items, less than the minimum 2");
        let choices = vec![Value::from("stable"), Value::from("beta")];
        let chosen = Promise { choices, ..promise("str") };
        insta::assert_snapshot!(told(chosen, Value::from("alpha"), Typing::Text), @r#"k is `"alpha"`, not one of the choices (the choices are `"stable"`, `"beta"`)"#);
        let pattern = Pattern::new("a|b").expect("a pattern");
        let matched = Promise { pattern: Some(pattern), ..promise("str") };
        assert_eq!(told(matched.clone(), Value::from("b"), Typing::Text), r#""b""#);
        insta::assert_snapshot!(told(matched, Value::from("ab"), Typing::Text), @r#"k is `"ab"`, which does not match `a|b`"#);
        assert!(Bound::new("1e999").is_none() && Bound::new("x").is_none());
    }

    #[test]
    fn types_of_other_languages_are_recognised() {
        let meant = |text| Shape::parse(text).expect_err("no type").meant;
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(meant("string"), some("str"));
        assert_eq!(meant("Integer"), some("int"));
        assert_eq!(meant("boolean"), some("bool"));
        assert_eq!(meant("array"), some("list[str]"));
        assert_eq!(meant("dict"), some("map[str]"));
        assert_eq!(meant("Optional[str]"), some("str?"));
        assert_eq!(meant("List[integer]"), some("list[int]"));
        assert_eq!(meant("Dict[str, int]"), some("map[int]"));
        assert_eq!(meant("string[]"), some("list[str]"));
        assert_eq!(meant("str[]"), some("list[str]"));
        assert_eq!(meant("list[string]"), some("list[str]"));
        assert_eq!(meant("list[str?]"), some("list[str]"));
        assert_eq!(meant("map[list[integer]]"), some("map[list[int]]"));
        assert_eq!(meant("str | None"), some("str?"));
        assert_eq!(meant("null|number"), some("float?"));
        assert_eq!(meant("str | int"), some("any"));
        assert_eq!(meant("flaot"), some("float"));
        assert_eq!(meant("qqq"), None);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::int),
            "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,2})?"
                .prop_map(|digits| Value::Number(digits.into())),
            ".{0,6}".prop_map(Value::String),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                proptest::collection::btree_map("[a-c]{1,2}", inner, 0..4)
                    .prop_map(|map| Value::Map(map.into_iter().collect())),
            ]
        })
    }

    fn shape() -> impl Strategy<Value = String> {
        let leaf = proptest::sample::select(vec!["str", "int", "float", "bool", "any", "path"])
            .prop_map(str::to_owned);
        leaf.prop_recursive(2, 4, 1, |inner| {
            prop_oneof![
                inner.clone().prop_map(|one| format!("list[{one}]")),
                inner.prop_map(|one| format!("map[{one}]"))
            ]
        })
    }

    /// Whether a value has a type, said in another way than the check says it.
    fn has(value: &Value, shape: &Shape) -> bool {
        match (shape, value) {
            (Shape::Any, _) => true,
            (Shape::Str | Shape::Path | Shape::File | Shape::Dir, Value::String(_)) => true,
            (Shape::Bool, Value::Bool(_)) => true,
            (Shape::Int, Value::Number(digits)) => !digits.contains(['.', 'e', 'E']),
            (Shape::Float, Value::Number(digits)) => digits.parse::<f64>().is_ok_and(f64::is_finite),
            (Shape::List(item), Value::List(items)) => items.iter().all(|value| has(value, item)),
            (Shape::Map(each), Value::Map(map)) => map.iter().all(|(_, value)| has(value, each)),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn a_typed_value_arrives_unchanged_exactly_if_it_has_the_type(value in json(), text in shape()) {
            let shape = Shape::parse(&text).expect("a type");
            let told = told(Promise::new(shape.clone()), value.clone(), Typing::Typed);
            prop_assert_eq!(told == value::compact(&value), has(&value, &shape), "{} {}", told, text);
        }

        #[test]
        fn what_a_contract_accepts_from_a_shell_has_the_declared_type(value in json(), text in shape()) {
            let shape = Shape::parse(&text).expect("a type");
            let declared = Declared { name: "k".to_owned(), span: Span::default(), promise: Promise::new(shape.clone()) };
            let contract = Contract { keys: vec![declared], others: None };
            let given = Value::String(value::compact(&value));
            let kept = contract.check(vec![("k".to_owned(), given)], |_| Typing::Text, |_| false);
            prop_assert!(kept.faults.is_empty() != kept.values.is_empty());
            for (_, value) in &kept.values {
                prop_assert!(has(value, &shape), "{:?} {}", value, text);
            }
        }

        #[test]
        fn a_type_reads_back_as_it_is_shown(text in shape()) {
            prop_assert_eq!(Shape::parse(&text).expect("a type").to_string(), text);
        }
    }
}
