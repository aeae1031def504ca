//! What an expansion of make comes to: characters that are known now, and holes for what only the task can know.
//! Knows neither the language of make nor that of the shell.

/// Stands for the folder of the Makefile in plain text, which is known only when the task runs.
pub(super) const FOLDER: char = '\u{e000}';
/// Stands for make itself in plain text.
pub(super) const MAKE: char = '\u{e001}';

pub(super) type Text = Vec<Piece>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Plain(String),
    /// A variable of the environment, or what stands for one that is not set.
    Env {
        name: String,
        or: Text,
    },
    /// What a command prints, on one line.
    Shell(Text),
    /// The files that match, at the time of the task.
    Wildcard(String),
    /// `then` where `test` is not empty.
    If {
        test: Text,
        then: Text,
        other: Text,
    },
    /// A text and a blank behind it, unless it is empty: what `+=` adds to.
    Spaced(Text),
    /// A function of make on what is not known yet.
    Call {
        function: &'static str,
        arguments: Vec<Text>,
    },
    /// `$(error …)`: the task ends here.
    Fail {
        line: usize,
        message: Text,
    },
    /// `$(info …)` and `$(warning …)`.
    Say(Text),
}

pub(super) fn plain(text: impl Into<String>) -> Text {
    let text = text.into();
    if text.is_empty() { Vec::new() } else { vec![Piece::Plain(text)] }
}

/// Adds to a text; plain pieces that meet become one.
pub(super) fn push(text: &mut Text, more: Text) {
    for piece in more {
        match (text.last_mut(), piece) {
            (Some(Piece::Plain(last)), Piece::Plain(next)) => last.push_str(&next),
            (_, Piece::Plain(next)) if next.is_empty() => {}
            (_, piece) => text.push(piece),
        }
    }
}

pub(super) fn push_str(text: &mut Text, more: &str) {
    push(text, plain(more));
}

/// The characters of a text without holes.
pub(super) fn literal(text: &[Piece]) -> Option<String> {
    match text {
        [] => Some(String::new()),
        [Piece::Plain(text)] => Some(text.clone()),
        _ => None,
    }
}

/// How large a text is with all that its holes hold, and how deep holes lie within holes.
pub(super) fn extent(text: &[Piece]) -> (usize, usize) {
    let (mut size, mut depth) = (0, 0);
    for piece in text {
        let inner: &[&Text] = match piece {
            Piece::Plain(text) | Piece::Wildcard(text) => {
                size += 16 + text.len();
                continue;
            }
            Piece::Env { or, .. } => &[or],
            Piece::Shell(text) | Piece::Spaced(text) | Piece::Say(text) => &[text],
            Piece::Fail { message, .. } => &[message],
            Piece::If { test, then, other } => &[test, then, other],
            Piece::Call { arguments, .. } => &arguments.iter().collect::<Vec<_>>(),
        };
        size += 16;
        for text in inner {
            let (more, deeper) = extent(text);
            size += more;
            depth = depth.max(deeper + 1);
        }
    }
    (size, depth)
}

/// Whether a text ends the task, or make itself, under some condition.
pub(super) fn can_fail(text: &[Piece]) -> bool {
    text.iter().any(|piece| match piece {
        Piece::Plain(_) | Piece::Wildcard(_) => false,
        Piece::Fail { .. } => true,
        Piece::Env { or: text, .. } | Piece::Shell(text) | Piece::Spaced(text) | Piece::Say(text) => {
            can_fail(text)
        }
        Piece::If { test, then, other } => [test, then, other].into_iter().any(|text| can_fail(text)),
        Piece::Call { arguments, .. } => arguments.iter().any(|text| can_fail(text)),
    })
}

/// Whether a hole may be filled with several lines: make would take each for a line of the recipe.
pub(super) fn has_late_lines(text: &[Piece]) -> bool {
    let has_lines = |text: &Text| {
        let has_newline = |piece: &Piece| matches!(piece, Piece::Plain(text) if text.contains('\n'));
        text.iter().any(has_newline) || has_late_lines(text)
    };
    text.iter().any(|piece| match piece {
        Piece::Plain(_) | Piece::Wildcard(_) | Piece::Shell(_) | Piece::Fail { .. } | Piece::Say(_) => false,
        Piece::Env { or: text, .. } | Piece::Spaced(text) => has_lines(text),
        Piece::If { then, other, .. } => has_lines(then) || has_lines(other),
        // The others make one blank of whatever is between words.
        Piece::Call { function, arguments } => {
            ["subst", "findstring", "wordlist"].contains(function) && arguments.iter().any(has_lines)
        }
    })
}

/// The names of the environment that a text reads.
pub(super) fn names(text: &[Piece], found: &mut std::collections::BTreeSet<String>) {
    for piece in text {
        match piece {
            Piece::Plain(_) | Piece::Wildcard(_) => {}
            Piece::Env { name, or } => {
                found.insert(name.clone());
                names(or, found);
            }
            Piece::Shell(text) | Piece::Spaced(text) => names(text, found),
            Piece::If { test, then, other } => {
                [test, then, other].into_iter().for_each(|text| names(text, found));
            }
            Piece::Call { arguments, .. } => arguments.iter().for_each(|text| names(text, found)),
            Piece::Fail { message, .. } | Piece::Say(message) => names(message, found),
        }
    }
}
