//! `Graph`: the tasks and what they need, as text or as a picture. Runs nothing, not even a command that lists
//! items.

mod picture;
mod text;
#[cfg(test)]
mod tests;

use super::Context;
use super::check::traffic_of_all;
use crate::diagnostic::{Code, Diagnostic};
use crate::flow::{Reading, TaskFlow};
use crate::host;
use crate::load::Loaded;
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{Foreach, ForeachSource, When, WithValue};
use crate::plan::Flow;
use crate::plan::select::{TaskNeed, select};
use crate::request::of_names;
use crate::source::{SourceFile, Sources, Span};
use std::path::Path;

pub(super) fn command() -> clap::Command {
    let format = clap::Arg::new("format")
        .long("format")
        .value_name("FORMAT")
        .value_parser(clap::builder::PossibleValuesParser::new(FORMATS.map(|(name, _)| name)))
        .help("text, dot, mermaid or svg (default: text, or chosen by the file's extension)");
    let output = clap::Arg::new("output")
        .long("output")
        .value_name("FILE")
        .value_parser(clap::value_parser!(std::path::PathBuf))
        .help("write to this file instead of stdout");
    let tasks = clap::Arg::new("tasks")
        .value_name("TASK")
        .num_args(0..)
        .help("show only these tasks, or those of these namespaces, their dependencies and the tasks that run after them");
    let data = clap::Arg::new("data")
        .long("data")
        .action(clap::ArgAction::SetTrue)
        .help("write on each dependency the keys that are read from it");
    clap::Command::new("Graph").args([format, output, data, tasks])
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    Text,
    Dot,
    Mermaid,
    Svg,
}

const FORMATS: [(&str, Format); 4] =
    [("text", Format::Text), ("dot", Format::Dot), ("mermaid", Format::Mermaid), ("svg", Format::Svg)];

pub(super) fn run(context: &mut Context, matches: &clap::ArgMatches) -> i32 {
    let output = matches.get_one::<std::path::PathBuf>("output").map(|file| context.cwd.join(file));
    let named =
        matches.get_one::<String>("format").and_then(|name| FORMATS.iter().find(|(known, _)| known == name));
    let format = named
        .map(|(_, format)| *format)
        .or_else(|| output.as_deref().and_then(format_of))
        .unwrap_or(Format::Text);
    let names: Vec<String> = matches.get_many("tasks").into_iter().flatten().cloned().collect();
    let drawing = match drawing(context, &names, matches.get_flag("data")) {
        Ok(drawing) => drawing,
        Err(diagnostics) => return context.refuse(&diagnostics),
    };
    let drawn = match format {
        _ if context.is_json => drawing.json(),
        Format::Text => text::tree(&drawing),
        Format::Dot => picture::dot(&drawing),
        Format::Mermaid => picture::mermaid(&drawing),
        Format::Svg => picture::svg(&drawing),
    };
    let Some(output) = output else {
        context.print(&drawn);
        return 0;
    };
    match std::fs::write(&output, drawn) {
        Ok(()) => 0,
        Err(error) => {
            let message = format!("cannot write `{}`: {}", output.display(), host::plain(&error));
            context.fail(Code::FileTrouble, message, 2)
        }
    }
}

fn drawing(context: &mut Context, names: &[String], has_data: bool) -> Result<Drawing, Vec<Diagnostic>> {
    let (Loaded { found, ottofile, .. }, names) = linked(context, names)?;
    let mut drawing = Drawing::of(&ottofile, &names)?;
    if has_data {
        drawing.add_data(&ottofile, &traffic_of_all(context, &found, &ottofile)?);
    }
    Ok(drawing)
}

