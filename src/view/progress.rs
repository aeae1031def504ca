//! The one line at the bottom of the terminal that says what runs.
//! Computes text; the console draws and clears it.

use super::filter::shown;
use super::time;
use crate::state::RunState;
use unicode_width::UnicodeWidthStr;

/// `[3/5] 9s · test 3.1s · lint 0.2s`, in fewer than `columns` columns: the longest running first, those that find no
/// room are counted (`+3`).
pub(crate) fn line(run: &RunState, now_us: u64, columns: usize) -> String {
    // The last column stays free: a cursor beyond it wraps on some terminals.
    let room = columns.saturating_sub(1);
    let elapsed = time::whole_seconds(now_us.saturating_sub(run.began_us));
    // Data may still tell more jobs.
    let all = if run.is_growing() { "?".to_owned() } else { run.bodies.to_string() };
    let mut line = format!("[{}/{all}] {elapsed}", run.settled);
    if line.width() > room {
        return String::new();
    }
    let mut left = run.running().len();
    for (since_us, job) in run.running() {
        let took = time::duration(now_us.saturating_sub(since_us));
        let part = format!(" · {} {took}", shown(job.planned.name.as_str()));
        left -= 1;
        // Leaves room to count the jobs after this one.
        let reserved = if left > 0 { more(left).width() } else { 0 };
        if line.width() + part.width() + reserved > room {
            let count = more(left + 1);
            if line.width() + count.width() <= room {
                line.push_str(&count);
            }
            break;
        }
        line.push_str(&part);
    }
    if run.running().len() == 0 {
        let names: Vec<String> = run.up().map(|job| shown(job.planned.name.as_str()).into_owned()).collect();
        let part = format!(" · {} up · Ctrl-C stops", names.join(", "));
        if !names.is_empty() && line.width() + part.width() <= room {
            line.push_str(&part);
        }
    }
    line
}

fn more(count: usize) -> String {
    format!(" · +{count}")
}

/// `still running: test 60s`, for logs in which nothing else appears.
pub(crate) fn still_running(run: &RunState, now_us: u64) -> String {
    const MOST: usize = 8;
    let named = run.running().take(MOST).map(|(since_us, job)| {
        let took_us = now_us.saturating_sub(since_us);
        let took = if took_us < 120_000_000 {
            format!("{}s", took_us / 1_000_000)
        } else {
            time::whole_seconds(took_us)
        };
        format!("{} {took}", shown(job.planned.name.as_str()))
    });
    let names = named.collect::<Vec<_>>().join(", ");
    let left = run.running().len().saturating_sub(MOST);
    if left == 0 {
        format!("still running: {names}\n")
    } else {
        format!("still running: {names} and {left} more\n")
    }
}
