//! The key `outputs` of a task: the types of its values. What a type accepts is `crate::contract`'s.

use super::field::{Field, Owner, Reader, TEXTS, shortened};
use super::yaml::{Key, Mapping, Node, NodeKind};
use crate::contract::{Bound, Contract, Declared, Pattern, Promise, Shape, ShapeError, Typing};
use crate::diagnostic::Code;
use crate::source::Span;
use crate::value::Value;

pub(super) const KEYS: &[&str] =
    &["choices", "default", "help", "keys", "max", "min", "pattern", "secret", "type"];

/// The types as they are listed in messages.
const TYPES: &str = "types are `str`, `int`, `float`, `bool`, `path`, `file`, `dir`, `list[T]`, `map[T]`, `object` and `any`; a `?` after the type makes the key optional";

const HELP: &str = "write `outputs:`, then a line `  KEY: TYPE` for each value";

pub(super) fn read(reader: &mut Reader<'_>, field: Field<'_>, node: &Node<'_>) -> Option<Contract> {
    let Owner::Task(task) = field.owner else { unreachable!("bug: outputs outside a task") };
    if matches!(node.kind, NodeKind::List(_)) {
        let help = "files are `output`, values are `outputs`: a map of `KEY: TYPE`";
        reader.wrong_type(field, node, "a map of keys to types", help);
        return None;
    }
    let map = reader.map(field, node, HELP)?;
    Some(reader.contract(map, task, "", false))
}

/// The keys of a long form, with their places, for messages about two of them.
#[derive(Default)]
struct Long<'n, 'a> {
    default: Option<&'n Node<'a>>,
    choices: Option<&'n Node<'a>>,
    pattern: Option<(Span, String)>,
    min: Option<(Span, Bound)>,
    max: Option<(Span, Bound)>,
    keys: Option<(Key<'n>, &'n Node<'a>)>,
}

impl Reader<'_> {
    /// `prefix` is the path of the object whose keys these are; in one, a name may end in `?`.
    fn contract(&mut self, map: &Mapping<'_>, task: &str, prefix: &str, is_inside: bool) -> Contract {
        let mut contract = Contract { keys: Vec::new(), others: None };
        for (key, node) in map.iter() {
            let (name, is_optional) = match key.text.strip_suffix('?') {
                Some(name) if is_inside => (name, true),
                _ => (key.text, false),
            };
            let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
            let owner = Owner::Output { key: &path, task };
            if name.is_empty() {
                let wrong = self.error(
                    Code::BadName,
                    format!("an output of task `{task}` has an empty name"),
                    key.span,
                    "the name is empty",
                );
                self.tell(wrong);
                continue;
            }
            let Some(mut promise) = self.promise(owner, key, node) else { continue };
            promise.is_optional |= is_optional;
            match name {
                "*" => contract.others = Some(Box::new(promise)),
                _ => contract.keys.push(Declared { name: name.to_owned(), span: key.span, promise }),
            }
        }
        contract
    }

