//! What GitHub Actions gets besides plain text: groups, annotations, a summary of the step; and which commands of tasks reach
//! its runner. Computes text; the console writes it.

use super::filter::{self, shown};
use super::style::Paint;
use super::tail::Tail;
use super::time;
use super::wording::{self, Words};
use crate::state::{JobState, RunState};

/// Rows of the summary's table; the rest is counted.
const MOST_ROWS: usize = 200;
/// Lines of output that an annotation repeats.
const LINES_OF_ANNOTATION: usize = 5;

/// What is known of the workflow.
#[derive(Clone, Debug)]
pub(crate) struct Workflow {
    /// The ottofile from the root of the repository, as annotations need it.
    pub(crate) file: String,
}

impl Workflow {
    /// Opens a group.
    pub(crate) fn group(&self, title: &str) -> String {
        format!("::group::{}\n", data(&shown(title)))
    }

    /// An error at the line of the ottofile where a task failed.
    pub(crate) fn error(&self, job: &JobState, reason: &str, tail: &Tail) -> String {
        let lines: Vec<String> = tail.lines().map(|line| filter::without_colours(&line)).collect();
        let last = &lines[lines.len().saturating_sub(LINES_OF_ANNOTATION)..];
        let message =
            std::iter::once(reason.to_owned()).chain(last.iter().cloned()).collect::<Vec<_>>().join("\n");
        let name = job.planned.name.as_str();
        let line = job.line.unwrap_or(job.planned.line);
        annotation(&job.planned.ottofile(&self.file), line, name, &message)
    }

    pub(crate) fn warning(&self, title: &str, message: &str) -> String {
        format!("::warning title={}::{}\n", property(&shown(title)), data(&shown(message)))
    }
}

/// An error at a line of a file, which is named from the root of the repository.
pub(crate) fn annotation(file: &str, line: usize, title: &str, message: &str) -> String {
    format!(
        "::error file={},line={line},title={}::{}\n",
        property(&shown(file)),
        property(&shown(title)),
        data(message)
    )
}

/// In the message of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Has the runner hide a value, wherever it is printed from now on.
pub(crate) fn add_mask(value: &str) -> String {
    format!("::add-mask::{}\n", data(value))
}

/// In a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Commands of tasks that reach the runner: they mask a word or annotate a line. The others change what the runner does with
/// later steps, other tasks or otto's own lines, and any text that a task happens to print could hold them.
const PASSING: &[&str] = &["add-mask", "debug", "notice", "warning", "error"];

/// What becomes of lines that are no passing command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    Shown,
    Hidden,
}

/// The commands in the output of one attempt.
#[derive(Debug, Default)]
pub(crate) struct WorkflowCommands {
    /// The task said `::stop-commands::TOKEN`: what follows is text for it too.
    stopped_by: Option<String>,
}

impl WorkflowCommands {
    /// Takes whole lines, each behind `prefix`. A passing command loses the prefix, for the runner reads commands at the start
    /// of a line only; other commands are made text.
    pub(crate) fn filter(&mut self, lines: &mut Vec<u8>, prefix: &[u8], rest: Rest) {
        if rest == Rest::Shown && !has_signs(lines) {
            return;
        }
        let mut filtered = Vec::with_capacity(lines.len() + 16);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let (prefix, text) = match line.strip_prefix(prefix) {
                Some(text) => (prefix, text),
                None => (&b""[..], line),
            };
            if self.passes(text) {
                filtered.extend_from_slice(text);
            } else if rest == Rest::Shown {
                filtered.extend_from_slice(prefix);
                push_as_text(text, &mut filtered);
            }
        }
        *lines = filtered;
    }

    fn passes(&mut self, line: &[u8]) -> bool {
        let text = String::from_utf8_lossy(line);
        // The runner trims as Unicode does.
        let Some((command, rest)) = text.trim().strip_prefix("::").and_then(|text| text.split_once("::"))
        else {
            return false;
        };
        if let Some(token) = &self.stopped_by {
            if command == token && rest.is_empty() {
                self.stopped_by = None;
            }
            return false;
        }
        let name = command.split(' ').next().unwrap_or_default();
        if name.eq_ignore_ascii_case("stop-commands") {
            self.stopped_by = Some(rest.to_owned());
        }
        PASSING.iter().any(|passing| name.eq_ignore_ascii_case(passing))
    }
}

