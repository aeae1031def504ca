//! Bodies in any other language: their `#!` line says which program runs them, and files are the contract.
//! `$OTTO_INPUT_JSON` holds `{"task": {"key": value}}`, `$OTTO_OUTPUT_JSON` takes JSON objects. For node, ruby and perl
//! a file of `other/` is loaded first, which gives them INPUT and OUTPUT.

use super::files::{self, private};
use super::interpreter::{self};
use super::json_record::{self, line_span};
use super::{CannotPrepare, FanInData, HandOver, Left, Prepared, Program, Script};
use crate::body::Shebang;
use crate::body::export::has_word;
use crate::diagnostic::{Code, Diagnostic};
use crate::store::outputs::{MOST_BYTES, Outputs};
use crate::value::{self, Value};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What is known of a language.
struct Dialect {
    /// The interpreter, without a version.
    names: &'static [&'static str],
    /// Of the script's name.
    extension: &'static str,
    /// How a comment begins. With one, the script opens with an explanation and keeps the lines of the ottofile.
    comment: Option<&'static str>,
    preload: Option<Preload>,
}

/// A file that the interpreter loads before the script.
struct Preload {
    file: &'static str,
    text: &'static str,
    /// From its path to the arguments that load it.
    load: fn(&Path) -> Vec<OsString>,
    /// How a script sets an output, for its opening comment.
    sets: &'static str,
    reads: &'static str,
}

const NODE: Preload = Preload {
    file: "otto_preload.cjs",
    text: include_str!("other/otto_preload.cjs"),
    load: |path| vec!["-r".into(), path.into()],
    sets: "OUTPUT.key = value",
    reads: "INPUT[\"task.key\"]",
};

const RUBY: Preload = Preload {
    file: "otto_preload.rb",
    text: include_str!("other/otto_preload.rb"),
    load: |path| vec![concatenated("-r", path)],
    sets: "OUTPUT[\"key\"] = value",
    reads: "INPUT[\"task.key\"]",
};

const PERL: Preload = Preload {
    file: "OttoPreload.pm",
    text: include_str!("other/OttoPreload.pm"),
    load: |path| vec![concatenated("-I", path.parent().unwrap_or(path)), "-MOttoPreload".into()],
    sets: "$OUTPUT{key} = $value",
    reads: "$INPUT{\"task.key\"}",
};

const DIALECTS: &[Dialect] = &[
    Dialect { names: &["node", "nodejs"], extension: "cjs", comment: Some("//"), preload: Some(NODE) },
    Dialect { names: &["ruby"], extension: "rb", comment: Some("#"), preload: Some(RUBY) },
    Dialect { names: &["perl"], extension: "pl", comment: Some("#"), preload: Some(PERL) },
    Dialect {
        names: &["bun", "deno", "tsx", "ts-node"],
        extension: "ts",
        comment: Some("//"),
        preload: None,
    },
    Dialect { names: &["uv", "pipx", "hatch"], extension: "py", comment: Some("#"), preload: None },
    Dialect { names: &["Rscript"], extension: "R", comment: Some("#"), preload: None },
    Dialect { names: &["lua", "luajit"], extension: "lua", comment: Some("--"), preload: None },
    Dialect { names: &["fish"], extension: "fish", comment: Some("#"), preload: None },
    Dialect { names: &["pwsh"], extension: "ps1", comment: Some("#"), preload: None },
    Dialect { names: &["awk", "gawk", "mawk"], extension: "awk", comment: Some("#"), preload: None },
    Dialect { names: &["tclsh", "expect", "wish"], extension: "tcl", comment: Some("#"), preload: None },
    // What stands before `<?php` is output, so its script stays as it is written.
    Dialect { names: &["php"], extension: "php", comment: None, preload: None },
];

const UNKNOWN: Dialect = Dialect { names: &[], extension: "", comment: None, preload: None };

fn concatenated(option: &str, path: &Path) -> OsString {
    let mut text = OsString::from(option);
    text.push(path);
    text
}

impl Dialect {
    fn of(shebang: &Shebang) -> &'static Dialect {
        let name = shebang.name();
        let stem =
            name.trim_end_matches(|character: char| character.is_ascii_digit() || ".-".contains(character));
        DIALECTS.iter().find(|dialect| dialect.names.contains(&stem)).unwrap_or(&UNKNOWN)
    }
}

