//! The messages of shells: they begin with the path of the script and a line of it, in the form of each shell. What is shown
//! has the place in the ottofile instead, which is the same line; the log keeps what the shell wrote.

use super::lines::after_newline;
use crate::event::Stream;
use std::borrow::Cow;

/// The bytes of a stream with the places of messages shortened: `/…/tasks/build/otto.yml:build: line 6: no` as
/// `otto.yml:6: no`.
pub(super) fn shortened(stream: Stream, bytes: &[u8]) -> Cow<'_, [u8]> {
    if stream == Stream::Stdout {
        return Cow::Borrowed(bytes);
    }
    let mut changed: Option<Vec<u8>> = None;
    let mut done = 0;
    while done < bytes.len() {
        let line = &bytes[done..done + after_newline(&bytes[done..])];
        match (short(line), &mut changed) {
            (Some((place, rest)), _) => {
                let changed = changed.get_or_insert_with(|| bytes[..done].to_vec());
                changed.extend_from_slice(place.as_bytes());
                changed.extend_from_slice(&line[line.len() - rest..]);
            }
            (None, Some(changed)) => changed.extend_from_slice(line),
            (None, None) => {}
        }
        done += line.len();
    }
    changed.map_or(Cow::Borrowed(bytes), Cow::Owned)
}

/// The place of a message in the ottofile, and the length of what comes after it. A script is run as
/// `/…/tasks/JOB/OTTOFILE:JOB` exactly where its lines are those of the ottofile; a later attempt and the `if` of a task have
/// folders of their own in that of the job.
fn short(line: &[u8]) -> Option<(String, usize)> {
    // mksh says `E: ` first.
    let line = line.strip_prefix(b"E: ").unwrap_or(line);
    // Quick: most lines are no message of a shell.
    if !line.starts_with(b"/") {
        return None;
    }
    // Up to what the message says, it is UTF-8.
    let text = line.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let beyond = line.len() - text.len();
    text.match_indices('/').find_map(|(place, _)| {
        let (job, rest) = text[place..].strip_prefix("/tasks/")?.split_once('/')?;
        let rest =
            rest.strip_prefix("attempt-").map_or(Some(rest), |later| Some(later.split_once('/')?.1))?;
        let rest = rest.strip_prefix(".otto/if/").unwrap_or(rest);
        let (ottofile, rest) = rest.split_once(&format!(":{job}"))?;
        let (number, message) = line_number(rest)?;
        // dash also names the file that it was loading: the text of an `if`.
        let is_loaded = |path: &str| path.ends_with(&format!("/.otto/if/{ottofile}:{job}"));
        let message =
            message.split_once(": ").filter(|(path, _)| is_loaded(path)).map_or(message, |(_, said)| said);
        let is_name = !ottofile.is_empty() && !ottofile.contains(['/', ':']);
        is_name.then(|| (format!("{ottofile}:{number}: "), message.len() + beyond))
    })
}

/// `: line 6: …` of bash and busybox, `: 6: …` of dash, `:6: …` of zsh, `[6]: …` of ksh and mksh.
fn line_number(text: &str) -> Option<(&str, &str)> {
    let (rest, end) = match text.strip_prefix('[') {
        Some(rest) => (rest, "]: "),
        None => {
            let rest = text.strip_prefix(": line ").or_else(|| text.strip_prefix(": "));
            (rest.or_else(|| text.strip_prefix(':'))?, ": ")
        }
    };
    let (number, message) = rest.split_once(end)?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((number, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        String::from_utf8_lossy(&shortened(Stream::Stderr, text.as_bytes())).into_owned()
    }

    const PATH: &str = "/home/a b/.otto/p-1/20261130-1-x/tasks/build/otto.yml:build";

    #[test]
    fn messages_of_every_shell_show_the_place_in_the_ottofile() {
        for after in [": line 6: ", ": 6: ", ":6: ", "[6]: "] {
            assert_eq!(
                shown(&format!("{PATH}{after}x: not found\n")),
                "otto.yml:6: x: not found\n",
                "{after}"
            );
        }
        assert_eq!(shown(&format!("E: {PATH}[6]: x: not found\n")), "otto.yml:6: x: not found\n");
        let many = format!("a\n{PATH}: line 6: \u{e9}\n\nb {PATH}: line 6: c\n{PATH}: line 7: d");
        assert_eq!(shown(&many), format!("a\notto.yml:6: \u{e9}\n\nb {PATH}: line 6: c\notto.yml:7: d"));
        for folder in ["attempt-2/", ".otto/if/", "attempt-12/.otto/if/"] {
            assert_eq!(shown(&format!("/r/tasks/a/{folder}x.yml:a: line 3: no\n")), "x.yml:3: no\n");
        }
        assert_eq!(
            shown("/r/tasks/a/x.yml:a: 3: /r/tasks/a/.otto/if/x.yml:a: b: not set\n"),
            "x.yml:3: b: not set\n"
        );
        assert_eq!(shown("/r/tasks/up/tasks/tasks/up:a/x.yml:up:a: line 3: no\n"), "x.yml:3: no\n");
    }

    #[test]
    fn everything_else_is_shown_as_it_is() {
        for text in [
            "",
            "\n",
            "/tasks/\n",
            "/x/tasks/build/script.sh: line 6: no\n",
            "/x/tasks/build/otto.yml:other: line 6: no\n",
            "/x/tasks/build/sub/otto.yml:build: line 6: no\n",
            "/x/tasks/build/otto.yml:build: line x: no\n",
            "/x/tasks/build/otto.yml:build: no\n",
            "/x/tasks/build/otto.yml:build: line 6",
        ] {
            assert_eq!(shown(text), text);
        }
        let text = format!("{PATH}: line 6: no\n");
        assert_eq!(*shortened(Stream::Stdout, text.as_bytes()), *text.as_bytes());
        let mut odd = format!("{PATH}: line 6: ").into_bytes();
        odd.extend(b"\xff\xfe\n");
        assert_eq!(*shortened(Stream::Stderr, &odd), *b"otto.yml:6: \xff\xfe\n");
    }
}