    /// A type, or the long form with its key `type`.
    fn promise(&mut self, owner: Owner<'_>, key: Key<'_>, node: &Node<'_>) -> Option<Promise> {
        let NodeKind::Map(map) = &node.kind else {
            let field = Field { key: "type", owner };
            return self.shape(field, key.span, node);
        };
        let mut promise = None;
        let mut long = Long::default();
        let mut help = None;
        let mut secret = None;
        let mut is_sound = true;
        for (key, node) in map.iter() {
            let field = Field { key: key.text, owner };
            if node.is_null() && KEYS.contains(&key.text) {
                continue;
            }
            match key.text {
                "type" => {
                    promise = self.shape(field, key.span, node);
                    is_sound &= promise.is_some();
                }
                "help" => help = self.text(field, node).map(|text| text.value),
                "default" => long.default = Some(node),
                "choices" => long.choices = Some(node),
                "pattern" => long.pattern = self.text(field, node).map(|text| (node.span, text.value)),
                "min" => long.min = self.bound(field, node),
                "max" => long.max = self.bound(field, node),
                "secret" => secret = self.truth(field, node).and_then(|is| is.then_some(key.span)),
                "keys" => long.keys = Some((key, node)),
                _ => self.unknown_key(key, owner, KEYS, None),
            }
        }
        let mut promise = match promise {
            Some(promise) => promise,
            None if long.keys.is_some() && is_sound => {
                Promise::new(Shape::parse("object").expect("bug: a type of ours"))
            }
            None => {
                if is_sound {
                    let wrong = self
                        .error(
                            Code::MissingKey,
                            format!("{owner} has no type"),
                            node.span,
                            "`type` is missing",
                        )
                        .help("write `{type: str, …}`");
                    self.tell(wrong);
                }
                return None;
            }
        };
        promise.help = help;
        promise.is_secret = secret.is_some();
        if let (Some(span), Shape::Bool) = (secret, &promise.shape) {
            let field = Field { key: "secret", owner };
            self.does_not_fit(field, span, &promise.shape, "values that nobody can guess");
        }
        self.long(owner, &mut promise, long);
        Some(promise)
    }

    fn shape(&mut self, field: Field<'_>, key: Span, node: &Node<'_>) -> Option<Promise> {
        let text = match node.scalar() {
            Some(text) if !text.trim().is_empty() => text.trim(),
            _ => {
                let span = if node.is_nothing() { key } else { node.span };
                let message = format!("{} has no type", field.owner);
                let wrong = self.error(Code::WrongType, message, span, "a type is missing here").note(TYPES);
                self.tell(wrong);
                return None;
            }
        };
        let (shape, is_optional) = match text.strip_suffix('?') {
            Some(shape) => (shape, true),
            None => (text, false),
        };
        match Shape::parse(shape) {
            Ok(shape) => Some(Promise { is_optional, ..Promise::new(shape) }),
            Err(ShapeError { meant }) => {
                let message = format!("`{}` is not a type", shortened(text));
                let wrong =
                    self.error(Code::BadValue, message, node.span, format!("the type of {}", field.owner));
                let wrong = match &meant {
                    Some(meant) if is_optional => wrong.did_you_mean(&[&format!("{meant}?")]),
                    Some(meant) => wrong.did_you_mean(&[meant]),
                    None => wrong,
                };
                self.tell(wrong.note(TYPES));
                None
            }
        }
    }

