//! Holds the sources to what the architecture says of them: the order of the modules, purity above the world, where
//! output, exits and `unsafe` may stand, and that documents and tables name what there is.
//! Reads text, not types: a small lexer blanks comments and literals, the rules look at the paths that are left.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

// ── The rules ────────────────────────────────────────────────────────────────────────────────────────────────

/// The line in `src/lib.rs` under which modules may touch the world.
const WORLD: &str = "// The world.";

/// Where `unsafe` may stand, besides tests: system calls that have no safe form in any crate used here, one function
/// for each.
const UNSAFE_FILES: &[&str] = &["src/exec/native.rs"];

/// What only the world below may use, as beginnings of paths.
const IMPURE_PATHS: &[&str] = &[
    "std::fs",
    "std::process",
    "std::env",
    "std::net",
    "std::thread",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "std::os::fd",
    "std::os::unix::fs",
    "std::os::unix::net",
    "std::os::unix::process",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::sync::Mutex",
    "std::sync::RwLock",
    "std::sync::Condvar",
    "std::sync::mpsc",
    "std::sync::atomic",
    "std::*",
    "libc",
    "rusqlite",
    "rustix",
    "signal_hook",
    "walkdir",
];

/// Modules of which a part is impure: above the world they are never brought in whole, so that their parts are named.
const HALF_PURE: &[&str] = &["std::io", "std::os", "std::os::unix", "std::sync", "std::time"];

/// Crates whose types one subject alone knows, so that another could take their place.
const KNOWN_TO: &[(&str, &[&str])] = &[
    ("annotate_snippets", &["src/diagnostic/render.rs"]),
    ("globset", &["src/ottofile/glob.rs"]),
    ("granit_parser", &["src/ottofile/yaml.rs", "src/ottofile/yaml/syntax.rs"]),
    ("regex", &["src/contract.rs", "src/ottofile/schema_tests.rs"]),
    ("rusqlite", &["src/history/index.rs", "src/history/query.rs"]),
    ("signal_hook", &["src/run/signals.rs"]),
    ("strsim", &["src/name.rs"]),
];

/// Methods of `Path` that ask the file system, and readers of clocks.
const IMPURE_CALLS: &[&str] = &[
    "canonicalize",
    "exists",
    "is_dir",
    "is_file",
    "is_symlink",
    "metadata",
    "read_dir",
    "read_link",
    "symlink_metadata",
    "try_exists",
];

const PRINTING: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

/// Modules that take stdout and stderr to hand them to a view.
const HANDS_OUT: &[&str] = &["command", "cli"];

/// How a comment may not start: these make a sentence that has to be read twice. A comment starts with a verb or a noun.
const CLUMSY_STARTS: &[&str] =
    &["So long", "So much", "Who ", "Whoever", "Whether there were", "Nobody", "Somebody"];

/// File names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "manager", "common", "misc"];

/// A source file: its path from the root of the project with `/`, and its text.
struct File {
    path: String,
    text: String,
}

/// The modules of `lib.rs` from the ground up, and how many of them stand above the world.
struct Architecture {
    modules: Vec<String>,
    pure: usize,
}

impl Architecture {
    fn read(lib: &str) -> Architecture {
        let mut modules = Vec::new();
        let mut pure = None;
        for line in lib.lines() {
            if line.trim() == WORLD {
                pure = Some(modules.len());
            }
            let declared = line.trim_start_matches("pub ").trim_start_matches("pub(crate) ");
            if let Some(name) = declared.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
                modules.push(name.to_owned());
            }
        }
        Architecture { pure: pure.unwrap_or(modules.len()), modules }
    }

    fn place(&self, module: &str) -> Option<usize> {
        self.modules.iter().position(|name| name == module)
    }
}

/// All complaints about one file of `src/`, as `path:line: what is wrong`.
fn complaints(architecture: &Architecture, file: &File) -> Vec<String> {
    let code = Code::of(&file.text);
    let mut found = Vec::new();
    let mut complain = |line: usize, what: String| found.push(format!("{}:{line}: {what}", file.path));

    if !file.text.starts_with("//!") {
        complain(1, "a file opens with `//!`: what it is for, and what it does not know".into());
    }
    for (line, start) in clumsy_comments(&file.text) {
        complain(line, format!("a comment starts with a verb or a noun, not with `{}`", start.trim_end()));
    }
    let module = module_path(&file.path);
    for part in &module {
        if EMPTY_NAMES.contains(&part.as_str()) {
            complain(1, format!("`{part}` names nothing: say what the file is about"));
        }
    }
    for mark in &code.marks {
        match mark {
            Mark::Unsafe(line) if !UNSAFE_FILES.contains(&file.path.as_str()) && !is_test(&file.path) => {
                complain(*line, format!("`unsafe` stands only in {}", UNSAFE_FILES.join(" and ")));
            }
            // A test may say that it skips what the machine lacks.
            Mark::Macro(line, name) if PRINTING.contains(&name.as_str()) && !is_test(&file.path) => {
                complain(*line, format!("`{name}!` writes past the views: stdout and stderr are theirs"));
            }
            Mark::Unsafe(_) | Mark::Macro(..) | Mark::Call(..) => {}
        }
    }
    for path in &code.paths {
        if file.path != "src/main.rs"
            && !is_test(&file.path)
            && path.segments.ends_with(&["process".into(), "exit".into()])
        {
            complain(path.line, "`process::exit` skips what has to be put in order: return a code".into());
        }
    }

    for path in &code.paths {
        let is_handle = path.segments.len() > 1
            && path.segments[path.segments.len() - 2] == "io"
            && path.segments.last().is_some_and(|last| ["stdout", "stderr"].contains(&last.as_str()));
        let hands_out = module.first().is_none_or(|top| HANDS_OUT.contains(&top.as_str()));
        if is_handle && !hands_out && !is_test(&file.path) {
            let modules = HANDS_OUT.join("` and `");
            complain(path.line, format!("stdout and stderr are the views': `{modules}` hand them out"));
        }
        let known =
            KNOWN_TO.iter().find(|(name, _)| path.segments.first().is_some_and(|first| first == name));
        if let Some((name, files)) = known
            && !files.contains(&file.path.as_str())
        {
            complain(path.line, format!("`{name}` is known to {} alone", files.join(" and ")));
        }
    }

    // The top of the crate uses everything; the rules below are about the modules.
    let Some(top) = module.first() else { return found };
    let Some(place) = architecture.place(top) else {
        complain(1, format!("`{top}` is no module of src/lib.rs"));
        return found;
    };
    for path in &code.paths {
        let Some(used) = path.top_module(&module) else { continue };
        match architecture.place(used) {
            None => complain(path.line, format!("`{used}` is no module of src/lib.rs")),
            Some(other) if other > place => {
                complain(path.line, format!("`{top}` uses `{used}`, which stands below it in src/lib.rs"));
            }
            Some(_) => {}
        }
    }
    if place < architecture.pure {
        for path in &code.paths {
            let written = path.segments.join("::");
            let impure = IMPURE_PATHS.iter().find(|impure| {
                written.strip_prefix(**impure).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            });
            if let Some(impure) = impure {
                complain(path.line, format!("`{impure}` in `{top}`, which stands above the world"));
            }
            if HALF_PURE.contains(&written.as_str()) {
                complain(
                    path.line,
                    format!("`{written}` as a whole in `{top}`, above the world: name its parts"),
                );
            }
            let reads_clock =
                path.segments.len() > 1 && path.segments.last().is_some_and(|last| last == "now");
            if reads_clock {
                complain(path.line, format!("`{written}` reads a clock in `{top}`, above the world"));
            }
        }
        for mark in &code.marks {
            if let Mark::Call(line, name) = mark
                && IMPURE_CALLS.contains(&name.as_str())
            {
                complain(*line, format!("`.{name}()` asks the file system in `{top}`, above the world"));
            }
        }
    }
    found
}

