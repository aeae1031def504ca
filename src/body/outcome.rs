//! Whether a body asks how the tasks before it ended.

use super::export::has_word;

/// The words by which a body asks, whatever its language.
pub(crate) fn mentions_outcomes(text: &str) -> bool {
    has_word(text, "OUTCOME") || has_word(text, "OTTO_OUTCOME_JSON") || has_word(text, "otto_outcome")
}

/// Whether a shell body reads `OUTCOME` as an array and never makes a variable of that name itself.
pub(crate) fn reads_array(text: &str) -> bool {
    is_subscripted(text) && !is_own(text)
}

fn is_subscripted(text: &str) -> bool {
    uses(text).any(|(_, rest)| rest.starts_with('['))
}

/// Whether a shell body has a variable `OUTCOME` of its own.
pub(crate) fn is_own(text: &str) -> bool {
    const MAKERS: &[&str] = &[
        "declare",
        "export",
        "for",
        "local",
        "mapfile",
        "read",
        "readarray",
        "readonly",
        "typeset",
        "unset",
    ];
    uses(text).any(|(before, rest)| {
        let line = before.rsplit(['\n', ';', '&', '|', '(', '{']).next().unwrap_or("");
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_made = words.first().is_some_and(|first| MAKERS.contains(first)) && !line.contains('$')
            || line.trim_start().starts_with("printf -v");
        rest.starts_with('=') || rest.starts_with("+=") || is_made
    })
}

/// What stands before and after each `OUTCOME` that is a word.
fn uses(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices("OUTCOME").filter_map(move |(place, name)| {
        let (before, rest) = (&text[..place], &text[place + name.len()..]);
        (!before.ends_with(is_part) && !rest.starts_with(is_part)).then_some((before, rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_asks_by_the_name_of_the_array_the_function_or_the_file() {
        for text in
            ["echo ${OUTCOME[build]}", "x = OUTCOME['a']", "otto_outcome a", "cat \"$OTTO_OUTCOME_JSON\""]
        {
            assert!(mentions_outcomes(text), "{text}");
        }
        for text in ["echo OUTCOMES", "MY_OUTCOME=1", "otto_outcomes", "echo outcome"] {
            assert!(!mentions_outcomes(text), "{text}");
        }
    }

    #[test]
    fn a_variable_of_the_body_s_own_is_no_array_of_ottos() {
        for text in [
            "echo ${OUTCOME[build]}",
            "echo \"${!OUTCOME[@]}\"",
            "export X=${OUTCOME[a]}",
            "read -r x <<< \"${OUTCOME[a]}\"",
            "for x in \"${!OUTCOME[@]}\"; do :; done",
            "printf '%s' \"${OUTCOME[a]}\"",
        ] {
            assert!(reads_array(text), "{text}");
        }
        for text in [
            "OUTCOME=ok; echo $OUTCOME",
            "OUTCOME=(a b); echo ${OUTCOME[1]}",
            "export OUTCOME; echo ${OUTCOME[0]}",
            "declare -A OUTCOME; echo ${OUTCOME[x]}",
            "local OUTCOME=1; echo ${OUTCOME[0]}",
            "read -ra OUTCOME; echo ${OUTCOME[0]}",
            "for OUTCOME in a b; do echo ${OUTCOME[0]}; done",
            "printf -v OUTCOME x; echo ${OUTCOME[0]}",
            "echo OUTCOME",
            "echo $OUTCOME",
        ] {
            assert!(!reads_array(text), "{text}");
        }
    }
}