/// Lines without anything that the runner would take for a command.
pub(crate) fn as_text(lines: &str) -> String {
    if !has_signs(lines.as_bytes()) {
        return lines.to_owned();
    }
    let mut safe = Vec::with_capacity(lines.len() + 16);
    for line in lines.as_bytes().split_inclusive(|byte| *byte == b'\n') {
        push_as_text(line, &mut safe);
    }
    String::from_utf8(safe).expect("bug: only ASCII was added")
}

fn has_signs(text: &[u8]) -> bool {
    text.windows(2).any(|pair| pair == b"::" || pair == b"##")
}

fn push_as_text(line: &[u8], out: &mut Vec<u8>) {
    let blanks = match std::str::from_utf8(line) {
        Ok(text) => text.len() - text.trim_start().len(),
        Err(_) => line.iter().take_while(|byte| byte.is_ascii_whitespace()).count(),
    };
    let (blanks, mut rest) = line.split_at(blanks);
    out.extend_from_slice(blanks);
    if rest.starts_with(b"::") {
        out.push(b'\\');
    }
    // The older form is obeyed anywhere in a line.
    while let Some(place) = rest.windows(3).position(|three| three == b"##[") {
        out.extend_from_slice(&rest[..place]);
        out.extend_from_slice(b"#\\#[");
        rest = &rest[place + 3..];
    }
    out.extend_from_slice(rest);
}

/// The run as Markdown, for the page of the workflow.
pub(crate) fn step_summary(words: &Words, run: &RunState, failures: &[(usize, Tail)]) -> String {
    let words = &Words { paint: Paint { is_on: false }, ..words.clone() };
    let took = time::duration(run.ended_us.unwrap_or(run.began_us).saturating_sub(run.began_us));
    let mut text = format!("### otto: {} in {took}\n\n", wording::counts(&run.counts(), words.paint));
    let shown_jobs = || run.jobs.iter().filter(|job| job.planned.has_body && !job.is_not_called_for());
    text.push_str("| task | | time | |\n|---|---|---:|---|\n");
    for job in shown_jobs().take(MOST_ROWS) {
        let (word, _) = wording::status(job);
        let time = job.took_us().map(time::duration).unwrap_or_default();
        let detail = wording::detail(job, run.stopping, words.grace);
        text.push_str(&format!(
            "| {} | {word} | {time} | {} |\n",
            code(job.planned.name.as_str()),
            cell(&detail)
        ));
    }
    let unseen = shown_jobs().count().saturating_sub(MOST_ROWS);
    if unseen > 0 {
        text.push_str(&format!("\n{unseen} more tasks are not listed.\n"));
    }
    for (place, tail) in failures {
        let job = &run.jobs[*place];
        let line = job.line.unwrap_or(job.planned.line);
        let detail = html(&wording::detail(job, run.stopping, words.grace));
        let (word, _) = wording::status(job);
        text.push_str(&format!(
            "\n<details open><summary>{word} {} {detail} {}:{line}</summary>\n<pre>\n",
            code(job.planned.name.as_str()),
            html(&job.planned.ottofile(&words.ottofile))
        ));
        for line in tail.lines() {
            // An empty line would end the HTML block.
            let line = html(&filter::without_colours(&line));
            text.push_str(if line.trim().is_empty() { "&nbsp;" } else { &line });
            text.push('\n');
        }
        text.push_str("</pre></details>\n");
    }
    text
}