/// The ottofile with all that these tasks lead to, and these with the tasks of a namespace in place of its name; all files
/// for no names.
fn linked(context: &mut Context, names: &[String]) -> Result<(Loaded, Vec<String>), Vec<Diagnostic>> {
    let mut loaded = context.load()?;
    let wrong = match names.is_empty() {
        true => loaded.read_all(),
        false => Vec::new(),
    };
    let (links, meant) = loop {
        let mut tasks: Vec<usize> = Vec::new();
        let mut meant: Vec<String> = Vec::new();
        for name in names {
            let found = loaded.find(name)?;
            let level = loaded.ottofile.whole_name(name.trim_end_matches('/')).into_owned();
            let is_level = found.is_none() && loaded.ottofile.namespaces.inside(&level).next().is_some();
            if !is_level {
                tasks.extend(found);
                meant.push(name.clone());
                continue;
            }
            let wrong = loaded.read_all_in(&level);
            if !wrong.is_empty() {
                return Err(wrong);
            }
            for place in loaded.ottofile.tasks_inside(&level) {
                tasks.push(place);
                let name = loaded.ottofile.tasks[place].name.as_str();
                meant.push(loaded.ottofile.shown_name(name).into_owned());
            }
        }
        if names.is_empty() {
            tasks.extend(0..loaded.ottofile.tasks.len());
        }
        let links = loaded.follow(&tasks)?;
        if !links.mentions_root || loaded.ottofile.namespaces.is_topmost {
            break (links, meant);
        }
        loaded.go_up()?;
    };
    context.show_warnings(&mut loaded);
    let wrong: Vec<Diagnostic> = wrong.into_iter().chain(links.wrong).collect();
    if wrong.is_empty() { Ok((loaded, meant)) } else { Err(wrong) }
}

fn format_of(file: &Path) -> Option<Format> {
    match file.extension()?.to_str()? {
        "txt" => Some(Format::Text),
        "dot" | "gv" => Some(Format::Dot),
        "mmd" | "mermaid" => Some(Format::Mermaid),
        "svg" => Some(Format::Svg),
        _ => None,
    }
}

/// What is drawn: tasks, each after all that it needs, and the edges between them.
#[derive(Debug)]
struct Drawing {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    name: String,
    /// Beside the name: how many jobs a foreach task stands for.
    remark: Option<String>,
    /// A task without a body.
    is_group: bool,
    /// It stays up while others use it.
    is_service: bool,
    needs: Vec<Need>,
}

#[derive(Debug, PartialEq)]
struct Need {
    /// Place of the needed task in `Drawing::nodes`.
    node: usize,
    /// One item of it only.
    item: Option<String>,
    /// The values that it is needed with, as written: parameter and value.
    with: Vec<(String, String)>,
    when: When,
    /// Its stream is read while it runs.
    is_stream: bool,
    /// The keys that are read from it, if they were asked for: `*` for all together, `…` for those that the script does
    /// not show.
    keys: Option<Vec<String>>,
}

impl Drawing {
    /// The tasks named and all that goes with them; every task of the file for no names.
    fn of(ottofile: &Ottofile, names: &[String]) -> Result<Drawing, Vec<Diagnostic>> {
        let words: Vec<String> = if names.is_empty() {
            ottofile.written_tasks().map(|task| task.name.as_str().to_owned()).collect()
        } else {
            names.iter().map(|name| ottofile.whole_name(name).into_owned()).collect()
        };
        let source = SourceFile::new("command line", format!("otto Graph {}", words.join(" ")));
        let mut at = "otto Graph ".len();
        let spanned: Vec<(String, Span)> = words
            .into_iter()
            .map(|word| {
                let span = source.span(at, at + word.len());
                at += word.len() + 1;
                (word, span)
            })
            .collect();
        let request = of_names(&spanned, &Sources::new(source), ottofile)?;
        let selected = select(ottofile, &request)?;
        let places: Vec<usize> = selected.iter().map(|selected| selected.task).collect();
        let nodes = selected.into_iter().map(|selected| {
            let task = &ottofile.tasks[selected.task];
            let needs = selected.needs.into_iter();
            let with = |need: &TaskNeed| {
                let edge = need.edge.and_then(|edge| task.before.get(edge));
                let values = edge.and_then(|edge| edge.with.as_ref()).map(|with| with.values.iter());
                let words =
                    |value: &WithValue| value.words.iter().map(|word| word.value.clone()).collect::<Vec<_>>();
                let text = |value: &WithValue| (value.param.value.clone(), words(value).join(" "));
                values.into_iter().flatten().map(text).collect()
            };
            let is_stream = |need: &TaskNeed| {
                matches!(
                    Flow::between(ottofile, selected.task, places[need.selected], need.when),
                    Flow::Stream { .. }
                )
            };
            Node {
                name: task.name.as_str().to_owned(),
                remark: task.foreach.as_deref().map(remark),
                is_group: task.body.is_none(),
                is_service: task.service.is_some(),
                needs: needs
                    .map(|need| Need {
                        is_stream: is_stream(&need),
                        with: with(&need),
                        node: need.selected,
                        item: need.item,
                        when: need.when,
                        keys: None,
                    })
                    .collect(),
            }
        });
        Ok(Drawing { nodes: nodes.collect() })
    }

