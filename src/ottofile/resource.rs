//! The map `resources`: of a task, of all tasks, or of a site.

use super::field::{Field, Owner, Reader, describe};
use super::yaml::{Node, NodeKind};
use crate::diagnostic::Code;
use crate::resources::{KEYS, Resources, takes_list};
use crate::source::Span;

/// Where `bundle` is said.
pub(super) fn bundle_key(node: &Node<'_>) -> Option<Span> {
    match &node.kind {
        NodeKind::Map(map) => map.get("bundle").filter(|(_, node)| !node.is_null()).map(|(key, _)| key.span),
        NodeKind::List(_) | NodeKind::Written(..) | NodeKind::Made(..) => None,
    }
}

/// Reads the map `field`; what is wrong with it is told, and left out.
pub(super) fn read(reader: &mut Reader<'_>, field: Field<'_>, node: &Node<'_>) -> Resources {
    let mut resources = Resources::default();
    let Some(map) = reader.map(field, node, "write `resources: {cpus: 4, memory: 8G}`") else {
        return resources;
    };
    let owner = match field.owner {
        Owner::Task(task) => Owner::Resources(Some(task)),
        Owner::SiteSlurm => Owner::SiteResources,
        _ => Owner::Resources(None),
    };
    for (key, node) in map.iter() {
        let field = Field { key: key.text, owner };
        if !KEYS.contains(&key.text) {
            reader.unknown_key(key, owner, KEYS, None);
            continue;
        }
        if node.is_null() {
            continue;
        }
        let nodes = match &node.kind {
            NodeKind::List(items) if takes_list(key.text) && !items.is_empty() => items,
            NodeKind::List(_) | NodeKind::Written(..) | NodeKind::Made(..) | NodeKind::Map(_) => {
                std::slice::from_ref(node)
            }
        };
        let values: Vec<&str> = nodes.iter().filter_map(Node::scalar).collect();
        if values.len() < nodes.len() {
            let expected = if takes_list(key.text) { "a value or a list of values" } else { "one value" };
            let found = nodes.iter().find(|node| node.scalar().is_none()).map_or("a list", describe);
            let message = format!("{field} must be {expected}, not {found}");
            let wrong = reader.error(Code::WrongType, message, node.span, format!("this is {found}"));
            reader.tell(wrong);
            continue;
        }
        if let Err(bad) = resources.set(key.text, &values) {
            reader.bad_value(field, nodes[bad.place].span, bad.expected, "not such a value");
        }
    }
    resources
}
