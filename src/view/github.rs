//! What GitHub Actions wants beside plain text: foldable groups, annotations, a summary of the step.
//! Computes text; the console writes it. Commands go to stderr, for stdout belongs to the tasks.

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
    /// A word that no task can guess: commands are off until it comes again.
    pub(crate) token: String,
    /// The ottofile from the root of the repository, as annotations need it.
    pub(crate) file: String,
}

impl Workflow {
    /// Opens a fold.
    pub(crate) fn group(&self, title: &str) -> String {
        format!("::group::{}\n", data(&shown(title)))
    }

    /// Commands in what follows are text.
    pub(crate) fn stop_commands(&self) -> String {
        format!("::stop-commands::{}\n", self.token)
    }

    pub(crate) fn resume_commands(&self) -> String {
        format!("::{}::\n", self.token)
    }

    /// An error at the line of the ottofile where a task failed.
    pub(crate) fn error(&self, job: &JobState, reason: &str, tail: &Tail) -> String {
        let lines: Vec<String> = tail.lines().map(|line| filter::without_colours(&line)).collect();
        let last = &lines[lines.len().saturating_sub(LINES_OF_ANNOTATION)..];
        let message =
            std::iter::once(reason.to_owned()).chain(last.iter().cloned()).collect::<Vec<_>>().join("\n");
        let name = job.planned.name.as_str();
        let line = job.line.unwrap_or(job.planned.line);
        annotation(&self.file, line, name, &message)
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

/// In a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A line of a task that the runner would take for a command, made harmless. Needed where the command that turns commands
/// off goes another way than the line, and may come later.
pub(crate) fn harmless(text: &mut Vec<u8>) {
    if !text.windows(2).any(|pair| pair == b"::" || pair == b"##") {
        return;
    }
    let mut safe = Vec::with_capacity(text.len() + 16);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let blanks = line.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let (blanks, mut rest) = line.split_at(blanks);
        safe.extend_from_slice(blanks);
        if rest.starts_with(b"::") {
            safe.push(b'\\');
        }
        // The older form is obeyed anywhere in a line.
        while let Some(place) = rest.windows(3).position(|three| three == b"##[") {
            safe.extend_from_slice(&rest[..place]);
            safe.extend_from_slice(b"#\\#[");
            rest = &rest[place + 3..];
        }
        safe.extend_from_slice(rest);
    }
    *text = safe;
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
            html(&words.ottofile)
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

    #[test]
    fn what_could_be_a_command_is_not() {
        for (wrote, safe) in [
            ("plain: a::b # ## x\n", "plain: a::b # ## x\n"),
            ("::error::x\n", "\\::error::x\n"),
            (" \t::set-env name=x::y\n::add-path::/\n", " \t\\::set-env name=x::y\n\\::add-path::/\n"),
            ("a ##[group]b ##[x]\n", "a #\\#[group]b #\\#[x]\n"),
        ] {
            let mut text = wrote.as_bytes().to_vec();
            harmless(&mut text);
            assert_eq!(String::from_utf8_lossy(&text), safe);
        }
    }

    #[test]
    fn commands_are_escaped() {
        let workflow = Workflow { token: "t0ken".into(), file: "a,b:c.yml".into() };
        assert_eq!(workflow.group("a\n::b 100%"), "::group::a\\x0a::b 100%25\n");
        assert_eq!(workflow.warning("x:y,z", "one\r\ntwo"), "::warning title=x%3Ay%2Cz::one\\x0d\\x0atwo\n");
        assert_eq!(property("a%b,c:d\n"), "a%25b%2Cc%3Ad%0A");
    }

    #[test]
    fn markdown_in_names_is_text() {
        assert_eq!(code("a|b<c>*"), "<code>a&#124;b&lt;c&gt;&#42;</code>");
    }
}
