//! The graph as indented text: what is asked for at the left, what it needs below it.
//! A task that appears twice is drawn once; the second time it is only named.

use super::{Drawing, Need};
use crate::ottofile::spec::When;
use crate::view::filter::shown;

/// Below this many levels a branch goes on at the left, so that a long chain stays readable and small.
const DEEPEST: usize = 24;

/// A line that is still to be written.
struct PendingLine<'a> {
    node: usize,
    need: Option<&'a Need>,
    /// The rules of the levels above, then the one that leads here.
    before: String,
    below: String,
    depth: usize,
}

pub(super) fn tree(drawing: &Drawing) -> String {
    let mut is_needed = vec![false; drawing.nodes.len()];
    drawing.nodes.iter().flat_map(|node| &node.needs).for_each(|need| is_needed[need.node] = true);
    // Nodes stand after what they need, so that the last ones are what everything else is for.
    let roots = (0..drawing.nodes.len()).rev().filter(|node| !is_needed[*node]);
    let root = |node| PendingLine { node, need: None, before: String::new(), below: String::new(), depth: 0 };
    // The last one of the stack comes first.
    let mut open: Vec<PendingLine> = roots.map(root).collect();

    let mut continued = std::collections::VecDeque::new();
    let mut is_drawn = vec![false; drawing.nodes.len()];
    let mut text = String::new();
    loop {
        let Some(line) = open.pop().or_else(|| continued.pop_front().map(root)) else { return text };
        if line.need.is_none() && is_drawn[line.node] {
            continue;
        }
        let node = &drawing.nodes[line.node];
        let is_repeated = is_drawn[line.node] && !node.needs.is_empty();
        let is_cut = !is_repeated && line.depth >= DEEPEST && !node.needs.is_empty();
        text.push_str(&line.before);
        text.push_str(&shown(&node.name));
        if let Some(remark) = node.remarks() {
            text.push_str(&format!(" [{}]", shown(&remark)));
        }
        text.push_str(&line.need.map_or(String::new(), said));
        text.push_str(if is_repeated {
            " (above)"
        } else if is_cut {
            " (below)"
        } else {
            ""
        });
        text.push('\n');
        if is_repeated {
            continue;
        }
        if is_cut {
            continued.push_back(line.node);
            continue;
        }
        is_drawn[line.node] = true;
        for (place, need) in node.needs.iter().enumerate().rev() {
            let is_last = place + 1 == node.needs.len();
            let (corner, rule) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            open.push(PendingLine {
                node: need.node,
                need: Some(need),
                before: format!("{}{corner}", line.below),
                below: format!("{}{rule}", line.below),
                depth: line.depth + 1,
            });
        }
    }
}

/// What is special about an edge, in words.
fn said(need: &Need) -> String {
    let item = need.item.as_ref().map_or(String::new(), |item| format!(" only {}", shown(item)));
    let with = match need.with.is_empty() {
        true => String::new(),
        false => format!(" with {}", shown(&need.values())),
    };
    let when = match need.when {
        When::Success if need.is_stream => " (its stream)",
        When::Success => "",
        When::Ran => " (if it ran)",
        When::Failure => " (if it fails)",
        When::Always => " (either way)",
    };
    let keys = need.keys.as_ref().filter(|keys| !keys.is_empty());
    let keys = keys.map_or(String::new(), |keys| format!(": {}", shown(&keys.join(", "))));
    item + &with + when + &keys
}
