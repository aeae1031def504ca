//! The graph for Graphviz, for Mermaid, and as a picture of its own.
//! Names are data: each language has its way to quote them.

use super::{Drawing, Need, Node};
use crate::ottofile::spec::When;
use crate::view::filter::shown;
use std::collections::HashMap;
use std::fmt::Write;
use unicode_width::UnicodeWidthStr;

pub(super) fn dot(drawing: &Drawing) -> String {
    let quoted = |text: &str| format!("\"{}\"", plain(text).replace('\\', "\\\\").replace('"', "\\\""));
    let mut dot = String::from("digraph otto {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n");
    for node in &drawing.nodes {
        let shape = if node.is_group { ", style=\"rounded,dashed\"" } else { "" };
        let _ = writeln!(dot, "  {} [label={}{shape}];", quoted(&node.name), quoted(&label(node)));
    }
    for (node, need) in edges(drawing) {
        let style = match need.when {
            When::Success | When::Ran => "",
            When::Failure => ", style=dashed",
            When::Always => ", style=dotted",
        };
        let words = words(need);
        let attributes = if words.is_empty() && style.is_empty() {
            String::new()
        } else {
            format!(" [label={}{style}]", quoted(&words))
        };
        let _ = writeln!(
            dot,
            "  {} -> {}{attributes};",
            quoted(&drawing.nodes[need.node].name),
            quoted(&node.name)
        );
    }
    dot + "}\n"
}

pub(super) fn mermaid(drawing: &Drawing) -> String {
    // Mermaid reads character references of its own, `#quot;` for one.
    let quoted = |text: &str| {
        let mut result = String::from("\"");
        for character in plain(text).chars() {
            match character {
                '"' | '#' | '<' | '>' | '&' | '`' | ';' | '\\' => {
                    let _ = write!(result, "#{};", u32::from(character));
                }
                _ => result.push(character),
            }
        }
        result + "\""
    };
    let mut mermaid = String::from("flowchart LR\n");
    for (place, node) in drawing.nodes.iter().enumerate() {
        let (open, close) = if node.is_group { ("([", "])") } else { ("[", "]") };
        let _ = writeln!(mermaid, "  t{place}{open}{}{close}", quoted(&label(node)));
    }
    for (place, node) in drawing.nodes.iter().enumerate() {
        for need in &node.needs {
            let arrow = if need.when.is_success() { "-->" } else { "-.->" };
            let words = words(need);
            let words = if words.is_empty() { String::new() } else { format!("|{}|", quoted(&words)) };
            let _ = writeln!(mermaid, "  t{} {arrow}{words} t{place}", need.node);
        }
    }
    mermaid
}

const LINE: usize = 40;
const BOX: usize = 26;
const LETTER: usize = 8;
/// The width of a letter of the keys on an edge.
const KEY_LETTER: usize = 7;
/// From one line of such text to the next.
const KEY_LINE: usize = 13;
const GAP: usize = 60;
const MARGIN: usize = 12;

