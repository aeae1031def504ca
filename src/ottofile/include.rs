//! The key `include`: which other ottofiles belong to this one, as written.

use super::field::{Entries, Field, Owner, Reader};
use super::spec::Include;
use super::yaml::{Node, NodeKind};
use crate::diagnostic::Code;
use crate::name::TaskName;
use crate::ottofile::glob;
use crate::source::Spanned;

pub(super) const KEYS: &[&str] = &["as", "envs", "optional", "path"];

const PATHS: Entries = Entries {
    all: "a list of folders and ottofiles",
    each: "a folder, an ottofile, a pattern of these or `{path, as, optional, envs}`",
};

pub(super) fn read(reader: &mut Reader<'_>, field: Field<'_>, node: &Node<'_>) -> Vec<Include> {
    let Some(items) = reader.list(field, node, PATHS) else { return Vec::new() };
    items.iter().filter_map(|item| entry(reader, field, item)).collect()
}

fn entry(reader: &mut Reader<'_>, field: Field<'_>, node: &Node<'_>) -> Option<Include> {
    let map = match &node.kind {
        NodeKind::Map(map) => map,
        NodeKind::Written(..) | NodeKind::Made(..) if !node.is_nothing() => {
            let path = path(reader, field, node)?;
            return Some(Include { path, alias: None, is_optional: false, envs: Vec::new() });
        }
        NodeKind::Written(..) | NodeKind::Made(..) | NodeKind::List(_) => {
            reader.bad_entry(field, node, PATHS);
            return None;
        }
    };
    let (mut written, mut alias, mut is_optional, mut envs) = (None, None, false, Vec::new());
    let owner = Owner::Include;
    for (key, node) in map.iter() {
        let field = Field { key: key.text, owner };
        match key.text {
            "path" => written = path(reader, field, node),
            "as" => alias = reader.filled_text(field, node).filter(|name| is_namespace(reader, name)),
            "optional" => is_optional = reader.truth(field, node).unwrap_or(false),
            "envs" => envs = reader.envs(field, node),
            _ => reader.unknown_key(key, owner, KEYS, super::foreign::meant(owner, key.text)),
        }
    }
    if map.get("path").is_none() {
        let message = format!("an entry of {field} has no path");
        let wrong = reader.error(Code::MissingKey, message, node.span, "`path` is missing");
        reader.tell(wrong.help("write `{path: FOLDER}`"));
    }
    let path = written?;
    if let Some(alias) = alias.as_ref().filter(|_| glob::is_pattern(&path.value)) {
        let message = format!(
            "`{}` may match several ottofiles, but only one can be called `{}`",
            path.value, alias.value
        );
        let wrong = reader
            .error(Code::Contradiction, message, alias.span, "one name")
            .at(reader.source, path.span, "a pattern")
            .help("remove `as`, or list the folders one by one");
        reader.tell(wrong);
    }
    Some(Include { path, alias, is_optional, envs })
}

fn path(reader: &mut Reader<'_>, field: Field<'_>, node: &Node<'_>) -> Option<Spanned<String>> {
    let path = reader.filled_text(field, node)?;
    if path.value.contains("://") {
        let message = format!("`{}` is not on this machine", path.value);
        let wrong = reader
            .error(Code::BadValue, message, path.span, "a remote file")
            .note("otto reads no ottofiles over the network: an ottofile is code, and code must not change unseen")
            .help("keep a copy in this repository, or a submodule, and include its path");
        reader.tell(wrong);
        return None;
    }
    if let Some(why) = glob::mistake(&path.value) {
        let wrong = reader.error(Code::BadGlob, format!("invalid file pattern in {field}"), path.span, why);
        reader.tell(wrong);
        return None;
    }
    Some(path)
}

/// Whether this can be the name of a namespace; tells why not.
fn is_namespace(reader: &mut Reader<'_>, name: &Spanned<String>) -> bool {
    let why = match TaskName::new(&name.value) {
        Err(why) => why.to_string(),
        Ok(_) if name.value.contains('*') => {
            "contains `*`, which stands for other names in `needs`".to_owned()
        }
        Ok(_) if name.value.split('/').any(str::is_empty) => "has an empty part".to_owned(),
        Ok(_) => return true,
    };
    let message = format!("the namespace `{}` {why}", name.value);
    let wrong = reader.error(Code::BadName, message, name.span, "choose another name");
    reader.tell(wrong);
    false
}
