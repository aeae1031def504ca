//! `Check --data`: what each task sets, and who reads it.

use crate::flow::{Reading, TaskFlow};
use crate::ottofile::Ottofile;
use crate::source::Span;
use crate::view::filter::shown;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

/// A paragraph for each task: a line for each key with its type, its line and its readers.
pub(super) fn text(ottofile: &Ottofile, flows: &[TaskFlow]) -> String {
    let mut text = String::new();
    for flow in flows {
        let task = &ottofile.tasks[flow.task];
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!("{} (line {})\n", shown(task.name.as_str()), line(ottofile, task.name_span)));
        let rows: Vec<[String; 4]> = flow.keys.iter().map(|key| row(ottofile, flow, key)).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2)];
        rows.iter().for_each(|row| text.push_str(&aligned(row, widths)));
        let mut say = |sentence: String| text.push_str(&format!("  {sentence}\n"));
        if !flow.whole.is_empty() {
            say(format!("all values read by {}", readers(ottofile, &flow.whole)));
        }
        if flow.is_open {
            say("may set other keys".to_owned());
        }
        if !flow.perhaps.is_empty() {
            say(format!("may be read by {}", names(ottofile, &flow.perhaps)));
        }
        if !flow.idle.is_empty() {
            say(format!("no values read by {}", names(ottofile, &flow.idle)));
        }
    }
    text
}

/// A line of cells, without the columns that are empty in all rows.
fn aligned(row: &[String; 4], widths: [usize; 3]) -> String {
    let [.., last] = row;
    let columns = row.iter().zip(widths).filter(|(_, width)| *width > 0);
    let cells = columns.map(|(cell, width)| format!("{cell}{}  ", " ".repeat(width - cell.width())));
    let line = format!("  {}{last}", cells.collect::<String>());
    format!("{}\n", line.trim_end())
}

fn row(ottofile: &Ottofile, flow: &TaskFlow, key: &crate::flow::KeyFlow) -> [String; 4] {
    let is_unread = key.readers.is_empty() && flow.whole.is_empty() && flow.perhaps.is_empty();
    let readers = match key.readers.as_slice() {
        [] if is_unread => "not read".to_owned(),
        [] => String::new(),
        some => format!("read by {}", readers(ottofile, some)),
    };
    let place = key.span.map_or("not set".to_owned(), |span| format!("line {}", line(ottofile, span)));
    [shown(&key.name).into_owned(), key.kind.clone().unwrap_or_default(), place, readers]
}

fn readers(ottofile: &Ottofile, readers: &[Reading]) -> String {
    let of_one_task = readers.chunk_by(|one, next| one.task == next.task).map(|readings| {
        let name = shown(ottofile.tasks[readings[0].task].name.as_str());
        let place = |reading: &Reading| {
            let with = if reading.is_optional { " with a default" } else { "" };
            format!("{}{with}", line(ottofile, reading.span))
        };
        let lines = if readings.len() == 1 { "line" } else { "lines" };
        format!("{name} ({lines} {})", readings.iter().map(place).collect::<Vec<_>>().join(", "))
    });
    of_one_task.collect::<Vec<_>>().join(", ")
}

fn names(ottofile: &Ottofile, tasks: &[usize]) -> String {
    let names = tasks.iter().map(|task| shown(ottofile.tasks[*task].name.as_str()).into_owned());
    names.collect::<Vec<_>>().join(", ")
}

fn line(ottofile: &Ottofile, span: Span) -> usize {
    ottofile.sources.of(span).position(span.start).line
}

pub(super) fn json(ottofile: &Ottofile, flows: &[TaskFlow]) -> Value {
    let name = |task: &usize| ottofile.tasks[*task].name.as_str();
    let reading = |reading: &Reading| {
        json!({
            "task": name(&reading.task),
            "line": line(ottofile, reading.span),
            "optional": reading.is_optional,
        })
    };
    let task = |flow: &TaskFlow| {
        let keys = flow.keys.iter().map(|key| {
            json!({
                "key": key.name,
                "type": key.kind,
                "line": key.span.map(|span| line(ottofile, span)),
                "readers": key.readers.iter().map(reading).collect::<Vec<_>>(),
            })
        });
        json!({
            "task": name(&flow.task),
            "line": line(ottofile, ottofile.tasks[flow.task].name_span),
            "keys": keys.collect::<Vec<_>>(),
            "may_set_others": flow.is_open,
            "read_whole_by": flow.whole.iter().map(reading).collect::<Vec<_>>(),
            "may_be_read_by": flow.perhaps.iter().map(name).collect::<Vec<_>>(),
            "not_read_by": flow.idle.iter().map(name).collect::<Vec<_>>(),
        })
    };
    flows.iter().map(task).collect()
}
