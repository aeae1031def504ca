//! The entries of `needs`, `after`, `on-failure` and `steps`: which tasks they name, in which order, with which values.
//! Knows one task; whether the others exist is for `check`.

use super::field::{Entries, Field, Owner, Reader, STEPS, TASK_NAMES, describe};
use super::foreign;
use super::spec::{Body, BodyKey, Edge, OrderedList, Turn, When, With, WithValue};
use super::yaml::{Mapping, Node, NodeKind};
use crate::diagnostic::Code;
use crate::source::Spanned;

const NEED_KEYS: &[&str] = &["as", "in-order", "task", "when", "with"];
const AFTER_KEYS: &[&str] = &["task", "when"];
const IN_ORDER_KEYS: &[&str] = &["as", "task", "with"];
const STEP_KEYS: &[&str] = &["action", "as", "bash", "python", "python3", "task", "with"];

/// An entry of `steps` before all tasks are known.
#[derive(Debug)]
pub(super) enum WrittenStep {
    Task(Edge),
    Script(Body),
    /// The name of a task if there is one, or else a script.
    Text(Body),
}

pub(super) fn needs(reader: &mut Reader<'_>, field: Field<'_>, node: &Node<'_>) -> Vec<Edge> {
    let Some(items) = reader.list(field, node, TASK_NAMES) else { return Vec::new() };
    let mut edges = Vec::with_capacity(items.len());
    let mut lists = 0;
    for item in items {
        match &item.kind {
            NodeKind::Map(map) if map.get("in-order").is_some() => {
                edges.extend(in_order(reader, field, map, lists));
                lists += 1;
            }
            _ => edges.extend(edge(reader, field, item, NEED_KEYS, TASK_NAMES)),
        }
    }
    edges
}

pub(super) fn after(reader: &mut Reader<'_>, field: Field<'_>, node: &Node<'_>) -> Vec<Edge> {
    let items = reader.list(field, node, TASK_NAMES).unwrap_or_default();
    items.iter().filter_map(|item| edge(reader, field, item, AFTER_KEYS, TASK_NAMES)).collect()
}

pub(super) fn on_failure(reader: &mut Reader<'_>, field: Field<'_>, node: &Node<'_>) -> Vec<Edge> {
    let names = reader.texts(field, node, TASK_NAMES);
    let edge = |task| Edge { is_on_failure: true, ..Edge::new(task, When::Failure) };
    names.into_iter().map(edge).collect()
}

pub(super) fn steps(reader: &mut Reader<'_>, field: Field<'_>, node: &Node<'_>) -> Vec<WrittenStep> {
    let items = reader.list(field, node, STEPS).unwrap_or_default();
    let steps = items.iter().filter_map(|item| step(reader, field, item)).collect::<Vec<_>>();
    if items.is_empty() && matches!(&node.kind, NodeKind::List(_)) {
        reader.bad_value(field, node.span, "a list of at least one step", "this is empty");
    }
    steps
}

/// `{in-order: […]}`.
fn in_order(reader: &mut Reader<'_>, field: Field<'_>, map: &Mapping<'_>, list: usize) -> Vec<Edge> {
    let owner = owner_of_entries(field);
    let mut edges = Vec::new();
    for (key, node) in map.iter() {
        let inner = Field { key: key.text, owner };
        if key.text != "in-order" {
            reader.unknown_key(key, owner, &["in-order"], None);
            continue;
        }
        let items = reader.list(inner, node, TASK_NAMES).unwrap_or_default();
        for (place, item) in (1..).zip(items) {
            let turn = Some(Turn { list: OrderedList::InOrder(list), place });
            let edge = edge(reader, inner, item, IN_ORDER_KEYS, TASK_NAMES);
            edges.extend(edge.map(|edge| Edge { turn, ..edge }));
        }
    }
    edges
}