pub(super) fn interpreter(script: &Script) -> Result<Program, CannotPrepare> {
    let Some(shebang) = Shebang::of(&script.body.text) else {
        unreachable!("bug: a body without a `#!` line is bash or Python");
    };
    interpreter::find(script, OsStr::new(&shebang.program))
}

/// Writes the script and what belongs to it into the job's directory.
pub(super) fn prepare(script: &Script) -> Result<Prepared, CannotPrepare> {
    let Some(shebang) = Shebang::of(&script.body.text) else {
        unreachable!("bug: a body without a `#!` line is bash or Python");
    };
    // An `if` may ask whether the program exists.
    let program = match interpreter::find(script, OsStr::new(&shebang.program)) {
        Err(_) if script.condition.is_some() => {
            Program { path: PathBuf::from(&shebang.program), named: OsString::from(&shebang.program) }
        }
        found => found?,
    };
    let dialect = Dialect::of(&shebang);
    write_files(script, dialect)?;
    let mut args = Vec::new();
    if let Some(preload) = &dialect.preload {
        args.extend((preload.load)(&script.runtime.join(preload.file)));
    }
    args.extend(shebang.args.into_iter().map(OsString::from));
    args.push(script_path(script, dialect).into());
    let env = vec![
        ("OTTO_INPUT_JSON".into(), input_path(script).into()),
        ("OTTO_OUTPUT_JSON".into(), output_path(script).into()),
    ];
    let hands_over: &[&str] = match dialect.preload {
        Some(_) => &[".otto/output.json", ".otto/dump", ".otto/secrets"],
        None => &[".otto/output.json", ".otto/secrets"],
    };
    Ok(Prepared { program, level: None, args, hands_over, env, warnings: shadowed(script, dialect) })
}

/// Reads what the script handed over, in `$OTTO_OUTPUT_JSON` and by OUTPUT, which wins.
pub(super) fn collect(script: &Script, left: &Left) -> HandOver {
    let mut found = HandOver::default();
    match read_objects(&left.private().join(OUTPUT_FILE)) {
        Ok(values) => found.outputs.values = values,
        Err(problem) => found.problems.push(problem),
    }
    let has_preload =
        Shebang::of(&script.body.text).is_some_and(|shebang| Dialect::of(&shebang).preload.is_some());
    if !has_preload {
        return found;
    }
    match json_record::read(&left.private().join("dump")) {
        Ok(Some(record)) => record.hand_over(script, &mut found),
        Ok(None) if left.succeeded && has_word(&script.body.text, "OUTPUT") => found.problems.push(
            Diagnostic::error(
                Code::NotHandedOver,
                format!("`{}` ended with status 0, but its outputs were never saved", script.job),
            )
            .note("the process was replaced (`exec`), exited with `_exit`, or could not write")
            .help("exit normally, or write the outputs to `$OTTO_OUTPUT_JSON` before exiting"),
        ),
        Ok(None) => {}
        Err(problem) => found.problems.push(problem),
    }
    found
}

/// The line of the ottofile that the error names first, for errors are shown from the inside out.
pub(super) fn failing_line(script: &Script, stderr: &[u8]) -> Option<usize> {
    let dialect = Dialect::of(&Shebang::of(&script.body.text)?);
    if !script.body.has_true_lines || dialect.comment.is_none() {
        return None;
    }
    let text = String::from_utf8_lossy(stderr);
    let path = script_path(script, dialect).display().to_string();
    let line_after = |(place, _): (usize, &str)| {
        let after = text[place + path.len()..].trim_start_matches(['"', ',', '\'']);
        let after = after.strip_prefix(" line ").or_else(|| after.strip_prefix(':'))?;
        let digits = after.find(|character: char| !character.is_ascii_digit()).unwrap_or(after.len());
        after[..digits].parse().ok()
    };
    text.match_indices(path.as_str()).find_map(line_after).filter(|line| *line >= script.body.first_line)
}

// ── files ────────────────────────────────────────────────────────────────────────────────────────────────────

/// What `$OTTO_OUTPUT_JSON` names.
const OUTPUT_FILE: &str = "output.json";