    /// Writes on each dependency what is read from it.
    fn add_data(&mut self, ottofile: &Ottofile, flows: &[TaskFlow]) {
        let names: Vec<String> = self.nodes.iter().map(|node| node.name.clone()).collect();
        for node in &mut self.nodes {
            let reader = ottofile.position(&node.name);
            for need in &mut node.needs {
                let source = ottofile.position(&names[need.node]);
                let flow = flows.iter().find(|flow| Some(flow.task) == source);
                need.keys = Some(flow.zip(reader).map_or(Vec::new(), |(flow, reader)| keys(flow, reader)));
            }
        }
    }

    fn json(&self) -> String {
        let tasks: Vec<serde_json::Value> = self
            .nodes
            .iter()
            .map(|node| {
                let needs = node.needs.iter().map(|need| {
                    let mut edge = serde_json::json!({
                        "task": self.nodes[need.node].name,
                        "item": need.item,
                        "when": condition(need.when),
                        "stream": need.is_stream,
                    });
                    if !need.with.is_empty() {
                        edge["with"] = serde_json::Map::from_iter(
                            need.with.iter().map(|(param, value)| (param.clone(), value.as_str().into())),
                        )
                        .into();
                    }
                    if let Some(keys) = &need.keys {
                        edge["keys"] = keys.as_slice().into();
                    }
                    edge
                });
                serde_json::json!({
                    "name": node.name,
                    "foreach": node.remark.is_some(),
                    "group": node.is_group,
                    "service": node.is_service,
                    "needs": needs.collect::<Vec<_>>(),
                })
            })
            .collect();
        format!("{:#}\n", serde_json::json!({ "tasks": tasks }))
    }
}

impl Need {
    /// `profile=release`, as in the name of the job.
    fn values(&self) -> String {
        self.with.iter().map(|(param, value)| format!("{param}={value}")).collect::<Vec<_>>().join(", ")
    }
}

impl Node {
    fn remarks(&self) -> Option<String> {
        let service = self.is_service.then(|| "service".to_owned());
        let remarks: Vec<String> = service.into_iter().chain(self.remark.clone()).collect();
        (!remarks.is_empty()).then(|| remarks.join(", "))
    }
}

/// What a task reads from another one.
fn keys(flow: &TaskFlow, reader: usize) -> Vec<String> {
    let is_its = |readings: &[Reading]| readings.iter().any(|reading| reading.task == reader);
    let mut keys: Vec<String> =
        flow.keys.iter().filter(|key| is_its(&key.readers)).map(|key| key.name.clone()).collect();
    keys.extend(is_its(&flow.whole).then(|| "*".to_owned()));
    keys.extend(flow.perhaps.contains(&reader).then(|| "…".to_owned()));
    keys
}

fn remark(foreach: &Foreach) -> String {
    match &foreach.source {
        ForeachSource::Items(items) => counted(items.len() as u128),
        ForeachSource::Range { first, last, .. } => {
            counted((i128::from(*last) - i128::from(*first) + 1).unsigned_abs())
        }
        ForeachSource::Glob(pattern) => format!("each {}", pattern.value),
        ForeachSource::Command(_) => "one per line of a command".to_owned(),
        ForeachSource::From(path) => format!("each of {}", path.text.value),
        ForeachSource::Each(task) => format!("each job of {}", task.value),
        ForeachSource::Matrix(matrix) => {
            let names: Vec<&str> = matrix.axes.iter().map(|axis| axis.name.value.as_str()).collect();
            format!("each {}", names.join(" × "))
        }
    }
}

fn counted(items: u128) -> String {
    if items == 1 { "1 item".to_owned() } else { format!("{items} items") }
}

fn condition(when: When) -> &'static str {
    match when {
        When::Success => "success",
        When::Ran => "ran",
        When::Failure => "failure",
        When::Always => "always",
    }
}