/// Comments with a start of [`CLUMSY_STARTS`], as line and start. Further lines of a comment may start as they like.
fn clumsy_comments(text: &str) -> Vec<(usize, &'static str)> {
    let comment = |line: &'_ str| {
        line.trim_start()
            .strip_prefix("//")
            .map(|rest| rest.trim_start_matches(['/', '!']).trim_start().to_owned())
    };
    let mut is_further = false;
    let mut found = Vec::new();
    for (place, line) in text.lines().enumerate() {
        let comment = comment(line);
        if let Some(comment) = comment.as_deref().filter(|_| !is_further) {
            let start = CLUMSY_STARTS.iter().find(|start| comment.starts_with(**start));
            found.extend(start.map(|start| (place + 1, *start)));
        }
        is_further = comment.is_some_and(|comment| !comment.is_empty());
    }
    found
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs")
}

/// A file of tests, or what only tests use.
fn helps_tests(path: &str) -> bool {
    is_test(path)
        || path.contains("/tests/")
        || ["fake.rs", "fixture.rs", "harness.rs", "stage.rs"].iter().any(|name| path.ends_with(name))
}

/// Files that no `mod` line brings in: the compiler never sees them.
fn orphans(files: &[File]) -> Vec<String> {
    let mut declared: BTreeSet<Vec<String>> = BTreeSet::new();
    for file in files {
        let parent = module_path(&file.path);
        for name in &Code::of(&file.text).declared {
            declared.insert([parent.clone(), vec![name.clone()]].concat());
        }
        // `#[path = "console_tests.rs"] mod tests;` brings in a file beside this one.
        for rest in file.text.split("#[path = \"").skip(1) {
            let (folder, _) = file.path.rsplit_once('/').unwrap_or(("src", ""));
            declared.insert(module_path(&format!("{folder}/{}", rest.split('"').next().unwrap_or(""))));
        }
    }
    files
        .iter()
        .map(|file| (file, module_path(&file.path)))
        .filter(|(_, module)| !module.is_empty() && !declared.contains(module))
        .map(|(file, _)| format!("{}: no `mod` line brings this file in", file.path))
        .collect()
}

/// `src/plan/graph.rs` is `[plan, graph]`, `src/plan/mod.rs` is `[plan]`, `src/lib.rs` is `[]`.
fn module_path(path: &str) -> Vec<String> {
    let inside = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
    let mut parts: Vec<String> = inside.split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod" || parts.len() == 1 && (last == "lib" || last == "main"))
    {
        parts.pop();
    }
    parts
}

/// Numbers and titles of the codes in `src/diagnostic/code.rs`.
fn codes(table: &str) -> BTreeMap<u16, String> {
    table
        .lines()
        .filter_map(|line| {
            let (_, rest) = line.trim().split_once(" = ")?;
            let (number, title) = rest.split_once(", \"")?;
            Some((number.parse().ok()?, title.strip_suffix("\";")?.to_owned()))
        })
        .collect()
}

/// What is wrong with the pages of the codes: `pages` holds file names and their texts.
fn page_complaints(codes: &BTreeMap<u16, String>, pages: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for (number, title) in codes {
        let page = format!("E{number:04}.md");
        let heading = format!("# E{number:04}: {title}");
        match pages.get(&page).map(|text| text.lines().next() == Some(&heading)) {
            None => found.push(format!("docs/errors/{page}: missing: the page of `{title}`")),
            Some(false) => found.push(format!("docs/errors/{page}: opens with `{heading}`")),
            Some(true) => {}
        }
    }
    for page in pages.keys() {
        let number =
            page.strip_prefix('E').and_then(|rest| rest.strip_suffix(".md")).and_then(|n| n.parse().ok());
        if number.is_none_or(|number| !codes.contains_key(&number)) {
            found.push(format!("docs/errors/{page}: a page without a code"));
        }
    }
    found
}

/// Codes that a page cannot be made to give, and the source with the snapshot that stands in for the page's: E0702 is about
/// a full disk, E0714 about a bash that is too old, E10xx about a cluster.
const SHOWN_ELSEWHERE: &[(&str, &str)] = &[
    ("E0702", "tests/cli/data.rs"),
    ("E0714", "src/lang/bash_cases.rs"),
    ("E1001", "tests/cli/slurm.rs"),
    ("E1002", "tests/cli/slurm.rs"),
    ("E1003", "tests/cli/resume.rs"),
    ("E1004", "tests/cli/slurm.rs"),
    ("E1005", "tests/cli/slurm.rs"),
    ("E1006", "tests/cli/slurm.rs"),
    ("E1007", "tests/cli/slurm.rs"),
    ("E1008", "tests/cli/slurm.rs"),
    ("E1009", "tests/cli/slurm.rs"),
    ("E1010", "tests/cli/slurm.rs"),
    ("E1011", "tests/cli/slurm.rs"),
    ("E1012", "tests/cli/slurm.rs"),
];

/// Codes whose message nobody has seen. It stands, with the smallest ottofile that raises it, in a console block of the
/// code's page; tests/docs.rs runs those and compares the whole output.
fn unseen_codes(
    codes: &BTreeMap<u16, String>,
    pages: &BTreeMap<String, String>,
    elsewhere: &[(&str, &str)],
) -> Vec<String> {
    let is_message = |line: &str, code: &str| {
        ["error", "warning"].iter().any(|level| line.starts_with(&format!("{level}[{code}]: ")))
    };
    let is_shown = |code: &str| {
        let page = pages.get(&format!("{code}.md")).map_or("", String::as_str);
        let mut consoles = page.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
        consoles.any(|console| console.lines().any(|line| is_message(line, code)))
    };
    let mut found = Vec::new();
    for (number, title) in codes {
        let code = format!("E{number:04}");
        let is_seen = match elsewhere.iter().find(|(known, _)| *known == code) {
            None => is_shown(&code),
            // A line of a snapshot, or the whole of it.
            Some((_, source)) => source.lines().any(|line| {
                is_message(line.trim_start(), &code)
                    || ["error", "warning"]
                        .iter()
                        .any(|level| line.contains(&format!("@\"{level}[{code}]: ")))
            }),
        };
        if !is_seen {
            found.push(format!("{code} ({title}): its page does not show its message"));
        }
    }
    found
}

