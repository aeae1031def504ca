//! Patterns of files: what makes one. Alone knows the crate that compiles them; which files there are is for `host`.

/// How deep `{a,{b,c}}` may nest: the crate reads each level with one of the stack.
const MOST_LEVELS: usize = 100;

/// Only a longer pattern can have more than can be compiled, which is about ten thousand stars.
const SURELY_COMPILED_BYTES: usize = 500;

/// A pattern that can be asked about paths.
pub(crate) type Matcher = globset::GlobSet;

/// Why this is no pattern, if it is none. Costs little, for ottofiles have thousands of them.
pub(crate) fn mistake(pattern: &str) -> Option<String> {
    match pattern.strip_prefix('!').unwrap_or(pattern) {
        "" => Some("it is empty".to_owned()),
        path if !is_pattern(path) => None,
        pattern if pattern.len() > SURELY_COMPILED_BYTES => matcher(pattern).err(),
        pattern => parse(pattern).err(),
    }
}

/// The pattern, to be asked about paths. As in a shell, `*` stays within one folder; `**` is any number of folders.
pub(crate) fn matcher(pattern: &str) -> Result<Matcher, String> {
    let glob = parse(pattern)?;
    // A set of one, for alone it panics where it cannot be compiled.
    let compiled = globset::GlobSetBuilder::new().add(glob).build();
    compiled.map_err(|_| "it is too long".to_owned())
}

fn parse(pattern: &str) -> Result<globset::Glob, String> {
    if levels(pattern) > MOST_LEVELS {
        return Err(format!("its braces are nested more than {MOST_LEVELS} levels deep"));
    }
    let parsed = globset::GlobBuilder::new(pattern).literal_separator(true).build();
    parsed.map_err(|error| error.kind().to_string())
}

/// How deep braces nest; those in `[…]` and behind a backslash are themselves.
fn levels(pattern: &str) -> usize {
    let (mut level, mut most) = (0usize, 0);
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '[' => {
                characters.next_if(|next| ['!', '^'].contains(next));
                // A `]` that stands first is one of the characters.
                characters.next();
                let _inside = characters.by_ref().take_while(|inside| *inside != ']').count();
            }
            '{' => {
                level += 1;
                most = most.max(level);
            }
            '}' => level = level.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// Whether a pattern is more than a path.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// A pattern for exactly this path.
pub(crate) fn escaped(path: &str) -> String {
    let one = |character: char| match character {
        '*' | '?' | '[' | ']' | '{' | '}' | '\\' => format!("[{character}]"),
        _ => character.to_string(),
    };
    path.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_pattern_says_why() {
        let refused = |pattern: &str| mistake(pattern).unwrap_or_default();
        assert_eq!(refused("src/[z-a]"), "invalid range; 'z' > 'a'");
        assert_eq!(refused("src/[a"), "unclosed character class; missing ']'");
        assert_eq!(refused(""), "it is empty");
        assert_eq!(refused("!"), "it is empty");
        assert_eq!(refused("!src/[a"), "unclosed character class; missing ']'");
        assert_eq!(refused("src/**/*.{c,h}"), "");
        let braces = |levels: usize| format!("{}b{}", "{a,".repeat(levels), "}".repeat(levels));
        assert_eq!(refused(&braces(100)), "");
        assert_eq!(refused(&braces(101)), "its braces are nested more than 100 levels deep");
        assert_eq!(refused(&braces(100_000)), "its braces are nested more than 100 levels deep");
        assert_eq!(refused(&"[{][]{][!]{]\\{".repeat(101)), "");
        assert_eq!(refused(&"*".repeat(100_000)), "it is too long");
    }

    proptest! {
        #[test]
        fn an_escaped_path_is_matched_by_itself_alone(path in "[a-c*?\\[\\]{},!\\\\ ż]{1,12}", other in "[a-c]{1,12}") {
            let matcher = matcher(&escaped(&path)).expect("a pattern");
            prop_assert!(matcher.is_match(&path));
            prop_assert_eq!(matcher.is_match(&other), other == path);
        }
    }
}
