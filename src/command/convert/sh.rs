//! Commands as text for a shell: words, and whether a command means the same in a script as alone.

/// What ends a task with a message.
pub(super) fn fail(message: &str) -> String {
    format!("echo {} >&2; exit 1", word(message))
}

/// A word of the shell: bare where nothing in it could mean something else.
pub(in crate::command) fn word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@+,%".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Commands of the shell itself, and words that it reads as grammar: these need the shell that make would start.
const OF_THE_SHELL: &[&str] = &[
    ".", ":", "[", "alias", "ask", "bg", "break", "builtin", "caller", "case", "cd", "command", "continue",
    "coproc", "declare", "direct", "dirs", "disown", "do", "done", "elif", "else", "enable", "esac", "eval",
    "exec", "exit", "export", "fc", "fg", "fi", "for", "function", "getopts", "hash", "help", "history",
    "if", "in", "jobs", "let", "local", "logout", "mapfile", "popd", "pushd", "pwd", "read", "readonly",
    "return", "run", "select", "set", "shift", "shopt", "source", "suspend", "test", "then", "time", "times",
    "trap", "type", "typeset", "ulimit", "umask", "unalias", "unset", "until", "wait", "while", "wildcard",
];

/// Whether a line means the same where it stands in the script: one command, or a pipeline of them, with nothing that
/// the script's options could change.
pub(super) fn is_plain_command(line: &str) -> bool {
    if line.contains(['\n', '$', '`', '\\', '&', ';', '(', ')', '{', '}', '#', '!', '~', '\0'])
        || line.contains("||")
    {
        return false;
    }
    // Within quotes any other character is text.
    let mut bare = String::new();
    let mut quote = None;
    for character in line.chars() {
        match quote {
            Some(open) if character == open => quote = None,
            Some(_) => bare.push('_'),
            None if "'\"".contains(character) => quote = Some(character),
            None => bare.push(character),
        }
    }
    quote.is_none()
        && bare.split('|').all(|command| {
            let first = command.split_whitespace().next().unwrap_or("");
            let is_name = |c: char| c.is_ascii_alphanumeric() || "-_./+@".contains(c);
            !first.is_empty()
                && first.chars().all(is_name)
                && !OF_THE_SHELL.contains(&first)
                && !first.starts_with("otto")
                && !first.starts_with("make_")
                && line.trim_start().starts_with(|c: char| is_name(c))
        })
}

/// A piece of a command of which some parts are known only when the task runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CommandPiece {
    Plain(String),
    /// The value of a variable of the script, put into the command as text.
    Value(String),
    /// The arguments of the task, each as one word.
    Arguments,
}

pub(super) type ShellCommand = Vec<CommandPiece>;

/// With neighbouring texts as one, and none that is empty.
pub(super) fn joined(pieces: ShellCommand) -> ShellCommand {
    let mut joined = ShellCommand::new();
    for piece in pieces {
        match (joined.last_mut(), piece) {
            (_, CommandPiece::Plain(text)) if text.is_empty() => {}
            (Some(CommandPiece::Plain(last)), CommandPiece::Plain(text)) => last.push_str(&text),
            (_, piece) => joined.push(piece),
        }
    }
    joined
}

/// Without the blanks at its end.
pub(super) fn trimmed(mut command: ShellCommand) -> ShellCommand {
    if let Some(CommandPiece::Plain(last)) = command.last_mut() {
        last.truncate(last.trim_end().len());
    }
    command
}

/// A line that ends the script with a message unless the variable is set.
pub(super) fn if_unset(name: &str, message: &str) -> String {
    format!("[ -n \"${{{name}+x}}\" ] || {{ {}; }}", fail(message))
}

/// Lines of a script, each with its end.
pub(super) fn script_lines(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The text of a command that is wholly known.
pub(super) fn known(command: &[CommandPiece]) -> Option<String> {
    fn text(piece: &CommandPiece) -> Option<&str> {
        match piece {
            CommandPiece::Plain(text) => Some(text),
            CommandPiece::Value(_) | CommandPiece::Arguments => None,
        }
    }
    command.iter().map(text).collect()
}

/// A command without the arguments of the task, as one word of a script.
pub(super) fn spliced(command: &[CommandPiece]) -> String {
    if let Some(text) = known(command) {
        return word(&text);
    }
    let mut spliced = String::from("\"");
    for piece in command {
        match piece {
            CommandPiece::Plain(text) => {
                for character in text.chars() {
                    if "\"$`\\".contains(character) {
                        spliced.push('\\');
                    }
                    spliced.push(character);
                }
            }
            CommandPiece::Value(name) => spliced.push_str(&format!("${{{name}}}")),
            CommandPiece::Arguments => spliced.push_str("\\\"\\$@\\\""),
        }
    }
    spliced.push('"');
    spliced
}

/// Whether a plain command does in the `sh` of a script what it does in a shell with these options.
fn is_same_in_sh(command: &str, shell: &str) -> bool {
    match shell {
        "sh -c" | "sh -cu" | "sh -o errexit -c" => true,
        // Commands and signs that bash has in a form of its own.
        "bash -c" | "bash -ec" | "bash -uc" | "bash -cu" => {
            let mut words = command.split([' ', '|', '\t']);
            !words.any(|word| ["echo", "printf", "kill"].contains(&word))
                && !command.contains("<<")
                && !command.contains("[^")
        }
        _ => false,
    }
}

/// A command as a statement of a script of `sh`, run by this shell, such as `bash -ec`.
pub(super) fn statement(command: &[CommandPiece], shell: &str) -> String {
    let takes_arguments = command.contains(&CommandPiece::Arguments);
    let bare: ShellCommand =
        command.iter().filter(|piece| **piece != CommandPiece::Arguments).cloned().collect();
    if let Some(text) = known(&bare)
        && is_plain_command(&text)
        && is_same_in_sh(&text, shell)
    {
        let text: String = command
            .iter()
            .map(|piece| match piece {
                CommandPiece::Plain(text) => text.as_str(),
                CommandPiece::Value(_) | CommandPiece::Arguments => "\"$@\"",
            })
            .collect();
        return text.trim().to_owned();
    }
    let arguments = if takes_arguments { " sh \"$@\"" } else { "" };
    format!("{shell} {}{arguments}", spliced(command))
}