/// Names of the crates in one section of Cargo.toml.
fn dependencies(manifest: &str, section: &str) -> Vec<String> {
    let mut is_inside = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_inside = line.trim() == format!("[{section}]");
        } else if is_inside && let Some((name, _)) = line.split_once('=') {
            names.push(name.trim().to_owned());
        }
    }
    names
}

/// Names in the first column of the table under a heading, without back-ticks.
fn first_column(document: &str, heading: &str) -> Vec<String> {
    document
        .lines()
        .skip_while(|line| line.trim() != heading)
        .skip(1)
        .take_while(|line| !line.starts_with('#'))
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .filter_map(|line| Some(line.split('|').nth(1)?.trim().trim_matches('`').to_owned()))
        .collect()
}

/// Paths of somebody's machine: they mean nothing to anybody else.
fn machine_paths(file: &File, checkout: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (line, text) in file.text.lines().enumerate() {
        let names_checkout = checkout.split('/').count() > 3 && text.contains(checkout);
        // Spelled in two parts, so that this file may contain the rule.
        let names_root = text.contains(concat!("/ro", "ot/"));
        let names_home = [concat!("/ho", "me/"), concat!("/Us", "ers/")].iter().any(|homes| {
            text.match_indices(homes).any(|(place, _)| {
                // `/srv/otto/home/x` is somewhere else.
                let is_start = !text[..place].ends_with(|c: char| c.is_alphanumeric() || ".-_".contains(c));
                let rest = text[place + homes.len()..].chars();
                let user: String = rest.take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                is_start && !user.is_empty() && !["a", "b", "me", "you", "user"].contains(&user.as_str())
            })
        });
        if names_checkout || names_root || names_home {
            found.push(format!("{}:{}: a path of one machine: {}", file.path, line + 1, text.trim()));
        }
    }
    found
}

// ── Reading Rust, as far as the rules need it ────────────────────────────────────────────────────────────────

/// What the rules look at in one file.
struct Code {
    paths: Vec<UsedPath>,
    marks: Vec<Mark>,
    /// Names of `mod name;` lines.
    declared: Vec<String>,
    /// Paths of `pub use` lines.
    passed_on: Vec<UsedPath>,
}

/// A path as written, groups taken apart: `use std::{fs, io::Read}` is two.
struct UsedPath {
    line: usize,
    segments: Vec<String>,
    /// How many `mod name {` are round it.
    inline_depth: usize,
}

enum Mark {
    Unsafe(usize),
    /// `name!`
    Macro(usize, String),
    /// `.name(`
    Call(usize, String),
}

impl UsedPath {
    /// The module of `lib.rs` that this path leads to, seen from a file whose module is `from`.
    fn top_module(&self, from: &[String]) -> Option<&str> {
        let supers = self.segments.iter().take_while(|segment| *segment == "super").count();
        let rest = match self.segments.first()?.as_str() {
            "crate" => &self.segments[1..],
            "super" if supers >= from.len() + self.inline_depth => &self.segments[supers..],
            _ => return None,
        };
        rest.first().map(String::as_str)
    }

