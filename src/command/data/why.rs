//! `otto Data why`: where a value came from. The task that set it, the line of its script, that task's own inputs, and so on
//! back to those that had none.

use super::{Meaning, in_line, meaning, not_set, outputs_of};
use crate::command::Context;
use crate::command::pick::{Picked, Records};
use crate::diagnostic::{Code, Diagnostic};
use crate::event::Outcome;
use crate::history::passed::{PassedInput, passed};
use crate::name::{JobName, RunId};
use crate::state::JobState;
use crate::value::{self, Map, Value};
use crate::view::filter::shown;
use crate::view::wording::quoted;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

/// Values of one dependency that are followed when a script does not say which one it reads.
const MOST_UNNAMED: usize = 20;
/// Lines that may have set one value that are shown.
const MOST_LINES: usize = 5;
/// Values in one answer.
const MOST_STEPS: usize = 1000;

/// A value and what it came from.
#[derive(Debug)]
struct Step {
    /// How far from the value that was asked for.
    depth: usize,
    run: RunId,
    job: JobName,
    key: String,
    value: Value,
    set: Option<SettingLines>,
    params: Vec<(String, String)>,
    /// Told before, where it came up first.
    is_repeated: bool,
    /// It may have come from this and more, which is not followed.
    is_root: bool,
}

/// The lines of a script that may have set a value: which of several did, the text does not say.
#[derive(Debug, PartialEq)]
struct SettingLines {
    file: String,
    /// With their numbers, from 1; not empty.
    lines: Vec<(usize, String)>,
    /// They set the key. Others only speak of it.
    is_setting: bool,
}

pub(super) fn run(context: &mut Context, records: &Records, run: &str, what: &str) -> Result<(), i32> {
    let picked = records.read(context, run)?;
    let (job, path) = match meaning(&picked, what) {
        Some(Meaning::Value(job, path)) => (job, path.to_owned()),
        Some(Meaning::Jobs(_)) => {
            let no_key = Diagnostic::error(Code::UnexpectedWord, format!("`{what}` is a task, not a value"));
            return Err(context.refuse(&[no_key.help(format!("give a key: `otto Data why {what}.KEY`"))]));
        }
        None => return Err(context.refuse(&[picked.no_job(what.split('.').next().unwrap_or(what))])),
    };
    let values = outputs_of(context, &picked, job);
    let Some(key) = key_of(&values, &path) else {
        return Err(context.refuse(&[not_set(&picked, job, &values, &path)]));
    };
    let job = job.planned.name.clone();
    let asked = picked.run.id.clone();
    let mut search = Search { records, runs: HashMap::from([(asked.clone(), picked)]), told: HashSet::new() };
    let steps = search.steps(context, &asked, job, key);
    let text = if context.is_json { json(&steps) } else { text(&steps, &asked) };
    context.print(&text);
    Ok(())
}

/// The key that a path (`meta.name`, `files.0`) leads into.
fn key_of(values: &Map, path: &str) -> Option<String> {
    value::lookup(values, path)?;
    let ends = path.match_indices('.').map(|(place, _)| place).chain([path.len()]);
    let key = ends.map(|end| &path[..end]).rfind(|key| value::get(values, key).is_some());
    key.map(str::to_owned)
}

struct Search<'a> {
    records: &'a Records,
    /// Runs that were read, as inputs and fresh tasks lead to others.
    runs: HashMap<RunId, Picked>,
    told: HashSet<(RunId, JobName, String)>,
}

