//! What an expansion of make comes to: characters that are known now, and holes for what only the task can know.
//! Knows neither the language of make nor that of the shell.

/// Stands for the folder of the Makefile in plain text, which is known only when the task runs.
pub(super) const FOLDER: char = '\u{e000}';
/// Stands for make itself in plain text.
pub(super) const MAKE: char = '\u{e001}';

pub(super) type MakeText = Vec<TextPiece>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TextPiece {
    Plain(String),
    /// A variable of the environment, or what stands for one that is not set.
    Env {
        name: String,
        or: MakeText,
    },
    /// What a command prints, on one line.
    Shell(MakeText),
    /// The files that match, at the time of the task.
    Wildcard(String),
    /// `then` where `test` is not empty.
    If {
        test: MakeText,
        then: MakeText,
        other: MakeText,
    },
    /// A text and a blank behind it, unless it is empty: what `+=` adds to.
    Spaced(MakeText),
    /// A function of make on what is not known yet.
    Call {
        function: &'static str,
        arguments: Vec<MakeText>,
    },
    /// `$(error …)`: the task ends here.
    Fail {
        line: usize,
        message: MakeText,
    },
    /// `$(info …)` and `$(warning …)`.
    Say(MakeText),
}

pub(super) fn plain(text: impl Into<String>) -> MakeText {
    let text = text.into();
    if text.is_empty() { Vec::new() } else { vec![TextPiece::Plain(text)] }
}

/// Adds to a text; plain pieces that meet become one.
pub(super) fn push(text: &mut MakeText, more: MakeText) {
    for piece in more {
        match (text.last_mut(), piece) {
            (Some(TextPiece::Plain(last)), TextPiece::Plain(next)) => last.push_str(&next),
            (_, TextPiece::Plain(next)) if next.is_empty() => {}
            (_, piece) => text.push(piece),
        }
    }
}

pub(super) fn push_str(text: &mut MakeText, more: &str) {
    push(text, plain(more));
}

/// `base more`, without the blank where there is nothing before it.
pub(super) fn added(base: MakeText, more: MakeText) -> MakeText {
    let is_known = base.is_empty() || base.iter().any(|piece| matches!(piece, TextPiece::Plain(_)));
    let mut whole = match is_known {
        true => base,
        false => vec![TextPiece::Spaced(base)],
    };
    if is_known && !whole.is_empty() {
        push_str(&mut whole, " ");
    }
    push(&mut whole, more);
    whole
}

/// The characters of a text without holes.
pub(super) fn literal(text: &[TextPiece]) -> Option<String> {
    match text {
        [] => Some(String::new()),
        [TextPiece::Plain(text)] => Some(text.clone()),
        _ => None,
    }
}

/// How large a text is with all that its holes hold, and how deep holes lie within holes.
pub(super) fn extent(text: &[TextPiece]) -> (usize, usize) {
    let (mut size, mut depth) = (0, 0);
    for piece in text {
        let inner: &[&MakeText] = match piece {
            TextPiece::Plain(text) | TextPiece::Wildcard(text) => {
                size += 16 + text.len();
                continue;
            }
            TextPiece::Env { or, .. } => &[or],
            TextPiece::Shell(text) | TextPiece::Spaced(text) | TextPiece::Say(text) => &[text],
            TextPiece::Fail { message, .. } => &[message],
            TextPiece::If { test, then, other } => &[test, then, other],
            TextPiece::Call { arguments, .. } => &arguments.iter().collect::<Vec<_>>(),
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
pub(super) fn can_fail(text: &[TextPiece]) -> bool {
    text.iter().any(|piece| match piece {
        TextPiece::Plain(_) | TextPiece::Wildcard(_) => false,
        TextPiece::Fail { .. } => true,
        TextPiece::Env { or: text, .. }
        | TextPiece::Shell(text)
        | TextPiece::Spaced(text)
        | TextPiece::Say(text) => can_fail(text),
        TextPiece::If { test, then, other } => [test, then, other].into_iter().any(|text| can_fail(text)),
        TextPiece::Call { arguments, .. } => arguments.iter().any(|text| can_fail(text)),
    })
}

/// Whether a hole may be filled with several lines: make would take each for a line of the recipe.
pub(super) fn has_late_lines(text: &[TextPiece]) -> bool {
    let has_lines = |text: &MakeText| {
        let has_newline = |piece: &TextPiece| matches!(piece, TextPiece::Plain(text) if text.contains('\n'));
        text.iter().any(has_newline) || has_late_lines(text)
    };
    text.iter().any(|piece| match piece {
        TextPiece::Plain(_)
        | TextPiece::Wildcard(_)
        | TextPiece::Shell(_)
        | TextPiece::Fail { .. }
        | TextPiece::Say(_) => false,
        TextPiece::Env { or: text, .. } | TextPiece::Spaced(text) => has_lines(text),
        TextPiece::If { then, other, .. } => has_lines(then) || has_lines(other),
        // The others make one blank of whatever is between words.
        TextPiece::Call { function, arguments } => {
            ["subst", "findstring", "wordlist"].contains(function) && arguments.iter().any(has_lines)
        }
    })
}

/// The names of the environment that a text reads.
pub(super) fn names(text: &[TextPiece], found: &mut std::collections::BTreeSet<String>) {
    for piece in text {
        match piece {
            TextPiece::Plain(_) | TextPiece::Wildcard(_) => {}
            TextPiece::Env { name, or } => {
                found.insert(name.clone());
                names(or, found);
            }
            TextPiece::Shell(text) | TextPiece::Spaced(text) => names(text, found),
            TextPiece::If { test, then, other } => {
                [test, then, other].into_iter().for_each(|text| names(text, found));
            }
            TextPiece::Call { arguments, .. } => arguments.iter().for_each(|text| names(text, found)),
            TextPiece::Fail { message, .. } | TextPiece::Say(message) => names(message, found),
        }
    }
}