fn step(reader: &mut Reader<'_>, field: Field<'_>, node: &Node<'_>) -> Option<WrittenStep> {
    let map = match &node.kind {
        NodeKind::Map(map) => map,
        NodeKind::Written(..) | NodeKind::Made(..)
            if node.scalar().is_some_and(|text| !text.trim().is_empty()) =>
        {
            return reader.script(BodyKey::Bash, field, node.span, node).map(WrittenStep::Text);
        }
        NodeKind::Written(..) | NodeKind::Made(..) | NodeKind::List(_) => {
            reader.bad_entry(field, node, STEPS);
            return None;
        }
    };
    const SCRIPTS: &[(&str, BodyKey)] = &[
        ("bash", BodyKey::Bash),
        ("python", BodyKey::Python),
        ("python3", BodyKey::Python),
        ("action", BodyKey::Action),
    ];
    let script = SCRIPTS.iter().find_map(|(name, body)| Some((*body, map.get(name)?)));
    let Some((body, (script, text))) = script else {
        return edge(reader, field, node, STEP_KEYS, STEPS).map(WrittenStep::Task);
    };
    let owner = owner_of_step(field);
    for (key, _) in map.iter().filter(|(key, _)| key.span != script.span) {
        if STEP_KEYS.contains(&key.text) {
            let message = format!("{owner} has both `{}` and `{}`", script.text, key.text);
            let wrong = reader
                .error(Code::Contradiction, message, key.span, "the second one")
                .at(reader.source, script.span, "the first one")
                .help("a step is either a task or a script");
            reader.tell(wrong);
        } else {
            reader.unknown_key(key, owner, STEP_KEYS, foreign::meant(owner, key.text));
        }
    }
    let field = Field { key: script.text, owner };
    if text.scalar().is_some_and(|text| text.trim().is_empty()) {
        reader.bad_value(field, text.span, "a script", "this is empty");
        return None;
    }
    reader.script(body, field, script.span, text).map(WrittenStep::Script)
}

fn task_of(field: Field<'_>) -> &str {
    match field.owner {
        Owner::Task(task) | Owner::Edge(task) | Owner::Step(task) => task,
        _ => unreachable!("bug: edges outside a task"),
    }
}