    fn bound(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<(Span, Bound)> {
        match node.scalar().and_then(Bound::new) {
            Some(bound) => Some((node.span, bound)),
            None => {
                self.bad_value(field, node.span, "a number", "not a number");
                None
            }
        }
    }

    /// What the long form says beside the type, as far as it fits the type.
    fn long(&mut self, owner: Owner<'_>, promise: &mut Promise, long: Long<'_, '_>) {
        let is_text = matches!(promise.shape, Shape::Str | Shape::Path | Shape::File | Shape::Dir);
        let is_number = matches!(promise.shape, Shape::Int | Shape::Float);
        let has_length = matches!(promise.shape, Shape::Str | Shape::List(_) | Shape::Map(_));
        if let Some((key, node)) = long.keys {
            let field = Field { key: "keys", owner };
            let Owner::Output { key: path, task } = owner else { unreachable!("bug: keys of no output") };
            match &mut promise.shape {
                Shape::Object(contract) => {
                    if let Some(map) = self.map(field, node, "write `keys: {NAME: TYPE}`") {
                        **contract = self.contract(map, task, path, true);
                    }
                }
                _ => self.does_not_fit(field, key.span, &promise.shape, "`object`"),
            }
        }
        if let Some((span, text)) = long.pattern {
            let field = Field { key: "pattern", owner };
            match Pattern::new(&text) {
                _ if !is_text => {
                    self.does_not_fit(field, span, &promise.shape, "`str`, `path`, `file` and `dir`")
                }
                Ok(pattern) => promise.pattern = Some(pattern),
                Err(why) => {
                    let message = format!("{field} is not a regular expression");
                    let wrong = self.error(Code::BadValue, message, span, why);
                    self.tell(wrong);
                }
            }
        }
        let lowest_and_highest = (long.min.clone(), long.max.clone());
        for (name, bound, place) in [("min", long.min, &mut promise.min), ("max", long.max, &mut promise.max)]
        {
            let Some((span, bound)) = bound else { continue };
            if is_number || has_length {
                *place = Some(bound);
            } else {
                let field = Field { key: name, owner };
                self.does_not_fit(
                    field,
                    span,
                    &promise.shape,
                    "numbers, and the length of `str`, `list` and `map`",
                );
            }
        }
        if let (Some((least, Bound(min))), Some((most, Bound(max)))) = lowest_and_highest
            && min.parse::<f64>().ok() > max.parse::<f64>().ok()
        {
            let wrong = self
                .error(
                    Code::Contradiction,
                    format!("no value of {owner} would be valid"),
                    least,
                    "the minimum",
                )
                .at(self.source, most, "the maximum, which is smaller");
            self.tell(wrong);
        }
        if let Some(node) = long.choices {
            let field = Field { key: "choices", owner };
            if is_text || is_number {
                self.choices_of_output(field, promise, node);
            } else {
                self.does_not_fit(field, node.span, &promise.shape, "strings and numbers");
            }
        }
        if let Some(node) = long.default {
            let field = Field { key: "default", owner };
            promise.default = self.fitting(field, promise, node);
        }
    }

    fn choices_of_output(&mut self, field: Field<'_>, promise: &mut Promise, node: &Node<'_>) {
        let Some(items) = self.list(field, node, TEXTS) else { return };
        if items.is_empty() {
            self.bad_value(field, node.span, "a list with at least one value", "the list is empty");
        }
        let plain = Promise::new(promise.shape.clone());
        let choices: Vec<Option<Value>> =
            items.iter().map(|item| self.fitting(field, &plain, item)).collect();
        promise.choices = choices.into_iter().flatten().collect();
    }

    /// The value of a node as the type has it, or a message that says why it has none.
    fn fitting(&mut self, field: Field<'_>, promise: &Promise, node: &Node<'_>) -> Option<Value> {
        let declared = Declared { name: field.key.to_owned(), span: node.span, promise: promise.clone() };
        let contract = Contract { keys: vec![declared], others: None };
        let given = vec![(field.key.to_owned(), as_text(node))];
        let kept = contract.check(given, |_| Typing::Text, |_| false);
        for fault in &kept.faults {
            let message = match field.key {
                "choices" => format!("a value in {field} does not match its type"),
                _ => format!("{field} does not match its type"),
            };
            // The path of the fault starts with the key itself.
            let what = match fault.path.strip_prefix(field.key).unwrap_or(&fault.path).trim_start_matches('.')
            {
                "" => "this",
                inner => inner,
            };
            let wrong = self.error(Code::BadValue, message, node.span, format!("{what} {}", fault.what));
            let wrong = match &fault.help {
                Some(help) => wrong.help(help.clone()),
                None => wrong,
            };
            self.tell(wrong);
        }
        kept.values.into_iter().next().map(|(_, value)| value)
    }

    fn does_not_fit(&mut self, field: Field<'_>, span: Span, shape: &Shape, fitting: &str) {
        let message = format!("{field} cannot be used with type `{shape}`");
        let wrong = self.error(Code::Contradiction, message, span, format!("only for {fitting}"));
        self.tell(wrong);
    }
}

/// A node as a shell would pass it: scalars as they are spelled.
fn as_text(node: &Node<'_>) -> Value {
    match &node.kind {
        NodeKind::List(items) => Value::List(items.iter().map(as_text).collect()),
        NodeKind::Map(map) => {
            Value::Map(map.iter().map(|(key, node)| (key.text.to_owned(), as_text(node))).collect())
        }
        NodeKind::Written(..) | NodeKind::Made(..) => Value::from(node.scalar().unwrap_or_default()),
    }
}
