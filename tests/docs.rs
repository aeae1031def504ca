//! What the documents show is true: each `yaml` block is an ottofile that otto reads, each `console` block is run in the
//! folder of the ottofile above it and prints what is written. `UPDATE_DOCS=1` rewrites what differs.

mod picture;
mod transcript;

use std::fs;
use std::path::{Path, PathBuf};
use transcript::{Sandbox, neutral, settled, steps, written};

/// A fenced block: its language and where its content stands in the text.
#[derive(Debug, PartialEq)]
struct Block {
    language: String,
    start: usize,
    end: usize,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<(String, usize)> = None;
    let mut place = 0;
    for line in text.split_inclusive('\n') {
        match (line.trim_end().strip_prefix("```"), open.take()) {
            (Some(""), Some((language, start))) => blocks.push(Block { language, start, end: place }),
            (Some(language), None) => open = Some((language.to_owned(), place + line.len())),
            (_, still) => open = still,
        }
        place += line.len();
    }
    assert!(open.is_none(), "a fence is never closed");
    blocks
}

/// The document with every console block as it really is. Complaints that no rewriting mends go to `broken`.
fn proven(path: &Path, text: &str, broken: &mut Vec<String>) -> String {
    let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path).display().to_string();
    // A page of a diagnostic shows ottofiles with mistakes in them.
    let is_code = name.starts_with("docs/errors/E");
    let mut result = String::new();
    let mut done = 0;
    let mut sandbox = sandbox(&name);
    for block in blocks(text) {
        let content = &text[block.start..block.end];
        match block.language.as_str() {
            // One of several ottofiles of a project: `# services/api/otto.yml` in its first line says which.
            "yaml" if file_of(content).is_some() => {
                let file = sandbox.project().join(file_of(content).unwrap_or_default());
                fs::create_dir_all(file.parent().expect("a file is in a folder")).expect("a folder");
                fs::write(file, content).expect("an ottofile in the sandbox");
            }
            "yaml" => {
                sandbox = self::sandbox(&name);
                fs::write(sandbox.project().join("otto.yml"), content).expect("an ottofile in the sandbox");
                if !is_code {
                    let check = steps("$ otto List >/dev/null || echo refused").expect("a transcript");
                    let printed = &sandbox.run(&check)[0].output;
                    if printed.contains("refused") {
                        broken.push(format!("{name}: otto does not read\n{content}\n{printed}"));
                    }
                }
            }
            "console" => match steps(content) {
                Ok(wanted) => {
                    let got = sandbox.run(&wanted);
                    if is_code && !got.iter().any(|step| step.output.contains(&code_of(&name))) {
                        broken.push(format!("{name}: the example does not give its code\n{}", written(&got)));
                        continue;
                    }
                    result.push_str(&text[done..block.start]);
                    result.push_str(&written(&settled(&wanted, &got)));
                    done = block.end;
                }
                Err(error) => broken.push(format!("{name}: {error}")),
            },
            "sh" | "text" | "bash" | "python" | "toml" | "json" => {}
            other => broken.push(format!("{name}: a block in a language that is not checked: `{other}`")),
        }
    }
    result.push_str(&text[done..]);
    result
}

/// The file that a block is, if its first line says so.
fn file_of(content: &str) -> Option<&str> {
    content.lines().next()?.strip_prefix("# ").filter(|name| name.ends_with(".yml") && !name.contains(' '))
}

fn code_of(page: &str) -> String {
    format!("[{}]", page.trim_start_matches("docs/errors/").trim_end_matches(".md"))
}

/// The README speaks of the examples, so it has them beside it.
fn sandbox(name: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    if name == "docs/slurm.md" {
        return sandbox.with_cluster();
    }
    if name == "README.md" {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        transcript::copy(&examples, &sandbox.project().join("examples"));
    }
    sandbox
}

fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![root.join("README.md")];
    for folder in ["docs", "docs/errors", "docs/from"] {
        let entries = fs::read_dir(root.join(folder)).expect("docs/").flatten().map(|entry| entry.path());
        found.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    found.sort();
    found
}

/// Checks the documents for which `is_meant` holds; several tests share the work, so that they run side by side.
fn check(is_meant: impl Fn(&str) -> bool) {
    let mut broken = Vec::new();
    let mut seen = 0;
    for path in documents() {
        let name =
            path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("a document of ours").display().to_string();
        if !is_meant(&name) {
            continue;
        }
        seen += 1;
        let text = fs::read_to_string(&path).expect("a document is text");
        let result = proven(&path, &text, &mut broken);
        if result != text {
            if std::env::var_os("UPDATE_DOCS").is_some() {
                fs::write(&path, &result).expect("the document");
            }
            let difference = similar_lines(&text, &result);
            broken.push(format!("{name}: shows what is not so\n{difference}"));
        }
    }
    assert!(seen > 0, "the documents were not found");
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// The lines that differ, `-` as written and `+` as it is.
fn similar_lines(written: &str, real: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (written.lines().collect(), real.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let lines =
        |sign: &str, lines: &[&str]| lines.iter().map(|line| format!("{sign} {line}\n")).collect::<String>();
    lines("-", &old[head..old.len() - tail]) + &lines("+", &new[head..new.len() - tail])
}

#[test]
fn the_readme_shows_what_is_so() {
    check(|name| name == "README.md");
}

/// The picture of the README and of the book's first page: the first ottofile of the README, run with colours.
#[test]
fn the_picture_is_that_of_a_real_run() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/run.svg");
    let text = fs::read_to_string("README.md").expect("the README");
    let block = blocks(&text).into_iter().find(|block| block.language == "yaml").expect("an ottofile");
    let sandbox = sandbox("the picture");
    fs::write(sandbox.project().join("otto.yml"), &text[block.start..block.end]).expect("an ottofile");
    let run = sandbox.run(&steps("$ otto --color always -j1").expect("a transcript"));
    // On a slow machine a run also says what took it so long.
    let fast = |line: &str| line.split(" · slowest chain").next().unwrap_or_default().to_owned() + "\n";
    let new = picture::of("otto -j1", &run[0].output.lines().map(fast).collect::<String>());
    let old = fs::read_to_string(&path).unwrap_or_default();
    // Times and the run's name differ each time; a picture with others is as true.
    let ((old_tags, old_text), (new_tags, new_text)) =
        (picture::taken_apart(&old), picture::taken_apart(&new));
    if old_tags != new_tags || neutral(&old_text) != neutral(&new_text) {
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, &new).expect("the picture");
        }
        panic!("docs/run.svg shows what is not so\n{}", similar_lines(&old, &new));
    }
}

#[test]
fn the_guide_shows_what_is_so() {
    check(|name| name.starts_with("docs/") && !name.starts_with("docs/errors/"));
}

#[test]
fn the_page_of_each_code_shows_its_message() {
    check(|name| name.starts_with("docs/errors/"));
}

#[test]
fn blocks_are_found_with_their_languages() {
    let text = "a\n```yaml\nx: 1\n```\nb\n```console\n$ otto\n```\n";
    let found: Vec<(String, &str)> =
        blocks(text).into_iter().map(|block| (block.language, &text[block.start..block.end])).collect();
    assert_eq!(found, [("yaml".to_owned(), "x: 1\n"), ("console".to_owned(), "$ otto\n")]);
}