fn owner_of_entries(field: Field<'_>) -> Owner<'_> {
    Owner::Edge(task_of(field))
}

fn owner_of_step(field: Field<'_>) -> Owner<'_> {
    Owner::Step(task_of(field))
}

/// A task's name, or a map with one.
fn edge(
    reader: &mut Reader<'_>,
    field: Field<'_>,
    node: &Node<'_>,
    keys: &[&str],
    what: Entries,
) -> Option<Edge> {
    let map = match &node.kind {
        NodeKind::Written(..) | NodeKind::Made(..) => {
            return name(reader, field, node, what).map(|task| Edge::new(task, When::Success));
        }
        NodeKind::Map(map) => map,
        NodeKind::List(_) => {
            reader.bad_entry(field, node, what);
            return None;
        }
    };
    let owner = if field.key == "steps" { owner_of_step(field) } else { owner_of_entries(field) };
    let mut task = None;
    let mut when = When::Success;
    let mut has_task_key = false;
    let (mut values, mut alias) = (None, None);
    for (key, node) in map.iter() {
        let inner = Field { key: key.text, owner };
        match key.text {
            "task" => {
                has_task_key = true;
                task = name(reader, inner, node, TASK_NAMES);
            }
            "when" if keys.contains(&"when") => match node.scalar() {
                Some("success") => when = When::Success,
                Some("failure") => when = When::Failure,
                Some("always") => when = When::Always,
                Some("ran") => when = When::Ran,
                Some(_) | None => {
                    let expected = "`success`, `ran`, `failure` or `always`";
                    reader.bad_value(inner, node.span, expected, "not one of them");
                }
            },
            "with" if keys.contains(&"with") => {
                values = Some(with(reader, inner, node)).filter(|values| !values.is_empty());
            }
            "as" if keys.contains(&"as") => alias = alias_name(reader, inner, node),
            "with" | "as" => {
                let help = format!("`{}` works only in `needs` and `steps`", key.text);
                reader.unknown_key(key, owner, keys, Some(help));
            }
            "when" => {
                let help = "tasks in a list that runs in order wait for success".to_owned();
                reader.unknown_key(key, owner, keys, Some(help));
            }
            _ => reader.unknown_key(key, owner, keys, foreign::meant(owner, key.text)),
        }
    }
    if !has_task_key {
        let (missing, help) = match field.key {
            "steps" => ("task and no script", "write `{task: NAME}` or `{bash: SCRIPT}`"),
            "in-order" => ("task name", "write `{task: NAME}`"),
            _ => ("task name", "write `{task: NAME, when: success}`"),
        };
        let message = format!("an entry of {field} has no {missing}");
        let wrong = reader.error(Code::MissingKey, message, node.span, "`task` is missing").help(help);
        reader.tell(wrong);
    }
    let with = (values.is_some() || alias.is_some())
        .then(|| Box::new(With { values: values.unwrap_or_default(), alias }));
    task.map(|task| Edge { with, ..Edge::new(task, when) })
}

fn name(
    reader: &mut Reader<'_>,
    field: Field<'_>,
    node: &Node<'_>,
    what: Entries,
) -> Option<Spanned<String>> {
    match node.scalar() {
        Some(text) if !text.is_empty() => Some(Spanned::new(text.to_owned(), node.span)),
        Some(_) | None => {
            reader.bad_entry(field, node, what);
            None
        }
    }
}

/// The name by which a task reads the data of another one.
fn alias_name(reader: &mut Reader<'_>, field: Field<'_>, node: &Node<'_>) -> Option<Spanned<String>> {
    let alias = reader.filled_text(field, node)?;
    let is_plain =
        alias.value.chars().all(|character| character.is_alphanumeric() || "_-".contains(character));
    if !is_plain {
        let expected = "a name of letters, digits, `-` and `_`";
        reader.bad_value(field, node.span, expected, "contains another character");
        return None;
    }
    Some(alias)
}

/// `with`: parameters and their values.
fn with(reader: &mut Reader<'_>, field: Field<'_>, node: &Node<'_>) -> Vec<WithValue> {
    let Some(map) = reader.map(field, node, "write `with: {PARAMETER: VALUE}`") else { return Vec::new() };
    let mut values: Vec<WithValue> = Vec::with_capacity(map.len());
    for (key, node) in map.iter() {
        let param = Spanned::new(key.text.trim_start_matches('-').replace('-', "_"), key.span);
        let word = |node: &Node<'_>| {
            let text = node.scalar().filter(|_| !node.is_null())?;
            Some(Spanned::new(text.to_owned(), node.span))
        };
        let (words, is_list) = match &node.kind {
            NodeKind::List(items) => (items.iter().map(word).collect::<Option<Vec<_>>>(), true),
            NodeKind::Written(..) | NodeKind::Made(..) | NodeKind::Map(_) => {
                (word(node).map(|word| vec![word]), false)
            }
        };
        let Some(words) = words else {
            let found = describe(node);
            let message = format!("the value of `{}` in {field} must be a string or a list", key.text);
            let wrong = reader.error(Code::WrongType, message, node.span, format!("this is {found}"));
            reader.tell(wrong);
            continue;
        };
        if let Some(earlier) = values.iter().find(|value| value.param.value == param.value) {
            let message = format!("{field} sets `{}` twice", param.value);
            let wrong = reader
                .error(Code::DuplicateKey, message, key.span, "written again here")
                .at(reader.source, earlier.param.span, "first written here")
                .help("keep one of them");
            reader.tell(wrong);
            continue;
        }
        values.push(WithValue { param, words, is_list, span: node.span });
    }
    values
}
