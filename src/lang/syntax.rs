//! Whether bash and Python can read the scripts of an ottofile, asked of the programs that would run them. Nothing is run.

use super::{Script, bash};
use crate::body::{Language, Place, Shebang, condition_of};
use crate::diagnostic::{Code, Diagnostic};
use crate::host::Environment;
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{Body, Task};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A longer text is no argument of a program; nothing is said of it.
const LONGEST: usize = 100 << 10;

/// So many bytes of texts are given to one program, which is less than any system takes.
const MOST_AT_ONCE: usize = 128 << 10;

/// A text that is no bash, or no Python.
struct Misprint {
    /// From 1, of the body. A later line than the last means its end.
    line: usize,
    /// From 1, in characters; 0: the whole line.
    column: usize,
    what: String,
}

/// A script or an `if`.
struct ScriptText<'a> {
    task: &'a Task,
    body: Cow<'a, Body>,
    is_condition: bool,
}

/// The syntax errors of all tasks, in the order of the ottofile.
pub(crate) fn errors(ottofile: &Ottofile, environment: &Environment) -> Vec<Diagnostic> {
    let texts: Vec<ScriptText> = ottofile.tasks.iter().flat_map(texts).collect();
    let mut misprints: BTreeMap<usize, Misprint> = BTreeMap::new();
    let mut for_bash: BTreeMap<OsString, Vec<usize>> = BTreeMap::new();
    let mut for_python: BTreeMap<OsString, Vec<usize>> = BTreeMap::new();
    for (place, text) in texts.iter().enumerate() {
        match Language::of(&text.body) {
            Language::Bash if is_surely_bash(&text.body.text) => {}
            Language::Bash => {
                let program = program(&text.body, environment, "OTTO_BASH", "bash");
                for_bash.entry(program).or_default().push(place);
            }
            Language::Python => {
                let program = program(&text.body, environment, "OTTO_PYTHON", "python3");
                if text.body.text.len() < LONGEST {
                    for_python.entry(program).or_default().push(place);
                }
            }
            Language::Posix | Language::Other => {}
        }
    }
    let length = |place: usize| texts[place].body.text.len();
    for (program, places) in &for_bash {
        let asked = |place: usize| texts[place].body.text.as_str();
        let doubtful = at_once(&batches(places, length), |places| doubtful(program, places, &asked));
        let misprint = |place: usize| {
            let misprint = in_bash(asked(place), program)?;
            (!ends_before(asked(place), misprint.line)).then_some((place, misprint))
        };
        let wrong = doubtful.into_iter().filter_map(misprint);
        misprints.extend(wrong);
    }
    for (program, places) in &for_python {
        let wrong = at_once(&batches(places, length), |places| in_python(program, places, &texts));
        misprints.extend(wrong);
    }
    misprints.into_iter().map(|(place, misprint)| told(ottofile, &texts[place], misprint)).collect()
}

fn texts(task: &Task) -> impl Iterator<Item = ScriptText<'_>> {
    let body = task.body.as_ref();
    // Shells that are not bash ask in their own words.
    let is_known = body.is_none_or(|body| Language::of(body) != Language::Posix);
    let condition = condition_of(task).filter(|_| is_known);
    let condition = condition.map(|body| ScriptText { task, body: Cow::Owned(body), is_condition: true });
    let body = body.map(|body| ScriptText { task, body: Cow::Borrowed(body), is_condition: false });
    condition.into_iter().chain(body)
}

/// What runs such a text: the variable's program, that of the `#!` line, or the usual one.
fn program(body: &Body, environment: &Environment, variable: &str, usual: &str) -> OsString {
    if let Some(chosen) = environment.filled(variable) {
        return chosen.to_owned();
    }
    let shebang = Shebang::of(&body.text).map(|shebang| shebang.program.clone());
    shebang
        .filter(|program| !program.contains('/') || Path::new(program).exists())
        .unwrap_or(usual.into())
        .into()
}

fn command(program: &OsStr) -> Command {
    let mut command = Command::new(program);
    command.env_remove("BASH_ENV").env_remove("ENV").env("LC_ALL", "C.UTF-8").stderr(Stdio::piped());
    command
}