impl Search<'_> {
    /// From the value that was asked for back to the roots, depth first.
    fn steps(&mut self, context: &mut Context, run: &RunId, job: JobName, key: String) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut left = vec![(0, run.clone(), job, key)];
        while let Some((depth, run, job, key)) = left.pop() {
            if steps.len() == MOST_STEPS {
                break;
            }
            let run = self.source(context, run, &job);
            let Some(picked) = self.runs.get(&run) else { continue };
            let Some(state) = picked.run.state.job(&job) else { continue };
            let data = passed(&picked.run, state);
            // Tasks that run because of a failure have read the values of the last attempt.
            let failed = || value::get(&data.failed.last()?.1, &key);
            let Some(value) = value::get(&data.outputs, &key).or_else(failed).cloned() else { continue };
            let is_repeated = !self.told.insert((run.clone(), job.clone(), key.clone()));
            let body = UserLines::read(picked, state);
            let read = if is_repeated { Vec::new() } else { read_by(&body, &data.inputs) };
            steps.push(Step {
                depth,
                run: run.clone(),
                key: key.clone(),
                set: body.lines_that_set(&key, &value),
                value,
                params: state.planned.params.to_vec(),
                is_repeated,
                is_root: read.is_empty() && body.is_known(),
                job,
            });
            // The first one on top.
            left.extend(
                read.into_iter()
                    .rev()
                    .map(|(origin, job, key)| (depth + 1, origin.unwrap_or_else(|| run.clone()), job, key)),
            );
        }
        steps
    }

    /// The run in which a job of `run` really ran: a fresh one only handed on what an earlier run made.
    fn source(&mut self, context: &mut Context, run: RunId, job: &JobName) -> RunId {
        let mut run = run;
        loop {
            self.read(context, &run);
            let state = self.runs.get(&run).and_then(|picked| picked.run.state.job(job));
            match state.and_then(|state| state.outcome.clone()) {
                Some(Outcome::Fresh { run: earlier }) if earlier < run => {
                    self.read(context, &earlier);
                    if !self.runs.contains_key(&earlier) {
                        return run;
                    }
                    run = earlier;
                }
                _ => return run,
            }
        }
    }

    /// An earlier run may have been removed; then its data is told from where it was handed on.
    fn read(&mut self, context: &mut Context, run: &RunId) {
        if self.runs.contains_key(run) {
            return;
        }
        let near = self.records.projects(false);
        let selector = crate::history::find::Selector::Start(run.to_string());
        let is_there = crate::history::find::find(&selector, &near, || self.records.projects(true)).is_ok();
        if is_there && let Ok(picked) = self.records.read(context, run.as_str()) {
            self.runs.insert(run.clone(), picked);
        }
    }
}

/// The values that a script reads: those whose names stand in it; if none does, for it may put names together, all.
fn read_by(body: &UserLines, inputs: &[PassedInput]) -> Vec<(Option<RunId>, JobName, String)> {
    let mut named = Vec::new();
    let mut first = Vec::new();
    for PassedInput { job, origin, values } in inputs {
        for (place, (key, _)) in values.iter().enumerate() {
            let value = || (origin.clone(), job.clone(), key.clone());
            if body.names(job, key, values) {
                named.push(value());
            }
            if place < MOST_UNNAMED {
                first.push(value());
            }
        }
    }
    if named.is_empty() && body.reads_inputs() { first } else { named }
}

/// The lines of a script that the user wrote.
struct UserLines {
    file: String,
    /// With their numbers in the file.
    lines: Vec<(usize, String)>,
}

