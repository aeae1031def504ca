//! `Explain`: the page of a diagnostic code, as it stands in the book.
//! The pages are part of the binary; `tests/tidy.rs` holds them to the table of codes.

use super::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::name::similar;
use crate::source::SourceFile;

pub(super) fn command() -> clap::Command {
    let code = clap::Arg::new("code")
        .value_name("CODE")
        .help("an error code such as E0104 (default: list all codes)");
    clap::Command::new("Explain").arg(code)
}

macro_rules! pages {
    ($($code:ident,)*) => {
        /// Codes as they are written, with their pages.
        const PAGES: &[(&str, &str)] =
            &[$((stringify!($code), include_str!(concat!("../../docs/errors/", stringify!($code), ".md"))),)*];
    };
}

pages! {
    E0001,
    E0002,
    E0003,
    E0004,
    E0005,
    E0006,
    E0007,
    E0101,
    E0102,
    E0103,
    E0104,
    E0105,
    E0106,
    E0107,
    E0108,
    E0109,
    E0110,
    E0111,
    E0112,
    E0113,
    E0114,
    E0115,
    E0201,
    E0202,
    E0203,
    E0204,
    E0205,
    E0206,
    E0301,
    E0302,
    E0303,
    E0304,
    E0305,
    E0306,
    E0307,
    E0401,
    E0402,
    E0403,
    E0404,
    E0405,
    E0406,
    E0407,
    E0501,
    E0502,
    E0503,
    E0504,
    E0505,
    E0506,
    E0507,
    E0508,
    E0509,
    E0510,
    E0601,
    E0602,
    E0603,
    E0604,
    E0605,
    E0606,
    E0607,
    E0701,
    E0702,
    E0703,
    E0704,
    E0705,
    E0706,
    E0707,
    E0708,
    E0709,
    E0710,
    E0711,
    E0712,
    E0713,
    E0714,
    E0715,
    E0716,
    E0717,
    E0718,
    E0719,
    E0720,
    E0801,
    E0802,
    E0803,
    E0804,
    E0805,
    E0806,
    E0807,
    E0808,
    E0901,
    E0902,
    E0903,
    E0904,
    E0905,
    E0906,
    E0907,
    E0908,
    E0909,
    E1001,
    E1002,
    E1003,
    E1004,
    E1005,
    E1006,
    E1007,
    E1008,
    E1009,
    E1010,
    E1011,
    E1012,
}

pub(super) fn run(context: &mut Context, matches: &clap::ArgMatches) -> i32 {
    let Some(wanted) = matches.get_one::<String>("code") else {
        let text = if context.is_json { json(Code::ALL) } else { list() };
        context.print(&text);
        return 0;
    };
    let Some(code) = Code::parse(wanted) else {
        let refused = unknown(wanted);
        return context.refuse(&[refused]);
    };
    let text = if context.is_json { json(&[code]) } else { for_terminal(page(code)) };
    context.print(&text);
    0
}

fn page(code: Code) -> &'static str {
    let name = code.to_string();
    let found = PAGES.iter().find(|(known, _)| *known == name);
    found.expect("bug: a code without a page").1
}

fn list() -> String {
    Code::ALL.iter().map(|code| format!("{code}  {}\n", code.title())).collect()
}

fn json(codes: &[Code]) -> String {
    let entries = codes.iter().map(
        |code| serde_json::json!({ "code": code.to_string(), "title": code.title(), "page": page(*code) }),
    );
    format!("{:#}\n", serde_json::Value::Array(entries.collect()))
}

fn unknown(wanted: &str) -> Diagnostic {
    let line = SourceFile::new("command line", format!("otto Explain {wanted}"));
    let span = line.span("otto Explain ".len(), line.text().len());
    let names: Vec<&str> = PAGES.iter().map(|(name, _)| *name).collect();
    Diagnostic::error(Code::UnexpectedWord, format!("unknown error code `{wanted}`"))
        .at(&line, span, "not a code")
        .did_you_mean(&similar(&wanted.to_uppercase(), names, 3))
        .help("`otto Explain` lists all codes")
}

/// Markdown as plain text: blocks indented instead of fenced, links without their targets.
fn for_terminal(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    let mut in_block = false;
    for line in page.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
            if in_block && !text.ends_with("\n\n") {
                text.push('\n');
            }
            continue;
        }
        if in_block {
            text.push_str(if line.is_empty() { "" } else { "    " });
            text.push_str(line);
        } else {
            text.push_str(&without_links(line.trim_start_matches("# ").trim_start_matches("## ")));
        }
        text.push('\n');
    }
    text
}

/// `[the words](where.md)` as `the words`; what stands between back-ticks stays.
fn without_links(line: &str) -> String {
    let parts = line.split('`').enumerate();
    let parts =
        parts.map(|(place, part)| if place % 2 == 0 { words_of_links(part) } else { part.to_owned() });
    parts.collect::<Vec<_>>().join("`")
}

fn words_of_links(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('[') {
        text.push_str(before);
        let link =
            after.split_once("](").and_then(|(words, target)| Some((words, target.split_once(')')?.1)));
        rest = match link {
            Some((words, behind)) => {
                text.push_str(words);
                behind
            }
            None => {
                text.push('[');
                after
            }
        };
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn every_code_has_its_page_in_the_binary() {
        for code in Code::ALL {
            assert!(page(*code).starts_with(&format!("# {code}: {}\n", code.title())), "{code}");
        }
        assert_eq!(PAGES.len(), Code::ALL.len(), "a page of a code that is gone");
    }

    #[test]
    fn pages_are_shown_without_the_signs_of_markdown() {
        let page = "# E0001: one\n\nRead [the docs](x.md#y), `OUTPUT[k]` and `a[0](b)`.\n\n```yaml\na: 1\n\n  b: 2\n```\n\n## What to do\n";
        assert_snapshot!(for_terminal(page), @"
        E0001: one

        Read the docs, `OUTPUT[k]` and `a[0](b)`.

            a: 1

              b: 2

        What to do
        ");
    }

    #[test]
    fn a_code_that_does_not_exist_is_answered_with_near_ones() {
        let refused = unknown("e0140");
        assert_eq!(refused.helps, ["did you mean `E0104` or `E0110`?", "`otto Explain` lists all codes"]);
    }
}
