//! Conditions that nothing can change: `true`, `[ a = b ]`, `"x" == "y"`.

use super::token::{LexemeKind, tokens};
use crate::body::Language;
use crate::body::export::has_word;
use crate::body::grammar::{self, is_assignment};
use crate::ottofile::spec::Body;

/// Operators of `[` that only look at their words.
const OPERATORS: &[&str] = &[
    "=", "==", "!=", "<", ">", "-n", "-z", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-a", "-o", "!", "(",
    ")",
];

/// Whether an `if` certainly has the same result each time.
pub(crate) fn is_constant(condition: &Body) -> bool {
    let text = condition.text.trim();
    match Language::of(condition) {
        Language::Python => is_constant_python(text),
        Language::Bash | Language::Posix | Language::Other => is_constant_shell(text),
    }
}

fn is_constant_shell(text: &str) -> bool {
    if text.contains(['$', '`', '<', '>', '*', '?', '~', '{', '\n']) {
        return false;
    }
    let keywords = ["if", "while", "until", "for", "select", "case"];
    if keywords.iter().any(|keyword| has_word(text, keyword)) {
        return false;
    }
    let found = grammar::commands(text);
    let is_same = |command: &grammar::Command| {
        let words: Vec<&str> =
            command.words.iter().map(|word| text.get(word.clone()).unwrap_or("")).collect();
        if command.kind != grammar::CommandKind::Simple || words.iter().any(|word| is_assignment(word)) {
            return false;
        }
        match words.as_slice() {
            ["true" | "false" | ":"] => true,
            ["test", rest @ ..] | ["[", rest @ .., "]"] => {
                let is_plain = |word: &&str| !word.starts_with('-') || OPERATORS.contains(word);
                !rest.is_empty() && rest.iter().all(is_plain)
            }
            _ => false,
        }
    };
    !found.commands.is_empty() && found.functions.is_empty() && found.commands.iter().all(is_same)
}

fn is_constant_python(text: &str) -> bool {
    let names = ["True", "False", "None", "and", "or", "not", "in", "is", "if", "else"];
    let Some(found) = tokens(text) else { return false };
    let is_same = |token: &super::token::Lexeme| match token.kind {
        LexemeKind::Name => names.contains(&text.get(token.range.clone()).unwrap_or("")),
        LexemeKind::Text | LexemeKind::Number => true,
        LexemeKind::Operator => text.get(token.range.clone()) != Some(":="),
        LexemeKind::Odd => false,
    };
    !found.tokens.is_empty() && found.tokens.iter().all(is_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nothing_can_change_is_constant() {
        for text in [
            "true",
            "! false",
            "[ a = b ]",
            "[ INPUT[test.verdict] = ok ]",
            "test -n x && [ 1 -gt 2 ]",
            "( true ) || :",
        ] {
            assert!(is_constant_shell(text), "{text}");
        }
        for text in [
            "[ \"$a\" = b ]",
            "[ -e file ]",
            "test -f x",
            "grep -q x file",
            "[ a = b ] < file",
            "[[ a -eq b ]]",
            "x=1",
            "[ * = a ]",
            "otto.get a.b",
            "true\nfalse",
            "if true; then true; fi",
            "",
        ] {
            assert!(!is_constant_shell(text), "{text}");
        }
        for text in ["True", "\"a\" == \"b\"", "1 < 2 and not None", "(1, 2)"] {
            assert!(is_constant_python(text), "{text}");
        }
        for text in ["INPUT[\"a.b\"]", "f\"{x}\"", "x", "(y := 1)", "", "1 +* ?"] {
            assert!(!is_constant_python(text), "{text}");
        }
    }
}