impl UserLines {
    fn read(picked: &Picked, job: &JobState) -> UserLines {
        let path = picked.run.job_dir(&job.planned.name).script();
        let text =
            path.as_deref().and_then(|path| crate::store::regular::read(path).ok()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let file = path
            .as_deref()
            .and_then(|path| path.file_name())
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        // Comments, those of otto at the top among them, set nothing.
        let is_code = |line: &str| !line.trim_start().starts_with('#');
        let lines = text.lines().enumerate().filter(|(_, line)| is_code(line));
        UserLines { file, lines: lines.map(|(place, line)| (place + 1, line.to_owned())).collect() }
    }

    fn lines_that_set(&self, key: &str, value: &Value) -> Option<SettingLines> {
        let quotes = [format!("[{key}]"), format!("[\"{key}\"]"), format!("['{key}']")];
        let assigns = |line: &str| {
            quotes.iter().any(|quoted| line.contains(&format!("OUTPUT{quoted}")))
                || line.contains("OUTPUT") && quotes[1..].iter().any(|quoted| line.contains(quoted.as_str()))
        };
        // `otto.set --json key …`, `otto_set_output("key", …)`: what comes first is the key.
        let is_first = |rest: &str| {
            let rest = rest.trim_start();
            let option = ["--json", "--list"].iter().find_map(|option| rest.strip_prefix(option));
            let words = option.unwrap_or(rest).trim_start().trim_start_matches(['(', '"', '\'']);
            words.strip_prefix(key).is_some_and(|after| !after.starts_with(is_part))
        };
        const SETTERS: [&str; 3] = ["otto.set ", "otto_set ", "otto_set_output"];
        let calls = |line: &str| {
            SETTERS.iter().any(|setter| line.split(setter).skip(1).any(is_first))
                || line.contains("export") && has_word(line, key)
        };
        // `OUTPUT.update({"key": …})`, `OUTPUT+=([key]=…)`, `OTTO_OUTPUT+=("key=value")`, `os.environ["OTTO_X"] = …`
        let names = |line: &str| {
            let is_whole = line.split("OUTPUT").skip(1).any(|rest| !rest.starts_with('['));
            (is_whole || line.contains("environ")) && has_word(line, key)
        };
        let mentions = |line: &str| has_word(line, key);
        let tests: [&dyn Fn(&str) -> bool; 4] = [&assigns, &calls, &names, &mentions];
        for (place, test) in tests.iter().enumerate() {
            let found = self.lines.iter().filter(|(_, line)| test(line));
            let mut lines: Vec<_> = found.map(|(number, text)| (*number, text.trim().to_owned())).collect();
            let others = |line: &str| {
                let found = quotes
                    .iter()
                    .flat_map(|quoted| line.split(&format!("OUTPUT{quoted}")).skip(1).collect::<Vec<_>>());
                let [rest] = found.collect::<Vec<_>>()[..] else { return false };
                literal(rest, self.file.ends_with(".py")).is_some_and(|literal| {
                    value.as_bytes().as_deref() != Some(literal.as_bytes())
                        && value::compact(value) != literal
                })
            };
            if lines.iter().any(|(_, line)| !others(line)) {
                lines.retain(|(_, line)| !others(line));
            }
            if !lines.is_empty() {
                return Some(SettingLines {
                    file: self.file.clone(),
                    lines,
                    is_setting: place + 1 < tests.len(),
                });
            }
        }
        None
    }

    /// `all` are the values of the job: of `x` and `x.y`, `job.x.y` names the second.
    fn names(&self, job: &JobName, key: &str, all: &Map) -> bool {
        let flat = format!("{job}.{key}");
        let longer = |other: &&String| other.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'));
        let longer: Vec<&String> = all.iter().map(|(other, _)| other).filter(longer).collect();
        let is_part = |character: char| character.is_alphanumeric() || "_-".contains(character);
        let is_named = |line: &str| {
            line.match_indices(&flat).any(|(place, _)| {
                let rest = &line[place + job.as_str().len() + 1..];
                let is_apart =
                    |key: &str| rest.strip_prefix(key).is_some_and(|rest| !rest.starts_with(is_part));
                !line[..place].ends_with(is_part)
                    && is_apart(key)
                    && !longer.iter().any(|other| is_apart(other))
            })
        };
        let nested = [format!("[\"{job}\"][\"{key}\"]"), format!("['{job}']['{key}']")];
        let fold = |text: &str| {
            let keep = |byte: u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_uppercase() } else { b'_' };
            text.bytes().map(|byte| char::from(keep(byte))).collect::<String>()
        };
        let exported =
            key.strip_prefix("OTTO_").map(|rest| format!("OTTO_{}_{}", fold(job.as_str()), fold(rest)));
        let input = format!("OTTO_INPUT_{}_{}", fold(job.as_str()), fold(key));
        self.lines.iter().any(|(_, line)| {
            is_named(line)
                || nested.iter().any(|nested| line.contains(nested.as_str()))
                || has_word(line, &input)
                || exported.as_ref().is_some_and(|name| has_word(line, name))
        })
    }

    /// Without its script, which may be deleted, nothing is known of what a job read.
    fn is_known(&self) -> bool {
        !self.file.is_empty()
    }

    fn reads_inputs(&self) -> bool {
        const READERS: [&str; 4] = ["INPUT", "otto.get", "otto_get", "input."];
        self.lines.iter().any(|(_, line)| READERS.iter().any(|reader| line.contains(reader)))
    }
}