fn html(text: &str) -> String {
    shown(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// In a cell of a table, where Markdown's own signs mean nothing either.
fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in html(text).chars() {
        if "\\`*_{}[]()#+-.!|~@:".contains(character) && !character.is_alphanumeric() {
            safe.push_str(&format!("&#{};", u32::from(character)));
        } else {
            safe.push(character);
        }
    }
    safe
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", cell(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filtered(lines: &str, prefix: &str, rest: Rest) -> String {
        let mut text = lines.as_bytes().to_vec();
        WorkflowCommands::default().filter(&mut text, prefix.as_bytes(), rest);
        String::from_utf8(text).expect("UTF-8")
    }

    #[test]
    fn masks_and_annotations_pass_and_other_commands_are_text() {
        for (wrote, shown) in [
            ("plain: a::b # ## x\n", "plain: a::b # ## x\n"),
            ("::error::x\n", "::error::x\n"),
            (" ::Add-Mask::s3cret\n", " ::Add-Mask::s3cret\n"),
            ("::warning file=a.c,line=3::x ##[y]\n", "::warning file=a.c,line=3::x ##[y]\n"),
            (" \t::set-env name=x::y\n::add-path::/\n", " \t\\::set-env name=x::y\n\\::add-path::/\n"),
            ("\u{a0}::set-output name=x::y\n", "\u{a0}\\::set-output name=x::y\n"),
            ("::group::x\n::endgroup::\n::echo::on\n", "\\::group::x\n\\::endgroup::\n\\::echo::on\n"),
            ("::errors::x\n::error\n", "\\::errors::x\n\\::error\n"),
            ("a ##[group]b ##[x]\n", "a #\\#[group]b #\\#[x]\n"),
        ] {
            assert_eq!(filtered(wrote, "", Rest::Shown), shown);
        }
    }

    #[test]
    fn a_command_passes_without_the_name_of_its_task() {
        let lines = " a │ x\n a │ ::error::x\n a │ ::add-path::/\n";
        assert_eq!(filtered(lines, " a │ ", Rest::Shown), " a │ x\n::error::x\n a │ \\::add-path::/\n");
        assert_eq!(filtered(lines, " a │ ", Rest::Hidden), "::error::x\n");
    }

    #[test]
    fn a_task_can_print_commands_as_text() {
        let lines = "::stop-commands::t0k\n::error::x\n::t0k::\n::error::y\n";
        let shown = "\\::stop-commands::t0k\n\\::error::x\n\\::t0k::\n::error::y\n";
        assert_eq!(filtered(lines, "", Rest::Shown), shown);
    }

    proptest::proptest! {
        #[test]
        fn nothing_but_what_passes_is_a_command(line in "[ \u{a0}\t]{0,2}(::|##\\[)?(set-env|add-path|error|x| )?[a-z :#\\[\\]]{0,12}") {
            let out = filtered(&format!("{line}\n"), "", Rest::Shown);
            let text = out.trim();
            let name = text.strip_prefix("::").and_then(|text| text.split_once("::")).map(|(command, _)| command);
            match name.map(|name| name.split(' ').next().unwrap_or_default()) {
                Some(name) => proptest::prop_assert!(PASSING.contains(&name), "{out:?}"),
                None => proptest::prop_assert!(!text.starts_with("::") && !text.contains("##["), "{out:?}"),
            }
        }
    }

    #[test]
    fn commands_are_escaped() {
        let workflow = Workflow { file: "a,b:c.yml".into() };
        assert_eq!(workflow.group("a\n::b 100%"), "::group::a\\x0a::b 100%25\n");
        assert_eq!(workflow.warning("x:y,z", "one\r\ntwo"), "::warning title=x%3Ay%2Cz::one\\x0d\\x0atwo\n");
        assert_eq!(property("a%b,c:d\n"), "a%25b%2Cc%3Ad%0A");
    }

    #[test]
    fn markdown_in_names_is_text() {
        assert_eq!(code("a|b<c>*"), "<code>a&#124;b&lt;c&gt;&#42;</code>");
    }
}