fn input_path(script: &Script) -> PathBuf {
    private(script).join("input.json")
}

fn output_path(script: &Script) -> PathBuf {
    private(script).join(OUTPUT_FILE)
}

fn script_path(script: &Script, dialect: &Dialect) -> PathBuf {
    let extension = match dialect.extension {
        "cjs" if is_module(&script.body.text) => "mjs",
        other => other,
    };
    script.dir.join("script").with_extension(extension)
}

fn write_files(script: &Script, dialect: &Dialect) -> Result<(), CannotPrepare> {
    let private = private(script);
    files::make_dir(&private)?;
    files::write_program(&script_path(script, dialect), script_text(script, dialect).as_bytes())?;
    files::write(&input_path(script), value::indented(&inputs(script)).as_bytes())?;
    if let Some(item) = script.item.filter(|_| dialect.preload.is_some()) {
        files::write(&private.join("item.json"), value::compact(item).as_bytes())?;
    }
    if dialect.preload.is_some() && !script.fan_ins.is_empty() {
        files::write(&private.join("items.json"), value::compact(&items(script)).as_bytes())?;
    }
    // Empty, and there: the umask of the script has no say in how they are made.
    files::write(&output_path(script), b"")?;
    if let Some(preload) = &dialect.preload {
        files::write(&private.join("dump"), b"")?;
        files::write(&private.join("claim"), b"")?;
        files::install(&script.runtime.join(preload.file), preload.text.as_bytes())?;
    }
    Ok(())
}

/// `{"build": {"version": "1"}}`. A foreach task has its jobs by their items: `{"convert": {"a": {"rows": 3}}}`.
fn inputs(script: &Script) -> Value {
    let values = |outputs: &Outputs| Value::Map(outputs.values.clone());
    let inputs = script.inputs.iter().map(|input| (input.job.as_str().to_owned(), values(&input.outputs)));
    let jobs =
        |fan_in: &FanInData| fan_in.jobs.iter().map(|job| (job.item.clone(), values(&job.outputs))).collect();
    let fan_ins =
        script.fan_ins.iter().map(|fan_in| (fan_in.name.as_str().to_owned(), Value::Map(jobs(fan_in))));
    Value::Map(inputs.chain(fan_ins).collect())
}

/// Which of these are foreach tasks, and the order of their items, for the preloads.
fn items(script: &Script) -> Value {
    let one = |fan_in: &FanInData| {
        let items = fan_in.jobs.iter().map(|job| Value::String(job.item.clone())).collect();
        (fan_in.name.as_str().to_owned(), Value::List(items))
    };
    Value::Map(script.fan_ins.iter().map(one).collect())
}

/// JSON objects one after the other, as a script wrote them.
fn read_objects(path: &Path) -> Result<value::Map, Diagnostic> {
    let unreadable = |error: io::Error| {
        Diagnostic::error(Code::NotHandedOver, format!("cannot read `$OTTO_OUTPUT_JSON`: {error}"))
            .note(format!("it is `{}`", path.display()))
    };
    let length = fs::metadata(path).map_err(unreadable)?.len();
    if length > MOST_BYTES as u64 {
        return Err(json_record::too_large(usize::try_from(length).unwrap_or(usize::MAX)));
    }
    let bytes = crate::store::regular::read(path).map_err(unreadable)?;
    // It has been read; if it stays, nobody reads it again.
    let _ = fs::remove_file(path);
    value::parse_stream(&bytes).map_err(|error| {
        let line = bytes.split(|byte| *byte == b'\n').nth(error.line - 1).unwrap_or_default();
        let shown = around(&String::from_utf8_lossy(line), error.column);
        Diagnostic::error(Code::NotJson, format!("`$OTTO_OUTPUT_JSON` is not valid JSON: {error}"))
            .note(format!("line {} is `{shown}`", error.line))
            .help("write JSON objects one after another: `{\"key\": \"value\"}`")
    })
}