/// What is assigned, if it stands there as it is: ` = "text"`, `=text`, and nothing comes after it but another command.
fn literal(rest: &str, is_python: bool) -> Option<&str> {
    let rest = rest.trim_start().strip_prefix('=')?;
    let rest = if is_python { rest.trim_start() } else { rest };
    let (text, after) = match rest.chars().next().filter(|first| matches!(first, '"' | '\'')) {
        Some(quote) => rest[1..].split_once(quote)?,
        None => rest.split_at(rest.find([' ', '\t', ';', '&', '|', ')']).unwrap_or(rest.len())),
    };
    let is_plain = |character: char| character.is_alphanumeric() || " _-.,:/@%+".contains(character);
    // A word of Python is a variable, and `1.10` is recorded as 1.1.
    let is_text =
        !is_python || rest.len() > text.len() + after.len() || text.bytes().all(|byte| byte.is_ascii_digit());
    let is_end = after.trim_start().is_empty() || after.trim_start().starts_with([';', '&', '|', '#', ')']);
    (is_text && is_end && text.chars().all(is_plain)).then_some(text)
}

/// Whether a character may stand within the name of a value.
fn is_part(character: char) -> bool {
    character.is_alphanumeric() || "_-.".contains(character)
}

/// Whether a text has `word` in it, and not as a part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(place, _)| {
        let before = text[..place].chars().next_back();
        let after = text[place + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

fn text(steps: &[Step], asked: &RunId) -> String {
    let mut text = String::new();
    for step in steps {
        let indent = "  ".repeat(step.depth);
        let name = format!("{}.{}", step.job, step.key);
        // A `String` takes everything.
        let _ = write!(text, "{indent}{} = {}", shown(&name), in_line(&step.value));
        if step.is_repeated {
            text.push_str("  (see above)\n");
            continue;
        }
        text.push('\n');
        let in_run = if step.run == *asked { String::new() } else { format!(" in run {}", step.run.short()) };
        let _ = write!(text, "{indent}  set by {}{in_run}", shown(step.job.as_str()));
        if let Some(set) = &step.set {
            text.push_str(if set.is_setting { ", " } else { ", likely " });
            match &set.lines[..] {
                [(number, line)] => {
                    let _ = write!(text, "{}:{number}  {}", set.file, shown(line));
                }
                lines => {
                    text.push_str("on one of these lines");
                    let left = lines.len().saturating_sub(MOST_LINES);
                    for (number, line) in &lines[left..] {
                        let _ = write!(text, "\n{indent}    {}:{number}  {}", set.file, shown(line));
                    }
                    if left > 0 {
                        let _ = write!(text, "\n{indent}    … or on one of {left} earlier lines");
                    }
                }
            }
        }
        text.push('\n');
        if !step.params.is_empty() {
            let given = step.params.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
            let _ = writeln!(text, "{indent}  with {}", shown(&given.collect::<Vec<_>>().join(" ")));
        }
        if step.is_root {
            let _ = writeln!(text, "{indent}  from no other task");
        }
    }
    if steps.len() == MOST_STEPS {
        let _ = writeln!(text, "… and more; these are the first {MOST_STEPS}");
    }
    text
}

/// A list, the value that was asked for first: `depth` says under which one an entry belongs.
fn json(steps: &[Step]) -> String {
    let one = |step: &Step| {
        let string = |text: &str| Value::String(text.to_owned());
        let params = step.params.iter().map(|(name, value)| (name.clone(), string(value)));
        let mut map: Map = vec![
            ("depth".to_owned(), Value::int(step.depth as i64)),
            ("run".to_owned(), string(step.run.as_str())),
            ("task".to_owned(), string(step.job.as_str())),
            ("key".to_owned(), string(&step.key)),
            ("value".to_owned(), step.value.clone()),
            ("params".to_owned(), Value::Map(params.collect())),
            ("repeated".to_owned(), Value::Bool(step.is_repeated)),
        ];
        if let Some(SettingLines { file, lines, is_setting }) = &step.set
            && let Some((number, text)) = lines.last()
        {
            map.push(("script".to_owned(), string(file)));
            map.push(("line".to_owned(), Value::int(*number as i64)));
            map.push(("text".to_owned(), string(text)));
            let numbers = lines.iter().map(|(number, _)| Value::int(*number as i64));
            map.push(("lines".to_owned(), Value::List(numbers.collect())));
            map.push(("is_setting".to_owned(), Value::Bool(*is_setting)));
        }
        Value::Map(map)
    };
    value::indented(&Value::List(steps.iter().map(one).collect()).masked())
}