/// Columns from left to right: each task to the right of all that it needs. An edge over several columns has a row of its
/// own in those between, below the tasks there, so that it never runs through one.
pub(super) fn svg(drawing: &Drawing) -> String {
    let mut column = vec![0_usize; drawing.nodes.len()];
    for (place, node) in drawing.nodes.iter().enumerate() {
        column[place] = node.needs.iter().map(|need| column[need.node] + 1).max().unwrap_or(0);
    }
    let columns = column.iter().max().map_or(0, |last| last + 1);
    let width_of = |node: &Node| plain(&label(node)).width() * LETTER + 2 * MARGIN;
    let longest = edges(drawing).map(|(_, need)| written(need).width()).max().unwrap_or(0);
    let gap = GAP.max(longest * KEY_LETTER + 2 * MARGIN);
    let mut widths = vec![0; columns];
    let mut rows = vec![0_usize; columns];
    let mut row = vec![0; drawing.nodes.len()];
    for (place, node) in drawing.nodes.iter().enumerate() {
        let column = column[place];
        widths[column] = widths[column].max(width_of(node));
        row[place] = rows[column];
        rows[column] += 1;
    }
    // All edges of one task pass a column in one row.
    let mut passing: HashMap<(usize, usize), usize> = HashMap::new();
    for (place, node) in drawing.nodes.iter().enumerate() {
        for need in &node.needs {
            let between = rows.iter_mut().enumerate().take(column[place]).skip(column[need.node] + 1);
            for (between, taken) in between {
                passing.entry((need.node, between)).or_insert_with(|| {
                    *taken += 1;
                    *taken - 1
                });
            }
        }
    }
    let lefts: Vec<usize> = widths
        .iter()
        .scan(MARGIN, |left, width| {
            let this = *left;
            *left += width + gap;
            Some(this)
        })
        .collect();
    let height = rows.iter().max().copied().unwrap_or(0) * LINE + 2 * MARGIN;
    let width = lefts.last().map_or(0, |left| left + widths[columns - 1]) + MARGIN;
    let top = |row: usize| MARGIN + row * LINE;
    let middle = |row: usize| top(row) + BOX / 2;

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <style>\n\
         rect {{ fill: #f6f8fa; stroke: #57606a; }}\n\
         text {{ font: 13px monospace; fill: #1f2328; }}\n\
         path {{ fill: none; stroke: #57606a; }}\n\
         .keys {{ font-size: 11px; text-anchor: middle; }}\n\
         .paper {{ fill: #ffffff; stroke: none; }}\n\
         .group {{ stroke-dasharray: 4 3; }}\n\
         .failure {{ stroke: #cf222e; stroke-dasharray: 5 3; }}\n\
         .always {{ stroke-dasharray: 2 3; }}\n\
         </style>\n\
         <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n"
    );
    for (place, node) in drawing.nodes.iter().enumerate() {
        for (number, need) in node.needs.iter().enumerate() {
            let source = column[need.node];
            let right_of = |column: usize| lefts[column] + widths[column];
            let start = lefts[source] + width_of(&drawing.nodes[need.node]);
            let mut at = (right_of(source), middle(row[need.node]));
            let mut line = format!("M{start} {}", at.1);
            if at.0 > start {
                let _ = write!(line, "H{}", at.0);
            }
            let mut curve_to = |to: (usize, usize), until: usize| {
                let bend = gap / 2;
                let _ = write!(line, " C{} {} {} {} {} {}", at.0 + bend, at.1, to.0 - bend, to.1, to.0, to.1);
                if until > to.0 {
                    let _ = write!(line, "H{until}");
                }
                at = (until, to.1);
            };
            for between in source + 1..column[place] {
                let row = passing[&(need.node, between)];
                curve_to((lefts[between], middle(row)), right_of(between));
            }
            let first_row = match passing.get(&(need.node, source + 1)) {
                Some(row) if source + 1 < column[place] => middle(*row),
                _ => middle(row[place]),
            };
            let start_row = middle(row[need.node]);
            let left = lefts[column[place]];
            curve_to((left, middle(row[place])), left);
            let class = match need.when {
                When::Success => "success",
                When::Ran => "ran",
                When::Failure => "failure",
                When::Always => "always",
            };
            let words = [plain(&drawing.nodes[need.node].name), words(need), plain(&node.name)];
            let title = words.iter().filter(|word| !word.is_empty()).cloned().collect::<Vec<_>>().join(" → ");
            let _ = writeln!(
                svg,
                "<path class=\"{class}\" d=\"{line}\"><title>{}</title></path>",
                escaped(&title)
            );
            let text = written(need);
            if !text.is_empty() {
                // Above those of earlier edges between the same two.
                let is_parallel = |other: &&Need| other.node == need.node && !written(other).is_empty();
                let above = node.needs[..number].iter().filter(is_parallel).count() * KEY_LINE;
                let (x, y) =
                    (right_of(source) + gap / 2, ((start_row + first_row) / 2 - 4).saturating_sub(above));
                let _ = writeln!(svg, "<text class=\"keys\" x=\"{x}\" y=\"{y}\">{}</text>", escaped(&text));
            }
        }
    }
    for (place, node) in drawing.nodes.iter().enumerate() {
        let (left, top) = (lefts[column[place]], top(row[place]));
        let class = if node.is_group { " class=\"group\"" } else { "" };
        let _ = writeln!(
            svg,
            "<rect{class} x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{BOX}\" rx=\"6\"/>\
             <text x=\"{}\" y=\"{}\">{}</text>",
            width_of(node),
            left + MARGIN,
            top + BOX - 8,
            escaped(&plain(&label(node)))
        );
    }
    svg + "</svg>\n"
}

fn edges(drawing: &Drawing) -> impl Iterator<Item = (&Node, &Need)> {
    drawing.nodes.iter().flat_map(|node| node.needs.iter().map(move |need| (node, need)))
}

fn label(node: &Node) -> String {
    match node.remarks() {
        Some(remark) => format!("{} [{remark}]", node.name),
        None => node.name.clone(),
    }
}

/// What an edge says beside being there.
fn words(need: &Need) -> String {
    let when = match need.when {
        When::Success if need.is_stream => "stream",
        When::Success => "",
        When::Ran => "ran",
        When::Failure => "failure",
        When::Always => "always",
    };
    let item = need.item.as_deref().map(plain).unwrap_or_default();
    let words = [item, plain(&need.values()), when.to_owned(), keys(need)];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ")
}

/// What stands on an edge in a picture: the values of the task, and the keys that are read.
fn written(need: &Need) -> String {
    let words = [plain(&need.values()), keys(need)];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ")
}

/// The keys that are read over an edge.
fn keys(need: &Need) -> String {
    need.keys.iter().flatten().map(|key| plain(key)).collect::<Vec<_>>().join(", ")
}

/// Nothing that a terminal or another program would obey.
fn plain(text: &str) -> String {
    shown(text).into_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