/// What stands round a column, from 1, of a line that may be long.
fn around(line: &str, column: usize) -> String {
    const MOST: usize = 120;
    let characters: Vec<char> =
        line.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect();
    if characters.len() <= MOST {
        return characters.into_iter().collect();
    }
    let start = column.saturating_sub(MOST / 2).min(characters.len() - MOST);
    let end = start + MOST;
    let middle: String = characters[start..end].iter().collect();
    let more = |is_cut: bool| if is_cut { "…" } else { "" };
    format!("{}{middle}{}", more(start > 0), more(end < characters.len()))
}

// ── the script ───────────────────────────────────────────────────────────────────────────────────────────────

/// The body, with its `#!` line on top and an explanation below it where there is room, so that every other line
/// stands where the ottofile has it. In a language that may not know comments: the body as it is written.
fn script_text(script: &Script, dialect: &Dialect) -> String {
    let body = script.body;
    let Some(mark) = dialect.comment.filter(|_| body.has_true_lines && body.first_line > 1) else {
        return body.text.clone();
    };
    let (shebang, rest) = body.text.split_once('\n').unwrap_or((&body.text, ""));
    let mut lines = vec![shebang.to_owned()];
    lines.extend(comments(script, dialect).into_iter().map(|comment| format!("{mark} {comment}")));
    lines.resize(body.first_line, String::new());
    lines.join("\n") + "\n" + rest
}

fn comments(script: &Script, dialect: &Dialect) -> Vec<String> {
    let one_line = |text: &str| -> String {
        text.chars().take(60).map(|character| if character.is_control() { ' ' } else { character }).collect()
    };
    let mut lines =
        vec![format!("Task `{}` of {}, as otto runs it.", script.job, one_line(script.ottofile.name()))];
    for input in script.inputs {
        let keys: Vec<String> = input.outputs.values.iter().take(6).map(|(key, _)| one_line(key)).collect();
        let more = input.outputs.values.len() - keys.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        lines.push(match keys.is_empty() {
            true => format!("`{}` set no outputs.", input.job),
            false => format!("`{}` set {}{more}.", input.job, keys.join(", ")),
        });
    }
    match &dialect.preload {
        Some(preload) => lines.push(format!("{} reads a value, {} sets one.", preload.reads, preload.sets)),
        None => lines.push("Read values of dependencies from the file $OTTO_INPUT_JSON. Write JSON objects to $OTTO_OUTPUT_JSON to set values.".into()),
    }
    lines.push("To see the values of dependencies: cat \"$OTTO_TASK_DIR\"/input.*.json".into());
    lines
}

/// Whether a node script is an ES module: it imports, exports or awaits on its outermost level, and does not call
/// `require`.
fn is_module(text: &str) -> bool {
    let begins = |line: &str, word: &str| {
        line.strip_prefix(word).is_some_and(|rest| rest.starts_with([' ', '{', '*', '"', '\'', '\t']))
    };
    let is_statement = |line: &str| begins(line, "import") || begins(line, "export");
    let awaits = |line: &str| {
        !line.starts_with([' ', '\t', '/', '*']) && has_word(line, "await") && !has_word(line, "async")
    };
    text.lines().any(is_statement) || !has_word(text, "require") && text.lines().any(awaits)
}

/// `const OUTPUT = …` makes a variable of the script, and its data is lost.
fn shadowed(script: &Script, dialect: &Dialect) -> Vec<Diagnostic> {
    let Some(words) = dialect.preload.as_ref().map(|preload| match preload.file {
        "otto_preload.cjs" => ["const OUTPUT", "let OUTPUT", "var OUTPUT"],
        "OttoPreload.pm" => ["my %OUTPUT", "our %OUTPUT", "local %OUTPUT"],
        _ => ["", "", ""],
    }) else {
        return Vec::new();
    };
    let found = script.body.text.lines().enumerate().find(|(_, line)| {
        let line = line.trim_start();
        words.iter().any(|word| {
            !word.is_empty()
                && line.strip_prefix(word).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        })
    });
    let Some((number, _)) = found else { return Vec::new() };
    let mut warning = Diagnostic::warning(
        Code::LostOutput,
        "the script declares its own OUTPUT here; values set in it are lost",
    )
    .help("remove the declaration: OUTPUT already exists");
    if let Some(span) = line_span(script, script.body.first_line + number) {
        warning = warning.at(script.ottofile, span, "declared here");
    }
    vec![warning]
}

#[cfg(test)]
mod tests;