/// Groups of neighbours that one program is asked about, no longer than its arguments may be.
fn batches(places: &[usize], length: impl Fn(usize) -> usize) -> Vec<&[usize]> {
    let mut sum = 0;
    let mut starts = Vec::new();
    for (number, place) in places.iter().enumerate() {
        // Each argument takes room for its address too.
        sum += length(*place) + 64;
        if number == 0 || sum > MOST_AT_ONCE {
            starts.push(number);
            sum = length(*place) + 64;
        }
    }
    let ends = starts.iter().skip(1).copied().chain([places.len()]);
    starts.iter().zip(ends).map(|(start, end)| &places[*start..end]).collect()
}

/// Whether a text is nothing but plain commands, one after the other, with words that mean the same everywhere: no shell
/// need be asked.
fn is_surely_bash(text: &str) -> bool {
    const RESERVED: &[&str] = &[
        "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in",
        "select", "then", "time", "until", "while",
    ];
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:,@%+-=".contains(&byte);
    let mut rest = text.as_bytes();
    let mut quote = None;
    // The command that is being read has a word; it may not be missing, for `&&`, `||` or `|` stands before it.
    let (mut has_word, mut is_due) = (false, false);
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (quote, *byte) {
            (Some(open), byte) if byte == open => quote = None,
            (None, byte @ (b'"' | b'\'')) => {
                quote = Some(byte);
                has_word = true;
            }
            (Some(b'\''), _) => {}
            (_, b'$') => match after_variable(rest) {
                Some(after) => {
                    rest = after;
                    has_word = true;
                }
                None => return false,
            },
            (Some(_), b'\\' | b'`') => return false,
            (Some(_), _) => {}
            (None, b' ' | b'\t') => {}
            (None, b'\n') if !has_word => {}
            (None, b'\n') => (has_word, is_due) = (false, false),
            (None, b';') if has_word => (has_word, is_due) = (false, false),
            (None, operator @ (b'&' | b'|')) if has_word => {
                match rest.strip_prefix(&[operator]) {
                    Some(after) => rest = after,
                    None if operator == b'|' => {}
                    None => return false,
                }
                (has_word, is_due) = (false, true);
            }
            (None, b'[') => match after_index(rest) {
                Some(after) => {
                    rest = after;
                    has_word = true;
                }
                None => return false,
            },
            (None, byte) if is_plain(byte) => has_word = true,
            (None, _) => return false,
        }
    }
    let is_whole = quote.is_none() && (has_word || !is_due);
    is_whole && !text.split([' ', '\t', '\n', ';', '&', '|']).any(|word| RESERVED.contains(&word))
}

/// What follows a name without or with braces, and in these perhaps with a plain index.
fn after_variable(text: &[u8]) -> Option<&[u8]> {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let inside = text.strip_prefix(b"{");
    let name = inside.unwrap_or(text);
    let length = name.iter().take_while(|byte| is_of_name(byte)).count();
    if length == 0 || name[0].is_ascii_digit() {
        return None;
    }
    let after = &name[length..];
    match (inside, after.strip_prefix(b"[")) {
        (None, _) => Some(after),
        (Some(_), None) => after.strip_prefix(b"}"),
        (Some(_), Some(index)) => after_index(index)?.strip_prefix(b"}"),
    }
}

/// What follows an index that is one plain word, and its `]`.
fn after_index(text: &[u8]) -> Option<&[u8]> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-/:".contains(byte);
    let length = text.iter().take_while(|byte| is_plain(byte)).count();
    text[length..].strip_prefix(b"]").filter(|_| length > 0)
}

/// Asks about all groups, several at the same time; answers in their order.
fn at_once<T: Send>(groups: &[&[usize]], ask: impl Fn(&[usize]) -> Vec<T> + Sync) -> Vec<T> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = groups.len().div_ceil(processors).max(1);
    std::thread::scope(|scope| {
        let ask = &ask;
        let one = |share: &'_ [&'_ [usize]]| share.iter().flat_map(|group| ask(group)).collect::<Vec<T>>();
        let threads: Vec<_> = groups.chunks(share).map(|share| scope.spawn(move || one(share))).collect();
        let answers = threads.into_iter().map(|thread| thread.join().expect("bug: a question panicked"));
        answers.flatten().collect()
    })
}

