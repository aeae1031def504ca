//! Names of variables in the text of a body: those that otto sets, and those that the body exports.

use super::grammar;

/// Names that otto sets or obeys; a task that exports one hands nothing over by it.
pub(crate) fn is_reserved(name: &str) -> bool {
    const EXACT: &[&str] = &[
        "OTTO_TASK",
        "OTTO_TASK_NAME",
        "OTTO_TASK_DIR",
        "OTTO_READY",
        "OTTO_TASKS_DIR",
        "OTTO_WORKSPACE",
        "OTTO_ATTEMPT",
        "OTTO_CPUS",
        "OTTO_GPUS",
        "OTTO_MEMORY",
        "OTTO_RUN_ID",
        "OTTO_USER",
        "OTTO_OUTCOME_JSON",
        "OTTO_HOME",
        "OTTO_DB_PATH",
        "OTTO_JOBS",
        "OTTO_BASH",
        "OTTO_BASH_LEVEL",
        "OTTO_PYTHON",
        "OTTO_PROGRESS",
        "OTTO_DISPLAY",
        "OTTO_COMMAND",
        "OTTO_CHOICES_COMMAND",
        "OTTO_ENVS_COMMAND",
        "OTTO_",
    ];
    const PREFIXES: &[&str] = &["OTTO_INPUT", "OTTO_OUTPUT", "OTTO_FOREACH"];
    EXACT.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a shell text says `export NAME`, in one of the ways there are: handing on what was inherited is a wish too.
pub(crate) fn exports_by_name(text: &str, name: &str) -> bool {
    has_word(text, name)
        && grammar::commands(text).simple().any(|command| {
            let mut words = command.words.iter().map(|word| text[word.clone()].trim_matches(['"', '\'']));
            words
                .find(|word| !grammar::is_assignment(word))
                .is_some_and(|verb| ["export", "declare", "typeset"].contains(&verb))
                && words.any(|word| {
                    word.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
                })
        })
}

/// Whether `text` has `word` as a whole identifier.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    let is_inside = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(word).any(|(start, _)| {
        !text[..start].ends_with(is_inside) && !text[start + word.len()..].starts_with(is_inside)
    })
}