    /// The path from the top of the crate, seen from a file whose module is `from`. `None` for other crates, and for paths
    /// that start at a name in sight.
    fn absolute(&self, from: &[String]) -> Option<Vec<String>> {
        let supers = self.segments.iter().take_while(|segment| *segment == "super").count();
        match self.segments.first()?.as_str() {
            "crate" => Some(self.segments[1..].to_vec()),
            "super" => {
                let up = supers.saturating_sub(self.inline_depth);
                let kept = from.len().checked_sub(up)?;
                Some([&from[..kept], &self.segments[supers..]].concat())
            }
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Token {
    line: usize,
    text: String,
}

impl Code {
    fn of(text: &str) -> Code {
        let tokens = tokens(&blanked(text));
        let mut code =
            Code { paths: Vec::new(), marks: Vec::new(), declared: Vec::new(), passed_on: Vec::new() };
        let at = |place: usize| tokens.get(place).map_or("", |token| token.text.as_str());
        // How many braces are open, and at which counts an inline module was entered.
        let mut braces = 0usize;
        let mut inline: Vec<usize> = Vec::new();
        let mut place = 0;
        while place < tokens.len() {
            let Token { line, text } = &tokens[place];
            match text.as_str() {
                "{" => braces += 1,
                "}" => {
                    braces = braces.saturating_sub(1);
                    if inline.last() == Some(&braces) {
                        inline.pop();
                    }
                }
                "unsafe" => code.marks.push(Mark::Unsafe(*line)),
                "mod" if at(place + 2) == ";" => code.declared.push(at(place + 1).to_owned()),
                "mod" if at(place + 2) == "{" => inline.push(braces),
                "use" if place > 0 && [")", "pub"].contains(&at(place - 1)) => {
                    path_from(&tokens, place + 1, &[], inline.len(), &mut code.passed_on);
                }
                "." if is_word(at(place + 1)) && at(place + 2) == "(" => {
                    code.marks.push(Mark::Call(*line, at(place + 1).to_owned()));
                }
                word if is_word(word) => {
                    if at(place + 1) == "!" {
                        code.marks.push(Mark::Macro(*line, word.to_owned()));
                    }
                    let is_start = place == 0 || !["::", "."].contains(&at(place - 1));
                    if is_start && at(place + 1) == "::" {
                        let end = path_from(&tokens, place, &[], inline.len(), &mut code.paths);
                        // Braces of a group are balanced, so skipping them keeps the count right.
                        place = end;
                        continue;
                    }
                }
                _ => {}
            }
            place += 1;
        }
        code
    }
}

/// Reads the path that starts at `place` and adds it, or the paths of its group. Gives the place after it.
fn path_from(
    tokens: &[Token],
    mut place: usize,
    before: &[String],
    inline_depth: usize,
    paths: &mut Vec<UsedPath>,
) -> usize {
    let at = |place: usize| tokens.get(place).map_or("", |token| token.text.as_str());
    let line = tokens[place].line;
    let mut segments = before.to_vec();
    loop {
        if at(place) == "{" {
            place += 1;
            while place < tokens.len() && at(place) != "}" {
                let is_entry = is_word(at(place)) || at(place) == "*" || at(place) == "{";
                place = if is_entry {
                    path_from(tokens, place, &segments, inline_depth, paths)
                } else {
                    place + 1
                };
            }
            return place + 1;
        }
        if is_word(at(place)) || at(place) == "*" {
            segments.push(at(place).to_owned());
            place += 1;
        }
        if at(place) != "::" || !(is_word(at(place + 1)) || ["{", "*"].contains(&at(place + 1))) {
            break;
        }
        place += 1;
    }
    if at(place) == "as" {
        place += 2;
    }
    if segments.last().is_some_and(|last| last == "self") && segments.len() > 1 {
        segments.pop();
    }
    paths.push(UsedPath { line, segments, inline_depth });
    place.max(1)
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Words, `::` and single other characters, with their lines.
fn tokens(code: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let length = if is_word(rest) {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        if first == '\n' {
            line += 1;
        } else if !first.is_whitespace() {
            tokens.push(Token { line, text: rest[..length].to_owned() });
        }
        rest = &rest[length..];
    }
    tokens
}

/// The text with comments and the insides of literals as blanks; lines stay where they are.
fn blanked(text: &str) -> String {
    let mut blanked = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_word = false;
    while let Some(first) = rest.chars().next() {
        let (length, keeps) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), false)
        } else if rest.starts_with("/*") {
            (block_comment(rest), false)
        } else if let Some(length) = (!after_word).then(|| raw_string(rest)).flatten() {
            (length, false)
        } else if first == '"' {
            (quoted(rest, '"'), false)
        } else if first == '\'' && is_character(rest) {
            (quoted(rest, '\''), false)
        } else {
            (first.len_utf8(), true)
        };
        if keeps {
            blanked.push_str(&rest[..length]);
        } else {
            blanked.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        }
        after_word = first.is_alphanumeric() || first == '_';
        rest = &rest[length..];
    }
    blanked
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut place = 0;
    while place < text.len() {
        if text[place..].starts_with("/*") {
            depth += 1;
            place += 2;
        } else if text[place..].starts_with("*/") {
            depth -= 1;
            place += 2;
            if depth == 0 {
                return place;
            }
        } else {
            place += text[place..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of `r"…"`, `r#"…"#`, `br"…"` at the start of the text, if one is there.
fn raw_string(text: &str) -> Option<usize> {
    let after =
        text.strip_prefix("br").or_else(|| text.strip_prefix("cr")).or_else(|| text.strip_prefix('r'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let inside = after[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - inside.len();
    Some(inside.find(&close).map_or(text.len(), |end| start + end + close.len()))
}

fn quoted(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1);
    while let Some((place, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote {
            return place + 1;
        }
    }
    text.len()
}

/// `'a'` and `'\n'` are characters, `'a` is a lifetime.
fn is_character(text: &str) -> bool {
    let mut characters = text.chars().skip(1);
    matches!((characters.next(), characters.next()), (Some('\\'), _) | (Some(_), Some('\'')))
}

// ── The project ──────────────────────────────────────────────────────────────────────────────────────────────

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All files under `folder` that `keeps` by name, sorted, as text.
fn files(folder: &str, keeps: impl Fn(&str) -> bool + Copy) -> Vec<File> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name();
            // What is built and what tools leave behind is not the project's text.
            let is_made = ["target", "book", ".git", ".venv", "__pycache__", "node_modules"];
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !is_made.iter().any(|made| name == *made) => walk(&path, found),
                Ok(kind) if kind.is_file() => found.push(path),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort();
    found
        .into_iter()
        .map(|path| path.strip_prefix(root()).expect("walked from the root").to_string_lossy().into_owned())
        .filter(|path| keeps(path))
        // What is not text has no rules here.
        .filter_map(|path| Some(File { text: fs::read_to_string(root().join(&path)).ok()?, path }))
        .collect()
}

fn none(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn the_sources_keep_the_rules_of_the_house() {
    let architecture = Architecture::read(&read("src/lib.rs"));
    assert!(architecture.pure < architecture.modules.len(), "src/lib.rs has no line `{WORLD}`");
    let sources = files("src", |path| path.ends_with(".rs"));
    assert!(sources.len() > 10, "the sources were not found");
    none(sources.iter().flat_map(|file| complaints(&architecture, file)).collect());
}

/// A source file up to its own tests, which stand at its end.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default()
}

/// Type names of the crate that are defined in more than one place outside tests.
fn taken_twice(sources: &[File]) -> Vec<String> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in sources.iter().filter(|file| !helps_tests(&file.path)) {
        let code = blanked(&file.text);
        let code = without_tests(&code);
        for (number, line) in code.lines().enumerate() {
            let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
            let Some("struct" | "enum" | "trait" | "type") = words.next() else { continue };
            let name: String =
                words.next().unwrap_or_default().chars().take_while(|c| c.is_alphanumeric()).collect();
            // An associated type of a standard trait is no name of ours.
            let is_ours = !["Err", "Error", "Item", "Target", "Output", "Value"].contains(&name.as_str())
                || !line.contains(" = ");
            if name.starts_with(char::is_uppercase) && is_ours {
                places.entry(name).or_default().push(format!("{}:{}", file.path, number + 1));
            }
        }
    }
    let twice = places.into_iter().filter(|(_, places)| places.len() > 1);
    twice
        .map(|(name, places)| format!("`{name}` is the name of several types: {}", places.join(", ")))
        .collect()
}

#[test]
fn a_name_stands_for_one_type() {
    none(taken_twice(&files("src", |path| path.ends_with(".rs"))));
    let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
    let two = [
        file("src/a.rs", "pub(crate) struct Reader<'a> {"),
        file("src/b.rs", "// struct Reader\nenum Reader {"),
    ];
    assert_eq!(taken_twice(&two), ["`Reader` is the name of several types: src/a.rs:1, src/b.rs:2"]);
    assert_eq!(taken_twice(&two[..1]), Vec::<String>::new());
}

/// Paths that are put together from a name in the code: `.join("name")`. A text that joins words has blanks or other signs.
fn joined_paths(file: &File) -> Vec<String> {
    let code = without_tests(&file.text);
    let is_name = |text: &str| {
        text.chars().all(|c| c.is_alphanumeric() || "._-/".contains(c)) && text.contains(char::is_alphabetic)
    };
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate() {
        for rest in line.split(".join(\"").skip(1) {
            let name = rest.split('"').next().unwrap_or_default();
            if is_name(name) {
                found.push(format!("{}:{}: `{name}` is joined to a path", file.path, number + 1));
            }
        }
    }
    found
}

#[test]
fn paths_in_the_home_are_joined_in_one_file() {
    // What a language writes for its interpreter is its own matter; the others are not in the home.
    let may_join = |path: &str| path == "src/store/layout.rs" || path.starts_with("src/lang/");
    let elsewhere = ["src/exec/slurm/mod.rs: `sbatch`", "src/exec/guard.rs: `children`"];
    let known = |complaint: &String| {
        elsewhere.iter().any(|known| {
            known
                .split_once(": ")
                .is_some_and(|(path, name)| complaint.starts_with(path) && complaint.contains(name))
        })
    };
    none(
        files("src", |path| path.ends_with(".rs") && !may_join(path) && !helps_tests(path))
            .iter()
            .flat_map(joined_paths)
            .filter(|found| !known(found))
            .collect(),
    );
    let file = File {
        path: "src/x.rs".into(),
        text: "a.join(\"output.json\").join(\"tasks/a\"); b.join(\", \"); c.join(\" and \")\n#[cfg(test)]\nmod tests { a.join(\"x\") }".into(),
    };
    assert_eq!(
        joined_paths(&file),
        ["src/x.rs:1: `output.json` is joined to a path", "src/x.rs:1: `tasks/a` is joined to a path"]
    );
}

/// Files of one folder that use each other in a circle, as `folder: files`. A folder's own file (`mod.rs`) is what its other
/// files have in common, so it takes no part; a name that it only passes on stands for the file that has it.
fn circles(sources: &[File]) -> Vec<String> {
    let own = |file: &File| Code::of(without_tests(&file.text));
    let files: Vec<(Vec<String>, Code)> = sources
        .iter()
        .filter(|file| !helps_tests(&file.path))
        .map(|file| (module_path(&file.path), own(file)))
        .collect();
    let modules: BTreeSet<&[String]> = files.iter().map(|(module, _)| module.as_slice()).collect();
    // What a folder's own file passes on: folder and name, to the file that has it.
    let mut passed_on: BTreeMap<Vec<String>, String> = BTreeMap::new();
    for (module, code) in &files {
        for path in code.passed_on.iter().filter(|path| path.segments.len() > 1) {
            let name = path.segments.last().expect("more than one").clone();
            passed_on.insert([module.as_slice(), &[name]].concat(), path.segments[0].clone());
        }
    }
    let mut uses: BTreeMap<&[String], BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (module, code) in &files {
        for mut path in code.paths.iter().filter_map(|path| path.absolute(module)) {
            if let Some((end, part)) =
                (1..=path.len()).find_map(|end| passed_on.get(&path[..end]).map(|part| (end, part.clone())))
                && !modules.contains(&path[..end])
            {
                path.insert(end - 1, part);
            }
            let shared = module.iter().zip(&path).take_while(|(a, b)| a == b).count();
            if shared > 0
                && shared < module.len()
                && path.len() > shared
                && modules.contains(&path[..=shared])
            {
                let room = uses.entry(&module[..shared]).or_default();
                room.entry(module[shared].clone()).or_default().insert(path[shared].clone());
            }
        }
    }
    let mut found = Vec::new();
    for (folder, uses) in uses {
        let reached = |start: &str| {
            let mut seen: BTreeSet<&str> = BTreeSet::new();
            let mut open = vec![start];
            while let Some(file) = open.pop() {
                let used = uses.get(file).into_iter().flatten().map(String::as_str);
                open.extend(used.filter(|used| seen.insert(used)).collect::<Vec<_>>());
            }
            seen
        };
        let mut told: BTreeSet<&str> = BTreeSet::new();
        for file in uses.keys().map(String::as_str) {
            let circle: Vec<&str> =
                reached(file).into_iter().filter(|other| reached(other).contains(file)).collect();
            if circle.contains(&file) && told.insert(circle[0]) {
                found.push(format!("{}: {}", folder.join("/"), circle.join(", ")));
            }
        }
    }
    found
}

#[test]
fn files_of_one_folder_do_not_use_each_other_in_circles() {
    none(circles(&files("src", |path| path.ends_with(".rs"))));

    let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
    let room = |b: &str| {
        circles(&[
            file("src/room/mod.rs", "pub(crate) use c::{Held, Kept};\nuse a::x;"),
            file("src/room/a.rs", "use super::b::x;"),
            file("src/room/b.rs", b),
            file("src/room/c.rs", "use crate::room::a::y;"),
        ])
    };
    assert_eq!(room("use super::Held;"), ["room: a, b, c"]);
    assert_eq!(room("fn f() { super::a::y() }"), ["room: a, b"]);
    assert_eq!(room("#[cfg(test)]\nmod tests { use super::super::a; }"), Vec::<String>::new());
    assert_eq!(room("use super::Own;"), Vec::<String>::new());
}

#[test]
fn every_source_file_is_part_of_the_crate() {
    none(orphans(&files("src", |path| path.ends_with(".rs"))));
}

#[test]
fn every_code_has_its_page_and_every_page_its_code() {
    let codes = codes(&read("src/diagnostic/code.rs"));
    assert!(codes.len() > 30, "the table of codes was not found");
    let pages = files("docs/errors", |path| path.ends_with(".md"))
        .into_iter()
        .map(|file| (file.path.trim_start_matches("docs/errors/").to_owned(), file.text))
        .filter(|(name, _)| name != "README.md")
        .collect();
    none(page_complaints(&codes, &pages));
    let elsewhere: Vec<(&str, String)> =
        SHOWN_ELSEWHERE.iter().map(|(code, source)| (*code, read(source))).collect();
    let elsewhere: Vec<(&str, &str)> = elsewhere.iter().map(|(code, text)| (*code, text.as_str())).collect();
    none(unseen_codes(&codes, &pages, &elsewhere));
    let list = read("docs/errors/README.md");
    let lines = codes.iter().map(|(number, title)| format!("- [E{number:04}](E{number:04}.md): {title}"));
    none(
        lines
            .filter(|line| list.lines().all(|known| known != line))
            .map(|line| format!("docs/errors/README.md: missing: {line}"))
            .collect(),
    );
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let contents = read("docs/SUMMARY.md");
    let list = read("docs/errors/README.md");
    let pages = files("docs", |path| path.ends_with(".md"));
    assert!(pages.len() > 30, "the pages were not found");
    let missing = pages.iter().map(|page| page.path.trim_start_matches("docs/")).filter(|page| {
        let is_listed = |name: &str, text: &str| text.contains(&format!("({name})"));
        let name = page.trim_start_matches("errors/");
        *page != "SUMMARY.md" && !is_listed(page, &contents)
            || name.starts_with("E0") && !is_listed(name, &list)
    });
    none(
        missing.map(|page| format!("docs/{page}: not in docs/SUMMARY.md or docs/errors/README.md")).collect(),
    );
}

/// Variables that a source asks the environment for by name.
fn variables_read(text: &str) -> BTreeSet<&str> {
    let asks = ["filled(\"", "env)(\"", "variable(\""];
    let names = asks.iter().flat_map(|ask| text.split(ask).skip(1)).filter_map(|rest| rest.split('"').next());
    names.filter(|name| name.len() > 1 && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')).collect()
}

#[test]
fn every_variable_that_otto_reads_is_in_the_reference() {
    // What every program reads, what otto tells itself, and what only tests set.
    const SURROUNDINGS: &[&str] = &[
        "HOME",
        "LOGNAME",
        "PATH",
        "POSIXLY_CORRECT",
        "USER",
        "OTTO_CHOICES_COMMAND",
        "OTTO_DEFAULT_COMMAND",
        "OTTO_INVOCATION_DIR",
        "OTTO_FOREACH_COMMAND",
        "OTTO_BASH_LEVEL",
    ];
    let reference = read("docs/command-line.md");
    let (_, table) = reference.split_once("## Variables that otto reads").expect("the table");
    let sources = files("src", |path| path.ends_with(".rs"));
    let bodies = sources.iter().filter(|file| !is_test(&file.path) && file.path != "src/fuzz.rs");
    let names: BTreeSet<&str> = bodies
        .flat_map(|file| variables_read(without_tests(&file.text)))
        .filter(|name| !SURROUNDINGS.contains(name))
        .collect();
    assert!(
        names.contains("OTTO_HOME") && names.contains("OTTO_BASH"),
        "the sources were not found: {names:?}"
    );
    let missing = names.iter().filter(|name| !table.contains(&format!("`{name}`")));
    none(missing.map(|name| format!("docs/command-line.md: {name} is read and not named")).collect());
}

/// Targets of links in a document that are files of the project: the file, empty for the document itself, and the
/// heading in it, empty for none.
fn links(text: &str) -> Vec<(&str, &str)> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|target| {
            !target.is_empty() && !target.contains("://") && !target.contains(char::is_whitespace)
        })
        .map(|target| target.split_once('#').unwrap_or((target, "")))
        .collect()
}

/// What may stand after `#` in a link to a document: its headings as GitHub and mdBook call them, and `<a id="…">`.
fn anchors(text: &str) -> BTreeSet<String> {
    let kept = |c: char| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        _ => c.is_alphanumeric().then(|| c.to_ascii_lowercase()),
    };
    let fenced = text.split("\n```").step_by(2).flat_map(str::lines);
    let headings = fenced
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim().chars().filter_map(kept).collect());
    let ids = text.split("<a id=\"").skip(1).filter_map(|rest| Some(rest.split('"').next()?.to_owned()));
    headings.chain(ids).collect()
}

#[test]
fn links_between_documents_lead_somewhere() {
    let documents = files("", |path| path.ends_with(".md") && !path.starts_with("target/"));
    let leads = |document: &File, file: &str, heading: &str| {
        let folder = root().join(&document.path).parent().expect("a file has a folder").to_path_buf();
        let target = if file.is_empty() { root().join(&document.path) } else { folder.join(file) };
        target.exists()
            && (heading.is_empty()
                || fs::read_to_string(target).is_ok_and(|text| anchors(&text).contains(heading)))
    };
    let broken = documents.iter().flat_map(|document| {
        links(&document.text)
            .into_iter()
            .filter(|(file, heading)| !leads(document, file, heading))
            .map(|(file, heading)| format!("{}: leads nowhere: {file}#{heading}", document.path))
    });
    none(broken.collect());
}

/// Names of tests that a page claims and no source has.
fn claimed_tests(page: &str, sources: &[File]) -> Vec<String> {
    let rows = page.lines().filter(|line| line.starts_with("| ")).filter_map(|line| line.split('|').nth(2));
    let names = rows.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let is_there = |name: &str| sources.iter().any(|file| file.text.contains(&format!("fn {name}(")));
    names
        .filter(|name| !is_there(name))
        .map(|name| format!("docs/contributors/guarantees.md: no test is called `{name}`"))
        .collect()
}

#[test]
fn every_guarantee_is_shown_by_tests_that_exist() {
    let page = read("docs/contributors/guarantees.md");
    assert!(page.matches("\n| ").count() > 30, "the guarantees were not found");
    let mut sources = files("src", |path| path.ends_with(".rs"));
    sources.extend(files("tests", |path| path.ends_with(".rs")));
    none(claimed_tests(&page, &sources));
    let page = read("docs/contributors/slurm.md");
    let is_test = |word: &&str| word.contains('_') && !word.contains(['/', '.', '-']);
    let claimed: Vec<&str> = page.split('`').skip(1).step_by(2).filter(is_test).collect();
    assert!(claimed.len() > 20, "the cases of clusters were not found");
    let is_there = |name: &str| sources.iter().any(|file| file.text.contains(&format!("fn {name}(")));
    let missing = claimed.into_iter().filter(|name| !is_there(name));
    none(missing.map(|name| format!("docs/contributors/slurm.md: no test is called `{name}`")).collect());
}

#[test]
fn the_architecture_gives_a_reason_for_every_dependency_and_names_every_module() {
    let manifest = read("Cargo.toml");
    let document = read("ARCHITECTURE.md");
    let wanted: BTreeSet<String> = ["dependencies", "dev-dependencies"]
        .iter()
        .flat_map(|section| dependencies(&manifest, section))
        .collect();
    assert!(wanted.contains("clap"), "the dependencies were not found");
    let given: BTreeSet<String> = first_column(&document, "## Dependencies").into_iter().collect();
    assert_eq!(given, wanted, "the table under `## Dependencies` of ARCHITECTURE.md against Cargo.toml");

    let missing: Vec<String> = Architecture::read(&read("src/lib.rs"))
        .modules
        .into_iter()
        .filter(|name| {
            let entries = [format!("{name}/ "), format!("{name}.rs ")];
            !document.lines().any(|line| entries.iter().any(|entry| line.trim().starts_with(entry.as_str())))
        })
        .map(|name| format!("ARCHITECTURE.md: the map does not have the module `{name}`"))
        .collect();
    none(missing);
}

/// Functions that the walk from the command line to a value names, as `file: function`, and that are not there.
fn lost_steps(walk: &str, sources: &[File]) -> Vec<String> {
    let walk = walk.split_whitespace().collect::<Vec<_>>().join(" ");
    let named = walk.split('`').skip(1).step_by(2).filter_map(|step| step.split_once(".rs: "));
    let is_there = |file: &str, function: &str| {
        sources.iter().any(|source| {
            source.path == format!("src/{file}.rs")
                && source
                    .text
                    .split(&format!("fn {function}"))
                    .skip(1)
                    .any(|rest| rest.starts_with(['(', '<']))
        })
    };
    named
        .filter(|(file, function)| !is_there(file, function))
        .map(|(file, function)| format!("ARCHITECTURE.md: src/{file}.rs has no function `{function}`"))
        .collect()
}

#[test]
fn the_walk_from_the_command_line_to_a_value_names_functions_that_exist() {
    let document = read("ARCHITECTURE.md");
    let (_, walk) = document.split_once("\n## One value").expect("the walk");
    let walk = walk.split("\n## ").next().expect("a text");
    assert!(walk.matches(".rs: ").count() > 20, "the steps were not found");
    none(lost_steps(walk, &files("src", |path| path.ends_with(".rs"))));
    let sources = [File { path: "src/a.rs".into(), text: "fn here() {}".into() }];
    assert_eq!(
        lost_steps("`a.rs: here`, `a.rs:\nher`", &sources),
        ["ARCHITECTURE.md: src/a.rs has no function `her`"]
    );
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    let is_own = |path: &str| {
        !path.starts_with("target/")
            && !path.contains("/.")
            && (!path.starts_with('.') || path.starts_with(".ci/"))
    };
    let checkout = root().to_string_lossy().into_owned();
    none(files("", is_own).iter().flat_map(|file| machine_paths(file, &checkout)).collect());
}

// ── Each rule, broken ────────────────────────────────────────────────────────────────────────────────────────

const LIB: &str = "//! x\nmod low;\nmod middle;\n// The world.\nmod host;\nmod high;\n";

/// The complaints about one file, without its name.
fn about(path: &str, text: &str) -> Vec<String> {
    complaints(&Architecture::read(LIB), &File { path: path.into(), text: text.into() })
        .into_iter()
        .map(|complaint| complaint.split_once(": ").map_or("", |(_, what)| what).to_owned())
        .collect()
}

#[test]
fn a_module_that_uses_one_below_it_is_reported() {
    let breaks = "`middle` uses `host`, which stands below it in src/lib.rs";
    for text in [
        "//! x\nuse crate::host::Facts;",
        "//! x\nuse crate::{low::A, host};",
        "//! x\nuse crate::{low::{A, B}, host::{C}};",
        "//! x\nfn f() -> crate::host::Facts { todo() }",
        "//! x\nuse super::host::Facts;",
        "//! x\nmod tests { use super::super::host; }",
        "//! x\nmod tests { fn f() { let s = \"}\"; if true {} } }\nuse super::host;",
        "//! x\nuse crate::host as other;",
    ] {
        assert_eq!(about("src/middle.rs", text), [breaks], "{text}");
    }
    assert_eq!(about("src/middle/inner.rs", "//! x\nuse super::super::host::A;"), [breaks]);
    assert_eq!(about("src/middle/mod.rs", "//! x\nuse super::host::A;"), [breaks]);
}

#[test]
fn a_module_may_use_those_above_it_and_itself() {
    for text in [
        "//! x\nuse crate::low::A;\nuse crate::middle::B;\nuse self::inner::C;",
        "//! x\nmod tests { use super::*; use crate::{low::A, middle::B}; }",
        "//! x\npub(crate) fn f() {} // crate::host\n/* crate::host /* nested */ crate::host */",
        "//! x\nconst S: &str = \"crate::host\"; const R: &str = r#\"crate::\"host\"#; const C: char = '\"';",
        "//! x\nfn f<'a>(x: &'a str) -> &'a str { x } // crate::host'",
        "//! x\nuse hyper::host::A;",
    ] {
        assert_eq!(about("src/middle.rs", text), Vec::<String>::new(), "{text}");
    }
    assert_eq!(about("src/high/inner.rs", "//! x\nuse super::host;\nuse crate::host;"), Vec::<String>::new());
    assert_eq!(about("src/lib.rs", "//! x\nuse crate::high;"), Vec::<String>::new());
}

#[test]
fn the_world_above_the_world_is_reported() {
    for (text, what) in [
        ("use std::fs;", "`std::fs` in `low`, which stands above the world"),
        ("use std::{collections::HashMap, env};", "`std::env` in `low`, which stands above the world"),
        (
            "fn f() { std::process::Command::new(x); }",
            "`std::process` in `low`, which stands above the world",
        ),
        (
            "use std::time::{Duration, Instant};",
            "`std::time::Instant` in `low`, which stands above the world",
        ),
        ("use std::sync::{Arc, Mutex};", "`std::sync::Mutex` in `low`, which stands above the world"),
        ("use std::net::{self, TcpStream as S};", "`std::net` in `low`, which stands above the world"),
        ("use std::thread;", "`std::thread` in `low`, which stands above the world"),
        ("use rustix::fd::AsFd;", "`rustix` in `low`, which stands above the world"),
        ("use std::io::{self, Write};", "`std::io` as a whole in `low`, above the world: name its parts"),
        ("use std::sync;", "`std::sync` as a whole in `low`, above the world: name its parts"),
        (
            "fn f() { jiff::Timestamp::now(); }",
            "`jiff::Timestamp::now` reads a clock in `low`, above the world",
        ),
        ("fn f(p: &Path) { p.exists(); }", "`.exists()` asks the file system in `low`, above the world"),
    ] {
        let first = about("src/low.rs", &format!("//! x\n{text}")).into_iter().next();
        assert_eq!(first.as_deref(), Some(what), "{text}");
        assert_eq!(about("src/high.rs", &format!("//! x\n{text}")), Vec::<String>::new(), "{text}");
    }
    assert_eq!(about("src/low.rs", "//! x\nuse std::sync::Arc;\nuse std::fmt;"), Vec::<String>::new());
}

#[test]
fn a_crate_that_one_module_alone_knows_is_reported_elsewhere() {
    let sql = "//! x\nuse rusqlite::Connection;";
    assert_eq!(
        about("src/high.rs", sql),
        ["`rusqlite` is known to src/history/index.rs and src/history/query.rs alone"]
    );
    let history = File { path: "src/history/index.rs".into(), text: sql.into() };
    assert_eq!(
        complaints(&Architecture::read("// The world.\nmod history;"), &history),
        Vec::<String>::new()
    );
}

#[test]
fn printing_exits_unsafe_and_silent_openings_are_reported() {
    assert_eq!(
        about("src/high.rs", "//! x\nfn f() { println!(\"x\"); }"),
        ["`println!` writes past the views: stdout and stderr are theirs"]
    );
    assert_eq!(
        about("src/high.rs", "//! x\n// println!\nfn f() { writeln!(o, \"print!\"); }"),
        Vec::<String>::new()
    );
    for text in ["//! x\nfn f() { std::io::stderr(); }", "//! x\nuse std::io;\nfn f() { io::stdout(); }"] {
        assert_eq!(
            about("src/high.rs", text),
            ["stdout and stderr are the views': `command` and `cli` hand them out"]
        );
    }
    assert_eq!(about("src/high/tests.rs", "//! x\nfn f() { eprintln!(\"skipped\"); }"), Vec::<String>::new());
    assert_eq!(
        about("src/high.rs", "//! x\nfn f() { std::process::exit(1); }"),
        ["`process::exit` skips what has to be put in order: return a code"]
    );
    assert_eq!(
        about("src/high.rs", "//! x\nuse std::process;\nfn f() { process::exit(1); }"),
        ["`process::exit` skips what has to be put in order: return a code"]
    );
    assert_eq!(about("src/high.rs", "//! x\nfn f() { unsafe { g() } }").len(), 1);
    let architecture = Architecture::read("mod exec;");
    let guard = File { path: UNSAFE_FILES[0].into(), text: "//! x\nunsafe fn f() {}".into() };
    assert_eq!(complaints(&architecture, &guard), Vec::<String>::new());
    assert_eq!(
        about("src/high.rs", "use crate::low;"),
        ["a file opens with `//!`: what it is for, and what it does not know"]
    );
    assert_eq!(about("src/high/util.rs", "//! x"), ["`util` names nothing: say what the file is about"]);
    assert_eq!(about("src/new.rs", "//! x"), ["`new` is no module of src/lib.rs"]);
}

#[test]
fn comments_that_start_clumsily_are_reported() {
    let text = "\
//! Whoever reads this.

/// So long it takes.
const A: u32 = 1; // Who cares.

/// Waits as long as it takes.
/// So long lines may go on here.
fn a() {
    // Whether there were any.
    let _ = \"// not a comment\";
    // Whether any were added.
}
";
    let found: Vec<String> =
        clumsy_comments(text).into_iter().map(|(line, start)| format!("{line}: {start}")).collect();
    assert_eq!(found, ["1: Whoever", "3: So long", "9: Whether there were"]);
}

#[test]
fn a_file_that_no_module_brings_in_is_reported() {
    let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
    let found = orphans(&[
        file("src/lib.rs", "mod plan;"),
        file("src/main.rs", ""),
        file("src/plan/mod.rs", "mod graph;"),
        file("src/plan/graph.rs", "#[cfg(test)]\n#[path = \"graph_tests.rs\"]\nmod tests;"),
        file("src/plan/graph_tests.rs", ""),
        file("src/plan/lost.rs", ""),
    ]);
    assert_eq!(found, ["src/plan/lost.rs: no `mod` line brings this file in"]);
}

#[test]
fn pages_without_codes_and_codes_without_pages_are_reported() {
    let codes =
        codes("codes! {\n    First = 1, \"one\";\n    Second = 102, \"two\";\n    Third = 3, \"three\";\n}");
    let page = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let pages = BTreeMap::from([
        page("E0001.md", "# E0001: one\n"),
        page("E0003.md", "# three"),
        page("E0999.md", ""),
    ]);
    assert_eq!(
        page_complaints(&codes, &pages),
        [
            "docs/errors/E0003.md: opens with `# E0003: three`",
            "docs/errors/E0102.md: missing: the page of `two`",
            "docs/errors/E0999.md: a page without a code",
        ]
    );
}

#[test]
fn codes_that_nobody_has_seen_are_reported() {
    let titles = ["one", "two", "three", "four", "five"];
    let codes = (1..).zip(titles.map(str::to_owned)).collect();
    let page = |number: u16, text: &str| (format!("E{number:04}.md"), text.to_owned());
    let pages = BTreeMap::from([
        page(1, "```console\n$ otto\nwarning[E0001]: one\n```\n"),
        page(2, "```text\nerror[E0002]: two\n```\n"),
        page(3, "```console\n$ otto Explain E0003\nsee error[E0003]: three\n```\n"),
    ]);
    let elsewhere =
        [("E0004", "assert_snapshot!(x, @\"error[E0004]: four\")"), ("E0005", "// error[E0005]: five")];
    assert_eq!(
        unseen_codes(&codes, &pages, &elsewhere),
        [
            "E0002 (two): its page does not show its message",
            "E0003 (three): its page does not show its message",
            "E0005 (five): its page does not show its message",
        ]
    );
}

#[test]
fn tables_of_dependencies_are_read() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\nclap = \"4\"\nserde = { version = \"1\" }\n[lints]\nx = 1\n";
    assert_eq!(dependencies(manifest, "dependencies"), ["clap", "serde"]);
    let document = "## Dependencies\nText.\n\n| crate | why |\n|---|---|\n| `clap` | words |\n| `serde` | x |\n\n## Next\n| `no` |\n";
    assert_eq!(first_column(document, "## Dependencies"), ["clap", "serde"]);
}

#[test]
fn a_guarantee_without_its_test_is_reported() {
    let sources = [File { path: "src/x.rs".into(), text: "fn it_holds() {}".into() }];
    let page = "| otto guarantees | shown by |\n|---|---|\n| a `word` | `it_holds` `it_does_not` |\n";
    assert_eq!(
        claimed_tests(page, &sources),
        ["docs/contributors/guarantees.md: no test is called `it_does_not`"]
    );
}

#[test]
fn variables_that_are_read_are_found() {
    let text = "environment.filled(\"OTTO_X\"); (script.env)(\"OTTO_Y\"); text(\"jobs\"); \"OTTO_Z\"";
    assert_eq!(variables_read(text), BTreeSet::from(["OTTO_X", "OTTO_Y"]));
}

#[test]
fn links_are_found() {
    let text = "[a](x.md) [b](docs/y.md#part) [c](https://x.example/) [d](#here) `OUTPUT[k](not a link)`";
    assert_eq!(links(text), [("x.md", ""), ("docs/y.md", "part"), ("", "here")]);
    let text = "# A title\n## In `bash`, too\n```sh\n# a comment\n```\n<a id=\"old\"></a>\n### The_end\n";
    assert_eq!(anchors(text).into_iter().collect::<Vec<_>>(), ["a-title", "in-bash-too", "old", "the_end"]);
}

#[test]
fn paths_of_one_machine_are_reported() {
    let about = |text: &str| {
        machine_paths(&File { path: "x.md".into(), text: text.into() }, "/srv/build/otto-checkout").len()
    };
    assert_eq!(about(concat!("cd /ho", "me/alice/src")), 1);
    assert_eq!(about(concat!("cd /Us", "ers/bob/src")), 1);
    assert_eq!(about(concat!("/ro", "ot/.cargo")), 1);
    assert_eq!(about("see /srv/build/otto-checkout/x"), 1);
    assert_eq!(about(concat!("looked in /home/a/x, /usr/bin, ~/.otto, /tmp and /srv/ho", "me/alice")), 0);
}