/// Those of several texts that one bash, which reads them and runs none, does not surely take.
fn doubtful<'t>(program: &OsStr, places: &[usize], text: &impl Fn(usize) -> &'t str) -> Vec<usize> {
    let (short, mut doubtful): (Vec<usize>, Vec<usize>) =
        places.iter().partition(|place| text(**place).len() < LONGEST);
    let mut command = command(program);
    command.args(["--norc", "--noprofile", "-O", "extglob", "-c", include_str!("bash/syntax.sh"), "bash"]);
    command.args(short.iter().map(|place| text(*place)));
    let told = command.stdin(Stdio::null()).output().map(|output| output.stdout).unwrap_or_default();
    let told = String::from_utf8_lossy(&told).into_owned();
    // Of those about which it said nothing, nothing is known.
    let answers = told.lines().map(Some).chain(std::iter::repeat(None));
    let is_doubtful = |(place, answer): (&usize, Option<&str>)| (answer != Some("0")).then_some(*place);
    doubtful.extend(short.iter().zip(answers).filter_map(is_doubtful));
    doubtful
}

/// Asks `bash -n`. Without that program nothing is known.
fn in_bash(text: &str, program: &OsStr) -> Option<Misprint> {
    // An alias may stand for any part of a command.
    if text.contains("alias") {
        return None;
    }
    let mut command = command(program);
    command
        .args(["--norc", "--noprofile", "-n", "-O", "extglob"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let mut child = command.spawn().ok()?;
    // It may stop reading at the error.
    let _ = child.stdin.take()?.write_all(text.as_bytes());
    let output = child.wait_with_output().ok()?;
    if output.status.success() {
        return None;
    }
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    told.lines().find_map(|line| {
        let (_, rest) = line.split_once(": line ")?;
        let (number, what) = rest.split_once(": ")?;
        Some(Misprint { line: number.parse().ok()?, column: 0, what: what.to_owned() })
    })
}

/// The line of the ottofile at which a body is no bash, and the error, for a body that bash has read to there.
pub(super) fn of_body(script: &Script) -> Option<(usize, Diagnostic)> {
    let body = script.body;
    let program = bash::interpreter(script).ok()?;
    let misprint = in_bash(&body.text, program.path.as_os_str())?;
    let line = body.first_line + misprint.line - 1;
    let span = Place::of(body, script.ottofile).span(place_of(&body.text, &misprint));
    let message = format!("the script of `{}` is not valid bash", script.job);
    Some((line, Diagnostic::error(Code::ScriptSyntax, message).at(script.ottofile, span, misprint.what)))
}

/// Whether bash, which reads line by line, may never get to a line: what follows an `exit` may be data.
fn ends_before(text: &str, line: usize) -> bool {
    text.lines().take(line.saturating_sub(1)).any(|line| line.starts_with("exit") || line.starts_with("exec"))
}

/// Asks one Python about several texts.
fn in_python(program: &OsStr, places: &[usize], texts: &[ScriptText]) -> Vec<(usize, Misprint)> {
    let mut command = command(program);
    command.args(["-I", "-S", "-W", "ignore", "-c", include_str!("python/syntax.py")]);
    for place in places {
        let text = &texts[*place];
        let text = &text.body.text;
        match texts[*place].is_condition {
            // It may be indented.
            true => command.args(["eval", text.trim_start_matches([' ', '\t'])]),
            false => command.args(["exec", text]),
        };
    }
    let Ok(output) = command.stdin(Stdio::null()).output() else { return Vec::new() };
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let misprint = |(place, line): (&usize, &str)| {
        let mut words = line.splitn(3, ' ');
        let (line, column) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some((*place, Misprint { line, column, what: words.next()?.to_owned() }))
    };
    places.iter().zip(told.lines()).filter_map(misprint).collect()
}

fn told(ottofile: &Ottofile, text: &ScriptText, misprint: Misprint) -> Diagnostic {
    let source = ottofile.sources.of(text.body.span);
    let body = &text.body.text;
    let range = place_of(body, &misprint);
    let of = if text.is_condition { "`if`" } else { "script" };
    let name = match Language::of(&text.body) {
        Language::Python => "Python",
        _ => "bash",
    };
    let message = format!("the {of} of `{}` is not valid {name}", text.task.name);
    Diagnostic::error(Code::ScriptSyntax, message).at(
        &ottofile.sources,
        Place::of(&text.body, source).span(range),
        misprint.what,
    )
}

/// The bytes of a body that a misprint is about: from its column, or its whole line; behind the end, the last line.
fn place_of(body: &str, misprint: &Misprint) -> std::ops::Range<usize> {
    let mut start = 0;
    let mut found = 0..body.trim_end().len();
    for (number, line) in body.split_inclusive('\n').enumerate() {
        let text = line.trim_end();
        if !text.is_empty() {
            found = start + (text.len() - text.trim_start().len())..start + text.len();
        }
        if number + 1 == misprint.line && !text.is_empty() {
            let column =
                text.char_indices().nth(misprint.column.wrapping_sub(1)).map(|(column, _)| start + column);
            return column.map_or(found, |column| column..(start + text.len()).max(column));
        }
        start += line.len();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::select;

    #[test]
    fn a_text_that_is_surely_bash_has_only_plain_commands() {
        for text in [
            "",
            "echo a\n",
            "./build --with=x \"$y z\" '$('",
            "a; b;\nc && d ||\n\n e | f\n",
            "OUTPUT[k.x]=1; echo ${INPUT[a.b]} \"${x}\"",
        ] {
            assert!(is_surely_bash(text), "{text}");
        }
        for text in [
            "echo \"a",
            "echo 'a",
            "if",
            "echo $(a",
            "a=(1",
            "echo \"${a\"",
            "echo a\\",
            "a # b'",
            "a > b",
            "a;;",
            "; a",
            "a &&",
            "a |\n",
            "a && ; b",
            "a & b",
            "a |& b",
            "a;fi",
            "x[a b]=1",
            "x[",
            "[[ a ]]",
            "${}",
            "${a",
            "${a[}",
            "a\n&& b",
        ] {
            assert!(!is_surely_bash(text), "{text}");
        }
    }

    #[test]
    fn batches_are_all_places_in_order() {
        let groups = |lengths: &[usize]| {
            let places: Vec<usize> = (0..lengths.len()).collect();
            batches(&places, |place| lengths[place]).into_iter().map(<[usize]>::to_vec).collect::<Vec<_>>()
        };
        assert_eq!(groups(&[]), Vec::<Vec<usize>>::new());
        assert_eq!(groups(&[1, 2]), [vec![0, 1]]);
        let most = MOST_AT_ONCE;
        assert_eq!(groups(&[most, 1, most / 2, most / 2, 1]), [vec![0], vec![1, 2], vec![3, 4]]);
    }

    /// Pieces of scripts, whole ones and such that lack something.
    const PIECES: &[&str] = &[
        "echo a",
        " ",
        "\n",
        "\"",
        "'",
        "$(",
        ")",
        "(",
        "{ ",
        "}",
        "if ",
        "then ",
        "fi",
        "for x in y",
        "do",
        "done",
        "case x in",
        ";;",
        "esac",
        "|",
        "&&",
        ";",
        "<<E",
        "E\n",
        "$x",
        "${",
        "[[ a",
        " ]]",
        "((",
        "))",
        "`",
        "\\",
        "# ",
        "f() ",
        "x=",
        "a=(",
        "!",
        "function ",
        "@(a|b)",
        "exit",
        "set +n\n",
        "||",
        "&",
        "x[k]=1",
        "a[",
        "${x[k]}",
        "]",
    ];

    proptest! {
        #[test]
        fn many_texts_are_judged_as_each_alone(
            scripts in prop::collection::vec(prop::collection::vec(select(PIECES), 0..6), 1..20),
        ) {
            let texts: Vec<String> = scripts.iter().map(|pieces| pieces.concat()).collect();
            let places: Vec<usize> = (0..texts.len()).collect();
            let program = OsStr::new("bash");
            let doubtful = doubtful(program, &places, &|place| texts[place].as_str());
            for (place, text) in texts.iter().enumerate() {
                let is_wrong = in_bash(text, program).is_some();
                prop_assert!(!is_wrong || doubtful.contains(&place), "{:?}", text);
                prop_assert!(!is_wrong || !is_surely_bash(text), "{:?}", text);
            }
        }
    }
}
