//! Texts as YAML: what commands write that make ottofiles. The counterpart of what `yaml` reads.

/// Whether YAML takes the character as it is, in a block or in quotes.
pub(crate) fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A text as a YAML scalar on one line.
pub(crate) fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./@+- ".contains(c))
        && !text.ends_with(' ')
        && !["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_lowercase().as_str());
    if is_plain {
        return text.to_owned();
    }
    let mut scalar = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => scalar.push_str("\\\""),
            '\\' => scalar.push_str("\\\\"),
            '\n' => scalar.push_str("\\n"),
            '\t' => scalar.push_str("\\t"),
            c if is_printable(c) => scalar.push(c),
            c => scalar.push_str(&format!("\\U{:08X}", u32::from(c))),
        }
    }
    scalar.push('"');
    scalar
}

/// A text as a YAML block scalar, indented by so many blanks, or in quotes where a block cannot hold it.
pub(crate) fn block(text: &str, indent: usize) -> String {
    if text.chars().any(|c| c != '\n' && c != '\t' && !is_printable(c)) || text.trim().is_empty() {
        return scalar(text) + "\n";
    }
    // A first line that begins with blanks would be taken for the indentation.
    let indicator = if text.starts_with([' ', '\t', '\n']) { "2" } else { "" };
    let chomp = if text.ends_with("\n\n") {
        "+"
    } else if text.ends_with('\n') {
        ""
    } else {
        "-"
    };
    let mut block = format!("|{indicator}{chomp}\n");
    for line in text.lines() {
        if !line.is_empty() {
            block.push_str(&" ".repeat(indent));
            block.push_str(line);
        }
        block.push('\n');
    }
    block
}

#[cfg(test)]
mod tests {
    use super::{block, scalar};
    use crate::ottofile::read;
    use crate::source::SourceFile;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn scalars_and_blocks_are_read_as_they_were_written(
            text in "(?s)[ -~\u{80}-\u{a0}\t\n\u{feff}\u{2028}é]{0,40}"
        ) {
            let file = format!("tasks:\n  a:\n    help: {}\n    bash: {}", scalar(&text), block(&text, 6));
            let (ottofile, _) = read(&SourceFile::new("otto.yml", file)).expect("an ottofile");
            let task = ottofile.task("a").expect("the task");
            prop_assert_eq!(task.help.as_deref(), Some(text.as_str()));
            prop_assert_eq!(task.body.as_ref().map(|body| body.text.as_str()), Some(text.as_str()));
        }
    }
}
